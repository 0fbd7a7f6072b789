/* From IR to byte code: one pass for last uses, one that assigns cells and emits. */
#include "tcg/codebuf.h"
#include "tcg/interp/bytecode_priv.h"

#include <glib.h>
#include <string.h>

enum { BC_NEXT = IR_MAX_BLOCKS }; /* in place of a block: the next operation */
enum { BC_PER_OP = 8 };           /* at most: five constants, two operations and a poll */

struct lower {
    struct ir *ir;
    struct bc *out;
    uint32_t n;
    uint32_t last[IR_MAX_OPS]; /* op that uses a value last; its own index if none does */
    uint16_t cell[IR_MAX_OPS];
    uint16_t free[BC_MAX_CELLS];
    unsigned nfree, ncells;          /* cell 0 is never given out */
    uint16_t vec_free[BC_MAX_CELLS]; /* the same for vectors, with BC_VEC_CELL */
    unsigned nvec_free, nvec_cells;
    uint16_t temps[8]; /* cells of constants, until the op is emitted */
    unsigned ntemps;
    uint64_t pc; /* of the guest instruction */
    struct bc_mark *marks;
    unsigned nmarks;
    uint32_t block_at[IR_MAX_BLOCKS];
    bool is_loop[IR_MAX_BLOCKS];
    uint32_t fixups[IR_MAX_OPS]; /* branches whose attr and x are still block ids */
    unsigned nfixups;
};

static struct bc *emit(struct lower *s, unsigned op)
{
    struct bc *p = &s->out[s->n++];
    *p = (struct bc){.op = op};
    return p;
}

static uint16_t take_cell(struct lower *s, enum ir_type t)
{
    if (t == V128)
        return s->nvec_free ? s->vec_free[--s->nvec_free] : ++s->nvec_cells | BC_VEC_CELL;
    return s->nfree ? s->free[--s->nfree] : ++s->ncells;
}

static void give_cell(struct lower *s, uint16_t c)
{
    if (c & BC_VEC_CELL)
        s->vec_free[s->nvec_free++] = c;
    else
        s->free[s->nfree++] = c;
}

/* The cell that holds a value; a constant is put into one for the op at hand. */
static uint16_t cell(struct lower *s, ir_val v)
{
    if (v.id == IR_NONE.id)
        return 0;
    if (!ir_val_is_const(v))
        return s->cell[v.id];
    enum ir_type t = ir_val_type(s->ir, v);
    uint16_t c = take_cell(s, t);
    s->temps[s->ntemps++] = c;
    struct bc *p = emit(s, t == V128 ? BC_konst_v : BC_konst);
    p->d = c;
    p->imm = ir_const_value(s->ir, v);
    return c;
}

static void release_arg(struct lower *s, uint32_t id, ir_val v)
{
    if (v.id == IR_NONE.id || ir_val_is_const(v) || s->last[v.id] != id)
        return;
    s->last[v.id] = UINT32_MAX; /* once, even if it is two of the arguments */
    give_cell(s, s->cell[v.id]);
}

/* Operands are read before the result is written, so it may take the cell of one that dies here. */
static void release_args(struct lower *s, uint32_t id, const struct ir_op *op)
{
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        release_arg(s, id, op->arg[i]);
    if (op->opc == OP_call)
        for (unsigned i = 0; i < ir_op_helper(op)->nargs; i++)
            release_arg(s, id, s->ir->call_args[op->attr + i]);
    while (s->ntemps)
        give_cell(s, s->temps[--s->ntemps]);
}

static bool has_result(const struct ir_op *op)
{
    return ir_desc(op)->result != IR_VOID && op->type != IR_VOID;
}

static void note_use(struct lower *s, uint32_t id, ir_val v)
{
    if (v.id != IR_NONE.id && !ir_val_is_const(v))
        s->last[v.id] = id;
}

