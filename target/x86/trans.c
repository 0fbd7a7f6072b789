/* From guest code to IR: the loop over a unit's instructions, pc, exits, exceptions. */
#include "target/x86/trans.h"

#include "accel/tcg/guest.h"
#include "target/x86/vec.h"

#include <stddef.h>

static unsigned data_idx(uint32_t mode)
{
    if ((mode & X86_MODE_CPL) >> X86_MODE_CPL_SHIFT == 3)
        return X86_IDX_USER;
    return mode & X86_MODE_SMAP ? X86_IDX_KERNEL_SMAP : X86_IDX_KERNEL;
}

void x86_dis_init(struct dis *d, struct ir *ir, const struct x86_cpu *cpu, uint64_t pc,
                  uint32_t mode)
{
    *d = (struct dis){
        .ir = ir,
        .cpu = cpu,
        .start = pc,
        .pc = pc,
        .next = pc,
        .mode = mode,
        .cpl = (mode & X86_MODE_CPL) >> X86_MODE_CPL_SHIFT,
        .mem = data_idx(mode) << MO_IDX_SHIFT | (mode & X86_MODE_AC ? MO_ALIGN : 0),
        .extended = pc - 1, /* nowhere yet */
        .linear = IR_NONE,
        .whole = IR_NONE,
    };
    flags_forget(d);
}

/* --- pc --- */

static bool is_flat_code(const struct dis *d)
{
    return d->mode & (X86_MODE_64 | X86_MODE_FLAT_CS);
}

static uint64_t wrap_pc(const struct dis *d, uint64_t pc)
{
    return is_64(d) ? pc : (uint32_t)pc;
}

ir_val pc64(struct dis *d, uint64_t pc)
{
    return ir_pc(d->ir, wrap_pc(d, pc));
}

ir_val rip_of(struct dis *d, uint64_t pc)
{
    if (is_flat_code(d))
        return pc64(d, pc);
    ir_val base = ir_get(d->ir, X86_SLOT_BASE + X86_CS);
    return wrap_to(d, ir_sub(d->ir, pc64(d, pc), base), 2);
}

void set_pc(struct dis *d, uint64_t pc)
{
    ir_set(d->ir, X86_SLOT_PC, pc64(d, pc));
}

/* --- ways out --- */

static void leave(struct dis *d, uint32_t tf)
{
    if (is_alone(d))
        call_one_end(d->ir, imm32(d, tf));
    ir_exit_lookup(d->ir);
    d->ended = true;
}

void end_lookup(struct dis *d)
{
    leave(d, d->mode & X86_MODE_TF);
}

void end_step_by_flag(struct dis *d)
{
    leave(d, X86_STEP_BY_FLAG);
}

void end_mode(struct dis *d)
{
    set_pc(d, d->next);
    end_lookup(d);
}

void end_main(struct dis *d, uint32_t reason)
{
    if (is_alone(d))
        call_one_end(d->ir, imm32(d, d->mode & X86_MODE_TF));
    ir_exit_main(d->ir, reason);
    d->ended = true;
}

void end_near(struct dis *d, ir_val linear, enum ir_hint hint)
{
    if (is_alone(d)) {
        ir_set(d->ir, X86_SLOT_PC, linear);
        end_lookup(d);
        return;
    }
    ir_exit_ind(d->ir, linear, wrap_pc(d, d->next), hint);
    d->ended = true;
}

void end_next(struct dis *d)
{
    if (is_alone(d)) {
        end_mode(d);
        return;
    }
    ir_exit_jump(d->ir, wrap_pc(d, d->next), 0, IR_HINT_NONE);
    d->ended = true;
}

/* --- exceptions --- */

void end_fault(struct dis *d, enum x86_exception vector, uint32_t error)
{
    set_pc(d, d->pc);
    call_raise(d->ir, imm32(d, vector), imm32(d, error));
    ir_exit_lookup(d->ir);
    d->ended = true;
}

void end_undefined(struct dis *d)
{
    end_fault(d, X86_UD, 0);
}

/* The block where this instruction raises it; one for all its reasons. */
static unsigned late_block(struct dis *d, unsigned vector, uint32_t error)
{
    for (unsigned i = 0; i < d->nlate; i++)
        if (d->late[i].pc == d->pc && d->late[i].vector == vector && d->late[i].error == error)
            return d->late[i].block;
    struct x86_late *late = &d->late[d->nlate++];
    *late = (struct x86_late){ir_block_new(d->ir), d->pc, vector, error};
    return late->block;
}

void fault_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, enum x86_exception vector,
              uint32_t error)
{
    ir_br_if(d->ir, a, b, cc, late_block(d, vector, error));
}

void alone_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc)
{
    ir_br_if(d->ir, a, b, cc, late_block(d, LATE_ALONE, 0));
}

static void run_alone(struct dis *d)
{
    set_pc(d, d->pc);
    call_run_alone(d->ir);
    ir_exit_lookup(d->ir);
}

