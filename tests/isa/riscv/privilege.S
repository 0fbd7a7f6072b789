/*
 * Privilege: mret and sret, what U and S may not do, TVM, TSR, TW, delegation, fences, wfi.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"
#include "sys.h"

#define TVM   0x100000
#define TW    0x200000
#define TSR   0x400000

/* The instruction is illegal in mode \mpp. */
.macro ILLEGAL_IN mpp, insn:vararg
    ENTER \mpp
    EXPECT_TRAP 2, \insn
.endm
/* It is legal there: the ecall that follows gets to M. */
.macro LEGAL_IN mpp, cause, insn:vararg
    ENTER \mpp
    \insn
    EXPECT_TRAP \cause, ecall
.endm

tests:
    /* All of memory for S and U. */
    OPEN_PMP

    TEST "ecall has a cause of each mode"
    EXPECT_TRAP_AT 11, 0, ecall
    ENTER MPP_S
    EXPECT_TRAP_AT 9, 0, ecall
    ENTER 0
    EXPECT_TRAP_AT 8, 0, ecall
    TEST "mret is for M only"
    ILLEGAL_IN MPP_S, mret
    ILLEGAL_IN 0, mret
    TEST "sret is for S and M"
    ILLEGAL_IN 0, sret
    TEST "mret sets MPIE, clears MPP, and restores MIE"
    csrci mstatus, 8
    li a0, 0x80
    csrs mstatus, a0
    ENTER MPP_M
    csrr a0, mstatus
    andi a1, a0, 0x88
    EXPECT a1, 0x88
    li a2, MPP_M
    and a1, a0, a2
    EXPECT a1, 0
    csrci mstatus, 8
    TEST "a trap saves the mode in MPP and MIE in MPIE"
    ENTER 0
    li tp, 8
    la ra, 1f
    la sp, 2f
    j 3f
3:  ecall
2:  j fail
1:
    TEST "sret goes from S to U"
    ENTER MPP_S
    la a0, 1f
    csrw sepc, a0
    li a0, 0x100
    csrc sstatus, a0
    sret
    j fail
1:  EXPECT_TRAP 8, ecall
    TEST "sret goes from M to S"
    la a0, 1f
    csrw sepc, a0
    li a0, 0x100
    csrs mstatus, a0
    sret
    j fail
1:  EXPECT_TRAP 9, ecall
    TEST "CSRs by privilege"
    ILLEGAL_IN 0, csrr a0, mstatus
    ILLEGAL_IN 0, csrr a0, sstatus
    ILLEGAL_IN MPP_S, csrr a0, mstatus
    LEGAL_IN MPP_S, 9, csrr a0, sstatus
    TEST "sfence.vma and TVM"
    li a0, TVM
    csrc mstatus, a0
    LEGAL_IN MPP_S, 9, sfence.vma
    LEGAL_IN MPP_S, 9, sfence.vma a0, a1
    ILLEGAL_IN 0, sfence.vma
    li a0, TVM
    csrs mstatus, a0
    ILLEGAL_IN MPP_S, sfence.vma
    ILLEGAL_IN MPP_S, csrr a0, satp
    sfence.vma
    li a0, TVM
    csrc mstatus, a0
    LEGAL_IN MPP_S, 9, csrr a0, satp
    TEST "sret and TSR"
    li a0, TSR
    csrs mstatus, a0
    ILLEGAL_IN MPP_S, sret
    li a0, TSR
    csrc mstatus, a0
    TEST "wfi and TW"
    csrci mstatus, 2
    csrwi mideleg, 2 /* a software interrupt for S, which S and M do not take, wakes it */
    csrwi mie, 2
    csrwi mip, 2
    wfi
    LEGAL_IN MPP_S, 9, wfi
    li a0, TW
    csrs mstatus, a0
    ILLEGAL_IN MPP_S, wfi
    li a0, TW
    csrc mstatus, a0
    csrw mip, zero
    csrw mie, zero
    csrw mideleg, zero
    TEST "an illegal instruction delegated to S"
    la a0, s_handler
    csrw stvec, a0
    csrwi medeleg, 4
    li a4, 0
    ENTER 0
    .word 0xffffffff
1:  EXPECT a4, 2
    EXPECT_TRAP 8, ecall
    csrr a0, stval
    EXPECT a0, 0xffffffff
    csrw medeleg, zero
    TEST "loads of M through MPRV use the mode of MPP"
    li a0, 0x1f
    csrw pmpcfg0, zero
    li a1, MPP_M
    csrc mstatus, a1
    li s0, SCRATCH
    li a1, 0x20000
    csrs mstatus, a1
    EXPECT_TRAP_AT 5, SCRATCH, lw a2, 0(s0)
    li a1, MPP_M
    csrc mstatus, a1
    li a1, 0x20000
    csrs mstatus, a1
    EXPECT_TRAP_AT 7, SCRATCH, sw a2, 0(s0)
    li a1, 0x20000
    csrc mstatus, a1
    csrw pmpcfg0, a0
    lw a2, 0(s0)
    j pass

    .balign 4
s_handler:
    csrr a4, scause
    csrr a3, sepc
    addi a3, a3, 4
    csrw sepc, a3
    sret
