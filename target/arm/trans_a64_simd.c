/*
 * A64: AdvSIMD and cryptography.  Ref: Arm ARM (DDI 0487), C4.1.96, C7.2.
 *
 * Whatever has no IR operation is done by a helper that is told the operation and the registers.
 */
#include "target/arm/a64.h"
#include "target/arm/trans_simd.h"

/* --- calls --- */

struct ir_slot_set simd_slot(unsigned n)
{
    return ir_slots_of(ARM_SLOT_V0 + n);
}

struct ir_slot_set simd_slots(unsigned a, unsigned b, unsigned c)
{
    return ir_slots_add(ir_slots_add(simd_slot(a), ARM_SLOT_V0 + b), ARM_SLOT_V0 + c);
}

bool simd_saturates(uint32_t op)
{
    switch ((enum simd_op)(op & SIMD_OP)) {
    case VI_SQADD:
    case VI_UQADD:
    case VI_SQSUB:
    case VI_UQSUB:
    case VI_SQSHL:
    case VI_UQSHL:
    case VI_SQRSHL:
    case VI_UQRSHL:
    case VI_SQDMULH:
    case VI_SQRDMULH:
    case VI_SQRDMLAH:
    case VI_SQRDMLSH:
    case VI_SQDMULL:
    case VI_SQDMLAL:
    case VI_SQDMLSL:
    case VI_SQXTN:
    case VI_UQXTN:
    case VI_SQXTUN:
    case VI_SQSHRN:
    case VI_SQRSHRN:
    case VI_UQSHRN:
    case VI_UQRSHRN:
    case VI_SQSHRUN:
    case VI_SQRSHRUN:
    case VI_SQABS:
    case VI_SQNEG:
    case VI_SUQADD:
    case VI_USQADD:
    case VI_SQSHLI:
    case VI_UQSHLI:
    case VI_SQSHLU: return true;
    default: return false;
    }
}

void simd_call(struct dis *d, uint32_t op, struct simd_desc x)
{
    struct ir_slot_set reads = simd_slots(x.rd, x.rn, x.rm), writes = simd_slot(x.rd);
    if (simd_saturates(op)) {
        reads = ir_slots_add(reads, ARM_SLOT_QC);
        writes = ir_slots_add(writes, ARM_SLOT_QC);
    }
    call_simd(d->ir, imm32(d, op), imm32(d, simd_pack(x)), reads, writes);
}

void simd_call_fp(struct dis *d, uint32_t op, struct simd_desc x)
{
    call_simd_fp(d->ir, imm32(d, op), imm32(d, simd_pack(x)), simd_slots(x.rd, x.rn, x.rm),
                 simd_slot(x.rd));
}

ir_val simd_element(struct dis *d, int n, unsigned esz, unsigned index)
{
    return ir_vextr(d->ir, vreg(d, n), esz | index << 8);
}

ir_val simd_element_signed(struct dis *d, int n, unsigned esz, unsigned index)
{
    return ir_vextr(d->ir, vreg(d, n), esz | index << 8 | 1 << 16);
}

void simd_set(struct dis *d, int n, ir_val low, ir_val high)
{
    set_vreg(d, n, ir_vmake(d->ir, low, high), SIMD_FULL);
}

void simd_set_scalar(struct dis *d, int n, ir_val bits)
{
    simd_set(d, n, bits, imm64(d, 0));
}

void simd_insert(struct dis *d, int n, unsigned esz, unsigned index, ir_val bits)
{
    set_vreg(d, n, ir_vins(d->ir, vreg(d, n), bits, esz | index << 8), SIMD_FULL);
}

/* --- shapes --- */

static struct simd_desc desc_of(const struct args_vec *a)
{
    return (struct simd_desc){
        .rd = a->rd, .rn = a->rn, .rm = a->rm, .esz = a->esz, .w = a->w, .imm = a->imm};
}

