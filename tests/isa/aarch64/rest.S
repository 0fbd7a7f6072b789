/*
 * What no other program here has: instructions without a result to compare, or whose result is an exception.
 * RUN: cpu=max
 */
#include "test.h"

    .set SSBS, 1 << 12
    .set DIT, 1 << 24
    .set PAN, 1 << 22
    .set UAO, 1 << 23

/* An MSR of an immediate, 1 and 0, seen in a register of PSTATE. */
.macro PSTATE one, zero, reg, mask
    .inst \one
    mrs x1, \reg
    EXPECT x1, \mask
    .inst \zero
    mrs x1, \reg
    EXPECT x1, 0
.endm

    .globl tests
tests:
    stp x29, x30, [sp, #-16]!
    TEST BRK gives its number
    EXPECT_EXCEPTION 0x3c, brk 0xabcd
    EXPECT x25, 0xf200abcd
    TEST SMC is undefined without EL3
    EXPECT_UNDEFINED smc 1

    TEST prefetches do nothing, whatever they hit
    mov x7, #8 << 36
    mov x2, #64
    mov x0, #1
    prfm pldl1keep, [x7]
    prfm pstl3strm, [x7, x2]
    prfum plil1keep, [x7, #-8]
    prfm pldl2keep, tests
    EXPECT x0, 1

    TEST conditional branches with hints
    cmp x0, #1
    .inst 0x54000050 /* bc.eq .+8 */
    b fail
    .inst 0x54000051 /* bc.ne .+8 */
    b 1f
    b fail
1:
    TEST calls with authentication do as they are told
    adr x1, 3f
    mov x2, #0
    .inst 0xd63f083f /* blraaz x1, keys off */
    b 4f
3:  ret
4:
    TEST loads with authentication do, too
    ldr x9, =scratch
    str x9, [x9, #8]
    ldrab x1, [x9, #8]
    cmp x1, x9
    b.ne fail
    ldraa x1, [x9, #8]!
    sub x9, x9, #8
    cmp x1, x9
    b.eq 1f
    b fail
1:
    TEST hints and barriers
    mov x0, #1
    dgh
    hint #20 /* CSDB */
    hint #9
    hint #22
    hint #40
    hint #48
    hint #52
    hint #127
    dmb ish
    dmb oshld
    dsb nsh
    isb
    sb
    EXPECT x0, 1

    TEST CLREX opens the monitor
    ldr x9, =scratch
    ldxr x1, [x9]
    clrex
    stxr w2, x1, [x9]
    EXPECT x2, 1
    ldxr x1, [x9]
    stxr w2, x1, [x9]
    EXPECT x2, 0

    TEST waiting with a timeout ends
    sevl
    wfe
    mrs x1, cntvct_el0
    .inst 0xd5031001 /* wfet x1: over */
    .inst 0xd5031021 /* wfit x1: over */
    mrs x2, cntvct_el0
    add x2, x2, #1000
    .inst 0xd5031022
    .inst 0xd5031022
    mrs x2, cntvct_el0
    add x2, x2, #1000
    .inst 0xd5031022
    .inst 0xd5031022
    mrs x2, cntvct_el0
    add x2, x2, #1000
    .inst 0xd5031022
    mrs x2, cntvct_el0
    add x2, x2, #1000
    .inst 0xd5031022
    EXPECT x0, 1

    TEST fields of PSTATE
    PSTATE 0xd500419f, 0xd500409f, s3_0_c4_c2_3, PAN
    PSTATE 0xd500417f, 0xd500407f, s3_0_c4_c2_4, UAO
    PSTATE 0xd503415f, 0xd503405f, s3_3_c4_c2_5, DIT
    PSTATE 0xd503413f, 0xd503403f, s3_3_c4_c2_6, SSBS
    mov x1, sp
    msr spsel, #0
    mrs x2, spsel
    EXPECT x2, 0
    msr spsel, #1
    mrs x2, spsel
    EXPECT x2, 1
    mov x2, sp
    cmp x1, x2
    b.ne fail

    TEST SYSL has no instruction of the architecture, and is undefined
    EXPECT_UNDEFINED .inst 0xd5280001
    ldp x29, x30, [sp], #16
    ret
    .ltorg
