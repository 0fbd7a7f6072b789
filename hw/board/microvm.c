/*
 * microvm: a PC of virtio-mmio devices, without chip set, that starts kernels by itself.
 * Ref: QEMU documentation, "microvm" virtual platform; addresses and interrupts as its memory map
 * and its ACPI tables show them.
 */
#include "hw/board/microvm.h"
#include "core/loader.h"
#include "hw/acpi/ged.h"
#include "hw/board/boards.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/host_ecam.h"
#include "hw/virtio/mmio.h"
#include "target/x86/x86.h"
#include "util/bits.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { KIB = 1 << 10, CASCADE = 2, ISA_BIOS_MAX = 128 * KIB, SLOT_OPTION_MAX = 48 };
#define TSC_OPTION "tsc_early_khz="
enum { PIC_MASK = 0x21, PIC_MASK_2 = 0xa1 }; /* ports */
static const gpa RESET_VECTOR = 0xffff0, RESET_CODE = 0xffe00;
enum { FROM_ISA, FROM_BOARD }; /* inputs of a pin */
static const uint64_t MIB = UINT64_C(1) << 20, GIB = UINT64_C(1) << 30;

/* ---- options ---- */

/* otherwise: what "auto" means. */
static bool choose(const char *option, const char *text, bool otherwise, bool *out,
                   struct error **errp)
{
    bool is_auto = strcmp(text, "auto") == 0, is_on = strcmp(text, "on") == 0;
    *out = is_auto ? otherwise : is_on;
    if (is_auto || is_on || strcmp(text, "off") == 0)
        return true;
    error_set(errp, "machine 'microvm': %s=%s: wanted on, off or auto", option, text);
    return false;
}

static bool check_absent(const struct microvm *b, struct error **errp)
{
    if (b->usb)
        error_set(errp, "machine 'microvm': usb=on: there is no USB controller");
    else if (strlen(b->oem_id) > 6 || strlen(b->oem_table_id) > 8)
        error_set(errp, "machine 'microvm': x-oem-id has at most 6 characters, x-oem-table-id 8");
    else if (b->m.cfg.dtb)
        error_set(errp, "-dtb: machine 'microvm' has no device tree");
    else if (!b->has_pic && !b->has_pit && b->m.cfg.cpu_model &&
             strcmp(b->m.cfg.cpu_model, "486") == 0)
        error_set(errp, "machine 'microvm': -cpu 486 has no local APIC, so it needs pic=on");
    else
        return true;
    return false;
}

static bool choose_all(struct microvm *b, struct error **errp)
{
    const struct machine_config *cfg = &b->m.cfg;
    bool two, none = cfg->bios && strcmp(cfg->bios, "none") == 0;
    if (!choose("acpi", b->acpi_wanted, true, &b->acpi, errp) ||
        !choose("ioapic2", b->ioapic2_wanted, b->acpi, &two, errp) ||
        !choose("pcie", b->pcie_wanted, false, &b->has_pcie, errp) ||
        !choose("pic", b->pic_wanted, true, &b->has_pic, errp) ||
        !choose("pit", b->pit_wanted, true, &b->has_pit, errp) ||
        !choose("rtc", b->rtc_wanted, true, &b->has_rtc, errp))
        return false;
    b->ioapics = two ? 2 : 1;
    b->slots = b->has_pcie ? 0 : two ? MICROVM_SLOTS_MAX : MICROVM_SLOTS_ONE;
    b->has_firmware = cfg->kernel ? cfg->bios && !none : true;
    if (none && cfg->kernel == NULL) {
        error_set(errp, "-bios none: machine 'microvm' starts a -kernel then, and there is none");
        return false;
    }
    return check_absent(b, errp);
}

/* ---- memory ---- */

static bool create_memory(struct microvm *b, struct error **errp)
{
    uint64_t size = b->m.cfg.ram_size, room = UINT64_C(1) << x86_phys_bits(b->m.cpus[0]);
    b->low_ram = MIN(size, 3 * GIB);
    b->high_ram = size - b->low_ram;
    if (size < 2 * MIB || (b->high_ram && 4 * GIB + b->high_ram > room)) {
        error_set(errp, "-m: machine 'microvm' has from 2M to %" PRIu64 "M of RAM",
                  (room > 4 * GIB ? room - GIB : 3 * GIB) / MIB);
        return false;
    }
    b->ram = machine_new_main_ram(&b->m, "microvm.ram", errp);
    if (b->ram == NULL)
        return false;
    region_init_ram(&b->low, "ram-below-4g", b->ram, 0, b->low_ram);
    region_add(&b->m.root, 0, &b->low, 0);
    if (b->high_ram) {
        region_init_ram(&b->high, "ram-above-4g", b->ram, b->low_ram, b->high_ram);
        region_add(&b->m.root, 4 * GIB, &b->high, 0);
    }
    return true;
}

