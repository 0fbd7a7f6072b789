/*
 * Hot loops whose ground moves: their code is patched, the pages of their arrays change hands, their accesses turn to
 * device registers; and loops so long that the translator changes its mind about them in the middle.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

#define ROUNDS   300
#define CODE     PHYS(0)
#define MTIMECMP 0x2004000
#define MTIME    0x200bff8
#define MIE_MTIE 0x80
#define TICKS    300 /* between two interrupts */
#define FLASH    0x22000000 /* the second of the two: nothing runs there */
#define LONG     1500000
#define BOX      (SCRATCH + 0x80000) /* registers that the handler saves; what it found */
#define WRONG    (BOX + 0x100)

/* a5 = addi s3, s3, (\reg & 0x3ff) */
.macro STEP_WORD reg
    andi a5, \reg, 0x3ff
    slli a5, a5, 20
    li a4, 0x00098993
    or a5, a5, a4
.endm
.macro TIMER_ON handler
    csrci mstatus, MSTATUS_MIE
    la a0, \handler
    csrw mtvec, a0
    li a0, MIE_MTIE
    csrw mie, a0
    li a0, MTIME
    lw a1, 0(a0)
    addi a1, a1, TICKS
    li a0, MTIMECMP
    sw zero, 4(a0)
    sw a1, 0(a0)
.endm
.macro TIMER_OFF
    csrw mie, zero
    la a0, trap
    csrw mtvec, a0
.endm
/* From S-mode, whose interrupts count in s0, to M-mode without. */
.macro LEAVE_S_TIMER_OFF
    la ra, .Lleft\@
    ecall
.Lleft\@:
    csrci mstatus, MSTATUS_MIE
    TIMER_OFF
.endm
/* Handlers in M-mode: an interrupt's ends with RESTORE; ecall goes on at ra in M-mode; all else goes to protected. */
.macro SAVE
    csrw mscratch, a0
    li a0, BOX
    SX a1, 8(a0)
    SX a2, 16(a0)
    SX a3, 24(a0)
    SX a4, 32(a0)
    csrr a1, mcause
    bltz a1, .Ltimer\@
    csrr a2, mepc
    csrr a3, mtval
    li a4, 9
    bne a1, a4, protected
    csrw mepc, ra
    li a1, MPP_M
    csrs mstatus, a1
    j restore
.Ltimer\@:
.endm
/* The PTE of page 1 for frame 1 + s0 % 2. */
.macro MAP_BY_COUNT
    andi a1, s0, 1
    slli a1, a1, 10
    li a2, ENTRY(PHYS(1), RW)
    add a1, a1, a2
    li a2, L0(0) + PTE_SIZE
    SX a1, 0(a2)
    sfence.vma
.endm
/* In M-mode: fill a page with 2 * its words' numbers + \tag. */
.macro TAG_PAGE pa, tag
    li s1, \pa
    li s2, \pa + PAGE
    li s3, \tag
1:  sw s3, 0(s1)
    addi s3, s3, 2
    addi s1, s1, 4
    bne s1, s2, 1b
.endm

tests:
    OPEN_PMP
    MAKE_TABLES 0
    SET_SATP 0, 1
    sfence.vma

    TEST "a loop stores to its own body in each turn; it changes, with a fence, in some"
    li s0, 20000
    li s3, 0
    li s4, 0
    li s6, 0
    la s1, 2f
    STEP_WORD zero
1:  andi a1, s0, 255
    bnez a1, 3f
    STEP_WORD s0
    andi s6, s0, 0x3ff
    sw a5, 0(s1)
    fence.i
3:  sw a5, 0(s1)
    add s4, s4, s6
2:  addi s3, s3, 0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT_EQ s3, s4

    TEST "a hot loop is patched by another one's end"
    li s9, ROUNDS
    la s1, 2f
1:  STEP_WORD s9
    li s3, 0
    li s4, 0
    andi s6, s9, 0x3ff
    li s0, 100
3:  add s4, s4, s6
    addi s0, s0, -1
    bnez s0, 3b
    sw a5, 0(s1)
    fence.i
    li s0, 100
