/* INTx, MSI and MSI-X of one function.
 * Ref: PCI Local Bus Specification 3.0, 6.8.1 (MSI) and 6.8.2 (MSI-X). */
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

enum {
    OWN_BAR_MIN = 4096,
    MSI_QMASK_SHIFT = 1,
    MSI_QSIZE_SHIFT = 4,
    MSI_64BIT = 0x80,
    MSI_MASKS = 0x100
};

struct message {
    gpa addr;
    uint32_t data;
    bool send;
};

static uint16_t control(struct pci_device *p, uint8_t cap)
{
    return cap ? (uint16_t)pci_config_get(p, cap + 2U, 2) : 0;
}

static bool msi_on(struct pci_device *p)
{
    return control(p, p->msi_cap) & PCI_MSI_ENABLE;
}

static bool msix_on(struct pci_device *p)
{
    return control(p, p->msix_cap) & PCI_MSIX_ENABLE;
}

bool pci_msi_enabled(struct pci_device *p)
{
    mutex_lock(&p->irq_lock);
    bool on = msi_on(p);
    mutex_unlock(&p->irq_lock);
    return on;
}

bool pci_msix_enabled(struct pci_device *p)
{
    mutex_lock(&p->irq_lock);
    bool on = msix_on(p);
    mutex_unlock(&p->irq_lock);
    return on;
}

static void drive(struct pci_device *p) REQUIRES(p->irq_lock)
{
    irq_set(&p->dev.irq, p->intx && !p->intx_disabled);
}

void pci_update_intx(struct pci_device *p)
{
    mutex_lock(&p->irq_lock);
    p->intx_disabled =
        (pci_config_get(p, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) || msi_on(p) || msix_on(p);
    drive(p);
    mutex_unlock(&p->irq_lock);
}

void pci_set_irq(struct pci_device *p, bool level)
{
    if (p->init == NULL)
        return;
    mutex_lock(&p->irq_lock);
    p->intx = level;
    drive(p);
    mutex_unlock(&p->irq_lock);
}

static unsigned bus_number(const struct pci_bus *bus)
{
    return bus->bridge ? pci_state(bus->bridge)->config[PCI_SECONDARY_BUS] : 0;
}

/* Who a message or DMA comes from, as the root complex sees it.  Ref: PCI Express to PCI/PCI-X
 * Bridge Specification 1.0, 2.3: such a bridge sends in the name of slot 0 behind it, one on a
 * conventional bus in its own. */
static uint32_t requester_id(const struct pci_device *p)
{
    const struct pci_bus *bus = p->bus;
    uint32_t id = bus_number(bus) << 8 | (uint32_t)p->devfn;
    for (; bus->bridge; bus = bus->bridge->bus) {
        if (bus->kind != PCI_BUS_CONVENTIONAL)
            continue;
        id = bus->bridge->express_cap
                 ? bus_number(bus) << 8
                 : bus_number(bus->bridge->bus) << 8 | (uint32_t)bus->bridge->devfn;
    }
    return id;
}

/* A message is a memory write by the function, so it needs what DMA needs. */
static void send(struct pci_device *p, const struct message *m)
{
    const struct pci_host *h = p->bus ? p->bus->host : NULL;
    if (!m->send || !pci_is_master(p))
        return;
    if (!h || !h->message || !h->message(h->message_opaque, requester_id(p), m->addr, m->data))
        mem_write(&p->dev.machine->as, m->addr, 4, m->data);
}

static uint32_t msi_masks(struct pci_device *p)
{
    return pci_config_get(p, p->msi_cap + PCI_MSI_MASK, 4);
}

static void set_msi_pending(struct pci_device *p, unsigned vector, bool on)
{
    uint32_t old = pci_config_get(p, p->msi_cap + PCI_MSI_PENDING, 4);
    pci_config_put(p, p->msi_cap + PCI_MSI_PENDING, 4, (uint32_t)deposit64(old, vector, 1, on));
}

static struct message msi_message(struct pci_device *p, unsigned vector, unsigned allowed)
{
    uint32_t data = pci_config_get(p, p->msi_cap + PCI_MSI_DATA, 2);
    uint64_t low = pci_config_get(p, p->msi_cap + PCI_MSI_ADDRESS, 4);
    uint64_t high = pci_config_get(p, p->msi_cap + PCI_MSI_ADDRESS_UPPER, 4);
    return (struct message){high << 32 | low, (data & ~(allowed - 1)) | vector, true};
}

/* Vectors that the guest allowed: 1 << the multiple message enable field, no more than there are.
 */
static unsigned msi_allowed(struct pci_device *p)
{
    unsigned n = 1U << MIN(control(p, p->msi_cap) >> MSI_QSIZE_SHIFT & 7, 5);
    return MIN(n, p->msi_vectors);
}

static struct message msi_raise(struct pci_device *p, unsigned vector)
{
    unsigned allowed = msi_allowed(p);
    vector &= allowed - 1;
    if (!(msi_masks(p) >> vector & 1))
        return msi_message(p, vector, allowed);
    set_msi_pending(p, vector, true);
    return (struct message){0};
}

static bool msix_masked(struct pci_device *p, unsigned vector)
{
    return (control(p, p->msix_cap) & PCI_MSIX_MASK_ALL) ||
           (pci_state(p)->msix_table[vector][3] & PCI_MSIX_ENTRY_MASKED);
}

static void set_msix_pending(struct pci_device *p, unsigned vector, bool on)
{
    uint64_t *word = &pci_state(p)->msix_pending[vector / 64];
    *word = deposit64(*word, vector % 64, 1, on);
}

static struct message msix_raise(struct pci_device *p, unsigned vector)
{
    const uint32_t *e = pci_state(p)->msix_table[vector];
    if (!msix_masked(p, vector))
        return (struct message){(uint64_t)e[1] << 32 | e[0], e[2], true};
    set_msix_pending(p, vector, true);
    return (struct message){0};
}

bool pci_notify(struct pci_device *p, unsigned vector)
{
    struct message m = {0};
    if (p->init == NULL)
        return false;
    mutex_lock(&p->irq_lock);
    bool x = msix_on(p), on = x || msi_on(p);
    if (x && vector < p->msix_vectors)
        m = msix_raise(p, vector);
    else if (on && !x)
        m = msi_raise(p, vector);
    mutex_unlock(&p->irq_lock);
    send(p, &m);
    return on;
}

/* Send what became unmasked. */
static void flush_msix(struct pci_device *p, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        struct message m = {0};
        mutex_lock(&p->irq_lock);
        if (pci_state(p)->msix_pending[i / 64] >> (i % 64) & 1 && msix_on(p) &&
            !msix_masked(p, i)) {
            set_msix_pending(p, i, false);
            m = msix_raise(p, i);
        }
        mutex_unlock(&p->irq_lock);
        send(p, &m);
    }
}

