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

static ir_val load(struct dis *d, unsigned size, unsigned half)
{
    if (size < 4)
        return load_scalar(d, size);
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
    return ir_get(d->ir, (half ? X86_SLOT_YMMH : X86_SLOT_XMM) + o->reg);
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
    if (o->kind == X86_OPND_MEM) {
        store(d, o->size, low, high);
        return;
    }
    ir_set(d->ir, X86_SLOT_XMM + o->reg, low);
    if (d->insn.has_vex)
        ir_set(d->ir, X86_SLOT_YMMH + o->reg, o->size == 5 ? high : vec_zero(d));
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
