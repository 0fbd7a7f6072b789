/* The PCI transport, shared by its registers and its types. */
#ifndef HW_VIRTIO_PCI_PRIV_H
#define HW_VIRTIO_PCI_PRIV_H

#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

enum virtio_pci_form { VIRTIO_PCI_ANY, VIRTIO_PCI_TRANSITIONAL, VIRTIO_PCI_NON_TRANSITIONAL };

/* What PCI wants to know of a kind of virtio device, by the stem of its name. */
struct virtio_pci_kind {
    const char *stem;     /* "virtio-rng" */
    uint32_t class_code;  /* base and sub class */
    unsigned max_vectors; /* by default there is one for each queue and the configuration */
};

/* A derived device type. */
struct virtio_pci_type {
    struct device_type type;
    struct device_class cls;
    const struct device_type *inner;
    const struct virtio_pci_kind *kind;
    enum virtio_pci_form form;
};

struct virtio_pci {
    struct pci_device pci;
    struct virtio_device *v;
    struct hw_bus bus; /* that v is on; not announced */
    char *disable_legacy, *ioeventfd;
    bool disable_modern, page_per_vq;
    uint32_t vectors;
    bool has_legacy, has_modern;
    struct mem_region legacy, modern;
    uint32_t notify_stride; /* bytes between the notify registers of two queues */
    uint8_t window_cap;     /* the capability by which registers are reached without a BAR */
    struct virtio_pci_state {
        struct pci_state pci;
        uint64_t driver_features; /* as written, word by word */
        uint32_t device_features_sel, driver_features_sel;
        uint16_t queue_sel;
        uint8_t pad[6];
    } s;
};

extern const struct device_class virtio_pci_class; /* that derived classes are copies of */

static inline const struct virtio_pci_type *virtio_pci_type_of(const struct device_type *t)
{
    return (const struct virtio_pci_type *)(const void *)t; /* its first member */
}

#endif
