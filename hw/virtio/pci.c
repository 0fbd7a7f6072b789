/*
 * The virtio PCI transport: modern registers in a memory BAR, legacy ones in an I/O BAR.
 * Ref: VIRTIO 1.2, section 4.1; the legacy registers are in 4.1.4.10.
 */
#include "hw/virtio/pci.h"
#include "hw/virtio/pci_priv.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

enum { VENDOR = 0x1af4, SUBSYSTEM_MODERN = 0x1100, DEVICE_MODERN = 0x1040 };
enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };
enum { /* of BAR_MODERN */
       COMMON = 0x0000,
       ISR = 0x1000,
       DEVICE = 0x2000,
       NOTIFY = 0x3000,
       PART_SIZE = 0x1000,
};
enum { /* struct virtio_pci_common_cfg */
       DEVICE_FEATURES_SEL = 0x00,
       DEVICE_FEATURES = 0x04,
       DRIVER_FEATURES_SEL = 0x08,
       DRIVER_FEATURES = 0x0c,
       CONFIG_VECTOR = 0x10,
       NUM_QUEUES = 0x12,
       STATUS = 0x14,
       GENERATION = 0x15,
       QUEUE_SEL = 0x16,
       QUEUE_SIZE = 0x18,
       QUEUE_VECTOR = 0x1a,
       QUEUE_ENABLE = 0x1c,
       QUEUE_NOTIFY_OFF = 0x1e,
       QUEUE_DESC = 0x20,
       QUEUE_DRIVER = 0x28,
       QUEUE_DEVICE = 0x30,
       QUEUE_RESET = 0x3a, /* after the data of notifications, which is not offered */
       COMMON_SIZE = 0x3c,
};
enum { /* the legacy header */
       LEGACY_DEVICE_FEATURES = 0,
       LEGACY_DRIVER_FEATURES = 4,
       LEGACY_PFN = 8,
       LEGACY_QUEUE_SIZE = 12,
       LEGACY_QUEUE_SEL = 14,
       LEGACY_NOTIFY = 16,
       LEGACY_STATUS = 18,
       LEGACY_ISR = 19,
       LEGACY_CONFIG_VECTOR = 20, /* these two only while MSI-X is enabled */
       LEGACY_QUEUE_VECTOR = 22,
       LEGACY_HEADER = 20,
       LEGACY_HEADER_MSIX = 24,
       LEGACY_PAGE_SHIFT = 12,
       LEGACY_ALIGN = 4096,
};
enum { /* struct virtio_pci_cap */
       CAP_COMMON = 1,
       CAP_NOTIFY = 2,
       CAP_ISR = 3,
       CAP_DEVICE = 4,
       CAP_WINDOW = 5,
       CAP_LENGTH = 2,
       CAP_TYPE = 3,
       CAP_BAR = 4,
       CAP_OFFSET = 8,
       CAP_SIZE = 12,
       CAP_BYTES = 16,
       CAP_DATA = 16,
};
enum { NO_VECTOR = 0xffff };

static struct virtio_queue_state *queue(struct virtio_pci *t)
{
    return t->s.queue_sel < t->v->nqueues ? &virtio_state(t->v)->q[t->s.queue_sel] : NULL;
}

/* Which of its two faces the driver uses shows with each access. */
static void speak(struct virtio_pci *t, bool modern)
{
    t->v->modern = modern;
}

static void transport_interrupt(struct device *transport, struct virtio_device *v, unsigned event)
{
    struct virtio_pci *t = (struct virtio_pci *)transport;
    const struct virtio_state *s = virtio_state(v);
    uint16_t vector = event < VIRTIO_MAX_QUEUES      ? s->q[event].vector
                      : event == VIRTIO_EVENT_CONFIG ? s->config_vector
                                                     : 0;
    if (vector)
        pci_notify(&t->pci, vector - 1U);
    pci_set_irq(&t->pci, s->isr != 0);
}

static bool transport_may_dma(const struct device *transport)
{
    return pci_is_master((const struct pci_device *)transport);
}

