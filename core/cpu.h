/*
 * A virtual CPU as everything but its target and accelerator sees it: run state, interrupt lines,
 * requests.
 *
 * `struct cpu` is the first member of the target's own struct.  Requests are bits of one atomic
 * word that translated code polls at safe points; whoever sets a bit also wakes a sleeping vCPU.
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "core/debug_cpu.h"
#include "core/memory.h"
#include "core/types.h"
#include "util/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

enum cpu_request {
    CPU_REQ_IRQ = 1,    /* an interrupt may have become deliverable: ask ops->interrupt */
    CPU_REQ_WORK = 2,   /* run the work queue */
    CPU_REQ_STOP = 4,   /* park at the safe point until cpu_resume() */
    CPU_REQ_QUIT = 8,   /* leave the thread */
    CPU_REQ_ACCEL = 16, /* the accelerator's own business (TLB shoot-down, code eviction) */
    CPU_REQ_SENT = 32,  /* it has interrupted another vCPU, `interrupted`, and may wait for it */
};

/* A function in progress: where it goes on (the pc, a return address), and whether that is a guess.
 */
typedef void cpu_frame_fn(void *opaque, uint64_t addr, bool is_guess);
/* A page of size bytes with what it allows, one letter or '-' each: "rwxugad" on RISC-V. */
typedef bool cpu_mapping_fn(void *opaque, gva va, gpa pa, uint64_t size, const char *attr);

struct state_field;
struct cpu_ops {
    const char *arch; /* "riscv64": for messages */
    void (*reset)(struct cpu *cpu);
    /* Deliver one interrupt if one is pending and enabled; true when the pc changed.  On the vCPU's
     * thread. */
    bool (*interrupt)(struct cpu *cpu);
    /* A sleeping (WFI) vCPU must wake up: some enabled interrupt is pending, masked globally or
     * not. */
    bool (*has_work)(struct cpu *cpu);
    uint64_t (*get_pc)(struct cpu *cpu);
    void (*set_pc)(struct cpu *cpu, uint64_t pc);
    /* Debugger's translation: no side effects; false when unmapped. */
    bool (*debug_translate)(struct cpu *cpu, gva addr, gpa *out);
    /* Its registers, the same as long as it lives; then one of them, on the vCPU's thread, little
     * endian: false when it is not there now.  NULL: it cannot be debugged. */
    const struct debug_regs *(*debug_regs)(struct cpu *cpu);
    bool (*debug_reg_read)(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf);
    bool (*debug_reg_write)(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf);
    void (*dump)(struct cpu *cpu, FILE *f); /* -d cpu, info registers */
    /* Call frame() for each function in progress, innermost first.  While the vCPU is parked. */
    void (*backtrace)(struct cpu *cpu, cpu_frame_fn *frame, void *opaque);
    /* Call fn for each translation of virtual addresses, in order, while it returns true; the vCPU
     * is parked.  False when there is none; *complete: none was left out.  May be NULL. */
    bool (*mappings)(struct cpu *cpu, cpu_mapping_fn *fn, void *opaque, bool *complete);
    /* One instruction at pc as text, of at most len bytes; how many it has. */
    unsigned (*disas)(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len);
    void (*finalize)(struct cpu *cpu); /* free what the target owns */
    /* Saving and loading.  Tables of all that a saved machine holds of the CPU, ended by NULL. */
    const struct state_field *const *state;
    /* What must be the same where the state is loaded, for people to read; g_free() it. */
    char *(*describe)(struct cpu *cpu);
    /* On the vCPU's thread, stopped: bring the tables' fields up to date; make what was loaded
     * into them, which may be anything, a possible state and recompute what derives from it. */
    void (*before_save)(struct cpu *cpu);
    void (*after_load)(struct cpu *cpu);
};

struct cpu_work {
    void (*fn)(struct cpu *cpu, void *arg);
    void *arg;
    struct cpu_work *next;
};

struct cpu {
    _Atomic uint32_t request; /* enum cpu_request; first, so that its displacement is short */
    bool halted;  /* in WFI (or not yet started); vCPU thread only, except while stopped */
    bool started; /* false: powered off until cpu_power_on() */
    _Atomic uint64_t
        irq_lines; /* levels of the interrupt inputs, one bit each, target's numbering */
    const struct cpu_ops *ops;
    struct address_space *as;
    struct machine *machine;
    unsigned index;
    void *accel; /* owned by the accelerator */
    pthread_t thread;
    struct mutex lock; /* leaf: guards work, parked and the sleep */
    struct cond wake;  /* to the vCPU: something to do; from it: parked, work done */
    struct cpu_work *work GUARDED_BY(lock);
    bool parked GUARDED_BY(lock);
    bool thread_running GUARDED_BY(lock);
    struct cpu *interrupted;   /* by this one's own thread, last */
    uint64_t interrupted_line; /* through this bit of its irq_lines */
    _Atomic bool sleeping;     /* in cpu_sleep(): whoever sets a request must signal */
    struct cpu_debug debug;    /* core/debug.h */
    bool start_off;            /* reset leaves it powered off (secondaries under PSCI or SBI HSM) */
};

/* Initialise the common part (the memory was allocated and zeroed by the accelerator's cpu_alloc).
 */
void cpu_init(struct cpu *cpu, const struct cpu_ops *ops, struct machine *m, unsigned index);
void cpu_fini(struct cpu *cpu);
/* Set request bits and wake the vCPU.  Any thread. */
void cpu_request(struct cpu *cpu, uint32_t bits);
/* Drive interrupt input n (bit of irq_lines).  Any thread, any lock held; fits irq_handler (opaque
 * is the cpu). */
void cpu_irq_set(void *cpu, unsigned n, bool level);
/* Queue fn for the vCPU's thread at its next safe point; take_ nothing.  Does not wait. */
void cpu_run_async(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *arg);
/* The same and wait for it (runs at once when called on that vCPU's thread or when its thread is
 * not running). */
void cpu_run_sync(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *arg);
/* Reset: run state, then ops->reset on the vCPU's thread (in the caller's when that is not
 * running). */
void cpu_reset(struct cpu *cpu);
/* Let a powered-off vCPU run; call cpu_run_async() first to set its entry state.  Any thread. */
void cpu_power_on(struct cpu *cpu);
/* Ask a vCPU to park, wait until it has, let it go on.  Not from a vCPU's thread; cpu_stop() may
 * come first to many. */
void cpu_stop(struct cpu *cpu);
void cpu_wait_parked(struct cpu *cpu);
void cpu_resume(struct cpu *cpu);
/* Start and end the thread that runs body; both from the main thread. */
void cpu_thread_start(struct cpu *cpu, void (*body)(struct cpu *cpu));
void cpu_thread_join(struct cpu *cpu);
/* On the vCPU's thread, at a safe point: run queued work, park while stopped; false when it must
 * quit. */
bool cpu_handle_requests(struct cpu *cpu);
/* On the vCPU's thread: sleep until a request or has_work. */
void cpu_sleep(struct cpu *cpu);
/* The same until there is a request, whatever work there is. */
void cpu_wait(struct cpu *cpu);
/* The vCPU this thread runs, or NULL. */
struct cpu *cpu_current(void);
void cpu_set_current(struct cpu *cpu);

#endif
