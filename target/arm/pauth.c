/*
 * Pointer authentication: codes go into the bits of a pointer that its address does not need.
 *
 * Ref: DDI 0487, D8.10 (pointer authentication), AddPAC(), Auth(), Strip() and what they use.
 */
#include "target/arm/pauth.h"

#include "target/arm/a64.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"

/* What the current translation regime makes of a pointer. */
struct layout {
    bool split;      /* addresses have an upper and a lower half */
    bool tag;        /* the top byte is a tag */
    unsigned bottom; /* lowest bit of the code */
};

static bool is_split(const struct arm_cpu *cpu)
{
    unsigned el = arm_regime_el(cpu);
    return el == 1 || (el == 2 && (cpu->s.hcr_el2 & HCR_E2H));
}

static uint64_t tcr(const struct arm_cpu *cpu)
{
    return cpu->s.tcr_el[arm_regime_el(cpu)];
}

/* The top byte is ignored in addresses of this half; of instructions only without TBID. */
static bool top_byte_ignored(const struct arm_cpu *cpu, bool upper, bool data)
{
    uint64_t t = tcr(cpu);
    if (!is_split(cpu))
        return (t & TCR2_TBI) && (data || !(t & TCR2_TBID));
    return (t & (upper ? TCR_TBI1 : TCR_TBI0)) && (data || !(t & (upper ? TCR_TBID1 : TCR_TBID0)));
}

/* Granules of 64 KiB: TG0 1, TG1 3. */
static bool granule_is_64k(const struct arm_cpu *cpu, bool upper)
{
    return upper ? (tcr(cpu) >> 30 & 3) == 3 : (tcr(cpu) >> 14 & 3) == 1;
}

/* Ref: CalculateBottomPACBit(). */
static unsigned bottom_bit(const struct arm_cpu *cpu, bool upper)
{
    bool split = is_split(cpu), is_64k = granule_is_64k(cpu, split && upper);
    unsigned size = tcr(cpu) >> (split && upper ? 16 : 0) & 0x3f;
    unsigned most = arm_has(cpu, ARM_F_TTST) ? (is_64k ? 47 : 48) : 39;
    bool large = is_64k ? arm_has(cpu, ARM_F_LVA) : tcr(cpu) & (split ? TCR_DS : TCR2_DS);
    unsigned least = large ? 12 : 16;
    return 64 - (size > most ? most : size < least ? least : size);
}

static uint64_t ones(bool set)
{
    return set ? ~UINT64_C(0) : 0;
}

/* Bits of a pointer that hold its code; bit 55 tells the halves apart. */
static uint64_t code_bits(unsigned bottom, bool tag)
{
    uint64_t bits = MASK64(bottom, 55 - bottom);
    return tag ? bits : bits | MASK64(56, 8);
}

/* The pointer without a code: those bits, and bit 55, are copies of `upper`. */
static uint64_t plain(uint64_t ptr, unsigned bottom, bool tag, bool upper)
{
    uint64_t bits = code_bits(bottom, tag) | BIT64(55);
    return (ptr & ~bits) | (ones(upper) & bits);
}

static uint64_t compute(const struct arm_cpu *cpu, uint64_t ptr, uint64_t modifier,
                        const struct arm_pauth_key *key)
{
    if (arm_has(cpu, ARM_F_PAUTH_IMPDEF))
        return arm_pauth_hash(ptr, modifier, key->hi, key->lo);
    return arm_pauth_qarma5(ptr, modifier, key->hi, key->lo);
}

/* --- traps and enables --- */

/* HCR_EL2.API and SCR_EL3.API.  Ref: AuthIA() and the like. */
static void check_traps(struct arm_cpu *cpu)
{
    unsigned el = cpu->s.ps.el;
    if (el <= 1 && arm_el2_enabled(cpu) && !(cpu->s.hcr_el2 & HCR_API) &&
        !(el == 0 && arm_is_host(cpu)))
        arm_raise(cpu, 2, ESR(ARM_EC_PAUTH, 0));
    if (el <= 2 && arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_API))
        arm_raise(cpu, 3, ESR(ARM_EC_PAUTH, 0));
}

