/*
 * What turns a unit of IR into something that runs: the contract between accel/tcg and
 * tcg/{x86_64,aarch64,interp}.
 *
 * accel describes the CPU struct by displacements (struct tcg_layout); the back end emits code that
 * keeps pinned slots in host registers across units and everything else at its displacement from
 * the CPU pointer.
 */
#ifndef TCG_BACKEND_H
#define TCG_BACKEND_H

#include "tcg/ir.h"

struct codebuf;

enum {
    TCG_MMU_MODES = 8,
    TCG_TLB_BITS = 10,
    TCG_TLB_SIZE = 1 << TCG_TLB_BITS,
    TCG_TLB_CHUNK = 16, /* entries that are emptied together */
    TCG_PAGE_BITS = 12,
    TCG_LARGE_BITS = 21,
    TCG_LARGE_SETS = 64,
    TCG_LARGE_WAYS = 2,
    TCG_L2_WAYS = 4,
    TCG_L2_FOLD = 11,
    TCG_L2_IDX_SHIFT = 4,
    TCG_L2_NO_READ = 8,
    TCG_L2_NOTES = 1 << (TCG_LARGE_BITS - TCG_PAGE_BITS),
    TCG_DISPATCH_BITS = 14,
    TCG_RING_SIZE = 16,
    TCG_SAVE_BYTES = 512,
    TCG_HIDDEN_SLOTS = 26,
    TCG_X87_IMAGE = 108,
    /* Of those: flags that a region has not made yet: two operands and what was done with them. */
    TCG_HIDDEN_FLAGS_A = 1,
    TCG_HIDDEN_FLAGS_B = 2,
    TCG_HIDDEN_FLAGS_KIND = 3
};

/* First level TLB of one MMU index.  A tag is a page address, or TCG_TLB_EMPTY; host address =
 * guest address + add. */
struct tcg_tlb {
    uint64_t rtag[TCG_TLB_SIZE], wtag[TCG_TLB_SIZE];
    uint64_t radd[TCG_TLB_SIZE], wadd[TCG_TLB_SIZE];
    /* 1 where entries of the chunk were filled since it was emptied last; else 0. */
    uint8_t used[TCG_TLB_SIZE / TCG_TLB_CHUNK] __attribute__((aligned(8)));
    /* 1 where one of them may belong to one address space only. */
    uint8_t local[TCG_TLB_SIZE / TCG_TLB_CHUNK] __attribute__((aligned(8)));
};
#define TCG_TLB_EMPTY (~UINT64_C(0))

/*
 * Second level: what a page of 4 KiB or 2 MiB maps to. Both tables are set-associative; the set is
 * that of the address alone. An address space goes by a number that it has until it is flushed, and
 * one number stands for all spaces: entries of numbers that are not given any more are dead.
 */
struct tcg_l2_entry {
    uint64_t tag;   /* page address | MMU index << TCG_L2_IDX_SHIFT, with TCG_L2_NO_READ where loads
                       are not allowed; or TCG_TLB_EMPTY */
    uint64_t add;   /* host address = guest address + add */
    uint64_t notes; /* host address of the notes: the one of page number n is at n % TCG_L2_NOTES */
    uint32_t space;
    uint32_t info; /* accel's own */
};
static inline unsigned tcg_l2_set(uint64_t addr, unsigned mask)
{
    uint64_t page = addr >> TCG_PAGE_BITS;
    return (page ^ page >> TCG_L2_FOLD) & mask;
}
static inline unsigned tcg_large_set(uint64_t addr)
{
    return addr >> TCG_LARGE_BITS & (TCG_LARGE_SETS - 1);
}

/* Dispatch cache entry: tag = pc ^ salt of (mode, address space).  Index: (pc >> 1) & mask. */
struct tcg_dispatch {
    uint64_t tag;
    const void *code;
};
/* Return ring entry: pc ^ salt that a return would go to, and where the caller's exit for it is. */
struct tcg_ring {
    uint64_t tag;
    const void *code;
};

/* What emitted code touches in front of the CPU struct.  It lies directly before it: cpu pointer -
 * sizeof(struct tcg_env). */
