/*
 * Option ROM that starts the kernel of -kernel: it has fw_cfg bring everything to its place, asks
 * the BIOS for what only that knows, and jumps.  What goes where is in the plan behind the code,
 * which hw/board/pc_bootrom.c fills.
 * Ref: Plug and Play BIOS Specification 1.0A, 4.2 (expansion header, bootstrap entry vector); ACPI
 * Specification 6.5, 15.1 (INT 15h, E820) and 5.2.5.1 (finding the RSDP); QEMU documentation,
 * "fw_cfg" (DMA).
 *
 * hw/board/pc_bootrom_bytes.c is made from this by tools/make_bootrom.
 */
    .code16

/* Scratch memory in segment 0, below the boot sector's place. */
    STACK = 0x7000
    DMA = 0x7000        /* a descriptor of fw_cfg */
    RANGE = 0x7010      /* what E820 tells */
    GDTR = 0x7030
    TARGET = 0x7038     /* a far pointer */
    TABLE = 0x7040      /* the GDT */
    DMA_LOW_PORT = 0x518
    DMA_ERROR = 0x01000000 /* as it lies in memory, big-endian */
    RANGE_SIZE = 20
    MAP_STEP = 24

/* The plan; hw/board/pc_bootrom.c knows these offsets. */
    PLAN = 0x300
    INFO_SEGMENT = PLAN + 0
    MAP_AT = PLAN + 2   /* 0: no map is wanted */
    MAP_ROOM = PLAN + 4
    MAP_PREFIX = PLAN + 6 /* 4: each entry begins with its size, as multiboot has it */
    MAP_SIZE_AT = PLAN + 8
    RSDP_AT = PLAN + 10 /* 0: not wanted */
    SETUP_SEGMENT = PLAN + 12 /* 0: the kernel begins in protected mode */
    SETUP_STACK = PLAN + 14
    START_EAX = PLAN + 16
    START_EBX = PLAN + 20
    START_ESI = PLAN + 24
    START_EIP = PLAN + 28
    LOADS = PLAN + 32   /* descriptors of 16 bytes, the last one has control word 0 */

    .globl _start
_start:
    .word 0xaa55
    .byte 0             /* size in 512 bytes */
    jmp init
    .org 0x1a
    .word pnp
    .org 0x20
pnp:
    .ascii "$PnP"
    .byte 1, 2          /* revision, length in 16 bytes */
    .word 0
    .byte 0, 0          /* the second is the header's checksum */
    .long 0
    .word maker, product
    .byte 2, 0, 0       /* mass storage, as network cards that boot are no better */
    .byte 0x14          /* may be booted from */
    .word 0, 0, boot, 0, 0

maker:
    .asciz "Tinamou"
product:
    .asciz "Kernel of the command line"
failure:
    .asciz "\r\nThe kernel could not be loaded: fw_cfg reports an error.\r\n"

init:
    mov $0x20, %ax      /* the BIOS may boot from here */
    lret

boot:
    cli
    cld
    xor %ax, %ax
    mov %ax, %ss
    mov $STACK, %sp
    mov %ax, %es
    mov %cs, %ax
    mov %ax, %ds
    sti
    call load
    mov $0x2401, %ax    /* gate A20 */
    int $0x15
    cmpw $0, MAP_AT
    je 1f
    call map
1:  cmpw $0, RSDP_AT
    je 2f
    call rsdp
2:  cli
    mov $0x80, %al      /* no NMI on the way */
    out %al, $0x70
    mov SETUP_SEGMENT, %ax
    test %ax, %ax
    jz protected

/* Linux' real-mode code: all segments are its own, CS is 0x20 paragraphs on. */
    mov SETUP_STACK, %bx
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    movzwl %bx, %esp
    add $0x20, %ax
    push %ax
    push $0
    lret

/* Have fw_cfg carry out the descriptors. */
load:
    mov $LOADS, %si
1:  cmpl $0, (%si)
    je 3f
    mov $DMA, %di
    mov $8, %cx
    rep movsw
    mov $(DMA & 0xff) << 24 | (DMA >> 8) << 16, %eax
    mov $DMA_LOW_PORT, %dx
    out %eax, %dx
2:  mov %es:DMA, %eax
    test %eax, %eax
    jz 1b
    test $DMA_ERROR, %eax
    jz 2b
    mov $failure, %si
    mov $7, %bx
4:  lodsb
    mov $0x0e, %ah
    int $0x10
    test %al, %al
    jnz 4b
5:  hlt
    jmp 5b
3:  ret

/* The memory map goes into the tables; FS is their segment. */
map:
    mov INFO_SEGMENT, %fs
    mov MAP_AT, %si
    xor %ebx, %ebx
    xor %bp, %bp        /* entries so far */
1:  mov $0xe820, %eax
    mov $0x534d4150, %edx
    mov $RANGE_SIZE, %ecx
    mov $RANGE, %di
    int $0x15
    jc 3f
    cmp $0x534d4150, %eax
    jne 3f
    mov %si, %di
    cmpw $0, MAP_PREFIX
    je 2f
    movl $RANGE_SIZE, %fs:(%di)
    add $4, %di
2:  push %si
    push %ds
    push %es
    pop %ds
    mov $RANGE, %si
    mov $RANGE_SIZE, %cx
    push %es
    push %fs
    pop %es
    rep movsb
    pop %es
    pop %ds
    pop %si
    add $MAP_STEP, %si
    inc %bp
    cmp MAP_ROOM, %bp
    jae 3f
    test %ebx, %ebx
    jnz 1b
3:  movzwl %bp, %eax
    cmpw $0, MAP_PREFIX
    je 4f
    imul $MAP_STEP, %eax, %eax
4:  mov MAP_SIZE_AT, %di
    mov %eax, %fs:(%di)
    ret

/* Where the BIOS has put the root of the ACPI tables: the first KiB of the extended BIOS data area,
 * or 0xe0000 to 0xfffff. */
rsdp:
    mov INFO_SEGMENT, %fs
    mov %es:0x40e, %ax
    mov $0x40, %cx
    call scan
    jz 1f
    mov $0xe000, %ax
    mov $0x2000, %cx
    call scan
    jnz 2f
1:  movzwl %ax, %eax
    shl $4, %eax
    mov RSDP_AT, %di
    mov %eax, %fs:(%di)
2:  ret

/* Look at CX paragraphs from segment AX on; ZF and AX when it is there. */
scan:
    mov %ax, %gs
    cmpl $0x20445352, %gs:0 /* "RSD " */
    jne 1f
    cmpl $0x20525450, %gs:4 /* "PTR " */
    je 2f
1:  inc %ax
    loop scan
    test %sp, %sp       /* not zero */
2:  ret

protected:
    xor %ebp, %ebp
    mov %cs, %bp
    shl $4, %ebp        /* where this ROM is */
    mov $gdt, %si
    mov $TABLE, %di
    mov $(gdt_end - gdt) / 2, %cx
    rep movsw
    movw $gdt_end - gdt - 1, %es:GDTR
    movl $TABLE, %es:GDTR + 2
    lea flat(%ebp), %eax
    mov %eax, %es:TARGET
    movw $0x10, %es:TARGET + 4
    lgdtl %es:GDTR
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl *%es:TARGET

    .code32
flat:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov START_EAX(%ebp), %eax
    mov START_EBX(%ebp), %ebx
    mov START_ESI(%ebp), %esi
    jmp *START_EIP(%ebp)

    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00cf9b000000ffff /* code, selector 0x10 */
    .quad 0x00cf93000000ffff /* data, 0x18 */
gdt_end:
    .org PLAN
