/* Floating-point status of an Arm processor, and what its FP helpers are told. */
#ifndef TARGET_ARM_FP_H
#define TARGET_ARM_FP_H

#include <stdint.h>

struct arm_cpu;

/* Raise enum fp_flag bits in FPSR, from a helper with FPENV. */
void arm_fp_accrue(struct arm_cpu *cpu, unsigned flags);

/* The integer side of a conversion: helper_fp_to_x, helper_fp_from_x. */
enum { FP_INT_FRACTION = 127, FP_INT_64 = 128, FP_INT_SIGNED = 256 };

#endif
