/* A32 and T32: AdvSIMD.  Ref: DDI 0487, F6.1. */
#include "target/arm/neon_a32.h"
#include "target/arm/trans_a32.h"
#include "target/arm/trans_simd.h"

/* --- what most have in common --- */

static struct a32_vreg dq_reg(int word, bool q)
{
    return (struct a32_vreg){(uint8_t)word, (uint8_t)(q ? A32_Q : A32_D)};
}

static bool is_bad3(const struct dis *d, int a, int b, int c, bool q)
{
    return a32_bad_d(d, a, q) || a32_bad_d(d, b, q) || a32_bad_d(d, c, q);
}

static bool run(struct dis *d, unsigned op, struct a32_vop o)
{
    if (!a32_fp_is_trapped(d, true))
        a32_vector(d, op, o);
    return true;
}

static struct a32_vop same(int vd, int vn, int vm, bool q, int esz)
{
    return (struct a32_vop){.d = dq_reg(vd, q),
                            .n = dq_reg(vn, q),
                            .m = dq_reg(vm, q),
                            .esz = (uint8_t)esz,
                            .w = q ? SIMD_FULL : SIMD_HALF};
}

/* --- three registers --- */

static bool has_lanes64(int op)
{
    switch (op) {
    case VI_SQADD:
    case VI_UQADD:
    case VI_SQSUB:
    case VI_UQSUB:
    case VI_ADD:
    case VI_SUB:
    case VI_AND:
    case VI_BIC:
    case VI_ORR:
    case VI_ORN:
    case VI_EOR:
    case VI_BSL:
    case VI_BIT:
    case VI_BIF: return true;
    }
    return false;
}

bool trans_n3int(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q) || (a->esz == 3 && !has_lanes64(a->op)))
        return false;
    return run(d, (unsigned)a->op, same(a->vd, a->vn, a->vm, a->q, a->esz));
}

/* What is shifted comes second, the counts first. */
bool trans_n3shift(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q))
        return false;
    return run(d, (unsigned)a->op, same(a->vd, a->vm, a->vn, a->q, a->esz));
}

bool trans_n3pair(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, false) || a->esz == 3)
        return false;
    return run(d, (unsigned)a->op, same(a->vd, a->vn, a->vm, false, a->esz));
}

bool trans_n3crypto(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, true))
        return false;
    return run(d, (unsigned)a->op | A32_OP_CRYPTO, same(a->vd, a->vn, a->vm, true, 0));
}

bool trans_n3fp(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q))
        return false;
    return run(d, (unsigned)a->op | A32_OP_FP_STD, same(a->vd, a->vn, a->vm, a->q, a->esz));
}

bool trans_n3fpair(struct dis *d, const struct args_n3 *a)
{
    return trans_n3fp(d, a);
}

/* --- one register and an immediate.  Ref: F6.1, AdvSIMDExpandImm() --- */

static uint64_t repeat(uint64_t v, unsigned bits)
{
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return v;
}

static uint64_t spread_bits(unsigned imm)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (imm >> i & 1 ? UINT64_C(0xff) : 0) << 8 * i;
    return v;
}

static uint64_t expand(unsigned cmode, unsigned op, uint32_t imm)
{
    switch (cmode >> 1) {
    case 0:
    case 1:
    case 2:
    case 3: return repeat((uint64_t)imm << 8 * (cmode >> 1), 32);
    case 4: return repeat(imm, 16);
    case 5: return repeat((uint64_t)imm << 8, 16);
    case 6: return repeat(cmode & 1 ? imm << 16 | 0xffff : imm << 8 | 0xff, 32);
    }
    if (!(cmode & 1))
        return op ? spread_bits(imm) : repeat(imm, 8);
    return repeat(fp_expand_imm(2, imm), 32);
}

