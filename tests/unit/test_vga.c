/* VGA: registers, how memory is written and read, what each kind of mode shows, DISPI, the cards.
 */
#include "core/clock.h"
#include "hw/display/edid.h"
#include "hw/display/vga.h"
#include "hw/registry.h"
#include "tests/unit/isa_bench.h"
#include "tests/unit/pci_bench.h"
#include "ui/console.h"
#include "util/bits.h"

#include <string.h>

extern const struct device_type isa_vga_type, ecam_root_type, ecam_host_type;

enum { ATTR = 0x3c0, MISC = 0x3c2, SEQ = 0x3c4, DAC = 0x3c8, GC = 0x3ce, CRTC = 0x3d4 };
enum { STATUS = 0x3da, VBE = 0x1ce };
enum { WINDOW = 0xa0000, TEXT = 0xb8000, LINEAR = 0xe0000000 };

static struct isa_bench *b;

static void set_up(void)
{
    b = isa_bench_new();
    isa_bench_add(b, &isa_vga_type, NULL);
}

static void tear_down(void)
{
    isa_bench_free(b);
}

static void put(unsigned port, unsigned index, unsigned v)
{
    isa_out(b, port, index);
    isa_out(b, port + 1, v);
}

static uint8_t get(unsigned port, unsigned index)
{
    isa_out(b, port, index);
    return isa_in(b, port + 1);
}

static void put_attr(unsigned index, unsigned v)
{
    isa_in(b, STATUS);
    isa_out(b, ATTR, index | 0x20);
    isa_out(b, ATTR, v);
}

static void put_mem(uint32_t at, uint8_t v)
{
    g_assert_cmpint(mem_write(&b->b->m->as, at, 1, v), ==, MEM_OK);
}

static uint8_t get_mem(uint32_t at)
{
    uint64_t v;
    g_assert_cmpint(mem_read(&b->b->m->as, at, 1, &v), ==, MEM_OK);
    return (uint8_t)v;
}

static void put_vbe(unsigned index, uint16_t v)
{
    isa_write(b, VBE, 2, index);
    isa_write(b, VBE + 1, 2, v);
}

static uint16_t get_vbe(unsigned index)
{
    isa_write(b, VBE, 2, index);
    return (uint16_t)isa_read(b, VBE + 1, 2);
}

/* Registers of the BIOS' modes.  Ref: IBM PS/2 Hardware Interface Technical Reference, Video
 * Subsystem, "BIOS Mode Setting" tables. */
struct mode {
    uint8_t misc, seq[5], crtc[25], gc[9], attr[5]; /* attr: registers 0x10 to 0x14 */
};

static const struct mode mode_03 = {0x67,
                                    {3, 0, 3, 0, 2},
                                    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0,
                                     0x4f, 0x0d, 0x0e, 0,    0,    0,    0,    0x9c, 0x8e,
                                     0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
                                    {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff},
                                    {0x0c, 0, 0x0f, 0x08, 0}};
static const struct mode mode_04 = {0x63,
                                    {3, 9, 3, 0, 2},
                                    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0,
                                     0xc1, 0,    0,    0,    0,    0,    0,    0x9c, 0x8e,
                                     0x8f, 0x14, 0,    0x96, 0xb9, 0xa2, 0xff},
                                    {0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff},
                                    {0x01, 0, 0x03, 0, 0}};
static const struct mode mode_06 = {0x63,
                                    {3, 1, 1, 0, 6},
                                    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0,
                                     0xc1, 0,    0,    0,    0,    0,    0,    0x9c, 0x8e,
                                     0x8f, 0x28, 0,    0x96, 0xb9, 0xc2, 0xff},
                                    {0, 0, 0, 0, 0, 0, 0x0d, 0x0f, 0xff},
                                    {0x01, 0, 0x01, 0, 0}};
static const struct mode mode_0d = {0x63,
                                    {3, 9, 0x0f, 0, 6},
                                    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0,
                                     0xc0, 0,    0,    0,    0,    0,    0,    0x9c, 0x8e,
                                     0x8f, 0x14, 0,    0x96, 0xb9, 0xe3, 0xff},
                                    {0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff},
                                    {0x01, 0, 0x0f, 0, 0}};
