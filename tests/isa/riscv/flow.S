/*
 * Jumps, branches, lui, auipc, fences and hints.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"

/* A branch that must be taken, forwards and backwards, and one that must not. */
.macro TAKEN op, a, b
    li a1, \a
    li a2, \b
    li a3, 0
    \op a1, a2, 1f
    j fail
2:  addi a3, a3, 1
    j 3f
    j fail
1:  \op a1, a2, 2b
    j fail
3:  EXPECT a3, 1
.endm
.macro NOT_TAKEN op, a, b
    li a1, \a
    li a2, \b
    \op a1, a2, 1f
    j 2f
1:  j fail
2:
.endm

tests:
    TEST "beq"
    TAKEN beq, 0, 0
    TAKEN beq, -1, -1
    NOT_TAKEN beq, 0, 1
    NOT_TAKEN beq, -1, 1
    TEST "bne"
    TAKEN bne, 0, 1
    TAKEN bne, -1, 1
    NOT_TAKEN bne, 0, 0
    NOT_TAKEN bne, -1, -1
    TEST "blt"
    TAKEN blt, 0, 1
    TAKEN blt, -1, 1
    TAKEN blt, -2, -1
    NOT_TAKEN blt, 1, 0
    NOT_TAKEN blt, 1, -1
    NOT_TAKEN blt, 1, 1
    TEST "bge"
    TAKEN bge, 1, 0
    TAKEN bge, 1, 1
    TAKEN bge, -1, -2
    NOT_TAKEN bge, 0, 1
    NOT_TAKEN bge, -1, 1
    TEST "bltu"
    TAKEN bltu, 0, 1
    TAKEN bltu, 1, -1
    TAKEN bltu, -2, -1
    NOT_TAKEN bltu, -1, 1
    NOT_TAKEN bltu, 1, 1
    TEST "bgeu"
    TAKEN bgeu, 1, 0
    TAKEN bgeu, 0, 0
    TAKEN bgeu, -1, 1
    NOT_TAKEN bgeu, 0, 1
    NOT_TAKEN bgeu, 1, -1

    TEST "branches of a register with itself"
    li a1, 5
    beq a1, a1, 1f
    j fail
1:  bge a1, a1, 1f
    j fail
1:  bgeu a1, a1, 1f
    j fail
1:  bne a1, a1, 1f
    blt a1, a1, 1f
    bltu a1, a1, 1f
    j 2f
1:  j fail
2:

    TEST "a loop counts"
    li a1, 100000
    li a2, 0
1:  add a2, a2, a1
    addi a1, a1, -1
    bnez a1, 1b
    li a3, 705082704
#if __riscv_xlen == 64
    li a3, 5000050000
#endif
    EXPECT_EQ a2, a3

    TEST "nested loops with registers of all kinds"
    li s2, 300
    li a5, 0
1:  li t5, 300
2:  addi a5, a5, 3
    addi t5, t5, -1
    bgtz t5, 2b
    addi s2, s2, -1
    bgtz s2, 1b
    EXPECT a5, 270000

    TEST "lui"
    lui a0, 0x12345
    EXPECT a0, 0x12345000
    lui a0, 0x80000
    EXPECT a0, -0x80000000
    lui a0, 0xfffff
    EXPECT a0, -0x1000
    lui zero, 1
    EXPECT zero, 0

    TEST "auipc"
1:  auipc a0, 0
    la a1, 1b
    EXPECT_EQ a0, a1
1:  auipc a0, 0x80000
    la a1, 1b
    li a2, -0x80000000
    add a1, a1, a2
    EXPECT_EQ a0, a1
    auipc zero, 0

    TEST "jal links and jumps"
    jal a0, 1f
2:  j fail
1:  la a1, 2b
    EXPECT_EQ a0, a1
    jal s3, 1f
2:  j fail
    j fail
1:  la a1, 2b
    EXPECT_EQ s3, a1

    TEST "jalr ignores bit 0 of its target, and links"
    la a0, 1f
    jalr a1, 1(a0)
2:  j fail
1:  la a3, 2b
    EXPECT_EQ a1, a3

    TEST "jalr with rd = rs1 takes the old value"
    la a0, 1f
    jalr a0, 0(a0)
2:  j fail
1:  la a3, 2b
    EXPECT_EQ a0, a3

    TEST "jalr with offsets"
    la a0, 1f
    jalr zero, -8(a0)
    j fail
    j 3f
    j fail
