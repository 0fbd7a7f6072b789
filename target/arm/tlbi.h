/* TLB invalidation, here and on the other processors. */
#ifndef TARGET_ARM_TLBI_H
#define TARGET_ARM_TLBI_H

#include "target/arm/cpu.h"

/* What is to go.  The TLB knows address spaces (ASID with VMID) and pages; a wider invalidation is
 * always allowed. */
enum arm_tlbi_kind { ARM_TLBI_ALL, ARM_TLBI_ASID, ARM_TLBI_PAGE, ARM_TLBI_RANGE };
struct arm_tlbi_op {
    uint8_t kind;
    uint8_t page_bits; /* of PAGE and RANGE: log2 of the granule */
    uint32_t asid;
    uint32_t pages; /* of RANGE: how many granules */
    gva addr;
};

/* Do it on this processor, and with broadcast ask all others to; DSB waits for them. */
void arm_tlbi(struct arm_cpu *cpu, struct arm_tlbi_op op, bool broadcast);
void arm_tlbi_init(struct arm_cpu *cpu);
void arm_tlbi_fini(struct arm_cpu *cpu);

#endif
