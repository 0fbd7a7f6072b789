/*
 * Virtio SCSI host adapter.  Ref: VIRTIO 1.2, section 5.6.
 *
 * Requests are started on the vCPU's thread; the block layer's workers complete those that touch a
 * medium.  The lock of this device guards its bus and the units on it.
 */
#include "hw/scsi/scsi.h"
#include "hw/virtio/iothread.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { F_INOUT = 0, F_HOTPLUG = 1, F_CHANGE = 2 };
enum { CONTROLQ = 0, EVENTQ = 1, FIRST_REQUESTQ = 2, MAX_REQUESTQ = VIRTIO_MAX_QUEUES - 2 };
enum { CONFIG_SIZE = 36, CONFIG_SENSE_SIZE = 20, CONFIG_CDB_SIZE = 24 };
enum { REQUEST_HEADER = 19, RESPONSE_HEADER = 12, DEFAULT_SENSE = 96, MAX_SENSE = 252 };
enum { EVENT_SIZE = 16, TMF_SIZE = 24, AN_SIZE = 16 };
enum { /* responses */
       S_OK = 0,
       S_OVERRUN = 1,
       S_ABORTED = 2,
       S_BAD_TARGET = 3,
       S_RESET = 4,
       S_FUNCTION_SUCCEEDED = 10,
       S_FUNCTION_REJECTED = 11,
       S_INCORRECT_LUN = 12,
};
enum { T_TMF = 0, T_AN_QUERY = 1, T_AN_SUBSCRIBE = 2 };
enum {
    TMF_ABORT_TASK = 0,
    TMF_ABORT_TASK_SET = 1,
    TMF_CLEAR_TASK_SET = 3,
    TMF_I_T_NEXUS_RESET = 4,
    TMF_LOGICAL_UNIT_RESET = 5,
    TMF_QUERY_TASK = 6,
    TMF_QUERY_TASK_SET = 7,
};
enum { EVENT_NONE = 0, EVENT_TRANSPORT_RESET = 1, EVENT_PARAM_CHANGE = 3 };
enum { RESET_RESCAN = 1, RESET_REMOVED = 2 };
static const uint32_t EVENTS_MISSED = UINT32_C(1) << 31;

struct virtio_scsi {
    struct virtio_device v;
    uint32_t num_queues, queue_size, max_sectors, cmd_per_lun;
    bool hotplug, param_change;
    struct scsi_bus bus;
    GQueue running;   /* struct command */
    GQueue tmfs;      /* struct tmf, waiting for what they end */
    struct cond idle; /* a command ended */
    bool resetting;
    struct virtio_scsi_state {
        struct virtio_state v;
        uint32_t sense_size, cdb_size;
        uint8_t events_missed;
        uint8_t pad[7];
    } s;
};

/* Which unit, as the guest says it. */
struct address {
    bool valid;
    unsigned id, lun;
};

struct command {
    struct scsi_request r;
    struct virtio_scsi *d;
    struct virtq_elem *e;
    struct address at;
    uint64_t tag;
    uint8_t response; /* S_OK, or why it was ended */
    GList link;       /* in running */
    struct iovec iov[];
};

/* A task management function that waits until `left` commands have ended. */
struct tmf {
    struct virtq_elem *e;
    uint32_t what;
    struct address at;
    uint64_t tag;
    unsigned left;
    uint8_t response;
    GList link;
};

static struct address get_address(const uint8_t *lun)
{
    struct address a = {lun[0] == 1 && lun[2] < 0x80, lun[1], 0};
    a.lun = (lun[2] & 0x3fU) << 8 | lun[3];
    return a;
}

/* In the form that REPORT LUNS uses: drivers compare it with that. */
static void put_address(uint8_t *lun, const struct scsi_unit *u)
{
    memset(lun, 0, 8);
    lun[0] = 1;
    lun[1] = (uint8_t)u->id;
    lun[2] = (uint8_t)(u->lun < 256 ? 0 : 0x40 | u->lun >> 8);
    lun[3] = (uint8_t)u->lun;
}

static bool tmf_matches(const struct tmf *t, const struct command *c)
{
    if (t->at.id != c->at.id)
        return false;
    if (t->what == TMF_I_T_NEXUS_RESET)
        return true;
    bool one = t->what == TMF_ABORT_TASK || t->what == TMF_QUERY_TASK;
    return t->at.lun == c->at.lun && (!one || t->tag == c->tag);
}

