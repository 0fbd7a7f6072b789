/*
 * A processor's registers as debuggers see them.
 *
 * Ref: GDB manual, G.5.6 (i386 features).  Which list it is depends on the machine's architecture
 * only; in 16- and 32-bit code of a 64-bit machine the upper halves are shown as they are kept.
 * rip is the offset in CS.
 */
#include "target/x86/cpu_priv.h"
#include "target/x86/x87.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { FEATURE_CORE, FEATURE_SSE, FEATURE_SEGMENTS, FEATURE_AVX, FEATURE_SYSTEM, FEATURES };

/* debug_reg.id: what it is, and which. */
enum reg_kind {
    DREG_GENERAL = 0x100,
    DREG_RIP = 0x200,
    DREG_FLAGS = 0x300,
    DREG_SELECTOR = 0x400,
    DREG_ST = 0x500,
    DREG_FLOAT_CONTROL = 0x600,
    DREG_XMM = 0x700,
    DREG_MXCSR = 0x800,
    DREG_BASE = 0x900,
    DREG_YMMH = 0xa00,
    DREG_CONTROL = 0xb00,
};
enum { CONTROL_KERNEL_GS = 16, CONTROL_EFER = 17 };

struct x86_debug_regs {
    struct debug_regs pub;
    GArray *regs; /* struct debug_reg */
};

