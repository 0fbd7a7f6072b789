/*
 * Registers: which value is where, during the forward pass over one block.
 *
 * A value may be in a register (its own scratch register, or the pinned register of a slot it
 * equals), in the memory of a slot it equals, in a frame cell, or in several of these.  Reading a
 * slot makes no code: the value is an alias of the slot's register or memory until the slot is
 * overwritten, and only then copied if somebody still needs it.
 */
#include "tcg/x86_64/gen_priv.h"

#include <string.h>

static uint32_t class_of(enum ir_type t)
{
    return type_is_fp(t) ? ALL_XMM : ALL_GPR;
}

static enum ir_type type_of_id(const struct gen *g, uint32_t id)
{
    return id < IR_MAX_OPS ? g->ir->ops[id].type : I64;
}

static bool lives_on(const struct gen *g, uint32_t id)
{
    return g->val[id].last > g->cur;
}

static bool is_scratch(const struct gen *g, unsigned r)
{
    return g->map->scratch >> r & 1;
}

struct opnd slot_opnd(const struct gen *g, unsigned slot)
{
    return opnd_mem(RBP, g->ir->slots[slot].off);
}

static struct opnd spill_opnd(unsigned cell)
{
    return opnd_mem(RSP, cell * 8);
}

static bool has_home(const struct val *x)
{
    return x->slot != NO_SLOT || x->spill != NO_SPILL;
}

static struct opnd home_opnd(const struct gen *g, const struct val *x)
{
    return x->slot != NO_SLOT ? slot_opnd(g, x->slot) : spill_opnd(x->spill);
}

/* --- moves --- */
void ra_move(struct gen *g, unsigned d, unsigned s)
{
    if (d == s)
        return;
    if (d < XMM0)
        x86_mov(&g->c, true, d, opnd_reg(s));
    else if (g->wide)
        x86_fmov256(&g->c, d, s);
    else
        x86_fmov(&g->c, d, s, g->rt->has.avx);
}

void load_typed(struct gen *g, enum ir_type t, unsigned r, struct opnd m)
{
    if (t == V256)
        x86_fload256(&g->c, r, m);
    else if (t == V128)
        x86_fload128(&g->c, r, m, g->rt->has.avx);
    else if (type_is_fp(t))
        x86_fload(&g->c, t == F64, r, m, g->rt->has.avx);
    else
        x86_mov(&g->c, t == I64, r, m);
}

void store_typed(struct gen *g, enum ir_type t, struct opnd m, unsigned r)
{
    if (t == V256)
        x86_fstore256(&g->c, m, r);
    else if (t == V128)
        x86_fstore128(&g->c, m, r, g->rt->has.avx);
    else if (type_is_fp(t))
        x86_fstore(&g->c, t == F64, m, r, g->rt->has.avx);
    else
        x86_store(&g->c, t == I64 ? 3 : 2, m, r);
}

/* What of the slot is in its register. */
static enum ir_type held_type(const struct gen *g, unsigned slot, unsigned r)
{
    bool is_narrow = g->o->region && (g->region.narrow >> r & 1);
    return is_narrow ? g->rt->layout.slots[slot].type : g->ir->slots[slot].type;
}

void slot_load(struct gen *g, unsigned slot, unsigned r)
{
    load_typed(g, held_type(g, slot, r), r, slot_opnd(g, slot));
}

void slot_store(struct gen *g, unsigned slot, unsigned r)
{
    store_typed(g, held_type(g, slot, r), slot_opnd(g, slot), r);
}

static void own(struct gen *g, unsigned r, uint32_t id)
{
    g->free &= ~REG_BIT(r);
    g->owner[r] = id;
    g->val[id].reg = r;
}

static void disown(struct gen *g, unsigned r)
{
    g->owner[r] = NO_VAL;
    if (is_scratch(g, r))
        g->free |= REG_BIT(r);
}

/* --- spilling --- */
/* The type of a value in its spill cells. */
static enum ir_type spill_type(enum ir_type t)
{
    return t == V128 || t == V256 ? t : type_is_fp(t) ? F64 : I64;
}

/* Vectors have two or four cells, the first of which is a multiple of that. */
static uint64_t spill_bits(enum ir_type t)
{
    return t == V256 ? 15 : t == V128 ? 3 : 1;
}

