/* Jumps, calls, returns, loops, interrupts. */
#include "target/x86/trans.h"

enum { REG_CX = 1 };

static uint64_t target_of(const struct dis *d)
{
    return d->next + d->insn.imm;
}

/* --- direct --- */

void trans_jmp(struct dis *d)
{
    uint64_t target = target_of(d);
    end_jump(d, target, jump_check(d, target), IR_HINT_NONE);
}

void trans_call(struct dis *d)
{
    uint64_t target = target_of(d);
    ir_val checked = jump_check(d, target);
    push(d, narrow_to(d, rip_of(d, d->next), d->insn.opsize), d->insn.opsize);
    end_jump(d, target, checked, IR_HINT_CALL);
}

void trans_jcc(struct dis *d)
{
    struct flag_test t = flag_test(d, d->insn.opcode & 15);
    jump_if(d, &t, target_of(d));
}

static struct flag_test is_zero(struct dis *d, ir_val v, enum ir_cc cc)
{
    return (struct flag_test){cc, v, imm64(d, 0)};
}

static ir_val counter(struct dis *d)
{
    return wrap_to(d, gpr64(d, REG_CX), d->insn.addrsize);
}

void trans_jcxz(struct dis *d)
{
    struct flag_test t = is_zero(d, counter(d), IR_EQ);
    jump_if(d, &t, target_of(d));
}

static ir_val less_one(struct dis *d)
{
    return wrap_to(d, ir_sub(d->ir, gpr64(d, REG_CX), imm64(d, 1)), d->insn.addrsize);
}

static void count_down(struct dis *d)
{
    set_gpr(d, REG_CX, d->insn.addrsize, false, less_one(d));
}

/* The counter changes only once the jump is known to be good. */
static void loop_checked(struct dis *d, const struct flag_test *t, uint64_t target)
{
    unsigned taken = ir_block_new(d->ir), on = ir_block_new(d->ir);
    ir_brcond(d->ir, t->a, t->b, t->cc, taken, on);
    ir_block_begin(d->ir, taken);
    ir_val checked = jump_check(d, target);
    count_down(d);
    end_jump(d, target, checked, IR_HINT_NONE);
    ir_block_begin(d->ir, on);
    d->ended = false;
    flags_forget(d);
    count_down(d);
}

static void loop(struct dis *d, const struct flag_test *t)
{
    if (is_alone(d) || !(d->mode & (X86_MODE_64 | X86_MODE_FLAT_CS))) {
        loop_checked(d, t, target_of(d));
        return;
    }
    count_down(d);
    jump_if(d, t, target_of(d));
}

void trans_loop(struct dis *d)
{
    struct flag_test t = is_zero(d, less_one(d), IR_NE);
    loop(d, &t);
}

/* And ZF is, or is not, set. */
static void loop_while(struct dis *d, unsigned cond)
{
    struct flag_test zf = flag_test(d, cond), more = is_zero(d, less_one(d), IR_NE);
    ir_val both = ir_and(d->ir, test_value(d, &zf, I64), test_value(d, &more, I64));
    struct flag_test t = is_zero(d, both, IR_NE);
    loop(d, &t);
}

void trans_loope(struct dis *d)
{
    loop_while(d, 4);
}

void trans_loopne(struct dis *d)
{
    loop_while(d, 5);
}

/* --- indirect --- */

void trans_jmp_ind(struct dis *d)
{
    ir_val rip = zext64_of(d, operand_read(d, 0), d->insn.opsize);
    end_near(d, near_check(d, rip), IR_HINT_NONE);
}

void trans_call_ind(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val linear = near_check(d, zext64_of(d, operand_read(d, 0), size));
    push(d, narrow_to(d, rip_of(d, d->next), size), size);
    end_near(d, linear, IR_HINT_CALL);
}

void trans_ret(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val linear = near_check(d, zext64_of(d, pop_peek(d, size), size));
    pop_done(d, (1u << size) + (d->insn.nops ? d->insn.imm & 0xffff : 0));
    end_near(d, linear, IR_HINT_RET);
}

/* --- far --- */

struct far_pointer {
    ir_val selector, offset;
};

static struct far_pointer far_operand(struct dis *d)
{
    unsigned size = d->insn.opsize;
    if (d->insn.op[0].kind == X86_OPND_FAR)
        return (struct far_pointer){imm32(d, d->insn.imm2), imm64(d, d->insn.imm)};
    ir_val linear = mem_addr(d, (1u << size) + 2, SEG_READ);
    ir_val offset = zext64_of(d, mem_load(d, linear, size), size);
    return (struct far_pointer){mem_load(d, ir_add(d->ir, linear, imm64(d, 1u << size)), 1),
                                offset};
}

void trans_jmp_far(struct dis *d)
{
    struct far_pointer p = far_operand(d);
    set_pc(d, d->pc);
    call_far_jmp(d->ir, p.selector, p.offset, imm32(d, d->insn.opsize), pc64(d, d->next));
    end_lookup(d);
}

void trans_call_far(struct dis *d)
{
    struct far_pointer p = far_operand(d);
    set_pc(d, d->pc);
    call_far_call(d->ir, p.selector, p.offset, imm32(d, d->insn.opsize), pc64(d, d->next));
    end_lookup(d);
}

void trans_ret_far(struct dis *d)
{
    uint32_t bytes = d->insn.nops ? d->insn.imm & 0xffff : 0;
    set_pc(d, d->pc);
    call_far_ret(d->ir, imm32(d, d->insn.opsize), imm32(d, bytes), pc64(d, d->next));
    end_lookup(d);
}

void trans_iret(struct dis *d)
{
    set_pc(d, d->pc);
    call_iret(d->ir, imm32(d, d->insn.opsize), pc64(d, d->next));
    end_lookup(d);
}

/* --- interrupts --- */

static void interrupt(struct dis *d, unsigned vector, enum x86_int_kind kind)
{
    set_pc(d, d->pc);
    call_int_n(d->ir, imm32(d, vector), imm32(d, kind), pc64(d, d->next));
    ir_exit_lookup(d->ir);
    d->ended = true;
}

void trans_int_n(struct dis *d)
{
    interrupt(d, d->insn.imm & 0xff, X86_INT_N);
}

void trans_int3(struct dis *d)
{
    interrupt(d, X86_BP, X86_INT_3);
}

void trans_int1(struct dis *d)
{
    interrupt(d, X86_DB, X86_INT_1);
}

void trans_into(struct dis *d)
{
    unsigned taken = ir_block_new(d->ir), on = ir_block_new(d->ir);
    struct flag_test t = flag_test(d, 0);
    ir_brcond(d->ir, t.a, t.b, t.cc, taken, on);
    ir_block_begin(d->ir, taken);
    interrupt(d, X86_OF, X86_INT_3);
    ir_block_begin(d->ir, on);
    d->ended = false;
    flags_forget(d);
}

/* Lower and upper bound in memory, signed, and the index is at most the upper one. */
void trans_bound(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val linear = mem_addr(d, 2u << size, SEG_READ);
    ir_val low = sext_of(d, mem_load(d, linear, size), size);
    ir_val high = mem_load(d, ir_add(d->ir, linear, imm64(d, 1u << size)), size);
    ir_val index = sext_of(d, operand_read(d, 0), size);
    fault_if(d, index, low, IR_LT, X86_BR, 0);
    fault_if(d, index, sext_of(d, high, size), IR_GT, X86_BR, 0);
}
