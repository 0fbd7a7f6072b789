/*
 * T32 of the M profile: which instructions there are, those it has alone, branches that return from
 * exceptions, FP context.
 * Ref: v7-M, A5 (encodings), B5.2 (system instructions); DDI 0419; DDI 0553, C2.
 */
#include "target/arm/trans_a32.h"

#include "target/arm/m_priv.h"
#include "target/arm/syndrome.h"

#include <stddef.h>

/* ---- which instructions there are ---- */

/* Who has an encoding: all; Armv8-M and Armv7-M; the same but not the baseline; the DSP extension;
 * Armv8-M; nobody. */
enum needs { ALL, NOT_V6, MAIN, DSP, V8, NEVER };

static bool has(const struct dis *d, enum needs needs)
{
    const struct arm_m *m = &d->cpu->m;
    switch (needs) {
    case ALL: return true;
    case NOT_V6: return m->version > 6;
    case MAIN: return m->is_main;
    case DSP: return m->is_main && m->has_dsp;
    case V8: return m->version >= 8;
    default: return false;
    }
}

struct encoding {
    uint32_t mask, value;
    uint8_t needs;
    bool is_own; /* m.decode has it */
};

static const struct encoding t16_encodings[] = {
    {0xf500, 0xb100, NOT_V6, false}, /* CBZ, CBNZ */
    {0xffe8, 0xb660, ALL, true},     /* CPS */
    {0xffe0, 0xb640, NEVER, false},  /* SETEND, SETPAN */
    {0xffc0, 0xba80, NEVER, false},  /* HLT */
    {0xff00, 0xbe00, ALL, true},     /* BKPT */
    {0xff0f, 0xbf00, ALL, true},     /* hints */
    {0xff00, 0xbf00, MAIN, false},   /* IT */
    {0xff00, 0xdf00, ALL, true},     /* SVC */
};

/* The first that matches counts; without one it is the main extension's. */
static const struct encoding t32_encodings[] = {
    /* branches, miscellaneous control */
    {0xf800d000, 0xf000d000, ALL, false},    /* BL */
    {0xf800d000, 0xf0009000, NOT_V6, false}, /* B */
    {0xf800d000, 0xf000c000, NEVER, false},  /* BLX */
    {0xfff0d000, 0xf3808000, ALL, true},     /* MSR */
    {0xfff0d000, 0xf3e08000, ALL, true},     /* MRS */
    {0xfff0d700, 0xf3a08000, MAIN, true},    /* hints */
    {0xfff0d0f0, 0xf3b08020, NOT_V6, false}, /* CLREX */
    {0xfff0d0e0, 0xf3b08040, ALL, false},    /* DSB, DMB */
    {0xfff0d0f0, 0xf3b08060, ALL, false},    /* ISB */
    {0xfb80d000, 0xf3808000, NEVER, false},
    /* multiple, dual, exclusive */
    {0xffffffff, 0xe97fe97f, V8, true}, /* SG */
    {0xffc00000, 0xe8000000, NEVER, false},
    {0xfff0f03f, 0xe840f000, V8, true},      /* TT */
    {0xffe00000, 0xe8400000, NOT_V6, false}, /* LDREX, STREX */
    {0xffe00070, 0xe8c00070, NEVER, false},  /* LDREXD, STREXD and the like */
    {0xfff000e0, 0xe8d00000, MAIN, false},   /* TBB, TBH */
    {0xffe000c0, 0xe8c00040, NOT_V6, false}, /* LDREXB, LDREXH, STREXB, STREXH */
    {0xffe00080, 0xe8c00080, V8, false},     /* LDA, STL, LDAEX, STLEX */
    {0xffe00000, 0xe8c00000, NEVER, false},
    {0xffc00000, 0xe9800000, NEVER, false}, /* SRS, RFE */
    /* data processing */
    {0xfff08010, 0xeac00000, DSP, false},    /* PKHBT, PKHTB */
    {0xfb708000, 0xf2400000, NOT_V6, false}, /* MOVW, MOVT */
    {0xff70f0c0, 0xf3200000, DSP, false},    /* SSAT16, USAT16 */
    {0xffe0f080, 0xfa20f080, DSP, false},    /* SXTB16, UXTB16 and the like */
    {0xff8ff080, 0xfa0ff080, MAIN, false},   /* SXTB and the like without addition */
    {0xff80f080, 0xfa00f080, DSP, false},
    {0xfff0f0c0, 0xfa90f080, MAIN, false}, /* REV, RBIT */
    {0xfff0f0f0, 0xfab0f080, MAIN, false}, /* CLZ */
    {0xff800000, 0xfa800000, DSP, false},
    {0xfff00000, 0xfb000000, MAIN, false},  /* MUL, MLA, MLS */
    {0xffd000f0, 0xfb9000f0, NOT_V6, true}, /* SDIV, UDIV */
    {0xff9000f0, 0xfb800000, MAIN, false},  /* SMULL, UMULL, SMLAL, UMLAL */
    {0xff000000, 0xfb000000, DSP, false},
    /* AdvSIMD loads and stores */
    {0xff100000, 0xf9000000, NEVER, false},
};

