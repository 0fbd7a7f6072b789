/*
 * Folding at construction: one fold_<op> per op or family, each a list of the identities it knows.
 *
 * A rule may look through a value only if the op behind it is pure.  Where a rule would keep an
 * older value alive beyond a slot write (x + 1 + 1 as x + 2), it asks that nothing else uses the
 * middle value: a copy would cost more than the op saved.  Floating-point arithmetic is left alone:
 * it raises flags and obeys the rounding mode.
 */
#include "tcg/ir_priv.h"
#include "util/bits.h"

typedef enum ir_folded (*fold_fn)(struct ir *ir, struct ir_op *op, ir_val *v);

static unsigned width(enum ir_type t)
{
    return t == I32 || t == F32 ? 32 : 64;
}

static uint64_t ones(unsigned n)
{
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static enum ir_folded value(ir_val *v, ir_val is)
{
    *v = is;
    return IR_FOLD_VALUE;
}

static enum ir_folded constant(struct ir *ir, enum ir_type t, ir_val *v, uint64_t x)
{
    return value(v, ir_const(ir, t, x));
}

/* Turn op into another one of the same type. */
static enum ir_folded become(struct ir_op *op, unsigned opc, ir_val a, ir_val b)
{
    op->opc = opc;
    op->arg[0] = a;
    op->arg[1] = b;
    return IR_FOLD_AGAIN;
}

static enum ir_folded become_field(struct ir_op *op, unsigned opc, ir_val a, unsigned lsb,
                                   unsigned len)
{
    op->attr = lsb | len << 8;
    return become(op, opc, a, IR_NONE);
}

/* The op behind a value if it is a given one, else NULL. */
static const struct ir_op *made_by(const struct ir *ir, ir_val v, unsigned opc)
{
    if (ir_val_is_const(v) || v.id >= ir->nops || ir->ops[v.id].opc != opc)
        return NULL;
    return &ir->ops[v.id];
}

static bool arg_is(const struct ir *ir, const struct ir_op *op, unsigned n, uint64_t x)
{
    uint64_t c;
    return ir_is_const(ir, op->arg[n], &c) &&
           c == ir_truncate(ir->consts[op->arg[n].id & ~IR_CONST_BIT].type, x);
}

static bool same_args(const struct ir_op *op)
{
    return op->arg[0].id == op->arg[1].id;
}

/* Of a load or atomic: how many bits it reads, and whether it sign-extends them. */
static unsigned memop_bits(const struct ir_op *op, bool *sign)
{
    unsigned bits = 8 * memop_bytes(op->attr);
    *sign = op->attr & MO_SIGN && bits < width(op->type);
    return bits < width(op->type) ? bits : width(op->type);
}

/* All bits of v from the result on are zero. */
static unsigned zero_above(const struct ir *ir, ir_val v)
{
    enum ir_type t = ir_type_of(ir, v);
    if (ir_val_is_const(v))
        return 64 - (ir_const_value(ir, v) ? __builtin_clzll(ir_const_value(ir, v)) : 64);
    const struct ir_op *op = &ir->ops[v.id];
    bool sign;
    unsigned bits;
    switch (op->opc) {
    case OP_zext8: return 8;
    case OP_zext16: return 16;
    case OP_zext32: return 32;
    case OP_extract: return op->attr >> 8 & 0xff;
    case OP_flags_sub:
    case OP_flags_add:
    case OP_flags_adc:
    case OP_eflags_add:
    case OP_eflags_adc:
    case OP_eflags_sub:
    case OP_eflags_sbb:
    case OP_eflags_sum:
    case OP_eflags_diff:
    case OP_eflags_logic:
    case OP_flags_fcmp: return 16;
    case OP_setcond:
    case OP_fcmp: return 1;
    case OP_and: return ir_val_is_const(op->arg[1]) ? zero_above(ir, op->arg[1]) : width(t);
    case OP_shr:
        return ir_val_is_const(op->arg[1])
                   ? width(t) - (ir_const_value(ir, op->arg[1]) & (width(t) - 1))
                   : width(t);
    case OP_ld:
    case OP_env_ld: bits = memop_bits(op, &sign); return sign ? width(t) : bits;
    default: return width(t);
    }
}

/* v equals its own low bits, sign-extended; the result says how many. */
static unsigned sign_above(const struct ir *ir, ir_val v)
{
    enum ir_type t = ir_type_of(ir, v);
    unsigned zero = zero_above(ir, v), w = width(t), best = zero < w ? zero + 1 : w;
    if (ir_val_is_const(v)) {
        uint64_t c = ir_const_value(ir, v);
        int64_t x = t == I32 ? (int32_t)c : (int64_t)c;
        return 65 - __builtin_clzll((x ^ x >> 63) << 1 | 1);
    }
    const struct ir_op *op = &ir->ops[v.id];
    bool sign;
    unsigned bits;
    switch (op->opc) {
    case OP_sext8: return 8;
    case OP_sext16: return 16;
    case OP_sext32: return 32;
    case OP_sextract: return op->attr >> 8 & 0xff;
    case OP_sar:
        return ir_val_is_const(op->arg[1]) ? w - (ir_const_value(ir, op->arg[1]) & (w - 1)) : w;
    case OP_ld:
    case OP_env_ld: bits = memop_bits(op, &sign); return sign && bits < best ? bits : best;
    default: return best;
    }
}

/* Both arguments constant: compute.  Otherwise a constant goes to the right. */
static bool both_const(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a, b;
    if (!ir_is_const(ir, op->arg[0], &a) || !ir_is_const(ir, op->arg[1], &b))
        return false;
    *v = ir_const(ir, op->type, ir_eval(op->opc, op->type, a, b));
    return true;
}

static bool commuted(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (both_const(ir, op, v))
        return true;
    if (ir_val_is_const(op->arg[0])) {
        ir_val a = op->arg[0];
        op->arg[0] = op->arg[1];
        op->arg[1] = a;
    }
    return false;
}

/* (a op c1) op c2 = a op (c1 op c2), when the middle value has no other use. */
static bool reassociated(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *in = made_by(ir, op->arg[0], op->opc);
    if (!in || in->uses || !ir_val_is_const(op->arg[1]) || !ir_val_is_const(in->arg[1]))
        return false;
    uint64_t c =
        ir_eval(op->opc, op->type, ir_const_value(ir, in->arg[1]), ir_const_value(ir, op->arg[1]));
    op->arg[1] = ir_const(ir, op->type, c);
    op->arg[0] = in->arg[0];
    return true;
}

static enum ir_folded fold_add(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    if (arg_is(ir, op, 1, 0))
        return value(v, op->arg[0]);
    return reassociated(ir, op) ? IR_FOLD_AGAIN : IR_FOLD_NONE;
}

static enum ir_folded fold_sub(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (same_args(op))
        return constant(ir, op->type, v, 0);
    if (ir_is_const(ir, op->arg[1], &c))
        return become(op, OP_add, op->arg[0], ir_const(ir, op->type, -c));
    if (arg_is(ir, op, 0, 0))
        return become(op, OP_neg, op->arg[1], IR_NONE);
    return IR_FOLD_NONE;
}

static enum ir_folded fold_mul(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    if (!ir_is_const(ir, op->arg[1], &c))
        return IR_FOLD_NONE;
    if (c == 0)
        return value(v, op->arg[1]);
    if (c == 1)
        return value(v, op->arg[0]);
    if (is_pow2(c))
        return become(op, OP_shl, op->arg[0], ir_const(ir, op->type, __builtin_ctzll(c)));
    return IR_FOLD_NONE;
}

static enum ir_folded fold_mulh(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    return arg_is(ir, op, 1, 0) ? value(v, op->arg[1]) : IR_FOLD_NONE;
}

static enum ir_folded fold_divs(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (arg_is(ir, op, 1, 0))
        return constant(ir, op->type, v, UINT64_MAX);
    if (arg_is(ir, op, 1, 1))
        return value(v, op->arg[0]);
    if (arg_is(ir, op, 1, UINT64_MAX))
        return become(op, OP_neg, op->arg[0], IR_NONE);
    return IR_FOLD_NONE;
}

static enum ir_folded fold_divu(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (!ir_is_const(ir, op->arg[1], &c))
        return IR_FOLD_NONE;
    if (c == 0)
        return constant(ir, op->type, v, UINT64_MAX);
    if (is_pow2(c))
        return become(op, OP_shr, op->arg[0], ir_const(ir, op->type, __builtin_ctzll(c)));
    return IR_FOLD_NONE;
}

static enum ir_folded fold_rems(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (arg_is(ir, op, 1, 0))
        return value(v, op->arg[0]);
    if (arg_is(ir, op, 1, 1) || arg_is(ir, op, 1, UINT64_MAX))
        return constant(ir, op->type, v, 0);
    return IR_FOLD_NONE;
}

static enum ir_folded fold_remu(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (!ir_is_const(ir, op->arg[1], &c))
        return IR_FOLD_NONE;
    if (c == 0)
        return value(v, op->arg[0]);
    if (is_pow2(c))
        return become(op, OP_and, op->arg[0], ir_const(ir, op->type, c - 1));
    return IR_FOLD_NONE;
}

static enum ir_folded fold_and(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    if (same_args(op))
        return value(v, op->arg[0]);
    if (!ir_is_const(ir, op->arg[1], &c))
        return IR_FOLD_NONE;
    if (c == 0)
        return value(v, op->arg[1]);
    uint64_t live = ones(zero_above(ir, op->arg[0]));
    if ((c & live) == live)
        return value(v, op->arg[0]);
    if (reassociated(ir, op))
        return IR_FOLD_AGAIN;
    if (c == 0xff)
        return become(op, OP_zext8, op->arg[0], IR_NONE);
    return c == 0xffff ? become(op, OP_zext16, op->arg[0], IR_NONE) : IR_FOLD_NONE;
}

static bool same_value(const struct ir *ir, ir_val a, ir_val b)
{
    const struct ir_op *x = made_by(ir, a, OP_trunc), *y = made_by(ir, b, OP_trunc);
    return a.id == b.id || (x && y && x->arg[0].id == y->arg[0].id);
}

/* Left and right by counts that make up the width: how RISC-V without Zbb rotates. */
static bool rotates_by_shifts(struct ir *ir, struct ir_op *op)
{
    uint64_t n, m;
    const struct ir_op *l = made_by(ir, op->arg[0], OP_shl), *r = made_by(ir, op->arg[1], OP_shr);
    if (!l && !r) {
        l = made_by(ir, op->arg[1], OP_shl);
        r = made_by(ir, op->arg[0], OP_shr);
    }
    if (!l || !r || !same_value(ir, l->arg[0], r->arg[0]) || !ir_is_const(ir, l->arg[1], &n) ||
        !ir_is_const(ir, r->arg[1], &m) || n + m != width(op->type))
        return false;
    become(op, OP_rotl, l->arg[0], l->arg[1]);
    return true;
}

/*
 * Bitwise operations on two sign-extended words are done on the words: the extensions before it die
 * and only one is left, for which the next operation on words has no use either.
 */
static bool narrowed(struct ir *ir, struct ir_op *op, ir_val *v)
{
    const struct ir_op *x = made_by(ir, op->arg[0], OP_sext32),
                       *y = made_by(ir, op->arg[1], OP_sext32);
    if (!x || !y || x->uses > 1 || y->uses > 1)
        return false;
    struct ir_op word = {
        .opc = op->opc, .type = I32, .arg = {x->arg[0], y->arg[0], IR_NONE, IR_NONE}};
    *v = ir_sext32(ir, ir_emit(ir, &word));
    return true;
}

static enum ir_folded fold_or(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    if (same_args(op) || arg_is(ir, op, 1, 0))
        return value(v, op->arg[0]);
    if (arg_is(ir, op, 1, UINT64_MAX))
        return value(v, op->arg[1]);
    if (narrowed(ir, op, v))
        return IR_FOLD_VALUE;
    return rotates_by_shifts(ir, op) || reassociated(ir, op) ? IR_FOLD_AGAIN : IR_FOLD_NONE;
}

static enum ir_folded fold_xor(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (commuted(ir, op, v))
        return IR_FOLD_VALUE;
    if (same_args(op))
        return constant(ir, op->type, v, 0);
    if (arg_is(ir, op, 1, 0))
        return value(v, op->arg[0]);
    if (arg_is(ir, op, 1, UINT64_MAX))
        return become(op, OP_not, op->arg[0], IR_NONE);
    if (narrowed(ir, op, v))
        return IR_FOLD_VALUE;
    return reassociated(ir, op) ? IR_FOLD_AGAIN : IR_FOLD_NONE;
}

static enum ir_folded fold_andn(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (same_args(op))
        return constant(ir, op->type, v, 0);
    if (arg_is(ir, op, 0, 0))
        return value(v, op->arg[0]);
    if (ir_is_const(ir, op->arg[1], &c))
        return become(op, OP_and, op->arg[0], ir_const(ir, op->type, ~c));
    if (arg_is(ir, op, 0, UINT64_MAX))
        return become(op, OP_not, op->arg[1], IR_NONE);
    return IR_FOLD_NONE;
}

/* One constant argument: compute.  t: the type of the argument. */
static bool const_arg(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a;
    if (!ir_is_const(ir, op->arg[0], &a))
        return false;
    *v = ir_const(ir, op->type, ir_eval(op->opc, ir_type_of(ir, op->arg[0]), a, 0));
    return true;
}

/* not, neg, bswap: twice is nothing. */
static enum ir_folded fold_involution(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], op->opc);
    return in ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_count(struct ir *ir, struct ir_op *op, ir_val *v)
{
    return const_arg(ir, op, v) ? IR_FOLD_VALUE : IR_FOLD_NONE;
}