static const struct virtio_transport_ops pci_transport_ops = {transport_interrupt,
                                                              transport_may_dma};

struct device *virtio_pci_create_inner(struct device *function)
{
    struct virtio_pci *t = (struct virtio_pci *)function;
    g_autofree char *id = g_strconcat(function->id, "/virtio-backend", NULL);
    struct device *dev = device_new(virtio_pci_inner(function->type), function->machine, id);
    t->v = (struct virtio_device *)dev;
    t->v->transport = function;
    t->v->transport_ops = &pci_transport_ops;
    t->bus = (struct hw_bus){.name = NULL, .type = "virtio-pci-bus", .owner = function, .max = 1};
    dev->bus = &t->bus;
    return dev;
}

/* Vectors are numbers of this function's table; any other cannot be set.  Section 4.1.5.1.2. */
static uint16_t checked_vector(const struct virtio_pci *t, uint16_t vector)
{
    return vector < t->pci.msix_vectors ? vector + 1 : 0;
}

static void set_vector(struct virtio_pci *t, uint16_t *field, uint32_t val)
{
    mutex_lock(&t->v->dev.lock);
    *field = checked_vector(t, (uint16_t)val);
    mutex_unlock(&t->v->dev.lock);
}

/* What back ends change, too, under the device's own lock. */
static uint8_t read_byte(struct virtio_pci *t, bool want_status)
{
    const struct virtio_state *s = virtio_state(t->v);
    mutex_lock(&t->v->dev.lock);
    uint8_t v = want_status ? s->status : (uint8_t)s->generation;
    mutex_unlock(&t->v->dev.lock);
    return v;
}

static uint32_t read_features(struct virtio_pci *t, uint32_t word)
{
    uint64_t f = virtio_offered(t->v);
    return word == 0 ? (uint32_t)f : word == 1 ? (uint32_t)(f >> 32) : 0;
}

static uint32_t read_queue(struct virtio_pci *t, uint64_t off)
{
    const struct virtio_queue_state *q = queue(t);
    if (q == NULL)
        return off == QUEUE_VECTOR ? NO_VECTOR : 0;
    switch (off) {
    case QUEUE_SIZE: return q->num ? q->num : t->v->queue_max;
    case QUEUE_VECTOR: return (uint16_t)(q->vector - 1);
    case QUEUE_ENABLE: return q->ready;
    case QUEUE_NOTIFY_OFF: return t->s.queue_sel;
    case QUEUE_DESC: return (uint32_t)q->desc;
    case QUEUE_DESC + 4: return (uint32_t)(q->desc >> 32);
    case QUEUE_DRIVER: return (uint32_t)q->avail;
    case QUEUE_DRIVER + 4: return (uint32_t)(q->avail >> 32);
    case QUEUE_DEVICE: return (uint32_t)q->used;
    case QUEUE_DEVICE + 4: return (uint32_t)(q->used >> 32);
    default: return 0;
    }
}

static uint32_t read_common(struct virtio_pci *t, uint64_t off)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: return t->s.device_features_sel;
    case DEVICE_FEATURES: return read_features(t, t->s.device_features_sel);
    case DRIVER_FEATURES_SEL: return t->s.driver_features_sel;
    case DRIVER_FEATURES:
        return t->s.driver_features_sel > 1
                   ? 0
                   : (uint32_t)(t->s.driver_features >> (32 * t->s.driver_features_sel));
    case CONFIG_VECTOR: return (uint16_t)(virtio_state(t->v)->config_vector - 1);
    case NUM_QUEUES: return t->v->nqueues;
    case STATUS: return read_byte(t, true);
    case GENERATION: return read_byte(t, false);
    case QUEUE_SEL: return t->s.queue_sel;
    default: return read_queue(t, off);
    }
}

static void write_driver_features(struct virtio_pci *t, uint32_t val)
{
    if (t->s.driver_features_sel > 1) {
        if (val)
            dev_guest_error(&t->pci.dev, "features written to word %u", t->s.driver_features_sel);
        return;
    }
    t->s.driver_features = deposit64(t->s.driver_features, t->s.driver_features_sel * 32, 32, val);
    virtio_accept(t->v, t->s.driver_features);
}

