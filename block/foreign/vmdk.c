/*
 * Format VMDK, VMware's; read only: one sparse file, stream-optimized ones, and descriptors that
 * name flat, sparse and zero extents.  Ref: VMware Virtual Disk Format 1.1.
 */
#include "block/foreign/blocks_priv.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { FLAG_ZERO_GRAIN = 1 << 2, FLAG_COMPRESSED = 1 << 16, HEADER = 512, MAX_EXTENTS = 4096 };
enum { MAX_DESCRIPTOR = 1 << 20, MAX_GRAIN = 2 << 20, MAX_DIRECTORY = 1 << 22, NO_CID = -1 };
#define GD_AT_END UINT64_MAX

enum extent_kind { EXTENT_FLAT, EXTENT_SPARSE, EXTENT_ZERO };

struct vextent {
    enum extent_kind kind;
    uint64_t start, size;    /* bytes of the disk */
    uint64_t offset;         /* flat: where it begins in its file */
    struct block_node *file; /* borrowed from vmdk.files, or the image's own */
    uint64_t grain;          /* bytes */
    uint32_t per_table;      /* grains that a table names */
    uint32_t *directory;     /* sectors of the tables */
    uint64_t tables;
    bool is_compressed, has_zero_grains;
};

struct vmdk {
    GArray *extents;  /* struct vextent */
    GPtrArray *files; /* struct block_node *, opened for extents */
    char *type;
};

static int vmdk_probe(const uint8_t *head, size_t n)
{
    if (n >= 4 && !memcmp(head, "KDMV", 4))
        return 100;
    return n >= 22 && !memcmp(head, "# Disk DescriptorFile", 21) ? 100 : 0;
}

/* --- sparse extents --- */
static bool check_sparse(struct block_node *b, const uint8_t *h, struct vextent *x,
                         struct error **errp)
{
    uint64_t grain = ld_le64(h + 20), capacity = ld_le64(h + 12);
    uint32_t flags = ld_le32(h + 8), version = ld_le32(h + 4);

    if (version < 1 || version > 3)
        return foreign_refuse(b, "its version is none of 1 to 3", errp);
    if (!is_pow2(grain) || grain < 8 || grain > MAX_GRAIN / SECTOR || capacity > (uint64_t)1 << 40)
        return foreign_refuse(b, "the size of its grains, or of its disk, is impossible", errp);
    x->grain = grain * SECTOR;
    x->per_table = ld_le32(h + 44);
    if (!x->per_table || x->per_table > 1 << 16)
        return foreign_refuse(b, "the size of its tables is impossible", errp);
    x->is_compressed = flags & FLAG_COMPRESSED;
    x->has_zero_grains = flags & FLAG_ZERO_GRAIN;
    x->size = capacity * SECTOR;
    return true;
}

/* Streams have the place of the directory in a copy of the header, before the last sector. */
static bool find_directory(struct block_node *b, struct vextent *x, uint8_t *h, struct error **errp)
{
    uint64_t size = x->file->size;

    if (ld_le64(h + 56) != GD_AT_END)
        return true;
    if (size < 3 * SECTOR || node_pread(x->file, h, HEADER, size - 2 * SECTOR) ||
        memcmp(h, "KDMV", 4) || ld_le64(h + 56) == GD_AT_END)
        return foreign_refuse(b, "the end of the stream is missing", errp);
    return true;
}

static bool open_sparse(struct block_node *b, struct vextent *x, struct error **errp)
{
    uint8_t h[HEADER];

    if (node_pread(x->file, h, HEADER, 0) || memcmp(h, "KDMV", 4))
        return foreign_refuse(b, "a sparse extent has no header", errp);
    if (!check_sparse(b, h, x, errp) || !find_directory(b, x, h, errp))
        return false;
    uint64_t span = x->grain * x->per_table, at = ld_le64(h + 56);
    x->tables = (x->size + span - 1) / span;
    if (x->tables > MAX_DIRECTORY || at > x->file->size / SECTOR)
        return foreign_refuse(
            b, "its directory of tables is too large, or lies outside of the file", errp);
    x->directory = g_try_new0(uint32_t, x->tables + 1);
    if (!x->directory)
        return foreign_refuse(b, "no memory for its directory of tables", errp);
    int ret = node_pread(x->file, x->directory, x->tables * 4, at * SECTOR);
    return !ret || foreign_refuse(b, g_strerror(-ret), errp);
}

/* Where a grain is: BLOCK_ABSENT, BLOCK_ZERO or its offset. */
static int find_grain(const struct vextent *x, uint64_t off, uint64_t *place)
{
    uint64_t grain = off / x->grain;
    uint32_t table = ld_le32(&x->directory[grain / x->per_table]);
    uint8_t word[4];

    *place = BLOCK_ABSENT;
    if (table <= 1)
        return 0;
    int ret = node_pread(x->file, word, 4, (uint64_t)table * SECTOR + grain % x->per_table * 4);
    if (ret)
        return ret;
    uint64_t sector = ld_le32(word);
    *place = sector == 1 && x->has_zero_grains ? BLOCK_ZERO : sector * SECTOR;
    return 0;
}