bool trans_vec(struct dis *d, const struct args_vec *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = desc_of(a);
    if (a->op == VI_SHLL)
        desc.imm = 8 << a->esz;
    if (!vec_inline(d, a->op, &desc))
        simd_call(d, a->op, desc);
    return true;
}

bool trans_vecf(struct dis *d, const struct args_vec *a)
{
    if ((a->op == F_CMLA || a->op == F_CADD) && a->esz == 1 && !dis_has(d, ARM_F_FP16))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = desc_of(a);
    struct fz z = {0};
    if (vfp_inline(d, a->op, &desc, &z) && !fz_otherwise(d, &z))
        return true;
    simd_call_fp(d, a->op, desc);
    fz_end(d, &z);
    return true;
}

/* esz is the size of the elements that are multiplied; ra: of the one that is chosen. */
static struct simd_desc desc_of_elem(const struct args_elem *a)
{
    return (struct simd_desc){.rd = a->rd,
                              .rn = a->rn,
                              .rm = a->rm,
                              .ra = a->esz,
                              .esz = a->esz,
                              .w = a->w,
                              .imm = a->idx};
}

bool trans_elem(struct dis *d, const struct args_elem *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = desc_of_elem(a);
    if (!vec_inline_element(d, a->op, &desc))
        simd_call(d, a->op | SIMD_ELEM, desc);
    return true;
}

bool trans_elemf(struct dis *d, const struct args_elem *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = desc_of_elem(a);
    if (a->op == F_CMLA)
        desc.ra = a->esz + 1; /* a pair */
    else if (a->op == F_MLAL || a->op == F_MLSL || a->op == F_BFMLAL)
        desc.esz = 2;
    struct fz z = {0};
    if (vfp_inline_element(d, a->op, &desc, &z) && !fz_otherwise(d, &z))
        return true;
    simd_call_fp(d, a->op | SIMD_ELEM | (uint32_t)a->rot << SIMD_ROT_SHIFT, desc);
    fz_end(d, &z);
    return true;
}

bool trans_crypto(struct dis *d, const struct args_crypto *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {
        .rd = a->rd, .rn = a->rn, .rm = a->rm, .ra = a->ra, .w = SIMD_FULL, .imm = a->imm};
    struct ir_slot_set reads = ir_slots_add(simd_slots(a->rd, a->rn, a->rm), ARM_SLOT_V0 + a->ra);
    call_simd_crypto(d->ir, imm32(d, a->op), imm32(d, simd_pack(desc)), reads, simd_slot(a->rd));
    return true;
}

/* Bytes of up to four registers: each gives 0 for what is out of its range. */
bool trans_tbl(struct dis *d, const struct args_tbl *a)
{
    if (fp_is_trapped(d))
        return true;
    struct ir *ir = d->ir;
    ir_val indices = vreg(d, a->rm), r = IR_NONE;
    for (int i = 0; i <= a->len; i++) {
        uint64_t first = UINT64_C(0x1010101010101010) * i;
        ir_val here = i ? ir_vsub(ir, indices, vconst(d, first, first), 0) : indices;
        ir_val found = ir_vtbl(ir, vreg(d, (a->rn + i) % 32), here);
        r = i ? ir_vor(ir, r, found) : found;
    }
    if (a->is_tbx) {
        uint64_t size = UINT64_C(0x1010101010101010) * (a->len + 1);
        ir_val in_range = ir_vcmpgtu(ir, vconst(d, size, size), indices, 0);
        r = ir_vbsl(ir, in_range, r, vreg(d, a->rd));
    }
    set_vreg(d, a->rd, r, SIMD_HALF + a->q);
    return true;
}

/* --- shifts by an immediate: the highest bit of immh gives the size, immh:immb the count --- */

static unsigned shift_esz(const struct args_shift *a)
{
    return 31 - __builtin_clz(a->immh);
}

static struct simd_desc desc_of_shift(const struct args_shift *a, unsigned w, unsigned count)
{
    return (struct simd_desc){.rd = a->rd, .rn = a->rn, .esz = shift_esz(a), .w = w, .imm = count};
}

