/* System instructions: privilege, control registers, descriptor tables, ports, time. */
#include "target/x86/trans.h"
#include "target/x86/xsave.h"

#include <stddef.h>

enum { REG_AX, REG_CX, REG_DX, REG_R11 = 11 };

/* --- nothing to do --- */

void trans_nop(struct dis *d UNUSED)
{
}

void trans_clflush(struct dis *d)
{
    mem_load(d, mem_addr(d, 1, SEG_READ), 0); /* faults as a load of a byte does */
}

static void fence(struct dis *d, uint32_t what)
{
    ir_fence(d->ir, what);
}

void trans_lfence(struct dis *d)
{
    fence(d, IR_FENCE_RR | IR_FENCE_RW);
}

void trans_mfence(struct dis *d)
{
    fence(d, IR_FENCE_ALL);
}

void trans_sfence(struct dis *d)
{
    fence(d, IR_FENCE_WW);
}

void trans_ud(struct dis *d)
{
    end_undefined(d);
}

/* --- flags --- */

enum {
    SYS_FLAGS = offsetof(struct x86_cpu, s.eflags),
    IRQ_BARRED = offsetof(struct x86_cpu, irq_barred)
};

/* IF belongs to this level. */
static bool may_set_if(const struct dis *d)
{
    return (d->mode & X86_MODE_IO) && !is_alone(d);
}

void trans_cli(struct dis *d)
{
    if (may_set_if(d)) {
        ir_val flags = ir_env_ld(d->ir, I32, MO_32, SYS_FLAGS);
        ir_env_st(d->ir, ir_and(d->ir, flags, imm32(d, ~(uint32_t)X86_FL_IF)), MO_32, SYS_FLAGS);
        return;
    }
    set_pc(d, d->pc);
    call_set_if(d->ir, imm32(d, 0));
}

/*
 * The shadow: nothing is taken inside a unit, so the next instruction only has to be in this one.
 * When something may wait already, it comes right after that one: alone, with all checks.
 */
void trans_sti(struct dis *d)
{
    if (may_set_if(d) && goes_on(d)) {
        alone_if(d, ir_env_ld(d->ir, I32, MO_8, IRQ_BARRED), imm32(d, 0), IR_NE);
        ir_val flags = ir_env_ld(d->ir, I32, MO_32, SYS_FLAGS);
        ir_env_st(d->ir, ir_or(d->ir, flags, imm32(d, X86_FL_IF)), MO_32, SYS_FLAGS);
        return;
    }
    set_pc(d, d->pc);
    call_set_if(d->ir, imm32(d, 1));
    end_mode(d);
}

static void set_ac(struct dis *d, bool on)
{
    if (d->cpl) {
        end_undefined(d);
        return;
    }
    set_pc(d, d->pc);
    call_set_ac(d->ir, imm32(d, on));
    end_mode(d);
}

void trans_clac(struct dis *d)
{
    set_ac(d, false);
}

void trans_stac(struct dis *d)
{
    set_ac(d, true);
}

/* --- waiting --- */

void trans_hlt(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_hlt(d->ir, pc64(d, d->next));
    end_main(d, MAIN_WAIT);
}

void trans_monitor(struct dis *d)
{
    ir_val offset = wrap_to(d, gpr64(d, REG_AX), d->insn.addrsize);
    ir_val linear = mem_linear(d, d->insn.seg, offset, 1, SEG_READ);
    set_pc(d, d->pc);
    call_monitor(d->ir, linear);
}

void trans_mwait(struct dis *d)
{
    set_pc(d, d->pc);
    call_mwait(d->ir, pc64(d, d->next));
    end_main(d, MAIN_WAIT);
}

/* --- descriptor tables --- */

static void table(struct dis *d, unsigned which, bool is_load)
{
    unsigned bytes = is_64(d) ? 10 : 6;
    ir_val linear = mem_addr(d, bytes, is_load ? SEG_READ : SEG_WRITE);
    set_pc(d, d->pc);
    if (is_load)
        call_load_table(d->ir, imm32(d, which), linear, imm32(d, d->insn.opsize));
    else
        call_store_table(d->ir, imm32(d, which), linear);
}

void trans_sgdt(struct dis *d)
{
    table(d, 0, false);
}

void trans_sidt(struct dis *d)
{
    table(d, 1, false);
}

void trans_lgdt(struct dis *d)
{
    if (!cpl_is_wrong(d))
        table(d, 0, true);
}

void trans_lidt(struct dis *d)
{
    if (!cpl_is_wrong(d))
        table(d, 1, true);
}

