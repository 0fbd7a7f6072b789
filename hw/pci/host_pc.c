/*
 * Host bridges of PCs: configuration by ports 0xcf8 and 0xcfc, programmable attributes of the
 * memory from 0xc0000 to 0xfffff, memory of the system management mode, PCIEXBAR.
 * Ref: Intel 82441FX data sheet (290549), 3; Intel 3 Series Express chip set (Q35) data sheet, 5;
 * PCI Local Bus Specification 3.0, 3.2.2.3.2.
 */
#include "hw/pci/host_pc.h"
#include "core/machine.h"
#include "core/ram.h"
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, SEGMENTS = 13, SEGMENT = 0x4000 };
enum { ROM_AREA = 0xc0000, ROM_AREA_SIZE = 0x40000, SMRAM = 0xa0000, SMRAM_SIZE = 0x20000 };
enum {
    ABSENT_PRIORITY = 1,
    ROMS_PRIORITY = 2,
    SHADOW_PRIORITY = 9,
    PAM_PRIORITY = 10,
    SMRAM_PRIORITY = 20
};
enum { ECAM_PRIORITY = 3 };
enum { I440FX_PAM = 0x59, I440FX_SMRAM = 0x72, Q35_PAM = 0x90, Q35_SMRAM = 0x9d, PCIEXBAR = 0x60 };
enum { EXTENDED_TSEG = 0x50, TSEG_QUERY = 0xffff, TSEG_CODE_EXTENDED = 3 };
enum { SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCK = 0x10, SMRAM_ENABLE = 0x08 };
enum { ESMRAM_TSEG = 0x01 };
enum { RESET_CONTROL = 1, RESET_CPU = 0x04, RESET_WRITABLE = 0x0a };
enum { PAM_READ = 1, PAM_WRITE = 2 };

/* PAM0 to PAM6, SMRAM and, on Q35, its extension. */
enum { PAMS = 7, KEPT = PAMS + 2 };

struct pc_mch;

struct pc_host {
    struct device dev;
    struct pci_host host;
    struct pc_host_config conf;
    struct pc_mch *mch; /* function 0 of slot 0 */
    struct mem_region address_port, data_ports, ecam;
    _Atomic uint64_t
        ecam_at; /* its address and, in the low bits, 1 + log2(256 MiB / size); 0: nowhere */
    struct mem_region roms, absent, shadow, roms_root, roms_alias;
    struct address_space roms_as; /* the ROMs alone, for segments that only write memory */
    struct segment {
        struct mem_region region;
        uint8_t attributes; /* as the map has it */
    } segment[SEGMENTS];
    struct mem_region smm_root, smm_all, smm_low, smm_tseg, open_smram, tseg_blocked;
    struct address_space smm_as;
    struct memory_listener watcher; /* rebuilds the other two spaces with the machine's */
    struct memory_listener smm_listener;
    struct pc_host_state {
        uint32_t address;
        uint8_t reset_control;
        uint8_t kept[KEPT]; /* of function 0's registers, while the machine sleeps */
        uint8_t pad[2];
    } s;
};

/* The bridge as its own bus sees it. */
struct pc_mch {
    struct pci_device pci;
    struct pc_host *host;
    bool is_q35;
    uint16_t extended_tseg; /* MiB, 0: the register for it is an ordinary one */
    struct pc_mch_state {
        struct pci_state pci;
    } s;
};

extern const struct device_type i440fx_host_type, q35_host_type, i440fx_type, q35_mch_type;

static bool is_q35(const struct pc_host *h)
{
    return h->dev.type == &q35_host_type;
}

void pc_host_configure(struct device *dev, const struct pc_host_config *c)
{
    ((struct pc_host *)dev)->conf = *c;
}

struct irq *pc_host_irq(struct device *dev, unsigned n)
{
    return &((struct pc_host *)dev)->host.irq[n];
}

void pc_host_on_message(struct device *dev, pc_host_message_fn *fn, void *opaque)
{
    ((struct pc_host *)dev)->host.message = fn;
    ((struct pc_host *)dev)->host.message_opaque = opaque;
}

