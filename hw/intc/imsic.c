/*
 * Incoming MSI controller of a hart: the interrupt file of one privilege level, and behind it those
 * of guests.  A file is a page of memory, which messages are written to, and registers, which the
 * hart reaches through its own; guests' files are for the hypervisor extension's registers.
 * Ref: RISC-V Advanced Interrupt Architecture 1.0, chapter 3.
 */
#include "hw/intc/imsic.h"
#include "util/bits.h"

#include <glib.h>

enum { SETEIPNUM_LE = 0, SETEIPNUM_BE = 4 };
enum {
    EIDELIVERY = 0x70,
    EITHRESHOLD = 0x72,
    EIP0 = 0x80,
    EIE0 = 0xc0,
    EIE63 = 0xff,
    WORDS = (IMSIC_IDS + 1) / 64,
    FILES = IMSIC_MAX_GUESTS + 1
};

struct imsic {
    struct device dev;
    uint32_t guests;
    struct mem_region pages;
    struct irq out;
    struct imsic_state { /* the hart's own file comes first */
        uint64_t eip[FILES * WORDS], eie[FILES * WORDS];
        uint32_t delivery[FILES], threshold[FILES];
    } s;
};

/* The lowest number that is pending, enabled and below the threshold; 0: none.  AIA 3.9. */
static unsigned top(const struct imsic_state *s, unsigned file)
{
    for (unsigned w = 0; w < WORDS; w++) {
        uint64_t both = s->eip[file * WORDS + w] & s->eie[file * WORDS + w];
        if (!both)
            continue;
        unsigned id = w * 64 + (unsigned)__builtin_ctzll(both);
        return !s->threshold[file] || id < s->threshold[file] ? id : 0;
    }
    return 0;
}

static void imsic_sync(struct device *dev)
{
    struct imsic *m = (struct imsic *)dev;

    irq_set(&m->out, m->s.delivery[0] && top(&m->s, 0));
}

static void set_pending(struct imsic *m, unsigned file, uint32_t id)
{
    if (id == 0 || id > IMSIC_IDS)
        return; /* ignored: AIA 3.5 */
    m->s.eip[file * WORDS + id / 64] |= BIT64(id % 64);
    imsic_sync(&m->dev);
}

static uint64_t imsic_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return 0;
}

static void imsic_write(struct device *dev, struct access a, uint64_t val)
{
    struct imsic *m = (struct imsic *)dev;
    unsigned file = (unsigned)(a.off / IMSIC_PAGE), reg = (unsigned)(a.off % IMSIC_PAGE);

    if (file > m->guests || (reg != SETEIPNUM_LE && reg != SETEIPNUM_BE))
        dev_guest_error(dev, "write %#x to %#x: no register is there", (unsigned)val,
                        (unsigned)a.off);
    else
        set_pending(m, file,
                    reg == SETEIPNUM_LE ? (uint32_t)val : __builtin_bswap32((uint32_t)val));
}

/* --- the hart's side --- */
/* Registers of 32 or 64 bits: of 64, only the even ones are there.  AIA 3.8. */
static bool exists(unsigned reg, unsigned xlen)
{
    if (reg < EIP0)
        return reg >= EIDELIVERY;
    return reg <= EIE63 && (xlen == 32 || !(reg & 1));
}

static uint64_t merge(uint64_t old, uint64_t mask, uint64_t val)
{
    return (old & ~mask) | (val & mask);
}

/* The part of an array of bits that a register shows: *shift into a word of it, or NULL. */
static uint64_t *word_of(struct imsic *m, unsigned reg, unsigned xlen, unsigned *shift)
{
    unsigned i = (reg - EIP0) % 64;

    *shift = xlen == 32 && i % 2 ? 32 : 0;
    if (i / 2 >= WORDS)
        return NULL;
    return reg < EIE0 ? &m->s.eip[i / 2] : &m->s.eie[i / 2];
}

