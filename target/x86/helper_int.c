/* Helpers of integer instructions. */
#include "target/x86/cpu.h"
#include "target/x86/helpers.h"

#include "accel/tcg/guest.h"
#include "util/bits.h"
#include "util/crc32c.h"
#include "util/host_cas16.h"

#include <glib.h>
#include <sys/random.h>

enum { RAX, RCX, RDX, RBX };

/*
 * The unit would have gone past the limit of CS, or a jump may wrap: the next instruction runs in a
 * unit of its own, which checks exactly.
 */
void helper_run_alone(struct x86_cpu *cpu)
{
    cpu->near_limit = true;
    x86_segments_changed(cpu);
}

/* --- rotates through the carry --- */

typedef unsigned __int128 u128;

struct rotated {
    uint64_t v;
    bool carry, overflow;
};

static uint64_t top(uint64_t v, unsigned bits)
{
    return v >> (bits - 1) & 1;
}

/* The value with the carry above it, by n places up. */
static struct rotated rotate(uint64_t v, unsigned n, bool carry, unsigned bits)
{
    unsigned width = bits + 1;
    u128 all = (u128)carry << bits | v, mask = ((u128)1 << width) - 1;
    n %= width;
    if (n)
        all = (all << n | all >> (width - n)) & mask;
    return (struct rotated){extract64((uint64_t)all, 0, bits), all >> bits & 1, false};
}

static struct rotated rotate_left(uint64_t v, unsigned n, uint32_t cc, unsigned size)
{
    struct rotated r = rotate(v, n, cc & X86_CC_C, 8u << size);
    r.overflow = top(r.v, 8u << size) != r.carry;
    return r;
}

static struct rotated rotate_right(uint64_t v, unsigned n, uint32_t cc, unsigned size)
{
    unsigned bits = 8u << size;
    struct rotated r = rotate(v, bits + 1 - n % (bits + 1), cc & X86_CC_C, bits);
    r.overflow = top(r.v, bits) != top(r.v << 1, bits);
    return r;
}

static uint32_t rotated_flags(struct rotated r, unsigned n, uint32_t cc)
{
    if (!n)
        return cc;
    cc &= ~(uint32_t)(X86_CC_C | X86_CC_O);
    return cc | (r.carry ? X86_CC_C : 0) | (r.overflow ? X86_CC_O : 0);
}

uint64_t helper_rcl(uint64_t v, uint32_t n, uint32_t cc, uint32_t size)
{
    return rotate_left(v, n, cc, size).v;
}

uint32_t helper_rcl_flags(uint64_t v, uint32_t n, uint32_t cc, uint32_t size)
{
    return rotated_flags(rotate_left(v, n, cc, size), n, cc);
}

uint64_t helper_rcr(uint64_t v, uint32_t n, uint32_t cc, uint32_t size)
{
    return rotate_right(v, n, cc, size).v;
}

uint32_t helper_rcr_flags(uint64_t v, uint32_t n, uint32_t cc, uint32_t size)
{
    return rotated_flags(rotate_right(v, n, cc, size), n, cc);
}

/* --- double shifts of 16 bits --- */

/* Where counts go beyond the width, what is shifted in comes twice. */
uint32_t helper_shld(uint32_t v, uint32_t in, uint32_t n)
{
    uint64_t all = (uint64_t)(uint16_t)v << 32 | (uint32_t)(uint16_t)in << 16 | (uint16_t)in;
    return (uint16_t)(all >> (32 - n));
}

uint32_t helper_shrd(uint32_t v, uint32_t in, uint32_t n)
{
    uint64_t all = (uint64_t)(uint16_t)in << 32 | (uint32_t)(uint16_t)in << 16 | (uint16_t)v;
    return (uint16_t)(all >> n);
}

static uint32_t double_flags(uint32_t r, bool carry, bool overflow)
{
    return ir_eflags_of_result(r, 1) | X86_CC_A | (carry ? X86_CC_C : 0) |
           (overflow ? X86_CC_O : 0);
}

/* Asked for counts above 0 only; of 0, what it says is not used. */
uint32_t helper_shld_flags(uint32_t v, uint32_t in, uint32_t n)
{
    uint32_t r = helper_shld(v, in, n);
    bool carry = n && n <= 16 && helper_shld(v, in, n - 1) >> 15 & 1;
    bool sign = n < 16 && top(r, 16); /* by more: as AMD's processors do it */
    return double_flags(r, carry, sign != carry);
}

uint32_t helper_shrd_flags(uint32_t v, uint32_t in, uint32_t n)
{
    uint32_t r = helper_shrd(v, in, n);
    bool carry = n && n <= 16 && (helper_shrd(v, in, n - 1) & 1);
    return double_flags(r, carry, top(r, 16) != top(r << 1, 16));
}

/* --- 128 by 64 bits --- */

struct quotient {
    u128 q;
    uint64_t r;
};

/* b is not 0.  Mostly the dividend has 64 bits only. */
static struct quotient divide(u128 a, uint64_t b)
{
    if (LIKELY(!(a >> 64)))
        return (struct quotient){(uint64_t)a / b, (uint64_t)a % b};
    u128 q = a / b;
    return (struct quotient){q, (uint64_t)(a - q * b)};
}

uint64_t helper_div128(uint64_t low, uint64_t high, uint64_t divisor)
{
    if (high >= divisor)
        return 0; /* the caller raises #DE */
    return (uint64_t)divide((u128)high << 64 | low, divisor).q;
}

static u128 magnitude(u128 v)
{
    return v >> 127 ? -v : v;
}

