/* The x86-64 back end where it touches the executor: exits, chaining, polls, faults, helpers, older
 * hosts. */
#include "tcg/backend.h"
#include "tcg/codebuf.h"
#include "tcg/x86_64/level.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NX = 20, NPINNED = 9, ND = 10, PC = NX + ND, NSLOTS };
enum { NOTE_WANT = 2, MAX_UNITS = 8, GUEST_PAGE = 0x40000, STOPPED = 7, FAULTED = 8 };

struct state {
    uint64_t x[NX], d[ND], pc;
    _Atomic uint32_t request;
};

/* A CPU and the units that it may run. */
struct rig {
    struct codebuf *cb;
    struct ir *ir;
    struct tcg_env *env;
    struct state *s;
    struct host_code unit[MAX_UNITS];
    uint64_t unit_pc[MAX_UNITS];
    unsigned nunits, enters, chained;
    struct compile_opts opts;
    uint64_t fault_pc;
    uint32_t fault_word;
};
static struct rig rig;
static uint64_t memory[1024] __attribute__((aligned(4096)));
static struct ir_slot slots[NSLOTS];

/* --- the executor's part --- */
static void remember_fault(uintptr_t ra)
{
    bool found = false;
    for (unsigned i = 0; i < rig.nunits && !found; i++)
        found = tcg_x86_64.restore(&rig.unit[i], ra, &rig.fault_pc, &rig.fault_word);
    g_assert_true(found);
}

static void check_stack(void)
{
    g_assert_cmpuint((uintptr_t)__builtin_frame_address(0) & 15, ==, 0);
}

/* Addresses below the page fault; others are there but not in the TLB. */
static uint64_t *slow_cell(void *cpu, uint64_t addr, uintptr_t ra)
{
    check_stack();
    if (addr < GUEST_PAGE) {
        remember_fault(ra);
        tcg_x86_64.unwind(cpu, FAULTED);
    }
    return &memory[(addr - GUEST_PAGE) / 8 % G_N_ELEMENTS(memory)];
}

static uint64_t slow_ld(void *cpu, uint64_t addr, uint32_t memop G_GNUC_UNUSED, uintptr_t ra)
{
    return *slow_cell(cpu, addr, ra);
}

static void slow_st(void *cpu, uint64_t addr, uint64_t val, uint32_t memop G_GNUC_UNUSED,
                    uintptr_t ra)
{
    *slow_cell(cpu, addr, ra) = val;
}

static uint64_t slow_atomic(void *cpu, uint64_t addr, uint64_t val, uint32_t memop_op G_GNUC_UNUSED,
                            uintptr_t ra)
{
    uint64_t *p = slow_cell(cpu, addr, ra), old = *p;
    *p += val;
    return old;
}

static uint64_t slow_cas(void *cpu, uint64_t addr, uint64_t expect, uint64_t val,
                         uint32_t memop G_GNUC_UNUSED, uintptr_t ra)
{
    uint64_t *p = slow_cell(cpu, addr, ra), old = *p;
    if (old == expect)
        *p = val;
    return old;
}

static uint64_t no_soft_fp(unsigned op G_GNUC_UNUSED, unsigned ty G_GNUC_UNUSED,
                           uint32_t attr G_GNUC_UNUSED, const uint64_t arg[3],
                           unsigned round G_GNUC_UNUSED, uint8_t *flags)
{
    *flags = 1;
    return arg[0];
}

static void make_slots(void)
{
    for (unsigned i = 0; i < NX; i++)
        slots[i] = (struct ir_slot){"x", I64, i < NPINNED ? i + 1 : 0, 0,
                                    offsetof(struct state, x) + i * 8};
    for (unsigned i = 0; i < ND; i++)
        slots[NX + i] =
            (struct ir_slot){"d", F64, i < 8 ? i + 1 : 0, 0, offsetof(struct state, d) + i * 8};
    slots[PC] = (struct ir_slot){"pc", I64, 0, 0, offsetof(struct state, pc)};
}

static void rig_open_with(enum x86_64_level level,
                          uint64_t (*ld)(void *, uint64_t, uint32_t, uintptr_t),
                          void (*st)(void *, uint64_t, uint64_t, uint32_t, uintptr_t))
{
    const char *why = NULL;
    size_t size = sizeof(struct tcg_env) + sizeof(struct state);
    make_slots();
    rig = (struct rig){.ir = ir_new(slots, NSLOTS), .opts.page = GUEST_PAGE};
    rig.cb = codebuf_new(4 << 20, 2, NULL);
    g_assert_nonnull(rig.cb);
    rig.env = aligned_alloc(64, (size + 63) / 64 * 64);
    memset(rig.env, 0, size);
    rig.s = (struct state *)(rig.env + 1);
    rig.env->guest_mxcsr = 0x1f80;
    rig.env->salt = UINT64_C(0x5a00000000000000);
    tcg_env_empty_tlb(rig.env);
    struct tcg_layout layout = {
        .slots = slots,
        .nslots = NSLOTS,
        .pc_slot = PC,
        .request_off = offsetof(struct state, request),
        .cb = {.ld = ld, .st = st, .atomic = slow_atomic, .cas = slow_cas, .soft_fp = no_soft_fp},
        .note_mask = 3,
        .note_want = NOTE_WANT,
    };
    x86_64_limit(level);
    g_assert_true(tcg_x86_64.init(&layout, rig.cb, &why));
}

