/*
 * Floating point on SSE: MXCSR holds the guest's rounding mode and its sticky flags, so that the
 * usual case is the plain instruction.  What differs from IEEE 754-2019 as guests want it (which
 * NaN, saturation, signed zeros) is found by a compare and handled out of line, exactly, if need be
 * by the callback.
 */
#include "tcg/x86_64/gen_priv.h"

enum {
    F_ADD = 0x58,
    F_MUL = 0x59,
    F_SUB = 0x5c,
    F_MIN = 0x5d,
    F_DIV = 0x5e,
    F_MAX = 0x5f,
    F_SQRT = 0x51
};
enum { F_ANDPS = 0x54, F_ANDNPS = 0x55, F_ORPS = 0x56, F_XORPS = 0x57 };

static bool is_f64(enum ir_type t)
{
    return t == F64;
}

static enum ir_type arg_type(const struct gen *g, const struct ir_op *op)
{
    return ir_type_of(g->ir, op->arg[0]);
}

static bool vex(const struct gen *g)
{
    return g->rt->has.avx;
}

static uint32_t scalar_prefix(bool f64)
{
    return f64 ? X_F2 : X_F3;
}

/* d = a op b; without AVX b may not be in d unless a is. */
static void fp3(struct gen *g, uint32_t op, unsigned d, unsigned a, struct opnd b)
{
    if (vex(g)) {
        x86_vex(&g->c, op | X_0F, d, a, b);
        return;
    }
    ra_move(g, d, a);
    x86_op(&g->c, op | X_0F, d, b);
}

/* Registers that the result of a two-operand instruction may not be in. */
static uint32_t avoid_second(const struct gen *g, struct opnd b)
{
    return vex(g) ? 0 : opnd_bit(b);
}

/* UCOMIS (quiet) or COMIS: sets ZF, PF, CF. */
static void compare(struct gen *g, bool f64, bool signalling, unsigned a, struct opnd b)
{
    x86_op(&g->c, (signalling ? 0x2f : 0x2e) | X_0F | (f64 ? X_66 : 0), a, b);
}

/* --- exact arithmetic out of line --- */
/* The stub keeps all registers but takes a frame on the stack; the result replaces the first
 * argument. */
static void soft_call(struct gen *g, const struct ir_op *op, enum ir_type type,
                      const struct opnd arg[3], unsigned d)
{
    struct x86_code *c = &g->c;
    x86_lea(c, true, RSP, opnd_mem(RSP, -(int32_t)sizeof(struct soft_frame)));
    for (unsigned i = 0; i < 3; i++)
        if (arg[i].kind == OPND_REG)
            x86_fstore(c, true, opnd_mem(RSP, i * 8), arg[i].reg, vex(g));
    x86_store_imm(c, 2, opnd_mem(RSP, 24), op->opc | type << 8 | op->type << 16);
    x86_store_imm(c, 2, opnd_mem(RSP, 28), op->attr);
    x86_call_to(c, g->rt->soft[keeping_of(g->o->region, g->wide)]);
    if (d == NO_REG)
        ;
    else if (d >= XMM0)
        x86_fload(c, is_f64(op->type), d, opnd_mem(RSP, 0), vex(g));
    else
        x86_mov(c, true, d, opnd_mem(RSP, 0));
    x86_lea(c, true, RSP, opnd_mem(RSP, sizeof(struct soft_frame)));
}

static const struct opnd no_arg = {.kind = OPND_POOL};

static void cold_soft(struct gen *g, const struct cold *k)
{
    soft_call(g, k->op, k->wide ? F64 : F32, (struct opnd[]){k->a, k->b, k->c}, k->d);
    cold_return(g, k);
}

/* A cold piece that redoes op on arguments that are still in registers. */
static struct cold *soft_cold(struct gen *g, uint8_t *from, enum ir_type type, struct opnd a,
                              struct opnd b, unsigned d)
{
    struct cold *k = cold_new(g, cold_soft, from);
    k->a = a;
    k->b = b;
    k->c = no_arg;
    k->wide = is_f64(type);
    k->d = d;
    k->back = g->c.p;
    return k;
}