static unsigned right_count(const struct args_shift *a)
{
    return (16 << shift_esz(a)) - a->immhb;
}

static unsigned left_count(const struct args_shift *a)
{
    return a->immhb - (8 << shift_esz(a));
}

static bool shift(struct dis *d, const struct args_shift *a, unsigned w, unsigned count)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = desc_of_shift(a, w, count);
    if (!vec_inline(d, a->op, &desc))
        simd_call(d, a->op, desc);
    return true;
}

/* A single lane of 64 bits is not a vector. */
static bool is_vector(const struct args_shift *a)
{
    return a->q || a->immh < 8;
}

bool trans_shift_r(struct dis *d, const struct args_shift *a)
{
    return is_vector(a) && shift(d, a, SIMD_HALF + a->q, right_count(a));
}

bool trans_shift_l(struct dis *d, const struct args_shift *a)
{
    return is_vector(a) && shift(d, a, SIMD_HALF + a->q, left_count(a));
}

bool trans_shift_n(struct dis *d, const struct args_shift *a)
{
    return a->immh < 8 && shift(d, a, SIMD_HALF + a->q, right_count(a));
}

bool trans_shift_ll(struct dis *d, const struct args_shift *a)
{
    return a->immh < 8 && shift(d, a, SIMD_HALF + a->q, left_count(a));
}

bool trans_shift_rd(struct dis *d, const struct args_shift *a)
{
    return a->immh >= 8 && shift(d, a, SIMD_SCALAR, right_count(a));
}

bool trans_shift_ld(struct dis *d, const struct args_shift *a)
{
    return a->immh >= 8 && shift(d, a, SIMD_SCALAR, left_count(a));
}

bool trans_shift_ls(struct dis *d, const struct args_shift *a)
{
    return a->immh && shift(d, a, SIMD_SCALAR, left_count(a));
}

bool trans_shift_ns(struct dis *d, const struct args_shift *a)
{
    return a->immh && a->immh < 8 && shift(d, a, SIMD_SCALAR, right_count(a));
}

static bool fixed(struct dis *d, const struct args_shift *a, unsigned w)
{
    if (a->immh < 2 || (a->immh < 4 && !dis_has(d, ARM_F_FP16)))
        return false;
    if (!fp_is_trapped(d))
        simd_call_fp(d, a->op, desc_of_shift(a, w, right_count(a)));
    return true;
}

bool trans_fixed(struct dis *d, const struct args_shift *a)
{
    return is_vector(a) && fixed(d, a, SIMD_HALF + a->q);
}

bool trans_fixed_s(struct dis *d, const struct args_shift *a)
{
    return fixed(d, a, SIMD_SCALAR);
}

/* --- copies: the lowest bit of imm5 gives the size, those above it the index --- */

static unsigned copy_esz(const struct args_copy *a)
{
    return __builtin_ctz(a->imm5);
}

static unsigned copy_index(const struct args_copy *a)
{
    return a->imm5 >> (copy_esz(a) + 1);
}

static bool copy_is_valid(const struct args_copy *a)
{
    return a->imm5 & 15;
}

static void set_all(struct dis *d, const struct args_copy *a, ir_val element)
{
    set_vreg(d, a->rd, ir_vdup(d->ir, element, copy_esz(a)), SIMD_HALF + a->q);
}

bool trans_dup_s(struct dis *d, const struct args_copy *a)
{
    if (!copy_is_valid(a))
        return false;
    if (!fp_is_trapped(d))
        simd_set_scalar(d, a->rd, simd_element(d, a->rn, copy_esz(a), copy_index(a)));
    return true;
}

static bool dup_is_valid(const struct args_copy *a)
{
    return copy_is_valid(a) && (a->q || copy_esz(a) < 3);
}

bool trans_dup_v(struct dis *d, const struct args_copy *a)
{
    if (!dup_is_valid(a))
        return false;
    if (!fp_is_trapped(d))
        set_all(d, a, simd_element(d, a->rn, copy_esz(a), copy_index(a)));
    return true;
}

