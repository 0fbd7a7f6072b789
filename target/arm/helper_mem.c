/* Helpers of loads and stores: 16-byte exchanges, alignment faults. */
#include "target/arm/cpu.h"
#include "target/arm/helpers.h"

#include "accel/tcg/guest.h"
#include "util/host_cas16.h"

/* except.c: guest_ops.raise_fault */
void arm_raise_fault(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                     uint32_t cause);

void helper_raise_misaligned(struct arm_cpu *cpu, uint64_t addr, uint32_t memop, uint32_t is_store)
{
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
