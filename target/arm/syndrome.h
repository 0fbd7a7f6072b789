/*
 * Exception syndromes that translation knows: ESR_ELx with class (EC) in place.
 *
 * Ref: DDI 0487, D24.2.40 (ESR_EL1).
 */
#ifndef TARGET_ARM_SYNDROME_H
#define TARGET_ARM_SYNDROME_H

#include <stdint.h>

#define SYN_EC(ec) ((uint32_t)(ec) << 26)
#define SYN_IL     (UINT32_C(1) << 25) /* a 32-bit instruction */

#define EC_UNKNOWN       SYN_EC(0x00)
#define EC_FP_TRAP       SYN_EC(0x07)
#define EC_SVC32         SYN_EC(0x11)
#define EC_BKPT32        SYN_EC(0x38)
#define EC_BTI           SYN_EC(0x0d)
#define EC_ILLEGAL_STATE SYN_EC(0x0e)
#define EC_PAC_FAIL      SYN_EC(0x1c)
#define EC_PC_ALIGNMENT  SYN_EC(0x22)
#define EC_SP_ALIGNMENT  SYN_EC(0x26)

/* An FP instruction from AArch64: CV set, COND 0b1110. */
#define SYN_FP_TRAP (EC_FP_TRAP | SYN_IL | UINT32_C(0x1e) << 20)

#endif
