/*
 * Access to system registers: finding the row, who may, what traps.
 *
 * Ref: the manual, D1.3.5 (traps), D19 and C5 (accessibility pseudocode of each register), D8.11
 * (redirection by HCR_EL2.E2H).
 */
#include "target/arm/sysreg.h"

#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/syndrome.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>

/* ---- lookup ---- */

static const struct arm_sysreg *const tables[] = {
    arm_sysregs_id,  arm_sysregs_el,    arm_sysregs_debug, arm_sysregs_sys,
    arm_sysregs_pmu, arm_sysregs_timer, arm_sysregs_gic,
};

const struct arm_sysreg *arm_sysreg_row(size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (const struct arm_sysreg *r = tables[i]; r->name; r++)
            if (n-- == 0)
                return r;
    return NULL;
}

/* Rows by key: made once. */
static const struct arm_sysreg **make_index(void)
{
    const struct arm_sysreg **rows = g_new0(const struct arm_sysreg *, 1 << 16);
    const struct arm_sysreg *r;

    for (size_t n = 0; (r = arm_sysreg_row(n)); n++)
        rows[r->key] = r;
    return rows;
}

const struct arm_sysreg *arm_sysreg_find(uint32_t key)
{
    static const struct arm_sysreg **rows;

    if (g_once_init_enter(&rows))
        g_once_init_leave(&rows, make_index());
    return rows[key & 0xffff];
}

bool arm_sysreg_exists(const struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (r->feature && !arm_has(cpu, (enum arm_feature)(r->feature - 1)))
        return false;
    if ((r->flags & ARM_REG_NEEDS_EL3) && !arm_has_el3(cpu))
        return false;
    /* With EL3 only, EL2's registers are there for EL3 and read as zero. */
    if ((r->flags & ARM_REG_NEEDS_EL2) && !arm_has_el2(cpu) && !arm_has_el3(cpu))
        return false;
    return !(r->flags & ARM_REG_NEEDS_GIC) || cpu->gic_ops;
}

/* ---- EL2 by EL1's names ---- */

static bool is_e2h(const struct arm_cpu *cpu)
{
    return arm_el2_enabled(cpu) && (cpu->s.hcr_el2 & HCR_E2H);
}

static uint32_t with_op1(uint32_t key, unsigned op1)
{
    return (key & ~(uint32_t)ARM_SYSREG_OP1) | op1 << 11;
}

/* The EL2 register that an EL1 name means at EL2 with E2H. */
static uint32_t el2_key(uint32_t key)
{
    if (key == ARM_SYSREG(3, 0, 1, 0, 2))
        return ARM_SYSREG(3, 4, 1, 1, 2); /* CPACR_EL1: CPTR_EL2 */
    return with_op1(key, 4);
}

static bool is_timer_key(uint32_t key)
{
    return (key & ARM_SYSREG_CRN) == 14 << 7 && (key >> 11 & 7) == 3;
}

/* The register that an access means, NULL: none.  *alias: by an _EL12 or _EL02 name, or EL2's
 * timers at EL0: who may is settled. */
static const struct arm_sysreg *resolve(const struct arm_cpu *cpu, uint32_t key, bool *alias)
{
    unsigned el = cpu->s.ps.el;
    const struct arm_sysreg *r;

    *alias = false;
    if ((key >> 11 & 7) == 5 && key >> 14 == 3) {
        if (el < 2 || !arm_has_el2(cpu) || !(cpu->s.hcr_el2 & HCR_E2H))
            return NULL;
        bool timer = (key & ARM_SYSREG_CRN) == 14 << 7 && (key & ARM_SYSREG_CRM) >= 2 << 3;
        r = arm_sysreg_find(with_op1(key, timer ? 3 : 0));
        *alias = true;
        return r && (r->flags & ARM_REG_VHE) ? r : NULL;
    }
    r = arm_sysreg_find(key);
    if (!r || !(r->flags & ARM_REG_VHE) || !is_e2h(cpu))
        return r;
    if (el == 2)
        return arm_sysreg_find(el2_key(key));
    *alias = el == 0 && is_timer_key(key) && arm_is_host(cpu);
    return *alias ? arm_sysreg_find(el2_key(key)) : r;
}

/* ---- checks ---- */

static bool fgt_applies(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_FGT) && cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) &&
           !arm_is_host(cpu) && (!arm_has_el3(cpu) || (cpu->s.scr_el3 & SCR_FGTEN));
}