/* ROM up to 4 GiB; its last 128 KiB are also below 1 MiB, in RAM that it may write. */
static bool create_bios(struct microvm *b, struct error **errp)
{
    size_t len = 0;
    if (!b->has_firmware)
        return true;
    g_autofree uint8_t *data = pc_load_bios(&b->m, "bios-microvm.bin", &len, errp);
    if (data == NULL)
        return false;
    uint64_t shadow = MIN(len, ISA_BIOS_MAX);
    struct ram_block *rom = machine_new_ram(&b->m, "pc.bios", len, errp);
    b->shadow_ram = rom ? machine_new_ram(&b->m, "isa-bios", shadow, errp) : NULL;
    if (b->shadow_ram == NULL)
        return false;
    memcpy(rom->host, data, len);
    b->image = g_memdup2(data + len - shadow, shadow);
    region_init_rom(&b->bios, "pc.bios", rom);
    region_add(&b->m.root, 4 * GIB - len, &b->bios, 0);
    region_init_ram(&b->shadow, "isa-bios", b->shadow_ram, 0, shadow);
    region_add(&b->m.root, MIB - shadow, &b->shadow, 1);
    return true;
}

/* ---- interrupts ---- */

static bool create_apics(struct microvm *b, struct error **errp)
{
    b->apic_bus = pc_add(&b->m, "apic-bus", "apic-bus");
    if (!device_realize(b->apic_bus, errp) || !pc_create_lapics(&b->m, b->apic_bus, b->lapic, errp))
        return false;
    for (unsigned i = 0; i < b->ioapics; i++) {
        struct device *dev = b->ioapic[i] = pc_add(&b->m, "ioapic", i ? "ioapic2" : "ioapic");
        ioapic_attach(dev, b->apic_bus);
        if (!device_realize(dev, errp))
            return false;
        region_add(&b->m.root, MICROVM_IOAPIC + i * MICROVM_IOAPIC_STEP, &dev->mmio, 0);
    }
    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        irq_connect(&b->pin[n].out, ioapic_set_irq, b->ioapic[0], n);
    return true;
}

/* A line of the ISA bus reaches whatever controllers there are. */
static void on_isa_line(void *opaque, unsigned n, bool level)
{
    struct microvm *b = opaque;
    if (b->parts.pic)
        i8259_set_irq(b->parts.pic, n, level);
    irq_or_input(&b->pin[n == 0 ? MICROVM_PIT_PIN : n], FROM_ISA, level);
}

static bool create_isa(struct microvm *b, struct error **errp)
{
    struct device *bridge = pc_add(&b->m, "isabus-bridge", "isa");
    if (!device_realize(bridge, errp))
        return false;
    b->parts.bus = isa_bridge_bus(bridge);
    for (unsigned n = 0; n < ISA_IRQS; n++)
        if (n != CASCADE)
            irq_connect(&b->parts.bus->irq[n], on_isa_line, b, n);
    if (!b->has_pic)
        return true;
    if (!pc_create_pic(&b->parts, errp))
        return false;
    pc_connect_pic(&b->parts, b->lapic[0]);
    return true;
}

/* A device's line at an interrupt number. */
static void connect(struct microvm *b, struct irq *irq, unsigned gsi)
{
    if (gsi < IOAPIC_PINS)
        irq_connect(irq, irq_or_input, &b->pin[gsi], FROM_BOARD);
    else
        irq_connect(irq, ioapic_set_irq, b->ioapic[1], gsi - IOAPIC_PINS);
}

unsigned microvm_slot_gsi(const struct microvm *b, unsigned slot)
{
    return (b->ioapics == 2 ? (unsigned)IOAPIC_PINS : (unsigned)MICROVM_SLOT_PIN_ONE) + slot;
}

/* ---- devices ---- */

