/* Protected mode of 32 bits: segments, gates, stacks, tasks, virtual-8086 mode, debug registers. */
#include "sys.inc"

    .code16
real_tests:
    jmp real_done

    .code32
/* To level 3 at a label, with its stack; faults come back to level 0. */
.macro TO_LEVEL3 label
    push $DATA3
    push $STACK3
    push $0x2
    push $CODE3
    push $(\label + 0xf0000)
    iret
.endm

main:
    PROVE "null and limit of selectors"
    TRY
    mov $0x1000, %ax
    mov %ax, %ds
    FAULTS GP, 0x1000
    mov $DATA0, %ax
    mov %ax, %ds
    TRY
    xor %ax, %ax
    mov %ax, %ss
    FAULTS GP

    PROVE "a segment that is not present"
    DESC FREE, 0x0000ffff, 0x00cf1300
    TRY
    mov $FREE, %ax
    mov %ax, %fs
    FAULTS NP, FREE
    TRY
    mov $FREE, %ax
    mov %ax, %ss
    FAULTS SS, FREE

    PROVE "code in SS, and a descriptor of another level"
    TRY
    mov $CODE0, %ax
    mov %ax, %ss
    FAULTS GP, CODE0
    TRY
    mov $DATA3, %ax
    mov %ax, %ss
    FAULTS GP, 0x20

    PROVE "the accessed bit is set"
    DESC FREE, 0x0000ffff, 0x00cf9200
    mov $FREE, %ax
    mov %ax, %fs
    testb $1, GDT + FREE + 5
    CHECK nz

#ifndef LENIENT
    PROVE "a null data segment loads, and cannot be used"
    TRY
    xor %ax, %ax
    mov %ax, %fs
    mov %fs:0, %eax
    FAULTS GP

    PROVE "limits: the last byte may be read, the next not"
    DESC FREE, 0x00000fff, 0x00409200
    mov $FREE, %ax
    mov %ax, %fs
    mov %fs:0xfff, %al
    TRY
    mov %fs:0x1000, %al
    FAULTS GP
    TRY
    mov %fs:0xffd, %eax
    FAULTS GP

    PROVE "expand-down segments"
    DESC FREE, 0x00000fff, 0x00409600
    mov $FREE, %ax
    mov %ax, %fs
    mov %fs:0x1000, %al
    TRY
    mov %fs:0xfff, %al
    FAULTS GP

    PROVE "read-only data and execute-only code"
    DESC FREE, 0x0000ffff, 0x00cf9000
    mov $FREE, %ax
    mov %ax, %fs
    mov %fs:0, %al
    TRY
    mov %al, %fs:0
    FAULTS GP
    TRY
    mov %al, %cs:SCRATCH
    FAULTS GP
#endif

    PROVE "LAR, LSL, VERR, VERW"
    mov $CODE0, %ax
    lar %ax, %ebx
    CHECK z
    and $0xf0ff00, %ebx
    EQ %ebx, $0xc09b00
    lsl %ax, %ebx
    CHECK z
    EQ %ebx, $0xffffffff
    verr %ax
    CHECK z
    verw %ax
    CHECK nz
    mov $0x1000, %ax
    lar %ax, %ebx
    CHECK nz

    PROVE "ENTER keeps the upper half of ESP on a stack of 16 bits"
    DESC FREE, 0x0000ffff, 0x00009202
    mov %esp, %esi
    mov $FREE, %ax
    mov %ax, %ss
    mov $0x10000, %esp
    enter $4, $1
    mov %esp, %ecx
    mov $DATA0, %ax
    mov %ax, %ss
    mov %esi, %esp
    EQ %ebp, $0x1fffc
    EQ %ecx, $0x1fff4
    cmpl $0x1fffc, 0x2fff8
    CHECK e

    PROVE "INT n pushes what follows it"
    TRY
    int $3
997:
    FAULTS BP
    EQ FAULT_EIP, $(997b + 0xf0000)

    PROVE "a gate beyond the table, one that is none, one that is not present"
    TRY
    int $0x80
    FAULTS GP, 0x402
    movl $0, IDT + 30 * 8 + 4
    TRY
    int $30
    FAULTS GP, 0xf2
    movl $0x00006e00, IDT + 30 * 8 + 4
    TRY
    int $30
    FAULTS NP, 0xf2

    PROVE "to level 3, and a fault back on the level-0 stack"
    TRY
    TO_LEVEL3 user1
