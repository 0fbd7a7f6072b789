/*
 * Vectors of 128 bits on SSE2 and what came after it: SSSE3 with SSE4.1, SSE4.2, AVX, AVX2.  What
 * an older host has no short way for goes to C code.
 *
 * Without AVX an instruction has two operands, and memory operands must be aligned: then operands
 * are in registers.
 */
#include "tcg/x86_64/gen_priv.h"

#include <stddef.h>

/* Opcodes by name; all have the prefix 66 but for those of map 0F without it. */
enum {
    P_AND = 0xdb | X_0F | X_66,
    P_ANDN = 0xdf | X_0F | X_66,
    P_OR = 0xeb | X_0F | X_66,
    P_XOR = 0xef | X_0F | X_66,
    P_ADDB = 0xfc | X_0F | X_66,
    P_CMPEQB = 0x74 | X_0F | X_66,
    P_CMPEQD = 0x76 | X_0F | X_66,
    P_CMPGTB = 0x64 | X_0F | X_66,
    P_CMPGTQ = 0x37 | X_0F38 | X_66,
    P_MULLW = 0xd5 | X_0F | X_66,
    P_MULHW = 0xe5 | X_0F | X_66,
    P_MULHUW = 0xe4 | X_0F | X_66,
    P_MULUDQ = 0xf4 | X_0F | X_66,
    P_MULDQ = 0x28 | X_0F38 | X_66,
    P_UNPCKLBW = 0x60 | X_0F | X_66,
    P_UNPCKLWD = 0x61 | X_0F | X_66,
    P_UNPCKLDQ = 0x62 | X_0F | X_66,
    P_UNPCKHBW = 0x68 | X_0F | X_66,
    P_UNPCKLQDQ = 0x6c | X_0F | X_66,
    P_UNPCKHQDQ = 0x6d | X_0F | X_66,
    P_PACKSSDW = 0x6b | X_0F | X_66,
    P_PACKUSWB = 0x67 | X_0F | X_66,
    P_ADDUSB = 0xdc | X_0F | X_66,
    P_SHUFB = 0x00 | X_0F38 | X_66,
    P_SHUFD = 0x70 | X_0F | X_66,
    P_SHUFLW = 0x70 | X_0F | X_F2,
    P_SHUFHW = 0x70 | X_0F | X_F3,
    P_ALIGNR = 0x0f | X_0F3A | X_66,
    P_TEST = 0x17 | X_0F38 | X_66,
    P_MOVQ = 0x7e | X_0F | X_F3,
    SHUFPS = 0xc6 | X_0F,
    INSERTPS = 0x21 | X_0F3A | X_66,
};
enum { SHIFT_LEFT = 6, SHIFT_RIGHT = 2, SHIFT_SIGNED = 4 };

static bool vex(const struct gen *g)
{
    return g->rt->has.avx;
}

/* A source operand: memory where the host takes it at any address. */
static struct opnd source(struct gen *g, ir_val v)
{
    return vex(g) ? ra_rm(g, v) : opnd_reg(ra_use(g, v));
}

void vec_op3(struct gen *g, uint32_t op, unsigned d, unsigned a, struct opnd b)
{
    if (vex(g)) {
        x86_vex(&g->c, op | g->vl, d, a, b);
        return;
    }
    ra_move(g, d, a);
    x86_op(&g->c, op, d, b);
}

void vec_op3_imm(struct gen *g, uint32_t op, unsigned d, unsigned a, struct opnd b, unsigned imm)
{
    if (vex(g)) {
        x86_vex_imm8(&g->c, op | g->vl, d, a, b, imm);
        return;
    }
    ra_move(g, d, a);
    x86_op_imm8(&g->c, op, d, b, imm);
}

void vec_op2(struct gen *g, uint32_t op, unsigned d, struct opnd a)
{
    if (vex(g))
        x86_vex(&g->c, op | g->vl, d, 0, a);
    else
        x86_op(&g->c, op, d, a);
}

void vec_op2_imm(struct gen *g, uint32_t op, unsigned d, struct opnd a, unsigned imm)
{
    if (vex(g))
        x86_vex_imm8(&g->c, op | g->vl, d, 0, a, imm);
    else
        x86_op_imm8(&g->c, op, d, a, imm);
}

