/* Running units on back ends; see bench.h. */
#include "tests/tcg/bench.h"
#include "fpu/sse.h"
#include "tcg/codebuf.h"
#include "tcg/ops.h"
#include "util/bits.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 8 << 20, SEGMENTS = 2 };

struct bench {
    const struct tcg_backend *be;
    struct codebuf *cb;
    struct tcg_env *env;
    struct bench_state *cpu; /* directly behind env */
    struct host_code code;   /* of the run under way */
    bool region;
};

/* The layout of one cpu pointer to its bench: behind the state. */
struct cpu_block {
    struct bench_state s;
    struct bench *bench;
};

#define OFF(field) ((int32_t)offsetof(struct bench_state, field))
/* clang-format off */
#define X(n, p) {"x" #n, I64, p, 0, OFF(x[n])}
#define W(n)    {"w" #n, I32, 0, 0, OFF(w[n])}
#define FD(n, p) {"d" #n, F64, p, 0, OFF(d[n])}
#define V(n, p) {"v" #n, V128, p, 0, OFF(v[n])}
#define FS(n)   {"s" #n, F32, 0, 0, OFF(s[n])}
const struct ir_slot bench_slots[BENCH_SLOTS] = {
    X(0, 1), X(1, 2), X(2, 3), X(3, 4), X(4, 5), X(5, 6), X(6, 7), X(7, 8), X(8, 9),
    X(9, 0), X(10, 0), X(11, 0), X(12, 0), X(13, 0), X(14, 0), X(15, 0),
    W(0), W(1), W(2), W(3), W(4), W(5), W(6), W(7),
    FD(0, 1), FD(1, 2), FD(2, 3), FD(3, 4), FD(4, 0), FD(5, 0), FD(6, 0), FD(7, 0),
    FD(8, 0), FD(9, 0), FD(10, 0), FD(11, 0),
    FS(0), FS(1), FS(2), FS(3), FS(4), FS(5), FS(6), FS(7),
    V(0, 5), V(1, 6), V(2, 7), V(3, 8), V(4, 0), V(5, 0), V(6, 0), V(7, 0),
    V(8, 0), V(9, 0), V(10, 0), V(11, 0),
    {"pc", I64, 0, 0, OFF(pc)},
};
/* clang-format on */

unsigned bench_slot(enum ir_type t, unsigned n)
{
    switch (t) {
    case I32: return BENCH_X + n % BENCH_W;
    case F64: return BENCH_X + BENCH_W + n % BENCH_D;
    case F32: return BENCH_X + BENCH_W + BENCH_D + n % BENCH_S;
    case V128: return BENCH_X + BENCH_W + BENCH_D + BENCH_S + n % BENCH_V;
    default: return n % BENCH_X;
    }
}

uint64_t bench_read(const struct bench_state *s, unsigned slot)
{
    const uint8_t *p = (const uint8_t *)s + bench_slots[slot].off;
    bool narrow = bench_slots[slot].type == I32 || bench_slots[slot].type == F32;
    return narrow ? ld_le32(p) : ld_le64(p);
}

uint64_t bench_read_high(const struct bench_state *s, unsigned slot)
{
    bool wide = bench_slots[slot].type == V128;
    return wide ? ld_le64((const uint8_t *)s + bench_slots[slot].off + 8) : 0;
}

void bench_write_high(struct bench_state *s, unsigned slot, uint64_t v)
{
    if (bench_slots[slot].type == V128)
        st_le64((uint8_t *)s + bench_slots[slot].off + 8, v);
}

void bench_write(struct bench_state *s, unsigned slot, uint64_t v)
{
    uint8_t *p = (uint8_t *)s + bench_slots[slot].off;
    if (bench_slots[slot].type == I32 || bench_slots[slot].type == F32)
        st_le32(p, v);
    else
        st_le64(p, v);
}

static NORETURN void fault(void *cpu, uintptr_t ra, uint32_t reason)
{
    struct bench *b = ((struct cpu_block *)cpu)->bench;
    uint32_t word = 0;
    if (!b->be->restore(&b->code, ra, &b->cpu->pc, &word))
        b->cpu->pc = UINT64_MAX;
    b->be->unwind(cpu, reason);
}