/* The whole operation by the callback, in line: rare forms, or a host without the instruction. */
static void soft_inline(struct gen *g, const struct ir_op *op)
{
    struct opnd arg[3] = {no_arg, no_arg, no_arg};
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        arg[i] = opnd_reg(ra_use(g, op->arg[i]));
    unsigned d = ra_def(g, 0);
    soft_call(g, op, arg_type(g, op), arg, d);
}

/* --- NaN results --- */
static void cold_canonical_nan(struct gen *g, const struct cold *k)
{
    x86_fload(&g->c, k->wide, k->d, opnd_pool(k->wide ? POOL_NAN64 : POOL_NAN32), vex(g));
    cold_return(g, k);
}

/* A NaN in d becomes the canonical one; the flags are right already. */
static void canonicalize(struct gen *g, bool f64, unsigned d)
{
    compare(g, f64, false, d, opnd_reg(d));
    struct cold *k = cold_new(g, cold_canonical_nan, x86_jcc(&g->c, CC_P));
    k->d = d;
    k->wide = f64;
    k->back = g->c.p;
}

/* What the op's NaN rule asks for; args are intact if the rule is not IR_NAN_DEFAULT. */
static void nan_check(struct gen *g, const struct ir_op *op, unsigned d, struct opnd a,
                      struct opnd b)
{
    bool f64 = is_f64(op->type);
    if ((op->attr & 3) == IR_NAN_DEFAULT) {
        canonicalize(g, f64, d);
    } else if (nan_is_arm(op->attr)) {
        compare(g, f64, false, d, opnd_reg(d));
        soft_cold(g, x86_jcc(&g->c, CC_P), arg_type(g, op), a, b, d);
    }
}

/*
 * The same for what may round something tiny.  With Arm's rules that is to be found before
 * rounding: the least normal numbers may come of it.  ZF says equal or unordered.
 */
static void nan_tiny_check(struct gen *g, const struct ir_op *op, unsigned d,
                           const struct opnd arg[3])
{
    bool f64 = is_f64(op->type);
    if (!nan_is_arm(op->attr)) {
        nan_check(g, op, d, arg[0], arg[1]);
        return;
    }
    for (unsigned sign = 0; sign < 2; sign++) {
        int32_t least =
            sign ? (f64 ? POOL_NEG_MIN64 : POOL_NEG_MIN32) : (f64 ? POOL_MIN64 : POOL_MIN32);
        compare(g, f64, false, d, opnd_pool(least));
        struct cold *k = soft_cold(g, x86_jcc(&g->c, CC_E), arg_type(g, op), arg[0], arg[1], d);
        k->c = arg[2];
    }
}

/* --- arithmetic --- */
static void arith(struct gen *g, const struct ir_op *op, uint32_t code)
{
    bool redo = nan_is_arm(op->attr);
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = redo ? opnd_reg(ra_use(g, op->arg[1])) : ra_rm(g, op->arg[1]);
    unsigned d = ra_def(g, redo ? REG_BIT(a) | opnd_bit(b) : avoid_second(g, b) & ~REG_BIT(a));
    fp3(g, code | scalar_prefix(is_f64(op->type)), d, a, b);
    if (code == F_MUL || code == F_DIV)
        nan_tiny_check(g, op, d, (struct opnd[]){opnd_reg(a), b, no_arg});
    else
        nan_check(g, op, d, opnd_reg(a), b);
}

static void rule_fadd(struct gen *g, const struct ir_op *op)
{
    arith(g, op, F_ADD);
}

static void rule_fsub(struct gen *g, const struct ir_op *op)
{
    arith(g, op, F_SUB);
}

static void rule_fmul(struct gen *g, const struct ir_op *op)
{
    arith(g, op, F_MUL);
}

static void rule_fdiv(struct gen *g, const struct ir_op *op)
{
    arith(g, op, F_DIV);
}

