/* A64: pointer authentication.  Ref: DDI 0487, C6.2, D8.10. */
#include "target/arm/a64.h"

/* --- as values --- */

static bool is_off(const struct dis *d)
{
    return !(d->mode & ARM_MODE_PAUTH);
}

static ir_val sign(struct dis *d, ir_val ptr, ir_val modifier, unsigned key)
{
    if (is_off(d))
        return ptr;
    set_pc(d, d->pc);
    return call_pac(d->ir, ptr, modifier, imm32(d, key));
}

static ir_val authenticate(struct dis *d, ir_val ptr, ir_val modifier, unsigned how)
{
    if (is_off(d))
        return ptr;
    set_pc(d, d->pc);
    return call_aut(d->ir, ptr, modifier, imm32(d, how));
}

ir_val a64_auth_combined(struct dis *d, ir_val ptr, ir_val modifier, unsigned key)
{
    return authenticate(d, ptr, modifier, key | PAUTH_COMBINED);
}

/* --- one register --- */

bool trans_pac(struct dis *d, const struct args_pac *a)
{
    set_gpr(d, a->rd, sign(d, gpr64(d, a->rd), gpr_sp(d, a->rn, true), a->key));
    return true;
}

bool trans_aut(struct dis *d, const struct args_pac *a)
{
    set_gpr(d, a->rd, authenticate(d, gpr64(d, a->rd), gpr_sp(d, a->rn, true), a->key));
    return true;
}

bool trans_pacz(struct dis *d, const struct args_pac *a)
{
    set_gpr(d, a->rd, sign(d, gpr64(d, a->rd), imm64(d, 0), a->key));
    return true;
}

bool trans_autz(struct dis *d, const struct args_pac *a)
{
    set_gpr(d, a->rd, authenticate(d, gpr64(d, a->rd), imm64(d, 0), a->key));
    return true;
}

bool trans_xpac(struct dis *d, const struct args_xpac *a)
{
    set_gpr(d, a->rd, call_xpac(d->ir, gpr64(d, a->rd), imm32(d, a->data)));
    return true;
}

bool trans_pacga(struct dis *d, const struct args_crc *a)
{
    set_pc(d, d->pc);
    set_gpr(d, a->rd, call_pacga(d->ir, gpr64(d, a->rn), gpr_sp(d, a->rm, true)));
    return true;
}

/* --- hints: the link register, or x17 --- */

static ir_val hint_modifier(struct dis *d, int kind)
{
    switch (kind) {
    case PAUTH_HINT_1716: return gpr64(d, 16);
    case PAUTH_HINT_SP: return gpr_sp(d, 31, true);
    }
    return imm64(d, 0);
}

static int hint_register(int kind)
{
    return kind == PAUTH_HINT_1716 ? 17 : 30;
}

/* Without the extension these do nothing. */
bool trans_pac_hint(struct dis *d, const struct args_pac_hint *a)
{
    int rd = hint_register(a->kind);
    if (dis_has(d, ARM_F_PAUTH))
        set_gpr(d, rd, sign(d, gpr64(d, rd), hint_modifier(d, a->kind), a->b));
    return true;
}

bool trans_aut_hint(struct dis *d, const struct args_pac_hint *a)
{
    int rd = hint_register(a->kind);
    if (dis_has(d, ARM_F_PAUTH))
        set_gpr(d, rd, authenticate(d, gpr64(d, rd), hint_modifier(d, a->kind), a->b));
    return true;
}

bool trans_xpaclri(struct dis *d, const struct args_none *a UNUSED)
{
    if (dis_has(d, ARM_F_PAUTH))
        set_gpr(d, 30, call_xpac(d->ir, gpr64(d, 30), imm32(d, 0)));
    return true;
}

/* --- loads: the pointer is checked, then used; the base register keeps no code --- */

static bool load_authenticated(struct dis *d, const struct args_ldra *a, unsigned key)
{
    enum { BYTES_SHIFT = 3 };
    if (a->rn == 31)
        mem_addr(d, a->rn, imm64(d, 0)); /* checks it */
    ir_val base = authenticate(d, gpr_sp(d, a->rn, true), imm64(d, 0), key | PAUTH_COMBINED);
    ir_val addr = ir_add(d->ir, base, imm64(d, (uint64_t)((int64_t)a->imm * (1 << BYTES_SHIFT))));
    ir_val v = ir_ld(d->ir, I64, addr, MO_64 | d->mem);
    if (a->wb)
        set_gpr_sp(d, a->rn, addr);
    set_gpr(d, a->rt, v);
    return true;
}

bool trans_ldraa(struct dis *d, const struct args_ldra *a)
{
    return load_authenticated(d, a, PAUTH_DA);
}

bool trans_ldrab(struct dis *d, const struct args_ldra *a)
{
    return load_authenticated(d, a, PAUTH_DB);
}
