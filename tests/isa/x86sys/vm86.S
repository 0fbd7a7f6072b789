/* Virtual-8086 mode with VME: VIF and VIP, interrupts that stay in the program, ports. */
#include "sys.inc"

#define BITMAP (TSS + 0x68)

    .code16
real_tests:
    jmp real_done

    .code32
/* To virtual-8086 code with these flags besides VM. */
.macro TO_VM label, flags
    push $0
    push $0
    push $0
    push $0
    push $0x10
    push $0x100
    push $0x00020002 + \flags
    push $0xf000
    push $(\label)
    iret
.endm

main:
    /* A TSS with maps: interrupts 32 bytes, ports 8 KiB less one. */
    DESC TSS1S, 0x300020ff, 0x00008900
    movw $0x88, TSS + 0x66
    mov $BITMAP, %edi
    xor %eax, %eax
    mov $8, %ecx
    rep stosl
    mov $64, %ecx
    rep stosl
    movb $0x02, BITMAP + 32 + 0x80 / 8 /* port 0x81 */
    mov $TSS1S, %ax
    ltr %ax
    mov $1, %eax
    cpuid
    test $2, %dl
    CHECK nz
    mov $1, %eax
    mov %eax, %cr4

    PROVE "ports that the map allows, and not"
    TRY
    TO_VM vm1, 0
    .code16
vm1:
    in $0x80, %al
    mov $0x77, %bx
    in $0x81, %al
    .code32
    FAULTS GP
    cmp $0x77, %bx
    CHECK e

    PROVE "CLI and STI change VIF, PUSHF shows it"
    TRY
    TO_VM vm2, 0x80000
    .code16
vm2:
    pushf
    pop %bx
    cli
    pushf
    pop %cx
    sti
    hlt
    .code32
    FAULTS GP
    and $0x3200, %ebx
    EQ %ebx, $0x3200
    and $0x3200, %ecx
    EQ %ecx, $0x3000
    mov FAULT_FL, %eax
    and $0x80200, %eax
    EQ %eax, $0x80000

    PROVE "STI with VIP faults"
    TRY
    TO_VM vm3, 0x100000
    .code16
vm3:
    sti
    .code32
    FAULTS GP

    PROVE "INT n goes to the program's own handler, IRET comes back"
    movw $vm_handler, 0x21 * 4
    movw $0xf000, 0x21 * 4 + 2
    TRY
    TO_VM vm4, 0x80000
    .code16
vm4:
    xor %bx, %bx
    int $0x21
    pushf
    pop %cx
    hlt
vm_handler:
    mov %sp, %bp
    mov 4(%bp), %bx
    pushf
    pop %dx
    iret
    .code32
    FAULTS GP
    and $0x3200, %ebx
    EQ %ebx, $0x3200
    and $0x3200, %ecx
    EQ %ecx, $0x3200
    and $0x3200, %edx
    EQ %edx, $0x3000

    PROVE "INT n that the map keeps faults below IOPL 3"
    movb $0xff, BITMAP + 4
    TRY
    TO_VM vm5, 0
    .code16
vm5:
    int $0x21
    .code32
    FAULTS GP

    PROVE "32-bit PUSHF and IRET fault below IOPL 3"
    TRY
    TO_VM vm6, 0
    .code16
vm6:
    pushfl
    .code32
    FAULTS GP
    TRY
    TO_VM vm7, 0
    .code16
vm7:
    iretl
    .code32
    FAULTS GP

    PROVE "IOPL 3: IF itself, and gates by INT n"
    TRY
    TO_VM vm8, 0x3200
    .code16
vm8:
    pushf
    pop %bx
    cli
    pushf
    pop %cx
    int $3
    .code32
    FAULTS BP
    and $0x200, %ebx
    CHECK nz
    and $0x200, %ecx
    CHECK z
    PASS

#include "rom.inc"
