/*
 * Words that mean nothing raise, with the word in mtval; extensions that are off mean nothing.
 * RUN: xlen=64 march=ima_zicsr_zifencei cpu=rv64i,zicsr=on,u=on
 * RUN: xlen=32 march=ima_zicsr_zifencei cpu=rv32i,zicsr=on,u=on
 */
#include "test.h"

tests:
    TEST "reserved major opcodes and long encodings"
    EXPECT_ILLEGAL 0xffffffff
    EXPECT_ILLEGAL 0x0000007f
    EXPECT_ILLEGAL 0x0000001f
    EXPECT_ILLEGAL 0x0000003f
    EXPECT_ILLEGAL 0x0000000b /* custom-0 */
    EXPECT_ILLEGAL 0x0000002b
    EXPECT_ILLEGAL 0x0000005b
    EXPECT_ILLEGAL 0x0000007b
    EXPECT_ILLEGAL 0x0000006b
    EXPECT_ILLEGAL 0x00000077
    EXPECT_ILLEGAL 0x00000057 /* OP-V */
    TEST "reserved minor opcodes of I"
    EXPECT_ILLEGAL 0x00b52063 /* branch, funct3 = 2 */
    EXPECT_ILLEGAL 0x00b53063
    EXPECT_ILLEGAL 0x00057503 /* load, funct3 = 7 */
    EXPECT_ILLEGAL 0x00b54023 /* store, funct3 = 4 */
    EXPECT_ILLEGAL 0x00051567 /* jalr, funct3 = 1 */
    EXPECT_ILLEGAL 0x80b50533 /* OP, funct7 = 0x40 */
    EXPECT_ILLEGAL 0x40b51533 /* sll with funct7 of sub */
    EXPECT_ILLEGAL 0x80051513 /* slli, funct7 = 0x40 */
    EXPECT_ILLEGAL 0x0000200f | 0x00300000 /* MISC-MEM, funct3 = 2 */
    EXPECT_ILLEGAL 0x0000300f
    EXPECT_ILLEGAL 0x00200073 /* uret */
    EXPECT_ILLEGAL 0x00000073 | 0x7b2 << 20 /* dret */
    EXPECT_ILLEGAL 0x000000f3 /* ecall with rd */
    EXPECT_ILLEGAL 0x00008073 /* ecall with rs1 */
    EXPECT_ILLEGAL 0x302000f3 /* mret with rd */
#if __riscv_xlen == 32
    TEST "RV64 instructions"
    EXPECT_ILLEGAL 0x00053503 /* ld */
    EXPECT_ILLEGAL 0x00056503 /* lwu */
    EXPECT_ILLEGAL 0x00b53023 /* sd */
    EXPECT_ILLEGAL 0x0015051b /* addiw */
    EXPECT_ILLEGAL 0x00b5053b /* addw */
    EXPECT_ILLEGAL 0x02051513 /* slli by 32 */
    EXPECT_ILLEGAL 0x02055513
    EXPECT_ILLEGAL 0x42055513
#endif
    TEST "extensions that are off: M, A, F, D, C"
    EXPECT_ILLEGAL 0x02b50533 /* mul */
    EXPECT_ILLEGAL 0x02b54533 /* div */
    EXPECT_ILLEGAL 0x1005252f /* lr.w */
    EXPECT_ILLEGAL 0x18b5252f /* sc.w */
    EXPECT_ILLEGAL 0x00b5252f /* amoadd.w */
    EXPECT_ILLEGAL 0x28b5252f /* amocas.w */
    EXPECT_ILLEGAL 0x00052507 /* flw */
    EXPECT_ILLEGAL 0x00053507 /* fld */
    EXPECT_ILLEGAL 0x00a52027 /* fsw */
    EXPECT_ILLEGAL 0x00b57553 /* fadd.s */
    EXPECT_ILLEGAL 0xe0050553 /* fmv.x.w */
    EXPECT_TRAP 2, .word 0x00010001 /* c.nop */
    TEST "extensions that are off: Zba, Zbb, Zbc, Zbs, Zicond, Zicbo*, Zimop, Zawrs, Svinval"
    EXPECT_ILLEGAL 0x20b52533 /* sh1add */
    EXPECT_ILLEGAL 0x40b57533 /* andn */
    EXPECT_ILLEGAL 0x60051513 /* clz */
    EXPECT_ILLEGAL 0x0ab51533 /* clmul */
    EXPECT_ILLEGAL 0x28b51533 /* bset */
    EXPECT_ILLEGAL 0x0eb55533 /* czero.eqz */
    EXPECT_ILLEGAL 0x0005200f /* cbo.inval */
    EXPECT_ILLEGAL 0x0045200f /* cbo.zero */
    EXPECT_ILLEGAL 0x81c54573 /* mop.r.0 */
    EXPECT_ILLEGAL 0x00d00073 /* wrs.nto */
    EXPECT_ILLEGAL 0x16b50073 /* sinval.vma */
    TEST "fence.i, sret and sfence.vma without Zifencei and S"
    EXPECT_ILLEGAL 0x0000100f
    EXPECT_ILLEGAL 0x10200073
    EXPECT_ILLEGAL 0x12000073
    TEST "fence, pause and prefetches are no extension's"
    fence
    .word 0x0100000f
    .word 0x00006013
    j pass
