/* Integer operations. */
#include "tcg/x86_64/gen_priv.h"
#include "util/bits.h"

static bool is64(const struct ir_op *op)
{
    return op->type == I64;
}

static bool const_of(const struct gen *g, ir_val v, uint64_t *c)
{
    return ir_is_const(g->ir, v, c);
}

static bool is_zero(struct opnd o)
{
    return o.kind == OPND_IMM && o.disp == 0;
}

/* --- two-operand arithmetic --- */
/* slot op= b in memory: when the first operand is the slot's value and only the slot wants the
 * result. */
static bool alu_in_memory(struct gen *g, const struct ir_op *op, enum x86_alu alu, ir_val a,
                          ir_val b)
{
    struct val *x = &g->val[g->cur];
    unsigned slot = x->hint;
    if (slot == NO_SLOT || x->nuse != 1 || g->map->pin_reg[slot] != NO_REG || ir_val_is_const(a))
        return false;
    const struct val *old = &g->val[val_id(g, a)];
    if (old->slot != slot || old->reg != NO_REG || old->last != g->cur ||
        g->ir->ops[val_id(g, a)].type != op->type)
        return false;
    int32_t imm;
    struct opnd src = ra_imm32(g, b, &imm) ? opnd_imm(imm) : opnd_reg(ra_use(g, b));
    if (old->reg != NO_REG) /* b was a too */
        return false;
    x86_alu(&g->c, is64(op), alu, slot_opnd(g, slot), src);
    ra_def_in_slot(g, slot);
    return true;
}

static void swap_vals(ir_val *a, ir_val *b)
{
    ir_val t = *a;
    *a = *b;
    *b = t;
}

static void swap_opnds(struct opnd *a, struct opnd *b)
{
    struct opnd t = *a;
    *a = *b;
    *b = t;
}

static void mov_to(struct gen *g, bool w, unsigned d, struct opnd s)
{
    if (!opnd_is_reg(s, d))
        x86_mov(&g->c, w, d, s);
}

/* The operation that was just emitted left the zero flag for d. */
static void note_zero(struct gen *g, const struct ir_op *op, unsigned d)
{
    g->zero_at = g->c.p;
    g->zero_reg = d;
    g->zero_wide = is64(op);
}

/* The same for eflags ops. */
static void note_result(struct gen *g)
{
    g->known = (struct known_flags){
        .at = g->c.p, .a = {g->cur}, .b = IR_NONE, .packed = IR_NONE, .is_result = true};
}

/* d = a alu b for a commutative operation, in the order that saves a move. */
static void commutative(struct gen *g, const struct ir_op *op, enum x86_alu alu)
{
    ir_val va = op->arg[0], vb = op->arg[1];
    if (ir_val_is_const(va))
        swap_vals(&va, &vb);
    if (alu_in_memory(g, op, alu, va, vb))
        return;
    struct opnd b = ra_rmi(g, vb), a = ra_rm(g, va);
    if (b.kind == OPND_REG && ra_likes(g, b.reg) && !(a.kind == OPND_REG && ra_likes(g, a.reg)))
        swap_opnds(&a, &b);
    unsigned d = ra_def(g, opnd_bit(b) & ~opnd_bit(a));
    bool may_lea = alu == ALU_ADD && !flags_are_wanted(g);
    if (may_lea && a.kind == OPND_REG && a.reg != d && b.kind == OPND_REG) {
        x86_lea(&g->c, is64(op), d, opnd_sib(a.reg, b.reg, 0, 0));
        return;
    }
    if (may_lea && a.kind == OPND_REG && a.reg != d && b.kind == OPND_IMM) {
        x86_lea(&g->c, is64(op), d, opnd_mem(a.reg, b.disp));
        return;
    }
    mov_to(g, is64(op), d, a);
    x86_alu(&g->c, is64(op), alu, opnd_reg(d), b);
    note_zero(g, op, d);
    note_result(g);
}

