/*
 * A PC with an ISA bus and nothing else: 8259 pair, 8254, MC146818, keyboard controller, DMA,
 * serial and parallel ports, two IDE channels.
 *
 * Ref: IBM PC AT Technical Reference (1984): I/O map, interrupt levels, CMOS RAM.
 */
#include "core/apic.h"
#include "core/machine.h"
#include "hw/board/boards.h"
#include "hw/board/pc_parts.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "target/x86/x86.h"

#include <glib.h>
#include <string.h>

enum { MIB = 1 << 20, HIGH_BASE = MIB, BIOS_END = MIB, ROMS = 0xc0000, ROMS_SIZE = 0x20000 };
static const uint64_t RAM_MAX = UINT64_C(0xe0000000), FOUR_GIB = UINT64_C(1) << 32;

struct isapc {
    struct machine m;
    struct pc_parts parts;
    struct mem_region low, high, roms, bios, shadow;
    struct ram_block *shadow_ram;
    unsigned resets;
    uint8_t *image; /* the firmware's last bytes, below 1 MiB: copied at reset */
    uint32_t shadow_size;
};

/* ---- memory ---- */

/* Where the BIOS copies the ROMs of cards to. */
static bool create_rom_area(struct isapc *b, struct error **errp)
{
    struct ram_block *ram = machine_new_ram(&b->m, "pc.rom", ROMS_SIZE, errp);
    if (ram == NULL)
        return false;
    region_init_ram(&b->roms, "pc.rom", ram, 0, ROMS_SIZE);
    region_add(&b->m.root, ROMS, &b->roms, 0);
    return true;
}

static bool create_ram(struct isapc *b, struct error **errp)
{
    uint64_t size = b->m.cfg.ram_size;
    if (size < MIB || size > RAM_MAX) {
        error_set(errp, "-m: machine 'isapc' has from 1M to 3584M of RAM");
        return false;
    }
    struct ram_block *ram = machine_new_main_ram(&b->m, "pc.ram", errp);
    if (ram == NULL)
        return false;
    region_init_ram(&b->low, "ram-below-640k", ram, 0, PC_LOW_RAM);
    region_add(&b->m.root, 0, &b->low, 0);
    if (size > HIGH_BASE) {
        region_init_ram(&b->high, "ram-above-1m", ram, HIGH_BASE, size - HIGH_BASE);
        region_add(&b->m.root, HIGH_BASE, &b->high, 0);
    }
    return create_rom_area(b, errp);
}

/* ROM that ends at 4 GiB; its last 128 KiB also end at 1 MiB, in RAM that the firmware may write.
 */
static bool create_bios(struct isapc *b, struct error **errp)
{
    size_t len = 0;
    g_autofree uint8_t *data = pc_load_bios(&b->m, "bios.bin", &len, errp);
    if (data == NULL)
        return false;
    b->shadow_size = (uint32_t)MIN(len, PC_BIOS_SHADOW);
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

static bool create_interrupts(struct isapc *b, struct error **errp)
{
    struct device *bridge = pc_add(&b->m, "isabus-bridge", "isa");
    struct cpu *cpu = b->m.cpus[0];
    if (!device_realize(bridge, errp))
        return false;
    struct isa_bus *bus = b->parts.bus = isa_bridge_bus(bridge);
    if (!pc_create_pic(&b->parts, errp))
        return false;
    struct device *pic = b->parts.pic;
    for (unsigned n = 0; n < ISA_IRQS; n++)
        if (n != 2)
            irq_connect(&bus->irq[n], i8259_set_irq, pic, n);
    irq_connect(&pic->irq, x86_irq_set, cpu, X86_LINE_INTR);
    x86_cpu_set_apic(cpu, &i8259_apic_ops, pic);
    return true;
}

static bool create_ide(struct isapc *b, struct error **errp)
{
    struct device *first = pc_add(&b->m, "isa-ide", "ide0");
    struct device *second = pc_add(&b->m, "isa-ide", "ide1");
    return device_set(second, "iobase", "0x170", errp) &&
           device_set(second, "iobase2", "0x376", errp) && device_set(second, "irq", "15", errp) &&
           pc_plug(first, NULL, errp) && pc_plug(second, NULL, errp);
}

static bool create_devices(struct isapc *b, struct error **errp)
{
    b->parts.m = &b->m;
    return create_interrupts(b, errp) && pc_create_devices(&b->parts, errp) && create_ide(b, errp);
}

/* ---- the machine ---- */

static bool create_cpu(struct isapc *b, struct error **errp)
{
    const char *model = b->m.cfg.cpu_model ? b->m.cfg.cpu_model : b->m.cls->default_cpu;
    struct x86_cpu_config config = {.is_bsp = true, .sockets = 1, .cores = 1, .threads = 1};
    return x86_cpu_new(&b->m, model, &config, errp) != NULL;
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
    if (!pc_check_boot_order(m, errp) || !create_cpu(b, errp) || !create_ram(b, errp) ||
        !create_bios(b, errp) || !create_devices(b, errp) ||
        pc_create_fw_cfg(m, m->cfg.ram_size, 0, errp) == NULL)
        return false;
    pc_fill_cmos(&b->parts, m->cfg.ram_size, 0);
    return true;
}

static void isapc_reset(struct machine *m)
{
    struct isapc *b = (struct isapc *)m;
    pc_set_boot_order(&b->parts, b->resets++ == 0, true);
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
        .default_ram = 128 << 20, .default_net = "ne2k_isa", .default_display = "isa-vga",         \
        .default_block_if = "ide", .has_option_roms = true, .parallels = MACHINE_MAX_PARALLELS,    \
        .size = sizeof(struct isapc), .init = isapc_init, .reset = isapc_reset, .fini = isapc_fini \
    }
const struct machine_class x86_64_isapc_class = ISAPC_CLASS("x86_64");
const struct machine_class i386_isapc_class = ISAPC_CLASS("i386");
