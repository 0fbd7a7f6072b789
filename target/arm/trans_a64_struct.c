/* A64: loads and stores of structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R.  Ref: DDI 0487, C7.2.
 */
#include "target/arm/a64.h"

enum { VECTORS = 32, NO_INDEX = -1, INDEX_BYTES = 31 };

static ir_val vector(struct dis *d, int n)
{
    return ir_get(d->ir, ARM_SLOT_V0 + n % VECTORS);
}

static void set_vector(struct dis *d, int n, ir_val v)
{
    ir_set(d->ir, ARM_SLOT_V0 + n % VECTORS, v);
}

static ir_val base_addr(struct dis *d, int rn)
{
    return mem_addr(d, rn, imm64(d, 0));
}

static ir_val plus(struct dis *d, ir_val addr, unsigned bytes)
{
    return ir_add(d->ir, addr, imm64(d, bytes));
}

/* Post-index.  The base is read again: a helper may have come between. */
static bool finish(struct dis *d, int rn, int rm, unsigned bytes)
{
    if (rm == NO_INDEX)
        return true;
    ir_val by = rm == INDEX_BYTES ? imm64(d, bytes) : gpr64(d, rm);
    bool aligned = d->sp_aligned && rm == INDEX_BYTES && !(bytes & 15);
    set_gpr_sp(d, rn, ir_add(d->ir, gpr_sp(d, rn, true), by));
    d->sp_aligned = rn == 31 ? aligned : d->sp_aligned;
    return true;
}

/* --- whole registers --- */

/*
 * In line: registers that lie one after another in memory, and structures of two and four, which
 * are taken apart by halving.
 */
static bool is_inline(const struct dis *d, const struct args_multi *a)
{
    return a->selem != 3 && !(d->mem & (MO_BE | MO_ALIGN));
}

/* Elements are what must be aligned in Device memory; of 8 bytes: to 4. */
static uint32_t elements(const struct args_multi *a)
{
    return (a->size < MO_32 ? a->size + 1u : 3u) << MO_ELEMS_SHIFT;
}

static ir_val load_part(struct dis *d, const struct args_multi *a, ir_val addr, unsigned size)
{
    if (size == MO_128)
        return ir_ld(d->ir, V128, addr, MO_128 | d->mem | elements(a));
    return ir_vfrom64(d->ir, ir_ld(d->ir, F64, addr, MO_64 | d->mem | elements(a)));
}

static void store_part(struct dis *d, const struct args_multi *a, ir_val addr, ir_val v,
                       unsigned size)
{
    if (size == MO_128)
        ir_st(d->ir, addr, v, MO_128 | d->mem | elements(a));
    else
        ir_st(d->ir, addr, ir_vto64(d->ir, v), MO_64 | d->mem | elements(a));
}

static ir_val load_q(struct dis *d, const struct args_multi *a, ir_val addr, unsigned n)
{
    return load_part(d, a, plus(d, addr, 16 * n), MO_128);
}

/* Even lanes of memory, then odd ones. */
static void unzip(struct dis *d, ir_val v[2], ir_val a, ir_val b, uint32_t esz)
{
    v[0] = ir_vuzp1(d->ir, a, b, esz);
    v[1] = ir_vuzp2(d->ir, a, b, esz);
}

static void load_2(struct dis *d, const struct args_multi *a, ir_val addr, ir_val v[4])
{
    ir_val first = load_q(d, a, addr, 0);
    unzip(d, v, first, a->q ? load_q(d, a, addr, 1) : first, a->size);
}

static void load_4(struct dis *d, const struct args_multi *a, ir_val addr, ir_val v[4])
{
    ir_val in[4], low[2], high[2], even[2], odd[2];
    for (unsigned i = 0; i < (a->q ? 4 : 2); i++)
        in[i] = load_q(d, a, addr, i);
    unzip(d, low, in[0], in[1], a->size);
    if (a->q)
        unzip(d, high, in[2], in[3], a->size);
    unzip(d, even, low[0], a->q ? high[0] : low[0], a->size);
    unzip(d, odd, low[1], a->q ? high[1] : low[1], a->size);
    v[0] = even[0];
    v[1] = odd[0];
    v[2] = even[1];
    v[3] = odd[1];
}

static void load_inline(struct dis *d, const struct args_multi *a)
{
    ir_val v[4], addr = base_addr(d, a->rn);
    unsigned n = (unsigned)(a->selem * a->rpt), size = a->q ? MO_128 : MO_64;
    if (a->selem == 2)
        load_2(d, a, addr, v);
    else if (a->selem == 4)
        load_4(d, a, addr, v);
    else
        for (unsigned i = 0; i < n; i++)
            v[i] = load_part(d, a, plus(d, addr, i << size), size);
    for (unsigned i = 0; i < n; i++)
        set_vector(d, a->rt + (int)i, a->selem > 1 && !a->q ? ir_vlow(d->ir, v[i]) : v[i]);
}

