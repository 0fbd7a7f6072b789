/* Every device type, for -device help, -device NAME and -global NAME.prop=value. */
#ifndef HW_REGISTRY_H
#define HW_REGISTRY_H

#include "core/device.h"

/* NULL-terminated, sorted by name. */
extern const struct device_type *const hw_device_types[];

/* The type of that name, or NULL. */
const struct device_type *hw_device_find(const char *name);
/* The same for -device: NULL with *errp (and the nearest name) when there is none or users may not
 * create it. */
const struct device_type *hw_device_find_creatable(const char *name,
                                                   struct error **errp) MUST_CHECK;

#endif