static void find_last_uses(struct lower *s)
{
    for (uint32_t id = 0; id < s->ir->nops; id++) {
        const struct ir_op *op = &s->ir->ops[id];
        s->last[id] = id;
        for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
            note_use(s, id, op->arg[i]);
        if (op->opc == OP_call)
            for (unsigned i = 0; i < ir_op_helper(op)->nargs; i++)
                note_use(s, id, s->ir->call_args[op->attr + i]);
    }
}

/* Blocks that are branched to from themselves or from further down. */
static void find_loops(struct lower *s)
{
    unsigned position[IR_MAX_BLOCKS] = {0};
    for (unsigned i = 0; i < s->ir->norder; i++)
        position[s->ir->order[i]] = i;
    for (unsigned i = 0; i < s->ir->norder; i++) {
        const struct ir_op *op = &s->ir->ops[s->ir->blocks[s->ir->order[i]].end - 1];
        if (op->opc != OP_br && op->opc != OP_brcond)
            continue;
        if (position[op->attr] <= i)
            s->is_loop[op->attr] = true;
        if (op->opc == OP_brcond && position[op->blk2] <= i)
            s->is_loop[op->blk2] = true;
    }
}

/* The forms of integer ops: _64 first, then _32, and for two operands _64i, _32i. */
#define FORM_BINARY(n) [OP_##n] = BC_##n##_64 + 1,
/* clang-format off */
static const uint16_t first_form[OP_COUNT] = {BC_BINARY(FORM_BINARY) BC_UNARY(FORM_BINARY)};
/* clang-format on */

static void lower_integer(struct lower *s, const struct ir_op *op)
{
    unsigned form = first_form[op->opc] - 1 + (op->type == I32);
    bool two = ir_desc(op)->nargs == 2, constant = two && ir_val_is_const(op->arg[1]);
    uint16_t a = cell(s, op->arg[0]), b = two && !constant ? cell(s, op->arg[1]) : 0;
    struct bc *p = emit(s, constant ? form + 2 : form);
    p->a = a;
    p->b = b;
    if (constant)
        p->imm = ir_const_value(s->ir, op->arg[1]);
}

/* op d, a, b, c with an attribute word. */
static struct bc *lower_plain(struct lower *s, const struct ir_op *op, unsigned form, uint32_t attr)
{
    uint16_t c[4];
    for (unsigned i = 0; i < G_N_ELEMENTS(c); i++)
        c[i] = cell(s, op->arg[i]);
    struct bc *p = emit(s, form);
    p->a = c[0];
    p->b = c[1];
    p->attr = attr;
    p->c = c[2];
    p->e = c[3];
    return p;
}

static uint32_t cc_word(const struct lower *s, const struct ir_op *op)
{
    return op->cc | (ir_type_of(s->ir, op->arg[0]) == I32 ? BC_CC_32 : 0);
}

static uint32_t mem_word(const struct ir_op *op, enum ir_type t)
{
    return (op->attr & 0xffff) | (t == I32 || t == F32 ? (uint32_t)BC_TYPE_32 : 0);
}

static void lower_fp(struct lower *s, const struct ir_op *op)
{
    unsigned attr = op->opc == OP_fcmp ? op->cc : op->attr;
    lower_plain(s, op, BC_fp, bc_fp_word(op->opc, ir_type_of(s->ir, op->arg[0]), op->type, attr));
}

static void lower_flags(struct lower *s, const struct ir_op *op)
{
    enum ir_type t = ir_type_of(s->ir, op->arg[0]);
    if (op->opc == OP_flags_fcmp)
        lower_plain(s, op, BC_flags_fcmp, bc_fp_word(OP_fcmp, t, I64, op->attr));
    else
        lower_plain(s, op, BC_flags, op->opc | t << 8);
}

