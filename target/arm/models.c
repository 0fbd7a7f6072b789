/*
 * CPU models and the properties of -cpu MODEL,key=value,...
 *
 * Ref: the Technical Reference Manuals of the cores (identification registers, caches); the manual,
 * A2 (what each architecture version requires).
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"

#include "util/optparse.h"

#include <glib.h>
#include <string.h>

/* A CPU model: what -cpu NAME starts from. */
struct arm_model {
    const char *name, *desc, *compatible;
    const char *features; /* names, separated by blanks */
    uint32_t midr, ctr, clidr;
    uint32_t ccsidr[4]; /* level 1 data, level 1 instruction, level 2, level 3 */
    uint8_t pa_bits, breakpoints, watchpoints, context_breakpoints, pmu_counters;
    bool has_16k;             /* pages of 16 KiB */
    const struct v7_ids *ids; /* of models that are not Armv8 */
    uint16_t pmu_code;        /* PMCR.IMP, IDCODE */
};

/* Identification registers of Armv7 cores. */
struct v7_ids {
    uint32_t pfr0, pfr1, dfr0, mmfr[4], isar[5], fpsid, mvfr0, mvfr1;
};

/* clang-format off */
static const struct v7_ids a7_ids = {
    0x1131, 0x11011, 0x02010555, {0x10101105, 0x40000000, 0x01240000, 0x02102211},
    {0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142}, 0x41023075, 0x10110222, 0x11111111};
static const struct v7_ids a8_ids = {
    0x1031, 0x11, 0x400, {0x31100003, 0x20000000, 0x01202000, 0x11},
    {0x00101111, 0x12112111, 0x21232031, 0x11112131, 0x00111142}, 0x410330c0, 0x11110222, 0x00011111};
static const struct v7_ids a9_ids = {
    0x1031, 0x11, 0x000, {0x00100103, 0x20000000, 0x01230000, 0x00002111},
    {0x00101111, 0x13112111, 0x21232041, 0x11112131, 0x00111142}, 0x41033090, 0x10110222, 0x01111111};
static const struct v7_ids a15_ids = {
    0x1131, 0x11011, 0x02010555, {0x10201105, 0x20000000, 0x01240000, 0x02102211},
    {0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142}, 0x410430f0, 0x10110222, 0x11111111};

#define V7    "aarch32-el0 aarch32-el1 secure pmu vfp neon "
#define V7VE  V7 "mp lpae virt vfpv4 vfp-half vfp-d32 idiv "
#define A32   "aarch32-el0 aarch32-el1 "
#define V80   "aarch64 v8 lpae virt secure pmu vfp vfp-d32 vfp-half neon vfpv4 idiv mp aes pmull sha1 sha256 crc32 "
#define LOCK  "doublelock "
#define V81   V80 "lse rdm pan vhe hpds hafdbs vmid16 "
#define V82   V81 "pan2 uao dpb ttcnp xnx ras hpds2 "
#define V84   V82 "dotprod fp16 fhm fcma jscvt lrcpc lrcpc2 lse2 flagm dit pauth pauth-impdef ccidx ttst ttl " \
              "tlbios tlbirange idst s2fwb doublefault csv2 csv3 ssbs ssbs2 "
#define V85   V84 "gtg frintts flagm2 sb specres dpb2 bti e0pd evt bbm "
#define V90   V85 "bf16 i8mm pauth2 fpac fpaccombine sha3 sha512 sm3 sm4 "

/* CCSIDR of a cache: bytes, ways, bytes of a line. */
#define CACHE(size, ways, line) \
    (((size) / ((ways) * (line)) - 1) << 13 | ((ways) - 1) << 3 | ((line) == 64 ? 2 : 1))
#define KIB 1024u
#define MIB (1024u * 1024)
#define CTR_V8      0x8444c004
#define CTR_IDC     0x9444c004 /* clean to the point of unification is not needed */
#define CTR_IDC_DIC 0xb444c004 /* nor is invalidating instructions */

