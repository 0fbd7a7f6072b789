/* Inside the SCSI disk: its state, and the commands by kind. */
#ifndef HW_SCSI_DISK_PRIV_H
#define HW_SCSI_DISK_PRIV_H

#include "hw/scsi/scsi.h"
#include "util/bits.h"

enum { TYPE_DISK = 0x00, TYPE_CD = 0x05 };

struct scsi_disk {
    struct scsi_unit u;
    struct block_node *drive; /* NULL: no medium */
    char *drive_name;         /* of the -drive that it began with, or NULL */
    char *identity;           /* device_id, serial or the drive's id; NULL: none of them */
    char *serial, *vendor, *product, *version, *device_id, *write_cache, *werror, *rerror;
    uint64_t wwn, port_wwn, max_unmap_size, max_io_size;
    uint64_t logical_block_size, physical_block_size, min_io_size, opt_io_size, discard_granularity;
    int32_t bootindex;
    uint16_t rotation_rate, port_index;
    uint8_t scsi_version;
    bool removable, dpofua, share_rw, start_cached;
    struct scsi_disk_state {
        uint16_t attention; /* what changed and the guest was not told of yet, 0: nothing */
        uint8_t cached;     /* 0: each write reaches the medium before it completes */
        uint8_t tray_open, locked;
        uint8_t media_event; /* for GET EVENT STATUS NOTIFICATION */
    } s;
};

static inline bool is_cd(const struct scsi_disk *d)
{
    return d->u.ucls->type == TYPE_CD;
}
static inline bool has_medium(const struct scsi_disk *d)
{
    return d->drive && !d->s.tray_open;
}
/* In logical blocks. */
uint64_t disk_blocks(const struct scsi_disk *d);
bool disk_read_only(const struct scsi_disk *d);
/* Fails r when there is no medium. */
bool disk_not_ready(const struct scsi_disk *d, struct scsi_request *r);

/* disk_inquiry.c, disk_mode.c, disk_io.c, cdrom.c: commands.  True: complete. */
bool disk_inquiry(struct scsi_disk *d, struct scsi_request *r);
bool disk_mode_sense(struct scsi_disk *d, struct scsi_request *r);
bool disk_mode_select(struct scsi_disk *d, struct scsi_request *r);
bool disk_read(struct scsi_disk *d, struct scsi_request *r);
bool disk_write(struct scsi_disk *d, struct scsi_request *r, bool verify);
bool disk_verify(struct scsi_disk *d, struct scsi_request *r);
bool disk_write_same(struct scsi_disk *d, struct scsi_request *r);
bool disk_unmap(struct scsi_disk *d, struct scsi_request *r);
bool disk_flush(struct scsi_disk *d, struct scsi_request *r);
bool disk_seek(struct scsi_disk *d, struct scsi_request *r);
/* n blocks from lba on, into the guest's buffers. */
bool disk_read_blocks(struct scsi_disk *d, struct scsi_request *r, uint64_t lba, uint64_t n);
/* What only a CD-ROM drive does; *known is false when it is none of that. */
bool cdrom_start(struct scsi_disk *d, struct scsi_request *r, bool *known);
/* Page 2Ah; its length. */
size_t cdrom_capabilities(const struct scsi_disk *d, uint8_t *page);

/* Operation codes. */
enum {
    TEST_UNIT_READY = 0x00,
    REQUEST_SENSE = 0x03,
    READ_6 = 0x08,
    WRITE_6 = 0x0a,
    SEEK_6 = 0x0b,
    INQUIRY = 0x12,
    MODE_SELECT_6 = 0x15,
    RESERVE_6 = 0x16,
    RELEASE_6 = 0x17,
    MODE_SENSE_6 = 0x1a,
    START_STOP_UNIT = 0x1b,
    PREVENT_ALLOW = 0x1e,
    READ_CAPACITY_10 = 0x25,
    READ_10 = 0x28,
    WRITE_10 = 0x2a,
    SEEK_10 = 0x2b,
    WRITE_VERIFY_10 = 0x2e,
    VERIFY_10 = 0x2f,
    SYNCHRONIZE_CACHE_10 = 0x35,
    WRITE_SAME_10 = 0x41,
    UNMAP = 0x42,
    READ_TOC = 0x43,
    GET_CONFIGURATION = 0x46,
    GET_EVENT_STATUS = 0x4a,
    READ_DISC_INFORMATION = 0x51,
    MODE_SELECT_10 = 0x55,
    MODE_SENSE_10 = 0x5a,
    READ_16 = 0x88,
    WRITE_16 = 0x8a,
    WRITE_VERIFY_16 = 0x8e,
    VERIFY_16 = 0x8f,
    SYNCHRONIZE_CACHE_16 = 0x91,
    WRITE_SAME_16 = 0x93,
    SERVICE_ACTION_IN_16 = 0x9e,
    READ_12 = 0xa8,
    WRITE_12 = 0xaa,
    WRITE_VERIFY_12 = 0xae,
    VERIFY_12 = 0xaf,
    SET_CD_SPEED = 0xbb,
    MECHANISM_STATUS = 0xbd,
    READ_CD = 0xbe,
};

#endif
