/* Paging of 32-bit mode: two levels with large pages, then PAE. */
#include "sys.inc"

#define PD    0x10000
#define PT    0x11000
#define PDPT  0x12000
#define PD64  0x13000 /* and the three pages that follow */
#define PT64  0x17000
#define PAGE  0x400000 /* linear: the page that tests change */
#define FRAME 0x20000  /* physical */

    .code16
real_tests:
    jmp real_done

    .code32
.macro PTE_IS value
    movl $\value, PT
    invlpg PAGE
.endm
/* Level 3, with no data segment but the stack's. */
.macro CALL_USER label
    TRY
    push $DATA3
    push $STACK3
    push $0x2
    push $CODE3
    push $(\label + 0xf0000)
    iret
.endm

main:
    mov $PD, %edi
    xor %eax, %eax
    mov $0x2000, %ecx
    rep stosl
    movl $0x87, PD /* the first 4 MiB */
    movl $PT + 7, PD + 4
    movl $FRAME + 7, PT
    mov $PD, %eax
    mov %eax, %cr3
    mov $0x10, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    jmp 1f
1:
    PROVE "two levels translate"
    movl $0x12345678, FRAME + 0x10
    EQ PAGE + 0x10, $0x12345678
    EQ PT, $(FRAME + 0x27)
    movl $1, PAGE
    EQ PT, $(FRAME + 0x67)
    mov PD + 4, %eax
    and $0x20, %eax
    CHECK nz

    PROVE "a page that is not there"
    PTE_IS 0
    TRY
    mov PAGE + 1, %al
    FAULTS PF, 0
    mov %cr2, %eax
    EQ %eax, $(PAGE + 1)
    TRY
    movl $0, PAGE
    FAULTS PF, 2

    PROVE "write protection binds level 0 when CR0.WP says so"
    PTE_IS FRAME + 5
    TRY
    movl $0, PAGE
    FAULTS PF, 3
    mov %cr0, %eax
    and $~0x10000, %eax
    mov %eax, %cr0
    movl $0, PAGE
    or $0x10000, %eax
    mov %eax, %cr0

    PROVE "level 3"
    PTE_IS FRAME + 3
    CALL_USER user1
user1:
    mov %ss:PAGE, %al
    FAULTS PF, 5
    PTE_IS FRAME + 5
    CALL_USER user2
user2:
    movl $0, %ss:PAGE
    FAULTS PF, 7
    PTE_IS 0
    CALL_USER user3
user3:
    movl $0, %ss:PAGE
    FAULTS PF, 6

    PROVE "an access across two pages faults as a whole"
    PTE_IS FRAME + 7
    movl $0, PT + 4
    invlpg PAGE + 0x1000
    movl $0x11111111, PAGE + 0xffc
    TRY
    movl $0x22222222, PAGE + 0xffe
    FAULTS PF, 2
    mov %cr2, %eax
    EQ %eax, $(PAGE + 0x1000)
    EQ PAGE + 0xffc, $0x11111111

    PROVE "a fault in the midst of a string instruction"
    TRY
    mov $PAGE + 0xff0, %edi
    mov $0x20, %ecx
    mov $0x5a, %al
    rep stosb
    FAULTS PF, 2
    EQ %ecx, $0x10
    EQ %edi, $(PAGE + 0x1000)
    EQ PAGE + 0xffc, $0x5a5a5a5a

    PROVE "the stack of a handler that is not there: a double fault"
    movl $(CODE0 << 16), IDT + 8 * 8
    mov $(df_task + 0xf0000), %eax
    movl $(FREE << 16), IDT + 8 * 8
    movl $0x00008500, IDT + 8 * 8 + 4
    DESC FREE, 0x38000067, 0x00008900
    mov $TSS2, %edi
    push %eax
    xor %eax, %eax
    mov $26, %ecx
    rep stosl
    pop %eax
    mov %eax, TSS2 + 0x20
    movl $PD, TSS2 + 0x1c
    movl $PD, TSS + 0x1c
    movl $2, TSS2 + 0x24
    movl $0x6000, TSS2 + 0x38
    movl $DATA0, TSS2 + 0x48
    movl $CODE0, TSS2 + 0x4c
    movl $DATA0, TSS2 + 0x50
    movl $DATA0, TSS2 + 0x54
    mov $PAGE + 0x2000, %esp
    push %eax
    jmp fail
after_df:
    mov $STACK, %esp
    clts

    PROVE "PAE"
    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    movl $PD64 + 1, PDPT
    movl $0x87, PD64
    movl $0x200087, PD64 + 8
    movl $PT64 + 7, PD64 + 16
    movl $FRAME + 7, PT64
    mov $0x30, %eax
    mov %eax, %cr4
    mov $PDPT, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    jmp 1f
1:  movl $0x55aa55aa, FRAME + 0x20
    EQ PAGE + 0x20, $0x55aa55aa
    mov $0x40000000, %ebx
    TRY
    mov (%ebx), %al
    FAULTS PF, 0

#ifndef LENIENT
    PROVE "PAE: pointers are loaded with CR3, and checked"
    movl $0, PDPT
    invlpg PAGE
    mov PAGE, %al
    movl $PD64 + 3, PDPT
    TRY
    mov $PDPT, %eax
    mov %eax, %cr3
    FAULTS GP
    movl $PD64 + 1, PDPT
#endif

    PROVE "PAE: NX"
    mov $0xc0000080, %ecx
    rdmsr
    or $0x800, %eax
    wrmsr
    movb $0xc3, FRAME
    movl $0x80000000, PT64 + 4
    invlpg PAGE
    TRY
    mov $PAGE, %eax
    call *%eax
    FAULTS PF, 0x11
    mov PAGE, %al
    PASS

df_task:
    pop %eax
    EQ %eax, $0
    movl $(after_df + 0xf0000), TSS + 0x20
    andl $~0x4000, TSS + 0x24
    mov TSS + 0x38, %eax
    EQ %eax, $(PAGE + 0x2000)
    iret

#include "rom.inc"
