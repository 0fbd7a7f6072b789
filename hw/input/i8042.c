/*
 * Keyboard controller (8042) with a keyboard and a mouse.
 * Ref: IBM PS/2 Technical Reference, Keyboard and Auxiliary Device Controller, 1988; output port
 * and self test as the AT's BIOS uses them.
 */
#include "hw/input/i8042.h"
#include "core/clock.h"
#include "core/machine.h"
#include "hw/input/ps2.h"
#include "hw/isa/isa.h"
#include "ui/input.h"
#include "util/bits.h"
#include "util/fifo8.h"

#include <linux/input-event-codes.h>

enum { STATUS_FULL = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10 };
enum { STATUS_MOUSE = 0x20 };
enum { /* the command byte */
       C_KBD_INT = 0x01,
       C_MOUSE_INT = 0x02,
       C_SYSTEM = 0x04,
       C_KBD_OFF = 0x10,
       C_MOUSE_OFF = 0x20,
       C_TRANSLATE = 0x40
};
enum { P_RESET = 0x01, P_A20 = 0x02, P_KBD_FULL = 0x10, P_MOUSE_FULL = 0x20 };
enum { RAM_SIZE = 32, INPUT_PORT = 0x80, TEST_OK = 0x55 };
enum { /* commands */
       READ_RAM = 0x20,
       WRITE_RAM = 0x60,
       TEST_PASSWORD = 0xa4,
       MOUSE_DISABLE = 0xa7,
       MOUSE_ENABLE = 0xa8,
       MOUSE_TEST = 0xa9,
       SELF_TEST = 0xaa,
       KBD_TEST = 0xab,
       KBD_DISABLE = 0xad,
       KBD_ENABLE = 0xae,
       READ_INPUT = 0xc0,
       POLL_INPUT_LOW = 0xc1,
       POLL_INPUT_HIGH = 0xc2,
       READ_OUTPUT = 0xd0,
       WRITE_OUTPUT = 0xd1,
       WRITE_KBD_BUFFER = 0xd2,
       WRITE_MOUSE_BUFFER = 0xd3,
       WRITE_MOUSE = 0xd4,
       A20_OFF = 0xdd,
       A20_ON = 0xdf,
       READ_TEST = 0xe0,
       PULSE = 0xf0
};
enum { FROM_NOBODY, FROM_CONTROLLER, FROM_KBD, FROM_MOUSE };
enum { NO_PASSWORD = 0xf1 };

struct i8042 {
    struct device dev;
    struct irq mouse_irq, a20;
    struct timer repeat;
    struct mem_region data_port, command_port;
    uint32_t kbd_line, mouse_line;
    struct input_handler keys, pointer;
    struct i8042_state {
        struct ps2_keyboard kbd;
        struct ps2_mouse mouse;
        struct fifo8 replies;
        uint8_t ram[RAM_SIZE]; /* 0: the command byte */
        uint8_t output_port;
        uint8_t data, source; /* the output buffer, and who filled it */
        uint8_t command;      /* whose parameter comes next */
        uint8_t was_command;  /* the last write went to the command port */
        uint8_t system;       /* the flag: self test passed */
        uint8_t translating;  /* a break prefix was read */
        uint8_t pad[7];
    } s;
};

static uint8_t *command_byte(struct i8042_state *s)
{
    return &s->ram[0];
}

/* The next byte of the keyboard, translated if wanted: a break prefix is kept back. */
static bool next_key(struct i8042_state *s, uint8_t *v)
{
    while (ps2_pop(&s->kbd.out, v)) {
        s->kbd.last_sent = *v;
        if (!(*command_byte(s) & C_TRANSLATE))
            return true;
        if (*v == 0xf0) {
            s->translating = 1;
            continue;
        }
        *v = ps2_translate(*v) | (s->translating ? 0x80 : 0);
        s->translating = 0;
        return true;
    }
    return false;
}

static void fill_buffer(struct i8042_state *s)
{
    if (s->source != FROM_NOBODY)
        return;
    if (!fifo8_empty(&s->replies)) {
        s->data = fifo8_pop(&s->replies);
        s->source = FROM_CONTROLLER;
    } else if (!(*command_byte(s) & C_KBD_OFF) && next_key(s, &s->data)) {
        s->source = FROM_KBD;
    } else if (!(*command_byte(s) & C_MOUSE_OFF) && ps2_pop(&s->mouse.out, &s->data)) {
        s->mouse.last_sent = s->data;
        s->source = FROM_MOUSE;
    }
}

