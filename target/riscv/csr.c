/*
 * Control and status registers: one table of all of them, and the access rules.
 *
 * A register is a field of struct rv_state with a mask of writable bits, or has functions of its
 * own.  Values are 64 bits wide here; on RV32 a register with a `...h` twin is reached in halves,
 * the twin's row giving the distance to the low half. Ref: Priv. 2 (numbers, access), 3.1 and 10.1
 * (registers), 5 (Smstateen), 12 (Sstc); Debug 1.0 5.7 (triggers).
 */
#include "target/riscv/csr.h"
#include "accel/tcg/guest.h"
#include "target/riscv/aia.h"
#include "target/riscv/cpu.h"
#include "util/bits.h"
#include "util/log.h"

enum { PRIV_1_11 = 0x10b00, PRIV_1_12 = 0x10c00, PRIV_1_13 = 0x10d00 };

struct csr {
    const char *name;
    uint16_t field; /* offset in struct rv_cpu of a plain register, 0: none */
    uint16_t high;  /* this is the upper half of the register this far below */
    uint64_t mask;  /* of a plain register: bits that can be written */
    bool (*allow)(const struct rv_cpu *cpu,
                  unsigned num); /* exists and may be accessed in this mode; NULL: always */
    uint64_t (*read)(struct rv_cpu *cpu, unsigned num);
    void (*write)(struct rv_cpu *cpu, unsigned num, uint64_t val);
    uint64_t (*rmw)(
        struct rv_cpu *cpu); /* what set and clear start from, where that is not what is read */
    /* The whole access, instead of the others, where it must be one step for others than the hart;
     * the old value. */
    uint64_t (*access)(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val);
};

/* ---- who may access what ---- */

static bool has_s(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_S);
}

static bool is_rv32(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->xlen == 32;
}

static bool has_u(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_U);
}

static bool allow_fp(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_F) && (cpu->s.mstatus & MSTATUS_FS);
}

static bool allow_satp(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_S) && !(cpu->s.prv == PRV_S && (cpu->s.mstatus & MSTATUS_TVM));
}

static bool has_1_11(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->priv_spec >= PRIV_1_11;
}

static bool has_1_12(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->priv_spec >= PRIV_1_12;
}

static bool has_1_12_rv32(const struct rv_cpu *cpu, unsigned num)
{
    return has_1_12(cpu, num) && is_rv32(cpu, num);
}

static bool allow_medelegh(const struct rv_cpu *cpu, unsigned num)
{
    return has_s(cpu, num) && is_rv32(cpu, num) && cpu->priv_spec >= PRIV_1_13;
}

static bool allow_menvcfg(const struct rv_cpu *cpu, unsigned num)
{
    return has_u(cpu, num) && has_1_12(cpu, num);
}

static bool allow_menvcfgh(const struct rv_cpu *cpu, unsigned num)
{
    return allow_menvcfg(cpu, num) && is_rv32(cpu, num);
}

/* Whether mstateen0 lets less privileged modes have what a bit controls. */
static bool stateen_allows(const struct rv_cpu *cpu, unsigned n, uint64_t bit)
{
    return cpu->s.prv == PRV_M || !rv_has(cpu, EXT_SMSTATEEN) || (cpu->s.mstateen[n] & bit);
}

static bool allow_senvcfg(const struct rv_cpu *cpu, unsigned num)
{
    return has_s(cpu, num) && has_1_12(cpu, num) && stateen_allows(cpu, 0, STATEEN_ENVCFG);
}

static bool allow_mstateen(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SMSTATEEN);
}

static bool allow_mstateenh(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SMSTATEEN) && cpu->xlen == 32;
}

static bool allow_sstateen(const struct rv_cpu *cpu, unsigned num)
{
    return rv_has(cpu, EXT_SMSTATEEN) && has_s(cpu, num) &&
           stateen_allows(cpu, num & 3, STATEEN_SE);
}

/* mcounteren and scounteren, bit by counter. Ref: Priv. 3.1.11, 10.1.5. */
static bool counter_enabled(const struct rv_cpu *cpu, unsigned n)
{
    if (cpu->s.prv < PRV_M && rv_has(cpu, EXT_U) && !(cpu->s.mcounteren >> n & 1))
        return false;
    return cpu->s.prv != PRV_U || !rv_has(cpu, EXT_S) || (cpu->s.scounteren >> n & 1);
}

static bool allow_counter(const struct rv_cpu *cpu, unsigned num)
{
    unsigned n = num & 31;

    return rv_has(cpu, n < RV_HPM_FIRST ? EXT_ZICNTR : EXT_ZIHPM) && counter_enabled(cpu, n);
}

