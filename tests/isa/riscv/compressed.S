/*
 * C: every instruction of the base set of 16 bits.
 * RUN: xlen=64 cpu=max qemu=rv64
 * RUN: xlen=32 cpu=max qemu=rv32
 */
#include "test.h"

/* One 16-bit instruction between full-size neighbours: the harness around is not compressed. */
.macro C insn:vararg
    .option push
    .option rvc
    \insn
    .option pop
.endm

tests:
    TEST "c.addi4spn"
    li x2, 1000
    C c.addi4spn a0, x2, 4
    EXPECT a0, 1004
    li x2, 1000
    C c.addi4spn s0, x2, 1020
    EXPECT s0, 2020
    li x2, 1000
    C c.addi4spn a5, x2, 512
    EXPECT a5, 1512

    TEST "c.lw, c.sw"
    li s0, SCRATCH
    li a1, -0x12345678
    C c.sw a1, 0(s0)
    C c.lw a0, 0(s0)
    EXPECT a0, -0x12345678
    C c.sw a1, 124(s0)
    lw a0, 124(s0)
    EXPECT a0, -0x12345678
    li a2, 64
    C c.sw a2, 64(s0)
    C c.lw a3, 64(s0)
    EXPECT a3, 64
    C c.sw a2, 4(s0)
    lw a3, 4(s0)
    EXPECT a3, 64
#if __riscv_xlen == 64
    TEST "c.ld, c.sd"
    li a1, 0x8123456789abcdef
    C c.sd a1, 0(s0)
    C c.ld a0, 0(s0)
    EXPECT_EQ a0, a1
    C c.sd a1, 248(s0)
    ld a0, 248(s0)
    EXPECT_EQ a0, a1
    C c.sd a2, 64(s0)
    C c.ld a4, 64(s0)
    EXPECT_EQ a4, a2
#endif

    TEST "c.addi, c.nop, c.li, c.lui, c.addi16sp"
    li a0, 10
    C c.addi a0, 31
    EXPECT a0, 41
    C c.addi a0, -32
    EXPECT a0, 9
    C c.nop
    C c.li a0, -32
    EXPECT a0, -32
    C c.li t6, 31
    EXPECT t6, 31
    C c.lui a0, 31
    EXPECT a0, 31 << 12
    C c.lui s7, 0xfffe0
    EXPECT s7, -32 << 12
    li x2, 0
    C c.addi16sp x2, 496
    mv a0, x2
    EXPECT a0, 496
    li x2, 0
    C c.addi16sp x2, -512
    mv a0, x2
    EXPECT a0, -512
    li x2, 0
    C c.addi16sp x2, 16
    mv a0, x2
    EXPECT a0, 16

    TEST "hints of c.addi, c.li, c.lui, c.slli, c.mv, c.add do nothing"
    li a0, 3
    .half 0x0501 /* c.addi a0, 0 */
    .half 0x4015 /* c.li x0, 5 */
    .half 0x6015 /* c.lui x0, 5 */
    .half 0x0015 /* c.addi x0, 5 */
    .half 0x0016 /* c.slli x0, 5 */
    .half 0x802a /* c.mv x0, a0 */
    .half 0x902a /* c.add x0, a0 */
    .half 0x900a /* c.ntl.p1 */
    EXPECT a0, 3
    EXPECT zero, 0

    TEST "c.srli, c.srai, c.andi, c.slli"
    li a0, -64
    C c.srai a0, 3
    EXPECT a0, -8
    li a0, 64
    C c.srli a0, 3
    EXPECT a0, 8
    li a0, -1
    C c.srli a0, 31
#if __riscv_xlen == 64
    EXPECT a0, 0x1ffffffff
    li a0, -1
    C c.srli a0, 63
    EXPECT a0, 1
    li a0, 1
    C c.slli a0, 63
    C c.srai a0, 63
    EXPECT a0, -1
#else
    EXPECT a0, 1
#endif
    li s8, 3
    C c.slli s8, 7
    EXPECT s8, 384
    li s0, 0x7f
    C c.andi s0, -16
    EXPECT s0, 0x70
    C c.andi s0, 31
    EXPECT s0, 0x10

    TEST "c.sub, c.xor, c.or, c.and, c.mv, c.add"
    li a0, 12
    li a1, 10
    C c.sub a0, a1
    EXPECT a0, 2
    C c.xor a0, a1
    EXPECT a0, 8
    C c.or a0, a1
    EXPECT a0, 10
    li a1, 6
    C c.and a0, a1
    EXPECT a0, 2
    C c.mv s9, a0
    EXPECT s9, 2
    C c.add s9, s9
    EXPECT s9, 4
    C c.add s9, a1
    EXPECT s9, 10
