/*
 * EFLAGS' six arithmetic flags: set as one packed slot that goes unused in most cases, and tested
 * by comparing again what was compared.
 */
#include "target/x86/trans.h"

#include <stddef.h>

_Static_assert((int)X86_CC_ALL == (int)IR_EFLAGS, "the slot holds what the eflags operations give");

enum { CC_O, CC_B = 2, CC_Z = 4, CC_BE = 6, CC_S = 8, CC_P = 10, CC_L = 12, CC_LE = 14 };
enum { CARRY_BIT = 8, SIGN_BIT = 15 };

void flags_forget(struct dis *d)
{
    d->flags.source = X86_FLAGS_SLOT;
    d->flags.a = d->flags.b = d->flags.result = IR_NONE;
}

void flags_set(struct dis *d, ir_val cc)
{
    ir_set(d->ir, X86_SLOT_CC, cc);
    flags_forget(d);
}

ir_val flags_get(struct dis *d)
{
    return ir_get(d->ir, X86_SLOT_CC);
}

ir_val eflags_image(struct dis *d)
{
    enum { KEPT = X86_EFLAGS_SYS & ~(X86_FL_VM | X86_FL_RF), LAHF = 0xd5, O_SHIFT = 11 };
    ir_val cc = flags_get(d);
    ir_val low = ir_and(d->ir, ir_shr(d->ir, cc, imm32(d, 8)), imm32(d, LAHF));
    ir_val o = ir_shl(d->ir, ir_and(d->ir, cc, imm32(d, X86_CC_O)), imm32(d, O_SHIFT));
    ir_val df = ir_and(d->ir, ir_trunc(d->ir, ir_get(d->ir, X86_SLOT_DF)), imm32(d, X86_FL_DF));
    ir_val sys = ir_env_ld(d->ir, I32, MO_32, offsetof(struct x86_cpu, s.eflags));
    ir_val rest = ir_or(d->ir, ir_and(d->ir, sys, imm32(d, KEPT)), imm32(d, X86_FL_1));
    return ir_or(d->ir, ir_or(d->ir, low, o), ir_or(d->ir, df, rest));
}

void flags_change(struct dis *d, uint32_t mask, ir_val value)
{
    ir_val kept = ir_and(d->ir, flags_get(d), imm32(d, X86_CC_ALL & ~mask));
    flags_set(d, ir_or(d->ir, kept, value));
}

static void remember(struct dis *d, enum x86_flag_source source, unsigned size, ir_val a, ir_val b)
{
    d->flags.source = source;
    d->flags.size = size;
    d->flags.a = a;
    d->flags.b = b;
}

void flags_sub(struct dis *d, ir_val a, ir_val b, unsigned size)
{
    flags_set(d, ir_eflags_sub(d->ir, a, b, size));
    remember(d, X86_FLAGS_SUB, size, a, b);
}

void flags_add(struct dis *d, ir_val a, ir_val b, ir_val sum, unsigned size)
{
    flags_set(d, ir_eflags_add(d->ir, a, b, size));
    remember(d, X86_FLAGS_ADD, size, a, b);
    d->flags.result = sum;
}

/* The same behind the operation, nothing between, in a size that has a type. */
void flags_of_sum(struct dis *d, ir_val a, ir_val b, ir_val sum, unsigned size)
{
    flags_set(d, ir_eflags_sum(d->ir, sum, b, size));
    remember(d, X86_FLAGS_ADD, size, a, b);
    d->flags.result = sum;
}

void flags_of_difference(struct dis *d, ir_val a, ir_val b, ir_val difference, unsigned size)
{
    flags_set(d, ir_eflags_diff(d->ir, difference, b, size));
    remember(d, X86_FLAGS_SUB, size, a, b);
    d->flags.result = difference;
}

/* A carry in the operands' type. */
static ir_val carry_of(struct dis *d, ir_val carry, unsigned size)
{
    return size == 3 && ir_type_of(d->ir, carry) == I32 ? ir_zext32(d->ir, carry) : carry;
}