static bool allow_counterh(const struct rv_cpu *cpu, unsigned num)
{
    return is_rv32(cpu, num) && allow_counter(cpu, num);
}

static bool allow_stimecmp(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    if (!rv_has(cpu, EXT_SSTC))
        return false;
    return cpu->s.prv == PRV_M ||
           ((cpu->s.menvcfg & ENVCFG_STCE) && (cpu->s.mcounteren & COUNTER_TM));
}

static bool allow_stimecmph(const struct rv_cpu *cpu, unsigned num)
{
    return is_rv32(cpu, num) && allow_stimecmp(cpu, num);
}

/* Entries come in banks of 16 or 64; on RV64 only even configuration registers exist. */
static unsigned pmp_bank(const struct rv_cpu *cpu)
{
    return !cpu->pmp_count ? 0 : cpu->pmp_count <= 16 ? 16 : RV_PMP_MAX;
}

static bool allow_pmpcfg(const struct rv_cpu *cpu, unsigned num)
{
    unsigned n = num - CSR_PMPCFG0;

    return n * 4 < pmp_bank(cpu) && (cpu->xlen == 32 || !(n & 1));
}

static bool allow_pmpaddr(const struct rv_cpu *cpu, unsigned num)
{
    return num - CSR_PMPADDR0 < pmp_bank(cpu);
}

/* ---- floating point ---- */

static void fp_written(struct rv_cpu *cpu)
{
    cpu->s.mstatus |= MSTATUS_FS;
    rv_sync_fpenv(cpu);
    guest_mode_changed(&cpu->cpu);
}

static uint64_t read_fflags(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_fflags(cpu);
}

static void write_fflags(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    rv_set_fflags(cpu, val & 31);
    fp_written(cpu);
}

static uint64_t read_frm(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->s.frm;
}

static void write_frm(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.frm = val & 7;
    fp_written(cpu);
}

static uint64_t read_fcsr(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_fflags(cpu) | (uint64_t)cpu->s.frm << 5;
}

static void write_fcsr(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    rv_set_fflags(cpu, val & 31);
    cpu->s.frm = val >> 5 & 7;
    fp_written(cpu);
}

/* ---- status ---- */

/* Bits of mstatus that this hart's modes and extensions make writable. Ref: Priv. 3.1.6. */
static uint64_t mstatus_mask(const struct rv_cpu *cpu)
{
    uint64_t mask = MSTATUS_MIE | MSTATUS_MPIE;

    if (rv_has(cpu, EXT_U))
        mask |= MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_TW;
    if (rv_has(cpu, EXT_S))
        mask |= MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TSR;
    if (rv_has(cpu, EXT_S) && cpu->max_satp_mode)
        mask |= MSTATUS_SUM;
    if (rv_has(cpu, EXT_F))
        mask |= MSTATUS_FS;
    return mask;
}

enum {
    SSTATUS_BITS = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR
};

static uint64_t with_sd(const struct rv_cpu *cpu, uint64_t st)
{
    return (st & MSTATUS_FS) == MSTATUS_FS ? st | BIT64(cpu->xlen - 1) : st;
}

static bool mpp_exists(const struct rv_cpu *cpu, unsigned mpp)
{
    return mpp == PRV_M || (mpp == PRV_S && rv_has(cpu, EXT_S)) ||
           (mpp == PRV_U && rv_has(cpu, EXT_U));
}

static void set_mstatus(struct rv_cpu *cpu, uint64_t mask, uint64_t val)
{
    uint64_t old = cpu->s.mstatus, st = (old & ~mask) | (val & mask);

    if (!mpp_exists(cpu, field_get(st, MSTATUS_MPP)))
        st = field_set(st, MSTATUS_MPP, field_get(old, MSTATUS_MPP));
    cpu->s.mstatus = st;
    if ((st ^ old) & (MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_FS))
        guest_mode_changed(&cpu->cpu);
    rv_irq_reevaluate(cpu);
}

static uint64_t read_mstatus(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return with_sd(cpu, cpu->s.mstatus);
}

static void write_mstatus(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    set_mstatus(cpu, mstatus_mask(cpu), val);
}

struct rv_sstatus_bits rv_sstatus_bits(const struct rv_cpu *cpu)
{
    return (struct rv_sstatus_bits){.readable =
                                        cpu->xlen == 64 ? SSTATUS_BITS | MSTATUS_UXL : SSTATUS_BITS,
                                    .writable = mstatus_mask(cpu) & SSTATUS_BITS};
}

