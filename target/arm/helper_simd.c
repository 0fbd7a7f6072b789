/*
 * AdvSIMD integer operations: how shapes go over lanes, and the kernels.
 * Ref: Arm ARM (DDI 0487), C7.2 (instructions), shared/functions/vector.
 *
 * A kernel does one lane; values come zero- or sign-extended to 64 bits as its row says, and are
 * cut to the element's size when they are stored.
 */
#include "target/arm/helpers.h"

#include "fpu/arm.h"
#include "target/arm/cpu.h"
#include "target/arm/simd.h"
#include "util/bits.h"

#include <string.h>

typedef __int128 s128;

/* --- elements --- */

uint64_t simd_get(const union arm_vreg *v, unsigned esz, unsigned i)
{
    switch (esz) {
    case 0: return v->b[i];
    case 1: return v->h[i];
    case 2: return v->s[i];
    default: return v->d[i];
    }
}

uint64_t simd_get_signed(const union arm_vreg *v, unsigned esz, unsigned i)
{
    switch (esz) {
    case 0: return (int64_t)(int8_t)v->b[i];
    case 1: return (int64_t)(int16_t)v->h[i];
    case 2: return (int64_t)(int32_t)v->s[i];
    default: return v->d[i];
    }
}

void simd_put(union arm_vreg *v, unsigned esz, unsigned i, uint64_t value)
{
    switch (esz) {
    case 0: v->b[i] = value; break;
    case 1: v->h[i] = value; break;
    case 2: v->s[i] = value; break;
    default: v->d[i] = value; break;
    }
}

unsigned simd_lanes(unsigned w, unsigned esz)
{
    return w == SIMD_SCALAR ? 1 : (w == SIMD_HALF ? 8 : 16) >> esz;
}