static bool create_legacy(struct microvm *b, struct error **errp)
{
    if (b->has_rtc) {
        b->parts.rtc = pc_add(&b->m, "mc146818rtc", "rtc");
        if (!pc_plug(b->parts.rtc, NULL, errp))
            return false;
        pc_fill_cmos(&b->parts, b->low_ram, b->high_ram);
    }
    if (b->has_pit) {
        b->parts.pit = pc_add(&b->m, "isa-pit", "pit");
        if (!pc_plug(b->parts.pit, NULL, errp))
            return false;
    }
    return pc_create_serials(&b->parts, b->isa_serial ? 1 : 0, errp);
}

/* Realize a device of the board and give it its place. */
static bool attach(struct microvm *b, struct device *dev, gpa at, unsigned gsi, struct error **errp)
{
    if (!device_realize(dev, errp))
        return false;
    connect(b, &dev->irq, gsi);
    region_add(&b->m.root, at, &dev->mmio, 0);
    return true;
}

/* The highest one first: there the first device goes that names no bus. */
static bool create_slots(struct microvm *b, struct error **errp)
{
    for (unsigned i = b->slots; i-- > 0;) {
        g_autofree char *id = g_strdup_printf("virtio-mmio.%u", i);
        struct device *dev = b->slot[i] = pc_add(&b->m, "virtio-mmio", id);
        if (!attach(b, dev, MICROVM_VIRTIO + i * MICROVM_SLOT_SIZE, microvm_slot_gsi(b, i), errp))
            return false;
        dev->mmio.size = MICROVM_SLOT_SIZE;
    }
    return true;
}

static bool create_events(struct microvm *b, struct error **errp)
{
    if (!b->acpi)
        return true;
    struct device *regs = pc_add(&b->m, "acpi-ged-regs", "acpi-ged-regs");
    b->ged = pc_add(&b->m, "acpi-ged", "acpi-ged");
    if (!device_realize(regs, errp))
        return false;
    region_add(&b->m.root, MICROVM_GED_REGS, &regs->mmio, 0);
    return attach(b, b->ged, MICROVM_GED, MICROVM_GED_PIN, errp);
}

static bool on_message(void *bus, uint32_t requester UNUSED, gpa addr, uint32_t data)
{
    return apic_bus_msi(bus, addr, data);
}

static bool create_pcie(struct microvm *b, struct error **errp)
{
    uint64_t end = UINT64_C(1) << x86_phys_bits(b->m.cpus[0]);
    if (!b->has_pcie)
        return true;
    b->pcie_high = end - end / 4;
    b->pcie_high_size = end > 4 * GIB ? end / 4 : 0;
    struct device *dev = b->pcie = pc_add(&b->m, "gpex-pcihost", "gpex-pcihost");
    ecam_set_windows(dev, &(struct ecam_windows){
                              .low = {MICROVM_PCIE_MMIO, MICROVM_PCIE_MMIO_SIZE},
                              .high = {b->pcie_high, b->pcie_high_size},
                          });
    ecam_set_message_handler(dev, on_message, b->apic_bus);
    if (!device_realize(dev, errp))
        return false;
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        connect(b, ecam_irq(dev, i), MICROVM_PCIE_PIN + i);
    dev->mmio.size = MICROVM_ECAM_SIZE;
    region_add(&b->m.root, MICROVM_ECAM, &dev->mmio, 0);
    return true;
}

/* ---- firmware and kernel ---- */

static void add_range(struct microvm *b, unsigned *n, gpa base, gpa end, uint32_t type)
{
    if (end > base)
        b->map[(*n)++] = (struct pc_e820){base, end - base, type};
}

/* What firmware would tell of memory. */
static unsigned fill_map(struct microvm *b)
{
    unsigned n = 0;
    add_range(b, &n, 0, PC_LOW_RAM, PC_E820_RAM);
    add_range(b, &n, MICROVM_TABLES, MIB, PC_E820_RESERVED);
    add_range(b, &n, MIB, b->low_ram, PC_E820_RAM);
    if (b->has_pcie)
        add_range(b, &n, MICROVM_ECAM, MICROVM_ECAM + MICROVM_ECAM_SIZE, PC_E820_RESERVED);
    add_range(b, &n, 4 * GIB, 4 * GIB + b->high_ram, PC_E820_RAM);
    return n;
}

