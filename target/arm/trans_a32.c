/*
 * From A32 and T32 code to IR: the loop over a unit's instructions, conditions, IT blocks, r15 and
 * branches with interworking.
 *
 * PSTATE.IT is a part of the mode at a unit's start only.  Inside it is known, and s.ps.it is 0
 * except where an exception may look at it; units that begin in the middle of an IT block put 0
 * there first and find what follows by a look-up.
 */
#include "target/arm/trans_a32.h"

#include "accel/tcg/guest.h"
#include "target/arm/a32.h"
#include "target/arm/syndrome.h"

#include <stddef.h>

enum {
    R_SP = 13,
    PAGE_BITS = 12,
    STATE_IT = offsetof(struct arm_cpu, s.ps.it),
    STATE_THUMB = offsetof(struct arm_cpu, s.ps.thumb)
};

/* --- registers --- */

static uint32_t visible_pc(const struct dis *d)
{
    return (uint32_t)d->pc + (a32_is_thumb(d) ? 4 : 8);
}

ir_val a32_reg(struct dis *d, int n)
{
    return n == 15 ? ir_trunc(d->ir, pc64(d, visible_pc(d))) : gpr32(d, n);
}

ir_val a32_base(struct dis *d, int n)
{
    return n == 15 ? ir_trunc(d->ir, pc64(d, visible_pc(d) & ~3u)) : gpr32(d, n);
}

/* The stack pointer of the M profile is a multiple of 4. */
void a32_set_reg(struct dis *d, int n, ir_val v)
{
    if (n == R_SP && a32_is_m(d))
        v = ir_and(d->ir, v, imm32(d, ~3u));
    set_gpr(d, n, v);
}

void a32_check_base(struct dis *d, int n, ir_val after)
{
    if (n == R_SP && a32_is_m(d) && (d->mode & ARM_MODE_M_LIMIT))
        m_check_sp(d, after);
}

void a32_set_alu(struct dis *d, int n, ir_val v)
{
    if (n != 15) {
        a32_check_base(d, n, v);
        a32_set_reg(d, n, v);
        return;
    }
    if (a32_is_thumb(d))
        a32_branch(d, v, IR_HINT_NONE);
    else
        a32_bx(d, v, IR_HINT_NONE);
}

ir_val a32_addr(struct dis *d, ir_val address)
{
    return ir_zext32(d->ir, address);
}

/* --- IT --- */

static void store_it(struct dis *d, unsigned it)
{
    ir_env_st(d->ir, imm32(d, it), MO_8, STATE_IT);
}

/* ITSTATE after the instruction.  Ref: E1.2.1 (Conditional instructions). */
static unsigned advance_it(unsigned it)
{
    return it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
}

void a32_before_raise(struct dis *d)
{
    set_pc(d, d->pc);
    if (d->it)
        store_it(d, d->it);
}

void a32_after_raise(struct dis *d)
{
    if (d->it)
        store_it(d, 0);
}

/* --- exits --- */

/* What a unit that began in an IT block is left by: its mode is not that of what follows. */
static bool must_look_up(const struct dis *d)
{
    return ((const struct dis_a32 *)d)->began_in_it;
}

void a32_jump(struct dis *d, uint32_t target)
{
    if (must_look_up(d)) {
        set_pc(d, target);
        end_lookup(d);
        return;
    }
    end_jump(d, target);
}

void a32_call(struct dis *d, uint32_t target)
{
    if (must_look_up(d)) {
        a32_jump(d, target);
        return;
    }
    ir_exit_jump(d->ir, target, (uint32_t)(d->pc + d->len), IR_HINT_CALL);
    d->ended = true;
}

static void branch_to(struct dis *d, ir_val target, bool thumb, uint32_t hint)
{
    target = ir_and(d->ir, target, imm32(d, thumb ? ~1u : ~3u));
    target = ir_zext32(d->ir, target);
    if (must_look_up(d)) {
        ir_set(d->ir, ARM_SLOT_PC, target);
        ir_exit_lookup(d->ir);
    } else {
        ir_exit_ind(d->ir, target, (uint32_t)(d->pc + d->len), hint);
    }
    d->ended = true;
}

/* Bit 1 of an A32 target is ignored. */
static void exchange(struct dis *d, ir_val target, uint32_t hint)
{
    bool thumb = !a32_is_thumb(d);
    if (must_look_up(d)) {
        call_a32_exchange(d->ir, ir_and(d->ir, target, imm32(d, ~1u)), imm32(d, thumb));
        end_lookup(d);
        return;
    }
    ir_env_st(d->ir, imm32(d, thumb), MO_8, STATE_THUMB);
    branch_to(d, target, thumb, hint | IR_HINT_SWAP);
}

void a32_call_exchange(struct dis *d, uint32_t target)
{
    exchange(d, ir_trunc(d->ir, pc64(d, target)), IR_HINT_CALL);
}

