/*
 * ramfb: a picture in the guest's RAM, whose place and shape firmware writes into the fw_cfg file
 * "etc/ramfb".
 * Ref: EDK II, OvmfPkg, "RAMFB_CONFIG": address, FourCC, flags, width, height, stride; all
 * big-endian.  FourCC codes as in Linux' <drm/drm_fourcc.h>.
 *
 * The configuration has a lock of its own, a leaf, since it is written under that of fw_cfg.
 */
#include "core/machine.h"
#include "hw/display/vgarom.h"
#include "hw/dma.h"
#include "hw/misc/fw_cfg.h"
#include "ui/console.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { AT_ADDRESS = 0, AT_FORMAT = 8, AT_WIDTH = 16, AT_HEIGHT = 20, AT_STRIDE = 24, SIZE = 28 };
enum { MAX_BYTES = 4, BLANK_WIDTH = 640, BLANK_HEIGHT = 480 };
static const char FILE_NAME[] = "etc/ramfb";

struct ramfb {
    struct device dev;
    struct device *fw_cfg;
    struct console *con;
    struct mutex lock; /* of s */
    struct ramfb_state {
        uint8_t config[SIZE];
        uint8_t pad[4];
    } s;
};

/* How a pixel lies in memory: bytes, and where red, green and blue begin; 5 and 6 bits in two
 * bytes. */
struct format {
    uint32_t code;
    uint8_t bytes, red, green, blue;
};

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
static const struct format formats[] = {
    {FOURCC('X', 'R', '2', '4'), 4, 16, 8, 0}, {FOURCC('A', 'R', '2', '4'), 4, 16, 8, 0},
    {FOURCC('X', 'B', '2', '4'), 4, 0, 8, 16}, {FOURCC('A', 'B', '2', '4'), 4, 0, 8, 16},
    {FOURCC('R', 'G', '2', '4'), 3, 16, 8, 0}, {FOURCC('B', 'G', '2', '4'), 3, 0, 8, 16},
    {FOURCC('R', 'G', '1', '6'), 2, 11, 5, 0}, {FOURCC('B', 'G', '1', '6'), 2, 0, 5, 11},
};

struct picture {
    gpa at;
    unsigned width, height;
    uint64_t stride;
    const struct format *format;
};

/* False when it describes none. */
static bool parse(const uint8_t *config, struct picture *p)
{
    uint32_t code = ld_be32(config + AT_FORMAT);
    p->at = ld_be64(config + AT_ADDRESS);
    p->width = ld_be32(config + AT_WIDTH);
    p->height = ld_be32(config + AT_HEIGHT);
    p->stride = ld_be32(config + AT_STRIDE);
    p->format = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].code == code)
            p->format = &formats[i];
    if (p->format == NULL || p->width == 0 || p->height == 0 || p->width > CONSOLE_MAX_SIDE ||
        p->height > CONSOLE_MAX_SIDE)
        return false;
    if (p->stride == 0)
        p->stride = (uint64_t)p->width * p->format->bytes;
    return p->stride >= (uint64_t)p->width * p->format->bytes;
}

static uint32_t part(uint32_t v, unsigned shift, unsigned bits)
{
    uint32_t c = v >> shift & MASK64(0, bits);
    return c << (8 - bits) | c >> (2 * bits - 8);
}

static uint32_t pixel(const struct format *f, const uint8_t *at)
{
    uint32_t v = 0;
    bool deep = f->bytes > 2;
    for (unsigned i = 0; i < f->bytes; i++)
        v |= (uint32_t)at[i] << (8 * i);
    return part(v, f->red, deep ? 8 : 5) << 16 | part(v, f->green, deep ? 8 : 6) << 8 |
           part(v, f->blue, deep ? 8 : 5);
}

/* Rows that are not in RAM are black. */
static void draw(struct ramfb *r, const struct picture *p)
{
    struct address_space *as = &r->dev.machine->as;
    size_t len = (size_t)p->width * p->format->bytes;
    g_autofree uint8_t *bytes = g_malloc(len);
    g_autofree uint32_t *row = g_new(uint32_t, p->width);
    console_begin(r->con, p->width, p->height);
    for (unsigned y = 0; y < p->height; y++) {
        if (!ram_dma_read(as, p->at + y * p->stride, bytes, len))
            memset(bytes, 0, len);
        for (unsigned x = 0; x < p->width; x++)
            row[x] = pixel(p->format, bytes + (size_t)x * p->format->bytes);
        console_put_row(r->con, y, row);
    }
    console_end(r->con);
}

static void ramfb_refresh(void *opaque)
{
    struct ramfb *r = opaque;
    uint8_t config[SIZE];
    struct picture p;
    mutex_lock(&r->lock);
    memcpy(config, r->s.config, SIZE);
    mutex_unlock(&r->lock);
    if (parse(config, &p)) {
        draw(r, &p);
        return;
    }
    console_begin(r->con, BLANK_WIDTH, BLANK_HEIGHT);
    console_end(r->con);
}

/* Called under the lock of fw_cfg. */
static void written(void *opaque, const uint8_t *data)
{
    struct ramfb *r = opaque;
    struct picture p;
    mutex_lock(&r->lock);
    memcpy(r->s.config, data, SIZE);
    mutex_unlock(&r->lock);
    if (!parse(data, &p))
        dev_guest_error(&r->dev, "%ux%u in format %#x, stride %u: no such picture",
                        ld_be32(data + AT_WIDTH), ld_be32(data + AT_HEIGHT),
                        ld_be32(data + AT_FORMAT), ld_be32(data + AT_STRIDE));
}

static bool ramfb_realize(struct device *dev, struct error **errp)
{
    static const struct console_ops ops = {.refresh = ramfb_refresh};
    struct ramfb *r = (struct ramfb *)dev;
    r->fw_cfg = dev->machine ? fw_cfg_find(dev->machine) : NULL;
    if (r->fw_cfg == NULL) {
        error_set(errp, "the machine has no fw_cfg device, through which firmware finds it");
        return false;
    }
    if (!vgarom_offer(dev->machine, NULL, "vgabios-ramfb.bin", errp) ||
        !fw_cfg_add_file(r->fw_cfg, FILE_NAME, r->s.config, SIZE, errp))
        return false;
    mutex_init(&r->lock);
    fw_cfg_on_write(r->fw_cfg, FILE_NAME, written, r);
    r->con = console_new(dev, &ops, r);
    return true;
}

static void ramfb_unrealize(struct device *dev)
{
    struct ramfb *r = (struct ramfb *)dev;
    console_free(r->con);
    mutex_fini(&r->lock);
}

/* After a reset, too: the file shows what is in force. */
static void ramfb_sync(struct device *dev)
{
    struct ramfb *r = (struct ramfb *)dev;
    fw_cfg_replace_file(r->fw_cfg, FILE_NAME, r->s.config, SIZE);
}

static const struct state_field ramfb_state[] = {
    STATE_ARRAY(ramfb, config, 0),
    STATE_ARRAY(ramfb, pad, 0),
    STATE_END,
};

DEVICE_CLASS(ramfb) = {
    .desc = "Picture in RAM that firmware sets up",
    .user_creatable = true,
    .state = ramfb_state,
    .realize = ramfb_realize,
    .unrealize = ramfb_unrealize,
    .sync = ramfb_sync,
};
