/*
 * What CPUID says is what executes: instructions, bits of control registers, MSRs, paging, the
 * leaves' numbers.
 *
 * Ref: SDM vol. 2, CPUID; vol. 3, 2.5 (control registers), 4.1.4 (paging features); vol. 1, 13.2
 * (XSAVE); vol. 4 (MSRs).
 */
#include "tests/isa/x86bare/features.h"
#include "tests/isa/x86bare/bare.h"

enum { AX, BX, CX, DX };
struct probe {
    void (*code)(void);
    const char *name;
    uint32_t first, second;
};
extern const struct probe probes[], probes_end[];

static uint32_t bits[WORDS], max_leaf, max_extended;
static bool is_intel;
uint32_t xcr0_allowed;
enum { MAX_BITS = 52 };

static bool has(unsigned feature)
{
    switch (feature) {
    case ALWAYS: return true;
    case NEVER: return false;
    case P6: return has(CMOV);
    case SSE_OR_MMXEXT: return has(SSE) || has(MMXEXT);
    default: return bits[feature / 32] >> feature % 32 & 1;
    }
}

static void read_bits(void)
{
    uint32_t r[4];

    cpuid(0, 0, r);
    max_leaf = r[AX];
    is_intel = r[BX] == 0x756e6547;
    cpuid(1, 0, r);
    bits[L1D / 32] = r[DX];
    bits[L1C / 32] = r[CX];
    if (max_leaf >= 7) {
        cpuid(7, 0, r);
        bits[L7B / 32] = r[BX];
        bits[L7C / 32] = r[CX];
    }
    if (max_leaf >= 0xd) {
        cpuid(0xd, 1, r);
        bits[LDA / 32] = r[AX];
        cpuid(0xd, 0, r);
        xcr0_allowed = r[AX];
    }
    cpuid(0x80000000, 0, r);
    max_extended = r[AX] >> 31 ? r[AX] : 0;
    if (max_extended >= 0x80000001) {
        cpuid(0x80000001, 0, r);
        bits[XD / 32] = r[DX];
        bits[XC / 32] = r[CX];
    }
}

/* ---- attempts: true if it did not fault ---- */

static word value;
static uint32_t number, high;

static bool works(void (*code)(void), const char *what, int fault)
{
    int vector = try(code);

    if (vector >= 0)
        equal(what, (word)vector, (word)fault);
    return vector < 0;
}

static void do_write_cr4(void)
{
    write_cr4(value);
}
#ifdef __x86_64__
static void do_write_cr3(void)
{
    write_cr3(value);
}
#endif
static void do_rdmsr(void)
{
    value = (word)rdmsr(number);
}
static void do_wrmsr(void)
{
    wrmsr(number, value | (uint64_t)high << 32);
}

/* ---- control registers ---- */

static void control_registers(void)
{
    static const struct {
        const char *name;
        uint8_t bit;
        uint16_t feature;
    } cr4[] = {{"CR4.VME", 0, VME},
               {"CR4.PVI", 1, VME},
               {"CR4.TSD", 2, TSC},
               {"CR4.DE", 3, DE_},
               {"CR4.PSE", 4, PSE},
               {"CR4.PAE", 5, PAE},
               {"CR4.MCE", 6, MCE},
               {"CR4.PGE", 7, PGE},
               {"CR4.OSFXSR", 9, FXSR},
               {"CR4.OSXMMEXCPT", 10, SSE},
               {"CR4.UMIP", 11, UMIP},
               {"CR4.LA57", 12, sizeof(word) == 4 ? LA57 : ALWAYS},
               {"CR4.VMXE", 13, NEVER},
               {"CR4.SMXE", 14, NEVER},
               {"CR4.15", 15, NEVER},
               {"CR4.FSGSBASE", 16, FSGSBASE},
               {"CR4.PCIDE", 17, sizeof(word) == 8 ? PCID : NEVER},
               {"CR4.OSXSAVE", 18, XSAVE},
               {"CR4.KL", 19, NEVER},
               {"CR4.SMEP", 20, SMEP},
               {"CR4.SMAP", 21, SMAP},
               {"CR4.PKE", 22, PKU},
               {"CR4.CET", 23, NEVER},
               {"CR4.PKS", 24, NEVER},
               {"CR4.UINTR", 25, NEVER},
               {"CR4.LAM_SUP", 28, NEVER},
               {"CR4.31", 31, NEVER}};
    word old = read_cr4();

    for (unsigned i = 0; i < sizeof(cr4) / sizeof(cr4[0]); i++) {
        if (sizeof(word) == 8 && cr4[i].bit == 12)
            continue; /* cannot be changed in 64-bit mode */
        value = old ^ (word)1 << cr4[i].bit;
        if (sizeof(word) == 8 && (cr4[i].bit == 5 || cr4[i].bit == 21))
            continue; /* PAE must stay; code is in pages that users may read */
        equal(cr4[i].name, works(do_write_cr4, cr4[i].name, GP), has(cr4[i].feature));
        write_cr4(old);
    }
}

