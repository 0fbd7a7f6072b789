/*
 * The x86 processor but for its instructions: segments, gates, tasks, exceptions, SMM,
 * debug registers.  Ref: SDM vol. 3; what each test proves is its name.
 */
#include "tests/unit/x86_bench.h"

#include "core/apic.h"
#include "util/bits.h"

#include <string.h>

enum {
    DATA = X86_DESC_P | X86_DESC_S | X86_DESC_W,
    CODE = X86_DESC_P | X86_DESC_S | X86_DESC_CODE | X86_DESC_R
};

#define DPL(n) ((n) << X86_DESC_DPL_SHIFT)

/* ---- reset, real mode ---- */

static void test_reset_starts_below_4_gib(void)
{
    struct x86_bench *b = x86_bench_new("qemu64");

    g_assert_cmphex(b->cpu->pc, ==, 0xfffffff0);
    g_assert_cmphex(x86_rip(b->cpu), ==, 0xfff0);
    g_assert_cmphex(b->cpu->s.seg[X86_CS].selector, ==, 0xf000);
    g_assert_cmphex(b->cpu->r[RDX], ==, 0x60fb1);
    g_assert_cmphex(b->cpu->s.cr0, ==, 0x60000010);
    g_assert_cmphex(x86_eflags(b->cpu), ==, 2);
    x86_bench_free(b);
}

static void test_real_mode_interrupt_uses_the_vector_table(void)
{
    struct x86_bench *b = x86_bench_new("486");

    bench_poke(b, 0x21 * 4, 0x12345678, 4);
    x86_far_jmp(b->cpu, 0, 0x7c00, MO_16, 0);
    x86_set_eflags(b->cpu, X86_FL_IF | X86_FL_CF | X86_FL_TF);
    b->cpu->r[RSP] = 0xabcd0100;
    g_assert_true(BENCH_LEAVES(helper_int_n(b->cpu, 0x21, X86_INT_N, 0x7c02)));
    g_assert_cmphex(b->cpu->pc, ==, 0x12340 + 0x5678);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0xabcd00fa);
    g_assert_cmphex(bench_peek(b, 0xfa, 2), ==, 0x7c02);
    g_assert_cmphex(bench_peek(b, 0xfc, 2), ==, 0);
    g_assert_cmphex(bench_peek(b, 0xfe, 2), ==, 0x303);
    g_assert_cmphex(x86_eflags(b->cpu), ==, 3);
    x86_iret(b->cpu, MO_16, 0);
    g_assert_cmphex(b->cpu->pc, ==, 0x7c02);
    g_assert_cmphex(x86_eflags(b->cpu), ==, 0x303);
    x86_bench_free(b);
}

static void test_vector_table_limit_leads_to_shutdown(void)
{
    struct x86_bench *b = x86_bench_new("486");

    b->cpu->s.idtr.limit = 0;
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_UD, 0)));
    g_assert_true(b->cpu->s.shutdown);
    g_assert_true(b->cpu->cpu.halted);
    x86_bench_free(b);
}

static void test_real_mode_keeps_limits(void)
{
    struct x86_bench *b = protected_bench(0);

    x86_write_cr0(b->cpu, X86_CR0_ET);
    helper_load_seg(b->cpu, X86_DS, 0x1234, 0);
    g_assert_cmphex(b->cpu->base[X86_DS], ==, 0x12340);
    g_assert_cmphex(b->cpu->s.seg[X86_DS].limit, ==, 0xffffffff);
    g_assert_cmpint(b->cpu->bounds[X86_DS].write, ==, 0xffffffff);
    x86_bench_free(b);
}

/* ---- segment loads ---- */

struct load_case {
    uint32_t attr;
    uint8_t reg, rpl, cpl;
    int vector; /* -1: loads */
};

static void check_load(const struct load_case *c)
{
    struct x86_bench *b = protected_bench(c->cpl);
    uint32_t selector = SEL_FREE | c->rpl;

    bench_desc(b, SEL_FREE, 0x12345678, 0x1000, c->attr);
    bool left = BENCH_LEAVES(helper_load_seg(b->cpu, c->reg, selector, 0));
    g_assert_cmpint(left ? bench_vector(b) : -1, ==, c->vector);
    if (left) {
        g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_FREE);
    } else {
        g_assert_cmphex(b->cpu->base[c->reg], ==, 0x12345678);
        g_assert_cmphex(b->cpu->s.seg[c->reg].limit, ==, 0x1000);
        g_assert_cmphex(bench_peek(b, BENCH_GDT + SEL_FREE + 5, 1) & 1, ==, 1);
    }
    x86_bench_free(b);
}

static void test_segment_loads_check_type_and_privilege(void)
{
    static const struct load_case cases[] = {
        {DATA | DPL(3), X86_DS, 3, 3, -1},
        {DATA | DPL(0), X86_DS, 3, 3, X86_GP},
        {DATA | DPL(2), X86_DS, 3, 0, X86_GP},
        {DATA | DPL(0), X86_ES, 0, 0, -1},
        {(DATA | DPL(3)) & ~X86_DESC_P, X86_FS, 3, 3, X86_NP},
        {CODE | DPL(3), X86_GS, 3, 3, -1},
        {(CODE | DPL(3)) & ~X86_DESC_R, X86_GS, 3, 3, X86_GP},
        {CODE | X86_DESC_C | DPL(0), X86_DS, 3, 3, -1},
        {DATA | DPL(0), X86_SS, 0, 0, -1},
        {DATA | DPL(0), X86_SS, 3, 0, X86_GP},
        {DATA | DPL(3), X86_SS, 0, 0, X86_GP},
        {(DATA | DPL(0)) & ~X86_DESC_W, X86_SS, 0, 0, X86_GP},
        {(DATA | DPL(0)) & ~X86_DESC_P, X86_SS, 0, 0, X86_SS_FAULT},
        {CODE | DPL(0), X86_SS, 0, 0, X86_GP},
        {X86_DESC_P | X86_TSS32 << 8, X86_DS, 0, 0, X86_GP},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        check_load(&cases[i]);
}

static void test_selectors_beyond_the_table_fault(void)
{
    struct x86_bench *b = protected_bench(0);

    b->cpu->s.gdtr.limit = SEL_FREE + 6;
    g_assert_true(BENCH_LEAVES(helper_load_seg(b->cpu, X86_DS, SEL_FREE, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_FREE);
    bench_protected(b, 0);
    g_assert_true(BENCH_LEAVES(helper_load_seg(b->cpu, X86_DS, 0xc, 0))); /* no LDT */
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0xc);
    bench_protected(b, 0);
    g_assert_true(BENCH_LEAVES(helper_load_seg(b->cpu, X86_SS, 0, 0)));
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0);
    x86_bench_free(b);
}

static void test_expand_down_segments_begin_above_the_limit(void)
{
    struct x86_bench *b = protected_bench(0);
    const struct x86_bounds *bounds = &b->cpu->bounds[X86_DS];

    bench_desc(b, SEL_FREE, 0, 0xfff, DATA | X86_DESC_E);
    helper_load_seg(b->cpu, X86_DS, SEL_FREE, 0);
    g_assert_cmphex(bounds->low, ==, 0x1000);
    g_assert_cmpint(bounds->write, ==, 0xffff - 0x1000);
    bench_desc(b, SEL_FREE, 0, 0xfff, (DATA | X86_DESC_E | X86_DESC_B) & ~X86_DESC_W);
    helper_load_seg(b->cpu, X86_DS, SEL_FREE, 0);
    g_assert_cmpint(bounds->read, ==, 0xffffffff - 0x1000);
    g_assert_cmpint(bounds->write, ==, -1);
    helper_load_seg(b->cpu, X86_DS, 0, 0);
    g_assert_cmpint(bounds->read, ==, -1);
    x86_bench_free(b);
}

/* ---- gates ---- */

/* dr7: RF is loaded only where a code breakpoint makes it mean something. */
static void check_inner_level(uint64_t dr7)
{
    struct x86_bench *b = protected_bench(3);

    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_GP, 0x1234)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x9000 - 24);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x1234);
    g_assert_cmphex(bench_stack(b, 1, 4), ==, 0x5000);
    g_assert_cmphex(bench_stack(b, 2, 4), ==, SEL_CODE3);
    g_assert_cmphex(bench_stack(b, 3, 4), ==, X86_FL_RF | 2);
    g_assert_cmphex(bench_stack(b, 4, 4), ==, 0x8000);
    g_assert_cmphex(bench_stack(b, 5, 4), ==, SEL_DATA3);
    g_assert_cmpint(b->cpu->s.cpl, ==, 0);
    b->cpu->r[RSP] += 4;
    b->cpu->s.dr[7] = dr7;
    x86_iret(b->cpu, MO_32, 0);
    g_assert_cmpint(b->cpu->s.cpl, ==, 3);
    g_assert_cmphex(b->cpu->pc, ==, 0x5000);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x8000);
    g_assert_cmpint(!(b->cpu->s.eflags & X86_FL_RF), ==, !dr7);
    x86_bench_free(b);
}

