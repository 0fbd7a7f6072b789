/*
 * What integer instructions of SSE and AVX compute on 128 bits, by opcode: for the interpreter, and
 * for hosts without them.
 *
 * Ref: SDM volume 2, the instruction's own page.
 */
#include "tcg/ir_priv.h"

#include "util/aes.h"

#include <string.h>

/* r is neither a nor b; insn: enum ir_sse. */
typedef void sse_fn(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn);

static unsigned imm_of(uint32_t insn)
{
    return insn >> IR_SSE_IMM_SHIFT & 0xff;
}

static int32_t clamp(int32_t x, int32_t lo, int32_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static int16_t s16(uint16_t x)
{
    return (int16_t)x;
}

/* --- packing --- */

static void packsswb(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 16; i++)
        r->b[i] = clamp(s16(i < 8 ? a->h[i] : b->h[i - 8]), INT8_MIN, INT8_MAX);
}

static void packuswb(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 16; i++)
        r->b[i] = clamp(s16(i < 8 ? a->h[i] : b->h[i - 8]), 0, UINT8_MAX);
}

static void packssdw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = clamp((int32_t)(i < 4 ? a->s[i] : b->s[i - 4]), INT16_MIN, INT16_MAX);
}

static void packusdw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = clamp((int32_t)(i < 4 ? a->s[i] : b->s[i - 4]), 0, UINT16_MAX);
}

/* --- moving lanes --- */

static void movss(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                  uint32_t insn UNUSED)
{
    *r = *a;
    r->s[0] = b->s[0];
}

static void movsd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                  uint32_t insn UNUSED)
{
    *r = (union ir_vec){.d = {b->d[0], a->d[1]}};
}

static void movsldup(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = a->s[i & 2];
}

static void movshdup(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = a->s[i | 1];
}

static void pshufd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                   uint32_t insn)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = a->s[imm_of(insn) >> 2 * i & 3];
}

static void pshuflw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                    uint32_t insn)
{
    *r = *a;
    for (unsigned i = 0; i < 4; i++)
        r->h[i] = a->h[imm_of(insn) >> 2 * i & 3];
}

static void pshufhw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                    uint32_t insn)
{
    *r = *a;
    for (unsigned i = 0; i < 4; i++)
        r->h[4 + i] = a->h[4 + (imm_of(insn) >> 2 * i & 3)];
}

static void shufps(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = (i < 2 ? a : b)->s[imm_of(insn) >> 2 * i & 3];
}

static void shufpd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    unsigned imm = imm_of(insn);
    *r = (union ir_vec){.d = {a->d[imm & 1], b->d[imm >> 1 & 1]}};
}

static void pshufb(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                   uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 16; i++)
        r->b[i] = b->b[i] & 0x80 ? 0 : a->b[b->b[i] & 15];
}

static void palignr(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = i + imm_of(insn);
        r->b[i] = from < 16 ? b->b[from] : from < 32 ? a->b[from - 16] : 0;
    }
}

static void permilps(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = a->s[b->s[i] & 3];
}

static void permilpd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    *r = (union ir_vec){.d = {a->d[b->d[0] >> 1 & 1], a->d[b->d[1] >> 1 & 1]}};
}

static void permilpd_imm(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                         uint32_t insn)
{
    shufpd(r, a, a, insn);
}

static void blendps(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = (imm_of(insn) >> i & 1 ? b : a)->s[i];
}

static void blendpd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = (imm_of(insn) >> i & 1 ? b : a)->d[i];
}

static void pblendw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = (imm_of(insn) >> i & 1 ? b : a)->h[i];
}

static void insertps(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    unsigned imm = imm_of(insn);
    *r = *a;
    r->s[imm >> 4 & 3] = b->s[imm >> 6];
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = imm >> i & 1 ? 0 : r->s[i];
}

