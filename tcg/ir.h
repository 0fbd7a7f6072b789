/*
 * The intermediate representation: a unit of basic blocks of typed operations.
 *
 * Values are SSA and live inside one block; what crosses blocks lives in slots (named pieces of
 * guest CPU state). Constructors fold: constants, identities, the last value of a slot, overwritten
 * slot writes. One struct ir is reused for unit after unit by one thread; nothing in it is shared.
 */
#ifndef TCG_IR_H
#define TCG_IR_H

#include "util/annot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ir_type { IR_VOID, I32, I64, F32, F64, V128, V256 };

/* A value: index of the op that makes it, or a constant (IR_CONST_BIT | index in ir->consts). */
typedef struct {
    uint32_t id;
} ir_val;
#define IR_CONST_BIT UINT32_C(0x80000000)
#define IR_NONE      ((ir_val){UINT32_C(0x7fffffff)})

enum ir_cc {
    IR_EQ,
    IR_NE,
    IR_LT,
    IR_GE,
    IR_LE,
    IR_GT,
    IR_LTU,
    IR_GEU,
    IR_LEU,
    IR_GTU,
    IR_FEQ,
    IR_FLT,
    IR_FLE,
    IR_FLTQ,
    IR_FLEQ
};
/* Packed flags, as the flags_* ops give them: what LAHF and SETO leave in AX, carry inverted for
 * additions. */
enum ir_flag { IR_FLAG_N = 1 << 15, IR_FLAG_Z = 1 << 14, IR_FLAG_NOT_C = 1 << 8, IR_FLAG_V = 1 };
/* Flags, as the eflags_* ops give them: in the same order, with auxiliary carry and parity. */
enum ir_eflag {
    IR_EFLAG_O = 1 << 0,
    IR_EFLAG_C = 1 << 8,
    IR_EFLAG_1 = 1 << 9, /* always set */
    IR_EFLAG_P = 1 << 10,
    IR_EFLAG_A = 1 << 12,
    IR_EFLAG_Z = 1 << 14,
    IR_EFLAG_S = 1 << 15,
    IR_EFLAGS = IR_EFLAG_O | IR_EFLAG_C | IR_EFLAG_P | IR_EFLAG_A | IR_EFLAG_Z | IR_EFLAG_S
};
enum ir_round {
    IR_RNE,
    IR_RTZ,
    IR_RDN,
    IR_RUP,
    IR_RMM,
    IR_RDYN = 7
}; /* RISC-V numbering; DYN = the vCPU's mode */
enum { IR_RINT_EXACT = 8 };
/*
 * Which NaN an operation gives. The rules of Arm, with FPCR.DN 0 and 1, also detect tininess before
 * rounding, the others after it.
 */
enum ir_nan {
    IR_NAN_DEFAULT, /* the positive canonical one */
    IR_NAN_X86,     /* whatever SSE gives */
    IR_NAN_ARM,     /* signalling operands first, then in order, made quiet */
    IR_NAN_ARM_DN,  /* the positive canonical one */
};
enum { IR_RINT_NAN_SHIFT = 4 }; /* frint: where its enum ir_nan is */
enum { IR_FTOI_NAN_ZERO = 16 }; /* ftosi, ftoui: a NaN gives 0 */
enum { IR_FMA_NEG_PRODUCT = 16, IR_FMA_NEG_ADDEND = 32 };
/* fmin, fmax: a NaN operand gives a NaN; a signalling one does. */
enum { IR_MINMAX_NAN = 16, IR_MINMAX_SNAN = 32 };
enum { IR_VNAN_SHIFT = 4, IR_VFMA_NEG_PRODUCT = 64, IR_VFMA_NEG_ADDEND = 128, IR_VROUND_SHIFT = 8 };
/*
 * Instructions of SSE and AVX on 128 bits, as attributes of sse and its kin: the opcode, the map
 * (1: 0F, 2: 0F 38, 3: 0F 3A) in bits 8 and 9, the prefix (66, F3, F2: 1 to 3) in bits 10 and 11.
 */
enum ir_sse {
    IR_SSE_MAP_SHIFT = 8,
    IR_SSE_PREFIX_SHIFT = 10,
    IR_SSE_OPCODE = 0xfff,
    IR_SSE_W = 1 << 12,     /* REX.W or VEX.W: of 64 bits */
    IR_SSE_UNARY = 1 << 13, /* has one source; the second operand of the op is the same again */
    IR_SSE_IMM_SHIFT = 14   /* 8 bits */
};
enum ir_fence {
    IR_FENCE_RR = 1,
    IR_FENCE_RW = 2,
    IR_FENCE_WR = 4,
    IR_FENCE_WW = 8,
    IR_FENCE_ALL = 15
};
/* CALL and RET together: a coroutine swap.  SWAP (exit_ind): the pc is one of the mode that
 * guest_ops.swapped says; the unit has changed the state that makes the mode. */
