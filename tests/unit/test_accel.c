/*
 * The accelerator under a guest made up for the purpose: what its TLBs, salts, unit store, links
 * and code buffer do when pages, spaces and code change.  Every test runs on each engine.
 *
 * The guest: instructions of four bytes, an operation and a signed number n; pages of 4 KiB mapped
 * by a table that the test writes; two slots, acc and x.
 */
#include "accel/tcg/tcg_priv.h"
#include "core/clock.h"
#include "core/ram.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum op {
    OP_QUIT, /* leave the executor; the pc stays */
    OP_ADD,  /* acc += n */
    OP_JUMP, /* to pc + 4 n */
    OP_GO,   /* to acc */
    OP_X,    /* x = n */
    OP_LOAD, /* acc = 8 bytes at x */
    OP_STORE,
    OP_VALUE, /* acc = value */
    OP_LOOP,  /* x -= 1; if x is not 0 then to pc + 4 n, else on */
    OP_BACK,  /* the same as part of a longer unit: x -= 1, if x is not 0 then to pc + 4 n, else on
               */
    OP_HERE,  /* acc += pc */
    OP_CALL,  /* x = pc + 4, to pc + 4 n */
    OP_RET,   /* to x */
    OP_SWAP_CALL, /* as OP_CALL, OP_RET, into the other mode */
    OP_SWAP_RET,
    OP_MODE,  /* acc = 4 acc + 1 + mode */
    OP_FENCE, /* everything */
};
enum { RAM_BYTES = 32 << 20, PAGES = 4096, SPACES = 300 };
static const gpa RAM_BASE = 0x80000000;

struct pte {
    uint32_t frame; /* of memory, counted from its start */
    bool valid, global;
    uint8_t bits;  /* of the mapping: 12, or more */
    uint8_t alike; /* log2 of the range inside it that has the same rights; 0: the page */
};
struct fake {
    struct cpu cpu;
    uint64_t pc, acc, x;
    uint64_t value; /* for OP_VALUE */
    uint32_t space;
    uint8_t mode; /* 0 or 1 */
    unsigned walks, faults, dirtied;
    bool clean;      /* pages may be written once a walk for a store has seen them */
    struct pte *map; /* SPACES tables of PAGES entries */
};
enum { SLOT_PC, SLOT_ACC, SLOT_X, SLOTS };
static const struct ir_slot slots[SLOTS] = {
    {"pc", I64, 0, 0, offsetof(struct fake, pc)},
    {"acc", I64, 1, 0, offsetof(struct fake, acc)},
    {"x", I64, 2, 0, offsetof(struct fake, x)},
};

/* --- the guest --- */
static uint32_t fake_mode(struct cpu *cpu)
{
    return ((struct fake *)cpu)->mode;
}

static uint32_t fake_swapped(uint32_t mode)
{
    return !mode;
}

static uint32_t fake_asid(struct cpu *cpu)
{
    return ((struct fake *)cpu)->space;
}

static unsigned fake_fetch_idx(struct cpu *cpu UNUSED)
{
    return 0;
}

static bool fake_has_asid(struct cpu *cpu UNUSED, unsigned idx UNUSED)
{
    return true;
}

static bool fake_walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx UNUSED,
                      struct guest_walk *out)
{
    struct fake *f = (struct fake *)cpu;
    uint64_t page = addr >> 12;
    f->walks++;
    if (page >= PAGES || !f->map[f->space * PAGES + page].valid)
        return false;
    const struct pte *p = &f->map[f->space * PAGES + page];
    *out = (struct guest_walk){.addr = RAM_BASE + ((uint64_t)p->frame << 12) + (addr & 0xfff),
                               .page_bits = p->bits,
                               .alike_bits = p->alike,
                               .prot = f->clean && access != GUEST_WRITE ? 5 : 7,
                               .global = p->global};
    f->dirtied += access == GUEST_WRITE;
    return true;
}

/* Faults end the run. */
static void fake_raise(struct cpu *cpu, gva addr UNUSED, enum guest_access access UNUSED,
                       unsigned idx UNUSED, uint32_t cause UNUSED)
{
    ((struct fake *)cpu)->faults++;
    cpu_request(cpu, CPU_REQ_QUIT);
}

static void quit(struct cpu *cpu)
{
    cpu_request(cpu, CPU_REQ_QUIT);
}

static const struct ir_helper quit_helper = {
    .name = "quit",
    .fn = (void *)quit,
    .ret = IR_VOID,
    .flags = HELPER_CPU | HELPER_READS_ALL | HELPER_VOLATILE,
};

static void loop(struct ir *ir, uint64_t pc, int64_t n)
{
    unsigned again = ir_block_new(ir), on = ir_block_new(ir);
    ir_set(ir, SLOT_X, ir_sub(ir, ir_get(ir, SLOT_X), ir_const(ir, I64, 1)));
    ir_brcond(ir, ir_get(ir, SLOT_X), ir_const(ir, I64, 0), IR_NE, again, on);
    ir_block_begin(ir, again);
    ir_exit_jump(ir, pc + 4 * (uint64_t)n, 0, IR_HINT_NONE);
    ir_block_begin(ir, on);
    ir_exit_jump(ir, pc + 4, 0, IR_HINT_NONE);
}

static void add_to(struct ir *ir, unsigned slot, ir_val v)
{
    ir_set(ir, slot, ir_add(ir, ir_get(ir, slot), v));
}

static void call(struct ir *ir, uint64_t pc, int64_t n)
{
    ir_set(ir, SLOT_X, ir_pc(ir, pc + 4));
    ir_exit_jump(ir, pc + 4 * (uint64_t)n, pc + 4, IR_HINT_CALL);
}

static const struct ir_helper fence_helper = {
    .name = "fence",
    .fn = (void *)guest_tlb_flush,
    .ret = IR_VOID,
    .flags = HELPER_CPU | HELPER_VOLATILE,
};

static void swap_to(struct ir *ir, ir_val target, uint64_t return_pc, uint32_t mode, uint32_t hint)
{
    ir_env_st(ir, ir_const(ir, I32, !mode), MO_8, offsetof(struct fake, mode));
    ir_exit_ind(ir, target, return_pc, hint | IR_HINT_SWAP);
}

static void swap_call(struct ir *ir, uint64_t pc, int64_t n, uint32_t mode)
{
    ir_set(ir, SLOT_X, ir_pc(ir, pc + 4));
    swap_to(ir, ir_pc(ir, pc + 4 * (uint64_t)n), pc + 4, mode, IR_HINT_CALL);
}