/* PMOVSX (20 to 25) and PMOVZX (30 to 35): byte to 2, 4, 8, then 2 to 4, 8, then 4 to 8. */
static void pmovx(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                  uint32_t insn)
{
    static const uint8_t from_esz[6] = {0, 0, 0, 1, 1, 2}, to_esz[6] = {1, 2, 3, 2, 3, 3};
    unsigned from = from_esz[insn & 7], to = to_esz[insn & 7];
    memset(r, 0, sizeof(*r));
    for (unsigned i = 0; i < 16u >> to; i++) {
        bool negative = !(insn & 0x10) && a->b[((i + 1) << from) - 1] & 0x80;
        memset(&r->b[i << to], negative ? 0xff : 0, 1u << to);
        memcpy(&r->b[i << to], &a->b[i << from], 1u << from);
    }
}

/* --- shifts --- */

static uint64_t shift_lane(uint64_t x, uint64_t n, unsigned bits, unsigned opcode)
{
    bool is_left = (opcode & 0xf0) == 0xf0, is_signed = (opcode & 0xf0) == 0xe0;
    if (is_signed) {
        int64_t s = (int64_t)(x << (64 - bits)) >> (64 - bits);
        return (uint64_t)(s >> (n < bits ? n : bits - 1));
    }
    return n >= bits ? 0 : is_left ? x << n : x >> n;
}

/* All lanes by the low half of b: D1 to D3 right, E1 and E2 signed, F1 to F3 left. */
static void shift_all(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    unsigned opcode = insn & 0xff;
    uint64_t n = b->d[0];
    for (unsigned i = 0; i < 8 && (opcode & 3) == 1; i++)
        r->h[i] = shift_lane(a->h[i], n, 16, opcode);
    for (unsigned i = 0; i < 4 && (opcode & 3) == 2; i++)
        r->s[i] = shift_lane(a->s[i], n, 32, opcode);
    for (unsigned i = 0; i < 2 && (opcode & 3) == 3; i++)
        r->d[i] = shift_lane(a->d[i], n, 64, opcode);
}

/* Each lane by its own count: 45 right, 46 signed, 47 left; W: of 64 bits. */
static void shift_each(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    static const uint8_t like[3] = {0xd1, 0xe1, 0xf1};
    unsigned opcode = like[(insn & 0xff) - 0x45];
    for (unsigned i = 0; i < 4 && !(insn & IR_SSE_W); i++)
        r->s[i] = shift_lane(a->s[i], b->s[i], 32, opcode);
    for (unsigned i = 0; i < 2 && (insn & IR_SSE_W); i++)
        r->d[i] = shift_lane(a->d[i], b->d[i], 64, opcode);
}

/* --- arithmetic --- */

static void pmulhuw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                    uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = (uint32_t)a->h[i] * b->h[i] >> 16;
}

static void pmulhw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                   uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = s16(a->h[i]) * s16(b->h[i]) >> 16;
}

static void pmulhrsw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] = ((s16(a->h[i]) * s16(b->h[i]) >> 14) + 1) >> 1;
}

static void pmuludq(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                    uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = (uint64_t)a->s[2 * i] * b->s[2 * i];
}

static void pmuldq(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                   uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = (uint64_t)((int64_t)(int32_t)a->s[2 * i] * (int32_t)b->s[2 * i]);
}

static void pmaddwd(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                    uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = (uint32_t)(s16(a->h[2 * i]) * s16(b->h[2 * i])) +
                  (uint32_t)(s16(a->h[2 * i + 1]) * s16(b->h[2 * i + 1]));
}

static void pmaddubsw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                      uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 8; i++)
        r->h[i] =
            clamp(a->b[2 * i] * (int8_t)b->b[2 * i] + a->b[2 * i + 1] * (int8_t)b->b[2 * i + 1],
                  INT16_MIN, INT16_MAX);
}

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

static void psadbw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                   uint32_t insn UNUSED)
{
    *r = (union ir_vec){.d = {0, 0}};
    for (unsigned i = 0; i < 16; i++)
        r->d[i / 8] += distance(a->b[i], b->b[i]);
}

static void mpsadbw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    unsigned imm = imm_of(insn), from_a = (imm >> 2 & 1) * 4, from_b = (imm & 3) * 4;
    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;
        for (unsigned k = 0; k < 4; k++)
            sum += distance(a->b[from_a + i + k], b->b[from_b + k]);
        r->h[i] = sum;
    }
}

