/*
 * Instructions on MMX registers, which are the mantissas of the x87's.
 *
 * Ref: SDM volume 1, 9.5 and 9.6 (what becomes of the x87's state); volume 2, the instruction's own
 * page; volume 3, 22.25.3 and table 2-2 (CR0).
 */
#include "target/x86/vec.h"
#include "target/x86/vec_mem.h"

/* --- registers --- */

/* The x87's state may be elsewhere. */
static void fetch_registers(struct dis *d)
{
    struct ir_slot_set state = ir_slots_of(X86_SLOT_FTOP);
    for (unsigned slot = X86_SLOT_FTOP + 1; slot < X86_SLOT_FEXP + 8; slot++)
        state = ir_slots_add(state, slot);
    if (!d->mmx_ready)
        call_x87_sync(d->ir, ir_slots_none(), state);
    d->mmx_ready = true;
}

static bool mmx_is_off(struct dis *d)
{
    if (d->mode & X86_MODE_EM)
        end_undefined(d);
    else if (!x87_is_off(d))
        x87_wait(d);
    if (!d->ended)
        fetch_registers(d);
    return d->ended;
}

/* All registers are in use, and TOP is 0.  Comes after what may fault. */
static void enter(struct dis *d)
{
    ir_set(d->ir, X86_SLOT_FTAG, imm32(d, 0));
    ir_set(d->ir, X86_SLOT_FTOP, imm32(d, 0));
}

static ir_val read(struct dis *d, unsigned n)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_MEM)
        return zext64_of(d, mem_load(d, mem_addr(d, 1u << o->size, SEG_READ), o->size), o->size);
    return ir_get(d->ir, X86_SLOT_FMAN + o->reg);
}

static ir_val read_vector(struct dis *d, unsigned n)
{
    return ir_vmake(d->ir, read(d, n), imm64(d, 0));
}

static void write(struct dis *d, unsigned n, ir_val v)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_MEM) {
        mem_store(d, mem_addr(d, 8, SEG_WRITE), v, 3);
        enter(d);
        return;
    }
    enter(d);
    ir_set(d->ir, X86_SLOT_FMAN + o->reg, v);
    ir_set(d->ir, X86_SLOT_FEXP + o->reg, imm32(d, 0xffff));
}

static ir_val quadword(struct dis *d, ir_val v, unsigned n)
{
    return ir_vextr(d->ir, v, 3 | n << 8);
}

static void write_low(struct dis *d, ir_val v)
{
    write(d, 0, quadword(d, v, 0));
}

/* --- operations on lanes, by those on XMM registers --- */

static uint32_t wide_insn(unsigned map, unsigned opcode)
{
    return opcode | map << IR_SSE_MAP_SHIFT | 1u << IR_SSE_PREFIX_SHIFT;
}

static ir_val operate(struct dis *d, ir_val a, ir_val b)
{
    return vec_operate(d, wide_insn(d->insn.map, d->insn.opcode), a, b, false);
}

void trans_mmx(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val b = read_vector(d, 1), a = read_vector(d, 0);
    write_low(d, operate(d, a, b));
}

/* Lanes of one register make half of the result: of both, side by side in one, all of it. */
void trans_mmx_pair(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val b = read(d, 1), v = ir_vmake(d->ir, read(d, 0), b);
    write_low(d, operate(d, v, v));
}

/* PUNPCKH: the upper half of what PUNPCKL gives of XMM registers. */
void trans_mmx_high(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val b = read_vector(d, 1), a = read_vector(d, 0);
    ir_val v = vec_operate(d, wide_insn(1, d->insn.opcode - 8u), a, b, false);
    write(d, 0, quadword(d, v, 1));
}

void trans_mmx_pshufb(struct dis *d)
{
    const uint64_t used = UINT64_C(0x8787878787878787);
    if (mmx_is_off(d))
        return;
    ir_val b = ir_and(d->ir, read(d, 1), imm64(d, used)), a = read_vector(d, 0);
    write_low(d, operate(d, a, ir_vmake(d->ir, b, imm64(d, 0))));
}

void trans_mmx_pabs(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val v = read_vector(d, 1);
    write_low(d, vec_operate(d, wide_insn(2, d->insn.opcode), v, v, true));
}

void trans_mmx_palignr(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val low = read(d, 1), v = ir_vmake(d->ir, low, read(d, 0));
    write_low(d, vec_shift_bytes(d, v, d->insn.imm & 0xff, false));
}

void trans_mmx_shift(struct dis *d)
{
    if (!mmx_is_off(d))
        write_low(d, vec_shift(d, read_vector(d, 0)));
}

void trans_pshufw(struct dis *d)
{
    uint32_t insn = vec_0f(3, 0x70) | (uint32_t)(d->insn.imm & 0xff) << IR_SSE_IMM_SHIFT;
    if (mmx_is_off(d))
        return;
    ir_val v = read_vector(d, 1);
    write_low(d, vec_operate(d, insn, v, v, true));
}

