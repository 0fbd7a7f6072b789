/* Commands that start jobs on disks, show them and steer them. */
#include "monitor/commands_priv.h"

#include "block/bitmap.h"
#include "block/block.h"
#include "block/job.h"

#include <inttypes.h>
#include <string.h>

/* ---- starting ---- */

static const char *const on_error_names[] = {"report", "ignore", "stop", "enospc", NULL};

static enum job_on_error on_error(const struct mon_call *c, const char *name)
{
    const char *word = mon_str(c, name, mon_str(c, "on-error", "report"));
    int i = 0;

    while (on_error_names[i + 1] && strcmp(on_error_names[i], word))
        i++;
    return (enum job_on_error)i;
}

static bool get_options(const struct mon_call *c, struct job_options *o, struct error **errp)
{
    int64_t speed = mon_int(c, "speed", 0);

    if (speed < 0) {
        error_set(errp, "speed: wanted 0 or more bytes a second, found %" PRId64, speed);
        return false;
    }
    *o = (struct job_options){
        .id = mon_str(c, "job-id", NULL),
        .speed = (uint64_t)speed,
        .on_source_error = on_error(c, "on-source-error"),
        .on_target_error = on_error(c, "on-target-error"),
        .wait_finalize = !mon_bool(c, "auto-finalize", true),
        .wait_dismiss = !mon_bool(c, "auto-dismiss", true),
    };
    return true;
}

static bool begin(struct mon_call *c, struct job_options *o, struct block_node **root,
                  struct error **errp)
{
    *root = get_options(c, o, errp) ? mon_find_node(c, mon_str(c, "device", ""), errp) : NULL;
    return *root;
}

static bool has_path(const struct block_node *b, const char *path)
{
    g_autofree char *have = g_canonicalize_filename(block_path(b), NULL);
    g_autofree char *wanted = g_canonicalize_filename(path, NULL);

    return !strcmp(block_path(b), path) || !strcmp(have, wanted);
}

/* An image of root's chain, by `name` (its file) or `name`-node; *out NULL when neither is there.
 */
static bool find_image(struct mon_call *c, struct block_node *root, const char *name,
                       struct block_node **out, struct error **errp)
{
    g_autofree char *node_arg = g_strconcat(name, "-node", NULL);
    const char *path = mon_str(c, name, NULL), *node = mon_str(c, node_arg, NULL);

    *out = NULL;
    if (path && node) {
        error_set(errp, "%s and %s exclude each other", name, node_arg);
        return false;
    }
    if (node)
        return *out = mon_find_node(c, node, errp), *out;
    if (!path)
        return true;
    for (struct block_node *b = root; b && !*out; b = block_backing(b))
        if (has_path(b, path))
            *out = b;
    if (!*out)
        error_set(errp, "%s: no image in the chain of '%s' is '%s'", name, block_id(root), path);
    return *out;
}

static JsonNode *run_commit(struct mon_call *c, struct error **errp)
{
    struct block_node *root, *top, *base;
    struct job_options o;

    if (!begin(c, &o, &root, errp) || !find_image(c, root, "top", &top, errp) ||
        !find_image(c, root, "base", &base, errp))
        return NULL;
    const char *backing = mon_str(c, "backing-file", NULL);
    return job_start_commit(root, top, base, backing, &o, errp) ? mon_ok() : NULL;
}

static JsonNode *commit_all(struct error **errp)
{
    for (struct block_node *b = NULL; (b = block_next_root(b));)
        if (block_can_commit(b) && !block_commit_now(b, errp))
            return NULL;
    return mon_ok();
}

static JsonNode *run_commit_now(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "device", "");
    struct block_node *b = block_find(name);

    if (!b && !strcmp(name, "all"))
        return commit_all(errp);
    b = mon_find_node(c, name, errp);
    return b && block_commit_now(b, errp) ? mon_ok() : NULL;
}

/* "bottom" is the last node whose data is copied: the base is below it. */
static bool find_bottom(struct mon_call *c, struct block_node **base, struct error **errp)
{
    const char *name = mon_str(c, "bottom", NULL);

    if (!name)
        return true;
    if (*base) {
        error_set(errp, "bottom and base exclude each other");
        return false;
    }
    struct block_node *bottom = mon_find_node(c, name, errp);
    *base = bottom ? block_backing(bottom) : NULL;
    return bottom;
}

