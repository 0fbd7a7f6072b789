/* A32 and T32: exception generation and return, PSTATE, hints, barriers, coprocessors 14 and 15.
 * Ref: DDI 0487, F5.1, G1. */
#include "target/arm/trans_a32.h"

#include "target/arm/a32.h"
#include "target/arm/syndrome.h"

#include <stddef.h>

/* --- exceptions --- */

/* Those that return behind the instruction. */
static void exception_behind(struct dis *d, uint32_t syndrome, unsigned el)
{
    if (d->len == 2)
        syndrome &= ~SYN_IL;
    uint64_t pc = d->pc;
    a32_before_raise(d);
    call_a32_advance_it(d->ir);
    d->pc = (uint32_t)(pc + d->len);
    end_exception(d, syndrome, el);
    d->pc = pc;
}

bool trans_svc(struct dis *d, const struct args_imm *a)
{
    bool is_semihosting = (uint32_t)a->imm == (a32_is_thumb(d) ? 0xab : 0x123456);
    if (is_semihosting) {
        a32_before_raise(d);
        call_a32_semihost(d->ir, imm32(d, d->len));
        a32_after_raise(d);
    }
    exception_behind(d, EC_SVC32 | SYN_IL | (a->imm & 0xffff), 1);
    return true;
}

bool trans_hlt(struct dis *d, const struct args_imm *a)
{
    if ((uint32_t)a->imm != (a32_is_thumb(d) ? 0x3c : 0xf000))
        return false;
    a32_before_raise(d);
    call_a32_semihost(d->ir, imm32(d, d->len));
    return false;
}

bool trans_bkpt(struct dis *d, const struct args_imm *a)
{
    a32_exception(d, EC_BKPT32 | SYN_IL | (uint32_t)a->imm, 1);
    return true;
}

bool trans_hvc(struct dis *d, const struct args_imm *a)
{
    if (!d->el || a32_in_it(d))
        return false;
    a32_before_raise(d);
    call_a32_hvc(d->ir, imm32(d, (uint32_t)a->imm));
    end_lookup(d);
    return true;
}

bool trans_smc(struct dis *d, const struct args_imm *a UNUSED)
{
    if (!d->el || !a32_may_branch(d))
        return false;
    a32_before_raise(d);
    call_a32_smc(d->ir, imm32(d, a32_syndrome_cond(d)));
    end_lookup(d);
    return true;
}

bool trans_udf(struct dis *d UNUSED, const struct args_none *a UNUSED)
{
    return false;
}

/* --- exception return --- */

static bool has_spsr(const struct dis *d)
{
    return d->el && !(d->mode & ARM_MODE_SYS);
}

static bool is_hyp(const struct dis *d)
{
    return d->el == 2;
}

bool a32_exception_return(struct dis *d, ir_val target)
{
    if (!has_spsr(d) || is_hyp(d) || !a32_may_branch(d))
        return false;
    call_a32_return(d->ir, target);
    end_lookup(d);
    return true;
}

/* The return address of Hyp mode is ELR_hyp. */
bool trans_eret(struct dis *d, const struct args_none *a UNUSED)
{
    if (!has_spsr(d) || !a32_may_branch(d))
        return false;
    call_a32_return(d->ir, is_hyp(d) ? call_a32_elr_hyp(d->ir) : a32_reg(d, 14));
    end_lookup(d);
    return true;
}

/* SUBS PC, LR, #imm; with 0 in Hyp mode ERET. */
bool trans_subs_pc(struct dis *d, const struct args_imm *a)
{
    if (!a->imm && is_hyp(d))
        return trans_eret(d, NULL);
    ir_val target = ir_sub(d->ir, a32_reg(d, 14), imm32(d, (uint32_t)a->imm));
    return a32_exception_return(d, target);
}

static ir_val block_address(struct dis *d, ir_val base, int p, int u)
{
    return ir_add(d->ir, base, imm32(d, u ? (p ? 4 : 0) : (p ? -8u : -4u)));
}