static uint8_t *host_at(void *cpu, uint64_t addr, uint32_t mo, uintptr_t ra)
{
    struct bench_state *s = cpu;
    if ((mo & MO_ALIGN) && (addr & (memop_bytes(mo) - 1)))
        fault(cpu, ra, BENCH_MISALIGNED);
    if (addr < BENCH_BASE || addr - BENCH_BASE > BENCH_MEM - memop_bytes(mo))
        fault(cpu, ra, BENCH_FAULT);
    return s->mem + (addr - BENCH_BASE);
}

static uint64_t extend(uint64_t v, uint32_t mo)
{
    unsigned up = 64 - 8 * memop_bytes(mo);
    return mo & MO_SIGN ? (uint64_t)((int64_t)(v << up) >> up) : v << up >> up;
}

static uint64_t get_bytes(const uint8_t *p, uint32_t mo)
{
    uint64_t v = 0;
    unsigned n = memop_bytes(mo);
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * (mo & MO_BE ? n - 1 - i : i);
    return v;
}

static void put_bytes(uint8_t *p, uint64_t v, uint32_t mo)
{
    unsigned n = memop_bytes(mo);
    for (unsigned i = 0; i < n; i++)
        p[i] = v >> 8 * (mo & MO_BE ? n - 1 - i : i);
}

static uint64_t slow_ld(void *cpu, uint64_t addr, uint32_t mo, uintptr_t ra)
{
    return extend(get_bytes(host_at(cpu, addr, mo, ra), mo), mo);
}

static void slow_st(void *cpu, uint64_t addr, uint64_t val, uint32_t mo, uintptr_t ra)
{
    put_bytes(host_at(cpu, addr, mo, ra), val, mo);
}

static void slow_ld128(void *cpu, uint64_t addr, uint64_t *val, uint32_t mo, uintptr_t ra)
{
    memcpy(val, host_at(cpu, addr, mo, ra), 16);
}

static void slow_st128(void *cpu, uint64_t addr, uint64_t *val, uint32_t mo, uintptr_t ra)
{
    memcpy(host_at(cpu, addr, mo, ra), val, 16);
}

static uint64_t combine(unsigned op, uint64_t a, uint64_t b, uint32_t mo)
{
    int64_t sa = extend(a, mo | MO_SIGN), sb = extend(b, mo | MO_SIGN);
    uint64_t ub = extend(b, mo & ~MO_SIGN);
    switch (op) {
    case OP_atomic_add: return a + b;
    case OP_atomic_and: return a & b;
    case OP_atomic_or: return a | b;
    case OP_atomic_xor: return a ^ b;
    case OP_atomic_min: return sa < sb ? a : b;
    case OP_atomic_max: return sa > sb ? a : b;
    case OP_atomic_minu: return a < ub ? a : b;
    case OP_atomic_maxu: return a > ub ? a : b;
    default: return b;
    }
}

static uint64_t slow_atomic(void *cpu, uint64_t addr, uint64_t val, uint32_t memop_op, uintptr_t ra)
{
    uint32_t mo = memop_op & 0xffff;
    uint8_t *p = host_at(cpu, addr, mo, ra);
    uint64_t old = get_bytes(p, mo);
    put_bytes(p, combine(memop_op >> 16, old, val, mo), mo);
    return extend(old, mo);
}

static uint64_t slow_cas(void *cpu, uint64_t addr, uint64_t expect, uint64_t val, uint32_t mo,
                         uintptr_t ra)
{
    uint8_t *p = host_at(cpu, addr, mo, ra);
    uint64_t old = get_bytes(p, mo);
    if (old == extend(expect, mo & ~MO_SIGN))
        put_bytes(p, val, mo);
    return extend(old, mo);
}

static enum tcg_fill no_fill(void *cpu G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                             uint32_t mo G_GNUC_UNUSED)
{
    return FILL_CANNOT;
}

static uint64_t help_mix5(uint32_t a, uint64_t b, uint32_t c, uint64_t d, uint32_t e)
{
    return a + 3 * b + 5 * (uint64_t)c + 7 * d + 11 * (uint64_t)e;
}

static uint64_t help_mix3(struct bench_state *s, uint64_t a, uint64_t b, uint64_t c)
{
    return s->x[1] + a + 3 * b + 5 * c;
}

static uint32_t help_narrow(uint64_t a)
{
    return a >> 16;
}

static uint32_t help_half(uint32_t a) /* f32 to f32 by its bits: exponent less one */
{
    return a & 0x7f800000 ? a - 0x00800000 : a;
}

