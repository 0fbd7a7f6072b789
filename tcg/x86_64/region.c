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
        k->use[op->attr].weight += op->imm ? 1 : weight; /* late ones are rare */
        k->use[op->attr].set = true;
    } else if (op->opc == OP_get && op->uses) {
        k->use[op->attr].weight += weight;
    } else if (ir_opc_is_access(op->opc) && op->imm) {
        k->use[op->imm - 1].weight += weight;
    }
}

/* Slots that calls fetch, as MMX does, stay in memory where x87 ops may want them. */
static void exclude_fetched(struct contest *k)
{
    const struct ir *ir = k->g->ir;
    bool has_x87 = false;
    for (uint32_t n = 0; n < ir->nops; n++)
        has_x87 |= ir_opc_is_x87(ir->ops[n].opc);
    for (uint32_t n = 0; has_x87 && n < ir->nops; n++) {
        const struct ir_op *op = &ir->ops[n];
        if (op->opc != OP_call || !op->imm2)
            continue;
        const struct ir_slot_set writes = ir_op_call_slots(ir, op).writes;
        for (unsigned slot = 0; slot < ir->nslots; slot++)
            if (ir_slots_has(&writes, slot))
                k->use[slot].weight = 0;
    }
}

/* Ways to blocks whose flags are in hidden slots. */
static void count_flags(struct contest *k, const struct ir_op *op, uint32_t weight)
{
    const struct ir *ir = k->g->ir;
    bool is_br = op->opc == OP_br || op->opc == OP_brcond;
    if (!ir->has_hidden_flags || !is_br ||
        !(ir_flags_are_hidden(ir->blocks[op->attr].flags_in) ||
          (op->opc == OP_brcond && ir_flags_are_hidden(ir->blocks[op->blk2].flags_in))))
        return;
    k->use[ir->flags_a].weight += weight;
    k->use[ir->flags_b].weight += weight;
}

static void count_uses(struct contest *k)
{
    const struct ir *ir = k->g->ir;
    for (unsigned i = 0; i < ir->norder; i++) {
        const struct ir_block *b = &ir->blocks[ir->order[i]];
        for (uint32_t n = b->first; n < b->end; n++)
            count_op(k, &ir->ops[n], b->weight ? b->weight : 1);
        count_flags(k, &ir->ops[b->end - 1], b->weight ? b->weight : 1);
    }
    k->use[k->g->rt->layout.pc_slot].weight = 0;
    exclude_fetched(k);
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
    if (inner == outer) {
        if (inner != NO_SLOT && !k->use[inner].weight)
            region->narrow |= REG_BIT(r);
        if (inner != NO_SLOT && k->g->ir->slots[inner].type == V256 && k->use[inner].weight)
            region->repins[region->n++] = (struct repin){.reg = r,
                                                         .inner = inner,
                                                         .outer = outer,
                                                         .load = true,
                                                         .store = k->use[inner].set,
                                                         .upper = true};
        return;
    }
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
    region->narrow = 0;
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
/* Between units a slot has the type of the target's table. */
static enum ir_type outer_type(const struct gen *g, unsigned slot)
{
    return g->rt->layout.slots[slot].type;
}

/* VINSERTI128, VEXTRACTI128: the upper half of a slot whose lower one stays. */
static void exchange_upper(struct gen *g, const struct repin *p, bool enter)
{
    struct opnd m = slot_opnd(g, p->inner);
    m.disp += 16;
    if (enter)
        x86_vex_imm8(&g->c, 0x38 | X_0F3A | X_66 | X_L, p->reg, p->reg, m, 1);
    else
        x86_vex_imm8(&g->c, 0x39 | X_0F3A | X_66 | X_L, p->reg, 0, m, 1);
}

void region_enter(struct gen *g)
{
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->outer != NO_SLOT && !p->upper)
            store_typed(g, outer_type(g, p->outer), slot_opnd(g, p->outer), p->reg);
    }
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->upper)
            exchange_upper(g, p, true);
        else if (p->load)
            slot_load(g, p->inner, p->reg);
    }
}