static uint64_t spill_room(uint64_t room, enum ir_type t)
{
    if (t == V128 || t == V256)
        room &= room >> 1 & UINT64_C(0x5555555555555555);
    return t == V256 ? room & room >> 2 & UINT64_C(0x1111111111111111) : room;
}

static unsigned spill_cell(struct gen *g, enum ir_type t)
{
    for (unsigned w = 0; w < SPILL_SLOTS / 64; w++) {
        uint64_t room = spill_room(~g->spill_used[w], t);
        if (room) {
            unsigned bit = __builtin_ctzll(room);
            g->spill_used[w] |= spill_bits(t) << bit;
            return w * 64 + bit;
        }
    }
    g->why = "too many live values";
    return 0;
}

static void spill_free(struct gen *g, uint32_t id)
{
    struct val *x = &g->val[id];
    if (x->spill == NO_SPILL)
        return;
    g->spill_used[x->spill / 64] &= ~(spill_bits(type_of_id(g, id)) << (x->spill & 63));
    x->spill = NO_SPILL;
}

/* Make sure that the value has a copy in memory.  Addends of groups are just forgotten. */
static void save(struct gen *g, uint32_t id)
{
    struct val *x = &g->val[id];
    if (has_home(x) || id >= IR_MAX_OPS)
        return;
    x->spill = spill_cell(g, type_of_id(g, id));
    store_typed(g, spill_type(type_of_id(g, id)), spill_opnd(x->spill), x->reg);
}

static void leave_to_memory(struct gen *g, uint32_t id)
{
    save(g, id);
    g->val[id].reg = NO_REG;
}

static void evict(struct gen *g, unsigned r)
{
    leave_to_memory(g, g->owner[r]);
    disown(g, r);
}

/* The cheapest to lose: one with a copy in memory, else the one that lives longest. */
static unsigned victim(const struct gen *g, uint32_t candidates)
{
    unsigned best = NO_REG;
    uint32_t best_score = 0;
    for (; candidates; candidates &= candidates - 1) {
        unsigned r = __builtin_ctz(candidates);
        const struct val *x = &g->val[g->owner[r]];
        uint32_t score = has_home(x) ? UINT32_MAX : x->last + 1;
        if (score > best_score) {
            best = r;
            best_score = score;
        }
    }
    return best;
}

/* RSI first: RAX, RCX and RDX have other duties. */
static unsigned first_free(uint32_t m)
{
    return m & REG_BIT(RSI) ? (unsigned)RSI : (unsigned)__builtin_ctz(m);
}

static unsigned pick(struct gen *g, uint32_t cls)
{
    uint32_t m = g->free & cls & ~g->locked;
    if (m)
        return first_free(m);
    unsigned r = victim(g, g->map->scratch & cls & ~g->locked);
    if (r == NO_REG) { /* no rule locks that many; fail the compilation rather than trust that */
        g->why = "out of registers";
        return cls == ALL_GPR ? RAX : XMM8;
    }
    evict(g, r);
    return r;
}

static unsigned temp(struct gen *g, uint32_t cls)
{
    unsigned r = pick(g, cls);
    g->free &= ~REG_BIT(r);
    g->temps |= REG_BIT(r);
    g->locked |= REG_BIT(r);
    return r;
}

unsigned ra_temp(struct gen *g)
{
    return temp(g, ALL_GPR);
}

unsigned ra_temp_xmm(struct gen *g)
{
    return temp(g, ALL_XMM);
}

void ra_keep(struct gen *g, unsigned t, uint32_t id)
{
    g->temps &= ~REG_BIT(t);
    own(g, t, id);
}

void ra_unkeep(struct gen *g, uint32_t id)
{
    unsigned r = g->val[id].reg;
    if (r == NO_REG)
        return;
    g->val[id].reg = NO_REG;
    g->owner[r] = NO_VAL;
    g->temps |= REG_BIT(r);
    g->locked |= REG_BIT(r);
}

unsigned ra_free_gprs(const struct gen *g)
{
    return __builtin_popcount(g->free & ALL_GPR & ~g->locked);
}

struct opnd ra_where(const struct gen *g, uint32_t id)
{
    const struct val *x = &g->val[id];
    return x->reg != NO_REG ? opnd_reg(x->reg) : home_opnd(g, x);
}

