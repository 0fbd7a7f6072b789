/* Monitor commands for the balloon and for keyboards and mice. */
#include "core/clock.h"
#include "hw/virtio/balloon.h"
#include "monitor/command.h"
#include "system/setup.h"
#include "ui/input.h"

#include <inttypes.h>
#include <string.h>

/* ---- balloon ---- */

static struct device *need_balloon(struct mon_call *c, struct error **errp)
{
    struct device *dev = balloon_find(c->m);

    if (!dev)
        mon_fail(c, "DeviceNotActive", errp,
                 "the machine has no balloon (-device virtio-balloon-device)");
    return dev;
}

static JsonNode *run_balloon(struct mon_call *c, struct error **errp)
{
    struct device *dev = need_balloon(c, errp);
    int64_t bytes = mon_int(c, "value", 0);

    if (!dev)
        return NULL;
    if (bytes <= 0)
        return mon_fail(c, "GenericError", errp, "wanted a size of at least 1 byte");
    balloon_set(dev, (uint64_t)bytes);
    return mon_ok();
}

static JsonNode *run_query_balloon(struct mon_call *c, struct error **errp)
{
    struct device *dev = need_balloon(c, errp);
    struct balloon_info info;
    JsonObject *o;

    if (!dev)
        return NULL;
    balloon_get(dev, &info);
    o = json_object_new();
    json_object_set_int_member(o, "actual", (gint64)info.actual);
    return mon_object(o);
}

static void print_balloon(struct mon_call *c, JsonNode *result, FILE *out)
{
    struct device *dev = balloon_find(c->m);
    struct balloon_info info;

    fprintf(out, "balloon: actual=%" PRId64 "\n",
            json_object_get_int_member(json_node_get_object(result), "actual") >> 20);
    balloon_get(dev, &info);
    for (unsigned tag = 0; info.last_update && balloon_stat_name(tag); tag++)
        if (info.stats[tag] != UINT64_MAX)
            fprintf(out, "  %s=%" PRIu64 "\n", balloon_stat_name(tag), info.stats[tag]);
}

/* ---- keys and pointers ---- */

static bool send(enum input_kind kind, uint16_t code, int32_t value, struct error **errp)
{
    static const char *const what[] = {"keyboard", "mouse or tablet", "mouse", "tablet",
                                       "mouse or tablet"};
    struct input_event ev = {kind, code, value};

    if (input_send(&ev))
        return true;
    error_set(errp,
              "the machine has no %s (-device virtio-keyboard-device, "
              "virtio-mouse-device, virtio-tablet-device)",
              what[kind]);
    return false;
}

enum { MAX_KEYS = 16, DEFAULT_HOLD_MS = 100 };

/* Keys that are down until their time is over. */
static struct held {
    uint16_t code[MAX_KEYS];
    unsigned n;
    struct timer timer;
    bool ready;
} held;

static void release_held(void *opaque UNUSED)
{
    while (held.n > 0)
        input_send(&(struct input_event){INPUT_KEY, held.code[--held.n], 0});
    input_sync();
}

/* Press them together, and release them in hold_ms of the guest's time. */
static bool press(const uint16_t *codes, unsigned n, int64_t hold_ms, struct error **errp)
{
    if (!held.ready)
        timer_init(&held.timer, NULL, release_held, NULL);
    held.ready = true;
    release_held(NULL);
    for (unsigned i = 0; i < n; i++) {
        if (!send(INPUT_KEY, codes[i], 1, errp))
            return false;
        held.code[held.n++] = codes[i];
    }
    input_sync();
    timer_set(&held.timer, clock_now() + (hold_ms > 0 ? hold_ms : DEFAULT_HOLD_MS) * 1000000);
    return true;
}

/* {"type": "qcode", "data": "ret"} or {"type": "number", "data": 28}; 0 with *errp. */
static uint16_t json_key(JsonNode *node, struct error **errp)
{
    JsonObject *o = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *type = o ? json_object_get_string_member_with_default(o, "type", "") : "";
    JsonNode *data = o ? json_object_get_member(o, "data") : NULL;

    if (data && !strcmp(type, "qcode") && json_node_get_value_type(data) == G_TYPE_STRING)
        return input_key_code(json_node_get_string(data), errp);
    if (data && !strcmp(type, "number") && json_node_get_value_type(data) == G_TYPE_INT64) {
        uint16_t code = input_scancode((uint32_t)json_node_get_int(data));
        if (!code)
            error_set(errp, "no key has the number %" PRId64, json_node_get_int(data));
        return code;
    }
    error_set(errp, "wanted a key: {\"type\": \"qcode\", \"data\": NAME}");
    return 0;
}

