/*
 * GICv3 interrupt translation service: its registers and tables.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), chapter 5 and 12.19 (GITS_*).
 */
#include "hw/dma.h"
#include "hw/intc/gicv3_its_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum {
    GITS_CTLR = 0x0,
    GITS_IIDR = 0x4,
    GITS_TYPER = 0x8,
    GITS_CBASER = 0x80,
    GITS_CWRITER = 0x88,
    GITS_CREADR = 0x90,
    GITS_BASER = 0x100,
    GITS_BASER_END = GITS_BASER + 8 * ITS_BASERS,
    GITS_IDREGS = 0xffd0,
    GITS_TRANSLATER = 0x10040
};
static const uint32_t CTLR_QUIESCENT = UINT32_C(1) << 31, IIDR_ARM = 0x43b;
enum {
    TYPER_PHYSICAL = 1,
    TYPER_ITT_SIZE_SHIFT = 4,
    TYPER_EVENT_BITS_SHIFT = 8,
    TYPER_DEVICE_BITS_SHIFT = 13
};
enum { BASER_RESET = 2 << 8 }; /* pages of 64 KiB, until software says otherwise */
static const uint64_t CBASER_BITS = UINT64_C(0xb8effffffffffcff);
static const uint64_t BASER_INDIRECT = BIT64(62), BASER_BITS = UINT64_C(0xf8e0ffffffffffff);
enum { BASER_TYPE_SHIFT = 56, BASER_ENTRY_SHIFT = 48, BASER_PAGES = 0xff };
enum { TYPE_DEVICES = 1, TYPE_COLLECTIONS = 4 };
static const uint64_t PAGE_ADDR = UINT64_C(0x000ffffffffff000);

static struct gicv3_its *its_of(struct device *dev)
{
    return (struct gicv3_its *)dev;
}

/* Tables in memory. */

static uint64_t read_entry(struct gicv3_its *its, gpa at)
{
    uint64_t entry;
    return ram_dma_read(&its->dev.machine->as, at, &entry, sizeof(entry)) ? entry : 0;
}

static bool write_entry(struct gicv3_its *its, gpa at, uint64_t entry)
{
    return ram_dma_write(&its->dev.machine->as, at, &entry, sizeof(entry));
}

static uint64_t page_size(uint64_t baser)
{
    static const uint32_t sizes[] = {4 << 10, 16 << 10, 64 << 10, 64 << 10};
    return sizes[extract64(baser, 8, 2)];
}

/* 12.19.1: with pages of 64 KiB, bits 15:12 hold bits 51:48 of the address. */
static gpa table_base(uint64_t baser)
{
    gpa at = baser & UINT64_C(0xfffffffff000);
    if (page_size(baser) == 64 << 10)
        at = (at & ~UINT64_C(0xf000)) | extract64(at, 12, 4) << 48;
    return at & ~(page_size(baser) - 1);
}

/* Where entry `index` of a table lies; false: not in what the guest provided. */
static bool find_entry(struct gicv3_its *its, uint64_t baser, uint32_t index, gpa *at)
{
    uint64_t page = page_size(baser), per_page = page / ITS_ENTRY_SIZE;
    uint64_t first = baser & BASER_INDIRECT ? index / per_page : index;
    if (!(baser & GITS_BASE_VALID) || first >= ((baser & BASER_PAGES) + 1) * per_page)
        return false;
    *at = table_base(baser) + first * ITS_ENTRY_SIZE;
    if (!(baser & BASER_INDIRECT))
        return true;
    uint64_t level1 = read_entry(its, *at);
    *at = (level1 & PAGE_ADDR & ~(page - 1)) + index % per_page * ITS_ENTRY_SIZE;
    return its_is_valid(level1);
}

static uint64_t read_table(struct gicv3_its *its, unsigned table, uint32_t index, unsigned bits)
{
    gpa at;
    if (index >> bits || !find_entry(its, its->s.baser[table], index, &at))
        return 0;
    return read_entry(its, at);
}

static bool write_table(struct gicv3_its *its, unsigned table, uint32_t index, unsigned bits,
                        uint64_t entry)
{
    gpa at;
    return index >> bits == 0 && find_entry(its, its->s.baser[table], index, &at) &&
           write_entry(its, at, entry);
}

uint64_t its_read_device(struct gicv3_its *its, uint32_t device)
{
    return read_table(its, ITS_DEVICES, device, ITS_DEVICE_BITS);
}

bool its_write_device(struct gicv3_its *its, uint32_t device, uint64_t entry)
{
    return write_table(its, ITS_DEVICES, device, ITS_DEVICE_BITS, entry);
}

uint64_t its_read_collection(struct gicv3_its *its, uint32_t collection)
{
    return read_table(its, ITS_COLLECTIONS, collection, ITS_COLLECTION_BITS);
}

bool its_write_collection(struct gicv3_its *its, uint32_t collection, uint64_t entry)
{
    return write_table(its, ITS_COLLECTIONS, collection, ITS_COLLECTION_BITS, entry);
}