static void efer(void)
{
    static const struct {
        const char *name;
        uint8_t bit;
        uint16_t feature;
    } efer_bits[] = {{"EFER.SCE", 0, SYSCALL},     {"EFER.1", 1, NEVER},
                     {"EFER.LME", 8, LM},          {"EFER.NXE", 11, NX},
                     {"EFER.SVME", 12, NEVER},     {"EFER.LMSLE", 13, NEVER},
                     {"EFER.FFXSR", 14, FXSR_OPT}, {"EFER.TCE", 15, NEVER}};

    number = 0xc0000080;
    high = 0;
    if (!has(MSR) || try(do_rdmsr) >= 0)
        return;
    word old = value;
    for (unsigned i = 0; i < sizeof(efer_bits) / sizeof(efer_bits[0]); i++) {
        if (sizeof(word) == 8 && efer_bits[i].bit == 8)
            continue;
        value = old ^ (word)1 << efer_bits[i].bit;
        equal(efer_bits[i].name, works(do_wrmsr, efer_bits[i].name, GP), has(efer_bits[i].feature));
        if (has(efer_bits[i].feature))
            equal(efer_bits[i].name, (word)rdmsr(number), value);
        value = old;
        do_wrmsr();
    }
}

/* ---- MSRs ---- */

static void msrs(void)
{
    static const struct {
        const char *name;
        uint32_t msr;
        uint16_t feature;
        bool writable; /* as it is */
    } rows[] = {{"TSC", 0x10, TSC, true},
                {"APIC_BASE", 0x1b, APIC, true},
                {"TSC_ADJUST", 0x3b, TSC_ADJUST, true},
                {"SPEC_CTRL", 0x48, NEVER, true},
                {"PRED_CMD", 0x49, NEVER, true},
                {"MTRRCAP", 0xfe, MTRR, false},
                {"ARCH_CAPABILITIES", 0x10a, NEVER, false},
                {"FLUSH_CMD", 0x10b, NEVER, true},
                {"TSX_CTRL", 0x122, NEVER, true},
                {"SYSENTER_CS", 0x174, SEP, true},
                {"SYSENTER_ESP", 0x175, SEP, true},
                {"SYSENTER_EIP", 0x176, SEP, true},
                {"MCG_CAP", 0x179, MCA, false},
                {"MCG_STATUS", 0x17a, MCA, true},
                {"MTRR_PHYSBASE0", 0x200, MTRR, true},
                {"MTRR_PHYSMASK7", 0x20f, MTRR, true},
                {"MTRR_FIX64K", 0x250, MTRR, true},
                {"MTRR_FIX16K_A0000", 0x259, MTRR, true},
                {"MTRR_FIX4K_F8000", 0x26f, MTRR, true},
                {"PAT", 0x277, PAT, true},
                {"MTRR_DEF_TYPE", 0x2ff, MTRR, true},
                {"MC0_CTL", 0x400, MCA, true},
                {"VMX_BASIC", 0x480, NEVER, false},
                {"TSC_DEADLINE", 0x6e0, TSC_DEADLINE, true},
                {"X2APIC_ID", 0x802, NEVER, false}, /* in xAPIC mode */
                {"BNDCFGS", 0xd90, NEVER, true},
                {"XSS", 0xda0, XSAVES, true},
                {"STAR", 0xc0000081, SYSCALL, true},
                {"LSTAR", 0xc0000082, LM, true},
                {"CSTAR", 0xc0000083, LM, true},
                {"SFMASK", 0xc0000084, LM, true},
                {"FS_BASE", 0xc0000100, LM, true},
                {"GS_BASE", 0xc0000101, LM, true},
                {"KERNEL_GS_BASE", 0xc0000102, LM, true},
                {"none", 0x12345678, NEVER, true}};

    for (unsigned i = 0; has(MSR) && i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool there = has(rows[i].feature);
        number = rows[i].msr;
        value = 0;
        high = 0;
        equal(rows[i].name, works(do_rdmsr, rows[i].name, GP), there);
        equal(rows[i].name, works(do_wrmsr, rows[i].name, GP), there && rows[i].writable);
    }
    /* TSC_AUX is there for RDTSCP and for RDPID. */
    number = 0xc0000103;
    if (has(MSR))
        equal("TSC_AUX", works(do_rdmsr, "TSC_AUX", GP), has(RDTSCP) || has(RDPID));
    /* x2APIC: the bit of APIC_BASE, and the registers then. */
    number = 0x1b;
    if (!has(MSR) || !has(APIC))
        return;
    uint64_t base = rdmsr(0x1b);
    value = (word)base | 0x400;
    equal("APIC_BASE.EXTD", works(do_wrmsr, "APIC_BASE.EXTD", GP), has(X2APIC));
    if (!has(X2APIC))
        return;
    number = 0x802;
    equal("X2APIC_ID", works(do_rdmsr, "X2APIC_ID", GP), true);
    wrmsr(0x1b, base & ~UINT64_C(0xc00));
    uint32_t r[4];
    cpuid(1, 0, r);
    equal("CPUID.APIC while it is off", r[DX] >> 9 & 1, 0);
    wrmsr(0x1b, base);
}

