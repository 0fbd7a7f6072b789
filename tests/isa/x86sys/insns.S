/* Instructions that the other programs have no need of: ports by all forms, far pointers, loops,
 * segment registers on the stack, tables, chance and time. */
#include "long.inc"

#define SCRATCH2 0x620
#define PORT     0x80 /* a latch of the DMA controller */

    .code16
real_tests:
    PROVE "real mode: ports in and out"
    mov $0x5a, %al
    out %al, $PORT
    in $PORT, %al
    cmp $0x5a, %al
    CHECK16 e
    mov $PORT + 1, %dx
    mov $0x3c, %al
    out %al, %dx
    xor %ax, %ax
    in %dx, %al
    cmp $0x3c, %al
    CHECK16 e
    mov $0x1122, %ax
    out %ax, $PORT + 4
    in $PORT + 4, %ax
    cmp $0x1122, %ax
    CHECK16 e
    mov $PORT + 4, %dx
    mov $0x3344, %ax
    out %ax, %dx
    in %dx, %ax
    cmp $0x3344, %ax
    CHECK16 e
    PROVE "strings to ports, and from them"
    movl $0x44332211, SCRATCH
    mov $SCRATCH, %si
    mov $SCRATCH2, %di
    mov $PORT, %dx
    cld
    mov $2, %cx
    rep outsb
    insb
    cmpb $0x22, SCRATCH2
    CHECK16 e
    outsw
    insw
    cmpw $0x4433, SCRATCH2 + 1
    CHECK16 e
    cmp $SCRATCH2 + 3, %di
    CHECK16 e

    PROVE "far pointers"
    movl $0x12345678, SCRATCH
    movw $0x5678, SCRATCH + 4
    les SCRATCH, %bx
    mov %es, %ax
    cmp $0x1234, %ax
    CHECK16 e
    cmp $0x5678, %bx
    CHECK16 e
    lfs SCRATCH, %cx
    mov %fs, %ax
    cmp $0x1234, %ax
    CHECK16 e
    lgs SCRATCH, %edx
    mov %gs, %ax
    cmp $0x5678, %ax
    CHECK16 e
    cmp $0x12345678, %edx
    CHECK16 e
    lds SCRATCH, %si
    mov %ds, %ax
    xor %bx, %bx
    mov %bx, %ds
    cmp $0x1234, %ax
    CHECK16 e
    movl $STACK, SCRATCH
    lss SCRATCH, %sp
    cmp $STACK, %sp
    CHECK16 e

    PROVE "segment registers on the stack"
    push %cs
    pop %ax
    cmp $0xf000, %ax
    CHECK16 e
    push $0x4321
    pop %es
    push %es
    pop %fs
    push %fs
    pop %gs
    push %gs
    pop %ax
    cmp $0x4321, %ax
    CHECK16 e
    push %ss
    pop %ss
    push %ss
    pop %ds
    push %ds
    pop %es
    cmp $STACK, %sp
    CHECK16 e

    PROVE "loops"
    mov $5, %cx
    xor %ax, %ax
1:  inc %ax
    cmp $3, %ax
    loopne 1b
    cmp $2, %cx
    CHECK16 e
    mov $5, %cx
    xor %ax, %ax
1:  inc %ax
    cmp $4, %ax
    setae %bl
    test %bl, %bl
    loope 1b
    cmp $4, %ax
    CHECK16 e
    xor %cx, %cx
    jcxz 1f
    FAIL16
1:  PROVE "RET n, and far jumps and calls by way of memory"
    push $0
    push $0
    call 2f
    cmp $STACK, %sp
    CHECK16 e
    movw $3f, SCRATCH
    movw $0xf000, SCRATCH + 2
    lcall *SCRATCH
    cmp $STACK, %sp
    CHECK16 e
    movw $4f, SCRATCH
    ljmp *SCRATCH
    FAIL16
2:  ret $4
3:  lret
4:  PROVE "machine status word and tables"
    smsw %ax
    test $1, %al
    CHECK16 z
    lmsw %ax
    sgdt SCRATCH
    sidt SCRATCH2
    cmpw $0xffff, SCRATCH2
    CHECK16 e
    cmpl $0, SCRATCH2 + 2
    CHECK16 e
    jmp real_done

    .code32
