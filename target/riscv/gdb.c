/*
 * A hart's registers as debuggers see them.  Ref: GDB manual, G.5.12 (RISC-V features); Priv. 2.2
 * (names of CSRs).
 *
 * The list depends on the hart's configuration only: registers that a mode or mstatus.FS hides from
 * software stay visible.
 */
#include "target/riscv/csr.h"

#include "accel/tcg/guest.h"
#include "target/riscv/cpu_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { FEATURE_CPU, FEATURE_FPU, FEATURE_CSR, FEATURE_VIRTUAL, FEATURE_COUNT };

/* debug_reg.id: what it is, and which. */
enum { REG_X = 0x10000, REG_F = 0x20000, REG_PC = 0x30000, REG_PRIV = 0x40000, REG_CSR = 0x50000 };
enum { REG_KIND = 0xf0000, REG_NUM = 0xffff };

struct rv_debug_regs {
    struct debug_regs pub;
    struct debug_feature features[FEATURE_COUNT];
    GArray *regs;          /* struct debug_reg */
    GStringChunk *strings; /* their names */
};

static const char double_type[] = "<union id=\"riscv_double\">"
                                  "<field name=\"float\" type=\"ieee_single\"/>"
                                  "<field name=\"double\" type=\"ieee_double\"/>"
                                  "</union>";

/* ---- the list ---- */

static void add(struct rv_debug_regs *r, struct debug_reg reg)
{
    g_array_append_val(r->regs, reg);
}

static void add_general(struct rv_debug_regs *r, const struct rv_cpu *cpu)
{
    static const char *const names[32] = {
        "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
    };
    unsigned n = rv_has(cpu, EXT_E) ? 16 : 32;

    for (unsigned i = 0; i < n; i++) {
        bool is_data = i >= 2 && (i <= 4 || i == 8); /* sp gp tp fp */
        const char *type = i == 1 ? "code_ptr" : is_data ? "data_ptr" : "int";
        add(r, (struct debug_reg){names[i], type, "general", REG_X | i, cpu->xlen, FEATURE_CPU});
    }
    r->pub.pc = n;
    add(r, (struct debug_reg){"pc", "code_ptr", "general", REG_PC, cpu->xlen, FEATURE_CPU});
    r->pub.ngeneral = n + 1;
}

static void add_float(struct rv_debug_regs *r, const struct rv_cpu *cpu)
{
    static const char *const names[32] = {
        "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
        "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
        "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
    };
    static const char *const status[] = {"fflags", "frm", "fcsr"};
    bool d = rv_has(cpu, EXT_D);

    if (!rv_has(cpu, EXT_F))
        return;
    for (unsigned i = 0; i < 32; i++)
        add(r, (struct debug_reg){names[i], d ? "riscv_double" : "ieee_single", "float", REG_F | i,
                                  d ? 64 : 32, FEATURE_FPU});
    for (unsigned i = 0; i < 3; i++)
        add(r, (struct debug_reg){status[i], "int", "float", REG_CSR | (CSR_FFLAGS + i), 32,
                                  FEATURE_FPU});
}

/* Names of registers that come in numbers. */
static const struct {
    uint16_t first, last;
    uint8_t number; /* of the first */
    const char *suffix;
} numbered[] = {
    {CSR_HPMCOUNTER3, CSR_HPMCOUNTER31, 3, ""},
    {CSR_HPMCOUNTER3H, CSR_HPMCOUNTER31H, 3, "h"},
    {CSR_SSTATEEN0, CSR_SSTATEEN3, 0, ""},
    {CSR_MSTATEEN0, CSR_MSTATEEN3, 0, ""},
    {CSR_MSTATEEN0H, CSR_MSTATEEN3H, 0, "h"},
    {CSR_MHPMEVENT3, CSR_MHPMEVENT31, 3, ""},
    {CSR_MHPMEVENT3H, CSR_MHPMEVENT31H, 3, "h"},
    {CSR_PMPCFG0, CSR_PMPCFG15, 0, ""},
    {CSR_PMPADDR0, CSR_PMPADDR63, 0, ""},
    {CSR_MHPMCOUNTER3, CSR_MHPMCOUNTER31, 3, ""},
    {CSR_MHPMCOUNTER3H, CSR_MHPMCOUNTER31H, 3, "h"},
};

static const char *csr_name(struct rv_debug_regs *r, unsigned num, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbered); i++) {
        if (num < numbered[i].first || num > numbered[i].last)
            continue;
        size_t stem = strlen(name) - strlen(numbered[i].suffix);
        g_autofree char *full =
            g_strdup_printf("%.*s%u%s", (int)stem, name,
                            num - numbered[i].first + numbered[i].number, numbered[i].suffix);
        return g_string_chunk_insert_const(r->strings, full);
    }
    return name;
}