/* ---- instructions that run differently without a feature ---- */

static void do_tzcnt(void)
{
    __asm__ volatile(".byte 0xf3, 0x0f, 0xbc, 0xc1" : "=a"(value) : "c"(0), "a"(7) : "cc");
}
static void do_lzcnt(void)
{
    __asm__ volatile(".byte 0xf3, 0x0f, 0xbd, 0xc1" : "=a"(value) : "c"(0x10), "a"(7) : "cc");
}
static void do_xgetbv_1(void)
{
    __asm__ volatile("xgetbv" : : "c"(1) : "eax", "edx");
}
static uint32_t mxcsr;
static void do_ldmxcsr(void)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static void other_meanings(void)
{
    do_tzcnt();
    equal("TZCNT of 0, or BSF", (uint32_t)value, has(BMI1) ? 32 : 7);
    do_lzcnt();
    equal("LZCNT of 16, or BSR", (uint32_t)value, has(ABM) ? 27 : 4);
    if (has(XSAVE))
        equal("XGETBV of 1", works(do_xgetbv_1, "XGETBV of 1", GP), has(XGETBV1));
    if (has(SSE)) {
        mxcsr = 0x1f80 | 1 << 17;
        equal("MXCSR.MM", works(do_ldmxcsr, "MXCSR.MM", GP), has(MISALIGNSSE));
        mxcsr = 0x1f80 | 1 << 16;
        equal("MXCSR.16", works(do_ldmxcsr, "MXCSR.16", GP), false);
        mxcsr = 0x1f80;
        do_ldmxcsr();
    }
}

/* ---- instructions ---- */

static word wants(const struct probe *p)
{
    return has(p->first) && has(p->second);
}

static void instructions(void)
{
    for (const struct probe *p = probes; p < probes_end; p++) {
        for (unsigned i = 0; i < sizeof(memory); i++)
            memory[i] = 0;
        if (has(FPU))
            __asm__ volatile("fninit");
        if (has(SSE)) {
            mxcsr = 0x1f80;
            do_ldmxcsr();
        }
        regs = (struct regs){.si = (word)memory, .di = (word)memory};
        int vector = try(p->code);
        /* What faults otherwise is there, too: SYSENTER without a selector. */
        if (!equal(p->name, vector != UD, wants(p)) || vector == UD)
            continue;
        if (vector >= 0)
            differ(p->name, (word)vector, (word)-1);
    }
}

/* SYSENTER, SYSCALL: by vendor and mode. Ref: APM vol. 3 (no SYSENTER in long mode), SDM vol. 2
 * (SYSCALL in 64-bit mode only). */
static void do_sysenter(void)
{
    __asm__ volatile("sysenter");
}
static void do_sysexit(void)
{
    __asm__ volatile(".byte 0x0f, 0x35");
}
static void do_syscall(void)
{
    __asm__ volatile("syscall" : : : "ecx", "memory");
}
static void do_sysret(void)
{
    __asm__ volatile(".byte 0x0f, 0x07" : : "c"(0) : "memory");
}

