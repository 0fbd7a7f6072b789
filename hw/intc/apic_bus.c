/*
 * Between local APICs: who is meant by a destination, and the window at 0xfee00000.
 * Ref: Intel SDM volume 3, 11.6 (issuing interprocessor interrupts), 11.11 (message-signalled
 * interrupts), 11.12.10 (logical x2APIC IDs).
 */
#include "hw/intc/lapic_priv.h"
#include "util/bits.h"

#include <assert.h>

enum { WINDOW_SIZE = 1 << 20, PAGE_SIZE = 4096, MAX_EOI = 8, PAGE_PRIORITY = 100 };
enum { MSI_LOGICAL = 1 << 2, MSI_HINT = 1 << 3, MSI_DEST_SHIFT = 12, MSI_LEVEL = 1 << 15 };
enum { ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15, ICR_SHORTHAND_SHIFT = 18 };
enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

struct apic_bus {
    struct device dev;
    struct lapic *lapics[MACHINE_MAX_CPUS]; /* before the machine runs */
    unsigned n;
    struct {
        apic_eoi_fn *fn;
        void *opaque;
    } eoi[MAX_EOI];
    unsigned neoi;
    struct mem_region window, page; /* page: registers that were moved elsewhere */
    struct apic_bus_state {
        uint64_t page_at; /* where they are */
    } s;
};

void apic_bus_add(struct apic_bus *bus, struct lapic *l)
{
    assert(bus->n < MACHINE_MAX_CPUS);
    bus->lapics[bus->n++] = l;
}

void apic_bus_add_eoi(struct device *dev, apic_eoi_fn *fn, void *opaque)
{
    struct apic_bus *bus = (struct apic_bus *)dev;
    assert(bus->neoi < MAX_EOI);
    bus->eoi[bus->neoi].fn = fn;
    bus->eoi[bus->neoi++].opaque = opaque;
}

void apic_bus_eoi(struct apic_bus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < bus->neoi; i++)
        bus->eoi[i].fn(bus->eoi[i].opaque, vector);
}

static bool has_id(const struct lapic *l, uint32_t id)
{
    return (lapic_is_x2(l) ? l->apic_id : lapic_load(&l->s.id)) == id;
}

/* In the logical mode that each has chosen for itself. */
static bool is_in_set(const struct lapic *l, uint32_t dest)
{
    uint32_t ldr = lapic_load(&l->s.ldr);
    if (lapic_is_x2(l))
        return dest >> 16 == l->apic_id >> 4 && (dest >> (l->apic_id & 15) & 1);
    ldr >>= 24;
    if (lapic_load(&l->s.dfr) >> 28 == 0xf) /* flat */
        return ldr & dest & 0xff;
    return dest <= 0xff && (dest >> 4 == ldr >> 4 || dest >> 4 == 0xf) && (ldr & dest & 0xf);
}

static bool is_meant(const struct lapic *l, const struct apic_message *m)
{
    if (!lapic_enabled(l))
        return false;
    if (m->dest == (uint32_t)APIC_BROADCAST)
        return true;
    return m->is_logical ? is_in_set(l, m->dest) : has_id(l, m->dest);
}

/* Of those that are meant, the one that does the least important work. */
static void send_to_lowest(struct apic_bus *bus, const struct apic_message *m)
{
    struct lapic *best = NULL;
    uint32_t best_priority = UINT32_MAX;
    for (unsigned i = 0; i < bus->n; i++) {
        struct lapic *l = bus->lapics[i];
        if (!is_meant(l, m) || !(lapic_load(&l->s.svr) & SVR_ENABLE))
            continue;
        uint32_t priority = lapic_ppr(l) >> 4;
        if (priority < best_priority) {
            best = l;
            best_priority = priority;
        }
    }
    if (best)
        lapic_receive(best, m);
}

static void send_except(struct apic_bus *bus, const struct apic_message *m,
                        const struct lapic *except)
{
    /* IDs are mostly places: the common case looks at one. */
    if (!m->is_logical && m->dest < bus->n && has_id(bus->lapics[m->dest], m->dest)) {
        if (lapic_enabled(bus->lapics[m->dest]))
            lapic_receive(bus->lapics[m->dest], m);
        return;
    }
    if (m->mode == APIC_LOWEST) {
        send_to_lowest(bus, m);
        return;
    }
    for (unsigned i = 0; i < bus->n; i++)
        if (bus->lapics[i] != except && is_meant(bus->lapics[i], m))
            lapic_receive(bus->lapics[i], m);
}

void apic_bus_send(struct device *bus, const struct apic_message *m)
{
    send_except((struct apic_bus *)bus, m, NULL);
}

/* Vectors below 16 are refused by the sender. */
static bool vector_is_illegal(const struct apic_message *m)
{
    return (m->mode == APIC_FIXED || m->mode == APIC_LOWEST) && m->vector < 16;
}

void apic_bus_ipi(struct apic_bus *bus, struct lapic *from, uint64_t icr)
{
    unsigned shorthand = (unsigned)extract64(icr, ICR_SHORTHAND_SHIFT, 2);
    uint32_t dest = (uint32_t)(icr >> 32);
    struct apic_message m = {.dest = dest,
                             .is_logical = icr & ICR_LOGICAL,
                             .mode = (uint8_t)extract64(icr, 8, 3),
                             .vector = (uint8_t)icr};
    if (!lapic_is_x2(from)) {
        m.dest = dest >> 24;
        if (m.dest == 0xff && !m.is_logical)
            m.dest = (uint32_t)APIC_BROADCAST;
    }
    if (m.mode == APIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
        return; /* de-assertion only sets arbitration IDs, of older processors */
    if (vector_is_illegal(&m)) {
        lapic_error(from, ESR_SEND_VECTOR);
        return;
    }
    if (shorthand == SHORTHAND_SELF) {
        lapic_receive(from, &m);
        return;
    }
    if (shorthand != SHORTHAND_NONE)
        m.dest = (uint32_t)APIC_BROADCAST;
    if (shorthand != SHORTHAND_NONE && m.mode == APIC_LOWEST)
        m.mode = APIC_FIXED;
    send_except(bus, &m, shorthand == SHORTHAND_OTHERS ? from : NULL);
}

/* Ref: 11.11.1 and 11.11.2.  Without the redirection hint the destination mode is not looked at. */
bool apic_bus_msi(struct device *bus, gpa addr, uint32_t data)
{
    if (addr < APIC_DEFAULT_BASE || addr - APIC_DEFAULT_BASE >= WINDOW_SIZE)
        return false;
    struct apic_message m = {.dest = (uint32_t)extract64(addr, MSI_DEST_SHIFT, 8),
                             .is_logical = addr & MSI_LOGICAL,
                             .is_level = data & MSI_LEVEL,
                             .mode = (uint8_t)extract64(data, 8, 3),
                             .vector = (uint8_t)data};
    if ((addr & MSI_HINT) && m.mode == APIC_FIXED && m.is_logical)
        m.mode = APIC_LOWEST;
    if (m.dest == 0xff && !m.is_logical)
        m.dest = (uint32_t)APIC_BROADCAST;
    apic_bus_send(bus, &m);
    return true;
}

/* The APIC of the processor that makes this access; a debugger looks at the first. */
static struct lapic *current_lapic(struct apic_bus *bus)
{
    const struct cpu *cpu = cpu_current();
    for (unsigned i = 0; cpu && i < bus->n; i++) {
        struct lapic *l = bus->lapics[(cpu->index + i) % bus->n];
        if (l->cpu == cpu)
            return l;
    }
    return bus->n ? bus->lapics[0] : NULL;
}

static uint64_t page_read(struct device *dev, struct access a)
{
    struct lapic *l = current_lapic((struct apic_bus *)dev);
    uint32_t v = 0;
    if (l == NULL || !lapic_enabled(l) || lapic_is_x2(l))
        return UINT32_MAX;
    if ((a.off & 15) == 0 && lapic_read(l, (unsigned)a.off >> 4, &v))
        return v;
    if (!a.peek)
        lapic_error(l, ESR_REGISTER);
    return 0;
}

static void page_write(struct device *dev, struct access a, uint64_t v)
{
    struct lapic *l = current_lapic((struct apic_bus *)dev);
    if (l == NULL || !lapic_enabled(l) || lapic_is_x2(l))
        return;
    if ((a.off & 15) != 0 || !lapic_write(l, (unsigned)a.off >> 4, (uint32_t)v))
        lapic_error(l, ESR_REGISTER);
}

/* Registers are read whole, whatever part of one is wanted. */
static uint64_t window_read(struct device *dev, struct access a)
{
    const struct apic_bus *bus = (struct apic_bus *)dev;
    unsigned part = a.off & 3;
    if (a.off >= PAGE_SIZE || bus->s.page_at != APIC_DEFAULT_BASE)
        return UINT32_MAX;
    a.off -= part;
    return page_read(dev, a) >> 8 * part;
}

/* A device's thread may be a processor's: messages to ID 0 hit the page where it has no registers.
 * What is not a whole word is no message: it is a processor's store to that place. */
static void window_write(struct device *dev, struct access a, uint64_t v)
{
    const struct apic_bus *bus = (struct apic_bus *)dev;
    unsigned part = a.off & 3;
    bool is_whole = a.size == 4;
    if (a.off < PAGE_SIZE && a.off >= 16 && cpu_current() && bus->s.page_at == APIC_DEFAULT_BASE) {
        a.off -= part;
        page_write(dev, a, v << 8 * part);
    } else if (is_whole) {
        apic_bus_msi(dev, APIC_DEFAULT_BASE + a.off, (uint32_t)v);
    }
}

static void show_page(struct apic_bus *bus)
{
    struct machine *m = bus->dev.machine;
    region_del(&bus->page);
    if (bus->s.page_at != APIC_DEFAULT_BASE)
        region_add(&m->root, bus->s.page_at, &bus->page, PAGE_PRIORITY);
    address_space_update(&m->as);
}

/* QUIRK: the registers are at one place for all processors, the one that was set last. */
void apic_bus_move(struct apic_bus *bus, gpa base)
{
    mutex_lock(&bus->dev.lock);
    if (bus->s.page_at != base) {
        bus->s.page_at = base;
        show_page(bus);
    }
    mutex_unlock(&bus->dev.lock);
}

static void apic_bus_sync(struct device *dev)
{
    struct apic_bus *bus = (struct apic_bus *)dev;
    bus->s.page_at &= ~(uint64_t)(PAGE_SIZE - 1);
    if (bus->page.parent ? bus->page.base != bus->s.page_at : bus->s.page_at != APIC_DEFAULT_BASE)
        show_page(bus);
}

static bool apic_bus_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops window_ops = {window_read, window_write, .max = 4,
                                               .size = WINDOW_SIZE, .unlocked = true};
    static const struct mmio_ops page_ops = {page_read, page_write,        .min = 4,
                                             .max = 4,  .size = PAGE_SIZE, .unlocked = true};
    struct apic_bus *bus = (struct apic_bus *)dev;
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    region_init_mmio(&bus->window, "apic-msi", &window_ops, dev);
    region_init_mmio(&bus->page, "apic-page", &page_ops, dev);
    region_add(&dev->machine->root, APIC_DEFAULT_BASE, &bus->window, PAGE_PRIORITY);
    address_space_update(&dev->machine->as);
    return true;
}

static void apic_bus_unrealize(struct device *dev)
{
    struct apic_bus *bus = (struct apic_bus *)dev;
    region_del(&bus->window);
    region_del(&bus->page);
    address_space_update(&dev->machine->as);
}

static const struct state_field apic_bus_state[] = {
    STATE(apic_bus, page_at, 0xfee00000),
    STATE_END,
};

DEVICE_CLASS_NAMED(apic_bus, "apic-bus") = {
    .desc = "Messages between local APICs, and their window",
    .state = apic_bus_state,
    .realize = apic_bus_realize,
    .unrealize = apic_bus_unrealize,
    .sync = apic_bus_sync,
};
