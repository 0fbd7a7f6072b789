/*
 * Synchronous faults: status, address, return address; disabled ones become HardFault.
 * RUN: cpu=cortex-m3 board=mps2-an385
 * RUN: cpu=cortex-m4 board=mps2-an386
 * RUN: cpu=cortex-m7 board=mps2-an500
 * RUN: cpu=cortex-m33 board=mps2-an505
 */
#include "tests/isa/arm_m/m.h"

enum { HARD = 3, MEM = 4, BUS = 5, USAGE = 6, FORCED = 1 << 30 };

static void fault(const char *what, uint32_t ipsr, uint32_t cfsr)
{
    expect(what, seen.ipsr, ipsr);
    expect(what, seen.cfsr, cfsr);
    expect(what, seen.hfsr, ipsr == HARD ? FORCED : 0);
    expect(what, seen.count, 1);
}

static void usage(uint32_t n)
{
    PROVOKE("udf #1");
    fault("UDF", n, 1 << 16);
    PROVOKE("udf.w #1");
    fault("UDF.W", n, 1 << 16);
    PROVOKE("mov r3, #0x2000\n bx r3");
    fault("BX to an even address", n, 1 << 17);
    expect("its pc", seen.pc, 0x2000);
    expect("its EPSR.T", seen.xpsr >> 24 & 1, 0);
    PROVOKE("mov r3, #0x2000\n blx r3");
    fault("BLX to an even address", n, 1 << 17);
    PROVOKE(".inst.w 0xee000f10"); /* MCR p15 */
    fault("MCR p15", n, 1 << 19);
    PROVOKE(".inst.w 0xf7f0a000\n");
    fault("UDF.W again", n, 1 << 16);
    PROVOKE(".inst.w 0xe8c1237f\n"); /* LDREXD */
    fault("LDREXD", n, 1 << 16);
    PROVOKE(".inst.w 0xf7e08000\n"); /* HVC */
    fault("HVC", n, 1 << 16);
#ifndef REFERENCE                /* which has it */
    PROVOKE(".inst.n 0xb658\n"); /* SETEND */
    fault("SETEND", n, 1 << 16);
#endif
    PROVOKE("movs r3, #1\n ldrd r2, r3, [r3]");
    fault("LDRD misaligned", n, 1 << 24);
    PROVOKE("movs r3, #2\n ldmia r3, {r2, r3}");
    fault("LDM misaligned", n, 1 << 24);
    PROVOKE("movs r3, #1\n ldrex r2, [r3]");
    fault("LDREX misaligned", n, 1 << 24);
}

static void division(uint32_t n)
{
    uint32_t q = 7;
    __asm__ volatile("movs r3, #0\n udiv %0, %0, r3" : "+r"(q)::"r3");
    expect("UDIV by 0", q, 0);
    CCR |= 1 << 4;
    BARRIER();
    PROVOKE("movs r3, #0\n udiv r3, r3, r3");
    fault("UDIV by 0 with DIV_0_TRP", n, 1 << 25);
    PROVOKE("movs r3, #0\n sdiv r3, r3, r3");
    fault("SDIV by 0 with DIV_0_TRP", n, 1 << 25);
    q = 7;
    __asm__ volatile("movs r3, #2\n udiv %0, %0, r3" : "+r"(q)::"r3");
    expect("UDIV", q, 3);
    CCR &= ~(1u << 4);
}

static void alignment(uint32_t n)
{
    static const uint32_t words[2] = {0x04030201, 0x08070605};
    uint32_t v;
    __asm__ volatile("ldr %0, [%1, #1]" : "=r"(v) : "r"(words));
    expect("misaligned LDR", v, 0x05040302);
    CCR |= 1 << 3;
    BARRIER();
    PROVOKE("ldr r3, [r3, #3]");
    fault("LDR with UNALIGN_TRP", n, 1 << 24);
    PROVOKE("ldrh r3, [r3, #3]");
    fault("LDRH with UNALIGN_TRP", n, 1 << 24);
    CCR &= ~(1u << 3);
    BARRIER();
}

static void bus(uint32_t n)
{
    PROVOKE("ldr r3, =0x7fffff00\n ldr r3, [r3]");
    fault("load from nowhere", n, 1 << 9 | 1 << 15);
    expect("BFAR", seen.bfar, 0x7fffff00);
    PROVOKE("ldr r3, =0x7f000000\n str r3, [r3, #8]");
    fault("store to nowhere", n, 1 << 9 | 1 << 15);
    expect("BFAR", seen.bfar, 0x7f000008);
#ifndef REFERENCE /* which hangs */
    PROVOKE("ldr r3, =0x1f000001\n bx r3");
    fault("code nowhere", n, 1 << 8);
    expect("its pc", seen.pc, 0x1f000000);
#endif
}

