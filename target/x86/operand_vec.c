/*
 * XMM and YMM registers, and memory of their sizes.
 *
 * Ref: SDM volume 2, 2.4 (exception classes), 2.3 (VEX); volume 1, 14.3 (upper halves).
 */
#include "target/x86/vec.h"

#include "util/bits.h"

bool vec_is_off(struct dis *d)
{
    return d->insn.has_vex ? avx_is_off(d) : sse_is_off(d);
}

unsigned vec_halves(const struct dis *d)
{
    for (unsigned i = 0; i < d->insn.nops; i++)
        if (d->insn.op[i].size == 5)
            return 2;
    return 1;
}

ir_val vec_zero(struct dis *d)
{
    return ir_const(d->ir, V128, 0);
}

/* --- registers --- */

ir_val vec_get(struct dis *d, unsigned reg)
{
    ir_val v = ir_get(d->ir, X86_SLOT_XMM + reg);
    return ir_is_wide(d->ir) ? ir_vlo128(d->ir, v) : v;
}

static ir_val upper_half(struct dis *d, unsigned reg)
{
    if (ir_is_wide(d->ir))
        return ir_vhi128(d->ir, ir_get(d->ir, X86_SLOT_XMM + reg));
    return ir_get(d->ir, X86_SLOT_YMMH + reg);
}

void vec_set(struct dis *d, unsigned reg, ir_val v)
{
    if (ir_is_wide(d->ir))
        v = ir_vjoinlo(d->ir, ir_get(d->ir, X86_SLOT_XMM + reg), v);
    ir_set(d->ir, X86_SLOT_XMM + reg, v);
}

static void set_halves(struct dis *d, unsigned reg, ir_val low, ir_val high)
{
    if (ir_is_wide(d->ir)) {
        ir_set(d->ir, X86_SLOT_XMM + reg, ir_vjoin(d->ir, low, high));
        return;
    }
    ir_set(d->ir, X86_SLOT_XMM + reg, low);
    ir_set(d->ir, X86_SLOT_YMMH + reg, high);
}

void vec_clear_upper(struct dis *d, unsigned reg)
{
    if (ir_is_wide(d->ir))
        set_halves(d, reg, vec_get(d, reg), vec_zero(d));
    else
        ir_set(d->ir, X86_SLOT_YMMH + reg, vec_zero(d));
}

/* --- memory --- */

/* MXCSR.MM is for all but moves that say aligned.  Ref: APM volume 1, 4.2.2. */
bool vec_is_aligned(const struct dis *d)
{
    const struct x86_insn *in = &d->insn;
    unsigned flags = in->row->flags;
    if (flags & X86_R_ALIGNED)
        return true;
    if (in->has_vex || (flags & X86_R_UNALIGNED) || (d->mode & X86_MODE_MM) ||
        ((flags & X86_R_UNALIGNED_AMD) && x86_is_amd(d->cpu)))
        return false;
    for (unsigned i = 0; i < in->nops; i++)
        if (in->op[i].kind == X86_OPND_MEM && in->op[i].size == 4)
            return true;
    return false;
}

static bool is_aligned_256(const struct dis *d, unsigned size)
{
    return size == 5 && (d->insn.row->flags & X86_R_ALIGNED);
}

/* The halves of 32 bytes that must be aligned are so when their address is. */
static uint32_t memop_128(const struct dis *d, unsigned size)
{
    bool checks = vec_is_aligned(d) && !is_aligned_256(d, size);
    return MO_128 | d->mem | (checks ? MO_ALIGN : 0);
}

/* The address; of 32 bytes that must be aligned as such, looked at before the lower half. */
static ir_val address(struct dis *d, unsigned size, unsigned half, int how)
{
    ir_val addr = mem_addr(d, 1u << size, how);
    if (is_aligned_256(d, size) && !half)
        fault_if(d, ir_and(d->ir, addr, imm64(d, 31)), imm64(d, 0), IR_NE, X86_GP, 0);
    return half ? ir_add(d->ir, addr, imm64(d, 16)) : addr;
}

