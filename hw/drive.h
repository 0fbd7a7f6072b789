/* Devices with a disk in them, for the monitor: what is in, what goes in and out, another size. */
#ifndef HW_DRIVE_H
#define HW_DRIVE_H

#include "core/device.h"

struct block_node;

struct drive_status {
    const char *name;          /* of the -drive, or NULL; its media have it in turn */
    struct block_node *medium; /* NULL: empty */
    bool is_removable, has_tray, is_open, is_locked, is_cd;
};

/* A device class has one when its devices have a block node.  Main thread, no lock held. */
struct drive_ops {
    void (*status)(const struct device *dev, struct drive_status *out);
    /* Open or close the tray; false with *errp when the guest has locked it, unless forced. */
    bool (*move_tray)(struct device *dev, bool open, bool force, struct error **errp);
    /* Put a medium in, or take it out (NULL); the tray must be open. */
    bool (*set_medium)(struct device *dev, struct block_node *medium, struct error **errp);
    /* Tell the guest that the medium has another size now. */
    void (*resized)(struct device *dev);
};

/* The next device with a drive; NULL begins and ends. */
struct device *drive_next(struct machine *m, struct device *dev);
/* The device that has b, or NULL. */
struct device *drive_of_node(struct machine *m, const struct block_node *b);

#endif
