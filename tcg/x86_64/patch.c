/* Chaining of exits, and the table from return addresses to guest instructions. */
#include "tcg/x86_64/gen_priv.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

/* The displacement is aligned, so the store is atomic for a CPU that executes the jump at the same
 * time. */
void x86_patch(struct host_code *from, unsigned exit, const struct host_code *target,
               struct codebuf *cb)
{
    const struct exit_site *x = &from->exits[exit];
    if (!x->same_page)
        return;
    const uint8_t *field = from->start + x->jump_off;
    const uint8_t *to = target ? target->start + target->chain_off : from->start + x->stub_off;
    _Atomic int32_t *rw = (_Atomic int32_t *)(void *)codebuf_rw(cb, field);
    atomic_store_explicit(rw, (int32_t)(to - (field + 4)), memory_order_release);
}

/* --- return addresses --- */
static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = v | 0x80;
    *p++ = v;
    return p;
}

/* The tables are ours, so they end where they should. */
static const uint8_t *get_varint(const uint8_t *p, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0;; shift += 7) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80))
            return p;
    }
}

static uint64_t zigzag(uint64_t v)
{
    return v << 1 ^ -(v >> 63);
}

static uint64_t unzigzag(uint64_t v)
{
    return v >> 1 ^ -(v & 1);
}

/* Each entry: distance of the return address from the last one, of the pc, and the word. */
static unsigned encode_marks(const struct gen *g, uint8_t *buf)
{
    uint8_t *p = buf;
    uint32_t off = 0;
    uint64_t pc = 0;
    for (unsigned i = 0; i < g->nmarks; i++) {
        const struct ir_op *insn = &g->ir->ops[g->marks[i].op];
        p = put_varint(p, g->marks[i].off - off);
        p = put_varint(p, zigzag(insn->imm - pc));
        p = put_varint(p, insn->attr);
        off = g->marks[i].off;
        pc = insn->imm;
    }
    return p - buf;
}

bool x86_restore(const struct host_code *hc, uintptr_t ra, uint64_t *pc, uint32_t *word)
{
    uint64_t want = ra - (uintptr_t)hc->start, off = 0, at = 0, v;
    for (const uint8_t *p = hc->map, *end = p + hc->map_len; p < end;) {
        p = get_varint(p, &v);
        off += v;
        p = get_varint(p, &v);
        at += unzigzag(v);
        p = get_varint(p, &v);
        if (off == want) {
            *pc = at;
            *word = v;
            return true;
        }
    }
    return false;
}

void x86_publish_tables(const struct gen *g, struct host_code *out)
{
    enum { MAX_ENTRY = 5 + 10 + 5, SMALL = 512 };
    uint8_t small[SMALL * MAX_ENTRY];
    g_autofree uint8_t *large = g->nmarks > SMALL ? g_malloc(g->nmarks * MAX_ENTRY) : NULL;
    uint8_t *map = large ? large : small;
    size_t exits = g->nexits * sizeof(struct exit_site);
    out->map_len = encode_marks(g, map);
    out->nexits = g->nexits;
    if (exits + out->map_len == 0)
        return;
    uint8_t *both = g_malloc(exits + out->map_len);
    memcpy(both, g->exits, exits);
    memcpy(both + exits, map, out->map_len);
    out->exits = exits ? (struct exit_site *)(void *)both : NULL;
    out->map = both + exits;
}
