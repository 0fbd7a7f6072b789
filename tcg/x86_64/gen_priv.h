/*
 * Inside of the x86-64 back end: host description, allocator state, out-of-line code, and what the
 * rules share.
 */
#ifndef TCG_X86_64_GEN_PRIV_H
#define TCG_X86_64_GEN_PRIV_H

#include "tcg/backend.h"
#include "tcg/codebuf.h"
#include "tcg/ir_priv.h"
#include "tcg/x86_64/asm.h"

enum {
    SPILL_SLOTS = 256,             /* 8 bytes each, at rsp */
    FRAME_BYTES = SPILL_SLOTS * 8, /* a multiple of 16 */
    MAX_OP_BYTES = 1024,           /* more than any op emits in line, or any piece out of line */
    MAX_EXITS = 512,
    MAX_MARKS = 4096,
    MAX_COLD = 4096,
    MAX_GROUPS = 64,
    MAX_LATE = 16,
    MAX_FIXUPS = 1024,
    MAX_LATE_COPIES = 8192,
    GROUP_SPAN = 512, /* bytes: the longer, the likelier to lie across two pages */
    NO_GROUP = 0xff,
    NO_SLOT = 0xff,
    NO_SPILL = 0xffff,
};
#define NO_VAL     UINT32_MAX
#define REG_BIT(r) (UINT32_C(1) << (r))
#define ALL_GPR    UINT32_C(0x0000ffff)
#define ALL_XMM    UINT32_C(0xffff0000)
/* What a C function may clobber.  Ref: System V ABI, AMD64 supplement, 3.2.1. */
#define CALLER_SAVED                                                                               \
    (REG_BIT(RAX) | REG_BIT(RCX) | REG_BIT(RDX) | REG_BIT(RSI) | REG_BIT(RDI) | REG_BIT(R8) |      \
     REG_BIT(R9) | REG_BIT(R10) | REG_BIT(R11) | ALL_XMM)

/* Offsets into the constant pool; 16-byte entries may be operands of packed instructions. */
enum pool {
    POOL_SIGN64 = 0,
    POOL_SIGN32 = 16,
    POOL_ABS64 = 32,
    POOL_ABS32 = 48,
    POOL_BOX = 64,
    POOL_NAN64 = 80,
    POOL_NAN32 = 88,
    POOL_2P63_F64 = 96,
    POOL_2P63_F32 = 104,
    POOL_2P32_F64 = 112,
    POOL_2P32_F32 = 120,
    POOL_SHL8 = 128,                /* bytes 0xff << n, n from 0 to 8 */
    POOL_SHR8 = POOL_SHL8 + 144,    /* 0xff >> n */
    POOL_SAR8 = POOL_SHR8 + 144,    /* 0x80 >> n */
    POOL_REV8 = POOL_SAR8 + 144,    /* byte numbers for PSHUFB, by container log2, from 1 to 3 */
    POOL_TBL = POOL_REV8 + 48,      /* 0x70: adding it saturates what is above 15 to above 0x7f */
    POOL_NIBBLE = POOL_TBL + 16,    /* 0x0f */
    POOL_POPCNT = POOL_NIBBLE + 16, /* of 0 to 15 */
    POOL_MIN64 = POOL_POPCNT + 16,  /* the least normal numbers */
    POOL_MIN32 = POOL_MIN64 + 16,
    POOL_NEG_MIN64 = POOL_MIN32 + 16,
    POOL_NEG_MIN32 = POOL_NEG_MIN64 + 8,
    POOL_SIZE = POOL_NEG_MIN64 + 16,
};

/* Effects that a helper call stub honours, and how its arguments come. */
enum call_stub {
    CALL_STORE_ALL = 1,  /* every pinned slot is in memory during the call */
    CALL_RELOAD_ALL = 2, /* and is loaded again after it */
    CALL_FPENV = 4,      /* host's MXCSR during the call, guest's image in memory */
    CALL_CPU = 8,        /* the CPU pointer comes before the arguments */
    CALL_WIDE = 16,      /* arguments 3 and 4 are in env->save */
    CALL_BARE = 32,      /* registers of slots are the site's business */
    CALL_STUBS = 64,
};

