/*
 * Bridges: Express root ports, switches, and bridges to conventional PCI.
 * Ref: PCI-to-PCI Bridge Architecture 1.2; PCI Express Base 5.0, 7.5.3 (ports), 7.8.4 (AER), 7.7.8
 * (ACS).
 */
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { PORT_MSIX_VECTORS = 1, BRIDGE_MSI_VECTORS = 1 };
enum { PORT_NUMBER_SHIFT = 24, ROOT_CONTROL_BITS = 0x1f };
enum { AER_SIZE = 0x38, AER_SEVERITY_AFTER_RESET = 0x00462030, AER_ERRORS = 0x07fff030 };
enum { AER_CORRECTABLE = 0xf1c1, AER_MASKED_AFTER_RESET = 0x6000 };
enum { ACS_SIZE = 8, ACS_PORT_BITS = 0x5d };
enum { SUBSYSTEM_CAP_SIZE = 8, SUBSYSTEM_CAP_IDS = 4 };
static const uint32_t CLASS_BRIDGE = 0x060400, ANY_SLOT = UINT32_MAX;

/* What sets one type of bridge apart from another. */
struct bridge_kind {
    const char *name;
    uint16_t vendor, device;
    uint8_t revision;
    bool express;
    enum pcie_type type;         /* of an Express one */
    enum pci_bus_kind secondary; /* what it leads to */
};

static const struct bridge_kind KINDS[] = {
    {"pcie-root-port", 0x1b36, 0x000c, 0, true, PCIE_ROOT_PORT, PCI_BUS_LINK},
    {"ioh3420", 0x8086, 0x3420, 2, true, PCIE_ROOT_PORT, PCI_BUS_LINK},
    {"x3130-upstream", 0x104c, 0x8232, 2, true, PCIE_UPSTREAM_PORT, PCI_BUS_SWITCH},
    {"xio3130-downstream", 0x104c, 0x8233, 1, true, PCIE_DOWNSTREAM_PORT, PCI_BUS_LINK},
    {"pcie-pci-bridge", 0x1b36, 0x000e, 0, true, PCIE_TO_PCI_BRIDGE, PCI_BUS_CONVENTIONAL},
    {"pci-bridge", 0x1b36, 0x0001, 0, false, PCIE_ENDPOINT, PCI_BUS_CONVENTIONAL},
};

struct pci_bridge {
    struct pci_device pci;
    struct pci_bus bus;
    uint8_t chassis, port;
    uint32_t slot; /* number */
    bool hotplug;
    struct pci_slot slot_state; /* of a port that has one */
    struct pci_bridge_state {
        struct pci_state pci;
    } s;
};

static const struct bridge_kind *kind_of(const struct pci_bridge *b)
{
    const struct bridge_kind *k = KINDS;
    while (strcmp(k->name, b->pci.dev.type->name) != 0)
        k++;
    return k;
}

static bool is_port_with_slot(const struct bridge_kind *k)
{
    return k->secondary == PCI_BUS_LINK;
}

void pci_reset_below(struct pci_bus *bus)
{
    for (unsigned i = 0; i < PCI_MAX_FUNCTIONS; i++) {
        struct pci_device *p = bus->functions[i];
        if (p == NULL || p->init == NULL)
            continue;
        mutex_lock(&p->dev.lock);
        pci_function_reset(p);
        mutex_unlock(&p->dev.lock);
        if (p->secondary)
            pci_reset_below(p->secondary);
    }
}

