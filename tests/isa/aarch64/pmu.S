/*
 * PMUv3 counts instructions exactly: those that begin and end, not those that take an exception.
 * RUN: cpu=cortex-a57
 */
#include "test.h"

    .set INST_RETIRED, 8
    .set FILTER_EL1, 1 << 31

/* How many instructions came after the first read of counter 0, the second read included. */
.macro COUNTED want
    mrs x2, pmevcntr0_el0
    sub x1, x2, x1
    EXPECT x1, \want
.endm

/* From entry to ERET in test.h, both included. */
    .set HANDLER, 9

.macro COUNT_EXCEPTION ec, want, insn:vararg
    mov x27, #\ec
    adr x26, .Lafter\@
    mov x7, #8 /* nothing is mapped a little below 1 TiB */
    lsl x7, x7, #36
    mrs x1, pmevcntr0_el0
    \insn
.Lafter\@:
    mrs x2, pmevcntr0_el0
    mov x27, #-1
    sub x1, x2, x1
    EXPECT x1, \want
.endm

    .globl tests
tests:
    str x30, [sp, #-16]!
    mov x0, #INST_RETIRED
    msr pmevtyper0_el0, x0
    mov x0, #1
    msr pmcntenset_el0, x0
    mov x0, #1
    msr pmcr_el0, x0
    isb

    TEST a row of instructions
    mrs x1, pmevcntr0_el0
    nop
    add x3, x3, #1
    ldr x4, [sp]
    COUNTED 4

    TEST a loop
    mov x3, #1000
    mrs x1, pmevcntr0_el0
1:  sub x3, x3, #1
    cbnz x3, 1b
    COUNTED 2001

    TEST a long loop, with calls
    LI x3, 300000
    mrs x1, pmevcntr0_el0
1:  bl 2f
    subs x3, x3, #1
    b.ne 1b
    COUNTED 1200001
    b 3f
2:  ret
3:

    TEST one that is undefined does not count
    COUNT_EXCEPTION 0, HANDLER + 1, .inst 0
    TEST nor one that faults
    COUNT_EXCEPTION 0x25, HANDLER + 1, ldr x3, [x7]
    COUNT_EXCEPTION 0x25, HANDLER + 1, ldp x3, x4, [x7], #16
    TEST a supervisor call does
    COUNT_EXCEPTION 0x15, HANDLER + 2, svc 1

    TEST WFI with an interrupt pending, WFE, hints
    sevl
    mrs x1, pmevcntr0_el0
    wfe
    yield
    COUNTED 3

    TEST a counter that is off, or not for EL1, stands still
    mov x0, #1
    msr pmcntenclr_el0, x0
    isb
    mrs x1, pmevcntr0_el0
    nop
    COUNTED 0
    msr pmcntenset_el0, x0
    LI x0, FILTER_EL1 + INST_RETIRED
    msr pmevtyper0_el0, x0
    isb
    mrs x1, pmevcntr0_el0
    nop
    COUNTED 0

    TEST an overflow is seen, and raises the interrupt
    mov x0, #INST_RETIRED
    msr pmevtyper0_el0, x0
    mov w0, #-3000
    msr pmevcntr0_el0, x0
    mov x0, #1
    msr pmovsclr_el0, x0
    msr pmintenset_el1, x0
    isb
    mrs x1, pmovsclr_el0
    EXPECT x1, 0
    mov x3, #1000
1:  sub x3, x3, #1
    nop
    cbnz x3, 1b
    mrs x1, pmovsclr_el0
    EXPECT x1, 1
    msr pmovsclr_el0, x1
    ldr x30, [sp], #16
    ret
    .ltorg
