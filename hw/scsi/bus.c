/* The SCSI bus: which unit is where, and what a target answers when a unit is not there.
 * Ref: SAM-5, section 4.6 (logical unit numbers); SPC-4, sections 6.4 and 6.21. */
#include "hw/scsi/scsi.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { INQUIRY = 0x12, REPORT_LUNS = 0xa0, REQUEST_SENSE = 0x03 };
enum { NO_SUCH_UNIT = 0x7f, MAX_REPORTED = 512 };

unsigned scsi_cdb_len(uint8_t opcode)
{
    static const uint8_t len[8] = {6, 10, 10, 0, 16, 12, 0, 0};
    return len[opcode >> 5];
}

/* Descending order of (id, lun) decides where the next goes: the list is sorted. */
static uint64_t place(const struct scsi_unit *u)
{
    return (uint64_t)u->id << 32 | u->lun;
}

struct scsi_unit *scsi_bus_find(struct scsi_bus *bus, unsigned id, unsigned lun, bool *target)
{
    struct scsi_unit *found = NULL;
    *target = false;
    for (struct scsi_unit *u = bus->units; u; u = u->next) {
        if (u->id != id)
            continue;
        *target = true;
        if (u->lun == lun)
            found = u;
    }
    return found;
}

bool scsi_good(struct scsi_request *r)
{
    r->status = SCSI_GOOD;
    return true;
}

bool scsi_fail(struct scsi_request *r, uint8_t key, uint16_t asc_ascq)
{
    r->status = SCSI_CHECK_CONDITION;
    memset(r->sense, 0, sizeof(r->sense));
    r->sense[0] = 0x70; /* fixed format, current */
    r->sense[2] = key;
    r->sense[7] = SCSI_SENSE_BYTES - 8;
    r->sense[12] = (uint8_t)(asc_ascq >> 8);
    r->sense[13] = (uint8_t)asc_ascq;
    r->sense_len = SCSI_SENSE_BYTES;
    return true;
}

bool scsi_reply(struct scsi_request *r, const void *buf, size_t n, size_t alloc)
{
    const uint8_t *from = buf;
    size_t left = MIN(n, alloc);
    for (unsigned i = 0; i < r->nin && left > 0; i++) {
        size_t part = MIN(left, r->in[i].iov_len);
        memcpy(r->in[i].iov_base, from, part);
        from += part;
        left -= part;
        r->done_bytes += part;
    }
    r->overrun = left > 0;
    return scsi_good(r);
}

size_t scsi_fetch(const struct scsi_request *r, void *buf, size_t n)
{
    uint8_t *to = buf;
    size_t left = n;
    for (unsigned i = 0; i < r->nout && left > 0; i++) {
        size_t part = MIN(left, r->out[i].iov_len);
        memcpy(to, r->out[i].iov_base, part);
        to += part;
        left -= part;
    }
    return n - left;
}

void scsi_request_fini(struct scsi_request *r)
{
    g_free(r->bounce);
    r->bounce = NULL;
}

/* LUN 0 comes first even where it is no unit: that is where the guest asks. */
static bool report_luns(struct scsi_bus *bus, unsigned id, struct scsi_request *r)
{
    uint8_t buf[8 + 8 * MAX_REPORTED] = {0};
    uint32_t alloc = ld_be32(r->cdb + 6);
    unsigned n = 1;
    if (r->cdb[2] > 2 || alloc < 16)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    for (const struct scsi_unit *u = r->cdb[2] == 1 ? NULL : bus->units; u; u = u->next) {
        if (u->id != id || u->lun == 0 || n == MAX_REPORTED)
            continue;
        buf[8 + 8 * n] = (uint8_t)(u->lun < 256 ? 0 : 0x40 | u->lun >> 8);
        buf[8 + 8 * n + 1] = (uint8_t)u->lun;
        n++;
    }
    if (r->cdb[2] == 1) /* well-known units: there are none */
        n = 0;
    st_be32(buf, n * 8);
    return scsi_reply(r, buf, 8 + 8 * (size_t)n, alloc);
}

/* A target answers three commands for units that it does not have. */
static bool no_unit(struct scsi_bus *bus, unsigned id, struct scsi_request *r)
{
    uint8_t buf[36] = {NO_SUCH_UNIT, 0, 5, 2, 31};
    switch (r->cdb[0]) {
    case INQUIRY:
        if (r->cdb[1] & 1)
            return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
        return scsi_reply(r, buf, sizeof(buf), ld_be16(r->cdb + 3));
    case REPORT_LUNS: return report_luns(bus, id, r);
    case REQUEST_SENSE: {
        struct scsi_request sense = {0};
        scsi_fail(&sense, SENSE_ILLEGAL, ASC_NO_UNIT);
        return scsi_reply(r, sense.sense, SCSI_SENSE_BYTES, r->cdb[4]);
    }
    default: return scsi_fail(r, SENSE_ILLEGAL, ASC_NO_UNIT);
    }
}

