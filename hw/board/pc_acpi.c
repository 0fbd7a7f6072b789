/*
 * ACPI tables of the boards pc and q35.  They are made again whenever firmware reads them, for they
 * tell where it has put registers.
 * Ref: ACPI Specification 6.5, 5.2 (tables), 6 and 7 (objects); IA-PC HPET Specification 1.0a,
 * 3.2.4; Microsoft, Windows ACPI Emulated Devices Table; 82371SB and ICH9 data sheets, PIRQ
 * routing.
 */
#include "hw/acpi/aml_devices.h"
#include "hw/acpi/aml_pci.h"
#include "hw/acpi/ich9_lpc.h"
#include "hw/acpi/madt_pc.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/acpi/srat.h"
#include "hw/acpi/tables.h"
#include "hw/acpi/user_tables.h"
#include "hw/board/pc.h"
#include "hw/pci/host_pc.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { STA_PRESENT = 0xb /* and enabled, and works */, STA_WORKS = 0xf, LINKS = 4 };
enum { DEFAULT_PM_BASE = 0x600, ROUTE_OFF = 0x80, FIRST_PCI_GSI = 20, SMI_PORT = 0xb2 };
static const uint64_t FOUR_GIB = UINT64_C(1) << 32;
static const gpa IOAPIC_BASE = 0xfec00000, HPET_BASE = 0xfed00000, RCRB_BASE = 0xfed1c000;

static uint32_t pm_base(const struct pc *b)
{
    uint64_t at = b->is_q35 ? ich9_pm_base(b->pm) : piix4_pm_base(b->pm);
    return at ? (uint32_t)at : DEFAULT_PM_BASE;
}

/* ---- PCI interrupts ---- */

/* A link device follows a route register of the bridge: PRQn, whose bit 7 switches it off. */
static void put_link_status(struct aml *d, const char *reg)
{
    aml_method_begin(d, "_STA", 0, false);
    aml_if_begin(d);
    aml_op(d, AML_AND);
    aml_path(d, reg);
    aml_int(d, ROUTE_OFF);
    aml_no_target(d);
    aml_op(d, AML_RETURN);
    aml_int(d, STA_PRESENT & ~2);
    aml_end(d);
    aml_op(d, AML_RETURN);
    aml_int(d, STA_PRESENT);
    aml_end(d);
    aml_method_begin(d, "_DIS", 0, false);
    aml_op(d, AML_OR);
    aml_path(d, reg);
    aml_int(d, ROUTE_OFF);
    aml_path(d, reg);
    aml_end(d);
}

/* Where the line's number lies in the descriptor. */
enum { LINE_AT = 5 };

static void put_link_settings(struct aml *d, const char *reg)
{
    static const uint32_t none[1] = {0};
    aml_method_begin(d, "_CRS", 0, true);
    aml_name(d, "PRR0");
    aml_resources_begin(d);
    aml_shared_irq(d, none, 1);
    aml_end(d);
    aml_create_dword(d);
    aml_path(d, "PRR0");
    aml_int(d, LINE_AT);
    aml_path(d, "PRRI");
    aml_if_begin(d);
    aml_op(d, AML_LNOT);
    aml_op(d, AML_AND);
    aml_path(d, reg);
    aml_int(d, ROUTE_OFF);
    aml_no_target(d);
    aml_op(d, AML_STORE);
    aml_path(d, reg);
    aml_path(d, "PRRI");
    aml_end(d);
    aml_op(d, AML_RETURN);
    aml_path(d, "PRR0");
    aml_end(d);
    aml_method_begin(d, "_SRS", 1, true);
    aml_create_dword(d);
    aml_arg(d, 0);
    aml_int(d, LINE_AT);
    aml_path(d, "PRRI");
    aml_op(d, AML_STORE);
    aml_path(d, "PRRI");
    aml_path(d, reg);
    aml_end(d);
}

static void put_link(struct aml *d, char letter, const char *reg)
{
    static const uint32_t possible[] = {5, 10, 11};
    const char name[5] = {'L', 'N', 'K', letter, 0};
    aml_device_begin(d, name);
    aml_name_eisaid(d, "_HID", "PNP0C0F");
    aml_name_int(d, "_UID", (uint64_t)(letter - 'A'));
    aml_name(d, "_PRS");
    aml_resources_begin(d);
    aml_shared_irq(d, possible, G_N_ELEMENTS(possible));
    aml_end(d);
    put_link_status(d, reg);
    put_link_settings(d, reg);
    aml_end(d);
}

