/*
 * SCSI disks (scsi-hd) and CD-ROM drives (scsi-cd).  Ref: SPC-4, SBC-3, MMC-6 (T10).
 *
 * QUIRK: their names (vendor, product) are those that guests' rules and scripts know.
 */
#include "hw/scsi/disk.h"
#include "core/event.h"
#include "hw/boot_order.h"
#include "hw/drive.h"
#include "hw/on_error.h"
#include "hw/scsi/disk_priv.h"

#include <glib.h>
#include <string.h>

enum { MIN_BLOCK = 512, MAX_BLOCK = 2 << 20 };
enum { START = 1, LOAD_EJECT = 2, READ_CAPACITY_16_ACTION = 0x10 };
enum { MEDIA_NO_CHANGE = 0, MEDIA_EJECT_REQUEST = 1, MEDIA_NEW = 2, MEDIA_REMOVED = 3 };

uint64_t disk_blocks(const struct scsi_disk *d)
{
    return d->drive ? block_size(d->drive) / d->logical_block_size : 0;
}

bool disk_read_only(const struct scsi_disk *d)
{
    return is_cd(d) || (d->drive && block_read_only(d->drive));
}

bool disk_not_ready(const struct scsi_disk *d, struct scsi_request *r)
{
    if (has_medium(d))
        return false;
    return scsi_fail(r, SENSE_NOT_READY, d->s.tray_open ? ASC_NO_MEDIUM_OPEN : ASC_NO_MEDIUM);
}

static bool request_sense(struct scsi_disk *d, struct scsi_request *r)
{
    struct scsi_request sense = {0};
    if (r->cdb[1] & 1) /* descriptor format */
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (d->s.attention)
        scsi_fail(&sense, SENSE_ATTENTION, d->s.attention);
    else if (!disk_not_ready(d, &sense))
        scsi_fail(&sense, SENSE_NONE, ASC_NONE);
    d->s.attention = 0;
    return scsi_reply(r, sense.sense, SCSI_SENSE_BYTES, r->cdb[4]);
}

static bool read_capacity_10(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[8];
    if (disk_not_ready(d, r))
        return true;
    if (r->cdb[8] & 1 || disk_blocks(d) == 0)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    st_be32(buf, (uint32_t)MIN(disk_blocks(d) - 1, (uint64_t)UINT32_MAX));
    st_be32(buf + 4, (uint32_t)d->logical_block_size);
    return scsi_reply(r, buf, sizeof(buf), sizeof(buf));
}

static bool service_action_in(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[32] = {0};
    if ((r->cdb[1] & 0x1f) != READ_CAPACITY_16_ACTION || is_cd(d))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (disk_not_ready(d, r))
        return true;
    if (disk_blocks(d) == 0)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    st_be64(buf, disk_blocks(d) - 1);
    st_be32(buf + 8, (uint32_t)d->logical_block_size);
    buf[13] = (uint8_t)__builtin_ctzll(d->physical_block_size / d->logical_block_size);
    buf[14] = d->discard_granularity ? 0x80 : 0;
    return scsi_reply(r, buf, sizeof(buf), ld_be32(r->cdb + 10));
}

static void say_tray(const struct scsi_disk *d)
{
    event_emit("DEVICE_TRAY_MOVED", "{\"device\": \"%s\", \"id\": \"%s\", \"tray-open\": %s}",
               d->drive_name ? d->drive_name : "", d->u.dev.id, d->s.tray_open ? "true" : "false");
}

/* A guest that closes the tray itself looks what is in it: a unit attention would only fail its
 * next read. */
static void move_tray(struct scsi_disk *d, bool open, bool by_guest)
{
    if (d->s.tray_open == open)
        return;
    d->s.tray_open = open;
    d->s.media_event = open ? MEDIA_REMOVED : d->drive ? MEDIA_NEW : MEDIA_NO_CHANGE;
    if (!open && d->drive && !by_guest)
        d->s.attention = ASC_MEDIUM_CHANGED;
    say_tray(d);
}

