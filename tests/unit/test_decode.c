/*
 * RISC-V decoding and translation to IR: every 16-bit word, every row of the tables, and many
 * random 32-bit words give well-formed IR, or an illegal instruction.  With --fuzz SECONDS it goes
 * on with random units of random words.
 */
#include "target/riscv/trans.h"
#include "util/annot.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define ALL_EXT (~UINT64_C(0) & ~(UINT64_C(1) << EXT_E))

static const struct config {
    const char *name;
    uint64_t ext;
    uint32_t mode;
} configs[] = {
    {"rv64, everything", ALL_EXT, PRV_M | 2 << RV_MODE_FS_SHIFT},
    {"rv32, everything", ALL_EXT, PRV_M | 2 << RV_MODE_FS_SHIFT | RV_MODE_RV32},
    {"rv64, clean FP state, rmm", ALL_EXT, PRV_S | 1 << RV_MODE_FS_SHIFT | 4 << RV_MODE_FRM_SHIFT},
    {"rv64, no FP, user", ALL_EXT, PRV_U | 7 << RV_MODE_FRM_SHIFT},
    {"rv32, round down", ALL_EXT,
     PRV_S | 2 << RV_MODE_FS_SHIFT | 2 << RV_MODE_FRM_SHIFT | RV_MODE_RV32},
    {"rv64i", UINT64_C(1) << EXT_I, PRV_M},
    {"rv32e", UINT64_C(1) << EXT_E | UINT64_C(1) << EXT_ZCA, PRV_M | RV_MODE_RV32},
};

struct fixture {
    struct ir *ir;
    struct rv_cpu cpu;
    struct dis d;
};

static void begin(struct fixture *t, const struct config *c, uint64_t pc)
{
    t->cpu.ext = c->ext;
    ir_begin(t->ir);
    dis_init(&t->d, t->ir, &t->cpu, pc, c->mode);
}

static void end(struct fixture *t, const struct config *c, uint32_t word)
{
    if (!t->d.ended)
        end_jump(&t->d, t->d.pc);
    const char *why = ir_verify(t->ir);
    if (!why)
        return;
    ir_print(t->ir, stderr);
    g_error("%s: %#x: %s", c->name, word, why);
}

static void translate_one(struct fixture *t, const struct config *c, uint32_t word)
{
    begin(t, c, UINT64_C(0x80000000) + (word >> 7 & 0xffe));
    dis_insn(&t->d, word, (word & 3) == 3 ? 4 : 2);
    end(t, c, word);
}

static void test_every_compressed_word(struct fixture *t, gconstpointer data UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
        for (uint32_t word = 0; word < 0x10000; word++)
            if ((word & 3) != 3)
                translate_one(t, &configs[i], word);
}

static void test_random_words(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(1);
    for (int n = 0; n < 2000000; n++)
        translate_one(t, &configs[n % ARRAY_SIZE(configs)], g_rand_int(rng) | 3);
    g_rand_free(rng);
}

/* Whether the decoder knows the word under a configuration. */
static bool known(struct fixture *t, const struct config *c, uint32_t word)
{
    begin(t, c, 0x80000000);
    t->d.len = 4;
    t->d.next = t->d.pc + 4;
    return rv_decode32(&t->d, word);
}

/* rm = 5 and 6 are reserved: make rm fields RNE. */
static uint32_t valid_word(unsigned row, uint32_t bits)
{
    uint32_t word = rv_decode32_random(row, bits);
    return rv_decode32_rows[row].mask >> 12 & 7 ? word : word & ~0x7000u;
}

static bool is_rv32_row(unsigned row)
{
    return strstr(rv_decode32_rows[row].conds, "xlen=32");
}

static void test_every_row_is_reached(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(2);
    for (unsigned row = 0; row < RV_DECODE32_ROWS; row++)
        for (int n = 0; n < 1000; n++) {
            uint32_t word = valid_word(row, g_rand_int(rng));
            if (!known(t, &configs[is_rv32_row(row)], word))
                g_error("%s: %#x is illegal", rv_decode32_rows[row].name, word);
        }
    g_rand_free(rng);
}

