/*
 * Steps of reciprocals with infinity and what AdvSIMD takes for 0: a subnormal number that is flushed says so, FPSCR.IDC.
 * Ref: DDI 0487, FPRecipStep() and FPRSqrtStep() of AArch32.
 *
 * RUN: gic-version=2
 * WANT: 40000000  VRECPS: infinity and 0
 * WANT: 00000000
 * WANT: 40000000  infinity and a subnormal number
 * WANT: 00000080
 * WANT: 40000000  the other way round
 * WANT: 00000080
 * WANT: 3fc00000  VRSQRTS: infinity and 0
 * WANT: 00000000
 * WANT: 3fc00000  infinity and a subnormal number
 * WANT: 00000080
 */
        .syntax unified
        .arch   armv7-a
        .fpu    neon
        .arm
        .text
        .global _start
        .macro  step, op, a, b
        mov     r1, 0
        vmsr    fpscr, r1
        ldr     r1, =\a
        ldr     r2, =\b
        vdup.32 d0, r1
        vdup.32 d1, r2
        \op\().f32 d2, d0, d1
        vmov.32 r0, d2[1]
        bl      hex
        vmrs    r0, fpscr
        bl      hex
        .endm
_start: ldr     sp, =stack
        mov     r0, 0xf00000
        mcr     p15, 0, r0, c1, c0, 2   /* CPACR */
        isb
        mov     r0, 0x40000000
        vmsr    fpexc, r0
        step    vrecps, 0x7f800000, 0x80000000
        step    vrecps, 0xff800000, 0x807fffff
        step    vrecps, 0x00000001, 0x7f800000
        step    vrsqrts, 0, 0x7f800000
        step    vrsqrts, 0x7f800000, 0x00400000
        b       pass
#include "hex.inc"
        .bss
        .balign 8
        .space  1024
stack:  .space  8