static JsonNode *run_stream(struct mon_call *c, struct error **errp)
{
    struct block_node *root, *base;
    struct job_options o;

    if (!begin(c, &o, &root, errp) || !find_image(c, root, "base", &base, errp) ||
        !find_bottom(c, &base, errp))
        return NULL;
    const char *backing = mon_str(c, "backing-file", NULL);
    return job_start_stream(root, base, backing, &o, errp) ? mon_ok() : NULL;
}

static bool get_target(struct mon_call *c, struct job_target *t, struct error **errp)
{
    const char *sync = mon_str(c, "sync", mon_bool(c, "full", false) ? "full" : "top");
    int64_t granularity = mon_int(c, "granularity", 0);

    if (granularity < 0 || granularity > UINT32_MAX) {
        error_set(errp, "granularity: wanted a power of two from 512 to 64M");
        return false;
    }
    *t = (struct job_target){
        .format = mon_str(c, "format", NULL),
        .node_name = mon_str(c, "node-name", NULL),
        .existing = !strcmp(mon_str(c, "mode", ""), "existing") || mon_bool(c, "reuse", false),
        .top_only = !strcmp(sync, "top"),
        .none = !strcmp(sync, "none"),
        .unmap = mon_bool(c, "unmap", true),
        .blocking = !strcmp(mon_str(c, "copy-mode", ""), "write-blocking"),
        .compress = mon_bool(c, "compress", false),
        .granularity = (uint64_t)granularity,
    };
    return true;
}

/* sync=incremental is sync=bitmap with bitmap-mode=on-success. */
static bool get_bitmap(struct mon_call *c, struct job_target *t, struct error **errp)
{
    static const char *const modes[] = {"on-success", "never", "always", NULL};
    const char *sync = mon_str(c, "sync", ""), *name = mon_str(c, "bitmap", NULL);
    const char *mode = mon_str(c, "bitmap-mode", NULL);
    bool incremental = !strcmp(sync, "incremental"), by_bitmap = !strcmp(sync, "bitmap");

    if (!incremental && !by_bitmap) {
        if (name || mode)
            error_set(errp, "bitmap and bitmap-mode are for sync=incremental and sync=bitmap");
        return !name && !mode;
    }
    if (!name || (by_bitmap && !mode)) {
        error_set(errp, "sync=%s wants bitmap=NAME%s", sync,
                  by_bitmap ? ", and bitmap-mode=on-success|never|always" : "");
        return false;
    }
    if (incremental && mode && strcmp(mode, "on-success")) {
        error_set(errp, "sync=incremental is bitmap-mode=on-success; sync=bitmap has others");
        return false;
    }
    while (mode && strcmp(modes[t->bitmap_mode], mode))
        t->bitmap_mode++;
    struct block_node *root = mon_find_node(c, mon_str(c, "device", ""), errp);
    t->bitmap = root ? bitmap_find(root, name, errp) : NULL;
    return t->bitmap;
}

typedef bool start_fn(struct block_node *root, const struct job_target *t,
                      const struct job_options *o, struct error **errp);

static JsonNode *run_copy(struct mon_call *c, bool to_node, start_fn *start, struct error **errp)
{
    const char *target = mon_str(c, "target", "");
    struct block_node *root;
    struct job_options o;
    struct job_target t;

    if (!begin(c, &o, &root, errp) || !get_target(c, &t, errp) || !get_bitmap(c, &t, errp))
        return NULL;
    if (to_node)
        t.node = mon_find_node(c, target, errp);
    else
        t.path = target;
    return (t.node || t.path) && start(root, &t, &o, errp) ? mon_ok() : NULL;
}

static JsonNode *run_drive_mirror(struct mon_call *c, struct error **errp)
{
    return run_copy(c, false, job_start_mirror, errp);
}

static JsonNode *run_node_mirror(struct mon_call *c, struct error **errp)
{
    return run_copy(c, true, job_start_mirror, errp);
}

