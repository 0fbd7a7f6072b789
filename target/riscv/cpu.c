/* The hart: its state table, reset, register dump, floating-point environment, and what the
 * accelerator asks of it. */
#include "target/riscv/cpu.h"

#include "accel/tcg/guest.h"
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"
#include "util/bits.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

/* ---- mode ---- */

/* MMU index of loads and stores. Ref: Priv. 3.1.6.3 (MPRV, MXR, SUM). */
static unsigned data_idx(const struct rv_state *s)
{
    unsigned prv = s->mstatus & MSTATUS_MPRV ? field_get(s->mstatus, MSTATUS_MPP) : s->prv;
    unsigned idx = RV_IDX_U;

    if (prv == PRV_M)
        return RV_IDX_M;
    if (prv == PRV_S)
        idx = s->mstatus & MSTATUS_SUM ? RV_IDX_SUM : RV_IDX_S;
    return s->mstatus & MSTATUS_MXR ? idx | RV_IDX_MXR : idx;
}

/* mstatus.FS as translation sees it: off, on, dirty. */
static unsigned fs_mode(const struct rv_state *s)
{
    static const uint8_t mode[] = {[FS_OFF] = 0, [FS_INITIAL] = 1, [FS_CLEAN] = 1, [FS_DIRTY] = 2};

    return mode[field_get(s->mstatus, MSTATUS_FS)];
}

uint32_t rv_mode(struct cpu *cpu)
{
    const struct rv_state *s = &rv(cpu)->s;

    return s->prv | data_idx(s) << RV_MODE_IDX_SHIFT | fs_mode(s) << RV_MODE_FS_SHIFT |
           (unsigned)s->frm << RV_MODE_FRM_SHIFT | (rv(cpu)->xlen == 32 ? RV_MODE_RV32 : 0);
}

static bool is_paged(const struct rv_cpu *cpu)
{
    return cpu->s.satp & (cpu->xlen == 32 ? SATP32_MODE : SATP64_MODE);
}

uint32_t rv_asid_id(const struct rv_cpu *cpu, uint64_t asid)
{
    return (asid & cpu->asid_mask) | RV_ASID_PAGED;
}

static uint32_t asid(struct cpu *c)
{
    struct rv_cpu *cpu = rv(c);

    if (!is_paged(cpu))
        return 0;
    return rv_asid_id(cpu, field_get(cpu->s.satp, cpu->xlen == 32 ? SATP32_ASID : SATP64_ASID));
}

static unsigned fetch_idx(struct cpu *cpu)
{
    static const uint8_t idx[] = {[PRV_U] = RV_IDX_U, [PRV_S] = RV_IDX_S, [PRV_M] = RV_IDX_M};

    return idx[rv(cpu)->s.prv];
}

static bool idx_has_asid(struct cpu *cpu, unsigned idx)
{
    return (idx & 3) != RV_IDX_M && is_paged(rv(cpu));
}

static bool walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                 struct guest_walk *out)
{
    return rv_walk(cpu, addr, access, idx, out);
}

static void raise_fault(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                        uint32_t cause)
{
    rv_raise_fault(cpu, addr, access, idx, cause);
}

const struct guest_ops rv_guest_ops = {
    .name = "riscv",
    .slots = rv_slots,
    .nslots = RV_SLOTS,
    .pc_slot = RV_SLOT_PC,
    .narrow_modes = RV_MODE_RV32,
    .mode = rv_mode,
    .asid = asid,
    .fetch_idx = fetch_idx,
    .idx_has_asid = idx_has_asid,
    .translate = rv_translate,
    .walk = walk,
    .raise_fault = raise_fault,
    .disas = rv_disas,
};

/* ---- floating-point environment ---- */

enum { FFLAG_NX = 1, FFLAG_UF = 2, FFLAG_OF = 4, FFLAG_DZ = 8, FFLAG_NV = 16 };
enum {
    MXCSR_IE = 0x01,
    MXCSR_ZE = 0x04,
    MXCSR_OE = 0x08,
    MXCSR_UE = 0x10,
    MXCSR_PE = 0x20,
    MXCSR_FLAGS = 0x3f,
    MXCSR_MASKS = 0x1f80,
    MXCSR_RC_SHIFT = 13,
};

