/* The command line: one table of options, and what they ask for. */
#ifndef SYSTEM_CLI_H
#define SYSTEM_CLI_H

#include "util/annot.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct runner;

/* What the options said, still as text: setup.c and its neighbours turn it into a machine. */
struct cli {
    const char *program;      /* base name of argv[0] */
    const char *program_arch; /* the architecture in that name, or NULL */
    const char *arch;
    const char *cpu, *memory, *smp;
    const char *kernel, *initrd, *append, *bios, *dtb;
    const char *display, *vga;
    const char *log_items, *log_file, *gdb, *semihosting_config;
    const char *incoming, *loadvm;
    const char *smb, *tftp, *bootp;
    const char *debugcon; /* NULL: none */
    const char *mem_path, *name, *uuid, *rtc, *icount, *boot, *pidfile, *escape, *sandbox;
    bool nographic, snapshot, start_paused, no_reboot, no_shutdown, nodefaults, daemonize, perf_map;
    bool semihosting, mem_prealloc;
    bool no_acpi, no_hpet, no_fd_bootchk; /* old forms of -machine acpi=off and its like */
    bool want_help, want_version, want_runner_help, want_audio_help;
    bool message_time, message_name; /* -msg */
    const char *run_user, *run_root; /* -run-with user=, chroot= */
    GStringChunk *texts;             /* what came from files: lives as long as this */
    struct runner *runner;           /* test-runner mode; NULL without its options */
    /* Each occurrence of the options that add up, in order; elements are char *. */
    GPtrArray *machine, *accel, *drive, *blockdev, *device, *global, *object;
    GPtrArray *netdev, *nic, *net, *redir;
    GPtrArray *monitor, *qmp, *qmp_pretty, *mon;
    GPtrArray *serial, *parallel, *chardev, *fw_cfg, *smbios, *acpitable, *option_rom, *numa, *dirs,
        *action, *add_fd;
    GPtrArray *fsdev, *virtfs;
};

struct cli_option {
    const char *name, *alias; /* without the dash; NULL alias: none */
    const char *args;         /* shown after the name; NULL: takes no argument */
    const char *help;         /* NULL: not listed; a row with only help starts a section */
    enum { CLI_SECTION, CLI_TEXT, CLI_FLAG, CLI_LIST, CLI_CALL, CLI_ACCEPT, CLI_REFUSE } how;
    size_t off;         /* TEXT, FLAG, LIST: the field of struct cli */
    const char *reason; /* REFUSE: what follows "is not supported: " */
    bool (*call)(struct cli *cli, const char *arg, struct error **errp);
};
/* Every option there is, ended by a row without name and help. */
extern const struct cli_option cli_options[];

void cli_init(struct cli *cli, const char *argv0);
void cli_fini(struct cli *cli);
/* Parse the arguments; false and *errp for an unknown option, a missing or a refused argument. */
bool cli_parse(struct cli *cli, int argc, char **argv, struct error **errp) MUST_CHECK;
/* The row of an option by its name without dashes; NULL: there is none. */
const struct cli_option *cli_find(const char *name);
/* Do what an option with that argument does; arg must live as long as cli. */
bool cli_apply(struct cli *cli, const struct cli_option *row, const char *arg,
               struct error **errp) MUST_CHECK;
void cli_print_help(const struct cli *cli, FILE *f);
void cli_print_version(FILE *f);

/* config.c: -readconfig FILE, and -set GROUP.ID.KEY=VALUE. */
bool config_read(struct cli *cli, const char *path, struct error **errp) MUST_CHECK;
bool config_set(struct cli *cli, const char *arg, struct error **errp) MUST_CHECK;

#endif
