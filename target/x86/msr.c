/*
 * Model-specific registers.
 *
 * Ref: SDM vol. 4 (architectural MSRs); vol. 3, 11.11 (MTRRs), 15.3 (machine check banks), 17.17
 * (time stamp counter); APM vol. 2, appendix A.
 */
#include "core/apic.h"
#include "core/clock.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>

enum {
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_EBL_CR_POWERON = 0x2a,
    MSR_SMI_COUNT = 0x34,
    MSR_FEATURE_CONTROL = 0x3a,
    MSR_TSC_ADJUST = 0x3b,
    MSR_BIOS_UPDT_TRIG = 0x79,
    MSR_BIOS_SIGN_ID = 0x8b,
    MSR_SMBASE = 0x9e,
    MSR_PLATFORM_INFO = 0xce,
    MSR_MTRRCAP = 0xfe,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MCG_CTL = 0x17b,
    MSR_PERF_STATUS = 0x198,
    MSR_CLOCK_MODULATION = 0x19a,
    MSR_THERM_INTERRUPT = 0x19b,
    MSR_THERM_STATUS = 0x19c,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_MTRR_BASE = 0x200,
    MSR_MTRR_64K = 0x250,
    MSR_MTRR_16K = 0x258,
    MSR_MTRR_4K = 0x268,
    MSR_PAT = 0x277,
    MSR_MTRR_DEF_TYPE = 0x2ff,
    MSR_MC_BANKS = 0x400,
    MSR_XSS = 0xda0,
};
#define MSR_EFER        UINT32_C(0xc0000080)
#define MSR_STAR        UINT32_C(0xc0000081)
#define MSR_LSTAR       UINT32_C(0xc0000082)
#define MSR_CSTAR       UINT32_C(0xc0000083)
#define MSR_SFMASK      UINT32_C(0xc0000084)
#define MSR_FS_BASE     UINT32_C(0xc0000100)
#define MSR_GS_BASE     UINT32_C(0xc0000101)
#define MSR_KERNEL_GS   UINT32_C(0xc0000102)
#define MSR_TSC_AUX     UINT32_C(0xc0000103)
#define MSR_AMD_FIRST   UINT32_C(0xc0010000)
#define MSR_AMD_LAST    UINT32_C(0xc0011fff)
#define MSR_AMD_HWCR    UINT32_C(0xc0010015)
#define MCG_CTL_PRESENT BIT64(8)
enum { VARIABLE_MTRRS = 8, MTRR_FIXED = 1 << 8, MTRR_WC = 1 << 10, MC_BANKS = 10 };

/* ---- time ---- */

static uint64_t raw_tsc(const struct x86_cpu *cpu)
{
    enum { NS_PER_S = 1000000000 };
    uint64_t now = (uint64_t)clock_now();

    if (LIKELY(cpu->tsc_hz == NS_PER_S))
        return now;
    return (uint64_t)((unsigned __int128)now * cpu->tsc_hz / NS_PER_S);
}

uint64_t x86_tsc(struct x86_cpu *cpu)
{
    return raw_tsc(cpu) + cpu->s.tsc_offset;
}

uint64_t helper_rdtsc(struct x86_cpu *cpu)
{
    return x86_tsc(cpu);
}

uint64_t helper_rdpid(struct x86_cpu *cpu)
{
    return cpu->s.tsc_aux;
}

/* No counter is there. */
uint64_t helper_rdpmc(struct x86_cpu *cpu, uint32_t n UNUSED)
{
    x86_fault(cpu, X86_GP, 0);
}

/* The deadline is in units of the counter: its timer is set anew. */
static void tsc_changed(struct x86_cpu *cpu)
{
    uint64_t deadline;

    if (cpu->apic_ops && cpu->apic_ops->msr_read &&
        cpu->apic_ops->msr_read(cpu->apic, MSR_IA32_TSC_DEADLINE, &deadline) && deadline)
        (void)cpu->apic_ops->msr_write(cpu->apic, MSR_IA32_TSC_DEADLINE, deadline);
}

static void write_tsc(struct x86_cpu *cpu, uint64_t val)
{
    uint64_t offset = val - raw_tsc(cpu);

    cpu->s.tsc_adjust += offset - cpu->s.tsc_offset;
    cpu->s.tsc_offset = offset;
    tsc_changed(cpu);
}

static void write_tsc_adjust(struct x86_cpu *cpu, uint64_t val)
{
    cpu->s.tsc_offset += val - cpu->s.tsc_adjust;
    cpu->s.tsc_adjust = val;
    tsc_changed(cpu);
}

/* ---- registers that are plain fields ---- */

