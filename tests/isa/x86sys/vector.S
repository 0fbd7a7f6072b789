/* XMM and YMM registers in 64-bit mode: when there are any, alignment, #XM, page faults in the midst of an instruction, loops. */
#include "long.inc"

#define NM 7
#define AC 17
#define XM 19
#define DATA  0x20000
#define TURNS 1024

    .code16
real_tests:
    jmp real_done

    .code32
main:
    TABLES64
    ENTER64

.macro CR4_IS value
    mov $\value, %eax
    mov %rax, %cr4
.endm
.macro CR0_XOR bits
    mov %cr0, %rax
    xor $\bits, %rax
    mov %rax, %cr0
.endm
.macro MXCSR_IS value
    movl $\value, SCRATCH
    ldmxcsr SCRATCH
.endm
/* The lowest quadword of a register against a constant that has no more than 31 bits. */
.macro LOW_IS reg, value
    movq \reg, %rax
    cmp $\value, %rax
    CHECK64 e
.endm
.macro CR2_IS value
    mov %cr2, %rax
    cmp $\value, %rax
    CHECK64 e
.endm

code64:
    START64

    PROVE "SSE wants CR4.OSFXSR, no CR0.EM, and no CR0.TS"
    CR4_IS 0x20
    TRY64
    xorps %xmm0, %xmm0
    FAULTS64 UD
    CR4_IS 0x620
    xorps %xmm0, %xmm0
    CR0_XOR 4
    TRY64
    xorps %xmm0, %xmm0
    FAULTS64 UD
    CR0_XOR 12
    TRY64
    xorps %xmm0, %xmm0
    FAULTS64 NM
    clts

    PROVE "AVX wants CR4.OSXSAVE and both in XCR0"
    TRY64
    vxorps %xmm0, %xmm0, %xmm0
    FAULTS64 UD
    CR4_IS 0x40620
    xor %ecx, %ecx
    xor %edx, %edx
    mov $3, %eax
    xsetbv
    TRY64
    vxorps %xmm0, %xmm0, %xmm0
    FAULTS64 UD
    xor %edx, %edx
    mov $7, %eax
    xsetbv
    vxorps %xmm0, %xmm0, %xmm0
    CR0_XOR 4
    vxorps %xmm0, %xmm0, %xmm0
    CR0_XOR 12
    TRY64
    vxorps %xmm0, %xmm0, %xmm0
    FAULTS64 NM
    clts

    PROVE "which operands must be aligned"
    mov $DATA + 8, %esi
    movups (%rsi), %xmm0
    vaddps (%rsi), %xmm0, %xmm0
    vmovups (%rsi), %ymm0
    vmovups %ymm0, (%rsi)
    TRY64
    addps (%rsi), %xmm0
    FAULTS64 GP
    TRY64
    movaps %xmm0, (%rsi)
    FAULTS64 GP
    TRY64
    vmovdqa (%rsi), %xmm0
    FAULTS64 GP
    TRY64
    vmovaps 8(%rsi), %ymm0
    FAULTS64 GP
    TRY64
    vmovntps %ymm0, 8(%rsi)
    FAULTS64 GP
    vmovaps 24(%rsi), %ymm0
    MXCSR_IS 0x21f80
    addps (%rsi), %xmm0
    TRY64
    movaps (%rsi), %xmm0
    FAULTS64 GP

    PROVE "MXCSR"
    MXCSR_IS 0x1f80
    TRY64
    MXCSR_IS 0x40000
    FAULTS64 GP
    stmxcsr SCRATCH
    cmpl $0x1f80, SCRATCH
    CHECK64 e

    PROVE "exceptions that are not masked"
    mov $1, %eax
    cvtsi2ss %eax, %xmm0
    movaps %xmm0, %xmm2
    xorps %xmm1, %xmm1
    divss %xmm1, %xmm0 /* masked: ZE */
    stmxcsr SCRATCH
    cmpl $0x1f84, SCRATCH
    CHECK64 e
    MXCSR_IS 0x1d80
    movaps %xmm2, %xmm0
    TRY64
    divss %xmm1, %xmm0
    FAULTS64 XM
    LOW_IS %xmm0, 0x3f800000
    stmxcsr SCRATCH
    cmpl $0x1d84, SCRATCH
    CHECK64 e
    CR4_IS 0x40220
    TRY64
    divss %xmm1, %xmm0
    FAULTS64 UD
    CR4_IS 0x40620
    MXCSR_IS 0x1f80

    PROVE "across a page that is not there"
    movl $0, PAGE - 4
    mov $0x1234, %eax
    movq %rax, %xmm0
    PTE_IS 0
    TRY64
    movups PAGE - 4, %xmm0
    FAULTS64 PF, 0
    CR2_IS PAGE
    LOW_IS %xmm0, 0x1234
    TRY64
    vmovups PAGE - 20, %ymm0
    FAULTS64 PF, 0
    CR2_IS PAGE
    LOW_IS %xmm0, 0x1234
    TRY64
    movups %xmm0, PAGE - 4
    FAULTS64 PF, 2
    TRY64
    vmovups %ymm0, PAGE - 4
    FAULTS64 PF, 2
    cmpl $0, PAGE - 4
    CHECK64 e

    PROVE "lanes that a mask leaves out"
    vpcmpeqd %xmm1, %xmm1, %xmm1
    vpsrldq $8, %xmm1, %xmm1
    vmaskmovps PAGE - 8, %xmm1, %xmm2
    LOW_IS %xmm2, 0
    vmaskmovps %xmm2, %xmm1, PAGE - 8
    vpcmpeqd %xmm1, %xmm1, %xmm1
    TRY64
    vmaskmovps %xmm1, %xmm1, PAGE - 8
    FAULTS64 PF, 2
    cmpl $0, PAGE - 4
    CHECK64 e

    PROVE "a gather goes on where it stopped"
    movl $5, PAGE - 4
    movl $6, PAGE - 12
    mov $4, %eax
    vmovd %eax, %xmm2
    vpslldq $8, %xmm2, %xmm2
    mov $-8, %eax
    vpinsrd $1, %eax, %xmm2, %xmm2 /* indices 0, -8, 4, 0 */
    vpxor %xmm0, %xmm0, %xmm0
    vpcmpeqd %xmm1, %xmm1, %xmm1
    TRY64
    vpgatherdd %xmm1, PAGE - 4(,%xmm2,1), %xmm0
    FAULTS64 PF, 0
    CR2_IS PAGE
    vpextrq $0, %xmm1, %rax /* two are done */
    test %rax, %rax
    CHECK64 z
    vpextrd $0, %xmm0, %eax
    cmp $5, %eax
    CHECK64 e
    vpextrd $1, %xmm0, %eax
    cmp $6, %eax
    CHECK64 e
    PTE_IS PAGE + 7
    movl $7, PAGE
    movl $8, PAGE - 4
    vpgatherdd %xmm1, PAGE - 4(,%xmm2,1), %xmm0
    LOW_IS %xmm1, 0
    vpextrd $0, %xmm0, %eax
    cmp $5, %eax
    CHECK64 e
    vpextrd $2, %xmm0, %eax
    cmp $7, %eax
    CHECK64 e
    vpextrd $3, %xmm0, %eax
    cmp $8, %eax
    CHECK64 e

    PROVE "loops over vectors, aligned and not"
    mov $DATA, %edi
    mov $1, %eax
