/* Helpers of A32 and T32: parallel arithmetic, changes of the instruction set. */
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"
#include "target/arm/m_priv.h"

#include "accel/tcg/guest.h"
#include "util/bits.h"

#include <stdlib.h>

/* --- parallel addition and subtraction.  Ref: DDI 0487, F5.1.193 (SADD16) and the like --- */

enum { PAR_ADD16, PAR_ASX, PAR_SAX, PAR_SUB16, PAR_ADD8, PAR_SUB8 = 7 };
enum { PREFIX_S = 1, PREFIX_Q, PREFIX_SH, PREFIX_U = 5, PREFIX_UQ, PREFIX_UH };

static int32_t limit(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* One lane's operand. */
static int32_t lane(uint32_t v, unsigned shift, unsigned bits, bool is_signed)
{
    uint32_t field = v >> shift & ((1u << bits) - 1);
    return is_signed ? (int32_t)(field << (32 - bits)) >> (32 - bits) : (int32_t)field;
}

/* What the prefix makes of a lane's exact result. */
static uint32_t finish(int32_t r, unsigned prefix, unsigned bits)
{
    switch (prefix) {
    case PREFIX_Q: r = limit(r, -(1 << (bits - 1)), (1 << (bits - 1)) - 1); break;
    case PREFIX_UQ: r = limit(r, 0, (1 << bits) - 1); break;
    case PREFIX_SH:
    case PREFIX_UH: r >>= 1; break;
    }
    return (uint32_t)r & ((1u << bits) - 1);
}

/* GE of a lane: no borrow, a carry, not negative. */
static bool lane_ge(int32_t r, bool is_signed, bool adds, unsigned bits)
{
    return is_signed || !adds ? r >= 0 : r >> bits;
}

struct par {
    uint32_t r, ge;
    unsigned prefix, bits;
};

static void par_lane(struct par *p, uint32_t a, unsigned from_a, uint32_t b, unsigned from_b,
                     bool adds)
{
    bool is_signed = p->prefix < 4;
    int32_t x = lane(a, from_a, p->bits, is_signed), y = lane(b, from_b, p->bits, is_signed);
    int32_t r = adds ? x + y : x - y;
    p->r |= finish(r, p->prefix, p->bits) << from_a;
    if (lane_ge(r, is_signed, adds, p->bits))
        p->ge |= (p->bits == 16 ? 3u : 1u) << from_a / 8;
}

uint64_t helper_a32_parallel(uint32_t a, uint32_t b, uint32_t how)
{
    unsigned op = how & 15;
    bool is_bytes = op == PAR_ADD8 || op == PAR_SUB8, crosses = op == PAR_ASX || op == PAR_SAX;
    struct par p = {.prefix = how >> 4, .bits = is_bytes ? 8 : 16};
    for (unsigned at = 0; at < 32; at += p.bits) {
        bool adds =
            op == PAR_ADD16 || op == PAR_ADD8 || (op == PAR_ASX && at) || (op == PAR_SAX && !at);
        par_lane(&p, a, at, b, crosses ? 16 - at : at, adds);
    }
    return (uint64_t)p.ge << 32 | p.r;
}

uint32_t helper_a32_usad8(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;
    for (unsigned at = 0; at < 32; at += 8)
        sum += (uint32_t)abs(lane(a, at, 8, false) - lane(b, at, 8, false));
    return sum;
}

uint32_t helper_a32_rbit(uint32_t v)
{
    v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(v);
}

/* --- instruction set, IT --- */

/* BX to the other instruction set from a unit that began in an IT block; bit 1 of an A32 target is
 * ignored. */
void helper_a32_exchange(struct arm_cpu *cpu, uint32_t target, uint32_t thumb)
{
    cpu->s.ps.thumb = thumb;
    cpu->pc = target & (thumb ? ~1u : ~3u);
    guest_mode_changed(&cpu->cpu);
}

void helper_a32_set_it(struct arm_cpu *cpu, uint32_t it)
{
    cpu->s.ps.it = (uint8_t)it;
    guest_mode_changed(&cpu->cpu);
}

/* Ref: DDI 0487, E1.2.1 (ITAdvance). */
void helper_a32_advance_it(struct arm_cpu *cpu)
{
    uint8_t it = cpu->s.ps.it;
    cpu->s.ps.it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
}

/* --- memory --- */

/* Whatever the address leads to. */
void helper_a32_misaligned(struct arm_cpu *cpu, uint64_t addr, uint32_t memop, uint32_t is_store)
{
    enum guest_access access = is_store ? GUEST_WRITE : GUEST_READ;
    unsigned idx = memop_idx(memop);
    arm_pmu_not_done(cpu);
    if (arm_is_m(cpu))
        arm_m_raise_fault(&cpu->cpu, addr, access, idx, GUEST_CAUSE_MISALIGNED);
    else
        arm_raise_fault(&cpu->cpu, addr, access, idx, GUEST_CAUSE_MISALIGNED);
    guest_unwind(&cpu->cpu);
}
