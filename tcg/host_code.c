/* What all back ends share about a compiled unit. */
#include "tcg/backend.h"

#include <glib.h>
#include <string.h>

int host_code_exit(const struct host_code *hc, uintptr_t site)
{
    uintptr_t off = site - (uintptr_t)hc->start;
    for (unsigned i = 0; i < hc->nexits; i++)
        if (hc->exits[i].site_off == off)
            return i;
    return -1;
}

uint64_t host_code_pc(const struct host_code *hc, const void *cpu, uint64_t pc)
{
    const struct tcg_env *env = (const struct tcg_env *)cpu - 1;
    return hc->relative ? env->page + (pc - hc->page) : pc;
}

/* exits and map are one allocation, which begins with exits if there are any. */
void host_code_free(struct host_code *hc)
{
    if (hc->exits)
        g_free(hc->exits);
    else
        g_free(hc->map);
    g_free(hc->priv);
    *hc = (struct host_code){0};
}

void tcg_env_empty_tlb(struct tcg_env *env)
{
    static struct tcg_l2_entry none[TCG_L2_WAYS] = {{.tag = TCG_TLB_EMPTY},
                                                    {.tag = TCG_TLB_EMPTY},
                                                    {.tag = TCG_TLB_EMPTY},
                                                    {.tag = TCG_TLB_EMPTY}};
    memset(env->tlb, 0xff, sizeof(env->tlb));
    for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
        memset(env->tlb[idx].used, 0, sizeof(env->tlb[idx].used) + sizeof(env->tlb[idx].local));
    memset(env->large, 0xff, sizeof(env->large));
    env->l2 = none;
    env->l2_mask = 0;
}
