/*
 * PIIX3, function 0: the bridge to the ISA bus, with routing of PCI interrupts.
 * Ref: 82371SB (PIIX3) data sheet (290550), 2.2 (function 0 registers).
 */
#include "hw/isa/piix.h"
#include "hw/isa/pirq.h"
#include "hw/pci/pci.h"

enum { PIRQS = 4, PIRQ_ROUTE = 0x60 };

struct piix3 {
    struct pci_device pci;
    struct isa_bus isa;
    struct pirq_router router;
    struct piix3_state {
        struct pci_state pci;
    } s;
};

struct isa_bus *piix3_isa(struct device *dev)
{
    return &((struct piix3 *)dev)->isa;
}

/* INTA of slot 1 is PIRQA. */
void piix3_pirq(void *opaque, unsigned n, bool level)
{
    pirq_set(&((struct piix3 *)opaque)->router, (n + PIRQS - 1) % PIRQS, level);
}

static void update_routes(struct piix3 *p)
{
    for (unsigned i = 0; i < PIRQS; i++)
        pirq_route(&p->router, i, (uint8_t)pci_config_get(&p->pci, PIRQ_ROUTE + i, 1));
}

static void config_written(struct pci_device *pci, unsigned off UNUSED, unsigned size UNUSED)
{
    update_routes((struct piix3 *)pci);
}

static void piix3_sync(struct device *dev)
{
    pci_sync(dev);
    update_routes((struct piix3 *)dev);
}

static void init_registers(struct pci_device *p)
{
    static const struct {
        uint8_t off, size;
        uint32_t value, mask;
    } regs[] = {
        {0x4c, 1, 0x4d, 0xff},     {0x4e, 2, 0x0003, 0x01ff}, {0x69, 1, 0x02, 0xfe},
        {0x6a, 1, 0x00, 0x91},     {0x70, 1, 0x80, 0xff},     {0x71, 1, 0x80, 0xff},
        {0x76, 1, 0x0c, 0x8f},     {0x77, 1, 0x0c, 0x8f},     {0x78, 2, 0x0002, 0xffff},
        {0x80, 1, 0x00, 0x7f},     {0x82, 1, 0x00, 0x0f},     {0xa0, 1, 0x08, 0x1f},
        {0xa2, 2, 0x0000, 0xffff}, {0xa4, 4, 0, 0xffffffff},  {0xa8, 1, 0x0f, 0xff},
        {0xaa, 2, 0x0000, 0x00ff}, {0xac, 1, 0, 0xff},        {0xae, 1, 0, 0xff},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
        pci_config_init(p, regs[i].off, regs[i].size, regs[i].value);
        pci_config_writable(p, regs[i].off, regs[i].size, regs[i].mask);
    }
    for (unsigned i = 0; i < PIRQS; i++) {
        pci_config_init(p, PIRQ_ROUTE + i, 1, PIRQ_OFF);
        pci_config_writable(p, PIRQ_ROUTE + i, 1, 0x8f);
    }
}

static bool piix3_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086,
                                       .device = 0x7000,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x060100};
    static const struct pci_ops ops = {.config_written = config_written};
    struct piix3 *p = (struct piix3 *)dev;
    if (!pci_init(&p->pci, &ids, &ops, errp))
        return false;
    init_registers(&p->pci);
    isa_bus_init(&p->isa, dev);
    pirq_init(&p->router, &p->isa);
    return true;
}

static void piix3_unrealize(struct device *dev)
{
    struct piix3 *p = (struct piix3 *)dev;
    isa_bus_fini(&p->isa);
    pci_fini(&p->pci);
}

static const struct state_field piix3_state[] = {
    STATE(piix3, pci, 0),
    STATE_END,
};

static const struct prop piix3_props[] = {
    PCI_PROPS(piix3),
    PROP_END,
};

DEVICE_CLASS_NAMED(piix3, "PIIX3") = {
    .desc = "PIIX3: bridge to the ISA bus",
    .bus = "PCI",
    .props = piix3_props,
    .state = piix3_state,
    .realize = piix3_realize,
    .unrealize = piix3_unrealize,
    .reset = pci_reset,
    .sync = piix3_sync,
};
