/* The IR's construction, its verifier, and what the parser says of mistakes. */
#include "tcg/ir_priv.h"
#include "tcg/text.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static const struct ir_slot slots[] = {
    {"a0", I64, 1, 0, 0},   {"a1", I64, 2, 0, 8},  {"w", I32, 0, 0, 16},
    {"fa0", F64, 1, 0, 24}, {"pc", I64, 0, 0, 32},
};
enum { A0, A1, W, FA0, PC };

static struct ir *new_ir(void)
{
    return ir_new(slots, G_N_ELEMENTS(slots));
}

static void assert_prints(const struct ir *ir, const char *wanted)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ir_print(ir, f);
    fclose(f);
    g_assert_cmpstr(text, ==, wanted);
    free(text);
}

static void test_equal_constants_are_one(void)
{
    struct ir *ir = new_ir();
    ir_val a = ir_const(ir, I64, 5), b = ir_const(ir, I64, 5), c = ir_const(ir, I32, 5);
    g_assert_cmpuint(a.id, ==, b.id);
    g_assert_cmpuint(a.id, !=, c.id);
    g_assert_cmpint(ir_type_of(ir, c), ==, I32);
    ir_free(ir);
}

/* A 32-bit constant is its low half, however it was written. */
static void test_narrow_constants_are_truncated(void)
{
    struct ir *ir = new_ir();
    uint64_t v;
    g_assert_true(ir_is_const(ir, ir_const(ir, I32, UINT64_MAX), &v));
    g_assert_cmphex(v, ==, 0xffffffff);
    ir_free(ir);
}

static void test_printing_names_slots_and_types(void)
{
    struct ir *ir = new_ir();
    ir_insn(ir, 0x80000000, 0x13);
    ir_val sum = ir_add(ir, ir_get(ir, A0), ir_const(ir, I64, 5));
    ir_set(ir, A1, sum);
    ir_st(ir, sum, ir_const(ir, I32, 7), MO_16 | MO_BE | 1 << MO_IDX_SHIFT);
    ir_exit_if(ir, sum, ir_const(ir, I64, 0), IR_LT, 0x80000010);
    ir_exit_jump(ir, 0x80000004, 0, IR_HINT_NONE);
    g_assert_null(ir_verify(ir));
    assert_prints(ir, "  insn 0x80000000, 0x13\n"
                      "  %1 = get a0\n"
                      "  %2 = add.i64 %1, 5\n"
                      "  set a1, %2\n"
                      "  st.i32 %2, 7, u16+be+idx1\n"
                      "  exit_if.i64 %2, 0, lt, 0x80000010\n"
                      "  exit_jump 0x80000004\n");
    ir_free(ir);
}

/* Translators need not look whether a constant condition ended the block under them. */
static void test_after_the_end_nothing_is_built(void)
{
    struct ir *ir = new_ir();
    ir_val one = ir_const(ir, I64, 1);
    ir_exit_if(ir, one, one, IR_EQ, 0x1000);
    unsigned n = ir->nops;
    ir_val v = ir_add(ir, ir_get(ir, A0), one);
    g_assert_cmpint(ir_type_of(ir, v), ==, I64);
    ir_set(ir, A0, v);
    ir_exit_main(ir, 0);
    g_assert_cmpuint(ir->nops, ==, n);
    g_assert_null(ir_verify(ir));
    ir_free(ir);
}

static void test_full_leaves_room_for_an_instruction(void)
{
    struct ir *ir = new_ir();
    for (uint64_t i = 0; !ir_full(ir); i++)
        ir_set(ir, A0, ir_add(ir, ir_get(ir, A0), ir_get(ir, A1)));
    for (unsigned i = 0; i < 100; i++)
        ir_st(ir, ir_get(ir, A0), ir_const(ir, I64, 1000 + i), MO_64);
    ir_exit_main(ir, 0);
    g_assert_null(ir_verify(ir));
    ir_begin(ir);
    g_assert_false(ir_full(ir));
    ir_free(ir);
}

