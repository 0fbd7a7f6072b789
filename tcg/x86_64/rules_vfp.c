/*
 * Floating point on vectors: the packed instruction, then one test for lanes that other rules than
 * SSE's may hold for: NaNs, and with Arm's rules the least normal numbers, which may have been tiny
 * before rounding.  Where there are some the whole operation is done again, exactly, out of line.
 */
#include "tcg/x86_64/gen_priv.h"

enum {
    V_ADD = 0x58,
    V_MUL = 0x59,
    V_CVT = 0x5a,
    V_SUB = 0x5c,
    V_DIV = 0x5e,
    V_SQRT = 0x51,
    V_AND = 0x54,
    V_OR = 0x56,
    V_CMP = 0xc2,
    V_MOVMSK = 0x50
};
enum { CMP_EQ = 0, CMP_LT = 1, CMP_LE = 2, CMP_UNORD = 3, CMP_EQ_UQ = 8 };
enum { P_CMPEQD = 0x76 | X_0F | X_66 };

static bool is_f64(const struct ir_op *op)
{
    return (op->attr & 3) == 3;
}

static uint32_t nan_of(const struct ir_op *op)
{
    return op->attr >> IR_VNAN_SHIFT & 3;
}

/* The packed form for these lanes. */
static uint32_t packed(uint32_t code, bool f64)
{
    return code | X_0F | (f64 ? X_66 : 0);
}

/* Whether the operation can round something tiny. */
static bool may_be_tiny(unsigned opc)
{
    return opc == OP_vfmul || opc == OP_vfdiv || opc == OP_vfma || opc == OP_vfnarrow;
}

/* Lanes of x that are NaNs or the least normal become all ones; y is clobbered. */
static void find_tiny(struct gen *g, bool f64, unsigned x, unsigned d, unsigned y)
{
    struct opnd least = opnd_pool(f64 ? POOL_MIN64 : POOL_MIN32);
    vec_op3(g, packed(V_AND, f64), x, d, opnd_pool(f64 ? POOL_ABS64 : POOL_ABS32));
    if (g->rt->has.avx) {
        vec_op3_imm(g, packed(V_CMP, f64), x, x, least, CMP_EQ_UQ);
        return;
    }
    ra_move(g, y, x);
    vec_op3_imm(g, packed(V_CMP, f64), y, y, opnd_reg(y), CMP_UNORD);
    vec_op3_imm(g, packed(V_CMP, f64), x, x, least, CMP_EQ);
    vec_op3(g, packed(V_OR, f64), x, x, opnd_reg(y));
}

/* Out of line if some lane of x has its sign set. */
static void redo_if_any(struct gen *g, bool f64, unsigned x, const unsigned arg[3], unsigned d)
{
    unsigned t = ra_temp(g);
    vec_op2(g, packed(V_MOVMSK, f64), t, opnd_reg(x));
    x86_test(&g->c, false, t, t);
    vec_soft_cold(g, x86_jcc(&g->c, CC_NE), arg, d);
}

/* The result of op in d, whose lanes are F64 or not. */
static void check(struct gen *g, const struct ir_op *op, bool f64, const unsigned arg[3],
                  unsigned d)
{
    if (nan_of(op) == IR_NAN_X86)
        return;
    unsigned x = ra_temp_xmm(g);
    if (nan_is_arm(nan_of(op)) && may_be_tiny(op->opc))
        find_tiny(g, f64, x, d, g->rt->has.avx ? x : ra_temp_xmm(g));
    else
        vec_op3_imm(g, packed(V_CMP, f64), x, d, opnd_reg(d), CMP_UNORD);
    redo_if_any(g, f64, x, arg, d);
}

/* --- arithmetic --- */
static void arith(struct gen *g, const struct ir_op *op, uint32_t code)
{
    bool f64 = is_f64(op);
    unsigned arg[3] = {ra_use(g, op->arg[0]), ra_use(g, op->arg[1]), 0};
    unsigned d = ra_def(g, REG_BIT(arg[0]) | REG_BIT(arg[1]));
    vec_op3(g, packed(code, f64), d, arg[0], opnd_reg(arg[1]));
    check(g, op, f64, arg, d);
}

static void rule_vfadd(struct gen *g, const struct ir_op *op)
{
    arith(g, op, V_ADD);
}

static void rule_vfsub(struct gen *g, const struct ir_op *op)
{
    arith(g, op, V_SUB);
}

static void rule_vfmul(struct gen *g, const struct ir_op *op)
{
    arith(g, op, V_MUL);
}

static void rule_vfdiv(struct gen *g, const struct ir_op *op)
{
    arith(g, op, V_DIV);
}

static void rule_vfsqrt(struct gen *g, const struct ir_op *op)
{
    unsigned arg[3] = {ra_use(g, op->arg[0]), 0, 0};
    unsigned d = ra_def(g, REG_BIT(arg[0]));
    vec_op2(g, packed(V_SQRT, is_f64(op)), d, opnd_reg(arg[0]));
    check(g, op, is_f64(op), arg, d);
}

/* VFMADD231 and its like: d = +-(a * b) +- d. SSE raises nothing for 0 * inf + qNaN, but its result
 * is a NaN, so that it is redone. */
