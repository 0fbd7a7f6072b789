/*
 * The FP and AdvSIMD catalogue: each instruction of words.py over special values, rounding modes,
 * DN, FZ, FZ16 and AHP; one hash of all results and FPSR for the words of one name.
 *
 * Runs on a machine by itself (start.S) and as a program (linux.c); both print the same.
 * Integer code only: the FP state is the instruction's.
 */
#include "tests/isa/aarch64/simd/catalogue.h"
#include "tests/isa/values.h"

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

static void fill(struct state *s, unsigned n)
{
    unsigned esz = n & 3;
    for (unsigned i = 0; i < 4; i++) {
        s->v[i][0] = values_half_register(esz);
        s->v[i][1] = values_half_register(esz);
    }
    s->x[0] = values_element(values_draw() & 1 ? 3 : 2);
    s->x[1] = values_element(3);
    s->nzcv = values_draw() << 28;
    s->fpsr = 0;
}

static uint64_t hash_state(uint64_t h, const struct state *s)
{
    for (unsigned i = 0; i < 4; i++)
        h = values_mix(values_mix(h, s->v[i][0]), s->v[i][1]);
    return values_mix(values_mix(values_mix(h, s->x[0]), s->x[1]), s->nzcv | s->fpsr);
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
    values_seed(word);
    for (unsigned k = 0; k < CONTROLS; k++)
        for (unsigned i = 0; i < CASES; i++)
            if (!run_case(word, k, i, &h, shows))
                return ~(uint64_t)word;
    return h;
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
        h = values_mix(h, hash_word(catalogue_words[n].word, 0));
        if (n + 1 < catalogue_count && is_same_text(name, catalogue_words[n + 1].name))
            continue;
        print_line(name, h);
        h = 0;
    }
}
