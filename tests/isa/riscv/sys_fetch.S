/*
 * Jumps to where no code is: nothing, device registers, unmapped pages, odd addresses, the ends of memory.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

.macro NO_CODE address
    li a1, \address
    li tp, 1
    la ra, .Lback\@
    jr a1
    j fail
.Lback\@:
    EXPECT_EQ t1, a1
    EXPECT_EQ t0, a1
.endm

.macro NO_CODE_AFTER address, end
    li a1, \address
    li tp, 1
    la ra, .Lback\@
    jr a1
    j fail
.Lback\@:
    EXPECT t1, \end
    EXPECT t0, \end
.endm

tests:
    OPEN_PMP
    TEST "nothing there"
    NO_CODE 0x40
    NO_CODE 0x60000000
    NO_CODE 0xfffffffe
#if __riscv_xlen == 64
    NO_CODE 0x123456789abcdef0
    NO_CODE 0x8000000000000000
    NO_CODE -2
#endif
    TEST "device registers"
    NO_CODE 0x100000
    NO_CODE 0x101000
    NO_CODE 0x2000000
    NO_CODE 0x200bff8
    NO_CODE 0xc000000
    NO_CODE UART
    NO_CODE UART + 2
    NO_CODE 0x10001000
    NO_CODE 0x10008200
    NO_CODE 0x10100000
    TEST "many times, from one place and from many"
    li s0, 5000
    li s1, 0x40
1:  li tp, 1
    la ra, 2f
    jr s1
2:  EXPECT_EQ t0, s1
    xori s1, s1, 0x80
    addi s0, s0, -1
    bnez s0, 1b
    TEST "bit 0 of a target is ignored"
    FUNCTION PHYS(0), 9
    fence.i
    CALL_EXPECT PHYS(0) + 1, 9
    TEST "code from any even address"
    li s0, 0
    li s1, PHYS(0)
1:  sh zero, 0(s1)
    li a1, 0x0513
    sh a1, 2(s1)
    li a1, 0x0090
    sh a1, 4(s1)
    li a1, 0x8082 /* c.jr ra */
    sh a1, 6(s1)
    fence.i
    li a0, 0
    jalr ra, 2(s1)
    EXPECT a0, 9
    addi s1, s1, 2
    addi s0, s0, 2
    li a1, 2 * PAGE
    bltu s0, a1, 1b

    TEST "pages that are not mapped, or not for code"
    MAKE_TABLES 0
    MAP 0, 1, PHYS(0), RW
    MAP 0, 2, PHYS(0), RX | PTE_U
    MAP 0, 3, PHYS(0), PTE_V | PTE_W | PTE_A | PTE_D
    MAP 0, 4, UART, RX
    MAP 0, 5, 0x40000000, RX
    MAP 0, 6, PHYS(0), PTE_V | PTE_X | PTE_A
    SET_SATP 0, 1
    sfence.vma
    ENTER_AT MPP_S, VIRT(0), 12, VIRT(0), VIRT(0)
    ENTER_AT MPP_S, VIRT(1), 12, VIRT(1), VIRT(1)
    ENTER_AT MPP_S, VIRT(2), 12, VIRT(2), VIRT(2)
    ENTER_AT MPP_S, VIRT(3), 12, VIRT(3), VIRT(3)
    ENTER_AT MPP_S, VIRT(4), 1, VIRT(4), VIRT(4)
    ENTER_AT MPP_S, VIRT(5), 1, VIRT(5), VIRT(5)
    ENTER_AT MPP_U, VIRT(6), 12, VIRT(6), VIRT(6)
    ENTER_AT MPP_U, 0x80000000, 12, 0x80000000, 0x80000000
#if __riscv_xlen == 64
    TEST "addresses that are not canonical"
    ENTER_AT MPP_S, 0x4000000000, 12, 0x4000000000, 0x4000000000
    ENTER_AT MPP_S, 0x8000000080000000, 12, 0x8000000080000000, 0x8000000080000000
    ENTER_AT MPP_S, -2, 12, -2, -2
#endif
    TEST "off the end of a page: the next one is not mapped"
    POKE32 PHYS(1) - 4, INSN_NOP
    fence.i
    MAP 0, 1, PHYS(0), RX
    UNMAP 0, 2
    sfence.vma
    ENTER_AT MPP_S, VIRT(2) - 4, 12, VIRT(2), VIRT(2)
    TEST "off the end of memory"
    POKE32 0x87fffffc, INSN_NOP
    fence.i
    NO_CODE_AFTER 0x87fffffc, 0x88000000
    POKE32 0x87fffffc, 0x05130001
    fence.i
    li a1, 0x87fffffe
    li tp, 1
    la ra, 1f
    jr a1
1:  EXPECT t1, 0x87fffffe
    EXPECT t0, 0x88000000
    j pass
