/*
 * FEAT_CSSC: minimum, maximum, absolute value, counting.
 * RUN: cpu=max
 */
#include "test.h"

/* sf, then opc of the immediate form: 0 SMAX 1 UMAX 2 SMIN 3 UMIN */
.macro MINMAX_I sf, opc, imm, rn, rd
    .inst \sf << 31 | 0x11c00000 | \opc << 18 | (\imm & 0xff) << 10 | \rn << 5 | \rd
.endm
.macro MINMAX sf, opc, rm, rn, rd
    .inst \sf << 31 | 0x1ac06000 | \opc << 10 | \rm << 16 | \rn << 5 | \rd
.endm
/* opcode: 6 CTZ 7 CNT 8 ABS */
.macro ONE sf, opcode, rn, rd
    .inst \sf << 31 | 0x5ac00000 | \opcode << 10 | \rn << 5 | \rd
.endm

tests:
    stp x29, x30, [sp, #-16]!
    TEST "immediates of signed forms are signed"
    LI x1, -100
    MINMAX_I 1, 0, -5, 1, 0
    EXPECT x0, -5
    MINMAX_I 1, 2, -128, 1, 0
    EXPECT x0, -128
    MINMAX_I 1, 2, 127, 1, 0
    EXPECT x0, -100
    MINMAX_I 0, 0, -5, 1, 0
    EXPECT x0, 0xfffffffb
    MINMAX_I 0, 2, 127, 1, 0
    EXPECT x0, 0xffffff9c
    TEST "immediates of unsigned forms are not"
    MINMAX_I 1, 1, 255, 1, 0
    EXPECT x0, -100
    MINMAX_I 1, 3, 255, 1, 0
    EXPECT x0, 255
    MINMAX_I 0, 3, 200, 1, 0
    EXPECT x0, 200
    MINMAX_I 0, 1, 200, 1, 0
    EXPECT x0, 0xffffff9c
    TEST "registers"
    LI x2, 0x7fffffff80000001
    MINMAX 1, 0, 2, 1, 0
    EXPECT x0, 0x7fffffff80000001
    MINMAX 1, 1, 2, 1, 0
    EXPECT x0, -100
    MINMAX 1, 2, 2, 1, 0
    EXPECT x0, -100
    MINMAX 1, 3, 2, 1, 0
    EXPECT x0, 0x7fffffff80000001
    MINMAX 0, 0, 2, 1, 0
    EXPECT x0, 0xffffff9c
    MINMAX 0, 2, 2, 1, 0
    EXPECT x0, 0x80000001
    MINMAX 0, 1, 31, 2, 0
    EXPECT x0, 0x80000001
    TEST "absolute value"
    ONE 1, 8, 1, 0
    EXPECT x0, 100
    ONE 0, 8, 1, 0
    EXPECT x0, 100
    LI x1, 0x8000000000000000
    ONE 1, 8, 1, 0
    EXPECT x0, 0x8000000000000000
    ONE 0, 8, 1, 0
    EXPECT x0, 0
    LI x1, 0x80000000
    ONE 0, 8, 1, 0
    EXPECT x0, 0x80000000
    ONE 1, 8, 1, 0
    EXPECT x0, 0x80000000
    TEST "trailing zeros"
    ONE 1, 6, 31, 0
    EXPECT x0, 64
    ONE 0, 6, 31, 0
    EXPECT x0, 32
    LI x1, 0x0000010000000000
    ONE 1, 6, 1, 0
    EXPECT x0, 40
    ONE 0, 6, 1, 0
    EXPECT x0, 32
    TEST "ones"
    LI x1, 0xf0f0f0f00000ffff
    ONE 1, 7, 1, 0
    EXPECT x0, 32
    ONE 0, 7, 1, 0
    EXPECT x0, 16
    TEST "encodings beside them are undefined"
    EXPECT_UNDEFINED ONE 1, 9, 1, 0
    EXPECT_UNDEFINED MINMAX_I 1, 4, 1, 1, 0
    EXPECT_UNDEFINED .inst 0x9ac07000 // 2-source, opcode 28
    ldp x29, x30, [sp], #16
    ret
    .ltorg
