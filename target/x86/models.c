/*
 * CPU models and the properties of -cpu MODEL,+feature,-feature,key=value,...
 *
 * Ref: SDM vol. 2, CPUID; vol. 4, table 2-1 (families and models); APM vol. 3, appendix E.
 */
#include "target/x86/cpu_priv.h"
#include "util/log.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

/* A CPU model: what -cpu NAME starts from. */
struct x86_model {
    const char *name, *desc, *vendor, *features;
    uint16_t family;
    uint8_t model, stepping, level;
    uint32_t xlevel;
    uint8_t versions;        /* NAME-v1 to NAME-vN mean the same here */
    const char *variants[3]; /* "-noTSX", ... */
};

/* clang-format off */
#define INTEL   "GenuineIntel"
#define AMD     "AuthenticAMD"
#define P5      "fpu de pse tsc msr mce cx8 "
#define P6      P5 "pae sep mtrr pge mca cmov pat "
#define P6_36   P6 "pse36 mmx fxsr vme "
#define K8      P6 "pse36 clflush mmx fxsr sse sse2 sse3 syscall nx lm "
#define CORE2   K8 "vme lahf-lm ssse3 "
#define NEHALEM CORE2 "cx16 sse4.1 sse4.2 popcnt "
#define SANDY   NEHALEM "pclmulqdq aes x2apic tsc-deadline xsave avx xsaveopt rdtscp arat "
#define IVY     SANDY "f16c rdrand fsgsbase smep erms "
#define HASWELL IVY "fma pcid movbe bmi1 bmi2 avx2 invpcid abm "
#define BROADW  HASWELL "rdseed adx smap 3dnowprefetch "
#define SKYLAKE BROADW "xsavec xgetbv1 "
#define SKX     SKYLAKE "clflushopt clwb pku pdpe1gb "
#define ZEN     K8 "mmxext fxsr-opt vme pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand " \
                "arat fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt sha-ni xsaveopt xsavec xgetbv1 " \
                "pdpe1gb rdtscp lahf-lm cr8legacy abm sse4a misalignsse 3dnowprefetch "
#define ZEN2    ZEN "clwb umip rdpid xsaves "