static void rule_fsqrt(struct gen *g, const struct ir_op *op)
{
    bool redo = nan_is_arm(op->attr);
    unsigned a = ra_use(g, op->arg[0]);
    unsigned d = ra_def(g, redo ? REG_BIT(a) : 0);
    fp3(g, F_SQRT | scalar_prefix(is_f64(op->type)), d, a, opnd_reg(a));
    nan_check(g, op, d, opnd_reg(a), no_arg);
}

/*
 * A NaN came out.  x86 raises nothing for 0 * inf + qNaN, but RISC-V wants NV (Unprivileged spec,
 * F 13.6): multiply again for that flag alone, under a saved MXCSR.  k: a and b = factors, c = a
 * free XMM register, t = a free integer one.
 */
static void cold_fma_nan(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    struct opnd before = opnd_mem(RBP, TCG_ENV_OFF(save)),
                after = opnd_mem(RBP, TCG_ENV_OFF(save) + 4);
    x86_stmxcsr(c, before);
    x86_vex(c, F_MUL | X_0F | scalar_prefix(k->wide), k->c.reg, k->a.reg, k->b);
    x86_stmxcsr(c, after);
    x86_mov(c, false, k->t, after);
    x86_alu(c, false, ALU_AND, opnd_reg(k->t), opnd_imm(1)); /* IE */
    x86_alu(c, false, ALU_OR, before, opnd_reg(k->t));
    x86_ldmxcsr(c, before);
    x86_fload(c, k->wide, k->d, opnd_pool(k->wide ? POOL_NAN64 : POOL_NAN32), vex(g));
    cold_return(g, k);
}

/* VFMADD231, VFMSUB231, VFNMADD231 or VFNMSUB231: d = +-(a * b) +- d. */
static uint32_t fma_opcode(uint32_t attr, bool f64)
{
    uint32_t op = 0xb9 | X_0F38 | X_66 | x86_w(f64);
    op += attr & IR_FMA_NEG_PRODUCT ? 4 : 0;
    return op + (attr & IR_FMA_NEG_ADDEND ? 2 : 0);
}

static void fma_arm(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(op->type);
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), c = ra_use(g, op->arg[2]);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b) | REG_BIT(c));
    ra_move(g, d, c);
    x86_vex(&g->c, fma_opcode(op->attr, f64), d, a, opnd_reg(b));
    nan_tiny_check(g, op, d, (struct opnd[]){opnd_reg(a), opnd_reg(b), opnd_reg(c)});
}

static void rule_fma(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(op->type);
    if (!g->rt->has.fma) {
        soft_inline(g, op);
        return;
    }
    if (nan_is_arm(op->attr)) {
        fma_arm(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), addend = ra_use(g, op->arg[2]);
    unsigned x = ra_temp_xmm(g), t = ra_temp(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    ra_move(g, d, addend);
    x86_vex(&g->c, fma_opcode(op->attr, f64), d, a, opnd_reg(b));
    if ((op->attr & 3) != IR_NAN_DEFAULT)
        return;
    compare(g, f64, false, d, opnd_reg(d));
    struct cold *k = cold_new(g, cold_fma_nan, x86_jcc(&g->c, CC_P));
    k->a = opnd_reg(a);
    k->b = opnd_reg(b);
    k->c = opnd_reg(x);
    k->t = t;
    k->d = d;
    k->wide = f64;
    k->back = g->c.p;
}

/* Equal: they may be zeros of different sign, then OR gives the lesser and AND the greater.
 * Unordered: exactly. */
static void cold_minmax(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    uint8_t *unordered = x86_jcc(c, CC_P);
    fp3(g, k->op->opc == OP_fmin ? F_ORPS : F_ANDPS, k->d, k->a.reg, k->b);
    cold_return(g, k);
    x86_link(unordered, c->p);
    cold_soft(g, k);
}

static void minmax(struct gen *g, const struct ir_op *op, uint32_t code)
{
    bool f64 = is_f64(op->type);
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]);
    unsigned d = ra_def(g, avoid_second(g, opnd_reg(b)) & ~REG_BIT(a));
    compare(g, f64, false, a, opnd_reg(b));
    uint8_t *cold = x86_jcc(&g->c, CC_E); /* equal or unordered */
    fp3(g, code | scalar_prefix(f64), d, a, opnd_reg(b));
    soft_cold(g, cold, op->type, opnd_reg(a), opnd_reg(b), d)->emit = cold_minmax;
}

