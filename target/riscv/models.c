/* CPU models and the properties of -cpu MODEL,key=value,...  Ref: Volume II 1.2 (spec versions);
 * RISC-V Profiles, RVA22. */
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

/* clang-format off */
#define B(e)     RV_EXT_BIT(EXT_##e)
#define BASE_IMA (B(I) | B(M) | B(A) | B(ZICSR) | B(ZIFENCEI))
#define MODES    (B(S) | B(U))
#define COUNTERS (B(ZICNTR) | B(ZIHPM))
#define GENERIC  (BASE_IMA | B(F) | B(D) | B(C) | MODES | COUNTERS | \
                  B(ZICOND) | B(ZICBOM) | B(ZICBOP) | B(ZICBOZ) | B(ZIHINTPAUSE) | B(ZIHINTNTL) | B(ZIMOP) | \
                  B(ZACAS) | B(ZAWRS) | B(ZFA) | B(ZCB) | B(ZCMOP) | B(ZBA) | B(ZBB) | B(ZBC) | B(ZBS) | \
                  B(SSTC) | B(SVADU) | B(SVINVAL) | B(SVNAPOT) | B(SVPBMT))
#define PROMISES (B(ZIC64B) | B(ZICCAMOA) | B(ZICCIF) | B(ZICCLSM) | B(ZICCRSE) | B(ZA64RS) | B(ZKT) | \
                  B(SSCCPTR) | B(SSCOUNTERENW) | B(SSTVALA) | B(SSTVECD) | B(SSU64XL) | B(SVBARE))
#define RVA22U   (BASE_IMA | B(F) | B(D) | B(C) | B(U) | COUNTERS | B(ZICCIF) | B(ZICCRSE) | B(ZICCAMOA) | \
                  B(ZICCLSM) | B(ZA64RS) | B(ZIHINTPAUSE) | B(ZBA) | B(ZBB) | B(ZBS) | B(ZIC64B) | B(ZICBOM) | \
                  B(ZICBOP) | B(ZICBOZ) | B(ZFHMIN) | B(ZKT))
#define RVA22S   (RVA22U | B(S) | B(SVBARE) | B(SVADE) | B(SSCCPTR) | B(SSTVECD) | B(SSTVALA) | \
                  B(SSCOUNTERENW) | B(SVPBMT) | B(SVINVAL))
/* clang-format on */

enum { SIFIVE = 0x489, ROCKET = 1, DEFAULT_PMP = 16, DEFAULT_BLOCK = 64, DEFAULT_HPM = 16 };

