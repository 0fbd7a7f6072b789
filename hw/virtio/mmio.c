/*
 * The virtio-mmio transport, versions 1 (legacy) and 2.
 * Ref: VIRTIO 1.2, section 4.2; the legacy registers are in 4.2.4.
 */
#include "hw/virtio/mmio.h"
#include "hw/bus.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    GUEST_PAGE_SIZE = 0x028, /* legacy */
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_ALIGN = 0x03c, /* legacy */
    QUEUE_PFN = 0x040,   /* legacy */
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_LEN_LOW = 0x0b0,
    SHM_BASE_HIGH = 0x0bc,
    QUEUE_RESET = 0x0c0,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
    SIZE = 0x200,
};
static const uint32_t MAGIC_VALUE = 0x74726976;  /* "virt" */
static const uint32_t VENDOR_VALUE = 0x554d4551; /* "QEMU": guests' quirk tables know it */

struct virtio_mmio {
    struct device dev;
    bool force_legacy;
    char *ioeventfd;
    enum virtio_thread_wish wish;
    struct hw_bus bus;
    struct virtio_device *v; /* what is plugged in, or NULL */
    struct virtio_mmio_state {
        uint64_t driver_features; /* as written, word by word */
        uint32_t device_features_sel, driver_features_sel, queue_sel;
        uint32_t guest_page_size;
    } s;
};

static void transport_interrupt(struct device *transport, struct virtio_device *v,
                                unsigned event UNUSED)
{
    irq_set(&transport->irq, virtio_state(v)->isr != 0);
}

static const struct virtio_transport_ops mmio_transport_ops = {transport_interrupt, NULL};

bool virtio_mmio_in_use(const struct device *transport)
{
    return ((const struct virtio_mmio *)transport)->v != NULL;
}

void virtio_mmio_attach(struct device *transport, struct device *dev)
{
    struct virtio_mmio *t = (struct virtio_mmio *)transport;
    t->v = (struct virtio_device *)dev;
    t->v->transport = transport;
    t->v->transport_ops = &mmio_transport_ops;
}

static bool bus_plug(struct hw_bus *bus, struct device *dev, struct error **errp UNUSED)
{
    virtio_mmio_attach(bus->owner, dev);
    return true;
}

/* The device is plugged before it knows its class, so it learns of the properties here. */
static bool modern(struct virtio_mmio *t)
{
    if (t->v) {
        t->v->modern = !t->force_legacy;
        virtio_choose_thread(t->v, t->wish);
    }
    return !t->force_legacy;
}

/* The selected queue's state, or NULL. */
static struct virtio_queue_state *queue(struct virtio_mmio *t)
{
    return t->s.queue_sel < t->v->nqueues ? &virtio_state(t->v)->q[t->s.queue_sel] : NULL;
}

static uint32_t read_queue(struct virtio_mmio *t, uint64_t off)
{
    const struct virtio_queue_state *q = queue(t);
    if (q == NULL)
        return 0;
    switch (off) {
    case QUEUE_NUM_MAX: return t->v->queue_max;
    case QUEUE_NUM: return q->num;
    case QUEUE_PFN: return q->ready && !modern(t) ? (uint32_t)(q->desc / t->s.guest_page_size) : 0;
    default: return modern(t) ? q->ready : 0;
    }
}

static uint32_t read_features(struct virtio_mmio *t)
{
    bool high = modern(t); /* before the device is asked: it offers more then */
    uint64_t f = virtio_offered(t->v);
    switch (t->s.device_features_sel) {
    case 0: return (uint32_t)f;
    case 1: return high ? f >> 32 : 0;
    default: return 0;
    }
}

/* What back ends change, too, under the device's own lock. */
static uint32_t read_state(struct virtio_mmio *t, uint64_t off)
{
    const struct virtio_state *s = virtio_state(t->v);
    mutex_lock(&t->v->dev.lock);
    uint32_t v = off == INTERRUPT_STATUS ? s->isr
                 : off == STATUS         ? s->status
                 : modern(t)             ? s->generation
                                         : 0;
    mutex_unlock(&t->v->dev.lock);
    return v;
}

static uint32_t read_register(struct virtio_mmio *t, uint64_t off)
{
    switch (off) {
    case DEVICE_FEATURES: return read_features(t);
    case QUEUE_NUM_MAX:
    case QUEUE_NUM:
    case QUEUE_PFN:
    case QUEUE_READY: return read_queue(t, off);
    case INTERRUPT_STATUS:
    case STATUS:
    case CONFIG_GENERATION: return read_state(t, off);
    default: /* there is no shared memory: its length and base read as -1 */
        return off >= SHM_LEN_LOW && off <= SHM_BASE_HIGH && modern(t) ? UINT32_MAX : 0;
    }
}