uint32_t ra_group_regs(const struct gen *g)
{
    uint32_t regs = 0;
    for (uint32_t m = g->map->scratch & ~g->free & ALL_GPR; m; m &= m - 1) {
        unsigned r = __builtin_ctz(m);
        if (g->owner[r] != NO_VAL && g->owner[r] >= IR_MAX_OPS)
            regs |= REG_BIT(r);
    }
    return regs;
}

/* --- uses --- */
static unsigned const_reg(struct gen *g, ir_val v)
{
    const struct ir_konst *k = &g->ir->consts[v.id & ~IR_CONST_BIT];
    unsigned r = temp(g, class_of(k->type));
    if (!type_is_fp(k->type)) {
        if (k->value)
            x86_mov_imm(&g->c, r, k->value);
        else
            x86_zero(&g->c, r);
    } else if (k->value) { /* the upper half of a vector is zero */
        unsigned t = ra_temp(g);
        x86_mov_imm(&g->c, t, k->value);
        x86_movq_from_gpr(&g->c, true, r, opnd_reg(t), g->rt->has.avx);
    } else if (g->wide) {
        x86_vex(&g->c, 0x57 | X_0F, r, r, opnd_reg(r));
    } else {
        x86_op(&g->c, 0x57 | X_0F, r, opnd_reg(r));
    }
    return r;
}

unsigned ra_use_id(struct gen *g, uint32_t id)
{
    struct val *x = &g->val[id];
    if (x->reg == NO_REG) {
        enum ir_type t = type_of_id(g, id);
        unsigned r = pick(g, class_of(t));
        load_typed(g, x->slot != NO_SLOT || !type_is_fp(t) ? t : spill_type(t), r, home_opnd(g, x));
        own(g, r, id);
    }
    g->locked |= REG_BIT(x->reg);
    return x->reg;
}

unsigned ra_use(struct gen *g, ir_val v)
{
    return ir_val_is_const(v) ? const_reg(g, v) : ra_use_id(g, val_id(g, v));
}

struct opnd ra_rm(struct gen *g, ir_val v)
{
    if (ir_val_is_const(v))
        return opnd_reg(const_reg(g, v));
    uint32_t id = val_id(g, v);
    const struct val *x = &g->val[id];
    uint32_t cls = class_of(type_of_id(g, id));
    if (x->reg == NO_REG && (!lives_on(g, id) || !(g->free & cls & ~g->locked)))
        return home_opnd(g, x);
    return opnd_reg(ra_use_id(g, id));
}

bool ra_imm32(const struct gen *g, ir_val v, int32_t *imm)
{
    if (!ir_val_is_const(v))
        return false;
    const struct ir_konst *k = &g->ir->consts[v.id & ~IR_CONST_BIT];
    *imm = k->value;
    return k->type == I32 || (k->type == I64 && (int64_t)k->value == *imm);
}

struct opnd ra_rmi(struct gen *g, ir_val v)
{
    int32_t imm;
    return ra_imm32(g, v, &imm) ? opnd_imm(imm) : ra_rm(g, v);
}

/* --- fixed registers --- */
void ra_take(struct gen *g, unsigned r)
{
    if (!(g->free >> r & 1)) {
        uint32_t id = g->owner[r], m = g->free & ALL_GPR & ~g->locked;
        if (m) {
            unsigned to = first_free(m);
            ra_move(g, to, r);
            disown(g, r);
            own(g, to, id);
        } else {
            evict(g, r);
        }
    }
    g->free &= ~REG_BIT(r);
    g->temps |= REG_BIT(r);
    g->locked |= REG_BIT(r);
}

/* Whether the value has no reader after this op, and this op reads it once. */
static bool dies_in_one_place(const struct gen *g, uint32_t id)
{
    unsigned n = 0;
    for (unsigned k = 0; k < ir_desc(g->op)->nargs; k++)
        n += arg_id(g, g->op, k) == id;
    return !lives_on(g, id) && n == 1;
}

