/*
 * The processor as core and the accelerator see it: state tables, reset, INIT, register dump.
 *
 * Ref: SDM vol. 3, table 9-1 (state after power-up, reset and INIT).
 */
#include "core/apic.h"
#include "core/machine.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/x87.h"
#include "util/bits.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { RESET_BASE = 0xffff0000, RESET_IP = 0xfff0, DEFAULT_SMBASE = 0x30000 };
enum { REAL_LIMIT = 0xffff, REAL_DATA = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A };
#define RESET_PAT UINT64_C(0x0007040600070406)

/* ---- what the accelerator asks ---- */

uint32_t x86_mode(struct cpu *c)
{
    enum { ALL_MASKED = 0x1f80, X87_MASKED = 0x3f };
    const struct x86_cpu *cpu = x86(c);
    uint32_t mode = cpu->seg_mode;

    mode |= (cpu->s.mxcsr & ALL_MASKED) != ALL_MASKED ? X86_MODE_XM : 0;
    mode |= cpu->s.mxcsr & X86_MXCSR_MM ? X86_MODE_MM : 0;
    return mode | ((cpu->s.fcw & X87_MASKED) != X87_MASKED ? X86_MODE_X87 : 0);
}

static unsigned fetch_idx(struct cpu *cpu)
{
    return x86(cpu)->s.cpl == 3 ? X86_IDX_USER : X86_IDX_KERNEL;
}

static bool idx_has_asid(struct cpu *cpu UNUSED, unsigned idx UNUSED)
{
    return true;
}

static void restored(struct cpu *cpu, uint32_t word)
{
    x86(cpu)->insn_word = word;
}

/* An address that is not canonical is #SS on the stack, else #GP.  Where there is no memory to
 * fetch from there are ones, which are no instruction. */
static void raise_fault(struct cpu *c, gva addr, enum guest_access access, unsigned idx UNUSED,
                        uint32_t cause)
{
    struct x86_cpu *cpu = x86(c);
    bool on_stack = access != GUEST_FETCH && (cpu->insn_word & X86_WORD_STACK);
    bool must_align = cpu->insn_word & X86_WORD_ALIGNED;

    cpu->insn_word = 0;
    switch (cause) {
    case X86_CAUSE_NOT_CANONICAL: x86_raise(cpu, on_stack ? X86_SS_FAULT : X86_GP, 0); break;
    case X86_CAUSE_WATCHED:
        cpu->retry_watched = true;
        x86_segments_changed(cpu);
        break;
    case GUEST_CAUSE_MISALIGNED: x86_raise(cpu, must_align ? X86_GP : X86_AC, 0); break;
    case GUEST_CAUSE_BUS: x86_raise(cpu, access == GUEST_FETCH ? X86_UD : X86_GP, 0); break;
    default: cpu->s.cr2 = addr; x86_raise(cpu, X86_PF, cause);
    }
}

const struct guest_ops x86_guest_ops = {
    .name = "x86",
    .slots = x86_slots,
    .nslots = X86_SLOTS,
    .pc_slot = X86_SLOT_PC,
    .narrow_modes = X86_MODE_NARROW,
    .coherent_code = true,
    .split_atomics = true,
    .mode = x86_mode,
    .asid = x86_asid,
    .fetch_idx = fetch_idx,
    .idx_has_asid = idx_has_asid,
    .translate = x86_translate,
    .walk = x86_walk,
    .raise_fault = raise_fault,
    .may_access = x86_may_access,
    .restored = restored,
    .x87 = &x87_ops,
    .disas = x86_disas,
};

/* ---- state ---- */

