/*
 * Segments: descriptors, segment registers, stacks, and what translation sees of them.
 *
 * Ref: SDM vol. 3, chapter 3 (segmentation), 5.3 to 5.8 (limits, types, privilege levels); vol. 2,
 * MOV (segment register checks).
 */
#include "target/x86/cpu_priv.h"
#include "util/bits.h"

/* ---- state ---- */

bool x86_is_canonical(const struct x86_cpu *cpu, uint64_t addr)
{
    unsigned bits = cpu->s.cr4 & X86_CR4_LA57 ? 57 : 48;

    return (uint64_t)sextract64(addr, 0, bits) == addr;
}

/* Ref: SDM vol. 3, 4.5.2: what the processor could use, not what the present mode does. */
bool x86_is_canonical_register(const struct x86_cpu *cpu, uint64_t addr)
{
    return (uint64_t)sextract64(addr, 0, x86_has(cpu, X86_F_LA57) ? 57 : 48) == addr;
}

uint64_t x86_linear(const struct x86_cpu *cpu, uint64_t addr)
{
    return x86_is_long(cpu) ? addr : (uint32_t)addr;
}

uint64_t x86_rip(const struct x86_cpu *cpu)
{
    uint64_t rip = cpu->pc - cpu->base[X86_CS];

    return x86_is_64(cpu) ? cpu->pc : (uint32_t)rip;
}

void x86_set_rip(struct x86_cpu *cpu, uint64_t rip)
{
    cpu->pc = x86_is_64(cpu) ? rip : (uint32_t)(cpu->base[X86_CS] + rip);
}

uint32_t x86_eflags(const struct x86_cpu *cpu)
{
    uint32_t cc = cpu->cc;

    return (cpu->s.eflags & X86_EFLAGS_SYS) | X86_FL_1 | (cc >> 8 & 0xd5) |
           (cc & X86_CC_O ? X86_FL_OF : 0) | (cpu->df ? X86_FL_DF : 0);
}

void x86_set_eflags(struct x86_cpu *cpu, uint32_t eflags)
{
    cpu->cc = (eflags & 0xd5) << 8 | (eflags & X86_FL_OF ? X86_CC_O : 0);
    cpu->df = eflags & X86_FL_DF ? ~UINT64_C(0) : 0;
    cpu->s.eflags = eflags & X86_EFLAGS_SYS;
}

/* ---- bounds and mode ---- */

static struct x86_bounds bounds_of(const struct x86_cpu *cpu, const struct x86_segment *seg)
{
    struct x86_bounds b = {0, 0, -1, -1, -1};
    int64_t size = seg->limit;
    uint32_t a = seg->attr;

    if (x86_is_paragraphs(cpu)) {
        b.read = b.write = b.exec = size;
        return b;
    }
    if (!(a & X86_DESC_P))
        return b;
    b.exec =
        size; /* of CS, whose type was checked as it was loaded, or is what SMM entry left there */
    if (a & X86_DESC_CODE) {
        b.read = a & X86_DESC_R ? size : -1;
        return b;
    }
    if (a & X86_DESC_E) {
        uint32_t top = a & X86_DESC_B ? UINT32_MAX : 0xffff;
        b.low = seg->limit + 1;
        size = seg->limit >= top ? -1 : (int64_t)(top - b.low);
    }
    b.read = size;
    b.write = a & X86_DESC_W ? size : -1;
    return b;
}

static bool is_flat(const struct x86_cpu *cpu, unsigned n)
{
    const struct x86_bounds *b = &cpu->bounds[n];
    int64_t all = UINT32_MAX;

    if (cpu->base[n] || b->low)
        return false;
    return b->read == all && (n == X86_CS ? b->exec == all : b->write == all);
}

/* 64-bit code has no bounds: one mode whatever its data segments are. */
static uint32_t flat_bits(struct x86_cpu *cpu)
{
    if (x86_is_64(cpu))
        return X86_MODE_FLAT_CS | X86_MODE_FLAT_SS | X86_MODE_FLAT_DS | X86_MODE_FLAT_ES;
    for (unsigned n = 0; n < X86_SEGS; n++)
        cpu->bounds[n] = bounds_of(cpu, &cpu->s.seg[n]);
    return (is_flat(cpu, X86_CS) ? X86_MODE_FLAT_CS : 0) |
           (is_flat(cpu, X86_SS) ? X86_MODE_FLAT_SS : 0) |
           (is_flat(cpu, X86_DS) ? X86_MODE_FLAT_DS : 0) |
           (is_flat(cpu, X86_ES) ? X86_MODE_FLAT_ES : 0);
}

