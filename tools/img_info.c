/* Commands that look: info, check, map, snapshot -l; and the other snapshot operations. */
#include "block/bitmap.h"
#include "tools/img.h"
#include "util/annot.h"
#include "util/optparse.h"

#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

/* --- JSON --- */
static void print_json(JsonBuilder *take_builder)
{
    g_autoptr(JsonGenerator) gen = json_generator_new();
    g_autoptr(JsonNode) root = json_builder_get_root(take_builder);

    json_generator_set_root(gen, root);
    json_generator_set_pretty(gen, TRUE);
    json_generator_set_indent(gen, 4);
    g_autofree char *text = json_generator_to_data(gen, NULL);
    printf("%s\n", text);
    g_object_unref(take_builder);
}

static void put_text(JsonBuilder *j, const char *key, const char *value)
{
    if (!value)
        return;
    json_builder_set_member_name(j, key);
    json_builder_add_string_value(j, value);
}

static void put_uint(JsonBuilder *j, const char *key, uint64_t value)
{
    json_builder_set_member_name(j, key);
    json_builder_add_int_value(j, (gint64)value);
}

static void put_bool(JsonBuilder *j, const char *key, bool value)
{
    json_builder_set_member_name(j, key);
    json_builder_add_boolean_value(j, value);
}

/* --- snapshots --- */
static char *clock_text(uint64_t ns)
{
    uint64_t ms = ns / 1000000, s = ms / 1000;

    return g_strdup_printf("%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, s / 3600,
                           s / 60 % 60, s % 60, ms % 1000);
}

static void print_snapshots(GArray *list)
{
    printf("Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
           "VM CLOCK", "ICOUNT");
    for (guint i = 0; i < list->len; i++) {
        const struct block_snapshot *s = &g_array_index(list, struct block_snapshot, i);
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(s->date_sec);
        g_autofree char *date = t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S") : NULL,
                        *clock = clock_text(s->vm_clock_ns),
                        *size = img_human_size(s->vm_state_size),
                        *icount = s->icount == UINT64_MAX ? g_strdup("")
                                                          : g_strdup_printf("%" PRIu64, s->icount);
        printf("%-9s %-16s %8s%20s%13s%11s\n", s->id, s->name, size, date ? date : "", clock,
               icount);
    }
}

static void put_snapshots(JsonBuilder *j, GArray *list)
{
    json_builder_set_member_name(j, "snapshots");
    json_builder_begin_array(j);
    for (guint i = 0; i < list->len; i++) {
        const struct block_snapshot *s = &g_array_index(list, struct block_snapshot, i);
        json_builder_begin_object(j);
        if (s->icount != UINT64_MAX)
            put_uint(j, "icount", s->icount);
        put_uint(j, "vm-clock-nsec", s->vm_clock_ns % 1000000000);
        put_text(j, "name", s->name);
        put_uint(j, "date-sec", (uint64_t)s->date_sec);
        put_uint(j, "date-nsec", s->date_nsec);
        put_uint(j, "vm-clock-sec", s->vm_clock_ns / 1000000000);
        put_text(j, "id", s->id);
        put_uint(j, "vm-state-size", s->vm_state_size);
        json_builder_end_object(j);
    }
    json_builder_end_array(j);
}

/* --- dirty bitmaps --- */
static void put_bitmap(JsonBuilder *j, const struct bitmap_info *m)
{
    json_builder_begin_object(j);
    json_builder_set_member_name(j, "flags");
    json_builder_begin_array(j);
    if (m->inconsistent)
        json_builder_add_string_value(j, "in-use");
    if (m->recording)
        json_builder_add_string_value(j, "auto");
    json_builder_end_array(j);
    put_text(j, "name", m->name);
    put_uint(j, "granularity", m->granularity);
    json_builder_end_object(j);
}

static void put_bitmaps(JsonBuilder *j, const char *key, struct block_node *b)
{
    struct bitmap_info i;

    json_builder_set_member_name(j, key);
    json_builder_begin_array(j);
    for (struct block_bitmap *m = NULL; (m = bitmap_next(b, m));) {
        bitmap_get_info(m, &i);
        put_bitmap(j, &i);
    }
    json_builder_end_array(j);
}

