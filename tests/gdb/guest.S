# A bare-metal program for the tests of the gdb server: two harts, a call chain, variables, a loop.
# Built with symbols by tests/boot/test_gdb.py for 32 and 64 bit.
#if __riscv_xlen == 64
#define LOAD ld
#define STORE sd
#define WORD 8
#else
#define LOAD lw
#define STORE sw
#define WORD 4
#endif

    .section .text.start, "ax"
    .globl _start
_start:
    la      gp, stacks
    csrr    t0, mhartid
    addi    t1, t0, 1
    slli    t1, t1, 12
    add     sp, gp, t1
    la      t1, trap
    csrw    mtvec, t1
    bnez    t0, second
    call    main
forever:
    j       forever

# The second hart counts for ever.
    .globl second
second:
    la      s1, spins
1:  LOAD    a0, 0(s1)
    addi    a0, a0, 1
    STORE   a0, 0(s1)
    j       1b

trap:
    j       trap

    .bss
    .balign 16
stacks:
    .zero   3 * 4096