static int read_packed(const struct vextent *x, uint64_t place, uint64_t in, uint64_t n,
                       struct sg sg)
{
    uint8_t marker[12];
    int ret = node_pread(x->file, marker, sizeof(marker), place);
    uint32_t len = ld_le32(marker + 8);

    if (ret || len > 2 * MAX_GRAIN)
        return ret ? ret : -EIO;
    g_autofree uint8_t *packed = g_try_malloc(len + 1), *out = g_try_malloc0(x->grain);
    if (!packed || !out)
        return -ENOMEM;
    ret = node_pread(x->file, packed, len, place + sizeof(marker));
    uLongf got = x->grain;
    if (!ret && uncompress(out, &got, packed, len) != Z_OK)
        ret = -EIO;
    if (!ret)
        sg_fill(sg, out + in, n);
    return ret;
}

static int read_sparse(struct block_node *b, const struct vextent *x, uint64_t off, uint64_t n,
                       struct sg sg)
{
    uint64_t place, in = (off - x->start) & (x->grain - 1);
    int ret = find_grain(x, off - x->start, &place);

    if (ret)
        return ret;
    if (place == BLOCK_ABSENT)
        return node_read_backing(b, off, n, sg);
    if (place == BLOCK_ZERO) {
        sg_zero(sg, n);
        return 0;
    }
    return x->is_compressed ? read_packed(x, place, in, n, sg)
                            : node_read(x->file, place + in, n, sg);
}

static const struct vextent *extent_at(const struct vmdk *v, uint64_t off)
{
    for (guint i = 0; i < v->extents->len; i++) {
        const struct vextent *x = &g_array_index(v->extents, struct vextent, i);
        if (off >= x->start && off - x->start < x->size)
            return x;
    }
    return NULL;
}

/* How much from off on lies in one grain, or one flat extent. */
static uint64_t piece(const struct vextent *x, uint64_t off, uint64_t bytes)
{
    uint64_t left = x->start + x->size - off;

    if (x->kind == EXTENT_SPARSE)
        left = MIN(left, x->grain - ((off - x->start) & (x->grain - 1)));
    return MIN(bytes, left);
}

static int vmdk_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    int ret = 0;

    for (uint64_t n; !ret && bytes; bytes -= n, off += n, sg = sg_skip(sg, n)) {
        const struct vextent *x = extent_at(b->state, off);
        if (!x)
            return -EIO;
        n = piece(x, off, bytes);
        if (x->kind == EXTENT_FLAT)
            ret = node_read(x->file, off - x->start + x->offset, n, sg);
        else if (x->kind == EXTENT_ZERO)
            sg_zero(sg, n);
        else
            ret = read_sparse(b, x, off, n, sg);
    }
    return ret;
}

static int vmdk_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    const struct vextent *x = extent_at(b->state, off);
    uint64_t place;

    if (!x)
        return -EIO;
    e->bytes = piece(x, off, bytes);
    e->path = x->file ? x->file->path : NULL;
    if (x->kind != EXTENT_SPARSE) {
        e->data = e->has_offset = x->kind == EXTENT_FLAT;
        e->zero = !e->data;
        e->offset = off - x->start + x->offset;
        return 0;
    }
    int ret = find_grain(x, off - x->start, &place);
    e->allocated = place != BLOCK_ABSENT;
    e->data = place > BLOCK_ZERO;
    e->has_offset = e->data && !x->is_compressed;
    e->compressed = e->data && x->is_compressed;
    e->zero = place == BLOCK_ZERO || (!e->allocated && !b->backing);
    e->offset = place + ((off - x->start) & (x->grain - 1));
    return ret;
}

/* --- descriptors --- */
static void add_extent(struct block_node *b, struct vextent *x)
{
    struct vmdk *v = b->state;

    x->start = b->size;
    b->size += x->size;
    g_array_append_val(v->extents, *x);
}

/* RW 20480 SPARSE "name" [offset] */
static bool parse_extent(struct block_node *b, const char *line, struct error **errp)
{
    struct vmdk *v = b->state;
    unsigned long long sectors = 0, offset = 0;
    char access[16], type[16], name[512] = "";
    struct vextent x = {0};

    int n =
        sscanf(line, "%15s %llu %15s \"%511[^\"]\" %llu", access, &sectors, type, name, &offset);
    if (n < 3 || sectors > (uint64_t)1 << 40 || offset > (uint64_t)1 << 40 ||
        v->extents->len >= MAX_EXTENTS)
        return foreign_refuse(b, "a line of its description is wrong", errp);
    x.size = sectors * SECTOR;
    x.offset = offset * SECTOR;
    x.kind = !strcmp(type, "ZERO")    ? EXTENT_ZERO
             : strstr(type, "SPARSE") ? EXTENT_SPARSE
                                      : EXTENT_FLAT;
    if (!strcmp(type, "VMFSSPARSE") || !strcmp(type, "SESPARSE"))
        return foreign_refuse(b, "extents of type VMFSSPARSE and SESPARSE are not supported", errp);
    if (x.kind != EXTENT_ZERO) {
        g_autofree char *path = block_resolve_path(b->path, name);
        if (!*name || g_path_is_absolute(name) || strstr(name, ".."))
            return foreign_refuse(b, "an extent lies in another directory", errp);
        x.file = node_open_file((struct node_opts){NULL, ""}, "file", path, b->flags, errp);
        if (!x.file)
            return false;
        g_ptr_array_add(v->files, x.file);
        uint64_t size = x.size;
        if (x.kind == EXTENT_SPARSE && !open_sparse(b, &x, errp)) {
            g_free(x.directory);
            return false;
        }
        x.size = MIN(size, x.size);
    }
    add_extent(b, &x);
    return true;
}

