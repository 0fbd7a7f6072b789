/*
 * From the command line's text to a machine, step by step.  main.c calls these in order; each
 * returns false with *errp for bad input.  What they allocate lives until setup_fini().
 */
#ifndef SYSTEM_SETUP_H
#define SYSTEM_SETUP_H

#include "core/machine.h"
#include "system/cli.h"
#include "system/registry.h"
#include "util/optparse.h"

#include <glib.h>

struct drive;
struct gdb_server;

struct setup {
    struct cli *cli;
    const struct arch *arch;
    const struct machine_class *cls;
    struct machine_config cfg;
    GPtrArray *machine_opts; /* struct opts *, one a -machine, in order */
    GPtrArray *drives;       /* struct drive * */
    GPtrArray *nics;         /* struct wanted_nic *; NULL: none */
    bool has_user_net;       /* one was made: it took what -smb and the like ask for */
    GArray *globals;         /* struct prop_global */
    GPtrArray *dirs;         /* const char *: where firmware is looked for */
    GPtrArray *owned;        /* g_free()d at the end */
    const struct accel_ops *accel;
    void *accel_props;
    struct machine *machine;
    GArray *boot_roms; /* struct boot_entry: of -option-rom */
    struct machine_reset_hook boot_hook;
    struct gdb_server *gdb; /* NULL: none */
};

void setup_init(struct setup *s, struct cli *cli);
void setup_fini(struct setup *s);
/* Keep take_text until setup_fini(). */
const char *setup_own(struct setup *s, char *take_text);

/* setup.c: the architecture (from its option, the program's name or the kernel), the board, -m,
 * -smp and the like. */
