/* A64: exception generation, hints, barriers, PSTATE, system registers.  Ref: the manual, C5, C6.2.
 */
#include "target/arm/a64.h"
#include "target/arm/bits.h"
#include "target/arm/syndrome.h"
#include "target/arm/sysreg.h"
#include "util/bits.h"

/* --- exception generation --- */

bool trans_svc(struct dis *d, const struct args_imm16 *a)
{
    set_pc(d, d->next);
    call_svc(d->ir, imm32(d, a->imm));
    end_lookup(d);
    return true;
}

bool trans_hvc(struct dis *d, const struct args_imm16 *a)
{
    set_pc(d, d->pc);
    call_hvc(d->ir, imm32(d, a->imm));
    end_lookup(d);
    return true;
}

bool trans_smc(struct dis *d, const struct args_imm16 *a)
{
    set_pc(d, d->pc);
    call_smc(d->ir, imm32(d, a->imm));
    end_lookup(d);
    return true;
}

bool trans_brk(struct dis *d, const struct args_imm16 *a)
{
    set_pc(d, d->pc);
    call_brk(d->ir, imm32(d, a->imm));
    end_lookup(d);
    return true;
}

bool trans_hlt(struct dis *d, const struct args_imm16 *a)
{
    set_pc(d, d->pc);
    call_hlt(d->ir, imm32(d, a->imm));
    end_lookup(d);
    return true;
}

static ir_val return_address(struct dis *d)
{
    size_t off = offsetof(struct arm_cpu, s.elr_el) + d->el * sizeof(uint64_t);

    return ir_env_ld(d->ir, I64, MO_64, off);
}

bool trans_eret(struct dis *d, const struct args_none *a UNUSED)
{
    if (d->el == 0)
        return false;
    set_pc(d, d->pc);
    call_eret(d->ir, return_address(d));
    end_lookup(d);
    return true;
}

/* ERETAA, ERETAB: the stack pointer is the modifier. */
bool trans_eret_pac(struct dis *d, const struct args_eret_pac *a)
{
    unsigned how = (a->b ? PAUTH_IB : PAUTH_IA) | PAUTH_COMBINED;

    if (d->el == 0)
        return false;
    set_pc(d, d->pc);
    ir_val to = call_aut(d->ir, return_address(d), gpr_sp(d, 31, true), imm32(d, how));
    call_eret(d->ir, to);
    end_lookup(d);
    return true;
}

/* --- hints --- */

enum { HINT_YIELD = 1, HINT_WFE, HINT_WFI, HINT_SEV, HINT_SEVL, HINT_ESB = 16 };

/* has_limit: until the virtual counter reaches limit. */
static void wait_for_interrupt(struct dis *d, bool has_limit, ir_val limit)
{
    set_pc(d, d->pc);
    call_wfi(d->ir, imm32(d, has_limit), limit);
    end_main(d, MAIN_WAIT);
}

/* A wait that ends early: helper_wfe() has given way to other threads, or slept a little. */
static void wait_for_event(struct dis *d, bool has_limit, ir_val limit)
{
    struct ir *ir = d->ir;
    unsigned wait = ir_block_new(ir), go = ir_block_new(ir);

    set_pc(d, d->pc);
    ir_val w = call_wfe(ir, imm32(d, has_limit), limit);
    ir_brcond(ir, w, imm32(d, 0), IR_NE, wait, go);
    ir_block_begin(ir, wait);
    set_pc(d, d->next);
    ir_exit_main(ir, MAIN_YIELD);
    ir_block_begin(ir, go);
    flags_forget(d);
}

bool trans_hint(struct dis *d, const struct args_hint *a)
{
    switch (a->op) {
    case HINT_YIELD: end_main(d, MAIN_YIELD); break;
    case HINT_WFE: wait_for_event(d, false, imm64(d, 0)); break;
    case HINT_WFI: wait_for_interrupt(d, false, imm64(d, 0)); break;
    case HINT_ESB:
        if (dis_has(d, ARM_F_RAS))
            call_esb(d->ir);
        break;
    case HINT_SEV:
    case HINT_SEVL: call_sev(d->ir, imm32(d, a->op == HINT_SEVL)); break;
    }
    return true;
}

bool trans_wfet(struct dis *d, const struct args_rt *a)
{
    wait_for_event(d, true, gpr64(d, a->rt));
    return true;
}

bool trans_wfit(struct dis *d, const struct args_rt *a)
{
    wait_for_interrupt(d, true, gpr64(d, a->rt));
    return true;
}

/* --- barriers --- */

bool trans_clrex(struct dis *d, const struct args_none *a UNUSED)
{
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, imm64(d, UINT64_MAX));
    return true;
}

