/*
 * Memory protection by PMSAv7: permissions, sizes below a page, subregions, background, priorities,
 * who is exempt.
 *
 * RUN: cpu=cortex-m3 board=mps2-an385
 * RUN: cpu=cortex-m7 board=mps2-an500
 */
#include "tests/isa/arm_m/m.h"

#define MPU_TYPE REG(0xe000ed90)
#define MPU_CTRL REG(0xe000ed94)
#define MPU_RNR  REG(0xe000ed98)
#define MPU_RBAR REG(0xe000ed9c)
#define MPU_RASR REG(0xe000eda0)

enum { HARD = 3, MEM = 4, BUS = 5, SVC = 11, ENABLE = 1, HFNMIENA = 2, PRIVDEFENA = 4 };
enum { IACCVIOL = 1, DACCVIOL = 2, MUNSTKERR = 8, MSTKERR = 16, VALID = 128 };
enum { NONE = 0, PRIV_RW = 1, USER_RO = 2, ALL_RW = 3, PRIV_RO = 5, ALL_RO = 6 };
static const uint32_t XN = 1 << 28;

/* Two pages to play with, and the stack of unprivileged code. */
static uint8_t arena[8192] __attribute__((aligned(8192)));
static uint32_t process_stack[64] __attribute__((aligned(256)));

static uint32_t address(const volatile void *p)
{
    return (uint32_t)(uintptr_t)p;
}

static void region(unsigned n, uint32_t base, unsigned bits, unsigned ap, uint32_t more)
{
    MPU_RNR = n;
    MPU_RBAR = base;
    MPU_RASR = bits ? 1 | (bits - 1) << 1 | ap << 24 | more : 0;
}
static void mpu(uint32_t ctrl)
{
    MPU_CTRL = ctrl;
    BARRIER();
}

/* Whether an access to arena + off works; the fault must name it. */
static volatile uint32_t target;
static bool loads(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldrb r3, [r3]");
    if (seen.count) {
        expect("load: CFSR", seen.cfsr, DACCVIOL | VALID);
        expect("load: MMFAR", seen.mmfar, target);
        expect("load: exception", seen.ipsr, MEM);
    }
    return !seen.count;
}
static bool stores(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n strb r2, [r3]");
    if (seen.count) {
        expect("store: CFSR", seen.cfsr, DACCVIOL | VALID);
        expect("store: MMFAR", seen.mmfar, target);
    }
    return !seen.count;
}
static bool loads_as_user(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldrbt r3, [r3]");
    return !seen.count;
}
static bool stores_as_user(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n strbt r2, [r3]");
    return !seen.count;
}
static bool loads_word(uint32_t off)
{
    target = address(arena) + off;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldr r3, [r3]");
    return !seen.count;
}

static void privileged(void)
{
    MSR(control, 2);
}
/* The same unprivileged; what they use lies in regions of its own. */
static volatile uint32_t user_result;
static bool user_can(bool (*what)(uint32_t), uint32_t off)
{
    static bool (*volatile fn)(uint32_t);
    static volatile uint32_t arg;
    fn = what;
    arg = off;
    vectors[SVC] = privileged;
    MSR(psp, address(process_stack + 64));
    MSR(control, 3);
    user_result = fn(arg);
    __asm__ volatile("svc 0" ::: "memory");
    MSR(control, 0);
    return user_result;
}

static void permissions(void)
{
    static const struct {
        uint8_t ap, r, w, ur, uw;
    } rows[] = {{NONE, 0, 0, 0, 0},   {PRIV_RW, 1, 1, 0, 0}, {USER_RO, 1, 1, 1, 0},
                {ALL_RW, 1, 1, 1, 1}, {PRIV_RO, 1, 0, 0, 0}, {ALL_RO, 1, 0, 1, 0},
                {7, 1, 0, 1, 0}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        region(7, address(arena), 13, rows[i].ap, 0);
        mpu(ENABLE | PRIVDEFENA);
        expect("privileged load", loads(0x10), rows[i].r);
        expect("privileged store", stores(0x10), rows[i].w);
        expect("unprivileged load", user_can(loads, 0x10), rows[i].ur);
        expect("unprivileged store", user_can(stores, 0x10), rows[i].uw);
        expect("LDRT", loads_as_user(0x10), rows[i].ur);
        expect("STRT", stores_as_user(0x10), rows[i].uw);
        mpu(0);
        expect("without MPU", stores(0x10), 1);
    }
}

