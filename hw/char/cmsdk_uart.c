/*
 * CMSDK APB UART.  Ref: Cortex-M System Design Kit Technical Reference Manual (DDI 0479),
 * section 4.3.  Transmission takes no time.
 */
#include "hw/char/cmsdk_uart.h"
#include "chardev/chardev.h"
#include "hw/cmsdk.h"

enum { DATA = 0x0, STATE_REG = 0x4, CTRL = 0x8, INTSTATUS = 0xc, BAUDDIV = 0x10 };
enum { ST_RX_FULL = 2, ST_OVERRUNS = 0xc };
enum { CTRL_TX = 1, CTRL_RX = 2, CTRL_INT_SHIFT = 2, CTRL_MASK = 0x7f };
enum { INT_TX = 1, INT_RX = 2, INT_ALL = 0xf, BAUD_MASK = 0xfffff, PART = 0x21 };

struct cmsdk_uart {
    struct device dev;
    struct chardev *chardev;
    struct irq lines[CMSDK_UART_LINES];
    struct cmsdk_uart_state {
        uint32_t state, ctrl, intstatus, bauddiv, rx;
    } s;
};

static struct cmsdk_uart *uart(struct device *dev)
{
    return (struct cmsdk_uart *)dev;
}

/* Overrun interrupts are levels of the state's bits; the others are kept until they are cleared. */
static uint32_t interrupts(const struct cmsdk_uart_state *s)
{
    uint32_t enabled = s->ctrl >> CTRL_INT_SHIFT & INT_ALL;
    return (s->intstatus & (INT_TX | INT_RX)) | (s->state & ST_OVERRUNS & enabled);
}

static void cmsdk_uart_sync(struct device *dev)
{
    struct cmsdk_uart *u = uart(dev);
    uint32_t ints = interrupts(&u->s);
    for (unsigned i = 0; i < CMSDK_UART_LINES; i++)
        irq_set(&u->lines[i], ints >> i & 1);
    irq_set(&dev->irq, ints != 0);
}

static void raise_if_enabled(struct cmsdk_uart *u, uint32_t which)
{
    u->s.intstatus |= which & u->s.ctrl >> CTRL_INT_SHIFT;
}

/* The buffer holds one byte. */
static size_t cmsdk_uart_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct cmsdk_uart *u = uart(dev);
    if (n == 0 || (u->s.state & ST_RX_FULL) || !(u->s.ctrl & CTRL_RX))
        return 0;
    u->s.rx = buf[0];
    u->s.state |= ST_RX_FULL;
    raise_if_enabled(u, INT_RX);
    cmsdk_uart_sync(dev);
    return 1;
}

static uint32_t read_data(struct cmsdk_uart *u, bool peek)
{
    if (!peek && (u->s.state & ST_RX_FULL)) {
        u->s.state &= ~(uint32_t)ST_RX_FULL;
        chardev_resume(u->chardev);
    }
    return u->s.rx;
}

static uint64_t cmsdk_uart_read(struct device *dev, struct access a)
{
    struct cmsdk_uart *u = uart(dev);
    switch (a.off) {
    case DATA: return read_data(u, a.peek);
    case STATE_REG: return u->s.state;
    case CTRL: return u->s.ctrl;
    case INTSTATUS: return interrupts(&u->s);
    case BAUDDIV: return u->s.bauddiv;
    default: return a.off >= CMSDK_ID_REGS ? cmsdk_id((uint32_t)a.off, PART) : 0;
    }
}

static void write_data(struct cmsdk_uart *u, uint8_t byte)
{
    if (!(u->s.ctrl & CTRL_TX))
        return;
    chardev_write(u->chardev, byte);
    raise_if_enabled(u, INT_TX);
}

static void write_ctrl(struct cmsdk_uart *u, uint32_t val)
{
    u->s.ctrl = val & CTRL_MASK;
    if (val & CTRL_RX)
        chardev_resume(u->chardev);
}

static void cmsdk_uart_write(struct device *dev, struct access a, uint64_t val)
{
    struct cmsdk_uart *u = uart(dev);
    switch (a.off) {
    case DATA: write_data(u, (uint8_t)val); break;
    case STATE_REG: u->s.state &= ~((uint32_t)val & ST_OVERRUNS); break;
    case CTRL: write_ctrl(u, (uint32_t)val); break;
    case INTSTATUS:
        u->s.intstatus &= ~(uint32_t)val;
        u->s.state &= ~((uint32_t)val & ST_OVERRUNS);
        break;
    case BAUDDIV: u->s.bauddiv = val & BAUD_MASK; break;
    default:
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
        break;
    }
    cmsdk_uart_sync(dev);
}

struct irq *cmsdk_uart_irq(struct device *dev, enum cmsdk_uart_line line)
{
    return &uart(dev)->lines[line];
}

static void cmsdk_uart_loaded(struct device *dev)
{
    struct cmsdk_uart_state *s = &uart(dev)->s;
    s->state &= ST_RX_FULL | ST_OVERRUNS;
    s->ctrl &= CTRL_MASK;
    s->intstatus &= INT_TX | INT_RX;
    s->rx &= 0xff;
}

static const struct state_field cmsdk_uart_state[] = {
    STATE(cmsdk_uart, state, 0),   STATE(cmsdk_uart, ctrl, 0), STATE(cmsdk_uart, intstatus, 0),
    STATE(cmsdk_uart, bauddiv, 0), STATE(cmsdk_uart, rx, 0),   STATE_END,
};

static const struct chardev_front cmsdk_uart_front = {cmsdk_uart_receive};

static const struct prop cmsdk_uart_props[] = {
    PROP_CHARDEV(cmsdk_uart, chardev, &cmsdk_uart_front, "other end of the serial line"),
    PROP_END,
};

DEVICE_CLASS_NAMED(cmsdk_uart, "cmsdk-apb-uart") = {
    .desc = "CMSDK APB UART",
    .mmio = {cmsdk_uart_read, cmsdk_uart_write, .min = 4, .max = 4, .size = CMSDK_SIZE},
    .props = cmsdk_uart_props,
    .state = cmsdk_uart_state,
    .sync = cmsdk_uart_sync,
    .loaded = cmsdk_uart_loaded,
};
