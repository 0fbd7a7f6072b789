/* A64: FEAT_MOPS, memory copy and memory set.  Ref: DDI 0487, C6.2 (CPYP and the like, SETP). */
#include "target/arm/a64.h"

/* Main parts and epilogues run again until nothing is left; meanwhile requests are served. */
static bool repeat(struct dis *d, int rn, unsigned stage)
{
    flags_forget(d);
    if (stage != MOPS_PROLOGUE)
        ir_exit_if(d->ir, gpr64(d, rn), imm64(d, 0), IR_NE, d->pc);
    return true;
}

static unsigned idx_of(const struct dis *d, bool unprivileged)
{
    return memop_idx(unprivileged ? d->mem_unpriv : d->mem);
}

static bool has_conflict(const struct args_mops *a)
{
    return a->rd == a->rs || a->rs == a->rn || a->rd == a->rn || a->rd == 31 || a->rn == 31;
}

static uint32_t how(const struct args_mops *a, unsigned stage, unsigned options)
{
    return (uint32_t)a->rd | (uint32_t)a->rs << 5 | (uint32_t)a->rn << 10 | stage << 15 |
           (uint32_t)a->forward << 17 | options << 18;
}

/* Options: bit 0 the destination, bit 1 the source unprivileged; the others are cache hints. */
bool trans_cpy(struct dis *d, const struct args_mops *a)
{
    if (has_conflict(a) || a->rs == 31)
        return false;
    unsigned read = idx_of(d, a->options & 2), write = idx_of(d, a->options & 1);
    set_pc(d, d->pc);
    call_mops_copy(d->ir, imm32(d, how(a, a->stage, a->options)), imm32(d, read | write << 4));
    return repeat(d, a->rn, a->stage);
}

/* Options: bit 0 unprivileged, bit 1 a cache hint. */
bool trans_set(struct dis *d, const struct args_mops *a)
{
    if (has_conflict(a))
        return false;
    unsigned write = idx_of(d, a->options & 1);
    set_pc(d, d->pc);
    call_mops_set(d->ir, imm32(d, how(a, a->stage, a->options)), imm32(d, write << 4));
    return repeat(d, a->rn, a->stage);
}
