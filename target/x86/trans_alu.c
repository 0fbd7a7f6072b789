/* Arithmetic and logic. */
#include "target/x86/trans.h"

#include "util/bits.h"

static unsigned size_of(const struct dis *d)
{
    return d->insn.op[0].size;
}

/* --- two operands --- */

/* The destination is a register of 32 or 64 bits: nothing can fault, so the flags may come first,
 * right behind the operation, whose host flags they are. */
static bool is_plain(const struct dis *d)
{
    return d->insn.op[0].kind == X86_OPND_GPR && size_of(d) >= 2;
}

/* Both operands are one register. */
static bool is_itself(const struct dis *d)
{
    const struct x86_operand *a = &d->insn.op[0], *b = &d->insn.op[1];
    return a->kind == X86_OPND_GPR && b->kind == X86_OPND_GPR && a->reg == b->reg &&
           a->high == b->high;
}

/* The first operand, the second being b: the same value if it is the same, so that folding sees
 * that XOR and SUB give 0. */
static ir_val read_first(struct dis *d, ir_val b)
{
    return is_itself(d) ? b : operand_read(d, 0);
}

void trans_add(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val a, b = operand_read(d, 1);
    if (d->insn.has_lock) {
        a = ir_atomic_add(d->ir, mem_addr(d, 1u << size, SEG_RMW), b, locked_memop(d));
        flags_add(d, a, b, ir_add(d->ir, a, b), size);
        return;
    }
    a = operand_read(d, 0);
    ir_val sum = ir_add(d->ir, a, b);
    if (is_plain(d))
        flags_of_sum(d, a, b, sum, size);
    operand_write(d, 0, sum);
    if (!is_plain(d))
        flags_add(d, a, b, sum, size);
}

void trans_sub(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val a, b = operand_read(d, 1);
    if (d->insn.has_lock) {
        a = ir_atomic_add(d->ir, mem_addr(d, 1u << size, SEG_RMW), ir_neg(d->ir, b),
                          locked_memop(d));
        flags_sub(d, a, b, size);
        return;
    }
    a = read_first(d, b);
    ir_val difference = ir_sub(d->ir, a, b);
    if (is_itself(d)) { /* no carry, no overflow */
        operand_write(d, 0, difference);
        flags_logic(d, difference, size);
        return;
    }
    if (is_plain(d))
        flags_of_difference(d, a, b, difference, size);
    operand_write(d, 0, difference);
    if (!is_plain(d))
        flags_sub(d, a, b, size);
}

void trans_cmp(struct dis *d)
{
    ir_val a = operand_read(d, 0);
    flags_sub(d, a, operand_read(d, 1), size_of(d));
}

/* With a locked memory operand: if it is not what it was any more, the instruction begins anew. */
static void write_locked(struct dis *d, ir_val old, ir_val v)
{
    unsigned size = size_of(d);
    if (!d->insn.has_lock) {
        operand_write(d, 0, v);
        return;
    }
    ir_val seen = ir_cas(d->ir, d->linear, old, v, locked_memop(d));
    ir_val a = zext_of(d, seen, size), b = zext_of(d, old, size);
    if (is_alone(d))
        alone_if(d, a, b, IR_NE);
    else
        ir_exit_if(d->ir, a, b, IR_NE, d->pc);
}

static void with_carry(struct dis *d, bool is_sub)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 1), a = read_first(d, b), carry = flag_carry(d, type_of(size));
    ir_val r = is_sub ? ir_sub(d->ir, ir_sub(d->ir, a, b), carry)
                      : ir_add(d->ir, ir_add(d->ir, a, b), carry);
    write_locked(d, a, r);
    if (is_sub)
        flags_sbb(d, a, b, carry, size);
    else
        flags_adc(d, a, b, carry, size);
}

void trans_adc(struct dis *d)
{
    with_carry(d, false);
}

/* Of equal registers it spreads the carry. */
void trans_sbb(struct dis *d)
{
    with_carry(d, true);
}

typedef ir_val build_binary(struct ir *ir, ir_val a, ir_val b);
typedef ir_val build_atomic(struct ir *ir, ir_val addr, ir_val v, uint32_t memop);

static void logic(struct dis *d, build_binary *op, build_atomic *locked)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 1), r;
    if (d->insn.has_lock) {
        r = op(d->ir, locked(d->ir, mem_addr(d, 1u << size, SEG_RMW), b, locked_memop(d)), b);
    } else {
        r = op(d->ir, read_first(d, b), b);
        if (is_plain(d))
            flags_logic(d, r, size);
        operand_write(d, 0, r);
    }
    if (!is_plain(d))
        flags_logic(d, r, size);
}

