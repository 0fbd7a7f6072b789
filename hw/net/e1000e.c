/* Intel 82574L Gigabit Ethernet controller, a PCI Express function with MSI-X.  Ref: 82574. */
#include "hw/net/gbe.h"

static const struct gbe_model i82574l = {
    .device_id = 0x10d3,
    .phy_id1 = 0x0141,
    .phy_id2 = 0x0cb1,
    .is_82574 = true,
};

static bool e1000e_realize(struct device *dev, struct error **errp)
{
    struct gbe *g = (struct gbe *)dev;

    g->mitigation = true;
    return gbe_realize(g, &i82574l, errp);
}

static const struct prop e1000e_props[] = {
    GBE_PROPS,
    PROP_END,
};

static const struct device_class e1000e_class = {
    .desc = "Intel 82574L Gigabit Ethernet",
    .bus = "PCI",
    .user_creatable = true,
    .props = e1000e_props,
    .state = gbe_state,
    .realize = e1000e_realize,
    .unrealize = gbe_unrealize,
    .reset = gbe_reset,
    .sync = gbe_sync,
};

extern const struct device_type e1000e_type;
const struct device_type e1000e_type = {"e1000e", &e1000e_class, sizeof(struct gbe),
                                        offsetof(struct gbe, s), sizeof(struct gbe_state)};
