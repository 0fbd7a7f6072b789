/*
 * SCSI: a bus of targets and logical units that a host adapter provides, and the requests it sends.
 * Ref: SAM-5, SPC-4, SBC-3, MMC-6 (T10).
 *
 * The adapter's device lock guards the bus and its units, requests included.  What a unit keeps for
 * the guest is in its own state table all the same.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include "block/block.h"
#include "hw/bus.h"

enum { SCSI_MAX_CDB = 32, SCSI_SENSE_BYTES = 18, SCSI_MAX_TARGET = 255, SCSI_MAX_LUN = 16383 };
enum { /* status */
       SCSI_GOOD = 0x00,
       SCSI_CHECK_CONDITION = 0x02,
       SCSI_BUSY = 0x08,
       SCSI_RESERVATION_CONFLICT = 0x18,
};

struct scsi_unit;

/* One command.  Buffers and tag come from the adapter, which keeps the request until done(). */
struct scsi_request {
    struct scsi_unit *unit;
    uint8_t cdb[SCSI_MAX_CDB];
    /* The guest's buffers: what it sends, and what it wants to be filled. */
    struct iovec *out, *in;
    unsigned nout, nin;
    uint64_t out_bytes, in_bytes;
    /* The answer. */
    uint8_t status;
    uint8_t sense[SCSI_SENSE_BYTES];
    unsigned sense_len;
    uint64_t done_bytes; /* moved in either direction */
    bool overrun;        /* the buffers are too small for what the command says */
    /* On a worker thread, no lock held: a command that was not completed at once has been now. */
    void (*done)(struct scsi_request *r);
    void *opaque;
    /* For the unit. */
    struct block_req io;
    uint64_t wanted;    /* bytes that io moves */
    uint8_t *bounce;    /* of the unit's own, freed at the end */
    struct iovec piece; /* of bounce */
    bool then_flush, then_compare;
    uint64_t repeat; /* WRITE SAME: how often the pattern is still to be written */
};

/* What a kind of logical unit is. */
struct scsi_unit_class {
    uint8_t type; /* peripheral device type */
    /* Begin a command that is not the target's own; true: it is complete.  Adapter's lock held. */
    bool (*start)(struct scsi_unit *u, struct scsi_request *r);
};

struct scsi_bus;

/* Every logical unit starts with this. */
struct scsi_unit {
    struct device dev;
    const struct scsi_unit_class *ucls; /* NULL until realized */
    struct scsi_bus *bus;
    uint32_t channel, id, lun; /* properties; UINT32_MAX: the first that is free */
    struct scsi_unit *next;
};

/* What an adapter hears of its bus.  Its lock is not held. */
struct scsi_bus_ops {
    void (*added)(struct scsi_bus *bus, struct scsi_unit *u);   /* while the machine runs */
    void (*removed)(struct scsi_bus *bus, struct scsi_unit *u); /* likewise; and end its requests */
    /* The medium or the parameters changed: additional sense code and qualifier. */
    void (*changed)(struct scsi_bus *bus, struct scsi_unit *u, uint16_t asc_ascq);
};

struct scsi_bus {
    struct hw_bus hw;
    struct device *adapter;
    const struct scsi_bus_ops *ops;
    struct scsi_unit *units; /* by id, then lun */
};

/* For an adapter's realize and unrealize; name "scsi.N" follows the buses there are, and ID.0
 * works as ever. */
void scsi_bus_init(struct scsi_bus *bus, struct device *adapter, const struct scsi_bus_ops *ops);
void scsi_bus_fini(struct scsi_bus *bus);
/* The unit at an address; when *target is false there is nothing with that id at all.  Adapter's
 * lock held. */
struct scsi_unit *scsi_bus_find(struct scsi_bus *bus, unsigned id, unsigned lun, bool *target);
/* Carry out r->cdb at (id, lun), where the target exists; r is otherwise set up.  True: it is
 * complete; false: done() will be called.  Adapter's lock held. */
bool scsi_start(struct scsi_bus *bus, unsigned id, unsigned lun, struct scsi_request *r);
/* Free what the unit attached to a request; the adapter calls this before it reuses or frees it. */
void scsi_request_fini(struct scsi_request *r);
/* Bytes of a command by its group code, 0: reserved or vendor's. */
unsigned scsi_cdb_len(uint8_t opcode);

/* A logical unit reset, or one of everything below the adapter: a unit attention for each. */
void scsi_unit_reset(struct scsi_unit *u);

/* For units. */
/* Common part of realize: u->ucls is set; takes the place on the bus that plug found. */
bool scsi_unit_realize(struct scsi_unit *u, const struct scsi_unit_class *cls,
                       struct error **errp) MUST_CHECK;
void scsi_unit_unrealize(struct scsi_unit *u);
/* Complete r with CHECK CONDITION and fixed-format sense data; returns true, for start(). */
bool scsi_fail(struct scsi_request *r, uint8_t key, uint16_t asc_ascq);
/* Complete r with n bytes, of which the guest gets at most `alloc` and what its buffer holds. */
bool scsi_reply(struct scsi_request *r, const void *buf, size_t n, size_t alloc);
/* Up to n bytes of what the guest sent; how many there were. */
size_t scsi_fetch(const struct scsi_request *r, void *buf, size_t n);
bool scsi_good(struct scsi_request *r);

/* Sense keys, and additional sense codes with their qualifiers. */
enum {
    SENSE_NONE = 0x0,
    SENSE_NOT_READY = 0x2,
    SENSE_MEDIUM = 0x3,
    SENSE_HARDWARE = 0x4,
    SENSE_ILLEGAL = 0x5,
    SENSE_ATTENTION = 0x6,
    SENSE_PROTECT = 0x7,
    SENSE_ABORTED = 0xb,
    SENSE_MISCOMPARE = 0xe,
};
enum {
    ASC_NONE = 0x0000,
    ASC_WRITE_ERROR = 0x0c00,
    ASC_READ_ERROR = 0x1100,
    ASC_PARAMETER_LENGTH = 0x1a00,
    ASC_MISCOMPARE = 0x1d00,
    ASC_INVALID_OPCODE = 0x2000,
    ASC_LBA_RANGE = 0x2100,
    ASC_INVALID_CDB = 0x2400,
    ASC_NO_UNIT = 0x2500,
    ASC_INVALID_PARAMETER = 0x2600,
    ASC_WRITE_PROTECTED = 0x2700,
    ASC_SPACE = 0x2707,
    ASC_MEDIUM_CHANGED = 0x2800,
    ASC_RESET = 0x2900,
    ASC_CAPACITY_CHANGED = 0x2a09,
    ASC_SAVING = 0x3900,
    ASC_NO_MEDIUM = 0x3a00,
    ASC_NO_MEDIUM_CLOSED = 0x3a01,
    ASC_NO_MEDIUM_OPEN = 0x3a02,
    ASC_INTERNAL = 0x4400,
    ASC_REMOVAL_PREVENTED = 0x5302,
    ASC_MEDIUM_LOADED_NOT_PRESENT = 0x3a00,
};

#endif