/* What stubs keep: scratch registers, while pinned slots have homes; in a region, where other slots
 * are in registers, every register; in a wide one with its upper half. */
enum keeping { KEEP_SCRATCH, KEEP_ALL, KEEP_ALL_256, KEEPINGS };

struct x86_features {
    bool avx, avx2, fma, f16c, bmi1, bmi2, lzcnt, popcnt, movbe, aes, pclmul, sha;
    bool sse41; /* and SSSE3 */
    bool sse42;
};

/* Which register holds which slot. */
struct pin_map {
    uint8_t pin_reg[IR_MAX_SLOTS]; /* NO_REG: the slot lives in memory */
    uint8_t reg_slot[X86_NREGS];   /* NO_SLOT: not pinned */
    uint32_t pinned, scratch;      /* register masks */
};

/* Fixed at init: what the host can do, the pins between units, where the shared stubs are. */
struct x86_rt {
    struct x86_features has;
    struct tcg_layout layout;
    struct pin_map abi;
    int32_t pc_off;
    const uint8_t *pool;
    const uint8_t
        *probe_direct; /* called with the pc in RAX: on by the dispatch cache, or leave_direct */
    const uint8_t *leave_tag; /* with pc ^ salt in RAX: leave_lookup */
    const uint8_t *leave_direct, *leave_lookup, *leave_request, *leave_main, *leave_side;
    /* Fill the first-level TLB from the second: [is a store][MMU index][index][tag], the latter two
     * by registers. Called with what the check of an access had there; equal when that was done,
     * with the addend in place of the index. NULL: not for these registers. */
    const uint8_t *refill[2][TCG_MMU_MODES][16][16];
    const uint8_t *miss_ld[2]; /* slow paths of memory; [1] keeps scratch XMM registers */
    const uint8_t *miss_st[2];
    /* The same behind a look into the first-level TLB, by MMU index; little endian only, loads by
     * size and MO_SIGN. */
    const uint8_t *again_ld[2][TCG_MMU_MODES][MO_SIGN + MO_64 + 1];
    const uint8_t *again_st[2][TCG_MMU_MODES][MO_64 + 1];
    const uint8_t *miss_atomic[2];
    const uint8_t *miss_cas[2];
    const uint8_t *miss_ld128[2], *miss_st128[2];
    /* Exact floating point and vector ops: by enum keeping. */
    const uint8_t *soft[KEEPINGS], *soft_vec[KEEPINGS];
    const uint8_t *fill[KEEPINGS]; /* first-level TLB by C code; not [KEEP_SCRATCH] */
    const uint8_t *make_flags; /* IR_FLAGS_ANY in their homes to the slot at RBP + RCX; keeps RAX */
    const uint8_t *call[CALL_STUBS];
    const uint8_t *x87_leave, *x87_enter, *x87_run[X87_DONE + 1]; /* keep every register */
    struct tcg_exit (*enter)(void *cpu, const void *code);
    void (*unwind)(void *cpu, uint32_t reason);
};

/* What the backward pass finds out about a value, and where the forward pass keeps it. */
struct val {
    uint32_t last; /* the last op that reads it; 0: none */
    uint16_t nuse;
    uint16_t spill; /* frame cell that holds it, or NO_SPILL */
    uint8_t reg;    /* register that holds it, or NO_REG */
    uint8_t slot;   /* memory slot that holds it: then mem_val[slot] is this value; or NO_SLOT */
    uint8_t hint;   /* slot set to it later, with nothing between that could tell; or NO_SLOT */
    uint8_t group;  /* of a load or store: which group it belongs to, or NO_GROUP */
    bool as_addr;   /* used as the address of a load or store */
    bool fused;     /* computed by its only user */
    bool scaled;    /* used by an addition that could do the shift */
    bool tested;    /* used by a comparison with zero that could do the AND */
    uint16_t late;  /* how many of its users are late sets, or flags of late sets on top of it */
    bool is_base;   /* one is the latter */
    uint32_t set;   /* the late set */
};

