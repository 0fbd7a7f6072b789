/*
 * The two 8259A interrupt controllers of a PC, cascaded at input 2, with ELCR.
 * Ref: Intel 8259A data sheet (231468-003); 82371SB (PIIX3) data sheet, 4.2.6 and 4.2.7.
 *
 * QUIRK: in edge mode a request stays when its input falls before it is acknowledged, so that
 * sources may pulse their line in no time; a level that goes away gives the spurious interrupt.
 */
#include "hw/intc/i8259.h"
#include "core/intc.h"
#include "hw/isa/isa.h"
#include "util/bits.h"

enum { MASTER, SLAVE, CASCADE = 2, SPURIOUS = 7 };
enum { ICW1 = 0x10, ICW1_LEVEL = 0x08, ICW1_SINGLE = 0x02, ICW1_ICW4 = 0x01, ICW1_READ = 0x1f };
enum { ICW4_NESTED = 0x10, ICW4_AEOI = 0x02 };
enum { OCW3 = 0x08, OCW3_POLL = 0x04, OCW3_READ = 0x02, OCW3_ISR = 0x01 };
enum { OCW3_SET_MASK = 0x40, OCW3_MASK = 0x20 };
enum { /* OCW2, bits 7:5 */
       AEOI_ROTATE_OFF,
       EOI,
       NO_OPERATION,
       EOI_SPECIFIC,
       AEOI_ROTATE_ON,
       EOI_ROTATE,
       SET_PRIORITY,
       EOI_SPECIFIC_ROTATE
};
enum { POLL_REQUEST = 0x80 };

struct chip {
    uint8_t level; /* of the inputs */
    uint8_t irr, imr, isr;
    uint8_t elcr;
    uint8_t lowest; /* the input of the lowest priority */
    uint8_t vector, icw1, icw3, icw4;
    uint8_t step; /* 0: ready, or the number of the ICW that comes next */
    uint8_t rotate_aeoi, special_mask, poll, read_isr;
    uint8_t output;
};

struct i8259 {
    struct device dev;
    bool has_elcr;
    struct mem_region ports[2], elcr_ports;
    uint64_t count[ISA_IRQS]; /* of requests, for monitors */
    struct i8259_state {
        struct chip chip[2];
    } s;
};

static const uint8_t elcr_mask[2] = {0xf8, 0xde};

static uint8_t level_mask(const struct i8259 *p, const struct chip *c)
{
    if (p->has_elcr) /* PIIX3: LTIM is ignored */
        return c->elcr;
    return c->icw1 & ICW1_LEVEL ? 0xff : 0;
}

/* Place of the first bit in order of priority, 8: none. */
static unsigned first_place(const struct chip *c, uint8_t bits)
{
    unsigned place = 0;
    while (place < 8 && !(bits >> ((c->lowest + 1U + place) & 7) & 1))
        place++;
    return place;
}

static unsigned input_at(const struct chip *c, unsigned place)
{
    return (c->lowest + 1U + place) & 7;
}

/* The input to be acknowledged next, or -1. */
static int highest_request(const struct chip *c, bool is_master)
{
    unsigned want = first_place(c, c->irr & (uint8_t)~c->imr);
    uint8_t in_service = c->isr;
    if (want == 8)
        return -1;
    if (c->special_mask)
        in_service &= (uint8_t)~c->imr;
    if (is_master && (c->icw4 & ICW4_NESTED)) /* one slave may interrupt itself */
        in_service &= (uint8_t) ~(1U << CASCADE);
    return want < first_place(c, in_service) ? (int)input_at(c, want) : -1;
}

static void set_input(struct i8259 *p, struct chip *c, unsigned n, bool level)
{
    uint8_t bit = (uint8_t)(1U << n);
    bool rises = level && !(c->level & bit);
    bool by_level = level_mask(p, c) & bit;
    c->level = level ? c->level | bit : c->level & (uint8_t)~bit;
    if (by_level)
        c->irr = level ? c->irr | bit : c->irr & (uint8_t)~bit;
    else if (rises)
        c->irr |= bit;
}

static void update(struct i8259 *p)
{
    struct chip *m = &p->s.chip[MASTER], *s = &p->s.chip[SLAVE];
    s->output = highest_request(s, false) >= 0;
    set_input(p, m, CASCADE, s->output);
    m->output = m->step == 0 && highest_request(m, true) >= 0;
    irq_set(&p->dev.irq, m->output);
}

void i8259_set_irq(void *opaque, unsigned n, bool level)
{
    struct i8259 *p = opaque;
    if (n >= ISA_IRQS || n == CASCADE)
        return;
    mutex_lock(&p->dev.lock);
    p->count[n] += level && !(p->s.chip[n / 8].level >> n % 8 & 1);
    set_input(p, &p->s.chip[n / 8], n % 8, level);
    update(p);
    mutex_unlock(&p->dev.lock);
}

static uint64_t i8259_count(struct device *dev, unsigned n)
{
    mutex_lock(&dev->lock);
    uint64_t v = ((struct i8259 *)dev)->count[n];
    mutex_unlock(&dev->lock);
    return v;
}

