/*
 * Virtio 9P transport: a shared directory of the host.  Ref: VIRTIO 1.2, section 5.11 (device id);
 * the configuration is a feature bit and the mount tag, as in Linux's virtio_9p.h.
 *
 * A request may wait for the host's disk, so a thread of the device's own serves them, in order,
 * with no lock held.
 */
#include "fsdev/fsdev.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { F_MOUNT_TAG = 0, QUEUE_SIZE = 128, MAX_TAG = 254 };

struct virtio_9p {
    struct virtio_device v;
    struct fsdev *fsdev;
    char *mount_tag;
    struct p9_server *server; /* the thread's, or the reset's while the thread is idle */
    pthread_t thread;
    struct cond work, idle;
    GQueue pending; /* struct virtq_elem * */
    bool busy;      /* the thread serves one */
    bool resetting, quit;
    struct virtio_9p_state {
        struct virtio_state v;
    } s;
};

static struct virtq_elem *next_request(struct virtio_9p *d) REQUIRES(d->v.dev.lock)
{
    while (!d->quit && g_queue_is_empty(&d->pending))
        cond_wait(&d->work, &d->v.dev.lock);
    return d->quit ? NULL : g_queue_pop_head(&d->pending);
}

static void answer(struct virtio_9p *d, struct virtq_elem *e, size_t n) REQUIRES(d->v.dev.lock)
{
    unsigned queue = e->queue;
    if (d->resetting) {
        virtq_drop(&d->v, e);
        return;
    }
    virtq_push(&d->v, e, n);
    virtq_interrupt(&d->v, queue);
}

static void *serve(void *arg)
{
    struct virtio_9p *d = arg;
    struct virtq_elem *e;
    mutex_lock(&d->v.dev.lock);
    while ((e = next_request(d))) {
        d->busy = true;
        mutex_unlock(&d->v.dev.lock);
        size_t n = p9_server_handle(d->server, e->iov, e->nout, e->iov + e->nout, e->nin);
        mutex_lock(&d->v.dev.lock);
        d->busy = false;
        answer(d, e, n);
        cond_broadcast(&d->idle);
    }
    mutex_unlock(&d->v.dev.lock);
    return NULL;
}

static void virtio_9p_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_9p *d = (struct virtio_9p *)v;
    struct virtq_elem *e;
    if (d->resetting)
        return;
    unsigned budget = virtq_budget(v);
    while ((e = virtq_next(v, queue, &budget)))
        g_queue_push_tail(&d->pending, e);
    cond_signal(&d->work);
}

static uint64_t virtio_9p_features(struct virtio_device *v UNUSED)
{
    return BIT64(F_MOUNT_TAG);
}

static void virtio_9p_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_9p *d = (const struct virtio_9p *)v;
    size_t n = strlen(d->mount_tag);
    st_le16(config, (uint16_t)n);
    memcpy(config + 2, d->mount_tag, n);
}

static const struct virtio_class virtio_9p_vclass = {
    .id = VIRTIO_ID_9P,
    .features = virtio_9p_features,
    .config_read = virtio_9p_config_read,
    .queue = virtio_9p_queue,
};

/* Drop what waits, and let the thread finish what it serves: it writes to guest memory. */
static void virtio_9p_reset(struct device *dev) REQUIRES(dev->lock)
{
    struct virtio_9p *d = (struct virtio_9p *)dev;
    struct virtq_elem *e;
    d->resetting = true;
    while ((e = g_queue_pop_head(&d->pending)))
        virtq_drop(&d->v, e);
    while (d->busy)
        cond_wait(&d->idle, &dev->lock);
    p9_server_reset(d->server);
    d->resetting = false;
}

static bool check_props(const struct virtio_9p *d, struct error **errp)
{
    if (!d->fsdev)
        error_set(errp, "needs fsdev=ID, the id of an -fsdev");
    else if (!d->mount_tag || !*d->mount_tag)
        error_set(errp, "needs mount_tag=NAME, what the guest mounts");
    else if (strlen(d->mount_tag) > MAX_TAG)
        error_set(errp, "mount_tag has more than %d characters", MAX_TAG);
    else
        return true;
    return false;
}

static bool virtio_9p_realize(struct device *dev, struct error **errp)
{
    struct virtio_9p *d = (struct virtio_9p *)dev;
    if (!check_props(d, errp))
        return false;
    d->server = p9_server_new(d->fsdev);
    g_queue_init(&d->pending);
    cond_init(&d->work);
    cond_init(&d->idle);
    virtio_init(&d->v, &virtio_9p_vclass, 1, QUEUE_SIZE,
                (unsigned)(sizeof(uint16_t) + strlen(d->mount_tag)));
    d->thread = thread_start("9p", serve, d);
    return true;
}

static void virtio_9p_unrealize(struct device *dev)
{
    struct virtio_9p *d = (struct virtio_9p *)dev;
    mutex_lock(&dev->lock);
    virtio_9p_reset(dev);
    d->quit = true;
    cond_signal(&d->work);
    mutex_unlock(&dev->lock);
    pthread_join(d->thread, NULL);
    virtio_fini(&d->v);
    p9_server_free(d->server);
    cond_fini(&d->work);
    cond_fini(&d->idle);
}

/* Files that the guest has open are known to this process only. */
static bool virtio_9p_can_save(struct device *dev, struct error **errp)
{
    struct virtio_9p *d = (struct virtio_9p *)dev;
    if (!virtio_can_save(dev, errp)) /* what the thread serves counts, too */
        return false;
    if (p9_server_fids(d->server) == 0)
        return true;
    error_set(errp, "the guest has '%s' mounted: unmount it first", d->mount_tag);
    return false;
}

static const struct state_field virtio_9p_state[] = {
    STATE(virtio_9p, v, 0),
    STATE_END,
};

static const struct prop virtio_9p_props[] = {
    PROP(prop_fsdev, virtio_9p, "fsdev", fsdev, NULL, "id of the -fsdev"),
    PROP(prop_string, virtio_9p, "mount_tag", mount_tag, NULL, "name that the guest mounts"),
    VIRTIO_PROPS(virtio_9p),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_9p, "virtio-9p-device") = {
    .desc = "Virtio 9P transport: a shared directory",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_9p_props,
    .state = virtio_9p_state,
    .realize = virtio_9p_realize,
    .unrealize = virtio_9p_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_9p_can_save,
    .reset = virtio_9p_reset,
};
