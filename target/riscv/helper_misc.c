/* Helpers of Zbc, A and Zacas.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024, chapters
 * 14, 16 and 30. */
#include "target/riscv/trans.h"

#include "accel/tcg/guest.h"
#include "util/bits.h"
#include "util/host_cas16.h"

/* --- Zbc: products over GF(2) --- */

uint64_t helper_clmul(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (; b; b &= b - 1)
        r ^= a << __builtin_ctzll(b);
    return r;
}

uint64_t helper_clmulh(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (b &= ~UINT64_C(1); b; b &= b - 1)
        r ^= a >> (64 - __builtin_ctzll(b));
    return r;
}

/* --- store-conditional --- */

enum { CAUSE_STORE_MISALIGNED = 6 };

static void require_alignment(struct rv_cpu *cpu, uint64_t addr, uint32_t memop)
{
    if (addr & (memop_bytes(memop) - 1))
        rv_raise(cpu, CAUSE_STORE_MISALIGNED, addr);
}

void helper_sc_check(struct rv_cpu *cpu, uint64_t addr, uint32_t memop)
{
    require_alignment(cpu, addr, memop);
    guest_probe(&cpu->cpu, addr, memop_bytes(memop), GUEST_WRITE, memop_idx(memop));
}

/* --- amocas.q --- */

static struct pair get_pair(const struct rv_cpu *cpu, unsigned reg)
{
    return reg ? (struct pair){cpu->x[reg], cpu->x[reg + 1]} : (struct pair){0, 0};
}

static void set_pair(struct rv_cpu *cpu, unsigned reg, struct pair v)
{
    if (!reg)
        return;
    cpu->x[reg] = v.low;
    cpu->x[reg + 1] = v.high;
}

/*
 * QUIRK: memory without a host pointer, which is a page with translated code (its writes must be
 * seen) or a device: the halves are compared and stored one after the other, so that another hart
 * may come between.
 */
static struct pair slow_cas16(struct cpu *cpu, uint64_t addr, struct pair expect, struct pair v,
                              uint32_t idx)
{
    uint32_t memop = MO_64 | idx << MO_IDX_SHIFT;
    struct pair old = {guest_ld(cpu, addr, memop), guest_ld(cpu, addr + 8, memop)};
    if (old.low == expect.low && old.high == expect.high) {
        guest_st(cpu, addr, v.low, memop);
        guest_st(cpu, addr + 8, v.high, memop);
    }
    return old;
}

void helper_amocas_q(struct rv_cpu *cpu, uint64_t addr, uint32_t rd, uint32_t rs2, uint32_t memop)
{
    require_alignment(cpu, addr, memop);
    struct pair expect = get_pair(cpu, rd), v = get_pair(cpu, rs2), old;
    void *p = guest_host_ptr(&cpu->cpu, addr, 16, GUEST_WRITE, memop_idx(memop));
    if (p)
        old = host_cas16(p, expect, v);
    else
        old = slow_cas16(&cpu->cpu, addr, expect, v, memop_idx(memop));
    set_pair(cpu, rd, old);
}
