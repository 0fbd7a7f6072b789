/*
 * System instructions: cache and TLB maintenance, address translation, prediction restriction; and
 * the debug registers.  Ref: the manual, C5.3 to C5.6, D19.3.
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/sysreg.h"
#include "target/arm/tlbi.h"

#define S(field)  .off = offsetof(struct arm_cpu, s.field)
#define KEY(...)  .key = ARM_SYSREG(__VA_ARGS__)
#define F(name)   .feature = 1 + ARM_F_##name
#define INSN(bit) .fgt = ARM_FGT_INSN | (bit)
#define DBG(bit)  .fgt = ARM_FGT_DEBUG | (bit)

/* ---- caches: memory is coherent, so they check, and may fault ---- */

static enum arm_access check_uci(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    bool open = cpu->s.ps.el || (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_UCI);

    return open ? ARM_ALLOWED : ARM_TRAP_EL1;
}

/* DC IVAC counts as a store of the whole line. */
enum { DC_DISCARDS = 1 };

static void check_watch(struct arm_cpu *cpu, uint64_t addr)
{
    unsigned line = 4u << (cpu->id.ctr >> 16 & 15);

    if (!arm_watches(cpu, align_down(addr, line), line, true, cpu->s.ps.el == 0))
        return;
    arm_pmu_not_done(cpu);
    arm_take_watchpoint(cpu, addr, true, true);
    guest_unwind(&cpu->cpu);
}

/* By address: a translation is needed; what fails counts as a write, of cache maintenance. */
static void write_dc_va(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t addr)
{
    struct guest_walk w = {0};
    unsigned idx = arm_data_idx(cpu);

    if (r->arg != DC_DISCARDS && guest_maps(&cpu->cpu, addr, GUEST_READ, idx))
        return;
    if (!arm_walk(&cpu->cpu, addr, GUEST_READ, idx, &w)) {
        arm_pmu_not_done(cpu);
        arm_raise_fault(&cpu->cpu, addr, GUEST_READ, idx, w.cause | CAUSE_CM | CAUSE_WNR);
        guest_unwind(&cpu->cpu);
    }
    if (w.asks && r->arg == DC_DISCARDS)
        check_watch(cpu, addr);
}

static void write_nothing(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r UNUSED,
                          uint64_t val UNUSED)
{
}

static enum arm_access check_zva(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    bool open = cpu->s.ps.el || (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_DZE);

    return open ? ARM_ALLOWED : ARM_TRAP_EL1;
}

static void write_zva(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t addr)
{
    unsigned size = 4u << (cpu->id.dczid & 15), idx = arm_data_idx(cpu);

    addr = align_down(addr, size);
    bool off = !(cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_M);
    bool is_ram = !off && guest_host_ptr(&cpu->cpu, addr, size, GUEST_WRITE, idx);
    if (!is_ram && arm_is_device(cpu, addr, idx)) {
        arm_pmu_not_done(cpu);
        arm_raise_fault(&cpu->cpu, addr, GUEST_WRITE, idx, FSC_ALIGNMENT);
        guest_unwind(&cpu->cpu);
    }
    if (!is_ram)
        guest_probe(&cpu->cpu, addr, size, GUEST_WRITE, idx);
    guest_zero(&cpu->cpu, addr, size, idx);
}

static enum arm_access check_rctx(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                  bool is_write UNUSED)
{
    bool open = cpu->s.ps.el || (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_ENRCTX);

    return open ? ARM_ALLOWED : ARM_TRAP_EL1;
}

/* ---- address translation ---- */

/* arg of AT rows: what is asked. */
enum { AT_WRITE = 1, AT_EL0 = 2, AT_STAGE12 = 4, AT_EL2 = 8, AT_EL3 = 16, AT_PAN = 32 };

