/* What a debugger knows of one vCPU: the part of core/debug.h that struct cpu and cpu_ops hold. */
#ifndef CORE_DEBUG_CPU_H
#define CORE_DEBUG_CPU_H

#include "core/types.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* In the order of the remote protocol's Z packets. */
enum debug_kind {
    DEBUG_BREAK_SOFT,
    DEBUG_BREAK_HARD,
    DEBUG_WATCH_WRITE,
    DEBUG_WATCH_READ,
    DEBUG_WATCH_ACCESS,
};

struct debug_point {
    enum debug_kind kind;
    gva addr;
    uint64_t len; /* bytes; of a breakpoint: of the instruction, and not looked at */
};

enum debug_action { DEBUG_RUN, DEBUG_HOLD, DEBUG_STEP, DEBUG_STEP_RANGE };

enum debug_reason { DEBUG_NOTHING, DEBUG_AT_BREAK, DEBUG_AT_WATCH, DEBUG_STEPPED };
struct debug_stop {
    enum debug_reason reason;
    enum debug_kind kind; /* of the breakpoint or watchpoint */
    gva addr;             /* of the breakpoint; of the first watched byte that was accessed */
};

struct cpu_debug {
    _Atomic bool held; /* stays parked when the machine runs */
    /* The rest is written by the debugger while the vCPU is parked, and by the vCPU while it is
     * not. */
    bool active; /* the accelerator must ask debug_before() and the like */
    bool pass;   /* run the instruction at pass_pc whatever is set there */
    bool told;   /* the debugger has heard of `stop` */
    enum debug_action action;
    gva pass_pc;
    gva range_start, range_end; /* DEBUG_STEP_RANGE */
    struct debug_stop stop;
};

/* A register as debuggers name it. */
struct debug_reg {
    const char *name;
    const char *type;  /* of gdb's target descriptions: "int", "code_ptr", "ieee_double", ... */
    const char *group; /* "general", "float", "csr", ...; NULL: by type */
    unsigned id;       /* the target's own */
    uint16_t bits;
    uint8_t feature; /* index */
};
struct debug_feature {
    const char *name;  /* "org.gnu.gdb.riscv.cpu" */
    const char *types; /* XML of types that its registers name, or NULL */
};
struct debug_regs {
    const char *arch; /* "riscv:rv64" */
    const struct debug_feature *feature;
    size_t nfeatures;
    const struct debug_reg *reg; /* in order of features */
    size_t nregs, ngeneral;      /* the first ngeneral are read together */
    size_t pc;                   /* index */
};

#endif
