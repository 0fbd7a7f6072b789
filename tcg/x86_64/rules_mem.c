/*
 * Guest memory: the inline check of the first-level TLB, the access, and the way to the slow path.
 *
 * A tag is the page address; an access hits when the page of its last byte has the tag (MO_ALIGN:
 * when the address without page offset, but with the bits that must be zero, is the tag).  The
 * entry is chosen by the first byte's page, so that an access across pages always misses.
 */
#include "tcg/x86_64/gen_priv.h"

enum { PAGE_MASK32 = -(1 << TCG_PAGE_BITS) };

/* An access in the making. */
struct access {
    unsigned base, t, u; /* register with the address less disp, or NO_REG; temporaries */
    unsigned add;        /* register that holds the addend on a hit */
    int32_t disp;
    uint32_t memop;
    struct group *group; /* NULL: alone */
    bool leads;          /* the first of its group: checks for all */
    bool follows;        /* relies on that check */
    bool fixed;          /* the address is a constant, addr, aligned */
    bool known;          /* the op names the slot that holds its addend: no check */
    uint64_t addr;
    const uint8_t *check; /* where the check begins */
    uint8_t *miss;        /* displacement of the jump taken on a miss */
    uint8_t *hit;         /* behind a check that leaves what a refill needs */
};

static struct opnd hit_opnd(const struct access *a)
{
    if (a->base == NO_REG)
        return opnd_mem(a->add, a->disp);
    return opnd_sib(a->base, a->add, 0, a->disp);
}

static uint32_t group_id(const struct gen *g, const struct group *k)
{
    return IR_MAX_OPS + (uint32_t)(k - g->groups);
}

/* What the group means for this access.  A follower needs two registers to spare, for the case that
 * the check failed. */
static void access_group(struct gen *g, struct access *a)
{
    unsigned n = g->val[g->cur].group;
    struct group *k = n == NO_GROUP ? NULL : &g->groups[n];
    if (!k || k->n < 2)
        return;
    struct val *x = &g->val[group_id(g, k)];
    if (g->cur == k->first) {
        a->group = k;
        a->leads = true;
        *x = (struct val){
            .last = k->last, .spill = NO_SPILL, .reg = NO_REG, .slot = NO_SLOT, .hint = NO_SLOT};
    } else if (x->reg != NO_REG && ra_free_gprs(g) >= 2) {
        a->group = k;
        a->follows = true;
        g->locked |= REG_BIT(x->reg);
    }
}

/* A constant address: its entry in the TLB is known. */
static void prepare_fixed(struct gen *g, struct access *a, ir_val v)
{
    a->fixed = !(a->addr & (memop_bytes(a->memop) - 1));
    if (a->fixed && (int64_t)a->addr == (int32_t)a->addr) {
        a->base = NO_REG;
        a->disp = (int32_t)a->addr;
    } else {
        a->base = ra_use(g, v);
    }
    a->add = a->t = ra_temp(g);
    a->u = ra_temp(g);
}

/* The addend is in a slot. */
static void prepare_known(struct gen *g, struct access *a, uint64_t slot)
{
    unsigned r = g->map->pin_reg[slot];
    a->known = true;
    a->t = a->u = ra_temp(g);
    a->add = r != NO_REG ? r : a->t;
    if (r == NO_REG)
        x86_mov(&g->c, true, a->t, slot_opnd(g, slot));
}

/* Operands only; no code that the miss path must not skip may follow the check. */
static void access_prepare(struct gen *g, struct access *a, const struct ir_op *op)
{
    ir_val v = op->arg[0];
    *a = (struct access){.memop = op->attr};
    unsigned most = op->type == V256         ? MO_256
                    : op->type == V128       ? MO_128
                    : ir_opc_is_x87(op->opc) ? MO_80
                                             : MO_64;
    if (memop_idx(a->memop) >= TCG_MMU_MODES || (a->memop & MO_SIZE) > most) {
        g->why = "access of an unknown size or MMU index";
        a->memop = MO_64;
    }
    bool is_const = ir_is_const(g->ir, v, &a->addr);
    if (is_const && op->imm) {
        a->base = ra_use(g, v);
        prepare_known(g, a, op->imm - 1);
        return;
    }
    if (is_const) {
        prepare_fixed(g, a, v);
        return;
    }
    if (g->val[v.id].fused) {
        const struct ir_op *add = &g->ir->ops[v.id];
        a->disp = ir_const_value(g->ir, add->arg[1]);
        v = add->arg[0];
    }
    a->base = ra_use(g, v);
    if (op->imm) {
        prepare_known(g, a, op->imm - 1);
        return;
    }
    access_group(g, a);
    a->add = a->t = ra_temp(g);
    a->u = ra_temp(g);
}

