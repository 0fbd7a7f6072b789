/* AML of devices that several boards have.
 * Ref: ACPI Specification 6.5, 5.6.9 (event device), 6.4.2 (resources); virtio 1.2, 4.2.1. */
#include "hw/acpi/aml_devices.h"
#include "hw/acpi/ged.h"

#include <glib.h>

enum { STA_PRESENT = 0xb /* and enabled, and works */, STA_WORKS = 0xf };
enum { FW_CFG_PORT = 0x510, FW_CFG_PORTS = 12, POWER_BUTTON_PRESSED = 0x80 };

void aml_isa_device(struct aml *d, const struct aml_isa_device *r)
{
    aml_device_begin(d, r->name);
    aml_name_eisaid(d, "_HID", r->hid);
    aml_name_int(d, "_STA", STA_WORKS);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    for (unsigned i = 0; i < G_N_ELEMENTS(r->ports) && r->ports[i].len; i++)
        aml_ports(d, r->ports[i].base, r->ports[i].len);
    if (r->irq >= 0)
        aml_isa_irq(d, (unsigned)r->irq);
    if (r->dma >= 0)
        aml_isa_dma(d, (unsigned)r->dma);
    aml_end(d);
    aml_end(d);
}

void aml_virtio_mmio(struct aml *d, unsigned n, uint32_t base, uint32_t size, uint32_t gsi)
{
    g_autofree char *name = g_strdup_printf("VR%02u", n);
    aml_device_begin(d, name);
    aml_name_string(d, "_HID", "LNRO0005");
    aml_name_int(d, "_UID", n);
    aml_name_int(d, "_CCA", 1);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_memory32_fixed(d, base, size);
    aml_irq(d, gsi, true);
    aml_end(d);
    aml_end(d);
}

void aml_fw_cfg_ports(struct aml *d)
{
    aml_device_begin(d, "FWCF");
    aml_name_string(d, "_HID", "QEMU0002");
    aml_name_int(d, "_STA", STA_PRESENT);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_ports(d, FW_CFG_PORT, FW_CFG_PORTS);
    aml_end(d);
    aml_end(d);
}

void aml_processors(struct aml *d, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("C%03X", i);
        aml_device_begin(d, name);
        aml_name_string(d, "_HID", "ACPI0007");
        aml_name_int(d, "_UID", i);
        aml_end(d);
    }
}

static void put_power_button(struct aml *d)
{
    aml_device_begin(d, "PWRB");
    aml_name_eisaid(d, "_HID", "PNP0C0C");
    aml_name_int(d, "_UID", 0);
    aml_end(d);
}

/* Its events are bits of a register that reading clears. */
void aml_ged(struct aml *d, uint32_t base, uint32_t gsi)
{
    static const struct aml_field fields[] = {{"ESEL", 32}, {NULL, 0}};
    put_power_button(d);
    aml_device_begin(d, "GED0");
    aml_name_string(d, "_HID", "ACPI0013");
    aml_name_string(d, "_UID", "GED");
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_irq(d, gsi, false);
    aml_end(d);
    aml_region(d, "EREG", AML_SYSTEM_MEMORY, base, 4);
    aml_dword_fields(d, "EREG", fields);
    aml_method_begin(d, "_EVT", 1, true);
    aml_op(d, AML_STORE);
    aml_path(d, "ESEL");
    aml_local(d, 0);
    aml_if_begin(d);
    aml_op(d, AML_AND);
    aml_local(d, 0);
    aml_int(d, ACPI_GED_POWER_BUTTON);
    aml_no_target(d);
    aml_op(d, AML_NOTIFY);
    aml_path(d, "\\_SB.PWRB");
    aml_int(d, POWER_BUTTON_PRESSED);
    aml_end(d);
    aml_end(d);
    aml_end(d);
}