static uint64_t access_bits(struct imsic *m, unsigned reg, unsigned xlen, uint64_t mask,
                            uint64_t val)
{
    unsigned shift;
    uint64_t *word = word_of(m, reg, xlen, &shift);

    if (!word)
        return 0;
    uint64_t width = xlen == 32 ? UINT32_MAX : UINT64_MAX, old = *word >> shift & width;
    *word = merge(*word, (mask & width) << shift, val << shift);
    m->s.eip[0] &= ~UINT64_C(1); /* there is no interrupt 0 */
    m->s.eie[0] &= ~UINT64_C(1);
    return old;
}

static uint64_t access_control(struct imsic *m, unsigned reg, uint64_t mask, uint64_t val)
{
    uint32_t *r = reg == EIDELIVERY    ? &m->s.delivery[0]
                  : reg == EITHRESHOLD ? &m->s.threshold[0]
                                       : NULL;
    uint64_t old = r ? *r : 0;

    if (r)
        *r = (uint32_t)merge(old, mask, val) & (reg == EIDELIVERY ? 1 : IMSIC_IDS);
    return old;
}

static bool cpu_access(void *imsic, unsigned reg, unsigned xlen, uint64_t mask, uint64_t val,
                       uint64_t *old)
{
    struct imsic *m = imsic;

    if (!exists(reg, xlen))
        return false;
    if (!old)
        return true;
    mutex_lock(&m->dev.lock);
    *old = reg < EIP0 ? access_control(m, reg, mask, val) : access_bits(m, reg, xlen, mask, val);
    if (mask)
        imsic_sync(&m->dev);
    mutex_unlock(&m->dev.lock);
    return true;
}

static uint32_t cpu_top(void *imsic, bool claim)
{
    struct imsic *m = imsic;

    mutex_lock(&m->dev.lock);
    unsigned id = top(&m->s, 0);
    if (claim && id) {
        m->s.eip[id / 64] &= ~BIT64(id % 64);
        imsic_sync(&m->dev);
    }
    mutex_unlock(&m->dev.lock);
    return id << 16 | id;
}

const struct imsic_ops imsic_cpu_ops = {.access = cpu_access, .top = cpu_top};

/* --- the device --- */
struct irq *imsic_output(struct device *dev)
{
    return &((struct imsic *)dev)->out;
}

struct mem_region *imsic_region(struct device *dev)
{
    return &((struct imsic *)dev)->pages;
}

unsigned imsic_guest_bits(unsigned guests)
{
    unsigned bits = 0;

    while ((1U << bits) < guests + 1)
        bits++;
    return bits;
}

#define PAGES(n)                                                                                   \
    {                                                                                              \
        imsic_read, imsic_write, .min = 4, .max = 4, .size = (n)*IMSIC_PAGE                        \
    }
static const struct mmio_ops page_ops[] = {PAGES(1), PAGES(2), PAGES(4), PAGES(8)};

static bool imsic_realize(struct device *dev, struct error **errp)
{
    struct imsic *m = (struct imsic *)dev;

    if (m->guests > IMSIC_MAX_GUESTS) {
        error_set(errp, "guests is %u, must be 0 to %d", m->guests, IMSIC_MAX_GUESTS);
        return false;
    }
    region_init_mmio(&m->pages, "imsic", &page_ops[imsic_guest_bits(m->guests)], dev);
    return true;
}

static const struct state_field imsic_state[] = {
    STATE_ARRAY(imsic, eip, 0),
    STATE_ARRAY(imsic, eie, 0),
    STATE_ARRAY(imsic, delivery, 0),
    STATE_ARRAY(imsic, threshold, 0),
    STATE_END,
};

static const struct prop imsic_props[] = {
    PROP(prop_uint32, imsic, "guests", guests, "0", "interrupt files of guests"),
    PROP_END,
};

DEVICE_CLASS_NAMED(imsic, "riscv.imsic") = {
    .desc = "RISC-V incoming MSI controller",
    .compatible = "riscv,imsics",
    .props = imsic_props,
    .state = imsic_state,
    .realize = imsic_realize,
    .sync = imsic_sync,
};