uint64_t simd_mask(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* --- shapes --- */

static uint64_t get(const struct simd *x, const union arm_vreg *v, unsigned esz, unsigned i)
{
    return x->is_signed ? simd_get_signed(v, esz, i) : simd_get(v, esz, i);
}

static void apply_same(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                       const struct simd_operands *o)
{
    for (unsigned i = 0, e = x->esz; i < simd_lanes(x->w, e); i++)
        simd_put(r, e, i, k->lane(x, get(x, o->d, e, i), get(x, o->n, e, i), get(x, o->m, e, i)));
}

/* LONG and WIDE: n_esz is the first operand's element size. */
static void apply_long(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                       const struct simd_operands *o)
{
    bool is_wide = k->shape == SHAPE_WIDE;
    unsigned e = x->esz, n = x->w == SIMD_SCALAR ? 1 : 8 >> e, upper = x->w == SIMD_FULL ? n : 0;
    x->bits = 16 << e;
    for (unsigned i = 0; i < n; i++) {
        uint64_t a = is_wide ? get(x, o->n, e + 1, i) : get(x, o->n, e, i + upper);
        simd_put(r, e + 1, i, k->lane(x, get(x, o->d, e + 1, i), a, get(x, o->m, e, i + upper)));
    }
}

static void apply_narrow(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                         const struct simd_operands *o)
{
    unsigned e = x->esz, n = x->w == SIMD_SCALAR ? 1 : 8 >> e, upper = x->w == SIMD_FULL ? n : 0;
    if (upper)
        r->d[0] = o->d->d[0];
    for (unsigned i = 0; i < n; i++)
        simd_put(r, e, i + upper, k->lane(x, 0, get(x, o->n, e + 1, i), get(x, o->m, e + 1, i)));
}

static void apply_pair(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                       const struct simd_operands *o)
{
    unsigned e = x->esz, n = simd_lanes(x->w, e);
    for (unsigned i = 0; i < n; i++) {
        const union arm_vreg *v = i < (n + 1) / 2 ? o->n : o->m;
        unsigned j = i < (n + 1) / 2 ? 2 * i : 2 * i - n;
        simd_put(r, e, i, k->lane(x, 0, get(x, v, e, j), get(x, v, e, j + 1)));
    }
}

static void apply_pair_long(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                            const struct simd_operands *o)
{
    unsigned e = x->esz, n = simd_lanes(x->w, e) / 2;
    for (unsigned i = 0; i < n; i++) {
        uint64_t a = get(x, o->n, e, 2 * i), b = get(x, o->n, e, 2 * i + 1);
        simd_put(r, e + 1, i, k->lane(x, get(x, o->d, e + 1, i), a, b));
    }
}

/* The manual's Reduce(): the order matters for NaNs. */
static uint64_t fold(const struct simd_kernel *k, struct simd *x, const union arm_vreg *v,
                     unsigned first, unsigned n)
{
    if (n == 1)
        return get(x, v, x->esz, first);
    uint64_t low = fold(k, x, v, first, n / 2);
    return k->lane(x, 0, low, fold(k, x, v, first + n / 2, n / 2));
}

void simd_apply(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                const struct simd_operands *o)
{
    x->is_signed = k->is_signed;
    x->bits = 8 << x->esz;
    switch ((enum simd_shape)k->shape) {
    case SHAPE_NONE: break;
    case SHAPE_SAME: apply_same(k, x, r, o); break;
    case SHAPE_LONG:
    case SHAPE_WIDE: apply_long(k, x, r, o); break;
    case SHAPE_NARROW: apply_narrow(k, x, r, o); break;
    case SHAPE_PAIR: apply_pair(k, x, r, o); break;
    case SHAPE_PAIR_LONG: apply_pair_long(k, x, r, o); break;
    case SHAPE_FOLD: simd_put(r, x->esz, 0, fold(k, x, o->n, 0, simd_lanes(x->w, x->esz))); break;
    case SHAPE_FOLD_LONG:
        simd_put(r, x->esz + 1, 0, fold(k, x, o->n, 0, simd_lanes(x->w, x->esz)));
        break;
    case SHAPE_WHOLE: k->whole(x, r, o); break;
    }
}

/* --- saturation --- */

static s128 widen(const struct simd *x, uint64_t v)
{
    return x->is_signed ? (s128)(int64_t)v : (s128)v;
}

static uint64_t saturate_to(struct simd *x, s128 v, s128 low, s128 high)
{
    x->saturated |= v < low || v > high;
    return v < low ? low : v > high ? high : v;
}

static uint64_t saturate_signed(struct simd *x, s128 v)
{
    s128 limit = (s128)1 << (x->bits - 1);
    return saturate_to(x, v, -limit, limit - 1);
}

static uint64_t saturate_unsigned(struct simd *x, s128 v)
{
    return saturate_to(x, v, 0, ((s128)1 << x->bits) - 1);
}

static uint64_t saturate(struct simd *x, s128 v)
{
    return x->is_signed ? saturate_signed(x, v) : saturate_unsigned(x, v);
}

/* --- arithmetic --- */

static uint64_t lane_add(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n + m;
}

static uint64_t lane_sub(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n - m;
}

static uint64_t lane_mul(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n * m;
}

static uint64_t lane_mla(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return d + n * m;
}

static uint64_t lane_mls(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return d - n * m;
}

/* Polynomials over {0,1}; 8 bits times 8 bits. */
static uint64_t lane_pmul(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r ^= m >> i & 1 ? n << i : 0;
    return r;
}

static uint64_t lane_hadd(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (widen(x, n) + widen(x, m)) >> 1;
}

static uint64_t lane_rhadd(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (widen(x, n) + widen(x, m) + 1) >> 1;
}

static uint64_t lane_hsub(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (widen(x, n) - widen(x, m)) >> 1;
}

static uint64_t lane_qadd(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return saturate(x, widen(x, n) + widen(x, m));
}

static uint64_t lane_qsub(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return saturate(x, widen(x, n) - widen(x, m));
}

static uint64_t lane_max(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return widen(x, n) > widen(x, m) ? n : m;
}

static uint64_t lane_min(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return widen(x, n) < widen(x, m) ? n : m;
}

static uint64_t lane_abd(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return widen(x, n) > widen(x, m) ? n - m : m - n;
}

static uint64_t lane_aba(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    return d + lane_abd(x, 0, n, m);
}

/* d + n + m: pairs added to an accumulator. */
static uint64_t lane_adal(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return d + n + m;
}

/* --- doubling multiplication, operands signed --- */

static s128 product(uint64_t n, uint64_t m)
{
    return (s128)(int64_t)n * (int64_t)m;
}

static uint64_t lane_qdmulh(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return saturate_signed(x, 2 * product(n, m) >> x->bits);
}

static uint64_t lane_qrdmulh(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return saturate_signed(x, (2 * product(n, m) + ((s128)1 << (x->bits - 1))) >> x->bits);
}

static uint64_t lane_qrdmlah(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    s128 sum = ((s128)(int64_t)d * ((s128)1 << x->bits)) + 2 * product(n, m);
    return saturate_signed(x, (sum + ((s128)1 << (x->bits - 1))) >> x->bits);
}

static uint64_t lane_qrdmlsh(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    s128 sum = ((s128)(int64_t)d * ((s128)1 << x->bits)) - 2 * product(n, m);
    return saturate_signed(x, (sum + ((s128)1 << (x->bits - 1))) >> x->bits);
}

static uint64_t lane_qdmull(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return saturate_signed(x, 2 * product(n, m));
}

static uint64_t lane_qdmlal(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    s128 twice = (int64_t)lane_qdmull(x, 0, n, m);
    return saturate_signed(x, (int64_t)d + twice);
}

static uint64_t lane_qdmlsl(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    s128 twice = (int64_t)lane_qdmull(x, 0, n, m);
    return saturate_signed(x, (int64_t)d - twice);
}

/* --- dot products: lanes of 32 bits hold four bytes --- */

static int64_t byte_at(uint64_t v, unsigned i, bool is_signed)
{
    uint8_t b = v >> 8 * i;
    return is_signed ? (int8_t)b : b;
}

static uint64_t dot(uint64_t d, uint64_t n, uint64_t m, bool n_signed, bool m_signed)
{
    for (unsigned i = 0; i < 4; i++)
        d += (uint64_t)(byte_at(n, i, n_signed) * byte_at(m, i, m_signed));
    return d;
}

static uint64_t lane_sdot(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return dot(d, n, m, true, true);
}

static uint64_t lane_udot(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return dot(d, n, m, false, false);
}

static uint64_t lane_usdot(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return dot(d, n, m, false, true);
}

static uint64_t lane_sudot(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return dot(d, n, m, true, false);
}

/* A 2x2 matrix of sums of 8 products: rows of 8 bytes of n by rows of m. */
static void matrix(union arm_vreg *r, const struct simd_operands *o, bool n_signed, bool m_signed)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t n = o->n->d[i / 2], m = o->m->d[i % 2];
        uint64_t sum = dot(o->d->s[i], n, m, n_signed, m_signed);
        r->s[i] = dot(sum, n >> 32, m >> 32, n_signed, m_signed);
    }
}

