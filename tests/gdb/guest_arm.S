// The same for Arm: a bare-metal program for the tests of the gdb server, for AArch64 and AArch32.  The second
// processor is switched on by PSCI.
#define CPU_ON_64  0xc4000003
#define CPU_ON_32  0x84000003
#define SYSTEM_OFF 0x84000008
#define FPEN (3 << 20)

    .section .text.start, "ax"
    .globl _start, second, power_off
#ifdef __aarch64__
_start:
    ldr     x1, =stacks + 4096
    mov     sp, x1
    mov     x1, #FPEN
    msr     cpacr_el1, x1
    adr     x1, trap
    msr     vbar_el1, x1
    isb
    ldr     x0, =CPU_ON_64
    mov     x1, #1
    ldr     x2, =second
    hvc     #0
    bl      main
1:  b       1b

// The second processor counts for ever.
second:
    ldr     x19, =spins
1:  ldr     x0, [x19]
    add     x0, x0, #1
    str     x0, [x19]
    b       1b

power_off:
    ldr     x0, =SYSTEM_OFF
    hvc     #0
    b       .

    .balign 2048
trap:
    b       trap
#else
    .arch   armv7ve
    .arm
_start:
    ldr     sp, =stacks + 4096
    mrc     p15, 0, r1, c1, c0, 2
    orr     r1, r1, #0xf00000
    mcr     p15, 0, r1, c1, c0, 2
    isb
    mov     r1, #0x40000000
    .fpu    neon
    vmsr    fpexc, r1
    ldr     r0, =CPU_ON_32
    mov     r1, #1
    ldr     r2, =second
    hvc     #0
    bl      main
1:  b       1b

second:
    ldr     r4, =spins
1:  ldr     r0, [r4]
    add     r0, r0, #1
    str     r0, [r4]
    b       1b

power_off:
    ldr     r0, =SYSTEM_OFF
    hvc     #0
    b       .
#endif

    .ltorg
    .section .note.GNU-stack, "", %progbits
    .bss
    .balign 16
stacks:
    .zero   2 * 4096