void a32_branch(struct dis *d, ir_val target, uint32_t hint)
{
    branch_to(d, target, a32_is_thumb(d), hint);
}

/* The common case is a target in the same instruction set. */
void a32_bx(struct dis *d, ir_val target, uint32_t hint)
{
    struct ir *ir = d->ir;
    bool thumb = a32_is_thumb(d);
    if (a32_is_m(d)) {
        m_bx(d, target, hint);
        return;
    }
    unsigned other = ir_block_new(ir);

    ir_set(ir, ARM_SLOT_PC, ir_zext32(ir, target));
    ir_br_if(ir, ir_and(ir, target, imm32(d, 1)), imm32(d, thumb), IR_NE, other);
    a32_branch(d, target, hint);
    ir_block_begin(ir, other);
    exchange(d, ir_trunc(ir, ir_get(ir, ARM_SLOT_PC)), hint);
}

/* Continue at pc with an ITSTATE that is not 0. */
static void jump_in_it(struct dis *d, uint32_t pc, unsigned it)
{
    set_pc(d, pc);
    call_a32_set_it(d->ir, imm32(d, it));
    end_lookup(d);
}

void a32_end_lookup(struct dis *d)
{
    end_lookup(d);
}

void a32_end_mode(struct dis *d)
{
    jump_in_it(d, d->pc + d->len, advance_it(d->it));
}

void a32_end_main(struct dis *d, uint32_t reason)
{
    set_pc(d, d->pc + d->len);
    call_a32_set_it(d->ir, imm32(d, advance_it(d->it)));
    ir_exit_main(d->ir, reason);
    d->ended = true;
}

/* --- exceptions --- */

uint32_t a32_syndrome_cond(const struct dis *d)
{
    unsigned cond = ((const struct dis_a32 *)d)->cond;
    if (a32_is_thumb(d))
        cond = A32_COND_AL;
    return UINT32_C(1) << 24 | cond << 20;
}

void a32_exception(struct dis *d, uint32_t syndrome, unsigned el)
{
    if (d->len == 2)
        syndrome &= ~SYN_IL;
    a32_before_raise(d);
    end_exception(d, syndrome, el);
}

bool a32_fp_is_trapped(struct dis *d, bool is_simd)
{
    unsigned el = d->mode >> ARM_MODE_FP_SHIFT & 3;
    if (el)
        a32_exception(d, EC_FP_TRAP | SYN_IL | a32_syndrome_cond(d) | (is_simd ? 0x20 : 10), el);
    return el;
}

/* --- flags --- */

void a32_flags_written(struct dis *d)
{
    dis_a32(d)->flags_changed = true;
}

void a32_flags_nz(struct dis *d, ir_val result, ir_val carry)
{
    struct ir *ir = d->ir;
    bool keeps_c = carry.id == IR_NONE.id;
    ir_val kept = ir_and(ir, ir_get(ir, ARM_SLOT_FLAGS),
                         imm32(d, keeps_c ? ARM_FLAG_V | ARM_FLAG_NOT_C : ARM_FLAG_V));
    if (!keeps_c) {
        ir_val no_carry = ir_xor(ir, ir_trunc(ir, carry), imm32(d, 1));
        kept = ir_or(ir, kept, ir_shl(ir, no_carry, imm32(d, 8)));
    }
    flags_logic(d, result);
    ir_val nz = ir_and(ir, ir_get(ir, ARM_SLOT_FLAGS), imm32(d, ARM_FLAG_N | ARM_FLAG_Z));
    ir_set(ir, ARM_SLOT_FLAGS, ir_or(ir, nz, kept));
    d->flag_source = FLAGS_NZ;
    a32_flags_written(d);
}

void a32_set_q(struct dis *d, ir_val is_saturated)
{
    struct ir *ir = d->ir;
    ir_set(ir, ARM_SLOT_QF, ir_or(ir, ir_get(ir, ARM_SLOT_QF), ir_trunc(ir, is_saturated)));
}

/* --- runs of conditional instructions --- */

static void end_run(struct dis_a32 *s)
{
    if (s->run_cond == A32_NO_RUN)
        return;
    if (!s->d.ended)
        ir_br(s->d.ir, s->run_end);
    ir_block_begin(s->d.ir, s->run_end);
    flags_forget(&s->d);
    s->run_cond = A32_NO_RUN;
    s->d.ended = false;
}

static void begin_run(struct dis_a32 *s)
{
    struct flag_test t = flag_test(&s->d, s->cond ^ 1);
    s->run_end = ir_block_new(s->d.ir);
    s->run_cond = s->cond;
    ir_br_if(s->d.ir, t.a, t.b, t.cc, s->run_end);
}

