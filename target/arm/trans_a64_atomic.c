/*
 * A64: exclusive, ordered and atomic loads and stores.
 *
 * The local monitor is an address and the value seen there; a store-exclusive is a
 * compare-and-exchange on the host.  Ref: DDI 0487, B2.12 (exclusives), B2.3.11 (ordering).
 */
#include "target/arm/a64.h"

enum { QUANTITY = 16 }; /* FEAT_LSE2: accesses inside as many bytes, aligned, may be misaligned */

/*
 * The memop of an access at register base + offset that must be aligned, or with FEAT_LSE2 lie
 * inside 16 bytes: emits the check.
 */
static uint32_t aligned(struct dis *d, int base, int64_t offset, unsigned size, bool is_store)
{
    if (!dis_has(d, ARM_F_LSE2) || (d->mem & MO_ALIGN))
        return size | d->mem | MO_ALIGN;
    if (size) {
        ir_val addr = ir_add(d->ir, gpr_sp(d, base, true), imm64(d, offset));
        ir_val first = ir_and(d->ir, addr, imm64(d, QUANTITY - 1));
        raise_misaligned_if(d, first, imm64(d, QUANTITY - (UINT64_C(1) << size)), IR_GTU, base,
                            offset, is_store);
    }
    return size | d->mem;
}

/* The same for an ordered access, which SCTLR.nAA lets lie anywhere. */
static uint32_t ordered(struct dis *d, int base, int64_t offset, unsigned size, bool is_store)
{
    if ((d->mode & ARM_MODE_NAA) && !(d->mem & MO_ALIGN))
        return size | d->mem;
    return aligned(d, base, offset, size, is_store);
}

/* Pairs of x registers, 16 bytes: no misalignment is allowed. */
static void check_16(struct dis *d, int base, bool is_store)
{
    ir_val low = ir_and(d->ir, gpr_sp(d, base, true), imm64(d, QUANTITY - 1));
    raise_misaligned_if(d, low, imm64(d, 0), IR_NE, base, 0, is_store);
}

/* --- ordered --- */

static bool load_acquire(struct dis *d, const struct args_ordered *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    uint32_t memop = ordered(d, a->rn, 0, a->size, false) | MO_ACQ;
    set_gpr(d, a->rt, ir_ld(d->ir, I64, addr, memop));
    return true;
}

bool trans_ldar(struct dis *d, const struct args_ordered *a)
{
    return load_acquire(d, a);
}

bool trans_ldapr(struct dis *d, const struct args_ordered *a)
{
    return load_acquire(d, a);
}

/* A later LDAR must not pass it: both orders. */
bool trans_stlr(struct dis *d, const struct args_ordered *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    uint32_t memop = ordered(d, a->rn, 0, a->size, true) | MO_REL | MO_ACQ;
    ir_st(d->ir, addr, gpr64(d, a->rt), memop);
    return true;
}

bool trans_ldapur(struct dis *d, const struct args_ldst_i *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, a->imm));
    uint32_t memop = ordered(d, a->rn, a->imm, a->size, false) | MO_ACQ | (a->ext ? MO_SIGN : 0);
    set_gpr(d, a->rt, ir_ld(d->ir, a->ext == 2 ? I32 : I64, addr, memop));
    return true;
}

bool trans_stlur(struct dis *d, const struct args_ldst_i *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, a->imm));
    uint32_t memop = ordered(d, a->rn, a->imm, a->size, true) | MO_REL | MO_ACQ;
    ir_st(d->ir, addr, gpr64(d, a->rt), memop);
    return true;
}

/* --- exclusive --- */

static void set_monitor(struct dis *d, ir_val addr, ir_val low, ir_val high)
{
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, addr);
    ir_set(d->ir, ARM_SLOT_EXCL_VAL, low);
    ir_set(d->ir, ARM_SLOT_EXCL_HIGH, high);
}

bool trans_ldxr(struct dis *d, const struct args_excl *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    uint32_t memop = aligned(d, a->rn, 0, a->size, false) | (a->acq ? MO_ACQ : 0);
    ir_val v = ir_ld(d->ir, I64, addr, memop);
    set_monitor(d, addr, v, imm64(d, 0));
    set_gpr(d, a->rt, v);
    return true;
}

/* Two w registers: one access of 8 bytes; the first is at the lower address. */
static void load_pair_32(struct dis *d, const struct args_excl *a, ir_val addr)
{
    uint32_t memop = aligned(d, a->rn, 0, MO_64, false) | (a->acq ? MO_ACQ : 0);
    ir_val v = ir_ld(d->ir, I64, addr, memop);
    ir_val low = ir_trunc(d->ir, v), high = ir_trunc(d->ir, ir_shr(d->ir, v, imm64(d, 32)));
    bool be = d->mem & MO_BE;
    set_monitor(d, addr, v, imm64(d, 0));
    set_gpr(d, a->rt, be ? high : low);
    set_gpr(d, a->rt2, be ? low : high);
}

bool trans_ldxp(struct dis *d, const struct args_excl *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    if (a->size == MO_32) {
        load_pair_32(d, a, addr);
        return true;
    }
    check_16(d, a->rn, false);
    uint32_t memop = MO_64 | d->mem | MO_ALIGN | (a->acq ? MO_ACQ : 0);
    ir_val first = ir_ld(d->ir, I64, addr, memop);
    ir_val second = ir_ld(d->ir, I64, ir_add(d->ir, addr, imm64(d, 8)), memop);
    set_monitor(d, addr, first, second);
    set_gpr(d, a->rt, first);
    set_gpr(d, a->rt2, second);
    return true;
}