static void answer_tmf(struct virtio_scsi *d, struct tmf *take_t)
{
    virtq_push(&d->v, take_t->e, virtq_write(take_t->e, 0, &take_t->response, 1));
    virtq_interrupt(&d->v, CONTROLQ);
    g_free(take_t);
}

/* c is over: so may be functions that waited for it. */
static void tell_tmfs(struct virtio_scsi *d, const struct command *c)
{
    for (GList *at = d->tmfs.head, *next; at; at = next) {
        struct tmf *t = at->data;
        next = at->next;
        if (c->response == S_OK || !tmf_matches(t, c) || --t->left)
            continue;
        g_queue_unlink(&d->tmfs, at);
        answer_tmf(d, t);
    }
}

static void put_response(struct virtio_scsi *d, struct command *c)
{
    const struct scsi_request *r = &c->r;
    uint8_t buf[RESPONSE_HEADER + MAX_SENSE] = {0};
    uint64_t whole = MAX(r->in_bytes, r->out_bytes), size = RESPONSE_HEADER + d->s.sense_size;
    if (c->response == S_OK) {
        unsigned sense = MIN(r->sense_len, d->s.sense_size);
        st_le32(buf, r->status == SCSI_CHECK_CONDITION ? sense : 0);
        st_le32(buf + 4, (uint32_t)(whole - MIN(r->done_bytes, whole)));
        buf[10] = r->status;
        buf[11] = r->overrun ? S_OVERRUN : S_OK;
        if (r->status == SCSI_CHECK_CONDITION)
            memcpy(buf + RESPONSE_HEADER, r->sense, sense);
    } else {
        buf[11] = c->response;
    }
    uint64_t n = virtq_write(c->e, 0, buf, size);
    virtq_push(&d->v, c->e, n + (r->in_bytes ? r->done_bytes : 0));
}

/* Lock held; the caller interrupts. */
static void end_command(struct virtio_scsi *d, struct command *c)
{
    g_queue_unlink(&d->running, &c->link);
    if (d->resetting) {
        virtq_drop(&d->v, c->e);
    } else {
        put_response(d, c);
        tell_tmfs(d, c);
    }
    cond_broadcast(&d->idle);
    scsi_request_fini(&c->r);
    g_free(c);
}

/* On a worker thread. */
static void command_done(struct scsi_request *r)
{
    struct command *c = r->opaque;
    struct virtio_scsi *d = c->d;
    unsigned queue = c->e->queue;
    mutex_lock(&d->v.dev.lock);
    end_command(d, c);
    virtq_interrupt(&d->v, queue);
    mutex_unlock(&d->v.dev.lock);
}

/* What lies behind the first `off` bytes of the segments, and how much that is. */
static unsigned skip(const struct iovec *iov, unsigned count, uint64_t off, struct iovec *to)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t cut = MIN(off, iov[i].iov_len);
        off -= cut;
        if (iov[i].iov_len > cut)
            to[n++] = (struct iovec){(uint8_t *)iov[i].iov_base + cut, iov[i].iov_len - cut};
    }
    return n;
}

static struct command *new_command(struct virtio_scsi *d, struct virtq_elem *e)
{
    uint64_t header = REQUEST_HEADER + d->s.cdb_size, response = RESPONSE_HEADER + d->s.sense_size;
    uint8_t buf[REQUEST_HEADER + SCSI_MAX_CDB];
    struct command *c = g_malloc0(sizeof(*c) + (e->nout + e->nin) * sizeof(struct iovec));
    virtq_read(e, 0, buf, header);
    c->d = d;
    c->e = e;
    c->at = get_address(buf);
    c->tag = ld_le64(buf + 8);
    memcpy(c->r.cdb, buf + REQUEST_HEADER, d->s.cdb_size);
    c->r.out = c->iov;
    c->r.in = c->iov + e->nout;
    c->r.nout = skip(e->iov, e->nout, header, c->r.out);
    c->r.nin = skip(e->iov + e->nout, e->nin, response, c->r.in);
    c->r.out_bytes = e->out_bytes - header;
    c->r.in_bytes = e->in_bytes - response;
    c->r.done = command_done;
    c->r.opaque = c;
    c->link.data = c;
    return c;
}