static void print_bitmaps(const char *label, struct block_node *b)
{
    struct bitmap_info i;
    unsigned n = 0;

    printf("    %s:\n", label);
    for (struct block_bitmap *m = NULL; (m = bitmap_next(b, m));) {
        unsigned flags = 0;
        bitmap_get_info(m, &i);
        printf("        [%u]:\n            flags:\n", n++);
        if (i.inconsistent)
            printf("                [%u]: in-use\n", flags++);
        if (i.recording)
            printf("                [%u]: auto\n", flags);
        printf("            name: %s\n            granularity: %" PRIu64 "\n", i.name,
               i.granularity);
    }
}

/* --- info --- */
static void put_facts(JsonBuilder *j, struct block_node *b, const struct block_info *i)
{
    json_builder_set_member_name(j, "format-specific");
    json_builder_begin_object(j);
    put_text(j, "type", i->specific);
    json_builder_set_member_name(j, "data");
    json_builder_begin_object(j);
    for (guint k = 0; k < i->facts->len; k++) {
        const struct block_fact *f = &g_array_index(i->facts, struct block_fact, k);
        if (f->type == FACT_TEXT)
            put_text(j, f->key, f->text);
        else if (f->type == FACT_BOOL)
            put_bool(j, f->key, f->value);
        else if (f->type == FACT_BITMAPS)
            put_bitmaps(j, f->key, b);
        else
            put_uint(j, f->key, f->value);
    }
    json_builder_end_object(j);
    json_builder_end_object(j);
}

static void put_info(JsonBuilder *j, struct block_node *b, const struct block_info *i,
                     GArray *snapshots)
{
    json_builder_begin_object(j);
    if (snapshots && snapshots->len)
        put_snapshots(j, snapshots);
    put_text(j, "backing-filename-format", i->backing_format);
    put_uint(j, "virtual-size", i->virtual_size);
    put_text(j, "filename", i->path);
    if (i->cluster_size)
        put_uint(j, "cluster-size", i->cluster_size);
    put_text(j, "format", i->format);
    if (i->has_actual_size)
        put_uint(j, "actual-size", i->actual_size);
    if (i->specific)
        put_facts(j, b, i);
    put_text(j, "full-backing-filename", i->full_backing_path);
    put_text(j, "backing-filename", i->backing_path);
    put_bool(j, "dirty-flag", i->is_dirty);
    json_builder_end_object(j);
}

static void print_facts(struct block_node *b, const struct block_info *i)
{
    printf("Format specific information:\n");
    for (guint k = 0; k < i->facts->len; k++) {
        const struct block_fact *f = &g_array_index(i->facts, struct block_fact, k);
        if (f->type == FACT_TEXT)
            printf("    %s: %s\n", f->label, f->text);
        else if (f->type == FACT_BOOL)
            printf("    %s: %s\n", f->label, f->value ? "true" : "false");
        else if (f->type == FACT_BITMAPS)
            print_bitmaps(f->label, b);
        else
            printf("    %s: %" PRIu64 "\n", f->label, f->value);
    }
}

static void print_info(struct block_node *b, const struct block_info *i, GArray *snapshots)
{
    g_autofree char *size = img_human_size(i->virtual_size), *disk = img_human_size(i->actual_size);

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\n", i->path, i->format,
           size, i->virtual_size);
    printf("disk size: %s\n", i->has_actual_size ? disk : "unavailable");
    if (i->is_dirty)
        printf("cleanly shut down: no\n");
    if (i->cluster_size)
        printf("cluster_size: %" PRIu64 "\n", i->cluster_size);
    if (i->backing_path && strcmp(i->backing_path, i->full_backing_path))
        printf("backing file: %s (actual path: %s)\n", i->backing_path, i->full_backing_path);
    else if (i->backing_path)
        printf("backing file: %s\n", i->backing_path);
    if (i->backing_format)
        printf("backing file format: %s\n", i->backing_format);
    if (snapshots && snapshots->len)
        print_snapshots(snapshots);
    if (i->specific)
        print_facts(b, i);
}