#if __riscv_xlen == 64
    TEST "c.addw, c.subw, c.addiw"
    li a0, 0x7fffffff
    li a1, 1
    C c.addw a0, a1
    EXPECT a0, -0x80000000
    C c.subw a0, a1
    EXPECT a0, 0x7fffffff
    C c.addiw a0, 1
    EXPECT a0, -0x80000000
    li a0, 0x180000001
    C c.addiw a0, 0
    EXPECT a0, -0x7fffffff
#endif

    TEST "c.j, c.beqz, c.bnez"
    C c.j 1f
    j fail
1:  li a0, 0
    C c.beqz a0, 1f
    j fail
1:  C c.bnez a0, 1f
    C c.j 2f
1:  j fail
2:  li a0, 3
    li a1, 0
1:  addi a1, a1, 1
    C c.addi a0, -1
    C c.bnez a0, 1b
    EXPECT a1, 3

    TEST "c.jr, c.jalr"
    la a0, 1f
    C c.jr a0
    j fail
1:  la a0, 1f
    C c.jalr a0
3:  j fail
1:  la a1, 3b
    EXPECT_EQ ra, a1
    la ra, 1f
    C c.jalr ra
3:  j fail
1:  la a1, 3b
    EXPECT_EQ ra, a1
#if __riscv_xlen == 32
    TEST "c.jal"
    C c.jal 1f
3:  j fail
1:  la a1, 3b
    EXPECT_EQ ra, a1
#endif

    TEST "c.lwsp, c.swsp"
    li x2, SCRATCH
    li a1, -99
    C c.swsp a1, 0(x2)
    C c.lwsp s10, 0(x2)
    EXPECT s10, -99
    li x2, SCRATCH
    C c.swsp a1, 252(x2)
    C c.lwsp a0, 252(x2)
    EXPECT a0, -99
    li x2, SCRATCH
    C c.swsp s10, 64(x2)
    lw a0, 64(x2)
    EXPECT a0, -99
#if __riscv_xlen == 64
    TEST "c.ldsp, c.sdsp"
    li x2, SCRATCH
    li a1, 0x8123456789abcdef
    C c.sdsp a1, 0(x2)
    C c.ldsp s10, 0(x2)
    EXPECT_EQ s10, a1
    li x2, SCRATCH
    C c.sdsp a1, 504(x2)
    C c.ldsp a0, 504(x2)
    EXPECT_EQ a0, a1
#endif

    TEST "floating point: c.fld, c.fsd, c.fldsp, c.fsdsp"
    li s0, SCRATCH
    li a1, 0x40400000
    fmv.w.x fa0, a1
    fcvt.d.s fa0, fa0
    C c.fsd fa0, 8(s0)
    C c.fld fa1, 8(s0)
    C c.fsd fa0, 248(s0)
    fld fa2, 248(s0)
    feq.d a0, fa1, fa2
    EXPECT a0, 1
    li x2, SCRATCH
    C c.fsdsp fa0, 504(x2)
    C c.fldsp fs1, 504(x2)
    fcvt.w.d a0, fs1
    EXPECT a0, 3
#if __riscv_xlen == 32
    TEST "c.flw, c.fsw, c.flwsp, c.fswsp"
    li a1, 0x40400000
    fmv.w.x fa0, a1
    C c.fsw fa0, 124(s0)
    C c.flw fa1, 124(s0)
    fmv.x.w a0, fa1
    EXPECT_EQ a0, a1
    li x2, SCRATCH
    C c.fswsp fa0, 252(x2)
    C c.flwsp fs3, 252(x2)
    fmv.x.w a0, fs3
    EXPECT_EQ a0, a1
#endif

    TEST "c.ebreak"
    EXPECT_TRAP 3, .half 0x9002

    TEST "reserved words are illegal"
.macro BAD word
    EXPECT_TRAP_AT 2, \word, .half \word
.endm
    BAD 0x0000
    BAD 0x0004 /* c.addi4spn with imm = 0 */
    BAD 0x6101 /* c.addi16sp with imm = 0 */
    BAD 0x6505 & ~0x7c /* c.lui a0, 0 */
    BAD 0x4002 /* c.lwsp x0 */
    BAD 0x8002 /* c.jr x0 */
    BAD 0x9c61 + 0x1c /* funct 111 of the last column */
#if __riscv_xlen == 64
    BAD 0x2001 /* c.addiw x0 */
    BAD 0x6002 /* c.ldsp x0 */
#else
    BAD 0x1502 /* c.slli with bit 5 of the count */
    BAD 0x9101 + 0x0
    BAD 0x9d01 /* c.subw */
#endif

    TEST "a 32-bit instruction across a page"
    la a0, straddle
    jalr ra, 0(a0)
    EXPECT a3, 0x123
    j pass

    .balign 4096
    .space 4094
    .option rvc
straddle:
    .option norvc
    li a3, 0x123
    jr ra
    .balign 4