/*
 * The backward pass: the value that a slot will be set to, with nothing from here on that could
 * tell; valid while seen is the epoch, which counts over all compilations of a thread.
 */
struct open_sets {
    uint64_t epoch;
    uint64_t seen[IR_MAX_SLOTS];
    uint32_t val[IR_MAX_SLOTS];
    uint32_t next_set[IR_MAX_SLOTS]; /* of the slot in this block, or the block's end */
    uint32_t next_hard;              /* op that must find all slots set, or the block's end */
};

/*
 * Loads, or stores, of one block that go off the same value with constant offsets: one check of the
 * whole span serves all, and its addend stays in a register, which is zero when the check failed.
 */
struct group {
    uint32_t base;        /* value */
    uint32_t epoch;       /* of the calls between which it lies */
    uint32_t first, last; /* ops */
    int32_t lo, hi;       /* span: offsets of the first byte and behind the last */
    uint16_t n;
    uint8_t idx;
    bool is_write;
    bool narrow; /* addresses are sums in 32 bits */
};

/* A set that takes place on the ways out (IR_LATE), and where its value is. */
struct late {
    const struct ir_op *set, *value; /* value: what makes it, or NULL for a constant */
    bool hidden;                     /* flags of hidden slots, which stay where they are */
    uint8_t kind;                    /* of those: enum ir_flags_in */
    struct opnd at2, at3;            /* second and third operand of flags */
    struct opnd at;                  /* of what goes into the extension or box, if value is one */
    /* What flags are on top of, if value has only some of them. */
    enum late_base {
        LATE_BASE_NONE,
        LATE_BASE_SLOT,   /* what the slot has */
        LATE_BASE_HIDDEN, /* what it would have of hidden slots: base_kind */
        LATE_BASE_VALUE,  /* a value, which is at3 */
        LATE_BASE_FLAGS,  /* flags that are made here, too: of base_value */
    } base;
    uint8_t base_kind;
    const struct ir_op *base_value;
    struct opnd base_at, base_at2;
};

/* What late sets need on the way to a block of the unit. */
struct late_edge {
    bool flush; /* that they take place */
    bool move;  /* that flags go to their hidden slots */
    bool kind;  /* that what they are is noted there */
};

static inline enum keeping keeping_of(bool is_region, bool is_wide)
{
    return !is_region ? KEEP_SCRATCH : is_wide ? KEEP_ALL_256 : KEEP_ALL;
}

struct gen;
/* Code out of line: emitted after the unit's straight part. */
struct cold {
    void (*emit)(struct gen *g, const struct cold *k);
    uint8_t *from;        /* displacement that leads here, or NULL */
    const uint8_t *back;  /* where to go on (writable address) */
    const uint8_t *retry; /* the check, when the TLB has been filled */
    const uint8_t *hit;   /* of an access: behind its check, or NULL; then: when refilling fails */
    void (*then)(struct gen *g, const struct cold *k);
    const struct ir_op *op;
    uint32_t mark;
    uint32_t exit;
    uint64_t pc, page; /* page: where has_page, that of a constant address */
    struct opnd a, b, c;
    uint32_t groups; /* registers of group addends that a slow path makes void */
    uint8_t d, t, u;
    uint8_t cc;
    bool wide, keep_xmm, has_cmp, is_test, has_page;
    struct late_edge edge;
    uint16_t late, nlate; /* copies of the late sets as they were */
};

struct mark {
    uint32_t off; /* of the return address, from the unit's start */
    uint32_t op;  /* the insn op */
};

