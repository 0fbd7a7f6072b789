/*
 * Code shared by all units: entering and leaving, slow paths of memory, exact floating point,
 * helper calls.
 *
 * In translated code RSP is a multiple of 16 with SPILL_SLOTS cells above it; env->host_sp
 * remembers it.  A slow path may not return: accel then unwinds to enter()'s caller, so every
 * pinned slot is stored to its home before any C code runs that could do so, and MXCSR is the
 * host's while it runs.
 */
#include "tcg/x86_64/gen_priv.h"

#include <string.h>

struct stub {
    struct x86_code *c;
    struct x86_rt *rt;
};

static struct opnd env(int32_t off)
{
    return opnd_mem(RBP, off);
}

/* --- pinned slots and their homes --- */
static void store_pins(const struct stub *s, uint32_t regs)
{
    for (uint32_t m = s->rt->abi.pinned & regs; m; m &= m - 1) {
        unsigned r = __builtin_ctz(m);
        const struct ir_slot *slot = &s->rt->layout.slots[s->rt->abi.reg_slot[r]];
        if (slot->type == V128)
            x86_fstore128(s->c, env(slot->off), r, false);
        else if (r >= XMM0)
            x86_fstore(s->c, slot->type == F64, env(slot->off), r, false);
        else
            x86_store(s->c, slot->type == I64 ? 3 : 2, env(slot->off), r);
    }
}

static void load_pins(const struct stub *s, uint32_t regs)
{
    for (uint32_t m = s->rt->abi.pinned & regs; m; m &= m - 1) {
        unsigned r = __builtin_ctz(m);
        const struct ir_slot *slot = &s->rt->layout.slots[s->rt->abi.reg_slot[r]];
        if (slot->type == V128)
            x86_fload128(s->c, r, env(slot->off), false);
        else if (r >= XMM0)
            x86_fload(s->c, slot->type == F64, r, env(slot->off), false);
        else
            x86_mov(s->c, slot->type == I64, r, env(slot->off));
    }
}

static void fp_to_host(const struct stub *s)
{
    x86_stmxcsr(s->c, env(TCG_ENV_OFF(guest_mxcsr)));
    x86_ldmxcsr(s->c, env(TCG_ENV_OFF(host_mxcsr)));
}

static void fp_to_guest(const struct stub *s)
{
    x86_ldmxcsr(s->c, env(TCG_ENV_OFF(guest_mxcsr)));
}

static void call_c(const struct stub *s, const void *fn)
{
    intptr_t rel = (const uint8_t *)fn - (x86_rx(s->c) + 5);
    if (rel == (int32_t)rel) {
        x86_call_to(s->c, fn);
    } else {
        x86_mov_imm(s->c, RAX, (uintptr_t)fn);
        x86_call_reg(s->c, RAX);
    }
}

/* --- enter and leave --- */
static const uint8_t callee_saved[] = {RBX, RBP, R12, R13, R14, R15};
enum { N_CALLEE_SAVED = sizeof(callee_saved), ENTER_FRAME = FRAME_BYTES + 8 };

/* struct tcg_exit enter(void *cpu, const void *code) */
static void emit_enter(const struct stub *s)
{
    s->rt->enter = (struct tcg_exit(*)(void *, const void *))(uintptr_t)x86_rx(s->c);
    for (unsigned i = 0; i < N_CALLEE_SAVED; i++)
        x86_push(s->c, callee_saved[i]);
    x86_alu(s->c, true, ALU_SUB, opnd_reg(RSP), opnd_imm(ENTER_FRAME));
    x86_mov(s->c, true, RBP, opnd_reg(RDI));
    x86_mov(s->c, true, RAX, opnd_reg(RSI));
    x86_store(s->c, 3, env(TCG_ENV_OFF(host_sp)), RSP);
    x86_stmxcsr(s->c, env(TCG_ENV_OFF(host_mxcsr)));
    load_pins(s, ALL_GPR | ALL_XMM);
    fp_to_guest(s);
    x86_jmp_ind(s->c, opnd_reg(RAX));
}

/* For exits that are not chained: the tag is left in RAX.  Falls through to leave_direct. */
static void emit_probe(const struct stub *s)
{
    struct x86_code *c = s->c;
    enum { MASK = ((1 << TCG_DISPATCH_BITS) - 1) * sizeof(struct tcg_dispatch) };
    struct opnd tag = opnd_sib(RBP, RCX, 0, TCG_ENV_OFF(dispatch)), code = tag;
    code.disp += (int32_t)offsetof(struct tcg_dispatch, code);
    s->rt->probe_direct = x86_rx(c);
    x86_lea(c, false, RCX, opnd_sib(NO_REG, RAX, 3, 0));
    x86_alu(c, false, ALU_AND, opnd_reg(RCX), opnd_imm(MASK));
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env(TCG_ENV_OFF(salt)));
    x86_alu(c, true, ALU_CMP, opnd_reg(RAX), tag);
    uint8_t *miss = x86_jcc(c, CC_NE);
    x86_lea(c, true, RSP, opnd_mem(RSP, 8));
    x86_jmp_ind(c, code);
    x86_link(miss, c->p);
}

/* RAX and RDX are the struct tcg_exit: kind | reason << 32, site. */
static void emit_leave(const struct stub *s)
{
    struct x86_code *c = s->c;
    s->rt->leave_direct = x86_rx(c); /* called: the return address says from where */
    x86_pop(c, RDX);
    x86_alu(c, true, ALU_SUB, opnd_reg(RDX), opnd_imm(5));
    x86_mov_imm(c, RAX, TCG_EXIT_DIRECT);
    uint8_t *direct = x86_jmp(c);
    s->rt->leave_tag = x86_rx(c);
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env(TCG_ENV_OFF(salt)));
    x86_store(c, 3, env(s->rt->pc_off), RAX);
    s->rt->leave_lookup = x86_rx(c);
    x86_mov_imm(c, RAX, TCG_EXIT_LOOKUP);
    uint8_t *lookup = x86_jmp(c);
    s->rt->leave_request = x86_rx(c);
    x86_mov_imm(c, RAX, TCG_EXIT_REQUEST);
    uint8_t *request = x86_jmp(c);
    s->rt->leave_side = x86_rx(c); /* called, as leave_direct */
    x86_pop(c, RDX);
    x86_mov_imm(c, RAX, TCG_EXIT_SIDE);
    uint8_t *side = x86_jmp(c);
    s->rt->leave_main = x86_rx(c); /* reason in EAX */
    x86_shift_imm(c, true, SH_SHL, opnd_reg(RAX), 32);
    x86_alu(c, true, ALU_OR, opnd_reg(RAX), opnd_imm(TCG_EXIT_MAIN));
    x86_link(direct, c->p);
    x86_link(lookup, c->p);
    x86_link(request, c->p);
    x86_link(side, c->p);
    store_pins(s, ALL_GPR | ALL_XMM);
    x87_emit_leave(s->rt, s->c);
    fp_to_host(s);
}

static void emit_epilogue(const struct stub *s)
{
    x86_alu(s->c, true, ALU_ADD, opnd_reg(RSP), opnd_imm(ENTER_FRAME));
    for (unsigned i = N_CALLEE_SAVED; i-- > 0;)
        x86_pop(s->c, callee_saved[i]);
    x86_ret(s->c, 0);
}

/*
 * void unwind(void *cpu, uint32_t reason): the homes of pinned slots and the guest's MXCSR image
 * are valid, since a stub stored them before the C code that unwinds was called.
 */
static void emit_unwind(const struct stub *s)
{
    struct x86_code *c = s->c;
    s->rt->unwind = (void (*)(void *, uint32_t))(uintptr_t)x86_rx(c);
    x86_mov(c, true, RBP, opnd_reg(RDI));
    x86_mov(c, true, RSP, env(TCG_ENV_OFF(host_sp)));
    x86_mov(c, false, RAX, opnd_reg(RSI));
    x86_shift_imm(c, true, SH_SHL, opnd_reg(RAX), 32);
    x86_alu(c, true, ALU_OR, opnd_reg(RAX), opnd_imm(TCG_EXIT_MAIN));
    x86_zero(c, RDX);
    emit_epilogue(s);
}

/* --- stubs that keep every register --- */
/* What is on the stack above RSP when the C function is called. */
struct frame {
    uint32_t pushed, xmm;
    unsigned below; /* bytes of saved registers and padding between RSP and the return address */
    bool wide;      /* XMM registers with their upper halves */
};

/* entry: bytes that the site pushed, with the return address. */
static struct frame save_regs(const struct stub *s, uint32_t regs, unsigned entry, bool wide)
{
    struct frame f = {.pushed = regs & ALL_GPR, .xmm = regs & ALL_XMM, .wide = wide};
    unsigned n = 0;
    for (uint32_t m = f.pushed; m; m &= m - 1, n++)
        x86_push(s->c, __builtin_ctz(m));
    unsigned size = wide ? 32 : 16, area = __builtin_popcount(f.xmm) * size;
    area += -(entry + n * 8 + area) & 15;
    if (area)
        x86_lea(s->c, true, RSP, opnd_mem(RSP, -(int32_t)area));
    unsigned at = 0;
    for (uint32_t m = f.xmm; m; m &= m - 1, at += size)
        if (wide)
            x86_fstore256(s->c, opnd_mem(RSP, at), __builtin_ctz(m));
        else
            x86_fstore128(s->c, opnd_mem(RSP, at), __builtin_ctz(m), false);
    if (wide)
        x86_vzeroupper(s->c);
    f.below = area + n * 8;
    x87_emit_suspend(s->rt, s->c);
    fp_to_host(s);
    return f;
}

