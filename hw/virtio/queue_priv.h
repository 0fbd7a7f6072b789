/* Shared by the two layouts of virtqueues: chains and what they are made of. */
#ifndef HW_VIRTIO_QUEUE_PRIV_H
#define HW_VIRTIO_QUEUE_PRIV_H

#include "hw/virtio/virtio.h"

enum { DESC_SIZE = 16, DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

struct virtq_desc {
    gpa addr;
    uint32_t len;
    uint16_t flags, next; /* next: in a packed ring the id of the buffer */
};

/* A chain being collected in the device's scratch arrays. */
struct virtq_chain {
    unsigned nout, nin;
    uint64_t out_bytes, in_bytes;
};

static inline struct virtio_queue_state *virtq_state(struct virtio_device *v, unsigned queue)
{
    return &virtio_state(v)->q[queue];
}

/* A descriptor as it is now: copied once, so that the guest cannot change it under a check. */
struct virtq_desc virtq_load_desc(const uint8_t *at);
/* Add one descriptor's memory; NULL, or what is wrong with it. */
const char *virtq_add_segment(struct virtio_device *v, struct virtq_chain *c,
                              const struct virtq_desc *d);
/* Host memory of an indirect table of *n descriptors, or NULL with what is wrong in *wrong. */
const uint8_t *virtq_indirect_table(struct virtio_device *v, const struct virtq_desc *d,
                                    unsigned *n, const char **wrong);
struct virtq_elem *virtq_elem_new(struct virtio_device *v, unsigned queue, uint16_t head,
                                  const struct virtq_chain *c);
/* Host memory of a whole ring part; NULL unless all of it is RAM in one piece and aligned. */
uint8_t *virtq_map_part(struct virtio_device *v, gpa addr, uint64_t len, unsigned align,
                        bool writable, struct ram_block **ram);

/* The packed layout. */
static inline bool virtq_is_packed(struct virtio_device *v)
{
    return virtio_has(v, VIRTIO_F_RING_PACKED);
}
bool packed_map(struct virtio_device *v, unsigned queue);
struct virtq_elem *packed_pop(struct virtio_device *v, unsigned queue);
void packed_unpop(struct virtio_device *v, const struct virtq_elem *e);
/* Write n used descriptors; the driver sees all of them or none. */
void packed_put_used(struct virtio_device *v, struct virtq_elem *const *e, const uint64_t *written,
                     unsigned n);
bool packed_wants_interrupt(struct virtio_device *v, unsigned queue);

#endif
