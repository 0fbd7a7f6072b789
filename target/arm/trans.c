/* From guest code to IR: the loop over a unit's instructions, and access to x registers, pc, exits
 * and exceptions. */
#include "target/arm/trans.h"

#include "accel/tcg/guest.h"
#include "target/arm/a64.h"
#include "target/arm/syndrome.h"

/* The index that LDTR, STTR and the like use: unprivileged, where the mode says that they differ,
 * and LDRT in AArch32 state. */
static unsigned unpriv_idx(uint32_t mode, unsigned idx)
{
    if (!(mode & (ARM_MODE_UNPRIV | ARM_MODE_A32)))
        return idx;
    switch (idx) {
    case ARM_IDX_EL10_1:
    case ARM_IDX_EL10_1_PAN: return ARM_IDX_EL10_0;
    case ARM_IDX_EL20_2:
    case ARM_IDX_EL20_2_PAN: return ARM_IDX_EL20_0;
    }
    return idx;
}

void arm_dis_init(struct dis *d, struct ir *ir, const struct arm_cpu *cpu, uint64_t pc,
                  uint32_t mode)
{
    unsigned idx = mode >> ARM_MODE_IDX_SHIFT & 7;
    uint32_t mem = (mode & ARM_MODE_BE ? MO_BE : 0) | (mode & ARM_MODE_ALIGN ? MO_ALIGN : 0);
    *d = (struct dis){
        .ir = ir,
        .cpu = cpu,
        .start = pc,
        .pc = pc,
        .next = pc,
        .mode = mode,
        .el = mode & ARM_MODE_EL,
        .mem = mem | idx << MO_IDX_SHIFT,
        .mem_unpriv = mem | unpriv_idx(mode, idx) << MO_IDX_SHIFT,
        .flag_a = IR_NONE,
        .flag_b = IR_NONE,
        .flag_result = IR_NONE,
    };
}

/* --- x registers --- */

ir_val imm64(struct dis *d, uint64_t value)
{
    return ir_const(d->ir, I64, value);
}

ir_val imm32(struct dis *d, uint32_t value)
{
    return ir_const(d->ir, I32, value);
}

ir_val gpr64(struct dis *d, int n)
{
    return n == 31 ? imm64(d, 0) : ir_get(d->ir, ARM_SLOT_X0 + n);
}

ir_val gpr32(struct dis *d, int n)
{
    return n == 31 ? imm32(d, 0) : ir_trunc(d->ir, ir_get(d->ir, ARM_SLOT_X0 + n));
}

ir_val gpr(struct dis *d, int n, bool is64)
{
    return is64 ? gpr64(d, n) : gpr32(d, n);
}

static void set_slot(struct dis *d, unsigned slot, ir_val v)
{
    if (ir_type_of(d->ir, v) == I32)
        v = ir_zext32(d->ir, v);
    ir_set(d->ir, slot, v);
}

void set_gpr(struct dis *d, int n, ir_val v)
{
    if (n != 31)
        set_slot(d, ARM_SLOT_X0 + n, v);
}

ir_val gpr_sp(struct dis *d, int n, bool is64)
{
    ir_val v = ir_get(d->ir, n == 31 ? ARM_SLOT_SP : ARM_SLOT_X0 + n);
    return is64 ? v : ir_trunc(d->ir, v);
}

void set_gpr_sp(struct dis *d, int n, ir_val v)
{
    if (n == 31)
        d->sp_aligned = false;
    set_slot(d, n == 31 ? ARM_SLOT_SP : ARM_SLOT_X0 + n, v);
}

/* --- pc and exits --- */

ir_val pc64(struct dis *d, uint64_t pc)
{
    return dis_is_a32(d) ? ir_pc(d->ir, (uint32_t)pc) : ir_pc(d->ir, pc);
}

void set_pc(struct dis *d, uint64_t pc)
{
    ir_set(d->ir, ARM_SLOT_PC, pc64(d, pc));
}

