/*
 * All that a target may use of the translating accelerator: translation, memory access, exceptions,
 * TLB maintenance.
 *
 * Everything here runs on the vCPU's own thread.  Exceptions: a target sets its trap state (pc,
 * mode, cause) itself, then leaves translated code with guest_unwind().  Inside a helper the pc
 * slot is valid only if the translator stored it before the call: it must do so before every helper
 * with HELPER_RAISES.  Memory faults at ld/st ops restore it by the side table.
 */
#ifndef ACCEL_TCG_GUEST_H
#define ACCEL_TCG_GUEST_H

#include "core/cpu.h"
#include "tcg/ir.h"

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

/* Result of a target's page walk. */
struct guest_walk {
    gpa addr;           /* guest physical address of the byte asked for */
    uint8_t page_bits;  /* log2 of the mapping's size, at least 12 for it to be cached whole */
    uint8_t alike_bits; /* log2 of the size of an aligned range around addr, inside the mapping,
                           that prot holds for; 0: the 4 KiB page */
    uint8_t prot;  /* bits 1 << enum guest_access that this entry may serve without another walk (W
                      only once D is set) */
    bool global;   /* matches every address space */
    bool uncached; /* do not keep: permissions change inside the 4 KiB page (PMP), so ask every time
                    */
    bool asks;     /* do not keep: guest_ops.may_access is asked for each access */
    uint32_t cause; /* on failure: the target's own fault code, handed to raise_fault */
};

struct tx; /* a translation in progress */
struct tcg_x87;

struct guest_ops {
    const char *name;
    const struct ir_slot *slots;
    unsigned nslots, pc_slot;
    uint32_t narrow_modes; /* bits of modes whose pcs wrap before 2^64: code is never relative */
    /* A store to the code of the unit that does it takes effect from the next instruction on. */
    bool coherent_code;
    /* Read-modify-write operations across pages are atomic, not misaligned. */
    bool split_atomics;
    /* All that translation depends on besides pc and code bytes (privilege, FP state, rounding
     * mode, MMU index, width).  Bits 30 and 31 are the accelerator's own: 0. */
    uint32_t (*mode)(struct cpu *cpu);
    /* The mode that exits with IR_HINT_SWAP from a unit of this mode lead to, the same mode where
     * there are none.  NULL: none anywhere. */
    uint32_t (*swapped)(uint32_t mode);
    /* Identity of the current address space for fetches: two spaces with equal ids may share
     * dispatch entries.  global: only entries whose page was global are shared (kernel mode). */
    uint32_t (*asid)(struct cpu *cpu);
    unsigned (*fetch_idx)(struct cpu *cpu); /* MMU index of instruction fetches */
    /* Whether MMU index idx is translated by address-space (ASID-tagged) at all, as opposed to
     * physical. */
    bool (*idx_has_asid)(struct cpu *cpu, unsigned idx);
    /* Emit IR for instructions from tx_pc() on until the unit ends. */
    void (*translate)(struct tx *tx);
    /* Translate addr for an access through MMU index idx, updating A/D as the architecture says;
     * false: fault (out->cause). */
    bool (*walk)(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                 struct guest_walk *out);
    /* Whether an access to a page whose walk said so (asks) may be done; a
     * read-modify-write is asked for as a read first.  False: *cause for raise_fault.  May be NULL
     * where no walk says so. */
    bool (*may_access)(struct cpu *cpu, gva addr, uint32_t memop, enum guest_access access,
                       uint32_t *cause);
    /* Enter the trap for a failed access; the pc slot holds the faulting instruction.
     * misaligned/bus faults come with their own cause: GUEST_CAUSE_* below. */
    void (*raise_fault)(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                        uint32_t cause);
    /* After a precise restore: pc slot is set already; word is the insn op's second operand. May be
     * NULL. */
    void (*restored)(struct cpu *cpu, uint32_t word);
    const struct tcg_x87 *x87; /* of guests that have the x87 ops (tcg/backend.h), else NULL */
    /* Print one instruction at bytes (len valid) for -d in_asm; returns its length. */
    unsigned (*disas)(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len);
};
enum {
    GUEST_CAUSE_MISALIGNED = 0xfffe,
    GUEST_CAUSE_BUS = 0xffff /* nothing, or not RAM, at the physical address */
};

/* --- during translate
 * -------------------------------------------------------------------------------------------------
 */
