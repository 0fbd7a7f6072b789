/* CSR numbers, fields and causes.  Ref: RISC-V Instruction Set Manual, Volume II, 20240411
 * (Priv. 1.13), chapters 2 to 4. */
#ifndef TARGET_RISCV_CSR_H
#define TARGET_RISCV_CSR_H

#include <stdint.h>

enum rv_csr_num {
    CSR_FFLAGS = 0x001,
    CSR_FRM,
    CSR_FCSR,
    CSR_SSTATUS = 0x100,
    CSR_SIE = 0x104,
    CSR_STVEC,
    CSR_SCOUNTEREN,
    CSR_SENVCFG = 0x10a,
    CSR_SSTATEEN0 = 0x10c,
    CSR_SSTATEEN3 = 0x10f,
    CSR_SIEH = 0x114,
    CSR_SSCRATCH = 0x140,
    CSR_SEPC,
    CSR_SCAUSE,
    CSR_STVAL,
    CSR_SIP,
    CSR_STIMECMP = 0x14d,
    CSR_SISELECT = 0x150,
    CSR_SIREG,
    CSR_SIPH = 0x154,
    CSR_STOPEI = 0x15c,
    CSR_STIMECMPH,
    CSR_SATP = 0x180,
    CSR_MSTATUS = 0x300,
    CSR_MISA,
    CSR_MEDELEG,
    CSR_MIDELEG,
    CSR_MIE,
    CSR_MTVEC,
    CSR_MCOUNTEREN,
    CSR_MVIEN = 0x308,
    CSR_MVIP,
    CSR_MENVCFG = 0x30a,
    CSR_MSTATEEN0 = 0x30c,
    CSR_MSTATEEN3 = 0x30f,
    CSR_MSTATUSH = 0x310,
    CSR_MEDELEGH = 0x312,
    CSR_MIDELEGH,
    CSR_MIEH,
    CSR_MVIENH = 0x318,
    CSR_MVIPH,
    CSR_MENVCFGH = 0x31a,
    CSR_MSTATEEN0H = 0x31c,
    CSR_MSTATEEN3H = 0x31f,
    CSR_MCOUNTINHIBIT = 0x320,
    CSR_MHPMEVENT3 = 0x323,
    CSR_MHPMEVENT31 = 0x33f,
    CSR_MSCRATCH = 0x340,
    CSR_MEPC,
    CSR_MCAUSE,
    CSR_MTVAL,
    CSR_MIP,
    CSR_MISELECT = 0x350,
    CSR_MIREG,
    CSR_MIPH = 0x354,
    CSR_MTOPEI = 0x35c,
    CSR_PMPCFG0 = 0x3a0,
    CSR_PMPCFG15 = 0x3af,
    CSR_PMPADDR0 = 0x3b0,
    CSR_PMPADDR63 = 0x3ef,
    CSR_MHPMEVENT3H = 0x723,
    CSR_MHPMEVENT31H = 0x73f,
    CSR_MSECCFG = 0x747,
    CSR_MSECCFGH = 0x757,
    CSR_TSELECT = 0x7a0,
    CSR_TDATA1,
    CSR_TDATA2,
    CSR_TDATA3,
    CSR_TINFO,
    CSR_MCYCLE = 0xb00,
    CSR_MINSTRET = 0xb02,
    CSR_MHPMCOUNTER3 = 0xb03,
    CSR_MHPMCOUNTER31 = 0xb1f,
    CSR_MCYCLEH = 0xb80,
    CSR_MINSTRETH = 0xb82,
    CSR_MHPMCOUNTER3H = 0xb83,
    CSR_MHPMCOUNTER31H = 0xb9f,
    CSR_CYCLE = 0xc00,
    CSR_TIME,
    CSR_INSTRET,
    CSR_HPMCOUNTER3,
    CSR_HPMCOUNTER31 = 0xc1f,
    CSR_CYCLEH = 0xc80,
    CSR_TIMEH,
    CSR_INSTRETH,
    CSR_HPMCOUNTER3H,
    CSR_HPMCOUNTER31H = 0xc9f,
    CSR_MVENDORID = 0xf11,
    CSR_MARCHID,
    CSR_MIMPID,
    CSR_MHARTID,
    CSR_MCONFIGPTR,
    CSR_STOPI = 0xdb0,
    CSR_MTOPI = 0xfb0,
    CSR_COUNT = 0x1000,
};