void region_leave(struct gen *g)
{
    if (!g->o->region)
        return;
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->store && p->upper)
            exchange_upper(g, p, false);
        else if (p->store)
            slot_store(g, p->inner, p->reg);
    }
    for (unsigned i = 0; i < g->region.n; i++) {
        const struct repin *p = &g->region.repins[i];
        if (p->outer != NO_SLOT && !p->upper)
            load_typed(g, outer_type(g, p->outer), p->reg, slot_opnd(g, p->outer));
    }
    if (g->wide)
        x86_vzeroupper(&g->c);
}

/* --- late sets --- */
static bool is_fused(const struct gen *g, const struct late *l)
{
    return l->hidden || (l->value && g->val[l->value - g->ir->ops].fused);
}

static const struct late *late_of(const struct late *l, unsigned n, unsigned slot)
{
    while (n && l->set->attr != slot) {
        l++;
        n--;
    }
    return n ? l : NULL;
}

/* What the flags are on top of, before this set. */
static void find_base(const struct gen *g, struct late *l)
{
    ir_val base = ir_eflags_base(l->value);
    const struct late *before = late_of(g->late, g->nlate, l->set->attr);
    if (ir_flags_base_is_slot(g->ir, l->set)) {
        l->base = before && before->hidden ? LATE_BASE_HIDDEN : LATE_BASE_SLOT;
        if (l->base == LATE_BASE_SLOT)
            return;
        l->base_kind = before->kind;
        l->base_value = before->value;
        l->base_at = before->at;
        l->base_at2 = before->at2;
        return;
    }
    l->base = LATE_BASE_VALUE;
    if (ir_val_is_const(base)) {
        l->at3 = opnd_imm((int32_t)ir_const_value(g->ir, base));
    } else if (g->val[val_id(g, base)].fused) {
        l->base = LATE_BASE_FLAGS;
        l->base_value = &g->ir->ops[val_id(g, base)];
    }
}

void late_note(struct gen *g, const struct ir_op *set)
{
    bool is_const = ir_val_is_const(set->arg[0]);
    struct late l = {.set = set,
                     .at = opnd_imm(0),
                     .at2 = opnd_imm(0),
                     .at3 = opnd_imm(0),
                     .base_at = opnd_imm(0),
                     .base_at2 = opnd_imm(0),
                     .value = is_const ? NULL : &g->ir->ops[val_id(g, set->arg[0])]};
    if (l.value && is_fused(g, &l) && ir_eflags_has_base(l.value->opc))
        find_base(g, &l);
    late_forget(g, set->attr);
    if (g->nlate == MAX_LATE) {
        g->why = "too many late sets";
        return;
    }
    if (!g->o->region) /* it may take place, and the block go on */
        ra_leave_memory(g, set->attr);
    g->late[g->nlate++] = l;
}

void late_forget(struct gen *g, unsigned slot)
{
    for (unsigned i = 0; i < g->nlate; i++)
        if (g->late[i].set->attr == slot)
            g->late[i--] = g->late[--g->nlate];
}

/* Where the value is, or what the extension or box is made of. */
static struct opnd late_source(const struct gen *g, const struct late *l)
{
    uint32_t id = l->value - g->ir->ops;
    return ra_where(g, g->val[id].fused ? val_id(g, l->value->arg[0]) : id);
}

static bool is_flags(const struct gen *g, const struct late *l)
{
    return is_fused(g, l) && l->value->opc != OP_sext32 && l->value->opc != OP_box32;
}

/* The operands of flags behind the first, without what they are on top of. */
static void locate_others(const struct gen *g, const struct ir_op *op, struct opnd *at2,
                          struct opnd *at3)
{
    unsigned nargs = ir_desc(op)->nargs - ir_eflags_has_base(op->opc);
    for (unsigned k = 1; k < nargs; k++) {
        struct opnd *at = k == 1 ? at2 : at3;
        int32_t imm;
        if (ra_imm32(g, op->arg[k], &imm))
            *at = opnd_imm(imm);
        else if (ir_val_is_const(op->arg[k])) /* a count of many bits */
            *at = opnd_imm((int32_t)ir_const_value(g->ir, op->arg[k]));
        else
            *at = ra_where(g, val_id(g, op->arg[k]));
    }
}

static void locate_base(const struct gen *g, struct late *l)
{
    if (l->base == LATE_BASE_VALUE && !ir_val_is_const(ir_eflags_base(l->value)))
        l->at3 = ra_where(g, val_id(g, ir_eflags_base(l->value)));
    if (l->base != LATE_BASE_FLAGS)
        return;
    l->base_at = ra_where(g, val_id(g, l->base_value->arg[0]));
    locate_others(g, l->base_value, &l->base_at2, NULL);
}

