/* The text form of IR, out.  Ref: docs/tcg.md. */
#include "tcg/ir_priv.h"
#include "tcg/text.h"

#include <inttypes.h>

const char *const ir_type_names[] = {"void", "i32", "i64", "f32", "f64", "v128", "v256", NULL};
const char *const ir_cc_names[] = {"eq",  "ne",  "lt",  "ge",  "le",  "gt",   "ltu",  "geu",
                                   "leu", "gtu", "feq", "flt", "fle", "fltq", "fleq", NULL};

/* clang-format off */
static const struct ir_word_name memop_names[] = {
    {"u8", MO_8, MO_SIZE | MO_SIGN},            {"s8", MO_8 | MO_SIGN, MO_SIZE | MO_SIGN},
    {"u16", MO_16, MO_SIZE | MO_SIGN},          {"s16", MO_16 | MO_SIGN, MO_SIZE | MO_SIGN},
    {"u32", MO_32, MO_SIZE | MO_SIGN},          {"s32", MO_32 | MO_SIGN, MO_SIZE | MO_SIGN},
    {"u64", MO_64, MO_SIZE | MO_SIGN},          {"s64", MO_64 | MO_SIGN, MO_SIZE | MO_SIGN},
    {"u128", MO_128, MO_SIZE | MO_SIGN},        {"u256", MO_256, MO_SIZE | MO_SIGN},
               {"be", MO_BE, MO_BE},
    {"align", MO_ALIGN, MO_ALIGN},              {"atomic", MO_ATOMIC, MO_ATOMIC},
    {"acq", MO_ACQ, MO_ACQ},                    {"rel", MO_REL, MO_REL},
    {"idx1", 1 << MO_IDX_SHIFT, MO_IDX},        {"idx2", 2 << MO_IDX_SHIFT, MO_IDX},
    {"idx3", 3 << MO_IDX_SHIFT, MO_IDX},        {"idx4", 4 << MO_IDX_SHIFT, MO_IDX},
    {"idx5", 5 << MO_IDX_SHIFT, MO_IDX},        {"idx6", 6 << MO_IDX_SHIFT, MO_IDX},
    {"idx7", 7 << MO_IDX_SHIFT, MO_IDX},        {"elem8", 1 << MO_ELEMS_SHIFT, MO_ELEMS},
    {"elem16", 2 << MO_ELEMS_SHIFT, MO_ELEMS},  {"elem32", 3 << MO_ELEMS_SHIFT, MO_ELEMS},
    {NULL, 0, 0},
};
static const struct ir_word_name round_names[] = {
    {"rne", IR_RNE, 7}, {"rtz", IR_RTZ, 7}, {"rdn", IR_RDN, 7}, {"rup", IR_RUP, 7}, {"rmm", IR_RMM, 7},
    {"dyn", IR_RDYN, 7}, {"exact", IR_RINT_EXACT, IR_RINT_EXACT},
    {"nan_zero", IR_FTOI_NAN_ZERO, 48}, {"nan_arm", IR_NAN_ARM << IR_RINT_NAN_SHIFT, 48}, {NULL, 0, 0},
};
static const struct ir_word_name nan_names[] = {
    {"nan_default", IR_NAN_DEFAULT, 3}, {"nan_x86", IR_NAN_X86, 3}, {"nan_arm", IR_NAN_ARM, 3}, {"nan_arm_dn", IR_NAN_ARM_DN, 3},
    {"neg_product", IR_FMA_NEG_PRODUCT, IR_FMA_NEG_PRODUCT},
    {"neg_addend", IR_FMA_NEG_ADDEND, IR_FMA_NEG_ADDEND},
    {"minmax_nan", IR_MINMAX_NAN, IR_MINMAX_NAN}, {"minmax_snan", IR_MINMAX_SNAN, IR_MINMAX_SNAN},
    {NULL, 0, 0},
};
static const struct ir_word_name fence_names[] = {
    {"rr", IR_FENCE_RR, IR_FENCE_RR}, {"rw", IR_FENCE_RW, IR_FENCE_RW}, {"wr", IR_FENCE_WR, IR_FENCE_WR},
    {"ww", IR_FENCE_WW, IR_FENCE_WW}, {"none", 0, 15}, {NULL, 0, 0},
};
static const struct ir_word_name hint_names[] = {
    {"none", IR_HINT_NONE, 7}, {"call", IR_HINT_CALL, IR_HINT_CALL}, {"ret", IR_HINT_RET, IR_HINT_RET},
    {"swap", IR_HINT_SWAP, IR_HINT_SWAP}, {NULL, 0, 0},
};
/* clang-format on */

