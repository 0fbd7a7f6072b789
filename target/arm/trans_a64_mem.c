/* A64: loads and stores of registers and pairs.  Ref: DDI 0487, C6.2 and C7.2. */
#include "target/arm/a64.h"

enum { MODE_NONE = 0, MODE_POST = 1, MODE_UNPRIV = 2, MODE_PRE = 3, MODE_SCALED = 4 };
enum { PAIR_NO_ALLOCATE = 0, PAIR_POST = 1, PAIR_OFFSET = 2, PAIR_PRE = 3 };
enum { EXT_ZERO, EXT_SIGN64, EXT_SIGN32 };

/* --- addresses --- */

/* An access: where, and what becomes of the base register when it has succeeded. */
struct where {
    ir_val addr;
    ir_val new_base; /* IR_NONE: it stays */
    int base;
    bool keeps_alignment; /* new_base differs from the old by a multiple of 16 */
};

static struct where at_offset(struct dis *d, int rn, int64_t offset, bool post, bool pre)
{
    struct where w = {.base = rn, .new_base = IR_NONE, .keeps_alignment = !(offset & 15)};
    ir_val base = mem_addr(d, rn, imm64(d, 0));
    ir_val sum = ir_add(d->ir, base, imm64(d, offset));
    w.addr = post ? base : sum;
    if (post || pre)
        w.new_base = sum;
    return w;
}

static void write_back(struct dis *d, const struct where *w)
{
    if (w->new_base.id == IR_NONE.id)
        return;
    bool aligned = d->sp_aligned && w->keeps_alignment;
    set_gpr_sp(d, w->base, w->new_base);
    d->sp_aligned = w->base == 31 ? aligned : d->sp_aligned;
}

static struct where where_i(struct dis *d, const struct args_ldst_i *a)
{
    int64_t offset = a->mode == MODE_SCALED ? (int64_t)a->imm << a->size : a->imm;
    return at_offset(d, a->rn, offset, a->mode == MODE_POST, a->mode == MODE_PRE);
}

static struct where where_r(struct dis *d, const struct args_ldst_r *a)
{
    ir_val offset = a64_extended(d, a->rm, a->option, a->s ? a->size : 0);
    return (struct where){.base = a->rn, .new_base = IR_NONE, .addr = mem_addr(d, a->rn, offset)};
}

static uint32_t memop_i(const struct dis *d, const struct args_ldst_i *a)
{
    return a->size | (a->mode == MODE_UNPRIV ? d->mem_unpriv : d->mem);
}

/* --- x registers --- */

static ir_val load(struct dis *d, ir_val addr, uint32_t memop, int ext)
{
    if (ext == EXT_ZERO)
        return ir_ld(d->ir, I64, addr, memop);
    return ir_ld(d->ir, ext == EXT_SIGN64 ? I64 : I32, addr, memop | MO_SIGN);
}

static bool load_x(struct dis *d, const struct where *w, int rt, uint32_t memop, int ext)
{
    ir_val v = load(d, w->addr, memop, ext);
    write_back(d, w);
    set_gpr(d, rt, v);
    return true;
}

static bool store_x(struct dis *d, const struct where *w, int rt, uint32_t memop)
{
    ir_st(d->ir, w->addr, gpr64(d, rt), memop);
    write_back(d, w);
    return true;
}

bool trans_ldr_i(struct dis *d, const struct args_ldst_i *a)
{
    struct where w = where_i(d, a);
    return load_x(d, &w, a->rt, memop_i(d, a), a->ext);
}

bool trans_str_i(struct dis *d, const struct args_ldst_i *a)
{
    struct where w = where_i(d, a);
    return store_x(d, &w, a->rt, memop_i(d, a));
}

bool trans_ldr_r(struct dis *d, const struct args_ldst_r *a)
{
    struct where w = where_r(d, a);
    return load_x(d, &w, a->rt, a->size | d->mem, a->ext);
}

bool trans_str_r(struct dis *d, const struct args_ldst_r *a)
{
    struct where w = where_r(d, a);
    return store_x(d, &w, a->rt, a->size | d->mem);
}

static ir_val literal(struct dis *d, const struct args_lit *a)
{
    return pc64(d, d->pc + (int64_t)a->imm * 4);
}

bool trans_ldr_lit(struct dis *d, const struct args_lit *a)
{
    set_gpr(d, a->rt, load(d, literal(d, a), a->size | d->mem, a->ext));
    return true;
}

/* A hint; there is no cache to fill. */
bool trans_prfm(struct dis *d UNUSED, const struct args_none *a UNUSED)
{
    return true;
}

/* --- pairs --- */

static struct where where_pair(struct dis *d, const struct args_pair *a)
{
    return at_offset(d, a->rn, (int64_t)a->imm * (1 << a->size), a->mode == PAIR_POST,
                     a->mode == PAIR_PRE);
}

static ir_val second(struct dis *d, const struct where *w, unsigned size)
{
    return ir_add(d->ir, w->addr, imm64(d, UINT64_C(1) << size));
}

bool trans_ldp(struct dis *d, const struct args_pair *a)
{
    struct where w = where_pair(d, a);
    ir_val v = load(d, w.addr, a->size | d->mem, a->ext);
    ir_val v2 = load(d, second(d, &w, a->size), a->size | d->mem, a->ext);
    write_back(d, &w);
    set_gpr(d, a->rt, v);
    set_gpr(d, a->rt2, v2);
    return true;
}

