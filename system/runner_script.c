/* The test runner's script: what the options say, checked and compiled. */
#include "system/runner_priv.h"

#include <math.h>
#include <string.h>

/* Sets of patterns for -fail, by name.  The texts are what the programs print. */
static const struct preset {
    const char *name, *help, *regex;
} presets[] = {
    {"@linux", "a kernel's panic, oops, BUG, lockup, stall or lost root file system",
     "Kernel panic - not syncing|Oops(?: - |: | \\[#)|\\bBUG: |kernel BUG at |Kernel BUG \\[#"
     "|Unable to handle kernel |Internal error: .*\\[#\\d+\\]|(?:soft|hard) lockup"
     "|rcu_\\w+ (?:self-)?detected (?:expedited )?stall|blocked for more than \\d+ seconds"
     "|VFS: Unable to mount root fs"},
    {"@systemd", "emergency or rescue mode, a frozen service manager, no local file systems",
     "You are in (?:emergency|rescue) mode|Freezing execution"
     "|Dependency failed for .*(?:Local File Systems|local-fs\\.target)"},
    {"@sanitizer", "a report of KASAN, KCSAN, KMSAN, UBSAN, KFENCE, or of a user-space sanitizer",
     "BUG: K(?:ASAN|CSAN|MSAN|FENCE)|UBSAN: |ERROR: (?:Address|Leak|Memory)Sanitizer"
     "|WARNING: (?:Memory|Thread)Sanitizer|: runtime error: "},
    {"@firmware", "OpenSBI's or U-Boot's last words",
     "sbi_trap_error: |### ERROR ### Please RESET|\"Synchronous Abort\" handler"
     "|Unhandled exception: "},
    {"@rust", "a panic of a Rust program", "panicked at "},
    {"@zephyr", "a fatal error or failed assertion of Zephyr",
     ">>> ZEPHYR FATAL ERROR|ASSERTION FAIL"},
};

void runner_print_help(FILE *f)
{
    fputs("-expect and -fail take a regular expression (PCRE), or one of these names.\n"
          "Of both:\n  @reset       the guest resets\n"
          "Of -expect:\n  @off         the guest powers off\n"
          "Of -fail:\n",
          f);
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
        fprintf(f, "  %-12s %s\n", presets[i].name, presets[i].help);
}

static GRegex *compile(const char *text, struct error **errp)
{
    GError *err = NULL;
    GRegex *regex = NULL;

    if (*text)
        regex = g_regex_new(
            text, G_REGEX_MULTILINE | G_REGEX_RAW | G_REGEX_OPTIMIZE | G_REGEX_NEWLINE_LF, 0, &err);
    if (regex)
        return regex;
    const char *place = err ? strstr(err->message, " at char ") : NULL; /* the rest repeats it */
    error_set(errp, "bad regular expression%s",
              place ? place
              : err ? err->message
                    : ": it is empty");
    g_clear_error(&err);
    return NULL;
}

static bool unknown_name(const char *text, const char *const *names, struct error **errp)
{
    const char *near = nearest_name(text, names);

    error_set(errp, "there is no such name");
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, "; 'help' lists them (a pattern that begins with @ is written \\@)");
    return false;
}

void runner_free_step(void *opaque)
{
    struct step *step = opaque;

    if (step->regex)
        g_regex_unref(step->regex);
    if (step->send)
        g_byte_array_unref(step->send);
    g_free(step->text);
    g_free(step->matched);
    g_free(step);
}

void runner_free_fail(void *opaque)
{
    struct fail_pattern *f = opaque;

    if (f->regex)
        g_regex_unref(f->regex);
    g_free(f->text);
    g_free(f);
}

struct step *runner_add_step(struct runner *r, enum step_kind kind, const char *text)
{
    struct step *step = g_new0(struct step, 1);

    step->kind = kind;
    step->text = g_strdup(text);
    step->limit_us = kind == STEP_SEND ? 0 : r->step_limit_us;
    g_ptr_array_add(r->steps, step);
    return step;
}

bool runner_add_expect(struct runner *r, const char *text, struct error **errp)
{
    static const char *const names[] = {"@off", "@reset", NULL};
    GRegex *regex = NULL;
    enum step_kind kind = STEP_EXPECT;

    if (!strcmp(text, names[0]))
        kind = STEP_OFF;
    else if (!strcmp(text, names[1]))
        kind = STEP_RESET;
    else if (*text == '@')
        return unknown_name(text, names, errp);
    else if (!(regex = compile(text, errp)))
        return false;
    runner_add_step(r, kind, text)->regex = regex;
    r->has_expect = true;
    return true;
}

static const char *find_preset(const char *name, struct error **errp)
{
    const char *names[G_N_ELEMENTS(presets) + 2] = {"@reset"};

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        if (!strcmp(name, presets[i].name))
            return presets[i].regex;
        names[i + 1] = presets[i].name;
    }
    unknown_name(name, names, errp);
    return NULL;
}