/* CRm bits 1..0: 1 loads, 2 stores, 3 (and 0) all. */
static void fence(struct dis *d, unsigned crm)
{
    unsigned kind = crm & 3;

    ir_fence(d->ir, kind == 1 ? IR_FENCE_RR | IR_FENCE_RW : kind == 2 ? IR_FENCE_WW : IR_FENCE_ALL);
}

bool trans_dmb(struct dis *d, const struct args_crm *a)
{
    fence(d, a->crm);
    return true;
}

/* A DSB waits until other processors have done the TLB invalidations asked of them. */
bool trans_dsb(struct dis *d, const struct args_crm *a)
{
    struct ir *ir = d->ir;
    unsigned wait = ir_block_new(ir), go = ir_block_new(ir);

    fence(d, a->crm);
    ir_val n = ir_env_ld(ir, I32, MO_32, offsetof(struct arm_cpu, tlbi_waits));
    ir_brcond(ir, n, imm32(d, 0), IR_NE, wait, go);
    ir_block_begin(ir, wait);
    set_pc(d, d->pc);
    ir_exit_main(ir, MAIN_YIELD);
    ir_block_begin(ir, go);
    flags_forget(d);
    return true;
}

/* What an earlier instruction changed of the context ended its unit. */
bool trans_isb(struct dis *d, const struct args_none *a UNUSED)
{
    end_jump(d, d->next);
    return true;
}

bool trans_sb(struct dis *d, const struct args_none *a UNUSED)
{
    ir_fence(d->ir, IR_FENCE_ALL);
    return true;
}

/* --- PSTATE --- */

static bool set_field(struct dis *d, enum arm_pstate_field f, unsigned val)
{
    set_pc(d, d->pc);
    call_set_pstate(d->ir, imm32(d, f), imm32(d, val));
    end_mode(d);
    return true;
}

bool trans_msr_uao(struct dis *d, const struct args_crm *a)
{
    return set_field(d, ARM_PSTATE_UAO, a->crm & 1);
}

bool trans_msr_pan(struct dis *d, const struct args_crm *a)
{
    return set_field(d, ARM_PSTATE_PAN, a->crm & 1);
}

bool trans_msr_spsel(struct dis *d, const struct args_crm *a)
{
    return set_field(d, ARM_PSTATE_SPSEL, a->crm & 1);
}

/* What neither the mode of translated code nor interrupts depend on. */
static bool store_field(struct dis *d, size_t off, unsigned val)
{
    ir_env_st(d->ir, imm32(d, val), MO_8, off);
    return true;
}

bool trans_msr_ssbs(struct dis *d, const struct args_crm *a)
{
    return store_field(d, offsetof(struct arm_cpu, s.ps.ssbs), a->crm & 1);
}

bool trans_msr_dit(struct dis *d, const struct args_crm *a)
{
    return store_field(d, offsetof(struct arm_cpu, s.ps.dit), a->crm & 1);
}

enum { DAIF_OFF = offsetof(struct arm_cpu, s.ps.daif) };

/* Some interrupt input is active: ask whether it may be taken now, before the next instruction.
 * None is, as a rule, and then the unit goes on. */
static void look_for_interrupts(struct dis *d)
{
    struct ir *ir = d->ir;
    unsigned some = ir_block_new(ir), none = ir_block_new(ir);
    ir_val lines = ir_env_ld(ir, I64, MO_64, offsetof(struct arm_cpu, cpu.irq_lines));

    if (dis_has(d, ARM_F_VIRT)) {
        ir_val hcr = ir_env_ld(ir, I64, MO_64, offsetof(struct arm_cpu, s.hcr_el2));
        lines = ir_or(ir, lines, ir_and(ir, hcr, imm64(d, HCR_VI | HCR_VF | HCR_VSE)));
    }
    ir_brcond(ir, lines, imm64(d, 0), IR_NE, some, none);
    ir_block_begin(ir, some);
    set_pc(d, d->next);
    call_irq_changed(ir);
    ir_exit_lookup(ir);
    ir_block_begin(ir, none);
    flags_forget(d);
}

/* With software step PSTATE.D matters to the mode. */
static bool is_plain_daif(const struct dis *d)
{
    return d->el && !(d->mode & ARM_MODE_SS);
}

bool trans_msr_daifset(struct dis *d, const struct args_crm *a)
{
    if (!is_plain_daif(d) || (a->crm & DAIF_D))
        return set_field(d, ARM_PSTATE_DAIFSET, a->crm);
    ir_val old = ir_env_ld(d->ir, I32, MO_8, DAIF_OFF);
    ir_env_st(d->ir, ir_or(d->ir, old, imm32(d, a->crm)), MO_8, DAIF_OFF);
    return true;
}

