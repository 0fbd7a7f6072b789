/*
 * I/O APIC with 24 pins, version 0x20.
 * Ref: Intel 82093AA data sheet (290566-001); ICH9 data sheet, 13.5 (EOI register).
 *
 * Pins are told asserted or not, so that the polarity of an entry has nothing to invert.
 */
#include "hw/intc/ioapic.h"
#include "core/intc.h"
#include "hw/intc/apic.h"
#include "util/bits.h"

enum { REGSEL = 0x00, WINDOW = 0x10, EOIR = 0x40, REGS_SIZE = 0x1000 };
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_TABLE = 0x10 };
enum { VERSION = 0x20, ID_SHIFT = 24 };
enum {
    RTE_LOGICAL = 1 << 11,
    RTE_STATUS = 1 << 12,
    RTE_REMOTE_IRR = 1 << 14,
    RTE_LEVEL = 1 << 15,
    RTE_MASKED = 1 << 16,
};
static const uint32_t RTE_LOW_WRITABLE = 0x1afff, RTE_HIGH_WRITABLE = 0xff000000;

struct ioapic {
    struct device dev;
    struct device *bus;
    uint64_t count[IOAPIC_PINS]; /* of requests, for monitors */
    struct ioapic_state {
        uint64_t table[IOAPIC_PINS];
        uint32_t level; /* of the pins */
        uint32_t irr;   /* requests: a pin's level, or an edge that was not sent yet */
        uint8_t id, select;
        uint8_t pad[6];
    } s;
};

void ioapic_attach(struct device *dev, struct device *bus)
{
    ((struct ioapic *)dev)->bus = bus;
}

static void send(struct ioapic *io, uint64_t rte)
{
    uint32_t dest = (uint32_t)(rte >> 56);
    struct apic_message m = {.dest = dest,
                             .is_logical = rte & RTE_LOGICAL,
                             .is_level = rte & RTE_LEVEL,
                             .mode = (uint8_t)extract64(rte, 8, 3),
                             .vector = (uint8_t)rte};
    if (dest == 0xff && !m.is_logical)
        m.dest = (uint32_t)APIC_BROADCAST;
    if (m.mode != APIC_FIXED && m.mode != APIC_LOWEST)
        m.is_level = false;
    if (io->bus)
        apic_bus_send(io->bus, &m);
}

/* Send what pin n asks for, unless it is masked or waits for the end of the last one. */
static void service(struct ioapic *io, unsigned n)
{
    uint64_t *rte = &io->s.table[n];
    uint32_t bit = UINT32_C(1) << n;
    if (!(io->s.irr & bit) || (*rte & RTE_MASKED))
        return;
    if (*rte & RTE_LEVEL) {
        if (*rte & RTE_REMOTE_IRR)
            return;
        if (extract64(*rte, 8, 3) <= APIC_LOWEST)
            *rte |= RTE_REMOTE_IRR;
    } else {
        io->s.irr &= ~bit;
    }
    send(io, *rte);
}

/* A masked edge is lost. */
void ioapic_set_irq(void *opaque, unsigned n, bool level)
{
    struct ioapic *io = opaque;
    if (n >= IOAPIC_PINS)
        return;
    mutex_lock(&io->dev.lock);
    uint32_t bit = UINT32_C(1) << n;
    bool rises = level && !(io->s.level & bit);
    bool by_level = io->s.table[n] & RTE_LEVEL;
    io->s.level = level ? io->s.level | bit : io->s.level & ~bit;
    if (by_level)
        io->s.irr = level ? io->s.irr | bit : io->s.irr & ~bit;
    else if (rises && !(io->s.table[n] & RTE_MASKED))
        io->s.irr |= bit;
    io->count[n] += rises;
    if (rises)
        service(io, n);
    mutex_unlock(&io->dev.lock);
}

static void end_vector(struct ioapic *io, uint8_t vector)
{
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        uint64_t *rte = &io->s.table[n];
        if (!(*rte & RTE_REMOTE_IRR) || (uint8_t)*rte != vector)
            continue;
        *rte &= ~(uint64_t)RTE_REMOTE_IRR;
        service(io, n);
    }
}

static void end_of_interrupt(void *opaque, uint8_t vector)
{
    struct ioapic *io = opaque;
    mutex_lock(&io->dev.lock);
    end_vector(io, vector);
    mutex_unlock(&io->dev.lock);
}

static uint32_t read_window(const struct ioapic *io)
{
    const struct ioapic_state *s = &io->s;
    unsigned entry = (s->select - REG_TABLE) / 2U;
    switch (s->select) {
    case REG_ID:
    case REG_ARBITRATION: return (uint32_t)s->id << ID_SHIFT;
    case REG_VERSION: return VERSION | (IOAPIC_PINS - 1) << 16;
    default: break;
    }
    if (s->select < REG_TABLE || entry >= IOAPIC_PINS)
        return UINT32_MAX;
    return (uint32_t)(s->select & 1 ? s->table[entry] >> 32 : s->table[entry]);
}