/*
 * Left and back right by the same count is an extension: how RISC-V without Zba and Zbb writes
 * zext.w, sext.h and the like.  Usually both results go to one register and the first set dies, so
 * the old value does not live longer.
 */
static bool extends_by_shifts(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *in = made_by(ir, op->arg[0], OP_shl);
    unsigned w = width(op->type);
    if (op->opc == OP_shl || !in || in->uses > 1 || in->arg[1].id != op->arg[1].id)
        return false;
    unsigned n = ir_const_value(ir, op->arg[1]) & (w - 1);
    become_field(op, op->opc == OP_shr ? OP_extract : OP_sextract, in->arg[0], 0, w - n);
    return true;
}

/* Left by 32 and back right by less: an unsigned index, scaled. */
static bool scales_by_shifts(struct ir *ir, const struct ir_op *op, uint64_t right, ir_val *v)
{
    const struct ir_op *in = made_by(ir, op->arg[0], OP_shl);
    uint64_t left;
    if (op->opc != OP_shr || op->type != I64 || !in || in->uses > 1 ||
        !ir_is_const(ir, in->arg[1], &left) || left != 32 || right >= left)
        return false;
    ir_val index = ir_extract(ir, in->arg[0], 32 << 8);
    *v = ir_shl(ir, index, ir_const(ir, I64, left - right));
    return true;
}