struct fixup {
    uint8_t *field;
    unsigned blk;
};

/* A register that holds another slot inside a region than between units. */
struct repin {
    uint8_t reg;
    uint8_t inner, outer; /* slots, or NO_SLOT */
    bool load, store;     /* the inner slot: at entry, at exits */
    bool upper;           /* they are one, of which only the upper half changes hands */
};
struct region {
    struct pin_map map;
    uint32_t narrow; /* registers of V256 slots that it does not use: upper halves are in memory */
    unsigned n;
    struct repin repins[X86_NREGS];
};

/* One compilation.  Reused by its thread. */
struct gen {
    struct x86_code c;
    uint8_t *rw, *limit;
    uint32_t chain_off; /* see struct host_code */
    const struct x86_rt *rt;
    const struct pin_map *map; /* of this unit */
    struct ir *ir;
    const struct compile_opts *o;
    bool wide;            /* a wide unit (ir_set_wide()): registers have upper halves that count */
    uint32_t vl;          /* X_L while an op on 256 bits is emitted, or 0 */
    struct region region; /* valid when o->region */
    const char *why;      /* set: give up */

    const struct ir_op *op;
    uint32_t cur;  /* its index */
    uint32_t mark; /* the insn op it belongs to, or NO_VAL */

    /* The zero flag at this place says whether this register is zero. */
    const uint8_t *zero_at;
    unsigned zero_reg;
    bool zero_wide;

    /* At this place this vector register is zero, and nobody's. */
    const uint8_t *zero_xmm_at;
    unsigned zero_xmm;

    /* The flags at this place are those of comparing two values, or those of an addition and the
     * like: of the value a, with b for the sake of which one it was; and those that were packed. */
    struct known_flags {
        const uint8_t *at;
        ir_val a, b, packed;
        bool is_result;
    } known;

    bool x87_is_live; /* the host's x87 has the guest's state, here */

    uint32_t free, locked,
        temps; /* scratch registers: unused; not to be evicted now; freed at the op's end */
    uint32_t owner[X86_NREGS]; /* the value a register holds, or NO_VAL */
    uint32_t mem_val[IR_MAX_SLOTS];
    uint64_t spill_used[SPILL_SLOTS / 64];
    struct val val[IR_MAX_OPS + MAX_GROUPS]; /* by op; then the addends of groups */
    struct group groups[MAX_GROUPS];         /* of the current block */
    unsigned ngroups;
    uint32_t group_epoch;
    struct open_sets open;

    uint8_t *label[IR_MAX_BLOCKS];
    struct late late[MAX_LATE]; /* of the current block, not yet overwritten */
    struct ir_op hidden_set;    /* of the flags that are in hidden slots */
    unsigned nlate;
    struct late late_copies[MAX_LATE_COPIES];
    unsigned nlate_copies;

    unsigned at; /* place of the current block in the layout */
    unsigned nfixups, nexits, nmarks, ncold;
    struct fixup fixups[MAX_FIXUPS];
    struct exit_site exits[MAX_EXITS];
    struct mark marks[MAX_MARKS];
    struct cold cold[MAX_COLD];
};

/* --- live.c --- */
/* Last uses, destination hints and fused addresses of one block: the backward pass. */
void live_block(struct gen *g, const struct ir_block *b);
/* The op that makes v, seen through aliases; v is not a constant. */
uint32_t val_id(const struct gen *g, ir_val v);
/* The value that op reads as argument k (through fused addresses), or NO_VAL for a constant. */
uint32_t arg_id(const struct gen *g, const struct ir_op *op, unsigned k);
/* An address as a value and an offset, whether or not the addition is fused; v is not a constant.
 * narrow: it is their sum in 32 bits. */
int32_t address_parts(const struct gen *g, ir_val v, uint32_t *base, bool *narrow);

/* op leaves nothing but the bits *mask of its argument. */
bool tests_bits(const struct gen *g, const struct ir_op *op, uint64_t *mask);