/* An instruction that tests its condition itself. */
static bool is_branch(const struct dis_a32 *s)
{
    return !s->thumb && (s->d.insn & 0x0f000000) == 0x0a000000;
}

static void enter_condition(struct dis_a32 *s)
{
    if (s->run_cond != A32_NO_RUN && (s->run_cond != s->cond || is_branch(s)))
        end_run(s);
}

/* --- decoding --- */

/* AdvSIMD and the FP instructions without a condition are the same words in A32 and T32 but for
 * the uppermost byte.  Ref: F3.1.3, F4.1.7. */
static bool decode_unconditional_fp(struct dis *d, uint32_t insn)
{
    if ((insn & 0xfe000000) == 0xf2000000)
        return a32_neon_dp(d, insn);
    if ((insn & 0xff100000) == 0xf4000000)
        return a32_neon_ls(d, insn);
    return (insn & 0xfc000800) == 0xfc000800 && a32_neon_new(d, insn);
}

static bool is_vfp(uint32_t insn)
{
    return (insn & 0x0c000c00) == 0x0c000800 && (insn & 0x0f000000) != 0x0f000000;
}

static bool decode_a32(struct dis *d, uint32_t insn)
{
    if (insn >> 28 != 15)
        return is_vfp(insn) ? a32_vfp(d, insn) : a32_cond(d, insn);
    return decode_unconditional_fp(d, insn) || a32_uncond(d, insn);
}

static bool decode_t32(struct dis *d, uint32_t insn)
{
    if ((insn & 0xef000000) == 0xef000000)
        return decode_unconditional_fp(d, 0xf2000000 | (insn >> 28 & 1) << 24 | (insn & 0xffffff));
    if ((insn & 0xff100000) == 0xf9000000)
        return decode_unconditional_fp(d, 0xf4000000 | (insn & 0xffffff));
    if ((insn & 0xec000000) == 0xec000000 && insn >> 28 == 15)
        return decode_unconditional_fp(d, insn);
    if (insn >> 28 == 14 && is_vfp(insn))
        return a32_vfp(d, insn);
    return t32(d, insn);
}

static bool decode(struct dis_a32 *s)
{
    if (a32_is_m(&s->d))
        return m_decode(&s->d, s->d.len);
    if (!s->thumb)
        return decode_a32(&s->d, s->d.insn);
    return s->d.len == 2 ? t16(&s->d, s->d.insn) : decode_t32(&s->d, s->d.insn);
}

/* --- the loop --- */

void a32_check_word(struct dis *d, ir_val address, bool is_store)
{
    a32_check_aligned(d, address, 4, is_store);
}

void a32_check_aligned(struct dis *d, ir_val address, unsigned bytes, bool is_store)
{
    struct dis_a32 *s = dis_a32(d);
    ir_val low = ir_and(d->ir, address, imm32(d, bytes - 1));
    uint64_t v;
    if (ir_is_const(d->ir, low, &v) && !v)
        return;
    s->late[s->nlate] = (struct a32_late){ir_block_new(d->ir), d->pc, d->it, is_store, 0};
    ir_set(d->ir, ARM_SLOT_PC, ir_zext32(d->ir, address));
    ir_br_if(d->ir, low, imm32(d, 0), IR_NE, s->late[s->nlate++].block);
}

void a32_raise_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t syndrome)
{
    struct dis_a32 *s = dis_a32(d);
    s->late[s->nlate] = (struct a32_late){ir_block_new(d->ir), d->pc, d->it, false, syndrome};
    ir_br_if(d->ir, a, b, cc, s->late[s->nlate++].block);
}

/* The address is in the pc slot meanwhile. */
static void emit_late(struct dis_a32 *s)
{
    struct dis *d = &s->d;
    for (unsigned i = 0; i < s->nlate; i++) {
        ir_block_begin(d->ir, s->late[i].block);
        d->pc = s->late[i].pc;
        d->it = s->late[i].it;
        if (s->late[i].syndrome) {
            a32_exception(d, s->late[i].syndrome, 1);
            continue;
        }
        ir_val address = ir_get(d->ir, ARM_SLOT_PC);
        a32_before_raise(d);
        call_a32_misaligned(d->ir, address, imm32(d, d->mem), imm32(d, s->late[i].is_store));
        end_lookup(d);
    }
}

static unsigned condition_of(const struct dis_a32 *s)
{
    unsigned cond = s->thumb ? (a32_in_it(&s->d) ? s->d.it >> 4 : A32_COND_AL) : s->d.insn >> 28;
    return cond == 15 ? A32_COND_AL : cond;
}

/* BKPT, and T32's HLT, are unconditional in IT blocks.  Ref: F5.1.22. */
static bool ignores_condition(const struct dis_a32 *s)
{
    return s->thumb && s->d.len == 2 && (s->d.insn >> 8 == 0xbe || s->d.insn >> 6 == 0x2ea);
}