static bool start_stop(struct scsi_disk *d, struct scsi_request *r)
{
    bool open = !(r->cdb[4] & START);
    if ((r->cdb[4] & 0xf0) || !(r->cdb[4] & LOAD_EJECT) || !d->removable)
        return scsi_good(r); /* power conditions, and a motor that always turns */
    if (open && d->s.locked && !d->s.tray_open)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_REMOVAL_PREVENTED);
    move_tray(d, open, true);
    return scsi_good(r);
}

static bool prevent_allow(struct scsi_disk *d, struct scsi_request *r)
{
    if (d->removable)
        d->s.locked = r->cdb[4] & 1;
    return scsi_good(r);
}

/* Commands that are carried out while a unit attention is pending. */
static bool passes_attention(uint8_t opcode)
{
    return opcode == INQUIRY || opcode == REQUEST_SENSE || opcode == GET_CONFIGURATION ||
           opcode == GET_EVENT_STATUS;
}

/* What disks and drives have in common but for data transfer. */
static bool start_control(struct scsi_disk *d, struct scsi_request *r, bool *known)
{
    *known = true;
    switch (r->cdb[0]) {
    case TEST_UNIT_READY: return disk_not_ready(d, r) || scsi_good(r);
    case REQUEST_SENSE: return request_sense(d, r);
    case INQUIRY: return disk_inquiry(d, r);
    case MODE_SENSE_6:
    case MODE_SENSE_10: return disk_mode_sense(d, r);
    case MODE_SELECT_6:
    case MODE_SELECT_10: return disk_mode_select(d, r);
    case RESERVE_6:
    case RELEASE_6: return scsi_good(r); /* there is one initiator */
    case START_STOP_UNIT: return start_stop(d, r);
    case PREVENT_ALLOW: return prevent_allow(d, r);
    case READ_CAPACITY_10: return read_capacity_10(d, r);
    case SERVICE_ACTION_IN_16: return service_action_in(d, r);
    default: *known = false; return true;
    }
}

static bool start_read(struct scsi_disk *d, struct scsi_request *r, bool *known)
{
    *known = true;
    switch (r->cdb[0]) {
    case READ_6:
    case READ_10:
    case READ_12:
    case READ_16: return disk_read(d, r);
    case SEEK_6:
    case SEEK_10: return disk_seek(d, r);
    case VERIFY_10:
    case VERIFY_12:
    case VERIFY_16: return disk_verify(d, r);
    case SYNCHRONIZE_CACHE_10:
    case SYNCHRONIZE_CACHE_16: return disk_flush(d, r);
    default: *known = false; return true;
    }
}

static bool start_write(struct scsi_disk *d, struct scsi_request *r, bool *known)
{
    *known = true;
    switch (r->cdb[0]) {
    case WRITE_6:
    case WRITE_10:
    case WRITE_12:
    case WRITE_16: return disk_write(d, r, false);
    case WRITE_VERIFY_10:
    case WRITE_VERIFY_12:
    case WRITE_VERIFY_16: return disk_write(d, r, true);
    case WRITE_SAME_10:
    case WRITE_SAME_16: return disk_write_same(d, r);
    case UNMAP: return disk_unmap(d, r);
    default: *known = false; return true;
    }
}

static bool scsi_disk_start(struct scsi_unit *u, struct scsi_request *r)
{
    struct scsi_disk *d = (struct scsi_disk *)u;
    bool known, done;
    if (d->s.attention && !passes_attention(r->cdb[0])) {
        uint16_t what = d->s.attention;
        d->s.attention = 0;
        return scsi_fail(r, SENSE_ATTENTION, what);
    }
    done = start_control(d, r, &known);
    if (!known)
        done = start_read(d, r, &known);
    if (!known)
        done = is_cd(d) ? cdrom_start(d, r, &known) : start_write(d, r, &known);
    if (!known)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_OPCODE);
    return done;
}

