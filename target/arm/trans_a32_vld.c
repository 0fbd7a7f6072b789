/* A32 and T32: AdvSIMD loads and stores of elements and structures.  Ref: DDI 0487, F6.1. */
#include "target/arm/trans_a32.h"
#include "target/arm/trans_simd.h"

/* An access under way: addresses go up element by element. */
struct structure {
    ir_val base;
    uint32_t offset, memop;
    unsigned esz;
    bool is_load;
};

static struct structure begin(struct dis *d, int rn, unsigned esz, bool is_load)
{
    return (struct structure){
        .base = a32_reg(d, rn), .esz = esz, .is_load = is_load, .memop = esz | d->mem};
}

static void element(struct dis *d, struct structure *s, int word, unsigned index)
{
    ir_val at = a32_addr(d, ir_add(d->ir, s->base, imm32(d, s->offset)));
    if (s->is_load)
        a32_vset_lane(d, word, s->esz, index, ir_ld(d->ir, I64, at, s->memop));
    else
        ir_st(d->ir, at, a32_vget_lane(d, word, s->esz, index, false), s->memop);
    s->offset += 1u << s->esz;
}

/* rm: 15 none, 13 by what was transferred, else a register. */
static void write_back(struct dis *d, int rn, int rm, uint32_t bytes)
{
    if (rm == 15)
        return;
    ir_val by = rm == 13 ? imm32(d, bytes) : a32_reg(d, rm);
    a32_set_reg(d, rn, ir_add(d->ir, a32_reg(d, rn), by));
}

/* The alignment that an instruction asks for: bytes, a power of two; more than the element's. */
static void check_alignment(struct dis *d, const struct structure *s, unsigned bytes)
{
    if (bytes > 1)
        a32_check_aligned(d, s->base, bytes, !s->is_load);
}

/* --- multiple structures: registers, structures' elements, distance --- */

struct layout {
    uint8_t regs, elems, step;
};

static bool layout_of(unsigned type, struct layout *l)
{
    static const struct layout layouts[16] = {
        [0] = {1, 4, 1}, [1] = {1, 4, 2}, [2] = {4, 1, 1},  [3] = {2, 2, 2},
        [4] = {1, 3, 1}, [5] = {1, 3, 2}, [6] = {3, 1, 1},  [7] = {1, 1, 1},
        [8] = {1, 2, 1}, [9] = {1, 2, 2}, [10] = {2, 1, 1},
    };
    *l = layouts[type];
    return l->regs;
}

static bool is_bad_multi(const struct args_nls *a, const struct layout *l)
{
    if (a->size == 3 && l->elems > 1)
        return true;
    switch (a->type) {
    case 4:
    case 5:
    case 6:
    case 7: return a->align & 2;
    case 8:
    case 9:
    case 10: return a->align == 3;
    }
    return false;
}

bool trans_vld_multi(struct dis *d, const struct args_nls *a)
{
    struct layout l;
    if (!layout_of((unsigned)a->type, &l) || is_bad_multi(a, &l) || a->rn == 15)
        return false;
    int last = a->vd + 2 * (l.step * (l.elems - 1) + (l.elems == 1  ? l.regs - 1
                                                      : l.regs == 2 ? 1
                                                                    : 0));
    if (last >= 64 || a32_bad_d(d, last, false))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    /* Elements that follow each other are as good as registers where those are aligned. */
    bool by_register = l.elems == 1 && a->align && !(d->mode & ARM_MODE_BE);
    unsigned size = by_register ? 3 : (unsigned)a->size;
    struct structure s = begin(d, a->rn, size, a->l);
    check_alignment(d, &s, a->align ? 4u << a->align : 1);
    for (int r = 0; r < l.regs; r++)
        for (unsigned i = 0; i < 8u >> size; i++)
            for (int e = 0; e < l.elems; e++)
                element(d, &s, a->vd + 2 * (r + e * l.step), i);
    write_back(d, a->rn, a->rm, s.offset);
    return true;
}

/* --- one structure, to one lane --- */

/* What index_align says: lane, distance of registers, alignment in bytes (0: none); false:
 * reserved. */
