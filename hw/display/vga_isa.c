/* isa-vga: a VGA at fixed addresses, with its memory also at 0xe0000000 for Bochs' modes. */
#include "core/machine.h"
#include "hw/display/vga_card.h"
#include "hw/display/vgarom.h"
#include "hw/isa/isa.h"

static const gpa LINEAR = 0xe0000000;

struct isa_vga {
    struct vga_card card;
    char *romfile;
    struct isa_vga_state {
        struct vga_state vga;
    } s;
};

static bool isa_vga_realize(struct device *dev, struct error **errp)
{
    struct vga_card *card = (struct vga_card *)dev;
    struct vga *v = &card->vga;
    struct machine *m = dev->machine;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    v->has_vga = true;
    if (bus == NULL ||
        !vgarom_offer(m, ((struct isa_vga *)dev)->romfile, "vgabios-isavga.bin", errp) ||
        !vga_init(v, dev, &((struct isa_vga *)dev)->s.vga, card->vgamem_mb, errp))
        return false;
    vga_card_init_regions(card);
    isa_add_ports(bus, VGA_PORTS, &v->ports);
    isa_add_ports(bus, VBE_PORTS, &v->vbe_ports);
    region_add(&m->root, VGA_WINDOW, &v->window, 1);
    region_add(&m->root, LINEAR, &card->lfb, 1);
    address_space_update(&m->as);
    return true;
}

static void isa_vga_unrealize(struct device *dev)
{
    struct vga_card *card = (struct vga_card *)dev;
    struct machine *m = dev->machine;
    isa_del_ports(m, &card->vga.ports);
    isa_del_ports(m, &card->vga.vbe_ports);
    region_del(&card->vga.window);
    region_del(&card->lfb);
    address_space_update(&m->as);
    vga_fini(&card->vga);
}

static const struct state_field isa_vga_state[] = {
    VGA_CARD_STATE(isa_vga),
    STATE_END,
};

static const struct prop isa_vga_props[] = {
    PROP(prop_uint32, isa_vga, "vgamem_mb", card.vgamem_mb, "8", "MiB of video memory"),
    PROP(prop_string, isa_vga, "romfile", romfile, NULL, "file of its BIOS; empty: none"),
    PROP_END,
};

DEVICE_CLASS_NAMED(isa_vga, "isa-vga") = {
    .desc = "VGA on the ISA bus",
    .bus = "ISA",
    .user_creatable = true,
    .props = isa_vga_props,
    .state = isa_vga_state,
    .realize = isa_vga_realize,
    .unrealize = isa_vga_unrealize,
    .reset = vga_card_reset,
    .sync = vga_card_sync,
    .loaded = vga_card_loaded,
};
