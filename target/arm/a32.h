/* AArch32 state: coprocessor registers, entry to exceptions; shared by translation and the
 * processor. */
#ifndef TARGET_ARM_A32_H
#define TARGET_ARM_A32_H

#include "accel/tcg/guest.h"
#include "target/arm/bits.h"
#include "target/arm/cpu.h"

#include <stdint.h>

/* Of helper_a32_get_banked(): for SRS, which may name the current mode's own. */
enum { A32_BANK_SRS = 1 << 8, A32_REG_SPSR = 16, A32_REG_ELR_HYP = 17 };

/* A register of coprocessor 14 or 15: by MCR and MRC, by MCRR and MRRC. */
#define A32_CP(cp, op1, crn, crm, op2)                                                             \
    ((uint32_t)(cp) << 16 | (uint32_t)(op1) << 12 | (uint32_t)(crn) << 8 | (uint32_t)(crm) << 4 |  \
     (uint32_t)(op2))
#define A32_CP64(cp, op1, crm) (A32_CP(cp, op1, 0, crm, 0) | A32_CP_64)
#define A32_CP_64              (UINT32_C(1) << 24)

/* SCTLR where it is not AArch64's; TTBCR. */
#define A32_SCTLR_V     BIT64(13)
#define A32_SCTLR_HA    BIT64(17)
#define A32_SCTLR_UWXN  BIT64(20)
#define A32_SCTLR_TRE   BIT64(28)
#define A32_SCTLR_AFE   BIT64(29)
#define A32_SCTLR_TE    BIT64(30)
#define A32_SCTLR_DSSBS BIT64(31)
#define A32_TTBCR_EAE   BIT64(31)
#define A32_TTBCR_PD0   BIT64(4)
#define A32_TTBCR_PD1   BIT64(5)
#define A32_NSACR_CP10  BIT64(10)
#define A32_FPEXC_EN    BIT64(30)

/* A fault status code that AArch64 state does not have. */
enum { FSC_DOMAIN = 0x3c };

enum arm_vector;

/* --- except_a32.c --- */
bool arm_el3_is_a32(const struct arm_cpu *cpu);
/* Index in arrays by exception level of the registers that AArch32 state banks by security: 3 for
 * the secure ones, 1 otherwise. */
unsigned arm_a32_bank(const struct arm_cpu *cpu);
/* The word of an instruction's mark: PSTATE.IT, and what its data aborts say: the ISS from bit
 * A32_MARK_ISS_LOW on. */
enum { A32_MARK_IT = 0xff, A32_MARK_ISS_SHIFT = 8, A32_MARK_ISS_LOW = 14 };
/* The ISS of a data abort that an instruction with this mark has to EL2; 0: it does not say. */
uint32_t arm_a32_fault_syndrome(struct arm_cpu *cpu, uint32_t mark);
/* The number that EL2 knows a register of the current mode by: that of AArch64, if it is there. */
unsigned arm_a32_register_view(struct arm_cpu *cpu, unsigned n);
/* The SPSR of a mode, NULL if it has none. */
uint64_t *arm_a32_spsr(struct arm_cpu *cpu, unsigned mode);
/* Where r8..r14 of a mode are now. */
uint64_t *arm_a32_banked(struct arm_cpu *cpu, unsigned mode, unsigned n);
/* Take a synchronous exception to el, which uses AArch32: by its syndrome as AArch64 has it; the pc
 * slot is the preferred return address, far that of an abort. */
void arm_a32_take_sync(struct arm_cpu *cpu, unsigned el, uint32_t esr, uint64_t far);
/* Of the vectors of PL1 modes in the current world. */
uint32_t arm_a32_vector_base(const struct arm_cpu *cpu);
void arm_a32_take_interrupt(struct arm_cpu *cpu, unsigned el, enum arm_vector vector);

/* DFSR or IFSR of a fault status code, in the format of long or of short descriptors. */
uint32_t arm_a32_fault_status(uint32_t fsc, bool is_long);