static const struct arm_model models[] = {
    {"cortex-a7", "Arm Cortex-A7, Armv7-A", "arm,cortex-a7", V7VE, 0x410fc075, 0x84448003, 0x0a200023,
     {CACHE(32 * KIB, 4, 64), CACHE(32 * KIB, 2, 32), CACHE(1 * MIB, 8, 64)}, 40, 6, 4, 2, 4, false, &a7_ids, 0x4107},
    {"cortex-a8", "Arm Cortex-A8, Armv7-A", "arm,cortex-a8", V7 "vfp-d32 vfp-vectors", 0x410fc080, 0x82048004, 0x0a000023,
     {0xe007e01a, 0x2007e01a, 0xf0000000}, 32, 6, 2, 2, 4, false, &a8_ids, 0x4100},
    {"cortex-a9", "Arm Cortex-A9, Armv7-A", "arm,cortex-a9", V7 "mp vfp-d32 vfp-half", 0x410fc090, 0x80038003, 0x09200003,
     {0xe00fe019, 0x200fe019}, 32, 6, 4, 2, 6, false, &a9_ids, 0x4109},
    {"cortex-a15", "Arm Cortex-A15, Armv7-A", "arm,cortex-a15", V7VE, 0x412fc0f1, 0x8444c004, 0x0a200023,
     {CACHE(32 * KIB, 2, 64), CACHE(32 * KIB, 2, 64), CACHE(4 * MIB, 16, 64)}, 40, 6, 4, 2, 6, false, &a15_ids, 0x410f},
    {"cortex-a35", "Arm Cortex-A35, Armv8.0-A", "arm,cortex-a35", V80 LOCK A32, 0x411fd040, 0x84448004, 0x0a200023,
     {CACHE(32 * KIB, 4, 64), CACHE(32 * KIB, 2, 64), CACHE(512 * KIB, 8, 64)}, 40, 6, 4, 2, 6, true, NULL, 0x410a},
    {"cortex-a53", "Arm Cortex-A53, Armv8.0-A", "arm,cortex-a53", V80 LOCK A32, 0x410fd034, 0x84448004, 0x0a200023,
     {CACHE(32 * KIB, 4, 64), CACHE(32 * KIB, 2, 64), CACHE(1 * MIB, 16, 64)}, 40, 6, 4, 2, 6, false, NULL, 0x4103},
    {"cortex-a55", "Arm Cortex-A55, Armv8.2-A", "arm,cortex-a55",
     V82 LOCK A32 "dotprod fp16 lrcpc ssbs csv2 csv3", 0x412fd050, 0x84448004, 0x82000023,
     {CACHE(32 * KIB, 4, 64), CACHE(32 * KIB, 4, 64), CACHE(512 * KIB, 8, 64)}, 40, 6, 4, 2, 6, true, NULL, 0x4145},
    {"cortex-a57", "Arm Cortex-A57, Armv8.0-A", "arm,cortex-a57", V80 LOCK A32, 0x411fd070, CTR_V8, 0x0a200023,
     {CACHE(32 * KIB, 2, 64), CACHE(48 * KIB, 3, 64), CACHE(2 * MIB, 16, 64)}, 44, 6, 4, 2, 6, false, NULL, 0x4101},
    {"cortex-a72", "Arm Cortex-A72, Armv8.0-A", "arm,cortex-a72", V80 LOCK A32, 0x410fd083, CTR_V8, 0x0a200023,
     {CACHE(32 * KIB, 2, 64), CACHE(48 * KIB, 3, 64), CACHE(1 * MIB, 16, 64)}, 44, 6, 4, 2, 6, false, NULL, 0x4102},
    {"cortex-a76", "Arm Cortex-A76, Armv8.2-A", "arm,cortex-a76",
     V82 LOCK "aarch32-el0 dotprod fp16 lrcpc ssbs csv2 csv3", 0x414fd0b1, CTR_V8, 0x82000023,
     {CACHE(64 * KIB, 4, 64), CACHE(64 * KIB, 4, 64), CACHE(512 * KIB, 8, 64)}, 40, 6, 4, 2, 6, true, NULL, 0x410b},
    {"cortex-a710", "Arm Cortex-A710, Armv9.0-A", "arm,cortex-a710", V90 "aarch32-el0 csv2-2", 0x412fd471, CTR_IDC,
     0xc2000023, {CACHE(64 * KIB, 4, 64), CACHE(64 * KIB, 4, 64), CACHE(512 * KIB, 8, 64)}, 40, 6, 4, 2, 20,
     true, NULL, 0},
    {"neoverse-n1", "Arm Neoverse N1, Armv8.2-A", "arm,neoverse-n1",
     V82 LOCK "aarch32-el0 dotprod fp16 lrcpc ssbs ssbs2 csv2 csv3", 0x414fd0c1, CTR_V8, 0x82000023,
     {CACHE(64 * KIB, 4, 64), CACHE(64 * KIB, 4, 64), CACHE(1 * MIB, 8, 64)}, 48, 6, 4, 2, 6, true, NULL, 0x410c},
    {"neoverse-n2", "Arm Neoverse N2, Armv9.0-A", "arm,neoverse-n2", V90 "aarch32-el0 csv2-2 rng dgh", 0x410fd493, CTR_IDC_DIC,
     0xc2000023, {CACHE(64 * KIB, 4, 64), CACHE(64 * KIB, 4, 64), CACHE(1 * MIB, 8, 64)}, 48, 6, 4, 2, 6, true, NULL, 0},
    {"neoverse-v1", "Arm Neoverse V1, Armv8.4-A", "arm,neoverse-v1",
     V84 "aarch32-el0 bf16 i8mm rng sha3 sha512 sm3 sm4 dpb2 pauth2 evt bbm dgh", 0x411fd402, CTR_IDC_DIC, 0xc2000023,
     {CACHE(64 * KIB, 4, 64), CACHE(64 * KIB, 4, 64), CACHE(1 * MIB, 8, 64)}, 48, 6, 4, 2, 6, true, NULL, 0x4121},
    {"max", "everything there is", "arm,armv8",
     V90 LOCK A32 "ecv fgt ets rng lpa lpa2 lva pan3 hcx csv2-2 wfxt mops hbc cssc dgh", 0x000f0510, CTR_IDC_DIC, 0x0a200023,
     {CACHE(32 * KIB, 2, 64), CACHE(48 * KIB, 3, 64), CACHE(2 * MIB, 16, 64)}, 52, 6, 4, 2, 6, true, NULL, 0},
};
/* clang-format on */