static void write_status(struct virtio_pci *t, uint8_t val)
{
    if (val == 0) { /* section 4.1.4.3.1: a reset takes the selectors and vectors, too */
        t->s.driver_features = 0;
        t->s.device_features_sel = t->s.driver_features_sel = t->s.queue_sel = 0;
    }
    virtio_set_status(t->v, val);
}

static void write_queue_size(struct virtio_pci *t, struct virtio_queue_state *q, uint32_t val)
{
    if (virtio_queue_size_ok(t->v, val))
        q->num = val;
    else
        dev_guest_error(&t->pci.dev,
                        "queue size %u is not a power of two (or, packed, a number) up to %u", val,
                        t->v->queue_max);
}

static void enable_queue(struct virtio_pci *t, struct virtio_queue_state *q, uint32_t val)
{
    if (val != 1) { /* section 4.1.4.3.2: there is no way back but a reset */
        dev_guest_error(&t->pci.dev, "queue %u cannot be disabled", t->s.queue_sel);
        return;
    }
    if (q->num == 0)
        q->num = t->v->queue_max;
    virtio_queue_enable(t->v, t->s.queue_sel, true);
}

static void write_queue(struct virtio_pci *t, uint64_t off, uint32_t val)
{
    struct virtio_queue_state *q = queue(t);
    if (q == NULL) {
        dev_guest_error(&t->pci.dev, "there is no queue %u", t->s.queue_sel);
        return;
    }
    if (off == QUEUE_VECTOR) {
        set_vector(t, &q->vector, val);
        return;
    }
    if (off == QUEUE_RESET) {
        if (val == 1)
            virtio_queue_reset(t->v, t->s.queue_sel);
        return;
    }
    if (q->ready) {
        dev_guest_error(&t->pci.dev, "queue %u is in use", t->s.queue_sel);
        return;
    }
    switch (off) {
    case QUEUE_SIZE: write_queue_size(t, q, val); break;
    case QUEUE_ENABLE: enable_queue(t, q, val); break;
    case QUEUE_DESC: q->desc = deposit64(q->desc, 0, 32, val); break;
    case QUEUE_DESC + 4: q->desc = deposit64(q->desc, 32, 32, val); break;
    case QUEUE_DRIVER: q->avail = deposit64(q->avail, 0, 32, val); break;
    case QUEUE_DRIVER + 4: q->avail = deposit64(q->avail, 32, 32, val); break;
    case QUEUE_DEVICE: q->used = deposit64(q->used, 0, 32, val); break;
    case QUEUE_DEVICE + 4: q->used = deposit64(q->used, 32, 32, val); break;
    default: dev_guest_error(&t->pci.dev, "write to read-only register %#x", (unsigned)off);
    }
}

static void write_common(struct virtio_pci *t, uint64_t off, uint32_t val)
{
    switch (off) {
    case DEVICE_FEATURES_SEL: t->s.device_features_sel = val; break;
    case DRIVER_FEATURES_SEL: t->s.driver_features_sel = val; break;
    case DRIVER_FEATURES: write_driver_features(t, val); break;
    case CONFIG_VECTOR: set_vector(t, &virtio_state(t->v)->config_vector, val); break;
    case STATUS: write_status(t, (uint8_t)val); break;
    case QUEUE_SEL: t->s.queue_sel = (uint16_t)val; break;
    default: write_queue(t, off, val);
    }
}

/* Bytes of the register at off, which drivers must access as a whole; section 4.1.3.1. */
static unsigned width_at(uint64_t off)
{
    if (off < CONFIG_VECTOR || (off >= QUEUE_DESC && off < QUEUE_DEVICE + 8))
        return 4;
    return off == STATUS || off == GENERATION ? 1 : 2;
}

