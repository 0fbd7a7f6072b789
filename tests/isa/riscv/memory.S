/*
 * Loads and stores: sizes, extension, offsets, misaligned ones, page edges, x0.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"

tests:
    la s0, data
    TEST "lb, lbu"
    lb a0, 0(s0)
    EXPECT a0, -1
    lb a0, 1(s0)
    EXPECT a0, 0x7f
    lbu a0, 0(s0)
    EXPECT a0, 0xff
    lbu a0, 1(s0)
    EXPECT a0, 0x7f
    addi s1, s0, 4
    lb a0, -4(s1)
    EXPECT a0, -1
    lbu s1, -3(s1)
    EXPECT s1, 0x7f
    TEST "lh, lhu"
    lh a0, 0(s0)
    EXPECT a0, 0x7fff
    lh a0, 2(s0)
    EXPECT a0, -0x7f80
    lhu a0, 2(s0)
    EXPECT a0, 0x8080
    TEST "lw"
    lw a0, 0(s0)
    EXPECT a0, -0x7f7f8001
    lw a0, 4(s0)
    EXPECT a0, 0x12345678
#if __riscv_xlen == 64
    TEST "lwu, ld"
    lwu a0, 0(s0)
    EXPECT a0, 0x80807fff
    ld a0, 0(s0)
    EXPECT a0, 0x1234567880807fff
#endif

    TEST "misaligned loads"
    lh a0, 1(s0)
    EXPECT a0, -0x7f81
    lhu a0, 1(s0)
    EXPECT a0, 0x807f
    lw a0, 1(s0)
    EXPECT a0, 0x7880807f
    lw a0, 3(s0)
    EXPECT a0, 0x34567880
#if __riscv_xlen == 64
    ld a0, 1(s0)
    EXPECT a0, 0x101234567880807f
    ld a0, 7(s0)
    EXPECT a0, 0x6050403020101012
#endif

    TEST "sb, sh, sw write their bytes only"
    li s1, SCRATCH
    li a1, -1
    sw a1, 0(s1)
    sw a1, 4(s1)
    li a1, 0x12345678
    sb a1, 1(s1)
    lw a0, 0(s1)
    EXPECT a0, -0x8701
    sh a1, 2(s1)
    lw a0, 0(s1)
    EXPECT a0, 0x567878ff
    lw a0, 4(s1)
    EXPECT a0, -1
    sw a1, 4(s1)
    lw a0, 4(s1)
    EXPECT a0, 0x12345678
    lw a0, 0(s1)
    EXPECT a0, 0x567878ff
    addi s2, s1, 2047
    sw a1, -2047(s2)
    lw a0, 0(s1)
    EXPECT a0, 0x12345678
#if __riscv_xlen == 64
    TEST "sd"
    li a1, 0x1122334455667788
    sd a1, 8(s1)
    ld a0, 8(s1)
    EXPECT a0, 0x1122334455667788
    sw zero, 8(s1)
    ld a0, 8(s1)
    EXPECT a0, 0x1122334400000000
    sd a1, 13(s1)
    ld a0, 13(s1)
    EXPECT a0, 0x1122334455667788
    lwu a0, 8(s1)
    EXPECT a0, 0
#endif

    TEST "misaligned stores"
    sw zero, 16(s1)
    sw zero, 20(s1)
    li a1, 0x12345678
    sw a1, 17(s1)
    lw a0, 16(s1)
    EXPECT a0, 0x34567800
    lw a0, 20(s1)
    EXPECT a0, 0x12
    sh a1, 23(s1)
    lbu a0, 23(s1)
    EXPECT a0, 0x78
    lbu a0, 24(s1)
    EXPECT a0, 0x56

    TEST "across a page"
    li s2, SCRATCH + 0x1000
    li a1, 0x12345678
    sw a1, -2(s2)
    lw a0, -2(s2)
    EXPECT a0, 0x12345678
    lhu a0, -2(s2)
    EXPECT a0, 0x5678
    lhu a0, 0(s2)
    EXPECT a0, 0x1234
    sh a1, -1(s2)
    lh a0, -1(s2)
    EXPECT a0, 0x5678
    lbu a0, 0(s2)
    EXPECT a0, 0x56
#if __riscv_xlen == 64
    li a1, 0x1122334455667788
    sd a1, -3(s2)
    ld a0, -3(s2)
    EXPECT a0, 0x1122334455667788
    lwu a0, 0(s2)
    EXPECT a0, 0x22334455
#endif

    TEST "many pages"
    li s2, SCRATCH
    li s3, SCRATCH + 0x100000
    li s4, 4096
1:  sw s2, 8(s2)
    add s2, s2, s4
    bne s2, s3, 1b
    li s2, SCRATCH
1:  lw a0, 8(s2)
    sub a0, a0, s2
#if __riscv_xlen == 64
    sext.w a0, a0
#endif
    EXPECT a0, 0
    add s2, s2, s4
    bne s2, s3, 1b

    TEST "loads to x0 access, and write nothing"
    lw zero, 0(s0)
    EXPECT zero, 0
    EXPECT_TRAP_AT 5, 0, lw zero, 0(zero)

    TEST "rd = rs1"
    mv a0, s0
    lw a0, 4(a0)
    EXPECT a0, 0x12345678

    TEST "store of the address register"
    li s1, SCRATCH
    sw s1, 0(s1)
    lw a0, 0(s1)
    EXPECT a0, -0x80000000 + (SCRATCH - 0x80000000)

    TEST "nothing there: access faults"
    li s2, 0x40
    EXPECT_TRAP_AT 5, 0x40, lw a0, 0(s2)
    EXPECT_TRAP_AT 5, 0x48, lbu a0, 8(s2)
    EXPECT_TRAP_AT 7, 0x44, sw a0, 4(s2)
    li a0, 123
    EXPECT_TRAP 5, lw a0, 0(s2)
    EXPECT a0, 123
    TEST "registers are precise at a fault"
    li a1, 1
    li a2, 2
    li a3, 3
    li s5, 4
    li tp, 5
    la ra, 1f
    addi a1, a1, 10
    addi s5, s5, 10
    addi a2, a2, 10
    lw a3, 0(s2)
    addi a1, a1, 100
    addi s5, s5, 100
    j fail
1:  EXPECT a1, 11
    EXPECT a2, 12
    EXPECT a3, 3
    EXPECT s5, 14

#if __riscv_xlen == 32
    TEST "addresses wrap at 4 GiB"
    li s2, 0x90000000
    li a1, SCRATCH
    sw zero, 0(a1)
    li s3, SCRATCH - 0x7ff
    lw a0, 0x7ff(s3)
    EXPECT a0, 0
    li s3, 16
    EXPECT_TRAP_AT 5, -16, lw a0, -32(s3)
#endif

    TEST "devices: bytes of the UART's scratch register"
    li s2, UART
    li a1, 0x5a
    sb a1, 7(s2)
    lbu a0, 7(s2)
    EXPECT a0, 0x5a
    li a1, 0xa5
    sb a1, 7(s2)
    lb a0, 7(s2)
    EXPECT a0, -0x5b
    j pass

    .balign 16
data:
    .byte 0xff, 0x7f, 0x80, 0x80
    .word 0x12345678
    .byte 0x10, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70
