/*
 * Misaligned accesses with SCTLR.A clear and set, and big-endian data.  A fault shows as 0xf000, the offset, and DFSR above.
 * Ref: DDI 0487, E2.8 (Alignment support), E2.9 (Endian support).
 *
 * RUN: gic-version=2
 * WANT: 89674523  A=0 LDR at 1
 * WANT: 00004523  A=0 LDRH at 1
 * WANT: ffff8967  A=0 LDRSH at 3
 * WANT: 00000000  A=0 STR at 2
 * WANT: 00000000  A=0 STRH at 1
 * WANT: efcdab89  A=0 LDRD at 4
 * WANT: 0001f002  A=0 LDRD at 2
 * WANT: 0001f002  A=0 LDM at 2
 * WANT: 0801f011  A=0 STM at 1
 * WANT: 0001f002  A=0 LDREX at 2
 * WANT: 0001f001  A=0 LDREXH at 1
 * WANT: 0001f004  A=0 LDREXD at 4
 * WANT: 0001f002  A=0 VLDR S at 2
 * WANT: efcdab89  A=0 VLDR D at 4
 * WANT: 0001f002  A=0 VLDM at 2
 * WANT: 89674523  A=0 VLD1.8 at 1
 * WANT: 89674523  A=0 VLD1.32 at 1
 * WANT: efcdab89  A=0 VLD1.32 at 4
 * WANT: 0001f004  A=0 VLD1.8, 64 bits, at 4
 * WANT: 98badcfe  A=0 VLD1.8, 64 bits, at 8
 * WANT: cdab4523  A=0 VLD2.16 at 1
 * WANT: 89674523  A=0 LDRT at 1
 * WANT: 00000067  A=0 LDRB at 3
 * WANT: 0001f001  A=1 LDR at 1
 * WANT: 0001f001  A=1 LDRH at 1
 * WANT: 0001f003  A=1 LDRSH at 3
 * WANT: 0801f012  A=1 STR at 2
 * WANT: 0801f011  A=1 STRH at 1
 * WANT: efcdab89  A=1 LDRD at 4
 * WANT: 0001f002  A=1 LDRD at 2
 * WANT: 0001f002  A=1 LDM at 2
 * WANT: 0801f011  A=1 STM at 1
 * WANT: 0001f002  A=1 LDREX at 2
 * WANT: 0001f001  A=1 LDREXH at 1
 * WANT: 0001f004  A=1 LDREXD at 4
 * WANT: 0001f002  A=1 VLDR S at 2
 * WANT: efcdab89  A=1 VLDR D at 4
 * WANT: 0001f002  A=1 VLDM at 2
 * WANT: 89674523  A=1 VLD1.8 at 1
 * WANT: 0001f001  A=1 VLD1.32 at 1
 * WANT: efcdab89  A=1 VLD1.32 at 4
 * WANT: 0001f004  A=1 VLD1.8, 64 bits, at 4
 * WANT: 98badcfe  A=1 VLD1.8, 64 bits, at 8
 * WANT: 0001f001  A=1 VLD2.16 at 1
 * WANT: 0001f001  A=1 LDRT at 1
 * WANT: 00000067  A=1 LDRB at 3
 * WANT: 01234567  BE LDR
 * WANT: 00000123  LDRH
 * WANT: ffffcdef  LDRSH
 * WANT: 01234567  LDRD
 * WANT: 89abcdef  the other
 * WANT: 01234567  LDM
 * WANT: 89abcdef  the other
 * WANT: 01234567  LDREX
 * WANT: 01234567  LDREXD
 * WANT: 89abcdef  the other
 * WANT: 00000023  LDRB
 * WANT: 01234567  VLDR S
 * WANT: 89abcdef  VLDR D
 * WANT: 01234567  the other half
 * WANT: 67452301  VLD1.8
 * WANT: 45670123  VLD1.16
 * WANT: 01234567  VLD1.32
 * WANT: 89abcdef  VLD1.64
 * WANT: 89ab0123  VLD2.16
 * WANT: 01230123  VLD1.16 of one lane
 * WANT: 89abcdef  VLDM
 * WANT: 89abcdef  VLDM D
 * WANT: efcdab89  STR, as bytes
 * WANT: efcdab89  STRD
 * WANT: 21000000  VSTR D
 * WANT: 23456789  LDR at 1
 * WANT: 00000200  the CPSR
 * WANT: 00000000  the handler of SVC, with SCTLR.EE clear
 * WANT: 00000200  the handler with SCTLR.EE set
 * WANT: 00000000  back
 */
        .syntax unified
        .arch   armv7-a
        .fpu    neon
        .arm
        .text
        .global _start
        .macro  show, reg
        mov     r0, \reg
        bl      hex
        .endm