void scsi_unit_reset(struct scsi_unit *u)
{
    struct scsi_disk *d = (struct scsi_disk *)u;
    d->s.attention = ASC_RESET;
    d->s.locked = 0;
    d->s.cached = d->start_cached;
}

static const struct scsi_unit_class hd_ucls = {TYPE_DISK, scsi_disk_start};
static const struct scsi_unit_class cd_ucls = {TYPE_CD, scsi_disk_start};

extern const struct device_type scsi_hd_type, scsi_cd_type, ide_cd_type;

bool scsi_disk_is_removable(const struct device *dev)
{
    return (dev->type == &scsi_cd_type || dev->type == &scsi_hd_type ||
            dev->type == &ide_cd_type) &&
           ((const struct scsi_disk *)dev)->removable;
}

bool scsi_disk_move_tray(struct device *dev, bool open, bool force, struct error **errp)
{
    struct scsi_disk *d = (struct scsi_disk *)dev;
    struct mutex *lock = &d->u.bus->adapter->lock;
    bool moved = false;
    mutex_lock(lock);
    bool refused = open && d->s.locked && !d->s.tray_open;
    if (refused)
        d->s.media_event = MEDIA_EJECT_REQUEST; /* the guest may unlock it now */
    if (!refused || force) {
        moved = d->s.tray_open != open;
        if (refused)
            d->s.locked = 0;
        move_tray(d, open, false);
    }
    mutex_unlock(lock);
    if (refused && !force) {
        error_set(errp, "device '%s' is locked by the guest and force was not given", dev->id);
        return false;
    }
    if (moved)
        d->u.bus->ops->changed(d->u.bus, &d->u, ASC_MEDIUM_CHANGED);
    return true;
}

bool scsi_disk_set_medium(struct device *dev, struct block_node *medium, struct error **errp)
{
    struct scsi_disk *d = (struct scsi_disk *)dev;
    struct mutex *lock = &d->u.bus->adapter->lock;
    if (!d->s.tray_open) {
        error_set(errp, "the tray of '%s' is not open", dev->id);
        return false;
    }
    if (medium && (!block_attach(medium, dev->id, errp) ||
                   !disk_set_on_error(medium, d->rerror, d->werror, errp)))
        return false;
    mutex_lock(lock); /* from here on no request starts */
    struct block_node *old = d->drive;
    d->drive = NULL;
    mutex_unlock(lock);
    if (old)
        block_detach(old);
    if (medium)
        block_set_slot(medium, &d->drive);
    mutex_lock(lock);
    d->drive = medium;
    mutex_unlock(lock);
    return true;
}

static void drive_status(const struct device *dev, struct drive_status *out)
{
    const struct scsi_disk *d = (const struct scsi_disk *)dev;
    *out = (struct drive_status){.name = d->drive_name,
                                 .medium = d->drive,
                                 .is_removable = d->removable,
                                 .has_tray = d->removable,
                                 .is_open = d->s.tray_open,
                                 .is_locked = d->s.locked,
                                 .is_cd = is_cd(d)};
}

static void resized(struct device *dev)
{
    struct scsi_disk *d = (struct scsi_disk *)dev;
    struct mutex *lock = &d->u.bus->adapter->lock;
    mutex_lock(lock);
    d->s.attention = ASC_CAPACITY_CHANGED;
    mutex_unlock(lock);
    d->u.bus->ops->changed(d->u.bus, &d->u, ASC_CAPACITY_CHANGED);
}

static const struct drive_ops scsi_drive_ops = {drive_status, scsi_disk_move_tray,
                                                scsi_disk_set_medium, resized};

struct block_node *scsi_disk_medium(const struct device *dev)
{
    return ((const struct scsi_disk *)dev)->drive;
}

bool scsi_disk_tray_is_open(const struct device *dev)
{
    return ((const struct scsi_disk *)dev)->s.tray_open;
}

