/*
 * FEAT_BTI: where indirect branches may land in guarded pages.
 * RUN: cpu=max
 */
#include "test.h"

/* The branch to x1 raises the exception, with this BTYPE. */
.macro EXPECT_BTI type, branch:vararg
    mov x27, #0x0d
    adr x26, .Lnext\@
    \branch
    b fail
.Lnext\@:
    hint #38 /* SPSR.BTYPE came back */
    EXPECT x25, 0x36000000 | \type
    mrs x22, spsr_el1
    ubfx x22, x22, #10, #2
    cmp x22, #\type
    b.ne fail
    cmp x23, x1
    b.ne fail
    mov x27, #-1
.endm

/* The branch to x1 lands; what is there comes back here. */
.macro EXPECT_LANDING branch:vararg
    adr x2, .Lback\@
    mov x3, #0
    \branch
.Lback\@:
    cmp x3, #1
    b.ne fail
.endm

.macro LANDING name, insn:vararg
\name:
    \insn
    mov x3, #1
    b come_back
.endm

come_back:
    ret x2

    LANDING l_none, nop
    LANDING l_bti, hint #32
    LANDING l_c, hint #34
    LANDING l_j, hint #36
    LANDING l_jc, hint #38
    LANDING l_pac, hint #25

/* All ways to land at x1. */
.macro EXPECT_ALL blr, br16, br
    .if \blr
    EXPECT_LANDING blr x1
    .else
    EXPECT_BTI 2, blr x1
    .endif
    mov x16, x1
    .if \br16
    EXPECT_LANDING br x16
    .else
    EXPECT_BTI 1, br x16
    .endif
    mov x17, x1
    .if \br16
    EXPECT_LANDING br x17
    .else
    EXPECT_BTI 1, br x17
    .endif
    .if \br
    EXPECT_LANDING br x1
    .else
    EXPECT_BTI 3, br x1
    .endif
.endm

tests:
    mov x21, x30
    TEST "anything lands anywhere in pages that are not guarded"
    adr x1, l_none
    EXPECT_ALL 1, 1, 1
    TEST "guarded"
    ldr x0, =translation_table
    ldr x1, [x0, #8]
    orr x1, x1, #(1 << 50)
    str x1, [x0, #8]
    dsb ish
    tlbi vmalle1
    dsb ish
    isb
    TEST "no landing, or one for nothing"
    adr x1, l_none
    EXPECT_ALL 0, 0, 0
    adr x1, l_bti
    EXPECT_ALL 0, 0, 0
    TEST "for calls"
    adr x1, l_c
    EXPECT_ALL 1, 1, 0
    TEST "for jumps"
    adr x1, l_j
    EXPECT_ALL 0, 1, 1
    TEST "for both"
    adr x1, l_jc
    EXPECT_ALL 1, 1, 1
    TEST "PACIASP is for all unless SCTLR says for calls"
    adr x1, l_pac
    EXPECT_ALL 1, 1, 1
    mrs x0, sctlr_el1
    orr x0, x0, #(1 << 36)
    msr sctlr_el1, x0
    isb
    EXPECT_ALL 1, 1, 0
    TEST "direct branches and returns land anywhere"
    mov x3, #0
    adr x2, 1f
    b l_none
1:  cmp x3, #1
    b.ne fail
    mov x3, #0
    adr x2, 1f
    adr x0, l_none
    ret x0
1:  cmp x3, #1
    b.ne fail
    TEST "from pages that are not guarded every BR is for calls, too"
    ldr x0, =translation_table /* the same memory, not guarded, at 0x80000000 */
    ldr x1, [x0, #8]
    bic x1, x1, #(1 << 50)
    str x1, [x0, #16]
    dsb ish
    tlbi vmalle1
    dsb ish
    isb
    adr x1, l_c
    adr x4, 2f
    eor x4, x4, #0xc0000000
    mov x3, #0
    adr x2, 3f
    br x4
2:  br x1
3:  cmp x3, #1
    b.ne fail
    mov x30, x21
    ret
    .ltorg
