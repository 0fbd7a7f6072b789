/* ACPI tables that users add (-acpitable). */
#include "hw/acpi/tables.h"
#include "hw/acpi/user_tables.h"
#include "util/bits.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static char *dir;

static char *write_file(const char *name, const char *bytes, size_t n)
{
    char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)n, NULL));
    return path;
}

/* The table with a signature among those made, NULL: there is none. */
static const uint8_t *find(const struct acpi *a, const char *sig)
{
    size_t len;
    const uint8_t *blob = acpi_blob(a, &len);
    for (size_t at = 0; at + 36 <= len; at += 16)
        if (memcmp(blob + at, sig, 4) == 0)
            return blob + at;
    return NULL;
}

static struct acpi *make(const char *format, const char *path)
{
    struct error *err = NULL;
    g_autofree char *text = g_strdup_printf(format, path);
    const char *const texts[] = {text, NULL};
    g_autoptr(GPtrArray) tables = acpi_read_user_tables(texts, &err);
    g_assert_null(err);
    struct acpi *a = acpi_new("BOARD", "BOARDTAB");
    acpi_put_user_tables(a, tables);
    return a;
}

static void test_data_gets_a_header_of_options(void)
{
    g_autofree char *path = write_file("data", "abcd", 4);
    struct acpi *a =
        make("sig=UEFI,rev=3,oem_id=ME,oem_rev=0x11223344,asl_compiler_id=X,data=%s", path);
    const uint8_t *t = find(a, "UEFI");
    g_assert_nonnull(t);
    g_assert_cmpuint(ld_le32(t + 4), ==, 40);
    g_assert_cmpuint(t[8], ==, 3);
    g_assert_cmpmem(t + 10, 14, "ME    TINAMOU ", 14);
    g_assert_cmphex(ld_le32(t + 24), ==, 0x11223344);
    g_assert_cmpmem(t + 28, 4, "X   ", 4);
    g_assert_cmpmem(t + 36, 4, "abcd", 4);
    acpi_free(a);
}

static void test_whole_tables_keep_their_header_and_slic_names_the_root(void)
{
    static const char slic[] = "SLIC\xff\xff\xff\xff\1\7VENDORPRODUCT \1\0\0\0ASL \2\0\0\0body";
    g_autofree char *path = write_file("slic", slic, sizeof(slic) - 1);
    struct acpi *a = make("file=%s,rev=2", path);
    const uint8_t *t = find(a, "SLIC");
    g_assert_cmpuint(ld_le32(t + 4), ==, 40);
    g_assert_cmpuint(t[8], ==, 2);
    g_assert_cmpuint(t[9], ==, 0);
    g_assert_cmpmem(t + 10, 30, slic + 10, 30);
    acpi_put_fadt_pc(a, 0, 0, &(struct acpi_fixed){.gpe_len = 4});
    g_assert_cmpmem(find(a, "FACP") + 10, 14, "VENDORPRODUCT ", 14);
    acpi_begin(a, "WAET", 1);
    acpi_end(a, true);
    g_assert_cmpmem(find(a, "WAET") + 10, 14, "BOARD BOARDTAB", 14);
    acpi_free(a);
}

static void test_files_are_joined(void)
{
    g_autofree char *one = write_file("one", "12", 2), *two = write_file("two", "345", 3);
    g_autofree char *both = g_strdup_printf("%s:%s", one, two);
    struct acpi *a = make("sig=TEST,data=%s", both);
    g_assert_cmpmem(find(a, "TEST") + 36, 5, "12345", 5);
    acpi_free(a);
}

static void refuse(const char *text, const char *wanted)
{
    struct error *err = NULL;
    const char *const texts[] = {text, NULL};
    g_assert_null(acpi_read_user_tables(texts, &err));
    g_assert_nonnull(strstr(error_text(err), wanted));
    error_free(err);
}

static void test_bad_tables_are_refused(void)
{
    g_autofree char *path = write_file("short", "abc", 3);
    g_autofree char *whole = g_strdup_printf("file=%s", path);
    g_autofree char *long_id = g_strdup_printf("sig=TEST,oem_id=SEVENLT,data=%s", path);
    g_autofree char *typo = g_strdup_printf("sig=TEST,oem_ref=1,data=%s", path);
    refuse("sig=TEST", "wanted file=FILE");
    refuse("data=/dev/null", "sig=TEXT,data=FILE");
    refuse("sig=TOOLONG,data=/dev/null", "has 4 characters");
    refuse("file=/nonexistent/table", "/nonexistent/table");
    refuse(whole, "a header of 36");
    refuse(long_id, "oem_id=SEVENLT");
    refuse(typo, "oem_rev");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tables-XXXXXX", NULL);
    g_test_add_func("/acpitable/data", test_data_gets_a_header_of_options);
    g_test_add_func("/acpitable/file", test_whole_tables_keep_their_header_and_slic_names_the_root);
    g_test_add_func("/acpitable/joined", test_files_are_joined);
    g_test_add_func("/acpitable/bad", test_bad_tables_are_refused);
    int status = g_test_run();
    static const char *const names[] = {"data", "slic", "one", "two", "short"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(dir, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
    return status;
}