/* d = a shifted by n in lanes of esz (1 to 3). */
static void shift(struct gen *g, unsigned kind, unsigned esz, unsigned d, unsigned a, unsigned n)
{
    uint32_t op = (0x70 + esz) | X_0F | X_66;
    if (vex(g)) {
        x86_vex_imm8(&g->c, op | g->vl, kind, d, opnd_reg(a), n);
        return;
    }
    ra_move(g, d, a);
    x86_op_imm8(&g->c, op, kind, opnd_reg(d), n);
}

static void zero(struct gen *g, unsigned d)
{
    vec_op3(g, P_XOR, d, d, opnd_reg(d));
}

static uint32_t avoid_second(const struct gen *g, struct opnd b)
{
    return vex(g) ? 0 : opnd_bit(b);
}

static unsigned esz_of(const struct ir_op *op)
{
    return op->attr & 3;
}

/* --- C code --- */
static void store_arg(struct gen *g, unsigned i, unsigned r)
{
    struct opnd at = opnd_mem(RSP, i * 16);
    if (r < XMM0)
        x86_store(&g->c, 3, at, r);
    else
        x86_fstore128(&g->c, at, r, vex(g));
}

/* The frame is filled while RSP is down, so no operand may be in a spill cell: all are in
 * registers. */
static void soft_call(struct gen *g, const struct ir_op *op, const unsigned arg[3], unsigned d)
{
    struct x86_code *c = &g->c;
    x86_lea(c, true, RSP, opnd_mem(RSP, -(int32_t)sizeof(struct soft_vec_frame)));
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        store_arg(g, i, arg[i]);
    x86_store_imm(c, 2, opnd_mem(RSP, offsetof(struct soft_vec_frame, desc)), op->opc);
    x86_store_imm(c, 2, opnd_mem(RSP, offsetof(struct soft_vec_frame, desc) + 4), op->attr);
    x86_call_to(c, g->rt->soft_vec[keeping_of(g->o->region, g->wide)]);
    if (d >= XMM0)
        x86_fload128(c, d, opnd_mem(RSP, 0), vex(g));
    else
        x86_mov(c, true, d, opnd_mem(RSP, 0));
    x86_lea(c, true, RSP, opnd_mem(RSP, sizeof(struct soft_vec_frame)));
}

void vec_soft_inline(struct gen *g, const struct ir_op *op)
{
    unsigned arg[3] = {0};
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        arg[i] = ra_use(g, op->arg[i]);
    soft_call(g, op, arg, ra_def(g, 0));
}

static void cold_soft_vec(struct gen *g, const struct cold *k)
{
    const unsigned arg[3] = {k->a.reg, k->b.reg, k->c.reg};
    soft_call(g, k->op, arg, k->d);
    cold_return(g, k);
}

void vec_soft_cold(struct gen *g, uint8_t *from, const unsigned arg[3], unsigned d)
{
    struct cold *k = cold_new(g, cold_soft_vec, from);
    k->a = opnd_reg(arg[0]);
    k->b = opnd_reg(arg[1]);
    k->c = opnd_reg(arg[2]);
    k->d = d;
    k->back = g->c.p;
}

/* --- one instruction --- */
/* By esz; 0: there is none. The level that it needs is that of its map. */
struct by_size {
    uint32_t op[4];
};

static bool host_has(const struct gen *g, uint32_t op)
{
    if (op == P_CMPGTQ)
        return g->rt->has.sse42;
    return op && ((op >> 8 & 3) < 2 || g->rt->has.sse41);
}

static void binary(struct gen *g, const struct ir_op *op, uint32_t code)
{
    if (!host_has(g, code)) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = source(g, op->arg[1]);
    vec_op3(g, code, ra_def(g, avoid_second(g, b) & ~REG_BIT(a)), a, b);
}

/* The same with operands exchanged. */
static void binary_swapped(struct gen *g, const struct ir_op *op, uint32_t code)
{
    unsigned b = ra_use(g, op->arg[1]);
    struct opnd a = source(g, op->arg[0]);
    vec_op3(g, code, ra_def(g, avoid_second(g, a) & ~REG_BIT(b)), b, a);
}