static JsonNode *run_drive_backup(struct mon_call *c, struct error **errp)
{
    return run_copy(c, false, job_start_backup, errp);
}

static JsonNode *run_node_backup(struct mon_call *c, struct error **errp)
{
    return run_copy(c, true, job_start_backup, errp);
}

char *mon_start_backup(struct mon_call *c, bool to_node, struct error **errp)
{
    JsonNode *ok = run_copy(c, to_node, job_start_backup, errp);
    struct job_info i;

    if (!ok)
        return NULL;
    json_node_unref(ok);
    struct block_node *root = block_find(mon_str(c, "device", ""));
    job_get_info(job_find(mon_str(c, "job-id", block_drive_name(root))), &i);
    return g_strdup(i.id);
}

/* ---- steering ---- */

static struct block_job *find_job(struct mon_call *c, struct error **errp)
{
    bool is_old = mon_has(c, "device"); /* block-job-*: of before jobs had names */
    const char *id = mon_str(c, is_old ? "device" : "id", "");
    struct block_job *j = job_find(id);

    if (!j)
        mon_fail(c, is_old ? "DeviceNotActive" : "GenericError", errp, "no job '%s'", id);
    return j;
}

static JsonNode *run_old_cancel(struct mon_call *c, struct error **errp)
{
    struct block_job *j = find_job(c, errp);

    return j && job_cancel(j, mon_bool(c, "force", false), errp) ? mon_ok() : NULL;
}

static JsonNode *run_cancel(struct mon_call *c, struct error **errp)
{
    struct block_job *j = find_job(c, errp);

    return j && job_cancel(j, true, errp) ? mon_ok() : NULL;
}

static JsonNode *run_set_speed(struct mon_call *c, struct error **errp)
{
    struct block_job *j = find_job(c, errp);

    return j && job_set_speed(j, mon_int(c, "speed", 0), errp) ? mon_ok() : NULL;
}

#define STEER(name)                                                                                \
    static JsonNode *run_##name(struct mon_call *c, struct error **errp)                           \
    {                                                                                              \
        struct block_job *j = find_job(c, errp);                                                   \
        return j && job_##name(j, errp) ? mon_ok() : NULL;                                         \
    }
STEER(pause)
STEER(resume)
STEER(complete)
STEER(finalize)
STEER(dismiss)

/* ---- showing ---- */

static JsonNode *run_block_jobs(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct block_job *j = job_next(NULL); j; j = job_next(j)) {
        struct job_info i;
        job_get_info(j, &i);
        if (!i.is_on_disk)
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "type", i.type);
        json_object_set_string_member(o, "device", i.id);
        json_object_set_int_member(o, "len", (int64_t)i.len);
        json_object_set_int_member(o, "offset", (int64_t)i.offset);
        json_object_set_boolean_member(o, "busy", i.is_busy);
        json_object_set_boolean_member(o, "paused", i.is_paused);
        json_object_set_int_member(o, "speed", (int64_t)i.speed);
        json_object_set_string_member(o, "io-status", i.io_status);
        json_object_set_boolean_member(o, "ready", i.is_ready);
        json_object_set_string_member(o, "status", job_status_names[i.status]);
        json_object_set_boolean_member(o, "auto-finalize", i.auto_finalize);
        json_object_set_boolean_member(o, "auto-dismiss", i.auto_dismiss);
        if (i.error)
            json_object_set_string_member(o, "error", i.error);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static JsonNode *run_jobs(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct block_job *j = job_next(NULL); j; j = job_next(j)) {
        JsonObject *o = json_object_new();
        struct job_info i;
        job_get_info(j, &i);
        json_object_set_string_member(o, "id", i.id);
        json_object_set_string_member(o, "type", i.type);
        json_object_set_string_member(o, "status", job_status_names[i.status]);
        json_object_set_int_member(o, "current-progress", (int64_t)i.offset);
        json_object_set_int_member(o, "total-progress", (int64_t)i.len);
        if (i.error)
            json_object_set_string_member(o, "error", i.error);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void print_jobs(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    if (!json_array_get_length(list))
        fprintf(out, "No active jobs\n");
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out,
                "Type %s, device %s: Completed %" PRId64 " of %" PRId64
                " bytes, speed limit %" PRId64 " bytes/s\n",
                json_object_get_string_member(o, "type"),
                json_object_get_string_member(o, "device"), json_object_get_int_member(o, "offset"),
                json_object_get_int_member(o, "len"), json_object_get_int_member(o, "speed"));
    }
}

