/*
 * What a kernel's entry and exit do: sstatus and the trap registers of S-mode by write, set and clear, and interrupts
 * that are pending when SIE is set.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"
#include "sys.h"

#define SIE  0x2
#define SPIE 0x20
#define SPP  0x100
#define FS   0x6000
#define SSI  0x2
#if __riscv_xlen == 64
#define SD 0x8000000000000000
#else
#define SD 0x80000000
#endif

tests:
    OPEN_PMP

    TEST "SD says that FS is dirty"
    li a0, FS
    csrs mstatus, a0
    csrr a1, sstatus
    li a2, SD | FS
    and a1, a1, a2
    EXPECT_EQ a1, a2
    li a0, 0x4000
    csrc sstatus, a0
    csrr a1, sstatus
    and a1, a1, a2
    EXPECT a1, 0x2000
    csrr a1, mstatus
    and a1, a1, a2
    EXPECT a1, 0x2000

    TEST "set and clear give the old value, and change the bits that sstatus has"
    csrr a3, sstatus
    csrrsi a0, sstatus, SIE
    EXPECT_EQ a0, a3
    csrrci a0, sstatus, SIE
    xori a0, a0, SIE
    EXPECT_EQ a0, a3
    li a1, SPP | SPIE
    csrrs a0, sstatus, a1
    EXPECT_EQ a0, a3
    csrr a0, mstatus
    and a0, a0, a1
    EXPECT_EQ a0, a1
    csrrc a0, sstatus, a1
    and a0, a0, a1
    EXPECT_EQ a0, a1
    csrr a0, sstatus
    EXPECT_EQ a0, a3
    csrr a4, mstatus
    csrsi sstatus, 0x18 /* MIE is no bit of it, nor is bit 4 */
    csrr a0, mstatus
    EXPECT_EQ a0, a4
    csrci sstatus, 0x1f
    csrr a0, mstatus
    EXPECT_EQ a0, a4

    TEST "SUM and FS through a register"
    li a1, MSTATUS_SUM | FS
    csrc sstatus, a1
    csrr a0, sstatus
    and a0, a0, a1
    EXPECT a0, 0
    csrs sstatus, a1
    csrr a0, mstatus
    and a0, a0, a1
    EXPECT_EQ a0, a1
    csrw sstatus, a3
    csrr a0, sstatus
    EXPECT_EQ a0, a3

    TEST "stvec by set and clear; sepc has no bit 0"
    li a1, 0x80001234
    csrw stvec, a1
    csrr a0, stvec
    li a2, 0x80001234
    EXPECT_EQ a0, a2
    csrrsi a0, stvec, 1
    EXPECT_EQ a0, a2
    csrrci a0, stvec, 4
    addi a2, a2, 1
    EXPECT_EQ a0, a2
    csrr a0, stvec
    addi a2, a2, -4
    EXPECT_EQ a0, a2
    li a1, 0x80001235
    csrw sepc, a1
    csrrsi a0, sepc, 3
    li a2, 0x80001234
    EXPECT_EQ a0, a2
    csrr a0, sepc
    addi a2, a2, 2
    EXPECT_EQ a0, a2

    TEST "what is pending when SIE is set is taken before the next instruction"
    la a0, on_soft
    csrw stvec, a0
    csrwi mideleg, SSI
    csrwi mie, SSI
    csrwi mip, SSI
    li s0, 0
    ENTER MPP_S
    la s1, 1f
    csrsi sstatus, SIE
1:  mv s2, s0
    EXPECT s2, 1
    EXPECT_EQ s3, s1

    TEST "the same through a register, and by a write"
    csrci sstatus, SIE
    csrsi sip, SSI
    li s0, 0
    li a1, SIE
    la s1, 1f
    csrs sstatus, a1
1:  mv s2, s0
    EXPECT s2, 1
    EXPECT_EQ s3, s1
    csrci sstatus, SIE
    csrsi sip, SSI
    csrr a1, sstatus
    ori a1, a1, SIE
    li s0, 0
    la s1, 1f
    csrw sstatus, a1
1:  mv s2, s0
    EXPECT s2, 1
    EXPECT_EQ s3, s1

    TEST "what is not enabled is not taken"
    csrci sstatus, SIE
    csrci sie, SSI
    csrsi sip, SSI
    li s0, 0
    csrsi sstatus, SIE
    mv s2, s0
    EXPECT s2, 0
    la s1, 1f
    csrsi sie, SSI
1:  mv s2, s0
    EXPECT s2, 1
    EXPECT_EQ s3, s1
    csrci sstatus, SIE
    LEAVE_S

    TEST "U-mode has none of them"
    ENTER MPP_U
    EXPECT_TRAP 2, csrr a0, sstatus
    ENTER MPP_U
    EXPECT_TRAP 2, csrci sstatus, SIE
    ENTER MPP_U
    EXPECT_TRAP 2, csrr a0, sepc
    j pass

    .balign 4
on_soft:
    csrr s3, sepc
    csrci sip, SSI
    addi s0, s0, 1
    sret
