/*
 * Advanced platform-level interrupt controller: one interrupt domain, of machine or supervisor
 * level, that delivers to harts directly or by messages (to their IMSICs).
 * Ref: RISC-V Advanced Interrupt Architecture 1.0, chapter 4.
 *
 * Wires lead to the root domain, which hands every level on to its child; the child knows which
 * sources it has been delegated.  A root's lock comes before its child's.
 */
#include "hw/intc/aplic.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>

enum {
    DOMAINCFG = 0x0000,
    SOURCECFG = 0x0000, /* + 4 * source */
    MMSIADDRCFG = 0x1bc0,
    MMSIADDRCFGH = 0x1bc4,
    SMSIADDRCFG = 0x1bc8,
    SMSIADDRCFGH = 0x1bcc,
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIE = 0x1e00,
    SETIENUM = 0x1edc,
    CLRIE = 0x1f00,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    SETIPNUM_BE = 0x2004,
    GENMSI = 0x3000,
    TARGET = 0x3000, /* + 4 * source */
    IDC = 0x4000,
    IDC_SIZE = 32,
    BITS_SIZE = 0x80
};
enum { IDELIVERY = 0, IFORCE = 4, ITHRESHOLD = 8, TOPI = 0x18, CLAIMI = 0x1c };
enum { CFG_DM = 1 << 2, CFG_IE = 1 << 8 };
static const uint32_t CFG_FIXED = UINT32_C(0x80000000), ADDR_LOCK = UINT32_C(1) << 31;
enum { SRC_DELEGATE = 1 << 10, SRC_CHILD = 0x3ff, SRC_MODE = 7 };
enum { INACTIVE = 0, DETACHED = 1, EDGE1 = 4, EDGE0 = 5, LEVEL1 = 6, LEVEL0 = 7 };
enum { HART_SHIFT = 18, GUEST_SHIFT = 12, GUEST_MASK = 63, EIID_MASK = 0x7ff, PRIO_MASK = 0xff };
enum { WORDS = APLIC_SOURCES / 32 + 1, SOURCE_SHIFT = 16 };
enum { ADDRH_PPN = 0xfff, MMSIADDRH_BITS = 0x1f77ffff, SMSIADDRH_BITS = 0x700fff };

struct aplic {
    struct device dev;
    uint32_t num_harts;
    bool mmode;
    struct aplic *parent, *child;
    struct irq *out;
    struct aplic_state {
        uint32_t domaincfg;
        uint32_t level[WORDS]; /* wires; devices drive them again after a reset */
        uint32_t given[WORDS]; /* the parent delegates them; of a root domain, all */
        uint32_t ip[WORDS], ie[WORDS];
        uint32_t sourcecfg[APLIC_SOURCES + 1], target[APLIC_SOURCES + 1];
        uint32_t msiaddr[4]; /* MMSIADDRCFG and on; the root's */
        uint32_t iforce[APLIC_MAX_HARTS], ithreshold[APLIC_MAX_HARTS];
        uint8_t idelivery[APLIC_MAX_HARTS];
    } s;
};

static bool bit(const uint32_t *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}

static void set_bit(uint32_t *words, unsigned n, bool v)
{
    uint32_t mask = UINT32_C(1) << n % 32;

    words[n / 32] = v ? words[n / 32] | mask : words[n / 32] & ~mask;
}

static bool by_messages(const struct aplic *a)
{
    return a->s.domaincfg & CFG_DM;
}

static unsigned mode_of(const struct aplic *a, unsigned n)
{
    uint32_t cfg = a->s.sourcecfg[n];

    return cfg & SRC_DELEGATE || !bit(a->s.given, n) ? INACTIVE : cfg & SRC_MODE;
}

static bool is_level(unsigned mode)
{
    return mode == LEVEL1 || mode == LEVEL0;
}

/* The rectified input value.  AIA 4.5.2. */
static bool input(const struct aplic *a, unsigned n)
{
    unsigned mode = mode_of(a, n);

    if (mode < EDGE1)
        return false;
    return bit(a->s.level, n) == (mode == EDGE1 || mode == LEVEL1);
}

/* A level in direct mode is pending exactly as long as it is there.  AIA 4.7. */
static bool is_pending(const struct aplic *a, unsigned n)
{
    return is_level(mode_of(a, n)) && !by_messages(a) ? input(a, n) : bit(a->s.ip, n);
}

