/*
 * irtool: golden and semantic tests of the IR, and random ones.  Ref: docs/tcg.md, "Tests".
 *
 * A test file is a list of
 *   test "what it proves"
 *     in    TEXT          the unit as the front end builds it, folding
 *     out   TEXT          what must be left of it
 *     run   [rm=R] OP -> VALUE [flags=F]       one op on constants, tried in every operand form on
 * every back end unit  TEXT          a whole unit, with init  SLOT=VALUE [ADDR]=VALUE:BYTES rm=R
 * request=N want  SLOT=VALUE [ADDR]=VALUE:BYTES exit=main:N|lookup|request flags=F
 */
#include "tcg/text.h"
#if defined(__x86_64__)
#include "tcg/x86_64/level.h"
#endif
#include "tests/tcg/bench.h"
#include "tests/tcg/fuzz.h"

#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum {
    MXCSR_RESET = 0x1f80,
    MXCSR_FLAGS = 0x3d /* without DE, which only x86 guests see */,
    MAX_ARGS = 4
};

struct test_case {
    const char *file;
    unsigned line;
    char *name;
    GString *in, *out, *unit, *init, *want;
    GPtrArray *runs;
};

struct tool {
    struct bench *benches[4];
    unsigned nbenches;
    struct ir *ir;
    unsigned tests, failures;
    bool verbose;
};

static PRINTF(3, 4) void fail(struct tool *t, const struct test_case *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    printf("%s:%u: \"%s\": %s\n", c->file, c->line, c->name, text);
    t->failures++;
}

static ir_val free_value(struct ir *ir, unsigned n, enum ir_type t)
{
    return ir_get(ir, bench_slot(t, n));
}

/* The slot that "ret" sets: the last of its type, which no test uses otherwise. */
static unsigned ret_slot(enum ir_type t)
{
    static const unsigned last[] = {[I32] = BENCH_W - 1,
                                    [I64] = BENCH_X - 1,
                                    [F32] = BENCH_S - 1,
                                    [F64] = BENCH_D - 1,
                                    [V128] = BENCH_V - 1};
    return bench_slot(t, last[t]);
}

static void ret(struct ir *ir, ir_val v)
{
    ir_set(ir, ret_slot(ir_type_of(ir, v)), v);
    ir_exit_main(ir, 0);
}

static bool parse(struct tool *t, const struct test_case *c, const char *text, bool no_fold)
{
    struct ir_parse_opts o = {
        .no_fold = no_fold, .helpers = bench_helpers, .free_value = free_value, .ret = ret};
    struct error *err = NULL;
    if (ir_parse(t->ir, text, &o, &err))
        return true;
    fail(t, c, "%s in: %s", error_text(err), g_strstrip(g_strdup(text)));
    error_free(err);
    return false;
}

static char *print(const struct ir *ir)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    ir_print_dense(ir, f);
    fclose(f);
    return text;
}

static void check_golden(struct tool *t, const struct test_case *c)
{
    if (!parse(t, c, c->in->str, false))
        return;
    ir_remove_dead(t->ir);
    const char *wrong = ir_verify(t->ir);
    char *found = print(t->ir);
    if (wrong)
        fail(t, c, "after folding: %s", wrong);
    if (parse(t, c, c->out->str, true)) {
        char *wanted = print(t->ir);
        if (strcmp(found, wanted))
            fail(t, c, "folds to\n%swanted\n%s", found, wanted);
        free(wanted);
    }
    free(found);
}

struct one_op {
    const char *text, *value; /* as written */
    struct ir_op op;
    unsigned nargs;
    uint64_t arg[MAX_ARGS];
    enum ir_type arg_type[MAX_ARGS];
    uint64_t result;
    uint32_t mxcsr, flags;
};

static uint32_t round_bits(const char *name)
{
    static const char *const names[] = {"rne", "rdn", "rup", "rtz"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_has_prefix(name, names[i]))
            return i << 13;
    return UINT32_MAX;
}

/* nx+of... as MXCSR bits, or UINT32_MAX. */
static uint32_t flag_bits(const char *text)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } names[] = {{"nv", 1}, {"dz", 4}, {"of", 8}, {"uf", 16}, {"nx", 32}, {"none", 0}};
    g_auto(GStrv) parts = g_strsplit(text, "+", -1);
    uint32_t bits = 0;
    for (char **p = parts; *p; p++) {
        unsigned i = 0;
        while (i < G_N_ELEMENTS(names) && strcmp(names[i].name, *p))
            i++;
        if (i == G_N_ELEMENTS(names))
            return UINT32_MAX;
        bits |= names[i].bit;
    }
    return bits;
}

