/*
 * Helpers of system instructions: exceptions, far transfers, system calls, flags, segments, tables,
 * ports, waiting.
 *
 * Ref: SDM vol. 2, the instructions' pages; vol. 1, 19.5 (I/O permission).
 */
#include "core/machine.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "util/bits.h"

#include <glib.h>
#include <sched.h>

enum { RSP = 4, RCX = 1, RDX = 2, R11 = 11 };

static NORETURN void general_protection(struct x86_cpu *cpu)
{
    x86_fault(cpu, X86_GP, 0);
}

static NORETURN void undefined(struct x86_cpu *cpu)
{
    x86_fault(cpu, X86_UD, 0);
}

static void need_cpl0(struct x86_cpu *cpu)
{
    if (cpu->s.cpl)
        general_protection(cpu);
}

/* ---- exceptions and far transfers ---- */

void helper_near_target(struct x86_cpu *cpu, uint64_t rip)
{
    if (!x86_is_canonical(cpu, rip))
        general_protection(cpu);
}

void helper_raise(struct x86_cpu *cpu, uint32_t vector, uint32_t error)
{
    x86_fault(cpu, vector, error);
}

void helper_int_n(struct x86_cpu *cpu, uint32_t vector, uint32_t kind, uint64_t next)
{
    x86_software_interrupt(cpu, vector, kind, next);
    guest_unwind(&cpu->cpu);
}

void helper_iret(struct x86_cpu *cpu, uint32_t size, uint64_t next)
{
    x86_iret(cpu, size, next);
}

void helper_far_jmp(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, uint32_t size,
                    uint64_t next)
{
    x86_far_jmp(cpu, selector, offset, size, next);
}

void helper_far_call(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, uint32_t size,
                     uint64_t next)
{
    x86_far_call(cpu, selector, offset, size, next);
}

void helper_far_ret(struct x86_cpu *cpu, uint32_t size, uint32_t release, uint64_t next UNUSED)
{
    x86_far_ret(cpu, size, release);
}

void helper_rsm(struct x86_cpu *cpu)
{
    if (!cpu->s.smm)
        undefined(cpu);
    x86_rsm(cpu);
}

/* ---- system calls ---- */

enum {
    FLAT_DATA = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A | X86_DESC_B | X86_DESC_G,
    FLAT_CODE = X86_DESC_P | X86_DESC_S | X86_DESC_CODE | X86_DESC_R | X86_DESC_A | X86_DESC_G
};

/* Code and stack of a level, fixed whatever the tables say. */
static void set_flat(struct x86_cpu *cpu, uint32_t cs, uint32_t ss, unsigned cpl, bool is_64)
{
    uint32_t dpl = cpl << X86_DESC_DPL_SHIFT;

    x86_set_segment(cpu, X86_CS, (cs & 0xfffc) | cpl, 0, UINT32_MAX,
                    FLAT_CODE | dpl | (is_64 ? X86_DESC_L : X86_DESC_B));
    x86_set_segment(cpu, X86_SS, (ss & 0xfffc) | cpl, 0, UINT32_MAX, FLAT_DATA | dpl);
    x86_set_cpl(cpu, cpl);
}

static void enter_kernel(struct x86_cpu *cpu, uint64_t target)
{
    uint32_t cs = cpu->s.star >> 32 & 0xfffc;

    set_flat(cpu, cs, cs + 8, 0, true);
    x86_set_eflags(cpu, x86_eflags(cpu) & ~(uint32_t)cpu->s.sfmask & ~(uint32_t)X86_FL_RF);
    cpu->pc = target;
    x86_segments_changed(cpu);
}

/* Ref: APM vol. 3, SYSENTER, SYSEXIT: AMD's processors have them in legacy mode only; SDM vol. 2,
 * SYSCALL, SYSRET: Intel's have these in 64-bit code only. */
static void need_sysenter(struct x86_cpu *cpu)
{
    if (x86_is_long(cpu) && x86_is_amd(cpu))
        undefined(cpu);
}

