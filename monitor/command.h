/*
 * Monitor commands: one table for both protocols.
 *
 * A row names the command in QMP and in HMP, its arguments and the type of its result; one function
 * serves both.  The monitor checks arguments against the table before it calls the function, makes
 * help, completion and query-qmp-schema from the table, and sends the result (QMP) or lets the
 * row's printer make text of it (HMP).  A part brings its table with monitor_register().
 *
 * Everything here runs in the main loop's thread with no lock held.
 *
 * Types are written as text: str, int, num, bool, any; [T] is an array; {a: T, b?: T} an object, b
 * optional, with "..." last when further members are allowed; x|y|z one of these words.
 */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

#include "util/annot.h"
#include "util/error.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cpu;
struct machine;
struct monitor;
struct opts;

/* What an argument is, and how it is written on an HMP line. */
enum mon_arg_kind {
    MON_STR,    /* a word, or "text in quotes" */
    MON_REST,   /* all that follows, as it stands */
    MON_INT,    /* a number or expression: 0x10, (1+2)*3, $pc */
    MON_SIZE,   /* bytes; HMP takes a suffix k M G T and, without one, MiB */
    MON_NUM,    /* a number with a fraction */
    MON_BOOL,   /* on or off; true or false */
    MON_FLAG,   /* HMP: -x, x being .flag; QMP: true or false */
    MON_CHOICE, /* one of the words of .type: "x|y|z" */
    MON_FORMAT, /* HMP only: /fmt right behind the command's name */
    MON_JSON,   /* a value of the type .type; HMP: JSON text, or else a string */
    MON_OPTS, /* last: any further members.  All of the arguments are in call->opts then; HMP writes
                 them as one text, FIRST,k=v,... or JSON */
};

struct mon_arg {
    const char *name; /* as QMP spells it; NULL ends the table */
    enum mon_arg_kind kind;
    bool optional;
    char flag; /* MON_FLAG; of MON_STR and MON_CHOICE when not 0: HMP writes it as -x VALUE */
    const char *type; /* MON_CHOICE, MON_JSON */
    const char *help;
    /* Tab: call add(opaque, word) for each candidate; may be NULL. */
    void (*complete)(struct machine *m, void (*add)(void *opaque, const char *word), void *opaque);
};
#define MON_ARG_END                                                                                \
    {                                                                                              \
        0                                                                                          \
    }

/* One call of a command. */
struct mon_call {
    struct machine *m;
    struct monitor *mon; /* who asks; NULL: a debugger, or human-monitor-command */
    struct cpu *cpu;     /* the one that `cpu N` chose; NULL when the machine has none */
    JsonObject *args;    /* checked; what was left out is not there */
    struct opts *opts;   /* of MON_OPTS */
    bool is_hmp;
    const char *error_class; /* set it beside *errp: "DeviceNotFound" and the like */
};

struct monitor_command {
    const char *qmp;            /* NULL: not in QMP */
    const char *hmp, *alias;    /* "info block"; NULL: not in HMP */
    const struct mon_arg *args; /* NULL: none */
    const char *ret;            /* QMP: type of the result; NULL: an empty object */
    const char *help;           /* one line */
    /* The result (mon_ok() when there is nothing to say), or NULL and *errp. */
    JsonNode *(*run)(struct mon_call *c, struct error **errp);
    /* HMP: text from the result; NULL: none. */
    void (*print)(struct mon_call *c, JsonNode *result, FILE *out);
    /* HMP only, instead of run: prints as it goes. */
    bool (*text)(struct mon_call *c, FILE *out, struct error **errp);
    const char *features; /* words that query-qmp-schema shows, blanks between them, or NULL */
    bool oob;             /* may run out of band: quick, and needs no other command to be done */
};

/* Add a table, ended by a row without names; it must live as long as the process. */
void monitor_register(const struct monitor_command *table);
/* Forget all tables. */
void monitor_unregister_all(void);
/* By the name in one protocol, NULL when there is none. */
const struct monitor_command *monitor_find_qmp(const char *name);
const struct monitor_command *monitor_find_hmp(const char *name);
/* Call fn for every row, in the order of registration. */
void monitor_foreach(void (*fn)(const struct monitor_command *cmd, void *opaque), void *opaque);

/* Arguments by name; def when the argument was left out. */
bool mon_has(const struct mon_call *c, const char *name);
const char *mon_str(const struct mon_call *c, const char *name, const char *def);
int64_t mon_int(const struct mon_call *c, const char *name, int64_t def);
bool mon_bool(const struct mon_call *c, const char *name, bool def);
double mon_num(const struct mon_call *c, const char *name, double def);
/* The raw value, owned by the call; NULL when left out. */
JsonNode *mon_json(const struct mon_call *c, const char *name);

/* Results.  Each takes what it is given. */
JsonNode *mon_ok(void);
JsonNode *mon_object(JsonObject *take_object);
JsonNode *mon_array(JsonArray *take_array);
JsonNode *mon_string(const char *text);
/* Fail with an error class; returns NULL, for `return mon_fail(...)`. */
JsonNode *mon_fail(struct mon_call *c, const char *error_class, struct error **errp,
                   const char *fmt, ...) PRINTF(4, 5);

/* Run one HMP line as a debugger or human-monitor-command does.  *cpu_index is the current CPU and
 * may be changed by the line.  Returns what was printed, errors included; g_free it. */
char *monitor_hmp_run(struct machine *m, const char *line, unsigned *cpu_index);

#endif
