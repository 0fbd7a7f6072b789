/* Virtio input devices: keyboard, mouse and tablet.  Ref: VIRTIO 1.2, section 5.8. */
#include "ui/input.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>
#include <linux/input-event-codes.h>
#include <string.h>

enum { EVENTQ = 0, STATUSQ = 1, QUEUE_SIZE = 64, EVENT_SIZE = 8, MAX_PENDING = 64 };
enum { CONFIG_SIZE = 136, CONFIG_DATA = 8, MAX_DATA = 128 };
enum { /* what the driver may ask of the configuration */
       CFG_ID_NAME = 0x01,
       CFG_ID_SERIAL = 0x02,
       CFG_ID_DEVIDS = 0x03,
       CFG_EV_BITS = 0x11,
       CFG_ABS_INFO = 0x12,
};
enum { BUS_OF_VIRTUAL_DEVICES = 6, VENDOR = 0x0627, VERSION = 1 };

struct virtio_input {
    struct virtio_device v;
    char *serial, *display;
    uint32_t head;
    bool wheel_axis;
    struct input_handler handler;
    uint8_t pending[MAX_PENDING][EVENT_SIZE]; /* until they are complete */
    unsigned npending;
    struct virtio_input_state {
        struct virtio_state v;
        uint8_t select, subsel;
        uint8_t leds; /* bits 1 << LED_*, as the guest last set them */
        uint8_t pad[5];
    } s;
};

extern const struct device_type virtio_keyboard_type, virtio_mouse_type, virtio_tablet_type;

static bool is_keyboard(const struct virtio_input *d)
{
    return d->v.dev.type == &virtio_keyboard_type;
}

static bool is_tablet(const struct virtio_input *d)
{
    return d->v.dev.type == &virtio_tablet_type;
}

static struct virtio_input *of_handler(struct input_handler *h)
{
    return (struct virtio_input *)((char *)h - offsetof(struct virtio_input, handler));
}

/* With dev.lock held; the last place is kept for the end of the report. */
static void queue_event(struct virtio_input *d, uint16_t type, uint16_t code, int32_t value)
{
    if (d->npending >= MAX_PENDING - (type != EV_SYN))
        return;
    uint8_t *ev = d->pending[d->npending++];
    st_le16(ev, type);
    st_le16(ev + 2, code);
    st_le32(ev + 4, (uint32_t)value);
}

static void take_event(struct input_handler *h, const struct input_event *ev)
{
    static const uint16_t rel[] = {REL_X, REL_Y}, abs[] = {ABS_X, ABS_Y};
    struct virtio_input *d = of_handler(h);
    mutex_lock(&d->v.dev.lock);
    if (ev->kind == INPUT_WHEEL)
        queue_event(d, d->wheel_axis ? EV_REL : EV_KEY,
                    d->wheel_axis   ? REL_WHEEL
                    : ev->value > 0 ? BTN_GEAR_UP
                                    : BTN_GEAR_DOWN,
                    d->wheel_axis ? ev->value : 1);
    else if (ev->kind == INPUT_REL && ev->code < ARRAY_SIZE(rel))
        queue_event(d, EV_REL, rel[ev->code], ev->value);
    else if (ev->kind == INPUT_ABS && ev->code < ARRAY_SIZE(abs))
        queue_event(d, EV_ABS, abs[ev->code], CLAMP(ev->value, 0, INPUT_ABS_MAX));
    else if (ev->kind == INPUT_KEY || ev->kind == INPUT_BUTTON)
        queue_event(d, EV_KEY, ev->code, ev->value);
    mutex_unlock(&d->v.dev.lock);
}

/* All of a report or nothing: half of one would leave a key pressed for ever. */
static void send_pending(struct virtio_input *d)
{
    struct virtq_elem *e[MAX_PENDING];
    unsigned n = 0;
    while (n < d->npending && (e[n] = virtq_pop(&d->v, EVENTQ)))
        n++;
    if (n < d->npending) {
        while (n > 0)
            virtq_unpop(&d->v, e[--n]);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        virtq_push(&d->v, e[i], virtq_write(e[i], 0, d->pending[i], EVENT_SIZE));
    virtq_interrupt(&d->v, EVENTQ);
}

static void take_sync(struct input_handler *h)
{
    struct virtio_input *d = of_handler(h);
    mutex_lock(&d->v.dev.lock);
    queue_event(d, EV_SYN, SYN_REPORT, 0);
    if (virtq_is_live(&d->v, EVENTQ))
        send_pending(d);
    d->npending = 0;
    mutex_unlock(&d->v.dev.lock);
}

/* LEDs are all that the driver sends. */
static void run_status(struct virtio_input *d)
{
    struct virtq_elem *e;
    uint8_t ev[EVENT_SIZE];
    unsigned budget = virtq_budget(&d->v);
    while ((e = virtq_next(&d->v, STATUSQ, &budget))) {
        if (virtq_read(e, 0, ev, sizeof(ev)) == sizeof(ev) && ld_le16(ev) == EV_LED &&
            ld_le16(ev + 2) < 8)
            d->s.leds = (uint8_t)deposit64(d->s.leds, ld_le16(ev + 2), 1, ld_le32(ev + 4) != 0);
        virtq_push(&d->v, e, 0);
    }
    virtq_interrupt(&d->v, STATUSQ);
}

static void virtio_input_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_input *d = (struct virtio_input *)v;
    if (queue == STATUSQ)
        run_status(d);
    else
        input_activate(&d->handler);
}

