/*
 * System control space of M-profile processors: registers of the interrupt controller, of faults,
 * of the MPU and of the floating-point extension.  Who may access it is the target's business.
 * Ref: Armv7-M Architecture Reference Manual (DDI 0403), B3; Armv8-M (DDI 0553), D1.
 */
#include "core/machine.h"
#include "hw/intc/armv7m_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum {
    ICTR = 0x004,
    ACTLR = 0x008,
    SYST_CSR = 0x010,
    SYST_CALIB = 0x01c,
    NVIC_ISER = 0x100,
    NVIC_ICER = 0x180,
    NVIC_ISPR = 0x200,
    NVIC_ICPR = 0x280,
    NVIC_IABR = 0x300,
    NVIC_IABR_END = 0x380,
    NVIC_IPR = 0x400,
    NVIC_IPR_END = NVIC_IPR + ARMV7M_MAX_IRQS,
    CPUID = 0xd00,
    ICSR = 0xd04,
    VTOR = 0xd08,
    AIRCR = 0xd0c,
    SCR = 0xd10,
    CCR = 0xd14,
    SHPR1 = 0xd18,
    SHPR_END = 0xd24,
    SHCSR = 0xd24,
    CFSR = 0xd28,
    HFSR = 0xd2c,
    DFSR = 0xd30,
    MMFAR = 0xd34,
    BFAR = 0xd38,
    AFSR = 0xd3c,
    ID_PFR0 = 0xd40,
    CLIDR = 0xd78,
    CTR = 0xd7c,
    CSSELR = 0xd84,
    CPACR = 0xd88,
    MPU_TYPE = 0xd90,
    MPU_CTRL = 0xd94,
    MPU_RNR = 0xd98,
    MPU_RBAR = 0xd9c,
    MPU_END = 0xdbc,
    MPU_MAIR0 = 0xdc0,
    MPU_MAIR1 = 0xdc4,
    DEMCR = 0xdfc,
    STIR = 0xf00,
    FPCCR = 0xf34,
    FPCAR = 0xf38,
    FPDSCR = 0xf3c,
    MVFR0 = 0xf40,
    MVFR2 = 0xf48,
    PERIPHERAL_ID = 0xfd0
};
enum { ONE_BIT_SIZE = 0x80 }; /* of each array of one bit per interrupt */
enum {
    ICSR_RETTOBASE = 1 << 11,
    ICSR_VECTPENDING_SHIFT = 12,
    ICSR_ISRPENDING = 1 << 22,
    ICSR_PENDSTCLR = 1 << 25,
    ICSR_PENDSTSET = 1 << 26,
    ICSR_PENDSVCLR = 1 << 27,
    ICSR_PENDSVSET = 1 << 28,
};
static const uint32_t ICSR_NMIPENDSET = UINT32_C(1) << 31;
enum {
    AIRCR_VECTRESET = 1 << 0,
    AIRCR_VECTCLRACTIVE = 1 << 1,
    AIRCR_SYSRESETREQ = 1 << 2,
    AIRCR_PRIGROUP_SHIFT = 8,
    AIRCR_KEY = 0x05fa,
};
static const uint32_t AIRCR_KEY_READ = 0xfa050000;
enum { SHCSR_ENABLES = SHCSR_MEMFAULTENA | SHCSR_BUSFAULTENA | SHCSR_USGFAULTENA };
enum { DEMCR_MON_PEND = 1 << 17, CPACR_FP = 0xf << 20, FPCCR_BITS_LOW = 0x17b, VTOR_ALIGN = 0x7f };
static const uint32_t FPCCR_BITS = UINT32_C(0xc0000000) | FPCCR_BITS_LOW,
                      FPCCR_RESET = UINT32_C(0xc0000000);
enum { FPDSCR_BITS = 0x07c00000, CCR_RESET_V6 = 0x208, CCR_RESET_V8 = 0x201 };
enum { RBAR_REGION = 0xf, RBAR_VALID = 0x10, MPU_CTRL_BITS = 7, SCR_BITS = 0x16 };
static const uint32_t DEMCR_BITS = 0x010f07f1;

