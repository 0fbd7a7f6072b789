/*
 * Registers of a region: the slots that it uses most stay in registers throughout.
 *
 * A slot that is pinned anyway keeps its register while the region uses it.  The others compete, by
 * weighted use, for the registers of pinned slots that the region does not use and for a few that
 * otherwise hold values.  What changes hands is exchanged with memory at the entry and at every way
 * out, so between units the pins are as always.
 */
#include "tcg/x86_64/gen_priv.h"

#include <string.h>

/* Scratch registers that slots may have here. */
#define EXTRA_GPR REG_BIT(R15)
#define EXTRA_XMM (REG_BIT(XMM12) | REG_BIT(XMM13) | REG_BIT(XMM14) | REG_BIT(XMM15))

struct use {
    uint32_t weight;
    bool set;
};
struct contest {
    const struct gen *g;
    struct use use[IR_MAX_SLOTS];
    struct pin_map *map;
    uint8_t order[IR_MAX_SLOTS]; /* slots in use, heaviest first */
    unsigned n;
};

static bool is_hidden(const struct gen *g, unsigned slot)
{
    return slot >= g->rt->layout.nslots;
}

static void count_op(struct contest *k, const struct ir_op *op, uint32_t weight)
{
    if (op->opc == OP_set) {
        k->use[op->attr].weight += weight;
        k->use[op->attr].set = true;
    } else if (op->opc == OP_get && op->uses) {
        k->use[op->attr].weight += weight;
    } else if ((op->opc == OP_ld || op->opc == OP_st) && op->imm) {
        k->use[op->imm - 1].weight += weight;
    }
}

static void count_uses(struct contest *k)
{
    const struct ir *ir = k->g->ir;
    for (unsigned i = 0; i < ir->norder; i++) {
        const struct ir_block *b = &ir->blocks[ir->order[i]];
        for (uint32_t n = b->first; n < b->end; n++)
            count_op(k, &ir->ops[n], b->weight ? b->weight : 1);
    }
    k->use[k->g->rt->layout.pc_slot].weight = 0;
}

static bool is_class(const struct contest *k, unsigned slot, uint32_t cls)
{
    enum ir_type t = k->g->ir->slots[slot].type;
    return cls == ALL_XMM ? type_is_fp(t) : t == I32 || t == I64;
}

/* Slots in use, heaviest first. */
static void sort_slots(struct contest *k)
{
    for (unsigned s = 0; s < k->g->ir->nslots; s++) {
        if (!k->use[s].weight)
            continue;
        unsigned i = k->n++;
        for (; i && k->use[k->order[i - 1]].weight < k->use[s].weight; i--)
            k->order[i] = k->order[i - 1];
        k->order[i] = s;
    }
}

static void bind(struct pin_map *map, unsigned r, unsigned slot)
{
    if (map->reg_slot[r] != NO_SLOT)
        map->pin_reg[map->reg_slot[r]] = NO_REG;
    map->reg_slot[r] = slot;
    map->pin_reg[slot] = r;
}

/* The register that costs least to give to a slot of this weight, or NO_REG. */
static unsigned cheapest(const struct contest *k, uint32_t regs, uint32_t weight)
{
    unsigned best = NO_REG;
    uint32_t least = weight / 2; /* an exchange must pay for itself */
    for (; regs; regs &= regs - 1) {
        unsigned r = __builtin_ctz(regs), holder = k->map->reg_slot[r];
        uint32_t w = holder == NO_SLOT ? 0 : k->use[holder].weight;
        if (w == 0 && (best == NO_REG || least))
            return r;
        if (w < least) {
            best = r;
            least = w;
        }
    }
    return best;
}

static void assign_class(struct contest *k, uint32_t regs, uint32_t cls)
{
    for (unsigned i = 0; i < k->n; i++) {
        unsigned slot = k->order[i];
        if (!is_class(k, slot, cls) || k->map->pin_reg[slot] != NO_REG)
            continue;
        unsigned r = cheapest(k, regs, k->use[slot].weight);
        if (r != NO_REG)
            bind(k->map, r, slot);
    }
}

static void note_exchange(struct contest *k, struct region *region, unsigned r)
{
    unsigned inner = k->map->reg_slot[r], outer = k->g->rt->abi.reg_slot[r];
    if (inner == outer)
        return;
    bool visible = inner != NO_SLOT && !is_hidden(k->g, inner);
    region->repins[region->n++] = (struct repin){.reg = r,
                                                 .inner = inner,
                                                 .outer = outer,
                                                 .load = visible,
                                                 .store = visible && k->use[inner].set};
}

void region_assign(struct gen *g)
{
    struct region *region = &g->region;
    struct contest k = {.g = g, .map = &region->map};
    region->map = g->rt->abi;
    region->n = 0;
    count_uses(&k);
    sort_slots(&k);
    assign_class(&k, (g->rt->abi.pinned & ALL_GPR) | EXTRA_GPR, ALL_GPR);
    assign_class(&k, (g->rt->abi.pinned & ALL_XMM) | EXTRA_XMM, ALL_XMM);
    for (unsigned r = 0; r < X86_NREGS; r++) {
        if (region->map.reg_slot[r] != NO_SLOT)
            region->map.pinned |= REG_BIT(r);
        note_exchange(&k, region, r);
    }
    region->map.scratch &= ~region->map.pinned;
}

/* --- exchanges --- */
static void put(struct gen *g, unsigned slot, unsigned r)
{
    enum ir_type t = g->ir->slots[slot].type;
    if (type_is_fp(t))
        x86_fstore(&g->c, t == F64, slot_opnd(g, slot), r, g->rt->has.avx);
    else
        x86_store(&g->c, t == I64 ? 3 : 2, slot_opnd(g, slot), r);
}

static void take(struct gen *g, unsigned slot, unsigned r)
{
    enum ir_type t = g->ir->slots[slot].type;
    if (type_is_fp(t))
        x86_fload(&g->c, t == F64, r, slot_opnd(g, slot), g->rt->has.avx);
    else
        x86_mov(&g->c, t == I64, r, slot_opnd(g, slot));
}

void region_enter(struct gen *g)
{
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->outer != NO_SLOT)
            put(g, p->outer, p->reg);
    }
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->load)
            take(g, p->inner, p->reg);
    }
}

void region_leave(struct gen *g)
{
    if (!g->o->region)
        return;
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->store)
            put(g, p->inner, p->reg);
    }
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->outer != NO_SLOT)
            take(g, p->outer, p->reg);
    }
}