static void i8042_sync(struct device *dev)
{
    struct i8042 *k = (struct i8042 *)dev;
    struct i8042_state *s = &k->s;
    ps2_mouse_sync(&s->mouse);
    fill_buffer(s);
    bool from_mouse = s->source == FROM_MOUSE, full = s->source != FROM_NOBODY;
    irq_set(&dev->irq, full && !from_mouse && (*command_byte(s) & C_KBD_INT));
    irq_set(&k->mouse_irq, from_mouse && (*command_byte(s) & C_MOUSE_INT));
    irq_set(&k->a20, s->output_port & P_A20);
    if (s->kbd.repeat_at)
        timer_set(&k->repeat, s->kbd.repeat_at);
    else
        timer_cancel(&k->repeat);
}

static void repeat_fired(void *opaque)
{
    struct i8042 *k = opaque;
    ps2_keyboard_repeat(&k->s.kbd, clock_now());
    i8042_sync(&k->dev);
}

static uint64_t data_read(struct device *dev, struct access a)
{
    struct i8042 *k = (struct i8042 *)dev;
    uint8_t v = k->s.data;
    if (a.peek)
        return v;
    if (k->s.source != FROM_NOBODY) { /* the lines fall before the next byte raises them */
        k->s.source = FROM_NOBODY;
        irq_set(&dev->irq, false);
        irq_set(&k->mouse_irq, false);
    }
    i8042_sync(dev);
    return v;
}

static uint64_t status_read(struct device *dev, struct access a UNUSED)
{
    const struct i8042_state *s = &((struct i8042 *)dev)->s;
    return STATUS_UNLOCKED | (s->source != FROM_NOBODY ? STATUS_FULL : 0) |
           (s->source == FROM_MOUSE ? STATUS_MOUSE : 0) | (s->system ? STATUS_SYSTEM : 0) |
           (s->was_command ? STATUS_COMMAND : 0);
}

static void reply(struct i8042_state *s, uint8_t v)
{
    fifo8_push(&s->replies, v);
}

static void set_command_byte(struct i8042_state *s, uint8_t v)
{
    *command_byte(s) = v;
    s->system = !!(v & C_SYSTEM);
}

static void reset_machine(struct i8042 *k)
{
    if (k->dev.machine)
        machine_request_reset(k->dev.machine);
}

static void write_output_port(struct i8042 *k, uint8_t v)
{
    k->s.output_port = v | P_RESET;
    if (!(v & P_RESET))
        reset_machine(k);
}

static uint8_t read_output_port(const struct i8042_state *s)
{
    uint8_t lines = s->source == FROM_MOUSE ? P_MOUSE_FULL : s->source ? P_KBD_FULL : 0;
    return (s->output_port & (uint8_t) ~(P_KBD_FULL | P_MOUSE_FULL)) | lines;
}

static void set_flag(struct i8042_state *s, uint8_t flag, bool on)
{
    *command_byte(s) = on ? *command_byte(s) | flag : *command_byte(s) & (uint8_t)~flag;
}

static void self_test(struct i8042_state *s)
{
    s->source = FROM_NOBODY;
    fifo8_clear(&s->replies);
    *command_byte(s) = C_KBD_OFF | C_MOUSE_OFF;
    s->system = 1;
    s->translating = 0;
    reply(s, TEST_OK);
}