static ir_val load_scalar(struct dis *d, unsigned size)
{
    ir_val addr = mem_addr(d, 1u << size, SEG_READ);
    switch (size) {
    case 3: return ir_vfrom64(d->ir, ir_ld(d->ir, F64, addr, MO_64 | d->mem));
    case 2: return ir_vfrom32(d->ir, ir_ld(d->ir, F32, addr, MO_32 | d->mem));
    default: return ir_vmake(d->ir, zext64_of(d, mem_load(d, addr, size), size), imm64(d, 0));
    }
}

static uint32_t memop_256(const struct dis *d)
{
    return MO_256 | d->mem | (is_aligned_256(d, 5) ? MO_ALIGN : 0);
}

static ir_val load_whole(struct dis *d)
{
    if (d->whole.id == IR_NONE.id)
        d->whole = ir_ld(d->ir, V256, mem_addr(d, 32, SEG_READ), memop_256(d));
    return d->whole;
}

static ir_val load(struct dis *d, unsigned size, unsigned half)
{
    if (size < 4)
        return load_scalar(d, size);
    if (size == 5 && ir_is_wide(d->ir)) {
        ir_val v = load_whole(d);
        return half ? ir_vhi128(d->ir, v) : ir_vlo128(d->ir, v);
    }
    return ir_ld(d->ir, V128, address(d, size, half, SEG_READ), memop_128(d, size));
}

void vec_probe(struct dis *d, ir_val addr, unsigned bytes)
{
    ir_val last = ir_add(d->ir, addr, imm64(d, bytes - 1));
    uint32_t memop = MO_8 | (d->mem & ~(uint32_t)MO_ALIGN);
    set_pc(d, d->pc);
    call_probe_write(d->ir, addr, imm32(d, memop));
    call_probe_write(d->ir, last, imm32(d, memop));
}

/* Of 32 bytes across pages either all are stored or none: then alone, after a look at both. */
static void probe_across(struct dis *d, ir_val addr)
{
    if (is_alone(d))
        vec_probe(d, addr, 32);
    else
        alone_if(d, ir_and(d->ir, addr, imm64(d, 0xfff)), imm64(d, 0xfe0), IR_GTU);
}

static void store(struct dis *d, unsigned size, ir_val low, ir_val high)
{
    if (size < 4) {
        ir_val addr = mem_addr(d, 1u << size, SEG_WRITE);
        ir_val v = size == 3 ? ir_vto64(d->ir, low) : ir_vto32(d->ir, low);
        ir_st(d->ir, addr, v, size | d->mem);
        return;
    }
    ir_val addr = address(d, size, 0, SEG_WRITE);
    if (size == 5 && !is_aligned_256(d, size))
        probe_across(d, addr);
    ir_st(d->ir, addr, low, memop_128(d, size));
    if (size == 5)
        ir_st(d->ir, ir_add(d->ir, addr, imm64(d, 16)), high, memop_128(d, size));
}

/* --- operands --- */

ir_val vec_read(struct dis *d, unsigned n, unsigned half)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_MEM)
        return load(d, o->size, half);
    return half ? upper_half(d, o->reg) : vec_get(d, o->reg);
}

/* A source of 16 bytes beside others of 32 (the count of a shift) is both halves'. */
void vec_read_all(struct dis *d, struct vec_args *a)
{
    a->halves = vec_halves(d);
    a->sources = 0;
    for (unsigned n = 1; n < d->insn.nops; n++) {
        const struct x86_operand *o = &d->insn.op[n];
        if (o->kind != X86_OPND_XMM && o->kind != X86_OPND_MEM)
            continue;
        for (unsigned half = 0; half < a->halves; half++)
            a->v[half][a->sources] =
                half && o->size < 5 ? a->v[0][a->sources] : vec_read(d, n, half);
        a->sources++;
    }
}

