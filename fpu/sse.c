/* See sse.h. */
#include "fpu/sse.h"

#include "fpu/softfloat.h"

#include <stdbool.h>

enum { NP, P66, PF3, PF2 };

struct run {
    uint32_t insn;
    unsigned opcode, prefix, imm;
    bool wide, scalar; /* of doubles; of the lowest lane */
    uint32_t unmasked; /* flags */
    uint32_t flags[SSE_STEPS];
    unsigned step;
    const uint64_t (*arg)[2];
    uint64_t *r;
    struct fp_env env;
};

static enum fp_round round_of(unsigned rc)
{
    static const uint8_t map[4] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};
    return map[rc & 3];
}

static uint32_t flags_of(unsigned flags)
{
    return (flags & FP_NV ? SSE_IE : 0) | (flags & FP_ID ? SSE_DE : 0) |
           (flags & FP_DZ ? SSE_ZE : 0) | (flags & FP_OF ? SSE_OE : 0) |
           (flags & FP_UF ? SSE_UE : 0) | (flags & FP_NX ? SSE_PE : 0);
}

/* --- lanes --- */

static uint32_t get32(const uint64_t v[2], unsigned i)
{
    return (uint32_t)(v[i / 2] >> 32 * (i & 1));
}

static void put32(uint64_t v[2], unsigned i, uint32_t x)
{
    unsigned shift = 32 * (i & 1);
    v[i / 2] = (v[i / 2] & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)x << shift;
}

static uint64_t get(const struct run *x, unsigned n, unsigned i)
{
    return x->wide ? x->arg[n][i] : get32(x->arg[n], i);
}

static void put(const struct run *x, unsigned i, uint64_t v)
{
    if (x->wide)
        x->r[i] = v;
    else
        put32(x->r, i, (uint32_t)v);
}

static unsigned lanes(const struct run *x)
{
    return x->scalar ? 1 : x->wide ? 2 : 4;
}

/* --- arithmetic --- */

static bool is_less(struct run *x, uint64_t a, uint64_t b)
{
    return x->wide ? f64_lt(a, b, &x->env) : f32_lt((f32)a, (f32)b, &x->env);
}

/* A subnormal source is zero with DAZ, also where it is the result. */
static uint64_t flushed(const struct run *x, uint64_t v)
{
    enum { SUBNORMAL = 1 << 2 | 1 << 5 };
    bool is_subnormal = (x->wide ? f64_class(v) : f32_class((f32)v)) & SUBNORMAL;
    uint64_t sign = x->wide ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
    return x->env.flush_inputs && is_subnormal ? v & sign : v;
}

/* The second one unless the first is less, or greater: also of NaNs and of zeros. */
static uint64_t minmax(struct run *x, uint64_t a, uint64_t b)
{
    bool first = (x->opcode & 2) ? is_less(x, b, a) : is_less(x, a, b);
    return flushed(x, first ? a : b);
}

static uint64_t add(struct run *x, uint64_t a, uint64_t b)
{
    return x->wide ? f64_add(a, b, &x->env) : f32_add((f32)a, (f32)b, &x->env);
}

static uint64_t sub(struct run *x, uint64_t a, uint64_t b)
{
    return x->wide ? f64_sub(a, b, &x->env) : f32_sub((f32)a, (f32)b, &x->env);
}

static uint64_t mul(struct run *x, uint64_t a, uint64_t b)
{
    return x->wide ? f64_mul(a, b, &x->env) : f32_mul((f32)a, (f32)b, &x->env);
}

static uint64_t arith(struct run *x, uint64_t a, uint64_t b)
{
    switch (x->opcode) {
    case 0x51: return x->wide ? f64_sqrt(b, &x->env) : f32_sqrt((f32)b, &x->env);
    case 0x58: return add(x, a, b);
    case 0x59: return mul(x, a, b);
    case 0x5c: return sub(x, a, b);
    case 0x5e: return x->wide ? f64_div(a, b, &x->env) : f32_div((f32)a, (f32)b, &x->env);
    default: return minmax(x, a, b); /* 5D, 5F */
    }
}

static void run_arith(struct run *x)
{
    for (unsigned i = 0; i < lanes(x); i++)
        put(x, i, arith(x, get(x, 0, i), get(x, 1, i)));
}

