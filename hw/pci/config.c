/* Configuration space of one function: header, BARs, capabilities, accesses.
 * Ref: PCI Local Bus Specification 3.0, chapter 6. */
#include "core/ram.h"
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

enum { CLASS_PCI_BRIDGE = 0x0604, PCI_BRIDGE_CONTROL_BITS = 0x007f };
enum { CAPS_START = 0x40, EXT_CAPS_START = 0x100, LARGEST_IO_BAR = 256 };

struct pci_state *pci_state(struct pci_device *p)
{
    return (struct pci_state *)(void *)((char *)p + p->dev.type->state_off);
}

static uint32_t load(const uint8_t *at, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)at[i] << (8 * i);
    return v;
}

static void store(uint8_t *at, unsigned size, uint32_t v)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

bool pci_overlaps(unsigned off, unsigned size, unsigned at, unsigned len)
{
    return off < at + len && at < off + size;
}

uint32_t pci_config_get(struct pci_device *p, unsigned off, unsigned size)
{
    return load(pci_state(p)->config + off, size);
}

void pci_config_put(struct pci_device *p, unsigned off, unsigned size, uint32_t value)
{
    store(pci_state(p)->config + off, size, value);
}

void pci_config_init(struct pci_device *p, unsigned off, unsigned size, uint32_t value)
{
    assert(off + size <= p->config_size);
    store(p->init + off, size, value);
}

uint32_t pci_config_initial(const struct pci_device *p, unsigned off, unsigned size)
{
    return load(p->init + off, size);
}

void pci_config_writable(struct pci_device *p, unsigned off, unsigned size, uint32_t mask)
{
    assert(off + size <= p->config_size);
    store(p->wmask + off, size, mask);
}

void pci_config_w1c(struct pci_device *p, unsigned off, unsigned size, uint32_t mask)
{
    assert(off + size <= p->config_size);
    store(p->w1c + off, size, mask);
}

static bool is_bridge_class(const struct pci_ids *ids)
{
    return ids->class_code >> 8 == CLASS_PCI_BRIDGE;
}

/* Bridge specification, 3.2: 32-bit I/O and 64-bit prefetchable windows. */
static void init_bridge_header(struct pci_device *p)
{
    pci_config_writable(p, PCI_PRIMARY_BUS, 4, 0x00ffffff);
    pci_config_init(p, PCI_IO_BASE, 2, 0x0101);
    pci_config_writable(p, PCI_IO_BASE, 2, 0xf0f0);
    pci_config_w1c(p, PCI_SECONDARY_STATUS, 2, PCI_STATUS_W1C);
    pci_config_writable(p, PCI_MEMORY_BASE, 4, 0xfff0fff0);
    pci_config_init(p, PCI_PREF_BASE, 4, 0x00010001);
    pci_config_writable(p, PCI_PREF_BASE, 4, 0xfff0fff0);
    pci_config_writable(p, PCI_PREF_BASE_UPPER, 4, UINT32_MAX);
    pci_config_writable(p, PCI_PREF_LIMIT_UPPER, 4, UINT32_MAX);
    pci_config_writable(p, PCI_IO_BASE_UPPER, 4, UINT32_MAX);
    pci_config_writable(p, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CONTROL_BITS);
}

