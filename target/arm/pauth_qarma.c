/*
 * Pointer authentication codes: QARMA5 and a faster hash.
 *
 * Ref: DDI 0487, ComputePAC() and what it uses; R. Avanzi, The QARMA Block Cipher Family, 2016,
 * whose numbering of cells this follows: cell 0 is bits 63..60.
 */
#include "target/arm/pauth.h"

enum { CELLS = 16, ROUNDS = 5 };

static const uint8_t sbox[CELLS] = {11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10};
static const uint8_t inv_sbox[CELLS] = {5, 14, 13, 8, 10, 11, 1, 9, 2, 6, 15, 0, 4, 12, 7, 3};
/* out[i] = in[shuffle[i]] */
static const uint8_t shuffle[CELLS] = {0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2};
static const uint8_t inv_shuffle[CELLS] = {0, 5, 15, 10, 13, 8, 2, 7, 11, 14, 4, 1, 6, 3, 9, 12};
static const uint8_t tweak_shuffle[CELLS] = {6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11};
static const uint8_t inv_tweak_shuffle[CELLS] = {4,  5,  6,  7,  11, 1,  0, 8,
                                                 12, 13, 14, 15, 9,  10, 2, 3};
/* Cells of the tweak that go through the shift register: 0, 1, 3, 4, 8, 11, 13. */
static const uint16_t tweak_cells = 0x291b;
static const uint64_t alpha = UINT64_C(0xc0ac29b7c97c50dd);
static const uint64_t round_constant[ROUNDS] = {
    0,
    UINT64_C(0x13198a2e03707344),
    UINT64_C(0xa4093822299f31d0),
    UINT64_C(0x082efa98ec4e6c89),
    UINT64_C(0x452821e638d01377),
};

static unsigned cell(uint64_t v, unsigned i)
{
    return v >> (60 - 4 * i) & 15;
}

static uint64_t permute(uint64_t v, const uint8_t *from)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < CELLS; i++)
        out = out << 4 | cell(v, from[i]);
    return out;
}

static uint64_t substitute(uint64_t v, const uint8_t *box)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < CELLS; i++)
        out = out << 4 | box[cell(v, i)];
    return out;
}

static unsigned rotate(unsigned c, unsigned n)
{
    return (c << n | c >> (4 - n)) & 15;
}

/* Columns times the circulant matrix (0, r, r^2, r), r a rotation of the cell by one. */
static uint64_t mix_columns(uint64_t v)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < CELLS; i++) {
        unsigned column = i & 3, row = i >> 2;
        unsigned c = rotate(cell(v, ((row + 1) & 3) << 2 | column), 1) ^
                     rotate(cell(v, ((row + 2) & 3) << 2 | column), 2) ^
                     rotate(cell(v, ((row + 3) & 3) << 2 | column), 1);
        out = out << 4 | c;
    }
    return out;
}

static uint64_t next_tweak(uint64_t v)
{
    uint64_t out = 0;
    v = permute(v, tweak_shuffle);
    for (unsigned i = 0; i < CELLS; i++) {
        unsigned c = cell(v, i);
        if (tweak_cells >> i & 1)
            c = c >> 1 | ((c ^ c >> 1) & 1) << 3;
        out = out << 4 | c;
    }
    return out;
}

static uint64_t previous_tweak(uint64_t v)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < CELLS; i++) {
        unsigned c = cell(v, i);
        if (tweak_cells >> i & 1)
            c = (c << 1 & 14) | ((c ^ c >> 3) & 1);
        out = out << 4 | c;
    }
    return permute(out, inv_tweak_shuffle);
}

static uint64_t forward(uint64_t v, uint64_t key, uint64_t *tweak)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        v ^= key ^ *tweak ^ round_constant[i];
        if (i)
            v = mix_columns(permute(v, shuffle));
        v = substitute(v, sbox);
        *tweak = next_tweak(*tweak);
    }
    return v;
}

static uint64_t backward(uint64_t v, uint64_t key, uint64_t *tweak)
{
    for (unsigned i = ROUNDS; i-- > 0;) {
        v = substitute(v, inv_sbox);
        if (i)
            v = permute(mix_columns(v), inv_shuffle);
        *tweak = previous_tweak(*tweak);
        v ^= key ^ *tweak ^ round_constant[i] ^ alpha;
    }
    return v;
}

uint64_t arm_pauth_qarma5(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1)
{
    uint64_t mod_key0 = (key0 << 63 | key0 >> 1) ^ key0 >> 63, tweak = modifier;
    uint64_t v = forward(data ^ key0, key1, &tweak);
    v = substitute(mix_columns(permute(v ^ mod_key0 ^ tweak, shuffle)), sbox);
    v = mix_columns(permute(v, shuffle)) ^ key1;
    v = substitute(permute(v, inv_shuffle), inv_sbox);
    v = permute(mix_columns(v), inv_shuffle) ^ key0 ^ tweak;
    return backward(v, key1, &tweak) ^ mod_key0;
}

/* Both halves of a product. */
static uint64_t fold_product(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t arm_pauth_hash(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t v = fold_product(data ^ key0, odd) ^ modifier;
    return fold_product(fold_product(v, key1 | 1) ^ key0, odd) ^ key1;
}