uint32_t helper_syscall_64(struct x86_cpu *cpu)
{
    if (!(cpu->s.efer & X86_EFER_SCE))
        return 0;
    enter_kernel(cpu, cpu->s.lstar);
    return 1;
}

void helper_syscall(struct x86_cpu *cpu, uint64_t next)
{
    struct x86_state *s = &cpu->s;
    uint32_t cs = s->star >> 32 & 0xfffc;
    bool was_64 = x86_is_64(cpu);

    if (!(s->efer & X86_EFER_SCE) || !(s->cr0 & X86_CR0_PE) || (!was_64 && !x86_is_amd(cpu)))
        undefined(cpu);
    cpu->r[RCX] = was_64 ? next : (uint32_t)(next - cpu->base[X86_CS]);
    if (x86_is_long(cpu)) {
        cpu->r[R11] = x86_eflags(cpu) & ~(uint32_t)X86_FL_RF;
        enter_kernel(cpu, was_64 ? s->lstar : s->cstar);
    } else {
        set_flat(cpu, cs, cs + 8, 0, false);
        s->eflags &= ~(uint32_t)(X86_FL_IF | X86_FL_VM | X86_FL_RF);
        cpu->pc = (uint32_t)s->star;
        x86_segments_changed(cpu);
    }
}

/* CS and SS come from STAR: 16 further for 64-bit code.  SS keeps nothing of what it was. */
static void leave_kernel(struct x86_cpu *cpu, uint64_t target, uint32_t flags, bool is_64)
{
    uint32_t base = cpu->s.star >> 48 & 0xfffc;

    x86_set_eflags(cpu, flags);
    set_flat(cpu, base + (is_64 ? 16 : 0), base + 8, 3, is_64);
    cpu->pc = is_64 ? target : (uint32_t)target;
    x86_segments_changed(cpu);
    x86_irq_unmasked(cpu);
}

enum { SYSRET_CLEARS = X86_FL_RF | X86_FL_VM };

uint32_t helper_sysret_64(struct x86_cpu *cpu, uint64_t rcx, uint32_t r11)
{
    if (!(cpu->s.efer & X86_EFER_SCE) || !x86_is_canonical(cpu, rcx) || (r11 & X86_FL_TF))
        return 0;
    leave_kernel(cpu, rcx, r11 & ~(uint32_t)SYSRET_CLEARS, true);
    return 1;
}

void helper_sysret(struct x86_cpu *cpu, uint32_t is_64)
{
    struct x86_state *s = &cpu->s;
    uint32_t flags = x86_eflags(cpu) | X86_FL_IF;
    bool is_alone = cpu->seg_mode & (X86_MODE_ONE | X86_MODE_TF);

    if (!(s->efer & X86_EFER_SCE) || (!x86_is_64(cpu) && !x86_is_amd(cpu)))
        undefined(cpu);
    if (s->cpl || !(s->cr0 & X86_CR0_PE))
        general_protection(cpu);
    if (x86_is_long(cpu) && is_64 && !x86_is_canonical(cpu, cpu->r[RCX]))
        general_protection(cpu);
    if (x86_is_long(cpu))
        flags = (uint32_t)cpu->r[R11] & ~(uint32_t)SYSRET_CLEARS;
    leave_kernel(cpu, cpu->r[RCX], flags, is_64);
    if (!is_alone && (s->eflags & X86_FL_TF))
        helper_one_end(cpu, X86_STEP_BY_FLAG);
}

void helper_sysenter(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;
    bool is_long = x86_is_long(cpu);
    uint32_t cs = (uint32_t)s->sysenter_cs & 0xfffc;

    need_sysenter(cpu);
    if (!(s->cr0 & X86_CR0_PE) || !cs)
        general_protection(cpu);
    s->eflags &= ~(uint32_t)(X86_FL_VM | X86_FL_IF | X86_FL_RF);
    set_flat(cpu, cs, cs + 8, 0, is_long);
    cpu->r[RSP] = is_long ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    cpu->pc = is_long ? s->sysenter_eip : (uint32_t)s->sysenter_eip;
    x86_segments_changed(cpu);
}

