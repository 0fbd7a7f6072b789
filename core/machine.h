/* A machine: its class (what a board declares), its parts, and its life: create, run, pause, reset,
 * quit. */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include "core/accel.h"
#include "core/cpu.h"
#include "core/device.h"
#include "core/memory.h"
#include "core/ram.h"

struct hw_bus;
struct numa;

enum { MACHINE_MAX_CPUS = 512, MACHINE_MAX_SERIALS = 5, MACHINE_MAX_PARALLELS = 3 };

enum shutdown_cause {
    SHUTDOWN_NONE,
    SHUTDOWN_HOST_SIGNAL, /* SIGINT, SIGTERM, SIGHUP */
    SHUTDOWN_HOST_UI,     /* Ctrl-a x */
    SHUTDOWN_HOST_QUIT,   /* a monitor's quit */
    SHUTDOWN_GUEST_OFF,   /* the guest powered off */
    SHUTDOWN_GUEST_RESET, /* the guest reset under -no-reboot */
    SHUTDOWN_GUEST_PANIC,
};

/* Whether the machine runs and, if not, why; the names are QMP's. */
enum run_state {
    RUN_PRELAUNCH, /* -S: not begun */
    RUN_RUNNING,
    RUN_PAUSED, /* the user stopped it */
    RUN_DEBUG,  /* a debugger did */
    RUN_SHUTDOWN,
    RUN_GUEST_PANICKED,
    RUN_INMIGRATE, /* waits for its state */
    RUN_POSTMIGRATE,
    RUN_SAVE_VM,
    RUN_RESTORE_VM,
    RUN_IO_ERROR,
    RUN_WATCHDOG,
    RUN_INTERNAL_ERROR,
    RUN_SUSPENDED,      /* the guest sleeps (S3): time goes on, processors do not */
    RUN_FINISH_MIGRATE, /* its state is being taken: nothing may change it */
};

/* Told in the main thread when the machine has just been paused (every vCPU is parked), and when it
 * is about to go on: for threads of devices, which must rest meanwhile. */
struct machine_pause_listener {
    void (*changed)(struct machine_pause_listener *l, bool paused);
    struct machine_pause_listener *next;
};

/* Told of each reset: when devices and board are reset, and the memory is as they leave it; and
 * when the CPUs are (or NULL). */
struct machine_reset_hook {
    void (*before_cpus)(void *opaque);
    void (*after_cpus)(void *opaque);
    void *opaque;
    struct machine_reset_hook *next;
};

/* -global DRIVER.PROP=VALUE: a default for every device of a type; checked by system/. */
struct prop_global {
    const char *driver, *prop, *value;
};

/* What the user asked for: filled by system/, read by boards. */
struct machine_config {
    uint64_t ram_size;       /* bytes */
    const struct numa *numa; /* nodes of memory and processors (core/numa.h); NULL: there is one */
    /* Put what -object keeps it in behind the machine's RAM; NULL: anonymous memory. */
    bool (*back_ram)(struct ram_block *ram, struct error **errp);
    unsigned smp, max_cpus;
    unsigned sockets, cores, threads;
    const char *cpu_model; /* "rv64,zba=off", or NULL for the board's default */
    const char *kernel, *initrd, *append, *bios, *dtb, *dumpdtb;
    const char *const *firmware_dirs; /* -L and install paths, NULL-terminated, searched in order */
    const char *const *smbios;        /* texts of -smbios, NULL-terminated; or NULL */
    const char *const *acpitables;    /* the same of -acpitable */
    const char *uuid;                 /* text of -uuid, or NULL */
    bool no_reboot, no_shutdown, start_paused;
    unsigned panic, watchdog; /* enum panic_action, enum watchdog_action (core/action.h) */
    bool nodefaults;
    bool nographic; /* no display: firmware may show its screen on a serial line */
    /* -boot: letters of drives ("cdn"), NULL: as the board likes; times in milliseconds, < 0: not
     * said. */
    struct {
        const char *order, *once, *splash;
        bool menu, strict;
        int64_t splash_time, reboot_timeout;
    } boot;
    struct {
        const char *netdev, *mac; /* of the board's own network card; NULL: not connected, any */
    } nic;
    const char *serial[MACHINE_MAX_SERIALS]; /* chardev of each serial line ("serial0"); NULL: not
                                                connected */
    const char *parallel[MACHINE_MAX_PARALLELS]; /* the same of parallel ports ("parallel0") */
    const struct prop_global
        *globals; /* NULL, or ended by a NULL driver; device_new() applies them */
};

struct machine_class {
    const char *name; /* "virt" */
    const char *desc; /* as -machine help shows it, e.g. "RISC-V VirtIO board" */
    const char *arch; /* "riscv64": the architecture it belongs to; two entries for 32 and 64 bit
                         are fine */
    const char *default_cpu;
    unsigned max_cpus;
    uint64_t default_ram;                       /* bytes */
    const char *default_net, *default_block_if; /* "virtio" */
    const char *default_display;                /* type of the card that it has unless told
                                                   otherwise, or NULL: -vga means nothing */
    const char
        *onboard_nic; /* type of its own network card, which the first -nic connects, or NULL */
    size_t size;      /* of the board's struct, which starts with struct machine */
    const struct prop *props; /* -M NAME,k=v */
    /* Build everything: CPUs, RAM, devices, firmware and kernel.  Bad input: false and *errp. */
    bool (*init)(struct machine *m, struct error **errp);
    void (*reset)(struct machine *m); /* beyond devices, before the CPUs: reload images */
    void (*fini)(struct machine *m);
    /* All devices of the user are there, and the vCPUs not yet; or NULL. */
    void (*start)(struct machine *m);
    /* Press the power button; NULL: there is none.  Main thread. */
    void (*powerdown)(struct machine *m);
    /* Sleep with memory powered: it begins, and has ended, after the devices' reset and before that
     * of the processors; NULL: there is none.  Main thread, the machine paused. */
    void (*suspended)(struct machine *m);
    void (*woken)(struct machine *m);
    /* Inject a non-maskable interrupt; NULL: there is none.  Main thread. */
    void (*nmi)(struct machine *m);
    unsigned ide_units; /* drives of one of its IDE buses (0: 2) */
    unsigned parallels; /* it has so many of cfg.parallel */
    bool has_nic;       /* there is a default_net on a user network unless asked otherwise */
    /* Expansion ROMs of PCI devices that name none, where the files are found: pairs of device type
     * and file, ended by NULL; or NULL. */
    const char *const (*roms)[2];
    unsigned numa;              /* enum numa_default */
    bool has_acpitables;        /* and cfg.acpitables */
    bool has_smbios;            /* it shows cfg.smbios */
    bool has_option_roms;       /* its firmware runs those of -option-rom */
    const char *const *aliases; /* further names ("virt-7.2"), NULL-terminated; or NULL */
};

struct machine {
    const struct machine_class *cls;
    struct machine_config cfg;
    const struct accel_ops *accel;
    void *accel_props;
    struct address_space as;
    struct mem_region root;
    struct address_space io; /* x86 I/O ports; empty elsewhere */
    struct mem_region io_root;
    struct ram_block *rams;
    struct device *devices;
    struct cpu *cpus[MACHINE_MAX_CPUS];
    unsigned ncpus;
    bool running;
    enum run_state run_state;  /* main thread only */
    enum shutdown_cause cause; /* set once; the main loop ends when it is not SHUTDOWN_NONE */
    int exit_status;
    struct hw_bus *buses; /* plug-in points of its devices, kept by hw/bus.c */
    unsigned pause_depth; /* main thread only */
    struct machine_pause_listener *pause_listeners; /* main thread only */
    struct machine_reset_hook *reset_hooks;         /* main thread only */
    _Atomic uint32_t pending; /* what other threads asked the main loop to do */
    _Atomic uint64_t
        shutdown_ask; /* cause in the low half, exit status in the high; the first one wins */
    struct _GMainLoop *loop;
    _Atomic bool suspended;
    bool accel_ready;
    bool frozen; /* machine_freeze(); changes while no vCPU runs */
    /* Asked before machine_cont() in RUN_POSTMIGRATE: whether it may be taken back; or NULL. */
    bool (*may_take_back)(struct error **errp);
    bool run_when_loaded;      /* RUN_INMIGRATE: go on as soon as the state is there */
    struct debug *debug;       /* core/debug.h */
    struct semihost *semihost; /* core/semihost.h; NULL: none */
    const char *boot_first;    /* what firmware tries before all devices, or NULL */
    struct fdt *fdt;           /* the board's device tree, which it frees; NULL: none */
};