_start: ldr     sp, =stack
        ldr     r1, =vectors
        mcr     p15, 0, r1, c12, c0, 0
        cps     0x17
        ldr     sp, =astack
        cps     0x13
        ldr     r0, =table              /* sections of normal memory, an identity */
        ldr     r1, =0x11c0e
        mov     r2, 0
1:      orr     r3, r1, r2, lsl 20
        str     r3, [r0, r2, lsl 2]
        add     r2, r2, 1
        cmp     r2, 0x1000
        bne     1b
        orr     r0, r0, 0x48
        mcr     p15, 0, r0, c2, c0, 0
        mov     r0, 0
        mcr     p15, 0, r0, c2, c0, 2
        mvn     r0, 0
        mcr     p15, 0, r0, c3, c0, 0
        mcr     p15, 0, r0, c8, c7, 0
        dsb
        mrc     p15, 0, r0, c1, c0, 0
        bic     r0, r0, 2
        orr     r0, r0, 1
        mcr     p15, 0, r0, c1, c0, 0
        isb
        mrc     p15, 0, r0, c1, c0, 2
        orr     r0, r0, 0xf00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        mov     r0, 0x40000000
        vmsr    fpexc, r0
        ldr     r8, =words
        add     r9, r8, 16
        ldr     r7, =0x89abcdef
        mov r2, 0
        ldr r2, [r8, 1]
        show r2
        mov r2, 0
        ldrh r2, [r8, 1]
        show r2
        mov r2, 0
        ldrsh r2, [r8, 3]
        show r2
        mov r2, 0
        str r7, [r8, 18]
        show r2
        mov r2, 0
        strh r7, [r8, 17]
        show r2
        mov r2, 0
        ldrd r2, [r8, 4]
        show r2
        mov r2, 0
        ldrd r2, [r8, 2]
        show r2
        mov r2, 0
        add r0, r8, 2
        ldm r0, {r2, r3}
        show r2
        mov r2, 0
        add r0, r8, 17
        stm r0, {r2, r3}
        show r2
        mov r2, 0
        add r0, r8, 2
        ldrex r2, [r0]
        show r2
        mov r2, 0
        add r0, r8, 1
        ldrexh r2, [r0]
        show r2
        mov r2, 0
        add r0, r8, 4
        ldrexd r2, r3, [r0]
        show r2
        mov r2, 0
        add r0, r8, 2
        vldr s0, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        vldr d0, [r8, 4]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 2
        vldm r0, {d0}
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        vld1.8 {d0}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        vld1.32 {d0}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 4
        vld1.32 {d0}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 4
        vld1.8 {d0}, [r0 :64]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 8
        vld1.8 {d0}, [r0 :64]
        vmov r2, s0
        show r2
        b 9f
        .ltorg
9:
        mov r2, 0
        add r0, r8, 1
        vld2.16 {d0, d1}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        ldrt r2, [r0], 0
        show r2
        mov r2, 0
        ldrb r2, [r8, 3]
        show r2
        mrc p15, 0, r0, c1, c0, 0
        orr r0, r0, 2
        mcr p15, 0, r0, c1, c0, 0
        isb
        mov r2, 0
        ldr r2, [r8, 1]
        show r2
        mov r2, 0
        ldrh r2, [r8, 1]
        show r2
        mov r2, 0
        ldrsh r2, [r8, 3]
        show r2
        mov r2, 0
        str r7, [r8, 18]
        show r2
        mov r2, 0
        strh r7, [r8, 17]
        show r2
        mov r2, 0
        ldrd r2, [r8, 4]
        show r2
        mov r2, 0
        ldrd r2, [r8, 2]
        show r2
        mov r2, 0
        add r0, r8, 2
        ldm r0, {r2, r3}
        show r2
        mov r2, 0
        add r0, r8, 17
        stm r0, {r2, r3}
        show r2
        mov r2, 0
        add r0, r8, 2
        ldrex r2, [r0]
        show r2
        mov r2, 0
        add r0, r8, 1
        ldrexh r2, [r0]
        show r2
        mov r2, 0
        add r0, r8, 4
        ldrexd r2, r3, [r0]
        show r2
        mov r2, 0
        add r0, r8, 2
        vldr s0, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        vldr d0, [r8, 4]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 2
        vldm r0, {d0}
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        vld1.8 {d0}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        vld1.32 {d0}, [r0]
        vmov r2, s0
        show r2
        b 9f
        .ltorg
