/*
 * What a VGA shows: from registers and memory to a picture, line by line as the beam would.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem, "CRT Controller" and
 * "Attribute Controller".
 *
 * A picture is what the beam draws at the full dot clock: lines that are scanned twice appear
 * twice, a dot at half the clock is two pixels wide, and so is one of 256-colour modes.
 */
#include "core/clock.h"
#include "hw/display/vga.h"
#include "hw/display/vga_regs.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { MAX_CLOCKS = 256 + 1, MAX_DOTS = MAX_CLOCKS * 9, CELL_BYTES = 4, GLYPH_BYTES = 32 };
enum { CURSOR_OFF = 0x20, BLANK_WIDTH = 640, BLANK_HEIGHT = 480 };
static const uint64_t FRAME_NS = 1000000000 / 70;

/* One refresh. */
struct draw {
    struct vga *v;
    const struct vga_state *s;
    uint32_t dac[256];    /* colours of the DAC, behind its mask */
    uint32_t colours[16]; /* of the attribute controller */
    unsigned clocks;      /* of a line: characters, or eights of dots */
    unsigned dots;        /* of a character */
    uint32_t ma;          /* memory address at the start of the line */
    unsigned scan;        /* which line of a row of characters */
    unsigned pan;         /* dots that are cut off on the left */
    bool cursor_shows, blinking_hides;
    bool halved; /* dots are two pixels wide */
    uint32_t line[MAX_DOTS], wide[2 * MAX_DOTS];
};

/* --- colours --- */

/* Six bits to eight, as screenshots elsewhere have it, so that they compare. */
static uint32_t widen(uint8_t c, bool is_wide)
{
    return is_wide ? c : (uint32_t)(c << 2 | (c & 1 ? 3 : 0));
}

static void fill_colours(struct draw *d)
{
    const struct vga_state *s = d->s;
    bool wide = s->vbe[VBE_ENABLE] & VBE_8BIT_DAC;
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t *c = s->palette[i & s->dac_mask];
        d->dac[i] = widen(c[0], wide) << 16 | widen(c[1], wide) << 8 | widen(c[2], wide);
    }
    uint8_t select = s->attr[ATTR_COLOUR_SELECT];
    for (unsigned i = 0; i < 16; i++) {
        uint8_t c = s->attr[i & s->attr[ATTR_PLANE_ENABLE] & 0xf] & 0x3f;
        if (s->attr[ATTR_MODE] & ATTR_MODE_P54)
            c = (uint8_t)((c & 0xf) | (select & 3) << 4);
        d->colours[i] = d->dac[c | (select & 0xc) << 4];
    }
}

/* --- addresses --- */

/* What the CRT controller puts on the bus for a count of characters. */
static uint32_t bus_address(const struct vga_state *s, uint32_t ma, unsigned scan)
{
    uint8_t mode = s->crtc[CRTC_MODE];
    uint32_t a = ma;
    if (!(s->crtc[CRTC_UNDERLINE] & UNDERLINE_DOUBLEWORD) && !(mode & CRTC_MODE_BYTE))
        a = ma << 1 | (ma >> (mode & CRTC_MODE_ADDRESS_WRAP ? 15 : 13) & 1);
    if (!(mode & CRTC_MODE_NO_CGA))
        a = (a & ~0x2000U) | (scan & 1) << 13;
    if (!(mode & CRTC_MODE_NO_HERCULES))
        a = (a & ~0x4000U) | (scan >> 1 & 1) << 14;
    return a & 0xffff;
}

/* How many characters share one address, as a shift. */
static unsigned count_shift(const struct vga_state *s)
{
    if (s->crtc[CRTC_UNDERLINE] & UNDERLINE_COUNT_BY_4)
        return 2;
    return s->crtc[CRTC_MODE] & CRTC_MODE_COUNT_BY_2 ? 1 : 0;
}

static const uint8_t *cell_of(const struct draw *d, unsigned clock)
{
    return vga_cell(d->v, bus_address(d->s, d->ma + (clock >> count_shift(d->s)), d->scan));
}

static uint32_t start_address(const struct vga_state *s)
{
    return (uint32_t)s->crtc[CRTC_START_HIGH] << 8 | s->crtc[CRTC_START_LOW];
}

static unsigned over_bits(const struct vga_state *s, unsigned reg, unsigned bit8)
{
    return s->crtc[reg] | (s->crtc[CRTC_OVERFLOW] >> bit8 & 1U) << 8;
}

static unsigned line_compare(const struct vga_state *s)
{
    return over_bits(s, CRTC_LINE_COMPARE, 4) | (s->crtc[CRTC_MAX_SCAN] & 0x40U) << 3;
}

static unsigned displayed_lines(const struct vga_state *s)
{
    unsigned end = over_bits(s, CRTC_V_DISPLAY_END, 1) | (s->crtc[CRTC_OVERFLOW] & 0x40U) << 3;
    return (end + 1) << (s->crtc[CRTC_MODE] & CRTC_MODE_VERTICAL_BY_2 ? 1 : 0);
}

/* Lines that one row of characters takes. */
static unsigned row_lines(const struct vga_state *s)
{
    uint8_t v = s->crtc[CRTC_MAX_SCAN];
    return ((v & MAX_SCAN_ROWS) + 1U) << (v & MAX_SCAN_DOUBLE ? 1 : 0);
}

/* --- lines of text --- */

/* Of an attribute's bit 3: the font that it chooses, as an offset in plane 2. */
static uint32_t font_offset(const struct vga_state *s, bool second)
{
    uint8_t v = s->seq[SEQ_FONT];
    unsigned n = second ? (v >> 2 & 3) | (v >> 3 & 4) : (v & 3) | (v >> 2 & 4);
    return (n & 3) * 0x4000 + (n >> 2) * 0x2000;
}

/* Dots of one line of a character, the left one in bit 8. */
static unsigned glyph(const struct draw *d, uint8_t ch, uint8_t attr)
{
    const struct vga_state *s = d->s;
    uint32_t at = font_offset(s, attr & 8) + ch * GLYPH_BYTES + d->scan;
    unsigned bits = vga_cell(d->v, at)[2];
    bool joins = (s->attr[ATTR_MODE] & ATTR_MODE_LINE_GRAPHICS) && ch >= 0xc0 && ch <= 0xdf;
    if ((attr & 7) == 1 && d->scan == (s->crtc[CRTC_UNDERLINE] & UNDERLINE_ROW))
        return 0x1ff;
    return bits << 1 | (joins ? bits & 1 : 0);
}

static bool cursor_at(const struct draw *d, uint32_t ma)
{
    const struct vga_state *s = d->s;
    uint8_t start = s->crtc[CRTC_CURSOR_START], end = s->crtc[CRTC_CURSOR_END];
    uint32_t at = (uint32_t)s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW];
    return d->cursor_shows && ma == ((at + (end >> 5 & 3)) & 0xffff) &&
           d->scan >= (start & 0x1fU) && d->scan <= (end & 0x1fU);
}

static void text_character(struct draw *d, unsigned clock, uint32_t *to)
{
    const uint8_t *cell = cell_of(d, clock);
    uint8_t ch = cell[0], attr = cell[1];
    bool blink = d->s->attr[ATTR_MODE] & ATTR_MODE_BLINK;
    uint32_t fg = d->colours[attr & 0xf], bg = d->colours[attr >> 4 & (blink ? 7 : 15)];
    unsigned bits = glyph(d, ch, attr);
    if (blink && (attr & 0x80) && d->blinking_hides)
        bits = 0;
    if (cursor_at(d, (d->ma + clock) & 0xffff))
        bits = 0x1ff;
    for (unsigned i = 0; i < d->dots; i++)
        to[i] = bits >> (8 - i) & 1 ? fg : bg;
}

/* --- lines of graphics --- */

static void planar_pixels(struct draw *d, const uint8_t *cell, uint32_t *to)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned bit = 7 - i, c = 0;
        for (unsigned p = 0; p < CELL_BYTES; p++)
            c |= (cell[p] >> bit & 1U) << p;
        to[i] = d->colours[c];
    }
}

/* Two bits of plane 0, then 1, are the low half of a colour; of 2 and 3 the upper one. */
static void cga_pixels(struct draw *d, const uint8_t *cell, uint32_t *to)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned shift = 6 - 2 * (i & 3), p = i >> 2;
        to[i] = d->colours[(cell[p] >> shift & 3U) | (cell[p + 2] >> shift & 3U) << 2];
    }
}

static void byte_pixels(struct draw *d, const uint8_t *cell, uint32_t *to)
{
    for (unsigned p = 0; p < CELL_BYTES; p++)
        to[2 * p] = to[2 * p + 1] = d->dac[cell[p]];
}

static void graphics_clock(struct draw *d, unsigned clock, uint32_t *to)
{
    uint8_t mode = d->s->gc[GC_MODE];
    const uint8_t *cell = cell_of(d, clock);
    if (mode & MODE_SHIFT_256)
        byte_pixels(d, cell, to);
    else if (mode & MODE_SHIFT_CGA)
        cga_pixels(d, cell, to);
    else
        planar_pixels(d, cell, to);
}

/* --- the screen --- */

