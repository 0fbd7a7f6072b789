/*
 * Exceptions and interrupts: from a vector to its handler.
 *
 * A delivery changes registers only when all of its checks and stores are done, so that a fault in
 * its midst can start another one.
 * Ref: SDM vol. 3, chapter 6 (interrupts and exceptions: 6.12 delivery, 6.13 error codes, 6.14 in
 * 64-bit mode, 6.15 double faults), 21.1.4 and 21.3 (real and virtual-8086 mode).
 */
#include "core/machine.h"
#include "target/x86/cpu_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>

struct event {
    unsigned vector;
    enum x86_int_kind kind;
    uint32_t error;
    bool has_error;
    uint64_t next; /* software interrupts: pc after the instruction */
    uint64_t rip;  /* what is pushed */
    uint32_t flags;
};

static bool is_software(const struct event *ev)
{
    return ev->kind == X86_INT_N || ev->kind == X86_INT_3 || ev->kind == X86_INT_1;
}

/* The EXT bit of error codes. */
static uint32_t ext_of(const struct event *ev)
{
    return ev->kind != X86_INT_N && ev->kind != X86_INT_3;
}

static bool vector_has_error(unsigned vector)
{
    return vector == X86_DF || (vector >= X86_TS && vector <= X86_PF) || vector == X86_AC;
}

/* ---- the end of a delivery ---- */

static void clear_flags(struct x86_cpu *cpu, bool is_interrupt_gate)
{
    cpu->s.eflags &= ~(uint32_t)(X86_FL_TF | X86_FL_NT | X86_FL_RF | X86_FL_VM);
    if (is_interrupt_gate)
        cpu->s.eflags &= ~(uint32_t)X86_FL_IF;
}

static void fault_vector(struct x86_cpu *cpu, const struct event *ev, enum x86_exception e)
{
    x86_fault(cpu, e, (uint32_t)ev->vector << 3 | 2 | ext_of(ev));
}

/* ---- real mode ---- */

/* Also virtual-8086 mode with redirection (VME): its table is at linear address 0. */
static void deliver_real(struct x86_cpu *cpu, const struct event *ev, uint64_t table,
                         uint32_t limit, uint32_t flags)
{
    struct x86_stack st;
    uint32_t entry;

    if (ev->vector * 4 + 3 > limit)
        fault_vector(cpu, ev, X86_GP);
    entry = (uint32_t)x86_sys_ld(cpu, table + ev->vector * 4, MO_32);
    x86_stack_now(cpu, &st);
    x86_stack_push(cpu, &st, MO_16, flags);
    x86_stack_push(cpu, &st, MO_16, cpu->s.seg[X86_CS].selector);
    x86_stack_push(cpu, &st, MO_16, ev->rip);
    x86_stack_commit(cpu, &st);
    x86_set_paragraph(cpu, X86_CS, entry >> 16);
    x86_set_rip(cpu, entry & 0xffff);
}

/* ---- gates ---- */

struct gate {
    unsigned type, dpl, ist;
    bool present;
    uint32_t selector;
    uint64_t offset;
};

static void read_gate(struct x86_cpu *cpu, const struct event *ev, struct gate *g)
{
    bool is_long = x86_is_long(cpu);
    unsigned size = is_long ? 16 : 8;
    uint64_t addr = cpu->s.idtr.base + ev->vector * size, low;

    if (ev->vector * size + size - 1 > cpu->s.idtr.limit)
        fault_vector(cpu, ev, X86_GP);
    low = x86_sys_ld(cpu, addr, MO_64);
    g->offset = (low & 0xffff) | (low >> 32 & 0xffff0000);
    if (is_long)
        g->offset |= x86_sys_ld(cpu, addr + 8, MO_32) << 32;
    g->selector = low >> 16 & 0xffff;
    g->type = low >> 40 & 0x1f; /* with S, which must be 0 */
    g->dpl = low >> 45 & 3;
    g->present = low >> 47 & 1;
    g->ist = low >> 32 & 7;
}