static bool is_enabled(const struct arm_cpu *cpu, unsigned key)
{
    static const uint64_t bit[] = {
        [PAUTH_IA] = SCTLR_ENIA,
        [PAUTH_IB] = SCTLR_ENIB,
        [PAUTH_DA] = SCTLR_ENDA,
        [PAUTH_DB] = SCTLR_ENDB,
    };
    return cpu->s.sctlr_el[arm_regime_el(cpu)] & bit[key];
}

static const struct arm_pauth_key *key_of(const struct arm_cpu *cpu, unsigned key)
{
    const struct arm_state *s = &cpu->s;
    const struct arm_pauth_key *keys[] = {&s->apia, &s->apib, &s->apda, &s->apdb};
    return keys[key];
}

/* --- codes --- */

/* Which half a pointer without a code belongs to.  Ref: AddPAC(), selbit. */
static bool half_of(const struct arm_cpu *cpu, uint64_t ptr, bool data)
{
    bool either = top_byte_ignored(cpu, false, data) || top_byte_ignored(cpu, true, data);
    return ptr >> (either ? 55 : 63) & 1;
}

static uint64_t add_code(struct arm_cpu *cpu, uint64_t ptr, uint64_t modifier, unsigned key)
{
    bool data = key >= PAUTH_DA, upper = half_of(cpu, ptr, data);
    bool tag = top_byte_ignored(cpu, ptr >> 55 & 1, data);
    unsigned bottom = bottom_bit(cpu, upper), top = tag ? 55 : 63;
    uint64_t bits = code_bits(bottom, tag), good = plain(ptr, bottom, tag, upper);
    uint64_t code = compute(cpu, good, modifier, key_of(cpu, key));
    if (arm_has(cpu, ARM_F_PAUTH2)) {
        code ^= ptr;
    } else {
        uint64_t extension = MASK64(bottom, top + 1 - bottom);
        if ((ptr & extension) && (ptr & extension) != extension)
            code ^= BIT64(top - 1);
    }
    return (good & ~bits) | (code & bits);
}

uint64_t helper_pac(struct arm_cpu *cpu, uint64_t ptr, uint64_t modifier, uint32_t key)
{
    if (!is_enabled(cpu, key))
        return ptr;
    check_traps(cpu);
    return add_code(cpu, ptr, modifier, key);
}

/* A code that does not fit makes the pointer one that faults: bits below the top say which key.
 * Ref: Auth(). */
static uint64_t corrupt(uint64_t good, bool tag, unsigned key)
{
    unsigned lsb = tag ? 53 : 61;
    return deposit64(good, lsb, 2, key & 1 ? 2 : 1);
}

static uint64_t authenticate(struct arm_cpu *cpu, uint64_t ptr, uint64_t modifier, unsigned key,
                             bool combined)
{
    bool data = key >= PAUTH_DA, upper = ptr >> 55 & 1;
    bool tag = top_byte_ignored(cpu, upper, data);
    unsigned bottom = bottom_bit(cpu, upper);
    uint64_t bits = code_bits(bottom, tag), good = plain(ptr, bottom, tag, upper);
    uint64_t code = compute(cpu, good, modifier, key_of(cpu, key));
    if (!arm_has(cpu, ARM_F_PAUTH2))
        return (code ^ ptr) & bits ? corrupt(good, tag, key) : good;
    uint64_t result = ptr ^ (code & bits);
    bool may_fault = arm_has(cpu, combined ? ARM_F_FPACCOMBINE : ARM_F_FPAC);
    if (((result ^ good) & bits) && may_fault)
        arm_raise(cpu, 1, ESR(ARM_EC_FPAC, data << 1 | (key & 1)));
    return result;
}

uint64_t helper_aut(struct arm_cpu *cpu, uint64_t ptr, uint64_t modifier, uint32_t how)
{
    unsigned key = how & PAUTH_KEY;
    if (!is_enabled(cpu, key))
        return ptr;
    check_traps(cpu);
    return authenticate(cpu, ptr, modifier, key, how & PAUTH_COMBINED);
}

uint64_t helper_xpac(struct arm_cpu *cpu, uint64_t ptr, uint32_t data)
{
    bool upper = ptr >> 55 & 1;
    return plain(ptr, bottom_bit(cpu, upper), top_byte_ignored(cpu, upper, data), upper);
}

uint64_t helper_pacga(struct arm_cpu *cpu, uint64_t value, uint64_t modifier)
{
    check_traps(cpu);
    return compute(cpu, value, modifier, &cpu->s.apga) & MASK64(32, 32);
}
