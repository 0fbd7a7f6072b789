/* Packed flags: of LAHF and SETO. */
#include "tcg/x86_64/gen_priv.h"

static bool is_zero(struct opnd o)
{
    return o.kind == OPND_IMM && o.disp == 0;
}

/* --- four, with an inverted carry --- */
/* From the flags to EAX, all other bits zero. */
static void flags_to_rax(struct gen *g)
{
    x86_lahf(&g->c);
    x86_setcc(&g->c, CC_O, RAX);
    x86_alu(&g->c, false, ALU_AND, opnd_reg(RAX),
            opnd_imm(IR_FLAG_N | IR_FLAG_Z | IR_FLAG_NOT_C | IR_FLAG_V));
}

static void pack_flags(struct gen *g)
{
    flags_to_rax(g);
    ra_def_fixed(g, RAX);
}

static bool args_are_64(const struct gen *g, const struct ir_op *op)
{
    return ir_type_of(g->ir, op->arg[0]) == I64;
}

static void rule_flags_sub(struct gen *g, const struct ir_op *op)
{
    bool w = args_are_64(g, op);
    ra_take(g, RAX);
    struct opnd b = ra_rmi(g, op->arg[1]);
    unsigned a = ra_use(g, op->arg[0]);
    if (is_zero(b))
        x86_test(&g->c, w, a, a);
    else
        x86_alu(&g->c, w, ALU_CMP, opnd_reg(a), b);
    pack_flags(g);
}

static void rule_flags_add(struct gen *g, const struct ir_op *op)
{
    bool w = args_are_64(g, op);
    ra_take(g, RAX);
    struct opnd b = ra_rmi(g, op->arg[1]), a = ra_rm(g, op->arg[0]);
    if (is_zero(b) && a.kind == OPND_REG) { /* a logical result */
        x86_test(&g->c, w, a.reg, a.reg);
        x86_carry(&g->c, CARRY_SET);
    } else {
        x86_mov(&g->c, w, RAX, a);
        x86_alu(&g->c, w, ALU_ADD, opnd_reg(RAX), b);
        x86_carry(&g->c, CARRY_INVERT);
    }
    pack_flags(g);
}

/* The carry in comes of 0 - c. */
static void rule_flags_adc(struct gen *g, const struct ir_op *op)
{
    bool w = args_are_64(g, op);
    ra_take(g, RAX);
    struct opnd b = ra_rmi(g, op->arg[1]), a = ra_rm(g, op->arg[0]), in = ra_rmi(g, op->arg[2]);
    unsigned t = ra_temp(g);
    x86_mov(&g->c, false, t, in);
    x86_unary(&g->c, false, UN_NEG, opnd_reg(t));
    x86_mov(&g->c, w, RAX, a);
    x86_alu(&g->c, w, ALU_ADC, opnd_reg(RAX), b);
    x86_carry(&g->c, CARRY_INVERT);
    pack_flags(g);
}

/* --- six, as the guest's own x86 --- */

/* What follows wants no comparison of its own: the flags stay, through moves to slots, too. */
bool flags_are_known(const struct gen *g, ir_val a, ir_val b, enum ir_cc cc, enum x86_cc *host_cc)
{
    static const uint8_t of_result[] = {
        [IR_EQ] = CC_E, [IR_NE] = CC_NE, [IR_LT] = CC_S, [IR_GE] = CC_NS};
    uint64_t zero;
    if (g->known.at != g->c.p || g->known.a.id != a.id)
        return false;
    if (!g->known.is_result) {
        *host_cc = x86_cc_of(cc);
        return g->known.b.id == b.id;
    }
    bool is_test = ir_is_const(g->ir, b, &zero) && !zero && cc <= IR_GE;
    *host_cc = is_test ? of_result[cc] : CC_O;
    return is_test;
}