/* --- messages --- */
static const struct aplic *root_of(const struct aplic *a)
{
    while (a->parent)
        a = a->parent;
    return a;
}

/* Where a message for a hart goes: the root's registers say.  AIA 4.9.1. */
static gpa message_address(const struct aplic *a, uint32_t hart, uint32_t guest)
{
    const uint32_t *r = root_of(a)->s.msiaddr;
    uint32_t low = a->mmode ? r[0] : r[2], high = a->mmode ? r[1] : r[3];
    unsigned lhxw = r[1] >> 12 & 15, hhxw = r[1] >> 16 & 7, hhxs = r[1] >> 24 & 31;
    unsigned lhxs = high >> 20 & 7;
    uint64_t group = hart >> lhxw & ((1U << hhxw) - 1), index = hart & ((1U << lhxw) - 1);
    uint64_t ppn = (uint64_t)(high & ADDRH_PPN) << 32 | low;

    return (ppn | group << (hhxs + 12) | index << lhxs | (a->mmode ? 0 : guest)) << 12;
}

static void send(struct aplic *a, uint32_t hart, uint32_t guest, uint32_t eiid)
{
    gpa addr = message_address(a, hart, guest);
    uint8_t data[4];

    st_le32(data, eiid);
    if (!dma_write(&a->dev.machine->as, addr, data, sizeof(data)))
        dev_guest_error(&a->dev, "a message to %#llx reaches nothing", (unsigned long long)addr);
}

static void forward(struct aplic *a, unsigned n)
{
    uint32_t t = a->s.target[n];

    set_bit(a->s.ip, n, false);
    send(a, t >> HART_SHIFT, t >> GUEST_SHIFT & GUEST_MASK, t & EIID_MASK);
}

static void forward_all(struct aplic *a)
{
    for (unsigned w = 0; w < WORDS; w++)
        for (uint32_t both; (both = a->s.ip[w] & a->s.ie[w]);)
            forward(a, w * 32 + (unsigned)__builtin_ctz(both));
}

/* --- direct delivery --- */
/* The most urgent source for a hart, as topi shows it; 0: none.  AIA 4.8.1.4. */
static uint32_t top(const struct aplic *a, unsigned hart)
{
    uint32_t best = 0, threshold = a->s.ithreshold[hart];
    unsigned best_priority = threshold ? threshold : PRIO_MASK + 1;

    for (unsigned n = 1; n <= APLIC_SOURCES; n++) {
        uint32_t t = a->s.target[n];
        if (t >> HART_SHIFT != hart || !bit(a->s.ie, n) || (t & PRIO_MASK) >= best_priority ||
            !is_pending(a, n))
            continue;
        best_priority = t & PRIO_MASK;
        best = n << SOURCE_SHIFT | best_priority;
    }
    return best;
}

static void update_hart(struct aplic *a, unsigned hart)
{
    const struct aplic_state *s = &a->s;
    bool on = (s->domaincfg & CFG_IE) && !by_messages(a) && s->idelivery[hart];

    irq_set(&a->out[hart], on && (s->iforce[hart] || top(a, hart)));
}

static void aplic_sync(struct device *dev)
{
    struct aplic *a = (struct aplic *)dev;

    if (by_messages(a) && (a->s.domaincfg & CFG_IE))
        forward_all(a);
    for (unsigned i = 0; a->out && i < a->num_harts; i++)
        update_hart(a, i);
}

/* Source n has changed: only its hart may be concerned. */
static void update_source(struct aplic *a, unsigned n)
{
    uint32_t hart = a->s.target[n] >> HART_SHIFT;

    if (by_messages(a)) {
        if ((a->s.domaincfg & CFG_IE) && bit(a->s.ip, n) && bit(a->s.ie, n))
            forward(a, n);
    } else if (hart < a->num_harts) {
        update_hart(a, hart);
    }
}

/* --- sources --- */
/* The rectified input went from `old` to what it is now.  AIA 4.7. */
static void input_changed(struct aplic *a, unsigned n, bool old)
{
    bool now = input(a, n);

    if (now && !old)
        set_bit(a->s.ip, n, true);
    else if (!now && is_level(mode_of(a, n)))
        set_bit(a->s.ip, n, false);
    update_source(a, n);
}

