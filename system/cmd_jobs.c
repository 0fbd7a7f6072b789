/*
 * Snapshots as jobs: snapshot-save and its kin answer at once and do it from the main loop; the
 * outcome waits in query-jobs until job-dismiss.  Ref: QMP's job life cycle, docs/monitor.md.
 */
#include "system/cmd_snapshot.h"

#include "block/job.h"
#include "snapshot/vm.h"

#include <glib.h>

struct job {
    struct machine *m;
    char *tag, *vmstate;
    GPtrArray *devices; /* char *, ended by NULL */
};

static void free_job(void *opaque)
{
    struct job *j = opaque;

    g_free(j->tag);
    g_free(j->vmstate);
    g_ptr_array_unref(j->devices);
    g_free(j);
}

static struct vm_snapshot_disks disks_of(const struct job *j)
{
    return (struct vm_snapshot_disks){(const char *const *)j->devices->pdata, j->vmstate};
}

static bool do_save(void *opaque, struct error **errp)
{
    const struct job *j = opaque;
    struct vm_snapshot_disks d = disks_of(j);

    return vm_snapshot_save(j->m, j->tag, &d, errp);
}

static bool do_load(void *opaque, struct error **errp)
{
    const struct job *j = opaque;
    struct vm_snapshot_disks d = disks_of(j);

    return vm_snapshot_load(j->m, j->tag, &d, errp);
}

static bool do_delete(void *opaque, struct error **errp)
{
    const struct job *j = opaque;
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

static JsonNode *start(struct mon_call *c, const char *type, job_task_fn *run, struct error **errp)
{
    struct job *j = g_new0(struct job, 1);

    *j = (struct job){.m = c->m,
                      .tag = g_strdup(mon_str(c, "tag", "")),
                      .vmstate = g_strdup(mon_str(c, "vmstate", NULL)),
                      .devices = device_names(c)};
    return job_start_task(mon_str(c, "job-id", ""), type, run, j, free_job, errp) ? mon_ok() : NULL;
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

/* clang-format off */
const struct monitor_command cmd_jobs[] = {
    {.qmp = "snapshot-save", .args = state_args, .run = run_save,
     .help = "make a snapshot of the machine and its disks, as a job"},
    {.qmp = "snapshot-load", .args = state_args, .run = run_load,
     .help = "go back to a snapshot, as a job"},
    {.qmp = "snapshot-delete", .args = delete_args, .run = run_delete,
     .help = "delete a snapshot, as a job"},
    {0},
};
/* clang-format on */
