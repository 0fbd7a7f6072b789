/*
 * Four harts: what one writes - data, code, page tables - the others see when they must, and nothing twice or torn.
 * RUN: xlen=64 cpu=max smp=4 qemu=rv64
 * RUN: xlen=32 cpu=max smp=4 qemu=rv32
 * RUN: xlen=64 cpu=max smp=2 as=two
 */
#define OTHER_HARTS everybody
#include "test.h"
#include "sys.h"

#define MSIP 0x2000000
#define VARS (SCRATCH + 0x80000)
#define X     (VARS + 0x000)
#define Y     (VARS + 0x040)
#define R     (VARS + 0x080) /* results, 64 bytes a hart */
#define FLAG  (VARS + 0x200)
#define DATA  (VARS + 0x240)
#define STOP  (VARS + 0x280)
#define ACKS  (VARS + 0x2c0)
#define SEEN  (VARS + 0x300)
#define BAR   (VARS + 0x400) /* how many have come */
#define HARTS (VARS + 0x440) /* how many there are */
#define SMALL_ROUNDS 200
#define SEEN_SHIFT   14 /* SEEN: how many interrupts preceded, and what was seen then */

/* There may be fewer host processors than harts. */
#define PAUSE .word 0x0100000f
/* s8 = my number; s7 = how many; s9 = barriers passed times s7. */
.macro BARRIER
    fence rw, rw
    add s9, s9, s7
    li s10, BAR
    li s11, 1
    amoadd.w zero, s11, (s10)
.Lwait\@:
    PAUSE
    lw s11, 0(s10)
    blt s11, s9, .Lwait\@
    fence rw, rw
.endm
.macro GET reg, address
    li \reg, \address
    lw \reg, 0(\reg)
.endm
.macro PUT reg, address
    li s10, \address
    sw \reg, 0(s10)
.endm

tests:
everybody:
    la t0, smp_trap
    csrw mtvec, t0
    li tp, -1
    OPEN_PMP
    li t0, 0x2000
    csrs mstatus, t0
    csrr s8, mhartid
    li s9, 0
    /* Hart 0 counts: only harts that exist have a software interrupt bit. */
    bnez s8, 2f
    li s10, MSIP
    li a0, 0
1:  slli a1, a0, 2
    add a1, a1, s10
    li a2, 1
    sw a2, 0(a1)
    lw a3, 0(a1)
    sw zero, 0(a1)
    beqz a3, 1f
    addi a0, a0, 1
    li a1, 4
    blt a0, a1, 1b
1:  PUT a0, HARTS
    fence rw, rw
    PUT a2, FLAG
2:  PAUSE
    GET a0, FLAG
    beqz a0, 2b
    GET s7, HARTS
    BARRIER
    bnez s8, 3f
    PUT zero, FLAG
3:  BARRIER

    TEST "store buffering: with fences, one of two sees the other"
    li s0, SMALL_ROUNDS
1:  BARRIER
    bnez s8, 2f
    PUT zero, X
    PUT zero, Y
2:  BARRIER
    li a0, X
    li a1, Y
    li a2, 1
    bnez s8, 3f
    sw a2, 0(a0)
    fence rw, rw
    lw a3, 0(a1)
    PUT a3, R
3:  li s10, 1
    bne s8, s10, 4f
    sw a2, 0(a1)
    fence rw, rw
    lw a3, 0(a0)
    PUT a3, R + 64
4:  BARRIER
    GET a3, R
    GET a4, R + 64
    or a3, a3, a4
    EXPECT a3, 1
    addi s0, s0, -1
    bnez s0, 1b

    TEST "message passing: who sees the flag sees the data"
    BARRIER
    li s0, 5000
    bnez s8, 2f
    li a0, DATA
    li a1, FLAG
1:  sw s0, 0(a0)
    fence w, w
    sw s0, 0(a1)
    addi s0, s0, -1
    bnez s0, 1b
    sw zero, 0(a0)
    li a2, -1
    fence w, w
    sw a2, 0(a1)
    j 4f
2:  li a0, DATA
    li a1, FLAG
3:  lw a2, 0(a1)
    fence r, r
    lw a3, 0(a0)
    bltz a2, 4f
    beqz a2, 3b
    blt a2, a3, failed /* data count down too: never older than the flag */
    j 3b
failed:
    j fail
4:  BARRIER
    bnez s8, 5f
    PUT zero, FLAG
5:  BARRIER

    TEST "aligned accesses are whole"
    BARRIER
    li s0, 5000
    li a0, DATA
    li a2, 0
    bnez s8, 2f
1:
#if __riscv_xlen == 64
    li a1, -1
    xor a2, a2, a1
    sd a2, 0(a0)
#else
    not a2, a2
    sw a2, 0(a0)
