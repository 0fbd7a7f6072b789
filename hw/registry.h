/* Every device type, for -device help, -device NAME and -global NAME.prop=value. */
#ifndef HW_REGISTRY_H
#define HW_REGISTRY_H

#include "core/device.h"

/* Makes further types of one: its forms for another bus. */
enum { MAX_DERIVED_TYPES = 4 };
struct device_deriver {
    /* Fill out with up to MAX_DERIVED_TYPES types that live for ever; how many there are. */
    unsigned (*derive)(const struct device_type *from, const struct device_type **out);
};

/* Every type, NULL-terminated: those that are written down, then those derived from them. */
const struct device_type *const *hw_device_types(void);

/* The type of that name, or NULL. */
const struct device_type *hw_device_find(const char *name);
/* The same for -device: NULL with *errp (and the nearest name) when there is none or users may not
 * create it. */
const struct device_type *hw_device_find_creatable(const char *name,
                                                   struct error **errp) MUST_CHECK;

#endif
