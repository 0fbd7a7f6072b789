/*
 * Tasks switched by the processor: JMP and CALL to a TSS or a task gate, interrupts through a task
 * gate, IRET with NT.
 *
 * Ref: SDM vol. 3, chapter 8 (8.2 structures, 8.3 the steps, table 8-1 checks, 8.4 links).
 */
#include "target/x86/cpu_priv.h"
#include "util/bits.h"

/* Where a TSS has what: 16- and 32-bit ones. */
static const struct layout {
    uint8_t size_log2, min_limit, ip, flags, regs, segs, nsegs, ldt;
} layouts[2] = {
    {MO_16, 0x2b, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a},
    {MO_32, 0x67, 0x20, 0x24, 0x28, 0x48, 6, 0x60},
};
enum { TSS_CR3 = 0x1c, TSS_TRAP = 0x64, DR6_BT = 1 << 15, DR7_GD = 1 << 13 };

struct image {
    uint64_t cr3;
    uint32_t ip, flags, r[8], seg[X86_SEGS], ldt;
    bool trap;
};

static const struct layout *layout_of(uint32_t attr)
{
    return &layouts[attr >> 11 & 1];
}

static void set_busy(struct x86_cpu *cpu, uint64_t desc_addr, bool busy)
{
    uint64_t type = x86_sys_ld(cpu, desc_addr + 5, MO_8);

    x86_sys_st(cpu, desc_addr + 5, MO_8, busy ? type | 2 : type & ~UINT64_C(2));
}

/* ---- the old task ---- */

static void save(struct x86_cpu *cpu, uint32_t flags, uint64_t next)
{
    const struct x86_segment *tr = &cpu->s.tr;
    const struct layout *l = layout_of(tr->attr);
    unsigned step = 1u << l->size_log2, seg_step = l->size_log2 == MO_32 ? 4 : 2;

    x86_sys_st(cpu, tr->base + l->ip, l->size_log2, (uint32_t)(next - cpu->base[X86_CS]));
    x86_sys_st(cpu, tr->base + l->flags, l->size_log2, flags);
    for (unsigned i = 0; i < 8; i++)
        x86_sys_st(cpu, tr->base + l->regs + i * step, l->size_log2, (uint32_t)cpu->r[i]);
    for (unsigned i = 0; i < l->nsegs; i++)
        x86_sys_st(cpu, tr->base + l->segs + i * seg_step, MO_16, cpu->s.seg[i].selector);
}

/* ---- the new task ---- */

static void read_image(struct x86_cpu *cpu, uint64_t base, const struct layout *l, struct image *im)
{
    unsigned step = 1u << l->size_log2, seg_step = l->size_log2 == MO_32 ? 4 : 2;
    bool is_32 = l->size_log2 == MO_32;

    *im = (struct image){0};
    im->cr3 = is_32 ? x86_sys_ld(cpu, base + TSS_CR3, MO_32) : 0;
    im->ip = (uint32_t)x86_sys_ld(cpu, base + l->ip, l->size_log2);
    im->flags = (uint32_t)x86_sys_ld(cpu, base + l->flags, l->size_log2);
    for (unsigned i = 0; i < 8; i++) {
        im->r[i] = (uint32_t)x86_sys_ld(cpu, base + l->regs + i * step, l->size_log2);
        im->r[i] |= is_32 ? 0 : 0xffff0000;
    }
    for (unsigned i = 0; i < l->nsegs; i++)
        im->seg[i] = (uint32_t)x86_sys_ld(cpu, base + l->segs + i * seg_step, MO_16);
    im->ldt = (uint32_t)x86_sys_ld(cpu, base + l->ldt, MO_16);
    im->trap = is_32 && (x86_sys_ld(cpu, base + TSS_TRAP, MO_16) & 1);
}

void x86_load_ldt(struct x86_cpu *cpu, uint32_t selector, enum x86_exception vector, uint32_t ext)
{
    struct x86_segment *ldtr = &cpu->s.ldtr;
    uint32_t error = (selector & 0xfffc) | ext;
    struct x86_desc d;

    if (is_null(selector)) {
        *ldtr = (struct x86_segment){.selector = (uint16_t)selector};
        return;
    }
    if ((selector & 4) || !x86_read_system_desc(cpu, selector, &d) || !desc_is_system(&d, X86_LDT))
        x86_fault(cpu, vector, error);
    if (!(d.hi & X86_DESC_P))
        x86_fault(cpu, vector == X86_TS ? X86_TS : X86_NP, error);
    if (x86_is_long(cpu) && !x86_is_canonical_register(cpu, x86_desc_base(&d)))
        x86_fault(cpu, vector, error);
    *ldtr = (struct x86_segment){.selector = (uint16_t)selector,
                                 .attr = d.hi & 0x00f0ff00,
                                 .limit = x86_desc_limit(&d),
                                 .base = x86_desc_base(&d)};
}

static void load_cs(struct x86_cpu *cpu, uint32_t selector, uint32_t ip, uint32_t ext)
{
    uint32_t error = (selector & 0xfffc) | ext;
    unsigned rpl = selector & 3;
    struct x86_desc d;

    if (is_null(selector))
        x86_fault(cpu, X86_TS, ext);
    x86_need_desc(cpu, selector, &d, X86_TS, ext);
    bool ok =
        desc_is_code(&d) && (desc_is_conforming(&d) ? desc_dpl(&d) <= rpl : desc_dpl(&d) == rpl);
    if (!ok)
        x86_fault(cpu, X86_TS, error);
    if (!(d.hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, error);
    x86_enter_code(cpu, selector, &d, rpl, ip);
}

/* Selectors are loaded at once, what they stand for step by step: a fault is the new task's. */
static void load_segments(struct x86_cpu *cpu, const struct image *im, uint32_t ext)
{
    static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

    for (unsigned n = 0; n < X86_SEGS; n++) {
        if (im->flags & X86_FL_VM)
            x86_set_paragraph(cpu, n, im->seg[n]);
        else
            x86_set_segment(cpu, n, im->seg[n], 0, 0, 0);
    }
    x86_set_rip(cpu, im->ip);
    x86_load_ldt(cpu, im->ldt, X86_TS, ext);
    if (im->flags & X86_FL_VM) {
        x86_set_cpl(cpu, 3);
        x86_set_rip(cpu, im->ip);
        return;
    }
    x86_set_cpl(cpu, im->seg[X86_CS] & 3);
    load_cs(cpu, im->seg[X86_CS], im->ip, ext);
    x86_load_segment(cpu, X86_SS, im->seg[X86_SS], X86_TS, ext);
    for (unsigned i = 0; i < 4; i++)
        x86_load_segment(cpu, data[i], im->seg[data[i]], X86_TS, ext);
}

static void load_cr3(struct x86_cpu *cpu, uint64_t cr3)
{
    if (!(cpu->s.cr0 & X86_CR0_PG) || cr3 == cpu->s.cr3)
        return;
    if ((cpu->s.cr4 & X86_CR4_PAE) && !x86_load_pdptes(cpu, cr3))
        x86_fault(cpu, X86_GP, 0);
    cpu->s.cr3 = cr3;
    guest_tlb_flush_asid(&cpu->cpu, x86_asid(&cpu->cpu));
}

static void push_error(struct x86_cpu *cpu, unsigned size_log2, uint32_t error)
{
    struct x86_stack st;

    x86_segments_changed(cpu);
    x86_stack_now(cpu, &st);
    x86_stack_push(cpu, &st, size_log2, error);
    x86_stack_commit(cpu, &st);
}

/* From here on all is the new task's. */
static void enter(struct x86_cpu *cpu, uint32_t selector, const struct x86_desc *d,
                  const struct image *im, uint32_t ext)
{
    cpu->s.tr = (struct x86_segment){.selector = (uint16_t)selector,
                                     .attr = (d->hi & 0x00f0ff00) | X86_BUSY,
                                     .limit = x86_desc_limit(d),
                                     .base = x86_desc_base(d)};
    cpu->s.cr0 |= X86_CR0_TS;
    cpu->s.dr[7] &= ~UINT64_C(0x55); /* local breakpoints */
    if (layout_of(d->hi)->size_log2 == MO_32)
        load_cr3(cpu, im->cr3);
    for (unsigned i = 0; i < 8; i++)
        cpu->r[i] = im->r[i];
    x86_set_eflags(cpu, im->flags);
    cpu->s.keep_rf = true;
    load_segments(cpu, im, ext);
    if (im->ip > cpu->s.seg[X86_CS].limit)
        x86_fault(cpu, X86_GP, ext);
}

void x86_task_switch(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                     enum x86_task_how how, uint64_t next, uint32_t ext, const uint32_t *error)
{
    const struct layout *l = layout_of(d->hi);
    uint64_t base = x86_desc_base(d), old = cpu->s.gdtr.base + (cpu->s.tr.selector & 0xfff8);
    uint32_t flags = x86_eflags(cpu), old_selector = cpu->s.tr.selector;
    bool nests = how == X86_TASK_CALL || how == X86_TASK_INT;
    struct image im;

    if (x86_desc_limit(d) < l->min_limit || cpu->s.tr.limit < layout_of(cpu->s.tr.attr)->min_limit)
        x86_fault(cpu, X86_TS, (selector & 0xfffc) | ext);
    if (how == X86_TASK_IRET)
        flags &= ~(uint32_t)X86_FL_NT;
    read_image(cpu, base, l, &im);
    save(cpu, flags, next);
    if (!nests)
        set_busy(cpu, old, false);
    if (nests) {
        x86_sys_st(cpu, base, MO_16, old_selector);
        im.flags |= X86_FL_NT;
    }
    if (how != X86_TASK_IRET)
        set_busy(cpu, d->addr, true);
    enter(cpu, selector, d, &im, ext);
    if (error)
        push_error(cpu, l->size_log2, *error);
    if (im.trap) {
        cpu->s.dr[6] = (cpu->s.dr[6] & ~UINT64_C(0xf)) | DR6_BT;
        cpu->s.dr[7] &= ~(uint64_t)DR7_GD; /* as of every #DB */
        x86_fault(cpu, X86_DB, 0);
    }
}

void x86_task_gate(struct x86_cpu *cpu, uint32_t tss_selector, enum x86_task_how how, uint64_t next,
                   uint32_t ext, const uint32_t *error)
{
    uint32_t code = (tss_selector & 0xfffc) | ext;
    struct x86_desc d;

    if ((tss_selector & 4) || is_null(tss_selector))
        x86_fault(cpu, X86_GP, code);
    x86_need_desc(cpu, tss_selector, &d, X86_GP, ext);
    if (!desc_is_system(&d, X86_TSS16) && !desc_is_system(&d, X86_TSS32))
        x86_fault(cpu, X86_GP, code);
    if (!(d.hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, code);
    x86_task_switch(cpu, tss_selector, &d, how, next, ext, error);
}
