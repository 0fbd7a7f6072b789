/* Inside of the translating accelerator: units, per-vCPU state, the second-level TLB. */
#ifndef ACCEL_TCG_TCG_PRIV_H
#define ACCEL_TCG_TCG_PRIV_H

#include "accel/tcg/guest.h"
#include "accel/tcg/tcg.h"
#include "core/debug.h"
#include "core/machine.h"
#include "tcg/backend.h"
#include "tcg/codebuf.h"
#include "tcg/region.h"
#include "util/bits.h"

#include <glib.h>

enum { PAGE_SIZE_ = 1 << TCG_PAGE_BITS, GRANULE_BITS = 6, UNIT_MAX_INSNS = 64 };
#define PAGE_MASK_ (~(uint64_t)(PAGE_SIZE_ - 1))

/* --- units
 * ------------------------------------------------------------------------------------------------------------
 */
struct unit_link {
    struct unit *from;
    unsigned exit;
};
/* Membership of a page's list: a page of a shared library has units of every process that ran it.
 */
struct page_link {
    struct unit *next, **prev; /* prev: what points to this unit */
};
/* A translated piece of guest code: immutable once published, but for links and `valid` (struct
 * tcg.lock). */
struct unit {
    struct unit *_Atomic hash_next; /* first, with the key: a look-up touches one cache line */
    const uint8_t *host; /* host address of its first byte: identifies the physical place */
    gva key;             /* pc, or ANY_PC */
    uint32_t mode;
    uint16_t insns;
    uint16_t len;       /* bytes from pc to the end of what was fetched */
    bool valid, global; /* global: its page was mapped for every address space */
    bool relative;      /* key is ANY_PC */
    gva pc;             /* where it was translated; of a relative unit only the offset in the page
                           means something */
    const uint8_t
        *page2; /* host address of the second page its last instruction reaches into, or NULL */
    struct host_code code, ref;   /* ref: the interpreter's, under lockstep */
    bool impure;                  /* effects beyond slots and memory: lockstep runs it once only */
    uint64_t granules, granules2; /* 64-byte pieces of the page(s) that it was made from */
    unsigned segment;
    struct page_link in_page, in_page2;
    GArray *incoming;  /* struct unit_link */
    struct unit **out; /* chained target of each exit, or NULL */
    /* The region that runs in its place, and the other way round (struct tcg.lock; readers in code
     * need not hold it). */
    struct unit *_Atomic region;
    struct unit *base;
    _Atomic bool no_region; /* tried: there is none */
};
/* Key of units that run at whatever virtual page their code is found. */
#define ANY_PC (~(gva)0)
/* The units of a segment of the code buffer, in address order; starts are offsets into the buffer.
 */
struct segment {
    GPtrArray *units;
    GArray *starts; /* uint32_t */
};
/* A guest page that units were made from. */
struct code_page {
    uint8_t *host;
    struct ram_block *ram;
    uint64_t off;
    uint64_t granules;
    uint32_t run_start, run_end; /* offsets: of stores that came one behind the other */
    unsigned run_hits;           /* of them, that hit units */
    uint64_t seen_at;   /* Bloom filter of the virtual pages that units have it at: page_filter() */
    gva seen;           /* virtual page of its units for one address space; ANY_PC: none */
    struct unit *units; /* through in_page */
    struct unit *units2; /* that end in this page, through in_page2 */
};

/* --- second-level TLB
 * ---------------------------------------------------------------------------------------------------
 */
enum { L2_GLOBAL = 1, L2_PIECE = 2 /* of a mapping that is larger than the entry */ };
/* What one 4 KiB guest page maps to: host memory, or a place in a device's registers (host is
 * NULL). */
