/*
 * System management mode: entry, the state-save map, RSM.
 *
 * Ref: SDM vol. 3, chapter 31 (31.4 the 32-bit map, 31.7 auto HALT, 31.12 I/O restart, 31.11
 * relocation); APM vol. 2, 10.2.3 and table 10-2 (the map of processors with long mode).
 */
#include "core/machine.h"
#include "target/x86/cpu_priv.h"
#include "util/bits.h"
#include "util/log.h"

enum { SAVE_AREA = 0x8000, AREA_SIZE = 0x8000, MAP = 0x7e00, ENTRY = 0x8000 };
enum { REVISION_32 = 0x00030000, REVISION_64 = 0x00030064 }; /* I/O restart, SMBASE relocation */

/* The map lies from SMBASE + 0xfe00 to SMBASE + 0xffff. */
struct map {
    uint8_t b[AREA_SIZE - MAP];
};

static void put(struct map *m, unsigned off, unsigned size, uint64_t val)
{
    memcpy(&m->b[off - MAP], &val, size);
}

static uint64_t get(const struct map *m, unsigned off, unsigned size)
{
    uint64_t val = 0;

    memcpy(&val, &m->b[off - MAP], size);
    return val;
}

/* ---- the map of processors with long mode ---- */

/* Offsets of segment registers: selector, attributes, limit, base. */
static const uint16_t segs_64[X86_SEGS] = {0x7e00, 0x7e10, 0x7e20, 0x7e30, 0x7e40, 0x7e50};
enum { GDTR_64 = 0x7e60, LDTR_64 = 0x7e70, IDTR_64 = 0x7e80, TR_64 = 0x7e90 };

/* Attributes as VMCBs and this map have them: 12 bits. */
static uint32_t pack(uint32_t attr)
{
    return (attr >> 8 & 0xff) | (attr >> 12 & 0xf00);
}
static uint32_t unpack(uint32_t packed)
{
    return (packed & 0xff) << 8 | (packed & 0xf00) << 12;
}

static void put_segment(struct map *m, unsigned off, const struct x86_segment *seg, uint64_t base)
{
    put(m, off, 2, seg->selector);
    put(m, off + 2, 2, pack(seg->attr));
    put(m, off + 4, 4, seg->limit);
    put(m, off + 8, 8, base);
}

static void get_segment(const struct map *m, unsigned off, struct x86_segment *seg)
{
    seg->selector = (uint16_t)get(m, off, 2);
    seg->attr = unpack((uint32_t)get(m, off + 2, 2));
    seg->limit = (uint32_t)get(m, off + 4, 4);
    seg->base = get(m, off + 8, 8);
}

enum {
    IO_RIP = 0x7ea0,
    IO_INFO = 0x7ec0,      /* 4 bytes */
    IO_RESTART = 0x7ec8,   /* 1 */
    HALT_RESTART = 0x7ec9, /* 1 */
    NMI_MASK = 0x7eca,     /* 1 */
    EFER = 0x7ed0,
    REVISION = 0x7efc, /* 4 */
    SMBASE = 0x7f00,   /* 4 */
    CR4 = 0x7f48,
    CR3 = 0x7f50,
    CR0 = 0x7f58,
    DR7 = 0x7f60,
    DR6 = 0x7f68,
    RFLAGS = 0x7f70,
    RIP = 0x7f78,
    R15 = 0x7f80 /* down to RAX at 0x7ff8 */
};

