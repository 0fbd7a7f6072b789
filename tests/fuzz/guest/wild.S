/*
 * A guest that does its worst, for ever: WILD_* says which.  run.py starts it on every engine, and ends it by SIGTERM.
 *
 * WILD_TRAPS    mtvec points where nothing is; every trap traps.
 * WILD_BAD_USER the same in U-mode, delegated, with stvec in a page that faults.
 * WILD_ACCESS   loads, stores and atomics of all sizes at random places of every device and of nothing.
 * WILD_CODE     random words as code, in M-mode, until a trap or a timer interrupt; then others.
 * WILD_SELF     random words that the program stores over its own next instructions.
 * SEED varies the random ones.
 */
#ifndef SEED
#define SEED 1
#endif
#define MTIMECMP 0x2004000
#define MTIME    0x200bff8

/* s0: xorshift state; the next random number, also in \reg. */
.macro RANDOM reg
    slli t2, s0, 13
    xor s0, s0, t2
    srli t2, s0, 7
    xor s0, s0, t2
    slli t2, s0, 17
    xor s0, s0, t2
    mv \reg, s0
.endm

    .option norvc
    .globl _start
_start:
    csrr a0, mhartid
    li s0, 0x9e3779b97f4a7c15 + SEED * 77
    xor s0, s0, a0
    slli s11, a0, 3

#if defined(WILD_TRAPS)
    li a0, 0x40
    csrw mtvec, a0
    .word 0

#elif defined(WILD_BAD_USER)
    li a0, -1
    csrw pmpaddr0, a0
    csrw medeleg, a0
    li a0, 0x1f
    csrw pmpcfg0, a0
    la a0, table
    li a1, 0xcf /* identity, but of the second GiB */
    li a2, 1 << 28
    or a1, a1, a2
    sd a1, 8(a0)
    srli a0, a0, 12
    li a1, 8 << 60
    or a0, a0, a1
    csrw satp, a0
    li a0, 0x80000000
    csrw stvec, a0
    csrw mepc, a0
    li a0, 0x1800
    csrc mstatus, a0
    mret

#elif defined(WILD_ACCESS)
again:
    la a0, handler
    csrw mtvec, a0
    csrw mie, zero
1:  RANDOM a0
    la a1, places
    srli a2, a0, 59
    li a3, 15
    and a2, a2, a3
    slli a2, a2, 4
    add a1, a1, a2
    ld a2, 0(a1) /* base */
    ld a3, 8(a1) /* mask */
    srli a4, a0, 8
    and a4, a4, a3
    add a2, a2, a4
    andi a5, a0, 1
    bnez a5, 2f
    andi a2, a2, -8
2:  RANDOM a6
    srli a7, a6, 40
    andi a7, a7, 15
    slli a7, a7, 3
    la a5, kinds
    add a5, a5, a7
    andi a7, a6, 0x30
    bnez a7, 3f
    andi a6, a6, 0xff /* small values do more */
3:  jr a5
kinds:
    .irp insn, lb, lhu, lw, ld, lwu, lh
    \insn t3, 0(a2)
    j 1b
    .endr
    .irp insn, sb, sh, sw, sd, sw, sb
    \insn a6, 0(a2)
    j 1b
    .endr
    amoadd.w t3, a6, (a2)
    j 1b
    amoswap.d t3, a6, (a2)
    j 1b
    lr.d t3, (a2)
    j 1b
    fld fa0, 0(a2)
    j 1b
    .balign 4
handler:
    csrr a0, mepc
    addi a0, a0, 4
    csrw mepc, a0
    mret
    .balign 16
places: /* base, mask of the offset; the finisher only by chance */
    .dword 0, 0xffff, 0x101000, 0xfff, 0x2000000, 0xffff, 0x2000000, 0xf, 0xc000000, 0x3fff
    .dword 0xc000000, 0x3fffff, 0x10000000, 0x7, 0x10000000, 0xff, 0x10001000, 0x7fff, 0x10001000, 0x1ff
    .dword 0x10100000, 0x1f, 0x20000000, 0x3ffffff, 0x20000000, 0xfff, 0x80100000, 0xfffff, 0, -1, 0x2f00000, 0x3fff

#elif defined(WILD_CODE)
again:
    la a0, handler
    csrw mtvec, a0
    /* an entry that lets everything through, fixed, so that no code can shut this program out */
    li a0, -1
    csrw pmpaddr0, a0
    li a0, 0x9f
    csrw pmpcfg0, a0
    csrw satp, zero
    csrw medeleg, zero
    csrw mideleg, zero
    la a0, state
    add a0, a0, s11
    csrw mscratch, a0
    li a1, 0x80300000
    csrr a2, mhartid
    slli a2, a2, 16
    add a1, a1, a2
    mv a3, a1
    li a4, 64
1:  RANDOM a5
    srli a6, a5, 50
    andi a6, a6, 7
    beqz a6, 2f
    ori a5, a5, 3 /* mostly of 32 bits, mostly of major opcodes that there are */
    andi a6, a6, 3
    bnez a6, 2f
    li a6, 0x0c
    or a5, a5, a6
2:  sw a5, 0(a3)
    addi a3, a3, 4
    addi a4, a4, -1
    bnez a4, 1b
    sd s0, 0(a0)
    li a3, MTIME
    ld a4, 0(a3)
    addi a4, a4, 1000
    li a3, MTIMECMP
    add a3, a3, s11
    sd a4, 0(a3)
    li a3, 0x80
    csrw mie, a3
    fence.i
    li a3, 0x6008
    csrs mstatus, a3
    jr a1
    .balign 4
handler: /* nothing of the registers can be believed, nor of mscratch */
    csrw mie, zero
    li t2, 0x20000
    csrc mstatus, t2
    csrr s11, mhartid
    slli s11, s11, 3
    la a0, state
    add a0, a0, s11
    ld s0, 0(a0)
    RANDOM a1
    csrr a1, mcycle
    xor s0, s0, a1
    bnez s0, 1f
    li s0, 99
1:  j again
    .balign 8
state:
    .space 64

#elif defined(WILD_SELF)
again:
    la a0, handler
    csrw mtvec, a0
    li s1, 0x80300000
    slli a0, s11, 16
    add s1, s1, a0
    /* 32 harmless instructions, each "addi a0, a0, n", and a return; one is stored over while they run */
1:  RANDOM a1
    andi a2, a1, 31
    slli a2, a2, 2
    add a2, a2, s1
    srli a3, a1, 20
    slli a3, a3, 20
    li a4, 0x00050513
    or a3, a3, a4
    sw a3, 0(a2)
    li a4, 0x00008067
    sw a4, 128(s1)
    andi a4, a1, 0x400
    bnez a4, 2f
    fence.i
2:  li a4, 0x00c5a023 /* sw a2, 0(a1): the code stores into itself */
    srli a5, a1, 11
    andi a5, a5, 31
    slli a5, a5, 2
    add a5, a5, s1
    sw a4, 0(a5)
    RANDOM a6
    andi a6, a6, 31
    slli a6, a6, 2
    add a1, s1, a6
    li a2, 0x00050513
    jalr ra, 0(s1)
    j 1b
    .balign 4
handler:
    j again
#endif

    .balign 4096
table:
    .space 4096