static const struct mode mode_12 = {0xe3,
                                    {3, 1, 0x0f, 0, 6},
                                    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0,
                                     0x40, 0,    0,    0,    0,    0,    0,    0xea, 0x8c,
                                     0xdf, 0x28, 0,    0xe7, 0x04, 0xe3, 0xff},
                                    {0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff},
                                    {0x01, 0, 0x0f, 0, 0}};
static const struct mode mode_13 = {0x63,
                                    {3, 1, 0x0f, 0, 0x0e},
                                    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0,
                                     0x41, 0,    0,    0,    0,    0,    0,    0x9c, 0x8e,
                                     0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
                                    {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff},
                                    {0x41, 0, 0x0f, 0, 0}};

static void set_palette(void)
{
    isa_out(b, DAC, 0);
    for (unsigned i = 0; i < 256; i++) {
        isa_out(b, DAC + 1, i & 0x3f);
        isa_out(b, DAC + 1, i >> 2);
        isa_out(b, DAC + 1, ~i & 0x3f);
    }
}

static uint32_t six_to_eight(unsigned v)
{
    return (v & 0x3f) << 2 | (v & 1) * 3;
}

/* What set_palette() makes of entry i. */
static uint32_t colour(unsigned i)
{
    return six_to_eight(i) << 16 | six_to_eight(i >> 2) << 8 | six_to_eight(~i);
}

static void set_mode(const struct mode *m)
{
    isa_out(b, MISC, m->misc);
    for (unsigned i = 0; i < 5; i++)
        put(SEQ, i, m->seq[i]);
    put(CRTC, 0x11, 0);
    for (unsigned i = 0; i < 25; i++)
        put(CRTC, i, m->crtc[i]);
    for (unsigned i = 0; i < 9; i++)
        put(GC, i, m->gc[i]);
    for (unsigned i = 0; i < 16; i++)
        put_attr(i, i);
    for (unsigned i = 0; i < 5; i++)
        put_attr(0x10 + i, m->attr[i]);
    set_palette();
}

static struct console *screen(void)
{
    struct console *con = console_find(NULL, 0, NULL);
    g_assert_nonnull(con);
    console_refresh(con);
    return con;
}

static uint32_t pixel(unsigned x, unsigned y)
{
    struct console *con = screen();
    const struct surface *s = console_lock(con);
    g_assert_cmpuint(x, <, s->width);
    g_assert_cmpuint(y, <, s->height);
    uint32_t v = s->pixels[(size_t)y * s->stride + x];
    console_unlock(con);
    return v;
}

static void check_size(unsigned width, unsigned height)
{
    struct console *con = screen();
    const struct surface *s = console_lock(con);
    g_assert_cmpuint(s->width, ==, width);
    g_assert_cmpuint(s->height, ==, height);
    console_unlock(con);
}

static bool is_ram(uint32_t at)
{
    const struct flat_range *r = address_space_find(&b->b->m->as, at);
    return r && r->mr->kind == MEM_RAM;
}

/* --- registers --- */

static void test_crtc_protects_its_timing(void)
{
    set_up();
    set_mode(&mode_03);
    put(CRTC, 0x00, 0x11);
    g_assert_cmphex(get(CRTC, 0x00), ==, 0x5f);
    put(CRTC, 0x07, 0x00); /* only bit 4, of line compare */
    g_assert_cmphex(get(CRTC, 0x07), ==, 0x0f);
    put(CRTC, 0x11, 0x0e);
    put(CRTC, 0x00, 0x11);
    g_assert_cmphex(get(CRTC, 0x00), ==, 0x11);
    isa_out(b, MISC, 0x66); /* a monochrome screen's addresses */
    g_assert_cmphex(isa_in(b, 0x3d5), ==, 0xff);
    g_assert_cmphex(isa_in(b, 0x3b5), ==, 0x11);
    tear_down();
}

static void test_attribute_port_takes_turns(void)
{
    set_up();
    set_mode(&mode_03);
    isa_in(b, STATUS);
    isa_out(b, ATTR, 0x25);
    isa_out(b, ATTR, 0x3a);
    g_assert_cmphex(isa_in(b, ATTR + 1), ==, 0x3a);
    g_assert_cmphex(isa_in(b, ATTR), ==, 0x25);
    isa_out(b, ATTR, 0x26); /* an index again */
    g_assert_cmphex(isa_in(b, ATTR + 1), ==, 0x06);
    g_assert_cmphex(get(CRTC, 0x24) >> 7, ==, 1);
    isa_in(b, STATUS);
    g_assert_cmphex(get(CRTC, 0x24) >> 7, ==, 0);
    tear_down();
}