bool scsi_disk_is_locked(const struct device *dev)
{
    return ((const struct scsi_disk *)dev)->s.locked;
}

const char *scsi_disk_product(const struct device *dev)
{
    return ((const struct scsi_disk *)dev)->product;
}

const char *scsi_disk_version(const struct device *dev)
{
    return ((const struct scsi_disk *)dev)->version;
}

const char *scsi_disk_serial(const struct device *dev)
{
    const struct scsi_disk *d = (const struct scsi_disk *)dev;
    return d->serial ? d->serial : "TM00000";
}

static bool check_sizes(struct scsi_disk *d, struct error **errp)
{
    uint64_t logical = d->logical_block_size;
    if (d->physical_block_size < logical)
        d->physical_block_size = logical;
    if (!is_pow2(logical) || logical < MIN_BLOCK || logical > MAX_BLOCK)
        error_set(errp, "logical_block_size is %llu, must be a power of two from %d to %d",
                  (unsigned long long)logical, MIN_BLOCK, MAX_BLOCK);
    else if (!is_pow2(d->physical_block_size) || d->physical_block_size > MAX_BLOCK)
        error_set(errp, "physical_block_size is %llu, must be a power of two up to %d",
                  (unsigned long long)d->physical_block_size, MAX_BLOCK);
    else if (d->discard_granularity % logical || d->min_io_size % logical ||
             d->opt_io_size % logical)
        error_set(errp, "discard_granularity, min_io_size and opt_io_size must be multiples of "
                        "logical_block_size");
    else
        return true;
    return false;
}

static bool check_policies(struct scsi_disk *d, struct error **errp)
{
    const char *cache = d->write_cache;
    d->start_cached = strcmp(cache, "off") != 0;
    if (d->start_cached && strcmp(cache, "on") && strcmp(cache, "auto")) {
        error_set(errp, "write-cache is '%s', must be on, off or auto", cache);
        return false;
    }
    return disk_set_on_error(d->drive, d->rerror, d->werror, errp);
}

static void set_names(struct scsi_disk *d)
{
    if (d->drive && !d->drive_name)
        d->drive_name = g_strdup(block_drive_name(d->drive));
    if (d->device_id || d->serial)
        d->identity = g_strdup(d->device_id ? d->device_id : d->serial);
    else if (d->drive)
        d->identity = g_strdup(block_id(d->drive));
}

static bool realize(struct scsi_disk *d, const struct scsi_unit_class *cls, struct error **errp)
{
    if (!check_sizes(d, errp) || !check_policies(d, errp))
        return false;
    set_names(d);
    return scsi_unit_realize(&d->u, cls, errp);
}

static bool scsi_hd_realize(struct device *dev, struct error **errp)
{
    struct scsi_disk *d = (struct scsi_disk *)dev;
    if (d->drive == NULL) {
        error_set(errp, "needs drive=ID, the id of a -drive or -blockdev");
        return false;
    }
    if (block_is_empty(d->drive)) {
        error_set(errp, "drive '%s' is empty: it needs file=FILE", block_id(d->drive));
        return false;
    }
    return realize(d, &hd_ucls, errp);
}

/* A drive that begins empty keeps its name for what is put in. */
static void take_name_of_empty(struct scsi_disk *d)
{
    struct block_node *empty = d->drive;
    if (!empty || !block_is_empty(empty))
        return;
    d->drive_name = g_strdup(block_drive_name(empty));
    d->drive = NULL;
    block_detach(empty);
    block_name_drive(empty, NULL);
}

static bool scsi_cd_realize(struct device *dev, struct error **errp)
{
    ((struct scsi_disk *)dev)->removable = true;
    take_name_of_empty((struct scsi_disk *)dev);
    return realize((struct scsi_disk *)dev, &cd_ucls, errp);
}

