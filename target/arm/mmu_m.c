/*
 * Memory protection of M-profile processors: the default memory map and the regions of the MPU.
 * Addresses are physical.  Where permissions change inside a page of 4 KiB, every access asks.
 * Ref: v7-M, B3.1 (memory map), B3.5 (PMSAv7); DDI 0553, B8 (Armv8-M: PMSAv8).
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"

enum { R = 1 << GUEST_READ, W = 1 << GUEST_WRITE, X = 1 << GUEST_FETCH };
enum { PAGE_BITS = 12, MAP_BITS = 29, PAGE_LAST = (1 << PAGE_BITS) - 1 };
static const uint32_t PPB_STIR = 0xe000ef00;

/* What an address allows, and whether all of its page does. */
struct protection {
    uint8_t prot;
    bool is_mixed, is_mapped; /* a region decided */
    unsigned region;
};

static bool is_ppb(uint32_t addr)
{
    return addr >> 20 == 0xe00;
}

static bool is_system(uint32_t addr)
{
    return addr >> 29 == 7;
}

/* Code, SRAM and external RAM may be executed. */
static uint8_t default_prot(uint32_t addr)
{
    static const uint8_t executable = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4;
    return R | W | (executable >> (addr >> 29) & 1 ? X : 0);
}

/* ---- PMSAv7 ---- */

/* AP of RASR, by privilege. */
static uint8_t prot_of_ap(unsigned ap, bool is_privileged)
{
    static const uint8_t privileged[] = {0, R | W, R | W, R | W, 0, R, R, R};
    static const uint8_t user[] = {0, 0, R, R | W, 0, 0, R, R};
    return (is_privileged ? privileged : user)[ap & 7];
}

/* Whether [base, base + 2^bits) holds only a part of addr's page. */
static bool cuts_page(uint32_t addr, uint32_t base, unsigned bits)
{
    return bits < PAGE_BITS && (addr ^ base) >> PAGE_BITS == 0;
}

static void match7(const struct nvic_mpu *mpu, uint32_t addr, bool is_privileged,
                   struct protection *p)
{
    for (unsigned i = mpu->regions; i-- > 0;) {
        uint32_t attr = mpu->region[i].attr;
        unsigned bits = (attr >> 1 & 31) + 1;
        if (!(attr & 1) || bits < 5)
            continue;
        uint32_t base = bits == 32 ? 0 : mpu->region[i].base >> bits << bits;
        p->is_mixed |= cuts_page(addr, base, bits);
        if (bits < 32 && (addr ^ base) >> bits)
            continue;
        if (bits >= 8 && attr >> 8 & 0xff) {
            p->is_mixed |= bits - 3 < PAGE_BITS;
            if (attr >> 8 >> (addr >> (bits - 3) & 7) & 1)
                continue;
        }
        uint8_t prot = prot_of_ap(attr >> 24, is_privileged);
        p->prot = prot & R && !(attr >> 28 & 1) ? prot | X : prot;
        p->is_mapped = true;
        p->region = i;
        return;
    }
}

/* ---- PMSAv8: overlapping regions allow nothing ---- */

static void match8(const struct nvic_mpu *mpu, uint32_t addr, bool is_privileged,
                   struct protection *p)
{
    uint32_t page = addr & ~(uint32_t)PAGE_LAST;
    unsigned hits = 0;
    for (unsigned i = 0; i < mpu->regions; i++) {
        uint32_t rbar = mpu->region[i].base, rlar = mpu->region[i].attr;
        uint32_t base = rbar & ~31u, limit = rlar | 31u;
        if (!(rlar & 1) || limit < page || base > page + PAGE_LAST)
            continue;
        p->is_mixed |= base > page || limit < page + PAGE_LAST;
        if (addr < base || addr > limit)
            continue;
        hits++;
        bool may_write = !(rbar >> 2 & 1), may_user = rbar >> 1 & 1;
        p->prot = is_privileged || may_user ? R | (may_write ? W : 0) | (rbar & 1 ? 0 : X) : 0;
        p->region = i;
    }
    p->is_mapped = hits;
    if (hits > 1)
        p->prot = 0;
}

/* ---- both ---- */

static bool mpu_is_on(const struct nvic_mpu *mpu, unsigned idx)
{
    return mpu->regions && (mpu->ctrl & NVIC_MPU_ENABLE) &&
           (!(idx & ARM_IDX_M_NEGATIVE) || (mpu->ctrl & NVIC_MPU_HFNMIENA));
}

