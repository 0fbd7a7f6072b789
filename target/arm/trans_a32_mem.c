/* A32 and T32: loads and stores of general registers, exclusives.  Ref: DDI 0487, F5.1, E2. */
#include "target/arm/trans_a32.h"

#include "target/arm/a32.h"
#include "util/bits.h"

/* mo of the tables, and how the processor's state has it done. */
static uint32_t memop_of(const struct dis *d, int mo, int unprivileged)
{
    enum { SIGNED = 8 };
    uint32_t size = (unsigned)mo & 7;
    return size | (mo & SIGNED ? MO_SIGN : 0) | (unprivileged ? d->mem_unpriv : d->mem);
}

static ir_val offset_by(struct dis *d, ir_val base, ir_val offset, bool up)
{
    return up ? ir_add(d->ir, base, offset) : ir_sub(d->ir, base, offset);
}

/* --- single registers --- */

/* Where an instruction accesses, and what the base becomes. */
struct place {
    ir_val addr, after;
    int rn;
    bool writes_back;
};

static struct place place_of(struct dis *d, int rn, ir_val offset, bool p, bool u, bool w)
{
    ir_val base = a32_base(d, rn), moved = offset_by(d, base, offset, u);
    if (!p || w)
        a32_check_base(d, rn, moved);
    return (struct place){p ? moved : base, moved, rn, !p || w};
}

static void write_back(struct dis *d, const struct place *at)
{
    if (at->writes_back)
        a32_set_reg(d, at->rn, at->after);
}

/* Base and other registers that are UNPREDICTABLE are taken as unallocated. */
static bool is_bad_base(int rn, bool p, bool w, int rt, int rm, int mo)
{
    bool wb = !p || w;
    return (wb && (rn == 15 || rn == rt)) || rm == 15 || (rt == 15 && (mo & 7) != MO_32);
}

static bool load(struct dis *d, const struct place *at, int rt, uint32_t memop)
{
    if (rt == 15 && !a32_may_branch(d))
        return false;
    ir_val v = ir_ld(d->ir, I32, a32_addr(d, at->addr), memop);
    write_back(d, at);
    if (rt == 15)
        a32_bx(d, v, at->rn == 13 ? IR_HINT_RET : IR_HINT_NONE);
    else
        a32_set_reg(d, rt, v);
    return true;
}

static bool store(struct dis *d, const struct place *at, int rt, uint32_t memop)
{
    ir_st(d->ir, a32_addr(d, at->addr), a32_reg(d, rt), memop);
    write_back(d, at);
    return true;
}

bool trans_ldr_imm(struct dis *d, const struct args_ls_imm *a)
{
    if (is_bad_base(a->rn, a->p, a->w, a->rt, 0, a->mo))
        return false;
    struct place at = place_of(d, a->rn, imm32(d, a->imm), a->p, a->u, a->w);
    return load(d, &at, a->rt, memop_of(d, a->mo, a->t));
}

bool trans_str_imm(struct dis *d, const struct args_ls_imm *a)
{
    if (is_bad_base(a->rn, a->p, a->w, a->rt, 0, a->mo))
        return false;
    struct place at = place_of(d, a->rn, imm32(d, a->imm), a->p, a->u, a->w);
    return store(d, &at, a->rt, memop_of(d, a->mo, a->t));
}

static struct place place_of_reg(struct dis *d, const struct args_ls_reg *a)
{
    ir_val offset = a32_shift_imm(d, a32_reg(d, a->rm), a->type, a->amount);
    return place_of(d, a->rn, offset, a->p, a->u, a->w);
}

bool trans_ldr_reg(struct dis *d, const struct args_ls_reg *a)
{
    if (is_bad_base(a->rn, a->p, a->w, a->rt, a->rm, a->mo))
        return false;
    struct place at = place_of_reg(d, a);
    return load(d, &at, a->rt, memop_of(d, a->mo, a->t));
}

bool trans_str_reg(struct dis *d, const struct args_ls_reg *a)
{
    if (is_bad_base(a->rn, a->p, a->w, a->rt, a->rm, a->mo))
        return false;
    struct place at = place_of_reg(d, a);
    return store(d, &at, a->rt, memop_of(d, a->mo, a->t));
}

/* --- pairs: one access of 64 bits, aligned to 32 (single-copy atomic if to 64, with LPAE) --- */

