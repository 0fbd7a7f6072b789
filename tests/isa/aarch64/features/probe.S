/*
 * What the identification registers claim against what the processor executes, at EL3 with nothing
 * trapped: for each instruction a line NAME CLAIMED WORKS by semihosting, each 0 or 1.
 */
/* clang-format off */
    .text
    .globl _start
_start:
    ldr x0, =stack_top
    mov sp, x0
    adr x0, vectors
    msr vbar_el3, x0
    mov x0, #0x1100                /* SVE, SME */
    msr cptr_el3, x0
    ldr x0, =0x205A030D01          /* SCR_EL3: NS, HCE, RW, APK, API, EnSCXT, FGTEn, ECVEn, HXEn */
    msr scr_el3, x0
    adr x19, vectors               /* an address for those that want one */
    b probes

/* The field of a register is at least MIN, as an unsigned number after PLUS is added to it. */
.macro FIELD name, reg, lsb, bits, min, plus, insn:vararg
    mrs x20, s3_0_c0_\reg
    ubfx x20, x20, #\lsb, #\bits
    add x20, x20, #\plus
    and x20, x20, #((1 << \bits) - 1)
    cmp x20, #\min
    cset w20, hs
    mov w21, #1
    adr x22, .Lnext\@
    mov x0, xzr
    mov x1, xzr
    mov x10, sp
    \insn
.Lnext\@:
    adr x0, .Lname\@
    bl report
    b .Lend\@
.Lname\@:
    .asciz "\name"
    .balign 4
.Lend\@:
.endm
.macro PROBE name, reg, lsb, min, insn:vararg
    FIELD \name, \reg, \lsb, 4, \min, 0, \insn
.endm

/* x0: the name; w20, w21. */
report:
    mov x23, x30
    bl write
    adr x0, results
    add x0, x0, x20, lsl #4
    add x0, x0, x21, lsl #3
    mov x1, x0
    mov x0, #4
    hlt #0xf000
    ret x23
write:
    mov x1, x0
    mov x0, #4
    hlt #0xf000
    ret
    .balign 8
results:
    .asciz " 0 0\n"
    .balign 8
    .asciz " 0 1\n"
    .balign 8
    .asciz " 1 0\n"
    .balign 8
    .asciz " 1 1\n"
    .balign 8

probes:
    .arch armv8.6-a+crypto+sha3+sm4+rng+sb+predres+memtag+fp16fml+ssbs+flagm+profile
