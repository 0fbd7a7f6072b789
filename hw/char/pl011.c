/*
 * PrimeCell UART (PL011).  Ref: Arm DDI 0183, revision r1p5.
 *
 * Transmission takes no time; the receive timeout runs on virtual time at the programmed speed.
 *
 * QUIRK: the line works whether or not UARTEN, TXE and RXE are set: bare-metal programs leave that
 * to firmware that is not there.
 */
#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/device.h"

enum {
    DR = 0x00,
    RSR = 0x04, /* write: ECR */
    FR = 0x18,
    ILPR = 0x20,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
    DMACR = 0x48,
    PERIPH_ID = 0xfe0,
    REGS_SIZE = 0x1000,
};
enum { DATA = 0xff, DATA_FE = 0x100, DATA_PE = 0x200, DATA_BE = 0x400, DATA_OE = 0x800 };
enum { RSR_OE = 0x8, ERROR_SHIFT = 8 };
enum {
    FR_CTS = 0x01,
    FR_DSR = 0x02,
    FR_DCD = 0x04,
    FR_RXFE = 0x10,
    FR_RXFF = 0x40,
    FR_TXFE = 0x80,
    FR_RI = 0x100
};
enum { LCR_STP2 = 0x08, LCR_PEN = 0x02, LCR_FEN = 0x10, LCR_WLEN_SHIFT = 5, LCR_BRK = 0x01 };
enum { CR_LBE = 0x80, CR_DTR = 0x400, CR_RTS = 0x800, CR_OUT1 = 0x1000, CR_OUT2 = 0x2000 };
enum {
    INT_RI = 0x001,
    INT_CTS = 0x002,
    INT_DCD = 0x004,
    INT_DSR = 0x008,
    INT_RX = 0x010,
    INT_TX = 0x020,
    INT_RT = 0x040,
    INT_FE = 0x080,
    INT_PE = 0x100,
    INT_BE = 0x200,
    INT_OE = 0x400,
    INT_ALL = 0x7ff
};
enum { FIFO_DEPTH = 16, CR_RESET = 0x300, IFLS_RESET = 0x12, TIMEOUT_BITS = 32 };
enum { CR_MASK = 0xff87, LCR_MASK = 0xff, IFLS_MASK = 0x3f, DMACR_MASK = 0x7, FBRD_MASK = 0x3f };

struct pl011 {
    struct device dev;
    struct chardev *chardev;
    uint32_t clock; /* UARTCLK, Hz */
    bool luminary;
    struct timer timeout;
    bool waiting;  /* timeout is armed */
    bool activity; /* a character came or went since it was last armed */
    struct pl011_state {
        uint16_t rx[FIFO_DEPTH]; /* characters with their error bits */
        uint16_t ris, imsc;      /* interrupts latched, and enabled */
        uint16_t ibrd, cr;
        uint16_t modem; /* FR's modem inputs as last seen */
        uint8_t head, len;
        uint8_t rsr, ilpr, fbrd, lcr_h, ifls, dmacr;
        /* FBRD and IBRD take effect with a write to LCR_H. */
        uint8_t overrun; /* the next character received carries OE */
        uint8_t pad;
    } s;
};

static unsigned depth(const struct pl011_state *s)
{
    return s->lcr_h & LCR_FEN ? FIFO_DEPTH : 1;
}

static bool rx_full(const struct pl011_state *s)
{
    return s->len >= depth(s);
}

/* Characters in the FIFO that make the receive interrupt.  Ref: 3.3.9. */
static unsigned trigger_level(const struct pl011_state *s)
{
    static const uint8_t levels[8] = {2, 4, 8, 12, 14, 14, 14, 14};
    return s->lcr_h & LCR_FEN ? levels[s->ifls >> 3 & 7] : 1;
}

/* The time of 32 bits on the line.  Ref: 2.8.4. */
static ns_t timeout_ns(const struct pl011 *u)
{
    uint64_t divisor = (uint64_t)u->s.ibrd * 64 + u->s.fbrd; /* of UARTCLK / 16, in 64ths */
    divisor = divisor ? divisor : 64;
    return (ns_t)(TIMEOUT_BITS * UINT64_C(1000000000) / 4 * divisor / (u->clock ? u->clock : 1));
}

static void follow_timeout(struct pl011 *u)
{
    struct pl011_state *s = &u->s;
    bool want = s->len && (s->lcr_h & LCR_FEN) && !(s->ris & INT_RT);
    if (want && (u->activity || !u->waiting))
        timer_set(&u->timeout, clock_now() + timeout_ns(u));
    else if (!want && u->waiting)
        timer_cancel(&u->timeout);
    u->waiting = want;
    u->activity = false;
}

static void pl011_sync(struct device *dev)
{
    struct pl011 *u = (struct pl011 *)dev;
    follow_timeout(u);
    irq_set(&dev->irq, (u->s.ris & u->s.imsc) != 0);
}

static void timed_out(void *opaque)
{
    struct pl011 *u = opaque;
    u->waiting = false;
    if (u->s.len)
        u->s.ris |= INT_RT;
    pl011_sync(&u->dev);
}

/* A character with error bits arrives. */
static void push_rx(struct pl011 *u, uint16_t c)
{
    struct pl011_state *s = &u->s;
    u->activity = true;
    if (rx_full(s)) {
        s->overrun = 1;
        s->rsr |= RSR_OE;
        s->ris |= INT_OE;
        return;
    }
    if (s->overrun)
        c |= DATA_OE;
    s->overrun = 0;
    s->rx[(s->head + s->len++) % FIFO_DEPTH] = c;
    if (s->len >= trigger_level(s))
        s->ris |= INT_RX;
    s->ris |= (c & DATA_FE ? INT_FE : 0) | (c & DATA_PE ? INT_PE : 0) | (c & DATA_BE ? INT_BE : 0);
}

static uint16_t pop_rx(struct pl011 *u)
{
    struct pl011_state *s = &u->s;
    uint16_t c = s->rx[s->head % FIFO_DEPTH];
    if (s->len == 0)
        return c; /* what was read last */
    if (--s->len)
        s->head = (s->head + 1) % FIFO_DEPTH;
    u->activity = true;
    s->rsr = (s->rsr & RSR_OE) | (c >> ERROR_SHIFT & 0xf);
    if (s->len < trigger_level(s))
        s->ris &= (uint16_t)~INT_RX;
    if (s->len == 0)
        s->ris &= (uint16_t)~INT_RT;
    return c;
}

/* Returns how many bytes fit; the chardev keeps the rest until chardev_resume(). */
static size_t pl011_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct pl011 *u = (struct pl011 *)dev;
    size_t i = 0;
    if (u->s.cr & CR_LBE) /* the receiver is cut off from the line */
        return 0;
    while (i < n && !rx_full(&u->s))
        push_rx(u, buf[i++]);
    pl011_sync(dev);
    return i;
}

static void pl011_event(struct device *dev, enum chardev_event ev)
{
    struct pl011 *u = (struct pl011 *)dev;
    if (ev != CHARDEV_BREAK || (u->s.cr & CR_LBE))
        return;
    push_rx(u, DATA_BE | DATA_FE);
    pl011_sync(dev);
}

/* Modem inputs as a connected line, or in loop-back the own outputs, drive them.  Ref: 2.7.2. */
static uint16_t modem_inputs(uint16_t cr)
{
    if (!(cr & CR_LBE))
        return FR_CTS | FR_DSR | FR_DCD;
    return (cr & CR_RTS ? FR_CTS : 0) | (cr & CR_DTR ? FR_DSR : 0) | (cr & CR_OUT1 ? FR_DCD : 0) |
           (cr & CR_OUT2 ? FR_RI : 0);
}

static void update_modem(struct pl011_state *s)
{
    uint16_t now = modem_inputs(s->cr), changed = now ^ s->modem;
    s->ris |= (changed & FR_CTS ? INT_CTS : 0) | (changed & FR_DSR ? INT_DSR : 0) |
              (changed & FR_DCD ? INT_DCD : 0) | (changed & FR_RI ? INT_RI : 0);
    s->modem = now;
}

static uint16_t flags(const struct pl011_state *s)
{
    return s->modem | FR_TXFE | (s->len == 0 ? FR_RXFE : 0) | (rx_full(s) ? FR_RXFF : 0);
}

static uint8_t read_id(const struct pl011 *u, uint64_t off)
{
    static const uint8_t ids[2][8] = {{0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1},
                                      {0x11, 0x00, 0x18, 0x01, 0x0d, 0xf0, 0x05, 0xb1}};
    uint64_t i = (off - PERIPH_ID) / 4;
    return i < sizeof(ids[0]) ? ids[u->luminary][i] : 0;
}

static uint32_t read_register(struct pl011 *u, uint64_t off)
{
    const struct pl011_state *s = &u->s;
    switch (off) {
    case DR: return pop_rx(u);
    case RSR: return s->rsr;
    case FR: return flags(s);
    case ILPR: return s->ilpr;
    case IBRD: return s->ibrd;
    case FBRD: return s->fbrd;
    case LCR_H: return s->lcr_h;
    case CR: return s->cr;
    case IFLS: return s->ifls;
    case IMSC: return s->imsc;
    case RIS: return s->ris;
    case MIS: return s->ris & s->imsc;
    case DMACR: return s->dmacr;
    default: break;
    }
    if (off >= PERIPH_ID)
        return read_id(u, off);
    dev_guest_error(&u->dev, "read of write-only or unknown register %#x", (unsigned)off);
    return 0;
}

static uint64_t pl011_read(struct device *dev, struct access a)
{
    struct pl011 *u = (struct pl011 *)dev;
    struct pl011_state before = u->s;
    bool activity = u->activity;
    uint32_t v = read_register(u, a.off & ~UINT64_C(3));
    if (a.peek) { /* a debugger looked: leave no trace */
        u->s = before;
        u->activity = activity;
        return v;
    }
    if (a.off == DR) {
        if (!rx_full(&u->s))
            chardev_resume(u->chardev);
        pl011_sync(dev);
    }
    return v;
}

