/* Processors as boards see them: creation, wiring, A20. */
#include "target/x86/x86.h"

#include "accel/tcg/tcg.h"
#include "core/machine.h"
#include "target/x86/cpu_priv.h"

#include <limits.h>
#include <string.h>

static bool machine_is32(const struct machine *m)
{
    return m->cls && m->cls->arch && !strcmp(m->cls->arch, "i386");
}

/* ---- where nothing is mapped ---- */

static uint64_t nothing_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return UINT64_MAX;
}

static void nothing_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t val UNUSED)
{
}

static const struct mmio_ops nothing_ops = {
    .read = nothing_read, .write = nothing_write, .min = 1, .max = 8};

/* The bus floats: loads find ones, stores are lost.  Neither is a fault on x86. */
static void fill_gaps(struct x86_cpu *cpu, struct machine *m)
{
    region_init_mmio(&cpu->nothing, "nothing", &nothing_ops, NULL);
    cpu->nothing.size = m->root.size;
    region_add(&m->root, 0, &cpu->nothing, INT_MIN);
}

struct cpu *x86_cpu_new(struct machine *m, const char *model, const struct x86_cpu_config *config,
                        struct error **errp)
{
    bool is32 = machine_is32(m);
    struct x86_cpu *cpu = m->accel->cpu_alloc(sizeof(*cpu));

    cpu->cfg = *config;
    if (!x86_configure(cpu, model ? model : is32 ? "qemu32" : "qemu64", is32, errp)) {
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    cpu_init(&cpu->cpu, is32 ? &x86_32_cpu_ops : &x86_64_cpu_ops, m, m->ncpus);
    if (!tcg_cpu_attach(&cpu->cpu, &x86_guest_ops, errp)) {
        cpu_fini(&cpu->cpu);
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    if (!x86_has(cpu, X86_F_LM))
        guest_set_address_mask(&cpu->cpu, UINT32_MAX);
    if (!m->ncpus)
        fill_gaps(cpu, m);
    machine_add_cpu(m, &cpu->cpu);
    return &cpu->cpu;
}

void x86_cpu_set_pic(struct cpu *cpu, unsigned (*acknowledge)(void *opaque), void *opaque)
{
    x86(cpu)->pic_acknowledge = acknowledge;
    x86(cpu)->pic = opaque;
}

void x86_cpu_set_apic(struct cpu *cpu, const struct apic_ops *ops, void *apic)
{
    x86(cpu)->apic_ops = ops;
    x86(cpu)->apic = apic;
}

bool x86_cpu_wants_apic(const struct cpu *c, bool *x2apic)
{
    const struct x86_cpu *cpu = (const struct x86_cpu *)c;
    *x2apic = x86_has(cpu, X86_F_X2APIC);
    return x86_has(cpu, X86_F_APIC);
}

void x86_cpu_set_boot(struct cpu *cpu, const struct x86_boot *boot)
{
    x86(cpu)->boot = *boot;
    x86(cpu)->has_boot = true;
}

void x86_cpu_set_smm_space(struct cpu *cpu, struct address_space *as)
{
    x86(cpu)->smm_as = as;
}

/* ---- A20 ---- */

static void set_a20(struct cpu *cpu, void *off)
{
    if (x86(cpu)->s.a20_off == (off != NULL))
        return;
    x86(cpu)->s.a20_off = off != NULL;
    guest_tlb_flush(cpu);
}

/* The processor that has written to the gate's port finds it changed with its next instruction. */
void x86_cpu_set_a20(struct cpu *cpu, bool on)
{
    if (cpu_current() == cpu)
        set_a20(cpu, on ? NULL : cpu);
    else
        cpu_run_async(cpu, set_a20, on ? NULL : cpu);
}

/* ---- FERR# ---- */

struct irq *x86_cpu_ferr(struct cpu *cpu)
{
    return &x86(cpu)->ferr;
}

void x86_cpu_clear_ferr(struct cpu *cpu)
{
    x86(cpu)->s.ignne = x86(cpu)->s.ferr_raised;
    irq_set(&x86(cpu)->ferr, false);
}

uint64_t x86_tsc_hz(struct cpu *cpu)
{
    return x86(cpu)->tsc_hz;
}

unsigned x86_phys_bits(struct cpu *cpu)
{
    return x86(cpu)->phys_bits;
}