static void locate(struct gen *g)
{
    for (unsigned i = 0; i < g->nlate; i++) {
        struct late *l = &g->late[i];
        if (l->hidden)
            continue;
        if (l->value)
            l->at = late_source(g, l);
        if (is_flags(g, l)) {
            locate_others(g, l->value, &l->at2, &l->at3);
            locate_base(g, l);
        }
    }
}

void late_copy(struct gen *g, struct cold *k)
{
    if (g->nlate_copies + g->nlate > MAX_LATE_COPIES) {
        g->why = "too many ways out";
        return;
    }
    locate(g);
    k->late = g->nlate_copies;
    k->nlate = g->nlate;
    memcpy(&g->late_copies[k->late], g->late, g->nlate * sizeof(g->late[0]));
    g->nlate_copies += g->nlate;
}

/* A NaN becomes the canonical one. All values but those of late sets are dead. */
static void canonical(struct gen *g, bool f64, unsigned x)
{
    x86_op(&g->c, 0x2e | X_0F | (f64 ? X_66 : 0), x, opnd_reg(x));
    uint8_t *ordered = x86_jcc(&g->c, CC_NP);
    x86_fload(&g->c, f64, x, opnd_pool(f64 ? POOL_NAN64 : POOL_NAN32), g->rt->has.avx);
    x86_link(ordered, g->c.p);
}

/* A register that no late set needs any more. */
static unsigned spare(struct gen *g, const struct late *l, unsigned n, uint32_t of)
{
    of &= g->map->scratch;
    for (unsigned i = 0; i < n; i++)
        of &= ~(opnd_bit(l[i].at) | opnd_bit(l[i].at2) | opnd_bit(l[i].at3) |
                opnd_bit(l[i].base_at) | opnd_bit(l[i].base_at2));
    if (!of)
        g->why = "no register for a late set";
    return of ? (unsigned)__builtin_ctz(of) : (unsigned)RAX;
}

static void late_const(struct gen *g, const struct late *l, unsigned n)
{
    enum ir_type t = g->ir->slots[l->set->attr].type;
    struct opnd home = slot_opnd(g, l->set->attr);
    unsigned r = spare(g, l, n, ALL_GPR);
    x86_mov_imm(&g->c, r, ir_const_value(g->ir, l->set->arg[0]));
    x86_store(&g->c, t == I32 || t == F32 ? 2 : 3, home, r);
    for (unsigned word = 1; word < (t == V256 ? 4 : t == V128 ? 2 : 1); word++) {
        home.disp += 8;
        x86_store_imm(&g->c, 3, home, 0);
    }
}

/* What the value is made of has this type in its register. */
static enum ir_type late_type(const struct gen *g, const struct late *l)
{
    if (is_fused(g, l))
        return l->value->opc == OP_box32 ? F32 : I32;
    return g->ir->slots[l->set->attr].type;
}

/* Into a register that may be changed, if it must be. */
static unsigned late_reg(struct gen *g, const struct late *l, unsigned n, bool changes)
{
    enum ir_type t = late_type(g, l);
    if (l->at.kind == OPND_REG && (!changes || (g->map->scratch >> l->at.reg & 1)))
        return l->at.reg;
    unsigned r = spare(g, l, n, type_is_fp(t) ? ALL_XMM : ALL_GPR);
    if (l->at.kind == OPND_REG)
        ra_move(g, r, l->at.reg); /* a slot's own register stays as it is */
    else
        load_typed(g, t, r, l->at);
    return r;
}

/* The operands of flags have 64 bits. */
static bool late_is_wide(const struct gen *g, const struct late *l)
{
    return ir_opc_is_eflags(l->value->opc) ? l->value->attr == 3
                                           : ir_type_of(g->ir, l->value->arg[0]) == I64;
}

/* RAX is kept, and read where it was put. */
static struct opnd not_rax(struct opnd at, struct opnd saved)
{
    return opnd_is_reg(at, RAX) ? saved : at;
}