/* Read the op through the parser, so that run lines have the syntax of units. */
static bool read_op(struct tool *t, const struct test_case *c, struct one_op *r)
{
    g_autofree char *text = g_strdup_printf("%%0 = %s ; ret %%0", r->text);
    if (!parse(t, c, text, true))
        return false;
    ir_val made = {0}; /* constants make no ops: it is the first */
    r->op = *ir_op_at(t->ir, made);
    for (unsigned i = 0; i < MAX_ARGS && r->op.arg[i].id != IR_NONE.id; i++) {
        if (!ir_is_const(t->ir, r->op.arg[i], &r->arg[i])) {
            fail(t, c, "run: argument %u is not a constant", i + 1);
            return false;
        }
        r->arg_type[i] = ir_type_of(t->ir, r->op.arg[i]);
        r->nargs = i + 1;
    }
    g_autofree char *want = g_strdup_printf("set %s, %s ; exit_main 0",
                                            bench_slots[ret_slot(r->op.type)].name, r->value);
    ir_val v = {0};
    return parse(t, c, want, true) && ir_is_const(t->ir, ir_op_at(t->ir, v)->arg[0], &r->result);
}

/* How to run it: which arguments are constants, in which slots the others are, and where the result
 * goes. */
struct form {
    unsigned consts; /* bit per argument */
    unsigned base;   /* number of the first argument's slot: pinned or not */
    int dst;         /* -1: the result slot; else over that argument's slot */
    bool fold;
};

static unsigned arg_slot(const struct one_op *r, const struct form *f, unsigned i)
{
    return bench_slot(r->arg_type[i], f->base + i);
}

static unsigned dst_slot(const struct one_op *r, const struct form *f)
{
    bool over = f->dst >= 0 && (unsigned)f->dst < r->nargs && r->arg_type[f->dst] == r->op.type;
    return over ? arg_slot(r, f, f->dst) : ret_slot(r->op.type);
}

static void build_form(struct tool *t, const struct one_op *r, const struct form *f,
                       struct bench_state *s)
{
    struct ir_op op = r->op;
    ir_set_folding(t->ir, f->fold);
    ir_begin(t->ir);
    ir_insn(t->ir, 0x1000, 0);
    for (unsigned i = 0; i < r->nargs; i++) {
        unsigned slot = arg_slot(r, f, i);
        bench_write(s, slot, r->arg[i]);
        op.arg[i] =
            f->consts >> i & 1 ? ir_const(t->ir, r->arg_type[i], r->arg[i]) : ir_get(t->ir, slot);
    }
    ir_set(t->ir, dst_slot(r, f), ir_build(t->ir, &op));
    ir_exit_main(t->ir, 0);
}

static void describe(const struct one_op *r, const struct form *f, GString *out)
{
    g_string_printf(out, "%s (%s, constants %x, slots from %u, result in %s)", r->text,
                    f->fold ? "folded" : "plain", f->consts, f->base,
                    bench_slots[dst_slot(r, f)].name);
}

static void run_form(struct tool *t, const struct test_case *c, struct bench *b,
                     const struct one_op *r, const struct form *f)
{
    struct bench_state s = {.mxcsr = MXCSR_RESET | r->mxcsr};
    struct tcg_exit x;
    const char *why;
    g_autoptr(GString) what = g_string_new(NULL);
    build_form(t, r, f, &s);
    describe(r, f, what);
    if (!bench_run(b, t->ir, &s, &x, &why)) {
        fail(t, c, "%s: %s: %s", bench_name(b), what->str, why);
        return;
    }
    uint64_t found = bench_read(&s, dst_slot(r, f));
    uint32_t flags = s.mxcsr & MXCSR_FLAGS;
    if (found != r->result || flags != r->flags || x.kind != TCG_EXIT_MAIN)
        fail(t, c, "%s: %s: %#lx flags %#x, wanted %#lx flags %#x", bench_name(b), what->str,
             (unsigned long)found, flags, (unsigned long)r->result, r->flags);
}

static void run_forms(struct tool *t, const struct test_case *c, struct bench *b,
                      const struct one_op *r)
{
    struct form f;
    for (f.consts = 0; f.consts < 1u << r->nargs; f.consts++)
        for (f.base = 0; f.base <= 9; f.base += 9)
            for (f.dst = -1; f.dst < (int)r->nargs; f.dst++)
                for (int fold = 0; fold < 2; fold++) {
                    f.fold = fold;
                    run_form(t, c, b, r, &f);
                }
}