static void rig_open(enum x86_64_level level)
{
    rig_open_with(level, slow_ld, slow_st);
}

static void rig_close(void)
{
    for (unsigned i = 0; i < rig.nunits; i++)
        tcg_x86_64.release(&rig.unit[i]);
    ir_free(rig.ir);
    codebuf_free(rig.cb);
    free(rig.env);
}

/* Let the TLB know the page, for MMU index 0. */
static void map_page(void)
{
    struct tcg_tlb *t = &rig.env->tlb[0];
    unsigned i = GUEST_PAGE >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
    t->rtag[i] = t->wtag[i] = GUEST_PAGE;
    t->radd[i] = t->wadd[i] = (uintptr_t)memory - GUEST_PAGE;
}

static struct ir *begin(uint64_t pc)
{
    rig.unit_pc[rig.nunits] = pc;
    ir_begin(rig.ir);
    ir_insn(rig.ir, pc, 0);
    return rig.ir;
}

static struct host_code *finish(void)
{
    const char *why = NULL;
    struct host_code *hc = &rig.unit[rig.nunits];
    bool ok = tcg_x86_64.compile(rig.ir, &rig.opts, rig.cb, hc, &why);
    if (!ok)
        g_error("compile: %s", why ? why : "segment full");
    rig.nunits++;
    return hc;
}

static ir_val k64(uint64_t v)
{
    return ir_const(rig.ir, I64, v);
}

static void set_pc_and_stop(uint64_t pc)
{
    ir_set(rig.ir, PC, k64(pc));
    ir_exit_main(rig.ir, STOPPED);
}

static struct host_code *unit_at(uint64_t pc)
{
    for (unsigned i = 0; i < rig.nunits; i++)
        if (rig.unit_pc[i] == pc)
            return &rig.unit[i];
    return NULL;
}

/* The exit that reported site, and its unit. */
static int find_site(uintptr_t site, struct host_code **from)
{
    for (unsigned i = 0; i < rig.nunits; i++) {
        int n = site - (uintptr_t)rig.unit[i].start < rig.unit[i].size
                    ? host_code_exit(&rig.unit[i], site)
                    : -1;
        *from = &rig.unit[i];
        if (n >= 0)
            return n;
    }
    g_assert_not_reached();
}

/* Run from pc as the executor does, chaining what can be chained, until something else than a
 * missing link. */
static struct tcg_exit run(uint64_t pc)
{
    for (;;) {
        rig.s->pc = pc;
        struct host_code *hc = unit_at(pc);
        if (!hc)
            return (struct tcg_exit){.kind = TCG_EXIT_LOOKUP};
        rig.enters++;
        struct tcg_exit x = tcg_x86_64.enter(rig.s, hc);
        if (x.kind != TCG_EXIT_DIRECT)
            return x;
        struct host_code *from;
        int n = find_site(x.site, &from);
        pc = from->exits[n].pc;
        if (from->exits[n].same_page && unit_at(pc)) {
            g_assert_cmpuint(from->exits[n].jump_off % 4, ==, 0);
            tcg_x86_64.patch(from, n, unit_at(pc), rig.cb);
            rig.chained++;
        }
    }
}

/* --- exits and chains --- */
/* x0 counts down through two units. */
static void build_loop(void)
{
    struct ir *ir = begin(GUEST_PAGE);
    ir_set(ir, 0, ir_sub(ir, ir_get(ir, 0), k64(1)));
    ir_exit_jump(ir, GUEST_PAGE + 0x10, 0, IR_HINT_NONE);
    finish();
    begin(GUEST_PAGE + 0x10);
    ir_set(ir, 12, ir_add(ir, ir_get(ir, 12), ir_get(ir, 0)));
    ir_exit_if(ir, ir_get(ir, 0), k64(0), IR_NE, GUEST_PAGE);
    set_pc_and_stop(GUEST_PAGE + 0x14);
    finish();
}

static void test_chained_loop_stays_inside(void)
{
    rig_open(X86_64_HOST);
    build_loop();
    rig.s->x[0] = 100000;
    struct tcg_exit x = run(GUEST_PAGE);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(x.reason, ==, STOPPED);
    g_assert_cmpuint(rig.s->x[12], ==, UINT64_C(100000) * 99999 / 2);
    g_assert_cmpuint(rig.chained, ==, 2);
    g_assert_cmpuint(rig.enters, ==, 3);
    rig_close();
}