bool trans_dup_x(struct dis *d, const struct args_copy *a)
{
    if (!dup_is_valid(a))
        return false;
    if (!fp_is_trapped(d))
        set_all(d, a, gpr64(d, a->rn));
    return true;
}

bool trans_smov(struct dis *d, const struct args_copy *a)
{
    if (!copy_is_valid(a) || copy_esz(a) > 1u + a->q)
        return false;
    if (fp_is_trapped(d))
        return true;
    ir_val v = simd_element_signed(d, a->rn, copy_esz(a), copy_index(a));
    set_gpr(d, a->rd, a->q ? v : ir_trunc(d->ir, v));
    return true;
}

bool trans_umov(struct dis *d, const struct args_copy *a)
{
    if (!copy_is_valid(a) || (a->q ? copy_esz(a) != 3 : copy_esz(a) == 3))
        return false;
    if (!fp_is_trapped(d))
        set_gpr(d, a->rd, simd_element(d, a->rn, copy_esz(a), copy_index(a)));
    return true;
}

bool trans_ins_x(struct dis *d, const struct args_copy *a)
{
    if (!copy_is_valid(a))
        return false;
    if (!fp_is_trapped(d))
        simd_insert(d, a->rd, copy_esz(a), copy_index(a), gpr64(d, a->rn));
    return true;
}

bool trans_ins_v(struct dis *d, const struct args_copy *a)
{
    if (!copy_is_valid(a))
        return false;
    if (fp_is_trapped(d))
        return true;
    unsigned esz = copy_esz(a);
    simd_insert(d, a->rd, esz, copy_index(a), simd_element(d, a->rn, esz, a->imm4 >> esz));
    return true;
}

/* --- modified immediates: AdvSIMDExpandImm() --- */

static uint64_t repeat(uint64_t v, unsigned bits)
{
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return v;
}

/* Each bit becomes a byte. */
static uint64_t byte_mask(unsigned imm)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= imm >> i & 1 ? UINT64_C(255) << 8 * i : 0;
    return v;
}

static uint64_t expand_imm(unsigned o, unsigned cmode, uint64_t imm)
{
    switch (cmode >> 1) {
    case 0:
    case 1:
    case 2:
    case 3: return repeat(imm << 8 * (cmode >> 1), 32);
    case 4:
    case 5: return repeat(imm << 8 * (cmode >> 1 & 1), 16);
    case 6: return repeat(cmode & 1 ? imm << 16 | 0xffff : imm << 8 | 0xff, 32);
    }
    if (!(cmode & 1))
        return o ? byte_mask(imm) : repeat(imm, 8);
    return o ? fp_expand_imm(3, imm) : repeat(fp_expand_imm(2, imm), 32);
}

/* ORR and BIC change a register; the others set it, inverted if o says so and cmode allows. */
bool trans_movi(struct dis *d, const struct args_modimm *a)
{
    if (a->o && a->cmode == 15 && !a->q)
        return false;
    if (fp_is_trapped(d))
        return true;
    uint64_t imm = expand_imm(a->o, a->cmode, a->imm);
    bool merges = a->cmode < 12 && a->cmode & 1;
    if (a->o && a->cmode < 14)
        imm = ~imm;
    ir_val v = vconst(d, imm, a->q ? imm : 0);
    if (merges && a->o)
        v = ir_vand(d->ir, vreg(d, a->rd), v);
    else if (merges)
        v = ir_vor(d->ir, vreg(d, a->rd), v);
    set_vreg(d, a->rd, v, merges ? SIMD_HALF + a->q : SIMD_FULL);
    return true;
}

bool trans_fmov_vh(struct dis *d, const struct args_modimm *a)
{
    if (fp_is_trapped(d))
        return true;
    uint64_t v = repeat(fp_expand_imm(1, a->imm), 16);
    set_vreg(d, a->rd, vconst(d, v, a->q ? v : 0), SIMD_FULL);
    return true;
}
