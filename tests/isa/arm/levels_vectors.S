/*
 * Short vectors of VFP, which the Cortex-A8 has: banks, strides, scalars; words that a user-mode emulator of it printed, too.
 * Ref: DDI 0406, appendix K.
 *
 * CPU: cortex-a8
 * RUN: gic-version=2
 * WANT: 3f800000  s0
 * WANT: 40000000  s1
 * WANT: 42280000  s2
 * WANT: 40800000  s3
 * WANT: 40a00000  s4
 * WANT: 40c00000  s5
 * WANT: 40e00000  s6
 * WANT: 41000000  s7
 * WANT: 42080000  s8
 * WANT: 42100000  s9
 * WANT: 813e0200  s10
 * WANT: 409fff80  s11
 * WANT: 41500000  s12
 * WANT: 41600000  s13
 * WANT: 85dd9200  s14
 * WANT: c26ffc00  s15
 * WANT: 40a00000  s16
 * WANT: 40a00000  s17
 * WANT: 40a00000  s18
 * WANT: 40a00000  s19
 * WANT: 42fa0000  s20
 * WANT: 43020000  s21
 * WANT: 43070000  s22
 * WANT: c2700000  s23
 * WANT: 3fc00000  s24
 * WANT: 3fc00000  s25
 * WANT: 40e00000  s26
 * WANT: 41000000  s27
 * WANT: c1a80000  s28
 * WANT: c1b00000  s29
 * WANT: 40e00000  s30
 * WANT: 41000000  s31
 * WANT: 80000000  VCMP: less
 */
        .syntax unified
        .arch   armv7-a
        .fpu    neon
        .arm
        .text
        .global _start
_start: ldr     sp, =stack
        mrc     p15, 0, r0, c1, c0, 2
        orr     r0, r0, 0xf00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        mov     r0, 0x40000000
        vmsr    fpexc, r0
        ldr     r4, =words
        /* s0..s31 = 1..32; results of each step follow */
        mov     r0, 0
1:      add     r0, r0, 1
        vmov    s0, r0
        vcvt.f32.s32 s0, s0
        str     r0, [r4]
        vstr    s0, [r4]
        add     r4, r4, 4
        cmp     r0, 32
        bne     1b
        sub     r4, r4, 128
        vldm    r4, {s0-s31}
        vmrs    r1, fpscr
        orr     r1, r1, 0x30000         /* LEN 4 */
        vmsr    fpscr, r1
        vadd.f32 s8, s16, s24           /* vectors: s8 to s11 */
        vmul.f32 s14, s22, s1           /* a scalar; s14, s15, s8, s9 of s22, s23, s16, s17 */
        vadd.f32 s2, s16, s24           /* one: its bank is of scalars */
        vneg.f32 s28, s20
        vmla.f32 s20, s25, s3
        vabs.f32 s16, s4                /* a scalar for all */
        vmov.f32 s24, 1.5
        vcmp.f32 s8, s9
        vmrs    r2, fpscr
        bic     r1, r1, 0x370000
        orr     r1, r1, 0x310000        /* LEN 2, every other one */
        vmsr    fpscr, r1
        vsub.f64 d5, d9, d13            /* d5, d7 of d9, d11 and d13, d15 */
        vmov.f64 d15, d3                /* d15, d13 of d3 */
        bic     r1, r1, 0x370000
        vmsr    fpscr, r1
        vstm    r4, {s0-s31}
        and     r2, r2, 0xf0000000
        str     r2, [r4, 128]
        mov     r6, 33
2:      ldr     r0, [r4], 4
        bl      hex
        subs    r6, r6, 1
        bne     2b
        b       pass
#include "hex.inc"
        .balign 8
words:  .space  160
        .bss
        .balign 8
        .space 1024
stack:  .space 8
