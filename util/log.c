/* Logging under -d masks and user-visible messages. */
#include "util/log.h"

#include "util/optparse.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

uint32_t log_mask;

static FILE *log_out; /* NULL: stderr; this and what follows is set once at start-up */
static struct range {
    uint64_t first, last;
} * filter; /* NULL: all code is wanted */
static size_t nfilter;
static bool with_time;
static char *with_name;

static const struct log_item {
    const char *name;
    uint32_t mask;
    const char *help;
} items_table[] = {
    {"out_asm", LOG_OUT_ASM, "show generated host code for each translated unit"},
    {"in_asm", LOG_IN_ASM, "show guest code for each translated unit"},
    {"op", LOG_OP, "show intermediate code for each translated unit"},
    {"op_opt", LOG_OPT, "show intermediate code without what is dead (folding is done in op)"},
    {"int", LOG_INT, "show interrupts and exceptions"},
    {"exec", LOG_EXEC, "show each unit as it is entered (lots of output)"},
    {"cpu", LOG_CPU, "show guest registers before each unit is entered"},
    {"mmu", LOG_MMU, "show page walks, TLB fills and flushes"},
    {"cpu_reset", LOG_CPU_RESET, "show CPU state at each reset"},
    {"unimp", LOG_UNIMP, "show guest use of what is not implemented"},
    {"guest_errors", LOG_GUEST_ERRORS, "show invalid operations by the guest"},
    {"page", LOG_PAGE, "show the memory map at start-up"},
    {"nochain", LOG_NOCHAIN, "do not chain translated units (exec and cpu imply it)"},
    {"stats", LOG_STATS, "show translator statistics at exit"},
};

static FILE *out(void)
{
    return log_out ? log_out : stderr;
}

static bool unknown_item(const char *item, struct error **errp)
{
    const char *names[ARRAY_SIZE(items_table) + 2] = {"all"};

    for (size_t i = 0; i < ARRAY_SIZE(items_table); i++)
        names[i + 1] = items_table[i].name;
    error_set(errp, "unknown log item '%s' for -d", item);
    const char *near = nearest_name(item, names);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-d help' lists them)");
    return false;
}

static bool item_mask(const char *item, uint32_t *mask)
{
    if (!strcmp(item, "all")) {
        for (size_t i = 0; i < ARRAY_SIZE(items_table); i++)
            *mask |= items_table[i].mask & ~LOG_NOCHAIN;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(items_table); i++)
        if (!strcmp(item, items_table[i].name)) {
            *mask |= items_table[i].mask;
            return true;
        }
    return false;
}

bool log_set_masks(const char *items, struct error **errp)
{
    g_auto(GStrv) list = g_strsplit(items, ",", -1);
    uint32_t mask = 0;

    for (char **p = list; *p; p++)
        if (!item_mask(*p, &mask))
            return unknown_item(*p, errp);
    log_mask |= mask;
    return true;
}

/* The path with the first %d replaced by our process id. */
static char *expand_pid(const char *path)
{
    const char *mark = strstr(path, "%d");

    if (!mark)
        return g_strdup(path);
    return g_strdup_printf("%.*s%d%s", (int)(mark - path), path, (int)getpid(), mark + 2);
}

bool log_set_file(const char *path, struct error **errp)
{
    g_autofree char *name = expand_pid(path);
    FILE *f = fopen(name, "we");

    if (!f) {
        error_set(errp, "could not open log file '%s': %s", name, g_strerror(errno));
        return false;
    }
    setvbuf(f, NULL, _IOLBF, 0);
    if (log_out)
        fclose(log_out);
    log_out = f;
    return true;
}

/* One range of -dfilter. */
static bool parse_range(const char *text, struct range *r, struct error **errp)
{
    const char *dots = strstr(text, ".."), *sign = strpbrk(text, "+-");
    const char *mark = dots ? dots : sign;
    g_autofree char *left = mark ? g_strndup(text, (size_t)(mark - text)) : NULL;
    uint64_t a, b;

    if (!mark || !parse_uint(left, UINT64_MAX, &a, NULL) ||
        !parse_uint(dots ? dots + 2 : sign + 1, UINT64_MAX, &b, NULL)) {
        error_set(errp, "'%s': wanted FIRST..LAST, FIRST+LENGTH or LAST-LENGTH", text);
        return false;
    }
    b = dots ? b : MAX(b, 1) - 1; /* a length from here on */
    *r = dots           ? (struct range){a, b}
         : *sign == '+' ? (struct range){a, a > UINT64_MAX - b ? UINT64_MAX : a + b}
                        : (struct range){a < b ? 0 : a - b, a};
    if (r->first <= r->last)
        return true;
    error_set(errp, "'%s': it ends before it begins", text);
    return false;
}

bool log_set_filter(const char *ranges, struct error **errp)
{
    g_auto(GStrv) list = g_strsplit(ranges, ",", -1);

    g_free(filter);
    filter = g_new0(struct range, g_strv_length(list) + 1);
    for (nfilter = 0; list[nfilter]; nfilter++)
        if (!parse_range(list[nfilter], &filter[nfilter], errp))
            return false;
    return true;
}

bool log_wants_code(uint64_t pc, uint64_t len)
{
    uint64_t last = pc + MAX(len, 1) - 1;

    for (size_t i = 0; i < nfilter; i++)
        if (pc <= filter[i].last && last >= filter[i].first)
            return true;
    return !filter;
}

void log_set_message_head(bool timestamp, const char *guest_name)
{
    with_time = timestamp;
    g_free(with_name);
    with_name = g_strdup(guest_name);
}

void log_print_help(FILE *f)
{
    fprintf(f, "Log items (comma separated):\n");
    for (size_t i = 0; i < ARRAY_SIZE(items_table); i++)
        fprintf(f, "%-15s %s\n", items_table[i].name, items_table[i].help);
    fprintf(f, "%-15s %s\n", "all", "all of these but nochain");
}

FILE *log_begin(void)
{
    flockfile(out());
    return out();
}

void log_end(void)
{
    funlockfile(out());
}

/* One write for the whole text: stderr is not buffered and would interleave with other processes.
 */
static void emit(FILE *f, const char *head, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    bool has_end = g_str_has_suffix(text, "\n");
    g_autofree char *line = head ? g_strconcat(head, text, has_end ? "" : "\n", NULL) : NULL;

    fputs(line ? line : text, f);
}

/* What -msg asked for, ending in a blank, or nothing. */
static char *message_head(void)
{
    g_autoptr(GDateTime) now = with_time ? g_date_time_new_now_utc() : NULL;
    g_autofree char *date = now ? g_date_time_format(now, "%Y-%m-%dT%H:%M:%S") : NULL;

    g_autofree char *time =
        now ? g_strdup_printf("%s.%06dZ ", date, g_date_time_get_microsecond(now)) : NULL;

    return g_strconcat(time ? time : "", with_name ? with_name : "", with_name ? " " : "", NULL);
}

static void message(const char *kind, const char *fmt, va_list ap)
{
    g_autofree char *head = message_head();
    g_autofree char *all = g_strconcat(head, "tinamou: ", kind, NULL);

    emit(stderr, all, fmt, ap);
}

void log_printf(uint32_t mask, const char *fmt, ...)
{
    va_list ap;

    if (!log_enabled(mask))
        return;
    va_start(ap, fmt);
    emit(out(), NULL, fmt, ap);
    va_end(ap);
}

void log_guest_error(const char *fmt, ...)
{
    va_list ap;

    if (!log_enabled(LOG_GUEST_ERRORS))
        return;
    va_start(ap, fmt);
    emit(out(), "", fmt, ap);
    va_end(ap);
}

void log_unimp(const char *fmt, ...)
{
    va_list ap;

    if (!log_enabled(LOG_UNIMP))
        return;
    va_start(ap, fmt);
    emit(out(), "", fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    message("warning: ", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    message("", fmt, ap);
    va_end(ap);
}