/* Where code on a way out keeps RAX and RCX. */
static struct opnd saved_rax(void)
{
    return opnd_mem(RBP, TCG_ENV_OFF(save) + 80);
}

static struct opnd saved_rcx(void)
{
    return opnd_mem(RBP, TCG_ENV_OFF(save) + 88);
}

/* The flags of operands that are where they were at the way out. */
static void late_whole_flags(struct gen *g, const struct late *l)
{
    struct x86_code *c = &g->c;
    struct opnd saved = saved_rax();
    bool w = late_is_wide(g, l);
    x86_store(c, 3, saved, RAX);
    x86_mov(c, w, RAX, not_rax(l->at, saved));
    flags_of_rax(g, l->value, not_rax(l->at2, saved), not_rax(l->at3, saved));
    x86_store(c, 2, slot_opnd(g, l->set->attr), RAX);
    x86_mov(c, true, RAX, saved);
}

/* The same of whatever kind the hidden slots say. */
static void late_any(struct gen *g, const struct late *l)
{
    struct x86_code *c = &g->c;
    struct opnd saved = saved_rcx();
    unsigned of[] = {g->ir->flags_a, g->ir->flags_b, l->set->attr};
    for (unsigned i = 0; i < 3; i++)
        if (g->map->pin_reg[of[i]] != NO_REG)
            slot_store(g, of[i], g->map->pin_reg[of[i]]);
    x86_store(c, 3, saved, RCX);
    x86_mov(c, true, RCX, opnd_imm(slot_opnd(g, l->set->attr).disp));
    x86_call_to(c, g->rt->make_flags);
    x86_mov(c, true, RCX, saved);
}

/* What flags are on top of goes to the slot's home. */
static void late_base(struct gen *g, const struct late *l)
{
    struct opnd home = slot_opnd(g, l->set->attr), saved = saved_rax();
    struct late below = {.set = l->set,
                         .value = l->base_value,
                         .hidden = true,
                         .kind = l->base_kind,
                         .at = l->base_at,
                         .at2 = l->base_at2,
                         .at3 = opnd_imm(0)};
    if (l->base == LATE_BASE_SLOT && g->map->pin_reg[l->set->attr] != NO_REG)
        slot_store(g, l->set->attr, g->map->pin_reg[l->set->attr]);
    else if (l->base == LATE_BASE_HIDDEN && l->base_kind == IR_FLAGS_ANY)
        late_any(g, &below);
    else if (l->base == LATE_BASE_HIDDEN || l->base == LATE_BASE_FLAGS)
        late_whole_flags(g, &below);
    if (l->base != LATE_BASE_VALUE)
        return;
    if (l->at3.kind == OPND_IMM) {
        x86_store_imm(&g->c, 2, home, l->at3.disp);
        return;
    }
    x86_store(&g->c, 3, saved, RAX);
    x86_mov(&g->c, false, RAX, l->at3);
    x86_store(&g->c, 2, home, RAX);
    x86_mov(&g->c, true, RAX, saved);
}

static void late_flags(struct gen *g, const struct late *l)
{
    struct x86_code *c = &g->c;
    struct opnd saved = saved_rax(), at2 = not_rax(l->at2, saved);
    if (!ir_eflags_has_base(l->value->opc)) {
        late_whole_flags(g, l);
        return;
    }
    bool by_cl = ir_opc_is_eflags_shift(l->value->opc) && at2.kind != OPND_IMM;
    late_base(g, l);
    x86_store(c, 3, saved, RAX);
    x86_mov(c, late_is_wide(g, l), RAX, not_rax(l->at, saved));
    if (by_cl) {
        x86_store(c, 3, saved_rcx(), RCX);
        x86_mov(c, false, RCX, at2);
    }
    flags_onto_home(g, l->value, at2, slot_opnd(g, l->set->attr));
    if (by_cl)
        x86_mov(c, true, RCX, saved_rcx());
    x86_mov(c, true, RAX, saved);
}

