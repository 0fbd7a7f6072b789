/* Which parts of a disk have changed since they were copied: one bit for each chunk of it. */
#include "block/dirty.h"

#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { WORD = 64 };
static const uint64_t MAX_CHUNKS = UINT64_C(1) << 27; /* 16 MiB of bits */

uint64_t dirty_granularity(uint64_t size, uint64_t wanted)
{
    uint64_t g = wanted;

    while (size / g >= MAX_CHUNKS)
        g *= 2;
    return g;
}

bool dirty_init(struct dirty *d, uint64_t size, uint64_t granularity)
{
    *d = (struct dirty){.size = size, .granularity = dirty_granularity(size, granularity)};
    d->chunks = size / d->granularity + 1;
    d->bits = g_try_malloc0_n(d->chunks / WORD + 1, sizeof(*d->bits));
    mutex_init(&d->lock);
    return d->bits;
}

void dirty_fini(struct dirty *d)
{
    mutex_fini(&d->lock);
    g_free(d->bits);
}

static bool is_set(const struct dirty *d, uint64_t i)
{
    return d->bits[i / WORD] >> (i % WORD) & 1;
}

bool dirty_set(struct dirty *d, uint64_t off, uint64_t bytes)
{
    uint64_t end = off >= d->size ? off : off + MIN(bytes, d->size - off);

    if (off >= end)
        return false;
    mutex_lock(&d->lock);
    bool was_clean = !d->count;
    for (uint64_t i = off / d->granularity; i <= (end - 1) / d->granularity; i++) {
        d->count += !is_set(d, i);
        d->bits[i / WORD] |= BIT64(i % WORD);
    }
    mutex_unlock(&d->lock);
    return was_clean;
}

/* The first dirty chunk from i on, d->chunks when there is none. */
static uint64_t find(const struct dirty *d, uint64_t i)
{
    while (i < d->chunks && !is_set(d, i))
        i = d->bits[i / WORD] >> (i % WORD) ? i + 1 : (i / WORD + 1) * WORD;
    return MIN(i, d->chunks);
}

bool dirty_take(struct dirty *d, uint64_t max, uint64_t *off, uint64_t *bytes)
{
    uint64_t first, i, most = MAX(max / d->granularity, 1);

    mutex_lock(&d->lock);
    first = find(d, d->cursor);
    if (first == d->chunks)
        first = find(d, 0);
    for (i = first; i < d->chunks && i - first < most && is_set(d, i); i++) {
        d->bits[i / WORD] &= ~BIT64(i % WORD);
        d->count--;
    }
    d->cursor = i;
    mutex_unlock(&d->lock);
    *off = first * d->granularity;
    *bytes = i == first ? 0 : MIN((i - first) * d->granularity, d->size - *off);
    return i != first;
}

bool dirty_take_at(struct dirty *d, uint64_t off)
{
    uint64_t i = off / d->granularity;

    mutex_lock(&d->lock);
    bool was = is_set(d, i);
    if (was) {
        d->bits[i / WORD] &= ~BIT64(i % WORD);
        d->count--;
    }
    mutex_unlock(&d->lock);
    return was;
}

uint64_t dirty_bytes(struct dirty *d)
{
    mutex_lock(&d->lock);
    uint64_t n = d->count * d->granularity;
    mutex_unlock(&d->lock);
    return MIN(n, d->size);
}

void dirty_clear(struct dirty *d)
{
    mutex_lock(&d->lock);
    memset(d->bits, 0, (d->chunks / WORD + 1) * sizeof(*d->bits));
    d->count = 0;
    mutex_unlock(&d->lock);
}

/* The first chunk from i on that is as `set` says, `end` when there is none before that. */
static uint64_t find_either(const struct dirty *d, uint64_t i, uint64_t end, bool set)
{
    while (i < end && is_set(d, i) != set) {
        uint64_t rest = (set ? d->bits[i / WORD] : ~d->bits[i / WORD]) >> (i % WORD);
        i = rest ? i + 1 : (i / WORD + 1) * WORD;
    }
    return MIN(i, end);
}

bool dirty_run(struct dirty *d, uint64_t off, uint64_t max, uint64_t *bytes)
{
    uint64_t first = off / d->granularity, end = (d->size + d->granularity - 1) / d->granularity;

    *bytes = max;
    if (off >= d->size)
        return false;
    mutex_lock(&d->lock);
    bool set = is_set(d, first);
    uint64_t stop = find_either(d, first, end, !set);
    mutex_unlock(&d->lock);
    uint64_t stop_at = stop >= end ? d->size : stop * d->granularity;
    *bytes = MIN(max, stop_at - off);
    return set;
}

/* Run by run, which are few. */
void dirty_merge(struct dirty *to, struct dirty *from)
{
    uint64_t n;

    for (uint64_t off = 0; off < from->size; off += n)
        if (dirty_run(from, off, UINT64_MAX, &n))
            dirty_set(to, off, n);
}

void dirty_store(struct dirty *d, uint64_t first, void *out, size_t n)
{
    size_t have = (d->chunks / WORD + 1) * sizeof(*d->bits);
    size_t some = first < have ? MIN(n, have - first) : 0;

    mutex_lock(&d->lock);
    if (some) /* hosts are little-endian: words lie as bytes do */
        memcpy(out, (const uint8_t *)d->bits + first, some);
    mutex_unlock(&d->lock);
    memset((uint8_t *)out + some, 0, n - some);
}

void dirty_load(struct dirty *d, uint64_t first, const void *in, size_t n)
{
    const uint8_t *p = in;
    uint64_t end = (d->size + d->granularity - 1) / d->granularity;

    mutex_lock(&d->lock);
    for (size_t k = 0; k < n; k++)
        for (unsigned bit = 0; p[k] >> bit; bit++) {
            uint64_t i = (first + k) * 8 + bit;
            if (!(p[k] >> bit & 1) || i >= end || is_set(d, i))
                continue;
            d->bits[i / WORD] |= BIT64(i % WORD);
            d->count++;
        }
    mutex_unlock(&d->lock);
}
