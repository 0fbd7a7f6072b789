/*
 * LPIs of a GICv3 redistributor.  Their pending state is kept here while they are enabled, and in
 * the guest's table otherwise; their configuration is read from the guest's table when they become
 * pending, and when software says that it changed it.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), chapter 5.
 */
#include "hw/dma.h"
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { CONFIG_ENABLE = 1, CONFIG_PRIORITY = 0xfc, BASE_ID_BITS = 0x1f };
enum { PENDING_BYTES = GICV3_LPI_WORDS * 8, RESERVED_BYTES = GICV3_FIRST_LPI / 8 };
static const uint64_t PROPBASER_ADDR = UINT64_C(0x000ffffffffff000);
static const uint64_t PENDBASER_ADDR = UINT64_C(0x000fffffffff0000), PENDBASER_PTZ = BIT64(62);
enum { CTLR_ENABLE_LPIS = 1 };

uint32_t gicv3_lpi_limit(const struct gicv3_redist *r)
{
    unsigned bits = (unsigned)(r->s.propbaser & BASE_ID_BITS) + 1;
    if (r->lpis == NULL || !(r->s.ctlr & CTLR_ENABLE_LPIS))
        return 0;
    return 1U << MIN(bits, (unsigned)GICV3_ID_BITS);
}

static bool in_range(const struct gicv3_redist *r, uint32_t intid)
{
    return intid >= GICV3_FIRST_LPI && intid < gicv3_lpi_limit(r);
}

static bool is_pending(const struct gicv3_redist *r, uint32_t intid)
{
    return r->s.lpi_pending[intid / 64] >> intid % 64 & 1;
}

static void find_best_lpi(struct gicv3_redist *r)
{
    const struct gicv3_lpis *l = r->lpis;
    r->lpi_best = GICV3_NONE;
    for (unsigned s = 0; s < ARRAY_SIZE(l->summary); s++) {
        for (uint64_t words = l->summary[s]; words; words &= words - 1) {
            unsigned w = s * 64 + (unsigned)__builtin_ctzll(words);
            for (uint64_t bits = l->ready[w]; bits; bits &= bits - 1) {
                unsigned n = w * 64 + (unsigned)__builtin_ctzll(bits);
                r->lpi_best = MIN(r->lpi_best, gicv3_candidate(l->priority[n], n));
            }
        }
    }
}

/* Keep lpi_best right. */
static void set_ready(struct gicv3_redist *r, uint32_t intid, bool ready)
{
    struct gicv3_lpis *l = r->lpis;
    uint64_t *word = &l->ready[intid / 64], *sum = &l->summary[intid / (64 * 64)];
    *word = deposit64(*word, intid % 64, 1, ready);
    *sum = deposit64(*sum, intid / 64 % 64, 1, *word != 0);
    if ((r->lpi_best & GICV3_INTID_MASK) == intid)
        find_best_lpi(r);
    if (ready)
        r->lpi_best = MIN(r->lpi_best, gicv3_candidate(l->priority[intid], intid));
}

/* One byte each; what is not memory reads as disabled.  The priority is written by non-secure
 * software, as it sees priorities (4.8.1, 5.1.1). */
static uint8_t read_config(struct gicv3_redist *r, uint32_t intid)
{
    gpa at = (r->s.propbaser & PROPBASER_ADDR) + (intid - GICV3_FIRST_LPI);
    uint8_t config = 0;
    if (!ram_dma_read(&r->dev.machine->as, at, &config, 1))
        config = 0;
    unsigned priority = config & CONFIG_PRIORITY;
    if (!gicv3_has_ds(r->gic))
        priority = 0x80 | priority >> 1;
    r->lpis->priority[intid] = priority & GICV3_PRIO_MASK;
    return config;
}

/* Look at the configuration of a pending LPI again. */
static void reconsider(struct gicv3_redist *r, uint32_t intid)
{
    if ((r->lpi_best & GICV3_INTID_MASK) == intid)
        set_ready(r, intid, false);
    set_ready(r, intid, read_config(r, intid) & CONFIG_ENABLE);
}

/* Of every pending LPI below the limit. */
static void reconsider_all(struct gicv3_redist *r)
{
    uint32_t limit = gicv3_lpi_limit(r);
    memset(r->lpis->ready, 0, sizeof(r->lpis->ready));
    memset(r->lpis->summary, 0, sizeof(r->lpis->summary));
    r->lpi_best = GICV3_NONE;
    for (unsigned w = GICV3_FIRST_LPI / 64; w < limit / 64; w++)
        for (uint64_t bits = r->s.lpi_pending[w]; bits; bits &= bits - 1)
            reconsider(r, w * 64 + (unsigned)__builtin_ctzll(bits));
}