static const char core_types[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    "<field name=\"\" start=\"22\" end=\"31\"/>"
    "<field name=\"ID\" start=\"21\" end=\"21\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
    "<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
    "<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
    "<field name=\"\" start=\"15\" end=\"15\"/><field name=\"NT\" start=\"14\" end=\"14\"/>"
    "<field name=\"IOPL\" start=\"12\" end=\"13\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
    "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
    "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
    "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"\" start=\"5\" end=\"5\"/>"
    "<field name=\"AF\" start=\"4\" end=\"4\"/><field name=\"\" start=\"3\" end=\"3\"/>"
    "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"\" start=\"1\" end=\"1\"/>"
    "<field name=\"CF\" start=\"0\" end=\"0\"/></flags>";
static const char sse_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
    "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
    "<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
    "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>";

static const struct debug_feature features[FEATURES] = {
    [FEATURE_CORE] = {"org.gnu.gdb.i386.core", core_types},
    [FEATURE_SSE] = {"org.gnu.gdb.i386.sse", sse_types},
    [FEATURE_SEGMENTS] = {"org.gnu.gdb.i386.segments", NULL},
    [FEATURE_AVX] = {"org.gnu.gdb.i386.avx", NULL},
    [FEATURE_SYSTEM] = {"org.gnu.gdb.i386.system", NULL},
};

/* ---- the list ---- */

static void add(struct x86_debug_regs *r, const char *name, const char *type, const char *group,
                unsigned id, unsigned bits, unsigned feature)
{
    struct debug_reg reg = {name, type, group, id, (uint16_t)bits, (uint8_t)feature};

    g_array_append_val(r->regs, reg);
}

/* rax rbx rcx rdx rsi rdi rbp rsp in gdb's order of 64 bits; eax ecx edx ebx esp ebp esi edi. */
static void add_general(struct x86_debug_regs *r, bool wide)
{
    static const char *const names64[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const uint8_t order64[] = {0, 3, 1, 2, 6, 7, 5, 4};
    static const char *const names32[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    unsigned bits = wide ? 64 : 32;

    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        unsigned n = wide && i < 8 ? order64[i] : i;
        bool is_data = n == 4 || n == 5;
        add(r, wide ? names64[i] : names32[i],
            is_data ? "data_ptr"
            : wide  ? "int64"
                    : "int32",
            "general", DREG_GENERAL | n, bits, FEATURE_CORE);
    }
    r->pub.pc = r->regs->len;
    add(r, wide ? "rip" : "eip", "code_ptr", "general", DREG_RIP, bits, FEATURE_CORE);
    add(r, "eflags", "i386_eflags", "general", DREG_FLAGS, 32, FEATURE_CORE);
}

static void add_selectors(struct x86_debug_regs *r)
{
    static const char *const names[] = {"cs", "ss", "ds", "es", "fs", "gs"};
    static const uint8_t order[] = {X86_CS, X86_SS, X86_DS, X86_ES, X86_FS, X86_GS};

    for (unsigned i = 0; i < 6; i++)
        add(r, names[i], "int32", "general", DREG_SELECTOR | order[i], 32, FEATURE_CORE);
}

static void add_float(struct x86_debug_regs *r)
{
    static const char *const st[] = {"st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"};
    static const char *const control[] = {"fctrl", "fstat", "ftag",  "fiseg",
                                          "fioff", "foseg", "fooff", "fop"};

    for (unsigned i = 0; i < 8; i++)
        add(r, st[i], "i387_ext", "float", DREG_ST | i, 80, FEATURE_CORE);
    for (unsigned i = 0; i < 8; i++)
        add(r, control[i], "int", "float", DREG_FLOAT_CONTROL | i, 32, FEATURE_CORE);
}

static void add_vector(struct x86_debug_regs *r, const struct x86_cpu *cpu, bool wide)
{
    static const char *const xmm[] = {"xmm0",  "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",
                                      "xmm6",  "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11",
                                      "xmm12", "xmm13", "xmm14", "xmm15"};
    static const char *const ymm[] = {"ymm0h",  "ymm1h",  "ymm2h",  "ymm3h", "ymm4h",  "ymm5h",
                                      "ymm6h",  "ymm7h",  "ymm8h",  "ymm9h", "ymm10h", "ymm11h",
                                      "ymm12h", "ymm13h", "ymm14h", "ymm15h"};
    unsigned n = wide ? 16 : 8;

    for (unsigned i = 0; i < n; i++)
        add(r, xmm[i], "vec128", "vector", DREG_XMM | i, 128, FEATURE_SSE);
    add(r, "mxcsr", "int", "vector", DREG_MXCSR, 32, FEATURE_SSE);
    if (wide) {
        add(r, "fs_base", "int", "general", DREG_BASE | X86_FS, 64, FEATURE_SEGMENTS);
        add(r, "gs_base", "int", "general", DREG_BASE | X86_GS, 64, FEATURE_SEGMENTS);
    }
    for (unsigned i = 0; x86_has(cpu, X86_F_AVX) && i < n; i++)
        add(r, ymm[i], "uint128", "vector", DREG_YMMH | i, 128, FEATURE_AVX);
}

static void add_system(struct x86_debug_regs *r, bool wide)
{
    unsigned bits = wide ? 64 : 32;

    if (wide)
        add(r, "k_gs_base", "int", "system", DREG_CONTROL | CONTROL_KERNEL_GS, 64, FEATURE_SYSTEM);
    add(r, "cr0", "int", "system", DREG_CONTROL | 0, bits, FEATURE_SYSTEM);
    add(r, "cr2", "int", "system", DREG_CONTROL | 2, bits, FEATURE_SYSTEM);
    add(r, "cr3", "int", "system", DREG_CONTROL | 3, bits, FEATURE_SYSTEM);
    add(r, "cr4", "int", "system", DREG_CONTROL | 4, bits, FEATURE_SYSTEM);
    add(r, "cr8", "int", "system", DREG_CONTROL | 8, bits, FEATURE_SYSTEM);
    add(r, "efer", "int", "system", DREG_CONTROL | CONTROL_EFER, bits, FEATURE_SYSTEM);
}

const struct debug_regs *x86_debug_regs(struct cpu *c)
{
    struct x86_cpu *cpu = x86(c);
    bool wide = c->ops == &x86_64_cpu_ops;

    if (cpu->debug_regs)
        return &cpu->debug_regs->pub;
    struct x86_debug_regs *r = g_new0(struct x86_debug_regs, 1);
    r->regs = g_array_new(FALSE, FALSE, sizeof(struct debug_reg));
    add_general(r, wide);
    add_selectors(r);
    add_float(r);
    r->pub.ngeneral = r->regs->len;
    add_vector(r, cpu, wide);
    add_system(r, wide);
    r->pub.arch = wide ? "i386:x86-64" : "i386";
    r->pub.feature = features;
    r->pub.nfeatures = FEATURES;
    r->pub.reg = (const struct debug_reg *)(void *)r->regs->data;
    r->pub.nregs = r->regs->len;
    cpu->debug_regs = r;
    return &r->pub;
}

void x86_debug_regs_free(struct x86_cpu *cpu)
{
    if (!cpu->debug_regs)
        return;
    g_array_free(cpu->debug_regs->regs, TRUE);
    g_free(cpu->debug_regs);
    cpu->debug_regs = NULL;
}

/* ---- values ---- */

static uint64_t float_control(const struct x86_cpu *cpu, unsigned n)
{
    switch (n) {
    case 0: return cpu->s.fcw;
    case 1: return x87_status(cpu);
    case 2: return x87_full_tags(cpu);
    case 3: return cpu->fcs;
    case 4: return (uint32_t)cpu->fip;
    case 5: return cpu->fds;
    case 6: return (uint32_t)cpu->fdp;
    default: return cpu->fop;
    }
}

static uint64_t control(struct x86_cpu *cpu, unsigned n)
{
    switch (n) {
    case 0: return cpu->s.cr0;
    case 2: return cpu->s.cr2;
    case 3: return cpu->s.cr3;
    case 4: return cpu->s.cr4;
    case 8: return x86_read_cr8(cpu);
    case CONTROL_KERNEL_GS: return cpu->s.kernel_gs_base;
    default: return cpu->s.efer;
    }
}

static uint64_t scalar(struct x86_cpu *cpu, unsigned kind, unsigned n)
{
    switch (kind) {
    case DREG_GENERAL: return cpu->r[n];
    case DREG_RIP: return x86_rip(cpu);
    case DREG_FLAGS: return x86_eflags(cpu);
    case DREG_SELECTOR: return cpu->s.seg[n].selector;
    case DREG_FLOAT_CONTROL: return float_control(cpu, n);
    case DREG_MXCSR: return x86_mxcsr(cpu);
    case DREG_BASE: return cpu->base[n];
    default: return control(cpu, n);
    }
}

bool x86_debug_reg_read(struct cpu *c, const struct debug_reg *reg, uint8_t *buf)
{
    struct x86_cpu *cpu = x86(c);
    unsigned kind = reg->id & 0xff00, n = reg->id & 0xff, st = (cpu->ftop + n) & 7;

    switch (kind) {
    case DREG_ST:
        st_le64(buf, cpu->fman[st]);
        st_le16(buf + 8, (uint16_t)cpu->fexp[st]);
        return true;
    case DREG_XMM: memcpy(buf, cpu->ymm[n][0].b, 16); return true;
    case DREG_YMMH: memcpy(buf, cpu->ymm[n][1].b, 16); return true;
    default: {
        uint64_t val = scalar(cpu, kind, n);
        memcpy(buf, &val, reg->bits / 8u);
        return true;
    }
    }
}

/* A selector is loaded as the mode has it, if its descriptor allows; privileges do not count. */
static bool set_selector(struct x86_cpu *cpu, unsigned n, uint32_t selector)
{
    struct x86_desc d;
    uint64_t addr, both = 0;
    gpa at;

    if (cpu->s.seg[n].selector == selector)
        return true;
    if (x86_is_paragraphs(cpu)) {
        uint64_t rip = x86_rip(cpu);
        x86_set_paragraph(cpu, n, selector);
        x86_set_rip(cpu, rip);
        x86_segments_changed(cpu);
        return true;
    }
    addr = (selector & 4 ? cpu->s.ldtr.base : cpu->s.gdtr.base) + (selector & 0xfff8);
    if (n == X86_CS || !x86_debug_translate(&cpu->cpu, addr, &at) ||
        !mem_peek(cpu->cpu.as, at, &both, 8))
        return false;
    d = (struct x86_desc){.lo = (uint32_t)both, .hi = both >> 32};
    if (!(d.hi & X86_DESC_P) || !(d.hi & X86_DESC_S))
        return false;
    x86_set_from_desc(cpu, n, selector, &d);
    x86_segments_changed(cpu);
    return true;
}

static bool set_flags(struct x86_cpu *cpu, uint32_t flags)
{
    uint32_t vm = cpu->s.eflags & X86_FL_VM;

    x86_set_eflags(cpu, (flags & ~(uint32_t)X86_FL_VM) | vm);
    x86_segments_changed(cpu);
    x86_irq_reevaluate(cpu);
    return true;
}

/* Control registers that decide about translation are for reading. */
static bool set_control(struct x86_cpu *cpu, unsigned n, uint64_t val)
{
    if (n == 2)
        cpu->s.cr2 = val;
    else if (n == CONTROL_KERNEL_GS && x86_is_canonical_register(cpu, val))
        cpu->s.kernel_gs_base = val;
    else
        return control(cpu, n) == val;
    return true;
}

static bool set_float_control(struct x86_cpu *cpu, unsigned n, uint32_t val)
{
    switch (n) {
    case 0: x87_set_control(cpu, val); break;
    case 1: x87_set_status(cpu, val); break;
    case 2:
        cpu->ftag = 0;
        for (unsigned i = 0; i < 8; i++)
            cpu->ftag |= (val >> 2 * i & 3) == 3 ? 1u << i : 0;
        break;
    case 3: cpu->fcs = (uint16_t)val; break;
    case 4: cpu->fip = val; break;
    case 5: cpu->fds = (uint16_t)val; break;
    case 6: cpu->fdp = val; break;
    default: cpu->fop = val & 0x7ff;
    }
    guest_mode_changed(&cpu->cpu);
    return true;
}

static bool set_scalar(struct x86_cpu *cpu, unsigned kind, unsigned n, uint64_t val)
{
    switch (kind) {
    case DREG_GENERAL: cpu->r[n] = val; return true;
    case DREG_RIP: x86_set_rip(cpu, val); return true;
    case DREG_FLAGS: return set_flags(cpu, (uint32_t)val);
    case DREG_SELECTOR: return set_selector(cpu, n, val & 0xffff);
    case DREG_FLOAT_CONTROL: return set_float_control(cpu, n, (uint32_t)val);
    case DREG_MXCSR: x86_set_mxcsr(cpu, (uint32_t)val); return true;
    case DREG_BASE:
        if (!x86_is_canonical_register(cpu, val))
            return false;
        cpu->base[n] = val;
        return true;
    default: return set_control(cpu, n, val);
    }
}

bool x86_debug_reg_write(struct cpu *c, const struct debug_reg *reg, const uint8_t *buf)
{
    struct x86_cpu *cpu = x86(c);
    unsigned kind = reg->id & 0xff00, n = reg->id & 0xff, st = (cpu->ftop + n) & 7;
    uint64_t val = 0;

    switch (kind) {
    case DREG_ST:
        cpu->fman[st] = ld_le64(buf);
        cpu->fexp[st] = ld_le16(buf + 8);
        return true;
    case DREG_XMM: memcpy(cpu->ymm[n][0].b, buf, 16); return true;
    case DREG_YMMH: memcpy(cpu->ymm[n][1].b, buf, 16); return true;
    default: memcpy(&val, buf, reg->bits / 8u); return set_scalar(cpu, kind, n, val);
    }
}
