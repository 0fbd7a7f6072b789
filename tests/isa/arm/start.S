/*
 * The catalogue on a machine by itself: System mode, memory mapped as normal, output and exit by semihosting.
 * An exception is noted, and goes on behind the instructions.
 */
        .syntax unified
        .arch   armv8-a
        .fpu    neon-fp-armv8
        .arm
        .text
        .global _start
_start:
        adr     r0, vectors
        mcr     p15, 0, r0, c12, c0, 0
        ldr     r0, =0x40000c0e         /* sections: normal memory, write-back, full access */
        ldr     r1, =table + 4 * 0x400
        mov     r2, 512
1:      str     r0, [r1], 4
        add     r0, r0, 0x100000
        subs    r2, r2, 1
        bne     1b
        ldr     r0, =table
        mcr     p15, 0, r0, c2, c0, 0
        mov     r0, 0
        mcr     p15, 0, r0, c2, c0, 2
        mov     r0, 3
        mcr     p15, 0, r0, c3, c0, 0
        mcr     p15, 0, r0, c8, c7, 0
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, 5
        orr     r0, r0, 0x1000
        mcr     p15, 0, r0, c1, c0, 0
        isb
        mrc     p15, 0, r0, c1, c0, 2
        orr     r0, r0, 0xf00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        mov     r0, 0x40000000
        vmsr    fpexc, r0
        cpsid   aif, 0x1b
        ldr     sp, =exception_stack
        cpsid   aif, 0x17
        ldr     sp, =exception_stack
        cpsid   aif, 0x1f
        ldr     sp, =stack_top
        mov     r0, 0
#ifdef WORD
        ldr     r0, =WORD
#endif
        bl      catalogue
        ldr     r1, =0x20026            /* ADP_Stopped_ApplicationExit */
        b       leave

/* void print(const char *text) */
        .global print
print:
        mov     r1, r0
        mov     r0, 4                   /* SYS_WRITE0 */
        svc     0x123456
        bx      lr

        .global code_written
code_written:
        ldr     r0, =0x50010000
        mcr     p15, 0, r0, c7, c11, 1  /* DCCMVAU */
        dsb
        mcr     p15, 0, r0, c7, c5, 0   /* ICIALLU */
        dsb
        isb
        bx      lr

        .balign 32
vectors:
        b       failed
        b       undefined
        b       failed
        b       failed
        b       aborted
        b       failed
        b       failed
        b       failed
undefined:
        push    {r0, r1}
        mov     r0, 1
        b       note
aborted:
        push    {r0, r1}
        mov     r0, 2
note:
        ldr     r1, =exception_seen
        str     r0, [r1]
        mrs     r0, spsr
        bic     r0, r0, 0x06000000      /* IT */
        bic     r0, r0, 0x0000fc00
        bic     r0, r0, 0x00000220      /* E, T */
        msr     spsr_fsxc, r0
        ldr     lr, =0x50011000
        pop     {r0, r1}
        movs    pc, lr
        .global raise                   /* libgcc, of divisions by 0 */
raise:
failed:
        ldr     r0, =message
        bl      print
        ldr     r1, =0x20023            /* ADP_Stopped_RunTimeErrorUnknown */
leave:
        mov     r0, 0x18
        svc     0x123456
        b       .
        .ltorg
message:
        .asciz  "unexpected exception\n"
        .bss
        .balign 16384
table:  .space  16384
        .global exception_seen
exception_seen:
        .space  8
        .space  4096
exception_stack:
        .space  65536
stack_top:
        .section .note.GNU-stack, "", %progbits
