/* Commands about the machine as a whole and about the monitor itself. */
#include "monitor/commands_priv.h"

#include "core/action.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/machine.h"
#include "core/numa.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- running ---- */

static JsonNode *run_status(struct mon_call *c, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "status", run_state_name(c->m->run_state));
    json_object_set_boolean_member(o, "singlestep", false);
    json_object_set_boolean_member(o, "running", c->m->run_state == RUN_RUNNING);
    return mon_object(o);
}

static void print_status(struct mon_call *c, JsonNode *result UNUSED, FILE *out)
{
    enum run_state s = c->m->run_state;

    if (s == RUN_RUNNING)
        fprintf(out, "VM status: running\n");
    else if (s == RUN_PAUSED)
        fprintf(out, "VM status: paused\n");
    else
        fprintf(out, "VM status: paused (%s)\n", run_state_name(s));
}

static JsonNode *run_stop(struct mon_call *c, struct error **errp UNUSED)
{
    if (c->m->run_state == RUN_RUNNING)
        machine_stop(c->m, RUN_PAUSED);
    return mon_ok();
}

static JsonNode *run_cont(struct mon_call *c, struct error **errp)
{
    return machine_cont(c->m, errp) ? mon_ok() : NULL;
}

static JsonNode *run_quit(struct mon_call *c, struct error **errp UNUSED)
{
    machine_request_shutdown(c->m, SHUTDOWN_HOST_QUIT, 0);
    return mon_ok();
}

static JsonNode *run_reset(struct mon_call *c, struct error **errp UNUSED)
{
    machine_request_host_reset(c->m);
    machine_serve_requests(c->m);
    return mon_ok();
}

/* On a board without a power button the event alone says that somebody pressed it. */
static JsonNode *run_powerdown(struct mon_call *c, struct error **errp UNUSED)
{
    event_emit("POWERDOWN", NULL);
    if (c->m->cls->powerdown)
        c->m->cls->powerdown(c->m);
    return mon_ok();
}

static JsonNode *run_wakeup(struct mon_call *c, struct error **errp)
{
    if (c->m->suspended) {
        machine_request_wakeup(c->m);
        return mon_ok();
    }
    error_set(errp, c->m->cls->suspended ? "the machine does not sleep"
                                         : "wake-up from suspend is not supported by this guest");
    return NULL;
}

static JsonNode *run_nmi(struct mon_call *c, struct error **errp)
{
    return machine_nmi(c->m, errp) ? mon_ok() : NULL;
}

static JsonNode *run_current_machine(struct mon_call *c, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "wakeup-suspend-support", c->m->cls->suspended != NULL);
    return mon_object(o);
}

/* ---- CPUs ---- */

static void get_tid(struct cpu *cpu UNUSED, void *arg)
{
    *(int64_t *)arg = gettid();
}

static JsonObject *describe_cpu(struct cpu *cpu, const struct numa *numa)
{
    JsonObject *o = json_object_new(), *props = json_object_new();
    g_autofree char *path = g_strdup_printf("/machine/unattached/cpu[%u]", cpu->index);
    int64_t tid;

    cpu_run_sync(cpu, get_tid, &tid);
    json_object_set_int_member(props, "core-id", cpu->index);
    if (numa)
        json_object_set_int_member(props, "node-id", numa->node_of_cpu[cpu->index]);
    json_object_set_int_member(o, "thread-id", tid);
    json_object_set_object_member(o, "props", props);
    json_object_set_string_member(o, "qom-path", path);
    json_object_set_int_member(o, "cpu-index", cpu->index);
    json_object_set_string_member(o, "target", cpu->ops->arch);
    return o;
}

static JsonNode *run_cpus(struct mon_call *c, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (unsigned i = 0; i < c->m->ncpus; i++)
        json_array_add_object_element(list, describe_cpu(c->m->cpus[i], c->m->cfg.numa));
    return mon_array(list);
}

