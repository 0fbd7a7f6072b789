/* Queries, settings and verbs.  Ref: GDB manual, E.4 (general queries), E.2 (v packets). */
#include "gdbstub/gdb_priv.h"

#include <string.h>

struct word {
    const char *name;
    void (*fn)(struct gdb_server *g, const char *args, size_t n);
};

static bool run_word(struct gdb_server *g, const struct word *words, const char *text, size_t n)
{
    for (const struct word *w = words; w->name; w++) {
        size_t len = strlen(w->name);
        bool whole = n == len || !g_ascii_isalnum(w->name[len - 1]) ||
                     (n > len && strchr(":,;?.=", text[len]));
        if (n < len || memcmp(text, w->name, len) != 0 || !whole)
            continue;
        w->fn(g, text + len, n - len);
        return true;
    }
    return false; /* an empty reply: not known */
}

/* ---- features ---- */

static bool announces(const char *list, const char *feature)
{
    g_auto(GStrv) words = g_strsplit(*list == ':' ? list + 1 : list, ";", -1);

    return g_strv_contains((const char *const *)words, feature);
}

static void q_supported(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    g->multiprocess = announces(args, "multiprocess+");
    g->swbreak = announces(args, "swbreak+");
    g->hwbreak = announces(args, "hwbreak+");
    g_string_printf(g->reply,
                    "PacketSize=%x;qXfer:features:read+;qXfer:memory-map:read+;"
                    "qXfer:threads:read+;swbreak+;hwbreak+;vContSupported+;multiprocess+;"
                    "QStartNoAckMode+;QNonStop+;binary-upload+",
                    (unsigned)GDB_PACKET_MAX);
}

/* ---- objects that are read in pieces ---- */

/* "OFFSET,LENGTH" of an object. */
static void read_object(struct gdb_server *g, const char *args, GString *take_object)
{
    uint64_t off, len;

    if (!gdb_parse_range(&args, &off, &len) || off > take_object->len) {
        gdb_error(g, GDB_EINVAL);
    } else {
        size_t left = take_object->len - off, room = GDB_PACKET_MAX / 2 - 2;
        len = MIN(len, MIN(left, room));
        g_string_append_c(g->reply, len == left ? 'l' : 'm');
        g_string_append_len(g->reply, take_object->str + off, (gssize)len);
    }
    g_string_free(take_object, TRUE);
}

static GString *thread_list(struct gdb_server *g)
{
    GString *xml = g_string_new(NULL);

    gdb_list_threads(g, xml);
    return xml;
}

static void q_xfer(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    static const struct {
        const char *object;
        GString *(*make)(struct gdb_server *g);
    } objects[] = {
        {"features:read:target.xml:", gdb_target_xml},
        {"memory-map:read::", gdb_memory_map_xml},
        {"threads:read::", thread_list},
    };

    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        if (g_str_has_prefix(args, objects[i].object)) {
            read_object(g, args + strlen(objects[i].object), objects[i].make(g));
            return;
        }
    if (g_str_has_prefix(args, "features:read:"))
        g_string_assign(g->reply, "E00"); /* no such document */
}

/* ---- threads ---- */

static void q_first_threads(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        g_string_append_c(g->reply, i ? ',' : 'm');
        gdb_append_thread(g, g->reply, g->m->cpus[i]);
    }
}

static void q_more_threads(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    g_string_assign(g->reply, "l");
}

static void q_thread_info(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    struct gdb_thread t;

    if (!gdb_skip(&args, ',') || !gdb_parse_thread(g, &args, &t) || t.which != GDB_THREAD_ONE) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    GString *s = g_string_new(NULL);
    gdb_describe_thread(s, t.cpu);
    gdb_append_hex(g->reply, s->str, s->len);
    g_string_free(s, TRUE);
}

static void q_current(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    g_string_assign(g->reply, "QC");
    gdb_append_thread(g, g->reply, g->cpu);
}

static void q_attached(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    g_string_assign(g->reply, "1"); /* so that quitting detaches */
}

static void q_symbol(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    gdb_ok(g); /* we ask for none */
}

static void q_crc(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    gdb_checksum_memory(g, args);
}

/* ---- monitor commands ---- */

static void send_console(struct gdb_server *g, const char *text, size_t n)
{
    enum { PIECE = 1024 };

    for (size_t at = 0; at < n; at += PIECE) {
        GString *s = g_string_new("O");
        gdb_append_hex(s, text + at, MIN(n - at, (size_t)PIECE));
        gdb_send_packet(g, s->str, s->len);
        g_string_free(s, TRUE);
    }
}