#endif
    addi s0, s0, -1
    bnez s0, 1b
    j 3f
2:  LX a1, 0(a0)
    seqz a2, a1
    addi a3, a1, 1
    seqz a3, a3
    or a2, a2, a3
    beqz a2, failed
    addi s0, s0, -1
    bnez s0, 2b
3:  BARRIER

    TEST "a hart's function is rewritten by another, which then interrupts it"
    bnez s8, 1f
    FUNCTION PHYS(0), 1
    fence.i
    PUT zero, STOP
    PUT zero, ACKS
    PUT zero, SEEN
1:  BARRIER
    fence.i
    bnez s8, caller
    li s0, SMALL_ROUNDS
    li s4, 0
2:  andi a1, s0, 0x7ff
    slli a2, a1, 20
    ori a2, a2, 0x513
    PUT a2, PHYS(0)
    fence rw, rw
    addi s4, s4, 1
    li s10, MSIP + 4
    li a3, 1
    sw a3, 0(s10)
4:  PAUSE
    GET a3, SEEN
    srli a4, a3, SEEN_SHIFT
    bne a4, s4, 4b
    slli a4, a4, SEEN_SHIFT
    sub a3, a3, a4
    EXPECT_EQ a3, a1
    addi s0, s0, -1
    bnez s0, 2b
    li a3, 1
    PUT a3, STOP
    j 6f
caller:
    li s10, 1
    bne s8, s10, 6f
    csrwi mie, 8
    csrsi mstatus, 8
    li s1, PHYS(0)
    li s2, STOP
    li s4, ACKS
    li s5, SEEN
5:  lw s3, 0(s4) /* acknowledged before the call: the call must give what is new */
    fence r, rw
    jalr ra, 0(s1)
    jalr ra, 0(s1)
    slli s3, s3, SEEN_SHIFT
    or a0, a0, s3
    sw a0, 0(s5)
    lw a1, 0(s2)
    beqz a1, 5b
    csrci mstatus, 8
    csrw mie, zero
6:  BARRIER

    TEST "code announced by a flag, fetched after fence.i"
    bnez s8, 1f
    PUT zero, FLAG
    FUNCTION PHYS(0), 0
1:  BARRIER
    fence.i
    li s0, SMALL_ROUNDS
    li s1, PHYS(0)
    li a4, FLAG
2:  bnez s8, 3f
    andi a2, s0, 0x7ff
    slli a2, a2, 20
    ori a2, a2, 0x513
    sw a2, 0(s1)
    fence w, w
    sw s0, 0(a4)
    j 4f
3:  PAUSE
    lw a0, 0(a4)
    bne a0, s0, 3b
    fence.i
    jalr ra, 0(s1)
    andi a2, s0, 0x7ff
    EXPECT_EQ a0, a2
4:  BARRIER
    addi s0, s0, -1
    bnez s0, 2b

    TEST "each hart rewrites its function and counts, all in one page"
    bnez s8, 1f
    li a0, PHYS(1)
    li a1, PHYS(2)
2:  sw zero, 0(a0)
    addi a0, a0, 4
    bltu a0, a1, 2b
1:  BARRIER
    li s1, PHYS(1)
    slli a0, s8, 8
    add s1, s1, a0 /* my 256 bytes: function, counter at 128 */
    li a1, INSN_RET
    sw a1, 4(s1)
    li s0, 4000
    li s3, 0
3:  andi a1, s0, 7
    bnez a1, 4f
    andi s3, s0, 0x7f8
    slli a2, s3, 20
    ori a2, a2, 0x513
    sw a2, 0(s1)
    fence.i
4:  jalr ra, 0(s1)
    EXPECT_EQ a0, s3
    lw a0, 128(s1)
    addi a0, a0, 1
    sw a0, 128(s1)
    li a1, PHYS(1) + 0x800
    li a2, 1
    amoadd.w zero, a2, (a1)
    addi s0, s0, -1
    bnez s0, 3b
    lw a0, 128(s1)
    EXPECT a0, 4000
    BARRIER
    GET a0, PHYS(1) + 0x800
    li a1, 4000
    mul a1, a1, s7
    EXPECT_EQ a0, a1
    BARRIER

    TEST "a page is remapped by one hart; the others fence when they are interrupted"
    bnez s8, 1f
    MAKE_TABLES 0
    MAP 0, 1, PHYS(4), RWX
    li a0, 44
    PUT a0, PHYS(4) + 64
    li a0, 55
    PUT a0, PHYS(5) + 64
    FUNCTION PHYS(4), 44
    FUNCTION PHYS(5), 55
    PUT zero, STOP
    PUT zero, ACKS
    PUT zero, SEEN