static void rule_fmin(struct gen *g, const struct ir_op *op)
{
    minmax(g, op, F_MIN);
}

static void rule_fmax(struct gen *g, const struct ir_op *op)
{
    minmax(g, op, F_MAX);
}

/* --- compare --- */
/* CMPEQ is quiet and false for unordered. */
static void fcmp_eq(struct gen *g, const struct ir_op *op, bool f64)
{
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    unsigned x = ra_temp_xmm(g), d = ra_def(g, 0);
    uint32_t code = 0xc2 | X_0F | scalar_prefix(f64);
    if (vex(g)) {
        x86_vex_imm8(&g->c, code, x, a, b, 0);
    } else {
        ra_move(g, x, a);
        x86_op_imm8(&g->c, code, x, b, 0);
    }
    x86_movq_to_gpr(&g->c, false, d, x, vex(g));
    x86_alu(&g->c, false, ALU_AND, opnd_reg(d), opnd_imm(1));
}

/* a < b as b > a, for which CF and ZF are clear, and unordered sets both. */
static void rule_fcmp(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(arg_type(g, op));
    if (op->cc == IR_FEQ) {
        fcmp_eq(g, op, f64);
        return;
    }
    bool signalling = op->cc == IR_FLT || op->cc == IR_FLE;
    bool or_equal = op->cc == IR_FLE || op->cc == IR_FLEQ;
    unsigned b = ra_use(g, op->arg[1]);
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    x86_zero(&g->c, d);
    compare(g, f64, signalling, b, a);
    x86_setcc(&g->c, or_equal ? CC_AE : CC_A, d);
}

/*
 * ZF and CF say it but for unordered, where all are set.  Less: the carry is copied to the sign by
 * the multiplication with 2^7 + 1, whose other bits go.
 */
static void cold_unordered_flags(struct gen *g, const struct cold *k)
{
    x86_mov_imm(&g->c, k->d, IR_FLAG_V);
    cold_return(g, k);
}

static void rule_flags_fcmp(struct gen *g, const struct ir_op *op)
{
    struct x86_code *c = &g->c;
    bool f64 = is_f64(arg_type(g, op)), is_used = g->val[g->cur].last;
    if (is_used)
        ra_take(g, RAX);
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    if (!is_used) { /* but the exceptions are */
        compare(g, f64, op->attr & 1, a, b);
        return;
    }
    compare(g, f64, op->attr & 1, a, b);
    uint8_t *unordered = x86_jcc(c, CC_P);
    x86_lahf(c);
    x86_alu(c, false, ALU_AND, opnd_reg(RAX), opnd_imm(IR_FLAG_Z | IR_FLAG_NOT_C));
    x86_imul_imm(c, false, RAX, opnd_reg(RAX), (1 << 7) + 1);
    x86_alu(c, false, ALU_AND, opnd_reg(RAX), opnd_imm(IR_FLAG_N | IR_FLAG_Z | IR_FLAG_NOT_C));
    struct cold *k = cold_new(g, cold_unordered_flags, unordered);
    k->d = RAX;
    k->back = c->p;
    ra_def_fixed(g, RAX);
}

/* --- signs and bits --- */
static int32_t sign_mask(bool f64)
{
    return f64 ? POOL_SIGN64 : POOL_SIGN32;
}

