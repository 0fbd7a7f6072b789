/* ne2k_pci: Realtek's RTL8029AS, an NE2000 on PCI. */
#include "hw/net/ne2000.h"

struct ne2k_pci {
    struct ne2000 ne;
    struct ne2k_pci_state {
        struct pci_state pci;
        struct ne2000_state ne;
    } s;
};

static bool ne2k_pci_realize(struct device *dev, struct error **errp)
{
    struct ne2k_pci *n = (struct ne2k_pci *)dev;
    const struct pci_ids ids = {.vendor = 0x10ec,
                                .device = 0x8029,
                                .subsystem_vendor = 0x1af4,
                                .subsystem = 0x1100,
                                .class_code = 0x020000,
                                .pin = 1};
    n->ne.s = &n->s.ne;
    n->ne.is_8029 = true;
    if (!pci_init(&n->ne.pci, &ids, NULL, errp))
        return false;
    if (!ne2000_init(&n->ne, errp)) {
        pci_fini(&n->ne.pci);
        return false;
    }
    pci_add_bar(&n->ne.pci, 0, PCI_BAR_IO, &n->ne.ports);
    return true;
}

static void ne2k_pci_unrealize(struct device *dev)
{
    struct ne2k_pci *n = (struct ne2k_pci *)dev;
    ne2000_fini(&n->ne);
    pci_fini(&n->ne.pci);
}

static void ne2k_pci_sync(struct device *dev)
{
    pci_sync(dev);
    ne2000_update_irq((struct ne2000 *)dev);
}

static const struct state_field ne2k_pci_state[] = {
    STATE(ne2k_pci, pci, 0),
    NE2000_STATE(ne2k_pci),
    STATE_END,
};

static const struct prop ne2k_pci_props[] = {
    PCI_PROPS(ne2000),
    NE2000_PROPS(ne2k_pci),
    PROP_END,
};

DEVICE_CLASS(ne2k_pci) = {
    .desc = "Realtek RTL8029AS, an NE2000 on PCI",
    .bus = "PCI",
    .user_creatable = true,
    .props = ne2k_pci_props,
    .state = ne2k_pci_state,
    .realize = ne2k_pci_realize,
    .unrealize = ne2k_pci_unrealize,
    .reset = pci_reset,
    .sync = ne2k_pci_sync,
    .loaded = ne2000_loaded,
};