enum ir_hint { IR_HINT_NONE, IR_HINT_CALL = 1, IR_HINT_RET = 2, IR_HINT_SWAP = 4 };

/* Memory operation word. */
enum ir_memop {
    MO_8 = 0,
    MO_16 = 1,
    MO_32 = 2,
    MO_64 = 3,
    MO_128 = 4,
    MO_256 = 5,
    MO_80 = 6,     /* 10 bytes: of x87_ld and x87_st */
    MO_SIZE = 7,   /* log2 of bytes, or MO_80 */
    MO_SIGN = 8,   /* sign-extend a load to the op's type */
    MO_BE = 16,    /* big endian */
    MO_ALIGN = 32, /* misaligned: fault (otherwise done, split if it must be) */
    MO_ATOMIC =
        64, /* single-copy atomic even when misaligned inside 16 bytes (LSE2, Zama16b); reserved */
    MO_ACQ = 128,
    MO_REL = 256,
    MO_WRITE = 512,      /* of tlb_add: for stores */
    MO_ELEMS_SHIFT = 10, /* bits 10..11: 0, or 1 + log2 of the bytes of the elements that are loaded
                            or stored, at most 4: memory that wants aligned accesses (asked for
                            by guest_ops.may_access) goes by those */
    MO_ELEMS = 3 << 10,
    MO_IDX_SHIFT = 12, /* bits 12..15: MMU index, which TLB is asked */
    MO_IDX = 15 << 12,
};
static inline unsigned memop_bytes(uint32_t mo)
{
    return (mo & MO_SIZE) == MO_80 ? 10 : 1u << (mo & MO_SIZE);
}
/* How an access must be aligned where misaligned ones are refused. */
static inline unsigned memop_alignment(uint32_t mo)
{
    return mo & MO_ELEMS ? 1u << ((mo >> MO_ELEMS_SHIFT & 3) - 1) : memop_bytes(mo);
}
static inline unsigned memop_idx(uint32_t mo)
{
    return mo >> MO_IDX_SHIFT & 15;
}

/* A named, typed piece of guest CPU state; the target declares one table of them. */
struct ir_slot {
    const char *name;
    uint8_t type; /* enum ir_type */
    uint8_t pin;  /* 0: lives in memory; 1..n: n-th register of its class stays in a host register
                     across units */
    uint8_t wide; /* type in wide units (ir_set_wide()), if that is another: V256, of 32 bytes from
                     off on; or IR_WIDE_NONE: its place belongs to such a slot */
    int32_t off;  /* bytes from the CPU pointer */
};
enum { IR_WIDE_NONE = 0xff };
enum { IR_MAX_SLOTS = 128 };
struct ir_slot_set {
    uint64_t w[IR_MAX_SLOTS / 64];
};
/* Sets are built from the left: ir_slots_add(ir_slots_of(a), b). */
static inline struct ir_slot_set ir_slots_none(void)
{
    return (struct ir_slot_set){{0}};
}
static inline struct ir_slot_set ir_slots_add(struct ir_slot_set set, unsigned slot)
{
    set.w[slot / 64] |= UINT64_C(1) << slot % 64;
    return set;
}
static inline struct ir_slot_set ir_slots_of(unsigned slot)
{
    return ir_slots_add(ir_slots_none(), slot);
}
static inline bool ir_slots_has(const struct ir_slot_set *set, unsigned slot)
{
    return set->w[slot / 64] >> slot % 64 & 1;
}

/* A C function that translated code calls.  Effects are exact promises. */
struct ir_helper {
    const char *name;
    void *fn;      /* ret fn([cpu,] args...) */
    uint8_t ret;   /* enum ir_type */
    uint8_t nargs; /* of args, without cpu */
    uint8_t args[5];
    uint16_t flags; /* enum ir_helper_flag */
    struct ir_slot_set reads, writes;
};
enum ir_helper_flag {
    HELPER_PURE = 1, /* same arguments, same result; no state, no memory: foldable, removable */
    HELPER_CPU = 2,  /* first C argument is the CPU pointer */
    HELPER_READS_ALL = 4,  /* may read any slot: all are in memory before the call */
    HELPER_WRITES_ALL = 8, /* may write any slot: all are reloaded after it */
    HELPER_RAISES = 16, /* may leave by exception (all slots are in memory then; pc is restored from
                           the insn mark) */
    HELPER_FPENV = 32,  /* reads or changes rounding mode or sticky flags: the image in the CPU
                           struct is valid inside */
    HELPER_VOLATILE = 64, /* result depends on more than guest state (time, devices): lockstep must
                             not run it twice */
    HELPER_SLOTS = 128,   /* which slots it reads and writes is said by each call; it has no other
                             effect but on the FP environment (HELPER_FPENV) */
};

enum { IR_NO_POLL = 1 }; /* imm of br and brcond: the (first) edge may go back without a poll */
/*
 * imm of set: it takes place only on the ways out that come before the block's next set of the
 * slot, or its end, but not on a jump back to the block's beginning, which then must not show the
 * slot to anybody before it is set again.  Nothing reads the slot meanwhile.  A back end that does
 * it at once is as right.  IR_LATE_CANON: a NaN becomes the canonical one.
 */