static bool tell_memory(struct microvm *b, struct error **errp)
{
    g_autoptr(GByteArray) map = g_byte_array_new();
    pc_put_e820(map, 0, b->low_ram, PC_E820_RAM);
    if (b->high_ram)
        pc_put_e820(map, 4 * GIB, b->high_ram, PC_E820_RAM);
    fw_cfg_set_u64(b->fw_cfg, FW_CFG_RAM_SIZE, b->m.cfg.ram_size);
    return fw_cfg_add_file(b->fw_cfg, "etc/e820", map->data, map->len, errp);
}

static bool create_fw_cfg(struct microvm *b, struct error **errp)
{
    struct device *dev = b->fw_cfg = pc_add(&b->m, "fw_cfg_io", "fw_cfg");
    if (!device_realize(dev, errp))
        return false;
    fw_cfg_set_u16(dev, FW_CFG_NB_CPUS, (uint16_t)b->m.ncpus);
    fw_cfg_set_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)(pc_apic_id(&b->m, b->m.ncpus - 1) + 1));
    fw_cfg_set_u32(dev, FW_CFG_IRQ0_OVERRIDE, 1);
    return tell_memory(b, errp);
}

static bool load(struct microvm *b, struct error **errp)
{
    b->boot.m = &b->m;
    b->boot.ram_low = b->low_ram;
    b->boot.reserved_top = b->has_firmware ? MIB : 0;
    b->boot.fw_cfg = b->fw_cfg;
    b->boot.has_firmware = b->has_firmware;
    b->boot.append_room = b->auto_cmdline ? MAX(b->slots, 1) * SLOT_OPTION_MAX : 0;
    b->boot.map = b->map;
    b->boot.map_len = fill_map(b);
    b->boot.rsdp = b->acpi ? MICROVM_RSDP : 0;
    address_space_update(&b->m.as);
    return pc_boot_load(&b->boot, errp);
}

/* ---- the machine ---- */

static bool microvm_init(struct machine *m, struct error **errp)
{
    struct microvm *b = (struct microvm *)m;
    b->parts.m = m;
    return choose_all(b, errp) && pc_create_cpus(&b->m, errp) && create_memory(b, errp) &&
           create_bios(b, errp) && create_apics(b, errp) && create_isa(b, errp) &&
           create_legacy(b, errp) && create_slots(b, errp) && create_events(b, errp) &&
           create_pcie(b, errp) && create_fw_cfg(b, errp) && load(b, errp) &&
           (!b->has_firmware || microvm_put_tables(b, errp));
}

/* "virtio_mmio.device=512@0xfeb00e00:12" of each transport in use, for kernels that have no tables
 * to find them by. */
static char *slot_options(const struct microvm *b)
{
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < b->slots; i++)
        if (virtio_mmio_in_use(b->slot[i]))
            g_string_append_printf(s, " virtio_mmio.device=%d@%#" PRIx64 ":%u", MICROVM_SLOT_SIZE,
                                   MICROVM_VIRTIO + i * MICROVM_SLOT_SIZE, microvm_slot_gsi(b, i));
    return g_string_free(s, FALSE);
}

/* Under ACPI without fixed hardware, Linux has nothing to measure its clock by but the 8254, at the
 * very start, and gives up when the host is busy just then. */
static char *clock_option(const struct microvm *b)
{
    if (b->has_firmware || b->boot.entry != PC_ENTRY_ZEROPAGE ||
        strstr(b->boot.cmdline, TSC_OPTION))
        return g_strdup("");
    return g_strdup_printf(" " TSC_OPTION "%" PRIu64, x86_tsc_hz(b->m.cpus[0]) / 1000);
}

/* Devices of the user are there now. */
static void microvm_start(struct machine *m)
{
    struct microvm *b = (struct microvm *)m;
    if (!b->auto_cmdline)
        return;
    g_autofree char *more = b->acpi ? clock_option(b) : slot_options(b);
    pc_boot_append(&b->boot, more);
}

/* What a kernel may count on from firmware: nothing comes from the old interrupt controllers, which
 * kernels that find ACPI without fixed hardware leave alone. */
static void mask_pic(struct microvm *b)
{
    if (b->parts.pic == NULL)
        return;
    mem_write(&b->m.io, PIC_MASK, 1, 0xff);
    mem_write(&b->m.io, PIC_MASK_2, 1, 0xff);
}