static uint32_t width_bits(const struct x86_cpu *cpu)
{
    const struct x86_segment *seg = cpu->s.seg;

    if (x86_is_64(cpu))
        return X86_MODE_64;
    return X86_MODE_NARROW | (seg[X86_SS].attr & X86_DESC_B ? X86_MODE_SS32 : 0) |
           (seg[X86_CS].attr & X86_DESC_B ? X86_MODE_CS32 : 0);
}

static uint32_t privilege_bits(const struct x86_cpu *cpu)
{
    const struct x86_state *s = &cpu->s;
    uint32_t mode = (uint32_t)s->cpl << X86_MODE_CPL_SHIFT;

    mode |= s->cr0 & X86_CR0_PE ? X86_MODE_PE : 0;
    mode |= x86_is_vm(cpu) ? X86_MODE_VM : 0;
    mode |= x86_is_long(cpu) ? X86_MODE_LMA : 0;
    if ((s->cr4 & X86_CR4_SMAP) && s->cpl < 3 && !(s->eflags & X86_FL_AC))
        mode |= X86_MODE_SMAP;
    if ((s->cr0 & X86_CR0_AM) && s->cpl == 3 && (s->eflags & X86_FL_AC))
        mode |= X86_MODE_AC;
    if (!(s->cr0 & X86_CR0_PE) || (!x86_is_vm(cpu) && s->cpl <= x86_iopl(cpu)))
        mode |= X86_MODE_IO;
    return mode;
}

static uint32_t control_bits(const struct x86_cpu *cpu)
{
    enum { XCR0_AVX = 6 };
    const struct x86_state *s = &cpu->s;
    uint32_t mode = s->cr0 & X86_CR0_TS ? X86_MODE_TS : 0;

    mode |= s->cr0 & X86_CR0_EM ? X86_MODE_EM : 0;
    mode |= s->cr4 & X86_CR4_OSFXSR ? X86_MODE_SSE : 0;
    if ((s->cr4 & X86_CR4_OSXSAVE) && (s->xcr0 & XCR0_AVX) == XCR0_AVX)
        mode |= X86_MODE_AVX;
    mode |= s->eflags & X86_FL_TF ? X86_MODE_TF : 0;
    if (s->shadow || (s->eflags & X86_FL_RF) || cpu->retry_watched || cpu->near_limit ||
        x86_has_code_breakpoints(cpu))
        mode |= X86_MODE_ONE;
    return mode;
}

void x86_segments_changed(struct x86_cpu *cpu)
{
    cpu->seg_mode = flat_bits(cpu) | width_bits(cpu) | privilege_bits(cpu) | control_bits(cpu);
    guest_mode_changed(&cpu->cpu);
}

void x86_set_segment(struct x86_cpu *cpu, unsigned n, uint32_t selector, uint64_t base,
                     uint32_t limit, uint32_t attr)
{
    struct x86_segment *seg = &cpu->s.seg[n];

    seg->selector = (uint16_t)selector;
    seg->attr = attr;
    seg->limit = limit;
    seg->base = cpu->base[n] = base;
}

void x86_set_from_desc(struct x86_cpu *cpu, unsigned n, uint32_t selector, const struct x86_desc *d)
{
    uint64_t base = x86_desc_base(d);

    /* The base of 64-bit code does not count. */
    if (n == X86_CS && x86_is_long(cpu) && (d->hi & X86_DESC_L))
        base = 0;
    x86_set_segment(cpu, n, selector, base, x86_desc_limit(d), d->hi & 0x00f0ff00);
}

/* Limits and rights stay in real mode ("unreal" mode lives on that), but are fixed in
 * virtual-8086 mode.  Ref: SDM vol. 3, 21.2.1. */