/* QUIRK: A20 by command, as chip sets that replace the 8042 have it. */
static void do_command(struct i8042 *k, uint8_t v)
{
    struct i8042_state *s = &k->s;
    if (v >= READ_RAM && v < READ_RAM + RAM_SIZE) {
        reply(s, s->ram[v - READ_RAM]);
        return;
    }
    if ((v >= WRITE_RAM && v < WRITE_RAM + RAM_SIZE) || (v >= WRITE_OUTPUT && v <= WRITE_MOUSE)) {
        s->command = v;
        return;
    }
    switch (v) {
    case TEST_PASSWORD: reply(s, NO_PASSWORD); break;
    case MOUSE_DISABLE: set_flag(s, C_MOUSE_OFF, true); break;
    case MOUSE_ENABLE: set_flag(s, C_MOUSE_OFF, false); break;
    case KBD_DISABLE: set_flag(s, C_KBD_OFF, true); break;
    case KBD_ENABLE: set_flag(s, C_KBD_OFF, false); break;
    case MOUSE_TEST:
    case KBD_TEST:
    case READ_TEST: reply(s, 0); break;
    case SELF_TEST: self_test(s); break;
    case READ_INPUT:
    case POLL_INPUT_LOW:
    case POLL_INPUT_HIGH: reply(s, INPUT_PORT); break;
    case READ_OUTPUT: reply(s, read_output_port(s)); break;
    case A20_OFF: s->output_port &= (uint8_t)~P_A20; break;
    case A20_ON: s->output_port |= P_A20; break;
    default:
        if (v < PULSE)
            dev_guest_error(&k->dev, "unknown command %#x", v);
        else if (!(v & P_RESET))
            reset_machine(k);
    }
}

static void command_write(struct device *dev, struct access a UNUSED, uint64_t val)
{
    struct i8042 *k = (struct i8042 *)dev;
    k->s.was_command = 1;
    k->s.command = 0;
    do_command(k, (uint8_t)val);
    i8042_sync(dev);
}

static void put_in_buffer(struct i8042_state *s, uint8_t v, uint8_t source)
{
    s->data = v;
    s->source = source;
}

static void take_parameter(struct i8042 *k, uint8_t v)
{
    struct i8042_state *s = &k->s;
    switch (s->command) {
    case WRITE_RAM: set_command_byte(s, v); break;
    case WRITE_OUTPUT: write_output_port(k, v); break;
    case WRITE_KBD_BUFFER: put_in_buffer(s, v, FROM_KBD); break;
    case WRITE_MOUSE_BUFFER: put_in_buffer(s, v, FROM_MOUSE); break;
    case WRITE_MOUSE:
        set_flag(s, C_MOUSE_OFF, false);
        ps2_mouse_write(&s->mouse, v);
        if (s->mouse.enabled)
            input_activate(&k->pointer);
        break;
    default: s->ram[s->command - WRITE_RAM] = v;
    }
    s->command = 0;
}

static void data_write(struct device *dev, struct access a UNUSED, uint64_t val)
{
    struct i8042 *k = (struct i8042 *)dev;
    struct i8042_state *s = &k->s;
    s->was_command = 0;
    if (s->command) {
        take_parameter(k, (uint8_t)val);
    } else {
        set_flag(s, C_KBD_OFF, false);
        ps2_keyboard_write(&s->kbd, (uint8_t)val, clock_now());
        s->translating = 0;
        if (val == 0xf4)
            input_activate(&k->keys);
    }
    i8042_sync(dev);
}

static void key_event(struct input_handler *h, const struct input_event *ev)
{
    struct i8042 *k = container_of(h, struct i8042, keys);
    mutex_lock(&k->dev.lock);
    ps2_keyboard_key(&k->s.kbd, ev->code, ev->value, clock_now());
    i8042_sync(&k->dev);
    mutex_unlock(&k->dev.lock);
}

static void key_sync(struct input_handler *h UNUSED)
{
}

static void button(struct ps2_mouse *m, uint16_t code, bool pressed)
{
    static const uint16_t codes[] = {BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA};
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i] == code)
            m->buttons = (uint8_t)deposit64(m->buttons, i, 1, pressed);
}

static void pointer_event(struct input_handler *h, const struct input_event *ev)
{
    struct i8042 *k = container_of(h, struct i8042, pointer);
    struct ps2_mouse *m = &k->s.mouse;
    int32_t v = ev->value > INT16_MAX ? INT16_MAX : ev->value < -INT16_MAX ? -INT16_MAX : ev->value;
    mutex_lock(&k->dev.lock);
    if (ev->kind == INPUT_BUTTON)
        button(m, ev->code, v);
    else if (ev->kind == INPUT_WHEEL)
        m->dz -= v;
    else if (ev->code == INPUT_X)
        m->dx += v;
    else
        m->dy -= v; /* up is positive */
    mutex_unlock(&k->dev.lock);
}

