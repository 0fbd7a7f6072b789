/*
 * The test runner at work: the steps of its script against a serial line and a clock.
 *
 * The machine's time limits count while it runs, not while a user or a debugger has stopped it.
 * Output is searched some milliseconds after it came, so that a kernel that writes byte by byte
 * does not cost a search for each.
 */
#include "system/runner_priv.h"

#include "core/clock.h"
#include "core/event.h"
#include "util/log.h"

#include <string.h>

enum { SCAN_DELAY_MS = 4, SPAN = 16 << 10 }; /* SPAN: how many bytes one match may have */
enum { LINGER_STEP_MS = 100, LINGER_QUIET_MS = 300, LINGER_MAX_MS = 3000 };

static void advance(struct runner *r);
static void rearm(struct runner *r);

struct runner *runner_new(void)
{
    struct runner *r = g_new0(struct runner, 1);

    r->steps = g_ptr_array_new_with_free_func(runner_free_step);
    r->fails = g_ptr_array_new_with_free_func(runner_free_fail);
    r->results = g_ptr_array_new_with_free_func(g_free);
    r->traces = g_ptr_array_new_with_free_func(runner_free_trace);
    console_text_init(&r->text);
    r->wall_begin_us = g_get_real_time();
    return r;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    g_ptr_array_unref(r->steps);
    g_ptr_array_unref(r->fails);
    g_ptr_array_unref(r->results);
    g_ptr_array_unref(r->traces);
    console_text_fini(&r->text);
    symbols_free(r->symbols);
    g_free(r->chardev_id);
    g_free(r->why);
    g_free(r);
}

int64_t runner_now(const struct runner *r)
{
    return r->run_us + (r->since_us ? g_get_monotonic_time() - r->since_us : 0);
}

static struct step *current_step(const struct runner *r)
{
    return r->current < r->steps->len ? g_ptr_array_index(r->steps, r->current) : NULL;
}

unsigned runner_expect_number(const struct runner *r, const struct step *wanted)
{
    unsigned n = 0;

    for (guint i = 0; i < r->steps->len; i++) {
        const struct step *step = g_ptr_array_index(r->steps, i);
        n += step->kind != STEP_SEND;
        if (step == wanted)
            break;
    }
    return n;
}

unsigned runner_expect_count(const struct runner *r)
{
    return runner_expect_number(r, NULL);
}

/* "-expect 'login:' (2 of 3)", or "the guest to power off" when the user asked for nothing else. */
static char *describe_wait(const struct runner *r)
{
    const struct step *step = current_step(r);

    if (!step || !r->has_expect)
        return g_strdup("the guest to power off");
    return g_strdup_printf("-expect '%s' (%u of %u)", step->text, runner_expect_number(r, step),
                           runner_expect_count(r));
}

static void stop_timers(struct runner *r)
{
    guint *const timers[] = {&r->timer, &r->scan_timer, &r->linger_timer};

    for (size_t i = 0; i < G_N_ELEMENTS(timers); i++) {
        if (*timers[i])
            g_source_remove(*timers[i]);
        *timers[i] = 0;
    }
}

static void end_machine(const struct runner *r)
{
    machine_request_shutdown(r->machine, SHUTDOWN_HOST_UI, 0);
}

/* The first verdict stands. */
static void decide(struct runner *r, enum verdict verdict, const char *fmt, ...) PRINTF(3, 4);
static void decide(struct runner *r, enum verdict verdict, const char *fmt, ...)
{
    struct step *step = current_step(r);
    va_list ap;

    if (r->verdict != VERDICT_NONE)
        return;
    va_start(ap, fmt);
    r->why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    r->verdict = verdict;
    if (step && step->state == STEP_CURRENT) {
        step->state = STEP_UNMET;
        step->end_us = runner_now(r);
        step->guest_end = clock_now();
    }
}

/* After a panic comes its backtrace: let the guest write until it is quiet. */
static gboolean on_linger(gpointer opaque)
{
    struct runner *r = opaque;
    int64_t now = g_get_monotonic_time();

    if (now < r->linger_end_us && now - r->last_output_us < LINGER_QUIET_MS * 1000)
        return G_SOURCE_CONTINUE;
    r->linger_timer = 0;
    end_machine(r);
    return G_SOURCE_REMOVE;
}