struct mem_region *pc_host_roms(struct device *dev)
{
    return &((struct pc_host *)dev)->roms;
}

struct address_space *pc_host_smm_space(struct device *dev)
{
    return &((struct pc_host *)dev)->smm_as;
}

gpa pc_host_ecam(struct device *dev, uint64_t *size)
{
    uint64_t at = ((struct pc_host *)dev)->ecam_at;
    *size = at ? UINT64_C(256) << 20 >> ((at & 3) - 1) : 0;
    return at & ~UINT64_C(3);
}

/* --- configuration accesses --- */

static struct pci_device *addressed(struct pc_host *h)
{
    uint32_t a = h->s.address;
    return a >> 31 ? pci_find(&h->host.root, a >> 16 & 0xff, a >> 8 & 0xff) : NULL;
}

static uint64_t address_read(struct device *dev, struct access a)
{
    const struct pc_host *h = (struct pc_host *)dev;
    if (a.off == RESET_CONTROL && a.size == 1)
        return h->s.reset_control;
    return extract64(h->s.address, (unsigned)a.off * 8, a.size * 8U);
}

/* Only all of it at once is an access to the register; its second byte alone is the reset control
 * register. */
static void address_write(struct device *dev, struct access a, uint64_t v)
{
    struct pc_host *h = (struct pc_host *)dev;
    if (a.size == 4)
        h->s.address = (uint32_t)v & 0x80fffffc;
    if (a.off != RESET_CONTROL || a.size != 1)
        return;
    if ((v & RESET_CPU) && !(h->s.reset_control & RESET_CPU))
        machine_request_reset(dev->machine);
    h->s.reset_control = v & RESET_WRITABLE;
}

static uint64_t data_read(struct device *dev, struct access a)
{
    struct pc_host *h = (struct pc_host *)dev;
    struct pci_device *p = addressed(h);
    unsigned off = (h->s.address & 0xfc) + (unsigned)a.off;
    return p ? pci_config_read(p, off, a.size, a.peek) : MASK64(0, a.size * 8U);
}

static void data_write(struct device *dev, struct access a, uint64_t v)
{
    struct pc_host *h = (struct pc_host *)dev;
    struct pci_device *p = addressed(h);
    if (p)
        pci_config_write(p, (h->s.address & 0xfc) + (unsigned)a.off, a.size, (uint32_t)v);
}

static struct pci_device *ecam_function(struct device *dev, uint64_t off)
{
    struct pci_bus *root = &((struct pc_host *)dev)->host.root;
    return pci_find(root, (unsigned)(off >> 20), (unsigned)(off >> 12) & 0xff);
}

static uint64_t ecam_read(struct device *dev, struct access a)
{
    struct pci_device *p = ecam_function(dev, a.off);
    return p ? pci_config_read(p, (unsigned)a.off & 0xfff, a.size, a.peek) : MASK64(0, a.size * 8U);
}

static void ecam_write(struct device *dev, struct access a, uint64_t v)
{
    struct pci_device *p = ecam_function(dev, a.off);
    if (p)
        pci_config_write(p, (unsigned)a.off & 0xfff, a.size, (uint32_t)v);
}

/* --- what the processor sees below 1 MiB --- */

static uint64_t nobody_read(struct device *dev UNUSED, struct access a)
{
    return MASK64(0, a.size * 8U);
}

static void nobody_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t v UNUSED)
{
}

static const struct mmio_ops nobody_ops = {nobody_read, nobody_write, .min = 1, .max = 8,
                                           .size = 0};

static uint32_t segment_base(unsigned n)
{
    return n == SEGMENTS - 1 ? 0xf0000 : ROM_AREA + n * SEGMENT;
}

static uint32_t segment_size(unsigned n)
{
    return n == SEGMENTS - 1 ? 0x10000 : SEGMENT;
}

/* Segments whose reads go to the ROM and whose writes go to memory, which is how BIOSes copy
 * themselves.  It covers all of them while there is one; those that are no memory at all read the
 * same, and drop what is written. */
static uint64_t shadow_read(struct device *dev, struct access a)
{
    uint64_t v = MASK64(0, a.size * 8U);
    if (mem_read(&((struct pc_host *)dev)->roms_as, a.off, a.size, &v) != MEM_OK)
        return MASK64(0, a.size * 8U);
    return v;
}

