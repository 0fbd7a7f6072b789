/*
 * Zacas: amocas.w, .d, .q; pairs; alignment.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"

.macro AMOCAS funct3, rd, rs2, rs1
    .insn r 0x2f, \funct3, 0x14, \rd, \rs1, \rs2
.endm

tests:
    li s0, SCRATCH
    TEST "amocas.w that matches"
    li a1, -7
    sw a1, 0(s0)
    sw zero, 4(s0)
    li a0, -7
    li a2, 5
    AMOCAS 2, a0, a2, s0
    EXPECT a0, -7
    lw a0, 0(s0)
    EXPECT a0, 5
    TEST "amocas.w that does not"
    li a0, 4
    li a2, 6
    AMOCAS 2, a0, a2, s0
    EXPECT a0, 5
    lw a0, 0(s0)
    EXPECT a0, 5
    lw a0, 4(s0)
    EXPECT a0, 0
    TEST "amocas.w with x0"
    sw zero, 0(s0)
    AMOCAS 2, zero, a2, s0
    lw a0, 0(s0)
    EXPECT a0, 6
    li a0, 6
    AMOCAS 2, a0, zero, s0
    lw a0, 0(s0)
    EXPECT a0, 0
    TEST "amocas.w with rd = rs2"
    sw zero, 0(s0)
    li a0, 0
    AMOCAS 2, a0, a0, s0
    EXPECT a0, 0
    TEST "misaligned amocas.w"
    addi s1, s0, 1
    EXPECT_TRAP_AT 6, SCRATCH + 1, .insn r 0x2f, 2, 0x14, a0, s1, a2
#if __riscv_xlen == 64
    TEST "amocas.w ignores the upper half of rd"
    li a1, 0x80000000
    sw a1, 0(s0)
    li a0, 0x1234567880000000
    li a2, 3
    AMOCAS 2, a0, a2, s0
    EXPECT a0, -0x80000000
    lw a0, 0(s0)
    EXPECT a0, 3
    TEST "amocas.d"
    li a1, 0x123456789abcdef0
    sd a1, 0(s0)
    mv a0, a1
    li a2, -2
    AMOCAS 3, a0, a2, s0
    EXPECT_EQ a0, a1
    ld a0, 0(s0)
    EXPECT a0, -2
    li a0, 1
    AMOCAS 3, a0, a1, s0
    EXPECT a0, -2
    ld a0, 0(s0)
    EXPECT a0, -2
    TEST "amocas.q that matches"
    li a1, 0x1111111111111111
    sd a1, 0(s0)
    li a1, 0x2222222222222222
    sd a1, 8(s0)
    li a0, 0x1111111111111111
    li a1, 0x2222222222222222
    li a2, 33
    li a3, 44
    AMOCAS 4, a0, a2, s0
    EXPECT a0, 0x1111111111111111
    EXPECT a1, 0x2222222222222222
    ld a0, 0(s0)
    EXPECT a0, 33
    ld a0, 8(s0)
    EXPECT a0, 44
    TEST "amocas.q that does not: either half"
    li s2, 33
    li s3, 45
    li s4, 1
    li s5, 2
    AMOCAS 4, s2, s4, s0
    EXPECT s2, 33
    EXPECT s3, 44
    li s2, 32
    AMOCAS 4, s2, s4, s0
    EXPECT s2, 33
    EXPECT s3, 44
    ld a0, 0(s0)
    EXPECT a0, 33
    TEST "amocas.q with x0 pairs"
    sd zero, 0(s0)
    sd zero, 8(s0)
    li x1, 99
    AMOCAS 4, x0, s4, s0
    EXPECT x1, 99
    ld a0, 8(s0)
    EXPECT a0, 2
    AMOCAS 4, s4, x0, s0
    ld a0, 0(s0)
    EXPECT a0, 0
    ld a0, 8(s0)
    EXPECT a0, 0
    TEST "amocas.q of a page with code"
    la s1, code
    ld a0, 0(s1)
    ld a1, 8(s1)
    mv s6, a0
    mv a2, a0
    mv a3, a1
    AMOCAS 4, a0, a2, s1
    EXPECT_EQ a0, s6
    jalr x1, 0(s1)
    EXPECT a4, 4
    TEST "misaligned amocas.q, odd registers"
    addi s1, s0, 8
    EXPECT_TRAP_AT 6, SCRATCH + 8, .insn r 0x2f, 4, 0x14, a0, s1, a2
    EXPECT_ILLEGAL 0x28c445af
    EXPECT_ILLEGAL 0x28b4452f
#else
    TEST "amocas.d on pairs"
    li a1, 0x11111111
    sw a1, 0(s0)
    li a1, -2
    sw a1, 4(s0)
    li a0, 0x11111111
    li a1, -2
    li a2, -33
    li a3, 44
    AMOCAS 3, a0, a2, s0
    EXPECT a0, 0x11111111
    EXPECT a1, -2
    lw a0, 0(s0)
    EXPECT a0, -33
    lw a0, 4(s0)
    EXPECT a0, 44
    li s2, -33
    li s3, 45
    AMOCAS 3, s2, a2, s0
    EXPECT s2, -33
    EXPECT s3, 44
    TEST "amocas.d with x0 pairs"
    sw zero, 0(s0)
    sw zero, 4(s0)
    li x1, 99
    AMOCAS 3, x0, s2, s0
    EXPECT x1, 99
    lw a0, 4(s0)
    EXPECT a0, 44
    TEST "odd registers, and amocas.q"
    EXPECT_ILLEGAL 0x28c435af
    EXPECT_ILLEGAL 0x28b4352f
    EXPECT_ILLEGAL 0x28c4452f
#endif
    j pass

    .balign 16
code:
    li a4, 4
    ret
    nop
    nop
