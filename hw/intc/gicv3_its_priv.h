/*
 * The parts of an interrupt translation service.
 *
 * Its own lock (the device's) guards everything, and is taken before redistributors'.  The guest's
 * tables are read anew at each use, for the guest can write to them, save for the translations
 * remembered in `cache`, which any command that may change them empties.
 */
#ifndef HW_INTC_GICV3_ITS_PRIV_H
#define HW_INTC_GICV3_ITS_PRIV_H

#include "core/clock.h"
#include "hw/intc/gicv3_priv.h"

enum { ITS_BASERS = 8, ITS_DEVICES = 0, ITS_COLLECTIONS = 1 }; /* GITS_BASER<n> */
enum { ITS_ENTRY_SIZE = 8, ITS_COMMAND_SIZE = 32, ITS_CACHE = 512 };
enum { ITS_EVENT_BITS = 16, ITS_DEVICE_BITS = 16, ITS_COLLECTION_BITS = 16 };

/* Where a message goes. */
struct its_route {
    struct gicv3_redist *target; /* NULL: nowhere */
    uint32_t intid;
};

struct gicv3_its {
    struct device dev;
    struct gicv3 *gic;
    struct timer more; /* the rest of a long queue */
    struct its_cached {
        uint32_t device, event;
        struct its_route route; /* target NULL: unused */
    } cache[ITS_CACHE];
    struct gicv3_its_state {
        uint64_t ctlr, cbaser, cwriter, creadr;
        uint64_t baser[ITS_BASERS];
    } s;
};

/* gicv3_its.c: the tables.  Entries are valid when bit 63 is set, and 0 when they are outside of
 * what the guest set up. */
uint64_t its_read_device(struct gicv3_its *its, uint32_t device);
bool its_write_device(struct gicv3_its *its, uint32_t device, uint64_t entry);
uint64_t its_read_collection(struct gicv3_its *its, uint32_t collection);
bool its_write_collection(struct gicv3_its *its, uint32_t collection, uint64_t entry);
/* An entry of a device's table of events. */
uint64_t its_read_event(struct gicv3_its *its, uint32_t device, uint32_t event);
bool its_write_event(struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t entry);
struct its_route its_translate(struct gicv3_its *its, uint32_t device, uint32_t event);
void its_empty_cache(struct gicv3_its *its);
static inline bool its_is_valid(uint64_t entry)
{
    return entry >> 63;
}

/* What the entries hold below that bit: a device's: address and width of its events; a
 * collection's: index of a CPU; an event's: INTID and collection. */
enum { ITS_DEVICE_WIDTH = 0x1f, ITS_EVENT_COLLECTION_SHIFT = 32 };
static const uint64_t ITS_VALID = UINT64_C(1) << 63, ITS_ADDRESS = UINT64_C(0x000fffffffffff00);
static inline uint32_t its_event_intid(uint64_t entry)
{
    return (uint32_t)entry;
}
static inline uint32_t its_event_collection(uint64_t entry)
{
    return entry >> ITS_EVENT_COLLECTION_SHIFT & 0xffff;
}
/* The redistributor of a collection, or NULL. */
struct gicv3_redist *its_collection_target(struct gicv3_its *its, uint32_t collection);
struct gicv3_redist *its_target(struct gicv3_its *its, uint64_t number);

/* gicv3_its_cmd.c: do what is in the queue, or a good part of it: the timer does the rest. */
void its_run_commands(struct gicv3_its *its);

/* Registers' bits that both need. */
enum { GITS_CTLR_ENABLED = 1, GITS_OFFSET = 0xfffe0, GITS_STALLED = 1, GITS_RETRY = 1 };
static const uint64_t GITS_BASE_VALID = UINT64_C(1) << 63;
static const uint64_t GITS_CBASER_ADDR = UINT64_C(0x000ffffffffff000);

#endif
