/* x87, MMX, FXSAVE and XSAVE as the system sees them: CR0, CR4, XCR0, #NM, #MF, FERR#, images of
 * real mode. */
#include "sys.inc"

#define NM 7
#define MF 16
#define AREA 0x20000
#define PIC2 0xa0

    .code16
real_tests:
#ifndef LENIENT
    PROVE "FNSTENV in real mode: linear addresses, opcode"
    fninit
    mov $0x1234, %ax
    mov %ax, %ds
    fldl 0x10
    xor %ax, %ax
    mov %ax, %ds
    fnstenv SCRATCH
    cmpw $0x3800, SCRATCH + 2
    CHECK16 e
    cmpw $0x7fff, SCRATCH + 4
    CHECK16 e
    cmpw $0x2350, SCRATCH + 10
    CHECK16 e
    cmpw $0x1000, SCRATCH + 12
    CHECK16 e
    mov SCRATCH + 8, %ax
    and $0x7ff, %ax
    cmp $0x506, %ax /* DD 06 */
    CHECK16 e
    data32 fnstenv SCRATCH
    cmpl $0xffff037f, SCRATCH
    CHECK16 e
    cmpl $0xffff2350, SCRATCH + 20
    CHECK16 e
    cmpl $0x1000, SCRATCH + 24
    CHECK16 e
#endif
    jmp real_done

    .code32
.macro SET_CR0 set, clear
    mov %cr0, %eax
    and $~(\clear), %eax
    or $(\set), %eax
    mov %eax, %cr0
.endm
.macro SET_CR4 set, clear
    mov %cr4, %eax
    and $~(\clear), %eax
    or $(\set), %eax
    mov %eax, %cr4
.endm
/* A division by zero that is not masked: the status word tells. */
.macro DIVIDE_BY_ZERO
    fninit
    movl $0x37b, SCRATCH
    fldcw SCRATCH
    fld1
    fldz
    fdivrp %st, %st(1)
.endm
.macro SET_XCR0 low
    xor %ecx, %ecx
    xor %edx, %edx
    mov $\low, %eax
    xsetbv
.endm

/* The second 8259: edges, vectors 28 and on, all masked; its requests in al, here and from then on. */
init_pic2:
    mov $0x11, %al
    out %al, $PIC2
    mov $0x28, %al
    out %al, $PIC2 + 1
    mov $2, %al
    out %al, $PIC2 + 1
    mov $1, %al
    out %al, $PIC2 + 1
    mov $0xff, %al
    out %al, $PIC2 + 1
    mov $0x0a, %al
    out %al, $PIC2
    in $PIC2, %al
    ret

