/* From guest code to IR: the loop over a unit's instructions, and access to x registers, pc and
 * exits. */
#include "target/riscv/trans.h"

#include "accel/tcg/guest.h"
#include "util/bits.h"

void dis_init(struct dis *d, struct ir *ir, const struct rv_cpu *cpu, uint64_t pc, uint32_t mode)
{
    *d = (struct dis){
        .ir = ir,
        .cpu = cpu,
        .start = pc,
        .pc = pc,
        .next = pc,
        .xlen = mode & RV_MODE_RV32 ? 32 : 64,
        .xt = mode & RV_MODE_RV32 ? I32 : I64,
        .priv = mode & RV_MODE_PRIV,
        .fs = mode >> RV_MODE_FS_SHIFT & 3,
        .frm = mode >> RV_MODE_FRM_SHIFT & 7,
        .mem = (mode >> RV_MODE_IDX_SHIFT & 7) << MO_IDX_SHIFT,
    };
}

/* --- x registers --- */

ir_val gpr64(struct dis *d, int n)
{
    return n ? ir_get(d->ir, RV_SLOT_X1 + n - 1) : ir_const(d->ir, I64, 0);
}

ir_val gpr32(struct dis *d, int n)
{
    return n ? ir_trunc(d->ir, gpr64(d, n)) : ir_const(d->ir, I32, 0);
}

ir_val gpr(struct dis *d, int n)
{
    return d->xt == I32 ? gpr32(d, n) : gpr64(d, n);
}

void set_gpr(struct dis *d, int n, ir_val v)
{
    if (!n)
        return;
    if (ir_type_of(d->ir, v) == I32)
        v = ir_sext32(d->ir, v);
    ir_set(d->ir, RV_SLOT_X1 + n - 1, v);
}

ir_val imm(struct dis *d, int64_t value)
{
    return ir_const(d->ir, d->xt, value);
}

ir_val imm32(struct dis *d, uint32_t value)
{
    return ir_const(d->ir, I32, value);
}

ir_val addr(struct dis *d, int rs1, int offset)
{
    ir_val a = ir_add(d->ir, gpr(d, rs1), imm(d, offset));
    return d->xt == I32 ? ir_zext32(d->ir, a) : a;
}

/* --- pc and exits --- */

static uint64_t wrap_pc(const struct dis *d, uint64_t pc)
{
    return d->xlen == 32 ? (uint32_t)pc : pc;
}

unsigned pc_align_mask(const struct dis *d)
{
    return dis_has(d, EXT_ZCA) ? 1 : 3;
}

ir_val pc64(struct dis *d, uint64_t pc)
{
    return ir_pc(d->ir, wrap_pc(d, pc));
}

ir_val pc_gpr(struct dis *d, uint64_t pc)
{
    return d->xt == I32 ? ir_trunc(d->ir, pc64(d, pc)) : pc64(d, pc);
}

void set_pc(struct dis *d, uint64_t pc)
{
    ir_set(d->ir, RV_SLOT_PC, pc64(d, pc));
}

void end_jump(struct dis *d, uint64_t pc)
{
    ir_exit_jump(d->ir, wrap_pc(d, pc), 0, IR_HINT_NONE);
    d->ended = true;
}

void end_lookup(struct dis *d)
{
    ir_exit_lookup(d->ir);
    d->ended = true;
}

void end_mode(struct dis *d)
{
    set_pc(d, d->pc + d->len);
    end_lookup(d);
}

void end_main(struct dis *d, uint32_t reason)
{
    set_pc(d, d->pc + d->len);
    ir_exit_main(d->ir, reason);
    d->ended = true;
}

void raise_misaligned(struct dis *d, ir_val target)
{
    set_pc(d, d->pc);
    call_raise_misaligned_fetch(d->ir, target);
    ir_exit_lookup(d->ir);
}

