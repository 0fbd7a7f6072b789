/*
 * A VGA with Bochs' display interface (DISPI): the chip, apart from the bus that it sits on.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem (1992); names of registers
 * are its. Bochs VBE display API.
 *
 * A card is a `struct device` of its own that embeds a struct vga and, in its state, a struct
 * vga_state.  Everything here that takes a struct vga wants dev->lock held, except where it says
 * otherwise.
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "core/device.h"
#include "core/ram.h"
#include "ui/console.h"

enum {
    VGA_PORTS = 0x3b0,
    VGA_PORTS_SIZE = 0x30,
    VGA_WINDOW = 0xa0000,
    VGA_WINDOW_SIZE = 0x20000,
    VBE_PORTS = 0x1ce,
    VBE_PORTS_SIZE = 4,
};
enum { VGA_MIN_MEMORY_MB = 1, VGA_MAX_MEMORY_MB = 512 };

/* DISPI registers by index. */
enum {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEMORY_64K,
    VBE_REGS
};
enum {
    VBE_ENABLED = 0x01,
    VBE_GETCAPS = 0x02,
    VBE_8BIT_DAC = 0x20,
    VBE_LFB = 0x40,
    VBE_NOCLEARMEM = 0x80
};

struct vga_state {
    uint16_t vbe[VBE_REGS], vbe_index;
    uint8_t crtc[32], attr[32], gc[16], seq[8];
    uint8_t crtc_index, attr_index, gc_index, seq_index;
    uint8_t attr_data; /* the next write of 0x3c0 is data */
    uint8_t misc, feature;
    uint8_t dac_mask, dac_read, dac_write, dac_part, dac_reading, dac_new[3];
    uint8_t palette[256][3]; /* 6 bits each, or 8 under VBE_8BIT_DAC */
    uint8_t latch[4];
    uint8_t big_endian; /* of pixels wider than a byte */
    uint8_t pad[4];
};

struct vga {
    struct device *dev;
    struct vga_state *s;
    struct ram_block *vram; /* planes interleaved: plane p of offset o is byte 4 * o + p */
    uint32_t size;          /* bytes of vram: a power of two */
    struct console *con;
    struct mem_region window, planes; /* a container at 0xa0000, and the registers' view */
    /* Parts of vram that may be over it, where it works like memory: the first 128 KiB, and each
     * bank of 64 KiB.  The map tells them apart by their addresses. */
    struct mem_region chain4, *banks;
    struct mem_region ports, vbe_ports; /* 0x3b0 to 0x3df; 0x1ce to 0x1d1 */
    struct mem_region *linear;          /* the one that is, or NULL */
    bool has_vga;                       /* else DISPI alone: bochs-display */
};

/* For realize: memory of mb MiB (a power of two) and the console; false and *errp when the size is
 * bad or there is no memory. */
bool vga_init(struct vga *v, struct device *dev, struct vga_state *s, uint32_t mb,
              struct error **errp) MUST_CHECK;
/* For unrealize, after the card took the regions off the map; undoes what was done of vga_init().
 */
void vga_fini(struct vga *v);
/* For reset (after the state table) and sync: bring the window up to date. */
void vga_reset(struct vga *v);
void vga_sync(struct vga *v);
/* Bring a loaded state into its range. */
void vga_loaded(struct vga *v);

/* Registers by I/O port. */
uint8_t vga_port_read(struct vga *v, unsigned port, bool peek);
void vga_port_write(struct vga *v, unsigned port, uint8_t val);
/* DISPI registers by index. */
uint16_t vbe_read(const struct vga *v, unsigned index);
void vbe_write(struct vga *v, unsigned index, uint16_t val);

/* The window at 0xa0000: once, when there is memory; then by offset. */
void vga_init_window(struct vga *v);
uint8_t vga_mem_read(struct vga *v, uint32_t off, bool peek);
void vga_mem_write(struct vga *v, uint32_t off, uint8_t val);
/* After any change of a register that says how the window works. */
void vga_update_window(struct vga *v);

/* vga_draw.c: draw what the registers say into the console.  Takes dev->lock. */
void vga_refresh(void *opaque);
bool vga_text(void *opaque, struct console_text *t);

/* Helpers that several files use. */
static inline bool vbe_enabled(const struct vga *v)
{
    return v->s->vbe[VBE_ENABLE] & VBE_ENABLED;
}
/* The four planes at an offset. */
static inline uint8_t *vga_cell(const struct vga *v, uint32_t offset)
{
    return v->vram->host + (size_t)(offset & (v->size / 4 - 1)) * 4;
}

#endif
