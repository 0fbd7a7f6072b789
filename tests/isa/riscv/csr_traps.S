/*
 * Set and clear write whenever their operand is not x0, whatever its value.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"

tests:
    TEST "rs1 counts by number, not by value"
    li a1, 0
    EXPECT_TRAP 2, csrrs a0, mhartid, a1
    EXPECT_TRAP 2, csrrc a0, mhartid, a1
    j pass