1:  mov %eax, (%rdi)
    imul $0x343fd, %eax
    add $0x269ec3, %eax
    add $4, %edi
    cmp $DATA + TURNS * 16 + 64, %edi
    jne 1b
    mov $DATA + 4, %esi
    mov $TURNS * 4, %ecx
    xor %edx, %edx
1:  add (%rsi), %edx
    add $4, %esi
    dec %ecx
    jnz 1b
    mov $DATA + 4, %esi /* the same by vectors */
    mov $TURNS, %ecx
    pxor %xmm0, %xmm0
1:  movdqu (%rsi), %xmm1
    paddd %xmm1, %xmm0
    add $16, %rsi
    dec %ecx
    jnz 1b
    phaddd %xmm0, %xmm0
    phaddd %xmm0, %xmm0
    movd %xmm0, %eax
    cmp %eax, %edx
    CHECK64 e
    sub -4(%rsi), %edx /* from DATA on */
    add DATA, %edx
    xor %eax, %eax
    pxor %xmm0, %xmm0
1:  paddd DATA(%rax,%rax), %xmm0
    add $8, %rax
    cmp $TURNS * 8, %rax
    jne 1b
    phaddd %xmm0, %xmm0
    phaddd %xmm0, %xmm0
    movd %xmm0, %eax
    cmp %eax, %edx
    CHECK64 e
    xor %eax, %eax
    vpxor %xmm0, %xmm0, %xmm0
1:  vpaddd DATA(%rax), %ymm0, %ymm0
    add $32, %rax
    cmp $TURNS * 16, %rax
    jne 1b
    vextracti128 $1, %ymm0, %xmm1
    vpaddd %xmm1, %xmm0, %xmm0
    phaddd %xmm0, %xmm0
    phaddd %xmm0, %xmm0
    movd %xmm0, %eax
    cmp %eax, %edx
    CHECK64 e

    PROVE "a loop that stops at a page"
    PTE_IS 0
    mov $PAGE - 0x2000, %esi
    xor %ecx, %ecx
    TRY64
1:  movaps (%rsi), %xmm1
    inc %ecx
    movaps %xmm1, DATA - PAGE + 0x2000(%rsi)
    add $16, %rsi
    ucomiss %xmm1, %xmm2
    jmp 1b
    FAULTS64 PF, 0
    cmp $0x200, %ecx
    CHECK64 e
    cmp $PAGE, %rsi
    CHECK64 e

    PROVE "alignment checks at level 3"
    CR0_XOR 0x40000
    pushq $DATA3L
    pushq $STACK3
    pushq $0x40002
    pushq $CODE3L
    lea user(%rip), %rax
    push %rax
    TRY64
    iretq
user:
    movups DATA + 16, %xmm0
    vpcmpeqd %xmm1, %xmm1, %xmm1
    vmaskmovps DATA + 2, %xmm1, %xmm0
    mov $DATA + 8, %edi
    maskmovdqu %xmm1, %xmm0
    movups DATA + 8, %xmm0
    FAULTS64 AC
    pushq $DATA3L
    pushq $STACK3
    pushq $0x40002
    pushq $CODE3L
    lea user2(%rip), %rax
    push %rax
    TRY64
    iretq
user2:
    mov $DATA + 4, %edi
    maskmovdqu %xmm1, %xmm0
    FAULTS64 AC
    CR0_XOR 0x40000

    push $CODE0
    lea compat(%rip), %rax
    push %rax
    lretq
    .code32
compat:
    mov $DATA0, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $STACK, %esp
    PASS

    .code64
    HANDLERS64

#include "rom.inc"
