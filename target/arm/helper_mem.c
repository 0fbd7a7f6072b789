/* Helpers of loads and stores: 16-byte exchanges, structures, alignment faults. */
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"

#include "util/host_cas16.h"

void helper_raise_misaligned(struct arm_cpu *cpu, uint64_t addr, uint32_t memop, uint32_t is_store)
{
    arm_pmu_not_done(cpu);
    arm_raise_fault(&cpu->cpu, addr, is_store ? GUEST_WRITE : GUEST_READ, memop_idx(memop),
                    GUEST_CAUSE_MISALIGNED);
}

/* --- 16 bytes, aligned --- */

/*
 * QUIRK: memory without a host pointer, which is a page with translated code (its writes must be
 * seen) or a device: the halves are compared and stored one after the other, so that another
 * processor may come between.
 */
static struct pair slow_cas16(struct cpu *cpu, uint64_t addr, struct pair expect, struct pair v,
                              uint32_t memop)
{
    struct pair old = {guest_ld(cpu, addr, memop), guest_ld(cpu, addr + 8, memop)};
    if (old.low == expect.low && old.high == expect.high) {
        guest_st(cpu, addr, v.low, memop);
        guest_st(cpu, addr + 8, v.high, memop);
    }
    return old;
}

static struct pair swapped(struct pair v, uint32_t memop)
{
    if (memop & MO_BE)
        return (struct pair){__builtin_bswap64(v.low), __builtin_bswap64(v.high)};
    return v;
}

/* low is at the lower address in either byte order; memop is that of a half. */
static struct pair cas16(struct cpu *cpu, uint64_t addr, struct pair expect, struct pair v,
                         uint32_t memop)
{
    void *p = guest_host_ptr(cpu, addr, 16, GUEST_WRITE, memop_idx(memop));
    if (!p)
        return slow_cas16(cpu, addr, expect, v, memop);
    return swapped(host_cas16(p, swapped(expect, memop), swapped(v, memop)), memop);
}

uint64_t helper_stxp(struct arm_cpu *cpu, uint64_t addr, uint64_t low, uint64_t high,
                     uint32_t memop)
{
    struct pair expect = {cpu->excl_val, cpu->excl_high};
    struct pair old = cas16(&cpu->cpu, addr, expect, (struct pair){low, high}, memop);
    return old.low != expect.low || old.high != expect.high;
}

static uint64_t x_or_zero(const struct arm_cpu *cpu, unsigned n)
{
    return n == 31 ? 0 : cpu->x[n];
}

void helper_casp(struct arm_cpu *cpu, uint64_t addr, uint32_t rs, uint32_t rt, uint32_t memop)
{
    struct pair expect = {cpu->x[rs], x_or_zero(cpu, rs + 1)};
    struct pair v = {cpu->x[rt], x_or_zero(cpu, rt + 1)};
    struct pair old = cas16(&cpu->cpu, addr, expect, v, memop);
    cpu->x[rs] = old.low;
    if (rs + 1 != 31)
        cpu->x[rs + 1] = old.high;
}

/* --- structures --- */

enum { STRUCT_BYTES = 64, VECTORS = 32 };

/* struct_how(), taken apart, with the size of an element and of a register in bytes. */
struct elements {
    unsigned rt, selem, rpt, esize, bytes, total;
};

static struct elements elements_of(uint32_t how, uint32_t memop)
{
    struct elements e = {.rt = how & 31, .selem = how >> 6 & 7, .rpt = how >> 9 & 7};
    e.esize = memop_bytes(memop);
    e.bytes = how >> 5 & 1 ? 16 : 8;
    e.total = e.selem * e.rpt * e.bytes;
    return e;
}

/* Where byte i of memory lies in the registers: elements of a structure go to registers in turn,
 * their bytes in the order of the access. */
static uint8_t *place_of(struct arm_cpu *cpu, const struct elements *e, unsigned i, bool be)
{
    unsigned per_run = e->selem * e->bytes, run = i / per_run, in_run = i % per_run;
    unsigned n = in_run / e->esize, byte = in_run % e->esize;
    unsigned reg = e->rt + run * e->selem + n % e->selem;
    return &cpu->v[reg % VECTORS].b[n / e->selem * e->esize + (be ? e->esize - 1 - byte : byte)];
}

static void check_struct(struct arm_cpu *cpu, uint64_t addr, const struct elements *e,
                         uint32_t memop, bool is_store)
{
    if (!(memop & MO_ALIGN) || !(addr & (e->esize - 1)))
        return;
    helper_raise_misaligned(cpu, addr, memop, is_store);
    guest_unwind(&cpu->cpu);
}

/* Of its parts of 8 bytes: what must be aligned are elements. */
static uint32_t part_memop(uint32_t memop)
{
    unsigned size = memop & MO_SIZE;
    return MO_64 | (memop & MO_IDX) | (size < MO_32 ? size + 1 : 3) << MO_ELEMS_SHIFT;
}

void helper_ld_struct(struct arm_cpu *cpu, uint64_t addr, uint32_t how, uint32_t memop)
{
    struct elements e = elements_of(how, memop);
    uint64_t buf[STRUCT_BYTES / 8];
    const uint8_t *from = (const uint8_t *)buf;
    check_struct(cpu, addr, &e, memop, false);
    for (unsigned i = 0; i < e.total; i += 8)
        buf[i / 8] = guest_ld(&cpu->cpu, addr + i, part_memop(memop));
    for (unsigned i = 0; i < e.selem * e.rpt; i++)
        cpu->v[(e.rt + i) % VECTORS] = (union arm_vreg){0};
    for (unsigned i = 0; i < e.total; i++)
        *place_of(cpu, &e, i, memop & MO_BE) = from[i];
}

void helper_st_struct(struct arm_cpu *cpu, uint64_t addr, uint32_t how, uint32_t memop)
{
    struct elements e = elements_of(how, memop);
    uint64_t buf[STRUCT_BYTES / 8];
    uint8_t *to = (uint8_t *)buf;
    check_struct(cpu, addr, &e, memop, true);
    for (unsigned i = 0; i < e.total; i++)
        to[i] = *place_of(cpu, &e, i, memop & MO_BE);
    for (unsigned i = 0; i < e.total; i += 8)
        guest_st(&cpu->cpu, addr + i, buf[i / 8], part_memop(memop));
}
