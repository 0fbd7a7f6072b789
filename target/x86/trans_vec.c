/*
 * Instructions on XMM and YMM registers that compute lanes from lanes.
 *
 * Ref: SDM volume 2, the instruction's own page.
 */
#include "target/x86/vec.h"

/* --- those that have an operation of the IR --- */

/* clang-format off */
#define C66(opcode) ((opcode) | 1 << IR_SSE_MAP_SHIFT | 1 << IR_SSE_PREFIX_SHIFT)
#define CNP(opcode) ((opcode) | 1 << IR_SSE_MAP_SHIFT)
#define C38(opcode) ((opcode) | 2 << IR_SSE_MAP_SHIFT | 1 << IR_SSE_PREFIX_SHIFT)
static const struct simple {
    uint16_t insn;
    uint8_t esz;
    ir_val (*op)(struct ir *ir, ir_val a, ir_val b, uint32_t esz);
} simple[] = {
    {C66(0x60), 0, ir_vzip1}, {C66(0x61), 1, ir_vzip1}, {C66(0x62), 2, ir_vzip1}, {C66(0x6c), 3, ir_vzip1},
    {C66(0x68), 0, ir_vzip2}, {C66(0x69), 1, ir_vzip2}, {C66(0x6a), 2, ir_vzip2}, {C66(0x6d), 3, ir_vzip2},
    {CNP(0x14), 2, ir_vzip1}, {C66(0x14), 3, ir_vzip1}, {CNP(0x15), 2, ir_vzip2}, {C66(0x15), 3, ir_vzip2},
    {C66(0x64), 0, ir_vcmpgt}, {C66(0x65), 1, ir_vcmpgt}, {C66(0x66), 2, ir_vcmpgt}, {C38(0x37), 3, ir_vcmpgt},
    {C66(0x74), 0, ir_vcmpeq}, {C66(0x75), 1, ir_vcmpeq}, {C66(0x76), 2, ir_vcmpeq}, {C38(0x29), 3, ir_vcmpeq},
    {C66(0xfc), 0, ir_vadd}, {C66(0xfd), 1, ir_vadd}, {C66(0xfe), 2, ir_vadd}, {C66(0xd4), 3, ir_vadd},
    {C66(0xf8), 0, ir_vsub}, {C66(0xf9), 1, ir_vsub}, {C66(0xfa), 2, ir_vsub}, {C66(0xfb), 3, ir_vsub},
    {C66(0xd5), 1, ir_vmul}, {C38(0x40), 2, ir_vmul}, {C66(0xe0), 0, ir_vavgu}, {C66(0xe3), 1, ir_vavgu},
    {C66(0xda), 0, ir_vminu}, {C38(0x3a), 1, ir_vminu}, {C38(0x3b), 2, ir_vminu},
    {C66(0xde), 0, ir_vmaxu}, {C38(0x3e), 1, ir_vmaxu}, {C38(0x3f), 2, ir_vmaxu},
    {C38(0x38), 0, ir_vmins}, {C66(0xea), 1, ir_vmins}, {C38(0x39), 2, ir_vmins},
    {C38(0x3c), 0, ir_vmaxs}, {C66(0xee), 1, ir_vmaxs}, {C38(0x3d), 2, ir_vmaxs},
    {C66(0xdc), 0, ir_vqaddu}, {C66(0xdd), 1, ir_vqaddu}, {C66(0xec), 0, ir_vqadds}, {C66(0xed), 1, ir_vqadds},
    {C66(0xd8), 0, ir_vqsubu}, {C66(0xd9), 1, ir_vqsubu}, {C66(0xe8), 0, ir_vqsubs}, {C66(0xe9), 1, ir_vqsubs},
};
/* clang-format on */

