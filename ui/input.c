/* Which device gets the user's input. */
#include "ui/input.h"
#include "util/thread.h"

/* The list is changed by the main thread and reordered by any. */
static struct mutex lock = {PTHREAD_MUTEX_INITIALIZER}; /* a leaf */
static struct input_handler *handlers GUARDED_BY(lock);

static void unlink_handler(struct input_handler *h) REQUIRES(lock)
{
    struct input_handler **p = &handlers;
    while (*p && *p != h)
        p = &(*p)->next;
    if (*p)
        *p = h->next;
}

void input_register(struct input_handler *h)
{
    mutex_lock(&lock);
    struct input_handler **p = &handlers;
    while (*p)
        p = &(*p)->next;
    h->next = NULL;
    h->touched = false;
    *p = h;
    mutex_unlock(&lock);
}

void input_unregister(struct input_handler *h)
{
    mutex_lock(&lock);
    unlink_handler(h);
    mutex_unlock(&lock);
}

void input_activate(struct input_handler *h)
{
    mutex_lock(&lock);
    unlink_handler(h);
    h->next = handlers;
    handlers = h;
    mutex_unlock(&lock);
}

struct input_handler *input_next(const struct input_handler *h)
{
    mutex_lock(&lock);
    struct input_handler *next = h ? h->next : handlers;
    mutex_unlock(&lock);
    return next;
}

/* Only the main thread takes handlers away, so this one stays. */
static struct input_handler *find(enum input_kind kind)
{
    struct input_handler *h = input_next(NULL);
    while (h && !(h->kinds & 1U << kind))
        h = input_next(h);
    return h;
}

bool input_send(const struct input_event *ev)
{
    struct input_handler *h = find(ev->kind);
    if (h == NULL)
        return false;
    h->touched = true;
    h->event(h, ev);
    return true;
}

void input_sync(void)
{
    for (struct input_handler *h = input_next(NULL); h; h = input_next(h)) {
        if (!h->touched)
            continue;
        h->touched = false;
        h->sync(h);
    }
}