static unsigned segment_at(uint64_t off)
{
    return (unsigned)MIN(off / SEGMENT, (uint64_t)SEGMENTS - 1);
}

static void shadow_write(struct device *dev, struct access a, uint64_t v)
{
    struct pc_host *h = (struct pc_host *)dev;
    struct ram_block *ram = h->conf.ram;
    if (!(h->segment[segment_at(a.off)].attributes & PAM_WRITE))
        return;
    memcpy(ram->host + ROM_AREA + a.off, &v, a.size);
    ram_written(ram, ROM_AREA + a.off, a.size);
}

static const struct mmio_ops shadow_ops = {shadow_read, shadow_write, .min = 1, .max = 8,
                                           .size = ROM_AREA_SIZE};

static void init_segment(struct pc_host *h, struct segment *seg, uint8_t attributes)
{
    unsigned n = (unsigned)(seg - h->segment);
    uint32_t base = segment_base(n);
    region_init_ram(&seg->region, "pam", h->conf.ram, base, segment_size(n));
    if (attributes == PAM_READ)
        seg->region.kind = MEM_ROM;
}

static void set_segment(struct pc_host *h, unsigned n, uint8_t attributes)
{
    struct segment *seg = &h->segment[n];
    if (seg->attributes == attributes)
        return;
    seg->attributes = attributes;
    region_del(&seg->region);
    if (!(attributes & PAM_READ))
        return;
    init_segment(h, seg, attributes);
    region_add(&h->dev.machine->root, segment_base(n), &seg->region, PAM_PRIORITY);
}

static void show_shadow(struct pc_host *h)
{
    bool wanted = false;
    for (unsigned n = 0; n < SEGMENTS; n++)
        wanted |= h->segment[n].attributes == PAM_WRITE;
    region_del(&h->shadow);
    if (wanted)
        region_add(&h->dev.machine->root, ROM_AREA, &h->shadow, SHADOW_PRIORITY);
}

/* PAM0 has the last segment in its upper half, PAM1 to PAM6 have two each. */
static uint8_t attributes_of(struct pc_mch *m, unsigned n)
{
    unsigned base = m->is_q35 ? Q35_PAM : I440FX_PAM;
    unsigned reg = n == SEGMENTS - 1 ? 0 : 1 + n / 2;
    bool upper = n == SEGMENTS - 1 || (n & 1);
    return pci_config_get(&m->pci, base + reg, 1) >> (upper ? 4 : 0) & 3;
}

static void update_pam(struct pc_host *h)
{
    for (unsigned n = 0; n < SEGMENTS; n++)
        set_segment(h, n, attributes_of(h->mch, n));
    show_shadow(h);
}

/* --- memory of the system management mode --- */

static uint32_t smram_register(struct pc_host *h)
{
    return pci_config_get(&h->mch->pci, h->mch->is_q35 ? Q35_SMRAM : I440FX_SMRAM, 1);
}

static void show(struct mem_region *parent, gpa at, struct mem_region *mr, bool wanted)
{
    region_del(mr);
    if (wanted)
        region_add(parent, at, mr, SMRAM_PRIORITY);
}

/* Bytes of TSEG, 0: none. */
static uint64_t tseg_size(struct pc_host *h)
{
    uint32_t e = h->mch->is_q35 ? pci_config_get(&h->mch->pci, Q35_SMRAM + 1, 1) : 0;
    unsigned code = e >> 1 & 3;
    if (!(e & ESMRAM_TSEG) || !(smram_register(h) & SMRAM_ENABLE))
        return 0;
    if (code == TSEG_CODE_EXTENDED && h->mch->extended_tseg)
        return (uint64_t)h->mch->extended_tseg << 20;
    return UINT64_C(1) << (20 + code);
}

