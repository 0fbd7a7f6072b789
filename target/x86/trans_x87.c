/*
 * x87 instructions.  Units know TOP: d->top, which the mode says at their beginning.  Helpers do
 * the instructions; what cannot raise anything is done in line.
 * Ref: SDM volume 1, chapter 8; volume 2, A.5.
 */
#include "target/x86/trans.h"
#include "target/x86/x87.h"

#include <stddef.h>

/* --- whether it is there at all --- */

/* Without an x87 unit its instructions are #NM for those who emulate one, or do nothing. */
static bool is_off(struct dis *d)
{
    if (x87_is_off(d))
        return true;
    return !dis_has(d, X86_F_FPU);
}

static bool has_memory(const struct dis *d)
{
    return d->insn.modrm < 0xc0;
}

static unsigned reg_field(const struct dis *d)
{
    return d->insn.modrm >> 3 & 7;
}

/* --- the helper that does anything --- */

static uint32_t fop_of(const struct dis *d)
{
    return (d->insn.opcode & 7u) << 8 | d->insn.modrm;
}

static uint32_t word_of(const struct dis *d, unsigned op, unsigned pops)
{
    return op | (d->insn.modrm & 7u) << X87_I_SHIFT | pops << X87_POPS_SHIFT |
           fop_of(d) << X87_FOP_SHIFT;
}

/* What an instruction does to TOP is known unless an exception may stop it. */
static void after(struct dis *d, unsigned delta)
{
    if (delta && (d->mode & X86_MODE_X87)) {
        end_mode(d);
        return;
    }
    d->top = (d->top + delta) & 7;
    d->known_top = d->top; /* the helper has told the accelerator */
}

static void call(struct dis *d, uint32_t word, ir_val linear, ir_val offset, unsigned delta)
{
    set_pc(d, d->pc);
    call_x87(d->ir, imm32(d, word), imm32(d, d->mem), linear, offset);
    after(d, delta);
}

static void call_registers(struct dis *d, unsigned op, unsigned pops, unsigned delta)
{
    call(d, word_of(d, op, pops), imm64(d, 0), imm64(d, 0), delta);
}

static unsigned operand_bytes(unsigned operand)
{
    static const uint8_t bytes[8] = {0, 2, 4, 8, 4, 8, 10, 10};
    return bytes[operand];
}

void x87_wait(struct dis *d)
{
    if (!(d->mode & X86_MODE_X87))
        return;
    set_pc(d, d->pc);
    call_fwait(d->ir);
}

static void call_memory(struct dis *d, unsigned op, unsigned operand, int how, unsigned pops,
                        unsigned delta)
{
    uint32_t word = op | operand << X87_OPERAND_SHIFT | pops << X87_POPS_SHIFT |
                    (uint32_t)d->insn.seg << X87_SEG_SHIFT | fop_of(d) << X87_FOP_SHIFT;
    x87_wait(d);
    ir_val offset = mem_offset(d);
    call(d, word, mem_addr(d, operand_bytes(operand), how), offset, delta);
}

/* --- arithmetic and comparisons --- */

void trans_x87_arith(struct dis *d)
{
    static const uint8_t memory[8] = {[0] = X87_F32, [2] = X87_I32, [4] = X87_F64, [6] = X87_I16};
    unsigned opcode = d->insn.opcode & 7, op = reg_field(d);
    if (is_off(d))
        return;
    bool compares = op == X87_FCOM || op == X87_FCOMP;
    if (has_memory(d)) {
        call_memory(d, op, memory[opcode], SEG_READ, op == X87_FCOMP, op == X87_FCOMP);
        return;
    }
    unsigned pops = opcode == 6 && !compares ? 1
                    : op == X87_FCOMP        ? 1 + (d->insn.modrm == 0xd9 && opcode == 6)
                                             : opcode == 6;
    uint32_t word = word_of(d, op, pops) | (opcode >= 4 && !compares ? X87_TO_I : 0);
    call(d, word, imm64(d, 0), imm64(d, 0), pops);
}

