/*
 * A processor's registers as debuggers see them.  Ref: GDB manual, G.5.1 (AArch64 features) and
 * G.5.3 (ARM features).
 *
 * The list is that of the highest exception level's state: of a processor with AArch64 state,
 * programs in AArch32 state show their r0 to r14 as x0 to x14.
 */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"
#include "target/arm/sysreg.h"

#include <glib.h>
#include <string.h>

/* debug_reg.id: what it is, and which. */
enum {
    REG_X = 0x100, /* x0..x30, sp; r0..r14 */
    REG_V = 0x200,
    REG_D = 0x300,
    REG_PC = 0x400,
    REG_CPSR,
    REG_FPSR,
    REG_FPCR,
    REG_FPSCR,
    REG_PAC_LOW,
    REG_PAC_HIGH,
    REG_SYSTEM = 1 << 30,  /* a system register, by the numbers of its encoding */
    REG_SPECIAL = 1 << 28, /* of the M profile, by its number in MRS */
    REG_COPROC = 1 << 29,  /* of coprocessor 14 or 15: its place in coproc[] */
};
enum { REG_KIND = 0xf00, REG_NUM = 0xff, REG_KEY = 0x1ffffff };
enum { MAX_FEATURES = 4, SP = 31, R_SP = 13, R_LR = 14 };

struct arm_debug_regs {
    struct debug_regs pub;
    struct debug_feature features[MAX_FEATURES];
    GArray *regs; /* struct debug_reg */
};

/* System registers of a processor without AArch64 state. */
static const struct {
    const char *name;
    uint32_t key;
} coproc[] = {
    {"MIDR", A32_CP(15, 0, 0, 0, 0)},        {"CTR", A32_CP(15, 0, 0, 0, 1)},
    {"MPIDR", A32_CP(15, 0, 0, 0, 5)},       {"REVIDR", A32_CP(15, 0, 0, 0, 6)},
    {"ID_PFR0", A32_CP(15, 0, 0, 1, 0)},     {"ID_PFR1", A32_CP(15, 0, 0, 1, 1)},
    {"ID_DFR0", A32_CP(15, 0, 0, 1, 2)},     {"ID_AFR0", A32_CP(15, 0, 0, 1, 3)},
    {"ID_MMFR0", A32_CP(15, 0, 0, 1, 4)},    {"ID_MMFR1", A32_CP(15, 0, 0, 1, 5)},
    {"ID_MMFR2", A32_CP(15, 0, 0, 1, 6)},    {"ID_MMFR3", A32_CP(15, 0, 0, 1, 7)},
    {"ID_ISAR0", A32_CP(15, 0, 0, 2, 0)},    {"ID_ISAR1", A32_CP(15, 0, 0, 2, 1)},
    {"ID_ISAR2", A32_CP(15, 0, 0, 2, 2)},    {"ID_ISAR3", A32_CP(15, 0, 0, 2, 3)},
    {"ID_ISAR4", A32_CP(15, 0, 0, 2, 4)},    {"ID_ISAR5", A32_CP(15, 0, 0, 2, 5)},
    {"CCSIDR", A32_CP(15, 1, 0, 0, 0)},      {"CLIDR", A32_CP(15, 1, 0, 0, 1)},
    {"CSSELR", A32_CP(15, 2, 0, 0, 0)},      {"VPIDR", A32_CP(15, 4, 0, 0, 0)},
    {"VMPIDR", A32_CP(15, 4, 0, 0, 5)},      {"SCTLR", A32_CP(15, 0, 1, 0, 0)},
    {"ACTLR", A32_CP(15, 0, 1, 0, 1)},       {"CPACR", A32_CP(15, 0, 1, 0, 2)},
    {"SCR", A32_CP(15, 0, 1, 1, 0)},         {"SDER", A32_CP(15, 0, 1, 1, 1)},
    {"NSACR", A32_CP(15, 0, 1, 1, 2)},       {"HSCTLR", A32_CP(15, 4, 1, 0, 0)},
    {"HCR", A32_CP(15, 4, 1, 1, 0)},         {"HDCR", A32_CP(15, 4, 1, 1, 1)},
    {"HCPTR", A32_CP(15, 4, 1, 1, 2)},       {"HSTR", A32_CP(15, 4, 1, 1, 3)},
    {"TTBR0", A32_CP(15, 0, 2, 0, 0)},       {"TTBR1", A32_CP(15, 0, 2, 0, 1)},
    {"TTBCR", A32_CP(15, 0, 2, 0, 2)},       {"HTCR", A32_CP(15, 4, 2, 0, 2)},
    {"VTCR", A32_CP(15, 4, 2, 1, 2)},        {"HTTBR", A32_CP64(15, 4, 2)},
    {"VTTBR", A32_CP64(15, 6, 2)},           {"DACR", A32_CP(15, 0, 3, 0, 0)},
    {"DFSR", A32_CP(15, 0, 5, 0, 0)},        {"IFSR", A32_CP(15, 0, 5, 0, 1)},
    {"ADFSR", A32_CP(15, 0, 5, 1, 0)},       {"AIFSR", A32_CP(15, 0, 5, 1, 1)},
    {"HSR", A32_CP(15, 4, 5, 2, 0)},         {"DFAR", A32_CP(15, 0, 6, 0, 0)},
    {"IFAR", A32_CP(15, 0, 6, 0, 2)},        {"HDFAR", A32_CP(15, 4, 6, 0, 0)},
    {"HIFAR", A32_CP(15, 4, 6, 0, 2)},       {"HPFAR", A32_CP(15, 4, 6, 0, 4)},
    {"PAR", A32_CP(15, 0, 7, 4, 0)},         {"PRRR", A32_CP(15, 0, 10, 2, 0)},
    {"NMRR", A32_CP(15, 0, 10, 2, 1)},       {"VBAR", A32_CP(15, 0, 12, 0, 0)},
    {"MVBAR", A32_CP(15, 0, 12, 0, 1)},      {"HVBAR", A32_CP(15, 4, 12, 0, 0)},
    {"CONTEXTIDR", A32_CP(15, 0, 13, 0, 1)}, {"TPIDRURW", A32_CP(15, 0, 13, 0, 2)},
    {"TPIDRURO", A32_CP(15, 0, 13, 0, 3)},   {"TPIDRPRW", A32_CP(15, 0, 13, 0, 4)},
    {"HTPIDR", A32_CP(15, 4, 13, 0, 2)},     {"CBAR", A32_CP(15, 4, 15, 0, 0)},
    {"DBGDIDR", A32_CP(14, 0, 0, 0, 0)},     {"DBGDSCRext", A32_CP(14, 0, 0, 2, 2)},
    {"DBGVCR", A32_CP(14, 0, 0, 7, 0)},
};

