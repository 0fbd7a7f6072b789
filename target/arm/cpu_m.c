/*
 * An M-profile processor: reset, modes and stacks, special registers, what translation depends on,
 * saving and loading.  Ref: v7-M, B1.3, B1.4; DDI 0553, B3.
 */
#include "accel/tcg/tcg.h"
#include "core/machine.h"
#include "core/state.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"
#include "target/arm/m_priv.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { R_SP = 13, R_LR = 14 };

/* ---- modes, stacks ---- */

bool arm_m_is_privileged(const struct arm_cpu *cpu)
{
    return arm_m_is_handler(cpu) || !(cpu->m.s.control & M_CONTROL_NPRIV);
}

unsigned arm_m_stack(const struct arm_cpu *cpu)
{
    return !arm_m_is_handler(cpu) && (cpu->m.s.control & M_CONTROL_SPSEL);
}

void arm_m_sp_out(struct arm_cpu *cpu)
{
    cpu->m.s.sp[arm_m_stack(cpu)] = (uint32_t)cpu->x[R_SP];
}

void arm_m_sp_in(struct arm_cpu *cpu)
{
    cpu->x[R_SP] = cpu->m.s.sp[arm_m_stack(cpu)] & ~3u;
}

struct nvic_masks arm_m_masks(const struct arm_cpu *cpu)
{
    const struct arm_m_state *s = &cpu->m.s;
    return (struct nvic_masks){s->primask, s->faultmask, (uint8_t)s->basepri};
}

void arm_m_set_reg(struct arm_cpu *cpu, enum nvic_reg reg, uint32_t val)
{
    cpu->cfg.nvic_ops->write(cpu->cfg.nvic, reg, val);
}

static int execution_priority(const struct arm_cpu *cpu)
{
    return cpu->cfg.nvic_ops->execution_priority(cpu->cfg.nvic, arm_m_masks(cpu));
}

static bool is_preempted(const struct arm_cpu *cpu)
{
    return atomic_load_explicit(&cpu->cpu.irq_lines, memory_order_acquire) &&
           cpu->cfg.nvic_ops->preempting(cpu->cfg.nvic, arm_m_masks(cpu)) != NVIC_NONE;
}

uint32_t arm_m_limit(const struct arm_cpu *cpu)
{
    bool is_ignored = cpu->m.is_negative && (arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_STKOFHFNMIGN);
    return is_ignored ? 0 : cpu->m.s.limit[arm_m_stack(cpu)];
}

void arm_m_changed(struct arm_cpu *cpu)
{
    cpu->m.is_negative = execution_priority(cpu) < 0;
    cpu->m.limit = arm_m_limit(cpu);
    cpu->s.ps.el = arm_m_is_privileged(cpu);
    guest_mode_changed(&cpu->cpu);
    if (is_preempted(cpu))
        cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

/* ---- what translation depends on ---- */

/* CPACR.CP10: 1 privileged only, 3 all. */
bool arm_m_fp_enabled(const struct arm_cpu *cpu, bool is_privileged)
{
    unsigned cp10 = arm_m_reg(cpu, NVIC_CPACR) >> 20 & 3;
    return cp10 == 3 || (cp10 == 1 && is_privileged);
}

static uint32_t fp_mode(const struct arm_cpu *cpu)
{
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR);
    if (!cpu->m.has_fp || !arm_m_fp_enabled(cpu, arm_m_is_privileged(cpu)))
        return 1 << ARM_MODE_FP_SHIFT;
    bool is_new = (fpccr & FPCCR_ASPEN) && !(cpu->m.s.control & M_CONTROL_FPCA);
    return is_new || (fpccr & FPCCR_LSPACT) ? ARM_MODE_M_FP_BEGIN : 0;
}

static bool is_aligned_only(const struct arm_cpu *cpu)
{
    return !cpu->m.is_main || (arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_UNALIGN_TRP);
}

static uint32_t mode(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);
    bool is_privileged = arm_m_is_privileged(cpu);
    uint32_t m = ARM_MODE_A32 | is_privileged | fp_mode(cpu);

    m |= arm_m_idx(cpu, is_privileged) << ARM_MODE_IDX_SHIFT;
    m |= cpu->s.ps.thumb ? ARM_MODE_THUMB : 0;
    m |= (uint32_t)cpu->s.ps.it << ARM_MODE_IT_SHIFT;
    m |= arm_m_is_handler(cpu) ? ARM_MODE_M_HANDLER : 0;
    m |= cpu->m.limit ? ARM_MODE_M_LIMIT : 0;
    m |= is_aligned_only(cpu) ? ARM_MODE_ALIGN : 0;
    m |= cpu->s.fpcr & FPCR_DN ? ARM_MODE_DN : 0;
    m |= cpu->s.fpcr & FPCR_FZ ? ARM_MODE_FZ : 0;
    return m | (cpu->s.fpcr >> FPCR_RMODE_SHIFT & 3) << ARM_MODE_RM_SHIFT;
}

