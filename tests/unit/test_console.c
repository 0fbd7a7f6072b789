/* Display consoles: drawing, what viewers are told, text, and the files of pictures. */
#include "ui/console.h"
#include "ui/input.h"
#include "ui/picture.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

/* A device whose picture is what the test wants. */
struct painter {
    unsigned width, height;
    uint32_t colour;
    unsigned changed_row; /* gets the colour, the others stay black */
    bool is_text;
};

static void paint(void *opaque)
{
    struct painter *p = opaque;
    g_autofree uint32_t *row = g_new0(uint32_t, p->width);
    struct console *con = console_next(NULL);
    console_begin(con, p->width, p->height);
    for (unsigned x = 0; x < p->width; x++)
        row[x] = p->colour;
    console_put_row(con, p->changed_row, row);
    console_put_row(con, p->height, row); /* below the picture: nothing */
    console_end(con);
}

static bool describe(void *opaque, struct console_text *t)
{
    const struct painter *p = opaque;
    static const char text[] = "ab  \xc9\xcd  ";
    if (!p->is_text)
        return false;
    *t = (struct console_text){.columns = 4, .rows = 2, .cells = g_new0(struct console_cell, 8)};
    for (unsigned i = 0; i < 8; i++)
        t->cells[i].ch = (uint8_t)text[i];
    return true;
}

static const struct console_ops ops = {paint, describe};

struct watcher {
    struct console_viewer v;
    unsigned resizes, changes, width, height;
    struct console_rect last;
};

static void on_resize(struct console_viewer *v, unsigned width, unsigned height)
{
    struct watcher *w = (struct watcher *)v;
    w->resizes++;
    w->width = width;
    w->height = height;
}

static void on_change(struct console_viewer *v, const struct console_rect *r)
{
    struct watcher *w = (struct watcher *)v;
    w->changes++;
    w->last = *r;
}

static void test_viewers_hear_of_what_changed(void)
{
    struct painter p = {.width = 8, .height = 4, .colour = 0x123456, .changed_row = 2};
    struct console *con = console_new(NULL, &ops, &p);
    struct watcher w = {.v = {.resized = on_resize, .changed = on_change}};
    console_add_viewer(con, &w.v);
    console_refresh(con);
    g_assert_cmpuint(w.resizes, ==, 1);
    g_assert_cmpuint(w.width, ==, 8);
    g_assert_cmpuint(w.height, ==, 4);
    w.changes = 0;
    console_refresh(con); /* the same picture */
    g_assert_cmpuint(w.changes, ==, 0);
    p.colour = 0x654321;
    console_refresh(con);
    g_assert_cmpuint(w.changes, ==, 1);
    g_assert_cmpuint(w.last.y, ==, 2);
    g_assert_cmpuint(w.last.height, ==, 1);
    g_assert_cmpuint(w.last.width, ==, 8);
    console_del_viewer(con, &w.v);
    p.colour = 1;
    console_refresh(con);
    g_assert_cmpuint(w.changes, ==, 1);
    console_free(con);
}

static void test_heads_are_counted_by_device(void)
{
    int a, b;
    struct device *da = (struct device *)(void *)&a, *db = (struct device *)(void *)&b;
    struct painter p = {.width = 1, .height = 1};
    struct error *err = NULL;
    g_assert_null(console_find(NULL, 0, &err));
    g_assert_cmpstr(error_text(err), ==, "the machine has no display");
    error_free(err);
    err = NULL;
    struct console *first = console_new(da, &ops, &p), *second = console_new(da, &ops, &p),
                   *other = console_new(db, &ops, &p);
    g_assert_cmpuint(console_head(second), ==, 1);
    g_assert_true(console_find(NULL, 1, NULL) == second);
    g_assert_true(console_find(db, 0, NULL) == other);
    g_assert_null(console_find(da, 2, &err));
    g_assert_cmpstr(error_text(err), ==, "the device has no head 2, the last is 1");
    error_free(err);
    console_free(first);
    console_free(other);
    console_free(second);
    g_assert_null(console_next(NULL));
}

