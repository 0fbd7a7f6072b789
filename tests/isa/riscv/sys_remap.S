/*
 * Pages that change under running code: fences by page, by space, of everything; two address spaces; large pages;
 * instructions across pages.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

#define ROUNDS 300

/* The window's page \index goes to \frame; s10, s11. */
.macro REMAP set, index, frame, flags, fence:vararg
    MAP \set, \index, PHYS(\frame), \flags
    li s10, VIRT(\index)
    li s11, \set + 1
    \fence
.endm
/* Call \address many times, so that its jumps are linked. */
.macro HOT address, value
    li s0, 50
1:  CALL_EXPECT \address, \value
    addi s0, s0, -1
    bnez s0, 1b
.endm
/* Remap page 1 between two frames in a loop, each time called. */
.macro FLIP_FLOP flags, fence:vararg
    li s9, ROUNDS
.Lagain\@:
    REMAP 0, 1, 1, \flags, \fence
    CALL_EXPECT VIRT(1), 101
    CALL_EXPECT VIRT(1), 101
    REMAP 0, 1, 2, \flags, \fence
    CALL_EXPECT VIRT(1), 202
    CALL_EXPECT VIRT(1), 202
    addi s9, s9, -1
    bnez s9, .Lagain\@
.endm
.macro FLUSH_ALL
    sfence.vma
.endm

tests:
    OPEN_PMP
    MAKE_TABLES 0
    MAKE_TABLES 1
    FUNCTION PHYS(1), 101
    FUNCTION PHYS(2), 202
    FUNCTION PHYS(3), 303
    fence.i
    SET_SATP 0, 1
    sfence.vma
    ENTER MPP_S

    TEST "remap, fence of everything"
    FLIP_FLOP RX, sfence.vma
    TEST "remap, fence by address"
    FLIP_FLOP RX, sfence.vma s10
    TEST "remap, fence by space"
    FLIP_FLOP RX, sfence.vma zero, s11
    TEST "remap, fence by address and space"
    FLIP_FLOP RX, sfence.vma s10, s11
    TEST "remap of a global page, fence of everything"
    sfence.vma
    FLIP_FLOP RX | PTE_G, sfence.vma
    TEST "remap of a global page, fence by address"
    FLIP_FLOP RX | PTE_G, sfence.vma s10
    sfence.vma

    TEST "data of a page that is remapped"
    li s2, VIRT(4)
    li s9, ROUNDS
    POKE PHYS(5), 555
    POKE PHYS(6), 666
1:  REMAP 0, 4, 5, RW, sfence.vma s10
    LX a0, 0(s2)
    EXPECT a0, 555
    REMAP 0, 4, 6, RW, sfence.vma s10, s11
    LX a0, 0(s2)
    EXPECT a0, 666
    addi s9, s9, -1
    bnez s9, 1b

    TEST "stores go to where the page is now"
    POKE PHYS(7), 0
    POKE PHYS(8), 0
    li s9, ROUNDS
1:  REMAP 0, 4, 7, RW, sfence.vma s10
    LX a0, 0(s2)
    addi a0, a0, 1
    SX a0, 0(s2)
    REMAP 0, 4, 8, RW, sfence.vma zero, s11
    LX a0, 0(s2)
    addi a0, a0, 2
    SX a0, 0(s2)
    addi s9, s9, -1
    bnez s9, 1b
    li s3, PHYS(7)
    LX a0, 0(s3)
    EXPECT a0, ROUNDS
    li s3, PHYS(8)
    LX a0, 0(s3)
    EXPECT a0, 2 * ROUNDS

    TEST "one address in two spaces, switched without a fence"
    MAP 0, 9, PHYS(1), RX
    MAP 1, 9, PHYS(2), RX
    sfence.vma
    li s9, ROUNDS
1:  SET_SATP 0, 1
    CALL_EXPECT VIRT(9), 101
    SET_SATP 1, 2
    CALL_EXPECT VIRT(9), 202
    addi s9, s9, -1
    bnez s9, 1b
    TEST "the same for data"
    MAP 0, 10, PHYS(5), RW
    MAP 1, 10, PHYS(6), RW
    sfence.vma
    li s2, VIRT(10)
    li s9, ROUNDS
1:  SET_SATP 0, 1
    LX a0, 0(s2)
    EXPECT a0, 555
    SET_SATP 1, 2
    LX a0, 0(s2)
    EXPECT a0, 666
    addi s9, s9, -1
    bnez s9, 1b
    TEST "a fence by space leaves the other space right"
    SET_SATP 0, 1
    CALL_EXPECT VIRT(9), 101
    MAP 1, 9, PHYS(3), RX
    li s11, 2
    sfence.vma zero, s11
    CALL_EXPECT VIRT(9), 101
    SET_SATP 1, 2
    CALL_EXPECT VIRT(9), 303
    MAP 1, 9, PHYS(2), RX
    li s10, VIRT(9)
    li s11, 2
    sfence.vma s10, s11
    CALL_EXPECT VIRT(9), 202
    TEST "two numbers of one table"
    SET_SATP 0, 1
    CALL_EXPECT VIRT(9), 101
    SET_SATP 0, 3
    CALL_EXPECT VIRT(9), 101
    MAP 0, 9, PHYS(3), RX
    li s10, VIRT(9)
    sfence.vma s10
    CALL_EXPECT VIRT(9), 303
    SET_SATP 0, 1
    CALL_EXPECT VIRT(9), 303

    /* Another rounding mode is another kind of code for the translator, of which all was global so far. */
    TEST "a page that was global, then is not, in two spaces"
    csrwi frm, 1
    MAP 0, 11, PHYS(1), RX | PTE_G
    sfence.vma
    HOT VIRT(11), 101
    MAP 0, 11, PHYS(1), RX
    MAP 1, 11, PHYS(2), RX
    sfence.vma
    li s9, 20
1:  SET_SATP 0, 1
    CALL_EXPECT VIRT(11), 101
    SET_SATP 1, 2
    CALL_EXPECT VIRT(11), 202
    addi s9, s9, -1
    bnez s9, 1b
    SET_SATP 0, 1

    TEST "an instruction across pages: the second is remapped"
    /* frame 12 ends with the first half of addi a0, zero, n; frames 13 and 14 begin with n and a return. */
    POKE32 PHYS(12) + PAGE - 4, 0x05130001
    POKE32 PHYS(13), 0x80670130
    POKE32 PHYS(13) + 4, 0
    POKE32 PHYS(14), 0x80670140
    POKE32 PHYS(14) + 4, 0
    fence.i
    MAP 0, 12, PHYS(12), RX
    sfence.vma
    li s9, ROUNDS
1:  REMAP 0, 13, 13, RX, sfence.vma s10
    CALL_EXPECT VIRT(13) - 4, 0x13
    CALL_EXPECT VIRT(13) - 2, 0x13
    REMAP 0, 13, 14, RX, sfence.vma s10
    CALL_EXPECT VIRT(13) - 2, 0x14
    CALL_EXPECT VIRT(13) - 4, 0x14
    REMAP 0, 13, 13, RX, sfence.vma
    CALL_EXPECT VIRT(13) - 4, 0x13
    addi s9, s9, -1
    bnez s9, 1b
    TEST "an instruction across pages: the first is global, the second is not"
    csrwi frm, 2
    MAP 0, 12, PHYS(12), RX | PTE_G
    MAP 1, 12, PHYS(12), RX | PTE_G
    MAP 0, 13, PHYS(13), RX
    MAP 1, 13, PHYS(14), RX
    sfence.vma
    li s9, 20
1:  SET_SATP 0, 1
    CALL_EXPECT VIRT(13) - 2, 0x13
    SET_SATP 1, 2
    CALL_EXPECT VIRT(13) - 2, 0x14
    addi s9, s9, -1
    bnez s9, 1b
    SET_SATP 0, 1

    TEST "an instruction across pages: the second is not mapped"
    UNMAP 0, 13
    sfence.vma
    LEAVE_S
    ENTER_AT MPP_S, VIRT(13) - 2, 12, VIRT(13) - 2, VIRT(13)
    ENTER_AT MPP_S, VIRT(13) - 4, 12, VIRT(13) - 2, VIRT(13)
    TEST "what precedes it is executed"
    POKE32 PHYS(12) + PAGE - 8, INSN_LI_A0(0x55)
    POKE32 PHYS(12) + PAGE - 12, INSN_LI_A0(0x44)
    fence.i
    li a0, 0
    ENTER_AT MPP_S, VIRT(13) - 12, 12, VIRT(13) - 2, VIRT(13)
    EXPECT a0, 0x55
    TEST "a jump over it does not fault"
    POKE32 PHYS(12) + PAGE - 8, 0x00000463 /* beqz zero, to the ecall below... */
    POKE32 PHYS(12) + PAGE - 12, 0xfe000ce3 /* beqz zero, -8 */
    POKE32 PHYS(12) + PAGE - 20, INSN_ECALL
    fence.i
    ENTER_AT MPP_S, VIRT(13) - 12, 9, VIRT(13) - 20, 0
    POKE32 PHYS(12) + PAGE - 12, INSN_LI_A0(0x44)
    POKE32 PHYS(12) + PAGE - 8, 0xfe051ae3 /* bnez a0, -12 */
    fence.i
    ENTER_AT MPP_S, VIRT(13) - 12, 9, VIRT(13) - 20, 0
    EXPECT a0, 0x44
    TEST "the second page comes back"
    POKE32 PHYS(12) + PAGE - 8, INSN_NOP
    fence.i
    MAP 0, 13, PHYS(13), RX
    sfence.vma
    ENTER MPP_S
    CALL_EXPECT VIRT(13) - 12, 0x13

    TEST "a loop is unmapped by itself: the next fetch faults"
#if __riscv_xlen == 64
    POKE32 PHYS(15), 0x0009b023 /* sd zero, 0(s3) */
#else
    POKE32 PHYS(15), 0x0009a023 /* sw zero, 0(s3) */
#endif
    POKE32 PHYS(15) + 4, 0x12090073 /* sfence.vma s2 */
    POKE32 PHYS(15) + 8, INSN_LI_A0(7)
    POKE32 PHYS(15) + 12, INSN_RET
    fence.i
    MAP 0, 15, PHYS(15), RX
    sfence.vma
    li s2, VIRT(15)
    li s3, SCRATCH + 0x80000
    CALL_EXPECT VIRT(15), 7
    CALL_EXPECT VIRT(15), 7
    LEAVE_S
    li s3, L0(0) + 15 * PTE_SIZE
    ENTER_AT MPP_S, VIRT(15), 12, VIRT(15) + 8, VIRT(15) + 8
    MAP 0, 15, PHYS(15), RX
    sfence.vma

    TEST "a page is remapped under a loop that runs in it"
    /* frames 16 and 17: a0 += n, satp's table is changed by the caller's entry: here the loop calls back */
    ENTER MPP_S
    li s2, VIRT(16)
    li s3, L0(0) + 16 * PTE_SIZE
    li s4, ENTRY(PHYS(16), RX)
    li s5, ENTRY(PHYS(17), RX)
    MAP 0, 16, PHYS(16), RX
    POKE32 PHYS(16), INSN_ADD_A0(1)
    POKE32 PHYS(17), INSN_ADD_A0(2)
#if __riscv_xlen == 64
    POKE32 PHYS(16) + 4, 0x0159b023 /* sd s5, 0(s3) */
    POKE32 PHYS(17) + 4, 0x0149b023 /* sd s4, 0(s3) */
#else
    POKE32 PHYS(16) + 4, 0x0159a023
    POKE32 PHYS(17) + 4, 0x0149a023
#endif
    POKE32 PHYS(16) + 8, 0x12090073
    POKE32 PHYS(17) + 8, 0x12090073
    POKE32 PHYS(16) + 12, 0xfff40413 /* addi s0, s0, -1 */
    POKE32 PHYS(17) + 12, 0xfff40413
    POKE32 PHYS(16) + 16, 0xfe0418e3 /* bnez s0, -16 */
    POKE32 PHYS(17) + 16, 0xfe0418e3
    POKE32 PHYS(16) + 20, INSN_RET
    POKE32 PHYS(17) + 20, INSN_RET
    fence.i
    sfence.vma
    li s0, 2000
    li a0, 0
    jalr ra, 0(s2)
    /* a round begins where the last one's fence put it: n of a page at its top is followed by the other's */
    EXPECT a0, 1 + 2 * 1000 + 1 * 999

    TEST "a large page becomes small ones: a fence by one address is enough"
    LEAVE_S
