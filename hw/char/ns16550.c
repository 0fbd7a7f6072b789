/*
 * NS16550A UART.  Ref: National Semiconductor PC16550D datasheet, June 1995.
 *
 * Transmission takes no time; the receiver's character timeout runs on virtual time at the
 * programmed speed.
 */
#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "util/fifo8.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };
enum { IER_RX = 0x01, IER_TX = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08, IER_MASK = 0x0f };
enum {
    IIR_MODEM = 0x00,
    IIR_NONE = 0x01,
    IIR_TX = 0x02,
    IIR_RX = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFOS = 0xc0
};
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_STICKY = 0xc9 };
enum { LCR_WORD = 0x03, LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10 };
enum { LSR_READY = 0x01, LSR_OVERRUN = 0x02, LSR_BREAK = 0x10, LSR_ERRORS = 0x1e, LSR_IDLE = 0x60 };
enum { LSR_FIFO_ERROR = 0x80, LSR_CHAR_ERRORS = 0x1c };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_TERI = 0x04 };
enum { MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD, MSR_LINES = 0xf0, MSR_DELTAS = 0x0f };
enum { DIVISOR_RESET = 12, TIMEOUT_CHARS = 4 };

struct ns16550 {
    struct device dev;
    struct chardev *chardev;
    uint32_t clock;          /* Hz of the baud rate generator's input */
    struct mem_region ports; /* of isa-serial, as are its place and line */
    uint32_t iobase, line, index;
    struct timer timeout;
    bool waiting;  /* timeout is armed */
    bool activity; /* a byte came or went since the timeout was last armed */
    struct ns16550_state {
        uint16_t divisor;
        uint8_t ier, fcr, lcr, mcr, scr;
        uint8_t lsr;        /* error bits only; the others follow from the rest */
        uint8_t msr;        /* lines and deltas */
        uint8_t tx_irq;     /* THRE latched; reading IIR or writing THR clears it */
        uint8_t rx_timeout; /* bytes below the trigger level have waited for four characters */
        uint8_t pad;
        struct fifo8 rx;
    } s;
};

static unsigned trigger_level(const struct ns16550_state *s)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

static bool rx_room(const struct ns16550_state *s)
{
    return s->fcr & FCR_ENABLE ? !fifo8_full(&s->rx) : fifo8_empty(&s->rx);
}

static bool below_trigger(const struct ns16550_state *s)
{
    return !fifo8_empty(&s->rx) && fifo8_len(&s->rx) < trigger_level(s);
}

/* The interrupt of the highest priority.  Ref: datasheet table IV. */
static uint8_t pending(const struct ns16550_state *s)
{
    if ((s->ier & IER_LINE) && (s->lsr & LSR_ERRORS))
        return IIR_LINE;
    if ((s->ier & IER_RX) && fifo8_len(&s->rx) >= trigger_level(s))
        return IIR_RX;
    if ((s->ier & IER_RX) && s->rx_timeout)
        return IIR_TIMEOUT;
    if ((s->ier & IER_TX) && s->tx_irq)
        return IIR_TX;
    return (s->ier & IER_MODEM) && (s->msr & MSR_DELTAS) ? IIR_MODEM : IIR_NONE;
}

/* Nanoseconds that four characters take on the line. */
static ns_t timeout_ns(const struct ns16550 *u)
{
    const struct ns16550_state *s = &u->s;
    unsigned bits =
        1 + 5 + (s->lcr & LCR_WORD) + (s->lcr & LCR_STOP ? 2 : 1) + (s->lcr & LCR_PARITY ? 1 : 0);
    uint64_t divisor = s->divisor ? s->divisor : 1;
    return TIMEOUT_CHARS * bits * 16 * divisor * 1000000000 / (u->clock ? u->clock : 1);
}

static void follow_timeout(struct ns16550 *u)
{
    struct ns16550_state *s = &u->s;
    bool want = (s->ier & IER_RX) && below_trigger(s) && !s->rx_timeout;
    if (want && (u->activity || !u->waiting))
        timer_set(&u->timeout, clock_now() + timeout_ns(u));
    else if (!want && u->waiting)
        timer_cancel(&u->timeout);
    u->waiting = want;
    u->activity = false;
}

/* The line is a pure function of s: accesses, reset and snapshot load all end here. */
static void ns16550_sync(struct device *dev)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    follow_timeout(u);
    irq_set(&dev->irq, pending(&u->s) != IIR_NONE);
}

static void ns16550_timeout(void *opaque)
{
    struct ns16550 *u = opaque;
    u->waiting = false;
    u->s.rx_timeout = below_trigger(&u->s);
    ns16550_sync(&u->dev);
}

static void push_rx(struct ns16550 *u, uint8_t byte)
{
    if (rx_room(&u->s))
        fifo8_push(&u->s.rx, byte);
    else
        u->s.lsr |= LSR_OVERRUN;
    u->activity = true;
}

static uint8_t pop_rx(struct ns16550 *u)
{
    u->s.rx_timeout = 0;
    u->activity = true;
    return fifo8_empty(&u->s.rx) ? 0 : fifo8_pop(&u->s.rx);
}

