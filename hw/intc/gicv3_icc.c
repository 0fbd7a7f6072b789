/*
 * GICv3 CPU interface: ICC_* registers, priorities and preemption, software-generated interrupts.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), chapters 4.6 to 4.8 and 12.2.
 */
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <stdatomic.h>

enum { BPR_BITS = 7, BPR_MIN = 2, BPR_MIN_NS = BPR_MIN + 1 };
enum { INTID_BITS_MASK = 0xffffff, FIRMWARE_PMR = 0xf8 };
enum {
    ICC_CBPR = 1 << 0,
    ICC_EOIMODE = 1 << 1,
    ICC_PMHE = 1 << 6,
    ICC_PRI_BITS = (5 - 1) << 8, /* and IDbits 0: INTIDs of 16 bits */
    ICC_A3V = 1 << 15,
    ICC_RSS = 1 << 18,
    ICC_FIXED = ICC_PRI_BITS | ICC_A3V | ICC_RSS,
};
enum {
    EL3_CBPR_S = 1 << 0,
    EL3_CBPR_NS = 1 << 1,
    EL3_EOIMODE_EL3 = 1 << 2,
    EL3_EOIMODE_S = 1 << 3,
    EL3_EOIMODE_NS = 1 << 4,
};
enum { INTID_FOR_SECURE_EL1 = 1020, INTID_FOR_NONSECURE = 1021 };
static const uint64_t SGI_IRM = BIT64(40);

/* Group 1 of the security state that asks. */
static enum gicv3_group own_group1(const struct gicv3_redist *r, struct gicv3_who who)
{
    return r->gic->security && who.secure ? GICV3_G1S : GICV3_G1NS;
}

/* EL3 is secure, whichever state's registers SCR_EL3.NS shows it. */
static bool is_secure(struct gicv3_who who)
{
    return who.secure || who.el == 3;
}

/* Whether who sees only the lower half of the priorities (4.8.1). */
static bool is_ns_view(const struct gicv3_redist *r, struct gicv3_who who)
{
    return r->gic->security && !is_secure(who) && !who.group0_ns;
}

/* Priorities. */

/* The binary point that splits the priorities of a group: Group 1's non-secure one counts from one
 * bit higher. */
static unsigned binary_point(const struct gicv3_redist *r, enum gicv3_group group)
{
    if (group == GICV3_G0 || (r->s.icc_ctlr[group] & ICC_CBPR))
        return r->s.bpr[GICV3_G0];
    return group == GICV3_G1S ? r->s.bpr[group] : r->s.bpr[group] - 1;
}

static unsigned running_priority(const struct gicv3_redist *r)
{
    return gicv3_active_priority(r->s.ap[GICV3_G0] | r->s.ap[GICV3_G1S] | r->s.ap[GICV3_G1NS]);
}

bool gicv3_can_signal(const struct gicv3_redist *r)
{
    unsigned priority = r->best >> GICV3_INTID_BITS, running = running_priority(r);
    if (r->best == GICV3_NONE || priority >= r->s.pmr)
        return false;
    unsigned mask = gicv3_group_mask(binary_point(r, r->best_group));
    return running == GICV3_IDLE || (priority & mask) < (running & mask);
}

/* Acknowledge and end. */

/* The INTID that a read of IAR or HPPIR gives for the best interrupt: reg_group is the register's;
 * special numbers stand for interrupts of others. */
static uint32_t visible_intid(const struct gicv3_redist *r, enum gicv3_group reg_group,
                              struct gicv3_who who)
{
    if (r->best == GICV3_NONE)
        return GICV3_SPURIOUS;
    if (r->best_group == reg_group)
        return r->best & GICV3_INTID_MASK;
    if (reg_group != GICV3_G0 || who.el != 3)
        return GICV3_SPURIOUS;
    return r->best_group == GICV3_G1S ? INTID_FOR_SECURE_EL1 : INTID_FOR_NONSECURE;
}

static void activate(struct gicv3_redist *r, uint32_t best, enum gicv3_group group)
    REQUIRES(r->lock)
{
    unsigned priority = best >> GICV3_INTID_BITS & gicv3_group_mask(binary_point(r, group));
    uint32_t intid = best & GICV3_INTID_MASK;
    r->s.ap[group] |= UINT32_C(1) << (priority >> 3);
    if (intid < GICV3_PRIVATE || intid >= GICV3_FIRST_LPI)
        gicv3_local_activate(r, intid);
    else
        gicv3_evaluate(r);
}

