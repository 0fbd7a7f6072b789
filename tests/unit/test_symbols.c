/* Names of guest addresses, from good files and from files that lie. */
#include "core/symbols.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static char *dir;

static char *write_file(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, data, (gssize)len, NULL));
    return path;
}

static struct symbols *load(const char *name, const void *data, size_t len, const char *want_error)
{
    struct symbols *s = symbols_new();
    struct error *err = NULL;
    g_autofree char *path = write_file(name, data, len);
    bool ok = symbols_add(s, path, &err);

    g_assert_cmpint(ok, ==, want_error == NULL);
    if (want_error && !strstr(error_text(err), want_error))
        g_error("%s", error_text(err));
    error_free(err);
    return s;
}

static void expect_name(struct symbols *s, uint64_t addr, const char *want, uint64_t want_off)
{
    uint64_t off = 0;

    g_assert_cmpstr(symbols_find(s, addr, &off), ==, want);
    if (want)
        g_assert_cmphex(off, ==, want_off);
}

static const char map[] = "0000000000000000 A fixed\n"
                          "ffffffff80000000 T _start\n"
                          "ffffffff80000000 t local_twin\n"
                          "ffffffff80000040 t helper\r\n"
                          "ffffffff80000040 T __some_text_end\n"
                          "ffffffff80000048 t $x\n"
                          "ffffffff80000100 D data\n"
                          "ffffffff80000200 T last\t[module]\n";

static void test_system_map(void)
{
    struct symbols *s = load("System.map", map, strlen(map), NULL);
    uint64_t addr;

    g_assert_cmpuint(symbols_count(s), ==, 5);
    expect_name(s, 0xffffffff80000000, "_start", 0);
    expect_name(s, 0xffffffff8000003f, "_start", 0x3f);
    expect_name(s, 0xffffffff80000050, "helper", 0x10);
    expect_name(s, 0xffffffff80000204, "last", 4);
    expect_name(s, 0xffffffff7fffffff, NULL, 0);
    expect_name(s, 0xffffffff90000000, NULL, 0); /* too far behind the last one */
    g_assert_true(symbols_address(s, "helper", &addr));
    g_assert_cmphex(addr, ==, 0xffffffff80000040);
    g_assert_false(symbols_address(s, "data", &addr));
    symbols_free(s);
}

static void test_a_kernel_that_moved_keeps_its_names(void)
{
    struct symbols *s = load("System.map", map, strlen(map), NULL);

    symbols_set_slide(s, 0x1200000);
    expect_name(s, 0xffffffff81200044, "helper", 4);
    expect_name(s, 0xffffffff80000044, NULL, 0);
    symbols_free(s);
}

static void test_files_without_names_are_told(void)
{
    static const char hidden[] = "0000000000000000 T _start\n0000000000000000 t helper\n";
    static const char note[] = "ffffffffffffffff B The real System.map is elsewhere\n";
    static const char text[] = "This is a letter.\n";

    symbols_free(load("hidden", hidden, strlen(hidden), "names no function"));
    symbols_free(load("note", note, strlen(note), "names no function"));
    symbols_free(load("text", text, strlen(text), "neither an ELF file nor a System.map"));
    symbols_free(load("empty", "", 0, "names no function"));
}

/* An ELF64 file: header, three symbols, their names, three section headers. */
enum { SYMS = 64, NAMES = 192, SECTIONS = 256, ELF_SIZE = SECTIONS + 4 * 64 };

static void put64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, 8);
}

static void put32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, 4);
}

static void put_section(uint8_t *elf, unsigned n, uint32_t type, uint64_t flags, uint64_t offset,
                        uint64_t size)
{
    uint8_t *s = elf + SECTIONS + n * 64;

    put32(s + 4, type);
    put64(s + 8, flags);
    put64(s + 24, offset);
    put64(s + 32, size);
}

static void put_symbol(uint8_t *elf, unsigned n, uint32_t name, uint8_t info, uint8_t section,
                       uint64_t addr, uint64_t size)
{
    uint8_t *s = elf + SYMS + n * 24;

    put32(s, name);
    s[4] = info;
    s[6] = section;
    put64(s + 8, addr);
    put64(s + 16, size);
}