static void q_command(struct gdb_server *g, const char *args, size_t n)
{
    g_autofree char *line = g_malloc0(n + 1);

    if (!gdb_skip(&args, ',') || !gdb_decode_hex(args, (uint8_t *)line, (n - 1) / 2)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    if (!g->monitor)
        return; /* gdb says that there is none */
    GString *out = g_string_new(NULL);
    g->monitor(g->monitor_opaque, line, out);
    send_console(g, out->str, out->len);
    g_string_free(out, TRUE);
    gdb_ok(g);
}

/* ---- settings that other emulators' users know ---- */

static void q_step_bits(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    g_string_assign(g->reply, "ENABLE=1,NOIRQ=2,NOTIMER=4");
}

/* "=VALUE" sets it, nothing asks. */
static void q_step(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    uint64_t val;

    if (!*args) {
        g_string_printf(g->reply, "0x%x", g->step_flags);
        return;
    }
    bool ok = gdb_skip(&args, '=');
    if (args[0] == '0' && (args[1] | 0x20) == 'x')
        args += 2;
    if (!ok || !gdb_parse_hex(&args, &val) || *args || val > 7) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    g->step_flags = (unsigned)val;
    debug_set_step_flags(g->m,
                         (val & 2 ? DEBUG_STEP_NO_IRQ : 0) | (val & 4 ? DEBUG_STEP_NO_TIME : 0));
    gdb_ok(g);
}

static void q_physical(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    uint64_t val;

    if (!*args) {
        g_string_assign(g->reply, g->physical ? "1" : "0");
        return;
    }
    if (!gdb_skip(&args, ':') || !gdb_parse_hex(&args, &val) || val > 1) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    g->physical = val;
    gdb_ok(g);
}

void gdb_query(struct gdb_server *g, const char *text, size_t n)
{
    static const struct word words[] = {
        {"Supported", q_supported},
        {"Xfer:", q_xfer},
        {"fThreadInfo", q_first_threads},
        {"sThreadInfo", q_more_threads},
        {"ThreadExtraInfo", q_thread_info},
        {"C", q_current},
        {"Attached", q_attached},
        {"Symbol:", q_symbol},
        {"Rcmd", q_command},
        {"CRC:", q_crc},
        {"qemu.sstepbits", q_step_bits},
        {"qemu.sstep", q_step},
        {"qemu.PhyMemMode", q_physical},
        {NULL, NULL},
    };

    run_word(g, words, text, n);
}

/* ---- settings ---- */

static void set_no_ack(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    gdb_ok(g);
    gdb_send_packet(g, g->reply->str, g->reply->len); /* the last one that is acknowledged */
    g->silent = true;
    g->no_ack = true;
}

static void set_non_stop(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    if ((strcmp(args, ":0") && strcmp(args, ":1")) || !gdb_set_non_stop(g, args[1] == '1'))
        gdb_error(g, GDB_EINVAL);
    else
        gdb_ok(g);
}

void gdb_set(struct gdb_server *g, const char *text)
{
    static const struct word words[] = {
        {"StartNoAckMode", set_no_ack},
        {"NonStop", set_non_stop},
        {"qemu.sstep", q_step},
        {"qemu.PhyMemMode", q_physical},
        {NULL, NULL},
    };

    run_word(g, words, text, strlen(text));
}

/* ---- verbs ---- */

static void v_cont(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    if (!strcmp(args, "?"))
        g_string_assign(g->reply, "vCont;c;C;s;S;t;r");
    else
        gdb_vcont(g, args);
}

/* ";PID": there is process 1 only. */
static bool is_our_pid(struct gdb_server *g, const char *args)
{
    uint64_t pid;

    if (gdb_skip(&args, ';') && gdb_parse_hex(&args, &pid) && pid == 1)
        return true;
    gdb_error(g, GDB_EINVAL);
    return false;
}

static void v_attach(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    if (is_our_pid(g, args))
        gdb_report_stop(g);
}

static void v_kill(struct gdb_server *g, const char *args, size_t n UNUSED)
{
    if (!is_our_pid(g, args))
        return;
    gdb_ok(g);
    gdb_kill(g);
}

static void v_run(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    gdb_restart(g, true);
}

static void v_stopped(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    gdb_next_stop(g);
}

static void v_interrupt(struct gdb_server *g, const char *args UNUSED, size_t n UNUSED)
{
    gdb_ok(g);
    if (g->non_stop)
        gdb_interrupt_all(g);
}

void gdb_verb(struct gdb_server *g, const char *text, size_t n)
{
    static const struct word words[] = {
        {"Cont", v_cont},       {"Attach", v_attach},   {"Kill", v_kill}, {"Run", v_run},
        {"Stopped", v_stopped}, {"CtrlC", v_interrupt}, {NULL, NULL},
    };

    run_word(g, words, text, n);
}
