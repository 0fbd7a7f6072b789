/* Moves, exchanges, addresses, single flags. */
#include "target/x86/trans.h"

#include <stddef.h>

static unsigned size_of(const struct dis *d)
{
    return d->insn.op[0].size;
}

void trans_mov(struct dis *d)
{
    operand_write(d, 0, operand_read(d, 1));
}

void trans_movnti(struct dis *d)
{
    trans_mov(d);
}

void trans_movzx(struct dis *d)
{
    unsigned from = d->insn.op[1].size;
    ir_val v = zext_of(d, operand_read(d, 1), from);
    operand_write(d, 0, size_of(d) == 3 ? ir_zext32(d->ir, v) : v);
}

void trans_movsx(struct dis *d)
{
    unsigned from = d->insn.op[1].size;
    ir_val v = sext_of(d, operand_read(d, 1), from);
    operand_write(d, 0, size_of(d) == 3 ? ir_sext32(d->ir, v) : v);
}

void trans_movsxd(struct dis *d)
{
    trans_movsx(d);
}

void trans_lea(struct dis *d)
{
    operand_write(d, 0, narrow_to(d, mem_offset(d), size_of(d)));
}

/* With memory it is locked, prefix or not. */
void trans_xchg(struct dis *d)
{
    unsigned size = size_of(d);
    ir_val b = operand_read(d, 1);
    if (d->insn.op[0].kind == X86_OPND_MEM) {
        ir_val linear = mem_addr(d, 1u << size, SEG_RMW);
        operand_write(d, 1, ir_atomic_swap(d->ir, linear, b, size | d->mem));
        return;
    }
    ir_val a = operand_read(d, 0);
    operand_write(d, 0, b);
    operand_write(d, 1, a);
}

/* With itself it is NOP, and PAUSE, which change nothing: not the upper half of rax either.  Ref:
 * SDM vol. 2, PAUSE. */
void trans_xchg_ax(struct dis *d)
{
    unsigned size = size_of(d), reg = d->insn.op[0].reg;
    if (!reg) {
        if (d->insn.rep == 0xf3)
            call_pause(d->ir);
        return;
    }
    ir_val a = gpr(d, 0, size, false), b = gpr(d, reg, size, false);
    set_gpr(d, 0, size, false, b);
    set_gpr(d, reg, size, false, a);
}

void trans_cmov(struct dis *d)
{
    ir_val yes = operand_read(d, 1), no = operand_read(d, 0);
    struct flag_test t = flag_test(d, d->insn.opcode & 15);
    operand_write(d, 0, ir_select(d->ir, t.a, t.b, yes, no, t.cc));
}

void trans_setcc(struct dis *d)
{
    struct flag_test t = flag_test(d, d->insn.opcode & 15);
    operand_write(d, 0, test_value(d, &t, I32));
}

void trans_xlat(struct dis *d)
{
    ir_val al = zext64_of(d, gpr(d, 0, 0, false), 0);
    ir_val offset = wrap_to(d, ir_add(d->ir, gpr64(d, 3), al), d->insn.addrsize);
    set_gpr(d, 0, 0, false, mem_load(d, mem_linear(d, d->insn.seg, offset, 1, SEG_READ), 0));
}

/* --- segment registers --- */

void trans_mov_from_seg(struct dis *d)
{
    size_t at = offsetof(struct x86_cpu, s.seg) + d->insn.op[1].reg * sizeof(struct x86_segment) +
                offsetof(struct x86_segment, selector);
    ir_val v = ir_env_ld(d->ir, I32, MO_16, at);
    operand_write(d, 0, size_of(d) == 3 ? ir_zext32(d->ir, v) : v);
}

void trans_mov_to_seg(struct dis *d)
{
    unsigned seg = d->insn.op[0].reg;
    if (seg == X86_CS) {
        end_undefined(d);
        return;
    }
    ir_val selector = zext_of(d, operand_read(d, 1), 1);
    set_pc(d, d->pc);
    call_load_seg(d->ir, imm32(d, seg), selector, imm32(d, seg == X86_SS));
    end_mode(d);
}

/* LDS and the like: an offset, and behind it a selector. */
static void load_far(struct dis *d, unsigned seg)
{
    unsigned size = d->insn.opsize;
    ir_val linear = mem_addr(d, (1u << size) + 2, SEG_READ);
    ir_val offset = mem_load(d, linear, size);
    ir_val selector = mem_load(d, ir_add(d->ir, linear, imm64(d, 1u << size)), 1);
    set_pc(d, d->pc);
    call_load_seg(d->ir, imm32(d, seg), selector, imm32(d, 0));
    operand_write(d, 0, offset);
    end_mode(d);
}

void trans_les(struct dis *d)
{
    load_far(d, X86_ES);
}

void trans_lds(struct dis *d)
{
    load_far(d, X86_DS);
}

void trans_lss(struct dis *d)
{
    load_far(d, X86_SS);
}

void trans_lfs(struct dis *d)
{
    load_far(d, X86_FS);
}

void trans_lgs(struct dis *d)
{
    load_far(d, X86_GS);
}

/* --- flags --- */

enum { LAHF_1 = 2, LAHF_MASK = X86_CC_ALL & ~X86_CC_O };

static bool lacks_lahf(struct dis *d)
{
    if (is_64(d) && !dis_has(d, X86_F_LAHF_LM))
        end_undefined(d);
    return d->ended;
}

void trans_lahf(struct dis *d)
{
    if (lacks_lahf(d))
        return;
    ir_val ah = ir_shr(d->ir, flags_get(d), imm32(d, 8));
    set_gpr(d, 4, 0, true, ir_or(d->ir, ah, imm32(d, LAHF_1)));
}

void trans_sahf(struct dis *d)
{
    if (lacks_lahf(d))
        return;
    ir_val ax = gpr(d, 0, 1, false);
    flags_change(d, LAHF_MASK, ir_and(d->ir, ax, imm32(d, LAHF_MASK)));
}

void trans_cmc(struct dis *d)
{
    flags_set(d, ir_xor(d->ir, flags_get(d), imm32(d, X86_CC_C)));
}

void trans_clc(struct dis *d)
{
    flags_change(d, X86_CC_C, imm32(d, 0));
}

void trans_stc(struct dis *d)
{
    flags_change(d, X86_CC_C, imm32(d, X86_CC_C));
}

void trans_cld(struct dis *d)
{
    ir_set(d->ir, X86_SLOT_DF, imm64(d, 0));
}

void trans_std(struct dis *d)
{
    ir_set(d->ir, X86_SLOT_DF, imm64(d, ~UINT64_C(0)));
}
