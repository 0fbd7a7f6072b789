/*
 * Instructions against the host's own processor: every row of the opcode maps in every
 * operand size, and random streams of them, translated by each back end and run natively on the
 * same registers, flags and memory.  What comes out must be equal, bit for bit.
 */
#include "tests/isa/x86/bench.h"
#include "tests/isa/x86/rows.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 12, STREAM = 12, STREAMS = 3000, MAX_LEN = STREAM * 2 * X86_MAX_INSN };

static struct bench *benches[2];
static const char *const names[2] = {"interp", "x86_64"};
static uint64_t seed = 3;
static bool is_amd;
static bool ran[ROWS_MAX];

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned pick(unsigned n)
{
    return (random64() >> 20) % n;
}

/* Values whose sums, products and shifts meet the edges. */
static uint64_t interesting(void)
{
    static const uint64_t edges[] = {
        0,          1,          2,          7,          8,         0x0f,
        0x1f,       0x7f,       0x80,       0xff,       0x7fff,    0x8000,
        0xffff,     0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, UINT64_C(1) << 63,
        UINT64_MAX, 0x99,       0x9a};
    if (pick(3))
        return random64();
    return edges[pick(G_N_ELEMENTS(edges))] + (pick(4) ? 0 : random64() % 3 - 1);
}

static bool is_vector(const struct x86_row *row)
{
    for (unsigned i = 0; i < row->nops; i++)
        if (row->op[i].from >= X86_FROM_V && row->op[i].from <= X86_FROM_L)
            return true;
    return false;
}

/* Numbers whose sums and products meet the edges: zeros, subnormals, powers of two, infinities,
 * NaNs of both kinds, halves. */
static uint32_t interesting_float(void)
{
    static const uint32_t edges[] = {0,          1,          0x007fffff, 0x00800000, 0x00800001,
                                     0x3f800000, 0x3f000000, 0x40400000, 0x4b000001, 0x4effffff,
                                     0x4f000000, 0x5f000000, 0x7f7fffff, 0x7f800000, 0x7f800001,
                                     0x7fc00000, 0x7fc12345, 0x3fffffff, 0x33800000, 0x00400000};
    uint32_t sign = (uint32_t)pick(2) << 31;
    switch (pick(5)) {
    case 0: return (uint32_t)random64();
    case 1: return sign | (100 + pick(56)) << 23 | (random64() & 0x7fffff);
    case 2: return sign | (0x3f800000 + ((random64() & 0xff) << 15));
    default: return sign | edges[pick(G_N_ELEMENTS(edges))];
    }
}

static uint64_t interesting_double(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     UINT64_C(0x000fffffffffffff),
                                     UINT64_C(0x0010000000000000),
                                     UINT64_C(0x3ff0000000000000),
                                     UINT64_C(0x3fe0000000000000),
                                     UINT64_C(0x4008000000000000),
                                     UINT64_C(0x41dfffffffc00000),
                                     UINT64_C(0x41e0000000000000),
                                     UINT64_C(0x43e0000000000000),
                                     UINT64_C(0x36a0000000000000),
                                     UINT64_C(0x380fffffffffffff),
                                     UINT64_C(0x47efffffe0000000),
                                     UINT64_C(0x47effffff0000000),
                                     UINT64_C(0x7fefffffffffffff),
                                     UINT64_C(0x7ff0000000000000),
                                     UINT64_C(0x7ff0000000000001),
                                     UINT64_C(0x7ff8000000000000),
                                     UINT64_C(0x7ff8000000012345)};
    uint64_t sign = (uint64_t)pick(2) << 63;
    switch (pick(4)) {
    case 0: return sign | (uint64_t)(960 + pick(128)) << 52 | random64() >> 12;
    case 1: return sign | (UINT64_C(0x3ff0000000000000) + ((random64() & 0xff) << 44));
    default: return sign | edges[pick(G_N_ELEMENTS(edges))];
    }
}

static uint64_t interesting_lanes(void)
{
    switch (pick(4)) {
    case 0: return interesting();
    case 1: return interesting_double();
    default: return interesting_float() | (uint64_t)interesting_float() << 32;
    }
}

/* Mostly all masked; all that says how to round and what to flush. */
static uint32_t random_mxcsr(void)
{
    uint32_t v = BENCH_MXCSR | (pick(2) ? random64() & 0xe040 : 0);
    if (!pick(3))
        v |= random64() & 0x3f;
    if (native_has_misaligned() && !pick(4))
        v |= X86_MXCSR_MM;
    return pick(6) ? v : v & ~(uint32_t)(random64() & 0x1f80);
}

