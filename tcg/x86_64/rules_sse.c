/* Instructions of SSE and AVX that guests have, too: one to one, where this host has them. */
#include "tcg/x86_64/gen_priv.h"

static unsigned opcode_of(uint32_t insn)
{
    return insn & 0xff;
}

static unsigned map_of(uint32_t insn)
{
    return insn >> IR_SSE_MAP_SHIFT & 3;
}

static unsigned prefix_of(uint32_t insn)
{
    return insn >> IR_SSE_PREFIX_SHIFT & 3;
}

/* Maps and prefixes are numbered alike in tcg/ir.h and in asm.h. */
static uint32_t encoding(uint32_t insn)
{
    return (insn & IR_SSE_OPCODE) | x86_w(insn & IR_SSE_W);
}
_Static_assert(IR_SSE_MAP_SHIFT == 8 && X_0F3A == 3 << 8 && X_F2 == 3 << IR_SSE_PREFIX_SHIFT,
               "encoding()");

static unsigned imm_of(uint32_t insn)
{
    return insn >> IR_SSE_IMM_SHIFT & 0xff;
}

static bool has_imm(uint32_t insn)
{
    unsigned opcode = opcode_of(insn);
    return map_of(insn) == 3 ||
           (map_of(insn) == 1 && (opcode == 0x70 || opcode == 0xc2 || opcode == 0xc6));
}

/* --- what this host has --- */

static bool has_0f(const struct x86_features *has, uint32_t insn)
{
    switch (opcode_of(insn)) {
    case 0x12:
    case 0x16:
    case 0x7c:
    case 0x7d:
    case 0xd0: return has->sse41; /* SSE3, which this implies */
    case 0xc2: return imm_of(insn) < 8 || has->avx;
    default: return true;
    }
}

static bool has_0f38(const struct x86_features *has, uint32_t insn)
{
    unsigned opcode = opcode_of(insn);
    if (opcode >= 0xc8 && opcode <= 0xcd)
        return has->sha;
    if (opcode >= 0xdb && opcode <= 0xdf)
        return has->aes;
    switch (opcode) {
    case 0x0c:
    case 0x0d: return has->avx;
    case 0x13: return has->f16c;
    case 0x45:
    case 0x46:
    case 0x47: return has->avx2;
    default: return has->sse41;
    }
}

static bool has_0f3a(const struct x86_features *has, uint32_t insn)
{
    switch (opcode_of(insn)) {
    case 0x02: return has->avx2;
    case 0x04:
    case 0x05: return has->avx;
    case 0x1d: return has->f16c;
    case 0x44: return has->pclmul;
    case 0xcc: return has->sha;
    case 0xdf: return has->aes;
    default: return has->sse41;
    }
}

static bool host_has(const struct gen *g, uint32_t insn)
{
    switch (map_of(insn)) {
    case 1: return has_0f(&g->rt->has, insn);
    case 2: return has_0f38(&g->rt->has, insn);
    default: return has_0f3a(&g->rt->has, insn);
    }
}

/* SHA has no VEX form. */
static bool has_vex_form(uint32_t insn)
{
    return prefix_of(insn) || map_of(insn) == 1;
}

/* The second source; in memory it would mean another thing: MOVSS and MOVSD, INSERTPS. */
static struct opnd second(struct gen *g, const struct ir_op *op)
{
    uint32_t insn = op->attr;
    bool merges = (map_of(insn) == 1 && opcode_of(insn) == 0x10) ||
                  (map_of(insn) == 3 && opcode_of(insn) == 0x21);
    if (!g->rt->has.avx || merges || !has_vex_form(insn))
        return opnd_reg(ra_use(g, op->arg[1]));
    return ra_rm(g, op->arg[1]);
}

/* --- one or two vectors --- */

/* VCVTPS2PH has its operands the other way round. */
static void unary(struct gen *g, const struct ir_op *op)
{
    uint32_t insn = op->attr;
    if (map_of(insn) == 3 && opcode_of(insn) == 0x1d) {
        unsigned from = ra_use(g, op->arg[0]);
        vec_op2_imm(g, encoding(insn), from, opnd_reg(ra_def(g, 0)), imm_of(insn));
        return;
    }
    struct opnd a = g->rt->has.avx ? ra_rm(g, op->arg[0]) : opnd_reg(ra_use(g, op->arg[0]));
    unsigned d = ra_def(g, 0);
    if (has_imm(insn))
        vec_op2_imm(g, encoding(insn), d, a, imm_of(insn));
    else
        vec_op2(g, encoding(insn), d, a);
}

static void legacy(struct gen *g, const struct ir_op *op, unsigned d, unsigned a, struct opnd b)
{
    ra_move(g, d, a);
    if (has_imm(op->attr))
        x86_op_imm8(&g->c, encoding(op->attr), d, b, imm_of(op->attr));
    else
        x86_op(&g->c, encoding(op->attr), d, b);
}