bool trans_nimm(struct dis *d, const struct args_nimm *a)
{
    unsigned cmode = (unsigned)a->cmode;
    bool modifies = cmode < 12 && (cmode & 1), inverts = a->op && cmode < 14;
    if (a32_bad_d(d, a->vd, a->q) || (cmode == 15 && a->op))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    uint64_t v = expand(cmode, (unsigned)a->op, (uint32_t)a->imm);
    for (int i = 0; i <= a->q; i++) {
        ir_val imm = imm64(d, inverts ? ~v : v), old;
        if (modifies) {
            old = a32_vget(d, a->vd + 2 * i, 3);
            imm = a->op ? ir_and(d->ir, old, imm) : ir_or(d->ir, old, imm);
        }
        a32_vset(d, a->vd + 2 * i, 3, imm);
    }
    return true;
}

/* --- shifts by an immediate --- */

/* log2 of an element's bytes, by the highest bit set of L:imm6. */
static unsigned shift_esz(int l, int imm)
{
    return l ? 3 : imm & 32 ? 2 : imm & 16 ? 1 : 0;
}

static bool is_left(int op)
{
    return op == VI_SHL || op == VI_SLI || op == VI_SQSHLI || op == VI_UQSHLI || op == VI_SQSHLU;
}

bool trans_nshift(struct dis *d, const struct args_nsh *a)
{
    unsigned esz = shift_esz(a->l, a->imm), bits = 8u << esz;
    if (is_bad3(d, a->vd, a->vm, a->vm, a->q))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, a->q, (int)esz);
    unsigned field = (unsigned)a->imm & (bits - 1);
    o.imm = (uint8_t)(is_left(a->op) ? field : bits - field);
    return run(d, (unsigned)a->op, o);
}

bool trans_nnarrow(struct dis *d, const struct args_nsh *a)
{
    unsigned esz = shift_esz(0, a->imm), bits = 8u << esz;
    if (a32_bad_d(d, a->vd, false) || a32_bad_d(d, a->vm, true))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, false, (int)esz);
    o.n = o.m = dq_reg(a->vm, true);
    o.imm = (uint8_t)(bits - ((unsigned)a->imm & (bits - 1)));
    return run(d, (unsigned)a->op, o);
}

bool trans_nshll(struct dis *d, const struct args_nsh *a)
{
    unsigned esz = shift_esz(0, a->imm), bits = 8u << esz;
    if (a32_bad_d(d, a->vd, true) || a32_bad_d(d, a->vm, false))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, false, (int)esz);
    o.d = dq_reg(a->vd, true);
    o.imm = (uint8_t)((unsigned)a->imm & (bits - 1));
    return run(d, (unsigned)a->op, o);
}

static bool fixed_point(struct dis *d, const struct args_ncvt *a, unsigned esz)
{
    unsigned limit = esz == 2 ? 64 : 32;
    if (is_bad3(d, a->vd, a->vm, a->vm, a->q) || (unsigned)a->imm < limit / 2)
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, a->q, (int)esz);
    o.imm = (uint8_t)(64 - a->imm);
    if (esz == 1)
        o.imm = (uint8_t)(64 - a->imm);
    return run(d, (unsigned)a->op | A32_OP_FP_STD, o);
}

bool trans_ncvtfix(struct dis *d, const struct args_ncvt *a)
{
    return fixed_point(d, a, 2);
}

bool trans_ncvtfix16(struct dis *d, const struct args_ncvt *a)
{
    return (a->imm & 48) == 48 && fixed_point(d, a, 1);
}

/* --- different lengths --- */

bool trans_nlong(struct dis *d, const struct args_nlong *a)
{
    if (a32_bad_d(d, a->vd, true) || is_bad3(d, a->vn, a->vm, a->vm, false))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, false, a->esz);
    o.d = dq_reg(a->vd, true);
    return run(d, (unsigned)a->op, o);
}

bool trans_nwide(struct dis *d, const struct args_nlong *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vn, true) || a32_bad_d(d, a->vm, false))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, false, a->esz);
    o.d = dq_reg(a->vd, true);
    o.n = dq_reg(a->vn, true);
    return run(d, (unsigned)a->op, o);
}