static void test_constants_fill_the_arena_too(void)
{
    struct ir *ir = new_ir();
    uint64_t n = 0;
    while (!ir_full(ir))
        ir_const(ir, I64, n++);
    g_assert_cmpuint(n, >, 1000);
    g_assert_cmpuint(n, <, IR_MAX_CONSTS);
    ir_free(ir);
}

static void test_use_counts_follow_removal(void)
{
    struct ir *ir = new_ir();
    ir_val a = ir_get(ir, A0), sum = ir_add(ir, a, ir_get(ir, A1));
    ir_mul(ir, sum, sum);
    ir_exit_main(ir, 0);
    g_assert_cmpuint(ir->ops[sum.id].uses, ==, 2);
    ir_remove_dead(ir);
    g_assert_cmpuint(ir->ops[a.id].opc, ==, OP_nop);
    g_assert_null(ir_verify(ir));
    ir_free(ir);
}

/* Break a good unit in one place; the verifier must say so. */
static void breaks(void (*how)(struct ir *ir), const char *said)
{
    struct ir *ir = new_ir();
    ir_val a = ir_get(ir, A0), b = ir_add(ir, a, ir_get(ir, A1)); /* 0 1 2 */
    ir_set(ir, A0, b);                                            /* 3 */
    ir_val c = ir_ld(ir, I64, b, MO_32 | MO_SIGN);                /* 4 */
    ir_set(ir, A1, ir_extract(ir, c, 4 | 8 << 8));                /* 5 6 */
    ir_exit_main(ir, 0);                                          /* 7 */
    g_assert_null(ir_verify(ir));
    how(ir);
    const char *wrong = ir_verify(ir);
    g_assert_nonnull(wrong);
    if (!strstr(wrong, said))
        g_error("\"%s\" does not say \"%s\"", wrong, said);
    ir_free(ir);
}

static void break_order(struct ir *ir)
{
    ir->ops[2].arg[0].id = 4;
}
static void break_type(struct ir *ir)
{
    ir->ops[2].type = I32;
}
static void break_uses(struct ir *ir)
{
    ir->ops[2].uses++;
}
static void break_end(struct ir *ir)
{
    ir->ops[7].opc = OP_nop;
}
static void break_middle(struct ir *ir)
{
    ir->ops[3].opc = OP_exit_lookup;
    ir->ops[3].arg[0] = IR_NONE;
}
static void break_memop(struct ir *ir)
{
    ir->ops[4].attr = MO_128;
}
static void break_field(struct ir *ir)
{
    ir->ops[5].attr = 60 | 8 << 8;
}
static void break_slot(struct ir *ir)
{
    ir->ops[3].attr = 77;
}
static void break_slot_type(struct ir *ir)
{
    ir->ops[3].attr = W;
}
static void break_missing(struct ir *ir)
{
    ir->ops[2].arg[1] = IR_NONE;
}

static void test_verifier_finds_breakage(void)
{
    breaks(break_order, "not defined before it");
    breaks(break_type, "type");
    breaks(break_uses, "uses counted");
    breaks(break_end, "does not end with");
    breaks(break_middle, "ops follow it");
    breaks(break_memop, "memop");
    breaks(break_field, "field of 8 bits at 60");
    breaks(break_slot, "no slot 77");
    breaks(break_slot_type, "slot w");
    breaks(break_missing, "missing");
}

static void complains(const char *text, const char *said)
{
    struct ir *ir = new_ir();
    struct error *err = NULL;
    g_assert_false(ir_parse(ir, text, NULL, &err));
    if (!strstr(error_text(err), said))
        g_error("\"%s\": \"%s\" does not say \"%s\"", text, error_text(err), said);
    error_free(err);
    ir_free(ir);
}

