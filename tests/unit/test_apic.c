/* Local APICs, their bus, the I/O APIC and the HPET. */
#include "core/clock.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "hw/timer/hpet.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type apic_bus_type, lapic_type, ioapic_type, hpet_type;
static const gpa PAGE = 0xfee00000, IOAPIC = 0xfec00000, HPET = 0xfed00000;
enum { CPUS = 3 };
enum { ID = 0x20, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0 };
enum { ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310 };
enum { TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360, ERROR = 0x370, INITIAL = 0x380 };
enum { CURRENT = 0x390, DIVIDE = 0x3e0 };

struct node {
    struct cpu cpu;
    struct device *apic;
    _Atomic unsigned interrupts, nmis, smis, inits, sipis;
    uint8_t sipi_vector;
};

static struct apics {
    struct bench *b;
    struct device *bus, *ioapic, *hpet;
    struct node node[CPUS];
} t;

static struct node *node_of(struct cpu *cpu)
{
    return (struct node *)cpu;
}

static void on_interrupt(struct cpu *cpu)
{
    node_of(cpu)->interrupts++;
}

static void on_nmi(struct cpu *cpu)
{
    node_of(cpu)->nmis++;
}

static void on_smi(struct cpu *cpu)
{
    node_of(cpu)->smis++;
}

static void on_init(struct cpu *cpu)
{
    node_of(cpu)->inits++;
}

static void on_sipi(struct cpu *cpu, uint8_t vector)
{
    node_of(cpu)->sipis++;
    node_of(cpu)->sipi_vector = vector;
}

static ns_t tsc_time(struct cpu *cpu G_GNUC_UNUSED, uint64_t tsc)
{
    return (ns_t)tsc * 2;
}

static const struct apic_cpu_ops cpu_ops = {on_interrupt, on_nmi,  on_smi,
                                            on_init,      on_sipi, tsc_time};

static void must(bool ok, struct error *err)
{
    if (!ok)
        g_error("%s", error_text(err));
}

static void show(struct device *dev, gpa at)
{
    region_add(&t.b->m->root, at, &dev->mmio, 1);
    address_space_update(&t.b->m->as);
}

static void set_up(void)
{
    struct error *err = NULL;
    t = (struct apics){.b = bench_new_empty()};
    t.bus = device_new(&apic_bus_type, t.b->m, "apic-bus");
    must(device_realize(t.bus, &err), err);
    for (unsigned i = 0; i < CPUS; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        t.node[i].cpu.index = i;
        t.node[i].cpu.machine = t.b->m;
        t.node[i].apic = device_new(&lapic_type, t.b->m, id);
        must(device_set(t.node[i].apic, "id", id, &err), err);
        lapic_attach(t.node[i].apic, t.bus, &t.node[i].cpu, &cpu_ops);
        must(device_realize(t.node[i].apic, &err), err);
    }
    t.ioapic = device_new(&ioapic_type, t.b->m, "ioapic");
    ioapic_attach(t.ioapic, t.bus);
    must(device_realize(t.ioapic, &err), err);
    show(t.ioapic, IOAPIC);
}

static void tear_down(void)
{
    cpu_set_current(NULL);
    bench_free(t.b);
}

static void be(unsigned cpu)
{
    cpu_set_current(&t.node[cpu].cpu);
}

static uint32_t rd(unsigned cpu, unsigned reg)
{
    uint64_t v = 0;
    be(cpu);
    g_assert_cmpint(mem_read(&t.b->m->as, PAGE + reg, 4, &v), ==, MEM_OK);
    return (uint32_t)v;
}

static void wr(unsigned cpu, unsigned reg, uint32_t v)
{
    be(cpu);
    g_assert_cmpint(mem_write(&t.b->m->as, PAGE + reg, 4, v), ==, MEM_OK);
}

static void enable_all(void)
{
    for (unsigned i = 0; i < CPUS; i++)
        wr(i, SVR, 0x1ff);
}

static int take(unsigned cpu)
{
    be(cpu);
    if (!lapic_ops.has_interrupt(t.node[cpu].apic))
        return -1;
    return lapic_ops.accept(t.node[cpu].apic);
}