const struct ir_word_name *ir_word_names(enum ir_attr_text kind)
{
    switch (kind) {
    case IR_TEXT_MEMOP: return memop_names;
    case IR_TEXT_ROUND: return round_names;
    case IR_TEXT_NAN: return nan_names;
    case IR_TEXT_FENCE: return fence_names;
    case IR_TEXT_HINT: return hint_names;
    default: return NULL;
    }
}

enum ir_attr_text ir_attr_text(unsigned opc)
{
    switch (opc) {
    case OP_extract:
    case OP_sextract:
    case OP_deposit: return IR_TEXT_FIELD;
    case OP_frint:
    case OP_ftosi:
    case OP_ftoui: return IR_TEXT_ROUND;
    case OP_get:
    case OP_set: return IR_TEXT_SLOT;
    case OP_env_ld:
    case OP_env_st: return IR_TEXT_MEMOP;
    case OP_fence: return IR_TEXT_FENCE;
    case OP_eflags_add:
    case OP_eflags_adc:
    case OP_eflags_sub:
    case OP_eflags_sbb:
    case OP_eflags_sum:
    case OP_eflags_diff:
    case OP_eflags_logic:
    case OP_eflags_shl:
    case OP_eflags_shr:
    case OP_eflags_sar:
    case OP_eflags_inc:
    case OP_eflags_dec:
    case OP_eflags_rotl:
    case OP_eflags_rotr:
    case OP_eflags_bit:
    case OP_eflags_wide:
    case OP_eflags_imul:
    case OP_flags_fcmp: return IR_TEXT_NUMBER;
    case OP_exit_jump:
    case OP_exit_ind: return IR_TEXT_HINT;
    case OP_br:
    case OP_br_if:
    case OP_brcond: return IR_TEXT_BLOCK;
    default: break;
    }
    if (ir_opc_is_vec(opc) || ir_opc_is_vfp(opc) || ir_opc_is_ssef(opc))
        return IR_TEXT_NUMBER;
    if (ir_op_descs[opc].flags & (IR_OP_LOAD | IR_OP_STORE))
        return IR_TEXT_MEMOP;
    return ir_op_descs[opc].flags & IR_OP_FP ? IR_TEXT_NAN : IR_TEXT_NUMBER;
}

enum ir_type ir_arg_type(const struct ir *ir, const struct ir_op *op, unsigned n)
{
    const struct ir_op_desc *d = ir_desc(op);
    uint8_t sig = d->args[n];
    if (sig < IR_SIG_INT)
        return sig;
    if (op->opc == OP_set)
        return ir->slots[op->attr].type;
    if (sig == d->result || d->result == IR_VOID)
        return op->type;
    return IR_VOID;
}

struct printer {
    const struct ir *ir;
    FILE *f;
    uint32_t *number; /* dense numbers by op, or NULL */
};

static void print_val(struct printer *p, ir_val v, enum ir_type expected)
{
    if (v.id == IR_NONE.id) {
        fprintf(p->f, "none");
        return;
    }
    if (!ir_val_is_const(v)) {
        fprintf(p->f, "%%%u", p->number && v.id < p->ir->nops ? p->number[v.id] : v.id);
        return;
    }
    enum ir_type t = ir_type_of(p->ir, v);
    uint64_t c = ir_const_value(p->ir, v);
    int64_t s = t == I32 ? (int32_t)c : (int64_t)c;
    if ((t == I32 || t == I64) && s > -4096 && s < 4096)
        fprintf(p->f, "%" PRId64, s);
    else
        fprintf(p->f, "%#" PRIx64, c);
    if (t != expected)
        fprintf(p->f, ":%s", ir_type_names[t]);
}

static void print_word(FILE *f, const struct ir_word_name *n, uint32_t word)
{
    uint32_t seen = 0;
    for (; n->name; n++) {
        if ((word & n->mask) != n->value || (n->mask & seen))
            continue;
        fprintf(f, "%s%s", seen ? "+" : "", n->name);
        seen |= n->mask;
    }
    if (word & ~seen)
        fprintf(f, "%s%#x", seen ? "+" : "", word & ~seen);
}

static void print_attr_word(struct printer *p, const struct ir_op *op)
{
    enum ir_attr_text kind = ir_attr_text(op->opc);
    switch (kind) {
    case IR_TEXT_SLOT: fprintf(p->f, "%s", p->ir->slots[op->attr].name); break;
    case IR_TEXT_FIELD: fprintf(p->f, "%u, %u", op->attr & 0xff, op->attr >> 8 & 0xff); break;
    case IR_TEXT_NUMBER: fprintf(p->f, "%#x", op->attr); break;
    default: print_word(p->f, ir_word_names(kind), op->attr);
    }
}

