/* The machine's migration and snapshots, from start to end of the process, and the commands of
 * snapshots. */
#include "system/cmd_snapshot.h"
#include "block/job.h"
#include "snapshot/vm.h"
#include "system/setup.h"

#include <inttypes.h>
#include <string.h>

static struct migration *migration; /* the process has one machine */

struct migration *the_migration(void)
{
    return migration;
}

/* ---- commands ---- */

static const struct vm_snapshot_disks all_disks;

static JsonNode *run_savevm(struct mon_call *c, struct error **errp)
{
    return vm_snapshot_save(c->m, mon_str(c, "name", NULL), &all_disks, errp) ? mon_ok() : NULL;
}

static JsonNode *run_loadvm(struct mon_call *c, struct error **errp)
{
    return vm_snapshot_load(c->m, mon_str(c, "name", ""), &all_disks, errp) ? mon_ok() : NULL;
}

static JsonNode *run_delvm(struct mon_call *c, struct error **errp)
{
    return vm_snapshot_delete(mon_str(c, "name", ""), &all_disks, errp) ? mon_ok() : NULL;
}

/* Three digits and a unit. */
static char *size_text(uint64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)n;
    size_t i = 0;

    for (; v >= 1000 && i + 1 < G_N_ELEMENTS(units); i++)
        v /= 1024;
    return g_strdup_printf("%0.3g %s", v, units[i]);
}

static char *clock_text(uint64_t ns)
{
    uint64_t s = ns / 1000000000;

    return g_strdup_printf("%02" PRIu64 ":%02u:%02u.%03u", s / 3600, (unsigned)(s / 60 % 60),
                           (unsigned)(s % 60), (unsigned)(ns / 1000000 % 1000));
}

static void print_snapshot(const struct block_snapshot *s, FILE *out)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(s->date_sec);
    g_autofree char *when = date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : g_strdup("");
    g_autofree char *size = size_text(s->vm_state_size), *vm_clock = clock_text(s->vm_clock_ns);

    fprintf(out, "%-10s%-16s%9s%20s%13s%11s\n", "--", s->name, size, when, vm_clock, "");
}

static bool info_snapshots(struct mon_call *c UNUSED, FILE *out, struct error **errp)
{
    GArray *list = vm_snapshot_list(errp);

    if (list == NULL)
        return false;
    if (list->len == 0) {
        fprintf(out, "There is no snapshot available.\n");
    } else {
        fprintf(out, "List of snapshots present on all disks:\n");
        fprintf(out, "%-10s%-16s%9s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK",
                "ICOUNT");
    }
    for (guint i = 0; i < list->len; i++)
        print_snapshot(&g_array_index(list, struct block_snapshot, i), out);
    g_array_unref(list);
    return true;
}

static void complete_name(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                          void *opaque)
{
    GArray *list = vm_snapshot_list(NULL);

    for (guint i = 0; list && i < list->len; i++)
        add(opaque, g_array_index(list, struct block_snapshot, i).name);
    if (list)
        g_array_unref(list);
}

static const struct mon_arg save_args[] = {
    {"name", MON_STR, .optional = true, .help = "of the snapshot; made from the date if left out"},
    MON_ARG_END,
};
static const struct mon_arg name_args[] = {
    {"name", MON_STR, .help = "of the snapshot", .complete = complete_name},
    MON_ARG_END,
};

/* clang-format off */
static const struct monitor_command cmd_snapshot[] = {
    {.hmp = "savevm", .args = save_args, .run = run_savevm,
     .help = "make a snapshot of the machine and all its disks"},
    {.hmp = "loadvm", .args = name_args, .run = run_loadvm, .help = "go back to a snapshot"},
    {.hmp = "delvm", .args = name_args, .run = run_delvm, .help = "delete a snapshot"},
    {.hmp = "info snapshots", .text = info_snapshots, .help = "snapshots that all disks have"},
    {0},
};
/* clang-format on */

/* ---- start and end ---- */

void setup_migration(struct setup *s)
{
    migration = migration_new(s->machine);
    monitor_register(cmd_migrate);
    monitor_register(cmd_snapshot);
    monitor_register(cmd_jobs);
    if (s->cli->incoming)
        migration_expect(migration);
    else if (s->cli->loadvm)
        s->machine->cfg.start_paused = true;
}

static bool load_snapshot(struct setup *s, struct error **errp)
{
    return vm_snapshot_load(s->machine, s->cli->loadvm, &all_disks, errp) &&
           (s->cli->start_paused || machine_cont(s->machine, errp));
}

bool start_incoming(struct setup *s, struct error **errp)
{
    const char *uri = s->cli->incoming;

    if (s->cli->loadvm && !uri) {
        if (load_snapshot(s, errp))
            return true;
        error_prefix(errp, "-loadvm %s", s->cli->loadvm);
        return false;
    }
    if (!uri || !strcmp(uri, "defer") || migration_incoming(migration, uri, errp))
        return true;
    error_prefix(errp, "-incoming");
    return false;
}

void end_migration(void)
{
    job_stop_all();
    migration_free(migration);
    migration = NULL;
}
