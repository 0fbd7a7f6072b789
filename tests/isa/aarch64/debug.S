/*
 * Breakpoints, watchpoints and software step of the program itself, at EL1 with MDSCR_EL1.KDE.
 * RUN: cpu=cortex-a57
 */
#include "test.h"

    .set MDE, 1 << 15
    .set KDE, 1 << 13
    .set SS, 1
    .set B_ANY, 0x1e1       /* DBGBCR: E, BAS */
    .set B_EL1, 0x1e3
    .set W_EL1, 0x1fe3      /* DBGWCR: E, PAC of EL1, BAS */
    .set W_EL0, 0x1fe5
    .set LOAD, 8
    .set STORE, 16
    .set BOTH, 24
    .set ESR_BREAK, 0xc6000022
    .set ESR_READ, 0xd6000022
    .set ESR_WRITTEN, 0xd6000062

.macro MDSCR value
    ldr x0, =\value
    msr mdscr_el1, x0
    isb
.endm

.macro BREAK n, where, control
    adr x0, \where
    msr dbgbvr\n\()_el1, x0
    ldr x0, =\control
    msr dbgbcr\n\()_el1, x0
    isb
.endm

.macro WATCH n, where, control
    ldr x0, =\where
    msr dbgwvr\n\()_el1, x0
    ldr x0, =\control
    msr dbgwcr\n\()_el1, x0
    isb
.endm

.macro HIT esr, insn:vararg
    EXPECT_EXCEPTION (\esr >> 26), \insn
    EXPECT x25, \esr
.endm

    .globl tests