struct ir *tx_ir(struct tx *tx);
struct cpu *tx_cpu(struct tx *tx);
/* pc of the unit.  Values that depend on a pc must be made by ir_pc(): another address space may
 * run the same unit elsewhere. */
gva tx_start(const struct tx *tx);
uint32_t tx_mode(const struct tx *tx);
unsigned tx_max_insns(const struct tx *tx);
/* 8, 16 or 32 bits of code at pc.  False: pc is past the page and cannot be reached from this unit
 * (end the unit before this instruction; when it is the unit's first, the accelerator raises the
 * fetch fault: just return). */
bool tx_fetch8(struct tx *tx, gva pc, uint8_t *out);
bool tx_fetch16(struct tx *tx, gva pc, uint16_t *out);
bool tx_fetch32(struct tx *tx, gva pc, uint32_t *out);
/* True when the unit, unless it starts there, must end before the instruction at pc: a debugger
 * wants to see it. */
bool tx_break_at(const struct tx *tx, gva pc);
/* True while pc lies in the page of the unit's start: where extended blocks may go on. */
bool tx_same_page(const struct tx *tx, gva pc);

/* --- from helpers
 * ------------------------------------------------------------------------------------------------------
 */
/* Leave translated code after the target has set its trap state; back in the executor, which goes
 * on at the pc slot. */
void guest_unwind(struct cpu *cpu) NORETURN;
/* Guest memory with faults raised (pc slot valid). memop: size, sign, endianness, alignment rule,
 * MMU index. */
uint64_t guest_ld(struct cpu *cpu, gva addr, uint32_t memop);
void guest_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop);
/* The same without leaving, also for one that takes an interrupt between units: false when it
 * faults, with what raise_fault would hear.  may_access is not asked, no watchpoint is looked at;
 * values are zero-extended. */
struct guest_fault {
    gva addr;
    enum guest_access access;
    uint32_t cause;
};
bool guest_try_ld(struct cpu *cpu, gva addr, uint32_t memop, uint64_t *val,
                  struct guest_fault *f) MUST_CHECK;
bool guest_try_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop,
                  struct guest_fault *f) MUST_CHECK;
/* Host pointer to RAM for an aligned object of 1..4096 bytes inside one page, or NULL (MMIO, code
 * page); faults are raised. */
void *guest_host_ptr(struct cpu *cpu, gva addr, unsigned size, enum guest_access access,
                     unsigned idx);
/* Whether an access of a byte would be translated: nothing is raised, nor accessed. */
bool guest_maps(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx);
/* Check that the whole [addr, addr+size) is accessible, raising the fault of the first byte that is
 * not. */
void guest_probe(struct cpu *cpu, gva addr, unsigned size, enum guest_access access, unsigned idx);
/* Zero bytes (cbo.zero, dc zva): size a power of two, aligned. */
void guest_zero(struct cpu *cpu, gva addr, unsigned size, unsigned idx);

/* Physical memory for page walks; false: nothing there or not RAM.  The cas form is atomic (A/D
 * updates). */
bool guest_phys_ld(struct cpu *cpu, gpa addr, unsigned size, uint64_t *val);
bool guest_phys_cas(struct cpu *cpu, gpa addr, unsigned size, uint64_t expect, uint64_t val,
                    bool *ok);

/* Before it first runs: addresses of data have these bits only, whatever code computes.  One that
 * has others is never found in the first level of the TLB: it is slow, so it should be rare. */
void guest_set_address_mask(struct cpu *cpu, uint64_t mask);

/* --- mode and TLB
 * -------------------------------------------------------------------------------------------------------
 */
/* Anything that ops->mode or ops->asid depends on may have changed.  Cheap. */
void guest_mode_changed(struct cpu *cpu);
/* Address-space switch: ops->asid changed (satp, TTBR, CR3); tagged entries are kept. */
void guest_space_changed(struct cpu *cpu);
void guest_tlb_flush(struct cpu *cpu);                     /* everything, global too */
void guest_tlb_flush_asid(struct cpu *cpu, uint32_t asid); /* non-global entries of one space */
void guest_tlb_flush_page(struct cpu *cpu, gva addr);      /* any space, global too */
void guest_tlb_flush_page_asid(struct cpu *cpu, gva addr, uint32_t asid);

/* The FP control image: while C code runs for this vCPU outside HELPER_FPENV helpers it may lag
 * behind.  x86 MXCSR layout on every host. */
uint32_t guest_fpenv_get(struct cpu *cpu);
void guest_fpenv_set(struct cpu *cpu, uint32_t mxcsr);

#endif