static void end_after_quiet(struct runner *r)
{
    r->last_output_us = g_get_monotonic_time();
    r->linger_end_us = r->last_output_us + LINGER_MAX_MS * 1000;
    stop_timers(r);
    r->linger_timer = g_timeout_add(LINGER_STEP_MS, on_linger, r);
}

static void finish_step(struct runner *r, struct step *step)
{
    step->state = STEP_DONE;
    step->end_us = runner_now(r);
    step->guest_end = clock_now();
    r->current++;
    advance(r);
}

/* Send what is to be sent, up to the next expectation; without one all is done. */
static void advance(struct runner *r)
{
    struct step *step;

    while ((step = current_step(r))) {
        step->begin_us = runner_now(r);
        if (step->kind != STEP_SEND)
            break;
        chardev_feed(r->chardev, step->send->data, step->send->len);
        step->state = STEP_DONE;
        step->end_us = step->begin_us;
        step->guest_end = clock_now();
        r->current++;
    }
    if (step) {
        step->state = STEP_CURRENT;
        rearm(r);
        return;
    }
    decide(r, VERDICT_PASSED, "%u of %u expectations met", runner_expect_count(r),
           runner_expect_count(r));
    stop_timers(r);
    end_machine(r);
}

struct found {
    uint64_t begin, end;
    char *text; /* valid UTF-8 */
};

/* Search the text from a place on.  An expression that takes too long to match counts as a defect
 * of the script. */
static bool search(struct runner *r, GRegex *regex, uint64_t from, struct found *f)
{
    const GString *w = r->text.window;
    GMatchInfo *info = NULL;
    GError *err = NULL;
    int begin, end;

    from = MAX(from, r->text.start) - r->text.start;
    bool ok = g_regex_match_full(regex, w->str, (gssize)w->len, (int)from, G_REGEX_MATCH_NOTEMPTY,
                                 &info, &err);
    if (ok && g_match_info_fetch_pos(info, 0, &begin, &end)) {
        f->begin = r->text.start + (unsigned)begin;
        f->end = r->text.start + (unsigned)end;
        f->text = g_utf8_make_valid(w->str + begin, end - begin);
    }
    g_match_info_free(info);
    if (err) {
        decide(r, VERDICT_FAILED, "matching '%s': %s", g_regex_get_pattern(regex), err->message);
        end_machine(r);
        g_error_free(err);
    }
    return ok;
}

/* The failure that shows first; f->text is NULL when none does. */
static const struct fail_pattern *find_failure(struct runner *r, struct found *first)
{
    const struct fail_pattern *found = NULL;

    for (guint i = 0; i < r->fails->len; i++) {
        const struct fail_pattern *p = g_ptr_array_index(r->fails, i);
        struct found f = {0};
        if (p->on_reset || !search(r, p->regex, r->fail_from, &f))
            continue;
        if (!found || f.begin < first->begin) {
            g_free(first->text);
            *first = f;
            found = p;
        } else {
            g_free(f.text);
        }
    }
    return found;
}

/* Meet expectations with text before `limit`, in order. */
static void meet_expectations(struct runner *r, uint64_t limit)
{
    struct step *step;

    while (r->verdict == VERDICT_NONE && (step = current_step(r)) && step->kind == STEP_EXPECT) {
        struct found f = {0};
        if (!search(r, step->regex, r->expect_from, &f))
            return;
        if (f.begin >= limit) {
            g_free(f.text);
            return;
        }
        step->matched = f.text;
        r->expect_from = f.end;
        finish_step(r, step);
    }
}

static uint64_t back_from_end(const struct runner *r)
{
    uint64_t end = console_text_end(&r->text);

    return end > SPAN ? end - SPAN : 0;
}

static void scan(struct runner *r)
{
    struct found failure = {0};

    chardev_tap_flush(r->chardev);
    if (r->verdict != VERDICT_NONE)
        return;
    const struct fail_pattern *p = find_failure(r, &failure);
    meet_expectations(r, p ? failure.begin : UINT64_MAX);
    if (p && r->verdict == VERDICT_NONE) {
        g_autofree char *wait = describe_wait(r);
        decide(r, VERDICT_FAILED, "the console shows '%s' (-fail %s) while waiting for %s",
               failure.text, p->text, wait);
        end_after_quiet(r);
    }
    g_free(failure.text);
    r->fail_from = back_from_end(r);
    r->expect_from = MAX(r->expect_from, back_from_end(r));
}

