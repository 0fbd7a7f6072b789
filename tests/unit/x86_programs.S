/*
 * Programs for test_x86_run.c, which copies them to 0x10000 of an x86 machine's memory and enters at
 * each one's first byte: flat 32-bit code, esp 0x9000.  Each ends in HLT with eax 0, or the number
 * of what failed.
 */
        .section .rodata
        .code32
        .macro program name
        .global program_\name, program_\name\()_end
        program_\name:
        .endm
        .macro end name
        xor %eax, %eax
        hlt
        program_\name\()_end:
        .endm
/* esi: where the program lies. */
        .macro here
        call 9f
9:      pop %esi
        .endm
        .macro want n, cc
        mov $\n, %eax
        j\cc 8f
        hlt
8:
        .endm

/* A store to the very next instruction, of every kind. */
program store
        here
        xor %ebx, %ebx
        xor %ecx, %ecx
        movb $0x43, (1f - 9b)(%esi)     /* inc ebx */
1:      inc %ecx
        cmp $1, %ebx
        want 1, e
        addb $2, (1f - 9b)(%esi)        /* inc ecx, 41, becomes inc ebx, 43 */
1:      inc %ecx
        cmp $2, %ebx
        want 2, e
        mov $0x43, %al
        xchg %al, (1f - 9b)(%esi)
1:      inc %ecx
        cmp $3, %ebx
        want 3, e
        lock orb $2, (1f - 9b)(%esi)
1:      inc %ecx
        cmp $4, %ebx
        want 4, e
        mov $0x41, %al
        mov $0x43, %dl
        lock cmpxchg %dl, (1f - 9b)(%esi)
1:      inc %ecx
        cmp $5, %ebx
        want 5, e
        mov %esp, %ebp
        lea (1f - 9b + 4)(%esi), %esp
        push $0x43434343
1:      .byte 0x41, 0x41, 0x41, 0x41
        mov %ebp, %esp
        cmp $9, %ebx
        want 6, e
        test %ecx, %ecx
        want 7, z
end store

/* The operand of an instruction further on, in a loop: 1 + 2 + ... + 100. */
program loop
        here
        xor %ebx, %ebx
        mov $1, %ecx
1:      mov %ecx, (2f - 9b + 2)(%esi)
        nop
2:      add $0x12345678, %ebx
        inc %ecx
        cmp $101, %ecx
        jb 1b
        cmp $5050, %ebx
        want 1, e
end loop

/* What follows REP STOS and REP MOVS is what they left. */
program string
        here
        xor %ebx, %ebx
        lea (1f - 9b)(%esi), %edi
        mov $16, %ecx
        mov $0x43, %al
        rep stosb
1:      .fill 16, 1, 0x0b
        cmp $16, %ebx
        want 1, e
        push %esi
        lea (1f - 9b)(%esi), %edi
        lea (2f - 9b)(%esi), %esi
        mov $8, %ecx
        rep movsb
1:      .fill 8, 1, 0x0b
        pop %esi
        cmp $24, %ebx
        want 2, e
        jmp 3f
2:      .fill 8, 1, 0x43
3:
end string

/* Across pages: plain, and locked. */
program split
        mov $0x20ffe, %ebx
        movl $0x00010000, (%ebx)
        movl $0x0000ffff, %eax
        lock xadd %eax, (%ebx)
        cmp $0x00010000, %eax
        want 1, e
        cmpl $0x0001ffff, (%ebx)
        want 2, e
        mov $0x0001ffff, %eax
        mov $0x89abcdef, %ecx
        lock cmpxchg %ecx, (%ebx)
        want 3, e
        cmpw $0xcdef, (%ebx)
        want 4, e
        cmpw $0x89ab, 2(%ebx)
        want 5, e
        mov $0x76543210, %ecx
        xchg %ecx, -1(%ebx)
        cmp $0xabcdef00, %ecx
        want 6, e
        lock adcl $0, -1(%ebx)
        lock negl (%ebx)
end split