/* fsgnjn(a, a) is negation, fsgnjx(a, a) the absolute value. */
static bool sign_of_self(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(op->type);
    if (ir_val_is_const(op->arg[0]) || op->arg[0].id != op->arg[1].id || op->opc == OP_fsgnj)
        return false;
    unsigned a = ra_use(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (op->opc == OP_fsgnjn)
        fp3(g, F_XORPS, d, a, opnd_pool(sign_mask(f64)));
    else
        fp3(g, F_ANDPS, d, a, opnd_pool(f64 ? POOL_ABS64 : POOL_ABS32));
    return true;
}

static void rule_fsgnj(struct gen *g, const struct ir_op *op)
{
    if (sign_of_self(g, op))
        return;
    bool f64 = is_f64(op->type);
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, 0);
    struct opnd sign = opnd_pool(sign_mask(f64));
    fp3(g, F_ANDPS, x, b, sign);
    if (op->opc == OP_fsgnjx) {
        fp3(g, F_XORPS, d, a, opnd_reg(x));
        return;
    }
    if (op->opc == OP_fsgnjn)
        fp3(g, F_XORPS, x, x, sign);
    fp3(g, F_ANDPS, d, a, opnd_pool(f64 ? POOL_ABS64 : POOL_ABS32));
    fp3(g, F_ORPS, d, d, opnd_reg(x));
}

static void rule_box32(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    fp3(g, F_ORPS, d, a, opnd_pool(POOL_BOX));
}

static void cold_unboxed(struct gen *g, const struct cold *k)
{
    x86_fload(&g->c, false, k->d, opnd_pool(POOL_NAN32), vex(g));
    cold_return(g, k);
}

static void rule_unbox32(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]), t = ra_temp(g);
    unsigned d = ra_def(g, 0);
    x86_movq_to_gpr(&g->c, true, t, a, vex(g));
    ra_move(g, d, a);
    x86_shift_imm(&g->c, true, SH_SAR, opnd_reg(t), 32);
    x86_alu(&g->c, false, ALU_CMP, opnd_reg(t), opnd_imm(-1));
    struct cold *k = cold_new(g, cold_unboxed, x86_jcc(&g->c, CC_NE));
    k->d = d;
    k->back = g->c.p;
}

static void bits_to_int(struct gen *g, const struct ir_op *op)
{
    bool w = op->type == I64;
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (a.kind == OPND_REG)
        x86_movq_to_gpr(&g->c, w, d, a.reg, vex(g));
    else
        x86_mov(&g->c, w, d, a);
}

static void bits_to_fp(struct gen *g, const struct ir_op *op)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    x86_movq_from_gpr(&g->c, is_f64(op->type), ra_def(g, 0), a, vex(g));
}

/* --- conversions --- */
/* Immediate of ROUNDSS/ROUNDSD; -1: there is none. */
static int round_imm(unsigned round)
{
    switch (round) {
    case IR_RNE: return 0;
    case IR_RDN: return 1;
    case IR_RUP: return 2;
    case IR_RTZ: return 3;
    case IR_RDYN: return 4;
    default: return -1;
    }
}

static void round_to_integral(struct gen *g, bool f64, unsigned d, unsigned a, unsigned imm)
{
    uint32_t op = (f64 ? 0x0b : 0x0a) | X_0F3A | X_66;
    if (vex(g))
        x86_vex_imm8(&g->c, op, d, a, opnd_reg(a), imm);
    else
        x86_op_imm8(&g->c, op, d, opnd_reg(a), imm);
}

static void rule_frint(struct gen *g, const struct ir_op *op)
{
    int imm = round_imm(op->attr & 7);
    if (imm < 0 || !g->rt->has.sse41) {
        soft_inline(g, op);
        return;
    }
    bool f64 = is_f64(op->type), redo = op->attr >> IR_RINT_NAN_SHIFT == IR_NAN_ARM;
    unsigned a = ra_use(g, op->arg[0]);
    unsigned d = ra_def(g, redo ? REG_BIT(a) : 0);
    round_to_integral(g, f64, d, a, imm | (op->attr & IR_RINT_EXACT ? 0 : 8));
    if (!redo) {
        canonicalize(g, f64, d);
        return;
    }
    compare(g, f64, false, d, opnd_reg(d));
    soft_cold(g, x86_jcc(&g->c, CC_P), op->type, opnd_reg(a), no_arg, d);
}