/* shl, shr, sar: a count of 0; two counts in a row. */
static enum ir_folded fold_shift(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t n, m;
    unsigned w = width(op->type);
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (arg_is(ir, op, 0, 0))
        return value(v, op->arg[0]);
    if (!ir_is_const(ir, op->arg[1], &n))
        return IR_FOLD_NONE;
    if ((n &= w - 1) == 0)
        return value(v, op->arg[0]);
    if (extends_by_shifts(ir, op))
        return IR_FOLD_AGAIN;
    if (scales_by_shifts(ir, op, n, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], op->opc);
    if (!in || in->uses || !ir_is_const(ir, in->arg[1], &m))
        return IR_FOLD_NONE;
    n += m & (w - 1);
    if (n >= w && op->opc != OP_sar)
        return constant(ir, op->type, v, 0);
    return become(op, op->opc, in->arg[0], ir_const(ir, op->type, n < w ? n : w - 1));
}

/* Rotates: a count of 0; by a constant there is only rotl. */
static enum ir_folded fold_rotate(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t n;
    unsigned w = width(op->type);
    if (both_const(ir, op, v))
        return IR_FOLD_VALUE;
    if (!ir_is_const(ir, op->arg[1], &n))
        return IR_FOLD_NONE;
    if ((n & (w - 1)) == 0)
        return value(v, op->arg[0]);
    if (op->opc == OP_rotr)
        return become(op, OP_rotl, op->arg[0], ir_const(ir, op->type, -n & (w - 1)));
    return IR_FOLD_NONE;
}

