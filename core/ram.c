/* Host memory that backs guest RAM and ROM, with one note byte a page. */
#include "core/ram.h"

#include "core/memory.h"
#include "util/bits.h"
#include "util/host_mem.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

static const uint64_t MAX_RAM = UINT64_C(1) << 46; /* what fits in half of a host's address space */

static uint64_t npages(uint64_t size)
{
    return size >> RAM_PAGE_BITS;
}

static bool map_ram(struct ram_block *ram, struct error **errp)
{
    ram->notes = host_ram_map(align_up(npages(ram->size), host_page_size()), NULL, errp);
    if (!ram->notes)
        return false;
    ram->host = host_ram_map(ram->size, NULL, errp);
    return ram->host;
}

struct ram_block *ram_new(const char *name, uint64_t size, struct error **errp)
{
    uint64_t unit = MAX((uint64_t)RAM_PAGE_SIZE, host_page_size());

    if (!size || size > MAX_RAM) {
        error_set(errp, "memory block '%s' cannot have %" G_GUINT64_FORMAT " bytes", name, size);
        return NULL;
    }
    struct ram_block *ram = g_new0(struct ram_block, 1);
    ram->name = g_strdup(name);
    ram->size = align_up(size, unit);
    ram->fd = -1;
    if (map_ram(ram, errp))
        return ram;
    error_prefix(errp, "memory block '%s'", name);
    ram_free(ram);
    return NULL;
}

void ram_free(struct ram_block *ram)
{
    if (!ram)
        return;
    if (ram->notes)
        host_ram_unmap(ram->notes, align_up(npages(ram->size), host_page_size()), -1);
    if (ram->host)
        host_ram_unmap(ram->host, ram->size, ram->fd);
    if (ram->source)
        ram->source->end(ram->source);
    g_free(ram->name);
    g_free(ram);
}

static void tell_listeners(struct ram_block *ram, uint64_t off, uint64_t len)
{
    struct memory_listener *l = ram->as ? ram->as->listeners : NULL;

    for (; l; l = l->next)
        if (l->code_written)
            l->code_written(l, ram, off, len);
}

/*
 * The fence orders the caller's stores before the look at the notes.  It pairs with the
 * accelerator, which sets RAM_PAGE_CODE, fences, and only then reads the bytes that it translates:
 * one of the two sees the other.
 */
void ram_written(struct ram_block *ram, uint64_t off, uint64_t len)
{
    if (!len || off >= ram->size || len > ram->size - off)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    for (uint64_t at = off, end = off + len; at < end;) {
        _Atomic uint8_t *note = (_Atomic uint8_t *)&ram->notes[at >> RAM_PAGE_BITS];
        uint64_t next = MIN(end, align_down(at, RAM_PAGE_SIZE) + RAM_PAGE_SIZE);
        uint8_t v = atomic_load_explicit(note, memory_order_relaxed);
        if (!(v & RAM_PAGE_DIRTY))
            atomic_fetch_or_explicit(note, RAM_PAGE_DIRTY, memory_order_release);
        if (v & RAM_PAGE_CODE)
            tell_listeners(ram, at, next - at);
        at = next;
    }
}

uint64_t ram_pages(const struct ram_block *ram)
{
    return npages(ram->size);
}

static uint64_t take_group(uint8_t *notes, uint64_t n, uint64_t *word)
{
    uint64_t taken = 0;

    for (uint64_t i = 0; i < n; i++) {
        _Atomic uint8_t *note = (_Atomic uint8_t *)&notes[i];
        if (!(atomic_load_explicit(note, memory_order_relaxed) & RAM_PAGE_DIRTY))
            continue;
        /* Pairs with ram_written(): what was stored before the note was set is read after this. */
        atomic_fetch_and_explicit(note, (uint8_t)~RAM_PAGE_DIRTY, memory_order_seq_cst);
        *word |= UINT64_C(1) << i;
        taken++;
    }
    return taken;
}

uint64_t ram_take_dirty(struct ram_block *ram, uint64_t *map)
{
    uint64_t total = npages(ram->size), taken = 0;

    for (uint64_t page = 0; page < total; page += 64)
        taken += take_group(ram->notes + page, MIN(64, total - page), &map[page / 64]);
    return taken;
}

/* Moving the mapping costs no copy; memory that others share stays where it is. */
static void adopt_piece(struct ram_block *ram, uint8_t *shadow, uint64_t off, uint64_t size)
{
    void *at = MAP_FAILED;

    if (size == 0)
        return;
    if (ram->fd < 0)
        at = mremap(shadow + off, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ram->host + off);
    if (at != MAP_FAILED)
        return;
    memcpy(ram->host + off, shadow + off, size);
    munmap(shadow + off, size);
}

/* What is mapped differently cannot be moved at once. */
static void adopt_pieces(struct ram_block *ram, uint8_t *shadow, const struct ram_source *s)
{
    uint64_t at = 0;

    for (unsigned i = 0; s && i < s->n; i++) {
        adopt_piece(ram, shadow, at, s->piece[i].off - at);
        adopt_piece(ram, shadow, s->piece[i].off, s->piece[i].size);
        at = s->piece[i].off + s->piece[i].size;
    }
    adopt_piece(ram, shadow, at, ram->size - at);
}

static void end_source(struct ram_block *ram)
{
    struct ram_source *s = ram->source;

    ram->source = NULL;
    if (s)
        s->end(s);
}

void ram_adopt(struct ram_block *ram, void *take_shadow, struct ram_source *take_source)
{
    adopt_pieces(ram, take_shadow, take_source);
    end_source(ram);
    ram->source = take_source;
    if (ram->fd >= 0) /* all was copied */
        end_source(ram);
    ram_written(ram, 0, ram->size);
}

/* Where there is no memory for it, the kernel may still do it page by page. */
static void copy_piece(uint8_t *at, uint64_t size)
{
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy != MAP_FAILED) {
        memcpy(copy, at, size);
        if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED)
            return;
        munmap(copy, size);
    }
    for (uint64_t off = 0; off < size; off += RAM_PAGE_SIZE)
        __atomic_fetch_or(at + off, 0, __ATOMIC_RELAXED);
}

void ram_copy_source(struct ram_block *ram)
{
    const uint64_t step = 64 << 20;

    for (unsigned i = 0; ram->source && i < ram->source->n; i++) {
        const struct ram_piece *p = &ram->source->piece[i];
        for (uint64_t at = 0; at < p->size; at += step)
            copy_piece(ram->host + p->off + at, MIN(step, p->size - at));
    }
    end_source(ram);
}
