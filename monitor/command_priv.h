/* Inside of the monitor: arguments, types, JSON as text, running one command. */
#ifndef MONITOR_COMMAND_PRIV_H
#define MONITOR_COMMAND_PRIV_H

#include "monitor/command.h"

#include <glib.h>

enum { JSON_MAX_DEPTH = 128 };

/* type.c: a type expression, parsed.  Expressions are our own text: a malformed one is a bug. */
enum mon_type_kind {
    TYPE_STR,
    TYPE_INT,
    TYPE_NUM,
    TYPE_BOOL,
    TYPE_ANY,
    TYPE_ARRAY,
    TYPE_OBJECT,
    TYPE_ENUM,
};
struct mon_member {
    char *name;
    bool optional;
    struct mon_type *type;
};
struct mon_type {
    enum mon_type_kind kind;
    bool open;             /* TYPE_OBJECT: has further members */
    GPtrArray *members;    /* TYPE_OBJECT: struct mon_member * */
    GPtrArray *words;      /* TYPE_ENUM: char * */
    struct mon_type *elem; /* TYPE_ARRAY */
};
struct mon_type *mon_type_parse(const char *text);
void mon_type_free(struct mon_type *t);
/* False with *errp, which says where, when node is not of the type. */
bool mon_type_check(const struct mon_type *t, JsonNode *node, const char *where,
                    struct error **errp) MUST_CHECK;
/* The type of a command's arguments as an expression; g_free it. */
char *mon_args_type(const struct monitor_command *cmd);

/* args.c: check a QMP arguments object (NULL: none), or parse the rest of an HMP line, into
 * call->args and call->opts. */
bool mon_args_from_json(struct mon_call *c, const struct monitor_command *cmd, JsonObject *object,
                        struct error **errp) MUST_CHECK;
bool mon_args_from_line(struct mon_call *c, const struct monitor_command *cmd, const char *rest,
                        struct error **errp) MUST_CHECK;
void mon_args_clear(struct mon_call *c);
/* One word, with quotes and backslashes, from *p on; NULL with *errp when a quote is not closed.
 * *p is left behind it. */
char *mon_take_word(const char **p, struct error **errp);

/* expr.c: the value of an integer expression at *p, which is left behind it. */
bool mon_eval(struct mon_call *c, const char **p, int64_t *out, struct error **errp) MUST_CHECK;

/* A register of a vCPU by the name that gdb knows, up to 64 bits of it. */
bool mon_register(struct cpu *cpu, const char *name, uint64_t *out) MUST_CHECK;

/* json.c: write node as one line ("key": value, ...) or, when pretty, indented by four. */
void json_write(JsonNode *node, bool pretty, GString *out);
/* The object in text; NULL with *errp. */
JsonNode *json_read(const char *text, size_t len, struct error **errp);

/* command.c: find the HMP command that line begins with; *rest is set behind its name.  NULL with
 * *errp and the nearest names. */
const struct monitor_command *hmp_lookup(const char *line, const char **rest, struct error **errp);
/* hmp_run.c: run one line, print to out. */
void hmp_run_line(struct mon_call *c, const char *line, FILE *out);

#endif