bool scsi_start(struct scsi_bus *bus, unsigned id, unsigned lun, struct scsi_request *r)
{
    bool target;
    r->unit = scsi_bus_find(bus, id, lun, &target);
    if (r->unit == NULL)
        return no_unit(bus, id, r);
    if (r->cdb[0] == REPORT_LUNS)
        return report_luns(bus, id, r);
    return r->unit->ucls->start(r->unit, r);
}

static bool choose_id(struct scsi_bus *bus, struct scsi_unit *u, struct error **errp)
{
    bool target = true;
    if (u->id == UINT32_MAX) {
        unsigned id = 0;
        uint32_t lun = u->lun == UINT32_MAX ? 0 : u->lun;
        for (; id <= SCSI_MAX_TARGET && target; id++)
            scsi_bus_find(bus, id, lun, &target);
        u->id = target ? SCSI_MAX_TARGET + 1 : id - 1;
    }
    if (u->id <= SCSI_MAX_TARGET)
        return true;
    error_set(errp, "scsi-id must be 0 to %d", SCSI_MAX_TARGET);
    return false;
}

static bool choose_lun(struct scsi_bus *bus, struct scsi_unit *u, struct error **errp)
{
    bool target;
    if (u->lun == UINT32_MAX) {
        u->lun = 0;
        while (u->lun <= SCSI_MAX_LUN && scsi_bus_find(bus, u->id, u->lun, &target))
            u->lun++;
    }
    if (u->lun > SCSI_MAX_LUN) {
        error_set(errp, "lun must be 0 to %d", SCSI_MAX_LUN);
        return false;
    }
    struct scsi_unit *there = scsi_bus_find(bus, u->id, u->lun, &target);
    if (there == NULL)
        return true;
    error_set(errp, "scsi-id=%u,lun=%u is taken by '%s'", u->id, u->lun, there->dev.id);
    return false;
}

static bool plug(struct hw_bus *hw, struct device *dev, struct error **errp)
{
    struct scsi_bus *bus = (struct scsi_bus *)hw;
    struct scsi_unit *u = (struct scsi_unit *)dev;
    if (u->channel != 0) {
        error_set(errp, "channel is %u; '%s' has channel 0 only", u->channel, hw->name);
        return false;
    }
    if (!choose_id(bus, u, errp) || !choose_lun(bus, u, errp))
        return false;
    u->bus = bus;
    return true;
}

bool scsi_unit_realize(struct scsi_unit *u, const struct scsi_unit_class *cls, struct error **errp)
{
    if (u->bus == NULL) {
        error_set(errp, "needs a SCSI adapter (-device virtio-scsi-device) to plug into");
        return false;
    }
    u->ucls = cls;
    mutex_lock(&u->bus->adapter->lock);
    struct scsi_unit **p = &u->bus->units;
    while (*p && place(*p) < place(u))
        p = &(*p)->next;
    u->next = *p;
    *p = u;
    mutex_unlock(&u->bus->adapter->lock);
    u->bus->ops->added(u->bus, u);
    return true;
}

void scsi_unit_unrealize(struct scsi_unit *u)
{
    if (u->bus == NULL)
        return;
    mutex_lock(&u->bus->adapter->lock);
    struct scsi_unit **p = &u->bus->units;
    while (*p && *p != u)
        p = &(*p)->next;
    if (*p)
        *p = u->next;
    mutex_unlock(&u->bus->adapter->lock);
    u->bus->ops->removed(u->bus, u);
}

static char *new_bus_name(struct machine *m)
{
    unsigned n = 0;
    for (const struct hw_bus *b = m ? m->buses : NULL; b; b = b->next)
        n += strcmp(b->type, "SCSI") == 0;
    return g_strdup_printf("scsi.%u", n);
}

/* As SeaBIOS and OVMF know units. */
static char *unit_place(const struct hw_bus *hw UNUSED, const struct device *dev)
{
    const struct scsi_unit *u = (const struct scsi_unit *)dev;
    return g_strdup_printf("channel@%x/disk@%x,%x", u->channel, u->id, u->lun);
}

/* The adapter tells its guest. */
static const struct hw_bus_hotplug hotplug = {NULL, NULL, NULL};

void scsi_bus_init(struct scsi_bus *bus, struct device *adapter, const struct scsi_bus_ops *ops)
{
    bus->adapter = adapter;
    bus->ops = ops;
    bus->hw.plug = plug;
    bus->hw.place = unit_place;
    bus->hw.hotplug = &hotplug;
    hw_bus_register(&bus->hw, adapter, "SCSI", new_bus_name(adapter->machine));
}

/* Units are devices of the machine and may outlive the adapter when it is taken down. */
void scsi_bus_fini(struct scsi_bus *bus)
{
    for (struct scsi_unit *u = bus->units; u; u = u->next)
        u->bus = NULL;
    hw_bus_unregister(&bus->hw);
}