static const struct encoding *find(const struct encoding *table, size_t n, uint32_t insn)
{
    for (size_t i = 0; i < n; i++)
        if ((insn & table[i].mask) == table[i].value)
            return &table[i];
    return NULL;
}

static bool decode16(struct dis *d, uint32_t insn)
{
    const struct encoding *e = find(t16_encodings, ARRAY_SIZE(t16_encodings), insn);
    if (e && !has(d, (enum needs)e->needs))
        return false;
    if ((insn & 0xff04) == 0x4704 && d->cpu->m.version >= 8)
        return false; /* BXNS, BLXNS */
    return e && e->is_own ? m16(d, insn) : t16(d, insn);
}

/* ---- coprocessors, floating point ---- */

static bool end_usage_fault(struct dis *d, uint32_t cfsr)
{
    a32_exception(d, ARM_M_SYNDROME(cfsr), 1);
    return true;
}

/* Double precision but for moves, loads and stores.  Ref: v7-M, A6.4. */
static bool is_double(uint32_t insn)
{
    if ((insn & 0x0f000010) != 0x0e000000)
        return false;
    bool converts = (insn & 0x0fbf0ed0) == 0x0eb70ac0; /* VCVT of double to and from single */
    return (insn & 1 << 8) || converts;
}

static bool is_fp_insn(const struct dis *d, uint32_t insn)
{
    bool is_system = (insn & 0x0fe00f10) == 0x0ee00a10; /* VMSR, VMRS: FPSCR only */
    if (is_double(insn) && !d->cpu->m.has_double)
        return false;
    return !is_system || (insn >> 16 & 15) == 1;
}

/* Ref: v7-M, ExecuteFPCheck(). */
static bool decode_fp(struct dis *d, uint32_t insn)
{
    if (d->mode >> ARM_MODE_FP_SHIFT & 3)
        return a32_fp_is_trapped(d, false);
    if (!is_fp_insn(d, insn))
        return false;
    if (d->mode & ARM_MODE_M_FP_BEGIN) {
        a32_before_raise(d);
        call_m_begin_fp(d->ir);
        a32_end_lookup(d);
        return true;
    }
    return insn >> 28 == 14 ? a32_vfp(d, insn) : a32_neon_new(d, insn);
}

/* Coprocessors that do not exist: NOCP.  What AdvSIMD has in the A profile is undefined. */
static bool decode_coprocessor(struct dis *d, uint32_t insn)
{
    unsigned cp = insn >> 8 & 15;
    if ((insn >> 24 & 15) == 15 || !d->cpu->m.is_main)
        return false;
    if ((cp == 10 || cp == 11) && d->cpu->m.has_fp)
        return decode_fp(d, insn);
    return end_usage_fault(d, CFSR_NOCP);
}

static bool decode32(struct dis *d, uint32_t insn)
{
    if ((insn & 0xec000000) == 0xec000000)
        return decode_coprocessor(d, insn);
    const struct encoding *e = find(t32_encodings, ARRAY_SIZE(t32_encodings), insn);
    if (!has(d, e ? (enum needs)e->needs : MAIN))
        return false;
    return e && e->is_own ? m32(d, insn) : t32(d, insn);
}

bool m_decode(struct dis *d, unsigned len)
{
    return len == 2 ? decode16(d, d->insn) : decode32(d, d->insn);
}

/* LDRT and the like are unprivileged at the priority of the others. */
void m_init(struct dis *d)
{
    d->mem_unpriv = d->mem & ~((uint32_t)ARM_IDX_M_PRIV << MO_IDX_SHIFT);
}

/* ---- branches, stack ---- */

/*
 * Mostly the target has bit 0 set.  In Handler mode it may say how to return from the exception: it
 * does with 15 in the upper four bits, so that one comparison of the rotated target serves for
 * both.
 */
