/*
 * Entry and return: stacks, frames, EXC_RETURN, priorities, masks, tail-chaining, privilege, sleep.
 * RUN: cpu=cortex-m3 board=mps2-an385
 * RUN: cpu=cortex-m7 board=mps2-an500
 * RUN: cpu=cortex-m33 board=mps2-an505
 */
#include "tests/isa/arm_m/m.h"

enum {
    HARD = 3,
    MEM = 4,
    BUS = 5,
    USAGE = 6,
    SVC = 11,
    PENDSV = 14,
    SYSTICK = 15,
    IRQ0 = 16,
    FORCED = 1 << 30
};
enum { PENDSVSET = 1 << 28, PENDSTSET = 1 << 26, NMIPENDSET = 1u << 31, INVPC = 1 << 18 };

#if __ARM_ARCH >= 8
enum { RET = 0xb0 };
#else
enum { RET = 0xf1 };
#endif
#define EXC_RETURN(bits) (0xffffff00u | RET | (bits))
enum { THREAD = 8, PROCESS = 4 };

/* What ran, in order: numbers of exceptions, and what they put there themselves. */
static volatile uint8_t trace[32];
static volatile unsigned ntrace;

static void note(unsigned what)
{
    trace[ntrace++ & 31] = (uint8_t)what;
}
static void note_ipsr(void)
{
    note(MRS(ipsr));
}
static void expect_trace(const char *what, const char *want)
{
    unsigned n = 0;
    for (; want[n]; n++)
        if (n >= ntrace || trace[n] != (uint8_t)want[n]) {
            print_hex("step", n);
            expect(what, n < ntrace ? trace[n] : 0, (uint8_t)want[n]);
        }
    expect(what, ntrace, n);
    ntrace = 0;
}

static uint32_t process_stack[64] __attribute__((aligned(8)));
/* Not on a stack: PSP's is not where the compiler thinks. */
static volatile uint32_t seen_lr, seen_frame[8], seen_sp, seen_control, seen_psp, seen_msp, msp;

/* An exception's handler that only looks. */
__attribute__((used)) static void look_at(const uint32_t *frame, uint32_t lr)
{
    for (unsigned i = 0; i < 8; i++)
        seen_frame[i] = frame[i];
    seen_lr = lr;
    seen_sp = (uint32_t)(uintptr_t)frame;
    seen_control = MRS(control);
    note_ipsr();
}
__attribute__((naked)) static void look(void)
{
    __asm__ volatile("mrs r0, msp\n tst lr, #4\n it ne\n mrsne r0, psp\n mov r1, lr\n push {r3, "
                     "lr}\n bl look_at\n pop {r3, pc}");
}

