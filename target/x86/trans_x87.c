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

enum { TOP_UNKNOWN = 8 };

static uint32_t fop_of(const struct dis *d)
{
    return (d->insn.opcode & 7u) << 8 | d->insn.modrm;
}

static uint32_t word_of(const struct dis *d, unsigned op, unsigned pops)
{
    return op | (d->insn.modrm & 7u) << X87_I_SHIFT | pops << X87_POPS_SHIFT |
           fop_of(d) << X87_FOP_SHIFT;
}

/* TOP will be known by the next unit only: it must ask. */
static void end_unknown(struct dis *d)
{
    d->known_top = TOP_UNKNOWN;
    end_mode(d);
}

/* What an instruction does to TOP is known unless an exception may stop it. */
static void after(struct dis *d, unsigned delta)
{
    d->st_full = d->st_empty = 0;
    if (!delta)
        return;
    d->moves_top = true;
    if (d->mode & X86_MODE_X87)
        end_unknown(d);
    else
        d->top = (d->top + delta) & 7;
}

/* high: of operands of 10 bytes the last two, of stores the memop. */
static void call(struct dis *d, uint32_t word, ir_val high, ir_val arg, ir_val offset,
                 unsigned delta)
{
    set_pc(d, d->pc);
    call_x87(d->ir, imm32(d, word), high, arg, offset);
    after(d, delta);
}