/* Also encodings that the x87 refuses. */
static struct x87_st interesting_f80(void)
{
    static const uint16_t exponents[] = {0,      0,      1,      2,      0x3fbf, 0x3ffe,
                                         0x3fff, 0x3fff, 0x4000, 0x401d, 0x401e, 0x403d,
                                         0x403e, 0x403f, 0x43fe, 0x7ffe, 0x7fff, 0x7fff};
    static const uint64_t mantissas[] = {
        0,
        1,
        UINT64_C(0x8000000000000000),
        UINT64_C(0x8000000000000001),
        UINT64_C(0xc000000000000000),
        UINT64_C(0xc000000000000001),
        UINT64_C(0xffffffffffffffff),
        UINT64_C(0xfffffffffffffc00),
        UINT64_C(0xffffff0000000000),
        UINT64_C(0x7fffffffffffffff),
        UINT64_C(0xa000000000000000),
    };
    struct x87_st v = {random64(), pick(2) ? 0x3fff + pick(70) - 35 : (unsigned)random64()};
    if (pick(2))
        v.se = exponents[pick(G_N_ELEMENTS(exponents))];
    if (pick(2))
        v.man = mantissas[pick(G_N_ELEMENTS(mantissas))];
    if ((v.se & 0x7fff) && pick(12))
        v.man |= UINT64_C(1) << 63;
    v.se = (v.se & 0x7fff) | (uint64_t)pick(2) << 15;
    return v;
}

static void random_x87(struct x87_regs *x)
{
    uint32_t masks = pick(6) ? 0x3f : (uint32_t)random64() & 0x3f;
    uint32_t flags = pick(3) ? 0 : (uint32_t)random64() & 0x477f;
    if (pick(2))
        flags &= ~0x3fu | masks;
    x->fcw = 0x340 | masks;
    if (pick(2))
        x->fcw = 0x40 | masks | pick(4) << 8 | pick(4) << 10;
    x->fsw = flags | pick(8) << 11 | (flags & ~masks & 0x3f ? 0x8080 : 0);
    x->valid = pick(3) ? 0xff : (uint8_t)random64();
    if (!pick(3)) /* room for one more */
        x->valid &= ~(1u << ((x->fsw >> 11 & 7) + 7) % 8);
    x->fop = random64() & 0x7ff;
    x->fip = (uint32_t)random64();
    x->fdp = (uint32_t)random64();
    for (unsigned i = 0; i < 8; i++)
        x->st[i] = interesting_f80();
}

/* --- code --- */

struct code {
    uint8_t bytes[MAX_LEN];
    unsigned len;
    uint32_t mode;
};

static void put(struct code *c, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        c->bytes[c->len++] = v >> 8 * i;
}

/* With ROW in the environment that one alone. */
static bool is_wanted(const struct x86_row *row)
{
    const char *only = getenv("ROW");
    return !only || !strcmp(only, row->name);
}

static bool is_gather(const struct x86_row *row)
{
    return strstr(row->name, "gather");
}

/* Instructions whose features this host lacks are told by #UD. */
static bool is_stack(const struct x86_row *row)
{
    return g_str_has_prefix(row->name, "push") || g_str_has_prefix(row->name, "pop") ||
           !strcmp(row->name, "enter") || !strcmp(row->name, "leave");
}

static bool saves_state(const char *name)
{
    return strstr(name, "xsave") || strstr(name, "xrstor");
}

static bool is_string(const struct x86_row *row)
{
    static const char *const list[] = {"movs", "cmps", "stos", "lods", "scas"};
    for (unsigned i = 0; i < G_N_ELEMENTS(list); i++)
        if (!strcmp(row->name, list[i]))
            return true;
    return false;
}

static bool has_letter(const struct x86_row *row, unsigned from)
{
    for (unsigned i = 0; i < row->nops; i++)
        if (row->op[i].from == from)
            return true;
    return false;
}

static bool is_narrow(uint32_t mode)
{
    return !(mode & (X86_MODE_64 | X86_MODE_CS32));
}

/* A ModRM byte that the row allows, and what belongs to it: memory is a fixed address, but for LEA.
 */
static void put_modrm(struct code *c, const struct x86_row *row, bool mem, unsigned fixed_rm)
{
    bool is_64 = c->mode & X86_MODE_64, is_16 = is_narrow(c->mode);
    uint8_t modrm = random64();
    if (row->modrm_mask == 0xff) {
        put(c, row->modrm_value, 1);
        return;
    }
    modrm = (modrm & ~row->modrm_mask) | row->modrm_value;
    modrm = mem ? (modrm & 0x38) | (is_64 ? 4 : is_16 ? 6 : 5) : modrm | 0xc0;
    if (!mem && fixed_rm < 8)
        modrm = (modrm & 0xf8) | fixed_rm;
    put(c, is_gather(row) ? (modrm & 0x38) | 4 : modrm, 1);
    if (!mem)
        return;
    if (is_gather(row)) { /* no base; any scale, any of the first eight indices */
        put(c, (random64() & 0xf8) | 5, 1);
        put(c, BENCH_DATA + 0x1000, 4);
        return;
    }
    if (is_64)
        put(c, 0x25, 1);
    /* Also across pages, and past the segment's limit; vectors mostly aligned. */
    unsigned offset = is_16 && !pick(8) ? BENCH_DATA_SIZE - 16 : 0xff0;
    unsigned more = (is_vector(row) || saves_state(row->name)) && pick(3) ? 16 * pick(2) : pick(32);
    put(c, (is_16 ? 0 : BENCH_DATA) + offset + more, is_16 ? 2 : 4);
}