static void memory(uint32_t n)
{
    PROVOKE("ldr r3, =0x40000001\n bx r3");
    fault("code in device space", n, 1 << 0);
    expect("its pc", seen.pc, 0x40000000);
    PROVOKE("ldr r3, =0xe0000001\n bx r3");
    fault("code in system space", n, 1 << 0);
    PROVOKE("mvn r3, #0\n bx r3"); /* no EXC_RETURN in Thread mode */
    fault("EXC_RETURN in Thread mode", n, 1 << 0);
    expect("its pc", seen.pc, 0xfffffffe);
}

static void return_address(void)
{
    uint32_t at;
    begin();
    __asm__ volatile("adr r3, 9f\n ldr r2, =resume\n str r3, [r2]\n adr %0, 8f\n .balign 4\n 8: "
                     "udf #0\n .balign 4\n 9: nop"
                     : "=r"(at)::"r2", "r3", "memory");
    expect("pc of UDF", seen.pc, at & ~1u);
    begin();
    __asm__ volatile("adr r3, 9f\n ldr r2, =resume\n str r3, [r2]\n movs r3, #0\n cmp r3, r3\n b "
                     "7f\n .balign 4\n"
                     "7: itet ne\n udfne #1\n moveq r3, #1\n udfne #2\n .balign 4\n 9: nop" ::
                         : "r2", "r3", "memory", "cc");
    expect("UDF in an IT block that does not run", seen.count, 0);
    begin();
    __asm__ volatile("adr r3, 9f\n ldr r2, =resume\n str r3, [r2]\n movs r3, #0\n cmp r3, r3\n b "
                     "7f\n .balign 4\n"
                     "7: itte eq\n moveq r3, #1\n udfeq #1\n udfne #2\n .balign 4\n 9: nop" ::
                         : "r2", "r3", "memory", "cc");
    expect("UDF in an IT block", seen.count, 1);
    expect("its IT", (seen.xpsr >> 25 & 3) | (seen.xpsr >> 10 & 0x3f) << 2, 0x0c);
}

/* An IT block goes on where a fault inside it was cured. */
static void it_resumes(void)
{
    uint32_t a = 0, b = 0;
    begin();
    CCR |= 1 << 4;
    BARRIER();
    __asm__ volatile(
        "adr r3, 6f\n ldr r2, =resume\n str r3, [r2]\n movs r3, #0\n cmp r3, r3\n b 7f\n .balign "
        "4\n"
        "7: ittt eq\n moveq %0, #1\n udiveq r3, r3, r3\n moveq %1, #2\n b 9f\n .balign 4\n"
        "6: movs %1, #3\n 9: nop"
        : "+r"(a), "+r"(b)::"r2", "r3", "memory", "cc");
    CCR &= ~(1u << 4);
    expect("before the fault", a, 1);
    expect("behind it", b, 3);
}

static void all(bool enabled)
{
    usage(enabled ? USAGE : HARD);
    division(enabled ? USAGE : HARD);
    alignment(enabled ? USAGE : HARD);
    bus(enabled ? BUS : HARD);
    memory(enabled ? MEM : HARD);
}

__attribute__((unused)) static void bkpt(void)
{
    PROVOKE("bkpt 1");
    expect("BKPT", seen.ipsr, HARD);
    expect("HFSR", seen.hfsr, 1u << 31);
    expect("DFSR", seen.dfsr & 2, 2);
    DEMCR |= 1 << 16;
    PROVOKE("bkpt 1");
    expect("BKPT with MON_EN", seen.ipsr, 12);
    expect("HFSR", seen.hfsr, 0);
    expect("DFSR", seen.dfsr & 2, 2);
    DEMCR &= ~(1u << 16);
}

static void svc(void)
{
    uint32_t at;
    begin();
    __asm__ volatile("adr %0, 1f\n .balign 4\n svc 3\n .balign 2\n1: nop" : "=r"(at)::"memory");
    expect("SVC", seen.ipsr, 11);
    expect("pc of SVC", seen.pc | 1, at | 1);
    MSR(primask, 1);
    begin();
    __asm__ volatile("svc 3\n nop" ::: "memory");
    MSR(primask, 0);
    expect("SVC with PRIMASK", seen.ipsr, HARD);
    expect("HFSR", seen.hfsr, FORCED);
}

void run(void)
{
    all(false);
    SHCSR |= 7 << 16;
    all(true);
    return_address();
    it_resumes();
#ifndef REFERENCE /* which has no DebugMonitor, and other status bits */
    bkpt();
#endif
    svc();
}
