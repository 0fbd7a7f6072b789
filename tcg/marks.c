/* What a unit is made of, for listings and statistics. */
#include "tcg/ir_priv.h"

unsigned ir_insn_pcs(const struct ir *ir, uint64_t *pcs, unsigned max)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ir->nops; i++)
        if (ir->ops[i].opc == OP_insn && n++ < max && pcs)
            pcs[n - 1] = ir->ops[i].imm;
    return n;
}

bool ir_has_hidden_effects(const struct ir *ir)
{
    for (unsigned i = 0; i < ir->nops; i++) {
        const struct ir_op *op = &ir->ops[i];
        if (op->opc == OP_env_st)
            return true;
        if (op->opc == OP_call && !ir_call_is_tame(op))
            return true;
    }
    return false;
}
