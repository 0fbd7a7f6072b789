/*
 * Commands of the GICv3 interrupt translation service.  One that does not make sense is passed
 * over, as GITS_TYPER.SEIS = 0 allows, and logged.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), 5.3.
 */
#include "hw/dma.h"
#include "hw/intc/gicv3_its_priv.h"
#include "util/bits.h"

#include <inttypes.h>

enum {
    CMD_MOVI = 0x01,
    CMD_INT = 0x03,
    CMD_CLEAR = 0x04,
    CMD_SYNC = 0x05,
    CMD_MAPD = 0x08,
    CMD_MAPC = 0x09,
    CMD_MAPTI = 0x0a,
    CMD_MAPI = 0x0b,
    CMD_INV = 0x0c,
    CMD_INVALL = 0x0d,
    CMD_MOVALL = 0x0e,
    CMD_DISCARD = 0x0f,
};
/* What one call does at most, so that a guest with a long queue of costly commands holds up nobody:
 * an INVALL or MOVALL looks at every pending LPI of a CPU. */
enum { BUDGET = 4096, COST = 1, COST_ALL = 512 };

struct its_command {
    uint64_t word[ITS_COMMAND_SIZE / 8];
};

static uint32_t device_of(const struct its_command *c)
{
    return (uint32_t)(c->word[0] >> 32);
}

static uint32_t event_of(const struct its_command *c)
{
    return (uint32_t)c->word[1];
}

static uint32_t collection_of(const struct its_command *c)
{
    return c->word[2] & 0xffff;
}

static bool is_map(const struct its_command *c)
{
    return c->word[2] >> 63;
}

/* RDbase: the processor number, as GITS_TYPER.PTA is 0. */
static struct gicv3_redist *target_at(struct gicv3_its *its, uint64_t word)
{
    return its_target(its, extract64(word, 16, 35));
}

static bool map_device(struct gicv3_its *its, const struct its_command *c)
{
    uint64_t width = c->word[1] & ITS_DEVICE_WIDTH, at = c->word[2] & ITS_ADDRESS;
    its_empty_cache(its);
    if (!is_map(c))
        return its_write_device(its, device_of(c), 0);
    return width < ITS_EVENT_BITS && its_write_device(its, device_of(c), ITS_VALID | at | width);
}

static bool map_collection(struct gicv3_its *its, const struct its_command *c)
{
    its_empty_cache(its);
    if (!is_map(c))
        return its_write_collection(its, collection_of(c), 0);
    const struct gicv3_redist *r = target_at(its, c->word[2]);
    return r && its_write_collection(its, collection_of(c), ITS_VALID | r->index);
}

static bool map_event(struct gicv3_its *its, const struct its_command *c, uint64_t intid)
{
    its_empty_cache(its);
    if (intid < GICV3_FIRST_LPI || intid >> GICV3_ID_BITS)
        return false;
    uint64_t entry = ITS_VALID | (uint64_t)collection_of(c) << ITS_EVENT_COLLECTION_SHIFT | intid;
    return its_write_event(its, device_of(c), event_of(c), entry);
}

/* The interrupt stays pending, but at the collection's CPU. */
static void move_pending(uint32_t intid, struct gicv3_redist *from, struct gicv3_redist *to)
{
    if (from == NULL || from == to || !gicv3_lpi_is_pending(from, intid))
        return;
    gicv3_lpi_set_pending(from, intid, false);
    gicv3_lpi_set_pending(to, intid, true);
}

static bool move_event(struct gicv3_its *its, const struct its_command *c)
{
    uint64_t entry = its_read_event(its, device_of(c), event_of(c));
    struct gicv3_redist *to = its_collection_target(its, collection_of(c));
    its_empty_cache(its);
    if (!its_is_valid(entry) || to == NULL)
        return false;
    struct gicv3_redist *from = its_collection_target(its, its_event_collection(entry));
    move_pending(its_event_intid(entry), from, to);
    entry = deposit64(entry, ITS_EVENT_COLLECTION_SHIFT, 16, collection_of(c));
    return its_write_event(its, device_of(c), event_of(c), entry);
}