/* Which argument is a shift that the addition does, see fuse_scale(); or -1. */
static int scaled_arg(const struct gen *g, const struct ir_op *op)
{
    for (int k = 0; k < 2; k++)
        if (!ir_val_is_const(op->arg[k]) && g->val[op->arg[k].id].fused &&
            g->ir->ops[op->arg[k].id].opc == OP_shl)
            return k;
    return -1;
}

/* d = a + (index << n) */
static void add_scaled(struct gen *g, const struct ir_op *op, unsigned k)
{
    const struct ir_op *shift = &g->ir->ops[op->arg[k].id];
    unsigned index = ra_use(g, shift->arg[0]), a = ra_use(g, op->arg[!k]);
    unsigned n = ir_const_value(g->ir, shift->arg[1]);
    x86_lea(&g->c, is64(op), ra_def(g, 0), opnd_sib(a, index, n, 0));
}

static void rule_add(struct gen *g, const struct ir_op *op)
{
    int k = scaled_arg(g, op);
    if (k >= 0)
        add_scaled(g, op, k);
    else
        commutative(g, op, ALU_ADD);
}

static void rule_and(struct gen *g, const struct ir_op *op)
{
    uint64_t c;
    if (is64(op) && const_of(g, op->arg[1], &c) && c == UINT32_MAX) {
        struct opnd a = ra_rm(g, op->arg[0]);
        x86_mov(&g->c, false, ra_def(g, 0), a);
        return;
    }
    commutative(g, op, ALU_AND);
}

static void rule_or(struct gen *g, const struct ir_op *op)
{
    commutative(g, op, ALU_OR);
}

static void rule_xor(struct gen *g, const struct ir_op *op)
{
    commutative(g, op, ALU_XOR);
}

/* a - b = -b + a, when the result belongs in b's register. */
static void negate_and_add(struct gen *g, const struct ir_op *op, struct opnd a, struct opnd b)
{
    unsigned d = ra_def(g, opnd_bit(a));
    mov_to(g, is64(op), d, b);
    x86_unary(&g->c, is64(op), UN_NEG, opnd_reg(d));
    if (!is_zero(a))
        x86_alu(&g->c, is64(op), ALU_ADD, opnd_reg(d), a);
}

static void rule_sub(struct gen *g, const struct ir_op *op)
{
    if (alu_in_memory(g, op, ALU_SUB, op->arg[0], op->arg[1]))
        return;
    struct opnd b = ra_rmi(g, op->arg[1]);
    struct opnd a = ra_rmi(g, op->arg[0]);
    bool wanted = flags_are_wanted(g);
    if (!wanted && b.kind == OPND_REG && ra_likes(g, b.reg) &&
        !(a.kind == OPND_REG && ra_likes(g, a.reg))) {
        negate_and_add(g, op, a, b);
        return;
    }
    unsigned d = ra_def(g, opnd_bit(b) & ~opnd_bit(a));
    if (!wanted && a.kind == OPND_REG && a.reg != d && b.kind == OPND_IMM && b.disp != INT32_MIN) {
        x86_lea(&g->c, is64(op), d, opnd_mem(a.reg, -b.disp));
        return;
    }
    mov_to(g, is64(op), d, a);
    x86_alu(&g->c, is64(op), ALU_SUB, opnd_reg(d), b);
    note_result(g);
}

static void rule_andn(struct gen *g, const struct ir_op *op)
{
    if (g->rt->has.bmi1) {
        struct opnd a = ra_rm(g, op->arg[0]);
        unsigned b = ra_use(g, op->arg[1]);
        x86_vex(&g->c, 0xf2 | X_0F38 | x86_w(is64(op)), ra_def(g, 0), b, a);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]), b = ra_rm(g, op->arg[1]);
    unsigned d = ra_def(g, opnd_bit(a));
    mov_to(g, is64(op), d, b);
    x86_unary(&g->c, is64(op), UN_NOT, opnd_reg(d));
    x86_alu(&g->c, is64(op), ALU_AND, opnd_reg(d), a);
}

static void unary(struct gen *g, const struct ir_op *op, unsigned ext)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    mov_to(g, is64(op), d, a);
    x86_unary(&g->c, is64(op), ext, opnd_reg(d));
}