static void transmit(struct pl011 *u, uint8_t byte)
{
    if (u->s.cr & CR_LBE)
        push_rx(u, byte);
    else
        chardev_write(u->chardev, byte);
    u->s.ris |= INT_TX; /* it has left the FIFO, whose level passes the trigger */
}

static void clear_fifo(struct pl011_state *s)
{
    s->head = s->len = 0;
    s->ris &= (uint16_t) ~(INT_RX | INT_RT);
}

static void write_lcr_h(struct pl011 *u, uint8_t v)
{
    struct pl011_state *s = &u->s;
    if ((s->lcr_h ^ v) & LCR_FEN) /* FIFOs become one-place holding registers, or the reverse */
        clear_fifo(s);
    if ((v & ~s->lcr_h & LCR_BRK) && (s->cr & CR_LBE))
        push_rx(u, DATA_BE | DATA_FE);
    s->lcr_h = v;
}

static void write_register(struct pl011 *u, uint64_t off, uint32_t v)
{
    struct pl011_state *s = &u->s;
    switch (off) {
    case DR: transmit(u, (uint8_t)v); break;
    case RSR: s->rsr = 0; break; /* ECR: any value clears */
    case ILPR: s->ilpr = (uint8_t)v; break;
    case IBRD: s->ibrd = (uint16_t)v; break;
    case FBRD: s->fbrd = v & FBRD_MASK; break;
    case LCR_H: write_lcr_h(u, v & LCR_MASK); break;
    case CR:
        s->cr = v & CR_MASK;
        update_modem(s);
        break;
    case IFLS: s->ifls = v & IFLS_MASK; break;
    case IMSC: s->imsc = v & INT_ALL; break;
    case ICR: s->ris &= (uint16_t)~v; break;
    case DMACR: s->dmacr = v & DMACR_MASK; break; /* there is no DMA controller to ask */
    default:
        dev_guest_error(&u->dev, "write %#x to read-only or unknown register %#x", v,
                        (unsigned)off);
    }
}

static void pl011_write(struct device *dev, struct access a, uint64_t val)
{
    struct pl011 *u = (struct pl011 *)dev;
    write_register(u, a.off & ~UINT64_C(3), (uint32_t)val);
    if ((a.off == LCR_H || a.off == CR) && !rx_full(&u->s))
        chardev_resume(u->chardev);
    pl011_sync(dev);
}

static void pl011_loaded(struct device *dev)
{
    struct pl011_state *s = &((struct pl011 *)dev)->s;
    s->head %= FIFO_DEPTH;
    s->len = s->len > depth(s) ? (uint8_t)depth(s) : s->len;
}

static bool pl011_realize(struct device *dev, struct error **errp UNUSED)
{
    struct pl011 *u = (struct pl011 *)dev;
    timer_init(&u->timeout, &dev->lock, timed_out, u);
    if (u->chardev)
        chardev_on_event(u->chardev, dev, pl011_event);
    return true;
}

static void pl011_unrealize(struct device *dev)
{
    timer_cancel(&((struct pl011 *)dev)->timeout);
}

static const struct state_field pl011_state[] = {
    STATE_ARRAY(pl011, rx, 0),
    STATE(pl011, ris, 0),
    STATE(pl011, imsc, 0),
    STATE(pl011, ibrd, 0),
    STATE(pl011, cr, CR_RESET),
    STATE(pl011, modem, FR_CTS | FR_DSR | FR_DCD),
    STATE(pl011, head, 0),
    STATE(pl011, len, 0),
    STATE(pl011, rsr, 0),
    STATE(pl011, ilpr, 0),
    STATE(pl011, fbrd, 0),
    STATE(pl011, lcr_h, 0),
    STATE(pl011, ifls, IFLS_RESET),
    STATE(pl011, dmacr, 0),
    STATE(pl011, overrun, 0),
    STATE(pl011, pad, 0),
    STATE_END,
};

static const struct chardev_front pl011_front = {pl011_receive};

static const struct prop pl011_props[] = {
    PROP_CHARDEV(pl011, chardev, &pl011_front, "other end of the serial line"),
    PROP(prop_uint32, pl011, "clock-frequency", clock, "24000000", "UARTCLK in Hz"),
    PROP(prop_bool, pl011, "luminary", luminary, "off", "as in Luminary's microcontrollers"),
    PROP_END,
};

DEVICE_CLASS(pl011) = {
    .desc = "PrimeCell UART (PL011)",
    .compatible = "arm,pl011",
    .mmio = {pl011_read, pl011_write, .min = 4, .max = 4, .size = REGS_SIZE},
    .props = pl011_props,
    .state = pl011_state,
    .realize = pl011_realize,
    .unrealize = pl011_unrealize,
    .loaded = pl011_loaded,
    .sync = pl011_sync,
};
