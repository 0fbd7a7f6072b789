/* Host errors, and the spelling help that their messages give. */
#include "util/error.h"

#include "util/log.h"

#include <assert.h>
#include <glib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct error {
    GString *text;
};

enum { MAX_WORD = 63 }; /* longer words get no spelling help */

static struct error *error_new(const char *fmt, va_list ap)
{
    struct error *err = g_new0(struct error, 1);

    err->text = g_string_new(NULL);
    g_string_append_vprintf(err->text, fmt, ap);
    return err;
}

void error_set(struct error **errp, const char *fmt, ...)
{
    va_list ap;

    if (!errp)
        return;
    assert(!*errp);
    va_start(ap, fmt);
    *errp = error_new(fmt, ap);
    va_end(ap);
}

void error_prefix(struct error **errp, const char *fmt, ...)
{
    va_list ap;

    if (!errp || !*errp)
        return;
    va_start(ap, fmt);
    g_autofree char *head = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_string_prepend((*errp)->text, ": ");
    g_string_prepend((*errp)->text, head);
}

void error_append(struct error **errp, const char *fmt, ...)
{
    va_list ap;

    if (!errp || !*errp)
        return;
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->text, fmt, ap);
    va_end(ap);
}

const char *error_text(const struct error *err)
{
    return err->text->str;
}

void error_move(struct error **errp, struct error *take_err)
{
    if (!errp) {
        error_free(take_err);
        return;
    }
    assert(!*errp || !take_err);
    if (take_err)
        *errp = take_err;
}

void error_free(struct error *err)
{
    if (!err)
        return;
    g_string_free(err->text, TRUE);
    g_free(err);
}

void error_report(struct error *take_err)
{
    log_info("%s", error_text(take_err));
    error_free(take_err);
}

static char fold(char c)
{
    return c == '_' ? '-' : g_ascii_tolower(c);
}

/* Restricted Damerau-Levenshtein distance of two words of at most MAX_WORD characters. */
static unsigned word_distance(const char *a, const char *b)
{
    unsigned row[3][MAX_WORD + 1];
    size_t na = strlen(a), nb = strlen(b);

    for (size_t j = 0; j <= nb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *cur = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        cur[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            bool swapped = i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                           fold(a[i - 2]) == fold(b[j - 1]);
            cur[j] = MIN(up[j - 1] + !same, MIN(up[j], cur[j - 1]) + 1);
            if (swapped)
                cur[j] = MIN(cur[j], up2[j - 2] + 1);
        }
    }
    return row[na % 3][nb];
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned limit = len <= 3 ? 1 : len <= 6 ? 2 : 3;

    if (len > MAX_WORD)
        return NULL;
    for (; *names; names++) {
        if (strlen(*names) > MAX_WORD)
            continue;
        unsigned dist = word_distance(word, *names);
        if (dist <= limit) {
            best = *names;
            limit = dist ? dist - 1 : 0;
            if (!dist)
                break;
        }
    }
    return best;
}