/* "[rm=R] OP -> VALUE [flags=F]" */
static void check_run(struct tool *t, const struct test_case *c, const char *line)
{
    g_auto(GStrv) sides = g_strsplit(line, "->", 2);
    struct one_op r = {.text = g_strstrip(sides[0])};
    if (g_strv_length(sides) != 2) {
        fail(t, c, "run: wanted OP -> VALUE");
        return;
    }
    if (g_str_has_prefix(r.text, "rm=")) {
        r.mxcsr = round_bits(r.text + 3);
        r.text += strcspn(r.text, " ");
    }
    char *flags = strstr(sides[1], "flags=");
    if (flags) {
        r.flags = flag_bits(g_strchomp(flags + 6));
        *flags = 0;
    }
    r.value = g_strstrip(sides[1]);
    if (r.mxcsr == UINT32_MAX || r.flags == UINT32_MAX) {
        fail(t, c, "run: rm= is rne rdn rup rtz; flags= is of none nv dz of uf nx joined by +");
        return;
    }
    if (!read_op(t, c, &r))
        return;
    for (unsigned i = 0; i < t->nbenches; i++)
        run_forms(t, c, t->benches[i], &r);
}

struct expectation {
    struct bench_state *s;
    bool is_want;
    struct tcg_exit *x;
    const char *backend;
};

static int find_slot(const char *name)
{
    for (int i = 0; i < BENCH_SLOTS; i++)
        if (!strcmp(bench_slots[i].name, name))
            return i;
    return -1;
}

static bool differs(struct tool *t, const struct test_case *c, const struct expectation *e,
                    const char *what, uint64_t found, uint64_t wanted)
{
    if (found != wanted)
        fail(t, c, "%s: %s is %#lx, wanted %#lx", e->backend, what, (unsigned long)found,
             (unsigned long)wanted);
    return found != wanted;
}

/* [ADDR]=VALUE:BYTES */
static void memory_item(struct tool *t, const struct test_case *c, const struct expectation *e,
                        const char *item)
{
    char *end;
    uint64_t addr = strtoull(item + 1, &end, 0) - BENCH_BASE, v, found = 0;
    if (*end != ']' || end[1] != '=') {
        fail(t, c, "wanted [ADDR]=VALUE:BYTES, found %s", item);
        return;
    }
    v = strtoull(end + 2, &end, 0);
    unsigned n = *end == ':' ? strtoul(end + 1, NULL, 0) : 8;
    if (n > 8 || addr > BENCH_MEM - n) {
        fail(t, c, "%s: outside memory", item);
        return;
    }
    memcpy(&found, e->s->mem + addr, n);
    if (e->is_want)
        differs(t, c, e, item, found, v);
    else
        memcpy(e->s->mem + addr, &v, n);
}

static void exit_item(struct tool *t, const struct test_case *c, const struct expectation *e,
                      const char *value)
{
    static const char *const kinds[] = {"direct", "lookup", "request", "main"};
    g_autofree char *found = g_strdup_printf(e->x->kind == TCG_EXIT_MAIN ? "%s:%u" : "%s",
                                             kinds[e->x->kind], e->x->reason);
    if (strcmp(found, value))
        fail(t, c, "%s: exit is %s, wanted %s", e->backend, found, value);
}

/* HIGH:LOW of a vector; without a colon the upper half is zero. */
static void vector_item(struct tool *t, const struct test_case *c, const struct expectation *e,
                        int slot, const char *value)
{
    const char *colon = strchr(value, ':'), *name = bench_slots[slot].name;
    uint64_t high = colon ? strtoull(value, NULL, 0) : 0;
    uint64_t low = strtoull(colon ? colon + 1 : value, NULL, 0);
    if (e->is_want) {
        differs(t, c, e, name, bench_read(e->s, slot), low);
        differs(t, c, e, name, bench_read_high(e->s, slot), high);
    } else {
        bench_write(e->s, slot, low);
        bench_write_high(e->s, slot, high);
    }
}

static void slot_item(struct tool *t, const struct test_case *c, const struct expectation *e,
                      const char *name, const char *value)
{
    int slot = find_slot(name);
    if (slot < 0) {
        fail(t, c, "unknown slot %s", name);
        return;
    }
    if (bench_slots[slot].type == V128) {
        vector_item(t, c, e, slot, value);
        return;
    }
    uint64_t v = strtoull(value, NULL, 0);
    bool narrow = bench_slots[slot].type == I32 || bench_slots[slot].type == F32;
    v = narrow ? (uint32_t)v : v;
    if (e->is_want)
        differs(t, c, e, name, bench_read(e->s, slot), v);
    else
        bench_write(e->s, slot, v);
}