void helper_sysexit(struct x86_cpu *cpu, uint32_t is_64)
{
    struct x86_state *s = &cpu->s;
    uint32_t cs = (uint32_t)s->sysenter_cs & 0xfffc;
    uint64_t rip = cpu->r[RDX], rsp = cpu->r[RCX];

    need_sysenter(cpu);
    if (!(s->cr0 & X86_CR0_PE) || !cs || s->cpl)
        general_protection(cpu);
    if (is_64 && (!x86_is_canonical(cpu, rip) || !x86_is_canonical(cpu, rsp)))
        general_protection(cpu);
    cs += is_64 ? 32 : 16;
    set_flat(cpu, cs, cs + 8, 3, is_64);
    cpu->r[RSP] = is_64 ? rsp : (uint32_t)rsp;
    cpu->pc = is_64 ? rip : (uint32_t)rip;
    x86_segments_changed(cpu);
}

/* ---- waiting ---- */

void helper_hlt(struct x86_cpu *cpu, uint64_t next)
{
    need_cpl0(cpu);
    cpu->pc = next;
    cpu->cpu.halted = true;
}

static bool has_monitor(const struct x86_cpu *cpu)
{
    return x86_has(cpu, X86_F_MONITOR) && !cpu->s.cpl;
}

static uint64_t look_at_monitored(struct x86_cpu *cpu)
{
    return guest_ld(&cpu->cpu, cpu->s.monitor,
                    MO_64 | x86_data_idx(cpu, cpu->s.cpl) << MO_IDX_SHIFT);
}

void helper_monitor(struct x86_cpu *cpu, uint64_t addr)
{
    if (!has_monitor(cpu))
        undefined(cpu);
    if ((uint32_t)cpu->r[RCX])
        general_protection(cpu);
    cpu->s.monitor = addr & ~UINT64_C(7);
    cpu->s.monitor_seen = look_at_monitored(cpu);
}

/* Who spins waits for another processor, which may have no CPU of the host because of that: after
 * some turns it gets this one's. */
void helper_pause(struct x86_cpu *cpu)
{
    enum { SPINS = 64 };
    if (++cpu->pauses % SPINS == 0 && cpu->cpu.machine->ncpus > 1)
        sched_yield();
}

/*
 * It may end at any time for any reason.  Another processor or a device may store to the line: so
 * nothing sleeps for good here; ECX bit 0 makes interrupts end it that are masked.
 */
void helper_mwait(struct x86_cpu *cpu, uint64_t next)
{
    enum { NAP_US = 50 };
    struct x86_state *s = &cpu->s;

    if (!has_monitor(cpu))
        undefined(cpu);
    if (cpu->r[RCX] & ~UINT64_C(1))
        general_protection(cpu);
    if (s->monitor && look_at_monitored(cpu) == s->monitor_seen && !x86_has_work(&cpu->cpu))
        g_usleep(NAP_US);
    s->monitor = 0;
    cpu->pc = next;
}

/* ---- flags ---- */

/* Ref: SDM vol. 3, 21.3 (VME) and 21.4 (PVI). */
static bool has_virtual_if(const struct x86_cpu *cpu)
{
    const struct x86_state *s = &cpu->s;

    if (!(s->cr0 & X86_CR0_PE) || x86_iopl(cpu) >= s->cpl || s->cpl != 3)
        return false;
    return s->cr4 & (x86_is_vm(cpu) ? X86_CR4_VME : X86_CR4_PVI);
}

uint64_t helper_pushf(struct x86_cpu *cpu, uint32_t size)
{
    uint32_t flags = x86_eflags(cpu) & ~(uint32_t)(X86_FL_VM | X86_FL_RF);

    if (!x86_is_vm(cpu) || x86_iopl(cpu) == 3)
        return flags;
    if (size != MO_16 || !(cpu->s.cr4 & X86_CR4_VME))
        general_protection(cpu);
    flags &= ~(uint32_t)X86_FL_IF;
    return flags | X86_FL_IOPL | (flags & X86_FL_VIF ? X86_FL_IF : 0);
}

