/*
 * x87 instructions.  With all exceptions masked each is an operation of the translator's, which
 * back ends do on the host's x87; else a helper does them.
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

/* --- how they are done --- */

static uint32_t fop_of(const struct dis *d)
{
    return (d->insn.opcode & 7u) << 8 | d->insn.modrm;
}

static uint32_t word_of(const struct dis *d, unsigned op, unsigned pops)
{
    return op | (d->insn.modrm & 7u) << X87_I_SHIFT | pops << X87_POPS_SHIFT |
           fop_of(d) << X87_FOP_SHIFT;
}

static uint32_t memory_word(const struct dis *d, unsigned op, unsigned operand, unsigned pops)
{
    return op | operand << X87_OPERAND_SHIFT | pops << X87_POPS_SHIFT |
           (uint32_t)d->insn.seg << X87_SEG_SHIFT | fop_of(d) << X87_FOP_SHIFT;
}

/* Exceptions that are not masked are the helper's. */
static bool is_in_line(const struct dis *d)
{
    return !(d->mode & X86_MODE_X87) && !is_alone(d);
}

/* high: of operands of 10 bytes the last two, of stores the memop. */
static void call(struct dis *d, uint32_t word, ir_val high, ir_val arg, ir_val offset)
{
    set_pc(d, d->pc);
    call_x87(d->ir, imm32(d, word), high, arg, offset);
}

static void set_selector(struct dis *d, unsigned slot, unsigned seg)
{
    size_t at = offsetof(struct x86_cpu, s.seg) + seg * sizeof(struct x86_segment) +
                offsetof(struct x86_segment, selector);
    ir_set(d->ir, slot,
           dis_has(d, X86_F_ZERO_FCS_FDS) ? imm32(d, 0) : ir_env_ld(d->ir, I32, MO_16, at));
}

/* The pointers to the instruction.  Selectors are the same in all of a unit. */
static void note(struct dis *d)
{
    d->mmx_ready = false;
    ir_set(d->ir, X86_SLOT_FIP, rip_of(d, d->pc));
    ir_set(d->ir, X86_SLOT_FOP, imm32(d, fop_of(d)));
    if (!d->has_fcs)
        set_selector(d, X86_SLOT_FCS, X86_CS);
    d->has_fcs = true;
}

static void note_operand(struct dis *d, ir_val offset)
{
    note(d);
    if (dis_has(d, X86_F_FDP_EXCPTN_ONLY))
        return;
    ir_set(d->ir, X86_SLOT_FDP, offset);
    if (!(d->has_fds >> d->insn.seg & 1))
        set_selector(d, X86_SLOT_FDS, d->insn.seg);
    d->has_fds = (uint8_t)(1u << d->insn.seg);
}

static void on_registers(struct dis *d, uint32_t word)
{
    if (!is_in_line(d)) {
        call(d, word, imm32(d, 0), imm64(d, 0), imm64(d, 0));
        return;
    }
    ir_x87(d->ir, fop_of(d), word);
    note(d);
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

static uint32_t memop_of(const struct dis *d, unsigned bytes)
{
    return d->mem | (bytes == 2 ? MO_16 : bytes == 4 ? MO_32 : bytes == 8 ? MO_64 : MO_80);
}

/* 10 bytes want to be aligned to 8 where it matters: those are the helper's. */
static bool is_direct(const struct dis *d, unsigned bytes)
{
    return is_in_line(d) && !(bytes == 10 && (d->mem & MO_ALIGN));
}

static uint64_t fop_and_word(const struct dis *d, uint32_t word)
{
    return (uint64_t)fop_of(d) << 32 | word;
}

static void call_with_operand(struct dis *d, uint32_t word, unsigned bytes, ir_val linear,
                              ir_val offset)
{
    unsigned size = bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
    ir_val v = mem_load(d, linear, size), high = imm32(d, 0);
    if (bytes == 10)
        high = zext_of(d, mem_load(d, ir_add(d->ir, linear, imm64(d, 8)), 1), 1);
    call(d, word, high, zext64_of(d, v, size), offset);
}

static void from_memory(struct dis *d, unsigned op, unsigned operand, unsigned pops)
{
    unsigned bytes = operand_bytes(operand);
    uint32_t word = memory_word(d, op, operand, pops);
    x87_wait(d);
    ir_val offset = mem_offset(d), linear = mem_addr(d, bytes, SEG_READ);
    if (!is_direct(d, bytes)) {
        call_with_operand(d, word, bytes, linear, offset);
        return;
    }
    ir_x87_ld(d->ir, linear, memop_of(d, bytes), fop_and_word(d, word));
    note_operand(d, offset);
}

static void to_memory(struct dis *d, unsigned op, unsigned operand, unsigned pops)
{
    unsigned bytes = operand_bytes(operand);
    uint32_t word = memory_word(d, op, operand, pops);
    x87_wait(d);
    ir_val offset = mem_offset(d), linear = mem_addr(d, bytes, SEG_WRITE);
    if (!is_direct(d, bytes)) {
        call(d, word, imm32(d, d->mem), linear, offset);
        return;
    }
    ir_x87_st(d->ir, linear, memop_of(d, bytes), fop_and_word(d, word));
    note_operand(d, offset);
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
        from_memory(d, op, memory[opcode], op == X87_FCOMP);
        return;
    }
    unsigned pops = opcode == 6 && !compares ? 1
                    : op == X87_FCOMP        ? 1 + (d->insn.modrm == 0xd9 && opcode == 6)
                                             : opcode == 6;
    on_registers(d, word_of(d, op, pops) | (opcode >= 4 && !compares ? X87_TO_I : 0));
}