static void raise_illegal(struct dis *d)
{
    set_pc(d, d->pc);
    call_raise_illegal(d->ir, imm32(d, d->insn));
    end_lookup(d);
}

/* --- the loop --- */

/*
 * RVE has x0..x15 only: whether a 32-bit word names another.  Bits by major opcode: which of rd,
 * rs1, rs2 are x registers. Ref: Volume I, 3.1 and chapter 35.
 */
static bool names_high_reg32(uint32_t insn)
{
    enum { RD = 1, RS1 = 2, RS2 = 4 };
    static const uint8_t used[32] = {
        [0x00] = RD | RS1,
        [0x03] = RS1,
        [0x04] = RD | RS1,
        [0x05] = RD,
        [0x06] = RD | RS1,
        [0x08] = RS1 | RS2,
        [0x0b] = RD | RS1 | RS2,
        [0x0c] = RD | RS1 | RS2,
        [0x0d] = RD,
        [0x0e] = RD | RS1 | RS2,
        [0x18] = RS1 | RS2,
        [0x19] = RD | RS1,
        [0x1b] = RD,
        [0x1c] = RD | RS1,
    };
    unsigned use = used[insn >> 2 & 31];
    if (use == (RD | RS1) && (insn & 0x4000) && (insn >> 2 & 31) == 0x1c)
        use = RD; /* csrr*i: rs1 is a number */
    return (use & RD && insn & BIT64(11)) || (use & RS1 && insn & BIT64(19)) ||
           (use & RS2 && insn & BIT64(24));
}

/* The same for a 16-bit word: registers of five bits lie in 11:7 and 6:2.  Ref: Volume I, 28.2. */
static bool names_high_reg16(const struct dis *d, uint32_t insn)
{
    unsigned quadrant = insn & 3, funct3 = insn >> 13;
    bool high_11_7 = insn & BIT64(11), high_6_2 = insn & BIT64(6);
    if (quadrant == 1)
        return high_11_7 &&
               (funct3 == 0 || funct3 == 2 || funct3 == 3 || (funct3 == 1 && d->xlen == 64));
    if (quadrant != 2)
        return false;
    if (funct3 < 4)
        return high_11_7;
    return (funct3 == 4 && high_11_7) || high_6_2;
}

static bool decode(struct dis *d)
{
    if (d->len == 2)
        return !(dis_has(d, EXT_E) && names_high_reg16(d, d->insn)) && rvc_decode16(d, d->insn);
    return !(dis_has(d, EXT_E) && names_high_reg32(d->insn)) && rv_decode32(d, d->insn);
}

void dis_insn(struct dis *d, uint32_t insn, unsigned len)
{
    d->insn = insn;
    d->len = len;
    d->next = wrap_pc(d, d->pc + len);
    ir_insn(d->ir, d->pc, insn);
    if (!decode(d))
        raise_illegal(d);
    d->pc = d->next;
}

static bool fetch(struct dis *d, struct tx *tx, uint32_t *insn, unsigned *len)
{
    uint16_t half;
    if (!tx_fetch16(tx, d->pc, &half))
        return false;
    *insn = half;
    *len = 2;
    if ((half & 3) != 3)
        return true;
    *len = 4;
    return tx_fetch32(tx, d->pc, insn);
}

void rv_translate(struct tx *tx)
{
    struct dis d;
    dis_init(&d, tx_ir(tx), rv(tx_cpu(tx)), tx_start(tx), tx_mode(tx));
    for (unsigned n = 0; !d.ended; n++) {
        uint32_t insn;
        unsigned len;
        bool stop = n && (n >= tx_max_insns(tx) || !tx_same_page(tx, d.pc) || ir_full(d.ir) ||
                          tx_break_at(tx, d.pc));
        if (stop || !fetch(&d, tx, &insn, &len)) {
            if (n)
                end_jump(&d, d.pc);
            return;
        }
        dis_insn(&d, insn, len);
    }
}