/* To the slot's home; l[0] is the set, up to l[n - 1] they are still to be done. */
static void late_store(struct gen *g, const struct late *l, unsigned n)
{
    struct x86_code *c = &g->c;
    struct opnd home = slot_opnd(g, l->set->attr);
    if (!l->value) {
        late_const(g, l, n);
        return;
    }
    if (l->kind == IR_FLAGS_ANY) {
        late_any(g, l);
        return;
    }
    if (is_flags(g, l)) {
        late_flags(g, l);
        return;
    }
    bool fused = is_fused(g, l), canon = l->set->imm & IR_LATE_CANON;
    enum ir_type t = late_type(g, l);
    unsigned r = late_reg(g, l, n, fused || canon);
    if (fused && t == I32)
        x86_op(c, 0x63 | X_W, r, opnd_reg(r)); /* movsxd */
    if (canon)
        canonical(g, t == F64, r);
    store_typed(g, fused && t == I32 ? I64 : t, home, r);
    home.disp += 4;
    if (fused && t == F32)
        x86_store_imm(c, 2, home, -1);
}

static bool changes_source(const struct gen *g, const struct late *l)
{
    return (is_fused(g, l) && !is_flags(g, l)) || (l->set->imm & IR_LATE_CANON);
}

/* What needs no register but its own comes first, what changes its source in place last. */
static unsigned rank(const struct gen *g, const struct late *l)
{
    if (changes_source(g, l))
        return 2;
    return !is_flags(g, l) && (!l->value || l->at.kind != OPND_REG);
}

static void flush(struct gen *g, const struct late *l, unsigned n)
{
    struct late order[MAX_LATE];
    unsigned k = 0;
    for (unsigned pass = 0; pass <= 2; pass++)
        for (unsigned i = 0; i < n; i++)
            if (rank(g, &l[i]) == pass)
                order[k++] = l[i];
    for (unsigned i = 0; i < n; i++)
        late_store(g, &order[i], n - i);
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = order[i].set->attr;
        if (g->map->pin_reg[slot] != NO_REG)
            slot_load(g, slot, g->map->pin_reg[slot]);
    }
}

void late_flush(struct gen *g)
{
    locate(g);
    flush(g, g->late, g->nlate);
}

void late_flush_copy(struct gen *g, const struct cold *k)
{
    flush(g, &g->late_copies[k->late], k->nlate);
}

/* --- flags in hidden slots --- */
static struct opnd hidden_opnd(const struct gen *g, unsigned slot)
{
    unsigned r = g->map->pin_reg[slot];
    return r == NO_REG ? slot_opnd(g, slot) : opnd_reg(r);
}

void late_block_begin(struct gen *g, const struct ir_block *b)
{
    static const struct ir_op values[2][4] = {
        {{.opc = OP_eflags_sub},
         {.opc = OP_eflags_sub, .attr = 1},
         {.opc = OP_eflags_sub, .attr = 2},
         {.opc = OP_eflags_sub, .attr = 3}},
        {{.opc = OP_eflags_sum},
         {.opc = OP_eflags_sum, .attr = 1},
         {.opc = OP_eflags_sum, .attr = 2},
         {.opc = OP_eflags_sum, .attr = 3}},
    };
    g->nlate = 0;
    if (!g->ir->has_hidden_flags || !ir_flags_are_hidden(b->flags_in))
        return;
    g->hidden_set = (struct ir_op){.opc = OP_set, .attr = g->ir->flags_slot, .imm = IR_LATE};
    g->late[g->nlate++] =
        (struct late){.set = &g->hidden_set,
                      .at3 = opnd_imm(0),
                      .base_at = opnd_imm(0),
                      .base_at2 = opnd_imm(0),
                      .value = &values[b->flags_in >= IR_FLAGS_SUM][b->flags_in & 3],
                      .hidden = true,
                      .kind = b->flags_in,
                      .at = hidden_opnd(g, g->ir->flags_a),
                      .at2 = hidden_opnd(g, g->ir->flags_b)};
}

static const struct late *flags_of(const struct gen *g, const struct late *l, unsigned n)
{
    return late_of(l, n, g->ir->flags_slot);
}

/* How these flags travel in hidden slots; IR_FLAGS_READY: not at all. */
static uint8_t kind_of(const struct gen *g, const struct late *l)
{
    if (l->hidden)
        return l->kind;
    if (!is_flags(g, l))
        return IR_FLAGS_READY;
    switch (l->value->opc) {
    case OP_eflags_sub:
    case OP_eflags_diff:
    case OP_eflags_logic: return IR_FLAGS_SUB | l->value->attr;
    case OP_eflags_add:
    case OP_eflags_sum: return IR_FLAGS_SUM | l->value->attr;
    default: return IR_FLAGS_READY;
    }
}

