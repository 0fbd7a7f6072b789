/* RAM in rounds: everything first, then what was written meanwhile. */
#include "snapshot/ram.h"

#include "util/bits.h"

#include <string.h>

/* A stream's section has a head of two words and one of eight bytes a page before the data. */
enum { HEAD_ROOM = 8 + 8 * SNAP_PAGES_MAX };

static void init_copy(struct ram_copy *c, struct ram_block *ram)
{
    uint64_t pages = ram_pages(ram);

    c->ram = ram;
    c->todo = g_new0(uint64_t, pages / 64 + 1);
    c->seen = g_new0(bool, pages);
}

struct ram_save *ram_save_new(struct machine *m)
{
    struct ram_save *s = g_new0(struct ram_save, 1);
    unsigned i = 0;

    s->m = m;
    for (const struct ram_block *ram = m->rams; ram; ram = ram->next)
        s->n++;
    s->blocks = g_new0(struct ram_copy, s->n);
    for (struct ram_block *ram = m->rams; ram; ram = ram->next) {
        init_copy(&s->blocks[i++], ram);
        s->total += ram->size;
    }
    s->buffer = g_malloc(HEAD_ROOM + SNAP_PAGES_MAX * RAM_PAGE_SIZE);
    s->batch.data = s->buffer + HEAD_ROOM;
    return s;
}

void ram_save_free(struct ram_save *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->n; i++) {
        g_free(s->blocks[i].todo);
        g_free(s->blocks[i].seen);
    }
    g_free(s->blocks);
    g_free(s->buffer);
    g_free(s);
}

static void mark_all(struct ram_copy *c)
{
    uint64_t pages = ram_pages(c->ram);

    for (uint64_t w = 0; w < pages / 64; w++)
        c->todo[w] = UINT64_MAX;
    if (pages % 64)
        c->todo[pages / 64] = MASK64(0, pages % 64);
    c->left = pages;
}

static void count_left(struct ram_copy *c)
{
    c->left = 0;
    for (uint64_t w = 0; w <= ram_pages(c->ram) / 64; w++)
        c->left += (unsigned)__builtin_popcountll(c->todo[w]);
}

void ram_save_collect(struct ram_save *s)
{
    bool first = s->rounds++ == 0;

    for (unsigned i = 0; i < s->n; i++) {
        struct ram_copy *c = &s->blocks[i];
        ram_take_dirty(c->ram, c->todo);
        if (first)
            mark_all(c);
        else
            count_left(c);
        c->at = 0;
    }
    if (s->m->accel->protect_ram)
        s->m->accel->protect_ram(s->m);
}

uint64_t ram_save_left(const struct ram_save *s)
{
    uint64_t left = 0;

    for (unsigned i = 0; i < s->n; i++)
        left += s->blocks[i].left;
    return left;
}

int ram_fill_byte(const uint8_t *p, uint64_t n)
{
    uint64_t word = ld_le64(p);

    if (word != (word & 0xff) * UINT64_C(0x0101010101010101))
        return RAM_NO_FILL;
    for (uint64_t i = 0; i < n; i += 64) {
        uint64_t differs = 0;
        for (unsigned j = 0; j < 64; j += 8)
            differs |= ld_le64(p + i + j) ^ word;
        if (differs)
            return RAM_NO_FILL;
    }
    return (int)(word & 0xff);
}

/* A store that races with this makes the page dirty again.  Nothing is said of a page that is zero
 * and was never sent: it is zero at the other end. */
static void add_page(struct ram_batch *b, struct ram_copy *c, uint64_t page)
{
    const uint8_t *host = c->ram->host + page * RAM_PAGE_SIZE;
    int fill = ram_fill_byte(host, RAM_PAGE_SIZE);

    if (fill == 0 && !c->seen[page])
        return;
    if (fill == RAM_NO_FILL)
        memcpy(b->data + (size_t)(b->n - b->nfill) * RAM_PAGE_SIZE, host, RAM_PAGE_SIZE);
    c->seen[page] = true;
    b->page[b->n] = page;
    b->fill[b->n++] = (int16_t)fill;
    b->nfill += fill != RAM_NO_FILL;
}

/* A stretch of zero pages takes time, too: a batch looks at so many pages at most. */
static unsigned fill_batch(struct ram_batch *b, struct ram_copy *c)
{
    enum { MAX_LOOKED_AT = 16 * SNAP_PAGES_MAX };
    unsigned looked_at = 0;

    b->n = b->nfill = 0;
    for (uint64_t w = c->at; w <= ram_pages(c->ram) / 64; c->at = ++w)
        while (c->todo[w]) {
            if (b->n == SNAP_PAGES_MAX || looked_at == MAX_LOOKED_AT)
                return looked_at;
            unsigned bit = (unsigned)__builtin_ctzll(c->todo[w]);
            c->todo[w] &= c->todo[w] - 1;
            c->left--;
            looked_at++;
            add_page(b, c, w * 64 + bit);
        }
    return looked_at;
}

bool ram_save_step(struct ram_save *s, struct ram_sink *sink, bool *more, struct error **errp)
{
    struct ram_batch *b = &s->batch;
    unsigned i = 0;

    while (i < s->n && !s->blocks[i].left)
        i++;
    *more = i < s->n;
    if (!*more)
        return true;
    b->block = i;
    b->ram = s->blocks[i].ram;
    unsigned looked_at = fill_batch(b, &s->blocks[i]);
    s->fill += looked_at - (b->n - b->nfill);
    s->normal += b->n - b->nfill;
    return b->n == 0 || sink->pages(sink, b, errp);
}

/* ---- as sections ---- */

/* Bit 0: all bytes are the one in bits 1 to 8. */
static uint64_t page_entry(uint64_t page, int fill)
{
    return page << 9 | (fill == RAM_NO_FILL ? 0 : (uint64_t)fill << 1 | 1);
}

static bool stream_pages(struct ram_sink *sink, const struct ram_batch *b, struct error **errp)
{
    struct snap_io *io = ((struct ram_stream_sink *)sink)->io;
    size_t head = 8 + 8 * (size_t)b->n;
    uint8_t *start = b->data - head;

    st_le32(start, b->block);
    st_le32(start + 4, b->n);
    for (unsigned i = 0; i < b->n; i++)
        st_le64(start + 8 + 8 * (size_t)i, page_entry(b->page[i], b->fill[i]));
    return snap_write_section(io, SNAP_RAM_PAGES, start,
                              head + (size_t)(b->n - b->nfill) * RAM_PAGE_SIZE, errp);
}

void ram_stream_sink_init(struct ram_stream_sink *s, struct snap_io *io)
{
    *s = (struct ram_stream_sink){{stream_pages}, io};
}