/*
 * Kernels without ACPI restart a PC by a jump to the firmware's first instruction, in real mode
 * (0xffff:0).  Where there is no firmware, what is there resets the machine: a breakpoint without
 * an interrupt table, which is a triple fault (Intel SDM vol. 3, 6.15).
 */
static bool put_reset_code(struct microvm *b, struct error **errp)
{
    static const uint8_t jump[] = {0xea, 0x00, 0xfe, 0x00, 0xf0}; /* jmp 0xf000:0xfe00 */
    static const uint8_t crash[] = {
        0x2e, 0x0f, 0x01, 0x1e, 0x08, 0xfe, /* lidt cs:0xfe08 */
        0xcc,                               /* int3 */
        0xf4,                               /* hlt */
        0,    0,    0,    0,    0,    0,    /* a table of one byte */
    };
    return load_blob(&b->m.as, RESET_VECTOR, jump, sizeof(jump), "reset vector", errp) &&
           load_blob(&b->m.as, RESET_CODE, crash, sizeof(crash), "reset code", errp);
}

static void microvm_reset(struct machine *m)
{
    struct microvm *b = (struct microvm *)m;
    struct error *err = NULL;
    if (b->has_firmware) {
        memcpy(b->shadow_ram->host, b->image, b->shadow_ram->size);
        ram_written(b->shadow_ram, 0, b->shadow_ram->size);
    } else {
        mask_pic(b);
        if (!microvm_put_tables(b, &err) || !put_reset_code(b, &err))
            error_report(err);
    }
    pc_boot_reset(&b->boot);
}

static void microvm_fini(struct machine *m)
{
    struct microvm *b = (struct microvm *)m;
    pc_boot_fini(&b->boot);
    g_free(b->image);
}

static void microvm_powerdown(struct machine *m)
{
    struct microvm *b = (struct microvm *)m;
    if (b->ged)
        acpi_ged_event(b->ged, ACPI_GED_POWER_BUTTON);
}

static const struct prop microvm_props[] = {
    PROP(prop_string, microvm, "acpi", acpi_wanted, "auto",
         "ACPI tables, the power button and the second I/O APIC: on, off or auto (on)"),
    PROP(prop_bool, microvm, "auto-kernel-cmdline", auto_cmdline, "on",
         "tell the kernel by its command line: with acpi=off of virtio devices, else of its clock"),
    PROP(prop_string, microvm, "ioapic2", ioapic2_wanted, "auto",
         "a second I/O APIC, for 24 virtio devices instead of 8: on, off or auto (as acpi)"),
    PROP(prop_bool, microvm, "isa-serial", isa_serial, "on", "a serial line at COM1"),
    PROP(prop_string, microvm, "pcie", pcie_wanted, "auto",
         "a PCI Express root instead of virtio-mmio: on, off or auto (off)"),
    PROP(prop_string, microvm, "pic", pic_wanted, "auto", "the 8259 pair: on, off or auto (on)"),
    PROP(prop_string, microvm, "pit", pit_wanted, "auto", "the 8254: on, off or auto (on)"),
    PROP(prop_string, microvm, "rtc", rtc_wanted, "auto", "the clock: on, off or auto (on)"),
    PROP(prop_bool, microvm, "usb", usb, "off", "USB controller: off"),
    PROP(prop_string, microvm, "x-oem-id", oem_id, "TINAMO", "OEM ID in ACPI tables"),
    PROP(prop_string, microvm, "x-oem-table-id", oem_table_id, "TINAMOU ",
         "OEM table ID in ACPI tables"),
    PROP(prop_bool, microvm, "x-option-roms", option_roms, "on",
         "with -bios, the ROM that starts a -kernel"),
    PROP_END,
};

#define MICROVM_CLASS(a, model)                                                                    \
    {                                                                                              \
        .name = "microvm", .desc = "microvm (i386)", .arch = (a), .default_cpu = (model),          \
        .max_cpus = MACHINE_MAX_CPUS, .default_ram = 128 << 20, .default_net = "virtio",           \
        .default_block_if = "virtio", .size = sizeof(struct microvm), .props = microvm_props,      \
        .init = microvm_init, .start = microvm_start, .reset = microvm_reset,                      \
        .fini = microvm_fini, .powerdown = microvm_powerdown                                       \
    }
const struct machine_class x86_64_microvm_class = MICROVM_CLASS("x86_64", "qemu64");
const struct machine_class i386_microvm_class = MICROVM_CLASS("i386", "qemu32");
