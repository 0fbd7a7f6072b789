/* What firmware starts from, and in which order: bootindex of devices, and their names for
 * firmware. */
#ifndef HW_BOOT_ORDER_H
#define HW_BOOT_ORDER_H

#include "core/device.h"

/* The property bootindex: an int32_t, -1 when the device has no place in the order.  No two devices
 * may have the same. */
extern const struct prop_kind prop_bootindex;
/* node: what lies inside the device and is started ("disk@0,0"); NULL: the device itself. */
#define PROP_BOOTINDEX(type, field, node) PROP_BOOTINDEX_NAMED("bootindex", type, field, node)
#define PROP_BOOTINDEX_NAMED(pname, type, field, node)                                             \
    {                                                                                              \
        pname, &prop_bootindex, offsetof(struct type, field), "-1",                                \
            "place in the order in which firmware tries devices (-1: none)", node                  \
    }

/* The path of a device as firmware knows it, from the buses that it is on
 * ("/pci@i0cf8/scsi@3"; IEEE 1275, 4.3); the caller frees it. */
char *boot_path(const struct device *dev);
/* What else has a place in the order, by its path. */
struct boot_entry {
    int32_t index;
    const char *path;
};
/* Paths of all devices with a bootindex and of n others, each followed by a newline, the lowest
 * first; the caller frees it.  Main thread. */
char *boot_order(struct machine *m, const struct boot_entry *others, size_t n);
/* The device that has this bootindex, or NULL. */
const struct device *boot_index_holder(struct machine *m, int32_t index);

#endif
