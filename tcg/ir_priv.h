/* The inside of struct ir, for the passes and back ends of tcg/. */
#ifndef TCG_IR_PRIV_H
#define TCG_IR_PRIV_H

#include "tcg/ir.h"
#include "tcg/ops.h"

enum {
    IR_MAX_OPS = 4096,
    IR_MAX_CONSTS = 2048,
    IR_MAX_BLOCKS = 128,
    IR_MAX_CALL_ARGS = 1024,
    IR_MAX_CALL_SLOTS = 512
};

struct ir_konst {
    uint64_t value;
    uint8_t type;
    uint16_t next; /* next in its hash chain, plus one */
    uint32_t uses;
};
enum { IR_CONST_BUCKETS = 256 };

/* A value of type V128: lanes in the order of their bytes in memory. */
union ir_vec {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
} __attribute__((aligned(16)));
/*
 * Where the slot of packed flags is at the beginning of a block: up to date, or seen by nobody, or
 * to be made of two hidden slots (IR_FLAGS_SUB | size: those of a - b; IR_FLAGS_SUM | size: of
 * (a - b) + b), or one of these, a third hidden slot says which (IR_FLAGS_ANY).
 */
enum ir_flags_in {
    IR_FLAGS_READY = 0,
    IR_FLAGS_DEAD = 1,
    IR_FLAGS_ANY = 3,
    IR_FLAGS_SUB = 4,
    IR_FLAGS_SUM = 8
};
static inline bool ir_flags_are_hidden(uint8_t flags_in)
{
    return flags_in >= IR_FLAGS_ANY;
}
/* What a call reads and writes. */
struct ir_call_slots {
    struct ir_slot_set reads, writes;
};

struct ir {
    const struct ir_slot *slots; /* of these two, by is_wide */
    const struct ir_slot *narrow_slots;
    struct ir_slot *wide_slots; /* owned */
    bool is_wide;
    unsigned nslots;
    struct ir_op *ops; /* IR_MAX_OPS */
    unsigned nops;
    struct ir_konst *consts;
    unsigned nconsts;
    struct ir_block *blocks;
    unsigned nblocks, cur_block;
    unsigned order[IR_MAX_BLOCKS], norder; /* block ids in the order they were begun: the layout */
    ir_val *call_args;
    unsigned ncall_args;
    struct ir_call_slots *call_slots; /* of calls with HELPER_SLOTS */
    unsigned ncall_slots;
    ir_val known[IR_MAX_SLOTS];      /* slot's value now, or IR_NONE */
    uint32_t last_set[IR_MAX_SLOTS]; /* op index of a set not yet observed, or UINT32_MAX */
    uint32_t observed;               /* sets before this op have been observed */
    bool ended;   /* the block has ended: ops are dropped until the next begins */
    bool no_fold; /* debug: build exactly what is asked for */
    bool relative;
    bool has_hidden_flags;
    uint8_t flags_slot, flags_a, flags_b, flags_kind; /* has_hidden_flags: see enum ir_flags_in */
    uint64_t page; /* what the pcs of relative units call the page they run at */
    uint16_t const_head[IR_CONST_BUCKETS];
};

static inline bool ir_val_is_const(ir_val v)
{
    return v.id & IR_CONST_BIT;
}
static inline uint64_t ir_const_value(const struct ir *ir, ir_val v)
{
    return ir->consts[v.id & ~IR_CONST_BIT].value;
}
static inline const struct ir_op_desc *ir_desc(const struct ir_op *op)
{
    return &ir_op_descs[op->opc];
}
static inline const struct ir_helper *ir_op_helper(const struct ir_op *op)
{
    return (const struct ir_helper *)(uintptr_t)op->imm;
}
static inline struct ir_call_slots ir_op_call_slots(const struct ir *ir, const struct ir_op *op)
{
    const struct ir_helper *h = ir_op_helper(op);
    return op->imm2 ? ir->call_slots[op->imm2 - 1] : (struct ir_call_slots){h->reads, h->writes};
}
/* Effects of a call, if it has any, are on slots and the FP environment alone. */
static inline bool ir_call_is_tame(const struct ir_op *op)
{
    unsigned flags = ir_op_helper(op)->flags;
    unsigned wild = HELPER_READS_ALL | HELPER_WRITES_ALL | HELPER_RAISES | HELPER_VOLATILE;
    return (flags & (HELPER_PURE | HELPER_SLOTS)) && !(flags & wild);
}
/* May be left out when its result is not used.  FP ops may not: they raise sticky flags. */
static inline bool ir_op_removable(const struct ir_op *op)
{
    uint32_t flags = ir_desc(op)->flags;
    if (flags & IR_OP_CALL)
        return ir_op_helper(op)->flags & HELPER_PURE;
    return op->opc == OP_get || op->opc == OP_env_ld ||
           ((flags & IR_OP_PURE) && !(flags & IR_OP_FP));
}

