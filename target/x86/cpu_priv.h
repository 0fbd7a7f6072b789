/* Shared between the files of target/x86 that deal with the system: segments, exceptions, paging.
 */
#ifndef TARGET_X86_CPU_PRIV_H
#define TARGET_X86_CPU_PRIV_H

#include "accel/tcg/guest.h"
#include "target/x86/cpu.h"

#include <setjmp.h>

/* --- state in short --- */
static inline bool x86_is_long(const struct x86_cpu *cpu)
{
    return cpu->s.efer & X86_EFER_LMA;
}
static inline bool x86_is_64(const struct x86_cpu *cpu)
{
    return x86_is_long(cpu) && (cpu->s.seg[X86_CS].attr & X86_DESC_L);
}
static inline bool x86_is_vm(const struct x86_cpu *cpu)
{
    return cpu->s.eflags & X86_FL_VM;
}
/* Segments are selectors only: real or virtual-8086 mode. */
static inline bool x86_is_paragraphs(const struct x86_cpu *cpu)
{
    return !(cpu->s.cr0 & X86_CR0_PE) || x86_is_vm(cpu);
}
static inline unsigned x86_iopl(const struct x86_cpu *cpu)
{
    return cpu->s.eflags >> 12 & 3;
}
bool x86_is_canonical(const struct x86_cpu *cpu, uint64_t addr);
/* The same for what is loaded into bases and MSRs. */
bool x86_is_canonical_register(const struct x86_cpu *cpu, uint64_t addr);
/* A linear address as the present mode has them. */
uint64_t x86_linear(const struct x86_cpu *cpu, uint64_t addr);

/* --- except.c --- */
/* A delivery under way: its faults come back to it. */
struct x86_attempt {
    jmp_buf back;
    enum x86_exception vector;
    uint32_t error;
};
void x86_page_fault(struct x86_cpu *cpu, const struct guest_fault *f) NORETURN;
void x86_external_interrupt(struct x86_cpu *cpu, unsigned vector);
/* #DB: sets bits of DR6. */
void x86_debug_exception(struct x86_cpu *cpu, uint32_t dr6);

/* --- seg.c: memory that the processor looks at by itself; faults are raised --- */
uint64_t x86_sys_ld(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2);
void x86_sys_st(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2, uint64_t val);
/* The MMU index of such accesses, and of data at a privilege level. */
unsigned x86_sys_idx(const struct x86_cpu *cpu);
unsigned x86_data_idx(const struct x86_cpu *cpu, unsigned cpl);

/* --- seg.c: descriptors --- */
struct x86_desc {
    uint32_t lo, hi;
    uint32_t base_high; /* of 16-byte ones */
    uint64_t addr;      /* linear: where it is */
};
enum {
    X86_TSS16 = 1,
    X86_LDT = 2,
    X86_TSS16_BUSY = 3,
    X86_CALL16 = 4,
    X86_TASK_GATE = 5,
    X86_INT16 = 6,
    X86_TRAP16 = 7,
    X86_TSS32 = 9,
    X86_TSS32_BUSY = 11,
    X86_CALL32 = 12,
    X86_INT32 = 14,
    X86_TRAP32 = 15,
};
enum { X86_BUSY = 1 << 9 }; /* in x86_desc.hi */
static inline unsigned desc_type(const struct x86_desc *d)
{
    return d->hi >> 8 & 15;
}
static inline unsigned desc_dpl(const struct x86_desc *d)
{
    return d->hi >> X86_DESC_DPL_SHIFT & 3;
}
static inline bool desc_is_system(const struct x86_desc *d, unsigned type)
{
    return !(d->hi & X86_DESC_S) && desc_type(d) == type;
}
static inline bool desc_is_code(const struct x86_desc *d)
{
    return (d->hi & (X86_DESC_S | X86_DESC_CODE)) == (X86_DESC_S | X86_DESC_CODE);
}
static inline bool desc_is_conforming(const struct x86_desc *d)
{
    return d->hi & X86_DESC_C;
}
static inline bool desc_is_writable_data(const struct x86_desc *d)
{
    return (d->hi & (X86_DESC_S | X86_DESC_CODE | X86_DESC_W)) == (X86_DESC_S | X86_DESC_W);
}
static inline bool is_null(uint32_t selector)
{
    return !(selector & 0xfffc);
}
uint64_t x86_desc_base(const struct x86_desc *d);
uint32_t x86_desc_limit(const struct x86_desc *d);
/* The descriptor of a selector that is not null; false: outside of its table. */
bool x86_read_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d);
/* The same, all 16 bytes where it has them (system descriptors in long mode). */
bool x86_read_system_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d);
/* The fault is vector(selector | ext) instead of false. */
void x86_need_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                   enum x86_exception vector, uint32_t ext);
void x86_set_accessed(struct x86_cpu *cpu, struct x86_desc *d);

