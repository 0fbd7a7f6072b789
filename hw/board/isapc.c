/*
 * A PC with an ISA bus and nothing else: 8259 pair, 8254, MC146818, keyboard controller, DMA,
 * serial and parallel ports, two IDE channels.
 *
 * Ref: IBM PC AT Technical Reference (1984): I/O map, interrupt levels, CMOS RAM.
 */
#include "core/apic.h"
#include "core/loader.h"
#include "core/machine.h"
#include "hw/block/fdc.h"
#include "hw/board/boards.h"
#include "hw/input/i8042.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "hw/registry.h"
#include "hw/rtc/mc146818.h"
#include "target/x86/x86.h"

#include <glib.h>
#include <string.h>

enum { KIB = 1 << 10, MIB = 1 << 20, ISA_BIOS_MAX = 128 * KIB, BIOS_MAX = 16 * MIB };
enum { LOW_RAM = 640 * KIB, HIGH_BASE = MIB, BIOS_END = MIB, SERIALS = 4 };
static const uint64_t RAM_MAX = UINT64_C(0xe0000000), FOUR_GIB = UINT64_C(1) << 32;

struct isapc {
    struct machine m;
    struct cpu *cpu;
    struct isa_bus *bus;
    struct device *rtc, *port92, *fdc;
    struct irq a20;
    struct mem_region low, high, bios, shadow;
    struct ram_block *shadow_ram;
    uint8_t *image; /* the firmware's last bytes, below 1 MiB: copied at reset */
    uint32_t shadow_size;
};

/* ---- memory ---- */

static bool create_ram(struct isapc *b, struct error **errp)
{
    uint64_t size = b->m.cfg.ram_size;
    if (size < MIB || size > RAM_MAX) {
        error_set(errp, "-m: machine 'isapc' has from 1M to 3584M of RAM");
        return false;
    }
    struct ram_block *ram = machine_new_ram(&b->m, "pc.ram", size, errp);
    if (ram == NULL)
        return false;
    region_init_ram(&b->low, "ram-below-640k", ram, 0, LOW_RAM);
    region_add(&b->m.root, 0, &b->low, 0);
    if (size > HIGH_BASE) {
        region_init_ram(&b->high, "ram-above-1m", ram, HIGH_BASE, size - HIGH_BASE);
        region_add(&b->m.root, HIGH_BASE, &b->high, 0);
    }
    return true;
}

/* ROM that ends at 4 GiB; its last 128 KiB also end at 1 MiB, in RAM that the firmware may write.
 */
static bool create_bios(struct isapc *b, struct error **errp)
{
    const char *name = b->m.cfg.bios ? b->m.cfg.bios : "bios.bin";
    g_autofree char *path = firmware_find(&b->m, name, errp);
    size_t len = 0;
    g_autofree uint8_t *data = path ? load_file(path, BIOS_MAX, &len, errp) : NULL;
    if (data == NULL)
        return false;
    if (len == 0 || len % (4 * KIB)) {
        error_set(errp, "-bios %s: %zu bytes, wanted a multiple of 4096", path, len);
        return false;
    }
    b->shadow_size = (uint32_t)MIN(len, ISA_BIOS_MAX);
    struct ram_block *rom = machine_new_ram(&b->m, "pc.bios", len, errp);
    b->shadow_ram = rom ? machine_new_ram(&b->m, "isa-bios", b->shadow_size, errp) : NULL;
    if (b->shadow_ram == NULL)
        return false;
    memcpy(rom->host, data, len);
    b->image = g_memdup2(data + len - b->shadow_size, b->shadow_size);
    region_init_rom(&b->bios, "pc.bios", rom);
    region_add(&b->m.root, FOUR_GIB - len, &b->bios, 0);
    region_init_ram(&b->shadow, "isa-bios", b->shadow_ram, 0, b->shadow_size);
    region_add(&b->m.root, BIOS_END - b->shadow_size, &b->shadow, 1);
    return true;
}