static void complete_job(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                         void *opaque)
{
    struct job_info i;

    for (struct block_job *j = job_next(NULL); j; j = job_next(j)) {
        job_get_info(j, &i);
        add(opaque, i.id);
    }
}

/* ---- arguments ---- */

#define OPTIONAL(name, kind, text)                                                                 \
    {                                                                                              \
        name, kind, .optional = true, .help = text                                                 \
    }
#define CHOICE(name, words, text)                                                                  \
    {                                                                                              \
        name, MON_CHOICE, .optional = true, .type = words, .help = text                            \
    }
#define DEVICE_ARG                                                                                 \
    {                                                                                              \
        "device", MON_STR, .help = "the drive or node", .complete = mon_complete_node              \
    }
#define JOB_ARGS                                                                                   \
    OPTIONAL("job-id", MON_STR, "name of the job (default: the drive's)"),                         \
        OPTIONAL("speed", MON_INT, "bytes a second, 0: any number"),                               \
        OPTIONAL("filter-node-name", MON_STR, "accepted: there is no filter node"),                \
        OPTIONAL("auto-finalize", MON_BOOL, "off: the last step waits for job-finalize"),          \
        OPTIONAL("auto-dismiss", MON_BOOL, "off: it stays listed until job-dismiss")
#define ON_ERROR "report|ignore|stop|enospc"
#define ON_ERROR_ARGS                                                                              \
    CHOICE("on-source-error", ON_ERROR, "what to do when reading fails"),                          \
        CHOICE("on-target-error", ON_ERROR, "what to do when writing fails")
#define SYNC_ARG                                                                                   \
    {                                                                                              \
        "sync", MON_CHOICE, .type = "full|top", .help = "top: not what the backing file has"       \
    }
#define BACKUP_SYNC_ARGS                                                                           \
    {"sync", MON_CHOICE, .type = "full|top|none|incremental|bitmap",                               \
     .help = "top: not what the backing file has; none: what the guest overwrites; incremental, "  \
             "bitmap: what a bitmap has"},                                                         \
        OPTIONAL("bitmap", MON_STR, "the dirty bitmap"),                                           \
        CHOICE("bitmap-mode", "on-success|never|always", "when it begins anew")
#define MODE_ARG CHOICE("mode", "existing|absolute-paths", "existing: the file is there")
#define MIRROR_ARGS                                                                                \
    OPTIONAL("granularity", MON_INT, "bytes that are copied again as one"),                        \
        OPTIONAL("buf-size", MON_INT, "accepted: pieces have up to 1 MiB"),                        \
        CHOICE("copy-mode", "background|write-blocking",                                           \
               "write-blocking: the guest's writes wait for the copy")

