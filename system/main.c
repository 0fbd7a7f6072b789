/* From argv to an exit status: parse, build the machine, run it, take it down. */
#include "block/block.h"
#include "chardev/chardev.h"
#include "core/clock.h"
#include "fsdev/fsdev.h"
#include "gdbstub/gdbstub.h"
#include "hw/virtio/iothread.h"
#include "hw/virtio/rng_source.h"
#include "monitor/monitor.h"
#include "net/net.h"
#include "system/host.h"
#include "system/runner.h"
#include "system/setup.h"
#include "util/log.h"

#include <malloc.h>
#include <string.h>

static bool setup_log(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    g_autofree char *name = cli->message_name ? host_guest_name(cli->name) : NULL;

    log_set_message_head(cli->message_time, name);
    if (cli->log_file && !log_set_file(cli->log_file, errp))
        return false;
    return !cli->log_items || log_set_masks(cli->log_items, errp);
}

static bool become_process(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (cli->daemonize && !host_daemonize(errp))
        return false;
    if (cli->pidfile && !host_write_pid(cli->pidfile, errp))
        return false;
    clock_init();
    return true;
}

static bool check_runner(struct setup *s, struct error **errp)
{
    return runner_check(s->cli->runner, s->cli->daemonize, errp);
}

static bool setup_name(struct setup *s, struct error **errp)
{
    return !s->cli->name || host_set_name(s->cli->name, errp);
}

static bool expect_handover(struct setup *s, struct error **errp UNUSED)
{
    if (s->cli->incoming)
        block_expect_handover();
    return true;
}

static bool init_machine(struct setup *s, struct error **errp)
{
    if (s->cli->incoming) /* devices know at once that another machine may have what they want */
        s->machine->run_state = RUN_INMIGRATE;
    return machine_init(s->machine, errp);
}

static bool confine(struct setup *s, struct error **errp)
{
    return host_confine(s->cli->run_root, s->cli->run_user, errp);
}

static bool attach_runner(struct setup *s, struct error **errp)
{
    return runner_attach(s->cli->runner, s->machine, errp);
}

/* Everything that can go wrong before the guest runs, in an order in which each step has what it
 * needs. */
static bool build(struct setup *s, struct error **errp)
{
    /* clang-format off */
    static bool (*const steps[])(struct setup *s, struct error **errp) = {
        check_runner,
        setup_log,
        setup_name,
        setup_boot,
        setup_arch,
        setup_machine_class,
        setup_config,
        setup_accel,
        become_process, /* threads may exist from here on */
        setup_rtc,
        setup_fds,
        setup_chardevs,
        setup_netdevs,
        setup_objects,
        setup_memory,
        setup_numa,
        setup_shares,
        expect_handover,
        setup_drives,
        setup_globals,
        setup_onboard_nic,
        setup_machine,
        setup_flash,
        init_machine,
        setup_prealloc,
        setup_display,
        setup_debugcon,
        setup_devices,
        setup_nics,
        setup_share_devices,
        setup_fw_cfg,
        setup_option_roms,
        setup_boot_order,
        setup_uuid,
        setup_monitors,
        setup_unused_serials,
        setup_semihosting,
        setup_gdb,
        attach_runner,
        confine,
        setup_sandbox, /* last: what came before needed more */
    };
    /* clang-format on */

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (!steps[i](s, errp))
            return false;
    return true;
}

static void tear_down(struct setup *s)
{
    end_migration();
    monitor_close_all();
    gdb_server_free(s->gdb);
    machine_free(s->machine);
    net_free_all();
    block_close_all();
    fsdev_free_all();
    rng_source_free_all();
    iothread_free_all();
    memdev_free_all();
    chardev_free_all();
    host_remove_pid();
}

static void stop_for_disk(void *machine)
{
    machine_stop(machine, RUN_IO_ERROR);
}

static int run(struct setup *s)
{
    struct error *err = NULL;
    int status;

    if (answer_help(s, &status))
        return status;
    if (!build(s, &err)) {
        runner_could_not_start(s->cli->runner, error_text(err));
        error_report(err);
        tear_down(s);
        return 1;
    }
    host_catch_signals(s->machine);
    host_daemon_ready();
    block_set_stop_hook(stop_for_disk, s->machine);
    setup_migration(s);
    machine_start(s->machine);
    if (!start_incoming(s, &err)) {
        error_report(err);
        machine_request_shutdown(s->machine, SHUTDOWN_HOST_QUIT, 1);
    }
    status = runner_end(s->cli->runner, machine_run(s->machine));
    if (s->gdb)
        gdb_server_exited(s->gdb, status);
    host_release_signals();
    block_set_stop_hook(NULL, NULL);
    if (log_enabled(LOG_STATS) && s->accel->print_stats) {
        s->accel->print_stats(s->machine, log_begin());
        log_end();
    }
    tear_down(s);
    return status;
}

/*
 * glibc grows the heaps of threads a page at a time, with a system call each: a translator's many
 * small objects make one boot of Linux 6,000 of them.  One heap for all, in larger steps.
 */
static void set_up_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 1 << 20);
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct setup s;
    struct error *err = NULL;
    int status = 1;

    set_up_heap();
    cli_init(&cli, argv[0]);
    if (cli_parse(&cli, argc, argv, &err)) {
        setup_init(&s, &cli);
        status = run(&s);
        setup_fini(&s);
    } else {
        error_report(err);
    }
    cli_fini(&cli);
    return status;
}
