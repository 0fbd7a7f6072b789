/* The guest of kvm.c: speaks by a register, takes an interrupt of its virtual timer, touches new pages, powers off. */
    .globl _start
_start:
    adr x0, vectors
    msr vbar_el1, x0
    mov x1, #0x10000000
    adr x2, msg
1: ldrb w0, [x2], #1
    cbz w0, 2f
    strb w0, [x1]
    b 1b
2:  // the distributor
    ldr x3, =0x08000000
    mov w0, #0x12
    str w0, [x3]
    ldr x3, =0x080b0000    // the page of private interrupts
    mov w0, #-1
    str w0, [x3, #0x80]
    ldr w0, =1<<27
    str w0, [x3, #0x100]
    mov x0, #0xf0
    msr s3_0_c4_c6_0, x0
    mov x0, #1
    msr s3_0_c12_c12_7, x0
    isb
    mrs x0, cntvct_el0
    ldr x4, =100000
    add x0, x0, x4
    msr cntv_cval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    isb
    msr daifclr, #2
3: wfi
    b 3b
    .balign 2048
vectors:
    .rept 16
    .balign 128
    b irq
    .endr
irq:
    mrs x5, s3_0_c12_c12_0
    msr cntv_ctl_el0, xzr
    msr s3_0_c12_c12_1, x5
    add w0, w5, #'A' - 27
    strb w0, [x1]
 // touch memory over pages for stage 2 faults
    ldr x6, =0x41000000
    mov x7, #64
4: str x7, [x6]
    add x6, x6, #4096
    subs x7, x7, #1
    b.ne 4b
    ldr x0, =0x84000008
    hvc #0
    b .
msg: .asciz "hello from the guest: "