static void test_unpatched_exit_reports_again(void)
{
    rig_open(X86_64_HOST);
    build_loop();
    rig.s->x[0] = 3;
    run(GUEST_PAGE);
    for (unsigned u = 0; u < 2; u++)
        for (unsigned e = 0; e < rig.unit[u].nexits; e++)
            tcg_x86_64.patch(&rig.unit[u], e, NULL, rig.cb);
    rig.s->x[0] = 3;
    struct tcg_exit x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_DIRECT);
    struct host_code *from;
    int n = find_site(x.site, &from);
    g_assert_cmpuint(from->exits[n].pc, ==, GUEST_PAGE + 0x10);
    rig_close();
}

static void test_nochain_returns_from_every_exit(void)
{
    rig_open(X86_64_HOST);
    rig.opts.nochain = true;
    build_loop();
    rig.s->x[0] = 10;
    g_assert_cmpuint(run(GUEST_PAGE).kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.enters, ==, 20);
    g_assert_cmpuint(rig.chained, ==, 0);
    rig_close();
}

static void *ask_to_stop(void *p G_GNUC_UNUSED)
{
    g_usleep(20000);
    atomic_store(&rig.s->request, 1);
    return NULL;
}

static void test_request_ends_an_endless_loop(void)
{
    rig_open(X86_64_HOST);
    struct ir *ir = begin(GUEST_PAGE);
    ir_set(ir, 3, ir_add(ir, ir_get(ir, 3), k64(1)));
    ir_exit_jump(ir, GUEST_PAGE, 0, IR_HINT_NONE);
    finish();
    pthread_t t;
    pthread_create(&t, NULL, ask_to_stop, NULL);
    struct tcg_exit x = run(GUEST_PAGE);
    pthread_join(t, NULL);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_REQUEST);
    g_assert_cmpuint(rig.s->pc, ==, GUEST_PAGE);
    g_assert_cmpuint(rig.s->x[3], >, 1000);
    rig_close();
}

/* A pending request must not turn an edge that is not taken into one that is. */
static void test_request_on_an_untaken_edge(void)
{
    rig_open(X86_64_HOST);
    build_loop();
    rig.s->x[0] = 1;
    atomic_store(&rig.s->request, 1);
    struct tcg_exit x = run(GUEST_PAGE);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.s->pc, ==, GUEST_PAGE + 0x14);
    rig_close();
}

static void test_entry_poll(void)
{
    rig_open(X86_64_HOST);
    rig.opts.poll_always = true;
    begin(GUEST_PAGE + 0x20);
    ir_set(rig.ir, 1, k64(5));
    set_pc_and_stop(0);
    finish();
    atomic_store(&rig.s->request, 1);
    struct tcg_exit x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_REQUEST);
    g_assert_cmpuint(rig.s->pc, ==, GUEST_PAGE + 0x20);
    g_assert_cmpuint(rig.s->x[1], ==, 0);
    rig_close();
}

/* --- the dispatch cache --- */
static void teach_dispatch(uint64_t pc)
{
    struct tcg_dispatch *d = &rig.env->dispatch[pc >> 1 & ((1 << TCG_DISPATCH_BITS) - 1)];
    *d = (struct tcg_dispatch){pc ^ rig.env->salt, unit_at(pc)->start};
}

static void build_far(uint64_t far)
{
    begin(far);
    ir_set(rig.ir, 2, k64(77));
    set_pc_and_stop(far + 4);
    finish();
}

static void test_far_jump_finds_the_dispatch_cache(void)
{
    const uint64_t far = UINT64_C(0xffffffff80001236);
    rig_open(X86_64_HOST);
    begin(GUEST_PAGE);
    ir_exit_jump(rig.ir, far, 0, IR_HINT_NONE);
    finish();
    build_far(far);
    struct tcg_exit x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_LOOKUP);
    teach_dispatch(far);
    x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.s->x[2], ==, 77);
    rig.env->salt ^= 0x10000;
    x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_LOOKUP);
    rig_close();
}

static void test_indirect_jump_finds_the_dispatch_cache(void)
{
    const uint64_t far = UINT64_C(0x7ffffffff002);
    rig_open(X86_64_HOST);
    begin(GUEST_PAGE);
    ir_exit_ind(rig.ir, ir_get(rig.ir, 4), 0, IR_HINT_NONE);
    finish();
    build_far(far);
    rig.s->x[4] = far;
    struct tcg_exit x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_LOOKUP);
    g_assert_cmpuint(rig.s->pc, ==, far);
    teach_dispatch(far);
    x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.s->x[2], ==, 77);
    rig_close();
}

/* --- the return ring --- */
/* A caller, its callee on another page, and what follows the call. */
static void build_call(uint64_t callee, uint64_t back)
{
    begin(GUEST_PAGE);
    ir_exit_jump(rig.ir, callee, back, IR_HINT_CALL);
    finish();
    begin(callee);
    ir_set(rig.ir, 5, ir_add(rig.ir, ir_get(rig.ir, 5), k64(1)));
    ir_exit_ind(rig.ir, ir_get(rig.ir, 6), 0, IR_HINT_RET);
    finish();
    begin(back);
    set_pc_and_stop(back + 2);
    finish();
}

