/*
 * The SMBus controller of ICH9: function 3 of slot 31.
 * Ref: Intel ICH9 data sheet (316972), 19.
 *
 * QUIRK: nothing asks for SMIs, nobody is at SMLINK, and ICH9 is not a slave itself.
 */
#include "core/machine.h"
#include "hw/i2c/smbus_host.h"
#include "hw/pci/pci.h"

enum { HOSTC = 0x40, HST_EN = 0x01, I2C_EN = 0x04, MEM_SIZE = 256, PORTS = 32 };

struct ich9_smb {
    struct pci_device pci;
    struct mem_region mem, ports;
    struct smbus_host host;
    struct ich9_smb_state {
        struct pci_state pci;
        struct smbus_host_state host;
    } s;
};

static bool is_on(struct ich9_smb *d, uint8_t bit)
{
    return pci_config_get(&d->pci, HOSTC, 1) & bit;
}

static void update(struct ich9_smb *d)
{
    pci_set_irq(&d->pci, smbus_host_irq(&d->host));
}

static uint64_t smb_read(struct device *dev, struct access a)
{
    struct ich9_smb *d = (struct ich9_smb *)dev;
    if (!is_on(d, HST_EN) || a.off >= PORTS)
        return 0;
    return smbus_host_read(&d->host, (unsigned)a.off, a.peek);
}

static void smb_write(struct device *dev, struct access a, uint64_t v)
{
    struct ich9_smb *d = (struct ich9_smb *)dev;
    if (!is_on(d, HST_EN) || a.off >= PORTS)
        return;
    smbus_host_write(&d->host, (unsigned)a.off, (uint8_t)v, is_on(d, I2C_EN));
    update(d);
}

static bool ich9_smb_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086,
                                       .device = 0x2930,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x0c0500,
                                       .revision = 2,
                                       .pin = 1};
    static const struct mmio_ops mem_ops = {smb_read, smb_write, .min = 1, .max = 1,
                                            .size = MEM_SIZE};
    static const struct mmio_ops port_ops = {smb_read, smb_write, .min = 1, .max = 1,
                                             .size = PORTS};
    struct ich9_smb *d = (struct ich9_smb *)dev;
    if (!pci_init(&d->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&d->mem, "ich9-smb", &mem_ops, dev);
    region_init_mmio(&d->ports, "ich9-smb-ports", &port_ops, dev);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEM64, &d->mem);
    pci_add_bar(&d->pci, 4, PCI_BAR_IO, &d->ports);
    pci_config_writable(&d->pci, HOSTC, 1, 0x1f);
    smbus_host_init(&d->host, &d->s.host, true, dev->machine->cfg.ram_size);
    return true;
}

static void ich9_smb_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static void ich9_smb_reset(struct device *dev)
{
    pci_reset(dev);
    smbus_host_reset(&((struct ich9_smb *)dev)->host);
}

static void ich9_smb_sync(struct device *dev)
{
    pci_sync(dev);
    update((struct ich9_smb *)dev);
}

static void ich9_smb_loaded(struct device *dev)
{
    smbus_host_loaded(&((struct ich9_smb *)dev)->host);
}

static const struct state_field ich9_smb_state[] = {
    STATE(ich9_smb, pci, 0),
    STATE_KEEP(ich9_smb, host),
    STATE_END,
};

static const struct prop ich9_smb_props[] = {
    PCI_PROPS(ich9_smb),
    PROP_END,
};

DEVICE_CLASS_NAMED(ich9_smb, "ICH9-SMB") = {
    .desc = "ICH9: SMBus controller",
    .bus = "PCI",
    .props = ich9_smb_props,
    .state = ich9_smb_state,
    .realize = ich9_smb_realize,
    .unrealize = ich9_smb_unrealize,
    .reset = ich9_smb_reset,
    .sync = ich9_smb_sync,
    .loaded = ich9_smb_loaded,
};
