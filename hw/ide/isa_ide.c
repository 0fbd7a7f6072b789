/* An IDE channel on the ISA bus: PIO alone (isa-ide). */
#include "hw/ide/channel.h"
#include "hw/isa/isa.h"

struct isa_ide {
    struct device dev;
    struct ide_channel ch;
    uint32_t iobase, iobase2, line;
    struct isa_ide_state {
        struct ide_channel_state ch;
    } s;
};

static struct ide_channel *channel(struct device *dev)
{
    return &((struct isa_ide *)dev)->ch;
}

static uint64_t command_read(struct device *dev, struct access a)
{
    return ide_channel_read(channel(dev), a);
}

static void command_write(struct device *dev, struct access a, uint64_t v)
{
    ide_channel_write(channel(dev), a, v);
}

static uint64_t status_read(struct device *dev, struct access a UNUSED)
{
    return ide_channel_status(channel(dev));
}

static void control_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    ide_channel_control(channel(dev), (uint8_t)v);
}

static const struct mmio_ops command_ops = {command_read, command_write, .min = 1, .max = 4,
                                            .size = 8};
static const struct mmio_ops control_ops = {status_read, control_write, .min = 1, .max = 1,
                                            .size = 1};

static bool isa_ide_realize(struct device *dev, struct error **errp)
{
    struct isa_ide *d = (struct isa_ide *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL || !isa_connect_irq(bus, &d->ch.irq, d->line, errp))
        return false;
    if (d->iobase > 0xfff8 || d->iobase2 > 0xffff) {
        error_set(errp, "iobase is %#x and iobase2 %#x, must be up to 0xfff8 and 0xffff", d->iobase,
                  d->iobase2);
        return false;
    }
    ide_channel_init(&d->ch, dev, 0, &d->s.ch, NULL);
    const struct ide_ports ports = {(uint16_t)d->iobase, (uint16_t)d->iobase2, &command_ops,
                                    &control_ops};
    ide_channel_show(&d->ch, &ports);
    return true;
}

static void isa_ide_unrealize(struct device *dev)
{
    ide_channel_fini(channel(dev));
}

static void isa_ide_reset(struct device *dev)
{
    ide_channel_reset(channel(dev));
}

static void isa_ide_loaded(struct device *dev)
{
    ide_channel_loaded(channel(dev));
}

static void isa_ide_sync(struct device *dev)
{
    ide_channel_sync(channel(dev));
}

static bool isa_ide_can_save(struct device *dev, struct error **errp)
{
    return ide_channel_can_save(channel(dev), errp);
}

static const struct state_field isa_ide_state[] = {
    STATE(isa_ide, ch, 0),
    STATE_END,
};

static const struct prop isa_ide_props[] = {
    PROP(prop_uint32, isa_ide, "iobase", iobase, "0x1f0", "first port of the command block"),
    PROP(prop_uint32, isa_ide, "iobase2", iobase2, "0x3f6", "port of the control register"),
    PROP(prop_uint32, isa_ide, "irq", line, "14", "interrupt line"),
    PROP_END,
};

DEVICE_CLASS_NAMED(isa_ide, "isa-ide") = {
    .desc = "IDE channel on the ISA bus",
    .bus = "ISA",
    .node = "ide",
    .user_creatable = true,
    .props = isa_ide_props,
    .state = isa_ide_state,
    .realize = isa_ide_realize,
    .unrealize = isa_ide_unrealize,
    .reset = isa_ide_reset,
    .loaded = isa_ide_loaded,
    .sync = isa_ide_sync,
    .can_save = isa_ide_can_save,
};
