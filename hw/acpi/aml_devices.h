/* AML of devices that several boards have. */
#ifndef HW_ACPI_AML_DEVICES_H
#define HW_ACPI_AML_DEVICES_H

#include "hw/acpi/aml.h"

/* A device of the ISA bus: ranges of ports (the first of length 0 ends them), a line and a DMA
 * channel, each -1 for none. */
struct aml_isa_device {
    const char *name, *hid;
    struct {
        uint16_t base;
        uint8_t len;
    } ports[3];
    int irq, dma;
};
void aml_isa_device(struct aml *d, const struct aml_isa_device *r);
/* Processors, C000 and on. */
void aml_processors(struct aml *d, unsigned n);
/* A virtio-mmio transport. */
void aml_virtio_mmio(struct aml *d, unsigned n, uint32_t base, uint32_t size, uint32_t gsi);
/* fw_cfg at I/O ports. */
void aml_fw_cfg_ports(struct aml *d);
/* The generic event device (hw/acpi/ged.h), and the power button that it tells of. */
void aml_ged(struct aml *d, uint32_t base, uint32_t gsi);

#endif
