/*
 * Monitor commands about what machines here do not have: programs ask for it all the same, and get
 * the answer that says so; people get a line.
 */
#include "core/machine.h"
#include "monitor/command.h"
#include "system/setup.h"
#include "ui/input.h"

#include <inttypes.h>
#include <string.h>

/* ---- lists that are empty ---- */

static JsonNode *run_empty(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    return mon_array(json_array_new());
}

/* ---- CPUs, interrupt controllers ---- */

static JsonNode *run_no_cpu_plug(struct mon_call *c, struct error **errp)
{
    error_set(errp, "machine '%s' takes no CPUs while it runs", c->m->cls->name);
    return NULL;
}

static bool is_arm(const struct machine *m)
{
    return !strcmp(m->cls->arch, "aarch64") || !strcmp(m->cls->arch, "arm");
}

/* Which versions -machine gic-version= may name. */
static JsonNode *run_gic(struct mon_call *c, struct error **errp)
{
    if (!is_arm(c->m)) {
        error_set(errp, "a machine of architecture '%s' has no GIC", c->m->cls->arch);
        return NULL;
    }
    JsonArray *list = json_array_new();
    for (int version = 3; version >= 2; version--) {
        JsonObject *o = json_object_new();
        json_object_set_boolean_member(o, "emulated", true);
        json_object_set_int_member(o, "version", version);
        json_object_set_boolean_member(o, "kernel", false);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

/* ---- trace events: the log (-d) is what there is instead ---- */

static JsonNode *run_trace_events(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", "");

    if (strpbrk(name, "*?"))
        return mon_array(json_array_new());
    error_set(errp, "there is no trace event '%s'; 'log' chooses what is logged", name);
    return NULL;
}

static JsonNode *run_set_trace_event(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", "");

    if (strpbrk(name, "*?") || mon_bool(c, "ignore-unavailable", false))
        return mon_ok();
    error_set(errp, "there is no trace event '%s'; 'log' chooses what is logged", name);
    return NULL;
}

static bool text_trace_events(struct mon_call *c UNUSED, FILE *out, struct error **errp UNUSED)
{
    fputs("no trace events; 'log' chooses what is logged\n", out);
    return true;
}

/* ---- VNC, SPICE, record and replay ---- */

static JsonNode *run_no_vnc(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "enabled", false);
    return mon_object(o);
}

static JsonNode *run_no_spice(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "migrated", false);
    json_object_set_boolean_member(o, "enabled", false);
    json_object_set_string_member(o, "mouse-mode", "client");
    return mon_object(o);
}

static void print_disabled(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    fputs("Server: disabled\n", out);
}

static JsonNode *run_password(struct mon_call *c, struct error **errp)
{
    const char *protocol = mon_str(c, "protocol", "vnc");

    return mon_fail(c, strcmp(protocol, "spice") ? NULL : "DeviceNotActive", errp,
                    "there is no server of type %s that could have a password", protocol);
}

static JsonNode *run_replay(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "mode", "none");
    json_object_set_int_member(o, "icount", 0);
    return mon_object(o);
}

static void print_replay(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    fputs("Record/replay is not active\n", out);
}

static JsonNode *run_no_generation_id(struct mon_call *c UNUSED, struct error **errp)
{
    error_set(errp, "the machine has no device with a generation id");
    return NULL;
}

static bool text_no_usb(struct mon_call *c UNUSED, FILE *out UNUSED, struct error **errp)
{
    error_set(errp, "the machine has no USB controller");
    return false;
}

/* ---- pointing devices ---- */

static bool is_pointer(const struct input_handler *h)
{
    return h->kinds & (1U << INPUT_REL | 1U << INPUT_ABS);
}

/* The first of the list gets the events. */
static JsonNode *run_mice(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();
    bool current = true;
    int index = 0;

    for (struct input_handler *h = NULL; (h = input_next(h)); index++) {
        if (!is_pointer(h))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", h->name);
        json_object_set_int_member(o, "index", index);
        json_object_set_boolean_member(o, "current", current);
        json_object_set_boolean_member(o, "absolute", h->kinds >> INPUT_ABS & 1);
        json_array_add_object_element(list, o);
        current = false;
    }
    return mon_array(list);
}

static void print_mice(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    if (!json_array_get_length(list))
        fputs("No mouse devices connected\n", out);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "%c Mouse #%" PRId64 ": %s%s\n",
                json_object_get_boolean_member(o, "current") ? '*' : ' ',
                json_object_get_int_member(o, "index"), json_object_get_string_member(o, "name"),
                json_object_get_boolean_member(o, "absolute") ? " (absolute)" : "");
    }
}

static JsonNode *run_mouse_set(struct mon_call *c, struct error **errp)
{
    int64_t want = mon_int(c, "index", -1), index = 0;

    for (struct input_handler *h = NULL; (h = input_next(h)); index++)
        if (index == want && is_pointer(h)) {
            input_activate(h);
            return mon_ok();
        }
    error_set(errp, "there is no pointing device %" PRId64 "; 'info mice' lists them", want);
    return NULL;
}

/* ---- the table ---- */