/* clang-format off */
static const struct mon_arg commit_args[] = {
    DEVICE_ARG,
    OPTIONAL("base", MON_STR, "file of the image that takes it (default: the last one)"),
    OPTIONAL("base-node", MON_STR, "its node"),
    OPTIONAL("top", MON_STR, "file of the image that goes (default: the disk's own)"),
    OPTIONAL("top-node", MON_STR, "its node"),
    OPTIONAL("backing-file", MON_STR, "what the image above top shall name as its backing file"),
    CHOICE("on-error", ON_ERROR, "what to do when a transfer fails"),
    JOB_ARGS, MON_ARG_END,
};
static const struct mon_arg stream_args[] = {
    DEVICE_ARG,
    OPTIONAL("base", MON_STR, "file that stays the backing file (default: none)"),
    OPTIONAL("base-node", MON_STR, "its node"),
    OPTIONAL("bottom", MON_STR, "node above it"),
    OPTIONAL("backing-file", MON_STR, "the name to write into the image"),
    CHOICE("on-error", ON_ERROR, "what to do when a transfer fails"),
    JOB_ARGS, MON_ARG_END,
};
static const struct mon_arg hmp_stream_args[] = {
    DEVICE_ARG,
    OPTIONAL("speed", MON_INT, "bytes a second, 0: any number"),
    OPTIONAL("base", MON_STR, "file that stays the backing file (default: none)"),
    MON_ARG_END,
};
static const struct mon_arg drive_mirror_args[] = {
    DEVICE_ARG,
    {"target", MON_STR, .help = "file of the copy"},
    OPTIONAL("format", MON_STR, "its format (default: the source's)"),
    OPTIONAL("node-name", MON_STR, "name of its node"),
    SYNC_ARG, MODE_ARG, MIRROR_ARGS,
    OPTIONAL("unmap", MON_BOOL, "off: zeros take space in the copy"),
    ON_ERROR_ARGS, JOB_ARGS, MON_ARG_END,
};
static const struct mon_arg node_mirror_args[] = {
    DEVICE_ARG,
    {"target", MON_STR, .help = "node of the copy"},
    SYNC_ARG, MIRROR_ARGS, ON_ERROR_ARGS, JOB_ARGS, MON_ARG_END,
};
static const struct mon_arg drive_backup_args[] = {
    DEVICE_ARG,
    {"target", MON_STR, .help = "file of the copy"},
    OPTIONAL("format", MON_STR, "its format (default: the source's)"),
    BACKUP_SYNC_ARGS, MODE_ARG,
    OPTIONAL("compress", MON_BOOL, "on: compress the copy"),
    ON_ERROR_ARGS, JOB_ARGS, MON_ARG_END,
};
static const struct mon_arg node_backup_args[] = {
    DEVICE_ARG,
    {"target", MON_STR, .help = "node of the copy"},
    BACKUP_SYNC_ARGS,
    OPTIONAL("compress", MON_BOOL, "on: compress the copy"),
    ON_ERROR_ARGS, JOB_ARGS, MON_ARG_END,
};
#define HMP_COPY_ARGS                                                                              \
    {"reuse", MON_FLAG, .optional = true, .flag = 'n', .help = "the file is there already"},       \
    {"full", MON_FLAG, .optional = true, .flag = 'f', .help = "with what the backing file has"}
static const struct mon_arg hmp_mirror_args[] = {
    HMP_COPY_ARGS,
    DEVICE_ARG,
    {"target", MON_STR, .help = "file of the copy"},
    OPTIONAL("format", MON_STR, "its format (default: the source's)"),
    MON_ARG_END,
};
static const struct mon_arg hmp_backup_args[] = {
    HMP_COPY_ARGS,
    {"compress", MON_FLAG, .optional = true, .flag = 'c', .help = "compress the copy"},
    DEVICE_ARG,
    {"target", MON_STR, .help = "file of the copy"},
    OPTIONAL("format", MON_STR, "its format (default: the source's)"),
    MON_ARG_END,
};
#define OLD_JOB_ARG {"device", MON_STR, .help = "name of the job", .complete = complete_job}
static const struct mon_arg old_cancel_args[] = {
    OLD_JOB_ARG,
    OPTIONAL("force", MON_BOOL, "on: do not end a ready job as a copy of now"),
    MON_ARG_END,
};
static const struct mon_arg hmp_cancel_args[] = {
    {"force", MON_FLAG, .optional = true, .flag = 'f', .help = "do not end it as a copy of now"},
    OLD_JOB_ARG, MON_ARG_END,
};
static const struct mon_arg hmp_commit_args[] = {
    {"device", MON_STR, .help = "the drive, or all", .complete = mon_complete_node},
    MON_ARG_END,
};
static const struct mon_arg old_args[] = {OLD_JOB_ARG, MON_ARG_END};
static const struct mon_arg speed_args[] = {
    OLD_JOB_ARG,
    {"speed", MON_INT, .help = "bytes a second, 0: any number"},
    MON_ARG_END,
};
static const struct mon_arg id_args[] = {
    {"id", MON_STR, .help = "name of the job", .complete = complete_job},
    MON_ARG_END,
};

#define STATUS_TYPE "created|running|paused|ready|standby|waiting|pending|aborting|concluded|null"
#define TYPE_TYPE "commit|stream|mirror|backup"