static void system_calls(void)
{
    bool is_64 = sizeof(word) == 8;
    bool enters = has(SEP) && (is_intel || !is_64), calls = has(SYSCALL) && (is_64 || !is_intel);

    equal("SYSENTER", (word)try(do_sysenter), enters ? GP : UD); /* no selector */
    equal("SYSEXIT", (word)try(do_sysexit), enters ? GP : UD);
    equal("SYSCALL without EFER.SCE", (word)try(do_syscall), UD);
    equal("SYSRET without EFER.SCE", (word)try(do_sysret), UD);
    if (!has(SYSCALL) || !has(MSR))
        return;
    uint64_t old = rdmsr(0xc0000080);
    wrmsr(0xc0000080, old | 1);
    wrmsr(0xc0000081, (uint64_t)CODE0 << 32 | 1); /* to an address that is not there, or faults */
    if (has(LM))
        wrmsr(0xc0000082, UINT64_C(0x7fff00000000));
    if (!calls)
        equal("SYSCALL outside of 64-bit mode", (word)try(do_syscall), UD);
    else if (is_64)
        equal("SYSCALL", (word)try(do_syscall), PF);
    if (!calls)
        equal("SYSRET outside of 64-bit mode", (word)try(do_sysret), UD);
    wrmsr(0xc0000080, old);
}

/* ---- numbers in leaves ---- */

static void address_widths(void)
{
    uint32_t r[4];

    if (max_extended < 0x80000008)
        return;
    cpuid(0x80000008, 0, r);
    unsigned physical = r[AX] & 0xff, linear = r[AX] >> 8 & 0xff;
    equal("bits of linear addresses", linear, !has(LM) ? 32 : has(LA57) ? 57 : 48);
    equal("bits of physical addresses", physical >= 32 && physical <= MAX_BITS, true);
    if (!has(MTRR) || !has(MSR))
        return;
    number = 0x201;
    for (unsigned bit = 32; bit < 64; bit++) {
        value = 0x800;
        high = 1u << (bit - 32);
        equal("MTRR_PHYSMASK0 takes a bit", works(do_wrmsr, "MTRR_PHYSMASK0", GP), bit < physical);
    }
    value = high = 0;
    do_wrmsr();
#ifdef __x86_64__
    for (unsigned bit = 32; bit < 64; bit++) { /* CR3, bit by bit */
        value = read_cr3() | (word)1 << bit;
        context[0] = (struct context){"bit", bit};
        if (bit >= physical)
            equal("CR3 takes a bit", (word)try(do_write_cr3), GP);
    }
    context[0].name = NULL;
#endif
}

/* Where XSAVE and XSAVEC put a component is what leaf 0xd says. */
static void xsave_areas(void)
{
    uint32_t r[4], end = 576, compact = 576;

    if (!has(XSAVE))
        return;
    equal("leaf 0xd is there", max_leaf >= 0xd, true);
    equal("x87 and SSE are in XCR0", xcr0_allowed & 3, has(SSE) ? 3 : 1);
    equal("AVX is in XCR0", xcr0_allowed >> 2 & 1, has(AVX));
    equal("PKRU is in XCR0", xcr0_allowed >> 9 & 1, has(PKU));
    for (unsigned i = 2; i < 63; i++) {
        cpuid(0xd, i, r);
        if (!(i < 32 && xcr0_allowed >> i & 1)) {
            equal("a component that is not there", r[AX] | r[BX] | r[CX] | r[DX], 0);
            continue;
        }
        compact = (r[CX] & 2 ? (compact + 63) & ~63u : compact) + r[AX];
        if (r[BX] + r[AX] > end)
            end = r[BX] + r[AX];
    }
    cpuid(0xd, 0, r);
    equal("size of the area of all components", r[CX], end);
    equal("size of the area of those that are on", r[BX], end);
    cpuid(0xd, 1, r);
    if (has(XSAVEC))
        equal("size of the compacted area", r[BX], compact);
    __asm__ volatile("xsetbv" : : "a"(1), "c"(0), "d"(0));
    cpuid(0xd, 0, r);
    equal("size of the legacy area", r[BX], 576);
    __asm__ volatile("xsetbv" : : "a"(xcr0_allowed), "c"(0), "d"(0));
    if (!has(AVX))
        return;
    uint32_t at[4];
    cpuid(0xd, 2, at);
    for (unsigned i = 0; i < sizeof(memory); i++)
        memory[i] = 0;
    __asm__ volatile("vzeroall; vpcmpeqb %%xmm0, %%xmm0, %%xmm0; vinsertf128 $1, %%xmm0, %%ymm0, "
                     "%%ymm0; xsave %0; vzeroall"
                     : "+m"(memory)
                     : "a"(4), "d"(0));
    equal("XSAVE puts YMM registers there", *(uint32_t *)(memory + at[BX]), 0xffffffff);
    equal("and not before", *(uint32_t *)(memory + at[BX] - 4), 0);
    equal("16 bytes of the first register", *(uint32_t *)(memory + at[BX] + 16), 0);
}