static const char vector_types[] =
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v2u\" type=\"uint64\" count=\"2\"/><vector id=\"v2i\" type=\"int64\" "
    "count=\"2\"/>"
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v4u\" type=\"uint32\" count=\"4\"/><vector id=\"v4i\" type=\"int32\" "
    "count=\"4\"/>"
    "<vector id=\"v8f\" type=\"ieee_half\" count=\"8\"/>"
    "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/><vector id=\"v8i\" type=\"int16\" "
    "count=\"8\"/>"
    "<vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
    "<vector id=\"v16i\" type=\"int8\" count=\"16\"/>"
    "<union id=\"vnd\"><field name=\"f\" type=\"v2d\"/><field name=\"u\" type=\"v2u\"/>"
    "<field name=\"s\" type=\"v2i\"/></union>"
    "<union id=\"vns\"><field name=\"f\" type=\"v4f\"/><field name=\"u\" type=\"v4u\"/>"
    "<field name=\"s\" type=\"v4i\"/></union>"
    "<union id=\"vnh\"><field name=\"f\" type=\"v8f\"/><field name=\"u\" type=\"v8u\"/>"
    "<field name=\"s\" type=\"v8i\"/></union>"
    "<union id=\"vnb\"><field name=\"u\" type=\"v16u\"/><field name=\"s\" type=\"v16i\"/></union>"
    "<union id=\"vnq\"><field name=\"u\" type=\"uint128\"/><field name=\"s\" type=\"int128\"/>"
    "</union>"
    "<union id=\"aarch64v\"><field name=\"d\" type=\"vnd\"/><field name=\"s\" type=\"vns\"/>"
    "<field name=\"h\" type=\"vnh\"/><field name=\"b\" type=\"vnb\"/>"
    "<field name=\"q\" type=\"vnq\"/></union>";

