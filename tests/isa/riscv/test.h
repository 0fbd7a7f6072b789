/*
 * What every RISC-V guest test starts with.  A test program runs in M-mode from 0x80000000 and ends
 * through the SiFive test device: exit status 0, or 1 after printing F and the number of the first
 * failing test.
 *
 * The harness owns gp (number of the test), tp (cause of the trap that is expected, or -1), ra
 * (where to go on after it), sp (scratch), t0 and t1 (mtval and mepc of the last expected trap), t2
 * (scratch of the trap handler).  So tests use x8 and up, which leaves RVE something.
 */
/* clang-format off */
#define FINISHER 0x100000
#define UART     0x10000000
#define SCRATCH  0x80200000 /* 1 MiB of memory that nothing else uses */

#if __riscv_xlen == 64
#define LX    ld
#define SX    sd
#define DX    .dword
#define XSIZE 8
#else
#define LX    lw
#define SX    sw
#define DX    .word
#define XSIZE 4
#endif

    .set test_number, 0
    .option norvc
    .option norelax

/* Name the checks that follow. */
.macro TEST name:vararg
    .set test_number, test_number + 1
    li gp, test_number
.endm

/* Register against a constant. */
.macro EXPECT reg, value
    li sp, \value
    beq \reg, sp, .Lok\@
    j fail
.Lok\@:
.endm

/* Register against a register. */
.macro EXPECT_EQ reg, other
    beq \reg, \other, .Lok\@
    j fail
.Lok\@:
.endm

/* The instruction raises this exception; t0 and t1 are its mtval and mepc; execution goes on after it, in M-mode. */
.macro EXPECT_TRAP cause, insn:vararg
    li tp, \cause
    la ra, .Lnext\@
.Lat\@:
    \insn
    j fail
.Lnext\@:
    la sp, .Lat\@
    beq t1, sp, .Lok\@
    j fail
.Lok\@:
.endm

/* The same, and mtval is a constant. */
.macro EXPECT_TRAP_AT cause, tval, insn:vararg
    EXPECT_TRAP \cause, \insn
    EXPECT t0, \tval
.endm

.macro EXPECT_ILLEGAL word
    EXPECT_TRAP 2, .word \word
    li sp, \word
#if __riscv_xlen == 64
    slli sp, sp, 32
    srli sp, sp, 32
#endif
    beq t0, sp, .Lsame\@
    j fail
.Lsame\@:
.endm

    .text
    .globl _start
_start:
    .word 0x00000013
    csrr t0, mhartid
    bnez t0, other_hart
    la t0, trap
    csrw mtvec, t0
    li tp, -1
    li t0, 0x2000
    csrs mstatus, t0 /* FS = initial, if there are F registers */
    j tests

/* A test of several harts defines OTHER_HARTS, where the others go; RUN: smp=N. */
other_hart:
#ifdef OTHER_HARTS
    j OTHER_HARTS
#endif
    wfi
    j other_hart

    .balign 4
trap:
    csrr t2, mcause
    bne t2, tp, unexpected_trap
    csrr t0, mtval
    csrr t1, mepc
    csrw mepc, ra
    li tp, -1
    li t2, 0x1800
    csrs mstatus, t2 /* MPP = M */
    mret

unexpected_trap:
    li t0, UART
    li t1, 'T'
    sb t1, 0(t0)
    li t1, '0'
    add t1, t1, t2
    sb t1, 0(t0)
    li t1, ' '
    sb t1, 0(t0)
    j fail

/* "F" and the number in decimal. */
fail:
    li t0, UART
    li t1, 'F'
    sb t1, 0(t0)
    li t2, 1000
1:  li t1, '0'
2:  blt gp, t2, 3f
    sub gp, gp, t2
    addi t1, t1, 1
    j 2b
3:  sb t1, 0(t0)
    li sp, 1000
    li a0, 100
    beq t2, sp, 4f
    li sp, 100
    li a0, 10
    beq t2, sp, 4f
    li sp, 10
    li a0, 1
    beq t2, sp, 4f
    li t1, '\n'
    sb t1, 0(t0)
    li t0, 0x13333 /* status 1: the number is printed */
    j finish
4:  mv t2, a0
    j 1b

pass:
    li t0, UART
    li t1, 'P'
    sb t1, 0(t0)
    li t1, '\n'
    sb t1, 0(t0)
    li t0, 0x5555
finish:
    li t1, FINISHER
    sw t0, 0(t1)
1:  wfi
    j 1b

