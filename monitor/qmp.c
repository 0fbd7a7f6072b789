/* The monitor for programs: JSON commands in, JSON answers and events out. */
#include "monitor/monitor_priv.h"

#include "core/event.h"
#include "core/machine.h"
#include "util/version.h"

#include <string.h>

static void reset_input(struct monitor *mon)
{
    g_string_truncate(mon->in, 0);
    mon->depth = 0;
    mon->quote = 0;
    mon->escaped = false;
}

void qmp_open(struct monitor *mon)
{
    mon->in = g_string_new(NULL);
}

void qmp_close(struct monitor *mon)
{
    g_string_free(mon->in, TRUE);
}

void qmp_send(struct monitor *mon, JsonNode *node)
{
    g_autoptr(GString) text = g_string_new(NULL);

    json_write(node, mon->mode == MONITOR_QMP_PRETTY, text);
    g_string_append_c(text, '\n');
    monitor_write_lines(mon, text->str, text->len);
}

static JsonObject *new_member(JsonObject *parent, const char *name)
{
    JsonObject *child = json_object_new();

    json_object_set_object_member(parent, name, child);
    return child;
}

JsonObject *qmp_version(void)
{
    JsonObject *version = json_object_new(), *qemu = new_member(version, "qemu");

    json_object_set_int_member(qemu, "micro", QEMU_VERSION_MICRO);
    json_object_set_int_member(qemu, "minor", QEMU_VERSION_MINOR);
    json_object_set_int_member(qemu, "major", QEMU_VERSION_MAJOR);
    json_object_set_string_member(version, "package", "Tinamou " TINAMOU_VERSION);
    return version;
}

static void greet(struct monitor *mon)
{
    g_autoptr(JsonNode) node = mon_ok();
    JsonObject *qmp = new_member(json_node_get_object(node), "QMP");
    JsonArray *caps = json_array_new();

    json_array_add_string_element(caps, "oob");
    json_object_set_object_member(qmp, "version", qmp_version());
    json_object_set_array_member(qmp, "capabilities", caps);
    qmp_send(mon, node);
}

/* Every connection negotiates anew. */
void qmp_event(struct monitor *mon, enum chardev_event ev)
{
    if (ev != CHARDEV_OPENED && ev != CHARDEV_CLOSED)
        return;
    reset_input(mon);
    mon->skip = mon->negotiated = mon->oob = mon->lost = false;
    if (ev == CHARDEV_OPENED)
        greet(mon);
}

/* Answers. */

static void finish(struct monitor *mon, JsonObject *take_answer, JsonNode *id)
{
    g_autoptr(JsonNode) node = mon_object(take_answer);

    if (id)
        json_object_set_member(take_answer, "id", json_node_copy(id));
    qmp_send(mon, node);
}

static void answer_error(struct monitor *mon, JsonNode *id, const char *class, const char *text)
{
    JsonObject *answer = json_object_new(), *e = new_member(answer, "error");

    json_object_set_string_member(e, "class", class ? class : "GenericError");
    json_object_set_string_member(e, "desc", text);
    finish(mon, answer, id);
}

static void answer_result(struct monitor *mon, JsonNode *id, JsonNode *take_result)
{
    JsonObject *answer = json_object_new();

    json_object_set_member(answer, "return", take_result);
    finish(mon, answer, id);
}

/* One request. */

struct request {
    const char *name; /* of the command */
    bool oob;
    JsonObject *args; /* or NULL */
    JsonNode *id;     /* or NULL */
};

static bool take_member(struct request *r, const char *key, JsonNode *value, struct error **errp)
{
    bool is_exec = !strcmp(key, "execute"), is_oob = !strcmp(key, "exec-oob");

    if (is_exec || is_oob) {
        if (json_node_get_value_type(value) != G_TYPE_STRING || r->name) {
            error_set(errp,
                      r->name ? "QMP input has both 'execute' and 'exec-oob'"
                              : "QMP input member '%s' must be a string",
                      key);
            return false;
        }
        r->name = json_node_get_string(value);
        r->oob = is_oob;
    } else if (!strcmp(key, "arguments")) {
        if (!JSON_NODE_HOLDS_OBJECT(value)) {
            error_set(errp, "QMP input member 'arguments' must be an object");
            return false;
        }
        r->args = json_node_get_object(value);
    } else if (strcmp(key, "id")) {
        error_set(errp, "QMP input member '%s' is unexpected", key);
        return false;
    }
    return true;
}

static bool parse_request(struct request *r, JsonNode *node, struct error **errp)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        error_set(errp, "QMP input must be a JSON object");
        return false;
    }
    JsonObject *object = json_node_get_object(node);
    g_autoptr(GList) keys = json_object_get_members(object);
    r->id = json_object_get_member(object, "id");
    for (GList *l = keys; l; l = l->next)
        if (!take_member(r, l->data, json_object_get_member(object, l->data), errp))
            return false;
    if (!r->name)
        error_set(errp, "QMP input lacks member 'execute'");
    return r->name;
}