static unsigned at_idx(const struct arm_cpu *cpu, unsigned arg)
{
    bool e2h = arm_has_el2(cpu) && (cpu->s.hcr_el2 & HCR_E2H);
    bool host = e2h && arm_is_host(cpu) && !(arg & AT_STAGE12) && cpu->s.ps.el == 2;

    if (arg & AT_EL3)
        return ARM_IDX_EL3;
    if (arg & AT_EL2)
        return e2h ? ARM_IDX_EL20_2 : ARM_IDX_EL2;
    if (arg & AT_EL0)
        return host ? ARM_IDX_EL20_0 : ARM_IDX_EL10_0;
    bool pan = (arg & AT_PAN) && cpu->s.ps.pan;
    if (host)
        return pan ? ARM_IDX_EL20_2_PAN : ARM_IDX_EL20_2;
    return pan ? ARM_IDX_EL10_1_PAN : ARM_IDX_EL10_1;
}

/* Of EL2, while EL3 has it disabled. */
static enum arm_access check_at_el2(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                    bool is_write UNUSED)
{
    return arm_el2_enabled(cpu) ? ARM_ALLOWED : ARM_UNDEFINED;
}

static void write_at(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t addr)
{
    struct arm_at at = {.addr = addr,
                        .idx = at_idx(cpu, r->arg),
                        .access = r->arg & AT_WRITE ? GUEST_WRITE : GUEST_READ,
                        .stage1_only = !(r->arg & AT_STAGE12)};
    uint32_t cause;

    if (arm_translate_at(cpu, &at, &cpu->s.par_el1, &cause))
        return;
    /* An external abort of the walk; or of stage 2, on the tables of stage 1: that goes to EL2. */
    arm_pmu_not_done(cpu);
    arm_raise_fault(&cpu->cpu, addr, at.access, at.idx, cause | CAUSE_CM | CAUSE_WNR);
    guest_unwind(&cpu->cpu);
}

/* ---- TLB ---- */

/* arg of TLBI rows. */
enum {
    TLBI_IS = 1,
    TLBI_OP = 6,
    TLBI_OP_ALL = 0,
    TLBI_OP_VA = 2,
    TLBI_OP_ASID = 4,
    TLBI_OP_RANGE = 6
};

static bool tlbi_is_broadcast(const struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return (r->arg & TLBI_IS) || (cpu->s.ps.el == 1 && (arm_hcr(cpu) & HCR_FB));
}

/* The id that an ASID has in the TLB: guest_ops.asid. */
static uint32_t tlbi_asid(const struct arm_cpu *cpu, uint64_t val)
{
    bool host = cpu->s.ps.el == 2 && arm_is_host(cpu);
    unsigned el = host ? 2 : 1;
    uint32_t id = val >> 48;

    if (!(cpu->s.tcr_el[el] & TCR_AS))
        id &= 0xff;
    if (host)
        return id;
    if (arm_is_secure_below(cpu))
        return id | 0xffffu << 16;
    return arm_has_el2(cpu) ? id | (uint32_t)(cpu->s.vttbr_el2 >> 48) << 16 : id;
}

/* Ref: the manual, D8.14.7: NUM, SCALE, TG, BaseADDR. */
static void set_range(struct arm_tlbi_op *op, uint64_t val)
{
    static const uint8_t bits[] = {12, 12, 14, 16};
    unsigned tg = val >> 46 & 3, scale = val >> 44 & 3, num = val >> 39 & 31;

    op->page_bits = bits[tg];
    op->addr = (gva)sextract64(val, 0, 37) << op->page_bits;
    op->pages = (num + 1) << (5 * scale + 1);
}

static void write_tlbi(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    struct arm_tlbi_op op = {.kind = ARM_TLBI_ALL};

    switch (r->arg & TLBI_OP) {
    case TLBI_OP_VA:
        op.kind = ARM_TLBI_PAGE;
        op.addr = (gva)sextract64(val, 0, 44) << 12;
        break;
    case TLBI_OP_ASID:
        op.kind = ARM_TLBI_ASID;
        op.asid = tlbi_asid(cpu, val);
        break;
    case TLBI_OP_RANGE:
        op.kind = ARM_TLBI_RANGE;
        set_range(&op, val);
        break;
    }
    arm_tlbi(cpu, op, tlbi_is_broadcast(cpu, r));
}