static void check_gate(struct x86_cpu *cpu, const struct event *ev, const struct gate *g)
{
    bool is_32 = g->type == X86_INT32 || g->type == X86_TRAP32;
    bool is_16 = g->type == X86_INT16 || g->type == X86_TRAP16 || g->type == X86_TASK_GATE;

    if (!is_32 && (x86_is_long(cpu) || !is_16))
        fault_vector(cpu, ev, X86_GP);
    if (is_software(ev) && ev->kind != X86_INT_1 && g->dpl < cpu->s.cpl)
        fault_vector(cpu, ev, X86_GP);
    if (!g->present)
        fault_vector(cpu, ev, X86_NP);
}

/* The handler's code segment; its privilege level is the result. */
static unsigned check_handler(struct x86_cpu *cpu, const struct event *ev, const struct gate *g,
                              struct x86_desc *cs)
{
    uint32_t ext = ext_of(ev), error = (g->selector & 0xfffc) | ext;
    unsigned cpl;

    if (is_null(g->selector))
        x86_fault(cpu, X86_GP, ext);
    x86_need_desc(cpu, g->selector, cs, X86_GP, ext);
    if (!desc_is_code(cs) || desc_dpl(cs) > cpu->s.cpl)
        x86_fault(cpu, X86_GP, error);
    if (x86_is_long(cpu) && (cs->hi & (X86_DESC_L | X86_DESC_B)) != X86_DESC_L)
        x86_fault(cpu, X86_GP, error);
    if (!(cs->hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, error);
    cpl = desc_is_conforming(cs) ? cpu->s.cpl : desc_dpl(cs);
    if (x86_is_vm(cpu) && cpl != 0)
        x86_fault(cpu, X86_GP, error);
    return cpl;
}

/* ---- 64-bit mode ---- */

static uint64_t ist_stack(struct x86_cpu *cpu, const struct event *ev, unsigned ist)
{
    const struct x86_segment *tr = &cpu->s.tr;
    uint32_t off = 28 + 8 * ist;

    if (off + 7 > tr->limit)
        x86_fault(cpu, X86_TS, (tr->selector & 0xfffc) | ext_of(ev));
    return x86_sys_ld(cpu, tr->base + off, MO_64);
}

static void deliver_64(struct x86_cpu *cpu, const struct event *ev, const struct gate *g,
                       struct x86_desc *cs, unsigned cpl)
{
    struct x86_stack st;
    uint64_t sp = cpu->r[4], old_sp = cpu->r[4];
    uint32_t ss = cpl, old_ss = cpu->s.seg[X86_SS].selector;
    bool is_inner = cpl < cpu->s.cpl;

    if (g->ist)
        sp = ist_stack(cpu, ev, g->ist);
    else if (is_inner)
        x86_inner_stack(cpu, cpl, &ss, &sp, ext_of(ev));
    x86_stack_of(cpu, &st, 0, NULL, sp & ~UINT64_C(15), cpl);
    st.error = ext_of(ev);
    x86_stack_push(cpu, &st, MO_64, old_ss);
    x86_stack_push(cpu, &st, MO_64, old_sp);
    x86_stack_push(cpu, &st, MO_64, ev->flags);
    x86_stack_push(cpu, &st, MO_64, cpu->s.seg[X86_CS].selector);
    x86_stack_push(cpu, &st, MO_64, ev->rip);
    if (ev->has_error)
        x86_stack_push(cpu, &st, MO_64, ev->error);
    x86_check_rip(cpu, cs, g->offset, ext_of(ev));
    x86_enter_code(cpu, g->selector, cs, cpl, g->offset);
    if (is_inner)
        x86_set_segment(cpu, X86_SS, cpl, 0, 0, 0);
    x86_stack_commit(cpu, &st);
}

/* ---- protected mode ---- */

static void push_data_segments(struct x86_cpu *cpu, struct x86_stack *st, unsigned size)
{
    static const uint8_t order[] = {X86_GS, X86_FS, X86_DS, X86_ES};

    for (unsigned i = 0; i < 4; i++)
        x86_stack_push(cpu, st, size, cpu->s.seg[order[i]].selector);
}

static void push_return(struct x86_cpu *cpu, const struct event *ev, struct x86_stack *st,
                        unsigned size)
{
    x86_stack_push(cpu, st, size, ev->flags);
    x86_stack_push(cpu, st, size, cpu->s.seg[X86_CS].selector);
    x86_stack_push(cpu, st, size, ev->rip);
    if (ev->has_error)
        x86_stack_push(cpu, st, size, ev->error);
}

/* To an inner level, or out of virtual-8086 mode. */
static void deliver_inner(struct x86_cpu *cpu, const struct event *ev, const struct gate *g,
                          struct x86_desc *cs, unsigned cpl)
{
    unsigned size = g->type & 8 ? MO_32 : MO_16;
    bool from_vm = x86_is_vm(cpu);
    struct x86_stack st;
    struct x86_desc ss;
    uint32_t selector;
    uint64_t sp;

