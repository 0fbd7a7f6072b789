/* What cards with a VGA have in common, whatever bus they sit on. */
#ifndef HW_DISPLAY_VGA_CARD_H
#define HW_DISPLAY_VGA_CARD_H

#include "hw/display/edid.h"
#include "hw/display/vga.h"
#include "hw/pci/pci.h"

/* The first member of every card. */
struct vga_card {
    union {
        struct device dev;
        struct pci_device pci;
    };
    struct vga vga;
    struct mem_region lfb, mmio; /* all of the memory; the registers' BAR of PCI cards */
    uint32_t vgamem_mb;
    bool edid;
    struct edid_config monitor;
    uint8_t blob[EDID_SIZE];
};

/* For realize, after vga_init(): the regions of ports and memory. */
void vga_card_init_regions(struct vga_card *card);
/* The .reset, .sync and .loaded of the chip on a card. */
void vga_card_reset(struct device *dev);
void vga_card_sync(struct device *dev);
void vga_card_loaded(struct device *dev);

#define VGA_CARD_STATE(type)                                                                       \
    STATE_ARRAY(type, vga.vbe, 0), STATE(type, vga.vbe_index, 0), STATE_ARRAY(type, vga.crtc, 0),  \
        STATE_ARRAY(type, vga.attr, 0), STATE_ARRAY(type, vga.gc, 0),                              \
        STATE_ARRAY(type, vga.seq, 0), STATE(type, vga.crtc_index, 0),                             \
        STATE(type, vga.attr_index, 0), STATE(type, vga.gc_index, 0),                              \
        STATE(type, vga.seq_index, 0), STATE(type, vga.attr_data, 0), STATE(type, vga.misc, 0),    \
        STATE(type, vga.feature, 0), STATE(type, vga.dac_mask, 0xff),                              \
        STATE(type, vga.dac_read, 0), STATE(type, vga.dac_write, 0), STATE(type, vga.dac_part, 0), \
        STATE(type, vga.dac_reading, 0), STATE_ARRAY(type, vga.dac_new, 0),                        \
        STATE_ARRAY(type, vga.palette, 0), STATE_ARRAY(type, vga.latch, 0),                        \
        STATE(type, vga.big_endian, 0), STATE_ARRAY(type, vga.pad, 0)

#endif
