/*
 * PCI buses: which function sits where, what a bridge forwards, where BARs appear in memory, and
 * the way of INTx to the host. Ref: PCI-to-PCI Bridge Architecture Specification 1.2; PCI Local Bus
 * Specification 3.0, 2.2.6.
 */
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS_PER_SLOT = PCI_SLOT_FUNCTIONS, SLOTS = 32, BAR_PRIORITY = 1, LEGACY_PRIORITY = 2 };

static unsigned slot_of(const struct pci_device *p)
{
    return (unsigned)p->devfn / FUNCTIONS_PER_SLOT;
}

/* SLOT[.FN], both hexadecimal as lspci shows them. */
static bool parse_devfn(void *field, const char *text, struct error **errp)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16), fn = 0;
    bool ok = end != text;
    if (strcmp(text, "-1") == 0) {
        *(int32_t *)field = PCI_DEVFN_AUTO;
        return true;
    }
    if (ok && *end == '.') {
        const char *start = end + 1;
        fn = strtoul(start, &end, 16);
        ok = end != start;
    }
    if (!ok || *end || !g_ascii_isxdigit(*text)) {
        error_set(errp, "'%s' is no PCI address; wanted SLOT or SLOT.FUNCTION, as 1f or 1f.0",
                  text);
        return false;
    }
    if (slot >= SLOTS || fn >= FUNCTIONS_PER_SLOT) {
        error_set(errp, "'%s' is no PCI address; slots go up to 1f, functions up to 7", text);
        return false;
    }
    *(int32_t *)field = (int32_t)(slot * FUNCTIONS_PER_SLOT + fn);
    return true;
}

static void print_devfn(const void *field, FILE *f)
{
    int32_t devfn = *(const int32_t *)field;
    fprintf(f, devfn < 0 ? "auto" : "%02x.%x", (unsigned)devfn / FUNCTIONS_PER_SLOT,
            (unsigned)devfn % FUNCTIONS_PER_SLOT);
}

const struct prop_kind prop_pci_devfn = {"pci-address", parse_devfn, print_devfn, NULL, NULL};

static bool slot_is_free(const struct pci_bus *bus, unsigned slot)
{
    for (unsigned fn = 0; fn < FUNCTIONS_PER_SLOT; fn++)
        if (bus->functions[slot * FUNCTIONS_PER_SLOT + fn])
            return false;
    return true;
}

static bool choose_slot(const struct pci_bus *bus, struct pci_device *p, struct error **errp)
{
    for (unsigned slot = bus->first_slot; slot <= bus->last_slot; slot++)
        if (slot_is_free(bus, slot)) {
            p->devfn = (int32_t)(slot * FUNCTIONS_PER_SLOT);
            return true;
        }
    error_set(errp, "bus '%s' has no free slot", bus->hw.name);
    return false;
}

/* What an address that the user named must satisfy. */
static bool check_address(const struct pci_bus *bus, const struct pci_device *p,
                          struct error **errp)
{
    unsigned slot = slot_of(p), fn = (unsigned)p->devfn % FUNCTIONS_PER_SLOT;
    const struct pci_device *there = bus->functions[p->devfn];
    const struct pci_device *first = bus->functions[slot * FUNCTIONS_PER_SLOT];
    if (slot > bus->last_slot)
        error_set(errp, "addr=%02x.%x: bus '%s' has slots 0 to %x only", slot, fn, bus->hw.name,
                  bus->last_slot);
    else if (there)
        error_set(errp, "addr=%02x.%x: '%s' is there already", slot, fn, there->dev.id);
    else if (fn && first && !first->multifunction)
        error_set(errp, "addr=%02x.%x: '%s', function 0 of that slot, needs multifunction=on", slot,
                  fn, first->dev.id);
    else if (fn == 0 && !p->multifunction && !slot_is_free(bus, slot))
        error_set(errp,
                  "addr=%02x.%x: the slot has other functions, function 0 needs "
                  "multifunction=on",
                  slot, fn);
    else
        return true;
    return false;
}

static bool bus_plug(struct hw_bus *hw, struct device *dev, struct error **errp)
{
    struct pci_bus *bus = (struct pci_bus *)hw;
    struct pci_device *p = (struct pci_device *)dev;
    if (p->devfn < 0 ? !choose_slot(bus, p, errp) : !check_address(bus, p, errp))
        return false;
    bus->functions[p->devfn] = p;
    p->bus = bus;
    return true;
}

static void bus_unplug(struct hw_bus *hw, struct device *dev)
{
    struct pci_device *p = (struct pci_device *)dev;
    struct pci_bus *bus = (struct pci_bus *)hw;
    bus->functions[p->devfn] = NULL;
    p->bus = NULL;
    if (bus->slot)
        pci_slot_occupied(bus->slot);
}