static void shift_in(struct ir *ir, uint32_t mode)
{
    ir_val acc = ir_shl(ir, ir_get(ir, SLOT_ACC), ir_const(ir, I64, 2));
    ir_set(ir, SLOT_ACC, ir_add(ir, acc, ir_const(ir, I64, 1 + mode)));
}

/* Whether the unit goes on. */
static bool translate_one(struct ir *ir, uint64_t pc, uint32_t word, uint32_t mode)
{
    int64_t n = (int32_t)word >> 8;
    ir_insn(ir, pc, word);
    switch (word & 0xff) {
    case OP_ADD: add_to(ir, SLOT_ACC, ir_const(ir, I64, (uint64_t)n)); return true;
    case OP_HERE: add_to(ir, SLOT_ACC, ir_pc(ir, pc)); return true;
    case OP_BACK:
        add_to(ir, SLOT_X, ir_const(ir, I64, UINT64_MAX));
        ir_exit_if(ir, ir_get(ir, SLOT_X), ir_const(ir, I64, 0), IR_NE, pc + 4 * (uint64_t)n);
        return true;
    case OP_CALL: call(ir, pc, n); return false;
    case OP_RET: ir_exit_ind(ir, ir_get(ir, SLOT_X), 0, IR_HINT_RET); return false;
    case OP_X: ir_set(ir, SLOT_X, ir_const(ir, I64, (uint64_t)n)); return true;
    case OP_LOAD: ir_set(ir, SLOT_ACC, ir_ld(ir, I64, ir_get(ir, SLOT_X), MO_64)); return true;
    case OP_VALUE:
        ir_set(ir, SLOT_ACC, ir_env_ld(ir, I64, MO_64, offsetof(struct fake, value)));
        return true;
    case OP_STORE: ir_st(ir, ir_get(ir, SLOT_X), ir_get(ir, SLOT_ACC), MO_64); return true;
    case OP_JUMP: ir_exit_jump(ir, pc + 4 * (uint64_t)n, 0, IR_HINT_NONE); return false;
    case OP_GO: ir_exit_ind(ir, ir_get(ir, SLOT_ACC), 0, IR_HINT_NONE); return false;
    case OP_LOOP: loop(ir, pc, n); return false;
    case OP_SWAP_CALL: swap_call(ir, pc, n, mode); return false;
    case OP_SWAP_RET: swap_to(ir, ir_get(ir, SLOT_X), 0, mode, IR_HINT_RET); return false;
    case OP_MODE: shift_in(ir, mode); return true;
    case OP_FENCE: ir_call(ir, &fence_helper, NULL); return true;
    default:
        ir_set(ir, SLOT_PC, ir_pc(ir, pc));
        ir_call(ir, &quit_helper, NULL);
        ir_exit_main(ir, 1);
        return false;
    }
}

static void fake_translate(struct tx *tx)
{
    struct ir *ir = tx_ir(tx);
    uint64_t pc = tx_start(tx);
    for (unsigned n = 0;; n++, pc += 4) {
        uint32_t word;
        if (n && (n >= tx_max_insns(tx) || !tx_same_page(tx, pc) || ir_full(ir)))
            break;
        if (!tx_fetch32(tx, pc, &word)) {
            if (!n)
                return;
            break;
        }
        if (!translate_one(ir, pc, word, tx_mode(tx)))
            return;
    }
    ir_exit_jump(ir, pc, 0, IR_HINT_NONE);
}

static const struct guest_ops fake_guest = {.name = "fake",
                                            .slots = slots,
                                            .nslots = SLOTS,
                                            .pc_slot = SLOT_PC,
                                            .mode = fake_mode,
                                            .swapped = fake_swapped,
                                            .asid = fake_asid,
                                            .fetch_idx = fake_fetch_idx,
                                            .idx_has_asid = fake_has_asid,
                                            .translate = fake_translate,
                                            .walk = fake_walk,
                                            .raise_fault = fake_raise};

static bool never(struct cpu *cpu UNUSED)
{
    return false;
}

static uint64_t get_pc(struct cpu *cpu)
{
    return ((struct fake *)cpu)->pc;
}

static void free_map(struct cpu *cpu)
{
    g_free(((struct fake *)cpu)->map);
}

static const struct cpu_ops fake_cpu = {
    .arch = "fake", .interrupt = never, .has_work = never, .get_pc = get_pc, .finalize = free_map};

/* --- the rig --- */
struct rig {
    struct machine *m;
    struct mem_region ram_region;
    struct ram_block *ram;
    struct fake *f;
    struct tcg *t;
    struct tcg_vcpu *v;
};

static bool make_cpu(struct machine *m, struct error **errp)
{
    struct fake *f = m->accel->cpu_alloc(sizeof(*f));
    f->map = g_new0(struct pte, (size_t)SPACES * PAGES);
    cpu_init(&f->cpu, &fake_cpu, m, 0);
    if (!tcg_cpu_attach(&f->cpu, &fake_guest, errp))
        return false;
    f->cpu.started = true;
    machine_add_cpu(m, &f->cpu);
    return true;
}

static const struct machine_class fake_machine = {.name = "fake",
                                                  .desc = "one fake CPU",
                                                  .arch = "none",
                                                  .size = sizeof(struct machine),
                                                  .init = make_cpu};

/* engine: of the accelerator, or "regions": translate every loop as a whole. */
static struct rig *rig_new(gconstpointer engine)
{
    bool regions = !strcmp(engine, "regions");
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;
    r->t = g_malloc0(tcg_accel_ops.props_size);
    props_init(tcg_accel_ops.props, r->t);
    if (!props_set(tcg_accel_ops.props, r->t, "engine", regions ? "jit" : engine, &err) ||
        !props_set(tcg_accel_ops.props, r->t, "regions", regions ? "all" : "auto", &err) ||
        !props_set(tcg_accel_ops.props, r->t, "tb-size", "1", &err))
        g_error("%s", error_text(err));
    clock_init();
    r->m = machine_new(&fake_machine, &tcg_accel_ops, r->t);
    r->ram = machine_new_ram(r->m, "ram", RAM_BYTES, NULL);
    region_init_ram(&r->ram_region, "ram", r->ram, 0, RAM_BYTES);
    region_add(&r->m->root, RAM_BASE, &r->ram_region, 0);
    address_space_update(&r->m->as);
    if (!machine_init(r->m, &err))
        g_error("%s", error_text(err));
    r->f = (struct fake *)r->m->cpus[0];
    r->v = tcg_vcpu(&r->f->cpu);
    return r;
}

static void rig_free(struct rig *r)
{
    machine_free(r->m);
    props_fini(tcg_accel_ops.props, r->t);
    g_free(r->t);
    g_free(r);
}

static void map_page(struct rig *r, uint32_t space, uint64_t page, uint32_t frame)
{
    r->f->map[space * PAGES + page] = (struct pte){frame, true, false, 12, 12};
}

static void map_global(struct rig *r, uint64_t page, uint32_t frame)
{
    for (uint32_t s = 0; s < SPACES; s++)
        r->f->map[s * PAGES + page] = (struct pte){frame, true, true, 12, 12};
}

static uint32_t insn(enum op op, int n)
{
    return op | (uint32_t)n << 8;
}

/* Like a store by another master: the accelerator is told. */
static void put(struct rig *r, uint32_t frame, unsigned index, uint32_t word)
{
    g_assert_cmpint(mem_write(&r->m->as, RAM_BASE + ((uint64_t)frame << 12) + 4 * index, 4, word),
                    ==, MEM_OK);
}

/* A frame whose code is: acc += n, quit. */
static void put_adder(struct rig *r, uint32_t frame, int n)
{
    put(r, frame, 0, insn(OP_ADD, n));
    put(r, frame, 1, insn(OP_QUIT, 0));
}

static void put_value(struct rig *r, uint32_t frame, uint64_t value)
{
    g_assert_cmpint(mem_write(&r->m->as, RAM_BASE + ((uint64_t)frame << 12), 8, value), ==, MEM_OK);
}

/* From pc until the guest quits; acc, which begins with 0. */
static uint64_t run(struct rig *r, uint64_t pc)
{
    r->f->pc = pc;
    r->f->acc = 0;
    atomic_fetch_and(&r->f->cpu.request, ~(uint32_t)CPU_REQ_QUIT);
    tcg_accel_ops.cpu_thread(&r->f->cpu);
    return r->f->acc;
}

static void enter_space(struct rig *r, uint32_t space)
{
    r->f->space = space;
    guest_space_changed(&r->f->cpu);
}

/* --- pages --- */
enum { CODE = 1, DATA = 2, LOADER = 3 }; /* virtual pages */

/* Page LOADER loads what is at the start of page n. */
static void put_loader(struct rig *r, unsigned n)
{
    map_global(r, LOADER, 100);
    put(r, 100, 0, insn(OP_X, (int)(n << 12)));
    put(r, 100, 1, insn(OP_LOAD, 0));
    put(r, 100, 2, insn(OP_QUIT, 0));
}

static void test_runs(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    map_page(r, 0, CODE, 5);
    put_adder(r, 5, 7);
    g_assert_cmpuint(run(r, CODE << 12), ==, 7);
    g_assert_cmpuint(run(r, (CODE << 12) + 4), ==, 0);
    g_assert_cmpuint(r->v->stats.units, ==, 2);
    run(r, 9 << 12);
    g_assert_cmpuint(r->f->faults, ==, 1);
    g_assert_cmphex(r->f->pc, ==, 9 << 12);
    rig_free(r);
}

/* The four fences, each after a page has been moved between two frames. */
static void fence(struct rig *r, unsigned kind, unsigned page)
{
    struct cpu *cpu = &r->f->cpu;
    switch (kind) {
    case 0: guest_tlb_flush(cpu); break;
    case 1: guest_tlb_flush_page(cpu, (gva)page << 12); break;
    case 2: guest_tlb_flush_asid(cpu, r->f->space); break;
    default: guest_tlb_flush_page_asid(cpu, (gva)page << 12, r->f->space);
    }
}

static void test_every_fence_shows_code_and_data_anew(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_loader(r, DATA);
    for (unsigned i = 0; i < 2; i++) {
        put_adder(r, 10 + i, 1 + (int)i);
        put_value(r, 20 + i, 111 * (i + 1));
    }
    for (unsigned n = 0; n < 200; n++) {
        map_page(r, 0, CODE, 10 + (n & 1));
        fence(r, n / 2 % 4, CODE);
        map_page(r, 0, DATA, 20 + (n & 1));
        fence(r, n / 2 % 4, DATA);
        for (unsigned again = 0; again < 3; again++) {
            g_assert_cmpuint(run(r, CODE << 12), ==, 1 + (n & 1));
            g_assert_cmpuint(run(r, LOADER << 12), ==, 111 * (1 + (n & 1)));
        }
    }
    rig_free(r);
}

static void test_a_fence_of_one_page_keeps_the_others(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_loader(r, DATA);
    map_page(r, 0, CODE, 10);
    put_adder(r, 10, 1);
    map_page(r, 0, DATA, 20);
    run(r, LOADER << 12);
    run(r, CODE << 12);
    unsigned walks = r->f->walks;
    guest_tlb_flush_page(&r->f->cpu, 77 << 12);
    guest_tlb_flush_page_asid(&r->f->cpu, DATA << 12, 5);
    guest_tlb_flush_asid(&r->f->cpu, 5);
    run(r, LOADER << 12);
    run(r, CODE << 12);
    g_assert_cmpuint(r->f->walks, ==, walks);
    guest_tlb_flush_page(&r->f->cpu, DATA << 12);
    run(r, LOADER << 12);
    run(r, CODE << 12);
    g_assert_cmpuint(r->f->walks, ==, walks + 1);
    rig_free(r);
}

static void test_a_fence_of_a_space_keeps_global_pages(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_loader(r, DATA);
    map_global(r, DATA, 20);
    put_value(r, 20, 5);
    run(r, LOADER << 12);
    unsigned walks = r->f->walks;
    guest_tlb_flush_asid(&r->f->cpu, 0);
    guest_tlb_flush_page_asid(&r->f->cpu, DATA << 12, 0);
    g_assert_cmpuint(run(r, LOADER << 12), ==, 5);
    g_assert_cmpuint(r->f->walks, ==, walks);
    guest_tlb_flush_page(&r->f->cpu, DATA << 12);
    g_assert_cmpuint(run(r, LOADER << 12), ==, 5);
    g_assert_cmpuint(r->f->walks, ==, walks + 1);
    rig_free(r);
}

/* Pages first .. first+512 to frames 512 and on; rights alike in ranges of 2^alike bytes. */
static void map_large(struct rig *r, unsigned first, unsigned bits, unsigned alike)
{
    for (unsigned i = 0; i < 512; i++)
        r->f->map[first + i] = (struct pte){512 + i, true, false, bits, alike};
}