static uint32_t modern_get(struct virtio_pci *t, uint64_t off, unsigned size)
{
    speak(t, true);
    if (off >= DEVICE && off < DEVICE + PART_SIZE)
        return virtio_config_get(t->v, off - DEVICE, size);
    if (off >= ISR && off < ISR + PART_SIZE)
        return off == ISR ? virtio_isr_take(t->v) : 0;
    if (off >= COMMON_SIZE)
        return 0; /* notify registers read as zero */
    unsigned width = width_at(off), skip = (unsigned)off % width;
    return read_common(t, off - skip) >> (skip * 8) & (uint32_t)MASK64(0, size * 8);
}

static void modern_set(struct virtio_pci *t, uint64_t off, unsigned size, uint32_t val)
{
    speak(t, true);
    if (off >= NOTIFY)
        virtio_notify(t->v, (unsigned)((off - NOTIFY) / t->notify_stride));
    else if (off >= DEVICE)
        virtio_config_set(t->v, off - DEVICE, size, val);
    else if (off < COMMON_SIZE && size == width_at(off))
        write_common(t, off, val);
    else
        dev_guest_error(&t->pci.dev, "%u-byte write at %#x", size, (unsigned)off);
}

static uint64_t modern_read(struct device *dev, struct access a)
{
    if (a.peek && a.off == ISR)
        return 0;
    return modern_get((struct virtio_pci *)dev, a.off, a.size);
}

static void modern_write(struct device *dev, struct access a, uint64_t val)
{
    modern_set((struct virtio_pci *)dev, a.off, a.size, (uint32_t)val);
}

static const struct mmio_ops modern_ops = {modern_read, modern_write, .min = 1, .max = 4};

static unsigned legacy_header(struct virtio_pci *t)
{
    return pci_msix_enabled(&t->pci) ? LEGACY_HEADER_MSIX : LEGACY_HEADER;
}

static uint32_t legacy_get(struct virtio_pci *t, uint64_t off)
{
    const struct virtio_queue_state *q = queue(t);
    switch (off) {
    case LEGACY_DEVICE_FEATURES: return read_features(t, 0);
    case LEGACY_DRIVER_FEATURES: return (uint32_t)t->s.driver_features;
    case LEGACY_PFN: return q && q->ready ? (uint32_t)(q->desc >> LEGACY_PAGE_SHIFT) : 0;
    case LEGACY_QUEUE_SIZE: return q ? t->v->queue_max : 0;
    case LEGACY_QUEUE_SEL: return t->s.queue_sel;
    case LEGACY_STATUS: return read_byte(t, true);
    case LEGACY_ISR: return virtio_isr_take(t->v);
    case LEGACY_CONFIG_VECTOR: return (uint16_t)(virtio_state(t->v)->config_vector - 1);
    case LEGACY_QUEUE_VECTOR: return q ? (uint16_t)(q->vector - 1) : NO_VECTOR;
    default: return 0;
    }
}

/* One address for all three parts, in pages of 4 KiB; 0 stops the queue.  Section 2.7.2. */
static void legacy_set_pfn(struct virtio_pci *t, struct virtio_queue_state *q, uint32_t pfn)
{
    virtio_queue_enable(t->v, t->s.queue_sel, false);
    if (pfn == 0) {
        q->last_avail = q->used_idx = q->signalled = q->signalled_valid = 0;
        return;
    }
    q->num = t->v->queue_max;
    q->desc = (uint64_t)pfn << LEGACY_PAGE_SHIFT;
    q->avail = q->desc + (uint64_t)q->num * 16;
    q->used = align_up(q->avail + 6 + 2 * (uint64_t)q->num, LEGACY_ALIGN);
    virtio_queue_enable(t->v, t->s.queue_sel, true);
}

