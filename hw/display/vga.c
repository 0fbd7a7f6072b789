/*
 * A VGA's registers: sequencer, CRT controller, graphics and attribute controllers, DAC, and
 * Bochs' display interface.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem (1992).
 */
#include "hw/display/vga.h"
#include "core/clock.h"
#include "core/machine.h"
#include "hw/display/vga_regs.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

/* I/O ports; of the two addresses of some, the one of colour screens. */
enum {
    P_ATTR = 0x3c0,
    P_ATTR_READ = 0x3c1,
    P_MISC_WRITE = 0x3c2, /* read: input status 0 */
    P_SEQ_INDEX = 0x3c4,
    P_SEQ = 0x3c5,
    P_DAC_MASK = 0x3c6,
    P_DAC_READ = 0x3c7, /* read: DAC state */
    P_DAC_WRITE = 0x3c8,
    P_DAC = 0x3c9,
    P_FEATURE_READ = 0x3ca,
    P_MISC_READ = 0x3cc,
    P_GC_INDEX = 0x3ce,
    P_GC = 0x3cf,
    P_CRTC_INDEX = 0x3d4,
    P_CRTC = 0x3d5,
    P_STATUS = 0x3da /* write: feature control */
};
enum { SENSE = 0x10, STATUS_BLANK = 0x01, STATUS_RETRACE = 0x08 };
enum { DAC_STATE_READ = 3, NO_PORT = 0xff };
static const struct console_ops console_ops = {vga_refresh, vga_text};

/* --- time --- */

/* Dots a second; misc bits 2 and 3. */
static uint32_t dot_clock(const struct vga_state *s)
{
    uint32_t hz = (s->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
    return s->seq[SEQ_CLOCKING] & CLOCKING_HALF_DOT ? hz / 2 : hz;
}

static unsigned with_overflow(const struct vga_state *s, unsigned reg, unsigned bit8, unsigned bit9)
{
    unsigned over = s->crtc[CRTC_OVERFLOW];
    return s->crtc[reg] | (over >> bit8 & 1) << 8 | (over >> bit9 & 1) << 9;
}

/* Input status 1, from where the beam would be. */
static uint8_t beam_status(const struct vga_state *s)
{
    unsigned dots = s->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS ? 8 : 9;
    unsigned total = s->crtc[CRTC_H_TOTAL] + 5, lines = with_overflow(s, CRTC_V_TOTAL, 0, 5) + 2;
    unsigned shown = with_overflow(s, CRTC_V_DISPLAY_END, 1, 6) + 1;
    unsigned retrace = MIN(with_overflow(s, CRTC_V_RETRACE_START, 2, 7), lines - 2);
    unsigned length = (s->crtc[CRTC_V_RETRACE_END] - retrace) & 0xf;
    uint64_t line_ns = (uint64_t)total * dots * 1000000000 / dot_clock(s);
    uint64_t at = (uint64_t)clock_now() % (line_ns * lines);
    unsigned line = (unsigned)(at / line_ns);
    unsigned column = (unsigned)(at % line_ns * total / line_ns);
    bool blank = line >= shown || column > s->crtc[CRTC_H_DISPLAY_END];
    bool sync = line >= retrace && line < retrace + (length ? length : 16);
    return (uint8_t)((sync ? STATUS_RETRACE | STATUS_BLANK : 0) | (blank ? STATUS_BLANK : 0));
}

/* --- DAC --- */

static uint8_t dac_width_mask(const struct vga *v)
{
    return v->s->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? 0xff : 0x3f;
}

static uint8_t read_dac(struct vga *v, bool peek)
{
    struct vga_state *s = v->s;
    uint8_t val = s->palette[s->dac_read][s->dac_part];
    if (peek)
        return val;
    if (++s->dac_part == 3) {
        s->dac_part = 0;
        s->dac_read++;
    }
    return val;
}

static void write_dac(struct vga *v, uint8_t val)
{
    struct vga_state *s = v->s;
    s->dac_new[s->dac_part++] = val & dac_width_mask(v);
    if (s->dac_part < 3)
        return;
    memcpy(s->palette[s->dac_write++], s->dac_new, sizeof(s->dac_new));
    s->dac_part = 0;
}

/* The palette keeps its colours when the width of its entries changes. */
static void set_dac_width(struct vga *v, bool wide)
{
    bool was_wide = dac_width_mask(v) == 0xff;
    uint8_t *c = &v->s->palette[0][0];
    for (unsigned i = 0; i < sizeof(v->s->palette) && wide != was_wide; i++)
        c[i] = (uint8_t)(wide ? c[i] << 2 | c[i] >> 4 : c[i] >> 2);
}

/* --- the register files --- */

static const uint8_t seq_mask[8] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
static const uint8_t gc_mask[16] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
static const uint8_t attr_mask[32] = {0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                      0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                      0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f};

static void write_seq(struct vga *v, uint8_t val)
{
    struct vga_state *s = v->s;
    s->seq[s->seq_index] = val & seq_mask[s->seq_index];
    vga_update_window(v);
}

static void write_gc(struct vga *v, uint8_t val)
{
    struct vga_state *s = v->s;
    s->gc[s->gc_index] = val & gc_mask[s->gc_index];
    vga_update_window(v);
}

static void write_attr(struct vga *v, uint8_t val)
{
    struct vga_state *s = v->s;
    unsigned index = s->attr_index & 0x1f;
    if (s->attr_data)
        s->attr[index] = val & attr_mask[index];
    else
        s->attr_index = val & 0x3f;
    s->attr_data ^= 1;
}

/* Registers 0 to 7 are protected by bit 7 of 0x11, but for the line compare bit. */
static void write_crtc(struct vga *v, uint8_t val)
{
    struct vga_state *s = v->s;
    unsigned index = s->crtc_index;
    if (index >= CRTC_REGS)
        return;
    if (index <= CRTC_OVERFLOW && (s->crtc[CRTC_V_RETRACE_END] & RETRACE_PROTECT)) {
        if (index != CRTC_OVERFLOW)
            return;
        val = (uint8_t)((s->crtc[index] & ~0x10) | (val & 0x10));
    }
    s->crtc[index] = val;
}

static uint8_t read_crtc(const struct vga_state *s)
{
    if (s->crtc_index == CRTC_LATCH)
        return s->latch[s->gc[GC_READ_MAP]];
    if (s->crtc_index == CRTC_ATTR_STATE)
        return (uint8_t)(s->attr_data << 7 | s->attr_index);
    return s->crtc_index < CRTC_REGS ? s->crtc[s->crtc_index] : 0;
}

/* The port as on a colour screen; NO_PORT where the other kind of screen has it. */
static unsigned canonical(const struct vga_state *s, unsigned port)
{
    bool colour = s->misc & MISC_COLOUR;
    if (port >= P_ATTR && port < 0x3d0)
        return port;
    if (port >= 0x3d0)
        return colour ? port : NO_PORT;
    return colour ? NO_PORT : port + 0x20;
}

static uint8_t read_status(struct vga *v, bool peek)
{
    if (!peek)
        v->s->attr_data = 0;
    return beam_status(v->s);
}

uint8_t vga_port_read(struct vga *v, unsigned port, bool peek)
{
    const struct vga_state *s = v->s;
    switch (canonical(s, port)) {
    case P_ATTR: return s->attr_index;
    case P_ATTR_READ: return s->attr[s->attr_index & 0x1f];
    case P_MISC_WRITE: return SENSE;
    case P_SEQ_INDEX: return s->seq_index;
    case P_SEQ: return s->seq[s->seq_index];
    case P_DAC_MASK: return s->dac_mask;
    case P_DAC_READ: return s->dac_reading ? DAC_STATE_READ : 0;
    case P_DAC_WRITE: return s->dac_write;
    case P_DAC: return read_dac(v, peek);
    case P_FEATURE_READ: return s->feature;
    case P_MISC_READ: return s->misc;
    case P_GC_INDEX: return s->gc_index;
    case P_GC: return s->gc[s->gc_index];
    case P_CRTC_INDEX: return s->crtc_index;
    case P_CRTC: return read_crtc(s);
    case P_STATUS: return read_status(v, peek);
    case 0x3c3:
    case 0x3cb:
    case 0x3cd: return 0;
    default: return 0xff;
    }
}

static void start_dac(struct vga_state *s, uint8_t val, bool reading)
{
    if (reading)
        s->dac_read = val;
    else
        s->dac_write = val;
    s->dac_reading = reading;
    s->dac_part = 0;
}

void vga_port_write(struct vga *v, unsigned port, uint8_t val)
{
    struct vga_state *s = v->s;
    switch (canonical(s, port)) {
    case P_ATTR: write_attr(v, val); break;
    case P_MISC_WRITE:
        s->misc = val & 0xef;
        vga_update_window(v);
        break;
    case P_SEQ_INDEX: s->seq_index = val & 7; break;
    case P_SEQ: write_seq(v, val); break;
    case P_DAC_MASK: s->dac_mask = val; break;
    case P_DAC_READ: start_dac(s, val, true); break;
    case P_DAC_WRITE: start_dac(s, val, false); break;
    case P_DAC: write_dac(v, val); break;
    case P_GC_INDEX: s->gc_index = val & 0xf; break;
    case P_GC: write_gc(v, val); break;
    case P_CRTC_INDEX: s->crtc_index = val & CRTC_INDEX_MASK; break;
    case P_CRTC: write_crtc(v, val); break;
    case P_STATUS: s->feature = val & 0x0b; break;
    default: break;
    }
}

/* --- DISPI --- */

enum { VBE_ID0 = 0xb0c0, VBE_ID5 = 0xb0c5, VBE_MAX_XRES = 16000, VBE_MAX_YRES = 12000 };
enum { VBE_MAX_BPP = 32, BANK = 0x10000 };

/* Bytes of a line; of each of the four planes when a pixel has four bits. */
static uint32_t pitch(const struct vga_state *s)
{
    uint32_t width = s->vbe[VBE_VIRT_WIDTH], bpp = s->vbe[VBE_BPP];
    return bpp == 4 ? width / 8 : width * ((bpp + 7) / 8);
}

/* Bytes a line takes of the whole memory. */
static uint32_t pitch_in_memory(const struct vga_state *s)
{
    return s->vbe[VBE_BPP] == 4 ? pitch(s) * 4 : pitch(s);
}

static uint16_t lines_that_fit(const struct vga *v)
{
    uint32_t bytes = pitch_in_memory(v->s);
    return bytes ? (uint16_t)MIN(v->size / bytes, UINT16_MAX) : 0;
}

static bool is_depth(uint16_t bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* A mode's dimensions, cut to what memory and interface allow. */
static void settle_mode(struct vga *v)
{
    uint16_t *r = v->s->vbe;
    if (!is_depth(r[VBE_BPP]))
        r[VBE_BPP] = 8;
    r[VBE_XRES] = (uint16_t)CLAMP(r[VBE_XRES] & ~7, 8, VBE_MAX_XRES);
    r[VBE_VIRT_WIDTH] = r[VBE_XRES];
    while (r[VBE_XRES] > 8 && lines_that_fit(v) == 0) {
        r[VBE_XRES] = (uint16_t)(r[VBE_XRES] / 2 & ~7);
        r[VBE_VIRT_WIDTH] = r[VBE_XRES];
    }
    r[VBE_VIRT_HEIGHT] = lines_that_fit(v);
    r[VBE_YRES] = (uint16_t)CLAMP(r[VBE_YRES], 1, MIN(VBE_MAX_YRES, r[VBE_VIRT_HEIGHT]));
    r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = 0;
}

static void clear_mode(struct vga *v)
{
    uint64_t size = (uint64_t)pitch_in_memory(v->s) * v->s->vbe[VBE_YRES];
    memset(v->vram->host, 0, MIN(size, v->size));
    ram_written(v->vram, 0, MIN(size, v->size));
}

static void write_enable(struct vga *v, uint16_t val)
{
    uint16_t *r = v->s->vbe;
    bool begins = (val & VBE_ENABLED) && !(r[VBE_ENABLE] & VBE_ENABLED);
    set_dac_width(v, val & VBE_8BIT_DAC);
    r[VBE_ENABLE] = val & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEARMEM);
    if (begins) {
        r[VBE_BANK] = 0;
        settle_mode(v);
        if (!(val & VBE_NOCLEARMEM))
            clear_mode(v);
    }
}

/* A picture that begins in the midst of a line goes on in the next one; all of it lies in memory.
 */
static void settle_start(struct vga *v)
{
    uint16_t *r = v->s->vbe;
    uint32_t width = r[VBE_VIRT_WIDTH], pixels = v->size / pitch_in_memory(v->s) * width;
    uint32_t last = pixels - ((r[VBE_YRES] - 1U) * width + r[VBE_XRES]);
    if (r[VBE_Y_OFFSET] * width + r[VBE_X_OFFSET] <= last)
        return;
    r[VBE_Y_OFFSET] = (uint16_t)MIN(r[VBE_Y_OFFSET], last / width);
    r[VBE_X_OFFSET] = (uint16_t)MIN(r[VBE_X_OFFSET], last - r[VBE_Y_OFFSET] * width);
}

/* Widths are at least what is shown. */
static void write_virtual(struct vga *v, unsigned index, uint16_t val)
{
    uint16_t *r = v->s->vbe;
    uint16_t old = r[index];
    r[index] = val;
    if (index == VBE_VIRT_WIDTH) {
        r[index] = (uint16_t)CLAMP(val & ~7, r[VBE_XRES], VBE_MAX_XRES);
        if (lines_that_fit(v) < r[VBE_YRES])
            r[index] = old;
        r[VBE_VIRT_HEIGHT] = lines_that_fit(v);
    }
    settle_start(v);
}

void vbe_write(struct vga *v, unsigned index, uint16_t val)
{
    uint16_t *r = v->s->vbe;
    bool enabled = vbe_enabled(v);
    switch (index) {
    case VBE_ID:
        if (val >= VBE_ID0 && val <= VBE_ID5)
            r[VBE_ID] = val;
        break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
        if (!enabled) /* a mode is chosen before it begins */
            r[index] = val;
        break;
    case VBE_ENABLE: write_enable(v, val); break;
    case VBE_BANK: r[VBE_BANK] = val & (v->size / BANK - 1); break;
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        if (enabled)
            write_virtual(v, index, val);
        break;
    default: return;
    }
    vga_update_window(v);
}

uint16_t vbe_read(const struct vga *v, unsigned index)
{
    const uint16_t *r = v->s->vbe;
    bool caps = r[VBE_ENABLE] & VBE_GETCAPS;
    switch (index) {
    case VBE_XRES: return caps ? VBE_MAX_XRES : r[index];
    case VBE_YRES: return caps ? VBE_MAX_YRES : r[index];
    case VBE_BPP: return caps ? VBE_MAX_BPP : r[index];
    case VBE_MEMORY_64K: return (uint16_t)(v->size / BANK);
    default: return index < VBE_REGS ? r[index] : 0;
    }
}

/* --- a card's life --- */

bool vga_init(struct vga *v, struct device *dev, struct vga_state *s, uint32_t mb,
              struct error **errp)
{
    g_autofree char *name = g_strdup_printf("%s.vram", dev->id);
    if (mb < VGA_MIN_MEMORY_MB || mb > VGA_MAX_MEMORY_MB || !is_pow2(mb)) {
        error_set(errp, "vgamem_mb is %u, must be a power of two from %d to %d", mb,
                  VGA_MIN_MEMORY_MB, VGA_MAX_MEMORY_MB);
        return false;
    }
    v->dev = dev;
    v->s = s;
    v->size = mb << 20;
    v->vram = machine_new_ram(dev->machine, name, v->size, errp);
    if (v->vram == NULL)
        return false;
    v->con = console_new(dev, &console_ops, v);
    return true;
}

void vga_fini(struct vga *v)
{
    console_free(v->con);
    g_clear_pointer(&v->banks, g_free);
    if (v->vram)
        machine_del_ram(v->dev->machine, v->vram);
    v->con = NULL;
    v->vram = NULL;
}

void vga_reset(struct vga *v)
{
    v->s->vbe[VBE_ID] = VBE_ID5;
    v->s->dac_mask = 0xff;
}

void vga_sync(struct vga *v)
{
    vga_update_window(v);
}

void vga_loaded(struct vga *v)
{
    struct vga_state *s = v->s;
    uint16_t *r = s->vbe;
    s->seq_index &= 7;
    s->gc_index &= 0xf;
    s->crtc_index &= CRTC_INDEX_MASK;
    s->attr_index &= 0x3f;
    s->attr_data &= 1;
    s->dac_part %= 3;
    s->gc[GC_READ_MAP] &= 3;
    r[VBE_BANK] &= (uint16_t)(v->size / BANK - 1);
    if (!vbe_enabled(v))
        return;
    uint16_t width = r[VBE_VIRT_WIDTH], x = r[VBE_X_OFFSET], y = r[VBE_Y_OFFSET];
    settle_mode(v);
    write_virtual(v, VBE_VIRT_WIDTH, width);
    write_virtual(v, VBE_X_OFFSET, x);
    write_virtual(v, VBE_Y_OFFSET, y);
}