void ra_fixed(struct gen *g, unsigned r, ir_val v)
{
    uint32_t id = ir_val_is_const(v) ? NO_VAL : val_id(g, v);
    if (id != NO_VAL && g->val[id].reg == r && dies_in_one_place(g, id)) {
        g->val[id].reg = NO_REG;
        disown(g, r);
        ra_take(g, r);
        return;
    }
    ra_take(g, r);
    if (id == NO_VAL)
        x86_mov_imm(&g->c, r, ir_const_value(g->ir, v));
    else if (g->val[id].reg != NO_REG)
        ra_move(g, r, g->val[id].reg);
    else
        load_typed(g, type_of_id(g, id), r, home_opnd(g, &g->val[id]));
}

/* --- results --- */
/* Slot's register is about to change: whoever still needs what is in it gets another place. */
static void detach_pin(struct gen *g, unsigned r)
{
    uint32_t id = g->owner[r];
    g->owner[r] = NO_VAL;
    if (id == NO_VAL || g->val[id].reg != r)
        return;
    g->val[id].reg = NO_REG;
    if (!lives_on(g, id) || has_home(&g->val[id]))
        return;
    for (uint32_t m = g->map->pinned; m; m &= m - 1)
        if (g->owner[__builtin_ctz(m)] == id) {
            g->val[id].reg = __builtin_ctz(m);
            return;
        }
    g->val[id].reg = r;
    uint32_t room = g->free & class_of(type_of_id(g, id)) & ~g->locked;
    if (!room) {
        leave_to_memory(g, id);
        return;
    }
    unsigned to = first_free(room);
    ra_move(g, to, r);
    own(g, to, id);
}

/* The pinned register that the result is destined for, or NO_REG. */
static unsigned hinted(const struct gen *g)
{
    unsigned slot = g->val[g->cur].hint;
    return slot == NO_SLOT ? NO_REG : g->map->pin_reg[slot];
}

static bool dying_arg_in(const struct gen *g, unsigned r)
{
    uint32_t id = g->owner[r];
    return is_scratch(g, r) && id != NO_VAL && !lives_on(g, id);
}

bool ra_likes(const struct gen *g, unsigned r)
{
    unsigned h = hinted(g);
    return h != NO_REG ? h == r : dying_arg_in(g, r);
}

static unsigned reuse_arg(const struct gen *g, uint32_t cls, uint32_t avoid)
{
    for (unsigned k = 0; k < ir_desc(g->op)->nargs; k++) {
        uint32_t id = arg_id(g, g->op, k);
        if (id == NO_VAL)
            continue;
        unsigned r = g->val[id].reg;
        if (r != NO_REG && (cls >> r & 1) && !(avoid >> r & 1) && g->owner[r] == id &&
            dying_arg_in(g, r))
            return r;
    }
    return NO_REG;
}

static unsigned define(struct gen *g, unsigned r)
{
    uint32_t old = g->owner[r];
    if (old != NO_VAL && g->val[old].reg == r)
        g->val[old].reg = NO_REG;
    own(g, r, g->cur);
    g->locked |= REG_BIT(r);
    return r;
}

static unsigned place_result(struct gen *g, uint32_t avoid)
{
    unsigned r = hinted(g);
    if (r == NO_REG || (avoid >> r & 1))
        return reuse_arg(g, class_of(g->op->type), avoid);
    detach_pin(g, r);
    return r;
}

unsigned ra_def(struct gen *g, uint32_t avoid)
{
    unsigned r = place_result(g, avoid);
    if (r == NO_REG) {
        uint32_t locked = g->locked;
        g->locked |= avoid;
        r = pick(g, class_of(g->op->type));
        g->locked = locked;
    }
    return define(g, r);
}

unsigned ra_def_temp(struct gen *g, unsigned t)
{
    unsigned r = place_result(g, 0);
    if (r == NO_REG) {
        g->temps &= ~REG_BIT(t);
        r = t;
    }
    return define(g, r);
}

void ra_def_fixed(struct gen *g, unsigned r)
{
    unsigned h = hinted(g);
    if (h != NO_REG) {
        detach_pin(g, h);
        ra_move(g, h, r);
        define(g, h);
    } else {
        g->temps &= ~REG_BIT(r);
        define(g, r);
    }
}

void ra_def_in_slot(struct gen *g, unsigned slot)
{
    uint32_t old = g->mem_val[slot];
    if (old != NO_VAL && g->val[old].slot == slot)
        g->val[old].slot = NO_SLOT;
    g->mem_val[slot] = g->cur;
    g->val[g->cur].slot = slot;
}

