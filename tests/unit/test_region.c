/*
 * Regions in the back end: random loops whose slots change registers at the entry and on the ways
 * out, with late sets in all forms.  The interpreter runs the same loops without any of that.
 */
#include "tcg/ir_priv.h"
#include "tcg/region.h"
#include "tests/tcg/bench.h"

#include <glib.h>
#include <string.h>

enum { LOOPS = 4000, MAX_VALUES = 40, MXCSR_DE = 2 };
/* Roles of a slot in a loop: it keeps what it has, is carried from turn to turn, or is set late. */
enum role { KEPT, CARRIED, LATE };

struct maker {
    struct ir *ir;
    GRand *rng;
    bool region; /* late sets; NaNs that only those see are made canonical there */
    enum role role[BENCH_SLOTS];
    ir_val i64[MAX_VALUES], f64[MAX_VALUES];
    unsigned ni64, nf64;
};

static unsigned pick(struct maker *m, unsigned n)
{
    return g_rand_int_range(m->rng, 0, n);
}

/* --- values --- */
static void keep_int(struct maker *m, ir_val v)
{
    m->i64[m->ni64 < MAX_VALUES ? m->ni64++ : pick(m, MAX_VALUES)] = v;
}

static void keep_double(struct maker *m, ir_val v)
{
    m->f64[m->nf64 < MAX_VALUES ? m->nf64++ : pick(m, MAX_VALUES)] = v;
}

static ir_val any_int(struct maker *m)
{
    if (!pick(m, 6))
        return ir_const(m->ir, I64, pick(m, 2) ? pick(m, 100) : UINT64_C(0x123456789abcdef));
    return m->i64[pick(m, m->ni64)];
}

static ir_val any_double(struct maker *m)
{
    return m->f64[pick(m, m->nf64)];
}

static ir_val any_single(struct maker *m)
{
    return ir_unbox32(m->ir, any_double(m));
}

static void get_slots(struct maker *m)
{
    for (unsigned i = 0; i < BENCH_X; i++)
        if (m->role[bench_slot(I64, i)] != LATE)
            keep_int(m, ir_get(m->ir, bench_slot(I64, i)));
    for (unsigned i = 0; i < BENCH_D; i++)
        if (m->role[bench_slot(F64, i)] != LATE)
            keep_double(m, ir_get(m->ir, bench_slot(F64, i)));
}

static void make_values(struct maker *m, unsigned n)
{
    struct ir *ir = m->ir;
    for (; n; n--) {
        switch (pick(m, 7)) {
        case 0: keep_int(m, ir_add(ir, any_int(m), any_int(m))); break;
        case 1: keep_int(m, ir_xor(ir, any_int(m), any_int(m))); break;
        case 2: keep_int(m, ir_mul(ir, any_int(m), any_int(m))); break;
        case 3: keep_int(m, ir_sext32(ir, ir_trunc(ir, any_int(m)))); break;
        case 4: keep_double(m, ir_fadd(ir, any_double(m), any_double(m), IR_NAN_DEFAULT)); break;
        case 5: keep_double(m, ir_fmul(ir, any_double(m), any_double(m), IR_NAN_DEFAULT)); break;
        default:
            keep_double(m, ir_box32(ir, ir_fmul(ir, any_single(m), any_single(m), IR_NAN_DEFAULT)));
        }
    }
}

static void set_carried(struct maker *m)
{
    for (unsigned i = 1; i < BENCH_X; i++)
        if (m->role[bench_slot(I64, i)] == CARRIED && pick(m, 2))
            ir_set(m->ir, bench_slot(I64, i), any_int(m));
    for (unsigned i = 0; i < BENCH_D; i++)
        if (m->role[bench_slot(F64, i)] == CARRIED && pick(m, 2))
            ir_set(m->ir, bench_slot(F64, i), any_double(m));
}

/* --- late sets --- */
static void set_late(struct maker *m, unsigned slot, ir_val v, uint64_t how)
{
    ir_set(m->ir, slot, v);
    if (m->region)
        m->ir->ops[m->ir->nops - 1].imm = IR_LATE | how;
}

static void late_int(struct maker *m, unsigned slot)
{
    ir_val v = any_int(m);
    if (!pick(m, 4))
        v = ir_const(m->ir, I64, pick(m, 2) ? 5 : UINT64_C(0xfedcba9876543210));
    else if (!pick(m, 2))
        v = ir_sext32(m->ir, ir_trunc(m->ir, v));
    set_late(m, slot, v, 0);
}

