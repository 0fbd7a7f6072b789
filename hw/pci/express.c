/* Power management and the Express capability of a function.
 * Ref: PCI Bus Power Management Interface 1.2; PCI Express Base 5.0, 7.5.3. */
#include "hw/pci/pci_priv.h"

enum {
    PM_VERSION_3 = 3,
    CAP_VERSION_2 = 2,
    TYPE_SHIFT = 4,
    MAX_PAYLOAD_BITS = 0x00e0,
    MAX_READ_BITS = 0x7000,
    DEVICE_ERROR_BITS = 0x000f,   /* of control: reporting; of status: detected */
    DEVICE_CONTROL_BITS = 0x0f1f, /* reporting, relaxed ordering, tags, phantom, aux, snoop */
    ROLE_BASED_ERRORS = 1 << 15,
    EXTENDED_TAG = 1 << 5,
    LINK_16GT_X32 = 4 | 32 << 4,
    LINK_ACTIVE = 1 << 13,
    LINK_ACTIVE_CAPABLE = 1 << 20,
    LINK_CONTROL_BITS = 0x0fdb, /* ASPM, RCB, retrain excluded */
    LINK_SPEEDS = 0x1e,         /* 2.5 to 16 GT/s */
};

void pci_add_pm(struct pci_device *p)
{
    unsigned cap = p->pm_cap = pci_add_capability(p, PCI_CAP_PM, 0, PCI_PM_SIZE);
    pci_config_init(p, cap + PCI_PM_CAPABILITIES, 2, PM_VERSION_3);
    pci_config_init(p, cap + PCI_PM_CONTROL, 2, PCI_PM_NO_SOFT_RESET);
    pci_config_writable(p, cap + PCI_PM_CONTROL, 2, PCI_PM_STATE);
}

static void add_link(struct pci_device *p, unsigned cap, bool is_port)
{
    pci_config_init(p, cap + PCIE_LINK_CAP, 4, LINK_16GT_X32 | (is_port ? LINK_ACTIVE_CAPABLE : 0));
    pci_config_init(p, cap + PCIE_LINK_STATUS, 2, LINK_16GT_X32 | (is_port ? LINK_ACTIVE : 0));
    pci_config_writable(p, cap + PCIE_LINK_CONTROL, 2, LINK_CONTROL_BITS);
    pci_config_init(p, cap + PCIE_LINK_CAP2, 4, LINK_SPEEDS);
    pci_config_init(p, cap + PCIE_LINK_CONTROL2, 2, LINK_16GT_X32 & 0xf);
    pci_config_writable(p, cap + PCIE_LINK_CONTROL2, 2, 0xf);
}

void pcie_add_capability(struct pci_device *p, enum pcie_type type)
{
    unsigned cap = p->express_cap = pci_add_capability(p, PCI_CAP_EXPRESS, 0, PCIE_CAP_SIZE);
    bool is_endpoint = type == PCIE_ENDPOINT || type == PCIE_RC_ENDPOINT;
    p->config_size = PCIE_CONFIG_SIZE;
    pci_config_init(p, cap + PCIE_FLAGS, 2, CAP_VERSION_2 | (uint32_t)type << TYPE_SHIFT);
    pci_config_init(p, cap + PCIE_DEVICE_CAP, 4,
                    ROLE_BASED_ERRORS | EXTENDED_TAG | (is_endpoint ? PCIE_DEVICE_CAP_FLR : 0));
    pci_config_init(p, cap + PCIE_DEVICE_CONTROL, 2, 0x2810); /* the specification's defaults */
    pci_config_writable(p, cap + PCIE_DEVICE_CONTROL, 2,
                        DEVICE_CONTROL_BITS | MAX_PAYLOAD_BITS | MAX_READ_BITS);
    pci_config_w1c(p, cap + PCIE_DEVICE_STATUS, 2, DEVICE_ERROR_BITS);
    if (type != PCIE_RC_ENDPOINT) /* integrated endpoints have no link */
        add_link(p, cap, type == PCIE_ROOT_PORT || type == PCIE_DOWNSTREAM_PORT);
}

bool pci_add_express(struct pci_device *p)
{
    if (!p->bus->express)
        return false;
    pcie_add_capability(p, p->bus->bridge ? PCIE_ENDPOINT : PCIE_RC_ENDPOINT);
    return true;
}