static unsigned random_prefixes(struct code *c, const struct x86_row *row)
{
    unsigned match = row->match & 15;
    if (match & X86_M_F3)
        put(c, 0xf3, 1);
    else if (match & X86_M_F2)
        put(c, 0xf2, 1);
    else if (match == X86_M_66)
        put(c, 0x66, 1);
    else if (is_string(row) && pick(2))
        put(c, 0xf2 + pick(2), 1);
    if (match != X86_M_66 && match != X86_M_NP && !pick(3))
        put(c, 0x66, 1);
    if ((row->flags & X86_R_LOCK) && !pick(4)) {
        put(c, 0xf0, 1);
        return 1;
    }
    return 0;
}

/* Map, opcode and row as bytes; VEX always with three. */
static void put_vex(struct code *c, unsigned map, const struct x86_row *row, unsigned opcode)
{
    static const uint8_t pp[16] = {[X86_M_66] = 1, [X86_M_F3] = 2, [X86_M_F2] = 3};
    bool is_64 = c->mode & X86_MODE_64;
    uint8_t w = row->match & X86_M_W1   ? 0x80
                : row->match & X86_M_W0 ? 0
                : is_64 && pick(2)      ? 0x80
                                        : 0;
    bool has_vvvv = has_letter(row, X86_FROM_B) || has_letter(row, X86_FROM_H);
    uint8_t l = row->match & X86_M_L1 || (!(row->match & X86_M_L0) && pick(2)) ? 4 : 0;
    put(c, 0xc4, 1);
    put(c, (is_64 ? (random64() & 0x80) | 0x40 | (random64() & 0x20) : 0xe0) | (map - 4), 1);
    put(c,
        w | l | (has_vvvv ? pick(is_64 ? 16 : 8) << 3 | (is_64 ? 0 : 0x40) : 0x78) |
            pp[row->match & 15],
        1);
    put(c, opcode, 1);
}

static void put_opcode(struct code *c, unsigned map, const struct x86_row *row, unsigned opcode)
{
    if (map > 4) {
        put_vex(c, map, row, opcode);
        return;
    }
    bool lock = random_prefixes(c, row);
    (void)lock;
    if ((c->mode & X86_MODE_64) && pick(2)) {
        uint8_t rex = 0x40 | (random64() & 13); /* no index: addresses are fixed */
        if (row->match & X86_M_W0)
            rex &= 0x47;
        put(c, rex | (row->match & X86_M_W1 ? 8 : 0), 1);
    }
    if (map)
        put(c, 0x0f, 1);
    if (map > 1)
        put(c, map == 2 ? 0x38 : 0x3a, 1);
    put(c, opcode, 1);
}

/* One instruction, which is decoded again to see what became of it; false: not this time. */
static bool put_insn(struct code *c, unsigned map, const struct x86_row *row, unsigned opcode,
                     struct x86_insn *insn)
{
    unsigned from = c->len;
    bool index_by_register =
        has_letter(row, X86_FROM_G) && row->name[0] == 'b' && (!strncmp(row->name, "bt", 2));
    bool mem = (row->match & X86_M_MEM) || has_letter(row, X86_FROM_M) ||
               (!(row->match & X86_M_REG) && pick(2) && !index_by_register);
    put_opcode(c, map, row, opcode);
    if (row->flags & X86_R_MODRM)
        put_modrm(c, row, mem, 8);
    if (has_letter(row, X86_FROM_O))
        put(c, (is_narrow(c->mode) ? 0 : BENCH_DATA) + pick(64),
            c->mode & X86_MODE_64 ? 8
            : is_narrow(c->mode)  ? 2
                                  : 4);
    else
        put(c, random64(), 8);
    memcpy((void *)(uintptr_t)BENCH_CODE, c->bytes, c->len);
    enum x86_decoded decoded = bench_decode(insn, BENCH_CODE + from, c->mode);
    c->len = from + insn->len;
    return decoded == X86_DECODED && insn->row == row;
}

/* --- comparing --- */

static void fill_data(uint8_t *copy)
{
    for (unsigned i = 0; i < BENCH_DATA_SIZE; i += 8) {
        uint64_t v = interesting_lanes();
        memcpy(copy + i, &v, 8);
    }
}

static void load_data(const uint8_t *copy)
{
    memcpy((void *)(uintptr_t)BENCH_DATA, copy, BENCH_DATA_SIZE);
}

#define X87_LINE(field, name)                                                                      \
    g_string_append_printf(s, name " %16lx %16lx %16lx%s\n", (long)before->field,                  \
                           (long)want->field, (long)got->field,                                    \
                           want->field == got->field ? "" : " <-")
static void describe_x87(GString *s, const struct x87_regs *before, const struct x87_regs *want,
                         const struct x87_regs *got)
{
    X87_LINE(fcw, "fcw  ");
    X87_LINE(fsw, "fsw  ");
    X87_LINE(valid, "valid");
    X87_LINE(fop, "fop  ");
    X87_LINE(fip, "fip  ");
    X87_LINE(fdp, "fdp  ");
    for (unsigned i = 0; i < 8; i++) {
        X87_LINE(st[i].se, "st.se");
        X87_LINE(st[i].man, "st   ");
    }
}