bool trans_msr_daifclr(struct dis *d, const struct args_crm *a)
{
    if (!is_plain_daif(d) || (a->crm & DAIF_D))
        return set_field(d, ARM_PSTATE_DAIFCLR, a->crm);
    ir_val old = ir_env_ld(d->ir, I32, MO_8, DAIF_OFF);
    ir_env_st(d->ir, ir_and(d->ir, old, imm32(d, ~a->crm & 15)), MO_8, DAIF_OFF);
    look_for_interrupts(d);
    return true;
}

/* --- system registers --- */

static bool is_fp_status(uint32_t key)
{
    return key == ARM_SYSREG_FPCR || key == ARM_SYSREG_FPSR;
}

/* Registers that are read and written without a call. */
static bool read_inline(struct dis *d, uint32_t key, int rt)
{
    struct ir *ir = d->ir;
    size_t off;

    switch (key) {
    case ARM_SYSREG_NZCV: set_gpr(d, rt, ir_zext32(ir, flags_get_nzcv(d))); return true;
    case ARM_SYSREG_CURRENTEL:
        if (!d->el)
            return false;
        set_gpr(d, rt, imm64(d, d->el << 2));
        return true;
    case ARM_SYSREG_DAIF: {
        if (!d->el)
            return false;
        ir_val daif = ir_env_ld(ir, I64, MO_8, DAIF_OFF);
        set_gpr(d, rt, ir_shl(ir, daif, imm64(d, SPSR_DAIF_SHIFT)));
        return true;
    }
    case ARM_SYSREG_FPCR:
        set_gpr(d, rt, ir_zext32(ir, ir_env_ld(ir, I32, MO_32, offsetof(struct arm_cpu, s.fpcr))));
        return true;
    }
    if (!arm_sysreg_is_plain(d->cpu, key, d->mode, false, &off))
        return false;
    if (key == ARM_SYSREG_SP_EL0)
        raise_if(d, ir_env_ld(ir, I32, MO_8, offsetof(struct arm_cpu, s.ps.spsel)), imm32(d, 0),
                 IR_EQ, EC_UNKNOWN | SYN_IL);
    set_gpr(d, rt, ir_env_ld(ir, I64, MO_64, off));
    return true;
}

static bool write_inline(struct dis *d, uint32_t key, int rt)
{
    struct ir *ir = d->ir;
    size_t off;

    if (key == ARM_SYSREG_NZCV) {
        flags_set_nzcv(d, gpr32(d, rt));
        return true;
    }
    if (!arm_sysreg_is_plain(d->cpu, key, d->mode, true, &off))
        return false;
    if (key == ARM_SYSREG_SP_EL0)
        raise_if(d, ir_env_ld(ir, I32, MO_8, offsetof(struct arm_cpu, s.ps.spsel)), imm32(d, 0),
                 IR_EQ, EC_UNKNOWN | SYN_IL);
    ir_env_st(ir, gpr64(d, rt), MO_64, off);
    return true;
}

bool trans_mrs(struct dis *d, const struct args_sysreg *a)
{
    uint32_t key = a->key;

    if (is_fp_status(key) && fp_is_trapped(d))
        return true;
    if (read_inline(d, key, a->rt))
        return true;
    set_pc(d, d->pc);
    set_gpr(d, a->rt, call_sysreg_read(d->ir, imm32(d, key), imm32(d, a->rt)));
    flags_forget(d); /* RNDR sets them */
    return true;
}

static bool write_register(struct dis *d, uint32_t key, int rt)
{
    set_pc(d, d->pc);
    call_sysreg_write(d->ir, imm32(d, key), imm32(d, rt), gpr64(d, rt));
    flags_forget(d);
    if (arm_sysreg_ends_unit(key))
        end_mode(d);
    return true;
}

bool trans_msr(struct dis *d, const struct args_sysreg *a)
{
    uint32_t key = a->key;

    if (is_fp_status(key) && fp_is_trapped(d))
        return true;
    if (write_inline(d, key, a->rt))
        return true;
    return write_register(d, key, a->rt);
}

bool trans_sys(struct dis *d, const struct args_sysreg *a)
{
    return write_register(d, a->key, a->rt);
}

/* No SYSL instruction is allocated. */
bool trans_sysl(struct dis *d, const struct args_sysreg *a)
{
    set_pc(d, d->pc);
    set_gpr(d, a->rt, call_sysreg_read(d->ir, imm32(d, a->key), imm32(d, a->rt)));
    return true;
}