static struct protection protection(const struct arm_cpu *cpu, uint32_t addr, unsigned idx)
{
    const struct nvic_mpu *mpu = cpu->cfg.nvic_ops->mpu(cpu->cfg.nvic);
    bool is_privileged = idx & ARM_IDX_M_PRIV;
    struct protection p = {0};
    if (!mpu_is_on(mpu, idx) || is_ppb(addr)) {
        p.prot = default_prot(addr);
        return p;
    }
    if (cpu->m.version >= 8)
        match8(mpu, addr, is_privileged, &p);
    else
        match7(mpu, addr, is_privileged, &p);
    if (!p.is_mapped && is_privileged && (mpu->ctrl & NVIC_MPU_PRIVDEFENA))
        p.prot = default_prot(addr);
    if (is_system(addr))
        p.prot &= (uint8_t)~X;
    return p;
}

/* Unprivileged code may reach nothing of the private peripherals but STIR, when CCR says so. */
static bool is_forbidden(const struct arm_cpu *cpu, uint32_t addr, unsigned idx)
{
    if (!is_ppb(addr) || (idx & ARM_IDX_M_PRIV))
        return false;
    return (addr & ~3u) != PPB_STIR || !(arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_USERSETMPEND);
}

bool arm_m_may_access(const struct arm_cpu *cpu, uint32_t addr, enum guest_access access,
                      unsigned idx, uint32_t *cfsr)
{
    if (access != GUEST_FETCH && is_forbidden(cpu, addr, idx)) {
        *cfsr = CFSR_PRECISERR;
        return false;
    }
    *cfsr = CFSR_DACCVIOL;
    return protection(cpu, addr, idx).prot >> access & 1;
}

unsigned arm_m_idx(const struct arm_cpu *cpu, bool is_privileged)
{
    return (is_privileged ? ARM_IDX_M_PRIV : 0) | (cpu->m.is_negative ? ARM_IDX_M_NEGATIVE : 0);
}

bool arm_m_walk(struct cpu *c, gva va, enum guest_access access, unsigned idx,
                struct guest_walk *out)
{
    const struct arm_cpu *cpu = arm(c);
    const struct nvic_mpu *mpu = cpu->cfg.nvic_ops->mpu(cpu->cfg.nvic);
    uint32_t addr = (uint32_t)va, cfsr;
    if (!arm_m_may_access(cpu, addr, access, idx, &cfsr)) {
        out->cause = cfsr == CFSR_PRECISERR ? GUEST_CAUSE_BUS : cfsr;
        return false;
    }
    struct protection p = protection(cpu, addr, idx);
    bool is_whole = !mpu_is_on(mpu, idx) && !is_system(addr);
    *out = (struct guest_walk){
        .addr = addr,
        .prot = p.prot,
        .page_bits = is_whole ? MAP_BITS : PAGE_BITS,
        .alike_bits = is_whole ? MAP_BITS : PAGE_BITS,
        .global = true,
        .uncached = p.is_mixed || (is_ppb(addr) && !(idx & ARM_IDX_M_PRIV)),
    };
    return true;
}

/* What debuggers see is not protected. */
bool arm_m_debug_translate(struct cpu *c UNUSED, gva addr, gpa *out)
{
    *out = (uint32_t)addr;
    return true;
}

/* ---- TT ---- */

uint32_t arm_m_test_target(const struct arm_cpu *cpu, uint32_t addr, bool unprivileged)
{
    enum { MRVALID = 1 << 16, READ_OK = 1 << 18, WRITE_OK = 1 << 19 };
    const struct nvic_mpu *mpu = cpu->cfg.nvic_ops->mpu(cpu->cfg.nvic);
    unsigned idx = arm_m_idx(cpu, arm_m_is_privileged(cpu) && !unprivileged);
    struct protection p = protection(cpu, addr, idx);
    uint32_t resp = 0;
    if (is_forbidden(cpu, addr, idx))
        p.prot = 0;
    if (arm_m_is_privileged(cpu) || unprivileged)
        resp |= (p.prot & R ? READ_OK : 0) | (p.prot & W ? WRITE_OK : 0);
    if (arm_m_is_privileged(cpu) && p.is_mapped && mpu_is_on(mpu, idx))
        resp |= MRVALID | p.region;
    return resp;
}
