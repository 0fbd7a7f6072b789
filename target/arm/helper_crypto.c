/*
 * Cryptographic instructions: AES, SHA-1, SHA-256, SHA-512, SHA-3, SM3, SM4.
 * Ref: Arm ARM (DDI 0487), C7.2 and shared/functions/crypto; FIPS 180-4, 197, 202; GB/T 32905,
 * 32907.
 */
#include "target/arm/helpers.h"

#include "target/arm/cpu.h"
#include "target/arm/simd.h"
#include "util/aes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <string.h>

static uint32_t rol(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static uint32_t ror(uint32_t x, unsigned n)
{
    return rol(x, 32 - n);
}

static uint64_t ror64(uint64_t x, unsigned n)
{
    return x >> n | x << (-n & 63);
}

static uint64_t choose(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) | (~x & z);
}

static uint64_t majority(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) | (x & z) | (y & z);
}

/* --- AES --- */

static void aes_step(union arm_vreg *r, const struct simd_operands *o, bool inverse)
{
    union arm_vreg v;
    for (unsigned i = 0; i < 2; i++)
        v.d[i] = o->d->d[i] ^ o->n->d[i];
    aes_substitute(r->b, v.b, inverse);
}

static void soft_aese(union arm_vreg *r, const struct simd_operands *o)
{
    aes_step(r, o, false);
}

static void soft_aesd(union arm_vreg *r, const struct simd_operands *o)
{
    aes_step(r, o, true);
}

static void soft_aesmc(union arm_vreg *r, const struct simd_operands *o)
{
    aes_mix(r->b, o->n->b, false);
}

static void soft_aesimc(union arm_vreg *r, const struct simd_operands *o)
{
    aes_mix(r->b, o->n->b, true);
}

#if defined(__x86_64__)
/* The host's instructions: the round key, here zero, is added last there and first on Arm. */
__attribute__((target("aes"))) static bool host_aes(unsigned op, union arm_vreg *r,
                                                    const struct simd_operands *o)
{
    __m128i n = _mm_load_si128((const __m128i *)o->n), zero = _mm_setzero_si128();
    __m128i state = _mm_xor_si128(_mm_load_si128((const __m128i *)o->d), n), v = zero;
    if (!__builtin_cpu_supports("aes"))
        return false;
    switch (op) {
    case C_AESE: v = _mm_aesenclast_si128(state, zero); break;
    case C_AESD: v = _mm_aesdeclast_si128(state, zero); break;
    case C_AESMC: v = _mm_aesenc_si128(_mm_aesdeclast_si128(n, zero), zero); break;
    case C_AESIMC: v = _mm_aesimc_si128(n); break;
    }
    _mm_store_si128((__m128i *)r, v);
    return true;
}
#else
static bool host_aes(unsigned op UNUSED, union arm_vreg *r UNUSED,
                     const struct simd_operands *o UNUSED)
{
    return false;
}
#endif

static void whole_aese(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    if (!host_aes(C_AESE, r, o))
        soft_aese(r, o);
}

static void whole_aesd(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    if (!host_aes(C_AESD, r, o))
        soft_aesd(r, o);
}

static void whole_aesmc(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    if (!host_aes(C_AESMC, r, o))
        soft_aesmc(r, o);
}

static void whole_aesimc(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    if (!host_aes(C_AESIMC, r, o))
        soft_aesimc(r, o);
}

/* --- SHA-1: d holds A B C D, n holds E, m four words of the schedule with their constant --- */

typedef uint32_t sha1_function(uint32_t b, uint32_t c, uint32_t d);

static uint32_t sha1_choose(uint32_t b, uint32_t c, uint32_t d)
{
    return choose(b, c, d);
}

static uint32_t sha1_parity(uint32_t b, uint32_t c, uint32_t d)
{
    return b ^ c ^ d;
}

static uint32_t sha1_majority(uint32_t b, uint32_t c, uint32_t d)
{
    return majority(b, c, d);
}

static void sha1_rounds(union arm_vreg *r, const struct simd_operands *o, sha1_function *f)
{
    uint32_t e = o->n->s[0];
    *r = *o->d;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t sum = e + rol(r->s[0], 5) + f(r->s[1], r->s[2], r->s[3]) + o->m->s[i];
        e = r->s[3];
        r->s[3] = r->s[2];
        r->s[2] = rol(r->s[1], 30);
        r->s[1] = r->s[0];
        r->s[0] = sum;
    }
}

static void whole_sha1c(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    sha1_rounds(r, o, sha1_choose);
}

static void whole_sha1p(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    sha1_rounds(r, o, sha1_parity);
}

static void whole_sha1m(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    sha1_rounds(r, o, sha1_majority);
}

static void whole_sha1su0(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    r->d[0] = o->d->d[1] ^ o->d->d[0] ^ o->m->d[0];
    r->d[1] = o->n->d[0] ^ o->d->d[1] ^ o->m->d[1];
}

