/*
 * Every CSR number, written and read in every way from M, S and U mode: whatever the answer, the hart goes on.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 * RUN: xlen=64 cpu=sifive-u54 as=u54 march=gc
 */
#include "test.h"
#include "sys.h"

/* s0 number, s1 row of `ways`, s2 mode, s3 the instruction's place, s4 mstatus, s5 misa, s6 how many were accepted,
 * s7 M-mode. */
tests:
    /* The first entry wins and cannot be changed any more: all of memory for everybody. */
    li a0, -1
    csrw pmpaddr0, a0
    li a0, 0x9f
    csrw pmpcfg0, a0
    csrr s4, mstatus
    csrr s5, misa
    la s3, spot

    TEST "M-mode"
    li s2, MPP_M
    li s7, 1
    jal s8, sweep
    sltiu a0, s6, 50
    EXPECT a0, 0
    TEST "S-mode"
    li s7, 0
    li s2, MPP_S
    mv s9, s6
    jal s8, sweep
    sltiu a0, s6, 8
    EXPECT a0, 0
    sltu a0, s6, s9
    EXPECT a0, 1
    TEST "U-mode"
    li s2, MPP_U
    mv s9, s6
    jal s8, sweep
    sltu a0, s6, s9
    EXPECT a0, 1
    j pass

sweep:
    li s6, 0
    li s0, 0
1:  la s1, ways
2:  lw a0, 0(s1)
    slli a1, s0, 20
    or a0, a0, a1
    sw a0, 0(s3)
    fence.i
    la a0, back
    csrw mtvec, a0
    csrw mcause, zero
    csrw mepc, s3
    li a0, MPP_M
    csrc mstatus, a0
    csrs mstatus, s2
    LX a1, 8(s1)
    li a4, 0
    mret

    .balign 4
back:
    /* What could keep this program from going on, it may have written. */
    csrw mstatus, s4
    csrr a5, mcause
    csrw mie, zero
    csrw satp, zero
    csrw medeleg, zero
    csrw mideleg, zero
    csrw misa, s5
    csrw mcounteren, zero
    la a0, trap
    csrw mtvec, a0
    li a0, 2
    beq a5, a0, 3f
    addi s6, s6, 1
3:  addi s1, s1, 16
    la a0, ways_end
    bne s1, a0, 2b
    addi s0, s0, 1
    li a0, 4096
    bne s0, a0, 1b
    jr s8

/* csrrw, csrrs, csrrc, csrrwi, csrrsi, csrrci of a4; then the value in a1. */
.macro WAY insn, value
    .balign 8
    .word \insn
    .balign 8
    DX \value
    .balign 8
.endm
    .balign 16
ways:
    WAY 0x00059773, 0
    WAY 0x00059773, -1
    WAY 0x00059773, 0x55555555
    WAY 0x00059773, 0x80000003
    WAY 0x0005a773, -1
    WAY 0x0005b773, -1
    WAY 0x00002773, 0
    WAY 0x000fd773, 0
    WAY 0x000fe773, 0
    WAY 0x000ff773, 0
ways_end:
    .balign 64
spot:
    .word 0
    bnez s7, back /* M-mode: mtvec may be what was written */
    ecall
    j fail