static void test_text_is_utf8_without_trailing_blanks(void)
{
    struct painter p = {.width = 1, .height = 1, .is_text = true};
    struct console *con = console_new(NULL, &ops, &p);
    g_autofree char *text = console_read_text(con);
    g_assert_cmpstr(text, ==, "ab\n╔═\n");
    p.is_text = false;
    g_assert_null(console_read_text(con));
    console_free(con);
}

static void test_pictures_can_be_read_back(void)
{
    uint32_t pixels[6] = {0xff0000, 0x00ff00, 0xdead, 0x0000ff, 0x123456, 0xdead};
    const uint8_t want[] = {0xff, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0x12, 0x34, 0x56};
    struct surface s = {.width = 2, .height = 2, .stride = 3, .pixels = pixels};
    g_autofree char *dir = g_dir_make_tmp("console-XXXXXX", NULL);
    g_autofree char *png = g_build_filename(dir, "a.png", NULL);
    g_autofree char *ppm = g_build_filename(dir, "a.ppm", NULL);
    g_autofree char *data = NULL;
    gsize len;
    uint8_t got[sizeof(want)];
    png_image image = {.version = PNG_IMAGE_VERSION};

    g_assert_true(picture_write_ppm(&s, ppm, NULL));
    g_assert_true(g_file_get_contents(ppm, &data, &len, NULL));
    g_assert_cmpmem(data, len, "P6\n2 2\n255\n\xff\0\0\0\xff\0\0\0\xff\x12\x34\x56", 23);
    g_assert_true(picture_write_png(&s, png, NULL));
    g_assert_true(png_image_begin_read_from_file(&image, png));
    g_assert_cmpuint(image.width, ==, 2);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, got, 0, NULL));
    g_assert_cmpmem(got, sizeof(got), want, sizeof(want));
    g_remove(png);
    g_remove(ppm);
    g_rmdir(dir);
}

static void test_a_file_that_cannot_be_written_is_named(void)
{
    struct surface s = {.width = 0};
    struct error *err = NULL;
    g_assert_false(picture_write_png(&s, "/nonexistent/x.png", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "cannot write '/nonexistent/x.png': No such file or directory");
    error_free(err);
    err = NULL;
    uint32_t pixels[4096] = {0};
    s = (struct surface){.width = 64, .height = 64, .stride = 64, .pixels = pixels};
    g_assert_false(picture_write_ppm(&s, "/dev/full", &err));
    g_assert_cmpstr(error_text(err), ==, "cannot write '/dev/full': No space left on device");
    error_free(err);
}

static void test_characters_have_keys(void)
{
    static const struct {
        char ch;
        const char *key, *modifier;
    } row[] = {
        {'1', "1", NULL},
        {'=', "equal", NULL},
        {'q', "q", NULL},
        {'\n', "ret", NULL},
        {'\r', "ret", NULL},
        {';', "semicolon", NULL},
        {'\\', "backslash", NULL},
        {'/', "slash", NULL},
        {' ', "spc", NULL},
        {'\t', "tab", NULL},
        {'\x1b', "esc", NULL},
        {'\x7f', "backspace", NULL},
        {'Q', "q", "shift"},
        {'!', "1", "shift"},
        {'_', "minus", "shift"},
        {'~', "grave_accent", "shift"},
        {'|', "backslash", "shift"},
        {'?', "slash", "shift"},
        {'\x03', "c", "ctrl"},
        {'\x01', "a", "ctrl"},
    };
    uint16_t modifier;
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        g_assert_cmpuint(input_char_key(row[i].ch, &modifier), ==,
                         input_key_code(row[i].key, NULL));
        g_assert_cmpuint(modifier, ==, row[i].modifier ? input_key_code(row[i].modifier, NULL) : 0);
    }
    g_assert_cmpuint(input_char_key((char)0xe4, &modifier), ==, 0);
    g_assert_cmpuint(input_char_key('\0', &modifier), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/console/changes", test_viewers_hear_of_what_changed);
    g_test_add_func("/console/heads", test_heads_are_counted_by_device);
    g_test_add_func("/console/text", test_text_is_utf8_without_trailing_blanks);
    g_test_add_func("/console/pictures", test_pictures_can_be_read_back);
    g_test_add_func("/console/errors", test_a_file_that_cannot_be_written_is_named);
    g_test_add_func("/console/keys", test_characters_have_keys);
    return g_test_run();
}
