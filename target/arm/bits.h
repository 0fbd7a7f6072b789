/* Fields of system registers.  Ref: the manual, D19 (AArch64 System register descriptions). */
#ifndef TARGET_ARM_BITS_H
#define TARGET_ARM_BITS_H

#include "util/bits.h"

/* SCTLR_ELx */
#define SCTLR_M       BIT64(0)
#define SCTLR_A       BIT64(1)
#define SCTLR_C       BIT64(2)
#define SCTLR_SA      BIT64(3)
#define SCTLR_SA0     BIT64(4)
#define SCTLR_CP15BEN BIT64(5)
#define SCTLR_NAA     BIT64(6)
#define SCTLR_NAA     BIT64(6)
#define SCTLR_ITD     BIT64(7)
#define SCTLR_SED     BIT64(8)
#define SCTLR_UMA     BIT64(9)
#define SCTLR_ENRCTX  BIT64(10)
#define SCTLR_EOS     BIT64(11)
#define SCTLR_I       BIT64(12)
#define SCTLR_ENDB    BIT64(13)
#define SCTLR_DZE     BIT64(14)
#define SCTLR_UCT     BIT64(15)
#define SCTLR_NTWI    BIT64(16)
#define SCTLR_NTWE    BIT64(18)
#define SCTLR_WXN     BIT64(19)
#define SCTLR_TSCXT   BIT64(20)
#define SCTLR_IESB    BIT64(21)
#define SCTLR_EIS     BIT64(22)
#define SCTLR_SPAN    BIT64(23)
#define SCTLR_E0E     BIT64(24)
#define SCTLR_EE      BIT64(25)
#define SCTLR_UCI     BIT64(26)
#define SCTLR_ENDA    BIT64(27)
#define SCTLR_NTLSMD  BIT64(28)
#define SCTLR_LSMAOE  BIT64(29)
#define SCTLR_ENIB    BIT64(30)
#define SCTLR_ENIA    BIT64(31)
#define SCTLR_CMOW    BIT64(32)
#define SCTLR_MSCEN   BIT64(33)
#define SCTLR_BT0     BIT64(35)
#define SCTLR_BT1     BIT64(36)
#define SCTLR_DSSBS   BIT64(44)
#define SCTLR_EPAN    BIT64(57)

/* HCR_EL2 */
#define HCR_VM     BIT64(0)
#define HCR_SWIO   BIT64(1)
#define HCR_PTW    BIT64(2)
#define HCR_FMO    BIT64(3)
#define HCR_IMO    BIT64(4)
#define HCR_AMO    BIT64(5)
#define HCR_VF     BIT64(6)
#define HCR_VI     BIT64(7)
#define HCR_VSE    BIT64(8)
#define HCR_FB     BIT64(9)
#define HCR_DC     BIT64(12)
#define HCR_TWI    BIT64(13)
#define HCR_TWE    BIT64(14)
#define HCR_TID0   BIT64(15)
#define HCR_TID1   BIT64(16)
#define HCR_TID2   BIT64(17)
#define HCR_TID3   BIT64(18)
#define HCR_TSC    BIT64(19)
#define HCR_TIDCP  BIT64(20)
#define HCR_TACR   BIT64(21)
#define HCR_TSW    BIT64(22)
#define HCR_TPCP   BIT64(23)
#define HCR_TPU    BIT64(24)
#define HCR_TTLB   BIT64(25)
#define HCR_TVM    BIT64(26)
#define HCR_TGE    BIT64(27)
#define HCR_TDZ    BIT64(28)
#define HCR_HCD    BIT64(29)
#define HCR_TRVM   BIT64(30)
#define HCR_RW     BIT64(31)
#define HCR_CD     BIT64(32)
#define HCR_ID     BIT64(33)
#define HCR_E2H    BIT64(34)
#define HCR_TLOR   BIT64(35)
#define HCR_TERR   BIT64(36)
#define HCR_TEA    BIT64(37)
#define HCR_APK    BIT64(40)
#define HCR_API    BIT64(41)
#define HCR_FWB    BIT64(46)
#define HCR_FIEN   BIT64(47)
#define HCR_TID4   BIT64(49)
#define HCR_TICAB  BIT64(50)
#define HCR_TOCU   BIT64(52)
#define HCR_ENSCXT BIT64(53)
#define HCR_TTLBIS BIT64(54)
#define HCR_TTLBOS BIT64(55)

#define HCRX_MSCEN BIT64(11) /* HCRX_EL2 */