static void rule_not(struct gen *g, const struct ir_op *op)
{
    unary(g, op, UN_NOT);
}

static void rule_neg(struct gen *g, const struct ir_op *op)
{
    unary(g, op, UN_NEG);
}

/* --- multiply --- */
static void rule_mul(struct gen *g, const struct ir_op *op)
{
    ir_val va = op->arg[0], vb = op->arg[1];
    int32_t imm;
    if (ir_val_is_const(va))
        swap_vals(&va, &vb);
    if (ra_imm32(g, vb, &imm)) {
        struct opnd a = ra_rm(g, va);
        x86_imul_imm(&g->c, is64(op), ra_def(g, 0), a, imm);
        return;
    }
    struct opnd b = ra_rm(g, vb), a = ra_rm(g, va);
    if (b.kind == OPND_REG && ra_likes(g, b.reg) && !(a.kind == OPND_REG && ra_likes(g, a.reg)))
        swap_opnds(&a, &b);
    unsigned d = ra_def(g, opnd_bit(b) & ~opnd_bit(a));
    mov_to(g, is64(op), d, a);
    x86_imul(&g->c, is64(op), d, b);
}

/* rdx:rax = rax * b: the high half is in rdx. */
static void mul_high(struct gen *g, const struct ir_op *op, unsigned ext)
{
    ra_fixed(g, RAX, op->arg[0]);
    ra_take(g, RDX);
    struct opnd b = ra_rm(g, op->arg[1]);
    x86_unary(&g->c, is64(op), ext, b);
    ra_def_fixed(g, RDX);
}

static void rule_mulhu(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.bmi2) {
        mul_high(g, op, UN_MUL);
        return;
    }
    ra_fixed(g, RDX, op->arg[0]);
    struct opnd b = ra_rm(g, op->arg[1]);
    unsigned d = ra_def(g, 0);
    x86_vex(&g->c, 0xf6 | X_0F38 | X_F2 | x86_w(is64(op)), d, d, b);
}

static void rule_mulhs(struct gen *g, const struct ir_op *op)
{
    mul_high(g, op, UN_IMUL);
}

/* --- divide --- */
/* Division by zero, and by -1 when signed, which traps on x86 for MIN.  d is the result, a holds
 * the dividend, b divides. */
static void cold_divide(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    bool w = is64(k->op), is_rem = k->op->opc == OP_rems || k->op->opc == OP_remu;
    bool is_signed = k->op->opc == OP_divs || k->op->opc == OP_rems;
    unsigned a = k->a.reg;
    uint8_t *minus_one = NULL;
    if (is_signed) {
        x86_alu(c, w, ALU_CMP, k->b, opnd_imm(0));
        minus_one = x86_jcc(c, CC_NE);
    }
    if (is_rem)
        x86_mov(c, w, k->d, opnd_reg(a));
    else
        x86_mov(c, w, k->d, opnd_imm(-1));
    cold_return(g, k);
    if (!is_signed)
        return;
    x86_link(minus_one, c->p);
    if (is_rem) {
        x86_mov_imm(c, k->d, 0);
    } else {
        mov_to(g, w, k->d, opnd_reg(a));
        x86_unary(c, w, UN_NEG, opnd_reg(k->d));
    }
    cold_return(g, k);
}

/* Jump out of line unless the divisor is known to be harmless. */
static uint8_t *divide_check(struct gen *g, const struct ir_op *op, struct opnd b, bool is_signed)
{
    uint64_t c;
    if (const_of(g, op->arg[1], &c) && c && ir_truncate(op->type, ~c))
        return NULL;
    if (!is_signed) {
        if (b.kind == OPND_REG)
            x86_test(&g->c, is64(op), b.reg, b.reg);
        else
            x86_alu(&g->c, is64(op), ALU_CMP, b, opnd_imm(0));
        return x86_jcc(&g->c, CC_E);
    }
    mov_to(g, is64(op), RDX, b); /* b + 1 is 0 or 1 */
    x86_alu(&g->c, is64(op), ALU_ADD, opnd_reg(RDX), opnd_imm(1));
    x86_alu(&g->c, is64(op), ALU_CMP, opnd_reg(RDX), opnd_imm(1));
    return x86_jcc(&g->c, CC_BE);
}