/* Software step or breakpoints: the unit has one instruction, and its state is that of PSTATE. */
static bool asks_first(const struct dis *d)
{
    return d->mode & (ARM_MODE_SS | ARM_MODE_BREAK);
}

/* LDREX, LDAEX and their widths, which the syndrome of a software step tells from others. */
static bool is_load_exclusive(const struct dis_a32 *s)
{
    uint32_t insn = s->d.insn;

    if (!s->thumb)
        return insn >> 28 != 15 && (insn & 0x0f900ef0) == 0x01900e90;
    return s->d.len == 4 &&
           ((insn & 0xfff00000) == 0xe8500000 || (insn & 0xfff00040) == 0xe8d00040);
}

static void translate_insn(struct dis_a32 *s, uint32_t insn, unsigned len)
{
    struct dis *d = &s->d;
    d->insn = insn;
    d->len = len;
    d->next = (uint32_t)(d->pc + len);
    s->flags_changed = false;
    s->cond = condition_of(s);
    if (ignores_condition(s))
        s->cond = A32_COND_AL;
    enter_condition(s);
    uint32_t iss = a32_access_syndrome(insn, s->thumb, len) >> A32_MARK_ISS_LOW;
    ir_insn(d->ir, d->pc, d->it | iss << A32_MARK_ISS_SHIFT);
    dis_count_insn(d);
    if (asks_first(d)) {
        set_pc(d, d->pc);
        if (d->mode & ARM_MODE_SS)
            call_step(d->ir, imm32(d, is_load_exclusive(s)));
        if (d->mode & ARM_MODE_BREAK)
            call_breakpoint(d->ir);
    }
    if (s->began_in_it && d->pc == d->start)
        call_a32_set_it(d->ir, imm32(d, 0));
    unsigned it = advance_it(d->it);
    if (d->mode & ARM_MODE_IL) {
        a32_exception(d, EC_ILLEGAL_STATE | SYN_IL, 1);
    } else {
        if (s->cond != A32_COND_AL && s->run_cond == A32_NO_RUN && !is_branch(s))
            begin_run(s);
        if (!decode(s))
            a32_exception(d, EC_UNKNOWN | SYN_IL, 1);
    }
    if (!s->thumb || len != 2 || insn >> 8 != 0xbf || !(insn & 15))
        d->it = it;
    if (s->flags_changed || d->ended)
        end_run(s);
    d->pc = d->next;
}

static bool fetch(struct dis_a32 *s, struct tx *tx, uint32_t *insn, unsigned *len)
{
    uint16_t first, second;
    *len = 4;
    if (!s->thumb)
        return tx_fetch32(tx, s->d.pc, insn);
    if (!tx_fetch16(tx, s->d.pc, &first))
        return false;
    *insn = first;
    *len = 2;
    if (first >> 11 < 0x1d)
        return true;
    *len = 4;
    if (!tx_fetch16(tx, (uint32_t)(s->d.pc + 2), &second))
        return false;
    *insn = (uint32_t)first << 16 | second;
    return true;
}

static void leave(struct dis_a32 *s)
{
    end_run(s);
    if (s->d.it)
        jump_in_it(&s->d, s->d.pc, s->d.it);
    else
        a32_jump(&s->d, s->d.pc);
}

static bool must_end(const struct dis_a32 *s, const struct tx *tx, unsigned insns)
{
    return insns >= tx_max_insns(tx) || asks_first(&s->d) || !tx_same_page(tx, s->d.pc) ||
           ir_full(s->d.ir) || tx_break_at(tx, s->d.pc) || s->nlate >= A32_LATE - 1;
}

void arm_a32_translate(struct tx *tx)
{
    struct dis_a32 s = {.run_cond = A32_NO_RUN};
    struct dis *d = &s.d;
    arm_dis_init(d, tx_ir(tx), arm(tx_cpu(tx)), tx_start(tx), tx_mode(tx));
    s.thumb = d->mode & ARM_MODE_THUMB;
    d->it = s.thumb ? d->mode >> ARM_MODE_IT_SHIFT & 0xff : 0;
    s.began_in_it = d->it;
    if (a32_is_m(d))
        m_init(d);
    if (a32_is_m(d) && !s.thumb) {
        ir_insn(d->ir, d->pc, 0);
        a32_exception(d, EC_ILLEGAL_STATE | SYN_IL, 1);
        return;
    }
    for (unsigned n = 0; !d->ended; n++) {
        uint32_t insn;
        unsigned len;
        if ((n && must_end(&s, tx, n)) || !fetch(&s, tx, &insn, &len)) {
            if (n)
                leave(&s);
            break;
        }
        translate_insn(&s, insn, len);
        if (s.began_in_it && !d->it && !d->ended)
            leave(&s);
    }
    emit_late(&s);
}
