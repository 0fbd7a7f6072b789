/* The bus of IDE drives, and the disk as a device. */
#include "hw/boot_order.h"
#include "hw/drive.h"
#include "hw/ide/ide_priv.h"
#include "hw/on_error.h"
#include "hw/scsi/disk.h"

#include <glib.h>
#include <string.h>

extern const struct device_type ide_hd_type;

static struct ide_bus *of_scsi(struct scsi_bus *scsi)
{
    return container_of(scsi, struct ide_bus, scsi);
}

static void unit_added(struct scsi_bus *scsi, struct scsi_unit *u)
{
    struct ide_bus *bus = of_scsi(scsi);
    mutex_lock(&bus->adapter->lock);
    bus->drive[u->id] = &u->dev;
    ata_power_up(bus, u->id);
    bus->ops->changed(bus, u->id);
    mutex_unlock(&bus->adapter->lock);
}

static void unit_removed(struct scsi_bus *scsi, struct scsi_unit *u)
{
    struct ide_bus *bus = of_scsi(scsi);
    mutex_lock(&bus->adapter->lock);
    bus->drive[u->id] = NULL;
    mutex_unlock(&bus->adapter->lock);
}

/* A packet drive tells its guest by the next command's unit attention. */
static void medium_changed(struct scsi_bus *scsi UNUSED, struct scsi_unit *u UNUSED,
                           uint16_t asc UNUSED)
{
}

static const struct scsi_bus_ops scsi_ops = {unit_added, unit_removed, medium_changed};

static uint32_t *unit_of(struct device *dev)
{
    return dev->type == &ide_hd_type ? &((struct ide_hd *)dev)->unit
                                     : &((struct scsi_unit *)dev)->id;
}

static struct device *drive_at(struct ide_bus *bus, unsigned unit)
{
    for (struct device *d = bus->adapter->machine->devices; d; d = d->next)
        if (d->bus == &bus->hw && *unit_of(d) == unit)
            return d;
    return NULL;
}

static bool plug(struct hw_bus *hw, struct device *dev, struct error **errp)
{
    struct ide_bus *bus = (struct ide_bus *)hw;
    uint32_t *unit = unit_of(dev);
    if (*unit == UINT32_MAX)
        for (*unit = 0; *unit < bus->units && drive_at(bus, *unit);)
            ++*unit;
    if (*unit >= bus->units) {
        error_set(errp, "unit is %u; '%s' has %s", *unit, hw->name,
                  bus->units == 1 ? "unit 0 only" : "units 0 and 1");
        return false;
    }
    const struct device *there = drive_at(bus, *unit);
    if (there) {
        error_set(errp, "unit %u of '%s' is taken by '%s'", *unit, hw->name, there->id);
        return false;
    }
    if (dev->type == &ide_hd_type)
        ((struct ide_hd *)dev)->bus = bus;
    else
        ((struct scsi_unit *)dev)->bus = &bus->scsi;
    return true;
}

static char *new_bus_name(struct machine *m)
{
    unsigned n = 0;
    for (const struct hw_bus *b = m ? m->buses : NULL; b; b = b->next)
        n += strcmp(b->type, "IDE") == 0;
    return g_strdup_printf("ide.%u", n);
}

static char *drive_place(const struct hw_bus *hw, const struct device *dev)
{
    const struct ide_bus *bus = (const struct ide_bus *)hw;
    unsigned unit = dev->type == &ide_hd_type ? ((const struct ide_hd *)dev)->unit
                                              : ((const struct scsi_unit *)dev)->id;
    return g_strdup_printf("drive@%x/disk@%x", bus->place, unit);
}

void ide_bus_init(struct ide_bus *bus, struct device *adapter, const struct ide_bus_ops *ops,
                  unsigned place, unsigned units, struct ata_state *const *states)
{
    bus->adapter = adapter;
    bus->ops = ops;
    bus->place = place;
    bus->units = units;
    for (unsigned i = 0; i < units; i++)
        bus->state[i] = states[i];
    cond_init(&bus->idle);
    bus->hw.plug = plug;
    bus->hw.place = drive_place;
    bus->hw.max = units;
    hw_bus_register(&bus->hw, adapter, "IDE", new_bus_name(adapter->machine));
    bus->hw.alias = g_strdup_printf("%s.%u", adapter->id, place);
    bus->scsi.adapter = adapter;
    bus->scsi.ops = &scsi_ops;
}