void trans_and(struct dis *d)
{
    logic(d, ir_and, ir_atomic_and);
}

void trans_or(struct dis *d)
{
    logic(d, ir_or, ir_atomic_or);
}

void trans_xor(struct dis *d)
{
    logic(d, ir_xor, ir_atomic_xor);
}

void trans_test(struct dis *d)
{
    ir_val b = operand_read(d, 1);
    flags_logic(d, ir_and(d->ir, read_first(d, b), b), size_of(d));
}

/* --- one operand --- */

/* The carry stays. */
static void step(struct dis *d, bool is_dec)
{
    unsigned size = size_of(d);
    ir_val one = imm_of(d, size, 1), a;
    if (d->insn.has_lock)
        a = ir_atomic_add(d->ir, mem_addr(d, 1u << size, SEG_RMW),
                          is_dec ? ir_neg(d->ir, one) : one, locked_memop(d));
    else
        a = operand_read(d, 0);
    ir_val r = is_dec ? ir_sub(d->ir, a, one) : ir_add(d->ir, a, one), old = flags_get(d);
    if (!d->insn.has_lock)
        operand_write(d, 0, r);
    ir_val cc = is_dec ? ir_eflags_dec(d->ir, r, old, size) : ir_eflags_inc(d->ir, r, old, size);
    flags_result(d, cc, r, size);
}

void trans_inc(struct dis *d)
{
    step(d, false);
}

void trans_dec(struct dis *d)
{
    step(d, true);
}

void trans_neg(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val a = operand_read(d, 0);
    write_locked(d, a, ir_neg(d->ir, a));
    flags_sub(d, imm_of(d, size, 0), a, size);
}

void trans_not(struct dis *d)
{
    unsigned size = size_of(d);
    if (d->insn.has_lock)
        ir_atomic_xor(d->ir, mem_addr(d, 1u << size, SEG_RMW), imm_of(d, size, ~UINT64_C(0)),
                      locked_memop(d));
    else
        operand_write(d, 0, ir_not(d->ir, operand_read(d, 0)));
}

/* --- multiplication --- */

/* CF and OF say whether a, what a product's upper half has beyond the lower, is not 0; the others
 * stay, as on AMD's processors (the manuals leave them undefined). */
static void flags_product(struct dis *d, ir_val a, unsigned size)
{
    flags_set(d, ir_eflags_wide(d->ir, a, flags_get(d), size));
}

static ir_val extend(struct dis *d, ir_val v, unsigned size, bool is_signed)
{
    return is_signed ? sext64_of(d, v, size) : zext64_of(d, v, size);
}

/* rdx:rax = rax * operand; 8 bits: ax. */
static void multiply(struct dis *d, bool is_signed)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 0), a = gpr(d, 0, size, false), low, high;
    if (size == 3) {
        low = ir_mul(d->ir, a, b);
        high = is_signed ? ir_mulhs(d->ir, a, b) : ir_mulhu(d->ir, a, b);
        set_gpr(d, 0, 3, false, low);
        set_gpr(d, 2, 3, false, high);
        if (is_signed)
            high = ir_xor(d->ir, high, ir_sar(d->ir, low, imm64(d, 63)));
        flags_product(d, high, 3);
        return;
    }
    ir_val p = ir_mul(d->ir, extend(d, a, size, is_signed), extend(d, b, size, is_signed));
    low = ir_trunc(d->ir, p);
    set_gpr(d, 0, size ? size : 1, false, low);
    high = ir_trunc(d->ir, ir_shr(d->ir, p, imm64(d, 8u << size)));
    if (size)
        set_gpr(d, 2, size, false, high);
    if (is_signed)
        high = ir_xor(d->ir, high, ir_sar(d->ir, sext_of(d, low, size), imm32(d, 31)));
    flags_product(d, high, size);
}

void trans_mul(struct dis *d)
{
    multiply(d, false);
}

void trans_imul(struct dis *d)
{
    multiply(d, true);
}

static void multiply_low(struct dis *d, ir_val a, ir_val b)
{
    operand_write(d, 0, ir_mul(d->ir, a, b));
    flags_set(d, ir_eflags_imul(d->ir, a, b, flags_get(d), size_of(d)));
}

void trans_imul2(struct dis *d)
{
    ir_val b = operand_read(d, 1);
    multiply_low(d, operand_read(d, 0), b);
}