tests:
    str x30, [sp, #-16]!
    msr oslar_el1, xzr
    msr daifclr, #8

    TEST a breakpoint stops before its instruction
    MDSCR MDE + KDE
    BREAK 0, at1, B_EL1
    mov x1, #1
    HIT ESR_BREAK, at1: mov x1, #2
    EXPECT x1, 1

    TEST each time, in a loop that is hot
    mov x5, #0
again:
    mov x27, #0x31
    adr x26, skip2
    BREAK 1, at2, B_EL1
at2:
    b fail
skip2:
    add x5, x5, #1
    cmp x5, #200
    b.ne again
    mov x27, #-1
    msr dbgbcr1_el1, xzr

    TEST the other exception level, or the other security state
    BREAK 0, at3, B_ANY + 4
at3:
    nop
    BREAK 0, at4, B_EL1 + 0x8000        /* SSC: secure only */
at4:
    nop
    BREAK 0, at5, B_EL1 + 0x4000        /* not secure only */
    HIT ESR_BREAK, at5: nop

    TEST MDSCR.MDE and KDE, PSTATE.D, the OS lock, DBGBCR.E
    BREAK 0, at6, B_EL1
    MDSCR KDE
    bl at6
    MDSCR MDE
    bl at6
    MDSCR MDE + KDE
    msr daifset, #8
    bl at6
    msr daifclr, #8
    mov x0, #1
    msr oslar_el1, x0
    isb
    bl at6
    mrs x1, oslsr_el1
    EXPECT x1, 10
    msr oslar_el1, xzr
    isb
    mrs x1, oslsr_el1
    EXPECT x1, 8
    BREAK 0, at6, 0x1e2
    bl at6
    BREAK 0, at6, B_EL1
    adr x30, done6
    HIT ESR_BREAK, at6: ret
done6:

    TEST linked to a context
    mov x0, #0x1234
    msr dbgbvr5_el1, x0
    ldr x0, =0x3001e7                   /* BT: linked context, all levels */
    msr dbgbcr5_el1, x0
    BREAK 0, at7, B_EL1 + (1 << 20) + (5 << 16)
    msr contextidr_el1, xzr
    isb
at7:
    nop
    mov x0, #0x1234
    msr contextidr_el1, x0
    BREAK 0, at8, B_EL1 + (1 << 20) + (5 << 16)
    HIT ESR_BREAK, at8: nop
    BREAK 0, at9, B_EL1 + (1 << 20) + (4 << 16) /* that one is off */
at9:
    nop
    BREAK 0, at10, B_EL1 + (1 << 20) + (1 << 16) /* that one knows no contexts */
at10:
    nop
    msr dbgbcr5_el1, xzr
    msr dbgbcr0_el1, xzr
    isb

    TEST a watchpoint on loads and stores
    ldr x9, =data
    WATCH 0, data, W_EL1 + BOTH
    HIT ESR_READ, ldr x1, [x9]
    EXPECT x24, data
    mov x2, #7
    HIT ESR_WRITTEN, str x2, [x9]
    HIT ESR_READ, ldrb w1, [x9, #7]
    ldr x1, [x9, #8]
    ldr x1, [x9, #-8]
    HIT ESR_READ, ldp x1, x2, [x9, #-8]
    HIT ESR_READ, ldp x1, x2, [x9]
    HIT ESR_READ, ldr q1, [x9, #-16 + 16]
    HIT ESR_WRITTEN, str q1, [x9]
    HIT ESR_WRITTEN, stp q1, q2, [x9, #-16]
    HIT ESR_READ, ld1 {v0.8b, v1.8b}, [x9]
    HIT ESR_WRITTEN, st1 {v1.d}[0], [x9]
    HIT ESR_READ, ldxr x1, [x9]
    HIT ESR_READ, ldar w1, [x9]
    HIT ESR_WRITTEN, stlr w1, [x9]
    HIT ESR_READ, ldr x1, [x9, #-4]
    HIT ESR_READ, ldr x1, [x9], #8
    EXPECT x9, data

    TEST loads only, stores only
    WATCH 0, data, W_EL1 + LOAD
    str x2, [x9]
    HIT ESR_READ, ldr x1, [x9]
    WATCH 0, data, W_EL1 + STORE
    ldr x1, [x9]
    HIT ESR_WRITTEN, strh w1, [x9, #6]
    HIT ESR_WRITTEN, dc zva, x9

    TEST bytes
    WATCH 0, data, 0x103 + BOTH /* BAS: byte 3 */
    ldrb w1, [x9, #2]
    ldrb w1, [x9, #4]
    ldrh w1, [x9, #4]
    HIT ESR_READ, ldrb w1, [x9, #3]
    HIT ESR_READ, ldrh w1, [x9, #2]
    HIT ESR_READ, ldr w1, [x9]
    ldr x1, =data + 4
    msr dbgwvr0_el1, x1
    ldr x1, =0x043 + BOTH /* BAS: byte 1 of the upper word */
    msr dbgwcr0_el1, x1
    isb
    ldrb w1, [x9, #1]
    HIT ESR_READ, ldrb w1, [x9, #5]

    TEST an area
    WATCH 0, page, W_EL1 + BOTH + (12 << 24)
    ldr x10, =page
    HIT ESR_READ, ldrb w1, [x10]
    HIT ESR_READ, ldrb w1, [x10, #4095]
    ldrb w1, [x10, #-1]
    mov x11, #4096
    ldrb w1, [x10, x11]
    HIT ESR_READ, ldur x1, [x10, #-1]

    TEST not for another level, or without KDE, or masked
    WATCH 0, data, W_EL0 + BOTH
    ldr x1, [x9]
    WATCH 0, data, W_EL1 + BOTH
    MDSCR MDE
    ldr x1, [x9]
    MDSCR MDE + KDE
    msr daifset, #8
    ldr x1, [x9]
    msr daifclr, #8
    HIT ESR_READ, ldr x1, [x9]

    TEST unprivileged accesses
    ldr x0, =level2_table
    ldr x1, [x0]
    orr x1, x1, #0x40
    str x1, [x0]
    dsb sy
    tlbi vmalle1
    dsb sy
    WATCH 0, 0xc0001000, W_EL1 + BOTH
    ldr x11, =0xc0001000
    ldtr x1, [x11]
    HIT ESR_READ, ldr x1, [x11]
    WATCH 0, 0xc0001000, W_EL0 + BOTH
    ldr x1, [x11]
    HIT ESR_READ, ldtr x1, [x11]
    HIT ESR_WRITTEN, sttrb w1, [x11]

    TEST linked to a context
    mov x0, #0x77
    msr dbgbvr4_el1, x0
    ldr x0, =0x3001e7
    msr dbgbcr4_el1, x0
    WATCH 0, data, W_EL1 + BOTH + (1 << 20) + (4 << 16)
    ldr x1, [x9]
    msr contextidr_el1, x0
    isb
    ldr x1, [x9]
    mov x0, #0x77
    msr contextidr_el1, x0
    isb
    HIT ESR_READ, ldr x1, [x9]
    msr dbgwcr0_el1, xzr
    msr dbgbcr4_el1, xzr

    TEST a step, and its syndrome
    adr x0, step_vectors
    msr vbar_el1, x0
    isb
    adr x1, s1
    bl step
    adr x1, s1 + 4
    cmp x23, x1
    b.ne fail
    EXPECT x25, 0xcf000022
    EXPECT x7, 0

    TEST of a branch
    adr x1, s2
    bl step
    adr x1, s1
    cmp x23, x1
    b.ne fail
    EXPECT x25, 0xcf000022

    TEST of a load-exclusive
    adr x1, s3
    bl step
    EXPECT x25, 0xcf000062

    TEST a step that is due at once
    adr x1, s1
    mov x2, #0
    bl step_with
    adr x1, s1
    cmp x23, x1
    b.ne fail
    EXPECT x25, 0xce000022

    TEST an instruction that faults has yet to be stepped
    mov x9, #1
    lsl x9, x9, #40
    adr x1, s4
    bl step
    adr x1, s4
    cmp x23, x1
    b.ne fail
    EXPECT x25, 0x96000004
    EXPECT x7, 1

    TEST a supervisor call has been stepped
    adr x1, s5
    bl step
    EXPECT x25, 0x56000007
    EXPECT x7, 0

    msr mdscr_el1, xzr
    msr daifset, #8
    ldr x30, [sp], #16
    ret

    .ltorg
/* Return to x1 with PSTATE.SS set (x2: with SPSR_EL1 having these bits). x25, x23, x7: ESR, ELR and SPSR.SS of the exception that comes. */
step:
    mov x2, #1 << 21
step_with:
    mov x26, x30
    msr daifset, #8
    mov x3, #0x145
    orr x2, x2, x3
    msr spsr_el1, x2
    msr elr_el1, x1
    ldr x0, =MDE + KDE + SS
    msr mdscr_el1, x0
    isb
    mov x27, #-1
    eret

s1: nop
    b fail
s2: b s1
    b fail
s3: ldxr x0, [sp]
    b fail
s4: ldr x0, [x9]
    b fail
s5: svc #7
    b fail

    .balign 2048
step_vectors:
    .rept 16
    .balign 128
    b step_handler
    .endr
step_handler:
    mrs x25, esr_el1
    mrs x23, elr_el1
    mrs x7, spsr_el1
    ubfx x7, x7, #21, #1
    ldr x0, =MDE + KDE
    msr mdscr_el1, x0
    msr elr_el1, x26
    eret
    .ltorg

    .data
    .balign 64
    .quad 0, 0, 0, 0, 0, 0, 0, 0
data:
    .quad 0, 0, 0, 0, 0, 0, 0, 0
    .balign 4096
    .quad 0
    .balign 4096
page:
    .fill 4096
    .quad 0