static void phminposuw(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                       uint32_t insn UNUSED)
{
    unsigned least = 0;
    for (unsigned i = 1; i < 8; i++)
        least = a->h[i] < a->h[least] ? i : least;
    *r = (union ir_vec){.d = {a->h[least] | least << 16, 0}};
}

/* Of neighbours: 1 adds words, 2 doublewords, 3 words, saturating; 5 to 7 subtract. */
static void horizontal(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    bool subtract = insn & 4;
    for (unsigned i = 0; i < 4 && (insn & 3) == 2; i++) {
        const uint32_t *p = &(i < 2 ? a : b)->s[2 * (i & 1)];
        r->s[i] = subtract ? p[0] - p[1] : p[0] + p[1];
    }
    for (unsigned i = 0; i < 8 && (insn & 3) != 2; i++) {
        const uint16_t *p = &(i < 4 ? a : b)->h[2 * (i & 3)];
        int32_t v = subtract ? s16(p[0]) - s16(p[1]) : s16(p[0]) + s16(p[1]);
        r->h[i] = (insn & 3) == 3 ? clamp(v, INT16_MIN, INT16_MAX) : v;
    }
}

/* 08, 09, 0A: lanes of 1, 2, 4 bytes with the sign of b's, or 0. */
static void psign(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    unsigned esz = insn & 3;
    union ir_vec zero = {.d = {0, 0}};
    const union ir_vec args[3] = {zero, *b, zero}, turn[3] = {*a, zero, zero};
    union ir_vec negative = ir_eval_vec(OP_vcmpgt, esz, args),
                 none = ir_eval_vec(OP_vcmpeq, esz, args), minus = ir_eval_vec(OP_vneg, esz, turn);
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = ((minus.d[i] & negative.d[i]) | (a->d[i] & ~negative.d[i])) & ~none.d[i];
}

/* --- approximations --- */

static uint32_t approximate(uint32_t x, bool is_root);

static void reciprocal(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    bool is_scalar = insn >> 10 & 3;
    *r = *a;
    for (unsigned i = 0; i < (is_scalar ? 1 : 4); i++)
        r->s[i] = approximate(is_scalar ? b->s[0] : a->s[i], (insn & 0xff) == 0x52);
}

#if defined(__SSE__)
/* Processors differ: this one's. */
static uint32_t approximate(uint32_t x, bool is_root)
{
    float f;
    memcpy(&f, &x, 4);
    if (is_root)
        __asm__("rsqrtss %0, %0" : "+x"(f));
    else
        __asm__("rcpss %0, %0" : "+x"(f));
    memcpy(&x, &f, 4);
    return x;
}
#else
/* To 12 bits.  Ref: SDM volume 2, RCPPS and RSQRTPS, "special values". */
static uint32_t approximate(uint32_t x, bool is_root)
{
    uint32_t sign = x & 0x80000000, magnitude = x & 0x7fffffff;
    float f;
    if (magnitude > 0x7f800000)
        return x | 1u << 22;
    if (magnitude < 0x800000)
        return sign | 0x7f800000;
    if (is_root && sign)
        return 0xffc00000;
    memcpy(&f, &x, 4);
    f = is_root ? 1 / __builtin_sqrt(f) : 1 / (double)f;
    memcpy(&x, &f, 4);
    return (x & 0x7fffffff) < 0x800000 ? sign : (x + 0x400) & ~UINT32_C(0x7ff);
}
#endif

/* --- AES, carry-less product --- */

static void aes_round(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    bool inverse = insn & 2, is_last = insn & 1;
    union ir_vec v, m;
    aes_substitute(v.b, a->b, inverse);
    aes_mix(m.b, v.b, inverse);
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = (is_last ? v : m).d[i] ^ b->d[i];
}

static void aesimc(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                   uint32_t insn UNUSED)
{
    aes_mix(r->b, a->b, true);
}

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t substitute_word(uint32_t x)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 32; i += 8)
        v |= (uint32_t)aes_sbox[x >> i & 0xff] << i;
    return v;
}