void helper_idiv64(struct x86_cpu *cpu, uint64_t b)
{
    u128 dividend = (u128)cpu->r[RDX] << 64 | cpu->r[RAX];
    bool negative = cpu->r[RDX] >> 63, differ = negative != b >> 63;
    uint64_t most = UINT64_C(1) << 63;
    struct quotient v = {~(u128)0, 0};
    if (b)
        v = divide(magnitude(dividend), b >> 63 ? -b : b);
    if (v.q > most || (v.q == most && !differ)) {
        helper_raise(cpu, X86_DE, 0);
        return;
    }
    cpu->r[RAX] = differ ? -(uint64_t)v.q : (uint64_t)v.q;
    cpu->r[RDX] = negative ? -v.r : v.r;
}

/* --- bits --- */

uint64_t helper_pdep(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;
    for (; mask; mask &= mask - 1, v >>= 1)
        if (v & 1)
            r |= mask & -mask;
    return r;
}

uint64_t helper_pext(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;
    for (uint64_t bit = 1; mask; mask &= mask - 1, bit <<= 1)
        if (v & mask & -mask)
            r |= bit;
    return r;
}

uint32_t helper_crc32(uint32_t before, uint64_t data, uint32_t bytes)
{
    return crc32c(before, data, bytes);
}

uint64_t helper_random(struct x86_cpu *cpu UNUSED)
{
    uint64_t v;
    if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v))
        v = (uint64_t)g_random_int() << 32 | g_random_int();
    return v;
}

/* --- decimal adjustment.  Ref: SDM volume 2 (AAA and the like). --- */

static void set_al(struct x86_cpu *cpu, unsigned al)
{
    cpu->r[RAX] = deposit64(cpu->r[RAX], 0, 8, al);
}

/* SF, ZF, PF and OF, where the manuals say undefined, are those of the addition or subtraction. */
static void decimal_flags(struct x86_cpu *cpu, unsigned size, uint64_t old, uint64_t now,
                          bool is_sub)
{
    uint64_t from = is_sub ? now : old, to = is_sub ? old : now;
    cpu->cc &= X86_CC_A | X86_CC_C;
    cpu->cc |= ir_eflags_of_result(now, size);
    cpu->cc |= top(~from & to, 8u << size) ? X86_CC_O : 0;
}

static void set_carries(struct x86_cpu *cpu, bool adjust, bool carry)
{
    cpu->cc = (adjust ? X86_CC_A : 0) | (carry ? X86_CC_C : 0);
}

static void adjust_packed(struct x86_cpu *cpu, bool is_sub)
{
    unsigned old = cpu->r[RAX] & 0xff, al = old;
    bool carry = cpu->cc & X86_CC_C, adjust = (old & 15) > 9 || (cpu->cc & X86_CC_A);
    bool high = old > 0x99 || carry;
    if (adjust)
        al = is_sub ? al - 6 : al + 6;
    if (adjust && is_sub && old < 6)
        carry = true;
    if (high)
        al = is_sub ? al - 0x60 : al + 0x60;
    al &= 0xff;
    set_al(cpu, al);
    set_carries(cpu, adjust, high || (is_sub && carry));
    decimal_flags(cpu, 0, old, al, is_sub);
}

void helper_bcd_daa(struct x86_cpu *cpu)
{
    adjust_packed(cpu, false);
}

void helper_bcd_das(struct x86_cpu *cpu)
{
    adjust_packed(cpu, true);
}

static void adjust_digits(struct x86_cpu *cpu, bool is_sub)
{
    unsigned old = cpu->r[RAX] & 0xffff, ax = old;
    bool adjust = (ax & 15) > 9 || (cpu->cc & X86_CC_A);
    if (adjust)
        ax = (is_sub ? ax - 0x106 : ax + 0x106) & 0xffff;
    cpu->r[RAX] = deposit64(cpu->r[RAX], 0, 16, ax & 0xff0f);
    set_carries(cpu, adjust, adjust);
    decimal_flags(cpu, 1, old, ax, is_sub);
}

void helper_bcd_aaa(struct x86_cpu *cpu)
{
    adjust_digits(cpu, false);
}

void helper_bcd_aas(struct x86_cpu *cpu)
{
    adjust_digits(cpu, true);
}

/* --- memory --- */

void helper_probe_write(struct x86_cpu *cpu, uint64_t linear, uint32_t memop)
{
    guest_probe(&cpu->cpu, linear, memop_bytes(memop), GUEST_WRITE, memop_idx(memop));
}

/*
 * QUIRK: memory without a host pointer, which is a page with translated code (its writes must be
 * seen) or a device: the halves are compared and stored one after the other, so that another
 * processor may come between.
 */
static struct pair slow_cas16(struct cpu *cpu, uint64_t addr, struct pair expect, struct pair v,
                              uint32_t memop)
{
    struct pair old = {guest_ld(cpu, addr, memop), guest_ld(cpu, addr + 8, memop)};
    bool same = old.low == expect.low && old.high == expect.high;
    guest_st(cpu, addr, same ? v.low : old.low, memop);
    guest_st(cpu, addr + 8, same ? v.high : old.high, memop);
    return old;
}

void helper_cmpxchg16b(struct x86_cpu *cpu, uint64_t linear, uint32_t memop)
{
    struct pair expect = {cpu->r[RAX], cpu->r[RDX]}, v = {cpu->r[RBX], cpu->r[RCX]}, old;
    void *p = guest_host_ptr(&cpu->cpu, linear, 16, GUEST_WRITE, memop_idx(memop));
    old = p ? host_cas16(p, expect, v) : slow_cas16(&cpu->cpu, linear, expect, v, memop);
    if (old.low == expect.low && old.high == expect.high) {
        cpu->cc |= X86_CC_Z;
        return;
    }
    cpu->cc &= ~(uint32_t)X86_CC_Z;
    cpu->r[RAX] = old.low;
    cpu->r[RDX] = old.high;
}
