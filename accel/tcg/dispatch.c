/*
 * The dispatch cache's salts: what a (mode, address space) is called in the tags.
 *
 * A tag is pc ^ salt, so forgetting a salt empties its part of the cache in constant time, and a
 * context switch is a change of salt. A mode whose code pages were all global so far has one salt
 * for every address space.  Each salt keeps a Bloom filter of the pages that were run under it, so
 * a flush by address forgets only what it may concern.  The same salts guard the return ring.
 */
#include "accel/tcg/tcg_priv.h"

#include <string.h>
#include <sys/random.h>

enum { SALT_WAYS = 4 };

/* Not to be guessed by the guest: with a salt known, a chosen pc could match another mode's tag. */
void dispatch_init(struct tcg_vcpu *v)
{
    if (getrandom(&v->salt_seed, sizeof(v->salt_seed), 0) != sizeof(v->salt_seed))
        v->salt_seed = (uint64_t)g_get_real_time() << 20 ^ (uintptr_t)v;
}

static uint64_t mix64(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool *mode_per_asid(struct tcg_vcpu *v, uint32_t mode)
{
    unsigned i = mix64(mode) % MODE_SLOTS;
    for (unsigned n = 0; n < MODE_SLOTS; n++, i = (i + 1) % MODE_SLOTS) {
        if (!v->modes[i].used) {
            v->modes[i].used = true;
            v->modes[i].mode = mode;
            v->modes[i].per_asid = false;
        }
        if (v->modes[i].mode == mode)
            return &v->modes[i].per_asid;
    }
    memset(v->modes, 0, sizeof(v->modes)); /* more modes than slots: learn again, under new salts */
    memset(v->salts, 0, sizeof(v->salts));
    return mode_per_asid(v, mode);
}

static struct salt *new_salt(struct tcg_vcpu *v, struct salt *s, uint64_t key, bool per_asid)
{
    v->stats.salts++;
    *s = (struct salt){.key = key, .per_asid = per_asid, .asid = v->asid};
    s->salt = mix64(++v->salt_seed * UINT64_C(0x9e3779b97f4a7c15)) | UINT64_C(1) << 63;
    return s;
}

/* The salt of a mode and, where it matters, the current address space. */
static struct salt *find_salt(struct tcg_vcpu *v, uint32_t mode)
{
    bool per_asid = *mode_per_asid(v, mode);
    uint64_t key = (uint64_t)mode << 33 | (uint64_t)(per_asid ? v->asid : 0) << 1 | per_asid;
    struct salt *set = &v->salts[mix64(key) % (SALT_SLOTS / SALT_WAYS) * SALT_WAYS];
    struct salt *victim = &set[v->salt_seed % SALT_WAYS];
    for (unsigned i = 0; i < SALT_WAYS; i++) {
        if (set[i].salt && set[i].key == key)
            return &set[i];
        if (!set[i].salt)
            victim = &set[i];
    }
    v->salt_stamp++; /* quick entries may point at the victim */
    return new_salt(v, victim, key, per_asid);
}

static struct salt *quick_salt(struct tcg_vcpu *v, uint32_t mode)
{
    struct salt_quick *q = &v->quick[mode * UINT32_C(0x9e3779b1) >> (32 - QUICK_BITS)];
    if (UNLIKELY(q->mode != mode || q->stamp != v->salt_stamp)) {
        q->salt = find_salt(v, mode);
        q->mode = mode;
        q->stamp = v->salt_stamp;
    }
    return q->salt;
}

/* Where a swap leads to: 0, whose tags are nobody's, when both modes want one place. */
static void salt_update(struct tcg_vcpu *v)
{
    struct tcg_env *env = tcg_env(v->cpu);
    uint32_t mode = v->ops->swapped ? v->ops->swapped(v->mode) : v->mode;
    struct salt *other = mode == v->mode ? NULL : quick_salt(v, mode);

    v->salt = quick_salt(v, v->mode);
    env->salt = v->salt_known = v->salt->salt;
    env->salt_other = other && other != v->salt ? other->salt : 0;
}

void dispatch_mode_changed(struct tcg_vcpu *v)
{
    salt_update(v);
}

bool dispatch_swapped(struct tcg_vcpu *v)
{
    return tcg_env(v->cpu)->salt != v->salt_known;
}

void dispatch_space_changed(struct tcg_vcpu *v)
{
    if (dispatch_swapped(v))
        v->mode = v->ops->mode(v->cpu);
    v->salt_stamp++;
    salt_update(v);
}

void dispatch_forget_all(struct tcg_vcpu *v)
{
    for (unsigned i = 0; i < SALT_SLOTS; i++)
        v->salts[i].salt = 0;
    memset(v->pages_any, 0, sizeof(v->pages_any));
    dispatch_space_changed(v);
}

/* Kernels begin with tables that are not global yet: nothing is left of what was run from them. */
void dispatch_begin_anew(struct tcg_vcpu *v)
{
    memset(v->modes, 0, sizeof(v->modes));
    dispatch_forget_all(v);
}

void dispatch_forget_asid(struct tcg_vcpu *v, uint32_t asid)
{
    for (unsigned i = 0; i < SALT_SLOTS; i++)
        if (v->salts[i].per_asid && v->salts[i].asid == asid)
            v->salts[i].salt = 0;
    dispatch_space_changed(v);
}

/* Two bits a page: a kernel runs from a thousand pages, and a hit by chance costs all of its
 * entries. */
struct filter_bits {
    unsigned a, b;
};
static struct filter_bits filter_bits(gva addr)
{
    uint64_t h = mix64(addr >> TCG_PAGE_BITS);
    return (struct filter_bits){h % SALT_FILTER_BITS, (h >> 32) % SALT_FILTER_BITS};
}
static bool filter_test(const uint64_t *filter, struct filter_bits f)
{
    return (filter[f.a >> 6] >> (f.a & 63) & 1) && (filter[f.b >> 6] >> (f.b & 63) & 1);
}
static void filter_set(uint64_t *filter, struct filter_bits f)
{
    filter[f.a >> 6] |= UINT64_C(1) << (f.a & 63);
    filter[f.b >> 6] |= UINT64_C(1) << (f.b & 63);
}

void dispatch_forget_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    struct filter_bits f = filter_bits(addr);
    bool forgot = false;
    if (LIKELY(!filter_test(v->pages_any, f)))
        return;
    for (unsigned i = 0; i < SALT_SLOTS; i++) {
        struct salt *s = &v->salts[i];
        if (s->salt && (any_asid || (s->per_asid && s->asid == asid)) && filter_test(s->pages, f)) {
            s->salt = 0;
            forgot = true;
        }
    }
    if (forgot)
        dispatch_space_changed(v);
}

static struct tcg_dispatch *dispatch_at(struct tcg_vcpu *v, gva pc)
{
    return &tcg_env(v->cpu)->dispatch[pc >> 1 & ((1 << TCG_DISPATCH_BITS) - 1)];
}

void dispatch_forget_unit(struct tcg_vcpu *v, const struct unit *u)
{
    /* A relative one may be where any page has it. */
    enum { REACH = 2 << TCG_DISPATCH_BITS };
    for (gva at = 0; at < (u->relative ? REACH : PAGE_SIZE_); at += PAGE_SIZE_) {
        struct tcg_dispatch *d = dispatch_at(v, u->pc + at);
        if (d->code == u->code.start)
            *d = (struct tcg_dispatch){TCG_TLB_EMPTY, NULL};
    }
}

static void filter_add(struct tcg_vcpu *v, gva addr)
{
    struct filter_bits f = filter_bits(addr);
    filter_set(v->salt->pages, f);
    filter_set(v->pages_any, f);
}

void dispatch_note_run(struct tcg_vcpu *v, gva pc, const struct unit *u)
{
    if (UNLIKELY(!v->found_global && !v->salt->per_asid)) {
        *mode_per_asid(v, v->mode) = true;
        dispatch_space_changed(v);
    }
    filter_add(v, pc);
    if (u->page2)
        filter_add(v, pc + PAGE_SIZE_);
}

void dispatch_fill(struct tcg_vcpu *v, gva pc, const struct unit *u)
{
    *dispatch_at(v, pc) = (struct tcg_dispatch){pc ^ tcg_env(v->cpu)->salt, u->code.start};
    v->stats.dispatch_fills++;
}
