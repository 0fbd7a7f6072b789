/* Bit tests, scans, counts; BMI1, BMI2, byte swaps, CRC32. */
#include "target/x86/trans.h"

static unsigned size_of(const struct dis *d)
{
    return d->insn.op[0].size;
}

/* --- BT and its kin --- */

enum bit_change { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* A register counts bits beyond the operand: of memory, whose address they change. */
static ir_val bit_address(struct dis *d, ir_val index, bool is_write)
{
    unsigned size = size_of(d), log2_bits = size + 3;
    ir_val wide = sext64_of(d, index, size);
    ir_val units = ir_sar(d->ir, wide, imm64(d, log2_bits));
    ir_val offset = ir_add(d->ir, mem_offset(d), ir_shl(d->ir, units, imm64(d, size)));
    offset = wrap_to(d, offset, d->insn.addrsize);
    d->linear = mem_linear(d, d->insn.seg, offset, 1u << size, is_write ? SEG_RMW : SEG_READ);
    return d->linear;
}

static ir_val changed(struct dis *d, ir_val v, ir_val mask, enum bit_change change)
{
    switch (change) {
    case BIT_SET: return ir_or(d->ir, v, mask);
    case BIT_RESET: return ir_andn(d->ir, v, mask);
    case BIT_COMPLEMENT: return ir_xor(d->ir, v, mask);
    default: return v;
    }
}

static ir_val change_locked(struct dis *d, ir_val mask, enum bit_change change)
{
    uint32_t memop = locked_memop(d);
    switch (change) {
    case BIT_SET: return ir_atomic_or(d->ir, d->linear, mask, memop);
    case BIT_RESET: return ir_atomic_and(d->ir, d->linear, ir_not(d->ir, mask), memop);
    default: return ir_atomic_xor(d->ir, d->linear, mask, memop);
    }
}

static void bit_op(struct dis *d, enum bit_change change)
{
    unsigned size = size_of(d);
    ir_val index = operand_read(d, 1);
    if (d->insn.op[1].kind == X86_OPND_IMM)
        index = imm_of(d, size, d->insn.imm);
    if (d->insn.op[0].kind == X86_OPND_MEM && d->insn.op[1].kind == X86_OPND_GPR)
        bit_address(d, index, change != BIT_TEST);
    else if (d->insn.op[0].kind == X86_OPND_MEM)
        mem_addr(d, 1u << size, change == BIT_TEST ? SEG_READ : SEG_RMW);
    ir_val n = ir_and(d->ir, index, imm_of(d, size, (8u << size) - 1));
    ir_val mask = ir_shl(d->ir, imm_of(d, size, 1), n), v;
    if (d->insn.has_lock) {
        v = change_locked(d, mask, change);
    } else {
        v = operand_read(d, 0);
        if (change != BIT_TEST)
            operand_write(d, 0, changed(d, v, mask, change));
    }
    flags_of_bit(d, ir_shr(d->ir, v, n), size);
}

void trans_bt(struct dis *d)
{
    bit_op(d, BIT_TEST);
}

void trans_bts(struct dis *d)
{
    bit_op(d, BIT_SET);
}

void trans_btr(struct dis *d)
{
    bit_op(d, BIT_RESET);
}

void trans_btc(struct dis *d)
{
    bit_op(d, BIT_COMPLEMENT);
}

/* --- scans and counts --- */

/* One of the flags if a cc b. */
static ir_val flag_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t flag)
{
    return ir_select(d->ir, a, b, imm32(d, flag), imm32(d, 0), cc);
}

/* The number of zeros below (or above) the lowest (highest) one; the operand's width if none. */
static ir_val zeros(struct dis *d, ir_val v, unsigned size, bool above)
{
    ir_val z = zext_of(d, v, size);
    if (size >= 2)
        return above ? ir_clz(d->ir, z) : ir_ctz(d->ir, z);
    if (above)
        return ir_sub(d->ir, ir_clz(d->ir, z), imm32(d, 32 - (8u << size)));
    return ir_ctz(d->ir, ir_or(d->ir, z, imm32(d, 1u << (8u << size))));
}

/*
 * Of 0 the destination stays, all 64 bits of it, which programs rely on though only AMD says so;
 * PF is that of the result, or set.
 */
static void scan(struct dis *d, bool backward)
{
    unsigned size = size_of(d), reg = d->insn.op[0].reg;
    ir_val v = zext_of(d, operand_read(d, 1), size), none = imm_of(d, size, 0);
    ir_val r = zeros(d, v, size, backward);
    if (backward)
        r = ir_sub(d->ir, imm_of(d, size, (8u << size) - 1), r);
    r = ir_select(d->ir, v, none, none, r, IR_EQ);
    ir_val p = ir_and(d->ir, ir_eflags_logic(d->ir, r, 0), imm32(d, X86_CC_P));
    ir_val cc = ir_or(d->ir, p, flag_if(d, v, none, IR_EQ, X86_CC_Z));
    ir_val old = gpr64(d, reg);
    set_gpr(d, reg, size, false, r);
    ir_set(d->ir, X86_SLOT_RAX + reg, ir_select(d->ir, v, none, old, gpr64(d, reg), IR_EQ));
    flags_set(d, cc);
}

void trans_bsf(struct dis *d)
{
    scan(d, false);
}

void trans_bsr(struct dis *d)
{
    scan(d, true);
}

/* CF: there is none.  OF stays, the others are clear, as on AMD's processors. */
static void count_zeros(struct dis *d, bool above)
{
    unsigned size = size_of(d);
    ir_val v = zext_of(d, operand_read(d, 1), size), none = imm_of(d, size, 0);
    ir_val r = zeros(d, v, size, above);
    operand_write(d, 0, r);
    ir_val cc =
        ir_or(d->ir, flag_if(d, v, none, IR_EQ, X86_CC_C), flag_if(d, r, none, IR_EQ, X86_CC_Z));
    flags_change(d, X86_CC_ALL & ~X86_CC_O, cc);
}