static void aeskeygenassist(union ir_vec *r, const union ir_vec *a, const union ir_vec *b UNUSED,
                            uint32_t insn)
{
    uint32_t one = substitute_word(a->s[1]), three = substitute_word(a->s[3]);
    *r = (union ir_vec){.s = {one, rotate_right(one, 8) ^ imm_of(insn), three,
                              rotate_right(three, 8) ^ imm_of(insn)}};
}

static void pclmulqdq(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    uint64_t x = a->d[imm_of(insn) & 1], y = b->d[imm_of(insn) >> 4 & 1];
    *r = (union ir_vec){.d = {0, 0}};
    for (unsigned i = 0; i < 64; i++) {
        if (!(y >> i & 1))
            continue;
        r->d[0] ^= x << i;
        r->d[1] ^= i ? x >> (64 - i) : 0;
    }
}

/* --- SHA: lane 3 is the first word --- */

static uint32_t rotate_left(uint32_t x, unsigned n)
{
    return rotate_right(x, 32 - n);
}

static void sha1nexte(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                      uint32_t insn UNUSED)
{
    *r = *b;
    r->s[3] += rotate_left(a->s[3], 30);
}

static void sha1msg1(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    *r = (union ir_vec){
        .s = {a->s[0] ^ b->s[2], a->s[1] ^ b->s[3], a->s[2] ^ a->s[0], a->s[3] ^ a->s[1]}};
}

static void sha1msg2(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                     uint32_t insn UNUSED)
{
    for (unsigned i = 3; i >= 1; i--)
        r->s[i] = rotate_left(a->s[i] ^ b->s[i - 1], 1);
    r->s[0] = rotate_left(a->s[0] ^ r->s[3], 1);
}

static uint32_t sha1_function(unsigned n, uint32_t b, uint32_t c, uint32_t d)
{
    switch (n) {
    case 0: return (b & c) ^ (~b & d);
    case 2: return (b & c) ^ (b & d) ^ (c & d);
    default: return b ^ c ^ d;
    }
}

static void sha1rnds4(union ir_vec *r, const union ir_vec *a, const union ir_vec *b, uint32_t insn)
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    unsigned n = imm_of(insn) & 3;
    uint32_t v[5] = {a->s[3], a->s[2], a->s[1], a->s[0], 0};
    for (unsigned i = 0; i < 4; i++) {
        uint32_t next = sha1_function(n, v[1], v[2], v[3]) + rotate_left(v[0], 5) + b->s[3 - i] +
                        v[4] + constants[n];
        memmove(&v[1], &v[0], 16);
        v[2] = rotate_left(v[2], 30);
        v[0] = next;
    }
    *r = (union ir_vec){.s = {v[3], v[2], v[1], v[0]}};
}

static void sha256msg1(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                       uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t w = i < 3 ? a->s[i + 1] : b->s[0];
        r->s[i] = a->s[i] + (rotate_right(w, 7) ^ rotate_right(w, 18) ^ w >> 3);
    }
}

static void sha256msg2(union ir_vec *r, const union ir_vec *a, const union ir_vec *b,
                       uint32_t insn UNUSED)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t w = i < 2 ? b->s[i + 2] : r->s[i - 2];
        r->s[i] = a->s[i] + (rotate_right(w, 17) ^ rotate_right(w, 19) ^ w >> 10);
    }
}

/* Two rounds; x: the sums of message and constants. */
static union ir_vec sha256rnds2(const union ir_vec *a, const union ir_vec *b, const union ir_vec *x)
{
    uint32_t v[8] = {b->s[3], b->s[2], a->s[3], a->s[2], b->s[1], b->s[0], a->s[1], a->s[0]};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t e = v[4], sum = (e & v[5]) ^ (~e & v[6]), first = v[0];
        sum += (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + x->s[i] + v[7];
        uint32_t top = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        top += rotate_right(first, 2) ^ rotate_right(first, 13) ^ rotate_right(first, 22);
        memmove(&v[1], &v[0], 28);
        v[4] += sum;
        v[0] = sum + top;
    }
    return (union ir_vec){.s = {v[5], v[4], v[1], v[0]}};
}

/* --- by opcode --- */

