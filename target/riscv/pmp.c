/* Physical memory protection.  Ref: Priv. 3.7. */
#include "accel/tcg/guest.h"
#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "util/bits.h"

enum { PROT_ALL = 1 << GUEST_READ | 1 << GUEST_WRITE | 1 << GUEST_FETCH, PMP_PAGE_BITS = 12 };

static uint8_t entry_cfg(const struct rv_cpu *cpu, unsigned i)
{
    return cpu->s.pmpcfg[i / 8] >> (i % 8 * 8);
}

/* The bytes an entry matches; low > high when it matches none. */
static struct rv_pmp_range entry_range(const struct rv_cpu *cpu, unsigned i)
{
    const uint64_t *addr = cpu->s.pmpaddr;
    uint64_t low = addr[i] << 2;
    uint8_t cfg = entry_cfg(cpu, i);

    switch (cfg >> 3 & 3) {
    case PMP_TOR:
        low = i ? addr[i - 1] << 2 : 0;
        if (low >= addr[i] << 2)
            break;
        return (struct rv_pmp_range){low, (addr[i] << 2) - 1, cfg};
    case PMP_NA4: return (struct rv_pmp_range){low, low + 3, cfg};
    case PMP_NAPOT: {
        /* y...y01...1 with n ones is 2^(n+3) bytes. */
        uint64_t ones = addr[i] ^ (addr[i] + 1);
        return (struct rv_pmp_range){(addr[i] & ~ones) << 2, (addr[i] | ones) << 2 | 3, cfg};
    }
    }
    return (struct rv_pmp_range){1, 0, cfg};
}

void rv_pmp_update(struct rv_cpu *cpu)
{
    cpu->pmp_used = 0;
    for (unsigned i = 0; i < cpu->pmp_count && i < RV_PMP_MAX; i++) {
        cpu->pmp[i] = entry_range(cpu, i);
        if (entry_cfg(cpu, i) & PMP_A)
            cpu->pmp_used = i + 1;
    }
    cpu->pmp_active = cpu->pmp_used != 0;
}

static unsigned cfg_prot(uint8_t cfg, unsigned prv)
{
    unsigned prot = 0;

    if (prv == PRV_M && !(cfg & PMP_L))
        return PROT_ALL;
    prot |= cfg & PMP_R ? 1 << GUEST_READ : 0;
    prot |= cfg & PMP_W ? 1 << GUEST_WRITE : 0;
    prot |= cfg & PMP_X ? 1 << GUEST_FETCH : 0;
    return prot;
}

/* What applies where no entry matches. */
static unsigned default_prot(const struct rv_cpu *cpu, unsigned prv)
{
    return prv == PRV_M || !cpu->pmp_count ? PROT_ALL : 0;
}

bool rv_pmp_is_uniform(const struct rv_cpu *cpu, uint64_t addr, unsigned bits)
{
    uint64_t first = addr & ~(BIT64(bits) - 1), last = first | (BIT64(bits) - 1);

    for (unsigned i = 0; i < cpu->pmp_used; i++) {
        const struct rv_pmp_range *r = &cpu->pmp[i];
        if (r->low <= last && r->high >= first && r->low <= r->high)
            return r->low <= first && r->high >= last;
    }
    return true;
}

unsigned rv_pmp_prot(const struct rv_cpu *cpu, uint64_t addr, unsigned len, unsigned prv,
                     bool *whole)
{
    uint64_t last = addr + len - 1;

    if (whole)
        *whole = !cpu->pmp_active || rv_pmp_is_uniform(cpu, addr, PMP_PAGE_BITS);
    if (LIKELY(!cpu->pmp_active))
        return default_prot(cpu, prv);
    for (unsigned i = 0; i < cpu->pmp_used; i++) {
        const struct rv_pmp_range *r = &cpu->pmp[i];
        if (r->low > last || r->high < addr || r->low > r->high)
            continue;
        /* The first entry that matches any byte must match all of them. */
        return r->low <= addr && r->high >= last ? cfg_prot(r->cfg, prv) : 0;
    }
    return default_prot(cpu, prv);
}

bool rv_pmp_check(struct rv_cpu *cpu, uint64_t addr, unsigned len, int access, unsigned prv,
                  bool *whole)
{
    return rv_pmp_prot(cpu, addr, len, prv, whole) >> access & 1;
}
