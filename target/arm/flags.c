/*
 * NZCV: set as one packed slot that goes unused in most cases, and tested by comparing again what
 * was compared.
 */
#include "target/arm/trans.h"

#include "util/bits.h"

enum { FLAG_N_BIT = 15, FLAG_Z_BIT = 14, FLAG_NOT_C_BIT = 8, FLAG_V_BIT = 0 };

static void set_flags(struct dis *d, ir_val packed)
{
    ir_set(d->ir, ARM_SLOT_FLAGS, packed);
    flags_forget(d);
}

static ir_val packed_flags(struct dis *d)
{
    return ir_get(d->ir, ARM_SLOT_FLAGS);
}

static ir_val zero_like(struct dis *d, ir_val v)
{
    return ir_const(d->ir, ir_type_of(d->ir, v), 0);
}

void flags_forget(struct dis *d)
{
    d->flag_source = FLAGS_SLOT;
    d->flag_a = d->flag_b = d->flag_result = IR_NONE;
}

void flags_result(struct dis *d, ir_val result)
{
    d->flag_result = result;
}

static void remember(struct dis *d, enum flag_source source, ir_val a, ir_val b)
{
    d->flag_source = source;
    d->flag_a = a;
    d->flag_b = b;
}

ir_val flags_of_sub(struct dis *d, ir_val a, ir_val b)
{
    return ir_flags_sub(d->ir, a, b);
}

ir_val flags_of_add(struct dis *d, ir_val a, ir_val b)
{
    return ir_flags_add(d->ir, a, b);
}

void flags_sub(struct dis *d, ir_val a, ir_val b)
{
    set_flags(d, flags_of_sub(d, a, b));
    remember(d, FLAGS_SUB, a, b);
}

/* a + b is a - (-b), flags and all, for constants other than 0 and the one without a negative. */
static bool negated_constant(struct dis *d, ir_val *b)
{
    enum ir_type t = ir_type_of(d->ir, *b);
    uint64_t v;
    if (!ir_is_const(d->ir, *b, &v) || !(v << (t == I32 ? 33 : 1)))
        return false;
    *b = ir_const(d->ir, t, t == I32 ? (uint32_t)-v : -v);
    return true;
}

void flags_add(struct dis *d, ir_val a, ir_val b)
{
    set_flags(d, flags_of_add(d, a, b));
    remember(d, negated_constant(d, &b) ? FLAGS_SUB : FLAGS_ADD, a, b);
}

void flags_adc(struct dis *d, ir_val a, ir_val b, ir_val carry)
{
    if (ir_type_of(d->ir, a) == I32)
        carry = ir_trunc(d->ir, carry);
    set_flags(d, ir_flags_adc(d->ir, a, b, carry));
}

void flags_logic(struct dis *d, ir_val result)
{
    set_flags(d, flags_of_add(d, result, zero_like(d, result)));
    remember(d, FLAGS_LOGIC, result, IR_NONE);
    d->flag_result = result;
}

/* Bit `from` of an I32 moved to bit `to`, all others clear. */
static ir_val move_bit(struct dis *d, ir_val v, unsigned from, unsigned to)
{
    ir_val moved =
        from > to ? ir_shr(d->ir, v, imm32(d, from - to)) : ir_shl(d->ir, v, imm32(d, to - from));
    return ir_and(d->ir, moved, imm32(d, BIT64(to)));
}

void flags_set_nzcv(struct dis *d, ir_val nzcv)
{
    ir_val nz = ir_and(d->ir, ir_shr(d->ir, nzcv, imm32(d, 16)), imm32(d, ARM_FLAG_N | ARM_FLAG_Z));
    ir_val c = ir_xor(d->ir, move_bit(d, nzcv, 29, FLAG_NOT_C_BIT), imm32(d, ARM_FLAG_NOT_C));
    ir_val v = move_bit(d, nzcv, 28, FLAG_V_BIT);
    set_flags(d, ir_or(d->ir, ir_or(d->ir, nz, c), v));
}

ir_val flags_get_nzcv(struct dis *d)
{
    ir_val f = packed_flags(d);
    ir_val nz = ir_shl(d->ir, ir_and(d->ir, f, imm32(d, ARM_FLAG_N | ARM_FLAG_Z)), imm32(d, 16));
    ir_val c = move_bit(d, ir_not(d->ir, f), FLAG_NOT_C_BIT, 29);
    ir_val v = move_bit(d, f, FLAG_V_BIT, 28);
    return ir_or(d->ir, ir_or(d->ir, nz, c), v);
}

/* --- conditions --- */

enum { COND_EQ, COND_CS = 2, COND_MI = 4, COND_VS = 6, COND_HI = 8, COND_GE = 10, COND_GT = 12 };

static struct flag_test test(ir_val a, enum ir_cc cc, ir_val b)
{
    return (struct flag_test){.cc = cc, .a = a, .b = b};
}

/* Some, or none, of the bits of a mask. */
static struct flag_test test_bits(struct dis *d, ir_val v, uint32_t mask, bool some)
{
    return test(ir_and(d->ir, v, imm32(d, mask)), some ? IR_NE : IR_EQ, imm32(d, 0));
}

/* N != V in bit 0. */
static ir_val n_differs_from_v(struct dis *d, ir_val f)
{
    return ir_xor(d->ir, ir_shr(d->ir, f, imm32(d, FLAG_N_BIT)), f);
}

