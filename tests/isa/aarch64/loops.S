/*
 * Loops over memory: loads that lie across pages, and alignment that is checked (SCTLR_EL1.A).
 * RUN: cpu=max
 */
#include "test.h"

    .set TURNS, 1024

/* x2: the sum of TURNS words of 64 bits from x9 on, byte by byte. */
sum_of_bytes:
    mov x2, #0
    mov x3, #0
1:  and x4, x3, #7
    lsl x4, x4, #3
    ldrb w5, [x9, x3]
    lsl x5, x5, x4
    add x2, x2, x5
    add x3, x3, #1
    cmp x3, #TURNS * 8
    b.ne 1b
    ret

    .globl tests
tests:
    str x30, [sp, #-16]!
    ldr x9, =data
    mov x2, #TURNS * 2
    ldr x3, =0x1234567
    mov x4, x9
1:  mul x3, x3, x3
    add x3, x3, x2
    str x3, [x4], #8
    subs x2, x2, #1
    b.ne 1b

    TEST integers across pages
    add x9, x9, #5
    bl sum_of_bytes
    mov x10, x9
    mov x3, #0
    mov x6, #TURNS
1:  ldr x4, [x10], #8
    add x3, x3, x4
    subs x6, x6, #1
    b.ne 1b
    cmp x2, x3
    b.ne fail
    mov x10, x9
    mov x3, #0
    mov x6, #TURNS
1:  ldr w4, [x10]
    ldrsw x5, [x10, #4]
    add x3, x3, x4
    add x3, x3, x5, lsl #32
    add x10, x10, #8
    subs x6, x6, #1
    b.ne 1b
    cmp x2, x3
    b.ne fail

    TEST vectors across pages
    mov x10, x9
    mov x6, #TURNS / 2
    movi v0.2d, #0
1:  ldr q1, [x10], #16
    add v0.2d, v0.2d, v1.2d
    subs x6, x6, #1
    b.ne 1b
    addp d0, v0.2d
    fmov x3, d0
    cmp x2, x3
    b.ne fail
    mov x10, x9
    mov x6, #TURNS
    mov x3, #0
1:  ldr d1, [x10]
    fmov x4, d1
    add x3, x3, x4
    add x10, x10, #8
    subs x6, x6, #1
    b.ne 1b
    cmp x2, x3
    b.ne fail

    TEST a loop that must be aligned and is
    mrs x0, sctlr_el1
    orr x0, x0, #2
    msr sctlr_el1, x0
    isb
    ldr x9, =data
    bl sum_of_bytes
    mov x10, x9
    mov x3, #0
    mov x6, #TURNS
1:  ldr x4, [x10], #8
    add x3, x3, x4
    subs x6, x6, #1
    b.ne 1b
    cmp x2, x3
    b.ne fail

    TEST one that is not, from its first turn on
    add x10, x9, #4
    mov x6, #TURNS
    mov x27, #0x25
    adr x26, 2f
1:  ldr x4, [x10], #8
    subs x6, x6, #1
    b.ne 1b
    b fail
2:  adr x22, 1b
    cmp x22, x23
    b.ne fail
    EXPECT x6, TURNS
    EXPECT x24, data + 4
    sub x10, x10, x9
    EXPECT x10, 4

    TEST and one that is so in its last turn only
    ldr x9, =data
    mov x10, x9
    mov x5, #0
    mov x6, #TURNS
    mov x27, #0x25
    adr x26, 2f
1:  cmp x6, #1
    cset x7, eq
    add x10, x10, x7
    ldr x4, [x10], #8
    subs x6, x6, #1
    b.ne 1b
    b fail
2:  EXPECT x6, 1
    EXPECT x24, data + TURNS * 8 - 7
    mov x27, #-1

    TEST half of the stride
    mov x10, x9
    mov x6, #TURNS
    mov x27, #0x25
    adr x26, 2f
1:  ldr x4, [x10], #4
    subs x6, x6, #1
    b.ne 1b
    b fail
2:  EXPECT x6, TURNS - 1
    EXPECT x24, data + 4
    mov x27, #-1

    mrs x0, sctlr_el1
    bic x0, x0, #2
    msr sctlr_el1, x0
    isb
    ldr x30, [sp], #16
    ret

    .bss
    .balign 4096
data:
    .skip TURNS * 16 + 4096