/* FUCOM, FUCOMP, FUCOMPP; FCOMI and the like. */
void trans_x87_compare(struct dis *d)
{
    unsigned reg = reg_field(d), opcode = d->insn.opcode & 7;
    if (is_off(d))
        return;
    if (opcode == 5 || opcode == 2) {
        unsigned pops = opcode == 2 ? 2 : reg == 5;
        call_registers(d, X87_FUCOM, pops, pops);
        return;
    }
    unsigned pops = opcode == 7;
    flags_forget(d);
    call_registers(d, reg == 5 ? X87_FUCOMI : X87_FCOMI, pops, pops);
    flags_forget(d);
}

/* --- loads, stores, moves --- */

void trans_x87_load(struct dis *d)
{
    unsigned operand = d->insn.op[0].size == 1   ? X87_I16
                       : d->insn.opcode == 0xd9  ? X87_F32
                       : d->insn.opcode == 0xdd  ? X87_F64
                       : d->insn.op[0].size == 2 ? X87_I32
                       : d->insn.op[0].size == 3 ? X87_I64
                       : d->insn.opcode == 0xdb  ? X87_F80
                                                 : X87_BCD;
    if (!is_off(d))
        call_memory(d, X87_FLD, operand, SEG_READ, 0, 7);
}

void trans_x87_fld(struct dis *d)
{
    if (!is_off(d))
        call_registers(d, X87_FLD, 0, 7);
}

void trans_x87_constant(struct dis *d)
{
    if (!is_off(d))
        call_registers(d, X87_FCONST, 0, 7);
}

static unsigned stored_operand(const struct dis *d, unsigned *op, unsigned *pops)
{
    unsigned reg = reg_field(d), size = d->insn.op[0].size;
    *pops = 1;
    *op = X87_FST;
    if (size == X86_NO_SIZE)
        return d->insn.opcode == 0xdb ? X87_F80 : X87_BCD;
    *pops = reg != 2;
    if ((d->insn.opcode == 0xd9 || d->insn.opcode == 0xdd) && reg != 1)
        return size == 2 ? X87_F32 : X87_F64;
    *op = reg == 1 ? X87_FISTT : X87_FIST;
    return size == 1 ? X87_I16 : size == 2 ? X87_I32 : X87_I64;
}

void trans_x87_store(struct dis *d)
{
    unsigned op, pops, operand = stored_operand(d, &op, &pops);
    if (!is_off(d))
        call_memory(d, op, operand, SEG_WRITE, pops, pops);
}

void trans_x87_fst(struct dis *d)
{
    unsigned pops = reg_field(d) != 2 || d->insn.opcode != 0xdd;
    if (!is_off(d))
        call_registers(d, d->insn.opcode == 0xd9 ? X87_FSTP1 : X87_FST, pops, pops);
}

void trans_x87_fxch(struct dis *d)
{
    if (!is_off(d))
        call_registers(d, X87_FXCH, 0, 0);
}

/* CF, ZF, CF or ZF, PF: their numbers as conditions, and the opposite ones. */
void trans_x87_fcmov(struct dis *d)
{
    static const uint8_t conditions[4] = {2, 4, 6, 10};
    if (is_off(d))
        return;
    unsigned cond = conditions[reg_field(d) & 3] | (d->insn.opcode == 0xdb);
    struct flag_test t = flag_test(d, cond);
    call(d, word_of(d, X87_FCMOV, 0), test_value(d, &t, I64), imm64(d, 0), 0);
}

void trans_x87_sign(struct dis *d)
{
    if (!is_off(d))
        call_registers(d, d->insn.modrm == 0xe0 ? X87_FCHS : X87_FABS, 0, 0);
}

void trans_x87_fnop(struct dis *d)
{
    if (!is_off(d))
        call_registers(d, X87_FNOP, 0, 0);
}

void trans_x87_ffree(struct dis *d)
{
    unsigned pops = d->insn.opcode == 0xdf;
    if (!is_off(d))
        call_registers(d, X87_FFREE, pops, pops);
}

/* The instructions on the top of the stack.  FPTAN, FSIN and the like may find their operand too
 * large, which is known afterwards only. */