static void test_dac_counts_by_three(void)
{
    set_up();
    set_palette();
    isa_out(b, DAC - 1, 7);
    g_assert_cmphex(isa_in(b, DAC - 1) & 3, ==, 3);
    g_assert_cmphex(isa_in(b, DAC + 1), ==, 7);
    g_assert_cmphex(isa_in(b, DAC + 1), ==, 1);
    g_assert_cmphex(isa_in(b, DAC + 1), ==, 0x38);
    g_assert_cmphex(isa_in(b, DAC + 1), ==, 8);
    isa_out(b, DAC, 9);
    g_assert_cmphex(isa_in(b, DAC - 1) & 3, ==, 0);
    isa_out(b, DAC + 1, 0xff);
    isa_out(b, DAC + 1, 0xff); /* an entry changes as a whole */
    isa_out(b, DAC - 1, 9);
    g_assert_cmphex(isa_in(b, DAC + 1), ==, 9);
    tear_down();
}

/* Both phases come within two frames of 1/70 s. */
static void test_status_shows_retrace(void)
{
    set_up();
    set_mode(&mode_03);
    bool on = false, off = false;
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (!(on && off) && g_get_monotonic_time() < end) {
        uint8_t v = isa_in(b, STATUS);
        on |= (v & 0x09) == 0x09;
        off |= (v & 0x09) == 0;
    }
    g_assert_true(on && off);
    tear_down();
}

/* --- memory --- */

static void test_window_is_where_it_was_put(void)
{
    set_up();
    set_mode(&mode_12);
    put_mem(WINDOW + 5, 0x5a);
    g_assert_cmphex(get_mem(WINDOW + 5), ==, 0x5a);
    put_mem(TEXT, 1);
    g_assert_cmphex(get_mem(TEXT), ==, 0xff);
    put(GC, 6, 0x0d); /* 0xb8000, 32 KiB */
    g_assert_cmphex(get_mem(WINDOW + 5), ==, 0xff);
    g_assert_cmphex(get_mem(TEXT + 5), ==, 0x5a);
    put(GC, 6, 0x09); /* 0xb0000 */
    g_assert_cmphex(get_mem(0xb0005), ==, 0x5a);
    put(GC, 6, 0x01); /* 128 KiB */
    g_assert_cmphex(get_mem(WINDOW + 5), ==, 0x5a);
    isa_out(b, MISC, mode_12.misc & ~2); /* memory off */
    g_assert_cmphex(get_mem(WINDOW + 5), ==, 0xff);
    tear_down();
}

static uint8_t plane(unsigned p, uint32_t at)
{
    uint8_t mode = get(GC, 5);
    put(GC, 5, 0);
    put(GC, 4, p);
    uint8_t v = get_mem(WINDOW + at);
    put(GC, 5, mode);
    return v;
}

static void check_planes(uint32_t at, uint32_t want)
{
    for (unsigned p = 0; p < 4; p++)
        g_assert_cmphex(plane(p, at), ==, want >> (8 * p) & 0xff);
}

/* Four planes of the byte at offset 0 are made 0x12, 0x34, 0x56, 0x78, and loaded to the latches.
 */
static void load_latches(void)
{
    static const uint8_t byte[] = {0x12, 0x34, 0x56, 0x78};
    put(GC, 5, 0);
    put(GC, 8, 0xff);
    for (unsigned p = 0; p < 4; p++) {
        put(SEQ, 2, 1U << p);
        put_mem(WINDOW, byte[p]);
    }
    put(SEQ, 2, 0x0f);
    get_mem(WINDOW);
}

static void test_write_mode_0(void)
{
    static const struct {
        uint8_t rotate, mask, set, enable, data;
        uint32_t want;
    } row[] = {
        {0x00, 0xff, 0, 0, 0xa5, 0xa5a5a5a5},       {0x03, 0xff, 0, 0, 0xa5, 0xb4b4b4b4},
        {0x08, 0xff, 0, 0, 0xf0, 0x70503010},       {0x10, 0xff, 0, 0, 0x81, 0xf9d7b593},
        {0x18, 0xff, 0, 0, 0xff, 0x87a9cbed},       {0x00, 0x0f, 0, 0, 0xa5, 0x75553515},
        {0x00, 0xff, 0x05, 0x0f, 0xa5, 0x00ff00ff}, {0x00, 0xf0, 0x02, 0x03, 0xa5, 0xa8a6f402},
    };
    set_up();
    set_mode(&mode_12);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        load_latches();
        put(GC, 3, row[i].rotate);
        put(GC, 8, row[i].mask);
        put(GC, 0, row[i].set);
        put(GC, 1, row[i].enable);
        put_mem(WINDOW + 1, row[i].data);
        put(GC, 3, 0);
        put(GC, 8, 0xff);
        put(GC, 1, 0);
        check_planes(1, row[i].want);
    }
    tear_down();
}