static const struct rv_model models[] = {
    {"rv64", "generic 64-bit hart", 64, SATP_SV48, DEFAULT_PMP, false, RV_PRIV_1_13, GENERIC, 0, 0},
    {"rv32", "generic 32-bit hart", 32, SATP_SV32, DEFAULT_PMP, false, RV_PRIV_1_13, GENERIC, 0, 0},
    {"max", "everything there is, 64 bits", 64, SATP_SV57, RV_PMP_MAX, false, RV_PRIV_1_13,
     GENERIC | PROMISES | B(ZFH) | B(ZFHMIN) | B(SMSTATEEN), 0, 0},
    {"max", "everything there is, 32 bits", 32, SATP_SV32, RV_PMP_MAX, false, RV_PRIV_1_13,
     GENERIC | PROMISES | B(ZFH) | B(ZFHMIN) | B(SMSTATEEN), 0, 0},
    {"max32", "everything there is, 32 bits", 32, SATP_SV32, RV_PMP_MAX, false, RV_PRIV_1_13,
     GENERIC | PROMISES | B(ZFH) | B(ZFHMIN) | B(SMSTATEEN), 0, 0},
    {"rv64i", "bare 64-bit hart: add what is needed", 64, 0, 0, true, RV_PRIV_1_13, B(I), 0, 0},
    {"rv64e", "bare 64-bit hart with 16 registers", 64, 0, 0, true, RV_PRIV_1_13, B(E), 0, 0},
    {"rv32i", "bare 32-bit hart: add what is needed", 32, 0, 0, true, RV_PRIV_1_13, B(I), 0, 0},
    {"rv32e", "bare 32-bit hart with 16 registers", 32, 0, 0, true, RV_PRIV_1_13, B(E), 0, 0},
    {"rva22u64", "profile RVA22, user mode", 64, 0, DEFAULT_PMP, true, RV_PRIV_1_12, RVA22U, 0, 0},
    {"rva22s64", "profile RVA22, supervisor mode", 64, SATP_SV39, DEFAULT_PMP, false, RV_PRIV_1_12,
     RVA22S, 0, 0},
    {"sifive-e31", "SiFive E31 core", 32, 0, 8, false, RV_PRIV_1_10,
     BASE_IMA | B(C) | B(U) | COUNTERS, SIFIVE, ROCKET},
    {"sifive-e34", "SiFive E34 core", 32, 0, 8, false, RV_PRIV_1_10,
     BASE_IMA | B(F) | B(C) | B(U) | COUNTERS, SIFIVE, ROCKET},
    {"sifive-e51", "SiFive E51 core", 64, 0, 8, false, RV_PRIV_1_10,
     BASE_IMA | B(C) | B(U) | COUNTERS, SIFIVE, ROCKET},
    {"sifive-u34", "SiFive U34 core", 32, SATP_SV32, 8, false, RV_PRIV_1_10,
     BASE_IMA | B(F) | B(D) | B(C) | MODES | COUNTERS, SIFIVE, ROCKET},
    {"sifive-u54", "SiFive U54 core", 64, SATP_SV39, 8, false, RV_PRIV_1_10,
     BASE_IMA | B(F) | B(D) | B(C) | MODES | COUNTERS, SIFIVE, ROCKET},
};

/* Properties besides extensions. */
static const struct {
    const char *name, *kind, *help;
} props[] = {
    {"b", "bool", "zba, zbb and zbs at once"},
    {"g", "bool", "i, m, a, f, d, zicsr and zifencei at once"},
    {"sv32", "bool", "satp mode Sv32; off: no translation"},
    {"sv39", "bool", "satp modes up to Sv39; off: no translation"},
    {"sv48", "bool", "satp modes up to Sv48; off: up to Sv39"},
    {"sv57", "bool", "satp modes up to Sv57; off: up to Sv48"},
    {"mmu", "bool", "address translation"},
    {"pmp", "bool", "physical memory protection"},
    {"num-pmp-regions", "uint8", "entries of physical memory protection, 0 to 64"},
    {"pmu-num", "uint8", "hardware performance counters, 0 to 29"},
    {"priv_spec", "str", "privileged specification: v1.10.0, v1.11.0, v1.12.0 or v1.13.0"},
    {"cbom_blocksize", "uint16", "bytes of the blocks that cbo.clean, flush and inval work on"},
    {"cboz_blocksize", "uint16", "bytes of the blocks that cbo.zero works on"},
    {"marchid", "uint64", "value of the marchid register"},
    {"mvendorid", "uint32", "value of the mvendorid register"},
    {"mimpid", "uint64", "value of the mimpid register"},
    {"resetvec", "uint64", "pc after reset"},
    {"vlen", "uint16", "bits of a vector register (needs v)"},
    {"elen", "uint16", "bits of the largest vector element (needs v)"},
    {"vext_spec", "str", "vector specification (needs v)"},
};

/* ---- lookup ---- */

/* "max" exists in both widths: the machine's is preferred. */
static const struct rv_model *find_model(const char *name, unsigned xlen)
{
    const struct rv_model *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (!strcmp(models[i].name, name) && (!found || models[i].xlen == xlen))
            found = &models[i];
    return found;
}