static void update_tseg(struct pc_host *h)
{
    uint64_t size = MIN(tseg_size(h), h->conf.low_ram / 2);
    gpa at = h->conf.low_ram - size;
    region_del(&h->tseg_blocked);
    region_del(&h->smm_tseg);
    if (size == 0)
        return;
    h->tseg_blocked.size = size;
    region_init_ram(&h->smm_tseg, "tseg", h->conf.ram, at, size);
    show(&h->dev.machine->root, at, &h->tseg_blocked, true);
    show(&h->smm_root, at, &h->smm_tseg, true);
}

static void update_smram(struct pc_host *h)
{
    uint32_t v = smram_register(h);
    bool enabled = v & SMRAM_ENABLE;
    show(&h->dev.machine->root, SMRAM, &h->open_smram, enabled && (v & SMRAM_OPEN));
    show(&h->smm_root, SMRAM, &h->smm_low, enabled && !(v & SMRAM_CLOSED));
    update_tseg(h);
}

/* PCIEXBAR: 256, 128 or 64 MiB. */
static void update_ecam(struct pc_host *h)
{
    uint64_t v = pci_config_get(&h->mch->pci, PCIEXBAR, 4) |
                 (uint64_t)pci_config_get(&h->mch->pci, PCIEXBAR + 4, 4) << 32;
    uint64_t size = UINT64_C(256) << 20 >> (v >> 1 & 3);
    region_del(&h->ecam);
    h->ecam_at = 0;
    if (!(v & 1) || (v >> 1 & 3) == 3)
        return;
    h->ecam.size = size;
    h->ecam_at = (v & 0xfffffffff & ~(size - 1)) | (1 + (v >> 1 & 3));
    region_add(&h->dev.machine->root, v & 0xfffffffff & ~(size - 1), &h->ecam, ECAM_PRIORITY);
}

static void update_map(struct pc_host *h)
{
    if (h->mch == NULL || h->dev.machine == NULL)
        return;
    update_pam(h);
    update_smram(h);
    if (h->mch->is_q35)
        update_ecam(h);
    address_space_update(&h->dev.machine->as);
}

/* Whatever changes in the machine's map may show in theirs. */
static void map_changed(struct memory_listener *l, const struct flat_view *now UNUSED)
{
    struct pc_host *h = container_of(l, struct pc_host, watcher);
    address_space_update(&h->roms_as);
    address_space_update(&h->smm_as);
}

/* Flash that only SMM sees: the accelerator listens to the machine's space, but its processors use
 * both. */
static void smm_romd_changed(struct memory_listener *l, struct mem_region *mr)
{
    struct pc_host *h = container_of(l, struct pc_host, smm_listener);
    for (l = h->dev.machine->as.listeners; l; l = l->next)
        if (l->romd_changed)
            l->romd_changed(l, mr);
}

/* --- sleep --- */

static unsigned kept_register(const struct pc_mch *m, unsigned i)
{
    if (i < PAMS)
        return (m->is_q35 ? Q35_PAM : I440FX_PAM) + i;
    return (m->is_q35 ? Q35_SMRAM : I440FX_SMRAM) + i - PAMS;
}

void pc_host_sleep(struct device *dev)
{
    struct pc_host *h = (struct pc_host *)dev;
    mutex_lock(&h->mch->pci.dev.lock);
    for (unsigned i = 0; i < KEPT; i++)
        h->s.kept[i] = (uint8_t)pci_config_get(&h->mch->pci, kept_register(h->mch, i), 1);
    mutex_unlock(&h->mch->pci.dev.lock);
}

void pc_host_wake(struct device *dev)
{
    struct pc_host *h = (struct pc_host *)dev;
    mutex_lock(&h->mch->pci.dev.lock);
    for (unsigned i = 0; i < KEPT; i++)
        pci_config_put(&h->mch->pci, kept_register(h->mch, i), 1, h->s.kept[i]);
    update_map(h);
    mutex_unlock(&h->mch->pci.dev.lock);
}

/* --- the host --- */

static bool create_mch(struct pc_host *h, struct error **errp)
{
    const struct device_type *t = is_q35(h) ? &q35_mch_type : &i440fx_type;
    struct device *dev = device_new(t, h->dev.machine, t->name);
    h->mch = (struct pc_mch *)dev;
    h->mch->host = h;
    h->mch->is_q35 = is_q35(h);
    return device_set(dev, "addr", "00.0", errp) &&
           hw_bus_plug(h->dev.machine, dev, h->host.root.hw.name, errp) &&
           device_realize(dev, errp);
}

static void init_ports(struct pc_host *h)
{
    static const struct mmio_ops address_ops = {address_read, address_write, .min = 1, .max = 4,
                                                .size = 4};
    static const struct mmio_ops data_ops = {data_read, data_write, .min = 1, .max = 4, .size = 4};
    static const struct mmio_ops ecam_ops = {ecam_read, ecam_write, .min = 1, .max = 4,
                                             .size = 256 << 20};
    struct machine *m = h->dev.machine;
    region_init_mmio(&h->address_port, "pci-conf-idx", &address_ops, &h->dev);
    region_init_mmio(&h->data_ports, "pci-conf-data", &data_ops, &h->dev);
    region_init_mmio(&h->ecam, "pcie-mmcfg", &ecam_ops, &h->dev);
    region_add(&m->io_root, CONFIG_ADDRESS, &h->address_port, 0);
    region_add(&m->io_root, CONFIG_DATA, &h->data_ports, 0);
}

static void init_roms(struct pc_host *h)
{
    struct machine *m = h->dev.machine;
    region_init_mmio(&h->absent, "pci-hole", &nobody_ops, NULL);
    h->absent.size = ROM_AREA_SIZE + SMRAM_SIZE;
    region_init_mmio(&h->shadow, "pam-shadow", &shadow_ops, &h->dev);
    region_init_container(&h->roms, "pc-roms", ROM_AREA_SIZE);
    region_init_container(&h->roms_root, "roms", ROM_AREA_SIZE);
    region_init_alias(&h->roms_alias, "roms", &h->roms, ROM_AREA_SIZE);
    region_add(&h->roms_root, 0, &h->roms_alias, 0);
    address_space_init(&h->roms_as, &h->roms_root);
    region_add(&m->root, SMRAM, &h->absent, ABSENT_PRIORITY);
    region_add(&m->root, ROM_AREA, &h->roms, ROMS_PRIORITY);
}

static void init_smm(struct pc_host *h)
{
    struct machine *m = h->dev.machine;
    region_init_container(&h->smm_root, "smm", UINT64_MAX);
    region_init_alias(&h->smm_all, "smm-memory", &m->root, UINT64_MAX);
    region_add(&h->smm_root, 0, &h->smm_all, 0);
    region_init_ram(&h->smm_low, "smram", h->conf.ram, SMRAM, SMRAM_SIZE);
    region_init_ram(&h->open_smram, "smram-open", h->conf.ram, SMRAM, SMRAM_SIZE);
    region_init_mmio(&h->tseg_blocked, "tseg-blocked", &nobody_ops, NULL);
    address_space_init(&h->smm_as, &h->smm_root);
    h->smm_listener.romd_changed = smm_romd_changed;
    address_space_listen(&h->smm_as, &h->smm_listener);
}

static bool pc_host_realize(struct device *dev, struct error **errp)
{
    struct pc_host *h = (struct pc_host *)dev;
    const struct pc_host_config *c = &h->conf;
    if (dev->machine == NULL || c->ram == NULL || c->low_ram < 1 << 20) {
        error_set(errp, "needs a machine with at least 1 MiB of memory");
        return false;
    }
    h->host.dev = dev;
    h->host.io = &dev->machine->io;
    h->host.io_size = 0x10000;
    h->host.node = "pci@i0cf8";
    /* QUIRK: SeaBIOS reads disks behind bridges that it leaves without the bus master bit. */
    h->host.bridges_pass_dma = true;
    h->host.has_vga_memory = true;
    h->host.mem[0].base = c->low_ram;
    h->host.mem[0].size = c->low_end - c->low_ram;
    h->host.mem[1].base = c->high_base;
    h->host.mem[1].size = c->high_size;
    mutex_init(&h->host.lock);
    init_ports(h);
    init_roms(h);
    init_smm(h);
    pci_bus_init(&h->host.root, dev, &h->host, NULL,
                 is_q35(h) ? PCI_BUS_ROOT : PCI_BUS_CONVENTIONAL,
                 g_strdup(is_q35(h) ? "pcie.0" : "pci.0"));
    h->watcher.changed = map_changed;
    address_space_watch(&dev->machine->as, &h->watcher);
    if (!create_mch(h, errp))
        return false;
    address_space_update(&dev->machine->as);
    address_space_update(&dev->machine->io);
    return true;
}

