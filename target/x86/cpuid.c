/*
 * CPUID, and what follows from it: which bits of control registers there are.
 *
 * Ref: SDM vol. 2, CPUID; APM vol. 3, appendix E.
 */
#include "core/apic.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/xsave.h"
#include "util/bits.h"

#include <string.h>

enum { EAX, EBX, ECX, EDX };

struct row {
    uint32_t leaf;
    uint8_t subleaf, reg, bit;
};
static const struct row rows[X86_FEATURES] = {
#define X86_FEATURE(id, name, leaf, subleaf, reg, bit, help)                                       \
    [X86_F_##id] = {leaf, subleaf, reg, bit},
#include "target/x86/features.def"
#undef X86_FEATURE
};

static void add_features(const struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                         uint32_t out[4])
{
    for (unsigned f = 0; f < X86_FEATURES; f++)
        if (rows[f].leaf == leaf && rows[f].subleaf == subleaf && x86_has(cpu, f))
            out[rows[f].reg] |= UINT32_C(1) << rows[f].bit;
}

static unsigned threads(const struct x86_cpu *cpu)
{
    return cpu->cfg.threads ? cpu->cfg.threads : 1;
}

static unsigned package(const struct x86_cpu *cpu)
{
    return (cpu->cfg.cores ? cpu->cfg.cores : 1) * threads(cpu);
}

/* Bits that number n things. */
static unsigned width(unsigned n)
{
    unsigned bits = 0;

    while (1u << bits < n)
        bits++;
    return bits;
}

static unsigned package_bits(const struct x86_cpu *cpu)
{
    return width(threads(cpu)) + width(cpu->cfg.cores ? cpu->cfg.cores : 1);
}

static void put_text(uint32_t out[4], const char *text, const uint8_t order[], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        memcpy(&out[order[i]], text + 4 * i, 4);
}

static void put_vendor(const struct x86_cpu *cpu, uint32_t out[4])
{
    static const uint8_t order[] = {EBX, EDX, ECX};

    put_text(out, cpu->vendor, order, 3);
}

/* ---- caches ---- */

static const struct cache {
    uint8_t type, level, ways;
    uint16_t sets;
    bool shared;        /* by a package, else by a core */
    uint8_t descriptor; /* of leaf 2 */
    uint32_t legacy;    /* of leaves 0x80000005 and 6 */
} caches[] = {
    {1, 1, 8, 64, false, 0x2c, 0},
    {2, 1, 8, 64, false, 0x30, 0},
    {3, 2, 16, 4096, false, 0x7d, 0},
    {3, 3, 16, 16384, true, 0x4d, 0},
};
enum { LINE = 64 };

static void cache_leaf(const struct x86_cpu *cpu, uint32_t subleaf, uint32_t out[4], bool amd)
{
    if (subleaf >= sizeof(caches) / sizeof(caches[0]))
        return;
    const struct cache *c = &caches[subleaf];
    unsigned sharing = c->shared ? package(cpu) : threads(cpu);
    out[EAX] = c->type | (uint32_t)c->level << 5 | 1 << 8 | (sharing - 1) << 14;
    if (!amd)
        out[EAX] |= ((1u << width(cpu->cfg.cores ? cpu->cfg.cores : 1)) - 1) << 26;
    out[EBX] = (LINE - 1) | (uint32_t)(c->ways - 1) << 22;
    out[ECX] = c->sets - 1u;
    out[EDX] = c->shared ? 4 | 2 : 1; /* complex indexing, inclusive; write-back invalidate */
}

/* ---- topology ---- */

static void topology_leaf(const struct x86_cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
    enum { SMT = 1, CORE = 2 };

    out[ECX] = subleaf & 0xff;
    out[EDX] = cpu->cfg.apic_id;
    if (subleaf > 1)
        return;
    out[EAX] = subleaf == 0 ? width(threads(cpu)) : package_bits(cpu);
    out[EBX] = subleaf == 0 ? threads(cpu) : package(cpu);
    out[ECX] |= (subleaf == 0 ? SMT : CORE) << 8;
}

/* ---- XSAVE ---- */

static void xsave_leaf(const struct x86_cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
    uint64_t allowed = x86_xcr0_allowed(cpu);

    if (!x86_has(cpu, X86_F_XSAVE))
        return;
    if (subleaf == 0) {
        out[EAX] = (uint32_t)allowed;
        out[EBX] = x86_xsave_size(cpu->s.xcr0, false);
        out[ECX] = x86_xsave_size(allowed, false);
        out[EDX] = allowed >> 32;
    } else if (subleaf == 1) {
        add_features(cpu, 0xd, 1, out);
        if (x86_has(cpu, X86_F_XSAVEC) || x86_has(cpu, X86_F_XSAVES))
            out[EBX] = x86_xsave_size(cpu->s.xcr0 | cpu->s.xss, true);
    } else if (subleaf < 64 && (allowed >> subleaf & 1)) {
        (void)x86_xsave_component(subleaf, &out[EAX], &out[EBX]);
    }
}

/* ---- basic leaves ---- */

static void leaf_1(const struct x86_cpu *cpu, uint32_t out[4])
{
    out[EAX] = cpu->signature;
    out[EBX] = cpu->cfg.apic_id << 24 | package(cpu) << 16;
    if (x86_has(cpu, X86_F_CLFLUSH))
        out[EBX] |= LINE / 8 << 8;
    add_features(cpu, 1, 0, out);
    if (package(cpu) > 1)
        out[EDX] |= 1u << 28; /* HT */
    if (x86_has(cpu, X86_F_XSAVE) && (cpu->s.cr4 & X86_CR4_OSXSAVE))
        out[ECX] |= 1u << 27;
    if (!cpu->apic_ops || !cpu->apic_ops->msr_read) {
        out[EDX] &= ~(1u << 9);
        out[ECX] &= ~(1u << 21 | 1u << 24);
        return;
    }
    uint64_t base = APIC_BASE_ENABLE;
    (void)cpu->apic_ops->msr_read(cpu->apic, MSR_IA32_APIC_BASE, &base);
    if (!(base & APIC_BASE_ENABLE))
        out[EDX] &= ~(1u << 9);
}

static void leaf_2(uint32_t out[4])
{
    out[EAX] = 1;
    for (unsigned i = 0; i < 3; i++)
        out[EDX] |= (uint32_t)caches[i].descriptor << 8 * i;
    out[ECX] = caches[3].descriptor;
}

static void leaf_7(const struct x86_cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
    if (subleaf)
        return;
    add_features(cpu, 7, 0, out);
    if (x86_has(cpu, X86_F_PKU) && (cpu->s.cr4 & X86_CR4_PKE))
        out[ECX] |= 1u << 4; /* OSPKE */
}

/* Ticks of the time stamp counter for one of the crystal's, whose frequency has 32 bits. */
static void crystal_leaf(const struct x86_cpu *cpu, uint32_t out[4])
{
    uint64_t ratio = (cpu->tsc_hz >> 32) + 1;

    out[EAX] = 1;
    out[EBX] = (uint32_t)ratio;
    out[ECX] = (uint32_t)(cpu->tsc_hz / ratio);
}

static void basic_leaf(const struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        out[EAX] = cpu->cpuid_level;
        put_vendor(cpu, out);
        break;
    case 1: leaf_1(cpu, out); break;
    case 2: leaf_2(out); break;
    case 4:
        if (!x86_is_amd(cpu))
            cache_leaf(cpu, subleaf, out, false);
        break;
    case 5:
        if (x86_has(cpu, X86_F_MONITOR)) {
            out[EAX] = out[EBX] = 8; /* bytes that are watched */
            out[ECX] = 3;            /* interrupts may end it though masked */
        }
        break;
    case 6: add_features(cpu, 6, 0, out); break;
    case 7: leaf_7(cpu, subleaf, out); break;
    case 0xb:
    case 0x1f: topology_leaf(cpu, subleaf, out); break;
    case 0xd: xsave_leaf(cpu, subleaf, out); break;
    case 0x15: crystal_leaf(cpu, out); break;
    }
}