/* A narrow value whose register has nothing above it. */
bool value_is_clean(const struct gen *g, ir_val v);
/* A scalar in a vector register whose rest is zero. */
bool scalar_is_clean(const struct gen *g, ir_val v);

/* --- alloc.c --- */
void ra_block_begin(struct gen *g);
void ra_op_end(struct gen *g);
/* The value in a register (loaded if need be), which is locked until the op's end. */
unsigned ra_use(struct gen *g, ir_val v);
unsigned ra_use_id(struct gen *g, uint32_t id);
/* The same, or a memory operand where that is as good; or a 32-bit immediate. */
struct opnd ra_rm(struct gen *g, ir_val v);
struct opnd ra_rmi(struct gen *g, ir_val v);
bool ra_imm32(const struct gen *g, ir_val v, int32_t *imm);
/* A scratch register until the op's end. */
unsigned ra_temp(struct gen *g);
unsigned ra_temp_xmm(struct gen *g);
/* This scratch register until the op's end; it must not be locked. */
void ra_take(struct gen *g, unsigned r);
/* The same, with a copy of v in it. */
void ra_fixed(struct gen *g, unsigned r, ir_val v);
/* The register of the op's result, none of avoid: the hinted pinned one, a dying argument's, or a
 * free one. */
unsigned ra_def(struct gen *g, uint32_t avoid);
/* The same, but rather temporary t than a new one. */
unsigned ra_def_temp(struct gen *g, unsigned t);
/* The result is in temporary r. */
void ra_def_fixed(struct gen *g, unsigned r);
/* Whether r would be a good place for the result of this op: hinted, or the register of an argument
 * that dies. */
bool ra_likes(const struct gen *g, unsigned r);
/* Temporary t holds value id from now on; it is a temporary again. */
void ra_keep(struct gen *g, unsigned t, uint32_t id);
void ra_unkeep(struct gen *g, uint32_t id);
/* Scratch registers of class ALL_GPR that cost nothing to take. */
unsigned ra_free_gprs(const struct gen *g);
/* Where value id is, a register if possible. */
struct opnd ra_where(const struct gen *g, uint32_t id);
/* Registers that hold addends of groups. */
uint32_t ra_group_regs(const struct gen *g);
void ra_get(struct gen *g, unsigned slot);
void ra_set(struct gen *g, unsigned slot, ir_val v);
/* Slot's memory may change from here on. */
void ra_leave_memory(struct gen *g, unsigned slot);
/* Note that the op has stored its result to memory slot slot itself. */
void ra_def_in_slot(struct gen *g, unsigned slot);
/* Before a call: live values leave caller-saved scratch registers, and slots that it writes (all if
 * writes_all). */
void ra_before_call(struct gen *g, const struct ir_slot_set *writes, bool writes_all);
/* After it: nothing is left in caller-saved scratch registers. */
void ra_after_call(struct gen *g);
/* d = s, by class; d and s may be equal. */
void ra_move(struct gen *g, unsigned d, unsigned s);
struct opnd slot_opnd(const struct gen *g, unsigned slot);
/* Between a register and memory, by type. */
void load_typed(struct gen *g, enum ir_type t, unsigned r, struct opnd m);
void store_typed(struct gen *g, enum ir_type t, struct opnd m, unsigned r);
/* Between a register and the slot's place in memory. */
void slot_load(struct gen *g, unsigned slot, unsigned r);
void slot_store(struct gen *g, unsigned slot, unsigned r);
/* Held in vector registers. */
static inline bool type_is_fp(enum ir_type t)
{
    return t == F32 || t == F64 || t == V128 || t == V256;
}
/* A view of its operand's register: no code. */
static inline bool opc_is_alias(unsigned opc)
{
    return opc == OP_trunc || opc == OP_vto64 || opc == OP_vto32 || opc == OP_vlo128;
}
static inline uint32_t opnd_bit(struct opnd o)
{
    return o.kind == OPND_REG ? REG_BIT(o.reg) : 0;
}

