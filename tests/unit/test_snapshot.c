/* Saving and loading machines: what comes back, what is refused, and that refusing leaves all as it
 * was. */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "hw/board/boards.h"
#include "snapshot/load.h"
#include "snapshot/mapped.h"
#include "snapshot/state.h"
#include "snapshot/uri.h"
#include "util/bits.h"
#include "util/xxh64.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { MIB = 1 << 20, RAM_MIB = 16 };
static const gpa DRAM = 0x80000000, UART = 0x10000000, PLIC = 0xc000000, MTIMECMP = 0x2004000;

struct rig {
    struct machine *m;
    void *accel_props;
};

static struct rig rig_new_of(const struct machine_class *cls, unsigned ram_mib, unsigned smp,
                             const char *cpu)
{
    static const char *const dirs[] = {NULL};
    struct error *err = NULL;
    struct rig r = {.accel_props = g_malloc0(tcg_accel_ops.props_size + 1)};
    props_init(tcg_accel_ops.props, r.accel_props);
    clock_init();
    r.m = machine_new(cls, &tcg_accel_ops, r.accel_props);
    r.m->cfg.ram_size = (uint64_t)ram_mib * MIB;
    r.m->cfg.smp = r.m->cfg.max_cpus = smp;
    r.m->cfg.sockets = 1;
    r.m->cfg.cpu_model = cpu;
    r.m->cfg.bios = "none";
    r.m->cfg.firmware_dirs = dirs;
    if (!machine_init(r.m, &err))
        g_error("%s", error_text(err));
    return r;
}

static struct rig rig_new(void)
{
    return rig_new_of(&riscv64_virt_class, RAM_MIB, 2, NULL);
}

static void rig_free(struct rig *r)
{
    machine_free(r->m);
    props_fini(tcg_accel_ops.props, r->accel_props);
    g_free(r->accel_props);
}

static void poke(struct rig *r, gpa addr, uint64_t v)
{
    g_assert_cmpint(mem_write(&r->m->as, addr, addr < DRAM && addr != MTIMECMP ? 4 : 8, v), ==,
                    MEM_OK);
}

static uint64_t peek(struct rig *r, gpa addr)
{
    uint64_t v = 0;
    g_assert_cmpint(mem_read(&r->m->as, addr, addr < DRAM && addr != MTIMECMP ? 4 : 8, &v), ==,
                    MEM_OK);
    return v;
}

static void uart_write(struct rig *r, unsigned reg, uint8_t v)
{
    g_assert_cmpint(mem_write(&r->m->as, UART + reg, 1, v), ==, MEM_OK);
}

/* Some state everywhere: RAM, UART, its line through the PLIC to a hart, a timer, a hart's pc. */
static void make_state(struct rig *r)
{
    for (uint64_t i = 0; i < 64; i++)
        poke(r, DRAM + i * 0x3018, i * UINT64_C(0x123456789abcdef) + 1);
    poke(r, PLIC + 4 * 10, 3);
    poke(r, PLIC + 0x2000, 1 << 10);
    uart_write(r, 1, 2); /* THRE interrupt: the line rises */
    uart_write(r, 7, 0x5a);
    poke(r, MTIMECMP, 123456789);
    r->m->cpus[1]->ops->set_pc(r->m->cpus[1], 0x80001234);
    r->m->cpus[0]->halted = true;
}

static GByteArray *save(struct rig *r)
{
    struct error *err = NULL;
    struct snap_memory mem;
    snap_memory_init(&mem);
    machine_pause(r->m);
    if (!snapshot_write(r->m, &mem.io, true, &err))
        g_error("%s", error_text(err));
    r->m->pause_depth--; /* nothing runs here, time neither */
    return mem.data;
}

/* NULL, or why it does not load. */
static char *load(struct rig *r, const GByteArray *data)
{
    struct error *err = NULL;
    struct snap_memory mem;
    bool ran = false;
    snap_memory_init(&mem);
    g_byte_array_append(mem.data, data->data, data->len);
    struct snapshot *s = snapshot_read(&mem.io, r->m, &err);
    if (s) {
        machine_pause(r->m);
        snapshot_install(s, &ran);
        r->m->pause_depth--;
        g_assert_true(ran);
    }
    snapshot_free(s);
    snap_memory_fini(&mem);
    char *why = err ? g_strdup(error_text(err)) : NULL;
    error_free(err);
    return why;
}

