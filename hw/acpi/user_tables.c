/*
 * ACPI tables that users add.
 * Ref: ACPI Specification 6.5, 5.2.6 (header); QEMU documentation, invocation, "-acpitable".
 */
#include "hw/acpi/user_tables.h"
#include "core/loader.h"
#include "hw/acpi/tables.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <string.h>

/* The header. */
enum {
    SIGNATURE = 0,
    LENGTH = 4,
    REVISION = 8,
    OEM_ID = 10,
    OEM_TABLE_ID = 16,
    OEM_REVISION = 24,
    COMPILER_ID = 28,
    COMPILER_REVISION = 32,
    HEADER = 36
};
enum { MAX_TABLE = 1 << 20 };

static bool put_text(struct opts *o, uint8_t *header, const char *key, unsigned at, size_t max,
                     struct error **errp)
{
    const char *v = opts_get(o, key, NULL);
    if (v == NULL)
        return true;
    if (strlen(v) > max) {
        error_set(errp, "%s=%s: at most %zu characters", key, v, max);
        return false;
    }
    memset(header + at, ' ', max);
    memcpy(header + at, v, strlen(v));
    return true;
}

static bool put_number(struct opts *o, uint8_t *header, const char *key, unsigned at, uint64_t max,
                       struct error **errp)
{
    uint64_t v;
    if (opts_get(o, key, NULL) == NULL)
        return true;
    if (!opts_get_uint(o, key, max, 0, &v, errp))
        return false;
    if (max == UINT8_MAX)
        header[at] = (uint8_t)v;
    else
        st_le32(header + at, (uint32_t)v);
    return true;
}

static bool fill_header(struct opts *o, uint8_t *h, struct error **errp)
{
    const char *sig = opts_get(o, "sig", NULL);
    if (sig && strlen(sig) != 4) {
        error_set(errp, "sig=%s: a signature has 4 characters", sig);
        return false;
    }
    return put_text(o, h, "sig", SIGNATURE, 4, errp) &&
           put_number(o, h, "rev", REVISION, UINT8_MAX, errp) &&
           put_text(o, h, "oem_id", OEM_ID, 6, errp) &&
           put_text(o, h, "oem_table_id", OEM_TABLE_ID, 8, errp) &&
           put_number(o, h, "oem_rev", OEM_REVISION, UINT32_MAX, errp) &&
           put_text(o, h, "asl_compiler_id", COMPILER_ID, 4, errp) &&
           put_number(o, h, "asl_compiler_rev", COMPILER_REVISION, UINT32_MAX, errp);
}

static bool read_files(GByteArray *table, const char *paths, struct error **errp)
{
    g_auto(GStrv) path = g_strsplit(paths, ":", -1);
    for (unsigned i = 0; path[i]; i++) {
        size_t len;
        g_autofree uint8_t *data = load_file(path[i], MAX_TABLE, &len, errp);
        if (data == NULL)
            return false;
        g_byte_array_append(table, data, (guint)len);
        if (table->len > MAX_TABLE) {
            error_set(errp, "more than %u bytes", (unsigned)MAX_TABLE);
            return false;
        }
    }
    return true;
}

static void put_fresh_header(GByteArray *table)
{
    g_byte_array_set_size(table, HEADER);
    memset(table->data, 0, HEADER);
    table->data[REVISION] = 1;
    memcpy(table->data + OEM_ID, "TINAMOTINAMOU ", COMPILER_ID - OEM_ID - 4);
    st_le32(table->data + OEM_REVISION, 1);
    memcpy(table->data + COMPILER_ID, "TNMU", 4);
    st_le32(table->data + COMPILER_REVISION, 1);
}

/* With file= headers lie in the files, with data= they are all ours. */
static bool read_table(GByteArray *table, struct opts *o, struct error **errp)
{
    /* clang-format off */
    static const char *const keys[] = {"sig", "rev", "oem_id", "oem_table_id", "oem_rev",
                                       "asl_compiler_id", "asl_compiler_rev", "file", "data", NULL};
    /* clang-format on */
    const char *file = opts_get(o, "file", NULL), *data = opts_get(o, "data", NULL);
    if (!file == !data || (data && opts_get(o, "sig", NULL) == NULL)) {
        error_set(errp, "wanted file=FILE with a whole table, or sig=TEXT,data=FILE");
        return false;
    }
    if (data)
        put_fresh_header(table);
    if (!read_files(table, file ? file : data, errp))
        return false;
    if (table->len < HEADER) {
        error_set(errp, "%u bytes: a table has a header of %u", table->len, (unsigned)HEADER);
        return false;
    }
    return fill_header(o, table->data, errp) && opts_check_used(o, keys, errp);
}

static void free_table(gpointer table)
{
    g_byte_array_unref(table);
}

GPtrArray *acpi_read_user_tables(const char *const *texts, struct error **errp)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(free_table);
    for (; texts && *texts; texts++) {
        GByteArray *table = g_byte_array_new();
        struct opts *o = opts_parse(*texts, NULL);
        g_ptr_array_add(all, table);
        bool ok = read_table(table, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-acpitable %s", *texts);
            g_ptr_array_unref(all);
            return NULL;
        }
    }
    return all;
}

void acpi_put_user_tables(struct acpi *a, const GPtrArray *tables)
{
    for (guint i = 0; i < tables->len; i++) {
        const GByteArray *t = g_ptr_array_index(tables, i);
        acpi_put_table(a, t->data, t->len);
        if (memcmp(t->data, "SLIC", 4) == 0)
            acpi_name_root(a, t->data + OEM_ID);
    }
}