/* FXRSTOR and XRSTOR accept but few of all images. */
static void make_image(uint8_t *copy, const char *name)
{
    enum { AT = 0x1000, AT_MXCSR = 24, AT_HEADER = 512 };
    uint64_t header[8] = {pick(8), 0};
    uint32_t mxcsr = random_mxcsr();
    if (strcmp(name, "fxrstor") && strcmp(name, "xrstor") && strcmp(name, "xsaveopt") &&
        strcmp(name, "xsave"))
        return;
    if (pick(2))
        header[1] = (uint64_t)1 << 63 | (pick(2) ? 7 : header[0]);
    if (!pick(8)) /* the bit that says compact in the other word, too */
        header[0] |= header[1] & (uint64_t)1 << 63;
    if (!pick(8))
        header[pick(8)] ^= (uint64_t)1 << (20 + pick(44));
    memcpy(copy + AT + AT_HEADER, header, sizeof(header));
    for (unsigned at = AT - 16; at <= AT; at += 16) {
        memset(copy + at + 8, 0, 16); /* pointers are canonical */
        memcpy(copy + at + AT_MXCSR, &mxcsr, pick(8) ? 4 : 0);
    }
}

static char *describe(const struct code *c, const struct regs *before, const struct regs *want,
                      const struct regs *got)
{
    GString *s = g_string_new("\n");
    for (unsigned i = 0; i < c->len; i++)
        g_string_append_printf(s, "%02x ", c->bytes[i]);
    g_string_append_printf(s, "\n      before           wanted           got\n");
    for (unsigned i = 0; i < 16; i++)
        g_string_append_printf(s, "r%-2u   %016lx %016lx %016lx%s\n", i, before->r[i], want->r[i],
                               got->r[i], want->r[i] == got->r[i] ? "" : " <-");
    g_string_append_printf(s, "flags %016lx %016lx %016lx%s\n", before->flags, want->flags,
                           got->flags, want->flags == got->flags ? "" : " <-");
    for (unsigned i = 0; i < 64; i++)
        if (want->v[i / 4][i % 4] != got->v[i / 4][i % 4] ||
            before->v[i / 4][i % 4] != got->v[i / 4][i % 4])
            g_string_append_printf(s, "v%u.%u  %016lx %016lx %016lx%s\n", i / 4, i % 4,
                                   before->v[i / 4][i % 4], want->v[i / 4][i % 4],
                                   got->v[i / 4][i % 4],
                                   want->v[i / 4][i % 4] == got->v[i / 4][i % 4] ? "" : " <-");
    describe_x87(s, &before->x87, &want->x87, &got->x87);
    g_string_append_printf(s, "mxcsr %16x %16x %16x%s\n", before->mxcsr, want->mxcsr, got->mxcsr,
                           want->mxcsr == got->mxcsr ? "" : " <-");
    g_string_append_printf(s, "rip   %16d %016lx %016lx\nvector %32d %d\n", 0, want->rip, got->rip,
                           want->vector, got->vector);
    return g_string_free(s, FALSE);
}

/* Some processors keep pointers to the last instruction only while an exception waits, and the
 * host's kernel may have lost fdp before. */
static bool is_equal_x87(const struct x87_regs *a, const struct x87_regs *b)
{
    bool waits = a->fsw & 0x80;
    return a->fcw == b->fcw && a->fsw == b->fsw && a->valid == b->valid &&
           (!waits || (a->fop == b->fop && a->fip == b->fip && (a->fdp == b->fdp || !a->fdp))) &&
           !memcmp(a->st, b->st, sizeof(a->st));
}

static bool is_transcendental(const char *name)
{
    static const char *const list[] = {"f2xm1",   "fyl2x",   "fptan", "fpatan",
                                       "fyl2xp1", "fsincos", "fsin",  "fcos"};
    for (unsigned i = 0; i < G_N_ELEMENTS(list); i++)
        if (!strcmp(name, list[i]))
            return true;
    return false;
}

static bool is_close(const struct x87_st *a, const struct x87_st *b)
{
    const uint64_t one = UINT64_C(1) << 63, last = UINT64_MAX;
    if (a->se == b->se)
        return a->man - b->man + 2 <= 4;
    const struct x87_st *greater = a->se > b->se ? a : b, *less = greater == a ? b : a;
    return greater->se - less->se == 1 && greater->man - one <= 1 && last - less->man <= 2;
}

/* Processors have these in the last place but one, and say that exact results are not. */
static void forgive(const struct x87_regs *want, struct x87_regs *got)
{
    enum { UE = 0x10, PE = 0x20, C1 = 0x200, ES = 0x8080 };
    for (unsigned i = 0; i < 2; i++)
        if (is_close(&want->st[i], &got->st[i]))
            got->st[i] = want->st[i];
    uint16_t doubtful = PE | C1 | (want->fcw & PE ? 0 : ES) | (want->st[0].se & 0x7fff ? 0 : UE);
    got->fsw = (got->fsw & ~doubtful) | (want->fsw & doubtful);
}

