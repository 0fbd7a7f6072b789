/* Floppy drives and what may be in them.
 * Ref: ECMA-70, ECMA-100, ECMA-125, ISO 9529-2 for the formats. */
#include "hw/block/fdc.h"
#include "hw/block/fdc_priv.h"
#include "hw/boot_order.h"
#include "hw/drive.h"
#include "hw/on_error.h"

#include <glib.h>
#include <string.h>

enum { CMOS_NONE, CMOS_360, CMOS_1200, CMOS_720, CMOS_1440, CMOS_2880 };

static const struct floppy_format formats[] = {
    {1474560, 80, 2, 18, 0}, {737280, 80, 2, 9, 2},   {1228800, 80, 2, 15, 0},
    {368640, 40, 2, 9, 2},   {2949120, 80, 2, 36, 3}, {163840, 40, 1, 8, 2},
    {184320, 40, 1, 9, 2},   {327680, 40, 2, 8, 2},   {655360, 80, 2, 8, 2},
    {819200, 80, 2, 10, 2},  {1638400, 80, 2, 20, 0}, {1720320, 80, 2, 21, 0},
    {1763328, 82, 2, 21, 0}, {1884160, 80, 2, 23, 0}, {3276800, 80, 2, 40, 3},
};

const struct floppy_format *floppy_format_of(const struct floppy *fl)
{
    if (fl->drive == NULL)
        return NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i].size == block_size(fl->drive))
            return &formats[i];
    return &formats[0]; /* of another size: what fits of 1.44 MB */
}

struct floppy *fdc_drive(struct fdc *f, unsigned n)
{
    return n < FDC_UNITS ? f->unit[n] : NULL;
}

uint8_t fdc_cmos_type(const struct device *dev, unsigned unit)
{
    const struct fdc *f = (const struct fdc *)dev;
    return unit < FDC_UNITS && f->unit[unit] ? f->unit[unit]->cmos_type : CMOS_NONE;
}

void fdc_on_drive(struct device *dev, void (*fn)(void *opaque), void *opaque)
{
    struct fdc *f = (struct fdc *)dev;
    f->on_drive = fn;
    f->on_drive_opaque = opaque;
}

static bool plug(struct hw_bus *hw, struct device *dev, struct error **errp)
{
    struct fdc *f = container_of(hw, struct fdc, bus);
    struct floppy *fl = (struct floppy *)dev;
    if (fl->unit == UINT32_MAX)
        fl->unit = f->unit[0] ? 1 : 0;
    if (fl->unit >= FDC_UNITS) {
        error_set(errp, "unit is %u, must be 0 or 1", fl->unit);
        return false;
    }
    if (f->unit[fl->unit]) {
        error_set(errp, "unit %u is taken by '%s'", fl->unit, f->unit[fl->unit]->dev.id);
        return false;
    }
    f->unit[fl->unit] = fl;
    fl->fdc = f;
    return true;
}

static void unplug(struct hw_bus *hw, struct device *dev)
{
    struct fdc *f = container_of(hw, struct fdc, bus);
    f->unit[((struct floppy *)dev)->unit] = NULL;
    ((struct floppy *)dev)->fdc = NULL;
}

static char *drive_place(const struct hw_bus *hw UNUSED, const struct device *dev)
{
    return g_strdup_printf("floppy@%x", ((const struct floppy *)dev)->unit);
}

void fdc_bus_init(struct fdc *f)
{
    f->bus.plug = plug;
    f->bus.unplug = unplug;
    f->bus.place = drive_place;
    f->bus.max = FDC_UNITS;
    hw_bus_register(&f->bus, &f->dev, "floppy-bus", g_strdup("floppy-bus.0"));
}

void fdc_bus_fini(struct fdc *f)
{
    for (unsigned i = 0; i < FDC_UNITS; i++)
        if (f->unit[i])
            f->unit[i]->fdc = NULL;
    hw_bus_unregister(&f->bus);
}

/* A drive that begins empty keeps its name for what is put in. */
static void take_name_of_empty(struct floppy *fl)
{
    struct block_node *empty = fl->drive;
    if (empty)
        fl->drive_name = g_strdup(block_drive_name(empty));
    if (!empty || !block_is_empty(empty))
        return;
    fl->drive = NULL;
    block_detach(empty);
    block_name_drive(empty, NULL);
}

static bool parse_type(const char *what, const char *name, uint8_t *cmos, struct error **errp)
{
    static const struct {
        const char *name;
        uint8_t cmos;
    } types[] = {{"144", CMOS_1440}, {"288", CMOS_2880}, {"120", CMOS_1200}};
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(name, types[i].name) == 0) {
            *cmos = types[i].cmos;
            return true;
        }
    error_set(errp, "%s is '%s', must be 144, 288%s", what, name,
              strcmp(what, "fallback") == 0 ? " or 120" : ", 120 or auto");
    return false;
}