static gboolean on_scan(gpointer opaque)
{
    struct runner *r = opaque;

    r->scan_timer = 0;
    scan(r);
    return G_SOURCE_REMOVE;
}

static void on_output(void *opaque, const uint8_t *buf, size_t n)
{
    struct runner *r = opaque;

    console_text_add(&r->text, buf, n);
    r->last_output_us = g_get_monotonic_time();
    if (!r->scan_timer && r->verdict == VERDICT_NONE)
        r->scan_timer = g_timeout_add(SCAN_DELAY_MS, on_scan, r);
}

/* Running time at which the next limit is reached; *is_step: it is that of the current step. */
static int64_t next_limit(const struct runner *r, bool *is_step)
{
    const struct step *step = current_step(r);
    int64_t total = r->limit_us ? r->limit_us : INT64_MAX;
    int64_t own = step && step->limit_us ? step->begin_us + step->limit_us : INT64_MAX;

    *is_step = own < total;
    return MIN(own, total);
}

static void time_out(struct runner *r, bool is_step)
{
    g_autofree char *wait = describe_wait(r);
    int64_t limit = is_step ? current_step(r)->limit_us : r->limit_us;

    decide(r, VERDICT_TIMED_OUT, "waited %.15g s%s for %s", (double)limit / 1e6,
           is_step ? " in this step" : "", wait);
    runner_trace_cpus(r);
    stop_timers(r);
    end_machine(r);
}

static gboolean on_timer(gpointer opaque)
{
    struct runner *r = opaque;
    bool is_step;

    r->timer = 0;
    scan(r);
    if (r->verdict != VERDICT_NONE)
        return G_SOURCE_REMOVE;
    if (r->since_us && runner_now(r) >= next_limit(r, &is_step))
        time_out(r, is_step);
    else
        rearm(r);
    return G_SOURCE_REMOVE;
}

/* Set the timer for the next limit, if there is one and time runs. */
static void rearm(struct runner *r)
{
    bool is_step;
    int64_t limit = next_limit(r, &is_step);

    if (r->timer)
        g_source_remove(r->timer);
    r->timer = 0;
    if (limit == INT64_MAX || !r->since_us || r->verdict != VERDICT_NONE)
        return;
    int64_t left_ms = (MAX(limit - runner_now(r), 0) + 999) / 1000;
    r->timer = g_timeout_add((guint)MIN(left_ms, G_MAXINT), on_timer, r);
}

static void stop_clock(struct runner *r)
{
    r->run_us = runner_now(r);
    r->since_us = 0;
    rearm(r);
}

static void start_clock(struct runner *r)
{
    if (!r->since_us)
        r->since_us = g_get_monotonic_time();
    rearm(r);
}

static void on_reset(struct runner *r)
{
    struct step *step;

    r->resets++;
    scan(r);
    for (guint i = 0; i < r->fails->len && r->verdict == VERDICT_NONE; i++) {
        const struct fail_pattern *p = g_ptr_array_index(r->fails, i);
        if (!p->on_reset)
            continue;
        g_autofree char *wait = describe_wait(r);
        decide(r, VERDICT_FAILED, "the guest reset (-fail @reset) while waiting for %s", wait);
        end_machine(r);
    }
    step = current_step(r);
    if (r->verdict == VERDICT_NONE && step && step->kind == STEP_RESET)
        finish_step(r, step);
}

/* The machine is at its end; data names the reason. */
static void on_shutdown(struct runner *r, const char *data)
{
    struct step *step;

    scan(r);
    if (r->verdict != VERDICT_NONE)
        return;
    if (strstr(data, "\"guest-reset\"")) /* and -no-reboot */
        on_reset(r);
    if (r->verdict != VERDICT_NONE)
        return;
    step = current_step(r);
    g_autofree char *wait = describe_wait(r);
    if (strstr(data, "\"host-"))
        decide(r, VERDICT_ABORTED, "ended from outside while waiting for %s", wait);
    else if (strstr(data, "\"guest-panic\""))
        decide(r, VERDICT_FAILED, "the guest reported a failure, status %d, while waiting for %s",
               r->machine->exit_status, wait);
    else if (strstr(data, "\"guest-reset\""))
        decide(r, VERDICT_FAILED, "the guest reset before %s", wait);
    else if (step && step->kind == STEP_OFF)
        finish_step(r, step);
    else
        decide(r, VERDICT_FAILED, "the guest powered off before %s", wait);
    end_machine(r);
}

static void on_event(void *opaque, const char *name, const char *data, int64_t wall_us UNUSED)
{
    struct runner *r = opaque;

    if (!strcmp(name, "STOP"))
        stop_clock(r);
    else if (!strcmp(name, "RESUME"))
        start_clock(r);
    else if (!strcmp(name, "RESET") && strstr(data, "\"guest-reset\""))
        on_reset(r);
    else if (!strcmp(name, "SHUTDOWN"))
        on_shutdown(r, data);
}

static bool find_chardev(struct runner *r, struct error **errp)
{
    const char *first = r->machine->cfg.serial[0];
    const char *id = r->chardev_id ? r->chardev_id : first;

    r->chardev = id ? chardev_find(id) : NULL;
    if (r->chardev)
        return true;
    if (r->chardev_id && !strcmp(r->chardev_id, "screen")) {
        r->screen = screen_new(errp);
        r->chardev = r->screen ? screen_chardev(r->screen) : NULL;
        if (!r->screen)
            error_prefix(errp, "-expect-on screen");
        return r->screen;
    }
    if (r->chardev_id)
        error_set(errp, "-expect-on %s: there is no such chardev", r->chardev_id);
    else
        error_set(errp, "-expect: this machine has no serial line to watch ('-serial none'?); "
                        "-expect-on ID names another chardev");
    return false;
}

bool runner_attach(struct runner *r, struct machine *m, struct error **errp)
{
    if (!r)
        return true;
    r->machine = m;
    if (!find_chardev(r, errp))
        return false;
    chardev_tap(r->chardev, on_output, r);
    event_watch(on_event, r);
    advance(r);
    if (!m->cfg.start_paused)
        start_clock(r);
    return true;
}

void runner_could_not_start(struct runner *r, const char *why)
{
    if (!r)
        return;
    decide(r, VERDICT_ABORTED, "could not start: %s", why);
    runner_write_results(r);
}

static void print_verdict(struct runner *r)
{
    static const char *const words[] = {
        [VERDICT_PASSED] = "passed",
        [VERDICT_FAILED] = "failed",
        [VERDICT_TIMED_OUT] = "timed out",
        [VERDICT_ABORTED] = "aborted",
    };
    const GString *w = r->text.window;

    if (chardev_is_stdio(r->chardev) && w->len && w->str[w->len - 1] != '\n')
        fputc('\n', stderr);
    log_info("test %s after %.1f s: %s", words[r->verdict], (double)runner_now(r) / 1e6, r->why);
    for (guint i = 0; i < r->traces->len; i++)
        fputs(((const struct vcpu_trace *)g_ptr_array_index(r->traces, i))->text, stderr);
    if (r->verdict == VERDICT_PASSED)
        return;
    g_autofree char *line = console_text_last_line(&r->text);
    log_info(*line ? "last line of the console: %s" : "the console stayed empty%s", line);
}

int runner_end(struct runner *r, int status)
{
    if (!r)
        return status;
    event_unwatch(on_event, r);
    if (r->screen)
        screen_poll(r->screen);
    scan(r);
    decide(r, VERDICT_ABORTED, "the machine ended");
    if (r->verdict == VERDICT_PASSED && status) {
        g_free(r->why);
        r->why = g_strdup_printf("the guest ended with status %d", status);
        r->verdict = VERDICT_FAILED;
    }
    stop_timers(r);
    chardev_tap(r->chardev, NULL, NULL);
    screen_free(r->screen);
    stop_clock(r);
    print_verdict(r);
    bool written = runner_write_results(r);
    switch (r->verdict) {
    case VERDICT_PASSED: return written ? RUNNER_PASSED : RUNNER_FAILED;
    case VERDICT_TIMED_OUT: return RUNNER_TIMED_OUT;
    case VERDICT_NONE:
    case VERDICT_FAILED:
    case VERDICT_ABORTED: break;
    }
    return status && !r->has_expect ? status : RUNNER_FAILED;
}