4:
2:  addi s3, s3, 0
    addi s0, s0, -1
    bnez s0, 4b
    EXPECT_EQ s3, s4
    addi s9, s9, -1
    bnez s9, 1b

    TEST "a hot loop in a page of its own is patched from a hot loop, now and then"
    POKE32 CODE, 0x00098993      /* addi s3, s3, 0 */
    POKE32 CODE + 4, 0xfff40413  /* addi s0, s0, -1 */
    POKE32 CODE + 8, 0xfe041ce3  /* bnez s0, -8 */
    POKE32 CODE + 12, INSN_RET
    fence.i
    li s9, 3000
    li s7, CODE
    li s3, 0
    li s4, 0
    li s6, 0
1:  andi a1, s9, 7
    bnez a1, 2f
    STEP_WORD s9
    andi s6, s9, 0x3ff
    slli a1, s6, 5
    slli a2, s6, 3
    add a1, a1, a2
    mv s8, a1
    sw a5, 0(s7)
    fence.i
2:  li s0, 40
    jalr ra, 0(s7)
    add s4, s4, s8
    addi s9, s9, -1
    bnez s9, 1b
    EXPECT_EQ s3, s4

    TEST "a copying loop runs into the page of a hot loop's code"
    li s9, ROUNDS
1:  la s1, templates
    andi a1, s9, 1
    slli a1, a1, 5
    add s1, s1, a1
    li s2, CODE + PAGE - 4000
    li a2, CODE + PAGE
    /* zeros up to the code, then the code, then zeros */
2:  sw zero, 0(s2)
    addi s2, s2, 4
    bne s2, a2, 2b
    li a2, CODE + PAGE + 32
3:  lw a3, 0(s1)
    sw a3, 0(s2)
    addi s1, s1, 4
    addi s2, s2, 4
    bne s2, a2, 3b
    fence.i
    li s3, 0
    li s0, 200
    li s7, CODE + PAGE
    jalr ra, 0(s7)
    li a1, 600
    andi a2, s9, 1
    beqz a2, 4f
    li a1, 1000
4:  EXPECT_EQ s3, a1
    addi s9, s9, -1
    bnez s9, 1b

    TEST "device registers in a hot loop: the state of the UART"
    li s1, UART
    li s0, 20000
    li s3, 0
1:  lbu a1, 5(s1)
    andi a1, a1, 0x60
    add s3, s3, a1
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT s3, 20000 * 0x60
    TEST "written and read back"
    li s0, 20000
    li s3, 0
    li s4, 0
1:  andi a1, s0, 255
    sb a1, 7(s1)
    lbu a2, 7(s1)
    add s3, s3, a1
    add s4, s4, a2
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT_EQ s3, s4
    TEST "a stream of bytes walks from memory into device registers"
    MAP 0, 1, PHYS(1), RW | PTE_U
    MAP 0, 2, UART, RW | PTE_U
    sfence.vma
    li s1, UART
    li a1, 0x5a
    sb a1, 7(s1)
    li s1, PHYS(1)
    li s2, PHYS(1) + PAGE
    li a1, 3
1:  sb a1, 0(s1)
    addi s1, s1, 1
    bne s1, s2, 1b
    DATA_AS MPP_U
    li s0, 50
2:  li s1, VIRT(1)
    li s2, VIRT(2) + 8
    li s3, 0
    li s4, 0
3:  add s3, s3, s4
    lbu s4, 0(s1)
    addi s1, s1, 1
    bne s1, s2, 3b
    /* the last is the scratch register, and of those before it only memory counts */
    EXPECT s4, 0x5a
    li a1, 3 * PAGE
    sltu a1, s3, a1
    EXPECT a1, 0
    addi s0, s0, -1
    bnez s0, 2b
    TEST "stores with a stride, into the last register"
    li s0, 50
2:  li s1, VIRT(2) + 7 - 8 * 40
    li s2, VIRT(2) + 7 + 8
    andi s3, s0, 255
3:  sb s3, 0(s1)
    addi s1, s1, 8
    bne s1, s2, 3b
    li s4, VIRT(2)
    lbu a1, 7(s4)
    EXPECT_EQ a1, s3
    li s4, VIRT(2) - 1
    lbu a1, 0(s4)
    EXPECT_EQ a1, s3
    addi s0, s0, -1
    bnez s0, 2b
    DATA_AS_M

    TEST "time goes forward"
    li s1, MTIME
    li s0, 20000
    lw s2, 0(s1)
1:  lw a1, 0(s1)
    sub a2, a1, s2
    bltz a2, fail
    mv s2, a1
    addi s0, s0, -1
    bnez s0, 1b

    TEST "flash between being read and telling its state"
    li s1, FLASH
    li a1, 0xff
    sw a1, 0(s1)
    lw s4, 0(s1)
    li s0, 3000