static const struct x86_model models[] = {
    {"qemu64", "QEMU Virtual CPU version 2.5+", AMD, K8 "cx16 lahf-lm", 15, 107, 1, 0xd, 0x8000000a, 1, {0}},
    {"qemu32", "QEMU Virtual CPU version 2.5+", INTEL, P5 "pae sep pge cmov pat mmx fxsr sse sse2 sse3", 6, 6, 3, 4, 0x80000004, 1, {0}},
    {"486", "", INTEL, "fpu vme pse", 4, 8, 0, 1, 0, 1, {0}},
    {"pentium", "", INTEL, P5 "vme mmx", 5, 4, 3, 1, 0, 1, {0}},
    {"pentium2", "", INTEL, P6_36, 6, 5, 2, 2, 0, 1, {0}},
    {"pentium3", "", INTEL, P6_36 "sse", 6, 7, 3, 3, 0, 1, {0}},
    {"athlon", "QEMU Virtual CPU version 2.5+", AMD, P6_36 "mmxext sse sse2", 6, 2, 3, 2, 0x80000008, 1, {0}},
    {"coreduo", "Genuine Intel(R) CPU           T2600  @ 2.16GHz", INTEL, P6 "vme clflush mmx fxsr sse sse2 ss sse3 monitor nx", 6, 14, 8, 0xa, 0x80000008, 1, {0}},
    {"core2duo", "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", INTEL, CORE2 "ss monitor cx16", 6, 15, 11, 0xa, 0x80000008, 1, {0}},
    {"n270", "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", INTEL, P6 "vme clflush mmx fxsr sse sse2 ss sse3 monitor ssse3 movbe nx lahf-lm", 6, 28, 2, 0xa, 0x80000008, 1, {0}},
    {"phenom", "AMD Phenom(tm) 9550 Quad-Core Processor", AMD, K8 "mmxext fxsr-opt vme monitor cx16 popcnt pdpe1gb rdtscp lahf-lm abm sse4a", 16, 2, 3, 5, 0x8000001a, 1, {0}},
    {"kvm32", "Common 32-bit KVM processor", INTEL, P6_36 "clflush sse sse2 sse3", 15, 6, 1, 5, 0x80000008, 1, {0}},
    {"kvm64", "Common KVM processor", INTEL, K8 "vme cx16", 15, 6, 1, 0xd, 0x80000008, 1, {0}},
    {"Conroe", "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", INTEL, CORE2, 6, 15, 3, 0xa, 0x80000008, 1, {0}},
    {"Penryn", "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", INTEL, CORE2 "cx16 sse4.1", 6, 23, 3, 0xa, 0x80000008, 1, {0}},
    {"Nehalem", "Intel Core i7 9xx (Nehalem Class Core i7)", INTEL, NEHALEM, 6, 26, 3, 0xb, 0x80000008, 2, {"-IBRS"}},
    {"Westmere", "Westmere E56xx/L56xx/X56xx (Nehalem-C)", INTEL, NEHALEM "pclmulqdq aes arat", 6, 44, 1, 0xb, 0x80000008, 2, {"-IBRS"}},
    {"SandyBridge", "Intel Xeon E312xx (Sandy Bridge)", INTEL, SANDY, 6, 42, 1, 0xd, 0x80000008, 2, {"-IBRS"}},
    {"IvyBridge", "Intel Xeon E3-12xx v2 (Ivy Bridge)", INTEL, IVY, 6, 58, 9, 0xd, 0x80000008, 2, {"-IBRS"}},
    {"Haswell", "Intel Core Processor (Haswell)", INTEL, HASWELL, 6, 60, 4, 0xd, 0x80000008, 4, {"-IBRS", "-noTSX", "-noTSX-IBRS"}},
    {"Broadwell", "Intel Core Processor (Broadwell)", INTEL, BROADW, 6, 61, 2, 0xd, 0x80000008, 4, {"-IBRS", "-noTSX", "-noTSX-IBRS"}},
    {"Skylake-Client", "Intel Core Processor (Skylake)", INTEL, SKYLAKE, 6, 94, 3, 0xd, 0x80000008, 4, {"-IBRS", "-noTSX-IBRS"}},
    {"Skylake-Server", "Intel Xeon Processor (Skylake)", INTEL, SKX, 6, 85, 4, 0xd, 0x80000008, 5, {"-IBRS", "-noTSX-IBRS"}},
    {"Cascadelake-Server", "Intel Xeon Processor (Cascadelake)", INTEL, SKX, 6, 85, 6, 0xd, 0x80000008, 5, {"-noTSX"}},
    {"Icelake-Server", "Intel Xeon Processor (Icelake)", INTEL, SKX "umip vaes vpclmulqdq la57 rdpid fsrm", 6, 134, 0, 0xd, 0x80000008, 7, {"-noTSX"}},
    {"Denverton", "Intel Atom Processor (Denverton)", INTEL, NEHALEM "pclmulqdq monitor x2apic movbe tsc-deadline aes xsave rdrand arat fsgsbase smep erms rdseed smap clflushopt sha-ni xsaveopt xsavec xgetbv1 pdpe1gb rdtscp 3dnowprefetch", 6, 95, 1, 0x15, 0x80000008, 3, {0}},
    {"Opteron_G1", "AMD Opteron 240 (Gen 1 Class Opteron)", AMD, K8 "vme", 15, 6, 1, 5, 0x80000008, 1, {0}},
    {"Opteron_G5", "AMD Opteron 63xx class CPU", AMD, K8 "vme pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 popcnt aes xsave avx f16c pdpe1gb rdtscp lahf-lm abm sse4a misalignsse 3dnowprefetch", 21, 2, 0, 0xd, 0x8000001a, 1, {0}},
    {"EPYC", "AMD EPYC Processor", AMD, ZEN "monitor", 23, 1, 2, 0xd, 0x8000001e, 5, {"-IBPB"}},
    {"EPYC-Rome", "AMD EPYC-Rome Processor", AMD, ZEN2 "monitor", 23, 49, 0, 0xd, 0x8000001e, 5, {0}},
    {"EPYC-Milan", "AMD EPYC-Milan Processor", AMD, ZEN2 "monitor pcid erms invpcid pku fsrm", 25, 1, 1, 0xd, 0x8000001e, 3, {0}},
    {"max", "Tinamou CPU with all features", AMD, NULL, 15, 107, 1, 0xd, 0x8000000a, 1, {0}},
};