static uint64_t help_flip(uint64_t a) /* f64: sign changed */
{
    return a ^ UINT64_C(1) << 63;
}

static void help_bump(struct bench_state *s, uint64_t a)
{
    s->x[2] += a;
    s->x[10] ^= a;
}

static void help_scramble(struct bench_state *s)
{
    for (unsigned i = 0; i < BENCH_X; i++)
        s->x[i] = s->x[i] * 5 + i;
    for (unsigned i = 0; i < BENCH_D; i++)
        s->d[i] += UINT64_C(1) << 52;
}

static uint64_t help_sum(struct bench_state *s)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < BENCH_X; i++)
        v = v * 3 + s->x[i];
    for (unsigned i = 0; i < BENCH_D; i++)
        v = v * 3 + s->d[i];
    return v;
}

static void help_raise_if_odd(struct bench_state *s, uint64_t a)
{
    struct bench *b = ((struct cpu_block *)(void *)s)->bench;
    if (a & 1)
        b->be->unwind(s, BENCH_RAISED);
}

static uint64_t help_flags(struct bench_state *s)
{
    return ((struct cpu_block *)(void *)s)->bench->env->guest_mxcsr & 0x3d; /* without DE */
}

static void help_set_round(struct bench_state *s, uint64_t rc)
{
    struct tcg_env *env = ((struct cpu_block *)(void *)s)->bench->env;
    env->guest_mxcsr = (env->guest_mxcsr & ~UINT32_C(0x6000)) | (rc & 3) << 13;
}

/* x[to] += 3 * x[from]; the call says which. */
static uint64_t help_add3(struct bench_state *s, uint32_t to, uint32_t from)
{
    s->x[to % BENCH_X] += 3 * s->x[from % BENCH_X];
    return s->x[to % BENCH_X] >> 1;
}

#define FN(f) (void *)(uintptr_t)(f)
static const struct ir_helper helpers[] = {
    {"mix5", FN(help_mix5), I64, 5, {I32, I64, F32, F64, I32}, HELPER_PURE, {{0}}, {{0}}},
    {"mix3", FN(help_mix3), I64, 3, {I64, I64, I64}, HELPER_CPU, {{1 << 1}}, {{0}}},
    {"narrow", FN(help_narrow), I32, 1, {I64}, HELPER_PURE, {{0}}, {{0}}},
    {"half", FN(help_half), F32, 1, {F32}, HELPER_PURE, {{0}}, {{0}}},
    {"flip", FN(help_flip), F64, 1, {F64}, HELPER_PURE, {{0}}, {{0}}},
    {"bump",
     FN(help_bump),
     IR_VOID,
     1,
     {I64},
     HELPER_CPU,
     {{1 << 2 | 1 << 10}},
     {{1 << 2 | 1 << 10}}},
    {"scramble",
     FN(help_scramble),
     IR_VOID,
     0,
     {0},
     HELPER_CPU | HELPER_READS_ALL | HELPER_WRITES_ALL,
     {{0}},
     {{0}}},
    {"sum", FN(help_sum), I64, 0, {0}, HELPER_CPU | HELPER_READS_ALL, {{0}}, {{0}}},
    {"raise_if_odd",
     FN(help_raise_if_odd),
     IR_VOID,
     1,
     {I64},
     HELPER_CPU | HELPER_RAISES,
     {{0}},
     {{0}}},
    {"flags", FN(help_flags), I64, 0, {0}, HELPER_CPU | HELPER_FPENV, {{0}}, {{0}}},
    {"set_round", FN(help_set_round), IR_VOID, 1, {I64}, HELPER_CPU | HELPER_FPENV, {{0}}, {{0}}},
    {"add3", FN(help_add3), I64, 2, {I32, I32}, HELPER_CPU | HELPER_SLOTS, {{0}}, {{0}}},
};
const struct ir_helper *const bench_helpers[] = {
    &helpers[0], &helpers[1], &helpers[2], &helpers[3],  &helpers[4],  &helpers[5], &helpers[6],
    &helpers[7], &helpers[8], &helpers[9], &helpers[10], &helpers[11], NULL,
};