9:
        mov r2, 0
        add r0, r8, 4
        vld1.32 {d0}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 4
        vld1.8 {d0}, [r0 :64]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 8
        vld1.8 {d0}, [r0 :64]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        vld2.16 {d0, d1}, [r0]
        vmov r2, s0
        show r2
        mov r2, 0
        add r0, r8, 1
        ldrt r2, [r0], 0
        show r2
        mov r2, 0
        ldrb r2, [r8, 3]
        show r2
        mrc p15, 0, r0, c1, c0, 0
        bic r0, r0, 2
        mcr p15, 0, r0, c1, c0, 0
        isb
        setend be
        mov r2, 0
        ldr r2, [r8]
        show r2
        mov r2, 0
        ldrh r2, [r8]
        show r2
        mov r2, 0
        ldrsh r2, [r8, 6]
        show r2
        mov r2, 0
        ldrd r2, [r8]
        show r2
        mov r2, 0
        ldrd r2, [r8]
        show r3
        mov r2, 0
        ldm r8, {r2, r3}
        show r2
        mov r2, 0
        ldm r8, {r2, r3}
        show r3
        mov r2, 0
        ldrex r2, [r8]
        show r2
        mov r2, 0
        ldrexd r2, r3, [r8]
        show r2
        mov r2, 0
        ldrexd r2, r3, [r8]
        show r3
        mov r2, 0
        ldrb r2, [r8, 1]
        show r2
        mov r2, 0
        vldr s0, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vldr d0, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vldr d0, [r8]
        vmov r2, s1
        show r2
        b 9f
        .ltorg
9:
        mov r2, 0
        vld1.8 {d0}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vld1.16 {d0}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vld1.32 {d0}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vld1.64 {d0}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vld2.16 {d0, d1}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vld1.16 {d0[1]}, [r8]
        vmov r2, s0
        show r2
        mov r2, 0
        vldm r8, {s0, s1}
        vmov r2, s1
        show r2
        mov r2, 0
        vldm r8, {d0}
        vmov r2, s0
        show r2
        mov r2, 0
        str r7, [r8, 16]
        vld1.8 {d0}, [r9]
        vmov r2, s0
        show r2
        mov r2, 0
        mov r4, r7
        mvn r5, r7
        strd r4, [r8, 16]
        vld1.8 {d0}, [r9]
        vmov r2, s0
        show r2
        mov r2, 0
        vmov d0, r7, r8
        vmov.i32 d0, 0x21
        vmov s0, r7
        vstr d0, [r8, 16]
        vld1.8 {d0}, [r9]
        vmov r2, s0
        show r2
        mov r2, 0
        ldr r2, [r8, 1]
        show r2
        mov r2, 0
        mrs r2, cpsr
        and r2, r2, 0x200
        show r2
        mov r2, 0
        svc 1
        show r2
        setend le
        mrc p15, 0, r0, c1, c0, 0
        orr r0, r0, 0x2000000
        bic r0, r0, 1                   /* tables are of that order, too */
        mcr p15, 0, r0, c1, c0, 0
        isb
        mov r2, 0
        svc 1
        show r2
        mov r2, 0
        mrs r2, cpsr
        and r2, r2, 0x200
        show r2
        mrc p15, 0, r0, c1, c0, 0
        bic r0, r0, 0x2000000
        mcr p15, 0, r0, c1, c0, 0
        isb
        ldr     r0, =0x20026
        mov     r1, 0
        push    {r0, r1}
        mov     r1, sp
        mov     r0, 0x20                /* SYS_EXIT_EXTENDED */
        svc     0x123456
        b       .
        .balign 32
vectors:
        b       .
        b       .
        b       supervisor
        b       .
        b       data
        b       .
        b       .
        b       .
supervisor:
        mrs     r2, cpsr
        and     r2, r2, 0x200
        movs    pc, lr
data:   mrc     p15, 0, r2, c6, c0, 0   /* DFAR - words | DFSR << 16 | 0xf000, after the instruction */
        sub     r2, r2, r8
        mrc     p15, 0, r3, c5, c0, 0
        orr     r2, r2, r3, lsl 16
        orr     r2, r2, 0xf000
        mov     r3, 0
        vmov    s0, r2
        subs    pc, lr, 4
hex:    push    {r1-r5, lr}
        mrs     r5, cpsr
        setend  le
        ldr     r1, =text
        mov     r2, 8
1:      ror     r0, r0, 28
        and     r3, r0, 15
        cmp     r3, 10
        addlo   r3, r3, '0'
        addhs   r3, r3, 'a' - 10
        strb    r3, [r1], 1
        subs    r2, r2, 1
        bne     1b
        mov     r4, lr
        mov     r0, 4
        ldr     r1, =text
        svc     0x123456
        tst     r5, 0x200
        bne     2f
        pop     {r1-r5, pc}
2:      setend  be
        pop     {r1-r5, pc}
        .ltorg
        .data
text:   .asciz  "........\n"
        .balign 16
words:  .byte   0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10
        .space  32
        .bss
        .balign 16384
table:  .space  16384
        .space 1024
stack:  .space 1024
astack: .space 8