static void test_write_modes_1_to_3(void)
{
    set_up();
    set_mode(&mode_12);
    load_latches();
    put(GC, 5, 1);
    put(GC, 8, 0x0f); /* means nothing here */
    put_mem(WINDOW + 1, 0xff);
    check_planes(1, 0x78563412);
    load_latches();
    put(GC, 5, 2);
    put(GC, 8, 0x0f);
    put_mem(WINDOW + 1, 0x06);
    check_planes(1, 0x705f3f10);
    load_latches();
    put(GC, 5, 3);
    put(GC, 8, 0x3c);
    put(GC, 3, 4); /* the data, rotated, is part of the mask */
    put(GC, 0, 0x0a);
    put_mem(WINDOW + 1, 0xf0);
    put(GC, 3, 0);
    check_planes(1, 0x7c523c12);
    tear_down();
}

static void test_map_mask_and_read_mode_1(void)
{
    set_up();
    set_mode(&mode_12);
    load_latches();
    put(SEQ, 2, 0x06);
    put_mem(WINDOW + 1, 0xff);
    put(SEQ, 2, 0x0f);
    check_planes(1, 0x00ffff00);
    put(GC, 5, 0x08);
    put(GC, 2, 0x06);
    put(GC, 7, 0x0f);
    g_assert_cmphex(get_mem(WINDOW + 1), ==, 0xff);
    put(GC, 2, 0x07);
    g_assert_cmphex(get_mem(WINDOW + 1), ==, 0x00);
    put(GC, 7, 0x0e); /* plane 0 does not matter */
    g_assert_cmphex(get_mem(WINDOW + 1), ==, 0xff);
    put(GC, 2, 0x08);
    put(GC, 7, 0x0f);
    g_assert_cmphex(get_mem(WINDOW), ==, 0x78 & ~0x56 & ~0x34 & ~0x12);
    tear_down();
}

static void test_chain_4_is_memory_until_there_is_logic(void)
{
    set_up();
    set_mode(&mode_13);
    g_assert_true(is_ram(WINDOW));
    g_assert_false(is_ram(TEXT));
    put_mem(WINDOW + 6, 0x77);
    put(GC, 8, 0x0f);
    g_assert_false(is_ram(WINDOW));
    g_assert_cmphex(get_mem(WINDOW + 6), ==, 0x77);
    put_mem(WINDOW + 6, 0xff); /* the latches have what was read */
    g_assert_cmphex(get_mem(WINDOW + 6), ==, 0x7f);
    put(GC, 8, 0xff);
    put(GC, 6, 0x01);
    g_assert_true(is_ram(TEXT));
    put(SEQ, 4, 6);
    g_assert_false(is_ram(WINDOW));
    check_planes(1, 0x007f0000);
    tear_down();
}

/* --- pictures --- */

static void put_cell(unsigned i, uint8_t ch, uint8_t attr)
{
    put_mem(TEXT + 2 * i, ch);
    put_mem(TEXT + 2 * i + 1, attr);
}

/* One line of a character of the first or second font. */
static void put_glyph(unsigned font, uint8_t ch, unsigned line, uint8_t bits)
{
    put(SEQ, 2, 4);
    put(SEQ, 4, 7);
    put(GC, 5, 0);
    put(GC, 6, 0);
    put_mem(WINDOW + font * 0x4000 + ch * 32U + line, bits);
    put(SEQ, 2, 3);
    put(SEQ, 4, 3 & 2);
    put(GC, 5, 0x10);
    put(GC, 6, 0x0e);
}