/* HADD (7C), HSUB (7D): neighbours of the first source, then of the second. */
static void run_horizontal(struct run *x)
{
    unsigned half = lanes(x) / 2;
    for (unsigned i = 0; i < 2 * half; i++) {
        unsigned n = i / half, k = 2 * (i % half);
        uint64_t a = get(x, n, k), b = get(x, n, k + 1);
        put(x, i, x->opcode == 0x7c ? add(x, a, b) : sub(x, a, b));
    }
}

static void run_addsub(struct run *x)
{
    for (unsigned i = 0; i < lanes(x); i++) {
        uint64_t a = get(x, 0, i), b = get(x, 1, i);
        put(x, i, i & 1 ? add(x, a, b) : sub(x, a, b));
    }
}

/* Whether it is the last, because of exceptions that are not masked. */
static bool end_step(struct run *x)
{
    uint32_t flags = flags_of(x->env.flags);
    x->flags[x->step++] = flags;
    x->env.flags = 0;
    return flags & x->unmasked;
}

/* Products that the upper half of the immediate chooses; sums of neighbours, then of these; to the
 * lanes that the lower half chooses. */
static void run_dot(struct run *x)
{
    uint64_t product[4] = {0, 0, 0, 0};
    unsigned n = lanes(x);
    for (unsigned i = 0; i < n; i++)
        if (x->imm >> (4 + i) & 1)
            product[i] = mul(x, get(x, 0, i), get(x, 1, i));
    if (end_step(x))
        return;
    uint64_t sum = add(x, product[0], product[1]);
    if (n == 4) {
        uint64_t upper = add(x, product[2], product[3]);
        sum = end_step(x) ? 0 : add(x, sum, upper);
    }
    for (unsigned i = 0; i < n; i++)
        put(x, i, x->imm >> i & 1 ? sum : 0);
}

/* --- comparisons --- */

enum { LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8 };

static unsigned relation(struct run *x, uint64_t a, uint64_t b, bool signalling)
{
    struct fp_env quiet = x->env;
    bool wide = x->wide;
    f32 a32 = (f32)a, b32 = (f32)b;
    if (wide ? f64_unordered(a, b, &quiet) : f32_unordered(a32, b32, &quiet)) {
        x->env.flags |= signalling ? FP_NV : quiet.flags;
        return UNORDERED;
    }
    if (wide ? f64_lt_quiet(a, b, &x->env) : f32_lt_quiet(a32, b32, &x->env))
        return LESS;
    return (wide ? f64_eq(a, b, &x->env) : f32_eq(a32, b32, &x->env)) ? EQUAL : GREATER;
}

/* Ref: SDM volume 2, CMPPD, table 3-1. */
static void run_compare(struct run *x)
{
    static const uint8_t holds[16] = {
        EQUAL,
        LESS,
        LESS | EQUAL,
        UNORDERED,
        LESS | GREATER | UNORDERED,
        EQUAL | GREATER | UNORDERED,
        GREATER | UNORDERED,
        LESS | EQUAL | GREATER,
        EQUAL | UNORDERED,
        LESS | UNORDERED,
        LESS | EQUAL | UNORDERED,
        0,
        LESS | GREATER,
        EQUAL | GREATER,
        GREATER,
        LESS | EQUAL | GREATER | UNORDERED,
    };
    bool is_order = (x->imm & 3) == 1 || (x->imm & 3) == 2, signalling = is_order != (x->imm >> 4);
    for (unsigned i = 0; i < lanes(x); i++)
        put(x, i,
            relation(x, get(x, 0, i), get(x, 1, i), signalling) & holds[x->imm & 15] ? UINT64_MAX
                                                                                     : 0);
}

static void run_comis(struct run *x)
{
    enum { C = 1 << 8, ALWAYS = 1 << 9, P = 1 << 10, Z = 1 << 14 };
    x->wide = x->prefix == P66;
    unsigned rel = relation(x, get(x, 0, 0), get(x, 1, 0), x->opcode == 0x2f);
    x->r[0] = ALWAYS;
    x->r[0] |= rel == LESS ? C : rel == EQUAL ? Z : rel == GREATER ? 0 : C | P | Z;
    x->r[1] = 0;
}

/* --- integers --- */

/* Invalid: the indefinite integer.  Subnormal operands raise nothing but PE. */
static uint64_t to_integer(struct run *x, bool from_wide, bool to_wide, uint64_t a,
                           enum fp_round rm)
{
    struct fp_env e = x->env;
    uint64_t v;
    e.flags = 0;
    if (to_wide)
        v = (uint64_t)(from_wide ? f64_to_i64(a, rm, &e) : f32_to_i64((f32)a, rm, &e));
    else
        v = (uint32_t)(from_wide ? f64_to_i32(a, rm, &e) : f32_to_i32((f32)a, rm, &e));
    x->env.flags |= e.flags & ~FP_ID;
    if (e.flags & FP_NV)
        return to_wide ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
    return v;
}