static void call_registers(struct dis *d, unsigned op, unsigned pops, unsigned delta)
{
    call(d, word_of(d, op, pops), imm32(d, 0), imm64(d, 0), imm64(d, 0), delta);
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

static uint32_t memory_word(const struct dis *d, unsigned op, unsigned operand, unsigned pops)
{
    return op | operand << X87_OPERAND_SHIFT | pops << X87_POPS_SHIFT |
           (uint32_t)d->insn.seg << X87_SEG_SHIFT | fop_of(d) << X87_FOP_SHIFT;
}

/* From memory. */
static void call_load(struct dis *d, unsigned op, unsigned operand, unsigned pops, unsigned delta)
{
    unsigned bytes = operand_bytes(operand), size = bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
    ir_val high = imm32(d, 0);
    x87_wait(d);
    ir_val offset = mem_offset(d), linear = mem_addr(d, bytes, SEG_READ);
    ir_val v = zext64_of(d, mem_load(d, linear, size), size);
    if (bytes == 10)
        high = mem_load(d, ir_add(d->ir, linear, imm64(d, 8)), 1);
    call(d, memory_word(d, op, operand, pops), high, v, offset, delta);
}

static void call_store(struct dis *d, unsigned op, unsigned operand, unsigned pops)
{
    x87_wait(d);
    ir_val offset = mem_offset(d), linear = mem_addr(d, operand_bytes(operand), SEG_WRITE);
    call(d, memory_word(d, op, operand, pops), imm32(d, d->mem), linear, offset, pops);
}

/* --- in line --- */

/* What is not expected, and exceptions, is found by a unit of the instruction alone, which calls
 * the helper. */
static bool is_in_line(const struct dis *d)
{
    return !(d->mode & X86_MODE_X87) && !is_alone(d);
}

static unsigned physical(const struct dis *d, unsigned i)
{
    return (d->top + i) & 7;
}

/* These registers must be in use, those empty: sets of bits. */
static void want_tags(struct dis *d, unsigned full, unsigned empty)
{
    unsigned unknown = (full & ~(unsigned)d->st_full) | (empty & ~(unsigned)d->st_empty);
    if (unknown)
        alone_if(d, ir_and(d->ir, ir_get(d->ir, X86_SLOT_FTAG), imm32(d, unknown)),
                 imm32(d, empty & unknown), IR_NE);
}

static void set_tags(struct dis *d, unsigned full, unsigned empty)
{
    ir_val v = ir_and(d->ir, ir_get(d->ir, X86_SLOT_FTAG), imm32(d, ~full));
    ir_set(d->ir, X86_SLOT_FTAG, ir_or(d->ir, v, imm32(d, empty)));
    d->st_full = (uint8_t)((d->st_full | full) & ~empty);
    d->st_empty = (uint8_t)((d->st_empty & ~full) | empty);
}

static void move_top(struct dis *d, unsigned delta)
{
    d->top = (d->top + delta) & 7;
    d->moves_top = true;
    ir_set(d->ir, X86_SLOT_FTOP, imm32(d, d->top));
}

static ir_val selector(struct dis *d, unsigned seg)
{
    size_t at = offsetof(struct x86_cpu, s.seg) + seg * sizeof(struct x86_segment) +
                offsetof(struct x86_segment, selector);
    return dis_has(d, X86_F_ZERO_FCS_FDS) ? imm32(d, 0) : ir_env_ld(d->ir, I32, MO_16, at);
}

/* C1 is 0, and the pointers to the instruction. */
static void note(struct dis *d)
{
    ir_val fsw = ir_get(d->ir, X86_SLOT_FSW);
    ir_set(d->ir, X86_SLOT_FSW, ir_and(d->ir, fsw, imm32(d, ~(uint32_t)X87_SW_C1)));
    ir_set(d->ir, X86_SLOT_FIP, rip_of(d, d->pc));
    ir_set(d->ir, X86_SLOT_FCS, selector(d, X86_CS));
    ir_set(d->ir, X86_SLOT_FOP, imm32(d, fop_of(d)));
}

static void note_operand(struct dis *d, ir_val offset)
{
    if (dis_has(d, X86_F_FDP_EXCPTN_ONLY))
        return;
    ir_set(d->ir, X86_SLOT_FDP, offset);
    ir_set(d->ir, X86_SLOT_FDS, selector(d, d->insn.seg));
}

static void push_value(struct dis *d, ir_val man, ir_val exp)
{
    unsigned n = physical(d, 7);
    ir_set(d->ir, X86_SLOT_FMAN + n, man);
    ir_set(d->ir, X86_SLOT_FEXP + n, exp);
    set_tags(d, 1u << n, 0);
    move_top(d, 7);
    note(d);
}

static void copy(struct dis *d, unsigned to, unsigned from)
{
    ir_set(d->ir, X86_SLOT_FMAN + to, ir_get(d->ir, X86_SLOT_FMAN + from));
    ir_set(d->ir, X86_SLOT_FEXP + to, ir_get(d->ir, X86_SLOT_FEXP + from));
}

/* Of 4 or 8 bytes, normal or zero: v has exp_bits of exponent below its sign. */
static void push_float(struct dis *d, ir_val v, unsigned bits, unsigned exp_bits)
{
    enum { BIAS = 16383 };
    const uint64_t top = UINT64_C(1) << 63, one = UINT64_C(1) << (64 - exp_bits);
    unsigned frac_bits = bits - 1 - exp_bits, bias = (1u << (exp_bits - 1)) - 1;
    ir_val zero = imm64(d, 0), t = ir_shl(d->ir, v, imm64(d, 65 - bits)); /* without its sign */
    ir_val normal = ir_select(d->ir, t, zero, zero, ir_sub(d->ir, t, imm64(d, one)), IR_EQ);
    alone_if(d, normal, imm64(d, (uint64_t)-2 * one - 1), IR_GTU);
    ir_val man = ir_or(d->ir, ir_shl(d->ir, v, imm64(d, 63 - frac_bits)), imm64(d, top));
    ir_val exp = ir_shr(d->ir, t, imm64(d, 64 - exp_bits));
    exp = ir_add(d->ir, exp, imm64(d, BIAS - bias));
    ir_val sign = ir_and(d->ir, ir_shr(d->ir, v, imm64(d, bits - 16)), imm64(d, 0x8000));
    man = ir_select(d->ir, t, zero, zero, man, IR_EQ);
    exp = ir_or(d->ir, ir_select(d->ir, t, zero, zero, exp, IR_EQ), sign);
    push_value(d, man, ir_trunc(d->ir, exp));
}

static bool load_in_line(struct dis *d, unsigned operand)
{
    if (!is_in_line(d) || (operand != X87_F32 && operand != X87_F64 && operand != X87_F80))
        return false;
    want_tags(d, 0, 1u << physical(d, 7));
    ir_val offset = mem_offset(d), linear = mem_addr(d, operand_bytes(operand), SEG_READ);
    unsigned size = operand == X87_F32 ? 2 : 3;
    ir_val v = zext64_of(d, mem_load(d, linear, size), size);
    if (operand == X87_F80)
        push_value(d, v, zext_of(d, mem_load(d, ir_add(d->ir, linear, imm64(d, 8)), 1), 1));
    else
        push_float(d, v, 8u << size, size == 2 ? 8 : 11);
    note_operand(d, offset);
    return true;
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
        call_load(d, op, memory[opcode], op == X87_FCOMP, op == X87_FCOMP);
        return;
    }
    unsigned pops = opcode == 6 && !compares ? 1
                    : op == X87_FCOMP        ? 1 + (d->insn.modrm == 0xd9 && opcode == 6)
                                             : opcode == 6;
    uint32_t word = word_of(d, op, pops) | (opcode >= 4 && !compares ? X87_TO_I : 0);
    call(d, word, imm32(d, 0), imm64(d, 0), imm64(d, 0), pops);
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
    if (!is_off(d) && !load_in_line(d, operand))
        call_load(d, X87_FLD, operand, 0, 7);
}