/* One image of the chain; *next is the path of the one below, to be freed. */
static bool info_one(const struct img_args *a, const char *path, const char *format, JsonBuilder *j,
                     bool first, char **next, char **next_format)
{
    struct block_node *b =
        img_open(a, path, format, NULL, BLOCK_READ_ONLY | BLOCK_NO_BACKING | BLOCK_FOR_CHECK);
    struct error *err = NULL;
    struct block_info info;

    if (!b)
        return false;
    if (!block_get_info(b, &info, &err))
        return img_fail(err), false;
    GArray *snapshots = block_snapshot_list(b);
    if (j)
        put_info(j, b, &info, snapshots);
    else
        print_info((first ? (void)0 : (void)printf("\n"), b), &info, snapshots);
    *next = g_strdup(info.full_backing_path);
    *next_format = g_strdup(info.backing_format);
    if (snapshots)
        g_array_unref(snapshots);
    block_info_fini(&info);
    block_close(b);
    return true;
}

static bool info_chain(struct img_args *a, const char *path, bool chain, JsonBuilder *j)
{
    g_autofree char *at = g_strdup(path), *format = g_strdup(a->format);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (bool first = true; at; first = false) {
        char *next = NULL, *next_format = NULL;
        if (!g_hash_table_add(seen, g_strdup(at))) {
            img_error("the chain of backing files of '%s' comes back to '%s'", path, at);
            return false;
        }
        if (!info_one(a, at, format, j, first, &next, &next_format))
            return false;
        g_free(at);
        g_free(format);
        at = chain ? next : NULL;
        format = chain ? next_format : NULL;
        if (!chain) {
            g_free(next);
            g_free(next_format);
        }
        a->image_opts = false;
    }
    return true;
}

int img_info(int argc, char **argv)
{
    static const struct option own[] = {{"backing-chain", no_argument, NULL, IMG_OPT_OWN}, {0}};
    struct img_args a = {0};
    bool chain = false;

    for (int c; (c = img_getopt(argc, argv, "f:", own, &a)) != -1;) {
        if (c == '?')
            return IMG_FAILED;
        chain |= c == IMG_OPT_OWN;
    }
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    JsonBuilder *j = a.json ? json_builder_new() : NULL;
    if (j && chain)
        json_builder_begin_array(j);
    bool ok = info_chain(&a, argv[optind], chain, j);
    if (j && chain)
        json_builder_end_array(j);
    if (j && ok)
        print_json(j);
    else if (j)
        g_object_unref(j);
    return ok ? IMG_OK : IMG_FAILED;
}

/* --- check --- */
enum { CHECK_FAILED = 1, CHECK_CORRUPT = 2, CHECK_LEAKS = 3, CHECK_UNSUPPORTED = 63 };

static void check_json(const struct block_node *b, const struct block_check *r)
{
    JsonBuilder *j = json_builder_new();

    json_builder_begin_object(j);
    if (r->has_clusters) {
        put_uint(j, "image-end-offset", r->image_end);
        put_uint(j, "total-clusters", r->total_clusters);
    }
    if (r->corruptions)
        put_uint(j, "corruptions", r->corruptions);
    if (r->corruptions_fixed)
        put_uint(j, "corruptions-fixed", r->corruptions_fixed);
    put_uint(j, "check-errors", r->check_errors);
    if (r->leaks)
        put_uint(j, "leaks", r->leaks);
    if (r->leaks_fixed)
        put_uint(j, "leaks-fixed", r->leaks_fixed);
    if (r->has_clusters) {
        put_uint(j, "allocated-clusters", r->allocated);
        if (r->fragmented)
            put_uint(j, "fragmented-clusters", r->fragmented);
        if (r->compressed)
            put_uint(j, "compressed-clusters", r->compressed);
    }
    put_text(j, "filename", block_path(b));
    put_text(j, "format", block_driver_name(b));
    json_builder_end_object(j);
    print_json(j);
}

