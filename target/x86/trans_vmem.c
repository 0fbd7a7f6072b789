/*
 * Vector instructions that go to memory lane by lane, string comparisons, MXCSR.
 *
 * Ref: SDM volume 2, the instruction's own page.
 */
#include "target/x86/vec.h"
#include "target/x86/vec_mem.h"

#include "util/bits.h"

/* --- memory lane by lane --- */

/* What helpers are told of segment and address size. */
static uint32_t place(const struct dis *d)
{
    return (uint32_t)d->insn.seg << VMEM_SEG | (uint32_t)d->insn.addrsize << VMEM_ADDRSIZE |
           (vec_halves(d) == 2 ? VMEM_256 : 0);
}

/* These never raise #AC. */
static ir_val memop(struct dis *d, unsigned esz)
{
    return imm32(d, (d->mem & ~(uint32_t)MO_ALIGN) | esz);
}

/* VMASKMOV: 2C and 2E of 4 bytes, 2D and 2F of 8; VPMASKMOV: by W. */
static unsigned mask_esz(const struct dis *d)
{
    if (d->insn.opcode < 0x80)
        return 2 + (d->insn.opcode & 1);
    return d->insn.row->match & X86_M_W1 ? 3 : 2;
}

void trans_vmaskload(struct dis *d)
{
    unsigned esz = mask_esz(d);
    uint32_t how = place(d) | (uint32_t)d->insn.op[0].reg << VMEM_DATA |
                   (uint32_t)d->insn.op[1].reg << VMEM_MASK | esz << VMEM_ESZ;
    if (vec_is_off(d))
        return;
    set_pc(d, d->pc);
    call_vmask_load(d->ir, mem_offset(d), imm32(d, how), memop(d, esz));
}

static void mask_store(struct dis *d, ir_val offset, unsigned data, unsigned mask, unsigned esz)
{
    uint32_t how = place(d) | data << VMEM_DATA | mask << VMEM_MASK | esz << VMEM_ESZ;
    set_pc(d, d->pc);
    call_vmask_store(d->ir, offset, imm32(d, how), memop(d, esz));
}

void trans_vmaskstore(struct dis *d)
{
    if (!vec_is_off(d))
        mask_store(d, mem_offset(d), d->insn.op[2].reg, d->insn.op[1].reg, mask_esz(d));
}

/* To DS:rDI, or with a prefix another segment. */
void trans_maskmovdqu(struct dis *d)
{
    enum { RDI = 7 };
    if (vec_is_off(d))
        return;
    ir_val offset = wrap_to(d, gpr64(d, RDI), d->insn.addrsize);
    if (d->mode & X86_MODE_AC)
        fault_if(d, ir_and(d->ir, offset, imm64(d, 7)), imm64(d, 0), IR_NE, X86_AC, 0);
    mask_store(d, offset, d->insn.op[0].reg, d->insn.op[1].reg, 0);
}

/* The index is a vector, which takes all sixteen numbers; three registers must differ. */
void trans_vgather(struct dis *d)
{
    const struct x86_operand *o = d->insn.op;
    unsigned index = d->insn.sib_index, esz = d->insn.row->match & X86_M_W1 ? 3 : 2;
    if (vec_is_off(d))
        return;
    if (index == X86_NO_REG || index == o[0].reg || index == o[2].reg || o[0].reg == o[2].reg) {
        end_undefined(d);
        return;
    }
    uint32_t how = place(d) | (uint32_t)o[0].reg << VMEM_DATA | (uint32_t)o[2].reg << VMEM_MASK |
                   index << VMEM_INDEX | (uint32_t)d->insn.scale << VMEM_SCALE | esz << VMEM_ESZ |
                   (d->insn.opcode & 1 ? VMEM_INDEX_64 : 0);
    d->insn.index = X86_NO_REG;
    set_pc(d, d->pc);
    call_vgather(d->ir, mem_offset(d), imm32(d, how), memop(d, esz));
}

/* --- strings --- */

static struct ir_slot_set slot_and(struct ir_slot_set set, const struct x86_operand *o)
{
    return ir_slots_add(set, o->kind == X86_OPND_MEM ? X86_SLOT_VTMP : X86_SLOT_XMM + o->reg);
}

static ir_val length(struct dis *d, unsigned reg)
{
    if (d->insn.rex & 8)
        return gpr64(d, reg);
    return ir_sext32(d->ir, gpr(d, reg, 2, false));
}

/* 60 PCMPESTRM, 61 PCMPESTRI, 62 PCMPISTRM, 63 PCMPISTRI. */
void trans_pcmpstr(struct dis *d)
{
    enum { RAX = 0, RCX = 1, RDX = 2 };
    const struct x86_operand *o = d->insn.op;
    bool is_mask = !(d->insn.opcode & 1), is_implicit = d->insn.opcode & 2;
    if (vec_is_off(d))
        return;
    if (o[1].kind == X86_OPND_MEM)
        ir_set(d->ir, X86_SLOT_VTMP, vec_read(d, 1, 0));
    uint32_t how = (d->insn.imm & 0xff) | (uint32_t)o[0].reg << PCMP_A |
                   (uint32_t)o[1].reg << PCMP_B | (o[1].kind == X86_OPND_MEM ? PCMP_MEMORY : 0) |
                   (is_mask ? PCMP_MASK : 0) | (is_implicit ? PCMP_IMPLICIT : 0);
    struct ir_slot_set reads = slot_and(slot_and(ir_slots_none(), &o[0]), &o[1]);
    struct ir_slot_set writes = is_mask ? ir_slots_of(X86_SLOT_XMM) : ir_slots_none();
    ir_val a = is_implicit ? imm64(d, 0) : length(d, RAX);
    ir_val b = is_implicit ? imm64(d, 0) : length(d, RDX);
    ir_val r = call_pcmpstr(d->ir, imm32(d, how), a, b, reads, writes);
    if (!is_mask)
        set_gpr(d, RCX, 2, false, ir_extract(d->ir, r, 16 | 8 << 8));
    else if (d->insn.has_vex)
        vec_clear_upper(d, 0);
    flags_set(d, ir_zext16(d->ir, r));
}

/* --- MXCSR --- */

void trans_ldmxcsr(struct dis *d)
{
    if (vec_is_off(d))
        return;
    ir_val v = operand_read(d, 0);
    set_pc(d, d->pc);
    call_ldmxcsr(d->ir, v);
    end_mode(d);
}

void trans_stmxcsr(struct dis *d)
{
    if (!vec_is_off(d))
        operand_write(d, 0, call_stmxcsr(d->ir));
}