#define OP0F(n)   ((n) | X_0F | X_66)
#define OP0F38(n) ((n) | X_0F38 | X_66)
/* clang-format off */
static const struct by_size plain[OP_COUNT] = {
    [OP_vadd] = {{OP0F(0xfc), OP0F(0xfd), OP0F(0xfe), OP0F(0xd4)}},
    [OP_vsub] = {{OP0F(0xf8), OP0F(0xf9), OP0F(0xfa), OP0F(0xfb)}},
    [OP_vcmpeq] = {{OP0F(0x74), OP0F(0x75), OP0F(0x76), OP0F38(0x29)}},
    [OP_vcmpgt] = {{OP0F(0x64), OP0F(0x65), OP0F(0x66), P_CMPGTQ}},
    [OP_vmins] = {{OP0F38(0x38), OP0F(0xea), OP0F38(0x39)}},
    [OP_vmaxs] = {{OP0F38(0x3c), OP0F(0xee), OP0F38(0x3d)}},
    [OP_vminu] = {{OP0F(0xda), OP0F38(0x3a), OP0F38(0x3b)}},
    [OP_vmaxu] = {{OP0F(0xde), OP0F38(0x3e), OP0F38(0x3f)}},
    [OP_vqadds] = {{OP0F(0xec), OP0F(0xed)}}, [OP_vqaddu] = {{OP0F(0xdc), OP0F(0xdd)}},
    [OP_vqsubs] = {{OP0F(0xe8), OP0F(0xe9)}}, [OP_vqsubu] = {{OP0F(0xd8), OP0F(0xd9)}},
    [OP_vavgu] = {{OP0F(0xe0), OP0F(0xe3)}},
    [OP_vzip1] = {{OP0F(0x60), OP0F(0x61), OP0F(0x62), OP0F(0x6c)}},
    [OP_vzip2] = {{OP0F(0x68), OP0F(0x69), OP0F(0x6a), OP0F(0x6d)}},
};
/* clang-format on */

static void rule_plain(struct gen *g, const struct ir_op *op)
{
    binary(g, op, plain[op->opc].op[esz_of(op)]);
}

static void rule_vand(struct gen *g, const struct ir_op *op)
{
    binary(g, op, P_AND);
}

static void rule_vor(struct gen *g, const struct ir_op *op)
{
    binary(g, op, P_OR);
}

static void rule_vxor(struct gen *g, const struct ir_op *op)
{
    binary(g, op, P_XOR);
}

/* PANDN inverts its first operand. */
static void rule_vandn(struct gen *g, const struct ir_op *op)
{
    binary_swapped(g, op, P_ANDN);
}

/* ((b ^ c) & a) ^ c */
static void rule_vbsl(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), c = ra_use(g, op->arg[2]);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(c));
    vec_op3(g, P_XOR, d, b, opnd_reg(c));
    vec_op3(g, P_AND, d, d, opnd_reg(a));
    vec_op3(g, P_XOR, d, d, opnd_reg(c));
}

/* --- arithmetic --- */
/* Odd bytes where they are, even ones shifted up for it. */
static void multiply_bytes(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]);
    unsigned x = ra_temp_xmm(g), y = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    vec_op3(g, P_MULLW, d, a, opnd_reg(b));
    shift(g, SHIFT_LEFT, 1, d, d, 8);
    shift(g, SHIFT_RIGHT, 1, d, d, 8);
    shift(g, SHIFT_RIGHT, 1, x, a, 8);
    shift(g, SHIFT_RIGHT, 1, y, b, 8);
    vec_op3(g, P_MULLW, x, x, opnd_reg(y));
    shift(g, SHIFT_LEFT, 1, x, x, 8);
    vec_op3(g, P_OR, d, d, opnd_reg(x));
}

/* Even and odd words by PMULUDQ. */
static void multiply_words(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]);
    unsigned x = ra_temp_xmm(g), y = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    vec_op3(g, P_MULUDQ, d, a, opnd_reg(b));
    shift(g, SHIFT_LEFT, 3, d, d, 32);
    shift(g, SHIFT_RIGHT, 3, d, d, 32);
    shift(g, SHIFT_RIGHT, 3, x, a, 32);
    shift(g, SHIFT_RIGHT, 3, y, b, 32);
    vec_op3(g, P_MULUDQ, x, x, opnd_reg(y));
    shift(g, SHIFT_LEFT, 3, x, x, 32);
    vec_op3(g, P_OR, d, d, opnd_reg(x));
}