static void pc_host_unrealize(struct device *dev)
{
    struct pc_host *h = (struct pc_host *)dev;
    address_space_unwatch(&dev->machine->as, &h->watcher);
    struct mem_region *const all[] = {&h->address_port, &h->data_ports,  &h->ecam,
                                      &h->roms,         &h->absent,      &h->shadow,
                                      &h->open_smram,   &h->tseg_blocked};
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        region_del(all[i]);
    for (unsigned n = 0; n < SEGMENTS; n++)
        region_del(&h->segment[n].region);
    address_space_update(&dev->machine->as);
    address_space_update(&dev->machine->io);
    address_space_fini(&h->roms_as);
    address_space_fini(&h->smm_as);
    pci_bus_fini(&h->host.root);
    mutex_fini(&h->host.lock);
}

static const struct state_field pc_host_state[] = {
    STATE(pc_host, address, 0),
    STATE(pc_host, reset_control, 0),
    STATE_KEEP(pc_host, kept),
    STATE_ARRAY(pc_host, pad, 0),
    STATE_END,
};

#define PC_HOST_CLASS(text)                                                                        \
    {                                                                                              \
        .desc = text, .state = pc_host_state, .realize = pc_host_realize,                          \
        .unrealize = pc_host_unrealize                                                             \
    }

static const struct device_class i440fx_host_class = PC_HOST_CLASS("Host bridge of i440FX");
static const struct device_class q35_host_class = PC_HOST_CLASS("Host bridge of Q35");

const struct device_type i440fx_host_type = {"i440FX-pcihost", &i440fx_host_class,
                                             sizeof(struct pc_host), offsetof(struct pc_host, s),
                                             sizeof(struct pc_host_state)};
const struct device_type q35_host_type = {"q35-pcihost", &q35_host_class, sizeof(struct pc_host),
                                          offsetof(struct pc_host, s),
                                          sizeof(struct pc_host_state)};

/* --- function 0 of slot 0 --- */

/* A locked SMRAM register is read-only until the reset, and memory is closed with the lock. */
static void lock_smram(struct pc_mch *m)
{
    unsigned at = m->is_q35 ? Q35_SMRAM : I440FX_SMRAM;
    uint32_t v = pci_config_get(&m->pci, at, 1);
    uint8_t mask = v & SMRAM_LOCK ? 0 : 0x78;
    if (v & SMRAM_LOCK)
        pci_config_put(&m->pci, at, 1, v & ~(uint32_t)SMRAM_OPEN);
    pci_config_writable(&m->pci, at, 1, mask);
    if (m->is_q35)
        pci_config_writable(&m->pci, at + 1, 1, mask ? 0x07 : 0);
}

/* Firmware writes all ones to learn of a TSEG larger than 8 MiB (OVMF's Q35MchIch9.h:
 * MCH_EXT_TSEG_MB). */
static void answer_tseg_query(struct pc_mch *m)
{
    if (m->extended_tseg && pci_config_get(&m->pci, EXTENDED_TSEG, 2) == TSEG_QUERY)
        pci_config_put(&m->pci, EXTENDED_TSEG, 2, m->extended_tseg);
}

static void mch_written(struct pci_device *p, unsigned off, unsigned size)
{
    struct pc_mch *m = (struct pc_mch *)p;
    bool q35 = m->is_q35;
    if (q35 && pci_overlaps(off, size, EXTENDED_TSEG, 2))
        answer_tseg_query(m);
    bool smram = pci_overlaps(off, size, q35 ? Q35_SMRAM : I440FX_SMRAM, 2);
    if (smram)
        lock_smram(m);
    if (smram || pci_overlaps(off, size, q35 ? Q35_PAM : I440FX_PAM, 7) ||
        (q35 && pci_overlaps(off, size, PCIEXBAR, 8)))
        update_map(m->host);
}

