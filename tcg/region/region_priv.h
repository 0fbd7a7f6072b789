/* Inside of the region tier: the control flow of a hot loop, and the memory streams of its loops.
 */
#ifndef TCG_REGION_REGION_PRIV_H
#define TCG_REGION_REGION_PRIV_H

#include "tcg/backend.h"
#include "tcg/ir_priv.h"
#include "tcg/region.h"

#include <glib.h>
#include <string.h>

enum {
    FLOW_MAX_INSNS = 256,
    FLOW_MAX_BLOCKS = 48,
    LOOP_MAX_STREAMS = 8,
    LOOP_MAX_RANGES = 6,
    AFFINE_MAX_TERMS = 3,
    FLOW_BLOCK_INSNS = 64,
    NO_BLOCK = -1
};

enum { PAGE_BYTES = 1 << TCG_PAGE_BITS };
#define PAGE_MASK (~(uint64_t)(PAGE_BYTES - 1))

/* Whether an instruction has done something when it has come behind this op of its own. */
bool region_has_effect(const struct ir_op *op);
/* Whether no instruction begins in the ops from this one on: what instructions before do rarely. */
bool region_is_tail(const struct ir *ir, uint32_t from);

/* --- flow.c: which instructions belong together --- */
/* One guest instruction. */
struct flow_insn {
    uint64_t pc, next, target; /* next: where it goes on; target: where a branch goes if taken */
    bool branch;
    bool stop;   /* cannot be part of a region */
    bool leader; /* begins a block */
};
/* A basic block: n instructions from insns[first] on, which are linked by next. */
struct flow_block {
    uint64_t pc, last; /* of the first and the last instruction */
    unsigned n;
    int succ[2]; /* where it goes on, where its branch goes; or NO_BLOCK: out of the region */
    int loop;    /* innermost loop, or -1 */
    unsigned depth;
    bool in_region;
    bool branches; /* ends with a conditional branch */
    unsigned rpo;  /* place in reverse postorder */
};
struct flow_loop {
    int head;
    uint64_t body; /* bits of blocks */
    bool innermost;
    bool clean; /* entered at its head only */
};
struct flow {
    struct flow_insn insns[FLOW_MAX_INSNS];
    unsigned ninsns;
    struct flow_block blocks[FLOW_MAX_BLOCKS]; /* the first is the head */
    unsigned nblocks;
    struct flow_loop loops[2 * FLOW_MAX_BLOCKS];
    unsigned nloops;
    unsigned rpo[FLOW_MAX_BLOCKS], nrpo;
};
/* Add the instructions of a unit that was translated from pc; where to look further goes to *work.
 * False: too many. */
bool flow_add_unit(struct flow *f, const struct ir *ir, GArray *work);
/* The instruction at pc, or NULL. */
struct flow_insn *flow_insn_at(struct flow *f, uint64_t pc);
/* Blocks and loops of what is strongly connected with the instruction at head; false: it is in no
 * loop, or there are too many blocks. */
bool flow_form(struct flow *f, uint64_t head);

/* --- stream.c: how the addresses of a loop's accesses advance --- */
/* constant + sum of coefficient * slot + something from 0 to reach. */
struct affine {
    int64_t c, reach;
    unsigned n;
    struct {
        unsigned slot;
        bool low; /* the low 32 bits of the slot, unsigned */
        int64_t coef;
    } t[AFFINE_MAX_TERMS];
    bool narrow;   /* some slot was sign-extended from 32 bits */
    int64_t least; /* what was added to the low halves inside, if negative */
};
/* Accesses of an innermost loop to [at + lo, at + hi), where at advances by stride each iteration.
 */
struct stream {
    struct affine at; /* c is 0 */
    int64_t lo, hi, stride;
    unsigned align, phase; /* at + phase must be a multiple of align, unless that is 0 */
    uint32_t memop;        /* MMU index; MO_WRITE */
    unsigned slot;         /* hidden slot of its addend */
};
struct streams {
    struct stream s[LOOP_MAX_STREAMS];
    unsigned n;
    /* Slots that the sums hold for only while they stay in a range, so that 32 bits do not wrap. */
    struct range {
        unsigned slot;
        bool low; /* [from, 2^31) for the low half; else [-2^30, 2^30) */
        int64_t from;
    } ranges[LOOP_MAX_RANGES];
    unsigned nranges;
    uint8_t of[512]; /* of each load and store, in order: its stream, or 0xff */
    unsigned naccess;
};
/* --- fast.c: what a loop that checks nothing allows --- */
/* A hidden slot that must hold the single which is boxed in a slot before the fast copy runs. */
struct preset {
    unsigned hidden, slot;
};
struct presets {
    struct preset p[8];
    unsigned n;
    unsigned single, last_single; /* hidden slots to give out: of singles */
};
/* Whether somebody may look at slots there: a way out, or an access that may miss. */
bool region_observes(const struct ir_op *op);
/* Improve a block, without its end so far, that jumps back to itself: singles that are not boxed
 * in every turn, sets that happen on the ways out only, no test for NaNs that nobody sees. */
void fast_improve(struct ir *ir, unsigned blk, struct presets *out);

/* --- dead.c --- */
/* Drop sets that nobody can see; the blocks are laid out. */
void dead_sets_drop(struct ir *ir);

/* --- lazy.c --- */
/* Packed flags are made late, and travel between blocks in hidden slots; the blocks are laid out.
 */
void flags_make_lazy(struct ir *ir);

/* --- stream.c, continued --- */
/* Find the streams of a loop whose blocks of ir are blocks[0..n), the head first. */
void streams_find(const struct ir *ir, const unsigned *blocks, unsigned n, struct streams *out);

#endif