/* sext8, sext16 of what is that narrow already. */
static enum ir_folded fold_sext(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    unsigned bits = op->opc == OP_sext8 ? 8 : 16;
    return sign_above(ir, op->arg[0]) <= bits ? value(v, op->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_zext(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    unsigned bits = op->opc == OP_zext8 ? 8 : 16;
    return zero_above(ir, op->arg[0]) <= bits ? value(v, op->arg[0]) : IR_FOLD_NONE;
}

/* sext32(trunc(x)) = x when x is a sign-extended 32-bit value already: the usual state of a RISC-V
 * W result. */
static enum ir_folded fold_sext32(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], OP_trunc);
    return in && sign_above(ir, in->arg[0]) <= 32 ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_zext32(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], OP_trunc);
    return in && zero_above(ir, in->arg[0]) <= 32 ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_trunc(struct ir *ir, struct ir_op *op, ir_val *v)
{
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], OP_sext32);
    if (!in)
        in = made_by(ir, op->arg[0], OP_zext32);
    return in ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_extract(struct ir *ir, struct ir_op *op, ir_val *v)
{
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff, w = width(op->type);
    uint64_t a;
    if (ir_is_const(ir, op->arg[0], &a))
        return constant(ir, op->type, v, ir_eval_field(op->opc, op->type, a, 0, op->attr));
    if (lsb == 0 && len == w)
        return value(v, op->arg[0]);
    if (lsb + len == w)
        return become(op, OP_shr, op->arg[0], ir_const(ir, op->type, lsb));
    if (lsb)
        return IR_FOLD_NONE;
    if (zero_above(ir, op->arg[0]) <= len)
        return value(v, op->arg[0]);
    const struct ir_op *in = len == 32 ? made_by(ir, op->arg[0], OP_sext32) : NULL;
    if (in)
        return become(op, OP_zext32, in->arg[0], IR_NONE);
    if (len == 8 || len == 16)
        return become(op, len == 8 ? OP_zext8 : OP_zext16, op->arg[0], IR_NONE);
    return len < 31 ? become(op, OP_and, op->arg[0], ir_const(ir, op->type, ones(len)))
                    : IR_FOLD_NONE;
}

static enum ir_folded fold_sextract(struct ir *ir, struct ir_op *op, ir_val *v)
{
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff, w = width(op->type);
    uint64_t a;
    if (ir_is_const(ir, op->arg[0], &a))
        return constant(ir, op->type, v, ir_eval_field(op->opc, op->type, a, 0, op->attr));
    if (lsb == 0 && (len == w || sign_above(ir, op->arg[0]) <= len))
        return value(v, op->arg[0]);
    if (lsb + len == w)
        return become(op, OP_sar, op->arg[0], ir_const(ir, op->type, lsb));
    if (lsb == 0 && (len == 8 || len == 16))
        return become(op, len == 8 ? OP_sext8 : OP_sext16, op->arg[0], IR_NONE);
    return IR_FOLD_NONE;
}

static enum ir_folded fold_deposit(struct ir *ir, struct ir_op *op, ir_val *v)
{
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff;
    uint64_t a, b;
    if (lsb == 0 && len == width(op->type))
        return value(v, op->arg[1]);
    if (arg_is(ir, op, 1, 0))
        return become(op, OP_and, op->arg[0], ir_const(ir, op->type, ~(ones(len) << lsb)));
    if (lsb == 0 && arg_is(ir, op, 0, 0))
        return become_field(op, OP_extract, op->arg[1], 0, len);
    if (ir_is_const(ir, op->arg[0], &a) && ir_is_const(ir, op->arg[1], &b))
        return constant(ir, op->type, v, ir_eval_field(op->opc, op->type, a, b, op->attr));
    return IR_FOLD_NONE;
}