/* CVTT (2C), CVT (2D). */
static void run_to_integer(struct run *x)
{
    bool wide = x->prefix == PF2;
    x->r[0] = to_integer(x, wide, x->insn & SSE_W, wide ? x->arg[0][0] : get32(x->arg[0], 0),
                         x->opcode == 0x2c ? FP_RTZ : x->env.round);
    x->r[1] = 0;
}

static uint64_t from_integer(struct run *x, bool from_wide, bool to_wide, uint64_t a)
{
    int64_t v = from_wide ? (int64_t)a : (int32_t)a;
    return to_wide ? f64_from_i64(v, &x->env) : f32_from_i64(v, &x->env);
}

static void run_from_integer(struct run *x)
{
    x->wide = x->prefix == PF2;
    put(x, 0, from_integer(x, x->insn & SSE_W, x->wide, x->arg[1][0]));
}

/* 5B: between single precision and doublewords. */
static void run_convert_lanes(struct run *x)
{
    enum fp_round rm = x->prefix == PF3 ? FP_RTZ : x->env.round;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t a = get32(x->arg[0], i);
        uint64_t v =
            x->prefix == NP ? from_integer(x, false, false, a) : to_integer(x, false, false, a, rm);
        put32(x->r, i, (uint32_t)v);
    }
}

/* E6: double precision and doublewords of the low half. */
static void run_convert_halves(struct run *x)
{
    enum fp_round rm = x->prefix == P66 ? FP_RTZ : x->env.round;
    uint64_t v[2];
    for (unsigned i = 0; i < 2; i++)
        v[i] = x->prefix == PF3 ? from_integer(x, false, true, get32(x->arg[0], i))
                                : to_integer(x, true, false, x->arg[0][i], rm);
    x->r[0] = x->prefix == PF3 ? v[0] : v[0] | v[1] << 32;
    x->r[1] = x->prefix == PF3 ? v[1] : 0;
}

/* --- between formats --- */

/* 5A. */
static void run_convert(struct run *x)
{
    const uint64_t *a = x->arg[0], *b = x->arg[1];
    switch (x->prefix) {
    case NP:
        x->r[0] = f32_to_f64(get32(a, 0), &x->env);
        x->r[1] = f32_to_f64(get32(a, 1), &x->env);
        break;
    case P66:
        x->r[0] = f64_to_f32(a[0], &x->env);
        x->r[0] |= (uint64_t)f64_to_f32(a[1], &x->env) << 32;
        x->r[1] = 0;
        break;
    case PF3: x->r[0] = f32_to_f64(get32(b, 0), &x->env); break;
    default: put32(x->r, 0, f64_to_f32(b[0], &x->env)); break;
    }
}

/* DAZ and FTZ have no say on halves. */
static void run_from_half(struct run *x)
{
    x->env.flush_inputs = x->env.flush_outputs = false;
    for (unsigned i = 0; i < 4; i++)
        put32(x->r, i, f16_to_f32((f16)(x->arg[0][0] >> 16 * i), &x->env));
}

static void run_to_half(struct run *x)
{
    x->env.round = x->imm & 4 ? x->env.round : round_of(x->imm);
    x->env.flush_outputs = false;
    uint64_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v |= (uint64_t)f32_to_f16(get32(x->arg[0], i), &x->env) << 16 * i;
    x->r[0] = v;
    x->r[1] = 0;
}

/* ROUNDPS (08), ROUNDPD, ROUNDSS, ROUNDSD. */
static void run_round(struct run *x)
{
    enum fp_round rm = x->imm & 4 ? x->env.round : round_of(x->imm);
    bool exact = !(x->imm & 8);
    x->wide = x->opcode & 1;
    x->scalar = x->opcode & 2;
    struct fp_env e = x->env;
    for (unsigned i = 0; i < lanes(x); i++) {
        uint64_t a = flushed(x, get(x, 1, i));
        put(x, i, x->wide ? f64_round_int(a, rm, exact, &e) : f32_round_int((f32)a, rm, exact, &e));
    }
    x->env.flags |= e.flags & ~FP_ID;
}

/* --- fused --- */