/* An SPI may have gone to another CPU, or away, since the last evaluation: then look again. */
static uint32_t acknowledge(struct gicv3_redist *r, enum gicv3_group reg_group,
                            struct gicv3_who who) REQUIRES(r->lock)
{
    for (;;) {
        gicv3_evaluate(r);
        uint32_t best = r->best, intid = visible_intid(r, reg_group, who);
        enum gicv3_group group = r->best_group;
        if (!gicv3_can_signal(r))
            return GICV3_SPURIOUS;
        if (intid >= GICV3_SPECIAL && intid < GICV3_INTIDS)
            return intid;
        if (intid < GICV3_PRIVATE || intid >= GICV3_FIRST_LPI ||
            gicv3_spi_activate(r->gic, r, best, group)) {
            activate(r, best, group);
            return intid;
        }
    }
}

/* Whether the running priority is the group's; then it ends. */
static bool drop_priority(struct gicv3_redist *r, enum gicv3_group group)
{
    uint32_t all = r->s.ap[GICV3_G0] | r->s.ap[GICV3_G1S] | r->s.ap[GICV3_G1NS];
    uint32_t highest = all & -all;
    if (!(r->s.ap[group] & highest))
        return false;
    r->s.ap[group] &= ~highest;
    return true;
}

static bool splits_eoi(const struct gicv3_redist *r, struct gicv3_who who)
{
    if (r->gic->security && who.el == 3)
        return r->s.icc_ctlr_el3 & EL3_EOIMODE_EL3;
    return r->s.icc_ctlr[own_group1(r, who)] & ICC_EOIMODE;
}

/* Non-secure software cannot end what is secure. */
static bool ends_ns_only(const struct gicv3_redist *r, struct gicv3_who who)
{
    return !is_secure(who) && !gicv3_has_ds(r->gic);
}

static bool is_special(uint32_t intid)
{
    return intid >= GICV3_SPECIAL && intid < GICV3_INTIDS;
}

static void end_of_interrupt(struct gicv3_redist *r, enum gicv3_group group, uint32_t intid,
                             struct gicv3_who who)
{
    if (is_special(intid))
        return;
    mutex_lock(&r->lock);
    bool dropped = drop_priority(r, group), deactivate = dropped && !splits_eoi(r, who);
    if (dropped)
        gicv3_evaluate(r);
    mutex_unlock(&r->lock);
    if (deactivate)
        gicv3_deactivate(r, intid, ends_ns_only(r, who));
    if (!dropped)
        dev_guest_error(&r->dev, "end of interrupt %u, whose group has not the running priority",
                        intid);
}

static void write_dir(struct gicv3_redist *r, uint32_t intid, struct gicv3_who who)
{
    mutex_lock(&r->lock);
    bool split = splits_eoi(r, who);
    mutex_unlock(&r->lock);
    if (split && !is_special(intid))
        gicv3_deactivate(r, intid, ends_ns_only(r, who));
    else if (!split)
        dev_guest_error(&r->dev, "ICC_DIR_EL1 is written without EOImode");
}

/* Registers. */

static uint32_t ns_priority(uint32_t priority)
{
    return priority & 0x80 ? priority << 1 & 0xff : 0;
}

static uint32_t read_pmr(const struct gicv3_redist *r, struct gicv3_who who)
{
    return is_ns_view(r, who) ? ns_priority(r->s.pmr) : r->s.pmr;
}

static void write_pmr(struct gicv3_redist *r, uint32_t val, struct gicv3_who who)
{
    if (!is_ns_view(r, who))
        r->s.pmr = val & GICV3_PRIO_MASK;
    else if (r->s.pmr & 0x80)
        r->s.pmr = (0x80 | (val & 0xff) >> 1) & GICV3_PRIO_MASK;
}

static uint32_t read_rpr(const struct gicv3_redist *r, struct gicv3_who who)
{
    uint32_t priority = running_priority(r);
    return is_ns_view(r, who) && priority != GICV3_IDLE ? ns_priority(priority) : priority;
}

/* With CBPR the register is a view of BPR0, but for EL3. */
static bool has_common_bpr(const struct gicv3_redist *r, struct gicv3_who who)
{
    bool el3 = r->gic->security && who.el == 3;
    return !el3 && (r->s.icc_ctlr[own_group1(r, who)] & ICC_CBPR);
}

