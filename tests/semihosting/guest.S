    .section .text.start, "ax"
    .globl _start
_start:
    la      sp, stack
    la      t0, trap
    csrw    mtvec, t0
    call    main
trap:
    j       trap

    .bss
    .balign 16
    .zero   16384
stack:
