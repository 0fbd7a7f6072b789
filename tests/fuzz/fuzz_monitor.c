/*
 * Any bytes as what clients of monitors say, with a whole board behind them that does not run.
 *
 * Input: the first byte chooses QMP (even; 2 and its like without negotiation) or HMP (odd); the
 * rest is sent.  Commands that write files or open what they are told are replaced by ones that do
 * nothing: their arguments are still parsed.
 */
#include "accel/tcg/tcg.h"
#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/event.h"
#include "hw/board/boards.h"
#include "monitor/commands_priv.h"
#include "tests/fuzz/fuzz.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

enum { RAM_MIB = 8 };

static struct machine *machine;
static struct chardev *line;

static JsonNode *run_nothing(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    return mon_ok();
}

static bool text_nothing(struct mon_call *c UNUSED, FILE *out UNUSED, struct error **errp UNUSED)
{
    return true;
}

static bool has_effects(const struct monitor_command *cmd)
{
    static const char *const names[] = {"memsave",
                                        "pmemsave",
                                        "chardev-add",
                                        "logfile",
                                        "netdev_add",
                                        "hostfwd_add",
                                        "blockdev-add",
                                        "blockdev-create",
                                        "log",
                                        "quit",
                                        "change",
                                        "transaction",
                                        "blockdev-change-medium",
                                        "snapshot_blkdev",
                                        "nbd-server-start",
                                        "nbd_server_start",
                                        "drive-mirror",
                                        "drive_mirror",
                                        "drive-backup",
                                        "drive_backup",
                                        "block-commit",
                                        "block-stream",
                                        "blockdev-snapshot-sync",
                                        "block_stream",
                                        NULL};
    const char *name = cmd->qmp ? cmd->qmp : cmd->hmp;

    return g_strv_contains(names, name) || (name[0] && strstr(name, "dump"));
}

static void collect(const struct monitor_command *cmd, void *opaque)
{
    struct monitor_command copy = *cmd;

    if (has_effects(cmd) && copy.text)
        copy.text = text_nothing;
    else if (has_effects(cmd))
        copy.run = run_nothing;
    if (has_effects(cmd))
        copy.print = NULL;
    g_array_append_val((GArray *)opaque, copy);
}

static void register_harmless(void)
{
    GArray *copies = g_array_new(TRUE, TRUE, sizeof(struct monitor_command));

    monitor_register_all();
    monitor_foreach(collect, copies);
    monitor_unregister_all();
    monitor_register((const struct monitor_command *)(void *)g_array_free(copies, FALSE));
}

static void set_up(void)
{
    static const char *const dirs[] = {NULL};
    void *props = g_malloc0(tcg_accel_ops.props_size + 1);
    struct error *err = NULL;

    clock_init();
    props_init(tcg_accel_ops.props, props);
    machine = machine_new(&riscv64_virt_class, &tcg_accel_ops, props);
    machine->cfg.ram_size = (uint64_t)RAM_MIB << 20;
    machine->cfg.smp = machine->cfg.max_cpus = 2;
    machine->cfg.sockets = 1;
    machine->cfg.bios = "none";
    machine->cfg.firmware_dirs = dirs;
    if (!machine_init(machine, &err))
        g_error("%s", error_text(err));
    machine_pause(machine); /* as under -S */
    line = chardev_new_opts("ringbuf,id=fuzz,size=64k", &err);
    if (!line)
        g_error("%s", error_text(err));
    register_harmless();
}

static void find_session(struct monitor *mon, void *opaque)
{
    *(struct monitor **)opaque = mon;
}

static void talk(struct monitor *mon, const char *data, size_t len)
{
    while (len) {
        size_t n =
            mon->mode == MONITOR_HMP ? hmp_receive(mon, data, len) : qmp_receive(mon, data, len);
        chardev_drain_now(line);
        data += n;
        len -= n;
        if (!n && mon->suspended)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct error *err = NULL;
    struct monitor *mon = NULL;

    if (!len)
        return 0;
    if (!machine)
        set_up();
    if (!monitor_open(machine, line, data[0] & 1 ? MONITOR_HMP : MONITOR_QMP, &err))
        g_error("%s", error_text(err));
    monitor_foreach_session(find_session, &mon);
    mon->negotiated = mon->mode == MONITOR_QMP && !(data[0] & 2);
    talk(mon, (const char *)data + 1, len - 1);
    monitor_close_all();
    event_flush();
    machine_serve_requests(machine);
    if (machine->run_state == RUN_RUNNING) /* no vCPU has a thread here */
        machine_stop(machine, RUN_PAUSED);
    return 0;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const char *const lines[] = {
        "\0{\"execute\": \"query-status\"}{\"execute\": \"query-cpus-fast\", \"id\": [1]}",
        "\0{\"execute\": \"qom-list\", \"arguments\": {\"path\": \"/machine/unattached\"}}",
        "\0{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"serial0\", \"property\": "
        "\"type\"}}",
        "\0{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"info "
        "irq\"}}",
        "\2{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}\n"
        "{\"exec-oob\": \"query-status\"}",
        "\0{'execute': 'ringbuf-write', 'arguments': {'device': 'fuzz', 'data': 'x\\u00fc'}}",
        "\0{\"execute\": \"stop\"}{\"execute\": \"cont\"}{\"execute\": \"system_reset\"}",
        "\0{\"execute\": \"query-qmp-schema\"}{\"execute\": \"query-chardev\"}",
        "\1info registers -a\rx /4i $pc\rprint (1+2)*$a0\r",
        "\1xp/8xb 0x80000000\rgva2gpa 0x1000\rsum 0x1000 16\r",
        "\1inf\tst\t\r\x1b[A\x1b[D\x7f\x17help info\r",
        "\1info qtree\rinfo device serial0\rcpu 1\rinfo mtree -f\r",
        "\1memsave 0x1000 16 \"a b\"\rringbuf_read fuzz 10\rqom-set rtc x {\"a\": 1}\r",
    };
    const char *text = lines[random % G_N_ELEMENTS(lines)];
    size_t n = 1 + strlen(text + 1);

    memcpy(buf, text, n);
    return n;
}
