/* Debug exceptions of 64-bit mode: SYSCALL and SYSRET under TF, what MOV SS holds off, DR6; what
 * bases may hold. */
#include "long.inc"

#define DR7_R0_ANY4 0x000f0402 /* data at DR0: 4 bytes, read or write */
#define DR7_CODE0   0x00000402
#define DATA3S 0x5b /* what SYSRET loads */
#define CODE3S 0x63
#define LOG         0x20000 /* of #DB: RIP, CS, DR6 */
#define LOGGED      0x1ff00

    .code16
real_tests:
    jmp real_done

    .code32
main:
    PROVE "64-bit mode"
    TABLES64
    DESC 0x58, 0x0000ffff, 0x00cff300
    DESC 0x60, 0x0000ffff, 0x00affb00
    ENTER64

/* The nth #DB was at a label, with these bits in DR6. */
.macro DB_WAS n, label, dr6
    lea \label(%rip), %rax
    cmp %rax, LOG + 24 * \n
    CHECK64 e
    cmpl $0xffff0ff0 + \dr6, LOG + 24 * \n + 16
    CHECK64 e
.endm
.macro COUNT_IS n
    cmpl $\n, LOGGED
    CHECK64 e
.endm
.macro FORGET
    movl $0, LOGGED
    xor %eax, %eax
    mov %rax, %dr6
.endm
.macro SET_DR7 value
    mov $\value, %eax
    mov %rax, %dr7
.endm
.macro GATE64 n, label
    lea \label(%rip), %rax
    mov %ax, IDT64 + 16 * \n
    shr $16, %eax
    mov %ax, IDT64 + 16 * \n + 6
.endm

code64:
    START64
    GATE64 DB, on_debug
    GATE64 30, on_interrupt
    mov $DATA0, %ecx
    mov %ecx, %ss
    SYSCALL_TO on_syscall, 0x00530038, 0x100

    PROVE "SYSCALL that masks TF is no step, SYSRET that sets it is one"
    FORGET
    TRY64
    TO_LEVEL3_64 user
user:
    pushf
    orl $0x100, (%rsp)
    popf
    syscall
after_syscall:
    hlt
    FAULTS64 GP
    COUNT_IS 1
    DB_WAS 0, after_syscall, 0x4000
    cmpl $CODE3S, LOG + 8
    CHECK64 e

    PROVE "DR6 tells of this time only, but keeps BS"
    FORGET
    lea at1(%rip), %rax
    mov %rax, %dr0
    mov $0x4006, %eax
    mov %rax, %dr6
    SET_DR7 DR7_CODE0
at1:
    nop
    COUNT_IS 1
    DB_WAS 0, at1, 0x4001
    SET_DR7 0

    PROVE "code after MOV SS: a breakpoint on AMD's processors, none on Intel's"
    FORGET
    xor %eax, %eax
    cpuid
    mov %ecx, %esi
    lea at2(%rip), %rax
    mov %rax, %dr0
    SET_DR7 DR7_CODE0
    mov %ss, %eax
    mov %eax, %ss
at2:
    nop
    SET_DR7 0
    cmp $0x444d4163, %esi
    jne 1f
    COUNT_IS 1
    jmp 2f
1:  COUNT_IS 0
2:

    PROVE "MOV SS from watched memory: the trap comes after the next instruction"
    FORGET
    movl $DATA0, SCRATCH
    mov $SCRATCH, %eax
    mov %rax, %dr0
    SET_DR7 DR7_R0_ANY4
    mov SCRATCH, %ss
    nop
at3:
    nop
    COUNT_IS 1
    DB_WAS 0, at3, 1
    PROVE "or where the handler of INT n begins"
    FORGET
    mov SCRATCH, %ss
    int $30
    COUNT_IS 1
    DB_WAS 0, on_interrupt, 1
    PROVE "and INT1 takes it along"
    FORGET
    mov SCRATCH, %ss
    .byte 0xf1
at4:
    COUNT_IS 1
    DB_WAS 0, at4, 0
    SET_DR7 0

    PROVE "bases take what is canonical for the processor, not for its mode"
    mov $7, %eax
    xor %ecx, %ecx
    cpuid
    mov %ecx, %esi
    mov $0xc0000100, %ecx
    mov $0xffaaaaaa, %edx
    xor %eax, %eax
    TRY64
    bt $16, %esi
    jnc 1f
    wrmsr
    mov $0xfeaaaaaa, %edx
1:  wrmsr
    FAULTS64 GP
    TRY64
    mov %fs:0, %al
    FAULTS64 GP
    PASS

/* Breakpoints on code are faults: RF lets them pass. */
on_debug:
    push %rax
    push %rbx
    imul $24, LOGGED, %ebx
    incl LOGGED
    mov 16(%rsp), %rax
    mov %rax, LOG(%rbx)
    mov 24(%rsp), %rax
    mov %rax, LOG + 8(%rbx)
    mov %dr6, %rax
    mov %rax, LOG + 16(%rbx)
    orl $0x10000, 32(%rsp)
    andl $~0x100, 32(%rsp)
    pop %rbx
    pop %rax
    iretq
on_interrupt:
    iretq
on_syscall:
    or $0x100, %r11
    sysretq

    HANDLERS64

#include "rom.inc"