/* Addresses that wrap: off a pointer, off the stack pointer, across 4 GiB, in a loop. */
program wrap
        movl $0x11223344, 0x20000
        movl $0x55667788, 0x20004
        mov $0xffff8000, %ebx
        cmpl $0x11223344, 0x28000(%ebx)
        want 1, e
        mov $0xfffffff8, %ebx
        movl $0x99aabbcc, 0x7008(%ebx)
        movw $0xddee, 0x700e(%ebx)
        cmpl $0x99aabbcc, 0x7000
        want 2, e
        cmpw $0xddee, 0x7006
        want 3, e
        lock addl $1, 0x7008(%ebx)
        mov $0x99aabbcd, %eax
        mov $0x12345678, %ecx
        lock cmpxchg %ecx, 0x7008(%ebx)
        want 4, e
        cmpl $0x12345678, 0x7000
        want 5, e
        fninit
        fildl 0x7008(%ebx)
        fistpl 0x7018(%ebx)
        cmpl $0x12345678, 0x7010
        want 6, e
        mov $8, %ebx
        cmpl $0x12345678, 0x7000 - 8(%ebx)
        want 7, e
        movl $0x31415926, 0
        mov $4, %ebx
        cmpl $0x31415926, -4(%ebx)
        want 8, e
        mov %esp, %ebp
        mov $0xfffffffc, %esp
        pop %eax                        /* nothing is there: ones */
        test %esp, %esp
        want 9, z
        pop %eax
        cmp $0x31415926, %eax
        want 10, e
        movl $0xfffffffe, %esp
        add $6, %esp
        push $0x27182818
        cmpl $0x27182818, 0
        want 11, e
        push $0                         /* lost */
        push $0
        cmp $0xfffffff8, %esp
        want 12, e
        lea 8(%esp), %eax
        test %eax, %eax
        want 13, z
        cmpl $0x27182818, 8(%esp)
        want 14, e
        mov %esp, %esp
        mov %ebp, %esp
        mov $100, %ecx
        mov $0xfffffffc, %ebx
        xor %edx, %edx
1:      add 0x7004(%ebx), %edx
        dec %ecx
        jnz 1b
        cmp $0x1c71c6e0, %edx           /* 100 times what is there */
        want 15, e
end wrap

/* 16-bit code up to the last byte of its segment, jumps that wrap, and what lies outside. */
program limit
        here
        lea (gdt - 9b)(%esi), %eax
        mov %eax, (gdtr - 9b + 2)(%esi)
        lgdt (gdtr - 9b)(%esi)
        lea (back - 9b)(%esi), %eax
        mov %eax, (far_back - 9b + 2)(%esi)
        mov $0x30000 + 0x10000 - (at_end - at_start), %edi
        push %esi
        lea (at_start - 9b)(%esi), %esi
        mov $(at_end - at_start), %ecx
        rep movsb
        mov $0x30000, %edi
        mov (%esp), %esi
        lea (low - 9b)(%esi), %esi
        mov $(low_end - low), %ecx
        rep movsb
        pop %esi
        xor %ebx, %ebx
        ljmp $0x08, $(0x10000 - (at_end - at_start))
back:   cmp $13, %ebx
        want 1, e
        mov $2, %eax
        jmp good
gdtr:   .word 31
        .long 0
gdt:    .quad 0
        .quad 0x00009b030000ffff        /* 08: 16-bit code at 0x30000, 64 KiB */
        .quad 0x00cf9b000000ffff        /* 10: flat */
        .quad 0x00cf93000000ffff
        .code16
at_start:
        .fill 5, 1, 0x43                /* inc bx */
        jmp 1f
        .fill 3, 1, 0x0b
1:      .fill 5, 1, 0x43
        .byte 0xeb, low_2 - low         /* jmp: its target is 0x10000 and more, that is to say low_2 */
at_end:
low:    .fill 7, 1, 0x0b
low_2:  .fill 3, 1, 0x43
        jmp low_3
        .byte 0x0b
low_3:
far_back:
        .byte 0x66, 0xea
        .long 0
        .word 0x10
low_end:
        .code32
good:
end limit
        .section .note.GNU-stack,"",@progbits
