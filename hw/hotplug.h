/* Devices that come and go while the machine runs.  Main thread only. */
#ifndef HW_HOTPLUG_H
#define HW_HOTPLUG_H

#include "hw/bus.h"

/* Whether a device of this type may be plugged in now: into the bus named bus_id, or the one that
 * hw_bus_plug() would take when that is NULL. */
bool hw_hotplug_check(struct machine *m, const struct device_type *type, const char *bus_id,
                      struct error **errp) MUST_CHECK;
/* dev has just been realized on a bus that passed the check: its guest is told. */
void hw_hotplug_added(struct device *dev);
/* Have the guest let go of dev.  It is gone when DEVICE_DELETED was sent, which may be now. */
bool hw_hotplug_unplug(struct device *dev, struct error **errp) MUST_CHECK;
/* For buses: free dev and what is plugged into it; the machine must be paused.  Sends
 * DEVICE_DELETED for each. */
void hw_hotplug_remove(struct device *dev);

#endif