/* --- slots --- */
/* Slot's memory is about to change: the same. */
static void detach_mem(struct gen *g, unsigned slot)
{
    uint32_t id = g->mem_val[slot];
    g->mem_val[slot] = NO_VAL;
    if (id == NO_VAL || g->val[id].slot != slot)
        return;
    if (lives_on(g, id) && g->val[id].reg == NO_REG && g->val[id].spill == NO_SPILL)
        ra_use_id(g, id);
    g->val[id].slot = NO_SLOT;
}

void ra_leave_memory(struct gen *g, unsigned slot)
{
    detach_mem(g, slot);
}

/* A second reading of a slot whose first value still lives: a copy. */
static void get_copy(struct gen *g, uint32_t id)
{
    enum ir_type t = g->op->type;
    unsigned r = pick(g, class_of(t));
    if (g->val[id].reg != NO_REG)
        ra_move(g, r, g->val[id].reg);
    else
        load_typed(g, t, r, home_opnd(g, &g->val[id]));
    own(g, r, g->cur);
}

void ra_get(struct gen *g, unsigned slot)
{
    unsigned r = g->map->pin_reg[slot];
    uint32_t id = r != NO_REG ? g->owner[r] : g->mem_val[slot];
    bool aliased = id != NO_VAL && lives_on(g, id) &&
                   (r != NO_REG ? g->val[id].reg == r : g->val[id].slot == slot);
    if (aliased) {
        get_copy(g, id);
    } else if (r != NO_REG) {
        own(g, r, g->cur);
    } else {
        g->mem_val[slot] = g->cur;
        g->val[g->cur].slot = slot;
    }
}

static void set_pinned_const(struct gen *g, unsigned r, ir_val v)
{
    detach_pin(g, r);
    uint64_t c = ir_const_value(g->ir, v);
    if (r >= XMM0) {
        unsigned s = ra_use(g, v);
        ra_move(g, r, s);
    } else if (c) {
        x86_mov_imm(&g->c, r, c);
    } else {
        x86_zero(&g->c, r);
    }
}

static void set_pinned(struct gen *g, unsigned slot, unsigned r, ir_val v)
{
    if (ir_val_is_const(v)) {
        set_pinned_const(g, r, v);
        return;
    }
    uint32_t id = val_id(g, v);
    struct val *x = &g->val[id];
    if (g->owner[r] == id)
        return;
    if (x->reg != NO_REG)
        g->locked |= REG_BIT(x->reg);
    detach_pin(g, r);
    enum ir_type t = g->ir->slots[slot].type;
    if (x->reg != NO_REG)
        ra_move(g, r, x->reg);
    else
        load_typed(g, x->slot != NO_SLOT || !type_is_fp(t) ? t : spill_type(t), r, home_opnd(g, x));
    if (type_of_id(g, id) != t)
        return; /* trunc: the upper half of the register is not the slot's */
    g->owner[r] = id;
    if (x->reg != NO_REG && is_scratch(g, x->reg))
        disown(g, x->reg);
    if (x->reg == NO_REG || is_scratch(g, x->reg))
        x->reg = r;
}

/* One after the other, as VZEROUPPER has them: one register does for all. */
static void store_zero_vector(struct gen *g, unsigned slot, ir_val v)
{
    if (g->zero_xmm_at != g->c.p)
        g->zero_xmm = ra_use(g, v);
    store_typed(g, V128, slot_opnd(g, slot), g->zero_xmm);
    g->zero_xmm_at = g->c.p;
}

static void set_memory(struct gen *g, unsigned slot, ir_val v)
{
    uint64_t c;
    enum ir_type t = g->ir->slots[slot].type;
    int32_t imm;
    bool is_const = ir_val_is_const(v);
    uint32_t id = is_const ? NO_VAL : val_id(g, v);
    if (!is_const && g->mem_val[slot] == id)
        return;
    if (!is_const && g->val[id].reg != NO_REG)
        g->locked |= REG_BIT(g->val[id].reg);
    detach_mem(g, slot);
    if (!type_is_fp(t) && ra_imm32(g, v, &imm)) {
        x86_store_imm(&g->c, t == I64 ? 3 : 2, slot_opnd(g, slot), imm);
        return;
    }
    if (t == V128 && ir_is_const(g->ir, v, &c) && !c) {
        store_zero_vector(g, slot, v);
        return;
    }
    store_typed(g, t, slot_opnd(g, slot), ra_use(g, v));
    if (is_const || type_of_id(g, id) != t)
        return;
    g->mem_val[slot] = id;
    if (g->val[id].slot == NO_SLOT)
        g->val[id].slot = slot;
}