/* ---- debug ---- */

static enum arm_access check_mdcr(const struct arm_cpu *cpu, uint64_t mdcr2, uint64_t mdcr3)
{
    unsigned el = cpu->s.ps.el;

    if (el <= 1 && arm_el2_enabled(cpu) &&
        ((cpu->s.mdcr_el2 & (mdcr2 | MDCR2_TDE)) || (cpu->s.hcr_el2 & HCR_TGE)))
        return ARM_TRAP_EL2;
    return el < 3 && arm_has_el3(cpu) && (cpu->s.mdcr_el3 & mdcr3) ? ARM_TRAP_EL3 : ARM_ALLOWED;
}

static enum arm_access check_tda(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    return check_mdcr(cpu, MDCR2_TDA, MDCR3_TDA);
}

static enum arm_access check_tdosa(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                   bool is_write UNUSED)
{
    return check_mdcr(cpu, MDCR2_TDOSA, MDCR3_TDOSA);
}

static enum arm_access check_tdra(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                  bool is_write UNUSED)
{
    return check_mdcr(cpu, MDCR2_TDRA, MDCR3_TDA);
}

/* The debug communication channel: MDSCR_EL1.TDCC keeps EL0 out. */
static enum arm_access check_dcc(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    if (cpu->s.ps.el == 0 && (cpu->s.mdscr_el1 & MDSCR_TDCC))
        return ARM_TRAP_EL1;
    if (!arm_has(cpu, ARM_F_FGT))
        return check_mdcr(cpu, MDCR2_TDA, MDCR3_TDA);
    return check_mdcr(cpu, MDCR2_TDA | MDCR2_TDCC, MDCR3_TDA | MDCR3_TDCC);
}

static void write_mdscr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.mdscr_el1 =
        val & (MDSCR_SS | MDSCR_MOE | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE | MASK64(6, 1));
    guest_mode_changed(&cpu->cpu);
}

static void write_mdcr(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    *arm_sysreg_field(cpu, r) = val;
    arm_pmu_controls_changed(cpu);
    guest_mode_changed(&cpu->cpu);
}

/* The bits that exist; what they select is looked at by whoever compares. */
static void write_point(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    static const uint32_t masks[] = {[1] = 0x00ffe1e7, [3] = 0x1f1fffff};
    unsigned op2 = r->key & 3;

    *arm_sysreg_field(cpu, r) = op2 & 1 ? val & masks[op2] : val;
    arm_debug_changed(cpu);
}

static void write_dbgvcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.dbgvcr = val;
    arm_debug_changed(cpu);
}

static void write_oslar(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.oslock = val & 1;
    guest_mode_changed(&cpu->cpu);
}

/* OSLM is 0b10: the lock is implemented. */
static uint64_t read_oslsr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return 8 | (cpu->s.oslock & 1) << 1;
}

/* OSDLR_EL1.DLK: reads as zero where there is no double lock. */
static void write_osdlr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    arm_set_double_lock(cpu, val);
}

static void write_dbgprcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.dbgprcr_el1 = val;
    guest_mode_changed(&cpu->cpu);
}

static uint64_t read_constant(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r)
{
    return r->arg;
}

static uint64_t read_claim(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return r->arg ? cpu->s.dbgclaim : 0xff;
}

static void write_claim(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    cpu->s.dbgclaim = r->arg ? cpu->s.dbgclaim & ~(val & 0xff) : cpu->s.dbgclaim | (val & 0xff);
}

/* Breakpoint and watchpoint registers: op2 4 to 7, CRm the number. */
static enum arm_access check_break(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write)
{
    unsigned n = r->key >> 3 & 15;
    bool is_watch = r->key & 2;

    if (n >= (is_watch ? cpu->id.watchpoints : cpu->id.breakpoints))
        return ARM_UNDEFINED;
    return check_tda(cpu, r, is_write);
}

