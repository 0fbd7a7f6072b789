/*
 * Misaligned atomics raise, SC even without a reservation; wrs ends.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"

tests:
    TEST "misaligned lr and amo*"
    li s1, SCRATCH + 2
    EXPECT_TRAP_AT 4, SCRATCH + 2, lr.w a0, (s1)
    EXPECT_TRAP_AT 6, SCRATCH + 2, amoadd.w a0, a1, (s1)
    EXPECT_TRAP_AT 6, SCRATCH + 2, amoswap.w zero, a1, (s1)
#if __riscv_xlen == 64
    li s1, SCRATCH + 4
    EXPECT_TRAP_AT 4, SCRATCH + 4, lr.d a0, (s1)
    EXPECT_TRAP_AT 6, SCRATCH + 4, amomax.d a0, a1, (s1)
#endif
    li s0, SCRATCH + 2
    TEST "misaligned sc"
    EXPECT_TRAP_AT 6, SCRATCH + 2, sc.w a0, a1, (s0)
#if __riscv_xlen == 64
    addi s0, s0, 2
    EXPECT_TRAP_AT 6, SCRATCH + 4, sc.d a0, a1, (s0)
#endif
    TEST "amo* and sc where nothing is"
    li s0, 0x40
    EXPECT_TRAP_AT 7, 0x40, sc.w a0, a1, (s0)
    EXPECT_TRAP_AT 7, 0x40, amoadd.w a0, a1, (s0)
    TEST "wrs.nto and wrs.sto end"
    li s0, SCRATCH
    lr.w a0, (s0)
    .word 0x00d00073
    .word 0x01d00073
    sc.w a0, a1, (s0)
    .word 0x01d00073
    j pass
