/* Holds on ranges of bytes, shared or exclusive, taken in the order of asking where they overlap.
 */
#include "block/block_priv.h"

void ranges_init(struct ranges *r)
{
    mutex_init(&r->lock);
    cond_init(&r->freed);
    r->first = NULL;
}

void ranges_fini(struct ranges *r)
{
    cond_fini(&r->freed);
    mutex_fini(&r->lock);
}

static bool conflict(const struct range *a, const struct range *b)
{
    return a->start < b->end && b->start < a->end && (a->exclusive || b->exclusive);
}

/* Whether an older hold (they come later in the list) is in the way of own. */
static bool is_blocked(const struct range *own)
{
    for (const struct range *p = own->next; p; p = p->next)
        if (conflict(own, p))
            return true;
    return false;
}

void ranges_take(struct ranges *r, struct range *own, uint64_t start, uint64_t end, bool exclusive)
{
    *own = (struct range){start, end, exclusive, NULL};
    mutex_lock(&r->lock);
    own->next = r->first;
    r->first = own;
    while (is_blocked(own))
        cond_wait(&r->freed, &r->lock);
    mutex_unlock(&r->lock);
}

bool ranges_try_take(struct ranges *r, struct range *own, uint64_t start, uint64_t end,
                     bool exclusive)
{
    *own = (struct range){start, end, exclusive, NULL};
    mutex_lock(&r->lock);
    own->next = r->first;
    bool ok = !is_blocked(own);
    if (ok)
        r->first = own;
    mutex_unlock(&r->lock);
    return ok;
}

void ranges_drop(struct ranges *r, struct range *own)
{
    struct range **p = &r->first;

    mutex_lock(&r->lock);
    while (*p != own)
        p = &(*p)->next;
    *p = own->next;
    cond_broadcast(&r->freed);
    mutex_unlock(&r->lock);
}