struct tlb_entry {
    uint8_t *host;
    uint8_t *note; /* of the RAM page */
    struct ram_block *ram;
    uint64_t ram_off;
    struct mem_region *mr;
    uint64_t mr_off;
    uint8_t prot, flags, page_bits;
    bool kept;    /* else ask every time: rights change inside the page, or it is not all memory */
    bool asks;    /* guest_walk.asks */
    bool watched; /* a watchpoint lies in the page: no level of the TLB may have it */
};
enum {
    L2_MIN_SETS = 512,
    L2_MAX_SETS = 8192,
    L2_REGIONS = 256,
    SPACE_SLOTS = 64,
    LARGE_FILTER_LOG2 = 14,
    DEVICE_PAGES = 4
};
/* The second level's own: its tables are in struct tcg_env. */
struct tlb_l2 {
    uint32_t seed;       /* the space number given last */
    uint32_t space, any; /* numbers of the current space and of all */
    struct tlb_space {
        uint32_t asid, number; /* 0: none */
    } spaces[SPACE_SLOTS];
    uint32_t evictions; /* of entries that would have matched, since it grew last */
    bool pieces;        /* 4 KiB pieces of larger mappings were kept since the last full flush */
    unsigned nregions;
    struct mem_region *regions[L2_REGIONS];
    uint64_t large_sizes; /* bit n: mappings of 2^n bytes were kept since the last full flush */
    uint64_t filter[(1 << LARGE_FILTER_LOG2) / 64]; /* Bloom filter of where */
};

/* --- statistics (-d stats)
 * ---------------------------------------------------------------------------------------------- */
struct tcg_stats {
    uint64_t units, insns, host_bytes, translate_ns, relative;
    uint64_t exit_direct, exit_lookup, exit_request, exit_main;
    uint64_t chained, dispatch_fills, hash_hits;
    uint64_t slow_ld, slow_st, slow_atomic, mmio, l1_fills, l2_hits, walks;
    uint64_t flush_all, flush_asid, flush_page, flush_page_large, space_switches, salts;
    uint64_t faults, interrupts, smc_writes, invalidated;
    uint64_t regions, region_insns, region_bytes, region_ns, no_regions, exit_side, samples;
};

/* --- per vCPU
 * ------------------------------------------------------------------------------------------------------------
 */
enum {
    SALT_SLOTS = 64,
    MODE_SLOTS = 64,
    QUICK_BITS = 5,
    SALT_FILTER_BITS = 16384,
    STORE_LOG = 256,
    HOT_SLOTS = 64
};
struct store_log {
    uint8_t *host;
    uint64_t old, val;
    unsigned size;
};
enum lockstep_phase { LOCKSTEP_OFF, LOCKSTEP_DRY, LOCKSTEP_CHECK };
struct tcg_vcpu {
    struct cpu *cpu;
    const struct guest_ops *ops;
    struct tcg *tcg;
    struct ir *ir, *region_ir;
    struct ir_slot *region_slots; /* the target's and the hidden ones */
    uint32_t mode, asid;
    uint64_t addr_mask;    /* guest_set_address_mask() */
    _Atomic bool in_code;  /* false: outside enter(), at a safe point or sleeping */
    _Atomic uint32_t todo; /* enum vcpu_todo: asked by other threads with CPU_REQ_ACCEL */
    /* Salts: identity of (mode, address space) in dispatch tags; forgetting one is an O(1) flush.
     */
    struct salt {
        uint64_t key, salt; /* salt 0: free */
        bool per_asid;
        uint32_t asid;
        uint64_t pages[SALT_FILTER_BITS /
                       64];     /* Bloom filter of the virtual pages dispatched under it */
    } salts[SALT_SLOTS], *salt; /* and the current one */
    uint64_t pages_any[SALT_FILTER_BITS / 64]; /* union of the salts' filters, or more */
    uint64_t salt_seed, salt_stamp;
    uint64_t salt_known; /* what env->salt was when mode was right */
    struct salt_quick {
        uint32_t mode;
        uint64_t stamp; /* valid while equal to salt_stamp */
        struct salt *salt;
    } quick[1 << QUICK_BITS];
    struct {
        uint32_t mode;
        bool used, per_asid; /* some unit of this mode came from a non-global page */
    } modes[MODE_SLOTS];
    struct tlb_l2 l2;
    struct tlb_entry found; /* what tlb_get() returned last */
    /* What a walk found last of a page that is all one device's, until something is flushed: what
     * is drawn or polled goes to the same few pages. */
    struct tlb_device {
        uint64_t tag; /* page | MMU index; or TCG_TLB_EMPTY */
        struct tlb_entry entry;
    } devices[DEVICE_PAGES];
    bool found_global; /* the unit that unit_find() returned last is mapped for all spaces */
    uint8_t idx_used;  /* bit: the second level holds entries for the index */
    struct tcg_stats stats;
    /* Loop heads that were seen when the sampling timer struck. */
    struct hot {
        gva pc;
        uint32_t mode, seen;
    } hot[HOT_SLOTS];
    int64_t side_burst; /* when the last burst of side exits ended, in microseconds */
    bool sampled;       /* since the last time round */
    bool single;        /* one instruction, then the executor */
    enum once {
        ONCE_NOT,
        ONCE_ALONE,
        ONCE_EXCLUSIVE,    /* and no other vCPU runs code meanwhile */
    } once;                /* how the next instruction is to be run */
    bool exclusive;        /* it is */
    size_t cpu_size;       /* of the target's struct */
    unsigned yields;       /* since it interrupted another vCPU */
    uint32_t sent_mode;    /* its mode at the first of them */
    unsigned futile_wakes; /* times in a row that WFI fell through without an interrupt taken */
    /* Lockstep. */
    enum lockstep_phase phase;
    bool uncomparable, dry_fault, check_fault;
    const struct unit
        *current; /* the unit being run by a back end that restores by bytecode; else NULL */
    const struct tcg_backend *current_be; /* that is inside enter() */
    uint64_t dry_fault_addr;
    struct store_log log[STORE_LOG];
    unsigned nlog;
    uint8_t *snap_before, *snap_after; /* slots by value, 16 bytes each */
};
enum vcpu_todo { TODO_DISPATCH = 1, TODO_WTAGS = 2, TODO_TLB = 4, TODO_SAMPLE = 8 };