static void take_level(struct aplic *a, unsigned n, bool level)
{
    mutex_lock(&a->dev.lock);
    bool old = input(a, n);
    set_bit(a->s.level, n, level);
    if (mode_of(a, n) >= EDGE1)
        input_changed(a, n, old);
    if (a->child)
        take_level(a->child, n, level);
    mutex_unlock(&a->dev.lock);
}

void aplic_set_input(void *opaque, unsigned n, bool level)
{
    if (n > 0 && n <= APLIC_SOURCES)
        take_level(opaque, n, level);
}

/* A source that is not active here has no state here. */
static void deactivate(struct aplic *a, unsigned n)
{
    set_bit(a->s.ip, n, false);
    set_bit(a->s.ie, n, false);
    a->s.target[n] = 0;
}

static void give(struct aplic *child, unsigned n, bool given)
{
    mutex_lock(&child->dev.lock);
    if (given != bit(child->s.given, n)) {
        set_bit(child->s.given, n, given);
        child->s.sourcecfg[n] = 0;
        deactivate(child, n);
        aplic_sync(&child->dev);
    }
    mutex_unlock(&child->dev.lock);
}

static void write_sourcecfg(struct aplic *a, unsigned n, uint32_t v)
{
    bool was_active = mode_of(a, n) != INACTIVE;

    if (!bit(a->s.given, n))
        return;
    if (v & SRC_DELEGATE)
        v = a->child && !(v & SRC_CHILD) ? SRC_DELEGATE : 0;
    else
        v = (v & SRC_MODE) == 2 || (v & SRC_MODE) == 3 ? INACTIVE : v & SRC_MODE;
    a->s.sourcecfg[n] = v;
    if (a->child)
        give(a->child, n, v & SRC_DELEGATE);
    if (mode_of(a, n) == INACTIVE)
        deactivate(a, n);
    else if (!was_active)
        a->s.target[n] = by_messages(a) ? 0 : 1;
    if (is_level(mode_of(a, n)))
        set_bit(a->s.ip, n, input(a, n));
    aplic_sync(&a->dev);
}

/* Software sets or clears a pending bit.  AIA 4.7: not of a level in direct mode; of one in message
 * mode, set only while it is there. */
static void write_pending(struct aplic *a, unsigned n, bool v)
{
    if (n < 1 || n > APLIC_SOURCES || mode_of(a, n) == INACTIVE)
        return;
    if (is_level(mode_of(a, n)) && (!by_messages(a) || (v && !input(a, n))))
        return;
    set_bit(a->s.ip, n, v);
    update_source(a, n);
}

static void write_enable(struct aplic *a, unsigned n, bool v)
{
    if (n < 1 || n > APLIC_SOURCES || mode_of(a, n) == INACTIVE)
        return;
    set_bit(a->s.ie, n, v);
    update_source(a, n);
}

/* Priority 0 does not exist. */
static void write_target(struct aplic *a, unsigned n, uint32_t v)
{
    uint32_t hart = v >> HART_SHIFT;

    if (mode_of(a, n) == INACTIVE)
        return;
    if (by_messages(a))
        v &= ~UINT32_C(0) << HART_SHIFT | (a->mmode ? 0 : GUEST_MASK << GUEST_SHIFT) | EIID_MASK;
    else if (hart < a->num_harts)
        v = hart << HART_SHIFT | MAX(v & PRIO_MASK, 1);
    else
        return;
    a->s.target[n] = v;
    aplic_sync(&a->dev);
}

/* --- registers --- */
static uint32_t gather(const struct aplic *a, unsigned word,
                       bool (*is_set)(const struct aplic *a, unsigned n))
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 32 && word < WORDS; i++) {
        unsigned n = word * 32 + i;
        if (n > 0 && n <= APLIC_SOURCES && is_set(a, n))
            v |= UINT32_C(1) << i;
    }
    return v;
}

static void scatter(struct aplic *a, unsigned word, uint32_t v, bool to,
                    void (*set)(struct aplic *a, unsigned n, bool v))
{
    for (; v; v &= v - 1)
        set(a, word * 32 + (unsigned)__builtin_ctz(v), to);
}

static uint32_t claim(struct aplic *a, unsigned hart, bool peek)
{
    uint32_t t = top(a, hart);

    if (peek)
        return t;
    if (t)
        set_bit(a->s.ip, t >> SOURCE_SHIFT, false);
    else
        a->s.iforce[hart] = 0;
    update_hart(a, hart);
    return t;
}