bool runner_add_fail(struct runner *r, const char *text, struct error **errp)
{
    bool on_reset = !strcmp(text, "@reset");
    const char *pattern = *text == '@' && !on_reset ? find_preset(text, errp) : text;
    GRegex *regex = pattern && !on_reset ? compile(pattern, errp) : NULL;

    if (!regex && !on_reset)
        return false;
    struct fail_pattern *f = g_new(struct fail_pattern, 1);
    *f = (struct fail_pattern){.text = g_strdup(text), .regex = regex, .on_reset = on_reset};
    g_ptr_array_add(r->fails, f);
    return true;
}

/* The byte that an escape stands for; *p is behind the backslash and moves on.  -1: none. */
static int unescape(const char **p)
{
    static const char letters[] = "abefnrtv\\\"'?", bytes[] = "\a\b\033\f\n\r\t\v\\\"'?";
    const char *found = **p ? strchr(letters, **p) : NULL;
    int value = 0, digits = 0;

    if (found) {
        ++*p;
        return bytes[found - letters];
    }
    if (**p == 'x') {
        for (++*p; digits < 2 && g_ascii_isxdigit(**p); digits++, ++*p)
            value = value * 16 + g_ascii_xdigit_value(**p);
        return digits ? value : -1;
    }
    for (; digits < 3 && **p >= '0' && **p <= '7'; digits++, ++*p)
        value = value * 8 + **p - '0';
    return digits && value < 256 ? value : -1;
}

bool runner_add_send(struct runner *r, const char *text, struct error **errp)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    for (const char *p = text; *p;) {
        const char *from = p;
        int value = (uint8_t)*p++;
        if (value == '\\')
            value = unescape(&p);
        if (value < 0) {
            error_set(errp,
                      "unknown escape '%.2s'; wanted one of C: \\n \\r \\t \\e \\xHH \\OOO \\\\",
                      from);
            return false;
        }
        uint8_t byte = (uint8_t)value;
        g_byte_array_append(bytes, &byte, 1);
    }
    if (!bytes->len) {
        error_set(errp, "wanted text to send");
        return false;
    }
    runner_add_step(r, STEP_SEND, text)->send = g_steal_pointer(&bytes);
    return true;
}

/* Seconds, or a number with s, m or h behind it, to microseconds. */
static bool parse_time(const char *text, int64_t *us, struct error **errp)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}};
    char *end;
    double value = g_ascii_strtod(text, &end);

    for (size_t i = 0; end != text && i < G_N_ELEMENTS(units); i++) {
        double seconds = value * units[i].seconds;
        if (strcmp(end, units[i].name) || !isfinite(value) || seconds < 0.001 || seconds > 1e9)
            continue;
        *us = (int64_t)(seconds * 1e6);
        return true;
    }
    error_set(errp,
              "wanted a time above 0 in seconds, or with a unit, as in 90, 1.5, 250ms, 10m, 1h");
    return false;
}

bool runner_set_timeout(struct runner *r, const char *text, struct error **errp)
{
    return parse_time(text, &r->limit_us, errp);
}

bool runner_set_step_timeout(struct runner *r, const char *text, struct error **errp)
{
    return parse_time(text, &r->step_limit_us, errp);
}

bool runner_add_result(struct runner *r, const char *path, struct error **errp)
{
    if (!runner_check_result(path, errp))
        return false;
    g_ptr_array_add(r->results, g_canonicalize_filename(path, NULL));
    return true;
}

bool runner_add_symbols(struct runner *r, const char *path, struct error **errp)
{
    if (!r->symbols)
        r->symbols = symbols_new();
    return symbols_add(r->symbols, path, errp);
}

void runner_set_chardev(struct runner *r, const char *id)
{
    g_free(r->chardev_id);
    r->chardev_id = g_strdup(id);
}

static bool has_limit(const struct runner *r)
{
    bool has = r->limit_us;

    for (guint i = 0; i < r->steps->len; i++)
        has |= ((const struct step *)g_ptr_array_index(r->steps, i))->limit_us != 0;
    return has;
}

bool runner_check(struct runner *r, bool daemonize, struct error **errp)
{
    if (!r)
        return true;
    if (daemonize) {
        error_set(errp, "-daemonize: nobody would see the exit status of -expect and -timeout");
        return false;
    }
    guint n = r->steps->len;
    const struct step *last = n ? g_ptr_array_index(r->steps, n - 1) : NULL;
    if (last && last->kind == STEP_SEND) {
        error_set(errp,
                  "-send %s: wanted an -expect after it ('-expect @off' waits for the guest to "
                  "power off)",
                  last->text);
        return false;
    }
    for (guint i = 0; i + 1 < n; i++)
        if (((struct step *)g_ptr_array_index(r->steps, i))->kind == STEP_OFF) {
            error_set(errp, "-expect @off: nothing can come after it, found a further step");
            return false;
        }
    if (!r->has_expect)
        runner_add_step(r, STEP_OFF, "@off");
    if (r->symbols && !has_limit(r)) {
        error_set(errp, "-symbols: is for the backtraces of a timeout, wanted -timeout as well");
        return false;
    }
    return true;
}