enum check {
    ANY,
    CANONICAL,
    LOW_32,    /* the upper half reads as 0 */
    TYPES,     /* eight memory types, one a byte */
    READ_ONLY, /* writes: #GP */
};

static const struct plain {
    uint32_t msr;
    uint16_t off;
    uint8_t check;
    int16_t feature; /* enum x86_feature, or -1 */
} plain[] = {
#define P(msr, field, check, feature)                                                              \
    {                                                                                              \
        msr, offsetof(struct x86_state, field), check, feature                                     \
    }
    P(MSR_SYSENTER_CS, sysenter_cs, LOW_32, X86_F_SEP),
    P(MSR_SYSENTER_ESP, sysenter_esp, CANONICAL, X86_F_SEP),
    P(MSR_SYSENTER_EIP, sysenter_eip, CANONICAL, X86_F_SEP),
    P(MSR_STAR, star, ANY, X86_F_SYSCALL),
    P(MSR_LSTAR, lstar, CANONICAL, X86_F_LM),
    P(MSR_CSTAR, cstar, CANONICAL, X86_F_LM),
    P(MSR_SFMASK, sfmask, LOW_32, X86_F_LM),
    P(MSR_KERNEL_GS, kernel_gs_base, CANONICAL, X86_F_LM),
    P(MSR_PAT, pat, TYPES, X86_F_PAT),
    P(MSR_MISC_ENABLE, misc_enable, ANY, -1),
    P(MSR_MCG_STATUS, mcg_status, ANY, X86_F_MCA),
    P(MSR_MCG_CTL, mcg_ctl, ANY, X86_F_MCA),
    P(MSR_SMI_COUNT, smi_count, READ_ONLY, -1),
    P(MSR_MTRR_64K, mtrr_fixed[0], TYPES, X86_F_MTRR),
    P(MSR_MTRR_16K, mtrr_fixed[1], TYPES, X86_F_MTRR),
    P(MSR_MTRR_16K + 1, mtrr_fixed[2], TYPES, X86_F_MTRR),
#undef P
};

/* Ref: SDM vol. 3, table 11-11: write-combining is 1; PAT knows UC- (7), too. */
static bool is_type(unsigned t, bool is_pat)
{
    return t == 0 || t == 1 || (t >= 4 && t <= 6) || (is_pat && t == 7);
}

static bool are_types(uint64_t val, bool is_pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!is_type(val >> 8 * i & 0xff, is_pat))
            return false;
    return true;
}

static const struct plain *find_plain(const struct x86_cpu *cpu, uint32_t msr)
{
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (plain[i].msr == msr &&
            (plain[i].feature < 0 || x86_has(cpu, (enum x86_feature)plain[i].feature)))
            return &plain[i];
    return NULL;
}

static uint64_t *field(struct x86_cpu *cpu, const struct plain *p)
{
    return (uint64_t *)(void *)((char *)&cpu->s + p->off);
}

static bool write_plain(struct x86_cpu *cpu, const struct plain *p, uint64_t val)
{
    switch (p->check) {
    case READ_ONLY: return false;
    case CANONICAL:
        if (!x86_is_canonical_register(cpu, val))
            return false;
        break;
    case LOW_32: val = (uint32_t)val; break;
    case TYPES:
        if (!are_types(val, p->msr == MSR_PAT))
            return false;
        break;
    }
    *field(cpu, p) = val;
    return true;
}

/* ---- registers in rows ---- */

/* A register of a row that is there, or NULL. */
static uint64_t *row_field(struct x86_cpu *cpu, uint32_t msr)
{
    struct x86_state *s = &cpu->s;

    if (msr >= MSR_MC_BANKS && msr < MSR_MC_BANKS + 4 * MC_BANKS && x86_has(cpu, X86_F_MCA))
        return &s->mc_bank[(msr - MSR_MC_BANKS) / 4][msr & 3];
    if (!x86_has(cpu, X86_F_MTRR))
        return NULL;
    if (msr >= MSR_MTRR_4K && msr < MSR_MTRR_4K + 8)
        return &s->mtrr_fixed[3 + msr - MSR_MTRR_4K];
    if (msr >= MSR_MTRR_BASE && msr < MSR_MTRR_BASE + 2 * VARIABLE_MTRRS)
        return msr & 1 ? &s->mtrr_mask[(msr - MSR_MTRR_BASE) / 2]
                       : &s->mtrr_base[(msr - MSR_MTRR_BASE) / 2];
    return NULL;
}

/* Banks: status takes 0 only (15.3.2.2).  Address and miscellaneous information take anything, as
 * on AMD's processors. */