static void test_reset_values(void)
{
    uint64_t base = 0;
    set_up();
    g_assert_cmphex(rd(1, ID), ==, 0x01000000);
    g_assert_cmphex(rd(0, 0x30) & 0xff00ff, ==, 0x050014);
    g_assert_cmphex(rd(0, SVR), ==, 0xff);
    g_assert_cmphex(rd(0, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(1, LINT0), ==, 0x10000);
    g_assert_true(lapic_ops.msr_read(t.node[0].apic, MSR_IA32_APIC_BASE, &base));
    g_assert_cmphex(base, ==, 0xfee00900);
    g_assert_true(lapic_ops.msr_read(t.node[1].apic, MSR_IA32_APIC_BASE, &base));
    g_assert_cmphex(base, ==, 0xfee00800);
    wr(0, LINT0, 0x700); /* software-disabled: masked */
    g_assert_cmphex(rd(0, LINT0), ==, 0x10700);
    tear_down();
}

static void test_ipi_by_id(void)
{
    set_up();
    enable_all();
    wr(0, ICR_HIGH, 2u << 24);
    wr(0, ICR, 0x4031);
    g_assert_cmpint(take(1), ==, -1);
    g_assert_cmphex(rd(2, IRR + 0x10), ==, 1u << 0x11);
    g_assert_cmpint(t.node[2].interrupts, >, 0);
    g_assert_cmpint(take(2), ==, 0x31);
    g_assert_cmphex(rd(2, ISR + 0x10), ==, 1u << 0x11);
    g_assert_cmphex(rd(2, PPR), ==, 0x30);
    wr(0, ICR, 0x4035); /* of the same class: waits */
    g_assert_cmpint(take(2), ==, -1);
    wr(0, ICR, 0x4041);
    g_assert_cmpint(take(2), ==, 0x41);
    wr(2, EOI, 0);
    g_assert_cmpint(take(2), ==, -1);
    wr(2, EOI, 0);
    g_assert_cmpint(take(2), ==, 0x35);
    tear_down();
}

static void test_shorthands_and_kinds(void)
{
    set_up();
    enable_all();
    wr(0, ICR, 0xc0000 | 0x500 | 0x4000); /* INIT to all others */
    g_assert_cmpint(t.node[0].inits, ==, 0);
    g_assert_cmpint(t.node[1].inits + t.node[2].inits, ==, 2);
    wr(0, ICR, 0xc0000 | 0x500 | 0x8000); /* its de-assertion */
    g_assert_cmpint(t.node[1].inits, ==, 1);
    wr(0, ICR_HIGH, 1u << 24);
    wr(0, ICR, 0x600 | 0x9a);
    g_assert_cmpint(t.node[1].sipis, ==, 1);
    g_assert_cmphex(t.node[1].sipi_vector, ==, 0x9a);
    g_assert_cmpint(t.node[2].sipis, ==, 0);
    wr(0, ICR, 0x400);
    wr(0, ICR, 0x200);
    g_assert_cmpint(t.node[1].nmis, ==, 1);
    g_assert_cmpint(t.node[1].smis, ==, 1);
    wr(1, ICR, 0x40000 | 0x77);
    g_assert_cmpint(take(1), ==, 0x77);
    wr(1, ICR, 0x80000 | 0x80);
    g_assert_cmpint(take(0), ==, 0x80);
    g_assert_cmpint(take(1), ==, 0x80);
    g_assert_cmpint(take(2), ==, 0x80);
    tear_down();
}

static void test_logical_destinations(void)
{
    set_up();
    enable_all();
    for (unsigned i = 0; i < CPUS; i++)
        wr(i, LDR, 1u << (24 + i));
    wr(0, ICR_HIGH, 5u << 24);
    wr(0, ICR, 0x850);
    g_assert_cmpint(take(0), ==, 0x50);
    g_assert_cmpint(take(1), ==, -1);
    g_assert_cmpint(take(2), ==, 0x50);
    for (unsigned i = 0; i < CPUS; i++) { /* clusters */
        wr(i, DFR, 0);
        wr(i, LDR, (i == 2 ? 0x21u : 0x10u | 1u << i) << 24);
    }
    wr(0, ICR_HIGH, 0x13u << 24);
    wr(0, ICR, 0x860);
    g_assert_cmpint(take(0), ==, 0x60);
    g_assert_cmpint(take(1), ==, 0x60);
    g_assert_cmpint(take(2), ==, -1);
    wr(0, ICR_HIGH, 0xf1u << 24);
    wr(0, ICR, 0x870);
    g_assert_cmpint(take(0), ==, 0x70);
    g_assert_cmpint(take(1), ==, -1);
    g_assert_cmpint(take(2), ==, 0x70);
    tear_down();
}

static void test_lowest_priority(void)
{
    set_up();
    enable_all();
    for (unsigned at = 0; at < 16; at++) /* stores to where no register is */
        g_assert_cmpint(mem_write(&t.b->m->as, PAGE + at, 1, 0xff), ==, MEM_OK);
    g_assert_cmpint(take(0), ==, -1);
    for (unsigned i = 0; i < CPUS; i++) {
        wr(i, LDR, 1u << (24 + i));
        wr(i, TPR, i == 1 ? 0x10 : 0x20);
    }
    wr(0, ICR_HIGH, 7u << 24);
    wr(0, ICR, 0x900 | 0x91);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpint(take(1), ==, 0x91);
    g_assert_cmpint(take(2), ==, -1);
    tear_down();
}

static void test_priority_register(void)
{
    set_up();
    enable_all();
    lapic_ops.set_tpr(t.node[0].apic, 5);
    g_assert_cmphex(rd(0, TPR), ==, 0x50);
    wr(1, ICR_HIGH, 0);
    wr(1, ICR, 0x58);
    g_assert_cmpint(take(0), ==, -1);
    unsigned before = t.node[0].interrupts;
    lapic_ops.set_tpr(t.node[0].apic, 4);
    g_assert_cmpint(t.node[0].interrupts, >, before);
    g_assert_cmpint(lapic_ops.get_tpr(t.node[0].apic), ==, 4);
    g_assert_cmpint(take(0), ==, 0x58);
    tear_down();
}

static void test_errors(void)
{
    set_up();
    enable_all();
    wr(0, ERROR, 0xe0);
    wr(0, ICR, 0x0f);
    g_assert_cmpint(take(0), ==, 0xe0);
    g_assert_cmphex(rd(0, ESR), ==, 0);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0x20);
    rd(0, 0x40); /* no such register */
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0x80);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0);
    tear_down();
}

