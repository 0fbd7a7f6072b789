/*
 * Paging, control registers, MSRs and CPUID of the x86 processor.  Ref: SDM vol. 3, 2 and 4; what
 * each test proves is its name.
 */
#include "tests/unit/x86_bench.h"

#include "util/bits.h"

#include <inttypes.h>
#include <string.h>

/* ---- paging ---- */

enum { TABLES = 0x100000, PTES = 0x103000, TEST_PAGE = 0x200000 };

/* The page at TEST_PAGE in a table of 4 KiB pages; pte without its address. */
static void map_test_page(struct x86_bench *b, uint64_t pte)
{
    bench_poke(b, TABLES + 0x2008, PTES | 7, 8);
    bench_poke(b, PTES, TEST_PAGE | pte, 8);
}

static int walk(struct x86_bench *b, gva addr, enum guest_access access, unsigned idx)
{
    struct guest_walk w = {0};

    return x86_walk(&b->cpu->cpu, addr, access, idx, &w) ? -1 : (int)w.cause;
}

struct page_case {
    uint64_t pte;
    uint64_t cr0, cr4;
    uint8_t access, idx;
    int cause;
};
#define NX BIT64(63)

static void test_page_faults_have_exact_error_codes(void)
{
    static const struct page_case cases[] = {
        {0, 0, 0, GUEST_READ, X86_IDX_KERNEL, 0},
        {0, 0, 0, GUEST_WRITE, X86_IDX_USER, 6},
        {0, 0, 0, GUEST_FETCH, X86_IDX_USER, 0x14},
        {1, 0, 0, GUEST_READ, X86_IDX_USER, 5},
        {1, 0, 0, GUEST_READ, X86_IDX_KERNEL, -1},
        {5, 0, 0, GUEST_WRITE, X86_IDX_USER, 7},
        {5, 0, 0, GUEST_WRITE, X86_IDX_KERNEL, -1},
        {5, X86_CR0_WP, 0, GUEST_WRITE, X86_IDX_KERNEL, 3},
        {7 | NX, 0, 0, GUEST_FETCH, X86_IDX_USER, 0x15},
        {7 | NX, 0, 0, GUEST_READ, X86_IDX_USER, -1},
        {7, 0, X86_CR4_SMEP, GUEST_FETCH, X86_IDX_KERNEL, 0x11},
        {7, 0, X86_CR4_SMAP, GUEST_READ, X86_IDX_KERNEL_SMAP, 1},
        {7, 0, X86_CR4_SMAP, GUEST_READ, X86_IDX_KERNEL, -1},
        {7 | BIT64(45), 0, 0, GUEST_READ, X86_IDX_USER, 0xd},
        {7, 0, X86_CR4_PKE, GUEST_READ, X86_IDX_USER, -1},
        {7 | UINT64_C(1) << 59, 0, X86_CR4_PKE, GUEST_READ, X86_IDX_USER, 0x25},
        {7 | UINT64_C(2) << 59, 0, X86_CR4_PKE, GUEST_READ, X86_IDX_USER, -1},
        {7 | UINT64_C(2) << 59, 0, X86_CR4_PKE, GUEST_WRITE, X86_IDX_USER, 0x27},
        {7 | UINT64_C(2) << 59, 0, X86_CR4_PKE, GUEST_WRITE, X86_IDX_KERNEL, -1},
        {7 | UINT64_C(1) << 59, 0, X86_CR4_PKE, GUEST_FETCH, X86_IDX_USER, -1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct page_case *c = &cases[i];
        struct x86_bench *b = long_bench(0);
        map_test_page(b, c->pte);
        b->cpu->s.cr0 |= c->cr0;
        b->cpu->s.cr4 |= c->cr4;
        b->cpu->s.pkru = 1 << 2 | 2 << 4; /* key 1: no access; key 2: no writes */
        g_test_message("case %u", (unsigned)i);
        g_assert_cmpint(walk(b, TEST_PAGE, c->access, c->idx), ==, c->cause);
        x86_bench_free(b);
    }
}

static void test_walks_set_accessed_and_dirty(void)
{
    struct x86_bench *b = long_bench(0);
    struct guest_walk w = {0};

    map_test_page(b, 7);
    g_assert_true(x86_walk(&b->cpu->cpu, TEST_PAGE + 5, GUEST_READ, X86_IDX_USER, &w));
    g_assert_cmphex(w.addr, ==, TEST_PAGE + 5);
    g_assert_cmphex(bench_peek(b, PTES, 8), ==, TEST_PAGE | 0x27);
    g_assert_cmphex(bench_peek(b, TABLES, 1), ==, 0x27);
    g_assert_false(w.prot & 1 << GUEST_WRITE);
    g_assert_true(x86_walk(&b->cpu->cpu, TEST_PAGE, GUEST_WRITE, X86_IDX_USER, &w));
    g_assert_cmphex(bench_peek(b, PTES, 8), ==, TEST_PAGE | 0x67);
    g_assert_true(w.prot & 1 << GUEST_WRITE);
    x86_bench_free(b);
}

static void test_not_canonical_is_no_page_fault(void)
{
    struct x86_bench *b = long_bench(0);

    g_assert_cmphex(walk(b, UINT64_C(0x800000000000), GUEST_READ, 1), ==, X86_CAUSE_NOT_CANONICAL);
    g_assert_cmphex(walk(b, UINT64_C(0xffff800000000000), GUEST_READ, 1), ==, 0);
    g_assert_true(BENCH_LEAVES(
        guest_ld(&b->cpu->cpu, UINT64_C(0x800000000000), MO_8 | X86_IDX_KERNEL << MO_IDX_SHIFT)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    x86_bench_free(b);
}

static void test_32_bit_paging_with_large_pages(void)
{
    struct x86_bench *b = protected_bench(0);
    struct guest_walk w = {0};

    bench_poke(b, TABLES, 0x87, 4);
    bench_poke(b, TABLES + 4, 0x400000 | 3 << 13 | 0x87, 4);
    b->cpu->s.cr3 = TABLES;
    b->cpu->s.cr4 |= X86_CR4_PSE;
    b->cpu->s.cr0 |= X86_CR0_PG;
    g_assert_true(x86_walk(&b->cpu->cpu, 0x412345, GUEST_READ, 0, &w));
    g_assert_cmphex(w.addr, ==, UINT64_C(0x300412345));
    g_assert_cmpint(w.page_bits, ==, 22);
    bench_poke(b, TABLES + 4, 0x600087, 4); /* bit 21 is reserved */
    g_assert_cmphex(walk(b, 0x412345, GUEST_READ, 0), ==, 0xd);
    x86_bench_free(b);
}

static void test_pae_pointers_load_with_cr3(void)
{
    struct x86_bench *b = protected_bench(0);

    bench_poke(b, TABLES, (TABLES + 0x1000) | 1, 8);
    bench_poke(b, TABLES + 0x1000, 0x87, 8);
    bench_poke(b, TABLES + 0x1008, 0x200087, 8);
    x86_write_cr3(b->cpu, TABLES);
    x86_write_cr4(b->cpu, X86_CR4_PAE);
    x86_write_cr0(b->cpu, b->cpu->s.cr0 | X86_CR0_PG);
    bench_poke(b, TABLES, 0, 8); /* not looked at again */
    g_assert_cmpint(walk(b, 0x234567, GUEST_READ, 0), ==, -1);
    bench_poke(b, TABLES, 3, 8); /* bit 1 is reserved */
    g_assert_true(BENCH_LEAVES(helper_write_cr(b->cpu, 3, TABLES)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    x86_bench_free(b);
}

/* Ref: SDM vol. 3, 4.4.1: also when CR0.CD or CR0.NW changes. */
static void test_pae_pointers_load_with_caching(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    bench_poke(b, TABLES, (TABLES + 0x1000) | 1, 8);
    bench_poke(b, TABLES + 0x1000, 0x87, 8);
    bench_poke(b, TABLES + 0x1008, 0x200087, 8);
    x86_write_cr3(cpu, TABLES);
    x86_write_cr4(cpu, X86_CR4_PAE);
    x86_write_cr0(cpu, (cpu->s.cr0 & ~(uint64_t)(X86_CR0_CD | X86_CR0_NW)) | X86_CR0_PG);
    bench_poke(b, TABLES + 8, 0x7001, 8);
    x86_write_cr0(cpu, cpu->s.cr0 ^ X86_CR0_TS);
    g_assert_cmphex(cpu->s.pdpte[1], ==, 0);
    x86_write_cr0(cpu, cpu->s.cr0 ^ X86_CR0_CD);
    g_assert_cmphex(cpu->s.pdpte[1], ==, 0x7001);
    bench_poke(b, TABLES + 8, 3, 8); /* bit 1 is reserved */
    g_assert_true(BENCH_LEAVES(helper_write_cr(cpu, 0, cpu->s.cr0 ^ X86_CR0_CD)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    x86_bench_free(b);
}

static void test_a20_masks_addresses(void)
{
    struct x86_bench *b = x86_bench_new("486");
    struct guest_walk w = {0};

    b->cpu->s.a20_off = true;
    g_assert_true(x86_walk(&b->cpu->cpu, 0x123456, GUEST_READ, 1, &w));
    g_assert_cmphex(w.addr, ==, 0x23456);
    x86_bench_free(b);
}

/* ---- control registers ---- */

static void test_control_registers_refuse_nonsense(void)
{
    static const struct {
        uint32_t n;
        uint64_t val;
    } bad[] = {{0, X86_CR0_PG | X86_CR0_ET}, /* without PE */
               {0, X86_CR0_PE | X86_CR0_NW},
               {0, UINT64_C(1) << 32},
               {4, UINT64_C(1) << 31},
               {4, X86_CR4_PCIDE},
               {8, 16}};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct x86_bench *b = protected_bench(0);
        g_assert_true(BENCH_LEAVES(helper_write_cr(b->cpu, bad[i].n, bad[i].val)));
        g_assert_cmpint(bench_vector(b), ==, X86_GP);
        x86_bench_free(b);
    }
}

static void test_long_mode_is_entered_by_paging(void)
{
    struct x86_bench *b = protected_bench(0);
    struct x86_cpu *cpu = b->cpu;

    bench_long(b, 0); /* for its tables */
    bench_protected(b, 0);
    cpu->s.cr0 = X86_CR0_PE | X86_CR0_ET;
    cpu->s.efer = X86_EFER_LME;
    cpu->s.cr4 = 0;
    g_assert_true(BENCH_LEAVES(helper_write_cr(cpu, 0, cpu->s.cr0 | X86_CR0_PG))); /* no PAE */
    x86_write_cr4(cpu, X86_CR4_PAE);
    x86_write_cr0(cpu, cpu->s.cr0 | X86_CR0_PG);
    g_assert_true(cpu->s.efer & X86_EFER_LMA);
    g_assert_false(x86_is_64(cpu));
    helper_far_jmp(cpu, SEL_CODE64, 0x4000, MO_32, 0);
    g_assert_true(x86_is_64(cpu));
    g_assert_true(x86_mode(&cpu->cpu) & X86_MODE_64);
    x86_bench_free(b);
}

/* ---- MSRs, CPUID ---- */

static bool write_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t val)
{
    cpu->r[RCX] = msr;
    cpu->r[RAX] = (uint32_t)val;
    cpu->r[RDX] = val >> 32;
    return !BENCH_LEAVES(helper_wrmsr(cpu));
}

static void test_msrs_check_what_is_written(void)
{
    struct x86_bench *b = long_bench(0);
    uint64_t val;

    g_assert_true(write_msr(b->cpu, 0xc0000082, UINT64_C(0xffff800000001234)));
    g_assert_true(x86_msr_read(b->cpu, 0xc0000082, &val));
    g_assert_cmphex(val, ==, UINT64_C(0xffff800000001234));
    g_assert_false(write_msr(b->cpu, 0xc0000082, BIT64(57)));
    g_assert_cmpint(bench_vector(b), ==, X86_GP);
    bench_long(b, 0);
    g_assert_true(write_msr(b->cpu, 0x277, UINT64_C(0x0007010600070106)));
    g_assert_false(write_msr(b->cpu, 0x277, 2)); /* no memory type */
    bench_long(b, 0);
    g_assert_false(write_msr(b->cpu, 0x12345, 0));
    bench_long(b, 0);
    g_assert_false(write_msr(b->cpu, 0xc0000080, X86_EFER_SCE)); /* LME while paging */
    bench_long(b, 0);
    g_assert_true(write_msr(b->cpu, 0xc0000101, 0x1000));
    g_assert_cmphex(b->cpu->base[X86_GS], ==, 0x1000);
    x86_bench_free(b);
}

static void test_cpuid_tells_model_and_features(void)
{
    struct x86_bench *b = x86_bench_new("Haswell,-smep,model-id=A test");
    uint32_t out[4];

    x86_cpuid(b->cpu, 0, 0, out);
    g_assert_cmphex(out[0], ==, 0xd);
    g_assert_cmpint(memcmp(&out[1], "Genu", 4), ==, 0);
    x86_cpuid(b->cpu, 1, 0, out);
    g_assert_cmphex(out[0], ==, 0x306c4);
    g_assert_true(out[3] & 1 << 15);
    g_assert_true(out[2] & 1u << 31);
    g_assert_false(out[3] & 1 << 9); /* no local APIC was wired */
    x86_cpuid(b->cpu, 7, 0, out);
    g_assert_false(out[1] & 1 << 7);
    g_assert_true(out[1] & 1 << 8);
    x86_cpuid(b->cpu, 0x80000002, 0, out);
    g_assert_cmpstr((const char *)out, ==, "A test");
    x86_cpuid(b->cpu, 0x40000000, 0, out);
    g_assert_cmpint(memcmp(&out[1], "TCGTCGTCGTCG", 12), ==, 0);
    x86_bench_free(b);
}

/* The crystal's frequency times the ratio is the counter's, though it has 32 bits only. */
static void test_cpuid_tells_the_frequency_of_the_counter(void)
{
    static const uint64_t frequencies[] = {1000000000, UINT32_MAX, 5000000000, 20000000000};

    for (size_t i = 0; i < 4; i++) {
        g_autofree char *model =
            g_strdup_printf("Denverton,tsc-frequency=%" PRIu64, frequencies[i]);
        struct x86_bench *b = x86_bench_new(model);
        uint32_t out[4];
        x86_cpuid(b->cpu, 0x15, 0, out);
        g_assert_cmpuint((uint64_t)out[2] * out[1] / out[0], ==, frequencies[i]);
        x86_bench_free(b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/x86/" #name, test_##name)
    ADD(page_faults_have_exact_error_codes);
    ADD(walks_set_accessed_and_dirty);
    ADD(not_canonical_is_no_page_fault);
    ADD(32_bit_paging_with_large_pages);
    ADD(pae_pointers_load_with_cr3);
    ADD(pae_pointers_load_with_caching);
    ADD(a20_masks_addresses);
    ADD(control_registers_refuse_nonsense);
    ADD(long_mode_is_entered_by_paging);
    ADD(msrs_check_what_is_written);
    ADD(cpuid_tells_model_and_features);
    ADD(cpuid_tells_the_frequency_of_the_counter);
    return g_test_run();
}
