/* System registers and system instructions by the numbers of their encoding. */
#ifndef TARGET_ARM_SYSREG_H
#define TARGET_ARM_SYSREG_H

#include "target/arm/cpu.h"

/* What MSR, MRS, SYS and SYSL have in bits 20..5. */
#define ARM_SYSREG(op0, op1, crn, crm, op2)                                                        \
    ((uint32_t)(op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
enum { ARM_SYSREG_OP1 = 7 << 11, ARM_SYSREG_CRN = 15 << 7, ARM_SYSREG_CRM = 15 << 3 };

#define ARM_SYSREG_NZCV      ARM_SYSREG(3, 3, 4, 2, 0)
#define ARM_SYSREG_DAIF      ARM_SYSREG(3, 3, 4, 2, 1)
#define ARM_SYSREG_FPCR      ARM_SYSREG(3, 3, 4, 4, 0)
#define ARM_SYSREG_FPSR      ARM_SYSREG(3, 3, 4, 4, 1)
#define ARM_SYSREG_CURRENTEL ARM_SYSREG(3, 0, 4, 2, 2)
#define ARM_SYSREG_SP_EL0    ARM_SYSREG(3, 0, 4, 1, 0)

enum arm_pstate_field {
    ARM_PSTATE_UAO,
    ARM_PSTATE_PAN,
    ARM_PSTATE_SPSEL,
    ARM_PSTATE_DAIFSET,
    ARM_PSTATE_DAIFCLR
};

/* Who may access a register: bits by exception level, readers and writers. */
enum {
    ARM_R0 = 1,
    ARM_W0 = 2,
    ARM_R1 = 4,
    ARM_W1 = 8,
    ARM_R2 = 16,
    ARM_W2 = 32,
    ARM_R3 = 64,
    ARM_W3 = 128,
    ARM_R3_UP = ARM_R3,
    ARM_R2_UP = ARM_R2 | ARM_R3,
    ARM_R1_UP = ARM_R1 | ARM_R2_UP,
    ARM_R0_UP = ARM_R0 | ARM_R1_UP,
    ARM_W3_UP = ARM_W3,
    ARM_W2_UP = ARM_W2 | ARM_W3,
    ARM_W1_UP = ARM_W1 | ARM_W2_UP,
    ARM_W0_UP = ARM_W0 | ARM_W1_UP,
    ARM_RW0 = ARM_R0_UP | ARM_W0_UP,
    ARM_RW1 = ARM_R1_UP | ARM_W1_UP,
    ARM_RW2 = ARM_R2_UP | ARM_W2_UP,
    ARM_RW3 = ARM_R3 | ARM_W3,
    ARM_RW1_R0 = ARM_RW1 | ARM_R0
};

/* What becomes of an access. */
enum arm_access {
    ARM_ALLOWED,
    ARM_UNDEFINED,
    ARM_TRAP_EL1,
    ARM_TRAP_EL2,
    ARM_TRAP_EL3,
    ARM_FP_TRAP_EL2, /* by the exception class of FP instructions */
    ARM_FP_TRAP_EL3
};

enum {
    ARM_REG_PLAIN = 1, /* nothing but storage of 64 bits, no traps but those of mode TRAPS */
    ARM_REG_VHE = 2,   /* with HCR_EL2.E2H, EL2 means its own by the EL1 name; has an _EL12 */
    ARM_REG_QUIET = 4, /* a write changes neither mode nor interrupts: the unit may go on */
    ARM_REG_NEEDS_EL2 = 8,
    ARM_REG_NEEDS_EL3 = 16,
    ARM_REG_NEEDS_GIC = 32,
    ARM_REG_READ_ACTS = 64 /* reading does something */
};

/* Fine-grained traps: a bit of the trap registers of a group; 0 is none. */
enum { ARM_FGT_SYSTEM = 64, ARM_FGT_DEBUG = 128, ARM_FGT_INSN = 192, ARM_FGT_BIT = 63 };

struct arm_sysreg {
    const char *name; /* as the manual has it */
    uint16_t key;
    uint16_t off; /* of 64 bits in struct arm_cpu, 0: none */
    uint8_t rights, flags;
    uint8_t feature; /* 1 + enum arm_feature it belongs to, 0: none */
    uint8_t fgt;
    uint8_t arg;           /* for the functions */
    uint64_t mask;         /* bits that a write changes, the rest stays as reset made it; 0: all */
    uint64_t hcr_r, hcr_w; /* bits of HCR_EL2 that trap reads and writes at EL1 (and EL0) */
    enum arm_access (*check)(const struct arm_cpu *cpu, const struct arm_sysreg *r, bool is_write);
    uint64_t (*read)(struct arm_cpu *cpu, const struct arm_sysreg *r);
    void (*write)(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val);
};

/* Tables, each ended by a row without a name. */
extern const struct arm_sysreg arm_sysregs_id[], arm_sysregs_el[], arm_sysregs_debug[],
    arm_sysregs_sys[], arm_sysregs_timer[], arm_sysregs_pmu[], arm_sysregs_gic[];

/* sysreg.c */
const struct arm_sysreg *arm_sysreg_find(uint32_t key);
/* Row n of all tables; NULL past the end. */
const struct arm_sysreg *arm_sysreg_row(size_t n);
/* Whether this processor has it at all. */
bool arm_sysreg_exists(const struct arm_cpu *cpu, const struct arm_sysreg *r);
/* The instruction's access with all checks, raising what they say; the pc slot is set. */
uint64_t arm_sysreg_read(struct arm_cpu *cpu, uint32_t key, unsigned rt);
void arm_sysreg_write(struct arm_cpu *cpu, uint32_t key, unsigned rt, uint64_t val);
/* For debuggers: without checks, but for registers that it would do something to read. */
bool arm_sysreg_peek(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t *val);
bool arm_sysreg_poke(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val);
/* Translation: the field behind a register that code of this mode reads or writes unchecked. */
bool arm_sysreg_is_plain(const struct arm_cpu *cpu, uint32_t key, uint32_t mode, bool is_write,
                         size_t *off);
bool arm_sysreg_ends_unit(uint32_t key);
/* The EL1 register, or with HCR_EL2.E2H at EL2 the EL2 one: which a read function's row means. */
uint64_t *arm_sysreg_field(struct arm_cpu *cpu, const struct arm_sysreg *r);

#endif