static uint32_t read_idc(struct aplic *a, unsigned off, bool peek)
{
    unsigned hart = off / IDC_SIZE;

    if (hart >= a->num_harts || by_messages(a))
        return 0;
    switch (off % IDC_SIZE) {
    case IDELIVERY: return a->s.idelivery[hart];
    case IFORCE: return a->s.iforce[hart];
    case ITHRESHOLD: return a->s.ithreshold[hart];
    case TOPI: return top(a, hart);
    case CLAIMI: return claim(a, hart, peek);
    default: return 0;
    }
}

static void write_idc(struct aplic *a, unsigned off, uint32_t v)
{
    unsigned hart = off / IDC_SIZE;

    if (hart >= a->num_harts || by_messages(a))
        return;
    switch (off % IDC_SIZE) {
    case IDELIVERY: a->s.idelivery[hart] = v & 1; break;
    case IFORCE: a->s.iforce[hart] = v & 1; break;
    case ITHRESHOLD: a->s.ithreshold[hart] = v & PRIO_MASK; break;
    default: return;
    }
    update_hart(a, hart);
}

/* Only a root domain of machine level has them; locked, they stay. */
static uint32_t read_msiaddr(const struct aplic *a, unsigned off)
{
    return a->mmode && !a->parent ? a->s.msiaddr[(off - MMSIADDRCFG) / 4] : 0;
}

static void write_msiaddr(struct aplic *a, unsigned off, uint32_t v)
{
    if (!a->mmode || a->parent || a->s.msiaddr[1] & ADDR_LOCK)
        return;
    if (off == MMSIADDRCFGH)
        v &= MMSIADDRH_BITS | ADDR_LOCK;
    else if (off == SMSIADDRCFGH)
        v &= SMSIADDRH_BITS;
    a->s.msiaddr[(off - MMSIADDRCFG) / 4] = v;
}

static bool is_enabled(const struct aplic *a, unsigned n)
{
    return bit(a->s.ie, n);
}

static bool in_bits(unsigned off, unsigned base)
{
    return off >= base && off < base + BITS_SIZE;
}

/* The number of a source whose register in an array at base this is, or 0. */
static unsigned source_of(unsigned off, unsigned base)
{
    return off > base && off <= base + 4 * APLIC_SOURCES ? (off - base) / 4 : 0;
}

static uint64_t aplic_read(struct device *dev, struct access acc)
{
    struct aplic *a = (struct aplic *)dev;
    unsigned off = (unsigned)acc.off;

    if (off == DOMAINCFG)
        return a->s.domaincfg | CFG_FIXED;
    if (source_of(off, SOURCECFG))
        return a->s.sourcecfg[source_of(off, SOURCECFG)];
    if (off >= MMSIADDRCFG && off <= SMSIADDRCFGH)
        return read_msiaddr(a, off);
    if (in_bits(off, SETIP))
        return gather(a, (off - SETIP) / 4, is_pending);
    if (in_bits(off, IN_CLRIP))
        return gather(a, (off - IN_CLRIP) / 4, input);
    if (in_bits(off, SETIE))
        return gather(a, (off - SETIE) / 4, is_enabled);
    if (source_of(off, TARGET))
        return a->s.target[source_of(off, TARGET)];
    return off >= IDC ? read_idc(a, off - IDC, acc.peek) : 0;
}

/* What is pending, and targets, mean something else in the other delivery mode. */
static void write_domaincfg(struct aplic *a, uint32_t v)
{
    bool other = (v ^ a->s.domaincfg) & CFG_DM;

    a->s.domaincfg = v & (CFG_IE | CFG_DM);
    for (unsigned n = 1; other && n <= APLIC_SOURCES; n++) {
        a->s.target[n] = mode_of(a, n) == INACTIVE || by_messages(a) ? 0 : 1;
        if (is_level(mode_of(a, n)))
            set_bit(a->s.ip, n, input(a, n));
    }
    aplic_sync(&a->dev);
}