/* ---- extended leaves ---- */

/* Ref: APM vol. 3, E.4.4 (level 1), E.4.5 (levels 2 and 3). */
static void amd_caches(uint32_t leaf, uint32_t out[4])
{
    if (leaf == 0x80000005) {
        out[EAX] = out[EBX] = 0x01ff01ff;
        out[ECX] = out[EDX] = 32u << 24 | 8u << 16 | 1u << 8 | LINE;
    } else {
        out[EAX] = 0;
        out[EBX] = 0x42004200;
        out[ECX] = 4096u << 16 | 8u << 12 | 1u << 8 | LINE; /* KiB, 16 ways */
        out[EDX] = 32u << 18 | 8u << 12 | 1u << 8 | LINE;   /* units of 512 KiB */
    }
}

static void features_81(const struct x86_cpu *cpu, uint32_t out[4])
{
    enum { SAME_AS_LEAF_1 = 0x0183f3ff };
    uint32_t one[4] = {0};

    out[EAX] = cpu->signature;
    add_features(cpu, 0x80000001, 0, out);
    if (x86_is_amd(cpu)) { /* a copy of leaf 1, where the bits mean the same */
        leaf_1(cpu, one);
        out[EDX] |= one[EDX] & SAME_AS_LEAF_1;
        if (package(cpu) > 1)
            out[ECX] |= 2; /* CMP_LEGACY */
    }
}