/* clang-format off */
static const struct state_field x86_state_table[] = {
    STATE_ARRAY(x86_cpu, seg, 0), STATE(x86_cpu, ldtr, 0), STATE(x86_cpu, tr, 0), STATE(x86_cpu, gdtr, 0),
    STATE(x86_cpu, idtr, 0), STATE(x86_cpu, cr0, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET), STATE(x86_cpu, cr2, 0),
    STATE(x86_cpu, cr3, 0), STATE(x86_cpu, cr4, 0), STATE(x86_cpu, cr8, 0), STATE_ARRAY(x86_cpu, pdpte, 0),
    STATE_ARRAY(x86_cpu, dr, 0), STATE(x86_cpu, efer, 0), STATE(x86_cpu, star, 0), STATE(x86_cpu, lstar, 0),
    STATE(x86_cpu, cstar, 0), STATE(x86_cpu, sfmask, 0), STATE(x86_cpu, kernel_gs_base, 0),
    STATE(x86_cpu, sysenter_cs, 0), STATE(x86_cpu, sysenter_esp, 0), STATE(x86_cpu, sysenter_eip, 0),
    STATE(x86_cpu, pat, RESET_PAT), STATE(x86_cpu, misc_enable, 1), STATE(x86_cpu, tsc_offset, 0),
    STATE(x86_cpu, tsc_aux, 0), STATE(x86_cpu, tsc_adjust, 0), STATE(x86_cpu, debugctl, 0),
    STATE(x86_cpu, spec_ctrl, 0), STATE(x86_cpu, feature_control, 0), STATE(x86_cpu, mtrr_def_type, 0),
    STATE_ARRAY(x86_cpu, mtrr_fixed, 0), STATE_ARRAY(x86_cpu, mtrr_base, 0), STATE_ARRAY(x86_cpu, mtrr_mask, 0),
    STATE(x86_cpu, mcg_status, 0), STATE(x86_cpu, mcg_ctl, UINT64_MAX), STATE(x86_cpu, mc_bank, 0),
    STATE(x86_cpu, xcr0, 1), STATE(x86_cpu, xss, 0), STATE(x86_cpu, bndcfgs, 0), STATE(x86_cpu, apic_base, 0),
    STATE(x86_cpu, smbase, DEFAULT_SMBASE), STATE(x86_cpu, smi_count, 0), STATE(x86_cpu, monitor, 0),
    STATE(x86_cpu, monitor_seen, 0), STATE(x86_cpu, io_restart_pc, 0), STATE(x86_cpu, eflags, 0),
    STATE(x86_cpu, pkru, 0), STATE(x86_cpu, fcw, 0x40), STATE(x86_cpu, mxcsr, 0x1f80),
    STATE(x86_cpu, cpl, 0), STATE(x86_cpu, smm, 0), STATE(x86_cpu, nmi_masked, 0), STATE(x86_cpu, nmi_pending, 0),
    STATE(x86_cpu, smi_pending, 0), STATE(x86_cpu, init_pending, 0), STATE(x86_cpu, sipi_pending, 0),
    STATE(x86_cpu, sipi_wait, 0), STATE(x86_cpu, sipi_vector, 0), STATE(x86_cpu, shadow, 0),
    STATE(x86_cpu, shadow_ss, 0), STATE_KEEP(x86_cpu, a20_off), STATE(x86_cpu, shutdown, 0), STATE(x86_cpu, keep_rf, 0),
    STATE(x86_cpu, was_halted, 0), STATE(x86_cpu, db_pending, 0), STATE(x86_cpu, ferr_raised, 0),
    STATE(x86_cpu, ignne, 0),
    STATE(x86_cpu, io_last, 0), STATE_END,
};