static void print_cpus(struct mon_call *c, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "%c CPU #%u: thread_id=%" PRId64 "\n",
                c->cpu && c->cpu->index == i ? '*' : ' ', i,
                json_object_get_int_member(o, "thread-id"));
    }
}

static struct cpu *cpu_at(struct mon_call *c, int64_t index, struct error **errp)
{
    if (index >= 0 && (uint64_t)index < c->m->ncpus)
        return c->m->cpus[index];
    error_set(errp, "no CPU has the index %" PRId64, index);
    if (c->m->ncpus)
        error_append(errp, "; they are numbered 0 to %u", c->m->ncpus - 1);
    return NULL;
}

static bool text_cpu(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    struct cpu *cpu = cpu_at(c, mon_int(c, "index", 0), errp);

    if (cpu)
        c->cpu = cpu;
    return cpu;
}

static void dump_registers(struct cpu *cpu, void *out)
{
    fprintf(out, "\nCPU#%u\n", cpu->index);
    cpu->ops->dump(cpu, out);
}

static bool text_registers(struct mon_call *c, FILE *out, struct error **errp)
{
    struct cpu *cpu = c->cpu;

    if (mon_bool(c, "all", false)) {
        for (unsigned i = 0; i < c->m->ncpus; i++)
            cpu_run_sync(c->m->cpus[i], dump_registers, out);
        return true;
    }
    if (mon_has(c, "vcpu"))
        cpu = cpu_at(c, mon_int(c, "vcpu", 0), errp);
    else if (!cpu)
        error_set(errp, "the machine has no CPU");
    if (cpu)
        cpu_run_sync(cpu, dump_registers, out);
    return cpu;
}

/* ---- the monitor ---- */

static JsonNode *run_capabilities(struct mon_call *c, struct error **errp UNUSED)
{
    JsonNode *enable = mon_json(c, "enable");

    if (!c->mon)
        return mon_ok();
    c->mon->negotiated = true;
    c->mon->oob = enable && json_array_get_length(json_node_get_array(enable));
    return mon_ok();
}

static JsonNode *run_version(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    return mon_object(qmp_version());
}

static void print_version(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonObject *o = json_node_get_object(result);
    JsonObject *q = json_object_get_object_member(o, "qemu");

    fprintf(out, "%" PRId64 ".%" PRId64 ".%" PRId64 " (%s)\n",
            json_object_get_int_member(q, "major"), json_object_get_int_member(q, "minor"),
            json_object_get_int_member(q, "micro"), json_object_get_string_member(o, "package"));
}

static void add_command(const struct monitor_command *cmd, void *opaque)
{
    if (!cmd->qmp)
        return;
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "name", cmd->qmp);
    json_array_add_object_element(opaque, o);
}

static JsonNode *run_commands(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    monitor_foreach(add_command, list);
    return mon_array(list);
}

/* Text as HMP sends it: lines end in CR LF. */
static JsonNode *run_hmp(struct mon_call *c, struct error **errp)
{
    int64_t index = mon_int(c, "cpu-index", 0);
    unsigned cpu = (unsigned)index;

    if (mon_has(c, "cpu-index") && !cpu_at(c, index, errp))
        return NULL;
    g_autofree char *text = monitor_hmp_run(c->m, mon_str(c, "command-line", ""), &cpu);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *joined = g_strjoinv("\r\n", lines);
    return mon_string(joined);
}

/* ---- help ---- */

static void print_arg(const struct mon_arg *a, FILE *out)
{
    const char *open = a->optional ? "[" : "", *close = a->optional ? "]" : "";

    if (a->kind == MON_FLAG)
        fprintf(out, " [-%c]", a->flag);
    else if (a->flag)
        fprintf(out, " [-%c %s]", a->flag, a->kind == MON_CHOICE ? a->type : a->name);
    else if (a->kind == MON_FORMAT)
        fprintf(out, " /fmt");
    else if (a->kind == MON_OPTS)
        fprintf(out, "[,prop=value][,...]");
    else if (a->kind == MON_CHOICE)
        fprintf(out, " %s%s%s", open, a->type, close);
    else
        fprintf(out, " %s%s%s", open, a->name, close);
}