static int pic_vector(void *opaque)
{
    ++*(int *)opaque;
    return 0x08;
}

static void test_pins(void)
{
    int accepted = 0;
    set_up();
    lapic_set_pic(t.node[0].apic, pic_vector, &accepted);
    lapic_set_lint(t.node[0].apic, 0, true); /* the boot processor takes it from reset on */
    g_assert_cmpint(take(0), ==, 0x08);
    g_assert_cmpint(accepted, ==, 1);
    wr(0, SVR, 0x1ff);
    wr(0, LINT0, 0x10700);
    g_assert_cmpint(take(0), ==, -1);
    wr(0, LINT1, 0x400);
    lapic_set_lint(t.node[0].apic, 1, true);
    g_assert_cmpint(t.node[0].nmis, ==, 1);
    lapic_set_lint(t.node[0].apic, 0, false);
    wr(0, LINT0, 0x8000 | 0x55); /* a level */
    lapic_set_lint(t.node[0].apic, 0, true);
    g_assert_cmpint(take(0), ==, 0x55);
    g_assert_cmphex(rd(0, LINT0), ==, 0xc055);
    wr(0, EOI, 0);
    g_assert_cmpint(take(0), ==, 0x55); /* still there */
    lapic_set_lint(t.node[0].apic, 0, false);
    wr(0, EOI, 0);
    g_assert_cmphex(rd(0, LINT0), ==, 0x8055);
    g_assert_cmpint(take(0), ==, -1);
    tear_down();
}

static void pass(ns_t ns)
{
    struct clock_state s;
    clock_stop();
    clock_save(&s);
    s.virtual_ns += ns;
    clock_load(&s);
}

static void test_timer(void)
{
    set_up();
    clock_stop();
    enable_all();
    wr(0, DIVIDE, 0x3); /* by 16 */
    wr(0, TIMER, 0x40);
    wr(0, INITIAL, 1000);
    pass(1600);
    g_assert_cmpuint(rd(0, CURRENT), ==, 900);
    pass(14400);
    wr(0, DIVIDE, 0x3); /* looks */
    g_assert_cmpint(take(0), ==, 0x40);
    wr(0, EOI, 0);
    g_assert_cmpuint(rd(0, CURRENT), ==, 0);
    wr(0, DIVIDE, 0xb); /* by 1, periodic */
    wr(0, TIMER, 0x20041);
    wr(0, INITIAL, 100000);
    pass(250000);
    g_assert_cmpuint(rd(0, CURRENT), ==, 50000);
    wr(0, DIVIDE, 0xb);
    g_assert_cmpint(take(0), ==, 0x41);
    wr(0, EOI, 0);
    g_assert_cmpint(take(0), ==, -1);
    wr(0, TIMER, 0x40042); /* TSC deadline */
    g_assert_cmpuint(rd(0, INITIAL), ==, 0);
    uint64_t v = (uint64_t)clock_now() / 2 + 1000, got = 0;
    be(0);
    g_assert_true(lapic_ops.msr_write(t.node[0].apic, MSR_IA32_TSC_DEADLINE, v));
    g_assert_true(lapic_ops.msr_read(t.node[0].apic, MSR_IA32_TSC_DEADLINE, &got));
    g_assert_cmpuint(got, ==, v);
    g_assert_cmpint(take(0), ==, -1);
    pass(2002);
    g_assert_true(lapic_ops.msr_write(t.node[0].apic, MSR_IA32_TSC_DEADLINE, 0));
    g_assert_cmpint(take(0), ==, 0x42);
    clock_start();
    tear_down();
}

static bool timer_came(void *unused G_GNUC_UNUSED)
{
    return lapic_ops.has_interrupt(t.node[0].apic);
}

static void test_timer_interrupts_by_itself(void)
{
    set_up();
    enable_all();
    wr(0, DIVIDE, 0xb);
    wr(0, TIMER, 0x40);
    wr(0, INITIAL, 1000000);
    cpu_set_current(NULL);
    g_assert_true(bench_wait(timer_came, NULL));
    g_assert_cmpint(take(0), ==, 0x40);
    tear_down();
}

static bool msr(unsigned cpu, unsigned reg, uint64_t v)
{
    be(cpu);
    return lapic_ops.msr_write(t.node[cpu].apic, 0x800 + reg, v);
}

