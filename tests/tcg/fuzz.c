/*
 * Random units.  A unit is a function of its seed and size alone: it is built anew for each back
 * end and with folding on and off, and a smaller size is a prefix of a larger one, so that a
 * failure shrinks by trying sizes.
 */
#include "tests/tcg/fuzz.h"
#include "tcg/ops.h"
#include "tcg/text.h"
#include "util/bits.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { MAX_VALS = 64, MXCSR_IGNORED = 2 /* DE: only x86 guests see it */ };

struct gen {
    struct ir *ir;
    uint64_t rng;
    struct pool { /* recent values of a type */
        ir_val v[MAX_VALS];
        unsigned n;
    } pools[V128 + 1];
    uint64_t pc;
    unsigned blocks_left;
    bool ended;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random64(uint64_t *s)
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned pick(struct gen *g, unsigned n)
{
    return random64(&g->rng) % n;
}

/* Half a vector: bytes where lanes overflow and saturate, or small ones. */
static uint64_t lanes(uint64_t *rng)
{
    static const uint8_t bytes[] = {0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xff};
    uint64_t r = random64(rng), v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | (r & 3 ? bytes[r >> (2 + 3 * i) & 7] : r >> (8 + 4 * i) & 15);
    return v;
}

static uint64_t interesting(uint64_t *rng, enum ir_type t)
{
    static const uint64_t ints[] = {0,
                                    1,
                                    2,
                                    3,
                                    7,
                                    8,
                                    31,
                                    32,
                                    63,
                                    64,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x7fff,
                                    0x8000,
                                    0xffff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x100000000,
                                    INT64_MAX,
                                    UINT64_C(1) << 63,
                                    UINT64_MAX,
                                    UINT64_MAX - 1,
                                    (uint64_t)-32,
                                    (uint64_t)-2048};
    static const uint64_t f64s[] = {0,
                                    UINT64_C(1) << 63,
                                    1,
                                    UINT64_C(0x3ff0000000000000),
                                    UINT64_C(0xbff8000000000000),
                                    UINT64_C(0x7ff0000000000000),
                                    UINT64_C(0xfff0000000000000),
                                    UINT64_C(0x7ff8000000000000),
                                    UINT64_C(0x7ff4000000000001),
                                    UINT64_C(0xfff8000000000123),
                                    UINT64_C(0x7fefffffffffffff),
                                    UINT64_C(0x0010000000000000),
                                    UINT64_C(0x000fffffffffffff),
                                    UINT64_C(0x41e0000000000000),
                                    UINT64_C(0xc1e0000000200000),
                                    UINT64_C(0x43e0000000000000),
                                    UINT64_C(0xc3e0000000000000),
                                    UINT64_C(0x43f0000000000000),
                                    UINT64_C(0x3fe0000000000000),
                                    UINT64_C(0x3ff8000000000000),
                                    UINT64_C(0x4004000000000000)};
    static const uint32_t f32s[] = {
        0,          0x80000000, 1,          0x3f800000, 0xbfc00000, 0x7f800000, 0xff800000,
        0x7fc00000, 0x7fa00001, 0xffc00123, 0x7f7fffff, 0x00800000, 0x007fffff, 0x4f000000,
        0xcf000000, 0x5f000000, 0xdf000000, 0x5f800000, 0x3f000000, 0x3fc00000, 0x40200000};
    uint64_t r = random64(rng);
    unsigned k = r >> 8 & 0xffff;
    if ((r & 7) == 0)
        return random64(rng);
    switch (t) {
    case V128:
        if (r & 16)
            return lanes(rng);
        if (r & 32)
            return interesting(rng, F64);
        return interesting(rng, F32) << 32 | interesting(rng, F32);
    case F64:
        return r & 8 ? f64s[k % G_N_ELEMENTS(f64s)]
                     : UINT64_C(0x3ff0000000000000) + (random64(rng) >> 9);
    case F32: return r & 8 ? f32s[k % G_N_ELEMENTS(f32s)] : 0x3f800000 + (random64(rng) >> 39);
    default: return r & 8 ? ints[k % G_N_ELEMENTS(ints)] : random64(rng) >> (k & 63);
    }
}

static enum ir_type pick_type(struct gen *g, uint8_t sig)
{
    switch (sig) {
    case IR_SIG_INT: return pick(g, 3) ? I64 : I32;
    case IR_SIG_FP: return pick(g, 2) ? F64 : F32;
    case IR_SIG_ANY: return I32 + pick(g, 5);
    case IR_SIG_VEC: return V128;
    default: return sig;
    }
}

static void remember(struct gen *g, ir_val v, enum ir_type t)
{
    struct pool *p = &g->pools[t];
    if (p->n < MAX_VALS)
        p->v[p->n++] = v;
    else
        p->v[pick(g, MAX_VALS)] = v;
}

static ir_val any_value(struct gen *g, enum ir_type t)
{
    struct pool *p = &g->pools[t];
    unsigned how = pick(g, 8);
    uint64_t c = interesting(&g->rng, t);
    unsigned slot = bench_slot(t, pick(g, 16)), k = pick(g, MAX_VALS);
    if (how == 0)
        return ir_const(g->ir, t, c);
    if (how < 3 || !p->n)
        return ir_get(g->ir, slot);
    return p->v[how < 6 ? p->n - 1 - k % (p->n < 4 ? p->n : 4) : k % p->n];
}

static void forget_values(struct gen *g)
{
    for (unsigned t = I32; t <= V128; t++)
        g->pools[t].n = 0;
}

/* An address inside memory, most often where the TLB hits; rarely one that faults. */
static ir_val address(struct gen *g)
{
    unsigned how = pick(g, 64);
    uint64_t mask = how < 24 ? 0x0ff8 : how < 40 ? 0x0fff : 0x1fff;
    ir_val v = ir_and(g->ir, any_value(g, I64), ir_const(g->ir, I64, mask));
    uint64_t base = how == 63 ? 0x20000 : BENCH_BASE;
    v = ir_add(g->ir, v, ir_const(g->ir, I64, base + pick(g, 3) * 8));
    return v;
}

static uint32_t memop(struct gen *g, enum ir_type t, bool store)
{
    unsigned size = t == I64    ? pick(g, 4)
                    : t == I32  ? pick(g, 3)
                    : t == F32  ? MO_32
                    : t == V128 ? MO_128
                                : MO_64;
    uint32_t mo = size | pick(g, TCG_MMU_MODES) << MO_IDX_SHIFT;
    unsigned how = pick(g, 32);
    if (!store && (t == I32 || t == I64) && pick(g, 2))
        mo |= MO_SIGN;
    if (how == 0 && t != V128)
        mo |= MO_BE;
    if (how == 1)
        mo |= MO_ALIGN;
    return how == 2 ? mo | MO_ACQ : how == 3 ? mo | MO_REL : mo;
}

/* Size of lanes, and what else there is. */
static uint32_t vec_attr(struct gen *g, unsigned opc)
{
    unsigned n = pick(g, 64);
    switch (opc) {
    case OP_vextb: return n & 15;
    case OP_vqadds:
    case OP_vqaddu:
    case OP_vqsubs:
    case OP_vqsubu:
    case OP_vavgu: return n & 1;
    case OP_vnarrow: return 1 + n % 3;
    case OP_vrev: return n % 3 | (n % 3 + 1 + n / 3 % (3 - n % 3)) << 8;
    case OP_vshli:
    case OP_vshri:
    case OP_vsari: return (n & 3) | (pick(g, (8u << (n & 3)) + 1)) << 8;
    case OP_vins: return (n & 3) | (n >> 2) % (16u >> (n & 3)) << 8;
    case OP_vextr: return (n & 3) | (n >> 2) % (16u >> (n & 3)) << 8 | (uint32_t)pick(g, 2) << 16;
    case OP_vmul:
    case OP_vmins:
    case OP_vmaxs:
    case OP_vminu:
    case OP_vmaxu:
    case OP_vwidenu:
    case OP_vwidens:
    case OP_vmullu:
    case OP_vmulls: return n % 3;
    default: return ir_op_descs[opc].nattrs ? n & 3 : 0;
    }
}

static const uint8_t nan_rules[] = {IR_NAN_DEFAULT, IR_NAN_ARM, IR_NAN_ARM_DN};

static uint32_t vfp_attr(struct gen *g, unsigned opc)
{
    static const uint8_t rounds[] = {IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM, IR_RDYN};
    uint32_t esz = opc == OP_vfwiden ? 2 : opc == OP_vfnarrow ? 3 : 2 + pick(g, 2);
    uint32_t attr = esz | (uint32_t)nan_rules[pick(g, 3)] << IR_VNAN_SHIFT;
    unsigned round = rounds[pick(g, 6)] | pick(g, 2) * IR_RINT_EXACT, neg = pick(g, 4);
    if (opc == OP_vfma)
        attr |= neg * IR_VFMA_NEG_PRODUCT;
    return opc == OP_vfrint ? attr | round << IR_VROUND_SHIFT : attr;
}

#define SSE(opcode, map, prefix)                                                                   \
    ((opcode) | (map) << IR_SSE_MAP_SHIFT | (prefix) << IR_SSE_PREFIX_SHIFT)

/* Instructions by op, of two sources and of one; of map 0F with prefixes none, 66, F3, F2; then of
 * 0F 38 and 0F 3A. */
static uint32_t sse_attr(struct gen *g, unsigned opc)
{
    static const uint16_t binary[] = {SSE(0x63, 1, 1), SSE(0xc6, 1, 0), SSE(0xc6, 1, 1),
                                      SSE(0xd1, 1, 1), SSE(0xf6, 1, 1), SSE(0xf5, 1, 1),
                                      SSE(0x10, 1, 2), SSE(0x10, 1, 3), SSE(0x00, 2, 1),
                                      SSE(0x04, 2, 1), SSE(0x09, 2, 1), SSE(0x0b, 2, 1),
                                      SSE(0x46, 2, 1), SSE(0xdc, 2, 1), SSE(0xc9, 2, 0),
                                      SSE(0x0f, 3, 1), SSE(0x21, 3, 1), SSE(0x42, 3, 1),
                                      SSE(0x44, 3, 1), SSE(0x0d, 2, 1), SSE(0xcc, 3, 0)},
                          unary[] = {SSE(0x70, 1, 1), SSE(0x70, 1, 2), SSE(0x21, 2, 1),
                                     SSE(0x35, 2, 1), SSE(0x41, 2, 1), SSE(0xdb, 2, 1),
                                     SSE(0xdf, 3, 1), SSE(0x12, 1, 2)},
                          binary_fp[] = {SSE(0x58, 1, 0), SSE(0x59, 1, 1), SSE(0x5d, 1, 2),
                                         SSE(0x5e, 1, 3), SSE(0xc2, 1, 0), SSE(0x7c, 1, 1),
                                         SSE(0xd0, 1, 3), SSE(0x51, 1, 2), SSE(0x5a, 1, 3),
                                         SSE(0x40, 3, 1), SSE(0x0b, 3, 1)},
                          unary_fp[] = {SSE(0x51, 1, 1), SSE(0x5a, 1, 0), SSE(0x5b, 1, 1),
                                        SSE(0xe6, 1, 3), SSE(0xe6, 1, 1), SSE(0x08, 3, 1),
                                        SSE(0x13, 2, 1), SSE(0x1d, 3, 1)};
    uint32_t imm = (uint32_t)pick(g, 256) << IR_SSE_IMM_SHIFT;
    switch (opc) {
    case OP_sse:
        if (pick(g, 2))
            return binary[pick(g, G_N_ELEMENTS(binary))] | imm;
        return unary[pick(g, G_N_ELEMENTS(unary))] | imm | IR_SSE_UNARY;
    case OP_ssef:
        if (pick(g, 2))
            return binary_fp[pick(g, G_N_ELEMENTS(binary_fp))] | (imm & 31 << IR_SSE_IMM_SHIFT);
        return unary_fp[pick(g, G_N_ELEMENTS(unary_fp))] | imm | IR_SSE_UNARY;
    case OP_ssefma:
        return SSE(0x90 + 16 * pick(g, 3) + 6 + pick(g, 10), 2, 1) | pick(g, 2) * IR_SSE_W;
    case OP_ssecmp: return SSE(0x2e + pick(g, 2), 1, pick(g, 2));
    case OP_ssetoi: return SSE(0x2c + pick(g, 2), 1, 2 + pick(g, 2));
    default: return SSE(0x2a, 1, 2 + pick(g, 2));
    }
}

static uint32_t op_attr(struct gen *g, const struct ir_op *op)
{
    static const uint8_t rounds[] = {IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM, IR_RDYN};
    unsigned width = op->type == I32 ? 32 : 64, lsb = pick(g, width),
             len = 1 + pick(g, width - lsb);
    unsigned round = rounds[pick(g, G_N_ELEMENTS(rounds))], bits = pick(g, 4);
    if (op->opc == OP_sse || (op->opc >= OP_ssef && op->opc <= OP_ssefromi))
        return sse_attr(g, op->opc) | (op->opc == OP_ssetoi && op->type == I64 ? IR_SSE_W : 0);
    if (op->opc >= OP_vfadd && op->opc <= OP_vfnarrow)
        return vfp_attr(g, op->opc);
    if (op->opc >= OP_vand && op->opc <= OP_vto32)
        return vec_attr(g, op->opc);
    switch (ir_attr_text(op->opc)) {
    case IR_TEXT_FIELD: return lsb | len << 8;
    case IR_TEXT_ROUND: return round | (op->opc == OP_frint && bits & 1 ? IR_RINT_EXACT : 0);
    case IR_TEXT_FENCE: return pick(g, 16);
    case IR_TEXT_NAN:
        if (op->opc == OP_fma)
            return bits * IR_FMA_NEG_PRODUCT | nan_rules[pick(g, 3)];
        return op->opc == OP_fmin || op->opc == OP_fmax ? IR_NAN_DEFAULT : nan_rules[pick(g, 3)];
    default: return 0;
    }
}

/* Any op without control flow or memory. */
static bool is_plain(unsigned opc)
{
    const struct ir_op_desc *d = &ir_op_descs[opc];
    if (d->result == V256 || (d->nargs && d->args[0] == V256))
        return false; /* for wide regions */
    return d->flags & IR_OP_PURE || opc == OP_fence;
}

static enum ir_type given_type(struct gen *g, unsigned opc, enum ir_type arg)
{
    if (opc == OP_fcvt)
        return arg == F32 ? F64 : F32;
    return opc == OP_ftosi || opc == OP_ftoui || opc == OP_ssetoi ? pick_type(g, IR_SIG_INT)
                                                                  : pick_type(g, IR_SIG_FP);
}

static void gen_plain(struct gen *g)
{
    unsigned opc;
    do
        opc = pick(g, OP_COUNT);
    while (!is_plain(opc));
    const struct ir_op_desc *d = &ir_op_descs[opc];
    struct ir_op op = {.opc = opc, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
    enum ir_type var[] = {pick_type(g, IR_SIG_INT), pick_type(g, IR_SIG_FP),
                          pick_type(g, IR_SIG_ANY), pick_type(g, IR_SIG_VEC)};
    for (unsigned i = 0; i < d->nargs; i++) {
        uint8_t sig = d->args[i];
        op.arg[i] = any_value(g, sig < IR_SIG_INT ? sig : var[sig - IR_SIG_INT]);
    }
    if (d->result == IR_SIG_GIVEN)
        op.type = given_type(g, opc, var[IR_SIG_FP - IR_SIG_INT]);
    else
        op.type = d->result < IR_SIG_INT ? d->result : var[d->result - IR_SIG_INT];
    op.cc = opc == OP_fcmp ? IR_FEQ + pick(g, 5) : pick(g, IR_GTU + 1);
    op.attr = opc == OP_flags_fcmp ? pick(g, 2) : op_attr(g, &op);
    if ((opc == OP_sse || opc == OP_ssef) && (op.attr & IR_SSE_UNARY))
        op.arg[1] = op.arg[0];
    if (opc == OP_ssefromi && var[0] == I64)
        op.attr |= IR_SSE_W;
    if (opc >= OP_eflags_add && opc <= OP_eflags_imul)
        op.attr = pick(g, var[0] == I64 ? 4 : 3);
    if (opc == OP_flags_adc || opc == OP_eflags_adc || opc == OP_eflags_sbb)
        op.arg[2] = ir_and(g->ir, op.arg[2], ir_const(g->ir, ir_type_of(g->ir, op.arg[2]), 1));
    ir_val v = ir_build(g->ir, &op);
    if (d->result != IR_VOID)
        remember(g, v, op.type);
}

static void gen_set(struct gen *g)
{
    enum ir_type t = pick_type(g, IR_SIG_ANY);
    ir_set(g->ir, bench_slot(t, pick(g, 16)), any_value(g, t));
}

static void gen_memory(struct gen *g)
{
    enum ir_type t = pick_type(g, IR_SIG_ANY);
    bool store = pick(g, 2);
    ir_val a = address(g), v = any_value(g, t);
    uint32_t mo = memop(g, t, store);
    if (store)
        ir_st(g->ir, a, v, mo);
    else
        remember(g, ir_ld(g->ir, t, a, mo), t);
}

static void gen_atomic(struct gen *g)
{
    enum ir_type t = pick_type(g, IR_SIG_INT);
    uint32_t mo = memop(g, t, false) & ~(uint32_t)(MO_ACQ | MO_REL);
    unsigned size = memop_bytes(mo);
    ir_val a = address(g);
    if (pick(g, 8)) /* most are aligned */
        a = ir_and(g->ir, a, ir_const(g->ir, I64, ~(uint64_t)(size - 1)));
    ir_val v = any_value(g, t), w = any_value(g, t);
    unsigned opc = OP_atomic_add + pick(g, OP_cas - OP_atomic_add + 1);
    struct ir_op op = {
        .opc = opc, .type = t, .arg = {a, v, opc == OP_cas ? w : IR_NONE, IR_NONE}, .attr = mo};
    remember(g, ir_build(g->ir, &op), t);
}

/* x[to] and x[from], as the arguments say. */
static ir_val call_on_slots(struct gen *g, const struct ir_helper *h)
{
    unsigned to = pick(g, BENCH_X), from = pick(g, BENCH_X);
    const ir_val args[] = {ir_const(g->ir, I32, to), ir_const(g->ir, I32, from)};
    struct ir_slot_set writes = ir_slots_of(to), reads = ir_slots_add(writes, from);
    return ir_call_slots(g->ir, h, args, reads, writes);
}

static void gen_call(struct gen *g)
{
    unsigned n = 0;
    while (bench_helpers[n])
        n++;
    const struct ir_helper *h = bench_helpers[pick(g, n)];
    ir_val args[G_N_ELEMENTS(h->args)], v;
    if (h->flags & HELPER_SLOTS) {
        v = call_on_slots(g, h);
    } else {
        for (unsigned i = 0; i < h->nargs; i++)
            args[i] = any_value(g, h->args[i]);
        v = ir_call(g->ir, h, args);
    }
    if (h->ret != IR_VOID)
        remember(g, v, h->ret);
}

static void gen_insn(struct gen *g)
{
    g->pc += 4;
    ir_insn(g->ir, g->pc, g->pc & 0xfff);
}

static void gen_exit_if(struct gen *g)
{
    enum ir_type t = pick_type(g, IR_SIG_INT);
    ir_val a = any_value(g, t), b = any_value(g, t);
    unsigned cc = pick(g, IR_GTU + 1);
    ir_exit_if(g->ir, a, b, cc, pick(g, 2) ? g->pc + 64 : UINT64_C(0x70000) + g->pc);
}

/* End the block with a two-way branch to one that follows at once, or past it to one after. */
static void gen_branch(struct gen *g)
{
    enum ir_type t = pick_type(g, IR_SIG_INT);
    ir_val a = any_value(g, t), b = any_value(g, t);
    unsigned cc = pick(g, IR_GTU + 1), next = ir_block_new(g->ir), after = ir_block_new(g->ir);
    ir_brcond(g->ir, a, b, cc, next, after);
    ir_block_begin(g->ir, next);
    forget_values(g);
    for (unsigned i = 0; i < 4; i++)
        gen_set(g);
    ir_br(g->ir, after);
    ir_block_begin(g->ir, after);
    forget_values(g);
    g->blocks_left--;
}

static void gen_one(struct gen *g)
{
    unsigned how = pick(g, 100);
    if (how < 48)
        gen_plain(g);
    else if (how < 68)
        gen_set(g);
    else if (how < 82)
        gen_memory(g);
    else if (how < 85)
        gen_atomic(g);
    else if (how < 89)
        gen_call(g);
    else if (how < 96)
        gen_insn(g);
    else if (how < 98)
        gen_exit_if(g);
    else if (g->blocks_left)
        gen_branch(g);
}

static void gen_end(struct gen *g)
{
    ir_val v =
        ir_and(g->ir, any_value(g, I64), ir_const(g->ir, I64, -2)); /* no guest has odd ones */
    switch (pick(g, 4)) {
    case 0: ir_exit_main(g->ir, 5); break;
    case 1: ir_exit_ind(g->ir, v, 0, IR_HINT_NONE); break;
    case 2: ir_exit_jump(g->ir, g->pc + 8, 0, IR_HINT_NONE); break;
    default: ir_exit_jump(g->ir, UINT64_C(0x123456789000), 0, IR_HINT_NONE); break;
    }
}

static void gen_unit(struct ir *ir, uint64_t seed, unsigned ops, bool fold)
{
    struct gen g = {.ir = ir, .rng = seed, .pc = 0x1000, .blocks_left = 8};
    ir_set_folding(ir, fold);
    ir_begin(ir);
    gen_insn(&g);
    for (unsigned i = 0; i < ops && !ir_full(ir); i++)
        gen_one(&g);
    g.rng = seed ^ 0x5555;
    gen_end(&g);
}

static void random_state(struct bench_state *s, uint64_t seed)
{
    uint64_t rng = seed ^ UINT64_C(0xfeedface);
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < BENCH_SLOTS; i++) {
        bench_write(s, i, interesting(&rng, bench_slots[i].type));
        if (bench_slots[i].type == V128)
            bench_write_high(s, i, interesting(&rng, V128));
    }
    for (unsigned i = 0; i < BENCH_MEM; i += 8)
        st_le64(s->mem + i, interesting(&rng, i & 64 ? F64 : I64));
    s->mxcsr = 0x1f80 | (random64(&rng) & 3) << 13;
}

static bool same(const struct bench_state *a, const struct bench_state *b,
                 const struct tcg_exit *xa, const struct tcg_exit *xb, char *what, size_t n)
{
    if (xa->kind != xb->kind || xa->reason != xb->reason) {
        snprintf(what, n, "exit %u:%u and %u:%u", xa->kind, xa->reason, xb->kind, xb->reason);
        return false;
    }
    for (unsigned i = 0; i < BENCH_SLOTS; i++)
        if (bench_read(a, i) != bench_read(b, i)) {
            snprintf(what, n, "%s: %#lx and %#lx", bench_slots[i].name,
                     (unsigned long)bench_read(a, i), (unsigned long)bench_read(b, i));
            return false;
        } else if (bench_read_high(a, i) != bench_read_high(b, i)) {
            snprintf(what, n, "%s, upper half: %#lx and %#lx", bench_slots[i].name,
                     (unsigned long)bench_read_high(a, i), (unsigned long)bench_read_high(b, i));
            return false;
        }
    for (unsigned i = 0; i < BENCH_MEM; i++)
        if (a->mem[i] != b->mem[i]) {
            snprintf(what, n, "memory at %#lx: %#x and %#x", (unsigned long)BENCH_BASE + i,
                     a->mem[i], b->mem[i]);
            return false;
        }
    if ((a->mxcsr ^ b->mxcsr) & ~(uint32_t)MXCSR_IGNORED) {
        snprintf(what, n, "mxcsr: %#x and %#x", a->mxcsr, b->mxcsr);
        return false;
    }
    return true;
}

/* One unit on all back ends, folded and plain; what differs first goes to *what. */
static bool try_unit(struct ir *ir, struct bench *const *benches, unsigned nbenches, uint64_t seed,
                     unsigned ops, char *what, size_t n)
{
    static _Thread_local struct bench_state start, ref, s;
    struct tcg_exit xref = {0}, x;
    random_state(&start, seed);
    for (unsigned i = 0; i < 2 * nbenches; i++) {
        const char *why = NULL;
        char diff[120];
        gen_unit(ir, seed, ops, i & 1);
        const char *wrong = ir_verify(ir);
        s = start;
        if (wrong || !bench_run(benches[i / 2], ir, &s, &x, &why)) {
            snprintf(what, n, "%s: %s", bench_name(benches[i / 2]), wrong ? wrong : why);
            return false;
        }
        if (i == 0) {
            ref = s;
            xref = x;
        } else if (!same(&ref, &s, &xref, &x, diff, sizeof(diff))) {
            snprintf(what, n, "%s plain and %s %s differ: %s", bench_name(benches[0]),
                     bench_name(benches[i / 2]), i & 1 ? "folded" : "plain", diff);
            return false;
        }
    }
    return true;
}

static void report(struct ir *ir, struct bench *const *benches, unsigned nbenches, uint64_t seed,
                   unsigned ops)
{
    char what[200];
    unsigned least = 0;
    while (try_unit(ir, benches, nbenches, seed, least, what, sizeof(what)) && least < ops)
        least++;
    printf("irtool: seed %llu, %u ops: %s\n-- plain\n", (unsigned long long)seed, least, what);
    gen_unit(ir, seed, least, false);
    ir_print(ir, stdout);
    printf("-- folded\n");
    gen_unit(ir, seed, least, true);
    ir_print(ir, stdout);
}

bool fuzz_units(struct bench *const *benches, unsigned nbenches, uint64_t seed, unsigned n,
                unsigned ops)
{
    struct ir *ir = ir_new(bench_slots, BENCH_SLOTS);
    char what[200];
    bool ok = true;
    for (unsigned i = 0; i < n && ok; i++) {
        ok = try_unit(ir, benches, nbenches, seed + i, ops, what, sizeof(what));
        if (!ok)
            report(ir, benches, nbenches, seed + i, ops);
    }
    if (ok)
        printf("irtool: %u random units of up to %u ops agree on %u back ends\n", n, ops, nbenches);
    ir_free(ir);
    return ok;
}