bool packed_flags_are_known(const struct gen *g, ir_val packed, uint32_t bits, enum ir_cc cc,
                            enum x86_cc *host_cc)
{
    if (g->known.at != g->c.p || g->known.packed.id != packed.id)
        return false;
    switch (bits) {
    case IR_EFLAG_O: *host_cc = CC_O; break;
    case IR_EFLAG_C: *host_cc = CC_B; break;
    case IR_EFLAG_P: *host_cc = CC_P; break;
    case IR_EFLAG_Z: *host_cc = CC_E; break;
    case IR_EFLAG_S: *host_cc = CC_S; break;
    case IR_EFLAG_C | IR_EFLAG_Z: *host_cc = CC_BE; break;
    default: return false;
    }
    if (cc == IR_EQ)
        *host_cc = cc_invert(*host_cc);
    return cc == IR_EQ || cc == IR_NE;
}

static bool adds(const struct ir_op *op, ir_val v)
{
    return op->opc == OP_add && (op->arg[0].id == v.id || op->arg[1].id == v.id);
}

/* Whether op's flags are what the addition (and so on) before it left. */
static bool is_of_result(const struct gen *g, const struct ir_op *op)
{
    const struct ir_op *made = &g->ir->ops[op->arg[0].id];
    unsigned whole = made->type == I64 ? 3 : 2;
    if (op->attr != whole)
        return false;
    switch (op->opc) {
    case OP_eflags_sum: return adds(made, op->arg[1]);
    case OP_eflags_diff: return made->opc == OP_sub && made->arg[1].id == op->arg[1].id;
    case OP_eflags_logic: return made->opc == OP_and || made->opc == OP_or || made->opc == OP_xor;
    }
    return false;
}

bool flags_are_wanted(const struct gen *g)
{
    uint32_t next = g->cur + 1;
    while (next < g->ir->nops && g->ir->ops[next].opc == OP_nop)
        next++;
    if (next >= g->ir->nops)
        return false;
    const struct ir_op *op = &g->ir->ops[next];
    return ir_opc_is_eflags(op->opc) && op->arg[0].id == g->cur && is_of_result(g, op);
}

/* From the host's flags to EAX; they stay. */
static void eflags_to_rax(struct gen *g)
{
    x86_lahf(&g->c);
    x86_setcc(&g->c, CC_O, RAX);
    x86_load(&g->c, 1, false, false, RAX, opnd_reg(RAX));
}

void pack_eflags(struct gen *g, ir_val a, ir_val b, bool is_result)
{
    eflags_to_rax(g);
    ra_def_fixed(g, RAX);
    g->known = (struct known_flags){
        .at = g->c.p, .a = a, .b = b, .packed = {g->cur}, .is_result = is_result};
}

/* Those of an addition, subtraction or logical operation whose flags are still there. */
static bool pack_result(struct gen *g, const struct ir_op *op)
{
    if (g->known.at != g->c.p || !g->known.is_result || g->known.a.id != op->arg[0].id ||
        !is_of_result(g, op))
        return false;
    ra_take(g, RAX); /* by moves */
    pack_eflags(g, op->arg[0], IR_NONE, true);
    return true;
}

/* The other form of an opcode for bytes is the one below it. */
static uint32_t sized(uint32_t op, unsigned size)
{
    if (size == 0)
        return (op - 1) | X_B8REG | X_B8RM;
    return op | (size == 1 ? X_66 : size == 3 ? X_W : 0);
}

/* d op= s on 1 << size bytes; s may be an immediate. */
static void alu_sized(struct gen *g, unsigned size, enum x86_alu alu, struct opnd d, struct opnd s)
{
    if (s.kind != OPND_IMM)
        x86_op(&g->c, sized(alu << 3 | 3, size), d.reg, s);
    else if (size >= 2)
        x86_alu(&g->c, size == 3, alu, d, s);
    else if (size == 0)
        x86_op_imm8(&g->c, 0x80 | X_B8RM, alu, d, s.disp);
    else
        x86_op_imm8(&g->c, 0x83 | X_66, alu, d, s.disp);
}

