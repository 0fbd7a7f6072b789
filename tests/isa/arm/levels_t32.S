/*
 * Branches and system instructions of T32, and those of A32 that no other program here has.
 *
 * CPU: max
 * RUN: secure=on,virtualization=on
 * WANT: 00000001  MSR of an immediate, A32
 * WANT: 00000002  of SPSR
 * WANT: 00000007  BLX of a register
 * WANT: 000000dd  HLT, not for semihosting
 * WANT: 000000bb  BKPT
 * WANT: 00000001  CLREX
 * WANT: 00000003  TBB
 * WANT: 00000004  TBH
 * WANT: 00000006  conditional branches, wide
 * WANT: 0000000f  B, BL, BLX, BLX of a register
 * WANT: 00000013  MRS
 * WANT: 0000000a  MSR of flags
 * WANT: 00001234  banked registers
 * WANT: 0000001f  CPS to System mode
 * WANT: 00000007  CPSID, and back to Supervisor mode
 * WANT: 00000005  CPSIE of one, 16 bits
 * WANT: 44332211  SETEND BE
 * WANT: 11223344  SETEND LE
 * WANT: 00000001  SETPAN
 * WANT: 00000000
 * WANT: 00000021  SRSDB, RFEIA
 * WANT: 00000022  SRSIA, RFEDB
 * WANT: 00000023  SUBS PC, LR
 * WANT: 0000005c  SVC
 * WANT: 000000bb  BKPT
 * WANT: 000000dd  HLT
 * WANT: 000000dd  UDF, 16 bits
 * WANT: 000000dd  UDF, 32 bits
 * WANT: 0000003c  SMC
 * WANT: 000000dd  HVC in Secure state
 * WANT: 00000001  CLREX
 * WANT: 00000000  hints, barriers, prefetches, BXJ
 */
        .syntax unified
        .arch   armv8-a
        .arch_extension sec
        .arch_extension virt
        .arm
        .text
        .global _start
        .macro  try, insn:vararg
        movs    r9, 0
        \insn
        bl      show9
        .endm
/* SPSR_svc for a return to here, in T32 and Supervisor mode; LR_svc: label. */
        .macro  returns, label
        movw    r1, 0x1f3
        msr     spsr_cxsf, r1
        adr     lr, \label
        .endm
_start: ldr     sp, =stack
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        mcr     p15, 0, r1, c12, c0, 1  /* MVBAR */
        msr     cpsr_f, 0x10000000
        mrs     r9, cpsr
        lsr     r9, r9, 28
        mov     r0, r9
        bl      hex
        msr     spsr_f, 0x20000000
        .inst   0xe360f4ff              /* no field of SPSR */
        mrs     r9, spsr
        lsr     r9, r9, 28
        mov     r0, r9
        bl      hex
        adr     r1, seven
        blx     r1
        mov     r0, r9
        bl      hex
        mov     r9, 0
        hlt     1
        mov     r0, r9
        bl      hex
        mov     r9, 0
        bkpt    1
        mov     r0, r9
        bl      hex
        ldr     r2, =data
        ldrex   r1, [r2]
        clrex
        dmb     sy
        strex   r9, r1, [r2]
        mov     r0, r9
        bl      hex
        adr     r0, thumb + 1
        bx      r0
seven:  mov     r9, 7
        bx      lr

        .thumb
thumb:
        movs    r0, 1
        movs    r9, 0
        tbb     [pc, r0]
1:      .byte   (2f - 1b) / 2, (3f - 1b) / 2
2:      movs    r9, 9
3:      adds    r9, r9, 3
        bl      show9
        movs    r0, 1
        movs    r9, 0
        tbh     [pc, r0, lsl 1]
1:      .hword  (2f - 1b) / 2, (3f - 1b) / 2
2:      movs    r9, 9
3:      adds    r9, r9, 4
        bl      show9

        movs    r9, 0
        cmp     r9, 0
        beq.w   1f
        adds    r9, r9, 1
1:      add     r9, r9, 2               /* leaves the flags alone */
        bne.w   2f
        adds    r9, r9, 4
2:      bl      show9

        movs    r9, 0
        b.w     1f
        movs    r9, 0x10
1:      bl      or1
        blx     or2
        ldr     r1, =or4 + 1
        blx     r1
        b       1f
        movs    r9, 0x20