#define ISAR0 c6_0
#define ISAR1 c6_1
#define ISAR2 c6_2
#define MMFR0 c7_0
#define MMFR1 c7_1
#define MMFR2 c7_2
#define PFR0  c4_0
#define PFR1  c4_1
#define DFR0  c5_0
    PROBE aes, ISAR0, 4, 1, aese v0.16b, v1.16b
    PROBE pmull, ISAR0, 4, 2, pmull v0.1q, v1.1d, v2.1d
    PROBE sha1, ISAR0, 8, 1, sha1h s0, s1
    PROBE sha256, ISAR0, 12, 1, sha256su0 v0.4s, v1.4s
    PROBE sha512, ISAR0, 12, 2, sha512su0 v0.2d, v1.2d
    PROBE crc32, ISAR0, 16, 1, crc32b w0, w0, w0
    PROBE lse, ISAR0, 20, 2, ldadd x1, x0, [x10]
    PROBE rdm, ISAR0, 28, 1, sqrdmlah v0.4s, v1.4s, v2.4s
    PROBE sha3, ISAR0, 32, 1, eor3 v0.16b, v1.16b, v2.16b, v3.16b
    PROBE sm3, ISAR0, 36, 1, sm3partw1 v0.4s, v1.4s, v2.4s
    PROBE sm4, ISAR0, 40, 1, sm4e v0.4s, v1.4s
    PROBE dotprod, ISAR0, 44, 1, sdot v0.4s, v1.16b, v2.16b
    PROBE fhm, ISAR0, 48, 1, fmlal v0.4s, v1.4h, v2.4h
    PROBE flagm, ISAR0, 52, 1, cfinv
    PROBE flagm2, ISAR0, 52, 2, axflag
    PROBE tlbios, ISAR0, 56, 1, tlbi vmalle1os
    PROBE tlbirange, ISAR0, 56, 2, sys #0, c8, c6, #1, x0
    PROBE rng, ISAR0, 60, 1, mrs x0, s3_3_c2_c4_0
    PROBE dpb, ISAR1, 0, 1, dc cvap, x19
    PROBE dpb2, ISAR1, 0, 2, sys #3, c7, c13, #1, x19
    FIELD pauth, ISAR1, 24, 8, 1, 0, pacda x0, x1 /* by one of two algorithms: GPA, GPI */
    PROBE jscvt, ISAR1, 12, 1, fjcvtzs w0, d0
    PROBE fcma, ISAR1, 16, 1, fcadd v0.4s, v1.4s, v2.4s, #90
    PROBE lrcpc, ISAR1, 20, 1, ldapr x0, [x10]
    PROBE lrcpc2, ISAR1, 20, 2, ldapur x0, [x10]
    PROBE frintts, ISAR1, 32, 1, frint32z d0, d1
    PROBE sb, ISAR1, 36, 1, sb
    PROBE specres, ISAR1, 40, 1, cfp rctx, x0
    PROBE bf16, ISAR1, 44, 1, bfdot v0.4s, v1.8h, v2.8h
    PROBE i8mm, ISAR1, 52, 1, smmla v0.4s, v1.16b, v2.16b
    PROBE wfxt, ISAR2, 0, 2, .inst 0xd5031020
    PROBE mops, ISAR2, 16, 1, .inst 0x19df0420
    PROBE hbc, ISAR2, 20, 1, .inst 0x54000030
    PROBE cssc, ISAR2, 52, 1, .inst 0xdac02000
    PROBE fgt, MMFR0, 56, 1, mrs x0, s3_4_c1_c1_4
    PROBE ecv, MMFR0, 60, 1, mrs x0, s3_3_c14_c0_5
    PROBE ecv_offset, MMFR0, 60, 2, mrs x0, s3_4_c14_c0_6
    PROBE vhe, MMFR1, 8, 1, mrs x0, s3_4_c13_c0_1
    PROBE lor, MMFR1, 16, 1, mrs x0, s3_0_c10_c4_7
    PROBE pan, MMFR1, 20, 1, mrs x0, s3_0_c4_c2_3
    PROBE pan2, MMFR1, 20, 2, at s1e1rp, x0
    PROBE hcx, MMFR1, 40, 1, mrs x0, s3_4_c1_c2_2
    PROBE uao, MMFR2, 4, 1, mrs x0, s3_0_c4_c2_4
    PROBE ccidx, MMFR2, 20, 1, mrs x0, s3_1_c0_c0_2
    PROBE el2, PFR0, 8, 1, mrs x0, hcr_el2
    FIELD vfp, PFR0, 16, 4, 1, 1, fadd d0, d1, d2
    FIELD fp16, PFR0, 16, 4, 2, 1, fadd h0, h1, h2
    FIELD neon, PFR0, 20, 4, 1, 1, add v0.16b, v1.16b, v2.16b
    PROBE ras, PFR0, 28, 1, mrs x0, s3_0_c5_c3_0
    PROBE sve, PFR0, 32, 1, .inst 0x2518e3e0
    PROBE dit, PFR0, 48, 1, mrs x0, s3_3_c4_c2_5
    PROBE csv2-2, PFR0, 56, 2, mrs x0, s3_3_c13_c0_7
    PROBE ssbs2, PFR1, 4, 2, mrs x0, s3_3_c4_c2_6
    PROBE mte, PFR1, 8, 1, irg x0, x1
    PROBE sme, PFR1, 24, 1, .inst 0xd503477f
    PROBE pmu, DFR0, 8, 1, mrs x0, pmcr_el0
    PROBE amu, PFR0, 44, 1, mrs x0, s3_3_c13_c2_0
    PROBE ls64, ISAR1, 60, 1, .inst 0xf83fd260
    PROBE nv2, MMFR2, 24, 2, mrs x0, s3_4_c2_c2_0
    mov x0, #0x18                  /* SYS_EXIT */
    adr x1, status
    hlt #0xf000
    b .
    .balign 8
status:
    .quad 0x20026, 0

/* An undefined instruction: it does not work. */
    .balign 2048
vectors:
    .rept 16
    mov w21, wzr
    msr elr_el3, x22
    eret
    .balign 128
    .endr
    .space 256
stack_top:
    .quad 0