static const struct simple *find_simple(uint32_t insn)
{
    for (unsigned i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
        if (simple[i].insn == insn)
            return &simple[i];
    return NULL;
}

/* AND, ANDN, OR, XOR have three opcodes each; PABS has one operand. */
static bool do_logic(struct dis *d, uint32_t insn, ir_val a, ir_val b, ir_val *r)
{
    switch (insn) {
    case CNP(0x54):
    case C66(0x54):
    case C66(0xdb): *r = ir_vand(d->ir, a, b); return true;
    case CNP(0x55):
    case C66(0x55):
    case C66(0xdf): *r = ir_vandn(d->ir, b, a); return true;
    case CNP(0x56):
    case C66(0x56):
    case C66(0xeb): *r = ir_vor(d->ir, a, b); return true;
    case CNP(0x57):
    case C66(0x57):
    case C66(0xef): *r = ir_vxor(d->ir, a, b); return true;
    case C38(0x1c):
    case C38(0x1d):
    case C38(0x1e): *r = ir_vabs(d->ir, a, insn & 3); return true;
    default: return false;
    }
}

static bool is_unary(const struct dis *d)
{
    unsigned sources = 0;
    for (unsigned n = 1; n < d->insn.nops; n++)
        sources += d->insn.op[n].kind == X86_OPND_XMM || d->insn.op[n].kind == X86_OPND_MEM;
    return sources == 1;
}

ir_val vec_operate(struct dis *d, uint32_t insn, ir_val a, ir_val b, bool is_unary)
{
    ir_val r;
    insn |= is_unary ? IR_SSE_UNARY : 0;
    if (d->insn.row->flags & X86_R_FP)
        return ir_ssef(d->ir, a, b, insn);
    const struct simple *s = find_simple(insn);
    if (s)
        return s->op(d->ir, a, b, s->esz);
    if (do_logic(d, insn & ~(uint32_t)IR_SSE_UNARY, a, b, &r))
        return r;
    return ir_sse(d->ir, a, b, insn);
}

static ir_val operate_half(struct dis *d, const struct vec_args *a, unsigned half)
{
    bool is_unary = a->sources == 1;
    return vec_operate(d, vec_insn(d, half), a->v[half][0], a->v[half][is_unary ? 0 : 1], is_unary);
}

/* The sources of an instruction that is on; false when it is not. */
static bool begin(struct dis *d, struct vec_args *a)
{
    if (vec_is_off(d))
        return false;
    vec_read_all(d, a);
    if (d->insn.row->flags & X86_R_FP)
        vec_check(d, a);
    return true;
}

static void operate_whole(struct dis *d)
{
    ir_val a = vec_whole(d, 1), b = is_unary(d) ? a : vec_whole(d, 2);
    vec_write_whole(d, 0, vec_operate(d, vec_insn(d, 0), a, b, is_unary(d)));
}

void trans_vec(struct dis *d)
{
    struct vec_args a;
    if (vec_is_whole(d)) {
        if (!vec_is_off(d))
            operate_whole(d);
        return;
    }
    if (!begin(d, &a))
        return;
    ir_val low = operate_half(d, &a, 0);
    vec_write(d, 0, low, a.halves == 2 ? operate_half(d, &a, 1) : IR_NONE);
}

/* Half of the source, or less, becomes all of the result. */
void trans_vwiden(struct dis *d)
{
    struct vec_args a;
    if (vec_is_off(d))
        return;
    if (d->insn.op[0].size == 5 && ir_is_wide(d->ir) && !(d->mode & X86_MODE_XM)) {
        uint32_t insn = vec_insn(d, 0) | IR_SSE_UNARY;
        vec_write_whole(d, 0, ir_ssewide(d->ir, vec_read(d, 1, 0), insn));
        return;
    }
    vec_read_all(d, &a);
    if (a.halves == 2)
        a.v[1][0] = ir_vextb(d->ir, a.v[0][0], a.v[0][0], 1u << (d->insn.op[1].size - 1));
    if (d->insn.row->flags & X86_R_FP)
        vec_check(d, &a);
    ir_val low = operate_half(d, &a, 0);
    vec_write(d, 0, low, a.halves == 2 ? operate_half(d, &a, 1) : IR_NONE);
}

/* The results, in the low halves, go together. */
void trans_vnarrow(struct dis *d)
{
    struct vec_args a;
    if (d->insn.op[1].size == 5 && ir_is_wide(d->ir) && !(d->mode & X86_MODE_XM)) {
        if (!vec_is_off(d))
            vec_write(d, 0, ir_ssenarrow(d->ir, vec_whole(d, 1), vec_insn(d, 0) | IR_SSE_UNARY),
                      IR_NONE);
        return;
    }
    if (!begin(d, &a))
        return;
    ir_val r = operate_half(d, &a, 0);
    if (a.halves == 2)
        r = ir_vzip1(d->ir, r, operate_half(d, &a, 1), 3);
    vec_write(d, 0, r, IR_NONE);
}

/* What cannot be stored raises no flags. */
void trans_vcvtps2ph(struct dis *d)
{
    const struct x86_operand *o = &d->insn.op[0];
    if (o->kind == X86_OPND_MEM && !(avx_is_off(d))) {
        ir_val addr = mem_addr(d, 1u << o->size, SEG_WRITE);
        vec_probe(d, addr, 1u << o->size);
    }
    if (!d->ended)
        trans_vnarrow(d);
}

void trans_vfma(struct dis *d)
{
    struct vec_args a;
    ir_val r[2] = {IR_NONE, IR_NONE};
    if (vec_is_off(d))
        return;
    if (vec_is_whole(d)) {
        ir_val b = vec_whole(d, 2);
        vec_write_whole(d, 0,
                        ir_ssefma(d->ir, vec_whole(d, 0), vec_whole(d, 1), b, vec_insn(d, 0)));
        return;
    }
    vec_read_all(d, &a);
    for (unsigned half = 0; half < a.halves; half++) { /* the first operand is a source, too */
        a.v[half][2] = a.v[half][1];
        a.v[half][1] = a.v[half][0];
        a.v[half][0] = vec_read(d, 0, half);
    }
    a.sources = 3;
    vec_check(d, &a);
    for (unsigned half = 0; half < a.halves; half++)
        r[half] = ir_ssefma(d->ir, a.v[half][0], a.v[half][1], a.v[half][2], vec_insn(d, half));
    vec_write(d, 0, r[0], r[1]);
}

/* --- shifts by an immediate --- */

ir_val vec_shift_bytes(struct dis *d, ir_val a, unsigned n, bool is_left)
{
    ir_val zero = ir_const(d->ir, ir_type_of(d->ir, a), 0);
    if (n > 15)
        return zero;
    if (n == 0)
        return a;
    return is_left ? ir_vextb(d->ir, zero, a, 16 - n) : ir_vextb(d->ir, a, zero, n);
}

ir_val vec_shift(struct dis *d, ir_val a)
{
    unsigned esz = d->insn.opcode - 0x70u, n = d->insn.imm & 0xff, kind = d->insn.modrm >> 3 & 7;
    unsigned bits = 8u << esz;
    if (kind & 1)
        return vec_shift_bytes(d, a, n, kind == 7);
    uint32_t attr = esz | (n < bits ? n : bits) << 8;
    switch (kind) {
    case 2: return ir_vshri(d->ir, a, attr);
    case 4: return ir_vsari(d->ir, a, attr);
    default: return ir_vshli(d->ir, a, attr);
    }
}

void trans_vshift(struct dis *d)
{
    struct vec_args a;
    if (vec_is_whole(d)) {
        if (!vec_is_off(d))
            vec_write_whole(d, 0, vec_shift(d, vec_whole(d, 1)));
        return;
    }
    if (!begin(d, &a))
        return;
    ir_val low = vec_shift(d, a.v[0][0]);
    vec_write(d, 0, low, a.halves == 2 ? vec_shift(d, a.v[1][0]) : IR_NONE);
}

/* --- blends by the signs of a third source --- */

static ir_val blend(struct dis *d, ir_val a, ir_val b, ir_val mask, unsigned esz)
{
    enum ir_type t = ir_type_of(d->ir, mask);
    if (esz == 0 || (esz == 3 && t == V256))
        mask = ir_vcmpgt(d->ir, ir_const(d->ir, t, 0), mask, esz);
    else
        mask = ir_vsari(d->ir, mask, esz | ((8u << esz) - 1) << 8);
    return ir_vbsl(d->ir, mask, b, a);
}

void trans_blendv(struct dis *d)
{
    static const uint8_t sizes[] = {2, 3, 0}; /* 4A, 4B, 4C */
    struct vec_args a;
    ir_val r[2] = {IR_NONE, IR_NONE};
    unsigned esz = sizes[d->insn.opcode - 0x4a];
    if (vec_is_whole(d)) {
        if (!vec_is_off(d))
            vec_write_whole(d, 0, blend(d, vec_whole(d, 1), vec_whole(d, 2), vec_whole(d, 3), esz));
        return;
    }
    if (!begin(d, &a))
        return;
    for (unsigned half = 0; half < a.halves; half++)
        r[half] = blend(d, a.v[half][0], a.v[half][1], a.v[half][2], esz);
    vec_write(d, 0, r[0], r[1]);
}

/* 10, 14, 15. */
void trans_blendv_xmm0(struct dis *d)
{
    unsigned opcode = d->insn.opcode, esz = opcode == 0x10 ? 0 : opcode == 0x14 ? 2 : 3;
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 1, 0), a = vec_read(d, 0, 0), mask = vec_get(d, 0);
    vec_write(d, 0, blend(d, a, b, mask, esz), IR_NONE);
}

