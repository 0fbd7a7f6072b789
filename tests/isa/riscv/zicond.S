/*
 * Zicond, Zimop and Zcmop.
 * RUN: xlen=64 cpu=max
 * RUN: xlen=32 cpu=max
 */
#include "test.h"

.macro CZERO_EQZ rd, rs1, rs2
    .insn r 0x33, 5, 7, \rd, \rs1, \rs2
.endm
.macro CZERO_NEZ rd, rs1, rs2
    .insn r 0x33, 7, 7, \rd, \rs1, \rs2
.endm

tests:
    TEST "czero.eqz"
    li a1, -5
    li a2, 0
    CZERO_EQZ a0, a1, a2
    EXPECT a0, 0
    li a2, 1
    CZERO_EQZ a0, a1, a2
    EXPECT a0, -5
    CZERO_EQZ a2, a1, a2
    EXPECT a2, -5
    CZERO_EQZ a0, a1, zero
    EXPECT a0, 0
    CZERO_EQZ a0, zero, a1
    EXPECT a0, 0
    la s0, values
    LX a1, 0(s0)
    LX a2, XSIZE(s0)
    CZERO_EQZ a0, a1, a2
    EXPECT a0, 0
    CZERO_EQZ a0, a1, a1
    EXPECT a0, 77
    CZERO_EQZ a1, a1, a2
    EXPECT a1, 0

    TEST "czero.nez"
    li a1, -5
    li a2, 0
    CZERO_NEZ a0, a1, a2
    EXPECT a0, -5
    li a2, -1
    CZERO_NEZ a0, a1, a2
    EXPECT a0, 0
    LX a1, 0(s0)
    LX a2, XSIZE(s0)
    CZERO_NEZ a0, a1, a2
    EXPECT a0, 77
    CZERO_NEZ a0, a1, a1
    EXPECT a0, 0
    CZERO_NEZ a2, a1, a2
    EXPECT a2, 77

    TEST "mop.r.0 to mop.r.31 write zero"
    .set n, 0
    .rept 32
    li a0, 1
    .word 0x81c5c573 | (n & 3) << 20 | (n >> 2 & 3) << 26 | (n >> 4) << 30 /* mop.r.n a0, a1 */
    EXPECT a0, 0
    .set n, n + 1
    .endr

    TEST "mop.rr.0 to mop.rr.7 write zero"
    .set n, 0
    .rept 8
    li a0, 1
    .word 0x82c5c573 | (n & 3) << 26 | (n >> 2) << 30 /* mop.rr.n a0, a1, a2 */
    EXPECT a0, 0
    .set n, n + 1
    .endr

    TEST "c.mop.1 to c.mop.15 write nothing"
    li s1, 9
    li a1, 11
    li a3, 13
    .half 0x6081, 0x6181, 0x6281, 0x6381, 0x6481, 0x6581, 0x6681, 0x6781
    EXPECT s1, 9
    EXPECT a1, 11
    EXPECT a3, 13
    j pass

    .balign 8
values:
    DX 77, 0