void x86_set_paragraph(struct x86_cpu *cpu, unsigned n, uint32_t selector)
{
    const struct x86_segment *seg = &cpu->s.seg[n];
    uint32_t limit = seg->limit, attr = seg->attr;

    selector &= 0xffff;
    if (x86_is_vm(cpu)) {
        limit = 0xffff;
        attr = X86_DESC_P | 3 << X86_DESC_DPL_SHIFT | X86_DESC_S | X86_DESC_W | X86_DESC_A;
    }
    x86_set_segment(cpu, n, selector, selector << 4, limit, attr);
}

/* ---- memory that the processor looks at by itself ---- */

unsigned x86_sys_idx(const struct x86_cpu *cpu)
{
    return cpu->s.cr4 & X86_CR4_SMAP ? X86_IDX_KERNEL_SMAP : X86_IDX_KERNEL;
}

unsigned x86_data_idx(const struct x86_cpu *cpu, unsigned cpl)
{
    if (cpl == 3)
        return X86_IDX_USER;
    return cpu->s.eflags & X86_FL_AC ? X86_IDX_KERNEL : x86_sys_idx(cpu);
}

static uint64_t load(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2, unsigned idx)
{
    struct guest_fault f;
    uint64_t val;

    if (!guest_try_ld(&cpu->cpu, x86_linear(cpu, addr), size_log2 | idx << MO_IDX_SHIFT, &val, &f))
        x86_page_fault(cpu, &f);
    return val;
}

static void store(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2, unsigned idx,
                  uint64_t val)
{
    struct guest_fault f;

    if (!guest_try_st(&cpu->cpu, x86_linear(cpu, addr), val, size_log2 | idx << MO_IDX_SHIFT, &f))
        x86_page_fault(cpu, &f);
}

uint64_t x86_sys_ld(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2)
{
    return load(cpu, addr, size_log2, x86_sys_idx(cpu));
}

void x86_sys_st(struct x86_cpu *cpu, uint64_t addr, unsigned size_log2, uint64_t val)
{
    store(cpu, addr, size_log2, x86_sys_idx(cpu), val);
}

/* ---- descriptors ---- */

uint64_t x86_desc_base(const struct x86_desc *d)
{
    return (uint64_t)d->base_high << 32 | (d->hi & 0xff000000) | (d->hi & 0xff) << 16 | d->lo >> 16;
}

uint32_t x86_desc_limit(const struct x86_desc *d)
{
    uint32_t limit = (d->hi & 0xf0000) | (d->lo & 0xffff);

    return d->hi & X86_DESC_G ? limit << 12 | 0xfff : limit;
}

static bool find_desc(struct x86_cpu *cpu, uint32_t selector, unsigned bytes, uint64_t *addr)
{
    uint32_t limit = cpu->s.gdtr.limit, first = selector & 0xfff8;
    uint64_t base = cpu->s.gdtr.base;

    if (selector & 4) {
        if (!(cpu->s.ldtr.attr & X86_DESC_P))
            return false;
        base = cpu->s.ldtr.base;
        limit = cpu->s.ldtr.limit;
    }
    *addr = base + first;
    return (uint64_t)first + bytes - 1 <= limit;
}

bool x86_read_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    uint64_t both;

    if (!find_desc(cpu, selector, 8, &d->addr))
        return false;
    both = x86_sys_ld(cpu, d->addr, MO_64);
    d->lo = (uint32_t)both;
    d->hi = both >> 32;
    d->base_high = 0;
    return true;
}

bool x86_read_system_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d)
{
    if (!x86_read_desc(cpu, selector, d))
        return false;
    if (!x86_is_long(cpu) || (d->hi & X86_DESC_S))
        return true;
    if (!find_desc(cpu, selector, 16, &d->addr))
        return false;
    d->base_high = (uint32_t)x86_sys_ld(cpu, d->addr + 8, MO_32);
    return true;
}

void x86_need_desc(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                   enum x86_exception vector, uint32_t ext)
{
    if (!x86_read_desc(cpu, selector, d))
        x86_fault(cpu, vector, (selector & 0xfffc) | ext);
}

