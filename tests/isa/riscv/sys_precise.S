/*
 * Exceptions in the middle of a block: the state is that of the instructions before, whole; nothing of those after.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

#define GOOD  VIRT(1) /* frame 1; page 2 is not mapped; page 3 is read-only */
#define BAD   VIRT(2)
#define CONST VIRT(3)

/*
 * One block: registers and memory change, the instruction faults at a1 + \off, and more would change after it.
 * s1 = a good address.  Fails unless the trap is \cause with mtval \tval.  Afterwards a2..a7 are checked.
 */
.macro IN_BLOCK cause, tval, insn:vararg
    li a0, 5
    li a2, 0
    li a3, 0
    li a4, 0x111
    li a6, 6
    li a7, 7
    SX zero, 0(s1)
    SX zero, 8(s1)
    li tp, \cause
    la ra, .Lback\@
    j .Lblock\@
.Lblock\@:
    addi a2, a2, 1
    add a3, a2, a0
    SX a3, 0(s1)
    slli a4, a4, 4
    xor a6, a6, a4
    addi a0, a0, 100
.Lat\@:
    \insn
    addi a0, a0, 1000
    SX a0, 8(s1)
    li a6, 0
    addi a2, a2, 1
    li a4, 0
    j fail
.Lback\@:
    la a5, .Lat\@
    EXPECT_EQ t1, a5
    EXPECT t0, \tval
    EXPECT a2, 1
    EXPECT a3, 6
    EXPECT a4, 0x1110
    EXPECT a6, 0x1116
    EXPECT a7, 7
    EXPECT a0, 105
    LX a5, 0(s1)
    EXPECT a5, 6
    LX a5, 8(s1)
    EXPECT a5, 0
.endm
/* The same with accesses translated as U-mode makes them. */
.macro PAGED_BLOCK cause, tval, insn:vararg
    li s10, MSTATUS_MPRV | MPP_M
    csrc mstatus, s10
    li s10, MSTATUS_MPRV
    csrs mstatus, s10
    IN_BLOCK \cause, \tval, \insn
.endm

.macro EXPECT_FETCH_FAULT address
    li a1, \address
    li tp, 1
    la ra, .Lback\@
    jr a1
.Lback\@:
    EXPECT t1, \address
    EXPECT t0, \address
.endm

tests:
    OPEN_PMP
    MAKE_TABLES 0
    MAP 0, 1, PHYS(1), RW | PTE_U
    MAP 0, 3, PHYS(3), PTE_V | PTE_R | PTE_A | PTE_U
    SET_SATP 0, 1
    sfence.vma

    TEST "loads, physical: nothing there"
    li s1, SCRATCH + 0x80000
    li a1, 0x40
    IN_BLOCK 5, 0x40, lw a7, 0(a1)
    IN_BLOCK 5, 0x42, lb a7, 2(a1)
    IN_BLOCK 5, 0x40, lhu a7, 0(a1)
    IN_BLOCK 5, 0x40, lr.w a7, (a1)
    IN_BLOCK 5, 0x48, flw fa0, 8(a1)
    IN_BLOCK 5, 0x48, fld fa0, 8(a1)
    TEST "stores, physical: nothing there"
    IN_BLOCK 7, 0x40, sw a7, 0(a1)
    IN_BLOCK 7, 0x41, sb a7, 1(a1)
    IN_BLOCK 7, 0x48, fsw fa0, 8(a1)
    IN_BLOCK 7, 0x48, fsd fa0, 8(a1)
    IN_BLOCK 7, 0x40, amoadd.w a7, a7, (a1)
    IN_BLOCK 7, 0x40, amoswap.w a7, a7, (a1)
    IN_BLOCK 7, 0x40, sc.w a7, a7, (a1)
    TEST "compressed forms"
    .option push
    .option rvc
    li a1, 0x40
    IN_BLOCK 5, 0x44, c.lw a5, 4(a1)
    IN_BLOCK 7, 0x44, c.sw a5, 4(a1)
    IN_BLOCK 5, 0x48, c.fld fa0, 8(a1)
    IN_BLOCK 7, 0x48, c.fsd fa0, 8(a1)
#if __riscv_xlen == 64
    IN_BLOCK 5, 0x48, c.ld a5, 8(a1)
    IN_BLOCK 7, 0x48, c.sd a5, 8(a1)
#endif
    .option pop
    TEST "an illegal instruction, ecall, ebreak"
#if __riscv_xlen == 64
    IN_BLOCK 2, 0xffffffff, .word 0xffffffff
#else
    IN_BLOCK 2, -1, .word 0xffffffff
#endif
    IN_BLOCK 11, 0, ecall
    TEST "a misaligned AMO"
    li a1, SCRATCH + 2
    IN_BLOCK 6, SCRATCH + 2, amoadd.w a7, a7, (a1)
    IN_BLOCK 4, SCRATCH + 2, lr.w a7, (a1)

    TEST "loads: page faults"
    li s1, GOOD
    li a1, BAD
    PAGED_BLOCK 13, BAD, lw a7, 0(a1)
    PAGED_BLOCK 13, BAD + 5, lbu a7, 5(a1)
    PAGED_BLOCK 13, BAD + 8, fld fa0, 8(a1)
    PAGED_BLOCK 13, BAD, lr.w a7, (a1)
#if __riscv_xlen == 64
    PAGED_BLOCK 13, BAD + 8, ld a7, 8(a1)
    PAGED_BLOCK 13, BAD, lr.d a7, (a1)
