/*
 * Port 0x92: A20 and a quick reset.  Ref: IBM PS/2 Model 80 Technical Reference, "System control
 * port A"; 82371SB (PIIX3) data sheet, 2.5.5.
 *
 * QUIRK: on boards the gate of A20 is an OR; here the last of both to write decides, so that
 * software which knows one way may also close it.
 */
#include "core/machine.h"
#include "hw/input/i8042.h"
#include "hw/isa/isa.h"

enum { FAST_RESET = 0x01, FAST_A20 = 0x02 };

struct port92 {
    struct device dev;
    struct mem_region port;
    struct port92_state {
        uint8_t value;
    } s;
};

static uint64_t port92_read(struct device *dev, struct access a UNUSED)
{
    return ((struct port92 *)dev)->s.value;
}

static void port92_sync(struct device *dev)
{
    irq_set(&dev->irq, ((struct port92 *)dev)->s.value & FAST_A20);
}

/* A reset comes with the bit's rise. */
static void port92_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    struct port92 *p = (struct port92 *)dev;
    bool rises = (v & FAST_RESET) && !(p->s.value & FAST_RESET);
    p->s.value = (uint8_t)v;
    port92_sync(dev);
    if (rises && dev->machine)
        machine_request_reset(dev->machine);
}

void port92_a20(void *opaque, unsigned n UNUSED, bool level)
{
    struct port92 *p = opaque;
    mutex_lock(&p->dev.lock);
    p->s.value = (uint8_t)((p->s.value & ~FAST_A20) | (level ? FAST_A20 : 0));
    port92_sync(&p->dev);
    mutex_unlock(&p->dev.lock);
}

static bool port92_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {port92_read, port92_write, .min = 1, .max = 1, .size = 1};
    struct port92 *p = (struct port92 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    region_init_mmio(&p->port, "port92", &ops, dev);
    isa_add_ports(bus, 0x92, &p->port);
    return true;
}

static void port92_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct port92 *)dev)->port);
}

static const struct state_field port92_state[] = {
    STATE(port92, value, FAST_A20),
    STATE_END,
};

DEVICE_CLASS(port92) = {
    .desc = "Port 0x92: A20 and reset",
    .bus = "ISA",
    .state = port92_state,
    .realize = port92_realize,
    .unrealize = port92_unrealize,
    .sync = port92_sync,
};