1:  li a1, 0x70
    sw a1, 0(s1)
    li s2, 5
2:  lw a2, 0(s1)
    andi a2, a2, 0x80
    beqz a2, 2b
    addi s2, s2, -1
    bnez s2, 2b
    li a1, 0x50
    sw a1, 0(s1)
    li a1, 0xff
    sw a1, 0(s1)
    li s2, 5
    li s3, 0
3:  lw a2, 0(s1)
    sub a2, a2, s4
    or s3, s3, a2
    addi s2, s2, -1
    bnez s2, 3b
    EXPECT s3, 0
    addi s0, s0, -1
    bnez s0, 1b

    TEST "stores to ROM leave it as it is"
    li s1, 0x5000
    li s2, 0x5400
    lw s4, 0(s1)
    not s5, s4
1:  sw s5, 0(s1)
    lw a1, 0(s1)
    EXPECT_EQ a1, s4
    addi s1, s1, 4
    bne s1, s2, 1b

    TEST "a long loop in registers"
    li s0, LONG
    li s1, 1
    li s2, 0
    li a1, 69069
1:  mul s1, s1, a1
    addi s1, s1, 5
    xor s2, s2, s1
    addi s0, s0, -1
    bnez s0, 1b
    la a1, long_result
    LX a2, 0(a1)
    EXPECT_EQ s1, a2
    LX a2, 8(a1)
    EXPECT_EQ s2, a2

    TEST "a long nest over memory: eight pages are counted up in each round"
    li s1, PHYS(8)
    li s2, PHYS(16)
1:  sw zero, 0(s1)
    addi s1, s1, 4
    bne s1, s2, 1b
    li s0, LONG / 8192
2:  li s1, PHYS(8)
3:  lw a1, 0(s1)
    addi a1, a1, 1
    sw a1, 0(s1)
    addi s1, s1, 4
    bne s1, s2, 3b
    addi s0, s0, -1
    bnez s0, 2b
    li s1, PHYS(8)
    li s3, 0
    li s4, LONG / 8192
4:  lw a1, 0(s1)
    sub a1, a1, s4
    or s3, s3, a1
    addi s1, s1, 4
    bne s1, s2, 4b
    EXPECT s3, 0

    TEST "a long sum of singles and doubles"
    csrw fcsr, zero
    li s0, LONG
    fcvt.s.w fs0, zero
    fcvt.d.w fs1, zero
    li a1, 1
    fcvt.s.w fs2, a1
    fcvt.d.w fs3, a1
1:  fadd.s fs0, fs0, fs2
    fadd.d fs1, fs1, fs3
    fmul.s fs4, fs0, fs2
    addi s0, s0, -1
    bnez s0, 1b
    fcvt.w.s a1, fs0
    EXPECT a1, LONG
    fcvt.w.d a1, fs1
    EXPECT a1, LONG
    fcvt.w.s a1, fs4
    EXPECT a1, LONG
    csrr a1, fflags
    EXPECT a1, 0

    TEST "loads while the page is exchanged by a timer: what is read is of the page that is mapped"
    MAP 0, 1, PHYS(1), RW
    TAG_PAGE PHYS(1), 0
    TAG_PAGE PHYS(2), 1
    li s0, 0 /* interrupts so far; page 1 is frame 1 + s0 % 2 */
    li s1, ROUNDS
    sfence.vma
    TIMER_ON exchange
    ENTER MPP_S
1:  li s2, VIRT(1)
    li s3, VIRT(2)
2:  mv a1, s0
    lw a2, 0(s2)
    mv a3, s0
    bne a1, a3, 3f
    xor a2, a2, a1
    andi a2, a2, 1
    bnez a2, fail
3:  addi s2, s2, 4
    bne s2, s3, 2b
    blt s0, s1, 1b
    LEAVE_S_TIMER_OFF
    TEST "the whole page in a loop without a branch: a page's words are of the two kinds only, in order"
    li s0, 0
    sfence.vma
    TIMER_ON exchange
    ENTER MPP_S
1:  li s2, VIRT(1)
    li s3, VIRT(2)
    li s4, 0
    li s5, 0