static void unknown_model(const char *name, struct error **errp)
{
    const char *names[ARRAY_SIZE(models) + 1] = {NULL};

    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        names[i] = models[i].name;
    if (g_str_has_prefix(name, "rva23")) {
        error_set(errp,
                  "CPU model '%s' needs the vector and hypervisor extensions, which are not "
                  "implemented yet; the nearest is 'rva22%s'",
                  name, strstr(name, "u64") ? "u64" : "s64");
        return;
    }
    const char *near = nearest_name(name, names);
    error_set(errp, "unknown CPU model '%s'", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-cpu help' lists them)");
}

/* A 32-bit machine has 32-bit harts; a 64-bit one may have either. */
static const struct rv_model *get_model(const char *name, bool is32, struct error **errp)
{
    const struct rv_model *m = find_model(name, is32 ? 32 : 64);

    if (!m)
        unknown_model(name, errp);
    else if (is32 && m->xlen != 32)
        error_set(errp, "CPU model '%s' has 64 bits, the machine 32; wanted one such as 'rv32'",
                  name);
    else
        return m;
    return NULL;
}

/* ---- properties ---- */

struct config {
    struct rv_cpu *cpu;
    const struct rv_model *model;
    struct opts *opts;
    struct rv_ext_request req;
};

/* "+zba" and "-zba" are "zba=on" and "zba=off"; names are those of the ISA string, in any case. */
static void normalize_keys(struct opts *o)
{
    for (size_t i = 1; i < o->n; i++) {
        struct opt_pair *p = &o->pair[i];
        char sign = p->bare ? p->key[0] : 0;
        for (char *c = p->key; *c; c++)
            *c = g_ascii_tolower(*c);
        if (sign != '+' && sign != '-')
            continue;
        memmove(p->key, p->key + 1, strlen(p->key));
        g_free(p->value);
        p->value = g_strdup(sign == '+' ? "on" : "off");
    }
}

/* A boolean that stands for a set of extensions. */
static bool get_set(struct config *c, const char *name, uint64_t set, struct error **errp)
{
    bool on;

    if (!opts_get(c->opts, name, NULL))
        return true;
    if (!opts_get_bool(c->opts, name, false, &on, errp))
        return false;
    c->req.on = on ? c->req.on | set : c->req.on & ~set;
    c->req.off = on ? c->req.off & ~set : c->req.off | set;
    return true;
}

/* Single extensions come after the groups, so that "b=on,zbs=off" means what it says. */
static bool get_extensions(struct config *c, struct error **errp)
{
    enum rv_ext e;
    const char *name, *help;

    if (!get_set(c, "g", BASE_IMA | B(F) | B(D), errp) ||
        !get_set(c, "b", B(ZBA) | B(ZBB) | B(ZBS), errp))
        return false;
    for (size_t i = 0; rv_ext_row(i, &e, &name, &help); i++)
        if (!get_set(c, name, RV_EXT_BIT(e), errp))
            return false;
    return true;
}

static bool get_priv_spec(struct config *c, struct error **errp)
{
    static const struct {
        const char *name;
        unsigned value;
    } specs[] = {{"v1.10.0", RV_PRIV_1_10},
                 {"v1.11.0", RV_PRIV_1_11},
                 {"v1.12.0", RV_PRIV_1_12},
                 {"v1.13.0", RV_PRIV_1_13}};
    const char *text = opts_get(c->opts, "priv_spec", NULL);

    c->cpu->priv_spec = c->model->priv_spec;
    if (!text)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
        if (!strcmp(text, specs[i].name)) {
            c->cpu->priv_spec = specs[i].value;
            return true;
        }
    error_set(errp, "priv_spec: wanted v1.10.0, v1.11.0, v1.12.0 or v1.13.0, found '%s'", text);
    return false;
}

static bool refuse_vector(struct config *c, struct error **errp)
{
    static const char *const names[] = {"vlen", "elen", "vext_spec"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (opts_get(c->opts, names[i], NULL)) {
            error_set(errp, "%s needs the vector extension v, which is not implemented yet",
                      names[i]);
            return false;
        }
    return true;
}

/* Modes from small to large; a mode includes the smaller ones. */
static const struct satp_mode {
    const char *name;
    uint8_t mode, xlen, below; /* below: what is left when it is off */
} satp_modes[] = {
    {"sv32", SATP_SV32, 32, SATP_BARE},
    {"sv39", SATP_SV39, 64, SATP_BARE},
    {"sv48", SATP_SV48, 64, SATP_SV39},
    {"sv57", SATP_SV57, 64, SATP_SV48},
};

/* The largest mode that was switched on wins; else the smallest that was switched off limits. */
static bool get_satp_mode(struct config *c, unsigned *mode, struct error **errp)
{
    const struct satp_mode *top = NULL, *limit = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(satp_modes); i++) {
        const struct satp_mode *m = &satp_modes[i];
        bool on;
        if (!opts_get(c->opts, m->name, NULL))
            continue;
        if (!opts_get_bool(c->opts, m->name, false, &on, errp))
            return false;
        if (on && m->xlen != c->model->xlen) {
            error_set(errp, "%s exists on RV%u only", m->name, m->xlen);
            return false;
        }
        if (on)
            top = m;
        else if (!limit && m->xlen == c->model->xlen)
            limit = m;
    }
    if (top && limit && limit < top) {
        error_set(errp, "%s=on includes %s, which is off", top->name, limit->name);
        return false;
    }
    if (top)
        *mode = top->mode;
    else if (limit)
        *mode = MIN(*mode, limit->below);
    return true;
}

static bool get_mmu(struct config *c, struct error **errp)
{
    unsigned mode = c->model->satp_mode;
    bool mmu;

    if (c->model->is_bare && (c->req.on & B(S)))
        mode = c->model->xlen == 32 ? SATP_SV32 : SATP_SV39;
    if (!get_satp_mode(c, &mode, errp) ||
        !opts_get_bool(c->opts, "mmu", mode != SATP_BARE, &mmu, errp))
        return false;
    if (mmu && !mode)
        mode = c->model->xlen == 32 ? SATP_SV32 : SATP_SV39;
    c->cpu->max_satp_mode = mmu ? mode : SATP_BARE;
    c->cpu->asid_mask = c->model->xlen == 32 ? 0x1ff : 0xffff;
    return true;
}

static bool get_pmp(struct config *c, struct error **errp)
{
    uint64_t count, fallback = c->model->pmp_count;
    bool pmp;

    if (!opts_get_bool(c->opts, "pmp", fallback != 0, &pmp, errp))
        return false;
    if (pmp && !fallback)
        fallback = DEFAULT_PMP;
    if (!opts_get_uint(c->opts, "num-pmp-regions", RV_PMP_MAX, fallback, &count, errp))
        return false;
    c->cpu->pmp_count = pmp ? (unsigned)count : 0;
    return true;
}

static bool get_block_size(struct config *c, const char *name, unsigned *out, struct error **errp)
{
    enum { MIN_BLOCK = 4, MAX_BLOCK = 4096 };
    uint64_t size;

    if (!opts_get_uint(c->opts, name, MAX_BLOCK, DEFAULT_BLOCK, &size, errp))
        return false;
    if (!is_pow2(size) || size < MIN_BLOCK) {
        error_set(errp, "%s: wanted a power of two from %d to %d, found %u", name, MIN_BLOCK,
                  MAX_BLOCK, (unsigned)size);
        return false;
    }
    *out = (unsigned)size;
    return true;
}

static bool get_numbers(struct config *c, struct error **errp)
{
    struct rv_cpu *cpu = c->cpu;
    uint64_t hpm;

    if (!opts_get_uint(c->opts, "mvendorid", UINT32_MAX, c->model->vendorid, &cpu->vendorid,
                       errp) ||
        !opts_get_uint(c->opts, "marchid", UINT64_MAX, c->model->archid, &cpu->archid, errp) ||
        !opts_get_uint(c->opts, "mimpid", UINT64_MAX, 0, &cpu->impid, errp) ||
        !opts_get_uint(c->opts, "resetvec", UINT64_MAX, cpu->reset_pc, &cpu->reset_pc, errp) ||
        !opts_get_uint(c->opts, "pmu-num", 29, DEFAULT_HPM, &hpm, errp))
        return false;
    cpu->hpm_mask = (uint32_t)(BIT64(RV_HPM_FIRST + hpm) - BIT64(RV_HPM_FIRST));
    return get_block_size(c, "cbom_blocksize", &cpu->cbom_size, errp) &&
           get_block_size(c, "cboz_blocksize", &cpu->cboz_size, errp);
}

static bool check_names(struct config *c, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    enum rv_ext e;
    const char *name, *help;

    for (size_t i = 0; rv_ext_row(i, &e, &name, &help); i++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)name);
    for (size_t i = 0; i < ARRAY_SIZE(props); i++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)props[i].name);
    }
    g_ptr_array_add(names, NULL);
    return opts_check_used(c->opts, (const char *const *)names->pdata, errp);
}