static void to_flags(struct dis *d, uint32_t word)
{
    if (is_in_line(d)) {
        flags_set(d, ir_x87_get(d->ir, fop_of(d), word));
        note(d);
        return;
    }
    flags_forget(d);
    on_registers(d, word);
    flags_forget(d);
}

/* FUCOM, FUCOMP, FUCOMPP; FCOMI and the like. */
void trans_x87_compare(struct dis *d)
{
    unsigned reg = reg_field(d), opcode = d->insn.opcode & 7;
    if (is_off(d))
        return;
    if (opcode == 5 || opcode == 2) {
        unsigned pops = opcode == 2 ? 2 : reg == 5;
        on_registers(d, word_of(d, X87_FUCOM, pops));
        return;
    }
    to_flags(d, word_of(d, reg == 5 ? X87_FUCOMI : X87_FCOMI, opcode == 7));
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
        from_memory(d, X87_FLD, operand, 0);
}

void trans_x87_fld(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, X87_FLD, 0));
}

void trans_x87_constant(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, X87_FCONST, 0));
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
        to_memory(d, op, operand, pops);
}

void trans_x87_fst(struct dis *d)
{
    unsigned pops = reg_field(d) != 2 || d->insn.opcode != 0xdd;
    if (!is_off(d))
        on_registers(d, word_of(d, d->insn.opcode == 0xd9 ? X87_FSTP1 : X87_FST, pops));
}

void trans_x87_fxch(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, X87_FXCH, 0));
}

/* CF, ZF, CF or ZF, PF: their numbers as conditions, and the opposite ones. */
void trans_x87_fcmov(struct dis *d)
{
    static const uint8_t conditions[4] = {2, 4, 6, 10};
    if (is_off(d))
        return;
    unsigned cond = conditions[reg_field(d) & 3] | (d->insn.opcode == 0xdb);
    struct flag_test t = flag_test(d, cond);
    uint32_t word = word_of(d, X87_FCMOV, 0);
    ir_val holds = test_value(d, &t, I64);
    if (!is_in_line(d)) {
        call(d, word, imm32(d, 0), holds, imm64(d, 0));
        return;
    }
    ir_x87_if(d->ir, holds, fop_of(d), word);
    note(d);
}

void trans_x87_sign(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, d->insn.modrm == 0xe0 ? X87_FCHS : X87_FABS, 0));
}

void trans_x87_fnop(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, X87_FNOP, 0));
}

void trans_x87_ffree(struct dis *d)
{
    if (!is_off(d))
        on_registers(d, word_of(d, X87_FFREE, d->insn.opcode == 0xdf));
}

/* The instructions on the top of the stack. */
void trans_x87_unary(struct dis *d)
{
    unsigned n = d->insn.modrm & 31;
    unsigned op = n < 16 ? (n == 4 ? X87_FTST : X87_FXAM) : X87_F2XM1 + (n & 15);
    if (!is_off(d))
        on_registers(d, word_of(d, op, 0));
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

/* As long as all exceptions stay masked no mode changes. */
static void load_control(struct dis *d)
{
    size_t at = offsetof(struct x86_cpu, s.fcw);
    ir_val v = zext_of(d, mem_load(d, mem_addr(d, 2, SEG_READ), 1), 1);
    alone_if(d, ir_and(d->ir, v, imm32(d, X87_ALL)), imm32(d, X87_ALL), IR_NE);
    v = ir_or(d->ir, ir_and(d->ir, v, imm32(d, X87_CW_BITS)), imm32(d, X87_CW_SET));
    ir_env_st(d->ir, v, MO_16, at);
    ir_x87_cw(d->ir, at);
}

void trans_x87_fldcw(struct dis *d)
{
    if (is_off(d))
        return;
    if (is_in_line(d))
        load_control(d);
    else
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

/* An exception waits only if one is not masked.  Where this may be, the slots have the state. */
static ir_val status_word(struct dis *d)
{
    enum { FNSTSW_AX = 0x7e0 };
    if (is_in_line(d))
        return ir_x87_get(d->ir, FNSTSW_AX, X87_FNSTSW);
    ir_val top = ir_shl(d->ir, ir_get(d->ir, X86_SLOT_FTOP), imm32(d, X87_SW_TOP_SHIFT));
    ir_val v = ir_or(d->ir, ir_get(d->ir, X86_SLOT_FSW), top);
    ir_val masks = ir_env_ld(d->ir, I32, MO_16, offsetof(struct x86_cpu, s.fcw));
    ir_val waiting = ir_and(d->ir, ir_andn(d->ir, v, masks), imm32(d, X87_ALL));
    ir_val es = ir_setcond(d->ir, waiting, imm32(d, 0), IR_NE);
    return ir_or(d->ir, v, ir_mul(d->ir, es, imm32(d, X87_SW_ES | X87_SW_B)));
}

void trans_x87_fnstsw(struct dis *d)
{
    if (is_off(d))
        return;
    operand_write(d, 0, status_word(d));
    d->mmx_ready = false;
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