static bool row_takes(const struct x86_cpu *cpu, uint32_t msr, uint64_t val)
{
    uint64_t mask = x86_phys_mask(cpu) & ~UINT64_C(0xfff);

    if (msr >= MSR_MC_BANKS)
        return (msr & 3) != 1 || val == 0;
    if (msr >= MSR_MTRR_4K)
        return are_types(val, false);
    return msr & 1 ? !(val & ~(mask | 0x800))
                   : !(val & ~(mask | 0xff)) && is_type(val & 0xff, false);
}

/* ---- the others ---- */

/* QUIRK: it exists without a feature that has a bit there, too: OVMF of 32 bits reads and writes it
 * on any processor. */
static bool write_efer(struct x86_cpu *cpu, uint64_t val)
{
    struct x86_state *s = &cpu->s;
    uint64_t allowed = x86_efer_allowed(cpu);

    if (val & ~(allowed | X86_EFER_LMA))
        return false;
    if (((val ^ s->efer) & X86_EFER_LME) && (s->cr0 & X86_CR0_PG))
        return false;
    val = (val & ~(uint64_t)X86_EFER_LMA) | (s->efer & X86_EFER_LMA);
    if ((val ^ s->efer) & X86_EFER_NXE)
        guest_tlb_flush(&cpu->cpu);
    s->efer = val;
    return true;
}

static bool is_apic_msr(uint32_t msr)
{
    return msr == MSR_IA32_APIC_BASE || msr == MSR_IA32_TSC_DEADLINE ||
           (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST);
}

/* Registers of AMD's chips that firmware and kernels touch: nothing hangs on them. */
static bool is_amd_filler(const struct x86_cpu *cpu, uint32_t msr)
{
    return x86_is_amd(cpu) && msr >= MSR_AMD_FIRST && msr <= MSR_AMD_LAST;
}

static bool read_constant(const struct x86_cpu *cpu, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_PLATFORM_ID:
    case MSR_EBL_CR_POWERON:
    case MSR_CLOCK_MODULATION:
    case MSR_THERM_INTERRUPT:
    case MSR_THERM_STATUS: *val = 0; return true;
    case MSR_BIOS_SIGN_ID: *val = (uint64_t)cpu->microcode << 32; return true;
    case MSR_PLATFORM_INFO: *val = (cpu->tsc_hz / 100000000 & 0xff) << 8; return true;
    case MSR_PERF_STATUS: *val = (uint64_t)1000 << 32 | 4 << 24; return true;
    case MSR_MTRRCAP: *val = VARIABLE_MTRRS | MTRR_FIXED | MTRR_WC; return x86_has(cpu, X86_F_MTRR);
    case MSR_MCG_CAP: *val = MC_BANKS | MCG_CTL_PRESENT; return x86_has(cpu, X86_F_MCA);
    case MSR_AMD_HWCR: *val = BIT64(24); return x86_is_amd(cpu); /* TscFreqSel */
    default: *val = 0; return is_amd_filler(cpu, msr);
    }
}

static bool has_tsc_aux(const struct x86_cpu *cpu)
{
    return x86_has(cpu, X86_F_RDTSCP) || x86_has(cpu, X86_F_RDPID);
}

static bool read_other(struct x86_cpu *cpu, uint32_t msr, uint64_t *val)
{
    switch (msr) {
    case MSR_TSC: *val = x86_tsc(cpu); return x86_has(cpu, X86_F_TSC);
    case MSR_TSC_ADJUST: *val = cpu->s.tsc_adjust; return x86_has(cpu, X86_F_TSC_ADJUST);
    case MSR_TSC_AUX: *val = cpu->s.tsc_aux; return has_tsc_aux(cpu);
    case MSR_FEATURE_CONTROL: *val = cpu->s.feature_control; return !x86_is_amd(cpu);
    case MSR_SMBASE: *val = cpu->s.smbase; return cpu->s.smm;
    case MSR_MTRR_DEF_TYPE: *val = cpu->s.mtrr_def_type; return x86_has(cpu, X86_F_MTRR);
    case MSR_DEBUGCTL: *val = cpu->s.debugctl; return true;
    case MSR_XSS: *val = cpu->s.xss; return x86_has(cpu, X86_F_XSAVES);
    case MSR_EFER: *val = cpu->s.efer; return true;
    case MSR_FS_BASE: *val = cpu->base[X86_FS]; return x86_has(cpu, X86_F_LM);
    case MSR_GS_BASE: *val = cpu->base[X86_GS]; return x86_has(cpu, X86_F_LM);
    default: return read_constant(cpu, msr, val);
    }
}

static bool write_segment_base(struct x86_cpu *cpu, unsigned n, uint64_t val)
{
    if (!x86_has(cpu, X86_F_LM) || !x86_is_canonical_register(cpu, val))
        return false;
    cpu->base[n] = val;
    return true;
}