static const struct tcg_layout layout = {
    .slots = bench_slots,
    .nslots = BENCH_SLOTS,
    .pc_slot = BENCH_PC,
    .request_off = OFF(request),
    .cb = {.ld = slow_ld,
           .st = slow_st,
           .ld128 = slow_ld128,
           .st128 = slow_st128,
           .atomic = slow_atomic,
           .cas = slow_cas,
           .fill = no_fill,
           .soft_fp = bench_soft_fp,
           .sse = sse_run},
};

const struct tcg_backend *const bench_backends[] = {
    &tcg_interp,
#if defined(__x86_64__)
    &tcg_x86_64,
#endif
    NULL,
};

/* The first page for both, the second for reading only, the third not at all; the same for every
 * MMU index. */
static void fill_tlb(struct bench *b)
{
    tcg_env_empty_tlb(b->env);
    for (unsigned i = 0; i < TCG_MMU_MODES; i++) {
        struct tcg_tlb *t = &b->env->tlb[i];
        uint64_t add = (uintptr_t)b->cpu->mem - BENCH_BASE;
        t->rtag[0x10] = t->wtag[0x10] = BENCH_BASE;
        t->rtag[0x11] = BENCH_BASE + 0x1000;
        t->radd[0x10] = t->wadd[0x10] = t->radd[0x11] = add;
    }
}

/*
 * Nothing is ever found there, whatever pc a test jumps to: each dispatch entry has the tag of a pc
 * that belongs into its neighbour; the ring has no index, so its tag is a number that no test
 * names.
 */
static void empty_caches(struct tcg_env *env)
{
    for (unsigned i = 0; i < 1 << TCG_DISPATCH_BITS; i++)
        env->dispatch[i].tag = (i ^ 1) << 1 ^ env->salt;
    for (unsigned i = 0; i < TCG_RING_SIZE; i++)
        env->ring[i].tag = UINT64_C(0xd1b54a32d192ed03);
}

struct bench *bench_new(const struct tcg_backend *be, const char **why)
{
    struct bench *b = g_new0(struct bench, 1);
    size_t size = sizeof(struct tcg_env) + sizeof(struct cpu_block);
    void *p = aligned_alloc(4096, align_up(size, 4096));
    memset(p, 0, size);
    b->be = be;
    b->env = p;
    b->cpu = (struct bench_state *)(b->env + 1);
    ((struct cpu_block *)(void *)b->cpu)->bench = b;
    empty_caches(b->env);
    fill_tlb(b);
    b->cb = codebuf_new(CODE_SIZE, SEGMENTS, NULL);
    *why = "no code memory";
    if (b->cb && be->init(&layout, b->cb, why))
        return b;
    bench_free(b);
    return NULL;
}

void bench_free(struct bench *b)
{
    if (b->cb)
        codebuf_free(b->cb);
    free(b->env);
    g_free(b);
}

const char *bench_name(const struct bench *b)
{
    return b->be->name;
}

void bench_set_region(struct bench *b, bool region)
{
    b->region = region;
}

static uint64_t first_pc(const struct ir *ir)
{
    uint64_t pc = 0;
    return ir_insn_pcs(ir, &pc, 1) ? pc : 0;
}

static bool compile(struct bench *b, struct ir *ir, const char **why)
{
    struct compile_opts o = {
        .page = first_pc(ir) & ~UINT64_C(4095), .region = b->region, .one_cpu = b->region};
    *why = NULL;
    if (b->be->compile(ir, &o, b->cb, &b->code, why))
        return true;
    if (*why)
        return false;
    codebuf_next_segment(b->cb);
    if (b->be->compile(ir, &o, b->cb, &b->code, why))
        return true;
    if (!*why)
        *why = "does not fit an empty segment";
    return false;
}

bool bench_run(struct bench *b, struct ir *ir, struct bench_state *s, struct tcg_exit *x,
               const char **why)
{
    if (!compile(b, ir, why))
        return false;
    *b->cpu = *s;
    b->env->guest_mxcsr = s->mxcsr;
    *x = b->be->enter(b->cpu, &b->code);
    bool ok = true;
    if (x->kind == TCG_EXIT_DIRECT) {
        int n = host_code_exit(&b->code, x->site);
        ok = n >= 0;
        *why = "a direct exit from nowhere";
        x->kind = TCG_EXIT_LOOKUP;
        b->cpu->pc = ok ? b->code.exits[n].pc : 0;
    }
    x->site = 0;
    *s = *b->cpu;
    s->mxcsr = b->env->guest_mxcsr;
    b->be->release(&b->code);
    return ok;
}