static void lower_slot(struct lower *s, const struct ir_op *op)
{
    const struct ir_slot *slot = &s->ir->slots[op->attr];
    bool narrow = slot->type == I32 || slot->type == F32;
    unsigned get = slot->type == V128 ? BC_get_128 : narrow ? BC_get_32 : BC_get_64;
    unsigned set = slot->type == V128 ? BC_set_128 : narrow ? BC_set_32 : BC_set_64;
    struct bc *p = lower_plain(s, op, op->opc == OP_get ? get : set, 0);
    p->imm = (int64_t)slot->off;
}

static void lower_call(struct lower *s, const struct ir_op *op)
{
    const struct ir_helper *h = ir_op_helper(op);
    uint16_t args[8] = {0};
    for (unsigned i = 0; i < h->nargs; i++)
        args[i] = cell(s, s->ir->call_args[op->attr + i]);
    struct bc *p = emit(s, BC_call);
    p->imm = op->imm;
    memcpy(emit(s, 0), args, sizeof(args));
}

static void lower_branch(struct lower *s, const struct ir_op *op)
{
    bool two = op->opc != OP_br;
    struct bc *p = lower_plain(s, op, two ? BC_brcond : BC_br, op->attr);
    p->d = two ? cc_word(s, op) : 0;
    p->x = op->opc == OP_br_if ? BC_NEXT : op->blk2;
    s->fixups[s->nfixups++] = s->n - 1;
}

static void emit_poll(struct lower *s, uint64_t pc)
{
    emit(s, BC_poll)->imm = pc;
}

/* A jump back polls for requests first. */
static void lower_exit_jump(struct lower *s, uint64_t pc)
{
    if (pc <= s->pc)
        emit_poll(s, pc);
    emit(s, BC_exit_jump)->imm = pc;
}

static void lower_exit_if(struct lower *s, const struct ir_op *op)
{
    struct bc *p = lower_plain(s, op, op->imm <= s->pc ? BC_brcond : BC_exit_if, 1);
    p->d = cc_word(s, op);
    if (p->op == BC_exit_if) {
        p->imm = op->imm;
        return;
    }
    p->x = 3; /* past the poll and the exit */
    lower_exit_jump(s, op->imm);
}

static void lower_side_if(struct lower *s, const struct ir_op *op)
{
    struct bc *p = lower_plain(s, op, BC_exit_if, 1);
    p->d = cc_word(s, op);
    p->imm = s->pc;
}

static void lower_exit(struct lower *s, const struct ir_op *op)
{
    switch (op->opc) {
    case OP_exit_if: lower_exit_if(s, op); break;
    case OP_side_if: lower_side_if(s, op); break;
    case OP_exit_jump: lower_exit_jump(s, op->imm); break;
    case OP_exit_ind: lower_plain(s, op, BC_exit_ind, op->attr); break;
    case OP_exit_lookup: emit(s, BC_exit_lookup); break;
    default: lower_plain(s, op, BC_exit_main, op->attr); break;
    }
}

static void note_insn(struct lower *s, const struct ir_op *op)
{
    s->pc = op->imm;
    s->marks[s->nmarks++] = (struct bc_mark){
        .off = s->n * sizeof(struct bc),
        .word = op->attr,
        .pc = op->imm,
    };
}

/* Fields of the CPU struct are read and written as slots are. */
static void lower_memory_128(struct lower *s, const struct ir_op *op)
{
    switch (op->opc) {
    case OP_env_ld: lower_plain(s, op, BC_get_128, 0)->imm = op->imm; break;
    case OP_env_st: lower_plain(s, op, BC_set_128, 0)->imm = op->imm; break;
    case OP_ld: lower_plain(s, op, BC_ld_128, mem_word(op, op->type)); break;
    default: lower_plain(s, op, BC_st_128, mem_word(op, op->type)); break;
    }
}