void ide_bus_fini(struct ide_bus *bus)
{
    mutex_lock(&bus->adapter->lock);
    while (bus->in_flight)
        cond_wait(&bus->idle, &bus->adapter->lock);
    mutex_unlock(&bus->adapter->lock);
    for (struct scsi_unit *u = bus->scsi.units; u; u = u->next)
        u->bus = NULL;
    for (unsigned i = 0; i < bus->units; i++)
        if (bus->drive[i] && bus->drive[i]->type == &ide_hd_type)
            ((struct ide_hd *)bus->drive[i])->bus = NULL;
    hw_bus_unregister(&bus->hw);
    cond_fini(&bus->idle);
}

bool ide_has_drive(const struct ide_bus *bus, unsigned unit)
{
    return unit < bus->units && bus->drive[unit];
}

bool ide_is_atapi(const struct ide_bus *bus, unsigned unit)
{
    return ide_has_drive(bus, unit) && bus->drive[unit]->type != &ide_hd_type;
}

uint64_t ata_sectors(const struct ide_hd *d)
{
    return d->drive ? MIN(block_size(d->drive) / ATA_SECTOR, ATA_MAX_LBA48) : 0;
}

/* A serial number that stays the same, by the order in which disks came. */
static void make_serial(struct ide_hd *d)
{
    unsigned n = 0;
    for (const struct device *o = d->dev.machine->devices; o && o != &d->dev; o = o->next)
        n += o->type == &ide_hd_type;
    d->made_serial = g_strdup_printf("TM%05u", n + 1);
}

static bool check_geometry(const struct ide_hd *d, struct error **errp)
{
    bool given = d->cyls || d->heads || d->secs;
    if (!given || (d->cyls - 1 < 65535 && d->heads - 1 < 16 && d->secs - 1 < 255))
        return true;
    error_set(errp, "cyls, heads and secs are %u, %u, %u, must be 1 to 65535, 16, 255", d->cyls,
              d->heads, d->secs);
    return false;
}

static bool check(struct ide_hd *d, struct error **errp)
{
    if (d->bus == NULL)
        error_set(errp, "needs an IDE or AHCI adapter (-device ahci) to plug into");
    else if (d->drive == NULL)
        error_set(errp, "needs drive=ID, the id of a -drive or -blockdev");
    else if (block_is_empty(d->drive))
        error_set(errp, "drive '%s' is empty: it needs file=FILE", block_id(d->drive));
    else if (block_read_only(d->drive))
        error_set(errp,
                  "drive '%s' is read-only, which an ATA disk cannot be; use readonly=off, "
                  "snapshot=on, or ide-cd",
                  block_id(d->drive));
    else if (d->logical_block_size != ATA_SECTOR)
        error_set(errp, "logical_block_size is %llu, must be 512",
                  (unsigned long long)d->logical_block_size);
    else if (!is_pow2(d->physical_block_size) || d->physical_block_size < ATA_SECTOR)
        error_set(errp, "physical_block_size is %llu, must be a power of two of at least 512",
                  (unsigned long long)d->physical_block_size);
    else
        return check_geometry(d, errp);
    return false;
}

static bool ide_hd_realize(struct device *dev, struct error **errp)
{
    struct ide_hd *d = (struct ide_hd *)dev;
    d->start_cached = strcmp(d->write_cache, "off") != 0;
    if (!check(d, errp) || !disk_set_on_error(d->drive, d->rerror, d->werror, errp))
        return false;
    if (d->start_cached && strcmp(d->write_cache, "on") && strcmp(d->write_cache, "auto")) {
        error_set(errp, "write-cache is '%s', must be on, off or auto", d->write_cache);
        return false;
    }
    if (d->serial == NULL)
        make_serial(d);
    mutex_lock(&d->bus->adapter->lock);
    d->bus->drive[d->unit] = dev;
    ata_power_up(d->bus, d->unit);
    d->bus->ops->changed(d->bus, d->unit);
    mutex_unlock(&d->bus->adapter->lock);
    return true;
}

