/* From the reset vector to main(), and what catches faults. */
#define CODE0  0x08
#define DATA0  0x10
#define CODE3  0x1b
#define DATA3  0x23
#define TSS    0x28
#define CODE64 0x38
#define CODE64_3 0x43
#define DONE   0x30
#ifdef __x86_64__
#define USER 0x40000000
#define PML4 0x10000
#define PDPT 0x11000
#define PD   0x12000
#endif

    .section .reset, "ax"
    .code16
    ljmp $0xe000, $start_offset

    .section .bss
    .balign 16
    .skip 0x4000
stack_top:
    .skip 0x2000
    .globl interrupt_stack_top
interrupt_stack_top:
    .skip 0x2000
    .globl user_stack_top
user_stack_top:

/* The beginning of the ROM: 16-bit code has a segment of 64 KiB. */
    .section .text.start, "ax"
    .code16
    .globl start
start:
    cli
    cld
    mov $0xff, %al /* no interrupts: the timer may be running */
    out %al, $0x21
    out %al, $0xa1
    lgdtl %cs:boot_gdt_offset
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $CODE0, $protected
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0
    .quad 0
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff
    .globl boot_gdt_pointer
boot_gdt_pointer:
    .word 0x3f
    .long boot_gdt

    .code32
protected:
    mov $DATA0, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
#ifdef __x86_64__
    mov $PML4, %edi
    xor %eax, %eax
    mov $0xc00, %ecx
    rep stosl
    movl $PDPT + 7, PML4
    movl $PD + 3, PDPT
    movl $PD + 7, PDPT + 8
    mov $PD, %edi
    mov $0x87, %eax
    mov $512, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    loop 1b
    mov $PML4, %eax
    mov %eax, %cr3
    mov $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    ljmp $CODE64, $long_mode
    .code64
long_mode:
    mov $stack_top, %rsp
#else
    mov $stack_top, %esp
#endif
    call prepare
    lgdt gdt_pointer
    lidt idt_pointer
    mov $TSS, %eax
    ltr %ax
    call main
    jmp finish

    .section .text
    .balign 8
gdt_pointer:
    .word 40 * 8 - 1
#ifdef __x86_64__
    .quad gdt
#else
    .long gdt
#endif
idt_pointer:
#ifdef __x86_64__
    .word 64 * 16 - 1
    .quad idt
#else
    .word 64 * 8 - 1
    .long idt
#endif
    .globl idt_pointer, gdt_pointer

/* Handlers, 16 bytes each. */
    .globl handlers
    .balign 16
handlers:
    .set n, 0
    .rept 64
    .balign 16
    .if (n == 8) || ((n >= 10) && (n <= 14)) || (n == 17)
    .else
    push $0
    .endif
    push $n
    jmp caught
    .set n, n + 1
    .endr

    .section .bss
    .balign 8
saved_sp:
    .skip 8
    .text

#ifdef __x86_64__
/* vector, error, ip, cs, flags, sp, ss */
caught:
    cld
    mov %rax, %cs:regs
    mov %rcx, %cs:regs + 8
    mov %rdx, %cs:regs + 16
    mov %rbx, %cs:regs + 24
    mov %rsi, %cs:regs + 32
    mov %rdi, %cs:regs + 40
    mov $DATA0, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %rsp, %rsi
    mov $frame, %edi
    mov $7, %ecx
    rep movsq
    mov $DATA0, %eax
    mov %eax, %ss
    mov frame, %rax
    cmp $DONE, %eax
    jne back
    mov $-1, %eax
back:
    mov saved_sp, %rsp
    push $2
    popf
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .globl try, try3
try:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_sp
    mov %rdi, %rbp
    call registers
    call *%rbp
    mov %rax, regs
    mov %rcx, regs + 8
    mov %rdx, regs + 16
    mov %rbx, regs + 24
    mov %rsi, regs + 32
    mov %rdi, regs + 40
    mov $-1, %eax
    jmp back
try3:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_sp
    mov $user_stack_top + USER - 8, %eax
    mov $end3 + USER, %ecx
    mov %rcx, user_stack_top - 8
    pushq $DATA3
    push %rax
    pushq $2
    pushq $CODE64_3
    add $USER, %rdi
    push %rdi
    call registers
    iretq
registers:
    mov regs, %rax
    mov regs + 8, %rcx
    mov regs + 16, %rdx
    mov regs + 24, %rbx
    mov regs + 32, %rsi
    mov regs + 40, %rdi
    ret
#else
caught:
    cld
    push %ds
    push %eax
    mov $DATA0, %eax
    mov %eax, %ds
    pop %eax
    mov %eax, regs
    mov %ecx, regs + 4
    mov %edx, regs + 8
    mov %ebx, regs + 12
    mov %esi, regs + 16
    mov %edi, regs + 20
    pop %eax
    mov $DATA0, %eax
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %esp, %esi
    mov $frame, %edi
    mov $7, %ecx
1:  mov %ss:(%esi), %eax
    mov %eax, (%edi)
    add $4, %esi
    add $4, %edi
    loop 1b
    testb $3, frame + 12
    jnz 2f
    testl $0x20000, frame + 16
    jnz 2f
    lea 20(%esp), %eax
    mov %eax, frame + 20
    mov %ss, %eax
    mov %eax, frame + 24
2:  mov $DATA0, %eax
    mov %eax, %ss
    mov frame, %eax
    cmp $DONE, %eax
    jne back
    mov $-1, %eax
back:
    mov saved_sp, %esp
    push $2
    popf
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
    .globl try, try3
try:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, saved_sp
    mov 20(%esp), %ebp
    call registers
    call *%ebp
    mov %eax, regs
    mov %ecx, regs + 4
    mov %edx, regs + 8
    mov %ebx, regs + 12
    mov %esi, regs + 16
    mov %edi, regs + 20
    mov $-1, %eax
    jmp back
try3:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, saved_sp
    mov 20(%esp), %edi
    movl $end3, user_stack_top - 4
    push $DATA3
    push $user_stack_top - 4
    push $2
    push $CODE3
    push %edi
    call registers
    push $DATA3
    push $DATA3
    pop %ds
    pop %es
    iret
registers:
    mov regs, %eax
    mov regs + 4, %ecx
    mov regs + 8, %edx
    mov regs + 12, %ebx
    mov regs + 16, %esi
    mov regs + 20, %edi
    ret
#endif
end3:
    int $DONE

    .globl finish
finish:
    mov $0xf4, %edx
    mov differences, %eax
    test %eax, %eax
    setnz %al
    out %al, %dx
1:  hlt
    jmp 1b
