/* The state inside an image: what the layout says about memory becomes a mapping of clusters. */
#include "snapshot/vm_place.h"

#include "util/bits.h"
#include "util/host_mem.h"

#include <string.h>

enum { WINDOW = 1 << 20, UNIT = MAPPED_ALIGN };

static bool failed(const struct vm_place *v, int ret, const char *what, struct error **errp)
{
    if (ret)
        error_set(errp, "%s the machine's state in '%s' failed: %s", what, block_id(v->b),
                  g_strerror(-ret));
    return ret;
}

/* ---- writing ---- */

bool vm_place_flush(struct vm_place *v, struct error **errp)
{
    while (v->units) {
        unsigned first = (unsigned)__builtin_ctz(v->units);
        unsigned n = (unsigned)__builtin_ctz(~(v->units >> first));
        uint64_t at = v->window + (uint64_t)first * UNIT;
        int ret = block_vmstate_write(v->b, v->buf + (size_t)first * UNIT, (size_t)n * UNIT, at);
        if (failed(v, ret, "writing", errp))
            return false;
        memset(v->buf + (size_t)first * UNIT, 0, (size_t)n * UNIT);
        v->units &= ~(((UINT32_C(1) << n) - 1) << first);
        v->end = MAX(v->end, at + (uint64_t)n * UNIT);
    }
    return true;
}

/* The unit of `at` in the buffer; what was written of it before stays. */
static bool take_unit(struct vm_place *v, uint64_t at, struct error **errp)
{
    unsigned unit = (unsigned)((at - v->window) / UNIT);

    if (v->units >> unit & 1)
        return true;
    v->units |= UINT32_C(1) << unit;
    at = align_down(at, UNIT);
    int ret = at < v->end ? block_vmstate_read(v->b, v->buf + (size_t)unit * UNIT, UNIT, at) : 0;
    return !failed(v, ret, "reading back", errp);
}

static bool vm_write(struct mapped_place *p, const void *buf, size_t n, uint64_t at,
                     struct error **errp)
{
    struct vm_place *v = (struct vm_place *)p;

    for (const uint8_t *from = buf; n;) {
        size_t part = MIN(n, UNIT - at % UNIT);
        if (align_down(at, WINDOW) != v->window) {
            if (!vm_place_flush(v, errp))
                return false;
            v->window = align_down(at, WINDOW);
        }
        if (!take_unit(v, at, errp))
            return false;
        memcpy(v->buf + (at - v->window), from, part);
        from += part;
        at += part;
        n -= part;
    }
    return true;
}

/* ---- reading ---- */

static bool vm_read(struct mapped_place *p, void *buf, size_t n, uint64_t at, struct error **errp)
{
    struct vm_place *v = (struct vm_place *)p;

    if (at > v->size || n > v->size - at) {
        error_set(errp, "the saved state ends too early");
        return false;
    }
    return !failed(v, block_vmstate_read(v->b, buf, n, at), "reading", errp);
}

/* ---- memory ---- */

struct vm_mapping {
    struct block_mapping mapping;
    struct ram_source source;
    struct machine *m;
    struct ram_block *ram;
};

static void end_mapping(struct ram_source *s)
{
    struct vm_mapping *v = container_of(s, struct vm_mapping, source);

    block_vmstate_unmap(&v->mapping);
    g_free(v->source.piece);
    g_free(v);
}

static void let_go(struct block_mapping *mapping)
{
    struct vm_mapping *v = container_of(mapping, struct vm_mapping, mapping);
    struct machine *m = v->m;

    if (v->ram->source != &v->source)
        return;
    machine_pause(m);
    ram_copy_source(v->ram);
    machine_resume(m);
}

static void list_pieces(struct vm_mapping *v)
{
    const GArray *from = v->mapping.pieces;

    v->source.n = from ? from->len : 0;
    v->source.piece = g_new(struct ram_piece, v->source.n + 1);
    for (unsigned i = 0; i < v->source.n; i++) {
        const struct block_piece *p = &g_array_index(from, struct block_piece, i);
        v->source.piece[i] = (struct ram_piece){p->off, p->bytes};
    }
}

static bool vm_map(struct mapped_place *p, struct ram_shadow *b, uint64_t at, struct error **errp)
{
    struct vm_place *v = (struct vm_place *)p;

    if (at > v->size || b->ram->size > v->size - at) {
        error_set(errp, "the saved state ends too early: memory '%s' is cut off", b->ram->name);
        return false;
    }
    if (!ram_load_map(b, errp))
        return false;
    struct vm_mapping *map = g_new0(struct vm_mapping, 1);
    map->mapping.let_go = let_go;
    map->source.end = end_mapping;
    map->m = v->m;
    map->ram = b->ram;
    b->source = &map->source;
    int ret = block_vmstate_map(v->b, &map->mapping, b->map, b->ram->size, at);
    list_pieces(map);
    return !failed(v, ret, "reading", errp);
}

void vm_place_init(struct vm_place *v, struct machine *m, struct block_node *b, uint64_t size)
{
    *v =
        (struct vm_place){.place = {vm_write, vm_read, vm_map, NULL}, .m = m, .b = b, .size = size};
    v->buf = g_malloc0(WINDOW);
}

void vm_place_fini(struct vm_place *v)
{
    g_free(v->buf);
}
