/* A32 and T32: data processing and multiplies.  Ref: DDI 0487, F5.1, E1.2, F1.5. */
#include "target/arm/trans_a32.h"

#include "util/bits.h"

enum dp_op {
    OP_AND,
    OP_EOR,
    OP_SUB,
    OP_RSB,
    OP_ADD,
    OP_ADC,
    OP_SBC,
    OP_RSC,
    OP_TST,
    OP_TEQ,
    OP_CMP,
    OP_CMN,
    OP_ORR,
    OP_MOV,
    OP_BIC,
    OP_MVN,
    OP_ORN
};

/* --- the shifter: a value, and the carry out of it: I64 0 or 1, or IR_NONE: C as it was --- */

struct shifted {
    ir_val v, c;
};

static ir_val bit64(struct dis *d, ir_val v, unsigned bit)
{
    return ir_zext32(d->ir, ir_extract(d->ir, v, bit | 1 << 8));
}

static struct shifted rotate_extend(struct dis *d, ir_val v)
{
    ir_val c = ir_shl(d->ir, ir_trunc(d->ir, flag_carry(d)), imm32(d, 31));
    return (struct shifted){ir_or(d->ir, c, ir_shr(d->ir, v, imm32(d, 1))), bit64(d, v, 0)};
}

/* Ref: F1.5.2 (DecodeImmShift). */
static struct shifted shift_imm(struct dis *d, ir_val v, unsigned type, unsigned amount)
{
    struct ir *ir = d->ir;
    unsigned n = amount ? amount : 32;
    switch (type) {
    case A32_LSL:
        if (!amount)
            return (struct shifted){v, IR_NONE};
        return (struct shifted){ir_shl(ir, v, imm32(d, n)), bit64(d, v, 32 - n)};
    case A32_LSR:
        return (struct shifted){n == 32 ? imm32(d, 0) : ir_shr(ir, v, imm32(d, n)),
                                bit64(d, v, n - 1)};
    case A32_ASR:
        return (struct shifted){ir_sar(ir, v, imm32(d, n == 32 ? 31 : n)), bit64(d, v, n - 1)};
    }
    if (!amount)
        return rotate_extend(d, v);
    return (struct shifted){ir_rotr(ir, v, imm32(d, n)), bit64(d, v, n - 1)};
}

ir_val a32_shift_imm(struct dis *d, ir_val v, unsigned type, unsigned amount)
{
    return shift_imm(d, v, type, amount).v;
}

/* Counts above 32 are like 40: nothing of the value is left. */
static ir_val limit_count(struct dis *d, ir_val n)
{
    ir_val most = imm64(d, 40);
    return ir_select(d->ir, n, most, n, most, IR_LTU);
}

static struct shifted shift_wide(struct dis *d, ir_val v, unsigned type, ir_val n)
{
    struct ir *ir = d->ir;
    ir_val t, one = imm64(d, 1), m = limit_count(d, n);
    if (type == A32_LSL) {
        t = ir_shl(ir, ir_zext32(ir, v), m);
        return (struct shifted){ir_trunc(ir, t), ir_extract(ir, t, 32 | 1 << 8)};
    }
    if (type == A32_LSR) {
        t = ir_shr(ir, ir_shl(ir, ir_zext32(ir, v), one), m);
        return (struct shifted){ir_trunc(ir, ir_shr(ir, t, one)), ir_and(ir, t, one)};
    }
    if (type == A32_ASR) {
        t = ir_sar(ir, ir_shl(ir, ir_sext32(ir, v), one), m);
        return (struct shifted){ir_trunc(ir, ir_sar(ir, t, one)), ir_and(ir, t, one)};
    }
    t = ir_rotr(ir, v, ir_trunc(ir, n));
    return (struct shifted){t, bit64(d, t, 31)};
}

/* By the low byte of a register; by 0 the carry stays. */
static struct shifted shift_reg(struct dis *d, ir_val v, unsigned type, ir_val count)
{
    struct ir *ir = d->ir;
    ir_val n = ir_zext32(ir, ir_and(ir, count, imm32(d, 0xff)));
    struct shifted s = shift_wide(d, v, type, n);
    s.c = ir_select(ir, n, imm64(d, 0), flag_carry(d), s.c, IR_EQ);
    return s;
}

