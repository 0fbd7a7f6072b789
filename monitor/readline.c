/* Editing one line on a terminal: the usual control keys, history, completion.  Ref: ECMA-48 for
 * the few control sequences; key bindings as in every shell. */
#include "monitor/monitor_priv.h"

#include <string.h>

enum { HISTORY_MAX = 64, CTRL = 0x1f, ESC = 0x1b, DEL = 0x7f };
enum escape { ESC_NONE, ESC_SEEN, ESC_CSI, ESC_SS3 };

struct readline {
    const struct readline_ops *ops;
    void *opaque;
    const char *prompt;
    GString *line, *kept; /* kept: what was being typed before history was shown */
    size_t pos;
    GQueue *history; /* char *, the oldest first */
    int shown;       /* index of the line of history that is shown, or -1 */
    enum escape escape;
    unsigned param; /* of a control sequence */
    bool after_cr, tabbed;
};

struct readline *readline_new(const struct readline_ops *ops, void *opaque, const char *prompt)
{
    struct readline *rl = g_new0(struct readline, 1);

    rl->ops = ops;
    rl->opaque = opaque;
    rl->prompt = prompt;
    rl->line = g_string_new(NULL);
    rl->kept = g_string_new(NULL);
    rl->history = g_queue_new();
    rl->shown = -1;
    return rl;
}

void readline_free(struct readline *rl)
{
    g_queue_free_full(rl->history, g_free);
    g_string_free(rl->line, TRUE);
    g_string_free(rl->kept, TRUE);
    g_free(rl);
}

const GQueue *readline_history(const struct readline *rl)
{
    return rl->history;
}

static void print(struct readline *rl, const char *text)
{
    rl->ops->print(rl->opaque, text, strlen(text));
}

static void move_left(struct readline *rl, size_t n)
{
    char text[32];

    if (!n)
        return;
    g_snprintf(text, sizeof(text), "\033[%zuD", n);
    print(rl, text);
}

static void redraw(struct readline *rl)
{
    print(rl, "\r");
    print(rl, rl->prompt);
    print(rl, rl->line->str);
    print(rl, "\033[K");
    move_left(rl, rl->line->len - rl->pos);
}

void readline_reset(struct readline *rl)
{
    g_string_truncate(rl->line, 0);
    rl->pos = 0;
    rl->shown = -1;
    rl->escape = ESC_NONE;
    rl->tabbed = false;
}

void readline_start(struct readline *rl)
{
    readline_reset(rl);
    print(rl, rl->prompt);
}

static void insert(struct readline *rl, const char *text, size_t n)
{
    if (rl->line->len + n >= MONITOR_LINE_MAX) {
        print(rl, "\a");
        return;
    }
    bool at_end = rl->pos == rl->line->len;
    g_string_insert_len(rl->line, (gssize)rl->pos, text, (gssize)n);
    rl->pos += n;
    if (at_end)
        rl->ops->print(rl->opaque, text, n);
    else
        redraw(rl);
}

static void erase(struct readline *rl, size_t from, size_t to)
{
    if (from >= to)
        return;
    g_string_erase(rl->line, (gssize)from, (gssize)(to - from));
    rl->pos = from;
    redraw(rl);
}

static size_t word_left(const struct readline *rl)
{
    size_t p = rl->pos;

    while (p && rl->line->str[p - 1] == ' ')
        p--;
    while (p && rl->line->str[p - 1] != ' ')
        p--;
    return p;
}

static size_t word_right(const struct readline *rl)
{
    size_t p = rl->pos;

    while (p < rl->line->len && rl->line->str[p] == ' ')
        p++;
    while (p < rl->line->len && rl->line->str[p] != ' ')
        p++;
    return p;
}

static void go(struct readline *rl, size_t pos)
{
    rl->pos = MIN(pos, rl->line->len);
    redraw(rl);
}

static void remember(struct readline *rl)
{
    const char *last = g_queue_peek_tail(rl->history);

    if (!rl->line->len || (last && !strcmp(last, rl->line->str)))
        return;
    g_queue_push_tail(rl->history, g_strdup(rl->line->str));
    if (g_queue_get_length(rl->history) > HISTORY_MAX)
        g_free(g_queue_pop_head(rl->history));
}

static void show_history(struct readline *rl, int step)
{
    int n = (int)g_queue_get_length(rl->history), at = rl->shown < 0 ? n : rl->shown;
    int to = at + step;

    if (to < 0 || to > n)
        return;
    if (at == n)
        g_string_assign(rl->kept, rl->line->str);
    rl->shown = to == n ? -1 : to;
    g_string_assign(rl->line, to == n ? rl->kept->str : g_queue_peek_nth(rl->history, (guint)to));
    go(rl, rl->line->len);
}

/* How many bytes all candidates have in common. */
static size_t common_prefix(GPtrArray *words)
{
    const char *first = g_ptr_array_index(words, 0);
    size_t n = strlen(first);

    for (guint i = 1; i < words->len; i++) {
        const char *w = g_ptr_array_index(words, i);
        size_t k = 0;
        while (k < n && w[k] == first[k])
            k++;
        n = k;
    }
    return n;
}