/* Fields, as masks for field_get() and field_set(). */
#define MSTATUS_SIE  (UINT64_C(1) << 1)
#define MSTATUS_MIE  (UINT64_C(1) << 3)
#define MSTATUS_SPIE (UINT64_C(1) << 5)
#define MSTATUS_MPIE (UINT64_C(1) << 7)
#define MSTATUS_SPP  (UINT64_C(1) << 8)
#define MSTATUS_MPP  (UINT64_C(3) << 11)
#define MSTATUS_FS   (UINT64_C(3) << 13)
#define MSTATUS_MPRV (UINT64_C(1) << 17)
#define MSTATUS_SUM  (UINT64_C(1) << 18)
#define MSTATUS_MXR  (UINT64_C(1) << 19)
#define MSTATUS_TVM  (UINT64_C(1) << 20)
#define MSTATUS_TW   (UINT64_C(1) << 21)
#define MSTATUS_TSR  (UINT64_C(1) << 22)
#define MSTATUS_UXL  (UINT64_C(3) << 32) /* RV64 only */
#define MSTATUS_SXL  (UINT64_C(3) << 34) /* RV64 only */
enum { FS_OFF, FS_INITIAL, FS_CLEAN, FS_DIRTY };
enum { XL_64 = 2 };

#define ENVCFG_FIOM  UINT64_C(1)
#define ENVCFG_CBIE  (UINT64_C(3) << 4)
#define ENVCFG_CBCFE (UINT64_C(1) << 6)
#define ENVCFG_CBZE  (UINT64_C(1) << 7)
#define ENVCFG_ADUE  (UINT64_C(1) << 61)
#define ENVCFG_PBMTE (UINT64_C(1) << 62)
#define ENVCFG_STCE  (UINT64_C(1) << 63)

#define STATEEN_IMSIC  (UINT64_C(1) << 58)
#define STATEEN_AIA    (UINT64_C(1) << 59)
#define STATEEN_CSRIND (UINT64_C(1) << 60)
#define STATEEN_ENVCFG (UINT64_C(1) << 62)
#define STATEEN_SE     (UINT64_C(1) << 63)

#define SATP32_MODE (UINT64_C(1) << 31)
#define SATP32_ASID (UINT64_C(0x1ff) << 22)
#define SATP32_PPN  UINT64_C(0x3fffff)
#define SATP64_MODE (UINT64_C(15) << 60)
#define SATP64_ASID (UINT64_C(0xffff) << 44)
#define SATP64_PPN  UINT64_C(0xfffffffffff)
enum { SATP_BARE, SATP_SV32 = 1, SATP_SV39 = 8, SATP_SV48 = 9, SATP_SV57 = 10 };

enum { COUNTER_CY = 1 << 0, COUNTER_TM = 1 << 1, COUNTER_IR = 1 << 2 };

enum rv_irq_bit {
    IRQ_SSI = 1 << 1,
    IRQ_MSI = 1 << 3,
    IRQ_STI = 1 << 5,
    IRQ_MTI = 1 << 7,
    IRQ_SEI = 1 << 9,
    IRQ_MEI = 1 << 11,
    IRQ_S = IRQ_SSI | IRQ_STI | IRQ_SEI,
    IRQ_M = IRQ_MSI | IRQ_MTI | IRQ_MEI,
};

/* mcause and scause without the interrupt bit. Ref: Priv. table 14. */
enum rv_cause {
    CAUSE_FETCH_MISALIGNED,
    CAUSE_FETCH_ACCESS,
    CAUSE_ILLEGAL,
    CAUSE_BREAKPOINT,
    CAUSE_LOAD_MISALIGNED,
    CAUSE_LOAD_ACCESS,
    CAUSE_STORE_MISALIGNED,
    CAUSE_STORE_ACCESS,
    CAUSE_ECALL_U,
    CAUSE_ECALL_S,
    CAUSE_ECALL_M = 11,
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_STORE_PAGE = 15,
};

enum { PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_A = 3 << 3, PMP_L = 0x80 };
enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

#endif
