/* The ATA disk's commands: which is which, and how each begins and ends.
 * Ref: ATA/ATAPI-7 volume 1, clause 6; power-up values from clause 9. */
#include "hw/ide/ide_priv.h"

#include <glib.h>
#include <string.h>

enum { READY = ATA_DRDY | ATA_DSC, DIAGNOSE_PASSED = 0x01 };
enum { POWER_STANDBY = 0x00, POWER_IDLE = 0x80, POWER_ACTIVE = 0xff };
enum { MAX_MULTIPLE = 16, MODE_UDMA5 = 0x45 };

void ata_power_up(struct ide_bus *bus, unsigned unit)
{
    struct ata_state *s = bus->state[unit];
    *s = (struct ata_state){.power = POWER_ACTIVE, .mode = MODE_UDMA5, .smart = 1};
    if (!ide_has_drive(bus, unit) || ide_is_atapi(bus, unit))
        return;
    const struct ide_hd *d = (const struct ide_hd *)bus->drive[unit];
    s->max_sectors = ata_sectors(d);
    s->cached = d->start_cached;
    s->multiple = MAX_MULTIPLE;
    ata_set_geometry(s, d);
}

void ata_soft_reset(struct ide_bus *bus, unsigned unit)
{
    bus->state[unit]->power = POWER_ACTIVE;
}

void ata_check(struct ata_state *s)
{
    if (s->heads == 0 || s->heads > 16 || s->sectors == 0)
        s->heads = 16, s->sectors = 63;
    if (s->multiple > MAX_MULTIPLE || (s->multiple && !is_pow2(s->multiple)))
        s->multiple = 0;
    if (s->max_sectors > ATA_MAX_LBA48)
        s->max_sectors = ATA_MAX_LBA48;
}

void ata_signature(const struct ide_bus *bus, unsigned unit, uint16_t *count, uint64_t *lba)
{
    *count = 1;
    *lba = ide_is_atapi(bus, unit) ? 0xeb1401 : 1;
}

struct ata_command *ata_command_new(struct ide_bus *bus, unsigned unit,
                                    const struct ata_adapter *adapter, void *opaque)
{
    struct ata_command *c = g_new0(struct ata_command, 1);
    c->bus = bus;
    c->unit = unit;
    c->adapter = adapter;
    c->opaque = opaque;
    return c;
}

static void free_command(struct ata_command *c)
{
    scsi_request_fini(&c->scsi);
    g_free(c->data);
    g_free(c);
}

void ata_drop(struct ata_command *c)
{
    c->is_dropped = true;
    if (!c->in_flight)
        free_command(c);
}

void ata_done(struct ata_command *c)
{
    c->status = READY | (c->status & ATA_ERR);
    c->adapter->done(c);
    free_command(c);
}

void ata_fail(struct ata_command *c, uint8_t error)
{
    c->error = error;
    c->status = ATA_ERR;
    ata_done(c);
}

uint8_t *ata_buffer(struct ata_command *c, uint32_t n)
{
    if (c->data_size < n) {
        g_free(c->data);
        c->data = g_malloc(n);
        c->data_size = n;
    }
    memset(c->data, 0, n);
    return c->data;
}

void ata_send(struct ata_command *c, enum ata_protocol p, uint32_t n,
              void (*taken)(struct ata_command *c))
{
    c->protocol = p;
    c->now = n;
    c->taken = taken;
    c->adapter->data(c, n);
}

/* Where the adapter's memory ended early the command cannot go on. */
void ata_data_done(struct ata_command *c, uint32_t n)
{
    if (n < c->now)
        ata_fail(c, ATA_ABRT);
    else
        c->taken(c);
}

void ata_reply(struct ata_command *c, uint32_t n)
{
    c->block = n;
    ata_send(c, c->protocol == ATA_DMA_IN ? ATA_DMA_IN : ATA_PIO_IN, n, ata_done);
}

static void initialize_parameters(struct ata_command *c)
{
    struct ata_state *s = ata_state_of(c);
    unsigned heads = (c->device & 15U) + 1, sectors = c->count & 0xff;
    if (sectors == 0) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    s->heads = (uint8_t)heads;
    s->sectors = (uint8_t)sectors;
    s->cylinders = (uint16_t)MIN(s->max_sectors / (heads * sectors), (uint64_t)65535);
    ata_done(c);
}

static void set_multiple(struct ata_command *c)
{
    unsigned n = c->count & 0xff;
    if (n > MAX_MULTIPLE || (n && !is_pow2(n))) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    ata_state_of(c)->multiple = (uint8_t)n;
    ata_done(c);
}

static void read_native_max(struct ata_command *c, bool is_ext)
{
    uint64_t last = ata_sectors(ata_disk(c)) - 1;
    ata_put_address(c, is_ext, is_ext ? last : MIN(last, ATA_MAX_LBA28 - 1));
    ata_done(c);
}