/* --- immediates.  Ref: F1.7.7 (A32ExpandImm_C), F1.7.8 (T32ExpandImm_C) --- */

static uint32_t ror32(uint32_t v, unsigned n)
{
    return n & 31 ? v >> (n & 31) | v << (32 - (n & 31)) : v;
}

static uint32_t spread_byte(unsigned how, uint32_t b)
{
    switch (how) {
    case 0: return b;
    case 1: return b << 16 | b;
    case 2: return b << 24 | b << 8;
    }
    return b * 0x01010101u;
}

uint32_t a32_expand_imm(uint32_t imm12, enum a32_expand how, bool *rotated)
{
    *rotated = how == A32_EXPAND ? imm12 >> 8 : how == T32_EXPAND && imm12 >> 10;
    if (how == A32_EXPAND)
        return ror32(imm12 & 0xff, imm12 >> 8 << 1);
    if (how == T32_EXPAND)
        return *rotated ? ror32(0x80 | (imm12 & 0x7f), imm12 >> 7)
                        : spread_byte(imm12 >> 8, imm12 & 0xff);
    return imm12;
}

static struct shifted expanded(struct dis *d, uint32_t imm12, enum a32_expand how)
{
    bool rotated;
    uint32_t v = a32_expand_imm(imm12, how, &rotated);
    return (struct shifted){imm32(d, v), rotated ? imm64(d, v >> 31) : IR_NONE};
}

/* --- operations --- */

static bool sets_flags(const struct dis *d, int s)
{
    return s == 2 ? !a32_in_it(d) : s;
}

static ir_val with_carry(struct dis *d, ir_val a, ir_val b, bool s)
{
    struct ir *ir = d->ir;
    ir_val c = flag_carry(d), sum = ir_add(ir, ir_add(ir, a, b), ir_trunc(ir, c));
    if (s)
        flags_adc(d, a, b, c);
    return sum;
}

static ir_val subtract(struct dis *d, ir_val a, ir_val b, bool s)
{
    ir_val r = ir_sub(d->ir, a, b);
    if (s) {
        flags_sub(d, a, b);
        flags_result(d, r);
    }
    return r;
}

static ir_val add(struct dis *d, ir_val a, ir_val b, bool s)
{
    ir_val r = ir_add(d->ir, a, b);
    if (s) {
        flags_add(d, a, b);
        flags_result(d, r);
    }
    return r;
}

static ir_val logical(struct dis *d, enum dp_op op, ir_val a, ir_val b)
{
    switch (op) {
    case OP_AND:
    case OP_TST: return ir_and(d->ir, a, b);
    case OP_EOR:
    case OP_TEQ: return ir_xor(d->ir, a, b);
    case OP_ORR: return ir_or(d->ir, a, b);
    case OP_BIC: return ir_andn(d->ir, a, b);
    case OP_MVN: return ir_not(d->ir, b);
    case OP_ORN: return ir_or(d->ir, a, ir_not(d->ir, b));
    default: return b;
    }
}

static ir_val operate(struct dis *d, enum dp_op op, ir_val a, struct shifted b, bool s)
{
    switch (op) {
    case OP_SUB:
    case OP_CMP: return subtract(d, a, b.v, s);
    case OP_RSB: return subtract(d, b.v, a, s);
    case OP_ADD:
    case OP_CMN: return add(d, a, b.v, s);
    case OP_ADC: return with_carry(d, a, b.v, s);
    case OP_SBC: return with_carry(d, a, ir_not(d->ir, b.v), s);
    case OP_RSC: return with_carry(d, ir_not(d->ir, a), b.v, s);
    default: break;
    }
    ir_val r = logical(d, op, a, b.v);
    if (s)
        a32_flags_nz(d, r, b.c);
    return r;
}

static bool is_compare(enum dp_op op)
{
    return op >= OP_TST && op <= OP_CMN;
}

static bool uses_rn(enum dp_op op)
{
    return op != OP_MOV && op != OP_MVN;
}