static void save_64(struct x86_cpu *cpu, struct map *m)
{
    const struct x86_state *s = &cpu->s;

    for (unsigned n = 0; n < X86_SEGS; n++)
        put_segment(m, segs_64[n], &s->seg[n], cpu->base[n]);
    put(m, GDTR_64 + 4, 4, s->gdtr.limit);
    put(m, GDTR_64 + 8, 8, s->gdtr.base);
    put(m, IDTR_64 + 4, 4, s->idtr.limit);
    put(m, IDTR_64 + 8, 8, s->idtr.base);
    put_segment(m, LDTR_64, &s->ldtr, s->ldtr.base);
    put_segment(m, TR_64, &s->tr, s->tr.base);
    put(m, IO_RIP, 8, s->io_restart_pc);
    put(m, IO_INFO, 4, s->io_last);
    put(m, HALT_RESTART, 1, s->was_halted);
    put(m, NMI_MASK, 1, s->nmi_masked);
    put(m, EFER, 8, s->efer);
    put(m, REVISION, 4, REVISION_64);
    put(m, SMBASE, 4, s->smbase);
    put(m, CR4, 8, s->cr4);
    put(m, CR3, 8, s->cr3);
    put(m, CR0, 8, s->cr0);
    put(m, DR7, 8, s->dr[7]);
    put(m, DR6, 8, s->dr[6]);
    put(m, RFLAGS, 8, x86_eflags(cpu));
    put(m, RIP, 8, x86_rip(cpu));
    for (unsigned i = 0; i < 16; i++)
        put(m, R15 + 8 * (15 - i), 8, cpu->r[i]);
}

static void load_64(struct x86_cpu *cpu, const struct map *m)
{
    struct x86_state *s = &cpu->s;

    for (unsigned n = 0; n < X86_SEGS; n++) {
        get_segment(m, segs_64[n], &s->seg[n]);
        cpu->base[n] = s->seg[n].base;
    }
    s->gdtr =
        (struct x86_table){get(m, GDTR_64 + 8, 8), (uint32_t)get(m, GDTR_64 + 4, 4) & 0xffff, 0};
    s->idtr =
        (struct x86_table){get(m, IDTR_64 + 8, 8), (uint32_t)get(m, IDTR_64 + 4, 4) & 0xffff, 0};
    get_segment(m, LDTR_64, &s->ldtr);
    get_segment(m, TR_64, &s->tr);
    s->nmi_masked = get(m, NMI_MASK, 1) & 1;
    s->cr4 = get(m, CR4, 8);
    s->cr3 = get(m, CR3, 8);
    s->cr0 = get(m, CR0, 8);
    s->efer = get(m, EFER, 8) & x86_efer_allowed(cpu);
    if ((s->efer & X86_EFER_LME) && (s->cr0 & X86_CR0_PG))
        s->efer |= X86_EFER_LMA;
    s->dr[7] = get(m, DR7, 4);
    s->dr[6] = get(m, DR6, 4);
    x86_set_eflags(cpu, (uint32_t)get(m, RFLAGS, 8));
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = get(m, R15 + 8 * (15 - i), 8);
}

/* ---- the map of 32-bit processors ---- */

/* Descriptors as three words: attributes, base, limit. */
static const uint16_t segs_32[X86_SEGS] = {0x7f80, 0x7f8c, 0x7f98, 0x7f18, 0x7f24, 0x7f30};
enum {
    SMBASE_32 = 0x7ef8,
    REVISION_AT_32 = 0x7efc,
    IO_RESTART_32 = 0x7f00,
    HALT_32 = 0x7f02,
    NMI_MASK_32 = 0x7f08, /* 1 byte that the SDM reserves */
    IO_RIP_32 = 0x7f10,
    CR4_32 = 0x7f14,
    IDT_32 = 0x7f50,
    TR_32 = 0x7f58,
    GDT_32 = 0x7f68,
    LDT_32 = 0x7f74,
    IO_32 = 0x7fa4,
    ES_SEL_32 = 0x7fa8, /* and so on, to GS */
    LDTR_SEL_32 = 0x7fc0,
    TR_SEL_32 = 0x7fc4,
    DR7_32 = 0x7fc8,
    DR6_32 = 0x7fcc,
    EAX_32 = 0x7fd0, /* up to EDI */
    EIP_32 = 0x7ff0,
    EFLAGS_32 = 0x7ff4,
    CR3_32 = 0x7ff8,
    CR0_32 = 0x7ffc
};

static void put_desc(struct map *m, unsigned off, const struct x86_segment *seg, uint64_t base)
{
    put(m, off, 4, seg->attr);
    put(m, off + 4, 4, base);
    put(m, off + 8, 4, seg->limit);
}