/* u = base + off. */
static void address(struct gen *g, const struct access *a, unsigned d, int32_t off)
{
    if (off)
        x86_lea(&g->c, true, d, opnd_mem(a->base, off));
    else
        x86_mov(&g->c, true, d, opnd_reg(a->base));
}

enum { ADDENDS = offsetof(struct tcg_tlb, radd) - offsetof(struct tcg_tlb, rtag) };
_Static_assert(offsetof(struct tcg_tlb, wadd) - offsetof(struct tcg_tlb, wtag) == ADDENDS,
               "one distance from tags to addends");

/* Displacement of the first tag of the access's TLB. */
static int32_t tags(const struct access *a, bool is_write)
{
    return TCG_ENV_OFF(tlb) +
           (int32_t)(memop_idx(a->memop) % TCG_MMU_MODES * sizeof(struct tcg_tlb)) +
           (int32_t)(is_write ? offsetof(struct tcg_tlb, wtag) : offsetof(struct tcg_tlb, rtag));
}

static void tlb_check_fixed(struct gen *g, struct access *a, bool is_write)
{
    struct x86_code *c = &g->c;
    int64_t page = (int64_t)a->addr & PAGE_MASK32;
    unsigned entry = a->addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
    int32_t tag = tags(a, is_write) + (int32_t)entry * 8;
    if (page == (int32_t)page) {
        x86_alu(c, true, ALU_CMP, opnd_mem(RBP, tag), opnd_imm((int32_t)page));
    } else {
        x86_mov_imm(c, a->u, (uint64_t)page);
        x86_alu(c, true, ALU_CMP, opnd_reg(a->u), opnd_mem(RBP, tag));
    }
    a->miss = x86_jcc(c, CC_NE);
    x86_mov(c, true, a->t, opnd_mem(RBP, tag + ADDENDS));
    a->hit = c->p;
}

/* Hit if base + lo is in a page that the TLB knows, and the byte before base + end too. */
static void tlb_check(struct gen *g, struct access *a, bool is_write, int32_t lo, int32_t end)
{
    struct x86_code *c = &g->c;
    bool must_align = (a->memop & MO_ALIGN) && !a->leads;
    int32_t low_bits = must_align ? (int32_t)memop_bytes(a->memop) - 1 : 0;
    int32_t tag = tags(a, is_write);
    if (lo == 0 && g->rt->has.bmi2) {
        x86_rorx(c, true, a->t, opnd_reg(a->base), TCG_PAGE_BITS);
    } else {
        address(g, a, a->t, lo);
        x86_shift_imm(c, true, SH_SHR, opnd_reg(a->t), TCG_PAGE_BITS);
    }
    x86_alu(c, false, ALU_AND, opnd_reg(a->t), opnd_imm(TCG_TLB_SIZE - 1));
    address(g, a, a->u, must_align ? lo : end - 1);
    x86_alu(c, true, ALU_AND, opnd_reg(a->u), opnd_imm(PAGE_MASK32 | low_bits));
    x86_op(c, 0x3b | X_W, a->u, opnd_sib(RBP, a->t, 3, tag));
    a->miss = x86_jcc(c, CC_NE);
    x86_mov(c, true, a->t, opnd_sib(RBP, a->t, 3, tag + ADDENDS));
    a->hit = c->p;
}

/* The check of one access by itself. */
static void check_alone(struct gen *g, struct access *a, bool is_write)
{
    if (a->fixed)
        tlb_check_fixed(g, a, is_write);
    else
        tlb_check(g, a, is_write, a->disp, a->disp + (int32_t)memop_bytes(a->memop));
}

/* The check that this access needs where it stands. */
static void check_access(struct gen *g, struct access *a, const struct ir_op *op)
{
    struct group *k = a->group;
    a->check = g->c.p;
    if (a->known) {
        return;
    } else if (a->follows) {
        a->add = g->val[group_id(g, k)].reg;
        x86_test(&g->c, true, a->add, a->add);
        a->miss = x86_jcc(&g->c, CC_E);
    } else if (a->leads) {
        uint32_t base;
        bool narrow;
        int32_t shift = a->disp - address_parts(g, op->arg[0], &base, &narrow);
        tlb_check(g, a, k->is_write, shift + k->lo, shift + k->hi);
    } else {
        check_alone(g, a, !ir_opc_is_load(op->opc));
    }
}

/* The group's register: a leader's temporary becomes it; after the last access it is free. */
static void keep_addend(struct gen *g, struct access *a)
{
    if (a->leads)
        ra_keep(g, a->t, group_id(g, a->group));
    else if (a->follows && g->cur == a->group->last)
        ra_unkeep(g, group_id(g, a->group));
}