static JsonNode *run_send_key(struct mon_call *c, struct error **errp)
{
    JsonArray *keys = json_node_get_array(mon_json(c, "keys"));
    uint16_t codes[MAX_KEYS];
    unsigned n = json_array_get_length(keys);

    if (n == 0 || n > MAX_KEYS)
        return mon_fail(c, "GenericError", errp, "wanted 1 to %d keys", MAX_KEYS);
    for (unsigned i = 0; i < n; i++) {
        codes[i] = json_key(json_array_get_element(keys, i), errp);
        if (!codes[i])
            return NULL;
    }
    return press(codes, n, mon_int(c, "hold-time", 0), errp) ? mon_ok() : NULL;
}

/* "ctrl-alt-delete" */
static bool text_sendkey(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    g_auto(GStrv) names = g_strsplit(mon_str(c, "keys", ""), "-", -1);
    uint16_t codes[MAX_KEYS];
    unsigned n = g_strv_length(names);

    if (n > MAX_KEYS) {
        error_set(errp, "at most %d keys at once", MAX_KEYS);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        codes[i] = input_key_code(strcmp(names[i], "<") ? names[i] : "less", errp);
        if (!codes[i])
            return false;
    }
    return press(codes, n, mon_int(c, "hold-time", 0), errp);
}

static bool send_key_event(JsonObject *data, struct error **errp)
{
    uint16_t code = json_key(json_object_get_member(data, "key"), errp);
    bool down = json_object_get_boolean_member_with_default(data, "down", false);

    return code && send(INPUT_KEY, code, down, errp);
}

static bool send_button(JsonObject *data, struct error **errp)
{
    const char *name = json_object_get_string_member_with_default(data, "button", "");
    bool down = json_object_get_boolean_member_with_default(data, "down", false);
    uint16_t code = input_button_code(name);

    if (g_str_has_prefix(name, "wheel-"))
        return !down || send(INPUT_WHEEL, 0, strcmp(name, "wheel-up") ? -1 : 1, errp);
    if (!code)
        error_set(errp,
                  "no button is named '%s'; there are left, middle, right, side, extra, "
                  "wheel-up and wheel-down",
                  name);
    return code && send(INPUT_BUTTON, code, down, errp);
}

static bool send_move(JsonObject *data, enum input_kind kind, struct error **errp)
{
    const char *axis = json_object_get_string_member_with_default(data, "axis", "");
    gint64 value = json_object_get_int_member_with_default(data, "value", 0);

    if (strcmp(axis, "x") && strcmp(axis, "y")) {
        error_set(errp, "axis is '%s', must be x or y", axis);
        return false;
    }
    return send(kind, *axis == 'x' ? INPUT_X : INPUT_Y,
                (int32_t)CLAMP(value, -INPUT_ABS_MAX, INPUT_ABS_MAX), errp);
}

static bool send_json_event(JsonNode *node, struct error **errp)
{
    JsonObject *o = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *type = o ? json_object_get_string_member_with_default(o, "type", "") : "";
    JsonNode *inner = o ? json_object_get_member(o, "data") : NULL;

    if (!inner || !JSON_NODE_HOLDS_OBJECT(inner)) {
        error_set(errp, "wanted an event: {\"type\": TYPE, \"data\": {...}}");
        return false;
    }
    JsonObject *data = json_node_get_object(inner);
    if (!strcmp(type, "key"))
        return send_key_event(data, errp);
    if (!strcmp(type, "btn"))
        return send_button(data, errp);
    if (!strcmp(type, "rel") || !strcmp(type, "abs"))
        return send_move(data, *type == 'r' ? INPUT_REL : INPUT_ABS, errp);
    error_set(errp, "no event has the type '%s'; there are key, btn, rel and abs", type);
    return false;
}