static void rule_sse(struct gen *g, const struct ir_op *op)
{
    uint32_t insn = op->attr;
    if (!host_has(g, insn)) {
        vec_soft_inline(g, op);
        return;
    }
    if (insn & IR_SSE_UNARY) {
        unary(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = second(g, op);
    bool two = !g->rt->has.avx || !has_vex_form(insn);
    unsigned d = ra_def(g, two ? opnd_bit(b) & ~REG_BIT(a) : 0);
    if (two)
        legacy(g, op, d, a, b);
    else if (has_imm(insn))
        vec_op3_imm(g, encoding(insn), d, a, b, imm_of(insn));
    else
        vec_op3(g, encoding(insn), d, a, b);
}

static void rule_soft(struct gen *g, const struct ir_op *op)
{
    vec_soft_inline(g, op);
}

static void rule_ssefma(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.fma) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]), b = ra_use(g, op->arg[1]);
    struct opnd c = ra_rm(g, op->arg[2]);
    unsigned d = ra_def(g, REG_BIT(b) | opnd_bit(c));
    ra_move(g, d, a);
    x86_vex(&g->c, encoding(op->attr) | g->vl, d, b, c);
}

/* --- integers --- */

static void rule_ssecmp(struct gen *g, const struct ir_op *op)
{
    bool is_used = g->val[g->cur].last;
    if (is_used)
        ra_take(g, RAX);
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    x86_op(&g->c, encoding(op->attr), a, b);
    if (!is_used) /* but the exceptions are */
        return;
    pack_eflags(g, IR_NONE, IR_NONE, false);
}

static void rule_ssetoi(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]);
    x86_op(&g->c, encoding(op->attr), ra_def(g, 0), opnd_reg(a));
}

static void rule_ssefromi(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    vec_op3(g, encoding(op->attr), ra_def(g, 0), a, b);
}

static void rule_vsigns(struct gen *g, const struct ir_op *op)
{
    static const uint32_t code[] = {0xd7 | X_0F | X_66, 0, 0x50 | X_0F, 0x50 | X_0F | X_66};
    unsigned esz = op->attr & 3;
    if (esz == 1) {
        vec_soft_inline(g, op);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    vec_op2(g, code[esz], ra_def(g, 0), opnd_reg(a));
}

/* --- 256 bits: in wide units, which a host with AVX2 has --- */

enum {
    INSERT128 = 0x38 | X_0F3A | X_66 | X_L,
    EXTRACT128 = 0x39 | X_0F3A | X_66 | X_L,
    BLENDD = 0x02 | X_0F3A | X_66 | X_L
};

static void rule_vhi128(struct gen *g, const struct ir_op *op)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (a.kind == OPND_REG) {
        x86_vex_imm8(&g->c, EXTRACT128, a.reg, 0, opnd_reg(d), 1);
        return;
    }
    a.disp += 16;
    x86_fload128(&g->c, d, a, true);
}

/* A move of 128 bits clears what is above. */
static void rule_vjoin(struct gen *g, const struct ir_op *op)
{
    uint64_t c;
    unsigned a = ra_use(g, op->arg[0]);
    if (ir_is_const(g->ir, op->arg[1], &c) && !c) {
        x86_fmov(&g->c, ra_def(g, 0), a, true);
        return;
    }
    struct opnd b = ra_rm(g, op->arg[1]);
    x86_vex_imm8(&g->c, INSERT128, ra_def(g, 0), a, b, 1);
}

static void rule_vjoinlo(struct gen *g, const struct ir_op *op)
{
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    if (b.kind == OPND_REG)
        x86_vex_imm8(&g->c, BLENDD, ra_def(g, 0), a, b, 0x0f);
    else
        x86_vex_imm8(&g->c, INSERT128, ra_def(g, 0), a, b, 0);
}

static void rule_vbcast(struct gen *g, const struct ir_op *op)
{
    static const uint8_t code[] = {0x78, 0x79, 0x58, 0x59};
    if (op->attr < 4) {
        struct opnd a = ra_rm(g, op->arg[0]);
        vec_op2(g, code[op->attr] | X_0F38 | X_66, ra_def(g, 0), a);
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    x86_vex_imm8(&g->c, INSERT128, ra_def(g, 0), a, opnd_reg(a), 1);
}

/* VPERMQ and the like have one source, and an immediate, in map 3. */
static void rule_vcross(struct gen *g, const struct ir_op *op)
{
    uint32_t insn = op->attr;
    if (insn & IR_SSE_UNARY) {
        struct opnd a = ra_rm(g, op->arg[0]);
        vec_op2_imm(g, encoding(insn), ra_def(g, 0), a, imm_of(insn));
        return;
    }
    unsigned a = ra_use(g, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    if (has_imm(insn))
        vec_op3_imm(g, encoding(insn), ra_def(g, 0), a, b, imm_of(insn));
    else
        vec_op3(g, encoding(insn), ra_def(g, 0), a, b);
}

static void rule_resize(struct gen *g, const struct ir_op *op)
{
    unary(g, op);
}

const rule_fn rules_sse[OP_COUNT] = {
    [OP_sse] = rule_sse,       [OP_ssef] = rule_sse,          [OP_sha256] = rule_soft,
    [OP_ssefma] = rule_ssefma, [OP_ssecmp] = rule_ssecmp,     [OP_ssetoi] = rule_ssetoi,
    [OP_vsigns] = rule_vsigns, [OP_ssefromi] = rule_ssefromi, [OP_vhi128] = rule_vhi128,
    [OP_vjoin] = rule_vjoin,   [OP_vjoinlo] = rule_vjoinlo,   [OP_vbcast] = rule_vbcast,
    [OP_vcross] = rule_vcross, [OP_ssewide] = rule_resize,    [OP_ssenarrow] = rule_resize,
};