/* What the drive says it is, or else its controller; or else it is one for what is in it. */
static bool choose_type(struct floppy *fl, struct error **errp)
{
    const struct fdc *f = fl->fdc;
    const struct floppy_format *fmt = floppy_format_of(fl);
    const char *of_unit = fl->unit ? f->type_b : f->type_a;
    if (strcmp(fl->drive_type, "auto"))
        return parse_type("drive-type", fl->drive_type, &fl->cmos_type, errp);
    if (strcmp(of_unit, "auto"))
        return parse_type(fl->unit ? "fdtypeB" : "fdtypeA", of_unit, &fl->cmos_type, errp);
    if (!parse_type("fallback", f->fallback, &fl->cmos_type, errp))
        return false;
    if (fl->drive)
        fl->cmos_type = fmt && fmt->rate == 3                              ? CMOS_2880
                        : fmt && (fmt->sectors == 15 || fmt->tracks == 40) ? CMOS_1200
                                                                           : CMOS_1440;
    return true;
}

static bool floppy_realize(struct device *dev, struct error **errp)
{
    struct floppy *fl = (struct floppy *)dev;
    if (fl->fdc == NULL) {
        error_set(errp, "needs a machine with a floppy controller (isa-fdc) to plug into");
        return false;
    }
    take_name_of_empty(fl);
    if (!choose_type(fl, errp) || !disk_set_on_error(fl->drive, fl->rerror, fl->werror, errp))
        return false;
    if (fl->fdc->on_drive)
        fl->fdc->on_drive(fl->fdc->on_drive_opaque);
    return true;
}

static void floppy_unrealize(struct device *dev)
{
    struct floppy *fl = (struct floppy *)dev;
    if (fl->fdc) {
        mutex_lock(&fl->fdc->dev.lock);
        while (fl->fdc->in_flight)
            cond_wait(&fl->fdc->idle, &fl->fdc->dev.lock);
        fl->fdc->unit[fl->unit] = NULL;
        mutex_unlock(&fl->fdc->dev.lock);
    }
    g_clear_pointer(&fl->drive_name, g_free);
}

static void status(const struct device *dev, struct drive_status *out)
{
    const struct floppy *fl = (const struct floppy *)dev;
    *out = (struct drive_status){.name = fl->drive_name, .medium = fl->drive, .is_removable = true};
}

/* There is no tray: the disk is just pulled out. */
static bool move_tray(struct device *dev UNUSED, bool open UNUSED, bool force UNUSED,
                      struct error **errp UNUSED)
{
    return true;
}

static bool set_medium(struct device *dev, struct block_node *medium, struct error **errp)
{
    struct floppy *fl = (struct floppy *)dev;
    struct mutex *lock = &fl->fdc->dev.lock;
    if (medium && (!block_attach(medium, dev->id, errp) ||
                   !disk_set_on_error(medium, fl->rerror, fl->werror, errp)))
        return false;
    mutex_lock(lock); /* from here on no request starts */
    struct block_node *old = fl->drive;
    fl->drive = NULL;
    mutex_unlock(lock);
    if (old)
        block_detach(old);
    if (medium)
        block_set_slot(medium, &fl->drive);
    mutex_lock(lock);
    fl->drive = medium;
    fl->s.changed = 1;
    mutex_unlock(lock);
    return true;
}

static void resized(struct device *dev)
{
    struct floppy *fl = (struct floppy *)dev;
    mutex_lock(&fl->fdc->dev.lock);
    fl->s.changed = 1;
    mutex_unlock(&fl->fdc->dev.lock);
}

static const struct drive_ops floppy_drive_ops = {status, move_tray, set_medium, resized};

static const struct state_field floppy_state[] = {
    STATE(floppy, changed, 1),
    STATE_END,
};

static const struct prop floppy_props[] = {
    PROP(prop_drive, floppy, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP_BOOTINDEX(floppy, bootindex, NULL),
    PROP(prop_uint32, floppy, "unit", unit, "4294967295", "0 is A (default: first free)"),
    PROP(prop_string, floppy, "drive-type", drive_type, "auto",
         "144, 288, 120, or auto: as isa-fdc says, or by what is in it"),
    PROP(prop_string, floppy, "werror", werror, "auto",
         "write errors: report, ignore, enospc, stop"),
    PROP(prop_string, floppy, "rerror", rerror, "auto", "read errors: report, ignore, stop"),
    PROP_END,
};

DEVICE_CLASS(floppy) = {
    .desc = "Floppy drive",
    .bus = "floppy-bus",
    .user_creatable = true,
    .props = floppy_props,
    .state = floppy_state,
    .realize = floppy_realize,
    .unrealize = floppy_unrealize,
    .drive = &floppy_drive_ops,
};