/* Rows that name an extension, by a condition other than width and privilege, are illegal without
 * it. */
static void test_rows_need_their_extension(struct fixture *t, gconstpointer data UNUSED)
{
    static const struct config none[2] = {
        {"no extensions", 0, PRV_M | 2 << RV_MODE_FS_SHIFT},
        {"no extensions", 0, PRV_M | 2 << RV_MODE_FS_SHIFT | RV_MODE_RV32}};
    for (unsigned row = 0; row < RV_DECODE32_ROWS; row++) {
        g_auto(GStrv) conds = g_strsplit(rv_decode32_rows[row].conds, " ", 0);
        for (char **c = conds; *c; c++)
            if (**c && !g_str_has_prefix(*c, "xlen") && !g_str_has_prefix(*c, "priv"))
                g_assert_false(known(t, &none[is_rv32_row(row)], valid_word(row, 0)));
    }
}

static void test_reserved_words_are_illegal(struct fixture *t, gconstpointer data UNUSED)
{
    static const uint32_t words[] = {
        0xffffffff,           0x0000001f, 0x0000007f, /* longer encodings */
        0x00007063 - 0x5000,                          /* branch, funct3 = 2 */
        0x00007003,                                   /* load, funct3 = 7 */
        0x00004023,                                   /* store, funct3 = 4 */
        0x0000105b,                                   /* custom-2 */
        0x00005053 | 0x7000,  /* fadd.s, rm checked below: this is dynamic */
        0x10100073 | 1 << 7,  /* uret-like with rd */
        0x00200073,           /* uret */
        0x30200073 | 1 << 15, /* mret, rs1 != 0 */
        0x02001013,           /* slli with bit 25 set on RV32 */
        0x1000202f | 1 << 20, /* lr.w, rs2 != 0 */
        0x4200705b,
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        bool want = words[i] == (0x00005053 | 0x7000);
        if (known(t, &configs[1], words[i]) != want)
            g_error("%#x is %s", words[i], want ? "illegal" : "known");
    }
    g_assert_false(known(t, &configs[0], 0x00005053)); /* fadd.s with rm = 5 */
    g_assert_false(known(t, &configs[0], 0x00006053));
    g_assert_false(known(t, &configs[3], 0x00007053)); /* FP off */
    g_assert_false(known(t, &configs[3], 0x30200073)); /* mret in U-mode */
}

static void test_rve_has_sixteen_registers(struct fixture *t, gconstpointer data UNUSED)
{
    static const struct {
        uint32_t word;
        bool ok;
    } cases[] = {
        {0x00b50533, true},  /* add a0, a0, a1 */
        {0x00b50833, false}, /* add a6, a0, a1 */
        {0x00b80533, false}, /* add a0, a6, a1 */
        {0x01050533, false}, /* add a0, a0, a6 */
        {0x01f00513, true},  /* li a0, 31: no register there */
        {0x340fd073, true},  /* csrwi mscratch, 31 */
        {0x34081073, false}, /* csrw mscratch, a6 */
        {0x0087a823, true},  /* sw s0, 16(a5): 16 is not a register */
        {0x87c2, false},     /* c.mv a5, a6 */
        {0x87aa, true},      /* c.mv a5, a0 */
        {0xc842, false},     /* c.swsp a6, 16(sp) */
    };
    static const struct config rve = {
        "rv32e", UINT64_C(1) << EXT_E | UINT64_C(1) << EXT_ZCA | UINT64_C(1) << EXT_ZICSR,
        PRV_M | RV_MODE_RV32};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(t, &rve, 0x80000000);
        dis_insn(&t->d, cases[i].word, (cases[i].word & 3) == 3 ? 4 : 2);
        g_autofree char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        ir_print(t->ir, f);
        fclose(f);
        bool raised = strstr(text, "raise_illegal");
        if (raised == cases[i].ok)
            g_error("%#x: %s", cases[i].word, text);
    }
}