static void rule_vmul(struct gen *g, const struct ir_op *op)
{
    if (esz_of(op) == 0)
        multiply_bytes(g, op);
    else if (esz_of(op) == 1)
        binary(g, op, P_MULLW);
    else if (g->rt->has.sse41)
        binary(g, op, OP0F38(0x40));
    else
        multiply_words(g, op);
}

static void rule_vneg(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g);
    zero(g, x);
    vec_op3(g, plain[OP_vsub].op[esz_of(op)], ra_def(g, REG_BIT(a)), x, opnd_reg(a));
}

/* All ones in x where a lane of a is negative. */
static void signs(struct gen *g, unsigned esz, unsigned x, unsigned a)
{
    if (esz == 0) {
        zero(g, x);
        vec_op3(g, P_CMPGTB, x, x, opnd_reg(a));
    } else {
        shift(g, SHIFT_SIGNED, esz == 1 ? 1 : 2, x, a, esz == 1 ? 15 : 31);
    }
    if (esz == 3)
        vec_op2_imm(g, P_SHUFD, x, opnd_reg(x), 0xf5);
}

static void rule_vabs(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op), a = ra_use(g, op->arg[0]);
    if (esz < 3 && g->rt->has.sse41) {
        vec_op2(g, OP0F38(0x1c + esz), ra_def(g, 0), opnd_reg(a));
        return;
    }
    unsigned x = ra_temp_xmm(g), d = ra_def(g, REG_BIT(a));
    signs(g, esz, x, a);
    vec_op3(g, P_XOR, d, a, opnd_reg(x));
    vec_op3(g, plain[OP_vsub].op[esz], d, d, opnd_reg(x));
}

/* Doublewords: with the signs inverted. Others: a > b unless it is the lesser one. */
static void rule_vcmpgtu(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op);
    uint32_t least = esz < 3 ? plain[OP_vminu].op[esz] : P_CMPGTQ;
    if (!host_has(g, least)) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    if (esz == 3) {
        vec_op3(g, P_XOR, d, a, opnd_pool(POOL_SIGN64));
        vec_op3(g, P_XOR, x, b, opnd_pool(POOL_SIGN64));
        vec_op3(g, P_CMPGTQ, d, d, opnd_reg(x));
        return;
    }
    vec_op3(g, least, d, a, opnd_reg(b));
    vec_op3(g, plain[OP_vcmpeq].op[esz], d, d, opnd_reg(a));
    vec_op3(g, P_CMPEQD, x, x, opnd_reg(x));
    vec_op3(g, P_XOR, d, d, opnd_reg(x));
}

/* --- shifts --- */
/* d = a shifted as words, without the bits that came from the neighbour; then sign-extended. */
static void shift_bytes(struct gen *g, const struct ir_op *op, unsigned kind, unsigned n)
{
    unsigned a = ra_use(g, op->arg[0]), d = ra_def(g, 0);
    if (kind == SHIFT_SIGNED && n == 8)
        n = 7;
    shift(g, kind == SHIFT_LEFT ? SHIFT_LEFT : SHIFT_RIGHT, 1, d, a, n);
    vec_op3(g, P_AND, d, d, opnd_pool((kind == SHIFT_LEFT ? POOL_SHL8 : POOL_SHR8) + 16 * (int)n));
    if (kind != SHIFT_SIGNED)
        return;
    struct opnd sign = opnd_pool(POOL_SAR8 + 16 * (int)n);
    vec_op3(g, P_XOR, d, d, sign);
    vec_op3(g, plain[OP_vsub].op[0], d, d, sign);
}

/* There is no PSRAQ. */
static void shift_signed_64(struct gen *g, const struct ir_op *op, unsigned n)
{
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g), d = ra_def(g, REG_BIT(a));
    signs(g, 3, x, a);
    shift(g, SHIFT_RIGHT, 3, d, a, n);
    shift(g, SHIFT_LEFT, 3, x, x, 64 - n);
    vec_op3(g, P_OR, d, d, opnd_reg(x));
}

static void rule_shift(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op), n = op->attr >> 8;
    unsigned kind = op->opc == OP_vshli   ? SHIFT_LEFT
                    : op->opc == OP_vshri ? SHIFT_RIGHT
                                          : SHIFT_SIGNED;
    if (esz == 0) {
        shift_bytes(g, op, kind, n);
    } else if (esz == 3 && kind == SHIFT_SIGNED) {
        shift_signed_64(g, op, n);
    } else {
        unsigned a = ra_use(g, op->arg[0]);
        shift(g, kind, esz, ra_def(g, 0), a, n);
    }
}

