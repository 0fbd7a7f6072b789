/* 64-bit mode: paging faults with their error codes, rights, IST, SYSCALL, canonical addresses. */
#include "sys.inc"

#define PML4  0x10000
#define PDPT  0x11000
#define PD    0x12000
#define PT    0x13000
#define PAGE  0x200000 /* the page that tests change: linear and physical */
#define PTE   PT
#define IDT64 0x14000
#define IST1  0xb000
#define CODE3L 0x43
#define DATA3L 0x4b
#define CODE0L 0x38
#define RESUME64   0x700
#define SAVED_SP64 0x708
#define FAULT_RSP  0x710

    .code16
real_tests:
    jmp real_done

    .code32
main:
    PROVE "long mode needs PAE"
    mov $PML4, %edi
    xor %eax, %eax
    mov $0x1400, %ecx
    rep stosl
    movl $PDPT + 7, PML4
    movl $PD + 7, PDPT
    movl $0x87, PD
    movl $PT + 7, PD + 8
    movl $PAGE + 7, PTE
    DESC 0x40, 0x0000ffff, 0x00affb00
    DESC 0x48, 0x0000ffff, 0x00cff300
    mov $0xc0000080, %ecx
    mov $0x901, %eax
    xor %edx, %edx
    wrmsr
    mov $PML4, %eax
    mov %eax, %cr3
#ifndef LENIENT
    TRY
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    FAULTS GP
#endif
    mov $0x20, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    PROVE "EFER.LMA is set, and compatibility mode runs"
    mov $0xc0000080, %ecx
    rdmsr
    EQ %eax, $0xd01
    ljmp $CODE0L, $(code64 + 0xf0000)

    .code64
fail64:
    movl $1, FAILED
    ud2
failed64:
    push $CODE0
    lea fail(%rip), %rax
    push %rax
    lretq

.macro TRY64
    movl $-1, VECTOR
    lea 991f(%rip), %rbx
    mov %rbx, RESUME64
    mov %rsp, SAVED_SP64
.endm
.macro CHECK64 cond
    j\cond 990f
    jmp fail64
990:
.endm
.macro FAULTS64 vector, error=0
    jmp fail64
991:
    cmpl $\vector, VECTOR
    CHECK64 e
    cmpl $\error, ERROR
    CHECK64 e
.endm
.macro PTE_IS value
    movl $\value, PTE
    invlpg PAGE
.endm
.macro TO_LEVEL3_64 label
    pushq $DATA3L
    pushq $STACK3
    pushq $0x2
    pushq $CODE3L
    lea \label(%rip), %rax
    push %rax
    iretq
.endm

code64:
    mov $DATA0, %eax
    mov %eax, %ss
    mov $STACK, %rsp
    lea handlers64(%rip), %rax
    mov $IDT64, %edi
    mov $32, %ecx
1:  mov %ax, (%rdi)
    movw $CODE0L, 2(%rdi)
    movw $0xee00, 4(%rdi)
    mov %eax, %edx
    shr $16, %edx
    mov %dx, 6(%rdi)
    movq $0, 8(%rdi)
    add $16, %eax
    add $16, %rdi
    loop 1b
    lidt idt64_pointer(%rip)
    movl $STACK_INT, TSS + 4
    movl $0, TSS + 8
    movl $IST1, TSS + 36
    movl $0, TSS + 40
    andb $0xfd, GDT + TSS1S + 5
    movq $0, GDT + TSS1S + 8
    mov $TSS1S, %eax
    ltr %ax

    PROVE "a page that is not there: read, write, fetch"
    PTE_IS 0
    TRY64
    mov PAGE + 5, %al
    FAULTS64 PF, 0
    mov %cr2, %rax
    cmp $PAGE + 5, %rax
    CHECK64 e
    TRY64
    mov %al, PAGE
    FAULTS64 PF, 2
    TRY64
    mov $PAGE, %eax
    jmp *%rax
    FAULTS64 PF, 0x10

    PROVE "write protection"
    PTE_IS PAGE + 5
    mov PAGE, %al
    TRY64
    mov %al, PAGE
    FAULTS64 PF, 3
    mov %cr0, %rax
    and $~0x10000, %rax
    mov %rax, %cr0
    mov %al, PAGE
    or $0x10000, %rax
    mov %rax, %cr0

    PROVE "accessed and dirty bits"
    PTE_IS PAGE + 7
    mov PAGE, %al
    cmpl $PAGE + 0x27, PTE
    CHECK64 e
    mov %al, PAGE
    cmpl $PAGE + 0x67, PTE
    CHECK64 e

    PROVE "NX"
    movb $0xc3, PAGE
    movl $0x80000000, PTE + 4
    invlpg PAGE
    mov PAGE, %al
    TRY64
    mov $PAGE, %eax
    call *%rax
    FAULTS64 PF, 0x11
    movl $0, PTE + 4
    invlpg PAGE
    mov $PAGE, %eax
    call *%rax

    PROVE "reserved bits"
    movl $0x00080000, PTE + 4
    invlpg PAGE
    TRY64
    mov PAGE, %al
