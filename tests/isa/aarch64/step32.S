/*
 * Software step of a program in AArch32 state: A32, T32, IT blocks, exclusives, instructions that take an exception.
 * RUN: cpu=cortex-a57
 */
#include "test.h"

    .set A32_AT, 0xc0200000      /* the image from 0x40000000 on, for EL0 */
    .set SS, 1 << 21
    .set T, 1 << 5
    .set STEPPED, 0xcb000022     /* EC 0x32, IL, ISV */
    .set NOT_STEPPED, 0xca000022
    .set EXCLUSIVE, 0x40

/* Go on at EL0 where the last exception was, but for SPSR, until the next one; x19, x20, x21: ESR, SPSR, and how far the
 * program came. */
.macro STEP
    adr x26, .Lback\@
    mrs x21, elr_el1
    mrs x20, spsr_el1
    orr x20, x20, #SS
    msr spsr_el1, x20
    eret
.Lback\@:
    mrs x19, esr_el1
    mrs x20, spsr_el1
    mrs x22, elr_el1
    sub x21, x22, x21
.endm

.macro STEPS by, esr
    STEP
    EXPECT x21, \by
    EXPECT x19, \esr
.endm

.macro EXPECT_SS value
    ubfx x22, x20, #21, #1
    cmp x22, #\value
    b.ne fail
.endm

/* PSTATE.IT in SPSR. */
.macro EXPECT_IT value
    ubfx x21, x20, #10, #6
    ubfx x22, x20, #25, #2
    orr x21, x22, x21, lsl #2
    EXPECT x21, \value
.endm

    .globl tests
tests:
    str x30, [sp, #-16]!
    msr oslar_el1, xzr
    ldr x0, =level2_table
    ldr x1, =0x40000741
    str x1, [x0, #8]
    dsb sy
    ldr x0, =vectors32
    msr vbar_el1, x0
    mov x0, #1
    msr mdscr_el1, x0
    isb
    ldr x0, =program
    ldr x1, =A32_AT - 0x40000000
    add x23, x0, x1
    mov x3, x23
    msr elr_el1, x23
    mov x0, #0x10
    msr spsr_el1, x0

    TEST without SPSR.SS nothing is executed
    mov x0, #0
    adr x26, 1f
    eret
1:  mrs x19, esr_el1
    EXPECT x19, NOT_STEPPED
    mrs x19, elr_el1
    cmp x19, x23
    b.ne fail
    EXPECT x0, 0

    TEST an instruction of A32
    STEPS 4, STEPPED
    EXPECT x0, 5
    EXPECT_SS 0
    TEST a branch
    STEPS 8, STEPPED
    TEST a load, and one that is exclusive
    STEPS 4, STEPPED
    STEPS 4, STEPPED + EXCLUSIVE
    TEST a condition that fails
    STEPS 4, STEPPED
    EXPECT x0, 5
    TEST an undefined instruction is still to be stepped
    STEP
    EXPECT x21, 0
    EXPECT x19, 0x02000000
    EXPECT_SS 1
    mrs x23, elr_el1
    add x23, x23, #4
    msr elr_el1, x23
    TEST a supervisor call is not
    STEP
    EXPECT x21, 4
    EXPECT x19, 0x46000007
    EXPECT_SS 0
    TEST to T32
    STEPS 4, STEPPED /* ADR */
    STEP             /* BX */
    EXPECT x19, STEPPED
    ubfx x19, x20, #5, #1
    EXPECT x19, 1
    TEST instructions of T32
    STEPS 2, STEPPED
    EXPECT x2, 7
    STEPS 4, STEPPED
    EXPECT x2, 0x1234
    TEST an IT block
    STEPS 2, STEPPED
    EXPECT_IT 0x0c /* EQ, two to come: ITE */
    STEPS 2, STEPPED
    EXPECT_IT 0x18
    EXPECT x2, 0x1234
    STEPS 2, STEPPED
    EXPECT_IT 0
    EXPECT x2, 2
    TEST exclusives of T32
    STEPS 4, STEPPED + EXCLUSIVE
    STEPS 4, STEPPED + EXCLUSIVE
    STEPS 4, STEPPED
    msr mdscr_el1, xzr
    isb
    ldr x30, [sp], #16
    ret
    .ltorg

    .balign 2048
vectors32:
    .rept 16
    .balign 128
    br x26
    .endr

/* For EL0, in AArch32 state: assembled by hand. */
    .balign 16
program:
    .inst 0xe3a00005    /* mov r0, #5 */
    .inst 0xea000000    /* b over the next */
    .inst 0xe3a00006    /* mov r0, #6 */
    .inst 0xe5931000    /* ldr r1, [r3] */
    .inst 0xe1931f9f    /* ldrex r1, [r3] */
    .inst 0x03a00009    /* moveq r0, #9 */
    .inst 0xe7f000f0    /* udf #0 */
    .inst 0xef000007    /* svc #7 */
    .inst 0xe28f4001    /* add r4, pc, #1 */
    .inst 0xe12fff14    /* bx r4 */
    .hword 0x2207, 0xf241, 0x2234   /* movs r2, #7; movw r2, #0x1234 */
    .hword 0xbf0c, 0x2201, 0x2202   /* ite eq; moveq r2, #1; movne r2, #2 */
    .hword 0xe853, 0x1f00           /* ldrex r1, [r3] */
    .hword 0xe8d3, 0x1fcf           /* ldaexb r1, [r3] */
    .hword 0xf8d3, 0x1000           /* ldr r1, [r3] */
