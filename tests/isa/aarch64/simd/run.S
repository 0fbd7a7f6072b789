/* void run_code(const void *code, struct state *s): the instruction at code, between loads and stores of its state. */
        .global run_code
run_code:
        stp     x29, x30, [sp, -16]!
        stp     x19, x20, [sp, -16]!
        stp     d8, d9, [sp, -16]!
        stp     d10, d11, [sp, -16]!
        stp     d12, d13, [sp, -16]!
        stp     d14, d15, [sp, -16]!
        mov     x19, x1
        mov     x20, x0
        movi    v0.2d, 0
        movi    v5.2d, 0
        movi    v6.2d, 0
        movi    v7.2d, 0
        movi    v8.2d, 0
        movi    v9.2d, 0
        movi    v10.2d, 0
        movi    v11.2d, 0
        movi    v12.2d, 0
        movi    v13.2d, 0
        movi    v14.2d, 0
        movi    v15.2d, 0
        movi    v16.2d, 0
        movi    v17.2d, 0
        movi    v18.2d, 0
        movi    v19.2d, 0
        movi    v20.2d, 0
        movi    v21.2d, 0
        movi    v22.2d, 0
        movi    v23.2d, 0
        movi    v24.2d, 0
        movi    v25.2d, 0
        movi    v26.2d, 0
        movi    v27.2d, 0
        movi    v28.2d, 0
        movi    v29.2d, 0
        movi    v30.2d, 0
        movi    v31.2d, 0
        ldp     q1, q2, [x19]
        ldp     q3, q4, [x19, 32]
        ldr     x0, [x19, 80]
        msr     nzcv, x0
        ldr     x0, [x19, 88]
        msr     fpcr, x0
        ldr     x0, [x19, 96]
        msr     fpsr, x0
        ldp     x1, x2, [x19, 64]
        isb
        blr     x20
        stp     q1, q2, [x19]
        stp     q3, q4, [x19, 32]
        stp     x1, x2, [x19, 64]
        mrs     x0, nzcv
        str     x0, [x19, 80]
        mrs     x0, fpsr
        str     x0, [x19, 96]
        msr     fpcr, xzr
        msr     fpsr, xzr
        ldp     d14, d15, [sp], 16
        ldp     d12, d13, [sp], 16
        ldp     d10, d11, [sp], 16
        ldp     d8, d9, [sp], 16
        ldp     x19, x20, [sp], 16
        ldp     x29, x30, [sp], 16
        ret
        .section .note.GNU-stack, "", %progbits