static bool is_graphics(const struct vga_state *s)
{
    return s->gc[GC_MISC] & GC_MISC_GRAPHICS;
}

static unsigned panning(const struct draw *d)
{
    unsigned n = d->s->attr[ATTR_PANNING];
    if (d->dots == 9)
        return n >= 8 ? 0 : n + 1;
    return n & 7;
}

static void init_geometry(struct draw *d)
{
    const struct vga_state *s = d->s;
    bool eight = is_graphics(s) || (s->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS);
    d->clocks = s->crtc[CRTC_H_DISPLAY_END] + 1U;
    d->dots = eight ? 8 : 9;
    d->halved = s->seq[SEQ_CLOCKING] & CLOCKING_HALF_DOT;
    d->ma = start_address(s) + (s->crtc[CRTC_PRESET_ROW] >> 5 & 3);
    d->scan = s->crtc[CRTC_PRESET_ROW] & MAX_SCAN_ROWS;
    d->pan = panning(d);
}

static void draw_line(struct draw *d)
{
    bool graphics = is_graphics(d->s);
    for (unsigned i = 0; i <= d->clocks; i++) {
        uint32_t *to = d->line + (size_t)i * d->dots;
        if (graphics)
            graphics_clock(d, i, to);
        else
            text_character(d, i, to);
    }
}

static void put_line(struct draw *d, unsigned y)
{
    const uint32_t *from = d->line + d->pan;
    for (unsigned x = 0; d->halved && x < d->clocks * d->dots; x++)
        d->wide[2 * x] = d->wide[2 * x + 1] = from[x];
    console_put_row(d->v->con, y, d->halved ? d->wide : from);
}

/* The lower part of a split screen begins at address 0. */
static void split(struct draw *d)
{
    d->ma = d->scan = 0;
    if (d->s->attr[ATTR_MODE] & ATTR_MODE_PAN_TOP)
        d->pan = 0;
}

static void draw_standard(struct draw *d)
{
    const struct vga_state *s = d->s;
    unsigned lines = displayed_lines(s), rows = s->crtc[CRTC_MAX_SCAN] & MAX_SCAN_ROWS;
    bool twice = s->crtc[CRTC_MAX_SCAN] & MAX_SCAN_DOUBLE, again = twice;
    init_geometry(d);
    uint32_t row_start = d->ma;
    console_begin(d->v->con, d->clocks * d->dots << d->halved, lines);
    for (unsigned y = 0; y < lines; y++) {
        d->ma = row_start;
        draw_line(d);
        put_line(d, y);
        if (y == line_compare(s)) {
            split(d);
            row_start = 0;
            again = twice;
        } else if (again) {
            again = false;
        } else {
            again = twice;
            row_start += d->scan == rows ? 2U * s->crtc[CRTC_OFFSET] : 0;
            d->scan = d->scan == rows ? 0 : (d->scan + 1) & MAX_SCAN_ROWS;
        }
    }
    console_end(d->v->con);
}

/* --- DISPI modes --- */

static uint32_t from_565(uint32_t c)
{
    uint32_t r = c >> 11 & 0x1f, g = c >> 5 & 0x3f, b = c & 0x1f;
    return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static uint32_t from_555(uint32_t c)
{
    uint32_t r = c >> 10 & 0x1f, g = c >> 5 & 0x1f, b = c & 0x1f;
    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static uint32_t vbe_pixel(const struct draw *d, const uint8_t *at)
{
    bool big = d->s->big_endian;
    switch (d->s->vbe[VBE_BPP]) {
    case 8: return d->dac[*at];
    case 15: return from_555(big ? ld_be16(at) : ld_le16(at));
    case 16: return from_565(big ? ld_be16(at) : ld_le16(at));
    case 24: return big ? at[0] << 16 | at[1] << 8 | at[2] : at[2] << 16 | at[1] << 8 | at[0];
    default: return (big ? ld_be32(at) : ld_le32(at)) & 0xffffff;
    }
}

static void vbe_planar_row(struct draw *d, unsigned y, uint32_t *row)
{
    const uint16_t *r = d->s->vbe;
    uint32_t at = (uint32_t)(r[VBE_Y_OFFSET] + y) * (r[VBE_VIRT_WIDTH] / 8U);
    for (unsigned x = 0; x < r[VBE_XRES]; x++) {
        unsigned from = r[VBE_X_OFFSET] + x, c = 0;
        const uint8_t *cell = vga_cell(d->v, at + from / 8); /* wraps in memory */
        for (unsigned p = 0; p < CELL_BYTES; p++)
            c |= (cell[p] >> (7 - from % 8) & 1U) << p;
        row[x] = d->colours[c];
    }
}

static void vbe_row(struct draw *d, unsigned y, uint32_t *row)
{
    const uint16_t *r = d->s->vbe;
    unsigned bytes = (r[VBE_BPP] + 7U) / 8;
    size_t first = (size_t)(r[VBE_Y_OFFSET] + y) * r[VBE_VIRT_WIDTH] + r[VBE_X_OFFSET];
    const uint8_t *at = d->v->vram->host + first * bytes;
    if (r[VBE_BPP] == 4) {
        vbe_planar_row(d, y, row);
        return;
    }
    for (unsigned x = 0; x < r[VBE_XRES]; x++, at += bytes)
        row[x] = vbe_pixel(d, at);
}

static void draw_vbe(struct draw *d)
{
    const uint16_t *r = d->s->vbe;
    g_autofree uint32_t *row = g_new(uint32_t, r[VBE_XRES]);
    console_begin(d->v->con, r[VBE_XRES], r[VBE_YRES]);
    for (unsigned y = 0; y < r[VBE_YRES]; y++) {
        vbe_row(d, y, row);
        console_put_row(d->v->con, y, row);
    }
    console_end(d->v->con);
}

/* --- nothing --- */

static bool is_blank(const struct vga *v)
{
    const struct vga_state *s = v->s;
    if (!v->has_vga)
        return !vbe_enabled(v);
    if (!(s->attr_index & ATTR_INDEX_PAS) || (s->seq[SEQ_CLOCKING] & CLOCKING_SCREEN_OFF))
        return true;
    return !vbe_enabled(v) &&
           (!(s->crtc[CRTC_MODE] & CRTC_MODE_ENABLE) || (s->seq[SEQ_RESET] & 3) != 3);
}

/* As large as before. */
static void draw_blank(struct vga *v)
{
    const struct surface *old = console_lock(v->con);
    unsigned width = old->width ? old->width : BLANK_WIDTH;
    unsigned height = old->width ? old->height : BLANK_HEIGHT;
    console_unlock(v->con);
    g_autofree uint32_t *row = g_new0(uint32_t, width);
    console_begin(v->con, width, height);
    for (unsigned y = 0; y < height; y++)
        console_put_row(v->con, y, row);
    console_end(v->con);
}

static void draw(struct vga *v)
{
    uint64_t frame = (uint64_t)clock_now() / FRAME_NS;
    g_autofree struct draw *d = g_new0(struct draw, 1);
    d->v = v;
    d->s = v->s;
    d->blinking_hides = frame >> 4 & 1;
    d->cursor_shows = !(frame >> 3 & 1) && !(v->s->crtc[CRTC_CURSOR_START] & CURSOR_OFF);
    fill_colours(d);
    if (vbe_enabled(v))
        draw_vbe(d);
    else
        draw_standard(d);
}

void vga_refresh(void *opaque)
{
    struct vga *v = opaque;
    mutex_lock(&v->dev->lock);
    if (is_blank(v))
        draw_blank(v);
    else
        draw(v);
    mutex_unlock(&v->dev->lock);
}

/* --- text as text --- */

static void describe(const struct vga *v, struct console_text *t)
{
    const struct vga_state *s = v->s;
    uint32_t start = start_address(s), pitch = 2U * s->crtc[CRTC_OFFSET];
    uint32_t cursor = (uint32_t)s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW];
    bool blink = s->attr[ATTR_MODE] & ATTR_MODE_BLINK;
    t->columns = s->crtc[CRTC_H_DISPLAY_END] + 1U;
    t->rows = MAX(displayed_lines(s) / row_lines(s), 1);
    t->cells = g_new0(struct console_cell, (size_t)t->columns * t->rows);
    for (unsigned i = 0; i < t->columns * t->rows; i++) {
        uint32_t ma = start + i / t->columns * pitch + i % t->columns;
        const uint8_t *cell = vga_cell(v, bus_address(s, ma, 0));
        t->cells[i] = (struct console_cell){cell[0], cell[1] & 0xf,
                                            (uint8_t)(cell[1] >> 4 & (blink ? 7 : 15)),
                                            blink && cell[1] >> 7};
        if ((ma & 0xffff) == cursor && !(s->crtc[CRTC_CURSOR_START] & CURSOR_OFF)) {
            t->has_cursor = true;
            t->cursor_column = i % t->columns;
            t->cursor_row = i / t->columns;
        }
    }
}

bool vga_text(void *opaque, struct console_text *t)
{
    struct vga *v = opaque;
    mutex_lock(&v->dev->lock);
    bool is_text = v->has_vga && !is_blank(v) && !vbe_enabled(v) && !is_graphics(v->s);
    if (is_text)
        describe(v, t);
    mutex_unlock(&v->dev->lock);
    return is_text;
}