static void test_return_goes_through_the_ring(void)
{
    const uint64_t callee = 0x90000, back = GUEST_PAGE + 4;
    rig_open(X86_64_HOST);
    build_call(callee, back);
    teach_dispatch(callee);
    rig.s->x[6] = back;
    struct tcg_exit x = run(GUEST_PAGE); /* the ring leads to the caller's unchained exit */
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.chained, ==, 1);
    rig.enters = 0;
    x = run(
        GUEST_PAGE); /* and now straight on: the dispatch cache does not know the return address */
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(rig.enters, ==, 1);
    g_assert_cmpuint(rig.s->x[5], ==, 2);
    rig_close();
}

static void test_return_elsewhere_is_looked_up(void)
{
    const uint64_t callee = 0x90000, back = GUEST_PAGE + 4;
    rig_open(X86_64_HOST);
    build_call(callee, back);
    teach_dispatch(callee);
    rig.s->x[6] = 0x123450;
    struct tcg_exit x = run(GUEST_PAGE);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_LOOKUP);
    g_assert_cmpuint(rig.s->pc, ==, 0x123450);
    g_assert_cmpuint(rig.env->ring_pos, ==, 0);
    rig_close();
}

/* --- memory --- */
static void test_fault_sees_the_state_before_it(void)
{
    rig_open(X86_64_HOST);
    struct ir *ir = begin(GUEST_PAGE);
    ir_set(ir, 0, k64(1));
    ir_set(ir, 15, k64(2));
    ir_insn(ir, GUEST_PAGE + 4, 0xabcdef);
    ir_val v = ir_ld(ir, I64, ir_get(ir, 1), MO_64);
    ir_set(ir, 0, v);
    ir_insn(ir, GUEST_PAGE + 8, 1);
    ir_set(ir, 15, v);
    set_pc_and_stop(0);
    finish();
    rig.s->x[1] = 0x100;
    rig.s->x[8] = 88;
    rig.s->d[7] = 99;
    struct tcg_exit x = tcg_x86_64.enter(rig.s, &rig.unit[0]);
    g_assert_cmpuint(x.kind, ==, TCG_EXIT_MAIN);
    g_assert_cmpuint(x.reason, ==, FAULTED);
    g_assert_cmphex(rig.fault_pc, ==, GUEST_PAGE + 4);
    g_assert_cmphex(rig.fault_word, ==, 0xabcdef);
    g_assert_cmpuint(rig.s->x[0], ==, 1);
    g_assert_cmpuint(rig.s->x[15], ==, 2);
    g_assert_cmpuint(rig.s->x[8], ==, 88);
    g_assert_cmpuint(rig.s->d[7], ==, 99);
    rig_close();
}

static void test_restore_knows_only_its_own_addresses(void)
{
    uint64_t pc;
    uint32_t word;
    rig_open(X86_64_HOST);
    build_loop();
    uintptr_t at = (uintptr_t)rig.unit[0].start;
    for (unsigned i = 0; i < rig.unit[0].size; i++)
        g_assert_false(tcg_x86_64.restore(&rig.unit[0], at + i, &pc, &word));
    rig_close();
}

/* The slow path and the fast one give the same, with every register in use around them. */
static void test_slow_path_keeps_all_values(bool mapped)
{
    rig_open(X86_64_HOST);
    if (mapped)
        map_page();
    struct ir *ir = begin(GUEST_PAGE);
    ir_val live[40], fp[20], sum = k64(0);
    for (unsigned i = 0; i < 40; i++)
        live[i] = ir_mul(ir, ir_get(ir, i % NX), k64(3 + i));
    for (unsigned i = 0; i < 20; i++)
        fp[i] = ir_bits_f64(ir, ir_xor(ir, live[i], k64(i)));
    for (unsigned i = 0; i < 8; i++) {
        ir_val a = ir_add(ir, ir_get(ir, 9), k64(i * 16));
        ir_st(ir, a, live[i], MO_64);
        sum = ir_add(ir, sum, ir_ld(ir, I64, a, MO_64));
        sum = ir_add(ir, sum, ir_atomic_add(ir, a, live[i + 1], MO_64));
    }
    for (unsigned i = 0; i < 40; i++)
        sum = ir_add(ir, sum, live[i]);
    for (unsigned i = 0; i < 20; i++)
        sum = ir_xor(ir, sum, ir_bits_i64(ir, fp[i]));
    ir_set(ir, 0, sum);
    set_pc_and_stop(0);
    finish();
    uint64_t want = 0, x[NX];
    for (unsigned i = 0; i < NX; i++)
        x[i] = rig.s->x[i] = i == 9 ? (uint64_t)GUEST_PAGE : i * UINT64_C(0x123456789);
    for (unsigned i = 0; i < 8; i++)
        want += 2 * x[i] * (3 + i);
    for (unsigned i = 0; i < 40; i++)
        want += x[i % NX] * (3 + i);
    for (unsigned i = 0; i < 20; i++)
        want ^= (x[i] * (3 + i)) ^ i;
    g_assert_cmpuint(tcg_x86_64.enter(rig.s, &rig.unit[0]).reason, ==, STOPPED);
    g_assert_cmphex(rig.s->x[0], ==, want);
    for (unsigned i = 1; i < NX; i++)
        g_assert_cmphex(rig.s->x[i], ==, x[i]);
    rig_close();
}

