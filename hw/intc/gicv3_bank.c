/*
 * GICv3: the registers that hold a few bits for each of 32 interrupts, and accesses by words.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), chapter 12.
 */
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

enum {
    IGROUPR = 0x080,
    ISENABLER = 0x100,
    ICENABLER = 0x180,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    ISACTIVER = 0x300,
    ICACTIVER = 0x380,
    IPRIORITYR = 0x400,
    ITARGETSR = 0x800,
    ICFGR = 0xc00,
    IGRPMODR = 0xd00,
    RESERVED = 0xd80,
    NSACR = 0xe00,
    END = 0xf00
};
enum { BIT_KIND = ~0x7f }; /* of registers with one bit an interrupt */

bool gicv3_is_bank_register(uint32_t off)
{
    return off >= IGROUPR && off < END && !(off >= ITARGETSR && off < ICFGR) &&
           !(off >= RESERVED && off < NSACR);
}

unsigned gicv3_bank_index(uint32_t off)
{
    if (off >= IPRIORITYR && off < ITARGETSR)
        return (off - IPRIORITYR) / 32;
    if ((off >= ICFGR && off < IGRPMODR) || off >= NSACR)
        return off % 0x100 / 8;
    return off % 0x80 / 4;
}

unsigned gicv3_bank_nsacr(const struct gicv3_bank *b, unsigned bit)
{
    return b->nsacr[bit / 16] >> bit % 16 * 2 & 3;
}

/* Interrupts whose NSACR field grants non-secure accesses at least what `least` stands for. */
static uint32_t granted(const struct gicv3_bank *b, unsigned least)
{
    uint32_t mask = 0;
    if ((b->nsacr[0] | b->nsacr[1]) == 0)
        return 0;
    for (unsigned i = 0; i < 32; i++)
        mask |= (uint32_t)(gicv3_bank_nsacr(b, i) >= least) << i;
    return mask;
}

static uint32_t visible(const struct gicv3_bank *b, struct gicv3_view v)
{
    return v.ns ? b->group : UINT32_MAX;
}

/* The same for pending and active bits, to which GICD_NSACR can give access. */
static uint32_t visible_with_nsacr(const struct gicv3_bank *b, struct gicv3_view v, unsigned least)
{
    return v.ns ? b->group | granted(b, least) : UINT32_MAX;
}

static uint32_t pending(const struct gicv3_bank *b, uint32_t level)
{
    return b->latch | (~b->edge & (level | b->message));
}

uint32_t gicv3_bank_ready(const struct gicv3_bank *b, uint32_t level)
{
    return pending(b, level) & b->enabled & ~b->active;
}

enum gicv3_group gicv3_bank_group(const struct gicv3_bank *b, unsigned bit, bool ds)
{
    if (b->group >> bit & 1)
        return GICV3_G1NS;
    return !ds && (b->modifier >> bit & 1) ? GICV3_G1S : GICV3_G0;
}

/* A priority as the view has it: non-secure software has the lower half for itself (4.8.1). */
static uint8_t read_priority(const struct gicv3_bank *b, unsigned bit, struct gicv3_view v)
{
    if (!v.ns)
        return b->priority[bit];
    return b->group >> bit & 1 ? (uint8_t)(b->priority[bit] << 1) : 0;
}

static void write_priority(struct gicv3_bank *b, unsigned bit, uint8_t val, struct gicv3_view v)
{
    if (!v.ns)
        b->priority[bit] = val & GICV3_PRIO_MASK;
    else if (b->group >> bit & 1)
        b->priority[bit] = (0x80 | val >> 1) & GICV3_PRIO_MASK;
}

static uint32_t read_priorities(const struct gicv3_bank *b, unsigned first, struct gicv3_view v)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < 4; i++)
        val |= (uint32_t)read_priority(b, first + i, v) << i * 8;
    return val;
}

/* ICFGR: bit 1 of two says edge. */
static uint32_t read_config(const struct gicv3_bank *b, unsigned first, struct gicv3_view v)
{
    uint32_t edge = b->edge & visible(b, v), val = 0;
    for (unsigned i = 0; i < 16; i++)
        val |= (edge >> (first + i) & 1) << (i * 2 + 1);
    return val;
}

static void write_config(struct gicv3_bank *b, unsigned first, uint32_t val, struct gicv3_view v)
{
    uint32_t mask = visible(b, v);
    for (unsigned i = 0; i < 16; i++)
        if (mask >> (first + i) & 1)
            b->edge = (uint32_t)deposit64(b->edge, first + i, 1, val >> (i * 2 + 1) & 1);
}