/* Names as OVMF knows them, which tells adapters apart by them; others are known by their
 * identity. */
static char *node_name(struct pci_device *p)
{
    static const struct {
        uint16_t class_code;
        const char *name;
    } names[] = {{0x0100, "scsi"},    {0x0101, "ide"}, {0x0200, "ethernet"},
                 {0x0300, "display"}, {0x0601, "isa"}, {0x0604, "pci-bridge"}};
    for (unsigned i = 0; p->init && i < G_N_ELEMENTS(names); i++)
        if (names[i].class_code == ld_le16(p->init + PCI_CLASS + 1))
            return g_strdup(names[i].name);
    return g_strdup_printf("pci%x,%x", p->init ? ld_le16(p->init + PCI_VENDOR_ID) : 0,
                           p->init ? ld_le16(p->init + PCI_DEVICE_ID) : 0);
}

/* NAME@SLOT or NAME@SLOT,FUNCTION; below the root, behind the name of the host bridge. */
static char *function_place(const struct hw_bus *hw, const struct device *dev)
{
    const struct pci_bus *bus = (const struct pci_bus *)hw;
    struct pci_device *p = bus->functions[((const struct pci_device *)dev)->devfn];
    g_autofree char *name = node_name(p);
    unsigned slot = (unsigned)p->devfn / FUNCTIONS_PER_SLOT;
    unsigned fn = (unsigned)p->devfn % FUNCTIONS_PER_SLOT;
    g_autoptr(GString) text = g_string_new(NULL);
    if (bus->bridge == NULL)
        g_string_printf(text, "%s/", bus->host->node ? bus->host->node : "pci@ffffffffffffffff");
    g_string_append_printf(text, "%s@%x", name, slot);
    if (fn)
        g_string_append_printf(text, ",%x", fn);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

void pci_bus_init(struct pci_bus *bus, struct device *owner, struct pci_host *host,
                  struct pci_device *bridge, enum pci_bus_kind kind, char *take_name)
{
    bus->host = host;
    bus->bridge = bridge;
    bus->kind = kind;
    bus->express = kind != PCI_BUS_CONVENTIONAL;
    /* Slot 0 of a conventional bus is usable, but firmware often keeps it for the bridge. */
    bus->first_slot = kind == PCI_BUS_ROOT || kind == PCI_BUS_CONVENTIONAL ? 1 : 0;
    bus->last_slot = kind == PCI_BUS_LINK ? 0 : SLOTS - 1;
    bus->hw.plug = bus_plug;
    bus->hw.unplug = bus_unplug;
    bus->hw.place = function_place;
    hw_bus_register(&bus->hw, owner, "PCI", take_name);
}

void pci_bus_fini(struct pci_bus *bus)
{
    hw_bus_unregister(&bus->hw);
}

/* The bridge on bus whose buses include number n, or NULL. */
static struct pci_device *bridge_to(struct pci_bus *bus, unsigned n)
{
    for (unsigned i = 0; i < PCI_MAX_FUNCTIONS; i++) {
        struct pci_device *p = bus->functions[i];
        if (p == NULL || p->secondary == NULL || p->init == NULL)
            continue;
        unsigned first = pci_config_get(p, PCI_SECONDARY_BUS, 1);
        if (first && n >= first && n <= pci_config_get(p, PCI_SUBORDINATE_BUS, 1))
            return p;
    }
    return NULL;
}

struct pci_device *pci_find(struct pci_bus *root, unsigned number, unsigned devfn)
{
    struct pci_bus *bus = root;
    unsigned at = 0;
    while (at != number) {
        struct pci_device *p = bridge_to(bus, number);
        if (p == NULL)
            return NULL;
        if (pci_slot_is_down(p))
            return NULL;
        at = pci_config_get(p, PCI_SECONDARY_BUS, 1);
        bus = p->secondary;
    }
    if (devfn / FUNCTIONS_PER_SLOT > bus->last_slot)
        return NULL;
    struct pci_device *p = bus->functions[devfn];
    return p && p->init ? p : NULL;
}

bool pci_in_d0(struct pci_device *p)
{
    return !p->pm_cap || !(pci_config_get(p, p->pm_cap + PCI_PM_CONTROL, 1) & PCI_PM_STATE);
}

static bool command_has(struct pci_device *p, uint32_t bit)
{
    return pci_in_d0(p) && (pci_config_get(p, PCI_COMMAND, 2) & bit);
}

/* Windows: 64 bits wide where the low bits of the base say so.  Bridge specification, 3.2.5. */
struct pci_window pci_io_window(struct pci_device *p)
{
    uint64_t base = pci_config_get(p, PCI_IO_BASE, 1), limit = pci_config_get(p, PCI_IO_LIMIT, 1);
    bool is32 = base & 1;
    struct pci_window w = {(base & 0xf0) << 8, (limit & 0xf0) << 8 | 0xfff};
    if (is32) {
        w.base |= (uint64_t)pci_config_get(p, PCI_IO_BASE_UPPER, 2) << 16;
        w.limit |= (uint64_t)pci_config_get(p, PCI_IO_LIMIT_UPPER, 2) << 16;
    }
    return w;
}

struct pci_window pci_memory_window(struct pci_device *p)
{
    uint64_t base = pci_config_get(p, PCI_MEMORY_BASE, 2);
    uint64_t limit = pci_config_get(p, PCI_MEMORY_LIMIT, 2);
    return (struct pci_window){(base & 0xfff0) << 16, (limit & 0xfff0) << 16 | 0xfffff};
}

struct pci_window pci_prefetch_window(struct pci_device *p)
{
    uint64_t base = pci_config_get(p, PCI_PREF_BASE, 2),
             limit = pci_config_get(p, PCI_PREF_LIMIT, 2);
    bool is64 = base & 1;
    struct pci_window w = {(base & 0xfff0) << 16, (limit & 0xfff0) << 16 | 0xfffff};
    if (is64) {
        w.base |= (uint64_t)pci_config_get(p, PCI_PREF_BASE_UPPER, 4) << 32;
        w.limit |= (uint64_t)pci_config_get(p, PCI_PREF_LIMIT_UPPER, 4) << 32;
    }
    return w;
}

static bool holds(struct pci_window w, uint64_t base, uint64_t size)
{
    return base >= w.base && base <= w.limit && size - 1 <= w.limit - base;
}

static bool bridge_forwards(struct pci_device *p, bool is_io, uint64_t base, uint64_t size)
{
    if (!command_has(p, is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))
        return false;
    if (is_io)
        return holds(pci_io_window(p), base, size);
    return holds(pci_memory_window(p), base, size) || holds(pci_prefetch_window(p), base, size);
}

static bool host_forwards(const struct pci_host *h, bool is_io, uint64_t base, uint64_t size)
{
    if (is_io)
        return h->io_size && holds((struct pci_window){0, h->io_size - 1}, base, size);
    for (unsigned i = 0; i < PCI_MEM_WINDOWS; i++) {
        struct pci_window w = {h->mem[i].base, h->mem[i].base + h->mem[i].size - 1};
        if (h->mem[i].size && holds(w, base, size))
            return true;
    }
    return false;
}

/* QUIRK: a BAR that a window covers in part is not forwarded at all. */
static bool reachable(const struct pci_bus *bus, bool is_io, uint64_t base, uint64_t size)
{
    for (const struct pci_bus *b = bus; b->bridge; b = b->bridge->bus)
        if (pci_slot_is_down(b->bridge) || !bridge_forwards(b->bridge, is_io, base, size))
            return false;
    return host_forwards(bus->host, is_io, base, size);
}

static uint64_t bar_address(struct pci_device *p, unsigned n)
{
    const struct pci_bar *bar = &p->bars[n];
    unsigned rom = p->secondary ? PCI_BRIDGE_ROM : PCI_ROM;
    uint64_t v = pci_config_get(p, n == PCI_ROM_BAR ? rom : PCI_BAR0 + 4 * n, 4);
    if (bar->type == PCI_BAR_MEM64 || bar->type == PCI_BAR_MEM64_PREF)
        v |= (uint64_t)pci_config_get(p, PCI_BAR0 + 4 * n + 4, 4) << 32;
    return v & ~(bar->region->size - 1);
}

static bool bar_enabled(struct pci_device *p, unsigned n)
{
    unsigned rom = p->secondary ? PCI_BRIDGE_ROM : PCI_ROM;
    if (n == PCI_ROM_BAR && !(pci_config_get(p, rom, 1) & PCI_ROM_ENABLE))
        return false;
    return command_has(p, p->bars[n].type == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
}

/* Whether the memory map changed. */
static bool update_bar(struct pci_device *p, unsigned n)
{
    struct pci_bar *bar = &p->bars[n];
    struct pci_host *h = p->bus->host;
    bool is_io = bar->type == PCI_BAR_IO;
    uint64_t at = bar_address(p, n);
    bool show = bar_enabled(p, n) && reachable(p->bus, is_io, at, bar->region->size);
    if (show == bar->mapped && (!show || at == bar->mapped_at))
        return false;
    if (bar->mapped)
        region_del(bar->region);
    if (show && is_io && h->io)
        region_add(h->io->root, at, bar->region, BAR_PRIORITY);
    else if (show)
        region_add(&h->dev->machine->root, is_io ? h->io_base + at : at, bar->region, BAR_PRIORITY);
    bar->mapped = show;
    bar->mapped_at = at;
    return true;
}

static bool vga_forwarded(const struct pci_device *p, bool is_io)
{
    for (const struct pci_bus *b = p->bus; b->bridge; b = b->bridge->bus)
        if (pci_slot_is_down(b->bridge) ||
            !command_has(b->bridge, is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY) ||
            !(pci_config_get(b->bridge, PCI_BRIDGE_CONTROL, 1) & PCI_BRIDGE_VGA))
            return false;
    return is_io ? p->bus->host->io_size : p->bus->host->has_vga_memory;
}

void pci_add_legacy(struct pci_device *p, bool is_io, uint64_t base, struct mem_region *region)
{
    unsigned n = 0;
    while (p->legacy[n].region)
        n++;
    assert(n < PCI_MAX_LEGACY);
    p->legacy[n] = (struct pci_legacy){region, is_io, false, base};
}

static bool update_legacy(struct pci_device *p, struct pci_legacy *l)
{
    struct pci_host *h = p->bus->host;
    bool show = command_has(p, l->is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY) &&
                vga_forwarded(p, l->is_io);
    if (show == l->mapped)
        return false;
    if (!show)
        region_del(l->region);
    else if (l->is_io && h->io)
        region_add(h->io->root, l->base, l->region, BAR_PRIORITY);
    else
        region_add(&h->dev->machine->root, l->is_io ? h->io_base + l->base : l->base, l->region,
                   LEGACY_PRIORITY);
    l->mapped = show;
    return true;
}

static bool update_function(struct pci_device *p)
{
    bool changed = false;
    for (unsigned i = 0; i < PCI_MAX_LEGACY; i++)
        if (p->legacy[i].region)
            changed |= update_legacy(p, &p->legacy[i]);
    for (unsigned i = 0; i <= PCI_BARS; i++)
        if (p->bars[i].region)
            changed |= update_bar(p, i);
    return changed;
}

static bool update_bus(struct pci_bus *bus, bool master)
{
    bool changed = false;
    for (unsigned i = 0; i < PCI_MAX_FUNCTIONS; i++) {
        struct pci_device *p = bus->functions[i];
        if (p == NULL || p->init == NULL)
            continue;
        bool may = master && command_has(p, PCI_COMMAND_MASTER);
        atomic_store_explicit(&p->master, may, memory_order_release);
        changed |= update_function(p);
        if (p->secondary)
            changed |= update_bus(p->secondary,
                                  (may || bus->host->bridges_pass_dma) && !pci_slot_is_down(p));
    }
    return changed;
}

void pci_update_map(struct pci_host *host)
{
    if (!update_bus(&host->root, true))
        return;
    address_space_update(&host->dev->machine->as);
    if (host->io)
        address_space_update(host->io);
}

/* Each bridge rotates the pins by the slot: bridge specification, table 9-1. */
void pci_route_intx(struct pci_device *p, unsigned pin, bool level)
{
    struct pci_host *h = p->bus->host;
    for (const struct pci_device *at = p; at; at = at->bus->bridge)
        pin = (pin + slot_of(at)) % PCI_PINS;
    mutex_lock(&h->lock);
    h->raised[pin] += level ? 1U : -1U;
    irq_set(&h->irq[pin], h->raised[pin] != 0);
    mutex_unlock(&h->lock);
}

bool pci_is_master(const struct pci_device *p)
{
    return atomic_load_explicit(&p->master, memory_order_acquire);
}

static bool may_dma(struct pci_device *p)
{
    if (pci_is_master(p))
        return true;
    dev_guest_error(&p->dev, "DMA while bus mastering is off");
    return false;
}

bool pci_dma_read(struct pci_device *p, gpa addr, void *buf, size_t len)
{
    if (may_dma(p))
        return dma_read(&p->dev.machine->as, addr, buf, len);
    memset(buf, 0, len);
    return false;
}

bool pci_dma_write(struct pci_device *p, gpa addr, const void *buf, size_t len)
{
    return may_dma(p) && dma_write(&p->dev.machine->as, addr, buf, len);
}

void *pci_dma_map(struct pci_device *p, gpa addr, uint64_t *len, bool writable,
                  struct ram_block **ram, uint64_t *off)
{
    return may_dma(p) ? dma_map(&p->dev.machine->as, addr, len, writable, ram, off) : NULL;
}