static uint32_t popf_mask(const struct x86_cpu *cpu, uint32_t size)
{
    uint32_t mask = X86_FL_CF | X86_FL_PF | X86_FL_AF | X86_FL_ZF | X86_FL_SF | X86_FL_TF |
                    X86_FL_DF | X86_FL_OF | X86_FL_NT;

    if (size != MO_16)
        mask |= X86_FL_AC | X86_FL_ID;
    if (!(cpu->s.cr0 & X86_CR0_PE) || !cpu->s.cpl)
        return mask | X86_FL_IOPL | X86_FL_IF;
    return cpu->s.cpl <= x86_iopl(cpu) ? mask | X86_FL_IF : mask;
}

/* Virtual-8086 mode below IOPL 3: VIF instead of IF. */
static void popf_virtual(struct x86_cpu *cpu, uint32_t image, uint32_t size)
{
    uint32_t mask = popf_mask(cpu, size) & ~(uint32_t)X86_FL_IF, vif = 0;

    if (size != MO_16 || !(cpu->s.cr4 & X86_CR4_VME) || (image & X86_FL_TF) ||
        ((image & X86_FL_IF) && (cpu->s.eflags & X86_FL_VIP)))
        general_protection(cpu);
    vif = image & X86_FL_IF ? X86_FL_VIF : 0;
    x86_set_eflags(cpu, (x86_eflags(cpu) & ~(mask | X86_FL_VIF)) | (image & mask) | vif);
}

void helper_popf(struct x86_cpu *cpu, uint64_t image, uint32_t size)
{
    uint32_t before = cpu->s.eflags;

    if (x86_is_vm(cpu) && x86_iopl(cpu) < 3) {
        popf_virtual(cpu, (uint32_t)image, size);
    } else {
        uint32_t mask = popf_mask(cpu, size);
        x86_set_eflags(cpu, ((x86_eflags(cpu) & ~mask) | ((uint32_t)image & mask)) &
                                ~(uint32_t)X86_FL_RF);
    }
    if ((before ^ cpu->s.eflags) & ~(uint32_t)(X86_FL_IF | X86_FL_ID))
        x86_segments_changed(cpu);
    x86_irq_unmasked(cpu);
}

static void set_virtual_if(struct x86_cpu *cpu, bool on)
{
    if (on && (cpu->s.eflags & X86_FL_VIP))
        general_protection(cpu);
    cpu->s.eflags &= ~(uint32_t)X86_FL_VIF;
    cpu->s.eflags |= on ? X86_FL_VIF : 0;
}

/* STI holds interrupts off for one instruction more if they were off. */
void helper_set_if(struct x86_cpu *cpu, uint32_t on)
{
    struct x86_state *s = &cpu->s;

    if ((s->cr0 & X86_CR0_PE) && x86_iopl(cpu) < s->cpl) {
        if (!has_virtual_if(cpu))
            general_protection(cpu);
        set_virtual_if(cpu, on);
        return;
    }
    if (!on) {
        s->eflags &= ~(uint32_t)X86_FL_IF;
        return;
    }
    if (s->eflags & X86_FL_IF)
        return;
    s->eflags |= X86_FL_IF;
    s->shadow = true;
    x86_segments_changed(cpu);
}

void helper_set_ac(struct x86_cpu *cpu, uint32_t on)
{
    if (!x86_has(cpu, X86_F_SMAP) || cpu->s.cpl || x86_is_paragraphs(cpu))
        undefined(cpu);
    cpu->s.eflags &= ~(uint32_t)X86_FL_AC;
    cpu->s.eflags |= on ? X86_FL_AC : 0;
    x86_segments_changed(cpu);
}

/* ---- segments ---- */

void helper_load_seg(struct x86_cpu *cpu, uint32_t n, uint32_t selector, uint32_t is_shadowed)
{
    x86_load_segment(cpu, n, selector, X86_GP, 0);
    if (n == X86_SS && is_shadowed)
        cpu->s.shadow = cpu->s.shadow_ss = true;
    x86_segments_changed(cpu);
}