static void test_interrupt_to_inner_level_switches_stacks(void)
{
    check_inner_level(1);
    check_inner_level(0);
}

static void test_int_n_checks_the_gate(void)
{
    struct x86_bench *b = protected_bench(3);

    bench_gate(b, 0x30, SEL_CODE0, 0x4000, X86_INT32, 0, 0);
    g_assert_true(BENCH_LEAVES(helper_int_n(b->cpu, 0x30, X86_INT_N, 0x5002)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x30 * 8 + 2);
    g_assert_cmphex(bench_stack(b, 1, 4), ==, 0x5000);
    bench_protected(b, 3);
    bench_poke(b, BENCH_IDT + 0x30 * 8 + 5, 0x6e, 1); /* not present */
    g_assert_true(BENCH_LEAVES(helper_int_n(b->cpu, 0x30, X86_INT_N, 0x5002)));
    g_assert_cmpint(bench_vector(b), ==, X86_NP);
    bench_protected(b, 3);
    bench_gate(b, 0x30, SEL_DATA0, 0x4000, X86_INT32, 3, 0);
    x86_external_interrupt(b->cpu, 0x30);
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_DATA0 | 1);
    x86_bench_free(b);
}

static void test_interrupt_gate_clears_if_and_trap_gate_does_not(void)
{
    struct x86_bench *b = protected_bench(0);

    x86_set_eflags(b->cpu, X86_FL_IF | X86_FL_NT | X86_FL_TF);
    x86_external_interrupt(b->cpu, 0x40);
    g_assert_cmphex(x86_eflags(b->cpu), ==, 2);
    bench_protected(b, 0);
    bench_gate(b, 0x40, SEL_CODE0, 0x4000, X86_TRAP32, 0, 0);
    x86_set_eflags(b->cpu, X86_FL_IF);
    x86_external_interrupt(b->cpu, 0x40);
    g_assert_cmphex(x86_eflags(b->cpu), ==, X86_FL_IF | 2);
    x86_bench_free(b);
}

/* Two contributory faults are #DF; after a benign one the second stands alone. */
static void test_faults_in_a_row(void)
{
    struct x86_bench *b = protected_bench(0);

    bench_poke(b, BENCH_IDT + X86_GP * 8 + 5, 0, 1);
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_GP, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_DF);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0);
    bench_protected(b, 0);
    bench_poke(b, BENCH_IDT + X86_UD * 8 + 5, 0x0e, 1);
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_UD, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_NP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, X86_UD * 8 + 3);
    bench_protected(b, 0);
    bench_poke(b, BENCH_IDT + X86_GP * 8 + 5, 0, 1);
    bench_poke(b, BENCH_IDT + X86_DF * 8 + 5, 0, 1);
    g_assert_false(b->cpu->s.shutdown);
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_GP, 0)));
    g_assert_true(b->cpu->s.shutdown);
    x86_bench_free(b);
}

static void test_stack_fault_on_inner_stack_names_its_selector(void)
{
    struct x86_bench *b = protected_bench(3);

    bench_desc(b, SEL_FREE, 0, 0x7ff, DATA);
    bench_poke(b, BENCH_TSS + 8, SEL_FREE, 4);
    g_assert_true(BENCH_LEAVES(helper_int_n(b->cpu, 0x50, X86_INT_N, 0x5002)));
    g_assert_true(b->cpu->s.shutdown); /* #SS has no stack, either */
    bench_protected(b, 3);
    b->cpu->s.shutdown = false;
    bench_poke(b, BENCH_TSS + 8, SEL_DATA3, 4);
    bench_desc(b, SEL_FREE, 0, 0x67, X86_DESC_P | X86_TSS32 << 8);
    g_assert_true(BENCH_LEAVES(helper_int_n(b->cpu, 0x50, X86_INT_N, 0x5002)));
    g_assert_true(b->cpu->s.shutdown); /* nor #TS */
    x86_bench_free(b);
}

/* ---- 64-bit mode ---- */

static void test_long_mode_frame_and_ist(void)
{
    struct x86_bench *b = long_bench(0);

    b->cpu->r[RSP] = 0x8008;
    x86_external_interrupt(b->cpu, 0x40);
    g_assert_cmpint(bench_vector(b), ==, 0x40);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x8000 - 40);
    g_assert_cmphex(bench_stack(b, 3, 8), ==, 0x8008);
    x86_iret(b->cpu, MO_64, 0);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x8008);
    bench_gate(b, X86_GP, SEL_CODE0, 0x10000 + 16 * X86_GP, X86_INT32, 0, 1);
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_GP, 0x55)));
    g_assert_cmphex(b->cpu->r[RSP], ==, 0xa000 - 48);
    g_assert_cmphex(bench_stack(b, 0, 8), ==, 0x55);
    x86_bench_free(b);
}

static void test_long_mode_wants_64_bit_handlers(void)
{
    struct x86_bench *b = long_bench(3);

    bench_desc(b, SEL_FREE, 0, 0xfffff, CODE | X86_DESC_B | X86_DESC_G);
    bench_gate(b, 0x40, SEL_FREE, 0x4000, X86_INT32, 3, 0);
    x86_external_interrupt(b->cpu, 0x40);
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 8), ==, SEL_FREE | 1);
    g_assert_cmphex(b->cpu->s.seg[X86_SS].selector, ==, 0);
    x86_bench_free(b);
}