static uint64_t ioapic_read(struct device *dev, struct access a)
{
    const struct ioapic *io = (struct ioapic *)dev;
    switch (a.off) {
    case REGSEL: return io->s.select;
    case WINDOW: return read_window(io);
    default: return 0;
    }
}

/* An entry that becomes edge-triggered forgets its remote IRR, which is how systems clear it. */
static void write_entry(struct ioapic *io, unsigned n, bool high, uint32_t v)
{
    uint64_t *rte = &io->s.table[n];
    uint32_t bit = UINT32_C(1) << n;
    if (high) {
        *rte = deposit64(*rte, 32, 32, v & RTE_HIGH_WRITABLE);
        return;
    }
    *rte = deposit64(*rte, 0, 32, (v & RTE_LOW_WRITABLE) | (*rte & RTE_REMOTE_IRR));
    if (*rte & RTE_LEVEL) {
        io->s.irr = (io->s.irr & ~bit) | (io->s.level & bit);
    } else {
        *rte &= ~(uint64_t)RTE_REMOTE_IRR;
        if (v & RTE_MASKED)
            io->s.irr &= ~bit;
    }
    service(io, n);
}

static void write_window(struct ioapic *io, uint32_t v)
{
    unsigned entry = (io->s.select - REG_TABLE) / 2U;
    if (io->s.select == REG_ID)
        io->s.id = v >> ID_SHIFT & 15;
    else if (io->s.select >= REG_TABLE && entry < IOAPIC_PINS)
        write_entry(io, entry, io->s.select & 1, v);
    else
        dev_guest_error(&io->dev, "write %#x to read-only or unknown register %#x", v,
                        io->s.select);
}

static void ioapic_write(struct device *dev, struct access a, uint64_t v)
{
    struct ioapic *io = (struct ioapic *)dev;
    switch (a.off) {
    case REGSEL: io->s.select = (uint8_t)v; break;
    case WINDOW: write_window(io, (uint32_t)v); break;
    case EOIR: end_vector(io, (uint8_t)v); break;
    default:
        dev_guest_error(dev, "write %#x to unknown register %#x", (unsigned)v, (unsigned)a.off);
    }
}

static uint64_t ioapic_count(struct device *dev, unsigned n)
{
    mutex_lock(&dev->lock);
    uint64_t v = ((struct ioapic *)dev)->count[n];
    mutex_unlock(&dev->lock);
    return v;
}

static void ioapic_print(struct device *dev, FILE *f)
{
    static const char *const modes[] = {"fixed", "lowest", "SMI", "?",
                                        "NMI",   "INIT",   "?",   "ExtINT"};
    const struct ioapic_state *s = &((struct ioapic *)dev)->s;
    mutex_lock(&dev->lock);
    fprintf(f, "I/O APIC: id %u, IRR %#x\n", s->id, s->irr);
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        uint64_t rte = s->table[n];
        fprintf(f, "pin %-2u %#018llx %s vector %u to %s%#x, %s%s%s\n", n, (unsigned long long)rte,
                modes[rte >> 8 & 7], (unsigned)rte & 0xff, rte & RTE_LOGICAL ? "set " : "",
                (unsigned)(rte >> 56), rte & RTE_LEVEL ? "level" : "edge",
                rte & RTE_MASKED ? ", masked" : "", rte & RTE_REMOTE_IRR ? ", in service" : "");
    }
    mutex_unlock(&dev->lock);
}

static bool ioapic_realize(struct device *dev, struct error **errp UNUSED)
{
    struct ioapic *io = (struct ioapic *)dev;
    if (io->bus)
        apic_bus_add_eoi(io->bus, end_of_interrupt, io);
    return true;
}

static const struct state_field ioapic_state[] = {
    STATE_ARRAY(ioapic, table, RTE_MASKED),
    STATE_KEEP(ioapic, level),
    STATE(ioapic, irr, 0),
    STATE(ioapic, id, 0),
    STATE(ioapic, select, 0),
    STATE_ARRAY(ioapic, pad, 0),
    STATE_END,
};

static const struct intc_view ioapic_view = {
    .print = ioapic_print,
    .count = ioapic_count,
    .inputs = IOAPIC_PINS,
};

DEVICE_CLASS(ioapic) = {
    .desc = "I/O APIC (82093AA)",
    .mmio = {ioapic_read, ioapic_write, .min = 4, .max = 4, .size = REGS_SIZE},
    .state = ioapic_state,
    .realize = ioapic_realize,
    .intc = &ioapic_view,
};
