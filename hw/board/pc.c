/*
 * The boards pc (i440FX with PIIX3, its power management by PIIX4) and q35 (Q35 with ICH9).
 * Ref: Intel 82441FX (290549), 82371SB (290550), 82371AB (290562), 3 Series Express chip set
 * (317607) and ICH9 (316972) data sheets: memory maps, interrupts; QEMU documentation, "i440fx PC"
 * and "Q35": which slots devices have.
 */
#include "hw/board/pc.h"
#include "core/numa.h"
#include "hw/acpi/ich9_lpc.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/acpi/pm.h"
#include "hw/board/boards.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/isa/piix.h"
#include "hw/pci/host_pc.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "util/bits.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { PIT_LINE = 0, KEYBOARD_LINE = 1, CASCADE = 2, RTC_LINE = 8, SCI_LINE = 9, MOUSE_LINE = 12 };
enum { PIT_PIN = 2, FIRST_PCI_PIN = 20 };
enum { FROM_ISA, FROM_HPET, FROM_PCI }; /* inputs of a pin of the I/O APIC */
static const gpa IOAPIC_BASE = 0xfec00000, HPET_BASE = 0xfed00000;
static const uint64_t MIB = UINT64_C(1) << 20, GIB = UINT64_C(1) << 30;

/* ---- options ---- */

static bool choose(const char *option, const char *text, enum pc_choice *out, struct error **errp)
{
    if (strcmp(text, "auto") == 0)
        *out = PC_AUTO;
    else if (strcmp(text, "on") == 0)
        *out = PC_ON;
    else if (strcmp(text, "off") == 0)
        *out = PC_OFF;
    else {
        error_set(errp, "%s=%s: wanted on, off or auto", option, text);
        return false;
    }
    return true;
}

static bool check_absent(const struct pc *b, enum pc_choice vmport, struct error **errp)
{
    if (b->usb)
        error_set(errp, "usb=on: this machine has no USB controller of its own");
    else if (vmport == PC_ON)
        error_set(errp, "vmport=on: VMware's backdoor is not there; wanted off or auto");
    else if (!b->pic_on)
        error_set(errp, "pic=off: this machine always has the 8259 pair");
    else if (b->nvdimm || b->hmat)
        error_set(errp, "%s=on: there is none; wanted off", b->nvdimm ? "nvdimm" : "hmat");
    else if (strlen(b->oem_id) > 6 || strlen(b->oem_table_id) > 8)
        error_set(errp, "x-oem-id has at most 6 characters, x-oem-table-id at most 8");
    else
        return true;
    return false;
}

static bool choose_smbios(struct pc *b, struct error **errp)
{
    const char *text = b->smbios_entry;
    b->has_smbios_3 = strcmp(text, "64") == 0;
    if (b->has_smbios_3 || strcmp(text, "32") == 0 || strcmp(text, "auto") == 0)
        return true;
    error_set(errp, "smbios-entry-point-type=%s: wanted 32, 64 or auto", text);
    return false;
}

static bool choose_all(struct pc *b, struct error **errp)
{
    enum pc_choice acpi, smm, vmport;
    bool ok = choose("acpi", b->acpi_wanted, &acpi, errp) &&
              choose("smm", b->smm_wanted, &smm, errp) &&
              choose("vmport", b->vmport_wanted, &vmport, errp) && check_absent(b, vmport, errp) &&
              choose_smbios(b, errp);
    if (!ok) {
        error_prefix(errp, "machine '%s'", b->m.cls->name);
        return false;
    }
    b->acpi = acpi != PC_OFF;
    b->smm = smm != PC_OFF;
    b->parts.has_no_pit = !b->pit_on;
    b->parts.has_no_keyboard = !b->i8042_on;
    return true;
}

/* ---- memory ---- */

/* Where memory ends below 4 GiB: if there is more than fits, at a round address. */
static void split_ram(struct pc *b)
{
    uint64_t most = b->is_q35 ? 0xb0000000 : 0xe0000000, size = b->m.cfg.ram_size;
    if (size >= most)
        most = b->is_q35 ? 0x80000000 : 0xc0000000;
    if (b->max_low_ram)
        most = MIN(most, b->max_low_ram);
    b->low_ram = MIN(size, most);
    b->high_ram = size - b->low_ram;
}