/* Set a segment register with all that belongs to it; the caller says x86_segments_changed(). */
void x86_set_segment(struct x86_cpu *cpu, unsigned n, uint32_t selector, uint64_t base,
                     uint32_t limit, uint32_t attr);
void x86_set_from_desc(struct x86_cpu *cpu, unsigned n, uint32_t selector,
                       const struct x86_desc *d);
/* Of real and virtual-8086 mode. */
void x86_set_paragraph(struct x86_cpu *cpu, unsigned n, uint32_t selector);
/* MOV to a segment register; vector: #GP, or #TS of a task switch; with ext in error codes. */
void x86_load_segment(struct x86_cpu *cpu, unsigned n, uint32_t selector, enum x86_exception vector,
                      uint32_t ext);
/* The checks of a stack segment for a privilege level. */
void x86_check_stack(struct x86_cpu *cpu, uint32_t selector, unsigned cpl, struct x86_desc *d,
                     enum x86_exception vector, uint32_t ext);
/* Code at rip in a descriptor's segment at a privilege level: checks rip (#GP(ext)), then sets CS,
 * CPL and pc.  The descriptor has been checked. */
void x86_check_rip(struct x86_cpu *cpu, const struct x86_desc *d, uint64_t rip, uint32_t ext);
void x86_enter_code(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d, unsigned cpl,
                    uint64_t rip);
/* Continue at rip in the present CS. */
void x86_set_rip(struct x86_cpu *cpu, uint64_t rip);
void x86_set_cpl(struct x86_cpu *cpu, unsigned cpl);

/* --- seg.c: a stack that is not the present one yet --- */
struct x86_stack {
    uint64_t base, mask, sp;
    struct x86_bounds bounds;
    unsigned idx;
    bool is_64;
    uint32_t error; /* of #SS */
};
void x86_stack_now(struct x86_cpu *cpu, struct x86_stack *st);
void x86_stack_of(struct x86_cpu *cpu, struct x86_stack *st, uint32_t selector,
                  const struct x86_desc *d, uint64_t sp, unsigned cpl);
void x86_stack_push(struct x86_cpu *cpu, struct x86_stack *st, unsigned size_log2, uint64_t val);
uint64_t x86_stack_pop(struct x86_cpu *cpu, struct x86_stack *st, unsigned size_log2);
/* Make it rsp. */
void x86_stack_commit(struct x86_cpu *cpu, const struct x86_stack *st);
/* ss:sp of an inner level, from the TSS. */
void x86_inner_stack(struct x86_cpu *cpu, unsigned cpl, uint32_t *ss, uint64_t *sp, uint32_t ext);

/* --- far.c --- */
void x86_far_jmp(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, unsigned size,
                 uint64_t next);
void x86_far_call(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, unsigned size,
                  uint64_t next);
void x86_far_ret(struct x86_cpu *cpu, unsigned size, uint32_t release);
void x86_iret(struct x86_cpu *cpu, unsigned size, uint64_t next);

/* --- task.c --- */
enum x86_task_how { X86_TASK_JMP, X86_TASK_CALL, X86_TASK_INT, X86_TASK_IRET };
/* Switch to the task whose TSS a selector of the GDT names, read as *d; next: where the old one
 * will go on.  error: NULL, or the code to push on the new task's stack. */
void x86_task_switch(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                     enum x86_task_how how, uint64_t next, uint32_t ext, const uint32_t *error);
/* From a task gate: finds and checks the TSS. */
void x86_task_gate(struct x86_cpu *cpu, uint32_t tss_selector, enum x86_task_how how, uint64_t next,
                   uint32_t ext, const uint32_t *error);
void x86_load_ldt(struct x86_cpu *cpu, uint32_t selector, enum x86_exception vector, uint32_t ext);

/* --- irq.c --- */
bool x86_interrupt(struct cpu *cpu);
bool x86_has_work(struct cpu *cpu);
/* IF was set, a mask lifted: what is pending may be deliverable now. */
void x86_irq_reevaluate(struct x86_cpu *cpu);
/* The same where all that may have changed is that IF is set, or a shadow over. */
static inline void x86_irq_unmasked(struct x86_cpu *cpu)
{
    if (cpu->irq_barred)
        x86_irq_reevaluate(cpu);
}