/* SLDT, STR, SMSW: a register gets as many bytes as it has. */
static void system_word(struct dis *d, unsigned which)
{
    unsigned size = d->insn.op[0].size;
    set_pc(d, d->pc);
    operand_write(d, 0, narrow_to(d, call_system_word(d->ir, imm32(d, which)), size));
}

void trans_sldt(struct dis *d)
{
    system_word(d, 0);
}

void trans_str(struct dis *d)
{
    system_word(d, 1);
}

void trans_smsw(struct dis *d)
{
    system_word(d, 2);
}

static ir_val selector(struct dis *d, unsigned n)
{
    return zext_of(d, operand_read(d, n), 1);
}

void trans_lldt(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val s = selector(d, 0);
    set_pc(d, d->pc);
    call_lldt(d->ir, s);
}

void trans_ltr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val s = selector(d, 0);
    set_pc(d, d->pc);
    call_ltr(d->ir, s);
}

static void set_zf(struct dis *d, ir_val zf)
{
    flags_change(d, X86_CC_Z,
                 ir_select(d->ir, zf, imm32(d, 0), imm32(d, X86_CC_Z), imm32(d, 0), IR_NE));
}

static void verify(struct dis *d, unsigned what)
{
    ir_val s = selector(d, 0);
    set_pc(d, d->pc);
    set_zf(d, call_verify(d->ir, s, imm32(d, what)));
}

void trans_verr(struct dis *d)
{
    verify(d, 0);
}

void trans_verw(struct dis *d)
{
    verify(d, 1);
}

/* v is all ones when there is no answer: then the destination stays. */
static void answer(struct dis *d, ir_val v)
{
    unsigned size = d->insn.op[0].size, reg = d->insn.op[0].reg;
    ir_val none = imm64(d, ~UINT64_C(0)), old = gpr64(d, reg);
    set_gpr(d, reg, size, false, narrow_to(d, v, size));
    ir_set(d->ir, X86_SLOT_RAX + reg, ir_select(d->ir, v, none, old, gpr64(d, reg), IR_EQ));
    flags_change(d, X86_CC_Z, ir_select(d->ir, v, none, imm32(d, 0), imm32(d, X86_CC_Z), IR_EQ));
}

void trans_lar(struct dis *d)
{
    ir_val s = selector(d, 1);
    set_pc(d, d->pc);
    answer(d, call_lar(d->ir, s));
}

void trans_lsl(struct dis *d)
{
    ir_val s = selector(d, 1);
    set_pc(d, d->pc);
    answer(d, call_lsl(d->ir, s));
}

/* The destination's RPL is raised to the source's. */
void trans_arpl(struct dis *d)
{
    ir_val a = operand_read(d, 0), b = operand_read(d, 1), three = imm32(d, 3);
    ir_val rpl_a = ir_and(d->ir, a, three), rpl_b = ir_and(d->ir, b, three);
    ir_val raised = ir_or(d->ir, ir_and(d->ir, a, imm32(d, ~3u)), rpl_b);
    ir_val less = ir_setcond(d->ir, rpl_a, rpl_b, IR_LTU);
    operand_write(d, 0, ir_select(d->ir, rpl_a, rpl_b, raised, a, IR_LTU));
    set_zf(d, less);
}

/* --- control and debug registers --- */

void trans_mov_from_cr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    ir_val v = call_read_cr(d->ir, imm32(d, d->insn.op[1].reg));
    operand_write(d, 0, narrow_to(d, v, d->insn.op[0].size));
}

void trans_mov_to_cr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val v = zext64_of(d, operand_read(d, 1), d->insn.op[1].size);
    set_pc(d, d->pc);
    call_write_cr(d->ir, imm32(d, d->insn.op[0].reg), v);
    end_mode(d);
}

void trans_mov_from_dr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    ir_val v = call_read_dr(d->ir, imm32(d, d->insn.op[1].reg));
    operand_write(d, 0, narrow_to(d, v, d->insn.op[0].size));
}

void trans_mov_to_dr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val v = zext64_of(d, operand_read(d, 1), d->insn.op[1].size);
    set_pc(d, d->pc);
    call_write_dr(d->ir, imm32(d, d->insn.op[0].reg), v);
    end_mode(d);
}

void trans_lmsw(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val v = zext_of(d, operand_read(d, 0), 1);
    set_pc(d, d->pc);
    call_lmsw(d->ir, v);
    end_mode(d);
}

void trans_clts(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_clts(d->ir);
    end_mode(d);
}

/* --- translation, caches --- */

void trans_invlpg(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val offset = mem_offset(d);
    ir_val linear = is_64(d) && d->insn.seg < X86_FS
                        ? offset
                        : ir_add(d->ir, offset, ir_get(d->ir, X86_SLOT_BASE + d->insn.seg));
    set_pc(d, d->pc);
    call_invlpg(d->ir, is_64(d) ? linear : wrap_to(d, linear, 2));
    end_mode(d);
}

