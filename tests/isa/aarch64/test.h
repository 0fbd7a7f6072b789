/*
 * What every A64 guest test starts with.  A test program runs at EL1 with an identity map of normal
 * memory and ends by semihosting, after printing P, or F and the number of the first failing test.
 *
 * The harness owns x28 (number of the test), x27 (exception class that is expected, or -1), x26
 * (where to go on after it), x25 and x24 (ESR and FAR of the last expected exception), x23 (its
 * return address), and x22 (scratch).
 */
/* clang-format off */
    .set test_number, 0

.macro LI reg, value
    ldr \reg, =\value
.endm

/* Name the checks that follow. */
.macro TEST name:vararg
    .set test_number, test_number + 1
    mov x28, #test_number
.endm

/* Register against a constant. */
.macro EXPECT reg, value
    ldr x22, =\value
    cmp \reg, x22
    b.eq .Lok\@
    b fail
.Lok\@:
.endm

/* NZCV against a number from 0 to 15. */
.macro EXPECT_NZCV value
    mrs x22, nzcv
    cmp x22, #(\value << 28)
    b.eq .Lok\@
    b fail
.Lok\@:
.endm

/* The instruction raises an exception of this class; execution goes on after it. */
.macro EXPECT_EXCEPTION ec, insn:vararg
    mov x27, #\ec
    adr x26, .Lnext\@
.Lat\@:
    \insn
    b fail
.Lnext\@:
    adr x22, .Lat\@
    cmp x22, x23
    b.eq .Lok\@
    b fail
.Lok\@:
    mov x27, #-1
.endm

.macro EXPECT_UNDEFINED insn:vararg
    EXPECT_EXCEPTION 0, \insn
    EXPECT x25, 0x02000000
.endm

    .text
    .globl _start
_start:
    adr x0, vectors
    msr vbar_el1, x0
    ldr x0, =translation_table
    msr ttbr0_el1, x0
    mov x0, #0xff
    msr mair_el1, x0
    ldr x0, =0x200803519
    msr tcr_el1, x0
    isb
    mov x0, #(3 << 20)
    msr cpacr_el1, x0
    mrs x0, sctlr_el1
    bic x0, x0, #0x18
    bic x0, x0, #2
    orr x0, x0, #1
    msr sctlr_el1, x0
    isb
    ldr x0, =stack_top
    mov sp, x0
    mov x27, #-1
    bl tests
    adr x1, passed
    mov w0, #4
    hlt #0xf000
    b finish

    .balign 2048
vectors:
    .rept 16
    .balign 128
    b exception
    .endr
exception:
    mrs x25, esr_el1
    mrs x24, far_el1
    mrs x23, elr_el1
    lsr x22, x25, #26
    cmp x22, x27
    b.ne unexpected
    msr elr_el1, x26
    eret
unexpected:
    ldr x1, =trap_at
    mov x0, x25
    bl put_hex
fail:
    ldr x1, =failed
    mov x0, x28
    bl put_hex
    ldr x1, =failed
    mov w0, #4
    hlt #0xf000
finish:
    ldr x1, =exit_block
    mov w0, #0x18
    hlt #0xf000
    b .
/* x0 as 8 digits at x1 + 1. */
put_hex:
    mov x2, #8
1:  and x3, x0, #15
    cmp x3, #10
    add x4, x3, #48
    add x3, x3, #87
    csel x3, x4, x3, lo
    strb w3, [x1, x2]
    lsr x0, x0, #4
    subs x2, x2, #1
    b.ne 1b
    ret
    .ltorg
passed:
    .asciz "P\n"
    .data
    .balign 4096
translation_table:
    .quad 0x701
    .quad 0x40000701
    .quad 0
    .quad level2_table + 3
    .fill 508, 8, 0
level2_table: /* 2 MiB of memory at 0xc0000000; nothing after them */
    .quad 0x40400701
    .fill 511, 8, 0
exit_block:
    .quad 0x20026, 0
failed:
    .ascii "F00000000"
trap_at:
    .asciz " 00000000 (syndrome of an exception, if not expected)\n"
    .balign 16
    .fill 4096
stack_top:
    .balign 4096
/* 64 KiB of memory that nothing else uses. */
scratch:
    .fill 65536
    .text
    .balign 16
