/*
 * Virtio console (serial) device and the ports that plug into it.  Ref: VIRTIO 1.2, section 5.3.
 *
 * The ports are devices of their own, for they are what a chardev is attached to; all their
 * guest-visible state is in the virtio device, under its lock, which comes after the lock of a
 * port.
 */
#include "chardev/chardev.h"
#include "hw/bus.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { F_SIZE = 0, F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum {
    DEVICE_READY = 0,
    PORT_ADD = 1,
    PORT_REMOVE = 2,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    RESIZE = 5,
    PORT_OPEN = 6,
    PORT_NAME = 7,
};
enum {
    CONTROL_SIZE = 8,
    RESIZE_SIZE = 4,
    CONTROL_RX = 2,
    CONTROL_TX = 3,
    EMERG_WR = 8,
    CONFIG_SIZE = 12
};
enum { QUEUE_SIZE = 128, MAX_PORTS = 31, MAX_NAME = 255, MAX_PIECE = 64 << 10 };
static const uint32_t ANY_NR = UINT32_MAX;

struct virtio_serial;

struct serial_port {
    struct device dev;
    struct chardev *chardev;
    char *name;
    uint32_t nr;
    struct virtio_serial *serial; /* what it is plugged into */
    bool is_console;
    /* Guarded by the serial device's lock: */
    bool host_open; /* the chardev's other end is there */
    bool starved;   /* the chardev holds input back for want of buffers */
    struct serial_port_state {
        uint8_t none; /* it is all in the serial device */
    } s;
};

struct virtio_serial {
    struct virtio_device v;
    uint32_t max_ports;
    bool emergency_write;
    struct hw_bus bus;
    struct serial_port *ports[MAX_PORTS];
    struct timer resume; /* input may flow again; from the main loop, where chardevs offer it */
    struct virtio_serial_state {
        struct virtio_state v;
        uint8_t device_ready; /* the driver wants to hear of ports */
        uint8_t guest_open[MAX_PORTS];
        uint8_t todo[MAX_PORTS]; /* TODO_*: messages that wait for a buffer */
        uint8_t pad[1];
    } s;
};

/* Messages to the driver about one port, in the order in which they go out. */
enum { TODO_ADD = 1, TODO_CONSOLE = 2, TODO_NAME = 4, TODO_OPEN = 8, TODO_SIZE = 16 };
enum { TODO_REMOVE = 32 }; /* before the others, which are about the next port of that number */

static unsigned rx_queue(unsigned nr)
{
    return nr == 0 ? 0 : 2 * nr + 2;
}

/* The port whose data queues include queue, or NULL (control queues, no such port). */
static struct serial_port *port_of_queue(struct virtio_serial *d, unsigned queue)
{
    if (queue == CONTROL_RX || queue == CONTROL_TX)
        return NULL;
    return d->ports[queue < 2 ? 0 : queue / 2 - 1];
}

static bool guest_listens(struct virtio_serial *d, unsigned nr)
{
    return virtio_has(&d->v, F_MULTIPORT) ? d->s.guest_open[nr] : nr == 0;
}

/* Buffers may have come for a port.  Its chardev is told from the main loop: here, it might be just
 * finding out that there were none, and then miss it. */
static void unstarve(struct virtio_serial *d, const struct serial_port *p)
{
    if (p->starved)
        timer_set(&d->resume, clock_now());
}

static void resume_input(void *opaque)
{
    struct virtio_serial *d = opaque;
    for (unsigned nr = 0; nr < d->max_ports; nr++) {
        struct serial_port *p = d->ports[nr];
        if (p == NULL || !p->starved)
            continue;
        p->starved = false;
        chardev_resume(p->chardev);
    }
}

/* Columns come first: section 5.3.6.  Linux before 2025 has them the other way round. */
static size_t put_size(const struct serial_port *p, uint8_t *buf)
{
    uint16_t cols = 0, rows = 0;
    chardev_terminal_size(p->chardev, &cols, &rows);
    st_le16(buf, cols);
    st_le16(buf + 2, rows);
    return RESIZE_SIZE;
}

