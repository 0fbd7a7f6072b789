/*
 * Interrupts that hit hot loops of every shape: taken, counted, and no register or count disturbed; wfi.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"
#include "sys.h"

#define MSIP     0x2000000
#define MTIMECMP 0x2004000
#define MTIME    0x200bff8
#define MIE_MSIE 0x8
#define MIE_MTIE 0x80
#define TICKS    200 /* between two interrupts: 20 microseconds */
#define WANTED   300 /* interrupts in each loop */

/* s0 counts interrupts; s10, s11 belong to the handler while interrupts are on. */
.macro TIMER_ON
    li s0, 0
    la a0, on_timer
    csrw mtvec, a0
    li a0, MIE_MTIE
    csrw mie, a0
    li s10, MTIME
    lw s11, 0(s10)
    li s10, MTIMECMP
    sw zero, 4(s10)
    addi s11, s11, TICKS
    sw s11, 0(s10)
    csrsi mstatus, MSTATUS_MIE
.endm
.macro TIMER_OFF
    csrci mstatus, MSTATUS_MIE
    csrw mie, zero
    la a0, trap
    csrw mtvec, a0
.endm

tests:
    OPEN_PMP
    li s9, 0

    TEST "a loop of one block"
    TIMER_ON
    li s1, 0
    li s2, 0
    li a2, WANTED
1:  addi s1, s1, 1
    addi s2, s2, 2
    blt s0, a2, 1b
    TIMER_OFF
    slli s1, s1, 1
    EXPECT_EQ s1, s2

    TEST "a jump to itself"
    li a2, WANTED
    la s3, 2f
    li s9, 1 /* the handler goes on at s3 when it has counted enough */
    TIMER_ON
1:  j 1b
2:  TIMER_OFF
    li s9, 0
    slt a0, s0, a2
    EXPECT a0, 0

    TEST "chained blocks"
    TIMER_ON
    li s1, 0
    li s2, 0
    li s3, 0
1:  addi s1, s1, 1
    andi a0, s1, 1
    beqz a0, 2f
    addi s2, s2, 1
    j 3f
2:  addi s3, s3, 1
    j 4f
3:  blt s0, a2, 1b
    j 5f
4:  blt s0, a2, 1b
5:  TIMER_OFF
    add s2, s2, s3
    EXPECT_EQ s1, s2

    TEST "blocks of two pages"
    POKE32 PHYS(1), 0x00148493      /* addi s1, s1, 1 */
    POKE32 PHYS(1) + 4, 0x00001517  /* auipc a0, 1 */
    POKE32 PHYS(1) + 8, 0xffc50067  /* jalr zero, -4(a0): to PHYS(2) */
    POKE32 PHYS(2), 0x00190913      /* addi s2, s2, 1 */
    POKE32 PHYS(2) + 4, 0x00c44463  /* blt s0, a2, +8 */
    POKE32 PHYS(2) + 8, INSN_RET
    POKE32 PHYS(2) + 12, 0xff5fe06f /* j PHYS(1) */
    fence.i
    li s1, 0
    li s2, 0
    li a1, PHYS(1)
    TIMER_ON
    jalr ra, 0(a1)
    TIMER_OFF
    EXPECT_EQ s1, s2

    TEST "calls and returns"
    TIMER_ON
    li s1, 0
    li s2, 0
    li s3, 0
1:  addi s1, s1, 1
    jal ra, leaf
    jal ra, nested
    blt s0, a2, 1b
    TIMER_OFF
    EXPECT_EQ s1, s2
    EXPECT_EQ s1, s3

    TEST "recursion deeper than any return stack"
    TIMER_ON
    li s1, 0
    li s2, 0
1:  li a3, 40
    mv a4, sp
    li sp, SCRATCH + 0x80000
    jal ra, recurse
    addi s1, s1, 40
    blt s0, a2, 1b
    TIMER_OFF
    EXPECT_EQ s1, s2

    TEST "indirect jumps through a table"
    TIMER_ON
    li s1, 0
    li s2, 0
    la s3, cases
1:  andi a0, s1, 7
    slli a0, a0, 3
    add a0, a0, s3
    addi s1, s1, 1
    jr a0
cases:
    .rept 8
    addi s2, s2, 1
    j 2f
    .endr
2:  blt s0, a2, 1b
    TIMER_OFF
    EXPECT_EQ s1, s2

    TEST "stores and loads: nothing is done twice or left out"
    TIMER_ON
    li s3, SCRATCH
    SX zero, 0(s3)
    SX zero, 8(s3)
    li s1, 0
1:  LX a0, 0(s3)
    addi a0, a0, 1
    SX a0, 0(s3)
    li a1, 1
    addi s4, s3, 8
    amoadd.w zero, a1, (s4)
    addi s1, s1, 1
    blt s0, a2, 1b
    TIMER_OFF
    LX a0, 0(s3)
    EXPECT_EQ a0, s1
    lw a0, 8(s3)
    EXPECT_EQ a0, s1

    TEST "floating point: values and flags stay"
    TIMER_ON
    li s1, 0
    csrw fcsr, zero
    fcvt.d.w fa0, zero
    li a0, 1
    fcvt.d.w fa1, a0