static const struct {
    const char *name, *help;
} feature_rows[ARM_FEATURES] = {
#define ARM_FEATURE(id, prop, text) [ARM_F_##id] = {prop, text},
#include "target/arm/features.def"
#undef ARM_FEATURE
};

/* Properties of processors elsewhere that may be off, since they are not there. */
static const char *const absent[] = {
    "sve",     "sme",     "mte",    "sme_fa64",     "sve128",         "sve256",          "sve512",
    "sve1024", "sve2048", "sme128", "pauth-qarma3", "kvm-steal-time", "kvm-no-adjvtime", "afp",
    "rpres"};

const char *arm_model_compatible(const struct arm_model *m)
{
    return m->compatible;
}

const char *arm_model_name(const struct arm_model *m)
{
    return m->name;
}

/* ---- features ---- */

static void set_feature(uint64_t *set, unsigned f, bool on)
{
    if (on)
        set[f / 64] |= BIT64(f % 64);
    else
        set[f / 64] &= ~BIT64(f % 64);
}

static bool has(const uint64_t *set, unsigned f)
{
    return set[f / 64] >> f % 64 & 1;
}

static int find_feature(const char *name)
{
    for (int i = 0; i < ARM_FEATURES; i++)
        if (!strcmp(feature_rows[i].name, name))
            return i;
    return -1;
}

static void add_features(uint64_t *set, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (char **n = list; *n; n++) {
        int f = find_feature(*n);
        if (f >= 0)
            set_feature(set, f, true);
    }
}

