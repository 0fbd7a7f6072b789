/*
 * The catalogue of A32 and T32: each instruction of words.py over special values and, for floating
 * point, rounding modes, DN, FZ, FZ16 and AHP; one hash of all results for the words of one name.
 *
 * Runs on a machine by itself (start.S) and as a program (linux.c); both print the same.
 * Integer code only: the FP state is the instruction's.
 */
#include "tests/isa/arm/catalogue.h"
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
#define CASE_COUNT 8
#endif
enum { CONTROLS = sizeof(controls) / sizeof(controls[0]), CASES = CASE_COUNT };

static void copy(void *to, const void *from, unsigned bytes)
{
    for (unsigned i = 0; i < bytes / 4; i++)
        ((volatile uint32_t *)to)[i] = ((const uint32_t *)from)[i];
}

/* The instructions, and the way to BEHIND. */
static void write_code(const struct catalogue_word *w)
{
    static const struct catalogue_word *last;
    volatile uint16_t *to = (uint16_t *)CODE;
    unsigned n = w->count;
    if (w == last)
        return;
    last = w;
    for (unsigned i = 0; i < n; i++)
        to[i] = w->code[i];
    if (w->flags & IS_THUMB && n & 1)
        to[n++] = 0xbf00;                            /* NOP */
    to[n++] = w->flags & IS_THUMB ? 0xf8df : 0xf004; /* LDR PC, [PC, #...]: the next word */
    to[n++] = w->flags & IS_THUMB ? 0xf000 : 0xe51f;
    to[n++] = BEHIND & 0xffff;
    to[n++] = BEHIND >> 16;
    code_written();
}

static uint32_t address(const struct catalogue_word *w)
{
    return BUFFER + 4 * BUFFER_WORDS / 2 + ((values_draw() & 255) - 128) / w->align * w->align;
}

static void fill(struct state *s, const struct catalogue_word *w, unsigned n)
{
    for (unsigned i = 0; i < 15; i++)
        s->r[i] = values_element(values_draw() & 1 ? 2 : 0);
    s->r[13] = BUFFER + 4 * BUFFER_WORDS / 2;
    if (w->base < NO_REGISTER && w->base != 13)
        s->r[w->base] = address(w);
    if (w->index < NO_REGISTER)
        s->r[w->index] = values_draw() % (w->limit + 1u);
    s->apsr = (values_draw() & 31) << 27 | (values_draw() & 15) << 16;
    s->undefined = 0;
    if (w->flags & IS_FP)
        for (unsigned i = 0; i < 32; i++)
            s->d[i] = values_half_register(n & 3);
}

static void fill_buffer(void)
{
    volatile uint32_t *buffer = (uint32_t *)BUFFER;
    for (unsigned i = 0; i < BUFFER_WORDS; i++)
        buffer[i] = i * 0x9e3779b9u ^ i << 3;
}

static uint64_t hash_buffer(uint64_t h)
{
    const uint64_t *buffer = (uint64_t *)BUFFER;
    for (unsigned i = 0; i < BUFFER_WORDS / 2; i++)
        h = values_mix(h, buffer[i]);
    return h;
}

static uint64_t hash_state(uint64_t h, const struct state *s, const struct catalogue_word *w)
{
    for (unsigned i = 0; i < 14; i += 2)
        h = values_mix(h, (uint64_t)s->r[i] << 32 | s->r[i + 1]);
    h = values_mix(h, (uint64_t)s->r[14] << 32 | (s->apsr & 0xf80f0000) | s->undefined);
    if (w->flags & IS_FP) {
        h = values_mix(h, s->fpscr);
        for (unsigned i = 0; i < 32; i++)
            h = values_mix(h, s->d[i]);
    }
    return w->flags & IS_MEMORY ? hash_buffer(h) : h;
}

static void print_state(const char *what, const struct state *s, const struct catalogue_word *w)
{
    print(what);
    for (unsigned i = 0; i < 15; i++) {
        print(i ? " " : " r ");
        print_hex(s->r[i], 8);
    }
    print(" apsr ");
    print_hex(s->apsr & 0xf80f0000, 8);
    print(" undefined ");
    print_hex(s->undefined, 1);
    for (unsigned i = 0; w->flags & IS_FP && i < 32; i++) {
        print(i ? " " : " d ");
        print_hex(s->d[i], 16);
    }
    print(" fpscr ");
    print_hex(s->fpscr, 8);
    print("\n");
}

/* VJCVT: QEMU calls what it flushes exact; FPToFixedJS() does not. */
static uint32_t setting(const struct catalogue_word *w, unsigned k)
{
    return is_same_text(w->name, "vfp.vjcvt") || is_same_text(w->name, "vfp-t.vjcvt")
               ? controls[k] & ~(uint32_t)FZ
               : controls[k];
}

static uint64_t run_case(const struct catalogue_word *w, const struct state *from, uint32_t control,
                         uint64_t h, int shows)
{
    struct state s;
    copy(&s, from, sizeof(s));
    s.fpscr = control;
    if (w->flags & IS_MEMORY)
        fill_buffer();
    if (shows)
        print_state("in ", &s, w);
    exception_seen = 0;
    run_code(&s, CODE | (w->flags & IS_THUMB ? 1 : 0));
    s.undefined = exception_seen;
    if (shows) {
        print_state("out", &s, w);
        print_line("memory", hash_buffer(0));
    }
    return hash_state(h, &s, w);
}

static uint64_t hash_word(const struct catalogue_word *w, int shows)
{
    struct state s;
    uint64_t h = 0;
    unsigned count = w->flags & IS_FP ? CONTROLS : 1;
    write_code(w);
    values_seed(w->code[0] | (uint32_t)w->code[1] << 16);
    for (unsigned i = 0; i < CASES; i++) {
        fill(&s, w, i);
        for (unsigned k = 0; k < count; k++)
            h = run_case(w, &s, setting(w, k), h, shows);
    }
    return h;
}

static void by_word(uint32_t only)
{
    for (unsigned n = 0; n < catalogue_count; n++) {
        const struct catalogue_word *w = &catalogue_words[n];
        if (only == 1 || only == n + 2) {
            uint64_t h = hash_word(w, only != 1);
            print_hex(n, 4);
            for (unsigned i = 0; i < w->count; i++) {
                print(" ");
                print_hex(w->code[i], 4);
            }
            print(" ");
            print_line(w->name, h);
        }
    }
}

void catalogue(uint32_t only)
{
    uint64_t h = 0;
    copy((void *)BEHIND, behind, (unsigned)((const char *)behind_end - (const char *)behind));
    if (only) {
        by_word(only);
        return;
    }
    for (unsigned n = 0; n < catalogue_count; n++) {
        const char *name = catalogue_words[n].name;
        h = values_mix(h, hash_word(&catalogue_words[n], 0));
        if (n + 1 < catalogue_count && is_same_text(name, catalogue_words[n + 1].name))
            continue;
        print_line(name, h);
        h = 0;
    }
}