bool setup_arch(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_machine_class(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_config(struct setup *s, struct error **errp) MUST_CHECK;
/* Create the machine and set the board's properties. */
bool setup_machine(struct setup *s, struct error **errp) MUST_CHECK;

/* accels.c: choose the first accelerator that works here, and set its properties. */
bool setup_accel(struct setup *s, struct error **errp) MUST_CHECK;

/* nets.c: -netdev, -nic and -net; later the network cards of the latter two; -object filter-dump.
 */
bool setup_netdevs(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_nics(struct setup *s, struct error **errp) MUST_CHECK;
/* Before setup_machine(): what connects the card that the board has of its own. */
bool setup_onboard_nic(struct setup *s, struct error **errp) MUST_CHECK;
extern const char *const filter_dump_keys[]; /* what it asks o for, ended by NULL */
bool setup_filter_dump(struct opts *o, const char *id, struct error **errp) MUST_CHECK;

/* drives.c: open -drive and -blockdev images; later plug those with if=virtio, and tell the board
 * of its flash. */
bool setup_drives(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_flash(struct setup *s, struct error **errp) MUST_CHECK;
/* drive_add: a -drive with if=none in a running machine. */
bool setup_hot_drive(struct setup *s, const char *text, struct error **errp) MUST_CHECK;
void setup_drive_commands(struct setup *s);
/* gdbserver: another debugger's server, or ("none") none. */
bool setup_gdb_server(struct setup *s, const char *dev, struct error **errp) MUST_CHECK;
bool setup_drive_devices(struct setup *s, struct error **errp) MUST_CHECK;
void drive_free(void *drive);

/* chardevs.c: -chardev, -serial, -parallel and what stands in for them by default. */
bool setup_chardevs(struct setup *s, struct error **errp) MUST_CHECK;
/* -debugcon, once the machine is there. */
bool setup_debugcon(struct setup *s, struct error **errp) MUST_CHECK;
/* Warn of a -serial for which the board has no line. */
bool setup_unused_serials(struct setup *s, struct error **errp) MUST_CHECK;

/* fds.c: -add-fd. */
bool setup_fds(struct setup *s, struct error **errp) MUST_CHECK;

/* monitor.c: -monitor, -qmp, -qmp-pretty, -mon; after the devices, which share lines with them. */
bool setup_monitors(struct setup *s, struct error **errp) MUST_CHECK;
/* cmd_system.c: commands that need s, which must live as long as the monitors. */
void setup_commands(struct setup *s);

/* The last value of a key over all -machine options, or NULL. */
const char *setup_machine_opt(struct setup *s, const char *key);

/* memory.c: -object memory-backend-*, -machine memory-backend= and -mem-path; prealloc=on, once the
 * machine has its memory. */
bool setup_memory(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_prealloc(struct setup *s, struct error **errp) MUST_CHECK;
/* What they ask o for, ended by NULL. */
extern const char *const memdev_keys[], *const memdev_file_keys[], *const memdev_memfd_keys[];
bool memdev_create(const char *id, struct opts *o, struct error **errp) MUST_CHECK;
bool memdev_create_file(const char *id, struct opts *o, struct error **errp) MUST_CHECK;
bool memdev_create_memfd(const char *id, struct opts *o, struct error **errp) MUST_CHECK;
/* Put the back end behind the next bytes of the machine's memory, and how many it has; false with
 * *errp: there is none of that id, or it is in use. */
bool memdev_use(const char *id, uint64_t *size, struct error **errp) MUST_CHECK;
/* The nth in use, in the order of the memory: its bytes, and what it is like; NULL: no more. */
const char *memdev_used(unsigned nth, uint64_t *size, bool *share, bool *prealloc);
bool memdev_destroy(const char *id);
void memdev_free_all(void);

/* numa.c: -numa, after the back ends; info numa. */
bool setup_numa(struct setup *s, struct error **errp) MUST_CHECK;
void setup_numa_commands(void);

/* objects.c: -object, and what -object help prints. */
bool setup_objects(struct setup *s, struct error **errp) MUST_CHECK;
/* objects.c: object-add, with qom-type, id and properties in o; object-del. */
bool object_create(struct opts *o, struct error **errp) MUST_CHECK;
bool object_delete(struct machine *m, const char *id, struct error **errp) MUST_CHECK;
/* The types, or what the type of that name takes. */
void objects_help(const char *name, FILE *f);

/* shares.c: -fsdev and -virtfs; later plug the devices that -virtfs stands for. */
bool setup_shares(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_share_devices(struct setup *s, struct error **errp) MUST_CHECK;

/* display.c: the board's display card or the one of -vga; before the other devices, so that it has
 * the first free slot.  What -vga help prints. */
bool setup_display(struct setup *s, struct error **errp) MUST_CHECK;
void display_vga_help(void);

/* devices.c: -global, -device, -fw_cfg. */
bool setup_globals(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_devices(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_fw_cfg(struct setup *s, struct error **errp) MUST_CHECK;
/* Create, configure, plug and realize one device; o holds its properties besides the name. */
bool device_create(struct setup *s, const char *name, struct opts *o,
                   struct error **errp) MUST_CHECK;
/* The same once the machine has started, on a bus that tells its guest. */
bool device_hot_add(struct setup *s, const char *name, struct opts *o,
                    struct error **errp) MUST_CHECK;

/* boot_order.c: -option-rom; what devices and these have to say about the order in which firmware
 * tries them, once all of them are there. */
bool setup_option_roms(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_boot_order(struct setup *s, struct error **errp) MUST_CHECK;

/* hints.c: -boot, -rtc, -uuid. */
bool setup_boot(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_rtc(struct setup *s, struct error **errp) MUST_CHECK;
bool setup_uuid(struct setup *s, struct error **errp) MUST_CHECK;

/* semihosting.c: -semihosting, -semihosting-config; once the machine is there. */
bool setup_semihosting(struct setup *s, struct error **errp) MUST_CHECK;

/* gdb.c: -gdb, -s; once the machine is there. */
bool setup_gdb(struct setup *s, struct error **errp) MUST_CHECK;

/* cmd_snapshot.c: migration and snapshots: their commands; what -incoming asks for, before
 * machine_start() and after it; the end of what is under way. */
void setup_migration(struct setup *s);
bool start_incoming(struct setup *s, struct error **errp) MUST_CHECK;
void end_migration(void);

/* cmd_devices.c: monitor commands for the balloon, keyboards and mice. */
void setup_device_commands(void);
/* cmd_objects.c: and for threads and memory of -object. */
void setup_object_commands(void);
/* cmd_absent.c: about what there is not. */
void setup_absent_commands(void);

/* sandbox.c: -sandbox. */
bool setup_sandbox(struct setup *s, struct error **errp) MUST_CHECK;

/* help.c: answer an option whose argument is 'help'; true when one was, and *status is the exit
 * status. */
bool answer_help(struct setup *s, int *status);

#endif