enum { IR_LATE = 1, IR_LATE_CANON = 2 };

struct ir_op {
    uint16_t opc; /* enum ir_opc */
    uint8_t type; /* of the result; operand type for ops without one (st, set, brcond, exit_if) */
    uint8_t cc;
    uint32_t uses; /* number of uses as an argument; pure ops with 0 are dead */
    ir_val arg[4];
    uint32_t attr; /* slot, memop, rounding, hint, block id; for call: index of the first argument
                      in call_args */
    uint32_t blk2; /* brcond: the other block */
    uint64_t imm, imm2; /* for call: imm = (uintptr_t)struct ir_helper *, imm2: 1 + index
                           in call_slots with HELPER_SLOTS; for ld and st that need no
                           check: 1 + slot of the addend that tlb_add gave */
};

struct ir_block {
    uint32_t first, end; /* op indices [first, end) */
    uint32_t
        weight; /* how often it runs, as far as known: for the choice of registers in regions */
    bool begun;
    uint8_t flags_in; /* where the packed flags are when it begins: enum ir_flags_in */
};

struct ir; /* opaque to targets; ir_priv.h has the fields for passes and back ends in tcg/ */

/* slots: the target's table (nslots entries, at most IR_MAX_SLOTS), which must outlive the ir. */
struct ir *ir_new(const struct ir_slot *slots, unsigned nslots);
void ir_free(struct ir *ir);
/* From now on, for every unit: slots have their types of wide units, or those of the table.  Values
 * of type V256 are for wide units only. */
void ir_set_wide(struct ir *ir, bool wide);
bool ir_is_wide(const struct ir *ir);
/* Forget everything and open block 0. */
void ir_begin(struct ir *ir);
/* True once the arena limit (ops, constants) is near: the translator must end the unit soon. */
bool ir_full(const struct ir *ir);

/* F32, F64: the bit pattern; V128, V256: the low 64 bits, the rest is zero. */
ir_val ir_const(struct ir *ir, enum ir_type t, uint64_t value);
bool ir_is_const(const struct ir *ir, ir_val v, uint64_t *value);
/* From now on, for every unit: code is for whatever page it is entered at (struct tcg_env), which
 * the pcs given to constructors call `page`; or relative is false, and pcs are what they say. */
void ir_set_relative(struct ir *ir, bool relative, uint64_t page);
/* A guest pc as a value: a constant unless units are relative. */
ir_val ir_pc(struct ir *ir, uint64_t pc);
enum ir_type ir_type_of(const struct ir *ir, ir_val v);
ir_val ir_get(struct ir *ir, unsigned slot); /* the slot's value at this point */
void ir_set(struct ir *ir, unsigned slot, ir_val v);
/* args: helper->nargs values.  IR_NONE for void.  Forgets forwarded values of slots the helper
 * writes. */
ir_val ir_call(struct ir *ir, const struct ir_helper *h, const ir_val *args);
/* The same for a helper with HELPER_SLOTS: the slots that this call reads and writes, apart from
 * h->reads and h->writes. */
ir_val ir_call_slots(struct ir *ir, const struct ir_helper *h, const ir_val *args,
                     struct ir_slot_set reads, struct ir_slot_set writes);
/* A new block id, to branch to; ir_block_begin closes the current block (which must have ended with
 * br, brcond or an exit). */
unsigned ir_block_new(struct ir *ir);
void ir_block_begin(struct ir *ir, unsigned blk);

/* Whether an op of ops.def that takes vectors of either size has this attribute for 256 bits. */
bool ir_has_256(unsigned opc, uint32_t attr);

/* Turn removable ops without uses into nops, and what only they used: one backward pass, run by
 * every back end. */
void ir_remove_dead(struct ir *ir);

/* What eflags_sub and eflags_logic give, for C code that must agree; size: log2 of bytes. */
uint32_t ir_eflags_of_sub(uint64_t a, uint64_t b, unsigned size);
uint32_t ir_eflags_of_result(uint64_t v, unsigned size);

/* Text form, as -d op prints it and irtool reads it. */
void ir_print(const struct ir *ir, FILE *f);
/* NULL, or what is wrong (types, dominance, use counts, block ends), in a static per-thread buffer.
 */
const char *ir_verify(const struct ir *ir);

/* The pcs of the unit's instruction marks in order, at most max of them (pcs may be NULL); returns
 * how many there are. */
unsigned ir_insn_pcs(const struct ir *ir, uint64_t *pcs, unsigned max);
/* Whether it changes guest state other than slots and memory: helpers with effects, env_st. */
bool ir_has_hidden_effects(const struct ir *ir);

/* ir_add(), ir_ld(), ir_exit_jump(), ...: generated, one per row of ops.def. */
#include "tcg/build.h"

#endif
