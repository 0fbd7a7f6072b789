/*
 * Moves between vectors, memory and general registers, and of lanes.
 *
 * Ref: SDM volume 2, the instruction's own page; APM volume 4, EXTRQ and INSERTQ.
 */
#include "target/x86/vec.h"

#include "util/bits.h"

/* All of it; of registers of less than 16 bytes (MOVQ) the rest becomes zero. */
void trans_vmov(struct dis *d)
{
    ir_val v[2] = {IR_NONE, IR_NONE};
    const struct x86_operand *o = d->insn.op;
    bool is_low =
        o[0].kind == X86_OPND_XMM && o[1].kind == X86_OPND_XMM && (o[0].size < 4 || o[1].size < 4);
    if (vec_is_off(d))
        return;
    if (vec_is_whole(d)) {
        vec_write_whole(d, 0, vec_whole(d, 1));
        return;
    }
    for (unsigned half = 0; half < vec_halves(d); half++)
        v[half] = vec_read(d, 1, half);
    vec_write(d, 0, is_low ? ir_vlow(d->ir, v[0]) : v[0], v[1]);
}

/* MOVSS and MOVSD between registers; MOVLPS from memory. */
static void merge_low(struct dis *d, unsigned prefix)
{
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 2, 0), a = vec_read(d, 1, 0);
    vec_write(d, 0, ir_sse(d->ir, a, b, vec_0f(prefix, 0x10)), IR_NONE);
}

void trans_vmerge(struct dis *d)
{
    merge_low(d, d->insn.prefix == X86_M_F3 ? 2 : 3);
}

void trans_vload_low(struct dis *d)
{
    merge_low(d, 3);
}

void trans_vload_high(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 2, 0), a = vec_read(d, 1, 0);
    vec_write(d, 0, ir_vzip1(d->ir, a, b, 3), IR_NONE);
}

void trans_movhlps(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 2, 0), a = vec_read(d, 1, 0);
    vec_write(d, 0, ir_vzip2(d->ir, b, a, 3), IR_NONE);
}

static ir_val lane(struct dis *d, ir_val v, unsigned esz, unsigned n)
{
    return ir_vextr(d->ir, v, esz | n << 8);
}

void trans_vstore_high(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val v = lane(d, vec_read(d, 1, 0), 3, 1);
    mem_store(d, mem_addr(d, 8, SEG_WRITE), v, 3);
}

void trans_movddup(struct dis *d)
{
    ir_val v[2] = {IR_NONE, IR_NONE};
    if (vec_is_off(d))
        return;
    if (vec_is_whole(d)) {
        ir_val a = vec_whole(d, 1);
        vec_write_whole(d, 0, ir_vzip1(d->ir, a, a, 3));
        return;
    }
    for (unsigned half = 0; half < vec_halves(d); half++)
        v[half] = vec_read(d, 1, half);
    ir_val low = ir_vzip1(d->ir, v[0], v[0], 3);
    vec_write(d, 0, low, vec_halves(d) == 2 ? ir_vzip1(d->ir, v[1], v[1], 3) : IR_NONE);
}

/* --- general registers --- */

void trans_vfrom_gpr(struct dis *d)
{
    unsigned size = d->insn.op[1].size;
    if (vec_is_off(d))
        return;
    ir_val v = d->insn.op[1].kind == X86_OPND_MEM
                   ? vec_read(d, 1, 0)
                   : ir_vfrom64(d->ir, ir_bits_f64(d->ir, zext64_of(d, operand_read(d, 1), size)));
    vec_write(d, 0, v, IR_NONE);
}

void trans_vto_gpr(struct dis *d)
{
    unsigned size = d->insn.op[0].size;
    if (vec_is_off(d))
        return;
    operand_write(d, 0, narrow_to(d, lane(d, vec_read(d, 1, 0), size, 0), size));
}

/* Lanes of PINSR (20, 22, 0F C4) and PEXTR (14 to 17, 0F C5). */
static unsigned lane_size(const struct dis *d, unsigned operand)
{
    switch (d->insn.opcode) {
    case 0x14:
    case 0x20: return 0;
    case 0x15:
    case 0xc4:
    case 0xc5: return 1;
    default: return d->insn.op[operand].size;
    }
}