static inline enum ir_type ir_val_type(const struct ir *ir, ir_val v)
{
    return ir_val_is_const(v) ? ir->consts[v.id & ~IR_CONST_BIT].type : ir->ops[v.id].type;
}
/* The next op, empty but for these; not yet part of the unit. */
static inline struct ir_op *ir_op_begin(struct ir *ir, unsigned opc, enum ir_type type)
{
    struct ir_op *op = &ir->ops[ir->nops];
    *op = (struct ir_op){.opc = opc, .type = type, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
    return op;
}
/* Fold it, count uses, append it: every constructor ends here.  The result, or IR_NONE. */
ir_val ir_op_commit(struct ir *ir);
/* Make it a nop. */
void ir_op_drop(struct ir *ir, struct ir_op *op);
/* The block that is being built goes on as if its last op, which ended it and has no arguments, had
 * never been. */
void ir_reopen(struct ir *ir);
/* Drop what was built behind block blk, which has ended and becomes the last one again, and all
 * blocks from number nblocks on; nothing else may refer to them. */
void ir_cut(struct ir *ir, unsigned blk, unsigned nblocks);
/* Both for an op described elsewhere. */
ir_val ir_emit(struct ir *ir, const struct ir_op *op);

enum ir_folded {
    IR_FOLD_NONE,  /* as it is */
    IR_FOLD_AGAIN, /* *op was changed: look at it again */
    IR_FOLD_VALUE, /* *v is its result */
    IR_FOLD_GONE,  /* nothing is left of an op without a result */
};
/* One step of simplification of an op that is about to be appended. */
enum ir_folded ir_fold(struct ir *ir, struct ir_op *op, ir_val *v);
/* Reference arithmetic: what a pure integer op without attributes gives; t is the operand type. */
uint64_t ir_eval(unsigned opc, enum ir_type t, uint64_t a, uint64_t b);
uint64_t ir_eval_field(unsigned opc, enum ir_type t, uint64_t a, uint64_t b, uint32_t attr);
/* Vector ops: an operand or result that is no vector is in d[0]. */
union ir_vec ir_eval_vec(unsigned opc, uint32_t attr, const union ir_vec arg[3]);
/* The same for floating point, lane by lane through the callback of that name (tcg/backend.h). */
typedef uint64_t (*ir_soft_fp)(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3],
                               unsigned round, uint8_t *flags);
union ir_vec ir_eval_vfp(ir_soft_fp soft, unsigned opc, uint32_t attr, const union ir_vec arg[3],
                         unsigned round, uint8_t *flags);
/* OP_sse, whose attribute must be one that exists. */
bool ir_sse_exists(uint32_t insn);
union ir_vec ir_eval_sse(uint32_t insn, const union ir_vec arg[3]);
union ir_vec ir_eval_sha256(const union ir_vec arg[3]);
uint64_t ir_eval_signs(unsigned esz, const union ir_vec *a);
static inline bool ir_opc_is_ssef(unsigned opc)
{
    return opc >= OP_ssef && opc <= OP_ssefromi;
}
static inline bool ir_opc_is_vfp(unsigned opc)
{
    return opc >= OP_vfadd && opc <= OP_vfnarrow;
}
static inline bool ir_opc_is_x87(unsigned opc)
{
    return (opc >= OP_x87 && opc <= OP_x87_cw) || opc == OP_x87_ld || opc == OP_x87_st;
}
/* Plain loads; stores; both, whose imm may name the slot of their addend. */
static inline bool ir_opc_is_load(unsigned opc)
{
    return opc == OP_ld || opc == OP_x87_ld;
}
static inline bool ir_opc_is_store(unsigned opc)
{
    return opc == OP_st || opc == OP_x87_st;
}
static inline bool ir_opc_is_access(unsigned opc)
{
    return ir_opc_is_load(opc) || ir_opc_is_store(opc);
}
static inline bool ir_opc_is_vec(unsigned opc)
{
    return opc >= OP_vand && opc <= OP_vto32;
}
/* Flags of a + b + c, c being 0 or 1; for OP_flags_sub of a - b. */
uint32_t ir_eval_flags(unsigned opc, enum ir_type t, uint64_t a, uint64_t b, uint64_t c);
/* The eflags_* ops; size: log2 of bytes. */
uint32_t ir_eval_eflags(unsigned opc, unsigned size, uint64_t a, uint64_t b, uint64_t c);
static inline bool ir_opc_is_eflags(unsigned opc)
{
    return opc >= OP_eflags_add && opc <= OP_eflags_imul;
}
static inline bool ir_opc_is_eflags_shift(unsigned opc)
{
    return opc >= OP_eflags_shl && opc <= OP_eflags_sar;
}
/* Some flags only: the others are those of the last operand. */
static inline bool ir_opc_is_some_eflags(unsigned opc)
{
    return opc >= OP_eflags_inc && opc <= OP_eflags_imul;
}
/* The bits of their last operand that such ops keep; 0 for others. */
uint32_t ir_eflags_kept(unsigned opc);
/* The flags that op, which has some or may have none (a shift), is on top of. */
static inline ir_val ir_eflags_base(const struct ir_op *op)
{
    return op->arg[ir_desc(op)->nargs - 1];
}
static inline bool ir_eflags_has_base(unsigned opc)
{
    return ir_opc_is_eflags_shift(opc) || ir_opc_is_some_eflags(opc);
}
/* Packed flags that can be made of their operands later, wherever those are then: not by the
 * operation's own flags alone. */
bool ir_flags_can_wait(const struct ir *ir, const struct ir_op *op);
/* set is of flags on top of others, which are what the slot has until this set: a get of it, of the
 * same block, and nothing sets the slot between. */
bool ir_flags_base_is_slot(const struct ir *ir, const struct ir_op *set);
bool ir_eval_cc(enum ir_cc cc, enum ir_type t, uint64_t a, uint64_t b);
enum ir_cc ir_cc_invert(enum ir_cc cc);
enum ir_cc ir_cc_swap(enum ir_cc cc);
static inline uint64_t ir_truncate(enum ir_type t, uint64_t v)
{
    return t == I32 || t == F32 ? (uint32_t)v : v;
}

#endif
