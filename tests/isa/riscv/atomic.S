/*
 * A: LR, SC, AMOs; alignment; registers that overlap.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"

/* Memory holds \mem; the operand is \val: the old value (as \old) and the new one. */
.macro AMO op, width, mem, val, new
    li a1, \mem
    li a2, \val
    s\width a1, 0(s0)
    \op a0, a2, (s0)
    EXPECT_EQ a0, a1
    l\width a0, 0(s0)
    EXPECT a0, \new
    /* rd = rs2 */
    s\width a1, 0(s0)
    \op a2, a2, (s0)
    EXPECT_EQ a2, a1
    l\width a0, 0(s0)
    EXPECT a0, \new
    /* rd = rs1, rd = x0, other registers, ordering bits */
    li s5, \val
    s\width a1, 0(s0)
    mv s4, s0
    \op\().aqrl s4, s5, (s4)
    EXPECT_EQ s4, a1
    l\width a0, 0(s0)
    EXPECT a0, \new
    s\width a1, 0(s0)
    \op\().aq zero, s5, (s0)
    l\width a0, 0(s0)
    EXPECT a0, \new
.endm

tests:
    li s0, SCRATCH
    TEST "amoadd.w"
    sw zero, 4(s0)
    AMO amoadd.w, w, 5, 7, 12
    AMO amoadd.w, w, -1, 1, 0
    AMO amoadd.w, w, 0x7fffffff, 1, -0x80000000
    TEST "amoswap.w"
    AMO amoswap.w, w, -5, 7, 7
    TEST "amoxor.w"
    AMO amoxor.w, w, 0x0ff0, -1, -0x0ff1
    TEST "amoand.w"
    AMO amoand.w, w, -1, 0x5555, 0x5555
    TEST "amoor.w"
    AMO amoor.w, w, 0xf0, 0x0f, 0xff
    TEST "amomin.w"
    AMO amomin.w, w, -1, 1, -1
    AMO amomin.w, w, 1, -1, -1
    TEST "amomax.w"
    AMO amomax.w, w, -1, 1, 1
    AMO amomax.w, w, 1, -1, 1
    TEST "amominu.w"
    AMO amominu.w, w, -1, 1, 1
    AMO amominu.w, w, 1, -1, 1
    TEST "amomaxu.w"
    AMO amomaxu.w, w, -1, 1, -1
    AMO amomaxu.w, w, 1, -1, -1
    TEST "amo*.w leave the next word alone"
    lw a0, 4(s0)
    EXPECT a0, 0
#if __riscv_xlen == 64
    TEST "amo*.w ignore the upper half of rs2"
    li a1, -2
    sw a1, 0(s0)
    li a2, 0x7fffffff00000001
    amomaxu.w a0, a2, (s0)
    EXPECT a0, -2
    lw a0, 0(s0)
    EXPECT a0, -2
    amoadd.w a0, a2, (s0)
    lw a0, 0(s0)
    EXPECT a0, -1
    TEST "amo*.d"
    AMO amoadd.d, d, 0xffffffff, 1, 0x100000000
    AMO amoswap.d, d, -5, 0x123456789abcdef0, 0x123456789abcdef0
    AMO amoxor.d, d, 0x0ff0000000000000, -1, 0xf00fffffffffffff
    AMO amoand.d, d, -1, 0x5555555500000000, 0x5555555500000000
    AMO amoor.d, d, 0xf0, 0xf00000000000000f, 0xf0000000000000ff
    AMO amomin.d, d, -1, 1, -1
    AMO amomin.d, d, 1, -1, -1
    AMO amomax.d, d, -1, 1, 1
    AMO amomax.d, d, 0x100000000, 1, 0x100000000
    AMO amominu.d, d, -1, 1, 1
    AMO amominu.d, d, 0x100000000, 1, 1
    AMO amomaxu.d, d, -1, 1, -1
    AMO amomaxu.d, d, 1, 0x8000000000000000, 0x8000000000000000
#endif

    TEST "lr.w and sc.w"
    li a1, -7
    sw a1, 0(s0)
    lr.w a0, (s0)
    EXPECT a0, -7
    li a2, 9
    sc.w a3, a2, (s0)
    EXPECT a3, 0
    lw a0, 0(s0)
    EXPECT a0, 9
    TEST "a second sc fails"
    li a2, 10
    sc.w a3, a2, (s0)
    EXPECT a3, 1
    lw a0, 0(s0)
    EXPECT a0, 9
    TEST "sc without lr, or elsewhere, fails"
    lr.w a0, (s0)
    addi s1, s0, 64
    sw zero, 0(s1)
    sc.w a3, a2, (s1)
    EXPECT a3, 1
    lw a0, 0(s1)
    EXPECT a0, 0
    sc.w a3, a2, (s0)
    EXPECT a3, 1
    TEST "sc fails after another value was stored"
    lr.w a0, (s0)
    li a2, 77
    sw a2, 0(s0)
    li a2, 78
    sc.w a3, a2, (s0)
    EXPECT a3, 1
    lw a0, 0(s0)
    EXPECT a0, 77
    TEST "sc with rd = rs2, rd = rs1, rd = x0"
    lr.w.aq a0, (s0)
    li a2, 79
    sc.w.rl a2, a2, (s0)
    EXPECT a2, 0
    lw a0, 0(s0)
    EXPECT a0, 79
    mv a4, s0
    lr.w a0, (a4)
    li a2, 80
    sc.w a4, a2, (a4)
    EXPECT a4, 0
    lr.w a0, (s0)
    li a2, 81
    sc.w zero, a2, (s0)
    lw a0, 0(s0)
    EXPECT a0, 81
    TEST "lr with rd = rs1, rd = x0"
    mv a4, s0
    lr.w a4, (a4)
    EXPECT a4, 81
    lr.w zero, (s0)
    li a2, 82
    sc.w a3, a2, (s0)
    EXPECT a3, 0
#if __riscv_xlen == 64
    TEST "lr.d and sc.d"
    li a1, 0x8000000012345678
    sd a1, 0(s0)
    lr.d a0, (s0)
    EXPECT_EQ a0, a1
    addi a2, a0, 1
    sc.d a3, a2, (s0)
    EXPECT a3, 0
    ld a0, 0(s0)
    EXPECT_EQ a0, a2
    sc.d a3, a1, (s0)
    EXPECT a3, 1
#endif
    TEST "an lr and sc loop"
    sw zero, 0(s0)
    li s2, 1000
1:  lr.w a0, (s0)
    addi a0, a0, 3
    sc.w a1, a0, (s0)
    bnez a1, 1b
    addi s2, s2, -1
    bnez s2, 1b
    lw a0, 0(s0)
    EXPECT a0, 3000

    TEST "nothing there: access faults"
    li s1, 0x40
    EXPECT_TRAP_AT 5, 0x40, lr.w a0, (s1)
    TEST "reserved: lr with rs2, unknown operations and widths"
    EXPECT_ILLEGAL 0x1014252f
    EXPECT_ILLEGAL 0x38c4252f
    EXPECT_ILLEGAL 0x00c4552f
    EXPECT_ILLEGAL 0x00c4752f
    j pass
