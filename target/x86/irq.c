/*
 * What comes from outside: maskable interrupts, NMI, SMI, INIT, start-up IPIs.
 *
 * Ref: SDM vol. 3, 6.3, 6.7 (NMI), 6.8 (masking), 6.9 (priority), 8.4 (multiple-processor
 * initialisation), 9.1 (INIT).
 */
#include "core/apic.h"
#include "core/clock.h"
#include "core/machine.h"
#include "target/x86/cpu_priv.h"

#include <stdatomic.h>

/* ---- told by other threads ---- */

static void post(struct x86_cpu *cpu, uint32_t event)
{
    atomic_fetch_or(&cpu->events, event);
    cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

static void apic_interrupt(struct cpu *cpu)
{
    cpu_request(cpu, CPU_REQ_IRQ);
}

static void apic_nmi(struct cpu *cpu)
{
    post(x86(cpu), X86_EV_NMI);
}

static void apic_smi(struct cpu *cpu)
{
    post(x86(cpu), X86_EV_SMI);
}

static void apic_init(struct cpu *cpu)
{
    post(x86(cpu), X86_EV_INIT);
}

static void apic_sipi(struct cpu *cpu, uint8_t vector)
{
    atomic_store(&x86(cpu)->sipi_vector, vector);
    post(x86(cpu), X86_EV_SIPI);
}

/* Virtual time at which the counter reaches tsc. */
static ns_t apic_tsc_time(struct cpu *c, uint64_t tsc)
{
    struct x86_cpu *cpu = x86(c);
    uint64_t now = x86_tsc(cpu);
    ns_t t = clock_now();

    if (tsc <= now)
        return t;
    unsigned __int128 ns = (unsigned __int128)(tsc - now) * 1000000000 / cpu->tsc_hz + 1;
    return ns > (unsigned __int128)(INT64_MAX - t) ? INT64_MAX : t + (ns_t)ns;
}

const struct apic_cpu_ops x86_apic_cpu_ops = {
    .interrupt = apic_interrupt,
    .nmi = apic_nmi,
    .smi = apic_smi,
    .init = apic_init,
    .sipi = apic_sipi,
    .tsc_time = apic_tsc_time,
};

void x86_irq_set(void *opaque, unsigned n, bool level)
{
    static const uint8_t events[X86_LINES] = {
        [X86_LINE_NMI] = X86_EV_NMI, [X86_LINE_SMI] = X86_EV_SMI, [X86_LINE_INIT] = X86_EV_INIT};
    struct cpu *cpu = opaque;

    if (n < X86_LINES && events[n]) {
        if (level)
            post(x86(cpu), events[n]);
        return;
    }
    cpu_irq_set(cpu, n, level);
}

/* ---- taken by the vCPU ---- */

/* Events become state, which only the vCPU's thread touches.  Ref: SDM vol. 3, 25.2: INIT that
 * comes in SMM waits for RSM. */
static void collect(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;

    if (LIKELY(!atomic_load_explicit(&cpu->events, memory_order_relaxed)))
        return;
    uint32_t ev = atomic_exchange(&cpu->events, 0);
    s->nmi_pending |= (ev & X86_EV_NMI) != 0;
    s->smi_pending |= (ev & X86_EV_SMI) != 0;
    s->init_pending |= (ev & X86_EV_INIT) != 0;
    if (ev & X86_EV_SIPI)
        s->sipi_vector = atomic_load(&cpu->sipi_vector);
    s->sipi_pending = (ev & X86_EV_SIPI) && (s->sipi_wait || s->init_pending);
}

static bool has_maskable(struct x86_cpu *cpu)
{
    if (cpu->apic_ops)
        return cpu->apic_ops->has_interrupt(cpu->apic);
    return atomic_load(&cpu->cpu.irq_lines) >> X86_LINE_INTR & 1;
}

/* -1: it has gone. */
static int acknowledge(struct x86_cpu *cpu)
{
    enum { FLOATING_BUS = 0xff };

    if (cpu->apic_ops)
        return cpu->apic_ops->accept(cpu->apic);
    return cpu->pic_acknowledge ? (int)(cpu->pic_acknowledge(cpu->pic) & 0xff) : FLOATING_BUS;
}

static bool can_take(const struct x86_cpu *cpu)
{
    return (cpu->s.eflags & X86_FL_IF) && !cpu->s.shadow;
}

static bool has_unmaskable(const struct x86_cpu *cpu)
{
    const struct x86_state *s = &cpu->s;

    return (s->init_pending && !s->smm) || (s->smi_pending && !s->smm) ||
           (s->nmi_pending && !s->nmi_masked);
}

void x86_irq_reevaluate(struct x86_cpu *cpu)
{
    collect(cpu);
    cpu->irq_barred = !can_take(cpu);
    if (has_unmaskable(cpu) || (can_take(cpu) && has_maskable(cpu)))
        cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

bool x86_has_work(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);
    const struct x86_state *s = &cpu->s;

    collect(cpu);
    if (s->shutdown)
        return false;
    if (s->sipi_wait)
        return s->sipi_pending || (s->init_pending && !s->smm);
    return has_unmaskable(cpu) || ((s->eflags & X86_FL_IF) && has_maskable(cpu));
}

/* Ref: SDM vol. 3, 8.4.4.1 and 9.1.4: real mode at vector * 4096. */
static void start_up(struct x86_cpu *cpu)
{
    uint32_t selector = (uint32_t)cpu->s.sipi_vector << 8;

    cpu->s.sipi_wait = cpu->s.sipi_pending = false;
    cpu->cpu.halted = false;
    x86_set_paragraph(cpu, X86_CS, selector);
    x86_set_rip(cpu, 0);
    x86_segments_changed(cpu);
}

static bool take_init(struct x86_cpu *cpu)
{
    cpu->s.init_pending = false;
    x86_init(cpu);
    if (!cpu->s.sipi_wait)
        return true;
    cpu->cpu.halted = true;
    if (cpu->s.sipi_pending)
        start_up(cpu);
    return true;
}

static bool take_maskable(struct x86_cpu *cpu)
{
    int vector;

    cpu->irq_barred = !can_take(cpu);
    if (!can_take(cpu) || !has_maskable(cpu))
        return false;
    vector = acknowledge(cpu);
    if (vector < 0)
        return false;
    cpu->cpu.halted = false;
    x86_external_interrupt(cpu, (unsigned)vector);
    return true;
}

/* In the order of SDM vol. 3, table 6-2. */
bool x86_interrupt(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);
    struct x86_state *s = &cpu->s;

    collect(cpu);
    if (s->shutdown)
        return false;
    if (s->init_pending && !s->smm)
        return take_init(cpu);
    if (s->sipi_wait) {
        if (!s->sipi_pending) {
            c->halted = true;
            return false;
        }
        start_up(cpu);
        return true;
    }
    if (s->smi_pending && !s->smm) {
        s->smi_pending = false;
        x86_enter_smm(cpu);
        return true;
    }
    if (s->nmi_pending && !s->nmi_masked && !s->shadow) {
        s->nmi_pending = false;
        s->nmi_masked = true;
        cpu->cpu.halted = false;
        x86_external_interrupt(cpu, X86_NMI);
        return true;
    }
    return take_maskable(cpu);
}