static struct frame save_scratch(const struct stub *s, bool keep_xmm, unsigned entry)
{
    uint32_t regs = s->rt->abi.scratch & CALLER_SAVED & (ALL_GPR | (keep_xmm ? ALL_XMM : 0));
    return save_regs(s, regs, entry, false);
}

static void restore_scratch(const struct stub *s, const struct frame *f)
{
    unsigned at = 0, size = f->wide ? 32 : 16;
    x87_emit_resume(s->rt, s->c);
    for (uint32_t m = f->xmm; m; m &= m - 1, at += size)
        if (f->wide)
            x86_fload256(s->c, __builtin_ctz(m), opnd_mem(RSP, at));
        else
            x86_fload128(s->c, __builtin_ctz(m), opnd_mem(RSP, at), false);
    unsigned area = f->below - __builtin_popcount(f->pushed) * 8;
    if (area)
        x86_lea(s->c, true, RSP, opnd_mem(RSP, area));
    for (uint32_t m = f->pushed; m;) {
        unsigned r = 31 - __builtin_clz(m);
        x86_pop(s->c, r);
        m &= ~REG_BIT(r);
    }
}

/*
 * Slow path: the site pushed n values, the address first, memop last.  They become the C function's
 * arguments after the CPU pointer; the return address is the last one.  The result, if there is
 * one, is left in place of the address.
 */
static const uint8_t *emit_miss(const struct stub *s, const void *fn, unsigned n, bool has_result,
                                bool keep_xmm)
{
    static const uint8_t arg[] = {RSI, RDX, RCX, R8, R9};
    struct x86_code *c = s->c;
    const uint8_t *start = x86_rx(c);
    struct frame f = save_scratch(s, keep_xmm, (n + 1) * 8);
    store_pins(s, ALL_GPR | ALL_XMM);
    int32_t ra = f.below;
    for (unsigned i = 0; i < n; i++)
        x86_mov(c, true, arg[i], opnd_mem(RSP, ra + 8 * (n - i)));
    x86_mov(c, true, arg[n], opnd_mem(RSP, ra));
    x86_mov(c, true, RDI, opnd_reg(RBP));
    call_c(s, fn);
    if (has_result)
        x86_store(c, 3, opnd_mem(RSP, ra + 8 * n), RAX);
    fp_to_guest(s);
    load_pins(s, CALLER_SAVED);
    restore_scratch(s, &f);
    x86_ret(c, 8 * (n - has_result));
    return start;
}

/*
 * Before such a slow path: an access of a group that crosses into another page, or has missed for
 * another reason, mostly hits by itself.
 */
static const uint8_t *emit_again(const struct stub *s, unsigned idx, uint32_t memop, bool is_write,
                                 const uint8_t *miss)
{
    enum {
        SAVED = 3 * 8,
        ADDENDS = offsetof(struct tcg_tlb, radd) - offsetof(struct tcg_tlb, rtag)
    };
    struct x86_code *c = s->c;
    const uint8_t *start = x86_rx(c);
    unsigned size = memop & MO_SIZE;
    struct opnd addr = opnd_mem(RSP, SAVED + (is_write ? 24 : 16)),
                value = opnd_mem(RSP, SAVED + 16);
    struct opnd tag = opnd_sib(
        RBP, RCX, 3,
        TCG_ENV_OFF(tlb) + (int32_t)(idx * sizeof(struct tcg_tlb)) +
            (int32_t)(is_write ? offsetof(struct tcg_tlb, wtag) : offsetof(struct tcg_tlb, rtag)));
    struct opnd addend = tag, data = opnd_sib(RAX, RCX, 0, 0);
    addend.disp += ADDENDS;
    for (unsigned r = RAX; r <= RDX; r++)
        x86_push(c, r);
    x86_mov(c, true, RAX, addr);
    x86_mov(c, true, RCX, opnd_reg(RAX));
    x86_shift_imm(c, true, SH_SHR, opnd_reg(RCX), TCG_PAGE_BITS);
    x86_alu(c, false, ALU_AND, opnd_reg(RCX), opnd_imm(TCG_TLB_SIZE - 1));
    x86_lea(c, true, RDX, opnd_mem(RAX, (1 << size) - 1));
    x86_alu(c, true, ALU_AND, opnd_reg(RDX), opnd_imm(-(1 << TCG_PAGE_BITS)));
    x86_alu(c, true, ALU_CMP, opnd_reg(RDX), tag);
    uint8_t *no = x86_jcc(c, CC_NE);
    x86_mov(c, true, RCX, addend);
    if (is_write) {
        x86_mov(c, true, RDX, value);
        x86_store(c, size, data, RDX);
    } else {
        x86_load(c, size, memop & MO_SIGN, true, RAX, data);
        x86_store(c, 3, addr, RAX);
    }
    for (unsigned r = RDX + 1; r-- > RAX;)
        x86_pop(c, r);
    x86_ret(c, is_write ? 24 : 8);
    x86_link(no, c->p);
    for (unsigned r = RDX + 1; r-- > RAX;)
        x86_pop(c, r);
    x86_jmp_to(c, miss);
    return start;
}