/* Registers that are plain storage, and their bits from a version of the architecture on. */
static const struct plain {
    uint16_t off;
    uint8_t reg, version;
    bool w1c;
    uint32_t bits;
} plain_regs[] = {
    {VTOR, NVIC_VTOR, 7, false, ~(uint32_t)VTOR_ALIGN},
    {SCR, NVIC_SCR, 6, false, SCR_BITS},
    {CFSR, NVIC_CFSR, 7, true, UINT32_MAX},
    {HFSR, NVIC_HFSR, 7, true, UINT32_C(0xc0000002)},
    {DFSR, NVIC_DFSR, 6, true, 0x1f},
    {MMFAR, NVIC_MMFAR, 7, false, UINT32_MAX},
    {BFAR, NVIC_BFAR, 7, false, UINT32_MAX},
    {FPCAR, NVIC_FPCAR, 7, false, ~UINT32_C(7)},
    {FPDSCR, NVIC_FPDSCR, 7, false, FPDSCR_BITS},
};

static const struct plain *plain_at(const struct armv7m *n, uint32_t off)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain_regs); i++)
        if (plain_regs[i].off == off)
            return plain_regs[i].version <= n->ids.version && (off < FPCCR || n->ids.has_fp)
                       ? &plain_regs[i]
                       : NULL;
    return NULL;
}

static uint32_t ccr_bits(const struct armv7m *n)
{
    uint32_t v7 = NVIC_CCR_NONBASETHRDENA | NVIC_CCR_USERSETMPEND | NVIC_CCR_UNALIGN_TRP |
                  NVIC_CCR_DIV_0_TRP | NVIC_CCR_BFHFNMIGN | NVIC_CCR_STKALIGN;
    switch (n->ids.version) {
    case 6: return 0;
    case 7: return v7;
    default: return (v7 & ~(uint32_t)CCR_RESET_V8) | NVIC_CCR_STKOFHFNMIGN;
    }
}

static void tell_processor(struct armv7m *n)
{
    if (n->cpu_ops)
        n->cpu_ops->configured(n->cpu);
}

/* The interrupt controller's arrays. */

/* The word of exceptions that word i of an array shows: interrupt 0 is exception 16. */
static uint32_t irq_word(const uint32_t *set, unsigned i)
{
    return set[i] >> 16 | (i + 1 < ARMV7M_WORDS ? set[i + 1] << 16 : 0);
}

static uint32_t existing(const struct armv7m *n, unsigned i)
{
    if (i * 32 >= n->nirqs)
        return 0;
    return n->nirqs - i * 32 >= 32 ? UINT32_MAX : (UINT32_C(1) << (n->nirqs - i * 32)) - 1;
}

static uint32_t read_array(const struct armv7m *n, uint32_t off)
{
    unsigned i = off % ONE_BIT_SIZE / 4;
    switch (off - off % ONE_BIT_SIZE) {
    case NVIC_ISER:
    case NVIC_ICER: return irq_word(n->s.enabled, i);
    case NVIC_ISPR:
    case NVIC_ICPR: return irq_word(n->s.pending, i);
    default: return irq_word(n->s.active, i);
    }
}

static void write_array(struct armv7m *n, uint32_t off, uint32_t val)
{
    unsigned i = off % ONE_BIT_SIZE / 4;
    uint32_t array = off - off % ONE_BIT_SIZE;
    for (uint32_t bits = val & existing(n, i); bits; bits &= bits - 1) {
        unsigned e = NVIC_IRQ0 + i * 32 + (unsigned)__builtin_ctz(bits);
        if (array == NVIC_ISER || array == NVIC_ICER)
            armv7m_set_bit(n->s.enabled, e, array == NVIC_ISER);
        else if (array == NVIC_ISPR) /* an input that is high stays pending (B3.4.4) */
            armv7m_pend(n, e, true);
        else if (array == NVIC_ICPR && !armv7m_bit(n->s.level, e))
            armv7m_pend(n, e, false);
    }
}

