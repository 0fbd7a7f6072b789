/* Inside of the gdb server: a session, and what its packets do. */
#ifndef GDBSTUB_GDB_PRIV_H
#define GDBSTUB_GDB_PRIV_H

#include "core/debug.h"
#include "core/machine.h"
#include "gdbstub/gdbstub.h"

/* Bytes of a packet between $ and #; more is refused. */
enum { GDB_PACKET_MAX = 0x20000 };

/* Signals as gdb numbers them. */
enum {
    GDB_SIG_0 = 0,
    GDB_SIG_INT = 2,
    GDB_SIG_QUIT = 3,
    GDB_SIG_TRAP = 5,
    GDB_SIG_ABRT = 6,
    GDB_SIG_ALRM = 14,
    GDB_SIG_STOP = 17,
};

/* What 'H', 'T' and vCont name. */
struct gdb_thread {
    enum { GDB_THREAD_ANY, GDB_THREAD_ALL, GDB_THREAD_ONE } which;
    struct cpu *cpu; /* GDB_THREAD_ONE */
};

struct gdb_stop {
    struct cpu *cpu;
    unsigned signal;
    struct debug_stop why;
};

struct gdb_server {
    struct machine *m;
    gdb_send_fn *send;
    void *send_opaque;
    gdb_monitor_fn *monitor;
    void *monitor_opaque;
    struct chardev *chardev; /* or NULL: somebody else brings the bytes */

    /* Framing: packet.c */
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM1, GDB_SUM2 } state;
    GString *in; /* the packet so far, unescaped */
    bool too_long;
    uint8_t sum, sum_given;
    GString *last; /* the packet sent last, framed, in case it must be sent again */

    /* The session */
    bool connected;
    bool detached; /* the machine is left alone until the next packet */
    bool no_ack, multiprocess, swbreak, hwbreak, non_stop;
    bool physical;    /* addresses of memory packets are physical */
    bool waiting;     /* the peer waits for a stop reply */
    bool interrupt;   /* its interrupt came when that was under way: the next run ends at once */
    bool was_running; /* before the peer came, which has not let it go since */
    bool restarting;  /* for one after a reset */
    unsigned step_flags;
    struct cpu *cpu;             /* of 'Hg': whose registers and addresses are meant */
    struct gdb_thread continued; /* of 'Hc' */
    struct gdb_stop stop;        /* the last one */
    GQueue stops;                /* non-stop: struct gdb_stop * that were not yet fetched */
    bool must_announce;          /* the first of them */
    bool in_hand;                /* a packet is being served */
    GString *reply;              /* of the packet in hand */
    bool silent;                 /* it has no reply now */
};

/* --- packet.c --- */
void gdb_packet_init(struct gdb_server *g);
void gdb_packet_fini(struct gdb_server *g);
void gdb_packet_reset(struct gdb_server *g);
/* Send n bytes as a packet, escaped as need be. */
void gdb_send_packet(struct gdb_server *g, const char *data, size_t n);
/* As a notification, which is not acknowledged. */
void gdb_send_notification(struct gdb_server *g, const char *data, size_t n);
/* server.c: a packet came whole (data ends in a NUL that is not counted), or the interrupt byte. */
void gdb_handle_packet(struct gdb_server *g, const char *data, size_t n);
void gdb_handle_interrupt(struct gdb_server *g);

/* --- text --- */
int gdb_hex_digit(char c);
/* Hexadecimal number at *p, which moves behind it; false when there is none, or more than 64 bits.
 */
bool gdb_parse_hex(const char **p, uint64_t *val);
/* "ADDR,LENGTH". */
bool gdb_parse_range(const char **p, gva *addr, uint64_t *len);
bool gdb_skip(const char **p, char c); /* if it is c that comes */
void gdb_append_hex(GString *s, const void *buf, size_t n);
/* n bytes from 2 * n digits at p. */
bool gdb_decode_hex(const char *p, uint8_t *buf, size_t n);
void gdb_ok(struct gdb_server *g);
void gdb_error(struct gdb_server *g, unsigned code);
enum { GDB_EFAULT = 14, GDB_EINVAL = 22, GDB_ENOMEM = 12 };

/* --- threads.c --- */
bool gdb_parse_thread(struct gdb_server *g, const char **p, struct gdb_thread *t);
void gdb_append_thread(struct gdb_server *g, GString *s, const struct cpu *cpu);
void gdb_describe_thread(GString *s, const struct cpu *cpu);
void gdb_list_threads(struct gdb_server *g, GString *xml);

/* --- a file each: what a packet's letter does; args is what follows it, n bytes --- */
void gdb_read_general(struct gdb_server *g);
void gdb_write_general(struct gdb_server *g, const char *args);
void gdb_read_register(struct gdb_server *g, const char *args);
void gdb_write_register(struct gdb_server *g, const char *args);
GString *gdb_target_xml(struct gdb_server *g);

void gdb_read_memory(struct gdb_server *g, const char *args, bool binary);
void gdb_write_memory_hex(struct gdb_server *g, const char *args, size_t n);
void gdb_write_memory_binary(struct gdb_server *g, const char *args, size_t n);
void gdb_checksum_memory(struct gdb_server *g, const char *args);
GString *gdb_memory_map_xml(struct gdb_server *g);

void gdb_insert_point(struct gdb_server *g, const char *args);
void gdb_remove_point(struct gdb_server *g, const char *args);

/* query.c: q, Q, v packets */
void gdb_query(struct gdb_server *g, const char *text, size_t n);
void gdb_set(struct gdb_server *g, const char *text);
void gdb_verb(struct gdb_server *g, const char *text, size_t n);

/* run.c */
void gdb_run_opened(struct gdb_server *g);
void gdb_run_closed(struct gdb_server *g);
void gdb_continue(struct gdb_server *g, const char *args, bool step, bool has_signal);
void gdb_vcont(struct gdb_server *g, const char *args);
/* 'D' and 'vKill': of the one process there is. */
void gdb_detach(struct gdb_server *g, const char *args);
void gdb_kill(struct gdb_server *g);
void gdb_restart(struct gdb_server *g, bool want_reply);
/* '?' */
void gdb_report_stop(struct gdb_server *g);
/* Non-stop: say that there are stops to fetch, if that is due. */
void gdb_announce(struct gdb_server *g);
/* vStopped: the next of the queued stops. */
void gdb_next_stop(struct gdb_server *g);
bool gdb_set_non_stop(struct gdb_server *g, bool on);
void gdb_interrupt_all(struct gdb_server *g);
/* All-stop: the interrupt byte. */
void gdb_interrupt(struct gdb_server *g);
void gdb_run_event(void *opaque, const char *name, const char *data, int64_t wall_us);
/* Something came from the peer while the machine runs: it must stop to serve it. */
void gdb_stop_to_serve(struct gdb_server *g);

#endif