static void frame(void)
{
    uint32_t sp;
    vectors[SVC] = look;
    __asm__ volatile("mov %0, sp\n mov r0, #0x10\n mov r1, #0x11\n mov r2, #0x12\n mov r3, #0x13\n "
                     "mov r12, #0x1c\n"
                     "movs lr, #0x1e\n cmp r0, r0\n svc 0"
                     : "=&r"(sp)::"r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect("r0", seen_frame[0], 0x10);
    expect("r3", seen_frame[3], 0x13);
    expect("r12", seen_frame[4], 0x1c);
    expect("lr", seen_frame[5], 0x1e);
    expect("xPSR", seen_frame[7] & ~0x200u, 0x61000000);
    expect("EXC_RETURN", seen_lr, EXC_RETURN(THREAD));
    expect("frame", seen_sp, (sp - 32) & ~7u);
    expect("alignment", seen_sp % 8, 0);
    expect_trace("SVC", "\x0b");
    __asm__ volatile("sub sp, #4\n mov %0, sp\n svc 0\n add sp, #4" : "=&r"(sp)::"memory");
    expect("padded", (seen_frame[7] >> 9 & 1), (sp >> 2) & 1);
    expect("frame of a padded one", seen_sp, (sp - 32) & ~7u);
    __asm__ volatile("mov %0, sp\n svc 0" : "=&r"(sp)::"memory");
    expect("the other", (seen_frame[7] >> 9 & 1), (sp >> 2) & 1);
    ntrace = 0;
}

static void process(void)
{
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    MSR(control, 2);
    expect("CONTROL", MRS(control), 2);
    __asm__ volatile("svc 0" ::: "memory");
    seen_psp = MRS(psp);
    expect("SPSEL in the handler", seen_control & 2, 0);
    MSR(control, 0);
    expect("EXC_RETURN", seen_lr, EXC_RETURN(THREAD | PROCESS));
    expect("frame", seen_sp, (uint32_t)(uintptr_t)(process_stack + 56));
    expect("PSP", seen_psp, (uint32_t)(uintptr_t)(process_stack + 64));
    expect_trace("SVC", "\x0b");
}

static void pend_low(void)
{
    note_ipsr();
    ICSR = PENDSVSET;
    BARRIER();
    note(0x80);
}
static void nested(void)
{
    note_ipsr();
    seen_lr = 0;
    ISPR(0) = 1 << 3;
    BARRIER();
    note(0x81);
}

static void priorities(void)
{
    SHPR(1) = 0x80u << 24; /* SVCall */
    SHPR(2) = 0xc0 << 16 | 0x40u << 24;
    IPR(3) = 0x20;
    ISER(0) = 1 << 3 | 1 << 4 | 1 << 5;
    IPR(4) = IPR(5) = 0x60;
    vectors[PENDSV] = look;
    vectors[SVC] = pend_low;
    __asm__ volatile("svc 0" ::: "memory");
    expect_trace("a lower one waits", "\x0b\x80\x0e");
    vectors[SVC] = nested;
    vectors[IRQ0 + 3] = look;
    __asm__ volatile("svc 0" ::: "memory");
    expect("EXC_RETURN to a handler", seen_lr, EXC_RETURN(0));
    expect_trace("a higher one does not", "\x0b\x13\x81");
    vectors[SVC] = look;
    vectors[IRQ0 + 4] = vectors[IRQ0 + 5] = look;
    MSR(primask, 1);
    ISPR(0) = 1 << 5 | 1 << 4 | 1 << 3;
    ICSR = PENDSVSET;
    BARRIER();
    note(0x82);
    __asm__ volatile("cpsie i\n isb" ::: "memory");
    expect_trace("in order of priority, then number", "\x82\x13\x14\x15\x0e");
    IPR(5) = 0x50;
    MSR(primask, 1);
    ISPR(0) = 1 << 5 | 1 << 4;
    MSR(primask, 0);
    expect_trace("the other way round", "\x15\x14");
}

/* Tail-chaining: what is pending is taken with the same EXC_RETURN and frame. */
static volatile uint32_t first_sp;
static void first_of_two(void)
{
    note_ipsr();
    ICSR = PENDSVSET;
}
static void tail(void)
{
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    MSR(control, 2);
    vectors[SVC] = first_of_two;
    __asm__ volatile("svc 0" ::: "memory");
    MSR(control, 0);
    expect("EXC_RETURN of the second", seen_lr, EXC_RETURN(THREAD | PROCESS));
    expect("its frame", seen_sp, (uint32_t)(uintptr_t)(process_stack + 56));
    expect_trace("both", "\x0b\x0e");
    vectors[SVC] = look;
}

static void masks(void)
{
    MSR(basepri, 0x40);
    ISPR(0) = 1 << 4;
    BARRIER();
    note(0x83);
    ISPR(0) = 1 << 3; /* 0x20: above BASEPRI */
    BARRIER();
    note(0x84);
    MSR(basepri, 0);
    expect_trace("BASEPRI", "\x83\x13\x84\x14");
    MSR(basepri, 0x40);
    MSR(basepri_max, 0x80);
    expect("BASEPRI_MAX lower", MRS(basepri), 0x40);
    MSR(basepri_max, 0x20);
    expect("BASEPRI_MAX higher", MRS(basepri), 0x20);
    MSR(basepri_max, 0);
    expect("BASEPRI_MAX 0", MRS(basepri), 0x20);
    MSR(basepri, 0);
    __asm__ volatile("cpsid f\n isb" ::: "memory");
    expect("FAULTMASK", MRS(faultmask), 1);
    ISPR(0) = 1 << 3;
    BARRIER();
    note(0x85);
    __asm__ volatile("cpsie f\n isb" ::: "memory");
    expect_trace("FAULTMASK", "\x85\x13");
    MSR(primask, 3);
    expect("PRIMASK", MRS(primask), 1);
    MSR(primask, 0);
}

static void set_faultmask(void)
{
    note_ipsr();
    MSR(faultmask, 1);
    expect("FAULTMASK in a handler", MRS(faultmask), 1);
}
static void nmi(void)
{
    note_ipsr();
#ifndef REFERENCE /* where it is set */
    MSR(faultmask, 1);
    expect("FAULTMASK in NMI", MRS(faultmask), 0);
#endif
}
static void ends_of_masks(void)
{
    vectors[SVC] = set_faultmask;
    __asm__ volatile("svc 0" ::: "memory");
    expect("FAULTMASK after return", MRS(faultmask), 0);
    vectors[2] = nmi;
    MSR(primask, 1);
    ICSR = NMIPENDSET;
    BARRIER();
    MSR(primask, 0);
    expect_trace("NMI", "\x0b\x02");
    vectors[SVC] = look;
}

/* Faults of the return itself. */
__attribute__((naked)) static void bad_return(void)
{
    __asm__ volatile("ldr r0, =0xffffff03\n bx r0\n .ltorg"); /* no such form */
}
__attribute__((used)) static void bad_frame_at(uint32_t *f)
{
    f[7] |= 3; /* Thread mode with an exception number */
}
__attribute__((naked)) static void bad_frame(void)
{
    __asm__ volatile("mrs r0, msp\n push {r3, lr}\n bl bad_frame_at\n pop {r3, pc}");
}
__attribute__((used)) static void fix_frame_at(uint32_t *f, uint32_t lr)
{
    note_ipsr();
    seen_lr = lr;
    seen.cfsr = CFSR;
    CFSR = seen.cfsr;
    seen.xpsr = f[7];
    f[7] &= ~0x1ffu;
}
__attribute__((naked)) static void fix_frame(void)
{
    __asm__ volatile("mrs r0, msp\n mov r1, lr\n push {r3, lr}\n bl fix_frame_at\n pop {r3, lr}\n"
                     "ldr r0, =" /* the stack that SVC was called on */
#if __ARM_ARCH >= 8
                     "0xffffffb8"
#else
                     "0xfffffff9"
#endif
                     "\n bx r0\n .ltorg");
}
static void wrong_returns(void)
{
    SHCSR |= 7 << 16;
    SHPR(0) = 0;
    vectors[USAGE] = fix_frame;
    vectors[SVC] = bad_return;
    __asm__ volatile("svc 0" ::: "memory");
    expect("no such EXC_RETURN", seen.cfsr, INVPC);
    expect_trace("INVPC", "\x06");
    vectors[SVC] = bad_frame;
    __asm__ volatile("svc 0" ::: "memory");
    expect("no such mode", seen.cfsr, INVPC);
    expect("the frame's exception", seen.xpsr & 0x1ff, 3);
    expect_trace("INVPC", "\x06");
    vectors[USAGE] = at_fault;
    vectors[SVC] = look;
}

/* A handler with nothing to do. */
__attribute__((naked)) static void leave_handler(void)
{
    __asm__ volatile("bx lr");
}
static void vector_table(void)
{
    vectors[SVC] = (handler *)((uint32_t)(uintptr_t)look & ~1u);
    begin();
    resume = (uint32_t)(uintptr_t)leave_handler;
    __asm__ volatile("svc 0" ::: "memory");
    vectors[SVC] = look;
    expect("even vector", seen.cfsr, 1 << 17);
    expect("in the handler of", seen.xpsr & 0x1ff, SVC);
}

/* Unprivileged code. */
void privileged(void)
{
    __asm__ volatile("movs r0, #2\n msr control, r0\n isb" ::: "r0", "memory");
}

static void user(void)
{
    msp = MRS(msp);
    vectors[SVC] = privileged;
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    MSR(control, 3);
    MSR(control, 0); /* no effect */
    MSR(primask, 1);
    MSR(msp, 0);
    __asm__ volatile("cpsid i" ::: "memory");
    seen_control = MRS(control);
    seen_msp = MRS(msp);
    __asm__ volatile("svc 0" ::: "memory");
    MSR(control, 0);
    expect("CONTROL", seen_control, 3);
    expect("PRIMASK", MRS(primask), 0);
    expect("MSP reads as", seen_msp, 0);
    expect("MSP", MRS(msp), msp);
    vectors[SVC] = look;
}

static void no_system_space(void)
{
    vectors[SVC] = privileged;
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    MSR(control, 3);
    PROVOKE("ldr r3, =0xe000ed00\n ldr r3, [r3]");
    __asm__ volatile("svc 0" ::: "memory");
    MSR(control, 0);
    expect("SCS unprivileged", seen.ipsr, BUS);
    expect("CFSR", seen.cfsr, 1 << 9 | 1 << 15);
    expect("BFAR", seen.bfar, 0xe000ed00);
    vectors[SVC] = look;
}

static void sleep(void)
{
    ICSR = 1 << 25;
    vectors[SYSTICK] = look;
    REG(0xe000e014) = 2000;
    REG(0xe000e018) = 0;
    REG(0xe000e010) = 7;
    __asm__ volatile("wfi" ::: "memory");
    REG(0xe000e010) = 4;
    BARRIER();
    expect("SysTick ends WFI", trace[0], SYSTICK);
    ntrace = 0;
    MSR(primask, 1);
    REG(0xe000e018) = 0;
    REG(0xe000e010) = 7;
    __asm__ volatile("wfi" ::: "memory");
    note(0x86);
    REG(0xe000e010) = 4;
    expect("it is pending", ICSR >> 26 & 1, 1);
    MSR(primask, 0);
    expect_trace("WFI with PRIMASK", "\x86\x0f");
    __asm__ volatile("sev\n wfe" ::: "memory");
    SCR = 1 << 4;
    ICER(0) = 1 << 3;
    ISPR(0) = 1 << 3;
    __asm__ volatile("dsb\n wfe" ::: "memory"); /* SEVONPEND */
    ICPR(0) = 1 << 3;
    SCR = 0;
    ISER(0) = 1 << 3;
    ntrace = 0;
}

static volatile unsigned ticks;
static void tick(void)
{
    if (++ticks == 3)
        SCR = 0;
}
static void sleep_on_exit(void)
{
    vectors[SYSTICK] = tick;
    SCR = 2;
    REG(0xe000e018) = 0;
    REG(0xe000e010) = 7;
    __asm__ volatile("wfi" ::: "memory");
    REG(0xe000e010) = 4;
#ifndef REFERENCE /* which does not sleep */
    expect("Thread mode goes on after the third handler", ticks >= 3, 1);
#endif
}

/* Of lower priority than what is active: escalates; at HardFault's own there is no way out but the
 * handler's. */
static void escalation(void)
{
    vectors[SVC] = at_fault;
    SHPR(0) = 0xf0f0f0;
    MSR(basepri, 0x10);
    PROVOKE("udf #0");
    MSR(basepri, 0);
    expect("UsageFault below BASEPRI", seen.ipsr, HARD);
    expect("HFSR", seen.hfsr, FORCED);
    expect("CFSR", seen.cfsr, 1 << 16);
    SHPR(0) = 0;
}

static volatile uint32_t first_cfsr;
static uint32_t spare_frame[8] __attribute__((aligned(8)));
extern void behind_svc(void);
__attribute__((used)) static void fix_stack_at(uint32_t lr)
{
    note_ipsr();
    seen_lr = lr;
    first_cfsr = CFSR;
    CFSR = first_cfsr;
    uint32_t *frame = first_cfsr & 1 << 11 ? process_stack + 56 : spare_frame;
    if (frame == spare_frame) { /* nothing was saved */
        frame[6] = (uint32_t)(uintptr_t)behind_svc & ~1u;
        frame[7] = 1 << 24;
    }
    MSR(psp, (uint32_t)(uintptr_t)frame);
}
__attribute__((naked)) static void fix_stack(void)
{
    __asm__ volatile("mov r0, lr\n push {r3, lr}\n bl fix_stack_at\n pop {r3, pc}");
}
static void break_stack(void)
{
    note_ipsr();
    MSR(psp, 0x7ffff000);
}

__attribute__((unused)) static void ignored_bus_fault(void)
{
    uint32_t v = 1;
    CCR |= 1 << 8;
    __asm__ volatile("cpsid f\n isb\n ldr r3, =0x7fffff00\n ldr r2, [r3]\n movs %0, #2\n cpsie f"
                     : "+r"(v)::"r2", "r3", "memory", "cc");
    CCR &= ~(1u << 8);
    expect("BFHFNMIGN", v, 2);
    expect("CFSR", CFSR & 0xff00, 1 << 9 | 1 << 15);
    CFSR = CFSR;
}

/* The frame cannot be written, or read back: the fault comes before the handler, or instead of the
 * return. */
static void stack_faults(void)
{
    vectors[SVC] = look;
    vectors[BUS] = fix_stack;
    MSR(psp, 0x7ffff000);
    MSR(control, 2);
    __asm__ volatile("svc 0\n .thumb_func\n .global behind_svc\n behind_svc: nop" ::
                         : "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    MSR(control, 0);
    expect("STKERR", first_cfsr, 1 << 12);
    expect_trace("BusFault, then SVCall", "\x05\x0b");
    vectors[SVC] = break_stack;
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    MSR(control, 2);
    __asm__ volatile("svc 0\n nop" ::: "memory");
    MSR(control, 0);
    expect("UNSTKERR", first_cfsr, 1 << 11);
    expect("its EXC_RETURN", seen_lr, EXC_RETURN(THREAD | PROCESS));
    expect_trace("SVCall, then BusFault", "\x0b\x05");
    vectors[BUS] = at_fault;
    vectors[SVC] = look;
}

void run(void)
{
    frame();
    process();
    priorities();
    tail();
    masks();
    ends_of_masks();
    wrong_returns();
    vector_table();
    no_system_space();
    sleep();
    sleep_on_exit();
    escalation();
#ifndef REFERENCE /* which locks up */
    ignored_bus_fault();
#endif
    user();
    stack_faults();
}