void ra_set(struct gen *g, unsigned slot, ir_val v)
{
    unsigned r = g->map->pin_reg[slot];
    bool known = g->known.at == g->c.p && !ir_val_is_const(v); /* zeroing a register sets flags */
    if (r != NO_REG)
        set_pinned(g, slot, r, v);
    else
        set_memory(g, slot, v);
    if (known)
        g->known.at = g->c.p;
}

/* --- calls --- */
static bool in_set(const struct ir_slot_set *set, unsigned slot)
{
    return set->w[slot / 64] >> (slot & 63) & 1;
}

/*
 * A slot that the call writes: a value that is only there and still needed after the call moves to
 * the frame.  Arguments of the call stay where they are.
 */
static void leave_slot(struct gen *g, unsigned slot)
{
    unsigned r = g->map->pin_reg[slot];
    uint32_t *holder = r != NO_REG ? &g->owner[r] : &g->mem_val[slot];
    uint32_t id = *holder, locked = g->locked;
    *holder = NO_VAL;
    if (id == NO_VAL || !lives_on(g, id))
        return;
    struct val *x = &g->val[id];
    if (r != NO_REG && x->reg == r) {
        save(g, id);
        x->reg = NO_REG;
    } else if (r == NO_REG && x->slot == slot) {
        ra_use_id(g, id);
        x->slot = NO_SLOT;
        save(g, id);
    }
    g->locked = locked;
}

void ra_before_call(struct gen *g, const struct ir_slot_set *writes, bool writes_all)
{
    for (unsigned s = 0; s < g->ir->nslots; s++)
        if (writes_all || in_set(writes, s))
            leave_slot(g, s);
    for (uint32_t m = g->map->scratch & CALLER_SAVED & ~g->free & ~g->temps; m; m &= m - 1) {
        unsigned r = __builtin_ctz(m);
        if (lives_on(g, g->owner[r]))
            save(g, g->owner[r]);
    }
}

void ra_after_call(struct gen *g)
{
    for (uint32_t m = g->map->scratch & CALLER_SAVED & ~g->free & ~g->temps; m; m &= m - 1) {
        unsigned r = __builtin_ctz(m);
        g->val[g->owner[r]].reg = NO_REG;
        disown(g, r);
    }
}

/* --- block and op --- */
void ra_block_begin(struct gen *g)
{
    g->free = g->map->scratch;
    g->locked = g->temps = 0;
    for (unsigned r = 0; r < X86_NREGS; r++)
        g->owner[r] = NO_VAL;
    for (unsigned s = 0; s < g->ir->nslots; s++)
        g->mem_val[s] = NO_VAL;
    memset(g->spill_used, 0, sizeof(g->spill_used));
}

static void release(struct gen *g, uint32_t id)
{
    struct val *x = &g->val[id];
    if (x->reg != NO_REG && is_scratch(g, x->reg) && g->owner[x->reg] == id)
        disown(g, x->reg);
    spill_free(g, id);
}

static void release_if_dead(struct gen *g, ir_val v)
{
    if (ir_val_is_const(v))
        return;
    uint32_t id = val_id(g, v);
    if (g->val[id].fused)
        id = val_id(g, g->ir->ops[id].arg[0]);
    if (!lives_on(g, id))
        release(g, id);
}

void ra_op_end(struct gen *g)
{
    const struct ir_op *op = g->op;
    for (unsigned k = 0; k < ir_desc(op)->nargs; k++)
        release_if_dead(g, op->arg[k]);
    if (op->opc == OP_call)
        for (unsigned k = 0; k < ir_op_helper(op)->nargs; k++)
            release_if_dead(g, g->ir->call_args[op->attr + k]);
    if (g->val[g->cur].reg != NO_REG && !g->val[g->cur].last)
        release(g, g->cur);
    g->free |= g->temps;
    g->temps = g->locked = 0;
}
