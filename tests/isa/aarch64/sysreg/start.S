/* Entry, vectors and the way into an exception level and back, for probe.c. */
    .text
    .globl _start, run, semihost
_start:
    ldr x0, =stack_top
    mov sp, x0
    ldr x0, =vec3
    msr vbar_el3, x0
    ldr x0, =vec2
    msr vbar_el2, x0
    ldr x0, =vec1
    msr vbar_el1, x0
    isb
    bl main
    b .
semihost:
    hlt #0xf000
    ret

/* run(SPSR, address, x0): go there from EL3.  The first exception leaves its level and ESR in `result`, x0 in `value`. */
run:
    stp x19, x20, [sp, #-96]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    ldr x3, =saved_sp
    mov x4, sp
    str x4, [x3]
    ldr x3, =result
    str xzr, [x3]
    msr spsr_el3, x0
    msr elr_el3, x1
    mov x0, x2
    mov x1, #0
    isb
    eret
.macro handler el
    .balign 2048
    .globl vec\el
vec\el:
    .rept 16
    .balign 128
    b h\el
    .endr
h\el:
    mrs x1, esr_el\el
    ldr x2, =result
    ldr x3, [x2]
    cbnz x3, 1f
    movz x4, #\el, lsl #32
    orr x1, x1, x4
    str x1, [x2]
1:
    .if \el == 3
    ldr x3, =saved_sp
    ldr x4, [x3]
    mov sp, x4
    ldr x1, =value
    str x0, [x1]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp x19, x20, [sp], #96
    ret
    .else
    smc #0x55
    b .
    .endif
    .ltorg
.endm
    handler 1
    handler 2
    handler 3
    .bss
    .balign 16
    .globl result, value, saved_sp
result: .quad 0
value: .quad 0
saved_sp: .quad 0
    .balign 4096
    .zero 16384
stack_top:
