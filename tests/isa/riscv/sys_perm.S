/*
 * Accessed and dirty bits, MXR, SUM, MPRV, and PMP entries that end inside a page.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

/* The window's entry \index, in a0. */
.macro READ_PTE index
    DATA_AS_M
    li a0, L0(0) + (\index) * PTE_SIZE
    LX a0, 0(a0)
.endm
.macro EXPECT_AD index, bits
    READ_PTE \index
    andi a0, a0, PTE_A | PTE_D
    EXPECT a0, \bits
.endm
/* An access from M-mode as the mode makes it; the trap, if \cause is not 0, at a1. */
.macro TRY mode, cause, insn:vararg
    DATA_AS \mode
    .if \cause
    EXPECT_TRAP \cause, \insn
    EXPECT_EQ t0, a1
    .else
    \insn
    .endif
    DATA_AS_M
.endm

tests:
    OPEN_PMP
    MAKE_TABLES 0
    SET_SATP 0, 1
    sfence.vma
    /* ADUE, so that A and D are set by the hart */
#if __riscv_xlen == 64
    li a0, 1 << 61
    csrs 0x30a, a0
#else
    li a0, 1 << 29
    csrs 0x31a, a0
#endif

    TEST "a load sets A, a store A and D"
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U
    sfence.vma
    li a1, VIRT(1)
    TRY MPP_U, 0, lw a2, 0(a1)
    EXPECT_AD 1, PTE_A
    TRY MPP_U, 0, lw a2, 0(a1)
    EXPECT_AD 1, PTE_A
    TRY MPP_U, 0, sw a2, 0(a1)
    EXPECT_AD 1, PTE_A | PTE_D
    TEST "an AMO sets A and D at once"
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U
    sfence.vma
    TRY MPP_U, 0, amoadd.w a2, a2, (a1)
    EXPECT_AD 1, PTE_A | PTE_D
    TEST "a load of a clean page that was stored to before sets A only"
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U
    sfence.vma a1
    TRY MPP_U, 0, lw a2, 0(a1)
    EXPECT_AD 1, PTE_A
    TEST "a fetch sets A"
    FUNCTION PHYS(2), 1
    POKE32 PHYS(2), INSN_ECALL
    MAP 0, 2, PHYS(2), PTE_V | PTE_X | PTE_W | PTE_R
    fence.i
    sfence.vma
    ENTER_AT MPP_S, VIRT(2), 9, VIRT(2), 0
    EXPECT_AD 2, PTE_A
    TEST "a failed store sets nothing"
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_U
    sfence.vma
    TRY MPP_U, 15, sw a2, 0(a1)
    EXPECT_AD 1, 0
    TEST "a store across two pages dirties both, or none"
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U
    MAP 0, 2, PHYS(2), PTE_V | PTE_R | PTE_W | PTE_U
    sfence.vma
    li a1, VIRT(2) - 2
    TRY MPP_U, 0, sw a2, 0(a1)
    EXPECT_AD 1, PTE_A | PTE_D
    EXPECT_AD 2, PTE_A | PTE_D

    TEST "without ADUE: page faults instead"
#if __riscv_xlen == 64
    li a0, 1 << 61
    csrc 0x30a, a0
#else
    li a0, 1 << 29
    csrc 0x31a, a0
#endif
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U
    sfence.vma
    li a1, VIRT(1)
    TRY MPP_U, 13, lw a2, 0(a1)
    TRY MPP_U, 15, sw a2, 0(a1)
    EXPECT_AD 1, 0
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_W | PTE_U | PTE_A
    sfence.vma
    TRY MPP_U, 0, lw a2, 0(a1)
    TRY MPP_U, 15, sw a2, 0(a1)
    TRY MPP_U, 15, amoadd.w a2, a2, (a1)
    EXPECT_AD 1, PTE_A
    MAP 0, 2, PHYS(2), PTE_V | PTE_X
    sfence.vma
    ENTER_AT MPP_S, VIRT(2), 12, VIRT(2), VIRT(2)

    TEST "SUM: S-mode in pages of U"
    MAP 0, 1, PHYS(1), RW | PTE_U
    sfence.vma
    li s0, 200 /* entries of each kind come and go between the two */
