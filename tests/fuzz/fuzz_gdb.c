/*
 * A hostile peer of the gdb server of a board with two harts.
 *
 * Input: 'p' and lines, each of which is sent as a packet with its checksum (a line that is "!"
 * alone is the interrupt byte); or 'r' and bytes that are sent as they are.
 */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "core/machine.h"
#include "gdbstub/gdbstub.h"
#include "hw/board/boards.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

enum { INTERRUPT = 3, MAX_PACKETS = 64, TURNS = 4 };

struct rig {
    struct machine *m;
    void *accel_props;
    struct gdb_server *g;
    size_t sent;
};

/* What the server says must end: no reply is longer than a packet and its escapes. */
static void count(void *opaque, const uint8_t *buf G_GNUC_UNUSED, size_t n)
{
    struct rig *r = opaque;
    if (n > (512 << 10))
        g_error("a packet of %zu bytes", n);
    r->sent += n;
}

static void rig_init(struct rig *r)
{
    static const char *const dirs[] = {NULL};
    *r = (struct rig){.accel_props = g_malloc0(tcg_accel_ops.props_size + 1)};
    props_init(tcg_accel_ops.props, r->accel_props);
    if (!props_set(tcg_accel_ops.props, r->accel_props, "tb-size", "16", NULL))
        g_error("no tb-size");
    clock_init();
    r->m = machine_new(&riscv64_virt_class, &tcg_accel_ops, r->accel_props);
    r->m->cfg.ram_size = 8 << 20;
    r->m->cfg.smp = r->m->cfg.max_cpus = 2;
    r->m->cfg.sockets = 1;
    r->m->cfg.bios = "none";
    r->m->cfg.firmware_dirs = dirs;
    r->m->cfg.start_paused = r->m->cfg.no_shutdown = true;
    struct error *err = NULL;
    if (!machine_init(r->m, &err))
        g_error("%s", error_text(err));
    r->g = gdb_server_new_with(r->m, count, r);
    machine_start(r->m);
}

/* As it was before the input: making a machine takes longer than trying one. */
static void rig_clean(struct rig *r)
{
    gdb_server_closed(r->g);
    machine_stop(r->m, RUN_PAUSED);
    for (struct ram_block *ram = r->m->rams; ram; ram = ram->next) {
        memset(ram->host, 0, ram->size);
        ram_written(ram, 0, ram->size);
    }
    machine_request_reset(r->m);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    r->m->cause = SHUTDOWN_NONE;
    r->m->run_state = RUN_PAUSED;
}

static void turn(void)
{
    for (int i = 0; i < TURNS && g_main_context_iteration(NULL, FALSE); i++)
        ;
}

static void send_line(struct rig *r, const char *line, size_t n)
{
    uint8_t sum = 0;
    if (n == 1 && *line == '!') {
        gdb_server_receive(r->g, &(uint8_t){INTERRUPT}, 1);
        return;
    }
    GString *s = g_string_new("$");
    g_string_append_len(s, line, (gssize)n);
    for (size_t i = 0; i < n; i++)
        sum += (uint8_t)line[i];
    g_string_append_printf(s, "#%02x", sum);
    gdb_server_receive(r->g, (const uint8_t *)s->str, s->len);
    g_string_free(s, TRUE);
}

static void send_lines(struct rig *r, const char *p, size_t len)
{
    for (unsigned i = 0; len && i < MAX_PACKETS; i++) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) : len;
        send_line(r, p, n);
        turn();
        n += end != NULL;
        p += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct rig r;
    if (!r.m)
        rig_init(&r);
    gdb_server_opened(r.g);
    if (len && data[0] == 'p')
        send_lines(&r, (const char *)data + 1, len - 1);
    else if (len)
        gdb_server_receive(r.g, data + 1, len - 1);
    turn();
    rig_clean(&r);
    return 0;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const char *const packets[] = {
        "qSupported:multiprocess+;swbreak+;hwbreak+",
        "QStartNoAckMode",
        "QNonStop:1",
        "vCont;c",
        "vCont;s:p1.1",
        "vCont;s:p1.2;c",
        "vCont;r1000,1018:p1.1;t:p1.2",
        "vStopped",
        "!",
        "?",
        "g",
        "G00000000000000000000000000000001",
        "p20",
        "P20=0000008000000000",
        "p50",
        "P50=ffffffffffffffff",
        "m80000000,40",
        "M80000000,4:6f000000",
        "X80000004,4:abcd",
        "x1000,20",
        "m10000000,8",
        "M10000000,1:41",
        "Z0,80000000,4",
        "Z1,1004,4",
        "z0,80000000,4",
        "Z2,80001000,8",
        "Z4,0,ffffffffffffffff",
        "z4,0,ffffffffffffffff",
        "Hgp1.2",
        "Hc-1",
        "c80000000",
        "s",
        "D;1",
        "R00",
        "vRun;",
        "vKill;1",
        "qXfer:features:read:target.xml:0,fff",
        "qXfer:memory-map:read::10,ffff",
        "qXfer:threads:read::0,10",
        "qRcmd,696e666f",
        "qCRC:80000000,100",
        "Qqemu.sstep=0x5",
        "Qqemu.PhyMemMode:1",
        "qThreadExtraInfo,p1.1",
        "Tp1.2",
        "vCtrlC",
    };
    GString *s = g_string_new(random & 15 ? "p" : "r");
    for (unsigned i = 0; i < 2 + (random >> 4 & 7); i++) {
        const char *text = packets[(random >> (8 + 6 * i)) % G_N_ELEMENTS(packets)];
        g_string_append_printf(s, random & 15 ? "%s\n" : "$%s#00", text);
    }
    size_t n = MIN(s->len, FUZZ_MAX);
    memcpy(buf, s->str, n);
    g_string_free(s, TRUE);
    return n;
}
