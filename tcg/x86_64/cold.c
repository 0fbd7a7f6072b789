/* Out-of-line code: noted while the straight part is emitted, written behind it. */
#include "tcg/x86_64/gen_priv.h"

struct cold *cold_new(struct gen *g, void (*emit)(struct gen *, const struct cold *), uint8_t *from)
{
    if (g->ncold == MAX_COLD) {
        g->why = "too much out-of-line code";
        g->ncold--;
    }
    struct cold *k = &g->cold[g->ncold++];
    *k = (struct cold){.emit = emit, .from = from, .op = g->op, .mark = g->mark, .d = NO_REG};
    if (g->nlate)
        late_copy(g, k);
    return k;
}

/* Pieces may add pieces. */
void cold_emit_all(struct gen *g)
{
    for (unsigned i = 0; i < g->ncold && !g->why; i++) {
        const struct cold *k = &g->cold[i];
        if (g->c.p > g->limit) {
            g->why = "unit too large";
            return;
        }
        if (k->from)
            x86_link(k->from, g->c.p);
        k->emit(g, k);
    }
}

void cold_return(struct gen *g, const struct cold *k)
{
    x86_link(x86_jmp(&g->c), k->back);
}

void mark_here(struct gen *g, uint32_t mark)
{
    if (g->nmarks == MAX_MARKS)
        g->why = "too many faulting operations";
    else if (mark != NO_VAL)
        g->marks[g->nmarks++] = (struct mark){.off = g->c.p - g->rw, .op = mark};
}

bool scratch_xmm_live(const struct gen *g)
{
    return g->map->scratch & ~g->free & ALL_XMM;
}