static void test_slow_path(void)
{
    test_slow_path_keeps_all_values(false);
}

static void test_fast_path(void)
{
    test_slow_path_keeps_all_values(true);
}

/*
 * Accesses off common bases, against C.  The TLB knows the first page for both, the second for
 * reading, the third not at all; bases lie near the edges, so that some spans are in a page and
 * others are not.
 */
enum { BASES = 3, ACCESSES = 24, FIRST_PAGE = 0x50000 };
static uint8_t arrays[2][3 << TCG_PAGE_BITS] __attribute__((aligned(4096)));
static uint8_t *bytes; /* what guest memory is now */
static uint8_t model[3 << TCG_PAGE_BITS];

static uint64_t bytes_ld(void *cpu G_GNUC_UNUSED, uint64_t addr, uint32_t memop,
                         uintptr_t ra G_GNUC_UNUSED)
{
    uint64_t v = 0;
    check_stack();
    memcpy(&v, &bytes[addr - FIRST_PAGE], 1u << (memop & MO_SIZE));
    return v;
}

/* A slow store moves memory elsewhere, as a device that changes the memory map may: what was there
 * is of no use. */
static bool move_on_store;
static void bytes_st(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t val, uint32_t memop,
                     uintptr_t ra G_GNUC_UNUSED)
{
    check_stack();
    memcpy(&bytes[addr - FIRST_PAGE], &val, 1u << (memop & MO_SIZE));
    if (!move_on_store)
        return;
    uint8_t *to = bytes == arrays[0] ? arrays[1] : arrays[0];
    memcpy(to, bytes, sizeof(arrays[0]));
    memset(bytes, 0xee, sizeof(arrays[0]));
    bytes = to;
    tcg_env_empty_tlb(rig.env);
}

static void map_three_pages(void)
{
    struct tcg_tlb *t = &rig.env->tlb[0];
    unsigned i = FIRST_PAGE >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
    tcg_env_empty_tlb(rig.env);
    t->rtag[i] = t->wtag[i] = FIRST_PAGE;
    t->rtag[i + 1] = FIRST_PAGE + 0x1000;
    t->radd[i] = t->wadd[i] = t->radd[i + 1] = (uintptr_t)bytes - FIRST_PAGE;
}

/* The same in the second level: the first page's note allows writing. */
static struct tcg_l2_entry l2[TCG_L2_WAYS];
static uint8_t notes[TCG_L2_NOTES];
static void map_three_pages_behind(void)
{
    enum { PAGE = FIRST_PAGE >> TCG_PAGE_BITS, SPACE = 7 };
    tcg_env_empty_tlb(rig.env);
    memset(l2, 0xff, sizeof(l2));
    memset(notes, 0, sizeof(notes));
    notes[PAGE % TCG_L2_NOTES] = NOTE_WANT;
    for (unsigned i = 0; i < 2; i++)
        l2[1 + i] = (struct tcg_l2_entry){.tag = FIRST_PAGE + ((uint64_t)i << TCG_PAGE_BITS),
                                          .add = (uintptr_t)bytes - FIRST_PAGE,
                                          .notes = (uintptr_t)notes,
                                          .space = SPACE + i};
    rig.env->l2 = l2;
    rig.env->space = SPACE;
    rig.env->space_any = SPACE + 1;
}

/* So that the address is not only an address. */
static ir_val use_address(ir_val s, ir_val addr, uint64_t *sum, uint64_t value)
{
    *sum ^= value;
    return ir_xor(rig.ir, s, addr);
}

/* One random unit: x0..x2 are the bases, x3 the sum of what was loaded; the model goes along. */
static void random_accesses(GRand *r, uint64_t *sum)
{
    struct ir *ir = begin(GUEST_PAGE);
    ir_val s = k64(0);
    *sum = 0;
    for (unsigned i = 0; i < ACCESSES; i++) {
        unsigned b = g_rand_int_range(r, 0, BASES), size = g_rand_int_range(r, 0, 4);
        uint64_t off = g_rand_int_range(r, -40, 40), v = 0, at = rig.s->x[b] + off - FIRST_PAGE;
        ir_val addr = ir_add(ir, ir_get(ir, b), k64(off));
        if (g_rand_int_range(r, 0, 5) == 0)
            s = use_address(s, addr, sum, rig.s->x[b] + off);
        if (g_rand_boolean(r)) {
            ir_st(ir, addr, s, size);
            memcpy(&model[at], sum, 1u << size);
        } else {
            s = ir_add(ir, ir_mul(ir, s, k64(31)), ir_ld(ir, I64, addr, size));
            memcpy(&v, &model[at], 1u << size);
            *sum = *sum * 31 + v;
        }
        if (g_rand_int_range(r, 0, 10) == 0)
            ir_set(ir, 9 + b, s);
    }
    ir_set(ir, 3, s);
    set_pc_and_stop(0);
    finish();
}