static bool is_bad_pair(int rn, bool p, bool w, int rt, int rt2)
{
    bool wb = !p || w;
    return rt == 15 || rt2 >= 15 || (wb && (rn == 15 || rn == rt || rn == rt2));
}

static uint32_t pair_memop(const struct dis *d)
{
    return MO_64 | (d->mem & ~(uint32_t)MO_ALIGN);
}

/* The word at the lower address is the high half of big-endian data. */
static bool first_is_high(const struct dis *d)
{
    return d->mode & ARM_MODE_BE;
}

static bool load_pair(struct dis *d, const struct place *at, int rt, int rt2)
{
    struct ir *ir = d->ir;
    a32_check_word(d, at->addr, false);
    ir_val v = ir_ld(ir, I64, a32_addr(d, at->addr), pair_memop(d));
    ir_val low = ir_trunc(ir, v), high = ir_trunc(ir, ir_shr(ir, v, imm64(d, 32)));
    write_back(d, at);
    a32_set_reg(d, rt, first_is_high(d) ? high : low);
    a32_set_reg(d, rt2, first_is_high(d) ? low : high);
    return true;
}

static ir_val pair_value(struct dis *d, int rt, int rt2)
{
    ir_val low = ir_zext32(d->ir, a32_reg(d, first_is_high(d) ? rt2 : rt));
    ir_val high = ir_zext32(d->ir, a32_reg(d, first_is_high(d) ? rt : rt2));
    return ir_or(d->ir, ir_shl(d->ir, high, imm64(d, 32)), low);
}

static void set_pair_value(struct dis *d, int rt, int rt2, ir_val v)
{
    ir_val low = ir_trunc(d->ir, v), high = ir_trunc(d->ir, ir_shr(d->ir, v, imm64(d, 32)));
    a32_set_reg(d, rt, first_is_high(d) ? high : low);
    a32_set_reg(d, rt2, first_is_high(d) ? low : high);
}

static bool store_pair(struct dis *d, const struct place *at, int rt, int rt2)
{
    a32_check_word(d, at->addr, true);
    ir_st(d->ir, a32_addr(d, at->addr), pair_value(d, rt, rt2), pair_memop(d));
    write_back(d, at);
    return true;
}

bool trans_ldrd_imm(struct dis *d, const struct args_lsd_imm *a)
{
    if (is_bad_pair(a->rn, a->p, a->w, a->rt, a->rt2) || a->rt == a->rt2)
        return false;
    struct place at = place_of(d, a->rn, imm32(d, a->imm), a->p, a->u, a->w);
    return load_pair(d, &at, a->rt, a->rt2);
}

bool trans_strd_imm(struct dis *d, const struct args_lsd_imm *a)
{
    if (is_bad_pair(a->rn, a->p, a->w, a->rt, a->rt2) || (a32_is_thumb(d) && a->rn == 15))
        return false;
    struct place at = place_of(d, a->rn, imm32(d, a->imm), a->p, a->u, a->w);
    return store_pair(d, &at, a->rt, a->rt2);
}

bool trans_ldrd_reg(struct dis *d, const struct args_lsd_reg *a)
{
    if (is_bad_pair(a->rn, a->p, a->w, a->rt, a->rt2) || a->rm == 15 || a->rm == a->rt ||
        a->rm == a->rt2)
        return false;
    struct place at = place_of(d, a->rn, a32_reg(d, a->rm), a->p, a->u, a->w);
    return load_pair(d, &at, a->rt, a->rt2);
}

bool trans_strd_reg(struct dis *d, const struct args_lsd_reg *a)
{
    if (is_bad_pair(a->rn, a->p, a->w, a->rt, a->rt2) || a->rm == 15)
        return false;
    struct place at = place_of(d, a->rn, a32_reg(d, a->rm), a->p, a->u, a->w);
    return store_pair(d, &at, a->rt, a->rt2);
}

/* --- multiple registers --- */

static unsigned count_of(int list)
{
    return (unsigned)__builtin_popcount((unsigned)list);
}

/* The lowest address, relative to the base.  Ref: F5.1.76 (LDM), F5.1.77 to .79. */
static int32_t lowest(const struct args_ldm *a)
{
    int32_t bytes = 4 * (int32_t)count_of(a->list);
    if (a->u)
        return a->p ? 4 : 0;
    return a->p ? -bytes : 4 - bytes;
}