bool trans_nhigh(struct dis *d, const struct args_nlong *a)
{
    if (a32_bad_d(d, a->vd, false) || is_bad3(d, a->vn, a->vm, a->vm, true))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, false, a->esz);
    o.n = dq_reg(a->vn, true);
    o.m = dq_reg(a->vm, true);
    return run(d, (unsigned)a->op, o);
}

/* --- by an element: D0..D7 of halfwords, D0..D15 of words --- */

static struct a32_vop with_element(const struct args_nelem *a, bool q)
{
    struct a32_vop o = same(a->vd, a->vn, 2 * a->m, q, a->esz);
    o.m = dq_reg(2 * a->m, false);
    o.elem = (uint8_t)(1 + a->index);
    o.elem_esz = (uint8_t)a->esz;
    return o;
}

bool trans_nelem(struct dis *d, const struct args_nelem *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vn, a->q))
        return false;
    return run(d, (unsigned)a->op, with_element(a, a->q));
}

bool trans_nelemfp(struct dis *d, const struct args_nelem *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vn, a->q))
        return false;
    return run(d, (unsigned)a->op | A32_OP_FP_STD, with_element(a, a->q));
}

bool trans_neleml(struct dis *d, const struct args_nelem *a)
{
    if (a32_bad_d(d, a->vd, true) || a32_bad_d(d, a->vn, false))
        return false;
    struct a32_vop o = with_element(a, false);
    o.d = dq_reg(a->vd, true);
    return run(d, (unsigned)a->op, o);
}

bool trans_ndotelem(struct dis *d, const struct args_nelem *a)
{
    return trans_nelem(d, a);
}

/* --- extraction, tables, duplication --- */

bool trans_vext(struct dis *d, const struct args_next *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q) || (!a->q && a->imm > 7))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, a->q, 0);
    o.imm = (uint8_t)a->imm;
    return run(d, VI_EXT, o);
}

bool trans_vtbl(struct dis *d, const struct args_ntbl *a)
{
    if (is_bad3(d, a->vd, a->vm, a->vn + 2 * a->len, false) || a->vn + 2 * a->len >= 64)
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    struct a32_vop o = same(a->vd, a->vn, a->vm, false, 0);
    o.imm = (uint8_t)(a->len | a->op << 2);
    struct ir_slot_set reads = a32_vop_reads(&o);
    for (int i = 1; i <= a->len; i++)
        reads = ir_slots_add(reads, ARM_SLOT_V0 + (unsigned)(a->vn + 2 * i) / 4);
    call_a32_table(d->ir, imm64(d, a32_vop_pack(o)), reads, a32_vop_writes(&o));
    return true;
}

static void duplicate(struct dis *d, int vd, bool q, unsigned esz, ir_val v)
{
    if (esz < 3)
        v = ir_and(d->ir, v, imm64(d, (UINT64_C(1) << (8 << esz)) - 1));
    static const uint64_t ones[] = {UINT64_C(0x0101010101010101), UINT64_C(0x0001000100010001),
                                    UINT64_C(0x100000001), 1};
    v = ir_mul(d->ir, v, imm64(d, ones[esz]));
    a32_vset(d, vd, 3, v);
    if (q)
        a32_vset(d, vd + 2, 3, v);
}

bool trans_vdup(struct dis *d, const struct args_ndup *a)
{
    unsigned imm = (unsigned)a->imm, esz = imm & 1 ? 0 : imm & 2 ? 1 : 2;
    if (!(imm & 7) || a32_bad_d(d, a->vd, a->q) || a32_bad_d(d, a->vm, false))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    duplicate(d, a->vd, a->q, esz, a32_vget_lane(d, a->vm, esz, imm >> (esz + 1), false));
    return true;
}

bool trans_vdup_core(struct dis *d, const struct args_vdup *a)
{
    if (a->rt == 15 || a32_bad_d(d, a->vd, a->q))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    duplicate(d, a->vd, a->q, (unsigned)a->esz, ir_zext32(d->ir, a32_reg(d, a->rt)));
    return true;
}

