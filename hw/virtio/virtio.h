/*
 * The virtio core: what every virtio device is, whatever transport carries it.
 * Ref: Virtual I/O Device (VIRTIO) Version 1.2, OASIS, 2022; section numbers in the code are of
 * that text.
 *
 * A device is `struct NAME { struct virtio_device v; ...; struct NAME_state { struct virtio_state
 * v; ... } s; }`. All of it, the queues included, is guarded by its own dev.lock; the transport's
 * lock comes before it.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "core/clock.h"
#include "core/device.h"

#include <sys/uio.h>

enum { VIRTIO_MAX_QUEUES = 64, VIRTIO_MAX_SEGMENTS = 1024, VIRTIO_MAX_QUEUE_SIZE = 1024 };

enum {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_ENTROPY = 4,
    VIRTIO_ID_BALLOON = 5,
    VIRTIO_ID_SCSI = 8,
    VIRTIO_ID_9P = 9,
    VIRTIO_ID_INPUT = 18,
    VIRTIO_ID_VSOCK = 19,
};
enum { /* device status */
       VIRTIO_ACKNOWLEDGE = 1,
       VIRTIO_DRIVER = 2,
       VIRTIO_DRIVER_OK = 4,
       VIRTIO_FEATURES_OK = 8,
       VIRTIO_NEEDS_RESET = 64,
       VIRTIO_FAILED = 128,
};
enum { /* feature bits of every device */
       VIRTIO_F_ANY_LAYOUT = 27,
       VIRTIO_F_INDIRECT_DESC = 28,
       VIRTIO_F_EVENT_IDX = 29,
       VIRTIO_F_VERSION_1 = 32,
       VIRTIO_F_ACCESS_PLATFORM = 33,
       VIRTIO_F_RING_PACKED = 34,
       VIRTIO_F_RING_RESET = 40,
};
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

struct virtio_queue_state {
    uint64_t desc, avail, used; /* guest physical addresses of the three parts */
    uint32_t num;               /* entries, a power of two; 0: not set up */
    uint32_t align;             /* legacy layout: of the used ring */
    uint16_t last_avail;        /* next entry of the available ring to look at */
    uint16_t used_idx;
    uint16_t signalled; /* used_idx when the driver was last interrupted */
    uint8_t signalled_valid;
    uint8_t ready;
    uint16_t vector; /* PCI: 1 + the MSI-X vector of its interrupts, 0: none */
    uint8_t avail_wrapped, used_wrapped, signalled_wrapped; /* packed: laps, modulo 2 */
    uint8_t pad[3];
};

struct virtio_state {
    uint64_t features; /* accepted by the driver */
    uint32_t generation;
    uint8_t status;
    uint8_t isr;
    uint8_t broken; /* the driver broke the ring: nothing moves until a reset */
    uint8_t pad[7];
    uint16_t config_vector; /* PCI: 1 + the MSI-X vector of configuration changes, 0: none */
    struct virtio_queue_state q[VIRTIO_MAX_QUEUES];
};

/* A queue's rings where they lie in host memory; NULL while it is not ready. */
struct virtq {
    const uint8_t *desc, *avail;
    uint8_t *used;
    struct ram_block *used_ram;
    uint8_t *ring; /* packed: desc, writable */
    struct ram_block *ring_ram;
    unsigned in_flight; /* popped and not yet pushed */
};

/* A descriptor chain.  iov: nout segments to read from, then nin to write to. */
struct virtq_elem {
    uint16_t queue, head;
    unsigned nout, nin;
    uint64_t out_bytes, in_bytes;
    struct iovec *iov;
    struct ram_block **ram; /* that each segment lies in */
    uint16_t descs;         /* packed: entries of the ring it takes */
};

struct virtio_device;

enum virtio_thread {
    VIRTIO_ON_VCPU,         /* always on the thread of the vCPU that notified */
    VIRTIO_OWN_IF_ASKED,    /* on a thread of the device's own with ioeventfd=on or iothread=ID */
    VIRTIO_OWN_UNLESS_ASKED /* there, but with ioeventfd=off on the vCPU's */
};

