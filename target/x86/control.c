/*
 * Control registers.
 *
 * Ref: SDM vol. 3, 2.5 (CR0 to CR4), 4.1 and 4.1.2 (changes of the paging mode), 4.4.1 (PDPTEs),
 * 4.10.4.1 (what MOV to CR invalidates); vol. 2, MOV to/from control registers.
 */
#include "core/apic.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "target/x86/xsave.h"
#include "util/bits.h"

static NORETURN void general_protection(struct x86_cpu *cpu)
{
    x86_fault(cpu, X86_GP, 0);
}

/* Paging whose four pointers are registers of the processor. */
static bool is_pae(const struct x86_state *s)
{
    return (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & X86_EFER_LMA);
}

/* ---- CR0 ---- */

/* Ref: SDM vol. 3, 9.8.5 (entering long mode). */
static void start_paging(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;

    if (s->efer & X86_EFER_LME) {
        bool tss_is_16 = !(s->tr.attr & 0x800) && (s->tr.attr & X86_DESC_P);
        if (!(s->cr4 & X86_CR4_PAE) || (s->seg[X86_CS].attr & X86_DESC_L) || tss_is_16)
            general_protection(cpu);
        s->efer |= X86_EFER_LMA;
    } else if ((s->cr4 & X86_CR4_PAE) && !x86_load_pdptes(cpu, s->cr3)) {
        general_protection(cpu);
    }
}

static void stop_paging(struct x86_cpu *cpu)
{
    if (x86_is_64(cpu) || (cpu->s.cr4 & X86_CR4_PCIDE))
        general_protection(cpu);
    cpu->s.efer &= ~(uint64_t)X86_EFER_LMA;
}

void x86_write_cr0(struct x86_cpu *cpu, uint64_t val)
{
    struct x86_state *s = &cpu->s;
    uint64_t known = X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE |
                     X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG;
    uint64_t flushed = X86_CR0_PG | X86_CR0_PE | X86_CR0_WP, caching = X86_CR0_CD | X86_CR0_NW;

    if (val >> 32 || ((val & X86_CR0_PG) && !(val & X86_CR0_PE)) ||
        ((val & X86_CR0_NW) && !(val & X86_CR0_CD)))
        general_protection(cpu);
    val = (val & known) | X86_CR0_ET;
    uint64_t changed = val ^ s->cr0;
    if (changed & val & X86_CR0_PG)
        start_paging(cpu);
    else if (changed & X86_CR0_PG)
        stop_paging(cpu);
    else if ((changed & caching) && is_pae(s) && !x86_load_pdptes(cpu, s->cr3))
        general_protection(cpu);
    s->cr0 = val;
    if (changed & X86_CR0_PE)
        s->cpl = 0;
    if (changed & flushed)
        guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
    x86_segments_changed(cpu);
}

/* ---- CR3 ---- */

void x86_write_cr3(struct x86_cpu *cpu, uint64_t val)
{
    struct x86_state *s = &cpu->s;
    bool keep = (s->cr4 & X86_CR4_PCIDE) && (val & BIT64(63));

    if (s->cr4 & X86_CR4_PCIDE)
        val &= ~BIT64(63);
    if (val & ~x86_phys_mask(cpu))
        general_protection(cpu);
    if (is_pae(s) && !x86_load_pdptes(cpu, val))
        general_protection(cpu);
    s->cr3 = val;
    if (!keep)
        guest_tlb_flush_asid(&cpu->cpu, x86_asid(&cpu->cpu));
    guest_space_changed(&cpu->cpu);
}

/* ---- CR4 ---- */

static void check_cr4(struct x86_cpu *cpu, uint64_t val)
{
    struct x86_state *s = &cpu->s;
    uint64_t changed = val ^ s->cr4;
    bool pcid_on = changed & val & X86_CR4_PCIDE;

    if (val & ~x86_cr4_allowed(cpu))
        general_protection(cpu);
    if (x86_is_long(cpu) && (!(val & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
        general_protection(cpu);
    if (pcid_on && (!x86_is_long(cpu) || (s->cr3 & 0xfff)))
        general_protection(cpu);
}

void x86_write_cr4(struct x86_cpu *cpu, uint64_t val)
{
    struct x86_state *s = &cpu->s;
    uint64_t paging = X86_CR4_PGE | X86_CR4_PAE | X86_CR4_PSE;
    uint64_t flushed =
        paging | X86_CR4_SMEP | X86_CR4_PKE | X86_CR4_LA57 | X86_CR4_PCIDE | X86_CR4_SMAP;
    uint64_t changed = val ^ s->cr4;

    check_cr4(cpu, val);
    bool reloads = (s->cr0 & X86_CR0_PG) && (val & X86_CR4_PAE) && !x86_is_long(cpu) &&
                   (changed & (paging | X86_CR4_SMEP));
    if (reloads && !x86_load_pdptes(cpu, s->cr3))
        general_protection(cpu);
    s->cr4 = val;
    if (changed & flushed)
        guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
    x86_segments_changed(cpu);
}

/* ---- CR8 ---- */

uint64_t x86_read_cr8(struct x86_cpu *cpu)
{
    return cpu->apic_ops && cpu->apic_ops->get_tpr ? cpu->apic_ops->get_tpr(cpu->apic) : cpu->s.cr8;
}

static void write_cr8(struct x86_cpu *cpu, uint64_t val)
{
    if (val > 15)
        general_protection(cpu);
    if (cpu->apic_ops && cpu->apic_ops->set_tpr)
        cpu->apic_ops->set_tpr(cpu->apic, (unsigned)val);
    else
        cpu->s.cr8 = val;
    x86_irq_reevaluate(cpu);
}

/* ---- the instructions ---- */

static void need_cpl0(struct x86_cpu *cpu)
{
    if (cpu->s.cpl)
        general_protection(cpu);
}

uint64_t helper_read_cr(struct x86_cpu *cpu, uint32_t n)
{
    need_cpl0(cpu);
    switch (n) {
    case 0: return cpu->s.cr0;
    case 2: return cpu->s.cr2;
    case 3: return cpu->s.cr3;
    case 4: return cpu->s.cr4;
    case 8: return x86_read_cr8(cpu);
    default: x86_fault(cpu, X86_UD, 0);
    }
}

void helper_write_cr(struct x86_cpu *cpu, uint32_t n, uint64_t val)
{
    need_cpl0(cpu);
    switch (n) {
    case 0: x86_write_cr0(cpu, val); break;
    case 2: cpu->s.cr2 = val; break;
    case 3: x86_write_cr3(cpu, val); break;
    case 4: x86_write_cr4(cpu, val); break;
    case 8: write_cr8(cpu, val); break;
    default: x86_fault(cpu, X86_UD, 0);
    }
}

/* PE can be set, not cleared. */
void helper_lmsw(struct x86_cpu *cpu, uint32_t val)
{
    uint64_t old = cpu->s.cr0;

    need_cpl0(cpu);
    x86_write_cr0(cpu, (old & ~UINT64_C(0xe)) | (val & 0xf) | (old & X86_CR0_PE));
}

void helper_clts(struct x86_cpu *cpu)
{
    need_cpl0(cpu);
    cpu->s.cr0 &= ~(uint64_t)X86_CR0_TS;
    x86_segments_changed(cpu);
}

/* Ref: SDM vol. 1, 13.3 (what combinations of state components may be on). */
void helper_xsetbv(struct x86_cpu *cpu, uint32_t n, uint64_t val)
{
    enum { X87 = 1, SSE = 2, AVX = 4 };

    if (!x86_has(cpu, X86_F_XSAVE) || !(cpu->s.cr4 & X86_CR4_OSXSAVE))
        x86_fault(cpu, X86_UD, 0);
    if (cpu->s.cpl || n || !(val & X87) || (val & ~x86_xcr0_allowed(cpu)) ||
        ((val & AVX) && !(val & SSE)))
        general_protection(cpu);
    cpu->s.xcr0 = val;
    x86_segments_changed(cpu);
}

uint64_t helper_xgetbv(struct x86_cpu *cpu, uint32_t n)
{
    if (!x86_has(cpu, X86_F_XSAVE) || !(cpu->s.cr4 & X86_CR4_OSXSAVE))
        x86_fault(cpu, X86_UD, 0);
    if (n > 1 || (n == 1 && !x86_has(cpu, X86_F_XGETBV1)))
        general_protection(cpu);
    return n ? cpu->s.xcr0 & x86_xinuse(cpu) : cpu->s.xcr0;
}