static bool lane_fields(const struct args_nls1 *a, unsigned *lane, int *step, unsigned *align)
{
    unsigned ia = (unsigned)a->index_align, size = (unsigned)a->size, n = (unsigned)a->n + 1;
    unsigned bytes = 1u << size, low = ia & ((1u << size) - 1);
    *lane = ia >> (size + 1);
    *step = size == 0 ? 1 : size == 1 ? (ia & 2 ? 2 : 1) : (ia & 4 ? 2 : 1);
    *align = 0;
    switch (n) {
    case 1:
        if (size == 0)
            return !(ia & 1);
        if (size == 1) {
            *align = ia & 1 ? 2 : 0;
            return !(ia & 2);
        }
        *align = (ia & 3) == 3 ? 4 : 0;
        return !(ia & 4) && ((ia & 3) == 0 || (ia & 3) == 3);
    case 2: *align = ia & 1 ? 2 * bytes : 0; return size != 2 || !(ia & 2);
    case 3: return size == 2 ? !(ia & 3) : !(ia & 1);
    }
    (void)low;
    if (size == 2) {
        *align = ia & 3 ? 4u << (ia & 3) : 0;
        return (ia & 3) != 3;
    }
    *align = ia & 1 ? 4 * bytes : 0;
    return true;
}

bool trans_vld_one(struct dis *d, const struct args_nls1 *a)
{
    unsigned lane, align;
    int step;
    if (!lane_fields(a, &lane, &step, &align) || a->rn == 15)
        return false;
    int last = a->vd + 2 * step * a->n;
    if (last >= 64 || a32_bad_d(d, last, false))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    struct structure s = begin(d, a->rn, (unsigned)a->size, a->l);
    check_alignment(d, &s, align);
    for (int e = 0; e <= a->n; e++)
        element(d, &s, a->vd + 2 * step * e, lane);
    write_back(d, a->rn, a->rm, s.offset);
    return true;
}

/* --- one structure, to all lanes --- */

static bool all_lanes_align(const struct args_nlsall *a, unsigned *align)
{
    unsigned size = (unsigned)a->size;
    *align = a->a ? (unsigned)(a->n + 1) << size : 0;
    switch (a->n) {
    case 0: return size != 3 && (size || !a->a);
    case 1: return size != 3;
    case 2: return size != 3 && !a->a;
    }
    if (size == 3)
        *align = 16;
    else if (size == 2 && a->a)
        *align = 8;
    return size != 3 || a->a;
}

static void copy_to_all(struct dis *d, int word, unsigned esz, ir_val v)
{
    static const uint64_t ones[] = {UINT64_C(0x0101010101010101), UINT64_C(0x0001000100010001),
                                    UINT64_C(0x100000001)};
    a32_vset(d, word, 3, ir_mul(d->ir, v, imm64(d, ones[esz])));
}

bool trans_vld_all(struct dis *d, const struct args_nlsall *a)
{
    unsigned align, esz = a->size == 3 ? 2 : (unsigned)a->size;
    /* Of single elements T says whether there are two registers; else their distance. */
    int step = a->n && a->t ? 2 : 1, regs = a->n == 0 ? 1 + a->t : 1;
    if (!all_lanes_align(a, &align) || a->rn == 15)
        return false;
    int last = a->vd + 2 * (step * a->n + regs - 1);
    if (last >= 64 || a32_bad_d(d, last, false))
        return false;
    if (a32_fp_is_trapped(d, true))
        return true;
    struct structure s = begin(d, a->rn, esz, true);
    check_alignment(d, &s, align);
    for (int e = 0; e <= a->n; e++) {
        ir_val at = a32_addr(d, ir_add(d->ir, s.base, imm32(d, s.offset)));
        ir_val v = ir_ld(d->ir, I64, at, s.memop);
        for (int r = 0; r < regs; r++)
            copy_to_all(d, a->vd + 2 * (step * e + r), esz, v);
        s.offset += 1u << esz;
    }
    write_back(d, a->rn, a->rm, s.offset);
    return true;
}
