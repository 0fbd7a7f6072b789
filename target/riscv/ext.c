/*
 * Extensions by name: dependencies, misa, the ISA string.
 * Ref: Volume I, "ISA Extension Naming Conventions" and the dependency notes of each extension's
 * chapter.
 */
#include "target/riscv/cpu_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

static const struct row {
    uint8_t ext; /* enum rv_ext */
    const char *name;
    unsigned min_priv;
    const char *help;
} rows[] = {
#define EXT(e, name, min_priv, help) {EXT_##e, name, min_priv, help},
#include "target/riscv/ext.def"
#undef EXT
};

/* The first needs the second. */
static const struct {
    uint8_t ext, other;
} needs[] = {
    {EXT_A, EXT_ZAAMO},     {EXT_A, EXT_ZALRSC},        {EXT_C, EXT_ZCA},
    {EXT_D, EXT_F},         {EXT_F, EXT_ZICSR},         {EXT_S, EXT_U},
    {EXT_S, EXT_ZICSR},     {EXT_U, EXT_ZICSR},         {EXT_ZICNTR, EXT_ZICSR},
    {EXT_ZIHPM, EXT_ZICSR}, {EXT_ZACAS, EXT_ZAAMO},     {EXT_ZAWRS, EXT_ZALRSC},
    {EXT_ZFA, EXT_F},       {EXT_ZFH, EXT_ZFHMIN},      {EXT_ZFHMIN, EXT_F},
    {EXT_ZCB, EXT_ZCA},     {EXT_ZCD, EXT_ZCA},         {EXT_ZCD, EXT_D},
    {EXT_ZCF, EXT_ZCA},     {EXT_ZCF, EXT_F},           {EXT_ZCMOP, EXT_ZCA},
    {EXT_SSTC, EXT_S},      {EXT_SSTC, EXT_ZICNTR},     {EXT_SSCCPTR, EXT_S},
    {EXT_SSTVALA, EXT_S},   {EXT_SSTVECD, EXT_S},       {EXT_SSCOUNTERENW, EXT_S},
    {EXT_SSU64XL, EXT_S},   {EXT_SVBARE, EXT_S},        {EXT_SVADE, EXT_S},
    {EXT_SVADU, EXT_S},     {EXT_SVINVAL, EXT_S},       {EXT_SVNAPOT, EXT_S},
    {EXT_SVPBMT, EXT_S},    {EXT_SMSTATEEN, EXT_ZICSR}, {EXT_SMAIA, EXT_ZICSR},
    {EXT_SSAIA, EXT_S},
};

/* Switching the first off by name takes the others along. */
static const struct {
    uint8_t ext;
    uint64_t parts;
} umbrellas[] = {
    {EXT_A, RV_EXT_BIT(EXT_ZAAMO) | RV_EXT_BIT(EXT_ZALRSC)},
    {EXT_C, RV_EXT_BIT(EXT_ZCA) | RV_EXT_BIT(EXT_ZCD) | RV_EXT_BIT(EXT_ZCF)},
};

enum { RV64_ONLY, RV32_ONLY };
static const uint64_t width_only[] = {
    [RV64_ONLY] = RV_EXT_BIT(EXT_SVNAPOT) | RV_EXT_BIT(EXT_SVPBMT) | RV_EXT_BIT(EXT_SSU64XL),
    [RV32_ONLY] = RV_EXT_BIT(EXT_ZCF),
};
static const uint64_t mmu_only = RV_EXT_BIT(EXT_SVADE) | RV_EXT_BIT(EXT_SVADU) |
                                 RV_EXT_BIT(EXT_SVINVAL) | RV_EXT_BIT(EXT_SVNAPOT) |
                                 RV_EXT_BIT(EXT_SVPBMT);
static const uint64_t unimplemented = RV_EXT_BIT(EXT_V) | RV_EXT_BIT(EXT_H);

static bool has(uint64_t set, unsigned e)
{
    return set >> e & 1;
}

static const struct row *row_of(unsigned e)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].ext == e)
            return &rows[i];
    return NULL;
}

static const char *name_of(unsigned e)
{
    const struct row *row = row_of(e);

    return row ? row->name : "?";
}

int rv_ext_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].ext;
    return -1;
}

bool rv_ext_row(size_t n, enum rv_ext *e, const char **name, const char **help)
{
    if (n >= ARRAY_SIZE(rows))
        return false;
    *e = rows[n].ext;
    *name = rows[n].name;
    *help = rows[n].help;
    return true;
}

/* ---- resolution ---- */

/* Add what members of *set need; those switched off by name cannot be needed. */
static bool close_upwards(uint64_t *set, uint64_t off, struct error **errp)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
            if (!has(*set, needs[i].ext) || has(*set, needs[i].other))
                continue;
            if (has(off, needs[i].other)) {
                error_set(errp, "%s=on needs %s, which is off", name_of(needs[i].ext),
                          name_of(needs[i].other));
                return false;
            }
            *set |= BIT64(needs[i].other);
            again = true;
        }
    }
    return true;
}

/* Drop what lacks something that it needs. */
static uint64_t close_downwards(uint64_t set)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
            if (has(set, needs[i].ext) && !has(set, needs[i].other)) {
                set &= ~BIT64(needs[i].ext);
                again = true;
            }
    }
    return set;
}

/* A and C stand for their parts; C's depend on what else there is. */
static uint64_t expand(uint64_t set, unsigned xlen)
{
    if (has(set, EXT_A))
        set |= BIT64(EXT_ZAAMO) | BIT64(EXT_ZALRSC);
    if (has(set, EXT_C))
        set |= BIT64(EXT_ZCA);
    if (has(set, EXT_C) && has(set, EXT_D))
        set |= BIT64(EXT_ZCD);
    if (has(set, EXT_C) && has(set, EXT_F) && xlen == 32)
        set |= BIT64(EXT_ZCF);
    return set;
}

