/*
 * Debug in AArch32 state: what coprocessor 14 says, breakpoints, watchpoints, vector catch, and which
 * registers there are not.
 * Ref: DDI 0487, G2 (AArch32 self-hosted debug), G8.3 (debug registers).
 *
 * RUN: gic-version=2
 * WANT: 35158000  DBGDIDR: Armv7.1, six breakpoints, four watchpoints
 * WANT: 00100f10  DBGDEVID
 * WANT: 000000ff  DBGCLAIMSET
 * WANT: 00000005  DBGCLAIMCLR
 * WANT: 00000000  DBGDSCRint
 * WANT: 00000000  and after a word to DBGDTRTXint
 * WANT: 00008000  DBGDSCRint with monitor debug
 * WANT: 00000001  breakpoint: entry, IFSR
 * WANT: 00000002
 * WANT: 00000000  where
 * WANT: 00000001  for User, System and Supervisor mode
 * WANT: 00000002
 * WANT: 00000000  where
 * WANT: 00000001  mismatch: the instruction after
 * WANT: 00000002
 * WANT: 00000004  where
 * WANT: 0000000a  watchpoint: entry, DFSR
 * WANT: 00000802
 * WANT: 00000000  DFAR: the word
 * WANT: 00000005  the vector of SVC: entry, IFSR
 * WANT: 00000002
 * WANT: 00000008  where
 * WANT: 00000013  SVC's handler runs then
 * WANT: 00000011  nothing stops while the double lock is set
 * WANT: 000000dd  MRC c14, c0, 1
 * WANT: 000000dd  MRC c14, c3, 2
 * WANT: 000000dd  MRC c14, c8, 0, of Armv8
 * WANT: 000000dd  DBGBXVR4, without Hyp mode
 * WANT: 000000dd  ATS12NSOPR
 * WANT: 000000dd  DBGDCCINT, of Armv8
 * WANT: 00000000  ID register that is reserved
 */
        .syntax unified
        .arch   armv7-a
        .arm
        .text
        .global _start
        .macro  show, reg
        push    {r0}
        mov     r0, \reg
        bl      hex
        pop     {r0}
        .endm
        .macro  undefined, insn:vararg
        mov     r9, 0
        \insn
        show    r9
        .endm
_start: ldr     sp, =stack
        mov     r7, 0
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        cps     0x17
        ldr     sp, =astack
        cps     0x1b
        ldr     sp, =ustack
        cps     0x13
        mov     r10, 0
        mcr     p14, 0, r10, c1, c0, 4  /* DBGOSLAR: unlocked */
        mrc     p14, 0, r1, c0, c0, 0
        show    r1
        mrc     p14, 0, r1, c7, c2, 7
        show    r1
        mrc     p14, 0, r1, c7, c8, 6
        show    r1
        mov     r1, 5
        mcr     p14, 0, r1, c7, c8, 6
        mrc     p14, 0, r1, c7, c9, 6
        show    r1
        mrc     p14, 0, r1, c0, c1, 0
        show    r1
        mcr     p14, 0, r1, c0, c5, 0
        mrc     p14, 0, r1, c0, c1, 0
        show    r1
        mov     r1, 0x8000
        mcr     p14, 0, r1, c0, c2, 2
        isb
        mrc     p14, 0, r1, c0, c1, 0
        show    r1

        ldr     r8, =here
        mcr     p14, 0, r8, c0, c0, 4
        ldr     r1, =0x1e7
        mcr     p14, 0, r1, c0, c0, 5
        isb
here:   nop
        ldr     r8, =os
        mcr     p14, 0, r8, c0, c0, 4
        ldr     r1, =0x1e1
        mcr     p14, 0, r1, c0, c0, 5
        isb
os:     nop
        ldr     r8, =step
        mcr     p14, 0, r8, c0, c0, 4
        ldr     r7, =0x4001e1           /* which does not match in Undefined mode, where it is set */
        udf     1
step:   nop
        nop
        mov     r7, 0
        ldr     r8, =word
        mcr     p14, 0, r8, c0, c0, 6
        ldr     r1, =0x1f7
        mcr     p14, 0, r1, c0, c0, 7
        isb
        str     r1, [r8]
        ldr     r8, =vectors
        mov     r1, 4
        mcr     p14, 0, r1, c0, c7, 0
        isb
        svc     1
        show    r1
        mov     r1, 1
        mcr     p14, 0, r1, c1, c3, 4   /* DBGOSDLR */
        ldr     r8, =lock
        mcr     p14, 0, r8, c0, c0, 4
        ldr     r1, =0x1e7
        mcr     p14, 0, r1, c0, c0, 5
        isb
lock:   mov     r1, 0x11
        mov     r2, 0
        mcr     p14, 0, r2, c0, c0, 5
        mcr     p14, 0, r2, c1, c3, 4
        show    r1

        undefined mrc p15, 0, r1, c14, c0, 1
        undefined mrc p15, 0, r1, c14, c3, 2
        undefined mrc p15, 0, r1, c14, c8, 0
        undefined mrc p14, 0, r1, c1, c4, 1
        undefined mcr p15, 0, r1, c7, c8, 4
        undefined mrc p14, 0, r1, c0, c2, 0
        mrc     p15, 0, r1, c0, c7, 3
        show    r1
        b       pass
        .balign 32
vectors:
        b       .
        b       undef
        b       supervisor
        b       prefetch
        b       data
        b       .
        b       .
        b       .
undef:  mov     r9, 0xdd
        cmp     r7, 0
        mcrne   p14, 0, r7, c0, c0, 5
        movs    pc, lr
supervisor:
        mov     r1, 0x13
        movs    pc, lr
prefetch:
        mov     r11, lr
        mrc     p14, 0, r6, c0, c1, 0
        ubfx    r6, r6, 2, 4
        show    r6
        mrc     p15, 0, r6, c5, c0, 1
        show    r6
        sub     r6, r11, 4
        sub     r6, r6, r8
        show    r6
        b       resume
data:   sub     r11, lr, 4
        mrc     p14, 0, r6, c0, c1, 0
        ubfx    r6, r6, 2, 4
        show    r6
        mrc     p15, 0, r6, c5, c0, 0
        show    r6
        mrc     p15, 0, r6, c6, c0, 0
        sub     r6, r6, r8
        show    r6
resume: mov     r6, 0                   /* off, then the same instruction again */
        mcr     p14, 0, r6, c0, c0, 5
        mcr     p14, 0, r6, c0, c0, 7
        mcr     p14, 0, r6, c0, c7, 0
        subs    pc, r11, 4
#include "hex.inc"
        .balign 8
word:   .space  8
        .bss
        .balign 8
        .space 1024
stack:  .space 1024
astack: .space 1024
ustack: .space 8
