/* The test runner's reports: JSON, and JUnit's XML as continuous integration reads it. */
#include "system/runner_priv.h"

#include "util/log.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

static const char *const verdict_names[] = {
    [VERDICT_NONE] = "none",         [VERDICT_PASSED] = "passed",   [VERDICT_FAILED] = "failed",
    [VERDICT_TIMED_OUT] = "timeout", [VERDICT_ABORTED] = "aborted",
};

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

bool runner_check_result(const char *path, struct error **errp)
{
    g_autofree char *dir = g_path_get_dirname(path);

    if (!g_str_has_suffix(path, ".json") && !g_str_has_suffix(path, ".xml")) {
        error_set(errp, "wanted a name that ends in .json or, for JUnit, in .xml");
        return false;
    }
    if (access(dir, W_OK | X_OK)) {
        error_set(errp, "could not write in '%s': %s", dir, g_strerror(errno));
        return false;
    }
    return true;
}

static char *console(const struct runner *r)
{
    return g_utf8_make_valid(r->text.window->str, (gssize)r->text.window->len);
}

static const char *kind_name(const struct step *step)
{
    return step->kind == STEP_SEND ? "send" : "expect";
}

static const char *state_name(const struct step *step)
{
    switch (step->state) {
    case STEP_AHEAD: return "not reached";
    case STEP_CURRENT:
    case STEP_UNMET: return "unmet";
    case STEP_DONE: return step->kind == STEP_SEND ? "sent" : "met";
    }
    unreachable();
}

static void add_string(JsonBuilder *b, const char *name, const char *value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_string_value(b, value);
}

static void add_int(JsonBuilder *b, const char *name, int64_t value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_int_value(b, value);
}

static void add_step(JsonBuilder *b, const struct step *step)
{
    g_autofree char *text = g_utf8_make_valid(step->text, -1);

    json_builder_begin_object(b);
    add_string(b, "kind", kind_name(step));
    add_string(b, "text", text);
    add_string(b, "result", state_name(step));
    if (step->matched)
        add_string(b, "matched", step->matched);
    if (step->state == STEP_DONE || step->state == STEP_UNMET) {
        add_int(b, "duration_ms", (step->end_us - step->begin_us) / 1000);
        add_int(b, "at_ms", step->end_us / 1000);
        add_int(b, "guest_ms", step->guest_end / 1000000);
    }
    json_builder_end_object(b);
}

static void add_lists(JsonBuilder *b, const struct runner *r)
{
    json_builder_set_member_name(b, "steps");
    json_builder_begin_array(b);
    for (guint i = 0; i < r->steps->len; i++)
        add_step(b, g_ptr_array_index(r->steps, i));
    json_builder_end_array(b);
    json_builder_set_member_name(b, "cpus");
    json_builder_begin_array(b);
    for (guint i = 0; i < r->traces->len; i++) {
        const struct vcpu_trace *t = g_ptr_array_index(r->traces, i);
        json_builder_begin_object(b);
        add_int(b, "index", t->index);
        add_string(b, "backtrace", t->text);
        json_builder_end_object(b);
    }
    json_builder_end_array(b);
}

static char *begin_time(const struct runner *r)
{
    g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(r->wall_begin_us / 1000000);

    return g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ");
}

static char *to_json(const struct runner *r)
{
    g_autoptr(JsonBuilder) b = json_builder_new();
    g_autofree char *text = console(r), *begin = begin_time(r),
                    *why = g_utf8_make_valid(r->why, -1);

    json_builder_begin_object(b);
    add_string(b, "result", verdict_names[r->verdict]);
    add_string(b, "reason", why);
    add_string(b, "version", TINAMOU_VERSION);
    add_string(b, "begin", begin);
    add_int(b, "duration_ms", runner_now(r) / 1000);
    add_int(b, "resets", r->resets);
    add_lists(b, r);
    add_string(b, "console", text);
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    char *json = json_to_string(root, TRUE);
    char *out = g_strconcat(json, "\n", NULL);
    g_free(json);
    return out;
}