static void test_disassembly(struct fixture *t, gconstpointer data UNUSED)
{
    static const struct {
        uint32_t word;
        const char *text;
    } cases[] = {
        {0x00b50533, "add         a0, a0, a1"},
        {0xff810113, "addi        sp, sp, -8"},
        {0x12345537, "lui         a0, 0x12345"},
        {0x0087a823, "sw          s0, 16(a5)"},
        {0xfe000ee3, "beq         zero, zero, 0x7ffffffc"},
        {0x00009117, "auipc       sp, 0x9"},
        {0x300022f3, "csrrs       t0, 0x300, zero"},
        {0x1605252f, "lr.w.aqrl   a0, (a0)"},
        {0x02c5f553, "fadd.d      fa0, fa1, fa2, dyn"},
        {0xc0259553, "fcvt.l.s    a0, fa1, rtz"},
        {0x00053507, "fld         fa0, 0(a0)"},
        {0x2505, "addiw       a0, a0, 1"},
        {0x6105, "addi        sp, sp, 32"},
        {0x8082, "jalr        zero, 0(ra)"},
        {0x0000, ".half       0x0000"},
        {0xffffffff, ".word       0xffffffff"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        t->cpu.xlen = 64;
        rv_disas(&t->cpu.cpu, f, 0x80000000, (const uint8_t *)&cases[i].word, 4);
        fclose(f);
        if (!strstr(text, cases[i].text))
            g_error("%#x: want %s, got %s", cases[i].word, cases[i].text, text);
    }
}

/* Units of up to 64 words, as rv_translate() makes them. */
static void fuzz_unit(struct fixture *t, GRand *rng, const struct config *c)
{
    uint32_t word = 0;
    begin(t, c, UINT64_C(0x80000000) + (g_rand_int(rng) & 0xffc));
    for (int n = 0; n < 64 && !t->d.ended && !ir_full(t->ir); n++) {
        bool is_short = g_rand_boolean(rng);
        word = is_short ? rvc_decode16_random(g_rand_int(rng), g_rand_int(rng))
                        : valid_word(g_rand_int(rng) % RV_DECODE32_ROWS, g_rand_int(rng));
        dis_insn(&t->d, word, is_short ? 2 : 4);
    }
    end(t, c, word);
}

static void test_random_units(struct fixture *t, gconstpointer data)
{
    GRand *rng = g_rand_new_with_seed(3);
    gint64 stop = g_get_monotonic_time() + *(const int *)data * G_USEC_PER_SEC;
    for (unsigned n = 0; n < 50000 || g_get_monotonic_time() < stop; n++)
        fuzz_unit(t, rng, &configs[n % ARRAY_SIZE(configs)]);
    g_rand_free(rng);
}

static void set_up(struct fixture *t, gconstpointer data UNUSED)
{
    t->ir = ir_new(rv_slots, RV_SLOTS);
}

static void tear_down(struct fixture *t, gconstpointer data UNUSED)
{
    ir_free(t->ir);
}

#define ADD(path, fn)                                                                              \
    g_test_add("/riscv/decode/" path, struct fixture, &fuzz_seconds, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    static int fuzz_seconds;
    g_test_init(&argc, &argv, NULL);
    if (argc == 3 && !strcmp(argv[1], "--fuzz"))
        fuzz_seconds = atoi(argv[2]);
    ADD("every-compressed-word", test_every_compressed_word);
    ADD("random-words", test_random_words);
    ADD("every-row-is-reached", test_every_row_is_reached);
    ADD("rows-need-their-extension", test_rows_need_their_extension);
    ADD("reserved-words-are-illegal", test_reserved_words_are_illegal);
    ADD("rve-has-sixteen-registers", test_rve_has_sixteen_registers);
    ADD("disassembly", test_disassembly);
    ADD("random-units", test_random_units);
    return g_test_run();
}