static void emit_agains(const struct stub *s)
{
    struct x86_rt *rt = s->rt;
    for (unsigned keep = 0; keep < 2; keep++)
        for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
            for (uint32_t size = MO_8; size <= MO_64; size++) {
                rt->again_ld[keep][idx][size] = emit_again(s, idx, size, false, rt->miss_ld[keep]);
                rt->again_ld[keep][idx][size | MO_SIGN] =
                    emit_again(s, idx, size | MO_SIGN, false, rt->miss_ld[keep]);
                rt->again_st[keep][idx][size] = emit_again(s, idx, size, true, rt->miss_st[keep]);
            }
}

static void emit_misses(const struct stub *s)
{
    const struct tcg_callbacks *cb = &s->rt->layout.cb;
    for (unsigned keep = 0; keep < 2; keep++) {
        s->rt->miss_ld[keep] = emit_miss(s, (const void *)(uintptr_t)cb->ld, 2, true, keep);
        s->rt->miss_st[keep] = emit_miss(s, (const void *)(uintptr_t)cb->st, 3, false, keep);
        s->rt->miss_ld128[keep] = emit_miss(s, (const void *)(uintptr_t)cb->ld128, 3, false, keep);
        s->rt->miss_st128[keep] = emit_miss(s, (const void *)(uintptr_t)cb->st128, 3, false, keep);
        s->rt->miss_atomic[keep] = emit_miss(s, (const void *)(uintptr_t)cb->atomic, 3, true, keep);
        s->rt->miss_cas[keep] = emit_miss(s, (const void *)(uintptr_t)cb->cas, 4, true, keep);
    }
}

/* --- the second-level TLB --- */
/* Registers: what the check left, then the stub's own. */
struct refill {
    uint8_t t, u;         /* index, tag; t: the addend afterwards */
    uint8_t page, way, w; /* page number, entry, anything */
    bool is_write;
    uint8_t *hit[TCG_L2_WAYS][4]; /* jumps for entries found, by way */
    unsigned nhit[TCG_L2_WAYS];
};

static int32_t tlb_field(size_t off)
{
    return TCG_ENV_OFF(tlb) + (int32_t)off;
}

/* One after the other: the tag, and a space that is right. */
static void probe_ways(const struct stub *s, struct refill *r, unsigned ways, unsigned tag)
{
    struct x86_code *c = s->c;
    for (unsigned i = 0; i < ways; i++) {
        int32_t at = (int32_t)(i * sizeof(struct tcg_l2_entry));
        x86_alu(c, true, ALU_CMP, opnd_reg(tag), opnd_mem(r->way, at));
        uint8_t *other = x86_jcc(c, CC_NE);
        x86_mov(c, false, r->w,
                opnd_mem(r->way, at + (int32_t)offsetof(struct tcg_l2_entry, space)));
        x86_alu(c, false, ALU_CMP, opnd_reg(r->w), env(TCG_ENV_OFF(space_any)));
        r->hit[i][r->nhit[i]++] = x86_jcc(c, CC_E);
        x86_alu(c, false, ALU_CMP, opnd_reg(r->w), env(TCG_ENV_OFF(space)));
        r->hit[i][r->nhit[i]++] = x86_jcc(c, CC_E);
        x86_link(other, c->p);
    }
}

/* r *= size, a power of two. */
static void scale(const struct stub *s, unsigned r, size_t size)
{
    x86_shift_imm(s->c, true, SH_SHL, opnd_reg(r), __builtin_ctzll(size));
}

/* As tcg_large_set(). */
static void probe_large(const struct stub *s, struct refill *r)
{
    struct x86_code *c = s->c;
    enum { FOLD = TCG_LARGE_BITS - TCG_PAGE_BITS };
    x86_mov(c, false, r->way, opnd_reg(r->page));
    x86_shift_imm(c, false, SH_SHR, opnd_reg(r->way), FOLD);
    x86_alu(c, false, ALU_AND, opnd_reg(r->way), opnd_imm(TCG_LARGE_SETS - 1));
    scale(s, r->way, sizeof(struct tcg_l2_entry[TCG_LARGE_WAYS]));
    x86_lea(c, true, r->way, opnd_sib(RBP, r->way, 0, TCG_ENV_OFF(large)));
    x86_mov(c, true, r->t, opnd_reg(r->u));
    x86_alu(c, true, ALU_AND, opnd_reg(r->t),
            opnd_imm(-(1 << TCG_LARGE_BITS) | ((1 << TCG_PAGE_BITS) - 1)));
    probe_ways(s, r, TCG_LARGE_WAYS, r->t);
}

