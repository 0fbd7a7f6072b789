/*
 * Instructions counted in AArch32 state: also those whose condition fails, in A32 and in IT blocks; not in Secure state
 * where SDCR.SPME is 0, but in User mode if SDER.SUNIDEN says so; cycles there, too.
 * Ref: DDI 0487, D13 (The Performance Monitors Extension).
 *
 * CPU: cortex-a53
 * RUN: secure=on,gic-version=2
 * WANT: 00000000  Secure Supervisor mode (EL3): forbidden
 * WANT: 00000003  with SPME
 * WANT: 00000007  a loop of 2 rounds
 * WANT: 00000004  conditions that fail, and that pass
 * WANT: 00000006  an IT block
 * WANT: 00000000  filtered at PL1
 * WANT: 00000003  M and P
 * WANT: 00000000  User mode: forbidden
 * WANT: 00000003  with SUNIDEN
 * WANT: 00000000  filtered at PL0
 * WANT: 00000003  Non-secure Supervisor mode
 * WANT: 00000000  filtered by NSK
 */
        .syntax unified
        .arch   armv7-a
        .arch_extension sec
        .arm
        .text
        .global _start
        .set    SPME, 1 << 17
        .set    P, 1 << 31
        .set    U, 1 << 30
        .set    NSK, 1 << 29
        .set    M, 1 << 26
        .macro  show, reg
        mov     r0, \reg
        bl      hex
        .endm
        .macro  count, reg
        mrc     p15, 0, \reg, c9, c13, 2 /* PMXEVCNTR */
        .endm
        .macro  event, filter
        ldr     r0, =8 + \filter
        mcr     p15, 0, r0, c9, c13, 1  /* PMXEVTYPER */
        isb
        .endm
        .macro  sdcr, bits
        ldr     r0, =\bits
        mcr     p15, 0, r0, c1, c3, 1
        isb
        .endm
        .macro  shown
        count   r9
        sub     r9, r9, r8
        show    r9
        .endm
        .macro  three
        count   r8
        nop
        nop
        shown
        .endm
        .macro  user
        cps     0x10
        count   r8
        nop
        nop
        count   r9
        svc     1                       /* to Supervisor mode */
        sub     r9, r9, r8
        show    r9
        .endm
_start: ldr     sp, =stack
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        mov     r0, 0
        mcr     p15, 0, r0, c9, c12, 5  /* PMSELR */
        mov     r0, 1
        mcr     p15, 0, r0, c9, c12, 1  /* PMCNTENSET */
        mcr     p15, 0, r0, c9, c12, 0  /* PMCR.E */
        mcr     p15, 0, r0, c9, c14, 0  /* PMUSERENR.EN */
        event   0
        three
        sdcr    SPME
        three
        mov     r7, 2
        count   r8
1:      nop
        subs    r7, r7, 1
        bne     1b
        shown
        cmp     r7, 1
        count   r8
        moveq   r0, 1
        addeq   r0, r0, 1
        movne   r0, 3
        shown
        adr     r0, 1f + 1
        count   r8
        bx      r0
        .thumb
1:      itte    eq
        moveq   r0, 1
        moveq   r0, 2
        movne   r0, 3
        mrc     p15, 0, r9, c9, c13, 2
        bx      pc
        nop
        .arm
        sub     r9, r9, r8
        show    r9
        event   P
        three
        event   P + M
        three
        event   0
        sdcr    0
        mov     r1, 0
        mcr     p15, 0, r1, c1, c1, 1   /* SDER */
        user
        mov     r1, 2                   /* SUNIDEN */
        mcr     p15, 0, r1, c1, c1, 1
        user
        event   U
        user
        event   0
        cps     0x16                    /* Monitor mode */
        mrc     p15, 0, r0, c1, c1, 0
        orr     r0, r0, 1               /* SCR.NS */
        mcr     p15, 0, r0, c1, c1, 0
        isb
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        mov     r1, 0x1d3
        msr     spsr_cxsf, r1
        adr     lr, 2f
        movs    pc, lr
2:      ldr     sp, =ustack
        three
        event   NSK
        three
        b       pass
        .balign 32
vectors:
        b       .
        b       .
        b       back
        b       .
        b       .
        b       .
        b       .
        b       .
/* From User mode to Supervisor mode. */
back:   mov     r0, 0x1d3
        msr     spsr_c, r0
        movs    pc, lr
#include "hex.inc"
        .bss
        .balign 8
        .space  1024
stack:  .space  1024
ustack: .space  8