static bool check_ram(const struct pc *b, struct error **errp)
{
    unsigned bits = x86_phys_bits(b->m.cpus[0]);
    uint64_t room = UINT64_C(1) << bits;
    if (b->max_low_ram && (b->max_low_ram < MIB || b->max_low_ram > 4 * GIB))
        error_set(errp, "machine '%s': max-ram-below-4g: wanted between 1M and 4G", b->m.cls->name);
    else if (b->m.cfg.ram_size < MIB)
        error_set(errp, "-m: machine '%s' has at least 1M of RAM", b->m.cls->name);
    else if (b->high_ram && 4 * GIB + b->high_ram > room)
        error_set(errp, "-m: at most %" PRIu64 "M fit into the %u address bits of this processor",
                  (room > 4 * GIB ? room - 4 * GIB + b->low_ram : b->low_ram) / MIB, bits);
    else
        return true;
    return false;
}

static bool create_memory(struct pc *b, struct error **errp)
{
    split_ram(b);
    if (!check_ram(b, errp))
        return false;
    b->ram = machine_new_main_ram(&b->m, "pc.ram", errp);
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

/* ---- chip set ---- */

static bool on_message(void *bus, uint32_t requester UNUSED, gpa addr, uint32_t data)
{
    return apic_bus_msi(bus, addr, data);
}

static bool create_host(struct pc *b, struct error **errp)
{
    gpa high = align_up(4 * GIB + b->high_ram, GIB);
    uint64_t end = UINT64_C(1) << x86_phys_bits(b->m.cpus[0]);
    struct pc_host_config config = {.ram = b->ram,
                                    .low_ram = b->low_ram,
                                    .low_end = IOAPIC_BASE,
                                    .high_base = high,
                                    .high_size = end > high ? end - high : 0};
    b->host = pc_add(&b->m, b->is_q35 ? "q35-pcihost" : "i440FX-pcihost", "host");
    pc_host_configure(b->host, &config);
    pc_host_on_message(b->host, on_message, b->apic_bus);
    return device_realize(b->host, errp);
}

/* A function of the chip set at its place. */
static struct device *add_function(struct pc *b, const char *type, const char *id, const char *addr,
                                   bool first, struct error **errp)
{
    struct device *dev = pc_add(&b->m, type, id);
    bool ok = device_set(dev, "addr", addr, errp) &&
              (!first || device_set(dev, "multifunction", "on", errp)) &&
              pc_plug(dev, b->is_q35 ? "pcie.0" : "pci.0", errp);
    return ok ? dev : NULL;
}

/* For the processor that wrote to a port; the timers' for the first. */
static void on_smi(void *opaque, unsigned n UNUSED, bool level)
{
    struct pc *b = opaque;
    struct cpu *cpu = cpu_current();
    x86_irq_set(cpu ? cpu : b->m.cpus[0], X86_LINE_SMI, level);
}

static void on_smi_all(void *opaque, unsigned n UNUSED, bool level)
{
    struct pc *b = opaque;
    for (unsigned i = 0; i < b->m.ncpus; i++)
        x86_irq_set(b->m.cpus[i], X86_LINE_SMI, level);
}

static bool create_piix(struct pc *b, struct error **errp)
{
    b->lpc = add_function(b, "PIIX3", "PIIX3", "01.0", true, errp);
    if (b->lpc == NULL)
        return false;
    for (unsigned i = 0; i < PC_HOST_PIRQS; i++)
        irq_connect(pc_host_irq(b->host, i), piix3_pirq, b->lpc, i);
    b->parts.bus = piix3_isa(b->lpc);
    b->pm = add_function(b, "PIIX4_PM", "PIIX4_PM", "01.3", false, errp);
    if (b->pm == NULL)
        return false;
    irq_connect(piix4_pm_sci(b->pm), isa_irq_handler, b->parts.bus, SCI_LINE);
    if (b->smm)
        irq_connect(piix4_pm_smi(b->pm), on_smi, b, 0);
    return true;
}

static bool create_ich9(struct pc *b, struct error **errp)
{
    b->lpc = b->pm = add_function(b, "ICH9-LPC", "ICH9-LPC", "1f.0", true, errp);
    if (b->lpc == NULL)
        return false;
    for (unsigned i = 0; i < PC_HOST_PIRQS; i++) {
        irq_connect(pc_host_irq(b->host, i), ich9_pirq, b->lpc, i);
        irq_connect(ich9_apic_line(b->lpc, i), irq_or_input, &b->pin[FIRST_PCI_PIN + i], FROM_PCI);
    }
    b->parts.bus = ich9_isa(b->lpc);
    irq_connect(ich9_sci(b->lpc), isa_irq_handler, b->parts.bus, SCI_LINE);
    if (b->smm) {
        irq_connect(ich9_smi(b->lpc), on_smi, b, 0);
        irq_connect(ich9_smi_all(b->lpc), on_smi_all, b, 0);
    }
    return !b->smbus_on || add_function(b, "ICH9-SMB", "ICH9-SMB", "1f.3", false, errp) != NULL;
}

static bool create_disks(struct pc *b, struct error **errp)
{
    if (b->is_q35)
        return !b->sata_on || add_function(b, "ich9-ahci", "ahci", "1f.2", false, errp);
    return add_function(b, "piix3-ide", "ide", "01.1", false, errp) != NULL;
}

/* ---- interrupts ---- */

static bool create_apics(struct pc *b, struct error **errp)
{
    b->apic_bus = pc_add(&b->m, "apic-bus", "apic-bus");
    b->ioapic = pc_add(&b->m, "ioapic", "ioapic");
    ioapic_attach(b->ioapic, b->apic_bus);
    if (!device_realize(b->apic_bus, errp) ||
        !pc_create_lapics(&b->m, b->apic_bus, b->lapic, errp) || !device_realize(b->ioapic, errp))
        return false;
    region_add(&b->m.root, IOAPIC_BASE, &b->ioapic->mmio, 0);
    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        irq_connect(&b->pin[n].out, ioapic_set_irq, b->ioapic, n);
    return true;
}

/* A line of the ISA bus reaches both kinds of controllers; a key wakes the machine. */
static void on_isa_line(void *opaque, unsigned n, bool level)
{
    struct pc *b = opaque;
    if (level && (n == KEYBOARD_LINE || n == MOUSE_LINE))
        machine_request_wakeup(&b->m);
    i8259_set_irq(b->parts.pic, n, level);
    irq_or_input(&b->pin[n == PIT_LINE ? PIT_PIN : n], FROM_ISA, level);
}

static bool create_pic(struct pc *b, struct error **errp)
{
    if (!pc_create_pic(&b->parts, errp))
        return false;
    for (unsigned n = 0; n < ISA_IRQS; n++)
        if (n != CASCADE)
            irq_connect(&b->parts.bus->irq[n], on_isa_line, b, n);
    for (unsigned n = ISA_IRQS; n < IOAPIC_PINS; n++)
        irq_connect(&b->parts.bus->irq[n], irq_or_input, &b->pin[n], FROM_ISA);
    pc_connect_pic(&b->parts, b->lapic[0]);
    return true;
}

/* Before timer and clock: under legacy replacement it takes their lines, so that their outputs go
 * through it.  Any timer may use pin 2, on q35 also 8 and 16 to 23. */
static bool create_hpet(struct pc *b, struct error **errp)
{
    if (!b->hpet_on)
        return true;
    struct device *dev = b->parts.hpet = pc_add(&b->m, "hpet", "hpet");
    if (!device_set(dev, "hpet-intcap", b->is_q35 ? "0xff0104" : "0x4", errp) ||
        !device_realize(dev, errp))
        return false;
    region_add(&b->m.root, HPET_BASE, &dev->mmio, 0);
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        if (n == PIT_LINE || n == RTC_LINE)
            irq_connect(hpet_line(dev, n), isa_irq_handler, b->parts.bus, n);
        else
            irq_connect(hpet_line(dev, n), irq_or_input, &b->pin[n], FROM_HPET);
    }
    return true;
}

