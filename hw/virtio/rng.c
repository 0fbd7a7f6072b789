/* Virtio entropy device.  Ref: VIRTIO 1.2, section 5.4. */
#include "core/clock.h"
#include "hw/virtio/rng_source.h"
#include "hw/virtio/virtio.h"

#include <glib.h>

enum { QUEUE_SIZE = 8, CHUNK = 4096, MAX_PER_REQUEST = 64 << 10 };
static const ns_t RETRY_NS = 10 * 1000 * 1000; /* when a source has nothing now */
static const ns_t NS_PER_MS = 1000 * 1000;

struct virtio_rng {
    struct virtio_device v;
    struct rng_source *source; /* NULL: getrandom() */
    uint64_t max_bytes;        /* in period ms */
    uint32_t period;
    struct timer again;
    bool waiting; /* again is armed: serve nothing before */
    struct virtio_rng_state {
        struct virtio_state v;
        uint64_t quota;     /* bytes left in this period */
        int64_t period_end; /* in virtual time */
    } s;
};

static void wait_until(struct virtio_rng *r, ns_t when)
{
    r->waiting = true;
    timer_set(&r->again, when);
}

/* Bytes that may be handed out now, at least as many as fit the period. */
static uint64_t allowance(struct virtio_rng *r)
{
    ns_t now = clock_now();
    if (now >= r->s.period_end) {
        r->s.quota = r->max_bytes;
        r->s.period_end = now + (ns_t)r->period * NS_PER_MS;
    }
    return r->s.quota;
}

/* Fill a chain with up to n bytes; how many there were. */
static uint64_t fill(struct virtio_rng *r, struct virtq_elem *e, uint64_t n)
{
    uint8_t buf[CHUNK];
    uint64_t done = 0;
    while (done < n) {
        long got = rng_source_read(r->source, buf, MIN(n - done, CHUNK));
        if (got <= 0)
            break;
        done += virtq_write(e, done, buf, (uint64_t)got);
    }
    r->s.quota -= done;
    return done;
}

static bool serve_one(struct virtio_rng *r, unsigned *budget)
{
    uint64_t quota = allowance(r);
    struct virtq_elem *e = virtq_next(&r->v, 0, budget);
    if (e == NULL)
        return false;
    if (quota == 0) {
        virtq_unpop(&r->v, e);
        wait_until(r, r->s.period_end);
        return false;
    }
    uint64_t done = fill(r, e, MIN(MIN(e->in_bytes, MAX_PER_REQUEST), quota));
    if (done == 0 && e->in_bytes) {
        virtq_unpop(&r->v, e);
        wait_until(r, clock_now() + RETRY_NS);
        return false;
    }
    virtq_push(&r->v, e, done);
    return true;
}

static void virtio_rng_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_rng *r = (struct virtio_rng *)v;
    if (r->waiting)
        return;
    unsigned budget = virtq_budget(v);
    while (serve_one(r, &budget))
        continue;
    virtq_interrupt(v, queue);
}

static void try_again(void *opaque)
{
    struct virtio_rng *r = opaque;
    r->waiting = false;
    virtio_rng_queue(&r->v, 0);
}

static uint64_t virtio_rng_features(struct virtio_device *v UNUSED)
{
    return 0;
}

static const struct virtio_class virtio_rng_vclass = {
    .id = VIRTIO_ID_ENTROPY,
    .features = virtio_rng_features,
    .queue = virtio_rng_queue,
};

static bool virtio_rng_realize(struct device *dev, struct error **errp)
{
    struct virtio_rng *r = (struct virtio_rng *)dev;
    if (r->max_bytes == 0 || r->period == 0) {
        error_set(errp, "max-bytes and period must not be 0");
        return false;
    }
    timer_init(&r->again, &dev->lock, try_again, r);
    virtio_init(&r->v, &virtio_rng_vclass, 1, QUEUE_SIZE, 0);
    return true;
}

static void virtio_rng_reset(struct device *dev)
{
    struct virtio_rng *r = (struct virtio_rng *)dev;
    timer_cancel(&r->again);
    r->waiting = false;
}

static void virtio_rng_unrealize(struct device *dev)
{
    virtio_rng_reset(dev);
    virtio_fini((struct virtio_device *)dev);
}

static const struct state_field virtio_rng_state[] = {
    STATE(virtio_rng, v, 0),
    STATE(virtio_rng, quota, 0),
    STATE(virtio_rng, period_end, 0),
    STATE_END,
};

static const struct prop virtio_rng_props[] = {
    PROP(prop_rng_source, virtio_rng, "rng", source, NULL, "id of an -object (default: builtin)"),
    PROP(prop_uint64, virtio_rng, "max-bytes", max_bytes, "9223372036854775807",
         "bytes handed out in a period"),
    PROP(prop_uint32, virtio_rng, "period", period, "65536", "the period in milliseconds"),
    VIRTIO_PROPS(virtio_rng),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_rng, "virtio-rng-device") = {
    .desc = "Virtio entropy device",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_rng_props,
    .state = virtio_rng_state,
    .realize = virtio_rng_realize,
    .unrealize = virtio_rng_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_can_save,
    .reset = virtio_rng_reset,
};