static uint64_t read_sstatus(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return with_sd(cpu, cpu->s.mstatus & rv_sstatus_bits(cpu).readable);
}

static void write_sstatus(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    set_mstatus(cpu, rv_sstatus_bits(cpu).writable, val);
}

/* ---- delegation, interrupts ---- */

enum {
    MEDELEG_BITS = 1 << CAUSE_FETCH_MISALIGNED | 1 << CAUSE_FETCH_ACCESS | 1 << CAUSE_ILLEGAL |
                   1 << CAUSE_BREAKPOINT | 1 << CAUSE_LOAD_MISALIGNED | 1 << CAUSE_LOAD_ACCESS |
                   1 << CAUSE_STORE_MISALIGNED | 1 << CAUSE_STORE_ACCESS | 1 << CAUSE_ECALL_U |
                   1 << CAUSE_ECALL_S | 1 << CAUSE_FETCH_PAGE | 1 << CAUSE_LOAD_PAGE |
                   1 << CAUSE_STORE_PAGE
};

static uint64_t irq_bits(const struct rv_cpu *cpu)
{
    return rv_has(cpu, EXT_S) ? IRQ_M | IRQ_S : IRQ_M;
}

static void write_mideleg(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.mideleg = val & IRQ_S;
    rv_irq_reevaluate(cpu);
}

static void set_mie(struct rv_cpu *cpu, uint64_t mask, uint64_t val)
{
    cpu->s.mie = (cpu->s.mie & ~mask) | (val & mask);
    rv_irq_reevaluate(cpu);
}

static void write_mie(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    set_mie(cpu, irq_bits(cpu), val);
}

static uint64_t read_sie(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->s.mie & cpu->s.mideleg;
}

static void write_sie(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    set_mie(cpu, cpu->s.mideleg, val);
}

static void set_mip(struct rv_cpu *cpu, uint64_t mask, uint64_t val)
{
    cpu->s.mip_sw = (cpu->s.mip_sw & ~mask) | (val & mask);
    rv_irq_reevaluate(cpu);
}

static uint64_t read_mip(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_mip(cpu) & irq_bits(cpu);
}

/* Set and clear work on the software bits: an external line that reads as SEIP does not stick. Ref:
 * Priv. 3.1.9. */
static uint64_t rmw_mip(struct rv_cpu *cpu)
{
    rv_mip(cpu); /* an edge that has just come in counts */
    return cpu->s.mip_sw;
}

static void write_mip(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    uint64_t mask = rv_has(cpu, EXT_S) ? IRQ_S : 0;

    if (cpu->s.menvcfg & ENVCFG_STCE)
        mask &= ~(uint64_t)IRQ_STI;
    set_mip(cpu, mask, val);
}

static uint64_t read_sip(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_mip(cpu) & cpu->s.mideleg;
}

static void write_sip(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    set_mip(cpu, cpu->s.mideleg & IRQ_SSI, val);
}

/* ---- trap registers ---- */

/* An exception pc; bit 1 reads zero where instructions are 32 bits long only. */
uint64_t rv_epc_mask(const struct rv_cpu *cpu)
{
    return rv_has(cpu, EXT_ZCA) ? ~UINT64_C(1) : ~UINT64_C(3);
}

static void write_mepc(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.mepc = val & rv_epc_mask(cpu);
}

static void write_sepc(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.sepc = val & rv_epc_mask(cpu);
}

/* ---- translation ---- */

static bool satp_mode_exists(const struct rv_cpu *cpu, unsigned mode)
{
    if (mode == SATP_BARE)
        return true;
    if (cpu->xlen == 32)
        return mode <= cpu->max_satp_mode;
    return mode >= SATP_SV39 && mode <= cpu->max_satp_mode;
}

/* An unsupported MODE leaves all of satp as it was. Ref: Priv. 10.1.11. */
static void write_satp(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    bool is32 = cpu->xlen == 32;
    uint64_t mode = is32 ? SATP32_MODE : SATP64_MODE, asid = is32 ? SATP32_ASID : SATP64_ASID;
    uint64_t old = cpu->s.satp;

    if (!cpu->max_satp_mode || !satp_mode_exists(cpu, field_get(val, mode)))
        return;
    val = field_set(val, asid, field_get(val, asid) & cpu->asid_mask);
    if (val == old)
        return;
    cpu->s.satp = val;
    /* Entries of another mode mean something else, Bare's among them; else software does the
     * fencing. */
    if ((val ^ old) & mode)
        guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
}

/* ---- PMP ---- */

