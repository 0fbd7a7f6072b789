/* vhost-vsock, as its tests see it. */
#ifndef HW_VIRTIO_VSOCK_H
#define HW_VIRTIO_VSOCK_H

#include "core/device.h"

struct vhost_kernel;

/* Before it is realized: have these calls stand for the host's kernel. */
void vhost_vsock_use_kernel(struct device *dev, const struct vhost_kernel *kernel);

#endif
