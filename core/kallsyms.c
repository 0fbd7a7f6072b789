/*
 * The names that a Linux kernel carries in itself, found in its memory without any file.
 *
 * The tables are those of the kernel's kallsyms: names in a 256-token code, a marker for each 256th
 * name, the tokens, an index of them, and 32-bit offsets: from a base address, or since Linux 7
 * each from the place where it stands.  The tables' places are nowhere noted; they are recognised
 * by how they fit together.  All of it is the guest's word: every access is bounded, and what does
 * not fit is not used.
 */
#include "core/symbols.h"

#include "core/symbols_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { TOKENS = 256, MARKED = 256, MAX_NAME = 512 };
/* Steps after which memory that only looks right is given up; what is believed of a good one. */
enum { BUDGET = 50 << 20, MAX_SYMBOLS = 1 << 20, MAX_TEXT = 64 << 20 };

struct tables {
    const uint8_t *data;
    size_t len;
    unsigned word;                                          /* bytes of an address, and alignment */
    bool from_place;                                        /* the offsets are from theirs */
    size_t token[TOKENS], tokens, index, markers, nmarkers; /* places in data */
    size_t count, names, nsyms, offsets, base;
    size_t budget;
};

static bool spend(struct tables *t, size_t steps)
{
    t->budget -= MIN(t->budget, steps);
    return t->budget;
}

static uint32_t get32(const struct tables *t, size_t at)
{
    return at + 4 <= t->len ? ld_le32(t->data + at) : 0;
}

/* The strings from start on are the tokens and the index behind them says so. */
static bool try_tokens(struct tables *t, size_t start)
{
    size_t at = start;

    for (unsigned i = 0; i < TOKENS; i++) {
        size_t most = at < t->len ? MIN(t->len - at, (size_t)MAX_NAME) : 0;
        const uint8_t *end = memchr(t->data + at, 0, most);
        if (!end)
            return false;
        t->token[i] = at;
        at = (size_t)(end - t->data) + 1;
    }
    t->tokens = start;
    t->index = align_up(at, t->word);
    for (unsigned i = 0; i < TOKENS; i++)
        if (t->index + 2 * i + 2 > t->len ||
            ld_le16(t->data + t->index + 2 * i) != t->token[i] - start)
            return false;
    return true;
}

/* Digits stand for themselves: look for "0" to "9" in a row, which are tokens 48 to 57. */
static bool find_tokens(struct tables *t)
{
    static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    size_t from = 0;

    for (;;) {
        const uint8_t *hit = memmem(t->data + from, t->len - from, digits, sizeof(digits));
        if (!hit)
            return false;
        size_t at = (size_t)(hit - t->data);
        unsigned left = '0';
        from = at + 1;
        while (at && left) {
            at--; /* on the end of the string before */
            while (at && t->data[at - 1] && spend(t, 1))
                at--;
            left--;
        }
        if (!spend(t, TOKENS))
            return false;
        if (!left && try_tokens(t, at))
            return true;
    }
}

/* Growing numbers from 0 on, up to the tokens. */
static bool find_markers(struct tables *t)
{
    size_t at = t->tokens & ~(size_t)3, last;

    if (at < 8)
        return false;
    at -= 4;
    if (!get32(t, at))
        at -= 4; /* padding */
    last = at;
    while (at >= 4 && get32(t, at) && get32(t, at - 4) < get32(t, at))
        at -= 4;
    t->markers = at;
    t->nmarkers = (last - at) / 4 + 1;
    return !get32(t, at);
}

/* The length of the name at *at, which moves behind its length bytes; 0 when there is none. */
static size_t name_length(const struct tables *t, size_t *at)
{
    size_t n = *at < t->len ? t->data[(*at)++] : 0;

    if (n & 0x80)
        n = (n & 0x7f) | (*at < t->len ? (size_t)t->data[(*at)++] << 7 : 0);
    return n;
}

/* As many names from here on as there should be, and the markers agree. */
static bool try_names(struct tables *t, size_t names, size_t nsyms)
{
    size_t at = names;

    for (size_t i = 0; i < nsyms; i++) {
        if (i % MARKED == 0 && get32(t, t->markers + i / MARKED * 4) != at - names)
            return false;
        size_t n = name_length(t, &at);
        if (!n || n > MAX_NAME || at > t->markers || n > t->markers - at || !spend(t, 1))
            return false;
        at += n;
    }
    return t->markers - at < t->word;
}

/* Their number lies before the names, which end before the markers. */
static bool find_names(struct tables *t)
{
    enum { MAX_TAIL = MARKED * 128 }; /* bytes that the names behind the last marker may have */
    size_t most = get32(t, t->markers + (t->nmarkers - 1) * 4) + MAX_TAIL;
    size_t low = most < t->markers ? t->markers - most : 0;

    for (size_t at = align_down(t->markers - 1, t->word); at > low && at >= t->word && spend(t, 1);
         at -= t->word) {
        size_t n = get32(t, at - t->word);
        if (n <= (t->nmarkers - 1) * MARKED || n > t->nmarkers * MARKED || n > MAX_SYMBOLS ||
            !try_names(t, at, n))
            continue;
        t->count = at - t->word;
        t->names = at;
        t->nsyms = n;
        return true;
    }
    return false;
}

static uint32_t offset_of(const struct tables *t, size_t at, size_t i)
{
    return get32(t, at + 4 * i) + (t->from_place ? (uint32_t)(at + 4 * i) : 0);
}

static bool try_offsets(struct tables *t, size_t at)
{
    if (at > t->len || t->nsyms > (t->len - at) / 4)
        return false;
    for (size_t i = 1; i < t->nsyms; i++)
        if (offset_of(t, at, i) < offset_of(t, at, i - 1))
            return false;
    t->offsets = at;
    return true;
}

/* Behind the index in newer kernels, before the count in older ones. */
static bool find_offsets(struct tables *t)
{
    size_t size = align_up(t->nsyms * 4, t->word), after = align_up(t->index + 2 * TOKENS, t->word);

    if (t->from_place)
        return try_offsets(t, after);
    t->base = after + size;
    if (try_offsets(t, after) && t->base + t->word <= t->len)
        return true;
    if (t->count < size + t->word)
        return false;
    t->base = t->count - t->word;
    return try_offsets(t, t->base - size);
}

static void add_names(struct symbols *s, const struct tables *t)
{
    uint64_t base = t->from_place  ? SYMBOLS_IMAGE_BASE
                    : t->word == 8 ? ld_le64(t->data + t->base)
                                   : get32(t, t->base);
    g_autoptr(GString) name = g_string_new(NULL);
    size_t at = t->names, text = 0;

    for (size_t i = 0; i < t->nsyms && text < MAX_TEXT; i++) {
        size_t n = name_length(t, &at);
        g_string_truncate(name, 0);
        for (size_t k = 0; k < n && name->len < MAX_NAME; k++)
            g_string_append(name, (const char *)t->data + t->token[t->data[at + k]]);
        at += n;
        text += name->len;
        if (name->len > 1)
            symbols_add_typed(s, base + offset_of(t, t->offsets, i), name->str[0], name->str + 1);
    }
}

bool symbols_add_kallsyms(struct symbols *s, const uint8_t *data, size_t len)
{
    static const struct tables forms[] = {
        {.word = 8}, {.word = 4}, {.word = 4, .from_place = true}};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        struct tables t = forms[i];
        t.data = data;
        t.len = len;
        t.budget = BUDGET;
        if (!find_tokens(&t) || !find_markers(&t) || !find_names(&t) || !find_offsets(&t))
            continue;
        add_names(s, &t);
        return true;
    }
    return false;
}
