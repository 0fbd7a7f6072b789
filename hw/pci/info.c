/* What is on the PCI buses, for people and tools. */
#include "hw/pci/pci_priv.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { FUNCTIONS_PER_SLOT = 8 };

struct walk {
    void (*fn)(const struct pci_info *info, void *opaque);
    void *opaque;
};

static void describe_bars(struct pci_device *p, struct pci_info *f)
{
    for (unsigned i = 0; i <= PCI_BARS; i++) {
        const struct pci_bar *bar = &p->bars[i];
        if (bar->region == NULL)
            continue;
        f->bars[i].present = true;
        f->bars[i].is_io = bar->type == PCI_BAR_IO;
        f->bars[i].is_64bit = bar->type == PCI_BAR_MEM64 || bar->type == PCI_BAR_MEM64_PREF;
        f->bars[i].is_prefetchable =
            bar->type == PCI_BAR_MEM32_PREF || bar->type == PCI_BAR_MEM64_PREF;
        f->bars[i].size = bar->region->size;
        f->bars[i].address = bar->mapped ? bar->mapped_at : UINT64_MAX;
    }
}

static void describe_bridge(struct pci_device *p, struct pci_info *f)
{
    f->is_bridge = true;
    f->primary = (uint8_t)pci_config_get(p, PCI_PRIMARY_BUS, 1);
    f->secondary = (uint8_t)pci_config_get(p, PCI_SECONDARY_BUS, 1);
    f->subordinate = (uint8_t)pci_config_get(p, PCI_SUBORDINATE_BUS, 1);
    f->io = pci_io_window(p);
    f->memory = pci_memory_window(p);
    f->prefetch = pci_prefetch_window(p);
}

static struct pci_info describe(struct pci_device *p, unsigned bus)
{
    struct pci_info f = {
        .id = p->dev.id,
        .bus = bus,
        .slot = (unsigned)p->devfn / FUNCTIONS_PER_SLOT,
        .function = (unsigned)p->devfn % FUNCTIONS_PER_SLOT,
        .vendor = (uint16_t)pci_config_get(p, PCI_VENDOR_ID, 2),
        .device = (uint16_t)pci_config_get(p, PCI_DEVICE_ID, 2),
        .class_code = (uint16_t)(pci_config_get(p, PCI_REVISION, 4) >> 16),
        .irq = (uint8_t)pci_config_get(p, PCI_INTERRUPT_LINE, 1),
        .pin = p->pin,
    };
    if (p->secondary) {
        describe_bridge(p, &f);
    } else {
        f.subsystem_vendor = (uint16_t)pci_config_get(p, PCI_SUBSYSTEM_VENDOR, 2);
        f.subsystem = (uint16_t)pci_config_get(p, PCI_SUBSYSTEM, 2);
    }
    describe_bars(p, &f);
    return f;
}

static void walk_bus(struct pci_bus *bus, unsigned number, const struct walk *w)
{
    for (unsigned i = 0; i < PCI_MAX_FUNCTIONS; i++) {
        struct pci_device *p = bus->functions[i];
        if (p == NULL || p->init == NULL)
            continue;
        struct pci_info f = describe(p, number);
        w->fn(&f, w->opaque);
        if (p->secondary)
            walk_bus(p->secondary, f.secondary, w);
    }
}

void pci_visit(struct machine *m, void (*fn)(const struct pci_info *info, void *opaque),
               void *opaque)
{
    struct walk w = {fn, opaque};
    for (struct hw_bus *b = m->buses; b; b = b->next) {
        struct pci_bus *bus = (struct pci_bus *)b;
        if (strcmp(b->type, "PCI") != 0 || bus->bridge)
            continue;
        mutex_lock(&b->owner->lock);
        walk_bus(bus, 0, &w);
        mutex_unlock(&b->owner->lock);
    }
}

const char *pci_class_name(uint16_t class_code)
{
    static const struct {
        uint16_t code;
        const char *name;
    } names[] = {
        {0x0100, "SCSI controller"},
        {0x0101, "IDE controller"},
        {0x0106, "SATA controller"},
        {0x0108, "NVMe controller"},
        {0x0200, "Ethernet controller"},
        {0x0300, "VGA controller"},
        {0x0380, "Display controller"},
        {0x0403, "Audio controller"},
        {0x0600, "Host bridge"},
        {0x0601, "ISA bridge"},
        {0x0604, "PCI bridge"},
        {0x0700, "Serial port"},
        {0x0900, "Keyboard"},
        {0x0902, "Mouse"},
        {0x0c03, "USB controller"},
        {0x0c05, "SMBus"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i].code == class_code)
            return names[i].name;
    return NULL;
}

static void print_bridge(const struct pci_info *i, FILE *f)
{
    fprintf(f, "      BUS %u.\n      secondary bus %u.\n      subordinate bus %u.\n", i->primary,
            i->secondary, i->subordinate);
    fprintf(f, "      IO range [0x%04" PRIx64 ", 0x%04" PRIx64 "]\n", i->io.base, i->io.limit);
    fprintf(f, "      memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", i->memory.base,
            i->memory.limit);
    fprintf(f, "      prefetchable memory range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n",
            i->prefetch.base, i->prefetch.limit);
}

static void print_bar(const struct pci_bar_info *b, unsigned n, FILE *f)
{
    uint64_t last = b->address + b->size - 1;
    if (!b->present)
        return;
    if (b->is_io)
        fprintf(f, "      BAR%u: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", n, b->address, last);
    else
        fprintf(f, "      BAR%u: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", n,
                b->is_64bit ? 64 : 32, b->is_prefetchable ? " prefetchable" : "", b->address, last);
}

static void print_function(const struct pci_info *i, void *opaque)
{
    FILE *f = opaque;
    const char *name = pci_class_name(i->class_code);
    fprintf(f, "  Bus %2u, device %3u, function %u:\n    ", i->bus, i->slot, i->function);
    if (name)
        fprintf(f, "%s", name);
    else
        fprintf(f, "Class %04u", i->class_code);
    fprintf(f, ": PCI device %04x:%04x\n", i->vendor, i->device);
    if (!i->is_bridge)
        fprintf(f, "      PCI subsystem %04x:%04x\n", i->subsystem_vendor, i->subsystem);
    if (i->pin)
        fprintf(f, "      IRQ %u, pin %c\n", i->irq, 'A' + i->pin - 1);
    if (i->is_bridge)
        print_bridge(i, f);
    for (unsigned n = 0; n <= PCI_BARS; n++)
        print_bar(&i->bars[n], n, f);
    fprintf(f, "      id \"%s\"\n", i->id);
}

void pci_print(struct machine *m, FILE *f)
{
    pci_visit(m, print_function, f);
}