/* Names that other emulators know: what is not implemented is off, and may be said to be. */
static const char unknown_features[] =
    "3dnow 3dnowext ace2 ace2-en acpi amd-no-ssb amd-ssbd amd-stibp amx-bf16 amx-int8 amx-tile arch-capabilities "
    "arch-lbr avic avx-vnni avx512-4fmaps avx512-4vnniw avx512-bf16 avx512-fp16 avx512-vp2intersect "
    "avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512er avx512f avx512ifma avx512pf avx512vbmi "
    "avx512vbmi2 avx512vl avx512vnni bus-lock-detect cid cldemote clzero core-capability dca decodeassists ds ds-cpl "
    "dtes64 est extapic flushbyasid fma4 gfni hle ia64 ibpb ibrs ibrs-all ibs intel-pt lbrv lwp "
    "md-clear mds-no movdir64b movdiri mpx nodeid-msr npt nrip-save osvw pause-filter pbe pcommit pdcm "
    "perfctr-core perfctr-nb pfthreshold phe pks pmm pmu pn pschange-mc-no rdctl-no rsba rtm serialize sgx skinit "
    "skip-l1dfl-vmentry smx spec-ctrl split-lock-detect ssb-no ssbd stibp svm svm-lock svme-addr-chk taa-no tbm "
    "tce tm tm2 topoext tsc-scale tsx-ctrl tsx-ldtrk v-vmsave-vmload vgif virt-ssbd vmcb-clean vmx waitpkg "
    "wbnoinvd wdt xcrypt xfd xop xstore xtpr kvm kvm-asyncpf kvm-asyncpf-int kvm-hint-dedicated kvm-mmu "
    "kvm-nopiodelay kvm-poll-control kvm-pv-eoi kvm-pv-ipi kvm-pv-tlb-flush kvm-pv-unhalt kvm-steal-time kvmclock "
    "kvmclock-stable-bit migratable check enforce legacy-cache l3-cache host-cache-info host-phys-bits cpuid-0xb "
    "full-cpuid-auto-level start-powered-off lmce";
/* clang-format on */

static const struct {
    const char *name, *feature;
} aliases[] = {{"xd", "nx"},         {"ffxsr", "fxsr-opt"},     {"i64", "lm"},
               {"pni", "sse3"},      {"pclmuldq", "pclmulqdq"}, {"sse4-1", "sse4.1"},
               {"sse4-2", "sse4.2"}, {"lzcnt", "abm"}};

/* Of every model: what firmware and kernels ask an emulated machine for. */
static const char always[] = "hypervisor";

static const char *const feature_names[X86_FEATURES] = {
#define X86_FEATURE(id, name, leaf, subleaf, reg, bit, help) [X86_F_##id] = name,
#include "target/x86/features.def"
#undef X86_FEATURE
};
static const char *const feature_help[X86_FEATURES] = {
#define X86_FEATURE(id, name, leaf, subleaf, reg, bit, help) [X86_F_##id] = help,
#include "target/x86/features.def"
#undef X86_FEATURE
};