static void print_attr(struct printer *p, const struct ir_op *op, enum ir_attr_kind kind)
{
    switch (kind) {
    case IR_ATTR_CC: fprintf(p->f, "%s", ir_cc_names[op->cc]); break;
    case IR_ATTR_ATTR: print_attr_word(p, op); break;
    case IR_ATTR_IMM: fprintf(p->f, "%#" PRIx64, op->imm); break;
    case IR_ATTR_IMM2: fprintf(p->f, "%#" PRIx64, op->imm2); break;
    case IR_ATTR_BLK: fprintf(p->f, "b%u", op->attr); break;
    case IR_ATTR_BLK2: fprintf(p->f, "b%u", op->blk2); break;
    case IR_ATTR_NONE: break;
    }
}

static void print_slots(struct printer *p, const char *what, const struct ir_slot_set *set)
{
    const char *sep = "";
    fprintf(p->f, " %s(", what);
    for (unsigned i = 0; i < p->ir->nslots; i++)
        if (ir_slots_has(set, i)) {
            fprintf(p->f, "%s%s", sep, p->ir->slots[i].name);
            sep = ", ";
        }
    fprintf(p->f, ")");
}

static void print_call(struct printer *p, const struct ir_op *op)
{
    const struct ir_helper *h = ir_op_helper(op);
    fprintf(p->f, "call %s(", h->name);
    for (unsigned i = 0; i < h->nargs; i++) {
        fprintf(p->f, "%s", i ? ", " : "");
        print_val(p, p->ir->call_args[op->attr + i], h->args[i]);
    }
    fprintf(p->f, ")");
    if (!(h->flags & HELPER_SLOTS))
        return;
    struct ir_call_slots s = ir_op_call_slots(p->ir, op);
    print_slots(p, "reads", &s.reads);
    print_slots(p, "writes", &s.writes);
}

/* An exit's return pc and hint are left out when there is none. */
static unsigned attrs_to_print(const struct ir_op *op)
{
    if ((op->opc == OP_exit_jump || op->opc == OP_exit_ind) && !op->imm2 && !op->attr)
        return ir_desc(op)->nattrs - 2;
    return ir_desc(op)->nattrs;
}

static void print_plain(struct printer *p, const struct ir_op *op)
{
    const struct ir_op_desc *d = ir_desc(op);
    bool typed = op->type != IR_VOID && op->opc != OP_get && op->opc != OP_set;
    fprintf(p->f, "%s%s%s", d->name, typed ? "." : "", typed ? ir_type_names[op->type] : "");
    const char *sep = " ";
    unsigned nattrs = attrs_to_print(op);
    bool slot_first = op->opc == OP_set; /* set a0, %1 */
    if (slot_first)
        fprintf(p->f, " %s", p->ir->slots[op->attr].name), sep = ", ";
    for (unsigned i = 0; i < d->nargs; i++, sep = ", ") {
        fprintf(p->f, "%s", sep);
        print_val(p, op->arg[i], ir_arg_type(p->ir, op, i));
    }
    for (unsigned i = 0; i < nattrs && !slot_first; i++, sep = ", ") {
        fprintf(p->f, "%s", sep);
        print_attr(p, op, d->attrs[i]);
    }
}

static void print_op(struct printer *p, uint32_t id)
{
    const struct ir_op *op = &p->ir->ops[id];
    fprintf(p->f, "  ");
    if (op->type != IR_VOID && ir_desc(op)->result != IR_VOID)
        fprintf(p->f, "%%%u = ", p->number ? p->number[id] : id);
    if (op->opc == OP_call)
        print_call(p, op);
    else
        print_plain(p, op);
    fputc('\n', p->f);
}

static void print_unit(struct printer *p)
{
    uint32_t next = 0;
    for (unsigned i = 0; i < p->ir->norder; i++) {
        const struct ir_block *b = &p->ir->blocks[p->ir->order[i]];
        if (p->ir->norder > 1)
            fprintf(p->f, "block b%u\n", p->ir->order[i]);
        for (uint32_t id = b->first; id < b->end; id++) {
            const struct ir_op *op = &p->ir->ops[id];
            if (op->opc == OP_nop)
                continue;
            if (p->number && ir_desc(op)->result != IR_VOID && op->type != IR_VOID)
                p->number[id] = next++;
            print_op(p, id);
        }
    }
}

void ir_print(const struct ir *ir, FILE *f)
{
    print_unit(&(struct printer){.ir = ir, .f = f});
}

void ir_print_dense(const struct ir *ir, FILE *f)
{
    uint32_t number[IR_MAX_OPS];
    print_unit(&(struct printer){.ir = ir, .f = f, .number = number});
}