void x86_set_accessed(struct x86_cpu *cpu, struct x86_desc *d)
{
    if (d->hi & X86_DESC_A)
        return;
    d->hi |= X86_DESC_A;
    x86_sys_st(cpu, d->addr + 5, MO_8, d->hi >> 8 & 0xff);
}

/* ---- loading segment registers ---- */

void x86_check_stack(struct x86_cpu *cpu, uint32_t selector, unsigned cpl, struct x86_desc *d,
                     enum x86_exception vector, uint32_t ext)
{
    uint32_t error = (selector & 0xfffc) | ext;

    if (is_null(selector))
        x86_fault(cpu, vector, ext);
    x86_need_desc(cpu, selector, d, vector, ext);
    if ((selector & 3) != cpl || !desc_is_writable_data(d) || desc_dpl(d) != cpl)
        x86_fault(cpu, vector, error);
    if (!(d->hi & X86_DESC_P))
        x86_fault(cpu, X86_SS_FAULT, error);
}

static void check_data(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d,
                       enum x86_exception vector, uint32_t ext)
{
    uint32_t error = (selector & 0xfffc) | ext;
    unsigned rpl = selector & 3;

    x86_need_desc(cpu, selector, d, vector, ext);
    if (!(d->hi & X86_DESC_S) || (desc_is_code(d) && !(d->hi & X86_DESC_R)))
        x86_fault(cpu, vector, error);
    if (!(desc_is_code(d) && desc_is_conforming(d)) &&
        (rpl > desc_dpl(d) || cpu->s.cpl > desc_dpl(d)))
        x86_fault(cpu, vector, error);
    if (!(d->hi & X86_DESC_P))
        x86_fault(cpu, X86_NP, error);
}

/* A null selector in SS is for 64-bit code below level 3 only. */
static void load_null(struct x86_cpu *cpu, unsigned n, uint32_t selector, enum x86_exception vector,
                      uint32_t ext)
{
    if (n == X86_SS && !(x86_is_64(cpu) && cpu->s.cpl < 3 && (selector & 3) == cpu->s.cpl))
        x86_fault(cpu, vector, ext);
    x86_set_segment(cpu, n, selector, 0, 0, 0);
}

void x86_load_segment(struct x86_cpu *cpu, unsigned n, uint32_t selector, enum x86_exception vector,
                      uint32_t ext)
{
    struct x86_desc d;

    selector &= 0xffff;
    if (x86_is_paragraphs(cpu)) {
        x86_set_paragraph(cpu, n, selector);
    } else if (is_null(selector)) {
        load_null(cpu, n, selector, vector, ext);
    } else {
        if (n == X86_SS)
            x86_check_stack(cpu, selector, cpu->s.cpl, &d, vector, ext);
        else
            check_data(cpu, selector, &d, vector, ext);
        x86_set_accessed(cpu, &d);
        x86_set_from_desc(cpu, n, selector, &d);
    }
}

/* ---- code segments ---- */

void x86_check_rip(struct x86_cpu *cpu, const struct x86_desc *d, uint64_t rip, uint32_t ext)
{
    bool is_64 = x86_is_long(cpu) && (d->hi & X86_DESC_L);

    if (is_64 ? !x86_is_canonical(cpu, rip) : rip > x86_desc_limit(d))
        x86_fault(cpu, X86_GP, ext);
}

void x86_set_cpl(struct x86_cpu *cpu, unsigned cpl)
{
    cpu->s.cpl = (uint8_t)cpl;
}

void x86_enter_code(struct x86_cpu *cpu, uint32_t selector, struct x86_desc *d, unsigned cpl,
                    uint64_t rip)
{
    x86_set_accessed(cpu, d);
    x86_set_from_desc(cpu, X86_CS, (selector & 0xfffc) | cpl, d);
    x86_set_cpl(cpu, cpl);
    x86_set_rip(cpu, rip);
}

/* ---- stacks ---- */

void x86_stack_now(struct x86_cpu *cpu, struct x86_stack *st)
{
    bool is_64 = x86_is_64(cpu);

    st->is_64 = is_64;
    st->base = is_64 ? 0 : cpu->base[X86_SS];
    st->mask = is_64 ? ~UINT64_C(0) : (cpu->s.seg[X86_SS].attr & X86_DESC_B ? UINT32_MAX : 0xffff);
    st->sp = cpu->r[4];
    st->bounds = bounds_of(cpu, &cpu->s.seg[X86_SS]); /* in the midst of a task switch, too */
    st->idx = x86_data_idx(cpu, cpu->s.cpl);
    st->error = 0;
}