static void ide_hd_unrealize(struct device *dev)
{
    struct ide_hd *d = (struct ide_hd *)dev;
    g_clear_pointer(&d->made_serial, g_free);
    if (d->bus == NULL)
        return;
    mutex_lock(&d->bus->adapter->lock);
    while (d->bus->in_flight)
        cond_wait(&d->bus->idle, &d->bus->adapter->lock);
    d->bus->drive[d->unit] = NULL;
    mutex_unlock(&d->bus->adapter->lock);
}

static void status(const struct device *dev, struct drive_status *out)
{
    const struct ide_hd *d = (const struct ide_hd *)dev;
    *out = (struct drive_status){.name = d->drive ? block_drive_name(d->drive) : NULL,
                                 .medium = d->drive};
}

static bool no_tray(struct device *dev, bool open UNUSED, bool force UNUSED, struct error **errp)
{
    error_set(errp, "device '%s' is not removable", dev->id);
    return false;
}

static bool no_change(struct device *dev, struct block_node *medium UNUSED, struct error **errp)
{
    return no_tray(dev, false, false, errp);
}

/* ATA has no way to tell; the next IDENTIFY shows it. */
static void resized(struct device *dev)
{
    struct ide_hd *d = (struct ide_hd *)dev;
    mutex_lock(&d->bus->adapter->lock);
    d->bus->state[d->unit]->max_sectors = ata_sectors(d);
    mutex_unlock(&d->bus->adapter->lock);
}

static const struct drive_ops ide_drive_ops = {status, no_tray, no_change, resized};

static const struct state_field ide_hd_state[] = {
    STATE(ide_hd, none, 0),
    STATE_END,
};

static const struct prop ide_hd_props[] = {
    PROP(prop_drive, ide_hd, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP(prop_uint32, ide_hd, "unit", unit, "4294967295", "0 or 1 (default: first free)"),
    PROP(prop_string, ide_hd, "serial", serial, NULL, "serial number, up to 20 characters"),
    PROP(prop_string, ide_hd, "model", model, "QEMU HARDDISK", "model, up to 40 characters"),
    PROP(prop_string, ide_hd, "ver", version, "2.5+", "firmware revision, up to 8 characters"),
    PROP(prop_uint64, ide_hd, "wwn", wwn, "0", "world-wide name (0: none)"),
    PROP(prop_uint32, ide_hd, "cyls", cyls, "0", "cylinders (0: by the size)"),
    PROP(prop_uint32, ide_hd, "heads", heads, "0", "heads, up to 16"),
    PROP(prop_uint32, ide_hd, "secs", secs, "0", "sectors of a track, up to 255"),
    PROP(prop_size, ide_hd, "logical_block_size", logical_block_size, "512", "512"),
    PROP(prop_size, ide_hd, "physical_block_size", physical_block_size, "512",
         "block of the medium"),
    PROP(prop_size, ide_hd, "discard_granularity", discard_granularity, "512",
         "unit that can be trimmed; 0: none can"),
    PROP(prop_uint16, ide_hd, "rotation_rate", rotation_rate, "0",
         "rounds a minute; 1: does not rotate, 0: not told"),
    PROP(prop_string, ide_hd, "write-cache", write_cache, "auto",
         "cache at reset: on, off or auto (on)"),
    PROP(prop_string, ide_hd, "werror", werror, "auto",
         "write errors: report, ignore, enospc, stop"),
    PROP(prop_string, ide_hd, "rerror", rerror, "auto", "read errors: report, ignore, stop"),
    PROP(prop_bool, ide_hd, "share-rw", share_rw, "off", "accepted; a node has one device"),
    PROP_BOOTINDEX(ide_hd, bootindex, NULL),
    PROP_END,
};

DEVICE_CLASS_NAMED(ide_hd, "ide-hd") = {
    .desc = "ATA disk",
    .bus = "IDE",
    .user_creatable = true,
    .props = ide_hd_props,
    .state = ide_hd_state,
    .realize = ide_hd_realize,
    .unrealize = ide_hd_unrealize,
    .drive = &ide_drive_ops,
};