static void set_bit(uint8_t *bits, unsigned n)
{
    if (n / 8 < MAX_DATA)
        bits[n / 8] |= (uint8_t)(1 << n % 8);
}

static void set_key_bit(const char *name UNUSED, uint16_t code, void *bits)
{
    set_bit(bits, code);
}

static void put_keys(const struct virtio_input *d, uint8_t *bits)
{
    static const uint16_t buttons[] = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA};
    if (is_keyboard(d)) {
        input_each_key(set_key_bit, bits);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(buttons); i++)
        set_bit(bits, buttons[i]);
    if (!d->wheel_axis) {
        set_bit(bits, BTN_GEAR_UP);
        set_bit(bits, BTN_GEAR_DOWN);
    }
}

/* The codes of one type of event that the device may send. */
static void put_event_bits(const struct virtio_input *d, uint8_t type, uint8_t *bits)
{
    bool pointer = !is_keyboard(d);
    switch (type) {
    case EV_KEY: put_keys(d, bits); break;
    case EV_REL:
        if (pointer && !is_tablet(d)) {
            set_bit(bits, REL_X);
            set_bit(bits, REL_Y);
        }
        if (pointer && d->wheel_axis)
            set_bit(bits, REL_WHEEL);
        break;
    case EV_ABS:
        if (is_tablet(d)) {
            set_bit(bits, ABS_X);
            set_bit(bits, ABS_Y);
        }
        break;
    case EV_LED:
        for (unsigned led = LED_NUML; !pointer && led <= LED_SCROLLL; led++)
            set_bit(bits, led);
        break;
    case EV_REP: bits[0] = pointer ? 0 : 0x03; break;
    }
}

static uint8_t put_text(uint8_t *data, const char *text)
{
    size_t n = text ? MIN(strlen(text), (size_t)MAX_DATA) : 0;
    if (n)
        memcpy(data, text, n);
    return (uint8_t)n;
}

static uint8_t put_ids(const struct virtio_input *d, uint8_t *data)
{
    st_le16(data, BUS_OF_VIRTUAL_DEVICES);
    st_le16(data + 2, VENDOR);
    st_le16(data + 4, is_keyboard(d) ? 1 : is_tablet(d) ? 3 : 2);
    st_le16(data + 6, VERSION);
    return 8;
}

static uint8_t put_abs(const struct virtio_input *d, uint8_t axis, uint8_t *data)
{
    if (!is_tablet(d) || (axis != ABS_X && axis != ABS_Y))
        return 0;
    st_le32(data + 4, INPUT_ABS_MAX); /* the rest (minimum, fuzz, flat, resolution) is 0 */
    return 20;
}

/* What is used of a field of bits. */
static uint8_t used_bytes(const uint8_t *data)
{
    uint8_t n = MAX_DATA;
    while (n > 0 && data[n - 1] == 0)
        n--;
    return n;
}

/* QUIRK: names and ids are those that guests' rules know. */
static uint8_t answer(const struct virtio_input *d, uint8_t *data)
{
    switch (d->s.select) {
    case CFG_ID_NAME:
        return put_text(data, is_keyboard(d) ? "QEMU Virtio Keyboard"
                              : is_tablet(d) ? "QEMU Virtio Tablet"
                                             : "QEMU Virtio Mouse");
    case CFG_ID_SERIAL: return put_text(data, d->serial);
    case CFG_ID_DEVIDS: return put_ids(d, data);
    case CFG_EV_BITS: put_event_bits(d, d->s.subsel, data); return used_bytes(data);
    case CFG_ABS_INFO: return put_abs(d, d->s.subsel, data);
    default: return 0; /* there are no device properties */
    }
}