/* The next message of port nr into buf; its length. */
static size_t next_message(const struct virtio_serial *d, unsigned nr, uint8_t *buf, uint8_t *bit)
{
    static const uint16_t events[] = {PORT_ADD, CONSOLE_PORT, PORT_NAME, PORT_OPEN, RESIZE};
    const struct serial_port *p = d->ports[nr];
    unsigned i = (unsigned)__builtin_ctz(d->s.todo[nr]);
    st_le32(buf, nr);
    if (d->s.todo[nr] & TODO_REMOVE) {
        *bit = TODO_REMOVE;
        st_le16(buf + 4, PORT_REMOVE);
        st_le16(buf + 6, 1);
        return CONTROL_SIZE;
    }
    *bit = (uint8_t)(1 << i);
    st_le16(buf + 4, events[i]);
    st_le16(buf + 6, events[i] == PORT_OPEN ? p->host_open : 1);
    if (events[i] == RESIZE)
        return CONTROL_SIZE + put_size(p, buf + CONTROL_SIZE);
    if (events[i] != PORT_NAME)
        return CONTROL_SIZE;
    size_t n = strlen(p->name);
    memcpy(buf + CONTROL_SIZE, p->name, n);
    return CONTROL_SIZE + n;
}

/* Send what is to be said about ports, as far as the driver has buffers for it. */
static void flush_control(struct virtio_serial *d)
{
    uint8_t buf[CONTROL_SIZE + MAX_NAME], bit;
    bool any = false;
    for (unsigned nr = 0; nr < d->max_ports; nr++) {
        while (d->s.todo[nr]) {
            struct virtq_elem *e = virtq_pop(&d->v, CONTROL_RX);
            if (e == NULL)
                goto out;
            size_t n = next_message(d, nr, buf, &bit);
            virtq_push(&d->v, e, virtq_write(e, 0, buf, n));
            d->s.todo[nr] &= (uint8_t)~bit;
            any = true;
        }
    }
out:
    if (any)
        virtq_interrupt(&d->v, CONTROL_RX);
}

static void announce(struct virtio_serial *d, unsigned nr, uint8_t todo)
{
    if (d->ports[nr] == NULL || !d->s.device_ready)
        return;
    d->s.todo[nr] |= todo;
    flush_control(d);
}

/* The port is no more; the driver is told unless it did not hear of the port yet. */
static void withdraw(struct virtio_serial *d, unsigned nr)
{
    uint8_t *todo = &d->s.todo[nr];
    bool known = d->s.device_ready && !(*todo & TODO_ADD);
    *todo = known ? TODO_REMOVE : *todo & TODO_REMOVE;
    d->s.guest_open[nr] = 0;
    flush_control(d);
}

/* Whether the driver wants to hear of a console's size, and there is one. */
static uint8_t size_todo(struct virtio_serial *d, const struct serial_port *p)
{
    uint16_t cols, rows;
    bool tell = p->is_console && virtio_has(&d->v, F_SIZE) && virtio_has(&d->v, F_MULTIPORT) &&
                chardev_terminal_size(p->chardev, &cols, &rows);
    return tell ? TODO_SIZE : 0;
}

/* The driver has set a port up: tell what it is. */
static void describe(struct virtio_serial *d, unsigned nr)
{
    const struct serial_port *p = d->ports[nr];
    announce(d, nr,
             (p->is_console ? TODO_CONSOLE : 0) | (p->name && *p->name ? TODO_NAME : 0) |
                 (p->host_open ? TODO_OPEN : 0) | size_todo(d, p));
}

static void device_ready(struct virtio_serial *d, bool ok)
{
    d->s.device_ready = ok;
    for (unsigned nr = 0; ok && nr < d->max_ports; nr++)
        announce(d, nr, TODO_ADD);
}

static void handle_control(struct virtio_serial *d, uint32_t nr, uint16_t event, uint16_t value)
{
    if (event == DEVICE_READY) {
        device_ready(d, value);
        return;
    }
    if (nr >= d->max_ports || d->ports[nr] == NULL) {
        dev_guest_error(&d->v.dev, "control message %u for port %u, which does not exist", event,
                        nr);
        return;
    }
    switch (event) {
    case PORT_READY:
        if (value)
            describe(d, nr);
        break;
    case PORT_OPEN:
        d->s.guest_open[nr] = value != 0;
        if (value)
            unstarve(d, d->ports[nr]);
        break;
    default: dev_guest_error(&d->v.dev, "unknown control message %u", event);
    }
}