/* key="value" of a line of the description; free it. */
static char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);

    if (strncmp(line, key, n) || line[n] != '=')
        return NULL;
    char *text = g_strdup(line + n + 1);
    g_strstrip(text);
    if (*text == '"')
        memmove(text, text + 1, strlen(text));
    g_strdelimit(text, "\"", '\0');
    return text;
}

static bool is_extent(const char *line)
{
    return g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ");
}

/* What both kinds of descriptions say: the type, and the image below. */
static void parse_keys(struct block_node *b, const char *line)
{
    struct vmdk *v = b->state;
    char *type = value_of(line, "createType"), *parent = value_of(line, "parentFileNameHint");

    if (type) {
        g_free(v->type);
        v->type = type;
    }
    if (parent) {
        g_free(b->backing_path);
        g_free(b->backing_format);
        b->backing_path = parent;
        b->backing_format = g_strdup("vmdk");
    }
}

static bool parse_text(struct block_node *b, char *text, bool extents, struct error **errp)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **l = lines; *l; l++) {
        g_strstrip(*l);
        parse_keys(b, *l);
        if (extents && is_extent(*l) && !parse_extent(b, *l, errp))
            return false;
    }
    return true;
}

static char *read_text(struct block_node *b, uint64_t off, uint64_t bytes)
{
    uint64_t size = b->file->size;

    if (off >= size)
        return NULL;
    bytes = MIN(MIN(bytes, size - off), MAX_DESCRIPTOR);
    char *text = g_malloc0(bytes + 1);
    if (!node_pread(b->file, text, bytes, off))
        return text;
    g_free(text);
    return NULL;
}

static bool open_single(struct block_node *b, const uint8_t *h, struct error **errp)
{
    struct vextent x = {.kind = EXTENT_SPARSE, .file = b->file};
    g_autofree char *text =
        read_text(b, ld_le64(h + 28) % (1U << 30) * SECTOR, ld_le64(h + 36) % (1U << 20) * SECTOR);

    if (text && !parse_text(b, text, false, errp))
        return false;
    if (!open_sparse(b, &x, errp)) {
        g_free(x.directory);
        return false;
    }
    add_extent(b, &x);
    return true;
}

static bool vmdk_open(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    struct vmdk *v = g_new0(struct vmdk, 1);
    uint8_t h[HEADER];

    b->state = v;
    v->extents = g_array_new(FALSE, TRUE, sizeof(struct vextent));
    v->files = g_ptr_array_new();
    if (node_pread(b->file, h, HEADER, 0) || !vmdk_probe(h, HEADER))
        return foreign_refuse(b, "it is no VMDK image", errp);
    if (!foreign_is_read_only(b, errp))
        return false;
    if (!memcmp(h, "KDMV", 4))
        return open_single(b, h, errp);
    g_autofree char *text = read_text(b, 0, MAX_DESCRIPTOR);
    if (!text || !parse_text(b, text, true, errp))
        return text ? false : foreign_refuse(b, "its description cannot be read", errp);
    return v->extents->len || foreign_refuse(b, "its description names no extents", errp);
}

static void vmdk_close(struct block_node *b)
{
    struct vmdk *v = b->state;

    for (guint i = 0; i < v->extents->len; i++)
        g_free(g_array_index(v->extents, struct vextent, i).directory);
    for (guint i = 0; i < v->files->len; i++)
        node_unref(g_ptr_array_index(v->files, i));
    g_array_unref(v->extents);
    g_ptr_array_unref(v->files);
    g_free(v->type);
    g_free(v);
}

static void vmdk_info(struct block_node *b, struct block_info *info)
{
    const struct vmdk *v = b->state;
    const struct vextent *x = &g_array_index(v->extents, struct vextent, 0);

    info->cluster_size = x->kind == EXTENT_SPARSE ? x->grain : 0;
    info->specific = "vmdk";
    if (v->type)
        info_add_text(info, "create-type", "create type", g_strdup(v->type));
}

const struct block_driver vmdk_driver = {
    .name = "vmdk",
    .has_backing = true,
    .probe = vmdk_probe,
    .open = vmdk_open,
    .close = vmdk_close,
    .read = vmdk_read,
    .map = vmdk_map,
    .info = vmdk_info,
};
