/*
 * The catalogue on a machine by itself: EL1, MMU off, output and exit by semihosting.
 * What is undefined comes to the vector table, is marked and skipped.
 */
        .globl  _start, undefined_seen
_start:
        adrp    x0, stack_top
        add     x0, x0, :lo12:stack_top
        mov     sp, x0
        mov     x0, #3 << 20            /* CPACR_EL1.FPEN */
        msr     cpacr_el1, x0
        adr     x0, vectors
        msr     vbar_el1, x0
        isb
        mov     w0, 0
#ifdef WORD
        ldr     w0, =WORD
#endif
        bl      catalogue
        adr     x1, exited
        mov     w0, 0x18                /* SYS_EXIT */
        hlt     0xf000
        b       .

/* void print(const char *text) */
        .globl  print
print:
        mov     x1, x0
        mov     w0, 4                   /* SYS_WRITE0 */
        hlt     0xf000
        ret

/* int run_word(uint32_t word, struct state *s) */
        .globl  run_word
run_word:
        stp     x29, x30, [sp, -16]!
        adr     x2, code
        str     w0, [x2]
        dc      cvau, x2
        dsb     ish
        ic      ivau, x2
        dsb     ish
        isb
        adr     x3, undefined_seen
        str     wzr, [x3]
        mov     x0, x2
        bl      run_code
        adr     x3, undefined_seen
        ldr     w0, [x3]
        eor     w0, w0, 1
        ldp     x29, x30, [sp], 16
        ret

        .balign 2048
vectors:
        .rept   4
        b       failed
        .balign 128
        .endr
        stp     x0, x1, [sp, -16]!      /* current EL, SP_EL1, synchronous */
        mrs     x0, esr_el1
        lsr     x0, x0, 26
        cbnz    x0, failed
        mov     w0, 1
        adr     x1, undefined_seen
        str     w0, [x1]
        mrs     x0, elr_el1
        add     x0, x0, 4
        msr     elr_el1, x0
        ldp     x0, x1, [sp], 16
        eret
        .balign 128
        .rept   11
        b       failed
        .balign 128
        .endr
failed:
        adr     x0, message
        bl      print
        adr     x1, exited_failed
        mov     w0, 0x18
        hlt     0xf000
        b       .
message:
        .asciz  "unexpected exception\n"
        .balign 64
code:   .word   0
        ret
        .balign 64
undefined_seen:
        .word   0
        .balign 8
exited: .quad   0x20026, 0              /* ADP_Stopped_ApplicationExit */
exited_failed:
        .quad   0x20026, 1
        .bss
        .balign 16
        .skip   65536
stack_top:
