/* What an accelerator provides; the machine calls these. */
#ifndef CORE_ACCEL_H
#define CORE_ACCEL_H

#include "core/cpu.h"
#include "core/prop.h"

struct accel_ops {
    const char *name; /* "tcg", "kvm" */
    const char *desc;
    const struct prop *props; /* of the struct that opaque points to: -accel tcg,k=v */
    size_t props_size;
    /* Once, after properties; opaque is the props struct.  False with *errp when the host cannot do
     * it. */
    bool (*init)(struct machine *m, void *opaque, struct error **errp);
    void (*fini)(struct machine *m);
    /* Zeroed memory for a target's CPU struct of size bytes, with room for the accelerator's own
     * state. */
    void *(*cpu_alloc)(size_t size);
    void (*cpu_free)(struct cpu *cpu);
    /* The body of a vCPU's thread: runs guest code until asked to quit. */
    void (*cpu_thread)(struct cpu *cpu);
    /* A breakpoint or watchpoint was set or removed, every vCPU is parked; may be NULL. */
    void (*debug_changed)(struct machine *m, const struct debug_point *p);
    void (*print_stats)(struct machine *m, FILE *f); /* -d stats at exit; may be NULL */
    /* Dirty notes of RAM were cleared: when this returns, every store sets them again.  From any
     * thread that runs no vCPU. */
    void (*protect_ram)(struct machine *m);
};

#endif
