/*
 * Floating point: access, frames with FP state, lazy preservation, what the versions have.
 * RUN: cpu=cortex-m4 board=mps2-an386
 * RUN: cpu=cortex-m7 board=mps2-an500
 * RUN: cpu=cortex-m33 board=mps2-an505
 */
#include "tests/isa/arm_m/m.h"

enum { HARD = 3, MEM = 4, BUS = 5, USAGE = 6, SVC = 11, NOCP = 1 << 19, UNDEFINSTR = 1 << 16 };
enum { LSPACT = 1, USER = 2, THREAD = 8, HFRDY = 16, MMRDY = 32, BFRDY = 64 };
#if __ARM_ARCH >= 8
#define EXC_RETURN_FP 0xffffffa8
#else
#define EXC_RETURN_FP 0xffffffe9
#endif
static const uint32_t ASPEN = 1u << 31, LSPEN = 1u << 30;

#define SREG(n)                                                                                    \
    ({                                                                                             \
        uint32_t v_;                                                                               \
        __asm__ volatile("vmov %0, s" #n : "=r"(v_)::"memory");                                    \
        v_;                                                                                        \
    })
#define SET_SREG(n, v) __asm__ volatile("vmov s" #n ", %0" ::"r"(v) : "memory")
#define GET_FPSCR()                                                                                \
    ({                                                                                             \
        uint32_t v_;                                                                               \
        __asm__ volatile("vmrs %0, fpscr" : "=r"(v_)::"memory");                                   \
        v_;                                                                                        \
    })
#define SET_FPSCR(v) __asm__ volatile("vmsr fpscr, %0" ::"r"(v) : "memory")

static void enable(uint32_t bits)
{
    CPACR = (CPACR & ~(0xfu << 20)) | bits << 20;
    BARRIER();
}

static void access(void)
{
    enable(0);
    PROVOKE("vmov s0, r0");
    expect("FP without CPACR", seen.ipsr, USAGE);
    expect("CFSR", seen.cfsr, NOCP);
    PROVOKE("vldr s0, [sp]");
    expect("VLDR", seen.cfsr, NOCP);
    enable(0xf);
    MSR(control, 0);
    SET_SREG(0, 0x3f800000);
    expect("FPCA", MRS(control), 4);
    MSR(control, 0);
    expect("FPCA cleared", MRS(control), 0);
    PROVOKE(".inst.w 0xee000e10"); /* coprocessor 14 */
    expect("coprocessor 14", seen.cfsr, NOCP);
    PROVOKE(".inst.w 0xef000d40"); /* VADD.F32 q0 of AdvSIMD */
    expect("AdvSIMD", seen.cfsr, UNDEFINSTR);
    PROVOKE(".inst.w 0xf920070f"); /* VLD1 */
    expect("AdvSIMD load", seen.cfsr, UNDEFINSTR);
#if __ARM_FP & 8
    uint32_t low, high;
    __asm__ volatile("vmov.f64 d1, #1.0\n vadd.f64 d2, d1, d1\n vmov %0, %1, d2"
                     : "=r"(low), "=r"(high));
    expect("2.0", low, 0);
    expect("2.0", high, 0x40000000);
#else
    PROVOKE(".inst.w 0xee311b01"); /* VADD.F64 */
    expect("VADD.F64", seen.cfsr, UNDEFINSTR);
    PROVOKE(".inst.w 0xeeb71ac1"); /* VCVT.F64.F32 */
    expect("VCVT.F64.F32", seen.cfsr, UNDEFINSTR);
#endif
#if __ARM_FP & 8 || __ARM_ARCH >= 8
    SET_SREG(1, 0x40200000); /* 2.5 */
    __asm__ volatile("vrinta.f32 s2, s1");
    expect("VRINTA", SREG(2), 0x40400000);
#else
    PROVOKE(".inst.w 0xfeb81a60"); /* VRINTA */
    expect("VRINTA", seen.cfsr, UNDEFINSTR);
#endif
}

static volatile uint32_t in_lr, in_sp, in_control, in_fpccr, in_fpcar, after_fpccr, in_fpscr,
    in_frame[26];

/* What a handler sees, before and after it uses FP itself. */
__attribute__((used)) static void look_at(uint32_t *frame, uint32_t lr)
{
    in_lr = lr;
    in_sp = (uint32_t)(uintptr_t)frame;
    in_control = MRS(control);
    in_fpccr = FPCCR;
    in_fpcar = FPCAR;
    for (unsigned i = 8; i < 26; i++)
        frame[i] = 0xdead0000 + i;
    SET_SREG(0, 0x12345678);
    SET_SREG(15, 0x12345678);
    after_fpccr = FPCCR;
    in_fpscr = GET_FPSCR();
    SET_FPSCR(0);
    for (unsigned i = 0; i < 26; i++)
        in_frame[i] = frame[i];
}
__attribute__((naked)) static void look(void)
{
    __asm__ volatile("mov r0, sp\n mov r1, lr\n push {r3, lr}\n bl look_at\n pop {r3, pc}");
}
__attribute__((naked)) static void look_without_fp(void)
{
    __asm__ volatile("ldr r0, =in_lr\n str lr, [r0]\n ldr r0, =in_fpccr\n ldr r1, =0xe000ef34\n "
                     "ldr r1, [r1]\n str r1, [r0]\n"
                     "bx lr\n .ltorg");
}

static void fill(void)
{
    SET_SREG(0, 0x1000);
    SET_SREG(7, 0x1007);
    SET_SREG(15, 0x100f);
    SET_SREG(16, 0x1010);
    SET_FPSCR(0x90c0001f);
}
static void expect_kept(void)
{
    expect("S0", SREG(0), 0x1000);
    expect("S7", SREG(7), 0x1007);
    expect("S15", SREG(15), 0x100f);
    expect("S16", SREG(16), 0x1010);
    expect("FPSCR", GET_FPSCR(), 0x90c0001f);
    expect("FPCA", MRS(control), 4);
}

static void lazy(void)
{
    uint32_t sp;
    vectors[SVC] = look;
    FPDSCR = 0x00400000;
    fill();
    __asm__ volatile("mov %0, sp\n svc 0"
                     : "=&r"(sp)::"r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect_kept();
    expect("EXC_RETURN", in_lr, EXC_RETURN_FP);
    expect("frame", in_sp, (sp - 0x68) & ~7u);
    expect("FPCA in the handler", in_control & 4, 0);
    expect("FPCCR", in_fpccr & ~0x500u, ASPEN | LSPEN | LSPACT | THREAD | HFRDY | MMRDY | BFRDY);
    expect("FPCAR", in_fpcar, in_sp + 0x20);
    expect("LSPACT after the handler's use", after_fpccr & LSPACT, 0);
    expect("saved S0", in_frame[8], 0x1000);
    expect("saved S15", in_frame[23], 0x100f);
    expect("saved FPSCR", in_frame[24], 0x90c0001f);
    expect("FPSCR of the handler", in_fpscr, 0x00400000);
    vectors[SVC] = look_without_fp;
    __asm__ volatile("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect("LSPACT", in_fpccr & LSPACT, LSPACT);
    expect("LSPACT after return", FPCCR & LSPACT, 0);
    expect_kept();
    MSR(control, 0);
    __asm__ volatile("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect("EXC_RETURN without FP", in_lr, EXC_RETURN_FP | 16);
    expect("FPCA", MRS(control), 0);
}

static void eager(void)
{
    vectors[SVC] = look_without_fp;
    FPCCR = ASPEN;
    fill();
    __asm__ volatile("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect("LSPACT", in_fpccr & LSPACT, 0);
    expect("EXC_RETURN", in_lr, EXC_RETURN_FP);
    expect_kept();
    FPCCR = 0;
    MSR(control, 0);
    SET_SREG(0, 0);
    expect("FPCA without ASPEN", MRS(control), 0);
    FPCCR = ASPEN | LSPEN;
}

/* The frame has moved out of reach when it is to be written. */
static volatile uint32_t lazy_cfsr, lazy_ipsr;
static void lazy_fault(void)
{
    lazy_ipsr = MRS(ipsr);
    lazy_cfsr = CFSR;
    CFSR = lazy_cfsr;
}
static void break_lazy(void)
{
    FPCAR = 0x7fff0000;
    SET_SREG(0, 0x77);
    in_fpccr = FPCCR;
}
__attribute__((unused)) static void lost(void)
{
    SHPR(1) = 0x80u << 24;
    vectors[SVC] = break_lazy;
    vectors[BUS] = lazy_fault;
    fill();
    __asm__ volatile("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    expect("BusFault", lazy_ipsr, BUS);
    expect("LSPERR", lazy_cfsr & 0xff00, 1 << 13);
    expect("LSPACT", in_fpccr & LSPACT, 0);
    vectors[BUS] = at_fault;
}

/* Only privileged code may use FP. */
static uint32_t process_stack[64] __attribute__((aligned(8)));
static void privileged(void)
{
    MSR(control, 2);
}
static void user(void)
{
    enable(5);
    MSR(psp, (uint32_t)(uintptr_t)(process_stack + 64));
    vectors[SVC] = privileged;
    MSR(control, 3);
    PROVOKE("vmov s0, r0");
    __asm__ volatile("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "memory", "cc");
    MSR(control, 0);
    expect("FP unprivileged", seen.cfsr, NOCP);
    enable(0xf);
}

static void flags(void)
{
    uint32_t v;
    SET_FPSCR(0);
    SET_SREG(1, 0x3f800000);
    SET_SREG(2, 0x40000000);
    __asm__ volatile(
        "vcmp.f32 s1, s2\n vmrs APSR_nzcv, fpscr\n ite mi\n movmi %0, #1\n movpl %0, #2"
        : "=r"(v)::"cc");
    expect("VCMP", v, 1);
    SET_FPSCR(0xffffffff);
    expect("bits of FPSCR", GET_FPSCR(), 0xf7c0009f);
    SET_FPSCR(0);
    SET_SREG(1, 0);
    SET_SREG(2, 0x3f800000);
    __asm__ volatile("vdiv.f32 s3, s2, s1");
    expect("1 / 0", SREG(3), 0x7f800000);
    expect("DZC", GET_FPSCR(), 2);
    SET_SREG(1, 0x40000000);
    __asm__ volatile("vfma.f32 s2, s1, s1");
    expect("VFMA", SREG(2), 0x40a00000);
    SET_FPSCR(0);
}

void run(void)
{
    SHCSR |= 7 << 16;
    access();
    lazy();
    eager();
#ifndef REFERENCE /* which never gets further */
    lost();
#endif
    user();
    flags();
}