/* --- lanes and integers --- */
static void rule_vdup(struct gen *g, const struct ir_op *op)
{
    static const uint32_t broadcast[] = {OP0F38(0x78), OP0F38(0x79), OP0F38(0x58), OP0F38(0x59)};
    unsigned esz = esz_of(op);
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (g->rt->has.avx2 && a.kind == OPND_MEM) {
        x86_vex(&g->c, broadcast[esz], d, 0, a);
        return;
    }
    x86_movq_from_gpr(&g->c, true, d, a, vex(g));
    if (g->rt->has.avx2) {
        x86_vex(&g->c, broadcast[esz], d, 0, opnd_reg(d));
        return;
    }
    if (esz == 0)
        vec_op3(g, P_UNPCKLBW, d, d, opnd_reg(d));
    if (esz <= 1)
        vec_op2_imm(g, P_SHUFLW, d, opnd_reg(d), 0);
    if (esz == 2)
        vec_op2_imm(g, P_SHUFD, d, opnd_reg(d), 0);
    else
        vec_op3(g, P_UNPCKLQDQ, d, d, opnd_reg(d));
}

/* PINSRB, PINSRW, PINSRD, PINSRQ. */
static const uint32_t pinsr[] = {0x20 | X_0F3A | X_66, 0xc4 | X_0F | X_66, 0x22 | X_0F3A | X_66,
                                 0x22 | X_0F3A | X_66 | X_W};

static void rule_vins(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op), i = op->attr >> 8;
    if (!host_has(g, pinsr[esz])) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    vec_op3_imm(g, pinsr[esz], ra_def(g, 0), a, b, i);
}

/* The lane in memory. */
static void extract_from_memory(struct gen *g, const struct ir_op *op, struct opnd m)
{
    unsigned esz = esz_of(op);
    m.disp += (int32_t)((op->attr >> 8 & 0xff) << esz);
    x86_load(&g->c, esz, op->attr >> 16, true, ra_def(g, 0), m);
}

static bool in_memory(const struct gen *g, ir_val v)
{
    return !ir_val_is_const(v) && ra_where(g, val_id(g, v)).kind == OPND_MEM;
}

static void rule_vextr(struct gen *g, const struct ir_op *op)
{
    static const uint32_t pextr[] = {0x14 | X_0F3A | X_66, 0xc5 | X_0F | X_66, 0x16 | X_0F3A | X_66,
                                     0x16 | X_0F3A | X_66 | X_W};
    unsigned esz = esz_of(op), i = op->attr >> 8 & 0xff;
    if (in_memory(g, op->arg[0])) {
        extract_from_memory(g, op, ra_where(g, val_id(g, op->arg[0])));
        return;
    }
    bool lowest = i == 0 && esz >= 2;
    if (!lowest && !host_has(g, pextr[esz])) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), d = ra_def(g, 0);
    if (lowest)
        x86_movq_to_gpr(&g->c, esz == 3, d, a, vex(g));
    else if (esz == 1)
        vec_op2_imm(g, pextr[1], d, opnd_reg(a), i);
    else
        vec_op2_imm(g, pextr[esz], a, opnd_reg(d), i);
    if (op->attr >> 16 && esz < 3)
        x86_load(&g->c, esz, true, true, d, opnd_reg(d));
}

static void rule_vmake(struct gen *g, const struct ir_op *op)
{
    struct opnd low = ra_rm(g, op->arg[0]), high = ra_rm(g, op->arg[1]);
    unsigned x = ra_temp_xmm(g), d = ra_def(g, 0);
    x86_movq_from_gpr(&g->c, true, d, low, vex(g));
    if (g->rt->has.sse41) {
        vec_op3_imm(g, pinsr[3], d, d, high, 1);
        return;
    }
    x86_movq_from_gpr(&g->c, true, x, high, vex(g));
    vec_op3(g, P_UNPCKLQDQ, d, d, opnd_reg(x));
}

/* --- permutations --- */
/* Words or bytes: what is wanted goes to the lower half of lanes twice as wide, then they are
 * packed, which saturates nothing. */
