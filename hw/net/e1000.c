/* Intel 82540EM Gigabit Ethernet controller, a PCI function.  Ref: SDM. */
#include "hw/net/gbe.h"

static const struct gbe_model i82540em = {
    .device_id = 0x100e,
    .phy_id1 = 0x0141,
    .phy_id2 = 0x0c20,
    .revision = 3,
};

static bool e1000_realize(struct device *dev, struct error **errp)
{
    return gbe_realize((struct gbe *)dev, &i82540em, errp);
}

static const struct prop e1000_props[] = {
    GBE_PROPS,
    PROP(prop_bool, gbe, "mitigation", mitigation, "on", "obey the interrupt throttling register"),
    PROP(prop_bool, gbe, "autonegotiation", autonegotiation, "on", "accepted: it always succeeds"),
    PROP(prop_bool, gbe, "extra_mac_registers", extra_mac_registers, "on",
         "accepted: all are there"),
    PROP(prop_bool, gbe, "init-vet", init_vet, "on", "accepted: VET holds 8100 after reset"),
    PROP_END,
};

static const struct device_class e1000_class = {
    .desc = "Intel 82540EM Gigabit Ethernet",
    .bus = "PCI",
    .user_creatable = true,
    .props = e1000_props,
    .state = gbe_state,
    .realize = e1000_realize,
    .unrealize = gbe_unrealize,
    .reset = gbe_reset,
    .sync = gbe_sync,
};

extern const struct device_type e1000_type, e1000_82540em_type;
const struct device_type e1000_type = {"e1000", &e1000_class, sizeof(struct gbe),
                                       offsetof(struct gbe, s), sizeof(struct gbe_state)};
const struct device_type e1000_82540em_type = {"e1000-82540em", &e1000_class, sizeof(struct gbe),
                                               offsetof(struct gbe, s), sizeof(struct gbe_state)};
