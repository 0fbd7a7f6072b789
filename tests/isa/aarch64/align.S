/*
 * Alignment: SCTLR_EL1.A, exclusives and atomics (with FEAT_LSE2 and without), SP and PC, Device memory, no MMU.
 * RUN: cpu=cortex-a57 as=v8
 * RUN: cpu=max as=lse2
 */
#include "test.h"

    .set READ, 0x96000021
    .set WRITE, 0x96000061

.macro FAULT esr, far, insn:vararg
    EXPECT_EXCEPTION (\esr >> 26), \insn
    EXPECT x25, \esr
    EXPECT x24, \far
.endm

/* x1 = 1: misaligned inside 16 bytes is fine. */
.macro IF_LSE2 yes, esr, far, insn:vararg
    cbz x1, .Lno\@
    \insn
    b .Ldone\@
.Lno\@:
    FAULT \esr, \far, \insn
.Ldone\@:
.endm

.macro SCTLR_SET bits
    mrs x0, sctlr_el1
    orr x0, x0, #\bits
    msr sctlr_el1, x0
    isb
.endm
.macro SCTLR_CLEAR bits
    mrs x0, sctlr_el1
    bic x0, x0, #\bits
    msr sctlr_el1, x0
    isb
.endm

    .globl tests
tests:
    str x30, [sp, #-16]!
    mrs x1, s3_0_c0_c7_2        /* ID_AA64MMFR2_EL1 */
    ubfx x1, x1, #32, #4
    ldr x9, =data

    TEST misaligned accesses of Normal memory
    ldr x2, =0x1122334455667788
    str x2, [x9, #13]
    ldr x3, [x9, #13]
    EXPECT x3, 0x1122334455667788
    ldr w3, [x9, #15]
    EXPECT x3, 0x33445566
    ldrsh x3, [x9, #19]
    EXPECT x3, 0x1122
    add x10, x9, #1
    stp x2, x3, [x10]
    ldp w4, w5, [x10]
    EXPECT x4, 0x55667788
    EXPECT x5, 0x11223344
    ldr q0, [x10], #-1
    stur q0, [x9, #3]
    ldur x4, [x9, #11]
    EXPECT x4, 0x1122
    add x10, x9, #3
    ld1 {v1.2d, v2.2d}, [x10]
    umov x4, v1.d[0]
    EXPECT x4, 0x1122334455667788

    TEST exclusives, atomics and ordered accesses
    add x10, x9, #4
    add x11, x9, #12
    mov x13, #0
    IF_LSE2 x1, READ, data + 4, ldxr x2, [x10]
    IF_LSE2 x1, READ, data + 4, ldar x2, [x10]
    IF_LSE2 x1, WRITE, data + 4, stlr x2, [x10]
    FAULT READ, data + 12, ldxr x2, [x11]
    FAULT READ, data + 12, ldaxr x2, [x11]
    FAULT READ, data + 12, ldar x2, [x11]
    FAULT WRITE, data + 12, stlr x2, [x11]
    add x12, x9, #8
    FAULT READ, data + 8, ldxp x2, x3, [x12]
    FAULT READ, data + 12, ldxp w2, w3, [x11]
    ldxr w2, [x11]
    stxr w3, w2, [x11]
    EXPECT x3, 0

    TEST atomics with Large System Extensions
    cbz x1, 1f
    .arch_extension lse
    ldadd x2, x3, [x10]
    swp x2, x3, [x10]
    cas x2, x3, [x10]
    FAULT WRITE, data + 12, ldadd x2, x3, [x11]
    FAULT WRITE, data + 12, swpal x2, x3, [x11]
    FAULT WRITE, data + 12, cas x2, x3, [x11]
    FAULT WRITE, data + 8, casp x2, x3, x4, x5, [x12]
    FAULT READ, data + 12, .inst 0xf8bfc162    /* ldapr x2, [x11] */
    mov x0, #64                                /* nAA: ordered accesses may be anywhere */
    mrs x2, sctlr_el1
    orr x2, x2, x0
    msr sctlr_el1, x2
    isb
    ldar x3, [x11]
    stlr x3, [x11]
    FAULT WRITE, data + 12, ldadd x2, x3, [x11]
    SCTLR_CLEAR 64
1:

    TEST SCTLR_EL1.A
    SCTLR_SET 2
    add x10, x9, #1
    FAULT READ, data + 1, ldrh w2, [x10]
    FAULT READ, data + 2, ldr w2, [x9, #2]
    FAULT READ, data + 4, ldr x2, [x9, #4]
    FAULT WRITE, data + 1, strh w2, [x10]
    FAULT WRITE, data + 6, str w2, [x9, #6]
    FAULT WRITE, data + 1, str x2, [x10]
    ldrb w2, [x10]
    ldp w2, w3, [x9, #4]
    FAULT READ, data + 1, ldp w2, w3, [x10]
    ldp x2, x3, [x9, #8]
    add x11, x9, #4
    FAULT READ, data + 4, ldp x2, x3, [x11]
    FAULT WRITE, data + 4, stp x2, x3, [x11]
    add x12, x9, #8
    FAULT READ, data + 8, ldr q0, [x12]
    FAULT WRITE, data + 8, str q0, [x12]
    FAULT READ, data + 8, ldp q0, q1, [x12]
    ldr d0, [x12]
    FAULT READ, data + 4, ldr d0, [x11]
    FAULT READ, data + 1, ldr h0, [x10]
    ld1 {v0.16b}, [x10]
    ld1 {v0.8b, v1.8b, v2.8b}, [x10]
    FAULT READ, data + 1, ld1 {v0.8h}, [x10]
    ld1 {v0.4s}, [x11]
    FAULT READ, data + 4, ld1 {v0.2d}, [x11]
    FAULT WRITE, data + 4, st1 {v0.2d}, [x11]
    FAULT READ, data + 1, ld2 {v0.4s, v1.4s}, [x10]
    FAULT WRITE, data + 1, st3 {v0.4h, v1.4h, v2.4h}, [x10]
    FAULT READ, data + 4, ld1 {v0.d}[1], [x11]
    FAULT WRITE, data + 1, st2 {v0.h, v1.h}[1], [x10]
    FAULT READ, data + 1, ld1r {v0.4s}, [x10]
    FAULT READ, data + 1, ldtr w2, [x10]
    FAULT READ, data + 1, ldxr w2, [x10]
    FAULT READ, data + 2, ldr w2, [x9, #2]!
    EXPECT x9, data
    prfm pldl1keep, [x10]
    FAULT READ, data + 4, ldxr x2, [x11]
    SCTLR_CLEAR 2

    TEST the stack pointer
    SCTLR_SET 8
    mov x20, sp
    sub sp, sp, #24
    EXPECT_EXCEPTION 0x26, ldr x2, [sp]
    EXPECT x25, 0x9a000000
    EXPECT_EXCEPTION 0x26, str x2, [sp, #8]
    EXPECT_EXCEPTION 0x26, stp x2, x3, [sp, #-16]!
    EXPECT_EXCEPTION 0x26, ldrb w2, [sp, x3]
    EXPECT_EXCEPTION 0x26, ldr q2, [sp, #8]
    EXPECT_EXCEPTION 0x26, ld1 {v2.16b}, [sp]
    EXPECT_EXCEPTION 0x26, ldxr x2, [sp]
    EXPECT_EXCEPTION 0x26, ldar w2, [sp]
    EXPECT_EXCEPTION 0x26, ldtr w2, [sp]
    prfm pldl1keep, [sp]
    sub x2, x20, #24
    mov x3, sp
    cmp x2, x3
    b.ne fail
    mov x2, x20
    mov sp, x2
    ldr x3, [sp]
    SCTLR_CLEAR 8
    sub sp, sp, #24
    ldr x3, [sp]
    mov sp, x20

    TEST the program counter
    mov x27, #0x22
    adr x26, 1f
    adr x2, 2f + 2
    br x2
1:  mov x27, #-1
    cmp x23, x2
    b.ne fail
    cmp x24, x2
    b.ne fail
    EXPECT x25, 0x8a000000
2:

    TEST Device memory
    ldr x0, =level2_table
    ldr x2, =0x40600705
    str x2, [x0, #8]
    mrs x0, mair_el1
    ldr x2, =0x04ff         /* 1: Device-nGnRE */
    msr mair_el1, x2
    dsb sy
    tlbi vmalle1
    dsb sy
    isb
    ldr x9, =0xc0200000
    add x10, x9, #1
    add x11, x9, #4
    add x12, x9, #8
    FAULT READ, 0xc0200001, ldrh w2, [x10]
    FAULT WRITE, 0xc0200001, str x2, [x10]
    FAULT READ, 0xc0200004, ldr x2, [x11]
    mov x3, #4094
    FAULT READ, 0xc0200ffe, ldr w2, [x9, x3]
    FAULT READ, 0xc0200008, ldr q0, [x12]
    FAULT WRITE, 0xc0200004, stur x2, [x12, #-4]
    ldr x2, =0x0102030405060708
    str x2, [x12]
    ldr x3, [x12]
    EXPECT x3, 0x0102030405060708
    ldrb w3, [x10, #8]
    EXPECT x3, 7
    ldp x2, x3, [x12]
    ldr w3, [x11]
    ldxr x3, [x12]
    FAULT WRITE, 0xc0200000, dc zva, x9
    ld1 {v0.8b}, [x10]

    TEST without an MMU all is Device memory
    ldr x9, =data
    add x10, x9, #1
    SCTLR_CLEAR 1
    FAULT READ, data + 1, ldrh w2, [x10]
    FAULT WRITE, data + 1, str x2, [x10]
    FAULT WRITE, data, dc zva, x9
    ldr x2, [x9, #8]
    SCTLR_SET 1
    ldrh w2, [x10]

    ldr x30, [sp], #16
    ret
    .ltorg

    .data
    .balign 64
data:
    .fill 64, 1, 0
