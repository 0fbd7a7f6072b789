/*
 * Snapshots as jobs: snapshot-save and its kin answer at once and do it from the main loop; the
 * outcome waits in query-jobs until job-dismiss.  Ref: QMP's job life cycle, docs/monitor.md.
 */
#include "system/cmd_snapshot.h"

#include "core/event.h"
#include "snapshot/vm.h"

#include <glib.h>
#include <string.h>

struct job {
    char *id;
    const char *type, *status;
    char *error; /* NULL: none */
    struct machine *m;
    bool (*run)(struct job *j, struct error **errp);
    char *tag, *vmstate;
    GPtrArray *devices; /* char *, ended by NULL */
};

static GPtrArray *jobs; /* struct job *; the process has one monitor */

static void set_status(struct job *j, const char *status)
{
    j->status = status;
    event_emit("JOB_STATUS_CHANGE", "{\"status\": \"%s\", \"id\": \"%s\"}", status, j->id);
}

static void free_job(void *opaque)
{
    struct job *j = opaque;

    while (g_source_remove_by_user_data(j))
        ;
    g_free(j->id);
    g_free(j->error);
    g_free(j->tag);
    g_free(j->vmstate);
    g_ptr_array_unref(j->devices);
    g_free(j);
}

static struct job *find_job(const char *id)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        struct job *j = g_ptr_array_index(jobs, i);
        if (!strcmp(j->id, id))
            return j;
    }
    return NULL;
}

static gboolean run_job(gpointer opaque)
{
    struct job *j = opaque;
    struct error *err = NULL;

    if (j->run(j, &err)) {
        set_status(j, "waiting");
        set_status(j, "pending");
    } else {
        set_status(j, "aborting");
        j->error = g_strdup(error_text(err));
        error_free(err);
    }
    set_status(j, "concluded");
    return G_SOURCE_REMOVE;
}

static struct vm_snapshot_disks disks_of(const struct job *j)
{
    return (struct vm_snapshot_disks){(const char *const *)j->devices->pdata, j->vmstate};
}

static bool do_save(struct job *j, struct error **errp)
{
    struct vm_snapshot_disks d = disks_of(j);

    return vm_snapshot_save(j->m, j->tag, &d, errp);
}

static bool do_load(struct job *j, struct error **errp)
{
    struct vm_snapshot_disks d = disks_of(j);

    return vm_snapshot_load(j->m, j->tag, &d, errp);
}

static bool do_delete(struct job *j, struct error **errp)
{
    struct vm_snapshot_disks d = disks_of(j);

    return vm_snapshot_delete(j->tag, &d, errp);
}

static GPtrArray *device_names(struct mon_call *c)
{
    JsonArray *list = json_node_get_array(mon_json(c, "devices"));
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < json_array_get_length(list); i++)
        g_ptr_array_add(out, g_strdup(json_array_get_string_element(list, i)));
    g_ptr_array_add(out, NULL);
    return out;
}

/* The id goes into events as it is. */
static bool check_id(const char *id, struct error **errp)
{
    if (!*id || strpbrk(id, "\"\\") || g_ascii_iscntrl(*id))
        error_set(errp, "'%s' cannot be the id of a job", id);
    else if (find_job(id))
        error_set(errp, "there is a job '%s' already", id);
    else
        return true;
    return false;
}

static JsonNode *start(struct mon_call *c, const char *type,
                       bool (*run)(struct job *j, struct error **errp), struct error **errp)
{
    const char *id = mon_str(c, "job-id", "");

    if (!check_id(id, errp))
        return NULL;
    struct job *j = g_new0(struct job, 1);
    *j = (struct job){.id = g_strdup(id),
                      .type = type,
                      .m = c->m,
                      .run = run,
                      .tag = g_strdup(mon_str(c, "tag", "")),
                      .vmstate = g_strdup(mon_str(c, "vmstate", NULL)),
                      .devices = device_names(c)};
    if (jobs == NULL)
        jobs = g_ptr_array_new_with_free_func(free_job);
    g_ptr_array_add(jobs, j);
    set_status(j, "created");
    set_status(j, "running");
    g_idle_add(run_job, j);
    return mon_ok();
}

static JsonNode *run_save(struct mon_call *c, struct error **errp)
{
    return start(c, "snapshot-save", do_save, errp);
}

static JsonNode *run_load(struct mon_call *c, struct error **errp)
{
    return start(c, "snapshot-load", do_load, errp);
}

static JsonNode *run_delete(struct mon_call *c, struct error **errp)
{
    return start(c, "snapshot-delete", do_delete, errp);
}

static JsonNode *run_query(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; jobs && i < jobs->len; i++) {
        const struct job *j = g_ptr_array_index(jobs, i);
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "current-progress", !strcmp(j->status, "concluded"));
        json_object_set_int_member(o, "total-progress", 1);
        json_object_set_string_member(o, "status", j->status);
        json_object_set_string_member(o, "type", j->type);
        json_object_set_string_member(o, "id", j->id);
        if (j->error)
            json_object_set_string_member(o, "error", j->error);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static JsonNode *run_dismiss(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", "");
    struct job *j = find_job(id);

    if (j == NULL)
        return mon_fail(c, "DeviceNotActive", errp, "there is no job '%s'", id);
    if (strcmp(j->status, "concluded") != 0) {
        error_set(errp, "job '%s' is %s: only a concluded one can be dismissed", id, j->status);
        return NULL;
    }
    set_status(j, "null");
    g_ptr_array_remove(jobs, j);
    return mon_ok();
}

void end_jobs(void)
{
    g_clear_pointer(&jobs, g_ptr_array_unref);
}

#define JOB_ARG                                                                                    \
    {                                                                                              \
        "job-id", MON_STR, .help = "name of the job"                                               \
    }
#define TAG_ARG                                                                                    \
    {                                                                                              \
        "tag", MON_STR, .help = "name of the snapshot"                                             \
    }
#define DEVICES_ARG                                                                                \
    {                                                                                              \
        "devices", MON_JSON, .type = "[str]", .help = "nodes of the disks concerned"               \
    }
#define VMSTATE_ARG                                                                                \
    {                                                                                              \
        "vmstate", MON_STR, .help = "node that holds the machine's state"                          \
    }
static const struct mon_arg state_args[] = {JOB_ARG, TAG_ARG, VMSTATE_ARG, DEVICES_ARG,
                                            MON_ARG_END};
static const struct mon_arg delete_args[] = {JOB_ARG, TAG_ARG, DEVICES_ARG, MON_ARG_END};
static const struct mon_arg id_args[] = {{"id", MON_STR, .help = "of the job"}, MON_ARG_END};

/* clang-format off */
const struct monitor_command cmd_jobs[] = {
    {.qmp = "snapshot-save", .args = state_args, .run = run_save,
     .help = "make a snapshot of the machine and its disks, as a job"},
    {.qmp = "snapshot-load", .args = state_args, .run = run_load,
     .help = "go back to a snapshot, as a job"},
    {.qmp = "snapshot-delete", .args = delete_args, .run = run_delete,
     .help = "delete a snapshot, as a job"},
    {.qmp = "query-jobs", .run = run_query, .help = "jobs, until they are dismissed",
     .ret = "[{id: str, type: str, status: str, current-progress: int, total-progress: int, error?: str}]"},
    {.qmp = "job-dismiss", .args = id_args, .run = run_dismiss, .help = "forget a concluded job"},
    {0},
};
/* clang-format on */