static const struct {
    const char *name, *kind, *help;
} props[] = {
    {"family", "uint", "CPUID family"},
    {"model", "uint", "CPUID model"},
    {"stepping", "uint", "CPUID stepping, 0 to 15"},
    {"vendor", "str", "12 letters: GenuineIntel, AuthenticAMD"},
    {"model-id", "str", "brand name, up to 48 letters"},
    {"level", "uint", "the highest basic CPUID leaf"},
    {"min-level", "uint", "the highest basic CPUID leaf, at least"},
    {"xlevel", "uint", "the highest extended CPUID leaf"},
    {"min-xlevel", "uint", "the highest extended CPUID leaf, at least"},
    {"phys-bits", "uint", "bits of physical addresses, 32 to 52"},
    {"tsc-frequency", "uint", "frequency of the time stamp counter in Hz"},
    {"ucode-rev", "uint", "microcode level"},
    {"tcg-cpuid", "bool", "leaf 0x40000000 names the emulator"},
};

const char *x86_model_name(const struct x86_model *m)
{
    return m->name;
}

/* ---- sets of features ---- */

static int find_feature(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (opts_key_equal(aliases[i].name, name))
            name = aliases[i].feature;
    for (int f = 0; f < X86_FEATURES; f++)
        if (opts_key_equal(feature_names[f], name))
            return f;
    return -1;
}

static void set_feature(struct x86_cpu *cpu, unsigned f, bool on)
{
    uint64_t bit = UINT64_C(1) << f % 64;

    cpu->features[f / 64] = on ? cpu->features[f / 64] | bit : cpu->features[f / 64] & ~bit;
}

static void set_features(struct x86_cpu *cpu, const char *names, bool on)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (char **name = list; *name; name++)
        if (**name) {
            int f = find_feature(*name);
            g_assert(f >= 0);
            set_feature(cpu, (unsigned)f, on);
        }
}

static bool is_word_of(const char *words, const char *name)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);

    for (char **word = list; *word; word++)
        if (opts_key_equal(*word, name))
            return true;
    return false;
}

/* ---- lookup ---- */

/* "Haswell-v4", "Haswell-noTSX-IBRS": the rest of the name behind a model's own. */
static bool is_variant(const struct x86_model *m, const char *rest)
{
    char *end;

    for (size_t i = 0; i < ARRAY_SIZE(m->variants) && m->variants[i]; i++)
        if (!strcmp(m->variants[i], rest))
            return true;
    if (strncmp(rest, "-v", 2) || !g_ascii_isdigit(rest[2]))
        return false;
    uint64_t v = g_ascii_strtoull(rest + 2, &end, 10);
    return !*end && v >= 1 && v <= m->versions;
}

static const struct x86_model *find_model(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        size_t len = strlen(models[i].name);
        if (!strncmp(models[i].name, name, len) &&
            (!name[len] || is_variant(&models[i], name + len)))
            return &models[i];
    }
    return NULL;
}