/* An operand of alu_sized(): no 16-bit immediates, whose prefix makes decoders stumble. */
static struct opnd eflags_opnd(struct gen *g, ir_val v, unsigned size)
{
    int32_t imm;
    bool small = !ra_imm32(g, v, &imm) || size != 1 || imm == (int8_t)imm;
    return small ? ra_rmi(g, v) : opnd_reg(ra_use(g, v));
}

static void test_sized(struct gen *g, unsigned size, unsigned r)
{
    x86_op(&g->c, sized(0x85, size), r, opnd_reg(r));
}

/* All bytes of the operands count. */
static bool whole(const struct gen *g, const struct ir_op *op)
{
    return op->attr == (ir_type_of(g->ir, op->arg[0]) == I64 ? 3 : 2);
}

static void rule_eflags_sub(struct gen *g, const struct ir_op *op)
{
    ra_take(g, RAX);
    struct opnd b = eflags_opnd(g, op->arg[1], op->attr);
    unsigned a = ra_use(g, op->arg[0]);
    alu_sized(g, op->attr, ALU_CMP, opnd_reg(a), b);
    pack_eflags(g, whole(g, op) ? op->arg[0] : IR_NONE, op->arg[1], false);
}

static void rule_eflags_add(struct gen *g, const struct ir_op *op)
{
    ra_take(g, RAX);
    struct opnd b = eflags_opnd(g, op->arg[1], op->attr), a = ra_rmi(g, op->arg[0]);
    x86_mov(&g->c, op->attr == 3, RAX, a);
    alu_sized(g, op->attr, ALU_ADD, opnd_reg(RAX), b);
    pack_eflags(g, IR_NONE, IR_NONE, false);
}

/* The operation once more, where it was not just before. */
static void redo(struct gen *g, const struct ir_op *op, enum x86_alu undo, enum x86_alu alu)
{
    if (pack_result(g, op))
        return;
    ra_take(g, RAX);
    struct opnd b = eflags_opnd(g, op->arg[1], op->attr), a = ra_rmi(g, op->arg[0]);
    x86_mov(&g->c, op->attr == 3, RAX, a);
    alu_sized(g, op->attr, undo, opnd_reg(RAX), b);
    alu_sized(g, op->attr, alu, opnd_reg(RAX), b);
    pack_eflags(g, IR_NONE, IR_NONE, false);
}

static void rule_eflags_sum(struct gen *g, const struct ir_op *op)
{
    redo(g, op, ALU_SUB, ALU_ADD);
}

static void rule_eflags_diff(struct gen *g, const struct ir_op *op)
{
    redo(g, op, ALU_ADD, ALU_SUB);
}

/* The carry in comes of 0 - c. */
static void with_carry(struct gen *g, const struct ir_op *op, enum x86_alu alu)
{
    ra_take(g, RAX);
    struct opnd b = eflags_opnd(g, op->arg[1], op->attr), a = ra_rmi(g, op->arg[0]);
    struct opnd in = ra_rmi(g, op->arg[2]);
    unsigned t = ra_temp(g);
    x86_mov(&g->c, false, t, in);
    x86_mov(&g->c, op->attr == 3, RAX, a);
    x86_unary(&g->c, false, UN_NEG, opnd_reg(t));
    alu_sized(g, op->attr, alu, opnd_reg(RAX), b);
    pack_eflags(g, IR_NONE, IR_NONE, false);
}

static void rule_eflags_adc(struct gen *g, const struct ir_op *op)
{
    with_carry(g, op, ALU_ADC);
}

static void rule_eflags_sbb(struct gen *g, const struct ir_op *op)
{
    with_carry(g, op, ALU_SBB);
}