static void flush_msi(struct pci_device *p)
{
    for (unsigned i = 0; i < p->msi_vectors; i++) {
        struct message m = {0};
        mutex_lock(&p->irq_lock);
        uint32_t ready = pci_config_get(p, p->msi_cap + PCI_MSI_PENDING, 4) & ~msi_masks(p);
        if (msi_on(p) && (ready >> i & 1)) {
            set_msi_pending(p, i, false);
            m = msi_raise(p, i);
        }
        mutex_unlock(&p->irq_lock);
        send(p, &m);
    }
}

void pci_msi_written(struct pci_device *p, unsigned off, unsigned size)
{
    if (p->msi_cap && pci_overlaps(off, size, p->msi_cap, PCI_MSI_SIZE)) {
        pci_update_intx(p);
        flush_msi(p);
    }
    if (p->msix_cap && pci_overlaps(off, size, p->msix_cap + PCI_MSIX_CONTROL, 2)) {
        pci_update_intx(p);
        flush_msix(p, 0, p->msix_vectors);
    }
}

void pci_msi_reset(struct pci_device *p)
{
    struct pci_state *s = pci_state(p);
    memset(s->msix_table, 0, sizeof(s->msix_table));
    memset(s->msix_pending, 0, sizeof(s->msix_pending));
    for (unsigned i = 0; i < p->msix_vectors; i++)
        s->msix_table[i][3] = PCI_MSIX_ENTRY_MASKED;
    mutex_lock(&p->irq_lock);
    p->intx = false;
    mutex_unlock(&p->irq_lock);
}

static uint64_t table_read(struct device *dev, struct access a)
{
    struct pci_device *p = (struct pci_device *)dev;
    mutex_lock(&p->irq_lock);
    uint32_t v = pci_state(p)->msix_table[a.off / PCI_MSIX_ENTRY][a.off % PCI_MSIX_ENTRY / 4];
    mutex_unlock(&p->irq_lock);
    return v;
}

static void table_write(struct device *dev, struct access a, uint64_t val)
{
    struct pci_device *p = (struct pci_device *)dev;
    unsigned vector = (unsigned)(a.off / PCI_MSIX_ENTRY), word = a.off % PCI_MSIX_ENTRY / 4;
    static const uint32_t writable[4] = {~3U, ~0U, ~0U, PCI_MSIX_ENTRY_MASKED};
    mutex_lock(&p->irq_lock);
    pci_state(p)->msix_table[vector][word] = (uint32_t)val & writable[word];
    mutex_unlock(&p->irq_lock);
    flush_msix(p, vector, 1);
}