static ir_val value_32(struct dis *d, int rt, int rt2)
{
    bool be = d->mem & MO_BE;
    ir_val low = ir_zext32(d->ir, gpr32(d, be ? rt2 : rt));
    ir_val high = ir_zext32(d->ir, gpr32(d, be ? rt : rt2));
    return ir_or(d->ir, low, ir_shl(d->ir, high, imm64(d, 32)));
}

/* The status of the store, and the monitor is open. */
static void finish_store(struct dis *d, int rs, ir_val failed, unsigned join)
{
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, imm64(d, ~UINT64_C(0)));
    set_gpr(d, rs, failed);
    ir_br(d->ir, join);
}

static ir_val exchange(struct dis *d, const struct args_excl *a, bool is_pair, uint32_t memop)
{
    ir_val addr = gpr_sp(d, a->rn, true);
    if (is_pair && a->size == MO_64) {
        set_pc(d, d->pc);
        return call_stxp(d->ir, addr, gpr64(d, a->rt), gpr64(d, a->rt2), imm32(d, memop));
    }
    ir_val v = is_pair ? value_32(d, a->rt, a->rt2) : gpr64(d, a->rt);
    ir_val seen = ir_get(d->ir, ARM_SLOT_EXCL_VAL);
    ir_val old = ir_cas(d->ir, addr, seen, v, memop);
    return ir_setcond(d->ir, old, seen, IR_NE);
}

/* Values do not outlive a block, so each branch reads the registers again. */
static bool store_exclusive(struct dis *d, const struct args_excl *a, bool is_pair)
{
    unsigned try = ir_block_new(d->ir), miss = ir_block_new(d->ir), join = ir_block_new(d->ir);
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    unsigned size = is_pair && a->size == MO_32 ? MO_64 : a->size;
    uint32_t memop = MO_64 | d->mem;
    if (is_pair && a->size == MO_64)
        check_16(d, a->rn, true);
    else
        memop = aligned(d, a->rn, 0, size, true);
    ir_brcond(d->ir, ir_get(d->ir, ARM_SLOT_EXCL_ADDR), addr, IR_EQ, try, miss);

    ir_block_begin(d->ir, try);
    finish_store(d, a->rs, exchange(d, a, is_pair, memop | MO_REL | (a->acq ? MO_ACQ : 0)), join);
    ir_block_begin(d->ir, miss);
    finish_store(d, a->rs, imm64(d, 1), join);
    ir_block_begin(d->ir, join);
    flags_forget(d);
    return true;
}

bool trans_stxr(struct dis *d, const struct args_excl *a)
{
    return store_exclusive(d, a, false);
}

bool trans_stxp(struct dis *d, const struct args_excl *a)
{
    return store_exclusive(d, a, true);
}

/* --- atomic --- */

typedef ir_val build_amo(struct ir *ir, ir_val addr, ir_val v, uint32_t memop);

static uint32_t order(const struct args_amo *a)
{
    return (a->acq ? MO_ACQ : 0) | (a->rel ? MO_REL : 0);
}

static bool amo(struct dis *d, const struct args_amo *a, build_amo *op, bool invert)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0)), v = gpr64(d, a->rs);
    uint32_t memop = aligned(d, a->rn, 0, a->size, true) | order(a);
    set_gpr(d, a->rt, op(d->ir, addr, invert ? ir_not(d->ir, v) : v, memop));
    return true;
}

bool trans_ldadd(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_add, false);
}

bool trans_ldclr(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_and, true);
}

bool trans_ldeor(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_xor, false);
}

bool trans_ldset(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_or, false);
}

bool trans_ldsmax(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_max, false);
}

bool trans_ldsmin(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_min, false);
}

bool trans_ldumax(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_maxu, false);
}

bool trans_ldumin(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_minu, false);
}

bool trans_swp(struct dis *d, const struct args_amo *a)
{
    return amo(d, a, ir_atomic_swap, false);
}

bool trans_cas(struct dis *d, const struct args_amo *a)
{
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0)), expect = gpr64(d, a->rs);
    uint32_t memop = aligned(d, a->rn, 0, a->size, true) | order(a);
    if (a->size < MO_64)
        expect = ir_extract(d->ir, expect, 8 << a->size << 8);
    set_gpr(d, a->rs, ir_cas(d->ir, addr, expect, gpr64(d, a->rt), memop));
    return true;
}

static void cas_pair_32(struct dis *d, const struct args_amo *a, ir_val addr)
{
    uint32_t memop = aligned(d, a->rn, 0, MO_64, true) | order(a);
    ir_val expect = value_32(d, a->rs, a->rs + 1), v = value_32(d, a->rt, a->rt + 1);
    ir_val old = ir_cas(d->ir, addr, expect, v, memop);
    bool be = d->mem & MO_BE;
    set_gpr(d, a->rs + be, ir_trunc(d->ir, old));
    set_gpr(d, a->rs + !be, ir_trunc(d->ir, ir_shr(d->ir, old, imm64(d, 32))));
}

/* Pairs begin with an even register. */
bool trans_casp(struct dis *d, const struct args_amo *a)
{
    if ((a->rs | a->rt) & 1)
        return false;
    ir_val addr = mem_addr(d, a->rn, imm64(d, 0));
    if (a->size == MO_32) {
        cas_pair_32(d, a, addr);
        return true;
    }
    check_16(d, a->rn, true);
    set_pc(d, d->pc);
    call_casp(d->ir, addr, imm32(d, a->rs), imm32(d, a->rt), imm32(d, MO_64 | d->mem | order(a)));
    return true;
}