static bool find_event(struct gicv3_its *its, uint32_t device, uint32_t event, gpa *at)
{
    uint64_t entry = its_read_device(its, device);
    unsigned bits = (unsigned)(entry & ITS_DEVICE_WIDTH) + 1;
    if (!its_is_valid(entry) || bits > ITS_EVENT_BITS || event >> bits)
        return false;
    *at = (entry & ITS_ADDRESS) + (gpa)event * ITS_ENTRY_SIZE;
    return true;
}

uint64_t its_read_event(struct gicv3_its *its, uint32_t device, uint32_t event)
{
    gpa at;
    return find_event(its, device, event, &at) ? read_entry(its, at) : 0;
}

bool its_write_event(struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t entry)
{
    gpa at;
    return find_event(its, device, event, &at) && write_entry(its, at, entry);
}

/* Translation. */

struct gicv3_redist *its_target(struct gicv3_its *its, uint64_t number)
{
    return number < its->gic->ncpus ? its->gic->cpus[number] : NULL;
}

struct gicv3_redist *its_collection_target(struct gicv3_its *its, uint32_t collection)
{
    uint64_t entry = its_read_collection(its, collection);
    return its_is_valid(entry) ? its_target(its, entry & ~ITS_VALID) : NULL;
}

void its_empty_cache(struct gicv3_its *its)
{
    memset(its->cache, 0, sizeof(its->cache));
}

struct its_route its_translate(struct gicv3_its *its, uint32_t device, uint32_t event)
{
    struct its_cached *c = &its->cache[(device * 8 + event) % ITS_CACHE];
    if (c->route.target && c->device == device && c->event == event)
        return c->route;
    uint64_t entry = its_read_event(its, device, event);
    struct its_route route = {NULL, its_event_intid(entry)};
    if (its_is_valid(entry))
        route.target = its_collection_target(its, its_event_collection(entry));
    if (route.target)
        *c = (struct its_cached){device, event, route};
    return route;
}

/* GITS_TRANSLATER as the machine's addresses have it. */
static gpa translater(const struct gicv3_its *its)
{
    gpa at = GITS_TRANSLATER;
    for (const struct mem_region *mr = &its->dev.mmio; mr; mr = mr->parent)
        at += mr->base;
    return at;
}

bool gicv3_its_message(void *opaque, uint32_t device_id, gpa addr, uint32_t data)
{
    struct gicv3_its *its = opaque;
    struct its_route route = {0};
    if (addr != translater(its))
        return false;
    mutex_lock(&its->dev.lock);
    if (its->s.ctlr & GITS_CTLR_ENABLED)
        route = its_translate(its, device_id, data);
    mutex_unlock(&its->dev.lock);
    if (route.target)
        gicv3_lpi_set_pending(route.target, route.intid, true);
    else
        dev_guest_error(&its->dev, "message %u of device %#x has no translation", data, device_id);
    return true;
}

/* Registers. */

static uint64_t typer(void)
{
    return TYPER_PHYSICAL | (ITS_ENTRY_SIZE - 1) << TYPER_ITT_SIZE_SHIFT |
           (ITS_EVENT_BITS - 1) << TYPER_EVENT_BITS_SHIFT |
           (ITS_DEVICE_BITS - 1) << TYPER_DEVICE_BITS_SHIFT;
}

/* What a base register says of its table, whatever was written. */
static uint64_t baser_fixed(unsigned n)
{
    uint64_t type = n == ITS_DEVICES ? TYPE_DEVICES : n == ITS_COLLECTIONS ? TYPE_COLLECTIONS : 0;
    return type ? type << BASER_TYPE_SHIFT | (uint64_t)(ITS_ENTRY_SIZE - 1) << BASER_ENTRY_SHIFT
                : 0;
}

static uint64_t read_baser(const struct gicv3_its *its, unsigned n)
{
    return baser_fixed(n) ? its->s.baser[n] | baser_fixed(n) : 0;
}

static uint32_t its_read32(struct device *dev, uint32_t off, bool secure UNUSED)
{
    const struct gicv3_its *its = its_of(dev);
    if (off >= GITS_BASER && off < GITS_BASER_END)
        return gicv3_half(read_baser(its, (off - GITS_BASER) / 8), off);
    switch (off & ~4U) {
    case GITS_TYPER: return gicv3_half(typer(), off);
    case GITS_CBASER: return gicv3_half(its->s.cbaser, off);
    case GITS_CWRITER: return gicv3_half(its->s.cwriter, off);
    case GITS_CREADR: return gicv3_half(its->s.creadr, off);
    default: break;
    }
    switch (off) {
    case GITS_CTLR: return its->s.ctlr | (its->s.ctlr & GITS_CTLR_ENABLED ? 0 : CTLR_QUIESCENT);
    case GITS_IIDR: return IIDR_ARM;
    default: return gicv3_id_register(off);
    }
}