static void get_desc(const struct map *m, unsigned off, unsigned sel, struct x86_segment *seg)
{
    *seg = (struct x86_segment){.selector = (uint16_t)get(m, sel, 2),
                                .attr = (uint32_t)get(m, off, 4) & 0x00f0ff00,
                                .limit = (uint32_t)get(m, off + 8, 4),
                                .base = get(m, off + 4, 4)};
}

static void save_32(struct x86_cpu *cpu, struct map *m)
{
    const struct x86_state *s = &cpu->s;

    for (unsigned n = 0; n < X86_SEGS; n++) {
        put_desc(m, segs_32[n], &s->seg[n], cpu->base[n]);
        put(m, ES_SEL_32 + 4 * n, 4, s->seg[n].selector);
    }
    put_desc(m, TR_32, &s->tr, s->tr.base);
    put_desc(m, LDT_32, &s->ldtr, s->ldtr.base);
    put(m, TR_SEL_32, 4, s->tr.selector);
    put(m, LDTR_SEL_32, 4, s->ldtr.selector);
    put(m, GDT_32, 4, s->gdtr.base);
    put(m, GDT_32 + 4, 4, s->gdtr.limit);
    put(m, IDT_32, 4, s->idtr.base);
    put(m, IDT_32 + 4, 4, s->idtr.limit);
    put(m, CR0_32, 4, s->cr0);
    put(m, CR3_32, 4, s->cr3);
    put(m, CR4_32, 4, s->cr4);
    put(m, EFLAGS_32, 4, x86_eflags(cpu));
    put(m, EIP_32, 4, x86_rip(cpu));
    for (unsigned i = 0; i < 8; i++)
        put(m, EAX_32 + 4 * i, 4, cpu->r[i]);
    put(m, DR6_32, 4, s->dr[6]);
    put(m, DR7_32, 4, s->dr[7]);
    put(m, IO_RIP_32, 4, s->io_restart_pc);
    put(m, IO_32, 4, s->io_last);
    put(m, HALT_32, 2, s->was_halted);
    put(m, NMI_MASK_32, 1, s->nmi_masked);
    put(m, REVISION_AT_32, 4, REVISION_32);
    put(m, SMBASE_32, 4, s->smbase);
}

static void load_32(struct x86_cpu *cpu, const struct map *m)
{
    struct x86_state *s = &cpu->s;

    for (unsigned n = 0; n < X86_SEGS; n++) {
        get_desc(m, segs_32[n], ES_SEL_32 + 4 * n, &s->seg[n]);
        cpu->base[n] = s->seg[n].base;
    }
    get_desc(m, TR_32, TR_SEL_32, &s->tr);
    get_desc(m, LDT_32, LDTR_SEL_32, &s->ldtr);
    s->gdtr = (struct x86_table){get(m, GDT_32, 4), (uint32_t)get(m, GDT_32 + 4, 2), 0};
    s->idtr = (struct x86_table){get(m, IDT_32, 4), (uint32_t)get(m, IDT_32 + 4, 2), 0};
    s->cr0 = get(m, CR0_32, 4);
    s->cr3 = get(m, CR3_32, 4);
    s->cr4 = get(m, CR4_32, 4);
    x86_set_eflags(cpu, (uint32_t)get(m, EFLAGS_32, 4));
    for (unsigned i = 0; i < 8; i++)
        cpu->r[i] = get(m, EAX_32 + 4 * i, 4);
    s->dr[6] = get(m, DR6_32, 4);
    s->dr[7] = get(m, DR7_32, 4);
    s->nmi_masked = get(m, NMI_MASK_32, 1) & 1;
}

/* ---- entry ---- */

static void set_space(struct x86_cpu *cpu)
{
    struct address_space *normal = &cpu->cpu.machine->as;

    cpu->cpu.as = cpu->s.smm && cpu->smm_as ? cpu->smm_as : normal;
    guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
}

static void set_handler_segments(struct x86_cpu *cpu)
{
    uint32_t attr = X86_DESC_P | X86_DESC_S | X86_DESC_W | X86_DESC_A;

    for (unsigned n = 0; n < X86_SEGS; n++)
        x86_set_segment(cpu, n, 0, 0, UINT32_MAX, attr | X86_DESC_G);
    x86_set_segment(cpu, X86_CS, (uint32_t)cpu->s.smbase >> 4 & 0xffff, cpu->s.smbase, UINT32_MAX,
                    attr | X86_DESC_G);
}