static bool has_opts(const struct monitor_command *cmd)
{
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (a->kind == MON_OPTS)
            return true;
    return false;
}

static void print_usage(const struct monitor_command *cmd, FILE *out)
{
    bool opts = has_opts(cmd);

    fprintf(out, "%s%s%s", cmd->hmp, cmd->alias ? "|" : "", cmd->alias ? cmd->alias : "");
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (!opts || a == cmd->args || a->kind == MON_OPTS)
            print_arg(a, out);
    fprintf(out, " -- %s\n", cmd->help);
}

static void print_details(const struct monitor_command *cmd, FILE *out)
{
    print_usage(cmd, out);
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (a->help && a->flag)
            fprintf(out, "    -%c  %s\n", a->flag, a->help);
        else if (a->help)
            fprintf(out, "    %s: %s\n", a->kind == MON_FORMAT ? "/fmt" : a->name, a->help);
}

struct listing {
    GPtrArray *rows;
    bool info;
};

static void collect(const struct monitor_command *cmd, void *opaque)
{
    struct listing *l = opaque;

    if (cmd->hmp && g_str_has_prefix(cmd->hmp, "info ") == l->info)
        g_ptr_array_add(l->rows, (gpointer)(uintptr_t)cmd);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const struct monitor_command *const *x = a, *const *y = b;

    return strcmp((*x)->hmp, (*y)->hmp);
}

static void list_commands(bool info, FILE *out)
{
    struct listing l = {g_ptr_array_new(), info};

    monitor_foreach(collect, &l);
    g_ptr_array_sort(l.rows, by_name);
    for (guint i = 0; i < l.rows->len; i++)
        print_usage(g_ptr_array_index(l.rows, i), out);
    g_ptr_array_unref(l.rows);
}

static bool text_info(struct mon_call *c UNUSED, FILE *out, struct error **errp UNUSED)
{
    list_commands(true, out);
    return true;
}

static bool text_help(struct mon_call *c, FILE *out, struct error **errp)
{
    const char *name = mon_str(c, "name", NULL), *rest;

    if (!name || !*name) {
        list_commands(false, out);
        return true;
    }
    if (!strcmp(name, "info"))
        return text_info(c, out, errp);
    const struct monitor_command *cmd = hmp_lookup(name, &rest, errp);
    if (cmd)
        print_details(cmd, out);
    if (cmd && !strcmp(cmd->hmp, "log"))
        log_print_help(out);
    return cmd;
}

static bool text_history(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    unsigned n = 0;

    if (!c->mon || !c->mon->rl)
        return true;
    for (GList *l = readline_history(c->mon->rl)->head; l; l = l->next)
        fprintf(out, "%u: '%s'\n", n++, (char *)l->data);
    return true;
}

static bool text_log(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    const char *items = mon_str(c, "items", "");

    if (!strcmp(items, "none")) {
        log_mask = 0;
        return true;
    }
    uint32_t was = log_mask;
    log_mask = 0;
    if (log_set_masks(items, errp))
        return true;
    log_mask = was;
    return false;
}

static bool text_logfile(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    return log_set_file(mon_str(c, "filename", ""), errp);
}

static const struct mon_arg capabilities_args[] = {
    {"enable", MON_JSON, .optional = true, .type = "[oob]", .help = "capabilities to switch on"},
    MON_ARG_END,
};
static const struct mon_arg hmp_args[] = {
    {"command-line", MON_STR, .help = "what would be typed at the prompt"},
    {"cpu-index", MON_INT, .optional = true, .help = "the current CPU for it"},
    MON_ARG_END,
};
static const struct mon_arg cpu_args[] = {
    {"index", MON_INT, .help = "of the CPU that later commands are about"},
    MON_ARG_END,
};
static const struct mon_arg registers_args[] = {
    {"all", MON_FLAG, .optional = true, .flag = 'a', .help = "of all CPUs"},
    {"vcpu", MON_INT, .optional = true, .help = "index of another CPU than the current one"},
    MON_ARG_END,
};
static const struct mon_arg help_args[] = {
    {"name", MON_REST, .optional = true, .help = "one command"},
    MON_ARG_END,
};
static const struct mon_arg log_args[] = {
    {"items", MON_STR, .help = "as for -d: item[,item...], or none"},
    MON_ARG_END,
};
static const struct mon_arg logfile_args[] = {
    {"filename", MON_STR, .help = "where the log goes from now on"},
    MON_ARG_END,
};

