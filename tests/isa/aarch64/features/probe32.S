/*
 * The same in AArch32 state, in Supervisor mode.
 */
/* clang-format off */
    .syntax unified
    .arch armv8.6-a
    .fpu crypto-neon-fp-armv8
    .arch_extension crc
    .arch_extension sb
    .arch_extension predres
    .arch_extension i8mm
    .arch_extension fp16
    .arch_extension fp16fml
    .arch_extension dotprod
    .arm
    .text
    .globl _start
_start:
    ldr sp, =stack_top
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0
    mov r0, #0xf00000
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000
    vmsr fpexc, r0
    b probes

/* The field of r4 at lsb is at least MIN. */
.macro FIELD name, lsb, min, insn:vararg
    ubfx r4, r4, #\lsb, #4
    cmp r4, #\min
    movhs r4, #1
    movlo r4, #0
    mov r5, #1
    mov r0, #0
    mov r1, #1
    \insn
    adr r0, .Lname\@
    bl report
    b .Lend\@
.Lname\@:
    .asciz "\name"
    .balign 4
.Lend\@:
.endm
/* An identification register: c0, crm, op2. */
.macro PROBE name, crm, op2, lsb, min, insn:vararg
    mrc p15, 0, r4, c0, \crm, \op2
    FIELD \name, \lsb, \min, \insn
.endm
.macro VPROBE name, reg, lsb, min, insn:vararg
    vmrs r4, \reg
    FIELD \name, \lsb, \min, \insn
.endm

/* r0: the name; r4, r5. */
report:
    mov r1, r0
    mov r0, #4
    svc #0x123456
    adr r1, results
    add r1, r1, r4, lsl #4
    add r1, r1, r5, lsl #3
    mov r0, #4
    svc #0x123456
    bx lr
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
    .ltorg

probes:
    PROBE idiv, c2, 0, 24, 2, sdiv r0, r0, r1
    PROBE aes, c2, 5, 4, 1, aese.8 q0, q1
    PROBE pmull, c2, 5, 4, 2, vmull.p64 q0, d2, d3
    PROBE sha1, c2, 5, 8, 1, sha1h.32 q0, q1
    PROBE sha256, c2, 5, 12, 1, sha256su0.32 q0, q1
    PROBE crc32, c2, 5, 16, 1, crc32b r0, r0, r0
    PROBE rdm, c2, 5, 24, 1, vqrdmlah.s32 q0, q1, q2
    PROBE fcma, c2, 5, 28, 1, vcadd.f32 q0, q1, q2, #90
    PROBE jscvt, c2, 7, 0, 1, vjcvt.s32.f64 s0, d1
    PROBE dotprod, c2, 7, 4, 1, vsdot.s8 q0, q1, q2
    PROBE fhm, c2, 7, 8, 1, vfmal.f16 q0, d2, d4
    PROBE sb, c2, 7, 12, 1, sb
    b 1f
    .ltorg
1:
    PROBE specres, c2, 7, 16, 1, mcr p15, 0, r0, c7, c3, 4
    PROBE bf16, c2, 7, 20, 1, vdot.bf16 q0, q1, q2
    PROBE i8mm, c2, 7, 24, 1, vsmmla.s8 q0, q1, q2
    PROBE pan, c1, 7, 16, 1, .inst 0xf1100000
    PROBE pan2, c1, 7, 16, 2, mcr p15, 0, r0, c7, c9, 0
    PROBE mp, c1, 7, 12, 2, mcr p15, 0, r0, c8, c3, 0
    PROBE actlr2, c2, 6, 4, 1, mrc p15, 0, r0, c1, c0, 3
    PROBE ccidx, c2, 6, 24, 1, mrc p15, 1, r0, c0, c0, 2
    PROBE lpae, c1, 4, 0, 5, mrrc p15, 0, r0, r1, c2
    PROBE ecv, c1, 1, 16, 2, mrrc p15, 9, r0, r1, c14
    PROBE ras, c1, 0, 28, 1, mrc p15, 0, r0, c5, c3, 0
    PROBE thumbee, c1, 0, 12, 1, mrc p14, 6, r0, c0, c0, 0
    b 1f
    .ltorg
1:
    PROBE secure, c1, 1, 4, 1, mrc p15, 0, r0, c1, c1, 0
    VPROBE single, mvfr0, 4, 2, vadd.f32 s0, s1, s2
    VPROBE double, mvfr0, 8, 2, vadd.f64 d0, d1, d2
    VPROBE vfp-d32, mvfr0, 0, 2, vadd.f64 d16, d17, d18
    VPROBE integers, mvfr1, 12, 1, vadd.i32 q0, q1, q2
    VPROBE neon, mvfr1, 16, 1, vadd.f32 q0, q1, q2
    VPROBE halves, mvfr1, 20, 1, vcvt.f32.f16 q0, d2
    VPROBE fp16, mvfr1, 20, 2, vadd.f16 q0, q1, q2
    VPROBE vcvtb, mvfr1, 24, 1, vcvtb.f32.f16 s0, s1
    VPROBE vcvtb-double, mvfr1, 24, 2, vcvtb.f64.f16 d0, s1
    VPROBE fp16-scalar, mvfr1, 24, 3, vadd.f16 s0, s1, s2
    VPROBE vfpv4, mvfr1, 28, 1, vfma.f32 s0, s1, s2
    b 1f
    .ltorg
1:
    VPROBE vsel, mvfr2, 4, 1, vselge.f32 s0, s1, s2
    VPROBE vcvta, mvfr2, 4, 2, vcvta.s32.f32 s0, s1
    VPROBE vrinta, mvfr2, 4, 3, vrinta.f32 s0, s1
    VPROBE vmaxnm, mvfr2, 4, 4, vmaxnm.f32 s0, s1, s2
    mov r0, #0x20                  /* SYS_EXIT_EXTENDED */
    ldr r1, =status
    svc #0x123456
    b .
    .ltorg

/* An undefined instruction: it does not work. */
    .balign 32
vectors:
    b .
    b undefined
    b .
    b .
    b .
    b .
    b .
    b .
undefined:
    mov r5, #0
    movs pc, lr
    .balign 8
status:
    .word 0x20026, 0
    .space 256
stack_top:
    .word 0