static void assert_same(const GByteArray *a, const GByteArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (guint i = 0; i < a->len; i++)
        if (a->data[i] != b->data[i])
            g_error("the streams differ at byte %u", i);
}

/* ---- round trips ---- */

static void test_saving_what_was_loaded_gives_the_same_stream(void)
{
    struct rig a = rig_new(), b = rig_new();
    make_state(&a);
    g_autoptr(GByteArray) first = save(&a);
    g_assert_null(load(&b, first));
    g_autoptr(GByteArray) second = save(&b);
    assert_same(first, second);
    g_assert_null(load(&a, second));
    g_autoptr(GByteArray) third = save(&a);
    assert_same(first, third);
    rig_free(&a);
    rig_free(&b);
}

static void test_lines_follow_from_what_was_loaded(void)
{
    struct rig a = rig_new(), b = rig_new();
    make_state(&a);
    uint64_t lines = a.m->cpus[0]->irq_lines;
    g_assert_cmphex(lines & 1 << 11, !=, 0); /* the UART's, by the PLIC */
    g_autoptr(GByteArray) data = save(&a);
    g_assert_null(load(&b, data));
    g_assert_cmphex(b.m->cpus[0]->irq_lines, ==, lines);
    g_assert_cmphex(peek(&b, DRAM + 5 * 0x3018), ==, peek(&a, DRAM + 5 * 0x3018));
    g_assert_true(b.m->cpus[0]->halted);
    g_assert_cmphex(b.m->cpus[1]->ops->get_pc(b.m->cpus[1]), ==, 0x80001234);
    g_assert_cmphex(peek(&b, PLIC + 0x200004), ==, 10); /* the claim */
    rig_free(&a);
    rig_free(&b);
}

static void test_pages_that_were_written_later_become_zero_again(void)
{
    struct rig a = rig_new();
    make_state(&a);
    g_autoptr(GByteArray) data = save(&a);
    poke(&a, DRAM + 8 * MIB, 77);
    poke(&a, DRAM, 1);
    g_assert_null(load(&a, data));
    g_assert_cmpuint(peek(&a, DRAM + 8 * MIB), ==, 0);
    g_assert_cmpuint(peek(&a, DRAM), ==, 1);
    g_autoptr(GByteArray) again = save(&a);
    assert_same(data, again);
    rig_free(&a);
}

static void test_32_bit_machines_too(void)
{
    struct rig a = rig_new_of(&riscv32_virt_class, RAM_MIB, 1, NULL);
    struct rig b = rig_new_of(&riscv32_virt_class, RAM_MIB, 1, NULL);
    poke(&a, DRAM + 64, 5);
    g_autoptr(GByteArray) data = save(&a);
    g_assert_null(load(&b, data));
    g_autoptr(GByteArray) again = save(&b);
    assert_same(data, again);
    rig_free(&a);
    rig_free(&b);
}

/* ---- what is refused ---- */

static void refuses(struct rig *r, const GByteArray *data, const char *word)
{
    g_autofree char *why = load(r, data);
    g_assert_nonnull(why);
    if (!strstr(why, word))
        g_error("'%s' does not say '%s'", why, word);
    g_assert_null(strchr(why, '\n'));
}

static void test_other_machines_are_refused_by_name(void)
{
    struct rig a = rig_new(), ram = rig_new_of(&riscv64_virt_class, 2 * RAM_MIB, 2, NULL);
    struct rig smp = rig_new_of(&riscv64_virt_class, RAM_MIB, 1, NULL);
    struct rig cpu = rig_new_of(&riscv64_virt_class, RAM_MIB, 2, "rv64,zba=off");
    struct rig arch = rig_new_of(&riscv32_virt_class, RAM_MIB, 2, NULL);
    g_autoptr(GByteArray) data = save(&a);
    refuses(&ram, data, "same -m");
    refuses(&smp, data, "-smp 2");
    refuses(&cpu, data, "zba");
    refuses(&arch, data, "-arch riscv64");
    rig_free(&a);
    rig_free(&ram);
    rig_free(&smp);
    rig_free(&cpu);
    rig_free(&arch);
}