static void extended_leaf(const struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                          uint32_t out[4])
{
    static const uint8_t order[] = {EAX, EBX, ECX, EDX};

    switch (leaf) {
    case 0x80000000:
        out[EAX] = cpu->cpuid_xlevel;
        if (x86_is_amd(cpu))
            put_vendor(cpu, out);
        break;
    case 0x80000001: features_81(cpu, out); break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: put_text(out, cpu->brand + 16 * (leaf - 0x80000002), order, 4); break;
    case 0x80000005:
        if (x86_is_amd(cpu))
            amd_caches(leaf, out);
        break;
    case 0x80000006: amd_caches(leaf, out); break;
    case 0x80000007: add_features(cpu, leaf, 0, out); break;
    case 0x80000008:
        out[EAX] = cpu->phys_bits | (uint32_t)cpu->virt_bits << 8;
        add_features(cpu, leaf, 0, out);
        if (x86_is_amd(cpu) && package(cpu) > 1)
            out[ECX] = package_bits(cpu) << 12 | (package(cpu) - 1);
        break;
    case 0x8000001d: cache_leaf(cpu, subleaf, out, true); break;
    case 0x8000001e:
        out[EAX] = cpu->cfg.apic_id;
        out[EBX] =
            (threads(cpu) - 1) << 8 | (cpu->cfg.apic_id >> width(threads(cpu)) &
                                       ((1u << width(cpu->cfg.cores ? cpu->cfg.cores : 1)) - 1));
        break;
    }
}

/* ---- all ---- */

/* Leaves of hypervisors: who it is, nothing else. */
static void hypervisor_leaf(const struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4])
{
    static const uint8_t order[] = {EBX, ECX, EDX};

    if (!cpu->hypervisor_leaves || leaf != 0x40000000)
        return;
    out[EAX] = 0x40000001;
    put_text(out, "TCGTCGTCGTCG", order, 3);
}

void x86_cpuid(struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 16);
    if (leaf >> 16 == 0x4000) {
        hypervisor_leaf(cpu, leaf, out);
        return;
    }
    /* Beyond the highest leaf Intel's processors answer with their highest basic one. */
    bool beyond =
        leaf >> 31 ? leaf > cpu->cpuid_xlevel && leaf != 0x80000000 : leaf > cpu->cpuid_level;
    if (beyond && x86_is_amd(cpu))
        return;
    if (beyond)
        leaf = cpu->cpuid_level;
    if (leaf >> 31)
        extended_leaf(cpu, leaf, subleaf, out);
    else
        basic_leaf(cpu, leaf, subleaf, out);
}

/* ---- control registers ---- */

uint64_t x86_cr4_allowed(const struct x86_cpu *cpu)
{
    static const struct {
        uint8_t feature;
        uint32_t bits;
    } cr4[] = {{X86_F_VME, X86_CR4_VME | X86_CR4_PVI},
               {X86_F_TSC, X86_CR4_TSD},
               {X86_F_DE, X86_CR4_DE},
               {X86_F_PSE, X86_CR4_PSE},
               {X86_F_PAE, X86_CR4_PAE},
               {X86_F_MCE, X86_CR4_MCE},
               {X86_F_PGE, X86_CR4_PGE},
               {X86_F_MMX, X86_CR4_PCE},
               {X86_F_LM, X86_CR4_PCE},
               {X86_F_FXSR, X86_CR4_OSFXSR},
               {X86_F_SSE, X86_CR4_OSXMMEXCPT},
               {X86_F_UMIP, X86_CR4_UMIP},
               {X86_F_LA57, X86_CR4_LA57},
               {X86_F_FSGSBASE, X86_CR4_FSGSBASE},
               {X86_F_PCID, X86_CR4_PCIDE},
               {X86_F_XSAVE, X86_CR4_OSXSAVE},
               {X86_F_SMEP, X86_CR4_SMEP},
               {X86_F_SMAP, X86_CR4_SMAP},
               {X86_F_PKU, X86_CR4_PKE}};
    uint64_t bits = 0;

    for (size_t i = 0; i < sizeof(cr4) / sizeof(cr4[0]); i++)
        bits |= x86_has(cpu, cr4[i].feature) ? cr4[i].bits : 0;
    return bits;
}

uint64_t x86_efer_allowed(const struct x86_cpu *cpu)
{
    return (x86_has(cpu, X86_F_SYSCALL) ? X86_EFER_SCE : 0) |
           (x86_has(cpu, X86_F_LM) ? X86_EFER_LME : 0) |
           (x86_has(cpu, X86_F_NX) ? X86_EFER_NXE : 0) |
           (x86_has(cpu, X86_F_FXSR_OPT) ? X86_EFER_FFXSR : 0);
}

uint64_t x86_xcr0_allowed(const struct x86_cpu *cpu)
{
    if (!x86_has(cpu, X86_F_XSAVE))
        return 0;
    return X86_XSTATE_X87 | (x86_has(cpu, X86_F_SSE) ? X86_XSTATE_SSE : 0) |
           (x86_has(cpu, X86_F_AVX) ? X86_XSTATE_AVX : 0) |
           (x86_has(cpu, X86_F_PKU) ? X86_XSTATE_PKRU : 0);
}
