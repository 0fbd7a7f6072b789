/*
 * A64 decoding and translation to IR: every row of the tables and many random words give
 * well-formed IR, or an undefined instruction; rows of an extension are undefined without it.
 */
#include "target/arm/a64.h"
#include "util/annot.h"

#include <glib.h>
#include <string.h>

static const struct config {
    const char *name;
    uint64_t features;
    uint32_t mode;
} configs[] = {
    {"everything, EL1", ~UINT64_C(0), 1 | ARM_IDX_EL10_1 << ARM_MODE_IDX_SHIFT | ARM_MODE_SA},
    {"everything, EL0", ~UINT64_C(0), ARM_MODE_SA | ARM_MODE_TBI | ARM_MODE_PAUTH},
    {"everything, big endian, aligned", ~UINT64_C(0), 1 | ARM_MODE_BE | ARM_MODE_ALIGN},
    {"everything, EL2, FZ, DN", ~UINT64_C(0),
     2 | ARM_IDX_EL2 << ARM_MODE_IDX_SHIFT | ARM_MODE_FZ | ARM_MODE_DN | ARM_MODE_FZ16 |
         ARM_MODE_TBI | ARM_MODE_TBI1 | ARM_MODE_TRAPS},
    {"everything, FP traps", ~UINT64_C(0), ARM_MODE_UNPRIV | 1 | 1 << ARM_MODE_FP_SHIFT},
    {"Armv8.0", UINT64_C(1) << ARM_F_AARCH64 | UINT64_C(1) << ARM_F_VFP, 1},
};

static const struct table {
    const char *name;
    const struct a64_decode_row *rows;
    unsigned n;
    uint32_t (*random)(unsigned row, uint32_t bits);
    bool (*decode)(struct dis *d, uint32_t insn);
} tables[] = {
    {"dp", a64_dp_rows, A64_DP_ROWS, a64_dp_random, a64_dp},
    {"branch", a64_branch_rows, A64_BRANCH_ROWS, a64_branch_random, a64_branch},
    {"sys", a64_sys_rows, A64_SYS_ROWS, a64_sys_random, a64_sys},
    {"mem", a64_mem_rows, A64_MEM_ROWS, a64_mem_random, a64_mem},
    {"simd", a64_simd_rows, A64_SIMD_ROWS, a64_simd_random, a64_simd},
};

struct fixture {
    struct ir *ir;
    struct arm_cpu cpu;
    struct dis d;
};

static void begin(struct fixture *t, const struct config *c, uint64_t pc)
{
    t->cpu.features[0] = c->features;
    t->cpu.features[1] = c->features == ~UINT64_C(0) ? c->features : 0;
    ir_begin(t->ir);
    arm_dis_init(&t->d, t->ir, &t->cpu, pc, c->mode);
}

static void end(struct fixture *t, const struct config *c, uint32_t word)
{
    if (!t->d.ended)
        end_jump(&t->d, t->d.pc);
    arm_dis_end(&t->d);
    const char *why = ir_verify(t->ir);
    if (!why)
        return;
    ir_print(t->ir, stderr);
    g_error("%s: %#x: %s", c->name, word, why);
}

static void translate_one(struct fixture *t, const struct config *c, uint32_t word)
{
    begin(t, c, UINT64_C(0x40000000) + (word >> 3 & 0xffc));
    arm_dis_a64(&t->d, word);
    end(t, c, word);
}

static void test_random_words(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(1);
    for (int n = 0; n < 1000000; n++)
        translate_one(t, &configs[n % ARRAY_SIZE(configs)], g_rand_int(rng));
    g_rand_free(rng);
}

static void test_random_words_of_rows(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(2);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (unsigned row = 0; row < tables[i].n; row++)
            for (unsigned n = 0; n < 60 * ARRAY_SIZE(configs); n++)
                translate_one(t, &configs[n % ARRAY_SIZE(configs)],
                              tables[i].random(row, g_rand_int(rng)));
    g_rand_free(rng);
}

/* An instruction and another after it share what is known about flags and the stack pointer. */
static void test_units_of_random_words(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(3);
    for (unsigned n = 0; n < 20000; n++) {
        const struct config *c = &configs[n % ARRAY_SIZE(configs)];
        uint32_t word = 0;
        begin(t, c, 0x40000000);
        for (unsigned k = 0; k < 12 && !t->d.ended && t->d.nlate < ARM_LATE - 2; k++) {
            const struct table *table = &tables[g_rand_int_range(rng, 0, ARRAY_SIZE(tables))];
            if (!table->n)
                continue;
            word =
                table->random((unsigned)g_rand_int_range(rng, 0, (int)table->n), g_rand_int(rng));
            arm_dis_a64(&t->d, word);
        }
        end(t, c, word);
    }
    g_rand_free(rng);
}

static bool known(struct fixture *t, const struct config *c, const struct table *table,
                  uint32_t word)
{
    begin(t, c, 0x40000000);
    t->d.insn = word;
    t->d.len = 4;
    t->d.next = t->d.pc + 4;
    ir_insn(t->ir, t->d.pc, word);
    return table->decode(&t->d, word);
}

static void test_every_row_is_reached(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(4);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (unsigned row = 0; row < tables[i].n; row++) {
            bool reached = false;
            for (int n = 0; n < 2000 && !reached; n++)
                reached = known(t, &configs[0], &tables[i], tables[i].random(row, g_rand_int(rng)));
            if (!reached)
                g_error("%s: no word of row %u, %s, is defined", tables[i].name, row,
                        tables[i].rows[row].name);
        }
    g_rand_free(rng);
}

/* Conditions of rows name extensions, but for those that processors have of old. */
static void test_rows_need_their_extension(struct fixture *t, gconstpointer data UNUSED)
{
    GRand *rng = g_rand_new_with_seed(5);
    const struct config *old = &configs[ARRAY_SIZE(configs) - 1];
    static const char *const of_old[] = {"", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (unsigned row = 0; row < tables[i].n; row++) {
            const char *conds = tables[i].rows[row].conds;
            if (g_strv_contains(of_old, conds) || strpbrk(conds, "|=> "))
                continue;
            uint32_t word = tables[i].random(row, g_rand_int(rng));
            if (known(t, old, &tables[i], word))
                g_error("%s: %#x is defined without %s", tables[i].rows[row].name, word, conds);
        }
    g_rand_free(rng);
}

static void set_up(struct fixture *t, gconstpointer data UNUSED)
{
    t->ir = ir_new(arm_slots, ARM_SLOTS);
}

static void tear_down(struct fixture *t, gconstpointer data UNUSED)
{
    ir_free(t->ir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, fn) g_test_add("/a64/" name, struct fixture, NULL, set_up, fn, tear_down)
    TEST("random-words", test_random_words);
    TEST("random-words-of-rows", test_random_words_of_rows);
    TEST("units-of-random-words", test_units_of_random_words);
    TEST("every-row-is-reached", test_every_row_is_reached);
    TEST("rows-need-their-extension", test_rows_need_their_extension);
    return g_test_run();
}