static uint32_t read_bpr1(const struct gicv3_redist *r, struct gicv3_who who)
{
    enum gicv3_group group = own_group1(r, who);
    if (!has_common_bpr(r, who))
        return r->s.bpr[group];
    uint32_t common = r->s.bpr[GICV3_G0];
    return group == GICV3_G1S ? common : MIN(common + 1, (uint32_t)BPR_BITS);
}

static void write_bpr(struct gicv3_redist *r, enum gicv3_group group, uint32_t val)
{
    uint32_t least = group == GICV3_G1NS ? BPR_MIN_NS : BPR_MIN;
    r->s.bpr[group] = MAX(val & BPR_BITS, least);
}

static void write_bpr1(struct gicv3_redist *r, uint32_t val, struct gicv3_who who)
{
    enum gicv3_group group = own_group1(r, who);
    if (!has_common_bpr(r, who))
        write_bpr(r, group, val);
    else if (group == GICV3_G1S)
        write_bpr(r, GICV3_G0, val);
}

static uint32_t read_ctlr(const struct gicv3_redist *r, struct gicv3_who who)
{
    return r->s.icc_ctlr[own_group1(r, who)] | (r->s.icc_ctlr_el3 & ICC_PMHE) | ICC_FIXED;
}

/* CBPR and PMHE are EL3's to set, unless there is one security state only. */
static void write_ctlr(struct gicv3_redist *r, uint32_t val, struct gicv3_who who)
{
    uint32_t *ctlr = &r->s.icc_ctlr[own_group1(r, who)];
    uint32_t writable = gicv3_has_ds(r->gic) ? ICC_CBPR | ICC_EOIMODE : ICC_EOIMODE;
    *ctlr = (*ctlr & ~writable) | (val & writable);
    if (gicv3_has_ds(r->gic))
        r->s.icc_ctlr_el3 = (r->s.icc_ctlr_el3 & ~(uint32_t)ICC_PMHE) | (val & ICC_PMHE);
}

static uint32_t read_ctlr_el3(const struct gicv3_redist *r)
{
    uint32_t s = r->s.icc_ctlr[GICV3_G1S], ns = r->s.icc_ctlr[GICV3_G1NS];
    return r->s.icc_ctlr_el3 | (s & ICC_CBPR ? EL3_CBPR_S : 0) | (ns & ICC_CBPR ? EL3_CBPR_NS : 0) |
           (s & ICC_EOIMODE ? EL3_EOIMODE_S : 0) | (ns & ICC_EOIMODE ? EL3_EOIMODE_NS : 0) |
           ICC_FIXED;
}

static void write_ctlr_el3(struct gicv3_redist *r, uint32_t val)
{
    r->s.icc_ctlr_el3 = val & (EL3_EOIMODE_EL3 | ICC_PMHE);
    r->s.icc_ctlr[GICV3_G1S] =
        (val & EL3_CBPR_S ? ICC_CBPR : 0) | (val & EL3_EOIMODE_S ? ICC_EOIMODE : 0);
    r->s.icc_ctlr[GICV3_G1NS] =
        (val & EL3_CBPR_NS ? ICC_CBPR : 0) | (val & EL3_EOIMODE_NS ? ICC_EOIMODE : 0);
}

static uint32_t read_locked(struct gicv3_redist *r, enum gicv3_reg reg, struct gicv3_who who)
    REQUIRES(r->lock)
{
    enum gicv3_group group1 = own_group1(r, who);
    switch (reg) {
    case GICV3_IAR0: return acknowledge(r, GICV3_G0, who);
    case GICV3_IAR1: return acknowledge(r, group1, who);
    case GICV3_HPPIR0: gicv3_evaluate(r); return visible_intid(r, GICV3_G0, who);
    case GICV3_HPPIR1: gicv3_evaluate(r); return visible_intid(r, group1, who);
    case GICV3_PMR: return read_pmr(r, who);
    case GICV3_RPR: return read_rpr(r, who);
    case GICV3_BPR0: return r->s.bpr[GICV3_G0];
    case GICV3_BPR1: return read_bpr1(r, who);
    case GICV3_CTLR: return read_ctlr(r, who);
    case GICV3_CTLR_EL3: return read_ctlr_el3(r);
    case GICV3_IGRPEN0: return r->s.igrpen[GICV3_G0];
    case GICV3_IGRPEN1: return r->s.igrpen[group1];
    case GICV3_IGRPEN1_EL3: return r->s.igrpen[GICV3_G1NS] | r->s.igrpen[GICV3_G1S] << 1;
    case GICV3_AP0R0: return r->s.ap[GICV3_G0];
    case GICV3_AP1R0: return r->s.ap[group1];
    default: return 0;
    }
}

