/*
 * Code that changes: by its own stores, in hot loops, next to data, through another address, by every kind of store.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"
#include "sys.h"

#define ROUNDS 3000
#define CODE   PHYS(0)

/* a5 = addi a0, zero, (\reg & 0x7ff) */
.macro LI_WORD reg
    andi a5, \reg, 0x7ff
    slli a5, a5, 20
    ori a5, a5, 0x513
.endm

tests:
    OPEN_PMP
    TEST "a store to the next instruction, then fence.i"
    li s0, ROUNDS
    la s1, patched
1:  LI_WORD s0
    li a0, -1
    sw a5, 0(s1)
    fence.i
patched:
    li a0, 0
    andi a1, s0, 0x7ff
    EXPECT_EQ a0, a1
    addi s0, s0, -1
    bnez s0, 1b

    TEST "a function called from a hot loop is rewritten thousands of times"
    li s0, ROUNDS
    li s1, CODE
    FUNCTION CODE, 0
1:  LI_WORD s0
    sw a5, 0(s1)
    fence.i
    li s2, 5
2:  jalr ra, 0(s1)
    andi a1, s0, 0x7ff
    EXPECT_EQ a0, a1
    addi s2, s2, -1
    bnez s2, 2b
    addi s0, s0, -1
    bnez s0, 1b

    TEST "two functions of one page, one rewritten: the other stays as it is"
    FUNCTION CODE + 0x800, 77
    li s0, ROUNDS
    li s2, CODE + 0x800
1:  LI_WORD s0
    sw a5, 0(s1)
    fence.i
    jalr ra, 0(s1)
    mv s3, a0
    jalr ra, 0(s2)
    EXPECT a0, 77
    andi a1, s0, 0x7ff
    EXPECT_EQ s3, a1
    addi s0, s0, -1
    bnez s0, 1b

    TEST "a loop's data lies beside its code"
    la s0, counter
    SX zero, 0(s0)
    li s1, 50000
1:  LX a0, 0(s0)
    addi a0, a0, 1
    SX a0, 0(s0)
    addi s1, s1, -1
    bnez s1, 1b
    j 2f
    .balign 8
counter:
    .dword 0
2:  LX a0, 0(s0)
    EXPECT a0, 50000

    TEST "a loop rewrites its own body"
    li s0, ROUNDS
    li s3, 0
    li s4, 0
    la s1, step_insn
1:  andi a1, s0, 0x3ff
    add s4, s4, a1
    slli a5, a1, 20
    li a4, 0x00098993 /* addi s3, s3, 0 */
    or a5, a5, a4
    sw a5, 0(s1)
    fence.i
step_insn:
    addi s3, s3, 0
    addi s0, s0, -1
    bnez s0, 1b
    EXPECT_EQ s3, s4

    TEST "a function rewrites the code that it returns to"
    li s0, 500
    la s1, after_call
1:  LI_WORD s0
    jal ra, rewrite_caller
after_call:
    li a0, 0
    andi a1, s0, 0x7ff
    EXPECT_EQ a0, a1
    addi s0, s0, -1
    bnez s0, 1b

    TEST "code of one physical page under two addresses, written through a third"
    MAKE_TABLES 0
    MAP 0, 1, CODE, RX
    MAP 0, 2, CODE, RX
    MAP 0, 3, CODE, RW
    SET_SATP 0, 1
    sfence.vma
    ENTER MPP_S
    li s0, ROUNDS
    li s1, VIRT(1)
    li s2, VIRT(2)
    li s3, VIRT(3)
1:  LI_WORD s0
    sw a5, 0(s3)
    fence.i
    jalr ra, 0(s1)
    mv a2, a0
    jalr ra, 0(s2)
    andi a1, s0, 0x7ff
    EXPECT_EQ a0, a1
    EXPECT_EQ a2, a1
    addi s0, s0, -1
    bnez s0, 1b
    LEAVE_S

    TEST "every kind of store is seen"
    li s1, CODE
    FUNCTION CODE, 1
    CALL_EXPECT CODE, 1
    li a1, 0x30
    sb a1, 2(s1) /* the immediate's low four bits */
    fence.i
    CALL_EXPECT CODE, 3
    li a1, 0x0450
    sh a1, 2(s1)
    fence.i
    CALL_EXPECT CODE, 0x45
#if __riscv_xlen == 64
    li a1, INSN_RET << 32 | INSN_LI_A0(0x123)
    sd a1, 0(s1)
    fence.i
    CALL_EXPECT CODE, 0x123
    li a1, INSN_LI_A0(0x124)
    fmv.d.x fa0, a1
    fsw fa0, 0(s1)
    fence.i
    CALL_EXPECT CODE, 0x124
    li a1, INSN_RET << 32 | INSN_LI_A0(0x125)
    fmv.d.x fa0, a1
    fsd fa0, 0(s1)
    fence.i
    CALL_EXPECT CODE, 0x125
    li a1, INSN_RET << 32 | INSN_LI_A0(0x126)
    amoswap.d zero, a1, (s1)
    fence.i
    CALL_EXPECT CODE, 0x126