/* CVTTS* or CVTS* to an integer. */
static void convert(struct gen *g, bool f64, bool w, bool truncate, unsigned d, unsigned a)
{
    x86_op(&g->c, (truncate ? 0x2c : 0x2d) | X_0F | scalar_prefix(f64) | x86_w(w), d, opnd_reg(a));
}

/* x86 gave the indefinite integer, MIN, and raised IE if MIN is not right: saturate by sign, NaN to
 * the largest, or to 0. */
static void cold_saturate(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    bool w = k->op->type == I64;
    x86_op(c, 0x57 | X_0F, k->c.reg, k->c); /* zero */
    compare(g, k->wide, false, k->c.reg, k->a);
    x86_link(x86_jcc(c, CC_A), k->back); /* 0 > a: MIN stays */
    uint8_t *unordered = k->op->attr & IR_FTOI_NAN_ZERO ? x86_jcc(c, CC_P) : NULL;
    x86_mov_imm(c, k->d, w ? INT64_MAX : INT32_MAX);
    cold_return(g, k);
    if (unordered) {
        x86_link(unordered, c->p);
        x86_zero(c, k->d);
        cold_return(g, k);
    }
}

/* Whether a static mode can go through ROUNDS*: a result too large for the integer was integral
 * before, so NX is not raised. */
static bool rounds_exactly(const struct gen *g, const struct ir_op *op, bool f64, unsigned round)
{
    return g->rt->has.sse41 && round_imm(round) >= 0 && !(f64 && op->type == I32);
}

static void rule_ftosi(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(arg_type(g, op)), w = op->type == I64;
    unsigned round = op->attr & 7;
    bool direct = round == IR_RTZ || round == IR_RDYN;
    if (!direct && !rounds_exactly(g, op, f64, round)) {
        soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g), d = ra_def(g, 0);
    if (!direct)
        round_to_integral(g, f64, x, a, round_imm(round));
    convert(g, f64, w, round != IR_RDYN, d, direct ? a : x);
    x86_alu(&g->c, w, ALU_CMP, opnd_reg(d), opnd_imm(1)); /* overflows for MIN alone */
    struct cold *k = cold_new(g, cold_saturate, x86_jcc(&g->c, CC_O));
    k->a = opnd_reg(a);
    k->c = opnd_reg(x);
    k->d = d;
    k->wide = f64;
    k->back = g->c.p;
}

/*
 * Bit patterns below that of the bound are positive numbers below it, which the signed 64-bit
 * conversion does exactly; all others (negative, too large, NaN) go to the callback before a flag
 * is raised.
 */
static void rule_ftoui(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(arg_type(g, op)), w = op->type == I64;
    unsigned round = op->attr & 7;
    if (round != IR_RTZ && (round != IR_RDYN || (f64 && !w))) {
        soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), t = ra_temp(g), d = ra_def(g, 0);
    int32_t bound = w ? (f64 ? POOL_2P63_F64 : POOL_2P63_F32) : f64 ? POOL_2P32_F64 : POOL_2P32_F32;
    x86_movq_to_gpr(&g->c, f64, t, a, vex(g));
    x86_alu(&g->c, f64, ALU_CMP, opnd_reg(t), opnd_pool(bound));
    uint8_t *cold = x86_jcc(&g->c, CC_AE);
    convert(g, f64, true, round == IR_RTZ, d, a);
    soft_cold(g, cold, f64 ? F64 : F32, opnd_reg(a), no_arg, d);
}

/* From a signed integer; the zeroing breaks the dependency on d. */
static void from_signed(struct gen *g, bool f64, bool w, unsigned d, struct opnd a)
{
    x86_op(&g->c, 0x57 | X_0F, d, opnd_reg(d));
    x86_op(&g->c, 0x2a | X_0F | scalar_prefix(f64) | x86_w(w), d, a);
}