static void whole_smmla(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    matrix(r, o, true, true);
}

static void whole_ummla(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    matrix(r, o, false, false);
}

static void whole_usmmla(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    matrix(r, o, false, true);
}

/* --- comparison --- */

static uint64_t lane_cmgt(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return widen(x, n) > widen(x, m) ? UINT64_MAX : 0;
}

static uint64_t lane_cmge(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return widen(x, n) >= widen(x, m) ? UINT64_MAX : 0;
}

static uint64_t lane_cmeq(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n == m ? UINT64_MAX : 0;
}

static uint64_t lane_cmtst(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n & m ? UINT64_MAX : 0;
}

static uint64_t lane_cmgt0(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return (int64_t)n > 0 ? UINT64_MAX : 0;
}

static uint64_t lane_cmge0(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return (int64_t)n >= 0 ? UINT64_MAX : 0;
}

static uint64_t lane_cmeq0(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n == 0 ? UINT64_MAX : 0;
}

static uint64_t lane_cmle0(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return (int64_t)n <= 0 ? UINT64_MAX : 0;
}

static uint64_t lane_cmlt0(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return (int64_t)n < 0 ? UINT64_MAX : 0;
}

/* --- logic --- */

static uint64_t lane_and(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n & m;
}

static uint64_t lane_bic(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n & ~m;
}

static uint64_t lane_orr(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n | m;
}

static uint64_t lane_orn(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n | ~m;
}

static uint64_t lane_eor(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return n ^ m;
}

static uint64_t lane_bsl(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return (d & n) | (~d & m);
}

static uint64_t lane_bit(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return (n & m) | (d & ~m);
}

static uint64_t lane_bif(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return (n & ~m) | (d & m);
}

static uint64_t lane_not(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return ~n;
}

/* --- shifts --- */

/* v / 2^n towards minus infinity, or to nearest with halves up; n from 0. */
static s128 shift_right(s128 v, unsigned n, bool rounds)
{
    if (n > 65)
        n = 65; /* beyond all bits: what is left does not change any more */
    if (rounds && n)
        v += (s128)1 << (n - 1);
    return v >> n;
}

/* By the signed number in the low byte of m: negative to the right. */
static s128 shift_by(const struct simd *x, uint64_t n, uint64_t m, bool rounds)
{
    int count = (int8_t)m;
    s128 v = widen(x, n);
    if (count < 0)
        return shift_right(v, -count, rounds);
    /* 63 places put any bit that is set beyond 64. */
    return v * ((s128)1 << (count > 63 ? 63 : count));
}

static uint64_t shift_cut(const struct simd *x, uint64_t n, uint64_t m, bool rounds)
{
    return (int8_t)m >= (int)x->bits ? 0 : (uint64_t)shift_by(x, n, m, rounds);
}

/* From 64 places on, everything but zero is out of range. */
static uint64_t shift_saturate(struct simd *x, uint64_t n, uint64_t m, bool rounds)
{
    s128 v = shift_by(x, n, m, rounds), far = (s128)1 << 100;
    if ((int8_t)m > 63 && v)
        v = v < 0 ? -far : far;
    return saturate(x, v);
}

static uint64_t lane_shl_reg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return shift_cut(x, n, m, false);
}

static uint64_t lane_rshl_reg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return shift_cut(x, n, m, true);
}

static uint64_t lane_qshl_reg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return shift_saturate(x, n, m, false);
}

static uint64_t lane_qrshl_reg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return shift_saturate(x, n, m, true);
}

static uint64_t lane_shr(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return shift_right(widen(x, n), x->imm, false);
}

static uint64_t lane_rshr(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return shift_right(widen(x, n), x->imm, true);
}

static uint64_t lane_sra(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    return d + (uint64_t)shift_right(widen(x, n), x->imm, false);
}

static uint64_t lane_rsra(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    return d + (uint64_t)shift_right(widen(x, n), x->imm, true);
}

static uint64_t lane_shl(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n << x->imm;
}

static uint64_t lane_sri(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    uint64_t mask = x->imm >= 64 ? 0 : simd_mask(x->bits) >> x->imm;
    return (d & ~mask) | (x->imm >= 64 ? 0 : n >> x->imm);
}

static uint64_t lane_sli(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    return (d & simd_mask(x->imm)) | n << x->imm;
}

static uint64_t lane_qshl(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return shift_saturate(x, n, x->imm, false);
}

static uint64_t lane_qshlu(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate_unsigned(x, shift_by(x, n, x->imm, false));
}

/* --- narrowing: n and m have 2 * bits bits --- */

static uint64_t lane_addhn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (n + m) >> x->bits;
}

static uint64_t lane_raddhn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (n + m + (UINT64_C(1) << (x->bits - 1))) >> x->bits;
}

static uint64_t lane_subhn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (n - m) >> x->bits;
}

static uint64_t lane_rsubhn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return (n - m + (UINT64_C(1) << (x->bits - 1))) >> x->bits;
}

static uint64_t lane_copy(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n;
}

static uint64_t lane_qxtn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate(x, widen(x, n));
}

static uint64_t lane_qxtun(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate_unsigned(x, widen(x, n));
}

static uint64_t lane_qshrn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate(x, shift_right(widen(x, n), x->imm, false));
}

static uint64_t lane_qrshrn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate(x, shift_right(widen(x, n), x->imm, true));
}

static uint64_t lane_qshrun(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate_unsigned(x, shift_right(widen(x, n), x->imm, false));
}