static void rule_vfma(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.fma) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned arg[3] = {ra_use(g, op->arg[0]), ra_use(g, op->arg[1]), ra_use(g, op->arg[2])};
    unsigned d = ra_def(g, REG_BIT(arg[0]) | REG_BIT(arg[1]) | REG_BIT(arg[2]));
    uint32_t code = 0xb8 | X_0F38 | X_66 | x86_w(is_f64(op));
    code += op->attr & IR_VFMA_NEG_PRODUCT ? 4 : 0;
    code += op->attr & IR_VFMA_NEG_ADDEND ? 2 : 0;
    ra_move(g, d, arg[2]);
    x86_vex(&g->c, code, d, arg[0], opnd_reg(arg[1]));
    check(g, op, is_f64(op), arg, d);
}

/* --- compare --- */
/* Greater is less with the operands exchanged; the ordered comparisons signal. */
static void rule_vfcmp(struct gen *g, const struct ir_op *op)
{
    bool eq = op->opc == OP_vfcmpeq;
    unsigned a = ra_use(g, op->arg[eq ? 0 : 1]), b = ra_use(g, op->arg[eq ? 1 : 0]);
    unsigned d = ra_def(g, g->rt->has.avx || a == b ? 0 : REG_BIT(b));
    vec_op3_imm(g, packed(V_CMP, is_f64(op)), d, a, opnd_reg(b),
                eq                      ? CMP_EQ
                : op->opc == OP_vfcmpge ? CMP_LE
                                        : CMP_LT);
}

/* --- conversions --- */
/* Immediate of ROUNDPS and ROUNDPD; -1: there is none. */
static int round_imm(unsigned round)
{
    static const int8_t imm[] = {
        [IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2, [IR_RMM] = -1, [IR_RDYN] = 4};
    return imm[round];
}

static void rule_vfrint(struct gen *g, const struct ir_op *op)
{
    unsigned how = op->attr >> IR_VROUND_SHIFT;
    int imm = round_imm(how & 7);
    if (imm < 0 || !g->rt->has.sse41) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned arg[3] = {ra_use(g, op->arg[0]), 0, 0}, d = ra_def(g, REG_BIT(arg[0]));
    vec_op2_imm(g, (is_f64(op) ? 0x09 : 0x08) | X_0F3A | X_66, d, opnd_reg(arg[0]),
                (unsigned)imm | (how & IR_RINT_EXACT ? 0 : 8));
    check(g, op, is_f64(op), arg, d);
}

/* There is no packed form for doublewords. */
static void from_doublewords(struct gen *g, const struct ir_op *op)
{
    struct x86_code *c = &g->c;
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g), t = ra_temp(g);
    unsigned d = ra_def(g, REG_BIT(a));
    x86_movq_to_gpr(c, true, t, a, g->rt->has.avx);
    vec_op3(g, 0x57 | X_0F, d, d, opnd_reg(d));
    x86_op(c, 0x2a | X_0F | X_F2 | X_W, d, opnd_reg(t));
    vec_op2_imm(g, 0x16 | X_0F3A | X_66 | X_W, a, opnd_reg(t), 1); /* PEXTRQ */
    vec_op3(g, 0x57 | X_0F, x, x, opnd_reg(x));
    x86_op(c, 0x2a | X_0F | X_F2 | X_W, x, opnd_reg(t));
    vec_op3(g, 0x14 | X_0F | X_66, d, d, opnd_reg(x)); /* UNPCKLPD */
}

static void rule_vsitof(struct gen *g, const struct ir_op *op)
{
    if (!is_f64(op)) {
        unsigned a = ra_use(g, op->arg[0]);
        vec_op2(g, 0x5b | X_0F, ra_def(g, 0), opnd_reg(a));
    } else if (g->rt->has.sse41) {
        from_doublewords(g, op);
    } else {
        vec_soft_inline(g, op);
    }
}

/* The indefinite integer, MIN, stands for what does not fit, and for itself. */
static void rule_vftosi(struct gen *g, const struct ir_op *op)
{
    if (is_f64(op)) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned arg[3] = {ra_use(g, op->arg[0]), 0, 0}, x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(arg[0]));
    vec_op2(g, 0x5b | X_0F | X_F3, d, opnd_reg(arg[0])); /* CVTTPS2DQ */
    vec_op3(g, P_CMPEQD, x, d, opnd_pool(POOL_SIGN32));
    redo_if_any(g, false, x, arg, d);
}

static void rule_vfconvert(struct gen *g, const struct ir_op *op)
{
    bool narrow = op->opc == OP_vfnarrow;
    unsigned arg[3] = {ra_use(g, op->arg[0]), 0, 0}, d = ra_def(g, REG_BIT(arg[0]));
    vec_op2(g, packed(V_CVT, narrow), d, opnd_reg(arg[0]));
    check(g, op, !narrow, arg, d);
}

const rule_fn rules_vfp[OP_COUNT] = {
    [OP_vfadd] = rule_vfadd,       [OP_vfsub] = rule_vfsub,        [OP_vfmul] = rule_vfmul,
    [OP_vfdiv] = rule_vfdiv,       [OP_vfsqrt] = rule_vfsqrt,      [OP_vfma] = rule_vfma,
    [OP_vfcmpeq] = rule_vfcmp,     [OP_vfcmpge] = rule_vfcmp,      [OP_vfcmpgt] = rule_vfcmp,
    [OP_vfrint] = rule_vfrint,     [OP_vsitof] = rule_vsitof,      [OP_vftosi] = rule_vftosi,
    [OP_vfwiden] = rule_vfconvert, [OP_vfnarrow] = rule_vfconvert,
};
