/* Inside of the monitor: sessions. */
#ifndef MONITOR_MONITOR_PRIV_H
#define MONITOR_MONITOR_PRIV_H

#include "chardev/chardev.h"
#include "monitor/command_priv.h"
#include "monitor/monitor.h"

enum {
    MONITOR_LINE_MAX = 4096,        /* of an HMP line */
    MONITOR_INPUT_MAX = 16 << 20,   /* of a QMP command */
    MONITOR_BACKLOG_MAX = 64 << 10, /* output that waits; with more, commands wait, too */
    MONITOR_EVENTS_MAX = 4 << 20,   /* output that waits; with more, events are lost */
};

struct readline;

struct monitor {
    struct machine *m;
    struct chardev *chardev;
    enum monitor_mode mode;
    unsigned cpu; /* index of the current one */
    unsigned suspended;
    /* HMP */
    struct readline *rl;
    bool greeted;
    /* QMP */
    GString *in;        /* a command that is not complete yet */
    unsigned depth;     /* open brackets in it */
    char quote;         /* the quote it is inside of, or 0 */
    bool escaped, skip; /* after a backslash; drop all up to the end of the line */
    bool negotiated, oob;
    bool lost; /* said that events are */
    struct monitor *next;
};

/* monitor.c */
void monitor_write(struct monitor *mon, const char *text, size_t n);
/* The same with lines that end in CR LF. */
void monitor_write_lines(struct monitor *mon, const char *text, size_t n);
bool monitor_is_busy(struct monitor *mon);
void monitor_foreach_session(void (*fn)(struct monitor *mon, void *opaque), void *opaque);
/* hmp.c, qmp.c: begin, end, take input (how many bytes), hear of the chardev's events. */
void hmp_open(struct monitor *mon);
void hmp_close(struct monitor *mon);
size_t hmp_receive(struct monitor *mon, const char *buf, size_t n);
void hmp_event(struct monitor *mon, enum chardev_event ev);
void qmp_open(struct monitor *mon);
void qmp_close(struct monitor *mon);
size_t qmp_receive(struct monitor *mon, const char *buf, size_t n);
void qmp_event(struct monitor *mon, enum chardev_event ev);
/* qmp.c: what query-version says; a new object. */
JsonObject *qmp_version(void);
/* qmp.c: send node to one client. */
void qmp_send(struct monitor *mon, JsonNode *node);
/* events.c: watch core/event.h and send what happens to the clients. */
void events_init(void);
void events_fini(void);
/* The event's data type, or NULL when there is no such event; for the schema. */
const char *events_nth(unsigned n, const char **type);

/* readline.c: one line being edited. */
struct readline_ops {
    void (*print)(void *opaque, const char *text, size_t n);
    void (*line)(void *opaque, const char *line);
    /* Candidates for the last word of text, which ends at the cursor; *word is where it begins. */
    GPtrArray *(*complete)(void *opaque, const char *text, size_t *word);
};
struct readline *readline_new(const struct readline_ops *ops, void *opaque, const char *prompt);
void readline_free(struct readline *rl);
void readline_start(struct readline *rl); /* print the prompt, begin a line */
void readline_reset(struct readline *rl); /* forget what was typed */
void readline_key(struct readline *rl, char byte);
/* Lines typed before, the oldest first. */
const GQueue *readline_history(const struct readline *rl);
/* complete.c */
GPtrArray *hmp_complete(struct machine *m, const char *text, size_t *word);

#endif