static double percent(uint64_t part, uint64_t all)
{
    return all ? (double)part * 100 / (double)all : 0;
}

static void check_human(const struct block_check *r)
{
    if (!r->corruptions && !r->leaks && !r->check_errors)
        printf("No errors were found on the image.\n");
    if (r->corruptions)
        printf("\n%" PRIu64 " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               r->corruptions);
    if (r->leaks)
        printf("\n%" PRIu64 " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               r->leaks);
    if (r->check_errors)
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", r->check_errors);
    if (!r->has_clusters)
        return;
    if (r->total_clusters && r->allocated)
        printf("%" PRIu64 "/%" PRIu64
               " = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters\n",
               r->allocated, r->total_clusters, percent(r->allocated, r->total_clusters),
               percent(r->fragmented, r->allocated), percent(r->compressed, r->allocated));
    if (r->image_end)
        printf("Image end offset: %" PRIu64 "\n", r->image_end);
}

static int parse_repair(const char *what, unsigned *fix)
{
    *fix = !strcmp(what, "leaks") ? BLOCK_FIX_LEAKS
           : !strcmp(what, "all") ? BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS
                                  : 0;
    if (!*fix)
        img_error("-r %s: wanted leaks or all", what);
    return *fix ? 0 : '?';
}

/* After a repair, look again, so that the status tells how things are now. */
static int check_image(struct block_node *b, const struct img_args *a, unsigned fix)
{
    struct error *err = NULL;
    struct block_check r, fixed = {0};
    bool hush = a->quiet || a->json;

    if (!block_check(b, fix, hush, &r, &err)) {
        img_fail(err);
        return CHECK_UNSUPPORTED;
    }
    if (r.corruptions_fixed || r.leaks_fixed) {
        fixed = r;
        if (!hush)
            printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64
                   " leaked clusters\n    %" PRIu64
                   " corruptions\n\nDouble checking the fixed image now...\n",
                   r.leaks_fixed, r.corruptions_fixed);
        if (!block_check(b, 0, hush, &r, &err))
            return img_fail(err);
        r.leaks_fixed = fixed.leaks_fixed;
        r.corruptions_fixed = fixed.corruptions_fixed;
    }
    if (a->json)
        check_json(b, &r);
    else if (!a->quiet)
        check_human(&r);
    return r.corruptions    ? CHECK_CORRUPT
           : r.leaks        ? CHECK_LEAKS
           : r.check_errors ? CHECK_FAILED
                            : IMG_OK;
}

int img_check(int argc, char **argv)
{
    static const struct option own[] = {{"repair", required_argument, NULL, 'r'}, {0}};
    struct img_args a = {0};
    unsigned fix = 0;

    for (int c; (c = img_getopt(argc, argv, "f:r:T:", own, &a)) != -1;)
        if (c == '?' || (c == 'r' && parse_repair(optarg, &fix)))
            return IMG_FAILED;
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    struct block_node *b =
        img_open(&a, argv[optind], a.format, a.src_cache,
                 (fix ? 0 : BLOCK_READ_ONLY) | BLOCK_FOR_CHECK | BLOCK_NO_BACKING);
    return b ? check_image(b, &a, fix) : CHECK_FAILED;
}

/* --- map --- */
static bool continues(const struct block_extent *a, const struct block_extent *b)
{
    return a->data == b->data && a->zero == b->zero && a->depth == b->depth &&
           a->has_offset == b->has_offset && (a->layer != NULL) == (b->layer != NULL) &&
           a->compressed == b->compressed && a->path == b->path &&
           (!a->has_offset || a->offset + a->bytes == b->offset);
}

static void map_json(uint64_t off, const struct block_extent *e, bool first)
{
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
           first ? "[" : ",\n", off, e->bytes, e->depth, e->layer ? "true" : "false",
           e->zero ? "true" : "false", e->data ? "true" : "false");
    if (e->has_offset)
        printf(", \"offset\": %" PRIu64, e->offset);
    printf("}");
}

