/*
 * M-profile CPU models, and their properties.
 * Ref: the Technical Reference Manuals of the cores; DDI 0403 and DDI 0553 (identification
 * registers).
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"

#include "util/optparse.h"

#include <glib.h>
#include <string.h>

struct arm_m_model {
    const char *name, *desc, *compatible;
    uint32_t cpuid;
    uint8_t version, priority_bits, mpu_regions;
    bool is_main, has_dsp, has_fp, has_double, has_fp5;
    uint32_t pfr[2], dfr0, mmfr[4], isar[6];
    uint32_t clidr, ctr;
};

/* Identification registers of cores that share them. */
#define V7_IDS                                                                                     \
    .pfr = {0x30, 0x200}, .dfr0 = 0x00100000, .mmfr = {0x30},                                      \
    .isar = {0x01141110, 0x02111000, 0x21112231, 0x01111110, 0x01310102}

static const struct arm_m_model models[] = {
    {.name = "cortex-m0",
     .desc = "Arm Cortex-M0, Armv6-M",
     .compatible = "arm,cortex-m0",
     .cpuid = 0x410cc200,
     .version = 6,
     .priority_bits = 2},
    {.name = "cortex-m0plus",
     .desc = "Arm Cortex-M0+, Armv6-M",
     .compatible = "arm,cortex-m0+",
     .cpuid = 0x410cc601,
     .version = 6,
     .priority_bits = 2,
     .mpu_regions = 8},
    {.name = "cortex-m3",
     .desc = "Arm Cortex-M3, Armv7-M",
     .compatible = "arm,cortex-m3",
     .cpuid = 0x412fc231,
     .version = 7,
     .priority_bits = 8,
     .mpu_regions = 8,
     .is_main = true,
     V7_IDS},
    {.name = "cortex-m4",
     .desc = "Arm Cortex-M4F, Armv7E-M with single-precision FPv4",
     .compatible = "arm,cortex-m4f",
     .cpuid = 0x410fc241,
     .version = 7,
     .priority_bits = 8,
     .mpu_regions = 8,
     .is_main = true,
     .has_dsp = true,
     .has_fp = true,
     V7_IDS},
    {.name = "cortex-m7",
     .desc = "Arm Cortex-M7, Armv7E-M with double-precision FPv5",
     .compatible = "arm,cortex-m7",
     .cpuid = 0x411fc272,
     .version = 7,
     .priority_bits = 8,
     .mpu_regions = 8,
     .is_main = true,
     .has_dsp = true,
     .has_fp = true,
     .has_double = true,
     .has_fp5 = true,
     .pfr = {0x30, 0x200},
     .dfr0 = 0x00100000,
     .mmfr = {0x00100030, 0, 0x01000000},
     .isar = {0x01101110, 0x02112000, 0x20232231, 0x01111131, 0x01310132},
     .clidr = 0x09000003,
     .ctr = 0x8303c003},
    {.name = "cortex-m23",
     .desc = "Arm Cortex-M23, Armv8-M baseline without security extension",
     .compatible = "arm,cortex-m23",
     .cpuid = 0x411cd200,
     .version = 8,
     .priority_bits = 2,
     .mpu_regions = 16,
     .pfr = {0x30, 0x200},
     .mmfr = {0x00101f40}},
    {.name = "cortex-m33",
     .desc = "Arm Cortex-M33, Armv8-M mainline without security extension",
     .compatible = "arm,cortex-m33",
     .cpuid = 0x410fd213,
     .version = 8,
     .priority_bits = 8,
     .mpu_regions = 16,
     .is_main = true,
     .has_dsp = true,
     .has_fp = true,
     .has_fp5 = true,
     .pfr = {0x30, 0x200},
     .dfr0 = 0x00200000,
     .mmfr = {0x00101f40, 0, 0x01000000},
     .isar = {0x01101110, 0x02212000, 0x20232232, 0x01111131, 0x01310132},
     .ctr = 0x8000c000},
};

const char *arm_m_model_name(const struct arm_m_model *m)
{
    return m->name;
}

const char *arm_m_model_compatible(const struct arm_m_model *m)
{
    return m->compatible;
}

/* ---- lookup ---- */

/* text: a name, and properties behind a comma. */
static const struct arm_m_model *find(const char *text)
{
    size_t len = strcspn(text, ",");
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (strlen(models[i].name) == len && !strncmp(models[i].name, text, len))
            return &models[i];
    return NULL;
}

bool arm_m_is_model(const char *name)
{
    return find(name) != NULL;
}