static bool pmp_locked(const struct rv_cpu *cpu, unsigned i)
{
    return cpu->s.pmpcfg[i / 8] >> (i % 8 * 8) & PMP_L;
}

static uint8_t pmp_cfg(const struct rv_cpu *cpu, unsigned i)
{
    return cpu->s.pmpcfg[i / 8] >> (i % 8 * 8);
}

static void pmp_changed(struct rv_cpu *cpu)
{
    rv_pmp_update(cpu);
    guest_tlb_flush(&cpu->cpu);
}

static uint64_t read_pmpcfg(struct rv_cpu *cpu, unsigned num)
{
    unsigned n = num - CSR_PMPCFG0;

    return cpu->xlen == 64 ? cpu->s.pmpcfg[n / 2] : extract64(cpu->s.pmpcfg[n / 2], n % 2 * 32, 32);
}

/* One configuration byte. Locked ones stay; R=0 W=1 is reserved: such a write leaves the
 * permissions. */
static void set_pmpcfg(struct rv_cpu *cpu, unsigned i, uint8_t val)
{
    if (i >= cpu->pmp_count || pmp_locked(cpu, i))
        return;
    if ((val & (PMP_R | PMP_W)) == PMP_W)
        val = (val & ~(PMP_R | PMP_W | PMP_X)) | (pmp_cfg(cpu, i) & (PMP_R | PMP_W | PMP_X));
    val &= PMP_R | PMP_W | PMP_X | PMP_A | PMP_L;
    cpu->s.pmpcfg[i / 8] = deposit64(cpu->s.pmpcfg[i / 8], i % 8 * 8, 8, val);
}

static void write_pmpcfg(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    unsigned first = (num - CSR_PMPCFG0) * 4;

    for (unsigned i = 0; i < cpu->xlen / 8; i++)
        set_pmpcfg(cpu, first + i, val >> (i * 8));
    pmp_changed(cpu);
}

static uint64_t read_pmpaddr(struct rv_cpu *cpu, unsigned num)
{
    return cpu->s.pmpaddr[num - CSR_PMPADDR0];
}

/* Locked by its own entry, or as the base of a locked TOR entry after it. Ref: Priv. 3.7.1. */
static void write_pmpaddr(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    unsigned i = num - CSR_PMPADDR0;
    bool next_locked = i + 1 < cpu->pmp_count && pmp_locked(cpu, i + 1) &&
                       (pmp_cfg(cpu, i + 1) >> 3 & 3) == PMP_TOR;

    if (i >= cpu->pmp_count || pmp_locked(cpu, i) || next_locked)
        return;
    cpu->s.pmpaddr[i] = cpu->xlen == 64 ? val & MASK64(0, 54) : (uint32_t)val;
    /* Addresses are written before entries are switched on: then nothing depends on them yet. */
    bool next_tor = i + 1 < cpu->pmp_count && (pmp_cfg(cpu, i + 1) >> 3 & 3) == PMP_TOR;
    if ((pmp_cfg(cpu, i) & PMP_A) || next_tor)
        pmp_changed(cpu);
}

/* ---- counters, environment, identity ---- */

static uint64_t read_counter(struct rv_cpu *cpu, unsigned num)
{
    return rv_counter_read(cpu, num & 31);
}

static uint64_t read_time(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_time(cpu);
}

static bool counter_exists(const struct rv_cpu *cpu, unsigned n)
{
    return n < RV_HPM_FIRST || (cpu->hpm_mask >> n & 1);
}

static void write_counter(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    if (counter_exists(cpu, num & 31))
        rv_counter_write(cpu, num & 31, val);
}

static uint64_t read_hpmevent(struct rv_cpu *cpu, unsigned num)
{
    return cpu->s.mhpmevent[num & 31];
}

static void write_hpmevent(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    if (counter_exists(cpu, num & 31))
        rv_set_hpmevent(cpu, num & 31, val);
}

static void write_mcounteren(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.mcounteren = val & (COUNTER_CY | COUNTER_TM | COUNTER_IR | cpu->hpm_mask);
}

static void write_scounteren(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.scounteren = val & (COUNTER_CY | COUNTER_TM | COUNTER_IR | cpu->hpm_mask);
}

static void write_mcountinhibit(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    rv_set_countinhibit(cpu, val & (COUNTER_CY | COUNTER_IR | cpu->hpm_mask));
}

static void write_stimecmp(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    rv_set_stimecmp(cpu, val);
    rv_irq_reevaluate(cpu);
}