static void legacy_set(struct virtio_pci *t, uint64_t off, uint32_t val)
{
    struct virtio_queue_state *q = queue(t);
    switch (off) {
    case LEGACY_DRIVER_FEATURES:
        t->s.driver_features = val;
        virtio_accept(t->v, val);
        break;
    case LEGACY_PFN:
        if (q)
            legacy_set_pfn(t, q, val);
        break;
    case LEGACY_QUEUE_SEL: t->s.queue_sel = (uint16_t)val; break;
    case LEGACY_NOTIFY: virtio_notify(t->v, val & 0xffff); break;
    case LEGACY_STATUS: write_status(t, (uint8_t)val); break;
    case LEGACY_CONFIG_VECTOR: set_vector(t, &virtio_state(t->v)->config_vector, val); break;
    case LEGACY_QUEUE_VECTOR:
        if (q)
            set_vector(t, &q->vector, val);
        break;
    default: dev_guest_error(&t->pci.dev, "write to read-only register %#x", (unsigned)off);
    }
}

static uint64_t legacy_read(struct device *dev, struct access a)
{
    struct virtio_pci *t = (struct virtio_pci *)dev;
    unsigned header = legacy_header(t);
    speak(t, false);
    if (a.off >= header)
        return virtio_config_get(t->v, a.off - header, a.size);
    if (a.peek && a.off == LEGACY_ISR)
        return 0;
    return legacy_get(t, a.off) & MASK64(0, a.size * 8U);
}

static void legacy_write(struct device *dev, struct access a, uint64_t val)
{
    struct virtio_pci *t = (struct virtio_pci *)dev;
    unsigned header = legacy_header(t);
    speak(t, false);
    if (a.off >= header)
        virtio_config_set(t->v, a.off - header, a.size, (uint32_t)val);
    else
        legacy_set(t, a.off, (uint32_t)val);
}

static const struct mmio_ops legacy_ops = {legacy_read, legacy_write, .min = 1, .max = 4};

/* The window capability: an access to its data register is one to (BAR, offset, length) that it
 * holds.  Section 4.1.4.9. */
static bool window(struct virtio_pci *t, unsigned off, unsigned size, uint64_t *at, unsigned *len)
{
    unsigned cap = t->window_cap;
    if (!cap || off < cap + CAP_DATA || off + size > cap + CAP_DATA + 4U)
        return false;
    *at = pci_config_get(&t->pci, cap + CAP_OFFSET, 4);
    *len = pci_config_get(&t->pci, cap + CAP_SIZE, 4);
    return pci_config_get(&t->pci, cap + CAP_BAR, 1) == BAR_MODERN &&
           (*len == 1 || *len == 2 || *len == 4) && *at % *len == 0 && *at < t->modern.size;
}

static void config_read(struct pci_device *p, unsigned off, unsigned size)
{
    struct virtio_pci *t = (struct virtio_pci *)p;
    uint64_t at;
    unsigned len;
    if (window(t, off, size, &at, &len))
        pci_config_put(p, t->window_cap + CAP_DATA, 4, modern_get(t, at, len));
}

static void config_written(struct pci_device *p, unsigned off, unsigned size)
{
    struct virtio_pci *t = (struct virtio_pci *)p;
    uint64_t at;
    unsigned len;
    if (off < PCI_COMMAND + 2 && off + size > PCI_COMMAND)
        virtio_kick(t->v);
    if (window(t, off, size, &at, &len))
        modern_set(t, at, len,
                   pci_config_get(p, t->window_cap + CAP_DATA, 4) & (uint32_t)MASK64(0, len * 8));
}

static void function_reset(struct pci_device *p)
{
    virtio_set_status(((struct virtio_pci *)p)->v, 0);
}

static const struct pci_ops virtio_pci_ops = {config_read, config_written, function_reset};

static uint8_t add_cap(struct virtio_pci *t, uint8_t type, uint8_t size, uint32_t off, uint32_t len)
{
    struct pci_device *p = &t->pci;
    uint8_t cap = pci_add_capability(p, PCI_CAP_VENDOR, 0, size);
    pci_config_init(p, cap + CAP_LENGTH, 1, size);
    pci_config_init(p, cap + CAP_TYPE, 1, type);
    pci_config_init(p, cap + CAP_BAR, 1, type == CAP_WINDOW ? 0 : BAR_MODERN);
    pci_config_init(p, cap + CAP_OFFSET, 4, off);
    pci_config_init(p, cap + CAP_SIZE, 4, len);
    return cap;
}

static void add_modern(struct virtio_pci *t)
{
    struct pci_device *p = &t->pci;
    uint64_t size = NOTIFY + PART_SIZE;
    t->notify_stride = t->page_per_vq ? PART_SIZE : 4;
    uint32_t notify = (uint32_t)MAX(t->v->nqueues * t->notify_stride, PART_SIZE);
    while (size < NOTIFY + notify)
        size *= 2;
    region_init_mmio(&t->modern, "virtio-pci-modern", &modern_ops, &p->dev);
    t->modern.size = size;
    pci_add_bar(p, BAR_MODERN, PCI_BAR_MEM64_PREF, &t->modern);
    add_cap(t, CAP_COMMON, CAP_BYTES, COMMON, PART_SIZE);
    add_cap(t, CAP_ISR, CAP_BYTES, ISR, PART_SIZE);
    add_cap(t, CAP_DEVICE, CAP_BYTES, DEVICE, PART_SIZE);
    uint8_t cap = add_cap(t, CAP_NOTIFY, CAP_BYTES + 4, NOTIFY, notify);
    pci_config_init(p, cap + CAP_BYTES, 4, t->notify_stride);
    t->window_cap = add_cap(t, CAP_WINDOW, CAP_BYTES + 4, 0, 0);
    pci_config_writable(p, t->window_cap + CAP_BAR, 1, 0xff);
    pci_config_writable(p, t->window_cap + CAP_OFFSET, 4, UINT32_MAX);
    pci_config_writable(p, t->window_cap + CAP_SIZE, 4, UINT32_MAX);
    pci_config_writable(p, t->window_cap + CAP_DATA, 4, UINT32_MAX);
}

static void add_legacy(struct virtio_pci *t)
{
    uint64_t size = 32;
    while (size < LEGACY_HEADER_MSIX + (uint64_t)t->v->config_size)
        size *= 2;
    region_init_mmio(&t->legacy, "virtio-pci-legacy", &legacy_ops, &t->pci.dev);
    t->legacy.size = size;
    pci_add_bar(&t->pci, BAR_LEGACY, PCI_BAR_IO, &t->legacy);
}

/* Device ids of the legacy interface; newer kinds of devices have none.  Section 4.1.2.1. */
static uint16_t legacy_device_id(unsigned virtio_id)
{
    static const uint16_t ids[] = {
        [VIRTIO_ID_NET] = 0x1000,     [VIRTIO_ID_BLOCK] = 0x1001, [VIRTIO_ID_BALLOON] = 0x1002,
        [VIRTIO_ID_CONSOLE] = 0x1003, [VIRTIO_ID_SCSI] = 0x1004,  [VIRTIO_ID_ENTROPY] = 0x1005,
        [VIRTIO_ID_9P] = 0x1009,
    };
    return virtio_id < G_N_ELEMENTS(ids) ? ids[virtio_id] : 0;
}

/* Where I/O addresses are scarce, below ports of Express, the legacy face is not shown unless it is
 * asked for. */
static bool choose_faces(struct virtio_pci *t, struct error **errp)
{
    enum virtio_pci_form form = virtio_pci_type_of(t->pci.dev.type)->form;
    bool possible = legacy_device_id(t->v->vcls->id) != 0, disabled;
    bool is_auto = strcmp(t->disable_legacy, "auto") == 0;
    if (is_auto)
        disabled = !possible || (t->pci.bus->express && t->pci.bus->bridge);
    else if (!parse_bool(t->disable_legacy, &disabled, errp)) {
        error_prefix(errp, "disable-legacy");
        return false;
    }
    if (form == VIRTIO_PCI_NON_TRANSITIONAL)
        disabled = true;
    if (form == VIRTIO_PCI_TRANSITIONAL)
        disabled = false;
    t->has_legacy = !disabled;
    t->has_modern = form != VIRTIO_PCI_ANY || !t->disable_modern;
    if (t->has_legacy && !possible)
        error_set(errp, "this kind of device has no legacy interface: leave disable-legacy and "
                        "-transitional away");
    else if (!t->has_legacy && !t->has_modern)
        error_set(errp, "disable-modern=on leaves no interface; use disable-legacy=off with it");
    else
        return true;
    return false;
}

