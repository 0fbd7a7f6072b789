/*
 * Virtio socket device whose data queues the host's kernel serves (vhost-vsock).
 * Ref: VIRTIO 1.2, section 5.10; Linux include/uapi/linux/vhost.h.
 *
 * The kernel has the rings while the driver is up and the machine runs.  While it has them,
 * last_avail and used_idx in the state are out of date; stop() brings them up to date, so whatever
 * saves, or changes, the state does so while the machine is paused or after a stop.
 */
#include "hw/virtio/vsock.h"
#include "core/machine.h"
#include "hw/virtio/vhost.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"
#include "util/fds.h"
#include "util/log.h"
#include "util/optparse.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RXQ, TXQ, EVENTQ, NUM_QUEUES, KERNEL_QUEUES = 2, QUEUE_SIZE = 128, CONFIG_SIZE = 8 };
enum { F_SEQPACKET = 1 };
enum { EVENT_TRANSPORT_RESET = 0, EVENT_SIZE = 4 };
enum { CID_FIRST = 3 }; /* below are those of the hypervisor, of loopback and of the host */
static const char PATH[] = "/dev/vhost-vsock";

struct vhost_vsock;

/* One of the kernel's queues, as its eventfds' watches see it. */
struct lane {
    struct vhost_vsock *d;
    unsigned queue;
    int kick, call, err; /* eventfds; -1: none */
    guint call_watch, err_watch;
};

struct vhost_vsock {
    struct virtio_device v;
    uint64_t guest_cid;
    char *vhostfd, *seqpacket;
    const struct vhost_kernel *kernel;
    struct vhost vhost;
    struct lane lane[KERNEL_QUEUES];
    struct machine_pause_listener pause;
    bool offer_seqpacket, has_cid;
    bool paused, running;
    bool failed; /* the kernel refused: until the next reset, do not ask again */
    struct vhost_vsock_state {
        struct virtio_state v;
        uint8_t reset_due; /* the driver has not been told yet that its connections are gone */
        uint8_t pad[7];
    } s;
};

/* ---- the kernel's queues ---- */