static void whole_sha1h(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    r->s[0] = rol(o->n->s[0], 30);
}

static void whole_sha1su1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 3; i++)
        r->s[i] = rol(o->d->s[i] ^ o->n->s[i + 1], 1);
    r->s[3] = rol(o->d->s[3] ^ r->s[0], 1);
}

/* --- SHA-256: x holds A B C D, y holds E F G H --- */

static void sha256_rounds(union arm_vreg *x, union arm_vreg *y, const union arm_vreg *w)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t e = y->s[0], a = x->s[0];
        uint32_t t = y->s[3] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
                     (uint32_t)choose(e, y->s[1], y->s[2]) + w->s[i];
        uint32_t u =
            (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + (uint32_t)majority(a, x->s[1], x->s[2]);
        uint32_t d = x->s[3];
        memmove(&x->s[1], &x->s[0], 12);
        memmove(&y->s[1], &y->s[0], 12);
        y->s[0] = d + t;
        x->s[0] = t + u;
    }
}

static void whole_sha256h(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    union arm_vreg y = *o->n;
    *r = *o->d;
    sha256_rounds(r, &y, o->m);
}

static void whole_sha256h2(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    union arm_vreg abcd = *o->n;
    *r = *o->d;
    sha256_rounds(&abcd, r, o->m);
}

static void whole_sha256su0(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = i < 3 ? o->d->s[i + 1] : o->n->s[0];
        r->s[i] = o->d->s[i] + (ror(t, 7) ^ ror(t, 18) ^ t >> 3);
    }
}

static void whole_sha256su1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = i < 2 ? o->m->s[i + 2] : r->s[i - 2];
        uint32_t before = i < 3 ? o->n->s[i + 1] : o->m->s[0];
        r->s[i] = o->d->s[i] + before + (ror(t, 17) ^ ror(t, 19) ^ t >> 10);
    }
}

/* --- SHA-512 --- */

static uint64_t sha512_sigma1(uint64_t x)
{
    return ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41);
}

static uint64_t sha512_sigma0(uint64_t x)
{
    return ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39);
}

static void whole_sha512h(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    uint64_t f = o->m->d[1], g = o->n->d[0], h = o->n->d[1];
    r->d[1] = choose(f, g, h) + sha512_sigma1(f) + o->d->d[1];
    uint64_t e = r->d[1] + o->m->d[0];
    r->d[0] = choose(e, f, g) + sha512_sigma1(e) + o->d->d[0];
}

static void whole_sha512h2(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    uint64_t a = o->m->d[0], b = o->m->d[1], c = o->n->d[0];
    r->d[1] = majority(c, b, a) + sha512_sigma0(a) + o->d->d[1];
    r->d[0] = majority(r->d[1], a, b) + sha512_sigma0(r->d[1]) + o->d->d[0];
}

static void whole_sha512su0(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    uint64_t t = o->d->d[1], u = o->n->d[0];
    r->d[0] = o->d->d[0] + (ror64(t, 1) ^ ror64(t, 8) ^ t >> 7);
    r->d[1] = o->d->d[1] + (ror64(u, 1) ^ ror64(u, 8) ^ u >> 7);
}

static void whole_sha512su1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t t = o->n->d[i];
        r->d[i] = o->d->d[i] + (ror64(t, 19) ^ ror64(t, 61) ^ t >> 6) + o->m->d[i];
    }
}

/* --- SHA-3 --- */

static void whole_rax1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = o->n->d[i] ^ ror64(o->m->d[i], 63);
}

static void whole_eor3(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = o->n->d[i] ^ o->m->d[i] ^ o->a->d[i];
}

static void whole_bcax(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = o->n->d[i] ^ (o->m->d[i] & ~o->a->d[i]);
}

static void whole_xar(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 2; i++)
        r->d[i] = ror64(o->n->d[i] ^ o->m->d[i], x->imm);
}

/* --- SM3 --- */

static void whole_sm3ss1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    r->s[3] = rol(rol(o->n->s[3], 12) + o->m->s[3] + o->a->s[3], 7);
}

/* One round's four words: the others move up, the third of them rotated. */
static void sm3_shift(union arm_vreg *r, const union arm_vreg *d, unsigned rotation, uint32_t top)
{
    r->s[0] = d->s[1];
    r->s[1] = rol(d->s[2], rotation);
    r->s[2] = d->s[3];
    r->s[3] = top;
}

static void sm3_first(struct simd *x, union arm_vreg *r, const struct simd_operands *o, uint32_t f)
{
    uint32_t ss2 = o->n->s[3] ^ rol(o->d->s[3], 12);
    sm3_shift(r, o->d, 9, f + o->d->s[0] + ss2 + o->m->s[x->imm]);
}

static void sm3_second(struct simd *x, union arm_vreg *r, const struct simd_operands *o, uint32_t f)
{
    uint32_t t = f + o->d->s[0] + o->n->s[3] + o->m->s[x->imm];
    sm3_shift(r, o->d, 19, t ^ rol(t, 9) ^ rol(t, 17));
}

