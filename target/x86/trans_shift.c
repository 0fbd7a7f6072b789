/*
 * Shifts and rotates.  A masked count of 0 changes no flag.
 *
 * What the manuals leave undefined is as on AMD's processors: AF is set by shifts, OF after counts
 * above 1 is what the last step by one would give.
 */
#include "target/x86/trans.h"

static unsigned size_of(const struct dis *d)
{
    return d->insn.op[0].size;
}

static unsigned bits_of(const struct dis *d)
{
    return 8u << size_of(d);
}

/* The masked count of operand n, in the type of the operation. */
static ir_val count_of(struct dis *d, unsigned n)
{
    unsigned size = size_of(d);
    ir_val count = operand_read(d, n);
    count = ir_and(d->ir, count, imm32(d, size == 3 ? 63 : 31));
    return size == 3 ? ir_zext32(d->ir, count) : count;
}

/* New flags unless the count is 0. */
static void flags_by_count(struct dis *d, ir_val count, ir_val cc)
{
    uint64_t n;
    if (!ir_is_const(d->ir, count, &n))
        flags_set(d, ir_select(d->ir, count, imm_of(d, size_of(d), 0), flags_get(d), cc, IR_EQ));
    else if (n)
        flags_set(d, cc);
}

typedef ir_val build_flags(struct ir *ir, ir_val a, ir_val b, ir_val base, uint32_t size);

/* The same of a shift, whose result says ZF and SF. */
static void flags_of_shift(struct dis *d, build_flags *op, ir_val a, ir_val count, ir_val result)
{
    uint64_t n;
    if (!ir_is_const(d->ir, count, &n))
        flags_set(d, op(d->ir, a, count, flags_get(d), size_of(d)));
    else if (n)
        flags_result(d, op(d->ir, a, count, imm32(d, 0), size_of(d)), result, size_of(d));
}

void trans_shl(struct dis *d)
{
    ir_val n = count_of(d, 1), a = operand_read(d, 0);
    ir_val r = ir_shl(d->ir, a, n);
    operand_write(d, 0, r);
    flags_of_shift(d, ir_eflags_shl, a, n, r);
}

void trans_shr(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val n = count_of(d, 1), a = operand_read(d, 0);
    ir_val r = ir_shr(d->ir, zext_of(d, a, size), n);
    operand_write(d, 0, r);
    flags_of_shift(d, ir_eflags_shr, a, n, r);
}

void trans_sar(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val n = count_of(d, 1), a = operand_read(d, 0);
    ir_val r = ir_sar(d->ir, sext_of(d, a, size), n);
    operand_write(d, 0, r);
    flags_of_shift(d, ir_eflags_sar, a, n, r);
}

/* --- rotates --- */

static ir_val bit_of(struct dis *d, ir_val v, unsigned n)
{
    v = ir_shr(d->ir, v, imm_of(d, size_of(d), n));
    return ir_and(d->ir, narrow_to(d, v, 2), imm32(d, 1));
}

/* CF and OF, unless the count is 0. */
static void flags_of_rotate(struct dis *d, ir_val count, ir_val carry, ir_val overflow)
{
    ir_val kept = ir_and(d->ir, flags_get(d), imm32(d, X86_CC_ALL & ~(X86_CC_C | X86_CC_O)));
    ir_val cc = ir_or(d->ir, kept, ir_shl(d->ir, carry, imm32(d, 8)));
    flags_by_count(d, count, ir_or(d->ir, cc, overflow));
}

/* 32 or 64 bits made of copies of the operand. */
static ir_val repeated(struct dis *d, ir_val v)
{
    unsigned size = size_of(d);
    if (size >= 2)
        return v;
    return ir_mul(d->ir, zext_of(d, v, size), imm32(d, size ? 0x00010001 : 0x01010101));
}

void trans_rol(struct dis *d)
{
    ir_val n = count_of(d, 1);
    ir_val r = ir_rotl(d->ir, repeated(d, operand_read(d, 0)), n);
    operand_write(d, 0, r);
    flags_by_count(d, n, ir_eflags_rotl(d->ir, r, flags_get(d), size_of(d)));
}

/* OF: the two top bits differ. */
static ir_val tops_differ(struct dis *d, ir_val r)
{
    unsigned top = bits_of(d) - 1;
    return ir_xor(d->ir, bit_of(d, r, top), bit_of(d, r, top - 1));
}

void trans_ror(struct dis *d)
{
    ir_val n = count_of(d, 1);
    ir_val r = ir_rotr(d->ir, repeated(d, operand_read(d, 0)), n);
    operand_write(d, 0, r);
    flags_by_count(d, n, ir_eflags_rotr(d->ir, r, flags_get(d), size_of(d)));
}

static bool is_one(const struct dis *d, ir_val count)
{
    uint64_t n;
    return ir_is_const(d->ir, count, &n) && n == 1;
}

/* By one, through the carry. */
static void step_left(struct dis *d)
{
    unsigned size = size_of(d), top = bits_of(d) - 1;
    ir_val a = operand_read(d, 0), one = imm_of(d, size, 1);
    ir_val r = ir_or(d->ir, ir_shl(d->ir, a, one), flag_carry(d, type_of(size)));
    operand_write(d, 0, r);
    ir_val carry = bit_of(d, a, top);
    flags_of_rotate(d, one, carry, ir_xor(d->ir, carry, bit_of(d, r, top)));
}