1:  BARRIER
    fence.i
    SET_SATP 0, 0
    sfence.vma
    bnez s8, reader
    li s0, 100
    li s4, 0
    li a4, 44
2:  li a3, ENTRY(PHYS(5), RWX)
    li a1, 44
    bne a4, a1, 3f
    li a4, 55
    j 4f
3:  li a3, ENTRY(PHYS(4), RWX)
    li a4, 44
4:  li a1, L0(0) + PTE_SIZE
    SX a3, 0(a1)
    fence rw, rw
    add s4, s4, s7
    addi s4, s4, -1
    li a1, 1
    li a2, MSIP
5:  addi a2, a2, 4
    li a3, 1
    sw a3, 0(a2)
    addi a1, a1, 1
    blt a1, s7, 5b
7:  PAUSE
    GET a3, SEEN
    srli a2, a3, SEEN_SHIFT
    bne a2, s4, 7b
    slli a2, a2, SEEN_SHIFT
    sub a3, a3, a2
    li a2, 100
    mul a2, a2, a4
    add a2, a2, a4
    EXPECT_EQ a3, a2
    addi s0, s0, -1
    bnez s0, 2b
    li a3, 1
    PUT a3, STOP
    j 9f
reader: /* taken in S-mode whatever MIE says; ENTER itself must not be interrupted */
    csrwi mie, 8
    ENTER MPP_S
    li s1, VIRT(1)
    li s2, STOP
    li s4, ACKS
    li s5, SEEN
1:  lw a5, 0(s4)
    fence r, rw
    lw a4, 64(s1)
    jalr ra, 0(s1)
    li a2, 100
    mul a4, a4, a2
    add a4, a4, a0
    slli a5, a5, SEEN_SHIFT
    or a4, a4, a5
    sw a4, 0(s5)
    lw a1, 0(s2)
    beqz a1, 1b
    EXPECT_TRAP 9, ecall
    csrci mstatus, 8
    csrw mie, zero
9:  csrw satp, zero
    BARRIER

    TEST "a lock of lr and sc, with interrupts"
    bnez s8, 1f
    PUT zero, X
    PUT zero, Y
1:  BARRIER
    csrwi mie, 8
    csrsi mstatus, 8
    li s0, 2000
    li s1, X
    li s2, Y
    li s3, MSIP
7:  PAUSE
2:  lr.w.aq a0, (s1)
    bnez a0, 7b
    li a0, 1
    sc.w a1, a0, (s1)
    bnez a1, 2b
    lw a0, 0(s2)
    addi a0, a0, 1
    sw a0, 0(s2)
    amoswap.w.rl zero, zero, (s1)
    andi a0, s0, 63
    bnez a0, 3f
    addi a1, s8, 1 /* poke the next hart */
    blt a1, s7, 4f
    li a1, 0
4:  slli a1, a1, 2
    add a1, a1, s3
    li a0, 1
    sw a0, 0(a1)
3:  addi s0, s0, -1
    bnez s0, 2b
    csrci mstatus, 8
    csrw mie, zero
    BARRIER
    GET a0, Y
    li a1, 2000
    mul a1, a1, s7
    EXPECT_EQ a0, a1
    BARRIER

    TEST "D that software clears is set again, while other harts wait"
    bnez s8, 1f
    MAP 0, 1, PHYS(4), RWX
    PUT zero, STOP
    PUT zero, PHYS(4) + 64
1:  BARRIER
    beqz s8, 2f
    j parked
2:  SET_SATP 0, 0
    sfence.vma
    li s0, 2000
    li s1, L0(0) + PTE_SIZE
    li s2, VIRT(1)
    li s3, PTE_D
    not s3, s3
3:
#if __riscv_xlen == 64
    amoand.d zero, s3, (s1)
#else
    amoand.w zero, s3, (s1)
#endif
    li s10, VIRT(1)
    sfence.vma s10
    DATA_AS MPP_S
    sw s0, 64(s2)
    DATA_AS_M
    LX a0, 0(s1)
    andi a0, a0, PTE_D
    EXPECT a0, PTE_D
    addi s0, s0, -1
    bnez s0, 3b
    csrw satp, zero
    li a3, 1
    PUT a3, STOP
parked:
    BARRIER
    bnez s8, 1f
    j pass
1:  wfi
    j 1b

    .balign 4
smp_trap: /* an interrupt by another hart: see its code and its tables; else the trap that is expected */
    csrr s10, mcause
    bltz s10, 1f
    j trap
1:  slli s10, s8, 2
    li s11, MSIP
    add s10, s10, s11
    sw zero, 0(s10)
    fence rw, rw
    fence.i
    sfence.vma
    li s10, ACKS
    li s11, 1
    amoadd.w zero, s11, (s10)
    mret