uint64_t rv_fflags(struct rv_cpu *cpu)
{
    uint32_t m = guest_fpenv_get(&cpu->cpu);
    uint64_t flags = 0;

    flags |= m & MXCSR_PE ? FFLAG_NX : 0;
    flags |= m & MXCSR_UE ? FFLAG_UF : 0;
    flags |= m & MXCSR_OE ? FFLAG_OF : 0;
    flags |= m & MXCSR_ZE ? FFLAG_DZ : 0;
    flags |= m & MXCSR_IE ? FFLAG_NV : 0;
    return flags;
}

/* Rounding bits for frm: RNE RTZ RDN RUP, and nearest for what the hardware below has no mode for.
 */
static uint32_t mxcsr_rounding(unsigned frm)
{
    static const uint8_t rc[] = {0, 3, 1, 2, 0, 0, 0, 0};

    return (uint32_t)rc[frm & 7] << MXCSR_RC_SHIFT;
}

void rv_set_fflags(struct rv_cpu *cpu, unsigned flags)
{
    uint32_t m = MXCSR_MASKS | mxcsr_rounding(cpu->s.frm);

    m |= flags & FFLAG_NX ? MXCSR_PE : 0;
    m |= flags & FFLAG_UF ? MXCSR_UE : 0;
    m |= flags & FFLAG_OF ? MXCSR_OE : 0;
    m |= flags & FFLAG_DZ ? MXCSR_ZE : 0;
    m |= flags & FFLAG_NV ? MXCSR_IE : 0;
    guest_fpenv_set(&cpu->cpu, m);
}

void rv_sync_fpenv(struct rv_cpu *cpu)
{
    uint32_t flags = guest_fpenv_get(&cpu->cpu) & MXCSR_FLAGS;

    guest_fpenv_set(&cpu->cpu, flags | MXCSR_MASKS | mxcsr_rounding(cpu->s.frm));
}

/* ---- reset ---- */

/* clang-format off */
const struct state_field rv_state_table[] = {
    STATE(rv_cpu, misa, 0), STATE(rv_cpu, mstatus, 0), STATE(rv_cpu, mtvec, 0), STATE(rv_cpu, medeleg, 0),
    STATE(rv_cpu, mideleg, 0), STATE(rv_cpu, mie, 0), STATE(rv_cpu, mscratch, 0), STATE(rv_cpu, mepc, 0),
    STATE(rv_cpu, mcause, 0), STATE(rv_cpu, mtval, 0), STATE(rv_cpu, menvcfg, 0), STATE(rv_cpu, mcounteren, 0),
    STATE(rv_cpu, mcountinhibit, 0), STATE(rv_cpu, mip_sw, 0), STATE(rv_cpu, stvec, 0), STATE(rv_cpu, sscratch, 0),
    STATE(rv_cpu, sepc, 0), STATE(rv_cpu, scause, 0), STATE(rv_cpu, stval, 0), STATE(rv_cpu, senvcfg, 0),
    STATE(rv_cpu, scounteren, 0), STATE(rv_cpu, satp, 0), STATE(rv_cpu, stimecmp, UINT64_MAX),
    STATE(rv_cpu, mseccfg, 0), STATE(rv_cpu, miselect, 0), STATE(rv_cpu, siselect, 0),
    STATE_ARRAY(rv_cpu, mstateen, 0), STATE_ARRAY(rv_cpu, sstateen, 0),
    STATE_ARRAY(rv_cpu, pmpcfg, 0), STATE_ARRAY(rv_cpu, pmpaddr, 0), STATE(rv_cpu, mcycle_base, 0),
    STATE(rv_cpu, minstret_base, 0), STATE_ARRAY(rv_cpu, mhpmevent, 0), STATE_ARRAY(rv_cpu, mhpmcounter, 0),
    STATE(rv_cpu, tselect, 0), STATE(rv_cpu, tdata1, 0), STATE(rv_cpu, tdata2, 0), STATE(rv_cpu, tdata3, 0),
    STATE(rv_cpu, prv, PRV_M), STATE(rv_cpu, frm, 0), STATE_END,
};
/* clang-format on */

/* What depends on the model. Ref: Priv. 3.4 (reset). */
static void reset_configured(struct rv_cpu *cpu)
{
    struct rv_state *s = &cpu->s;

    s->misa = rv_misa(cpu);
    if (cpu->xlen == 64 && rv_has(cpu, EXT_U))
        s->mstatus = field_set(s->mstatus, MSTATUS_UXL, XL_64);
    if (cpu->xlen == 64 && rv_has(cpu, EXT_S))
        s->mstatus = field_set(s->mstatus, MSTATUS_SXL, XL_64);
    if (!rv_has(cpu, EXT_U))
        s->mstatus = field_set(s->mstatus, MSTATUS_MPP, PRV_M);
    /* Svadu without Svade: software that does not know of ADUE counts on hardware updates. */
    if (rv_has(cpu, EXT_SVADU) && !rv_has(cpu, EXT_SVADE))
        s->menvcfg |= ENVCFG_ADUE;
}