static void step_right(struct dis *d)
{
    unsigned size = size_of(d), top = bits_of(d) - 1;
    ir_val a = operand_read(d, 0), one = imm_of(d, size, 1);
    ir_val in = ir_shl(d->ir, flag_carry(d, type_of(size)), imm_of(d, size, top));
    ir_val r = ir_or(d->ir, ir_shr(d->ir, zext_of(d, a, size), one), in);
    operand_write(d, 0, r);
    flags_of_rotate(d, one, bit_of(d, a, 0), tops_differ(d, r));
}

typedef ir_val call_rotate(struct ir *ir, ir_val v, ir_val count, ir_val cc, ir_val size);

static void rotate_carry(struct dis *d, ir_val count, call_rotate *value, call_rotate *flags)
{
    unsigned size = size_of(d);
    ir_val a = zext64_of(d, operand_read(d, 0), size), cc = flags_get(d);
    count = narrow_to(d, count, 2);
    ir_val r = value(d->ir, a, count, cc, imm32(d, size));
    operand_write(d, 0, narrow_to(d, r, size));
    flags_set(d, flags(d->ir, a, count, cc, imm32(d, size)));
}

void trans_rcl(struct dis *d)
{
    ir_val n = count_of(d, 1);
    if (is_one(d, n))
        step_left(d);
    else
        rotate_carry(d, n, call_rcl, call_rcl_flags);
}

void trans_rcr(struct dis *d)
{
    ir_val n = count_of(d, 1);
    if (is_one(d, n))
        step_right(d);
    else
        rotate_carry(d, n, call_rcr, call_rcr_flags);
}

/* --- double shifts --- */

typedef ir_val build_shift(struct ir *ir, ir_val v, ir_val count);
typedef ir_val build_shift(struct ir *ir, ir_val v, ir_val count);

/* v by the operand's bits less n, of which some are left: n is less than the bits. */
static ir_val by_the_rest(struct dis *d, build_shift *op, ir_val v, ir_val n)
{
    unsigned size = size_of(d);
    uint64_t c;
    if (ir_is_const(d->ir, n, &c) && c)
        return op(d->ir, v, imm_of(d, size, bits_of(d) - c));
    ir_val rest = ir_xor(d->ir, n, imm_of(d, size, bits_of(d) - 1));
    return op(d->ir, op(d->ir, v, imm_of(d, size, 1)), rest);
}

/* Of 4 and 8 bytes.  CF is the last bit that has gone out. */
static void shift_joined(struct dis *d, ir_val n, bool left)
{
    unsigned size = size_of(d);
    struct ir *ir = d->ir;
    ir_val in = operand_read(d, 1), a = operand_read(d, 0), gone;
    if (left)
        gone = by_the_rest(d, ir_shr, a, n);
    else
        gone = ir_shr(ir, a, ir_sub(ir, n, imm_of(d, size, 1)));
    ir_val r = left ? ir_or(ir, ir_shl(ir, a, n), by_the_rest(d, ir_shr, in, n))
                    : ir_or(ir, ir_shr(ir, a, n), by_the_rest(d, ir_shl, in, n));
    operand_write(d, 0, r);
    ir_val carry = bit_of(d, gone, 0);
    ir_val over = left ? ir_xor(ir, carry, bit_of(d, r, bits_of(d) - 1)) : tops_differ(d, r);
    ir_val cc = ir_or(ir, ir_eflags_logic(ir, r, size), imm32(d, X86_CC_A));
    cc = ir_or(ir, cc, ir_or(ir, ir_shl(ir, carry, imm32(d, 8)), over));
    flags_by_count(d, n, cc);
}

/* Counts beyond the width are allowed. */
static void shift_words(struct dis *d, ir_val n, bool left)
{
    ir_val in = operand_read(d, 1), a = operand_read(d, 0);
    operand_write(d, 0, left ? call_shld(d->ir, a, in, n) : call_shrd(d->ir, a, in, n));
    flags_by_count(d, n,
                   left ? call_shld_flags(d->ir, a, in, n) : call_shrd_flags(d->ir, a, in, n));
}

void trans_shld(struct dis *d)
{
    ir_val n = count_of(d, 2);
    if (size_of(d) == 1)
        shift_words(d, n, true);
    else
        shift_joined(d, n, true);
}

void trans_shrd(struct dis *d)
{
    ir_val n = count_of(d, 2);
    if (size_of(d) == 1)
        shift_words(d, n, false);
    else
        shift_joined(d, n, false);
}

/* --- without flags: BMI2 --- */

static void shift_plain(struct dis *d, ir_val (*op)(struct ir *ir, ir_val a, ir_val b))
{
    unsigned size = size_of(d);
    ir_val a = operand_read(d, 1);
    ir_val n = ir_and(d->ir, operand_read(d, 2), imm_of(d, size, size == 3 ? 63 : 31));
    operand_write(d, 0, op(d->ir, a, n));
}

void trans_shlx(struct dis *d)
{
    shift_plain(d, ir_shl);
}

void trans_shrx(struct dis *d)
{
    shift_plain(d, ir_shr);
}

void trans_sarx(struct dis *d)
{
    shift_plain(d, ir_sar);
}

void trans_rorx(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val n = imm_of(d, size, d->insn.imm & (size == 3 ? 63 : 31));
    operand_write(d, 0, ir_rotr(d->ir, operand_read(d, 1), n));
}
