/* Between the levels of the soft MMU. All of it runs on the vCPU's own thread. */
#ifndef ACCEL_TCG_TLB_PRIV_H
#define ACCEL_TCG_TLB_PRIV_H

#include "accel/tcg/tcg_priv.h"

/* --- first level: whatever takes entries from it goes through these and tlb_withdraw_*() --- */
void l1_clear_all(struct tcg_vcpu *v);
/* What belongs to one space. */
void l1_clear_local(struct tcg_vcpu *v);
/* Every piece of the mapping of 2^bits bytes around addr. */
void l1_clear_mapping(struct tcg_vcpu *v, gva addr, unsigned bits);

/* --- second level --- */
/* Forget all spaces, the current one too; at once, whatever the tables hold. */
void l2_forget_all(struct tcg_vcpu *v);
/* Make the address space of v->asid the current one. */
void l2_enter_space(struct tcg_vcpu *v);
/* Forget the entries of one space; enter it anew if it is the current one. */
void l2_forget_space(struct tcg_vcpu *v, uint32_t asid);
/* The entry of the page, or of its 2 MiB page, that allows access; NULL: none. */
const struct tcg_l2_entry *l2_find(struct tcg_vcpu *v, gva addr, enum guest_access access,
                                   unsigned idx);
/* Fill in *e from what l2_find() gave for addr. */
void l2_describe(struct tcg_vcpu *v, const struct tcg_l2_entry *k, gva addr, struct tlb_entry *e);
/* Keep *e for the page of addr; bits is TCG_PAGE_BITS, or TCG_LARGE_BITS when all of the large page
 * is alike. */
void l2_keep(struct tcg_vcpu *v, const struct tlb_entry *e, gva addr, unsigned idx, unsigned bits);
/* Forget the page's entries, of one space or of all. Returns log2 of the size of the largest
 * mapping around addr that was kept, or 0 when none of more than 4 KiB was. */
unsigned l2_forget_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid);

#endif