static void init_header(struct pci_device *p, const struct pci_ids *ids)
{
    uint8_t type = p->multifunction ? PCI_HEADER_MULTI_FUNCTION : 0;
    pci_config_init(p, PCI_VENDOR_ID, 2, ids->vendor);
    pci_config_init(p, PCI_DEVICE_ID, 2, ids->device);
    pci_config_init(p, PCI_REVISION, 4, ids->class_code << 8 | ids->revision);
    if (is_bridge_class(ids)) {
        type |= PCI_HEADER_BRIDGE;
        init_bridge_header(p);
    } else {
        pci_config_init(p, PCI_SUBSYSTEM_VENDOR, 2, ids->subsystem_vendor);
        pci_config_init(p, PCI_SUBSYSTEM, 2, ids->subsystem);
    }
    pci_config_init(p, PCI_HEADER_TYPE, 1, type);
    pci_config_init(p, PCI_INTERRUPT_PIN, 1, ids->pin);
    pci_config_writable(p, PCI_COMMAND, 2,
                        PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                            PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
    pci_config_w1c(p, PCI_STATUS, 2, PCI_STATUS_W1C);
    pci_config_writable(p, PCI_CACHE_LINE, 1, 0xff);
    pci_config_writable(p, PCI_LATENCY, 1, 0xff);
    pci_config_writable(p, PCI_INTERRUPT_LINE, 1, 0xff);
}

static void intx_changed(void *opaque, unsigned pin, bool level)
{
    pci_route_intx(opaque, pin, level);
}

static void unmap_bars(struct pci_device *p)
{
    for (unsigned i = 0; i <= PCI_BARS; i++)
        if (p->bars[i].mapped)
            region_del(p->bars[i].region);
    for (unsigned i = 0; i < PCI_MAX_LEGACY; i++)
        if (p->legacy[i].mapped)
            region_del(p->legacy[i].region);
    if (p->dev.machine == NULL)
        return;
    address_space_update(&p->dev.machine->as);
    address_space_update(&p->dev.machine->io);
}

void pci_fini(struct pci_device *p)
{
    pci_set_irq(p, false);
    unmap_bars(p);
    hw_bus_unplug(&p->dev);
    mutex_fini(&p->irq_lock);
    g_clear_pointer(&p->init, g_free);
    g_clear_pointer(&p->wmask, g_free);
    g_clear_pointer(&p->w1c, g_free);
    g_clear_pointer(&p->own_msix_bar, g_free);
    g_clear_pointer(&p->rom_ram, ram_free);
}

bool pci_init(struct pci_device *p, const struct pci_ids *ids, const struct pci_ops *ops,
              struct error **errp)
{
    if (p->bus == NULL) {
        error_set(errp, "needs a PCI bus to plug into");
        return false;
    }
    assert(ids->pin <= PCI_PINS && p->init == NULL);
    p->ops = ops;
    p->config_size = PCI_CONFIG_SIZE;
    p->init = g_malloc0(PCIE_CONFIG_SIZE);
    p->wmask = g_malloc0(PCIE_CONFIG_SIZE);
    p->w1c = g_malloc0(PCIE_CONFIG_SIZE);
    p->cap_end = CAPS_START;
    p->ext_cap_end = EXT_CAPS_START;
    p->pin = ids->pin;
    mutex_init(&p->irq_lock);
    init_header(p, ids);
    if (p->pin)
        irq_connect(&p->dev.irq, intx_changed, p, p->pin - 1U);
    if (!pci_load_rom(p, errp)) {
        pci_fini(p);
        return false;
    }
    if (p->bus->slot)
        pci_slot_occupied(p->bus->slot);
    return true;
}

/* Section 6.2.5: type bits are read-only, address bits below the size, too. */
void pci_add_bar(struct pci_device *p, unsigned n, enum pci_bar_type type,
                 struct mem_region *region)
{
    static const uint8_t flags[] = {
        [PCI_BAR_MEM32] = 0,
        [PCI_BAR_MEM32_PREF] = PCI_BAR_PREFETCHABLE,
        [PCI_BAR_MEM64] = PCI_BAR_64BIT,
        [PCI_BAR_MEM64_PREF] = PCI_BAR_64BIT | PCI_BAR_PREFETCHABLE,
        [PCI_BAR_IO] = PCI_BAR_IO_SPACE,
        [PCI_BAR_ROM] = 0,
    };
    bool is64 = type == PCI_BAR_MEM64 || type == PCI_BAR_MEM64_PREF;
    bool is_bridge = p->init[PCI_HEADER_TYPE] & PCI_HEADER_BRIDGE;
    unsigned off = n < PCI_BARS ? PCI_BAR0 + 4 * n : is_bridge ? PCI_BRIDGE_ROM : PCI_ROM;
    uint64_t mask = ~(region->size - 1);
    assert(n <= PCI_BARS && p->bars[n].region == NULL && is_pow2(region->size));
    assert(region->size >= (type == PCI_BAR_IO ? 4 : 16) &&
           (n == PCI_ROM_BAR) == (type == PCI_BAR_ROM));
    assert(type != PCI_BAR_IO || region->size <= LARGEST_IO_BAR);
    p->bars[n] = (struct pci_bar){region, type, 0, false};
    pci_config_init(p, off, 4, flags[type]);
    pci_config_writable(p, off, 4, (uint32_t)mask | (type == PCI_BAR_ROM ? PCI_ROM_ENABLE : 0));
    if (is64)
        pci_config_writable(p, off + 4, 4, (uint32_t)(mask >> 32));
}

uint8_t pci_add_capability(struct pci_device *p, uint8_t id, uint8_t off, uint8_t size)
{
    if (off == 0)
        off = p->cap_end;
    assert(off >= CAPS_START && off % 4 == 0 && off + size <= PCI_CONFIG_SIZE);
    p->cap_end = MAX(p->cap_end, (uint8_t)align_up((uint64_t)off + size, 4));
    pci_config_init(p, off, 2, (uint32_t)p->init[PCI_CAPABILITIES] << 8 | id);
    pci_config_init(p, PCI_CAPABILITIES, 1, off);
    pci_config_init(p, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
    return off;
}

uint16_t pcie_add_ext_capability(struct pci_device *p, uint16_t id, uint8_t version, uint16_t size)
{
    uint16_t off = p->ext_cap_end;
    assert(p->config_size == PCIE_CONFIG_SIZE && off + size <= PCIE_CONFIG_SIZE);
    p->ext_cap_end = (uint16_t)align_up((uint64_t)off + size, 4);
    pci_config_init(p, off, 4, (uint32_t)version << 16 | id);
    if (p->ext_cap_last) {
        uint32_t last = load(p->init + p->ext_cap_last, 4);
        pci_config_init(p, p->ext_cap_last, 4, (last & 0xfffff) | (uint32_t)off << 20);
    }
    p->ext_cap_last = off;
    return off;
}

void pci_reset(struct device *dev)
{
    struct pci_device *p = (struct pci_device *)dev;
    if (p->init == NULL)
        return;
    memcpy(pci_state(p)->config, p->init, p->config_size);
    pci_msi_reset(p);
}

void pci_sync(struct device *dev)
{
    struct pci_device *p = (struct pci_device *)dev;
    if (p->init == NULL)
        return;
    pci_update_intx(p);
    pci_update_map(p->bus->host);
}

void pci_function_reset(struct pci_device *p)
{
    const struct device_class *cls = p->dev.type->cls;
    state_reset(cls->state, p);
    cls->reset(&p->dev);
    if (p->ops && p->ops->function_reset)
        p->ops->function_reset(p);
    cls->sync(&p->dev);
}

/* The interrupt bit is what the function drives, whether or not it may; section 6.2.3. */
static uint32_t status_bit(struct pci_device *p)
{
    mutex_lock(&p->irq_lock);
    bool intx = p->intx;
    mutex_unlock(&p->irq_lock);
    return intx ? PCI_STATUS_INTERRUPT : 0;
}

/* Pending bits of MSI change under the interrupt lock, by other threads. */
static uint32_t read_now(struct pci_device *p, unsigned off, unsigned size)
{
    mutex_lock(&p->irq_lock);
    uint32_t v = load(pci_state(p)->config + off, size);
    mutex_unlock(&p->irq_lock);
    return v;
}

uint32_t pci_config_read(struct pci_device *p, unsigned off, unsigned size, bool peek)
{
    if (off + size > p->config_size)
        return 0; /* no Express: no extended capabilities */
    mutex_lock(&p->dev.lock);
    if (p->ops && p->ops->config_read && !peek)
        p->ops->config_read(p, off, size);
    uint32_t v = read_now(p, off, size);
    if (pci_overlaps(off, size, PCI_STATUS, 1))
        v |= status_bit(p) << (8 * (PCI_STATUS - off));
    mutex_unlock(&p->dev.lock);
    return v;
}

static void merge(struct pci_device *p, unsigned off, unsigned size, uint32_t val)
{
    uint8_t *config = pci_state(p)->config;
    mutex_lock(&p->irq_lock);
    for (unsigned i = 0; i < size; i++, val >>= 8) {
        uint8_t mask = p->wmask[off + i];
        config[off + i] = (uint8_t)((config[off + i] & ~mask) | (val & mask));
        config[off + i] &= (uint8_t) ~(val & p->w1c[off + i]);
    }
    mutex_unlock(&p->irq_lock);
}

/* Whether the registers at off decide where something is mapped. */
static bool is_decoding(const struct pci_device *p, unsigned off, unsigned size)
{
    return pci_overlaps(off, size, PCI_COMMAND, 2) ||
           pci_overlaps(off, size, PCI_BAR0, PCI_CAPABILITIES - PCI_BAR0) ||
           pci_overlaps(off, size, PCI_BRIDGE_ROM, 4) ||
           (p->secondary && pci_overlaps(off, size, PCI_BRIDGE_CONTROL, 1)) ||
           (p->pm_cap && pci_overlaps(off, size, p->pm_cap + PCI_PM_CONTROL, 1));
}

static bool asks_for_reset(const struct pci_device *p, unsigned off, unsigned size, uint32_t val)
{
    unsigned reg = p->express_cap + PCIE_DEVICE_CONTROL;
    if (!p->express_cap || !pci_overlaps(off, size, reg + 1, 1) ||
        !(load(p->init + p->express_cap + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_FLR))
        return false;
    return val >> (8 * (reg + 1 - off)) & (PCIE_DEVICE_CONTROL_FLR >> 8);
}

static void after_write(struct pci_device *p, unsigned off, unsigned size)
{
    if (pci_overlaps(off, size, PCI_COMMAND, 2))
        pci_update_intx(p);
    if (is_decoding(p, off, size))
        pci_update_map(p->bus->host);
    pci_msi_written(p, off, size);
    if (p->ops && p->ops->config_written)
        p->ops->config_written(p, off, size);
}

void pci_config_write(struct pci_device *p, unsigned off, unsigned size, uint32_t val)
{
    if (off + size > p->config_size)
        return;
    mutex_lock(&p->dev.lock);
    merge(p, off, size, val);
    if (asks_for_reset(p, off, size, val))
        pci_function_reset(p);
    else
        after_write(p, off, size);
    mutex_unlock(&p->dev.lock);
}