/* SET MAX ADDRESS; its subcommands for passwords are not offered. */
static void set_max(struct ata_command *c, bool is_ext)
{
    uint64_t last = ata_address(c, is_ext);
    if ((!is_ext && (c->feature & 0xff)) || last == UINT64_MAX ||
        last >= ata_sectors(ata_disk(c))) {
        ata_fail(c, last == UINT64_MAX || !(c->feature & 0xff) ? ATA_IDNF : ATA_ABRT);
        return;
    }
    ata_state_of(c)->max_sectors = last + 1;
    ata_done(c);
}

static void set_power(struct ata_command *c, uint8_t power)
{
    ata_state_of(c)->power = power;
    ata_done(c);
}

static void check_power(struct ata_command *c)
{
    c->count = ata_state_of(c)->power;
    ata_done(c);
}

static void seek(struct ata_command *c)
{
    if (ata_address(c, false) >= ata_state_of(c)->max_sectors)
        ata_fail(c, ATA_IDNF);
    else
        ata_done(c);
}

static void diagnose(struct ata_command *c)
{
    ata_signature(c->bus, c->unit, &c->count, &c->lba);
    c->error = DIAGNOSE_PASSED;
    c->device = 0;
    ata_done(c);
}

/* Commands that move sectors.  Whether it was one. */
static bool start_transfer(struct ata_command *c)
{
    switch (c->command) {
    case 0x20:
    case 0x21: ata_read_write(c, false, false, false, false); return true;
    case 0x24: ata_read_write(c, true, false, false, false); return true;
    case 0x25: ata_read_write(c, true, true, false, false); return true;
    case 0x29: ata_multiple(c, true, false, false); return true;
    case 0x30:
    case 0x31: ata_read_write(c, false, false, true, false); return true;
    case 0x34: ata_read_write(c, true, false, true, false); return true;
    case 0x35: ata_read_write(c, true, true, true, false); return true;
    case 0x39: ata_multiple(c, true, true, false); return true;
    case 0x3d: ata_read_write(c, true, true, true, true); return true;
    case 0x40:
    case 0x41: ata_verify(c, false); return true;
    case 0x42: ata_verify(c, true); return true;
    case ATA_CMD_READ_FPDMA: ata_queued(c, false); return true;
    case ATA_CMD_WRITE_FPDMA: ata_queued(c, true); return true;
    case 0xc4: ata_multiple(c, false, false, false); return true;
    case 0xc5: ata_multiple(c, false, true, false); return true;
    case 0xc8:
    case 0xc9: ata_read_write(c, false, true, false, false); return true;
    case 0xca:
    case 0xcb: ata_read_write(c, false, true, true, false); return true;
    case 0xce: ata_multiple(c, true, true, true); return true;
    default: return false;
    }
}

static bool start_power(struct ata_command *c)
{
    switch (c->command) {
    case 0x94:
    case 0x96:
    case 0xe0:
    case 0xe2: set_power(c, POWER_STANDBY); return true;
    case 0x95:
    case 0x97:
    case 0xe1:
    case 0xe3: set_power(c, POWER_IDLE); return true;
    case 0x98:
    case 0xe5: check_power(c); return true;
    case 0x99:
    case 0xe6: set_power(c, POWER_STANDBY); return true; /* sleep: any command wakes it */
    default: return false;
    }
}

static void start_other(struct ata_command *c)
{
    switch (c->command) {
    case 0x06: ata_trim(c); break;
    case 0x27: read_native_max(c, true); break;
    case 0x2f: ata_read_log(c, false); break;
    case 0x37: set_max(c, true); break;
    case 0x47: ata_read_log(c, true); break;
    case ATA_CMD_DIAGNOSE: diagnose(c); break;
    case 0x91: initialize_parameters(c); break;
    case 0xb0: ata_smart(c); break;
    case 0xc6: set_multiple(c); break;
    case 0xe7:
    case 0xea: ata_flush(c); break;
    case 0xec: ata_identify(c); break;
    case 0xef: ata_set_features(c); break;
    case 0xf8: read_native_max(c, false); break;
    case 0xf9: set_max(c, false); break;
    default:
        if ((c->command & 0xf0) == 0x10) /* recalibrate */
            ata_done(c);
        else if ((c->command & 0xf0) == 0x70)
            seek(c);
        else
            ata_fail(c, ATA_ABRT);
    }
}

void ata_start(struct ata_command *c)
{
    c->error = 0;
    c->status = 0;
    if (ide_is_atapi(c->bus, c->unit)) {
        atapi_start(c);
        return;
    }
    if (start_power(c))
        return;
    ata_state_of(c)->power = POWER_ACTIVE;
    if (!start_transfer(c))
        start_other(c);
}