static uint64_t virtio_mmio_read(struct device *dev, struct access a)
{
    struct virtio_mmio *t = (struct virtio_mmio *)dev;
    bool present = t->v && t->v->vcls;
    if (a.off >= CONFIG)
        return present ? virtio_config_get(t->v, a.off - CONFIG, a.size) : 0;
    if (a.size != 4) {
        dev_guest_error(dev, "%d-byte read of register %#x", a.size, (unsigned)a.off);
        return 0;
    }
    switch (a.off) {
    case MAGIC: return MAGIC_VALUE;
    case VERSION: return modern(t) ? 2 : 1;
    case DEVICE_ID: return present ? t->v->vcls->id : 0;
    case VENDOR_ID: return VENDOR_VALUE;
    default: return present ? read_register(t, a.off) : 0;
    }
}

static void write_driver_features(struct virtio_mmio *t, uint32_t val)
{
    if (t->s.driver_features_sel > (modern(t) ? 1 : 0)) {
        if (val)
            dev_guest_error(&t->dev, "features written to word %u", t->s.driver_features_sel);
        return;
    }
    t->s.driver_features = deposit64(t->s.driver_features, t->s.driver_features_sel * 32, 32, val);
    virtio_accept(t->v, t->s.driver_features);
}

/* Legacy: one address for all three parts, in guest pages; 0 stops the queue.  Section 2.7.2. */
static void write_pfn(struct virtio_mmio *t, struct virtio_queue_state *q, uint32_t pfn)
{
    virtio_queue_enable(t->v, t->s.queue_sel, false);
    if (pfn == 0) {
        q->last_avail = q->used_idx = q->signalled = q->signalled_valid = 0;
        return;
    }
    if (q->num == 0)
        q->num = t->v->queue_max;
    q->desc = (uint64_t)pfn * t->s.guest_page_size;
    q->avail = q->desc + (uint64_t)q->num * 16;
    q->used = align_up(q->avail + 6 + 2 * (uint64_t)q->num, q->align ? q->align : 4096);
    virtio_queue_enable(t->v, t->s.queue_sel, true);
}

static void write_queue_num(struct virtio_mmio *t, struct virtio_queue_state *q, uint32_t val)
{
    if (virtio_queue_size_ok(t->v, val))
        q->num = val;
    else
        dev_guest_error(&t->dev,
                        "queue size %u is not a power of two (or, packed, a number) up to %u", val,
                        t->v->queue_max);
}

static void write_queue_legacy(struct virtio_mmio *t, struct virtio_queue_state *q, uint64_t off,
                               uint32_t val)
{
    switch (off) {
    case QUEUE_ALIGN:
        if (is_pow2(val))
            q->align = val;
        break;
    case QUEUE_PFN: write_pfn(t, q, val); break;
    default: dev_guest_error(&t->dev, "write to register %#x of version 2", (unsigned)off);
    }
}

static void write_queue_modern(struct virtio_mmio *t, struct virtio_queue_state *q, uint64_t off,
                               uint32_t val)
{
    switch (off) {
    case QUEUE_DESC_LOW: q->desc = deposit64(q->desc, 0, 32, val); break;
    case QUEUE_DESC_HIGH: q->desc = deposit64(q->desc, 32, 32, val); break;
    case QUEUE_DRIVER_LOW: q->avail = deposit64(q->avail, 0, 32, val); break;
    case QUEUE_DRIVER_HIGH: q->avail = deposit64(q->avail, 32, 32, val); break;
    case QUEUE_DEVICE_LOW: q->used = deposit64(q->used, 0, 32, val); break;
    case QUEUE_DEVICE_HIGH: q->used = deposit64(q->used, 32, 32, val); break;
    case QUEUE_READY: virtio_queue_enable(t->v, t->s.queue_sel, val & 1); break;
    default: dev_guest_error(&t->dev, "write to unknown register %#x", (unsigned)off);
    }
}

static void write_queue(struct virtio_mmio *t, uint64_t off, uint32_t val)
{
    struct virtio_queue_state *q = queue(t);
    if (q == NULL)
        dev_guest_error(&t->dev, "there is no queue %u", t->s.queue_sel);
    else if (off == QUEUE_RESET && modern(t) && val == 1)
        virtio_queue_reset(t->v, t->s.queue_sel);
    else if (q->ready && off != QUEUE_READY && off != QUEUE_PFN)
        dev_guest_error(&t->dev, "queue %u is in use", t->s.queue_sel);
    else if (off == QUEUE_NUM)
        write_queue_num(t, q, val);
    else if (modern(t))
        write_queue_modern(t, q, off, val);
    else
        write_queue_legacy(t, q, off, val);
}