void trans_invpcid(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    ir_val type = zext64_of(d, operand_read(d, 0), d->insn.op[0].size);
    ir_val linear = mem_addr(d, 16, SEG_READ);
    set_pc(d, d->pc);
    call_invpcid(d->ir, type, linear);
    end_mode(d);
}

void trans_wbinvd(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_wbinvd(d->ir);
}

/* --- ports --- */

static ir_val port(struct dis *d, unsigned n)
{
    return zext_of(d, operand_read(d, n), d->insn.op[n].size);
}

void trans_in(struct dis *d)
{
    unsigned size = d->insn.op[0].size;
    ir_val p = port(d, 1);
    set_pc(d, d->pc);
    operand_write(d, 0, ir_trunc(d->ir, call_in(d->ir, p, imm32(d, 1u << size))));
}

void trans_out(struct dis *d)
{
    unsigned size = d->insn.op[1].size;
    ir_val p = port(d, 0), v = zext64_of(d, operand_read(d, 1), size);
    set_pc(d, d->pc);
    call_out(d->ir, p, imm32(d, 1u << size), v);
    end_next(d);
}

/* --- model-specific registers, identification, time --- */

void trans_rdmsr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_rdmsr(d->ir);
    flags_forget(d);
}

void trans_wrmsr(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_wrmsr(d->ir);
    end_mode(d);
}

void trans_cpuid(struct dis *d)
{
    set_pc(d, d->pc);
    call_cpuid(d->ir);
    flags_forget(d);
}

static void set_edx_eax(struct dis *d, ir_val v)
{
    set_gpr(d, REG_AX, 2, false, ir_trunc(d->ir, v));
    set_gpr(d, REG_DX, 3, false, ir_shr(d->ir, v, imm64(d, 32)));
}

static ir_val edx_eax(struct dis *d)
{
    ir_val high = ir_shl(d->ir, gpr64(d, REG_DX), imm64(d, 32));
    return ir_or(d->ir, high, ir_zext32(d->ir, gpr(d, REG_AX, 2, false)));
}

static ir_val ecx(struct dis *d)
{
    return gpr(d, REG_CX, 2, false);
}

/* CR4.TSD takes it away from all levels but 0. */
static ir_val time_stamp(struct dis *d)
{
    if (d->cpl) {
        ir_val cr4 = ir_env_ld(d->ir, I64, MO_64, offsetof(struct x86_cpu, s.cr4));
        fault_if(d, ir_and(d->ir, cr4, imm64(d, X86_CR4_TSD)), imm64(d, 0), IR_NE, X86_GP, 0);
    }
    return call_rdtsc(d->ir);
}

void trans_rdtsc(struct dis *d)
{
    set_edx_eax(d, time_stamp(d));
}

void trans_rdtscp(struct dis *d)
{
    ir_val tsc = time_stamp(d);
    set_edx_eax(d, tsc);
    set_gpr(d, REG_CX, 2, false, ir_trunc(d->ir, call_rdpid(d->ir)));
}

void trans_rdpmc(struct dis *d)
{
    set_pc(d, d->pc);
    set_edx_eax(d, call_rdpmc(d->ir, ecx(d)));
}

void trans_rdpid(struct dis *d)
{
    operand_write(d, 0, narrow_to(d, call_rdpid(d->ir), d->insn.op[0].size));
}

void trans_xgetbv(struct dis *d)
{
    set_pc(d, d->pc);
    set_edx_eax(d, call_xgetbv(d->ir, ecx(d)));
}

void trans_xsetbv(struct dis *d)
{
    if (cpl_is_wrong(d))
        return;
    set_pc(d, d->pc);
    call_xsetbv(d->ir, ecx(d), edx_eax(d));
    end_mode(d);
}

static void save_state(struct dis *d, enum x86_state_op op)
{
    bool is_wide = d->insn.opsize == 3;
    uint32_t word = op | (uint32_t)d->insn.seg << X86_STATE_SEG | (is_wide ? X86_STATE_WIDE : 0);
    set_pc(d, d->pc);
    call_save_state(d->ir, imm32(d, word), mem_offset(d), edx_eax(d));
    if (op == X86_FXRSTOR || op == X86_XRSTOR || op == X86_XRSTORS)
        end_mode(d);
}

void trans_fxsave(struct dis *d)
{
    save_state(d, X86_FXSAVE);
}

void trans_fxrstor(struct dis *d)
{
    save_state(d, X86_FXRSTOR);
}