static void test_what_is_cut_off_or_changed_is_refused_and_nothing_happens(void)
{
    struct rig a = rig_new(), b = rig_new();
    make_state(&a);
    g_autoptr(GByteArray) data = save(&a), before = save(&b);
    for (guint len = 0; len < data->len; len += len < 4096 ? 251 : 40961) {
        g_autoptr(GByteArray) cut = g_byte_array_new();
        g_byte_array_append(cut, data->data, len);
        refuses(&b, cut, "");
    }
    for (guint at = 0; at < data->len; at += at < 4096 ? 197 : 10007) {
        data->data[at] ^= 1u << (at & 7);
        refuses(&b, data, "");
        data->data[at] ^= 1u << (at & 7);
    }
    g_autoptr(GByteArray) after = save(&b);
    assert_same(before, after);
    rig_free(&a);
    rig_free(&b);
}

static void test_foreign_files_are_named(void)
{
    static const struct {
        const char *bytes, *word;
    } files[] = {{"QEVM\0\0\0\3", "QEMU"},
                 {"QFI\xfb\0\0\0\3", "-loadvm"},
                 {"hello, world", "no saved state"}};
    struct rig a = rig_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GByteArray) data = g_byte_array_new();
        g_byte_array_set_size(data, 4096);
        memset(data->data, 0, 4096);
        memcpy(data->data, files[i].bytes, 8);
        refuses(&a, data, files[i].word);
    }
    rig_free(&a);
}

/* ---- files whose memory is mapped ---- */

/* All of a machine's RAM and state into a file in the mapped layout. */
static void write_mapped(struct rig *r, int fd, uint64_t base)
{
    struct mapped_file place;
    struct error *err = NULL;
    uint64_t size;

    mapped_file_init(&place, fd, base);
    machine_pause(r->m);
    if (!snapshot_write_mapped(r->m, &place.place, true, &size, &err))
        g_error("%s", error_text(err));
    r->m->pause_depth--;
}

static int new_file(void)
{
    char name[] = "/tmp/test_snapshot-XXXXXX";
    int fd = g_mkstemp(name);

    g_assert_cmpint(fd, >=, 0);
    g_unlink(name);
    return fd;
}

static char *load_file_at(struct rig *r, int fd, uint64_t base, bool verify)
{
    struct error *err = NULL;
    struct snapshot *s = snapshot_open(fd, base, verify, r->m, &err);
    bool ran = false;

    if (s) {
        g_assert_true(snapshot_is_mapped(s));
        machine_pause(r->m);
        snapshot_install(s, &ran);
        r->m->pause_depth--;
    }
    snapshot_free(s);
    char *why = err ? g_strdup(error_text(err)) : NULL;
    error_free(err);
    return why;
}

static void test_memory_is_mapped_from_a_file_copy_on_write(void)
{
    const uint64_t base = 8192;
    struct rig a = rig_new(), b = rig_new();
    int fd = new_file();
    make_state(&a);
    write_mapped(&a, fd, base);
    g_autoptr(GByteArray) first = save(&a);
    g_assert_null(load_file_at(&b, fd, base, true));
    g_autoptr(GByteArray) second = save(&b);
    assert_same(first, second);
    poke(&b, DRAM, 0x1234); /* the file stays as it is */
    g_assert_null(load_file_at(&b, fd, base, true));
    g_assert_cmpuint(peek(&b, DRAM), ==, 1);
    close(fd);
    rig_free(&a);
    rig_free(&b);
}

static void test_damaged_pages_of_a_file_are_found(void)
{
    struct rig a = rig_new(), b = rig_new();
    int fd = new_file();
    make_state(&a);
    write_mapped(&a, fd, 0);
    off_t data = lseek(fd, MAPPED_ALIGN, SEEK_DATA);
    uint8_t byte;
    g_assert_true(file_read_at(fd, &byte, 1, (uint64_t)data + 9, NULL));
    byte ^= 4;
    g_assert_true(file_write_at(fd, &byte, 1, (uint64_t)data + 9, NULL));
    g_autofree char *why = load_file_at(&b, fd, 0, true);
    g_assert_nonnull(strstr(why, "checksum"));
    g_assert_null(load_file_at(&b, fd, 0, false)); /* verify=off takes it as it is */
    g_assert_cmpint(ftruncate(fd, data + 100), ==, 0);
    g_autofree char *cut = load_file_at(&b, fd, 0, false);
    g_assert_nonnull(strstr(cut, "too early"));
    close(fd);
    rig_free(&a);
    rig_free(&b);
}

/* ---- dirty pages ---- */