static JsonNode *run_input_send_event(struct mon_call *c, struct error **errp)
{
    JsonArray *events = json_node_get_array(mon_json(c, "events"));

    for (unsigned i = 0; i < json_array_get_length(events); i++)
        if (!send_json_event(json_array_get_element(events, i), errp))
            return NULL;
    input_sync();
    return mon_ok();
}

static bool text_mouse_move(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    int64_t wheel = mon_int(c, "dz", 0);
    bool ok = send(INPUT_REL, INPUT_X, (int32_t)mon_int(c, "dx", 0), errp) &&
              send(INPUT_REL, INPUT_Y, (int32_t)mon_int(c, "dy", 0), errp) &&
              (!wheel || send(INPUT_WHEEL, 0, (int32_t)wheel, errp));

    input_sync();
    return ok;
}

/* Bit 0 left, bit 1 middle, bit 2 right: those that are down now. */
static bool text_mouse_button(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    static const char *const names[] = {"left", "middle", "right"};
    static int64_t down;
    int64_t now = mon_int(c, "buttons", 0);
    bool ok = true;

    for (unsigned i = 0; ok && i < G_N_ELEMENTS(names); i++)
        if ((now ^ down) >> i & 1)
            ok = send(INPUT_BUTTON, input_button_code(names[i]), now >> i & 1, errp);
    down = now;
    input_sync();
    return ok;
}

static const struct mon_arg balloon_args[] = {
    {.name = "value", .kind = MON_SIZE, .help = "RAM that the guest keeps"},
    MON_ARG_END,
};
static const struct mon_arg send_key_args[] = {
    {.name = "keys",
     .kind = MON_JSON,
     .type = "[{type: number|qcode, data: any}]",
     .help = "keys to press together"},
    {.name = "hold-time", .kind = MON_INT, .optional = true, .help = "milliseconds, 100 if absent"},
    MON_ARG_END,
};
static const struct mon_arg sendkey_args[] = {
    {.name = "keys", .kind = MON_STR, .help = "keys, with - between: ctrl-alt-f1"},
    {.name = "hold-time", .kind = MON_INT, .optional = true, .help = "milliseconds, 100 if absent"},
    MON_ARG_END,
};
static const struct mon_arg events_args[] = {
    {.name = "device", .kind = MON_STR, .optional = true, .help = "accepted: there is one console"},
    {.name = "head", .kind = MON_INT, .optional = true, .help = "accepted: there is one console"},
    {.name = "events",
     .kind = MON_JSON,
     .type = "[{type: key|btn|rel|abs, data: any}]",
     .help = "what happens at once"},
    MON_ARG_END,
};
static const struct mon_arg move_args[] = {
    {.name = "dx", .kind = MON_INT, .help = "to the right"},
    {.name = "dy", .kind = MON_INT, .help = "down"},
    {.name = "dz", .kind = MON_INT, .optional = true, .help = "clicks of the wheel"},
    MON_ARG_END,
};
static const struct mon_arg button_args[] = {
    {.name = "buttons", .kind = MON_INT, .help = "1 left, 2 middle, 4 right, added up"},
    MON_ARG_END,
};

static const struct monitor_command commands[] = {
    {.qmp = "balloon",
     .hmp = "balloon",
     .args = balloon_args,
     .run = run_balloon,
     .help = "ask the guest to keep this much memory"},
    {.qmp = "query-balloon",
     .hmp = "info balloon",
     .ret = "{actual: int}",
     .run = run_query_balloon,
     .print = print_balloon,
     .help = "show how much memory the guest keeps"},
    {.qmp = "send-key", .args = send_key_args, .run = run_send_key, .help = "press keys"},
    {.hmp = "sendkey", .args = sendkey_args, .text = text_sendkey, .help = "press keys"},
    {.qmp = "input-send-event",
     .args = events_args,
     .run = run_input_send_event,
     .help = "send events of keys, buttons and pointers"},
    {.hmp = "mouse_move", .args = move_args, .text = text_mouse_move, .help = "move the mouse"},
    {.hmp = "mouse_button",
     .args = button_args,
     .text = text_mouse_button,
     .help = "press and release mouse buttons"},
    {0},
};

void setup_device_commands(void)
{
    monitor_register(commands);
}