static void fence_inside_a_large_page(gconstpointer engine, unsigned alike)
{
    enum { FIRST = 512, N = 40 };
    struct rig *r = rig_new(engine);
    map_large(r, FIRST, 21, alike);
    for (unsigned i = 0; i < N; i++)
        put_adder(r, 512 + i, (int)i);
    for (unsigned i = 0; i < N; i++)
        g_assert_cmpuint(run(r, (FIRST + i) << 12), ==, i);
    g_assert_cmpuint(r->f->walks, ==, alike == 21 ? 1 : N);
    for (unsigned i = 0; i < N; i++)
        map_page(r, 0, FIRST + i, 512 + N - 1 - i);
    guest_tlb_flush_page(&r->f->cpu, (FIRST + 300) << 12);
    for (unsigned i = 0; i < N; i++)
        g_assert_cmpuint(run(r, (FIRST + i) << 12), ==, N - 1 - i);
    rig_free(r);
}
static void test_a_fence_inside_a_large_page_drops_it(gconstpointer engine)
{
    fence_inside_a_large_page(engine, 21);
}
static void test_a_fence_inside_a_large_page_drops_every_piece(gconstpointer engine)
{
    fence_inside_a_large_page(engine, 12);
}

/* --- levels of the TLB --- */
/* Two pages of code, for all spaces: acc = 8 bytes at x, and the store; then stop. */
enum { READER = 5, WRITER = 6 };
static void put_accessors(struct rig *r)
{
    map_global(r, READER, 101);
    put(r, 101, 0, insn(OP_LOAD, 0));
    put(r, 101, 1, insn(OP_QUIT, 0));
    map_global(r, WRITER, 102);
    put(r, 102, 0, insn(OP_VALUE, 0));
    put(r, 102, 1, insn(OP_STORE, 0));
    put(r, 102, 2, insn(OP_QUIT, 0));
}
static uint64_t read_at(struct rig *r, gva addr)
{
    r->f->x = addr;
    return run(r, READER << 12);
}
static void write_at(struct rig *r, gva addr, uint64_t value)
{
    r->f->x = addr;
    r->f->value = value;
    run(r, WRITER << 12);
}
static bool is_native(const struct rig *r)
{
    return r->t->be->is_native;
}

