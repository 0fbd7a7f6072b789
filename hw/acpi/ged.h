/* The generic event device as boards see it. */
#ifndef HW_ACPI_GED_H
#define HW_ACPI_GED_H

#include "core/device.h"

enum { ACPI_GED_POWER_BUTTON = 2 }; /* bits of its register */

/* The sleep control, sleep status and reset registers of a reduced-hardware platform, a byte each,
 * are the device "acpi-ged-regs". */
enum { ACPI_GED_SLEEP_CONTROL, ACPI_GED_SLEEP_STATUS, ACPI_GED_RESET, ACPI_GED_REGS };
enum { ACPI_GED_SLP_TYP_OFF = 5, ACPI_GED_RESET_VALUE = 0x42 };

/* Something happened.  Any thread. */
void acpi_ged_event(struct device *dev, uint32_t event);

#endif
