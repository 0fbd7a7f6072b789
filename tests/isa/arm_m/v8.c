/*
 * Armv8-M: regions of PMSAv8, TT, stack limits, load-acquire and store-release.
 *
 * RUN: cpu=cortex-m33 board=mps2-an505
 */
#include "tests/isa/arm_m/m.h"

#define MPU_CTRL  REG(0xe000ed94)
#define MPU_RNR   REG(0xe000ed98)
#define MPU_RBAR  REG(0xe000ed9c)
#define MPU_RLAR  REG(0xe000eda0)
#define MPU_MAIR0 REG(0xe000edc0)

enum { MEM = 4, USAGE = 6, SVC = 11, STKOF = 1 << 20, DACCVIOL = 2, IACCVIOL = 1, VALID = 128 };
enum { PRIV_RW = 0, ALL_RW = 2, PRIV_RO = 4, ALL_RO = 6, XN = 1 };

static uint8_t arena[4096] __attribute__((aligned(4096)));
static uint32_t process_stack[64] __attribute__((aligned(32)));

static uint32_t address(const volatile void *p)
{
    return (uint32_t)(uintptr_t)p;
}
static void region(unsigned n, uint32_t base, uint32_t last, uint32_t attr)
{
    MPU_RNR = n;
    MPU_RBAR = base | attr;
    MPU_RLAR = (last & ~31u) | 1;
}
static void drop(unsigned n)
{
    MPU_RNR = n;
    MPU_RLAR = 0;
    BARRIER();
}
static volatile uint32_t target;
static bool loads(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldrb r3, [r3]");
    return !seen.count;
}
static bool stores(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n strb r2, [r3]");
    return !seen.count;
}
static uint32_t test_target(uint32_t addr)
{
    uint32_t v;
    __asm__ volatile("tt %0, %1" : "=r"(v) : "r"(addr) : "memory");
    return v;
}

static void regions(void)
{
    MPU_MAIR0 = 0xff;
    region(3, address(arena) + 0x60, address(arena) + 0xdf, PRIV_RO);
    MPU_CTRL = 5;
    BARRIER();
    expect("before", stores(0x5f), 1);
    expect("first", stores(0x60), 0);
    expect("CFSR", seen.cfsr, DACCVIOL | VALID);
    expect("MMFAR", seen.mmfar, address(arena) + 0x60);
    expect("load", loads(0x60), 1);
    expect("last", stores(0xdf), 0);
    expect("behind", stores(0xe0), 1);
    uint32_t tt = test_target(address(arena) + 0x60);
    expect("TT: region", tt & 0xff, 3);
    expect("TT: valid, R", tt >> 16 & 0xf, 5);
    expect("TT of the default map", test_target(address(arena)) >> 16 & 0xf, 0xc);
    region(4, address(arena) + 0x80, address(arena) + 0x9f, ALL_RW);
    BARRIER();
    expect("two regions", loads(0x80), 0);
    expect("one of them", loads(0xa0), 1);
    drop(3);
    expect("the other", stores(0x80), 1);
    region(4, address(arena), address(arena) + 0xfff, ALL_RW | XN);
    BARRIER();
    target = address(arena) | 1;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n bx r3");
    expect("XN", seen.cfsr, IACCVIOL);
    drop(4);
    MPU_CTRL = 0;
    BARRIER();
}

static volatile uint32_t count, cfsr, psp;
static void note(void)
{
    count++;
    cfsr = CFSR;
    psp = MRS(psp);
    CFSR = cfsr;
    /* room again, and go on behind the instruction */
    MSR(psplim, 0);
    uint32_t *frame = process_stack + 48;
    frame[6] = resume & ~1u;
    frame[7] = 1 << 24;
    MSR(psp, address(frame));
}

/* Run code on a process stack whose limit is at word 32 with the stack pointer at word 40. */
#define ON_PROCESS_STACK(code)                                                                     \
    do {                                                                                           \
        count = cfsr = 0;                                                                          \
        process_stack[31] = process_stack[30] = 0x55;                                              \
        MSR(psplim, address(process_stack + 32));                                                  \
        MSR(psp, address(process_stack + 40));                                                     \
        MSR(control, 2);                                                                           \
        __asm__ volatile("adr r3, 9f\n ldr r2, =resume\n str r3, [r2]\n" code                      \
                         "\n nop\n .balign 4\n 9: nop" ::                                          \
                             : "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");               \
        MSR(psplim, 0);                                                                            \
        MSR(control, 0);                                                                           \
    } while (0)

static void limits(void)
{
    vectors[USAGE] = note;
    MSR(psplim, 0x20000007);
    expect("PSPLIM", MRS(psplim), 0x20000000);
    ON_PROCESS_STACK("push {r0-r3}\n pop {r0-r3}");
    expect("within", count, 0);
    ON_PROCESS_STACK("push {r0-r8}");
    expect("PUSH", count, 1);
    expect("CFSR", cfsr, STKOF);
    expect("nothing was written", process_stack[31], 0x55);
    ON_PROCESS_STACK("sub sp, #36");
    expect("SUB", count, 1);
    ON_PROCESS_STACK("sub sp, #32\n add sp, #32");
    expect("SUB to the limit", count, 0);
    ON_PROCESS_STACK("str r0, [sp, #-36]!");
    expect("STR", count, 1);
    ON_PROCESS_STACK("strd r0, r1, [sp, #-40]!");
    expect("STRD", count, 1);
    ON_PROCESS_STACK("svc 0");
    expect("a frame", cfsr, 0);
    ON_PROCESS_STACK("sub sp, #8\n svc 0");
    expect("a frame that does not fit", cfsr, STKOF);
    expect("nothing was written", process_stack[31], 0x55);
    vectors[USAGE] = at_fault;
}

static void ordered(void)
{
    static uint32_t word = 5;
    uint32_t a, b, c;
    __asm__ volatile("lda %0, [%3]\n ldaex %1, [%3]\n adds %1, #1\n stlex %2, %1, [%3]"
                     : "=&r"(a), "=&r"(b), "=&r"(c)
                     : "r"(&word)
                     : "memory", "cc");
    expect("LDA", a, 5);
    expect("STLEX", c, 0);
    expect("memory", word, 6);
    __asm__ volatile("stl %1, [%0]\n ldab %1, [%0]" : : "r"(&word), "r"(9) : "memory");
    expect("STL", word, 9);
}

/* SG does nothing without the security extension, and reserved hints of 32 bits never do. */
static void hints(void)
{
    PROVOKE(".inst.w 0xe97fe97f\n nop.w\n sev.w\n .inst.w 0xf3af8063");
    expect("hints", seen.count, 0);
}

void run(void)
{
    SHCSR |= 7 << 16;
    regions();
    limits();
    ordered();
    hints();
}