static void reset(struct cpu *c)
{
    struct rv_cpu *cpu = rv(c);

    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->f, 0, sizeof(cpu->f));
    cpu->pc = cpu->reset_pc;
    cpu->res_addr = UINT64_MAX;
    cpu->res_val = 0;
    mutex_lock(&cpu->stimer_lock);
    state_reset(rv_state_table, cpu);
    reset_configured(cpu);
    mutex_unlock(&cpu->stimer_lock);
    rv_sync(cpu);
    rv_set_fflags(cpu, 0);
    if (log_enabled(LOG_CPU_RESET)) {
        c->ops->dump(c, log_begin());
        log_end();
    }
}

void rv_sync(struct rv_cpu *cpu)
{
    rv_pmp_update(cpu);
    rv_stimer_update(cpu);
    rv_sync_fpenv(cpu);
    guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
    rv_irq_reevaluate(cpu);
}

/* ---- dump ---- */

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

static void dump_value(const struct rv_cpu *cpu, FILE *f, uint64_t v)
{
    if (cpu->xlen == 32)
        fprintf(f, "%08" PRIx32, (uint32_t)v);
    else
        fprintf(f, "%016" PRIx64, v);
}

static void dump_named(const struct rv_cpu *cpu, FILE *f, const char *name, uint64_t v)
{
    fprintf(f, " %-8s ", name);
    dump_value(cpu, f, v);
    fputc('\n', f);
}

static void dump_csrs(struct rv_cpu *cpu, FILE *f)
{
    static const struct {
        const char *name;
        uint16_t num;
    } shown[] = {
        {"mhartid", CSR_MHARTID},   {"mstatus", CSR_MSTATUS},   {"mstatush", CSR_MSTATUSH},
        {"mip", CSR_MIP},           {"mie", CSR_MIE},           {"mideleg", CSR_MIDELEG},
        {"medeleg", CSR_MEDELEG},   {"mtvec", CSR_MTVEC},       {"stvec", CSR_STVEC},
        {"mepc", CSR_MEPC},         {"sepc", CSR_SEPC},         {"mcause", CSR_MCAUSE},
        {"scause", CSR_SCAUSE},     {"mtval", CSR_MTVAL},       {"stval", CSR_STVAL},
        {"mscratch", CSR_MSCRATCH}, {"sscratch", CSR_SSCRATCH}, {"satp", CSR_SATP},
    };
    uint64_t v;

    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        if (rv_csr_peek(cpu, shown[i].num, &v))
            dump_named(cpu, f, shown[i].name, v);
}

static void dump_x(const struct rv_cpu *cpu, FILE *f)
{
    for (unsigned i = 0; i < 32; i++) {
        fprintf(f, " x%u/%-*s ", i, i < 10 ? 5 : 4, x_names[i]);
        dump_value(cpu, f, i ? cpu->x[i] : 0);
        if (i % 4 == 3)
            fputc('\n', f);
    }
}

static void dump_f(const struct rv_cpu *cpu, FILE *f)
{
    for (unsigned i = 0; i < 32; i++) {
        fprintf(f, " f%u/%-*s %016" PRIx64, i, i < 10 ? 5 : 4, f_names[i], cpu->f[i]);
        if (i % 4 == 3)
            fputc('\n', f);
    }
}

static void dump(struct cpu *c, FILE *f)
{
    static const char *const prv_names[] = {"user", "supervisor", "?", "machine"};
    struct rv_cpu *cpu = rv(c);

    dump_named(cpu, f, "pc", cpu->pc);
    fprintf(f, " %-8s %s\n", "mode", prv_names[cpu->s.prv & 3]);
    dump_csrs(cpu, f);
    dump_x(cpu, f);
    if (!rv_has(cpu, EXT_F))
        return;
    dump_f(cpu, f);
    fprintf(f, " %-8s %08" PRIx64 "\n", "fcsr", rv_fflags(cpu) | (uint64_t)cpu->s.frm << 5);
}

/* ---- saving and loading ---- */

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct rv_cpu, name), sizeof(((struct rv_cpu *)0)->name), 8, 0, false      \
    }

