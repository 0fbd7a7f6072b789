/*
 * AML of PCI root buses.
 * Ref: PCI Firmware Specification 3.3, 4.5 (_OSC); ACPI Specification 6.5, 6.2.13 (_PRT).
 */
#include "hw/acpi/aml_pci.h"

enum { PCI_SLOTS = 32, PCI_PINS = 4 };

/* ---- _OSC ---- */

/* CDWn |= bits. */
static void put_or(struct aml *d, const char *name, uint64_t bits)
{
    aml_op(d, AML_OR);
    aml_path(d, name);
    aml_int(d, bits);
    aml_path(d, name);
}

static void put_dword_field(struct aml *d, unsigned offset, const char *name)
{
    aml_create_dword(d);
    aml_arg(d, 3);
    aml_int(d, offset);
    aml_path(d, name);
}

enum { OSC_ALL = 0x1f /* hot plug, SHPC, PME, AER, Express capability */ };
enum { OSC_BAD_UUID = 0x04, OSC_BAD_REVISION = 0x08, OSC_MASKED = 0x10 };

/* The system may control all there is. */
static void put_osc_grant(struct aml *d)
{
    put_dword_field(d, 4, "CDW2");
    put_dword_field(d, 8, "CDW3");
    aml_op(d, AML_AND);
    aml_path(d, "CDW3");
    aml_int(d, OSC_ALL);
    aml_local(d, 0);
    aml_if_begin(d);
    aml_op(d, AML_LNOT);
    aml_op(d, AML_LEQUAL);
    aml_arg(d, 1);
    aml_int(d, 1);
    put_or(d, "CDW1", OSC_BAD_REVISION);
    aml_end(d);
    aml_if_begin(d);
    aml_op(d, AML_LNOT);
    aml_op(d, AML_LEQUAL);
    aml_path(d, "CDW3");
    aml_local(d, 0);
    put_or(d, "CDW1", OSC_MASKED);
    aml_end(d);
    aml_op(d, AML_STORE);
    aml_local(d, 0);
    aml_path(d, "CDW3");
}

void aml_pci_osc(struct aml *d)
{
    aml_method_begin(d, "_OSC", 4, true);
    put_dword_field(d, 0, "CDW1");
    aml_if_begin(d);
    aml_op(d, AML_LEQUAL);
    aml_arg(d, 0);
    aml_uuid(d, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    put_osc_grant(d);
    aml_end(d);
    aml_else_begin(d);
    put_or(d, "CDW1", OSC_BAD_UUID);
    aml_end(d);
    aml_op(d, AML_RETURN);
    aml_arg(d, 3);
    aml_end(d);
}

/* ---- _PRT ---- */

void aml_pci_routes(struct aml *d, const char *name, const char *const links[4])
{
    aml_name(d, name);
    aml_package_begin(d, PCI_SLOTS * PCI_PINS);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        for (unsigned pin = 0; pin < PCI_PINS; pin++) {
            aml_package_begin(d, 4);
            aml_int(d, slot << 16 | 0xffff);
            aml_int(d, pin);
            aml_path(d, links[(slot + pin) % PCI_PINS]);
            aml_int(d, 0);
            aml_end(d);
        }
    aml_end(d);
}

/* ---- links ---- */

static const char *const FIXED[PCI_PINS] = {"L000", "L001", "L002", "L003"};

void aml_fixed_link(struct aml *d, const char *name, unsigned uid, uint32_t gsi, enum aml_line line)
{
    aml_device_begin(d, name);
    aml_name_eisaid(d, "_HID", "PNP0C0F");
    aml_name_int(d, "_UID", uid);
    for (unsigned possible = 0; possible < 2; possible++) {
        aml_name(d, possible ? "_PRS" : "_CRS");
        aml_resources_begin(d);
        if (line == AML_LINE_PCI)
            aml_shared_irq(d, &gsi, 1);
        else
            aml_irq(d, gsi, false);
        aml_end(d);
    }
    aml_method_begin(d, "_SRS", 1, false); /* there is no other choice */
    aml_end(d);
    aml_end(d);
}

void aml_fixed_links(struct aml *d, uint32_t gsi, enum aml_line line)
{
    for (unsigned i = 0; i < PCI_PINS; i++)
        aml_fixed_link(d, FIXED[i], i, gsi + i, line);
}

void aml_fixed_routes(struct aml *d)
{
    aml_pci_routes(d, "_PRT", FIXED);
}