static void scsi_disk_unrealize(struct device *dev)
{
    scsi_unit_unrealize((struct scsi_unit *)dev);
    g_clear_pointer(&((struct scsi_disk *)dev)->drive_name, g_free);
    g_clear_pointer(&((struct scsi_disk *)dev)->identity, g_free);
}

static void scsi_disk_reset(struct device *dev)
{
    scsi_unit_reset((struct scsi_unit *)dev);
}

static const struct state_field scsi_disk_state[] = {
    STATE(scsi_disk, attention, ASC_RESET), STATE(scsi_disk, cached, 1),
    STATE_KEEP(scsi_disk, tray_open),       STATE(scsi_disk, locked, 0),
    STATE(scsi_disk, media_event, 0),       STATE_END,
};

/* clang-format off */
#define SCSI_DISK_PROPS(product_name, block)                                                       \
    PROP(prop_drive, scsi_disk, "drive", drive, NULL, "id of the -drive or -blockdev"),            \
    PROP(prop_uint32, scsi_disk, "channel", u.channel, "0", "0"),                                  \
    PROP(prop_uint32, scsi_disk, "scsi-id", u.id, "4294967295", "target (default: first free)"),   \
    PROP(prop_uint32, scsi_disk, "lun", u.lun, "4294967295", "logical unit (default: first free)"),\
    PROP(prop_string, scsi_disk, "serial", serial, NULL, "serial number"),                         \
    PROP(prop_string, scsi_disk, "vendor", vendor, "QEMU", "vendor, up to 8 characters"),          \
    PROP(prop_string, scsi_disk, "product", product, product_name, "product, up to 16"),           \
    PROP(prop_string, scsi_disk, "ver", version, "2.5+", "revision, up to 4"),                     \
    PROP(prop_string, scsi_disk, "device_id", device_id, NULL, "identity (default: the serial)"),  \
    PROP(prop_uint64, scsi_disk, "wwn", wwn, "0", "world-wide name (0: none)"),                    \
    PROP(prop_uint64, scsi_disk, "port_wwn", port_wwn, "0", "that of its port"),                   \
    PROP(prop_uint16, scsi_disk, "port_index", port_index, "0", "number of its port (0: none)"),   \
    PROP(prop_size, scsi_disk, "logical_block_size", logical_block_size, block, "block"),          \
    PROP(prop_size, scsi_disk, "physical_block_size", physical_block_size, block,                  \
         "block of the medium"),                                                                   \
    PROP(prop_size, scsi_disk, "min_io_size", min_io_size, "0", "suggested smallest request"),     \
    PROP(prop_size, scsi_disk, "opt_io_size", opt_io_size, "0", "suggested request"),              \
    PROP(prop_uint64, scsi_disk, "max_io_size", max_io_size, "2147483647", "longest request"),     \
    PROP(prop_uint8, scsi_disk, "scsi_version", scsi_version, "5", "version it claims"),           \
    PROP(prop_string, scsi_disk, "write-cache", write_cache, "auto",                               \
         "cache at reset: on, off or auto (on)"),                                                  \
    PROP(prop_string, scsi_disk, "werror", werror, "auto", "write errors: report, ignore, enospc, stop"),                \
    PROP(prop_string, scsi_disk, "rerror", rerror, "auto", "read errors: report, ignore, stop"),                 \
    PROP(prop_bool, scsi_disk, "share-rw", share_rw, "off", "accepted; a node has one device"),    \
    PROP_BOOTINDEX(scsi_disk, bootindex, NULL)

static const struct prop scsi_hd_props[] = {
    SCSI_DISK_PROPS("QEMU HARDDISK", "512"),
    PROP(prop_bool, scsi_disk, "removable", removable, "off", "the medium can be taken out"),
    PROP(prop_bool, scsi_disk, "dpofua", dpofua, "off", "offer writes that pass by the cache"),
    PROP(prop_uint16, scsi_disk, "rotation_rate", rotation_rate, "0",
         "rounds a minute; 1: does not rotate, 0: not told"),
    PROP(prop_size, scsi_disk, "discard_granularity", discard_granularity, "4096",
         "unit that can be unmapped; 0: none can"),
    PROP(prop_size, scsi_disk, "max_unmap_size", max_unmap_size, "1073741824",
         "longest UNMAP and WRITE SAME"),
    PROP_END,
};