static const char cpsr_type[] =
    "<flags id=\"cpsr_flags\" size=\"4\">"
    "<field name=\"SP\" start=\"0\" end=\"0\"/><field name=\"EL\" start=\"2\" end=\"3\"/>"
    "<field name=\"nRW\" start=\"4\" end=\"4\"/><field name=\"F\" start=\"6\" end=\"6\"/>"
    "<field name=\"I\" start=\"7\" end=\"7\"/><field name=\"A\" start=\"8\" end=\"8\"/>"
    "<field name=\"D\" start=\"9\" end=\"9\"/><field name=\"BTYPE\" start=\"10\" end=\"11\"/>"
    "<field name=\"SSBS\" start=\"12\" end=\"12\"/><field name=\"IL\" start=\"20\" end=\"20\"/>"
    "<field name=\"SS\" start=\"21\" end=\"21\"/><field name=\"PAN\" start=\"22\" end=\"22\"/>"
    "<field name=\"UAO\" start=\"23\" end=\"23\"/><field name=\"DIT\" start=\"24\" end=\"24\"/>"
    "<field name=\"TCO\" start=\"25\" end=\"25\"/><field name=\"V\" start=\"28\" end=\"28\"/>"
    "<field name=\"C\" start=\"29\" end=\"29\"/><field name=\"Z\" start=\"30\" end=\"30\"/>"
    "<field name=\"N\" start=\"31\" end=\"31\"/></flags>";

static const char neon_types[] =
    "<vector id=\"neon_uint8x8\" type=\"uint8\" count=\"8\"/>"
    "<vector id=\"neon_uint16x4\" type=\"uint16\" count=\"4\"/>"
    "<vector id=\"neon_uint32x2\" type=\"uint32\" count=\"2\"/>"
    "<vector id=\"neon_float32x2\" type=\"ieee_single\" count=\"2\"/>"
    "<union id=\"neon_d\"><field name=\"u8\" type=\"neon_uint8x8\"/>"
    "<field name=\"u16\" type=\"neon_uint16x4\"/><field name=\"u32\" type=\"neon_uint32x2\"/>"
    "<field name=\"u64\" type=\"uint64\"/><field name=\"f32\" type=\"neon_float32x2\"/>"
    "<field name=\"f64\" type=\"ieee_double\"/></union>"
    "<vector id=\"neon_uint8x16\" type=\"uint8\" count=\"16\"/>"
    "<vector id=\"neon_uint16x8\" type=\"uint16\" count=\"8\"/>"
    "<vector id=\"neon_uint32x4\" type=\"uint32\" count=\"4\"/>"
    "<vector id=\"neon_uint64x2\" type=\"uint64\" count=\"2\"/>"
    "<vector id=\"neon_float32x4\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"neon_float64x2\" type=\"ieee_double\" count=\"2\"/>"
    "<union id=\"neon_q\"><field name=\"u8\" type=\"neon_uint8x16\"/>"
    "<field name=\"u16\" type=\"neon_uint16x8\"/><field name=\"u32\" type=\"neon_uint32x4\"/>"
    "<field name=\"u64\" type=\"neon_uint64x2\"/><field name=\"f32\" type=\"neon_float32x4\"/>"
    "<field name=\"f64\" type=\"neon_float64x2\"/></union>";

/* ---- the list ---- */

static void add(struct arm_debug_regs *r, const char *name, const char *type, const char *group,
                unsigned id, unsigned bits)
{
    struct debug_reg reg = {name, type, group, id, bits, (uint8_t)(r->pub.nfeatures - 1)};

    g_array_append_val(r->regs, reg);
    r->pub.nregs = r->regs->len;
}

static void add_feature(struct arm_debug_regs *r, const char *name, const char *types)
{
    r->features[r->pub.nfeatures++] = (struct debug_feature){name, types};
}

static void add_general64(struct arm_debug_regs *r)
{
    static const char *const names[31] = {
        "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
        "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
        "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
    };

    add_feature(r, "org.gnu.gdb.aarch64.core", cpsr_type);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        add(r, names[i], "int", "general", REG_X | i, 64);
    add(r, "sp", "data_ptr", "general", REG_X | SP, 64);
    r->pub.pc = r->pub.nregs;
    add(r, "pc", "code_ptr", "general", REG_PC, 64);
    add(r, "cpsr", "cpsr_flags", "general", REG_CPSR, 32);
    r->pub.ngeneral = r->pub.nregs;
}

static void add_vector(struct arm_debug_regs *r)
{
    static const char *const names[32] = {
        "v0",  "v1",  "v2",  "v3",  "v4",  "v5",  "v6",  "v7",  "v8",  "v9",  "v10",
        "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21",
        "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31",
    };

    add_feature(r, "org.gnu.gdb.aarch64.fpu", vector_types);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        add(r, names[i], "aarch64v", "vector", REG_V | i, 128);
    add(r, "fpsr", "int", "float", REG_FPSR, 32);
    add(r, "fpcr", "int", "float", REG_FPCR, 32);
}

