/*
 * What the boards of PCs share: firmware, and the devices of their ISA bus.
 * Ref: IBM PC AT Technical Reference (1984): I/O map, interrupt levels, CMOS RAM.
 */
#include "hw/board/pc_parts.h"
#include "core/loader.h"
#include "hw/block/fdc.h"
#include "hw/input/i8042.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "hw/registry.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "target/x86/x86.h"

#include <assert.h>
#include <glib.h>

enum { KIB = 1 << 10, MIB = 1 << 20, BIOS_MAX = 16 * MIB };

struct device *pc_add(struct machine *m, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, m, id);
}

bool pc_plug(struct device *dev, const char *bus, struct error **errp)
{
    return hw_bus_plug(dev->machine, dev, bus, errp) && device_realize(dev, errp);
}

uint32_t pc_number_of(const struct device *dev, const char *name)
{
    const struct prop *p = props_find(dev->type->cls->props, name);
    const char *field = (const char *)dev + (p ? p->off : 0);
    if (p && p->kind == &prop_uint8)
        return *(const uint8_t *)field;
    if (p && p->kind == &prop_uint16)
        return *(const uint16_t *)(const void *)field;
    return p && p->kind == &prop_uint32 ? *(const uint32_t *)(const void *)field : 0;
}

uint8_t *pc_load_bios(struct machine *m, const char *otherwise, size_t *len, struct error **errp)
{
    const char *name = m->cfg.bios ? m->cfg.bios : otherwise;
    g_autofree char *path = firmware_find(m, name, errp);
    uint8_t *data = path ? load_file(path, BIOS_MAX, len, errp) : NULL;
    if (data && (*len == 0 || *len % (4 * KIB))) {
        error_set(errp, "-bios %s: %zu bytes, wanted a multiple of 4096", path, *len);
        g_clear_pointer(&data, g_free);
    }
    return data;
}

/* ---- interrupts, A20 ---- */

static unsigned bits_for(unsigned n)
{
    return n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
}

/* Each level of the topology has bits of its own. */
uint32_t pc_apic_id(const struct machine *m, unsigned nth)
{
    unsigned threads = MAX(m->cfg.threads, 1), cores = MAX(m->cfg.cores, 1);
    unsigned core = nth / threads, thread_bits = bits_for(threads);
    return (core / cores << bits_for(cores) | core % cores) << thread_bits | nth % threads;
}

bool pc_create_cpus(struct machine *m, struct error **errp)
{
    const struct machine_config *cfg = &m->cfg;
    const char *model = cfg->cpu_model ? cfg->cpu_model : m->cls->default_cpu;
    for (unsigned i = 0; i < MAX(cfg->smp, 1); i++) {
        struct x86_cpu_config config = {.apic_id = pc_apic_id(m, i),
                                        .is_bsp = i == 0,
                                        .sockets = MAX(cfg->sockets, 1),
                                        .cores = MAX(cfg->cores, 1),
                                        .threads = MAX(cfg->threads, 1)};
        if (x86_cpu_new(m, model, &config, errp) == NULL)
            return false;
    }
    return true;
}

bool pc_create_lapics(struct machine *m, struct device *bus, struct device **lapics,
                      struct error **errp)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct cpu *cpu = m->cpus[i];
        bool x2apic;
        if (!x86_cpu_wants_apic(cpu, &x2apic))
            continue;
        g_autofree char *id = g_strdup_printf("lapic%u", i),
                        *number = g_strdup_printf("%u", pc_apic_id(m, i));
        struct device *dev = lapics[i] = pc_add(m, "apic", id);
        lapic_attach(dev, bus, cpu, &x86_apic_cpu_ops);
        if (!device_set(dev, "id", number, errp) ||
            !device_set(dev, "x2apic", x2apic ? "on" : "off", errp) || !device_realize(dev, errp))
            return false;
        x86_cpu_set_apic(cpu, &lapic_ops, dev);
    }
    if (lapics[0] || m->ncpus == 1)
        return true;
    error_set(errp, "-smp %u: several processors need local APICs, and -cpu %s has none", m->ncpus,
              m->cfg.cpu_model);
    return false;
}

static void on_port_f0(void *opaque, unsigned n UNUSED, bool level)
{
    if (level)
        x86_cpu_clear_ferr(opaque);
}

bool pc_create_pic(struct pc_parts *p, struct error **errp)
{
    struct cpu *cpu = p->m->cpus[0];
    struct device *port_f0 = pc_add(p->m, "portf0", "portf0");
    p->pic = pc_add(p->m, "isa-i8259", "pic");
    irq_connect(x86_cpu_ferr(cpu), isa_irq_handler, p->bus, 13);
    irq_connect(&port_f0->irq, on_port_f0, cpu, 0);
    return pc_plug(p->pic, NULL, errp) && pc_plug(port_f0, NULL, errp);
}

void pc_connect_pic(struct pc_parts *p, struct device *lapic)
{
    struct cpu *cpu = p->m->cpus[0];
    if (lapic) {
        irq_connect(&p->pic->irq, lapic_set_lint, lapic, 0);
        lapic_set_pic(lapic, i8259_accept, p->pic);
    } else {
        irq_connect(&p->pic->irq, x86_irq_set, cpu, X86_LINE_INTR);
        x86_cpu_set_apic(cpu, &i8259_apic_ops, p->pic);
    }
}

static void on_a20(void *opaque, unsigned n UNUSED, bool level)
{
    struct machine *m = opaque;
    for (unsigned i = 0; i < m->ncpus; i++)
        x86_cpu_set_a20(m->cpus[i], level);
}