/* What cpu_alloc returns points just behind this. */
struct tcg_block {
    struct tcg_vcpu v;
    struct tcg_env env __attribute__((aligned(64)));
};
static inline struct tcg_env *tcg_env(void *cpu)
{
    return (struct tcg_env *)((char *)cpu - sizeof(struct tcg_env));
}
static inline struct tcg_vcpu *tcg_vcpu(void *cpu)
{
    return (struct tcg_vcpu *)((struct cpu *)cpu)->accel;
}

/* --- one per machine: the accelerator's properties come first
 * --------------------------------------------------------------- */
enum { UNIT_HASH_BITS = 18 };
struct tcg {
    char *thread, *engine, *regions; /* properties */
    uint64_t tb_size;                /* MiB; 0: chosen */
    bool lockstep, one_insn, split_wx;

    struct machine *m;
    const struct tcg_backend *be, *be_ref; /* be_ref: the interpreter under lockstep */
    struct codebuf *cb;
    bool ready;
    enum { REGIONS_AUTO, REGIONS_OFF, REGIONS_ALL } tier;
    struct memory_listener listener;
    struct mutex lock; /* leaf: everything below */
    struct unit *_Atomic hash[1 << UNIT_HASH_BITS];
    GHashTable *pages; /* host page address -> struct code_page */
    struct segment *segs;
    struct mutex codegen; /* taken before lock: the code buffer's fill point */
    struct making {
        uint8_t *host;
        uint64_t written; /* granules */
    } making[2]; /* pages of the unit that is being made, and what was stored there meanwhile */
    _Atomic uint64_t
        evictions; /* segments evicted so far: unit pointers from before an eviction are void */
    _Atomic uint32_t excl_waiters;
    FILE *perf_map;
    struct counting { /* count.c: -icount */
        bool wanted, sleeps;
        unsigned shift;
        struct cpu *cpu;    /* the one that counts; NULL: none does */
        struct mutex lock;  /* leaf: all below, and the vCPU's env->grant while it is not in code */
        int64_t granted;    /* instructions, with those of env->grant */
        ns_t skipped;       /* virtual time that passed while it waited */
        int64_t idle_since; /* monotonic time; 0: it does not wait */
    } counting;
};

/* Bit of unit.mode: one instruction, in a page whose parts have different permissions.  Such units
 * are reached through the executor only, which asks for permission every time. */