/* On q35, lines are PIRQE to PIRQH: as the 8259 pair sees them, or the I/O APIC. */
static void put_routes(struct aml *d, const struct pc *b)
{
    static const char *const piix[LINKS] = {"LNKD", "LNKA", "LNKB", "LNKC"},
                             *const pic[LINKS] = {"LNKE", "LNKF", "LNKG", "LNKH"},
                             *const apic[LINKS] = {"GSIE", "GSIF", "GSIG", "GSIH"};
    if (!b->is_q35) {
        aml_pci_routes(d, "_PRT", piix);
        return;
    }
    aml_pci_routes(d, "PRTP", pic);
    aml_pci_routes(d, "PRTA", apic);
    aml_method_begin(d, "_PRT", 0, false);
    aml_if_begin(d);
    aml_path(d, "\\PICF");
    aml_op(d, AML_RETURN);
    aml_path(d, "PRTA");
    aml_end(d);
    aml_op(d, AML_RETURN);
    aml_path(d, "PRTP");
    aml_end(d);
}

static void put_links(struct aml *d, const struct pc *b)
{
    for (unsigned i = 0; i < LINKS; i++) {
        char letter = (char)((b->is_q35 ? 'E' : 'A') + i);
        g_autofree char *reg = g_strdup_printf("\\_SB.PCI0.ISA.PRQ%u", i);
        put_link(d, letter, reg);
        const char name[5] = {'G', 'S', 'I', letter, 0};
        if (b->is_q35)
            aml_fixed_link(d, name, FIRST_PCI_GSI + i, FIRST_PCI_GSI + i, AML_LINE_PCI);
    }
}

/* Which of both it uses. */
static void put_pic_method(struct aml *d)
{
    aml_name_int(d, "PICF", 0);
    aml_method_begin(d, "_PIC", 1, false);
    aml_op(d, AML_STORE);
    aml_arg(d, 0);
    aml_path(d, "PICF");
    aml_end(d);
}

/* ---- the PCI root ---- */

static void put_low_windows(struct aml *d, const struct pc *b)
{
    uint64_t size, first = b->low_ram;
    gpa ecam = b->is_q35 ? pc_host_ecam(b->host, &size) : 0;
    if (ecam >= first && ecam + size <= IOAPIC_BASE && ecam) {
        if (ecam > first)
            aml_memory_window(d, first, ecam - first, AML_RANGE_PRODUCER);
        first = ecam + size;
    }
    if (IOAPIC_BASE > first)
        aml_memory_window(d, first, IOAPIC_BASE - first, AML_RANGE_PRODUCER);
}

/* What is not memory, nor the configuration ports. */
static void put_windows(struct aml *d, const struct pc *b)
{
    uint64_t high = align_up(FOUR_GIB + b->high_ram, UINT64_C(1) << 30);
    uint64_t end = UINT64_C(1) << x86_phys_bits(b->m.cpus[0]);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_bus_range(d, 0, 0xff);
    aml_ports(d, 0xcf8, 8);
    aml_port_window(d, 0, 0xcf7);
    aml_port_window(d, 0xd00, 0xffff);
    aml_memory_window(d, 0xa0000, 0x20000, AML_RANGE_PRODUCER);
    put_low_windows(d, b);
    if (end > high)
        aml_memory_window(d, high, end - high, AML_RANGE_PRODUCER);
    aml_end(d);
}

/* Registers of the chip set, so that nothing else is put there. */
static void put_reserved(struct aml *d, const struct pc *b)
{
    uint64_t size;
    gpa ecam = b->is_q35 ? pc_host_ecam(b->host, &size) : 0;
    aml_device_begin(d, "MRES");
    aml_name_eisaid(d, "_HID", "PNP0C02");
    aml_name_int(d, "_UID", 1);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_ports(d, (uint16_t)pm_base(b), b->is_q35 ? 128 : 64);
    aml_ports(d, SMI_PORT, 2);
    aml_ports(d, 0x92, 1);
    if (ecam)
        aml_memory_window(d, ecam, size, AML_RANGE_CONSUMER);
    if (b->is_q35)
        aml_memory32_fixed(d, (uint32_t)RCRB_BASE, 0x4000);
    aml_end(d);
    aml_end(d);
}

/* ---- devices of the ISA bus ---- */

static void put_fixed_devices(struct aml *d, bool has_keyboard)
{
    static const struct aml_isa_device devices[] = {
        {.name = "RTC", .hid = "PNP0B00", .ports = {{0x70, 8}}, .irq = 8, .dma = -1},
        {.name = "KBD", .hid = "PNP0303", .ports = {{0x60, 1}, {0x64, 1}}, .irq = 1, .dma = -1},
        {.name = "MOU", .hid = "PNP0F13", .irq = 12, .dma = -1},
    };
    unsigned n = has_keyboard ? G_N_ELEMENTS(devices) : 1; /* the clock is always there */
    for (unsigned i = 0; i < n; i++)
        aml_isa_device(d, &devices[i]);
}

