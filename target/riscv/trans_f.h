/* F registers and rounding, for the translation of F, D, Zfh and Zfa. */
#ifndef TARGET_RISCV_TRANS_F_H
#define TARGET_RISCV_TRANS_F_H

#include "target/riscv/trans.h"

/* How an instruction is to be done. */
enum fp_way {
    FP_ILLEGAL, /* reserved rounding mode */
    FP_DONE,    /* the unit ends before it, to be entered again with mstatus.FS dirty */
    FP_NATIVE,  /* IR operations, under the vCPU's own rounding mode */
    FP_SOFT,    /* the helper */
};

/* Rounding mode that an rm field means now, or -1: reserved. */
int fp_round(const struct dis *d, int rm);
/* The rounding mode IR operations use: the vCPU's, whose image has RNE in place of what hosts lack.
 */
unsigned fp_native_round(const struct dis *d);
/* Call first in instructions that write FP state: true when the unit has ended so that FS becomes
 * dirty. */
bool fp_dirty(struct dis *d);
/* All of this for an instruction of a format that rounds to *rm. */
enum fp_way fp_begin(struct dis *d, int fmt, int rm_field, unsigned *rm);

/* F registers: fp_get and fp_set as values of a format (S and D), fp_bits and fp_set_bits as the 64
 * bits that they hold. */
ir_val fp_get(struct dis *d, int fmt, int n);
void fp_set(struct dis *d, int fmt, int n, ir_val v);
ir_val fp_bits(struct dis *d, int n);
void fp_set_bits(struct dis *d, int n, ir_val bits);
/* The last argument of a helper. */
ir_val fp_how(struct dis *d, int fmt, unsigned rm, unsigned aux);

#endif