static void topology(void)
{
    uint32_t r[4], leaf_1[4];

    cpuid(1, 0, leaf_1);
    if (max_leaf >= 0xb) {
        uint32_t last = 0;
        for (unsigned i = 0; i < 4; i++) {
            cpuid(0xb, i, r);
            equal("x2APIC ID", r[DX] & 0xff, leaf_1[BX] >> 24);
            equal("level of leaf 0xb", r[CX] & 0xff, i);
            equal("kind of level", r[CX] >> 8 & 0xff, i < 2 ? i + 1 : 0);
            if (i < 2)
                equal("more bits further out", (r[AX] & 31) >= last && r[BX] <= 1u << (r[AX] & 31),
                      true);
            last = r[AX] & 31;
        }
    }
    if (max_leaf >= 4 && is_intel) {
        for (unsigned i = 0; i < 4; i++) {
            cpuid(4, i, r);
            equal("a cache", (r[AX] & 31) != 0, true);
            equal("lines of a cache", (r[BX] & 0xfff) + 1, 64);
        }
        cpuid(4, 4, r);
        equal("no more caches", r[AX] & 31, 0);
    }
    if (has(CLFLUSH))
        equal("line of CLFLUSH", leaf_1[BX] >> 8 & 0xff, 8);
}

static void levels(void)
{
    uint32_t r[4], top[4];

    /* Beyond the highest leaf: the highest basic one's on Intel's, nothing on AMD's. */
    cpuid(max_leaf + 1 > 0x40 ? max_leaf + 1 : 0x40, 0, r);
    cpuid(max_leaf, 0, top);
    if (!is_intel)
        top[AX] = top[BX] = top[CX] = top[DX] = 0;
    for (unsigned i = 0; i < 4; i++)
        equal("a leaf that is not there", r[i], top[i]);
    /* Features of leaves that cannot be read are not there. */
    cpuid(1, 0, r);
    equal("OSXSAVE", r[CX] >> 27 & 1, read_cr4() >> 18 & 1);
    if (max_leaf >= 7) {
        cpuid(7, 0, r);
        equal("OSPKE", r[CX] >> 4 & 1, read_cr4() >> 22 & 1);
    }
    if (max_extended < 0x80000004)
        return;
    cpuid(0x80000002, 0, r);
    equal("a brand", r[AX] != 0 || r[BX] == 0, true);
    cpuid(0x80000004, 0, r);
    equal("a brand's end", r[DX] >> 24, 0);
}

/* ---- all ---- */

static void enable(void)
{
    word cr4 = read_cr4();

    cr4 |= has(FXSR) ? 1 << 9 : 0;
    cr4 |= has(SSE) ? 1 << 10 : 0;
    cr4 |= has(XSAVE) ? 1 << 18 : 0;
    cr4 |= has(PKU) ? 1 << 22 : 0;
    if (sizeof(word) == 8)
        cr4 |= has(FSGSBASE) ? 1 << 16 : 0;
    write_cr4(cr4);
    if (has(XSAVE))
        __asm__ volatile("xsetbv" : : "a"(xcr0_allowed), "c"(0), "d"(0));
}

/* The features, in words, so that the caller sees which are there. */
static void tell(void)
{
    for (unsigned i = 0; i < WORDS; i++) {
        print(i ? " " : "features ");
        print_hex(bits[i]);
    }
    print("\n");
    if (max_leaf < 0xb)
        return;
    uint32_t smt[4], core[4], one[4];
    cpuid(0xb, 0, smt);
    cpuid(0xb, 1, core);
    cpuid(1, 0, one);
    const uint32_t numbers[] = {smt[AX],          smt[BX], core[AX], core[BX], one[BX] >> 16 & 0xff,
                                one[DX] >> 28 & 1};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        print(i ? " " : "topology ");
        print_hex(numbers[i]);
    }
    print("\n");
}

void main(void)
{
    read_bits();
    tell();
    control_registers();
    efer();
    enable();
    msrs();
    instructions();
    system_calls();
    other_meanings();
    xsave_areas();
    address_widths();
    topology();
    levels();
}
