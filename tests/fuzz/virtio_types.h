/* Every virtio device for the harness of hostile rings, with what each needs behind it. */
#ifndef TESTS_FUZZ_VIRTIO_TYPES_H
#define TESTS_FUZZ_VIRTIO_TYPES_H

#include "core/device.h"

/* The which-th type (any number will do). */
const struct device_type *fuzz_virtio_type(uint64_t which);
/* Properties that it must have; before it is plugged. */
bool fuzz_virtio_set_up(struct device *dev, bool read_only);
/* What plugs into it; once it is realized. */
void fuzz_virtio_fill(struct device *dev);
/* After the machine is gone. */
void fuzz_virtio_clean(void);

#endif