/* Escape for XML 1.0, which has no place for most control characters; g_free it. */
static char *xml(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autoptr(GString) clean = g_string_new(NULL);

    for (char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        bool ok = c == '\t' || c == '\n' || (c >= 0x20 && c != 0x7f && c != 0xfffe && c != 0xffff);
        g_string_append_unichar(clean, ok ? c : 0xfffd);
    }
    return g_markup_escape_text(clean->str, -1);
}

static void append_outcome(GString *out, const struct runner *r, const struct step *step)
{
    g_autofree char *why = xml(r->why);

    if (step->state == STEP_AHEAD) {
        g_string_append(out, "      <skipped/>\n");
        return;
    }
    if (step->state == STEP_DONE)
        return;
    const char *element = r->verdict == VERDICT_ABORTED ? "error" : "failure";
    g_string_append_printf(out, "      <%s type=\"%s\" message=\"%s\">", element,
                           verdict_names[r->verdict], why);
    for (guint i = 0; i < r->traces->len; i++) {
        g_autofree char *t =
            xml(((const struct vcpu_trace *)g_ptr_array_index(r->traces, i))->text);
        g_string_append(out, t);
    }
    g_string_append_printf(out, "</%s>\n", element);
}

static void append_case(GString *out, const struct runner *r, unsigned i)
{
    const struct step *step = g_ptr_array_index(r->steps, i);
    g_autofree char *text = xml(step->text);
    int64_t took = step->state == STEP_AHEAD ? 0 : step->end_us - step->begin_us;

    g_string_append_printf(
        out, "    <testcase classname=\"tinamou\" name=\"%u: %s %s\" time=\"%.3f\">\n", i + 1,
        kind_name(step), text, seconds(took));
    append_outcome(out, r, step);
    g_string_append(out, "    </testcase>\n");
}

/* What happened outside of all steps: the machine did not start, or ended badly after the last. */
static bool needs_own_case(const struct runner *r)
{
    for (guint i = 0; i < r->steps->len; i++)
        if (((const struct step *)g_ptr_array_index(r->steps, i))->state == STEP_UNMET)
            return false;
    return r->verdict != VERDICT_PASSED;
}

static char *to_junit(const struct runner *r)
{
    g_autofree char *text = console(r), *system_out = xml(text), *begin = begin_time(r);
    GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    bool own = needs_own_case(r), aborted = r->verdict == VERDICT_ABORTED;
    unsigned skipped = 0;

    for (guint i = 0; i < r->steps->len; i++)
        skipped += ((const struct step *)g_ptr_array_index(r->steps, i))->state == STEP_AHEAD;
    g_string_append_printf(out,
                           "  <testsuite name=\"tinamou\" tests=\"%u\" failures=\"%d\" "
                           "errors=\"%d\" skipped=\"%u\" time=\"%.3f\" timestamp=\"%s\">\n",
                           r->steps->len + own, !aborted && r->verdict != VERDICT_PASSED, aborted,
                           skipped, seconds(runner_now(r)), begin);
    for (guint i = 0; i < r->steps->len; i++)
        append_case(out, r, i);
    if (own) {
        const struct step none = {.state = STEP_UNMET};
        g_string_append(out, "    <testcase classname=\"tinamou\" name=\"machine\">\n");
        append_outcome(out, r, &none);
        g_string_append(out, "    </testcase>\n");
    }
    g_string_append_printf(out, "    <system-out>%s</system-out>\n  </testsuite>\n</testsuites>\n",
                           system_out);
    return g_string_free(out, FALSE);
}

bool runner_write_results(const struct runner *r)
{
    bool ok = true;

    for (guint i = 0; i < r->results->len; i++) {
        const char *path = g_ptr_array_index(r->results, i);
        g_autofree char *text = g_str_has_suffix(path, ".xml") ? to_junit(r) : to_json(r);
        GError *err = NULL;
        if (g_file_set_contents(path, text, -1, &err))
            continue;
        log_warn("-result %s: could not write: %s", path, err->message);
        g_error_free(err);
        ok = false;
    }
    return ok;
}