static uint64_t lane_qrshrun(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate_unsigned(x, shift_right(widen(x, n), x->imm, true));
}

/* --- one operand --- */

static uint64_t lane_abs(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return (int64_t)n < 0 ? -n : n;
}

static uint64_t lane_neg(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return -n;
}

static uint64_t lane_rbit(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    n = (n & 0x55) << 1 | (n >> 1 & 0x55);
    n = (n & 0x33) << 2 | (n >> 2 & 0x33);
    return (n & 0x0f) << 4 | n >> 4;
}

static uint64_t lane_clz(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n ? __builtin_clzll(n) - (64 - x->bits) : x->bits;
}

/* Bits after the sign that are equal to it. */
static uint64_t lane_cls(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return __builtin_clrsbll((int64_t)n) - (64 - x->bits);
}

static uint64_t lane_cnt(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return __builtin_popcountll(n);
}

static uint64_t lane_qabs(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    s128 v = widen(x, n);
    return saturate_signed(x, v < 0 ? -v : v);
}

static uint64_t lane_qneg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return saturate_signed(x, -widen(x, n));
}

/* A signed accumulator plus an unsigned operand; lanes come sign-extended. */
static uint64_t lane_suqadd(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    return saturate_signed(x, widen(x, d) + (s128)(n & simd_mask(x->bits)));
}

static uint64_t lane_usqadd(struct simd *x, uint64_t d, uint64_t n, uint64_t m UNUSED)
{
    return saturate_unsigned(x, (s128)(d & simd_mask(x->bits)) + widen(x, n));
}

static uint64_t lane_urecpe(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n >> 31 ? (uint64_t)armfp_recip_estimate(n >> 23) << 23 : UINT32_MAX;
}

static uint64_t lane_ursqrte(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n,
                             uint64_t m UNUSED)
{
    return n >> 30 ? (uint64_t)armfp_rsqrt_estimate(n >> 23) << 23 : UINT32_MAX;
}

/* --- rearrangements --- */

/* Elements in reverse order inside containers of `bytes`. */
static void reverse(struct simd *x, union arm_vreg *r, const struct simd_operands *o,
                    unsigned bytes)
{
    unsigned flip = (bytes >> x->esz) - 1;
    for (unsigned i = 0; i < simd_lanes(x->w, x->esz); i++)
        simd_put(r, x->esz, i, simd_get(o->n, x->esz, i ^ flip));
}

static void whole_rev16(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    reverse(x, r, o, 2);
}

static void whole_rev32(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    reverse(x, r, o, 4);
}

static void whole_rev64(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    reverse(x, r, o, 8);
}

/* Alternate elements of n and m, from element `first` on. */
static void zip(struct simd *x, union arm_vreg *r, const struct simd_operands *o, bool second)
{
    unsigned lanes = simd_lanes(x->w, x->esz), first = second ? lanes / 2 : 0;
    for (unsigned i = 0; i < lanes; i++)
        simd_put(r, x->esz, i, simd_get(i & 1 ? o->m : o->n, x->esz, first + i / 2));
}

static void whole_zip1(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    zip(x, r, o, false);
}

static void whole_zip2(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    zip(x, r, o, true);
}

/* Even or odd elements of n, then of m. */
static void unzip(struct simd *x, union arm_vreg *r, const struct simd_operands *o, bool odd)
{
    unsigned lanes = simd_lanes(x->w, x->esz);
    for (unsigned i = 0; i < lanes; i++) {
        const union arm_vreg *v = i < lanes / 2 ? o->n : o->m;
        simd_put(r, x->esz, i, simd_get(v, x->esz, 2 * (i % (lanes / 2)) + odd));
    }
}

static void whole_uzp1(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unzip(x, r, o, false);
}

static void whole_uzp2(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unzip(x, r, o, true);
}

/* Transpose matrices of 2x2 elements: even or odd elements of n and m in turn. */
static void transpose(struct simd *x, union arm_vreg *r, const struct simd_operands *o, bool odd)
{
    for (unsigned i = 0; i < simd_lanes(x->w, x->esz); i++)
        simd_put(r, x->esz, i, simd_get(i & 1 ? o->m : o->n, x->esz, (i & ~1u) + odd));
}

