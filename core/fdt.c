/* Device-tree building on libfdt, with a blob that grows.  Ref: Devicetree specification 0.4. */
#include "core/fdt.h"

#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#define fdt_string libfdt_string /* libfdt declares another function of this name */
#include <libfdt.h>
#undef fdt_string
#include <string.h>

enum { FIRST_SIZE = 16384, MAX_SIZE = 64 << 20 };

struct fdt {
    uint8_t *blob;
    size_t room;
    uint32_t next_phandle;
};

struct fdt *fdt_new(void)
{
    struct fdt *f = g_new0(struct fdt, 1);

    f->room = FIRST_SIZE;
    f->blob = g_malloc0(f->room);
    f->next_phandle = 1;
    int ret = fdt_create_empty_tree(f->blob, f->room);
    assert(ret == 0);
    return f;
}

/* Phandles that the tree has must not be given out again. */
static uint32_t highest_phandle(const void *blob)
{
    uint32_t max = 0;

    return fdt_find_max_phandle(blob, &max) < 0 ? 0 : max;
}

/* Older trees do not say how long their structure block is, and libfdt reads past its end. */
static bool is_safe_version(const void *data, size_t len, const char *path, struct error **errp)
{
    enum { NEEDED = 17 /* since 2006 */ };

    if (len < sizeof(struct fdt_header) || fdt_magic(data) != FDT_MAGIC ||
        fdt_version(data) >= NEEDED)
        return true;
    error_set(errp, "device tree '%s' has version %u, but at least %d is needed", path,
              fdt_version(data), NEEDED);
    return false;
}

struct fdt *fdt_from_blob(const void *data, size_t len, const char *path, struct error **errp)
{
    if (!is_safe_version(data, len, path, errp))
        return NULL;
    if (len < sizeof(struct fdt_header) || len > MAX_SIZE || fdt_check_full(data, len) < 0) {
        error_set(errp, "'%s' is not a valid device tree blob (or is truncated)", path);
        return NULL;
    }
    struct fdt *f = g_new0(struct fdt, 1);
    f->room = len + FIRST_SIZE;
    f->blob = g_malloc0(f->room);
    f->next_phandle = highest_phandle(data) + 1;
    int ret = fdt_open_into(data, f->blob, f->room);
    int len_of_name;
    /* A tree may pass all checks and have no root, where nothing could be added. */
    if (!ret && fdt_get_name(f->blob, 0, &len_of_name))
        return f;
    error_set(errp, "could not open device tree '%s': %s", path,
              ret ? fdt_strerror(ret) : "it has no root node");
    fdt_free(f);
    return NULL;
}

void fdt_free(struct fdt *f)
{
    if (!f)
        return;
    g_free(f->blob);
    g_free(f);
}

/* Call an editing function again with more room until it fits; what else fails is a mistake of the
 * board's code. */
static bool must_retry(struct fdt *f, int ret)
{
    if (ret != -FDT_ERR_NOSPACE) {
        if (ret < 0)
            g_error("device tree: %s", fdt_strerror(ret));
        return false;
    }
    if (fdt_totalsize(f->blob) == f->room) { /* else it was packed, and unpacking makes room */
        assert(f->room < MAX_SIZE);
        f->room *= 2;
    }
    f->blob = g_realloc(f->blob, f->room);
    ret = fdt_open_into(f->blob, f->blob, f->room);
    assert(ret == 0);
    return true;
}

static int add_subnode(struct fdt *f, int parent, const char *name, int len)
{
    int node;

    do
        node = fdt_add_subnode_namelen(f->blob, parent, name, len);
    while (must_retry(f, node));
    return node;
}

/* The node of a path, made with its parents where missing. */
static int node_at(struct fdt *f, const char *path)
{
    int node = 0;

    while (*path) {
        path += strspn(path, "/");
        int len = strcspn(path, "/");
        if (!len)
            break;
        int child = fdt_subnode_offset_namelen(f->blob, node, path, len);
        node = child >= 0 ? child : add_subnode(f, node, path, len);
        path += len;
    }
    return node;
}

void fdt_node(struct fdt *f, const char *path)
{
    node_at(f, path);
}

bool fdt_has_node(struct fdt *f, const char *path)
{
    return fdt_path_offset(f->blob, path) >= 0;
}

void fdt_bytes(struct fdt *f, const char *path, const char *prop, const void *data, size_t len)
{
    int node = node_at(f, path), ret; /* first: it may move the blob */

    assert(len < MAX_SIZE);
    do
        ret = fdt_setprop(f->blob, node, prop, data, len);
    while (must_retry(f, ret));
}

void fdt_u32(struct fdt *f, const char *path, const char *prop, uint32_t v)
{
    fdt_cells(f, path, prop, &v, 1);
}

void fdt_u64(struct fdt *f, const char *path, const char *prop, uint64_t v)
{
    FDT_CELLS(f, path, prop, v >> 32, (uint32_t)v);
}

void fdt_cells(struct fdt *f, const char *path, const char *prop, const uint32_t *cells, size_t n)
{
    g_autofree uint32_t *be = g_new(uint32_t, n ? n : 1);

    for (size_t i = 0; i < n; i++)
        st_be32(&be[i], cells[i]);
    fdt_bytes(f, path, prop, be, n * sizeof(*be));
}

void fdt_reg64(struct fdt *f, const char *path, uint64_t base, uint64_t size)
{
    FDT_CELLS(f, path, "reg", base >> 32, (uint32_t)base, size >> 32, (uint32_t)size);
}

void fdt_string(struct fdt *f, const char *path, const char *prop, const char *s)
{
    fdt_bytes(f, path, prop, s, strlen(s) + 1);
}

void fdt_strings(struct fdt *f, const char *path, const char *prop, const char *const *list)
{
    g_autoptr(GByteArray) all = g_byte_array_new();

    for (; *list; list++)
        g_byte_array_append(all, (const guint8 *)*list, strlen(*list) + 1);
    fdt_bytes(f, path, prop, all->data ? (const void *)all->data : "", all->len);
}

void fdt_flag(struct fdt *f, const char *path, const char *prop)
{
    fdt_bytes(f, path, prop, "", 0);
}

uint32_t fdt_phandle(struct fdt *f, const char *path)
{
    int node = node_at(f, path); /* first: it may move the blob */
    uint32_t have = fdt_get_phandle(f->blob, node);

    if (have)
        return have;
    fdt_u32(f, path, "phandle", f->next_phandle);
    return f->next_phandle++;
}

/* Packing only lowers the sizes in the header: the next edit opens the blob up again when it asks
 * for room. */
const void *fdt_blob(struct fdt *f, size_t *len)
{
    int ret = fdt_pack(f->blob);

    assert(ret == 0);
    *len = fdt_totalsize(f->blob);
    return f->blob;
}

bool fdt_write(struct fdt *f, const char *path, struct error **errp)
{
    GError *err = NULL;
    size_t len;
    const void *blob = fdt_blob(f, &len);

    if (g_file_set_contents(path, blob, (gssize)len, &err))
        return true;
    error_set(errp, "could not write the device tree: %s", err->message);
    g_error_free(err);
    return false;
}