void helper_check_fsgsbase(struct x86_cpu *cpu)
{
    if (!(cpu->s.cr4 & X86_CR4_FSGSBASE) || !x86_is_64(cpu))
        undefined(cpu);
}

void helper_write_base(struct x86_cpu *cpu, uint32_t n, uint64_t val)
{
    helper_check_fsgsbase(cpu);
    if (!x86_is_canonical_register(cpu, val))
        general_protection(cpu);
    cpu->base[n] = val;
}

/* ---- tables ---- */

static unsigned data_memop(const struct x86_cpu *cpu, unsigned size_log2)
{
    return size_log2 | x86_data_idx(cpu, cpu->s.cpl) << MO_IDX_SHIFT;
}

/* The base has 24 bits with operands of 16 bits. */
void helper_load_table(struct x86_cpu *cpu, uint32_t is_idt, uint64_t addr, uint32_t size)
{
    struct x86_table *t = is_idt ? &cpu->s.idtr : &cpu->s.gdtr;

    need_cpl0(cpu);
    uint32_t limit = (uint32_t)guest_ld(&cpu->cpu, addr, data_memop(cpu, MO_16));
    uint64_t base = guest_ld(&cpu->cpu, x86_linear(cpu, addr + 2),
                             data_memop(cpu, x86_is_64(cpu) ? MO_64 : MO_32));
    if (x86_is_64(cpu) && !x86_is_canonical_register(cpu, base))
        general_protection(cpu);
    if (!x86_is_64(cpu) && size == MO_16)
        base &= 0xffffff;
    t->limit = limit;
    t->base = base;
}

static void check_umip(struct x86_cpu *cpu)
{
    if ((cpu->s.cr4 & X86_CR4_UMIP) && cpu->s.cpl)
        general_protection(cpu);
}

void helper_store_table(struct x86_cpu *cpu, uint32_t is_idt, uint64_t addr)
{
    const struct x86_table *t = is_idt ? &cpu->s.idtr : &cpu->s.gdtr;
    unsigned size = x86_is_64(cpu) ? 8 : 4;

    check_umip(cpu);
    guest_probe(&cpu->cpu, addr, 2 + size, GUEST_WRITE, x86_data_idx(cpu, cpu->s.cpl));
    guest_st(&cpu->cpu, addr, t->limit, data_memop(cpu, MO_16));
    guest_st(&cpu->cpu, x86_linear(cpu, addr + 2), t->base,
             data_memop(cpu, size == 8 ? MO_64 : MO_32));
}

void helper_lldt(struct x86_cpu *cpu, uint32_t selector)
{
    if (x86_is_paragraphs(cpu))
        undefined(cpu);
    need_cpl0(cpu);
    x86_load_ldt(cpu, selector & 0xffff, X86_GP, 0);
}