#ifdef LENIENT
    FAULTS64 PF, 8 /* which cannot be: the page is there */
#else
    FAULTS64 PF, 9
#endif
    movl $0, PTE + 4
    invlpg PAGE

    PROVE "level 3: supervisor pages, and its own"
    PTE_IS PAGE + 3
    TRY64
    TO_LEVEL3_64 user1
user1:
    mov PAGE, %al
    FAULTS64 PF, 5
    TRY64
    TO_LEVEL3_64 user2
user2:
    mov %al, PAGE
    FAULTS64 PF, 7
    mov FAULT_RSP, %rax
    cmp $STACK_INT - 40, %rax
    CHECK64 e

    PROVE "addresses that are not canonical"
    TRY64
    mov $0x800000000000, %rax
    mov (%rax), %al
    FAULTS64 GP
#ifndef LENIENT
    TRY64
    mov $0x800000000000, %rbp
    mov (%rbp), %al
    FAULTS64 SS
#endif
    TRY64
    mov $0x800000000000, %rax
    jmp *%rax
    FAULTS64 GP

    PROVE "an interrupt stack, and the stack's alignment"
    movb $1, IDT64 + 16 * UD + 4
    TRY64
    ud2
    FAULTS64 UD
    mov FAULT_RSP, %rax
    cmp $IST1 - 40, %rax
    CHECK64 e
    movb $0, IDT64 + 16 * UD + 4
    sub $8, %rsp
    TRY64
    ud2
    FAULTS64 UD
    mov FAULT_RSP, %rax
    test $15, %al
    CHECK64 ne
    add $8, %rsp

    PROVE "SYSCALL and SYSRET"
    mov $0xc0000081, %ecx
    xor %eax, %eax
    mov $0x00330038, %edx
    wrmsr
    inc %ecx
    lea on_syscall(%rip), %rax
    xor %edx, %edx
    wrmsr
    mov $0xc0000084, %ecx
    mov $0x400, %eax
    wrmsr
    movl $0, SCRATCH
    TRY64
    TO_LEVEL3_64 user3
user3:
    std
    syscall
after_syscall:
    mov %cs, %esi
    hlt
    FAULTS64 GP
    cmp $CODE3L, %esi
    CHECK64 e
    cmpl $CODE0L, SCRATCH
    CHECK64 e
    lea after_syscall(%rip), %rax
    cmp %rax, SCRATCH + 8
    CHECK64 e
    testl $0x400, FAULT_FL
    CHECK64 nz

    PROVE "INT n without a gate for level 3"
    movb $0x8e, IDT64 + 16 * 30 + 5
    TRY64
    TO_LEVEL3_64 user4
user4:
    int $30
#ifdef LENIENT
    FAULTS64 GP, 0x1e2 /* an index of the gate's offset, not of the gate */
#else
    FAULTS64 GP, 0xf2
#endif

    PROVE "global pages stay when CR3 is written, others do not"
    mov %cr4, %rax
    or $0x80, %rax
    mov %rax, %cr4
#ifndef LENIENT
    PTE_IS PAGE + 0x107
    mov PAGE, %al
    movl $0, PTE
    mov %cr3, %rax
    mov %rax, %cr3
    mov PAGE, %al
#endif
    PTE_IS PAGE + 7
    mov PAGE, %al
    movl $0, PTE
    mov %cr3, %rax
    mov %rax, %cr3
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 0

    PROVE "control registers and MSRs that must not be so"
#ifndef LENIENT
    TRY64
    mov %cr4, %rax
    and $~0x20, %rax
    mov %rax, %cr4
    FAULTS64 GP
    TRY64
    mov %cr0, %rax
    and $0x7fffffff, %rax
    mov %rax, %cr0
    FAULTS64 GP
    TRY64
    mov $0xc0000082, %ecx
    mov $0x8000, %edx
    wrmsr
    FAULTS64 GP
#endif

    PROVE "back to compatibility mode"
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
on_syscall:
    mov %cs, SCRATCH
    mov %rcx, SCRATCH + 8
    pushf
    pop %rdx
    test $0x400, %edx
    CHECK64 z
    sysretq

    .balign 16
handlers64:
    .set n, 0
    .rept 32
    .balign 16
    .if (n == 8) || ((n >= 10) && (n <= 14)) || (n == 17)
    .else
    push $0
    .endif
    push $n
    jmp on_fault64
    .set n, n + 1
    .endr
    .balign 16
on_fault64:
    cmpl $0, FAILED
    jne failed64
    push %rax
    mov 8(%rsp), %rax
    mov %eax, VECTOR
    mov 16(%rsp), %rax
    mov %eax, ERROR
    mov 40(%rsp), %rax
    mov %eax, FAULT_FL
    lea 24(%rsp), %rax
    mov %rax, FAULT_RSP
    pop %rax
    mov $DATA0, %edx
    mov %edx, %ss
    mov SAVED_SP64, %rsp
    jmp *RESUME64
idt64_pointer:
    .word 0x1ff
    .quad IDT64

#include "rom.inc"