/* --- region.c --- */
/* Choose which slots the region keeps in registers. */
void region_assign(struct gen *g);
/* A late set was met: its value is looked for at each way out. */
void late_note(struct gen *g, const struct ir_op *set);
/* The slot is set: late sets of it are void. */
void late_forget(struct gen *g, unsigned slot);
/* A block begins: its flags may be in hidden slots. */
void late_block_begin(struct gen *g, const struct ir_block *b);
struct late_edge late_edge_to(const struct gen *g, unsigned blk);
/* The latter two; the host's flags stay. */
void late_move(struct gen *g, struct late_edge edge);
/* Do the late sets that were noted, or those that were copied for a piece out of line. */
void late_flush(struct gen *g);
void late_flush_copy(struct gen *g, const struct cold *k);
/* The same of those that were copied. */
void late_move_copy(struct gen *g, const struct cold *k, struct late_edge edge);
/* Remember for k where values are now. */
void late_copy(struct gen *g, struct cold *k);
/* At the entry: the inner slots take their registers.  At every way out: the outer ones are back.
 */
void region_enter(struct gen *g);
void region_leave(struct gen *g);

/* --- cold.c --- */
/* A piece of code out of line, reached from the displacement at from. */
struct cold *cold_new(struct gen *g, void (*emit)(struct gen *, const struct cold *),
                      uint8_t *from);
void cold_emit_all(struct gen *g);
void cold_return(struct gen *g, const struct cold *k); /* jump to k->back */
void mark_here(struct gen *g, uint32_t mark); /* the return address is the next instruction */
bool scratch_xmm_live(const struct gen *g);

/* --- rules --- */
typedef void (*rule_fn)(struct gen *g, const struct ir_op *op);
extern const rule_fn rules_int[OP_COUNT], rules_flags[OP_COUNT], rules_fp[OP_COUNT],
    rules_mem[OP_COUNT], rules_ctl[OP_COUNT], rules_vec[OP_COUNT], rules_vfp[OP_COUNT],
    rules_sse[OP_COUNT], rules_x87[OP_COUNT];
/* Exact arithmetic on vectors: what the host cannot do. The stub keeps all registers. */
void vec_soft_inline(struct gen *g, const struct ir_op *op);
/* Out of line: redo the op on arguments that are still in these registers, into d. */
void vec_soft_cold(struct gen *g, uint8_t *from, const unsigned arg[3], unsigned d);
/* Vector instructions of three operands, d = a op b, where b may not be in d unless a is or the
 * host has AVX; and of two. */
void vec_op3(struct gen *g, uint32_t op, unsigned d, unsigned a, struct opnd b);
void vec_op3_imm(struct gen *g, uint32_t op, unsigned d, unsigned a, struct opnd b, unsigned imm);
void vec_op2(struct gen *g, uint32_t op, unsigned d, struct opnd a);
void vec_op2_imm(struct gen *g, uint32_t op, unsigned d, struct opnd a, unsigned imm);
static inline bool nan_is_arm(uint32_t nan)
{
    return (nan & 3) >= IR_NAN_ARM;
}

/* A compare that is ready to be emitted: operands in place, nothing else may be allocated. */
enum x86_cc x86_cc_of(enum ir_cc cc);
struct cmp {
    struct opnd a, b;
    bool w;
    bool is_test; /* of the bits b of a with zero */
    bool ready;   /* the flags are there already */
    bool has_flags;
    enum x86_cc cc, flags_cc; /* flags_cc: where has_flags says that they were at the beginning */
};
void cmp_prepare(struct gen *g, struct cmp *k, ir_val a, ir_val b, enum ir_cc cc);
void cmp_emit(struct gen *g, const struct cmp *k);
/* Nothing but moves comes between cmp_prepare() and what uses the flags. */
static inline void cmp_use_flags(struct cmp *k)
{
    if (!k->has_flags)
        return;
    k->ready = true;
    k->cc = k->flags_cc;
}
/* The host's flags, which stay, packed as the result of the op, in EAX. */
void pack_eflags(struct gen *g, ir_val a, ir_val b, bool is_result);
/* For late sets: the packed flags of op in EAX, whose first operand is there already. */
void flags_of_rax(struct gen *g, const struct ir_op *op, struct opnd b, struct opnd in);
/* The same of op that has a base (ir_eflags_has_base()), which is in memory at home, and becomes
 * op's flags there.  A count that is not constant is in ECX; changes both. */