/* --- the access itself --- */
static void swap_bytes(struct gen *g, unsigned size_log2, unsigned r)
{
    x86_bswap(&g->c, size_log2 == 3, r);
    if (size_log2 == 1)
        x86_shift_imm(&g->c, false, SH_SHR, opnd_reg(r), 16);
}

static void load_int(struct gen *g, uint32_t memop, bool w, unsigned d, struct opnd m)
{
    unsigned size = memop & MO_SIZE;
    bool sign = memop & MO_SIGN;
    if (!(memop & MO_BE) || size == 0) {
        x86_load(&g->c, size, sign, w, d, m);
        return;
    }
    if (g->rt->has.movbe && size >= 2) {
        x86_op(&g->c, 0xf0 | X_0F38 | x86_w(size == 3), d, m);
    } else {
        x86_load(&g->c, size, false, w, d, m);
        swap_bytes(g, size, d);
    }
    if (sign && (size == 1 || (size == 2 && w)))
        x86_load(&g->c, size, true, w, d, opnd_reg(d));
}

static void load_hit(struct gen *g, const struct ir_op *op, const struct access *a, unsigned d)
{
    struct opnd m = hit_opnd(a);
    bool is_fp = type_is_fp(op->type);
    if (op->opc == OP_x87_ld) {
        x87_on_memory(g, x87_fop(op), m);
        return;
    }
    if (op->type == V128 || op->type == V256) {
        load_typed(g, op->type, d, m);
        return;
    }
    if (is_fp && !(a->memop & MO_BE)) {
        x86_fload(&g->c, op->type == F64, d, m, g->rt->has.avx);
        return;
    }
    load_int(g, a->memop, op->type == I64 || op->type == F64, is_fp ? a->u : d, m);
    if (is_fp)
        x86_movq_from_gpr(&g->c, true, d, opnd_reg(a->u), g->rt->has.avx);
}

static void store_be(struct gen *g, const struct access *a, unsigned v)
{
    unsigned size = a->memop & MO_SIZE;
    if (v >= XMM0)
        x86_movq_to_gpr(&g->c, true, a->u, v, g->rt->has.avx);
    else
        x86_mov(&g->c, true, a->u, opnd_reg(v));
    swap_bytes(g, size, a->u);
    x86_store(&g->c, size, hit_opnd(a), a->u);
}

static void store_hit(struct gen *g, const struct access *a, struct opnd v)
{
    unsigned size = a->memop & MO_SIZE;
    if (v.kind == OPND_POOL)
        x87_on_memory(g, (uint32_t)v.disp, hit_opnd(a));
    else if (v.kind == OPND_IMM)
        x86_store_imm(&g->c, size, hit_opnd(a), v.disp);
    else if ((a->memop & MO_BE) && size)
        store_be(g, a, v.reg);
    else if (size >= MO_128)
        store_typed(g, size == MO_256 ? V256 : V128, hit_opnd(a), v.reg);
    else if (v.reg >= XMM0)
        x86_fstore(&g->c, size == 3, hit_opnd(a), v.reg, g->rt->has.avx);
    else
        x86_store(&g->c, size, hit_opnd(a), v.reg);
}

/* --- the slow path --- */
static void push_value(struct gen *g, struct opnd v, unsigned t)
{
    if (v.kind == OPND_IMM) {
        x86_push_imm(&g->c, v.disp);
    } else if (v.reg >= XMM0) {
        x86_movq_to_gpr(&g->c, true, t, v.reg, g->rt->has.avx);
        x86_push(&g->c, t);
    } else {
        x86_push(&g->c, v.reg);
    }
}

/* A slow path may have changed what is mapped: groups check again. */
static void void_groups(struct gen *g, uint32_t regs)
{
    for (; regs; regs &= regs - 1)
        x86_zero(&g->c, __builtin_ctz(regs));
}

static void push_address(struct gen *g, const struct cold *k)
{
    if (k->a.kind == OPND_IMM) {
        x86_push_imm(&g->c, k->a.disp);
    } else if (k->a.disp) {
        x86_lea(&g->c, true, k->t, k->a);
        x86_push(&g->c, k->t);
    } else {
        x86_push(&g->c, k->a.reg);
    }
}

/* 16 or 32 bytes pass through the save area, whose address is an argument. */
static struct opnd wide_buffer(void)
{
    return opnd_mem(RBP, TCG_ENV_OFF(save) + TCG_SAVE_VALUE);
}