void vec_write(struct dis *d, unsigned n, ir_val low, ir_val high)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_MEM && o->size == 5 && ir_is_wide(d->ir))
        vec_write_whole(d, n, ir_vjoin(d->ir, low, high));
    else if (o->kind == X86_OPND_MEM)
        store(d, o->size, low, high);
    else if (d->insn.has_vex)
        set_halves(d, o->reg, low, o->size == 5 ? high : vec_zero(d));
    else
        vec_set(d, o->reg, low);
}

/* --- both halves at once --- */

bool vec_is_whole(const struct dis *d)
{
    if (!ir_is_wide(d->ir) || (d->mode & X86_MODE_XM))
        return false;
    for (unsigned i = 0; i < d->insn.nops; i++) {
        const struct x86_operand *o = &d->insn.op[i];
        if ((o->kind == X86_OPND_XMM || o->kind == X86_OPND_MEM) && o->size != 5)
            return false;
    }
    return vec_halves(d) == 2;
}

ir_val vec_whole(struct dis *d, unsigned n)
{
    const struct x86_operand *o = &d->insn.op[n];
    return o->kind == X86_OPND_MEM ? load_whole(d) : ir_get(d->ir, X86_SLOT_XMM + o->reg);
}

/* Across pages a region leaves it to the unit. */
void vec_write_whole(struct dis *d, unsigned n, ir_val v)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_MEM)
        ir_st(d->ir, mem_addr(d, 32, SEG_WRITE), v, memop_256(d));
    else
        ir_set(d->ir, X86_SLOT_XMM + o->reg, v);
}

/* --- the instruction --- */

/* How far the upper half's part of the immediate is shifted.  The others have one for both. */
static unsigned imm_shift(uint32_t insn)
{
    enum { MAP_3A = 3 << IR_SSE_MAP_SHIFT | 1 << IR_SSE_PREFIX_SHIFT };
    if (insn == vec_0f(1, 0xc6)) /* SHUFPD */
        return 2;
    switch (insn) {
    case MAP_3A | 0x02:           /* VPBLENDD */
    case MAP_3A | 0x0c: return 4; /* BLENDPS */
    case MAP_3A | 0x05:           /* VPERMILPD */
    case MAP_3A | 0x0d: return 2; /* BLENDPD */
    case MAP_3A | 0x42: return 3; /* MPSADBW */
    default: return 0;
    }
}

static unsigned prefix_of(const struct x86_insn *in)
{
    switch (in->prefix) {
    case X86_M_66: return 1;
    case X86_M_F3: return 2;
    case X86_M_F2: return 3;
    default: return 0;
    }
}

uint32_t vec_insn(const struct dis *d, unsigned half)
{
    const struct x86_insn *in = &d->insn;
    uint32_t insn =
        in->opcode | (uint32_t)in->map << IR_SSE_MAP_SHIFT | prefix_of(in) << IR_SSE_PREFIX_SHIFT;
    uint32_t imm = (in->imm & 0xff) >> (half ? imm_shift(insn) : 0);
    if (insn == vec_0f(prefix_of(in), 0xc2)) /* predicates */
        imm &= in->has_vex ? 31 : 7;
    if (in->row->match & X86_M_W1)
        insn |= IR_SSE_W;
    return insn | (imm & 0xff) << IR_SSE_IMM_SHIFT;
}

void vec_check(struct dis *d, const struct vec_args *a)
{
    if (!(d->mode & X86_MODE_XM))
        return;
    for (unsigned half = 0; half < a->halves; half++)
        for (unsigned i = 0; i < 3; i++)
            ir_set(d->ir, X86_SLOT_VTMP + half * 3 + i,
                   i < a->sources ? a->v[half][i] : a->v[half][0]);
    set_pc(d, d->pc);
    call_sse_check(d->ir, imm32(d, vec_insn(d, 0)), imm32(d, vec_insn(d, 1)), imm32(d, a->halves));
}