1:  li a0, MSTATUS_SUM
    csrc mstatus, a0
    TRY MPP_S, 13, lw a2, 0(a1)
    TRY MPP_S, 15, sw a2, 0(a1)
    TRY MPP_U, 0, lw a2, 0(a1)
    li a0, MSTATUS_SUM
    csrs mstatus, a0
    TRY MPP_S, 0, lw a2, 0(a1)
    TRY MPP_S, 0, sw a2, 0(a1)
    addi s0, s0, -1
    bnez s0, 1b
    TEST "U-mode in pages of S"
    MAP 0, 1, PHYS(1), RW
    sfence.vma
    TRY MPP_U, 13, lw a2, 0(a1)
    TRY MPP_U, 15, sw a2, 0(a1)
    TRY MPP_S, 0, lw a2, 0(a1)
    TEST "MXR: loads from pages for execution only"
    MAP 0, 1, PHYS(1), PTE_V | PTE_X | PTE_A | PTE_D | PTE_U
    sfence.vma
    li s0, 200
1:  li a0, MSTATUS_MXR
    csrc mstatus, a0
    TRY MPP_U, 13, lw a2, 0(a1)
    li a0, MSTATUS_MXR
    csrs mstatus, a0
    TRY MPP_U, 0, lw a2, 0(a1)
    TRY MPP_U, 15, sw a2, 0(a1)
    addi s0, s0, -1
    bnez s0, 1b
    li a0, MSTATUS_MXR
    csrc mstatus, a0
    TEST "MPRV does not concern fetches"
    DATA_AS MPP_U
    j 1f
1:  jal a3, 2f
    j fail
2:  nop
    DATA_AS_M

    /*
     * Entries: 0 [PHYS(8), +0x100) RWX; 1 [+0x100, +0x104) none; 2 all RWX.  Physical for U and S.
     */
    TEST "PMP: parts of a page, data"
    csrw satp, zero
    sfence.vma
    li a0, PHYS(8) >> 2
    csrw pmpaddr0, a0
    li a0, (PHYS(8) + 0x100) >> 2
    csrw pmpaddr1, a0
    li a0, (PHYS(8) + 0x104) >> 2
    csrw pmpaddr2, a0
    li a0, -1
    csrw pmpaddr3, a0
    li a0, 0x1f080f00 /* off, TOR RWX, TOR none, NAPOT RWX */
    csrw pmpcfg0, a0
    li a1, PHYS(8)
    li s0, 50
1:  li a1, PHYS(8)
    TRY MPP_U, 0, lw a2, 0(a1)
    TRY MPP_U, 0, sw a2, 0(a1)
    li a1, PHYS(8) + 0xfc
    TRY MPP_U, 0, lw a2, 0(a1)
    li a1, PHYS(8) + 0x100
    TRY MPP_U, 5, lw a2, 0(a1)
    TRY MPP_U, 7, sw a2, 0(a1)
    TRY MPP_U, 7, amoadd.w a2, a2, (a1)
    li a1, PHYS(8) + 0x103
    TRY MPP_U, 5, lb a2, 0(a1)
    li a1, PHYS(8) + 0x104
    TRY MPP_U, 0, lw a2, 0(a1)
    TRY MPP_S, 0, sw a2, 0(a1)
    addi s0, s0, -1
    bnez s0, 1b
    TEST "PMP: an access that is only partly allowed"
    li a1, PHYS(8) + 0xfc
    DATA_AS MPP_U
    EXPECT_TRAP 5, fld fa0, 0(a1)
    DATA_AS MPP_U
    EXPECT_TRAP 7, fsd fa0, 0(a1)
#if __riscv_xlen == 64
    DATA_AS MPP_U
    EXPECT_TRAP 5, ld a2, 0(a1)