static void set_pending(struct gicv3_redist *r, uint32_t intid, bool pending)
{
    uint64_t *word = &r->s.lpi_pending[intid / 64];
    *word = deposit64(*word, intid % 64, 1, pending);
    if (pending)
        reconsider(r, intid);
    else
        set_ready(r, intid, false);
}

void gicv3_lpi_set_pending(struct gicv3_redist *r, uint32_t intid, bool pending)
{
    mutex_lock(&r->lock);
    if (in_range(r, intid) && is_pending(r, intid) != pending) {
        set_pending(r, intid, pending);
        gicv3_evaluate(r);
    }
    mutex_unlock(&r->lock);
}

bool gicv3_lpi_is_pending(struct gicv3_redist *r, uint32_t intid)
{
    mutex_lock(&r->lock);
    bool pending = in_range(r, intid) && is_pending(r, intid);
    mutex_unlock(&r->lock);
    return pending;
}

void gicv3_lpi_invalidate(struct gicv3_redist *r, uint32_t intid)
{
    mutex_lock(&r->lock);
    if (in_range(r, intid) && is_pending(r, intid)) {
        reconsider(r, intid);
        gicv3_evaluate(r);
    }
    mutex_unlock(&r->lock);
}

void gicv3_lpi_invalidate_all(struct gicv3_redist *r)
{
    mutex_lock(&r->lock);
    gicv3_lpi_sync(r);
    gicv3_evaluate(r);
    mutex_unlock(&r->lock);
}

void gicv3_lpi_move_all(struct gicv3_redist *from, struct gicv3_redist *to)
{
    uint64_t moved[GICV3_LPI_WORDS];
    if (from == to || from->lpis == NULL)
        return;
    mutex_lock(&from->lock);
    memcpy(moved, from->s.lpi_pending, sizeof(moved));
    memset(from->s.lpi_pending, 0, sizeof(moved));
    gicv3_lpi_sync(from);
    gicv3_evaluate(from);
    mutex_unlock(&from->lock);
    mutex_lock(&to->lock);
    for (unsigned w = 0; w < gicv3_lpi_limit(to) / 64; w++)
        to->s.lpi_pending[w] |= moved[w];
    gicv3_lpi_sync(to);
    gicv3_evaluate(to);
    mutex_unlock(&to->lock);
}

void gicv3_lpi_acknowledge(struct gicv3_redist *r, uint32_t intid)
{
    set_pending(r, intid, false);
    gicv3_evaluate(r);
}

/* Bytes of the pending table in use, the reserved ones at its beginning included. */
static size_t table_bytes(const struct gicv3_redist *r)
{
    return gicv3_lpi_limit(r) / 8;
}

static void load_table(struct gicv3_redist *r)
{
    uint8_t *to = (uint8_t *)r->s.lpi_pending;
    size_t n = table_bytes(r);
    memset(to, 0, PENDING_BYTES);
    if ((r->s.pendbaser & PENDBASER_PTZ) || n <= RESERVED_BYTES)
        return;
    if (!ram_dma_read(&r->dev.machine->as, (r->s.pendbaser & PENDBASER_ADDR) + RESERVED_BYTES,
                      to + RESERVED_BYTES, n - RESERVED_BYTES))
        dev_guest_error(&r->dev, "the LPI pending table at %#llx is not all in memory",
                        (unsigned long long)(r->s.pendbaser & PENDBASER_ADDR));
}

static void store_table(struct gicv3_redist *r, size_t n)
{
    const uint8_t *from = (const uint8_t *)r->s.lpi_pending;
    if (n > RESERVED_BYTES &&
        !ram_dma_write(&r->dev.machine->as, (r->s.pendbaser & PENDBASER_ADDR) + RESERVED_BYTES,
                       from + RESERVED_BYTES, n - RESERVED_BYTES))
        dev_guest_error(&r->dev, "the LPI pending table at %#llx is not all in memory",
                        (unsigned long long)(r->s.pendbaser & PENDBASER_ADDR));
    memset(r->s.lpi_pending, 0, PENDING_BYTES);
}

/* GICR_CTLR.EnableLPIs was changed. */
void gicv3_lpi_enable(struct gicv3_redist *r, bool on)
{
    if (on) {
        load_table(r);
    } else {
        r->s.ctlr |= CTLR_ENABLE_LPIS;
        size_t n = table_bytes(r);
        r->s.ctlr &= ~(uint32_t)CTLR_ENABLE_LPIS;
        store_table(r, n);
        r->s.pendbaser &= ~PENDBASER_PTZ;
    }
    gicv3_lpi_sync(r);
}

void gicv3_lpi_sync(struct gicv3_redist *r)
{
    r->lpi_best = GICV3_NONE;
    if (r->lpis)
        reconsider_all(r);
}