static void add_near(const struct monitor_command *cmd, void *opaque)
{
    if (cmd->qmp)
        g_ptr_array_add(opaque, (gpointer)(uintptr_t)cmd->qmp);
}

static JsonNode *fail_unknown(struct mon_call *c, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    monitor_foreach(add_near, names);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    mon_fail(c, "CommandNotFound", errp, "The command %s has not been found", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

static bool may_run(struct mon_call *c, const struct monitor_command *cmd, const struct request *r,
                    struct error **errp)
{
    struct monitor *mon = c->mon;
    bool is_caps = !strcmp(cmd->qmp, "qmp_capabilities");

    if (!mon->negotiated && !is_caps)
        mon_fail(c, "CommandNotFound", errp,
                 "Expecting capabilities negotiation with 'qmp_capabilities'");
    else if (mon->negotiated && is_caps)
        mon_fail(c, "CommandNotFound", errp,
                 "Capabilities negotiation is already complete, command ignored");
    else if (r->oob && !mon->oob)
        error_set(errp, "out-of-band execution needs the capability 'oob'");
    else if (r->oob && !cmd->oob)
        error_set(errp, "The command %s does not support out-of-band execution", cmd->qmp);
    else
        return true;
    return false;
}

static JsonNode *run(struct mon_call *c, const struct request *r, struct error **errp)
{
    const struct monitor_command *cmd = monitor_find_qmp(r->name);

    if (!cmd && c->mon->negotiated)
        return fail_unknown(c, r->name, errp);
    if (!cmd)
        return mon_fail(c, "CommandNotFound", errp,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
    if (!may_run(c, cmd, r, errp) || !mon_args_from_json(c, cmd, r->args, errp))
        return NULL;
    return cmd->run(c, errp);
}

static void handle(struct monitor *mon, JsonNode *node)
{
    struct mon_call c = {.m = mon->m, .mon = mon};
    struct request r = {0};
    struct error *err = NULL;
    JsonNode *result = NULL;

    if (mon->m && mon->m->ncpus)
        c.cpu = mon->m->cpus[0];
    if (parse_request(&r, node, &err))
        result = run(&c, &r, &err);
    mon_args_clear(&c);
    event_flush(); /* what the command brought about comes before its answer */
    if (result)
        answer_result(mon, r.id, result);
    else
        answer_error(mon, r.id, c.error_class, error_text(err));
    error_free(err);
}

static void handle_text(struct monitor *mon)
{
    struct error *err = NULL;
    g_autoptr(JsonNode) node = json_read(mon->in->str, mon->in->len, &err);

    reset_input(mon);
    if (node) {
        handle(mon, node);
        return;
    }
    answer_error(mon, NULL, NULL, error_text(err));
    error_free(err);
}

/* Input is cut into values here, so that commands may follow each other without a blank.  What is
 * not inside brackets ends with its line. */

static void refuse(struct monitor *mon, const char *why, bool skip)
{
    reset_input(mon);
    mon->skip = skip;
    answer_error(mon, NULL, NULL, why);
}

static bool track(struct monitor *mon, char ch)
{
    if (mon->escaped) {
        mon->escaped = false;
    } else if (mon->quote && ch == '\n') {
        return true; /* strings do not span lines: one that is not closed spoils only its own */
    } else if (mon->quote) {
        mon->escaped = ch == '\\';
        mon->quote = ch == mon->quote ? 0 : mon->quote;
    } else if (ch == '"' || ch == '\'') {
        mon->quote = ch;
    } else if (ch == '{' || ch == '[') {
        mon->depth++;
    } else if ((ch == '}' || ch == ']') && (!mon->depth || !--mon->depth)) {
        return true;
    } else if (ch == '\n' && !mon->depth) {
        return true;
    }
    return false;
}

/* True when a value has been handled. */
static bool take_byte(struct monitor *mon, char ch)
{
    bool blank = ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';

    if (mon->skip) {
        mon->skip = ch != '\n';
        return false;
    }
    if (!mon->in->len && blank)
        return false;
    if (ch == '\0' || (unsigned char)ch == 0xff) {
        refuse(mon, "JSON parse error: stray byte, what came before it is dropped", false);
        return true;
    }
    bool bracket = !mon->depth && !mon->quote && mon->in->len && (ch == '{' || ch == '[');
    if (bracket) { /* words before a command: they are wrong, it may be right */
        handle_text(mon);
        mon->depth = 1;
        g_string_append_c(mon->in, ch);
        return true;
    }
    g_string_append_c(mon->in, ch);
    if (mon->in->len > MONITOR_INPUT_MAX) {
        refuse(mon, "JSON parse error: the command is too long", true);
        return true;
    }
    if (!track(mon, ch))
        return false;
    handle_text(mon);
    return true;
}

size_t qmp_receive(struct monitor *mon, const char *buf, size_t n)
{
    size_t i = 0;

    while (i < n && !monitor_is_busy(mon))
        while (i < n && !take_byte(mon, buf[i++]))
            ;
    return i;
}