static void clear_rx(struct ns16550 *u)
{
    fifo8_clear(&u->s.rx);
    u->s.rx_timeout = 0;
    u->s.lsr &= (uint8_t)~LSR_CHAR_ERRORS;
}

/* Returns how many bytes fit; the chardev keeps the rest until chardev_resume(). */
static size_t ns16550_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    size_t i = 0;
    if (u->s.mcr & MCR_LOOP) /* the receiver is cut off from the line */
        return 0;
    while (i < n && rx_room(&u->s))
        push_rx(u, buf[i++]);
    ns16550_sync(dev);
    return i;
}

static void ns16550_event(struct device *dev, enum chardev_event ev)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    if (ev != CHARDEV_BREAK || (u->s.mcr & MCR_LOOP))
        return;
    push_rx(u, 0);
    u->s.lsr |= LSR_BREAK;
    ns16550_sync(dev);
}

/* Inputs as the modem, or in loop-back the own outputs, drive them.  Ref: datasheet 8.7. */
static uint8_t modem_inputs(uint8_t mcr)
{
    if (!(mcr & MCR_LOOP))
        return MSR_CONNECTED;
    return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
           (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(struct ns16550_state *s)
{
    uint8_t lines = modem_inputs(s->mcr);
    uint8_t changed = (s->msr ^ lines) & MSR_LINES;
    uint8_t deltas = (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    if ((changed & MSR_RI) && !(lines & MSR_RI)) /* ring indicates by its trailing edge only */
        deltas |= MSR_TERI;
    s->msr = lines | (s->msr & MSR_DELTAS) | deltas;
}

static uint8_t read_iir(struct ns16550_state *s)
{
    uint8_t what = pending(s);
    if (what == IIR_TX)
        s->tx_irq = 0;
    return what | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct ns16550_state *s)
{
    uint8_t v = s->lsr | LSR_IDLE | (fifo8_empty(&s->rx) ? 0 : LSR_READY);
    if ((s->fcr & FCR_ENABLE) && (s->lsr & LSR_CHAR_ERRORS))
        v |= LSR_FIFO_ERROR;
    s->lsr = 0;
    return v;
}

static uint8_t read_msr(struct ns16550_state *s)
{
    uint8_t v = s->msr;
    s->msr &= MSR_LINES;
    return v;
}

static uint8_t read_register(struct ns16550 *u, uint64_t off)
{
    struct ns16550_state *s = &u->s;
    switch (off) {
    case RBR_THR: return s->lcr & LCR_DLAB ? s->divisor & 0xff : pop_rx(u);
    case IER: return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
    case IIR_FCR: return read_iir(s);
    case LCR: return s->lcr;
    case MCR: return s->mcr;
    case LSR: return read_lsr(s);
    case MSR: return read_msr(s);
    default: return s->scr;
    }
}

static uint64_t ns16550_read(struct device *dev, struct access a)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    struct ns16550_state before = u->s;
    bool activity = u->activity;
    uint8_t v = read_register(u, a.off);
    if (a.peek) { /* a debugger looked: leave no trace */
        u->s = before;
        u->activity = activity;
        return v;
    }
    if (a.off == RBR_THR && rx_room(&u->s))
        chardev_resume(u->chardev);
    ns16550_sync(dev);
    return v;
}

static void write_thr(struct ns16550 *u, uint8_t v)
{
    struct ns16550_state *s = &u->s;
    if (s->lcr & LCR_DLAB) {
        s->divisor = (s->divisor & 0xff00) | v;
        return;
    }
    if (s->mcr & MCR_LOOP)
        push_rx(u, v);
    else
        chardev_write(u->chardev, v);
    s->tx_irq = 1;
}

static void write_ier(struct ns16550_state *s, uint8_t v)
{
    if (s->lcr & LCR_DLAB) {
        s->divisor = (s->divisor & 0x00ff) | v << 8;
        return;
    }
    if (v & ~s->ier & IER_TX) /* enabling THRE on an idle line raises it */
        s->tx_irq = 1;
    s->ier = v & IER_MASK;
}

static void write_fcr(struct ns16550 *u, uint8_t v)
{
    struct ns16550_state *s = &u->s;
    bool toggled = (v ^ s->fcr) & FCR_ENABLE;
    if (toggled || ((v & FCR_ENABLE) && (v & FCR_CLEAR_RX)))
        clear_rx(u);
    s->fcr = v & FCR_ENABLE ? v & FCR_STICKY : 0; /* the other bits need FIFOs enabled */
}

static void ns16550_write(struct device *dev, struct access a, uint64_t val)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    uint8_t v = val;
    switch (a.off) {
    case RBR_THR: write_thr(u, v); break;
    case IER: write_ier(&u->s, v); break;
    case IIR_FCR: write_fcr(u, v); break;
    case LCR: u->s.lcr = v; break;
    case MCR:
        u->s.mcr = v & 0x1f;
        update_modem(&u->s);
        break;
    case SCR: u->s.scr = v; break;
    default: dev_guest_error(dev, "write %#x to read-only register %d", v, (int)a.off);
    }
    if ((a.off == IIR_FCR || a.off == MCR) && rx_room(&u->s))
        chardev_resume(u->chardev);
    ns16550_sync(dev);
}

static bool ns16550_realize(struct device *dev, struct error **errp UNUSED)
{
    struct ns16550 *u = (struct ns16550 *)dev;
    timer_init(&u->timeout, &dev->lock, ns16550_timeout, u);
    if (u->chardev)
        chardev_on_event(u->chardev, dev, ns16550_event);
    return true;
}

static void ns16550_unrealize(struct device *dev)
{
    timer_cancel(&((struct ns16550 *)dev)->timeout);
}

static const struct state_field ns16550_state[] = {
    STATE(ns16550, divisor, DIVISOR_RESET),
    STATE(ns16550, ier, 0),
    STATE(ns16550, fcr, 0),
    STATE(ns16550, lcr, 0x03),
    STATE(ns16550, mcr, MCR_OUT2),
    STATE(ns16550, scr, 0),
    STATE(ns16550, lsr, 0),
    STATE(ns16550, msr, MSR_CONNECTED),
    STATE(ns16550, tx_irq, 0),
    STATE(ns16550, rx_timeout, 0),
    STATE(ns16550, pad, 0),
    STATE(ns16550, rx, 0),
    STATE_END,
};

static const struct chardev_front ns16550_front = {ns16550_receive};

static const struct prop ns16550_props[] = {
    PROP_CHARDEV(ns16550, chardev, &ns16550_front, "other end of the serial line"),
    PROP(prop_uint32, ns16550, "clock-frequency", clock, "3686400", "input clock in Hz"),
    PROP_END,
};

DEVICE_CLASS_NAMED(ns16550, "serial-mm") = {
    .desc = "16550A serial port",
    .compatible = "ns16550a",
    .mmio = {ns16550_read, ns16550_write, .min = 1, .max = 1, .size = 8},
    .props = ns16550_props,
    .state = ns16550_state,
    .realize = ns16550_realize,
    .unrealize = ns16550_unrealize,
    .sync = ns16550_sync,
};

/* On the ISA bus: COM1 to COM4 have their places. */
extern const struct device_type isa_serial_type;
enum { COMS = 4, BY_INDEX = 0xffffffff };

static unsigned first_free_index(struct device *dev)
{
    unsigned n = 0;
    for (const struct device *d = dev->machine->devices; d; d = d->next)
        n += d->type == &isa_serial_type && d->realized;
    return n;
}

static bool choose_place(struct ns16550 *u, struct error **errp)
{
    static const struct {
        uint16_t port;
        uint8_t line;
    } coms[COMS] = {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}};
    if (u->index == (uint32_t)BY_INDEX)
        u->index = first_free_index(&u->dev);
    if (u->index >= COMS && (u->iobase == (uint32_t)BY_INDEX || u->line == (uint32_t)BY_INDEX)) {
        error_set(errp, "index %u: there are four places, 0 to 3; give iobase and irq", u->index);
        return false;
    }
    if (u->iobase == (uint32_t)BY_INDEX)
        u->iobase = coms[u->index].port;
    if (u->line == (uint32_t)BY_INDEX)
        u->line = coms[u->index].line;
    if (u->iobase <= 0xfff8)
        return true;
    error_set(errp, "iobase is %#x, must be 0 to 0xfff8", u->iobase);
    return false;
}