void x86_dis_end(struct dis *d)
{
    for (unsigned i = 0; i < d->nlate; i++) {
        ir_block_begin(d->ir, d->late[i].block);
        d->pc = d->late[i].pc;
        if (d->late[i].vector == LATE_ALONE)
            run_alone(d);
        else
            end_fault(d, d->late[i].vector, d->late[i].error);
    }
}

bool cpl_is_wrong(struct dis *d)
{
    if (d->cpl)
        end_fault(d, X86_GP, 0);
    return d->cpl;
}

/* Ref: SDM volume 3, table 2-2 (EM and TS), volume 2, 2.4 (exception classes). */
bool sse_is_off(struct dis *d)
{
    if ((d->mode & X86_MODE_EM) || !(d->mode & X86_MODE_SSE))
        end_undefined(d);
    else if (d->mode & X86_MODE_TS)
        end_fault(d, X86_NM, 0);
    return d->ended;
}

bool avx_is_off(struct dis *d)
{
    if (!(d->mode & X86_MODE_AVX))
        end_undefined(d);
    else if (d->mode & X86_MODE_TS)
        end_fault(d, X86_NM, 0);
    return d->ended;
}

bool x87_is_off(struct dis *d)
{
    if (d->mode & (X86_MODE_EM | X86_MODE_TS))
        end_fault(d, X86_NM, 0);
    return d->ended;
}

/* --- jumps --- */

static ir_val code_limit(struct dis *d)
{
    return ir_env_ld(d->ir, I64, MO_64, offsetof(struct x86_cpu, bounds[X86_CS].exec));
}

/* Canonical with 48 bits or not is quickly told; the instruction alone looks exactly. */
static void check_canonical(struct dis *d, ir_val rip)
{
    ir_val sign = ir_sar(d->ir, rip, imm64(d, 47));
    if (is_alone(d)) {
        set_pc(d, d->pc);
        call_near_target(d->ir, rip);
    } else {
        alone_if(d, ir_add(d->ir, sign, imm64(d, 1)), imm64(d, 1), IR_GTU);
    }
}

ir_val near_check(struct dis *d, ir_val rip)
{
    if (is_64(d))
        check_canonical(d, rip);
    if (is_flat_code(d))
        return rip;
    fault_if(d, rip, code_limit(d), IR_GT, X86_GP, 0);
    ir_val linear = ir_add(d->ir, rip, ir_get(d->ir, X86_SLOT_BASE + X86_CS));
    return wrap_to(d, linear, 2);
}

/* Forwards in the page of the unit, whose end was found to be inside the segment. */
static bool is_known_good(const struct dis *d, uint64_t target)
{
    return target >= d->next && !((target ^ d->start) >> 12);
}

/*
 * Outside flat segments the base is not known here: a target that lies outside the segment, or that
 * 16-bit operands wrap, is found by the unit of its own that follows.
 */
ir_val jump_check(struct dis *d, uint64_t target)
{
    bool is_16 = d->insn.opsize == 1;
    if (is_alone(d))
        return near_check(d, wrap_to(d, rip_of(d, target), is_16 ? 1 : is_64(d) ? 3 : 2));
    if (is_flat_code(d) || is_known_good(d, target))
        return IR_NONE;
    ir_val rip = ir_sub(d->ir, pc64(d, target), ir_get(d->ir, X86_SLOT_BASE + X86_CS));
    alone_if(d, rip, code_limit(d), IR_GTU);
    if (is_16)
        alone_if(d, rip, imm64(d, 0xffff), IR_GTU);
    return IR_NONE;
}

/* What a flat segment, where linear addresses are offsets, makes of a target. */
static uint64_t flat_target(const struct dis *d, uint64_t target)
{
    if (is_64(d))
        return target;
    return (d->mode & X86_MODE_FLAT_CS) && d->insn.opsize == 1 ? (uint16_t)target
                                                               : (uint32_t)target;
}

void end_jump(struct dis *d, uint64_t target, ir_val checked, enum ir_hint hint)
{
    if (is_alone(d)) {
        end_near(d, checked, hint);
        return;
    }
    ir_exit_jump(d->ir, flat_target(d, target), wrap_pc(d, d->next), hint);
    d->ended = true;
}

void jump_if(struct dis *d, const struct flag_test *t, uint64_t target)
{
    if (is_flat_code(d) && !is_alone(d)) {
        ir_exit_if(d->ir, t->a, t->b, t->cc, flat_target(d, target));
        return;
    }
    unsigned taken = ir_block_new(d->ir), on = ir_block_new(d->ir);
    ir_brcond(d->ir, t->a, t->b, t->cc, taken, on);
    ir_block_begin(d->ir, taken);
    end_jump(d, target, jump_check(d, target), IR_HINT_NONE);
    ir_block_begin(d->ir, on);
    d->ended = false;
    flags_forget(d);
}

/* --- the loop --- */

