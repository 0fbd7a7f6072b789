/*
 * Generic PCI Express host bridge: memory-mapped configuration space and windows.
 * Ref: PCI Express Base 5.0, 7.2.2 (ECAM); PCI Firmware 3.3, 4.1; Linux bindings,
 * pci-host-ecam-generic.
 */
#include "hw/pci/host_ecam.h"
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <glib.h>

enum { ECAM_SIZE = 256 * ECAM_BUS_SIZE, BUS_SHIFT = 20, DEVFN_SHIFT = 12 };
enum { WINDOWS = 1 + PCI_MEM_WINDOWS, FALLBACK_PRIORITY = 0 };
enum { ROOT_VENDOR = 0x1b36, ROOT_DEVICE = 0x0008, SUBSYSTEM_VENDOR = 0x1af4, SUBSYSTEM = 0x1100 };
static const uint32_t CLASS_HOST_BRIDGE = 0x060000;

struct ecam_host {
    struct device dev;
    struct pci_host host;
    struct mem_region fallback[WINDOWS];
    struct ecam_host_state {
        uint8_t none; /* all state is in the functions' configuration spaces */
    } s;
};

/* Function 0 of slot 0: the bridge as its own bus sees it. */
struct ecam_root {
    struct pci_device pci;
    struct ecam_root_state {
        struct pci_state pci;
    } s;
};

static struct pci_device *function_at(struct device *dev, uint64_t off)
{
    struct pci_host *h = &((struct ecam_host *)dev)->host;
    return pci_find(&h->root, (unsigned)(off >> BUS_SHIFT), (unsigned)(off >> DEVFN_SHIFT) & 0xff);
}

static uint64_t ecam_host_read(struct device *dev, struct access a)
{
    struct pci_device *p = function_at(dev, a.off);
    if (p == NULL) /* no function answers: the request is aborted */
        return MASK64(0, a.size * 8U);
    return pci_config_read(p, (unsigned)a.off & (PCIE_CONFIG_SIZE - 1), a.size, a.peek);
}

static void ecam_host_write(struct device *dev, struct access a, uint64_t val)
{
    struct pci_device *p = function_at(dev, a.off);
    if (p)
        pci_config_write(p, (unsigned)a.off & (PCIE_CONFIG_SIZE - 1), a.size, (uint32_t)val);
}

/* Where no BAR is: all ones, as from a bus nobody drives. */
static uint64_t nobody_read(struct device *dev UNUSED, struct access a)
{
    return MASK64(0, a.size * 8U);
}

static void nobody_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t val UNUSED)
{
}

static const struct mmio_ops nobody_ops = {nobody_read, nobody_write, .min = 1, .max = 8,
                                           .size = 0};

void ecam_set_windows(struct device *dev, const struct ecam_windows *w)
{
    struct pci_host *h = &((struct ecam_host *)dev)->host;
    h->io_base = w->io;
    h->io_size = w->io_size;
    h->mem[0].base = w->low.base;
    h->mem[0].size = w->low.size;
    h->mem[1].base = w->high.base;
    h->mem[1].size = w->high.size;
}

void ecam_set_message_handler(struct device *dev, pci_message_fn *fn, void *opaque)
{
    struct pci_host *h = &((struct ecam_host *)dev)->host;
    h->message = fn;
    h->message_opaque = opaque;
}

struct irq *ecam_irq(struct device *dev, unsigned n)
{
    return &((struct ecam_host *)dev)->host.irq[n];
}

static void show_window(struct ecam_host *e, unsigned i, const char *name, gpa base, uint64_t size)
{
    struct mem_region *mr = &e->fallback[i];
    if (size == 0)
        return;
    region_init_mmio(mr, name, &nobody_ops, NULL);
    mr->size = size;
    region_add(&e->dev.machine->root, base, mr, FALLBACK_PRIORITY);
}

extern const struct device_type ecam_root_type;

static bool create_root(struct ecam_host *e, struct error **errp)
{
    struct device *dev = device_new(&ecam_root_type, e->dev.machine, "gpex-root");
    return device_set(dev, "addr", "00.0", errp) &&
           hw_bus_plug(e->dev.machine, dev, e->host.root.hw.name, errp) &&
           device_realize(dev, errp);
}

static bool ecam_host_realize(struct device *dev, struct error **errp)
{
    struct ecam_host *e = (struct ecam_host *)dev;
    struct pci_host *h = &e->host;
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    h->dev = dev;
    mutex_init(&h->lock);
    pci_bus_init(&h->root, dev, h, NULL, PCI_BUS_ROOT, g_strdup("pcie.0"));
    show_window(e, 0, "pcie-io", h->io_base, h->io_size);
    show_window(e, 1, "pcie-mmio", h->mem[0].base, h->mem[0].size);
    show_window(e, 2, "pcie-mmio-high", h->mem[1].base, h->mem[1].size);
    return create_root(e, errp);
}

static void ecam_host_unrealize(struct device *dev)
{
    struct ecam_host *e = (struct ecam_host *)dev;
    for (unsigned i = 0; i < WINDOWS; i++)
        region_del(&e->fallback[i]);
    pci_bus_fini(&e->host.root);
    mutex_fini(&e->host.lock);
}

static const struct state_field ecam_host_state[] = {
    STATE(ecam_host, none, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(ecam_host, "gpex-pcihost") = {
    .desc = "Generic PCI Express host bridge (ECAM)",
    .compatible = "pci-host-ecam-generic",
    .mmio = {ecam_host_read, ecam_host_write, .min = 1, .max = 4, .size = ECAM_SIZE},
    .state = ecam_host_state,
    .realize = ecam_host_realize,
    .unrealize = ecam_host_unrealize,
};

static bool ecam_root_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = ROOT_VENDOR,
                                       .device = ROOT_DEVICE,
                                       .subsystem_vendor = SUBSYSTEM_VENDOR,
                                       .subsystem = SUBSYSTEM,
                                       .class_code = CLASS_HOST_BRIDGE};
    return pci_init((struct pci_device *)dev, &ids, NULL, errp);
}

static void ecam_root_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static const struct state_field ecam_root_state[] = {
    STATE(ecam_root, pci, 0),
    STATE_END,
};

static const struct prop ecam_root_props[] = {
    PCI_PROPS(ecam_root),
    PROP_END,
};

DEVICE_CLASS_NAMED(ecam_root, "gpex-root") = {
    .desc = "Root complex, function 0 of a generic PCI Express host bridge",
    .bus = "PCI",
    .props = ecam_root_props,
    .state = ecam_root_state,
    .realize = ecam_root_realize,
    .unrealize = ecam_root_unrealize,
    .reset = pci_reset,
    .sync = pci_sync,
};