/* As tcg_l2_set(). */
static void probe_pages(const struct stub *s, struct refill *r)
{
    struct x86_code *c = s->c;
    x86_mov(c, true, r->way, opnd_reg(r->page));
    x86_shift_imm(c, true, SH_SHR, opnd_reg(r->way), TCG_L2_FOLD);
    x86_alu(c, false, ALU_XOR, opnd_reg(r->way), opnd_reg(r->page));
    x86_alu(c, false, ALU_AND, opnd_reg(r->way), env(TCG_ENV_OFF(l2_mask)));
    scale(s, r->way, sizeof(struct tcg_l2_entry[TCG_L2_WAYS]));
    x86_alu(c, true, ALU_ADD, opnd_reg(r->way), env(TCG_ENV_OFF(l2)));
    probe_ways(s, r, TCG_L2_WAYS, r->u);
}

/* Where the ways' hits meet, with the entry in r->way. */
static void land(const struct stub *s, struct refill *r)
{
    for (unsigned i = TCG_L2_WAYS; i-- > 0;) {
        for (unsigned n = 0; n < r->nhit[i]; n++)
            x86_link(r->hit[i][n], s->c->p);
        if (i)
            x86_alu(s->c, true, ALU_ADD, opnd_reg(r->way), opnd_imm(sizeof(struct tcg_l2_entry)));
    }
}

/*
 * Whether a write tag may be taken; a plain look is enough: who makes the page a code page marks it
 * first, and if it was announced as writable, as we saw it, waits for us to come to a safe point.
 */
static uint8_t *check_note(const struct stub *s, const struct refill *r)
{
    struct x86_code *c = s->c;
    x86_mov(c, true, r->w, opnd_mem(r->way, offsetof(struct tcg_l2_entry, notes)));
    x86_alu(c, false, ALU_AND, opnd_reg(r->page), opnd_imm(TCG_L2_NOTES - 1));
    x86_load(c, 0, false, false, r->w, opnd_sib(r->w, r->page, 0, 0));
    x86_alu(c, false, ALU_AND, opnd_reg(r->w), opnd_imm(s->rt->layout.note_mask));
    x86_alu(c, false, ALU_CMP, opnd_reg(r->w), opnd_imm(s->rt->layout.note_want));
    return x86_jcc(c, CC_NE);
}

/* The entry of the first level, from the one at r->way. */
static void fill(const struct stub *s, const struct refill *r)
{
    struct x86_code *c = s->c;
    size_t tags = r->is_write ? offsetof(struct tcg_tlb, wtag) : offsetof(struct tcg_tlb, rtag);
    size_t adds = r->is_write ? offsetof(struct tcg_tlb, wadd) : offsetof(struct tcg_tlb, radd);
    x86_mov(c, false, r->page, opnd_mem(r->way, offsetof(struct tcg_l2_entry, space)));
    x86_mov(c, true, r->t, opnd_mem(r->way, offsetof(struct tcg_l2_entry, add)));
    x86_mov(c, false, r->way, opnd_reg(r->u));
    x86_shift_imm(c, false, SH_SHR, opnd_reg(r->way), TCG_L2_IDX_SHIFT);
    x86_alu(c, false, ALU_AND, opnd_reg(r->way), opnd_imm(TCG_MMU_MODES - 1));
    x86_imul_imm(c, true, r->way, opnd_reg(r->way), sizeof(struct tcg_tlb));
    x86_alu(c, true, ALU_ADD, opnd_reg(r->way), opnd_reg(RBP));
    x86_alu(c, true, ALU_AND, opnd_reg(r->u), opnd_imm(-(1 << TCG_PAGE_BITS)));
    x86_mov(c, false, r->w, opnd_reg(r->u));
    x86_shift_imm(c, false, SH_SHR, opnd_reg(r->w), TCG_PAGE_BITS);
    x86_alu(c, false, ALU_AND, opnd_reg(r->w), opnd_imm(TCG_TLB_SIZE - 1));
    x86_store(c, 3, opnd_sib(r->way, r->w, 3, tlb_field(tags)), r->u);
    x86_store(c, 3, opnd_sib(r->way, r->w, 3, tlb_field(adds)), r->t);
    x86_shift_imm(c, false, SH_SHR, opnd_reg(r->w), __builtin_ctz(TCG_TLB_CHUNK));
    x86_store_imm(c, 0, opnd_sib(r->way, r->w, 0, tlb_field(offsetof(struct tcg_tlb, used))), 1);
    x86_alu(c, false, ALU_CMP, opnd_reg(r->page), env(TCG_ENV_OFF(space_any)));
    uint8_t *global = x86_jcc(c, CC_E);
    x86_store_imm(c, 0, opnd_sib(r->way, r->w, 0, tlb_field(offsetof(struct tcg_tlb, local))), 1);
    x86_link(global, c->p);
    x86_alu(c, true, ALU_ADD, env(TCG_ENV_OFF(l2_refills)), opnd_imm(1));
}

