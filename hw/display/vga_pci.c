/*
 * PCI cards 1234:1111: VGA, secondary-vga (without the addresses of a VGA), bochs-display (DISPI
 * alone).  BAR 0 is the memory, BAR 2 has EDID, VGA ports, DISPI registers and the byte order.
 */
#include "core/loader.h"
#include "hw/display/vga_card.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { VENDOR = 0x1234, DEVICE = 0x1111, CLASS_VGA = 0x030000, CLASS_OTHER = 0x038000 };
enum { MMIO_SIZE = 4096, AT_PORTS = 0x400, AT_VBE = 0x500, AT_EXTENDED = 0x600 };
enum { FIRST_PORT = 0x3c0, PORTS = 0x20, VBE_BYTES = 2 * VBE_REGS, EXTENDED_SIZE = 8 };
enum { BYTE_ORDER_AT = AT_EXTENDED + 4 };
static const uint32_t LITTLE = 0x1e1e1e1e, BIG = 0xbebebebe;

/* One struct for all three: the macros that define a class want a name each. */
struct vga_pci {
    struct vga_card card;
    struct vga_pci_state {
        struct pci_state pci;
        struct vga_state vga;
    } s;
};

extern const struct device_type vga_pci_type, secondary_vga_type, bochs_display_type;

/* --- BAR 2 --- */

static uint8_t read_byte(struct vga_card *card, unsigned off, bool peek)
{
    struct vga *v = &card->vga;
    uint32_t order = v->s->big_endian ? BIG : LITTLE;
    if (off < EDID_SIZE)
        return card->edid ? card->blob[off] : 0;
    if (off >= AT_PORTS && off < AT_PORTS + PORTS)
        return v->has_vga ? vga_port_read(v, FIRST_PORT + off - AT_PORTS, peek) : 0;
    if (off >= AT_VBE && off < AT_VBE + VBE_BYTES)
        return (uint8_t)(vbe_read(v, (off - AT_VBE) / 2) >> (off % 2 * 8));
    if (off >= AT_EXTENDED && off < BYTE_ORDER_AT)
        return off == AT_EXTENDED ? EXTENDED_SIZE : 0;
    if (off >= BYTE_ORDER_AT && off < BYTE_ORDER_AT + 4)
        return (uint8_t)(order >> (off % 4 * 8));
    return 0;
}

static uint64_t mmio_bar_read(struct device *dev, struct access a)
{
    uint64_t val = 0;
    for (unsigned i = 0; i < a.size; i++)
        val |= (uint64_t)read_byte((struct vga_card *)dev, (unsigned)a.off + i, a.peek) << (8 * i);
    return val;
}

static void write_byte_order(struct vga *v, uint32_t val)
{
    if (val == LITTLE || val == BIG)
        v->s->big_endian = val == BIG;
}

static void mmio_bar_write(struct device *dev, struct access a, uint64_t val)
{
    struct vga *v = &((struct vga_card *)dev)->vga;
    unsigned off = (unsigned)a.off;
    if (off >= AT_PORTS && off < AT_PORTS + PORTS) {
        for (unsigned i = 0; i < a.size && v->has_vga; i++)
            vga_port_write(v, FIRST_PORT + off + i - AT_PORTS, (uint8_t)(val >> (8 * i)));
    } else if (off >= AT_VBE && off < AT_VBE + VBE_BYTES) {
        for (unsigned i = 0; i + 1 < a.size; i += 2)
            vbe_write(v, (off + i - AT_VBE) / 2, (uint16_t)(val >> (8 * i)));
    } else if (off == BYTE_ORDER_AT && a.size == 4) {
        write_byte_order(v, (uint32_t)val);
    }
}

/* --- the cards --- */

static bool is_type(const struct device *dev, const struct device_type *t)
{
    return dev->type == t;
}

/* The BIOS of the card, unless another was named; nothing where it is not installed. */
static void choose_rom(struct pci_device *p)
{
    static const char name[] = "vgabios-stdvga.bin";
    if (p->romfile || p->rombar == 0)
        return;
    g_autofree char *path = firmware_find(p->dev.machine, name, NULL);
    if (path)
        p->romfile = g_strdup(name);
}

static void add_bars(struct vga_card *card)
{
    static const struct mmio_ops ops = {
        .read = mmio_bar_read, .write = mmio_bar_write, .min = 1, .max = 4, .size = MMIO_SIZE};
    region_init_mmio(&card->mmio, "vga-registers", &ops, &card->dev);
    pci_add_bar(&card->pci, 0, PCI_BAR_MEM32_PREF, &card->lfb);
    pci_add_bar(&card->pci, 2, PCI_BAR_MEM32, &card->mmio);
}

static void add_legacy(struct vga_card *card)
{
    pci_add_legacy(&card->pci, false, VGA_WINDOW, &card->vga.window);
    pci_add_legacy(&card->pci, true, VGA_PORTS, &card->vga.ports);
    pci_add_legacy(&card->pci, true, VBE_PORTS, &card->vga.vbe_ports);
}

static bool vga_pci_realize(struct device *dev, struct error **errp)
{
    struct vga_card *card = (struct vga_card *)dev;
    bool is_vga = is_type(dev, &vga_pci_type);
    const struct pci_ids ids = {.vendor = VENDOR,
                                .device = DEVICE,
                                .subsystem_vendor = 0x1af4,
                                .subsystem = 0x1100,
                                .class_code = is_vga ? CLASS_VGA : CLASS_OTHER,
                                .revision = 2};
    card->vga.has_vga = !is_type(dev, &bochs_display_type);
    if (!edid_check(&card->monitor, errp))
        return false;
    edid_make(&card->monitor, card->blob);
    if (is_vga)
        choose_rom(&card->pci);
    if (!pci_init(&card->pci, &ids, NULL, errp))
        return false;
    if (!vga_init(&card->vga, dev, &((struct vga_pci *)dev)->s.vga, card->vgamem_mb, errp)) {
        pci_fini(&card->pci);
        return false;
    }
    vga_card_init_regions(card);
    add_bars(card);
    if (is_vga)
        add_legacy(card);
    return true;
}

static void vga_pci_unrealize(struct device *dev)
{
    struct vga_card *card = (struct vga_card *)dev;
    pci_fini(&card->pci);
    vga_fini(&card->vga);
}

static void vga_pci_reset(struct device *dev)
{
    pci_reset(dev);
    vga_card_reset(dev);
}

static void vga_pci_sync(struct device *dev)
{
    pci_sync(dev);
    vga_card_sync(dev);
}

static const struct state_field vga_pci_state[] = {
    STATE(vga_pci, pci, 0),
    VGA_CARD_STATE(vga_pci),
    STATE_END,
};

static const struct prop vga_pci_props[] = {
    PCI_PROPS(vga_card),
    PROP(prop_uint32, vga_pci, "vgamem_mb", card.vgamem_mb, "16", "MiB of video memory"),
    PROP(prop_bool, vga_pci, "edid", card.edid, "on", "describe a monitor to the guest"),
    PROP(prop_uint32, vga_pci, "xres", card.monitor.xres, "1280", "its preferred width"),
    PROP(prop_uint32, vga_pci, "yres", card.monitor.yres, "800", "its preferred height"),
    PROP(prop_uint32, vga_pci, "xmax", card.monitor.xmax, NULL, "its greatest width, 0: any"),
    PROP(prop_uint32, vga_pci, "ymax", card.monitor.ymax, NULL, "its greatest height, 0: any"),
    PROP_END,
};

#define VGA_PCI_CLASS(text)                                                                        \
    {                                                                                              \
        .desc = text, .bus = "PCI", .user_creatable = true, .props = vga_pci_props,                \
        .state = vga_pci_state, .realize = vga_pci_realize, .unrealize = vga_pci_unrealize,        \
        .reset = vga_pci_reset, .sync = vga_pci_sync, .loaded = vga_card_loaded                    \
    }
#define VGA_PCI_TYPE(text, cls)                                                                    \
    {                                                                                              \
        text, &(cls), sizeof(struct vga_pci), offsetof(struct vga_pci, s),                         \
            sizeof(struct vga_pci_state)                                                           \
    }

static const struct device_class vga_class = VGA_PCI_CLASS("VGA with Bochs' display interface");
static const struct device_class secondary_class =
    VGA_PCI_CLASS("VGA without the addresses of a PC's");
static const struct device_class bochs_class = VGA_PCI_CLASS("Bochs' display interface alone");

const struct device_type vga_pci_type = VGA_PCI_TYPE("VGA", vga_class);
const struct device_type secondary_vga_type = VGA_PCI_TYPE("secondary-vga", secondary_class);
const struct device_type bochs_display_type = VGA_PCI_TYPE("bochs-display", bochs_class);