/* What a feature cannot be without.  Ref: the manual, A2.2. */
static const struct {
    uint8_t f, needs;
} dependencies[] = {
    {ARM_F_SHORT_VECTORS, ARM_F_VFP},  {ARM_F_VFP_HALF, ARM_F_VFP},
    {ARM_F_NEON, ARM_F_VFP},           {ARM_F_VFPV4, ARM_F_VFP},
    {ARM_F_VFP_D32, ARM_F_VFP},        {ARM_F_AES, ARM_F_NEON},
    {ARM_F_PMULL, ARM_F_AES},          {ARM_F_SHA1, ARM_F_NEON},
    {ARM_F_SHA256, ARM_F_SHA1},        {ARM_F_SHA512, ARM_F_SHA256},
    {ARM_F_SHA3, ARM_F_SHA512},        {ARM_F_SM3, ARM_F_NEON},
    {ARM_F_SM4, ARM_F_NEON},           {ARM_F_RDM, ARM_F_NEON},
    {ARM_F_DOTPROD, ARM_F_NEON},       {ARM_F_FP16, ARM_F_NEON},
    {ARM_F_FHM, ARM_F_FP16},           {ARM_F_FCMA, ARM_F_NEON},
    {ARM_F_JSCVT, ARM_F_VFP},          {ARM_F_FRINTTS, ARM_F_VFP},
    {ARM_F_BF16, ARM_F_NEON},          {ARM_F_I8MM, ARM_F_NEON},
    {ARM_F_LRCPC2, ARM_F_LRCPC},       {ARM_F_FLAGM2, ARM_F_FLAGM},
    {ARM_F_PAUTH_IMPDEF, ARM_F_PAUTH}, {ARM_F_PAUTH_QARMA5, ARM_F_PAUTH},
    {ARM_F_PAUTH2, ARM_F_PAUTH},       {ARM_F_FPAC, ARM_F_PAUTH2},
    {ARM_F_FPACCOMBINE, ARM_F_FPAC},   {ARM_F_SSBS2, ARM_F_SSBS},
    {ARM_F_PAN2, ARM_F_PAN},           {ARM_F_PAN3, ARM_F_PAN2},
    {ARM_F_DPB2, ARM_F_DPB},           {ARM_F_HPDS2, ARM_F_HPDS},
    {ARM_F_LPA2, ARM_F_LPA},           {ARM_F_LVA, ARM_F_LPA},
    {ARM_F_TLBIRANGE, ARM_F_TLBIOS},   {ARM_F_LSE2, ARM_F_LSE},
    {ARM_F_CSV2_2, ARM_F_CSV2},        {ARM_F_AARCH32_EL1, ARM_F_AARCH32_EL0},
};

/* Drop what lost its ground; false when it was asked for by name. */
static bool resolve(uint64_t *set, const uint64_t *on, struct error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(dependencies); i++) {
        unsigned f = dependencies[i].f, needs = dependencies[i].needs;
        if (!has(set, f) || has(set, needs))
            continue;
        if (has(on, f)) {
            error_set(errp, "%s=on needs %s, which is off", feature_rows[f].name,
                      feature_rows[needs].name);
            return false;
        }
        set_feature(set, f, false);
    }
    return true;
}

/* ---- lookup ---- */

static bool is_offered(const struct arm_model *m, bool is32)
{
    return is32 ? strstr(m->features, "aarch32-el1") || strstr(m->features, A32)
                : strstr(m->features, "aarch64") != NULL;
}