user1:
    cli
    FAULTS GP
    EQ FAULT_CS, $CODE3
    EQ FAULT_SP, $(STACK_INT - 8)
    mov STACK_INT - 8, %eax
    EQ %eax, $STACK3
    mov STACK_INT - 4, %eax
    EQ %eax, $DATA3

    PROVE "level 3: gates need a DPL of 3, ports a bitmap"
    movw $0x8e00, IDT + 30 * 8 + 4
    TRY
    TO_LEVEL3 user2
user2:
    int $30
    FAULTS GP, 0xf2
    TRY
    TO_LEVEL3 user3
user3:
    in $0x80, %al
    FAULTS GP

    PROVE "conforming code keeps the level; other code does not take level 3"
    TRY
    TO_LEVEL3 user4
user4:
    ljmp $CODE0, $0
    FAULTS GP, CODE0
    DESC FREE, 0x0000ffff, 0x00cf9e00
    TRY
    TO_LEVEL3 user5
user5:
    ljmp $FREE, $(user6 + 0xf0000)
user6:
    mov %cs, %eax
    cli
    FAULTS GP
    EQ FAULT_CS, $(FREE | 3)

    PROVE "a call gate to level 0 copies parameters, and returns"
    .set gate, (call_target + 0xf0000)
    movl $(CODE0 << 16), GDT + FREE
    mov $gate, %eax
    movw %ax, GDT + FREE
    and $0xffff0000, %eax
    or $0xec02, %eax
    mov %eax, GDT + FREE + 4
    movl $0, SCRATCH
    TRY
    TO_LEVEL3 user7
user7:
    mov $DATA3, %ax
    mov %ax, %ds
    push $0x1111
    push $0x2222
    lcall $(FREE | 3), $0
    cmp $STACK3, %esp
    jne 1f
    movl $0x3333, SCRATCH + 4
1:  cli
    FAULTS GP
    EQ SCRATCH, $0x33330000
    EQ SCRATCH + 4, $0x3333
    EQ FAULT_CS, $CODE3

    PROVE "task switch by CALL, and back by IRET"
    DESC FREE, 0x38000067, 0x00008900
    movl $(task + 0xf0000), TSS2 + 0x20
    movl $2, TSS2 + 0x24
    movl $0x6000, TSS2 + 0x38
    movl $DATA0, TSS2 + 0x48
    movl $CODE0, TSS2 + 0x4c
    movl $DATA0, TSS2 + 0x50
    movl $DATA0, TSS2 + 0x54
    movl $0, TSS2 + 0x58
    movl $0, TSS2 + 0x5c
    movl $0, TSS2 + 0x60
    movl $0, TSS2 + 0x64
    mov $0x77, %ebx
    lcall $FREE, $0
    EQ %ebx, $0x77
    str %ax
    cmp $TSS1S, %ax
    CHECK e
    cmpb $0x89, GDT + FREE + 5
    CHECK e
    cmpb $0x8b, GDT + TSS1S + 5
    CHECK e
    mov %cr0, %eax
    test $8, %al
    CHECK nz
    clts
    EQ TSS2, $TSS1S

    PROVE "a busy task is refused"
    TRY
    ljmp $TSS1S, $0
    FAULTS GP, TSS1S

    PROVE "an exception through a task gate"
    movl $(task2 + 0xf0000), TSS2 + 0x20
    movl $2, TSS2 + 0x24
    movl $0x6000, TSS2 + 0x38
    mov IDT + GP * 8, %esi
    mov IDT + GP * 8 + 4, %edi
    movl $(FREE << 16), IDT + GP * 8
    movl $0x00008500, IDT + GP * 8 + 4
    mov $0x1000, %eax
    mov %ax, %fs
after_task2:
    mov %esi, IDT + GP * 8
    mov %edi, IDT + GP * 8 + 4
    EQ SCRATCH, $0x1000
    str %ax
    cmp $TSS1S, %ax
    CHECK e
    clts

    PROVE "virtual-8086 mode, and a fault out of it"
    TRY
    push $0
    push $0x4000
    push $0x3000
    push $0x50
    push $0x10
    push $0x100
    push $0x00023002
    push $0xf000
    push $(vm_code)
    iret
    .code16