void flags_onto_home(struct gen *g, const struct ir_op *op, struct opnd b, struct opnd home);
/* Whether the host's flags say it, with *cc for them; nothing has been emitted since. */
bool flags_are_known(const struct gen *g, ir_val a, ir_val b, enum ir_cc cc, enum x86_cc *host_cc);
/* The same of a comparison of some bits of packed with zero. */
bool packed_flags_are_known(const struct gen *g, ir_val packed, uint32_t bits, enum ir_cc cc,
                            enum x86_cc *host_cc);
/* The next op wants the flags of the one that is being emitted. */
bool flags_are_wanted(const struct gen *g);
/* The operation just before has set the flags that k wants. */
bool cmp_is_ready(const struct gen *g, const struct cmp *k);
static inline enum x86_cc cc_invert(enum x86_cc cc)
{
    return cc ^ 1;
}
/* Leave a region for the guest instruction of k, which the executor then does by other means. */
void leave_side(struct gen *g, const struct cold *k);
/* --- x87.c --- */
void x87_emit_stubs(struct x86_rt *rt, struct x86_code *c);
/* In stubs, before C code: the guest's state goes to its slots; and if it is to be as before
 * afterwards (changes RAX; every register stays). */
void x87_emit_leave(const struct x86_rt *rt, struct x86_code *c);
void x87_emit_suspend(const struct x86_rt *rt, struct x86_code *c);
void x87_emit_resume(const struct x86_rt *rt, struct x86_code *c);
/* The host's x87 has the guest's state from here on. */
void x87_fetch(struct gen *g);
/* An instruction with an operand in memory; of x87_ld and x87_st. */
void x87_on_memory(struct gen *g, uint32_t fop, struct opnd m);
uint32_t x87_fop(const struct ir_op *op);
/* --- calls.c --- */
void rule_call(struct gen *g, const struct ir_op *op);
/* For what comes from the dispatch cache, at the start of a relative unit. */
void emit_arrival(struct gen *g);
/* Test the request word before the first instruction. */
void emit_entry_poll(struct gen *g);

/* --- stubs.c, soft.c --- */
void stubs_emit(struct x86_rt *rt, struct x86_code *c);
struct soft_frame {
    uint64_t arg[3]; /* the result replaces the first */
    uint64_t desc;   /* opcode | operand type << 8 | result type << 16 | attr << 32 */
};
struct soft_vec_frame {
    union ir_vec arg[3]; /* the result replaces the first; what is no vector is in d[0] */
    uint64_t desc;       /* opcode | attr << 32 */
    uint64_t pad;
};
/* Called by the soft_vec stub. */
void x86_soft_vec(void *cpu, struct soft_vec_frame *f, const struct x86_rt *rt);
/* Called by the soft stub: exact arithmetic, flags into the guest's MXCSR image. */
void x86_soft_call(void *cpu, struct soft_frame *f, const struct x86_rt *rt);

/* --- patch.c --- */
void x86_patch(struct host_code *from, unsigned exit, const struct host_code *target,
               struct codebuf *cb);
bool x86_restore(const struct host_code *hc, uintptr_t ra, uint64_t *pc, uint32_t *word);
/* Fill out's tables from what was gathered. */
void x86_publish_tables(const struct gen *g, struct host_code *out);

#endif