const struct monitor_command cmd_job[] = {
    {.qmp = "block-commit", .args = commit_args, .run = run_commit,
     .help = "move what images have into one below them"},
    {.hmp = "commit", .args = hmp_commit_args, .run = run_commit_now,
     .help = "write a disk's changes since snapshot=on, or above its backing file, into the image below"},
    {.qmp = "block-stream", .args = stream_args, .run = run_stream,
     .help = "copy what the backing files have into the disk's image"},
    {.hmp = "block_stream", .args = hmp_stream_args, .run = run_stream,
     .help = "copy what the backing files have into the disk's image"},
    {.qmp = "drive-mirror", .args = drive_mirror_args, .run = run_drive_mirror,
     .help = "copy a disk and all that is written to it, then go on with the copy"},
    {.hmp = "drive_mirror", .args = hmp_mirror_args, .run = run_drive_mirror,
     .help = "copy a disk and all that is written to it, then go on with the copy"},
    {.qmp = "blockdev-mirror", .args = node_mirror_args, .run = run_node_mirror,
     .help = "the same to an open node"},
    {.qmp = "drive-backup", .args = drive_backup_args, .run = run_drive_backup,
     .help = "copy a disk as it is now"},
    {.hmp = "drive_backup", .args = hmp_backup_args, .run = run_drive_backup,
     .help = "copy a disk as it is now"},
    {.qmp = "blockdev-backup", .args = node_backup_args, .run = run_node_backup,
     .help = "the same to an open node"},
    {.qmp = "query-block-jobs", .hmp = "info block-jobs",
     .ret = "[{type: " TYPE_TYPE ", device: str, len: int, offset: int, busy: bool, paused: bool, "
            "speed: int, io-status: ok|failed|nospace, ready: bool, status: " STATUS_TYPE ", "
            "auto-finalize: bool, auto-dismiss: bool, error?: str}]",
     .run = run_block_jobs, .print = print_jobs, .help = "list the jobs on disks"},
    {.qmp = "query-jobs",
     .ret = "[{id: str, type: str, status: " STATUS_TYPE ", current-progress: int, "
            "total-progress: int, error?: str}]",
     .run = run_jobs, .help = "list the jobs"},
    {.qmp = "block-job-cancel", .args = old_cancel_args, .run = run_old_cancel,
     .help = "end a job; a mirror that is ready stays as a copy of now"},
    {.hmp = "block_job_cancel", .args = hmp_cancel_args, .run = run_old_cancel,
     .help = "end a job; a mirror that is ready stays as a copy of now"},
    {.qmp = "block-job-set-speed", .hmp = "block_job_set_speed", .args = speed_args,
     .run = run_set_speed, .help = "limit the rate of a job"},
    {.qmp = "block-job-pause", .hmp = "block_job_pause", .args = old_args, .run = run_pause,
     .help = "let a job rest"},
    {.qmp = "block-job-resume", .hmp = "block_job_resume", .args = old_args, .run = run_resume,
     .help = "let a job go on"},
    {.qmp = "block-job-complete", .hmp = "block_job_complete", .args = old_args,
     .run = run_complete, .help = "let a job that is ready switch over"},
    {.qmp = "block-job-finalize", .args = id_args, .run = run_finalize,
     .help = "let a job that is pending take its last step"},
    {.qmp = "block-job-dismiss", .args = id_args, .run = run_dismiss,
     .help = "forget a job that is concluded"},
    {.qmp = "job-cancel", .args = id_args, .run = run_cancel, .help = "end a job at once"},
    {.qmp = "job-pause", .args = id_args, .run = run_pause, .help = "let a job rest"},
    {.qmp = "job-resume", .args = id_args, .run = run_resume, .help = "let a job go on"},
    {.qmp = "job-complete", .args = id_args, .run = run_complete,
     .help = "let a job that is ready switch over"},
    {.qmp = "job-finalize", .args = id_args, .run = run_finalize,
     .help = "let a job that is pending take its last step"},
    {.qmp = "job-dismiss", .args = id_args, .run = run_dismiss,
     .help = "forget a job that is concluded"},
    {0},
};
/* clang-format on */