static void take_command(struct virtio_scsi *d, struct virtq_elem *e)
{
    bool target = false;
    if (e->out_bytes < REQUEST_HEADER + (uint64_t)d->s.cdb_size ||
        e->in_bytes < RESPONSE_HEADER + (uint64_t)d->s.sense_size) {
        unsigned queue = e->queue;
        virtq_drop(&d->v, e);
        virtio_break(&d->v, queue, "a request has no room for its header or response");
        return;
    }
    struct command *c = new_command(d, e);
    g_queue_push_tail_link(&d->running, &c->link);
    if (c->at.valid)
        scsi_bus_find(&d->bus, c->at.id, c->at.lun, &target);
    if (!target)
        c->response = S_BAD_TARGET;
    if (!target || scsi_start(&d->bus, c->at.id, c->at.lun, &c->r))
        end_command(d, c);
}

static void run_queue(struct virtio_scsi *d, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&d->v);
    while ((e = virtq_next(&d->v, queue, &budget)))
        take_command(d, e);
    virtq_interrupt(&d->v, queue);
}

/* End what it matches, and wait for that; a query only looks. */
static void start_tmf(struct virtio_scsi *d, struct tmf *t)
{
    bool query = t->what == TMF_QUERY_TASK || t->what == TMF_QUERY_TASK_SET;
    bool reset = t->what == TMF_I_T_NEXUS_RESET || t->what == TMF_LOGICAL_UNIT_RESET;
    for (GList *at = d->running.head; at; at = at->next) {
        struct command *c = at->data;
        if (!tmf_matches(t, c))
            continue;
        t->left++;
        if (!query)
            c->response = reset ? S_RESET : S_ABORTED;
    }
    for (struct scsi_unit *u = reset ? d->bus.units : NULL; u; u = u->next)
        if (u->id == t->at.id && (t->what == TMF_I_T_NEXUS_RESET || u->lun == t->at.lun))
            scsi_unit_reset(u);
    if (query && t->left)
        t->response = S_FUNCTION_SUCCEEDED;
    if (query || t->left == 0)
        answer_tmf(d, t);
    else
        g_queue_push_tail_link(&d->tmfs, &t->link);
}

static void take_tmf(struct virtio_scsi *d, struct virtq_elem *e)
{
    uint8_t buf[TMF_SIZE] = {0};
    bool target = false, whole = virtq_read(e, 0, buf, sizeof(buf)) == sizeof(buf);
    struct tmf *t = g_new0(struct tmf, 1);
    struct scsi_unit *u = NULL;
    t->e = e;
    t->what = ld_le32(buf + 4);
    t->at = get_address(buf + 8);
    t->tag = ld_le64(buf + 16);
    t->link.data = t;
    if (t->at.valid)
        u = scsi_bus_find(&d->bus, t->at.id, t->at.lun, &target);
    if (!whole || t->what > TMF_QUERY_TASK_SET || t->what == 2 /* clear ACA */)
        t->response = S_FUNCTION_REJECTED;
    else if (!target)
        t->response = S_BAD_TARGET;
    else if (!u && t->what != TMF_I_T_NEXUS_RESET)
        t->response = S_INCORRECT_LUN;
    if (t->response == S_OK)
        start_tmf(d, t);
    else
        answer_tmf(d, t);
}

/* There are no asynchronous notifications to subscribe to. */
static void answer_notifications(struct virtio_scsi *d, struct virtq_elem *e)
{
    static const uint8_t none[5];
    virtq_push(&d->v, e, virtq_write(e, 0, none, sizeof(none)));
}

static void run_control(struct virtio_scsi *d)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&d->v);
    uint8_t type[4];
    while ((e = virtq_next(&d->v, CONTROLQ, &budget))) {
        uint32_t what = virtq_read(e, 0, type, 4) == 4 ? ld_le32(type) : UINT32_MAX;
        if (what == T_TMF) {
            take_tmf(d, e);
        } else if (what == T_AN_QUERY || what == T_AN_SUBSCRIBE) {
            answer_notifications(d, e);
        } else {
            dev_guest_error(&d->v.dev, "unknown control request %u", what);
            virtq_push(&d->v, e, 0);
        }
    }
    virtq_interrupt(&d->v, CONTROLQ);
}