#endif
    FUNCTION CODE, 1
    fence.i
    CALL_EXPECT CODE, 1
    li a1, 0x00100000
    amoadd.w zero, a1, (s1)
    fence.i
    CALL_EXPECT CODE, 2
    li a1, INSN_LI_A0(0x200)
    amoswap.w zero, a1, (s1)
    fence.i
    CALL_EXPECT CODE, 0x200
    li a1, INSN_LI_A0(0x201)
1:  lr.w a2, (s1)
    sc.w a2, a1, (s1)
    bnez a2, 1b
    fence.i
    CALL_EXPECT CODE, 0x201
    TEST "a misaligned store whose second half is code"
    FUNCTION CODE + PAGE, 5
    CALL_EXPECT CODE + PAGE, 5
    li s2, CODE + PAGE - 2
    li a1, 0x0513 << 16
    sw a1, 0(s2)
    li a1, 0x0070
    sh a1, 4(s2)
    fence.i
    CALL_EXPECT CODE + PAGE, 7
    li s2, CODE + PAGE - 1
    li a1, 0x00051300
    sw a1, 0(s2)
    li a1, 0x0080
    sh a1, 3(s2)
    fence.i
    CALL_EXPECT CODE + PAGE, 8

    TEST "an instruction across two pages, rewritten in each"
    POKE32 CODE + 2 * PAGE - 4, 0x00010001 /* c.nop c.nop */
    li s1, CODE + 2 * PAGE - 2
    li a1, 0x0513
    sh a1, 0(s1)
    li a1, 0x0110
    sh a1, 2(s1)
    li a1, 0x8067
    sh a1, 4(s1)
    sh zero, 6(s1)
    fence.i
    CALL_EXPECT CODE + 2 * PAGE - 4, 0x11
    li s0, 500
1:  andi a1, s0, 0x7ff
    slli a2, a1, 4
    sh a2, 2(s1)
    fence.i
    jalr ra, -2(s1)
    EXPECT_EQ a0, a1
    addi s0, s0, -1
    bnez s0, 1b
    li a1, 0x0593 /* addi a1 instead */
    sh a1, 0(s1)
    fence.i
    li a0, 99
    jalr ra, -2(s1)
    EXPECT a0, 99
    EXPECT a1, 1

    TEST "code that becomes data, and code again"
    FUNCTION CODE, 10
    fence.i
    li s0, 200
1:  CALL_EXPECT CODE, 10
    li s1, CODE
    li s2, CODE + PAGE
2:  sw s1, 0(s1)
    addi s1, s1, 4
    bltu s1, s2, 2b
    li s1, CODE
3:  lw a0, 0(s1)
    sub a0, a0, s1
#if __riscv_xlen == 64
    sext.w a0, a0
#endif
    EXPECT a0, 0
    addi s1, s1, 4
    bltu s1, s2, 3b
    FUNCTION CODE, 10
    fence.i
    addi s0, s0, -1
    bnez s0, 1b

    /* 64 functions of "addi a0, a0, n", in one run of code: random ones change, the sum must follow. */
    TEST "random rewriting"
    li s1, CODE
    li s2, CODE + 256
    li a1, INSN_ADD_A0(0)
1:  sw a1, 0(s1)
    addi s1, s1, 4
    bltu s1, s2, 1b
    li a1, INSN_RET
    sw a1, 0(s1)
    li s0, 20000
    li s3, 12345
    li s5, 0 /* the sum that is due */
    li s1, CODE
2:  slli a1, s3, 13
    xor s3, s3, a1
#if __riscv_xlen == 64
    zext.w s3, s3
#endif
    srli a1, s3, 17
    xor s3, s3, a1
    slli a1, s3, 5
    xor s3, s3, a1
#if __riscv_xlen == 64
    zext.w s3, s3
#endif
    andi a1, s3, 63
    slli a1, a1, 2
    add a1, a1, s1
    lw a2, 0(a1)
    srai a3, a2, 20
    sub s5, s5, a3
    srli a4, s3, 10
    andi a4, a4, 0x7ff
    add s5, s5, a4
    slli a4, a4, 20
    li a5, INSN_ADD_A0(0)
    or a4, a4, a5
    sw a4, 0(a1)
    fence.i
    srli a1, s3, 24 /* enter anywhere now and then: the rest of it must still be whole */
    li a0, 0
    jalr ra, 0(s1)
    EXPECT_EQ a0, s5
    andi a1, a1, 63
    slli a1, a1, 2
    add a1, a1, s1
    jalr ra, 0(a1)
    addi s0, s0, -1
    bnez s0, 2b
    j pass

rewrite_caller:
    sw a5, 0(s1)
    fence.i
    ret
