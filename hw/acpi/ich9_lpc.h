/* The LPC bridge of ICH9: wiring. */
#ifndef HW_ACPI_ICH9_LPC_H
#define HW_ACPI_ICH9_LPC_H

#include "hw/isa/isa.h"

/* Its ISA bus. */
struct isa_bus *ich9_isa(struct device *dev);
/* The system control interrupt: connect it to line 9. */
struct irq *ich9_sci(struct device *dev);
/* PCI interrupt line n of a host bridge as hw/pci counts them, 0 to 3, which are PIRQE to PIRQH: an
 * irq_handler whose opaque is the bridge. */
void ich9_pirq(void *opaque, unsigned n, bool level);
/* The same for an I/O APIC: pin 20 + n. */
struct irq *ich9_apic_line(struct device *dev, unsigned n);
/* SMI of the processor whose access brought it about; and of all of them. */
struct irq *ich9_smi(struct device *dev);
struct irq *ich9_smi_all(struct device *dev);
/* Offer firmware, by fw_cfg, that SMIs by port 0xb2 are broadcast. */
bool ich9_offer_smi_features(struct device *dev, struct device *fw_cfg,
                             struct error **errp) MUST_CHECK;
/* Where its power management ports are now, 0: nowhere.  Any thread. */
uint64_t ich9_pm_base(struct device *dev);
/* The machine goes to sleep: remember where that is; it wakes up after a reset: show it again.  The
 * machine paused. */
void ich9_sleep(struct device *dev);
void ich9_wake(struct device *dev);
/* Something happened: bits of ACPI_PM1_* (hw/acpi/pm.h), such as the power button; any thread. */
void ich9_pm_event(struct device *dev, uint16_t bits);

#endif