#define DC_VA(n, op1, crm, op2, who, bit, ...)                                                     \
    {                                                                                              \
        .name = n, KEY(1, op1, 7, crm, op2), .rights = who, .flags = ARM_REG_QUIET,                \
        .write = write_dc_va, INSN(bit), __VA_ARGS__                                               \
    }
#define DC_SW(n, op1, crm, op2, bit)                                                               \
    {                                                                                              \
        .name = n, KEY(1, op1, 7, crm, op2), .rights = ARM_W1_UP, .flags = ARM_REG_QUIET,          \
        .write = write_nothing, .hcr_w = HCR_TSW, INSN(bit)                                        \
    }
#define AT(n, op1, crm, op2, what, who, ...)                                                       \
    {                                                                                              \
        .name = n, KEY(1, op1, 7, crm, op2), .rights = who, .flags = ARM_REG_QUIET,                \
        .write = write_at, .arg = what, __VA_ARGS__                                                \
    }
#define POC .hcr_w = HCR_TPCP
#define POU .hcr_w = HCR_TPU | HCR_TOCU
#define CTX(n, op2, bit)                                                                           \
    {                                                                                              \
        .name = n, KEY(1, 3, 7, 3, op2), .rights = ARM_W0_UP, F(SPECRES), .check = check_rctx,     \
        .flags = ARM_REG_QUIET, .write = write_nothing, INSN(bit)                                  \
    }

/* TLBI of EL1&0 in a column of op2: CRn 8, CRm; and by range. */
#define TLBI_EL1(suffix, crm, flag, trap, fgt1, ...)                                               \
    {.name = "VMALLE1" suffix,                                                                     \
     KEY(1, 0, 8, crm, 0),                                                                         \
     .rights = ARM_W1_UP,                                                                          \
     .write = write_tlbi,                                                                          \
     .arg = TLBI_OP_ALL | (flag),                                                                  \
     .hcr_w = HCR_TTLB | (trap),                                                                   \
     INSN(fgt1),                                                                                   \
     __VA_ARGS__},                                                                                 \
        {.name = "VAE1" suffix,                                                                    \
         KEY(1, 0, 8, crm, 1),                                                                     \
         .rights = ARM_W1_UP,                                                                      \
         .write = write_tlbi,                                                                      \
         .arg = TLBI_OP_VA | (flag),                                                               \
         .hcr_w = HCR_TTLB | (trap),                                                               \
         INSN((fgt1) + 1),                                                                         \
         __VA_ARGS__},                                                                             \
        {.name = "ASIDE1" suffix,                                                                  \
         KEY(1, 0, 8, crm, 2),                                                                     \
         .rights = ARM_W1_UP,                                                                      \
         .write = write_tlbi,                                                                      \
         .arg = TLBI_OP_ASID | (flag),                                                             \
         .hcr_w = HCR_TTLB | (trap),                                                               \
         INSN((fgt1) + 2),                                                                         \
         __VA_ARGS__},                                                                             \
        {.name = "VAAE1" suffix,                                                                   \
         KEY(1, 0, 8, crm, 3),                                                                     \
         .rights = ARM_W1_UP,                                                                      \
         .write = write_tlbi,                                                                      \
         .arg = TLBI_OP_VA | (flag),                                                               \
         .hcr_w = HCR_TTLB | (trap),                                                               \
         INSN((fgt1) + 3),                                                                         \
         __VA_ARGS__},                                                                             \
        {.name = "VALE1" suffix,                                                                   \
         KEY(1, 0, 8, crm, 5),                                                                     \
         .rights = ARM_W1_UP,                                                                      \
         .write = write_tlbi,                                                                      \
         .arg = TLBI_OP_VA | (flag),                                                               \
         .hcr_w = HCR_TTLB | (trap),                                                               \
         INSN((fgt1) + 4),                                                                         \
         __VA_ARGS__},                                                                             \
    {                                                                                              \
        .name = "VAALE1" suffix, KEY(1, 0, 8, crm, 7), .rights = ARM_W1_UP, .write = write_tlbi,   \
        .arg = TLBI_OP_VA | (flag), .hcr_w = HCR_TTLB | (trap), INSN((fgt1) + 5), __VA_ARGS__      \
    }