struct tcg_env {
    struct tcg_tlb tlb[TCG_MMU_MODES];
    struct tcg_l2_entry large[TCG_LARGE_SETS][TCG_LARGE_WAYS];
    struct tcg_dispatch dispatch[1 << TCG_DISPATCH_BITS];
    struct tcg_ring ring[TCG_RING_SIZE];
    uint8_t save[TCG_SAVE_BYTES];      /* host registers while a slow path runs */
    uint64_t hidden[TCG_HIDDEN_SLOTS]; /* homes of slots behind the target's, which regions use */
    uint64_t exit_site;                /* scratch of the back end */
    uint64_t l2_refills;               /* how often emitted code filled the first level from it */
    struct tcg_l2_entry *l2;           /* sets of TCG_L2_WAYS */
    uint32_t l2_mask;                  /* number of its sets - 1 */
    uint32_t space, space_any;         /* numbers of the current space and of all; 0: emitted code
                                          must not look */
    uint32_t x87_live, x87_was_live;   /* see struct tcg_x87; before the slow path that runs */
    uint8_t x87_image[TCG_X87_IMAGE], x87_operand[16];
    void *host_sp;                    /* stack pointer to unwind to */
    uint32_t guest_mxcsr, host_mxcsr; /* FP control image: guest's while out of translated code;
                                         host's while inside */
    uint32_t ring_pos;                /* byte offset of the newest entry */
    int32_t grant; /* instructions that may be executed before the executor is asked (-icount) */
    uint64_t salt; /* of the current mode and address space */
    uint64_t salt_other; /* of the mode that exits with IR_HINT_SWAP lead to; they exchange both */
    uint64_t page;       /* guest virtual page that the running unit begins in, if it is relative */
} __attribute__((aligned(64)));

/* Empty both levels of the TLB, whatever was there; the second has no room then. */
void tcg_env_empty_tlb(struct tcg_env *env);

#define TCG_ENV_OFF(field)                                                                         \
    ((int32_t)offsetof(struct tcg_env, field) - (int32_t)sizeof(struct tcg_env))

/* FILL_LOADED: what lies across two pages is in env->save, from TCG_SAVE_VALUE on, as in memory. */
enum tcg_fill { FILL_CANNOT, FILL_READY, FILL_LOADED };
enum { TCG_SAVE_VALUE = 64 };

/*
 * The x87 ops.  A host with an x87 does them there: env->x87_live says that the slots are stale,
 * since it has the guest's state, with all exceptions masked.
 */
enum tcg_x87_how { X87_RUN, X87_LOOK, X87_DONE };
struct tcg_x87 {
    /* Do the instruction of a guest's word, on the slots; the result of x87_get.  Of x87_st:
     * X87_LOOK gives what would be stored and changes nothing, X87_DONE does the rest.  value: the
     * operand of x87_ld and x87_if, and where X87_LOOK puts that; of 10 bytes two are in value[1].
     */
    uint64_t (*run)(void *cpu, enum tcg_x87_how how, uint32_t word, uint64_t value[2]);
    /* The slots as an image for FRSTOR, and from one of FNSAVE (32-bit protected mode); registers
     * of vectors may be used, flags of MXCSR not raised. */
    void (*to_image)(void *cpu, uint8_t *image);
    void (*from_image)(void *cpu, const uint8_t *image);
};

/* Slow paths that accel provides.  ra: the return address inside the emitted code (0 never); a
 * fault does not return. */
struct tcg_callbacks {
    uint64_t (*ld)(void *cpu, uint64_t addr, uint32_t memop,
                   uintptr_t ra); /* extended as memop says, to 64 bits */
    void (*st)(void *cpu, uint64_t addr, uint64_t val, uint32_t memop, uintptr_t ra);
    /* 16 bytes, or MO_80, the first in the lowest; no byte order, no single-copy atomicity. */
    void (*ld128)(void *cpu, uint64_t addr, uint64_t *val, uint32_t memop, uintptr_t ra);
    void (*st128)(void *cpu, uint64_t addr, uint64_t *val, uint32_t memop, uintptr_t ra);
    /* op: enum ir_opc of the atomic; returns the old value, extended as memop says. */
    uint64_t (*atomic)(void *cpu, uint64_t addr, uint64_t val,
                       uint32_t memop_op /* memop | op << 16 */, uintptr_t ra);
    uint64_t (*cas)(void *cpu, uint64_t addr, uint64_t expect, uint64_t val, uint32_t memop,
                    uintptr_t ra);
    /* Get the access (memop with MO_WRITE for stores) into the first-level TLB, if it can be
     * there and is not misaligned against MO_ALIGN; do a load across pages.  Changes nothing else
     * that the guest could see but A and D bits; does not fault. */
    enum tcg_fill (*fill)(void *cpu, uint64_t addr, uint32_t memop);
    /* Exact floating point, for what the host cannot do: op is enum ir_opc, ty the operand type |
     * result type << 8; reads and ORs env->guest_mxcsr-independent flags: returns the bit pattern;
     * *flags gets RISC-V numbered exceptions. */
    uint64_t (*soft_fp)(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3],
                        unsigned round, uint8_t *flags);
    /* The ops ssef to ssefromi exactly, under *mxcsr, whose flags gather; integers are in the first
     * half.  NULL: guests have none of these. */
    void (*sse)(uint32_t insn, const uint64_t arg[3][2], uint64_t r[2], uint32_t *mxcsr);
    const struct tcg_x87 *x87; /* NULL: guests have none of the x87 ops */
};