static void store_q(struct dis *d, const struct args_multi *a, ir_val addr, unsigned n, ir_val v)
{
    store_part(d, a, plus(d, addr, 16 * n), v, MO_128);
}

static void store_2(struct dis *d, const struct args_multi *a, ir_val addr)
{
    ir_val x = vector(d, a->rt), y = vector(d, a->rt + 1);
    store_q(d, a, addr, 0, ir_vzip1(d->ir, x, y, a->size));
    if (a->q)
        store_q(d, a, addr, 1, ir_vzip2(d->ir, x, y, a->size));
}

static void store_4(struct dis *d, const struct args_multi *a, ir_val addr)
{
    ir_val v[4];
    for (int i = 0; i < 4; i++)
        v[i] = vector(d, a->rt + i);
    ir_val even = ir_vzip1(d->ir, v[0], v[2], a->size), odd = ir_vzip1(d->ir, v[1], v[3], a->size);
    store_q(d, a, addr, 0, ir_vzip1(d->ir, even, odd, a->size));
    store_q(d, a, addr, 1, ir_vzip2(d->ir, even, odd, a->size));
    if (!a->q)
        return;
    even = ir_vzip2(d->ir, v[0], v[2], a->size);
    odd = ir_vzip2(d->ir, v[1], v[3], a->size);
    store_q(d, a, addr, 2, ir_vzip1(d->ir, even, odd, a->size));
    store_q(d, a, addr, 3, ir_vzip2(d->ir, even, odd, a->size));
}

static void store_inline(struct dis *d, const struct args_multi *a)
{
    ir_val addr = base_addr(d, a->rn);
    unsigned size = a->q ? MO_128 : MO_64;
    if (a->selem == 2)
        store_2(d, a, addr);
    else if (a->selem == 4)
        store_4(d, a, addr);
    else
        for (int i = 0; i < a->rpt; i++)
            store_part(d, a, plus(d, addr, (unsigned)i << size), vector(d, a->rt + i), size);
}

static void by_helper(struct dis *d, const struct args_multi *a)
{
    ir_val addr = base_addr(d, a->rn), memop = imm32(d, a->size | d->mem);
    ir_val how = imm32(d, struct_how(a->rt, a->q, a->selem, a->rpt));
    set_pc(d, d->pc);
    if (a->load)
        call_ld_struct(d->ir, addr, how, memop);
    else
        call_st_struct(d->ir, addr, how, memop);
}

bool trans_ldst_multi(struct dis *d, const struct args_multi *a)
{
    if (a->size == MO_64 && !a->q && a->selem != 1)
        return false;
    if (fp_is_trapped(d))
        return true;
    if (!is_inline(d, a))
        by_helper(d, a);
    else if (a->load)
        load_inline(d, a);
    else
        store_inline(d, a);
    return finish(d, a->rn, a->rm, (unsigned)(a->selem * a->rpt) * (a->q ? 16 : 8));
}

/* --- one element of each register --- */

static void load_elements(struct dis *d, const struct args_single *a)
{
    ir_val v[4], addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++)
        v[i] = ir_ld(d->ir, I64, plus(d, addr, i << a->size), a->size | d->mem);
    for (int i = 0; i < a->selem; i++) {
        ir_val old = vector(d, a->rt + i);
        set_vector(d, a->rt + i, ir_vins(d->ir, old, v[i], a->size | a->index << 8));
    }
}

static void store_elements(struct dis *d, const struct args_single *a)
{
    ir_val addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++) {
        ir_val v = ir_vextr(d->ir, vector(d, a->rt + i), a->size | a->index << 8);
        ir_st(d->ir, plus(d, addr, i << a->size), v, a->size | d->mem);
    }
}

bool trans_ldst_single(struct dis *d, const struct args_single *a)
{
    if (fp_is_trapped(d))
        return true;
    if (a->load)
        load_elements(d, a);
    else
        store_elements(d, a);
    return finish(d, a->rn, a->rm, (unsigned)a->selem << a->size);
}

bool trans_ld_repl(struct dis *d, const struct args_repl *a)
{
    if (fp_is_trapped(d))
        return true;
    ir_val v[4], addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++)
        v[i] = ir_ld(d->ir, I64, plus(d, addr, i << a->size), a->size | d->mem);
    for (int i = 0; i < a->selem; i++) {
        ir_val all = ir_vdup(d->ir, v[i], a->size);
        set_vector(d, a->rt + i, a->q ? all : ir_vlow(d->ir, all));
    }
    return finish(d, a->rn, a->rm, (unsigned)a->selem << a->size);
}