/* ---- events of power management ---- */

static void pm_event(struct pc *b, uint16_t bits)
{
    if (b->m.suspended)
        b->woken_by |= bits;
    if (b->is_q35)
        ich9_pm_event(b->pm, bits);
    else
        piix4_pm_event(b->pm, bits);
}

/* The clock's own output, whoever has line 8: the chip set sees an alarm also while the HPET stands
 * in for the clock.  Ref: 82371AB, RTC_STS; ICH9, PM1_STS. */
static void on_rtc(void *opaque, unsigned n UNUSED, bool level)
{
    struct pc *b = opaque;
    if (level)
        pm_event(b, ACPI_PM1_RTC);
    irq_set(&b->rtc_line, level);
}

static void connect_rtc(struct pc *b)
{
    b->parts.on_rtc = on_rtc;
    b->parts.on_rtc_opaque = b;
    if (b->parts.hpet)
        irq_connect(&b->rtc_line, hpet_rtc, b->parts.hpet, 0);
    else
        irq_connect(&b->rtc_line, isa_irq_handler, b->parts.bus, RTC_LINE);
}

/* ---- the machine ---- */

static bool create_chip_set(struct pc *b, struct error **errp)
{
    if (!create_apics(b, errp) || !create_host(b, errp) ||
        !(b->is_q35 ? create_ich9(b, errp) : create_piix(b, errp)) || !create_pic(b, errp) ||
        !create_hpet(b, errp))
        return false;
    connect_rtc(b);
    return pc_create_devices(&b->parts, errp) && create_disks(b, errp);
}