void flags_adc(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
{
    flags_set(d, ir_eflags_adc(d->ir, a, b, carry_of(d, carry, size), size));
}

void flags_sbb(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
{
    flags_set(d, ir_eflags_sbb(d->ir, a, b, carry_of(d, carry, size), size));
}

void flags_logic(struct dis *d, ir_val result, unsigned size)
{
    flags_set(d, ir_eflags_logic(d->ir, result, size));
    remember(d, X86_FLAGS_LOGIC, size, result, IR_NONE);
    d->flags.result = result;
}

void flags_of_bit(struct dis *d, ir_val v, unsigned size)
{
    flags_set(d, ir_eflags_bit(d->ir, v, flags_get(d), size));
    remember(d, X86_FLAGS_BIT, size, v, IR_NONE);
}

void flags_result(struct dis *d, ir_val cc, ir_val result, unsigned size)
{
    flags_set(d, cc);
    remember(d, X86_FLAGS_ZS, size, IR_NONE, IR_NONE);
    d->flags.result = result;
}

/* --- conditions --- */

static struct flag_test test(ir_val a, enum ir_cc cc, ir_val b)
{
    return (struct flag_test){.cc = cc, .a = a, .b = b};
}

static struct flag_test never(struct dis *d)
{
    return test(imm32(d, 0), IR_NE, imm32(d, 0));
}

static struct flag_test test_bits(struct dis *d, ir_val v, uint32_t mask)
{
    return test(ir_and(d->ir, v, imm32(d, mask)), IR_NE, imm32(d, 0));
}

/* SF != OF in bit 0. */
static ir_val less(struct dis *d, ir_val cc)
{
    ir_val differ = ir_xor(d->ir, ir_shr(d->ir, cc, imm32(d, SIGN_BIT)), cc);
    return ir_and(d->ir, differ, imm32(d, 1));
}

/* From the packed flags; cond is even. */
static struct flag_test test_packed(struct dis *d, unsigned cond)
{
    ir_val cc = flags_get(d);
    switch (cond) {
    case CC_O: return test_bits(d, cc, X86_CC_O);
    case CC_B: return test_bits(d, cc, X86_CC_C);
    case CC_Z: return test_bits(d, cc, X86_CC_Z);
    case CC_BE: return test_bits(d, cc, X86_CC_C | X86_CC_Z);
    case CC_S: return test_bits(d, cc, X86_CC_S);
    case CC_P: return test_bits(d, cc, X86_CC_P);
    case CC_L: return test(less(d, cc), IR_NE, imm32(d, 0));
    }
    ir_val zero = ir_and(d->ir, cc, imm32(d, X86_CC_Z));
    return test(ir_or(d->ir, less(d, cc), zero), IR_NE, imm32(d, 0));
}

/* The result against zero, in the size of the operation. */
static struct flag_test test_result(struct dis *d, enum ir_cc cc)
{
    unsigned size = d->flags.size;
    ir_val r = d->flags.result;
    ir_val v = cc == IR_EQ ? zext_of(d, r, size) : sext_of(d, r, size);
    return test(v, cc, imm_of(d, size, 0));
}

static struct flag_test test_sub(struct dis *d, unsigned cond)
{
    static const uint8_t cc[] = {
        [CC_B] = IR_LTU, [CC_Z] = IR_EQ, [CC_BE] = IR_LEU, [CC_L] = IR_LT, [CC_LE] = IR_LE};
    unsigned size = d->flags.size;
    if (cond == CC_O || cond == CC_P)
        return test_packed(d, cond);
    if (cond == CC_Z && d->flags.result.id != IR_NONE.id)
        return test_result(d, IR_EQ);
    if (cond == CC_S) {
        if (d->flags.result.id == IR_NONE.id)
            d->flags.result = ir_sub(d->ir, d->flags.a, d->flags.b);
        return test_result(d, IR_LT);
    }
    if (cond == CC_L || cond == CC_LE)
        return test(sext_of(d, d->flags.a, size), cc[cond], sext_of(d, d->flags.b, size));
    return test(zext_of(d, d->flags.a, size), cc[cond], zext_of(d, d->flags.b, size));
}

static struct flag_test test_logic(struct dis *d, unsigned cond)
{
    switch (cond) {
    case CC_O:
    case CC_B: return never(d);
    case CC_Z:
    case CC_BE: return test_result(d, IR_EQ);
    case CC_S:
    case CC_L: return test_result(d, IR_LT);
    case CC_LE: return test_result(d, IR_LE);
    }
    return test_packed(d, cond);
}

static struct flag_test test_add(struct dis *d, unsigned cond)
{
    unsigned size = d->flags.size;
    if (cond == CC_B && d->flags.source == X86_FLAGS_ADD)
        return test(zext_of(d, d->flags.result, size), IR_LTU, zext_of(d, d->flags.a, size));
    if (cond == CC_Z)
        return test_result(d, IR_EQ);
    if (cond == CC_S)
        return test_result(d, IR_LT);
    return test_packed(d, cond);
}

static struct flag_test test_bit(struct dis *d, unsigned cond)
{
    if (cond == CC_B)
        return test_bits(d, narrow_to(d, d->flags.a, 2), 1);
    return test_packed(d, cond);
}

struct flag_test flag_test(struct dis *d, unsigned cond)
{
    struct flag_test t;
    switch (d->flags.source) {
    case X86_FLAGS_SUB: t = test_sub(d, cond & ~1u); break;
    case X86_FLAGS_LOGIC: t = test_logic(d, cond & ~1u); break;
    case X86_FLAGS_ADD:
    case X86_FLAGS_ZS: t = test_add(d, cond & ~1u); break;
    case X86_FLAGS_BIT: t = test_bit(d, cond & ~1u); break;
    default: t = test_packed(d, cond & ~1u);
    }
    static const uint8_t inverse[] = {[IR_EQ] = IR_NE, [IR_NE] = IR_EQ,   [IR_LT] = IR_GE,
                                      [IR_LE] = IR_GT, [IR_LTU] = IR_GEU, [IR_LEU] = IR_GTU};
    if (cond & 1)
        t.cc = inverse[t.cc];
    return t;
}

ir_val test_value(struct dis *d, const struct flag_test *t, enum ir_type type)
{
    ir_val v = ir_setcond(d->ir, t->a, t->b, t->cc);
    enum ir_type has = ir_type_of(d->ir, v);
    if (has == type)
        return v;
    return type == I64 ? ir_zext32(d->ir, v) : ir_trunc(d->ir, v);
}

ir_val flag_carry(struct dis *d, enum ir_type t)
{
    if (d->flags.source != X86_FLAGS_SLOT && d->flags.source != X86_FLAGS_ZS) {
        struct flag_test carry = flag_test(d, CC_B);
        return test_value(d, &carry, t);
    }
    ir_val bit = ir_and(d->ir, ir_shr(d->ir, flags_get(d), imm32(d, CARRY_BIT)), imm32(d, 1));
    return t == I64 ? ir_zext32(d->ir, bit) : bit;
}
