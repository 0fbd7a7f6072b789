/* RAM contents that come in beside the machine's own, and take their place when all is there. */
#include "snapshot/ram.h"

#include "util/host_mem.h"

#include <string.h>

struct ram_load *ram_load_new(const GPtrArray *rams)
{
    struct ram_load *l = g_new0(struct ram_load, 1);

    l->n = rams->len;
    l->blocks = g_new0(struct ram_shadow, l->n);
    for (unsigned i = 0; i < l->n; i++)
        l->blocks[i].ram = g_ptr_array_index(rams, i);
    return l;
}

static void drop_shadow(struct ram_shadow *b)
{
    host_ram_unmap(b->map, b->ram->size, -1);
    if (b->source)
        b->source->end(b->source);
}

void ram_load_free(struct ram_load *l)
{
    if (l == NULL)
        return;
    for (unsigned i = 0; i < l->n; i++)
        if (l->blocks[i].map)
            drop_shadow(&l->blocks[i]);
    g_free(l->blocks);
    g_free(l);
}

bool ram_load_map(struct ram_shadow *b, struct error **errp)
{
    if (!b->map)
        b->map = host_ram_map(b->ram->size, NULL, errp);
    if (!b->map)
        error_prefix(errp, "room for the state of memory '%s'", b->ram->name);
    return b->map;
}

static bool bad_pages(struct error **errp)
{
    error_set(errp, "the saved state is damaged: it has pages of memory that do not exist");
    return false;
}

static bool load_page(struct ram_shadow *b, struct snap_cursor *data, uint64_t entry,
                      struct error **errp)
{
    uint64_t page = entry >> 9;

    if (page >= ram_pages(b->ram))
        return bad_pages(errp);
    uint8_t *to = b->map + page * RAM_PAGE_SIZE;
    if (entry & 1) {
        memset(to, entry >> 1 & 0xff, RAM_PAGE_SIZE);
        return true;
    }
    const uint8_t *from = snap_get_bytes(data, RAM_PAGE_SIZE);
    if (!from)
        return bad_pages(errp);
    memcpy(to, from, RAM_PAGE_SIZE);
    return true;
}

bool ram_load_pages(struct ram_load *l, const GByteArray *payload, struct error **errp)
{
    struct snap_cursor c = snap_cursor(payload), data = c;
    uint32_t block = snap_get_u32(&c), n = snap_get_u32(&c);

    if (c.bad || block >= l->n || n > SNAP_PAGES_MAX)
        return bad_pages(errp);
    if (!ram_load_map(&l->blocks[block], errp))
        return false;
    snap_get_bytes(&data, 8 + 8 * (size_t)n);
    for (uint32_t i = 0; i < n; i++)
        if (!load_page(&l->blocks[block], &data, snap_get_u64(&c), errp))
            return false;
    return true;
}

bool ram_load_complete(struct ram_load *l, struct error **errp)
{
    for (unsigned i = 0; i < l->n; i++)
        if (!l->blocks[i].keep && !ram_load_map(&l->blocks[i], errp))
            return false;
    return true;
}

void ram_load_install(struct ram_load *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        if (l->blocks[i].map)
            ram_adopt(l->blocks[i].ram, l->blocks[i].map, l->blocks[i].source);
        l->blocks[i].map = NULL;
        l->blocks[i].source = NULL;
    }
}
