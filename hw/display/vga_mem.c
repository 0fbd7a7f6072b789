/*
 * A VGA's memory as the processor sees it from 0xa0000 to 0xbffff: planes, latches, write and read
 * modes.  Ref: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem, "Graphics
 * Controller".
 *
 * Four planes of an offset are one 32-bit word of video memory, so the logic works on all of them
 * at once.  Where the window works like memory - chain 4 without any of the logic, and DISPI's
 * banks - it is memory: the guest's stores do not come here.
 *
 * QUIRK: chain 4 uses every byte of the planes, as doubleword addressing of the CRT controller
 * does; an IBM VGA leaves three of four unused.  Programs that write under one addressing and show
 * under another see a difference.
 */
#include "core/machine.h"
#include "hw/display/vga.h"
#include "hw/display/vga_regs.h"
#include "util/bits.h"

#include <glib.h>

enum { BANK = 0x10000, HALF_BANK = 0x8000, PLANE_MASK = 0xffff, ALL_PLANES = 0xf };

static bool is_linear_mode(const struct vga *v)
{
    return vbe_enabled(v) && v->s->vbe[VBE_BPP] >= 8;
}

/* Whether chain 4 is all that happens to an access. */
static bool is_plain(const struct vga_state *s)
{
    return s->gc[GC_ENABLE_SET_RESET] == 0 && s->gc[GC_ROTATE] == 0 &&
           (s->gc[GC_MODE] & (MODE_READ1 | 3)) == 0 && s->gc[GC_BIT_MASK] == 0xff &&
           s->seq[SEQ_MAP_MASK] == ALL_PLANES;
}

/* What lies over the window as plain memory; NULL: nothing. */
static struct mem_region *linear_part(struct vga *v)
{
    const struct vga_state *s = v->s;
    unsigned map = s->gc[GC_MISC] >> 2 & 3;
    if (!(s->misc & MISC_RAM))
        return NULL;
    if (is_linear_mode(v))
        return &v->banks[s->vbe[VBE_BANK]];
    if (vbe_enabled(v) || !(s->seq[SEQ_MEMORY_MODE] & MEMORY_CHAIN4) || !is_plain(s) || map > 1)
        return NULL;
    return map == 0 ? &v->chain4 : &v->banks[0];
}

void vga_init_window(struct vga *v)
{
    uint32_t n = v->size / BANK;
    region_init_ram(&v->chain4, "vga-linear", v->vram, 0, VGA_WINDOW_SIZE);
    v->banks = g_new(struct mem_region, n);
    for (uint32_t i = 0; i < n; i++)
        region_init_ram(&v->banks[i], "vga-bank", v->vram, (uint64_t)i * BANK, BANK);
}

void vga_update_window(struct vga *v)
{
    struct mem_region *now = v->has_vga ? linear_part(v) : NULL;
    if (now == v->linear)
        return;
    if (v->linear)
        region_del(v->linear);
    v->linear = now;
    if (now)
        region_add(&v->window, 0, now, 1);
    address_space_update(&v->dev->machine->as);
}

/* Which window GC_MISC chooses: true when off lies in it, which becomes relative to it. */
static bool in_window(const struct vga_state *s, uint32_t *off)
{
    static const struct {
        uint32_t base, size;
    } map[] = {{0, VGA_WINDOW_SIZE}, {0, BANK}, {BANK, HALF_BANK}, {BANK + HALF_BANK, HALF_BANK}};
    unsigned n = s->gc[GC_MISC] >> 2 & 3;
    if (!(s->misc & MISC_RAM) || *off < map[n].base || *off - map[n].base >= map[n].size)
        return false;
    *off -= map[n].base;
    return true;
}

/* 0xff in the byte of each plane whose bit is set. */
static uint32_t spread(unsigned planes)
{
    return (planes & 1 ? 0xffU : 0) | (planes & 2 ? 0xff00U : 0) | (planes & 4 ? 0xff0000U : 0) |
           (planes & 8 ? 0xff000000U : 0);
}

/* Where an access goes: the offset in the planes, and which of them its address selects. */
struct place {
    uint32_t offset;
    unsigned planes, read_plane;
};

/* Odd and even: bit 0 selects the planes, and another bit takes its place. */
static uint32_t odd_even_offset(const struct vga_state *s, uint32_t off)
{
    bool all = (s->gc[GC_MISC] >> 2 & 3) == 0;
    if (!(s->gc[GC_MISC] & GC_MISC_CHAIN_ODD_EVEN))
        return off;
    return (off & ~1U) | (all ? off >> 16 & 1 : !(s->misc & MISC_PAGE));
}

static struct place place_of(const struct vga *v, uint32_t off)
{
    const struct vga_state *s = v->s;
    uint8_t mode = s->seq[SEQ_MEMORY_MODE];
    bool read_odd_even = s->gc[GC_MODE] & MODE_ODD_EVEN;
    struct place p = {off & PLANE_MASK, ALL_PLANES, s->gc[GC_READ_MAP]};
    if (vbe_enabled(v)) {
        p.offset += (uint32_t)s->vbe[VBE_BANK] * BANK;
        return p;
    }
    if (mode & MEMORY_CHAIN4)
        return (struct place){off >> 2, 1U << (off & 3), off & 3};
    if (read_odd_even)
        p.read_plane = (p.read_plane & 2) | (off & 1);
    if (!(mode & MEMORY_SEQUENTIAL))
        p.planes = off & 1 ? 0xa : 0x5;
    if (!(mode & MEMORY_SEQUENTIAL) || read_odd_even)
        p.offset = odd_even_offset(s, off) & PLANE_MASK;
    return p;
}

/* Read mode 1: a bit for each pixel whose colour is the one looked for. */
static uint8_t compare(const struct vga_state *s)
{
    uint32_t differ = (ld_le32(s->latch) ^ spread(s->gc[GC_COMPARE])) & spread(s->gc[GC_DONT_CARE]);
    return (uint8_t) ~(differ | differ >> 8 | differ >> 16 | differ >> 24);
}

uint8_t vga_mem_read(struct vga *v, uint32_t off, bool peek)
{
    struct vga_state *s = v->s;
    if (!in_window(s, &off))
        return 0xff;
    if (is_linear_mode(v))
        return off < BANK ? v->vram->host[(size_t)s->vbe[VBE_BANK] * BANK + off] : 0xff;
    struct place p = place_of(v, off);
    const uint8_t *cell = vga_cell(v, p.offset);
    if (peek)
        return cell[p.read_plane];
    memcpy(s->latch, cell, sizeof(s->latch));
    return s->gc[GC_MODE] & MODE_READ1 ? compare(s) : s->latch[p.read_plane];
}

static uint8_t rotate(const struct vga_state *s, uint8_t val)
{
    unsigned n = s->gc[GC_ROTATE] & 7;
    return (uint8_t)(val >> n | val << (8 - n));
}

/* The logical function with the latches, then the bit mask. */
static uint32_t combine(const struct vga_state *s, uint32_t data, uint8_t bits)
{
    uint32_t latch = ld_le32(s->latch), mask = bits * 0x01010101U;
    switch (s->gc[GC_ROTATE] >> 3 & 3) {
    case 1: data &= latch; break;
    case 2: data |= latch; break;
    case 3: data ^= latch; break;
    default: break;
    }
    return (data & mask) | (latch & ~mask);
}

static uint32_t write_data(const struct vga_state *s, uint8_t val)
{
    uint32_t set = spread(s->gc[GC_SET_RESET]), enable = spread(s->gc[GC_ENABLE_SET_RESET]);
    uint8_t bits = s->gc[GC_BIT_MASK];
    switch (s->gc[GC_MODE] & 3) {
    case 0: return combine(s, (rotate(s, val) * 0x01010101U & ~enable) | (set & enable), bits);
    case 1: return ld_le32(s->latch);
    case 2: return combine(s, spread(val), bits);
    default: return combine(s, set, rotate(s, val) & bits);
    }
}

void vga_mem_write(struct vga *v, uint32_t off, uint8_t val)
{
    struct vga_state *s = v->s;
    if (!in_window(s, &off))
        return;
    if (is_linear_mode(v)) {
        size_t at = (size_t)s->vbe[VBE_BANK] * BANK + off;
        if (off < BANK)
            v->vram->host[at] = val;
        if (off < BANK)
            ram_written(v->vram, at, 1);
        return;
    }
    struct place p = place_of(v, off);
    uint8_t *cell = vga_cell(v, p.offset);
    uint32_t planes = spread(p.planes & s->seq[SEQ_MAP_MASK]);
    st_le32(cell, (ld_le32(cell) & ~planes) | (write_data(s, val) & planes));
    ram_written(v->vram, (uint64_t)(cell - v->vram->host), 4);
}