#if __riscv_xlen == 64
#define BIG   0x100200000 /* second 2 MiB of the window */
#define BIG_PTE (L1(0) + 8)
#else
#define BIG   0x40400000
#define BIG_PTE (ROOT(0) + 257 * 4)
#endif
#define BIG_PA 0x80000000
#define AT(n)  (BIG + (PHYS(n) - BIG_PA))
#define SMALL  (SCRATCH + 0x10000) /* table of last-level entries */
#define SMALL_PTE(n) (SMALL + (((AT(n) - BIG) >> 12) * PTE_SIZE))
#if __riscv_xlen == 64
#undef BIG_PA
#define BIG_PA 0x80200000
#endif
    POKE BIG_PTE, ENTRY(BIG_PA, RWX)
    sfence.vma
    ENTER MPP_S
    CALL_EXPECT AT(1), 101
    CALL_EXPECT AT(2), 202
    li s2, AT(5)
    LX a0, 0(s2)
    EXPECT a0, 555
    POKE SMALL_PTE(1), ENTRY(PHYS(2), RX)
    POKE SMALL_PTE(2), ENTRY(PHYS(3), RX)
    POKE SMALL_PTE(5), ENTRY(PHYS(6), RW)
    POKE BIG_PTE, ENTRY(SMALL, PTE_V)
    li s10, AT(5)
    sfence.vma s10
    LX a0, 0(s2)
    EXPECT a0, 666
    CALL_EXPECT AT(1), 202
    CALL_EXPECT AT(2), 303
    TEST "and large again"
    POKE BIG_PTE, ENTRY(BIG_PA, RWX)
    li s10, AT(1)
    sfence.vma s10
    li s10, AT(2)
    sfence.vma s10
    li s10, AT(5)
    sfence.vma s10
    CALL_EXPECT AT(1), 101
    CALL_EXPECT AT(2), 202
    LX a0, 0(s2)
    EXPECT a0, 555

    TEST "many pages in turn, remapped between: sets and filters overflow"
    li s9, 40
    li s7, 0 /* which of the two frames */
1:  li s2, 0
    li s3, L0(0)
    li s4, ENTRY(PHYS(1), RX)
    beqz s7, 2f
    li s4, ENTRY(PHYS(2), RX)
2:  li a0, 512
#if __riscv_xlen == 64
    slli a1, s2, 3
#else
    slli a1, s2, 2
#endif
    add a1, a1, s3
    SX s4, 0(a1)
    slli a1, s2, 12
    li a2, WINDOW
    add a1, a1, a2
    sfence.vma a1
    jalr ra, 0(a1)
    li a2, 101
    beqz s7, 3f
    li a2, 202
3:  EXPECT_EQ a0, a2
    addi s2, s2, 1
    li a0, 512
    blt s2, a0, 2b
    xori s7, s7, 1
    addi s9, s9, -1
    bnez s9, 1b
    LEAVE_S

#if __riscv_xlen == 64
    TEST "Bare and paged: the same address means another place"
    csrw satp, zero
    sfence.vma
    FUNCTION PHYS(20), 0x20
    FUNCTION PHYS(21), 0x21
    /* root entry 2 of set 1 leads to tables where the code of PHYS(20) is PHYS(21) */
    POKE L1(2) + 8, ENTRY(L0(2), PTE_V)
    POKE L1(2), ENTRY(0x80000000, RWX | PTE_G)
    li s2, 0
1:  slli a0, s2, 12
    li a1, 0x80200000
    add a0, a0, a1
    srli a0, a0, 2
    ori a0, a0, RWX
    slli a1, s2, 3
    li a2, L0(2)
    add a1, a1, a2
    sd a0, 0(a1)
    addi s2, s2, 1
    li a0, 512
    bne s2, a0, 1b
    POKE ROOT(1) + 2 * 8, ENTRY(L1(2), PTE_V)
    POKE ROOT(0) + 2 * 8, ENTRY(0x80000000, RWX)
    POKE L0(2) + ((PHYS(20) >> 12 & 511) * 8), ENTRY(PHYS(21), RX)
    fence.i
    ENTER MPP_S
    csrwi frm, 3
    li s9, 20
1:  CALL_EXPECT PHYS(20), 0x20
    SET_SATP 1, 2
    CALL_EXPECT PHYS(20), 0x21
    csrw satp, zero
    CALL_EXPECT PHYS(20), 0x20
    SET_SATP 0, 1
    CALL_EXPECT PHYS(20), 0x20
    SET_SATP 1, 2
    CALL_EXPECT PHYS(20), 0x21
    csrw satp, zero
    addi s9, s9, -1
    bnez s9, 1b
    LEAVE_S
#endif
    j pass