/* Lock held.  u NULL: only that events were lost. */
static void send_event(struct virtio_scsi *d, uint32_t event, const struct scsi_unit *u,
                       uint32_t reason)
{
    uint8_t buf[EVENT_SIZE] = {0};
    struct virtq_elem *e = d->resetting ? NULL : virtq_pop(&d->v, EVENTQ);
    if (e == NULL) {
        d->s.events_missed = virtq_is_live(&d->v, EVENTQ);
        return;
    }
    st_le32(buf, event | (d->s.events_missed ? EVENTS_MISSED : 0));
    if (u)
        put_address(buf + 4, u);
    st_le32(buf + 12, reason);
    d->s.events_missed = 0;
    virtq_push(&d->v, e, virtq_write(e, 0, buf, sizeof(buf)));
    virtq_interrupt(&d->v, EVENTQ);
}

static void virtio_scsi_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_scsi *d = (struct virtio_scsi *)v;
    if (d->resetting)
        return;
    if (queue == CONTROLQ)
        run_control(d);
    else if (queue != EVENTQ)
        run_queue(d, queue);
    else if (d->s.events_missed)
        send_event(d, EVENT_NONE, NULL, 0);
}

static uint64_t virtio_scsi_features(struct virtio_device *v)
{
    const struct virtio_scsi *d = (const struct virtio_scsi *)v;
    return BIT64(F_INOUT) | (d->hotplug ? BIT64(F_HOTPLUG) : 0) |
           (d->param_change ? BIT64(F_CHANGE) : 0);
}

static void virtio_scsi_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_scsi *d = (const struct virtio_scsi *)v;
    st_le32(config, d->num_queues);
    st_le32(config + 4, d->queue_size - 2);
    st_le32(config + 8, d->max_sectors);
    st_le32(config + 12, d->cmd_per_lun);
    st_le32(config + 16, EVENT_SIZE);
    st_le32(config + CONFIG_SENSE_SIZE, d->s.sense_size);
    st_le32(config + CONFIG_CDB_SIZE, d->s.cdb_size);
    st_le16(config + 28, 0);
    st_le16(config + 30, SCSI_MAX_TARGET);
    st_le32(config + 32, SCSI_MAX_LUN);
}

static void virtio_scsi_config_write(struct virtio_device *v, uint32_t off, unsigned size,
                                     uint32_t val)
{
    struct virtio_scsi *d = (struct virtio_scsi *)v;
    if (off == CONFIG_SENSE_SIZE && size == 4 && val <= MAX_SENSE)
        d->s.sense_size = val;
    else if (off == CONFIG_CDB_SIZE && size == 4 && val >= 6 && val <= SCSI_MAX_CDB)
        d->s.cdb_size = val;
    else
        dev_guest_error(&v->dev, "configuration at %#x cannot be %#x", off, val);
}

static const struct virtio_class virtio_scsi_vclass = {
    .id = VIRTIO_ID_SCSI,
    .features = virtio_scsi_features,
    .config_read = virtio_scsi_config_read,
    .config_write = virtio_scsi_config_write,
    .queue = virtio_scsi_queue,
    .thread = VIRTIO_OWN_IF_ASKED,
};

static struct virtio_scsi *of_bus(struct scsi_bus *bus)
{
    return (struct virtio_scsi *)bus->adapter;
}

static void tell(struct virtio_scsi *d, unsigned feature, uint32_t event, const struct scsi_unit *u,
                 uint32_t reason)
{
    mutex_lock(&d->v.dev.lock);
    if (virtio_has(&d->v, feature) && virtq_is_live(&d->v, EVENTQ))
        send_event(d, event, u, reason);
    mutex_unlock(&d->v.dev.lock);
}

static void unit_added(struct scsi_bus *bus, struct scsi_unit *u)
{
    tell(of_bus(bus), F_HOTPLUG, EVENT_TRANSPORT_RESET, u, RESET_RESCAN);
}

static bool uses(const struct virtio_scsi *d, const struct scsi_unit *u)
{
    for (const GList *at = d->running.head; at; at = at->next)
        if (((const struct command *)at->data)->r.unit == u)
            return true;
    return false;
}

static void unit_removed(struct scsi_bus *bus, struct scsi_unit *u)
{
    struct virtio_scsi *d = of_bus(bus);
    tell(d, F_HOTPLUG, EVENT_TRANSPORT_RESET, u, RESET_REMOVED);
    mutex_lock(&d->v.dev.lock);
    while (uses(d, u))
        cond_wait(&d->idle, &d->v.dev.lock);
    mutex_unlock(&d->v.dev.lock);
}

static void unit_changed(struct scsi_bus *bus, struct scsi_unit *u, uint16_t asc_ascq)
{
    uint32_t reason = asc_ascq >> 8 | (asc_ascq & 0xffU) << 8;
    tell(of_bus(bus), F_CHANGE, EVENT_PARAM_CHANGE, u, reason);
}

static const struct scsi_bus_ops virtio_scsi_bus_ops = {unit_added, unit_removed, unit_changed};

/* Wait until the workers have let go of guest memory. */
static void virtio_scsi_reset(struct device *dev) REQUIRES(dev->lock)
{
    struct virtio_scsi *d = (struct virtio_scsi *)dev;
    d->resetting = true;
    while (!g_queue_is_empty(&d->running))
        cond_wait(&d->idle, &dev->lock);
    for (GList *at; (at = g_queue_pop_head_link(&d->tmfs));) {
        struct tmf *t = at->data;
        virtq_drop(&d->v, t->e);
        g_free(t);
    }
    for (struct scsi_unit *u = d->bus.units; u; u = u->next)
        scsi_unit_reset(u);
    d->resetting = false;
}

static bool check_props(struct virtio_scsi *d, struct error **errp)
{
    if (d->num_queues == UINT32_MAX)
        d->num_queues = virtio_default_queues(&d->v, MAX_REQUESTQ);
    if (d->num_queues < 1 || d->num_queues > MAX_REQUESTQ)
        error_set(errp, "num_queues is %u, must be 1 to %d", d->num_queues, MAX_REQUESTQ);
    else if (!is_pow2(d->queue_size) || d->queue_size < 4 || d->queue_size > VIRTIO_MAX_QUEUE_SIZE)
        error_set(errp, "virtqueue_size is %u, must be a power of two from 4 to %d", d->queue_size,
                  VIRTIO_MAX_QUEUE_SIZE);
    else
        return true;
    return false;
}

static bool virtio_scsi_realize(struct device *dev, struct error **errp)
{
    struct virtio_scsi *d = (struct virtio_scsi *)dev;
    if (!check_props(d, errp))
        return false;
    g_queue_init(&d->running);
    g_queue_init(&d->tmfs);
    cond_init(&d->idle);
    virtio_init(&d->v, &virtio_scsi_vclass, FIRST_REQUESTQ + d->num_queues, d->queue_size,
                CONFIG_SIZE);
    scsi_bus_init(&d->bus, dev, &virtio_scsi_bus_ops);
    return true;
}

static void virtio_scsi_unrealize(struct device *dev)
{
    struct virtio_scsi *d = (struct virtio_scsi *)dev;
    mutex_lock(&dev->lock);
    virtio_scsi_reset(dev);
    mutex_unlock(&dev->lock);
    scsi_bus_fini(&d->bus);
    virtio_fini(&d->v);
    cond_fini(&d->idle);
}

static const struct state_field virtio_scsi_state[] = {
    STATE(virtio_scsi, v, 0),
    STATE(virtio_scsi, sense_size, DEFAULT_SENSE),
    STATE(virtio_scsi, cdb_size, SCSI_MAX_CDB),
    STATE(virtio_scsi, events_missed, 0),
    STATE_ARRAY(virtio_scsi, pad, 0),
    STATE_END,
};

static const struct prop virtio_scsi_props[] = {
    PROP(prop_uint32, virtio_scsi, "num_queues", num_queues, "4294967295",
         "request queues (default: on PCI one for each CPU, else 1)"),
    PROP(prop_uint32, virtio_scsi, "virtqueue_size", queue_size, "256", "entries of a queue"),
    PROP(prop_uint32, virtio_scsi, "max_sectors", max_sectors, "65535", "longest request"),
    PROP(prop_uint32, virtio_scsi, "cmd_per_lun", cmd_per_lun, "128", "commands at once to a unit"),
    PROP(prop_bool, virtio_scsi, "hotplug", hotplug, "on", "tell the guest of units that come"),
    PROP(prop_bool, virtio_scsi, "param_change", param_change, "on", "and of those that change"),
    PROP(prop_iothread, virtio_scsi, "iothread", v.iothread, NULL,
         "id of the -object iothread that looks at the queues"),
    VIRTIO_PROPS(virtio_scsi),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_scsi, "virtio-scsi-device") = {
    .desc = "Virtio SCSI adapter: a bus for scsi-hd and scsi-cd",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_scsi_props,
    .state = virtio_scsi_state,
    .realize = virtio_scsi_realize,
    .unrealize = virtio_scsi_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_can_save,
    .reset = virtio_scsi_reset,
};