static bool is_equal(const struct regs *a, const struct regs *b, uint64_t flags)
{
    return !memcmp(a->r, b->r, sizeof(a->r)) && a->rip == b->rip && a->vector == b->vector &&
           !((a->flags ^ b->flags) & flags) && a->mxcsr == b->mxcsr &&
           !memcmp(a->v, b->v, sizeof(a->v)) && is_equal_x87(&a->x87, &b->x87);
}

static unsigned failures;

/* Both engines against the processor, with this data; reports: what differs is told and counted. */
static bool is_nan32(uint32_t v)
{
    return (v & 0x7fffffff) > 0x7f800000;
}

/* Which of several NaNs a sum of four has: Intel's processors differ from the reference, AMD's. */
static void forgive_nans(const struct regs *want, struct regs *got)
{
    uint32_t w[16 * 8], g[16 * 8];
    memcpy(w, want->v, sizeof(w));
    memcpy(g, got->v, sizeof(g));
    for (unsigned i = 0; i < G_N_ELEMENTS(w); i++)
        if (is_nan32(w[i]) && is_nan32(g[i]))
            g[i] = w[i];
    memcpy(got->v, g, sizeof(g));
}

static bool stores_x87(const char *name)
{
    return g_str_has_prefix(name, "fst") || g_str_has_prefix(name, "fist") ||
           !strcmp(name, "fbstp");
}

static bool agrees(const struct code *c, const struct regs *before, const char *name,
                   const uint8_t *data, bool reports)
{
    static uint8_t after[BENCH_DATA_SIZE];
    struct regs want = *before;
    bool is_64 = c->mode & X86_MODE_64, same = true;
    load_data(data);
    native_run(&want, c->len, c->mode);
    memcpy(after, (void *)(uintptr_t)BENCH_DATA, BENCH_DATA_SIZE);
    if (want.vector == X86_UD)
        return true; /* a feature that the host lacks */
    for (unsigned i = 0; i < 2; i++) {
        struct regs got = *before;

        load_data(data);
        bench_run(benches[i], &got, c->len, c->mode);
        for (unsigned n = 0; n < 16 && !is_64; n++) { /* what 32-bit code does not see */
            got.r[n] = n < 8 ? (uint32_t)got.r[n] : 0;
            want.r[n] = n < 8 ? (uint32_t)want.r[n] : 0;
        }
        bool may_trap = ~before->x87.fcw & 0x3f; /* else the host's x87 does it */
        if (is_transcendental(name) && may_trap)
            forgive(&want.x87, &got.x87);
        if (!is_amd && !strcmp(name, "dpps"))
            forgive_nans(&want, &got);
        if (!is_amd && may_trap && stores_x87(name) && got.vector == X86_GP)
            continue; /* Intel's do not look at memory then */
        bool same_data = !memcmp(after, (void *)(uintptr_t)BENCH_DATA, BENCH_DATA_SIZE);
        if (!is_amd && want.vector >= 0 && got.vector == want.vector) {
            /* Intel's convert, pop, or make x87 MMX's, and store a part, before they fault. */
            got.mxcsr = want.mxcsr;
            got.x87 = want.x87;
            same_data = true;
        }
        if (g_str_has_prefix(name, "xrstor") && want.vector >= 0 && got.vector == want.vector)
            continue; /* how far it came is the processor's */
        if (is_equal(&want, &got, is_amd ? ~UINT64_C(0) : X86_FL_CF) && same_data)
            continue;
        same = false;
        if (!reports)
            continue;
        g_autofree char *text = describe(c, before, &want, &got);
        g_test_message("%s on %s%s: %s", name, names[i], same_data ? "" : ", memory differs", text);
        failures++;
    }
    return same;
}

/* A host's kernel that switches to another task may lose the x87's pointers: then once more. */
static void check(const struct code *c, const struct regs *before, const char *name)
{
    enum { ATTEMPTS = 3 };
    static uint8_t data[BENCH_DATA_SIZE];
    memcpy((void *)(uintptr_t)BENCH_CODE, c->bytes, c->len);
    fill_data(data);
    make_image(data, name);
    for (unsigned i = 1; i <= ATTEMPTS; i++)
        if (agrees(c, before, name, data, i == ATTEMPTS))
            return;
}

static struct regs random_regs(const struct code *c)
{
    static const uint64_t flags[] = {0, 0x8d5};
    struct regs r = {.vector = -1};
    for (unsigned i = 0; i < 16; i++)
        r.r[i] = interesting();
    r.flags = pick(2) ? random64() & 0x8d5 : flags[pick(2)];
    if (!(c->mode & X86_MODE_64))
        for (unsigned i = 0; i < 16; i++)
            r.r[i] = i < 8 ? (uint32_t)r.r[i] : 0;
    r.r[4] = BENCH_DATA + 0x1800 + pick(8);
    r.mxcsr = random_mxcsr();
    random_x87(&r.x87);
    for (unsigned i = 0; i < 64; i++)
        if (i % 4 < 2 || native_has_avx())
            r.v[i / 4][i % 4] = interesting_lanes();
    return r;
}