static void make_elf(uint8_t *elf)
{
    static const char names[] = "\0main\0object\0$x\0label";

    memset(elf, 0, ELF_SIZE);
    memcpy(elf, "\177ELF\2\1\1", 7);
    put64(elf + 40, SECTIONS);
    elf[58] = 64;
    elf[60] = 4;
    put_section(elf, 1, 1, 4 | 2, 0, 0); /* code */
    put_section(elf, 2, 2, 0, SYMS, 5 * 24);
    put32(elf + SECTIONS + 2 * 64 + 40, 3);
    put64(elf + SECTIONS + 2 * 64 + 56, 24);
    put_section(elf, 3, 3, 0, NAMES, sizeof(names));
    memcpy(elf + NAMES, names, sizeof(names));
    put_symbol(elf, 1, 1, 0x12, 1, 0x1000, 0x20); /* main: a global function */
    put_symbol(elf, 2, 6, 0x11, 1, 0x1010, 8);    /* object: no function */
    put_symbol(elf, 3, 13, 0x00, 1, 0x1008, 0);   /* $x: a mark */
    put_symbol(elf, 4, 16, 0x00, 1, 0x1030, 0);   /* label in assembly */
}

static void test_elf_symbol_table(void)
{
    uint8_t elf[ELF_SIZE];

    make_elf(elf);
    struct symbols *s = load("a.elf", elf, sizeof(elf), NULL);
    g_assert_cmpuint(symbols_count(s), ==, 2);
    expect_name(s, 0x101f, "main", 0x1f);
    expect_name(s, 0x1020, NULL, 0); /* behind its end */
    expect_name(s, 0x1034, "label", 4);
    symbols_free(s);
}

/* Whatever the fields say, reading stays inside the file (the sanitizers look on). */
static void test_elf_files_that_lie_are_harmless(void)
{
    uint8_t elf[ELF_SIZE];

    for (unsigned at = 0; at < sizeof(elf); at++) {
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        for (unsigned v = 0; v < sizeof(values); v++) {
            make_elf(elf);
            elf[at] = values[v];
            struct symbols *s = symbols_new();
            g_autofree char *path = write_file("bad.elf", elf, sizeof(elf) - at % 7);
            uint64_t off;
            if (symbols_add(s, path, NULL))
                symbols_find(s, 0x1010, &off);
            symbols_free(s);
        }
    }
    make_elf(elf);
    put64(elf + SECTIONS + 2 * 64 + 56, 0); /* entries of no size */
    symbols_free(load("none.elf", elf, sizeof(elf), "no symbol table"));
}

static void align(GByteArray *b, unsigned to)
{
    while (b->len % to)
        g_byte_array_append(b, (const guint8 *)"", 1);
}

static void add32(GByteArray *b, uint32_t v)
{
    g_byte_array_append(b, (const guint8 *)&v, 4);
}

enum { NSYMS = 700 };
static const uint64_t BASE32 = 0x80000000, BASE64 = 0xffffffff80000000;

/* Offsets and their base. */
static void add_offsets(GByteArray *b, unsigned word)
{
    uint64_t base = word == 8 ? BASE64 : BASE32;

    for (unsigned i = 0; i < NSYMS; i++)
        add32(b, i * 64);
    align(b, word);
    g_byte_array_append(b, (const guint8 *)&base, word);
}

/* As Linux 7 has them. */
static void add_offsets_from_place(GByteArray *b)
{
    for (unsigned i = 0; i < NSYMS; i++)
        add32(b, i * 64 - b->len);
}

static void add_names(GByteArray *b, GArray *markers)
{
    guint names = b->len;

    for (unsigned i = 0; i < NSYMS; i++) {
        const char *stem = i == 5 ? "\001_" : "fn_";
        g_autofree char *name = g_strdup_printf("%c%s%u", i % 7 ? 't' : 'D', stem, i);
        uint32_t at = b->len - names;
        uint8_t n = (uint8_t)strlen(name);
        if (i % 256 == 0)
            g_array_append_val(markers, at);
        g_byte_array_append(b, &n, 1);
        g_byte_array_append(b, (const guint8 *)name, n);
    }
}

