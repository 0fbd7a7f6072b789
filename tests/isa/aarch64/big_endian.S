/*
 * Big-endian data: SCTLR_EL1.EE, without an MMU, whose tables would be big-endian, too.
 * RUN: cpu=max
 */
#include "test.h"

/* Constants come without loads. */
.macro CONST reg, value
    movz \reg, #(\value & 0xffff)
    movk \reg, #(\value >> 16 & 0xffff), lsl #16
    movk \reg, #(\value >> 32 & 0xffff), lsl #32
    movk \reg, #(\value >> 48 & 0xffff), lsl #48
.endm
.macro IS reg, value
    CONST x22, \value
    cmp \reg, x22
    b.ne wrong
.endm
.macro BIG
    mov sp, x19
    mrs x0, sctlr_el1
    bic x0, x0, #1
    orr x0, x0, #(1 << 25)
    msr sctlr_el1, x0
    isb
.endm
.macro LITTLE
    mrs x0, sctlr_el1
    bic x0, x0, #(1 << 25)
    msr sctlr_el1, x0
    isb
.endm

    .globl tests
tests:
    str x30, [sp, #-16]!
    mov x19, sp
    ldr x9, =data
    CONST x2, 0x0102030405060708
    CONST x3, 0x1112131415161718

    TEST stores of each size
    BIG
    str x2, [x9]
    str w2, [x9, #8]
    strh w2, [x9, #12]
    strb w2, [x9, #14]
    strb w3, [x9, #15]
    stp x2, x3, [x9, #16]
    stp w2, w3, [x9, #32]
    LITTLE
    ldp x4, x5, [x9]
    IS x4, 0x0807060504030201
    IS x5, 0x1808080708070605
    ldp x4, x5, [x9, #16]
    IS x4, 0x0807060504030201
    IS x5, 0x1817161514131211
    ldr x4, [x9, #32]
    IS x4, 0x1817161508070605

    TEST loads of each size
    stp x2, x3, [x9]
    BIG
    ldr x4, [x9]
    IS x4, 0x0807060504030201
    ldr w4, [x9, #4]
    IS x4, 0x04030201
    ldrh w4, [x9, #8]
    IS x4, 0x1817
    ldrsw x4, [x9, #8]
    IS x4, 0x18171615
    ldrsh x4, [x9, #8]
    IS x4, 0x1817
    ldp x4, x5, [x9]
    IS x5, 0x1817161514131211
    ldp w4, w5, [x9]
    IS x4, 0x08070605
    IS x5, 0x04030201
    ldpsw x4, x5, [x9]
    IS x5, 0x04030201
    ldar x4, [x9]
    IS x4, 0x0807060504030201
    ldr x4, [x9], #8
    ldtr w5, [x9]
    IS x5, 0x18171615
    ldur x4, [x9, #-8]
    IS x4, 0x0807060504030201
    sub x9, x9, #8
    mov w4, #0x55
    stlr w4, [x9]
    LITTLE
    ldr w4, [x9]
    IS x4, 0x55000000

    TEST vector registers as a whole
    stp x2, x3, [x9]
    BIG
    ldr q0, [x9]
    umov x4, v0.d[0]
    umov x5, v0.d[1]
    IS x4, 0x1817161514131211
    IS x5, 0x0807060504030201
    str q0, [x9, #16]
    str d0, [x9, #32]
    str s0, [x9, #40]
    str h0, [x9, #44]
    ldr d1, [x9]
    umov x4, v1.d[0]
    IS x4, 0x0807060504030201
    ldp q1, q2, [x9]
    umov x4, v2.d[1]
    IS x4, 0x0807060504030201
    stp d0, d1, [x9, #48]
    LITTLE
    ldp x4, x5, [x9, #16]
    IS x4, 0x0102030405060708
    IS x5, 0x1112131415161718
    ldp x4, x5, [x9, #32]
    IS x4, 0x1112131415161718
    IS x5, 0x0000111211121314
    ldp x4, x5, [x9, #48]
    IS x4, 0x1112131415161718
    IS x5, 0x1112131415161718

    TEST structures go by their elements
    stp x2, x3, [x9]
    BIG
    ld1 {v0.2d}, [x9]
    umov x4, v0.d[0]
    umov x5, v0.d[1]
    IS x4, 0x0807060504030201
    IS x5, 0x1817161514131211
    ld1 {v0.4s}, [x9]
    umov x4, v0.d[0]
    umov x5, v0.d[1]
    IS x4, 0x0403020108070605
    IS x5, 0x1413121118171615
    ld1 {v0.8h}, [x9]
    umov x4, v0.d[0]
    IS x4, 0x0201040306050807
    ld1 {v0.16b}, [x9]
    umov x4, v0.d[0]
    IS x4, 0x0102030405060708
    ld2 {v0.4h, v1.4h}, [x9]
    umov x4, v0.d[0]
    umov x5, v1.d[0]
    IS x4, 0x1413181704030807
    IS x5, 0x1211161502010605
    ld4 {v0.s, v1.s, v2.s, v3.s}[1], [x9]
    umov w4, v2.s[1]
    IS x4, 0x18171615
    ld1r {v0.4h}, [x9]
    umov x4, v0.d[0]
    IS x4, 0x0807080708070807
    ld3 {v0.2s, v1.2s, v2.2s}, [x9]
    umov x4, v2.d[0]
    lsl x4, x4, #32
    IS x4, 0x1817161500000000
    ld1 {v0.2d}, [x9]
    add x10, x9, #16
    st1 {v0.4s}, [x10], #16
    st2 {v0.8h, v1.8h}, [x10]
    st1 {v0.h}[3], [x10]
    LITTLE
    ldp x4, x5, [x9, #16]
    IS x4, 0x0506070801020304
    IS x5, 0x1516171811121314
    ldrh w4, [x9, #32]
    IS x4, 0x0708

    TEST exclusives and atomics
    stp x2, x3, [x9]
    BIG
    ldxr x4, [x9]
    IS x4, 0x0807060504030201
    add x4, x4, #1
    stxr w5, x4, [x9]
    cbnz w5, wrong
    ldxp x4, x5, [x9]
    IS x4, 0x0807060504030202
    IS x5, 0x1817161514131211
    add x4, x4, #1
    add x5, x5, #2
    stxp w6, x4, x5, [x9]
    cbnz w6, wrong
    ldaxp w4, w5, [x9]
    IS x4, 0x08070605
    IS x5, 0x04030203
    stlxp w6, w5, w4, [x9]
    cbnz w6, wrong
    ldxrh w4, [x9]
    IS x4, 0x0403
    mov x4, #5
    ldadd w4, w5, [x9]
    IS x5, 0x04030203
    ldr w5, [x9]
    IS x5, 0x04030208
    swph w4, w5, [x9]
    IS x5, 0x0403
    ldr x5, [x9]
    CONST x4, 0x1122334455667788
    cas x5, x4, [x9]
    ldr x6, [x9]
    IS x6, 0x1122334455667788
    ldr x7, [x9, #8]
    mov x4, #1
    mov x5, #2
    casp x6, x7, x4, x5, [x9]
    ldp x6, x7, [x9]
    IS x6, 1
    IS x7, 2
    LITTLE
    ldp x6, x7, [x9]
    IS x6, 0x0100000000000000
    IS x7, 0x0200000000000000

    mov sp, x19
    ldr x30, [sp], #16
    ret
wrong:
    LITTLE
    b fail
    .ltorg

    .data
    .balign 64
data:
    .fill 128, 1, 0