static bool get_all(struct config *c, struct error **errp)
{
    c->cpu->xlen = c->model->xlen;
    c->cpu->model = c->model;
    if (!get_extensions(c, errp) || !get_priv_spec(c, errp) || !get_mmu(c, errp) ||
        !get_pmp(c, errp) || !get_numbers(c, errp) || !refuse_vector(c, errp) ||
        !check_names(c, errp))
        return false;
    c->req.defaults = c->model->ext;
    c->req.xlen = c->cpu->xlen;
    c->req.priv_spec = c->cpu->priv_spec;
    c->req.has_mmu = c->cpu->max_satp_mode != SATP_BARE;
    if (!rv_ext_resolve(&c->req, &c->cpu->ext, errp))
        return false;
    if (!rv_has(c->cpu, EXT_S))
        c->cpu->max_satp_mode = SATP_BARE;
    return true;
}

bool rv_configure(struct rv_cpu *cpu, const char *text, bool is32, struct error **errp)
{
    struct config c = {.cpu = cpu, .opts = opts_parse(text, "model")};
    const char *name = opts_get(c.opts, "model", "");

    normalize_keys(c.opts);
    c.model = get_model(name, is32, errp);
    bool ok = c.model && get_all(&c, errp);
    if (!ok)
        error_prefix(errp, "-cpu %s", name);
    opts_free(c.opts);
    return ok;
}

