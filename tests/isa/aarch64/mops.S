/*
 * FEAT_MOPS: memory copy and memory set.
 * RUN: cpu=max
 */
#include "test.h"

/* stage: 0 prologue, 1 main, 2 epilogue; registers are numbers */
.macro CPY stage, rd, rs, rn, op=0
    .inst 0x1d000400 | \stage << 22 | \rs << 16 | \op << 12 | \rn << 5 | \rd
.endm
.macro CPYF stage, rd, rs, rn, op=0
    .inst 0x19000400 | \stage << 22 | \rs << 16 | \op << 12 | \rn << 5 | \rd
.endm
.macro SET stage, rd, rs, rn, op=0
    .inst 0x19c00400 | \rs << 16 | \stage << 14 | \op << 12 | \rn << 5 | \rd
.endm
.macro COPY rd, rs, rn
    CPY 0, \rd, \rs, \rn
    CPY 1, \rd, \rs, \rn
    CPY 2, \rd, \rs, \rn
.endm

/* Bytes 0, 1, 2 ... modulo 251 into the first 32 KiB of scratch. */
fill:
    ldr x9, =scratch
    mov x10, #0
    mov x11, #0x8000
1:  strb w10, [x9], #1
    add x10, x10, #1
    cmp x10, #251
    csel x10, xzr, x10, eq
    subs x11, x11, #1
    b.ne 1b
    ret
/* x12 bytes at x9 follow the pattern of those at x10 in the pristine memory, whose offset is x10. */
verify:
    mov x13, #251
1:  cbz x12, 2f
    udiv x14, x10, x13
    msub x14, x14, x13, x10
    ldrb w15, [x9], #1
    cmp x14, x15
    b.ne fail
    add x10, x10, #1
    sub x12, x12, #1
    b 1b
2:  ret

tests:
    stp x29, x30, [sp, #-16]!
    TEST "a copy that does not overlap"
    bl fill
    LI x0, scratch + 0x9003
    LI x1, scratch + 0x101
    LI x2, 0x3456
    COPY 0, 1, 2
    EXPECT x0, scratch + 0x9003 + 0x3456
    EXPECT x1, scratch + 0x101 + 0x3456
    EXPECT x2, 0
    LI x9, scratch + 0x9003
    mov x10, #0x101
    LI x12, 0x3456
    bl verify
    TEST "a copy upwards onto itself goes backwards"
    bl fill
    LI x0, scratch + 0x123
    LI x1, scratch
    LI x2, 0x5001
    COPY 0, 1, 2
    EXPECT x2, 0
    LI x9, scratch + 0x123
    mov x10, #0
    LI x12, 0x5001
    bl verify
    TEST "a copy downwards onto itself goes forwards"
    bl fill
    LI x0, scratch + 0x77
    LI x1, scratch + 0x1077
    LI x2, 0x4002
    COPY 0, 1, 2
    LI x9, scratch + 0x77
    LI x10, 0x1077
    LI x12, 0x4002
    bl verify
    TEST "nothing to copy"
    LI x0, 16
    LI x1, 32
    mov x2, #0
    COPY 0, 1, 2
    EXPECT x0, 16
    EXPECT x1, 32
    EXPECT x2, 0
    TEST "the forward-only forms"
    bl fill
    LI x3, scratch + 0xa000
    LI x4, scratch + 5
    LI x5, 4999
    CPYF 0, 3, 4, 5
    CPYF 1, 3, 4, 5
    CPYF 2, 3, 4, 5
    EXPECT x3, scratch + 0xa000 + 4999
    EXPECT x5, 0
    LI x9, scratch + 0xa000
    mov x10, #5
    LI x12, 4999
    bl verify
    TEST "unprivileged forms, and hints"
    LI x3, scratch + 0xb000
    LI x4, scratch + 7
    LI x5, 100
    CPYF 0, 3, 4, 5, 12
    CPYF 1, 3, 4, 5, 12
    CPYF 2, 3, 4, 5, 12
    EXPECT x5, 0
    LI x9, scratch + 0xb000
    mov x10, #7
    mov x12, #100
    bl verify
    TEST "a set"
    LI x0, scratch + 0x801
    LI x1, 0x2345
    mov x2, #0x1a5
    SET 0, 0, 2, 1
    SET 1, 0, 2, 1
    SET 2, 0, 2, 1
    EXPECT x0, scratch + 0x801 + 0x2345
    EXPECT x1, 0
    LI x9, scratch + 0x801
    LI x12, 0x2345
1:  ldrb w3, [x9], #1
    cmp w3, #0xa5
    b.ne fail
    subs x12, x12, #1
    b.ne 1b
    TEST "a set with zeros ends where it should"
    LI x0, scratch + 0x900
    mov x1, #3
    SET 0, 0, 31, 1
    SET 1, 0, 31, 1
    SET 2, 0, 31, 1
    LI x0, scratch + 0x8fc
    ldr x1, [x0]
    EXPECT x1, 0xa5000000a5a5a5a5
    TEST "a fault says where, and nothing is lost"
    LI x0, 0xc0200000 - 16
    LI x1, scratch
    mov x2, #64
    CPYF 0, 0, 1, 2
    EXPECT_EXCEPTION 0x25, CPYF 1, 0, 1, 2
    EXPECT x24, 0xc0200000
    EXPECT x2, -48
    EXPECT x0, 0xc0200000 + 48
    EXPECT x1, scratch + 64
    TEST "carry says that the other option is meant"
    mov x2, #0
    LI x22, 0x20000000
    msr nzcv, x22
    EXPECT_EXCEPTION 0x27, CPY 1, 0, 1, 2
    EXPECT x25, 0x9e020022
    msr nzcv, x22
    LI x22, 0x20000000
    msr nzcv, x22
    EXPECT_EXCEPTION 0x27, SET 2, 3, 4, 5, 1
    EXPECT x25, 0x9f0e0c85
    TEST "registers that conflict, and missing forms"
    EXPECT_UNDEFINED CPY 0, 0, 0, 2
    EXPECT_UNDEFINED CPY 0, 0, 1, 1
    EXPECT_UNDEFINED CPY 0, 31, 1, 2
    EXPECT_UNDEFINED CPY 0, 0, 31, 2
    EXPECT_UNDEFINED SET 0, 1, 1, 2
    EXPECT_UNDEFINED SET 3, 0, 1, 2
    EXPECT_UNDEFINED .inst 0x59000400 | 1 << 16 | 2 << 5
    ldp x29, x30, [sp], #16
    ret
    .ltorg