static void divide(struct gen *g, const struct ir_op *op, bool is_signed, unsigned result)
{
    struct x86_code *c = &g->c;
    ra_fixed(g, RAX, op->arg[0]);
    ra_take(g, RDX);
    struct opnd b = ra_rm(g, op->arg[1]);
    uint8_t *bad = divide_check(g, op, b, is_signed);
    if (is_signed)
        x86_cqo(c, is64(op));
    else
        x86_zero(c, RDX);
    x86_unary(c, is64(op), is_signed ? UN_IDIV : UN_DIV, b);
    if (bad) {
        struct cold *k = cold_new(g, cold_divide, bad);
        k->a = opnd_reg(RAX);
        k->b = b;
        k->d = result;
        k->back = c->p;
    }
    ra_def_fixed(g, result);
}

static void rule_divs(struct gen *g, const struct ir_op *op)
{
    divide(g, op, true, RAX);
}

static void rule_divu(struct gen *g, const struct ir_op *op)
{
    divide(g, op, false, RAX);
}

static void rule_rems(struct gen *g, const struct ir_op *op)
{
    divide(g, op, true, RDX);
}

static void rule_remu(struct gen *g, const struct ir_op *op)
{
    divide(g, op, false, RDX);
}

/* --- shifts --- */
static void shift_const(struct gen *g, const struct ir_op *op, enum x86_shift sh, unsigned n)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    bool w = is64(op);
    if (sh <= SH_ROR && g->rt->has.bmi2 && !opnd_is_reg(a, d)) {
        x86_rorx(&g->c, w, d, a, sh == SH_ROR ? n : -n & (w ? 63 : 31));
        return;
    }
    if (sh == SH_SHL && n >= 1 && n <= 3 && a.kind == OPND_REG && a.reg != d) {
        if (n == 1)
            x86_lea(&g->c, w, d, opnd_sib(a.reg, a.reg, 0, 0));
        else
            x86_lea(&g->c, w, d, opnd_sib(NO_REG, a.reg, n, 0));
        return;
    }
    mov_to(g, w, d, a);
    if (n)
        x86_shift_imm(&g->c, w, sh, opnd_reg(d), n);
}

static void shift(struct gen *g, const struct ir_op *op, enum x86_shift sh)
{
    uint64_t n;
    if (const_of(g, op->arg[1], &n)) {
        shift_const(g, op, sh, n & (is64(op) ? 63 : 31));
    } else if (sh >= SH_SHL && g->rt->has.bmi2) {
        struct opnd a = ra_rm(g, op->arg[0]);
        unsigned count = ra_use(g, op->arg[1]);
        x86_shiftx(&g->c, is64(op), sh, ra_def(g, 0), a, count);
    } else {
        ra_fixed(g, RCX, op->arg[1]);
        struct opnd a = ra_rm(g, op->arg[0]);
        unsigned d = ra_def(g, REG_BIT(RCX));
        mov_to(g, is64(op), d, a);
        x86_shift_cl(&g->c, is64(op), sh, d);
    }
}

static void rule_shl(struct gen *g, const struct ir_op *op)
{
    shift(g, op, SH_SHL);
}

static void rule_shr(struct gen *g, const struct ir_op *op)
{
    shift(g, op, SH_SHR);
}

static void rule_sar(struct gen *g, const struct ir_op *op)
{
    shift(g, op, SH_SAR);
}

static void rule_rotl(struct gen *g, const struct ir_op *op)
{
    shift(g, op, SH_ROL);
}

static void rule_rotr(struct gen *g, const struct ir_op *op)
{
    shift(g, op, SH_ROR);
}

/* --- bits --- */
/* BSR and BSF leave the destination alone (AMD) or undefined (Intel) for zero: choose the width
 * then. */