void trans_pinsr(struct dis *d)
{
    unsigned esz = lane_size(d, 2), n = d->insn.imm & ((16u >> esz) - 1);
    if (vec_is_off(d))
        return;
    ir_val v = operand_read(d, 2);
    if (ir_type_of(d->ir, v) == I32)
        v = ir_zext32(d->ir, v);
    vec_write(d, 0, ir_vins(d->ir, vec_read(d, 1, 0), v, esz | n << 8), IR_NONE);
}

/* To a general register without sign, at least 32 bits; to memory as wide as the lane. */
void trans_pextr(struct dis *d)
{
    const struct x86_operand *o = &d->insn.op[0];
    unsigned esz = lane_size(d, 0), n = d->insn.imm & ((16u >> esz) - 1);
    if (vec_is_off(d))
        return;
    ir_val v = lane(d, vec_read(d, 1, 0), esz, n);
    if (o->kind == X86_OPND_GPR)
        set_gpr(d, o->reg, 3, false, v);
    else
        mem_store(d, mem_addr(d, 1u << esz, SEG_WRITE), narrow_to(d, v, esz), esz);
}

/* From memory there is but one lane. */
void trans_insertps(struct dis *d)
{
    if (d->insn.op[2].kind == X86_OPND_MEM)
        d->insn.imm &= 0x3f;
    if (vec_is_off(d))
        return;
    ir_val b = vec_read(d, 2, 0), a = vec_read(d, 1, 0);
    vec_write(d, 0, ir_sse(d->ir, a, b, vec_insn(d, 0)), IR_NONE);
}

/* --- across the halves --- */

/* Lane 0 to all. */
static ir_val spread(struct dis *d, ir_val v, unsigned esz)
{
    enum { PSHUFB = 2 << IR_SSE_MAP_SHIFT | 1 << IR_SSE_PREFIX_SHIFT };
    switch (esz) {
    case 0: return ir_sse(d->ir, v, vec_zero(d), PSHUFB);
    case 1: v = ir_vzip1(d->ir, v, v, 1); break;
    case 2: break;
    case 3: return ir_vzip1(d->ir, v, v, 3);
    default: return v;
    }
    return ir_sse(d->ir, v, v, vec_0f(1, 0x70) | IR_SSE_UNARY); /* PSHUFD */
}

void trans_vbroadcast(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val v = vec_read(d, 1, 0);
    if (d->insn.op[0].size == 5 && ir_is_wide(d->ir)) {
        vec_write_whole(d, 0, ir_vbcast(d->ir, v, d->insn.op[1].size));
        return;
    }
    v = spread(d, v, d->insn.op[1].size);
    vec_write(d, 0, v, v);
}

/* Lane 0 to 7 by the low three bits: from both halves, then one of the two. */
static ir_val pick_lanes(struct dis *d, ir_val low, ir_val high, ir_val index)
{
    enum { PERMILPS = 0x0c | 2 << IR_SSE_MAP_SHIFT | 1 << IR_SSE_PREFIX_SHIFT };
    ir_val is_high = ir_vsari(d->ir, ir_vshli(d->ir, index, 2 | 29 << 8), 2 | 31 << 8);
    return ir_vbsl(d->ir, is_high, ir_sse(d->ir, high, index, PERMILPS),
                   ir_sse(d->ir, low, index, PERMILPS));
}

/* Both halves at once by the instruction itself, where that can be. */
static bool cross_whole(struct dis *d)
{
    bool is_unary = d->insn.opcode < 0x02 && d->insn.map == 3; /* VPERMQ, VPERMPD */
    if (!vec_is_whole(d))
        return false;
    ir_val a = vec_whole(d, 1), b = is_unary ? a : vec_whole(d, 2);
    uint32_t insn = vec_insn(d, 0) | (is_unary ? IR_SSE_UNARY : 0);
    vec_write_whole(d, 0, ir_vcross(d->ir, a, b, insn));
    return true;
}

void trans_vpermd(struct dis *d)
{
    struct vec_args a;
    if (vec_is_off(d) || cross_whole(d))
        return;
    vec_read_all(d, &a);
    ir_val low = pick_lanes(d, a.v[0][1], a.v[1][1], a.v[0][0]);
    vec_write(d, 0, low, pick_lanes(d, a.v[0][1], a.v[1][1], a.v[1][0]));
}