bool trans_stp(struct dis *d, const struct args_pair *a)
{
    struct where w = where_pair(d, a);
    ir_st(d->ir, w.addr, gpr64(d, a->rt), a->size | d->mem);
    ir_st(d->ir, second(d, &w, a->size), gpr64(d, a->rt2), a->size | d->mem);
    write_back(d, &w);
    return true;
}

/* --- v registers --- */

/* Of 16 bytes in big-endian order the first 8 are the high half. */
static ir_val addr_of_half(struct dis *d, ir_val addr, unsigned half)
{
    bool second = half != (d->mem & MO_BE ? 1 : 0);
    return second ? ir_add(d->ir, addr, imm64(d, 8)) : addr;
}

ir_val a64_load_v(struct dis *d, ir_val addr, unsigned size)
{
    if (size == MO_128 && (d->mem & MO_BE)) {
        ir_val high = ir_ld(d->ir, I64, addr_of_half(d, addr, 1), MO_64 | d->mem);
        ir_val low = ir_ld(d->ir, I64, addr_of_half(d, addr, 0), MO_64 | d->mem);
        return ir_vmake(d->ir, low, high);
    }
    if (size == MO_128)
        return ir_ld(d->ir, V128, addr, MO_128 | d->mem);
    if (size == MO_64 && !(d->mem & MO_BE))
        return ir_vfrom64(d->ir, ir_ld(d->ir, F64, addr, MO_64 | d->mem));
    if (size == MO_32 && !(d->mem & MO_BE))
        return ir_vfrom32(d->ir, ir_ld(d->ir, F32, addr, MO_32 | d->mem));
    return ir_vmake(d->ir, ir_ld(d->ir, I64, addr, size | d->mem), imm64(d, 0));
}

void a64_store_v(struct dis *d, ir_val addr, ir_val v, unsigned size)
{
    enum { LOW = MO_64, HIGH = MO_64 | 1 << 8 };
    if (size == MO_128 && (d->mem & MO_BE)) {
        ir_st(d->ir, addr_of_half(d, addr, 1), ir_vextr(d->ir, v, HIGH), MO_64 | d->mem);
        ir_st(d->ir, addr_of_half(d, addr, 0), ir_vextr(d->ir, v, LOW), MO_64 | d->mem);
    } else if (size == MO_128) {
        ir_st(d->ir, addr, v, MO_128 | d->mem);
    } else if (size == MO_64 && !(d->mem & MO_BE)) {
        ir_st(d->ir, addr, ir_vto64(d->ir, v), MO_64 | d->mem);
    } else if (size == MO_32 && !(d->mem & MO_BE)) {
        ir_st(d->ir, addr, ir_vto32(d->ir, v), MO_32 | d->mem);
    } else {
        ir_st(d->ir, addr, ir_vextr(d->ir, v, size), size | d->mem);
    }
}

static ir_val vector(struct dis *d, int n)
{
    return ir_get(d->ir, ARM_SLOT_V0 + n);
}

static void set_vector(struct dis *d, int n, ir_val v)
{
    ir_set(d->ir, ARM_SLOT_V0 + n, v);
}

static bool load_v(struct dis *d, const struct where *w, int rt, unsigned size)
{
    ir_val v = a64_load_v(d, w->addr, size);
    write_back(d, w);
    set_vector(d, rt, v);
    return true;
}

static bool store_v(struct dis *d, const struct where *w, int rt, unsigned size)
{
    a64_store_v(d, w->addr, vector(d, rt), size);
    write_back(d, w);
    return true;
}

bool trans_ldr_v_i(struct dis *d, const struct args_ldst_i *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_i(d, a);
    return load_v(d, &w, a->rt, a->size);
}

bool trans_str_v_i(struct dis *d, const struct args_ldst_i *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_i(d, a);
    return store_v(d, &w, a->rt, a->size);
}

bool trans_ldr_v_r(struct dis *d, const struct args_ldst_r *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_r(d, a);
    return load_v(d, &w, a->rt, a->size);
}

bool trans_str_v_r(struct dis *d, const struct args_ldst_r *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_r(d, a);
    return store_v(d, &w, a->rt, a->size);
}

bool trans_ldr_v_lit(struct dis *d, const struct args_lit *a)
{
    if (fp_is_trapped(d))
        return true;
    set_vector(d, a->rt, a64_load_v(d, literal(d, a), a->size));
    return true;
}

bool trans_ldp_v(struct dis *d, const struct args_pair *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_pair(d, a);
    ir_val v = a64_load_v(d, w.addr, a->size);
    ir_val v2 = a64_load_v(d, second(d, &w, a->size), a->size);
    write_back(d, &w);
    set_vector(d, a->rt, v);
    set_vector(d, a->rt2, v2);
    return true;
}

bool trans_stp_v(struct dis *d, const struct args_pair *a)
{
    if (fp_is_trapped(d))
        return true;
    struct where w = where_pair(d, a);
    a64_store_v(d, w.addr, vector(d, a->rt), a->size);
    a64_store_v(d, second(d, &w, a->size), vector(d, a->rt2), a->size);
    write_back(d, &w);
    return true;
}