enum known { UNKNOWN, KNOWN_FALSE, KNOWN_TRUE };

static enum known known(bool truth)
{
    return truth ? KNOWN_TRUE : KNOWN_FALSE;
}

/* A comparison with an end of the unsigned or signed range. */
static enum known at_limit(const struct ir_op *op, enum ir_type t, uint64_t c)
{
    uint64_t min = UINT64_C(1) << (width(t) - 1), max = min - 1, all = ones(width(t));
    switch (op->cc) {
    case IR_LTU: return c == 0 ? KNOWN_FALSE : UNKNOWN;
    case IR_GEU: return c == 0 ? KNOWN_TRUE : UNKNOWN;
    case IR_GTU: return c == all ? KNOWN_FALSE : UNKNOWN;
    case IR_LEU: return c == all ? KNOWN_TRUE : UNKNOWN;
    case IR_LT: return c == min ? KNOWN_FALSE : UNKNOWN;
    case IR_GE: return c == min ? KNOWN_TRUE : UNKNOWN;
    case IR_GT: return c == max ? KNOWN_FALSE : UNKNOWN;
    case IR_LE: return c == max ? KNOWN_TRUE : UNKNOWN;
    default: return UNKNOWN;
    }
}

/* What is known of "arg0 cc arg1"; also moves a constant to the right. */
static enum known decide(struct ir *ir, struct ir_op *op)
{
    enum ir_type t = ir_type_of(ir, op->arg[0]);
    uint64_t a, b;
    if (same_args(op))
        return known(ir_eval_cc(op->cc, t, 0, 0));
    if (ir_is_const(ir, op->arg[0], &a)) {
        if (ir_is_const(ir, op->arg[1], &b))
            return known(ir_eval_cc(op->cc, t, a, b));
        ir_val x = op->arg[0];
        op->arg[0] = op->arg[1];
        op->arg[1] = x;
        op->cc = ir_cc_swap(op->cc);
    }
    return ir_is_const(ir, op->arg[1], &b) ? at_limit(op, t, b) : UNKNOWN;
}

/* (a cc b) != 0 tests a cc b itself; == 0 the inverse.  Also x < 1 as x == 0. */
static bool see_through_setcond(struct ir *ir, struct ir_op *op)
{
    if ((op->cc == IR_LTU || op->cc == IR_GEU) && arg_is(ir, op, 1, 1)) {
        op->cc = op->cc == IR_LTU ? IR_EQ : IR_NE;
        op->arg[1] = ir_const(ir, ir_type_of(ir, op->arg[0]), 0);
        return true;
    }
    const struct ir_op *in = made_by(ir, op->arg[0], OP_setcond);
    if (!in || (op->cc != IR_EQ && op->cc != IR_NE) || !arg_is(ir, op, 1, 0))
        return false;
    op->cc = op->cc == IR_NE ? in->cc : ir_cc_invert(in->cc);
    op->arg[0] = in->arg[0];
    op->arg[1] = in->arg[1];
    return true;
}

static enum ir_folded fold_setcond(struct ir *ir, struct ir_op *op, ir_val *v)
{
    enum known k = decide(ir, op);
    if (k != UNKNOWN)
        return constant(ir, op->type, v, k == KNOWN_TRUE);
    if (op->cc == IR_NE && arg_is(ir, op, 1, 0) && zero_above(ir, op->arg[0]) == 1)
        return value(v, op->arg[0]);
    return see_through_setcond(ir, op) ? IR_FOLD_AGAIN : IR_FOLD_NONE;
}

static enum ir_folded fold_select(struct ir *ir, struct ir_op *op, ir_val *v)
{
    enum known k = decide(ir, op);
    if (op->arg[2].id == op->arg[3].id || k == KNOWN_TRUE)
        return value(v, op->arg[2]);
    if (k == KNOWN_FALSE)
        return value(v, op->arg[3]);
    if (see_through_setcond(ir, op))
        return IR_FOLD_AGAIN;
    bool one_zero = arg_is(ir, op, 2, 1) && arg_is(ir, op, 3, 0);
    if (!one_zero || op->type != ir_type_of(ir, op->arg[0]))
        return IR_FOLD_NONE;
    op->arg[2] = op->arg[3] = IR_NONE;
    op->opc = OP_setcond;
    return IR_FOLD_AGAIN;
}

static void retype(struct ir *ir, struct ir_op *op)
{
    op->type = ir_type_of(ir, op->arg[0]);
}