static const struct arm_model *get_model(const char *name, bool is32, struct error **errp)
{
    const char *names[ARRAY_SIZE(models) + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const struct arm_model *m = &models[i];
        if (!strcmp(m->name, name)) {
            if (is_offered(m, is32))
                return m;
            error_set(errp,
                      is32 ? "CPU model '%s' has no AArch32 state at EL1, which a 32-bit machine "
                             "needs; one such as 'cortex-a15' has"
                           : "CPU model '%s' has 32 bits, the machine 64; wanted one such as "
                             "'cortex-a57', or the architecture 'arm'",
                      name);
            return NULL;
        }
        if (is_offered(m, is32))
            names[n++] = m->name;
    }
    if (arm_m_is_model(name)) {
        error_set(errp,
                  "CPU model '%s' is of the M profile, the machine has an A-profile processor",
                  name);
        return NULL;
    }
    const char *near = nearest_name(name, names);
    error_set(errp, "unknown CPU model '%s'", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-cpu help' lists them)");
    return NULL;
}

/* ---- properties ---- */

/* "+name" and "-name" are "name=on" and "name=off". */
static void normalize_keys(struct opts *o)
{
    for (size_t i = 1; i < o->n; i++) {
        struct opt_pair *p = &o->pair[i];
        char sign = p->bare ? p->key[0] : 0;
        if (sign != '+' && sign != '-')
            continue;
        memmove(p->key, p->key + 1, strlen(p->key));
        g_free(p->value);
        p->value = g_strdup(sign == '+' ? "on" : "off");
    }
}

static bool get_features(struct opts *o, uint64_t *set, uint64_t *on, struct error **errp)
{
    for (unsigned f = 0; f < ARM_FEATURES; f++) {
        bool value;
        if (!opts_get(o, feature_rows[f].name, NULL))
            continue;
        if (!opts_get_bool(o, feature_rows[f].name, false, &value, errp))
            return false;
        set_feature(set, f, value);
        set_feature(on, f, value);
    }
    if (has(on, ARM_F_PAUTH_QARMA5))
        set_feature(set, ARM_F_PAUTH_IMPDEF, false);
    else if (has(on, ARM_F_PAUTH_IMPDEF))
        set_feature(set, ARM_F_PAUTH_QARMA5, false);
    if (has(on, ARM_F_PAUTH_QARMA5) && has(on, ARM_F_PAUTH_IMPDEF)) {
        error_set(errp, "pauth-impdef=on and pauth-qarma5=on exclude each other");
        return false;
    }
    if (has(set, ARM_F_PAUTH) && !has(set, ARM_F_PAUTH_IMPDEF))
        set_feature(set, ARM_F_PAUTH_QARMA5, true);
    return true;
}

static bool refuse_absent(struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        bool on;
        if (!opts_get(o, absent[i], NULL))
            continue;
        if (!opts_get_bool(o, absent[i], false, &on, errp))
            return false;
        if (on) {
            error_set(errp, "%s=on: that is not implemented yet; only %s=off is possible",
                      absent[i], absent[i]);
            return false;
        }
    }
    return true;
}

static bool check_names(struct opts *o, struct error **errp)
{
    const char *names[ARM_FEATURES + ARRAY_SIZE(absent) + 4];
    size_t n = 0;

    for (unsigned f = 0; f < ARM_FEATURES; f++)
        names[n++] = feature_rows[f].name;
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        names[n++] = absent[i];
    names[n++] = "rvbar";
    names[n++] = "cntfrq";
    names[n++] = "reset-cbar";
    names[n] = NULL;
    return opts_check_used(o, names, errp);
}

static void set_v7_ids(struct arm_ids *id, const struct v7_ids *v)
{
    id->pfr0 = v->pfr0;
    id->pfr1 = v->pfr1;
    id->dfr0 = v->dfr0;
    id->mmfr0 = v->mmfr[0];
    id->mmfr1 = v->mmfr[1];
    id->mmfr2 = v->mmfr[2];
    id->mmfr3 = v->mmfr[3];
    id->isar0 = v->isar[0];
    id->isar1 = v->isar[1];
    id->isar2 = v->isar[2];
    id->isar3 = v->isar[3];
    id->isar4 = v->isar[4];
    id->fpsid = v->fpsid;
    id->mvfr0 = v->mvfr0;
    id->mvfr1 = v->mvfr1;
}

/* CCSIDR_EL1 has wider fields with FEAT_CCIDX; else it also says what the cache supports:
 * write-back, read and write allocation. */
static uint64_t ccsidr(const struct arm_cpu *cpu, uint32_t v, bool is_insn)
{
    if (!v)
        return v;
    if (!arm_has(cpu, ARM_F_CCIDX))
        return v | (is_insn ? 0x20000000 : 0x70000000);
    return (uint64_t)(v >> 13 & 0x7fff) << 32 | (v >> 3 & 0x3ff) << 3 | (v & 7);
}