static const struct x86_model *get_model(const char *name, struct error **errp)
{
    const char *names[ARRAY_SIZE(models) + 1] = {NULL};
    const struct x86_model *m = find_model(name);

    if (m)
        return m;
    if (!strcmp(name, "host")) {
        error_set(errp, "CPU model 'host' needs KVM; wanted 'max'");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        names[i] = models[i].name;
    const char *near = nearest_name(name, names);
    error_set(errp, "unknown CPU model '%s'", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-cpu help' lists them)");
    return NULL;
}

/* ---- properties ---- */

struct config {
    struct x86_cpu *cpu;
    const struct x86_model *model;
    struct opts *opts;
    bool is32;
};

/* "+f" and "-f" are "f=on" and "f=off". */
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

/* Names that mean a feature by another name get its own. */
static void resolve_aliases(struct opts *o)
{
    for (size_t i = 1; i < o->n; i++) {
        int f = find_feature(o->pair[i].key);
        if (f < 0)
            continue;
        g_free(o->pair[i].key);
        o->pair[i].key = g_strdup(feature_names[f]);
    }
}

static bool get_features(struct config *c, struct error **errp)
{
    bool on;

    for (unsigned f = 0; f < X86_FEATURES; f++) {
        if (!opts_get(c->opts, feature_names[f], NULL))
            continue;
        if (!opts_get_bool(c->opts, feature_names[f], false, &on, errp))
            return false;
        set_feature(c->cpu, f, on);
    }
    return true;
}

/* Features of other emulators; Hyper-V's are refused, since guests would count on them. */
static bool get_unknown(struct config *c, struct error **errp)
{
    bool on;

    for (size_t i = 1; i < c->opts->n; i++) {
        struct opt_pair *p = &c->opts->pair[i];
        bool is_switch =
            is_word_of("check enforce migratable kvm legacy-cache l3-cache "
                       "host-cache-info host-phys-bits cpuid-0xb full-cpuid-auto-level "
                       "kvm-pv-eoi kvmclock start-powered-off",
                       p->key);
        if (p->used || !(is_word_of(unknown_features, p->key) || g_str_has_prefix(p->key, "vmx-")))
            continue;
        if (!opts_get_bool(c->opts, p->key, false, &on, errp))
            return false;
        if (on && !is_switch)
            log_warn("-cpu %s: feature '%s' is not implemented: it stays off", c->model->name,
                     p->key);
    }
    return true;
}

static bool get_text(struct config *c, const char *key, const char *def, size_t max, char *out,
                     struct error **errp)
{
    const char *text = opts_get(c->opts, key, def);

    if (strlen(text) > max || (max == 12 && strlen(text) != max)) {
        error_set(errp, "%s: wanted %s %u letters, found '%s'", key, max == 12 ? "just" : "up to",
                  (unsigned)max, text);
        return false;
    }
    memset(out, 0, max + 1);
    memcpy(out, text, strlen(text));
    return true;
}

/* Ref: SDM vol. 2, CPUID, figure 3-6: families above 15 and models above 15 are split. */
static bool get_signature(struct config *c, struct error **errp)
{
    uint64_t family, model, stepping;

    if (!opts_get_uint(c->opts, "family", 0xff + 15, c->model->family, &family, errp) ||
        !opts_get_uint(c->opts, "model", 0xff, c->model->model, &model, errp) ||
        !opts_get_uint(c->opts, "stepping", 15, c->model->stepping, &stepping, errp))
        return false;
    uint64_t low = MIN(family, 15), extended = family - low;
    c->cpu->signature =
        (uint32_t)(stepping | (model & 15) << 4 | low << 8 | (model >> 4) << 16 | extended << 20);
    return true;
}

static bool get_levels(struct config *c, struct error **errp)
{
    uint64_t level, xlevel, min_level, min_xlevel;

    if (!opts_get_uint(c->opts, "min-level", 0xff, c->model->level, &min_level, errp) ||
        !opts_get_uint(c->opts, "min-xlevel", UINT32_MAX, c->model->xlevel, &min_xlevel, errp) ||
        !opts_get_uint(c->opts, "level", 0xff, min_level, &level, errp) ||
        !opts_get_uint(c->opts, "xlevel", UINT32_MAX, min_xlevel, &xlevel, errp))
        return false;
    c->cpu->cpuid_level = (uint32_t)level;
    c->cpu->cpuid_xlevel = (uint32_t)xlevel;
    return true;
}

static bool get_numbers(struct config *c, struct error **errp)
{
    enum { DEFAULT_TSC_HZ = 1000000000, DEFAULT_BITS = 40, PAE_BITS = 36, MIN_BITS = 32 };
    struct x86_cpu *cpu = c->cpu;
    uint64_t phys, def = x86_has(cpu, X86_F_LM)                                 ? DEFAULT_BITS
                         : x86_has(cpu, X86_F_PAE) || x86_has(cpu, X86_F_PSE36) ? PAE_BITS
                                                                                : MIN_BITS;
    uint64_t ucode;

    if (!opts_get_uint(c->opts, "phys-bits", 52, 0, &phys, errp) ||
        !opts_get_uint(c->opts, "tsc-frequency", INT64_MAX, DEFAULT_TSC_HZ, &cpu->tsc_hz, errp) ||
        !opts_get_uint(c->opts, "ucode-rev", UINT64_MAX,
                       cpu->vendor[0] == 'A' ? 0x01000065 : UINT64_C(1) << 32, &ucode, errp) ||
        !opts_get_bool(c->opts, "tcg-cpuid", true, &cpu->hypervisor_leaves, errp))
        return false;
    if (phys && phys < MIN_BITS) {
        error_set(errp, "phys-bits: wanted 32 to 52, found %u", (unsigned)phys);
        return false;
    }
    cpu->phys_bits = (uint8_t)(phys ? phys : def);
    cpu->virt_bits = x86_has(cpu, X86_F_LM) ? (x86_has(cpu, X86_F_LA57) ? 57 : 48) : 32;
    cpu->tsc_hz = cpu->tsc_hz ? cpu->tsc_hz : DEFAULT_TSC_HZ;
    cpu->microcode = (uint32_t)(ucode >> 32 ? ucode >> 32 : ucode);
    return true;
}

static bool check_names(struct config *c, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (size_t i = 0; i < X86_FEATURES; i++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)feature_names[i]);
    for (size_t i = 0; i < ARRAY_SIZE(props); i++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)props[i].name);
    g_ptr_array_add(names, NULL);
    for (size_t i = 1; i < c->opts->n; i++)
        if (!c->opts->pair[i].used && g_str_has_prefix(c->opts->pair[i].key, "hv")) {
            error_set(errp, "property '%s' needs KVM", c->opts->pair[i].key);
            return false;
        }
    return opts_check_used(c->opts, (const char *const *)names->pdata, errp);
}