struct late_edge late_edge_to(const struct gen *g, unsigned blk)
{
    struct late_edge edge = {.flush = false};
    bool hides = g->ir->has_hidden_flags;
    for (unsigned i = 0; i < g->nlate; i++)
        if (!hides || g->late[i].set->attr != g->ir->flags_slot)
            edge.flush |= blk != g->ir->order[g->at];
    if (!hides)
        return edge;
    uint8_t in = g->ir->blocks[blk].flags_in;
    const struct late *l = flags_of(g, g->late, g->nlate);
    bool travels = l && kind_of(g, l) != IR_FLAGS_READY && ir_flags_are_hidden(in);
    edge.flush |= l && !travels && in != IR_FLAGS_DEAD;
    edge.move = travels && !l->hidden;
    edge.kind = in == IR_FLAGS_ANY && !(l && l->kind == IR_FLAGS_ANY);
    return edge;
}

/* To a register or memory; t is a temporary. */
static void move_to(struct gen *g, struct opnd d, struct opnd s, bool w, unsigned t)
{
    if (d.kind == OPND_REG) {
        if (!opnd_is_reg(s, d.reg))
            x86_mov(&g->c, w, d.reg, s);
        return;
    }
    if (s.kind == OPND_IMM) {
        x86_store_imm(&g->c, 3, d, s.disp);
        return;
    }
    if (s.kind != OPND_REG) {
        x86_mov(&g->c, w, t, s);
        s = opnd_reg(t);
    }
    x86_store(&g->c, 3, d, s.reg);
}

/* The sum of the operands in t. */
static void sum_in(struct gen *g, const struct late *l, unsigned t, unsigned u)
{
    bool w = late_is_wide(g, l);
    struct opnd b = l->at2;
    x86_mov(&g->c, w, t, l->at);
    if (b.kind == OPND_IMM) {
        x86_lea(&g->c, w, t, opnd_mem(t, b.disp));
        return;
    }
    if (b.kind != OPND_REG) {
        x86_mov(&g->c, w, u, b);
        b = opnd_reg(u);
    }
    x86_lea(&g->c, w, t, opnd_sib(t, b.reg, 0, 0));
}

/* What flags are made of, as enum ir_flags_in has it, goes from l to the hidden slots. */
static void move_flags(struct gen *g, const struct late *l, unsigned t, unsigned u)
{
    unsigned opc = l->value->opc;
    bool w = late_is_wide(g, l);
    struct opnd a = l->at, b = opc == OP_eflags_logic ? opnd_imm(0) : l->at2;
    if (opc == OP_eflags_diff || opc == OP_eflags_add) {
        sum_in(g, l, t, u);
        a = opnd_reg(t);
    }
    move_to(g, hidden_opnd(g, g->ir->flags_a), a, w, t);
    move_to(g, hidden_opnd(g, g->ir->flags_b), b, w, u);
}

/* l: NULL where the flags are made. */
static void note_kind(struct gen *g, const struct late *l)
{
    x86_store_imm(&g->c, 3, slot_opnd(g, g->ir->flags_kind), l ? kind_of(g, l) : IR_FLAGS_READY);
}

void late_move(struct gen *g, struct late_edge edge)
{
    bool known = g->known.at == g->c.p, zero = g->zero_at == g->c.p;
    if (edge.move) {
        unsigned t = ra_temp(g), u = ra_temp(g);
        locate(g);
        move_flags(g, flags_of(g, g->late, g->nlate), t, u);
    }
    if (edge.kind)
        note_kind(g, flags_of(g, g->late, g->nlate));
    if (known)
        g->known.at = g->c.p;
    if (zero)
        g->zero_at = g->c.p;
}

void late_move_copy(struct gen *g, const struct cold *k, struct late_edge edge)
{
    const struct late *l = flags_of(g, &g->late_copies[k->late], k->nlate);
    if (edge.move) {
        const struct late *all = &g->late_copies[k->late];
        unsigned t = spare(g, all, k->nlate, ALL_GPR);
        move_flags(g, l, t, spare(g, all, k->nlate, ALL_GPR & ~REG_BIT(t)));
    }
    if (edge.kind)
        note_kind(g, l);
}