static void state_item(struct tool *t, const struct test_case *c, const struct expectation *e,
                       char *item)
{
    char *value = strchr(item, '=');
    if (!value || *item == '[') {
        memory_item(t, c, e, item);
        return;
    }
    *value++ = 0;
    if (!strcmp(item, "exit") && e->is_want)
        exit_item(t, c, e, value);
    else if (!strcmp(item, "flags") && e->is_want)
        differs(t, c, e, item, e->s->mxcsr & MXCSR_FLAGS, flag_bits(value));
    else if (!strcmp(item, "request"))
        e->s->request = strtoul(value, NULL, 0);
    else if (!strcmp(item, "rm"))
        e->s->mxcsr |= round_bits(value);
    else
        slot_item(t, c, e, item, value);
}

static void state_items(struct tool *t, const struct test_case *c, const struct expectation *e,
                        const char *text)
{
    g_auto(GStrv) items = g_strsplit_set(text, " \n", -1);
    for (char **p = items; *p; p++)
        if (**p)
            state_item(t, c, e, *p);
}

static void run_unit(struct tool *t, const struct test_case *c, struct bench *b, bool no_fold)
{
    struct bench_state s = {.mxcsr = MXCSR_RESET};
    struct tcg_exit x = {0};
    const char *why;
    g_autofree char *label =
        g_strdup_printf("%s (%s)", bench_name(b), no_fold ? "plain" : "folded");
    struct expectation e = {.s = &s, .x = &x, .backend = label};
    state_items(t, c, &e, c->init->str);
    if (!parse(t, c, c->unit->str, no_fold))
        return;
    if (!bench_run(b, t->ir, &s, &x, &why)) {
        fail(t, c, "%s: %s", label, why);
        return;
    }
    e.is_want = true;
    state_items(t, c, &e, c->want->str);
}

static void check_case(struct tool *t, const struct test_case *c)
{
    unsigned before = t->failures;
    t->tests++;
    if (c->in->len)
        check_golden(t, c);
    for (unsigned i = 0; i < c->runs->len; i++)
        check_run(t, c, g_ptr_array_index(c->runs, i));
    for (unsigned i = 0; i < t->nbenches && c->unit->len; i++)
        for (int no_fold = 0; no_fold < 2; no_fold++)
            run_unit(t, c, t->benches[i], no_fold);
    if (!c->in->len && !c->runs->len && !c->unit->len)
        fail(t, c, "the test is empty");
    if (t->verbose)
        printf("%s \"%s\"\n", t->failures == before ? "ok  " : "FAIL", c->name);
}

static void case_clear(struct test_case *c)
{
    GString *parts[] = {c->in, c->out, c->unit, c->init, c->want};
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        g_string_truncate(parts[i], 0);
    g_ptr_array_set_size(c->runs, 0);
    g_clear_pointer(&c->name, g_free);
}

static void case_begin(struct tool *t, struct test_case *c, const char *rest, unsigned line)
{
    if (c->name)
        check_case(t, c);
    case_clear(c);
    c->line = line;
    size_t n = strlen(rest);
    c->name = n >= 2 && rest[0] == '"' && rest[n - 1] == '"' ? g_strndup(rest + 1, n - 2)
                                                             : g_strdup(rest);
}

static void case_line(struct tool *t, struct test_case *c, const char *word, const char *rest,
                      unsigned line)
{
    const struct {
        const char *word;
        GString *to;
    } parts[] = {
        {"in", c->in}, {"out", c->out}, {"unit", c->unit}, {"init", c->init}, {"want", c->want}};
    if (!strcmp(word, "test")) {
        case_begin(t, c, rest, line);
        return;
    }
    if (!strcmp(word, "run")) {
        g_ptr_array_add(c->runs, g_strdup(rest));
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        if (!strcmp(word, parts[i].word)) {
            g_string_append_printf(parts[i].to, "%s\n", rest);
            return;
        }
    static const char *const words[] = {"test", "run", "in", "out", "unit", "init", "want", NULL};
    const char *near = nearest_name(word, words);
    printf("%s:%u: unknown line '%s'%s%s\n", c->file, line, word, near ? ", nearest is " : "",
           near ? near : "");
    t->failures++;
}

static bool check_file(struct tool *t, const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    if (!g_file_get_contents(path, &text, NULL, &err)) {
        fprintf(stderr, "irtool: %s\n", err->message);
        return false;
    }
    struct test_case c = {.file = path,
                          .in = g_string_new(NULL),
                          .out = g_string_new(NULL),
                          .unit = g_string_new(NULL),
                          .init = g_string_new(NULL),
                          .want = g_string_new(NULL),
                          .runs = g_ptr_array_new_with_free_func(g_free)};
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        if (!*line || *line == '#')
            continue;
        size_t n = strcspn(line, " ");
        g_autofree char *word = g_strndup(line, n);
        case_line(t, &c, word, g_strchug(line + n), i + 1);
    }
    if (c.name)
        check_case(t, &c);
    case_clear(&c);
    return true;
}