static void set_ids(struct arm_cpu *cpu, const struct arm_model *m)
{
    struct arm_ids *id = &cpu->id;

    id->midr = m->midr;
    id->ctr = m->ctr;
    id->clidr = m->clidr;
    id->dczid = 4; /* 64 bytes */
    id->pa_bits = m->pa_bits;
    id->has_16k = m->has_16k;
    if (id->pa_bits > 48 && !arm_has(cpu, ARM_F_LPA))
        id->pa_bits = 48;
    id->breakpoints = m->breakpoints;
    id->watchpoints = m->watchpoints;
    id->context_breakpoints = m->context_breakpoints;
    id->pmu_counters = m->pmu_counters;
    id->pmu_code = m->pmu_code;
    id->ccsidr[0] = ccsidr(cpu, m->ccsidr[0], false);
    id->ccsidr[1] = ccsidr(cpu, m->ccsidr[1], true);
    id->ccsidr[2] = ccsidr(cpu, m->ccsidr[2], false);
    id->ccsidr[4] = ccsidr(cpu, m->ccsidr[3], false);
    if (m->ids)
        set_v7_ids(id, m->ids);
}

static bool configure(struct arm_cpu *cpu, const struct arm_model *m, struct opts *o, bool is32,
                      struct error **errp)
{
    uint64_t on[2] = {0};

    memset(cpu->features, 0, sizeof(cpu->features));
    add_features(cpu->features, m->features);
    if (!get_features(o, cpu->features, on, errp) || !refuse_absent(o, errp) ||
        !opts_get_uint(o, "rvbar", UINT64_MAX, cpu->cfg.reset_pc, &cpu->cfg.reset_pc, errp) ||
        !opts_get_uint(o, "cntfrq", UINT32_MAX, cpu->timer_hz, &cpu->timer_hz, errp) ||
        !opts_get_uint(o, "reset-cbar", UINT64_MAX, 0, &cpu->id.cbar, errp) ||
        !check_names(o, errp) || !resolve(cpu->features, on, errp))
        return false;
    if (is32)
        set_feature(cpu->features, ARM_F_AARCH64, false);
    if (has(cpu->features, ARM_F_AARCH64) && has(cpu->features, ARM_F_VFP) &&
        !has(cpu->features, ARM_F_NEON)) {
        error_set(errp, "neon=off needs vfp=off: with AArch64 state there are both or neither");
        return false;
    }
    if (!has(cpu->features, ARM_F_AARCH64) && !has(cpu->features, ARM_F_AARCH32_EL1)) {
        error_set(errp, "aarch64=off needs AArch32 state at EL1, which the model does not have");
        return false;
    }
    if (!cpu->timer_hz) {
        error_set(errp, "cntfrq: wanted a frequency in Hz, found 0");
        return false;
    }
    cpu->model = m;
    set_ids(cpu, m);
    arm_compute_ids(cpu);
    return true;
}

bool arm_configure(struct arm_cpu *cpu, const char *text, bool is32, struct error **errp)
{
    struct opts *o = opts_parse(text, "model");
    const char *name = opts_get(o, "model", "");

    normalize_keys(o);
    const struct arm_model *m = get_model(name, is32, errp);
    bool ok = m && configure(cpu, m, o, is32, errp);
    if (!ok)
        error_prefix(errp, "-cpu %s", name);
    opts_free(o);
    return ok;
}

/* ---- help ---- */

void arm_cpu_list(FILE *f, unsigned bits)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (is_offered(&models[i], bits == 32))
            fprintf(f, "%-12s %s\n", models[i].name, models[i].desc);
    if (bits == 32)
        arm_m_cpu_list(f);
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

bool arm_cpu_help(const char *model, FILE *f, struct error **errp)
{
    if (arm_m_is_model(model))
        return arm_m_cpu_help(model, f);
    struct arm_cpu *cpu = g_new0(struct arm_cpu, 1);
    struct error *first = NULL;
    cpu->timer_hz = 1;
    bool ok = arm_configure(cpu, model, false, &first) || arm_configure(cpu, model, true, NULL);

    if (ok) {
        error_free(first);
        fprintf(f, "%s options:\n", cpu->model->name);
        for (unsigned i = 0; i < ARM_FEATURES; i++)
            print_prop(f, feature_rows[i].name, "bool", feature_rows[i].help,
                       arm_has(cpu, i) ? "true" : "false");
        print_prop(f, "rvbar", "uint64", "address after reset, where there is no firmware", NULL);
        print_prop(f, "cntfrq", "uint32", "frequency of the generic timers in Hz", NULL);
        print_prop(f, "reset-cbar", "uint64", "value of CBAR_EL1", NULL);
    } else {
        error_move(errp, first);
    }
    g_free(cpu);
    return ok;
}