static bool set_pending(struct gicv3_its *its, const struct its_command *c, bool pending)
{
    struct its_route route = its_translate(its, device_of(c), event_of(c));
    if (route.target)
        gicv3_lpi_set_pending(route.target, route.intid, pending);
    return route.target;
}

static bool discard(struct gicv3_its *its, const struct its_command *c)
{
    bool ok = set_pending(its, c, false);
    its_empty_cache(its);
    return its_write_event(its, device_of(c), event_of(c), 0) && ok;
}

static bool invalidate(struct gicv3_its *its, const struct its_command *c)
{
    struct its_route route = its_translate(its, device_of(c), event_of(c));
    if (route.target)
        gicv3_lpi_invalidate(route.target, route.intid);
    return route.target;
}

static bool invalidate_all(struct gicv3_its *its, const struct its_command *c)
{
    struct gicv3_redist *r = its_collection_target(its, collection_of(c));
    if (r)
        gicv3_lpi_invalidate_all(r);
    return r;
}

static bool move_all(struct gicv3_its *its, const struct its_command *c)
{
    struct gicv3_redist *from = target_at(its, c->word[2]), *to = target_at(its, c->word[3]);
    if (from && to)
        gicv3_lpi_move_all(from, to);
    return from && to;
}

/* False: it made no sense. */
static bool run_command(struct gicv3_its *its, const struct its_command *c)
{
    switch (c->word[0] & 0xff) {
    case CMD_MAPD: return map_device(its, c);
    case CMD_MAPC: return map_collection(its, c);
    case CMD_MAPTI: return map_event(its, c, c->word[1] >> 32);
    case CMD_MAPI: return map_event(its, c, event_of(c));
    case CMD_MOVI: return move_event(its, c);
    case CMD_INT: return set_pending(its, c, true);
    case CMD_CLEAR: return set_pending(its, c, false);
    case CMD_DISCARD: return discard(its, c);
    case CMD_INV: return invalidate(its, c);
    case CMD_INVALL: return invalidate_all(its, c);
    case CMD_MOVALL: return move_all(its, c);
    case CMD_SYNC: return target_at(its, c->word[2]); /* all is done already */
    default: return false;
    }
}

static unsigned cost_of(const struct its_command *c)
{
    uint8_t code = (uint8_t)c->word[0];
    return code == CMD_INVALL || code == CMD_MOVALL ? COST_ALL : COST;
}

static uint64_t queue_size(const struct gicv3_its *its)
{
    return ((its->s.cbaser & 0xff) + 1) * 4096;
}

/* Fetch what CREADR points to; a queue that is not in memory stalls. */
static bool fetch(struct gicv3_its *its, struct its_command *c)
{
    gpa at = (its->s.cbaser & GITS_CBASER_ADDR) + its->s.creadr;
    if (ram_dma_read(&its->dev.machine->as, at, c, sizeof(*c)))
        return true;
    its->s.creadr |= GITS_STALLED;
    dev_guest_error(&its->dev, "the command at %#" PRIx64 " is not in memory", at);
    return false;
}

static bool can_run(const struct gicv3_its *its)
{
    const struct gicv3_its_state *s = &its->s;
    return (s->ctlr & GITS_CTLR_ENABLED) && (s->cbaser & GITS_BASE_VALID) &&
           s->creadr != s->cwriter && !(s->creadr & GITS_STALLED) && s->creadr < queue_size(its) &&
           s->cwriter < queue_size(its);
}

void its_run_commands(struct gicv3_its *its)
{
    struct its_command c;
    for (unsigned spent = 0; can_run(its) && fetch(its, &c); spent += cost_of(&c)) {
        if (spent >= BUDGET) {
            timer_set(&its->more, clock_now());
            return;
        }
        if (!run_command(its, &c))
            dev_guest_error(&its->dev, "command %#x of device %#x, event %#x is passed over",
                            (unsigned)(c.word[0] & 0xff), device_of(&c), event_of(&c));
        its->s.creadr = (its->s.creadr + ITS_COMMAND_SIZE) % queue_size(its);
    }
}
