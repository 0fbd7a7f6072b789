/*
 * Zicsr: which accesses read, write and trap; operands and results that overlap.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"

tests:
    TEST "csrrw, csrrs, csrrc"
    li a1, 0x5a
    csrw mscratch, a1
    li a2, 0xf0
    csrrw a0, mscratch, a2
    EXPECT a0, 0x5a
    li a1, 0x0f
    csrrs a0, mscratch, a1
    EXPECT a0, 0xf0
    li a1, 0x3c
    csrrc a0, mscratch, a1
    EXPECT a0, 0xff
    csrr a0, mscratch
    EXPECT a0, 0xc3
    TEST "immediates"
    csrrwi a0, mscratch, 31
    EXPECT a0, 0xc3
    csrrci a0, mscratch, 3
    EXPECT a0, 31
    csrrsi a0, mscratch, 1
    EXPECT a0, 28
    csrr a0, mscratch
    EXPECT a0, 29
    TEST "rd = rs1, rd = x0"
    li a0, 7
    csrrw a0, mscratch, a0
    EXPECT a0, 29
    csrrs a0, mscratch, a0
    EXPECT a0, 7
    csrr a0, mscratch
    EXPECT a0, 31
    csrrw zero, mscratch, zero
    csrr a0, mscratch
    EXPECT a0, 0
    TEST "all bits of mscratch"
    li a1, -1
    csrw mscratch, a1
    csrr a0, mscratch
    EXPECT a0, -1
    TEST "read-only CSRs: reads without a write are fine, writes are illegal"
    csrr a0, mhartid
    EXPECT a0, 0
    csrrc a0, mhartid, zero
    csrrsi a0, mhartid, 0
    EXPECT_TRAP 2, csrrw zero, mhartid, zero
    EXPECT_TRAP 2, csrrwi a0, mhartid, 0
    EXPECT_TRAP 2, csrrs a0, mhartid, a1
    EXPECT_TRAP 2, csrrsi a0, mhartid, 1
    EXPECT_TRAP 2, csrrs a0, cycle, a1
    TEST "a trapped access leaves rd alone, and mtval has the instruction"
    li a0, 55
    EXPECT_ILLEGAL 0xf1459573
    EXPECT a0, 55
    TEST "CSRs that do not exist"
    EXPECT_ILLEGAL 0x5ff02573
    EXPECT_ILLEGAL 0x00002573 | 0x8ff << 20
    TEST "reserved funct3"
    EXPECT_ILLEGAL 0x34004573
    TEST "cycle and instret count"
    csrr a0, cycle
    nop
    nop
    csrr a1, cycle
    bgtu a1, a0, 1f
    j fail
1:  csrr a0, minstret
    nop
    csrr a1, minstret
    bgtu a1, a0, 1f
    j fail
1:
    TEST "time does not go back"
    csrr a0, time
    csrr a1, time
    bgeu a1, a0, 1f
    j fail
1:  j pass
