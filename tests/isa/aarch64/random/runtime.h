/*
 * What a random program needs besides its blocks: state to begin with, checksums, undefined
 * instructions.  x27 is the number of the block on entry of dump; x28 to x30 have a purpose of
 * their own.
 */
/* clang-format off */
#ifndef VERBOSE
#define VERBOSE -1
#endif

#ifdef USER
    /* rt_sigaction(SIGILL) */
    mov x0, #4
    adr x1, sigill_action
    mov x2, #0
    mov x3, #8
    mov x8, #134
    svc #0
#else
    /* One GiB of memory as it is, so that misaligned accesses are allowed; FP on. */
    adr x0, vectors
    msr vbar_el1, x0
    ldr x0, =translation_table
    msr ttbr0_el1, x0
    mov x0, #0xff
    msr mair_el1, x0
    ldr x0, =0x200803519
    msr tcr_el1, x0
    isb
    msr uao, #1 /* LDTR and STTR are not for EL0 */
    mov x0, #(3 << 20)
    msr cpacr_el1, x0
    mrs x0, sctlr_el1
    orr x0, x0, #1
    bic x0, x0, #2
    bic x0, x0, #0x18
    msr sctlr_el1, x0
    isb
#endif
    adr x0, stack_top
    mov sp, x0
    msr fpsr, xzr
    msr fpcr, xzr
    /* Every register has a value of its own; some are those that most tell. */
    ldr x0, =first_values
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26
    ldr x\n, [x0, #(8 * \n)]
    .endr
    ld1 {v0.2d, v1.2d, v2.2d, v3.2d}, [x0]
    .irp n, 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ldr q\n, [x0, #(8 * \n)]
    .endr
    mov x28, #0
    mov x29, #0
    mov x30, #0
    msr nzcv, xzr
    b main

    .balign 8
/* Mix everything into the sum and print it. */
dump:
    stp x0, x1, [sp, #-16]!
    adrp x0, saved
    add x0, x0, #:lo12:saved
    mrs x1, nzcv
    str x1, [x0, #256]
    .irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
    str x\n, [x0, #(8 * \n)]
    .endr
    str x30, [x0, #240]
    ldp x2, x3, [sp]
    stp x2, x3, [x0]
    mrs x1, fpsr
    str x1, [x0, #264]
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    str q\n, [x0, #(288 + 16 * \n)]
    .endr
    adrp x1, undefined
    add x1, x1, #:lo12:undefined
    ldr x1, [x1]
    str x1, [x0, #272]
    str xzr, [x0, #248]
    str xzr, [x0, #280]
    mov x19, x27
    mov x20, x30
    /* x28: where the buffer was; its address is the same everywhere */
    mov x1, #((800 + 1024) / 8)
    ldr x2, =0x100000001b3
    ldr x3, [x0, #-8]
1:  ldr x4, [x0], #8
    eor x3, x3, x4
    mul x3, x3, x2
    ror x3, x3, #29
    subs x1, x1, #1
    b.ne 1b
    adrp x0, saved
    add x0, x0, #:lo12:saved
    str x3, [x0, #-8]
    mov x21, x3
    bl print_hex
    bl print_newline
    ldr x1, =VERBOSE
    cmp x1, x19
    b.ne 2f
    adrp x22, saved
    add x22, x22, #:lo12:saved
    mov x23, #((800 + 1024) / 8)
3:  ldr x21, [x22], #8
    bl print_hex
    bl print_newline
    subs x23, x23, #1
    b.ne 3b
2:  mov x30, x20
    /* All back. */
    adrp x0, saved
    add x0, x0, #:lo12:saved
    ldr x1, [x0, #256]
    msr nzcv, x1
    .irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
    ldr x\n, [x0, #(8 * \n)]
    .endr
    ldp x0, x1, [sp], #16
    ret

/* x21 as 16 digits. */
print_hex:
    mov x15, #16
    adrp x1, text
    add x1, x1, #:lo12:text
    mov x14, x1
1:  ror x21, x21, #60
    and x13, x21, #15
    cmp x13, #10
    add x12, x13, #48
    add x13, x13, #87
    csel x13, x12, x13, lo
    strb w13, [x14], #1
    subs x15, x15, #1
    b.ne 1b
    mov x2, #16
    b print
print_newline:
    adr x1, newline
    mov x2, #1
print:
#ifdef USER
    mov x0, #1
    mov x8, #64
    svc #0
    ret
finish:
    mov x0, #0
    mov x8, #94
    svc #0
#else
    /* SYS_WRITE0: a string that ends with zero */
    strb wzr, [x1, x2]
    mov w0, #4
    hlt #0xf000
    ret
finish:
    ldr x1, =exit_block
    mov w0, #0x18
    hlt #0xf000
    b .
#endif

/* Count an undefined instruction and go on after it. */
#ifdef USER
sigill:
    ldr x3, [x2, #440]
    add x3, x3, #4
    str x3, [x2, #440]
    ldr x4, =undefined
    ldr x5, [x4]
    add x5, x5, #1
    str x5, [x4]
    ret
    .balign 8
sigill_action:
    .quad sigill, 4 /* SA_SIGINFO */, 0, 0
#else
    .balign 2048
vectors:
    .rept 4
    .balign 128
    b bad_exception
    .endr
    .balign 128
    b exception
    .rept 11
    .balign 128
    b bad_exception
    .endr
exception:
    stp x3, x4, [sp, #-32]!
    str x5, [sp, #16]
    mrs x3, esr_el1
    lsr x3, x3, #26
    cbnz x3, bad_exception
    mrs x3, elr_el1
    add x3, x3, #4
    msr elr_el1, x3
    ldr x4, =undefined
    ldr x5, [x4]
    add x5, x5, #1
    str x5, [x4]
    ldr x5, [sp, #16]
    ldp x3, x4, [sp], #32
    eret
bad_exception:
    mrs x21, esr_el1
    bl print_hex
    bl print_newline
    mrs x21, elr_el1
    bl print_hex
    bl print_newline
    mrs x21, far_el1
    bl print_hex
    bl print_newline
    b finish
    .ltorg
#endif

    .data
    .balign 4096
translation_table:
    .quad 0x701 /* a block of 1 GiB at 0: AF, inner shareable, attribute 0 */
    .quad 0x40000701
    .fill 510, 8, 0
    .balign 16
exit_block:
    .quad 0x20026, 0
newline:
    .ascii "\n\0"
text:
    .fill 24
    .balign 16
first_values:
    .set v, 0x9e3779b97f4a7c15
    .rept 66
    .quad v
    .set v, v * 3 + 0x1234567
    .endr
    .quad 0
    .balign 16
    .fill 4096
stack_top:
    .balign 16
    .quad 0
    .quad 0xcbf29ce484222325 /* the sum */
saved:
    .fill 800
    /* buffer follows: it is part of the sum */
    .globl buffer
buffer:
    .fill 1024, 1, 0x5a
undefined:
    .quad 0
    .text
    .ltorg
    .org 0x2000 /* main is at the same address either way */