/* ---- devices ---- */

static struct device *add(struct isapc *b, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    g_assert(t != NULL);
    return device_new(t, &b->m, id);
}

static bool plug(struct isapc *b, struct device *dev, struct error **errp)
{
    return hw_bus_plug(&b->m, dev, NULL, errp) && device_realize(dev, errp);
}

static void on_a20(void *opaque, unsigned n UNUSED, bool level)
{
    x86_cpu_set_a20(((struct isapc *)opaque)->cpu, level);
}

static bool create_interrupts(struct isapc *b, struct error **errp)
{
    struct device *bridge = add(b, "isabus-bridge", "isa");
    if (!device_realize(bridge, errp))
        return false;
    b->bus = isa_bridge_bus(bridge);
    struct device *pic = add(b, "isa-i8259", "pic");
    if (!plug(b, pic, errp))
        return false;
    for (unsigned n = 0; n < ISA_IRQS; n++)
        if (n != 2)
            irq_connect(&b->bus->irq[n], i8259_set_irq, pic, n);
    irq_connect(&pic->irq, x86_irq_set, b->cpu, X86_LINE_INTR);
    irq_connect(x86_cpu_ferr(b->cpu), isa_irq_handler, b->bus, 13);
    x86_cpu_set_apic(b->cpu, &i8259_apic_ops, pic);
    return true;
}

static bool create_keyboard(struct isapc *b, struct error **errp)
{
    struct device *keyboard = add(b, "i8042", "i8042");
    b->port92 = add(b, "port92", "port92");
    irq_connect(&b->port92->irq, on_a20, b, 0);
    irq_connect(i8042_a20(keyboard), port92_a20, b->port92, 0);
    return plug(b, b->port92, errp) && plug(b, keyboard, errp);
}

static bool create_serials(struct isapc *b, struct error **errp)
{
    static const struct {
        const char *base, *irq;
    } place[SERIALS] = {{"0x3f8", "4"}, {"0x2f8", "3"}, {"0x3e8", "4"}, {"0x2e8", "3"}};
    for (unsigned i = 0; i < SERIALS; i++) {
        g_autofree char *id = g_strdup_printf("serial%u", i);
        if (b->m.cfg.serial[i] == NULL)
            continue;
        struct device *dev = add(b, "isa-serial", id);
        if (!device_set(dev, "chardev", b->m.cfg.serial[i], errp) ||
            !device_set(dev, "iobase", place[i].base, errp) ||
            !device_set(dev, "irq", place[i].irq, errp) || !plug(b, dev, errp))
            return false;
    }
    return true;
}

static bool create_ide(struct isapc *b, struct error **errp)
{
    struct device *first = add(b, "isa-ide", "ide0"), *second = add(b, "isa-ide", "ide1");
    return device_set(second, "iobase", "0x170", errp) &&
           device_set(second, "iobase2", "0x376", errp) && device_set(second, "irq", "15", errp) &&
           plug(b, first, errp) && plug(b, second, errp);
}

static void set_word(struct device *rtc, unsigned at, uint64_t v)
{
    mc146818_set(rtc, at, v & 0xff);
    mc146818_set(rtc, at + 1, v >> 8 & 0xff);
}

/* What the BIOS finds in CMOS RAM: equipment, memory in KiB, and above 16 MiB in 64 KiB. */
static void fill_cmos(struct isapc *b)
{
    enum { EQUIPMENT = 0x14, BASE = 0x15, EXTENDED = 0x17, EXTENDED2 = 0x30, ABOVE_16M = 0x34 };
    enum { FPU = 2, MOUSE = 4 };
    uint64_t above_1m = b->m.cfg.ram_size - MIB, kib = MIN(above_1m / KIB, 63 * KIB);
    uint64_t above_16m = b->m.cfg.ram_size > 16 * MIB ? b->m.cfg.ram_size - 16 * MIB : 0;
    mc146818_set(b->rtc, EQUIPMENT, FPU | MOUSE);
    set_word(b->rtc, BASE, LOW_RAM / KIB);
    set_word(b->rtc, EXTENDED, kib);
    set_word(b->rtc, EXTENDED2, kib);
    set_word(b->rtc, ABOVE_16M, MIN(above_16m / (64 * KIB), 0xffff));
}