static uint64_t pba_read(struct device *dev, struct access a)
{
    struct pci_device *p = (struct pci_device *)dev;
    mutex_lock(&p->irq_lock);
    uint64_t v = pci_state(p)->msix_pending[a.off / 8] >> (a.off % 8 * 8);
    mutex_unlock(&p->irq_lock);
    return (uint32_t)v;
}

static void pba_write(struct device *dev, struct access a, uint64_t val UNUSED)
{
    dev_guest_error(dev, "write to pending bits of MSI-X at %#x", (unsigned)a.off);
}

/* Section 6.8.2: software uses aligned doublewords and quadwords; the memory core splits these. */
static const struct mmio_ops table_ops = {table_read, table_write, .min = 4, .max = 4, .size = 0};
static const struct mmio_ops pba_ops = {pba_read, pba_write, .min = 4, .max = 4, .size = 0};

void pci_add_msi(struct pci_device *p, unsigned vectors)
{
    assert(is_pow2(vectors) && vectors <= PCI_MAX_MSI);
    unsigned cap = p->msi_cap = pci_add_capability(p, PCI_CAP_MSI, 0, PCI_MSI_SIZE);
    unsigned log = (unsigned)__builtin_ctz(vectors);
    p->msi_vectors = (uint8_t)vectors;
    pci_config_init(p, cap + PCI_MSI_CONTROL, 2, MSI_64BIT | MSI_MASKS | log << MSI_QMASK_SHIFT);
    pci_config_writable(p, cap + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE | 7 << MSI_QSIZE_SHIFT);
    pci_config_writable(p, cap + PCI_MSI_ADDRESS, 4, ~3U);
    pci_config_writable(p, cap + PCI_MSI_ADDRESS_UPPER, 4, ~0U);
    pci_config_writable(p, cap + PCI_MSI_DATA, 2, 0xffff);
    pci_config_writable(p, cap + PCI_MSI_MASK, 4, (uint32_t)MASK64(0, vectors));
}

void pci_add_msix(struct pci_device *p, unsigned vectors, unsigned n, struct mem_region *region,
                  uint32_t table_off, uint32_t pba_off)
{
    assert(vectors >= 1 && vectors <= PCI_MAX_MSIX && table_off % 8 == 0 && pba_off % 8 == 0);
    unsigned cap = p->msix_cap = pci_add_capability(p, PCI_CAP_MSIX, 0, PCI_MSIX_SIZE);
    p->msix_vectors = (uint16_t)vectors;
    pci_config_init(p, cap + PCI_MSIX_CONTROL, 2, vectors - 1);
    pci_config_writable(p, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
    pci_config_init(p, cap + PCI_MSIX_TABLE, 4, table_off | n);
    pci_config_init(p, cap + PCI_MSIX_PBA, 4, pba_off | n);
    region_init_mmio(&p->msix_table_region, "msix-table", &table_ops, &p->dev);
    region_init_mmio(&p->msix_pba_region, "msix-pba", &pba_ops, &p->dev);
    p->msix_table_region.size = (uint64_t)vectors * PCI_MSIX_ENTRY;
    p->msix_pba_region.size = align_up(vectors, 64) / 8;
    region_add(region, table_off, &p->msix_table_region, 1);
    region_add(region, pba_off, &p->msix_pba_region, 1);
}

static uint64_t hole_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return 0;
}

static void hole_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t val UNUSED)
{
}

static const struct mmio_ops hole_ops = {hole_read, hole_write, .min = 1, .max = 8, .size = 0};

void pci_add_msix_bar(struct pci_device *p, unsigned vectors, unsigned n)
{
    uint64_t table = (uint64_t)vectors * PCI_MSIX_ENTRY, half = OWN_BAR_MIN / 2;
    while (half < table)
        half *= 2;
    /* A container, and below what it holds the bytes between the tables. */
    struct mem_region *both = p->own_msix_bar = g_new0(struct mem_region, 2);
    region_init_container(&both[0], "msix", 2 * half);
    region_init_mmio(&both[1], "msix-unused", &hole_ops, &p->dev);
    both[1].size = 2 * half;
    region_add(&both[0], 0, &both[1], 0);
    pci_add_msix(p, vectors, n, &both[0], 0, (uint32_t)half);
    pci_add_bar(p, n, PCI_BAR_MEM32, &both[0]);
}