#endif
    TEST "stores: page faults"
    PAGED_BLOCK 15, BAD, sw a7, 0(a1)
    PAGED_BLOCK 15, BAD + 5, sb a7, 5(a1)
    PAGED_BLOCK 15, BAD + 8, fsd fa0, 8(a1)
    PAGED_BLOCK 15, BAD, amoadd.w a7, a7, (a1)
    PAGED_BLOCK 15, BAD, amomaxu.w a7, a7, (a1)
    PAGED_BLOCK 15, BAD, sc.w a7, a7, (a1)
    TEST "stores to a read-only page"
    li a1, CONST
    PAGED_BLOCK 15, CONST, sw a7, 0(a1)
    PAGED_BLOCK 15, CONST, amoand.w a7, a7, (a1)
    lw a5, 0(a1)
    PAGED_BLOCK 15, CONST + 4, sw a7, 4(a1)
    TEST "accesses that reach from a good page into a bad one: mtval is in the second"
    li a1, BAD - 2
    PAGED_BLOCK 13, BAD, lw a7, 0(a1)
    PAGED_BLOCK 15, BAD, sw a7, 0(a1)
    li a1, BAD - 1
    PAGED_BLOCK 13, BAD, lh a7, 0(a1)
    PAGED_BLOCK 15, BAD, sh a7, 0(a1)
    PAGED_BLOCK 13, BAD, fld fa0, 0(a1)
    PAGED_BLOCK 15, BAD, fsd fa0, 0(a1)
#if __riscv_xlen == 64
    li a1, BAD - 7
    PAGED_BLOCK 13, BAD, ld a7, 0(a1)
    PAGED_BLOCK 15, BAD, sd a7, 0(a1)
#endif
    TEST "the part in the good page is not written"
    DATA_AS MPP_U
    li a1, BAD - 4
    li a5, 0x11223344
    sw a5, 0(a1)
    li a7, -1
    li a1, BAD - 2
    PAGED_BLOCK 15, BAD, sw a7, 0(a1)
    DATA_AS MPP_U
    lw a5, -2(a1)
    EXPECT a5, 0x11223344
    TEST "accesses that begin in a bad page: mtval is their own address"
    li a1, VIRT(3) - 2
    PAGED_BLOCK 13, VIRT(3) - 2, lw a7, 0(a1)
    PAGED_BLOCK 15, VIRT(3) - 2, sw a7, 0(a1)
    DATA_AS_M

    TEST "a handler maps the page and returns: every access of a block goes on once"
    la a0, map_and_return
    csrw mtvec, a0
    li s0, 300
1:  UNMAP 0, 4
    UNMAP 0, 5
    UNMAP 0, 6
    sfence.vma
    li s4, 0 /* faults */
    li s5, VIRT(4)
    li s6, VIRT(5)
    li s7, VIRT(6) - 2
    li s8, 0
    li s10, MSTATUS_MPRV | MPP_M
    csrc mstatus, s10
    li s10, MSTATUS_MPRV
    csrs mstatus, s10
    j 2f
2:  addi s8, s8, 1
    sw s8, 0(s5)
    addi s8, s8, 1
    lw a2, 0(s6)
    addi s8, s8, 1
    sw s8, 0(s7) /* into page 6 */
    addi s8, s8, 1
    amoadd.w a3, s8, (s5)
    addi s8, s8, 1
    li s10, MSTATUS_MPRV
    csrc mstatus, s10
    EXPECT s4, 3
    EXPECT s8, 5
    EXPECT a3, 1
    li s3, PHYS(4)
    lw a4, 0(s3)
    EXPECT a4, 5
    li s3, PHYS(6)
    lhu a4, 0(s3)
    EXPECT a4, 0
    lhu a4, -2(s3)
    EXPECT a4, 3
    addi s0, s0, -1
    bnez s0, 1b
    la a0, trap
    csrw mtvec, a0

    TEST "faults in a hot loop: each is exact"
    li s0, 20000
    li s2, 0
    li s3, SCRATCH
    la a0, count_and_skip
    csrw mtvec, a0
    li s4, 0
    li s7, 0x40
1:  andi a0, s0, 15
    addi s2, s2, 1
    mv a1, s3
    bnez a0, 2f
    mv a1, s7
2:  lw a2, 0(a1) /* every sixteenth faults */
    addi s2, s2, 1
    sw s2, 4(s3)
    addi s0, s0, -1
    bnez s0, 1b
    la a0, trap
    csrw mtvec, a0
    EXPECT s4, 20000 / 16
    EXPECT s2, 40000
    lw a0, 4(s3)
    EXPECT a0, 40000
    TEST "fetch faults: mepc is the target"
    EXPECT_FETCH_FAULT 0x40
    EXPECT_FETCH_FAULT UART
    EXPECT_FETCH_FAULT 0x2000000
    EXPECT_FETCH_FAULT 0xc000002
    j pass

    .balign 4
map_and_return: /* the page of mtval to the frame of its number */
    csrr a0, mtval
    srli a0, a0, 12
    andi a0, a0, 511
    li s10, PHYS(0) >> 12
    add s11, a0, s10
    slli s11, s11, 10
    ori s11, s11, RW | PTE_U
#if __riscv_xlen == 64
    slli a0, a0, 3
#else
    slli a0, a0, 2
#endif
    li s10, L0(0)
    add a0, a0, s10
    SX s11, 0(a0)
    csrr a0, mtval
    sfence.vma a0
    addi s4, s4, 1
    mret
    .balign 4
count_and_skip:
    csrr s10, mcause
    li s11, 5
    bne s10, s11, 1f
    csrr s10, mtval
    bne s10, s7, 1f
    csrr s10, mepc
    addi s10, s10, 4
    csrw mepc, s10
    addi s4, s4, 1
    li s10, MPP_M
    csrs mstatus, s10
    mret
1:  j fail
