/*
 * Pointer authentication: QARMA5 and a hash of the emulator's own.
 * RUN: cpu=max,pauth-impdef=off as=qarma5
 * RUN: cpu=max,pauth-impdef=on as=impdef
 */
#include "test.h"

#define PTR 0x0000000040081238

/* Sign x0 with modifier x1, then check the code in three ways.  key: a register name's end. */
.macro ROUND_TRIP key, other
    LI x1, 0x123456789abcdef0
    LI x0, PTR
    pac\key x0, x1
    LI x2, PTR
    cmp x0, x2 /* a code of all zeros is as good as impossible */
    b.eq fail
    mov x3, x0
    aut\key x0, x1
    EXPECT x0, PTR
    mov x0, x3
    .ifc \key, ia
    xpaci x0
    .else
    .ifc \key, ib
    xpaci x0
    .else
    xpacd x0
    .endif
    .endif
    EXPECT x0, PTR
    /* another modifier, another key: caught at once */
    mov x0, x3
    add x4, x1, #1
    EXPECT_EXCEPTION 0x1c, aut\key x0, x4
    mov x0, x3
    EXPECT_EXCEPTION 0x1c, aut\other x0, x1
.endm

tests:
    mov x21, x30
    TEST "switched off, instructions do nothing"
    mrs x0, sctlr_el1
    LI x1, 0xc8002000
    bic x0, x0, x1
    msr sctlr_el1, x0
    isb
    LI x0, PTR
    mov x1, #5
    pacia x0, x1
    EXPECT x0, PTR
    autdb x0, x1
    EXPECT x0, PTR
    TEST "keys are registers"
    .irp key, apiakeylo_el1, apiakeyhi_el1, apibkeylo_el1, apibkeyhi_el1, apdakeylo_el1, apdakeyhi_el1, apdbkeylo_el1, apdbkeyhi_el1, apgakeylo_el1, apgakeyhi_el1
    add x1, x1, #0x777
    mul x1, x1, x1
    msr \key, x1
    mrs x2, \key
    cmp x1, x2
    b.ne fail
    .endr
    TEST "round trips"
    mrs x0, sctlr_el1
    LI x1, 0xc8002000
    orr x0, x0, x1
    msr sctlr_el1, x0
    isb
    ROUND_TRIP ia, ib
    ROUND_TRIP ib, ia
    ROUND_TRIP da, db
    ROUND_TRIP db, da
    TEST "the syndrome names the key"
    LI x0, PTR + 0x0100000000000000
    EXPECT_EXCEPTION 0x1c, autia x0, x1
    EXPECT x25, 0x72000000
    EXPECT_EXCEPTION 0x1c, autib x0, x1
    EXPECT x25, 0x72000001
    EXPECT_EXCEPTION 0x1c, autda x0, x1
    EXPECT x25, 0x72000002
    EXPECT_EXCEPTION 0x1c, autdb x0, x1
    EXPECT x25, 0x72000003
    TEST "zero modifiers"
    LI x0, PTR
    paciza x0
    mov x3, x0
    autiza x0
    EXPECT x0, PTR
    mov x1, #0
    mov x0, x3
    autia x0, x1
    EXPECT x0, PTR
    pacdzb x0
    autdzb x0
    EXPECT x0, PTR
    TEST "hints"
    LI x17, PTR
    mov x16, #77
    pacia1716
    mov x0, x17
    autia x0, x16
    EXPECT x0, PTR
    autia1716
    EXPECT x17, PTR
    LI x30, PTR
    pacibsp
    mov x0, x30
    mov x1, sp
    autib x0, x1
    EXPECT x0, PTR
    autibsp
    EXPECT x30, PTR
    paciaz
    mov x0, x30
    xpaclri
    EXPECT x30, PTR
    mov x30, x0
    autiaz
    EXPECT x30, PTR
    TEST "branches"
    adr x0, 1f
    mov x1, #9
    pacia x0, x1
    braa x0, x1
    b fail
1:  adr x0, 1f
    pacib x0, x1
    blrab x0, x1
.Lcall:
    b fail
1:  adr x0, .Lcall
    cmp x0, x30
    b.ne fail
    adr x0, 1f
    paciza x0
    braaz x0
    b fail
1:  adr x30, 1f
    paciasp
    retaa
    b fail
1:  adr x30, 1f
    pacibsp
    retab
    b fail
1:
    TEST "loads"
    LI x0, scratch + 64
    LI x1, 0x1122334455667788
    str x1, [x0]
    sub x0, x0, #16
    pacdza x0
    mov x4, x0
    ldraa x3, [x0, #16]
    cmp x3, x1
    b.ne fail
    cmp x0, x4
    b.ne fail
    ldraa x3, [x0, #16]!
    cmp x3, x1
    b.ne fail
    EXPECT x0, scratch + 64
    TEST "exception return"
    adr x0, 1f
    mov x1, sp
    pacia x0, x1
    msr elr_el1, x0
    mrs x0, spsr_el1
    mov x0, #0x3c5
    msr spsr_el1, x0
    eretaa
    b fail
1:
    TEST "PACGA has a code in the upper half only"
    mov x0, #1
    mov x1, #2
    pacga x2, x0, x1
    pacga x3, x0, x1
    cmp x2, x3
    b.ne fail
    cmp w2, #0
    b.ne fail
    cbz x2, fail
    pacga x3, x1, x0
    cmp x2, x3
    b.eq fail
    mov x30, x21
    ret
    .ltorg