/* A load across pages was done there. */
static void load_filled(struct gen *g, const struct cold *k)
{
    struct access a = {
        .base = NO_REG, .add = RBP, .disp = wide_buffer().disp, .u = k->u, .memop = k->exit};
    load_hit(g, k->op, &a, k->d);
    void_groups(g, k->groups);
    cold_return(g, k);
}

/* In a region: fill the TLB and check again, or leave at the instruction. */
static void cold_fill(struct gen *g, const struct cold *k)
{
    bool may_cross =
        ir_opc_is_load(k->op->opc) && !(k->exit & MO_ALIGN) && memop_bytes(k->exit) > 1;
    push_address(g, k);
    x86_push_imm(&g->c, k->exit);
    x86_call_to(&g->c, g->rt->fill[keeping_of(true, g->wide)]);
    x86_pop(&g->c, k->t);
    x86_alu(&g->c, false, ALU_CMP, opnd_reg(k->t), opnd_imm(FILL_READY));
    x86_link(x86_jcc(&g->c, CC_E), k->retry);
    uint8_t *cannot = may_cross ? x86_jcc(&g->c, CC_B) : NULL;
    if (may_cross) {
        load_filled(g, k);
        x86_link(cannot, g->c.p);
    }
    leave_side(g, k);
}

static bool is_ten(const struct ir_op *op)
{
    return (op->attr & MO_SIZE) == MO_80;
}

static void cold_miss_128(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    bool is_store = k->op->opc == OP_st;
    push_address(g, k);
    if (is_store)
        x86_fstore128(c, wide_buffer(), k->b.reg, g->rt->has.avx);
    x86_lea(c, true, k->t, wide_buffer());
    x86_push(c, k->t);
    x86_push_imm(c, k->exit);
    x86_call_to(c, (const uint8_t *)(uintptr_t)k->pc);
    mark_here(g, k->mark);
    if (k->op->opc == OP_x87_ld)
        x87_on_memory(g, x87_fop(k->op), wide_buffer());
    else if (!is_store)
        x86_fload128(c, k->d, wide_buffer(), g->rt->has.avx);
    void_groups(g, k->groups);
    cold_return(g, k);
}

/*
 * The stubs keep every register.  They take address, values and memop from the stack, and leave the
 * result in the address's place.  k: a = base + displacement, b and c = values, d = result, t = a
 * temporary, exit = memop, pc = stub.
 */
static void cold_miss(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    bool has_result = k->op->opc != OP_st;
    late_flush_copy(g, k);
    if (k->op->type == V128 || is_ten(k->op)) {
        cold_miss_128(g, k);
        return;
    }
    push_address(g, k);
    if (k->b.kind != OPND_POOL)
        push_value(g, k->b, k->t);
    if (k->c.kind != OPND_POOL)
        push_value(g, k->c, k->t);
    x86_push_imm(c, k->exit);
    x86_call_to(c, (const uint8_t *)(uintptr_t)k->pc);
    mark_here(g, k->mark);
    if (k->op->opc == OP_x87_ld) {
        x87_on_memory(g, x87_fop(k->op), opnd_mem(RSP, 0));
        x86_lea(c, true, RSP, opnd_mem(RSP, 8));
    } else if (has_result) {
        unsigned d = k->d != NO_REG && k->d < XMM0 ? k->d : k->t;
        x86_pop(c, d);
        if (k->op->type == I32)
            x86_mov(c, false, d, opnd_reg(d)); /* see value_is_clean() */
        if (k->d != NO_REG && k->d >= XMM0)
            x86_movq_from_gpr(c, true, k->d, opnd_reg(d), g->rt->has.avx);
    }
    void_groups(g, k->groups);
    cold_return(g, k);
}

/* What the host's x87 would store, with the slots as they are before the instruction, since the
 * store may fault; then the rest of it. */
static void cold_miss_x87(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    int32_t word = (int32_t)k->op->imm2;
    push_address(g, k);
    x86_push_imm(c, word);
    x86_call_to(c, g->rt->x87_run[X87_LOOK]);
    if (is_ten(k->op)) { /* by reference */
        x86_lea(c, true, k->t, opnd_mem(RBP, TCG_ENV_OFF(x87_operand)));
        x86_store(c, 3, opnd_mem(RSP, 0), k->t);
    }
    x86_push_imm(c, k->exit);
    x86_call_to(c, (const uint8_t *)(uintptr_t)k->pc);
    mark_here(g, k->mark);
    x86_push_imm(c, word);
    x86_call_to(c, g->rt->x87_run[X87_DONE]);
    x86_lea(c, true, RSP, opnd_mem(RSP, 8));
    x86_call_to(c, g->rt->x87_enter);
    void_groups(g, k->groups);
    cold_return(g, k);
}