static uint64_t take_count(int fd)
{
    uint64_t n = 0;
    return fd >= 0 && read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void kick(struct lane *l)
{
    uint64_t one = 1;
    if (write(l->kick, &one, sizeof(one)) < 0 && errno != EAGAIN) /* full: it has been told */
        log_warn("%s: notifying the host's kernel: %s", l->d->v.dev.id, g_strerror(errno));
}

/* The kernel has used buffers and the driver wants to know; the kernel has judged that. */
static void take_call(struct lane *l)
{
    struct virtio_device *v = &l->d->v;
    if (take_count(l->call) == 0)
        return;
    vhost_harvest(&l->d->vhost, false);
    virtio_state(v)->isr |= VIRTIO_ISR_QUEUE;
    if (v->transport_ops)
        v->transport_ops->interrupt(v->transport, v, l->queue);
}

static bool set_running(struct vhost_vsock *d, int on, struct error **errp)
{
    return vhost_call(&d->vhost, VHOST_VSOCK_SET_RUNNING, &on, on ? "start" : "stop", errp);
}

static bool take_cid(struct vhost_vsock *d, struct error **errp)
{
    uint64_t cid = d->guest_cid;
    if (d->has_cid)
        return true;
    if (d->vhost.kernel->ioctl(d->vhost.fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0)
        return d->has_cid = true;
    if (errno == EADDRINUSE)
        error_set(errp,
                  "guest-cid=%" G_GUINT64_FORMAT " is another machine's on this host; take "
                  "a number that no other has",
                  cid);
    else
        error_set(errp, "the host's kernel would not take guest-cid=%" G_GUINT64_FORMAT ": %s", cid,
                  g_strerror(errno));
    return false;
}

static bool hand_over(struct vhost_vsock *d, unsigned queue, struct error **errp)
{
    const struct virtq *vq = &d->v.vq[queue];
    const struct virtio_queue_state *q = &d->s.v.q[queue];
    const struct lane *l = &d->lane[queue];
    struct vhost_ring ring = {
        .index = queue,
        .num = q->num,
        .base = q->last_avail,
        .desc = vq->desc,
        .avail = vq->avail,
        .used = vq->used,
        .used_addr = q->used,
        .kick = l->kick,
        .call = l->call,
        .err = l->err,
    };
    return vhost_set_ring(&d->vhost, &ring, errp);
}

static bool try_start(struct vhost_vsock *d, struct error **errp)
{
    return vhost_set_features(&d->vhost, d->s.v.features, errp) && take_cid(d, errp) &&
           hand_over(d, RXQ, errp) && hand_over(d, TXQ, errp) && set_running(d, 1, errp);
}

/* What was made available before the kernel listened would wait for the next notification. */
static void start(struct vhost_vsock *d)
{
    struct error *err = NULL;
    d->running = try_start(d, &err);
    if (d->running) {
        for (unsigned i = 0; i < KERNEL_QUEUES; i++)
            kick(&d->lane[i]);
        return;
    }
    d->failed = true;
    log_warn("%s: %s; the guest's sockets do not work", d->v.dev.id, error_text(err));
    error_free(err);
}

static void take_back(struct vhost_vsock *d, unsigned queue, struct error **errp)
{
    struct virtio_queue_state *q = &d->s.v.q[queue];
    const uint8_t *used = d->v.vq[queue].used;
    uint16_t base;
    if (*errp || !vhost_get_base(&d->vhost, queue, &base, errp))
        return;
    q->last_avail = base;
    if (used)
        q->used_idx = ld_le16(used + 2);
    q->signalled_valid = 0;
}

/* `forget`: the state is that of a device after its reset, and stays so. */
static void stop(struct vhost_vsock *d, bool forget)
{
    struct error *err = NULL;
    bool stopped = set_running(d, 0, &err);
    d->running = false;
    vhost_harvest(&d->vhost, true);
    for (unsigned i = 0; i < KERNEL_QUEUES && !forget; i++) {
        take_back(d, i, &err);
        take_call(&d->lane[i]);
    }
    for (unsigned i = 0; i < KERNEL_QUEUES; i++)
        take_count(d->lane[i].call);
    if (err == NULL)
        return;
    d->failed |= !stopped;
    log_warn("%s: %s", d->v.dev.id, error_text(err));
    error_free(err);
}

static void live_changed(struct virtio_device *v)
{
    struct vhost_vsock *d = (struct vhost_vsock *)v;
    bool want = !d->paused && !d->failed && virtq_is_live(v, RXQ) && virtq_is_live(v, TXQ);
    if (want && !d->running)
        start(d);
    else if (!want && d->running)
        stop(d, false);
}

/* It is not live any more, so the kernel has let go of it. */
static void vhost_vsock_queue_reset(struct virtio_device *v, unsigned queue UNUSED)
{
    live_changed(v);
}

static gboolean on_call(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct lane *l = opaque;
    mutex_lock(&l->d->v.dev.lock);
    take_call(l);
    mutex_unlock(&l->d->v.dev.lock);
    return G_SOURCE_CONTINUE;
}

/* The kernel found something in a ring that must not be there. */
static gboolean on_err(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct lane *l = opaque;
    mutex_lock(&l->d->v.dev.lock);
    if (take_count(l->err) && l->d->running)
        virtio_break(&l->d->v, l->queue, "the host's kernel cannot follow its rings");
    mutex_unlock(&l->d->v.dev.lock);
    return G_SOURCE_CONTINUE;
}

static void pause_changed(struct machine_pause_listener *l, bool paused)
{
    struct vhost_vsock *d = container_of(l, struct vhost_vsock, pause);
    mutex_lock(&d->v.dev.lock);
    d->paused = paused;
    live_changed(&d->v);
    mutex_unlock(&d->v.dev.lock);
}

/* ---- the device ---- */

static uint64_t vhost_vsock_features(struct virtio_device *v)
{
    return ((struct vhost_vsock *)v)->offer_seqpacket ? BIT64(F_SEQPACKET) : 0;
}

static void vhost_vsock_config_read(struct virtio_device *v, uint8_t *config)
{
    st_le64(config, ((struct vhost_vsock *)v)->guest_cid);
}

/* Section 5.10.6.7: the driver closes what is open and asks for its CID again. */
static void send_reset(struct vhost_vsock *d)
{
    uint8_t event[EVENT_SIZE];
    struct virtq_elem *e = d->s.reset_due ? virtq_pop(&d->v, EVENTQ) : NULL;
    if (e == NULL)
        return;
    if (e->in_bytes < EVENT_SIZE) {
        virtio_break(&d->v, EVENTQ, "a buffer is too small for an event");
        virtq_drop(&d->v, e);
        return;
    }
    st_le32(event, EVENT_TRANSPORT_RESET);
    virtq_push(&d->v, e, virtq_write(e, 0, event, sizeof(event)));
    d->s.reset_due = 0;
    virtq_interrupt(&d->v, EVENTQ);
}

static void vhost_vsock_queue(struct virtio_device *v, unsigned queue)
{
    struct vhost_vsock *d = (struct vhost_vsock *)v;
    if (queue == EVENTQ)
        send_reset(d);
    else if (d->running)
        kick(&d->lane[queue]);
}

static const struct virtio_class vhost_vsock_vclass = {
    .id = VIRTIO_ID_VSOCK,
    .features = vhost_vsock_features,
    .config_read = vhost_vsock_config_read,
    .queue = vhost_vsock_queue,
    .queue_reset = vhost_vsock_queue_reset,
    .live_changed = live_changed,
};

static bool new_eventfd(int *fd, struct error **errp)
{
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (*fd < 0)
        error_set(errp, "could not make an eventfd: %s", g_strerror(errno));
    return *fd >= 0;
}

static bool lane_init(struct vhost_vsock *d, unsigned queue, struct error **errp)
{
    struct lane *l = &d->lane[queue];
    l->d = d;
    l->queue = queue;
    if (!new_eventfd(&l->kick, errp) || !new_eventfd(&l->call, errp) || !new_eventfd(&l->err, errp))
        return false;
    l->call_watch = g_unix_fd_add(l->call, G_IO_IN, on_call, l);
    l->err_watch = g_unix_fd_add(l->err, G_IO_IN, on_err, l);
    return true;
}

static void lane_fini(struct lane *l)
{
    if (l->call_watch)
        g_source_remove(l->call_watch);
    if (l->err_watch)
        g_source_remove(l->err_watch);
    l->call_watch = l->err_watch = 0;
    int *fds[] = {&l->kick, &l->call, &l->err};
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

static void let_go(struct vhost_vsock *d)
{
    vhost_close(&d->vhost);
    for (unsigned i = 0; i < KERNEL_QUEUES; i++)
        lane_fini(&d->lane[i]);
}

/* What the rings may use is what the kernel knows, too. */
static bool choose_features(struct vhost_vsock *d, struct error **errp)
{
    uint64_t can = d->vhost.features;
    bool on = can >> F_SEQPACKET & 1;
    if (d->v.packed && !(can >> VIRTIO_F_RING_PACKED & 1)) {
        error_set(errp, "packed=on: the host's kernel does not serve packed rings");
        return false;
    }
    if (strcmp(d->seqpacket, "auto") != 0 && !parse_bool(d->seqpacket, &on, errp)) {
        error_prefix(errp, "seqpacket (on, off, auto)");
        return false;
    }
    if (on && !(can >> F_SEQPACKET & 1)) {
        error_set(errp, "seqpacket=on: the host's kernel does not offer it");
        return false;
    }
    d->offer_seqpacket = on;
    d->v.indirect_desc &= can >> VIRTIO_F_INDIRECT_DESC & 1;
    d->v.event_idx &= can >> VIRTIO_F_EVENT_IDX & 1;
    d->v.any_layout &= can >> VIRTIO_F_ANY_LAYOUT & 1;
    return true;
}

static bool check_cid(const struct vhost_vsock *d, struct error **errp)
{
    if (d->guest_cid == 0)
        error_set(errp, "guest-cid= is missing: the number of the guest's address, from %d on",
                  CID_FIRST);
    else if (d->guest_cid < CID_FIRST || d->guest_cid >= UINT32_MAX)
        error_set(errp, "guest-cid is %" G_GUINT64_FORMAT ", must be %d to %u", d->guest_cid,
                  CID_FIRST, UINT32_MAX - 1);
    else
        return true;
    return false;
}

static bool open_kernel(struct vhost_vsock *d, struct error **errp)
{
    int fd = d->vhostfd ? fds_take(d->vhostfd, errp) : -1;
    if (d->vhostfd && fd < 0) {
        error_prefix(errp, "vhostfd");
        return false;
    }
    return vhost_open(&d->vhost, d->kernel ? d->kernel : &vhost_linux, PATH, fd,
                      &d->v.dev.machine->as, errp);
}

/* Where the machine's state is on its way here, who sends it may still have the CID. */
static bool vhost_vsock_realize(struct device *dev, struct error **errp)
{
    struct vhost_vsock *d = (struct vhost_vsock *)dev;
    for (unsigned i = 0; i < KERNEL_QUEUES; i++)
        d->lane[i].kick = d->lane[i].call = d->lane[i].err = -1;
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    if (!check_cid(d, errp) || !open_kernel(d, errp))
        return false;
    if (!choose_features(d, errp) ||
        (dev->machine->run_state != RUN_INMIGRATE && !take_cid(d, errp)) ||
        !lane_init(d, RXQ, errp) || !lane_init(d, TXQ, errp)) {
        let_go(d);
        return false;
    }
    virtio_init(&d->v, &vhost_vsock_vclass, NUM_QUEUES, QUEUE_SIZE, CONFIG_SIZE);
    d->paused = dev->machine->pause_depth > 0;
    d->pause.changed = pause_changed;
    machine_add_pause_listener(dev->machine, &d->pause);
    return true;
}

static void vhost_vsock_reset(struct device *dev)
{
    struct vhost_vsock *d = (struct vhost_vsock *)dev;
    if (d->running)
        stop(d, true);
    d->failed = false;
}

static void vhost_vsock_unrealize(struct device *dev)
{
    struct vhost_vsock *d = (struct vhost_vsock *)dev;
    machine_del_pause_listener(dev->machine, &d->pause);
    vhost_vsock_reset(dev);
    let_go(d);
    virtio_fini(&d->v);
}

/* Connections do not outlive a save: their other ends are sockets of the host. */
static void vhost_vsock_loaded(struct device *dev)
{
    struct vhost_vsock *d = (struct vhost_vsock *)dev;
    d->s.reset_due = !!(d->s.v.status & VIRTIO_DRIVER_OK);
}

static const struct state_field vhost_vsock_state[] = {
    STATE(vhost_vsock, v, 0),
    STATE(vhost_vsock, reset_due, 0),
    STATE_ARRAY(vhost_vsock, pad, 0),
    STATE_END,
};

static const struct prop vhost_vsock_props[] = {
    PROP(prop_uint64, vhost_vsock, "guest-cid", guest_cid, "0",
         "the guest's address (context id), from 3 on; needed"),
    PROP(prop_string, vhost_vsock, "vhostfd", vhostfd, NULL,
         "descriptor of /dev/vhost-vsock: a number, or a name of getfd"),
    PROP(prop_string, vhost_vsock, "seqpacket", seqpacket, "auto",
         "offer SOCK_SEQPACKET: on, off, auto (where the host has it)"),
    VIRTIO_PROPS(vhost_vsock),
    PROP_END,
};

void vhost_vsock_use_kernel(struct device *dev, const struct vhost_kernel *kernel)
{
    ((struct vhost_vsock *)dev)->kernel = kernel;
}

DEVICE_CLASS_NAMED(vhost_vsock, "vhost-vsock-device") = {
    .desc = "Virtio sockets, served by the host's kernel",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = vhost_vsock_props,
    .state = vhost_vsock_state,
    .realize = vhost_vsock_realize,
    .unrealize = vhost_vsock_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_can_save,
    .loaded = vhost_vsock_loaded,
    .reset = vhost_vsock_reset,
};