/* d: NULL in 64-bit code, where stacks have no segment. */
void x86_stack_of(struct x86_cpu *cpu, struct x86_stack *st, uint32_t selector,
                  const struct x86_desc *d, uint64_t sp, unsigned cpl)
{
    st->is_64 = !d;
    st->base = d ? x86_desc_base(d) : 0;
    st->mask = !d ? ~UINT64_C(0) : d->hi & X86_DESC_B ? UINT32_MAX : 0xffff;
    st->sp = sp;
    st->idx = x86_data_idx(cpu, cpl);
    st->error = d ? selector & 0xfffc : 0;
    if (d) {
        struct x86_segment seg = {.attr = d->hi & 0x00f0ff00, .limit = x86_desc_limit(d)};
        st->bounds = bounds_of(cpu, &seg);
    }
}

/* The linear address of size bytes at offset sp. */
static uint64_t stack_at(struct x86_cpu *cpu, const struct x86_stack *st, uint64_t offset,
                         unsigned size, int64_t bound)
{
    if (st->is_64) {
        if (!x86_is_canonical(cpu, offset) || !x86_is_canonical(cpu, offset + size - 1))
            x86_fault(cpu, X86_SS_FAULT, st->error);
        return offset;
    }
    if ((int64_t)(uint32_t)((uint32_t)offset - st->bounds.low) + size - 1 > bound)
        x86_fault(cpu, X86_SS_FAULT, st->error);
    return (uint32_t)(st->base + offset);
}

void x86_stack_push(struct x86_cpu *cpu, struct x86_stack *st, unsigned size_log2, uint64_t val)
{
    unsigned size = 1u << size_log2;
    uint64_t sp = (st->sp - size) & st->mask;

    store(cpu, stack_at(cpu, st, sp, size, st->bounds.write), size_log2, st->idx, val);
    st->sp = (st->sp & ~st->mask) | sp;
}

uint64_t x86_stack_pop(struct x86_cpu *cpu, struct x86_stack *st, unsigned size_log2)
{
    unsigned size = 1u << size_log2;
    uint64_t sp = st->sp & st->mask;
    uint64_t val = load(cpu, stack_at(cpu, st, sp, size, st->bounds.read), size_log2, st->idx);

    st->sp = (st->sp & ~st->mask) | ((sp + size) & st->mask);
    return val;
}

void x86_stack_commit(struct x86_cpu *cpu, const struct x86_stack *st)
{
    if (st->mask == 0xffff)
        cpu->r[4] = (cpu->r[4] & ~st->mask) | (st->sp & st->mask);
    else
        cpu->r[4] = st->sp & st->mask;
}

/* Ref: SDM vol. 3, figures 8-2 (32-bit TSS), 8-10 (16-bit), 8-11 (64-bit). */
void x86_inner_stack(struct x86_cpu *cpu, unsigned cpl, uint32_t *ss, uint64_t *sp, uint32_t ext)
{
    const struct x86_segment *tr = &cpu->s.tr;
    unsigned type = tr->attr >> 8 & 15;
    bool is_32 = type & 8;
    uint32_t off = x86_is_long(cpu) ? 4 + 8 * cpl : is_32 ? 4 + 8 * cpl : 2 + 4 * cpl;
    uint32_t last = off + (x86_is_long(cpu) ? 7 : is_32 ? 5 : 3);

    if (last > tr->limit)
        x86_fault(cpu, X86_TS, (tr->selector & 0xfffc) | ext);
    if (x86_is_long(cpu)) {
        *sp = x86_sys_ld(cpu, tr->base + off, MO_64);
        *ss = cpl;
        return;
    }
    *sp = x86_sys_ld(cpu, tr->base + off, is_32 ? MO_32 : MO_16);
    *ss = (uint32_t)x86_sys_ld(cpu, tr->base + off + (is_32 ? 4 : 2), MO_16);
}