void trans_imul3(struct dis *d)
{
    ir_val a = operand_read(d, 1);
    multiply_low(d, a, operand_read(d, 2));
}

/* The high half goes second, so that it stays when both are one register. */
void trans_mulx(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val a = gpr(d, 2, size, false), b = operand_read(d, 2), low, high;
    if (size == 3) {
        low = ir_mul(d->ir, a, b);
        high = ir_mulhu(d->ir, a, b);
    } else {
        ir_val p = ir_mul(d->ir, ir_zext32(d->ir, a), ir_zext32(d->ir, b));
        low = ir_trunc(d->ir, p);
        high = ir_trunc(d->ir, ir_shr(d->ir, p, imm64(d, 32)));
    }
    operand_write(d, 1, low);
    operand_write(d, 0, high);
}

/* --- division --- */

/* As AMD's processors leave them; the manuals say undefined. */
static void flags_quotient(struct dis *d)
{
    flags_change(d, X86_CC_S | X86_CC_Z | X86_CC_A | X86_CC_P, imm32(d, X86_CC_A));
}

/* The dividend of twice the size, at most 8 bytes. */
static ir_val dividend(struct dis *d, unsigned size, bool is_signed)
{
    if (size == 0)
        return extend(d, gpr(d, 0, 1, false), 1, is_signed);
    ir_val low = zext64_of(d, gpr(d, 0, size, false), size);
    ir_val high = extend(d, gpr(d, 2, size, false), size, is_signed);
    return ir_or(d->ir, low, ir_shl(d->ir, high, imm64(d, 8u << size)));
}

static void store_quotient(struct dis *d, unsigned size, ir_val quotient, ir_val remainder)
{
    quotient = ir_trunc(d->ir, quotient);
    remainder = ir_trunc(d->ir, remainder);
    set_gpr(d, 0, size, false, quotient);
    if (size == 0)
        set_gpr(d, 4, 0, true, remainder);
    else
        set_gpr(d, 2, size, false, remainder);
}

/* The quotient of operands of a size that has a type, which fits. */
static void divide_narrow(struct dis *d, ir_val b, bool is_signed)
{
    unsigned size = size_of(d);
    ir_val a = gpr(d, 0, size, false);
    ir_val quotient = is_signed ? ir_divs(d->ir, a, b) : ir_divu(d->ir, a, b);
    ir_val back = ir_mul(d->ir, quotient, b);
    set_gpr(d, 0, size, false, quotient);
    set_gpr(d, 2, size, false, ir_sub(d->ir, a, back));
    flags_quotient(d);
}

/* By 0, and the least number by -1: no quotient. */
static void check_signed(struct dis *d, ir_val b)
{
    unsigned size = size_of(d);
    ir_val least = imm_of(d, size, UINT64_C(1) << ((8 << size) - 1));
    ir_val both = ir_or(d->ir, ir_xor(d->ir, gpr(d, 0, size, false), least), ir_not(d->ir, b));
    fault_if(d, b, imm_of(d, size, 0), IR_EQ, X86_DE, 0);
    fault_if(d, both, imm_of(d, size, 0), IR_EQ, X86_DE, 0);
}

/* Mostly the upper half is zero, or the sign (behind CDQ, CQO). */
static bool divide_simple(struct dis *d, ir_val b, bool is_signed)
{
    uint64_t high;
    unsigned size = size_of(d);
    if (size < 2)
        return false;
    if (is_signed && d->extended == d->pc && d->extended_size == size) {
        check_signed(d, b);
        divide_narrow(d, b, true);
        return true;
    }
    if (is_signed || !ir_is_const(d->ir, gpr(d, 2, size, false), &high) || high)
        return false;
    fault_if(d, b, imm_of(d, size, 0), IR_EQ, X86_DE, 0);
    divide_narrow(d, b, false);
    return true;
}

/* The helper for unsigned operands has no quotient too large to give. */
static void divide_64(struct dis *d, ir_val b, bool is_signed)
{
    if (is_signed) {
        set_pc(d, d->pc);
        call_idiv64(d->ir, b);
        flags_quotient(d);
        return;
    }
    ir_val low = gpr64(d, 0), high = gpr64(d, 2);
    fault_if(d, high, b, IR_GEU, X86_DE, 0);
    ir_val quotient = call_div128(d->ir, low, high, b);
    ir_val back = ir_mul(d->ir, quotient, b);
    set_gpr(d, 0, 3, false, quotient);
    set_gpr(d, 2, 3, false, ir_sub(d->ir, low, back));
    flags_quotient(d);
}