static void test_syscall_and_sysret(void)
{
    struct x86_bench *b = long_bench(3);
    struct x86_cpu *cpu = b->cpu;

    cpu->s.star = (uint64_t)0x23 << 48 | (uint64_t)0x10 << 32;
    cpu->s.lstar = 0x4000;
    cpu->s.sfmask = X86_FL_IF;
    x86_set_eflags(cpu, X86_FL_IF | X86_FL_CF);
    helper_syscall(cpu, 0x5002);
    g_assert_cmphex(cpu->pc, ==, 0x4000);
    g_assert_cmphex(cpu->r[RCX], ==, 0x5002);
    g_assert_cmphex(cpu->r[11], ==, 0x203);
    g_assert_cmphex(x86_eflags(cpu), ==, 3);
    g_assert_cmphex(cpu->s.seg[X86_CS].selector, ==, 0x10);
    g_assert_cmphex(cpu->s.seg[X86_SS].selector, ==, 0x18);
    helper_sysret(cpu, 1);
    g_assert_cmphex(cpu->pc, ==, 0x5002);
    g_assert_cmphex(cpu->s.seg[X86_CS].selector, ==, 0x33);
    g_assert_cmphex(cpu->s.seg[X86_SS].selector, ==, 0x2b);
    g_assert_cmpint(cpu->s.cpl, ==, 3);
    g_assert_cmphex(x86_eflags(cpu), ==, 0x203);
    x86_bench_free(b);
}

/* ---- virtual-8086 mode ---- */

static void enter_vm(struct x86_bench *b, unsigned iopl)
{
    struct x86_cpu *cpu = b->cpu;
    uint32_t words[] = {0x100,  0x1000, X86_FL_VM | 2 | iopl << 12, 0x200, 0x2000, 0x3000, 0x4000,
                        0x5000, 0x6000};

    bench_protected(b, 0);
    cpu->r[RSP] = 0x7000;
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        bench_poke(b, 0x7000 + 4 * i, words[i], 4);
    x86_iret(cpu, MO_32, 0);
}

static void test_virtual_8086_mode_and_back(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    enter_vm(b, 3);
    g_assert_true(x86_is_vm(cpu));
    g_assert_cmphex(cpu->pc, ==, 0x10100);
    g_assert_cmphex(cpu->base[X86_SS], ==, 0x20000);
    g_assert_cmphex(cpu->base[X86_GS], ==, 0x60000);
    g_assert_cmphex(cpu->s.seg[X86_DS].limit, ==, 0xffff);
    g_assert_cmpint(cpu->s.cpl, ==, 3);
    x86_external_interrupt(cpu, 0x40);
    g_assert_cmpint(bench_vector(b), ==, 0x40);
    g_assert_cmphex(cpu->r[RSP], ==, 0x9000 - 36);
    g_assert_cmphex(bench_stack(b, 8, 4), ==, 0x6000);
    g_assert_cmphex(bench_stack(b, 5, 4), ==, 0x3000);
    g_assert_cmphex(cpu->s.seg[X86_DS].selector, ==, 0);
    g_assert_false(x86_is_vm(cpu));
    x86_iret(cpu, MO_32, 0);
    g_assert_cmphex(cpu->pc, ==, 0x10100);
    g_assert_cmphex(cpu->r[RSP], ==, 0x200);
    x86_bench_free(b);
}

static void test_virtual_8086_int_needs_iopl_3_or_vme(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    enter_vm(b, 0);
    g_assert_true(BENCH_LEAVES(helper_int_n(cpu, 0x21, X86_INT_N, 0x10102)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0);
    enter_vm(b, 0);
    cpu->s.cr4 |= X86_CR4_VME;
    bench_poke(b, BENCH_TSS + 0x66, 0x88, 2);
    bench_poke(b, BENCH_TSS + 0x68 + 4, 0, 4); /* vectors 0x20 to 0x3f: redirected */
    bench_poke(b, 0x21 * 4, 0x12345678, 4);
    cpu->s.eflags |= X86_FL_VIF;
    g_assert_true(BENCH_LEAVES(helper_int_n(cpu, 0x21, X86_INT_N, 0x10102)));
    g_assert_cmphex(cpu->pc, ==, 0x12340 + 0x5678);
    g_assert_true(x86_is_vm(cpu));
    g_assert_false(cpu->s.eflags & X86_FL_VIF);
    g_assert_cmphex(bench_peek(b, 0x201fe, 2), ==, 0x3202);
    x86_iret(cpu, MO_16, 0);
    g_assert_cmphex(cpu->pc, ==, 0x10102);
    g_assert_true(cpu->s.eflags & X86_FL_VIF);
    x86_bench_free(b);
}

/* ---- far transfers ---- */

static void make_call_gate(struct x86_bench *b, uint32_t selector, uint32_t to, uint32_t offset,
                           unsigned params, unsigned dpl)
{
    bench_poke(b, BENCH_GDT + selector, (offset & 0xffff) | to << 16, 4);
    bench_poke(b, BENCH_GDT + selector + 4,
               (offset & 0xffff0000) | X86_DESC_P | DPL(dpl) | X86_CALL32 << 8 | params, 4);
}

static void test_call_gate_copies_parameters(void)
{
    struct x86_bench *b = protected_bench(3);
    struct x86_cpu *cpu = b->cpu;

    make_call_gate(b, SEL_FREE, SEL_CODE0, 0x4444, 2, 3);
    bench_poke(b, 0x8000, 0x11111111, 4);
    bench_poke(b, 0x8004, 0x22222222, 4);
    helper_far_call(cpu, SEL_FREE | 3, 0xdead, MO_32, 0x5007);
    g_assert_cmphex(cpu->pc, ==, 0x4444);
    g_assert_cmpint(cpu->s.cpl, ==, 0);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x5007);
    g_assert_cmphex(bench_stack(b, 1, 4), ==, SEL_CODE3);
    g_assert_cmphex(bench_stack(b, 2, 4), ==, 0x11111111);
    g_assert_cmphex(bench_stack(b, 3, 4), ==, 0x22222222);
    g_assert_cmphex(bench_stack(b, 4, 4), ==, 0x8000);
    helper_load_seg(cpu, X86_DS, SEL_DATA0, 0);
    helper_far_ret(cpu, MO_32, 8, 0);
    g_assert_cmphex(cpu->pc, ==, 0x5007);
    g_assert_cmpint(cpu->s.cpl, ==, 3);
    g_assert_cmphex(cpu->r[RSP], ==, 0x8008);
    g_assert_cmphex(cpu->s.seg[X86_DS].selector, ==, 0); /* level 0: not for level 3 */
    x86_bench_free(b);
}

static void test_far_transfers_check_privilege(void)
{
    struct x86_bench *b = protected_bench(3);

    g_assert_true(BENCH_LEAVES(helper_far_jmp(b->cpu, SEL_CODE0, 0, MO_32, 0x5007)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_CODE0);
    bench_protected(b, 3);
    make_call_gate(b, SEL_FREE, SEL_CODE0, 0x4444, 0, 2);
    g_assert_true(BENCH_LEAVES(helper_far_call(b->cpu, SEL_FREE, 0, MO_32, 0x5007)));
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_FREE);
    bench_protected(b, 3);
    make_call_gate(b, SEL_FREE, SEL_CODE0, 0x4444, 0, 3);
    g_assert_true(BENCH_LEAVES(helper_far_jmp(b->cpu, SEL_FREE, 0, MO_32, 0x5007)));
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_CODE0);
    bench_protected(b, 3);
    bench_desc(b, SEL_FREE, 0, 0xff, CODE | X86_DESC_C | X86_DESC_B);
    g_assert_true(BENCH_LEAVES(helper_far_jmp(b->cpu, SEL_FREE, 0x100, MO_32, 0x5007)));
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0);
    bench_protected(b, 3);
    helper_far_jmp(b->cpu, SEL_FREE, 0xff, MO_32, 0x5007);
    g_assert_cmphex(b->cpu->s.seg[X86_CS].selector, ==, SEL_FREE | 3);
    g_assert_cmphex(b->cpu->pc, ==, 0xff);
    x86_bench_free(b);
}