static bool has_floppy(const struct pc *b)
{
    for (const struct device *dev = b->m.devices; dev; dev = dev->next)
        if (strcmp(dev->type->name, "floppy") == 0)
            return true;
    return false;
}

/* Serial and parallel ports, wherever users have put them. */
static void put_ports_of(struct aml *d, const struct device *dev, const char *hid, char *name,
                         uint8_t len)
{
    struct aml_isa_device r = {.name = name,
                               .hid = hid,
                               .ports = {{(uint16_t)pc_number_of(dev, "iobase"), len}},
                               .irq = (int)(pc_number_of(dev, "irq") & 15),
                               .dma = -1};
    aml_isa_device(d, &r);
}

static void put_panic(struct aml *d, const struct device *dev)
{
    aml_device_begin(d, "PEVT");
    aml_name_string(d, "_HID", "QEMU0001");
    aml_name_int(d, "_STA", STA_WORKS);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_ports(d, (uint16_t)pc_number_of(dev, "ioport"), 1);
    aml_end(d);
    aml_end(d);
}

static void put_user_devices(struct aml *d, const struct pc *b)
{
    char com[] = "COM1", lpt[] = "LPT1";
    bool has_panic = false;
    for (const struct device *dev = b->m.devices; dev; dev = dev->next) {
        if (strcmp(dev->type->name, "isa-serial") == 0 && com[3] <= '9') {
            put_ports_of(d, dev, "PNP0501", com, 8);
            com[3]++;
        } else if (strcmp(dev->type->name, "isa-parallel") == 0 && lpt[3] <= '9') {
            put_ports_of(d, dev, "PNP0400", lpt, 8);
            lpt[3]++;
        } else if (strcmp(dev->type->name, "pvpanic") == 0 && !has_panic) {
            put_panic(d, dev);
            has_panic = true;
        }
    }
}

static void put_isa_bus(struct aml *d, const struct pc *b)
{
    static const struct aml_isa_device fdc = {
        .name = "FDC0", .hid = "PNP0700", .ports = {{0x3f2, 4}, {0x3f7, 1}}, .irq = 6, .dma = 2};
    static const struct aml_field routes[] = {
        {"PRQ0", 8}, {"PRQ1", 8}, {"PRQ2", 8}, {"PRQ3", 8}, {NULL, 0}};
    aml_device_begin(d, "ISA");
    aml_name_int(d, "_ADR", b->is_q35 ? 0x1f0000 : 0x10000);
    aml_region(d, "PIRQ", AML_PCI_CONFIG, b->is_q35 ? 0x68 : 0x60, LINKS);
    aml_byte_fields(d, "PIRQ", routes);
    put_fixed_devices(d, b->i8042_on);
    if (has_floppy(b))
        aml_isa_device(d, &fdc);
    put_user_devices(d, b);
    aml_end(d);
}

/* ---- DSDT ---- */

static void put_pci(struct aml *d, const struct pc *b)
{
    aml_device_begin(d, "PCI0");
    aml_name_eisaid(d, "_HID", b->is_q35 ? "PNP0A08" : "PNP0A03");
    if (b->is_q35)
        aml_name_eisaid(d, "_CID", "PNP0A03");
    aml_name_int(d, "_UID", 0);
    aml_name_int(d, "_BBN", 0);
    put_windows(d, b);
    put_routes(d, b);
    if (b->is_q35)
        aml_pci_osc(d);
    put_isa_bus(d, b);
    aml_end(d);
}

static void put_hpet_device(struct aml *d)
{
    aml_device_begin(d, "HPET");
    aml_name_eisaid(d, "_HID", "PNP0103");
    aml_name_int(d, "_UID", 0);
    aml_name_int(d, "_STA", STA_WORKS);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_memory32_fixed(d, (uint32_t)HPET_BASE, 0x400);
    aml_end(d);
    aml_end(d);
}

/* SLP_TYP of each state; off is as etc/system-states has it. */
static void put_sleep_states(struct aml *d, const struct pc *b)
{
    static const char *const names[PC_SLEEP_STATES] = {"_S3", "_S4", "_S5"};
    for (unsigned i = 0; i < PC_SLEEP_STATES; i++) {
        uint8_t state = pc_sleep_state(b, 3 + i);
        if (!(state & PC_SLEEP_EXISTS))
            continue;
        aml_name(d, names[i]);
        aml_package_begin(d, 4);
        aml_int(d, state & 7);
        aml_int(d, state & 7);
        aml_int(d, 0);
        aml_int(d, 0);
        aml_end(d);
    }
}