/* CBIE 2 is reserved: such a write leaves the field. */
static uint64_t envcfg_value(const struct rv_cpu *cpu, uint64_t old, uint64_t val)
{
    uint64_t mask = cpu->max_satp_mode ? ENVCFG_FIOM : 0;

    if (rv_has(cpu, EXT_ZICBOM) && field_get(val, ENVCFG_CBIE) != 2)
        mask |= ENVCFG_CBIE;
    if (rv_has(cpu, EXT_ZICBOM))
        mask |= ENVCFG_CBCFE;
    if (rv_has(cpu, EXT_ZICBOZ))
        mask |= ENVCFG_CBZE;
    return (old & ~mask) | (val & mask);
}

static void write_menvcfg(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    uint64_t upper = 0, old = cpu->s.menvcfg;

    upper |= rv_has(cpu, EXT_SSTC) ? ENVCFG_STCE : 0;
    upper |= rv_has(cpu, EXT_SVPBMT) ? ENVCFG_PBMTE : 0;
    upper |= rv_has(cpu, EXT_SVADU) ? ENVCFG_ADUE : 0;
    rv_set_menvcfg(cpu, (envcfg_value(cpu, old, val) & ~upper) | (val & upper));
    rv_irq_reevaluate(cpu);
}

static void write_senvcfg(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    cpu->s.senvcfg = envcfg_value(cpu, cpu->s.senvcfg, val);
}

static uint64_t read_mstateen(struct rv_cpu *cpu, unsigned num)
{
    return cpu->s.mstateen[num & 3];
}

static void write_mstateen(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    uint64_t aia = rv_has(cpu, EXT_SSAIA) ? STATEEN_IMSIC | STATEEN_AIA | STATEEN_CSRIND : 0;
    uint64_t mask = (num & 3) == 0 ? STATEEN_SE | STATEEN_ENVCFG | aia : STATEEN_SE;

    cpu->s.mstateen[num & 3] = val & mask;
}

static uint64_t read_mvendorid(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->vendorid;
}

static uint64_t read_marchid(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->archid;
}

static uint64_t read_mimpid(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->impid;
}

static uint64_t read_mhartid(struct rv_cpu *cpu, unsigned num UNUSED)
{
    return cpu->hartid;
}

static uint64_t read_one(struct rv_cpu *cpu UNUSED, unsigned num UNUSED)
{
    return 1;
}

/* ---- the table ---- */

#define FIELD(f)             .field = offsetof(struct rv_cpu, s.f)
#define PLAIN(f)             FIELD(f), .mask = ~UINT64_C(0)
#define RW(r, w)             .read = read_##r, .write = write_##w
#define UPPER_OF(low, high_) .high = (high_) - (low)

/* misa is fixed (a legal WARL); so are MBE, SBE and UBE, which read 0.  A row without field and
 * functions reads 0. */