static void test_more_pages_than_the_second_level_had_room_for(gconstpointer engine)
{
    enum { FIRST = 1000, N = 3000, STEP = 1009 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    for (unsigned i = 0; i < N; i++) {
        map_page(r, 0, FIRST + i, 1024 + i);
        put_value(r, 1024 + i, 7 * i);
    }
    uint32_t sets = tcg_env(&r->f->cpu)->l2_mask + 1;
    g_assert_cmpuint(sets * TCG_L2_WAYS, <, N);
    for (unsigned round = 0; round < 4; round++) {
        unsigned walks = r->f->walks;
        for (unsigned n = 0, i = 0; n < N; n++, i = (i + STEP) % N)
            g_assert_cmpuint(read_at(r, (gva)(FIRST + i) << 12), ==, 7 * i);
        if (round == 3)
            g_assert_cmpuint(r->f->walks, ==, walks);
    }
    g_assert_cmpuint(tcg_env(&r->f->cpu)->l2_mask + 1, >, sets);
    rig_free(r);
}

/* Pages that are one entry of the first level: emitted code changes it by itself. */
static void test_pages_that_share_a_place_in_the_first_level(gconstpointer engine)
{
    enum { A = 1100, B = A + TCG_TLB_SIZE, ROUNDS = 100 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    for (unsigned large = 0; large < 2; large++) {
        map_page(r, 0, A, 2000);
        map_page(r, 0, B, 2001);
        if (large)
            r->f->map[B] = (struct pte){2001, true, false, 21, 21};
        guest_tlb_flush(&r->f->cpu);
        for (unsigned i = 0; i < 2; i++) { /* both are known to the second level, and writable */
            write_at(r, A << 12, 0);
            write_at(r, B << 12, 0);
        }
        read_at(r, A << 12);
        struct tcg_stats before = r->v->stats;
        uint64_t refills = tcg_env(&r->f->cpu)->l2_refills;
        for (unsigned i = 0; i < ROUNDS; i++) {
            write_at(r, (A << 12) + 8, i);
            write_at(r, (B << 12) + 8, i + 1);
            g_assert_cmpuint(read_at(r, (A << 12) + 8), ==, i);
            g_assert_cmpuint(read_at(r, (B << 12) + 8), ==, i + 1);
            g_assert_cmpuint(read_at(r, (A << 12) + 4), ==, (uint64_t)i << 32);
        }
        if (is_native(r)) {
            g_assert_cmpuint(r->v->stats.slow_ld, ==, before.slow_ld);
            g_assert_cmpuint(r->v->stats.slow_st, ==, before.slow_st);
            g_assert_cmpuint(tcg_env(&r->f->cpu)->l2_refills, >=, refills + 4 * ROUNDS);
        }
    }
    rig_free(r);
}

/* An access across two pages goes to C, whichever the first level knows; alone they do not. */
static void test_accesses_across_pages(gconstpointer engine)
{
    enum { A = 1100 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    map_page(r, 0, A, 2000);
    map_page(r, 0, A + 1, 3000);
    for (unsigned i = 0; i < 50; i++) {
        gva end = (A + 1) << 12;
        write_at(r, end - 8, UINT64_C(0x1111111122222222) * i);
        write_at(r, end, UINT64_C(0x3333333344444444));
        write_at(r, end - 4, i);
        g_assert_cmphex(read_at(r, end - 4), ==, i);
        g_assert_cmphex(read_at(r, end - 8), ==, (uint32_t)(0x22222222 * i) | (uint64_t)i << 32);
        g_assert_cmphex(read_at(r, end), ==, UINT64_C(0x3333333300000000));
        guest_tlb_flush_page(&r->f->cpu, end - (i & 4096));
    }
    rig_free(r);
}

/* A write tag that the second level could give must not be given once the page is code. */
static void test_a_page_that_becomes_code_loses_its_write_tags(gconstpointer engine)
{
    enum { A = 1100, B = A + TCG_TLB_SIZE };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    map_page(r, 0, A, 2000);
    map_page(r, 0, B, 2001);
    map_page(r, 0, CODE, 2000);
    for (int i = 1; i < 200; i++) {
        write_at(r, A << 12, insn(OP_ADD, i) | (uint64_t)insn(OP_QUIT, 0) << 32);
        write_at(r, B << 12, 0);
        write_at(r, (A << 12) + 2048, 0);
        if (i & 1)
            write_at(r, B << 12, 0);
        g_assert_cmpuint(run(r, CODE << 12), ==, i);
    }
    rig_free(r);
}

/* A page of units that is filled from one end to the other is given up soon. */
static void test_a_page_of_code_that_is_overwritten(gconstpointer engine)
{
    enum { A = 1100, UNITS = 64, STEP = 4096 / UNITS };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    map_page(r, 0, A, 2000);
    map_page(r, 0, CODE, 2000);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t before = r->v->stats.smc_writes;
        for (unsigned off = 0; off < 4096; off += 8)
            write_at(r, (A << 12) + off,
                     insn(OP_ADD, (int)(off / STEP + round)) | (uint64_t)insn(OP_QUIT, 0) << 32);
        g_assert_cmpuint(r->v->stats.smc_writes - before, <=, round ? 64 : 0);
        for (unsigned i = 0; i < UNITS; i++)
            g_assert_cmpuint(run(r, (CODE << 12) + i * STEP), ==, i + round);
    }
    rig_free(r);
}

/* Rights that only grow with a store: what was read first must be asked for again. */
static void test_a_page_that_is_clean_until_written(gconstpointer engine)
{
    enum { A = 1100 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    map_page(r, 0, A, 2000);
    r->f->clean = true;
    for (unsigned i = 0; i < 20; i++) {
        guest_tlb_flush(&r->f->cpu);
        read_at(r, A << 12);
        read_at(r, A << 12);
        unsigned dirtied = r->f->dirtied;
        write_at(r, A << 12, i);
        g_assert_cmpuint(r->f->dirtied, ==, dirtied + 1);
        write_at(r, A << 12, i + 1);
        g_assert_cmpuint(r->f->dirtied, ==, dirtied + 1);
        g_assert_cmpuint(read_at(r, A << 12), ==, i + 1);
    }
    rig_free(r);
}

/* One walk for each 2 MiB of a larger mapping; a fence of any page of it drops all. */
static void test_a_mapping_larger_than_a_large_page(gconstpointer engine)
{
    enum { FIRST = 2048, N = 2048, BITS = 23 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    for (unsigned i = 0; i < N; i++) {
        r->f->map[FIRST + i] = (struct pte){4096 + i, true, false, BITS, BITS};
        put_value(r, 4096 + i, i);
    }
    read_at(r, READER << 12);
    unsigned walks = r->f->walks;
    for (unsigned i = 0; i < N; i++)
        g_assert_cmpuint(read_at(r, (gva)(FIRST + i) << 12), ==, i);
    g_assert_cmpuint(r->f->walks, ==, walks + N / 512);
    for (unsigned i = 0; i < N; i++)
        map_page(r, 0, FIRST + i, 4096 + N - 1 - i);
    guest_tlb_flush_page_asid(&r->f->cpu, (FIRST + 700) << 12, 0);
    for (unsigned i = 0; i < N; i += 5)
        g_assert_cmpuint(read_at(r, (gva)(FIRST + i) << 12), ==, N - 1 - i);
    rig_free(r);
}

/* The first level does not say of what space its entries are, but knows it of a few neighbours. */
static void test_a_fence_of_a_space_leaves_global_pages_in_the_first_level(gconstpointer engine)
{
    enum { GLOBAL = 1100, LOCAL = GLOBAL + TCG_TLB_CHUNK, ROUNDS = 10 };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    map_global(r, GLOBAL, 2000);
    put_value(r, 2000, 77);
    map_global(r, LOCAL + TCG_TLB_SIZE, 2002);
    for (unsigned i = 0; i < ROUNDS; i++) {
        map_page(r, 0, LOCAL, 2003 + i);
        put_value(r, 2003 + i, i);
        g_assert_cmpuint(read_at(r, LOCAL << 12), ==, i);
        read_at(r, (LOCAL + TCG_TLB_SIZE) << 12);
        g_assert_cmpuint(read_at(r, LOCAL << 12), ==, i); /* from the second level */
        read_at(r, GLOBAL << 12);
        uint64_t fills = r->v->stats.l1_fills + tcg_env(&r->f->cpu)->l2_refills;
        guest_tlb_flush_asid(&r->f->cpu, 0);
        g_assert_cmpuint(read_at(r, GLOBAL << 12), ==, 77);
        g_assert_cmpuint(r->v->stats.l1_fills + tcg_env(&r->f->cpu)->l2_refills, ==, fills);
    }
    rig_free(r);
}

static uint64_t read_device(struct device *dev UNUSED, struct access a)
{
    return a.off;
}
static void write_device(struct device *dev UNUSED, struct access a UNUSED, uint64_t val UNUSED)
{
}
static const struct mmio_ops device_ops = {.read = read_device,
                                           .write = write_device,
                                           .min = 8,
                                           .max = 8,
                                           .size = 2 << 12,
                                           .unlocked = true};

/* A page of a device is walked to once, until its mapping or the machine's map changes. */
static void test_a_page_of_a_device_is_walked_to_once(gconstpointer engine)
{
    enum { A = 1100, FRAMES = RAM_BYTES >> 12 };
    struct mem_region device;
    struct rig *r = rig_new(engine);
    region_init_mmio(&device, "device", &device_ops, NULL);
    region_add(&r->m->root, RAM_BASE + RAM_BYTES, &device, 0);
    address_space_update(&r->m->as);
    put_accessors(r);
    map_page(r, 0, A, FRAMES);
    g_assert_cmpuint(read_at(r, A << 12), ==, 0);
    unsigned walks = r->f->walks;
    for (unsigned off = 0; off < 4096; off += 8)
        g_assert_cmpuint(read_at(r, (A << 12) + off), ==, off);
    g_assert_cmpuint(r->f->walks, ==, walks);
    map_page(r, 0, A, FRAMES + 1);
    guest_tlb_flush_page(&r->f->cpu, A << 12);
    g_assert_cmpuint(read_at(r, (A << 12) + 8), ==, 4096 + 8);
    map_page(r, 0, A, FRAMES);
    guest_tlb_flush_asid(&r->f->cpu, 0);
    g_assert_cmpuint(read_at(r, (A << 12) + 8), ==, 8);
    map_page(r, 1, A, FRAMES + 1);
    enter_space(r, 1);
    g_assert_cmpuint(read_at(r, (A << 12) + 8), ==, 4096 + 8);
    region_del(&device);
    region_add(&r->m->root, RAM_BASE + RAM_BYTES + 4096, &device, 0);
    address_space_update(&r->m->as);
    g_assert_cmpuint(read_at(r, (A << 12) + 8), ==, 8);
    region_del(&device);
    address_space_update(&r->m->as);
    rig_free(r);
}

/* --- spaces --- */
static void test_one_address_in_many_spaces(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_loader(r, DATA);
    for (uint32_t s = 0; s < SPACES; s++) {
        map_page(r, s, CODE, 1000 + s);
        map_page(r, s, DATA, 2000 + s);
        put_adder(r, 1000 + s, (int)s);
        put_value(r, 2000 + s, s * 3);
    }
    for (unsigned n = 0; n < 20000; n++) {
        uint32_t s = n * 7919u % (n % 3 ? SPACES : 5);
        enter_space(r, s);
        g_assert_cmpuint(run(r, CODE << 12), ==, s);
        g_assert_cmpuint(run(r, LOADER << 12), ==, s * 3);
    }
    rig_free(r);
}

static void test_a_fence_of_a_space_spares_the_others(gconstpointer engine)
{
    enum { A = 1100, N = TCG_L2_WAYS };
    struct rig *r = rig_new(engine);
    put_accessors(r);
    for (uint32_t s = 0; s < N; s++) {
        map_page(r, s, A, 2000 + s);
        put_value(r, 2000 + s, s);
        enter_space(r, s);
        g_assert_cmpuint(read_at(r, A << 12), ==, s);
    }
    map_page(r, 1, A, 3000);
    map_page(r, 2, A, 3000);
    guest_tlb_flush_asid(&r->f->cpu, 1);
    guest_tlb_flush_page_asid(&r->f->cpu, A << 12, 2);
    unsigned walks = r->f->walks;
    for (uint32_t s = 0; s < N; s++) {
        enter_space(r, s);
        g_assert_cmpuint(read_at(r, A << 12), ==, s == 1 || s == 2 ? 0 : s);
    }
    g_assert_cmpuint(r->f->walks, ==, walks + 2);
    rig_free(r);
}

static void test_a_global_page_that_becomes_local(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_adder(r, 10, 1);
    put_adder(r, 11, 2);
    map_global(r, CODE, 10);
    g_assert_cmpuint(run(r, CODE << 12), ==, 1);
    map_page(r, 0, CODE, 10);
    map_page(r, 1, CODE, 11);
    guest_tlb_flush(&r->f->cpu);
    for (unsigned n = 0; n < 10; n++) {
        enter_space(r, n & 1);
        g_assert_cmpuint(run(r, CODE << 12), ==, 1 + (n & 1));
    }
    rig_free(r);
}

/* --- units and links --- */
static void test_code_that_is_written_loses_its_links(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    map_page(r, 0, CODE, 10);
    put(r, 10, 0, insn(OP_X, 50));
    put(r, 10, 1, insn(OP_JUMP, 63)); /* to index 64 */
    put(r, 10, 64, insn(OP_ADD, 1));
    put(r, 10, 65, insn(OP_JUMP, 63)); /* to index 128 */
    put(r, 10, 128, insn(OP_LOOP, -64));
    put(r, 10, 129, insn(OP_QUIT, 0));
    g_assert_cmpuint(run(r, CODE << 12), ==, 50);
    bool links = r->t->be->is_native;
    g_assert_cmpuint(r->v->stats.chained > 0, ==, links);
    for (int n = 2; n < 100; n++) {
        put(r, 10, 64, insn(OP_ADD, n));
        g_assert_cmpuint(run(r, CODE << 12), ==, 50 * n);
    }
    uint64_t units = r->v->stats.units;
    put(r, 10, 200, 12345); /* another granule */
    g_assert_cmpuint(run(r, CODE << 12), ==, 50 * 99);
    g_assert_cmpuint(r->v->stats.units, ==, units);
    rig_free(r);
}

static void test_a_guest_that_stores_over_its_code(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    map_page(r, 0, CODE, 10);
    put(r, 10, 0, insn(OP_X, CODE << 12 | 64 * 4));
    put(r, 10, 1, insn(OP_LOAD, 0));
    put(r, 10, 2, insn(OP_ADD, 1 << 8)); /* its own number */
    put(r, 10, 3, insn(OP_STORE, 0));
    put(r, 10, 4, insn(OP_JUMP, 60)); /* to index 64 */
    put(r, 10, 64, insn(OP_ADD, 0));
    put(r, 10, 65, insn(OP_X, CODE << 12 | 128 * 4));
    put(r, 10, 66, insn(OP_LOAD, 0));
    put(r, 10, 67, insn(OP_QUIT, 0));
    for (unsigned n = 1; n < 200; n++) {
        run(r, CODE << 12);
        uint64_t word;
        g_assert_cmpint(mem_read(&r->m->as, RAM_BASE + (10 << 12) + 64 * 4, 4, &word), ==, MEM_OK);
        g_assert_cmphex(word, ==, insn(OP_ADD, (int)n));
        r->f->pc = 0;
        put(r, 10, 66, insn(OP_QUIT, 0));
        g_assert_cmphex(run(r, (CODE << 12) + 64 * 4), ==, n);
    }
    rig_free(r);
}

static void test_an_instruction_across_pages_follows_the_second(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    map_page(r, 0, CODE, 10);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t at = RAM_BASE + ((11 + i) << 12);
        g_assert_cmpint(mem_write(&r->m->as, at, 2, 1 + i), ==, MEM_OK); /* high half of n */
        g_assert_cmpint(mem_write(&r->m->as, at + 2, 4, insn(OP_QUIT, 0)), ==, MEM_OK);
    }
    g_assert_cmpint(mem_write(&r->m->as, RAM_BASE + (10 << 12) + 4094, 2, insn(OP_ADD, 0)), ==,
                    MEM_OK);
    for (unsigned n = 0; n < 50; n++) {
        map_page(r, 0, CODE + 1, 11 + (n & 1));
        guest_tlb_flush_page(&r->f->cpu, (CODE + 1) << 12);
        g_assert_cmpuint(run(r, (CODE << 12) + 4094), ==, (1 + (n & 1)) << 8);
    }
    r->f->map[CODE + 1].valid = false;
    guest_tlb_flush_page(&r->f->cpu, (CODE + 1) << 12);
    run(r, (CODE << 12) + 4094);
    g_assert_cmpuint(r->f->faults, ==, 1);
    g_assert_cmphex(r->f->pc, ==, (CODE << 12) + 4094);
    rig_free(r);
}

/* --- one piece of code at many addresses --- */
enum { MOVER = 10, MOVER_LOOP = 30, MOVER_FAULT = 40, MOVER_WALK = 50, MOVER_DATA = 1900 };

/* Two frames of code that calls, returns, loops and jumps across the pages between them. */
static void put_mover(struct rig *r, uint32_t frame)
{
    static const struct {
        unsigned at;
        enum op op;
        int n;
    } code[] = {
        {0, OP_CALL, 1024 + 8},
        {1, OP_HERE, 0},
        {2, OP_CALL, 16},
        {3, OP_ADD, 5},
        {4, OP_JUMP, 1018},
        {18, OP_HERE, 0},
        {19, OP_RET, 0},
        {1022, OP_ADD, 2},
        {1023, OP_ADD, 1},
        {1024, OP_X, MOVER_LOOP},
        {1025, OP_ADD, 1},
        {1026, OP_BACK, -1},
        {1027, OP_JUMP, 3},
        {1030, OP_QUIT, 0},
        {1032, OP_HERE, 0},
        {1033, OP_RET, 0},
        {MOVER_FAULT, OP_X, 0},
        {MOVER_FAULT + 1, OP_ADD, 1},
        {MOVER_FAULT + 2, OP_LOAD, 0},
        {MOVER_FAULT + 3, OP_QUIT, 0},
        {MOVER_WALK, OP_X, (MOVER_DATA << 12) + 20},
        {MOVER_WALK + 1, OP_LOAD, 0},
        {MOVER_WALK + 2, OP_BACK, -1},
        {MOVER_WALK + 3, OP_QUIT, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(code); i++)
        put(r, frame + code[i].at / 1024, code[i].at % 1024, insn(code[i].op, code[i].n));
}

static void map_mover(struct rig *r, uint32_t space, uint64_t page, uint32_t frame)
{
    map_page(r, space, page, frame);
    map_page(r, space, page + 1, frame + 1);
    map_page(r, space, MOVER_DATA, 4000);
}

/* One function for callers of both modes, which itself calls into the other one. */
static void test_calls_that_swap_modes(gconstpointer engine)
{
    enum { FN = 1024 + 100, SEEN = 1 << 6 | 2 << 4 | 2 << 2 | 1 };
    struct rig *r = rig_new(engine);
    map_mover(r, 0, 50, MOVER);
    const uint32_t at[] = {OP_MODE, insn(OP_SWAP_CALL, FN - 1), OP_MODE, OP_QUIT};
    const uint32_t fn[] = {OP_MODE, OP_FENCE, OP_MODE, OP_SWAP_RET};
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++)
        put(r, MOVER, i, at[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(fn); i++)
        put(r, MOVER + 1, FN - 1024 + i, fn[i]);
    for (unsigned n = 0; n < 12; n++) {
        r->f->mode = n & 1;
        put(r, MOVER + 1, FN - 1024 + 1, n % 4 < 2 ? insn(OP_ADD, 0) : (uint32_t)OP_FENCE);
        uint64_t got = run(r, 50 << 12);
        g_assert_cmphex(got, ==, n & 1 ? 0xff - SEEN : SEEN);
        g_assert_cmphex(r->f->pc, ==, (50 << 12) + 12);
        g_assert_cmpuint(r->f->mode, ==, n & 1);
    }
    rig_free(r);
}

/* extra: what was added to the number at index 3. */
static void check_mover(struct rig *r, uint64_t page, unsigned extra)
{
    uint64_t base = page << 12, at[] = {1032, 1, 18}, sum = 5 + 2 + 1 + MOVER_LOOP + extra;
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++)
        sum += base + 4 * at[i];
    g_assert_cmphex(run(r, base), ==, sum);
    g_assert_cmphex(r->f->pc, ==, base + 4 * 1030);
}

static void check_mover_fault(struct rig *r, uint64_t page)
{
    unsigned faults = r->f->faults;
    run(r, (page << 12) + 4 * MOVER_FAULT);
    g_assert_cmpuint(r->f->faults, ==, faults + 1);
    g_assert_cmphex(r->f->pc, ==, (page << 12) + 4 * (MOVER_FAULT + 2));
    /* In a loop: it loads from DATA downwards and falls off the page. */
    run(r, (page << 12) + 4 * MOVER_WALK);
    g_assert_cmpuint(r->f->faults, ==, faults + 2);
    g_assert_cmphex(r->f->pc, ==, (page << 12) + 4 * (MOVER_WALK + 1));
    g_assert_cmphex(r->f->x, ==, (MOVER_DATA << 12) - 1);
}

static void test_code_at_many_addresses_is_translated_twice(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_mover(r, MOVER);
    uint64_t units = 0;
    for (unsigned n = 0; n < 40; n++) {
        uint64_t page = 50 + n * 7;
        enter_space(r, n % 3);
        map_mover(r, n % 3, page, MOVER);
        for (unsigned again = 0; again < 3; again++) {
            check_mover(r, page, 0);
            check_mover_fault(r, page);
        }
        if (n == 1)
            units = r->v->stats.units;
    }
    g_assert_cmpuint(r->v->stats.units, ==, units);
    g_assert_cmpuint(r->v->stats.relative * 2, ==, units);
    rig_free(r);
}

static void test_code_at_many_addresses_of_one_space(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_mover(r, MOVER);
    for (unsigned n = 0; n < 8; n++)
        map_mover(r, 0, 50 + n * 3, MOVER);
    for (unsigned n = 0; n < 2000; n++) {
        check_mover(r, 50 + n * 7 % 8 * 3, n / 100);
        check_mover_fault(r, 50 + n * 5 % 8 * 3);
        if (n % 100 == 99)
            put(r, MOVER, 3, insn(OP_ADD, 5 + (int)(n + 1) / 100));
    }
    rig_free(r);
}

/* The same addresses lead to other code in other spaces, and both move. */
static void test_code_that_trades_places(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    for (unsigned i = 0; i < 3; i++) {
        put_mover(r, MOVER + 2 * i);
        put(r, MOVER + 2 * i, 3, insn(OP_ADD, 5 + (int)i));
    }
    for (unsigned n = 0; n < 3000; n++) {
        uint32_t space = n * 7919u % 11, which = n / 50 % 3;
        uint64_t page = 100 + (space + n / 100) % 4 * 2;
        enter_space(r, space);
        map_mover(r, space, page, MOVER + 2 * which);
        if (n % 2)
            guest_tlb_flush_asid(&r->f->cpu, space);
        else
            for (unsigned i = 0; i < 2; i++)
                guest_tlb_flush_page(&r->f->cpu, (page + i) << 12);
        check_mover(r, page, which);
        check_mover(r, page, which);
    }
    rig_free(r);
}

/* A page for every space keeps units of its own beside those for one space. */
static void test_code_that_moves_and_is_global(gconstpointer engine)
{
    enum { GLOBAL = 200 };
    struct rig *r = rig_new(engine);
    put_mover(r, MOVER);
    map_global(r, GLOBAL, MOVER);
    map_global(r, GLOBAL + 1, MOVER + 1);
    for (unsigned n = 0; n < 100; n++) {
        uint64_t page = 50 + n % 5 * 2;
        enter_space(r, n % 7);
        map_mover(r, n % 7, page, MOVER);
        check_mover(r, page, 0);
        check_mover(r, GLOBAL, 0);
        check_mover_fault(r, GLOBAL);
    }
    rig_free(r);
}

static void test_an_instruction_across_pages_that_move(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    put_mover(r, MOVER);
    uint64_t last = RAM_BASE + (MOVER << 12) + 4094;
    g_assert_cmpint(mem_write(&r->m->as, last, 2, insn(OP_ADD, 0)), ==, MEM_OK);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t at = RAM_BASE + ((20 + i) << 12);
        g_assert_cmpint(mem_write(&r->m->as, at, 2, 1 + i), ==, MEM_OK); /* high half of n */
        g_assert_cmpint(mem_write(&r->m->as, at + 2, 4, insn(OP_HERE, 0)), ==, MEM_OK);
        g_assert_cmpint(mem_write(&r->m->as, at + 6, 4, insn(OP_QUIT, 0)), ==, MEM_OK);
    }
    for (unsigned n = 0; n < 100; n++) {
        uint64_t page = 50 + n % 5 * 2;
        map_mover(r, 0, page, MOVER);
        map_page(r, 0, page + 1, 20 + n % 2);
        guest_tlb_flush_page(&r->f->cpu, (page + 1) << 12);
        uint64_t pc = (page << 12) + 4094;
        g_assert_cmphex(run(r, pc), ==, ((1 + n % 2) << 8) + pc + 4);
        check_mover_fault(r, page);
    }
    rig_free(r);
}

/* --- the code buffer --- */
enum { FIRST = 16, LAST = 3000 };
static void fill_with_additions(struct rig *r, uint32_t frame)
{
    uint32_t *code = (uint32_t *)(void *)(r->ram->host + ((uint64_t)frame << 12));
    for (unsigned i = 0; i < 1024; i++)
        code[i] = i % 4 == 3 ? insn(OP_JUMP, 1) : insn(OP_ADD, 1);
}

/* Pages FIRST to LAST - 1 are full of additions; together they need several times the buffer. */
static void run_through(struct rig *r)
{
    map_page(r, 0, LAST, LAST);
    put(r, LAST, 0, insn(OP_QUIT, 0));
    for (unsigned n = 0; n < 2; n++)
        g_assert_cmpuint(run(r, FIRST << 12), ==, (LAST - FIRST) * 1024 * 3 / 4);
    g_assert_cmpuint(atomic_load(&r->t->evictions), >, 16);
    g_assert_cmpuint(r->f->faults, ==, 0);
    rig_free(r);
}

static void test_eviction_under_load(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    for (unsigned page = FIRST; page < LAST; page++) {
        map_page(r, 0, page, page);
        fill_with_additions(r, page);
    }
    run_through(r);
}

/* Global, so that each address has units of its own: a page has very many.  The time limit is the
 * test. */
static void test_eviction_of_one_frame_seen_at_many_addresses(gconstpointer engine)
{
    struct rig *r = rig_new(engine);
    for (unsigned page = FIRST; page < LAST; page++)
        r->f->map[page] = (struct pte){.frame = FIRST, .valid = true, .global = true, .bits = 12};
    fill_with_additions(r, FIRST);
    run_through(r);
}

static void add_for(const char *engine, const char *name, GTestDataFunc fn)
{
    g_autofree char *path = g_strdup_printf("/accel/%s/%s", engine, name);
    g_test_add_data_func(path, engine, fn);
}

static void add(const char *name, GTestDataFunc fn)
{
    add_for("jit", name, fn);
    add_for("interp", name, fn);
}

static void add_moving(const char *name, GTestDataFunc fn)
{
    add(name, fn);
    add_for("regions", name, fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("runs", test_runs);
    add("fences", test_every_fence_shows_code_and_data_anew);
    add("fence-page", test_a_fence_of_one_page_keeps_the_others);
    add("fence-global", test_a_fence_of_a_space_keeps_global_pages);
    add("fence-global-first-level", test_a_fence_of_a_space_leaves_global_pages_in_the_first_level);
    add("device-page", test_a_page_of_a_device_is_walked_to_once);
    add("fence-large", test_a_fence_inside_a_large_page_drops_it);
    add("fence-pieces", test_a_fence_inside_a_large_page_drops_every_piece);
    add("capacity", test_more_pages_than_the_second_level_had_room_for);
    add("refill", test_pages_that_share_a_place_in_the_first_level);
    add("refill-across", test_accesses_across_pages);
    add("refill-code", test_a_page_that_becomes_code_loses_its_write_tags);
    add("overwritten", test_a_page_of_code_that_is_overwritten);
    add("refill-clean", test_a_page_that_is_clean_until_written);
    add("larger", test_a_mapping_larger_than_a_large_page);
    add("fence-space", test_a_fence_of_a_space_spares_the_others);
    add("spaces", test_one_address_in_many_spaces);
    add("global-to-local", test_a_global_page_that_becomes_local);
    add("links", test_code_that_is_written_loses_its_links);
    add("self", test_a_guest_that_stores_over_its_code);
    add("across", test_an_instruction_across_pages_follows_the_second);
    add("swaps", test_calls_that_swap_modes);
    add_moving("moving", test_code_at_many_addresses_is_translated_twice);
    add_moving("moving-in-one-space", test_code_at_many_addresses_of_one_space);
    add_moving("moving-and-trading", test_code_that_trades_places);
    add_moving("moving-and-global", test_code_that_moves_and_is_global);
    add_moving("moving-and-across", test_an_instruction_across_pages_that_move);
    add("eviction", test_eviction_under_load);
    add("eviction-shared", test_eviction_of_one_frame_seen_at_many_addresses);
    return g_test_run();
}