bool trans_rfe(struct dis *d, const struct args_rfe *a)
{
    struct ir *ir = d->ir;
    if (!d->el || is_hyp(d) || a->rn == 15 || !a32_may_branch(d))
        return false;
    uint32_t memop = MO_32 | MO_ALIGN | d->mem;
    ir_val base = a32_reg(d, a->rn), at = block_address(d, base, a->p, a->u);
    ir_val pc = ir_ld(ir, I32, a32_addr(d, at), memop);
    ir_val psr = ir_ld(ir, I32, a32_addr(d, ir_add(ir, at, imm32(d, 4))), memop);
    if (a->w)
        a32_set_reg(d, a->rn, ir_add(ir, base, imm32(d, a->u ? 8 : -8u)));
    call_a32_rfe(ir, pc, psr);
    end_lookup(d);
    return true;
}

bool trans_srs(struct dis *d, const struct args_srs *a)
{
    struct ir *ir = d->ir;
    if (!has_spsr(d) || is_hyp(d))
        return false;
    uint32_t memop = MO_32 | MO_ALIGN | d->mem, mode = (uint32_t)a->mode;
    a32_before_raise(d);
    ir_val base = call_a32_get_banked(ir, imm32(d, mode | A32_BANK_SRS), imm32(d, 13));
    a32_after_raise(d);
    ir_val at = block_address(d, base, a->p, a->u);
    ir_val psr = call_a32_get_spsr(ir);
    ir_st(ir, a32_addr(d, at), a32_reg(d, 14), memop);
    ir_st(ir, a32_addr(d, ir_add(ir, at, imm32(d, 4))), psr, memop);
    if (a->w)
        call_a32_set_banked(ir, imm32(d, mode | A32_BANK_SRS), imm32(d, 13),
                            ir_add(ir, base, imm32(d, a->u ? 8 : -8u)));
    return true;
}

/* --- PSTATE --- */

bool trans_mrs(struct dis *d, const struct args_mrs *a)
{
    if (a->rd == 15 || (a->r && !has_spsr(d)))
        return false;
    a32_set_reg(d, a->rd, a->r ? call_a32_get_spsr(d->ir) : call_a32_get_cpsr(d->ir));
    return true;
}

enum { FIELD_C = 1, FIELD_X = 2, FIELD_S = 4, FIELD_F = 8 };

static uint32_t field_mask(unsigned fields)
{
    return (fields & FIELD_C ? 0xff : 0) | (fields & FIELD_X ? 0xff00 : 0) |
           (fields & FIELD_S ? 0xff0000 : 0) | (fields & FIELD_F ? 0xff000000 : 0);
}

/* NZCVQ and GE: what programs may write. */
static void set_apsr(struct dis *d, unsigned fields, ir_val v)
{
    struct ir *ir = d->ir;
    if (fields & FIELD_F) {
        flags_set_nzcv(d, v);
        ir_set(ir, ARM_SLOT_QF, ir_and(ir, ir_shr(ir, v, imm32(d, 27)), imm32(d, 1)));
        a32_flags_written(d);
    }
    if (fields & FIELD_S)
        ir_set(ir, ARM_SLOT_GE, ir_and(ir, ir_shr(ir, v, imm32(d, 16)), imm32(d, 15)));
}

static bool set_psr(struct dis *d, int r, unsigned fields, ir_val v)
{
    if (r) {
        if (!has_spsr(d))
            return false;
        call_a32_set_spsr(d->ir, v, imm32(d, field_mask(fields)));
        return true;
    }
    if (!d->el || !(fields & (FIELD_C | FIELD_X))) {
        set_apsr(d, fields, v);
        return true;
    }
    a32_before_raise(d);
    call_a32_set_cpsr(d->ir, v, imm32(d, field_mask(fields)));
    a32_flags_written(d);
    flags_forget(d);
    a32_end_mode(d);
    return true;
}