static bool is_fgt_trapped(const struct arm_cpu *cpu, uint8_t fgt, bool is_write)
{
    const struct arm_state *s = &cpu->s;
    uint64_t bits;

    if (!fgt || !fgt_applies(cpu))
        return false;
    switch (fgt & ~ARM_FGT_BIT) {
    case ARM_FGT_SYSTEM: bits = is_write ? s->hfgwtr_el2 : s->hfgrtr_el2; break;
    case ARM_FGT_DEBUG: bits = is_write ? s->hdfgwtr_el2 : s->hdfgrtr_el2; break;
    default: bits = s->hfgitr_el2;
    }
    return bits >> (fgt & ARM_FGT_BIT) & 1;
}

static enum arm_access check(const struct arm_cpu *cpu, const struct arm_sysreg *r, bool is_write,
                             bool alias)
{
    unsigned el = cpu->s.ps.el;

    if (!(r->rights >> (el * 2 + is_write) & 1) && !alias)
        return ARM_UNDEFINED;
    if ((r->flags & ARM_REG_NEEDS_EL2) && el == 3 && !arm_has_el2(cpu))
        return ARM_ALLOWED;
    enum arm_access a = r->check ? r->check(cpu, r, is_write) : ARM_ALLOWED;
    if (a == ARM_UNDEFINED || a == ARM_TRAP_EL1)
        return a;
    if (el <= 1 && (arm_hcr(cpu) & (is_write ? r->hcr_w : r->hcr_r)))
        return ARM_TRAP_EL2;
    if (is_fgt_trapped(cpu, r->fgt, is_write))
        return ARM_TRAP_EL2;
    return a;
}

/* Registers of an implementation's own.  Ref: the manual, D1.3.5 (HCR_EL2.TIDCP). */
static bool is_impdef(uint32_t key)
{
    unsigned crn = key >> 7 & 15;

    return (crn == 11 || crn == 15) && (key >> 14 == 3 || key >> 14 == 1);
}

/* Those of the Armv8.0 cores that their software touches: cache and processor control, error
 * records.  They are zero and ignore writes.  Ref: Cortex-A57 TRM, 4.3. */
static bool is_core_control(const struct arm_cpu *cpu, uint32_t key)
{
    static const uint32_t keys[] = {
        ARM_SYSREG(3, 1, 11, 0, 2), ARM_SYSREG(3, 1, 11, 0, 3), ARM_SYSREG(3, 1, 15, 0, 0),
        ARM_SYSREG(3, 1, 15, 2, 0), ARM_SYSREG(3, 1, 15, 2, 1), ARM_SYSREG(3, 1, 15, 2, 2),
        ARM_SYSREG(3, 1, 15, 2, 3),
    };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i] == key)
            return !arm_has(cpu, ARM_F_LSE);
    return false;
}

static bool is_id_space(uint32_t key)
{
    return key >> 14 == 3 && (key >> 7 & 15) == 0 && (key >> 3 & 15) < 8 &&
           ((key >> 11 & 7) <= 1 || (key >> 11 & 7) == 3);
}

/* What becomes of an encoding that no row has.  Reserved ID registers read as zero. */
static enum arm_access check_unknown(const struct arm_cpu *cpu, uint32_t key, bool is_write)
{
    unsigned el = cpu->s.ps.el;

    if (is_impdef(key)) {
        if (el <= 1 && (arm_hcr(cpu) & HCR_TIDCP))
            return ARM_TRAP_EL2;
        return el && is_core_control(cpu, key) ? ARM_ALLOWED : ARM_UNDEFINED;
    }
    if (key >> 11 == 3 << 3 && is_id_space(key) && (key & ARM_SYSREG_CRM) && el && !is_write)
        return el == 1 && (arm_hcr(cpu) & HCR_TID3) ? ARM_TRAP_EL2 : ARM_ALLOWED;
    return ARM_UNDEFINED;
}

static void NORETURN refuse(struct arm_cpu *cpu, uint32_t key, unsigned rt, bool is_write,
                            enum arm_access a)
{
    /* Op0 21..20, Op2 19..17, Op1 16..14, CRn 13..10, Rt 9..5, CRm 4..1, Direction 0 */
    uint32_t iss = (key >> 14 & 3) << 20 | (key & 7) << 17 | (key >> 11 & 7) << 14 |
                   (key >> 7 & 15) << 10 | rt << 5 | (key >> 3 & 15) << 1 | !is_write;