static const struct arm_m_model *get_model(const char *text, struct error **errp)
{
    const char *names[ARRAY_SIZE(models) + 1] = {NULL};
    const struct arm_m_model *m = find(text);
    if (m)
        return m;
    g_autofree char *name = g_strndup(text, strcspn(text, ","));
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        names[i] = models[i].name;
    const char *near = nearest_name(name, names);
    error_set(errp, "-cpu %s: unknown M-profile CPU model", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-cpu help' lists them)");
    return NULL;
}

/* ---- properties ---- */

static const char *const prop_names[] = {"vfp", "dsp", "mpu-regions", NULL};

/* A property that may take away what the model has. */
static bool get_part(struct opts *o, const char *name, bool *has, struct error **errp)
{
    bool want;
    if (!opts_get_bool(o, name, *has, &want, errp))
        return false;
    if (want && !*has) {
        error_set(errp, "%s=on: the model has none; only %s=off is possible", name, name);
        return false;
    }
    *has = want;
    return true;
}

static bool get_regions(struct opts *o, struct arm_m *m, struct error **errp)
{
    uint64_t n;
    unsigned most = m->version >= 8 ? 16 : 8;
    if (!opts_get_uint(o, "mpu-regions", UINT32_MAX, m->mpu_regions, &n, errp))
        return false;
    if (n > most || n % 4) {
        error_set(errp, "mpu-regions=%u: wanted 0 to %u by fours", (unsigned)n, most);
        return false;
    }
    m->mpu_regions = (unsigned)n;
    return true;
}

static void set_feature(struct arm_cpu *cpu, enum arm_feature f, bool on)
{
    if (on)
        cpu->features[f / 64] |= BIT64(f % 64);
}

/* Those of the A profile that the shared parts of translation ask for. */
static void set_features(struct arm_cpu *cpu)
{
    const struct arm_m *m = &cpu->m;
    memset(cpu->features, 0, sizeof(cpu->features));
    set_feature(cpu, ARM_F_V8, m->version >= 8);
    set_feature(cpu, ARM_F_IDIV, m->is_main || m->version >= 8);
    set_feature(cpu, ARM_F_VFP, m->has_fp);
    set_feature(cpu, ARM_F_VFPV4, m->has_fp);
    set_feature(cpu, ARM_F_VFP_HALF, m->has_fp);
}

static bool configure(struct arm_cpu *cpu, const struct arm_m_model *model, struct opts *o,
                      struct error **errp)
{
    struct arm_m *m = &cpu->m;
    *m = (struct arm_m){.version = model->version,
                        .is_main = model->is_main,
                        .has_dsp = model->has_dsp,
                        .has_fp = model->has_fp,
                        .priority_bits = model->priority_bits,
                        .mpu_regions = model->mpu_regions,
                        .model = model};
    if (!get_part(o, "vfp", &m->has_fp, errp) || !get_part(o, "dsp", &m->has_dsp, errp) ||
        !get_regions(o, m, errp) || !opts_check_used(o, prop_names, errp))
        return false;
    m->has_double = m->has_fp && model->has_double;
    m->has_fp5 = m->has_fp && model->has_fp5;
    set_features(cpu);
    return true;
}

bool arm_m_configure(struct arm_cpu *cpu, const char *text, struct error **errp)
{
    const struct arm_m_model *model = get_model(text, errp);
    if (!model)
        return false;
    struct opts *o = opts_parse(text, "model");
    opts_get(o, "model", "");
    bool ok = configure(cpu, model, o, errp);
    if (!ok)
        error_prefix(errp, "-cpu %s", model->name);
    opts_free(o);
    return ok;
}

/* ---- identity ---- */

/* SIMD-like instructions, saturation and the long multiplies are the DSP extension's. */
static void add_dsp(uint32_t *isar)
{
    enum { MULT_SHIFT = 12, MULTU_SHIFT = 20, EXTEND_SHIFT = 12, SATURATE = 0, SIMD_SHIFT = 4 };
    isar[1] = (uint32_t)deposit64(isar[1], EXTEND_SHIFT, 4, 2);
    isar[2] = (uint32_t)deposit64(isar[2], MULT_SHIFT, 4, 3);
    isar[2] = (uint32_t)deposit64(isar[2], MULTU_SHIFT, 4, 2);
    isar[3] = (uint32_t)deposit64(isar[3], SATURATE, 4, 1);
    isar[3] = (uint32_t)deposit64(isar[3], SIMD_SHIFT, 4, 3);
}

static void drop_dsp(uint32_t *isar)
{
    isar[1] = (uint32_t)deposit64(isar[1], 12, 4, 1);
    isar[2] = (uint32_t)deposit64(isar[2], 12, 4, 2);
    isar[2] = (uint32_t)deposit64(isar[2], 20, 4, 1);
    isar[3] = (uint32_t)deposit64(isar[3], 0, 4, 0);
    isar[3] = (uint32_t)deposit64(isar[3], 4, 4, 1);
}

static void fp_ids(const struct arm_m *m, uint32_t *mvfr)
{
    mvfr[0] = m->has_double ? 0x10110221 : 0x10110021;
    mvfr[1] = m->has_double ? 0x12000011 : 0x11000011;
    mvfr[2] = m->has_fp5 ? 0x40 : 0;
}

void arm_m_ids(const struct arm_cpu *cpu, struct nvic_ids *out)
{
    const struct arm_m *m = &cpu->m;
    const struct arm_m_model *model = m->model;
    *out = (struct nvic_ids){.cpuid = model->cpuid,
                             .version = m->version,
                             .priority_bits = m->priority_bits,
                             .mpu_regions = m->mpu_regions,
                             .has_fp = m->has_fp,
                             .pfr = {model->pfr[0], model->pfr[1]},
                             .dfr0 = model->dfr0,
                             .clidr = model->clidr,
                             .ctr = model->ctr};
    memcpy(out->mmfr, model->mmfr, sizeof(out->mmfr));
    memcpy(out->isar, model->isar, sizeof(out->isar));
    if (m->is_main && m->has_dsp)
        add_dsp(out->isar);
    else if (m->is_main)
        drop_dsp(out->isar);
    if (m->has_fp)
        fp_ids(m, out->mvfr);
}

/* ---- help ---- */

void arm_m_cpu_list(FILE *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        fprintf(f, "%-13s %s\n", models[i].name, models[i].desc);
}

bool arm_m_cpu_help(const char *name, FILE *f)
{
    const struct arm_m_model *m = find(name);
    fprintf(f, "%s options:\n", m->name);
    fprintf(f, "  vfp=<bool>               - floating point (default: %s)\n",
            m->has_fp ? "true" : "false");
    fprintf(f, "  dsp=<bool>               - DSP extension (default: %s)\n",
            m->has_dsp ? "true" : "false");
    fprintf(f, "  mpu-regions=<uint32>     - regions of the MPU; 0: none (default: %u)\n",
            m->mpu_regions);
    return true;
}