bool trans_msr(struct dis *d, const struct args_msr *a)
{
    if (a->rn == 15)
        return false;
    return set_psr(d, a->r, (unsigned)a->mask, a32_reg(d, a->rn));
}

bool trans_msr_imm(struct dis *d, const struct args_msr_imm *a)
{
    bool rotated;
    uint32_t v = a32_expand_imm((uint32_t)a->imm, A32_EXPAND, &rotated);
    return set_psr(d, a->r, (unsigned)a->mask, imm32(d, v));
}

/*
 * Which register a banked MRS or MSR names: mode and number; number 16 is the SPSR, 17 ELR_hyp.
 * False: UNPREDICTABLE.  Ref: F5.1.117 (MRS (Banked register)), table of SYSm.
 */
static bool banked_register(int r, unsigned sysm, uint32_t *mode, uint32_t *n)
{
    static const uint8_t pairs[] = {A32_IRQ, A32_SVC, A32_ABT, A32_UND};
    *n = 16;
    if (r) {
        switch (sysm) {
        case 0x0e: *mode = A32_FIQ; return true;
        case 0x10:
        case 0x12:
        case 0x14:
        case 0x16: *mode = pairs[(sysm - 0x10) / 2]; return true;
        case 0x1c: *mode = A32_MON; return true;
        case 0x1e: *mode = A32_HYP; return true;
        }
        return false;
    }
    if (sysm < 7 || (sysm >= 8 && sysm < 15)) {
        *mode = sysm < 8 ? A32_USR : A32_FIQ;
        *n = 8 + (sysm & 7);
        return true;
    }
    *n = sysm & 1 ? 13 : 14;
    if (sysm >= 0x10 && sysm < 0x18)
        *mode = pairs[(sysm - 0x10) / 2];
    else if (sysm == 0x1c || sysm == 0x1d)
        *mode = A32_MON;
    else if (sysm == 0x1e || sysm == 0x1f)
        *mode = A32_HYP;
    else
        return false;
    if (sysm == 0x1e)
        *n = 17;
    return true;
}

bool trans_mrs_b(struct dis *d, const struct args_mrs_b *a)
{
    uint32_t mode, n;
    if (!d->el || a->rd == 15 || !banked_register(a->r, (unsigned)a->sysm, &mode, &n))
        return false;
    a32_before_raise(d);
    a32_set_reg(d, a->rd, call_a32_get_banked(d->ir, imm32(d, mode), imm32(d, n)));
    a32_after_raise(d);
    return true;
}

bool trans_msr_b(struct dis *d, const struct args_msr_b *a)
{
    uint32_t mode, n;
    if (!d->el || a->rn == 15 || !banked_register(a->r, (unsigned)a->sysm, &mode, &n))
        return false;
    a32_before_raise(d);
    call_a32_set_banked(d->ir, imm32(d, mode), imm32(d, n), a32_reg(d, a->rn));
    a32_after_raise(d);
    return true;
}

/* User mode: no effect. */
bool trans_cps(struct dis *d, const struct args_cps *a)
{
    uint32_t value = 0, mask = 0;
    if (a->imod == 1 || (a->imod & 2 ? !a->aif : !!a->aif) || a32_in_it(d))
        return false; /* UNPREDICTABLE */
    if (!d->el)
        return true;
    if (a->imod & 2) {
        mask = (uint32_t)a->aif << 6;
        value = a->imod & 1 ? mask : 0;
    }
    if (a->m) {
        mask |= 0x1f;
        value |= (uint32_t)a->mode;
    }
    a32_before_raise(d);
    call_a32_set_cpsr(d->ir, imm32(d, value), imm32(d, mask));
    a32_end_mode(d);
    return true;
}

bool trans_setend(struct dis *d, const struct args_setend *a)
{
    if (a32_in_it(d))
        return false;
    a32_before_raise(d);
    call_a32_setend(d->ir, imm32(d, (uint32_t)a->e));
    a32_end_mode(d);
    return true;
}

bool trans_setpan(struct dis *d, const struct args_setend *a)
{
    if (a32_in_it(d))
        return false;
    if (!d->el)
        return true;
    call_a32_setpan(d->ir, imm32(d, (uint32_t)a->e));
    a32_end_mode(d);
    return true;
}

/* --- hints and barriers --- */

static bool wait_for_interrupt(struct dis *d)
{
    a32_before_raise(d);
    call_wfi(d->ir, imm32(d, 0), imm64(d, 0));
    a32_end_main(d, MAIN_WAIT);
    return true;
}

/* As in AArch64 state, waiting for an event is but giving way to other threads. */
static bool wait_for_event(struct dis *d)
{
    struct ir *ir = d->ir;
    unsigned go = ir_block_new(ir);
    a32_before_raise(d);
    ir_val waits = call_wfe(ir, imm32(d, 0), imm64(d, 0));
    ir_br_if(ir, waits, imm32(d, 0), IR_EQ, go);
    a32_end_main(d, MAIN_YIELD);
    ir_block_begin(ir, go);
    d->ended = false;
    a32_after_raise(d);
    flags_forget(d);
    return true;
}

bool trans_hint(struct dis *d, const struct args_hint *a)
{
    enum { YIELD = 1, WFE, WFI, SEV, SEVL };
    switch (a->hint) {
    case YIELD: a32_end_main(d, MAIN_YIELD); return true;
    case WFE: return wait_for_event(d);
    case WFI: return wait_for_interrupt(d);
    case SEV: call_sev(d->ir, imm32(d, 0)); return true;
    case SEVL:
        if (dis_has(d, ARM_F_V8))
            call_sev(d->ir, imm32(d, 1));
        return true;
    }
    return true;
}

bool trans_nop(struct dis *d UNUSED, const struct args_none *a UNUSED)
{
    return true;
}

bool trans_pld(struct dis *d UNUSED, const struct args_pld *a UNUSED)
{
    return true;
}

bool trans_dmb(struct dis *d, const struct args_barrier *a)
{
    enum { LOADS = 1, STORES = 2 };
    switch (a->option & 3) {
    case LOADS: ir_fence(d->ir, IR_FENCE_RR | IR_FENCE_RW); break;
    case STORES: ir_fence(d->ir, IR_FENCE_WW); break;
    default: ir_fence(d->ir, IR_FENCE_ALL); break;
    }
    return true;
}

/* Come back until the other processors have done the TLB invalidations that were asked of them. */
bool trans_dsb(struct dis *d, const struct args_barrier *a UNUSED)
{
    struct ir *ir = d->ir;
    unsigned wait = ir_block_new(ir), go = ir_block_new(ir);

    ir_fence(ir, IR_FENCE_ALL);
    ir_val n = ir_env_ld(ir, I32, MO_32, offsetof(struct arm_cpu, tlbi_waits));
    ir_brcond(ir, n, imm32(d, 0), IR_NE, wait, go);
    ir_block_begin(ir, wait);
    set_pc(d, d->pc);
    if (d->it)
        call_a32_set_it(ir, imm32(d, d->it));
    ir_exit_main(ir, MAIN_YIELD);
    ir_block_begin(ir, go);
    flags_forget(d);
    return true;
}

/* Changes of system registers take effect at once; what is left is to see interrupts. */
bool trans_isb(struct dis *d, const struct args_barrier *a UNUSED)
{
    a32_end_mode(d);
    return true;
}

bool trans_sb(struct dis *d, const struct args_none *a UNUSED)
{
    ir_fence(d->ir, IR_FENCE_ALL);
    return true;
}

/* --- coprocessors 14 and 15 --- */

/* Ref: G8.2 (System register descriptions), ESR_ELx ISS of MCR and MRC accesses. */
static uint32_t cp_key(const struct args_mcr *a)
{
    return A32_CP(a->cp, a->op1, a->crn, a->crm, a->op2);
}

static bool is_thread_id(const struct dis *d, const struct args_mcr *a)
{
    return cp_key(a) == A32_CP(15, 0, 13, 0, 3) && d->el < 2 && !dis_has(d, ARM_F_VIRT) &&
           !dis_has(d, ARM_F_SECURE);
}

static ir_val how_accessed(struct dis *d, int rt)
{
    return imm32(d, a32_syndrome_cond(d) | (uint32_t)rt << 5 | (uint32_t)(d->len == 4) << 25);
}

static bool is_cp(int cp)
{
    return cp == 14 || cp == 15;
}

bool trans_mrc(struct dis *d, const struct args_mcr *a)
{
    if (!is_cp(a->cp))
        return false;
    if (is_thread_id(d, a) && a->rt != 15) {
        a32_set_reg(d, a->rt,
                    ir_env_ld(d->ir, I32, MO_32, offsetof(struct arm_cpu, s.tpidrro_el0)));
        return true;
    }
    a32_before_raise(d);
    ir_val v =
        ir_trunc(d->ir, call_a32_cp_read(d->ir, imm32(d, cp_key(a)), how_accessed(d, a->rt)));
    a32_after_raise(d);
    if (a->rt == 15) {
        flags_set_nzcv(d, v);
        a32_flags_written(d);
    } else {
        a32_set_reg(d, a->rt, v);
    }
    return true;
}

bool trans_mcr(struct dis *d, const struct args_mcr *a)
{
    if (!is_cp(a->cp) || a->rt == 15)
        return false;
    a32_before_raise(d);
    ir_val v = ir_zext32(d->ir, a32_reg(d, a->rt));
    uint32_t key = cp_key(a);
    call_a32_cp_write(d->ir, imm32(d, key), v, how_accessed(d, a->rt));
    if (key == A32_CP(15, 0, 7, 0, 4))
        a32_end_main(d, MAIN_WAIT);
    else
        a32_end_mode(d);
    return true;
}

static uint32_t cp_key64(const struct args_mcrr *a)
{
    return A32_CP64(a->cp, a->op1, a->crm);
}

static ir_val how_accessed64(struct dis *d, const struct args_mcrr *a)
{
    return imm32(d, a32_syndrome_cond(d) | (uint32_t)a->rt << 5 | (uint32_t)a->rt2 << 10 |
                        (uint32_t)(d->len == 4) << 25);
}

bool trans_mrrc(struct dis *d, const struct args_mcrr *a)
{
    struct ir *ir = d->ir;
    if (!is_cp(a->cp) || a->rt == 15 || a->rt2 == 15 || a->rt == a->rt2)
        return false;
    a32_before_raise(d);
    ir_val v = call_a32_cp_read(ir, imm32(d, cp_key64(a)), how_accessed64(d, a));
    a32_after_raise(d);
    a32_set_reg(d, a->rt, ir_trunc(ir, v));
    a32_set_reg(d, a->rt2, ir_trunc(ir, ir_shr(ir, v, imm64(d, 32))));
    return true;
}

bool trans_mcrr(struct dis *d, const struct args_mcrr *a)
{
    struct ir *ir = d->ir;
    if (!is_cp(a->cp) || a->rt == 15 || a->rt2 == 15)
        return false;
    a32_before_raise(d);
    ir_val v = ir_or(ir, ir_zext32(ir, a32_reg(d, a->rt)),
                     ir_shl(ir, ir_zext32(ir, a32_reg(d, a->rt2)), imm64(d, 32)));
    call_a32_cp_write(ir, imm32(d, cp_key64(a)), v, how_accessed64(d, a));
    a32_end_mode(d);
    return true;
}
