/*
 * Far jumps, calls and returns; IRET.
 *
 * Ref: SDM vol. 2, CALL, JMP, RET, IRET; vol. 3, 5.8 (privilege checks of code), 5.8.3 to 5.8.5
 * (call gates), 21.2 and 21.3 (virtual-8086 mode, VME).
 */
#include "target/x86/cpu_priv.h"
#include "util/bits.h"

static uint64_t truncate(uint64_t v, unsigned size)
{
    return size == MO_16 ? (uint16_t)v : size == MO_32 ? (uint32_t)v : v;
}

/* ---- code descriptors ---- */

static void need_present(struct x86_cpu *cpu, uint32_t selector, const struct x86_desc *d)
{
    if (!(d->hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, selector & 0xfffc);
}

/* L and D together are reserved. */
static void check_width(struct x86_cpu *cpu, uint32_t selector, const struct x86_desc *d)
{
    if (x86_is_long(cpu) && (d->hi & X86_DESC_L) && (d->hi & X86_DESC_B))
        x86_fault(cpu, X86_GP, selector & 0xfffc);
}

/* Code to which a far jump or call may go without a gate; the privilege level stays. */
static void check_direct(struct x86_cpu *cpu, uint32_t selector, const struct x86_desc *d)
{
    unsigned dpl = desc_dpl(d), cpl = cpu->s.cpl;
    bool ok = desc_is_conforming(d) ? dpl <= cpl : (selector & 3) <= cpl && dpl == cpl;

    if (!ok)
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    check_width(cpu, selector, d);
    need_present(cpu, selector, d);
}

/* A descriptor that is reached by a jump or call: gate, TSS. */
static void check_system(struct x86_cpu *cpu, uint32_t selector, const struct x86_desc *d)
{
    if (desc_dpl(d) < cpu->s.cpl || desc_dpl(d) < (selector & 3))
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    need_present(cpu, selector, d);
}

static void find_target(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    if (is_null(selector))
        x86_fault(cpu, X86_GP, 0);
    x86_need_desc(cpu, selector, d, X86_GP, 0);
}

/* A task, directly or through a gate; true: the switch is done. */
static bool try_task(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                     enum x86_task_how how, uint64_t next)
{
    unsigned type = desc_type(d);

    if (x86_is_long(cpu) || (type != X86_TSS16 && type != X86_TSS32 && type != X86_TASK_GATE))
        return false;
    check_system(cpu, selector, d);
    if (type == X86_TASK_GATE) {
        x86_task_gate(cpu, d->lo >> 16, how, next, 0, NULL);
        return true;
    }
    if (selector & 4)
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    x86_task_switch(cpu, selector, d, how, next, 0, NULL);
    return true;
}

/* ---- call gates ---- */

struct call_gate {
    uint32_t selector;
    uint64_t offset;
    unsigned size, params;
};

static void read_call_gate(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                           struct call_gate *g)
{
    bool is_32 = desc_is_system(d, X86_CALL32), is_16 = desc_is_system(d, X86_CALL16);

    if (!is_32 && (!is_16 || x86_is_long(cpu)))
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    check_system(cpu, selector, d);
    g->selector = d->lo >> 16;
    g->offset = d->lo & 0xffff;
    g->params = d->hi & 31;
    g->size = is_32 ? MO_32 : MO_16;
    if (is_32)
        g->offset |= d->hi & 0xffff0000;
    if (x86_is_long(cpu)) {
        /* The type field of the upper half must be 0. */
        if (!x86_read_system_desc(cpu, selector, d) ||
            (x86_sys_ld(cpu, d->addr + 12, MO_32) & 0x1f00))
            x86_fault(cpu, X86_GP, selector & 0xfffc);
        g->offset |= (uint64_t)d->base_high << 32;
        g->size = MO_64;
    }
}

/* The gate's code segment. */
static void gate_target(struct x86_cpu *cpu, const struct call_gate *g, bool is_jump,
                        struct x86_desc *cs)
{
    unsigned cpl = cpu->s.cpl;

    find_target(cpu, g->selector, cs);
    bool ok = desc_is_code(cs) && desc_dpl(cs) <= cpl;
    if (is_jump && ok && !desc_is_conforming(cs))
        ok = desc_dpl(cs) == cpl;
    if (ok && x86_is_long(cpu))
        ok = (cs->hi & (X86_DESC_L | X86_DESC_B)) == X86_DESC_L;
    if (!ok)
        x86_fault(cpu, X86_GP, g->selector & 0xfffc);
    need_present(cpu, g->selector, cs);
}

/* ---- JMP ---- */

static void jump_gate(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    struct call_gate g;
    struct x86_desc cs;

    read_call_gate(cpu, selector, d, &g);
    gate_target(cpu, &g, true, &cs);
    x86_check_rip(cpu, &cs, g.offset, 0);
    x86_enter_code(cpu, g.selector, &cs, cpu->s.cpl, g.offset);
}

static void paragraph_jump(struct x86_cpu *cpu, uint32_t selector, uint64_t offset)
{
    if (offset > cpu->s.seg[X86_CS].limit)
        x86_fault(cpu, X86_GP, 0);
    x86_set_paragraph(cpu, X86_CS, selector);
    x86_set_rip(cpu, offset);
}

static void protected_jump(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, uint64_t next)
{
    struct x86_desc d;

    find_target(cpu, selector, &d);
    if (desc_is_code(&d)) {
        check_direct(cpu, selector, &d);
        x86_check_rip(cpu, &d, offset, 0);
        x86_enter_code(cpu, selector, &d, cpu->s.cpl, offset);
        return;
    }
    if (d.hi & X86_DESC_S)
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    if (!try_task(cpu, selector, &d, X86_TASK_JMP, next))
        jump_gate(cpu, selector, &d);
}

void x86_far_jmp(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, unsigned size,
                 uint64_t next)
{
    offset = truncate(offset, size);
    if (x86_is_paragraphs(cpu))
        paragraph_jump(cpu, selector & 0xffff, offset);
    else
        protected_jump(cpu, selector & 0xffff, offset, next);
    x86_segments_changed(cpu);
}

/* ---- CALL ---- */

static uint64_t rip_of(const struct x86_cpu *cpu, uint64_t pc)
{
    return x86_is_64(cpu) ? pc : (uint32_t)(pc - cpu->base[X86_CS]);
}

static void push_return(struct x86_cpu *cpu, struct x86_stack *st, unsigned size, uint64_t next)
{
    x86_stack_push(cpu, st, size, cpu->s.seg[X86_CS].selector);
    x86_stack_push(cpu, st, size, rip_of(cpu, next));
}

/* Parameters from the old stack, in their order there. */
static void copy_params(struct x86_cpu *cpu, struct x86_stack *to, const struct call_gate *g)
{
    struct x86_stack from;
    uint32_t param[31];

    x86_stack_now(cpu, &from);
    for (unsigned i = 0; i < g->params; i++)
        param[i] = (uint32_t)x86_stack_pop(cpu, &from, g->size);
    for (unsigned i = g->params; i-- > 0;)
        x86_stack_push(cpu, to, g->size, param[i]);
}

static void call_inner(struct x86_cpu *cpu, const struct call_gate *g, struct x86_desc *cs,
                       uint64_t next)
{
    bool is_long = x86_is_long(cpu);
    unsigned cpl = desc_dpl(cs);
    struct x86_stack st;
    struct x86_desc ss;
    uint32_t selector;
    uint64_t sp;

    x86_inner_stack(cpu, cpl, &selector, &sp, 0);
    if (!is_long)
        x86_check_stack(cpu, selector, cpl, &ss, X86_TS, 0);
    x86_stack_of(cpu, &st, selector, is_long ? NULL : &ss, sp, cpl);
    x86_stack_push(cpu, &st, g->size, cpu->s.seg[X86_SS].selector);
    x86_stack_push(cpu, &st, g->size, cpu->r[4]);
    if (!is_long)
        copy_params(cpu, &st, g);
    push_return(cpu, &st, g->size, next);
    x86_check_rip(cpu, cs, g->offset, 0);
    if (!is_long)
        x86_set_accessed(cpu, &ss);
    x86_enter_code(cpu, g->selector, cs, cpl, g->offset);
    if (is_long) {
        x86_set_segment(cpu, X86_SS, cpl, 0, 0, 0);
    } else {
        x86_set_from_desc(cpu, X86_SS, selector, &ss);
    }
    x86_stack_commit(cpu, &st);
}

static void call_gate(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d, uint64_t next)
{
    struct call_gate g;
    struct x86_desc cs;
    struct x86_stack st;

    read_call_gate(cpu, selector, d, &g);
    gate_target(cpu, &g, false, &cs);
    if (!desc_is_conforming(&cs) && desc_dpl(&cs) < cpu->s.cpl) {
        call_inner(cpu, &g, &cs, next);
        return;
    }
    x86_stack_now(cpu, &st);
    if (x86_is_long(cpu)) { /* from compatibility mode, too: 64-bit pushes on the flat stack */
        st.is_64 = true;
        st.base = 0;
        st.sp &= st.mask;
        st.mask = ~UINT64_C(0);
    }
    push_return(cpu, &st, g.size, next);
    x86_check_rip(cpu, &cs, g.offset, 0);
    x86_enter_code(cpu, g.selector, &cs, cpu->s.cpl, g.offset);
    x86_stack_commit(cpu, &st);
}

static void protected_call(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, unsigned size,
                           uint64_t next)
{
    struct x86_desc d;
    struct x86_stack st;

    find_target(cpu, selector, &d);
    if (desc_is_code(&d)) {
        check_direct(cpu, selector, &d);
        x86_stack_now(cpu, &st);
        push_return(cpu, &st, size, next);
        x86_check_rip(cpu, &d, offset, 0);
        x86_enter_code(cpu, selector, &d, cpu->s.cpl, offset);
        x86_stack_commit(cpu, &st);
        return;
    }
    if (d.hi & X86_DESC_S)
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    if (!try_task(cpu, selector, &d, X86_TASK_CALL, next))
        call_gate(cpu, selector, &d, next);
}

void x86_far_call(struct x86_cpu *cpu, uint32_t selector, uint64_t offset, unsigned size,
                  uint64_t next)
{
    struct x86_stack st;

    offset = truncate(offset, size);
    selector &= 0xffff;
    if (x86_is_paragraphs(cpu)) {
        x86_stack_now(cpu, &st);
        push_return(cpu, &st, size, next);
        paragraph_jump(cpu, selector, offset);
        x86_stack_commit(cpu, &st);
    } else {
        protected_call(cpu, selector, offset, size, next);
    }
    x86_segments_changed(cpu);
}

/* ---- returns ---- */

/* After a return to an outer level: segments that it may not use are emptied. */
static void drop_segments(struct x86_cpu *cpu)
{
    static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

    for (unsigned i = 0; i < 4; i++) {
        const struct x86_segment *seg = &cpu->s.seg[data[i]];
        bool is_conforming =
            (seg->attr & (X86_DESC_CODE | X86_DESC_C)) == (X86_DESC_CODE | X86_DESC_C);
        if (!is_conforming && (seg->attr >> X86_DESC_DPL_SHIFT & 3) < cpu->s.cpl)
            x86_set_segment(cpu, data[i], 0, x86_is_long(cpu) ? cpu->base[data[i]] : 0, 0, 0);
    }
}

/* The code to return to.  Ref: SDM vol. 2, RET, "RETURN-TO-SAME-PRIVILEGE-LEVEL". */
static void check_return(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    unsigned rpl = selector & 3;

    find_target(cpu, selector, d);
    bool ok = desc_is_code(d) && rpl >= cpu->s.cpl &&
              (desc_is_conforming(d) ? desc_dpl(d) <= rpl : desc_dpl(d) == rpl);
    if (!ok)
        x86_fault(cpu, X86_GP, selector & 0xfffc);
    check_width(cpu, selector, d);
    need_present(cpu, selector, d);
}

/* ss:sp of an outer level, popped from a stack; null is for 64-bit code above level 3. */
struct outer {
    uint32_t ss;
    uint64_t sp;
    bool is_null;
    struct x86_desc desc;
};

static void pop_outer(struct x86_cpu *cpu, struct x86_stack *st, unsigned size, unsigned cpl,
                      const struct x86_desc *cs, struct outer *out)
{
    out->sp = x86_stack_pop(cpu, st, size);
    out->ss = x86_stack_pop(cpu, st, size) & 0xffff;
    out->is_null = is_null(out->ss);
    if (out->is_null && x86_is_long(cpu) && (cs->hi & X86_DESC_L) && cpl < 3 &&
        (out->ss & 3) == cpl)
        return;
    x86_check_stack(cpu, out->ss, cpl, &out->desc, X86_GP, 0);
    x86_set_accessed(cpu, &out->desc);
}

static void set_outer(struct x86_cpu *cpu, struct outer *out, uint32_t release)
{
    uint64_t sp;

    if (out->is_null) {
        x86_set_segment(cpu, X86_SS, out->ss, 0, 0, 0);
    } else {
        x86_set_from_desc(cpu, X86_SS, out->ss, &out->desc);
    }
    sp = out->sp + release;
    if (x86_is_64(cpu))
        cpu->r[4] = sp;
    else if (cpu->s.seg[X86_SS].attr & X86_DESC_B)
        cpu->r[4] = (uint32_t)sp;
    else
        cpu->r[4] = (cpu->r[4] & ~UINT64_C(0xffff)) | (uint16_t)sp;
}

static void protected_ret(struct x86_cpu *cpu, unsigned size, uint32_t release)
{
    struct x86_stack st;
    struct x86_desc cs;
    struct outer out;

    x86_stack_now(cpu, &st);
    uint64_t rip = x86_stack_pop(cpu, &st, size);
    uint32_t selector = x86_stack_pop(cpu, &st, size) & 0xffff;
    check_return(cpu, selector, &cs);
    st.sp = (st.sp & ~st.mask) | ((st.sp + release) & st.mask);
    if ((selector & 3) == cpu->s.cpl) {
        x86_check_rip(cpu, &cs, rip, 0);
        x86_enter_code(cpu, selector, &cs, cpu->s.cpl, rip);
        x86_stack_commit(cpu, &st);
        return;
    }
    pop_outer(cpu, &st, size, selector & 3, &cs, &out);
    x86_check_rip(cpu, &cs, rip, 0);
    x86_enter_code(cpu, selector, &cs, selector & 3, rip);
    set_outer(cpu, &out, release);
    drop_segments(cpu);
}

void x86_far_ret(struct x86_cpu *cpu, unsigned size, uint32_t release)
{
    struct x86_stack st;

    if (x86_is_paragraphs(cpu)) {
        x86_stack_now(cpu, &st);
        uint64_t rip = x86_stack_pop(cpu, &st, size);
        uint32_t selector = x86_stack_pop(cpu, &st, size) & 0xffff;
        paragraph_jump(cpu, selector, rip);
        st.sp = (st.sp & ~st.mask) | ((st.sp + release) & st.mask);
        x86_stack_commit(cpu, &st);
    } else {
        protected_ret(cpu, size, release);
    }
    x86_segments_changed(cpu);
}

/* ---- IRET ---- */

enum {
    IRET_ALWAYS = X86_FL_CF | X86_FL_PF | X86_FL_AF | X86_FL_ZF | X86_FL_SF | X86_FL_TF |
                  X86_FL_DF | X86_FL_OF | X86_FL_NT,
    IRET_32 = X86_FL_RF | X86_FL_AC | X86_FL_ID
};

/* Flags that a level may set; VM apart. */
static void load_flags(struct x86_cpu *cpu, uint32_t image, unsigned size, unsigned cpl)
{
    uint32_t mask = IRET_ALWAYS, iopl = x86_iopl(cpu);

    if (size != MO_16)
        mask |= IRET_32;
    if (cpl == 0)
        mask |= X86_FL_IOPL;
    if (cpl <= iopl)
        mask |= X86_FL_IF;
    if (size != MO_16 && cpl == 0)
        mask |= X86_FL_VIF | X86_FL_VIP;
    if (!x86_has_code_breakpoints(cpu)) { /* nothing to hold off: the next instruction clears it */
        image &= ~(uint32_t)X86_FL_RF;
        mask |= X86_FL_RF;
    }
    x86_set_eflags(cpu, (x86_eflags(cpu) & ~mask) | (image & mask));
    cpu->s.keep_rf = true;
}

static void iret_real(struct x86_cpu *cpu, unsigned size)
{
    struct x86_stack st;

    x86_stack_now(cpu, &st);
    uint64_t rip = x86_stack_pop(cpu, &st, size);
    uint32_t selector = x86_stack_pop(cpu, &st, size) & 0xffff;
    uint32_t image = (uint32_t)x86_stack_pop(cpu, &st, size);
    paragraph_jump(cpu, selector, rip);
    x86_stack_commit(cpu, &st);
    load_flags(cpu, image, size, 0);
}

/* Ref: SDM vol. 3, 21.2.7; with VME, IOPL < 3 and a 16-bit IRET it works on VIF. */
static void iret_vm(struct x86_cpu *cpu, unsigned size)
{
    bool virtual = x86_iopl(cpu) < 3;
    struct x86_stack st;

    if (virtual && (size != MO_16 || !(cpu->s.cr4 & X86_CR4_VME)))
        x86_fault(cpu, X86_GP, 0);
    x86_stack_now(cpu, &st);
    uint64_t rip = x86_stack_pop(cpu, &st, size);
    uint32_t selector = x86_stack_pop(cpu, &st, size) & 0xffff;
    uint32_t image = (uint32_t)x86_stack_pop(cpu, &st, size);
    if (virtual && ((image & X86_FL_TF) || ((image & X86_FL_IF) && (cpu->s.eflags & X86_FL_VIP))))
        x86_fault(cpu, X86_GP, 0);
    paragraph_jump(cpu, selector, rip);
    x86_stack_commit(cpu, &st);
    load_flags(cpu, image, size, 3);
    if (!virtual)
        return;
    cpu->s.eflags &= ~(uint32_t)X86_FL_VIF;
    cpu->s.eflags |= image & X86_FL_IF ? X86_FL_VIF : 0;
}

static void iret_to_vm(struct x86_cpu *cpu, struct x86_stack *st, uint32_t eip, uint32_t cs,
                       uint32_t image)
{
    static const uint8_t order[] = {X86_SS, X86_ES, X86_DS, X86_FS, X86_GS};
    uint32_t selector[5], sp = (uint32_t)x86_stack_pop(cpu, st, MO_32);

    for (unsigned i = 0; i < 5; i++)
        selector[i] = x86_stack_pop(cpu, st, MO_32) & 0xffff;
    if (eip > 0xffff)
        x86_fault(cpu, X86_GP, 0);
    load_flags(cpu, image, MO_32, 0);
    cpu->s.eflags |= X86_FL_VM;
    for (unsigned i = 0; i < 5; i++)
        x86_set_paragraph(cpu, order[i], selector[i]);
    x86_set_paragraph(cpu, X86_CS, cs);
    x86_set_rip(cpu, eip);
    cpu->r[4] = sp;
    x86_set_cpl(cpu, 3);
}

/* 64-bit code pops ss:rsp always, others when the level changes. */
static void iret_code(struct x86_cpu *cpu, struct x86_stack *st, unsigned size, uint64_t rip,
                      uint32_t selector, uint32_t image)
{
    unsigned old_cpl = cpu->s.cpl, cpl = selector & 3;
    bool pops = cpl != old_cpl || x86_is_64(cpu);
    struct x86_desc cs;
    struct outer out;

    check_return(cpu, selector, &cs);
    if (pops)
        pop_outer(cpu, st, size, cpl, &cs, &out);
    x86_check_rip(cpu, &cs, rip, 0);
    x86_set_accessed(cpu, &cs);
    load_flags(cpu, image, size, old_cpl);
    x86_enter_code(cpu, selector, &cs, cpl, rip);
    if (pops)
        set_outer(cpu, &out, 0);
    else
        x86_stack_commit(cpu, st);
    if (cpl != old_cpl)
        drop_segments(cpu);
}

static void iret_task(struct x86_cpu *cpu, uint64_t next)
{
    uint32_t selector;
    struct x86_desc d;

    if (x86_is_long(cpu))
        x86_fault(cpu, X86_GP, 0);
    selector = (uint32_t)x86_sys_ld(cpu, cpu->s.tr.base, MO_16);
    if ((selector & 4) || is_null(selector))
        x86_fault(cpu, X86_TS, selector & 0xfffc);
    x86_need_desc(cpu, selector, &d, X86_TS, 0);
    if (!desc_is_system(&d, X86_TSS16_BUSY) && !desc_is_system(&d, X86_TSS32_BUSY))
        x86_fault(cpu, X86_TS, selector & 0xfffc);
    need_present(cpu, selector, &d);
    x86_task_switch(cpu, selector, &d, X86_TASK_IRET, next, 0, NULL);
}

static void iret_protected(struct x86_cpu *cpu, unsigned size, uint64_t next)
{
    struct x86_stack st;

    if (cpu->s.eflags & X86_FL_NT) {
        iret_task(cpu, next);
        return;
    }
    x86_stack_now(cpu, &st);
    uint64_t rip = x86_stack_pop(cpu, &st, size);
    uint32_t selector = x86_stack_pop(cpu, &st, size) & 0xffff;
    uint32_t image = (uint32_t)x86_stack_pop(cpu, &st, size);
    if ((image & X86_FL_VM) && size == MO_32 && cpu->s.cpl == 0 && !x86_is_long(cpu))
        iret_to_vm(cpu, &st, (uint32_t)rip, selector, image);
    else
        iret_code(cpu, &st, size, rip, selector, image);
}

void x86_iret(struct x86_cpu *cpu, unsigned size, uint64_t next)
{
    bool was_masked = cpu->s.nmi_masked;

    cpu->s.nmi_masked = false; /* even if it faults */
    if (!(cpu->s.cr0 & X86_CR0_PE))
        iret_real(cpu, size);
    else if (x86_is_vm(cpu))
        iret_vm(cpu, size);
    else
        iret_protected(cpu, size, next);
    x86_segments_changed(cpu);
    if (was_masked)
        x86_irq_reevaluate(cpu);
    else
        x86_irq_unmasked(cpu);
}