/* --- sysreg_a32.c --- */
/* For debuggers: a register of coprocessors 14 and 15 without checks; false: there is none. */
bool arm_a32_cp_peek(struct arm_cpu *cpu, uint32_t key, uint64_t *val);
bool arm_a32_cp_poke(struct arm_cpu *cpu, uint32_t key, uint64_t val);

/* An access to the register at cp_key by its AArch64 name may not be: raise what it says. */
enum arm_access;
void NORETURN arm_a32_refuse(struct arm_cpu *cpu, enum arm_access a, bool is_write);

/* --- sysreg_a32_alias.c: timers, performance monitors, interrupt controller --- */
/* Access by the AArch64 register of the same function; false: not one of these. */
bool arm_a32_alias_read(struct arm_cpu *cpu, uint32_t key, uint64_t *val);
bool arm_a32_alias_write(struct arm_cpu *cpu, uint32_t key, uint64_t val);
void arm_a32_tlbi_page(struct arm_cpu *cpu, uint32_t addr, bool everywhere);
void arm_a32_tlbi_asid(struct arm_cpu *cpu, uint32_t asid, bool everywhere);
void arm_a32_tlbi_all(struct arm_cpu *cpu, bool everywhere);

/* Stage 2 by AArch64's rules: the hypervisor uses AArch64.  As arm_a32_stage2(). */
bool arm_a32_stage2_of_a64(struct arm_cpu *cpu, uint64_t ipa, enum guest_access access,
                           struct guest_walk *out);
/* --- cpu_a32.c --- */
/* After a reset of a processor without AArch64: SVC (or HYP) mode, SCTLR and what differs. */
void arm_a32_reset(struct arm_cpu *cpu);
/* The same where firmware would have handed over to Linux in s.ps.el. */
void arm_a32_reset_boot(struct arm_cpu *cpu);
/* FPEXC.EN, NSACR: FP instructions are undefined whatever CPACR says. */
bool arm_a32_fp_is_off(const struct arm_cpu *cpu);
/* The EL1&0 regime in use has short descriptors; the address space then. */
bool arm_a32_is_short(const struct arm_cpu *cpu);
uint32_t arm_a32_asid(const struct arm_cpu *cpu);
/* --- mmu_a32.c --- */
/* Translation in a regime that uses AArch32, as guest_ops.walk. */
bool arm_a32_walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                  struct guest_walk *out);
/* An address translation instruction: what it asks for. */
struct arm_a32_at {
    uint32_t va;
    enum guest_access access;
    unsigned idx;
    bool stage1_only;
    bool nonsecure; /* the other world's PL1&0 regime, wherever it is executed */
};
/* What a translation of stage 1 ended at: nothing, without it. */
struct arm_a32_leaf {
    enum {
        A32_LEAF_NONE,
        A32_LEAF_SECTION,
        A32_LEAF_SUPERSECTION,
        A32_LEAF_LARGE_PAGE,
        A32_LEAF_PAGE,
        A32_LEAF_LONG
    } kind;
    uint64_t desc;
};
/* As arm_a32_walk(). */
bool arm_a32_translate_at(struct arm_cpu *cpu, const struct arm_a32_at *at, struct guest_walk *out,
                          struct arm_a32_leaf *leaf);
/* --- par_a32.c --- */
/* The instruction's answer for PAR; false: a fault to be raised, *cause. */
bool arm_a32_par(struct arm_cpu *cpu, const struct arm_a32_at *at, uint64_t *par, uint32_t *cause);
/* From intermediate to physical addresses; faults have no CAUSE_STAGE2 yet, cpu->fault.ipa is set.
 */
bool arm_a32_stage2(struct arm_cpu *cpu, uint64_t ipa, enum guest_access access,
                    struct guest_walk *out);
/* A PSCI call by an instruction of len bytes at the pc slot; false: none that is known. */
bool arm_a32_psci(struct arm_cpu *cpu, unsigned len);

#endif