/* The exception whose priority is the byte at off; 0: none. */
static unsigned priority_at(const struct armv7m *n, uint32_t off)
{
    unsigned e = off >= NVIC_IPR && off < NVIC_IPR_END ? NVIC_IRQ0 + off - NVIC_IPR
                 : off >= SHPR1 && off < SHPR_END      ? NVIC_MEM_MANAGE + off - SHPR1
                                                       : 0;
    return e < armv7m_exceptions(n) ? e : 0;
}

static bool is_priority(uint32_t off)
{
    return (off >= NVIC_IPR && off < NVIC_IPR_END) || (off >= SHPR1 && off < SHPR_END);
}

static uint32_t read_priorities(const struct armv7m *n, uint32_t off)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < 4; i++)
        val |= (uint32_t)n->s.priority[priority_at(n, off + i)] << i * 8;
    return val;
}

/* Of system exceptions 7 to 10 and 13, which are reserved, the priority is, too. */
static bool has_priority(const struct armv7m *n, unsigned e)
{
    if (e >= NVIC_IRQ0)
        return true;
    uint32_t v7 = 1 << NVIC_MEM_MANAGE | 1 << NVIC_BUS_FAULT | 1 << NVIC_USAGE_FAULT |
                  1 << NVIC_DEBUG_MONITOR;
    uint32_t all = 1 << NVIC_SVCALL | 1 << NVIC_PENDSV | 1 << NVIC_SYSTICK;
    return (all | (n->ids.version >= 7 ? v7 : 0)) >> e & 1;
}

static void write_priorities(struct armv7m *n, uint32_t off, uint32_t val, uint32_t mask)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned e = priority_at(n, off + i);
        if ((mask >> i * 8 & 0xff) && e && has_priority(n, e))
            n->s.priority[e] = (uint8_t)(val >> i * 8) & armv7m_priority_mask(n);
    }
}

/* System control block. */

static bool any_irq_pending(const struct armv7m *n)
{
    for (unsigned w = 0; w < ARMV7M_WORDS; w++)
        if (w ? n->s.pending[w] : n->s.pending[0] >> NVIC_IRQ0)
            return true;
    return false;
}

static uint32_t read_icsr(const struct armv7m *n)
{
    return armv7m_current(n) | (armv7m_active_count(n) <= 1 ? ICSR_RETTOBASE : 0) |
           armv7m_highest_pending(n) << ICSR_VECTPENDING_SHIFT |
           (any_irq_pending(n) ? ICSR_ISRPENDING : 0) |
           (armv7m_bit(n->s.pending, NVIC_SYSTICK) ? ICSR_PENDSTSET : 0) |
           (armv7m_bit(n->s.pending, NVIC_PENDSV) ? ICSR_PENDSVSET : 0) |
           (armv7m_bit(n->s.pending, NVIC_NMI) ? ICSR_NMIPENDSET : 0);
}

static void write_icsr(struct armv7m *n, uint32_t val)
{
    if (val & ICSR_NMIPENDSET)
        armv7m_pend(n, NVIC_NMI, true);
    if (val & (ICSR_PENDSVSET | ICSR_PENDSVCLR))
        armv7m_pend(n, NVIC_PENDSV, val & ICSR_PENDSVSET);
    if (val & (ICSR_PENDSTSET | ICSR_PENDSTCLR))
        armv7m_pend(n, NVIC_SYSTICK, val & ICSR_PENDSTSET);
}