void trans_sha256rnds2(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 1, 0), a = vec_read(d, 0, 0), words = vec_get(d, 0);
    vec_write(d, 0, ir_sha256(d->ir, a, b, words), IR_NONE);
}

/* --- flags --- */

/* PTEST; VTESTPS (0E) and VTESTPD (0F) look at signs only. */
static ir_val is_clear(struct dis *d, ir_val v)
{
    unsigned opcode = d->insn.opcode;
    ir_val bits = opcode == 0x17 ? ir_vany(d->ir, v) : ir_vsigns(d->ir, v, opcode == 0x0e ? 2 : 3);
    return ir_setcond(d->ir, bits, imm64(d, 0), IR_EQ);
}

void trans_ptest(struct dis *d)
{
    ir_val both = vec_zero(d), other = vec_zero(d);
    if (vec_is_off(d))
        return;
    if (vec_is_whole(d)) {
        ir_val b = vec_whole(d, 1), a = vec_whole(d, 0);
        both = ir_vand(d->ir, a, b);
        other = ir_vandn(d->ir, b, a);
    }
    for (unsigned half = 0; half < vec_halves(d) && !vec_is_whole(d); half++) {
        ir_val b = vec_read(d, 1, half), a = vec_read(d, 0, half);
        both = ir_vor(d->ir, both, ir_vand(d->ir, a, b));
        other = ir_vor(d->ir, other, ir_vandn(d->ir, b, a));
    }
    ir_val z = ir_shl(d->ir, is_clear(d, both), imm64(d, 14));
    ir_val c = ir_shl(d->ir, is_clear(d, other), imm64(d, 8));
    flags_set(d, ir_trunc(d->ir, ir_or(d->ir, z, c)));
}