main:
    PROVE "CR0.TS: x87, MMX and SSE instructions are #NM"
    SET_CR0 8, 6
    TRY
    fninit
    FAULTS NM
    TRY
    fnstsw %ax
    FAULTS NM
    TRY
    paddb %mm0, %mm1
    FAULTS NM
    TRY
    fxsave AREA
    FAULTS NM
    fwait /* without MP */
    PROVE "CR0.TS and MP: WAIT, too"
    SET_CR0 2, 0
    TRY
    fwait
    FAULTS NM
    PROVE "CR0.EM: x87 is #NM, MMX #UD"
    SET_CR0 4, 8
    TRY
    fld1
    FAULTS NM
    TRY
    emms
    FAULTS UD
    fwait
    PROVE "CR0.NE: #MF at the next instruction that waits"
    SET_CR0 0x22, 12
    DIVIDE_BY_ZERO
    fnstsw %ax
    and $0xc7ff, %eax
    EQ %eax, $0x8084
    TRY
    fwait
    FAULTS MF
    TRY
    fld1
    FAULTS MF
    TRY
    paddb %mm0, %mm1
    FAULTS MF
    fnclex
    fwait
    PROVE "the registers were left as they were"
    fnstsw %ax
    movzwl %ax, %eax
    EQ %eax, $0x3000
    fnsave AREA
    cmpw $0x1fff, AREA + 8
    CHECK e
    PROVE "without CR0.NE: FERR# is interrupt 13, which port F0 takes back"
    SET_CR0 0, 0x20
    call init_pic2
    test $0x20, %al
    CHECK z
    DIVIDE_BY_ZERO
    fwait
    in $PIC2, %al
    test $0x20, %al
    CHECK nz
    xor %al, %al
    out %al, $0xf0
    fld1 /* IGNNE#: instructions go on */
    call init_pic2
    test $0x20, %al
    CHECK z
    fnclex
    DIVIDE_BY_ZERO
    fwait
    in $PIC2, %al
    test $0x20, %al
    CHECK nz
    fnclex
    SET_CR0 0x20, 0

    PROVE "FXSAVE wants 16 bytes of alignment"
    SET_CR4 0x200, 0
    TRY
    fxsave AREA + 8
    FAULTS GP
    PROVE "FXRSTOR of an MXCSR with unknown bits"
    fninit
    fxsave AREA
    movl $0x10000, AREA + 24
    TRY
    fxrstor AREA
    FAULTS GP
    PROVE "FXSAVE without CR4.OSFXSR leaves XMM registers out"
    movl $0x1f80, AREA + 24
    movl $0x12345678, AREA + 160
    fxrstor AREA
    SET_CR4 0, 0x200
    movl $0, AREA + 160
    fxsave AREA
    EQ AREA+160, $0
    SET_CR4 0x200, 0
    movd %xmm0, %eax
    EQ %eax, $0x12345678

    PROVE "XSAVE and XSETBV without CR4.OSXSAVE"
    TRY
    xsave AREA
    FAULTS UD
    TRY
    SET_XCR0 1
    FAULTS UD
    SET_CR4 0x40000, 0
    PROVE "XCR0 takes only what belongs together"
    SET_XCR0 3
    TRY
    SET_XCR0 2
    FAULTS GP
    TRY
    SET_XCR0 5
    FAULTS GP
    TRY
    SET_XCR0 0x80000003
    FAULTS GP
    TRY
    mov $1, %ecx
    xsetbv
    FAULTS GP
    PROVE "CPUID knows the size of an area"
    mov $0xd, %eax
    xor %ecx, %ecx
    cpuid
    EQ %ebx, $576
    SET_XCR0 7
    mov $0xd, %eax
    xor %ecx, %ecx
    cpuid
    EQ %ebx, $832
    PROVE "XSAVE wants 64 bytes of alignment, XRSTOR a good header"
    mov $7, %eax
    xor %edx, %edx
    TRY
    xsave AREA + 16
    FAULTS GP
    mov $AREA + 512, %edi
    xor %eax, %eax
    mov $16, %ecx
    rep stosl
    movl $8, AREA + 512
    mov $7, %eax
    TRY
    xrstor AREA
    FAULTS GP
    movl $0, AREA + 512
    movl $1, AREA + 528
    TRY
    xrstor AREA
    FAULTS GP
    movl $0, AREA + 528
    PROVE "XRSTOR of nothing gives the initial state"
    movl $0x1fbf, AREA + 24
    fld1
    xrstor AREA
    fnstsw %ax
    movzwl %ax, %eax
    EQ %eax, $0
    movd %xmm0, %eax
    EQ %eax, $0
    stmxcsr SCRATCH
    EQ SCRATCH, $0x1fbf
#ifndef LENIENT
    PROVE "XGETBV of 1 knows it, XSAVEC saves no more than that"
    mov $1, %ecx
    xgetbv
    EQ %eax, $0
    movl $0x1f80, SCRATCH
    ldmxcsr SCRATCH
    fld1
    mov $7, %eax
    xor %edx, %edx
    xsavec AREA
    EQ AREA+512, $1
    EQ AREA+520, $7
    EQ AREA+524, $0x80000000
    PROVE "XRSTORS wants a compact area, XRSTOR takes it"
    fninit
    mov $7, %eax
    xrstors AREA
    fnstsw %ax
    movzwl %ax, %eax
    EQ %eax, $0x3800
    movl $0, AREA + 524
    mov $7, %eax
    TRY
    xrstors AREA
    FAULTS GP
#endif
    PROVE "AVX wants XCR0"
    vpxor %ymm0, %ymm0, %ymm0
    SET_XCR0 3
    TRY
    vpxor %ymm0, %ymm0, %ymm0
    FAULTS UD
    PASS

#include "rom.inc"