static void scan(struct gen *g, const struct ir_op *op, bool leading)
{
    struct x86_code *c = &g->c;
    bool w = is64(op);
    unsigned a = ra_use(g, op->arg[0]), t = ra_temp(g);
    unsigned d = ra_def(g, REG_BIT(a));
    x86_op(c, (leading ? 0xbd : 0xbc) | X_0F | x86_w(w), d, opnd_reg(a));
    x86_mov_imm(c, t, leading ? (w ? 127 : 63) : w ? 64 : 32);
    x86_cmov(c, w, CC_E, d, opnd_reg(t));
    if (leading) /* width - 1 - index; 2 * width - 1 gives the width */
        x86_alu(c, w, ALU_XOR, opnd_reg(d), opnd_imm(w ? 63 : 31));
}

static void rule_clz(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.lzcnt) {
        scan(g, op, true);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]);
    x86_op(&g->c, 0xbd | X_0F | X_F3 | x86_w(is64(op)), ra_def(g, 0), a);
}

static void rule_ctz(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.bmi1) {
        scan(g, op, false);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]);
    x86_op(&g->c, 0xbc | X_0F | X_F3 | x86_w(is64(op)), ra_def(g, 0), a);
}

/* d op= a 64-bit pattern, cut to the width. */
static void and_pattern(struct gen *g, bool w, unsigned d, unsigned t, uint64_t pattern)
{
    x86_mov_imm(&g->c, t, w ? pattern : (uint32_t)pattern);
    x86_alu(&g->c, w, ALU_AND, opnd_reg(d), opnd_reg(t));
}

/* Sums of bits in ever wider fields.  Ref: Warren, Hacker's Delight, 5-1. */
static void popcnt_sums(struct gen *g, const struct ir_op *op)
{
    struct x86_code *c = &g->c;
    bool w = is64(op);
    unsigned a = ra_use(g, op->arg[0]), u = ra_temp(g), t = ra_temp(g);
    unsigned d = ra_def(g, REG_BIT(a));
    x86_mov(c, w, u, opnd_reg(a));
    x86_shift_imm(c, w, SH_SHR, opnd_reg(u), 1);
    and_pattern(g, w, u, t, UINT64_C(0x5555555555555555));
    x86_mov(c, w, d, opnd_reg(a));
    x86_alu(c, w, ALU_SUB, opnd_reg(d), opnd_reg(u));
    x86_mov(c, w, u, opnd_reg(d));
    x86_shift_imm(c, w, SH_SHR, opnd_reg(u), 2);
    and_pattern(g, w, u, t, UINT64_C(0x3333333333333333));
    x86_alu(c, w, ALU_AND, opnd_reg(d), opnd_reg(t));
    x86_alu(c, w, ALU_ADD, opnd_reg(d), opnd_reg(u));
    x86_mov(c, w, u, opnd_reg(d));
    x86_shift_imm(c, w, SH_SHR, opnd_reg(u), 4);
    x86_alu(c, w, ALU_ADD, opnd_reg(d), opnd_reg(u));
    and_pattern(g, w, d, t, UINT64_C(0x0f0f0f0f0f0f0f0f));
    x86_mov_imm(c, t, w ? UINT64_C(0x0101010101010101) : UINT64_C(0x01010101));
    x86_imul(c, w, d, opnd_reg(t));
    x86_shift_imm(c, w, SH_SHR, opnd_reg(d), w ? 56 : 24);
}

static void rule_popcnt(struct gen *g, const struct ir_op *op)
{
    if (!g->rt->has.popcnt) {
        popcnt_sums(g, op);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]);
    x86_op(&g->c, 0xb8 | X_0F | X_F3 | x86_w(is64(op)), ra_def(g, 0), a);
}

static void rule_bswap(struct gen *g, const struct ir_op *op)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    mov_to(g, is64(op), d, a);
    x86_bswap(&g->c, is64(op), d);
}

/* --- widths --- */
static void extend(struct gen *g, const struct ir_op *op, unsigned size_log2, bool sign)
{
    struct opnd a = ra_rm(g, op->arg[0]);
    x86_load(&g->c, size_log2, sign, is64(op), ra_def(g, 0), a);
}

static void rule_sext8(struct gen *g, const struct ir_op *op)
{
    extend(g, op, 0, true);
}

