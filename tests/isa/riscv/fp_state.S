/*
 * F registers outside of arithmetic: loads, stores, moves, NaN boxing, mstatus.FS, rounding modes that are reserved.
 * RUN: xlen=64 cpu=max,zfh=on qemu=rv64,Zfh=on
 * RUN: xlen=32 cpu=max,zfh=on qemu=rv32,Zfh=on
 */
#include "test.h"

.macro FS value
    li s10, 0x6000
    csrc mstatus, s10
    li s10, \value << 13
    csrs mstatus, s10
.endm
.macro EXPECT_FS value
    csrr s10, mstatus
    srli s10, s10, 13
    andi s10, s10, 3
    EXPECT s10, \value
.endm
/* With FS clean the instruction makes it dirty, and has its effect. */
.macro DIRTIES insn:vararg
    FS 2
    EXPECT_FS 2
    \insn
    EXPECT_FS 3
    FS 1
    \insn
    EXPECT_FS 3
.endm
.macro KEEPS insn:vararg
    FS 2
    \insn
    EXPECT_FS 2
.endm
.macro NEEDS_FS insn:vararg
    EXPECT_TRAP 2, \insn
.endm

tests:
    li s0, SCRATCH
    TEST "flw boxes, fsw stores the low bits of anything"
    li a1, 0xc0490fdb
    sw a1, 0(s0)
    flw fa0, 0(s0)
    fsd fa0, 8(s0)
    lw a0, 8(s0)
    lw a1, 0(s0)
    EXPECT_EQ a0, a1
    lw a0, 12(s0)
    EXPECT a0, -1
    sw zero, 12(s0)
    fld fa1, 8(s0)
    fsw fa1, 16(s0)
    lw a0, 16(s0)
    EXPECT_EQ a0, a1
    TEST "fmv.x.w takes the low bits of anything and sign-extends"
    fmv.x.w a0, fa1
    EXPECT_EQ a0, a1
    TEST "fmv.w.x boxes"
    fmv.w.x fs11, a1
    fsd fs11, 24(s0)
    lw a0, 28(s0)
    EXPECT a0, -1
    TEST "signalling NaNs pass through loads, stores and moves"
    li a1, 0x7f800001
    sw a1, 0(s0)
    flw fa0, 0(s0)
    fsw fa0, 4(s0)
    lw a0, 4(s0)
    EXPECT_EQ a0, a1
    fmv.s fa2, fa0
    fmv.x.w a0, fa2
    EXPECT_EQ a0, a1
    csrr a0, fflags
    EXPECT a0, 0
    TEST "fld, fsd"
    li a1, 0x89abcdef
    li a2, 0x7ff01234
    sw a1, 32(s0)
    sw a2, 36(s0)
    fld ft3, 32(s0)
    fsd ft3, 40(s0)
    lw a0, 44(s0)
    EXPECT_EQ a0, a2
    addi s1, s0, 2047
    fsd ft3, -2007(s1)
    lw a0, 40(s0)
    lw a1, 32(s0)
    EXPECT_EQ a0, a1
    TEST "misaligned and page-crossing fld, fsd"
    fsd ft3, 49(s0)
    fld ft4, 49(s0)
    feq.d a0, ft3, ft4
    lw a0, 53(s0)
    EXPECT_EQ a0, a2
    li s2, SCRATCH + 0x1000
    fsd ft3, -4(s2)
    lw a0, 0(s2)
    EXPECT_EQ a0, a2
    fld fa7, -4(s2)
    fsd fa7, 0(s0)
    lw a0, 4(s0)
    EXPECT_EQ a0, a2
#if __riscv_xlen == 64
    TEST "fmv.x.d, fmv.d.x"
    li a1, 0x7ff0123489abcdef
    fmv.d.x fa0, a1
    fmv.x.d a0, fa0
    EXPECT_EQ a0, a1
#else
    TEST "fmv.x.d, fmv.d.x are RV64 only"
    EXPECT_ILLEGAL 0xe2050553
    EXPECT_ILLEGAL 0xf2050553
    EXPECT_ILLEGAL 0xc0250553
    EXPECT_ILLEGAL 0xd0350553