/* ---- help ---- */

static bool is_shown(const struct rv_model *m, unsigned xlen)
{
    return m->xlen == xlen;
}

void riscv_cpu_list(FILE *f, unsigned xlen)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (is_shown(&models[i], xlen))
            fprintf(f, "%-12s %s\n", models[i].name, models[i].desc);
}

static void print_prop(FILE *f, const char *name, const char *kind, const char *help,
                       const char *def)
{
    g_autofree char *left = g_strdup_printf("%s=<%s>", name, kind);

    fprintf(f, "  %-24s - %s", left, help);
    if (def)
        fprintf(f, " (default: %s)", def);
    fputc('\n', f);
}

bool riscv_cpu_help(const char *model, FILE *f, struct error **errp)
{
    struct rv_cpu *cpu = g_new0(struct rv_cpu, 1);
    enum rv_ext e;
    const char *name, *help;
    bool ok = rv_configure(cpu, model, false, errp);

    if (ok) {
        fprintf(f, "%s options:\n", cpu->model->name);
        for (size_t i = 0; rv_ext_row(i, &e, &name, &help); i++)
            print_prop(f, name, "bool", help, rv_has(cpu, e) ? "true" : "false");
        for (size_t i = 0; i < ARRAY_SIZE(props); i++)
            print_prop(f, props[i].name, props[i].kind, props[i].help, NULL);
    }
    g_free(cpu);
    return ok;
}