static void test_grouped_accesses(void)
{
    GRand *r = g_rand_new_with_seed(1);
    uint64_t refills = 0;
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint64_t sum;
        rig_open_with(X86_64_HOST, bytes_ld, bytes_st);
        move_on_store = turn & 1;
        bytes = arrays[0];
        if (turn % 4 < 2)
            map_three_pages();
        else
            map_three_pages_behind();
        for (unsigned i = 0; i < sizeof(model); i++)
            model[i] = bytes[i] = g_rand_int(r);
        for (unsigned b = 0; b < BASES; b++)
            rig.s->x[b] = FIRST_PAGE + 0x1000 * g_rand_int_range(r, 1, 3) +
                          (g_rand_boolean(r) ? g_rand_int_range(r, -48, 48) : 0x400);
        random_accesses(r, &sum);
        g_assert_cmpuint(tcg_x86_64.enter(rig.s, &rig.unit[0]).reason, ==, STOPPED);
        g_assert_cmphex(rig.s->x[3], ==, sum);
        g_assert_cmpmem(bytes, sizeof(model), model, sizeof(model));
        refills += rig.env->l2_refills;
        rig_close();
    }
    g_assert_cmpuint(refills, >, 1000);
    g_rand_free(r);
}

/* Low, sign-extended and large constants: each finds its TLB entry without a look at the address.
 */
static void test_constant_addresses(void)
{
    static const uint64_t at[] = {0x50008, UINT64_C(0xffffffff80050010), UINT64_C(0x123456789018)};
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        rig_open(X86_64_HOST);
        struct tcg_tlb *t = &rig.env->tlb[0];
        unsigned n = at[i] >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
        uint64_t page = at[i] & ~UINT64_C(0xfff);
        t->rtag[n] = t->wtag[n] = page;
        t->radd[n] = t->wadd[n] = (uintptr_t)memory - page;
        struct ir *ir = begin(GUEST_PAGE);
        ir_st(ir, k64(at[i]), ir_get(ir, 12), MO_64);
        ir_set(ir, 1, ir_ld(ir, I64, k64(at[i]), MO_32 | MO_SIGN));
        ir_set(ir, 2, ir_atomic_add(ir, k64(at[i]), k64(5), MO_64));
        set_pc_and_stop(0);
        finish();
        rig.s->x[12] = UINT64_C(0x1122334480000000);
        memory[at[i] % 4096 / 8] = 0;
        tcg_x86_64.enter(rig.s, &rig.unit[0]);
        g_assert_cmphex(memory[at[i] % 4096 / 8], ==, UINT64_C(0x1122334480000005));
        g_assert_cmphex(rig.s->x[1], ==, UINT64_C(0xffffffff80000000));
        g_assert_cmphex(rig.s->x[2], ==, UINT64_C(0x1122334480000000));
        tcg_env_empty_tlb(rig.env);
        tcg_x86_64.enter(rig.s, &rig.unit[0]);
        g_assert_cmphex(memory[(at[i] - GUEST_PAGE) / 8 % G_N_ELEMENTS(memory)], ==,
                        UINT64_C(0x1122334480000005));
        rig_close();
    }
}