static void write_locked(struct gicv3_redist *r, enum gicv3_reg reg, uint32_t val,
                         struct gicv3_who who)
{
    enum gicv3_group group1 = own_group1(r, who);
    switch (reg) {
    case GICV3_PMR: write_pmr(r, val, who); break;
    case GICV3_BPR0: write_bpr(r, GICV3_G0, val); break;
    case GICV3_BPR1: write_bpr1(r, val, who); break;
    case GICV3_CTLR: write_ctlr(r, val, who); break;
    case GICV3_CTLR_EL3: write_ctlr_el3(r, val); break;
    case GICV3_IGRPEN0: r->s.igrpen[GICV3_G0] = val & 1; break;
    case GICV3_IGRPEN1: r->s.igrpen[group1] = val & 1; break;
    case GICV3_IGRPEN1_EL3:
        r->s.igrpen[GICV3_G1NS] = val & 1;
        r->s.igrpen[GICV3_G1S] = val >> 1 & 1;
        break;
    case GICV3_AP0R0: r->s.ap[GICV3_G0] = val; break;
    case GICV3_AP1R0: r->s.ap[group1] = val; break;
    default: break;
    }
}

static bool enables_groups(enum gicv3_reg reg)
{
    return reg == GICV3_IGRPEN0 || reg == GICV3_IGRPEN1 || reg == GICV3_IGRPEN1_EL3;
}

static void write_register(struct gicv3_redist *r, enum gicv3_reg reg, uint32_t val,
                           struct gicv3_who who)
{
    mutex_lock(&r->lock);
    write_locked(r, reg, val, who);
    bool reroute = enables_groups(reg) && gicv3_update_participation(r);
    gicv3_evaluate(r);
    mutex_unlock(&r->lock);
    if (reroute)
        gicv3_reroute(r->gic);
}

/* Software-generated interrupts. */

struct sgi {
    enum gicv3_reg reg; /* that was written */
    unsigned intid;
    bool secure;
};

/* Chapter 4.4.2 and the descriptions of the three registers: which group's interrupt an access can
 * make pending.  To non-secure ones GICR_NSACR can give more. */
static bool may_send(const struct gicv3_redist *to, const struct sgi *sgi)
{
    bool ds = gicv3_has_ds(to->gic);
    enum gicv3_group group = gicv3_bank_group(&to->s.bank, sgi->intid, ds);
    if (ds)
        return group == GICV3_G0 || sgi->reg == GICV3_SGI1R;
    if (sgi->secure) {
        if (group == GICV3_G1NS)
            return sgi->reg == GICV3_ASGI1R;
        return sgi->reg == (group == GICV3_G0 ? GICV3_SGI0R : GICV3_SGI1R);
    }
    if (group == GICV3_G1NS)
        return sgi->reg == GICV3_SGI1R;
    if (group == GICV3_G1S && sgi->reg == GICV3_SGI0R)
        return false;
    return gicv3_bank_nsacr(&to->s.bank, sgi->intid) >= (group == GICV3_G0 ? 1 : 2);
}

static void send_to(struct gicv3_redist *to, const struct sgi *sgi)
{
    mutex_lock(&to->lock);
    if (may_send(to, sgi)) {
        to->s.bank.latch |= UINT32_C(1) << sgi->intid;
        gicv3_local_changed(to);
    }
    mutex_unlock(&to->lock);
}

static void send_to_all_but(struct gicv3_redist *from, const struct sgi *sgi)
{
    struct gicv3 *g = from->gic;
    for (unsigned i = 0; i < g->ncpus; i++)
        if (g->cpus[i] != from)
            send_to(g->cpus[i], sgi);
}

static void send_to_list(struct gicv3 *g, uint64_t val, const struct sgi *sgi)
{
    uint32_t affinity = (uint32_t)(extract64(val, 48, 8) << 24 | extract64(val, 32, 8) << 16 |
                                   extract64(val, 16, 8) << 8 | extract64(val, 44, 4) << 4);
    for (uint32_t list = val & 0xffff; list; list &= list - 1) {
        struct gicv3_redist *to = gicv3_find_cpu(g, affinity + (uint32_t)__builtin_ctz(list));
        if (to)
            send_to(to, sgi);
    }
}

