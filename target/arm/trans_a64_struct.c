/* A64: loads and stores of structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R.  Ref: DDI 0487, C7.2.
 */
#include "target/arm/a64.h"

enum { VECTORS = 32, NO_INDEX = -1, INDEX_BYTES = 31 };

static int32_t offset_of(int v, unsigned byte)
{
    return (int32_t)(offsetof(struct arm_cpu, v) + (size_t)v * sizeof(union arm_vreg) + byte);
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

/* Registers that lie one after another in memory, whatever the size of their elements. */
static bool is_plain(const struct dis *d, const struct args_multi *a)
{
    return a->selem == 1 && !(d->mem & (MO_BE | MO_ALIGN));
}

static void load_plain(struct dis *d, const struct args_multi *a)
{
    ir_val v[8], addr = base_addr(d, a->rn);
    int halves = a->q ? 2 : 1, n = a->rpt * halves;
    for (int i = 0; i < n; i++)
        v[i] = ir_ld(d->ir, I64, plus(d, addr, 8 * i), MO_64 | d->mem);
    for (int i = 0; i < a->rpt; i++) {
        int rt = (a->rt + i) % VECTORS;
        ir_env_st(d->ir, v[i * halves], MO_64, offset_of(rt, 0));
        ir_env_st(d->ir, a->q ? v[i * halves + 1] : imm64(d, 0), MO_64, offset_of(rt, 8));
    }
}

static void store_plain(struct dis *d, const struct args_multi *a)
{
    ir_val addr = base_addr(d, a->rn);
    unsigned at = 0, bytes = a->q ? 16 : 8;
    for (int i = 0; i < a->rpt; i++)
        for (unsigned byte = 0; byte < bytes; byte += 8, at += 8) {
            ir_val v = ir_env_ld(d->ir, I64, MO_64, offset_of((a->rt + i) % VECTORS, byte));
            ir_st(d->ir, plus(d, addr, at), v, MO_64 | d->mem);
        }
}

static void interleaved(struct dis *d, const struct args_multi *a)
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
    if (!is_plain(d, a))
        interleaved(d, a);
    else if (a->load)
        load_plain(d, a);
    else
        store_plain(d, a);
    return finish(d, a->rn, a->rm, (unsigned)(a->selem * a->rpt) * (a->q ? 16 : 8));
}

/* --- one element of each register --- */

static void load_elements(struct dis *d, const struct args_single *a)
{
    ir_val v[4], addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++)
        v[i] = ir_ld(d->ir, I64, plus(d, addr, i << a->size), a->size | d->mem);
    for (int i = 0; i < a->selem; i++)
        ir_env_st(d->ir, v[i], a->size, offset_of((a->rt + i) % VECTORS, a->index << a->size));
}

static void store_elements(struct dis *d, const struct args_single *a)
{
    ir_val addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++) {
        int32_t at = offset_of((a->rt + i) % VECTORS, a->index << a->size);
        ir_val v = ir_env_ld(d->ir, I64, a->size, at);
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

/* 1 in each element of a half register. */
static uint64_t ones_of(unsigned size)
{
    static const uint64_t ones[] = {
        UINT64_C(0x0101010101010101),
        UINT64_C(0x0001000100010001),
        UINT64_C(0x0000000100000001),
        1,
    };
    return ones[size];
}

bool trans_ld_repl(struct dis *d, const struct args_repl *a)
{
    if (fp_is_trapped(d))
        return true;
    ir_val v[4], addr = base_addr(d, a->rn);
    for (int i = 0; i < a->selem; i++)
        v[i] = ir_ld(d->ir, I64, plus(d, addr, i << a->size), a->size | d->mem);
    for (int i = 0; i < a->selem; i++) {
        int rt = (a->rt + i) % VECTORS;
        ir_val low = ir_mul(d->ir, v[i], imm64(d, ones_of(a->size)));
        ir_env_st(d->ir, low, MO_64, offset_of(rt, 0));
        ir_env_st(d->ir, a->q ? low : imm64(d, 0), MO_64, offset_of(rt, 8));
    }
    return finish(d, a->rn, a->rm, (unsigned)a->selem << a->size);
}