static bool isa_serial_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {ns16550_read, ns16550_write, .min = 1, .max = 1, .size = 8};
    struct ns16550 *u = (struct ns16550 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL || !choose_place(u, errp) || !isa_connect_irq(bus, &dev->irq, u->line, errp) ||
        !ns16550_realize(dev, errp))
        return false;
    region_init_mmio(&u->ports, "serial", &ops, dev);
    isa_add_ports(bus, (uint16_t)u->iobase, &u->ports);
    return true;
}

static void isa_serial_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct ns16550 *)dev)->ports);
    ns16550_unrealize(dev);
}

static const struct prop isa_serial_props[] = {
    PROP_CHARDEV(ns16550, chardev, &ns16550_front, "other end of the serial line"),
    PROP(prop_uint32, ns16550, "index", index, "4294967295", "0 is COM1 (default: first free)"),
    PROP(prop_uint32, ns16550, "iobase", iobase, "4294967295", "first port (default: by index)"),
    PROP(prop_uint32, ns16550, "irq", line, "4294967295", "interrupt line (default: by index)"),
    PROP(prop_uint32, ns16550, "clock-frequency", clock, "1843200", "input clock in Hz"),
    PROP_END,
};

static const struct device_class isa_serial_class = {
    .desc = "16550A serial port of a PC",
    .bus = "ISA",
    .user_creatable = true,
    .props = isa_serial_props,
    .state = ns16550_state,
    .realize = isa_serial_realize,
    .unrealize = isa_serial_unrealize,
    .sync = ns16550_sync,
};

const struct device_type isa_serial_type = {"isa-serial", &isa_serial_class, sizeof(struct ns16550),
                                            offsetof(struct ns16550, s),
                                            sizeof(struct ns16550_state)};