#define UNIT_STRICT (1u << 31)
/* Likewise: one instruction that comes back to the executor, for single step. */
#define UNIT_STEP  (1u << 30)
#define UNIT_ALONE (UNIT_STRICT | UNIT_STEP)
/* translate.c: the unit at pc, for a vCPU in code; NULL: make it from *e, or, when e->host is NULL,
 * fetching faulted (the trap was entered). */
struct unit *unit_find(struct tcg_vcpu *v, gva pc, struct tlb_entry *e);
/* Make it, at a safe point; false when fetching faulted. */
bool unit_make(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e);
/* Make a region from the loop whose head is the unit at pc, if there is one; at a safe point. */
void unit_make_region(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e);
/* sample.c: interrupt this thread's vCPU from time to time while it uses the processor. */
struct sampler *sampler_new(struct tcg_vcpu *v);
void sampler_free(struct sampler *s);
/* Whether the unit at pc, which the vCPU is about to run, deserves a region now. */
bool sample_is_hot(struct tcg_vcpu *v, gva pc, const struct unit *u);
/* units.c: all under tcg->lock unless said */
/* Lock-free, for a vCPU in code: nothing is evicted meanwhile. */
struct unit *unit_lookup(struct tcg *t, const uint8_t *host, gva key, uint32_t mode);
void unit_publish(struct tcg *t, struct unit *u);
/* Let region, published, run in base's place. */
void unit_set_region(struct tcg *t, struct unit *base, struct unit *region, struct tcg_vcpu *self)
    REQUIRES(t->lock);
struct unit *unit_by_address(struct tcg *t, uintptr_t addr); /* takes the lock */
/* Let the direct exit at host address site jump to `to`; takes the lock. The caller is in code:
 * nothing can be evicted.  False: it does not. */
bool unit_chain(struct tcg_vcpu *v, uintptr_t site, struct unit *to);
/* Take a region away for good; takes the lock. */
void unit_drop_region(struct tcg_vcpu *v, struct unit *region);
void unit_invalidate(struct tcg *t, struct unit *u, struct tcg_vcpu *self) REQUIRES(t->lock);
/* Code of the page is about to be translated, to be found under its own pc only.  False: not that
 * way, since its units lie at another virtual page; those are gone now, and RAM_PAGE_MOVES is set.
 */
bool code_page_settle(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e);
void unit_free(struct tcg *t, struct unit *u);
void units_evict_segment(struct tcg *t, unsigned seg);
struct code_page *code_page_get(struct tcg *t, uint8_t *host_page, bool create,
                                const struct tlb_entry *e);
/* The granules of [off, off+len) of a page. */
static inline uint64_t granule_mask(uint64_t off, uint64_t len)
{
    unsigned first = (off & ~PAGE_MASK_) >> GRANULE_BITS,
             last = ((off + len - 1) & ~PAGE_MASK_) >> GRANULE_BITS;
    return MASK64(first, last - first + 1);
}
/* smc.c: make sure that stores to the page are seen from now on; before its bytes are read. */
void code_page_protect(struct tcg_vcpu *v, const struct tlb_entry *e, unsigned nth)
    REQUIRES(v->tcg->codegen);
/* Whether u is made from what is there now; it is not in the making any more. */
bool smc_end_making(struct tcg *t, const struct unit *u) REQUIRES(t->lock);
void smc_written(struct tcg *t, struct tcg_vcpu *self, struct ram_block *ram, uint64_t off,
                 uint64_t len);
/* Withdraw every vCPU's write tags, after dirty notes were cleared. */
void smc_withdraw_all(struct tcg *t);
/* tlb.c */
void tlb_create(struct tcg_vcpu *v); /* before tlb_init() */
void tlb_destroy(struct tcg_vcpu *v);
void tlb_init(struct tcg_vcpu *v); /* empty it */
/* Before an access may find another memory map. */
void tlb_forget_devices(struct tcg_vcpu *v);
/* The entry that serves access at addr, walking if need be; NULL: *cause says why. Valid until the
 * next tlb_get. */
struct tlb_entry *tlb_get(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                          uint32_t *cause);
/* tlb_l1.c */
/* Host address for a load or store at addr, if the first level knows; else NULL. */
void *tlb_l1_host(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx);
/* Put it into the first level; false when it may not be there (registers, stores to code). */
bool tlb_fill_l1(struct tcg_vcpu *v, const struct tlb_entry *e, gva addr, enum guest_access access,
                 unsigned idx);
