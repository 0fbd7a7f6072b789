/* SCSI disks and CD-ROM drives, for the monitor: what goes in and out of a drive. */
#ifndef HW_SCSI_DISK_H
#define HW_SCSI_DISK_H

#include "core/device.h"

struct block_node;

/* Whether dev is one of these, with a medium that can be changed. */
bool scsi_disk_is_removable(const struct device *dev);
/* Open or close the tray; false with *errp when the guest has locked it, unless forced.  Main
 * thread. */
bool scsi_disk_move_tray(struct device *dev, bool open, bool force, struct error **errp) MUST_CHECK;
/* Take the medium out and put another in (NULL: none); the tray must be open.  Main thread. */
bool scsi_disk_set_medium(struct device *dev, struct block_node *medium,
                          struct error **errp) MUST_CHECK;
struct block_node *scsi_disk_medium(const struct device *dev);
bool scsi_disk_tray_is_open(const struct device *dev);
bool scsi_disk_is_locked(const struct device *dev);
/* What it is called; never NULL. */
const char *scsi_disk_product(const struct device *dev);
const char *scsi_disk_version(const struct device *dev);
const char *scsi_disk_serial(const struct device *dev);

#endif
