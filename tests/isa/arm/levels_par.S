/*
 * PAR in the short format: addresses, attributes, faults.
 * Ref: DDI 0487, G8.2.114 (PAR), G5.7 (memory attributes).
 *
 * RUN: gic-version=2
 * WANT: 70012290  without the MMU
 * WANT: 80012254  a section, write-back
 * WANT: 800122d4  shareable
 * WANT: 800122b0  Device
 * WANT: 80012290  strongly ordered
 * WANT: 80010256  a supersection at 4 GiB
 * WANT: 0000001b  no permission
 * WANT: 80005268  a page, write-through
 * WANT: 800126e4  remapped: inner shareable, write-through within, write-back without
 */
        .syntax unified
        .arch   armv7-a
        .arm
        .text
        .global _start
        .macro  show, reg
        mov     r0, \reg
        bl      hex
        .endm
        .macro  par, desc
        ldr     r1, =\desc
        bl      translate
        show    r1
        .endm
_start: ldr     sp, =stack
        ldr     r8, =table              /* sections of normal memory, an identity */
        ldr     r1, =0x1140e
        mov     r2, 0
1:      orr     r3, r1, r2, lsl 20
        str     r3, [r8, r2, lsl 2]
        add     r2, r2, 1
        cmp     r2, 0x1000
        bne     1b
        ldr     r9, =0x70012345
        add     r8, r8, 0x1c00
        mcr     p15, 0, r9, c7, c8, 0
        isb
        mrc     p15, 0, r1, c7, c4, 0
        show    r1
        ldr     r0, =table
        mcr     p15, 0, r0, c2, c0, 0
        mov     r0, 0
        mcr     p15, 0, r0, c2, c0, 2
        mov     r0, 1
        mcr     p15, 0, r0, c3, c0, 0
        mcr     p15, 0, r0, c8, c7, 0
        dsb
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, 1
        mcr     p15, 0, r0, c1, c0, 0
        isb
        par     0x8000140e
        par     0x8001140e
        par     0x80000406
        par     0x80000402
        par     0x8014140e
        par     0x8000100e
        ldr     r1, =pages
        ldr     r2, =0x8000501a
        str     r2, [r1, 0x48]
        orr     r1, r1, 1
        bl      translate
        show    r1
        ldr     r0, =0x80088000         /* PRRR: 7 is normal */
        mcr     p15, 0, r0, c10, c2, 0
        ldr     r0, =0x40008000         /* NMRR */
        mcr     p15, 0, r0, c10, c2, 1
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, 0x10000000      /* TRE */
        mcr     p15, 0, r0, c1, c0, 0
        isb
        par     0x8001140e
        b       pass
/* r1: the first-level descriptor of r9, then PAR of a privileged read. */
translate:
        str     r1, [r8]
        dsb
        mcr     p15, 0, r0, c8, c7, 0
        dsb
        isb
        mcr     p15, 0, r9, c7, c8, 0
        isb
        mrc     p15, 0, r1, c7, c4, 0
        bx      lr
#include "hex.inc"
        .bss
        .balign 16384
table:  .space  16384
pages:  .space  1024
        .space  1024
stack:  .space  8