static void unzip(struct gen *g, const struct ir_op *op, unsigned esz, bool odd)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b)), n = esz ? 16 : 8;
    unsigned kind = esz ? SHIFT_SIGNED : SHIFT_RIGHT;
    shift(g, odd ? kind : SHIFT_LEFT, esz + 1, d, a, n);
    shift(g, odd ? kind : SHIFT_LEFT, esz + 1, x, b, n);
    if (!odd) {
        shift(g, kind, esz + 1, d, d, n);
        shift(g, kind, esz + 1, x, x, n);
    }
    vec_op3(g, esz ? P_PACKSSDW : P_PACKUSWB, d, d, opnd_reg(x));
}

static void unzip_by_size(struct gen *g, const struct ir_op *op, unsigned esz, bool odd)
{
    if (esz == 3) {
        binary(g, op, odd ? P_UNPCKHQDQ : P_UNPCKLQDQ);
    } else if (esz == 2) {
        unsigned a = ra_use(g, op->arg[0]);
        struct opnd b = source(g, op->arg[1]);
        vec_op3_imm(g, SHUFPS, ra_def(g, avoid_second(g, b) & ~REG_BIT(a)), a, b,
                    odd ? 0xdd : 0x88);
    } else {
        unzip(g, op, esz, odd);
    }
}

static void rule_vuzp(struct gen *g, const struct ir_op *op)
{
    unzip_by_size(g, op, esz_of(op), op->opc == OP_vuzp2);
}

static void rule_vnarrow(struct gen *g, const struct ir_op *op)
{
    unzip_by_size(g, op, esz_of(op) - 1, false);
}

/* Halves of lanes twice as wide. */
static void rule_vtrn(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op), n = 8u << esz;
    bool odd = op->opc == OP_vtrn2;
    if (esz == 3) {
        binary(g, op, odd ? P_UNPCKHQDQ : P_UNPCKLQDQ);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    if (odd) {
        shift(g, SHIFT_RIGHT, esz + 1, d, a, n);
        shift(g, SHIFT_RIGHT, esz + 1, x, b, n);
        shift(g, SHIFT_LEFT, esz + 1, x, x, n);
    } else {
        shift(g, SHIFT_LEFT, esz + 1, d, a, n);
        shift(g, SHIFT_RIGHT, esz + 1, d, d, n);
        shift(g, SHIFT_LEFT, esz + 1, x, b, n);
    }
    vec_op3(g, P_OR, d, d, opnd_reg(x));
}

/* PALIGNR's first operand is the upper half. */
static void rule_vextb(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.sse41) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned b = ra_use(g, op->arg[1]);
    struct opnd a = source(g, op->arg[0]);
    vec_op3_imm(g, P_ALIGNR, ra_def(g, avoid_second(g, a) & ~REG_BIT(b)), b, a, op->attr);
}

static void rule_vrev(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op), container = op->attr >> 8;
    if (esz == 0 && !g->rt->has.sse41) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), d = ra_def(g, 0);
    if (esz == 0) {
        vec_op3(g, P_SHUFB, d, a, opnd_pool(POOL_REV8 + 16 * ((int)container - 1)));
    } else if (esz == 2) {
        vec_op2_imm(g, P_SHUFD, d, opnd_reg(a), 0xb1);
    } else {
        vec_op2_imm(g, P_SHUFLW, d, opnd_reg(a), container == 2 ? 0xb1 : 0x1b);
        vec_op2_imm(g, P_SHUFHW, d, opnd_reg(d), container == 2 ? 0xb1 : 0x1b);
    }
}

/* PSHUFB gives 0 where bit 7 of the index is set. */
static void rule_vtbl(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.sse41) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    vec_op3(g, P_ADDUSB, x, b, opnd_pool(POOL_TBL));
    vec_op3(g, P_SHUFB, ra_def(g, 0), a, opnd_reg(x));
}

/* --- widths --- */
static const uint32_t unpack_low[] = {P_UNPCKLBW, P_UNPCKLWD, P_UNPCKLDQ};

/* PMOVZX or PMOVSX, which read 8 bytes. */
static uint32_t extension(unsigned esz, bool is_signed)
{
    static const uint8_t code[] = {0x30, 0x33, 0x35};
    return OP0F38(code[esz] - (is_signed ? 0x10u : 0u));
}

static void rule_vwiden(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op);
    bool is_signed = op->opc == OP_vwidens;
    if (g->rt->has.sse41) {
        struct opnd m = source(g, op->arg[0]);
        vec_op2(g, extension(esz, is_signed), ra_def(g, 0), m);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g), d = ra_def(g, REG_BIT(a));
    if (is_signed)
        signs(g, esz, x, a);
    else
        zero(g, x);
    vec_op3(g, unpack_low[esz], d, a, opnd_reg(x));
}

static void multiply_long_words(struct gen *g, const struct ir_op *op, bool is_signed)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    vec_op2_imm(g, P_SHUFD, d, opnd_reg(a), 0x50);
    vec_op2_imm(g, P_SHUFD, x, opnd_reg(b), 0x50);
    vec_op3(g, is_signed ? P_MULDQ : P_MULUDQ, d, d, opnd_reg(x));
}

/* Low and high halves of the products, interleaved. */
static void multiply_long_halves(struct gen *g, const struct ir_op *op, bool is_signed)
{
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]), x = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a) | REG_BIT(b));
    vec_op3(g, P_MULLW, d, a, opnd_reg(b));
    vec_op3(g, is_signed ? P_MULHW : P_MULHUW, x, a, opnd_reg(b));
    vec_op3(g, P_UNPCKLWD, d, d, opnd_reg(x));
}

static void multiply_long_bytes(struct gen *g, const struct ir_op *op, bool is_signed)
{
    struct opnd a = source(g, op->arg[0]), b = source(g, op->arg[1]);
    unsigned x = ra_temp_xmm(g), d = ra_def(g, opnd_bit(a) | opnd_bit(b));
    vec_op2(g, extension(0, is_signed), d, a);
    vec_op2(g, extension(0, is_signed), x, b);
    vec_op3(g, P_MULLW, d, d, opnd_reg(x));
}

static void rule_vmull(struct gen *g, const struct ir_op *op)
{
    unsigned esz = esz_of(op);
    bool is_signed = op->opc == OP_vmulls;
    if (esz == 1)
        multiply_long_halves(g, op, is_signed);
    else if (!g->rt->has.sse41 && !(esz == 2 && !is_signed))
        vec_soft_inline(g, op);
    else if (esz == 2)
        multiply_long_words(g, op, is_signed);
    else
        multiply_long_bytes(g, op, is_signed);
}

/* --- bits --- */
/* Both nibbles by table. */
static void rule_vpopcnt8(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.sse41) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), x = ra_temp_xmm(g), y = ra_temp_xmm(g);
    unsigned d = ra_def(g, REG_BIT(a));
    vec_op3(g, P_AND, x, a, opnd_pool(POOL_NIBBLE));
    shift(g, SHIFT_RIGHT, 1, y, a, 4);
    vec_op3(g, P_AND, y, y, opnd_pool(POOL_NIBBLE));
    x86_fload128(&g->c, d, opnd_pool(POOL_POPCNT), vex(g));
    if (vex(g)) {
        vec_op3(g, P_SHUFB, x, d, opnd_reg(x));
        vec_op3(g, P_SHUFB, d, d, opnd_reg(y));
        vec_op3(g, P_ADDB, d, d, opnd_reg(x));
        return;
    }
    unsigned z = ra_temp_xmm(g);
    vec_op3(g, P_SHUFB, z, d, opnd_reg(x));
    vec_op3(g, P_SHUFB, d, d, opnd_reg(y));
    vec_op3(g, P_ADDB, d, d, opnd_reg(z));
}

static void rule_vany(struct gen *g, const struct ir_op *op)
{
    struct x86_code *c = &g->c;
    unsigned a = ra_use(g, op->arg[0]);
    if (g->rt->has.sse41) {
        unsigned d = ra_def(g, 0);
        x86_zero(c, d);
        vec_op2(g, P_TEST, a, opnd_reg(a));
        x86_setcc(c, CC_NE, d);
        return;
    }
    unsigned x = ra_temp_xmm(g), t = ra_temp(g), d = ra_def(g, 0);
    zero(g, x);
    vec_op3(g, P_CMPEQB, x, x, opnd_reg(a));
    vec_op2(g, 0xd7 | X_0F | X_66, t, opnd_reg(x)); /* PMOVMSKB */
    x86_zero(c, d);
    x86_alu(c, false, ALU_CMP, opnd_reg(t), opnd_imm(0xffff));
    x86_setcc(c, CC_NE, d);
}