/* String instructions want pointers, and a counter that ends. */
static void aim(struct regs *r, const struct code *c)
{
    r->r[6] = BENCH_DATA + 0x800 + pick(0x1000);
    r->r[7] = pick(2) ? BENCH_DATA + 0x800 + pick(0x1000) : r->r[6] + pick(24) - 12;
    r->r[1] = pick(300);
    if (!pick(3))
        r->flags |= X86_FL_DF;
    (void)c;
}

/* Indices of a gather that stay inside the data. */
static void aim_gather(struct regs *r, const struct x86_insn *insn)
{
    uint64_t *lanes = r->v[insn->sib_index & 15];
    for (unsigned i = 0; i < 4 && insn->sib_index < 16; i++) {
        uint64_t low = (uint64_t)pick(256) - 128, high = (uint64_t)pick(256) - 128;
        lanes[i] = insn->opcode & 1 ? low : (uint32_t)low | high << 32;
    }
}

/* x87 in its initial state, perhaps; eax chooses components.  (Intel's processors need not say that
 * it is in its initial state when it is, and of vectors that are all zero not all of AMD's do.
 * Ref: SDM volume 1, 13.6.) */
static void make_initial(struct regs *r)
{
    if (is_amd && pick(2))
        r->x87 = (struct x87_regs){.fcw = BENCH_FCW};
    if (!(r->x87.fsw & 0x80)) /* some processors do not save them then */
        r->x87.fop = 0, r->x87.fip = r->x87.fdp = 0;
    if (pick(2))
        r->mxcsr = BENCH_MXCSR;
    r->r[0] = pick(8) | (uint64_t)!pick(4) << 31; /* the host may have more than these three */
}

/* Double shifts of 16 bits by more than that: each generation of processors has its own result.
 * Ref: SDM volume 2, SHLD. */
static bool is_undefined(const struct x86_insn *insn, const struct regs *r)
{
    const char *name = insn->row->name;
    uint64_t count = insn->op[2].kind == X86_OPND_IMM ? insn->imm : r->r[1];
    return (!strcmp(name, "shld") || !strcmp(name, "shrd")) && insn->op[0].size == 1 &&
           (count & 31) > 16;
}

/* --- tests --- */

static void try_row(unsigned map, unsigned opcode, const struct x86_row *row, uint32_t mode)
{
    for (unsigned i = 0; i < TRIES * 8 && failures < 60; i++) {
        struct code c = {.mode = mode};
        struct x86_insn insn;
        if (!put_insn(&c, map, row, opcode, &insn))
            continue;
        struct regs r = random_regs(&c);
        if (is_string(row))
            aim(&r, &c);
        if (is_gather(row))
            aim_gather(&r, &insn);
        if (is_stack(row) && insn.row->name[0] == 'l')
            r.r[5] = BENCH_DATA + 0x1000;
        if (saves_state(row->name))
            make_initial(&r);
        if (!strcmp(row->name, "xlat"))
            r.r[3] = BENCH_DATA;
        if (g_str_has_prefix(row->name, "maskmov"))
            r.r[7] = (is_narrow(mode) ? 0 : BENCH_DATA) + 0xff0 + pick(32);
        if (!strcmp(row->name, "enter")) {
            r.r[5] = BENCH_DATA + 0x1000;
        }
        if (is_undefined(&insn, &r))
            continue;
        check(&c, &r, row->name);
        ran[row - x86_rows] = true;
    }
}

static void each_row(gconstpointer data)
{
    uint32_t mode = GPOINTER_TO_UINT(data);
    failures = 0;
    for (unsigned map = 0; map < X86_MAPS; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            const struct x86_opcode_rows *cell = &x86_opcodes[map][opcode];
            for (unsigned i = 0; i < cell->n; i++)
                if (!is_left_to_programs(&x86_rows[cell->first + i]) &&
                    is_wanted(&x86_rows[cell->first + i]))
                    try_row(map, opcode, &x86_rows[cell->first + i], mode);
        }
    g_assert_cmpuint(failures, ==, 0);
}

/* Whatever is added to the tables is run, here or by programs. */
static void all_rows(void)
{
    g_assert_cmpuint(rows_print_missing(stderr, ran, false), ==, 0);
}

/* The stack must stay where it is. */
static bool touches_stack_pointer(const struct x86_insn *insn)
{
    for (unsigned i = 0; i < insn->nops; i++)
        if (insn->op[i].kind == X86_OPND_GPR && insn->op[i].reg == 4 && !insn->op[i].high)
            return true;
    return false;
}

/* Flags that are undefined after them, which what follows would look at, are the reference's, as
 * AMD's processors have them; and so are NaNs of dpps. */
static bool is_vague(const char *name)
{
    static const char *const vague[] = {
        "imul", "imul2", "imul3", "mul",   "shl",  "shr",  "sar",  "shld", "shrd",
        "rol",  "ror",   "rcl",   "rcr",   "bt",   "bts",  "btr",  "btc",  "bsf",
        "bsr",  "tzcnt", "lzcnt", "bextr", "bzhi", "blsi", "blsr", "andn", "blsmsk",
        "aaa",  "aas",   "aad",   "daa",   "das",  "dpps", NULL};
    return !is_amd && g_strv_contains(vague, name);
}