static void i8259_print(struct device *dev, FILE *f)
{
    mutex_lock(&dev->lock);
    for (unsigned i = 0; i < 2; i++) {
        const struct chip *c = &((struct i8259 *)dev)->s.chip[i];
        fprintf(f,
                "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%u elcr=%02x "
                "fnm=%u\n",
                i, c->irr, c->imr, c->isr, (c->lowest + 1U) & 7, c->vector, c->read_isr, c->elcr,
                (c->icw4 & ICW4_NESTED) != 0);
    }
    mutex_unlock(&dev->lock);
}

/* What the second pulse of an acknowledge does with input n. */
static void acknowledge(struct i8259 *p, struct chip *c, unsigned n)
{
    uint8_t bit = (uint8_t)(1U << n);
    if (!(level_mask(p, c) & bit))
        c->irr &= (uint8_t)~bit;
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= bit;
    else if (c->rotate_aeoi)
        c->lowest = (uint8_t)n;
}

/* A chip's vector; INT falls in the cycle, so that the next request is an edge for the master. */
static uint8_t chip_vector(struct i8259 *p, struct chip *c, bool is_master, unsigned *input)
{
    int n = highest_request(c, is_master);
    *input = n < 0 ? SPURIOUS : (unsigned)n;
    if (n >= 0)
        acknowledge(p, c, *input);
    if (!is_master)
        set_input(p, &p->s.chip[MASTER], CASCADE, false);
    return c->vector | (uint8_t)*input;
}

int i8259_accept(void *opaque)
{
    struct i8259 *p = opaque;
    unsigned n;
    mutex_lock(&p->dev.lock);
    bool spurious = highest_request(&p->s.chip[MASTER], true) < 0;
    int vector = chip_vector(p, &p->s.chip[MASTER], true, &n);
    if (n == CASCADE && !spurious)
        vector = chip_vector(p, &p->s.chip[SLAVE], false, &n);
    update(p);
    mutex_unlock(&p->dev.lock);
    return vector;
}

/* The poll command makes the next read an acknowledge of this chip alone. */
static uint8_t read_poll(struct i8259 *p, struct chip *c, bool peek)
{
    bool is_master = c == &p->s.chip[MASTER];
    int n = highest_request(c, is_master);
    unsigned input;
    if (!peek) {
        c->poll = 0;
        if (n >= 0)
            chip_vector(p, c, is_master, &input);
        update(p);
    }
    return n < 0 ? 0 : (uint8_t)(POLL_REQUEST | n);
}

