/* What reset sets of a processor and is no slot: system registers, segments, tables, MSRs. */
#ifndef TARGET_X86_STATE_H
#define TARGET_X86_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum x86_seg_reg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_SEGS };

/* Attributes as bits 8 to 23 of a descriptor's second word have them, in place. */
enum {
    X86_DESC_TYPE = 15 << 8,
    X86_DESC_A = 1 << 8,  /* accessed */
    X86_DESC_W = 1 << 9,  /* data: writable */
    X86_DESC_R = 1 << 9,  /* code: readable */
    X86_DESC_E = 1 << 10, /* data: expands down */
    X86_DESC_C = 1 << 10, /* code: conforming */
    X86_DESC_CODE = 1 << 11,
    X86_DESC_S = 1 << 12, /* code or data, not system */
    X86_DESC_DPL_SHIFT = 13,
    X86_DESC_P = 1 << 15,
    X86_DESC_AVL = 1 << 20,
    X86_DESC_L = 1 << 21, /* 64-bit code */
    X86_DESC_B = 1 << 22, /* D/B: 32 bits */
    X86_DESC_G = 1 << 23
};

/* A segment register with what was loaded with its selector (the "hidden part"). */
struct x86_segment {
    uint16_t selector;
    uint16_t pad;
    uint32_t attr;  /* X86_DESC_*; 0 with a null selector: not usable */
    uint32_t limit; /* in bytes, G applied */
    uint32_t pad2;
    uint64_t base;
};

/* Also the same in a form that translated code checks with one comparison: (uint32_t)(offset - low)
 * + size - 1 must be at most read or write, as signed 64-bit numbers. */
struct x86_bounds {
    uint32_t low; /* 0; of segments that expand down, limit + 1 */
    uint32_t pad;
    int64_t read, write, exec; /* -1: no such access at all */
};

struct x86_table {
    uint64_t base;
    uint32_t limit, pad;
};

struct x86_state {
    struct x86_segment seg[X86_SEGS], ldtr, tr;
    struct x86_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8; /* cr8: only where there is no local APIC */
    uint64_t pdpte[4];                /* PAE: as they were when CR3 was loaded */
    uint64_t dr[8];                   /* 4 and 5 are not used */
    uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, tsc_offset, tsc_aux, tsc_adjust, debugctl, spec_ctrl,
        feature_control;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_base[10], mtrr_mask[10];
    uint64_t mcg_status, mcg_ctl, mc_bank[10][4];
    uint64_t xcr0, xss, bndcfgs, apic_base, smbase, smi_count;
    uint64_t monitor, monitor_seen; /* MONITOR: linear address, what was there; 0: none */
    uint64_t io_restart_pc;         /* of the I/O instruction that came last: for RSM */
    uint32_t eflags; /* the bits that are neither in the flags slot nor DF: X86_EFLAGS_SYS */
    uint32_t pkru;
    /* x87 and MMX: the rest is in slots. */
    uint16_t fcw, pad3[3];
    uint32_t mxcsr; /* control bits; the exception flags live in the accelerator's FP environment */
    uint8_t cpl;
    bool smm, nmi_masked, nmi_pending, smi_pending, init_pending, sipi_pending, sipi_wait;
    uint8_t sipi_vector;
    bool shadow;    /* interrupts are held off until after the next instruction (STI, MOV SS) */
    bool shadow_ss; /* of MOV SS and POP SS: debug exceptions and NMI, too */
    bool a20_off, shutdown;  /* shutdown: a triple fault; the board resets */
    bool keep_rf;            /* IRET, a task switch: this instruction has loaded RF */
    bool was_halted;         /* SMI came in HLT */
    uint32_t db_pending;     /* bits of DR6: data and I/O breakpoints that this instruction hit */
    bool ferr_raised, ignne; /* FERR# is on; port 0xf0 was written: x87 instructions go on */
    uint16_t pad4;
    uint32_t io_last; /* size, direction and port as the state-save map has them; 0: none */
};

#endif