static void test_text_characters(void)
{
    set_up();
    set_mode(&mode_03);
    put(CRTC, 0x0a, 0x20); /* no cursor */
    put_attr(0x10, 0x04);  /* bit 7 is of the background */
    put_glyph(0, 'A', 3, 0x81);
    put_glyph(0, 0xc4, 3, 0xff);
    put_glyph(1, 'A', 3, 0x40);
    put_cell(0, 'A', 0x91);
    put_cell(1, 0xc4, 0x0e);
    put_cell(80, 'A', 0x1f);
    check_size(720, 400);
    g_assert_cmphex(pixel(0, 3), ==, colour(1));
    g_assert_cmphex(pixel(1, 3), ==, colour(9));
    g_assert_cmphex(pixel(7, 3), ==, colour(1));
    g_assert_cmphex(pixel(8, 3), ==, colour(9)); /* the ninth dot is background */
    g_assert_cmphex(pixel(8 + 9, 3), ==, colour(14));
    g_assert_cmphex(pixel(0, 16 + 3), ==, colour(15));
    put(SEQ, 3, 0x04); /* attribute bit 3 chooses the second font */
    g_assert_cmphex(pixel(0, 16 + 3), ==, colour(1));
    g_assert_cmphex(pixel(1, 16 + 3), ==, colour(15));
    put(CRTC, 0x14, 0x05); /* underline */
    g_assert_cmphex(pixel(4, 5), ==, colour(1));
    g_assert_cmphex(pixel(4 + 9, 5), ==, colour(0));
    put(SEQ, 1, 1); /* eight dots */
    check_size(640, 400);
    put(SEQ, 1, 8); /* half the clock, as for 40 columns */
    put(CRTC, 0x11, 0);
    put(CRTC, 0x01, 0x27);
    check_size(720, 400);
    g_assert_cmphex(pixel(1, 3), ==, colour(1));
    g_assert_cmphex(pixel(2, 3), ==, colour(9));
    tear_down();
}

static void test_text_is_read_as_text(void)
{
    set_up();
    set_mode(&mode_03);
    put_cell(0, 'H', 7);
    put_cell(1, 'i', 7);
    put_cell(81, 0xcd, 7);
    put(CRTC, 0x0f, 81);
    struct console *con = screen();
    g_autofree char *text = console_read_text(con);
    g_assert_true(g_str_has_prefix(text, "Hi\n \xe2\x95\x90\n\n"));
    put(CRTC, 0x0d, 80); /* the second row comes first */
    g_autofree char *moved = console_read_text(con);
    g_assert_true(g_str_has_prefix(moved, " \xe2\x95\x90\n\n"));
    set_mode(&mode_13);
    g_assert_null(console_read_text(con));
    tear_down();
}

static void test_split_screen_and_start(void)
{
    set_up();
    set_mode(&mode_13);
    put_mem(WINDOW, 10);
    put_mem(WINDOW + 320, 11);
    put_mem(WINDOW + 640, 12);
    put(CRTC, 0x0d, 80); /* from the second line on */
    put(CRTC, 0x18, 99);
    put(CRTC, 0x11, 0);
    put(CRTC, 0x07, 0x0f);
    put(CRTC, 0x09, 0x01);
    check_size(640, 400);
    g_assert_cmphex(pixel(0, 0), ==, colour(11));
    g_assert_cmphex(pixel(1, 1), ==, colour(11));
    g_assert_cmphex(pixel(0, 2), ==, colour(12));
    g_assert_cmphex(pixel(0, 99), ==, colour(0));
    g_assert_cmphex(pixel(0, 100), ==, colour(10));
    g_assert_cmphex(pixel(0, 102), ==, colour(11));
    put_mem(WINDOW + 1, 20);
    put_mem(WINDOW + 321, 21);
    put_attr(0x13, 2); /* a pixel to the left */
    g_assert_cmphex(pixel(0, 0), ==, colour(21));
    g_assert_cmphex(pixel(0, 100), ==, colour(20));
    put_attr(0x10, 0x61); /* not the lower part */
    g_assert_cmphex(pixel(0, 0), ==, colour(21));
    g_assert_cmphex(pixel(0, 100), ==, colour(10));
    isa_out(b, 0x3c6, 0x0f); /* the DAC's mask */
    g_assert_cmphex(pixel(0, 0), ==, colour(21 & 0x0f));
    tear_down();
}