static void control_tx(struct virtio_serial *d)
{
    uint8_t msg[CONTROL_SIZE];
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&d->v);
    while ((e = virtq_next(&d->v, CONTROL_TX, &budget))) {
        bool whole = virtq_read(e, 0, msg, sizeof(msg)) == sizeof(msg);
        virtq_push(&d->v, e, 0);
        if (whole)
            handle_control(d, ld_le32(msg), ld_le16(msg + 4), ld_le16(msg + 6));
        else
            dev_guest_error(&d->v.dev, "control message of less than %d bytes", CONTROL_SIZE);
    }
    virtq_interrupt(&d->v, CONTROL_TX);
}

/* In pieces, for a segment may be as large as RAM and back ends copy. */
static void write_segment(struct chardev *c, const struct iovec *iov)
{
    const uint8_t *at = iov->iov_base;
    for (size_t left = iov->iov_len; left > 0;) {
        size_t n = MIN(left, (size_t)MAX_PIECE);
        chardev_write_buf(c, at, n);
        at += n;
        left -= n;
    }
}

/* What the guest sends on a port; without a port or a chardev it goes nowhere. */
static void data_tx(struct virtio_serial *d, struct serial_port *p, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&d->v);
    while ((e = virtq_next(&d->v, queue, &budget))) {
        for (unsigned i = 0; p && p->chardev && i < e->nout; i++)
            write_segment(p->chardev, &e->iov[i]);
        virtq_push(&d->v, e, 0);
    }
    virtq_interrupt(&d->v, queue);
}

static void virtio_serial_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_serial *d = (struct virtio_serial *)v;
    struct serial_port *p = port_of_queue(d, queue);
    if (queue == CONTROL_RX)
        flush_control(d);
    else if (queue == CONTROL_TX)
        control_tx(d);
    else if (queue & 1)
        data_tx(d, p, queue);
    else if (p)
        unstarve(d, p);
}

static uint64_t virtio_serial_features(struct virtio_device *v)
{
    const struct virtio_serial *d = (const struct virtio_serial *)v;
    bool sized = false;
    for (unsigned nr = 0; nr < d->max_ports; nr++)
        sized |=
            d->ports[nr] && d->ports[nr]->is_console && chardev_is_terminal(d->ports[nr]->chardev);
    return BIT64(F_MULTIPORT) | (sized ? BIT64(F_SIZE) : 0) |
           (d->emergency_write ? BIT64(F_EMERG_WRITE) : 0);
}

static void virtio_serial_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_serial *d = (const struct virtio_serial *)v;
    uint16_t cols = 0, rows = 0;
    if (d->ports[0])
        chardev_terminal_size(d->ports[0]->chardev, &cols, &rows);
    st_le16(config, cols);
    st_le16(config + 2, rows);
    st_le32(config + 4, d->max_ports);
}

static void virtio_serial_config_write(struct virtio_device *v, uint32_t off, unsigned size UNUSED,
                                       uint32_t val)
{
    struct virtio_serial *d = (struct virtio_serial *)v;
    if (off != EMERG_WR || !d->emergency_write)
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", off);
    else if (d->ports[0])
        chardev_write(d->ports[0]->chardev, (uint8_t)val);
}

static const struct virtio_class virtio_serial_vclass = {
    .id = VIRTIO_ID_CONSOLE,
    .features = virtio_serial_features,
    .config_read = virtio_serial_config_read,
    .config_write = virtio_serial_config_write,
    .queue = virtio_serial_queue,
};

/* From the chardev, with the port's lock held; takes as much as the guest has buffers for. */
static size_t port_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct serial_port *p = (struct serial_port *)dev;
    struct virtio_serial *d = p->serial;
    size_t done = 0;
    mutex_lock(&d->v.dev.lock);
    unsigned queue = rx_queue(p->nr);
    while (done < n && guest_listens(d, p->nr)) {
        struct virtq_elem *e = virtq_pop(&d->v, queue);
        if (e == NULL)
            break;
        uint64_t got = virtq_write(e, 0, buf + done, n - done);
        virtq_push(&d->v, e, got);
        done += got;
    }
    if (done)
        virtq_interrupt(&d->v, queue);
    p->starved = done < n;
    mutex_unlock(&d->v.dev.lock);
    return done;
}