static void open_benches(struct tool *t, const char *only)
{
    for (unsigned i = 0; bench_backends[i]; i++) {
        const char *why = NULL;
        if (only && strcmp(only, bench_backends[i]->name))
            continue;
        struct bench *b = bench_new(bench_backends[i], &why);
        if (b)
            t->benches[t->nbenches++] = b;
        else
            printf("irtool: back end %s is left out: %s\n", bench_backends[i]->name, why);
    }
}

/* Read a unit, fold it, print it. */
static bool print_file(struct tool *t, const char *path, bool no_fold)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    struct test_case c = {.file = path, .name = g_strdup("print")};
    bool ok = g_file_get_contents(path, &text, NULL, &err);
    if (!ok)
        fprintf(stderr, "irtool: %s\n", err->message);
    ok = ok && parse(t, &c, text, no_fold);
    if (ok) {
        ir_remove_dead(t->ir);
        ir_print_dense(t->ir, stdout);
    }
    g_free(c.name);
    return ok;
}

int main(int argc, char **argv)
{
    gboolean verbose = FALSE, just_print = FALSE, no_fold = FALSE;
    int units = 0, ops = 60, level = 0;
    gint64 seed = 1;
    g_autofree char *only = NULL;
    const GOptionEntry options[] = {
        {"fuzz", 'f', 0, G_OPTION_ARG_INT, &units,
         "Compare N random units, folded and plain, on all back ends", "N"},
        {"ops", 'n', 0, G_OPTION_ARG_INT, &ops, "Size of a random unit (60)", "N"},
        {"seed", 's', 0, G_OPTION_ARG_INT64, &seed, "Seed of the first random unit (1)", "N"},
        {"backend", 'b', 0, G_OPTION_ARG_STRING, &only, "Use one back end only", "NAME"},
        {"level", 'l', 0, G_OPTION_ARG_INT, &level,
         "Leave out what hosts of x86-64-vN, N from 1 to 3, do not have", "N"},
        {"print", 'p', 0, G_OPTION_ARG_NONE, &just_print,
         "Print the unit of each FILE after folding", NULL},
        {"no-fold", 0, 0, G_OPTION_ARG_NONE, &no_fold, "With --print: do not fold", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Name every test", NULL},
        {0},
    };
    g_autoptr(GOptionContext) ctx = g_option_context_new("[FILE.irt...]");
    g_autoptr(GError) err = NULL;
    g_option_context_add_main_entries(ctx, options, NULL);
    g_option_context_set_summary(
        ctx, "Checks tests of the intermediate representation and its back ends.");
    if (!g_option_context_parse(ctx, &argc, &argv, &err)) {
        fprintf(stderr, "irtool: %s\n", err->message);
        return 2;
    }
#if defined(__x86_64__)
    if (level >= X86_64_V1 && level < X86_64_HOST)
        x86_64_limit(level);
#endif
    struct tool t = {.ir = ir_new(bench_slots, BENCH_SLOTS), .verbose = verbose};
    bool ok = true;
    if (!just_print)
        open_benches(&t, only);
    for (int i = 1; i < argc; i++)
        ok = (just_print ? print_file(&t, argv[i], no_fold) : check_file(&t, argv[i])) && ok;
    if (!just_print && t.tests)
        printf("irtool: %u tests, %u failures, %u back ends\n", t.tests, t.failures, t.nbenches);
    if (units > 0)
        ok = fuzz_units(t.benches, t.nbenches, seed, units, ops) && ok;
    for (unsigned i = 0; i < t.nbenches; i++)
        bench_free(t.benches[i]);
    ir_free(t.ir);
    return ok && !t.failures && (just_print || t.nbenches) ? 0 : 1;
}