    x86_inner_stack(cpu, cpl, &selector, &sp, ext_of(ev));
    x86_check_stack(cpu, selector, cpl, &ss, X86_TS, ext_of(ev));
    cpu->s.eflags &= ~(uint32_t)X86_FL_VM; /* the new stack's limit is that of protected mode */
    x86_stack_of(cpu, &st, selector, &ss, sp, cpl);
    cpu->s.eflags |= from_vm ? X86_FL_VM : 0;
    st.error |= ext_of(ev);
    if (from_vm)
        push_data_segments(cpu, &st, size);
    x86_stack_push(cpu, &st, size, cpu->s.seg[X86_SS].selector);
    x86_stack_push(cpu, &st, size, cpu->r[4]);
    push_return(cpu, ev, &st, size);
    x86_check_rip(cpu, cs, g->offset, ext_of(ev));
    x86_set_accessed(cpu, &ss);
    x86_set_accessed(cpu, cs);
    cpu->s.eflags &= ~(uint32_t)X86_FL_VM;
    x86_enter_code(cpu, g->selector, cs, cpl, g->offset);
    x86_set_from_desc(cpu, X86_SS, selector, &ss);
    x86_stack_commit(cpu, &st);
    for (unsigned n = 0; from_vm && n < X86_SEGS; n++)
        if (n != X86_CS && n != X86_SS)
            x86_set_segment(cpu, n, 0, 0, 0, 0);
}

static void deliver_same(struct x86_cpu *cpu, const struct event *ev, const struct gate *g,
                         struct x86_desc *cs)
{
    struct x86_stack st;