static bool add_random(struct code *c)
{
    unsigned map = pick(X86_MAPS), opcode = pick(256);
    const struct x86_opcode_rows *cell = &x86_opcodes[map][opcode];
    struct x86_insn insn;
    unsigned from = c->len;
    if (!cell->n)
        return false;
    const struct x86_row *row = &x86_rows[cell->first + pick(cell->n)];
    bool odd = is_stack(row) || saves_state(row->name) || is_string(row) || is_gather(row) ||
               !strcmp(row->name, "xlat") || strstr(row->name, "div") || !strcmp(row->name, "aam");
    /* Pointers to the last instruction may have been lost when they are stored. */
    odd = odd || is_vague(row->name) || is_transcendental(row->name) ||
          g_str_has_prefix(row->name, "maskmov") || !strcmp(row->name, "fnsave") ||
          !strcmp(row->name, "fnstenv");
    if (!odd && !is_left_to_programs(row) && put_insn(c, map, row, opcode, &insn) &&
        !touches_stack_pointer(&insn))
        return true;
    c->len = from;
    return false;
}

/* A jump over the next instruction, perhaps. */
static void add_skip(struct code *c)
{
    bool is_near = pick(2);
    unsigned what = pick(4), bytes = is_near && what != 1 ? (is_narrow(c->mode) ? 2 : 4) : 1;
    if (what == 0)
        put(c, is_near ? 0xe9 : 0xeb, 1);
    else if (what == 1) /* LOOPNE, LOOPE, LOOP, JCXZ; the counter may be the shorter one */
        put(c, (0xe0 + pick(4)) << 8 | 0x67, 2);
    else if (is_near)
        put(c, 0x0f | (0x80 + pick(16)) << 8, 2);
    else
        put(c, 0x70 + pick(16), 1);
    unsigned from = c->len;
    put(c, 0, bytes);
    while (!add_random(c))
        ;
    for (unsigned i = 0; i < bytes; i++)
        c->bytes[from + i] = (c->len - from - bytes) >> 8 * i;
}

/* To the next instruction by way of the stack. */
static void add_call(struct code *c)
{
    if (is_narrow(c->mode) || pick(2)) { /* call; pop */
        put(c, 0xe8, is_narrow(c->mode) ? 3 : 5);
        put(c, 0x58 | (pick(2) ? 0 : 3), 1);
        return;
    }
    put(c, 0x68, 1); /* push; ret */
    put(c, BENCH_CODE + c->len + 5, 4);
    put(c, 0xc3, 1);
}

static void add_any(struct code *c)
{
    unsigned what = pick(8);
    if (what == 0)
        add_skip(c);
    else if (what == 1)
        add_call(c);
    else
        while (!add_random(c))
            ;
}