static void rule_sext16(struct gen *g, const struct ir_op *op)
{
    extend(g, op, 1, true);
}

static void rule_zext8(struct gen *g, const struct ir_op *op)
{
    extend(g, op, 0, false);
}

static void rule_zext16(struct gen *g, const struct ir_op *op)
{
    extend(g, op, 1, false);
}

static void rule_sext32(struct gen *g, const struct ir_op *op)
{
    extend(g, op, 2, true);
}

/* Made by a 32-bit instruction, which clears the upper half of its register. */
bool value_is_clean(const struct gen *g, ir_val v)
{
    static const bool clean[OP_COUNT] = {
        [OP_add] = true,     [OP_sub] = true,    [OP_and] = true,     [OP_or] = true,
        [OP_xor] = true,     [OP_shl] = true,    [OP_shr] = true,     [OP_sar] = true,
        [OP_mul] = true,     [OP_rotl] = true,   [OP_ld] = true,      [OP_env_ld] = true,
        [OP_setcond] = true, [OP_select] = true, [OP_zext8] = true,   [OP_zext16] = true,
        [OP_sext8] = true,   [OP_sext16] = true, [OP_extract] = true, [OP_not] = true,
        [OP_neg] = true,
    };
    return !ir_val_is_const(v) && g->ir->ops[v.id].type == I32 && clean[g->ir->ops[v.id].opc];
}