static void add_general32(struct arm_debug_regs *r, bool is_m)
{
    static const char *const names[13] = {"r0", "r1", "r2", "r3",  "r4",  "r5", "r6",
                                          "r7", "r8", "r9", "r10", "r11", "r12"};

    add_feature(r, is_m ? "org.gnu.gdb.arm.m-profile" : "org.gnu.gdb.arm.core", NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        add(r, names[i], "uint32", "general", REG_X | i, 32);
    add(r, "sp", "data_ptr", "general", REG_X | R_SP, 32);
    add(r, "lr", "int", "general", REG_X | R_LR, 32);
    r->pub.pc = r->pub.nregs;
    add(r, "pc", "code_ptr", "general", REG_PC, 32);
    add(r, is_m ? "xpsr" : "cpsr", "int", "general", REG_CPSR, 32);
    r->pub.ngeneral = r->pub.nregs;
}

/* Ref: DDI 0403, B5.2.2 (MRS), SYSm; DDI 0553. */
static void add_special(struct arm_debug_regs *r, const struct arm_m *m)
{
    enum { MSP = 8, PSP, MSPLIM, PSPLIM, PRIMASK = 16, BASEPRI, FAULTMASK = 19, CONTROL };
    add_feature(r, "org.gnu.gdb.arm.m-system", NULL);
    add(r, "msp", "data_ptr", "system", REG_SPECIAL | MSP, 32);
    add(r, "psp", "data_ptr", "system", REG_SPECIAL | PSP, 32);
    add(r, "primask", "int", "system", REG_SPECIAL | PRIMASK, 32);
    add(r, "control", "int", "system", REG_SPECIAL | CONTROL, 32);
    if (m->is_main) {
        add(r, "basepri", "int", "system", REG_SPECIAL | BASEPRI, 32);
        add(r, "faultmask", "int", "system", REG_SPECIAL | FAULTMASK, 32);
    }
    if (m->is_main && m->version >= 8) {
        add(r, "msplim", "data_ptr", "system", REG_SPECIAL | MSPLIM, 32);
        add(r, "psplim", "data_ptr", "system", REG_SPECIAL | PSPLIM, 32);
    }
}

static void add_quads(struct arm_debug_regs *r)
{
    static const char *const names[16] = {
        "q0", "q1", "q2",  "q3",  "q4",  "q5",  "q6",  "q7",
        "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        add(r, names[i], "neon_q", "vector", REG_V | i, 128);
}

static void add_vfp(struct arm_debug_regs *r, bool has_32, bool has_neon)
{
    static const char *const names[32] = {
        "d0",  "d1",  "d2",  "d3",  "d4",  "d5",  "d6",  "d7",  "d8",  "d9",  "d10",
        "d11", "d12", "d13", "d14", "d15", "d16", "d17", "d18", "d19", "d20", "d21",
        "d22", "d23", "d24", "d25", "d26", "d27", "d28", "d29", "d30", "d31",
    };
    const char *type = has_neon ? "neon_d" : "ieee_double";

    add_feature(r, "org.gnu.gdb.arm.vfp", has_neon ? neon_types : NULL);
    for (unsigned i = 0; i < (has_32 ? 32 : 16); i++)
        add(r, names[i], type, "float", REG_D | i, 64);
    add(r, "fpscr", "int", "float", REG_FPSCR, 32);
    if (has_neon)
        add_quads(r);
}

/* Registers in numbers, of which there are fewer here; SP_EL0 is not named while it is in use. */
static bool is_there(const struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return r->key == ARM_SYSREG_SP_EL0 || !r->check || r->check(cpu, r, false) != ARM_UNDEFINED;
}

/* All that the processor has, whatever its exception level and traps. */
static void add_system(struct arm_debug_regs *r, struct arm_cpu *cpu)
{
    const struct arm_sysreg *reg;
    uint64_t val;

    for (size_t n = 0; (reg = arm_sysreg_row(n)); n++)
        if (arm_sysreg_peek(cpu, reg, &val) && is_there(cpu, reg))
            add(r, reg->name, "int", "cp_regs", REG_SYSTEM | reg->key, 64);
}

static void add_coprocessor(struct arm_debug_regs *r, struct arm_cpu *cpu)
{
    uint64_t val;

    for (unsigned i = 0; i < ARRAY_SIZE(coproc); i++)
        if (arm_a32_cp_peek(cpu, coproc[i].key, &val))
            add(r, coproc[i].name, "int", "cp_regs", REG_COPROC | i,
                coproc[i].key & A32_CP_64 ? 64 : 32);
}

static void add_pauth(struct arm_debug_regs *r)
{
    add_feature(r, "org.gnu.gdb.aarch64.pauth_v2", NULL);
    add(r, "pauth_dmask", "int", "system", REG_PAC_LOW, 64);
    add(r, "pauth_cmask", "int", "system", REG_PAC_LOW, 64);
    add(r, "pauth_dmask_high", "int", "system", REG_PAC_HIGH, 64);
    add(r, "pauth_cmask_high", "int", "system", REG_PAC_HIGH, 64);
}

/* Those that are not for programs. */
static void add_more(struct arm_cpu *cpu, struct arm_debug_regs *r)
{
    if (arm_is_m(cpu)) {
        add_special(r, &cpu->m);
        return;
    }
    if (arm_has(cpu, ARM_F_PAUTH))
        add_pauth(r);
    add_feature(r, "org.qemu.gdb.arm.sys.regs", NULL);
    if (arm_has(cpu, ARM_F_AARCH64))
        add_system(r, cpu);
    else
        add_coprocessor(r, cpu);
}

static void build(struct arm_cpu *cpu, struct arm_debug_regs *r)
{
    bool is64 = arm_has(cpu, ARM_F_AARCH64);

    r->pub.arch = is64 ? "aarch64" : "arm";
    if (is64)
        add_general64(r);
    else
        add_general32(r, arm_is_m(cpu));
    if (arm_has(cpu, ARM_F_VFP)) {
        if (is64)
            add_vector(r);
        else
            add_vfp(r, arm_has(cpu, ARM_F_VFP_D32), arm_has(cpu, ARM_F_NEON));
    }
    add_more(cpu, r);
    r->pub.feature = r->features;
    r->pub.reg = (const struct debug_reg *)(void *)r->regs->data;
}

/* On the vCPU's thread: it looks at registers. */
static void make(struct cpu *c, void *arg UNUSED)
{
    struct arm_debug_regs *r = g_new0(struct arm_debug_regs, 1);

    r->regs = g_array_new(FALSE, FALSE, sizeof(struct debug_reg));
    build(arm(c), r);
    arm(c)->debug_regs = r;
}

const struct debug_regs *arm_debug_regs(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);

    if (!cpu->debug_regs)
        cpu_run_sync(c, make, NULL);
    return &cpu->debug_regs->pub;
}

void arm_debug_regs_free(struct arm_cpu *cpu)
{
    if (!cpu->debug_regs)
        return;
    g_array_free(cpu->debug_regs->regs, TRUE);
    g_free(cpu->debug_regs);
    cpu->debug_regs = NULL;
}

/* ---- values ---- */

uint64_t arm_pac_mask(const struct arm_cpu *cpu)
{
    unsigned size = 64 - (unsigned)(cpu->s.tcr_el[1] & 63);

    return size < 55 ? MASK64(size, 55 - size) : 0;
}

/* FPSCR: what FPSR and FPCR have, and the flags of AArch32 comparisons.  Ref: the manual, FPSCR. */
static uint32_t fpscr(struct arm_cpu *cpu)
{
    if (arm_is_m(cpu))
        return arm_m_fpscr(cpu);
    return arm_fpsr(cpu) | cpu->s.fpcr;
}

static uint64_t word(struct arm_cpu *cpu, unsigned id)
{
    switch (id) {
    case REG_PC: return cpu->pc;
    case REG_CPSR: return arm_is_m(cpu) ? arm_m_xpsr(cpu) : arm_spsr_from_pstate(cpu);
    case REG_FPSR: return arm_fpsr(cpu);
    case REG_FPCR: return cpu->s.fpcr;
    case REG_FPSCR: return fpscr(cpu);
    case REG_PAC_LOW:
    case REG_PAC_HIGH: return arm_pac_mask(cpu);
    default: return cpu->x[id & REG_NUM];
    }
}

static bool read_system(struct arm_cpu *cpu, uint32_t id, uint64_t *val)
{
    if (id & REG_SPECIAL) {
        *val = arm_m_debug_read(cpu, id & REG_NUM);
        return true;
    }
    if (id & REG_COPROC)
        return arm_a32_cp_peek(cpu, coproc[id & REG_KEY].key, val);
    arm_sp_out(cpu); /* one of SP_ELx is in use */
    return arm_sysreg_peek(cpu, arm_sysreg_find(id & REG_KEY), val);
}

static bool write_system(struct arm_cpu *cpu, uint32_t id, uint64_t val)
{
    if (id & REG_SPECIAL) {
        arm_m_debug_write(cpu, id & REG_NUM, (uint32_t)val);
        return true;
    }
    if (id & REG_COPROC)
        return arm_a32_cp_poke(cpu, coproc[id & REG_KEY].key, val);
    arm_sp_out(cpu);
    bool ok = arm_sysreg_poke(cpu, arm_sysreg_find(id & REG_KEY), val);
    arm_sp_in(cpu);
    return ok;
}

bool arm_debug_reg_read(struct cpu *c, const struct debug_reg *reg, uint8_t *buf)
{
    struct arm_cpu *cpu = arm(c);
    unsigned n = reg->id & REG_NUM;
    uint64_t val;

    if (reg->id & (REG_SYSTEM | REG_COPROC | REG_SPECIAL)) {
        if (!read_system(cpu, reg->id, &val))
            return false;
        reg->bits == 32 ? st_le32(buf, (uint32_t)val) : st_le64(buf, val);
        return true;
    }
    switch (reg->id & REG_KIND) {
    case REG_V:
        st_le64(buf, cpu->v[n].d[0]);
        st_le64(buf + 8, cpu->v[n].d[1]);
        return true;
    case REG_D: st_le64(buf, cpu->v[n / 2].d[n % 2]); return true;
    }
    if (reg->bits == 32)
        st_le32(buf, (uint32_t)word(cpu, reg->id));
    else
        st_le64(buf, word(cpu, reg->id));
    return true;
}

/* Flags and masks; what the processor is (exception level, mode, state) stays. */
static void set_cpsr(struct arm_cpu *cpu, uint32_t val)
{
    struct arm_pstate *p = &cpu->s.ps;

    if (arm_is_m(cpu)) {
        arm_m_set_xpsr(cpu, val);
        arm_m_changed(cpu);
        return;
    }
    cpu->flags = arm_flags_from_nzcv(val);
    if (p->a32) {
        cpu->qf = val >> 27 & 1;
        cpu->ge = val >> 16 & 15;
        p->it = (uint8_t)((val >> 8 & 0xfc) | (val >> 25 & 3));
        p->be = val >> 9 & 1;
        p->thumb = val >> 5 & 1;
        p->daif = (p->daif & 8) | (val >> 6 & 7);
    } else {
        p->btype = val >> 10 & 3;
        cpu->btype_pc = cpu->pc;
        p->daif = val >> 6 & 15;
    }
    arm_state_changed(cpu);
}

static bool set_word(struct arm_cpu *cpu, unsigned id, uint64_t val)
{
    switch (id) {
    case REG_PC: cpu->cpu.ops->set_pc(&cpu->cpu, val); return true;
    case REG_CPSR: set_cpsr(cpu, (uint32_t)val); return true;
    case REG_FPSR: arm_set_fpsr(cpu, (uint32_t)val); return true;
    case REG_FPCR: arm_set_fpcr(cpu, (uint32_t)val); return true;
    case REG_FPSCR:
        if (arm_is_m(cpu)) {
            arm_m_set_fpscr(cpu, (uint32_t)val);
            return true;
        }
        arm_set_fpsr(cpu, (uint32_t)val);
        arm_set_fpcr(cpu, (uint32_t)val);
        return true;
    case REG_PAC_LOW:
    case REG_PAC_HIGH: return false;
    default: cpu->x[id & REG_NUM] = val; return true;
    }
}

bool arm_debug_reg_write(struct cpu *c, const struct debug_reg *reg, const uint8_t *buf)
{
    struct arm_cpu *cpu = arm(c);
    unsigned n = reg->id & REG_NUM;

    if (reg->id & (REG_SYSTEM | REG_COPROC | REG_SPECIAL))
        return write_system(cpu, reg->id, reg->bits == 32 ? ld_le32(buf) : ld_le64(buf));
    switch (reg->id & REG_KIND) {
    case REG_V:
        cpu->v[n].d[0] = ld_le64(buf);
        cpu->v[n].d[1] = ld_le64(buf + 8);
        return true;
    case REG_D: cpu->v[n / 2].d[n % 2] = ld_le64(buf); return true;
    }
    return set_word(cpu, reg->id, reg->bits == 32 ? ld_le32(buf) : ld_le64(buf));
}