static void whole_trn1(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    transpose(x, r, o, false);
}

static void whole_trn2(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    transpose(x, r, o, true);
}

static void whole_ext(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unsigned n = simd_lanes(x->w, 0);
    for (unsigned i = 0; i < n; i++)
        r->b[i] = i + x->imm < n ? o->n->b[i + x->imm] : o->m->b[i + x->imm - n];
}

/* 64 times 64 bits, and 8 times 8 in each lane. */
static void whole_pmull(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unsigned upper = x->w == SIMD_FULL;
    if (x->esz == 3) {
        uint64_t n = o->n->d[upper], m = o->m->d[upper];
        for (unsigned i = 0; i < 64; i++) {
            r->d[0] ^= m >> i & 1 ? n << i : 0;
            r->d[1] ^= i && m >> i & 1 ? n >> (64 - i) : 0;
        }
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = lane_pmul(x, 0, o->n->b[i + 8 * upper], o->m->b[i + 8 * upper]);
}

/* --- the table --- */

#define LANE(shape, fn)                                                                            \
    {                                                                                              \
        SHAPE_##shape, false, lane_##fn, NULL                                                      \
    }
#define SIGNED(shape, fn)                                                                          \
    {                                                                                              \
        SHAPE_##shape, true, lane_##fn, NULL                                                       \
    }
#define WHOLE(fn)                                                                                  \
    {                                                                                              \
        SHAPE_WHOLE, false, NULL, whole_##fn                                                       \
    }

/* clang-format off */
static const struct simd_kernel kernels[VI_OPS] = {
    [VI_ADD] = LANE(SAME, add), [VI_SUB] = LANE(SAME, sub), [VI_MUL] = LANE(SAME, mul),
    [VI_MLA] = LANE(SAME, mla), [VI_MLS] = LANE(SAME, mls), [VI_PMUL] = LANE(SAME, pmul),
    [VI_SHADD] = SIGNED(SAME, hadd), [VI_UHADD] = LANE(SAME, hadd),
    [VI_SRHADD] = SIGNED(SAME, rhadd), [VI_URHADD] = LANE(SAME, rhadd),
    [VI_SHSUB] = SIGNED(SAME, hsub), [VI_UHSUB] = LANE(SAME, hsub),
    [VI_SQADD] = SIGNED(SAME, qadd), [VI_UQADD] = LANE(SAME, qadd),
    [VI_SQSUB] = SIGNED(SAME, qsub), [VI_UQSUB] = LANE(SAME, qsub),
    [VI_CMGT] = SIGNED(SAME, cmgt), [VI_CMGE] = SIGNED(SAME, cmge),
    [VI_CMHI] = LANE(SAME, cmgt), [VI_CMHS] = LANE(SAME, cmge),
    [VI_CMEQ] = LANE(SAME, cmeq), [VI_CMTST] = LANE(SAME, cmtst),
    [VI_SSHL] = SIGNED(SAME, shl_reg), [VI_USHL] = LANE(SAME, shl_reg),
    [VI_SRSHL] = SIGNED(SAME, rshl_reg), [VI_URSHL] = LANE(SAME, rshl_reg),
    [VI_SQSHL] = SIGNED(SAME, qshl_reg), [VI_UQSHL] = LANE(SAME, qshl_reg),
    [VI_SQRSHL] = SIGNED(SAME, qrshl_reg), [VI_UQRSHL] = LANE(SAME, qrshl_reg),
    [VI_SMAX] = SIGNED(SAME, max), [VI_UMAX] = LANE(SAME, max),
    [VI_SMIN] = SIGNED(SAME, min), [VI_UMIN] = LANE(SAME, min),
    [VI_SABD] = SIGNED(SAME, abd), [VI_UABD] = LANE(SAME, abd),
    [VI_SABA] = SIGNED(SAME, aba), [VI_UABA] = LANE(SAME, aba),
    [VI_SQDMULH] = SIGNED(SAME, qdmulh), [VI_SQRDMULH] = SIGNED(SAME, qrdmulh),
    [VI_SQRDMLAH] = SIGNED(SAME, qrdmlah), [VI_SQRDMLSH] = SIGNED(SAME, qrdmlsh),
    [VI_SDOT] = LANE(SAME, sdot), [VI_UDOT] = LANE(SAME, udot),
    [VI_USDOT] = LANE(SAME, usdot), [VI_SUDOT] = LANE(SAME, sudot),
    [VI_AND] = LANE(SAME, and), [VI_BIC] = LANE(SAME, bic),
    [VI_ORR] = LANE(SAME, orr), [VI_ORN] = LANE(SAME, orn),
    [VI_EOR] = LANE(SAME, eor), [VI_BSL] = LANE(SAME, bsl),
    [VI_BIT] = LANE(SAME, bit), [VI_BIF] = LANE(SAME, bif),
    [VI_ADDP] = LANE(PAIR, add), [VI_SMAXP] = SIGNED(PAIR, max), [VI_UMAXP] = LANE(PAIR, max),
    [VI_SMINP] = SIGNED(PAIR, min), [VI_UMINP] = LANE(PAIR, min),
    [VI_SADDLP] = SIGNED(PAIR_LONG, add), [VI_UADDLP] = LANE(PAIR_LONG, add),
    [VI_SADALP] = SIGNED(PAIR_LONG, adal), [VI_UADALP] = LANE(PAIR_LONG, adal),
    [VI_ADDV] = LANE(FOLD, add), [VI_SMAXV] = SIGNED(FOLD, max), [VI_UMAXV] = LANE(FOLD, max),
    [VI_SMINV] = SIGNED(FOLD, min), [VI_UMINV] = LANE(FOLD, min),
    [VI_SADDLV] = SIGNED(FOLD_LONG, add), [VI_UADDLV] = LANE(FOLD_LONG, add),
    [VI_SADDL] = SIGNED(LONG, add), [VI_UADDL] = LANE(LONG, add),
    [VI_SSUBL] = SIGNED(LONG, sub), [VI_USUBL] = LANE(LONG, sub),
    [VI_SABAL] = SIGNED(LONG, aba), [VI_UABAL] = LANE(LONG, aba),
    [VI_SABDL] = SIGNED(LONG, abd), [VI_UABDL] = LANE(LONG, abd),
    [VI_SMULL] = SIGNED(LONG, mul), [VI_UMULL] = LANE(LONG, mul),
    [VI_SMLAL] = SIGNED(LONG, mla), [VI_UMLAL] = LANE(LONG, mla),
    [VI_SMLSL] = SIGNED(LONG, mls), [VI_UMLSL] = LANE(LONG, mls),
    [VI_SQDMULL] = SIGNED(LONG, qdmull), [VI_SQDMLAL] = SIGNED(LONG, qdmlal),
    [VI_SQDMLSL] = SIGNED(LONG, qdmlsl), [VI_PMULL] = WHOLE(pmull),
    [VI_SHLL] = LANE(LONG, shl), [VI_SSHLL] = SIGNED(LONG, shl), [VI_USHLL] = LANE(LONG, shl),
    [VI_SADDW] = SIGNED(WIDE, add), [VI_UADDW] = LANE(WIDE, add),
    [VI_SSUBW] = SIGNED(WIDE, sub), [VI_USUBW] = LANE(WIDE, sub),
    [VI_ADDHN] = LANE(NARROW, addhn), [VI_RADDHN] = LANE(NARROW, raddhn),
    [VI_SUBHN] = LANE(NARROW, subhn), [VI_RSUBHN] = LANE(NARROW, rsubhn),
    [VI_XTN] = LANE(NARROW, copy), [VI_SQXTN] = SIGNED(NARROW, qxtn),
    [VI_UQXTN] = LANE(NARROW, qxtn), [VI_SQXTUN] = SIGNED(NARROW, qxtun),
    [VI_SHRN] = LANE(NARROW, shr), [VI_RSHRN] = LANE(NARROW, rshr),
    [VI_SQSHRN] = SIGNED(NARROW, qshrn), [VI_SQRSHRN] = SIGNED(NARROW, qrshrn),
    [VI_UQSHRN] = LANE(NARROW, qshrn), [VI_UQRSHRN] = LANE(NARROW, qrshrn),
    [VI_SQSHRUN] = SIGNED(NARROW, qshrun), [VI_SQRSHRUN] = SIGNED(NARROW, qrshrun),
    [VI_ABS] = SIGNED(SAME, abs), [VI_NEG] = LANE(SAME, neg), [VI_NOT] = LANE(SAME, not),
    [VI_RBIT] = LANE(SAME, rbit), [VI_CLS] = SIGNED(SAME, cls), [VI_CLZ] = LANE(SAME, clz),
    [VI_CNT] = LANE(SAME, cnt), [VI_SQABS] = SIGNED(SAME, qabs), [VI_SQNEG] = SIGNED(SAME, qneg),
    [VI_SUQADD] = SIGNED(SAME, suqadd), [VI_USQADD] = SIGNED(SAME, usqadd),
    [VI_CMGT0] = SIGNED(SAME, cmgt0), [VI_CMGE0] = SIGNED(SAME, cmge0),
    [VI_CMEQ0] = SIGNED(SAME, cmeq0), [VI_CMLE0] = SIGNED(SAME, cmle0),
    [VI_CMLT0] = SIGNED(SAME, cmlt0),
    [VI_URECPE] = LANE(SAME, urecpe), [VI_URSQRTE] = LANE(SAME, ursqrte),
    [VI_SSHR] = SIGNED(SAME, shr), [VI_USHR] = LANE(SAME, shr),
    [VI_SSRA] = SIGNED(SAME, sra), [VI_USRA] = LANE(SAME, sra),
    [VI_SRSHR] = SIGNED(SAME, rshr), [VI_URSHR] = LANE(SAME, rshr),
    [VI_SRSRA] = SIGNED(SAME, rsra), [VI_URSRA] = LANE(SAME, rsra),
    [VI_SHL] = LANE(SAME, shl), [VI_SRI] = LANE(SAME, sri), [VI_SLI] = LANE(SAME, sli),
    [VI_SQSHLI] = SIGNED(SAME, qshl), [VI_UQSHLI] = LANE(SAME, qshl),
    [VI_SQSHLU] = SIGNED(SAME, qshlu),
    [VI_REV16] = WHOLE(rev16), [VI_REV32] = WHOLE(rev32), [VI_REV64] = WHOLE(rev64),
    [VI_ZIP1] = WHOLE(zip1), [VI_ZIP2] = WHOLE(zip2), [VI_UZP1] = WHOLE(uzp1),
    [VI_UZP2] = WHOLE(uzp2), [VI_TRN1] = WHOLE(trn1), [VI_TRN2] = WHOLE(trn2),
    [VI_EXT] = WHOLE(ext),
    [VI_SMMLA] = WHOLE(smmla), [VI_UMMLA] = WHOLE(ummla), [VI_USMMLA] = WHOLE(usmmla),
};
/* clang-format on */

/* --- helpers --- */

void simd_broadcast(union arm_vreg *r, const union arm_vreg *v, unsigned esz, unsigned index)
{
    uint64_t value = simd_get(v, esz, index);
    for (unsigned i = 0; i < 16u >> esz; i++)
        simd_put(r, esz, i, value);
}

const struct simd_kernel *simd_int_kernel(unsigned op)
{
    return &kernels[op];
}

void helper_simd(struct arm_cpu *cpu, uint32_t op, uint32_t desc)
{
    struct simd_desc a = simd_unpack(desc);
    struct simd x = {.esz = a.esz, .w = a.w, .imm = a.imm};
    union arm_vreg r = {.d = {0, 0}}, m = cpu->v[a.rm];
    if (op & SIMD_ELEM)
        simd_broadcast(&m, &cpu->v[a.rm], a.ra, a.imm);
    struct simd_operands o = {.n = &cpu->v[a.rn], .m = &m, .d = &cpu->v[a.rd]};
    simd_apply(&kernels[op & SIMD_OP], &x, &r, &o);
    cpu->v[a.rd] = r;
    if (x.saturated)
        cpu->qc = 1;
}