#define VERSION_TYPE "{qemu: {major: int, minor: int, micro: int}, package: str}"
#define STATUS_TYPE                                                                                \
    "{running: bool, singlestep?: bool, status: debug|inmigrate|internal-error|io-error|paused|"   \
    "postmigrate|prelaunch|finish-migrate|restore-vm|running|save-vm|shutdown|suspended|watchdog|" \
    "guest-panicked|colo}"
#define CPUS_TYPE                                                                                  \
    "[{cpu-index: int, qom-path: str, thread-id: int, props?: {node-id?: int, socket-id?: int, "   \
    "die-id?: int, core-id?: int, thread-id?: int}, target: str}]"

/* clang-format off */
const struct monitor_command cmd_control[] = {
    {.qmp = "qmp_capabilities", .args = capabilities_args, .run = run_capabilities, .oob = true,
     .help = "end negotiation: commands may follow"},
    {.qmp = "query-version", .hmp = "info version", .ret = VERSION_TYPE, .run = run_version,
     .print = print_version, .help = "show the version"},
    {.qmp = "query-commands", .ret = "[{name: str}]", .run = run_commands,
     .help = "names of all QMP commands"},
    {.qmp = "human-monitor-command", .args = hmp_args, .ret = "str", .run = run_hmp,
     .help = "run an HMP command, return its text"},
    {.qmp = "query-status", .hmp = "info status", .ret = STATUS_TYPE, .run = run_status,
     .print = print_status, .oob = true, .help = "show whether the machine runs"},
    {.qmp = "stop", .hmp = "stop", .alias = "s", .run = run_stop, .help = "stop the machine"},
    {.qmp = "cont", .hmp = "cont", .alias = "c", .run = run_cont, .help = "let the machine go on"},
    {.qmp = "quit", .hmp = "quit", .alias = "q", .run = run_quit, .help = "end the emulator"},
    {.qmp = "system_reset", .hmp = "system_reset", .run = run_reset, .help = "reset the machine"},
    {.qmp = "system_powerdown", .hmp = "system_powerdown", .run = run_powerdown,
     .help = "press the power button"},
    {.qmp = "system_wakeup", .hmp = "system_wakeup", .run = run_wakeup,
     .help = "wake the guest from suspend"},
    {.qmp = "inject-nmi", .hmp = "nmi", .run = run_nmi, .help = "inject a non-maskable interrupt"},
    {.qmp = "query-current-machine", .ret = "{wakeup-suspend-support: bool}",
     .run = run_current_machine, .help = "what this machine can do"},
    {.qmp = "query-cpus-fast", .hmp = "info cpus", .ret = CPUS_TYPE, .run = run_cpus,
     .print = print_cpus, .help = "list the CPUs"},
    {.hmp = "cpu", .args = cpu_args, .text = text_cpu, .help = "choose the current CPU"},
    {.hmp = "info registers", .args = registers_args, .text = text_registers,
     .help = "show a CPU's registers"},
    {.hmp = "help", .alias = "?", .args = help_args, .text = text_help,
     .help = "list commands, or explain one"},
    {.hmp = "info", .text = text_info, .help = "list what can be shown"},
    {.hmp = "info history", .text = text_history, .help = "show the lines typed before"},
    {.hmp = "log", .args = log_args, .text = text_log, .help = "choose what is logged"},
    {.hmp = "logfile", .args = logfile_args, .text = text_logfile, .help = "choose the log file"},
    {0},
};
/* clang-format on */