static void whole_sm3tt1a(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    sm3_first(x, r, o, o->d->s[3] ^ o->d->s[2] ^ o->d->s[1]);
}

static void whole_sm3tt1b(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    sm3_first(x, r, o, majority(o->d->s[3], o->d->s[2], o->d->s[1]));
}

static void whole_sm3tt2a(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    sm3_second(x, r, o, o->d->s[3] ^ o->d->s[2] ^ o->d->s[1]);
}

static void whole_sm3tt2b(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    sm3_second(x, r, o, choose(o->d->s[3], o->d->s[2], o->d->s[1]));
}

static void whole_sm3partw1(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = o->d->s[i] ^ o->n->s[i] ^ rol(i < 3 ? o->m->s[i + 1] : r->s[0], 15);
        r->s[i] = t ^ rol(t, 15) ^ rol(t, 23);
    }
}

static void whole_sm3partw2(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    uint32_t first = o->n->s[0] ^ rol(o->m->s[0], 7), t = rol(first, 15);
    for (unsigned i = 0; i < 4; i++)
        r->s[i] = o->d->s[i] ^ o->n->s[i] ^ rol(o->m->s[i], 7);
    r->s[3] ^= t ^ rol(t, 15) ^ rol(t, 23);
}

/* --- SM4 --- */

/* clang-format off */
static const uint8_t sm4_sbox[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};
/* clang-format on */

static uint32_t sm4_substitute(uint32_t v)
{
    return (uint32_t)sm4_sbox[v >> 24] << 24 | (uint32_t)sm4_sbox[v >> 16 & 255] << 16 |
           (uint32_t)sm4_sbox[v >> 8 & 255] << 8 | sm4_sbox[v & 255];
}

static void sm4_push(union arm_vreg *r, uint32_t mixed)
{
    uint32_t v = r->s[0] ^ mixed;
    memmove(&r->s[0], &r->s[1], 12);
    r->s[3] = v;
}

static void whole_sm4e(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    *r = *o->d;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_substitute(r->s[3] ^ r->s[2] ^ r->s[1] ^ o->n->s[i]);
        sm4_push(r, t ^ rol(t, 2) ^ rol(t, 10) ^ rol(t, 18) ^ rol(t, 24));
    }
}

static void whole_sm4ekey(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    *r = *o->n;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_substitute(r->s[3] ^ r->s[2] ^ r->s[1] ^ o->m->s[i]);
        sm4_push(r, t ^ rol(t, 13) ^ rol(t, 23));
    }
}

/* --- the table --- */

/* clang-format off */
static simd_whole_fn *const kernels[C_OPS] = {
    [C_AESE] = whole_aese, [C_AESD] = whole_aesd, [C_AESMC] = whole_aesmc,
    [C_AESIMC] = whole_aesimc,
    [C_SHA1C] = whole_sha1c, [C_SHA1P] = whole_sha1p, [C_SHA1M] = whole_sha1m,
    [C_SHA1SU0] = whole_sha1su0, [C_SHA1H] = whole_sha1h, [C_SHA1SU1] = whole_sha1su1,
    [C_SHA256H] = whole_sha256h, [C_SHA256H2] = whole_sha256h2,
    [C_SHA256SU0] = whole_sha256su0, [C_SHA256SU1] = whole_sha256su1,
    [C_SHA512H] = whole_sha512h, [C_SHA512H2] = whole_sha512h2,
    [C_SHA512SU0] = whole_sha512su0, [C_SHA512SU1] = whole_sha512su1,
    [C_RAX1] = whole_rax1, [C_EOR3] = whole_eor3, [C_BCAX] = whole_bcax, [C_XAR] = whole_xar,
    [C_SM3SS1] = whole_sm3ss1, [C_SM3TT1A] = whole_sm3tt1a, [C_SM3TT1B] = whole_sm3tt1b,
    [C_SM3TT2A] = whole_sm3tt2a, [C_SM3TT2B] = whole_sm3tt2b,
    [C_SM3PARTW1] = whole_sm3partw1, [C_SM3PARTW2] = whole_sm3partw2,
    [C_SM4E] = whole_sm4e, [C_SM4EKEY] = whole_sm4ekey,
};
/* clang-format on */

simd_whole_fn *simd_crypto_kernel(unsigned op)
{
    return kernels[op];
}

void helper_simd_crypto(struct arm_cpu *cpu, uint32_t op, uint32_t desc)
{
    struct simd_desc a = simd_unpack(desc);
    struct simd x = {.w = SIMD_FULL, .imm = a.imm};
    union arm_vreg r = {.d = {0, 0}};
    struct simd_operands o = {&cpu->v[a.rn], &cpu->v[a.rm], &cpu->v[a.ra], &cpu->v[a.rd]};
    kernels[op](&x, &r, &o);
    cpu->v[a.rd] = r;
}
