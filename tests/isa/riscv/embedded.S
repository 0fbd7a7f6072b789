/*
 * RVE: sixteen registers.
 * RUN: xlen=32 march=ima_zicsr_zifencei cpu=rv32e,zicsr=on,m=on
 * RUN: xlen=64 march=ima_zicsr_zifencei cpu=rv64e,zicsr=on,m=on
 */
#include "test.h"

tests:
    TEST "the lower registers work"
    li a0, 5
    li a5, 7
    add a1, a0, a5
    EXPECT a1, 12
    mul a1, a0, a5
    EXPECT a1, 35
    slli a1, a0, 16
    EXPECT a1, 5 << 16
    li a1, 31
    EXPECT a1, 31
    csrwi mscratch, 31
    csrr a1, mscratch
    EXPECT a1, 31
    TEST "x16 to x31 do not exist: rd"
    EXPECT_ILLEGAL 0x00b50833 /* add a6, a0, a1 */
    EXPECT_ILLEGAL 0x00000813 /* li a6, 0 */
    EXPECT_ILLEGAL 0x00001f37 /* lui t5, 1 */
    EXPECT_ILLEGAL 0x00000f97 /* auipc t6, 0 */
    EXPECT_ILLEGAL 0x0000086f /* jal a6, . */
    EXPECT_ILLEGAL 0x00052803 /* lw a6, 0(a0) */
    EXPECT_ILLEGAL 0x34002873 /* csrr a6, mscratch */
    TEST "x16 to x31 do not exist: rs1 and rs2"
    EXPECT_ILLEGAL 0x00b80533 /* add a0, a6, a1 */
    EXPECT_ILLEGAL 0x01050533 /* add a0, a0, a6 */
    EXPECT_ILLEGAL 0x00082503 /* lw a0, 0(a6) */
    EXPECT_ILLEGAL 0x01052023 /* sw a6, 0(a0) */
    EXPECT_ILLEGAL 0x01050463 /* beq a0, a6, .+8 */
    EXPECT_ILLEGAL 0x000800e7 /* jalr a6 */
    EXPECT_ILLEGAL 0x34081073 /* csrw mscratch, a6 */
    TEST "extensions that are off are illegal"
    EXPECT_ILLEGAL 0x00052507 /* flw */
    EXPECT_ILLEGAL 0x20b52533 /* sh1add */
    j pass
