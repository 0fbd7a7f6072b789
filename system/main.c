/* From argv to an exit status: parse, build the machine, run it, take it down. */
#include "block/block.h"
#include "chardev/chardev.h"
#include "core/clock.h"
#include "hw/virtio/rng_source.h"
#include "net/net.h"
#include "system/host.h"
#include "system/runner.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

static bool setup_log(const struct cli *cli, struct error **errp)
{
    if (cli->log_file && !log_set_file(cli->log_file, errp))
        return false;
    return !cli->log_items || log_set_masks(cli->log_items, errp);
}

/* Everything that can go wrong before the guest runs, in an order in which each step has what it
 * needs. */
static bool build(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (!runner_check(cli->runner, cli->daemonize, errp))
        return false;
    if (!setup_log(cli, errp) || (cli->name && !host_set_name(cli->name, errp)) ||
        !setup_boot(s, errp) || !setup_arch(s, errp) || !setup_machine_class(s, errp) ||
        !setup_config(s, errp) || !setup_accel(s, errp))
        return false;
    if (cli->daemonize && !host_daemonize(errp))
        return false;
    if (cli->pidfile && !host_write_pid(cli->pidfile, errp))
        return false;
    clock_init();
    if (!setup_rtc(s, errp) || !setup_chardevs(s, errp) || !setup_netdevs(s, errp) ||
        !setup_objects(s, errp) || !setup_drives(s, errp) || !setup_globals(s, errp))
        return false;
    return setup_machine(s, errp) && setup_flash(s, errp) && machine_init(s->machine, errp) &&
           setup_devices(s, errp) && setup_nics(s, errp) && setup_fw_cfg(s, errp) &&
           setup_uuid(s, errp) && runner_attach(cli->runner, s->machine, errp);
}

static void tear_down(struct setup *s)
{
    machine_free(s->machine);
    net_free_all();
    block_close_all();
    rng_source_free_all();
    chardev_free_all();
    host_remove_pid();
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
    machine_start(s->machine);
    status = runner_end(s->cli->runner, machine_run(s->machine));
    host_release_signals();
    if (log_enabled(LOG_STATS) && s->accel->print_stats) {
        s->accel->print_stats(s->machine, log_begin());
        log_end();
    }
    tear_down(s);
    return status;
}

int main(int argc, char **argv)
{
    struct cli cli;
    struct setup s;
    struct error *err = NULL;
    int status = 1;

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