static bool map_human(uint64_t off, const struct block_extent *e)
{
    if (e->data && !e->has_offset) {
        img_error("the file has compressed clusters, which have no place of their own: use "
                  "--output=json");
        return false;
    }
    if (e->data && !e->zero)
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", off, e->bytes, e->offset,
               e->path);
    return true;
}

static int map_image(struct block_node *b, bool json, uint64_t start, uint64_t end)
{
    struct block_extent e, next;
    bool first = true;

    if (!json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t at = start; at < end; at += e.bytes, first = false) {
        int ret = block_map(b, NULL, at, end - at, &e);
        while (!ret && at + e.bytes < end &&
               !(ret = block_map(b, NULL, at + e.bytes, end - at - e.bytes, &next)) &&
               continues(&e, &next))
            e.bytes += next.bytes;
        if (ret) {
            img_error("could not find out what is at offset %" PRIu64 ": %s", at, g_strerror(-ret));
            return IMG_FAILED;
        }
        if (json)
            map_json(at, &e, first);
        else if (!map_human(at, &e))
            return IMG_FAILED;
    }
    if (json)
        printf(first ? "[]\n" : "]\n");
    return IMG_OK;
}

int img_map(int argc, char **argv)
{
    static const struct option own[] = {{"start-offset", required_argument, NULL, 's'},
                                        {"max-length", required_argument, NULL, 'l'},
                                        {0}};
    struct img_args a = {0};
    uint64_t start = 0, length = UINT64_MAX;

    for (int c; (c = img_getopt(argc, argv, "f:s:l:", own, &a)) != -1;)
        if (c == '?' || (c == 's' && !img_parse_size(optarg, &start)) ||
            (c == 'l' && !img_parse_size(optarg, &length)))
            return IMG_FAILED;
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    struct block_node *b = img_open(&a, argv[optind], a.format, NULL, BLOCK_READ_ONLY);
    if (!b)
        return IMG_FAILED;
    uint64_t size = block_size(b);
    return map_image(b, a.json, start, start < size ? start + MIN(length, size - start) : start);
}

/* --- snapshot --- */
static int list_snapshots(struct block_node *b)
{
    GArray *list = block_snapshot_list(b);

    if (list && list->len)
        print_snapshots(list);
    if (list)
        g_array_unref(list);
    return IMG_OK;
}

static int change_snapshot(struct block_node *b, int what, const char *name)
{
    struct block_snapshot s = {.icount = UINT64_MAX};
    gint64 now = g_get_real_time();
    struct error *err = NULL;
    bool ok;

    s.date_sec = now / 1000000;
    s.date_nsec = (uint32_t)(now % 1000000 * 1000);
    g_strlcpy(s.name, name, sizeof(s.name));
    if (what == 'c')
        ok = block_snapshot_create(b, &s, &err);
    else if (what == 'a')
        ok = block_snapshot_goto(b, name, &err);
    else
        ok = block_snapshot_delete(b, name, &err);
    return ok ? IMG_OK : img_fail(err);
}

int img_snapshot(int argc, char **argv)
{
    struct img_args a = {0};
    const char *name = NULL;
    int what = 'l', given = 0;

    for (int c; (c = img_getopt(argc, argv, "f:la:c:d:", NULL, &a)) != -1;) {
        if (c == '?')
            return IMG_FAILED;
        given++;
        what = c;
        name = optarg;
    }
    if (given > 1) {
        img_error("snapshot: wanted one of -l, -a, -c and -d");
        return IMG_FAILED;
    }
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    struct block_node *b = img_open(&a, argv[optind], a.format, NULL,
                                    what == 'l' ? BLOCK_READ_ONLY | BLOCK_NO_BACKING : BLOCK_UNMAP);
    if (!b)
        return IMG_FAILED;
    return what == 'l' ? list_snapshots(b) : change_snapshot(b, what, name);
}