void tlb_withdraw_writes(struct tcg_vcpu *v);                         /* empty every write tag */
void tlb_withdraw_page(struct tcg_vcpu *v, const uint8_t *host_page); /* write tags of one page */
/* count.c */
enum { COUNT_EXHAUSTED = 3 }; /* reason of exit_main */
bool count_init(struct tcg_vcpu *v, struct error **errp) MUST_CHECK;
void count_fini(struct tcg *t);
/* Around the code of a unit of one instruction. */
unsigned count_begin_unit(struct ir *ir);
void count_end_unit(const struct tcg_vcpu *v, struct ir *ir, unsigned none_left, gva pc);
/* Before a unit is run: false while timers are due first. */
bool count_grant(struct tcg_vcpu *v);
/* cpu_sleep(), and what it means for virtual time. */
void count_sleep(struct tcg_vcpu *v);
/* dispatch.c */
void dispatch_init(struct tcg_vcpu *v);
void dispatch_mode_changed(struct tcg_vcpu *v);
/* Whether code was left in the mode that swaps lead to: v->mode is not right then. */
bool dispatch_swapped(struct tcg_vcpu *v);
void dispatch_space_changed(struct tcg_vcpu *v);
void dispatch_forget_all(struct tcg_vcpu *v);
/* The same, and find out anew which modes run from global pages only. */
void dispatch_begin_anew(struct tcg_vcpu *v);
void dispatch_forget_asid(struct tcg_vcpu *v, uint32_t asid);
void dispatch_forget_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid);
/* A unit is about to run at pc: its page is known under the current salt from now on. Before
 * dispatch_fill(). */
void dispatch_note_run(struct tcg_vcpu *v, gva pc, const struct unit *u);
void dispatch_forget_unit(struct tcg_vcpu *v, const struct unit *u);
void dispatch_fill(struct tcg_vcpu *v, gva pc, const struct unit *u);
/* ldst.c */
extern const struct tcg_callbacks tcg_slow_paths;
/* softfp.c */
uint64_t tcg_soft_fp(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3], unsigned round,
                     uint8_t *flags);
/* The bit of addr's virtual page in code_page.seen_at. */
static inline uint64_t page_filter(gva addr)
{
    return UINT64_C(1) << ((addr >> TCG_PAGE_BITS) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}
/* debug.c */
/* accel_ops.debug_changed. */
void tcg_debug_changed(struct machine *m, const struct debug_point *p);
/* Whether a breakpoint ends units at pc: at its offset in every page when they are relative. */
bool break_at(const struct tcg_vcpu *v, gva pc, bool relative);
/* Whether one lies where a region of the unit may reach. */
bool break_near(const struct tcg_vcpu *v, const struct unit *u);
/* Whether a watchpoint lies in the 2^bits bytes around addr. */
bool watch_near(const struct tcg_vcpu *v, gva addr, unsigned bits);
/* exec.c */
void tcg_cpu_thread(struct cpu *cpu);
/* excl.c: no other vCPU is inside translated code between these. */
void excl_begin(struct tcg *t, struct tcg_vcpu *self);
void excl_end(struct tcg *t, struct tcg_vcpu *self);
void vcpu_enter_code(struct tcg_vcpu *v);
void vcpu_leave_code(struct tcg_vcpu *v);
/* Ask another vCPU for todo bits at its next safe point. */
void vcpu_ask(struct tcg_vcpu *v, uint32_t bits);
void vcpu_do(struct tcg_vcpu *v);
/* lockstep.c */
struct tcg_exit lockstep_run(struct tcg_vcpu *v, struct unit *u);
void lockstep_log_store(struct tcg_vcpu *v, uint8_t *host, unsigned size, uint64_t val);
/* dump.c */
void dump_in_asm(struct tcg_vcpu *v, const struct unit *u, const gva *pcs, unsigned n);
void dump_out_asm(struct tcg_vcpu *v, const struct unit *u);
void dump_stats(struct machine *m, FILE *f);
void perf_map_add(struct tcg *t, const struct unit *u);

#endif
