/*
 * Regions: a loop head's loop, with the loops inside it, as one unit of IR, from translations of
 * its blocks.
 */
#ifndef TCG_REGION_H
#define TCG_REGION_H

#include "tcg/ir.h"

struct region_source {
    void *opaque;
    /* Translate at most n guest instructions from pc on into ir, behind what is there: the same way
     * each time. Only pcs in the head's page are asked for. */
    void (*translate)(void *opaque, struct ir *ir, uint64_t pc, unsigned n);
    /* The region's extent is known: what is translated from now on becomes part of it. */
    void (*chosen)(void *opaque);
    bool acyclic;     /* leave the region at every jump back */
    bool may_be_wide; /* the back end takes regions on vectors of 256 bits */
};

/* The IR for regions: its slots, written to all[nslots + TCG_HIDDEN_SLOTS] (the caller's, which
 * must outlive it), are the target's and hidden ones in struct tcg_env. */
struct ir *region_ir_new(const struct ir_slot *slots, unsigned nslots, struct ir_slot *all);
/* Build the region of the loop with this head in ir, which region_ir_new() made; false: head is in
 * no loop, or in one that a region cannot hold.  scratch is overwritten. */
bool region_build(struct ir *ir, struct ir *scratch, const struct region_source *source,
                  uint64_t head);

/* Whether IR for a wide region works on 256 bits, and holds nothing that knows no upper halves. */
bool region_is_worth_wide(const struct ir *ir);

#endif