static uint32_t asid(struct cpu *c UNUSED)
{
    return 0;
}

static bool idx_has_asid(struct cpu *c UNUSED, unsigned idx UNUSED)
{
    return false;
}

static unsigned fetch_idx(struct cpu *c)
{
    return arm_m_idx(arm(c), arm_m_is_privileged(arm(c)));
}

/* The word is EPSR.IT of the instruction. */
static void restored(struct cpu *c, uint32_t word)
{
    arm(c)->s.ps.it = (uint8_t)word;
    guest_mode_changed(c);
}

const struct guest_ops arm_m_guest_ops = {
    .name = "arm",
    .slots = arm32_slots,
    .nslots = ARM_SLOTS,
    .pc_slot = ARM_SLOT_PC,
    .narrow_modes = ARM_MODE_A32,
    .mode = mode,
    .asid = asid,
    .fetch_idx = fetch_idx,
    .idx_has_asid = idx_has_asid,
    .translate = arm_translate,
    .walk = arm_m_walk,
    .raise_fault = arm_m_raise_fault,
    .restored = restored,
    .disas = arm_disas,
};

/* ---- xPSR and special registers ---- */

enum { XPSR_Q = 1 << 27, XPSR_T = 1 << 24, XPSR_GE_SHIFT = 16, XPSR_IPSR = 0x1ff };
enum {
    SYSM_MSP = 8,
    SYSM_PSP = 9,
    SYSM_MSPLIM = 10,
    SYSM_PSPLIM = 11,
    SYSM_PRIMASK = 16,
    SYSM_BASEPRI = 17,
    SYSM_BASEPRI_MAX = 18,
    SYSM_FAULTMASK = 19,
    SYSM_CONTROL = 20
};

static uint32_t apsr(const struct arm_cpu *cpu)
{
    return arm_flags_to_nzcv(cpu->flags) | (cpu->qf ? XPSR_Q : 0) | cpu->ge << XPSR_GE_SHIFT;
}

uint32_t arm_m_xpsr(const struct arm_cpu *cpu)
{
    uint32_t it = cpu->s.ps.it;
    return apsr(cpu) | (cpu->s.ps.thumb ? XPSR_T : 0) | (it & 3) << 25 | it >> 2 << 10 |
           cpu->m.s.exception;
}

/* QUIRK: instructions of several accesses are never resumed in their middle, so that ICI, which
 * says where, is dropped. */
void arm_m_set_xpsr(struct arm_cpu *cpu, uint32_t xpsr)
{
    unsigned it = (xpsr >> 25 & 3) | (xpsr >> 10 & 0x3f) << 2;
    cpu->flags = arm_flags_from_nzcv(xpsr);
    cpu->qf = cpu->m.is_main && (xpsr & XPSR_Q);
    cpu->ge = cpu->m.has_dsp ? xpsr >> XPSR_GE_SHIFT & 15 : 0;
    cpu->s.ps.it = it & 15 && cpu->m.is_main ? (uint8_t)it : 0;
    cpu->s.ps.thumb = xpsr & XPSR_T;
}

/* EPSR reads as zero. */
static uint32_t read_psr(const struct arm_cpu *cpu, unsigned sysm)
{
    return (sysm & 4 ? 0 : apsr(cpu)) | (sysm & 1 ? cpu->m.s.exception : 0);
}

static uint32_t read_sp(const struct arm_cpu *cpu, unsigned n)
{
    return arm_m_stack(cpu) == n ? (uint32_t)cpu->x[R_SP] : cpu->m.s.sp[n];
}

static uint32_t read_privileged(const struct arm_cpu *cpu, unsigned sysm)
{
    const struct arm_m_state *s = &cpu->m.s;
    switch (sysm) {
    case SYSM_MSP:
    case SYSM_PSP: return read_sp(cpu, sysm - SYSM_MSP);
    case SYSM_MSPLIM:
    case SYSM_PSPLIM: return s->limit[sysm - SYSM_MSPLIM];
    case SYSM_PRIMASK: return s->primask;
    case SYSM_BASEPRI:
    case SYSM_BASEPRI_MAX: return s->basepri;
    case SYSM_FAULTMASK: return s->faultmask;
    case SYSM_CONTROL: return s->control;
    default: log_guest_error("MRS of special register %u, which does not exist\n", sysm); return 0;
    }
}