static bool check_implemented(const struct rv_ext_request *r, struct error **errp)
{
    if (!(r->on & unimplemented))
        return true;
    error_set(errp, "extension %s is not implemented yet",
              name_of((unsigned)__builtin_ctzll(r->on & unimplemented)));
    return false;
}

static bool check_base(const struct rv_ext_request *r, struct error **errp)
{
    if (!has(r->on, EXT_I) || !has(r->on, EXT_E))
        return true;
    error_set(errp, "i and e are different base instruction sets: only one can be on");
    return false;
}

/* What this width, specification or lack of an MMU rules out. */
static uint64_t ruled_out(const struct rv_ext_request *r)
{
    uint64_t set = width_only[r->xlen == 32 ? RV64_ONLY : RV32_ONLY];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].min_priv > r->priv_spec)
            set |= BIT64(rows[i].ext);
    return r->has_mmu ? set : set | mmu_only;
}

static bool check_possible(const struct rv_ext_request *r, uint64_t asked, struct error **errp)
{
    uint64_t bad = asked & ruled_out(r);

    if (!bad)
        return true;
    unsigned e = (unsigned)__builtin_ctzll(bad), min = row_of(e)->min_priv;
    if (min > r->priv_spec)
        error_set(errp, "%s needs priv_spec v1.%u.0 or later, found v1.%u.0", name_of(e),
                  min >> 8 & 0xff, r->priv_spec >> 8 & 0xff);
    else if (has(width_only[RV32_ONLY] | width_only[RV64_ONLY], e) && r->has_mmu)
        error_set(errp, "%s exists on RV%u only", name_of(e), r->xlen == 32 ? 64 : 32);
    else
        error_set(errp, "%s needs an MMU", name_of(e));
    return false;
}

static uint64_t without_umbrellas(const struct rv_ext_request *r, uint64_t set)
{
    for (size_t i = 0; i < ARRAY_SIZE(umbrellas); i++)
        if (has(r->off, umbrellas[i].ext))
            set &= ~umbrellas[i].parts;
    return set;
}

bool rv_ext_resolve(const struct rv_ext_request *r, uint64_t *out, struct error **errp)
{
    uint64_t asked = r->on;

    if (!check_implemented(r, errp) || !check_base(r, errp) ||
        !close_upwards(&asked, r->off, errp) || !check_possible(r, asked, errp))
        return false;
    uint64_t set = without_umbrellas(r, expand(r->defaults, r->xlen)) & ~r->off;
    set = expand(set | asked, r->xlen) & ~ruled_out(r) & ~r->off;
    if (has(asked, EXT_E))
        set &= ~BIT64(EXT_I);
    if (has(asked, EXT_I))
        set &= ~BIT64(EXT_E);
    set = close_downwards(set);
    if (!has(set, EXT_I) && !has(set, EXT_E)) {
        error_set(errp, "a base instruction set, i or e, is needed");
        return false;
    }
    *out = set;
    return true;
}

/* ---- what the guest sees ---- */

/* C is set when all of Zca, Zcf and Zcd that apply are there. Ref: Priv. 3.1.1; Volume I, "Zc". */
static bool has_full_c(const struct rv_cpu *cpu)
{
    return rv_has(cpu, EXT_ZCA) && (!rv_has(cpu, EXT_D) || rv_has(cpu, EXT_ZCD)) &&
           (!rv_has(cpu, EXT_F) || cpu->xlen == 64 || rv_has(cpu, EXT_ZCF));
}

uint64_t rv_misa(const struct rv_cpu *cpu)
{
    static const struct {
        uint8_t ext;
        char letter;
    } letters[] = {{EXT_I, 'i'}, {EXT_E, 'e'}, {EXT_M, 'm'}, {EXT_A, 'a'},
                   {EXT_F, 'f'}, {EXT_D, 'd'}, {EXT_S, 's'}, {EXT_U, 'u'}};
    uint64_t misa = cpu->xlen == 32 ? BIT64(30) : BIT64(63);

    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        if (rv_has(cpu, letters[i].ext))
            misa |= BIT64(letters[i].letter - 'a');
    if (has_full_c(cpu))
        misa |= BIT64('c' - 'a');
    if (cpu->priv_spec >= RV_PRIV_1_13 && rv_has(cpu, EXT_ZBA) && rv_has(cpu, EXT_ZBB) &&
        rv_has(cpu, EXT_ZBS))
        misa |= BIT64('b' - 'a');
    return misa;
}

/* Modes are not part of the ISA string. */
static bool is_listed(const struct rv_cpu *cpu, const struct row *row)
{
    return rv_has(cpu, row->ext) && row->ext != EXT_S && row->ext != EXT_U;
}

char *riscv_isa_string(struct cpu *cpu)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "rv%u", rv(cpu)->xlen);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (is_listed(rv(cpu), &rows[i]))
            g_string_append_printf(s, "%s%s", rows[i].name[1] ? "_" : "", rows[i].name);
    return g_string_free(s, FALSE);
}

size_t riscv_isa_extensions(struct cpu *cpu, const char *out[], size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows) && n < max; i++)
        if (is_listed(rv(cpu), &rows[i]))
            out[n++] = rows[i].name;
    return n;
}

bool riscv_has(struct cpu *cpu, const char *ext)
{
    int e = rv_ext_find(ext);

    return e >= 0 && rv_has(rv(cpu), (enum rv_ext)e);
}
