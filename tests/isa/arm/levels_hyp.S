/*
 * Hyp mode: traps of what a guest in Supervisor mode does, and their syndromes.
 * Ref: DDI 0487, G1; HSR, SCR, NSACR.
 *
 * RUN: virtualization=on
 * WANT: 0000001a  Hyp mode
 * WANT: 00000000  HVBAR
 * WANT: 00000013  Supervisor mode
 * WANT: 4a000123  HVC
 * WANT: 00000028  where
 * WANT: 07e00000  WFI by TWI
 * WANT: 00000028  where
 * WANT: 4a000001  HVC
 * WANT: 00000030  where
 * WANT: 0fe004a1  MRC SCTLR by HSTR.T1
 * WANT: 00000030  where
 * WANT: 0fe004c0  MCR
 * WANT: 00000034  where
 * WANT: 4a000002  HVC
 * WANT: 0000003c  where
 * WANT: 0fe000a3  MRC ID_PFR0 by TID3
 * WANT: 0000003c  where
 * WANT: 4a000003  HVC
 * WANT: 0000005c  where
 * WANT: 1fe0000a  VMRS by HCPTR.TCP10
 * WANT: 0000005c  where
 * WANT: 1fe00020  VORR: AdvSIMD
 * WANT: 00000060  where
 * WANT: 4a000004  HVC
 * WANT: 00000068  where
 * WANT: 93430005  LDRH, not mapped at stage 2: halfword to r3
 * WANT: 0000006c  where
 * WANT: 09000018  HDFAR
 * WANT: 00090000  HPFAR
 * WANT: 92000045  STRB with writeback: no syndrome
 * WANT: 00000070  where
 * WANT: 0900001c  HDFAR
 * WANT: 00090000  HPFAR
 * WANT: 932c0005  LDRSB to r12
 * WANT: 00000074  where
 * WANT: 09000019  HDFAR
 * WANT: 00090000  HPFAR
 * WANT: 92000005  LDRD: no syndrome
 * WANT: 00000078  where
 * WANT: 09000018  HDFAR
 * WANT: 00090000  HPFAR
 * WANT: 4a000005  HVC
 * WANT: 00000080  where
 * WANT: 0000001c  a virtual IRQ
 * WANT: 60000153  from Supervisor mode, IRQs allowed
 * WANT: 4a000099  HVC of its handler
 * WANT: 0000014c  where
 * WANT: 4a000006  HVC
 * WANT: 00000090  where
 * WANT: 0fe00c80  MCR DACR by TVM
 * WANT: 00000090  where
 * WANT: 13e01484  MCRR TTBR0 by TVM
 * WANT: 00000094  where
 * WANT: 0fe204a1  MRC ACTLR by TAC
 * WANT: 00000098  where
 * WANT: 4a000007  HVC
 * WANT: 000000a0  where
 * WANT: 000000dd  UDF
 * WANT: 000000dd  MRC HCR
 * WANT: 4a000008  HVC
 * WANT: 000000ac  where
 * WANT: 00000013  from Supervisor mode
 */
        .syntax unified
        .arch   armv7-a
        .arch_extension virt
        .arch_extension sec
        .fpu    neon-vfpv4
        .arm
        .text
        .global _start
        .macro  show, reg
        push    {r0}
        mov     r0, \reg
        bl      hex
        pop     {r0}
        .endm
_start: ldr     sp, =stack
        mrs     r1, cpsr
        and     r1, r1, 0x1f
        show    r1
        ldr     r1, =hvectors
        mcr     p15, 4, r1, c12, c0, 0
        mrc     p15, 4, r2, c12, c0, 0
        sub     r2, r2, r1
        show    r2
        mov     r1, 0
        mcr     p15, 4, r1, c1, c1, 0   /* HCR */
        ldr     r1, =guest
        msr     elr_hyp, r1
        mov     r1, 0x1d3
        msr     spsr_cxsf, r1
        eret
guest:  ldr     sp, =gstack
        ldr     r1, =gvectors
        mcr     p15, 0, r1, c12, c0, 0
        mrs     r1, cpsr
        and     r1, r1, 0x1f
        show    r1
        hvc     0x123                   /* then TWI */
        wfi
        hvc     1                       /* then HSTR.T1 */
        mrc     p15, 0, r5, c1, c0, 0
        mcr     p15, 0, r6, c1, c0, 0
        hvc     2                       /* then TID3 */
        mrc     p15, 0, r5, c0, c1, 0
        mrc     p15, 0, r0, c1, c0, 2
        orr     r0, r0, 0xf00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        mov     r0, 0x40000000
        vmsr    fpexc, r0
        hvc     3                       /* then HCPTR */
        vmrs    r7, fpscr
        vorr    q1, q2, q3
        hvc     4                       /* then stage 2 */
        ldr     r0, =0x09000018
        ldrh    r3, [r0]
        strb    r9, [r0, 4]!
        ldrsb   r12, [r0, 1]
        ldrd    r2, [r0]
        hvc     5                       /* then a virtual IRQ */
        cpsie   i
        nop
        cpsid   i
        hvc     6                       /* then TVM, and TAC */
        mcr     p15, 0, r4, c3, c0, 0
        mcrr    p15, 0, r4, r5, c2
        mrc     p15, 0, r5, c1, c0, 1
        hvc     7                       /* then nothing: undefined here goes to our own vector */
        udf     5
        mrc     p15, 4, r1, c1, c1, 0   /* HCR is undefined here */
        hvc     8                       /* then TGE: from User mode */
        b       .
        .balign 32
gvectors:
        b .
        b gundx
        b .
        b .
        b .
        b .
        b girqx
        b .
gundx:  ldr     sp, =ustack
        push    {lr}
        bl      gund0
        pop     {lr}
        movs    pc, lr
gund0:  push    {r1, lr}
        mov     r1, 0xdd
        show    r1
        pop     {r1, pc}
girqx:  ldr     sp, =istack
        push    {r0-r3, lr}
        mov     r1, 0x1c
        show    r1
        mrs     r1, spsr
        show    r1
        hvc     0x99
        pop     {r0-r3, lr}
        subs    pc, lr, 4
        .balign 32
hvectors:
        b .
        b hund
        b .
        b .
        b habt
        b htrap
        b hirq
        b .
hirq:   b .
hund:   b .
habt:   b .
htrap:  push    {r0-r3, lr}
        mrc     p15, 4, r1, c5, c2, 0   /* HSR */
        show    r1
        mrs     r2, elr_hyp
        ldr     r3, =guest
        sub     r3, r2, r3
        show    r3
        lsr     r3, r1, 26
        cmp     r3, 0x12
        beq     hvcall
        cmp     r3, 0x24
        bne     1f
        mrc     p15, 4, r3, c6, c0, 0   /* HDFAR */
        show    r3
        mrc     p15, 4, r3, c6, c0, 4   /* HPFAR */
        show    r3
1:      mrs     r2, elr_hyp
        add     r2, r2, 4
        msr     elr_hyp, r2
        pop     {r0-r3, lr}
        eret
hvcall: ldr     r2, =0xffff
        and     r1, r1, r2
        ldr     r2, =0x123
        cmp     r1, r2
        moveq   r1, 0
        cmp     r1, 0x99
        bne     2f
        mov     r0, 0
        mcr     p15, 4, r0, c1, c1, 0
        b       9f
2:      mov     r0, 0
        mcr     p15, 4, r0, c1, c1, 3   /* HSTR */
        mcr     p15, 4, r0, c1, c1, 2   /* HCPTR */
        cmp     r1, 0
        moveq   r0, 0x2000
        cmp     r1, 1
        moveq   r2, 2
        mcreq   p15, 4, r2, c1, c1, 3
        cmp     r1, 2
        moveq   r0, 0x40000
        cmp     r1, 3
        moveq   r2, 0xc00
        mcreq   p15, 4, r2, c1, c1, 2
        cmp     r1, 5
        moveq   r0, 0x90
        cmp     r1, 6
        ldreq   r0, =0x4200000
        cmp     r1, 8
        beq     done
        cmp     r1, 4
        bne     8f
        ldr     r2, =s2
        mov     r3, 0
        mcrr    p15, 6, r2, r3, c2      /* VTTBR */
        ldr     r2, =0x80003540
        mcr     p15, 4, r2, c2, c1, 2   /* VTCR */
        mov     r0, 1
8:      mcr     p15, 4, r0, c1, c1, 0
9:      isb
        pop     {r0-r3, lr}
        eret
done:   mrs     r1, spsr
        and     r1, r1, 0x1f
        show    r1
        mov     r0, 0x18
        ldr     r1, =0x20026
        svc     0x123456
        b       .
#include "hex.inc"
        .balign 4096
s2:     .quad   0, 0x400007fd, 0, 0
        .bss
        .balign 8
        .space 1024
stack:  .space 1024
gstack: .space 1024
ustack: .space 1024
istack: .space 8