static void bridge_written(struct pci_device *p, unsigned off, unsigned size)
{
    struct pci_bridge *b = (struct pci_bridge *)p;
    if (pci_overlaps(off, size, PCI_BRIDGE_CONTROL, 1) &&
        (pci_config_get(p, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CONTROL_RESET))
        pci_reset_below(p->secondary);
    if (b->bus.slot)
        pci_slot_written(&b->slot_state, off, size);
}

static void bridge_read(struct pci_device *p, unsigned off, unsigned size)
{
    struct pci_bridge *b = (struct pci_bridge *)p;
    if (b->bus.slot)
        pci_slot_read(&b->slot_state, off, size);
}

static const struct pci_ops bridge_ops = {bridge_read, bridge_written, NULL};

static void add_slot(struct pci_bridge *b, bool is_root)
{
    struct pci_device *p = &b->pci;
    unsigned cap = p->express_cap;
    uint32_t link = pci_config_initial(p, cap + PCIE_LINK_CAP, 4);
    pci_config_init(p, cap + PCIE_LINK_CAP, 4, link | (uint32_t)b->port << PORT_NUMBER_SHIFT);
    if (is_root)
        pci_config_writable(p, cap + PCIE_ROOT_CONTROL, 2, ROOT_CONTROL_BITS);
    pci_slot_init(&b->slot_state, p, &b->bus,
                  &(struct pci_slot_conf){.number = b->slot, .hotplug = b->hotplug});
}

static void add_aer(struct pci_device *p)
{
    unsigned cap = pcie_add_ext_capability(p, PCIE_CAP_AER, 2, AER_SIZE);
    pci_config_w1c(p, cap + 0x04, 4, AER_ERRORS);
    pci_config_writable(p, cap + 0x08, 4, AER_ERRORS);
    pci_config_init(p, cap + 0x0c, 4, AER_SEVERITY_AFTER_RESET);
    pci_config_writable(p, cap + 0x0c, 4, AER_ERRORS);
    pci_config_w1c(p, cap + 0x10, 4, AER_CORRECTABLE);
    pci_config_init(p, cap + 0x14, 4, AER_MASKED_AFTER_RESET);
    pci_config_writable(p, cap + 0x14, 4, AER_CORRECTABLE);
    pci_config_writable(p, cap + 0x2c, 4, 7); /* which errors interrupt */
    pci_config_w1c(p, cap + 0x30, 4, 0x7f);
}

static void add_acs(struct pci_device *p)
{
    unsigned cap = pcie_add_ext_capability(p, PCIE_CAP_ACS, 1, ACS_SIZE);
    pci_config_init(p, cap + 4, 2, ACS_PORT_BITS);
    pci_config_writable(p, cap + 6, 2, ACS_PORT_BITS);
}

static void add_express(struct pci_bridge *b, const struct bridge_kind *k)
{
    struct pci_device *p = &b->pci;
    pcie_add_capability(p, k->type);
    if (is_port_with_slot(k))
        add_slot(b, k->type == PCIE_ROOT_PORT);
    if (k->type != PCIE_TO_PCI_BRIDGE)
        add_aer(p);
    if (is_port_with_slot(k))
        add_acs(p);
}

/* Bridge specification: type 1 headers name their subsystem in a capability. */
static void add_subsystem(struct pci_device *p, const struct bridge_kind *k)
{
    unsigned cap = pci_add_capability(p, PCI_CAP_BRIDGE_SUBSYSTEM, 0, SUBSYSTEM_CAP_SIZE);
    pci_config_init(p, cap + SUBSYSTEM_CAP_IDS, 4, k->vendor);
}

/* The port, other than b, whose slot has this number; NULL: none. */
static const struct device *find_slot(const struct pci_bridge *b, uint32_t number)
{
    for (const struct device *d = b->pci.dev.machine->devices; d; d = d->next) {
        const struct pci_bridge *other = (const struct pci_bridge *)d;
        if (d->type->cls->realize == b->pci.dev.type->cls->realize && d != &b->pci.dev &&
            other->bus.slot && other->chassis == b->chassis && other->slot == number)
            return d;
    }
    return NULL;
}

/* Guests name slots by chassis and number: no two alike. */
static bool choose_slot_number(struct pci_bridge *b, struct error **errp)
{
    if (b->slot == ANY_SLOT)
        for (b->slot = 0; find_slot(b, b->slot) && b->slot < PCI_MAX_SLOT_NUMBER;)
            b->slot++;
    if (b->slot > PCI_MAX_SLOT_NUMBER) {
        error_set(errp, "slot is %u, must be 0 to %d", b->slot, PCI_MAX_SLOT_NUMBER);
        return false;
    }
    const struct device *there = find_slot(b, b->slot);
    if (there)
        error_set(errp, "slot %u of chassis %u is taken by '%s'", b->slot, b->chassis, there->id);
    return there == NULL;
}

/* Where the parts of an Express fabric may sit. */
static bool check_place(const struct pci_bridge *b, const struct bridge_kind *k,
                        struct error **errp)
{
    const struct pci_bus *bus = b->pci.bus;
    if (bus == NULL)
        error_set(errp, "needs a PCI bus to plug into");
    else if (k->type == PCIE_ROOT_PORT && bus->kind != PCI_BUS_ROOT)
        error_set(errp, "belongs on the root bus, '%s', not on '%s'", bus->host->root.hw.name,
                  bus->hw.name);
    else if (k->type == PCIE_UPSTREAM_PORT && bus->kind != PCI_BUS_LINK)
        error_set(errp, "belongs below a root port or a downstream port, not on '%s'",
                  bus->hw.name);
    else if (k->type == PCIE_DOWNSTREAM_PORT && bus->kind != PCI_BUS_SWITCH)
        error_set(errp, "belongs on an x3130-upstream, not on '%s'", bus->hw.name);
    else if (k->express && !bus->express)
        error_set(errp, "needs a PCI Express bus, '%s' is a conventional one", bus->hw.name);
    else
        return true;
    return false;
}

/* A card's functions mostly use INTA, which comes out at the port's own.  A port that takes cards
 * out has another line: Linux's hot-plug thread would wait for itself when the driver that it
 * removes waits for the handlers of its line. */
static uint8_t interrupt_pin(const struct pci_bridge *b, const struct bridge_kind *k)
{
    if (k->type == PCIE_UPSTREAM_PORT)
        return 0;
    return is_port_with_slot(k) && b->hotplug ? 2 : 1;
}

static bool pci_bridge_realize(struct device *dev, struct error **errp)
{
    struct pci_bridge *b = (struct pci_bridge *)dev;
    const struct bridge_kind *k = kind_of(b);
    struct pci_ids ids = {.vendor = k->vendor,
                          .device = k->device,
                          .class_code = CLASS_BRIDGE,
                          .revision = k->revision,
                          .pin = interrupt_pin(b, k)};
    if (!check_place(b, k, errp) || (is_port_with_slot(k) && !choose_slot_number(b, errp)) ||
        !pci_init(&b->pci, &ids, &bridge_ops, errp))
        return false;
    if (k->express)
        add_express(b, k);
    add_subsystem(&b->pci, k);
    if (is_port_with_slot(k))
        pci_add_msix_bar(&b->pci, PORT_MSIX_VECTORS, 0);
    else
        pci_add_msi(&b->pci, BRIDGE_MSI_VECTORS);
    pci_add_pm(&b->pci);
    b->pci.secondary = &b->bus;
    pci_bus_init(&b->bus, dev, b->pci.bus->host, &b->pci, k->secondary, g_strdup(dev->id));
    return true;
}

static void pci_bridge_unrealize(struct device *dev)
{
    struct pci_bridge *b = (struct pci_bridge *)dev;
    if (b->bus.slot)
        pci_slot_fini(&b->slot_state);
    b->bus.slot = NULL;
    pci_bus_fini(&b->bus);
    b->pci.secondary = NULL;
    pci_fini(&b->pci);
}

static void pci_bridge_reset(struct device *dev)
{
    struct pci_bridge *b = (struct pci_bridge *)dev;
    pci_reset(dev);
    if (b->bus.slot)
        pci_slot_reset(&b->slot_state);
}

static void pci_bridge_sync(struct device *dev)
{
    struct pci_bridge *b = (struct pci_bridge *)dev;
    pci_sync(dev);
    if (b->bus.slot)
        pci_slot_sync(&b->slot_state);
}

static const struct state_field pci_bridge_state[] = {
    STATE(pci_bridge, pci, 0),
    STATE_END,
};

static const struct prop port_props[] = {
    PCI_PROPS(pci_bridge),
    PROP(prop_uint8, pci_bridge, "chassis", chassis, "0", "number of the chassis its slot is in"),
    PROP(prop_uint32, pci_bridge, "slot", slot, "4294967295",
         "number of its slot as the guest shows it (default: first free of the chassis)"),
    PROP(prop_uint8, pci_bridge, "port", port, "0", "port number of its link"),
    PROP(prop_bool, pci_bridge, "hotplug", hotplug, "on",
         "cards may come and go while the machine runs"),
    PROP_END,
};

static const struct prop upstream_props[] = {
    PCI_PROPS(pci_bridge),
    PROP(prop_uint8, pci_bridge, "port", port, "0", "port number of its link"),
    PROP_END,
};

static const struct prop conventional_props[] = {
    PCI_PROPS(pci_bridge),
    PROP(prop_uint8, pci_bridge, "chassis_nr", chassis, "0", "number of the chassis it is in"),
    PROP_END,
};

#define BRIDGE_TYPE(sym, text, description, properties)                                            \
    static const struct device_class sym##_class = {                                               \
        .desc = description,                                                                       \
        .bus = "PCI",                                                                              \
        .user_creatable = true,                                                                    \
        .props = properties,                                                                       \
        .state = pci_bridge_state,                                                                 \
        .realize = pci_bridge_realize,                                                             \
        .unrealize = pci_bridge_unrealize,                                                         \
        .reset = pci_bridge_reset,                                                                 \
        .sync = pci_bridge_sync,                                                                   \
    };                                                                                             \
    extern const struct device_type sym##_type;                                                    \
    const struct device_type sym##_type = {text, &sym##_class, sizeof(struct pci_bridge),          \
                                           offsetof(struct pci_bridge, s),                         \
                                           sizeof(struct pci_bridge_state)}

BRIDGE_TYPE(pcie_root_port, "pcie-root-port", "PCI Express root port", port_props);
BRIDGE_TYPE(ioh3420, "ioh3420", "Intel PCI Express root port", port_props);
BRIDGE_TYPE(x3130_upstream, "x3130-upstream", "Upstream port of a PCI Express switch",
            upstream_props);
BRIDGE_TYPE(xio3130_downstream, "xio3130-downstream", "Downstream port of a PCI Express switch",
            port_props);
BRIDGE_TYPE(pcie_pci_bridge, "pcie-pci-bridge", "PCI Express to PCI bridge", conventional_props);
BRIDGE_TYPE(pci_bridge, "pci-bridge", "PCI to PCI bridge", conventional_props);