static void write_aircr(struct armv7m *n, uint32_t val)
{
    if (val >> 16 != AIRCR_KEY)
        return;
    if (n->ids.version >= 7)
        n->s.prigroup = val >> AIRCR_PRIGROUP_SHIFT & 7;
    if (val & AIRCR_VECTCLRACTIVE)
        memset(n->s.active, 0, sizeof(n->s.active));
    if ((val & AIRCR_SYSRESETREQ) && n->dev.machine)
        machine_request_reset(n->dev.machine);
    if ((val & AIRCR_VECTRESET) && n->ids.version == 7 && n->cpu_ops)
        n->cpu_ops->local_reset(n->cpu);
}

/* Pending and active bits of system exceptions in SHCSR. */
static const struct {
    uint8_t bit, exception;
    bool active;
} shcsr_bits[] = {
    {0, NVIC_MEM_MANAGE, true},  {1, NVIC_BUS_FAULT, true},     {3, NVIC_USAGE_FAULT, true},
    {7, NVIC_SVCALL, true},      {8, NVIC_DEBUG_MONITOR, true}, {10, NVIC_PENDSV, true},
    {11, NVIC_SYSTICK, true},    {12, NVIC_USAGE_FAULT, false}, {13, NVIC_MEM_MANAGE, false},
    {14, NVIC_BUS_FAULT, false}, {15, NVIC_SVCALL, false},
};
enum { SHCSR_V6 = 1 << 15 }; /* Armv6-M has SVCALLPENDED alone */

static uint32_t read_shcsr(const struct armv7m *n)
{
    uint32_t val = n->s.shcsr_enables;
    for (size_t i = 0; i < G_N_ELEMENTS(shcsr_bits); i++) {
        const uint32_t *set = shcsr_bits[i].active ? n->s.active : n->s.pending;
        val |= (uint32_t)armv7m_bit(set, shcsr_bits[i].exception) << shcsr_bits[i].bit;
    }
    return n->ids.version >= 7 ? val : val & SHCSR_V6;
}

static void write_shcsr(struct armv7m *n, uint32_t val)
{
    uint32_t writable = n->ids.version >= 7 ? UINT32_MAX : SHCSR_V6;
    n->s.shcsr_enables = val & SHCSR_ENABLES & writable;
    for (size_t i = 0; i < G_N_ELEMENTS(shcsr_bits); i++) {
        uint32_t *set = shcsr_bits[i].active ? n->s.active : n->s.pending;
        if (writable >> shcsr_bits[i].bit & 1)
            armv7m_set_bit(set, shcsr_bits[i].exception, val >> shcsr_bits[i].bit & 1);
    }
}

static uint32_t read_demcr(const struct armv7m *n)
{
    bool pend = armv7m_bit(n->s.pending, NVIC_DEBUG_MONITOR);
    return n->s.reg[NVIC_DEMCR] | (pend ? DEMCR_MON_PEND : 0);
}

static void write_demcr(struct armv7m *n, uint32_t val)
{
    n->s.reg[NVIC_DEMCR] = val & DEMCR_BITS & ~(uint32_t)DEMCR_MON_PEND;
    armv7m_pend(n, NVIC_DEBUG_MONITOR, val & DEMCR_MON_PEND);
}

/* Memory protection unit. */

/* The region that off, one of four pairs of registers, is about. */
static unsigned mpu_region(const struct armv7m *n, uint32_t off)
{
    unsigned pair = (off - MPU_RBAR) / 8;
    uint32_t rnr = n->s.mpu.rnr;
    return n->ids.version >= 8 && pair ? (rnr & ~3U) + pair : rnr;
}

static uint32_t read_mpu(const struct armv7m *n, uint32_t off)
{
    const struct nvic_mpu *m = &n->s.mpu;
    switch (off) {
    case MPU_TYPE: return m->regions << 8;
    case MPU_CTRL: return m->ctrl;
    case MPU_RNR: return m->rnr;
    case MPU_MAIR0: return m->mair[0];
    case MPU_MAIR1: return m->mair[1];
    default: break;
    }
    unsigned i = mpu_region(n, off);
    if (i >= m->regions)
        return 0;
    if ((off - MPU_RBAR) % 8)
        return m->region[i].attr;
    return n->ids.version >= 8 ? m->region[i].base : m->region[i].base | i;
}