/* Each printable byte is its own token; byte 1 stands for a longer one. */
static void add_tokens(GByteArray *b, unsigned word)
{
    uint16_t index[256];
    guint start = b->len;

    for (unsigned i = 0; i < 256; i++) {
        char token[] = {(char)(i > 32 && i < 127 ? i : '~'), 0};
        const char *text = i == 1 ? "handler" : token;
        index[i] = (uint16_t)(b->len - start);
        g_byte_array_append(b, (const guint8 *)text, (guint)strlen(text) + 1);
    }
    align(b, word);
    g_byte_array_append(b, (const guint8 *)index, sizeof(index));
}

/* What a kernel's read-only data holds among other things. */
enum form { OLD, NEW, FROM_PLACE };

static GByteArray *make_kallsyms(unsigned word, enum form form)
{
    GByteArray *b = g_byte_array_new();
    g_autoptr(GArray) markers = g_array_new(FALSE, FALSE, 4);

    for (unsigned i = 0; i < 5000; i++)
        add32(b, i * 2654435761u);
    align(b, word);
    if (form == OLD)
        add_offsets(b, word);
    add32(b, NSYMS);
    align(b, word);
    add_names(b, markers);
    align(b, word);
    g_byte_array_append(b, (const guint8 *)markers->data, markers->len * 4);
    align(b, word);
    add_tokens(b, word);
    align(b, word);
    if (form == NEW)
        add_offsets(b, word);
    if (form == FROM_PLACE)
        add_offsets_from_place(b);
    for (unsigned i = 0; i < 500; i++)
        add32(b, i * 2246822519u);
    return b;
}

static void test_a_kernels_own_names(void)
{
    static const struct {
        unsigned word;
        enum form form;
        uint64_t base;
    } cases[] = {{4, OLD, BASE32},
                 {8, OLD, BASE64},
                 {4, NEW, BASE32},
                 {8, NEW, BASE64},
                 {4, FROM_PLACE, SYMBOLS_IMAGE_BASE}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t base = cases[i].base;
        g_autoptr(GByteArray) b = make_kallsyms(cases[i].word, cases[i].form);
        struct symbols *s = symbols_new();
        g_assert_true(symbols_add_kallsyms(s, b->data, b->len));
        g_assert_cmpuint(symbols_count(s), ==, NSYMS - NSYMS / 7);
        expect_name(s, base + 64, "fn_1", 0);
        expect_name(s, base + 5 * 64 + 4, "handler_5", 4);
        expect_name(s, base + 699 * 64 + 9, "fn_699", 9);
        symbols_free(s);
    }
}

/* A byte changed anywhere in the tables, and the tables cut anywhere: no harm, and an end. */
static void test_broken_tables_of_a_kernel_are_harmless(void)
{
    g_autoptr(GByteArray) good = make_kallsyms(8, NEW);

    for (unsigned at = 19900; at < good->len; at += 11) {
        g_autofree uint8_t *bad = g_malloc(good->len);
        g_autofree uint8_t *cut = g_malloc(at); /* so that reading behind it is noticed */
        struct symbols *s = symbols_new();
        memcpy(bad, good->data, good->len);
        bad[at] ^= (uint8_t)(1 + at % 255);
        if (symbols_add_kallsyms(s, bad, good->len))
            g_assert_cmpuint(symbols_count(s), >, 0);
        memcpy(cut, good->data, at);
        if (symbols_add_kallsyms(s, cut, at))
            g_assert_cmpuint(symbols_count(s), >, 0);
        symbols_free(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-symbols-XXXXXX", NULL);
    g_test_add_func("/symbols/map", test_system_map);
    g_test_add_func("/symbols/slide", test_a_kernel_that_moved_keeps_its_names);
    g_test_add_func("/symbols/none", test_files_without_names_are_told);
    g_test_add_func("/symbols/elf", test_elf_symbol_table);
    g_test_add_func("/symbols/lies", test_elf_files_that_lie_are_harmless);
    g_test_add_func("/symbols/kallsyms", test_a_kernels_own_names);
    g_test_add_func("/symbols/kallsyms-lies", test_broken_tables_of_a_kernel_are_harmless);
    int ret = g_test_run();
    static const char *const names[] = {"System.map", "hidden", "note",    "text",
                                        "empty",      "a.elf",  "bad.elf", "none.elf"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