static bool init_function(struct virtio_pci *t, struct error **errp)
{
    uint16_t id = t->v->vcls->id;
    struct pci_ids ids = {.vendor = VENDOR, .subsystem_vendor = VENDOR, .pin = 1};
    ids.device = t->has_legacy ? legacy_device_id(id) : (uint16_t)(DEVICE_MODERN + id);
    ids.subsystem = t->has_legacy ? id : SUBSYSTEM_MODERN;
    ids.revision = t->has_legacy ? 0 : 1;
    ids.class_code = virtio_pci_type_of(t->pci.dev.type)->kind->class_code << 8;
    return pci_init(&t->pci, &ids, &virtio_pci_ops, errp);
}

static unsigned vectors(const struct virtio_pci *t)
{
    unsigned limit = virtio_pci_type_of(t->pci.dev.type)->kind->max_vectors;
    if (t->vectors != UINT32_MAX)
        return t->vectors;
    return MIN(MIN(t->v->nqueues + 1, limit), PCI_MAX_MSIX);
}

static bool virtio_pci_realize(struct device *dev, struct error **errp)
{
    struct virtio_pci *t = (struct virtio_pci *)dev;
    if (t->pci.bus == NULL || t->v == NULL || t->v->vcls == NULL) {
        error_set(errp, "needs a PCI bus to plug into");
        return false;
    }
    enum virtio_thread_wish wish;
    if (vectors(t) > PCI_MAX_MSIX) {
        error_set(errp, "vectors is %u, must be 0 to %d", t->vectors, PCI_MAX_MSIX);
        return false;
    }
    if (!choose_faces(t, errp) || !virtio_parse_ioeventfd(t->ioeventfd, &wish, errp) ||
        !init_function(t, errp))
        return false;
    virtio_choose_thread(t->v, wish);
    if (vectors(t))
        pci_add_msix_bar(&t->pci, vectors(t), BAR_MSIX);
    if (t->has_modern)
        add_modern(t);
    if (t->has_legacy)
        add_legacy(t);
    pci_add_pm(&t->pci);
    if (t->has_modern && t->pci.bus->bridge)
        pci_add_express(&t->pci);
    return true;
}

static void virtio_pci_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static const struct state_field virtio_pci_state[] = {
    STATE(virtio_pci, pci, 0),
    STATE(virtio_pci, driver_features, 0),
    STATE(virtio_pci, device_features_sel, 0),
    STATE(virtio_pci, driver_features_sel, 0),
    STATE(virtio_pci, queue_sel, 0),
    STATE_ARRAY(virtio_pci, pad, 0),
    STATE_END,
};

static const struct prop virtio_pci_props[] = {
    PCI_PROPS(virtio_pci),
    PROP(prop_string, virtio_pci, "disable-legacy", disable_legacy, "auto",
         "no I/O port interface: on, off, auto (on below an Express port)"),
    PROP(prop_bool, virtio_pci, "disable-modern", disable_modern, "off", "no virtio 1 interface"),
    PROP(prop_bool, virtio_pci, "page-per-vq", page_per_vq, "off",
         "notify registers of queues in pages of their own"),
    PROP(prop_string, virtio_pci, "ioeventfd", ioeventfd, "auto",
         "serve queues on a thread of the device's own: on, off, auto"),
    PROP(prop_uint32, virtio_pci, "vectors", vectors, "4294967295",
         "MSI-X vectors (default: as many as it has use for)"),
    PROP_END,
};

const struct device_class virtio_pci_class = {
    .desc = "Virtio device on PCI",
    .bus = "PCI",
    .user_creatable = true,
    .props = virtio_pci_props,
    .state = virtio_pci_state,
    .realize = virtio_pci_realize,
    .unrealize = virtio_pci_unrealize,
    .reset = pci_reset,
    .sync = pci_sync,
};