uint32_t arm_m_mrs(const struct arm_cpu *cpu, unsigned sysm)
{
    if (sysm < 8)
        return read_psr(cpu, sysm);
    return sysm == SYSM_CONTROL || arm_m_is_privileged(cpu) ? read_privileged(cpu, sysm) : 0;
}

uint32_t arm_m_debug_read(struct arm_cpu *cpu, unsigned sysm)
{
    return read_privileged(cpu, sysm);
}

static void write_apsr(struct arm_cpu *cpu, unsigned mask, uint32_t val)
{
    if (mask & 2) {
        cpu->flags = arm_flags_from_nzcv(val);
        cpu->qf = cpu->m.is_main && (val & XPSR_Q);
    }
    if ((mask & 1) && cpu->m.has_dsp)
        cpu->ge = val >> XPSR_GE_SHIFT & 15;
}

static void write_sp(struct arm_cpu *cpu, unsigned n, uint32_t val)
{
    if (arm_m_stack(cpu) == n)
        cpu->x[R_SP] = val & ~3u;
    else
        cpu->m.s.sp[n] = val & ~3u;
}

/* The unprivileged extension came after Cortex-M0; SPSEL is Thread mode's. */
static void write_control(struct arm_cpu *cpu, uint32_t val)
{
    struct arm_m_state *s = &cpu->m.s;
    uint32_t mask = cpu->m.version > 6 || cpu->m.mpu_regions ? M_CONTROL_NPRIV : 0;
    mask |= arm_m_is_handler(cpu) ? 0 : M_CONTROL_SPSEL;
    mask |= cpu->m.has_fp ? M_CONTROL_FPCA : 0;
    arm_m_sp_out(cpu);
    s->control = (s->control & ~mask) | (val & mask);
    arm_m_sp_in(cpu);
}

static void write_basepri(struct arm_cpu *cpu, uint32_t val, bool only_raise)
{
    struct arm_m_state *s = &cpu->m.s;
    val &= 0xff00u >> cpu->m.priority_bits & 0xff;
    if (!cpu->m.is_main || (only_raise && (!val || (s->basepri && val >= s->basepri))))
        return;
    s->basepri = val;
}

static void write_faultmask(struct arm_cpu *cpu, uint32_t val)
{
    if (cpu->m.is_main && (!(val & 1) || execution_priority(cpu) > -1))
        cpu->m.s.faultmask = val & 1;
}

static void write_limit(struct arm_cpu *cpu, unsigned n, uint32_t val)
{
    if (cpu->m.version >= 8 && cpu->m.is_main)
        cpu->m.s.limit[n] = val & ~7u;
}

static void write_privileged(struct arm_cpu *cpu, unsigned sysm, uint32_t val)
{
    switch (sysm) {
    case SYSM_MSP:
    case SYSM_PSP: write_sp(cpu, sysm - SYSM_MSP, val); break;
    case SYSM_MSPLIM:
    case SYSM_PSPLIM: write_limit(cpu, sysm - SYSM_MSPLIM, val); break;
    case SYSM_PRIMASK: cpu->m.s.primask = val & 1; break;
    case SYSM_BASEPRI:
    case SYSM_BASEPRI_MAX: write_basepri(cpu, val, sysm == SYSM_BASEPRI_MAX); break;
    case SYSM_FAULTMASK: write_faultmask(cpu, val); break;
    case SYSM_CONTROL: write_control(cpu, val); break;
    default: log_guest_error("MSR of special register %u, which does not exist\n", sysm);
    }
    arm_m_changed(cpu);
}

/* Ref: v7-M, B5.2.3.  What unprivileged code may not write it does not change. */
void arm_m_msr(struct arm_cpu *cpu, unsigned sysm, unsigned mask, uint32_t val)
{
    if (sysm < 4)
        write_apsr(cpu, mask, val);
    else if (sysm >= 8 && arm_m_is_privileged(cpu))
        write_privileged(cpu, sysm, val);
}

void arm_m_debug_write(struct arm_cpu *cpu, unsigned sysm, uint32_t val)
{
    write_privileged(cpu, sysm, val);
}

uint32_t arm_m_fpscr(struct arm_cpu *cpu)
{
    return helper_a32_get_fpscr(cpu);
}

void arm_m_set_fpscr(struct arm_cpu *cpu, uint32_t val)
{
    helper_a32_set_fpscr(cpu, val);
}