static void add_csrs(struct rv_debug_regs *r, struct rv_cpu *cpu)
{
    for (unsigned num = CSR_FCSR + 1; num < CSR_COUNT; num++) {
        const char *name = rv_csr_name(cpu, num);
        if (name)
            add(r, (struct debug_reg){csr_name(r, num, name), "int", "csr", REG_CSR | num,
                                      cpu->xlen, FEATURE_CSR});
    }
}

static void build(struct cpu *c, void *arg UNUSED)
{
    struct rv_cpu *cpu = rv(c);
    struct rv_debug_regs *r = g_new0(struct rv_debug_regs, 1);

    r->features[FEATURE_CPU].name = "org.gnu.gdb.riscv.cpu";
    r->features[FEATURE_FPU].name = "org.gnu.gdb.riscv.fpu";
    r->features[FEATURE_FPU].types = rv_has(cpu, EXT_D) ? double_type : NULL;
    r->features[FEATURE_CSR].name = "org.gnu.gdb.riscv.csr";
    r->features[FEATURE_VIRTUAL].name = "org.gnu.gdb.riscv.virtual";
    r->regs = g_array_new(FALSE, FALSE, sizeof(struct debug_reg));
    r->strings = g_string_chunk_new(1024);
    add_general(r, cpu);
    add_float(r, cpu);
    add_csrs(r, cpu);
    add(r, (struct debug_reg){"priv", "int", "system", REG_PRIV, cpu->xlen, FEATURE_VIRTUAL});
    r->pub.arch = cpu->xlen == 32 ? "riscv:rv32" : "riscv:rv64";
    r->pub.feature = r->features;
    r->pub.nfeatures = FEATURE_COUNT;
    r->pub.reg = (const struct debug_reg *)(void *)r->regs->data;
    r->pub.nregs = r->regs->len;
    cpu->debug_regs = r;
}

const struct debug_regs *rv_debug_regs(struct cpu *cpu)
{
    if (!rv(cpu)->debug_regs)
        cpu_run_sync(cpu, build, NULL); /* it looks at CSRs, which are the vCPU's own */
    return &rv(cpu)->debug_regs->pub;
}

void rv_debug_regs_free(struct rv_cpu *cpu)
{
    if (!cpu->debug_regs)
        return;
    g_array_free(cpu->debug_regs->regs, TRUE);
    g_string_chunk_free(cpu->debug_regs->strings);
    g_free(cpu->debug_regs);
    cpu->debug_regs = NULL;
}

/* ---- values ---- */

bool rv_debug_reg_read(struct cpu *c, const struct debug_reg *reg, uint8_t *buf)
{
    struct rv_cpu *cpu = rv(c);
    unsigned n = reg->id & REG_NUM;
    uint64_t val = 0;

    switch (reg->id & REG_KIND) {
    case REG_X: val = n ? cpu->x[n] : 0; break;
    case REG_F: val = cpu->f[n]; break;
    case REG_PC: val = cpu->pc; break;
    case REG_PRIV: val = cpu->s.prv; break;
    default:
        if (!rv_csr_peek(cpu, n, &val))
            return false;
    }
    for (unsigned i = 0; i < reg->bits / 8u; i++)
        buf[i] = val >> 8 * i;
    return true;
}

static bool set_priv(struct rv_cpu *cpu, uint64_t prv)
{
    bool exists = prv == PRV_M || (prv == PRV_S && rv_has(cpu, EXT_S)) ||
                  (prv == PRV_U && rv_has(cpu, EXT_U));

    if (exists)
        rv_set_privilege(cpu, prv);
    return exists;
}

/* Software must save it, if it has FP on. */
static void set_f(struct rv_cpu *cpu, unsigned n, uint64_t val)
{
    cpu->f[n] = val;
    if (!(cpu->s.mstatus & MSTATUS_FS))
        return;
    cpu->s.mstatus |= MSTATUS_FS;
    guest_mode_changed(&cpu->cpu);
}

bool rv_debug_reg_write(struct cpu *c, const struct debug_reg *reg, const uint8_t *buf)
{
    struct rv_cpu *cpu = rv(c);
    unsigned n = reg->id & REG_NUM;
    uint64_t val = 0;

    for (unsigned i = 0; i < reg->bits / 8u; i++)
        val |= (uint64_t)buf[i] << 8 * i;
    switch (reg->id & REG_KIND) {
    case REG_X:
        if (n) /* x0 takes every value and stays 0 */
            cpu->x[n] = cpu->xlen == 32 ? (uint64_t)(int32_t)val : val;
        return true;
    case REG_F:
        set_f(cpu, n, reg->bits == 32 ? val | UINT64_C(0xffffffff) << 32 : val);
        return true;
    case REG_PC: cpu->pc = val & rv_epc_mask(cpu); return true;
    case REG_PRIV: return set_priv(cpu, val);
    default: return rv_csr_poke(cpu, n, val);
    }
}
