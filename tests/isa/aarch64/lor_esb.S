/*
 * LDLAR and STLLR; ESB moves a masked virtual SError to VDISR_EL2.
 * RUN: cpu=max
 */
#include "test.h"

    .globl tests
tests:
    TEST limited ordering
    ldr x9, =data
    mov x1, #0x55
    .inst 0xc89f7d21 /* stllr x1, [x9] */
    .inst 0xc8df7d22 /* ldlar x2, [x9] */
    EXPECT x2, 0x55
    .inst 0x089f7d3f /* stllrb wzr, [x9] */
    .inst 0x88df7d22 /* ldlar w2, [x9] */
    EXPECT x2, 0

    TEST an error synchronization barrier finds nothing
    msr s3_0_c12_c1_1, xzr
    hint #16
    mrs x1, s3_0_c12_c1_1 /* DISR_EL1 */
    EXPECT x1, 0
    ret
    .ltorg

    .data
data:
    .quad 0
