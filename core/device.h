/*
 * The device model.  A device is a struct that starts with `struct device dev`, holds its
 * guest-visible state in a sub-struct `s`, and a const device_class; core derives reset, save and
 * load from the state table, the mapping from `mmio`, and takes dev->lock before every call into
 * the device.
 */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include "core/irq.h"
#include "core/memory.h"
#include "core/prop.h"
#include "core/state.h"
#include "util/thread.h"

struct device_class {
    const char *desc;       /* one line for -device help */
    const char *compatible; /* device-tree compatible, or NULL */
    const char *bus;        /* what it plugs into: "sysbus" (NULL), "virtio-mmio-bus", "PCI", ... */
    const char *node;       /* what firmware calls it where the bus does not tell, or NULL */
    bool user_creatable;    /* may be named by -device */
    struct mmio_ops mmio;   /* its one register block; size 0: none */
    const struct prop *props;
    const struct state_field *state;
    bool (*realize)(struct device *dev,
                    struct error **errp);  /* after properties, before the machine runs; optional */
    void (*unrealize)(struct device *dev); /* optional */
    void (*sync)(
        struct device *dev); /* recompute outputs (irq) from s: after reset and load; optional */
    void (*reset)(struct device *dev); /* beyond the state table (drop pending work); optional */
    /* Whether its state is all in s now, while no vCPU runs and no disk request is in flight; false
     * and *errp when it cannot be saved; optional. */
    bool (*can_save)(struct device *dev, struct error **errp);
    /* s was loaded and may hold anything: bring what indexes or sizes something into its range.
     * Before sync; optional. */
    void (*loaded)(struct device *dev);
    const struct drive_ops *drive; /* hw/drive.h: of devices with a disk, or NULL */
    const struct intc_view *intc;  /* core/intc.h: of interrupt controllers, or NULL */
};

/* What DEVICE_CLASS() exports: the class plus the sizes of its structs. */
struct device_type {
    const char *name; /* "ns16550" */
    const struct device_class *cls;
    size_t size;                  /* of struct NAME */
    size_t state_off, state_size; /* of its s */
};

struct device {
    const struct device_type *type;
    char *id; /* unique path component: from id=, or made by the board */
    struct mutex lock;
    struct irq irq; /* its one output line; devices with more declare their own struct irq */
    struct mem_region mmio; /* when the class has mmio */
    struct machine *machine;
    void *bus; /* what it was plugged into (bus type's own struct), or NULL */
    bool realized;
    struct device *next; /* machine's list, in creation order */
};

/* Defines `const struct device_type NAME_type` from `struct NAME`, `struct NAME_state`:
 *     DEVICE_CLASS(ns16550) = { .desc = ..., ... };                                       */
#define DEVICE_CLASS(n) DEVICE_CLASS_NAMED(n, #n)
#define DEVICE_CLASS_NAMED(n, text)                                                                \
    static const struct device_class n##_class;                                                    \
    const struct device_type n##_type = {text, &n##_class, sizeof(struct n),                       \
                                         offsetof(struct n, s), sizeof(((struct n *)0)->s)};       \
    static const struct device_class n##_class

/* Allocate, apply property defaults and add to the machine (NULL: to none, for unit tests). */
struct device *device_new(const struct device_type *type, struct machine *m, const char *id);
bool device_set(struct device *dev, const char *prop, const char *value,
                struct error **errp) MUST_CHECK;
/* Realize and reset. */
bool device_realize(struct device *dev, struct error **errp) MUST_CHECK;
/* State table, then cls->reset, then sync; takes the lock. */
void device_reset(struct device *dev);
void device_free(struct device *dev);
/* Bring s and the outputs up to date with the time; takes the lock. */
void device_sync(struct device *dev);
/* Under -d guest_errors / unimp, with the device's id in front. */
void dev_guest_error(struct device *dev, const char *fmt, ...) PRINTF(2, 3);
void dev_unimp(struct device *dev, const char *fmt, ...) PRINTF(2, 3);

#endif