#define TLBI_R1(n, crm, op2, flag, trap, bit)                                                      \
    {                                                                                              \
        .name = n, KEY(1, 0, 8, crm, op2), .rights = ARM_W1_UP, .write = write_tlbi, F(TLBIRANGE), \
        .arg = TLBI_OP_RANGE | (flag), .hcr_w = HCR_TTLB | (trap), INSN(bit),                      \
        .flags = ARM_REG_QUIET                                                                     \
    }
/* Those of EL2 and EL3. */
#define TLBI_HIGH(n, op1, crm, op2, what, ...)                                                     \
    {                                                                                              \
        .name = n, KEY(1, op1, 8, crm, op2), .rights = (op1) == 6 ? ARM_W3 : ARM_W2_UP,            \
        .write = write_tlbi, .arg = what,                                                          \
        .flags = ARM_REG_QUIET | ((op1) == 6 ? ARM_REG_NEEDS_EL3 : ARM_REG_NEEDS_EL2), __VA_ARGS__ \
    }
#define HIGH_SET(lvl, op1, suffix, crm, flag, ...)                                                 \
    TLBI_HIGH("ALLE" lvl suffix, op1, crm, 0, TLBI_OP_ALL | (flag), __VA_ARGS__),                  \
        TLBI_HIGH("VAE" lvl suffix, op1, crm, 1, TLBI_OP_VA | (flag), __VA_ARGS__),                \
        TLBI_HIGH("VALE" lvl suffix, op1, crm, 5, TLBI_OP_VA | (flag), __VA_ARGS__)
#define RANGE_SET(lvl, op1, suffix, crm, flag)                                                     \
    TLBI_HIGH("RVAE" lvl suffix, op1, crm, 1, TLBI_OP_RANGE | (flag), F(TLBIRANGE)),               \
        TLBI_HIGH("RVALE" lvl suffix, op1, crm, 5, TLBI_OP_RANGE | (flag), F(TLBIRANGE))
/* By intermediate address: the TLB holds whole translations only, so all of them go. */
#define IPA(n, crm, op2, flag, ...) TLBI_HIGH(n, 4, crm, op2, TLBI_OP_ALL | (flag), __VA_ARGS__)