void trans_tzcnt(struct dis *d)
{
    count_zeros(d, false);
}

void trans_lzcnt(struct dis *d)
{
    count_zeros(d, true);
}

void trans_popcnt(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = zext_of(d, operand_read(d, 1), size);
    operand_write(d, 0, ir_popcnt(d->ir, v));
    flags_set(d, flag_if(d, v, imm_of(d, size, 0), IR_EQ, X86_CC_Z));
}

/* --- BMI1, BMI2 --- */

void trans_andn(struct dis *d)
{
    ir_val a = operand_read(d, 1);
    ir_val r = ir_andn(d->ir, operand_read(d, 2), a);
    operand_write(d, 0, r);
    flags_logic(d, r, size_of(d));
}

/* The result's flags, and CF if a cc b. */
static void flags_with_carry(struct dis *d, ir_val r, ir_val a, ir_val b, enum ir_cc cc)
{
    unsigned size = size_of(d);
    ir_val flags = ir_eflags_logic(d->ir, r, size);
    flags_result(d, ir_or(d->ir, flags, flag_if(d, a, b, cc, X86_CC_C)), r, size);
}

void trans_blsr(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = operand_read(d, 1);
    ir_val r = ir_and(d->ir, v, ir_sub(d->ir, v, imm_of(d, size, 1)));
    operand_write(d, 0, r);
    flags_with_carry(d, r, v, imm_of(d, size, 0), IR_EQ);
}

void trans_blsmsk(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = operand_read(d, 1);
    ir_val r = ir_xor(d->ir, v, ir_sub(d->ir, v, imm_of(d, size, 1)));
    operand_write(d, 0, r);
    flags_with_carry(d, r, v, imm_of(d, size, 0), IR_EQ);
}

void trans_blsi(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = operand_read(d, 1);
    ir_val r = ir_and(d->ir, v, ir_neg(d->ir, v));
    operand_write(d, 0, r);
    flags_with_carry(d, r, v, imm_of(d, size, 0), IR_NE);
}

/* The low n bits of v; n is below 256. */
static ir_val low_bits(struct dis *d, ir_val v, ir_val n, unsigned size)
{
    ir_val bits = imm_of(d, size, 8u << size);
    ir_val mask = ir_not(d->ir, ir_shl(d->ir, imm_of(d, size, ~UINT64_C(0)), n));
    return ir_select(d->ir, n, bits, ir_and(d->ir, v, mask), v, IR_LTU);
}

void trans_bzhi(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = operand_read(d, 1), n = ir_zext8(d->ir, operand_read(d, 2));
    ir_val r = low_bits(d, v, n, size);
    operand_write(d, 0, r);
    flags_with_carry(d, r, n, imm_of(d, size, (8u << size) - 1), IR_GTU);
}

void trans_bextr(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val v = operand_read(d, 1), how = operand_read(d, 2), bits = imm_of(d, size, 8u << size);
    ir_val start = ir_zext8(d->ir, how);
    ir_val len = ir_zext8(d->ir, ir_shr(d->ir, how, imm_of(d, size, 8)));
    ir_val shifted =
        ir_select(d->ir, start, bits, ir_shr(d->ir, v, start), imm_of(d, size, 0), IR_LTU);
    ir_val r = low_bits(d, shifted, len, size);
    operand_write(d, 0, r);
    ir_val zp = ir_and(d->ir, ir_eflags_logic(d->ir, r, size), imm32(d, X86_CC_Z | X86_CC_P));
    flags_set(d, ir_or(d->ir, zp, imm32(d, X86_CC_A))); /* the manuals define ZF, CF and OF */
}

static void deposit_or_extract(struct dis *d, ir_val (*op)(struct ir *ir, ir_val a, ir_val b))
{
    unsigned size = size_of(d);
    ir_val v = zext64_of(d, operand_read(d, 1), size);
    ir_val mask = zext64_of(d, operand_read(d, 2), size);
    operand_write(d, 0, narrow_to(d, op(d->ir, v, mask), size));
}

void trans_pdep(struct dis *d)
{
    deposit_or_extract(d, call_pdep);
}

void trans_pext(struct dis *d)
{
    deposit_or_extract(d, call_pext);
}

/* --- bytes --- */

static ir_val swapped(struct dis *d, ir_val v, unsigned size)
{
    ir_val r = ir_bswap(d->ir, v);
    return size == 1 ? ir_shr(d->ir, r, imm32(d, 16)) : r;
}

/* Of 16 bits: the manuals leave it undefined; processors give 0. */
void trans_bswap(struct dis *d)
{
    unsigned reg = d->insn.op[0].reg;
    if (d->insn.opsize == 1)
        set_gpr(d, reg, 1, false, imm32(d, 0));
    else
        set_gpr(d, reg, d->insn.opsize, false, ir_bswap(d->ir, gpr(d, reg, d->insn.opsize, false)));
}

void trans_movbe(struct dis *d)
{
    operand_write(d, 0, swapped(d, operand_read(d, 1), size_of(d)));
}

/* The upper half of a 64-bit destination is cleared. */
void trans_crc32(struct dis *d)
{
    unsigned size = d->insn.op[1].size;
    ir_val data = zext64_of(d, operand_read(d, 1), size);
    ir_val before = gpr(d, d->insn.op[0].reg, 2, false);
    set_gpr(d, d->insn.op[0].reg, 2, false, call_crc32(d->ir, before, data, imm32(d, 1u << size)));
}
