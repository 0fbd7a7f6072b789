/* The virtio-mmio transport's wiring. */
#ifndef HW_VIRTIO_MMIO_H
#define HW_VIRTIO_MMIO_H

#include "core/device.h"

/* Whether some device is plugged in. */
bool virtio_mmio_in_use(const struct device *transport);
/* Plug a virtio device into a transport without a bus; for tests. */
void virtio_mmio_attach(struct device *transport, struct device *dev);

#endif