static ir_val moved_base(struct dis *d, const struct args_ldm *a, ir_val base)
{
    int32_t bytes = 4 * (int32_t)count_of(a->list);
    return ir_add(d->ir, base, imm32(d, (uint32_t)(a->u ? bytes : -bytes)));
}

static ir_val word_address(struct dis *d, ir_val base, int32_t offset)
{
    return a32_addr(d, ir_add(d->ir, base, imm32(d, (uint32_t)offset)));
}

static bool is_bad_list(struct dis *d, const struct args_ldm *a)
{
    return !a->list || a->rn == 15 || (a->list >> 15 && !a32_may_branch(d));
}

/* LDM (user registers): those of User mode, whatever the mode.  Not in Hyp mode, nor where there
 * is only one set. */
static bool has_user_bank(const struct dis *d)
{
    return d->el && d->el != 2 && !(d->mode & ARM_MODE_SYS);
}

static ir_val user_reg(struct dis *d, int n)
{
    return n >= 8 && n < 15 ? call_a32_get_user(d->ir, imm32(d, (uint32_t)n)) : a32_reg(d, n);
}

static void set_user_reg(struct dis *d, int n, ir_val v)
{
    if (n >= 8)
        call_a32_set_user(d->ir, imm32(d, (uint32_t)n), v);
    else
        a32_set_reg(d, n, v);
}

/* A register whose value decides about what is left to do is written last. */
static ir_val load_list(struct dis *d, const struct args_ldm *a, ir_val base, ir_val *new_base,
                        bool user)
{
    int32_t off = lowest(a);
    ir_val pc = IR_NONE;
    for (int n = 0; n < 16; n++) {
        if (!(a->list >> n & 1))
            continue;
        ir_val v = ir_ld(d->ir, I32, word_address(d, base, off), MO_32 | MO_ALIGN | d->mem);
        off += 4;
        if (n == 15)
            pc = v;
        else if (n == a->rn && !user)
            *new_base = v;
        else if (user)
            set_user_reg(d, n, v);
        else
            a32_set_reg(d, n, v);
    }
    return pc;
}

bool trans_ldm(struct dis *d, const struct args_ldm *a)
{
    bool returns = a->s && a->list >> 15, user = a->s && !returns;
    if (is_bad_list(d, a) || (a->w && (a->list >> a->rn & 1)) || (user && a->w) ||
        (a->s && !has_user_bank(d)))
        return false;
    ir_val base = a32_reg(d, a->rn), new_base = a->w ? moved_base(d, a, base) : IR_NONE;
    if (a->w)
        a32_check_base(d, a->rn, new_base);
    ir_val pc = load_list(d, a, base, &new_base, user);
    if (new_base.id != IR_NONE.id)
        a32_set_reg(d, a->rn, new_base);
    if (returns)
        return a32_exception_return(d, pc);
    if (pc.id != IR_NONE.id)
        a32_bx(d, pc, a->rn == 13 ? IR_HINT_RET : IR_HINT_NONE);
    return true;
}

bool trans_ldm_t16(struct dis *d, const struct args_ldm *a)
{
    struct args_ldm b = *a;
    b.w = !(a->list >> a->rn & 1);
    return trans_ldm(d, &b);
}

bool trans_stm(struct dis *d, const struct args_ldm *a)
{
    if (!a->list || a->rn == 15 || (a->s && (a->w || !has_user_bank(d))))
        return false;
    ir_val base = a32_reg(d, a->rn);
    int32_t off = lowest(a);
    if (a->w)
        a32_check_base(d, a->rn, moved_base(d, a, base));
    for (int n = 0; n < 16; n++)
        if (a->list >> n & 1) {
            ir_val v = a->s ? user_reg(d, n) : a32_reg(d, n);
            ir_st(d->ir, word_address(d, base, off), v, MO_32 | MO_ALIGN | d->mem);
            off += 4;
        }
    if (a->w)
        a32_set_reg(d, a->rn, moved_base(d, a, base));
    return true;
}

/* --- exclusives: the monitor is an address and the value seen there --- */

static uint32_t exclusive_memop(const struct dis *d, int mo, int ordered, uint32_t order)
{
    return (uint32_t)mo | MO_ALIGN | d->mem | (ordered ? order : 0);
}