/* From the packed flags; cond is even. */
static struct flag_test test_packed(struct dis *d, unsigned cond)
{
    ir_val f = packed_flags(d);
    switch (cond) {
    case COND_EQ: return test_bits(d, f, ARM_FLAG_Z, true);
    case COND_CS: return test_bits(d, f, ARM_FLAG_NOT_C, false);
    case COND_MI: return test_bits(d, f, ARM_FLAG_N, true);
    case COND_VS: return test_bits(d, f, ARM_FLAG_V, true);
    case COND_HI: return test_bits(d, f, ARM_FLAG_NOT_C | ARM_FLAG_Z, false);
    case COND_GE: return test_bits(d, n_differs_from_v(d, f), 1, false);
    }
    ir_val less = ir_and(d->ir, n_differs_from_v(d, f), imm32(d, 1));
    ir_val zero = ir_and(d->ir, f, imm32(d, ARM_FLAG_Z));
    return test(ir_or(d->ir, less, zero), IR_EQ, imm32(d, 0));
}

/* The result against zero: what N and Z alone decide. */
static struct flag_test test_result(struct dis *d, unsigned cond)
{
    ir_val r = d->flag_result;
    return test(r, cond == COND_EQ ? IR_EQ : IR_LT, zero_like(d, r));
}

static struct flag_test test_sub(struct dis *d, unsigned cond)
{
    static const uint8_t cc[] = {
        [COND_EQ] = IR_EQ, [COND_CS] = IR_GEU, [COND_HI] = IR_GTU,
        [COND_GE] = IR_GE, [COND_GT] = IR_GT,
    };
    if (cond == COND_VS)
        return test_packed(d, cond);
    if (cond == COND_MI)
        flags_result(d, ir_sub(d->ir, d->flag_a, d->flag_b));
    return cond == COND_MI ? test_result(d, cond) : test(d->flag_a, cc[cond], d->flag_b);
}

static struct flag_test test_add(struct dis *d, unsigned cond)
{
    if (cond != COND_EQ && cond != COND_CS && cond != COND_MI)
        return test_packed(d, cond);
    ir_val sum = ir_add(d->ir, d->flag_a, d->flag_b);
    return cond == COND_EQ   ? test(sum, IR_EQ, zero_like(d, sum))
           : cond == COND_MI ? test(sum, IR_LT, zero_like(d, sum))
                             : test(sum, IR_LTU, d->flag_a);
}

/* C and V are clear. */
static struct flag_test test_logic(struct dis *d, unsigned cond)
{
    ir_val r = d->flag_a, zero = zero_like(d, r);
    switch (cond) {
    case COND_EQ: return test(r, IR_EQ, zero);
    case COND_MI: return test(r, IR_LT, zero);
    case COND_GE: return test(r, IR_GE, zero);
    case COND_GT: return test(r, IR_GT, zero);
    }
    return test(zero, IR_NE, zero); /* CS, VS, HI */
}

static struct flag_test test_even(struct dis *d, unsigned cond)
{
    bool has_result = d->flag_result.id != IR_NONE.id;
    if (has_result && d->flag_source != FLAGS_SLOT && (cond == COND_EQ || cond == COND_MI))
        return test_result(d, cond);
    switch (d->flag_source) {
    case FLAGS_SUB: return test_sub(d, cond);
    case FLAGS_ADD: return test_add(d, cond);
    case FLAGS_LOGIC: return test_logic(d, cond);
    case FLAGS_NZ:
    case FLAGS_SLOT: break;
    }
    return test_packed(d, cond);
}

static enum ir_cc inverse(enum ir_cc cc)
{
    static const uint8_t other[] = {
        [IR_EQ] = IR_NE, [IR_NE] = IR_EQ,   [IR_LT] = IR_GE,   [IR_GE] = IR_LT,   [IR_LE] = IR_GT,
        [IR_GT] = IR_LE, [IR_LTU] = IR_GEU, [IR_GEU] = IR_LTU, [IR_LEU] = IR_GTU, [IR_GTU] = IR_LEU,
    };
    return other[cc];
}

/* Ref: DDI 0487, C1.2.4 (condition code). */
struct flag_test flag_test(struct dis *d, unsigned cond)
{
    if (cond >= 14)
        return (struct flag_test){
            .cc = IR_EQ, .a = imm32(d, 0), .b = imm32(d, 0), .is_always = true};
    struct flag_test t = test_even(d, cond & ~1u);
    if (cond & 1)
        t.cc = inverse(t.cc);
    return t;
}

ir_val flag_select(struct dis *d, unsigned cond, ir_val yes, ir_val no)
{
    struct flag_test t = flag_test(d, cond);
    return ir_select(d->ir, t.a, t.b, yes, no, t.cc);
}

ir_val flag_setcond(struct dis *d, unsigned cond, enum ir_type t)
{
    struct flag_test c = flag_test(d, cond);
    ir_val v = ir_setcond(d->ir, c.a, c.b, c.cc);
    if (t == ir_type_of(d->ir, v))
        return v;
    return t == I64 ? ir_zext32(d->ir, v) : ir_trunc(d->ir, v);
}

ir_val flag_carry(struct dis *d)
{
    return flag_setcond(d, COND_CS, I64);
}
