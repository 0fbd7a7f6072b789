/* Real mode: interrupts, limits, single step, the shadow of SS, far transfers, unreal mode. */
#include "sys.inc"

    .code16
/* The handler of a real-mode vector: counts in SCRATCH, remembers ip, resumes at the word in RESUME
 * unless that is 0. */
on_real:
    push %bp
    mov %sp, %bp
    push %ds
    push %ax
    xor %ax, %ax
    mov %ax, %ds
    incw SCRATCH
    mov 2(%bp), %ax
    mov %ax, FAULT_EIP
    mov 6(%bp), %ax
    mov %ax, FAULT_FL
    cmpw $0, RESUME
    je 1f
    mov RESUME, %ax
    mov %ax, 2(%bp)
1:  andw $~0x100, 6(%bp)
    pop %ax
    pop %ds
    pop %bp
    iret

.macro VECTOR16 n
    movw $(on_real), 4 * \n
    movw $0xf000, 4 * \n + 2
    movw $0, SCRATCH
.endm
.macro TRY16
    movw $(991f), RESUME
.endm
.macro FAULTS16
    FAIL16
991:
    cmpw $1, SCRATCH
    CHECK16 e
    movw $0, RESUME
.endm

real_tests:
    PROVE "INT and IRET"
    VECTOR16 0x21
    movw $0, RESUME
    stc
    sti
    int $0x21
992:
    CHECK16 c
    cli
    cmpw $1, SCRATCH
    CHECK16 e
    cmpw $(992b), FAULT_EIP
    CHECK16 e
    cmp $STACK, %sp
    CHECK16 e
    testw $0x200, FAULT_FL
    CHECK16 nz

    PROVE "division by zero points at the instruction"
    VECTOR16 0
    TRY16
    xor %bl, %bl
993:
    div %bl
    FAULTS16
    cmpw $(993b), FAULT_EIP
    CHECK16 e

    PROVE "undefined opcode"
    VECTOR16 6
    TRY16
    ud2
    FAULTS16

    PROVE "no VEX in real mode: LES of a register"
    VECTOR16 6
    TRY16
    .byte 0xc4, 0xe2, 0x60, 0xf2, 0xc8 /* ANDN elsewhere */
    FAULTS16

    PROVE "single step traps after the instruction"
    VECTOR16 1
    movw $0, RESUME
    pushf
    pop %ax
    or $0x0100, %ax
    push %ax
    popf
    nop
994:
    nop
    cmpw $1, SCRATCH
    CHECK16 e
    cmpw $(994b), FAULT_EIP
    CHECK16 e

    PROVE "MOV SS holds off the trap of single step"
    VECTOR16 1
    xor %ax, %ax
    pushf
    pop %bx
    or $0x0100, %bx
    push %bx
    mov %ss, %cx
    popf
    mov %cx, %ss
    nop
995:
    nop
    cmpw $1, SCRATCH
    CHECK16 e
    cmpw $(995b), FAULT_EIP
    CHECK16 e

    PROVE "far call and return"
    lcall $0xf000, $(far_sub)
    cmp $0x1234, %ax
    CHECK16 e
    cmp $STACK - 4, %sp
    CHECK16 e
    mov $STACK, %sp

    PROVE "BOUND and INTO"
    VECTOR16 5
    TRY16
    movw $10, SCRATCH + 8
    movw $20, SCRATCH + 10
    mov $21, %ax
    bound %ax, SCRATCH + 8
    FAULTS16
    VECTOR16 4
    movw $0, RESUME
    mov $0x7f, %al
    inc %al
    into
    cmpw $1, SCRATCH
    CHECK16 e

    PROVE "A20 is open"
    mov $0xffff, %ax
    mov %ax, %es
    movb $0x55, %es:0x600 + 16
    movb $0xaa, 0x600
    cmpb $0x55, %es:0x600 + 16
    CHECK16 e

    PROVE "unreal mode keeps the limit"
    cs lgdtl gdt_pointer2
    mov $(gdt), %si
    xor %ax, %ax
    mov %ax, %es
    mov $GDT, %di
    mov $(gdt_end - gdt) / 2, %cx
    cs rep movsw
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $DATA0, %bx
    mov %bx, %fs
    and $0xfe, %al
    mov %eax, %cr0
    xor %ax, %ax
    mov %ax, %fs
    mov $0x200000, %ebx
    movl $0x12345678, %fs:(%ebx)
    cmpl $0x12345678, %fs:(%ebx)
    CHECK16 e
#ifndef LENIENT
    PROVE "accesses beyond the limit fault"
    VECTOR16 13
    TRY16
    mov $0x10000, %ebx
    mov %ds:(%ebx), %al
    FAULTS16
    VECTOR16 13
    TRY16
    mov $0xffff, %bx
    mov (%bx), %ax
    FAULTS16
    VECTOR16 12
    TRY16
    mov $0xffff, %bp
    mov (%bp), %ax
    FAULTS16
#endif
    jmp real_done
far_sub:
    mov $0x1234, %ax
    push %bp
    mov %sp, %bp
    cmpw $0xf000, 4(%bp)
    pop %bp
    CHECK16 e
    sub $4, %sp
    mov %sp, %bp
    mov 4(%bp), %bx
    mov %bx, (%bp)
    mov 6(%bp), %bx
    mov %bx, 2(%bp)
    lret

gdt_pointer2:
    .word 0xff
    .long GDT

    .code32
main:
    PASS
#include "rom.inc"