static bool load_kernel(struct pc *b, struct error **errp)
{
    b->boot.m = &b->m;
    b->boot.ram_low = b->low_ram;
    b->boot.reserved_top = MIB; /* more than the BIOS takes for tables */
    b->boot.fw_cfg = b->fw_cfg;
    b->boot.has_firmware = true;
    return pc_boot_load(&b->boot, errp);
}

static bool pc_init(struct machine *m, struct error **errp)
{
    struct pc *b = (struct pc *)m;
    b->parts.m = m;
    b->is_q35 = strcmp(m->cls->name, "q35") == 0;
    if (!choose_all(b, errp) || !pc_create_cpus(&b->m, errp) || !create_memory(b, errp) ||
        !create_chip_set(b, errp))
        return false;
    for (unsigned i = 0; b->smm && i < m->ncpus; i++)
        x86_cpu_set_smm_space(m->cpus[i], pc_host_smm_space(b->host));
    return pc_create_bios(b, errp) && pc_tell_firmware(b, errp) && load_kernel(b, errp);
}

static void pc_fini(struct machine *m)
{
    struct pc *b = (struct pc *)m;
    pc_boot_fini(&b->boot);
    if (b->user_tables)
        g_ptr_array_unref(b->user_tables);
}

static void pc_reset(struct machine *m)
{
    struct pc *b = (struct pc *)m;
    pc_set_boot_order(&b->parts, b->resets++ == 0, b->fd_bootchk);
    pc_boot_reset(&b->boot);
}

/* ---- power ---- */

static void pc_powerdown(struct machine *m)
{
    pm_event((struct pc *)m, ACPI_PM1_POWER_BUTTON);
}

/* The BIOS finds in CMOS RAM that the next reset is no start. */
static void pc_suspended(struct machine *m)
{
    enum { SHUTDOWN_STATUS = 0x0f, RESUME = 0xfe };
    struct pc *b = (struct pc *)m;
    mc146818_set(b->parts.rtc, SHUTDOWN_STATUS, RESUME);
    pc_host_sleep(b->host);
    if (b->is_q35)
        ich9_sleep(b->lpc);
}

static void pc_woken(struct machine *m)
{
    struct pc *b = (struct pc *)m;
    pc_host_wake(b->host);
    if (b->is_q35)
        ich9_wake(b->lpc);
    pm_event(b, ACPI_PM1_WAKE | b->woken_by);
    b->woken_by = 0;
}

static void pc_nmi(struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        x86_irq_set(m->cpus[i], X86_LINE_NMI, true);
        x86_irq_set(m->cpus[i], X86_LINE_NMI, false);
    }
}

static const struct prop pc_props[] = {
    PROP(prop_string, pc, "acpi", acpi_wanted, "auto", "ACPI tables for firmware: on, off or auto"),
    PROP(prop_bool, pc, "default-bus-bypass-iommu", bypass_iommu, "off",
         "nothing: there is no IOMMU to bypass"),
    PROP(prop_bool, pc, "fd-bootchk", fd_bootchk, "on",
         "the BIOS looks for the signature of boot sectors on floppies"),
    PROP(prop_bool, pc, "hmat", hmat, "off", "table of memory's attributes: off"),
    PROP(prop_bool, pc, "hpet", hpet_on, "on", "high precision event timers"),
    PROP(prop_bool, pc, "i8042", i8042_on, "on", "the keyboard controller"),
    PROP(prop_size, pc, "max-fw-size", max_flash, "8M",
         "at most so much flash below 4 GiB, up to 16M"),
    PROP(prop_size, pc, "max-ram-below-4g", max_low_ram, NULL,
         "at most so much RAM below 4 GiB (default: 3G or 3.5G, on q35 2G or 2.75G)"),
    PROP(prop_bool, pc, "nvdimm", nvdimm, "off", "persistent memory modules: off"),
    PROP(prop_string, pc, "pflash0", pflash[0], NULL, "drive of the flash up to 4 GiB"),
    PROP(prop_string, pc, "pflash1", pflash[1], NULL, "drive of the flash below that"),
    PROP(prop_bool, pc, "pic", pic_on, "on", "the 8259 pair: on"),
    PROP(prop_bool, pc, "pit", pit_on, "on", "the 8254 timer"),
    PROP(prop_bool, pc, "sata", sata_on, "on", "on q35, the AHCI adapter of the chip set"),
    PROP(prop_bool, pc, "smbus", smbus_on, "on", "on q35, the SMBus controller of the chip set"),
    PROP(prop_string, pc, "smbios-entry-point-type", smbios_entry, "auto",
         "of the SMBIOS tables: 32 (2.8), 64 (3.0) or auto (32, unless they are too long)"),
    PROP(prop_string, pc, "smm", smm_wanted, "auto",
         "system management mode: on, off or auto (on)"),
    PROP(prop_bool, pc, "usb", usb, "off", "USB controller: off"),
    PROP(prop_string, pc, "vmport", vmport_wanted, "auto", "VMware's backdoor: off or auto"),
    PROP(prop_string, pc, "x-oem-id", oem_id, "TINAMO", "OEM ID in ACPI tables"),
    PROP(prop_string, pc, "x-oem-table-id", oem_table_id, "TINAMOU ",
         "OEM table ID in ACPI tables"),
    PROP_END,
};