struct tcg_layout {
    const struct ir_slot *slots;
    unsigned nslots;
    unsigned pc_slot;    /* index of the pc slot (I64) */
    int32_t request_off; /* of the u32 request word, from the CPU pointer */
    struct tcg_callbacks cb;
    /* A write tag may be taken for a page while (its note & mask) == want. */
    uint8_t note_mask, note_want;
};

enum tcg_exit_kind {
    TCG_EXIT_DIRECT,  /* at an unchained direct exit: site says which */
    TCG_EXIT_LOOKUP,  /* pc slot holds a pc that the dispatch cache does not know */
    TCG_EXIT_REQUEST, /* pc slot is set; the request word was not zero */
    TCG_EXIT_MAIN,    /* exit_main op; pc slot is set; reason */
    TCG_EXIT_SIDE,    /* pc slot is set to an instruction that a region cannot do */
};
struct tcg_exit {
    uint32_t kind, reason;
    uintptr_t site; /* DIRECT, SIDE: address inside the unit's code; DIRECT: find the unit, then
                       host_code_exit() */
};

/* One direct exit of a unit. */
struct exit_site {
    uint32_t jump_off; /* where the patchable jump's 4-byte displacement lies, from start; aligned
                          to 4 */
    uint32_t stub_off; /* the out-of-line stub that it jumps to while unchained */
    uint32_t site_off; /* what TCG_EXIT_DIRECT reports, from start */
    bool same_page;    /* may be chained by patching; otherwise the inline probe serves it */
    uint64_t pc;       /* guest target */
};

/* A compiled unit.  Arrays are one allocation, freed by host_code_free(). */
struct host_code {
    const uint8_t *start; /* executable address; bytecode for the interpreter */
    uint32_t size;
    uint32_t chain_off; /* where jumps from the same page, and enter(), come in, from start */
    /* For any page: pcs in its tables are as if it began in `page`, see host_code_pc(). */
    bool relative;
    uint64_t page;
    uint32_t cold_off; /* where out-of-line code begins, from start */
    unsigned nexits;
    struct exit_site *exits;
    uint32_t map_len; /* encoded (return offset -> insn) table */
    uint8_t *map;
    void *priv; /* back end's own, owned */
};

struct compile_opts {
    uint64_t page;    /* guest virtual page of the unit: direct exits inside it are chained */
    bool relative;    /* code for any page, of which env->page is the current one */
    bool nochain;     /* every exit returns to the executor (-d exec, nochain; lockstep) */
    bool poll_always; /* test the request word at entry too */
    /* Several blocks with loops, no helper calls: choose registers for it, and leave with
     * TCG_EXIT_SIDE where an access would have to call C code that may fault. */
    bool region;
    /* The machine has one vCPU: atomics need only be so to it, one instruction each, and order
     * nothing for devices unless they are MO_ACQ | MO_REL. */
    bool one_cpu;
};

struct tcg_backend {
    const char *name; /* "x86_64", "interp" */
    bool is_native;
    /* Once per process; emits the shared stubs into cb.  False with a message in *why when this
     * host cannot do it. */
    bool (*init)(const struct tcg_layout *layout, struct codebuf *cb, const char **why);
    /* Compile; false when the code buffer's segment is full (retry after codebuf_new_segment) or
     * the unit is too large (*why). */
    bool (*compile)(struct ir *ir, const struct compile_opts *o, struct codebuf *cb,
                    struct host_code *out, const char **why);
    void (*release)(struct host_code *hc);
    /* Run from code until something leaves; saves and restores host registers and MXCSR.  For
     * relative units env->page is set. */
    struct tcg_exit (*enter)(void *cpu, const struct host_code *hc);
    /* Unwind to enter()'s caller, from a callback or helper: enter() returns {TCG_EXIT_MAIN,
     * reason}. */
    void (*unwind)(void *cpu, uint32_t reason) NORETURN;
    /* Patch a direct exit to jump to target (NULL: back to its stub).  Any thread, atomic with
     * respect to execution. */
    void (*patch)(struct host_code *from, unsigned exit, const struct host_code *target,
                  struct codebuf *cb);
    /* The guest instruction at return address ra: its pc (as in the tables) and word; false when ra
     * is not in the unit's table. */
    bool (*restore)(const struct host_code *hc, uintptr_t ra, uint64_t *pc, uint32_t *word);
    /* Whether regions may be wide (ir_set_wide()); NULL: no. */
    bool (*takes_wide)(void);
};

extern const struct tcg_backend tcg_interp;
#if defined(__x86_64__)
extern const struct tcg_backend tcg_x86_64;
#endif

/* The exit whose site_off is reported by TCG_EXIT_DIRECT, or -1. */
int host_code_exit(const struct host_code *hc, uintptr_t site);
/* A pc from the tables of the unit that runs or has just been left, as the guest sees it. */
uint64_t host_code_pc(const struct host_code *hc, const void *cpu, uint64_t pc);
void host_code_free(struct host_code *hc);

#endif