static void return_from_refill(const struct stub *s, const struct refill *r, bool equal)
{
    if (equal)
        x86_alu(s->c, false, ALU_CMP, opnd_reg(r->w), opnd_reg(r->w));
    else
        x86_test(s->c, true, RBP, RBP); /* never zero */
    x86_pop(s->c, r->w);
    x86_pop(s->c, r->way);
    x86_pop(s->c, r->page);
    x86_ret(s->c, 0);
}

/* An access across pages fails: the tag is not that of the index then. */
static const uint8_t *emit_refill(const struct stub *s, struct refill *r)
{
    struct x86_code *c = s->c;
    const uint8_t *start = x86_rx(c);
    x86_push(c, r->page);
    x86_push(c, r->way);
    x86_push(c, r->w);
    x86_mov(c, true, r->page, opnd_reg(r->u));
    x86_shift_imm(c, true, SH_SHR, opnd_reg(r->page), TCG_PAGE_BITS);
    x86_mov(c, false, r->w, opnd_reg(r->page));
    x86_alu(c, false, ALU_AND, opnd_reg(r->w), opnd_imm(TCG_TLB_SIZE - 1));
    x86_alu(c, false, ALU_CMP, opnd_reg(r->w), opnd_reg(r->t));
    uint8_t *across = x86_jcc(c, CC_NE), *denied = NULL;
    probe_large(s, r);
    probe_pages(s, r);
    uint8_t *none = x86_jmp(c);
    land(s, r);
    if (r->is_write)
        denied = check_note(s, r);
    fill(s, r);
    return_from_refill(s, r, true);
    x86_link(across, c->p);
    x86_link(none, c->p);
    if (denied)
        x86_link(denied, c->p);
    return_from_refill(s, r, false);
    return start;
}

/*
 * The way to a refill from a check with other registers: bring them where they are wanted, and
 * back. What was there stays where they were meanwhile.
 */
static const uint8_t *emit_thunk(const struct stub *s, const struct refill *r, const uint8_t *body,
                                 unsigned t, unsigned u, unsigned idx)
{
    struct x86_code *c = s->c;
    const uint8_t *start = x86_rx(c);
    bool swap_t = t != r->t;
    unsigned now_u = swap_t && u == r->t ? t : u;
    if (idx)
        x86_alu(c, true, ALU_OR, opnd_reg(u), opnd_imm((int32_t)(idx << TCG_L2_IDX_SHIFT)));
    if (swap_t)
        x86_xchg(c, t, r->t);
    if (now_u != r->u)
        x86_xchg(c, now_u, r->u);
    x86_call_to(c, body);
    if (now_u != r->u)
        x86_xchg(c, now_u, r->u);
    if (swap_t)
        x86_xchg(c, t, r->t);
    x86_ret(c, 0);
    return start;
}

static void emit_thunks(const struct stub *s, const struct refill *r, const uint8_t *body,
                        uint32_t regs)
{
    for (uint32_t m = regs; m; m &= m - 1)
        for (uint32_t n = regs & ~(m & -m); n; n &= n - 1)
            for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++) {
                unsigned t = __builtin_ctz(m), u = __builtin_ctz(n);
                s->rt->refill[r->is_write][idx][t][u] = emit_thunk(s, r, body, t, u, idx);
            }
}

/* For checks whose registers are others, the slow path comes at once. */
enum { REFILL_REGS = 6 };
static void emit_refills(const struct stub *s)
{
    uint32_t regs = s->rt->abi.scratch & ALL_GPR;
    while (__builtin_popcount(regs) > REFILL_REGS)
        regs &= ~(UINT32_C(0x80000000) >> __builtin_clz(regs));
    for (unsigned is_write = 0; is_write < 2; is_write++) {
        struct refill r = {.is_write = is_write};
        uint8_t *const own[] = {&r.t, &r.u, &r.page, &r.way, &r.w};
        uint32_t m = regs;
        for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++, m &= m - 1)
            *own[i] = __builtin_ctz(m);
        emit_thunks(s, &r, emit_refill(s, &r), regs);
    }
}

/* Exact arithmetic: a frame of so many bytes is on the stack above the return address. */
struct exact {
    const void *fn;
    unsigned bytes;
};

static void call_exact(const struct stub *s, const struct exact *e, const struct frame *f)
{
    x86_mov(s->c, true, RDI, opnd_reg(RBP));
    x86_lea(s->c, true, RSI, opnd_mem(RSP, f->below + 8));
    x86_mov_imm(s->c, RDX, (uintptr_t)s->rt);
    call_c(s, e->fn);
}