void end_jump(struct dis *d, uint64_t pc)
{
    ir_exit_jump(d->ir, dis_is_a32(d) ? (uint32_t)pc : pc, 0, IR_HINT_NONE);
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

/* --- exceptions --- */

void end_exception(struct dis *d, uint32_t syndrome, unsigned el)
{
    set_pc(d, d->pc);
    call_raise(d->ir, imm32(d, syndrome), imm32(d, el));
    end_lookup(d);
}

void end_undefined(struct dis *d)
{
    end_exception(d, EC_UNKNOWN | SYN_IL, 1);
}

void raise_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t syndrome)
{
    struct arm_late *late = &d->late[d->nlate++];
    *late = (struct arm_late){.block = ir_block_new(d->ir), .pc = d->pc, .syndrome = syndrome};
    ir_br_if(d->ir, a, b, cc, late->block);
}

void check_landing_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t insn)
{
    raise_if(d, a, b, cc, 0);
    d->late[d->nlate - 1].landed = insn ? insn : 1; /* as little a landing */
}

static void end_landing(struct dis *d, uint32_t insn)
{
    set_pc(d, d->pc);
    call_bti_check(d->ir, imm32(d, insn));
    end_lookup(d);
}

void raise_misaligned_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, int base, int64_t offset,
                         bool is_store)
{
    raise_if(d, a, b, cc, 0);
    struct arm_late *late = &d->late[d->nlate - 1];
    late->base = base;
    late->offset = offset;
    late->is_store = is_store;
}

static void end_misaligned(struct dis *d, const struct arm_late *late)
{
    ir_val addr = ir_add(d->ir, gpr_sp(d, late->base, true), imm64(d, late->offset));
    set_pc(d, d->pc);
    call_raise_misaligned(d->ir, addr, imm32(d, d->mem), imm32(d, late->is_store));
    ir_exit_main(d->ir, MAIN_GO_ON);
}

/* Short rather than fast. */
static void end_rare(struct dis *d, uint32_t syndrome)
{
    set_pc(d, d->pc);
    call_raise(d->ir, imm32(d, syndrome), imm32(d, 1));
    ir_exit_main(d->ir, MAIN_GO_ON);
}

void arm_dis_end(struct dis *d)
{
    for (unsigned i = 0; i < d->nlate; i++) {
        ir_block_begin(d->ir, d->late[i].block);
        d->pc = d->late[i].pc;
        if (d->late[i].syndrome)
            end_rare(d, d->late[i].syndrome);
        else if (d->late[i].landed)
            end_landing(d, d->late[i].landed);
        else
            end_misaligned(d, &d->late[i]);
    }
}

bool fp_is_trapped(struct dis *d)
{
    unsigned el = d->mode >> ARM_MODE_FP_SHIFT & 3;
    if (el)
        end_exception(d, SYN_FP_TRAP, el);
    return el;
}

/* --- addresses --- */

ir_val mem_addr(struct dis *d, int base, ir_val offset)
{
    ir_val addr = gpr_sp(d, base, true);
    if (base == 31 && (d->mode & ARM_MODE_SA) && !d->sp_aligned) {
        raise_if(d, ir_and(d->ir, addr, imm64(d, 15)), imm64(d, 0), IR_NE,
                 EC_SP_ALIGNMENT | SYN_IL);
        d->sp_aligned = true;
    }
    return ir_add(d->ir, addr, offset);
}

/* --- the loop --- */

/* Exception generation, hints, barriers, system registers, ERET and DRPS, among branches. */
static bool is_a64_system(uint32_t insn)
{
    return insn >> 24 == 0xd4 || insn >> 22 == 0x354 || insn >> 22 == 0x35a;
}

/* By op0, bits 28:25.  Ref: DDI 0487, C4.1 (A64 instruction set encoding). */
static bool decode_a64(struct dis *d, uint32_t insn)
{
    bool is_fp = (insn >> 26 & 3) == 3;

    if (is_fp && !dis_has(d, ARM_F_VFP))
        return false;
    switch (insn >> 25 & 15) {
    case 4:
    case 6:
    case 12:
    case 14: return a64_mem(d, insn);
    case 5:
    case 8:
    case 9:
    case 13: return a64_dp(d, insn);
    case 7:
    case 15: return a64_simd(d, insn);
    case 10:
    case 11: return is_a64_system(insn) ? a64_sys(d, insn) : a64_branch(d, insn);
    }
    return false; /* reserved; SME and SVE */
}