static void rule_eflags_logic(struct gen *g, const struct ir_op *op)
{
    if (pack_result(g, op))
        return;
    ra_take(g, RAX);
    test_sized(g, op->attr, ra_use(g, op->arg[0]));
    pack_eflags(g, whole(g, op) ? op->arg[0] : IR_NONE, IR_NONE, true);
}

static enum x86_shift shift_of(unsigned opc)
{
    return opc == OP_eflags_shl ? SH_SHL : opc == OP_eflags_shr ? SH_SHR : SH_SAR;
}

/* The flags of the host, with the auxiliary carry, which hosts do not agree on, set. */
static void pack_shifted(struct gen *g)
{
    x86_lahf(&g->c);
    x86_setcc(&g->c, CC_O, RAX);
    x86_alu(&g->c, false, ALU_AND, opnd_reg(RAX), opnd_imm((IR_EFLAGS | IR_EFLAG_1) & ~IR_EFLAG_A));
    x86_alu(&g->c, false, ALU_OR, opnd_reg(RAX), opnd_imm(IR_EFLAG_A));
}

static void shift_by_one(struct gen *g, unsigned size, enum x86_shift sh)
{
    x86_op(&g->c, sized(0xd1, size) & ~X_B8REG, sh, opnd_reg(RAX));
}

/* The flags of RAX shifted by n, which is not 0, in EAX.  Of other steps than one hosts do not
 * agree on O, nor, beyond the operand's width, on C. */
static void shift_rax(struct gen *g, unsigned size, enum x86_shift sh, unsigned n)
{
    if (n > 1)
        x86_op_imm8(&g->c, sized(0xc1, size) & ~X_B8REG, sh, opnd_reg(RAX), n - 1);
    shift_by_one(g, size, sh);
    pack_shifted(g);
}

static unsigned masked_count(const struct ir_op *op, uint64_t n)
{
    return n & (op->attr == 3 ? 63 : 31);
}

/* The same by CL, which stays. */
static void shift_rax_cl(struct gen *g, unsigned size, enum x86_shift sh)
{
    x86_alu(&g->c, false, ALU_SUB, opnd_reg(RCX), opnd_imm(1));
    x86_op(&g->c, sized(0xd3, size) & ~X_B8REG, sh, opnd_reg(RAX));
    shift_by_one(g, size, sh);
    pack_shifted(g);
    x86_alu(&g->c, false, ALU_ADD, opnd_reg(RCX), opnd_imm(1));
}

static void rule_eflags_shift_cl(struct gen *g, const struct ir_op *op)
{
    ra_fixed(g, RCX, op->arg[1]);
    ra_take(g, RAX);
    struct opnd a = ra_rmi(g, op->arg[0]), none = ra_rm(g, op->arg[2]);
    x86_mov(&g->c, op->attr == 3, RAX, a);
    shift_rax_cl(g, op->attr, shift_of(op->opc));
    x86_test_imm(&g->c, opnd_reg(RCX), op->attr == 3 ? 63 : 31);
    x86_cmov(&g->c, false, CC_E, RAX, none);
    ra_def_fixed(g, RAX);
}

static void rule_eflags_shift(struct gen *g, const struct ir_op *op)
{
    uint64_t n;
    if (!ir_is_const(g->ir, op->arg[1], &n)) {
        rule_eflags_shift_cl(g, op);
        return;
    }
    n = masked_count(op, n);
    ra_take(g, RAX);
    struct opnd a = ra_rmi(g, op->arg[n ? 0 : 2]);
    x86_mov(&g->c, n && op->attr == 3, RAX, a);
    if (n)
        shift_rax(g, op->attr, shift_of(op->opc), n);
    ra_def_fixed(g, RAX);
}

/* --- some of them --- */

/* C and O of the host's carry. */
static void spread_carry(struct gen *g)
{
    x86_alu(&g->c, false, ALU_SBB, opnd_reg(RAX), opnd_reg(RAX));
    x86_alu(&g->c, false, ALU_AND, opnd_reg(RAX), opnd_imm(IR_EFLAG_C | IR_EFLAG_O));
}