static uint32_t put_dsdt(struct acpi *a, const struct pc *b)
{
    struct aml *d = aml_new();
    put_sleep_states(d, b);
    put_pic_method(d);
    aml_scope_begin(d, "\\_SB");
    aml_processors(d, b->m.ncpus);
    aml_fw_cfg_ports(d);
    put_reserved(d, b);
    if (b->parts.hpet)
        put_hpet_device(d);
    put_links(d, b);
    put_pci(d, b);
    aml_end(d);
    uint32_t at = acpi_put_dsdt(a, d);
    aml_free(d);
    return at;
}

/* ---- other tables ---- */

static void put_fadt(struct acpi *a, const struct pc *b, uint32_t facs, uint32_t dsdt)
{
    enum { LEGACY_DEVICES = 1, HAS_8042 = 2 };
    uint32_t pm = pm_base(b);
    struct acpi_fixed f = {.smi_port = SMI_PORT,
                           .pm1_event = pm,
                           .pm1_control = pm + 4,
                           .timer = pm + 8,
                           .gpe = pm + (b->is_q35 ? 0x20 : 0x0c),
                           .gpe_len = b->is_q35 ? 16 : 4,
                           .enable = b->is_q35 ? 0x02 : 0xf1,
                           .disable = b->is_q35 ? 0x03 : 0xf0,
                           .boot_flags = LEGACY_DEVICES | (b->i8042_on ? HAS_8042 : 0),
                           .many_cpus = b->m.ncpus > 8};
    acpi_put_fadt_pc(a, facs, dsdt, &f);
}

/* IRQ 0 comes at pin 2; lines of PCI and the SCI are levels, active high. */
static void put_madt(struct acpi *a, const struct pc *b)
{
    static const uint8_t levels[] = {5, 9, 10, 11};
    madt_pc_begin(a, true);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        madt_pc_cpu(a, i, pc_apic_id(&b->m, i));
    madt_pc_ioapic(a, 0, (uint32_t)IOAPIC_BASE, 0);
    madt_pc_override(a, 0, 2, 0);
    for (unsigned i = 0; i < sizeof(levels); i++)
        madt_pc_override(a, levels[i], levels[i], MADT_LEVEL_HIGH);
    madt_pc_nmi(a);
    acpi_end(a, true);
}

static void put_hpet(struct acpi *a)
{
    enum { BLOCK_ID = 0x8086a201, MIN_TICKS = 100 };
    acpi_begin(a, "HPET", 1);
    acpi_u32(a, BLOCK_ID);
    acpi_address(a, 0, 0, HPET_BASE);
    acpi_u8(a, 0);
    acpi_u16(a, MIN_TICKS);
    acpi_u8(a, 0);
    acpi_end(a, true);
}

/* One read of the ACPI timer is enough. */
static void put_waet(struct acpi *a)
{
    acpi_begin(a, "WAET", 1);
    acpi_u32(a, 2);
    acpi_end(a, true);
}

static void put_nodes(struct acpi *a, const struct pc *b)
{
    const struct numa *n = b->m.cfg.numa;
    const struct numa_span spans[] = {{0, b->low_ram}, {FOUR_GIB, b->high_ram}};
    if (n == NULL)
        return;
    acpi_srat_begin(a);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        acpi_srat_apic(a, n->node_of_cpu[i], pc_apic_id(&b->m, i));
    acpi_srat_memory(a, n, spans, G_N_ELEMENTS(spans));
    acpi_end(a, true);
    acpi_put_slit(a, n);
}

/* ---- all ---- */

static struct acpi *make_tables(const struct pc *b)
{
    struct acpi *a = acpi_new(b->oem_id, b->oem_table_id);
    acpi_for_pc(a);
    uint32_t facs = acpi_put_facs(a), dsdt = put_dsdt(a, b);
    uint64_t size = 0;
    gpa ecam = b->is_q35 ? pc_host_ecam(b->host, &size) : 0;
    acpi_put_user_tables(a, b->user_tables);
    put_fadt(a, b, facs, dsdt);
    if (b->lapic[0])
        put_madt(a, b);
    if (b->parts.hpet)
        put_hpet(a);
    if (ecam)
        acpi_put_mcfg(a, &(struct acpi_ecam){ecam, (uint8_t)((size >> 20) - 1)});
    put_waet(a);
    put_nodes(a, b);
    return a;
}

static void refresh(void *opaque)
{
    struct pc *b = opaque;
    struct acpi *a = make_tables(b);
    acpi_deliver_again(a, b->fw_cfg);
    acpi_free(a);
}

bool pc_create_acpi(struct pc *b, struct error **errp)
{
    b->user_tables = acpi_read_user_tables(b->m.cfg.acpitables, errp);
    if (b->user_tables == NULL)
        return false;
    if (!b->acpi)
        return true;
    struct acpi *a = make_tables(b);
    bool ok = acpi_deliver(a, b->fw_cfg, errp);
    acpi_free(a);
    acpi_on_select(b->fw_cfg, refresh, b);
    return ok;
}