static void emit_exact(const struct stub *s, const struct exact *e, const uint8_t *out[KEEPINGS])
{
    out[KEEP_SCRATCH] = x86_rx(s->c);
    struct frame f = save_scratch(s, true, e->bytes + 8);
    store_pins(s, ALL_GPR | ALL_XMM);
    call_exact(s, e, &f);
    fp_to_guest(s);
    load_pins(s, CALLER_SAVED);
    restore_scratch(s, &f);
    x86_ret(s->c, 0);
    for (unsigned keep = KEEP_ALL; keep < KEEPINGS; keep++) {
        out[keep] = x86_rx(s->c);
        f = save_regs(s, CALLER_SAVED, e->bytes + 8, keep == KEEP_ALL_256);
        call_exact(s, e, &f);
        fp_to_guest(s);
        restore_scratch(s, &f);
        x86_ret(s->c, 0);
    }
}

static void emit_soft(const struct stub *s)
{
    const struct exact scalar = {(const void *)(uintptr_t)x86_soft_call, sizeof(struct soft_frame)};
    const struct exact vector = {(const void *)(uintptr_t)x86_soft_vec,
                                 sizeof(struct soft_vec_frame)};
    emit_exact(s, &scalar, s->rt->soft);
    emit_exact(s, &vector, s->rt->soft_vec);
}

/* First-level TLB: the site, in a region, pushed address and memop; the result replaces the
 * address. */
static void emit_fill(const struct stub *s, enum keeping keep)
{
    struct x86_code *c = s->c;
    s->rt->fill[keep] = x86_rx(c);
    struct frame f = save_regs(s, CALLER_SAVED, 3 * 8, keep == KEEP_ALL_256);
    x86_mov(c, true, RSI, opnd_mem(RSP, f.below + 16));
    x86_mov(c, true, RDX, opnd_mem(RSP, f.below + 8));
    x86_mov(c, true, RDI, opnd_reg(RBP));
    call_c(s, (const void *)(uintptr_t)s->rt->layout.cb.fill);
    x86_load(c, 0, false, false, RAX, opnd_reg(RAX));
    x86_store(c, 3, opnd_mem(RSP, f.below + 16), RAX);
    fp_to_guest(s);
    restore_scratch(s, &f);
    x86_ret(c, 8);
}

/* --- flags that a region has not made yet --- */
static struct opnd hidden(unsigned n)
{
    return env(TCG_ENV_OFF(hidden) + (int32_t)n * 8);
}

/* Those of one kind, if it is that which is in RAX; the jump behind it is taken if it is not. */
static void emit_flags_of(const struct stub *s, unsigned kind)
{
    static const uint32_t form[] = {X_B8REG | X_B8RM, 1 | X_66, 1, 1 | X_W};
    enum { ADD = 0x02, SUB = 0x2a, CMP = 0x3a };
    struct x86_code *c = s->c;
    struct opnd b = hidden(TCG_HIDDEN_FLAGS_B);
    x86_alu(c, false, ALU_CMP, opnd_reg(RAX), opnd_imm((int32_t)kind));
    uint8_t *other = x86_jcc(c, CC_NE);
    x86_mov(c, true, RAX, hidden(TCG_HIDDEN_FLAGS_A));
    if (kind >= IR_FLAGS_SUM) {
        x86_op(c, SUB + form[kind & 3], RAX, b);
        x86_op(c, ADD + form[kind & 3], RAX, b);
    } else {
        x86_op(c, CMP + form[kind & 3], RAX, b);
    }
    x86_lahf(c);
    x86_setcc(c, CC_O, RAX);
    x86_load(c, 1, false, false, RAX, opnd_reg(RAX));
    x86_store(c, 2, opnd_sib(RBP, RCX, 0, 0), RAX);
    x86_mov(c, true, RAX, env(TCG_ENV_OFF(save)));
    x86_ret(c, 0);
    x86_link(other, c->p);
}

static void emit_make_flags(const struct stub *s)
{
    struct x86_code *c = s->c;
    s->rt->make_flags = x86_rx(c);
    x86_store(c, 3, env(TCG_ENV_OFF(save)), RAX);
    x86_mov(c, true, RAX, hidden(TCG_HIDDEN_FLAGS_KIND));
    for (unsigned kind = IR_FLAGS_SUB; kind <= (IR_FLAGS_SUM | 3); kind++)
        emit_flags_of(s, kind);
    x86_mov(c, true, RAX, env(TCG_ENV_OFF(save)));
    x86_ret(c, 0);
}

