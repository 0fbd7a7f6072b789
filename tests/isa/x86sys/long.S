/* 64-bit mode: paging faults with their error codes, rights, IST, SYSCALL, canonical addresses. */
#include "long.inc"

    .code16
real_tests:
    jmp real_done

    .code32
main:
    PROVE "long mode needs PAE"
    TABLES64
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
    FAILURE64

.macro SET_PKRU value
    xor %ecx, %ecx
    xor %edx, %edx
    mov $\value, %eax
    wrpkru
.endm

code64:
    START64

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

#ifndef LENIENT
    PROVE "protection keys: CR4.PKE, PKRU"
    TRY64
    xor %ecx, %ecx
    rdpkru
    FAULTS64 UD
    mov %cr4, %rax
    or $0x440000, %eax
    mov %rax, %cr4
    mov $7, %eax
    xor %ecx, %ecx
    cpuid
    and $0x18, %ecx
    cmp $0x18, %ecx
    CHECK64 e
    movb $0xc3, PAGE
    movl $PAGE + 7, PTE
    movl $0x08000000, PTE + 4
    invlpg PAGE
    SET_PKRU 0
    rdpkru
    test %eax, %eax
    CHECK64 z
    mov PAGE, %al
    TRY64
    mov $1, %edx
    wrpkru
    FAULTS64 GP
    PROVE "keys deny accesses, but no fetches"
    SET_PKRU 4
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 0x21
    mov $PAGE, %eax
    call *%rax
    PROVE "keys deny writes, unless CR0.WP is off"
    SET_PKRU 8
    mov PAGE, %al
    TRY64
    movb $0xc3, PAGE
    FAULTS64 PF, 0x23
    mov %cr0, %rax
    and $~0x10000, %rax
    mov %rax, %cr0
    movb $0xc3, PAGE
    or $0x10000, %rax
    mov %rax, %cr0
    PROVE "the key is told also when the page is read-only besides"
    movl $PAGE + 5, PTE
    invlpg PAGE
    SET_PKRU 4
    TRY64
    movb $0xc3, PAGE
    FAULTS64 PF, 0x23
    movl $PAGE + 7, PTE
    invlpg PAGE
    PROVE "XSAVE and XRSTOR know PKRU"
    mov $0x201, %eax
    xor %edx, %edx
    xor %ecx, %ecx
    xsetbv
    mov $0xd, %eax
    mov $9, %ecx
    cpuid
    cmp $8, %eax
    CHECK64 e
    mov %ebx, %esi
    SET_PKRU 4
    mov $0x20000, %edi
    xor %eax, %eax
    mov $0x300, %ecx
    rep stosl
    mov $0x200, %eax
    xsave 0x20000
    cmpl $4, 0x20000(%rsi)
    CHECK64 e
    SET_PKRU 0
    mov PAGE, %al
    mov $0x200, %eax
    xrstor 0x20000
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 0x21
    PROVE "keys are of user pages"
    movl $PAGE + 3, PTE
    invlpg PAGE
    mov PAGE, %al
    SET_PKRU 0
    movl $0, PTE + 4
    invlpg PAGE
    PROVE "EFER.FFXSR: FXSAVE at level 0 leaves XMM registers out"
    mov %cr4, %rax
    or $0x200, %eax
    mov %rax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x4000, %eax
    wrmsr
    mov $0x12345678, %ebx
    movd %ebx, %xmm0
    movl $0, 0x200a0
    movl $0, 0x20018
    fxsave64 0x20000
    cmpl $0, 0x200a0
    CHECK64 e
    cmpl $0x1f80, 0x20018
    CHECK64 e
    and $~0x4000, %eax
    wrmsr
    fxsave64 0x20000
    cmpl %ebx, 0x200a0
    CHECK64 e
#endif

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
    PROVE "jumps that would leave them fault before they are done"
    TRY64
    mov $0x800000000000, %rax
1:  jmp *%rax
    FAULTS64 GP
    lea 1b(%rip), %rax
    mov FAULT_RSP, %rdx
    cmp %rax, (%rdx)
    CHECK64 e
    TRY64
    mov $0x800000000000, %rax
    push %rax
2:  ret
    FAULTS64 GP
    lea 2b(%rip), %rax
    mov FAULT_RSP, %rdx
    cmp %rax, (%rdx)
    CHECK64 e
    TRY64
    mov $0x800000000000, %rax
    mov %rsp, %rsi
3:  call *%rax
    FAULTS64 GP
    lea 3b(%rip), %rax
    mov FAULT_RSP, %rdx
    cmp %rax, (%rdx)
    CHECK64 e

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
    SYSCALL_TO on_syscall, 0x00330038, 0x400
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
    mov $0x01000000, %edx
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

    HANDLERS64

#include "rom.inc"