static enum ir_folded fold_brcond(struct ir *ir, struct ir_op *op, ir_val *v UNUSED)
{
    enum known k = decide(ir, op);
    if (k != UNKNOWN || op->attr == op->blk2) {
        uint32_t blk = k == KNOWN_FALSE ? op->blk2 : op->attr;
        *op =
            (struct ir_op){.opc = OP_br, .attr = blk, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
        return IR_FOLD_AGAIN;
    }
    if (!see_through_setcond(ir, op))
        return IR_FOLD_NONE;
    retype(ir, op);
    return IR_FOLD_AGAIN;
}

static enum ir_folded fold_exit_if(struct ir *ir, struct ir_op *op, ir_val *v UNUSED)
{
    enum known k = decide(ir, op);
    if (k == KNOWN_FALSE)
        return IR_FOLD_GONE;
    if (k == KNOWN_TRUE) {
        *op = (struct ir_op){
            .opc = OP_exit_jump, .imm = op->imm, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
        return IR_FOLD_AGAIN;
    }
    if (!see_through_setcond(ir, op))
        return IR_FOLD_NONE;
    retype(ir, op);
    return IR_FOLD_AGAIN;
}

/* Of an extended value only the low part is stored; the low half of a boxed single is the single.
 */
static enum ir_folded fold_st(struct ir *ir, struct ir_op *op, ir_val *v UNUSED)
{
    const struct ir_op *wide = made_by(ir, op->arg[1], OP_sext32);
    if (!wide)
        wide = made_by(ir, op->arg[1], OP_zext32);
    if (wide && (op->attr & MO_SIZE) <= MO_32) {
        op->arg[1] = wide->arg[0];
        op->type = I32;
        return IR_FOLD_AGAIN;
    }
    const struct ir_op *bits = made_by(ir, op->arg[1], OP_bits_i64);
    const struct ir_op *box = bits ? made_by(ir, bits->arg[0], OP_box32) : NULL;
    if (!box || (op->attr & MO_SIZE) != MO_32 || (op->attr & MO_BE))
        return IR_FOLD_NONE;
    op->arg[1] = box->arg[0];
    op->type = F32;
    return IR_FOLD_AGAIN;
}

/* A bit cast or box undone. */
static enum ir_folded fold_cast(struct ir *ir, struct ir_op *op, ir_val *v)
{
    static const uint8_t inverse[OP_COUNT] = {[OP_bits_i32] = OP_bits_f32,
                                              [OP_bits_f32] = OP_bits_i32,
                                              [OP_bits_i64] = OP_bits_f64,
                                              [OP_bits_f64] = OP_bits_i64};
    if (const_arg(ir, op, v))
        return IR_FOLD_VALUE;
    const struct ir_op *in = made_by(ir, op->arg[0], inverse[op->opc]);
    return in ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_box32(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a;
    if (ir_is_const(ir, op->arg[0], &a))
        return constant(ir, F64, v, a | UINT64_C(0xffffffff) << 32);
    return IR_FOLD_NONE;
}

static enum ir_folded fold_unbox32(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a;
    if (ir_is_const(ir, op->arg[0], &a))
        return constant(ir, F32, v, a >> 32 == 0xffffffff ? a : 0x7fc00000);
    const struct ir_op *in = made_by(ir, op->arg[0], OP_box32);
    return in ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_fsgnj(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a, b, sign = UINT64_C(1) << (width(op->type) - 1);
    if (op->opc == OP_fsgnj && same_args(op))
        return value(v, op->arg[0]);
    if (!ir_is_const(ir, op->arg[0], &a) || !ir_is_const(ir, op->arg[1], &b))
        return IR_FOLD_NONE;
    if (op->opc == OP_fsgnjn)
        b = ~b;
    else if (op->opc == OP_fsgnjx)
        b ^= a;
    return constant(ir, op->type, v, (a & ~sign) | (b & sign));
}

/* vto64, vto32: of what was put there; of a constant. */
static enum ir_folded fold_vto(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (ir_is_const(ir, op->arg[0], &c))
        return constant(ir, op->type, v, c);
    const struct ir_op *in = made_by(ir, op->arg[0], op->opc == OP_vto64 ? OP_vfrom64 : OP_vfrom32);
    return in ? value(v, in->arg[0]) : IR_FOLD_NONE;
}

/* vfrom64, vfrom32, vlow: of a constant; of what has its upper half zero. */
static enum ir_folded fold_vlow(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (ir_is_const(ir, op->arg[0], &c))
        return constant(ir, V128, v, c);
    if (op->opc != OP_vlow || ir_val_is_const(op->arg[0]))
        return IR_FOLD_NONE;
    unsigned in = ir->ops[op->arg[0].id].opc;
    bool is_low = in == OP_vlow || in == OP_vfrom64 || in == OP_vfrom32;
    return is_low ? value(v, op->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_vlogic(struct ir *ir, struct ir_op *op, ir_val *v)
{
    bool zero_a = arg_is(ir, op, 0, 0), zero_b = arg_is(ir, op, 1, 0), same = same_args(op);
    switch (op->opc) {
    case OP_vand:
        if (zero_a || same)
            return value(v, op->arg[0]);
        return zero_b ? value(v, op->arg[1]) : IR_FOLD_NONE;
    case OP_vandn:
        if (same)
            return constant(ir, op->type, v, 0);
        return zero_a || zero_b ? value(v, op->arg[0]) : IR_FOLD_NONE;
    case OP_vxor:
        if (same)
            return constant(ir, op->type, v, 0);
        break;
    default:
        if (same)
            return value(v, op->arg[0]);
        break;
    }
    return zero_b ? value(v, op->arg[0]) : zero_a ? value(v, op->arg[1]) : IR_FOLD_NONE;
}

/* vshli, vshri, vsari by nothing. */
static enum ir_folded fold_vshift(struct ir *ir UNUSED, struct ir_op *op, ir_val *v)
{
    return op->attr >> 8 ? IR_FOLD_NONE : value(v, op->arg[0]);
}

/* Of constants whose upper half stays zero. */
static enum ir_folded fold_vmake(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t low;
    if (!ir_is_const(ir, op->arg[0], &low) || !arg_is(ir, op, 1, 0))
        return IR_FOLD_NONE;
    return constant(ir, V128, v, low);
}

static enum ir_folded fold_vdup(struct ir *ir, struct ir_op *op, ir_val *v)
{
    return arg_is(ir, op, 0, 0) ? constant(ir, V128, v, 0) : IR_FOLD_NONE;
}

/* vlo128: of what halves were put there. */
static enum ir_folded fold_vlo128(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (ir_is_const(ir, op->arg[0], &c))
        return constant(ir, V128, v, c);
    const struct ir_op *join = made_by(ir, op->arg[0], OP_vjoin);
    const struct ir_op *low = made_by(ir, op->arg[0], OP_vjoinlo);
    if (join)
        return value(v, join->arg[0]);
    return low ? value(v, low->arg[1]) : IR_FOLD_NONE;
}

static enum ir_folded fold_vhi128(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (ir_is_const(ir, op->arg[0], &c))
        return constant(ir, V128, v, 0);
    const struct ir_op *join = made_by(ir, op->arg[0], OP_vjoin);
    const struct ir_op *low = made_by(ir, op->arg[0], OP_vjoinlo);
    if (join)
        return value(v, join->arg[1]);
    if (!low)
        return IR_FOLD_NONE;
    op->arg[0] = low->arg[0];
    return IR_FOLD_AGAIN;
}

/* Of the halves of one vector. */
static enum ir_folded fold_vjoin(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t c;
    if (ir_is_const(ir, op->arg[0], &c) && arg_is(ir, op, 1, 0))
        return constant(ir, V256, v, c);
    const struct ir_op *low = made_by(ir, op->arg[0], OP_vlo128);
    const struct ir_op *high = made_by(ir, op->arg[1], OP_vhi128);
    return low && high && low->arg[0].id == high->arg[0].id ? value(v, low->arg[0]) : IR_FOLD_NONE;
}

static enum ir_folded fold_vjoinlo(struct ir *ir, struct ir_op *op, ir_val *v)
{
    const struct ir_op *low = made_by(ir, op->arg[1], OP_vlo128);
    const struct ir_op *join = made_by(ir, op->arg[0], OP_vjoin);
    const struct ir_op *before = made_by(ir, op->arg[0], OP_vjoinlo);
    if (low && low->arg[0].id == op->arg[0].id)
        return value(v, op->arg[0]);
    if (join)
        return become(op, OP_vjoin, op->arg[1], join->arg[1]);
    if (!before)
        return IR_FOLD_NONE;
    op->arg[0] = before->arg[0];
    return IR_FOLD_AGAIN;
}

static enum ir_folded fold_flags(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t a, b, c = 0;
    if (op->opc == OP_flags_adc && arg_is(ir, op, 2, 0)) {
        op->arg[2] = IR_NONE;
        return become(op, OP_flags_add, op->arg[0], op->arg[1]);
    }
    if (op->opc == OP_flags_adc && !ir_is_const(ir, op->arg[2], &c))
        return IR_FOLD_NONE;
    if (!ir_is_const(ir, op->arg[0], &a) || !ir_is_const(ir, op->arg[1], &b))
        return IR_FOLD_NONE;
    enum ir_type t = ir_type_of(ir, op->arg[0]);
    return constant(ir, I32, v, ir_eval_flags(op->opc, t, a, b, c));
}

/* Of a shift by a constant, all flags or none. */
static enum ir_folded fold_shift_base(struct ir *ir, struct ir_op *op, ir_val *v, unsigned n)
{
    if (!n) {
        *v = op->arg[2];
        return IR_FOLD_VALUE;
    }
    op->arg[2] = ir_const(ir, I32, 0);
    return IR_FOLD_AGAIN;
}

/* Flags whose every change is undone need not be there. */
static bool skip_base(struct ir *ir, struct ir_op *op)
{
    ir_val *base = &op->arg[ir_desc(op)->nargs - 1];
    if (ir_val_is_const(*base) || !ir_opc_is_some_eflags(ir->ops[base->id].opc))
        return false;
    const struct ir_op *below = &ir->ops[base->id];
    if (ir_eflags_kept(op->opc) & ~ir_eflags_kept(below->opc))
        return false;
    *base = ir_eflags_base(below);
    return true;
}

static enum ir_folded fold_eflags(struct ir *ir, struct ir_op *op, ir_val *v)
{
    uint64_t arg[3] = {0};
    if ((op->opc == OP_eflags_adc || op->opc == OP_eflags_sbb) && arg_is(ir, op, 2, 0)) {
        op->arg[2] = IR_NONE;
        return become(op, op->opc == OP_eflags_adc ? OP_eflags_add : OP_eflags_sub, op->arg[0],
                      op->arg[1]);
    }
    if (ir_opc_is_eflags_shift(op->opc) && ir_is_const(ir, op->arg[1], &arg[1]) &&
        !ir_val_is_const(op->arg[2]))
        return fold_shift_base(ir, op, v, arg[1] & (op->attr == 3 ? 63 : 31));
    if (ir_opc_is_some_eflags(op->opc) && skip_base(ir, op))
        return IR_FOLD_AGAIN;
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        if (!ir_is_const(ir, op->arg[i], &arg[i]))
            return IR_FOLD_NONE;
    return constant(ir, I32, v, ir_eval_eflags(op->opc, op->attr, arg[0], arg[1], arg[2]));
}

static enum ir_folded fold_fence(struct ir *ir UNUSED, struct ir_op *op, ir_val *v UNUSED)
{
    return op->attr ? IR_FOLD_NONE : IR_FOLD_GONE;
}

/* clang-format off */
static const fold_fn rules[OP_COUNT] = {
    [OP_add] = fold_add, [OP_sub] = fold_sub, [OP_mul] = fold_mul,
    [OP_mulhu] = fold_mulh, [OP_mulhs] = fold_mulh,
    [OP_divs] = fold_divs, [OP_divu] = fold_divu, [OP_rems] = fold_rems, [OP_remu] = fold_remu,
    [OP_and] = fold_and, [OP_or] = fold_or, [OP_xor] = fold_xor, [OP_andn] = fold_andn,
    [OP_not] = fold_involution, [OP_neg] = fold_involution, [OP_bswap] = fold_involution,
    [OP_shl] = fold_shift, [OP_shr] = fold_shift, [OP_sar] = fold_shift,
    [OP_rotl] = fold_rotate, [OP_rotr] = fold_rotate,
    [OP_clz] = fold_count, [OP_ctz] = fold_count, [OP_popcnt] = fold_count,
    [OP_sext8] = fold_sext, [OP_sext16] = fold_sext, [OP_zext8] = fold_zext, [OP_zext16] = fold_zext,
    [OP_sext32] = fold_sext32, [OP_zext32] = fold_zext32, [OP_trunc] = fold_trunc,
    [OP_extract] = fold_extract, [OP_sextract] = fold_sextract, [OP_deposit] = fold_deposit,
    [OP_setcond] = fold_setcond, [OP_select] = fold_select,
    [OP_brcond] = fold_brcond, [OP_exit_if] = fold_exit_if,
    [OP_st] = fold_st, [OP_box32] = fold_box32, [OP_unbox32] = fold_unbox32,
    [OP_bits_i32] = fold_cast, [OP_bits_i64] = fold_cast, [OP_bits_f32] = fold_cast, [OP_bits_f64] = fold_cast,
    [OP_fsgnj] = fold_fsgnj, [OP_fsgnjn] = fold_fsgnj, [OP_fsgnjx] = fold_fsgnj,
    [OP_flags_sub] = fold_flags, [OP_flags_add] = fold_flags, [OP_flags_adc] = fold_flags,
    [OP_eflags_add] = fold_eflags, [OP_eflags_adc] = fold_eflags, [OP_eflags_sub] = fold_eflags,
    [OP_eflags_sbb] = fold_eflags, [OP_eflags_sum] = fold_eflags, [OP_eflags_diff] = fold_eflags,
    [OP_eflags_logic] = fold_eflags,
    [OP_eflags_shl] = fold_eflags, [OP_eflags_shr] = fold_eflags, [OP_eflags_sar] = fold_eflags,
    [OP_eflags_inc] = fold_eflags, [OP_eflags_dec] = fold_eflags, [OP_eflags_rotl] = fold_eflags,
    [OP_eflags_rotr] = fold_eflags, [OP_eflags_bit] = fold_eflags, [OP_eflags_wide] = fold_eflags,
    [OP_eflags_imul] = fold_eflags,
    [OP_vto64] = fold_vto, [OP_vto32] = fold_vto,
    [OP_vfrom64] = fold_vlow, [OP_vfrom32] = fold_vlow, [OP_vlow] = fold_vlow,
    [OP_vand] = fold_vlogic, [OP_vor] = fold_vlogic, [OP_vxor] = fold_vlogic, [OP_vandn] = fold_vlogic,
    [OP_vshli] = fold_vshift, [OP_vshri] = fold_vshift, [OP_vsari] = fold_vshift,
    [OP_vmake] = fold_vmake, [OP_vdup] = fold_vdup,
    [OP_vlo128] = fold_vlo128, [OP_vhi128] = fold_vhi128, [OP_vjoin] = fold_vjoin, [OP_vjoinlo] = fold_vjoinlo,
    [OP_fence] = fold_fence,
};
/* clang-format on */

enum ir_folded ir_fold(struct ir *ir, struct ir_op *op, ir_val *v)
{
    return rules[op->opc] ? rules[op->opc](ir, op, v) : IR_FOLD_NONE;
}
