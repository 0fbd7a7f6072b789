/* What cards with a VGA have in common: the regions of its ports and memory. */
#include "hw/display/vga_card.h"
#include "util/bits.h"

static struct vga *chip(struct device *dev)
{
    return &((struct vga_card *)dev)->vga;
}

static uint64_t ports_read(struct device *dev, struct access a)
{
    return vga_port_read(chip(dev), VGA_PORTS + (unsigned)a.off, a.peek);
}

static void ports_write(struct device *dev, struct access a, uint64_t val)
{
    vga_port_write(chip(dev), VGA_PORTS + (unsigned)a.off, (uint8_t)val);
}

/* The index at 0x1ce, data at 0x1cf and 0x1d0, all of 16 bits. */
static uint64_t vbe_ports_read(struct device *dev, struct access a)
{
    struct vga *v = chip(dev);
    if (a.size != 2)
        return MASK64(0, a.size * 8U);
    return a.off == 0 ? v->s->vbe_index : vbe_read(v, v->s->vbe_index);
}

static void vbe_ports_write(struct device *dev, struct access a, uint64_t val)
{
    struct vga *v = chip(dev);
    if (a.size != 2)
        return;
    if (a.off == 0)
        v->s->vbe_index = (uint16_t)val;
    else
        vbe_write(v, v->s->vbe_index, (uint16_t)val);
}

static uint64_t planes_read(struct device *dev, struct access a)
{
    return vga_mem_read(chip(dev), (uint32_t)a.off, a.peek);
}

static void planes_write(struct device *dev, struct access a, uint64_t val)
{
    vga_mem_write(chip(dev), (uint32_t)a.off, (uint8_t)val);
}

void vga_card_init_regions(struct vga_card *card)
{
    static const struct mmio_ops ports = {
        .read = ports_read, .write = ports_write, .min = 1, .max = 1, .size = VGA_PORTS_SIZE};
    static const struct mmio_ops vbe_ports = {.read = vbe_ports_read,
                                              .write = vbe_ports_write,
                                              .min = 1,
                                              .max = 2,
                                              .size = VBE_PORTS_SIZE,
                                              .unaligned = true};
    static const struct mmio_ops planes = {
        .read = planes_read, .write = planes_write, .min = 1, .max = 1, .size = VGA_WINDOW_SIZE};
    struct vga *v = &card->vga;
    region_init_mmio(&v->ports, "vga", &ports, &card->dev);
    region_init_mmio(&v->vbe_ports, "vbe", &vbe_ports, &card->dev);
    region_init_container(&v->window, "vga-window", VGA_WINDOW_SIZE);
    region_init_mmio(&v->planes, "vga-planes", &planes, &card->dev);
    region_add(&v->window, 0, &v->planes, 0);
    vga_init_window(v);
    region_init_ram(&card->lfb, "vga-memory", v->vram, 0, v->size);
}

void vga_card_reset(struct device *dev)
{
    vga_reset(chip(dev));
}

void vga_card_sync(struct device *dev)
{
    vga_sync(chip(dev));
}

void vga_card_loaded(struct device *dev)
{
    vga_loaded(chip(dev));
}