static void small(void)
{
    region(7, address(arena) + 0x40, 5, NONE, 0);
    mpu(ENABLE | PRIVDEFENA);
    expect("before", stores(0x3f), 1);
    expect("first", stores(0x40), 0);
    expect("last", stores(0x5f), 0);
    expect("behind", stores(0x60), 1);
    expect("word before", loads_word(0x3c), 1);
#ifndef REFERENCE /* which looks at the first byte */
    expect("word that reaches in", loads_word(0x3e), 0);
#endif
    expect("the other page", stores(0x1040), 1);
    region(7, address(arena) + 0x1000, 8, PRIV_RO, 0xa5 << 8);
    BARRIER();
#ifndef REFERENCE /* which takes 256 bytes as one */
    for (unsigned i = 0; i < 8; i++)
        expect("subregion", stores(0x1000 + 32 * i + 31), 0xa5 >> i & 1);
#endif
    expect("small one is gone", stores(0x40), 1);
    region(6, address(arena), 13, NONE, 0);
    BARRIER();
    expect("a higher region wins", loads(0x1000 + 32), 1);
    expect("a lower one where it is not", loads(0x1000), 0);
    expect("and elsewhere", loads(0), 0);
    region(6, 0, 0, 0, 0);
    region(7, 0, 0, 0, 0);
    mpu(0);
}

static void background(void)
{
    expect("regions", MPU_TYPE, 8 << 8);
    region(0, 0, 18, ALL_RO, 0);
    region(1, 0x20000000, 15, ALL_RW, 0);
    region(2, address(arena), 13, NONE, 0);
    mpu(ENABLE);
    expect("region", loads(0), 0);
    target = 0x20010000;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldrb r3, [r3]");
    expect("no region", seen.cfsr, DACCVIOL | VALID);
    expect("SCS all the same", MPU_CTRL, ENABLE);
    mpu(ENABLE | PRIVDEFENA);
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n ldrb r3, [r3]");
    expect("default map", seen.cfsr, 0);
}

static void execution(void)
{
    static const uint16_t code = 0x4770; /* bx lr */
    void (*f)(void) = (void (*)(void))(uintptr_t)(address(arena) | 1);
    region(2, address(arena), 13, ALL_RW, 0);
    BARRIER();
    *(volatile uint16_t *)(void *)arena = code;
    f();
    region(2, address(arena), 13, ALL_RW, XN);
    BARRIER();
    target = address(arena) | 1;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n bx r3");
    expect("XN", seen.cfsr, IACCVIOL);
    expect("pc", seen.pc, address(arena));
#ifndef REFERENCE /* which hangs */
    region(2, address(arena) + 32, 5, ALL_RW, XN);
    BARRIER();
    f();
    *(volatile uint16_t *)(void *)(arena + 30) = 0xbf00;
    *(volatile uint16_t *)(void *)(arena + 32) = code;
    target = (address(arena) + 30) | 1;
    PROVOKE("ldr r3, =target\n ldr r3, [r3]\n bx r3");
    expect("XN in the middle of a page", seen.cfsr, IACCVIOL);
    expect("pc", seen.pc, address(arena) + 32);
#endif
}

static volatile bool hard_loads;
static void in_nmi(void)
{
    hard_loads = loads(0);
}
static void exempt(void)
{
    region(2, address(arena), 13, NONE, 0);
    vectors[2] = in_nmi;
    mpu(ENABLE | PRIVDEFENA);
    ICSR = 1u << 31;
    BARRIER();
    expect("NMI without HFNMIENA", hard_loads, 1);
    MSR(faultmask, 1);
    PROVOKE("ldr r3, =arena\n ldrb r3, [r3]");
    MSR(faultmask, 0);
    expect("FAULTMASK", seen.count, 0);
    expect("and now", loads(0), 0);
}

static volatile uint32_t stack_cfsr, order;
static void note_stack_fault(void)
{
    order = order * 16 + MRS(ipsr);
    stack_cfsr = CFSR;
    CFSR = stack_cfsr;
    MSR(psp, address(process_stack + 32));
}
static void note_svc(void)
{
    order = order * 16 + MRS(ipsr);
}
extern void after_svc(void);
static void stacking(void)
{
    region(2, address(arena), 13, PRIV_RO, 0);
    mpu(ENABLE | PRIVDEFENA);
    vectors[MEM] = note_stack_fault;
    vectors[SVC] = note_svc;
    process_stack[38] = address((void *)(uintptr_t)after_svc) & ~1u;
    process_stack[39] = 1 << 24;
    order = 0;
    MSR(psp, address(arena) + 4096);
    MSR(control, 2);
    __asm__ volatile("svc 0\n .thumb_func\n .global after_svc\n after_svc: nop" ::
                         : "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    MSR(control, 0);
    expect("MSTKERR", stack_cfsr, MSTKERR);
    expect("MemManage, then SVCall", order, 0x4b);
    vectors[MEM] = at_fault;
    mpu(0);
}

void run(void)
{
    SHCSR |= 7 << 16;
    SHPR(1) = 0x80u << 24;
    region(0, 0, 18, ALL_RO, 0);
    region(1, 0x20000000, 15, ALL_RW, 0);
    permissions();
    small();
    background();
    execution();
    exempt();
    stacking();
}