static void virtio_input_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_input *d = (const struct virtio_input *)v;
    memset(config, 0, CONFIG_SIZE);
    config[0] = d->s.select;
    config[1] = d->s.subsel;
    config[2] = answer(d, config + CONFIG_DATA);
}

static void virtio_input_config_write(struct virtio_device *v, uint32_t off, unsigned size,
                                      uint32_t val)
{
    struct virtio_input *d = (struct virtio_input *)v;
    if (off + size > 2) {
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", off);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        *(off + i ? &d->s.subsel : &d->s.select) = (uint8_t)(val >> 8 * i);
}

static uint64_t virtio_input_features(struct virtio_device *v UNUSED)
{
    return 0;
}

static const struct virtio_class virtio_input_vclass = {
    .id = VIRTIO_ID_INPUT,
    .features = virtio_input_features,
    .config_read = virtio_input_config_read,
    .config_write = virtio_input_config_write,
    .queue = virtio_input_queue,
};

static void virtio_input_reset(struct device *dev)
{
    ((struct virtio_input *)dev)->npending = 0;
}

static bool virtio_input_realize(struct device *dev, struct error **errp)
{
    struct virtio_input *d = (struct virtio_input *)dev;
    if (d->serial && strlen(d->serial) > MAX_DATA) {
        error_set(errp, "serial has more than %d characters", MAX_DATA);
        return false;
    }
    virtio_init(&d->v, &virtio_input_vclass, 2, QUEUE_SIZE, CONFIG_SIZE);
    d->handler.name = dev->type->name;
    d->handler.event = take_event;
    d->handler.sync = take_sync;
    d->handler.kinds = is_keyboard(d) ? 1U << INPUT_KEY
                                      : 1U << INPUT_BUTTON | 1U << INPUT_WHEEL |
                                            1U << (is_tablet(d) ? INPUT_ABS : INPUT_REL);
    input_register(&d->handler);
    return true;
}

static void virtio_input_unrealize(struct device *dev)
{
    struct virtio_input *d = (struct virtio_input *)dev;
    input_unregister(&d->handler);
    virtio_fini(&d->v);
}

static const struct state_field virtio_input_state[] = {
    STATE(virtio_input, v, 0),    STATE(virtio_input, select, 0),    STATE(virtio_input, subsel, 0),
    STATE(virtio_input, leds, 0), STATE_ARRAY(virtio_input, pad, 0), STATE_END,
};

/* clang-format off */
#define INPUT_PROPS                                                                                \
    PROP(prop_string, virtio_input, "serial", serial, NULL, "serial number"),                      \
    PROP(prop_string, virtio_input, "display", display, NULL, "accepted: every display feeds it"), \
    PROP(prop_uint32, virtio_input, "head", head, "0", "accepted: every display feeds it"),        \
    VIRTIO_PROPS(virtio_input)

static const struct prop keyboard_props[] = {INPUT_PROPS, PROP_END};

static const struct prop pointer_props[] = {
    PROP(prop_bool, virtio_input, "wheel-axis", wheel_axis, "on",
         "the wheel is an axis (off: two buttons)"),
    INPUT_PROPS, PROP_END,
};

#define INPUT_CLASS(name, text, its_props)                                                         \
    static const struct device_class name##_class = {                                              \
        .desc = text,                                                                              \
        .bus = "virtio-mmio-bus",                                                                  \
        .user_creatable = true,                                                                    \
        .props = its_props,                                                                        \
        .state = virtio_input_state,                                                               \
        .realize = virtio_input_realize,                                                           \
        .unrealize = virtio_input_unrealize,                                                       \
        .sync = virtio_sync,                                                                       \
        .can_save = virtio_can_save,                                                               \
        .reset = virtio_input_reset,                                                               \
    }
INPUT_CLASS(virtio_keyboard, "Virtio keyboard", keyboard_props);
INPUT_CLASS(virtio_mouse, "Virtio mouse", pointer_props);
INPUT_CLASS(virtio_tablet, "Virtio tablet: a pointer with absolute positions", pointer_props);

#define INPUT_TYPE(var, text)                                                                      \
    const struct device_type var##_type = {text, &var##_class, sizeof(struct virtio_input),        \
                                           offsetof(struct virtio_input, s),                       \
                                           sizeof(struct virtio_input_state)}
INPUT_TYPE(virtio_keyboard, "virtio-keyboard-device");
INPUT_TYPE(virtio_mouse, "virtio-mouse-device");
INPUT_TYPE(virtio_tablet, "virtio-tablet-device");
/* clang-format on */
