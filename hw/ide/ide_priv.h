/* Inside the drives: a command on its way. */
#ifndef HW_IDE_IDE_PRIV_H
#define HW_IDE_IDE_PRIV_H

#include "hw/ide/ide.h"
#include "util/bits.h"

enum { ATA_CHUNK = 256 }; /* sectors that are read or written at once */
static const uint64_t ATA_MAX_LBA28 = UINT64_C(1) << 28, ATA_MAX_LBA48 = UINT64_C(1) << 48;

struct ide_hd {
    struct device dev;
    struct ide_bus *bus;
    struct block_node *drive;
    char *serial, *model, *version, *write_cache, *werror, *rerror, *made_serial;
    uint64_t wwn, logical_block_size, physical_block_size, discard_granularity;
    uint32_t unit, cyls, heads, secs;
    int32_t bootindex;
    uint16_t rotation_rate;
    bool start_cached, share_rw;
    struct ide_hd_state {
        uint8_t none; /* all that a guest can see is in the adapter's state */
    } s;
};

static inline struct ide_hd *ata_disk(const struct ata_command *c)
{
    return (struct ide_hd *)c->bus->drive[c->unit];
}
static inline struct ata_state *ata_state_of(const struct ata_command *c)
{
    return c->bus->state[c->unit];
}
/* Sectors of the whole disk. */
uint64_t ata_sectors(const struct ide_hd *d);

/* Complete a command. */
void ata_done(struct ata_command *c);
void ata_fail(struct ata_command *c, uint8_t error);
/* Send n bytes, or ask for n, then go on with taken(), which finds in c->now how many came; the
 * buffer is there and zero. */
void ata_send(struct ata_command *c, enum ata_protocol p, uint32_t n,
              void (*taken)(struct ata_command *c));
/* A buffer of n bytes, zero. */
uint8_t *ata_buffer(struct ata_command *c, uint32_t n);
/* Send n bytes of the buffer and be done. */
void ata_reply(struct ata_command *c, uint32_t n);

/* ata_io.c */
void ata_read_write(struct ata_command *c, bool is_ext, bool is_dma, bool is_write, bool is_fua);
void ata_multiple(struct ata_command *c, bool is_ext, bool is_write, bool is_fua);
void ata_queued(struct ata_command *c, bool is_write);
void ata_verify(struct ata_command *c, bool is_ext);
void ata_flush(struct ata_command *c);
void ata_trim(struct ata_command *c);
/* The sector a command names; UINT64_MAX: there is none (CHS out of range). */
uint64_t ata_address(const struct ata_command *c, bool is_ext);
void ata_put_address(struct ata_command *c, bool is_ext, uint64_t sector);

/* ata_id.c */
void ata_identify(struct ata_command *c);
void ata_set_features(struct ata_command *c);
void ata_smart(struct ata_command *c);
void ata_read_log(struct ata_command *c, bool is_dma);
/* A word of IDENTIFY data, and text in it. */
void ata_put16(uint8_t *id, unsigned word, uint16_t v);
void ata_put_text(uint8_t *id, unsigned word, unsigned bytes, const char *text);
void ata_set_geometry(struct ata_state *s, const struct ide_hd *d);

/* atapi.c */
void atapi_start(struct ata_command *c);

#endif