static void write_mpu_region(struct armv7m *n, uint32_t off, uint32_t val)
{
    struct nvic_mpu *m = &n->s.mpu;
    bool is_base = (off - MPU_RBAR) % 8 == 0;
    if (is_base && n->ids.version < 8 && (val & RBAR_VALID))
        m->rnr = val & RBAR_REGION;
    unsigned i = mpu_region(n, off);
    if (i >= m->regions)
        return;
    if (!is_base)
        m->region[i].attr = val;
    else
        m->region[i].base = n->ids.version >= 8 ? val : val & ~UINT32_C(0x1f);
}

static void write_mpu(struct armv7m *n, uint32_t off, uint32_t val)
{
    struct nvic_mpu *m = &n->s.mpu;
    if (m->regions == 0)
        return;
    switch (off) {
    case MPU_TYPE: return;
    case MPU_CTRL: m->ctrl = val & MPU_CTRL_BITS; break;
    case MPU_RNR: m->rnr = val & 0xff; break;
    case MPU_MAIR0:
    case MPU_MAIR1: m->mair[off == MPU_MAIR1] = n->ids.version >= 8 ? val : 0; break;
    default: write_mpu_region(n, off, val); break;
    }
    tell_processor(n);
}

static bool is_mpu(uint32_t off)
{
    return (off >= MPU_TYPE && off < MPU_END) || off == MPU_MAIR0 || off == MPU_MAIR1;
}

/* All of it. */

static uint32_t read_id(const struct armv7m *n, uint32_t off)
{
    static const uint8_t peripheral[] = {4, 0, 0, 0, 0x0c, 0xb0, 0x0b, 0, 0x0d, 0xe0, 5, 0xb1};
    const struct nvic_ids *ids = &n->ids;
    unsigned i = (off - ID_PFR0) / 4;
    if (off >= PERIPHERAL_ID)
        return peripheral[(off - PERIPHERAL_ID) / 4];
    if (off >= MVFR0 && off <= MVFR2)
        return ids->has_fp ? ids->mvfr[(off - MVFR0) / 4] : 0;
    if (off == CLIDR || off == CTR)
        return off == CTR ? ids->ctr : ids->clidr;
    if (off < ID_PFR0 || off > CLIDR)
        return 0;
    if (i < 4)
        return i < 2 ? ids->pfr[i] : i == 2 ? ids->dfr0 : ids->afr0;
    return i < 8 ? ids->mmfr[i - 4] : ids->isar[i - 8];
}

static uint32_t read_word(struct armv7m *n, uint32_t off, bool peek)
{
    const struct plain *plain = plain_at(n, off);
    if (plain)
        return n->s.reg[plain->reg];
    if (off >= SYST_CSR && off <= SYST_CALIB)
        return armv7m_tick_read(n, off, peek);
    if (off >= NVIC_ISER && off < NVIC_IABR_END)
        return read_array(n, off);
    if (is_priority(off))
        return read_priorities(n, off);
    if (is_mpu(off))
        return read_mpu(n, off);
    switch (off) {
    case ICTR: return (n->nirqs - 1) / 32;
    case ACTLR: return n->s.actlr;
    case CPUID: return n->ids.cpuid;
    case ICSR: return read_icsr(n);
    case AIRCR: return AIRCR_KEY_READ | n->s.prigroup << AIRCR_PRIGROUP_SHIFT;
    case CCR: return n->s.reg[NVIC_CCR];
    case SHCSR: return read_shcsr(n);
    case AFSR: return n->s.afsr;
    case CSSELR: return n->s.csselr;
    case CPACR: return n->s.reg[NVIC_CPACR];
    case DEMCR: return read_demcr(n);
    case FPCCR: return n->s.reg[NVIC_FPCCR];
    default: return read_id(n, off);
    }
}