static void divide(struct dis *d, bool is_signed)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 0), quotient;
    if (divide_simple(d, b, is_signed))
        return;
    b = extend(d, b, size, is_signed);
    if (size == 3) {
        divide_64(d, b, is_signed);
        return;
    }
    fault_if(d, b, imm64(d, 0), IR_EQ, X86_DE, 0);
    ir_val a = dividend(d, size, is_signed);
    quotient = is_signed ? ir_divs(d->ir, a, b) : ir_divu(d->ir, a, b);
    ir_val fits = extend(d, ir_trunc(d->ir, quotient), size, is_signed);
    fault_if(d, quotient, fits, IR_NE, X86_DE, 0);
    ir_val back = ir_mul(d->ir, quotient, b);
    store_quotient(d, size, quotient, ir_sub(d->ir, a, back));
    flags_quotient(d);
}

void trans_div(struct dis *d)
{
    divide(d, false);
}

void trans_idiv(struct dis *d)
{
    divide(d, true);
}

/* --- one carry chain beside the other --- */

/* a + b + the flag of mask `bit`, which gets the carry out. */
static void add_with(struct dis *d, uint32_t mask, unsigned bit)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 1), a = operand_read(d, 0), cc = flags_get(d);
    ir_val in = ir_and(d->ir, ir_shr(d->ir, cc, imm32(d, bit)), imm32(d, 1));
    in = size == 3 ? ir_zext32(d->ir, in) : in;
    ir_val sum = ir_add(d->ir, a, b), r = ir_add(d->ir, sum, in);
    ir_val out = ir_or(d->ir, ir_setcond(d->ir, sum, a, IR_LTU), ir_setcond(d->ir, r, sum, IR_LTU));
    operand_write(d, 0, r);
    out = ir_shl(d->ir, narrow_to(d, out, 2), imm32(d, bit));
    flags_change(d, mask, out);
}

void trans_adcx(struct dis *d)
{
    add_with(d, X86_CC_C, 8);
}

void trans_adox(struct dis *d)
{
    add_with(d, X86_CC_O, 0);
}

/* --- widening --- */

void trans_cbw(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val v = gpr(d, 0, size - 1, false);
    v = size == 3 ? ir_sext32(d->ir, v) : sext_of(d, v, size - 1);
    set_gpr(d, 0, size, false, v);
}

void trans_cwd(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val v = sext_of(d, gpr(d, 0, size, false), size);
    set_gpr(d, 2, size, false, ir_sar(d->ir, v, imm_of(d, size, size == 3 ? 63 : 31)));
    d->extended = d->next;
    d->extended_size = size;
}

/* --- decimal --- */

void trans_daa(struct dis *d)
{
    call_bcd_daa(d->ir);
    flags_forget(d);
}

void trans_das(struct dis *d)
{
    call_bcd_das(d->ir);
    flags_forget(d);
}

void trans_aaa(struct dis *d)
{
    call_bcd_aaa(d->ir);
    flags_forget(d);
}

void trans_aas(struct dis *d)
{
    call_bcd_aas(d->ir);
    flags_forget(d);
}

void trans_aam(struct dis *d)
{
    ir_val al = zext_of(d, gpr(d, 0, 0, false), 0), base = imm32(d, d->insn.imm & 0xff);
    if (!(d->insn.imm & 0xff)) {
        end_fault(d, X86_DE, 0);
        return;
    }
    ir_val rem = ir_remu(d->ir, al, base), ah = ir_divu(d->ir, al, base);
    set_gpr(d, 0, 1, false, ir_or(d->ir, ir_shl(d->ir, ah, imm32(d, 8)), rem));
    flags_logic(d, rem, 0);
}

void trans_aad(struct dis *d)
{
    ir_val al = gpr(d, 0, 0, false), ah = gpr(d, 4, 0, true);
    ir_val add = ir_mul(d->ir, ah, imm32(d, d->insn.imm & 0xff));
    ir_val r = zext_of(d, ir_add(d->ir, al, add), 0);
    set_gpr(d, 0, 1, false, r);
    flags_add(d, al, add, r,
              0); /* CF, OF and AF of the addition, where the manuals say undefined */
}

void trans_salc(struct dis *d)
{
    set_gpr(d, 0, 0, false, ir_neg(d->ir, flag_carry(d, I32)));
}