2:  lw a2, 0(s2)
    sub a2, a2, s4
    or s5, s5, a2
    addi s2, s2, 4
    addi s4, s4, 2
    bne s2, s3, 2b
    andi s5, s5, -2
    bnez s5, fail
    blt s0, s1, 1b
    LEAVE_S_TIMER_OFF

    TEST "stores while the page is exchanged: none goes to the other page after the fence"
    li s0, 0
    TAG_PAGE PHYS(1), -4096
    TAG_PAGE PHYS(2), -4096
    li a1, WRONG
    sw zero, 0(a1)
    li s1, ROUNDS
    MAP 0, 1, PHYS(1), RW
    sfence.vma
    TIMER_ON exchange_and_look
    ENTER MPP_S
1:  li s2, VIRT(1)
    li s3, VIRT(2)
2:  mv a1, s0
    sw a1, 0(s2)
    lw a2, 0(s2)
    mv a3, s0
    bne a1, a3, 3f
    bne a1, a2, fail
3:  addi s2, s2, 4
    bne s2, s3, 2b
    blt s0, s1, 1b
    LEAVE_S_TIMER_OFF
    li a1, WRONG
    lw a1, 0(a1)
    EXPECT a1, 0

    TEST "a page becomes read-only under a loop that stores to it"
    li s9, 100
again_protect:
    li s0, 0
    MAP 0, 1, PHYS(1), RW
    sfence.vma
    TIMER_ON protect
    la s7, 4f
    ENTER MPP_S
    li s1, 0
    li s4, 0
1:  li s2, VIRT(1)
    li s3, VIRT(2)
2:  addi s1, s1, 1
4:  sw s1, 0(s2)
    add s4, s4, s1
    addi s2, s2, 4
    bne s2, s3, 2b
    j 1b
protected:
    /* a1 = mcause, a2 = mepc, a3 = mtval, in M-mode */
    TIMER_OFF
    EXPECT a1, 15
    EXPECT_EQ a2, s7
    EXPECT_EQ a3, s2
    /* s1 - 1 stores were made, the last one below s2 */
    addi a4, s1, -1
    andi a4, a4, 1023
    slli a5, a4, 2
    li a6, VIRT(1)
    add a5, a5, a6
    EXPECT_EQ a5, s2
    li a6, PHYS(1)
    slli a5, a4, 2
    add a5, a5, a6
    lw a6, 0(a5)
    sltu a6, a6, s1 /* not stored: what the lap before left, or another round */
    beqz a4, 5f
    lw a6, -4(a5)
    addi a7, s1, -1
    EXPECT_EQ a6, a7
5:  /* s4 is the sum of 1 .. s1 - 1 */
    addi a4, s1, -1
    mul a5, a4, s1
    srli a5, a5, 1
    sub a5, a5, s4
    slli a5, a5, 1
    EXPECT a5, 0
    addi s9, s9, -1
    bnez s9, again_protect
    j pass

    .balign 32
templates: /* 200 times 3, or 5 */
    .word 0x00398993, 0xfff40413, 0xfe041ce3, INSN_RET, 0, 0, 0, 0
    .word 0x00598993, 0xfff40413, 0xfe041ce3, INSN_RET, 0, 0, 0, 0

    .balign 8
long_result:
#if __riscv_xlen == 64
    .dword 0x4b65d9aaf3740d21, 0x9a68781af647e6c0
#else
    .word 0xf3740d21, 0, 0xf647e6c0, 0
#endif

    .balign 4
exchange:
    SAVE
    addi s0, s0, 1
    MAP_BY_COUNT
    j restore

    .balign 4
exchange_and_look:
    SAVE
    addi a1, s0, 1
    andi a1, a1, 1
    slli a1, a1, 12
    li a2, PHYS(1)
    add a1, a1, a2
    li a2, PAGE
    add a2, a1, a2
1:  lw a3, 0(a1)
    beq a3, s0, 2f
    addi a1, a1, 4
    bne a1, a2, 1b
    j 3f
2:  li a1, WRONG
    li a2, 1
    sw a2, 0(a1)
3:  addi s0, s0, 1
    MAP_BY_COUNT
    j restore

    .balign 4
protect:
    SAVE
    addi s0, s0, 1
    MAP 0, 1, PHYS(1), PTE_V | PTE_R | PTE_A
    sfence.vma

restore:
    li a1, MTIME
    lw a2, 0(a1)
    addi a2, a2, TICKS
    li a1, MTIMECMP
    sw a2, 0(a1)
    li a0, BOX
    LX a4, 32(a0)
    LX a3, 24(a0)
    LX a2, 16(a0)
    LX a1, 8(a0)
    csrr a0, mscratch
    mret