1:  fadd.d fa0, fa0, fa1
    addi s1, s1, 1
    blt s0, a2, 1b
    TIMER_OFF
    fcvt.wu.d a0, fa0
#if __riscv_xlen == 64
    sext.w s1, s1
    sext.w a0, a0
#endif
    EXPECT_EQ a0, s1
    csrr a0, fflags
    EXPECT a0, 0

    TEST "every register survives"
    TIMER_ON
    la a0, fill_and_compare
    jalr ra, 0(a0)
    TIMER_OFF

    TEST "wfi waits, and wakes for each"
    TIMER_ON
    li s1, 0
    li a2, 200
1:  wfi
    addi s1, s1, 1
    blt s0, a2, 1b
    TIMER_OFF
    li a1, 100000
    sltu a0, s1, a1
    EXPECT a0, 1

    TEST "wfi wakes for an interrupt that is enabled in mie but not in mstatus"
    li a0, MIE_MTIE
    csrw mie, a0
    li s10, MTIME
    lw s11, 0(s10)
    li s10, MTIMECMP
    addi s11, s11, 2000
    sw s11, 0(s10)
    wfi
    csrw mie, zero

    TEST "an interrupt by software, in the instruction after the store"
    la a0, on_soft
    csrw mtvec, a0
    li a0, MIE_MSIE
    csrw mie, a0
    csrsi mstatus, MSTATUS_MIE
    li s1, 3000
    li s0, 0
    li s2, 0
    li s10, MSIP
1:  li a0, 1
    sw a0, 0(s10)
    addi s2, s2, 1
    addi s1, s1, -1
2:  bne s0, s2, 2b
    bnez s1, 1b
    csrci mstatus, MSTATUS_MIE
    csrw mie, zero
    la a0, trap
    csrw mtvec, a0
    EXPECT s0, 3000

    TEST "a pending interrupt is taken as soon as it is enabled"
    li s10, MSIP
    li a0, 1
    sw a0, 0(s10)
    li a0, MIE_MSIE
    csrw mie, a0
    la a0, on_soft
    csrw mtvec, a0
    li s0, 0
    csrsi mstatus, MSTATUS_MIE
    mv a1, s0
    csrci mstatus, MSTATUS_MIE
    csrw mie, zero
    la a0, trap
    csrw mtvec, a0
    EXPECT a1, 1

    TEST "vectored: cause times four"
    li s10, MSIP
    li a0, 1
    sw a0, 0(s10)
    la a0, vectors + 1
    csrw mtvec, a0
    li s0, 0
    csrsi mstatus, MSTATUS_MIE
    csrwi mie, MIE_MSIE
    csrci mstatus, MSTATUS_MIE
    csrw mie, zero
    la a0, trap
    csrw mtvec, a0
    EXPECT s0, 33
    j pass

leaf:
    addi s2, s2, 1
    ret
nested:
    mv a5, ra
    jal ra, nested_leaf
    jr a5
nested_leaf:
    addi s3, s3, 1
    ret
recurse:
    addi sp, sp, -16
    SX ra, 0(sp)
    addi s2, s2, 1
    addi a3, a3, -1
    beqz a3, 1f
    jal ra, recurse
1:  LX ra, 0(sp)
    addi sp, sp, 16
    ret

/* All registers that neither the harness nor the handler uses hold numbers of their own. */
fill_and_compare:
    mv a6, ra
    li s1, 1001
    li s2, 1002
    li s3, 1003
    li s4, 1004
    li s5, 1005
    li s6, 1006
    li s7, 1007
    li t3, 1028
    li t4, 1029
    li t5, 1030
    li t6, 1031
    li a4, 1014
    li a5, 1015
1:  blt s0, a2, 1b
    EXPECT s1, 1001
    EXPECT s2, 1002
    EXPECT s3, 1003
    EXPECT s4, 1004
    EXPECT s5, 1005
    EXPECT s6, 1006
    EXPECT s7, 1007
    EXPECT t3, 1028
    EXPECT t4, 1029
    EXPECT t5, 1030
    EXPECT t6, 1031
    EXPECT a4, 1014
    EXPECT a5, 1015
    jr a6

    .balign 4
on_timer:
    csrr s10, mcause
    bgez s10, unexpected_in_handler
    addi s0, s0, 1
    li s10, MTIME
    lw s11, 0(s10)
    li s10, MTIMECMP
    addi s11, s11, TICKS
    sw s11, 0(s10)
    beqz s9, 1f
    blt s0, a2, 1f
    csrw mepc, s3
1:  mret
unexpected_in_handler:
    csrr t2, mcause
    j unexpected_trap

    .balign 4
on_soft:
    sw zero, 0(s10)
    addi s0, s0, 1
    mret

    .balign 64
vectors:
    j fail
    j fail
    j fail
    j 1f
    .rept 12
    j fail
    .endr
1:  sw zero, 0(s10)
    li s0, 33
    mret
