/* A fast checksum of 64 bits.  Ref: xxHash fast digest algorithm, specification 0.1.1, XXH64. */
#include "util/xxh64.h"

#include "util/bits.h"

static const uint64_t P1 = 0x9e3779b185ebca87, P2 = 0xc2b2ae3d27d4eb4f, P3 = 0x165667b19e3779f9,
                      P4 = 0x85ebca77c2b2ae63, P5 = 0x27d4eb2f165667c5;

static inline uint64_t rotl(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static inline uint64_t mix(uint64_t acc, uint64_t lane)
{
    return rotl(acc + lane * P2, 31) * P1;
}

static inline uint64_t merge(uint64_t acc, uint64_t lane)
{
    return (acc ^ mix(0, lane)) * P1 + P4;
}

/* Stripes of 32 bytes in four lanes; *at moves behind the last whole one. */
static uint64_t stripes(const uint8_t **at, const uint8_t *end)
{
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    const uint8_t *p = *at;

    for (; end - p >= 32; p += 32) {
        a = mix(a, ld_le64(p));
        b = mix(b, ld_le64(p + 8));
        c = mix(c, ld_le64(p + 16));
        d = mix(d, ld_le64(p + 24));
    }
    *at = p;
    uint64_t acc = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    return merge(merge(merge(merge(acc, a), b), c), d);
}

/* Fewer than 32 bytes. */
static uint64_t remainder_of(uint64_t acc, const uint8_t *p, const uint8_t *end)
{
    for (; end - p >= 8; p += 8)
        acc = rotl(acc ^ mix(0, ld_le64(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        acc = rotl(acc ^ ld_le32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        acc = rotl(acc ^ *p * P5, 11) * P1;
    return acc;
}

uint64_t xxh64(const void *data, size_t n)
{
    const uint8_t *p = n ? data : (const uint8_t *)"", *end = p + n; /* NULL has no end */
    uint64_t acc = n >= 32 ? stripes(&p, end) : P5;

    acc = remainder_of(acc + n, p, end);
    acc = (acc ^ acc >> 33) * P2;
    acc = (acc ^ acc >> 29) * P3;
    return acc ^ acc >> 32;
}