void trans_x87_fld(struct dis *d)
{
    unsigned from = physical(d, d->insn.modrm & 7);
    if (is_off(d))
        return;
    if (!is_in_line(d) || from == physical(d, 7)) {
        call_registers(d, X87_FLD, 0, 7);
        return;
    }
    want_tags(d, 1u << from, 1u << physical(d, 7));
    push_value(d, ir_get(d->ir, X86_SLOT_FMAN + from), ir_get(d->ir, X86_SLOT_FEXP + from));
}

/* FLD1 and FLDZ are the same with all roundings. */
void trans_x87_constant(struct dis *d)
{
    bool is_one = d->insn.modrm == 0xe8;
    if (is_off(d))
        return;
    if (!is_in_line(d) || (!is_one && d->insn.modrm != 0xee)) {
        call_registers(d, X87_FCONST, 0, 7);
        return;
    }
    want_tags(d, 0, 1u << physical(d, 7));
    push_value(d, imm64(d, (uint64_t)is_one << 63), imm32(d, is_one ? 0x3fff : 0));
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
        call_store(d, op, operand, pops);
}

void trans_x87_fst(struct dis *d)
{
    unsigned pops = reg_field(d) != 2 || d->insn.opcode != 0xdd;
    unsigned from = physical(d, 0), to = physical(d, d->insn.modrm & 7);
    if (is_off(d))
        return;
    if (!is_in_line(d)) {
        call_registers(d, d->insn.opcode == 0xd9 ? X87_FSTP1 : X87_FST, pops, pops);
        return;
    }
    want_tags(d, 1u << from, 0);
    if (to != from)
        copy(d, to, from);
    set_tags(d, 1u << to, pops << from);
    move_top(d, pops);
    note(d);
}

void trans_x87_fxch(struct dis *d)
{
    unsigned a = physical(d, 0), b = physical(d, d->insn.modrm & 7);
    if (is_off(d))
        return;
    if (!is_in_line(d)) {
        call_registers(d, X87_FXCH, 0, 0);
        return;
    }
    want_tags(d, 1u << a | 1u << b, 0);
    ir_val man = ir_get(d->ir, X86_SLOT_FMAN + a), exp = ir_get(d->ir, X86_SLOT_FEXP + a);
    copy(d, a, b);
    ir_set(d->ir, X86_SLOT_FMAN + b, man);
    ir_set(d->ir, X86_SLOT_FEXP + b, exp);
    note(d);
}

/* CF, ZF, CF or ZF, PF: their numbers as conditions, and the opposite ones. */
void trans_x87_fcmov(struct dis *d)
{
    static const uint8_t conditions[4] = {2, 4, 6, 10};
    if (is_off(d))
        return;
    unsigned cond = conditions[reg_field(d) & 3] | (d->insn.opcode == 0xdb);
    struct flag_test t = flag_test(d, cond);
    call(d, word_of(d, X87_FCMOV, 0), imm32(d, 0), test_value(d, &t, I64), imm64(d, 0), 0);
}

void trans_x87_sign(struct dis *d)
{
    bool negates = d->insn.modrm == 0xe0;
    unsigned slot = X86_SLOT_FEXP + physical(d, 0);
    if (is_off(d))
        return;
    if (!is_in_line(d)) {
        call_registers(d, negates ? X87_FCHS : X87_FABS, 0, 0);
        return;
    }
    want_tags(d, 1u << physical(d, 0), 0);
    ir_val exp = ir_get(d->ir, slot);
    ir_set(d->ir, slot,
           negates ? ir_xor(d->ir, exp, imm32(d, 0x8000)) : ir_and(d->ir, exp, imm32(d, 0x7fff)));
    note(d);
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
    if (op == X87_FPTAN || op == X87_FSINCOS)
        end_unknown(d);
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
