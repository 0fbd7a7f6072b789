/* Tables of metadata in memory, by their host offset; those that are clean go when there are too
 * many. */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>

void cache_init(struct cache *c, size_t table_size)
{
    c->by_off = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&c->lru);
    c->table_size = table_size;
    c->limit = MAX(CACHE_MIN, CACHE_BYTES / table_size);
    c->dirty = 0;
}

static void table_free(struct cache *c, struct table *t)
{
    g_hash_table_remove(c->by_off, &t->off);
    g_queue_unlink(&c->lru, &t->link);
    c->dirty -= t->dirty;
    g_free(t->data);
    g_free(t);
}

void cache_fini(struct cache *c)
{
    while (c->by_off && c->lru.head)
        table_free(c, c->lru.head->data);
    g_clear_pointer(&c->by_off, g_hash_table_destroy);
}

/* Dirty tables stay: qcow2_make_room() sees to it that they are not many. */
static void evict(struct cache *c)
{
    for (GList *l = c->lru.head, *next; l && c->lru.length >= c->limit; l = next) {
        struct table *t = l->data;
        next = l->next;
        if (!t->dirty && !t->busy)
            table_free(c, t);
    }
}

static struct table *add(struct cache *c, uint64_t off)
{
    evict(c);
    struct table *t = g_new0(struct table, 1);
    t->off = off;
    t->data = g_malloc0(c->table_size);
    t->link.data = t;
    g_hash_table_insert(c->by_off, &t->off, t);
    g_queue_push_tail_link(&c->lru, &t->link);
    return t;
}

int cache_get(struct block_node *b, struct cache *c, uint64_t off, struct table **out)
{
    struct table *t = g_hash_table_lookup(c->by_off, &off);

    if (t) {
        g_queue_unlink(&c->lru, &t->link);
        g_queue_push_tail_link(&c->lru, &t->link);
        *out = t;
        return 0;
    }
    t = add(c, off);
    int ret = node_pread(b->file, t->data, c->table_size, off);
    if (ret)
        table_free(c, t);
    *out = ret ? NULL : t;
    return ret;
}

struct table *cache_new(struct cache *c, uint64_t off)
{
    cache_forget(c, off);
    return add(c, off);
}

void cache_dirty(struct cache *c, struct table *t)
{
    c->dirty += !t->dirty;
    t->dirty = true;
}

void cache_forget(struct cache *c, uint64_t off)
{
    struct table *t = g_hash_table_lookup(c->by_off, &off);

    if (t)
        table_free(c, t);
}