static uint64_t chip_read(struct device *dev, unsigned which, struct access a)
{
    struct i8259 *p = (struct i8259 *)dev;
    struct chip *c = &p->s.chip[which];
    if (c->poll)
        return read_poll(p, c, a.peek);
    if (a.off)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

static void write_icw1(struct i8259 *p, struct chip *c, uint8_t v)
{
    c->icw1 = v & ICW1_READ;
    c->irr = c->level & level_mask(p, c); /* edges that came before are forgotten */
    c->imr = c->isr = 0;
    c->lowest = 7;
    c->special_mask = c->poll = c->read_isr = c->rotate_aeoi = 0;
    if (!(v & ICW1_ICW4))
        c->icw4 = 0;
    c->step = 2;
}

static void write_icw(struct chip *c, uint8_t v)
{
    switch (c->step) {
    case 2:
        c->vector = v & 0xf8;
        c->step = c->icw1 & ICW1_SINGLE ? 4 : 3;
        break;
    case 3:
        c->icw3 = v;
        c->step = 4;
        break;
    default: c->icw4 = v & 0x1f; c->step = 0;
    }
    if (c->step == 4 && !(c->icw1 & ICW1_ICW4))
        c->step = 0;
}

/* Without a number: the input of the highest priority in service, save those that the special mask
 * mode hides. */
static unsigned eoi_input(const struct chip *c)
{
    uint8_t isr = c->special_mask ? c->isr & (uint8_t)~c->imr : c->isr;
    unsigned place = first_place(c, isr);
    return place == 8 ? 8 : input_at(c, place);
}

static void write_ocw2(struct chip *c, uint8_t v)
{
    unsigned what = v >> 5, n = v & 7;
    if (what == EOI || what == EOI_ROTATE)
        n = eoi_input(c);
    switch (what) {
    case AEOI_ROTATE_OFF: c->rotate_aeoi = 0; return;
    case AEOI_ROTATE_ON: c->rotate_aeoi = 1; return;
    case SET_PRIORITY: c->lowest = (uint8_t)n; return;
    case NO_OPERATION: return;
    default: break;
    }
    if (n == 8)
        return;
    c->isr &= (uint8_t) ~(1U << n);
    if (what == EOI_ROTATE || what == EOI_SPECIFIC_ROTATE)
        c->lowest = (uint8_t)n;
}

static void write_ocw3(struct chip *c, uint8_t v)
{
    if (v & OCW3_SET_MASK)
        c->special_mask = !!(v & OCW3_MASK);
    if (v & OCW3_POLL)
        c->poll = 1;
    else if (v & OCW3_READ)
        c->read_isr = v & OCW3_ISR;
}

static void chip_write(struct device *dev, unsigned which, struct access a, uint64_t val)
{
    struct i8259 *p = (struct i8259 *)dev;
    struct chip *c = &p->s.chip[which];
    uint8_t v = (uint8_t)val;
    if (a.off == 0) {
        if (v & ICW1)
            write_icw1(p, c, v);
        else if (v & OCW3)
            write_ocw3(c, v);
        else
            write_ocw2(c, v);
    } else if (c->step) {
        write_icw(c, v);
    } else {
        c->imr = v;
    }
    update(p);
}

static uint64_t master_read(struct device *dev, struct access a)
{
    return chip_read(dev, MASTER, a);
}

static void master_write(struct device *dev, struct access a, uint64_t val)
{
    chip_write(dev, MASTER, a, val);
}

static uint64_t slave_read(struct device *dev, struct access a)
{
    return chip_read(dev, SLAVE, a);
}

static void slave_write(struct device *dev, struct access a, uint64_t val)
{
    chip_write(dev, SLAVE, a, val);
}

static uint64_t elcr_read(struct device *dev, struct access a)
{
    return ((struct i8259 *)dev)->s.chip[a.off].elcr;
}

static void elcr_write(struct device *dev, struct access a, uint64_t val)
{
    struct i8259 *p = (struct i8259 *)dev;
    struct chip *c = &p->s.chip[a.off];
    uint8_t was = c->elcr;
    c->elcr = (uint8_t)val & elcr_mask[a.off];
    uint8_t now_level = c->elcr & (uint8_t)~was;
    c->irr = (c->irr & (uint8_t)~now_level) | (c->level & now_level);
    update(p);
}

static void i8259_sync(struct device *dev)
{
    update((struct i8259 *)dev);
}

/* The inputs keep their levels: only their sources change them. */
static void i8259_reset(struct device *dev)
{
    struct i8259 *p = (struct i8259 *)dev;
    for (unsigned i = 0; i < 2; i++) {
        struct chip *c = &p->s.chip[i];
        *c = (struct chip){.level = c->level, .lowest = 7};
    }
    p->s.chip[MASTER].level &= (uint8_t) ~(1U << CASCADE);
}

static void i8259_loaded(struct device *dev)
{
    struct i8259 *p = (struct i8259 *)dev;
    for (unsigned i = 0; i < 2; i++) {
        p->s.chip[i].lowest &= 7;
        p->s.chip[i].step %= 5;
        p->s.chip[i].elcr &= elcr_mask[i];
    }
}

static bool i8259_has_interrupt(void *opaque)
{
    return irq_level(&((struct i8259 *)opaque)->dev.irq);
}

const struct apic_ops i8259_apic_ops = {.has_interrupt = i8259_has_interrupt,
                                        .accept = i8259_accept};

static bool i8259_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops[2] = {
        {master_read, master_write, .min = 1, .max = 1, .size = 2},
        {slave_read, slave_write, .min = 1, .max = 1, .size = 2},
    };
    static const struct mmio_ops elcr_ops = {elcr_read, elcr_write, .min = 1, .max = 1, .size = 2};
    struct i8259 *p = (struct i8259 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    region_init_mmio(&p->ports[MASTER], "pic", &ops[MASTER], dev);
    region_init_mmio(&p->ports[SLAVE], "pic", &ops[SLAVE], dev);
    region_init_mmio(&p->elcr_ports, "elcr", &elcr_ops, dev);
    isa_add_ports(bus, 0x20, &p->ports[MASTER]);
    isa_add_ports(bus, 0xa0, &p->ports[SLAVE]);
    if (p->has_elcr)
        isa_add_ports(bus, 0x4d0, &p->elcr_ports);
    return true;
}

static void i8259_unrealize(struct device *dev)
{
    struct i8259 *p = (struct i8259 *)dev;
    isa_del_ports(dev->machine, &p->ports[MASTER]);
    isa_del_ports(dev->machine, &p->ports[SLAVE]);
    isa_del_ports(dev->machine, &p->elcr_ports);
}

static const struct state_field i8259_state[] = {
    {"chip", offsetof(struct i8259, s.chip), sizeof(((struct i8259 *)0)->s.chip), 1, 0, true},
    STATE_END,
};

static const struct prop i8259_props[] = {
    PROP(prop_bool, i8259, "elcr", has_elcr, "on", "edge/level control registers, 0x4d0"),
    PROP_END,
};

static const struct intc_view i8259_view = {
    .print = i8259_print,
    .count = i8259_count,
    .inputs = ISA_IRQS,
};

DEVICE_CLASS_NAMED(i8259, "isa-i8259") = {
    .desc = "8259A interrupt controllers of a PC",
    .bus = "ISA",
    .props = i8259_props,
    .state = i8259_state,
    .realize = i8259_realize,
    .unrealize = i8259_unrealize,
    .reset = i8259_reset,
    .sync = i8259_sync,
    .loaded = i8259_loaded,
    .intc = &i8259_view,
};
