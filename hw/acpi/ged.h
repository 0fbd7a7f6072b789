/* The generic event device as boards see it. */
#ifndef HW_ACPI_GED_H
#define HW_ACPI_GED_H

#include "core/device.h"

enum { ACPI_GED_POWER_BUTTON = 2 }; /* bits of its register */

/* Something happened.  Any thread. */
void acpi_ged_event(struct device *dev, uint32_t event);

#endif
