/* The virtio balloon as the monitor uses it: how much memory the guest keeps. */
#ifndef HW_VIRTIO_BALLOON_H
#define HW_VIRTIO_BALLOON_H

#include "core/device.h"

enum { BALLOON_STATS = 16 };

struct balloon_info {
    uint64_t actual;     /* bytes of RAM that the guest has: all but what is in the balloon */
    uint64_t target;     /* that it was asked to keep */
    int64_t last_update; /* of stats, seconds since 1970; 0: never */
    uint64_t stats[BALLOON_STATS]; /* by tag, UINT64_MAX: the guest does not tell */
};

/* The machine's balloon, or NULL. */
struct device *balloon_find(struct machine *m);
/* Ask the guest to keep `bytes` of its RAM; more than all of it means all.  Main thread. */
void balloon_set(struct device *dev, uint64_t bytes);
void balloon_get(struct device *dev, struct balloon_info *info);
/* Name of a statistic ("stat-free-memory"), NULL when the tag has none. */
const char *balloon_stat_name(unsigned tag);
/* Ask for statistics every so many seconds; 0: not at all.  Main thread. */
void balloon_set_polling(struct device *dev, uint32_t seconds);
uint32_t balloon_polling(struct device *dev);

#endif