main:
    PROVE "LDT"
    DESC FREE, 0x10000027, 0x00008200
    mov $FREE, %ax
    lldt %ax
    sldt %ebx
    EQ %ebx, $FREE
    PROVE "SYSENTER and SYSEXIT"
    DESC 0x80, 0x0000ffff, 0x00cf9b00
    DESC 0x88, 0x0000ffff, 0x00cf9300
    DESC 0x90, 0x0000ffff, 0x00cffb00
    DESC 0x98, 0x0000ffff, 0x00cff300
    mov $0x174, %ecx
    mov $0x80, %eax
    xor %edx, %edx
    wrmsr
    inc %ecx
    mov $STACK_INT, %eax
    wrmsr
    inc %ecx
    mov $(on_sysenter + 0xf0000), %eax
    wrmsr
    mov %esp, %esi
    mov $(at_level3 + 0xf0000), %edx
    mov $STACK3, %ecx
    sysexit
at_level3:
    EQ %esp, $STACK3
    mov %cs, %eax
    EQ %eax, $0x93
    sysenter
on_sysenter:
    EQ %esp, $STACK_INT
    mov %cs, %eax
    EQ %eax, $0x80
    mov $DATA0, %eax
    mov %eax, %ss
    mov %esi, %esp

    PROVE "to 64-bit mode"
    TABLES64
    ENTER64 0x10020 /* PAE, FSGSBASE */
code64:
    START64
    PROVE "bases of FS and GS"
    mov $0x123456789a, %rax
    wrfsbase %rax
    rdfsbase %rbx
    cmp %rax, %rbx
    CHECK64 e
    wrgsbase %rax
    mov $0xc0000102, %ecx
    mov $0x77, %eax
    xor %edx, %edx
    wrmsr
    swapgs
    rdgsbase %rbx
    cmp $0x77, %rbx
    CHECK64 e
    swapgs
    rdgsbase %ebx
    cmp $0x3456789a, %ebx
    CHECK64 e
    PROVE "time and processor number"
    rdtsc
    mov %eax, %esi
    mov %edx, %edi
    mov $0xc0000103, %ecx
    mov $0x42, %eax
    xor %edx, %edx
    wrmsr
    rdtscp
    cmp $0x42, %ecx
    CHECK64 e
    shl $32, %rdx
    or %rax, %rdx
    shl $32, %rdi
    or %rsi, %rdi
    cmp %rdi, %rdx
    CHECK64 ae
    rdpid %rbx
    cmp $0x42, %rbx
    CHECK64 e
    PROVE "chance"
    rdrand %rax
    CHECK64 c
    rdseed %rbx
    CHECK64 c
    PROVE "caches"
    wbinvd
    invd
    clflush SCRATCH
    .byte 0x66, 0x0f, 0xae, 0x3c, 0x25
    .long SCRATCH /* CLFLUSHOPT */
    .byte 0x66, 0x0f, 0xae, 0x34, 0x25
    .long SCRATCH /* CLWB */
    PROVE "MONITOR and MWAIT"
    mov $SCRATCH, %eax
    xor %ecx, %ecx
    xor %edx, %edx
    monitor
    xor %eax, %eax
    mwait
    PROVE "supervisor mode access prevention is lifted by STAC"
    PTE_IS PAGE + 7
    movl $0x83, PD /* all but that page is the supervisor's */
    mov %cr3, %rax
    mov %rax, %cr3
    mov %cr4, %rax
    or $0x200000, %eax
    mov %rax, %cr4
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 1
    stac
    mov PAGE, %al
    clac
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 1
    mov %cr4, %rax
    and $~0x200000, %eax
    mov %rax, %cr4
    PROVE "INVPCID drops what CR3 does not"
    movq $0, SCRATCH
    movq $PAGE, SCRATCH + 8
    mov PAGE, %al
    movl $0, PTE
    xor %ebx, %ebx
    invpcid SCRATCH, %rbx
    TRY64
    mov PAGE, %al
    FAULTS64 PF, 0
    PROVE "there are no performance counters, and outside of SMM no RSM"
    TRY64
    xor %ecx, %ecx
    rdpmc
    FAULTS64 GP
    TRY64
    rsm
    FAULTS64 UD
    PROVE "undefined on purpose"
    TRY64
    .byte 0x0f, 0xb9, 0xc0
    FAULTS64 UD
    TRY64
    .byte 0x0f, 0xff, 0xc0
    FAULTS64 UD
    PASS

    HANDLERS64

#include "rom.inc"
