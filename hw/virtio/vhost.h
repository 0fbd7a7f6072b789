/*
 * The kernel's end of vhost: virtqueues that the host's kernel serves in guest memory.
 * Ref: Linux include/uapi/linux/vhost.h, vhost_types.h.
 *
 * A struct vhost belongs to one device; its calls are made with that device's lock held, except
 * what the memory map's changes bring about.  Guest memory that the kernel wrote is noted as
 * written by vhost_harvest(): the kernel logs it where it can.
 */
#ifndef HW_VIRTIO_VHOST_H
#define HW_VIRTIO_VHOST_H

#include "core/memory.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The system calls, for tests to put something else in their place.  They return -1 and errno. */
struct vhost_kernel {
    int (*open)(const char *path);
    int (*ioctl)(int fd, unsigned long request, void *arg);
};
extern const struct vhost_kernel vhost_linux;

/* A piece of guest RAM that the kernel knows. */
struct vhost_region {
    gpa base;
    uint64_t size, off;
    struct ram_block *ram;
};

struct vhost {
    const struct vhost_kernel *kernel;
    int fd;            /* -1: not open */
    uint64_t features; /* that the kernel offers */
    struct address_space *as;
    struct memory_listener listener;
    bool logs; /* the kernel sets bits of the log now */

    struct mutex lock; /* guards the rest; nothing but system calls while it is held */
    GArray *regions;   /* of struct vhost_region, by address */
    uint64_t *log;     /* a bit for each page from address 0 on; NULL: none yet */
    uint64_t log_size; /* bytes */
};

/* One ring, as the kernel is to take it up. */
struct vhost_ring {
    unsigned index;
    uint32_t num;
    uint16_t base; /* next entry of the available ring */
    const uint8_t *desc, *avail;
    uint8_t *used;
    gpa used_addr;
    int kick, call, err; /* eventfds */
};

/* Open path, or take take_fd unless that is negative; own it and tell it of the memory of as, now
 * and whenever that changes.  take_fd is closed on failure. */
bool vhost_open(struct vhost *h, const struct vhost_kernel *kernel, const char *path, int take_fd,
                struct address_space *as, struct error **errp) MUST_CHECK;
/* Also of one that is not open. */
void vhost_close(struct vhost *h);
/* One call; false and *errp, which says `what` could not be done. */
bool vhost_call(struct vhost *h, unsigned long request, void *arg, const char *what,
                struct error **errp) MUST_CHECK;
/* Settle on features, those of logging beside the driver's. */
bool vhost_set_features(struct vhost *h, uint64_t features, struct error **errp) MUST_CHECK;
bool vhost_set_ring(struct vhost *h, const struct vhost_ring *r, struct error **errp) MUST_CHECK;
/* Where a ring stands that the kernel does not serve any more. */
bool vhost_get_base(struct vhost *h, unsigned index, uint16_t *base,
                    struct error **errp) MUST_CHECK;
/* Note as written what the kernel has written since the last time; `stopped`: it will write no
 * more, so that a kernel without a log may be thought to have written everywhere. */
void vhost_harvest(struct vhost *h, bool stopped);

#endif