/* What cannot be without something else; a row comes after those that may drop what it needs. */
static void drop_dependent(struct x86_cpu *cpu)
{
    static const struct {
        uint8_t feature, needs;
    } rows[] = {{X86_F_MMX, X86_F_FPU},         {X86_F_FXSR, X86_F_FPU},
                {X86_F_FXSR_OPT, X86_F_FXSR},   {X86_F_PAE, X86_F_PSE},
                {X86_F_LM, X86_F_PAE},          {X86_F_LM, X86_F_MSR},
                {X86_F_LM, X86_F_CMOV},         {X86_F_SYSCALL, X86_F_MSR},
                {X86_F_PCID, X86_F_LM},         {X86_F_INVPCID, X86_F_LM},
                {X86_F_LA57, X86_F_LM},         {X86_F_PDPE1GB, X86_F_LM},
                {X86_F_PKU, X86_F_LM},          {X86_F_FSGSBASE, X86_F_LM},
                {X86_F_X2APIC, X86_F_APIC},     {X86_F_TSC_DEADLINE, X86_F_APIC},
                {X86_F_RDTSCP, X86_F_TSC},      {X86_F_TSC_ADJUST, X86_F_TSC},
                {X86_F_SSE, X86_F_FXSR},        {X86_F_SSE2, X86_F_SSE},
                {X86_F_MMXEXT, X86_F_MMX},      {X86_F_MMXEXT, X86_F_SSE},
                {X86_F_SSE3, X86_F_SSE2},       {X86_F_SSSE3, X86_F_SSE2},
                {X86_F_SSE41, X86_F_SSSE3},     {X86_F_SSE42, X86_F_SSE41},
                {X86_F_SSE4A, X86_F_SSE2},      {X86_F_AES, X86_F_SSE2},
                {X86_F_PCLMULQDQ, X86_F_SSE2},  {X86_F_SHA, X86_F_SSSE3},
                {X86_F_XSAVE, X86_F_FXSR},      {X86_F_AVX, X86_F_XSAVE},
                {X86_F_AVX, X86_F_SSE42},       {X86_F_AVX2, X86_F_AVX},
                {X86_F_FMA, X86_F_AVX},         {X86_F_F16C, X86_F_AVX},
                {X86_F_VAES, X86_F_AVX2},       {X86_F_VAES, X86_F_AES},
                {X86_F_VPCLMULQDQ, X86_F_AVX2}, {X86_F_VPCLMULQDQ, X86_F_PCLMULQDQ},
                {X86_F_XSAVEOPT, X86_F_XSAVE},  {X86_F_XSAVEC, X86_F_XSAVE},
                {X86_F_XSAVES, X86_F_XSAVE},    {X86_F_XGETBV1, X86_F_XSAVE}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!x86_has(cpu, rows[i].needs))
            set_feature(cpu, rows[i].feature, false);
}