static void lower_memory(struct lower *s, const struct ir_op *op)
{
    if (op->type == V128) {
        lower_memory_128(s, op);
        return;
    }
    switch (op->opc) {
    case OP_ld: lower_plain(s, op, BC_ld, mem_word(op, op->type)); break;
    case OP_st: lower_plain(s, op, BC_st, mem_word(op, op->type)); break;
    case OP_cas: lower_plain(s, op, BC_cas, mem_word(op, op->type)); break;
    case OP_env_ld: lower_plain(s, op, BC_env_ld, mem_word(op, op->type))->x = op->imm; break;
    case OP_env_st: lower_plain(s, op, BC_env_st, mem_word(op, op->type))->x = op->imm; break;
    default:
        lower_plain(s, op, BC_atomic, mem_word(op, op->type) | (uint32_t)op->opc << BC_OPC_SHIFT);
        break;
    }
}

static void lower_x87(struct lower *s, const struct ir_op *op)
{
    if (op->opc == OP_x87_ld)
        lower_plain(s, op, BC_x87_ld, mem_word(op, I64))->x = (uint32_t)op->imm2;
    else if (op->opc == OP_x87_st)
        lower_plain(s, op, BC_x87_st, mem_word(op, I64))->x = (uint32_t)op->imm2;
    else if (op->opc != OP_x87_cw) /* the slots' form reads it when it is wanted */
        lower_plain(s, op, BC_x87, (uint32_t)op->imm);
}

static unsigned by_width(const struct ir_op *op, unsigned form_64)
{
    return form_64 + (op->type == I32 || op->type == F32);
}

static void lower_op(struct lower *s, const struct ir_op *op)
{
    uint32_t flags = ir_desc(op)->flags;
    if (first_form[op->opc]) {
        lower_integer(s, op);
        return;
    }
    if (op->opc >= OP_flags_sub && op->opc <= OP_flags_fcmp) {
        lower_flags(s, op);
        return;
    }
    if (ir_opc_is_eflags(op->opc)) {
        lower_plain(s, op, BC_eflags, op->opc | op->attr << 8);
        return;
    }
    if (ir_opc_is_ssef(op->opc)) {
        lower_plain(s, op, BC_ssef, op->attr);
        return;
    }
    if (ir_opc_is_vec(op->opc) || ir_opc_is_vfp(op->opc)) {
        lower_plain(s, op, flags & IR_OP_FP ? BC_vfp : BC_vec,
                    op->attr | (uint32_t)op->opc << BC_VEC_SHIFT);
        return;
    }
    if (ir_opc_is_x87(op->opc)) {
        lower_x87(s, op);
        return;
    }
    if (flags & IR_OP_FP) {
        lower_fp(s, op);
        return;
    }
    if (flags & IR_OP_EXIT) {
        lower_exit(s, op);
        return;
    }
    switch (op->opc) {
    case OP_nop: break;
    case OP_insn: note_insn(s, op); break;
    case OP_sext32: lower_plain(s, op, BC_sext32, 0); break;
    case OP_trunc: lower_plain(s, op, BC_trunc, 0); break;
    case OP_extract: lower_plain(s, op, BC_extract, op->attr); break;
    case OP_sextract: lower_plain(s, op, by_width(op, BC_sextract_64), op->attr); break;
    case OP_deposit: lower_plain(s, op, BC_deposit, op->attr); break;
    case OP_setcond: lower_plain(s, op, BC_setcond, cc_word(s, op)); break;
    case OP_select:
        lower_plain(s, op, op->type == V128 ? BC_select_v : BC_select, cc_word(s, op));
        break;
    case OP_fsgnj: lower_plain(s, op, by_width(op, BC_fsgnj_64), 0); break;
    case OP_fsgnjn: lower_plain(s, op, by_width(op, BC_fsgnjn_64), 0); break;
    case OP_fsgnjx: lower_plain(s, op, by_width(op, BC_fsgnjx_64), 0); break;
    case OP_box32: lower_plain(s, op, BC_box32, 0); break;
    case OP_unbox32: lower_plain(s, op, BC_unbox32, 0); break;
    case OP_zext32:
    case OP_bits_i32:
    case OP_bits_i64:
    case OP_bits_f32:
    case OP_bits_f64: lower_plain(s, op, BC_mov, 0); break;
    case OP_get:
    case OP_set: lower_slot(s, op); break;
    case OP_call: lower_call(s, op); break;
    case OP_br:
    case OP_br_if:
    case OP_brcond: lower_branch(s, op); break;
    case OP_tlb_add: emit(s, BC_konst); break; /* zero: nothing is known here */
    case OP_fence: lower_plain(s, op, BC_fence, op->attr); break;
    default: lower_memory(s, op); break;
    }
}