static const struct prop scsi_cd_props[] = {
    SCSI_DISK_PROPS("QEMU CD-ROM", "2048"),
    PROP_END,
};
/* clang-format on */

/* The same drive behind ATA: hw/ide carries its packets. */
static const struct prop ide_cd_props[] = {
    PROP(prop_drive, scsi_disk, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP(prop_uint32, scsi_disk, "unit", u.id, "4294967295", "0 or 1 (default: first free)"),
    PROP(prop_string, scsi_disk, "serial", serial, NULL, "serial number, up to 20 characters"),
    PROP(prop_string, scsi_disk, "vendor", vendor, "QEMU", "vendor, up to 8 characters"),
    PROP(prop_string, scsi_disk, "model", product, "QEMU DVD-ROM", "model, up to 40 characters"),
    PROP(prop_string, scsi_disk, "ver", version, "2.5+", "revision, up to 4"),
    PROP(prop_uint64, scsi_disk, "wwn", wwn, "0", "world-wide name (0: none)"),
    PROP(prop_size, scsi_disk, "logical_block_size", logical_block_size, "2048", "block"),
    PROP(prop_size, scsi_disk, "physical_block_size", physical_block_size, "2048",
         "block of the medium"),
    PROP(prop_string, scsi_disk, "write-cache", write_cache, "auto", "on, off or auto; not used"),
    PROP(prop_string, scsi_disk, "werror", werror, "auto", "accepted; nothing is written"),
    PROP(prop_string, scsi_disk, "rerror", rerror, "auto", "read errors: report, ignore, stop"),
    PROP(prop_bool, scsi_disk, "share-rw", share_rw, "off", "accepted; a node has one device"),
    PROP_BOOTINDEX(scsi_disk, bootindex, NULL),
    PROP_END,
};

static const struct device_class scsi_hd_class = {
    .desc = "SCSI disk",
    .bus = "SCSI",
    .user_creatable = true,
    .props = scsi_hd_props,
    .state = scsi_disk_state,
    .realize = scsi_hd_realize,
    .unrealize = scsi_disk_unrealize,
    .reset = scsi_disk_reset,
    .drive = &scsi_drive_ops,
};

static const struct device_class scsi_cd_class = {
    .desc = "SCSI CD-ROM drive",
    .bus = "SCSI",
    .user_creatable = true,
    .props = scsi_cd_props,
    .state = scsi_disk_state,
    .realize = scsi_cd_realize,
    .unrealize = scsi_disk_unrealize,
    .reset = scsi_disk_reset,
    .drive = &scsi_drive_ops,
};

const struct device_type scsi_hd_type = {"scsi-hd", &scsi_hd_class, sizeof(struct scsi_disk),
                                         offsetof(struct scsi_disk, s),
                                         sizeof(struct scsi_disk_state)};
const struct device_type scsi_cd_type = {"scsi-cd", &scsi_cd_class, sizeof(struct scsi_disk),
                                         offsetof(struct scsi_disk, s),
                                         sizeof(struct scsi_disk_state)};

static const struct device_class ide_cd_class = {
    .desc = "ATAPI CD-ROM drive",
    .bus = "IDE",
    .user_creatable = true,
    .props = ide_cd_props,
    .state = scsi_disk_state,
    .realize = scsi_cd_realize,
    .unrealize = scsi_disk_unrealize,
    .reset = scsi_disk_reset,
    .drive = &scsi_drive_ops,
};

const struct device_type ide_cd_type = {"ide-cd", &ide_cd_class, sizeof(struct scsi_disk),
                                        offsetof(struct scsi_disk, s),
                                        sizeof(struct scsi_disk_state)};