static void pointer_sync(struct input_handler *h)
{
    struct i8042 *k = container_of(h, struct i8042, pointer);
    device_sync(&k->dev);
}

struct irq *i8042_a20(struct device *dev)
{
    return &((struct i8042 *)dev)->a20;
}

static void i8042_reset(struct device *dev)
{
    struct i8042_state *s = &((struct i8042 *)dev)->s;
    ps2_keyboard_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
}

static void i8042_loaded(struct device *dev)
{
    struct i8042_state *s = &((struct i8042 *)dev)->s;
    ps2_keyboard_check(&s->kbd);
    ps2_mouse_check(&s->mouse);
    s->replies.head %= FIFO8_SIZE;
    s->replies.len = (uint8_t)fifo8_len(&s->replies);
    bool takes = (s->command >= WRITE_RAM && s->command < WRITE_RAM + RAM_SIZE) ||
                 (s->command >= WRITE_OUTPUT && s->command <= WRITE_MOUSE);
    if (!takes)
        s->command = 0;
}

static void show_ports(struct i8042 *k, struct isa_bus *bus)
{
    static const struct mmio_ops data = {data_read, data_write, .min = 1, .max = 1, .size = 1};
    static const struct mmio_ops command = {status_read, command_write, .min = 1, .max = 1,
                                            .size = 1};
    region_init_mmio(&k->data_port, "i8042-data", &data, &k->dev);
    region_init_mmio(&k->command_port, "i8042-cmd", &command, &k->dev);
    isa_add_ports(bus, 0x60, &k->data_port);
    isa_add_ports(bus, 0x64, &k->command_port);
}

static bool i8042_realize(struct device *dev, struct error **errp)
{
    struct i8042 *k = (struct i8042 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL || !isa_connect_irq(bus, &dev->irq, k->kbd_line, errp) ||
        !isa_connect_irq(bus, &k->mouse_irq, k->mouse_line, errp))
        return false;
    timer_init(&k->repeat, &dev->lock, repeat_fired, k);
    show_ports(k, bus);
    k->keys = (struct input_handler){
        .name = "PS/2 keyboard", .kinds = 1U << INPUT_KEY, .event = key_event, .sync = key_sync};
    k->pointer =
        (struct input_handler){.name = "PS/2 mouse",
                               .kinds = 1U << INPUT_BUTTON | 1U << INPUT_REL | 1U << INPUT_WHEEL,
                               .event = pointer_event,
                               .sync = pointer_sync};
    input_register(&k->keys);
    input_register(&k->pointer);
    return true;
}

static void i8042_unrealize(struct device *dev)
{
    struct i8042 *k = (struct i8042 *)dev;
    input_unregister(&k->keys);
    input_unregister(&k->pointer);
    isa_del_ports(dev->machine, &k->data_port);
    isa_del_ports(dev->machine, &k->command_port);
    timer_cancel(&k->repeat);
}

static const struct state_field i8042_state[] = {
    STATE(i8042, kbd, 0),
    STATE(i8042, mouse, 0),
    STATE(i8042, replies, 0),
    STATE_ARRAY(i8042, ram, 0),
    STATE(i8042, output_port, P_RESET | P_A20 | 0xcc),
    STATE(i8042, data, 0),
    STATE(i8042, source, 0),
    STATE(i8042, command, 0),
    STATE(i8042, was_command, 0),
    STATE(i8042, system, 0),
    STATE(i8042, translating, 0),
    STATE_ARRAY(i8042, pad, 0),
    STATE_END,
};

static const struct prop i8042_props[] = {
    PROP(prop_uint32, i8042, "kbd-irq", kbd_line, "1", "interrupt line of the keyboard"),
    PROP(prop_uint32, i8042, "mouse-irq", mouse_line, "12", "interrupt line of the mouse"),
    PROP_END,
};

DEVICE_CLASS(i8042) = {
    .desc = "Keyboard controller (8042) with PS/2 keyboard and mouse",
    .bus = "ISA",
    .user_creatable = true,
    .props = i8042_props,
    .state = i8042_state,
    .realize = i8042_realize,
    .unrealize = i8042_unrealize,
    .reset = i8042_reset,
    .loaded = i8042_loaded,
    .sync = i8042_sync,
};
