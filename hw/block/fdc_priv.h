/* Inside the floppy disk controller: drives, and a command on its way. */
#ifndef HW_BLOCK_FDC_PRIV_H
#define HW_BLOCK_FDC_PRIV_H

#include "block/block.h"
#include "hw/isa/isa.h"

enum { FDC_DRIVES = 4, FDC_UNITS = 2, FDC_SECTOR = 512, FDC_SIZE_CODE = 2, FDC_MAX_BYTES = 16 };
enum { /* status register 0 */
       ST0_ABNORMAL = 0x40,
       ST0_INVALID = 0x80,
       ST0_READY_CHANGED = 0xc0,
       ST0_SEEK_END = 0x20,
       ST0_CHECK = 0x10,
       ST0_NOT_READY = 0x08
};
enum { ST1_END = 0x80, ST1_NO_DATA = 0x04, ST1_PROTECTED = 0x02, ST1_NO_MARK = 0x01 };
enum { ST1_DATA_ERROR = 0x20 };
enum { ST2_WRONG_CYLINDER = 0x10, ST2_HIT = 0x08, ST2_NOT_SATISFIED = 0x04 };
enum fdc_phase { FDC_COMMAND, FDC_EXECUTION, FDC_RESULT };
enum fdc_transfer {
    FDC_READ,
    FDC_WRITE,
    FDC_VERIFY,
    FDC_FORMAT,
    FDC_SCAN_EQUAL,
    FDC_SCAN_LOW,
    FDC_SCAN_HIGH
};

struct floppy_format {
    uint32_t size; /* bytes */
    uint8_t tracks, heads, sectors;
    uint8_t rate; /* as CCR has it; 1 in place of 2 in a drive for 1.2 MB */
};

struct fdc;

struct floppy {
    struct device dev;
    struct fdc *fdc;
    struct block_node *drive; /* NULL: no disk */
    char *drive_name, *drive_type, *werror, *rerror;
    uint32_t unit;
    int32_t bootindex;
    uint8_t cmos_type;
    struct floppy_state {
        uint8_t changed; /* since the heads last moved */
    } s;
};

struct fdc {
    struct device dev;
    struct isa_bus *isa;
    struct hw_bus bus;
    struct mem_region ports, dir_port;
    uint32_t iobase, line, dma;
    int32_t boot_a, boot_b;
    char *type_a, *type_b, *fallback; /* kinds of drives that name none, and of empty ones */
    struct floppy *unit[FDC_UNITS];
    void (*on_drive)(void *opaque); /* or NULL */
    void *on_drive_opaque;
    struct block_req io;
    struct iovec iov;
    bool in_flight, is_stale; /* stale: what is in flight is of a command that was ended */
    bool is_waiting;          /* for that to come back: the next request, in op and at */
    enum block_op op;
    uint64_t at;
    uint8_t sector[FDC_SECTOR]; /* what is in flight, apart from what the guest sees */
    struct cond idle;
    struct fdc_state {
        uint8_t dor, tdr, dsr, ccr;
        uint8_t phase;
        uint8_t bytes[FDC_MAX_BYTES]; /* of the command, or its result */
        uint8_t nbytes, at;           /* that there are, or will be; and the next */
        uint8_t track[FDC_DRIVES];
        uint8_t irq, st0;    /* pending, and what SENSE INTERRUPT says */
        uint8_t reset_sense; /* of the drives, that are still to be told after a reset */
        uint8_t specify[2], config, precomp, lock, perpendicular;
        /* The transfer. */
        uint8_t kind, ready, ended, at_end; /* enum fdc_transfer; data wait; by TC; by the track */
        uint8_t c, h, r, n, eot, left;      /* left: sectors of a FORMAT */
        uint8_t scan_failed;
        uint8_t pad;
        uint16_t pos; /* in the buffer */
        uint8_t buffer[FDC_SECTOR];
    } s;
};

/* floppy.c */
void fdc_bus_init(struct fdc *f);
void fdc_bus_fini(struct fdc *f);
/* What is in a drive; NULL: nothing. */
const struct floppy_format *floppy_format_of(const struct floppy *fl);
/* The drive a command names; NULL: there is none, or its motor is off. */
struct floppy *fdc_drive(struct fdc *f, unsigned n);

/* fdc_io.c: under the controller's lock. */
void fdc_transfer(struct fdc *f, enum fdc_transfer kind);
void fdc_format(struct fdc *f);
/* The data register in the execution phase, without DMA. */
uint8_t fdc_pop(struct fdc *f);
void fdc_push(struct fdc *f, uint8_t v);
bool fdc_is_to_host(const struct fdc *f);
bool fdc_uses_dma(const struct fdc *f);
void fdc_cancel(struct fdc *f);
extern const struct isa_dma_client fdc_dma_client;

/* fdc.c */
/* End the execution with the seven usual bytes. */
void fdc_finish(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2);
void fdc_raise(struct fdc *f, uint8_t st0);

#endif