void trans_xsave(struct dis *d)
{
    save_state(d, X86_XSAVE);
}

void trans_xsaveopt(struct dis *d)
{
    save_state(d, X86_XSAVEOPT);
}

void trans_xsavec(struct dis *d)
{
    save_state(d, X86_XSAVEC);
}

void trans_xsaves(struct dis *d)
{
    save_state(d, X86_XSAVES);
}

void trans_xrstor(struct dis *d)
{
    save_state(d, X86_XRSTOR);
}

void trans_xrstors(struct dis *d)
{
    save_state(d, X86_XRSTORS);
}

void trans_rdpkru(struct dis *d)
{
    set_pc(d, d->pc);
    set_edx_eax(d, call_rdpkru(d->ir, ecx(d)));
}

void trans_wrpkru(struct dis *d)
{
    set_pc(d, d->pc);
    call_wrpkru(d->ir, gpr64(d, REG_AX), ecx(d), gpr(d, REG_DX, 2, false));
    end_mode(d);
}

/* There is always a number: CF; the other flags are 0. */
static void random_number(struct dis *d)
{
    operand_write(d, 0, narrow_to(d, call_random(d->ir), d->insn.op[0].size));
    flags_set(d, imm32(d, X86_CC_C));
}

void trans_rdrand(struct dis *d)
{
    random_number(d);
}

void trans_rdseed(struct dis *d)
{
    random_number(d);
}

/* --- bases of FS and GS --- */

static void read_base(struct dis *d, unsigned seg)
{
    set_pc(d, d->pc);
    call_check_fsgsbase(d->ir);
    operand_write(d, 0, narrow_to(d, ir_get(d->ir, X86_SLOT_BASE + seg), d->insn.op[0].size));
}

static void write_base(struct dis *d, unsigned seg)
{
    ir_val v = zext64_of(d, operand_read(d, 0), d->insn.op[0].size);
    set_pc(d, d->pc);
    call_write_base(d->ir, imm32(d, seg), v);
}

void trans_rdfsbase(struct dis *d)
{
    read_base(d, X86_FS);
}

void trans_rdgsbase(struct dis *d)
{
    read_base(d, X86_GS);
}

void trans_wrfsbase(struct dis *d)
{
    write_base(d, X86_FS);
}

void trans_wrgsbase(struct dis *d)
{
    write_base(d, X86_GS);
}

void trans_swapgs(struct dis *d)
{
    enum { KERNEL_GS = offsetof(struct x86_cpu, s.kernel_gs_base) };
    if (cpl_is_wrong(d))
        return;
    ir_val base = ir_get(d->ir, X86_SLOT_BASE + X86_GS);
    ir_set(d->ir, X86_SLOT_BASE + X86_GS, ir_env_ld(d->ir, I64, MO_64, KERNEL_GS));
    ir_env_st(d->ir, base, MO_64, KERNEL_GS);
}

/* --- to the kernel and back --- */

/* Between programs of 64 bits and their kernel: what is not as usual runs again, alone. */
void trans_syscall(struct dis *d)
{
    if (is_64(d) && !is_alone(d)) {
        ir_val flags = eflags_image(d);
        alone_if(d, call_syscall_64(d->ir), imm32(d, 0), IR_EQ);
        set_gpr(d, REG_CX, 3, false, pc64(d, d->next));
        set_gpr(d, REG_R11, 3, false, ir_zext32(d->ir, flags));
        end_lookup(d);
        return;
    }
    set_pc(d, d->pc);
    call_syscall(d->ir, pc64(d, d->next));
    end_step_by_flag(d);
}

void trans_sysret(struct dis *d)
{
    bool is_wide = d->insn.opsize == 3;
    if (is_64(d) && is_wide && !d->cpl && !is_alone(d)) {
        ir_val ok = call_sysret_64(d->ir, gpr64(d, REG_CX), ir_trunc(d->ir, gpr64(d, REG_R11)));
        alone_if(d, ok, imm32(d, 0), IR_EQ);
        end_lookup(d);
        return;
    }
    set_pc(d, d->pc);
    call_sysret(d->ir, imm32(d, is_wide));
    end_step_by_flag(d);
}

void trans_sysenter(struct dis *d)
{
    set_pc(d, d->pc);
    call_sysenter(d->ir);
    end_lookup(d);
}

void trans_sysexit(struct dis *d)
{
    set_pc(d, d->pc);
    call_sysexit(d->ir, imm32(d, d->insn.opsize == 3));
    end_lookup(d);
}

void trans_rsm(struct dis *d)
{
    set_pc(d, d->pc);
    call_rsm(d->ir);
    end_lookup(d);
}