static const struct csr csrs[CSR_COUNT] = {
    [CSR_FFLAGS] = {"fflags", .allow = allow_fp, RW(fflags, fflags)},
    [CSR_FRM] = {"frm", .allow = allow_fp, RW(frm, frm)},
    [CSR_FCSR] = {"fcsr", .allow = allow_fp, RW(fcsr, fcsr)},

    [CSR_CYCLE] = {"cycle", .allow = allow_counter, .read = read_counter},
    [CSR_TIME] = {"time", .allow = allow_counter, .read = read_time},
    [CSR_INSTRET] = {"instret", .allow = allow_counter, .read = read_counter},
    [CSR_HPMCOUNTER3...
        CSR_HPMCOUNTER31] = {"hpmcounter", .allow = allow_counter, .read = read_counter},
    [CSR_CYCLEH] = {"cycleh", .allow = allow_counterh, UPPER_OF(CSR_CYCLE, CSR_CYCLEH)},
    [CSR_TIMEH] = {"timeh", .allow = allow_counterh, UPPER_OF(CSR_TIME, CSR_TIMEH)},
    [CSR_INSTRETH] = {"instreth", .allow = allow_counterh, UPPER_OF(CSR_INSTRET, CSR_INSTRETH)},
    [CSR_HPMCOUNTER3H... CSR_HPMCOUNTER31H] = {"hpmcounterh", .allow = allow_counterh,
                                               UPPER_OF(CSR_CYCLE, CSR_CYCLEH)},

    [CSR_SSTATUS] = {"sstatus", .allow = has_s, RW(sstatus, sstatus)},
    [CSR_SIE] = {"sie", .allow = has_s, RW(sie, sie)},
    [CSR_STVEC] = {"stvec", .allow = has_s, FIELD(stvec), .mask = ~UINT64_C(2)},
    [CSR_SCOUNTEREN] = {"scounteren", .allow = has_s, FIELD(scounteren), .write = write_scounteren},
    [CSR_SENVCFG] = {"senvcfg", .allow = allow_senvcfg, FIELD(senvcfg), .write = write_senvcfg},
    [CSR_SSTATEEN0... CSR_SSTATEEN3] = {"sstateen", .allow = allow_sstateen},
    [CSR_SSCRATCH] = {"sscratch", .allow = has_s, PLAIN(sscratch)},
    [CSR_SEPC] = {"sepc", .allow = has_s, FIELD(sepc), .write = write_sepc},
    [CSR_SCAUSE] = {"scause", .allow = has_s, PLAIN(scause)},
    [CSR_STVAL] = {"stval", .allow = has_s, PLAIN(stval)},
    [CSR_SIP] = {"sip", .allow = has_s, RW(sip, sip), .rmw = rmw_mip},
    [CSR_STIMECMP] = {"stimecmp", .allow = allow_stimecmp, FIELD(stimecmp),
                      .write = write_stimecmp},
    [CSR_STIMECMPH] = {"stimecmph", .allow = allow_stimecmph,
                       UPPER_OF(CSR_STIMECMP, CSR_STIMECMPH)},
    [CSR_SIEH] = {"sieh", .allow = rv_aia_allow_s32},
    [CSR_SIPH] = {"siph", .allow = rv_aia_allow_s32},
    [CSR_SISELECT] = {"siselect", .allow = rv_aia_allow_siselect, FIELD(siselect), .mask = 0xfff},
    [CSR_SIREG] = {"sireg", .allow = rv_aia_allow_ireg, .access = rv_aia_ireg},
    [CSR_STOPEI] = {"stopei", .allow = rv_aia_allow_topei, .access = rv_aia_topei},
    [CSR_STOPI] = {"stopi", .allow = rv_aia_allow_s, .read = rv_aia_topi},
    [CSR_SATP] = {"satp", .allow = allow_satp, FIELD(satp), .write = write_satp},

    [CSR_MVENDORID] = {"mvendorid", .read = read_mvendorid},
    [CSR_MARCHID] = {"marchid", .read = read_marchid},
    [CSR_MIMPID] = {"mimpid", .read = read_mimpid},
    [CSR_MHARTID] = {"mhartid", .read = read_mhartid},
    [CSR_MCONFIGPTR] = {"mconfigptr", .allow = has_1_12},
    [CSR_MSTATUS] = {"mstatus", RW(mstatus, mstatus)},
    [CSR_MSTATUSH] = {"mstatush", .allow = has_1_12_rv32, UPPER_OF(CSR_MSTATUS, CSR_MSTATUSH)},
    [CSR_MISA] = {"misa", FIELD(misa)},
    [CSR_MEDELEG] = {"medeleg", .allow = has_s, FIELD(medeleg), .mask = MEDELEG_BITS},
    [CSR_MEDELEGH] = {"medelegh", .allow = allow_medelegh, UPPER_OF(CSR_MEDELEG, CSR_MEDELEGH)},
    [CSR_MIDELEG] = {"mideleg", .allow = has_s, FIELD(mideleg), .write = write_mideleg},
    [CSR_MIE] = {"mie", FIELD(mie), .write = write_mie},
    [CSR_MTVEC] = {"mtvec", FIELD(mtvec), .mask = ~UINT64_C(2)},
    [CSR_MCOUNTEREN] = {"mcounteren", .allow = has_u, FIELD(mcounteren), .write = write_mcounteren},
    [CSR_MENVCFG] = {"menvcfg", .allow = allow_menvcfg, FIELD(menvcfg), .write = write_menvcfg},
    [CSR_MENVCFGH] = {"menvcfgh", .allow = allow_menvcfgh, UPPER_OF(CSR_MENVCFG, CSR_MENVCFGH)},
    [CSR_MSTATEEN0...
        CSR_MSTATEEN3] = {"mstateen", .allow = allow_mstateen, RW(mstateen, mstateen)},
    [CSR_MSTATEEN0H... CSR_MSTATEEN3H] = {"mstateenh", .allow = allow_mstateenh,
                                          UPPER_OF(CSR_MSTATEEN0, CSR_MSTATEEN0H)},
    [CSR_MCOUNTINHIBIT] = {"mcountinhibit", .allow = has_1_11, FIELD(mcountinhibit),
                           .write = write_mcountinhibit},
    [CSR_MHPMEVENT3... CSR_MHPMEVENT31] = {"mhpmevent", RW(hpmevent, hpmevent)},
    [CSR_MHPMEVENT3H... CSR_MHPMEVENT31H] = {"mhpmeventh", .allow = is_rv32,
                                             UPPER_OF(CSR_MHPMEVENT3, CSR_MHPMEVENT3H)},
    [CSR_MSCRATCH] = {"mscratch", PLAIN(mscratch)},
    [CSR_MEPC] = {"mepc", FIELD(mepc), .write = write_mepc},
    [CSR_MCAUSE] = {"mcause", PLAIN(mcause)},
    [CSR_MTVAL] = {"mtval", PLAIN(mtval)},
    [CSR_MIP] = {"mip", RW(mip, mip), .rmw = rmw_mip},
    [CSR_MISELECT] = {"miselect", .allow = rv_aia_allow_m, FIELD(miselect), .mask = 0xfff},
    [CSR_MIREG] = {"mireg", .allow = rv_aia_allow_ireg, .access = rv_aia_ireg},
    [CSR_MTOPEI] = {"mtopei", .allow = rv_aia_allow_topei, .access = rv_aia_topei},
    [CSR_MTOPI] = {"mtopi", .allow = rv_aia_allow_m, .read = rv_aia_topi},
    [CSR_MVIEN] = {"mvien", .allow = rv_aia_allow_m},
    [CSR_MVIP] = {"mvip", .allow = rv_aia_allow_m, .read = rv_aia_read_mvip,
                  .write = rv_aia_write_mvip},
    [CSR_MIDELEGH] = {"midelegh", .allow = rv_aia_allow_m32},
    [CSR_MIEH] = {"mieh", .allow = rv_aia_allow_m32},
    [CSR_MVIENH] = {"mvienh", .allow = rv_aia_allow_m32},
    [CSR_MVIPH] = {"mviph", .allow = rv_aia_allow_m32},
    [CSR_MIPH] = {"miph", .allow = rv_aia_allow_m32},
    [CSR_PMPCFG0... CSR_PMPCFG15] = {"pmpcfg", .allow = allow_pmpcfg, RW(pmpcfg, pmpcfg)},
    [CSR_PMPADDR0... CSR_PMPADDR63] = {"pmpaddr", .allow = allow_pmpaddr, RW(pmpaddr, pmpaddr)},
    [CSR_MSECCFG] = {"mseccfg", .allow = has_1_12, FIELD(mseccfg)},
    [CSR_MSECCFGH] = {"mseccfgh", .allow = has_1_12_rv32, UPPER_OF(CSR_MSECCFG, CSR_MSECCFGH)},
    /* No triggers: whatever is selected is trigger 0, of type 0. */
    [CSR_TSELECT] = {"tselect", FIELD(tselect)},
    [CSR_TDATA1] = {"tdata1", FIELD(tdata1)},
    [CSR_TDATA2] = {"tdata2", FIELD(tdata2)},
    [CSR_TDATA3] = {"tdata3", FIELD(tdata3)},
    [CSR_TINFO] = {"tinfo", .read = read_one},
    [CSR_MCYCLE] = {"mcycle", RW(counter, counter)},
    [CSR_MINSTRET] = {"minstret", RW(counter, counter)},
    [CSR_MHPMCOUNTER3... CSR_MHPMCOUNTER31] = {"mhpmcounter", RW(counter, counter)},
    [CSR_MCYCLEH] = {"mcycleh", .allow = is_rv32, UPPER_OF(CSR_MCYCLE, CSR_MCYCLEH)},
    [CSR_MINSTRETH] = {"minstreth", .allow = is_rv32, UPPER_OF(CSR_MINSTRET, CSR_MINSTRETH)},
    [CSR_MHPMCOUNTER3H...
        CSR_MHPMCOUNTER31H] = {"mhpmcounterh", .allow = is_rv32, UPPER_OF(CSR_MCYCLE, CSR_MCYCLEH)},
};

