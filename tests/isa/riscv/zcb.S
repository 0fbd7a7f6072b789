/*
 * Zcb.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"

tests:
    li s0, SCRATCH
    li a1, 0x80c0fe81
    sw a1, 0(s0)
    TEST "c.lbu"
    .half 0x8008 /* c.lbu a0, 0(s0) */
    EXPECT a0, 0x81
    .half 0x8048 /* c.lbu a0, 1(s0) */
    EXPECT a0, 0xfe
    .half 0x8028 /* c.lbu a0, 2(s0) */
    EXPECT a0, 0xc0
    .half 0x8068 /* c.lbu a0, 3(s0) */
    EXPECT a0, 0x80
    TEST "c.lhu, c.lh"
    .half 0x8408 /* c.lhu a0, 0(s0) */
    EXPECT a0, 0xfe81
    .half 0x8428 /* c.lhu a0, 2(s0) */
    EXPECT a0, 0x80c0
    .half 0x8448 /* c.lh a0, 0(s0) */
    EXPECT a0, -0x17f
    .half 0x8468 /* c.lh a0, 2(s0) */
    EXPECT a0, -0x7f40
    TEST "c.sb, c.sh"
    li a0, 0x123
    .half 0x8868 /* c.sb a0, 3(s0) */
    lbu a2, 3(s0)
    EXPECT a2, 0x23
    .half 0x8848 /* c.sb a0, 1(s0) */
    lhu a2, 0(s0)
    EXPECT a2, 0x2381
    .half 0x8c28 /* c.sh a0, 2(s0) */
    lhu a2, 2(s0)
    EXPECT a2, 0x123
    EXPECT_TRAP 2, .half 0x8c48 /* c.sh with bit 6 */
    TEST "c.zext.b, c.sext.b, c.zext.h, c.sext.h, c.not, c.mul"
    li a0, -0x7f80
    .half 0x9d61 /* c.zext.b a0 */
    EXPECT a0, 0x80
    .half 0x9d65 /* c.sext.b a0 */
    EXPECT a0, -0x80
    .half 0x9d69 /* c.zext.h a0 */
    EXPECT a0, 0xff80
    .half 0x9d6d /* c.sext.h a0 */
    EXPECT a0, -0x80
    .half 0x9d75 /* c.not a0 */
    EXPECT a0, 0x7f
    li a1, -3
    .half 0x9d4d /* c.mul a0, a1 */
    EXPECT a0, -381
#if __riscv_xlen == 64
    TEST "c.zext.w"
    li a0, -2
    .half 0x9d71 /* c.zext.w a0 */
    EXPECT a0, 0xfffffffe
#else
    EXPECT_TRAP 2, .half 0x9d71
#endif
    EXPECT_TRAP 2, .half 0x9d79
    EXPECT_TRAP 2, .half 0x9d7d
    j pass