static void streams(gconstpointer data)
{
    failures = 0;
    for (unsigned i = 0; i < STREAMS && failures < 10; i++) {
        struct code c = {.mode = GPOINTER_TO_UINT(data)};
        for (unsigned n = 0; n < STREAM; n++)
            add_any(&c);
        struct regs r = random_regs(&c);
        check(&c, &r, "stream");
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* An instruction with this name, or one that begins so. */
static void add_named(struct code *c, const char *prefix)
{
    struct x86_insn insn;
    for (unsigned from = c->len;; c->len = from) {
        unsigned map = pick(X86_MAPS), opcode = pick(256);
        const struct x86_opcode_rows *cell = &x86_opcodes[map][opcode];
        const struct x86_row *row = cell->n ? &x86_rows[cell->first + pick(cell->n)] : NULL;
        if (row && g_str_has_prefix(row->name, prefix) && !is_vague(row->name) &&
            put_insn(c, map, row, opcode, &insn) && !touches_stack_pointer(&insn))
            return;
    }
}

/* Several branches, which keep the flags, on what an instruction leaves in them. */
static void conditions(gconstpointer data)
{
    static const char *const producers[] = {"ucomis", "comis", "add", "sub", "cmp",
                                            "and",    "or",    "neg", "dec", "test"};
    failures = 0;
    for (unsigned i = 0; i < 1500 && failures < 10; i++) {
        struct code c = {.mode = GPOINTER_TO_UINT(data)};
        add_named(&c, producers[pick(3) ? pick(2) : pick(G_N_ELEMENTS(producers))]);
        for (unsigned n = 1 + pick(3); n; n--) {
            put(&c, (0x70 | pick(16)) | 2 << 8, 2); /* over MOV r8, imm8 */
            put(&c, (0xb0 | pick(4)) | pick(256) << 8, 2);
        }
        struct regs r = random_regs(&c);
        check(&c, &r, "conditions");
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* LEA with all forms of addresses, and all prefixes that bear on them. */
static void addresses(gconstpointer data)
{
    failures = 0;
    for (unsigned i = 0; i < 4000 && failures < 10; i++) {
        struct code c = {.mode = GPOINTER_TO_UINT(data)};
        struct x86_insn insn;
        bool is_64 = c.mode & X86_MODE_64;
        if (!pick(3))
            put(&c, 0x67, 1);
        if (!pick(4))
            put(&c, 0x66, 1);
        if (is_64 && pick(2))
            put(&c, 0x40 | pick(16), 1);
        put(&c, 0x8d, 1);
        put(&c, pick(0xc0), 1);
        put(&c, random64(), 6);
        memcpy((void *)(uintptr_t)BENCH_CODE, c.bytes, c.len);
        if (bench_decode(&insn, BENCH_CODE, c.mode) != X86_DECODED)
            g_error("LEA is not decoded");
        c.len = insn.len;
        struct regs r = random_regs(&c);
        check(&c, &r, "lea");
    }
    g_assert_cmpuint(failures, ==, 0);
}

/* Any bytes in any mode give IR that is well formed. */
static void any_bytes(void)
{
    static const uint32_t modes[] = {
        BENCH_MODE_64,
        BENCH_MODE_32,
        X86_MODE_NARROW,
        X86_MODE_NARROW | X86_MODE_IO | X86_MODE_TF,
        X86_MODE_NARROW | X86_MODE_VM | X86_MODE_PE | X86_MODE_CPL,
        X86_MODE_NARROW | X86_MODE_PE | X86_MODE_SMAP | X86_MODE_ONE,
        X86_MODE_NARROW | X86_MODE_PE | X86_MODE_CS32 | X86_MODE_SS32,
        X86_MODE_NARROW | X86_MODE_PE | X86_MODE_CS32 | X86_MODE_FLAT_CS | X86_MODE_SS32,
        X86_MODE_64 | X86_MODE_PE | X86_MODE_LMA | X86_MODE_AC | X86_MODE_CPL,
        X86_MODE_64 | X86_MODE_PE | X86_MODE_LMA | X86_MODE_TF | X86_MODE_TS,
    };
    uint64_t *code = (uint64_t *)(uintptr_t)BENCH_CODE;
    for (unsigned i = 0; i < 60000; i++) {
        code[0] = random64();
        code[1] = random64();
        if (pick(2))
            *(uint8_t *)code = 0x0f;
        bench_translate(benches[0], 1, modes[i % G_N_ELEMENTS(modes)]);
    }
}

/* Instructions on 256 bits have run as such, where the host has them all. */
static void were_wide(void)
{
    enum { ROWS_AT_LEAST = 100 };
    if (tcg_x86_64.takes_wide())
        g_assert_cmpuint(bench_wide_units(benches[0]) + bench_wide_units(benches[1]), >,
                         ROWS_AT_LEAST);
}

int main(int argc, char **argv)
{
    static const struct tcg_backend *const backends[] = {&tcg_interp, &tcg_x86_64};
    g_test_init(&argc, &argv, NULL);
    const char *s = getenv("SEED"), *why;
    if (s)
        seed = strtoull(s, NULL, 0) | 1;
    __builtin_cpu_init();
    is_amd = __builtin_cpu_is("amd");
    if (!native_init()) {
        g_printerr("no memory at the addresses that the test wants\n");
        return 77;
    }
    for (unsigned i = 0; i < 2; i++) {
        benches[i] = bench_new(backends[i], &why);
        if (!benches[i])
            g_error("%s: %s", names[i], why);
    }
    g_test_add_data_func("/x86/64/rows", GUINT_TO_POINTER(BENCH_MODE_64), each_row);
    g_test_add_data_func("/x86/64/streams", GUINT_TO_POINTER(BENCH_MODE_64), streams);
    g_test_add_data_func("/x86/64/addresses", GUINT_TO_POINTER(BENCH_MODE_64), addresses);
    g_test_add_data_func("/x86/64/conditions", GUINT_TO_POINTER(BENCH_MODE_64), conditions);
    g_test_add_func("/x86/any/bytes", any_bytes);
    if (native_has_32()) {
        g_test_add_data_func("/x86/32/rows", GUINT_TO_POINTER(BENCH_MODE_32), each_row);
        g_test_add_data_func("/x86/32/streams", GUINT_TO_POINTER(BENCH_MODE_32), streams);
        g_test_add_data_func("/x86/32/addresses", GUINT_TO_POINTER(BENCH_MODE_32), addresses);
        g_test_add_data_func("/x86/32/conditions", GUINT_TO_POINTER(BENCH_MODE_32), conditions);
    }
    if (native_has_16()) {
        g_test_add_data_func("/x86/16/rows", GUINT_TO_POINTER(BENCH_MODE_16), each_row);
        g_test_add_data_func("/x86/16/streams", GUINT_TO_POINTER(BENCH_MODE_16), streams);
        g_test_add_data_func("/x86/16/addresses", GUINT_TO_POINTER(BENCH_MODE_16), addresses);
        g_test_add_data_func("/x86/16/conditions", GUINT_TO_POINTER(BENCH_MODE_16), conditions);
    }
    if (native_has_32() && native_has_16())
        g_test_add_func("/x86/all/rows", all_rows);
    g_test_add_func("/x86/64/wide", were_wide);
    int code = g_test_run();
    for (unsigned i = 0; i < 2; i++)
        bench_free(benches[i]);
    return code;
}
