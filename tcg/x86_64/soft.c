/* Exact floating point by the callback, with the guest's rounding mode and flags in MXCSR form. */
#include "tcg/x86_64/gen_priv.h"
#include "util/bits.h"

enum { MXCSR_RC_SHIFT = 13 };

/* MXCSR.RC to RISC-V numbering.  Ref: SDM volume 1, 4.8.4. */
static unsigned current_round(uint32_t mxcsr)
{
    static const uint8_t map[] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ};
    return map[mxcsr >> MXCSR_RC_SHIFT & 3];
}

/* RISC-V NX UF OF DZ NV (bits 0 to 4) to MXCSR PE UE OE ZE IE. */
static uint32_t flags_to_mxcsr(uint8_t flags)
{
    return (flags & 1) << 5 | (flags & 2) << 3 | (flags & 4) << 1 | (flags & 8) >> 1 |
           (flags & 16) >> 4;
}

/* The rounding mode of an op: its own if its attribute gives one. */
static unsigned op_round(unsigned opc, uint32_t attr, uint32_t mxcsr)
{
    bool has_own = opc == OP_ftosi || opc == OP_ftoui || opc == OP_frint;
    return has_own && (attr & 7) != IR_RDYN ? attr & 7 : current_round(mxcsr);
}

void x86_soft_call(void *cpu, struct soft_frame *f, const struct x86_rt *rt)
{
    struct tcg_env *env = (struct tcg_env *)((char *)cpu - sizeof(struct tcg_env));
    unsigned opc = f->desc & 0xff, type = f->desc >> 8 & 0xff, to = f->desc >> 16 & 0xff;
    uint32_t attr = f->desc >> 32;
    uint8_t flags = 0;
    for (unsigned i = 0; i < 3; i++)
        f->arg[i] = ir_truncate(type, f->arg[i]);
    f->arg[0] = rt->layout.cb.soft_fp(opc, type | to << 8, attr, f->arg,
                                      op_round(opc, attr, env->guest_mxcsr), &flags);
    env->guest_mxcsr |= flags_to_mxcsr(flags);
}

void x86_soft_vec(void *cpu, struct soft_vec_frame *f, const struct x86_rt *rt)
{
    struct tcg_env *env = (struct tcg_env *)((char *)cpu - sizeof(struct tcg_env));
    unsigned opc = f->desc & 0xff;
    uint8_t flags = 0;
    if (ir_opc_is_ssef(opc)) {
        const uint64_t arg[3][2] = {{f->arg[0].d[0], f->arg[0].d[1]},
                                    {f->arg[1].d[0], f->arg[1].d[1]},
                                    {f->arg[2].d[0], f->arg[2].d[1]}};
        rt->layout.cb.sse(f->desc >> 32, arg, f->arg[0].d, &env->guest_mxcsr);
        return;
    }
    if (!ir_opc_is_vfp(opc)) {
        f->arg[0] = ir_eval_vec(opc, f->desc >> 32, f->arg);
        return;
    }
    f->arg[0] = ir_eval_vfp(rt->layout.cb.soft_fp, opc, f->desc >> 32, f->arg,
                            current_round(env->guest_mxcsr), &flags);
    env->guest_mxcsr |= flags_to_mxcsr(flags);
}