static void set_host_open(struct virtio_serial *d, struct serial_port *p, bool open)
{
    if (open == p->host_open)
        return;
    p->host_open = open;
    announce(d, p->nr, TODO_OPEN | (open ? size_todo(d, p) : 0));
}

/* Drivers that know of one port only look at the configuration. */
static void size_changed(struct virtio_serial *d, struct serial_port *p)
{
    if (virtio_has(&d->v, F_MULTIPORT))
        announce(d, p->nr, size_todo(d, p));
    else if (p->nr == 0 && virtio_has(&d->v, F_SIZE))
        virtio_config_changed(&d->v);
}

/* There is no such thing as a break on a virtio port. */
static void port_event(struct device *dev, enum chardev_event ev)
{
    struct serial_port *p = (struct serial_port *)dev;
    struct virtio_serial *d = p->serial;
    mutex_lock(&d->v.dev.lock);
    if (ev == CHARDEV_OPENED || ev == CHARDEV_CLOSED)
        set_host_open(d, p, ev == CHARDEV_OPENED);
    else if (ev == CHARDEV_RESIZED)
        size_changed(d, p);
    mutex_unlock(&d->v.dev.lock);
}

/* Port 0 is the console of drivers that know of one port only. */
static uint32_t free_nr(const struct virtio_serial *d, bool is_console)
{
    for (uint32_t nr = is_console ? 0 : 1; nr < d->max_ports; nr++)
        if (d->ports[nr] == NULL)
            return nr;
    return ANY_NR;
}

static bool choose_nr(const struct virtio_serial *d, struct serial_port *p, struct error **errp)
{
    if (p->nr == ANY_NR && (p->nr = free_nr(d, p->is_console)) == ANY_NR)
        error_set(errp, "no port is free on '%s' (max_ports is %u)", d->bus.name, d->max_ports);
    else if (p->nr >= d->max_ports)
        error_set(errp, "nr is %u, must be less than max_ports, %u", p->nr, d->max_ports);
    else if (p->nr == 0 && !p->is_console)
        error_set(errp, "nr=0 is for a virtconsole only");
    else if (d->ports[p->nr])
        error_set(errp, "nr=%u is taken by '%s'", p->nr, d->ports[p->nr]->dev.id);
    else
        return true;
    return false;
}

extern const struct device_type virtconsole_type, virtserialport_type;

static bool serial_bus_plug(struct hw_bus *bus, struct device *dev, struct error **errp)
{
    struct virtio_serial *d = (struct virtio_serial *)bus->owner;
    struct serial_port *p = (struct serial_port *)dev;
    p->is_console = dev->type == &virtconsole_type;
    if (!choose_nr(d, p, errp))
        return false;
    p->serial = d;
    d->ports[p->nr] = p;
    return true;
}

static bool port_realize(struct device *dev, struct error **errp)
{
    struct serial_port *p = (struct serial_port *)dev;
    if (p->serial == NULL) {
        error_set(errp, "needs a virtio-serial-device to plug into");
        return false;
    }
    if (p->name && strlen(p->name) > MAX_NAME) {
        error_set(errp, "name has more than %d characters", MAX_NAME);
        return false;
    }
    mutex_lock(&p->serial->v.dev.lock);
    announce(p->serial, p->nr, TODO_ADD);
    mutex_unlock(&p->serial->v.dev.lock);
    if (p->chardev)
        chardev_on_event(p->chardev, dev, port_event);
    return true;
}

static void port_unrealize(struct device *dev)
{
    struct serial_port *p = (struct serial_port *)dev;
    mutex_lock(&p->serial->v.dev.lock);
    p->serial->ports[p->nr] = NULL;
    withdraw(p->serial, p->nr);
    mutex_unlock(&p->serial->v.dev.lock);
}

static const struct state_field port_state[] = {
    STATE(serial_port, none, 0),
    STATE_END,
};

static const struct chardev_front port_front = {port_receive};