static bool wants_write(const struct ir_op *op)
{
    return op->opc == OP_tlb_add ? op->attr & MO_WRITE : !ir_opc_is_load(op->opc);
}

static const uint8_t *refill_stub(const struct gen *g, const struct cold *k)
{
    unsigned idx = memop_idx(k->exit) % TCG_MMU_MODES;
    return g->rt->refill[wants_write(k->op)][idx][k->t][k->u];
}

/* First the second-level TLB; a hit there goes on behind the check. */
static void cold_refill(struct gen *g, const struct cold *k)
{
    struct x86_code *c = &g->c;
    if (k->has_page) {
        x86_mov_imm(c, k->u, k->page);
        x86_mov_imm(c, k->t, k->page >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1));
    }
    x86_call_to(c, refill_stub(g, k));
    x86_link(x86_jcc(c, CC_E), k->hit);
    k->then(g, k);
}

typedef void cold_fn(struct gen *g, const struct cold *k);

static cold_fn *miss_of(const struct ir_op *op)
{
    return op->opc == OP_x87_st ? cold_miss_x87 : cold_miss;
}

/* The group's check failed, now or before: check this access alone, and let a leader's followers
 * know. */
static void cold_member(struct gen *g, const struct cold *k)
{
    bool is_write = ir_opc_is_store(k->op->opc);
    struct access a = {
        .base = k->a.reg, .disp = k->a.disp, .t = k->t, .u = k->u, .add = k->t, .memop = k->exit};
    a.check = g->c.p;
    check_alone(g, &a, is_write);
    struct cold *m = cold_new(g, cold_miss, a.miss);
    uint8_t *from = m->from;
    *m = *k;
    m->emit =
        g->o->region ? cold_fill : miss_of(k->op); /* a span across pages: hardly worth a refill */
    m->from = from;
    m->retry = a.check;
    if (is_write)
        store_hit(g, &a, k->b);
    else
        load_hit(g, k->op, &a, k->d);
    if (k->groups >> k->t & 1)
        x86_zero(&g->c, k->t);
    cold_return(g, k);
}

/* Outside regions, accesses of a group whose check failed look the TLB up in code that all share.
 */
static const uint8_t *again_stub(const struct gen *g, const struct access *a,
                                 const struct ir_op *op)
{
    bool keep = scratch_xmm_live(g);
    unsigned idx = memop_idx(a->memop) % TCG_MMU_MODES;
    if (!a->group || g->o->region || (a->memop & MO_BE) || op->type == V128 ||
        op->opc == OP_x87_st || is_ten(op))
        return NULL;
    return ir_opc_is_load(op->opc) ? g->rt->again_ld[keep][idx][a->memop & (MO_SIZE | MO_SIGN)]
                                   : g->rt->again_st[keep][idx][a->memop & MO_SIZE];
}

static struct cold *miss(struct gen *g, const struct access *a, const uint8_t *const stub[2])
{
    struct cold *k = cold_new(g, cold_miss, a->miss);
    k->a = a->base == NO_REG ? opnd_imm(a->disp) : opnd_mem(a->base, a->disp);
    k->b = k->c = opnd_pool(0); /* none */
    k->t = a->t;
    k->u = a->u;
    k->exit = a->memop;
    k->hit = a->hit;
    k->has_page = a->fixed;
    k->page = a->addr & (uint64_t)(int64_t)PAGE_MASK32;
    const uint8_t *again = again_stub(g, a, k->op);
    k->then = a->group && !again ? cold_member : g->o->region ? cold_fill : miss_of(k->op);
    k->emit = a->hit && refill_stub(g, k) ? cold_refill : k->then;
    k->pc = (uintptr_t)(again ? again : stub[scratch_xmm_live(g)]);
    k->groups = ra_group_regs(g);
    k->back = g->c.p;
    k->retry = a->check;
    if (g->o->region && !ir_opc_is_load(k->op->opc))
        k->exit |= MO_WRITE;
    return k;
}

/* --- loads --- */
static void rule_ld(struct gen *g, const struct ir_op *op)
{
    struct access a;
    access_prepare(g, &a, op);
    unsigned d = type_is_fp(op->type) ? ra_def(g, 0) : ra_def_temp(g, a.leads ? a.u : a.t);
    check_access(g, &a, op);
    load_hit(g, op, &a, d);
    keep_addend(g, &a);
    if (!a.known)
        miss(g, &a, op->type == V128 ? g->rt->miss_ld128 : g->rt->miss_ld)->d = d;
}

