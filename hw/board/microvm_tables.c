/*
 * What microvm tells of itself: ACPI tables, or with acpi=off those of the MultiProcessor
 * Specification.
 * Ref: ACPI Specification 6.5, 5.2; Intel MultiProcessor Specification 1.4, chapter 4.
 */
#include "core/loader.h"
#include "hw/acpi/aml_devices.h"
#include "hw/acpi/aml_pci.h"
#include "hw/acpi/ged.h"
#include "hw/acpi/madt_pc.h"
#include "hw/board/microvm.h"
#include "hw/pci/host_ecam.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

/* ---- DSDT ---- */

static void put_isa(struct aml *d, const struct microvm *b)
{
    static const struct aml_isa_device
        rtc = {.name = "RTC", .hid = "PNP0B00", .ports = {{0x70, 2}}, .irq = 8, .dma = -1},
        com = {.name = "COM1", .hid = "PNP0501", .ports = {{0x3f8, 8}}, .irq = 4, .dma = -1};
    if (b->has_rtc)
        aml_isa_device(d, &rtc);
    if (b->isa_serial && b->m.cfg.serial[0])
        aml_isa_device(d, &com);
}

static void put_pci(struct aml *d, const struct microvm *b)
{
    aml_fixed_links(d, MICROVM_PCIE_PIN, AML_LINE_PCI);
    aml_device_begin(d, "PCI0");
    aml_name_eisaid(d, "_HID", "PNP0A08");
    aml_name_eisaid(d, "_CID", "PNP0A03");
    aml_name_int(d, "_SEG", 0);
    aml_name_int(d, "_BBN", 0);
    aml_name_int(d, "_UID", 0);
    aml_fixed_routes(d);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_bus_range(d, 0, MICROVM_ECAM_SIZE / ECAM_BUS_SIZE - 1);
    aml_memory_window(d, MICROVM_PCIE_MMIO, MICROVM_PCIE_MMIO_SIZE, AML_RANGE_PRODUCER);
    if (b->pcie_high_size)
        aml_memory_window(d, b->pcie_high, b->pcie_high_size, AML_RANGE_PRODUCER);
    aml_end(d);
    aml_pci_osc(d);
    aml_end(d);
}

static void put_off_state(struct aml *d)
{
    aml_name(d, "_S5");
    aml_package_begin(d, 4);
    for (unsigned i = 0; i < 4; i++)
        aml_int(d, i == 0 ? ACPI_GED_SLP_TYP_OFF : 0);
    aml_end(d);
}

static uint32_t put_dsdt(struct acpi *a, const struct microvm *b)
{
    struct aml *d = aml_new();
    aml_scope_begin(d, "\\_SB");
    aml_fw_cfg_ports(d);
    put_isa(d, b);
    aml_ged(d, (uint32_t)MICROVM_GED, MICROVM_GED_PIN);
    for (unsigned i = 0; i < b->slots; i++)
        aml_virtio_mmio(d, i, (uint32_t)(MICROVM_VIRTIO + i * MICROVM_SLOT_SIZE), MICROVM_SLOT_SIZE,
                        microvm_slot_gsi(b, i));
    if (b->has_pcie)
        put_pci(d, b);
    aml_end(d);
    put_off_state(d);
    uint32_t at = acpi_put_dsdt(a, d);
    aml_free(d);
    return at;
}

/* ---- other tables ---- */

static void put_madt(struct acpi *a, const struct microvm *b)
{
    madt_pc_begin(a, b->has_pic);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        madt_pc_cpu(a, i, pc_apic_id(&b->m, i));
    for (unsigned i = 0; i < b->ioapics; i++)
        madt_pc_ioapic(a, (uint8_t)i, (uint32_t)(MICROVM_IOAPIC + i * MICROVM_IOAPIC_STEP),
                       i * IOAPIC_PINS);
    madt_pc_override(a, 0, MICROVM_PIT_PIN, 0);
    madt_pc_override(a, MICROVM_GED_PIN, MICROVM_GED_PIN, MADT_LEVEL_HIGH);
    madt_pc_nmi(a);
    acpi_end(a, true);
}

static struct acpi *make_acpi(const struct microvm *b)
{
    enum { LEGACY_DEVICES = 1, NO_VGA = 4, NO_RTC = 32 };
    uint16_t boot = (uint16_t)(LEGACY_DEVICES | NO_VGA | (b->has_rtc ? 0 : NO_RTC));
    struct acpi_reduced reduced = {.boot_flags = boot,
                                   .sleep = MICROVM_GED_REGS + ACPI_GED_SLEEP_CONTROL,
                                   .reset = MICROVM_GED_REGS + ACPI_GED_RESET,
                                   .reset_value = ACPI_GED_RESET_VALUE};
    struct acpi *a = acpi_new(b->oem_id, b->oem_table_id);
    uint32_t dsdt = put_dsdt(a, b);
    acpi_put_fadt(a, dsdt, &reduced);
    put_madt(a, b);
    if (b->has_pcie)
        acpi_put_mcfg(a, &(struct acpi_ecam){MICROVM_ECAM, MICROVM_ECAM_SIZE / ECAM_BUS_SIZE - 1});
    return a;
}