static void multiply_rax(struct gen *g, unsigned size, struct opnd b)
{
    if (size == 0)
        x86_op(&g->c, 0xf6 | X_B8RM, UN_IMUL, b);
    else if (b.kind == OPND_IMM)
        x86_imul_imm(&g->c, size == 3, RAX, opnd_reg(RAX), b.disp);
    else
        x86_op(&g->c, sized(0xaf | X_0F, size), RAX, b);
}

/* The flags that op has of its own, of RAX (and b), in EAX; all other bits zero. */
static void some_flags_of_rax(struct gen *g, const struct ir_op *op, struct opnd b)
{
    struct x86_code *c = &g->c;
    struct opnd rax = opnd_reg(RAX);
    unsigned size = op->attr, rotate = sized(0xd1, size) & ~X_B8REG,
             step = sized(0xff, size) & ~X_B8REG;
    bool to_left = op->opc == OP_eflags_rotl, is_inc = op->opc == OP_eflags_inc;
    switch (op->opc) {
    case OP_eflags_inc:
    case OP_eflags_dec:
        x86_op(c, step, is_inc, rax);
        x86_op(c, step, !is_inc, rax);
        break;
    case OP_eflags_rotl:
    case OP_eflags_rotr:
        x86_op(c, rotate, to_left ? SH_ROR : SH_ROL, rax);
        x86_op(c, rotate, to_left ? SH_ROL : SH_ROR, rax);
        break;
    case OP_eflags_bit:
        x86_alu(c, false, ALU_AND, rax, opnd_imm(1));
        x86_shift_imm(c, false, SH_SHL, rax, 8);
        return;
    case OP_eflags_wide:
        x86_op(c, sized(0xf7, size) & ~X_B8REG, UN_NEG, rax);
        spread_carry(g);
        return;
    default:
        multiply_rax(g, size, b);
        spread_carry(g);
        return;
    }
    x86_lahf(c);
    x86_setcc(c, CC_O, RAX);
    x86_alu(c, false, ALU_AND, rax, opnd_imm((int32_t)(~ir_eflags_kept(op->opc) & 0xffff)));
}

static void rule_some_eflags(struct gen *g, const struct ir_op *op)
{
    ra_take(g, RAX);
    struct opnd a = ra_rmi(g, op->arg[0]), base = ra_rmi(g, ir_eflags_base(op)), b = opnd_imm(0);
    if (op->opc == OP_eflags_imul)
        b = op->attr < 2 ? opnd_reg(ra_use(g, op->arg[1])) : ra_rmi(g, op->arg[1]);
    unsigned t = ra_temp(g);
    x86_mov(&g->c, false, t, base);
    x86_alu(&g->c, false, ALU_AND, opnd_reg(t), opnd_imm((int32_t)ir_eflags_kept(op->opc)));
    x86_mov(&g->c, op->attr == 3, RAX, a);
    some_flags_of_rax(g, op, b);
    x86_alu(&g->c, false, ALU_OR, opnd_reg(RAX), opnd_reg(t));
    ra_def_fixed(g, RAX);
}

/* --- on a way out --- */

static void carry_in(struct gen *g, struct opnd in)
{
    if (in.kind == OPND_IMM)
        x86_carry(&g->c, in.disp & 1 ? CARRY_SET : CARRY_CLEAR);
    else
        x86_op_imm8(&g->c, 0xba | X_0F, 4, in, 0); /* bt in, 0 */
}