#endif
    TEST "flh, fsh, fmv.x.h, fmv.h.x"
    li a1, 0x8765fc01
    sw a1, 0(s0)
    flh fa0, 0(s0)
    fsd fa0, 8(s0)
    lw a0, 8(s0)
    EXPECT a0, -0x3ff
    lw a0, 12(s0)
    EXPECT a0, -1
    fsh fa0, 16(s0)
    lhu a0, 16(s0)
    EXPECT a0, 0xfc01
    fmv.x.h a0, fa0
    EXPECT a0, -0x3ff
    fmv.h.x fa1, a1
    fsd fa1, 8(s0)
    lw a0, 8(s0)
    EXPECT a0, -0x3ff

    TEST "writers of FP state make FS dirty, and work"
    fmv.w.x fa1, zero
    DIRTIES flw fa0, 0(s0)
    DIRTIES fld fa0, 0(s0)
    DIRTIES fadd.s fa0, fa1, fa1
    DIRTIES fmul.d fa0, fa1, fa1
    DIRTIES fmadd.d fa0, fa1, fa1, fa1
    DIRTIES fsgnjn.s fa0, fa1, fa1
    DIRTIES fmin.d fa0, fa1, fa1
    DIRTIES fsqrt.s fa0, fa1
    DIRTIES fcvt.s.w fa0, zero
    DIRTIES fcvt.d.s fa0, fa1
    DIRTIES fcvt.s.d fa0, fa1
    DIRTIES fmv.w.x fa0, zero
    DIRTIES csrw fflags, zero
    DIRTIES csrw frm, zero
    DIRTIES csrw fcsr, zero
    TEST "fadd after clean gives the right value"
    li a1, 0x40000000
    fmv.w.x fa1, a1
    FS 2
    fadd.s fa0, fa1, fa1
    fmv.x.w a0, fa0
    EXPECT a0, 0x40800000
    TEST "readers keep FS clean"
    KEEPS fsw fa0, 0(s0)
    KEEPS fsd fa0, 0(s0)
    KEEPS fmv.x.w a0, fa0
    KEEPS fclass.s a0, fa0
    KEEPS csrr a0, fcsr
    KEEPS frflags a0
    TEST "SD mirrors dirty"
    FS 3
    csrr a0, mstatus
    srli a0, a0, __riscv_xlen - 1
    EXPECT a0, 1
    FS 1
    csrr a0, mstatus
    srli a0, a0, __riscv_xlen - 1
    EXPECT a0, 0

    TEST "with FS off everything is illegal"
    FS 0
    NEEDS_FS flw fa0, 0(s0)
    NEEDS_FS fsd fa0, 0(s0)
    NEEDS_FS fadd.s fa0, fa0, fa0
    NEEDS_FS fmadd.d fa0, fa0, fa0, fa0
    NEEDS_FS fmv.x.w a0, fa0
    NEEDS_FS fmv.w.x fa0, a0
    NEEDS_FS feq.s a0, fa0, fa0
    NEEDS_FS fclass.d a0, fa0
    NEEDS_FS fcvt.w.s a0, fa0
    NEEDS_FS flh fa0, 0(s0)
    NEEDS_FS csrr a0, fflags
    NEEDS_FS csrr a0, frm
    NEEDS_FS csrw fcsr, zero
    NEEDS_FS .half 0x2108 /* c.fld fa0, 0(a0) */
    NEEDS_FS .half 0xa108 /* c.fsd fa0, 0(a0) */
    EXPECT_FS 0

    TEST "reserved rounding modes are illegal"
    FS 3
    EXPECT_ILLEGAL 0x00b57553 - 0x2000
    EXPECT_ILLEGAL 0x00b57553 - 0x1000
    li a0, 5
    csrw frm, a0
    EXPECT_ILLEGAL 0x00b57553
    EXPECT_ILLEGAL 0x02b57553
    EXPECT_ILLEGAL 0xc0057553
    EXPECT_ILLEGAL 0x68b57543
    fadd.s fa0, fa1, fa1, rne
    fmin.s fa0, fa1, fa1
    feq.s a0, fa1, fa1
    csrwi frm, 7
    EXPECT_ILLEGAL 0x00b57553
    csrwi frm, 0
    fadd.s fa0, fa1, fa1

    TEST "fflags accumulate, and fcsr holds both"
    csrw fcsr, zero
    li a1, 0x3f800000
    fmv.w.x fa0, a1
    li a1, 0x40400000
    fmv.w.x fa1, a1
    fmv.w.x fa2, zero
    fdiv.s fa3, fa0, fa1
    csrr a0, fflags
    EXPECT a0, 1
    fdiv.s fa3, fa0, fa2
    csrr a0, fflags
    EXPECT a0, 9
    fsqrt.s fa3, fa0
    fdiv.s fa3, fa2, fa2
    csrr a0, fflags
    EXPECT a0, 0x19
    csrwi frm, 3
    csrr a0, fcsr
    EXPECT a0, 0x79
    csrrwi a0, fflags, 4
    EXPECT a0, 0x19
    csrr a0, fcsr
    EXPECT a0, 0x64
    csrrci a0, fflags, 4
    csrr a0, fcsr
    EXPECT a0, 0x60
    li a1, 0xfff
    csrw fcsr, a1
    csrr a0, fcsr
    EXPECT a0, 0xff
    csrw fcsr, zero
    TEST "a flag raised in the same straight run of code is seen"
    fdiv.s fa3, fa0, fa1
    csrrw a0, fflags, zero
    EXPECT a0, 1
    fadd.s fa3, fa0, fa0
    csrr a0, fflags
    EXPECT a0, 0
    TEST "frm decides at once"
    fdiv.s fa4, fa0, fa1
    csrwi frm, 3
    fdiv.s fa5, fa0, fa1
    csrwi frm, 0
    fmv.x.w a0, fa4
    EXPECT a0, 0x3eaaaaab
    csrwi frm, 2
    fdiv.s fa4, fa0, fa1
    csrwi frm, 0
    fmv.x.w a0, fa4
    EXPECT a0, 0x3eaaaaaa
    fmv.x.w a0, fa5
    EXPECT a0, 0x3eaaaaab
    j pass