    x86_stack_now(cpu, &st);
    st.error = ext_of(ev);
    push_return(cpu, ev, &st, g->type & 8 ? MO_32 : MO_16);
    x86_check_rip(cpu, cs, g->offset, ext_of(ev));
    x86_enter_code(cpu, g->selector, cs, cpu->s.cpl, g->offset);
    x86_stack_commit(cpu, &st);
}

static void deliver_gate(struct x86_cpu *cpu, const struct event *ev)
{
    struct gate g;
    struct x86_desc cs;
    unsigned cpl;

    read_gate(cpu, ev, &g);
    check_gate(cpu, ev, &g);
    if (g.type == X86_TASK_GATE) {
        x86_task_gate(cpu, g.selector, X86_TASK_INT, is_software(ev) ? ev->next : cpu->pc,
                      ext_of(ev), ev->has_error ? &ev->error : NULL);
        return;
    }
    if (!(g.type & 8))
        g.offset &= 0xffff;
    cpl = check_handler(cpu, ev, &g, &cs);
    if (x86_is_long(cpu))
        deliver_64(cpu, ev, &g, &cs, cpl);
    else if (cpl < cpu->s.cpl || x86_is_vm(cpu))
        deliver_inner(cpu, ev, &g, &cs, cpl);
    else
        deliver_same(cpu, ev, &g, &cs);
    clear_flags(cpu, g.type == X86_INT32 || g.type == X86_INT16);
}

/* ---- virtual-8086 mode ---- */

/* VME: whether the TSS sends INT n to the handler of the virtual-8086 program.
 * Ref: SDM vol. 3, 21.3.3 and table 21-2. */
static bool is_redirected(struct x86_cpu *cpu, unsigned vector)
{
    const struct x86_segment *tr = &cpu->s.tr;
    uint32_t map, at;

    if (!(cpu->s.cr4 & X86_CR4_VME) || !(tr->attr >> 8 & 8) || tr->limit < 0x67)
        return false;
    map = (uint32_t)x86_sys_ld(cpu, tr->base + 0x66, MO_16);
    at = map - 32 + vector / 8;
    if (map < 32 || at > tr->limit)
        return false;
    return !(x86_sys_ld(cpu, tr->base + at, MO_8) >> vector % 8 & 1);
}

static void deliver_redirected(struct x86_cpu *cpu, const struct event *ev)
{
    uint32_t flags = ev->flags;

    if (x86_iopl(cpu) < 3) {
        flags &= ~(uint32_t)X86_FL_IF;
        flags |= X86_FL_IOPL | (cpu->s.eflags & X86_FL_VIF ? X86_FL_IF : 0);
    }
    deliver_real(cpu, ev, 0, UINT32_MAX, flags);
    cpu->s.eflags &= ~(uint32_t)(X86_FL_TF | X86_FL_NT | X86_FL_RF);
    cpu->s.eflags &= ~(uint32_t)(x86_iopl(cpu) < 3 ? X86_FL_VIF : X86_FL_IF);
}

static void deliver(struct x86_cpu *cpu, struct event *ev)
{
    bool is_vm_int = ev->kind == X86_INT_N && x86_is_vm(cpu);

    ev->rip = is_software(ev)
                  ? (x86_is_64(cpu) ? ev->next : (uint32_t)(ev->next - cpu->base[X86_CS]))
                  : x86_rip(cpu);
    ev->flags = x86_eflags(cpu);
    if (ev->kind == X86_INT_EXCEPTION && ev->vector != X86_DB)
        ev->flags |= X86_FL_RF;
    if (is_vm_int && is_redirected(cpu, ev->vector)) {
        deliver_redirected(cpu, ev);
        return;
    }
    if (is_vm_int && x86_iopl(cpu) < 3)
        x86_fault(cpu, X86_GP, 0);
    if (cpu->s.cr0 & X86_CR0_PE) {
        deliver_gate(cpu, ev);
        return;
    }
    deliver_real(cpu, ev, cpu->s.idtr.base, cpu->s.idtr.limit, ev->flags);
    cpu->s.eflags &= ~(uint32_t)(X86_FL_TF | X86_FL_IF | X86_FL_AC | X86_FL_RF);
}

/* ---- faults in a row ---- */

static bool is_contributory(unsigned vector)
{
    return vector == X86_DE || (vector >= X86_TS && vector <= X86_GP);
}

static void shut_down(struct x86_cpu *cpu)
{
    log_guest_error("cpu %u: triple fault at 0x%" PRIx64 ": shutdown", cpu->cpu.index, cpu->pc);
    if (log_enabled(LOG_CPU_RESET)) {
        cpu->cpu.ops->dump(&cpu->cpu, log_begin());
        log_end();
    }
    cpu->s.shutdown = true;
    cpu->cpu.halted = true;
    if (cpu->cpu.machine)
        machine_request_reset(cpu->cpu.machine);
}

/* What comes of a fault while ev was being delivered; false: shutdown.  Ref: SDM vol. 3, table
 * 6-5. */
static bool next_event(struct event *ev, const struct x86_attempt *a)
{
    bool was_exception = ev->kind == X86_INT_EXCEPTION;
    bool is_double =
        was_exception &&
        ((is_contributory(ev->vector) && is_contributory(a->vector)) ||
         (ev->vector == X86_PF && (is_contributory(a->vector) || a->vector == X86_PF)));

    if (was_exception && ev->vector == X86_DF &&
        (is_contributory(a->vector) || a->vector == X86_PF))
        return false;
    *ev = (struct event){.vector = is_double ? X86_DF : a->vector,
                         .error = is_double ? 0 : a->error,
                         .kind = X86_INT_EXCEPTION};
    return true;
}

static void log_event(const struct x86_cpu *cpu, const struct event *ev)
{
    static const char *const kinds[] = {"exception", "interrupt", "INT", "INT3", "INT1"};

    log_printf(LOG_INT,
               "int: cpu %u: %s 0x%02x, error 0x%04x, at %04x:%016" PRIx64 " (cpl %u), sp "
               "%04x:%016" PRIx64 ", rax %016" PRIx64 ", cr2 %016" PRIx64 "\n",
               cpu->cpu.index, kinds[ev->kind], ev->vector, ev->error, cpu->s.seg[X86_CS].selector,
               x86_rip(cpu), cpu->s.cpl, cpu->s.seg[X86_SS].selector, cpu->r[4], cpu->r[0],
               cpu->s.cr2);
}

/* False: it faulted, and what did is in *a. */
static bool attempt(struct x86_cpu *cpu, struct event *ev, struct x86_attempt *a)
{
    if (__builtin_expect(setjmp(a->back), 0)) {
        cpu->attempt = NULL;
        return false;
    }
    cpu->attempt = a;
    if (log_enabled(LOG_INT))
        log_event(cpu, ev);
    deliver(cpu, ev);
    cpu->attempt = NULL;
    return true;
}

static void run(struct x86_cpu *cpu, const struct event *first)
{
    bool may_free_others = first->kind == X86_INT_EXTERNAL || cpu->s.shadow;
    struct event ev = *first;
    struct x86_attempt a;

    cpu->cpu.halted = false; /* a trap after HLT */
    for (;;) {
        ev.has_error = ev.kind == X86_INT_EXCEPTION && (cpu->s.cr0 & X86_CR0_PE) &&
                       vector_has_error(ev.vector);
        if (attempt(cpu, &ev, &a))
            break;
        if (!next_event(&ev, &a)) {
            shut_down(cpu);
            break;
        }
    }
    cpu->s.shadow = cpu->s.shadow_ss = false;
    cpu->s.db_pending = 0;
    cpu->retry_watched = cpu->near_limit = false;
    x86_segments_changed(cpu);
    if (may_free_others) /* one at a time is taken; a shadow may have held something off */
        x86_irq_reevaluate(cpu);
}

void x86_raise(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error)
{
    run(cpu, &(struct event){.vector = vector, .error = error, .kind = X86_INT_EXCEPTION});
}

/* The bits of breakpoints say what was hit this time; others stay until software clears them.
 * DR7.GD is cleared so that the handler may look. */
void x86_debug_exception(struct x86_cpu *cpu, uint32_t dr6)
{
    cpu->s.dr[6] = (cpu->s.dr[6] & ~UINT64_C(0xf)) | dr6;
    cpu->s.dr[7] &= ~UINT64_C(0x2000);
    x86_raise(cpu, X86_DB, 0);
}

/* A data breakpoint that MOV SS before it hit is a trap of its own, taken where the handler begins;
 * INT1 takes it along. */
void x86_software_interrupt(struct x86_cpu *cpu, unsigned vector, enum x86_int_kind kind,
                            uint64_t next)
{
    uint32_t hits = cpu->s.db_pending; /* of a MOV SS before it */
    run(cpu, &(struct event){.vector = vector, .kind = kind, .next = next});
    if (hits && kind != X86_INT_1)
        x86_debug_exception(cpu, hits);
}

void x86_external_interrupt(struct x86_cpu *cpu, unsigned vector)
{
    run(cpu, &(struct event){.vector = vector, .kind = X86_INT_EXTERNAL});
}

void x86_fault(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error)
{
    struct x86_attempt *a = cpu->attempt;

    if (a) {
        a->vector = vector;
        a->error = error;
        longjmp(a->back, 1);
    }
    x86_raise(cpu, vector, error);
    guest_unwind(&cpu->cpu);
}

void x86_page_fault(struct x86_cpu *cpu, const struct guest_fault *f)
{
    if (f->cause == X86_CAUSE_NOT_CANONICAL)
        x86_fault(cpu, X86_GP, 0);
    cpu->s.cr2 = f->addr;
    x86_fault(cpu, X86_PF, f->cause);
}
