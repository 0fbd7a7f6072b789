/*
 * Monitor mode and two worlds: banked registers, what the other world may not do.
 * Ref: DDI 0487, G1; HSR, SCR, NSACR.
 *
 * RUN: secure=on
 * WANT: 00000013  Supervisor mode
 * WANT: 00000000  SCR: secure
 * WANT: 00000000  MVBAR
 * WANT: 00000000  SCR in Monitor mode
 * WANT: 00000013  the other world: Supervisor mode
 * WANT: 00000000  DACR of this world
 * WANT: 000000dd  MRC SCR is undefined
 * WANT: 00000000  NSACR may be read
 * WANT: 000000dd  and not be written
 * WANT: 00000000  CPACR: no coprocessors 10 and 11
 * WANT: 000000dd  VMRS is undefined
 * WANT: 00000080  F cannot be set without SCR.FW
 * WANT: 00000001  SCR in Monitor mode: not secure
 * WANT: 00000099  back: r7
 * WANT: 11111111  DACR
 * WANT: 11111111  CONTEXTIDR
 * WANT: 11111111  TPIDRPRW
 * WANT: 11111111  DFAR
 * WANT: 00000000  VBAR
 * WANT: 00000016  CPS to Monitor mode
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
        mrc     p15, 0, r1, c1, c1, 0   /* SCR */
        show    r1
        ldr     r1, =mvectors
        mcr     p15, 0, r1, c12, c0, 1  /* MVBAR */
        mrc     p15, 0, r2, c12, c0, 1
        sub     r2, r2, r1
        show    r2
        ldr     r1, =svectors
        mcr     p15, 0, r1, c12, c0, 0
        ldr     r1, =0x11111111
        mcr     p15, 0, r1, c3, c0, 0   /* DACR */
        mcr     p15, 0, r1, c13, c0, 1  /* CONTEXTIDR */
        mcr     p15, 0, r1, c13, c0, 4  /* TPIDRPRW */
        mcr     p15, 0, r1, c6, c0, 0   /* DFAR */
        mov     r1, 0
        mcr     p15, 0, r1, c1, c1, 2   /* NSACR: no FP in the other world */
        mov     r7, 0x77
        smc     0                       /* to Monitor mode, which goes to the other world */
        /* back here, secure again */
        show    r7
        mrc     p15, 0, r1, c3, c0, 0
        show    r1
        mrc     p15, 0, r1, c13, c0, 1
        show    r1
        mrc     p15, 0, r1, c13, c0, 4
        show    r1
        mrc     p15, 0, r1, c6, c0, 0
        show    r1
        mrc     p15, 0, r1, c12, c0, 0
        ldr     r2, =svectors
        sub     r1, r1, r2
        show    r1
        cps     0x16                    /* Monitor mode from a secure one */
        mrs     r1, cpsr
        and     r1, r1, 0x1f
        mov     r4, r1
        cps     0x13
        show    r4
        mov     r0, 0x18
        ldr     r1, =0x20026
        svc     0x123456
        b       .
normal: ldr     sp, =gstack
        mrs     r1, cpsr
        and     r1, r1, 0x1f
        show    r1
        ldr     r1, =nvectors
        mcr     p15, 0, r1, c12, c0, 0
        mrc     p15, 0, r1, c3, c0, 0
        show    r1
        ldr     r1, =0x22222222
        mcr     p15, 0, r1, c3, c0, 0
        mcr     p15, 0, r1, c13, c0, 1
        mcr     p15, 0, r1, c13, c0, 4
        mcr     p15, 0, r1, c6, c0, 0
        mrc     p15, 0, r5, c1, c1, 0   /* SCR: undefined */
        mrc     p15, 0, r5, c1, c1, 2   /* NSACR may be read */
        show    r5
        mcr     p15, 0, r5, c1, c1, 2   /* and not written */
        mrc     p15, 0, r1, c1, c0, 2
        orr     r1, r1, 0xf00000
        mcr     p15, 0, r1, c1, c0, 2
        mrc     p15, 0, r1, c1, c0, 2   /* CPACR: not there */
        show    r1
        vmrs    r5, fpscr               /* undefined */
        cpsid   aif
        mrs     r1, cpsr
        and     r1, r1, 0xc0            /* SCR.FW is 0: F cannot be set */
        show    r1
        mov     r7, 0x99
        smc     1
        b       .
nund:   ldr     sp, =ustack
        push    {r1, lr}
        mov     r1, 0xdd
        show    r1
        pop     {r1, lr}
        movs    pc, lr
msmc:   ldr     sp, =istack
        push    {r0, r1}
        mov     r1, lr
        mrc     p15, 0, r0, c1, c1, 0
        show    r0
        mov     lr, r1
        tst     r0, 1
        bne     1f
        ldr     r1, =kept
        str     lr, [r1]
        mrs     r0, spsr
        str     r0, [r1, 4]
        mov     r0, 1
        mcr     p15, 0, r0, c1, c1, 0
        isb
        mov     r0, 0x93
        msr     spsr_cxsf, r0
        ldr     lr, =normal
        pop     {r0, r1}
        movs    pc, lr
1:      mov     r0, 0
        mcr     p15, 0, r0, c1, c1, 0
        isb
        ldr     r1, =kept
        ldr     lr, [r1]
        ldr     r0, [r1, 4]
        msr     spsr_cxsf, r0
        pop     {r0, r1}
        movs    pc, lr
        .balign 32
mvectors:
        b       .
        b       .
        b       msmc
        .space  20
nvectors:
        b       .
        b       nund
        .space  24
svectors:
        b       .
        .space  28
#include "hex.inc"
        .balign 4
kept:   .space  8
        .bss
        .balign 8
        .space  1024
stack:  .space  1024
gstack: .space  1024
ustack: .space  1024
        .space  1024
istack: .space  8