static void test_x2apic(void)
{
    uint64_t v = 0;
    set_up();
    enable_all();
    g_assert_false(msr(0, 0x08, 0));
    for (unsigned i = 0; i < CPUS; i++) {
        be(i);
        g_assert_true(lapic_ops.msr_read(t.node[i].apic, MSR_IA32_APIC_BASE, &v));
        g_assert_true(lapic_ops.msr_write(t.node[i].apic, MSR_IA32_APIC_BASE, v | 0x400));
    }
    g_assert_true(lapic_ops.msr_read(t.node[2].apic, 0x80d, &v));
    g_assert_cmphex(v, ==, 4);
    g_assert_true(lapic_ops.msr_read(t.node[2].apic, 0x802, &v));
    g_assert_cmphex(v, ==, 2);
    g_assert_true(msr(0, 0x30, UINT64_C(2) << 32 | 0x33));
    g_assert_cmpint(take(2), ==, 0x33);
    g_assert_true(msr(0, 0x30, UINT64_C(6) << 32 | 0x844)); /* logical: cluster 0, 1 and 2 */
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpint(take(1), ==, 0x44);
    g_assert_cmpint(take(2), ==, 0x44);
    g_assert_true(msr(1, 0x3f, 0x99));
    g_assert_cmpint(take(1), ==, 0x99);
    g_assert_false(msr(1, 0x0b, 1));
    g_assert_true(msr(1, 0x0b, 0));
    g_assert_false(msr(1, 0x0e, 0)); /* no DFR */
    g_assert_false(msr(1, 0x31, 0)); /* no second half */
    g_assert_false(msr(1, 0x02, 0)); /* read-only */
    g_assert_false(msr(1, 0x08, 0x100));
    g_assert_cmphex(rd(1, ID), ==, 0xffffffff); /* nothing in memory */
    be(1);
    g_assert_false(lapic_ops.msr_write(t.node[1].apic, MSR_IA32_APIC_BASE, 0xfee00800));
    g_assert_true(lapic_ops.msr_write(t.node[1].apic, MSR_IA32_APIC_BASE, 0xfee00000));
    g_assert_false(lapic_ops.msr_write(t.node[1].apic, MSR_IA32_APIC_BASE, 0xfee00c00));
    g_assert_true(lapic_ops.msr_write(t.node[1].apic, MSR_IA32_APIC_BASE, 0xfee00800));
    g_assert_cmphex(rd(1, SVR), ==, 0xff);
    tear_down();
}

static void test_registers_move(void)
{
    uint64_t v = 0;
    set_up();
    be(0);
    g_assert_true(lapic_ops.msr_write(t.node[0].apic, MSR_IA32_APIC_BASE, 0xd0000900));
    g_assert_cmpint(mem_read(&t.b->m->as, 0xd0000000 + SVR, 4, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0xff);
    g_assert_cmphex(rd(0, SVR), ==, 0xffffffff);
    device_reset(t.bus);
    g_assert_cmphex(rd(0, SVR), ==, 0xff);
    tear_down();
}

static void test_messages(void)
{
    set_up();
    enable_all();
    cpu_set_current(NULL);
    g_assert_cmpint(mem_write(&t.b->m->as, PAGE | 1 << 12, 4, 0x61), ==, MEM_OK);
    g_assert_cmpint(take(1), ==, 0x61);
    be(2); /* a device's work in a processor's thread */
    g_assert_cmpint(mem_write(&t.b->m->as, PAGE, 4, 0x62), ==, MEM_OK);
    g_assert_cmpint(take(0), ==, 0x62);
    for (unsigned i = 0; i < CPUS; i++) {
        wr(i, LDR, 1u << (24 + i));
        wr(i, TPR, i == 2 ? 0 : 0x30);
    }
    g_assert_true(apic_bus_msi(t.bus, PAGE | 7 << 12 | 0xc, 0x71)); /* hint, logical */
    g_assert_cmpint(take(0), ==, -1);
    g_assert_cmpint(take(2), ==, 0x71);
    g_assert_false(apic_bus_msi(t.bus, 0xfed00000, 0x71));
    tear_down();
}

static void io_write(unsigned reg, uint32_t v)
{
    mem_write(&t.b->m->as, IOAPIC, 4, reg);
    mem_write(&t.b->m->as, IOAPIC + 0x10, 4, v);
}

static uint32_t io_read(unsigned reg)
{
    uint64_t v = 0;
    mem_write(&t.b->m->as, IOAPIC, 4, reg);
    mem_read(&t.b->m->as, IOAPIC + 0x10, 4, &v);
    return (uint32_t)v;
}

static void test_ioapic_edges(void)
{
    set_up();
    enable_all();
    g_assert_cmphex(io_read(1), ==, 0x170020);
    g_assert_cmphex(io_read(0x10 + 46), ==, 0x10000);
    io_write(0, 0x05000000);
    g_assert_cmphex(io_read(2), ==, 0x05000000);
    io_write(0x13, 1u << 24);
    ioapic_set_irq(t.ioapic, 1, true); /* masked: lost */
    ioapic_set_irq(t.ioapic, 1, false);
    io_write(0x12, 0x41);
    g_assert_cmpint(take(1), ==, -1);
    ioapic_set_irq(t.ioapic, 1, true);
    g_assert_cmpint(take(1), ==, 0x41);
    wr(1, EOI, 0);
    g_assert_cmpint(take(1), ==, -1);
    io_write(0x12, 0x400); /* NMI */
    ioapic_set_irq(t.ioapic, 1, false);
    ioapic_set_irq(t.ioapic, 1, true);
    g_assert_cmpint(t.node[1].nmis, ==, 1);
    tear_down();
}

static void test_ioapic_levels(void)
{
    set_up();
    enable_all();
    io_write(0x10 + 2 * 16 + 1, 2u << 24);
    io_write(0x10 + 2 * 16, 0xa000 | 0x51);
    ioapic_set_irq(t.ioapic, 16, true);
    g_assert_cmphex(io_read(0x10 + 2 * 16), ==, 0xe051);
    g_assert_cmpint(take(2), ==, 0x51);
    g_assert_cmphex(rd(2, TMR + 0x20), ==, 1u << 0x11);
    wr(2, EOI, 0);
    g_assert_cmpint(take(2), ==, 0x51); /* it is still asserted */
    ioapic_set_irq(t.ioapic, 16, false);
    wr(2, EOI, 0);
    g_assert_cmpint(take(2), ==, -1);
    g_assert_cmphex(io_read(0x10 + 2 * 16), ==, 0xa051);
    wr(2, SVR, 0x11ff); /* no broadcast: the EOI register does it */
    ioapic_set_irq(t.ioapic, 16, true);
    g_assert_cmpint(take(2), ==, 0x51);
    ioapic_set_irq(t.ioapic, 16, false);
    wr(2, EOI, 0);
    g_assert_cmphex(io_read(0x10 + 2 * 16), ==, 0xe051);
    mem_write(&t.b->m->as, IOAPIC + 0x40, 4, 0x51);
    g_assert_cmphex(io_read(0x10 + 2 * 16), ==, 0xa051);
    tear_down();
}

static void test_ioapic_mask_and_trigger(void)
{
    set_up();
    enable_all();
    io_write(0x10 + 2 * 20, 0x18061);
    ioapic_set_irq(t.ioapic, 20, true);
    g_assert_cmpint(take(0), ==, -1);
    io_write(0x10 + 2 * 20, 0x08061); /* a masked level is still there */
    g_assert_cmpint(take(0), ==, 0x61);
    io_write(0x10 + 2 * 20, 0x10061); /* edge: remote IRR goes */
    g_assert_cmphex(io_read(0x10 + 2 * 20), ==, 0x10061);
    tear_down();
}

static uint64_t hpet_rd(unsigned reg)
{
    uint64_t v = 0;
    mem_read(&t.b->m->as, HPET + reg, 8, &v);
    return v;
}

static void hpet_wr(unsigned reg, uint64_t v)
{
    mem_write(&t.b->m->as, HPET + reg, 8, v);
}

static unsigned hpet_rises[HPET_LINES];
static bool hpet_level[HPET_LINES];

static void on_hpet(void *opaque G_GNUC_UNUSED, unsigned n, bool level)
{
    hpet_rises[n] += level;
    hpet_level[n] = level;
}

static void set_up_hpet(void)
{
    struct error *err = NULL;
    set_up();
    clock_stop();
    t.hpet = device_new(&hpet_type, t.b->m, "hpet");
    must(device_set(t.hpet, "msi", "on", &err), err);
    for (unsigned i = 0; i < HPET_LINES; i++) {
        hpet_rises[i] = 0;
        irq_connect(hpet_line(t.hpet, i), on_hpet, NULL, i);
    }
    must(device_realize(t.hpet, &err), err);
    show(t.hpet, HPET);
}

static void test_hpet_counter(void)
{
    set_up_hpet();
    g_assert_cmphex(hpet_rd(0), ==, UINT64_C(0x009896808086a201));
    pass(1000);
    g_assert_cmpuint(hpet_rd(0xf0), ==, 0);
    hpet_wr(0xf0, 500);
    hpet_wr(0x10, 1);
    pass(1000);
    g_assert_cmpuint(hpet_rd(0xf0), ==, 600);
    hpet_wr(0x10, 0);
    pass(1000);
    g_assert_cmpuint(hpet_rd(0xf0), ==, 600);
    clock_start();
    tear_down();
}

static void test_hpet_comparators(void)
{
    set_up_hpet();
    hpet_wr(0x10, 1);
    hpet_wr(0x100, 2 << 9 | 4); /* once, edge, line 2 */
    hpet_wr(0x108, hpet_rd(0xf0) + 1000);
    hpet_wr(0x120, 3 << 9 | 4 | 2); /* level, line 3 */
    hpet_wr(0x128, hpet_rd(0xf0) + 1000);
    pass(9990);
    device_sync(t.hpet);
    g_assert_cmpuint(hpet_rises[2], ==, 0);
    pass(10);
    device_sync(t.hpet);
    g_assert_cmpuint(hpet_rises[2], ==, 1);
    g_assert_true(hpet_level[3]);
    g_assert_cmphex(hpet_rd(0x20), ==, 2);
    hpet_wr(0x20, 2);
    g_assert_false(hpet_level[3]);
    pass(100000);
    device_sync(t.hpet);
    g_assert_cmpuint(hpet_rises[2], ==, 1);
    clock_start();
    tear_down();
}

static void test_hpet_periods(void)
{
    set_up_hpet();
    hpet_wr(0x10, 3); /* legacy replacement */
    hpet_pit(t.hpet, 0, true);
    g_assert_cmpuint(hpet_rises[0], ==, 0);
    hpet_wr(0x100, 0x14c);
    mem_write(&t.b->m->as, HPET + 0x108, 4, 5000); /* the comparator, then the period */
    mem_write(&t.b->m->as, HPET + 0x108, 4, 2000);
    g_assert_cmpuint(hpet_rd(0x108), ==, 5000);
    pass(50000);
    device_sync(t.hpet);
    g_assert_cmpuint(hpet_rises[0], ==, 1);
    g_assert_cmpuint(hpet_rd(0x108), ==, 7000);
    pass(20000);
    device_sync(t.hpet);
    g_assert_cmpuint(hpet_rises[0], ==, 2);
    hpet_wr(0x10, 1);
    g_assert_true(hpet_level[0]); /* the 8254 has its line again */
    clock_start();
    tear_down();
}

static void test_hpet_messages(void)
{
    set_up_hpet();
    enable_all();
    hpet_wr(0x10, 1);
    hpet_wr(0x150, UINT64_C(0xfee01000) << 32 | 0x45);
    hpet_wr(0x140, 0x4004);
    hpet_wr(0x148, 100);
    pass(1000);
    cpu_set_current(NULL);
    device_sync(t.hpet);
    g_assert_cmpint(take(1), ==, 0x45);
    clock_start();
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apic/reset", test_reset_values);
    g_test_add_func("/apic/ipi", test_ipi_by_id);
    g_test_add_func("/apic/shorthands", test_shorthands_and_kinds);
    g_test_add_func("/apic/logical", test_logical_destinations);
    g_test_add_func("/apic/lowest", test_lowest_priority);
    g_test_add_func("/apic/tpr", test_priority_register);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/pins", test_pins);
    g_test_add_func("/apic/timer", test_timer);
    g_test_add_func("/apic/timer-fires", test_timer_interrupts_by_itself);
    g_test_add_func("/apic/x2apic", test_x2apic);
    g_test_add_func("/apic/base", test_registers_move);
    g_test_add_func("/apic/msi", test_messages);
    g_test_add_func("/ioapic/edge", test_ioapic_edges);
    g_test_add_func("/ioapic/level", test_ioapic_levels);
    g_test_add_func("/ioapic/mask", test_ioapic_mask_and_trigger);
    g_test_add_func("/hpet/counter", test_hpet_counter);
    g_test_add_func("/hpet/comparators", test_hpet_comparators);
    g_test_add_func("/hpet/periodic", test_hpet_periods);
    g_test_add_func("/hpet/fsb", test_hpet_messages);
    return g_test_run();
}