static void list_candidates(struct readline *rl, GPtrArray *words)
{
    print(rl, "\r\n");
    for (guint i = 0; i < words->len; i++) {
        print(rl, g_ptr_array_index(words, i));
        print(rl, i % 4 == 3 || i + 1 == words->len ? "\r\n" : "  ");
    }
    redraw(rl);
}

/* The first Tab completes as far as it is clear, the second one lists. */
static void complete(struct readline *rl)
{
    g_autofree char *text = g_strndup(rl->line->str, rl->pos);
    size_t word = rl->pos;
    g_autoptr(GPtrArray) words = rl->ops->complete(rl->opaque, text, &word);

    if (!words->len) {
        print(rl, "\a");
        return;
    }
    const char *first = g_ptr_array_index(words, 0);
    size_t have = rl->pos - word, common = common_prefix(words);
    if (common > have)
        insert(rl, first + have, common - have);
    if (words->len == 1)
        insert(rl, " ", 1);
    else if (rl->tabbed && common == have)
        list_candidates(rl, words);
    rl->tabbed = words->len > 1;
}

static void enter(struct readline *rl)
{
    print(rl, "\r\n");
    remember(rl);
    g_autofree char *line = g_strdup(rl->line->str);
    readline_reset(rl);
    rl->ops->line(rl->opaque, line);
}

static void cancel(struct readline *rl)
{
    print(rl, "^C\r\n");
    readline_start(rl);
}

static void delete_here(struct readline *rl)
{
    size_t at = rl->pos;

    if (at < rl->line->len)
        erase(rl, at, at + 1);
}

static void cursor_key(struct readline *rl, char byte)
{
    switch (byte) {
    case 'A': show_history(rl, -1); break;
    case 'B': show_history(rl, 1); break;
    case 'C': go(rl, rl->pos + 1); break;
    case 'D': go(rl, rl->pos ? rl->pos - 1 : 0); break;
    case 'F': go(rl, rl->line->len); break;
    case 'H': go(rl, 0); break;
    default: break;
    }
}

static void tilde_key(struct readline *rl)
{
    switch (rl->param) {
    case 1:
    case 7: go(rl, 0); break;
    case 3: delete_here(rl); break;
    case 4:
    case 8: go(rl, rl->line->len); break;
    default: break;
    }
}

/* Behind ESC, ESC [ or ESC O. */
static void escape_key(struct readline *rl, char byte)
{
    enum escape was = rl->escape;

    rl->escape = ESC_NONE;
    if (was == ESC_SEEN && (byte == '[' || byte == 'O')) {
        rl->escape = byte == '[' ? ESC_CSI : ESC_SS3;
        rl->param = 0;
    } else if (was == ESC_SEEN && byte == 'b') {
        go(rl, word_left(rl));
    } else if (was == ESC_SEEN && byte == 'f') {
        go(rl, word_right(rl));
    } else if (was == ESC_CSI && (g_ascii_isdigit(byte) || byte == ';')) {
        rl->escape = ESC_CSI;
        rl->param = byte == ';' ? 0 : (rl->param * 10 + (unsigned)(byte - '0')) % 1000;
    } else if (was == ESC_CSI && byte == '~') {
        tilde_key(rl);
    } else if (was != ESC_SEEN) {
        cursor_key(rl, byte);
    }
}

static void control_key(struct readline *rl, char byte)
{
    switch (byte) {
    case 'a' & CTRL: go(rl, 0); break;
    case 'b' & CTRL: go(rl, rl->pos ? rl->pos - 1 : 0); break;
    case 'c' & CTRL: cancel(rl); break;
    case 'd' & CTRL: delete_here(rl); break;
    case 'e' & CTRL: go(rl, rl->line->len); break;
    case 'f' & CTRL: go(rl, rl->pos + 1); break;
    case 'h' & CTRL:
    case DEL: erase(rl, rl->pos ? rl->pos - 1 : 0, rl->pos); break;
    case 'k' & CTRL: erase(rl, rl->pos, rl->line->len); break;
    case 'l' & CTRL:
        print(rl, "\033[H\033[2J");
        redraw(rl);
        break;
    case 'n' & CTRL: show_history(rl, 1); break;
    case 'p' & CTRL: show_history(rl, -1); break;
    case 'u' & CTRL: erase(rl, 0, rl->pos); break;
    case 'w' & CTRL: erase(rl, word_left(rl), rl->pos); break;
    case ESC: rl->escape = ESC_SEEN; break;
    default: break;
    }
}

void readline_key(struct readline *rl, char byte)
{
    bool after_cr = rl->after_cr;

    rl->after_cr = byte == '\r';
    if (byte != '\t')
        rl->tabbed = false;
    if (rl->escape != ESC_NONE)
        escape_key(rl, byte);
    else if (byte == '\r' || (byte == '\n' && !after_cr))
        enter(rl);
    else if (byte == '\t')
        complete(rl);
    else if ((unsigned char)byte < ' ' || byte == DEL)
        control_key(rl, byte);
    else
        insert(rl, &byte, 1);
}
