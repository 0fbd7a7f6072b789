/*
 * Virtio over PCI.  Each virtio device type NAME-device has forms that are PCI functions: NAME-pci,
 * NAME-pci-transitional and NAME-pci-non-transitional, made by virtio_pci_deriver.  Such a function
 * carries the virtio device, a device of its own, inside.
 */
#ifndef HW_VIRTIO_PCI_H
#define HW_VIRTIO_PCI_H

#include "core/device.h"

/* The virtio device type that a derived type carries; NULL for any other type. */
const struct device_type *virtio_pci_inner(const struct device_type *type);
/* Create it inside a function that is not realized yet; its id is that of the function with
 * "/virtio-backend" after it. */
struct device *virtio_pci_create_inner(struct device *function);

#endif