#endif
    li a1, PHYS(8) + 0x100
    DATA_AS MPP_U
    EXPECT_TRAP 5, fld fa0, 0(a1)
    DATA_AS_M
    TEST "PMP: parts of a page, code"
    li a1, PHYS(8)
    li a2, PHYS(9)
    li a3, INSN_NOP
1:  sw a3, 0(a1)
    addi a1, a1, 4
    bltu a1, a2, 1b
    POKE32 PHYS(8) + 0x80, INSN_ECALL
    POKE32 PHYS(8) + 0x180, INSN_ECALL
    fence.i
    li s0, 20
1:  ENTER_AT MPP_U, PHYS(8), 8, PHYS(8) + 0x80, 0
    ENTER_AT MPP_U, PHYS(8) + 0x84, 1, PHYS(8) + 0x100, PHYS(8) + 0x100
    ENTER_AT MPP_U, PHYS(8) + 0xfc, 1, PHYS(8) + 0x100, PHYS(8) + 0x100
    ENTER_AT MPP_S, PHYS(8) + 0x100, 1, PHYS(8) + 0x100, PHYS(8) + 0x100
    ENTER_AT MPP_U, PHYS(8) + 0x104, 8, PHYS(8) + 0x180, 0
    addi s0, s0, -1
    bnez s0, 1b
    TEST "PMP: an instruction that is only partly allowed"
    POKE32 PHYS(8) + 0xfc, 0x05130001
    POKE32 PHYS(8) + 0x100, 0x00000090
    fence.i
    ENTER_AT MPP_U, PHYS(8) + 0xf8, 1, PHYS(8) + 0xfe, PHYS(8) + 0x100
    ENTER_AT MPP_U, PHYS(8) + 0xfe, 1, PHYS(8) + 0xfe, PHYS(8) + 0x100
    TEST "PMP: code that was made while all was allowed, then not, then again"
    POKE32 PHYS(8) + 0xfc, INSN_NOP
    POKE32 PHYS(8) + 0x100, INSN_NOP
    fence.i
    li s0, 50
1:  li a0, 0x1f0f0f00
    csrw pmpcfg0, a0
    ENTER_AT MPP_U, PHYS(8) + 0xf0, 8, PHYS(8) + 0x180, 0
    li a0, 0x1f080f00
    csrw pmpcfg0, a0
    ENTER_AT MPP_U, PHYS(8) + 0xf0, 1, PHYS(8) + 0x100, PHYS(8) + 0x100
    li a0, 0x1f000000
    csrw pmpcfg0, a0
    ENTER_AT MPP_U, PHYS(8) + 0xf0, 8, PHYS(8) + 0x180, 0
    addi s0, s0, -1
    bnez s0, 1b
    TEST "PMP: code that changes in a page of parts"
    li a0, 0x1f080f00
    csrw pmpcfg0, a0
    li s0, 100
1:  slli a3, s0, 20
    li a4, INSN_LI_A0(0)
    or a3, a3, a4
    li a1, PHYS(8)
    sw a3, 0x10(a1)
    fence.i
    ENTER_AT MPP_U, PHYS(8), 8, PHYS(8) + 0x80, 0
    EXPECT_EQ a0, s0
    addi s0, s0, -1
    bnez s0, 1b
    TEST "PMP: page tables in a place that is not allowed"
    li a0, (ROOT(0) >> 2)
    csrw pmpaddr0, a0
    li a0, ((ROOT(0) + 0x4000) >> 2)
    csrw pmpaddr1, a0
    SET_SATP 0, 1
    sfence.vma
    li a0, 0x1f000800
    csrw pmpcfg0, a0
    li a1, VIRT(1)
    TRY MPP_S, 5, lw a2, 0(a1)
    TRY MPP_S, 7, sw a2, 0(a1)
    ENTER_AT MPP_S, VIRT(1), 1, VIRT(1), VIRT(1)
    j pass