static bool create_keyboard(struct pc_parts *p, struct error **errp)
{
    p->port92 = pc_add(p->m, "port92", "port92");
    irq_connect(&p->port92->irq, on_a20, p->m, 0);
    if (!pc_plug(p->port92, NULL, errp))
        return false;
    if (p->has_no_keyboard)
        return true;
    struct device *keyboard = pc_add(p->m, "i8042", "i8042");
    irq_connect(i8042_a20(keyboard), port92_a20, p->port92, 0);
    return pc_plug(keyboard, NULL, errp);
}

/* ---- serial lines ---- */

bool pc_create_serials(struct pc_parts *p, unsigned n, struct error **errp)
{
    static const struct {
        const char *base, *irq;
    } place[PC_SERIALS] = {{"0x3f8", "4"}, {"0x2f8", "3"}, {"0x3e8", "4"}, {"0x2e8", "3"}};
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *id = g_strdup_printf("serial%u", i);
        if (p->m->cfg.serial[i] == NULL)
            continue;
        struct device *dev = pc_add(p->m, "isa-serial", id);
        if (!device_set(dev, "chardev", p->m->cfg.serial[i], errp) ||
            !device_set(dev, "iobase", place[i].base, errp) ||
            !device_set(dev, "irq", place[i].irq, errp) || !pc_plug(dev, NULL, errp))
            return false;
    }
    return true;
}

static bool create_parallels(struct pc_parts *p, struct error **errp)
{
    for (unsigned i = 0; i < MACHINE_MAX_PARALLELS; i++) {
        g_autofree char *id = g_strdup_printf("parallel%u", i), *index = g_strdup_printf("%u", i);
        if (p->m->cfg.parallel[i] == NULL)
            continue;
        struct device *dev = pc_add(p->m, "isa-parallel", id);
        if (!device_set(dev, "chardev", p->m->cfg.parallel[i], errp) ||
            !device_set(dev, "index", index, errp) || !pc_plug(dev, NULL, errp))
            return false;
    }
    return true;
}

/* ---- CMOS RAM ---- */

static void set_word(struct device *rtc, unsigned at, uint64_t v)
{
    mc146818_set(rtc, at, v & 0xff);
    mc146818_set(rtc, at + 1, v >> 8 & 0xff);
}

/* In KiB from 1 MiB on, in 64 KiB from 16 MiB on, in 64 KiB from 4 GiB on. */
void pc_fill_cmos(struct pc_parts *p, uint64_t low, uint64_t high)
{
    enum { EQUIPMENT = 0x14, BASE = 0x15, EXTENDED = 0x17, EXTENDED2 = 0x30, ABOVE_16M = 0x34 };
    enum { FPU = 2, MOUSE = 4, ABOVE_4G = 0x5b, OTHER_CPUS = 0x5f };
    uint64_t kib = MIN((low - MIB) / KIB, 63 * KIB), above_16m = MAX(low, 16 * MIB) - 16 * MIB;
    uint64_t above_4g = MIN(high / (64 * KIB), 0xffffff);
    mc146818_set(p->rtc, EQUIPMENT, FPU | MOUSE);
    set_word(p->rtc, BASE, PC_LOW_RAM / KIB);
    set_word(p->rtc, EXTENDED, kib);
    set_word(p->rtc, EXTENDED2, kib);
    set_word(p->rtc, ABOVE_16M, MIN(above_16m / (64 * KIB), 0xffff));
    set_word(p->rtc, ABOVE_4G, above_4g);
    mc146818_set(p->rtc, ABOVE_4G + 2, above_4g >> 16 & 0xff);
    mc146818_set(p->rtc, OTHER_CPUS, (uint8_t)MIN(p->m->ncpus - 1, 0xff));
}

/* Floppy drives, which are plugged in after the board is made. */
static void tell_floppies(void *opaque)
{
    struct pc_parts *p = opaque;
    enum { TYPES = 0x10, EQUIPMENT = 0x14, HAS_FLOPPY = 0x01, TWO_FLOPPIES = 0x40 };
    uint8_t first = fdc_cmos_type(p->fdc, 0), second = fdc_cmos_type(p->fdc, 1);
    uint8_t equipment = mc146818_get(p->rtc, EQUIPMENT) & 0x3e;
    if (first || second)
        equipment |= HAS_FLOPPY | (first && second ? TWO_FLOPPIES : 0);
    mc146818_set(p->rtc, TYPES, (uint8_t)(first << 4 | second));
    mc146818_set(p->rtc, EQUIPMENT, equipment);
}

/* ---- all ---- */

static bool create_floppies(struct pc_parts *p, struct error **errp)
{
    p->fdc = pc_add(p->m, "isa-fdc", "fdc0");
    fdc_on_drive(p->fdc, tell_floppies, p);
    return pc_plug(p->fdc, NULL, errp);
}

static bool create_timer(struct pc_parts *p, struct error **errp)
{
    if (p->has_no_pit)
        return true;
    p->pit = pc_add(p->m, "isa-pit", "pit");
    if (p->hpet)
        irq_connect(&p->pit->irq, hpet_pit, p->hpet, 0);
    return pc_plug(p->pit, NULL, errp);
}

bool pc_create_devices(struct pc_parts *p, struct error **errp)
{
    p->rtc = pc_add(p->m, "mc146818rtc", "rtc");
    if (p->on_rtc)
        irq_connect(&p->rtc->irq, p->on_rtc, p->on_rtc_opaque, 0);
    return pc_plug(p->rtc, NULL, errp) && create_timer(p, errp) &&
           pc_plug(pc_add(p->m, "i8257", "dma"), NULL, errp) && create_keyboard(p, errp) &&
           pc_create_serials(p, PC_SERIALS, errp) && create_parallels(p, errp) &&
           create_floppies(p, errp);
}