/* Ref: SDM vol. 3, table 31-4 (registers in SMM). */
void x86_enter_smm(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;
    struct map m;

    memset(&m, 0, sizeof(m));
    s->smm = true;
    s->was_halted = cpu->cpu.halted;
    cpu->cpu.halted = false;
    set_space(cpu);
    if (x86_has(cpu, X86_F_LM))
        save_64(cpu, &m);
    else
        save_32(cpu, &m);
    if (!dma_write(cpu->cpu.as, s->smbase + SAVE_AREA + MAP, m.b, sizeof(m.b)))
        log_guest_error("cpu %u: SMI without memory at SMBASE 0x%x", cpu->cpu.index,
                        (unsigned)s->smbase);
    s->smi_count++;
    s->nmi_masked = true;
    s->shadow = s->shadow_ss = false;
    /* The 32-bit map has no place for EFER: what such processors have of it, NXE, stays. */
    if (x86_has(cpu, X86_F_LM))
        s->efer = 0;
    s->cr0 &= ~(uint64_t)(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG);
    s->cr4 = 0;
    s->dr[7] = 0x400;
    x86_set_eflags(cpu, X86_FL_1);
    x86_set_cpl(cpu, 0);
    set_handler_segments(cpu);
    x86_set_rip(cpu, ENTRY);
    set_space(cpu);
    x86_segments_changed(cpu);
}

/* ---- RSM ---- */

/* State that would shut a processor down.  Ref: SDM vol. 3, 31.4. */
static bool is_possible(const struct x86_cpu *cpu)
{
    const struct x86_state *s = &cpu->s;

    if ((s->cr0 & X86_CR0_PG) && !(s->cr0 & X86_CR0_PE))
        return false;
    if ((s->cr0 & X86_CR0_NW) && !(s->cr0 & X86_CR0_CD))
        return false;
    return !(s->cr4 & ~x86_cr4_allowed(cpu));
}

static void shut_down(struct x86_cpu *cpu)
{
    cpu->s.shutdown = true;
    cpu->cpu.halted = true;
    machine_request_reset(cpu->cpu.machine);
}

static unsigned restored_cpl(const struct x86_state *s)
{
    if (!(s->cr0 & X86_CR0_PE))
        return 0;
    return s->eflags & X86_FL_VM ? 3 : s->seg[X86_SS].attr >> X86_DESC_DPL_SHIFT & 3;
}

void x86_rsm(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;
    bool is_64 = x86_has(cpu, X86_F_LM);
    struct map m;

    memset(&m, 0xff, sizeof(m));
    if (!dma_read(cpu->cpu.as, s->smbase + SAVE_AREA + MAP, m.b, sizeof(m.b))) {
        shut_down(cpu);
        return;
    }
    if (is_64)
        load_64(cpu, &m);
    else
        load_32(cpu, &m);
    if (!is_possible(cpu)) {
        shut_down(cpu);
        return;
    }
    uint64_t rip = is_64 ? get(&m, RIP, 8) : get(&m, EIP_32, 4);
    bool restart_io = get(&m, is_64 ? IO_RESTART : IO_RESTART_32, 1) == 0xff;
    s->smbase = get(&m, is_64 ? SMBASE : SMBASE_32, 4);
    cpu->cpu.halted = get(&m, is_64 ? HALT_RESTART : HALT_32, 1) & 1;
    s->smm = false;
    s->cpl =
        (uint8_t)(x86_is_64(cpu) ? s->seg[X86_CS].attr >> X86_DESC_DPL_SHIFT & 3 : restored_cpl(s));
    if (x86_is_long(cpu) && (s->seg[X86_CS].attr & X86_DESC_L))
        cpu->base[X86_CS] = 0;
    x86_set_rip(cpu, rip);
    if (restart_io)
        cpu->pc = s->io_restart_pc;
    s->keep_rf = true;
    if ((s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !x86_is_long(cpu))
        (void)x86_load_pdptes(cpu, s->cr3);
    set_space(cpu);
    x86_segments_changed(cpu);
    x86_irq_reevaluate(cpu);
}