static void rule_zext32(struct gen *g, const struct ir_op *op)
{
    if (!value_is_clean(g, op->arg[0])) {
        extend(g, op, 2, false);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (!opnd_is_reg(a, d))
        x86_mov(&g->c, false, d, a);
}

/* The value of a trunc is its argument's register; only a constant's has to be made. */
static void rule_trunc(struct gen *g, const struct ir_op *op)
{
    uint64_t c;
    if (const_of(g, op->arg[0], &c))
        x86_mov_imm(&g->c, ra_def(g, 0), (uint32_t)c);
}

static void extract(struct gen *g, const struct ir_op *op, bool sign)
{
    struct x86_code *c = &g->c;
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff, width = is64(op) ? 64 : 32;
    bool w = is64(op);
    struct opnd a = ra_rm(g, op->arg[0]);
    unsigned d = ra_def(g, 0);
    if (lsb == 0 && (len == 8 || len == 16 || len == 32)) {
        x86_load(c, len == 8 ? 0 : len == 16 ? 1 : 2, sign, w, d, a);
        return;
    }
    if (!sign && lsb && lsb % 8 == 0 && a.kind == OPND_MEM && (len == 8 || len == 16)) {
        a.disp += lsb / 8;
        x86_load(c, len == 8 ? 0 : 1, false, false, d, a);
        return;
    }
    mov_to(g, w, d, a);
    if (!sign && len < 32) {
        if (lsb)
            x86_shift_imm(c, w, SH_SHR, opnd_reg(d), lsb);
        if (lsb + len < width)
            x86_alu(c, false, ALU_AND, opnd_reg(d), opnd_imm(MASK64(0, len)));
        return;
    }
    if (lsb + len < width)
        x86_shift_imm(c, w, SH_SHL, opnd_reg(d), width - lsb - len);
    if (len < width)
        x86_shift_imm(c, w, sign ? SH_SAR : SH_SHR, opnd_reg(d), width - len);
}

static void rule_extract(struct gen *g, const struct ir_op *op)
{
    extract(g, op, false);
}

static void rule_sextract(struct gen *g, const struct ir_op *op)
{
    extract(g, op, true);
}

/* Fields that are a register's part, or become one by rotation. */
static void deposit_part(struct gen *g, const struct ir_op *op, unsigned lsb, unsigned len)
{
    struct x86_code *c = &g->c;
    bool w = is64(op);
    struct opnd a = ra_rm(g, op->arg[0]), b = ra_rm(g, op->arg[1]);
    unsigned d = ra_def(g, opnd_bit(b) & ~opnd_bit(a));
    if (lsb && opnd_is_reg(b, d)) { /* of itself */
        unsigned t = ra_temp(g);
        x86_mov(c, w, t, b);
        b = opnd_reg(t);
    }
    mov_to(g, w, d, a);
    if (lsb)
        x86_shift_imm(c, w, SH_ROR, opnd_reg(d), lsb);
    x86_op(c, len == 8 ? 0x8a | X_B8REG | X_B8RM : 0x8b | X_66, d, b);
    if (lsb)
        x86_shift_imm(c, w, SH_ROL, opnd_reg(d), lsb);
}

/* d = (a without the field) | (b's low bits in the field), through a temporary. */
static void rule_deposit(struct gen *g, const struct ir_op *op)
{
    struct x86_code *c = &g->c;
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff, width = is64(op) ? 64 : 32;
    bool w = is64(op);
    if (len == 8 || (len == 16 && !lsb)) {
        deposit_part(g, op, lsb, len);
        return;
    }
    struct opnd a = ra_rm(g, op->arg[0]), b = ra_rm(g, op->arg[1]);
    unsigned t = ra_temp(g), u = ra_temp(g);
    unsigned d = ra_def(g, 0);
    x86_mov(c, w, t, b);
    if (len < width)
        x86_shift_imm(c, w, SH_SHL, opnd_reg(t), width - len);
    if (width - len - lsb)
        x86_shift_imm(c, w, SH_SHR, opnd_reg(t), width - len - lsb);
    mov_to(g, w, d, a);
    if (len == width) {
        x86_mov(c, w, d, opnd_reg(t));
        return;
    }
    x86_mov_imm(c, u, ir_truncate(op->type, ~MASK64(lsb, len)));
    x86_alu(c, w, ALU_AND, opnd_reg(d), opnd_reg(u));
    x86_alu(c, w, ALU_OR, opnd_reg(d), opnd_reg(t));
}

/* --- conditions --- */
enum x86_cc x86_cc_of(enum ir_cc cc)
{
    static const uint8_t map[] = {
        [IR_EQ] = CC_E, [IR_NE] = CC_NE, [IR_LT] = CC_L,   [IR_GE] = CC_GE,  [IR_LE] = CC_LE,
        [IR_GT] = CC_G, [IR_LTU] = CC_B, [IR_GEU] = CC_AE, [IR_LEU] = CC_BE, [IR_GTU] = CC_A};
    return map[cc];
}

/* Of bits that only this comparison wants, see fuse_test(). */
static bool prepare_test(struct gen *g, struct cmp *k, ir_val a)
{
    uint64_t mask;
    if (ir_val_is_const(a) || !g->val[a.id].fused || !tests_bits(g, &g->ir->ops[a.id], &mask))
        return false;
    k->b = opnd_imm((int32_t)mask);
    k->a = ra_rm(g, g->ir->ops[a.id].arg[0]);
    return true;
}

void cmp_prepare(struct gen *g, struct cmp *k, ir_val a, ir_val b, enum ir_cc cc)
{
    if (ir_val_is_const(a) && !ir_val_is_const(b)) {
        swap_vals(&a, &b);
        cc = ir_cc_swap(cc);
    }
    const uint8_t *before = g->c.p;
    enum x86_cc known_cc = CC_O;
    bool is_known = flags_are_known(g, a, b, cc, &known_cc);
    k->ready = false;
    k->w = ir_type_of(g->ir, a) == I64;
    k->cc = x86_cc_of(cc);
    k->has_flags = false;
    k->is_test = prepare_test(g, k, a);
    if (k->is_test) {
        k->has_flags = packed_flags_are_known(g, g->ir->ops[a.id].arg[0], (uint32_t)k->b.disp, cc,
                                              &known_cc) &&
                       g->c.p == before;
        k->flags_cc = known_cc;
        return;
    }
    k->b = ra_rmi(g, b);
    if (k->b.kind == OPND_MEM)
        k->a = opnd_reg(ra_use(g, a));
    else
        k->a = ra_rm(g, a);
    k->has_flags = is_known && g->c.p == before;
    k->flags_cc = known_cc;
}

bool cmp_is_ready(const struct gen *g, const struct cmp *k)
{
    return !k->is_test && is_zero(k->b) && k->a.kind == OPND_REG &&
           (k->cc == CC_E || k->cc == CC_NE) && g->zero_at == g->c.p && g->zero_reg == k->a.reg &&
           g->zero_wide == k->w;
}

void cmp_emit(struct gen *g, const struct cmp *k)
{
    if (k->ready)
        return;
    if (k->is_test)
        x86_test_imm(&g->c, k->a, (uint32_t)k->b.disp);
    else if (is_zero(k->b) && k->a.kind == OPND_REG)
        x86_test(&g->c, k->w, k->a.reg, k->a.reg);
    else
        x86_alu(&g->c, k->w, ALU_CMP, k->a, k->b);
}

static void rule_setcond(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    unsigned d = ra_def(g, 0);
    bool in_use = (opnd_bit(k.a) | opnd_bit(k.b)) >> d & 1;
    if (!in_use)
        x86_zero(&g->c, d);
    cmp_emit(g, &k);
    x86_setcc(&g->c, k.cc, d);
    if (in_use)
        x86_load(&g->c, 0, false, false, d, opnd_reg(d));
}

static void select_fp(struct gen *g, const struct ir_op *op, struct cmp *k)
{
    unsigned yes = ra_use(g, op->arg[2]), no = ra_use(g, op->arg[3]);
    unsigned d = ra_def(g, REG_BIT(yes) & ~REG_BIT(no));
    cmp_emit(g, k);
    ra_move(g, d, no);
    uint8_t *skip = x86_jcc(&g->c, cc_invert(k->cc));
    ra_move(g, d, yes);
    x86_link(skip, g->c.p);
}

/* The moves between compare and CMOV keep the flags; constants are in registers before. */
static void rule_select(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    if (type_is_fp(op->type)) {
        select_fp(g, op, &k);
        return;
    }
    struct opnd yes = ra_rmi(g, op->arg[2]), no = ra_rmi(g, op->arg[3]);
    if (yes.kind == OPND_IMM || (yes.kind == OPND_REG && ra_likes(g, yes.reg))) {
        swap_opnds(&yes, &no);
        k.cc = cc_invert(k.cc);
    }
    if (yes.kind == OPND_IMM) { /* both are constants */
        unsigned t = ra_temp(g);
        x86_mov(&g->c, is64(op), t, yes);
        yes = opnd_reg(t);
    }
    unsigned d = ra_def(g, opnd_bit(yes) & ~opnd_bit(no));
    cmp_emit(g, &k);
    mov_to(g, is64(op), d, no);
    x86_cmov(&g->c, is64(op), k.cc, d, yes);
}

const rule_fn rules_int[OP_COUNT] = {
    [OP_add] = rule_add,         [OP_sub] = rule_sub,         [OP_mul] = rule_mul,
    [OP_mulhu] = rule_mulhu,     [OP_mulhs] = rule_mulhs,     [OP_divs] = rule_divs,
    [OP_divu] = rule_divu,       [OP_rems] = rule_rems,       [OP_remu] = rule_remu,
    [OP_and] = rule_and,         [OP_or] = rule_or,           [OP_xor] = rule_xor,
    [OP_andn] = rule_andn,       [OP_not] = rule_not,         [OP_neg] = rule_neg,
    [OP_shl] = rule_shl,         [OP_shr] = rule_shr,         [OP_sar] = rule_sar,
    [OP_rotl] = rule_rotl,       [OP_rotr] = rule_rotr,       [OP_clz] = rule_clz,
    [OP_ctz] = rule_ctz,         [OP_popcnt] = rule_popcnt,   [OP_bswap] = rule_bswap,
    [OP_sext8] = rule_sext8,     [OP_sext16] = rule_sext16,   [OP_zext8] = rule_zext8,
    [OP_zext16] = rule_zext16,   [OP_sext32] = rule_sext32,   [OP_zext32] = rule_zext32,
    [OP_trunc] = rule_trunc,     [OP_extract] = rule_extract, [OP_sextract] = rule_sextract,
    [OP_deposit] = rule_deposit, [OP_setcond] = rule_setcond, [OP_select] = rule_select,
};