static bool data_processing(struct dis *d, enum dp_op op, int s, int rd, ir_val a, struct shifted b)
{
    bool flags = sets_flags(d, s);
    if (rd == 15 && flags && !is_compare(op)) {
        /* SUBS PC, LR and the like: return from exception. */
        return a32_exception_return(d, operate(d, op, a, b, false));
    }
    ir_val r = operate(d, op, a, b, flags);
    if (flags)
        a32_flags_written(d);
    if (!is_compare(op))
        a32_set_alu(d, rd, r);
    return true;
}

bool trans_dp_imm(struct dis *d, const struct args_dp_imm *a)
{
    ir_val n = !uses_rn(a->op)       ? imm32(d, 0)
               : a->exp == IMM_PLAIN ? a32_base(d, a->rn)
                                     : a32_reg(d, a->rn);
    return data_processing(d, a->op, a->s, a->rd, n, expanded(d, a->imm, a->exp));
}

/* A return: MOV PC, LR. */
static bool is_return(const struct args_dp_reg *a)
{
    return a->op == OP_MOV && a->rd == 15 && a->rm == 14 && !a->s && !a->type && !a->amount;
}

bool trans_dp_reg(struct dis *d, const struct args_dp_reg *a)
{
    if (is_return(a)) {
        (a32_is_thumb(d) ? a32_branch : a32_bx)(d, a32_reg(d, 14), IR_HINT_RET);
        return true;
    }
    ir_val n = uses_rn(a->op) ? a32_reg(d, a->rn) : imm32(d, 0);
    return data_processing(d, a->op, a->s, a->rd, n,
                           shift_imm(d, a32_reg(d, a->rm), a->type, a->amount));
}

bool trans_dp_rsr(struct dis *d, const struct args_dp_rsr *a)
{
    if (a->rd == 15 || a->rn == 15 || a->rm == 15 || a->rs == 15)
        return false; /* UNPREDICTABLE */
    ir_val n = uses_rn(a->op) ? a32_reg(d, a->rn) : imm32(d, 0);
    return data_processing(d, a->op, a->s, a->rd, n,
                           shift_reg(d, a32_reg(d, a->rm), a->type, a32_reg(d, a->rs)));
}

bool trans_movw(struct dis *d, const struct args_wide *a)
{
    if (a->rd == 15)
        return false;
    a32_set_reg(d, a->rd, imm32(d, a->imm));
    return true;
}

bool trans_movt(struct dis *d, const struct args_wide *a)
{
    if (a->rd == 15)
        return false;
    ir_val low = ir_and(d->ir, a32_reg(d, a->rd), imm32(d, 0xffff));
    a32_set_reg(d, a->rd, ir_or(d->ir, low, imm32(d, (uint32_t)a->imm << 16)));
    return true;
}

/* --- multiplies --- */

/* Results or operands in r15 are UNPREDICTABLE: taken as unallocated. */
static bool names_pc(int a, int b, int c)
{
    return a == 15 || b == 15 || c == 15;
}

static ir_val sext64(struct dis *d, int n)
{
    return ir_sext32(d->ir, a32_reg(d, n));
}

static ir_val zext64(struct dis *d, int n)
{
    return ir_zext32(d->ir, a32_reg(d, n));
}

static bool set_product(struct dis *d, const struct args_mul *a, ir_val r)
{
    if (sets_flags(d, a->s))
        a32_flags_nz(d, r, IR_NONE);
    a32_set_reg(d, a->rd, r);
    return true;
}

bool trans_mul(struct dis *d, const struct args_mul *a)
{
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    return set_product(d, a, ir_mul(d->ir, a32_reg(d, a->rn), a32_reg(d, a->rm)));
}

bool trans_mla(struct dis *d, const struct args_mul *a)
{
    if (names_pc(a->rd, a->rn, a->rm) || a->ra == 15)
        return false;
    ir_val p = ir_mul(d->ir, a32_reg(d, a->rn), a32_reg(d, a->rm));
    return set_product(d, a, ir_add(d->ir, a32_reg(d, a->ra), p));
}