static void send_sgi(struct gicv3_redist *from, enum gicv3_reg reg, uint64_t val,
                     struct gicv3_who who)
{
    struct sgi sgi = {reg, (unsigned)extract64(val, 24, 4), is_secure(who)};
    if (val & SGI_IRM)
        send_to_all_but(from, &sgi);
    else
        send_to_list(from->gic, val, &sgi);
}

/* The interface to the processor. */

static uint64_t icc_read(struct gicv3_redist *r, enum gicv3_reg reg, struct gicv3_who who)
{
    mutex_lock(&r->lock);
    uint32_t val = read_locked(r, reg, who);
    mutex_unlock(&r->lock);
    return val;
}

static void icc_write(struct gicv3_redist *r, enum gicv3_reg reg, uint64_t val,
                      struct gicv3_who who)
{
    uint32_t intid = (uint32_t)val & INTID_BITS_MASK;
    switch (reg) {
    case GICV3_EOIR0: end_of_interrupt(r, GICV3_G0, intid, who); break;
    case GICV3_EOIR1: end_of_interrupt(r, own_group1(r, who), intid, who); break;
    case GICV3_DIR: write_dir(r, intid, who); break;
    case GICV3_SGI0R:
    case GICV3_SGI1R:
    case GICV3_ASGI1R: send_sgi(r, reg, val, who); break;
    default: write_register(r, reg, (uint32_t)val, who); break;
    }
}

static uint64_t cpu_read(void *gic, unsigned cpu, enum gicv3_reg reg, struct gicv3_who who)
{
    struct gicv3_redist *r = gicv3_cpu(gic, cpu);
    if (reg >= GICV3_ICH_HCR)
        return gicv3_ich_read(r, reg);
    return who.is_virtual ? gicv3_icv_read(r, reg) : icc_read(r, reg, who);
}

static void cpu_write(void *gic, unsigned cpu, enum gicv3_reg reg, uint64_t val,
                      struct gicv3_who who)
{
    struct gicv3_redist *r = gicv3_cpu(gic, cpu);
    if (reg >= GICV3_ICH_HCR)
        gicv3_ich_write(r, reg, val);
    else if (who.is_virtual)
        gicv3_icv_write(r, reg, val);
    else
        icc_write(r, reg, val, who);
}

static void cpu_state_changed(void *gic, unsigned cpu, struct gicv3_who who)
{
    struct gicv3_redist *r = gicv3_cpu(gic, cpu);
    mutex_lock(&r->lock);
    r->s.el = who.el;
    r->s.secure = who.secure;
    r->s.el3_a32 = who.el3_a32;
    if (r->best != GICV3_NONE)
        gicv3_evaluate(r);
    mutex_unlock(&r->lock);
}

static void interface_reset(void *gic, unsigned cpu)
{
    struct gicv3_redist *r = gicv3_cpu(gic, cpu);
    mutex_lock(&r->lock);
    gicv3_icc_reset(r);
    gicv3_icv_reset(r);
    bool reroute = gicv3_update_participation(r);
    gicv3_evaluate(r);
    gicv3_virtual_changed(r);
    mutex_unlock(&r->lock);
    if (reroute)
        gicv3_reroute(r->gic);
}

const struct gicv3_cpu_ops gicv3_cpu_ops = {
    .read = cpu_read,
    .write = cpu_write,
    .state_changed = cpu_state_changed,
    .reset = interface_reset,
};

void gicv3_icc_reset(struct gicv3_redist *r)
{
    bool firmware = r->gic->firmware_init && r->gic->security;
    for (unsigned i = 0; i < GICV3_GROUPS; i++) {
        r->s.igrpen[i] = r->s.ap[i] = r->s.icc_ctlr[i] = 0;
        write_bpr(r, i, 0);
    }
    r->s.icc_ctlr_el3 = 0;
    r->s.pmr = firmware ? FIRMWARE_PMR : 0;
}

void gicv3_icc_loaded(struct gicv3_redist *r)
{
    for (unsigned i = 0; i < GICV3_GROUPS; i++) {
        r->s.igrpen[i] &= 1;
        r->s.icc_ctlr[i] &= ICC_CBPR | ICC_EOIMODE;
        write_bpr(r, i, r->s.bpr[i]);
    }
    r->s.icc_ctlr_el3 &= EL3_EOIMODE_EL3 | ICC_PMHE;
    r->s.pmr &= GICV3_PRIO_MASK;
}