static void rule_x87_ld(struct gen *g, const struct ir_op *op)
{
    struct access a;
    x87_fetch(g);
    access_prepare(g, &a, op);
    check_access(g, &a, op);
    load_hit(g, op, &a, NO_REG);
    keep_addend(g, &a);
    if (!a.known)
        miss(g, &a, is_ten(op) ? g->rt->miss_ld128 : g->rt->miss_ld)->d = NO_REG;
}

/* --- stores --- */
static void rule_st(struct gen *g, const struct ir_op *op)
{
    struct access a;
    struct opnd v;
    int32_t imm;
    if (!(op->attr & MO_BE) && ra_imm32(g, op->arg[1], &imm))
        v = opnd_imm(imm);
    else
        v = opnd_reg(ra_use(g, op->arg[1]));
    access_prepare(g, &a, op);
    check_access(g, &a, op);
    store_hit(g, &a, v);
    keep_addend(g, &a);
    if (!a.known)
        miss(g, &a, op->type == V128 ? g->rt->miss_st128 : g->rt->miss_st)->b = v;
}

static void rule_x87_st(struct gen *g, const struct ir_op *op)
{
    struct access a;
    struct opnd v = opnd_pool((int32_t)x87_fop(op)); /* for store_hit() */
    x87_fetch(g);
    access_prepare(g, &a, op);
    check_access(g, &a, op);
    store_hit(g, &a, v);
    keep_addend(g, &a);
    if (!a.known)
        miss(g, &a, is_ten(op) ? g->rt->miss_st128 : g->rt->miss_st)->b = v;
}

/* --- the first-level TLB as a value --- */
/* A store marks its page as dirty, so only a store may ask for that. */
static void cold_tlb_add(struct gen *g, const struct cold *k)
{
    if (!(k->exit & MO_WRITE)) {
        push_address(g, k);
        x86_push_imm(&g->c, k->exit);
        x86_call_to(&g->c, g->rt->fill[keeping_of(true, g->wide)]);
        x86_pop(&g->c, k->t);
        x86_test(&g->c, true, k->t, k->t);
        x86_link(x86_jcc(&g->c, CC_NE), k->retry);
    }
    x86_zero(&g->c, k->d);
    cold_return(g, k);
}

static void rule_tlb_add(struct gen *g, const struct ir_op *op)
{
    struct access a = {.memop = op->attr & (MO_IDX | MO_SIZE)};
    a.base = ra_use(g, op->arg[0]);
    a.add = a.t = ra_temp(g);
    a.u = ra_temp(g);
    unsigned d = ra_def(g, REG_BIT(a.base) | REG_BIT(a.t) | REG_BIT(a.u));
    a.check = g->c.p;
    tlb_check(g, &a, op->attr & MO_WRITE, 0, 1);
    ra_move(g, d, a.t);
    struct cold *k = cold_new(g, cold_tlb_add, a.miss);
    k->a = opnd_mem(a.base, 0);
    k->d = d;
    k->t = a.t;
    k->u = a.u;
    k->exit = op->attr & ~(uint32_t)MO_SIZE;
    k->hit = a.hit;
    k->then = cold_tlb_add;
    if (refill_stub(g, k))
        k->emit = cold_refill;
    k->retry = a.check;
    k->back = g->c.p;
}

/* --- atomics --- */
/* An instruction on an operand of the memop's size: op is the byte form, op + 1 the wider ones. */
static uint32_t sized(uint32_t op, unsigned size)
{
    static const uint32_t form[] = {X_B8REG, 1 | X_66, 1, 1 | X_W};
    return op + form[size];
}

/* The prefix of an atomic operation.  Other vCPUs and, behind a full barrier, devices see an order
 * that way. */
static uint32_t lock_of(const struct gen *g, const struct ir_op *op)
{
    enum { FULL = MO_ACQ | MO_REL };
    return g->o->one_cpu && (op->attr & FULL) != FULL ? 0 : X_LOCK;
}

/* The old value in r, of which only the access's bytes count, extended into d. */
static void extend_old(struct gen *g, const struct ir_op *op, unsigned d, unsigned r)
{
    unsigned size = op->attr & MO_SIZE;
    bool w = op->type == I64;
    if (size == 3 && d == r)
        return;
    x86_load(&g->c, size, op->attr & MO_SIGN, w, d, opnd_reg(r));
}

static struct cold *atomic_miss(struct gen *g, const struct ir_op *op, struct access *a, unsigned d)
{
    bool is_cas = op->opc == OP_cas;
    struct cold *k = miss(g, a, is_cas ? g->rt->miss_cas : g->rt->miss_atomic);
    if (g->o->region)
        k->exit |= MO_ALIGN;
    else if (!is_cas)
        k->exit |= (uint32_t)op->opc << 16;
    k->d = d;
    return k;
}