/* --- helper calls --- */
/* From RSI, RDX, RCX and env->save to where C wants them. */
static void place_arguments(const struct stub *s, unsigned kind)
{
    static const uint8_t from[] = {RSI, RDX, RCX}, to[] = {RDI, RSI, RDX};
    struct opnd fourth = env(TCG_ENV_OFF(save)), fifth = env(TCG_ENV_OFF(save) + 8);
    if (kind & CALL_CPU)
        x86_mov(s->c, true, RDI, opnd_reg(RBP));
    else
        for (unsigned i = 0; i < 3; i++)
            x86_mov(s->c, true, to[i], opnd_reg(from[i]));
    if (kind & CALL_WIDE) {
        x86_mov(s->c, true, kind & CALL_CPU ? R8 : RCX, fourth);
        x86_mov(s->c, true, kind & CALL_CPU ? R9 : R8, fifth);
    }
}

static void emit_call(const struct stub *s, unsigned kind)
{
    s->rt->call[kind] = x86_rx(s->c);
    bool bare = kind & CALL_BARE;
    x87_emit_leave(s->rt, s->c);
    store_pins(s, bare ? 0 : kind & CALL_STORE_ALL ? ALL_GPR | ALL_XMM : CALLER_SAVED);
    if (kind & CALL_FPENV)
        fp_to_host(s);
    place_arguments(s, kind);
    x86_alu(s->c, true, ALU_SUB, opnd_reg(RSP), opnd_imm(8));
    x86_call_reg(s->c, RAX);
    x86_alu(s->c, true, ALU_ADD, opnd_reg(RSP), opnd_imm(8));
    if (kind & CALL_FPENV)
        fp_to_guest(s);
    load_pins(s, bare ? 0 : kind & CALL_RELOAD_ALL ? ALL_GPR | ALL_XMM : CALLER_SAVED);
    x86_ret(s->c, 0);
}

/* --- constants --- */
static void emit_pool(const struct stub *s)
{
    static const struct {
        uint16_t off;
        uint64_t v[2];
    } consts[] = {
        {POOL_SIGN64, {UINT64_C(0x8000000000000000), UINT64_C(0x8000000000000000)}},
        {POOL_SIGN32, {UINT64_C(0x8000000080000000), UINT64_C(0x8000000080000000)}},
        {POOL_ABS64, {UINT64_C(0x7fffffffffffffff), UINT64_C(0x7fffffffffffffff)}},
        {POOL_ABS32, {UINT64_C(0x7fffffff7fffffff), UINT64_C(0x7fffffff7fffffff)}},
        {POOL_BOX, {UINT64_C(0xffffffff00000000), 0}},
        {POOL_NAN64, {UINT64_C(0x7ff8000000000000), UINT64_C(0x7fc00000)}},
        {POOL_MIN64, {UINT64_C(0x0010000000000000), UINT64_C(0x0010000000000000)}},
        {POOL_MIN32, {UINT64_C(0x0080000000800000), UINT64_C(0x0080000000800000)}},
        {POOL_NEG_MIN64, {UINT64_C(0x8010000000000000), UINT64_C(0x80800000)}},
        {POOL_2P63_F64, {UINT64_C(0x43e0000000000000), UINT64_C(0x5f000000)}},
        {POOL_2P32_F64, {UINT64_C(0x41f0000000000000), UINT64_C(0x4f800000)}},
    };
    s->rt->pool = s->c->pool = x86_rx(s->c);
    for (unsigned i = 0; i < sizeof(consts) / sizeof(consts[0]); i++)
        memcpy(s->c->p + consts[i].off, consts[i].v, 16);
    for (unsigned n = 0; n <= 8; n++) {
        memset(s->c->p + POOL_SHL8 + 16 * n, 0xff << n, 16);
        memset(s->c->p + POOL_SHR8 + 16 * n, 0xff >> n, 16);
        memset(s->c->p + POOL_SAR8 + 16 * n, 0x80 >> n, 16);
    }
    memset(s->c->p + POOL_TBL, 0x70, 16);
    memset(s->c->p + POOL_NIBBLE, 0x0f, 16);
    for (unsigned i = 0; i < 16; i++) {
        s->c->p[POOL_POPCNT + i] = __builtin_popcount(i);
        for (unsigned log2 = 1; log2 <= 3; log2++)
            s->c->p[POOL_REV8 + 16 * (log2 - 1) + i] = i ^ ((1u << log2) - 1);
    }
    s->c->p += POOL_SIZE;
}

void stubs_emit(struct x86_rt *rt, struct x86_code *c)
{
    struct stub s = {c, rt};
    emit_pool(&s);
    x87_emit_stubs(rt, c);
    emit_enter(&s);
    emit_probe(&s);
    emit_leave(&s);
    emit_epilogue(&s);
    emit_unwind(&s);
    emit_misses(&s);
    emit_agains(&s);
    emit_refills(&s);
    emit_soft(&s);
    emit_fill(&s, KEEP_ALL);
    emit_fill(&s, KEEP_ALL_256);
    emit_make_flags(&s);
    for (unsigned kind = 0; kind < CALL_STUBS; kind++)
        emit_call(&s, kind);
}