/* Of the unit: where its last byte is at most. */
static void check_limit(struct dis *d, uint64_t last)
{
    ir_val rip = ir_sub(d->ir, pc64(d, last), ir_get(d->ir, X86_SLOT_BASE + X86_CS));
    alone_if(d, rip, code_limit(d), IR_GTU);
    if (!(d->mode & X86_MODE_CS32)) /* so that jumps forwards do not wrap */
        alone_if(d, rip, imm64(d, 0xffff), IR_GTU);
}

static void begin_alone(struct dis *d)
{
    set_pc(d, d->pc);
    call_one_begin(d->ir);
    if (!is_flat_code(d))
        fault_if(d, rip_of(d, d->pc + d->insn.len - 1), code_limit(d), IR_GT, X86_GP, 0);
}

static void translate_insn(struct dis *d, enum x86_decoded decoded)
{
    if (decoded == X86_UNDEFINED)
        end_undefined(d);
    else if (decoded == X86_TOO_LONG)
        end_fault(d, X86_GP, 0);
    else
        d->insn.row->trans(d);
}

/* What its faults depend on. */
static uint32_t insn_word(const struct dis *d, enum x86_decoded decoded)
{
    if (decoded != X86_DECODED)
        return 0;
    bool is_stack = d->insn.seg == X86_SS || (d->insn.row->flags & X86_R_STACK);
    return (is_stack ? X86_WORD_STACK : 0) | (vec_is_aligned(d) ? X86_WORD_ALIGNED : 0);
}

void x86_dis_insn(struct dis *d, enum x86_decoded decoded)
{
    d->next = wrap_pc(d, d->pc + d->insn.len);
    d->linear = d->whole = IR_NONE;
    ir_insn(d->ir, d->pc, insn_word(d, decoded));
    if (is_alone(d))
        begin_alone(d);
    translate_insn(d, decoded);
    if (!d->ended && is_alone(d))
        end_mode(d);
    d->pc = d->next;
}

struct fetch {
    struct tx *tx;
    uint64_t pc;
    bool stay; /* in the unit's page */
};

static bool fetch_byte(void *opaque, unsigned n, uint8_t *byte)
{
    const struct fetch *f = opaque;
    if (f->stay && !tx_same_page(f->tx, f->pc + n))
        return false;
    return tx_fetch8(f->tx, f->pc + n, byte);
}

static enum x86_decoded decode(const struct dis *d, uint64_t pc, bool stay, struct x86_insn *insn)
{
    struct fetch f = {d->tx, pc, stay};
    struct x86_decoder how = {fetch_byte, &f, d->mode, d->cpu->features};
    return x86_decode(&how, insn);
}

/* Whether the unit must end before its next instruction. */
static bool must_end(const struct dis *d, unsigned insns)
{
    return insns >= tx_max_insns(d->tx) || is_alone(d) || !tx_same_page(d->tx, d->pc) ||
           ir_full(d->ir) || tx_break_at(d->tx, d->pc) || d->nlate > X86_LATE - 4;
}

bool goes_on(const struct dis *d)
{
    enum { OPS_AT_MOST = 4 }; /* late blocks of the next instruction */
    struct x86_insn insn;
    if (!d->tx || d->insns + 1 >= tx_max_insns(d->tx) || !tx_same_page(d->tx, d->next) ||
        ir_full(d->ir) || tx_break_at(d->tx, d->next) || d->nlate + 1 > X86_LATE - OPS_AT_MOST)
        return false;
    return decode(d, d->next, true, &insn) == X86_DECODED;
}

/* The last byte that the unit can reach, by a look ahead. */
static uint64_t last_byte(const struct dis *d)
{
    struct x86_insn insn;
    uint64_t pc = d->pc + d->insn.len;
    for (unsigned n = 1; n < tx_max_insns(d->tx) && tx_same_page(d->tx, pc); n++) {
        if (decode(d, pc, true, &insn) != X86_DECODED)
            break;
        pc += insn.len;
    }
    return pc - 1;
}

static void first_insn(struct dis *d, enum x86_decoded decoded)
{
    bool check = !is_flat_code(d) && !is_alone(d);
    uint64_t last = check ? last_byte(d) : 0;
    if (check) {
        ir_insn(d->ir, d->pc, 0);
        check_limit(d, last);
    }
    x86_dis_insn(d, decoded);
}

void x86_translate(struct tx *tx)
{
    struct dis d;
    x86_dis_init(&d, tx_ir(tx), x86(tx_cpu(tx)), tx_start(tx), tx_mode(tx));
    d.tx = tx;
    for (unsigned n = 0; !d.ended; n++) {
        d.insns = n;
        bool stop = n && must_end(&d, n);
        enum x86_decoded decoded = stop ? X86_NO_BYTE : decode(&d, d.pc, n, &d.insn);
        if (decoded == X86_NO_BYTE) {
            d.next = d.pc;
            if (n)
                end_next(&d);
            break;
        }
        if (n)
            x86_dis_insn(&d, decoded);
        else
            first_insn(&d, decoded);
    }
    x86_dis_end(&d);
}
