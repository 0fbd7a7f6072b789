/*
 * The FP and AdvSIMD catalogue: each instruction of words.py over special values, rounding modes,
 * DN, FZ, FZ16 and AHP; one hash of all results and FPSR for the words of one name.
 *
 * Runs on a machine by itself (start.S) and as a program (linux.c); both print the same.
 * Integer code only: the FP state is the instruction's.
 */
#include "tests/isa/aarch64/simd/catalogue.h"

enum {
    FZ16 = 1 << 19,
    RP = 1 << 22,
    RM = 2 << 22,
    RZ = 3 << 22,
    FZ = 1 << 24,
    DN = 1 << 25,
    AHP = 1 << 26
};
static const uint32_t controls[] = {
    0, RP, RM, RZ, DN, FZ | FZ16, FZ | FZ16 | DN | RP, FZ | RM, FZ16 | AHP | RZ, DN | AHP,
};
#ifndef CASE_COUNT
#define CASE_COUNT 12
#endif
enum { CONTROLS = sizeof(controls) / sizeof(controls[0]), CASES = CASE_COUNT };

static const uint16_t special16[] = {
    0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x8400, 0x0401, 0x3c00, 0xbc00, 0x3c01,
    0x3e00, 0x4000, 0xc200, 0x4248, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7c01, 0xfd55, 0x7e00,
    0xfe2a, 0x7fff, 0x3800, 0x57ff, 0xd7ff, 0x0200, 0x77ff, 0x1400, 0x7800, 0x63ff,
};
static const uint32_t special32[] = {
    0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x80800001, 0x00800001,
    0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x3f7ffffe, 0x40000000, 0xc0400000,
    0x3f000000, 0xbfc00000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7f800001,
    0xffaaaaaa, 0x7fc00000, 0xffd55555, 0x7fffffff, 0x4effffff, 0x4f000000, 0xcf000001,
    0x4f7fffff, 0x5f000000, 0x5effffff, 0x33800000, 0x38801000, 0x477fe000, 0x477ff000,
    0x38000000, 0x7e800000, 0x00400000, 0x3fb504f3, 0x1fffffff, 0x47ffffff,
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
    0x7fd0000000000000, 0x3ff6a09e667f3bcd, 0x1fffffffffffffff,
};
static const uint8_t special8[] = {0,    1,    2,    7,    8,    0x0f, 0x10, 0x3f,
                                   0x40, 0x41, 0x7f, 0x80, 0x81, 0xc0, 0xf8, 0xff};

static uint64_t seed;

static uint32_t draw(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

static uint64_t element(unsigned esz)
{
    uint64_t v = (uint64_t)draw() << 42 ^ (uint64_t)draw() << 21 ^ draw();
    unsigned kind = draw() & 7;
    if (kind == 0)
        return v;
    switch (esz) {
    case 0: v = special8[draw() % sizeof(special8)]; break;
    case 1: v = special16[draw() % (sizeof(special16) / 2)]; break;
    case 2: v = special32[draw() % (sizeof(special32) / 4)]; break;
    default: v = special64[draw() % (sizeof(special64) / 8)]; break;
    }
    return kind == 1 ? v + (draw() & 3) - 1 : v;
}

static uint64_t half_register(unsigned esz)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8u >> esz; i++)
        v |= (esz == 3 ? element(3) : element(esz) & ((1ull << (8 << esz)) - 1)) << (8 * i << esz);
    return v;
}

static void fill(struct state *s, unsigned n)
{
    unsigned esz = n & 3;
    for (unsigned i = 0; i < 4; i++) {
        s->v[i][0] = half_register(esz);
        s->v[i][1] = half_register(esz);
    }
    s->x[0] = element(draw() & 1 ? 3 : 2);
    s->x[1] = element(3);
    s->nzcv = draw() << 28;
    s->fpsr = 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_state(uint64_t h, const struct state *s)
{
    for (unsigned i = 0; i < 4; i++)
        h = mix(mix(h, s->v[i][0]), s->v[i][1]);
    return mix(mix(mix(h, s->x[0]), s->x[1]), s->nzcv | s->fpsr);
}

static void print_hex(uint64_t v, unsigned digits)
{
    char text[17];
    for (unsigned i = 0; i < digits; i++)
        text[i] = "0123456789abcdef"[v >> 4 * (digits - 1 - i) & 15];
    text[digits] = 0;
    print(text);
}

static void print_state(const char *what, const struct state *s)
{
    print(what);
    for (unsigned i = 0; i < 4; i++) {
        print(" ");
        print_hex(s->v[i][1], 16);
        print(":");
        print_hex(s->v[i][0], 16);
    }
    print(" x ");
    print_hex(s->x[0], 16);
    print(" ");
    print_hex(s->x[1], 16);
    print(" nzcv ");
    print_hex(s->nzcv >> 28, 1);
    print(" fpsr ");
    print_hex(s->fpsr, 8);
    print("\n");
}

/* QEMU calls what it flushes exact; FPToFixedJS() does not. */
static int is_fjcvtzs(uint32_t word)
{
    return (word & 0xfffffc00) == 0x1e7e0000;
}

/* 0: it was undefined. */
static int run_case(uint32_t word, unsigned k, unsigned i, uint64_t *h, int shows)
{
    struct state s;
    fill(&s, i);
    s.fpcr = controls[k];
    if (is_fjcvtzs(word))
        s.fpcr &= ~(uint64_t)FZ;
    if (shows) {
        print_hex(s.fpcr, 8);
        print_state(" in ", &s);
    }
    if (!run_word(word, &s))
        return 0;
    *h = hash_state(*h, &s);
    if (shows)
        print_state("         out", &s);
    return 1;
}

/* Undefined ones count with a hash of their own. */
static uint64_t hash_word(uint32_t word, int shows)
{
    uint64_t h = word;
    seed = word;
    for (unsigned k = 0; k < CONTROLS; k++)
        for (unsigned i = 0; i < CASES; i++)
            if (!run_case(word, k, i, &h, shows))
                return ~(uint64_t)word;
    return h;
}

static void print_line(const char *name, uint64_t h)
{
    print_hex(h, 16);
    print(" ");
    print(name);
    print("\n");
}

static int is_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void by_word(uint32_t only)
{
    for (unsigned n = 0; n < catalogue_count; n++) {
        uint32_t word = catalogue_words[n].word;
        if (only == 1 || only == word) {
            uint64_t h = hash_word(word, only != 1);
            print_hex(word, 8);
            print(" ");
            print_line(catalogue_words[n].name, h);
        }
    }
}

void catalogue(uint32_t only)
{
    uint64_t h = 0;
    if (only) {
        by_word(only);
        return;
    }
    for (unsigned n = 0; n < catalogue_count; n++) {
        const char *name = catalogue_words[n].name;
        h = mix(h, hash_word(catalogue_words[n].word, 0));
        if (n + 1 < catalogue_count && is_same(name, catalogue_words[n + 1].name))
            continue;
        print_line(name, h);
        h = 0;
    }
}