static void mch_sync(struct device *dev)
{
    struct pc_mch *m = (struct pc_mch *)dev;
    pci_sync(dev);
    if (m->host == NULL)
        return;
    lock_smram(m);
    update_map(m->host);
}

/* Besides what acts here, firmware keeps addresses in registers and reads them back: EPBAR, MCHBAR,
 * DEVEN, DMIBAR, TOM to TOLUD with TSEGMB, scratch data.  Ref: Intel 3 Series data sheet
 * (316966), 5.1. */
static void init_q35(struct pc_mch *m)
{
    static const struct {
        uint8_t off, size;
    } kept[] = {{0x40, 16}, {0x54, 4}, {0x68, 8}, {0xa0, 20}, {0xdc, 4}};
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        for (unsigned n = 0; n < kept[i].size; n++)
            pci_config_writable(&m->pci, kept[i].off + n, 1, 0xff);
    pci_config_writable(&m->pci, PCIEXBAR, 4, 0xf0000007);
    pci_config_writable(&m->pci, PCIEXBAR + 4, 4, 0x0000000f);
    pci_config_init(&m->pci, Q35_SMRAM + 1, 1, 0x38);
    pci_config_init(&m->pci, EXTENDED_TSEG, 2, m->extended_tseg);
    pci_config_writable(&m->pci, EXTENDED_TSEG, 2, 0xffff);
}

static bool mch_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ops ops = {.config_written = mch_written};
    struct pc_mch *m = (struct pc_mch *)dev;
    const struct pci_ids ids = {.vendor = 0x8086,
                                .device = m->is_q35 ? 0x29c0 : 0x1237,
                                .subsystem_vendor = 0x1af4,
                                .subsystem = 0x1100,
                                .class_code = 0x060000,
                                .revision = m->is_q35 ? 0 : 2};
    if (m->host == NULL) {
        error_set(errp, "is part of its host bridge");
        return false;
    }
    if (!pci_init(&m->pci, &ids, &ops, errp))
        return false;
    for (unsigned i = 0; i < 7; i++)
        pci_config_writable(&m->pci, (m->is_q35 ? Q35_PAM : I440FX_PAM) + i, 1, 0x33);
    pci_config_init(&m->pci, m->is_q35 ? Q35_SMRAM : I440FX_SMRAM, 1, 0x02);
    if (m->is_q35)
        init_q35(m);
    return true;
}

static void mch_unrealize(struct device *dev)
{
    struct pc_mch *m = (struct pc_mch *)dev;
    if (m->host)
        m->host->mch = NULL;
    pci_fini(&m->pci);
}

static const struct state_field pc_mch_state[] = {
    STATE(pc_mch, pci, 0),
    STATE_END,
};

static const struct prop i440fx_props[] = {
    PCI_PROPS(pc_mch),
    PROP_END,
};

static const struct prop q35_mch_props[] = {
    PCI_PROPS(pc_mch),
    PROP(prop_uint16, pc_mch, "extended-tseg-mbytes", extended_tseg, "16",
         "MiB of TSEG that firmware may have instead of 8; 0: none"),
    PROP_END,
};

#define PC_MCH_CLASS(text, properties)                                                             \
    {                                                                                              \
        .desc = text, .bus = "PCI", .props = properties, .state = pc_mch_state,                    \
        .realize = mch_realize, .unrealize = mch_unrealize, .reset = pci_reset, .sync = mch_sync   \
    }

static const struct device_class i440fx_class =
    PC_MCH_CLASS("i440FX: PCI and memory controller", i440fx_props);
static const struct device_class q35_mch_class =
    PC_MCH_CLASS("Q35: memory controller hub", q35_mch_props);

const struct device_type i440fx_type = {"i440FX", &i440fx_class, sizeof(struct pc_mch),
                                        offsetof(struct pc_mch, s), sizeof(struct pc_mch_state)};
const struct device_type q35_mch_type = {"mch", &q35_mch_class, sizeof(struct pc_mch),
                                         offsetof(struct pc_mch, s), sizeof(struct pc_mch_state)};