static void test_far_return_does_not_go_inward(void)
{
    struct x86_bench *b = protected_bench(3);

    bench_poke(b, 0x8000, 0x4000, 4);
    bench_poke(b, 0x8004, SEL_CODE0, 4);
    g_assert_true(BENCH_LEAVES(helper_far_ret(b->cpu, MO_32, 0, 0x5001)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_CODE0);
    x86_bench_free(b);
}

/* ---- tasks ---- */

enum { NEW_TSS = 0x6800, SEL_NEW = SEL_FREE };

static void make_task(struct x86_bench *b)
{
    bench_desc(b, SEL_NEW, NEW_TSS, 0x67, X86_DESC_P | X86_TSS32 << 8);
    for (unsigned i = 0; i < 0x68; i += 4)
        bench_poke(b, NEW_TSS + i, 0, 4);
    bench_poke(b, NEW_TSS + 0x20, 0x4400, 4);
    bench_poke(b, NEW_TSS + 0x24, 2, 4);
    bench_poke(b, NEW_TSS + 0x28, 0xaaaa, 4);
    bench_poke(b, NEW_TSS + 0x38, 0x7800, 4);
    for (unsigned i = 0; i < 6; i++)
        bench_poke(b, NEW_TSS + 0x48 + 4 * i, i == 1 ? SEL_CODE0 : SEL_DATA0, 4);
    bench_desc(b, SEL_TSS, BENCH_TSS, 0x2fff, X86_DESC_P | X86_TSS32_BUSY << 8);
}

static unsigned tss_type(struct x86_bench *b, uint32_t selector)
{
    return bench_peek(b, BENCH_GDT + selector + 5, 1) & 15;
}

static void test_task_call_and_return(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    make_task(b);
    cpu->r[RBX] = 0x1234;
    helper_far_call(cpu, SEL_NEW, 0, MO_32, 0x5007);
    g_assert_cmphex(cpu->pc, ==, 0x4400);
    g_assert_cmphex(cpu->r[RAX], ==, 0xaaaa);
    g_assert_cmphex(cpu->s.tr.selector, ==, SEL_NEW);
    g_assert_true(cpu->s.eflags & X86_FL_NT);
    g_assert_true(cpu->s.cr0 & X86_CR0_TS);
    g_assert_cmphex(bench_peek(b, NEW_TSS, 2), ==, SEL_TSS);
    g_assert_cmphex(bench_peek(b, BENCH_TSS + 0x20, 4), ==, 0x5007);
    g_assert_cmphex(bench_peek(b, BENCH_TSS + 0x34, 4), ==, 0x1234);
    g_assert_cmpint(tss_type(b, SEL_NEW), ==, X86_TSS32_BUSY);
    g_assert_cmpint(tss_type(b, SEL_TSS), ==, X86_TSS32_BUSY);
    g_assert_true(BENCH_LEAVES(helper_far_jmp(cpu, SEL_TSS, 0, MO_32, 0x4407))); /* busy */
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_TSS);
    cpu->s.eflags |= X86_FL_NT;
    x86_iret(cpu, MO_32, 0x4402);
    g_assert_cmphex(cpu->pc, ==, 0x5007);
    g_assert_cmphex(cpu->r[RBX], ==, 0x1234);
    g_assert_cmpint(tss_type(b, SEL_NEW), ==, X86_TSS32);
    g_assert_false(bench_peek(b, NEW_TSS + 0x24, 4) & X86_FL_NT);
    x86_bench_free(b);
}

/* Ref: SDM vol. 3, 17.3.1.4: the trap comes before the new task's first instruction. */
static void test_task_with_the_trap_bit_begins_with_a_debug_trap(void)
{
    enum { TRAP = 0x64, GD = 1 << 13, DR6_WITH_BT = 0xffff8ff0 };
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    make_task(b);
    bench_poke(b, NEW_TSS + TRAP, 1, 2);
    x86_write_dr(cpu, 6, 0xf);
    x86_write_dr(cpu, 7, GD);
    g_assert_true(BENCH_LEAVES(helper_far_jmp(cpu, SEL_NEW, 0, MO_32, 0x5007)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(cpu->s.dr[6], ==, DR6_WITH_BT);
    g_assert_cmphex(cpu->s.dr[7] & GD, ==, 0);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x4400);
    g_assert_cmphex(cpu->s.tr.selector, ==, SEL_NEW);
    x86_bench_free(b);
}

static void test_task_jump_frees_the_old_task(void)
{
    struct x86_bench *b = protected_bench(0);

    make_task(b);
    helper_far_jmp(b->cpu, SEL_NEW, 0, MO_32, 0x5007);
    g_assert_cmphex(b->cpu->pc, ==, 0x4400);
    g_assert_cmpint(tss_type(b, SEL_TSS), ==, X86_TSS32);
    g_assert_cmpint(tss_type(b, SEL_NEW), ==, X86_TSS32_BUSY);
    g_assert_false(b->cpu->s.eflags & X86_FL_NT);
    x86_bench_free(b);
}

static void test_exception_through_a_task_gate_pushes_its_error(void)
{
    struct x86_bench *b = protected_bench(3);
    struct x86_cpu *cpu = b->cpu;

    make_task(b);
    bench_gate(b, X86_GP, SEL_NEW, 0, X86_TASK_GATE, 0, 0);
    g_assert_true(BENCH_LEAVES(helper_raise(cpu, X86_GP, 0x5678)));
    g_assert_cmphex(cpu->pc, ==, 0x4400);
    g_assert_cmphex(cpu->r[RSP], ==, 0x77fc);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x5678);
    g_assert_cmpint(cpu->s.cpl, ==, 0);
    g_assert_cmphex(bench_peek(b, BENCH_TSS + 0x20, 4), ==, 0x5000);
    x86_bench_free(b);
}

static void test_task_with_a_bad_segment_faults_in_the_new_task(void)
{
    struct x86_bench *b = protected_bench(0);

    make_task(b);
    bench_poke(b, NEW_TSS + 0x50, SEL_CODE0, 4); /* SS: code */
    g_assert_true(BENCH_LEAVES(helper_far_jmp(b->cpu, SEL_NEW, 0, MO_32, 0x5007)));
    g_assert_true(b->cpu->s.shutdown || bench_vector(b) >= 0);
    g_assert_cmphex(b->cpu->s.tr.selector, ==, SEL_NEW);
    bench_protected(b, 0);
    make_task(b);
    b->cpu->s.shutdown = false;
    bench_poke(b, NEW_TSS + 0x54, SEL_CODE0 | 0x400, 4); /* DS: beyond the table */
    b->cpu->s.gdtr.limit = 0xff;
    g_assert_true(BENCH_LEAVES(helper_far_jmp(b->cpu, SEL_NEW, 0, MO_32, 0x5007)));
    g_assert_cmpint(bench_vector(b), ==, X86_TS);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, SEL_CODE0 | 0x400);
    g_assert_cmphex(bench_stack(b, 1, 4), ==, 0x4400);
    x86_bench_free(b);
}

/* ---- debug registers ---- */