/* ---- the MP table ---- */

enum { MP_FLOATING = 16, MP_HEADER = 44, MP_LENGTH_AT = 4, MP_SUM_AT = 7, MP_COUNT_AT = 34 };
enum { MP_CPU = 0, MP_BUS = 1, MP_IOAPIC = 2, MP_IRQ = 3, MP_LOCAL_IRQ = 4 };
enum { MP_REVISION = 4, APIC_VERSION = 0x14, IOAPIC_VERSION = 0x20, ISA_BUS = 0 };
enum { TYPE_INT = 0, TYPE_NMI = 1, TYPE_EXTINT = 3, ALL_APICS = 0xff };

static void append(GByteArray *t, const void *bytes, guint n)
{
    g_byte_array_append(t, bytes, n);
    st_le16(t->data + MP_COUNT_AT, (uint16_t)(ld_le16(t->data + MP_COUNT_AT) + 1));
}

static void put_mp_cpus(GByteArray *t, const struct microvm *b)
{
    enum { USABLE = 1, BOOT = 2 };
    for (unsigned i = 0; i < b->m.ncpus && pc_apic_id(&b->m, i) < ALL_APICS; i++) {
        uint8_t e[20] = {MP_CPU, (uint8_t)pc_apic_id(&b->m, i), APIC_VERSION,
                         (uint8_t)(USABLE | (i == 0 ? BOOT : 0))};
        append(t, e, sizeof(e));
    }
}

static uint8_t mp_ioapic_id(const struct microvm *b, unsigned i)
{
    return (uint8_t)(MIN(pc_apic_id(&b->m, b->m.ncpus - 1), 253) + 1 + i);
}

static void put_mp_irq(GByteArray *t, uint8_t entry, uint8_t type, uint8_t line, uint8_t apic,
                       uint8_t pin)
{
    uint8_t e[8] = {entry, type, 0, 0, ISA_BUS, line, apic, pin};
    append(t, e, sizeof(e));
}

static void put_mp_entries(GByteArray *t, const struct microvm *b)
{
    uint8_t bus[8] = {MP_BUS, ISA_BUS, 'I', 'S', 'A', ' ', ' ', ' '};
    put_mp_cpus(t, b);
    append(t, bus, sizeof(bus));
    for (unsigned i = 0; i < b->ioapics; i++) {
        uint8_t e[8] = {MP_IOAPIC, mp_ioapic_id(b, i), IOAPIC_VERSION, 1};
        st_le32(e + 4, (uint32_t)(MICROVM_IOAPIC + i * MICROVM_IOAPIC_STEP));
        append(t, e, sizeof(e));
    }
    for (uint8_t n = 0; n < 16; n++)
        if (n != 2)
            put_mp_irq(t, MP_IRQ, TYPE_INT, n, mp_ioapic_id(b, 0), n == 0 ? MICROVM_PIT_PIN : n);
    put_mp_irq(t, MP_LOCAL_IRQ, TYPE_EXTINT, 0, ALL_APICS, 0);
    put_mp_irq(t, MP_LOCAL_IRQ, TYPE_NMI, 0, ALL_APICS, 1);
}

static uint8_t complement(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    while (n--)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

/* The table, with the structure that points to it in front. */
static GByteArray *make_mp(const struct microvm *b, gpa at)
{
    g_autoptr(GByteArray) t = g_byte_array_new();
    uint8_t header[MP_HEADER] = {'P', 'C', 'M', 'P', 0, 0, MP_REVISION};
    uint8_t floating[MP_FLOATING] = {'_', 'M', 'P', '_', 0, 0, 0, 0, 1, MP_REVISION};
    memcpy(header + 8, "TINAMOU MICROVM     ", 20);
    st_le32(header + 36, 0xfee00000);
    g_byte_array_append(t, header, sizeof(header));
    put_mp_entries(t, b);
    st_le16(t->data + MP_LENGTH_AT, (uint16_t)t->len);
    t->data[MP_SUM_AT] = complement(t->data, t->len);
    st_le32(floating + 4, (uint32_t)at + MP_FLOATING);
    floating[10] = complement(floating, sizeof(floating));
    GByteArray *all = g_byte_array_new();
    g_byte_array_append(all, floating, sizeof(floating));
    g_byte_array_append(all, t->data, t->len);
    return all;
}

/* ---- where they go ---- */

static bool put_acpi(struct microvm *b, struct error **errp)
{
    struct acpi *a = make_acpi(b);
    bool ok = b->has_firmware ? acpi_deliver(a, b->fw_cfg, errp)
                              : acpi_place(a, &b->m.as, MICROVM_TABLES,
                                           MICROVM_RSDP - MICROVM_TABLES, MICROVM_RSDP, errp);
    acpi_free(a);
    return ok;
}

bool microvm_put_tables(struct microvm *b, struct error **errp)
{
    if (b->acpi)
        return put_acpi(b, errp);
    if (b->has_firmware) /* which makes its own */
        return true;
    g_autoptr(GByteArray) mp = make_mp(b, MICROVM_RSDP);
    return load_blob(&b->m.as, MICROVM_RSDP, mp->data, mp->len, "MP table", errp);
}