static void write_number(struct aplic *a, unsigned off, uint32_t v)
{
    switch (off) {
    case SETIPNUM:
    case SETIPNUM_LE: write_pending(a, v, true); break;
    case SETIPNUM_BE: write_pending(a, __builtin_bswap32(v), true); break;
    case CLRIPNUM: write_pending(a, v, false); break;
    case SETIENUM: write_enable(a, v, true); break;
    case CLRIENUM: write_enable(a, v, false); break;
    case GENMSI:
        if (by_messages(a))
            send(a, v >> HART_SHIFT, 0, v & EIID_MASK);
        break;
    default: break;
    }
}

static void aplic_write(struct device *dev, struct access acc, uint64_t val)
{
    struct aplic *a = (struct aplic *)dev;
    unsigned off = (unsigned)acc.off;
    uint32_t v = (uint32_t)val;

    if (off == DOMAINCFG)
        write_domaincfg(a, v);
    else if (source_of(off, SOURCECFG))
        write_sourcecfg(a, source_of(off, SOURCECFG), v);
    else if (off >= MMSIADDRCFG && off <= SMSIADDRCFGH)
        write_msiaddr(a, off, v);
    else if (in_bits(off, SETIP))
        scatter(a, (off - SETIP) / 4, v, true, write_pending);
    else if (in_bits(off, IN_CLRIP))
        scatter(a, (off - IN_CLRIP) / 4, v, false, write_pending);
    else if (in_bits(off, SETIE))
        scatter(a, (off - SETIE) / 4, v, true, write_enable);
    else if (in_bits(off, CLRIE))
        scatter(a, (off - CLRIE) / 4, v, false, write_enable);
    else if (source_of(off, TARGET))
        write_target(a, source_of(off, TARGET), v);
    else if (off >= IDC)
        write_idc(a, off - IDC, v);
    else
        write_number(a, off, v);
}

/* --- the device --- */
struct irq *aplic_output(struct device *dev, unsigned hart)
{
    return &((struct aplic *)dev)->out[hart];
}

void aplic_set_child(struct device *root, struct device *child)
{
    struct aplic *r = (struct aplic *)root, *c = (struct aplic *)child;

    r->child = c;
    c->parent = r;
}

static void aplic_reset(struct device *dev)
{
    struct aplic *a = (struct aplic *)dev;

    for (unsigned n = 1; n <= APLIC_SOURCES; n++)
        set_bit(a->s.given, n, !a->parent);
}

static bool aplic_realize(struct device *dev, struct error **errp)
{
    struct aplic *a = (struct aplic *)dev;

    if (a->num_harts < 1 || a->num_harts > APLIC_MAX_HARTS) {
        error_set(errp, "num-harts is %u, must be 1 to %d", a->num_harts, APLIC_MAX_HARTS);
        return false;
    }
    a->out = g_new0(struct irq, a->num_harts);
    return true;
}

static void aplic_unrealize(struct device *dev)
{
    struct aplic *a = (struct aplic *)dev;

    g_clear_pointer(&a->out, g_free);
}

static const struct state_field aplic_state[] = {
    STATE(aplic, domaincfg, 0),
    {"level", offsetof(struct aplic, s.level), sizeof(((struct aplic *)0)->s.level), 4, 0, true},
    STATE_ARRAY(aplic, given, 0),
    STATE_ARRAY(aplic, ip, 0),
    STATE_ARRAY(aplic, ie, 0),
    STATE_ARRAY(aplic, sourcecfg, 0),
    STATE_ARRAY(aplic, target, 0),
    STATE_ARRAY(aplic, msiaddr, 0),
    STATE_ARRAY(aplic, iforce, 0),
    STATE_ARRAY(aplic, ithreshold, 0),
    STATE_ARRAY(aplic, idelivery, 0),
    STATE_END,
};

static const struct prop aplic_props[] = {
    PROP(prop_uint32, aplic, "num-harts", num_harts, "1", "harts that it delivers to"),
    PROP(prop_bool, aplic, "mmode", mmode, "on", "a domain of machine level"),
    PROP_END,
};

DEVICE_CLASS_NAMED(aplic, "riscv.aplic") = {
    .desc = "RISC-V advanced platform-level interrupt controller",
    .compatible = "riscv,aplic",
    .mmio = {aplic_read, aplic_write, .min = 4, .max = 4, .size = APLIC_SIZE},
    .props = aplic_props,
    .state = aplic_state,
    .realize = aplic_realize,
    .unrealize = aplic_unrealize,
    .reset = aplic_reset,
    .sync = aplic_sync,
};