/* --- mmu.c --- */
/* Causes that are no page fault: #GP or #SS; run the instruction again, alone. */
enum { X86_CAUSE_NOT_CANONICAL = 0x8000, X86_CAUSE_WATCHED = 0x8001 };
enum { X86_PF_P = 1, X86_PF_W = 2, X86_PF_U = 4, X86_PF_RSVD = 8, X86_PF_I = 16, X86_PF_PK = 32 };
bool x86_walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
              struct guest_walk *out);
bool x86_debug_translate(struct cpu *cpu, gva addr, gpa *out);
bool x86_mappings(struct cpu *cpu, cpu_mapping_fn *fn, void *opaque, bool *complete);
uint32_t x86_asid(struct cpu *cpu);
uint32_t x86_asid_of_pcid(unsigned pcid);
/* PAE paging: load the PDPTEs of a CR3; false: a reserved bit is set. */
bool x86_load_pdptes(struct x86_cpu *cpu, uint64_t cr3);
uint64_t x86_phys_mask(const struct x86_cpu *cpu);

/* --- control.c --- */
void x86_write_cr0(struct x86_cpu *cpu, uint64_t val);
void x86_write_cr3(struct x86_cpu *cpu, uint64_t val);
void x86_write_cr4(struct x86_cpu *cpu, uint64_t val);
uint64_t x86_read_cr8(struct x86_cpu *cpu);

/* --- debug.c --- */
/* Whether a data breakpoint meets [addr, addr+len). */
bool x86_watched(const struct x86_cpu *cpu, gva addr, uint64_t len);
/* guest_ops.may_access, of pages that have one. */
bool x86_may_access(struct cpu *cpu, gva addr, uint32_t memop, enum guest_access access,
                    uint32_t *cause);
/* An I/O access at a port: notes I/O breakpoints. */
void x86_debug_io(struct x86_cpu *cpu, unsigned port, unsigned bytes);
bool x86_has_code_breakpoints(const struct x86_cpu *cpu);
void x86_write_dr(struct x86_cpu *cpu, unsigned n, uint64_t val);

/* --- helper_vec.c --- */
/* All of MXCSR; and set it, to a value whose unknown bits are lost. */
uint32_t x86_mxcsr(struct x86_cpu *cpu);
void x86_set_mxcsr(struct x86_cpu *cpu, uint32_t val);
/* Its bits that this processor has: MXCSR_MASK of FXSAVE. */
uint32_t x86_mxcsr_mask(const struct x86_cpu *cpu);
/* The linear address of bytes at seg:offset, after the checks of the segment: #GP(0), #SS(0). */
uint64_t x86_operand_linear(struct x86_cpu *cpu, unsigned seg, uint64_t offset, unsigned bytes,
                            bool is_write);

/* --- msr.c --- */
bool x86_msr_read(struct x86_cpu *cpu, uint32_t msr, uint64_t *val);
bool x86_msr_write(struct x86_cpu *cpu, uint32_t msr, uint64_t val);
uint64_t x86_tsc(struct x86_cpu *cpu);

/* --- helper_sys.c --- */
void x86_set_pkru(struct x86_cpu *cpu, uint32_t val);

/* --- cpuid.c --- */
void x86_cpuid(struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* Bits of CR4, EFER and XCR0 that its features allow. */
uint64_t x86_cr4_allowed(const struct x86_cpu *cpu);
uint64_t x86_efer_allowed(const struct x86_cpu *cpu);
uint64_t x86_xcr0_allowed(const struct x86_cpu *cpu);

/* --- models.c --- */
bool x86_configure(struct x86_cpu *cpu, const char *text, bool is32,
                   struct error **errp) MUST_CHECK;
const char *x86_model_name(const struct x86_model *m);

/* --- smm.c --- */
void x86_enter_smm(struct x86_cpu *cpu);
void x86_rsm(struct x86_cpu *cpu);

/* --- cpu.c --- */
extern const struct cpu_ops x86_64_cpu_ops, x86_32_cpu_ops;
extern const struct guest_ops x86_guest_ops;
void x86_reset(struct cpu *cpu);
/* INIT: what of the state reset sets that INIT does, too. */
void x86_init(struct x86_cpu *cpu);
/* Recompute all that derives from the state. */
void x86_sync(struct x86_cpu *cpu);
uint32_t x86_mode(struct cpu *cpu);
void x86_dump(struct cpu *cpu, FILE *f);

/* --- gdb.c, backtrace.c --- */
const struct debug_regs *x86_debug_regs(struct cpu *cpu);
void x86_debug_regs_free(struct x86_cpu *cpu);
bool x86_debug_reg_read(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf);
bool x86_debug_reg_write(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf);
void x86_backtrace(struct cpu *cpu, cpu_frame_fn *frame, void *opaque);

#endif