/* Allocate a machine of a class with its properties at their defaults. */
struct machine *machine_new(const struct machine_class *cls, const struct accel_ops *accel,
                            void *accel_props);
void machine_free(struct machine *m);
/* Run cls->init, realize what is not yet realized, reset. */
bool machine_init(struct machine *m, struct error **errp) MUST_CHECK;
/* Start vCPU threads (paused if cfg.start_paused). */
void machine_start(struct machine *m);
/* Stop, and go on: what `stop`, `cont`, a debugger or -S mean by it.  machine_stop() on a stopped
 * machine only changes the reason; machine_cont() on a running one does nothing, on one that waits
 * for its state says that it shall run then, and fails when the state does not allow it (shut
 * down).  They emit STOP and RESUME.  Main thread. */
void machine_stop(struct machine *m, enum run_state why);
bool machine_cont(struct machine *m, struct error **errp) MUST_CHECK;
const char *run_state_name(enum run_state state);
/* Bring every vCPU to a safe point and stop virtual time; nests.  Not from a vCPU's thread. */
void machine_pause(struct machine *m);
void machine_resume(struct machine *m);
void machine_add_reset_hook(struct machine *m, struct machine_reset_hook *h);
void machine_del_reset_hook(struct machine *m, struct machine_reset_hook *h);
/* What a reset does last: memory has changed since. */
void machine_reset_cpus(struct machine *m);
void machine_add_pause_listener(struct machine *m, struct machine_pause_listener *l);
void machine_del_pause_listener(struct machine *m, struct machine_pause_listener *l);
/* Inside machine_pause(): do now what was asked of the main loop; false when it was to end the
 * machine. */
bool machine_settle(struct machine *m);
/* Main thread, inside machine_pause(): from here on nothing that comes from outside changes the
 * guest's memory or devices: virtio queues stay as they are, a reset waits; and the end of that. */
void machine_freeze(struct machine *m);
void machine_thaw(struct machine *m);
/* From any thread: the main loop will reset, or shut down with an exit status. */
void machine_request_reset(struct machine *m);
/* The same by the user's wish (a monitor's system_reset), also of a machine that does not run. */
void machine_request_host_reset(struct machine *m);
/* The guest goes to sleep, if the board can; what wakes it up, if it sleeps then.  Any thread. */
void machine_request_suspend(struct machine *m);
void machine_request_wakeup(struct machine *m);
void machine_request_shutdown(struct machine *m, enum shutdown_cause cause, int exit_status);
/* Do at once what was asked for so far; main thread. */
void machine_serve_requests(struct machine *m);
/* The main loop: runs until shutdown, returns the exit status. */
int machine_run(struct machine *m);
void machine_add_cpu(struct machine *m, struct cpu *cpu);
/* A RAM block owned by the machine. */
struct ram_block *machine_new_ram(struct machine *m, const char *name, uint64_t size,
                                  struct error **errp) MUST_CHECK;
/* The machine's RAM, of cfg.ram_size bytes. */
struct ram_block *machine_new_main_ram(struct machine *m, const char *name,
                                       struct error **errp) MUST_CHECK;
/* Give one back that nothing in the memory map shows any more; while no vCPU runs. */
void machine_del_ram(struct machine *m, struct ram_block *ram);
struct device *machine_find_device(struct machine *m, const char *id);

#endif