static void rule_sitof(struct gen *g, const struct ir_op *op)
{
    bool w = arg_type(g, op) == I64;
    struct opnd a = ra_rm(g, op->arg[0]);
    from_signed(g, is_f64(op->type), w, ra_def(g, 0), a);
}

/* 2^63 and more: halve, keeping the lost bit sticky, convert, double. */
static void cold_large_unsigned(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    unsigned t = k->t, u = k->c.reg;
    x86_mov(c, true, t, k->a);
    x86_mov(c, false, u, k->a);
    x86_shift_imm(c, true, SH_SHR, opnd_reg(t), 1);
    x86_alu(c, false, ALU_AND, opnd_reg(u), opnd_imm(1));
    x86_alu(c, true, ALU_OR, opnd_reg(t), opnd_reg(u));
    from_signed(g, k->wide, true, k->d, opnd_reg(t));
    x86_op(c, F_ADD | X_0F | scalar_prefix(k->wide), k->d, opnd_reg(k->d));
    cold_return(g, k);
}

static void rule_uitof(struct gen *g, const struct ir_op *op)
{
    bool f64 = is_f64(op->type);
    if (arg_type(g, op) == I32) {
        struct opnd a32 = ra_rm(g, op->arg[0]);
        unsigned z = ra_temp(g), d32 = ra_def(g, 0);
        x86_mov(&g->c, false, z, a32);
        from_signed(g, f64, true, d32, opnd_reg(z));
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), t = ra_temp(g), u = ra_temp(g), d = ra_def(g, 0);
    x86_test(&g->c, true, a, a);
    uint8_t *large = x86_jcc(&g->c, CC_S);
    from_signed(g, f64, true, d, opnd_reg(a));
    struct cold *k = cold_new(g, cold_large_unsigned, large);
    k->a = opnd_reg(a);
    k->c = opnd_reg(u);
    k->t = t;
    k->d = d;
    k->wide = f64;
    k->back = g->c.p;
}

static void rule_fcvt(struct gen *g, const struct ir_op *op)
{
    bool from64 = is_f64(arg_type(g, op)), redo = nan_is_arm(op->attr);
    unsigned a = ra_use(g, op->arg[0]);
    unsigned d = ra_def(g, redo ? REG_BIT(a) : 0);
    if (from64 == is_f64(op->type)) {
        ra_move(g, d, a);
        return;
    }
    uint32_t code = 0x5a | X_0F | scalar_prefix(from64);
    if (vex(g))
        x86_vex(&g->c, code, d, a, opnd_reg(a));
    else
        x86_op(&g->c, code, d, opnd_reg(a));
    if (from64)
        nan_tiny_check(g, op, d, (struct opnd[]){opnd_reg(a), no_arg, no_arg});
    else
        nan_check(g, op, d, opnd_reg(a), no_arg);
}

const rule_fn rules_fp[OP_COUNT] = {
    [OP_fadd] = rule_fadd,       [OP_fsub] = rule_fsub,
    [OP_fmul] = rule_fmul,       [OP_fdiv] = rule_fdiv,
    [OP_fsqrt] = rule_fsqrt,     [OP_fma] = rule_fma,
    [OP_fmin] = rule_fmin,       [OP_fmax] = rule_fmax,
    [OP_fcmp] = rule_fcmp,       [OP_flags_fcmp] = rule_flags_fcmp,
    [OP_fsgnj] = rule_fsgnj,     [OP_fsgnjn] = rule_fsgnj,
    [OP_fsgnjx] = rule_fsgnj,    [OP_frint] = rule_frint,
    [OP_ftosi] = rule_ftosi,     [OP_ftoui] = rule_ftoui,
    [OP_sitof] = rule_sitof,     [OP_uitof] = rule_uitof,
    [OP_fcvt] = rule_fcvt,       [OP_box32] = rule_box32,
    [OP_unbox32] = rule_unbox32, [OP_bits_i32] = bits_to_int,
    [OP_bits_i64] = bits_to_int, [OP_bits_f32] = bits_to_fp,
    [OP_bits_f64] = bits_to_fp,
};