/* Floppy drives, which are plugged in after the board is made. */
static void tell_floppies(void *opaque)
{
    struct isapc *b = opaque;
    enum { TYPES = 0x10, EQUIPMENT = 0x14, HAS_FLOPPY = 0x01, TWO_FLOPPIES = 0x40 };
    uint8_t first = fdc_cmos_type(b->fdc, 0), second = fdc_cmos_type(b->fdc, 1);
    uint8_t equipment = mc146818_get(b->rtc, EQUIPMENT) & 0x3e;
    if (first || second)
        equipment |= HAS_FLOPPY | (first && second ? TWO_FLOPPIES : 0);
    mc146818_set(b->rtc, TYPES, (uint8_t)(first << 4 | second));
    mc146818_set(b->rtc, EQUIPMENT, equipment);
}

static bool create_floppies(struct isapc *b, struct error **errp)
{
    b->fdc = add(b, "isa-fdc", "fdc0");
    fdc_on_drive(b->fdc, tell_floppies, b);
    return plug(b, b->fdc, errp);
}

static bool create_devices(struct isapc *b, struct error **errp)
{
    b->rtc = add(b, "mc146818rtc", "rtc");
    return create_interrupts(b, errp) && plug(b, b->rtc, errp) &&
           plug(b, add(b, "isa-pit", "pit"), errp) && plug(b, add(b, "i8257", "dma"), errp) &&
           create_keyboard(b, errp) && create_serials(b, errp) && create_ide(b, errp) &&
           create_floppies(b, errp);
}

/* ---- the machine ---- */

static bool create_cpu(struct isapc *b, struct error **errp)
{
    const char *model = b->m.cfg.cpu_model ? b->m.cfg.cpu_model : b->m.cls->default_cpu;
    struct x86_cpu_config config = {.is_bsp = true, .sockets = 1, .cores = 1, .threads = 1};
    b->cpu = x86_cpu_new(&b->m, model, &config, errp);
    return b->cpu != NULL;
}

static bool isapc_init(struct machine *m, struct error **errp)
{
    struct isapc *b = (struct isapc *)m;
    if (m->cfg.kernel || m->cfg.initrd || m->cfg.dtb) {
        error_set(errp, "-%s: machine 'isapc' starts its firmware only; wanted -bios or a disk",
                  m->cfg.kernel   ? "kernel"
                  : m->cfg.initrd ? "initrd"
                                  : "dtb");
        return false;
    }
    if (!create_cpu(b, errp) || !create_ram(b, errp) || !create_bios(b, errp) ||
        !create_devices(b, errp))
        return false;
    fill_cmos(b);
    return true;
}

static void isapc_reset(struct machine *m)
{
    struct isapc *b = (struct isapc *)m;
    memcpy(b->shadow_ram->host, b->image, b->shadow_size);
    ram_written(b->shadow_ram, 0, b->shadow_size);
}

static void isapc_fini(struct machine *m)
{
    g_free(((struct isapc *)m)->image);
}

#define ISAPC_CLASS(a)                                                                             \
    {                                                                                              \
        .name = "isapc", .desc = "ISA-only PC", .arch = (a), .default_cpu = "486", .max_cpus = 1,  \
        .default_ram = 128 << 20, .default_block_if = "ide", .size = sizeof(struct isapc),         \
        .init = isapc_init, .reset = isapc_reset, .fini = isapc_fini                               \
    }
const struct machine_class x86_64_isapc_class = ISAPC_CLASS("x86_64");
const struct machine_class i386_isapc_class = ISAPC_CLASS("i386");