/* --- two registers --- */

static bool two(struct dis *d, const struct args_n2 *a, unsigned kind, unsigned imm)
{
    if (is_bad3(d, a->vd, a->vm, a->vm, a->q))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, a->q, a->esz);
    o.imm = (uint8_t)imm;
    return run(d, (unsigned)a->op | kind, o);
}

bool trans_n2int(struct dis *d, const struct args_n2 *a)
{
    return two(d, a, A32_OP_INT, 0);
}

bool trans_n2fp(struct dis *d, const struct args_n2 *a)
{
    return two(d, a, A32_OP_FP_STD, 0);
}

static bool crypto(struct dis *d, const struct args_n2 *a, int vn, int vm)
{
    if (is_bad3(d, a->vd, a->vm, a->vm, true))
        return false;
    return run(d, (unsigned)a->op | A32_OP_CRYPTO, same(a->vd, vn, vm, true, 0));
}

/* q is a part of the operation here.  AESE takes the state from the destination. */
bool trans_n2aes(struct dis *d, const struct args_n2 *a)
{
    return crypto(d, a, a->vm, a->vm);
}

bool trans_n2aesmc(struct dis *d, const struct args_n2 *a)
{
    return crypto(d, a, a->vm, a->vm);
}

bool trans_n2crypto(struct dis *d, const struct args_n2 *a)
{
    return crypto(d, a, a->vm, a->vm);
}

bool trans_n2crypto3(struct dis *d, const struct args_n2 *a)
{
    return crypto(d, a, a->vm, a->vm);
}

bool trans_vswp(struct dis *d, const struct args_n2 *a)
{
    if (is_bad3(d, a->vd, a->vm, a->vm, a->q))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    for (int i = 0; i <= a->q; i++) {
        ir_val x = a32_vget(d, a->vd + 2 * i, 3), y = a32_vget(d, a->vm + 2 * i, 3);
        a32_vset(d, a->vd + 2 * i, 3, y);
        a32_vset(d, a->vm + 2 * i, 3, x);
    }
    return true;
}

/* Words of D registers: VUZP and VZIP are VTRN, and not encoded. */
bool trans_vpermute(struct dis *d, const struct args_n2 *a)
{
    if (is_bad3(d, a->vd, a->vm, a->vm, a->q) || (a->op != VI_TRN1 && a->esz == 2 && !a->q))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    struct a32_vop o = same(a->vd, a->vd, a->vm, a->q, a->esz);
    struct ir_slot_set both = a32_vop_reads(&o);
    call_a32_permute(d->ir, imm32(d, (uint32_t)a->op), imm64(d, a32_vop_pack(o)), both, both);
    return true;
}

bool trans_nmovn(struct dis *d, const struct args_n2 *a)
{
    if (a32_bad_d(d, a->vd, false) || a32_bad_d(d, a->vm, true))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, false, a->esz);
    o.n = o.m = dq_reg(a->vm, true);
    return run(d, (unsigned)a->op, o);
}

bool trans_nshllmax(struct dis *d, const struct args_n2 *a)
{
    if (a32_bad_d(d, a->vd, true) || a32_bad_d(d, a->vm, false))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, false, a->esz);
    o.d = dq_reg(a->vd, true);
    o.imm = (uint8_t)(8 << a->esz);
    return run(d, VI_SHLL, o);
}

/* op: enum fp_round. */
bool trans_nrint(struct dis *d, const struct args_n2 *a)
{
    struct args_n2 b = *a;
    b.op = F_RINT;
    return two(d, &b, A32_OP_FP_STD, (unsigned)a->op);
}

/* op: enum fp_round | 16 for unsigned. */
bool trans_nround(struct dis *d, const struct args_n2 *a)
{
    struct args_n2 b = *a;
    b.op = a->op & 16 ? F_TO_U : F_TO_S;
    return two(d, &b, A32_OP_FP_STD, (unsigned)a->op & 15);
}