static void check_aligned(struct gen *g, struct access *a)
{
    uint32_t memop = a->memop;
    a->memop |= MO_ALIGN;
    check_alone(g, a, true);
    a->memop = memop;
}

/* Check, in line unless big endian: those always take the slow path, which is reached by the same
 * jump. */
static void atomic_check(struct gen *g, struct access *a)
{
    a->check = g->c.p;
    if ((a->memop & MO_BE) && g->o->region)
        g->why = "big-endian atomic in a region";
    if ((a->memop & MO_BE) && memop_bytes(a->memop) > 1)
        x86_test(&g->c, true, RBP, RBP); /* never zero */
    if ((a->memop & MO_BE) && memop_bytes(a->memop) > 1)
        a->miss = x86_jcc(&g->c, CC_NE);
    else
        check_aligned(g, a);
}

/* XADD and XCHG give the old value back in the register. */
static void atomic_exchange(struct gen *g, const struct ir_op *op, bool is_add)
{
    struct access a;
    unsigned size = op->attr & MO_SIZE;
    unsigned v = ra_use(g, op->arg[1]);
    access_prepare(g, &a, op);
    unsigned d = ra_def_temp(g, a.u);
    atomic_check(g, &a);
    /* u is free after the check, and neither an input nor, unless it is d, the result */
    x86_mov(&g->c, true, a.u, opnd_reg(v));
    uint32_t opc = is_add ? 0xc0 | X_0F | lock_of(g, op) : 0x86; /* XCHG locks by itself */
    x86_op(&g->c, sized(opc, size), a.u, hit_opnd(&a));
    extend_old(g, op, d, a.u);
    struct cold *k = atomic_miss(g, op, &a, d);
    k->b = opnd_reg(v);
}

/* lock op [m], v: the old value is not wanted. */
static void atomic_unread(struct gen *g, const struct ir_op *op, enum x86_alu alu)
{
    struct access a;
    unsigned v = ra_use(g, op->arg[1]);
    access_prepare(g, &a, op);
    atomic_check(g, &a);
    x86_op(&g->c, sized(alu << 3 | lock_of(g, op), op->attr & MO_SIZE), v, hit_opnd(&a));
    struct cold *k = atomic_miss(g, op, &a, NO_REG);
    k->b = opnd_reg(v);
}

static bool unread(const struct gen *g)
{
    return !g->val[g->cur].last;
}

static void rule_atomic_add(struct gen *g, const struct ir_op *op)
{
    if (unread(g))
        atomic_unread(g, op, ALU_ADD);
    else
        atomic_exchange(g, op, true);
}

static void rule_atomic_swap(struct gen *g, const struct ir_op *op)
{
    atomic_exchange(g, op, false);
}

/* new (in n) = old (in RAX) op v, on the access's bytes. */
static void atomic_combine(struct gen *g, const struct ir_op *op, unsigned n, unsigned v)
{
    struct x86_code *c = &g->c;
    unsigned size = op->attr & MO_SIZE;
    enum x86_cc keep_old = CC_O;
    switch (op->opc) {
    case OP_atomic_min: keep_old = CC_LE; break;
    case OP_atomic_max: keep_old = CC_GE; break;
    case OP_atomic_minu: keep_old = CC_BE; break;
    case OP_atomic_maxu: keep_old = CC_AE; break;
    default: break;
    }
    if (keep_old != CC_O) {
        x86_mov(c, true, n, opnd_reg(v));
        x86_op(c, sized(0x38, size), v, opnd_reg(RAX)); /* cmp RAX, v */
        x86_cmov(c, true, keep_old, n, opnd_reg(RAX));
        return;
    }
    x86_mov(c, true, n, opnd_reg(RAX));
    x86_alu(c, true,
            op->opc == OP_atomic_and  ? ALU_AND
            : op->opc == OP_atomic_or ? ALU_OR
                                      : ALU_XOR,
            opnd_reg(n), opnd_reg(v));
}

/* Compare-and-exchange until nobody else came between. */
static void atomic_loop(struct gen *g, const struct ir_op *op)
{
    struct access a;
    struct x86_code *c = &g->c;
    unsigned size = op->attr & MO_SIZE;
    ra_take(g, RAX);
    unsigned v = ra_use(g, op->arg[1]);
    access_prepare(g, &a, op);
    unsigned d = ra_def_temp(g, RAX);
    atomic_check(g, &a);
    x86_load(c, size, false, true, RAX, hit_opnd(&a));
    uint8_t *again = c->p;
    atomic_combine(g, op, a.u, v);
    if (lock_of(g, op)) {
        x86_op(c, sized(0xb0 | X_0F | X_LOCK, size), a.u, hit_opnd(&a));
        x86_link(x86_jcc(c, CC_NE), again);
    } else {
        x86_store(c, size, hit_opnd(&a), a.u);
    }
    extend_old(g, op, d, RAX);
    struct cold *k = atomic_miss(g, op, &a, d);
    k->b = opnd_reg(v);
}