void helper_ltr(struct x86_cpu *cpu, uint32_t selector)
{
    struct x86_desc d;
    uint32_t error = selector & 0xfffc;

    selector &= 0xffff;
    if (x86_is_paragraphs(cpu))
        undefined(cpu);
    need_cpl0(cpu);
    if (is_null(selector))
        general_protection(cpu);
    bool found = !(selector & 4) && x86_read_system_desc(cpu, selector, &d);
    bool is_16 = found && !x86_is_long(cpu) && desc_is_system(&d, X86_TSS16);
    if (!found || !(is_16 || desc_is_system(&d, X86_TSS32)))
        x86_fault(cpu, X86_GP, error);
    if (!(d.hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, error);
    if (x86_is_long(cpu) && !x86_is_canonical_register(cpu, x86_desc_base(&d)))
        x86_fault(cpu, X86_GP, error);
    d.hi |= X86_BUSY;
    x86_sys_st(cpu, d.addr + 5, MO_8, d.hi >> 8 & 0xff);
    cpu->s.tr = (struct x86_segment){.selector = (uint16_t)selector,
                                     .attr = d.hi & 0x00f0ff00,
                                     .limit = x86_desc_limit(&d),
                                     .base = x86_desc_base(&d)};
}

uint64_t helper_system_word(struct x86_cpu *cpu, uint32_t which)
{
    enum { SLDT, STR };

    if (which <= STR && x86_is_paragraphs(cpu))
        undefined(cpu);
    check_umip(cpu);
    if (which <= STR)
        return which == SLDT ? cpu->s.ldtr.selector : cpu->s.tr.selector;
    return cpu->s.cr0;
}

/* ---- questions about selectors ---- */

/* Whether it may be seen at all: DPL against CPL and RPL, but for conforming code. */
static bool is_visible(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    unsigned rpl = selector & 3;

    if (x86_is_paragraphs(cpu))
        undefined(cpu);
    if (is_null(selector) || !x86_read_desc(cpu, selector, d))
        return false;
    if (desc_is_code(d) && desc_is_conforming(d))
        return true;
    return desc_dpl(d) >= cpu->s.cpl && desc_dpl(d) >= rpl;
}

uint32_t helper_verify(struct x86_cpu *cpu, uint32_t selector, uint32_t for_write)
{
    struct x86_desc d;

    if (!is_visible(cpu, selector & 0xffff, &d) || !(d.hi & X86_DESC_S))
        return 0;
    if (for_write)
        return desc_is_writable_data(&d);
    return !desc_is_code(&d) || (d.hi & X86_DESC_R) != 0;
}

/* System types that LAR and LSL know: LDT, TSSs, and for LAR gates.  Ref: SDM vol. 2, LAR (table
 * 3-59), LSL. */
static bool is_known_type(const struct x86_cpu *cpu, const struct x86_desc *d, bool with_gates)
{
    uint32_t types = x86_is_long(cpu) ? 1u << X86_LDT | 1u << X86_TSS32 | 1u << X86_TSS32_BUSY
                                      : 1u << X86_TSS16 | 1u << X86_LDT | 1u << X86_TSS16_BUSY |
                                            1u << X86_TSS32 | 1u << X86_TSS32_BUSY;

    if (with_gates)
        types |= x86_is_long(cpu) ? 1u << X86_CALL32
                                  : 1u << X86_CALL16 | 1u << X86_TASK_GATE | 1u << X86_CALL32;
    return (d->hi & X86_DESC_S) || (types >> desc_type(d) & 1);
}

uint64_t helper_lar(struct x86_cpu *cpu, uint32_t selector)
{
    struct x86_desc d;

    if (!is_visible(cpu, selector & 0xffff, &d) || !is_known_type(cpu, &d, true))
        return UINT64_MAX;
    return d.hi & 0x00ffff00;
}

uint64_t helper_lsl(struct x86_cpu *cpu, uint32_t selector)
{
    struct x86_desc d;

    if (!is_visible(cpu, selector & 0xffff, &d) || !is_known_type(cpu, &d, false))
        return UINT64_MAX;
    return x86_desc_limit(&d);
}

/* ---- protection keys, translation, caches ---- */

uint64_t helper_rdpkru(struct x86_cpu *cpu, uint32_t ecx)
{
    if (!(cpu->s.cr4 & X86_CR4_PKE))
        undefined(cpu);
    if (ecx)
        general_protection(cpu);
    return cpu->s.pkru;
}

void x86_set_pkru(struct x86_cpu *cpu, uint32_t val)
{
    if (cpu->s.pkru == val)
        return;
    cpu->s.pkru = val;
    guest_tlb_flush(&cpu->cpu);
}

void helper_wrpkru(struct x86_cpu *cpu, uint64_t eax, uint32_t ecx, uint32_t edx)
{
    if (!(cpu->s.cr4 & X86_CR4_PKE))
        undefined(cpu);
    if (ecx || edx)
        general_protection(cpu);
    x86_set_pkru(cpu, (uint32_t)eax);
}

void helper_invlpg(struct x86_cpu *cpu, uint64_t addr)
{
    need_cpl0(cpu);
    if (!x86_is_long(cpu) || x86_is_canonical(cpu, addr))
        guest_tlb_flush_page(&cpu->cpu, addr);
}

/* Ref: SDM vol. 2, INVPCID: which types want what of the descriptor. */
void helper_invpcid(struct x86_cpu *cpu, uint64_t type, uint64_t at)
{
    enum { ONE_ADDRESS, ONE_PCID, ALL_WITH_GLOBAL, ALL };

    if (!x86_has(cpu, X86_F_INVPCID) || (!(cpu->s.cr0 & X86_CR0_PE)))
        undefined(cpu);
    need_cpl0(cpu);
    uint64_t pcid = guest_ld(&cpu->cpu, at, data_memop(cpu, MO_64));
    uint64_t addr = guest_ld(&cpu->cpu, x86_linear(cpu, at + 8), data_memop(cpu, MO_64));
    bool wants_0 = !(cpu->s.cr4 & X86_CR4_PCIDE) && type <= ONE_PCID;
    if (type > ALL || pcid >> 12 || (wants_0 && pcid) ||
        (type == ONE_ADDRESS && !x86_is_canonical_register(cpu, addr)))
        general_protection(cpu);
    switch (type) {
    case ONE_ADDRESS:
        guest_tlb_flush_page_asid(&cpu->cpu, addr, x86_asid_of_pcid((unsigned)pcid));
        break;
    case ONE_PCID: guest_tlb_flush_asid(&cpu->cpu, x86_asid_of_pcid((unsigned)pcid)); break;
    default: guest_tlb_flush(&cpu->cpu);
    }
}

/* Memory is coherent: there is nothing to write back. */
void helper_wbinvd(struct x86_cpu *cpu)
{
    need_cpl0(cpu);
}

/* ---- ports ---- */

/* The map in a 32-bit TSS says so bit by bit; two bytes are read always. */
static bool map_allows(struct x86_cpu *cpu, unsigned port, unsigned bytes)
{
    const struct x86_segment *tr = &cpu->s.tr;
    uint32_t at, bits;

    if (!(tr->attr & X86_DESC_P) || !(tr->attr >> 8 & 8) || tr->limit < 0x67)
        return false;
    at = (uint32_t)x86_sys_ld(cpu, tr->base + 0x66, MO_16) + port / 8;
    if (at + 1 > tr->limit)
        return false;
    bits = (uint32_t)x86_sys_ld(cpu, tr->base + at, MO_16);
    return !(bits >> port % 8 & ((1u << bytes) - 1));
}

static void check_port(struct x86_cpu *cpu, unsigned port, unsigned bytes)
{
    if (!(cpu->seg_mode & X86_MODE_IO) && !map_allows(cpu, port, bytes))
        general_protection(cpu);
    x86_debug_io(cpu, port, bytes);
}

/* For an SMI that the access brings about.  Ref: SDM vol. 3, 31.7.1; APM vol. 2, 10.3.8. */
static void note_io(struct x86_cpu *cpu, unsigned port, unsigned bytes, bool is_in)
{
    cpu->s.io_restart_pc = cpu->pc;
    cpu->s.io_last = port << 16 | bytes << 4 | 2 | is_in;
}

uint64_t helper_in(struct x86_cpu *cpu, uint32_t port, uint32_t bytes)
{
    uint64_t val;

    port &= 0xffff;
    check_port(cpu, port, bytes);
    note_io(cpu, port, bytes, true);
    if (mem_read(&cpu->cpu.machine->io, port, bytes, &val) != MEM_OK)
        val = UINT64_MAX;
    return val & MASK64(0, 8 * bytes);
}

void helper_out(struct x86_cpu *cpu, uint32_t port, uint32_t bytes, uint64_t val)
{
    port &= 0xffff;
    check_port(cpu, port, bytes);
    note_io(cpu, port, bytes, false);
    (void)mem_write(&cpu->cpu.machine->io, port, bytes, val & MASK64(0, 8 * bytes));
}

void helper_cpuid(struct x86_cpu *cpu)
{
    uint32_t out[4];

    x86_cpuid(cpu, (uint32_t)cpu->r[0], (uint32_t)cpu->r[RCX], out);
    cpu->r[0] = out[0];
    cpu->r[3] = out[1];
    cpu->r[RCX] = out[2];
    cpu->r[RDX] = out[3];
}