void trans_comis(struct dis *d)
{
    struct vec_args a = {.halves = 1, .sources = 2};
    if (vec_is_off(d))
        return;
    a.v[0][1] = vec_read(d, 1, 0);
    a.v[0][0] = vec_read(d, 0, 0);
    vec_check(d, &a);
    flags_set(d, ir_ssecmp(d->ir, a.v[0][0], a.v[0][1], vec_insn(d, 0)));
}

/* --- integers in general registers --- */

/* The row's prefix; W by the operand's size. */
static uint32_t conversion(const struct dis *d, unsigned operand)
{
    return vec_insn(d, 0) | (d->insn.op[operand].size == 3 ? IR_SSE_W : 0);
}

/* The check wants vectors only: the integer in one, and the instruction with its W. */
void vec_check_conversion(struct dis *d, const struct vec_args *a, uint32_t insn)
{
    if (!(d->mode & X86_MODE_XM))
        return;
    for (unsigned i = 0; i < 2; i++)
        ir_set(d->ir, X86_SLOT_VTMP + i, a->v[0][i]);
    set_pc(d, d->pc);
    call_sse_check(d->ir, imm32(d, insn), imm32(d, 0), imm32(d, 1));
}

void trans_vto_int(struct dis *d)
{
    struct vec_args a;
    uint32_t insn = conversion(d, 0);
    unsigned size = d->insn.op[0].size;
    if (vec_is_off(d))
        return;
    a.v[0][0] = a.v[0][1] = vec_read(d, 1, 0);
    vec_check_conversion(d, &a, insn);
    set_gpr(d, d->insn.op[0].reg, size, false,
            ir_ssetoi(d->ir, size == 3 ? I64 : I32, a.v[0][0], insn));
}

void trans_vfrom_int(struct dis *d)
{
    struct vec_args a;
    uint32_t insn = conversion(d, 2);
    if (vec_is_off(d))
        return;
    ir_val v = operand_read(d, 2);
    a.v[0][0] = vec_read(d, 1, 0);
    a.v[0][1] = ir_vmake(d->ir, zext64_of(d, v, d->insn.op[2].size), imm64(d, 0));
    vec_check_conversion(d, &a, insn);
    vec_write(d, 0, ir_ssefromi(d->ir, a.v[0][0], v, insn), IR_NONE);
}

static unsigned lanes_of(unsigned esz)
{
    return 16u >> esz;
}

void trans_vsigns(struct dis *d)
{
    unsigned esz = d->insn.opcode == 0xd7 ? 0 : d->insn.prefix == X86_M_66 ? 3 : 2;
    struct vec_args a;
    if (vec_is_whole(d)) {
        if (!vec_is_off(d))
            set_gpr(d, d->insn.op[0].reg, 3, false, ir_vsigns(d->ir, vec_whole(d, 1), esz));
        return;
    }
    if (!begin(d, &a))
        return;
    ir_val v = ir_vsigns(d->ir, a.v[0][0], esz);
    if (a.halves == 2)
        v = ir_or(d->ir, v,
                  ir_shl(d->ir, ir_vsigns(d->ir, a.v[1][0], esz), imm64(d, lanes_of(esz))));
    set_gpr(d, d->insn.op[0].reg, 3, false, v);
}