enum { ADDS = 100000 };
static void *add_from_outside(void *p)
{
    for (unsigned i = 0; i < ADDS; i++)
        __atomic_fetch_add((uint64_t *)p, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* x0 times: *x1 += 1 by the operation that build makes. */
static void atomic_race(void (*build)(struct ir *ir, ir_val addr))
{
    rig_open(X86_64_HOST);
    map_page();
    struct ir *ir = begin(GUEST_PAGE);
    build(ir, ir_get(ir, 1));
    ir_set(ir, 0, ir_sub(ir, ir_get(ir, 0), k64(1)));
    ir_exit_if(ir, ir_get(ir, 0), k64(0), IR_NE, GUEST_PAGE);
    set_pc_and_stop(0);
    finish();
    memory[4] = 0;
    rig.s->x[0] = ADDS;
    rig.s->x[1] = GUEST_PAGE + 32;
    pthread_t t;
    pthread_create(&t, NULL, add_from_outside, &memory[4]);
    g_assert_cmpuint(run(GUEST_PAGE).reason, ==, STOPPED);
    pthread_join(t, NULL);
    g_assert_cmpuint(memory[4], ==, 2 * ADDS);
    rig_close();
}

static void add_atomically(struct ir *ir, ir_val addr)
{
    ir_set(ir, 2, ir_atomic_add(ir, addr, k64(1), MO_64));
}

static void test_atomic_add_is_atomic(void)
{
    atomic_race(add_atomically);
}

/* --- helpers --- */
static uint64_t weigh(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    check_stack();
    g_assert_true(cpu == rig.s);
    return a + 10 * b + 100 * c + 1000 * d + 10000 * e;
}

static void test_five_arguments_in_any_order(void)
{
    static const struct ir_helper h = {
        "weigh", (void *)(uintptr_t)weigh, I64, 5, {I64, I64, I64, I64, I64}, HELPER_CPU, {{0}},
        {{0}}};
    for (unsigned turn = 0; turn < 120; turn++) {
        rig_open(X86_64_HOST);
        struct ir *ir = begin(GUEST_PAGE);
        ir_val v[5], args[5];
        uint64_t want = 0, unit = 1;
        for (unsigned i = 0; i < 5; i++) /* in scratch registers */
            v[i] = ir_add(ir, ir_get(ir, 10 + i), k64(i));
        for (unsigned i = 0, left = turn; i < 5; i++, unit *= 10) {
            args[i] = v[left % 5];
            want += unit * (left % 5 + 1 + left % 5);
            left = left / 5 + i;
        }
        ir_val r = ir_call(ir, &h, args);
        for (unsigned i = 0; i < 5; i++)
            r = ir_add(ir, r, ir_mul(ir, v[i], k64(1000000)));
        ir_set(ir, 0, r);
        set_pc_and_stop(0);
        finish();
        for (unsigned i = 0; i < 5; i++)
            rig.s->x[10 + i] = i + 1;
        tcg_x86_64.enter(rig.s, &rig.unit[0]);
        g_assert_cmpuint(rig.s->x[0], ==, want + 25 * UINT64_C(1000000));
        rig_close();
    }
}

/* --- limits --- */
static void test_too_many_live_values_are_refused(void)
{
    rig_open(X86_64_HOST);
    struct ir *ir = begin(GUEST_PAGE);
    ir_val v[400], sum = k64(0);
    for (unsigned i = 0; i < 400; i++)
        v[i] = ir_mul(ir, ir_get(ir, 12), k64(i + 3));
    for (unsigned i = 0; i < 400; i++)
        sum = ir_xor(ir, sum, v[i]);
    ir_set(ir, 0, sum);
    set_pc_and_stop(0);
    const char *why = NULL;
    struct host_code hc;
    g_assert_false(tcg_x86_64.compile(ir, &rig.opts, rig.cb, &hc, &why));
    g_assert_cmpstr(why, ==, "too many live values");
    rig_close();
}

static void test_full_segment_is_not_an_error(void)
{
    rig_open(X86_64_HOST);
    struct host_code hc;
    const char *why = NULL;
    bool ok = true;
    unsigned n = 0;
    for (; ok && n < 100000; n++) {
        struct ir *ir = begin(GUEST_PAGE);
        ir_set(ir, 0, ir_add(ir, ir_get(ir, 0), k64(n)));
        set_pc_and_stop(0);
        ok = tcg_x86_64.compile(ir, &rig.opts, rig.cb, &hc, &why);
        if (ok)
            tcg_x86_64.release(&hc);
    }
    g_assert_false(ok);
    g_assert_null(why);
    g_assert_cmpuint(codebuf_next_segment(rig.cb), ==, 1);
    g_assert_true(tcg_x86_64.compile(rig.ir, &rig.opts, rig.cb, &hc, &why));
    g_assert_cmpuint(codebuf_segment_of(rig.cb, hc.start), ==, 1);
    tcg_x86_64.release(&hc);
    rig_close();
}

/* --- code memory --- */
static void test_two_views_of_the_same_code(void)
{
    struct codebuf *cb = codebuf_new(3 << 20, 3, NULL);
    uint8_t *rx, *rw = codebuf_reserve(cb, 100, &rx);
    g_assert_nonnull(rw);
    rw[0] = 0xc3;
    g_assert_cmphex(rx[0], ==, 0xc3);
    g_assert_true(codebuf_rw(cb, rx) == rw);
    intptr_t distance = (intptr_t)rx - (intptr_t)codebuf_new;
    g_assert_cmpint(distance, ==, (int32_t)distance);
    codebuf_commit(cb, 100);
    g_assert_null(codebuf_reserve(cb, cb->seg_size, &rx));
    rw = codebuf_reserve(cb, 16, &rx);
    g_assert_cmpuint((uintptr_t)rw % 16, ==, 0);
    g_assert_cmpuint(codebuf_next_segment(cb), ==, 1);
    g_assert_nonnull(codebuf_reserve(cb, cb->seg_size, &rx));
    g_assert_cmpuint(codebuf_next_segment(cb), ==, 2);
    g_assert_cmpuint(codebuf_next_segment(cb), ==, 0);
    codebuf_free(cb);
}

static void test_too_large_a_buffer_is_refused(void)
{
    struct error *err = NULL;
    g_assert_null(codebuf_new((size_t)3 << 30, 8, &err));
    g_assert_cmpstr(error_text(err), ==,
                    "a code buffer of 3072 MiB is too large: the most is 1024 MiB");
    error_free(err);
}

/* --- older hosts --- */
static void bit_unit(void)
{
    struct ir *ir = begin(GUEST_PAGE);
    ir_val a = ir_get(ir, 0), b = ir_get(ir, 1), r[10];
    r[0] = ir_clz(ir, a);
    r[1] = ir_ctz(ir, a);
    r[2] = ir_popcnt(ir, a);
    r[3] = ir_andn(ir, a, b);
    r[4] = ir_shl(ir, a, b);
    r[5] = ir_sar(ir, a, b);
    r[6] = ir_rotr(ir, a, b);
    r[7] = ir_mulhu(ir, a, b);
    r[8] = ir_rotl(ir, a, k64(13));
    r[9] = ir_ld(ir, I64, ir_get(ir, 19), MO_64 | MO_BE);
    for (unsigned i = 0; i < 10; i++)
        ir_set(ir, 9 + i, r[i]);
    set_pc_and_stop(0);
    finish();
}

static uint64_t rotate_right(uint64_t a, unsigned n)
{
    return n & 63 ? a >> (n & 63) | a << (64 - (n & 63)) : a;
}

static void check_bits(uint64_t a, uint64_t b)
{
    const uint64_t want[10] = {a ? (uint64_t)__builtin_clzll(a) : 64,
                               a ? (uint64_t)__builtin_ctzll(a) : 64,
                               __builtin_popcountll(a),
                               a & ~b,
                               a << (b & 63),
                               (uint64_t)((int64_t)a >> (b & 63)),
                               rotate_right(a, b & 63),
                               (unsigned __int128)a * b >> 64,
                               rotate_right(a, 64 - 13),
                               UINT64_C(0x8877665544332211)};
    rig.s->x[0] = a;
    rig.s->x[1] = b;
    rig.s->x[19] = GUEST_PAGE;
    tcg_x86_64.enter(rig.s, &rig.unit[0]);
    for (unsigned i = 0; i < 10; i++)
        g_assert_cmphex(rig.s->x[9 + i], ==, want[i]);
}

static void test_every_level_computes_the_same(void)
{
    static const uint64_t v[] = {
        0, 1, 63, 64, 0xff00, UINT64_C(1) << 63, UINT64_MAX, UINT64_C(0x0123456789abcdef)};
    for (enum x86_64_level level = X86_64_V1; level <= X86_64_HOST; level++) {
        rig_open(level);
        map_page();
        memory[0] = UINT64_C(0x1122334455667788);
        bit_unit();
        for (unsigned i = 0; i < G_N_ELEMENTS(v); i++)
            for (unsigned j = 0; j < G_N_ELEMENTS(v); j++)
                check_bits(v[i], v[j]);
        rig_close();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exit/chained-loop", test_chained_loop_stays_inside);
    g_test_add_func("/exit/unpatched", test_unpatched_exit_reports_again);
    g_test_add_func("/exit/nochain", test_nochain_returns_from_every_exit);
    g_test_add_func("/poll/endless-loop", test_request_ends_an_endless_loop);
    g_test_add_func("/poll/untaken-edge", test_request_on_an_untaken_edge);
    g_test_add_func("/poll/entry", test_entry_poll);
    g_test_add_func("/dispatch/far-jump", test_far_jump_finds_the_dispatch_cache);
    g_test_add_func("/dispatch/indirect", test_indirect_jump_finds_the_dispatch_cache);
    g_test_add_func("/ring/return", test_return_goes_through_the_ring);
    g_test_add_func("/ring/elsewhere", test_return_elsewhere_is_looked_up);
    g_test_add_func("/memory/fault", test_fault_sees_the_state_before_it);
    g_test_add_func("/memory/restore", test_restore_knows_only_its_own_addresses);
    g_test_add_func("/memory/slow-path", test_slow_path);
    g_test_add_func("/memory/fast-path", test_fast_path);
    g_test_add_func("/memory/groups", test_grouped_accesses);
    g_test_add_func("/memory/constant", test_constant_addresses);
    g_test_add_func("/memory/atomic", test_atomic_add_is_atomic);
    g_test_add_func("/helper/arguments", test_five_arguments_in_any_order);
    g_test_add_func("/limit/live-values", test_too_many_live_values_are_refused);
    g_test_add_func("/limit/segment", test_full_segment_is_not_an_error);
    g_test_add_func("/codebuf/views", test_two_views_of_the_same_code);
    g_test_add_func("/codebuf/too-large", test_too_large_a_buffer_is_refused);
    g_test_add_func("/level/bits", test_every_level_computes_the_same);
    return g_test_run();
}