/* Base registers hold still while the service is enabled. */
static bool may_move(struct gicv3_its *its)
{
    if (!(its->s.ctlr & GITS_CTLR_ENABLED))
        return true;
    dev_guest_error(&its->dev, "GITS_CBASER or GITS_BASER is written while GITS_CTLR.Enabled is 1");
    return false;
}

static void write_cbaser(struct gicv3_its *its, uint32_t off, uint32_t val)
{
    if (!may_move(its))
        return;
    gicv3_set_half(&its->s.cbaser, off, val);
    its->s.cbaser &= CBASER_BITS;
    its->s.creadr = 0;
}

static void write_baser(struct gicv3_its *its, uint32_t off, uint32_t val)
{
    unsigned n = (off - GITS_BASER) / 8;
    if (baser_fixed(n) == 0 || !may_move(its))
        return;
    gicv3_set_half(&its->s.baser[n], off, val);
    its->s.baser[n] &= BASER_BITS;
    its_empty_cache(its);
}

static void write_cwriter(struct gicv3_its *its, uint32_t val)
{
    its->s.cwriter = val & GITS_OFFSET;
    if (val & GITS_RETRY)
        its->s.creadr &= ~(uint64_t)GITS_STALLED;
    its_run_commands(its);
}

static void write_ctlr(struct gicv3_its *its, uint32_t val)
{
    its->s.ctlr = val & GITS_CTLR_ENABLED;
    its_empty_cache(its);
    its_run_commands(its);
}

static bool write_register(struct gicv3_its *its, uint32_t off, uint32_t val)
{
    if (off >= GITS_BASER && off < GITS_BASER_END) {
        write_baser(its, off, val);
        return true;
    }
    switch (off) {
    case GITS_CTLR: write_ctlr(its, val); return true;
    case GITS_CBASER:
    case GITS_CBASER + 4: write_cbaser(its, off, val); return true;
    case GITS_CWRITER: write_cwriter(its, val); return true;
    case GITS_CWRITER + 4: return true;
    default: return false;
    }
}

static void its_write32(struct device *dev, uint32_t off, uint32_t val, uint32_t mask,
                        bool secure UNUSED)
{
    if (off == GITS_TRANSLATER)
        dev_guest_error(dev, "message %u comes from no device", val);
    else if (mask != UINT32_MAX || !write_register(its_of(dev), off, val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", val, off);
}

static uint64_t gicv3_its_read(struct device *dev, struct access a)
{
    return gicv3_read_by_words(dev, a, false, its_read32);
}

static void gicv3_its_write(struct device *dev, struct access a, uint64_t val)
{
    gicv3_write_by_words(dev, a, val, false, its_write32);
}

void gicv3_its_attach(struct device *dev, struct device *gic)
{
    its_of(dev)->gic = (struct gicv3 *)gic;
}

static void run_more(void *opaque)
{
    its_run_commands(opaque);
}

static bool gicv3_its_realize(struct device *dev, struct error **errp)
{
    struct gicv3_its *its = its_of(dev);
    if (its->gic == NULL || !its->gic->lpi) {
        error_set(errp, "needs a GICv3 with has-lpi=on");
        return false;
    }
    its->gic->has_its = true;
    timer_init(&its->more, &dev->lock, run_more, its);
    return true;
}

static void gicv3_its_unrealize(struct device *dev)
{
    timer_cancel(&its_of(dev)->more);
}

static void gicv3_its_sync(struct device *dev)
{
    struct gicv3_its *its = its_of(dev);
    its_empty_cache(its);
    if (its->s.cwriter != its->s.creadr) /* a saved machine's queue, when all of it is loaded */
        timer_set(&its->more, clock_now());
}

static void gicv3_its_loaded(struct device *dev)
{
    struct gicv3_its *its = its_of(dev);
    its->s.ctlr &= GITS_CTLR_ENABLED;
    its->s.cbaser &= CBASER_BITS;
    its->s.cwriter &= GITS_OFFSET;
    its->s.creadr &= GITS_OFFSET | GITS_STALLED;
    for (unsigned n = 0; n < ITS_BASERS; n++)
        its->s.baser[n] &= baser_fixed(n) ? BASER_BITS : 0;
}

static const struct state_field gicv3_its_state[] = {
    STATE(gicv3_its, ctlr, 0),
    STATE(gicv3_its, cbaser, 0),
    STATE(gicv3_its, cwriter, 0),
    STATE(gicv3_its, creadr, 0),
    STATE_ARRAY(gicv3_its, baser, BASER_RESET),
    STATE_END,
};

DEVICE_CLASS_NAMED(gicv3_its, "arm-gicv3-its") = {
    .desc = "Arm GICv3 interrupt translation service",
    .compatible = "arm,gic-v3-its",
    .mmio = {gicv3_its_read, gicv3_its_write, .min = 1, .max = 8, .size = GICV3_ITS_SIZE},
    .state = gicv3_its_state,
    .realize = gicv3_its_realize,
    .unrealize = gicv3_its_unrealize,
    .sync = gicv3_its_sync,
    .loaded = gicv3_its_loaded,
};