void trans_vpermq(struct dis *d)
{
    struct vec_args a;
    ir_val r[2];
    if (vec_is_off(d) || cross_whole(d))
        return;
    vec_read_all(d, &a);
    for (unsigned half = 0; half < 2; half++) {
        unsigned imm = d->insn.imm >> 4 * half, first = imm & 3, second = imm >> 2 & 3;
        uint32_t lanes = (first & 1) | (second & 1) << 1;
        r[half] = ir_sse(d->ir, a.v[first / 2][0], a.v[second / 2][0],
                         vec_0f(1, 0xc6) | lanes << IR_SSE_IMM_SHIFT);
    }
    vec_write(d, 0, r[0], r[1]);
}

void trans_vperm2(struct dis *d)
{
    struct vec_args a;
    ir_val r[2];
    if (vec_is_off(d) || cross_whole(d))
        return;
    vec_read_all(d, &a);
    for (unsigned half = 0; half < 2; half++) {
        unsigned how = d->insn.imm >> 4 * half & 15;
        r[half] = how & 8 ? vec_zero(d) : a.v[how & 1][how >> 1 & 1];
    }
    vec_write(d, 0, r[0], r[1]);
}

void trans_vinsert(struct dis *d)
{
    struct vec_args a;
    if (vec_is_off(d))
        return;
    vec_read_all(d, &a);
    if (d->insn.imm & 1)
        vec_write(d, 0, a.v[0][0], a.v[0][1]);
    else
        vec_write(d, 0, a.v[0][1], a.v[1][0]);
}

void trans_vextract(struct dis *d)
{
    if (vec_is_off(d))
        return;
    vec_write(d, 0, vec_read(d, 1, d->insn.imm & 1), IR_NONE);
}

static void clear_upper(struct dis *d, bool all)
{
    if (vec_is_off(d))
        return;
    for (unsigned i = 0; i < (is_64(d) ? 16 : 8); i++) {
        vec_clear_upper(d, i);
        if (all)
            vec_set(d, i, vec_zero(d));
    }
}

void trans_vzeroupper(struct dis *d)
{
    clear_upper(d, false);
}

void trans_vzeroall(struct dis *d)
{
    clear_upper(d, true);
}

/* --- fields of the low half (SSE4A): length 0 is 64 --- */

static ir_val field_mask(struct dis *d, ir_val length)
{
    ir_val ones = ir_sub(d->ir, ir_shl(d->ir, imm64(d, 1), length), imm64(d, 1));
    return ir_select(d->ir, ir_and(d->ir, length, imm64(d, 63)), imm64(d, 0), imm64(d, UINT64_MAX),
                     ones, IR_EQ);
}

static void extract_field(struct dis *d, ir_val length, ir_val at)
{
    ir_val v = ir_shr(d->ir, lane(d, vec_read(d, 0, 0), 3, 0), at);
    v = ir_and(d->ir, v, field_mask(d, length));
    vec_write(d, 0, ir_vmake(d->ir, v, imm64(d, 0)), IR_NONE);
}

static void insert_field(struct dis *d, ir_val length, ir_val at)
{
    ir_val mask = ir_shl(d->ir, field_mask(d, length), at);
    ir_val a = lane(d, vec_read(d, 0, 0), 3, 0), b = lane(d, vec_read(d, 1, 0), 3, 0);
    ir_val v = ir_or(d->ir, ir_andn(d->ir, a, mask), ir_and(d->ir, ir_shl(d->ir, b, at), mask));
    vec_write(d, 0, ir_vmake(d->ir, v, imm64(d, 0)), IR_NONE);
}

static ir_val six_bits(struct dis *d, ir_val v, unsigned at)
{
    return ir_extract(d->ir, v, at | 6 << 8);
}

void trans_extrq(struct dis *d)
{
    if (!vec_is_off(d))
        extract_field(d, imm64(d, d->insn.imm & 63), imm64(d, d->insn.imm2 & 63));
}

void trans_insertq(struct dis *d)
{
    if (!vec_is_off(d))
        insert_field(d, imm64(d, d->insn.imm & 63), imm64(d, d->insn.imm2 & 63));
}

void trans_extrq_reg(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val how = lane(d, vec_read(d, 1, 0), 3, 0);
    extract_field(d, six_bits(d, how, 0), six_bits(d, how, 8));
}

void trans_insertq_reg(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val how = lane(d, vec_read(d, 1, 0), 3, 1);
    insert_field(d, six_bits(d, how, 0), six_bits(d, how, 8));
}