/* ---- access ---- */

static uint64_t *field_of(struct rv_cpu *cpu, const struct csr *c)
{
    return (uint64_t *)(void *)((char *)cpu + c->field);
}

static uint64_t get(struct rv_cpu *cpu, const struct csr *c, unsigned num)
{
    if (c->access)
        return c->access(cpu, num, RV_CSR_READ, 0);
    if (c->read)
        return c->read(cpu, num);
    return c->field ? *field_of(cpu, c) : 0;
}

static void set(struct rv_cpu *cpu, const struct csr *c, unsigned num, uint64_t val)
{
    if (c->write)
        c->write(cpu, num, val);
    else if (c->field)
        *field_of(cpu, c) = (*field_of(cpu, c) & ~c->mask) | (val & c->mask);
}

/* Bits 9:8 of the number are the least privilege, 11:10 all ones means read-only. Ref: Priv. 2.1.
 */
static bool is_allowed(const struct rv_cpu *cpu, const struct csr *c, unsigned num, bool is_write)
{
    if (!c->name || (num >> 8 & 3) > cpu->s.prv || (is_write && num >> 10 == 3))
        return false;
    return !c->allow || c->allow(cpu, num);
}

static uint64_t combine(unsigned ops, uint64_t old, uint64_t val)
{
    if (ops & RV_CSR_SET)
        return old | val;
    return ops & RV_CSR_CLEAR ? old & ~val : val;
}