static void set_model_features(struct config *c)
{
    for (unsigned f = 0; f < X86_FEATURES && !c->model->features; f++)
        set_feature(c->cpu, f, f != X86_F_FDP_EXCPTN_ONLY && f != X86_F_ZERO_FCS_FDS);
    if (c->model->features)
        set_features(c->cpu, c->model->features, true);
    set_features(c->cpu, always, true);
    if (c->model->level)
        set_feature(c->cpu, X86_F_APIC, strcmp(c->model->name, "486") != 0);
}

static bool get_all(struct config *c, struct error **errp)
{
    c->cpu->model = c->model;
    set_model_features(c);
    if (!get_features(c, errp) || !get_unknown(c, errp))
        return false;
    if (c->is32)
        set_features(c->cpu, "lm syscall", false);
    drop_dependent(c->cpu);
    return get_text(c, "vendor", c->model->vendor, 12, c->cpu->vendor, errp) &&
           get_text(c, "model-id", c->model->desc, 48, c->cpu->brand, errp) &&
           get_signature(c, errp) && get_levels(c, errp) && get_numbers(c, errp) &&
           check_names(c, errp);
}

bool x86_configure(struct x86_cpu *cpu, const char *text, bool is32, struct error **errp)
{
    struct config c = {.cpu = cpu, .opts = opts_parse(text, "cpu"), .is32 = is32};
    const char *name = opts_get(c.opts, "cpu", "");

    normalize_keys(c.opts);
    resolve_aliases(c.opts);
    c.model = get_model(name, errp);
    bool ok = c.model && get_all(&c, errp);
    if (!ok)
        error_prefix(errp, "-cpu %s", name);
    opts_free(c.opts);
    return ok;
}

/* ---- help ---- */

void x86_cpu_list(FILE *f, unsigned bits)
{
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const struct x86_model *m = &models[i];
        if (bits == 32 && m->features && is_word_of(m->features, "lm"))
            continue;
        fprintf(f, "%-20s %s\n", m->name, m->desc);
    }
    fputs("\nRecognized CPUID flags:\n ", f);
    for (unsigned n = 0; n < X86_FEATURES; n++)
        fprintf(f, " %s", feature_names[n]);
    fputc('\n', f);
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

bool x86_cpu_help(const char *model, FILE *f, struct error **errp)
{
    struct x86_cpu *cpu = g_new0(struct x86_cpu, 1);
    bool ok = x86_configure(cpu, model, false, errp);

    if (ok) {
        fprintf(f, "%s options:\n", cpu->model->name);
        for (unsigned n = 0; n < X86_FEATURES; n++)
            print_prop(f, feature_names[n], "bool", feature_help[n],
                       x86_has(cpu, n) ? "true" : "false");
        for (size_t i = 0; i < ARRAY_SIZE(props); i++)
            print_prop(f, props[i].name, props[i].kind, props[i].help, NULL);
    }
    g_free(cpu);
    return ok;
}