1:      orr     r9, r9, 8
        bl      show9

        mrs     r9, cpsr
        and     r9, r9, 0x3f
        bl      show9
        mov     r1, 0xa0000000
        msr     cpsr_f, r1
        mrs     r9, cpsr
        lsr     r9, r9, 28
        bl      show9
        movw    r1, 0x1234
        msr     sp_irq, r1
        mrs     r9, sp_irq
        bl      show9

        cps     0x1f
        mrs     r9, cpsr
        and     r9, r9, 0x1f
        ldr     sp, =ustack
        bl      show9
        cpsid.w aif, 0x13
        mrs     r9, cpsr
        ubfx    r9, r9, 6, 3
        bl      show9
        cpsie   i
        mrs     r9, cpsr
        ubfx    r9, r9, 6, 3
        cpsid   i
        bl      show9

        ldr     r1, =data
        ldr     r2, =0x11223344
        str     r2, [r1]
        setend  be
        ldr     r9, [r1]
        setend  le
        bl      show9
        ldr     r9, [r1]
        bl      show9
        .inst.n 0xb618                  /* SETPAN 1 */
        mrs     r9, cpsr
        .inst.n 0xb610
        ubfx    r9, r9, 22, 1
        bl      show9
        mrs     r9, cpsr
        ubfx    r9, r9, 22, 1
        bl      show9

        movs    r9, 0x21
        returns 1f
        srsdb   sp!, 0x13
        rfeia   sp!
        movs    r9, 0
        .balign 4
1:      bl      show9
        movs    r9, 0x22
        returns 1f
        sub     sp, sp, 8
        srsia   sp!, 0x13
        rfedb   sp!
        movs    r9, 0
        .balign 4
1:      add     sp, sp, 8
        bl      show9
        movs    r9, 0x23
        returns 1f
        add     lr, lr, 4
        subs    pc, lr, 4
        movs    r9, 0
        .balign 4
1:      bl      show9

        try     svc 1
        try     bkpt 1
        try     hlt 1
        try     udf 1
        try     udf.w 1
        try     smc 1
        try     hvc 1
        ldr     r2, =data
        ldrex   r1, [r2]
        clrex
        strex   r9, r1, [r2]
        bl      show9

        movs    r9, 0
        mvn     r1, 15
        nop.w
        yield.w
        .inst.w 0xf3af8063              /* a reserved hint */
        dmb     ish
        dsb     sy
        isb     sy
        .inst.w 0xf3bf8f70              /* SB */
        pld     [pc, 8]
        pld     [r1, 8]
        pld     [r1, -8]
        pld     [r1, r9, lsl 2]
        .inst.w 0xf8bff008              /* PLDW has no literal: PLD */
        pldw    [r1, 8]
        pldw    [r1, -8]
        pldw    [r1, r9]
        pli     [pc, 8]
        pli     [r1, 8]
        pli     [r1, -8]
        pli     [r1, r9]
        .inst.w 0xf9bff008              /* reserved hints */
        .inst.w 0xf9b1f008
        .inst.w 0xf931fc08
        .inst.w 0xf931f009
        .inst.w 0xf93ff008
        .inst.w 0xf83ff008
        ldr     r1, =1f + 1
        bxj     r1
        movs    r9, 1
1:      bl      show9

        ldr     r0, =0x20026
        movs    r1, 0
        push    {r0, r1}
        mov     r1, sp
        movs    r0, 0x20                /* SYS_EXIT_EXTENDED */
        svc     0xab
        b       .

show9:  push    {r4, lr}
        mov     r0, r9
        blx     hex
        pop     {r4, pc}
or1:    orr     r9, r9, 1
        bx      lr
or4:    orr     r9, r9, 4
        bx      lr
        .ltorg
        .arm
        .balign 4
or2:    orr     r9, r9, 2
        bx      lr

        .balign 32
vectors:
        b       .
        b       undef
        b       call
        b       abort
        b       .
        b       .
        b       .
        b       .
undef:  mov     r9, 0xdd
        mrs     r8, spsr
        tst     r8, 0x20
        moveqs  pc, lr
        ldrh    r8, [lr, -2]
        cmp     r8, 0xe800
        addhs   lr, lr, 2               /* it had a second half */
        movs    pc, lr
/* SVC from Supervisor mode, SMC from Monitor mode. */
call:   mrs     r8, cpsr
        and     r8, r8, 0x1f
        cmp     r8, 0x16
        moveq   r9, 0x3c
        movne   r9, 0x5c
        movs    pc, lr
abort:  mov     r9, 0xbb
        mrs     r8, spsr
        tst     r8, 0x20
        subeqs  pc, lr, 0               /* A32: lr is the next one */
        subs    pc, lr, 2
#include "hex.inc"
        .bss
        .balign 8
data:   .space  8
        .space  1024
stack:  .space  1024
ustack: .space  8
