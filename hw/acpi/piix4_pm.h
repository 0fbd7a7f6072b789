/* The power management function of PIIX4: wiring. */
#ifndef HW_ACPI_PIIX4_PM_H
#define HW_ACPI_PIIX4_PM_H

#include "core/device.h"

/* The system control interrupt: connect it to line 9. */
struct irq *piix4_pm_sci(struct device *dev);
/* Where SMIs that software asks for by port 0xb2 go. */
struct irq *piix4_pm_smi(struct device *dev);
/* Where its ports are now, 0: nowhere.  Any thread. */
uint64_t piix4_pm_base(struct device *dev);
/* Something happened: bits of ACPI_PM1_* (hw/acpi/pm.h), such as the power button; any thread. */
void piix4_pm_event(struct device *dev, uint16_t bits);

#endif