void trans_x87_unary(struct dis *d)
{
    unsigned n = d->insn.modrm & 31;
    if (is_off(d))
        return;
    if (n < 16) {
        call_registers(d, n == 4 ? X87_FTST : X87_FXAM, 0, 0);
        return;
    }
    unsigned op = X87_F2XM1 + (n & 15);
    unsigned delta = op == X87_FYL2X || op == X87_FPATAN || op == X87_FYL2XP1 || op == X87_FINCSTP
                         ? 1
                     : op == X87_FXTRACT || op == X87_FDECSTP ? 7
                                                              : 0;
    call_registers(d, op, 0, delta);
    if ((op == X87_FPTAN || op == X87_FSINCOS) && !d->ended)
        end_mode(d);
}

/* --- control --- */

static void call_control(struct dis *d, unsigned op, bool waits, int how)
{
    bool wide = d->insn.opsize != 1;
    unsigned bytes = op == X87_FLDCW                         ? 2
                     : op == X87_FLDENV || op == X87_FNSTENV ? (wide ? 28 : 14)
                                                             : (wide ? 108 : 94);
    if (waits)
        x87_wait(d);
    ir_val linear = has_memory(d) ? mem_addr(d, bytes, how) : imm64(d, 0);
    uint32_t word = op | (wide ? X87_WIDE : 0);
    set_pc(d, d->pc);
    if (waits)
        call_x87(d->ir, imm32(d, word), imm32(d, d->mem), linear, imm64(d, 0));
    else
        call_x87_control(d->ir, imm32(d, word), imm32(d, d->mem), linear);
    end_mode(d);
}

void trans_x87_environment(struct dis *d)
{
    bool is_load = reg_field(d) == 4, is_save = d->insn.opcode == 0xdd;
    if (is_off(d))
        return;
    unsigned op = is_save   ? (is_load ? X87_FRSTOR : X87_FNSAVE)
                  : is_load ? X87_FLDENV
                            : X87_FNSTENV;
    call_control(d, op, is_load, is_load ? SEG_READ : SEG_WRITE);
}

void trans_x87_fldcw(struct dis *d)
{
    if (!is_off(d))
        call_control(d, X87_FLDCW, true, SEG_READ);
}

void trans_x87_fnclex(struct dis *d)
{
    if (!is_off(d))
        call_control(d, X87_FNCLEX, false, SEG_READ);
}

void trans_x87_fninit(struct dis *d)
{
    if (!is_off(d))
        call_control(d, X87_FNINIT, false, SEG_READ);
}

void trans_x87_fnstcw(struct dis *d)
{
    if (!is_off(d))
        operand_write(d, 0, ir_env_ld(d->ir, I32, MO_16, offsetof(struct x86_cpu, s.fcw)));
}

/* An exception waits only if one is not masked. */
static ir_val status_word(struct dis *d)
{
    ir_val v = ir_or(d->ir, ir_get(d->ir, X86_SLOT_FSW), imm32(d, d->top << X87_SW_TOP_SHIFT));
    if (!(d->mode & X86_MODE_X87))
        return v;
    ir_val masks = ir_env_ld(d->ir, I32, MO_16, offsetof(struct x86_cpu, s.fcw));
    ir_val waiting = ir_and(d->ir, ir_andn(d->ir, v, masks), imm32(d, X87_ALL));
    ir_val es = ir_setcond(d->ir, waiting, imm32(d, 0), IR_NE);
    return ir_or(d->ir, v, ir_mul(d->ir, es, imm32(d, X87_SW_ES | X87_SW_B)));
}

void trans_x87_fnstsw(struct dis *d)
{
    if (!is_off(d))
        operand_write(d, 0, status_word(d));
}

void trans_x87_none(struct dis *d)
{
    (void)is_off(d);
}

/* With CR0.MP and TS: #NM; with an exception that waits: #MF.  Neither comes by itself. */
void trans_fwait(struct dis *d)
{
    if (!(d->mode & (X86_MODE_TS | X86_MODE_X87)))
        return;
    set_pc(d, d->pc);
    call_fwait(d->ir);
}