/* Called with dev.lock held. */
struct virtio_class {
    uint16_t id;                                   /* VIRTIO_ID_* */
    uint64_t (*features)(struct virtio_device *v); /* beside those of every device */
    /* The driver has settled on a set of features; optional. */
    void (*negotiated)(struct virtio_device *v);
    /* Write config_size bytes of configuration space; optional when that is 0. */
    void (*config_read)(struct virtio_device *v, uint8_t *config);
    void (*config_write)(struct virtio_device *v, uint32_t off, unsigned size, uint32_t val);
    /* The driver made buffers available, or became ready. */
    void (*queue)(struct virtio_device *v, unsigned queue);
    /* The driver resets this queue: let go of chains that are kept back; what is in flight will be
     * waited for.  Optional. */
    void (*queue_reset)(struct virtio_device *v, unsigned queue);
    /* Something changed that virtq_is_live() looks at, other than by the device itself.  Optional;
     * for devices whose queues somebody else serves. */
    void (*live_changed)(struct virtio_device *v);
    /* Where queue is called after a notification; docs/decisions/0006 says what pays. */
    enum virtio_thread thread;
};

/* What an interrupt is about, beside the number of a queue. */
enum { VIRTIO_EVENT_CONFIG = VIRTIO_MAX_QUEUES, VIRTIO_EVENT_NONE /* isr may have changed */ };

/* What a transport does for its device.  Called with the device's lock held. */
struct virtio_transport_ops {
    void (*interrupt)(struct device *transport, struct virtio_device *v, unsigned event);
    /* Whether the device may reach memory now; optional, any thread. */
    bool (*may_dma)(const struct device *transport);
};

struct virtio_device {
    struct device dev;
    const struct virtio_class *vcls; /* NULL until realized */
    struct device *transport;
    const struct virtio_transport_ops *transport_ops;
    bool modern; /* the transport speaks virtio 1 */
    unsigned nqueues, queue_max, config_size;
    bool indirect_desc, event_idx, any_layout; /* properties: what to offer */
    bool packed, iommu_platform, queue_reset;
    struct cond drained;          /* a queue has no chain in flight any more */
    struct virtio_worker *worker; /* of a threaded class */
    bool use_worker;
    struct iothread *iothread; /* property of classes with VIRTIO_OWN_IF_ASKED; NULL: none */
    struct timer again;        /* for queues whose turn ran out */
    uint64_t again_queues;     /* a bit each */
    struct virtq vq[VIRTIO_MAX_QUEUES];
    struct iovec scratch_iov[VIRTIO_MAX_SEGMENTS];
    struct ram_block *scratch_ram[VIRTIO_MAX_SEGMENTS];
};

/* Properties that every virtio device has. */
#define VIRTIO_PROPS(type)                                                                         \
    PROP(prop_bool, type, "indirect_desc", v.indirect_desc, "on", "offer indirect descriptors"),   \
        PROP(prop_bool, type, "event_idx", v.event_idx, "on", "offer event indices"),              \
        PROP(prop_bool, type, "any_layout", v.any_layout, "on",                                    \
             "offer any buffer layout (legacy)"),                                                  \
        PROP(prop_bool, type, "packed", v.packed, "off", "offer packed rings (virtio 1)"),         \
        PROP(prop_bool, type, "iommu_platform", v.iommu_platform, "off",                           \
             "offer access through the platform's DMA rules (virtio 1)"),                          \
        PROP(prop_bool, type, "queue_reset", v.queue_reset, "on",                                  \
             "offer to reset queues one by one (virtio 1)")

/* For realize of a device: nqueues queues of at most queue_max entries (a power of two). */
void virtio_init(struct virtio_device *v, const struct virtio_class *vcls, unsigned nqueues,
                 unsigned queue_max, unsigned config_size);
/* How many request queues a device has whose user did not say: on PCI, where each may have an
 * interrupt of its own, one for each CPU, at most max; else 1. */
unsigned virtio_default_queues(const struct virtio_device *v, unsigned max);
/* For transports: what their property asks for (on, off, or auto, the class's own choice), and
 * telling the device. */
enum virtio_thread_wish { VIRTIO_THREAD_AUTO, VIRTIO_THREAD_ON, VIRTIO_THREAD_OFF };
bool virtio_parse_ioeventfd(const char *text, enum virtio_thread_wish *wish,
                            struct error **errp) MUST_CHECK;