/* ---- reset ---- */

static void begin_at_vectors(struct arm_cpu *cpu)
{
    uint32_t at = arm_m_reg(cpu, NVIC_VTOR);
    uint64_t sp, pc;
    if (mem_read(cpu->cpu.as, at, 4, &sp) != MEM_OK ||
        mem_read(cpu->cpu.as, at + 4, 4, &pc) != MEM_OK) {
        arm_m_lockup(cpu, "there is no vector table");
        return;
    }
    cpu->x[R_SP] = (uint32_t)sp & ~3u;
    cpu->pc = (uint32_t)pc & ~1u;
    cpu->s.ps.thumb = pc & 1;
}

static void reset(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);
    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->v, 0, sizeof(cpu->v));
    memset(&cpu->s, 0, sizeof(cpu->s));
    memset(&cpu->m.s, 0, sizeof(cpu->m.s));
    cpu->x[R_LR] = UINT32_MAX;
    cpu->excl_addr = UINT64_MAX;
    cpu->excl_val = cpu->excl_high = 0;
    cpu->flags = ARM_FLAG_NOT_C;
    cpu->qc = cpu->qf = cpu->ge = 0;
    cpu->s.ps.a32 = true;
    cpu->s.a32.fp_flags = ARM_FLAG_NOT_C;
    c->halted = false;
    begin_at_vectors(cpu);
    arm_m_set_fpscr(cpu, 0);
    guest_tlb_flush(c);
    arm_m_changed(cpu);
    if (log_enabled(LOG_CPU_RESET)) {
        c->ops->dump(c, log_begin());
        log_end();
    }
}

/* ---- what the NVIC asks ---- */

static void reconfigure(struct cpu *c, void *unused UNUSED)
{
    guest_tlb_flush(c);
    arm_m_changed(arm(c));
}

/* Inside a store to a register: what changed holds from the next unit of code on. */
static void configured(void *opaque)
{
    struct cpu *c = opaque;
    if (cpu_current() != c) {
        cpu_run_async(c, reconfigure, NULL);
        return;
    }
    guest_tlb_flush(c);
    arm(c)->m.limit = arm_m_limit(arm(c));
    guest_mode_changed(c);
    cpu_request(c, CPU_REQ_IRQ);
}

static void pending(void *opaque)
{
    cpu_request(opaque, CPU_REQ_IRQ);
}

static void event(void *opaque)
{
    struct cpu *c = opaque;
    atomic_store(&arm(c)->event_sent, true);
    cpu_request(c, CPU_REQ_IRQ);
}

static void reset_now(struct cpu *c, void *unused UNUSED)
{
    reset(c);
}

static void local_reset(void *opaque)
{
    cpu_run_async(opaque, reset_now, NULL);
}

static const struct nvic_cpu_ops nvic_cpu_ops = {
    .configured = configured, .pending = pending, .event = event, .local_reset = local_reset};

/* ---- dump ---- */

static void dump(struct cpu *c, FILE *f)
{
    struct arm_cpu *cpu = arm(c);
    const struct arm_m_state *s = &cpu->m.s;
    uint32_t p = arm_m_xpsr(cpu);

    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "R%02u=%08" PRIx32 "%s", i, (uint32_t)(i == 15 ? cpu->pc : cpu->x[i]),
                i % 4 == 3 ? "\n" : " ");
    fprintf(f, "XPSR=%08" PRIx32 " %c%c%c%c %c %s%s\n", p, p >> 31 ? 'N' : '-',
            p >> 30 & 1 ? 'Z' : '-', p >> 29 & 1 ? 'C' : '-', p >> 28 & 1 ? 'V' : '-',
            p >> 24 & 1 ? 'T' : 'A',
            arm_m_is_handler(cpu)      ? "handler"
            : arm_m_is_privileged(cpu) ? "priv-thread"
                                       : "unpriv-thread",
            s->lockup ? ", lockup" : "");
    fprintf(f,
            "MSP=%08" PRIx32 " PSP=%08" PRIx32 " CONTROL=%" PRIx32 " PRIMASK=%" PRIx32
            " FAULTMASK=%" PRIx32 " BASEPRI=%02" PRIx32 "\n",
            read_sp(cpu, 0), read_sp(cpu, 1), s->control, s->primask, s->faultmask, s->basepri);
    if (!cpu->m.has_fp)
        return;
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "D%02u=%016" PRIx64 "%s", i, cpu->v[i / 2].d[i % 2], i % 4 == 3 ? "\n" : " ");
    fprintf(f, "FPSCR: %08" PRIx32 "\n", arm_m_fpscr(cpu));
}

