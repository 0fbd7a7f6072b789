/* A place for registers that nobody implements: reads as zero, ignores writes, says so under
 * -d unimp. */
#include "core/device.h"

struct unimp {
    struct device dev;
    uint64_t size;
    char *name;
    struct unimp_state {
        char nothing;
    } s;
};

static const char *what(const struct unimp *u)
{
    return u->name ? u->name : u->dev.id;
}

static uint64_t unimp_read(struct device *dev, struct access a)
{
    if (!a.peek)
        dev_unimp(dev, "%s: read of %u bytes at %#x", what((struct unimp *)dev), a.size,
                  (unsigned)a.off);
    return 0;
}

static void unimp_write(struct device *dev, struct access a, uint64_t val)
{
    dev_unimp(dev, "%s: write of %u bytes %#llx at %#x", what((struct unimp *)dev), a.size,
              (unsigned long long)val, (unsigned)a.off);
}

static bool unimp_realize(struct device *dev, struct error **errp)
{
    struct unimp *u = (struct unimp *)dev;
    if (u->size == 0) {
        error_set(errp, "size is 0: wanted the number of bytes it covers");
        return false;
    }
    dev->mmio.size = u->size;
    return true;
}

static const struct state_field unimp_state[] = {
    STATE(unimp, nothing, 0),
    STATE_END,
};

static const struct prop unimp_props[] = {
    PROP(prop_uint64, unimp, "size", size, "0x1000", "bytes it covers"),
    PROP(prop_string, unimp, "name", name, NULL, "what would be there"),
    PROP_END,
};

DEVICE_CLASS_NAMED(unimp, "unimplemented-device") = {
    .desc = "Registers that nobody implements",
    .mmio = {unimp_read, unimp_write, .min = 1, .max = 8, .size = 0x1000},
    .props = unimp_props,
    .state = unimp_state,
    .realize = unimp_realize,
};
