/* Finding devices with disks. */
#include "hw/drive.h"
#include "core/machine.h"

struct device *drive_next(struct machine *m, struct device *dev)
{
    for (dev = dev ? dev->next : m->devices; dev; dev = dev->next)
        if (dev->type->cls->drive && dev->realized)
            return dev;
    return NULL;
}

struct device *drive_of_node(struct machine *m, const struct block_node *b)
{
    for (struct device *dev = NULL; m && (dev = drive_next(m, dev));) {
        struct drive_status s = {0};
        dev->type->cls->drive->status(dev, &s);
        if (s.medium == b)
            return dev;
    }
    return NULL;
}