/* --- moves --- */

void trans_emms(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    enter(d);
    ir_set(d->ir, X86_SLOT_FTAG, imm32(d, 0xff));
}

void trans_mmx_mov(struct dis *d)
{
    if (!mmx_is_off(d))
        write(d, 0, read(d, 1));
}

void trans_mmx_from_gpr(struct dis *d)
{
    if (!mmx_is_off(d))
        write(d, 0, zext64_of(d, operand_read(d, 1), d->insn.op[1].size));
}

void trans_mmx_to_gpr(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    operand_write(d, 0, narrow_to(d, read(d, 1), d->insn.op[0].size));
    enter(d);
}

void trans_movq2dq(struct dis *d)
{
    if (sse_is_off(d) || mmx_is_off(d))
        return;
    vec_set(d, d->insn.op[0].reg, read_vector(d, 1));
    enter(d);
}

void trans_movdq2q(struct dis *d)
{
    if (!sse_is_off(d) && !mmx_is_off(d))
        write_low(d, vec_read(d, 1, 0));
}

/* To DS:rDI, or with a prefix another segment. */
void trans_maskmovq(struct dis *d)
{
    enum { RDI = 7 };
    uint32_t how = (uint32_t)d->insn.seg << VMEM_SEG | (uint32_t)d->insn.addrsize << VMEM_ADDRSIZE |
                   (uint32_t)d->insn.op[0].reg << VMEM_DATA |
                   (uint32_t)d->insn.op[1].reg << VMEM_MASK;
    if (mmx_is_off(d))
        return;
    set_pc(d, d->pc);
    call_maskmovq(d->ir, wrap_to(d, gpr64(d, RDI), d->insn.addrsize), imm32(d, how),
                  imm32(d, d->mem | MO_8));
    enter(d);
}

/* --- lanes and general registers --- */

static uint32_t word_lane(const struct dis *d)
{
    return (d->insn.imm & 3) * 16 | 16 << 8;
}

void trans_mmx_pinsrw(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    ir_val v = operand_read(d, 1);
    if (ir_type_of(d->ir, v) == I32)
        v = ir_zext32(d->ir, v);
    write(d, 0, ir_deposit(d->ir, read(d, 0), v, word_lane(d)));
}

void trans_mmx_pextrw(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    set_gpr(d, d->insn.op[0].reg, 3, false, ir_extract(d->ir, read(d, 1), word_lane(d)));
    enter(d);
}

void trans_mmx_signs(struct dis *d)
{
    if (mmx_is_off(d))
        return;
    set_gpr(d, d->insn.op[0].reg, 3, false, ir_vsigns(d->ir, read_vector(d, 1), 0));
    enter(d);
}

/* --- conversions --- */

/* Its own exceptions find the x87's state changed. */
static ir_val convert(struct dis *d, uint32_t insn, ir_val v)
{
    struct vec_args a = {.halves = 1, .sources = 1, .v = {{v, v}}};
    if (d->insn.op[0].kind == X86_OPND_MMX || d->insn.op[1].kind == X86_OPND_MMX)
        enter(d);
    vec_check_conversion(d, &a, insn);
    return vec_operate(d, insn, v, v, true);
}

/* 2C truncates, 2D rounds; two lanes of 4 bytes, or of 8. */
void trans_cvt_to_mmx(struct dis *d)
{
    bool truncates = d->insn.opcode == 0x2c, is_pd = d->insn.prefix == X86_M_66;
    uint32_t insn = is_pd ? vec_0f(truncates ? 1 : 3, 0xe6) : vec_0f(truncates ? 2 : 1, 0x5b);
    if (sse_is_off(d) || mmx_is_off(d))
        return;
    ir_val v = vec_read(d, 1, 0);
    write_low(d, convert(d, insn, is_pd ? v : ir_vlow(d->ir, v)));
}

/* From memory these have nothing to do with MMX. */
static bool from_mmx_is_off(struct dis *d)
{
    return sse_is_off(d) || (d->insn.op[1].kind == X86_OPND_MMX && mmx_is_off(d));
}

void trans_cvtpi2ps(struct dis *d)
{
    unsigned to = d->insn.op[0].reg;
    if (from_mmx_is_off(d))
        return;
    ir_val v = convert(d, vec_0f(0, 0x5b), read_vector(d, 1));
    vec_set(d, to, ir_vins(d->ir, vec_get(d, to), quadword(d, v, 0), 3));
}

/* Always exact. */
void trans_cvtpi2pd(struct dis *d)
{
    if (from_mmx_is_off(d))
        return;
    ir_val v = read_vector(d, 1);
    if (d->insn.op[1].kind == X86_OPND_MMX)
        enter(d);
    vec_set(d, d->insn.op[0].reg, vec_operate(d, vec_0f(2, 0xe6), v, v, true));
}