static uint32_t read_bits(const struct gicv3_bank *b, uint32_t level, uint32_t off,
                          struct gicv3_view v)
{
    switch (off & (uint32_t)BIT_KIND) {
    case IGROUPR: return v.ns ? 0 : b->group;
    case ISENABLER:
    case ICENABLER: return b->enabled & visible(b, v);
    case ISPENDR:
    case ICPENDR: return pending(b, level) & visible_with_nsacr(b, v, 1);
    case ISACTIVER:
    case ICACTIVER: return b->active & visible_with_nsacr(b, v, 2);
    default: return v.ns || v.ds ? 0 : b->modifier;
    }
}

uint32_t gicv3_bank_read(const struct gicv3_bank *b, uint32_t level, uint32_t off,
                         struct gicv3_view v)
{
    if (off >= IPRIORITYR && off < ITARGETSR)
        return read_priorities(b, off % 32, v);
    if (off >= ICFGR && off < IGRPMODR)
        return read_config(b, off % 8 / 4 * 16, v);
    if (off >= NSACR)
        return v.ns || v.ds ? 0 : b->nsacr[off % 8 / 4];
    return read_bits(b, level, off, v);
}

static void write_bits(struct gicv3_bank *b, uint32_t off, uint32_t val, struct gicv3_view v)
{
    uint32_t mine = val & visible(b, v);
    switch (off & (uint32_t)BIT_KIND) {
    case IGROUPR: b->group = v.ns ? b->group : val; break;
    case ISENABLER: b->enabled |= mine; break;
    case ICENABLER: b->enabled &= ~mine; break;
    case ISPENDR: b->latch |= val & visible_with_nsacr(b, v, 1); break;
    case ICPENDR: b->latch &= ~(val & visible_with_nsacr(b, v, 2)); break;
    case ISACTIVER: b->active |= mine; break;
    case ICACTIVER: b->active &= ~mine; break;
    default: b->modifier = v.ns || v.ds ? b->modifier : val; break;
    }
}

void gicv3_bank_write(struct gicv3_bank *b, uint32_t off, uint32_t val, uint32_t mask,
                      struct gicv3_view v)
{
    if (off >= IPRIORITYR && off < ITARGETSR) {
        for (unsigned i = 0; i < 4; i++)
            if (mask >> i * 8 & 0xff)
                write_priority(b, off % 32 + i, (uint8_t)(val >> i * 8), v);
    } else if (mask != UINT32_MAX) {
        return; /* only priorities may be written by bytes */
    } else if (off >= ICFGR && off < IGRPMODR) {
        write_config(b, off % 8 / 4 * 16, val, v);
    } else if (off >= NSACR) {
        if (!v.ns && !v.ds)
            b->nsacr[off % 8 / 4] = val;
    } else {
        write_bits(b, off, val, v);
    }
}

uint64_t gicv3_read_by_words(struct device *dev, struct access a, bool secure, gicv3_read_fn *fn)
{
    uint32_t off = (uint32_t)a.off & ~3U;
    if (a.size == 8)
        return fn(dev, off, secure) | (uint64_t)fn(dev, off + 4, secure) << 32;
    return fn(dev, off, secure) >> (a.off & 3) * 8;
}

void gicv3_write_by_words(struct device *dev, struct access a, uint64_t val, bool secure,
                          gicv3_write_fn *fn)
{
    uint32_t off = (uint32_t)a.off & ~3U;
    if (a.size >= 4) {
        fn(dev, off, (uint32_t)val, UINT32_MAX, secure);
        if (a.size == 8)
            fn(dev, off + 4, (uint32_t)(val >> 32), UINT32_MAX, secure);
        return;
    }
    unsigned shift = (unsigned)(a.off & 3) * 8;
    uint32_t mask = (uint32_t)MASK64(shift, a.size * 8U);
    fn(dev, off, (uint32_t)val << shift & mask, mask, secure);
}

/* 12.1.4: peripheral IDs of Arm's own GICs: part 0x492, JEP106 0x43B, architecture version 3. */
uint32_t gicv3_id_register(uint32_t off)
{
    static const uint8_t ids[] = {0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    return off >= 0xffd0 && off <= 0xfffc ? ids[(off - 0xffd0) / 4] : 0;
}

void gicv3_set_half(uint64_t *reg, uint32_t off, uint32_t val)
{
    *reg = deposit64(*reg, off & 4 ? 32 : 0, 32, val);
}