/* Machines that a version of QEMU froze under a name of their own; here they are all
 * the same. */
#define ALIASES(stem)                                                                              \
    stem "2.4", stem "2.5", stem "2.6", stem "2.7", stem "2.8", stem "2.9", stem "2.10",           \
        stem "2.11", stem "2.12", stem "3.0", stem "3.1", stem "4.0", stem "4.1", stem "4.2",      \
        stem "5.0", stem "5.1", stem "5.2", stem "6.0", stem "6.1", stem "6.2", stem "7.0",        \
        stem "7.1", stem "7.2", stem "8.0", stem "8.1", stem "8.2", stem "9.0", stem "9.1",        \
        stem "9.2", stem "10.0", stem "10.1", stem "10.2", stem "11.0", stem "11.1"

static const char *const pc_aliases[] = {
    ALIASES("pc-i440fx-"), "pc-i440fx-1.4", "pc-i440fx-1.5", "pc-i440fx-1.6", "pc-i440fx-1.7",
    "pc-i440fx-2.0",       "pc-i440fx-2.1", "pc-i440fx-2.2", "pc-i440fx-2.3", NULL,
};

static const char *const q35_aliases[] = {ALIASES("pc-q35-"), "pc-q35-4.0.1", NULL};

/* For both kinds of firmware. */
static const char *const pc_roms[][2] = {
    {"e1000", "efi-e1000.rom"},
    {"e1000e", "efi-e1000e.rom"},
    {"ne2k_pci", "efi-ne2k_pci.rom"},
    {"rtl8139", "efi-rtl8139.rom"},
    {"virtio-net-pci", "efi-virtio.rom"},
    {"virtio-net-pci-non-transitional", "efi-virtio.rom"},
    {"virtio-net-pci-transitional", "efi-virtio.rom"},
    {NULL, NULL},
};

/* What both boards have in common. */
#define PC_CLASS(a, model)                                                                         \
    .arch = (a), .default_cpu = (model), .default_ram = 128 << 20, .default_display = "VGA",       \
    .default_block_if = "ide", .size = sizeof(struct pc), .props = pc_props, .has_smbios = true,   \
    .numa = NUMA_BY_SOCKET, .has_acpitables = true, .has_option_roms = true, .has_nic = true,      \
    .roms = pc_roms, .parallels = MACHINE_MAX_PARALLELS, .init = pc_init, .reset = pc_reset,       \
    .fini = pc_fini, .powerdown = pc_powerdown, .suspended = pc_suspended, .woken = pc_woken,      \
    .nmi = pc_nmi
#define I440FX_CLASS(a, model)                                                                     \
    {                                                                                              \
        .name = "pc", .desc = "Standard PC (i440FX + PIIX, 1996)", .max_cpus = 255,                \
        .default_net = "e1000", .aliases = pc_aliases, PC_CLASS(a, model)                          \
    }
#define Q35_CLASS(a, model)                                                                        \
    {                                                                                              \
        .name = "q35", .desc = "Standard PC (Q35 + ICH9, 2009)", .max_cpus = MACHINE_MAX_CPUS,     \
        .default_net = "e1000e", .ide_units = 1, .aliases = q35_aliases, PC_CLASS(a, model)        \
    }

const struct machine_class x86_64_pc_class = I440FX_CLASS("x86_64", "qemu64");
const struct machine_class i386_pc_class = I440FX_CLASS("i386", "qemu32");
const struct machine_class x86_64_q35_class = Q35_CLASS("x86_64", "qemu64");
const struct machine_class i386_q35_class = Q35_CLASS("i386", "qemu32");