/* ---- saving and loading ---- */

#define FIELD(name, elem)                                                                          \
    {                                                                                              \
#name, offsetof(struct arm_cpu, name), sizeof(((struct arm_cpu *)0)->name), elem, 0, false \
    }

static const struct state_field saved_table[] = {
    FIELD(x, 8),
    FIELD(pc, 8),
    FIELD(excl_addr, 8),
    FIELD(excl_val, 8),
    FIELD(v, 8),
    FIELD(flags, 4),
    FIELD(qf, 4),
    FIELD(ge, 4),
    FIELD(saved_fpsr, 4),
    FIELD(s.fpcr, 4),
    FIELD(s.a32.fp_flags, 8),
    FIELD(s.event, 1),
    FIELD(s.ps.thumb, 1),
    FIELD(s.ps.it, 1),
    FIELD(m.s, sizeof(struct arm_m_state)),
    STATE_END,
};
static const struct state_field *const saved_tables[] = {saved_table, NULL};

static void before_save(struct cpu *c)
{
    arm(c)->saved_fpsr = arm_fpsr(arm(c));
}

static void after_load(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);
    struct arm_m_state *s = &cpu->m.s;
    cpu->flags &= ARM_FLAG_ALL;
    cpu->qf = !!cpu->qf;
    cpu->ge &= 15;
    cpu->pc = (uint32_t)cpu->pc & ~1u;
    for (unsigned i = 0; i < 32; i++)
        cpu->x[i] = (uint32_t)cpu->x[i];
    cpu->x[R_SP] &= ~UINT64_C(3);
    s->exception &= NVIC_EXCEPTIONS - 1;
    s->control &= M_CONTROL_NPRIV | M_CONTROL_SPSEL | (cpu->m.has_fp ? M_CONTROL_FPCA : 0);
    s->primask &= 1;
    s->faultmask &= 1;
    s->basepri &= 0xff;
    arm_set_fpcr(cpu, cpu->s.fpcr);
    arm_set_fpsr(cpu, cpu->saved_fpsr);
    guest_tlb_flush(c);
    arm_m_changed(cpu);
    cpu_request(c, CPU_REQ_IRQ); /* it may sleep, with a reason not to */
}

static char *describe(struct cpu *c)
{
    const struct arm_m *m = &arm(c)->m;
    return g_strdup_printf("%s,vfp=%s,dsp=%s,mpu-regions=%u", arm_m_model_name(m->model),
                           m->has_fp ? "on" : "off", m->has_dsp ? "on" : "off", m->mpu_regions);
}

/* ---- operations ---- */

static uint64_t get_pc(struct cpu *c)
{
    return arm(c)->pc;
}

static void set_pc(struct cpu *c, uint64_t pc)
{
    arm(c)->pc = (uint32_t)pc & ~1u;
}

static void finalize(struct cpu *c)
{
    arm_debug_regs_free(arm(c));
}

static const struct cpu_ops arm_m_cpu_ops = {
    .arch = "arm",
    .reset = reset,
    .interrupt = arm_m_interrupt,
    .has_work = arm_m_has_work,
    .get_pc = get_pc,
    .set_pc = set_pc,
    .debug_translate = arm_m_debug_translate,
    .debug_regs = arm_debug_regs,
    .debug_reg_read = arm_debug_reg_read,
    .debug_reg_write = arm_debug_reg_write,
    .backtrace = arm_backtrace,
    .dump = dump,
    .disas = arm_disas,
    .finalize = finalize,
    .state = saved_tables,
    .describe = describe,
    .before_save = before_save,
    .after_load = after_load,
};

struct cpu *arm_m_cpu_new(struct machine *m, const char *model, const struct arm_cpu_config *config,
                          struct error **errp)
{
    struct arm_cpu *cpu = m->accel->cpu_alloc(sizeof(*cpu));
    struct nvic_ids ids;

    cpu->cfg = *config;
    if (!arm_m_configure(cpu, model ? model : "cortex-m3", errp)) {
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    cpu_init(&cpu->cpu, &arm_m_cpu_ops, m, m->ncpus);
    if (!tcg_cpu_attach(&cpu->cpu, &arm_m_guest_ops, errp)) {
        cpu_fini(&cpu->cpu);
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    arm_m_ids(cpu, &ids);
    config->nvic_ops->connect(config->nvic, &nvic_cpu_ops, cpu, &ids);
    machine_add_cpu(m, &cpu->cpu);
    return &cpu->cpu;
}