/* Some flags of a value, on top of others; a is I64 for size 3, else I32. */
static ir_val some_flags(struct maker *m, ir_val a, ir_val base, uint32_t size)
{
    struct ir *ir = m->ir;
    switch (pick(m, 8)) {
    case 0: return ir_eflags_inc(ir, a, base, size);
    case 1: return ir_eflags_dec(ir, a, base, size);
    case 2: return ir_eflags_rotl(ir, a, base, size);
    case 3: return ir_eflags_rotr(ir, a, base, size);
    case 4: return ir_eflags_bit(ir, a, base, size);
    case 5: return ir_eflags_wide(ir, a, base, size);
    case 6: return ir_eflags_shr(ir, a, a, base, size);
    default: return ir_eflags_imul(ir, a, a, base, size);
    }
}

/* Flags of some operation on two values, or on a value and a constant. */
static ir_val any_flags(struct maker *m)
{
    struct ir *ir = m->ir;
    ir_val a = any_int(m), b = pick(m, 3) ? any_int(m) : ir_const(ir, I64, pick(m, 1000) - 200);
    uint32_t size = pick(m, 4);
    if (size < 3) {
        a = ir_trunc(ir, a);
        b = ir_trunc(ir, b);
    }
    switch (pick(m, 9)) {
    case 7: return some_flags(m, a, ir_trunc(ir, any_int(m)), size);
    case 8: return some_flags(m, a, ir_eflags_sub(ir, a, b, size), size);
    case 0: return ir_flags_sub(ir, a, b);
    case 1: return ir_flags_add(ir, a, b);
    case 2: return ir_eflags_sub(ir, a, b, size);
    case 3: return ir_eflags_add(ir, a, b, size);
    case 4: return ir_eflags_sum(ir, a, b, size);
    case 5: return ir_eflags_diff(ir, a, b, size);
    default: return ir_eflags_logic(ir, a, size);
    }
}

static void late_double(struct maker *m, unsigned slot)
{
    struct ir *ir = m->ir;
    uint32_t nan = m->region ? IR_NAN_X86 : IR_NAN_DEFAULT;
    switch (pick(m, 4)) {
    case 0: set_late(m, slot, any_double(m), 0); break;
    case 1: set_late(m, slot, ir_box32(ir, any_single(m)), 0); break;
    case 2: set_late(m, slot, ir_fadd(ir, any_double(m), any_double(m), nan), IR_LATE_CANON); break;
    default: {
        ir_val sum = ir_fadd(ir, any_single(m), any_single(m), nan);
        set_late(m, slot, ir_box32(ir, sum), IR_LATE_CANON);
    }
    }
}

static void set_all_late(struct maker *m)
{
    for (unsigned i = 0; i < BENCH_X; i++)
        if (m->role[bench_slot(I64, i)] == LATE)
            late_int(m, bench_slot(I64, i));
    for (unsigned i = 0; i < BENCH_D; i++)
        if (m->role[bench_slot(F64, i)] == LATE)
            late_double(m, bench_slot(F64, i));
    for (unsigned i = 0; i < BENCH_W; i++)
        if (m->role[bench_slot(I32, i)] == LATE)
            set_late(m, bench_slot(I32, i), any_flags(m), 0);
}

/* --- a loop --- */
static void choose_roles(struct maker *m)
{
    unsigned late = 0, most = pick(m, 11);
    for (unsigned i = 0; i < BENCH_SLOTS; i++)
        m->role[i] = pick(m, 2) ? KEPT : CARRIED;
    for (unsigned i = 0; i < 3 * most && late < most; i++) {
        const unsigned slots[3] = {bench_slot(I64, 1 + pick(m, BENCH_X - 1)),
                                   bench_slot(F64, pick(m, BENCH_D)),
                                   bench_slot(I32, pick(m, BENCH_W))};
        unsigned slot = slots[pick(m, 3)];
        late += m->role[slot] != LATE;
        m->role[slot] = LATE;
    }
}

/* x0 counts down; the loop is left at its end, or in its middle for either of two blocks. */
static void make_loop(struct maker *m)
{
    struct ir *ir = m->ir;
    ir_begin(ir);
    choose_roles(m);
    unsigned loop = ir_block_new(ir), side = ir_block_new(ir), end = ir_block_new(ir);
    ir_insn(ir, 0x1000, 0);
    ir_br(ir, loop);
    ir_block_begin(ir, loop);
    ir->blocks[loop].weight = 64;
    ir_insn(ir, 0x1010, 0);
    get_slots(m);
    make_values(m, pick(m, 12));
    set_all_late(m);
    ir_br_if(ir, ir_get(ir, 0), ir_const(ir, I64, pick(m, 12)), IR_EQ, side);
    make_values(m, pick(m, 12));
    set_carried(m);
    if (pick(m, 2))
        ir_exit_if(ir, ir_get(ir, 0), ir_const(ir, I64, pick(m, 12)), IR_EQ, 0x1300);
    ir_val left = ir_add(ir, ir_get(ir, 0), ir_const(ir, I64, -1));
    ir_set(ir, 0, left);
    ir_brcond(ir, left, ir_const(ir, I64, 0), IR_NE, loop, end);
    ir_block_begin(ir, side);
    ir_set(ir, 1, ir_add(ir, ir_get(ir, 1), ir_const(ir, I64, 1000)));
    ir_exit_jump(ir, 0x1100, 0, 0);
    ir_block_begin(ir, end);
    ir_exit_jump(ir, 0x1200, 0, 0);
}

static struct ir *new_loop(uint32_t seed, bool region, struct ir_slot *slots)
{
    struct ir *ir = region_ir_new(bench_slots, BENCH_SLOTS, slots);
    struct maker m = {.ir = ir, .rng = g_rand_new_with_seed(seed), .region = region};
    make_loop(&m);
    g_rand_free(m.rng);
    const char *wrong = ir_verify(ir);
    if (wrong)
        g_error("loop %u: %s", seed, wrong);
    return ir;
}

static void make_state(struct bench_state *s, uint32_t seed)
{
    static const uint64_t doubles[] = {0,
                                       UINT64_C(0x3ff8000000000000),
                                       UINT64_C(0xfff0000000000001),
                                       UINT64_C(0x7ff8000000001234),
                                       UINT64_C(0x7ff0000000000000),
                                       UINT64_C(0xffffffff3fc00000),
                                       UINT64_C(0xffffffff7fa00001),
                                       UINT64_C(0xffffffff00000000)};
    g_autoptr(GRand) rng = g_rand_new_with_seed(seed);
    *s = (struct bench_state){.mxcsr = 0x1f80};
    for (unsigned i = 0; i < BENCH_X; i++)
        s->x[i] = (uint64_t)g_rand_int(rng) << (i & 1 ? 32 : 0) | g_rand_int(rng);
    s->x[0] = g_rand_int_range(rng, 1, 20);
    for (unsigned i = 0; i < BENCH_D; i++)
        s->d[i] = doubles[g_rand_int_range(rng, 0, G_N_ELEMENTS(doubles))];
}

static bool run(struct bench *b, uint32_t seed, bool region, struct bench_state *s)
{
    struct ir_slot slots[BENCH_SLOTS + TCG_HIDDEN_SLOTS];
    struct ir *ir = new_loop(seed, region, slots);
    struct tcg_exit x;
    const char *why = NULL;
    bool ok = bench_run(b, ir, s, &x, &why);
    ir_free(ir);
    if (!ok)
        g_test_message("loop %u: %s", seed, why);
    g_assert_true(!ok || x.kind == TCG_EXIT_LOOKUP);
    return ok;
}

static void compare(uint32_t seed, const struct bench_state *a, const struct bench_state *b)
{
    for (unsigned i = 0; i < BENCH_SLOTS; i++)
        if (bench_read(a, i) != bench_read(b, i))
            g_error("loop %u: %s is %#lx, with a region %#lx", seed, bench_slots[i].name,
                    (unsigned long)bench_read(a, i), (unsigned long)bench_read(b, i));
    g_assert_cmphex(a->mxcsr & ~MXCSR_DE, ==, b->mxcsr & ~MXCSR_DE);
}

static void test_random_loops(void)
{
    const char *why;
    struct bench *reference = bench_new(&tcg_interp, &why), *host = bench_new(&tcg_x86_64, &why);
    if (!host) {
        g_test_skip(why);
        return;
    }
    bench_set_region(host, true);
    unsigned refused = 0;
    for (uint32_t seed = 0; seed < LOOPS; seed++) {
        struct bench_state a, b;
        make_state(&a, seed);
        b = a;
        g_assert_true(run(reference, seed, false, &a));
        if (run(host, seed, true, &b))
            compare(seed, &a, &b);
        else
            refused++;
    }
    g_assert_cmpuint(refused, <, LOOPS / 10);
    bench_free(reference);
    bench_free(host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/region/random_loops", test_random_loops);
    return g_test_run();
}