static void rule_atomic_and(struct gen *g, const struct ir_op *op)
{
    if (unread(g))
        atomic_unread(g, op, ALU_AND);
    else
        atomic_loop(g, op);
}

static void rule_atomic_or(struct gen *g, const struct ir_op *op)
{
    if (unread(g))
        atomic_unread(g, op, ALU_OR);
    else
        atomic_loop(g, op);
}

static void rule_atomic_xor(struct gen *g, const struct ir_op *op)
{
    if (unread(g))
        atomic_unread(g, op, ALU_XOR);
    else
        atomic_loop(g, op);
}

static void rule_cas(struct gen *g, const struct ir_op *op)
{
    struct access a;
    ra_fixed(g, RAX, op->arg[1]);
    unsigned v = ra_use(g, op->arg[2]);
    access_prepare(g, &a, op);
    unsigned d = ra_def_temp(g, RAX);
    atomic_check(g, &a);
    x86_op(&g->c, sized(0xb0 | X_0F | lock_of(g, op), op->attr & MO_SIZE), v, hit_opnd(&a));
    extend_old(g, op, d, RAX);
    struct cold *k = atomic_miss(g, op, &a, d);
    k->b = opnd_reg(RAX);
    k->c = opnd_reg(v);
}

/* x86 is TSO: only earlier stores may pass later loads.  A locked operation is cheaper than MFENCE.
 */
static void rule_fence(struct gen *g, const struct ir_op *op)
{
    if (op->attr & IR_FENCE_WR)
        x86_op_imm8(&g->c, 0x83 | X_LOCK, ALU_OR, opnd_mem(RSP, 0), 0);
}

/* --- host CPU struct --- */
static void rule_env_ld(struct gen *g, const struct ir_op *op)
{
    struct opnd m = opnd_mem(RBP, (int32_t)op->imm);
    unsigned d = ra_def(g, 0);
    if (op->type == V128)
        x86_fload128(&g->c, d, m, g->rt->has.avx);
    else if (type_is_fp(op->type))
        x86_fload(&g->c, op->type == F64, d, m, g->rt->has.avx);
    else
        x86_load(&g->c, op->attr & MO_SIZE, op->attr & MO_SIGN, op->type == I64, d, m);
}

static void rule_env_st(struct gen *g, const struct ir_op *op)
{
    struct opnd m = opnd_mem(RBP, (int32_t)op->imm);
    int32_t imm;
    if (ra_imm32(g, op->arg[0], &imm)) {
        x86_store_imm(&g->c, op->attr & MO_SIZE, m, imm);
        return;
    }
    unsigned r = ra_use(g, op->arg[0]);
    if (op->type == V128)
        x86_fstore128(&g->c, m, r, g->rt->has.avx);
    else if (r >= XMM0)
        x86_fstore(&g->c, (op->attr & MO_SIZE) == MO_64, m, r, g->rt->has.avx);
    else
        x86_store(&g->c, op->attr & MO_SIZE, m, r);
}

static void rule_get(struct gen *g, const struct ir_op *op)
{
    ra_get(g, op->attr);
}

static void rule_set(struct gen *g, const struct ir_op *op)
{
    if (op->imm) {
        late_note(g, op);
        return;
    }
    late_forget(g, op->attr);
    ra_set(g, op->attr, op->arg[0]);
}

const rule_fn rules_mem[OP_COUNT] = {
    [OP_get] = rule_get,
    [OP_set] = rule_set,
    [OP_env_ld] = rule_env_ld,
    [OP_env_st] = rule_env_st,
    [OP_tlb_add] = rule_tlb_add,
    [OP_ld] = rule_ld,
    [OP_st] = rule_st,
    [OP_x87_ld] = rule_x87_ld,
    [OP_x87_st] = rule_x87_st,
    [OP_atomic_add] = rule_atomic_add,
    [OP_atomic_and] = rule_atomic_and,
    [OP_atomic_or] = rule_atomic_or,
    [OP_atomic_xor] = rule_atomic_xor,
    [OP_atomic_min] = atomic_loop,
    [OP_atomic_max] = atomic_loop,
    [OP_atomic_minu] = atomic_loop,
    [OP_atomic_maxu] = atomic_loop,
    [OP_atomic_swap] = rule_atomic_swap,
    [OP_cas] = rule_cas,
    [OP_fence] = rule_fence,
};
