/*
 * ATA and ATAPI drives, apart from the adapter that they are at.
 * Ref: ATA/ATAPI-7 (T13 1532D) volumes 1 and 2; ATA8-ACS for queued commands and TRIM.
 *
 * An adapter owns buses; a bus has one or two drives ("ide-hd", "ide-cd").  It fills the registers
 * of a command and starts it; the drive moves data through the adapter's functions and says when it
 * is done.  The adapter's device lock guards all of it: what is called here, and what is called
 * back.  What drives keep for the guest is in the adapter's state.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "block/block.h"
#include "hw/bus.h"
#include "hw/scsi/scsi.h"

enum { IDE_UNITS = 2, ATA_SECTOR = 512, ATAPI_CDB = 12 };
enum { /* status */
       ATA_ERR = 0x01,
       ATA_DRQ = 0x08,
       ATA_DSC = 0x10,
       ATA_DF = 0x20,
       ATA_DRDY = 0x40,
       ATA_BSY = 0x80
};
enum { /* error */
       ATA_ABRT = 0x04,
       ATA_IDNF = 0x10,
       ATA_UNC = 0x40,
       ATA_ICRC = 0x80
};
enum { /* interrupt reason of packet commands, in the count */
       ATAPI_CD = 0x01,
       ATAPI_IO = 0x02
};
enum { ATA_DEVICE_LBA = 0x40, ATA_DEVICE_SECOND = 0x10 };
enum { ATA_CMD_DIAGNOSE = 0x90, ATA_CMD_RESET = 0x08, ATA_CMD_PACKET = 0xa0 };
enum { ATA_CMD_READ_FPDMA = 0x60, ATA_CMD_WRITE_FPDMA = 0x61 };

/* What one drive keeps, all zero after power-up but for ata_power_up(). */
struct ata_state {
    uint64_t max_sectors; /* as SET MAX ADDRESS left it */
    uint64_t failed_lba;  /* of a queued command, for the log */
    uint16_t cylinders;   /* of the translation in use, as are heads and sectors */
    uint8_t heads, sectors;
    uint8_t multiple;      /* sectors of a block of READ MULTIPLE, 0: off */
    uint8_t mode;          /* transfer mode, as SET FEATURES has it: 0x20 | n, 0x40 | n */
    uint8_t cached, smart; /* switched on */
    uint8_t power;         /* as CHECK POWER MODE tells it */
    uint8_t failed_tag, failed_status, failed_error;
    uint8_t pad[4];
};

struct ide_bus;
struct ata_command;

enum ata_protocol { ATA_NO_DATA, ATA_PIO_IN, ATA_PIO_OUT, ATA_DMA_IN, ATA_DMA_OUT };

/* What a command asks of its adapter. */
struct ata_adapter {
    /* n bytes are at c->data: take them (IN), or fill them (OUT), then call ata_data_done(), now or
     * later. */
    void (*data)(struct ata_command *c, uint32_t n);
    /* It is complete, the registers have the result; c is freed after. */
    void (*done)(struct ata_command *c);
};

struct ata_command {
    struct ide_bus *bus;
    const struct ata_adapter *adapter;
    void *opaque; /* the adapter's */
    unsigned unit, tag;
    /* The registers; the upper halves of count and lba are those written before last. */
    uint16_t feature, count;
    uint64_t lba;
    uint8_t device, command;
    uint8_t status, error;
    enum ata_protocol protocol; /* of the data phase */
    bool is_packet, is_cdb;     /* is_cdb: what is wanted is the command packet */
    bool is_queued;
    uint32_t block; /* bytes between interrupts of a PIO transfer */
    uint8_t *data;
    /* The drive's. */
    uint32_t data_size, now;
    uint64_t sector, left;
    bool is_write, is_verify, then_flush, is_fua, is_trim, by_dma, is_dropped, in_flight;
    uint64_t trim_at;
    void (*taken)(struct ata_command *c);
    struct block_req io;
    struct iovec iov;
    struct scsi_request scsi;
    uint8_t cdb[ATAPI_CDB];
    uint64_t scsi_left; /* blocks of a long read that are still to come */
};

struct ide_bus_ops {
    /* The medium of a unit was changed, or the drive came. */
    void (*changed)(struct ide_bus *bus, unsigned unit);
};

struct ide_bus {
    struct hw_bus hw;
    struct device *adapter;
    const struct ide_bus_ops *ops;
    struct device *drive[IDE_UNITS];
    struct ata_state *state[IDE_UNITS]; /* in the adapter's state */
    unsigned place;                     /* channel or port of its adapter */
    unsigned units;                     /* that may be there */
    struct scsi_bus scsi;               /* through which packets go */
    unsigned in_flight;                 /* requests at the block layer */
    struct cond idle;
};

/* For an adapter: the bus is called "ide.N", after those there are, and "ID.PLACE".  states: one
 * for each of the units. */
void ide_bus_init(struct ide_bus *bus, struct device *adapter, const struct ide_bus_ops *ops,
                  unsigned place, unsigned units, struct ata_state *const *states);
/* Waits for what is in flight; no lock held. */
void ide_bus_fini(struct ide_bus *bus);
/* Whether a drive is there, and whether it takes packets. */
bool ide_has_drive(const struct ide_bus *bus, unsigned unit);
bool ide_is_atapi(const struct ide_bus *bus, unsigned unit);
/* Set what the drive keeps to what it is after power-up. */
void ata_power_up(struct ide_bus *bus, unsigned unit);
/* The same for a reset by software: settings stay. */
void ata_soft_reset(struct ide_bus *bus, unsigned unit);
/* Signature in count and lba after a reset or diagnosis. */
void ata_signature(const struct ide_bus *bus, unsigned unit, uint16_t *count, uint64_t *lba);
/* Bring what was loaded into range. */
void ata_check(struct ata_state *s);

/* A command to be filled in, then started. */
struct ata_command *ata_command_new(struct ide_bus *bus, unsigned unit,
                                    const struct ata_adapter *adapter, void *opaque);
void ata_start(struct ata_command *c);
/* The adapter has moved n bytes; fewer than asked for: its list ended before. */
void ata_data_done(struct ata_command *c, uint32_t n);
/* Forget a command: nothing will be called any more, and it frees itself. */
void ata_drop(struct ata_command *c);

#endif