static ir_val exclusive_address(struct dis *d, const struct args_excl *a)
{
    return a32_addr(d, ir_add(d->ir, a32_reg(d, a->rn), imm32(d, (uint32_t)a->imm)));
}

static void close_monitor(struct dis *d)
{
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, imm64(d, ~UINT64_C(0)));
}

bool trans_ldrex(struct dis *d, const struct args_excl *a)
{
    if (a->rn == 15 || a->rt == 15)
        return false;
    ir_val addr = exclusive_address(d, a);
    ir_val v = ir_ld(d->ir, I32, addr, exclusive_memop(d, a->mo, a->ord, MO_ACQ));
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, addr);
    ir_set(d->ir, ARM_SLOT_EXCL_VAL, ir_zext32(d->ir, v));
    a32_set_reg(d, a->rt, v);
    return true;
}

bool trans_ldrexd(struct dis *d, const struct args_excl *a)
{
    if (a->rn == 15 || a->rt == 15 || a->rt2 >= 15 || a->rt == a->rt2)
        return false;
    ir_val addr = exclusive_address(d, a);
    ir_val v = ir_ld(d->ir, I64, addr, exclusive_memop(d, MO_64, a->ord, MO_ACQ));
    ir_set(d->ir, ARM_SLOT_EXCL_ADDR, addr);
    ir_set(d->ir, ARM_SLOT_EXCL_VAL, v);
    set_pair_value(d, a->rt, a->rt2, v);
    return true;
}

static ir_val stored_value(struct dis *d, const struct args_excl *a)
{
    if (a->mo == MO_64)
        return pair_value(d, a->rt, a->rt2);
    return a32_reg(d, a->rt);
}

static void try_store(struct dis *d, const struct args_excl *a)
{
    uint32_t memop = exclusive_memop(d, a->mo, a->ord, MO_REL);
    ir_val seen = ir_get(d->ir, ARM_SLOT_EXCL_VAL);
    if (a->mo != MO_64)
        seen = ir_trunc(d->ir, seen);
    ir_val old = ir_cas(d->ir, exclusive_address(d, a), seen, stored_value(d, a), memop);
    close_monitor(d);
    a32_set_reg(d, a->rd, ir_setcond(d->ir, old, seen, IR_NE));
}

/* Values do not outlive a block, so each branch reads the registers again. */
static bool store_exclusive(struct dis *d, const struct args_excl *a)
{
    struct ir *ir = d->ir;
    unsigned attempt = ir_block_new(ir), miss = ir_block_new(ir), join = ir_block_new(ir);
    ir_brcond(ir, ir_get(ir, ARM_SLOT_EXCL_ADDR), exclusive_address(d, a), IR_EQ, attempt, miss);
    ir_block_begin(ir, attempt);
    try_store(d, a);
    ir_br(ir, join);
    ir_block_begin(ir, miss);
    close_monitor(d);
    a32_set_reg(d, a->rd, imm32(d, 1));
    ir_br(ir, join);
    ir_block_begin(ir, join);
    flags_forget(d);
    return true;
}

static bool is_bad_strex(const struct args_excl *a)
{
    return a->rn == 15 || a->rt == 15 || a->rd == 15 || a->rd == a->rn || a->rd == a->rt;
}

bool trans_strex(struct dis *d, const struct args_excl *a)
{
    return !is_bad_strex(a) && store_exclusive(d, a);
}

bool trans_strexd(struct dis *d, const struct args_excl *a)
{
    return !is_bad_strex(a) && a->rt2 < 15 && a->rd != a->rt2 && store_exclusive(d, a);
}

bool trans_clrex(struct dis *d, const struct args_none *a UNUSED)
{
    close_monitor(d);
    return true;
}

/* --- load-acquire, store-release --- */

bool trans_lda(struct dis *d, const struct args_excl *a)
{
    if (a->rn == 15 || a->rt == 15)
        return false;
    ir_val v = ir_ld(d->ir, I32, exclusive_address(d, a),
                     exclusive_memop(d, a->mo, true, MO_ACQ | MO_REL));
    a32_set_reg(d, a->rt, v);
    return true;
}

bool trans_stl(struct dis *d, const struct args_excl *a)
{
    if (a->rn == 15 || a->rt == 15)
        return false;
    ir_st(d->ir, exclusive_address(d, a), a32_reg(d, a->rt),
          exclusive_memop(d, a->mo, true, MO_ACQ | MO_REL));
    return true;
}