/* The access proper, on a register of 64 bits or, on RV32, on one half of it. */
static uint64_t access_half(struct rv_cpu *cpu, const struct csr *c, unsigned num, unsigned ops,
                            uint64_t val)
{
    unsigned shift = c->high ? 32 : 0;

    num -= c->high;
    c = &csrs[num];
    uint64_t all = get(cpu, c, num), base = c->rmw ? c->rmw(cpu) : all;
    if (ops & ~RV_CSR_READ) {
        uint64_t half = combine(ops, (uint32_t)(base >> shift), (uint32_t)val);
        set(cpu, c, num, deposit64(base, shift, 32, half));
    }
    return (uint64_t)(int32_t)(all >> shift);
}

uint64_t rv_csr_access_open(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val)
{
    const struct csr *c = &csrs[num];

    if (UNLIKELY(c->access)) {
        uint64_t got = c->access(cpu, num, ops, cpu->xlen == 32 ? (uint32_t)val : val);
        return cpu->xlen == 32 ? (uint64_t)(int32_t)got : got;
    }
    if (UNLIKELY(cpu->xlen == 32))
        return access_half(cpu, c, num, ops, val);
    uint64_t old = ops == RV_CSR_WRITE ? 0 : get(cpu, c, num);
    if (ops & ~RV_CSR_READ) {
        uint64_t base = c->rmw && !(ops & RV_CSR_WRITE) ? c->rmw(cpu) : old;
        set(cpu, c, num, combine(ops, base, val));
    }
    return old;
}

uint64_t rv_csr_access(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val, uint32_t insn)
{
    num &= CSR_COUNT - 1;
    if (UNLIKELY(!is_allowed(cpu, &csrs[num], num, ops & ~RV_CSR_READ)))
        rv_raise(cpu, CAUSE_ILLEGAL, insn);
    return rv_csr_access_open(cpu, num, ops, val);
}

bool rv_csr_is_open(const struct rv_cpu *cpu, unsigned num, unsigned ops, unsigned prv)
{
    const struct csr *c = &csrs[num];

    if (!c->name || (num >> 8 & 3) > prv || ((ops & ~RV_CSR_READ) && num >> 10 == 3))
        return false;
    return !c->allow || (c->allow == has_s && has_s(cpu, num));
}

/* ---- debuggers ---- */

/* As machine mode sees it, with FP on: for a debugger the hart's present mode is no obstacle. */
static bool is_visible(struct rv_cpu *cpu, unsigned num)
{
    const struct csr *c = &csrs[num & (CSR_COUNT - 1)];
    uint8_t prv = cpu->s.prv;

    if (!c->name || !c->allow)
        return c->name;
    if (c->allow == allow_fp)
        return rv_has(cpu, EXT_F);
    cpu->s.prv = PRV_M;
    bool visible = c->allow(cpu, num);
    cpu->s.prv = prv;
    return visible;
}

const char *rv_csr_name(struct rv_cpu *cpu, unsigned num)
{
    return is_visible(cpu, num) ? csrs[num & (CSR_COUNT - 1)].name : NULL;
}

bool rv_csr_peek(struct rv_cpu *cpu, unsigned num, uint64_t *val)
{
    const struct csr *c = &csrs[num & (CSR_COUNT - 1)];

    num &= CSR_COUNT - 1;
    if (!is_visible(cpu, num))
        return false;
    if (cpu->xlen == 64) {
        *val = get(cpu, c, num);
        return true;
    }
    *val = (uint32_t)(get(cpu, &csrs[num - c->high], num - c->high) >> (c->high ? 32 : 0));
    return true;
}

bool rv_csr_poke(struct rv_cpu *cpu, unsigned num, uint64_t val)
{
    num &= CSR_COUNT - 1;
    if (!is_visible(cpu, num) || num >> 10 == 3)
        return false;
    rv_csr_access_open(cpu, num, RV_CSR_WRITE, val);
    return true;
}