static uint64_t dirty_pages(struct ram_block *ram, uint64_t *map)
{
    memset(map, 0, 8 * (ram_pages(ram) / 64 + 1));
    return ram_take_dirty(ram, map);
}

static void test_dirty_pages_are_those_written_since_they_were_taken(void)
{
    struct error *err = NULL;
    struct ram_block *ram = ram_new("ram", 100 * RAM_PAGE_SIZE, &err);
    uint64_t map[2];

    dirty_pages(ram, map);
    g_assert_cmpuint(dirty_pages(ram, map), ==, 0);
    ram_written(ram, 5 * RAM_PAGE_SIZE + 4000, 200);
    ram_written(ram, 99 * RAM_PAGE_SIZE, 1);
    g_assert_cmpuint(dirty_pages(ram, map), ==, 3);
    g_assert_cmphex(map[0], ==, 3 << 5);
    g_assert_cmphex(map[1], ==, UINT64_C(1) << 35);
    g_assert_cmpuint(dirty_pages(ram, map), ==, 0);
    ram_free(ram);
}

/* ---- addresses ---- */

static void parses(const char *text, enum uri_kind kind, const char *what, const char *port)
{
    struct migrate_uri u;

    g_assert_true(migrate_uri_parse(text, &u, NULL));
    g_assert_cmpint(u.kind, ==, kind);
    g_assert_cmpstr(u.text, ==, what);
    g_assert_cmpstr(u.port, ==, port);
    migrate_uri_fini(&u);
}

static void test_addresses_are_as_users_write_them(void)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "tcp:",
                                      "tcp:host",
                                      "tcp:host:",
                                      "exec:",
                                      "file:",
                                      "file:x,offset=-1",
                                      "file:x,vrify=on",
                                      "unix:",
                                      "FILE:x"};
    struct migrate_uri u;

    parses("tcp:localhost:4444", URI_TCP, "localhost", "4444");
    parses("tcp::4444,ipv4=on", URI_TCP, "", "4444");
    parses("tcp:[::1]:4444", URI_TCP, "::1", "4444");
    parses("unix:/a/b", URI_UNIX, "/a/b", NULL);
    parses("exec:cat >x, y", URI_EXEC, "cat >x, y", NULL);
    parses("fd:7", URI_FD, "7", NULL);
    g_assert_true(migrate_uri_parse("file:a,,b,offset=64k,verify=off", &u, NULL));
    g_assert_cmpstr(u.text, ==, "a,b");
    g_assert_cmpuint(u.offset, ==, 65536);
    g_assert_true(u.skip_verify);
    migrate_uri_fini(&u);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct error *err = NULL;
        g_assert_false(migrate_uri_parse(bad[i], &u, &err));
        error_free(err);
    }
}

/* ---- checksum ---- */

/* Values of the specification's reference implementation. */
static void test_xxh64_known_values(void)
{
    g_assert_cmphex(xxh64("", 0), ==, 0xef46db3751d8e999);
    g_assert_cmphex(xxh64("a", 1), ==, 0xd24ec4f1a98c6e5b);
    g_assert_cmphex(xxh64("abc", 3), ==, 0x44bc2cf5ad770999);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/snapshot/same", test_saving_what_was_loaded_gives_the_same_stream);
    g_test_add_func("/snapshot/lines", test_lines_follow_from_what_was_loaded);
    g_test_add_func("/snapshot/zero", test_pages_that_were_written_later_become_zero_again);
    g_test_add_func("/snapshot/rv32", test_32_bit_machines_too);
    g_test_add_func("/snapshot/others", test_other_machines_are_refused_by_name);
    g_test_add_func("/snapshot/damage",
                    test_what_is_cut_off_or_changed_is_refused_and_nothing_happens);
    g_test_add_func("/snapshot/foreign", test_foreign_files_are_named);
    g_test_add_func("/snapshot/mapped", test_memory_is_mapped_from_a_file_copy_on_write);
    g_test_add_func("/snapshot/damaged-file", test_damaged_pages_of_a_file_are_found);
    g_test_add_func("/snapshot/dirty", test_dirty_pages_are_those_written_since_they_were_taken);
    g_test_add_func("/snapshot/uri", test_addresses_are_as_users_write_them);
    g_test_add_func("/snapshot/xxh64", test_xxh64_known_values);
    return g_test_run();
}