/* The operation that computes the op's result: the last emitted, or for a call the last but one. */
static void place_result(struct lower *s, uint32_t id, const struct ir_op *op)
{
    s->cell[id] = take_cell(s, op->type);
    s->out[s->n - (op->opc == OP_call ? 2 : 1)].d = s->cell[id];
    if (s->last[id] == id)
        give_cell(s, s->cell[id]);
}

/* Where the state is that of a guest instruction's start, the unit may be left for its pc. */
static void poll_at_head(struct lower *s, const struct ir_block *b)
{
    for (uint32_t id = b->first; id < b->end; id++) {
        const struct ir_op *op = &s->ir->ops[id];
        if (op->opc == OP_insn) {
            emit_poll(s, op->imm);
            return;
        }
        if (op->opc != OP_nop && !ir_op_removable(op))
            return;
    }
}

static void lower_block(struct lower *s, unsigned blk)
{
    const struct ir_block *b = &s->ir->blocks[blk];
    s->block_at[blk] = s->n;
    if (blk == 0 || s->is_loop[blk])
        poll_at_head(s, b);
    for (uint32_t id = b->first; id < b->end; id++) {
        const struct ir_op *op = &s->ir->ops[id];
        lower_op(s, op);
        release_args(s, id, op);
        if (has_result(op))
            place_result(s, id, op);
    }
}

/* Block ids become distances. */
static void fix_branches(struct lower *s)
{
    for (unsigned i = 0; i < s->nfixups; i++) {
        uint32_t at = s->fixups[i];
        struct bc *p = &s->out[at];
        p->attr = s->block_at[p->attr] - at;
        if (p->op == BC_brcond)
            p->x = p->x == BC_NEXT ? 1 : s->block_at[p->x] - at;
    }
}

static bool can_lower(const struct ir *ir, const char **why)
{
    for (uint32_t id = 0; id < ir->nops; id++)
        if (ir->ops[id].type > V128) {
            *why = "the interpreter has no vectors of 256 bits";
            return false;
        }
    return true;
}

/* Copy the finished code into the code buffer. */
static bool publish(struct lower *s, struct codebuf *cb, struct host_code *out)
{
    uint8_t *rx;
    size_t size = s->n * sizeof(struct bc);
    uint8_t *rw = codebuf_reserve(cb, size, &rx);
    if (!rw)
        return false;
    memcpy(rw, s->out, size);
    codebuf_commit(cb, size);
    *out = (struct host_code){.start = rx, .size = size, .cold_off = size};
    out->map_len = s->nmarks * sizeof(struct bc_mark);
    out->map = g_memdup2(s->marks, out->map_len);
    return true;
}

bool bc_lower(struct ir *ir, struct codebuf *cb, struct host_code *out, const char **why)
{
    *why = NULL;
    if (!can_lower(ir, why))
        return false;
    ir_remove_dead(ir);
    struct lower *s = g_new0(struct lower, 1);
    s->ir = ir;
    s->out = g_new(struct bc, ir->nops * BC_PER_OP + IR_MAX_BLOCKS + 8);
    s->marks = g_new(struct bc_mark, ir->nops);
    s->pc = UINT64_MAX; /* before the first instruction every exit counts as a jump back */
    find_last_uses(s);
    find_loops(s);
    for (unsigned i = 0; i < ir->norder; i++)
        lower_block(s, ir->order[i]);
    fix_branches(s);
    bool ok = publish(s, cb, out);
    g_free(s->out);
    g_free(s->marks);
    g_free(s);
    return ok;
}