void virtio_choose_thread(struct virtio_device *v, enum virtio_thread_wish wish);
/* For unrealize. */
void virtio_fini(struct virtio_device *v);
/* The .sync of every virtio device: maps the queues and drives the interrupt after reset and load.
 */
void virtio_sync(struct device *dev);
/* The .can_save of virtio devices that answer every request in time: none may be in flight. */
bool virtio_can_save(struct device *dev, struct error **errp);
struct virtio_state *virtio_state(struct virtio_device *v);
bool virtio_has(struct virtio_device *v, unsigned feature);
/* The configuration changed: next generation, interrupt. */
void virtio_config_changed(struct virtio_device *v);

/* Queues.  All with dev.lock held. */
/* The next chain, or NULL when there is none (or the ring is broken); end it by virtq_push() or
 * virtq_drop(). */
struct virtq_elem *virtq_pop(struct virtio_device *v, unsigned queue);
/* virtq_pop() for loops: after *budget chains (start with virtq_budget()) the rest waits for the
 * main loop, so that a guest that feeds a queue without end does not hold its vCPU here for ever.
 */
struct virtq_elem *virtq_next(struct virtio_device *v, unsigned queue, unsigned *budget);
unsigned virtq_budget(const struct virtio_device *v);
/* Look at the queue from the main loop as soon as the machine runs. */
void virtq_again(struct virtio_device *v, unsigned queue);
/* Put take_e on the used ring with `written` bytes of its in segments filled, and free it; no
 * interrupt yet. */
void virtq_push(struct virtio_device *v, struct virtq_elem *take_e, uint64_t written);
/* The same for n chains of one queue that the driver must see at once: buffers of one packet. */
void virtq_push_many(struct virtio_device *v, struct virtq_elem *const *take_e,
                     const uint64_t *written, unsigned n);
/* Free a chain that the device will not answer: after a reset. */
void virtq_drop(struct virtio_device *v, struct virtq_elem *take_e);
/* Put a chain that was popped last back, as if it had not been. */
void virtq_unpop(struct virtio_device *v, struct virtq_elem *take_e);
/* Interrupt the driver, if it wants that, for what was pushed since the last time. */
void virtq_interrupt(struct virtio_device *v, unsigned queue);
bool virtq_is_live(struct virtio_device *v, unsigned queue);
/* Copy from the out or to the in segments, starting off bytes in; returns how many bytes there
 * were. */
uint64_t virtq_read(const struct virtq_elem *e, uint64_t off, void *buf, uint64_t n);
uint64_t virtq_write(const struct virtq_elem *e, uint64_t off, const void *buf, uint64_t n);

/* For transports; they take dev.lock themselves. */
uint64_t virtio_offered(struct virtio_device *v);
void virtio_accept(struct virtio_device *v, uint64_t features);
void virtio_set_status(struct virtio_device *v, uint8_t status); /* 0: reset */
uint32_t virtio_config_get(struct virtio_device *v, uint64_t off, unsigned size);
void virtio_config_set(struct virtio_device *v, uint64_t off, unsigned size, uint32_t val);
void virtio_notify(struct virtio_device *v, unsigned queue);
void virtio_isr_ack(struct virtio_device *v, uint8_t bits);
/* Read and clear. */
uint8_t virtio_isr_take(struct virtio_device *v);
/* Whether the device may reach memory changed: look at every queue that is live now. */
void virtio_kick(struct virtio_device *v);
/* Start (map) or stop a queue whose addresses and size are in its state. */
void virtio_queue_enable(struct virtio_device *v, unsigned queue, bool on);
/* Stop a queue, wait for what is in flight, and forget its addresses and size; nothing unless the
 * driver accepted VIRTIO_F_RING_RESET.  Section 2.6.1. */
void virtio_queue_reset(struct virtio_device *v, unsigned queue);

/* Within hw/virtio/. */
struct virtio_worker *virtio_worker_new(struct virtio_device *v);
void virtio_worker_free(struct virtio_worker *w);
/* Have queue looked at soon; any thread, dev.lock not needed. */
void virtio_worker_kick(struct virtio_worker *w, unsigned queue);
bool virtio_queue_size_ok(struct virtio_device *v, uint32_t n);
bool virtq_map(struct virtio_device *v, unsigned queue);
void virtq_unmap(struct virtio_device *v, unsigned queue);
void virtio_break(struct virtio_device *v, unsigned queue, const char *why);

#endif