/* Between halves in a D and singles in a Q register. */
bool trans_nhalf(struct dis *d, const struct args_n2 *a)
{
    bool widens = a->op == F_CVTL;
    if (a32_bad_d(d, a->vd, widens) || a32_bad_d(d, a->vm, !widens))
        return false;
    struct a32_vop o = same(a->vd, a->vm, a->vm, false, a->esz);
    o.d = dq_reg(a->vd, widens);
    o.n = o.m = dq_reg(a->vm, !widens);
    return run(d, (unsigned)a->op | A32_OP_FP_STD, o);
}

/* --- complex numbers; rot: in quarters of a turn --- */

bool trans_ncadd(struct dis *d, const struct args_nrot *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, a->q, a->esz);
    o.imm = (uint8_t)a->rot;
    return run(d, F_CADD | A32_OP_FP_STD, o);
}

bool trans_ncmla(struct dis *d, const struct args_nrot *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, a->q))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, a->q, a->esz);
    o.imm = (uint8_t)a->rot;
    return run(d, F_CMLA | A32_OP_FP_STD, o);
}

/* The element is a pair. */
bool trans_ncmlael(struct dis *d, const struct args_nrotel *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vn, a->q) || a32_bad_d(d, 2 * a->m, false))
        return false;
    struct a32_vop o = same(a->vd, a->vn, 2 * a->m, a->q, a->esz);
    o.m = dq_reg(2 * a->m, false);
    o.elem = (uint8_t)(1 + a->index);
    o.elem_esz = (uint8_t)(a->esz + 1);
    o.imm = (uint8_t)a->rot;
    return run(d, F_CMLA | A32_OP_FP_STD, o);
}

/* --- products of halves and of bfloat16, half as long as the result --- */

static struct a32_vop half_products(int vd, int vn, int sn, bool q)
{
    struct a32_vop o = same(vd, vn, vn, q, 2);
    o.n = q ? dq_reg(vn, false) : (struct a32_vreg){(uint8_t)sn, A32_S};
    return o;
}

bool trans_nfmal(struct dis *d, const struct args_nfhm *a)
{
    if (a32_bad_d(d, a->vd, a->q) || (a->q && is_bad3(d, a->vn, a->vm, a->vm, false)))
        return false;
    struct a32_vop o = half_products(a->vd, a->vn, a->sn, a->q);
    o.m = a->q ? dq_reg(a->vm, false) : (struct a32_vreg){(uint8_t)a->sm, A32_S};
    return run(d, (unsigned)a->op | A32_OP_FP_STD, o);
}

bool trans_nfmalel(struct dis *d, const struct args_nfhmel *a)
{
    if (a32_bad_d(d, a->vd, a->q) || (a->q && a32_bad_d(d, a->vn, false)))
        return false;
    struct a32_vop o = half_products(a->vd, a->vn, a->sn, a->q);
    o.m = a->q ? dq_reg(a->dm, false) : (struct a32_vreg){(uint8_t)a->sm, A32_S};
    o.elem = (uint8_t)(1 + (a->q ? a->di : a->si));
    o.elem_esz = 1;
    return run(d, (unsigned)a->op | A32_OP_FP_STD, o);
}

/* VFMAB, VFMAT: q says which, the registers are quad ones. */
bool trans_nbfma(struct dis *d, const struct args_n3 *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vm, true))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vm, true, a->esz);
    o.imm = (uint8_t)a->q;
    return run(d, F_BFMLAL | A32_OP_FP_STD, o);
}

bool trans_nbfmael(struct dis *d, const struct args_nfhmel *a)
{
    if (is_bad3(d, a->vd, a->vn, a->vn, true))
        return false;
    struct a32_vop o = same(a->vd, a->vn, a->vn, true, 2);
    o.m = dq_reg(a->dm, false);
    o.elem = (uint8_t)(1 + a->di);
    o.elem_esz = 1;
    o.imm = (uint8_t)a->q;
    return run(d, F_BFMLAL | A32_OP_FP_STD, o);
}