static void test_code_breakpoint_faults_unless_rf(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    helper_write_dr(cpu, 0, 0x5000);
    helper_write_dr(cpu, 7, 1);
    g_assert_true(x86_mode(&cpu->cpu) & X86_MODE_ONE);
    g_assert_true(BENCH_LEAVES(helper_one_begin(cpu)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(cpu->s.dr[6], ==, 0xffff0ff1);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x5000);
    bench_protected(b, 0);
    cpu->s.eflags |= X86_FL_RF;
    g_assert_false(BENCH_LEAVES(helper_one_begin(cpu)));
    g_assert_false(BENCH_LEAVES(helper_one_end(cpu, 0)));
    g_assert_false(cpu->s.eflags & X86_FL_RF);
    x86_bench_free(b);
}

static void test_single_step_traps_after_the_instruction(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    x86_set_eflags(cpu, X86_FL_TF);
    x86_segments_changed(cpu);
    g_assert_true(x86_mode(&cpu->cpu) & X86_MODE_TF);
    helper_one_begin(cpu);
    cpu->pc = 0x5003;
    g_assert_true(BENCH_LEAVES(helper_one_end(cpu, 1)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(cpu->s.dr[6], ==, 0xffff4ff0);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x5003);
    g_assert_true(bench_stack(b, 2, 4) & X86_FL_TF);
    x86_bench_free(b);
}

static void test_data_breakpoint_runs_its_instruction_again_alone(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;
    struct guest_walk w = {0};
    uint32_t cause;

    helper_write_dr(cpu, 1, 0x6004);
    helper_write_dr(cpu, 7, 1 << 2 | 1u << 20 | 3u << 22); /* 4 bytes, writes */
    g_assert_true(x86_walk(&cpu->cpu, 0x6800, GUEST_READ, 1, &w));
    g_assert_true(w.asks);
    g_assert_true(x86_guest_ops.may_access(&cpu->cpu, 0x6004, MO_32, GUEST_READ, &cause));
    g_assert_true(x86_guest_ops.may_access(&cpu->cpu, 0x6008, MO_32, GUEST_WRITE, &cause));
    g_assert_false(x86_guest_ops.may_access(&cpu->cpu, 0x6006, MO_32, GUEST_WRITE, &cause));
    x86_guest_ops.raise_fault(&cpu->cpu, 0x6006, GUEST_WRITE, 1, cause);
    g_assert_cmphex(cpu->pc, ==, 0x5000);
    g_assert_true(x86_mode(&cpu->cpu) & X86_MODE_ONE);
    helper_one_begin(cpu);
    g_assert_true(x86_guest_ops.may_access(&cpu->cpu, 0x6006, MO_32, GUEST_WRITE, &cause));
    cpu->pc = 0x5002;
    g_assert_true(BENCH_LEAVES(helper_one_end(cpu, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(cpu->s.dr[6], ==, 0xffff0ff2);
    g_assert_cmphex(bench_stack(b, 0, 4), ==, 0x5002);
    x86_bench_free(b);
}

static void test_general_detect_guards_debug_registers(void)
{
    struct x86_bench *b = protected_bench(0);

    helper_write_dr(b->cpu, 7, 1 << 13);
    g_assert_true(BENCH_LEAVES(helper_read_dr(b->cpu, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(b->cpu->s.dr[6] & 0xe000, ==, 0x2000);
    g_assert_false(b->cpu->s.dr[7] & 1 << 13);
    x86_bench_free(b);
}

/* ---- shadows, interrupts, ports ---- */

static void test_sti_and_mov_ss_hold_interrupts_off(void)
{
    struct x86_bench *b = protected_bench(0);
    struct cpu *cpu = &b->cpu->cpu;

    x86_irq_set(cpu, X86_LINE_INTR, true);
    g_assert_false(x86_interrupt(cpu));
    helper_set_if(b->cpu, 1);
    g_assert_true(x86_mode(cpu) & X86_MODE_ONE);
    g_assert_false(x86_interrupt(cpu));
    helper_one_begin(b->cpu);
    helper_load_seg(b->cpu, X86_SS, SEL_DATA0, 1);
    helper_one_end(b->cpu, 0);
    g_assert_false(x86_interrupt(cpu));
    helper_one_begin(b->cpu);
    helper_one_end(b->cpu, 0);
    g_assert_true(x86_interrupt(cpu));
    g_assert_cmpint(bench_vector(b), ==, 0xff); /* nobody acknowledges */
    x86_bench_free(b);
}

static void test_nmi_waits_for_iret(void)
{
    struct x86_bench *b = protected_bench(0);
    struct cpu *cpu = &b->cpu->cpu;

    x86_irq_set(cpu, X86_LINE_NMI, true);
    x86_irq_set(cpu, X86_LINE_NMI, false);
    g_assert_true(x86_interrupt(cpu));
    g_assert_cmpint(bench_vector(b), ==, X86_NMI);
    x86_irq_set(cpu, X86_LINE_NMI, true);
    g_assert_false(x86_interrupt(cpu));
    x86_iret(b->cpu, MO_32, 0);
    g_assert_true(x86_interrupt(cpu));
    x86_bench_free(b);
}

static void test_iret_unmasks_nmi_though_it_faults(void)
{
    struct x86_bench *b = protected_bench(0);
    struct cpu *cpu = &b->cpu->cpu;

    x86_irq_set(cpu, X86_LINE_NMI, true);
    g_assert_true(x86_interrupt(cpu));
    x86_irq_set(cpu, X86_LINE_NMI, true);
    bench_poke(b, b->cpu->r[RSP] + 4, 0, 4); /* CS */
    g_assert_true(BENCH_LEAVES(helper_iret(b->cpu, MO_32, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_true(x86_interrupt(cpu));
    g_assert_cmpint(bench_vector(b), ==, X86_NMI);
    x86_bench_free(b);
}

/* The request was heard in the shadow; the fault ends that. */
static void test_a_fault_in_the_shadow_does_not_lose_an_interrupt(void)
{
    struct x86_bench *b = protected_bench(0);
    struct cpu *cpu = &b->cpu->cpu;

    bench_gate(b, X86_UD, SEL_CODE0, 0x10000 + 16 * X86_UD, X86_TRAP32, 0, 0);
    x86_irq_set(cpu, X86_LINE_INTR, true);
    helper_set_if(b->cpu, 1);
    atomic_store(&cpu->request, 0);
    g_assert_false(x86_interrupt(cpu));
    g_assert_true(BENCH_LEAVES(helper_raise(b->cpu, X86_UD, 0)));
    g_assert_true(atomic_load(&cpu->request) & CPU_REQ_IRQ);
    g_assert_true(x86_interrupt(cpu));
    x86_bench_free(b);
}

static void test_ports_need_the_bitmap_outside_iopl(void)
{
    struct x86_bench *b = protected_bench(3);

    for (unsigned i = 0; i < 0x10; i++)
        bench_poke(b, BENCH_TSS + 0x68 + i, i == 8 ? 0x02 : 0, 1); /* port 0x41 */
    g_assert_cmphex(helper_in(b->cpu, 0x42, 1), ==, 0xff);
    g_assert_true(BENCH_LEAVES(helper_in(b->cpu, 0x41, 1)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    bench_protected(b, 3);
    g_assert_true(BENCH_LEAVES(helper_out(b->cpu, 0x40, 2, 0)));
    bench_protected(b, 3);
    x86_set_eflags(b->cpu, X86_FL_IOPL);
    x86_segments_changed(b->cpu);
    g_assert_cmphex(helper_in(b->cpu, 0x40, 4), ==, 0xffffffff);
    x86_bench_free(b);
}

static void test_popf_keeps_what_the_level_may_not_change(void)
{
    struct x86_bench *b = protected_bench(3);

    helper_popf(b->cpu, X86_FL_IF | X86_FL_IOPL | X86_FL_ZF | X86_FL_ID, MO_32);
    g_assert_cmphex(x86_eflags(b->cpu), ==, X86_FL_ZF | X86_FL_ID | 2);
    g_assert_true(BENCH_LEAVES(helper_set_if(b->cpu, 1)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    x86_bench_free(b);
}

/* ---- SMM, INIT ---- */

static void check_smm(const char *model)
{
    struct x86_bench *b = x86_bench_new(model);
    struct x86_cpu *cpu = b->cpu;

    bench_protected(b, 3);
    x86_set_eflags(cpu, X86_FL_IF | X86_FL_CF);
    for (unsigned i = 0; i < 8; i++)
        cpu->r[i] = 0x1000 + i;
    x86_irq_set(cpu, X86_LINE_SMI, true);
    g_assert_true(x86_interrupt(&cpu->cpu));
    g_assert_true(cpu->s.smm);
    g_assert_cmphex(cpu->pc, ==, 0x38000);
    g_assert_false(cpu->s.cr0 & X86_CR0_PE);
    g_assert_cmpint(cpu->s.cpl, ==, 0);
    bench_poke(b, x86_has(cpu, X86_F_LM) ? 0x3ff00 : 0x3fef8, 0x20000, 4); /* SMBASE */
    memset(cpu->r, 0, sizeof(cpu->r));
    helper_rsm(cpu);
    g_assert_false(cpu->s.smm);
    g_assert_cmphex(cpu->pc, ==, 0x5000);
    g_assert_cmpint(cpu->s.cpl, ==, 3);
    g_assert_cmphex(cpu->s.seg[X86_CS].selector, ==, SEL_CODE3);
    g_assert_cmphex(cpu->s.seg[X86_SS].limit, ==, 0xffffffff);
    g_assert_cmphex(x86_eflags(cpu), ==, 0x203);
    g_assert_cmphex(cpu->r[RDI], ==, 0x1007);
    g_assert_cmphex(cpu->r[RAX], ==, 0x1000);
    g_assert_cmphex(cpu->s.smbase, ==, 0x20000);
    g_assert_true(BENCH_LEAVES(helper_rsm(cpu)));
    g_assert_cmpint(bench_vector(b), ==, X86_UD);
    x86_bench_free(b);
}

/* Ref: SDM vol. 3, 31.8: NMIs that were blocked before an SMI are so after RSM. */
static void check_nmi_after_rsm(const char *model, bool masked)
{
    struct x86_bench *b = x86_bench_new(model);
    struct x86_cpu *cpu = b->cpu;

    bench_protected(b, 0);
    cpu->s.nmi_masked = masked;
    x86_irq_set(cpu, X86_LINE_SMI, true);
    g_assert_true(x86_interrupt(&cpu->cpu));
    g_assert_true(cpu->s.nmi_masked);
    helper_rsm(cpu);
    g_assert_cmpint(cpu->s.nmi_masked, ==, masked);
    x86_bench_free(b);
}

static void test_rsm_leaves_nmis_blocked_that_were(void)
{
    for (unsigned masked = 0; masked <= 1; masked++) {
        check_nmi_after_rsm("qemu64", masked);
        check_nmi_after_rsm("pentium3", masked);
    }
}

static void test_rsm_loads_no_nonsense_into_efer(void)
{
    struct x86_bench *b = x86_bench_new("qemu64");
    struct x86_cpu *cpu = b->cpu;

    bench_protected(b, 0);
    x86_irq_set(cpu, X86_LINE_SMI, true);
    g_assert_true(x86_interrupt(&cpu->cpu));
    bench_poke(b, 0x3fed0, UINT64_MAX, 8);
    helper_rsm(cpu);
    g_assert_cmphex(cpu->s.efer, ==, x86_efer_allowed(cpu)); /* and no LMA without paging */
    x86_bench_free(b);
}

/* A kernel of 32 bits whose tables have NX bits: without NXE they are reserved after RSM. */
static void check_nxe_after_rsm(const char *model)
{
    struct x86_bench *b = x86_bench_new(model);
    struct x86_cpu *cpu = b->cpu;

    bench_protected(b, 0);
    cpu->s.efer = X86_EFER_NXE;
    x86_irq_set(cpu, X86_LINE_SMI, true);
    g_assert_true(x86_interrupt(&cpu->cpu));
    g_assert_true(cpu->s.smm);
    helper_rsm(cpu);
    g_assert_cmphex(cpu->s.efer, ==, X86_EFER_NXE);
    x86_bench_free(b);
}

static void test_rsm_leaves_nxe_as_it_was(void)
{
    check_nxe_after_rsm("qemu64");
    check_nxe_after_rsm("coreduo"); /* NX without long mode: the map has no EFER */
}

static void test_smm_saves_and_restores(void)
{
    check_smm("qemu64");
    check_smm("pentium3");
}

static void test_init_waits_for_a_start_up_ipi(void)
{
    struct x86_bench *b = x86_bench_new("qemu64");
    struct x86_cpu *cpu = b->cpu;

    cpu->cfg.is_bsp = false;
    cpu_reset(&cpu->cpu);
    g_assert_true(cpu->cpu.halted);
    x86_irq_set(cpu, X86_LINE_INTR, true);
    x86_irq_set(cpu, X86_LINE_NMI, true);
    g_assert_false(x86_has_work(&cpu->cpu));
    atomic_store(&cpu->sipi_vector, 0x9a);
    atomic_fetch_or(&cpu->events, X86_EV_SIPI);
    g_assert_true(x86_has_work(&cpu->cpu));
    g_assert_true(x86_interrupt(&cpu->cpu));
    g_assert_cmphex(cpu->pc, ==, 0x9a000);
    g_assert_cmphex(cpu->s.seg[X86_CS].selector, ==, 0x9a00);
    g_assert_false(cpu->cpu.halted);
    x86_bench_free(b);
}

/* ---- with a local APIC ---- */

struct fake_apic {
    int vector; /* -1: none */
    unsigned tpr, inits;
    uint64_t base;
};

static bool fake_has_interrupt(void *opaque)
{
    struct fake_apic *a = opaque;

    return a->vector >> 4 > (int)a->tpr;
}

static int fake_accept(void *opaque)
{
    struct fake_apic *a = opaque;
    int vector = a->vector;

    a->vector = -1;
    return vector;
}

static unsigned fake_get_tpr(void *opaque)
{
    return ((struct fake_apic *)opaque)->tpr;
}

static void fake_set_tpr(void *opaque, unsigned cr8)
{
    ((struct fake_apic *)opaque)->tpr = cr8;
}

static bool fake_msr_read(void *opaque, uint32_t msr, uint64_t *val)
{
    *val = msr == MSR_IA32_APIC_BASE ? ((struct fake_apic *)opaque)->base : 0;
    return msr == MSR_IA32_APIC_BASE;
}

static bool fake_msr_write(void *opaque UNUSED, uint32_t msr, uint64_t val UNUSED)
{
    return msr == MSR_IA32_APIC_BASE;
}

static void fake_init(void *opaque)
{
    ((struct fake_apic *)opaque)->inits++;
}

static const struct apic_ops fake_ops = {
    .has_interrupt = fake_has_interrupt,
    .accept = fake_accept,
    .get_tpr = fake_get_tpr,
    .set_tpr = fake_set_tpr,
    .msr_read = fake_msr_read,
    .msr_write = fake_msr_write,
    .init = fake_init,
};

static void test_local_apic_gives_vectors_and_has_cr8(void)
{
    struct x86_bench *b = long_bench(0);
    struct fake_apic apic = {.vector = 0x51, .base = APIC_BASE_ENABLE};
    uint32_t out[4];
    uint64_t val;

    x86_cpu_set_apic(&b->cpu->cpu, &fake_ops, &apic);
    x86_set_eflags(b->cpu, X86_FL_IF);
    helper_write_cr(b->cpu, 8, 5);
    g_assert_cmphex(helper_read_cr(b->cpu, 8), ==, 5);
    g_assert_false(x86_interrupt(&b->cpu->cpu));
    helper_write_cr(b->cpu, 8, 4);
    g_assert_true(x86_interrupt(&b->cpu->cpu));
    g_assert_cmpint(bench_vector(b), ==, 0x51);
    g_assert_false(x86_interrupt(&b->cpu->cpu));
    g_assert_true(x86_msr_read(b->cpu, MSR_IA32_APIC_BASE, &val));
    x86_cpuid(b->cpu, 1, 0, out);
    g_assert_true(out[3] & 1 << 9);
    apic.base = 0;
    x86_cpuid(b->cpu, 1, 0, out);
    g_assert_false(out[3] & 1 << 9);
    x86_apic_cpu_ops.init(&b->cpu->cpu);
    g_assert_true(x86_interrupt(&b->cpu->cpu));
    g_assert_cmphex(b->cpu->pc, ==, 0xfffffff0);
    g_assert_cmpint(apic.inits, ==, 1);
    x86_bench_free(b);
}

/* A trap that comes with HLT ends it. */
static void test_single_step_over_hlt_goes_on(void)
{
    struct x86_bench *b = protected_bench(0);

    helper_one_begin(b->cpu);
    helper_hlt(b->cpu, 0x5001);
    g_assert_true(b->cpu->cpu.halted);
    g_assert_true(BENCH_LEAVES(helper_one_end(b->cpu, 1)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_false(b->cpu->cpu.halted);
    x86_bench_free(b);
}

static void test_io_breakpoint_runs_its_instruction_again_alone(void)
{
    struct x86_bench *b = protected_bench(0);

    b->cpu->s.cr4 |= X86_CR4_DE;
    helper_write_dr(b->cpu, 2, 0x80);
    helper_write_dr(b->cpu, 7, 1 << 4 | 2 << 24);
    g_assert_true(BENCH_LEAVES(helper_out(b->cpu, 0x80, 1, 0)));
    g_assert_cmphex(b->cpu->pc, ==, 0x5000);
    helper_one_begin(b->cpu);
    helper_out(b->cpu, 0x80, 1, 0);
    g_assert_true(BENCH_LEAVES(helper_one_end(b->cpu, 0)));
    g_assert_cmpint(bench_vector(b), ==, X86_DB);
    g_assert_cmphex(b->cpu->s.dr[6], ==, 0xffff0ff4);
    x86_bench_free(b);
}

/* ---- saving ---- */

static void copy_state(struct x86_cpu *to, struct x86_cpu *from)
{
    const struct cpu_ops *ops = from->cpu.ops;

    ops->before_save(&from->cpu);
    for (const struct state_field *const *t = ops->state; *t; t++) {
        g_autofree uint8_t *buf = g_malloc(state_size(*t));
        state_save(*t, from, buf);
        state_load(*t, to, buf);
    }
    ops->after_load(&to->cpu);
}

static void test_saved_state_is_all_there_is(void)
{
    struct x86_bench *a = long_bench(3), *b = x86_bench_new("max");

    x86_set_eflags(a->cpu, X86_FL_IF | X86_FL_CF | X86_FL_DF);
    a->cpu->r[15] = 0x1234;
    a->cpu->base[X86_FS] = 0x5678;
    a->cpu->ymm[3][0].q[1] = 0x9abc;
    x86_irq_set(&a->cpu->cpu, X86_LINE_NMI, true);
    copy_state(b->cpu, a->cpu);
    g_assert_cmphex(x86_mode(&b->cpu->cpu), ==, x86_mode(&a->cpu->cpu));
    g_assert_cmphex(x86_eflags(b->cpu), ==, x86_eflags(a->cpu));
    g_assert_cmphex(b->cpu->pc, ==, 0x5000);
    g_assert_cmphex(b->cpu->r[15], ==, 0x1234);
    g_assert_cmphex(b->cpu->base[X86_FS], ==, 0x5678);
    g_assert_cmphex(b->cpu->ymm[3][0].q[1], ==, 0x9abc);
    g_assert_true(b->cpu->s.nmi_pending);
    g_assert_cmpint(memcmp(&a->cpu->s, &b->cpu->s, sizeof(a->cpu->s)), ==, 0);
    x86_bench_free(a);
    x86_bench_free(b);
}

/* Whatever is loaded, the processor is in a mode that exists. */
static void test_loaded_nonsense_becomes_possible(void)
{
    struct x86_bench *b = x86_bench_new("486");

    memset(&b->cpu->s, 0xff, sizeof(b->cpu->s));
    memset(b->cpu->base, 0xff, sizeof(b->cpu->base));
    b->cpu->cpu.ops->after_load(&b->cpu->cpu);
    g_assert_false(x86_is_64(b->cpu));
    g_assert_cmpint(b->cpu->s.cpl, <=, 3);
    g_assert_cmphex(b->cpu->s.cr4 & ~x86_cr4_allowed(b->cpu), ==, 0);
    x86_bench_free(b);
}

/* ---- for debuggers ---- */

static const struct debug_reg *find_reg(struct x86_bench *b, const char *name)
{
    const struct debug_regs *r = x86_debug_regs(&b->cpu->cpu);

    for (size_t i = 0; i < r->nregs; i++)
        if (!strcmp(r->reg[i].name, name))
            return &r->reg[i];
    g_error("no register %s", name);
}

static uint64_t read_reg(struct x86_bench *b, const char *name)
{
    uint8_t buf[16] = {0};
    uint64_t val;

    g_assert_true(x86_debug_reg_read(&b->cpu->cpu, find_reg(b, name), buf));
    memcpy(&val, buf, 8);
    return val;
}

static bool write_reg(struct x86_bench *b, const char *name, uint64_t val)
{
    uint8_t buf[16] = {0};

    memcpy(buf, &val, 8);
    return x86_debug_reg_write(&b->cpu->cpu, find_reg(b, name), buf);
}

static void test_debuggers_see_and_set_registers(void)
{
    struct x86_bench *b = x86_bench_new("max");

    g_assert_cmphex(read_reg(b, "rip"), ==, 0xfff0);
    g_assert_cmphex(read_reg(b, "cs"), ==, 0xf000);
    g_assert_true(write_reg(b, "rip", 0x1234));
    g_assert_cmphex(b->cpu->pc, ==, 0xffff1234);
    g_assert_true(write_reg(b, "cs", 0x2000));
    g_assert_cmphex(b->cpu->pc, ==, 0x21234);
    g_assert_true(write_reg(b, "eflags", X86_FL_ZF | X86_FL_DF | 2));
    g_assert_cmphex(read_reg(b, "eflags"), ==, X86_FL_ZF | X86_FL_DF | 2);
    g_assert_true(write_reg(b, "rdx", UINT64_C(0x123456789)));
    g_assert_cmphex(read_reg(b, "rdx"), ==, UINT64_C(0x123456789));
    g_assert_true(write_reg(b, "ftag", 0xffff));
    g_assert_cmphex(read_reg(b, "ftag"), ==, 0xffff);
    g_assert_false(write_reg(b, "cr0", 0x80000001));
    g_assert_true(write_reg(b, "gs_base", 0x4321));
    g_assert_cmphex(b->cpu->base[X86_GS], ==, 0x4321);
    x86_bench_free(b);
}

struct frames {
    unsigned n;
    uint64_t addr[8];
};

static void on_frame(void *opaque, uint64_t addr, bool is_guess UNUSED)
{
    struct frames *f = opaque;

    if (f->n < G_N_ELEMENTS(f->addr))
        f->addr[f->n++] = addr;
}

static void test_backtrace_follows_frame_pointers(void)
{
    struct x86_bench *b = long_bench(0);
    struct frames f = {0};

    b->cpu->r[RBP] = 0x8010;
    bench_poke(b, 0x8010, 0x8040, 8);
    bench_poke(b, 0x8018, 0x11000, 8);
    bench_poke(b, 0x8040, 0, 8);
    bench_poke(b, 0x8048, 0x12000, 8);
    x86_backtrace(&b->cpu->cpu, on_frame, &f);
    g_assert_cmpint(f.n, ==, 3);
    g_assert_cmphex(f.addr[0], ==, 0x5000);
    g_assert_cmphex(f.addr[1], ==, 0x11000);
    g_assert_cmphex(f.addr[2], ==, 0x12000);
    x86_bench_free(b);
}

/* ---- more transfers ---- */

static void test_64_bit_call_gate_pushes_a_long_frame(void)
{
    struct x86_bench *b = long_bench(3);

    bench_poke(b, BENCH_GDT + SEL_FREE, 0x4444 | SEL_CODE0 << 16, 4);
    bench_poke(b, BENCH_GDT + SEL_FREE + 4, X86_DESC_P | DPL(3) | X86_CALL32 << 8, 4);
    bench_poke(b, BENCH_GDT + SEL_FREE + 8, 0, 8);
    helper_far_call(b->cpu, SEL_FREE | 3, 0, MO_64, 0x5007);
    g_assert_cmphex(b->cpu->pc, ==, 0x4444);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x9000 - 32);
    g_assert_cmphex(bench_stack(b, 0, 8), ==, 0x5007);
    g_assert_cmphex(bench_stack(b, 3, 8), ==, SEL_DATA3);
    g_assert_cmphex(b->cpu->s.seg[X86_SS].selector, ==, 0);
    helper_far_ret(b->cpu, MO_64, 0, 0);
    g_assert_cmphex(b->cpu->pc, ==, 0x5007);
    g_assert_cmphex(b->cpu->r[RSP], ==, 0x8000);
    bench_poke(b, BENCH_GDT + SEL_FREE + 12, 0x100, 4); /* a type in the upper half */
    g_assert_true(BENCH_LEAVES(helper_far_call(b->cpu, SEL_FREE, 0, MO_64, 0x5007)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    g_assert_cmphex(bench_stack(b, 0, 8), ==, SEL_FREE);
    x86_bench_free(b);
}

static void test_sysenter_and_sysexit(void)
{
    struct x86_bench *b = protected_bench(3);
    struct x86_cpu *cpu = b->cpu;

    g_assert_true(BENCH_LEAVES(helper_sysenter(cpu))); /* CS is 0 */
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    bench_protected(b, 3);
    cpu->s.sysenter_cs = SEL_CODE0;
    cpu->s.sysenter_esp = 0x9100;
    cpu->s.sysenter_eip = 0x4000;
    helper_sysenter(cpu);
    g_assert_cmphex(cpu->pc, ==, 0x4000);
    g_assert_cmphex(cpu->r[RSP], ==, 0x9100);
    g_assert_cmpint(cpu->s.cpl, ==, 0);
    cpu->r[RDX] = 0x5007;
    cpu->r[RCX] = 0x8000;
    helper_sysexit(cpu, 0);
    g_assert_cmphex(cpu->pc, ==, 0x5007);
    g_assert_cmphex(cpu->s.seg[X86_CS].selector, ==, SEL_CODE0 + 16 + 3);
    g_assert_cmphex(cpu->s.seg[X86_SS].selector, ==, SEL_CODE0 + 24 + 3);
    x86_bench_free(b);
}

static void test_boot_state_is_flat_protected_mode(void)
{
    struct x86_bench *b = x86_bench_new("qemu64");
    struct x86_boot boot = {.eip = 0x100000, .eax = 1, .ebx = 2, .esi = 3, .esp = 0x7000};

    x86_cpu_set_boot(&b->cpu->cpu, &boot);
    cpu_reset(&b->cpu->cpu);
    g_assert_cmphex(b->cpu->pc, ==, 0x100000);
    g_assert_cmphex(b->cpu->r[RSI], ==, 3);
    uint32_t flat = X86_MODE_FLAT_CS | X86_MODE_FLAT_SS | X86_MODE_FLAT_DS | X86_MODE_FLAT_ES;
    g_assert_cmphex(x86_mode(&b->cpu->cpu) & flat, ==, flat);
    g_assert_true(x86_mode(&b->cpu->cpu) & X86_MODE_CS32);
    x86_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/x86/" #name, test_##name)
    ADD(reset_starts_below_4_gib);
    ADD(real_mode_interrupt_uses_the_vector_table);
    ADD(vector_table_limit_leads_to_shutdown);
    ADD(real_mode_keeps_limits);
    ADD(segment_loads_check_type_and_privilege);
    ADD(selectors_beyond_the_table_fault);
    ADD(expand_down_segments_begin_above_the_limit);
    ADD(interrupt_to_inner_level_switches_stacks);
    ADD(int_n_checks_the_gate);
    ADD(interrupt_gate_clears_if_and_trap_gate_does_not);
    ADD(faults_in_a_row);
    ADD(stack_fault_on_inner_stack_names_its_selector);
    ADD(long_mode_frame_and_ist);
    ADD(long_mode_wants_64_bit_handlers);
    ADD(syscall_and_sysret);
    ADD(virtual_8086_mode_and_back);
    ADD(virtual_8086_int_needs_iopl_3_or_vme);
    ADD(call_gate_copies_parameters);
    ADD(far_transfers_check_privilege);
    ADD(far_return_does_not_go_inward);
    ADD(task_call_and_return);
    ADD(task_with_the_trap_bit_begins_with_a_debug_trap);
    ADD(task_jump_frees_the_old_task);
    ADD(exception_through_a_task_gate_pushes_its_error);
    ADD(task_with_a_bad_segment_faults_in_the_new_task);
    ADD(code_breakpoint_faults_unless_rf);
    ADD(single_step_traps_after_the_instruction);
    ADD(data_breakpoint_runs_its_instruction_again_alone);
    ADD(general_detect_guards_debug_registers);
    ADD(sti_and_mov_ss_hold_interrupts_off);
    ADD(nmi_waits_for_iret);
    ADD(iret_unmasks_nmi_though_it_faults);
    ADD(a_fault_in_the_shadow_does_not_lose_an_interrupt);
    ADD(ports_need_the_bitmap_outside_iopl);
    ADD(popf_keeps_what_the_level_may_not_change);
    ADD(smm_saves_and_restores);
    ADD(rsm_leaves_nmis_blocked_that_were);
    ADD(rsm_loads_no_nonsense_into_efer);
    ADD(rsm_leaves_nxe_as_it_was);
    ADD(init_waits_for_a_start_up_ipi);
    ADD(local_apic_gives_vectors_and_has_cr8);
    ADD(single_step_over_hlt_goes_on);
    ADD(io_breakpoint_runs_its_instruction_again_alone);
    ADD(saved_state_is_all_there_is);
    ADD(loaded_nonsense_becomes_possible);
    ADD(debuggers_see_and_set_registers);
    ADD(backtrace_follows_frame_pointers);
    ADD(64_bit_call_gate_pushes_a_long_frame);
    ADD(sysenter_and_sysexit);
    ADD(boot_state_is_flat_protected_mode);
    return g_test_run();
}