/* --- scalars --- */
static void rule_vlow(struct gen *g, const struct ir_op *op)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    vec_op2(g, P_MOVQ, ra_def(g, 0), a);
}

/* Whoever loads or makes a scalar of bits leaves zeros behind it. */
bool scalar_is_clean(const struct gen *g, ir_val v)
{
    unsigned opc = ir_val_is_const(v) ? OP_nop : g->ir->ops[v.id].opc;
    return opc == OP_ld || opc == OP_bits_f64 || opc == OP_bits_f32;
}

static bool take_clean(struct gen *g, const struct ir_op *op)
{
    if (!scalar_is_clean(g, op->arg[0]))
        return false;
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (a.kind == OPND_MEM)
        x86_fload(&g->c, op->opc == OP_vfrom64, d, a, vex(g));
    else
        ra_move(g, d, a.reg);
    return true;
}

static void rule_vfrom64(struct gen *g, const struct ir_op *op)
{
    if (!take_clean(g, op))
        rule_vlow(g, op);
}

static void rule_vfrom32(struct gen *g, const struct ir_op *op)
{
    if (take_clean(g, op))
        return;
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned x = ra_temp_xmm(g), d = ra_def(g, opnd_bit(a));
    if (a.kind == OPND_MEM) {
        x86_fload(&g->c, false, d, a, vex(g));
    } else if (g->rt->has.sse41) {
        vec_op3_imm(g, INSERTPS, d, a.reg, a, 0x0e);
    } else { /* MOVSS between registers keeps the rest of the first */
        zero(g, x);
        vec_op3(g, 0x10 | X_0F | X_F3, d, x, a);
    }
}

/* Aliases of their operands, but for constants. */
static void rule_vto(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]);
    ra_move(g, ra_def(g, 0), a);
}

/* clang-format off */
const rule_fn rules_vec[OP_COUNT] = {
    [OP_vand] = rule_vand, [OP_vor] = rule_vor, [OP_vxor] = rule_vxor, [OP_vandn] = rule_vandn, [OP_vbsl] = rule_vbsl,
    [OP_vadd] = rule_plain, [OP_vsub] = rule_plain, [OP_vmul] = rule_vmul, [OP_vneg] = rule_vneg, [OP_vabs] = rule_vabs,
    [OP_vcmpeq] = rule_plain, [OP_vcmpgt] = rule_plain, [OP_vcmpgtu] = rule_vcmpgtu,
    [OP_vmins] = rule_plain, [OP_vmaxs] = rule_plain, [OP_vminu] = rule_plain, [OP_vmaxu] = rule_plain,
    [OP_vshli] = rule_shift, [OP_vshri] = rule_shift, [OP_vsari] = rule_shift,
    [OP_vqadds] = rule_plain, [OP_vqaddu] = rule_plain, [OP_vqsubs] = rule_plain, [OP_vqsubu] = rule_plain,
    [OP_vavgu] = rule_plain,
    [OP_vdup] = rule_vdup, [OP_vins] = rule_vins, [OP_vextr] = rule_vextr, [OP_vmake] = rule_vmake,
    [OP_vzip1] = rule_plain, [OP_vzip2] = rule_plain, [OP_vuzp1] = rule_vuzp, [OP_vuzp2] = rule_vuzp,
    [OP_vtrn1] = rule_vtrn, [OP_vtrn2] = rule_vtrn, [OP_vextb] = rule_vextb, [OP_vrev] = rule_vrev, [OP_vtbl] = rule_vtbl,
    [OP_vwidenu] = rule_vwiden, [OP_vwidens] = rule_vwiden, [OP_vnarrow] = rule_vnarrow,
    [OP_vmullu] = rule_vmull, [OP_vmulls] = rule_vmull,
    [OP_vpopcnt8] = rule_vpopcnt8, [OP_vany] = rule_vany,
    [OP_vlow] = rule_vlow, [OP_vfrom64] = rule_vfrom64, [OP_vfrom32] = rule_vfrom32,
    [OP_vto64] = rule_vto, [OP_vto32] = rule_vto, [OP_vlo128] = rule_vto,
};
/* clang-format on */
