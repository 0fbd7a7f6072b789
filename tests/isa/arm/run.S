/*
 * void run_code(struct state *s, uint32_t code): the instructions at code, between loads and stores of their state.
 * They leave for `behind`, which is copied to a place known to them (catalogue.h) and finds here what it needs.
 */
        .syntax unified
        .arch   armv8-a
        .fpu    neon-fp-armv8
        .arm
        .text
        .set    BEHIND, 0x50011000
        .set    SAVED, 0x50011800       /* r0, the state, the stack pointer, the way back, the code */
        .set    APSR, 60
        .set    FPSCR, 64
        .set    D, 72

        .global run_code
run_code:
        push    {r4-r12, lr}
        vpush   {d8-d15}
        ldr     r2, =SAVED
        str     r0, [r2, 4]
        str     sp, [r2, 8]
        ldr     r3, =back
        str     r3, [r2, 12]
        str     r1, [r2, 16]
        add     r3, r0, D
        vldm    r3!, {d0-d15}
        vldm    r3, {d16-d31}
        ldr     r3, [r0, FPSCR]
        vmsr    fpscr, r3
        ldr     r3, [r0, APSR]
        msr     apsr_nzcvqg, r3
        add     r14, r0, 4
        ldr     r0, [r0]
        ldm     r14, {r1-r14}           /* with the stack pointer */
        ldr     pc, =BEHIND + 0x400

/* Position-independent: nothing but r15 is known. */
        .macro  of_saved insn, reg, offset
        \insn  \reg, [pc, SAVED + \offset - BEHIND - 8 - (. - behind)]
        .endm
        .global behind, behind_end
behind:
        of_saved str, r0, 0
        of_saved ldr, r0, 4
        add     r0, r0, 4
        stm     r0, {r1-r14}
        sub     r0, r0, 4
        of_saved ldr, r1, 0
        str     r1, [r0]
        mrs     r1, apsr
        str     r1, [r0, APSR]
        vmrs    r1, fpscr
        str     r1, [r0, FPSCR]
        add     r1, r0, D
        vstm    r1!, {d0-d15}
        vstm    r1, {d16-d31}
        of_saved ldr, sp, 8
        of_saved ldr, pc, 12
        .space  0x400 - (. - behind)
        of_saved ldr, pc, 16            /* to the code */
behind_end:

back:
        mov     r1, 0
        vmsr    fpscr, r1
        vpop    {d8-d15}
        pop     {r4-r12, pc}
        .ltorg
        .section .note.GNU-stack, "", %progbits