void m_bx(struct dis *d, ir_val target, uint32_t hint)
{
    struct ir *ir = d->ir;
    unsigned other = ir_block_new(ir);
    bool may_return = (d->mode & ARM_MODE_M_HANDLER) && hint != IR_HINT_CALL;

    ir_set(ir, ARM_SLOT_PC, ir_zext32(ir, target));
    if (may_return) {
        ir_val turned = ir_rotr(ir, target, imm32(d, 1));
        turned = ir_sub(ir, turned, imm32(d, 0x80000000));
        ir_br_if(ir, turned, imm32(d, 0x78000000), IR_GEU, other);
    } else {
        ir_br_if(ir, ir_and(ir, target, imm32(d, 1)), imm32(d, 0), IR_EQ, other);
    }
    a32_branch(d, target, hint);
    ir_block_begin(ir, other);
    ir_val again = ir_trunc(ir, ir_get(ir, ARM_SLOT_PC));
    call_m_bx(ir, again, imm32(d, may_return));
    a32_end_lookup(d);
}

void m_check_sp(struct dis *d, ir_val sp)
{
    ir_val limit = ir_env_ld(d->ir, I32, MO_32, offsetof(struct arm_cpu, m.limit));
    a32_raise_if(d, sp, limit, IR_LTU, ARM_M_SYNDROME(CFSR_STKOF));
}

/* ---- system instructions ---- */

bool trans_m_svc(struct dis *d, const struct args_imm *a UNUSED)
{
    a32_before_raise(d);
    call_a32_advance_it(d->ir);
    set_pc(d, d->pc + d->len);
    call_m_svc(d->ir);
    a32_end_lookup(d);
    return true;
}

bool trans_m_bkpt(struct dis *d, const struct args_imm *a)
{
    a32_before_raise(d);
    call_m_bkpt(d->ir, imm32(d, (uint32_t)a->imm));
    a32_end_lookup(d);
    return true;
}

/* Unprivileged code changes nothing. */
bool trans_m_cps(struct dis *d, const struct args_m_cps *a)
{
    if (a32_in_it(d) || (a->f && !d->cpu->m.is_main))
        return false;
    if (!d->el || !(a->i || a->f))
        return true;
    if (a->i)
        call_m_set_primask(d->ir, imm32(d, (uint32_t)a->disable));
    if (a->f)
        call_m_set_faultmask(d->ir, imm32(d, (uint32_t)a->disable));
    if (a->f || !a->disable)
        a32_end_mode(d);
    return true;
}

bool trans_m_mrs(struct dis *d, const struct args_m_mrs *a)
{
    if (a->rd == 15)
        return false;
    a32_set_reg(d, a->rd, call_m_mrs(d->ir, imm32(d, (uint32_t)a->sysm)));
    return true;
}

bool trans_m_msr(struct dis *d, const struct args_m_msr *a)
{
    if (a->rn == 15)
        return false;
    call_m_msr(d->ir, imm32(d, (uint32_t)a->sysm), imm32(d, (uint32_t)a->mask), a32_reg(d, a->rn));
    a32_flags_written(d);
    flags_forget(d);
    a32_end_mode(d);
    return true;
}

bool trans_m_hint(struct dis *d, const struct args_hint *a)
{
    enum { YIELD = 1, WFE, WFI, SEV };
    switch (a->hint) {
    case YIELD: a32_end_main(d, MAIN_YIELD); break;
    case WFE:
        call_m_wfe(d->ir);
        a32_end_main(d, MAIN_WAIT);
        break;
    case WFI:
        call_m_wfi(d->ir);
        a32_end_main(d, MAIN_WAIT);
        break;
    case SEV: call_sev(d->ir, imm32(d, 0)); break;
    }
    return true;
}

/* By zero: UsageFault if CCR.DIV_0_TRP says so, else zero. */
bool trans_m_div(struct dis *d, const struct args_m_div *a)
{
    struct ir *ir = d->ir;
    struct args_r3 r = {.rd = a->rd, .rn = a->rn, .rm = a->rm};
    if (a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    unsigned zero = ir_block_new(ir), go = ir_block_new(ir);
    ir_brcond(ir, a32_reg(d, a->rm), imm32(d, 0), IR_EQ, zero, go);
    ir_block_begin(ir, zero);
    a32_before_raise(d);
    call_m_divide_by_zero(ir);
    a32_after_raise(d);
    ir_br(ir, go);
    ir_block_begin(ir, go);
    flags_forget(d);
    return a->is_signed ? trans_sdiv(d, &r) : trans_udiv(d, &r);
}

/* TT, TTT; TTA and TTAT are of the Secure state. */
bool trans_m_tt(struct dis *d, const struct args_m_tt *a)
{
    if (a->a || a->rd == 15 || a->rn == 15)
        return false;
    ir_val resp = call_m_tt(d->ir, a32_reg(d, a->rn), imm32(d, (uint32_t)a->t));
    a32_set_reg(d, a->rd, resp);
    return true;
}

/* Without the security extension it does nothing. */
bool trans_m_sg(struct dis *d UNUSED, const struct args_none *a UNUSED)
{
    return true;
}