/* SCR_EL3 */
#define SCR_NS     BIT64(0)
#define SCR_IRQ    BIT64(1)
#define SCR_FIQ    BIT64(2)
#define SCR_EA     BIT64(3)
#define SCR_SMD    BIT64(7)
#define SCR_HCE    BIT64(8)
#define SCR_SIF    BIT64(9)
#define SCR_RW     BIT64(10)
#define SCR_ST     BIT64(11)
#define SCR_TWI    BIT64(12)
#define SCR_TWE    BIT64(13)
#define SCR_TLOR   BIT64(14)
#define SCR_TERR   BIT64(15)
#define SCR_APK    BIT64(16)
#define SCR_API    BIT64(17)
#define SCR_EASE   BIT64(19)
#define SCR_NMEA   BIT64(20)
#define SCR_FIEN   BIT64(21)
#define SCR_ENSCXT BIT64(25)
#define SCR_FGTEN  BIT64(27)
#define SCR_ECVEN  BIT64(28)
#define SCR_HXEN   BIT64(38)

/* CPTR_EL2 (E2H 0), CPTR_EL3 */
#define CPTR_TFP   BIT64(10)
#define CPTR_TTA   BIT64(20) /* E2H 0, CPTR_EL3 */
#define CPTR_TCPAC BIT64(31)
#define CPACR_TTA  BIT64(28) /* CPACR_EL1, CPTR_EL2 with E2H */
enum { CPACR_FPEN_SHIFT = 20 };

/* TCR_ELx: of EL1 and EL2&0, and where EL2's and EL3's differ. */
#define TCR_EPD0  BIT64(7)
#define TCR_A1    BIT64(22)
#define TCR_EPD1  BIT64(23)
#define TCR_AS    BIT64(36)
#define TCR_TBI0  BIT64(37)
#define TCR_TBI1  BIT64(38)
#define TCR_HA    BIT64(39)
#define TCR_HD    BIT64(40)
#define TCR_HPD0  BIT64(41)
#define TCR_HPD1  BIT64(42)
#define TCR_TBID0 BIT64(51)
#define TCR_TBID1 BIT64(52)
#define TCR_NFD0  BIT64(53)
#define TCR_NFD1  BIT64(54)
#define TCR_E0PD0 BIT64(55)
#define TCR_E0PD1 BIT64(56)
#define TCR_DS    BIT64(59)
#define TCR2_TBI  BIT64(20)
#define TCR2_HA   BIT64(21)
#define TCR2_HD   BIT64(22)
#define TCR2_HPD  BIT64(24)
#define TCR2_TBID BIT64(29)
#define TCR2_DS   BIT64(32)

/* FPCR and FPSR; FPSCR is both. */
#define FPCR_AHP    (1u << 26)
#define FPCR_DN     (1u << 25)
#define FPCR_FZ     (1u << 24)
#define FPCR_FZ16   (1u << 19)
#define FPCR_STRIDE (3u << 20)
#define FPCR_LEN    (7u << 16)
#define FPSR_QC     (1u << 27)
#define FPSR_IDC    (1u << 7)
#define FPSR_IXC    (1u << 4)
#define FPSR_UFC    (1u << 3)
#define FPSR_OFC    (1u << 2)
#define FPSR_DZC    (1u << 1)
#define FPSR_IOC    (1u << 0)
enum { FPCR_RMODE_SHIFT = 22 };

/* MDSCR_EL1, MDCR_EL2, MDCR_EL3 */
#define MDSCR_SS    BIT64(0)
#define MDSCR_MOE   MASK64(2, 4) /* DBGDSCR.MOE */
#define MDSCR_TDCC  BIT64(12)
#define MDSCR_KDE   BIT64(13)
#define MDSCR_MDE   BIT64(15)
#define MDCR2_TPMCR BIT64(5)
#define MDCR2_TPM   BIT64(6)
#define MDCR2_HPME  BIT64(7)
#define MDCR2_TDE   BIT64(8)
#define MDCR2_TDA   BIT64(9)
#define MDCR2_TDOSA BIT64(10)
#define MDCR2_TDRA  BIT64(11)
#define MDCR2_HPMD  BIT64(17)
#define MDCR2_TTRF  BIT64(19)
#define MDCR2_HCCD  BIT64(23)
#define MDCR2_HLP   BIT64(26)
#define MDCR2_TDCC  BIT64(27)
#define MDCR3_TPM   BIT64(6)
#define MDCR3_TDA   BIT64(9)
#define MDCR3_TDOSA BIT64(10)
#define MDCR3_SDD   BIT64(16)
#define MDCR3_SPME  BIT64(17)
#define MDCR3_TTRF  BIT64(19)
#define MDCR3_SCCD  BIT64(23)
#define MDCR3_TDCC  BIT64(27)

/* SPSR_ELx: fields of AArch64 and of AArch32 state. */
#define SPSR_NZCV   0xf0000000u
#define SPSR_Q      (1u << 27)
#define SPSR_TCO    (1u << 25)
#define SPSR_DIT    (1u << 24)
#define SPSR_UAO    (1u << 23)
#define SPSR_PAN    (1u << 22)
#define SPSR_SS     (1u << 21)
#define SPSR_IL     (1u << 20)
#define SPSR_SSBS   (1u << 12)
#define SPSR_SSBS32 (1u << 23)
#define SPSR_E      (1u << 9)
#define SPSR_T      (1u << 5)
#define SPSR_NRW    (1u << 4)
enum { SPSR_BTYPE_SHIFT = 10, SPSR_DAIF_SHIFT = 6, SPSR_EL_SHIFT = 2, SPSR_GE_SHIFT = 16 };