static void test_unchained_256_colours(void)
{
    set_up();
    set_mode(&mode_13);
    put(SEQ, 4, 6);
    put(CRTC, 0x14, 0);
    put(CRTC, 0x17, 0xe3);
    for (unsigned p = 0; p < 4; p++) {
        put(SEQ, 2, 1U << p);
        put_mem(WINDOW + 80, (uint8_t)(40 + p));
        put_mem(WINDOW + 0x4000, (uint8_t)(60 + p));
    }
    for (unsigned p = 0; p < 4; p++)
        g_assert_cmphex(pixel(2 * p, 2), ==, colour(40 + p));
    put(CRTC, 0x0c, 0x40); /* the other page */
    for (unsigned p = 0; p < 4; p++)
        g_assert_cmphex(pixel(2 * p + 1, 1), ==, colour(60 + p));
    tear_down();
}

static void test_planes_of_16_colours(void)
{
    set_up();
    set_mode(&mode_12);
    for (unsigned p = 0; p < 4; p++) {
        put(SEQ, 2, 1U << p);
        put_mem(WINDOW + 80, (uint8_t)(0x80 >> p | (p == 3 ? 0x08 : 0)));
    }
    check_size(640, 480);
    for (unsigned p = 0; p < 4; p++)
        g_assert_cmphex(pixel(p, 1), ==, colour(1U << p));
    g_assert_cmphex(pixel(4, 1), ==, colour(8));
    put_attr(0x12, 0x0e); /* without plane 0 */
    g_assert_cmphex(pixel(0, 1), ==, colour(0));
    put_attr(0x12, 0x0f);
    put_attr(0x10, 0x81); /* two bits of the colour select register, for two or four bits */
    put_attr(0x14, 0x0d);
    g_assert_cmphex(pixel(1, 1), ==, colour(0xd2));
    set_mode(&mode_0d); /* 320 x 200, on 640 x 400 */
    check_size(640, 400);
    g_assert_cmphex(pixel(0, 0), ==, colour(0));
    g_assert_cmphex(pixel(0, 4), ==, colour(1)); /* offset 80 is the third of its lines */
    g_assert_cmphex(pixel(1, 5), ==, colour(1));
    g_assert_cmphex(pixel(2, 4), ==, colour(2));
    tear_down();
}

static void test_modes_of_the_cga(void)
{
    set_up();
    set_mode(&mode_04);
    put_mem(TEXT, 0x1b);          /* colours 0 1 2 3 */
    put_mem(TEXT + 1, 0xe4);      /* 3 2 1 0 */
    put_mem(TEXT + 0x2000, 0x40); /* the odd lines */
    check_size(640, 400);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(pixel(2 * i, 0), ==, colour(i));
        g_assert_cmphex(pixel(8 + 2 * i, 1), ==, colour(3 - i));
    }
    g_assert_cmphex(pixel(0, 2), ==, colour(1));
    g_assert_cmphex(pixel(2, 3), ==, colour(0));
    set_mode(&mode_06);
    put_mem(TEXT, 0xa0);
    put_mem(TEXT + 0x2000, 0x10);
    check_size(640, 400);
    g_assert_cmphex(pixel(0, 0), ==, colour(1));
    g_assert_cmphex(pixel(1, 1), ==, colour(0));
    g_assert_cmphex(pixel(2, 0), ==, colour(1));
    g_assert_cmphex(pixel(3, 2), ==, colour(1));
    tear_down();
}

static void test_a_screen_that_is_off_is_black(void)
{
    set_up();
    set_mode(&mode_13);
    put_mem(WINDOW, 10);
    g_assert_cmphex(pixel(0, 0), ==, colour(10));
    put(SEQ, 1, 0x21);
    g_assert_cmphex(pixel(0, 0), ==, 0);
    check_size(640, 400);
    put(SEQ, 1, 0x01);
    isa_in(b, STATUS);
    isa_out(b, ATTR, 0); /* the processor has the palette */
    g_assert_cmphex(pixel(0, 0), ==, 0);
    tear_down();
}

/* --- DISPI --- */

static void vbe_mode(uint16_t width, uint16_t height, uint16_t bpp, uint16_t more)
{
    put_vbe(VBE_ENABLE, 0);
    put_vbe(VBE_XRES, width);
    put_vbe(VBE_YRES, height);
    put_vbe(VBE_BPP, bpp);
    put_vbe(VBE_ENABLE, VBE_ENABLED | more);
}

static void put_linear(uint32_t at, unsigned size, uint32_t v)
{
    g_assert_cmpint(mem_write(&b->b->m->as, LINEAR + at, size, v), ==, MEM_OK);
}

static void test_dispi_depths(void)
{
    set_up();
    set_mode(&mode_13);
    vbe_mode(640, 480, 8, VBE_LFB);
    put_linear(640 + 3, 1, 77);
    check_size(640, 480);
    g_assert_cmphex(pixel(3, 1), ==, colour(77));
    vbe_mode(640, 480, 15, VBE_LFB);
    g_assert_cmphex(pixel(3, 1), ==, 0); /* a new mode clears */
    put_linear(2 * (640 + 3), 2, 0x7c01);
    g_assert_cmphex(pixel(3, 1), ==, 0xff0008);
    vbe_mode(640, 480, 16, VBE_LFB);
    put_linear(2 * (640 + 3), 2, 0x07e1);
    g_assert_cmphex(pixel(3, 1), ==, 0x00ff08);
    vbe_mode(640, 480, 24, VBE_LFB);
    for (unsigned i = 0; i < 3; i++)
        put_linear(3 * (640 + 3) + i, 1, 0x10 + i);
    g_assert_cmphex(pixel(3, 1), ==, 0x121110);
    vbe_mode(640, 480, 32, VBE_LFB);
    put_linear(4 * (640 + 3), 4, 0xff123456);
    g_assert_cmphex(pixel(3, 1), ==, 0x123456);
    vbe_mode(640, 480, 32, VBE_LFB | VBE_NOCLEARMEM);
    g_assert_cmphex(pixel(3, 1), ==, 0x123456);
    vbe_mode(800, 600, 4, 0);
    put(SEQ, 2, 0x05);
    put_mem(WINDOW + 100, 0x10);
    g_assert_cmphex(pixel(3, 1), ==, colour(5));
    tear_down();
}

static void test_dispi_banks_and_offsets(void)
{
    set_up();
    set_mode(&mode_13);
    vbe_mode(640, 480, 8, 0);
    g_assert_true(is_ram(WINDOW));
    for (unsigned bank = 0; bank < 16; bank++) {
        put_vbe(VBE_BANK, (uint16_t)bank);
        put_mem(WINDOW + 5, (uint8_t)(50 + bank));
    }
    put_vbe(VBE_BANK, 2);
    g_assert_cmphex(get_mem(WINDOW + 5), ==, 52);
    g_assert_cmphex(pixel((0x20000 + 5) % 640, (0x20000 + 5) / 640), ==, colour(52));
    put_vbe(VBE_VIRT_WIDTH, 1024);
    g_assert_cmpuint(get_vbe(VBE_VIRT_HEIGHT), ==, (8 << 20) / 1024);
    put_vbe(VBE_Y_OFFSET, 64);
    g_assert_cmphex(pixel(5, 0), ==, colour(51));
    put_vbe(VBE_X_OFFSET, 3);
    g_assert_cmphex(pixel(2, 64), ==, colour(52));
    put_vbe(VBE_Y_OFFSET, 0xffff); /* the picture stays in memory */
    g_assert_cmpuint(get_vbe(VBE_Y_OFFSET), <=, (8 << 20) / 1024 - 480);
    screen();
    put_vbe(VBE_ENABLE, 0);
    g_assert_true(is_ram(WINDOW)); /* mode 13h again */
    tear_down();
}

static void test_dispi_says_what_it_can(void)
{
    set_up();
    g_assert_cmphex(get_vbe(VBE_ID), ==, 0xb0c5);
    put_vbe(VBE_ID, 0xb0c2);
    g_assert_cmphex(get_vbe(VBE_ID), ==, 0xb0c2);
    put_vbe(VBE_ID, 0x1234);
    g_assert_cmphex(get_vbe(VBE_ID), ==, 0xb0c2);
    put_vbe(VBE_ENABLE, VBE_GETCAPS);
    g_assert_cmpuint(get_vbe(VBE_BPP), ==, 32);
    g_assert_cmpuint(get_vbe(VBE_XRES), >=, 2560);
    put_vbe(VBE_ENABLE, 0);
    g_assert_cmpuint(get_vbe(VBE_MEMORY_64K), ==, (8 << 20) >> 16);
    vbe_mode(16000, 12000, 32, VBE_LFB); /* more than there is memory for */
    g_assert_cmpuint(get_vbe(VBE_XRES) * get_vbe(VBE_YRES) * 4U, <=, 8 << 20);
    screen();
    vbe_mode(1, 0, 7, VBE_LFB);
    screen();
    vbe_mode(640, 480, 8, VBE_LFB | VBE_8BIT_DAC);
    isa_out(b, DAC, 1);
    for (unsigned i = 0; i < 3; i++)
        isa_out(b, DAC + 1, 0x81 + i);
    put_linear(0, 1, 1);
    put_attr(0, 0);
    g_assert_cmphex(pixel(0, 0), ==, 0x818283);
    tear_down();
}