static void write_status(struct virtio_mmio *t, uint8_t val)
{
    if (val == 0)
        t->s.driver_features = 0;
    modern(t);
    virtio_set_status(t->v, val);
}

static void write_register(struct virtio_mmio *t, uint64_t off, uint32_t val)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: t->s.device_features_sel = val; break;
    case DRIVER_FEATURES: write_driver_features(t, val); break;
    case DRIVER_FEATURES_SEL: t->s.driver_features_sel = val; break;
    case GUEST_PAGE_SIZE:
        if (is_pow2(val) && !modern(t))
            t->s.guest_page_size = val;
        break;
    case QUEUE_SEL: t->s.queue_sel = val; break;
    case QUEUE_NOTIFY: virtio_notify(t->v, val); break;
    case INTERRUPT_ACK: virtio_isr_ack(t->v, val & 3); break;
    case STATUS: write_status(t, val & 0xff); break;
    default: write_queue(t, off, val);
    }
}

static void virtio_mmio_write(struct device *dev, struct access a, uint64_t val)
{
    struct virtio_mmio *t = (struct virtio_mmio *)dev;
    if (t->v == NULL || t->v->vcls == NULL)
        return;
    if (a.off >= CONFIG)
        virtio_config_set(t->v, a.off - CONFIG, a.size, (uint32_t)val);
    else if (a.size != 4)
        dev_guest_error(dev, "%d-byte write to register %#x", a.size, (unsigned)a.off);
    else
        write_register(t, a.off, (uint32_t)val);
}

static unsigned slot_number(const struct virtio_mmio *t)
{
    unsigned n = 0;
    for (const struct hw_bus *b = t->dev.machine ? t->dev.machine->buses : NULL; b; b = b->next)
        n += strcmp(b->type, t->bus.type) == 0;
    return n;
}

static char *place(const struct hw_bus *bus, const struct device *dev UNUSED)
{
    return g_strdup_printf("virtio-mmio@%016" PRIx64, bus->owner->mmio.base);
}

static bool virtio_mmio_realize(struct device *dev, struct error **errp)
{
    struct virtio_mmio *t = (struct virtio_mmio *)dev;
    if (!virtio_parse_ioeventfd(t->ioeventfd, &t->wish, errp))
        return false;
    t->bus.plug = bus_plug;
    t->bus.place = place;
    t->bus.max = 1;
    t->bus.type = "virtio-mmio-bus";
    char *name = dev->id && g_str_has_prefix(dev->id, "virtio-mmio.")
                     ? g_strdup_printf("virtio-mmio-bus.%s", dev->id + strlen("virtio-mmio."))
                     : g_strdup_printf("virtio-mmio-bus.%u", slot_number(t));
    hw_bus_register(&t->bus, dev, t->bus.type, name);
    return true;
}

static void virtio_mmio_unrealize(struct device *dev)
{
    hw_bus_unregister(&((struct virtio_mmio *)dev)->bus);
}

static void virtio_mmio_loaded(struct device *dev)
{
    struct virtio_mmio *t = (struct virtio_mmio *)dev;
    if (!is_pow2(t->s.guest_page_size)) /* addresses are divided by it */
        t->s.guest_page_size = 4096;
}

static const struct state_field virtio_mmio_state[] = {
    STATE(virtio_mmio, driver_features, 0),     STATE(virtio_mmio, device_features_sel, 0),
    STATE(virtio_mmio, driver_features_sel, 0), STATE(virtio_mmio, queue_sel, 0),
    STATE(virtio_mmio, guest_page_size, 4096),  STATE_END,
};

static const struct prop virtio_mmio_props[] = {
    PROP(prop_bool, virtio_mmio, "force-legacy", force_legacy, "on",
         "version 1 registers (off: version 2)"),
    PROP(prop_string, virtio_mmio, "ioeventfd", ioeventfd, "auto",
         "serve queues on a thread of the device's own: on, off, auto"),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_mmio, "virtio-mmio") = {
    .desc = "Memory-mapped virtio transport",
    .compatible = "virtio,mmio",
    .mmio = {virtio_mmio_read, virtio_mmio_write, .min = 1, .max = 4, .size = SIZE},
    .props = virtio_mmio_props,
    .state = virtio_mmio_state,
    .loaded = virtio_mmio_loaded,
    .realize = virtio_mmio_realize,
    .unrealize = virtio_mmio_unrealize,
};