/* PSTATE.DAIF as ps.daif holds it. */
enum { DAIF_F = 1, DAIF_I = 2, DAIF_A = 4, DAIF_D = 8 };

/* Modes of AArch32: M[4:0]. */
enum {
    A32_USR = 0x10,
    A32_FIQ = 0x11,
    A32_IRQ = 0x12,
    A32_SVC = 0x13,
    A32_MON = 0x16,
    A32_ABT = 0x17,
    A32_HYP = 0x1a,
    A32_UND = 0x1b,
    A32_SYS = 0x1f
};

/* Exception classes.  Ref: the manual, ESR_ELx.EC. */
enum arm_ec {
    ARM_EC_UNKNOWN = 0x00,
    ARM_EC_WFX = 0x01,
    ARM_EC_CP15 = 0x03,
    ARM_EC_CP15_64 = 0x04,
    ARM_EC_CP14 = 0x05,
    ARM_EC_CP14_LDC = 0x06,
    ARM_EC_FP = 0x07,
    ARM_EC_PAUTH = 0x09,
    ARM_EC_CP14_64 = 0x0c,
    ARM_EC_BTI = 0x0d,
    ARM_EC_ILLEGAL = 0x0e,
    ARM_EC_SVC32 = 0x11,
    ARM_EC_HVC32 = 0x12,
    ARM_EC_SMC32 = 0x13,
    ARM_EC_SVC = 0x15,
    ARM_EC_HVC = 0x16,
    ARM_EC_SMC = 0x17,
    ARM_EC_SYSREG = 0x18,
    ARM_EC_ERET = 0x1a,
    ARM_EC_FPAC = 0x1c,
    ARM_EC_INSN_LOWER = 0x20,
    ARM_EC_INSN_SAME = 0x21,
    ARM_EC_PC_ALIGN = 0x22,
    ARM_EC_DATA_LOWER = 0x24,
    ARM_EC_DATA_SAME = 0x25,
    ARM_EC_SP_ALIGN = 0x26,
    ARM_EC_MOPS = 0x27,
    ARM_EC_FP_EXC32 = 0x28,
    ARM_EC_FP_EXC = 0x2c,
    ARM_EC_SERROR = 0x2f,
    ARM_EC_BREAK_LOWER = 0x30,
    ARM_EC_BREAK_SAME = 0x31,
    ARM_EC_STEP_LOWER = 0x32,
    ARM_EC_STEP_SAME = 0x33,
    ARM_EC_WATCH_LOWER = 0x34,
    ARM_EC_WATCH_SAME = 0x35,
    ARM_EC_BKPT32 = 0x38,
    ARM_EC_VECTOR32 = 0x3a,
    ARM_EC_BRK = 0x3c
};
#define ESR_EC_SHIFT 26
#define ESR_IL       (1u << 25)
#define ESR_ISV      (1u << 24)
#define ESR(ec, iss) ((uint32_t)(ec) << ESR_EC_SHIFT | ESR_IL | (uint32_t)(iss))
static inline unsigned esr_ec(uint32_t esr)
{
    return esr >> ESR_EC_SHIFT;
}

/* Fault status codes of aborts (xFSC), and what guest_walk.cause holds besides. */
enum {
    FSC_ADDRESS_SIZE = 0x00, /* these with the level in bits 1..0 */
    FSC_TRANSLATION = 0x04,
    FSC_ACCESS_FLAG = 0x08,
    FSC_PERMISSION = 0x0c,
    FSC_EXTERNAL = 0x10,
    FSC_EXTERNAL_WALK = 0x14,
    FSC_ALIGNMENT = 0x21,
    FSC_DEBUG = 0x22,
    FSC_TLB_CONFLICT = 0x30,
    FSC_LEVEL_MINUS1_WALK = 0x13,
    FSC_LEVEL_MINUS1_SIZE = 0x29,
    FSC_LEVEL_MINUS1_TRANSLATION = 0x2b,
    CAUSE_STAGE2 = 1 << 8,
    CAUSE_S1PTW = 1 << 9,  /* stage 2 fault of a stage 1 table walk */
    CAUSE_WNR = 1 << 10,   /* counts as a write whatever the access */
    CAUSE_WATCH = 1 << 12, /* not a fault: a watchpoint */
    CAUSE_CM = 1 << 11     /* of a cache maintenance or AT instruction */
};

/* A synchronous external abort of a table walk. */
static inline bool fsc_is_external_walk(uint32_t fsc)
{
    return (fsc & 0x3c) == FSC_EXTERNAL_WALK || fsc == FSC_LEVEL_MINUS1_WALK;
}

#endif
