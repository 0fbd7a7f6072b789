/*
 * Zicbom, Zicboz, Zicbop: what they touch, and who may.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"
#include "sys.h"

tests:
    OPEN_PMP
    li s0, SCRATCH
    TEST "cbo.zero clears 64 bytes around its address"
    li s1, SCRATCH
    li a1, -1
    li a2, 48
1:  sw a1, 0(s1)
    addi s1, s1, 4
    addi a2, a2, -1
    bnez a2, 1b
    addi s1, s0, 64 + 20
    cbo.zero 0(s1)
    lw a0, 60(s0)
    EXPECT a0, -1
    lw a0, 128(s0)
    EXPECT a0, -1
    li a2, 16
    addi s1, s0, 64
1:  lw a0, 0(s1)
    EXPECT a0, 0
    addi s1, s1, 4
    addi a2, a2, -1
    bnez a2, 1b
    TEST "cbo.clean, flush, inval keep the bytes"
    cbo.clean 0(s0)
    cbo.flush 0(s0)
    cbo.inval 0(s0)
    lw a0, 0(s0)
    EXPECT a0, -1
    TEST "prefetches do nothing, even where nothing is"
    prefetch.r 0(zero)
    prefetch.w 0(zero)
    prefetch.i 32(s0)
    TEST "cbo.zero where nothing is"
    li s1, 0x80
    EXPECT_TRAP 7, cbo.zero 0(s1)
    TEST "S and U need menvcfg"
    csrw menvcfg, zero
    ENTER 0x800
    EXPECT_TRAP 2, cbo.zero 0(s0)
    ENTER 0x800
    EXPECT_TRAP 2, cbo.clean 0(s0)
    ENTER 0x800
    EXPECT_TRAP 2, cbo.inval 0(s0)
    TEST "with menvcfg S may, U needs senvcfg"
    li a0, 0xf0
    csrw menvcfg, a0
    csrw senvcfg, zero
    ENTER 0x800
    cbo.zero 0(s0)
    cbo.clean 0(s0)
    cbo.flush 0(s0)
    cbo.inval 0(s0)
    EXPECT_TRAP 9, ecall
    ENTER 0
    EXPECT_TRAP 2, cbo.zero 0(s0)
    ENTER 0
    EXPECT_TRAP 2, cbo.flush 0(s0)
    csrw senvcfg, a0
    ENTER 0
    cbo.zero 0(s0)
    cbo.clean 0(s0)
    cbo.inval 0(s0)
    EXPECT_TRAP 8, ecall
    lw a0, 0(s0)
    EXPECT a0, 0
    TEST "reserved cbo"
    EXPECT_ILLEGAL 0x0034200f
    EXPECT_ILLEGAL 0x0054200f
    EXPECT_ILLEGAL 0x0014208f
    j pass
