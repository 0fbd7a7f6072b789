/*
 * Announcements of cards: broadcasts in their name, from which switches learn where they are now.
 * Ref: RFC 903 (a request for the sender's own protocol address).
 */
#include "net/net_priv.h"
#include "util/bits.h"

#include <string.h>

enum {
    FRAME_SIZE = 60,
    ETHERTYPE_RARP = 0x8035,
    RARP_REQUEST = 3,
    HTYPE_ETHER = 1,
    PTYPE_IP = 0x800
};

struct announce {
    char *id;     /* NULL: none */
    char **cards; /* NULL: all */
    struct net_announce_params p;
    unsigned done, source; /* rounds; GLib's source id */
    struct announce *next;
};

static struct announce *running; /* main thread only */

static void put_be16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void net_announce_frame(uint8_t frame[60], const uint8_t mac[6])
{
    memset(frame, 0, FRAME_SIZE);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    put_be16(frame + 12, ETHERTYPE_RARP);
    put_be16(frame + 14, HTYPE_ETHER);
    put_be16(frame + 16, PTYPE_IP);
    frame[18] = 6;
    frame[19] = 4;
    put_be16(frame + 20, RARP_REQUEST);
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 32, mac, 6);
}

/* A back end that is full loses it: the next round comes. */
static void announce_card(struct net_client *c)
{
    uint8_t data[FRAME_SIZE];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    struct net_frame f = {.iov = &iov, .niov = 1, .size = sizeof(data)};

    mutex_lock(c->dev_lock);
    net_announce_frame(data, c->mac);
    net_nic_send(c, &f);
    mutex_unlock(c->dev_lock);
}

static bool is_meant(const struct announce *a, const struct net_client *c)
{
    return c->is_nic && c->index == 0 &&
           (!a->cards || g_strv_contains((const char *const *)a->cards, c->name));
}

static void end(struct announce *a)
{
    struct announce **p = &running;

    while (*p != a)
        p = &(*p)->next;
    *p = a->next;
    if (a->source)
        g_source_remove(a->source);
    g_strfreev(a->cards);
    g_free(a->id);
    g_free(a);
}

static gboolean next_round(gpointer opaque)
{
    struct announce *a = opaque;
    uint64_t wait_ms = MIN(a->p.initial_ms + a->done * a->p.step_ms, a->p.max_ms);

    for (struct net_client *c = net_clients(); c; c = c->next)
        if (is_meant(a, c))
            announce_card(c);
    a->source = 0;
    if (++a->done >= a->p.rounds)
        end(a);
    else
        a->source = g_timeout_add((guint)wait_ms, next_round, a);
    return G_SOURCE_REMOVE;
}

static struct announce *find(const char *id)
{
    struct announce *a = running;

    while (a && g_strcmp0(a->id, id))
        a = a->next;
    return a;
}

bool net_announce_start(const struct net_announce_params *p, const char *id,
                        const char *const *cards, struct error **errp)
{
    struct announce *a = find(id);

    if (p->rounds > NET_ANNOUNCE_MAX_ROUNDS || p->initial_ms > NET_ANNOUNCE_MAX_MS ||
        p->max_ms > NET_ANNOUNCE_MAX_MS || p->step_ms > NET_ANNOUNCE_MAX_MS) {
        error_set(errp, "announcements take at most %d rounds and %d ms between them",
                  NET_ANNOUNCE_MAX_ROUNDS, NET_ANNOUNCE_MAX_MS);
        return false;
    }
    if (a)
        end(a); /* it starts anew */
    if (!p->rounds)
        return true;
    a = g_new0(struct announce, 1);
    a->id = g_strdup(id);
    a->cards = g_strdupv((char **)(uintptr_t)cards);
    a->p = *p;
    a->next = running;
    running = a;
    next_round(a);
    return true;
}

void net_announce_stop_all(void)
{
    while (running)
        end(running);
}
