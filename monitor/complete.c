/* Completion of HMP lines: command names, then what each argument's row offers. */
#include "monitor/monitor_priv.h"

#include <string.h>

struct search {
    GPtrArray *found; /* char *, sorted at the end */
    const char *prefix;
    size_t skip; /* bytes of a name before the word that is completed */
};

static void add_word(void *opaque, const char *word)
{
    struct search *s = opaque;

    if (g_str_has_prefix(word, s->prefix) &&
        !g_ptr_array_find_with_equal_func(s->found, word, g_str_equal, NULL))
        g_ptr_array_add(s->found, g_strdup(word));
}

static void add_command(const struct monitor_command *cmd, void *opaque)
{
    struct search *s = opaque;

    if (!cmd->hmp || !g_str_has_prefix(cmd->hmp, s->prefix))
        return;
    g_autofree char *word = g_strdup(cmd->hmp + s->skip);
    word[strcspn(word, " ")] = '\0';
    if (!g_ptr_array_find_with_equal_func(s->found, word, g_str_equal, NULL))
        g_ptr_array_add(s->found, g_steal_pointer(&word));
}

static gint compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words of the line before the one that is completed, not counting flags. */
static unsigned count_words(const char *text, size_t end)
{
    unsigned n = 0;

    for (size_t i = 0; i < end;) {
        i += strspn(text + i, " ");
        if (i < end && text[i] != '-' && text[i] != '/')
            n++;
        i += strcspn(text + i, " ");
    }
    return n;
}

static void add_choices(struct search *s, const char *type)
{
    g_auto(GStrv) words = g_strsplit(type, "|", -1);

    for (char **w = words; *w; w++)
        add_word(s, *w);
}

static void add_values(struct search *s, struct machine *m, const struct mon_arg *a)
{
    if (a->complete)
        a->complete(m, add_word, s);
    else if (a->kind == MON_CHOICE)
        add_choices(s, a->type);
    else if (a->kind == MON_BOOL)
        add_choices(s, "on|off");
}

static void complete_argument(struct search *s, struct machine *m, const char *text, size_t word)
{
    const char *rest;
    g_autofree char *head = g_strndup(text, word);
    const struct monitor_command *cmd = hmp_lookup(head, &rest, NULL);
    unsigned n, at = 0;

    if (!cmd)
        return;
    n = count_words(rest, strlen(rest));
    for (const struct mon_arg *a = cmd->args; a && a->name; a++) {
        if (a->flag || a->kind == MON_FORMAT)
            continue;
        if (at++ == n)
            add_values(s, m, a);
    }
}

GPtrArray *hmp_complete(struct machine *m, const char *text, size_t *word)
{
    size_t n = strlen(text), lead = strspn(text, " ");
    struct search s = {.found = g_ptr_array_new_with_free_func(g_free)};
    const char *blank = strrchr(text, ' ');

    *word = blank ? (size_t)(blank + 1 - text) : 0;
    s.prefix = text + *word;
    complete_argument(&s, m, text, *word);
    /* "help" and "info" are followed by names, too. */
    const char *from = text + lead;
    if (g_str_has_prefix(from, "help "))
        from += strlen("help ") + strspn(from + strlen("help "), " ");
    if (from <= text + n) {
        s.prefix = from;
        s.skip = *word > (size_t)(from - text) ? *word - (size_t)(from - text) : 0;
        monitor_foreach(add_command, &s);
    }
    g_ptr_array_sort(s.found, compare);
    return s.found;
}
