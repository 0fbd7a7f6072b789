/* Operands, hashes and output of the catalogues of instructions (values.h). */
#include "tests/isa/values.h"

static const uint16_t special16[] = {
    0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x8400, 0x0401, 0x3c00, 0xbc00, 0x3c01,
    0x3e00, 0x4000, 0xc200, 0x4248, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7c01, 0xfd55, 0x7e00,
    0xfe2a, 0x7fff, 0x3800, 0x57ff, 0xd7ff, 0x0200, 0x77ff, 0x1400, 0x7800, 0x63ff,
};
static const uint32_t special32[] = {
    0x00000000,
    0x80000000,
    0x00000001,
    0x807fffff,
    0x00800000,
    0x80800001,
    0x00800001,
    0x3f800000,
    0xbf800000,
    0x3f800001,
    0x3f7fffff,
    0x3f7ffffe,
    0x40000000,
    0xc0400000,
    0x3f000000,
    0xbfc00000,
    0x7f7fffff,
    0xff7fffff,
    0x7f800000,
    0xff800000,
    0x7f800001,
    0xffaaaaaa,
    0x7fc00000,
    0xffd55555,
    0x7fffffff,
    0x4effffff,
    0x4f000000,
    0xcf000001,
    0x4f7fffff,
    0x5f000000,
    0x5effffff,
    0x33800000,
    0x38801000,
    0x477fe000,
    0x477ff000,
    0x38000000,
    0x7e800000,
    0x00400000,
    0x3fb504f3,
    0x1fffffff,
    0x47ffffff,
    /* around limits of what is done in line while subnormal numbers are flushed */
    0x0c000000,
    0x20000000,
    0x2b800001,
    0x5e7fffff,
};
static const uint64_t special64[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff,
    0x0010000000000000, 0x8010000000000001, 0x3ff0000000000000, 0xbff0000000000000,
    0x3ff0000000000001, 0x3fefffffffffffff, 0x3feffffffffffffe, 0x4000000000000000,
    0xc008000000000000, 0x3fe0000000000000, 0xbff8000000000000, 0x7fefffffffffffff,
    0xffefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff0000000000001,
    0xfff5555555555555, 0x7ff8000000000000, 0xfffaaaaaaaaaaaaa, 0x7fffffffffffffff,
    0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000200000, 0x43e0000000000000,
    0x43dfffffffffffff, 0xc3e0000000000000, 0x43f0000000000000, 0x47efffffe0000000,
    0x47effffff0000000, 0x3810000000000000, 0x380fffffe0000000, 0x380fffffffffffff,
    0x0010000000000001, 0x36a0000000000000, 0x40effc0000000000, 0x0008000000000000,
    0x7fd0000000000000, 0x3ff6a09e667f3bcd, 0x1fffffffffffffff, 0x0350000000000000,
    0x2000000000000000, 0x2340000000000001, 0x5fbfffffffffffff,
};
static const uint8_t special8[] = {0,    1,    2,    7,    8,    0x0f, 0x10, 0x3f,
                                   0x40, 0x41, 0x7f, 0x80, 0x81, 0xc0, 0xf8, 0xff};

static uint64_t state;

void values_seed(uint64_t seed)
{
    state = seed;
}

uint32_t values_draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

uint64_t values_element(unsigned esz)
{
    uint64_t v = (uint64_t)values_draw() << 42 ^ (uint64_t)values_draw() << 21 ^ values_draw();
    unsigned kind = values_draw() & 7;
    if (kind == 0)
        return v;
    switch (esz) {
    case 0: v = special8[values_draw() % sizeof(special8)]; break;
    case 1: v = special16[values_draw() % (sizeof(special16) / 2)]; break;
    case 2: v = special32[values_draw() % (sizeof(special32) / 4)]; break;
    default: v = special64[values_draw() % (sizeof(special64) / 8)]; break;
    }
    return kind == 1 ? v + (values_draw() & 3) - 1 : v;
}

uint64_t values_half_register(unsigned esz)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8u >> esz; i++)
        v |= (esz == 3 ? values_element(3) : values_element(esz) & ((1ull << (8 << esz)) - 1))
             << (8 * i << esz);
    return v;
}

uint64_t values_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

void print_hex(uint64_t v, unsigned digits)
{
    char text[17];
    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[v >> 4 * (digits - 1 - i) & 15];
    text[digits] = 0;
    print(text);
}

void print_line(const char *name, uint64_t h)
{
    print_hex(h, 16);
    print(" ");
    print(name);
    print("\n");
}

int is_same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}