#define FIELD(name, reset_to) \
    {#name, offsetof(struct x86_cpu, name), sizeof(((struct x86_cpu *)0)->name), 8, (reset_to), false}
#define FIELD4(name, reset_to) \
    {#name, offsetof(struct x86_cpu, name), sizeof(((struct x86_cpu *)0)->name), 4, (reset_to), false}
#define SAVED(name) \
    {#name, offsetof(struct x86_cpu, saved_##name), sizeof(((struct x86_cpu *)0)->saved_##name), 8, 0, false}
/* Slots that INIT sets, too. */
static const struct state_field x86_register_table[] = {
    FIELD(r, 0), FIELD(pc, 0), FIELD4(cc, 0), FIELD(df, 0), FIELD(base, 0), STATE_END,
};
/* Slots that it leaves alone. */
static const struct state_field x86_float_table[] = {
    FIELD4(ftop, 0), FIELD4(ftag, 0), FIELD4(fsw, 0), FIELD(fman, 0), FIELD4(fexp, 0), SAVED(xmm),
    SAVED(ymmh), FIELD(fip, 0), FIELD(fdp, 0), FIELD4(fop, 0), FIELD4(fcs, 0), FIELD4(fds, 0),
    FIELD4(saved_mxcsr, 0x1f80), STATE_END,
};
/* clang-format on */

static const struct state_field *const saved_tables[] = {x86_register_table, x86_float_table,
                                                         x86_state_table, NULL};

/* ---- reset ---- */

static void reset_segments(struct x86_cpu *cpu)
{
    for (unsigned n = 0; n < X86_SEGS; n++)
        x86_set_segment(cpu, n, 0, 0, REAL_LIMIT, REAL_DATA);
    x86_set_segment(cpu, X86_CS, 0xf000, RESET_BASE, REAL_LIMIT, REAL_DATA | X86_DESC_CODE);
    cpu->s.gdtr.limit = cpu->s.idtr.limit = REAL_LIMIT;
    cpu->s.ldtr.limit = cpu->s.tr.limit = REAL_LIMIT;
    cpu->s.ldtr.attr = X86_DESC_P | X86_LDT << 8;
    cpu->s.tr.attr = X86_DESC_P | X86_TSS32_BUSY << 8;
}

static void reset_registers(struct x86_cpu *cpu)
{
    enum { RDX = 2 };

    state_reset(x86_register_table, cpu);
    reset_segments(cpu);
    cpu->r[RDX] = cpu->signature;
    cpu->s.dr[6] = 0xffff0ff0;
    cpu->s.dr[7] = 0x400;
    x86_set_eflags(cpu, X86_FL_1);
    x86_set_rip(cpu, RESET_IP);
    cpu->s.sipi_wait = !cpu->cfg.is_bsp;
}

static void enter_boot(struct x86_cpu *cpu)
{
    enum { CS = 0x10, DS = 0x18, RAX = 0, RBX = 3, RSP = 4, RSI = 6 };
    uint32_t flat = REAL_DATA | X86_DESC_B | X86_DESC_G;

    for (unsigned n = 0; n < X86_SEGS; n++)
        x86_set_segment(cpu, n, DS, 0, UINT32_MAX, flat);
    x86_set_segment(cpu, X86_CS, CS, 0, UINT32_MAX, flat | X86_DESC_CODE);
    cpu->s.gdtr.base = cpu->boot.gdt;
    cpu->s.gdtr.limit = cpu->boot.gdt_limit;
    cpu->s.cr0 = X86_CR0_PE | X86_CR0_ET;
    cpu->r[RAX] = cpu->boot.eax;
    cpu->r[RBX] = cpu->boot.ebx;
    cpu->r[RSI] = cpu->boot.esi;
    cpu->r[RSP] = cpu->boot.esp;
    x86_set_rip(cpu, cpu->boot.eip);
}

void x86_reset(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);

    state_reset(x86_state_table, cpu);
    state_reset(x86_float_table, cpu);
    memset(cpu->ymm, 0, sizeof(cpu->ymm));
    reset_registers(cpu);
    atomic_store(&cpu->events, 0);
    cpu->s.tsc_offset = 0 - x86_tsc(cpu);
    cpu->attempt = NULL;
    cpu->retry_watched = cpu->near_limit = false;
    cpu->insn_word = 0;
    c->as = &c->machine->as;
    c->halted = cpu->s.sipi_wait;
    if (cpu->has_boot && cpu->cfg.is_bsp)
        enter_boot(cpu);
    x86_set_mxcsr(cpu, cpu->s.mxcsr);
    x86_sync(cpu);
    if (log_enabled(LOG_CPU_RESET)) {
        x86_dump(c, log_begin());
        log_end();
    }
}

/* Registers as after reset, but MSRs, caches, x87 and SSE stay. */
void x86_init(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;

    s->cr0 = (s->cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
    s->cr2 = s->cr3 = s->cr4 = s->cr8 = s->efer = 0;
    memset(s->dr, 0, sizeof(s->dr));
    s->gdtr.base = s->idtr.base = 0;
    s->ldtr = s->tr = (struct x86_segment){0};
    s->cpl = 0;
    s->eflags = 0;
    s->pkru = 0;
    s->smm = s->nmi_masked = s->nmi_pending = s->shadow = s->shadow_ss = false;
    s->keep_rf = false;
    s->db_pending = 0;
    cpu->cpu.as = &cpu->cpu.machine->as;
    cpu->cpu.halted = false;
    reset_registers(cpu);
    if (cpu->apic_ops && cpu->apic_ops->init)
        cpu->apic_ops->init(cpu->apic);
    x86_sync(cpu);
}

void x86_sync(struct x86_cpu *cpu)
{
    irq_set(&cpu->ferr, cpu->s.ferr_raised && !cpu->s.ignne);
    guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
    x86_segments_changed(cpu);
    x86_irq_reevaluate(cpu);
}

/* ---- saving and loading ---- */

static void before_save(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);

    for (unsigned n = 0; n < X86_SEGS; n++)
        cpu->s.seg[n].base = cpu->base[n];
    x86_irq_reevaluate(cpu); /* events that have come become state */
    cpu->saved_mxcsr = x86_mxcsr(cpu);
    for (unsigned n = 0; n < 16; n++) {
        cpu->saved_xmm[n] = cpu->ymm[n][0];
        cpu->saved_ymmh[n] = cpu->ymm[n][1];
    }
}

/* Bytes that were loaded into truth values are 0 or 1. */
static void normalize_bools(struct x86_state *s)
{
#define B(field) offsetof(struct x86_state, field)
    static const uint16_t at[] = {
        B(smm),          B(nmi_masked), B(nmi_pending), B(smi_pending), B(init_pending),
        B(sipi_pending), B(sipi_wait),  B(shadow),      B(shadow_ss),   B(a20_off),
        B(shutdown),     B(keep_rf),    B(was_halted),  B(ferr_raised), B(ignne),
    };
#undef B
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        uint8_t *byte = (uint8_t *)s + at[i];
        *byte = *byte != 0;
    }
}

/* Registers that decide what the emulator does are made possible ones. */
static void after_load(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);
    struct x86_state *s = &cpu->s;

    normalize_bools(s);
    for (unsigned n = 0; n < 16; n++) {
        cpu->ymm[n][0] = cpu->saved_xmm[n];
        cpu->ymm[n][1] = cpu->saved_ymmh[n];
    }
    s->cr0 |= X86_CR0_ET;
    s->cr0 &= s->cr0 & X86_CR0_PE ? UINT64_MAX : ~X86_CR0_PG;
    s->cr4 &= x86_cr4_allowed(cpu);
    s->efer &= x86_efer_allowed(cpu) | X86_EFER_LMA;
    bool is_long = (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && (s->efer & X86_EFER_LME);
    s->efer = is_long ? s->efer | X86_EFER_LMA : s->efer & ~(uint64_t)X86_EFER_LMA;
    s->cr3 &= x86_phys_mask(cpu);
    s->xcr0 = (s->xcr0 & x86_xcr0_allowed(cpu)) | 1;
    s->eflags &= X86_EFLAGS_SYS;
    s->eflags &= is_long || !(s->cr0 & X86_CR0_PE) ? ~(uint32_t)X86_FL_VM : UINT32_MAX;
    s->cpl = x86_is_vm(cpu) ? 3 : s->cr0 & X86_CR0_PE ? s->cpl & 3 : 0;
    cpu->cc &= X86_CC_ALL;
    cpu->df = cpu->df ? UINT64_MAX : 0;
    cpu->ftop &= 7;
    cpu->ftag &= 0xff;
    x87_set_control(cpu, s->fcw);
    cpu->fsw &= X87_SW_SLOT;
    cpu->fop &= X87_FOP_BITS;
    cpu->fcs &= 0xffff;
    cpu->fds &= 0xffff;
    for (unsigned i = 0; i < 8; i++)
        cpu->fexp[i] &= 0xffff;
    cpu->pc = x86_is_64(cpu) ? cpu->pc : (uint32_t)cpu->pc;
    c->as = s->smm && cpu->smm_as ? cpu->smm_as : &c->machine->as;
    x86_set_mxcsr(cpu, cpu->saved_mxcsr);
    x86_sync(cpu);
}

static char *describe(struct cpu *c)
{
    const struct x86_cpu *cpu = x86(c);
    GString *text = g_string_new(x86_model_name(cpu->model));

    g_string_append_printf(text, ", signature %x, features", cpu->signature);
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        g_string_append_printf(text, " %" PRIx64, cpu->features[i]);
    return g_string_free(text, FALSE);
}

/* ---- dump ---- */

static void dump_general(const struct x86_cpu *cpu, FILE *f, bool wide)
{
    static const char *const names[] = {"AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP"};
    static const uint8_t order[] = {0, 3, 1, 2, 6, 7, 5, 4};

    for (unsigned i = 0; i < (wide ? 16 : 8); i++) {
        if (i >= 8)
            fprintf(f, "R%-2u=%016" PRIx64, i, cpu->r[i]);
        else if (wide)
            fprintf(f, "R%s=%016" PRIx64, names[i], cpu->r[order[i]]);
        else
            fprintf(f, "E%s=%08" PRIx32, names[i], (uint32_t)cpu->r[order[i]]);
        fputc(i % 4 == 3 ? '\n' : ' ', f);
    }
}

static void dump_flags(const struct x86_cpu *cpu, FILE *f, bool wide)
{
    static const struct {
        uint32_t bit;
        char letter;
    } flags[] = {{X86_FL_DF, 'D'}, {X86_FL_OF, 'O'}, {X86_FL_SF, 'S'}, {X86_FL_ZF, 'Z'},
                 {X86_FL_AF, 'A'}, {X86_FL_PF, 'P'}, {X86_FL_CF, 'C'}};
    uint32_t eflags = x86_eflags(cpu);

    if (wide)
        fprintf(f, "RIP=%016" PRIx64 " RFL=%08x [", x86_rip(cpu), eflags);
    else
        fprintf(f, "EIP=%08" PRIx32 " EFL=%08x [", (uint32_t)x86_rip(cpu), eflags);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        fputc(eflags & flags[i].bit ? flags[i].letter : '-', f);
    fprintf(f, "] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n", cpu->s.cpl, cpu->s.shadow, !cpu->s.a20_off,
            cpu->s.smm, cpu->cpu.halted);
}

static void dump_segment(FILE *f, const char *name, const struct x86_segment *seg, uint64_t base,
                         bool wide)
{
    fprintf(f, "%-3s=%04x %0*" PRIx64 " %08x %08x\n", name, seg->selector, wide ? 16 : 8, base,
            seg->limit, seg->attr);
}

static void dump_system(const struct x86_cpu *cpu, FILE *f, bool wide)
{
    const struct x86_state *s = &cpu->s;
    int n = wide ? 16 : 8;

    fprintf(f, "GDT=     %0*" PRIx64 " %08x\n", n, s->gdtr.base, s->gdtr.limit);
    fprintf(f, "IDT=     %0*" PRIx64 " %08x\n", n, s->idtr.base, s->idtr.limit);
    fprintf(f, "CR0=%08" PRIx64 " CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08" PRIx64 "\n", s->cr0,
            n, s->cr2, n, s->cr3, s->cr4);
    for (unsigned i = 0; i < 4; i++)
        fprintf(f, "DR%u=%0*" PRIx64 "%c", i, n, s->dr[i], i == 3 ? '\n' : ' ');
    fprintf(f, "DR6=%0*" PRIx64 " DR7=%0*" PRIx64 "\n", n, s->dr[6], n, s->dr[7]);
    fprintf(f, "EFER=%016" PRIx64 "\n", s->efer);
}

static void dump_float(struct x86_cpu *cpu, FILE *f, bool wide)
{
    if (x86_has(cpu, X86_F_FPU))
        fprintf(f, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", cpu->s.fcw, x87_status(cpu),
                cpu->ftop & 7, ~cpu->ftag & 0xff, x86_mxcsr(cpu));
    for (unsigned i = 0; x86_has(cpu, X86_F_FPU) && i < 8; i++)
        fprintf(f, "FPR%u=%016" PRIx64 " %04x%c", i, cpu->fman[i], cpu->fexp[i],
                i % 2 ? '\n' : ' ');
    for (unsigned i = 0; x86_has(cpu, X86_F_SSE) && i < (wide ? 16 : 8); i++)
        fprintf(f, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, cpu->ymm[i][0].q[1],
                cpu->ymm[i][0].q[0], i % 2 ? '\n' : ' ');
}

void x86_dump(struct cpu *c, FILE *f)
{
    static const char *const names[X86_SEGS] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    struct x86_cpu *cpu = x86(c);
    bool wide = x86_is_long(cpu);

    dump_general(cpu, f, wide);
    dump_flags(cpu, f, wide);
    for (unsigned n = 0; n < X86_SEGS; n++)
        dump_segment(f, names[n], &cpu->s.seg[n], cpu->base[n], wide);
    dump_segment(f, "LDT", &cpu->s.ldtr, cpu->s.ldtr.base, wide);
    dump_segment(f, "TR", &cpu->s.tr, cpu->s.tr.base, wide);
    dump_system(cpu, f, wide);
    dump_float(cpu, f, wide);
}

/* ---- operations ---- */

static uint64_t get_pc(struct cpu *cpu)
{
    return x86(cpu)->pc;
}

static void set_pc(struct cpu *cpu, uint64_t pc)
{
    x86(cpu)->pc = x86_is_64(x86(cpu)) ? pc : (uint32_t)pc;
}

static void finalize(struct cpu *cpu)
{
    x86_debug_regs_free(x86(cpu));
}

#define CPU_OPS(name)                                                                              \
    {                                                                                              \
        .arch = (name), .reset = x86_reset, .interrupt = x86_interrupt, .has_work = x86_has_work,  \
        .get_pc = get_pc, .set_pc = set_pc, .debug_translate = x86_debug_translate,                \
        .backtrace = x86_backtrace, .mappings = x86_mappings, .debug_regs = x86_debug_regs,        \
        .debug_reg_read = x86_debug_reg_read, .debug_reg_write = x86_debug_reg_write,              \
        .dump = x86_dump, .disas = x86_disas, .finalize = finalize, .state = saved_tables,         \
        .describe = describe, .before_save = before_save, .after_load = after_load                 \
    }
const struct cpu_ops x86_64_cpu_ops = CPU_OPS("x86_64");
const struct cpu_ops x86_32_cpu_ops = CPU_OPS("i386");