static void eflags_of_rax(struct gen *g, const struct ir_op *op, struct opnd b, struct opnd in)
{
    struct opnd a = opnd_reg(RAX);
    if (op->opc == OP_eflags_logic)
        test_sized(g, op->attr, RAX);
    if (op->opc == OP_eflags_adc || op->opc == OP_eflags_sbb) {
        carry_in(g, in);
        alu_sized(g, op->attr, op->opc == OP_eflags_adc ? ALU_ADC : ALU_SBB, a, b);
    }
    if (op->opc == OP_eflags_sum)
        alu_sized(g, op->attr, ALU_SUB, a, b);
    if (op->opc == OP_eflags_diff || op->opc == OP_eflags_add)
        alu_sized(g, op->attr, ALU_ADD, a, b);
    if (op->opc == OP_eflags_sum)
        alu_sized(g, op->attr, ALU_ADD, a, b);
    if (op->opc == OP_eflags_diff || op->opc == OP_eflags_sub)
        alu_sized(g, op->attr, ALU_SUB, a, b);
    eflags_to_rax(g);
}

/* Those of RAX shifted by CL, unless that is by 0. */
static void shift_home(struct gen *g, const struct ir_op *op, struct opnd home)
{
    x86_test_imm(&g->c, opnd_reg(RCX), op->attr == 3 ? 63 : 31);
    uint8_t *none = x86_jcc(&g->c, CC_E);
    shift_rax_cl(g, op->attr, shift_of(op->opc));
    x86_store(&g->c, 2, home, RAX);
    x86_link(none, g->c.p);
}

void flags_onto_home(struct gen *g, const struct ir_op *op, struct opnd b, struct opnd home)
{
    uint64_t n;
    if (ir_opc_is_eflags_shift(op->opc) && ir_is_const(g->ir, op->arg[1], &n)) {
        n = masked_count(op, n);
        if (n) {
            shift_rax(g, op->attr, shift_of(op->opc), n);
            x86_store(&g->c, 2, home, RAX);
        }
        return;
    }
    if (ir_opc_is_eflags_shift(op->opc)) {
        shift_home(g, op, home);
        return;
    }
    some_flags_of_rax(g, op, b);
    x86_alu(&g->c, false, ALU_AND, home, opnd_imm((int32_t)ir_eflags_kept(op->opc)));
    x86_alu(&g->c, false, ALU_OR, home, opnd_reg(RAX));
}

void flags_of_rax(struct gen *g, const struct ir_op *op, struct opnd b, struct opnd in)
{
    if (ir_opc_is_eflags(op->opc)) {
        eflags_of_rax(g, op, b, in);
        return;
    }
    bool w = args_are_64(g, op);
    x86_alu(&g->c, w, op->opc == OP_flags_sub ? ALU_CMP : ALU_ADD, opnd_reg(RAX), b);
    if (op->opc == OP_flags_add)
        x86_carry(&g->c, CARRY_INVERT);
    flags_to_rax(g);
}

const rule_fn rules_flags[OP_COUNT] = {
    [OP_flags_sub] = rule_flags_sub,     [OP_flags_add] = rule_flags_add,
    [OP_flags_adc] = rule_flags_adc,     [OP_eflags_add] = rule_eflags_add,
    [OP_eflags_adc] = rule_eflags_adc,   [OP_eflags_sub] = rule_eflags_sub,
    [OP_eflags_sbb] = rule_eflags_sbb,   [OP_eflags_logic] = rule_eflags_logic,
    [OP_eflags_sum] = rule_eflags_sum,   [OP_eflags_diff] = rule_eflags_diff,
    [OP_eflags_shl] = rule_eflags_shift, [OP_eflags_shr] = rule_eflags_shift,
    [OP_eflags_sar] = rule_eflags_shift, [OP_eflags_inc] = rule_some_eflags,
    [OP_eflags_dec] = rule_some_eflags,  [OP_eflags_rotl] = rule_some_eflags,
    [OP_eflags_rotr] = rule_some_eflags, [OP_eflags_bit] = rule_some_eflags,
    [OP_eflags_wide] = rule_some_eflags, [OP_eflags_imul] = rule_some_eflags,
};