bool trans_mls(struct dis *d, const struct args_mul *a)
{
    if (names_pc(a->rd, a->rn, a->rm) || a->ra == 15)
        return false;
    ir_val p = ir_mul(d->ir, a32_reg(d, a->rn), a32_reg(d, a->rm));
    return set_product(d, a, ir_sub(d->ir, a32_reg(d, a->ra), p));
}

static ir_val pair64(struct dis *d, int hi, int lo)
{
    return ir_or(d->ir, ir_shl(d->ir, zext64(d, hi), imm64(d, 32)), zext64(d, lo));
}

static void set_pair64(struct dis *d, int hi, int lo, ir_val v)
{
    a32_set_reg(d, lo, ir_trunc(d->ir, v));
    a32_set_reg(d, hi, ir_trunc(d->ir, ir_shr(d->ir, v, imm64(d, 32))));
}

static bool multiply_long(struct dis *d, const struct args_mull *a, bool is_signed, bool accumulate)
{
    struct ir *ir = d->ir;
    if (names_pc(a->rn, a->rm, a->hi) || a->lo == 15 || a->hi == a->lo)
        return false;
    ir_val r = is_signed ? ir_mul(ir, sext64(d, a->rn), sext64(d, a->rm))
                         : ir_mul(ir, zext64(d, a->rn), zext64(d, a->rm));
    if (accumulate)
        r = ir_add(ir, r, pair64(d, a->hi, a->lo));
    if (a->s)
        a32_flags_nz(d, r, IR_NONE);
    set_pair64(d, a->hi, a->lo, r);
    return true;
}

bool trans_umull(struct dis *d, const struct args_mull *a)
{
    return multiply_long(d, a, false, false);
}

bool trans_umlal(struct dis *d, const struct args_mull *a)
{
    return multiply_long(d, a, false, true);
}

bool trans_smull(struct dis *d, const struct args_mull *a)
{
    return multiply_long(d, a, true, false);
}

bool trans_smlal(struct dis *d, const struct args_mull *a)
{
    return multiply_long(d, a, true, true);
}

bool trans_umaal(struct dis *d, const struct args_mull *a)
{
    struct ir *ir = d->ir;
    if (names_pc(a->rn, a->rm, a->hi) || a->lo == 15 || a->hi == a->lo)
        return false;
    ir_val r = ir_mul(ir, zext64(d, a->rn), zext64(d, a->rm));
    r = ir_add(ir, ir_add(ir, r, zext64(d, a->hi)), zext64(d, a->lo));
    set_pair64(d, a->hi, a->lo, r);
    return true;
}

/* --- multiplies of halves --- */

/* A signed half as I64. */
static ir_val half(struct dis *d, ir_val v, bool top)
{
    ir_val h = top ? ir_sar(d->ir, v, imm32(d, 16)) : ir_sext16(d->ir, v);
    return ir_sext32(d->ir, h);
}

/* The low word of a sum; PSTATE.Q if it does not fit. */
static void set_with_q(struct dis *d, int rd, ir_val sum)
{
    ir_val low = ir_trunc(d->ir, sum);
    a32_set_q(d, ir_setcond(d->ir, ir_sext32(d->ir, low), sum, IR_NE));
    a32_set_reg(d, rd, low);
}

static bool accumulate_32(struct dis *d, int rd, int ra, ir_val product)
{
    if (ra == 15)
        a32_set_reg(d, rd, ir_trunc(d->ir, product));
    else
        set_with_q(d, rd, ir_add(d->ir, product, sext64(d, ra)));
    return true;
}

bool trans_smlaxy(struct dis *d, const struct args_smul *a)
{
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    ir_val p = ir_mul(d->ir, half(d, a32_reg(d, a->rn), a->x), half(d, a32_reg(d, a->rm), a->y));
    return accumulate_32(d, a->rd, a->ra, p);
}

bool trans_smlaw(struct dis *d, const struct args_smul *a)
{
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    ir_val p = ir_mul(d->ir, sext64(d, a->rn), half(d, a32_reg(d, a->rm), a->y));
    return accumulate_32(d, a->rd, a->ra, ir_sar(d->ir, p, imm64(d, 16)));
}