/* --- PCI cards --- */

static gpa mmio_of(struct pci_bench *t, const char *type, uint32_t class)
{
    struct error *err = NULL;
    struct device *dev = pci_bench_add(t, hw_device_find(type), "card", NULL, NULL, &err);
    if (dev == NULL)
        g_error("%s", error_text(err));
    unsigned slot = (unsigned)((struct pci_device *)dev)->devfn >> 3;
    g_assert_cmphex(cfg_read(t, slot, 0, 4), ==, 0x11111234);
    g_assert_cmphex(cfg_read(t, slot, 0x08, 4) >> 16, ==, class);
    cfg_write(t, slot, PCI_BAR0, 4, (uint32_t)MMIO);
    cfg_write(t, slot, PCI_BAR0 + 8, 4, (uint32_t)MMIO + 0x4000000);
    cfg_write(t, slot, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    return MMIO + 0x4000000;
}

static void test_pci_registers_in_memory(void)
{
    static const char *const types[] = {"VGA", "secondary-vga", "bochs-display"};
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        struct pci_bench *t = pci_bench_new(&ecam_host_type);
        gpa at = mmio_of(t, types[i], i ? 0x0380 : 0x0300);
        uint8_t sum = 0;
        for (unsigned k = 0; k < EDID_SIZE; k++)
            sum = (uint8_t)(sum + peek(t, at + k, 1));
        g_assert_cmphex(peek(t, at, 4), ==, 0xffffff00);
        g_assert_cmphex(sum, ==, 0);
        g_assert_cmphex(peek(t, at + 0x500, 2), ==, 0xb0c5);
        poke(t, at + 0x400, 1, 0x20); /* the screen is on */
        poke(t, at + 0x502, 2, 64);
        poke(t, at + 0x504, 2, 32);
        poke(t, at + 0x506, 2, 32);
        poke(t, at + 0x508, 2, VBE_ENABLED | VBE_LFB);
        poke(t, MMIO + 4 * (64 + 1), 4, 0x00112233);
        check_size(64, 32);
        g_assert_cmphex(pixel(1, 1), ==, 0x112233);
        poke(t, at + 0x604, 4, 0xbebebebe); /* big-endian */
        g_assert_cmphex(peek(t, at + 0x604, 4), ==, 0xbebebebe);
        g_assert_cmphex(pixel(1, 1), ==, 0x221100);
        pci_bench_free(t);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_init();
    g_test_add_func("/vga/registers/crtc", test_crtc_protects_its_timing);
    g_test_add_func("/vga/registers/attribute", test_attribute_port_takes_turns);
    g_test_add_func("/vga/registers/dac", test_dac_counts_by_three);
    g_test_add_func("/vga/registers/status", test_status_shows_retrace);
    g_test_add_func("/vga/memory/window", test_window_is_where_it_was_put);
    g_test_add_func("/vga/memory/mode0", test_write_mode_0);
    g_test_add_func("/vga/memory/modes", test_write_modes_1_to_3);
    g_test_add_func("/vga/memory/read", test_map_mask_and_read_mode_1);
    g_test_add_func("/vga/memory/chain4", test_chain_4_is_memory_until_there_is_logic);
    g_test_add_func("/vga/show/text", test_text_characters);
    g_test_add_func("/vga/show/as-text", test_text_is_read_as_text);
    g_test_add_func("/vga/show/split", test_split_screen_and_start);
    g_test_add_func("/vga/show/unchained", test_unchained_256_colours);
    g_test_add_func("/vga/show/planes", test_planes_of_16_colours);
    g_test_add_func("/vga/show/cga", test_modes_of_the_cga);
    g_test_add_func("/vga/show/off", test_a_screen_that_is_off_is_black);
    g_test_add_func("/vga/dispi/depths", test_dispi_depths);
    g_test_add_func("/vga/dispi/banks", test_dispi_banks_and_offsets);
    g_test_add_func("/vga/dispi/limits", test_dispi_says_what_it_can);
    g_test_add_func("/vga/pci", test_pci_registers_in_memory);
    return g_test_run();
}
