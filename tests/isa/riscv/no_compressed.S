/*
 * Without C: jumps to halfwords raise before they link, 16-bit instructions are illegal.
 * RUN: xlen=64 march=imafd_zicsr cpu=rv64,c=off,zcb=off,zcmop=off
 * RUN: xlen=32 march=imafd_zicsr cpu=rv32,c=off,zcb=off,zcmop=off
 */
#include "test.h"

tests:
    TEST "jalr to a halfword raises and leaves rd alone"
    la a0, word
    li a1, 5
    addi a2, a0, 2
    EXPECT_TRAP 0, jalr a1, 2(a0)
    EXPECT_EQ t0, a2
    EXPECT a1, 5
    EXPECT_TRAP 0, jalr a0, 3(a0)
    EXPECT_EQ t0, a2
    la a1, word
    EXPECT_EQ a0, a1
    TEST "jalr ignores bit 0"
    jalr x1, 1(a0)
    TEST "jal to a halfword raises and leaves rd alone"
    li a1, 5
    EXPECT_TRAP 0, .word 0x006005ef /* jal a1, .+6 */
    addi a2, t1, 6
    EXPECT_EQ t0, a2
    EXPECT a1, 5
    TEST "a branch to a halfword raises only if it is taken"
    EXPECT_TRAP 0, .word 0x00000363 /* beq x0, x0, .+6 */
    addi a2, t1, 6
    EXPECT_EQ t0, a2
    li a0, 0
    li a1, 1
    EXPECT_TRAP 0, .word 0x00b51363 /* bne a0, a1, .+6 */
    .word 0x00b50363 /* beq a0, a1, .+6 */
    .word 0x00b55363 /* bge a0, a1, .+6 */
    TEST "16-bit words are illegal"
    EXPECT_TRAP 2, .word 0x00010001 /* two c.nop */
    TEST "mepc and sepc have no bit 1"
    la a0, word
    addi a0, a0, 2
    csrw mepc, a0
    csrr a1, mepc
    addi a0, a0, -2
    EXPECT_EQ a1, a0
    j pass

word:
    ret