enum { NP, P66, PF3, PF2 };

/* clang-format off */
static sse_fn *const map_0f[4][256] = {
    [NP] = {[0x52] = reciprocal, [0x53] = reciprocal, [0xc6] = shufps},
    [P66] = {
        [0x63] = packsswb, [0x67] = packuswb, [0x6b] = packssdw, [0x70] = pshufd, [0xc6] = shufpd,
        [0xd1] = shift_all, [0xd2] = shift_all, [0xd3] = shift_all, [0xe1] = shift_all, [0xe2] = shift_all,
        [0xf1] = shift_all, [0xf2] = shift_all, [0xf3] = shift_all,
        [0xe4] = pmulhuw, [0xe5] = pmulhw, [0xf4] = pmuludq, [0xf5] = pmaddwd, [0xf6] = psadbw,
    },
    [PF3] = {[0x10] = movss, [0x12] = movsldup, [0x16] = movshdup, [0x52] = reciprocal, [0x53] = reciprocal, [0x70] = pshufhw},
    [PF2] = {[0x10] = movsd, [0x70] = pshuflw},
};
static sse_fn *const map_0f38[2][256] = {
    [NP] = {[0xc8] = sha1nexte, [0xc9] = sha1msg1, [0xca] = sha1msg2, [0xcc] = sha256msg1, [0xcd] = sha256msg2},
    [P66] = {
        [0x00] = pshufb, [0x01] = horizontal, [0x02] = horizontal, [0x03] = horizontal, [0x04] = pmaddubsw,
        [0x05] = horizontal, [0x06] = horizontal, [0x07] = horizontal, [0x08] = psign, [0x09] = psign, [0x0a] = psign,
        [0x0b] = pmulhrsw, [0x0c] = permilps, [0x0d] = permilpd,
        [0x20] = pmovx, [0x21] = pmovx, [0x22] = pmovx, [0x23] = pmovx, [0x24] = pmovx, [0x25] = pmovx,
        [0x30] = pmovx, [0x31] = pmovx, [0x32] = pmovx, [0x33] = pmovx, [0x34] = pmovx, [0x35] = pmovx,
        [0x28] = pmuldq, [0x2b] = packusdw, [0x41] = phminposuw, [0x45] = shift_each, [0x46] = shift_each, [0x47] = shift_each,
        [0xdb] = aesimc, [0xdc] = aes_round, [0xdd] = aes_round, [0xde] = aes_round, [0xdf] = aes_round,
    },
};
static sse_fn *const map_0f3a[2][256] = {
    [NP] = {[0xcc] = sha1rnds4},
    [P66] = {
        [0x02] = blendps, [0x04] = pshufd, [0x05] = permilpd_imm, [0x0c] = blendps, [0x0d] = blendpd, [0x0e] = pblendw,
        [0x0f] = palignr, [0x21] = insertps, [0x42] = mpsadbw, [0x44] = pclmulqdq, [0xdf] = aeskeygenassist,
    },
};
/* clang-format on */

static sse_fn *find(uint32_t insn)
{
    unsigned opcode = insn & 0xff, pp = insn >> 10 & 3;
    switch (insn >> 8 & 3) {
    case 1: return map_0f[pp][opcode];
    case 2: return pp < 2 ? map_0f38[pp][opcode] : NULL;
    case 3: return pp < 2 ? map_0f3a[pp][opcode] : NULL;
    default: return NULL;
    }
}

bool ir_sse_exists(uint32_t insn)
{
    return find(insn);
}

union ir_vec ir_eval_sse(uint32_t insn, const union ir_vec arg[3])
{
    union ir_vec r;
    find(insn)(&r, &arg[0], &arg[1], insn);
    return r;
}

union ir_vec ir_eval_sha256(const union ir_vec arg[3])
{
    return sha256rnds2(&arg[0], &arg[1], &arg[2]);
}

/* The sign bits of lanes. */
uint64_t ir_eval_signs(unsigned esz, const union ir_vec *a)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 16u >> esz; i++)
        v |= (uint64_t)(a->b[((i + 1) << esz) - 1] >> 7) << i;
    return v;
}