    if (a == ARM_UNDEFINED) {
        log_printf(LOG_UNIMP, "cpu %u: %s of system register %u_%u_C%u_C%u_%u at EL%u: undefined\n",
                   cpu->cpu.index, is_write ? "write" : "read", key >> 14, key >> 11 & 7,
                   key >> 7 & 15, key >> 3 & 15, key & 7, cpu->s.ps.el);
        if (cpu->s.ps.a32)
            arm_raise_undefined(cpu);
        if (is_write || !arm_has(cpu, ARM_F_IDST) || !is_id_space(key))
            arm_raise_undefined(cpu);
        a = ARM_TRAP_EL1;
    }
    if (cpu->s.ps.a32)
        arm_a32_refuse(cpu, a, is_write);
    if (a == ARM_FP_TRAP_EL2 || a == ARM_FP_TRAP_EL3)
        arm_raise(cpu, a == ARM_FP_TRAP_EL2 ? 2 : 3, SYN_FP_TRAP);
    arm_raise(cpu, a == ARM_TRAP_EL1 ? 1 : a == ARM_TRAP_EL2 ? 2 : 3, ESR(ARM_EC_SYSREG, iss));
}

/* The row of an access that is allowed; NULL: reads as zero, ignores writes. */
static const struct arm_sysreg *checked(struct arm_cpu *cpu, uint32_t key, unsigned rt,
                                        bool is_write)
{
    bool alias;
    const struct arm_sysreg *r = resolve(cpu, key, &alias);

    if (r && !arm_sysreg_exists(cpu, r))
        r = NULL;
    enum arm_access a = r ? check(cpu, r, is_write, alias) : check_unknown(cpu, key, is_write);
    if (UNLIKELY(a != ARM_ALLOWED))
        refuse(cpu, key, rt, is_write, a);
    if (r && (r->flags & ARM_REG_NEEDS_EL2) && !arm_has_el2(cpu))
        return NULL;
    return r;
}

/* ---- access ---- */

uint64_t *arm_sysreg_field(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return (uint64_t *)(void *)((char *)cpu + r->off);
}

static uint64_t do_read(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (r->read)
        return r->read(cpu, r);
    return r->off ? *arm_sysreg_field(cpu, r) : 0;
}

static void do_write(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    if (r->mask && r->off)
        val = (*arm_sysreg_field(cpu, r) & ~r->mask) | (val & r->mask);
    if (r->write)
        r->write(cpu, r, val);
    else if (r->off)
        *arm_sysreg_field(cpu, r) = val;
}

uint64_t arm_sysreg_read(struct arm_cpu *cpu, uint32_t key, unsigned rt)
{
    const struct arm_sysreg *r = checked(cpu, key, rt, false);

    return r ? do_read(cpu, r) : 0;
}

void arm_sysreg_write(struct arm_cpu *cpu, uint32_t key, unsigned rt, uint64_t val)
{
    const struct arm_sysreg *r = checked(cpu, key, rt, true);

    if (r)
        do_write(cpu, r, val);
}

bool arm_sysreg_peek(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t *val)
{
    if (!(r->rights & ARM_R0_UP) || (!r->off && !r->read) || !arm_sysreg_exists(cpu, r))
        return false;
    if (r->flags & ARM_REG_READ_ACTS)
        return false;
    *val = do_read(cpu, r);
    return true;
}

bool arm_sysreg_poke(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    if (!(r->rights & ARM_W0_UP) || (!r->off && !r->write) || !arm_sysreg_exists(cpu, r))
        return false;
    do_write(cpu, r, val);
    return true;
}

/* ---- for translation ---- */

bool arm_sysreg_is_plain(const struct arm_cpu *cpu, uint32_t key, uint32_t mode, bool is_write,
                         size_t *off)
{
    const struct arm_sysreg *r = arm_sysreg_find(key);
    unsigned el = mode & ARM_MODE_EL, idx = mode >> ARM_MODE_IDX_SHIFT & 7;
    bool e2h = idx == ARM_IDX_EL20_2 || idx == ARM_IDX_EL20_2_PAN;

    if (!r || !(r->flags & ARM_REG_PLAIN) || (mode & ARM_MODE_TRAPS) || !arm_sysreg_exists(cpu, r))
        return false;
    if (e2h && (r->flags & ARM_REG_VHE)) {
        r = arm_sysreg_find(el2_key(key));
        if (!r || !(r->flags & ARM_REG_PLAIN))
            return false;
    }
    if ((r->flags & ARM_REG_NEEDS_EL2) && !arm_has_el2(cpu))
        return false;
    *off = r->off;
    return r->rights >> (el * 2 + is_write) & 1;
}

bool arm_sysreg_ends_unit(uint32_t key)
{
    const struct arm_sysreg *r = arm_sysreg_find(key);

    return !r || !(r->flags & ARM_REG_QUIET);
}
