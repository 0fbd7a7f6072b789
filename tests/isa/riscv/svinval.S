/*
 * Svinval: who may; Sv39 and Sv32 translation changes that it makes visible.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

#define VIRTUAL 0x40000000 /* one gigapage or megapage that the test moves */

tests:
    OPEN_PMP
    TEST "not in U-mode, and TVM"
    ENTER 0
    EXPECT_TRAP 2, sinval.vma a0, a1
    ENTER 0
    EXPECT_TRAP 2, sfence.w.inval
    ENTER 0
    EXPECT_TRAP 2, sfence.inval.ir
    ENTER 0x800
    sfence.w.inval
    sinval.vma zero, zero
    sinval.vma a0, a1
    sfence.inval.ir
    EXPECT_TRAP 9, ecall
    li a0, 0x100000
    csrs mstatus, a0
    ENTER 0x800
    EXPECT_TRAP 2, sinval.vma zero, zero
    ENTER 0x800
    sfence.w.inval
    sfence.inval.ir
    EXPECT_TRAP 9, ecall
    li a0, 0x100000
    csrc mstatus, a0

    TEST "a page that moves"
    la s0, root
#if __riscv_xlen == 64
    li a1, 0x80000000 >> 12 << 10 | 0xcf /* identity for code */
    sd a1, 16(s0)
    la a1, table
    srli a2, a1, 12
    slli a2, a2, 10
    ori a2, a2, 1
    sd a2, 8(s0) /* VIRTUAL */
    mv s1, a1
    srli a2, s0, 12
    li a1, 8 << 60
#else
    li a1, 0x80000000 >> 12 << 10 | 0xcf
    li a3, 2048
    add a2, s0, a3
    sw a1, 0(a2)
    la s1, root
    addi s1, s1, 1024
    srli a2, s0, 12
    li a1, 0x80000000
#endif
    or a1, a1, a2
    /* first mapping: SCRATCH */
    li a3, SCRATCH >> 12 << 10 | 0xc7
#if __riscv_xlen == 32
    li a3, 0x80000000 >> 12 << 10 | 0xc7
#endif
    SX a3, 0(s1)
    csrw satp, a1
    sfence.vma
    li a4, SCRATCH
    li a5, 0x1111
    sw a5, 0(a4)
    li a6, 0x400000
    add a4, a4, a6
    li a5, 0x2222
    sw a5, 0(a4)
    li s2, VIRTUAL + (SCRATCH & 0x1fffff)
#if __riscv_xlen == 32
    li s2, VIRTUAL + (SCRATCH & 0x3fffff)
#endif
    ENTER 0x800
    lw a0, 0(s2)
    EXPECT a0, 0x1111
    EXPECT_TRAP 9, ecall
    li a3, (SCRATCH + 0x400000) >> 12 << 10 | 0xc7
#if __riscv_xlen == 32
    li a3, 0x80400000 >> 12 << 10 | 0xc7
#endif
    SX a3, 0(s1)
    ENTER 0x800
    sfence.w.inval
    sinval.vma s2, zero
    sfence.inval.ir
    lw a0, 0(s2)
    EXPECT a0, 0x2222
    EXPECT_TRAP 9, ecall
    SX zero, 0(s1)
    ENTER 0x800
    sfence.w.inval
    sinval.vma s2, zero
    sfence.inval.ir
    EXPECT_TRAP 13, lw a0, 0(s2)
    EXPECT_EQ t0, s2
    csrw satp, zero
    j pass

    .balign 4096
root:
    .space 4096
table:
    .space 4096
