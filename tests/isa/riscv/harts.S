/*
 * Several harts count together with AMOs, LR and SC, and hand data over with fences: nothing is lost.
 * RUN: xlen=64 cpu=rv64 smp=3 qemu=rv64
 * RUN: xlen=32 cpu=rv32 smp=3 qemu=rv32
 */
#define OTHER_HARTS work
#include "test.h"

#define HARTS  3
#define ROUNDS 20000

tests:
work:
    la s0, counters
    /* everybody is here */
    li a0, 1
    amoadd.w zero, a0, (s0)
    li a1, HARTS
1:  lw a0, 0(s0)
    bltu a0, a1, 1b

    li s1, ROUNDS
    addi s2, s0, 64
    addi s3, s0, 128
    addi s4, s0, 192
1:  li a0, 1
    amoadd.w zero, a0, (s2)
2:  lr.w a1, (s3)
    addi a1, a1, 1
    sc.w a2, a1, (s3)
    bnez a2, 2b
    /* a lock of LR and SC, with acquire and release, around plain loads and stores */
    addi s5, s4, 64
3:  lr.w.aq a1, (s5)
    bnez a1, 3b
    sc.w.aq a2, a0, (s5)
    bnez a2, 3b
    LX a3, 0(s4)
    addi a3, a3, 1
    SX a3, 0(s4)
    amoswap.w.rl zero, zero, (s5)
    addi s1, s1, -1
    bnez s1, 1b

    li a0, 1
    fence rw, rw
    addi s6, s0, 320
    amoadd.w zero, a0, (s6)
    csrr a0, mhartid
    bnez a0, partner

    TEST "all harts arrive"
    li a1, HARTS
1:  lw a0, 0(s6)
    bne a0, a1, 1b
    TEST "amoadd loses nothing"
    lw a0, 0(s2)
    EXPECT a0, HARTS * ROUNDS
    TEST "lr and sc lose nothing"
    lw a0, 0(s3)
    EXPECT a0, HARTS * ROUNDS
    TEST "a lock excludes"
    LX a0, 0(s4)
    EXPECT a0, HARTS * ROUNDS

    TEST "what is written before a fence and a flag is seen after them"
    addi s7, s0, 384 /* flag, of another line than the data */
    addi s8, s0, 448
    li s9, 1
1:  SX s9, 0(s8)
    fence w, w
    sw s9, 0(s7)
2:  lw a0, 4(s7)
    bne a0, s9, 2b
    fence r, r
    LX a0, XSIZE(s8)
    EXPECT_EQ a0, s9
    addi s9, s9, 1
    li a0, 2000
    bltu s9, a0, 1b

    TEST "stores and loads do not pass a full fence both ways"
    /* Dekker: each writes its own flag, then reads the other's; both must not see zero. */
    addi s7, s0, 512
    li s9, 1
    li s10, 2000
1:  sw s9, 0(s7)
    fence rw, rw
    lw a0, 64(s7)
    sw a0, 128(s7)
    fence rw, rw
    sw s9, 256(s7)
2:  lw a1, 320(s7) /* the other may be ahead */
    bltu a1, s9, 2b
    fence rw, rw
    lw a1, 192(s7)
    /* at least one saw the other's round */
    beq a0, s9, 3f
    beq a1, s9, 3f
    j fail
3:  addi s9, s9, 1
    bleu s9, s10, 1b
    j pass

/* Hart 1 answers; the others have done their part. */
partner:
    li a1, 1
    bne a0, a1, done
    addi s7, s0, 384
    addi s8, s0, 448
    li s9, 1
1:  lw a0, 0(s7)
    bne a0, s9, 1b
    fence r, r
    LX a1, 0(s8)
    SX a1, XSIZE(s8)
    fence w, w
    sw s9, 4(s7)
    addi s9, s9, 1
    li a0, 2000
    bltu s9, a0, 1b

    addi s7, s0, 512
    li s9, 1
    li s10, 2000
1:  sw s9, 64(s7)
    fence rw, rw
    lw a0, 0(s7)
    sw a0, 192(s7)
    fence rw, rw
    sw s9, 320(s7)
2:  lw a1, 256(s7)
    bltu a1, s9, 2b
    addi s9, s9, 1
    bleu s9, s10, 1b
done:
    wfi
    j done

    .balign 64
counters:
    .space 1024