1:  j fail
3:  la a0, 3b
    jalr zero, 2040(a0)
    j fail
    .space 2024
    nop
    nop
    nop

    TEST "calls and returns: ra, t0, nested, through another register"
    li a0, 0
    jal x1, function1
    EXPECT a0, 1
    jal x5, function5
    EXPECT a0, 6
    jal x1, outer
    EXPECT a0, 8
    la a2, function1
    jalr x1, 0(a2)
    EXPECT a0, 9

    TEST "recursion"
    li a0, 18
    la s4, stack_top
    jal x1, fib
    EXPECT a0, 2584

    TEST "a coroutine swaps ra and t0"
    la x5, coroutine
    li a0, 0
    jalr x1, 0(x5)
    addi a0, a0, 10
    jalr x1, 0(x5)
    EXPECT a0, 112

    TEST "a jump table"
    li s5, 0
    li a4, 0
1:  la a1, jump_table
    slli a2, s5, 2
    add a1, a1, a2
    jr a1
jump_table:
    j case0
    j case1
    j case2
case0:
    addi a4, a4, 1
    j 2f
case1:
    addi a4, a4, 10
    j 2f
case2:
    addi a4, a4, 100
2:  addi s5, s5, 1
    li a1, 3
    bne s5, a1, 1b
    EXPECT a4, 111

    TEST "a branch over 4 KiB"
    li a0, 0
    beq zero, zero, 1f
    j fail
1:  j far
near:
    EXPECT a0, 3

    TEST "fences do nothing visible"
    fence
    fence r, w
    fence w, r
    fence rw, rw
    fence i, o
    fence.tso
    fence.i
    .word 0x0100000f /* pause */
    .word 0x00f5f00f - 0x7000 + 0x0500 /* reserved rd: as fence */
    .word 0x7330000f /* reserved fm: as fence rw, rw */

    TEST "hints do nothing"
    add zero, zero, x2 /* ntl.p1 */
    add zero, zero, x3
    add zero, zero, x4
    add zero, zero, x5
    ori zero, a0, 0x020 /* prefetch.i, .r, .w */
    ori zero, a0, 0x021
    ori zero, a0, 0x023
    slti zero, zero, 5
    lui zero, 5
    EXPECT zero, 0

    TEST "ecall, ebreak"
    EXPECT_TRAP_AT 11, 0, ecall
    EXPECT_TRAP 3, ebreak

    TEST "a store to the next instruction is seen after fence.i"
    la a0, 1f
    lw a1, 2f
    sw a1, 0(a0)
    fence.i
1:  li a2, 1
    EXPECT a2, 2
    la a0, 1b
    lw a1, 3f
    sw a1, 0(a0)
    fence.i
    j 1f
2:  li a2, 2
3:  li a2, 3
1:  la a0, 1f
    lw a1, 3b
    sw a1, 0(a0)
    fence.i
1:  li a2, 5
    EXPECT a2, 3

    TEST "code written elsewhere runs, again and again"
    li s2, 20
    la s3, patch
1:  slli a1, s2, 20
    li a2, 0x00000513 /* li a0, s2 */
    or a1, a1, a2
    sw a1, 0(s3)
    li a2, 0x00008067 /* ret */
    sw a2, 4(s3)
    fence.i
    jalr x1, 0(s3)
    EXPECT_EQ a0, s2
    addi s2, s2, -1
    bnez s2, 1b
    j pass

function1:
    addi a0, a0, 1
    ret
function5:
    addi a0, a0, 5
    jr x5
outer:
    mv s6, x1
    jal x1, function1
    jal x1, function1
    jr s6
fib:
    li a1, 2
    bltu a0, a1, 1f
    addi s4, s4, -3*XSIZE
    SX x1, 0(s4)
    SX a0, XSIZE(s4)
    addi a0, a0, -1
    jal x1, fib
    SX a0, 2*XSIZE(s4)
    LX a0, XSIZE(s4)
    addi a0, a0, -2
    jal x1, fib
    LX a1, 2*XSIZE(s4)
    add a0, a0, a1
    LX x1, 0(s4)
    addi s4, s4, 3*XSIZE
1:  ret
coroutine:
    addi a0, a0, 1
    jalr x5, 0(x1)
    addi a0, a0, 101
    jr x1
far_back:
    addi a0, a0, 1
    j near
    .space 8192
far:
    addi a0, a0, 2
    j far_back
    .balign 4096
    .space 4092
patch:
    .space 16 /* across a page */
    .balign 16
    .space 1024
stack_top:
