/* Wiring of the Stellaris flash controller, "stellaris-flash". */
#ifndef HW_MISC_STELLARIS_FLASH_H
#define HW_MISC_STELLARIS_FLASH_H

#include "core/device.h"

/* Before realize: the system control with the protection registers, and where the flash lies. */
void stellaris_flash_connect(struct device *dev, struct device *system_control, gpa base,
                             uint64_t size);

#endif