/* 132, 213, 231: which operands are the factors and the addend.  6 and 7 of the low digit: signs
 * alternate; then add, subtract, and both of the negated product, packed and scalar. */
static void run_fma(struct run *x)
{
    static const uint8_t order[3][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}};
    const uint8_t *from = order[(x->opcode >> 4) - 9];
    unsigned kind = x->opcode & 15;
    x->wide = x->insn & SSE_W;
    x->scalar = kind >= 8 && (kind & 1);
    for (unsigned i = 0; i < lanes(x); i++) {
        bool negative = kind < 8 ? (kind & 1) == (i & 1) : kind & 2;
        int neg = (negative ? FP_NEG_ADDEND : 0) | (kind >= 12 ? FP_NEG_PRODUCT : 0);
        uint64_t a = get(x, from[0], i), b = get(x, from[1], i), c = get(x, from[2], i);
        put(x, i,
            x->wide ? f64_fma(a, b, c, neg, &x->env)
                    : f32_fma((f32)a, (f32)b, (f32)c, neg, &x->env));
    }
}

/* --- by opcode --- */

static void run_0f(struct run *x)
{
    switch (x->opcode) {
    case 0x2a: run_from_integer(x); break;
    case 0x2c:
    case 0x2d: run_to_integer(x); break;
    case 0x2e:
    case 0x2f: run_comis(x); break;
    case 0x5a: run_convert(x); break;
    case 0x5b: run_convert_lanes(x); break;
    case 0xe6: run_convert_halves(x); break;
    case 0x7c:
    case 0x7d:
    case 0xd0:
        x->scalar = false;
        x->wide = x->prefix == P66;
        if (x->opcode == 0xd0)
            run_addsub(x);
        else
            run_horizontal(x);
        break;
    case 0xc2: run_compare(x); break;
    default: run_arith(x); break;
    }
}

static void run_0f3a(struct run *x)
{
    switch (x->opcode) {
    case 0x1d: run_to_half(x); break;
    case 0x40:
    case 0x41:
        x->wide = x->opcode & 1;
        run_dot(x);
        break;
    default: run_round(x); break;
    }
}

static struct run begin(uint32_t insn, const uint64_t arg[3][2], uint64_t r[2], uint32_t mxcsr)
{
    unsigned prefix = insn >> SSE_PREFIX_SHIFT & 3;
    bool underflow_masked = mxcsr & SSE_UE << SSE_MASK_SHIFT;
    bool overflow_masked = mxcsr & SSE_OE << SSE_MASK_SHIFT;
    return (struct run){
        .insn = insn,
        .opcode = insn & 0xff,
        .prefix = prefix,
        .imm = insn >> SSE_IMM_SHIFT & 0xff,
        .wide = prefix & 1,
        .scalar = prefix & 2,
        .unmasked = ~(mxcsr >> SSE_MASK_SHIFT) & SSE_FLAGS,
        .arg = arg,
        .r = r,
        .env = {.round = round_of(mxcsr >> SSE_RC_SHIFT),
                .nan = FP_NAN_X86,
                .flush_inputs = mxcsr & SSE_DAZ,
                .flush_outputs = (mxcsr & SSE_FTZ) && underflow_masked,
                .trapped = (underflow_masked ? 0 : FP_UF) | (overflow_masked ? 0 : FP_OF)},
    };
}

static void run(struct run *x)
{
    switch (x->insn >> SSE_MAP_SHIFT & 3) {
    case 1: run_0f(x); break;
    case 2:
        if (x->opcode == 0x13)
            run_from_half(x);
        else
            run_fma(x);
        break;
    default: run_0f3a(x); break;
    }
    end_step(x);
}

void sse_run(uint32_t insn, const uint64_t arg[3][2], uint64_t r[2], uint32_t *mxcsr)
{
    uint64_t result[2] = {arg[0][0], arg[0][1]};
    struct run x = begin(insn, arg, result, *mxcsr);
    run(&x);
    for (unsigned i = 0; i < SSE_STEPS; i++)
        *mxcsr |= x.flags[i];
    r[0] = result[0];
    r[1] = result[1];
}

void sse_raise(uint32_t insn, const uint64_t arg[3][2], uint32_t mxcsr, uint32_t flags[SSE_STEPS])
{
    uint64_t result[2] = {arg[0][0], arg[0][1]};
    struct run x = begin(insn, arg, result, mxcsr);
    run(&x);
    for (unsigned i = 0; i < SSE_STEPS; i++)
        flags[i] |= x.flags[i];
}