static bool write_def_type(struct x86_cpu *cpu, uint64_t val)
{
    if (!x86_has(cpu, X86_F_MTRR) || (val & ~UINT64_C(0xcff)) || !is_type(val & 0xff, false))
        return false;
    cpu->s.mtrr_def_type = val;
    return true;
}

/* Bit 0 locks it.  Ref: SDM vol. 4, table 2-2. */
static bool write_feature_control(struct x86_cpu *cpu, uint64_t val)
{
    if (x86_is_amd(cpu) || (cpu->s.feature_control & 1))
        return false;
    cpu->s.feature_control = val;
    return true;
}

static bool write_other(struct x86_cpu *cpu, uint32_t msr, uint64_t val)
{
    switch (msr) {
    case MSR_TSC: write_tsc(cpu, val); return x86_has(cpu, X86_F_TSC);
    case MSR_TSC_ADJUST:
        if (!x86_has(cpu, X86_F_TSC_ADJUST))
            return false;
        write_tsc_adjust(cpu, val);
        return true;
    case MSR_TSC_AUX: cpu->s.tsc_aux = (uint32_t)val; return has_tsc_aux(cpu);
    case MSR_FEATURE_CONTROL: return write_feature_control(cpu, val);
    case MSR_MTRR_DEF_TYPE: return write_def_type(cpu, val);
    case MSR_DEBUGCTL: cpu->s.debugctl = val & 0x3; return !(val & ~UINT64_C(0xffc3));
    case MSR_XSS: cpu->s.xss = 0; return x86_has(cpu, X86_F_XSAVES) && !val;
    case MSR_EFER: return write_efer(cpu, val);
    case MSR_FS_BASE: return write_segment_base(cpu, X86_FS, val);
    case MSR_GS_BASE: return write_segment_base(cpu, X86_GS, val);
    case MSR_EBL_CR_POWERON:
    case MSR_BIOS_UPDT_TRIG:
    case MSR_BIOS_SIGN_ID:
    case MSR_CLOCK_MODULATION:
    case MSR_THERM_INTERRUPT:
    case MSR_THERM_STATUS: return true;
    default: return is_amd_filler(cpu, msr);
    }
}

/* ---- access ---- */

bool x86_msr_read(struct x86_cpu *cpu, uint32_t msr, uint64_t *val)
{
    const struct plain *p = find_plain(cpu, msr);
    const uint64_t *row;

    if (p) {
        *val = *field(cpu, p);
        return true;
    }
    if (is_apic_msr(msr))
        return cpu->apic_ops && cpu->apic_ops->msr_read &&
               cpu->apic_ops->msr_read(cpu->apic, msr, val);
    row = row_field(cpu, msr);
    if (row) {
        *val = *row;
        return true;
    }
    return read_other(cpu, msr, val);
}

bool x86_msr_write(struct x86_cpu *cpu, uint32_t msr, uint64_t val)
{
    const struct plain *p = find_plain(cpu, msr);
    uint64_t *row;

    if (p)
        return write_plain(cpu, p, val);
    if (is_apic_msr(msr))
        return cpu->apic_ops && cpu->apic_ops->msr_write &&
               cpu->apic_ops->msr_write(cpu->apic, msr, val);
    row = row_field(cpu, msr);
    if (row) {
        if (!row_takes(cpu, msr, val))
            return false;
        *row = val;
        return true;
    }
    return write_other(cpu, msr, val);
}

static NORETURN void refuse(struct x86_cpu *cpu, const char *what, uint32_t msr)
{
    log_unimp("cpu %u: %s 0x%x at 0x%" PRIx64, cpu->cpu.index, what, msr, cpu->pc);
    x86_fault(cpu, X86_GP, 0);
}

void helper_rdmsr(struct x86_cpu *cpu)
{
    uint32_t msr = (uint32_t)cpu->r[1];
    uint64_t val = 0;

    if (cpu->s.cpl)
        x86_fault(cpu, X86_GP, 0);
    if (!x86_msr_read(cpu, msr, &val))
        refuse(cpu, "rdmsr", msr);
    cpu->r[0] = (uint32_t)val;
    cpu->r[2] = val >> 32;
}

void helper_wrmsr(struct x86_cpu *cpu)
{
    uint32_t msr = (uint32_t)cpu->r[1];

    if (cpu->s.cpl)
        x86_fault(cpu, X86_GP, 0);
    if (!x86_msr_write(cpu, msr, (uint32_t)cpu->r[0] | cpu->r[2] << 32))
        refuse(cpu, "wrmsr", msr);
    if (msr >= MSR_FS_BASE && msr <= MSR_KERNEL_GS) /* a switch of tasks: no mode depends on them */
        return;
    x86_segments_changed(cpu);
    x86_irq_reevaluate(cpu);
}