bool trans_smlalxy(struct dis *d, const struct args_smull *a)
{
    if (names_pc(a->rn, a->rm, a->hi) || a->lo == 15 || a->hi == a->lo)
        return false;
    ir_val p = ir_mul(d->ir, half(d, a32_reg(d, a->rn), a->x), half(d, a32_reg(d, a->rm), a->y));
    set_pair64(d, a->hi, a->lo, ir_add(d->ir, p, pair64(d, a->hi, a->lo)));
    return true;
}

/* Both products of halves, the second operand's exchanged if x; added or subtracted. */
static ir_val dual_product(struct dis *d, int rn, int rm, bool x, bool subtracts)
{
    struct ir *ir = d->ir;
    ir_val n = a32_reg(d, rn), m = a32_reg(d, rm);
    ir_val low = ir_mul(ir, half(d, n, false), half(d, m, x));
    ir_val high = ir_mul(ir, half(d, n, true), half(d, m, !x));
    return subtracts ? ir_sub(ir, low, high) : ir_add(ir, low, high);
}

static bool dual(struct dis *d, const struct args_dual *a, bool subtracts)
{
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    ir_val sum = dual_product(d, a->rn, a->rm, a->x, subtracts);
    if (a->ra != 15)
        sum = ir_add(d->ir, sum, sext64(d, a->ra));
    set_with_q(d, a->rd, sum);
    return true;
}

bool trans_smlad(struct dis *d, const struct args_dual *a)
{
    return dual(d, a, false);
}

bool trans_smlsd(struct dis *d, const struct args_dual *a)
{
    return dual(d, a, true);
}

static bool dual_long(struct dis *d, const struct args_dualw *a, bool subtracts)
{
    if (names_pc(a->rn, a->rm, a->hi) || a->lo == 15 || a->hi == a->lo)
        return false;
    ir_val sum = dual_product(d, a->rn, a->rm, a->x, subtracts);
    set_pair64(d, a->hi, a->lo, ir_add(d->ir, sum, pair64(d, a->hi, a->lo)));
    return true;
}

bool trans_smlald(struct dis *d, const struct args_dualw *a)
{
    return dual_long(d, a, false);
}

bool trans_smlsld(struct dis *d, const struct args_dualw *a)
{
    return dual_long(d, a, true);
}

/* The most significant word, rounded if x. */
static bool most_significant(struct dis *d, const struct args_dual *a, bool subtracts)
{
    struct ir *ir = d->ir;
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    ir_val r = ir_mul(ir, sext64(d, a->rn), sext64(d, a->rm));
    ir_val acc = imm64(d, 0);
    if (a->ra != 15)
        acc = ir_shl(ir, zext64(d, a->ra), imm64(d, 32));
    r = subtracts ? ir_sub(ir, acc, r) : ir_add(ir, acc, r);
    if (a->x)
        r = ir_add(ir, r, imm64(d, UINT64_C(0x80000000)));
    a32_set_reg(d, a->rd, ir_trunc(ir, ir_shr(ir, r, imm64(d, 32))));
    return true;
}

bool trans_smmla(struct dis *d, const struct args_dual *a)
{
    return most_significant(d, a, false);
}

bool trans_smmls(struct dis *d, const struct args_dual *a)
{
    return most_significant(d, a, true);
}

/* --- division: by zero gives zero --- */

static bool divide(struct dis *d, const struct args_r3 *a,
                   ir_val build(struct ir *ir, ir_val a, ir_val b))
{
    if (names_pc(a->rd, a->rn, a->rm))
        return false;
    ir_val n = a32_reg(d, a->rn), m = a32_reg(d, a->rm), zero = imm32(d, 0);
    a32_set_reg(d, a->rd, ir_select(d->ir, m, zero, zero, build(d->ir, n, m), IR_EQ));
    return true;
}

bool trans_sdiv(struct dis *d, const struct args_r3 *a)
{
    return divide(d, a, ir_divs);
}

bool trans_udiv(struct dis *d, const struct args_r3 *a)
{
    return divide(d, a, ir_divu);
}