/* clang-format off */
const struct arm_sysreg arm_sysregs_sys[] = {
    {.name = "ICIALLUIS", KEY(1, 0, 7, 1, 0), .rights = ARM_W1_UP, .flags = ARM_REG_QUIET, .write = write_nothing,
     .hcr_w = HCR_TPU | HCR_TICAB, INSN(0)},
    {.name = "ICIALLU", KEY(1, 0, 7, 5, 0), .rights = ARM_W1_UP, .flags = ARM_REG_QUIET, .write = write_nothing, POU, INSN(1)},
    DC_VA("ICIVAU", 3, 5, 1, ARM_W0_UP, 2, POU, .check = check_uci),
    DC_VA("DCIVAC", 0, 6, 1, ARM_W1_UP, 3, POC, .arg = DC_DISCARDS),
    DC_SW("DCISW", 0, 6, 2, 4),
    DC_VA("DCCVAC", 3, 10, 1, ARM_W0_UP, 54, POC, .check = check_uci),
    DC_SW("DCCSW", 0, 10, 2, 5),
    DC_VA("DCCVAU", 3, 11, 1, ARM_W0_UP, 7, POU, .check = check_uci),
    DC_VA("DCCVAP", 3, 12, 1, ARM_W0_UP, 8, POC, .check = check_uci, F(DPB)),
    DC_VA("DCCVADP", 3, 13, 1, ARM_W0_UP, 9, POC, .check = check_uci, F(DPB2)),
    DC_VA("DCCIVAC", 3, 14, 1, ARM_W0_UP, 10, POC, .check = check_uci),
    DC_SW("DCCISW", 0, 14, 2, 6),
    {.name = "DCZVA", KEY(1, 3, 7, 4, 1), .rights = ARM_W0_UP, .flags = ARM_REG_QUIET, .check = check_zva,
     .write = write_zva, .hcr_w = HCR_TDZ, INSN(11)},
    CTX("CFPRCTX", 4, 48), CTX("DVPRCTX", 5, 49), CTX("CPPRCTX", 7, 50),
    AT("ATS1E1R", 0, 8, 0, 0, ARM_W1_UP, INSN(12)),
    AT("ATS1E1W", 0, 8, 1, AT_WRITE, ARM_W1_UP, INSN(13)),
    AT("ATS1E0R", 0, 8, 2, AT_EL0, ARM_W1_UP, INSN(14)),
    AT("ATS1E0W", 0, 8, 3, AT_EL0 | AT_WRITE, ARM_W1_UP, INSN(15)),
    AT("ATS1E1RP", 0, 9, 0, AT_PAN, ARM_W1_UP, INSN(16), F(PAN2)),
    AT("ATS1E1WP", 0, 9, 1, AT_PAN | AT_WRITE, ARM_W1_UP, INSN(17), F(PAN2)),
    AT("ATS1E2R", 4, 8, 0, AT_EL2, ARM_W2_UP, F(VIRT), .check = check_at_el2),
    AT("ATS1E2W", 4, 8, 1, AT_EL2 | AT_WRITE, ARM_W2_UP, F(VIRT), .check = check_at_el2),
    AT("ATS12E1R", 4, 8, 4, AT_STAGE12, ARM_W2_UP),
    AT("ATS12E1W", 4, 8, 5, AT_STAGE12 | AT_WRITE, ARM_W2_UP),
    AT("ATS12E0R", 4, 8, 6, AT_STAGE12 | AT_EL0, ARM_W2_UP),
    AT("ATS12E0W", 4, 8, 7, AT_STAGE12 | AT_EL0 | AT_WRITE, ARM_W2_UP),
    AT("ATS1E3R", 6, 8, 0, AT_EL3, ARM_W3, F(SECURE)),
    AT("ATS1E3W", 6, 8, 1, AT_EL3 | AT_WRITE, ARM_W3, F(SECURE)),
    TLBI_EL1("OS", 1, TLBI_IS, HCR_TTLBOS, 18, F(TLBIOS), .flags = ARM_REG_QUIET),
    TLBI_EL1("IS", 3, TLBI_IS, HCR_TTLBIS, 28, .flags = ARM_REG_QUIET),
    TLBI_EL1("", 7, 0, 0, 42, .flags = ARM_REG_QUIET),
    TLBI_R1("RVAE1IS", 2, 1, TLBI_IS, HCR_TTLBIS, 34), TLBI_R1("RVAAE1IS", 2, 3, TLBI_IS, HCR_TTLBIS, 35),
    TLBI_R1("RVALE1IS", 2, 5, TLBI_IS, HCR_TTLBIS, 36), TLBI_R1("RVAALE1IS", 2, 7, TLBI_IS, HCR_TTLBIS, 37),
    TLBI_R1("RVAE1OS", 5, 1, TLBI_IS, HCR_TTLBOS, 24), TLBI_R1("RVAAE1OS", 5, 3, TLBI_IS, HCR_TTLBOS, 25),
    TLBI_R1("RVALE1OS", 5, 5, TLBI_IS, HCR_TTLBOS, 26), TLBI_R1("RVAALE1OS", 5, 7, TLBI_IS, HCR_TTLBOS, 27),
    TLBI_R1("RVAE1", 6, 1, 0, 0, 38), TLBI_R1("RVAAE1", 6, 3, 0, 0, 39),
    TLBI_R1("RVALE1", 6, 5, 0, 0, 40), TLBI_R1("RVAALE1", 6, 7, 0, 0, 41),
    HIGH_SET("2", 4, "OS", 1, TLBI_IS, F(TLBIOS)), HIGH_SET("2", 4, "IS", 3, TLBI_IS, .mask = 0), HIGH_SET("2", 4, "", 7, 0, .mask = 0),
    HIGH_SET("3", 6, "OS", 1, TLBI_IS, F(TLBIOS)), HIGH_SET("3", 6, "IS", 3, TLBI_IS, .mask = 0), HIGH_SET("3", 6, "", 7, 0, .mask = 0),
    RANGE_SET("2", 4, "IS", 2, TLBI_IS), RANGE_SET("2", 4, "OS", 5, TLBI_IS), RANGE_SET("2", 4, "", 6, 0),
    RANGE_SET("3", 6, "IS", 2, TLBI_IS), RANGE_SET("3", 6, "OS", 5, TLBI_IS), RANGE_SET("3", 6, "", 6, 0),
    TLBI_HIGH("ALLE1OS", 4, 1, 4, TLBI_IS, F(TLBIOS)), TLBI_HIGH("ALLE1IS", 4, 3, 4, TLBI_IS, .mask = 0),
    TLBI_HIGH("ALLE1", 4, 7, 4, 0, .mask = 0),
    TLBI_HIGH("VMALLS12E1OS", 4, 1, 6, TLBI_IS, F(TLBIOS)), TLBI_HIGH("VMALLS12E1IS", 4, 3, 6, TLBI_IS, .mask = 0),
    TLBI_HIGH("VMALLS12E1", 4, 7, 6, 0, .mask = 0),
    IPA("IPAS2E1IS", 0, 1, TLBI_IS, .mask = 0), IPA("RIPAS2E1IS", 0, 2, TLBI_IS, F(TLBIRANGE)),
    IPA("IPAS2LE1IS", 0, 5, TLBI_IS, .mask = 0), IPA("RIPAS2LE1IS", 0, 6, TLBI_IS, F(TLBIRANGE)),
    IPA("IPAS2E1OS", 4, 0, TLBI_IS, F(TLBIOS)), IPA("IPAS2E1", 4, 1, 0, .mask = 0),
    IPA("RIPAS2E1", 4, 2, 0, F(TLBIRANGE)), IPA("RIPAS2E1OS", 4, 3, TLBI_IS, F(TLBIRANGE)),
    IPA("IPAS2LE1OS", 4, 4, TLBI_IS, F(TLBIOS)), IPA("IPAS2LE1", 4, 5, 0, .mask = 0),
    IPA("RIPAS2LE1", 4, 6, 0, F(TLBIRANGE)), IPA("RIPAS2LE1OS", 4, 7, TLBI_IS, F(TLBIRANGE)),
    {0},
};