/* LDXR, LDAXR, LDXP, LDAXP */
#define LOAD_EXCLUSIVE_MASK UINT32_C(0x3fc00000)
#define LOAD_EXCLUSIVE      UINT32_C(0x08400000)

/* The unit has this one instruction. */
static void software_step(struct dis *d, bool is_exclusive)
{
    set_pc(d, d->pc);
    call_step(d->ir, imm32(d, is_exclusive));
}

/* Breakpoints may match here. */
static void ask_breakpoints(struct dis *d)
{
    struct ir *ir = d->ir;
    unsigned some = ir_block_new(ir), none = ir_block_new(ir);
    ir_val filter = ir_env_ld(ir, I64, MO_64, offsetof(struct arm_cpu, break_filter));

    ir_val bit = ir_and(ir, filter, imm64(d, UINT64_C(1) << (d->pc >> 2 & 63)));
    ir_brcond(ir, bit, imm64(d, 0), IR_NE, some, none);
    ir_block_begin(ir, some);
    set_pc(d, d->pc);
    call_breakpoint(ir);
    ir_br(ir, none);
    ir_block_begin(ir, none);
    flags_forget(d);
}

void dis_count_insn(struct dis *d)
{
    if (d->mode & (dis_is_a32(d) ? ARM_MODE_BREAK : ARM_MODE_COUNT))
        ir_set(d->ir, ARM_SLOT_INSNS, ir_add(d->ir, ir_get(d->ir, ARM_SLOT_INSNS), imm64(d, 1)));
}

void arm_dis_a64(struct dis *d, uint32_t insn)
{
    d->insn = insn;
    d->len = 4;
    d->next = d->pc + 4;
    ir_insn(d->ir, d->pc, insn);
    dis_count_insn(d);
    if (d->mode & ARM_MODE_SS)
        software_step(d, (insn & LOAD_EXCLUSIVE_MASK) == LOAD_EXCLUSIVE);
    if (d->mode & ARM_MODE_BREAK)
        ask_breakpoints(d);
    if (d->mode & ARM_MODE_BTI && d->pc == d->start)
        a64_check_landing(d);
    if (d->mode & ARM_MODE_IL)
        end_exception(d, EC_ILLEGAL_STATE | SYN_IL, 1);
    else if (!decode_a64(d, insn))
        end_undefined(d);
    d->pc = d->next;
}

/* A pc that is not a multiple of 4. */
static void misaligned_pc(struct dis *d)
{
    ir_insn(d->ir, d->pc, 0);
    dis_count_insn(d); /* and off again */
    end_exception(d, EC_PC_ALIGNMENT | SYN_IL, 1);
}

/* Whether the unit must end before its next instruction. */
static bool must_end(const struct dis *d, const struct tx *tx, unsigned insns)
{
    unsigned most = d->mode & ARM_MODE_SS ? 1 : tx_max_insns(tx);
    return insns >= most || !tx_same_page(tx, d->pc) || ir_full(d->ir) || tx_break_at(tx, d->pc) ||
           d->nlate > ARM_LATE - 2;
}

void arm_translate(struct tx *tx)
{
    struct dis d;
    if (tx_mode(tx) & ARM_MODE_A32) {
        arm_a32_translate(tx);
        return;
    }
    arm_dis_init(&d, tx_ir(tx), arm(tx_cpu(tx)), tx_start(tx), tx_mode(tx));
    if (d.pc & 3) {
        misaligned_pc(&d);
        return;
    }
    for (unsigned n = 0; !d.ended; n++) {
        uint32_t insn;
        if ((n && must_end(&d, tx, n)) || !tx_fetch32(tx, d.pc, &insn)) {
            if (n)
                end_jump(&d, d.pc);
            break;
        }
        arm_dis_a64(&d, insn);
    }
    arm_dis_end(&d);
}
