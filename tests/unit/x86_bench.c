/* An x86 processor without an accelerator: what accel/tcg would do, by walks at each access. */
#include "tests/unit/x86_bench.h"

#include "accel/tcg/tcg.h"

#include <string.h>

enum { HANDLERS = 0x10000, PAGE_TABLES = 0x100000 };

jmp_buf bench_unwind;
unsigned bench_flushes;
static uint32_t mxcsr;

/* ---- accel/tcg ---- */

void x86_translate(struct tx *tx UNUSED)
{
}

unsigned x86_disas(struct cpu *cpu UNUSED, FILE *f UNUSED, gva pc UNUSED,
                   const uint8_t *bytes UNUSED, unsigned len UNUSED)
{
    return 1;
}

bool tcg_cpu_attach(struct cpu *cpu UNUSED, const struct guest_ops *ops UNUSED,
                    struct error **errp UNUSED)
{
    return true;
}

void guest_unwind(struct cpu *cpu UNUSED)
{
    longjmp(bench_unwind, 1);
}

/* An access of a byte. */
static bool find(struct cpu *cpu, gva addr, enum guest_access access, uint32_t memop, gpa *pa,
                 struct guest_fault *f)
{
    struct guest_walk w = {0};

    *f = (struct guest_fault){addr, access, 0};
    if (!x86_walk(cpu, addr, access, memop_idx(memop), &w)) {
        f->cause = w.cause;
        return false;
    }
    *pa = w.addr;
    return true;
}

bool guest_try_ld(struct cpu *cpu, gva addr, uint32_t memop, uint64_t *val, struct guest_fault *f)
{
    gpa pa;

    *val = 0;
    for (unsigned i = 0; i < memop_bytes(memop); i++) {
        uint64_t byte = 0xff;
        if (!find(cpu, addr + i, GUEST_READ, memop, &pa, f))
            return false;
        (void)mem_read(cpu->as, pa, 1, &byte);
        *val |= byte << 8 * i;
    }
    return true;
}

bool guest_try_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop, struct guest_fault *f)
{
    gpa pa;

    for (unsigned i = 0; i < memop_bytes(memop); i++) {
        if (!find(cpu, addr + i, GUEST_WRITE, memop, &pa, f))
            return false;
        (void)mem_write(cpu->as, pa, 1, val >> 8 * i & 0xff);
    }
    return true;
}

static void raise_fault(struct cpu *cpu, const struct guest_fault *f, uint32_t memop)
{
    x86_guest_ops.raise_fault(cpu, f->addr, f->access, memop_idx(memop), f->cause);
    guest_unwind(cpu);
}

uint64_t guest_ld(struct cpu *cpu, gva addr, uint32_t memop)
{
    struct guest_fault f;
    uint64_t val;

    if (!guest_try_ld(cpu, addr, memop, &val, &f))
        raise_fault(cpu, &f, memop);
    return val;
}

void guest_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop)
{
    struct guest_fault f;

    if (!guest_try_st(cpu, addr, val, memop, &f))
        raise_fault(cpu, &f, memop);
}

void guest_probe(struct cpu *cpu, gva addr, unsigned size, enum guest_access access, unsigned idx)
{
    struct guest_fault f;
    gpa pa;

    for (unsigned i = 0; i < size; i++)
        if (!find(cpu, addr + i, access, idx << MO_IDX_SHIFT, &pa, &f))
            raise_fault(cpu, &f, idx << MO_IDX_SHIFT);
}

bool guest_phys_ld(struct cpu *cpu, gpa addr, unsigned size, uint64_t *val)
{
    return mem_read(cpu->as, addr, size, val) == MEM_OK;
}

bool guest_phys_cas(struct cpu *cpu, gpa addr, unsigned size, uint64_t expect, uint64_t val,
                    bool *ok)
{
    uint64_t now;

    if (mem_read(cpu->as, addr, size, &now) != MEM_OK)
        return false;
    *ok = now == expect;
    return !*ok || mem_write(cpu->as, addr, size, val) == MEM_OK;
}

void guest_set_address_mask(struct cpu *cpu UNUSED, uint64_t mask UNUSED)
{
}

void guest_mode_changed(struct cpu *cpu UNUSED)
{
}

void guest_space_changed(struct cpu *cpu UNUSED)
{
}

void guest_tlb_flush(struct cpu *cpu UNUSED)
{
    bench_flushes++;
}

void guest_tlb_flush_asid(struct cpu *cpu UNUSED, uint32_t asid UNUSED)
{
    bench_flushes++;
}

void guest_tlb_flush_page(struct cpu *cpu UNUSED, gva addr UNUSED)
{
    bench_flushes++;
}

void guest_tlb_flush_page_asid(struct cpu *cpu UNUSED, gva addr UNUSED, uint32_t asid UNUSED)
{
    bench_flushes++;
}

uint32_t guest_fpenv_get(struct cpu *cpu UNUSED)
{
    return mxcsr;
}

void guest_fpenv_set(struct cpu *cpu UNUSED, uint32_t val)
{
    mxcsr = val;
}

/* ---- machine ---- */

static void *accel_cpu_alloc(size_t size)
{
    return g_malloc0(size);
}

static void accel_cpu_free(struct cpu *cpu)
{
    g_free(cpu);
}

static const struct accel_ops bench_accel = {
    .name = "bench", .cpu_alloc = accel_cpu_alloc, .cpu_free = accel_cpu_free};
static const struct machine_class bench_class = {
    .name = "bench", .arch = "x86_64", .size = sizeof(struct machine)};

struct x86_bench *x86_bench_new(const char *model)
{
    struct x86_bench *b = g_new0(struct x86_bench, 1);
    struct x86_cpu_config config = {.is_bsp = true, .sockets = 1, .cores = 1, .threads = 1};
    struct error *err = NULL;

    b->m = machine_new(&bench_class, &bench_accel, NULL);
    struct ram_block *ram = machine_new_ram(b->m, "ram", BENCH_RAM_SIZE, NULL);
    region_init_ram(&b->ram, "ram", ram, 0, BENCH_RAM_SIZE);
    region_add(&b->m->root, 0, &b->ram, 0);
    struct cpu *cpu = x86_cpu_new(b->m, model, &config, &err);
    if (!cpu)
        g_error("%s", error_text(err));
    address_space_update(&b->m->as);
    b->cpu = x86(cpu);
    cpu_reset(cpu);
    return b;
}

void x86_bench_free(struct x86_bench *b)
{
    machine_free(b->m);
    g_free(b);
}

void bench_poke(struct x86_bench *b, gpa addr, uint64_t val, unsigned size)
{
    g_assert_cmpint(mem_write(&b->m->as, addr, size, val), ==, MEM_OK);
}

uint64_t bench_peek(struct x86_bench *b, gpa addr, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(mem_read(&b->m->as, addr, size, &v), ==, MEM_OK);
    return v;
}

/* ---- tables ---- */

void bench_desc(struct x86_bench *b, uint32_t selector, uint64_t base, uint32_t limit,
                uint32_t attr)
{
    gpa at = BENCH_GDT + (selector & 0xfff8);

    bench_poke(b, at, (limit & 0xffff) | (base & 0xffff) << 16, 4);
    bench_poke(b, at + 4, (base >> 16 & 0xff) | (base & 0xff000000) | (limit & 0xf0000) | attr, 4);
}

void bench_gate(struct x86_bench *b, unsigned vector, uint32_t selector, uint64_t offset,
                unsigned type, unsigned dpl, unsigned ist)
{
    bool is_long = x86_is_long(b->cpu);
    gpa at = BENCH_IDT + vector * (is_long ? 16 : 8);

    bench_poke(b, at, (offset & 0xffff) | selector << 16, 4);
    bench_poke(b, at + 4, (offset & 0xffff0000) | 1 << 15 | dpl << 13 | type << 8 | ist, 4);
    if (is_long) {
        bench_poke(b, at + 8, offset >> 32, 4);
        bench_poke(b, at + 12, 0, 4);
    }
}

enum {
    FLAT = 0xfffff,
    DATA = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_B | X86_DESC_G,
    CODE = X86_DESC_P | X86_DESC_S | X86_DESC_CODE | X86_DESC_R | X86_DESC_G,
    USER = 3 << X86_DESC_DPL_SHIFT
};

static void fill_gdt(struct x86_bench *b, bool is_long)
{
    uint32_t width = is_long ? X86_DESC_L : X86_DESC_B;

    bench_desc(b, SEL_CODE0, 0, FLAT, CODE | width);
    bench_desc(b, SEL_DATA0, 0, FLAT, DATA);
    bench_desc(b, SEL_CODE3, 0, FLAT, CODE | USER | width);
    bench_desc(b, SEL_DATA3, 0, FLAT, DATA | USER);
    bench_desc(b, SEL_TSS, BENCH_TSS, 0x2fff, X86_DESC_P | X86_TSS32 << 8);
    bench_desc(b, SEL_CODE64, 0, FLAT, CODE | X86_DESC_L);
    bench_desc(b, SEL_LDT, 0x6000, 0xff, X86_DESC_P | X86_LDT << 8);
    b->cpu->s.gdtr = (struct x86_table){BENCH_GDT, 0xfff, 0};
    b->cpu->s.idtr = (struct x86_table){BENCH_IDT, is_long ? 0xfff : 0x7ff, 0};
}

static void enter(struct x86_bench *b, unsigned cpl, bool is_long)
{
    struct x86_cpu *cpu = b->cpu;
    uint32_t dpl = cpl << X86_DESC_DPL_SHIFT;

    for (unsigned n = 0; n < X86_SEGS; n++)
        x86_set_segment(cpu, n, (cpl ? SEL_DATA3 : SEL_DATA0), 0, UINT32_MAX,
                        DATA | X86_DESC_A | dpl);
    x86_set_segment(cpu, X86_CS, cpl ? SEL_CODE3 : SEL_CODE0, 0, UINT32_MAX,
                    CODE | X86_DESC_A | dpl | (is_long ? X86_DESC_L : X86_DESC_B));
    cpu->s.tr = (struct x86_segment){.selector = SEL_TSS,
                                     .attr = X86_DESC_P | X86_TSS32_BUSY << 8,
                                     .limit = 0x2fff,
                                     .base = BENCH_TSS};
    cpu->s.cpl = (uint8_t)cpl;
    cpu->r[4] = 0x8000;
    cpu->pc = 0x5000;
    for (unsigned v = 0; v < 256; v++)
        bench_gate(b, v, SEL_CODE0, HANDLERS + 16 * v, X86_INT32, 3, 0);
    x86_segments_changed(cpu);
}

void bench_protected(struct x86_bench *b, unsigned cpl)
{
    fill_gdt(b, false);
    b->cpu->s.cr0 |= X86_CR0_PE;
    bench_poke(b, BENCH_TSS + 4, 0x9000, 4);
    bench_poke(b, BENCH_TSS + 8, SEL_DATA0, 4);
    bench_poke(b, BENCH_TSS + 0x66, 0x68, 2);
    enter(b, cpl, false);
}

void bench_long(struct x86_bench *b, unsigned cpl)
{
    struct x86_state *s = &b->cpu->s;

    fill_gdt(b, true);
    bench_poke(b, PAGE_TABLES, (PAGE_TABLES + 0x1000) | 7, 8);
    bench_poke(b, PAGE_TABLES + 0x1000, (PAGE_TABLES + 0x2000) | 7, 8);
    bench_poke(b, PAGE_TABLES + 0x2000, 0x87, 8);
    bench_poke(b, PAGE_TABLES + 0x2008, 0x200087, 8);
    s->cr3 = PAGE_TABLES;
    s->cr4 |= X86_CR4_PAE;
    s->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_SCE | X86_EFER_NXE;
    s->cr0 |= X86_CR0_PE | X86_CR0_PG;
    bench_poke(b, BENCH_TSS + 4, 0x9000, 8);
    bench_poke(b, BENCH_TSS + 36, 0xa000, 8);
    bench_poke(b, BENCH_TSS + 0x66, 0x68, 2);
    enter(b, cpl, true);
}

int bench_vector(struct x86_bench *b)
{
    uint64_t at = b->cpu->pc - HANDLERS;

    return at < 256 * 16 ? (int)(at / 16) : -1;
}

uint64_t bench_stack(struct x86_bench *b, unsigned n, unsigned size)
{
    return bench_peek(b, b->cpu->r[4] + n * size, size);
}

struct x86_bench *protected_bench(unsigned cpl)
{
    struct x86_bench *b = x86_bench_new("max");

    bench_protected(b, cpl);
    return b;
}

struct x86_bench *long_bench(unsigned cpl)
{
    struct x86_bench *b = x86_bench_new("max");

    bench_long(b, cpl);
    return b;
}