#define BREAK1(n)                                                                                   \
    {.name = "DBGBVR" #n "_EL1", KEY(2, 0, 0, n, 4), S(dbgbvr[n]), .rights = ARM_RW1, \
     .check = check_break, .write = write_point, DBG(1)},                                                                  \
    {.name = "DBGBCR" #n "_EL1", KEY(2, 0, 0, n, 5), S(dbgbcr[n]), .rights = ARM_RW1, \
     .check = check_break, .write = write_point, DBG(0)},                                                                  \
    {.name = "DBGWVR" #n "_EL1", KEY(2, 0, 0, n, 6), S(dbgwvr[n]), .rights = ARM_RW1, \
     .check = check_break, .write = write_point, DBG(3)},                                                                  \
    {.name = "DBGWCR" #n "_EL1", KEY(2, 0, 0, n, 7), S(dbgwcr[n]), .rights = ARM_RW1, \
     .check = check_break, .write = write_point, DBG(2)}

const struct arm_sysreg arm_sysregs_debug[] = {
    {.name = "OSDTRRX_EL1", KEY(2, 0, 0, 0, 2), S(osdtrrx_el1), .rights = ARM_RW1, .check = check_dcc, .flags = ARM_REG_QUIET},
    {.name = "MDCCINT_EL1", KEY(2, 0, 0, 2, 0), S(mdccint_el1), .rights = ARM_RW1, .check = check_dcc, .flags = ARM_REG_QUIET,
     .mask = UINT64_C(3) << 29},
    {.name = "MDSCR_EL1", KEY(2, 0, 0, 2, 2), S(mdscr_el1), .rights = ARM_RW1, .check = check_tda, .write = write_mdscr, DBG(4)},
    {.name = "OSDTRTX_EL1", KEY(2, 0, 0, 3, 2), S(osdtrtx_el1), .rights = ARM_RW1, .check = check_dcc, .flags = ARM_REG_QUIET},
    {.name = "OSECCR_EL1", KEY(2, 0, 0, 6, 2), S(oseccr_el1), .rights = ARM_RW1, .check = check_tda, .flags = ARM_REG_QUIET, DBG(10)},
    BREAK1(0), BREAK1(1), BREAK1(2), BREAK1(3), BREAK1(4), BREAK1(5), BREAK1(6), BREAK1(7),
    BREAK1(8), BREAK1(9), BREAK1(10), BREAK1(11), BREAK1(12), BREAK1(13), BREAK1(14), BREAK1(15),
    {.name = "MDRAR_EL1", KEY(2, 0, 1, 0, 0), .rights = ARM_R1_UP, .check = check_tdra, .read = read_constant},
    {.name = "OSLAR_EL1", KEY(2, 0, 1, 0, 4), .rights = ARM_W1_UP, .check = check_tdosa, .write = write_oslar, DBG(8)},
    {.name = "OSLSR_EL1", KEY(2, 0, 1, 1, 4), .rights = ARM_R1_UP, .check = check_tdosa, .read = read_oslsr, DBG(9)},
    {.name = "OSDLR_EL1", KEY(2, 0, 1, 3, 4), S(osdlr_el1), .rights = ARM_RW1, .check = check_tdosa,
     .write = write_osdlr, DBG(11)},
    {.name = "DBGPRCR_EL1", KEY(2, 0, 1, 4, 4), S(dbgprcr_el1), .rights = ARM_RW1, .check = check_tdosa, .mask = 1,
     .write = write_dbgprcr, DBG(7)},
    {.name = "DBGCLAIMSET_EL1", KEY(2, 0, 7, 8, 6), .rights = ARM_RW1, .check = check_tda, .read = read_claim,
     .write = write_claim, .arg = 0, DBG(5)},
    {.name = "DBGCLAIMCLR_EL1", KEY(2, 0, 7, 9, 6), .rights = ARM_RW1, .check = check_tda, .read = read_claim,
     .write = write_claim, .arg = 1, DBG(5)},
    {.name = "DBGAUTHSTATUS_EL1", KEY(2, 0, 7, 14, 6), .rights = ARM_R1_UP, .check = check_tda, .read = read_constant,
     .arg = 0xaa, DBG(6)},
    {.name = "MDCCSR_EL0", KEY(2, 3, 0, 1, 0), .rights = ARM_R0_UP, .check = check_dcc, .read = read_constant},
    {.name = "DBGDTR_EL0", KEY(2, 3, 0, 4, 0), .rights = ARM_RW0, .check = check_dcc, .read = read_constant,
     .write = write_nothing},
    {.name = "DBGDTRRX_EL0", KEY(2, 3, 0, 5, 0), .rights = ARM_RW0, .check = check_dcc, .read = read_constant,
     .write = write_nothing},
    {.name = "DBGVCR32_EL2", KEY(2, 4, 0, 7, 0), S(dbgvcr), .rights = ARM_RW2, .check = check_tda, .flags = ARM_REG_NEEDS_EL2,
     .mask = ARM_VCR_BITS, .write = write_dbgvcr, F(AARCH32_EL1)},
    {.name = "MDCR_EL2", KEY(3, 4, 1, 1, 1), S(mdcr_el2), .rights = ARM_RW2, .flags = ARM_REG_NEEDS_EL2, .write = write_mdcr},
    {.name = "MDCR_EL3", KEY(3, 6, 1, 3, 1), S(mdcr_el3), .rights = ARM_RW3, .flags = ARM_REG_NEEDS_EL3, .write = write_mdcr},
    {0},
};
/* clang-format on */