/* What reset sets by other means than a table. */
static const struct state_field rv_register_table[] = {
    FIELD(x),
    FIELD(pc),
    FIELD(f),
    FIELD(res_addr),
    FIELD(res_val),
    FIELD(saved_fflags),
    FIELD(instret_written),
    FIELD(instret_write_pc),
    FIELD(instret_write_time),
    STATE_END,
};

static const struct state_field *const rv_saved_tables[] = {rv_register_table, rv_state_table,
                                                            NULL};

/* A software interrupt that has arrived as an edge and was not looked at yet is in mip_sw then. */
static void before_save(struct cpu *c)
{
    rv_mip(rv(c));
    rv(c)->saved_fflags = rv_fflags(rv(c));
}

static void after_load(struct cpu *c)
{
    struct rv_cpu *cpu = rv(c);
    bool is32 = cpu->xlen == 32;

    for (unsigned i = 1; is32 && i < 32; i++)
        cpu->x[i] = (uint64_t)(int64_t)(int32_t)cpu->x[i];
    cpu->x[0] = 0;
    cpu->pc = (is32 ? (uint32_t)cpu->pc : cpu->pc) & rv_epc_mask(cpu);
    cpu->s.prv = cpu->s.prv == PRV_U || cpu->s.prv == PRV_S ? cpu->s.prv : PRV_M;
    cpu->s.frm &= 7;
    atomic_fetch_and_explicit(&c->irq_lines, ~(UINT64_C(1) << RISCV_IRQ_SSI), memory_order_acq_rel);
    rv_sync(cpu);
    rv_set_fflags(cpu, cpu->saved_fflags & 0x1f);
}

static char *describe(struct cpu *c)
{
    const char *mmu = riscv_mmu_type(c);
    g_autofree char *isa = riscv_isa_string(c);

    return g_strdup_printf("%s, %s, %u PMP entries, privileged specification %u.%u", isa,
                           mmu ? mmu : "no MMU", rv(c)->pmp_count, rv(c)->priv_spec >> 16,
                           rv(c)->priv_spec >> 8 & 0xff);
}

/* ---- operations ---- */

/* Some enabled interrupt is pending, whatever the global enables say. Ref: Priv. 3.3.3. */
static bool has_work(struct cpu *c)
{
    struct rv_cpu *cpu = rv(c);
    uint64_t lines = atomic_load_explicit(&c->irq_lines, memory_order_seq_cst);

    return (lines | cpu->s.mip_sw) & cpu->s.mie;
}

static uint64_t get_pc(struct cpu *cpu)
{
    return rv(cpu)->pc;
}

static void set_pc(struct cpu *cpu, uint64_t pc)
{
    rv(cpu)->pc = rv(cpu)->xlen == 32 ? (uint32_t)pc : pc;
}

static void finalize(struct cpu *cpu)
{
    rv_stimer_fini(rv(cpu));
    rv_debug_regs_free(rv(cpu));
}

const struct cpu_ops rv64_cpu_ops = {
    .arch = "riscv64",
    .reset = reset,
    .interrupt = rv_deliver_interrupt,
    .has_work = has_work,
    .get_pc = get_pc,
    .set_pc = set_pc,
    .debug_translate = rv_debug_translate,
    .backtrace = rv_backtrace,
    .mappings = rv_mappings,
    .debug_regs = rv_debug_regs,
    .debug_reg_read = rv_debug_reg_read,
    .debug_reg_write = rv_debug_reg_write,
    .dump = dump,
    .disas = rv_disas,
    .finalize = finalize,
    .state = rv_saved_tables,
    .describe = describe,
    .before_save = before_save,
    .after_load = after_load,
};

const struct cpu_ops rv32_cpu_ops = {
    .arch = "riscv32",
    .reset = reset,
    .interrupt = rv_deliver_interrupt,
    .has_work = has_work,
    .get_pc = get_pc,
    .set_pc = set_pc,
    .debug_translate = rv_debug_translate,
    .backtrace = rv_backtrace,
    .mappings = rv_mappings,
    .debug_regs = rv_debug_regs,
    .debug_reg_read = rv_debug_reg_read,
    .debug_reg_write = rv_debug_reg_write,
    .dump = dump,
    .disas = rv_disas,
    .finalize = finalize,
    .state = rv_saved_tables,
    .describe = describe,
    .before_save = before_save,
    .after_load = after_load,
};