static const struct prop port_props[] = {
    PROP_CHARDEV(serial_port, chardev, &port_front, "other end of the port"),
    PROP(prop_string, serial_port, "name", name, NULL, "name that the guest sees"),
    PROP(prop_uint32, serial_port, "nr", nr, "4294967295", "port number (default: first free)"),
    PROP_END,
};

static const struct device_class virtconsole_class = {
    .desc = "Console port (hvc) of a virtio-serial-device",
    .bus = "virtio-serial-bus",
    .user_creatable = true,
    .props = port_props,
    .state = port_state,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

static const struct device_class virtserialport_class = {
    .desc = "Named serial port of a virtio-serial-device",
    .bus = "virtio-serial-bus",
    .user_creatable = true,
    .props = port_props,
    .state = port_state,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

const struct device_type virtconsole_type = {
    "virtconsole", &virtconsole_class, sizeof(struct serial_port), offsetof(struct serial_port, s),
    sizeof(struct serial_port_state)};
const struct device_type virtserialport_type = {
    "virtserialport", &virtserialport_class, sizeof(struct serial_port),
    offsetof(struct serial_port, s), sizeof(struct serial_port_state)};

/* Ports tell the driver themselves. */
static const struct hw_bus_hotplug serial_hotplug = {NULL, NULL, NULL};

static char *new_bus_name(struct machine *m)
{
    unsigned n = 0;
    for (const struct hw_bus *b = m ? m->buses : NULL; b; b = b->next)
        n += strcmp(b->type, "virtio-serial-bus") == 0;
    return g_strdup_printf("virtio-serial-bus.%u", n);
}

static bool virtio_serial_realize(struct device *dev, struct error **errp)
{
    struct virtio_serial *d = (struct virtio_serial *)dev;
    if (d->max_ports < 1 || d->max_ports > MAX_PORTS) {
        error_set(errp, "max_ports is %u, must be 1 to %d", d->max_ports, MAX_PORTS);
        return false;
    }
    timer_init(&d->resume, &dev->lock, resume_input, d);
    virtio_init(&d->v, &virtio_serial_vclass, 2 * (d->max_ports + 1), QUEUE_SIZE, CONFIG_SIZE);
    d->bus.plug = serial_bus_plug;
    d->bus.hotplug = &serial_hotplug;
    d->bus.max = d->max_ports;
    hw_bus_register(&d->bus, dev, "virtio-serial-bus", new_bus_name(dev->machine));
    return true;
}

static void virtio_serial_unrealize(struct device *dev)
{
    timer_cancel(&((struct virtio_serial *)dev)->resume);
    virtio_fini((struct virtio_device *)dev);
    hw_bus_unregister(&((struct virtio_serial *)dev)->bus);
}

static void virtio_serial_loaded(struct device *dev)
{
    struct virtio_serial *d = (struct virtio_serial *)dev;
    for (unsigned nr = 0; nr < MAX_PORTS; nr++) {
        const struct serial_port *p = d->ports[nr];
        uint8_t possible = TODO_ADD | TODO_CONSOLE | TODO_OPEN | TODO_SIZE;
        possible |= p && p->name ? TODO_NAME : 0;
        d->s.todo[nr] &= TODO_REMOVE | (p ? possible : 0);
    }
}

static const struct state_field virtio_serial_state[] = {
    STATE(virtio_serial, v, 0),
    STATE(virtio_serial, device_ready, 0),
    STATE_ARRAY(virtio_serial, guest_open, 0),
    STATE_ARRAY(virtio_serial, todo, 0),
    STATE_ARRAY(virtio_serial, pad, 0),
    STATE_END,
};

static const struct prop virtio_serial_props[] = {
    PROP(prop_uint32, virtio_serial, "max_ports", max_ports, "31", "ports it can have"),
    PROP(prop_bool, virtio_serial, "emergency-write", emergency_write, "on",
         "offer output without a queue"),
    VIRTIO_PROPS(virtio_serial),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_serial, "virtio-serial-device") = {
    .desc = "Virtio serial device: a bus for virtconsole and virtserialport",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_serial_props,
    .state = virtio_serial_state,
    .realize = virtio_serial_realize,
    .unrealize = virtio_serial_unrealize,
    .sync = virtio_sync,
    .loaded = virtio_serial_loaded,
    .can_save = virtio_can_save,
};