static void test_parser_says_what_and_where(void)
{
    complains("ad %1", "line 1: unknown op 'ad' (nearest is 'add')");
    complains("%1 = get a0\n%2 = add.i64 %1, %9\n", "line 2: %9 is not defined");
    complains("%1 = get a7", "unknown slot 'a7'");
    complains("%1 = get a0\n%2 = ld.i64 %1, u33", "unknown attribute 'u33' (nearest is 'u32')");
    complains("%1 = get a0\n%2 = add.i32 %1, 1", "argument 1 of add has type i64, wanted i32");
    complains("%1 = get a0\n%2 = setcond.i64 %1, 1, flt", "cannot compare by 'flt'");
    complains("%1 = get a0\n%2 = ld %1, u8", "needs a type");
    complains("%1 = get a0\n%2 = extract.i64 %1, 60, 8", "no field of 8 bits at 60");
    complains("%1 = exit_main 0", "has no result");
    complains("exit_main 0 junk", "junk after the op: junk");
    complains("%5000 = get a0", "numbers end at 4095");
    complains("br b200", "wanted a block");
    complains("br b3", "never begun");
    complains("block b1", "has not ended");
    complains("%1 = call nothing()", "unknown helper 'nothing'");
    complains("set a0, 1", "does not end with");
    complains("", "is empty");
    complains("%", "wanted a number");
    complains("set a0, 1:f99", "unknown type 'f99'");
}

/* Text that grows without end must not overrun the arena. */
static void test_parser_stops_when_the_unit_is_too_large(void)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < 10000; i++)
        g_string_append_printf(text, "fence rr ; set a0, %u\n", i);
    complains(text->str, "too large");
    g_string_truncate(text, 0);
    for (unsigned i = 0; i < 10000; i++)
        g_string_append_printf(text, "fence rr\n");
    complains(text->str, "too large");
    g_string_free(text, TRUE);
}

/* Any bytes: an answer, no crash. */
static void test_parser_survives_damage(void)
{
    static const char good[] =
        "insn 0x1000, 0 ; %1 = get a0 ; %2 = ld.i64 %1, s32+idx1 ; %3 = extract.i64 %2, 3, 5\n"
        "set a1, %3 ; %4 = get fa0 ; %5 = fadd.f64 %4, 1.5, nan_default ; set fa0, %5\n"
        "brcond.i64 %2, 0, lt, b1, b2\nblock b1 ; exit_jump 0x80, 0x84, call\n"
        "block b2 ; exit_main 3\n";
    struct ir *ir = new_ir();
    GRand *r = g_rand_new_with_seed(1);
    for (unsigned i = 0; i < 20000; i++) {
        char text[sizeof(good)];
        memcpy(text, good, sizeof(good));
        for (int n = g_rand_int_range(r, 1, 5); n > 0; n--)
            text[g_rand_int_range(r, 0, sizeof(good) - 1)] =
                " ;\n%=.,:0159abdefgilnrsux+-#()"[g_rand_int_range(r, 0, 31)];
        struct error *err = NULL;
        if (ir_parse(ir, text, &(struct ir_parse_opts){.no_fold = i & 1}, &err))
            g_assert_null(ir_verify(ir));
        else
            g_assert_nonnull(err);
        error_free(err);
    }
    g_rand_free(r);
    ir_free(ir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ir/constants", test_equal_constants_are_one);
    g_test_add_func("/ir/narrow-constants", test_narrow_constants_are_truncated);
    g_test_add_func("/ir/print", test_printing_names_slots_and_types);
    g_test_add_func("/ir/after-the-end", test_after_the_end_nothing_is_built);
    g_test_add_func("/ir/full", test_full_leaves_room_for_an_instruction);
    g_test_add_func("/ir/full-of-constants", test_constants_fill_the_arena_too);
    g_test_add_func("/ir/uses", test_use_counts_follow_removal);
    g_test_add_func("/ir/verify", test_verifier_finds_breakage);
    g_test_add_func("/ir/parse-errors", test_parser_says_what_and_where);
    g_test_add_func("/ir/parse-limits", test_parser_stops_when_the_unit_is_too_large);
    g_test_add_func("/ir/parse-damage", test_parser_survives_damage);
    return g_test_run();
}
