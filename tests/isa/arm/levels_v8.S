/*
 * What Armv8 lets software turn off in AArch32 state: barriers by CP15, SETEND, prediction restrictions of User mode.
 * Ref: DDI 0487, G8.2.126 (SCTLR).
 *
 * CPU: max
 * RUN: gic-version=2
 * WANT: 00000000  CP15DMB
 * WANT: 000000dd  without CP15BEN
 * WANT: 000000dd  CP15DSB
 * WANT: 000000dd  CP15ISB
 * WANT: 00000000  with it
 * WANT: 00000000  SETEND
 * WANT: 000000dd  with SED
 * WANT: 00000000  ITD is not there
 * WANT: 00000000  CFPRCTX
 * WANT: 000000dd  in User mode
 * WANT: 00000000  with EnRCTX
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
        .macro  try, insn:vararg
        mov     r9, 0
        \insn
        show    r9
        .endm
        .macro  user, insn:vararg
        cps     0x10
        mov     r9, 0
        \insn
        svc     1                       /* to System mode */
        show    r9
        .endm
        .macro  sctlr, op, bits
        mrc     p15, 0, r1, c1, c0, 0
        \op     r1, r1, \bits
        mcr     p15, 0, r1, c1, c0, 0
        isb
        .endm
_start: ldr     sp, =stack
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        cps     0x1b
        ldr     sp, =ustack
        cps     0x1f
        ldr     sp, =sstack
        cps     0x13
        try     mcr p15, 0, r0, c7, c10, 5
        sctlr   bic, 0x20
        try     mcr p15, 0, r0, c7, c10, 5
        try     mcr p15, 0, r0, c7, c10, 4
        try     mcr p15, 0, r0, c7, c5, 4
        sctlr   orr, 0x20
        try     mcr p15, 0, r0, c7, c10, 5
        try     setend le
        sctlr   orr, 0x100
        try     setend le
        sctlr   orr, 0x80
        mrc     p15, 0, r1, c1, c0, 0
        and     r1, r1, 0x80
        show    r1
        try     mcr p15, 0, r0, c7, c3, 4
        user    mcr p15, 0, r0, c7, c3, 4
        sctlr   orr, 0x400
        user    mcr p15, 0, r0, c7, c3, 4
        b       pass
        .balign 32
vectors:
        b       .
        b       undef
        b       supervisor
        b       .
        b       .
        b       .
        b       .
        b       .
undef:  mov     r9, 0xdd
        movs    pc, lr
supervisor:
        mrs     r1, spsr
        orr     r1, r1, 0x1f
        msr     spsr_cxsf, r1
        movs    pc, lr
#include "hex.inc"
        .bss
        .balign 8
        .space 1024
stack:  .space 1024
ustack: .space 1024
sstack: .space 8