static void write_plain(struct armv7m *n, const struct plain *p, uint32_t val, uint32_t mask)
{
    uint32_t *reg = &n->s.reg[p->reg];
    *reg = p->w1c ? *reg & ~(val & p->bits & mask) : (*reg & ~(p->bits & mask)) | (val & p->bits);
}

static bool write_special(struct armv7m *n, uint32_t off, uint32_t val)
{
    bool v7 = n->ids.version >= 7;
    switch (off) {
    case ACTLR: n->s.actlr = v7 ? val : 0; return true;
    case ICSR: write_icsr(n, val); return true;
    case AIRCR: write_aircr(n, val); return true;
    case CCR:
        n->s.reg[NVIC_CCR] = (n->s.reg[NVIC_CCR] & ~ccr_bits(n)) | (val & ccr_bits(n));
        tell_processor(n);
        return true;
    case SHCSR: write_shcsr(n, val); return true;
    case AFSR: n->s.afsr &= ~val; return true;
    case CSSELR: n->s.csselr = val & 0xf; return true;
    case CPACR:
        n->s.reg[NVIC_CPACR] = n->ids.has_fp ? val & CPACR_FP : 0;
        tell_processor(n);
        return true;
    case DEMCR: write_demcr(n, val); return true;
    case STIR:
        if (v7)
            armv7m_pend(n, NVIC_IRQ0 + (val & 0x1ff), true);
        return v7;
    case FPCCR:
        n->s.reg[NVIC_FPCCR] = n->ids.has_fp ? val & FPCCR_BITS : 0;
        tell_processor(n);
        return true;
    default: return false;
    }
}

/* False: there is no such register, or it cannot be written in that size. */
static bool write_word(struct armv7m *n, uint32_t off, uint32_t val, uint32_t mask)
{
    const struct plain *plain = plain_at(n, off);
    if (is_priority(off)) {
        write_priorities(n, off, val, mask);
        return true;
    }
    if (plain && (mask == UINT32_MAX || off == CFSR)) {
        write_plain(n, plain, val, mask);
        return true;
    }
    if (mask != UINT32_MAX)
        return false;
    if (off >= SYST_CSR && off <= SYST_CALIB)
        armv7m_tick_write(n, off, val);
    else if (off >= NVIC_ISER && off < NVIC_IABR_END)
        write_array(n, off, val);
    else if (is_mpu(off))
        write_mpu(n, off, val);
    else
        return write_special(n, off, val);
    return true;
}

uint64_t armv7m_scs_read(struct device *dev, struct access a)
{
    return read_word(armv7m(dev), (uint32_t)a.off & ~3U, a.peek) >> (a.off & 3) * 8;
}

void armv7m_scs_write(struct device *dev, struct access a, uint64_t val)
{
    struct armv7m *n = armv7m(dev);
    unsigned shift = (unsigned)(a.off & 3) * 8;
    uint32_t mask = (uint32_t)MASK64(shift, a.size * 8U);
    if (!write_word(n, (uint32_t)a.off & ~3U, (uint32_t)(val << shift) & mask, mask))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    armv7m_update(n);
}

void armv7m_scs_reset(struct armv7m *n)
{
    static const uint32_t ccr[] = {CCR_RESET_V6, NVIC_CCR_STKALIGN, CCR_RESET_V8};
    n->s.reg[NVIC_VTOR] = n->init_vtor;
    n->s.reg[NVIC_CCR] = ccr[CLAMP(n->ids.version, 6, 8) - 6];
    n->s.reg[NVIC_FPCCR] = n->ids.has_fp ? FPCCR_RESET : 0;
    n->s.mpu.regions = n->ids.mpu_regions;
}

void armv7m_scs_loaded(struct armv7m *n)
{
    n->s.mpu.regions = n->ids.mpu_regions;
    n->s.prigroup &= 7;
    n->s.shcsr_enables &= SHCSR_ENABLES;
    tell_processor(n);
}