vm_code:
    mov %ds, %bx
    mov $0x2345, %ax
    mov %ax, %es
    push %es
    pop %cx
    hlt
    .code32
    FAULTS GP
    cmp $0x3000, %bx
    CHECK e
    cmp $0x2345, %cx
    CHECK e
    EQ FAULT_CS, $0xf000
    testl $0x20000, FAULT_FL
    CHECK nz
    EQ FAULT_SP, $(STACK_INT - 24)
    mov STACK_INT - 24, %eax
    EQ %eax, $0x100
    mov STACK_INT - 16, %eax
    EQ %eax, $0x2345
    mov STACK_INT - 12, %eax
    EQ %eax, $0x3000

    PROVE "virtual-8086 mode: INT n needs IOPL 3"
    TRY
    push $0
    push $0
    push $0
    push $0
    push $0x10
    push $0x100
    push $0x00020002
    push $0xf000
    push $(vm_int)
    iret
    .code16
vm_int:
    int $0x21
    .code32
    FAULTS GP

    PROVE "single step"
    movl $0, RESUME
    movl $-1, VECTOR
    pushf
    orl $0x100, (%esp)
    popf
    nop
998:
    nop
    EQ VECTOR, $DB
    EQ FAULT_EIP, $(998b + 0xf0000)
    mov %dr6, %eax
    test $0x4000, %eax
    CHECK nz
    xor %eax, %eax
    mov %eax, %dr6

    PROVE "a code breakpoint"
    mov $(999f + 0xf0000), %eax
    mov %eax, %dr0
    mov $1, %eax
    mov %eax, %dr7
    TRY
    nop
999:
    nop
    FAULTS DB
    EQ FAULT_EIP, $(999b + 0xf0000)
    mov %dr6, %eax
    and $15, %eax
    EQ %eax, $1
    xor %eax, %eax
    mov %eax, %dr6
    mov %eax, %dr7

    PROVE "a data breakpoint traps after the store"
    mov $(SCRATCH + 0x40), %eax
    mov %eax, %dr1
    mov $0x00d00004, %eax
    movl $0, SCRATCH + 0x40
    movl $0, RESUME
    movl $-1, VECTOR
    mov %eax, %dr7
    mov SCRATCH + 0x40, %ebx
    EQ VECTOR, $-1
    movl $0x5678, SCRATCH + 0x40
996:
    nop
    EQ VECTOR, $DB
    EQ FAULT_EIP, $(996b + 0xf0000)
    EQ SCRATCH + 0x40, $0x5678
    mov %dr6, %eax
    and $15, %eax
    EQ %eax, $2
    xor %eax, %eax
    mov %eax, %dr7
    mov %eax, %dr6

    PROVE "an I/O breakpoint traps after the access"
    mov $8, %eax
    mov %eax, %cr4
    mov $0x80, %eax
    mov %eax, %dr2
    mov $0x02000010, %eax
    mov %eax, %dr7
    out %al, $0x81
    movl $0, RESUME
    movl $-1, VECTOR
    out %al, $0x80
995:
    nop
    EQ VECTOR, $DB
    EQ FAULT_EIP, $(995b + 0xf0000)
    mov %dr6, %eax
    and $15, %eax
    EQ %eax, $4
    xor %eax, %eax
    mov %eax, %dr7
    mov %eax, %dr6

#ifndef LENIENT
    PROVE "alignment check at level 3"
    mov %cr0, %eax
    or $0x40000, %eax
    mov %eax, %cr0
    TRY
    push $DATA3
    push $STACK3
    push $0x40002
    push $CODE3
    push $(user8 + 0xf0000)
    iret
user8:
    mov %ss:SCRATCH + 4, %eax
    mov %ss:SCRATCH + 1, %eax
    FAULTS 17
#endif

    PROVE "a double fault"
    movl $0, IDT + GP * 8 + 4
    TRY
    mov $0x1000, %ax
    mov %ax, %fs
    FAULTS 8
    PASS

call_target:
    mov 8(%esp), %eax
    mov 12(%esp), %ebx
    add %ebx, %eax
    shl $16, %eax
    mov %eax, SCRATCH
    lret $8

/* A task: starts again where it has ended. */
task:
    pushf
    testl $0x4000, (%esp)
    CHECK nz
    popf
    str %ax
    cmp $FREE, %ax
    CHECK e
    cmp $0x6000, %esp
    CHECK e
    mov $0x99, %ebx
    iret
    jmp task
task2:
    pop SCRATCH
    movl $(after_task2 + 0xf0000), TSS + 0x20
    iret

#include "rom.inc"