static const struct mon_arg trace_get_args[] = {
    {"name", MON_STR, .help = "of the event, or a pattern"},
    {"vcpu", MON_INT, .optional = true, .help = "of one CPU"},
    MON_ARG_END,
};
static const struct mon_arg trace_set_args[] = {
    {"name", MON_STR, .help = "of the event, or a pattern"},
    {"enable", MON_BOOL, .help = "on or off"},
    {"ignore-unavailable", MON_BOOL, .optional = true, .help = "no error when there is none"},
    {"vcpu", MON_INT, .optional = true, .help = "of one CPU"},
    MON_ARG_END,
};
static const struct mon_arg trace_args[] = {
    {"name", MON_STR, .help = "of the event, or a pattern"},
    {"option", MON_BOOL, .help = "on or off"},
    {"vcpu", MON_INT, .optional = true, .help = "of one CPU"},
    MON_ARG_END,
};
static const struct mon_arg password_args[] = {
    {"protocol", MON_CHOICE, .type = "vnc|spice", .help = "whose"},
    {"password", MON_STR, .help = "the new one"},
    {"connected", MON_CHOICE, .type = "keep|fail|disconnect", .optional = true,
     .help = "what happens to clients"},
    {"display", MON_STR, .optional = true, .help = "which server"},
    MON_ARG_END,
};
static const struct mon_arg expire_args[] = {
    {"protocol", MON_CHOICE, .type = "vnc|spice", .help = "whose"},
    {"time", MON_STR, .help = "now, never, +SECONDS, or seconds since 1970"},
    {"display", MON_STR, .optional = true, .help = "which server"},
    MON_ARG_END,
};
static const struct mon_arg vnc_args[] = {
    {"password", MON_STR, .help = "the new one"},
    MON_ARG_END,
};
static const struct mon_arg mouse_args[] = {
    {"index", MON_INT, .help = "as info mice numbers them"},
    MON_ARG_END,
};

/* clang-format off */
static const struct monitor_command commands[] = {
    {.qmp = "query-memory-devices", .hmp = "info memory-devices", .ret = "[any]", .run = run_empty,
     .help = "list the memory devices"},
    {.qmp = "query-hotpluggable-cpus", .hmp = "info hotpluggable-cpus", .ret = "[any]",
     .run = run_no_cpu_plug, .help = "list the CPUs that could be plugged in"},
    {.qmp = "query-gic-capabilities", .ret = "[{version: int, emulated: bool, kernel: bool}]",
     .run = run_gic, .help = "list the versions of Arm's interrupt controller"},
    {.qmp = "query-mice", .hmp = "info mice", .ret = "[{name: str, index: int, current: bool, absolute: bool}]",
     .run = run_mice, .print = print_mice, .help = "list the pointing devices"},
    {.hmp = "mouse_set", .args = mouse_args, .run = run_mouse_set,
     .help = "choose the pointing device that gets events"},
    {.qmp = "query-tpm", .hmp = "info tpm", .ret = "[any]", .run = run_empty, .help = "list the TPMs"},
    {.qmp = "query-tpm-models", .ret = "[any]", .run = run_empty, .help = "list the models of TPMs"},
    {.qmp = "query-tpm-types", .ret = "[any]", .run = run_empty, .help = "list the back ends of TPMs"},
    {.qmp = "query-pr-managers", .ret = "[any]", .run = run_empty,
     .help = "list the managers of persistent reservations"},
    {.qmp = "query-cryptodev", .hmp = "info cryptodev", .ret = "[any]", .run = run_empty,
     .help = "list the cryptographic devices"},
    {.qmp = "query-vm-generation-id", .hmp = "info vm-generation-id", .ret = "{guid: str}",
     .run = run_no_generation_id, .help = "show the generation of the machine"},
    {.hmp = "info usb", .text = text_no_usb, .help = "list the USB devices"},
    {.qmp = "query-vnc", .hmp = "info vnc", .ret = "{enabled: bool}", .run = run_no_vnc,
     .print = print_disabled, .help = "show the VNC server"},
    {.qmp = "query-vnc-servers", .ret = "[any]", .run = run_empty, .help = "list the VNC servers"},
    {.qmp = "query-spice", .hmp = "info spice", .ret = "{enabled: bool, migrated: bool, mouse-mode: str}",
     .run = run_no_spice, .print = print_disabled, .help = "show the SPICE server"},
    {.qmp = "set_password", .hmp = "set_password", .args = password_args, .run = run_password,
     .help = "set a server's password"},
    {.qmp = "expire_password", .hmp = "expire_password", .args = expire_args, .run = run_password,
     .help = "say until when a server's password counts"},
    {.qmp = "change-vnc-password", .args = vnc_args, .run = run_password,
     .help = "set the VNC server's password"},
    {.qmp = "query-replay", .hmp = "info replay", .ret = "{mode: none|record|play, icount: int}",
     .run = run_replay, .print = print_replay, .help = "show recording and replay"},
    {.qmp = "trace-event-get-state", .args = trace_get_args,
     .ret = "[{name: str, state: unavailable|disabled|enabled, vcpu: bool}]",
     .run = run_trace_events, .help = "list trace events"},
    {.qmp = "trace-event-set-state", .args = trace_set_args, .run = run_set_trace_event,
     .help = "switch trace events"},
    {.hmp = "trace-event", .args = trace_args, .run = run_set_trace_event,
     .help = "switch trace events"},
    {.hmp = "info trace-events", .text = text_trace_events, .help = "list trace events"},
    {0},
};
/* clang-format on */

void setup_absent_commands(void)
{
    monitor_register(commands);
}
