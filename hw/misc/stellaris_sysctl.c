/*
 * System control of Stellaris microcontrollers (LM3S6965): identity, clocks, resets, and the flash
 * registers that lie among them.
 * Ref: LM3S6965 data sheet, chapters 5 (system control) and 7.3 (flash registers).
 *
 * The PLL locks as soon as it is powered.
 */
#include "core/clock.h"
#include "core/machine.h"
#include "hw/stellaris.h"
#include "util/bits.h"

#include <glib.h>

enum {
    DID0 = 0x000,
    DID1 = 0x004,
    DC0 = 0x008,
    DC1 = 0x010,
    DC2 = 0x014,
    DC3 = 0x018,
    DC4 = 0x01c,
    PBORCTL = 0x030,
    LDOPCTL = 0x034,
    SRCR0 = 0x040,
    SRCR2 = 0x048,
    RIS = 0x050,
    IMC = 0x054,
    MISC = 0x058,
    RESC = 0x05c,
    RCC = 0x060,
    PLLCFG = 0x064,
    RCC2 = 0x070,
    RCGC0 = 0x100,
    DCGC2 = 0x128,
    FMPRE0 = 0x130,
    FMPPE0 = 0x134,
    USECRL = 0x140,
    DSLPCLKCFG = 0x144,
    USER_DBG = 0x1d0,
    USER_REG0 = 0x1e0,
    USER_REG1 = 0x1e4,
    FMPRE = 0x200,
    FMPPE = 0x400,
    FLASH_WORDS = 4,
    GATES = 9, /* RCGC, SCGC, DCGC: three each */
};
enum { INT_BOR = 1 << 1, INT_PLL_LOCK = 1 << 6, INT_ALL = INT_BOR | INT_PLL_LOCK };
enum { RESC_POR = 1 << 1, RESC_WATCHDOG = 1 << 3, RESC_SOFTWARE = 1 << 4, RESC_ALL = 0x3f };
enum { CREATION_RESETS = 2 }; /* of the device, then of the whole machine */
enum { RCC_PWRDN = 1 << 13, RCC_BYPASS = 1 << 11, RCC_USESYSDIV = 1 << 22 };
enum { IOSC_HZ = 12000000, SLOW_HZ = 30000, HIBERNATION_HZ = 32768, PLL_HZ = 200000000 };
enum { GATE0_RESET = 0x40, USECRL_RESET = 0x31, PBORCTL_MASK = 0xffff, LDOPCTL_MASK = 0x3f };
static const uint32_t RCC_MASK = 0x0fdefff3, RCC2_MASK = 0xdf802870, RCC2_USE = UINT32_C(1) << 31,
                      DSLPCLKCFG_MASK = 0x1f800070;

struct stellaris_sysctl {
    struct device dev;
    uint32_t did0, did1, dc[5];
    const struct stellaris_clock_ops *clock_ops;
    void *clock_opaque;
    struct timer tell; /* who must not be told at once */
    struct stellaris_sysctl_state {
        uint32_t pborctl, ldopctl, srcr[3], ris, imc, rcc, rcc2, gate[GATES], dslpclkcfg, usecrl;
        uint32_t resc;                                   /* reasons of resets so far */
        uint32_t fmpre[FLASH_WORDS], fmppe[FLASH_WORDS]; /* non-volatile, as are the next */
        uint32_t user_dbg, user_reg[2];
        uint32_t watchdog; /* it is why the next reset happens */
        uint32_t powered;  /* resets so far that are part of the machine's creation */
    } s;
};

static struct stellaris_sysctl *sysctl(struct device *dev)
{
    return (struct stellaris_sysctl *)dev;
}

/* ---- clocks ---- */

/* XTAL's values: the crystal in Hz, and how the PLL makes 400 MHz of it. */
static const struct {
    uint32_t hz;
    uint16_t pllcfg;
} crystals[16] = {
    {1000000, 0},      {1843200, 0},      {2000000, 0},      {2457600, 0},
    {3579545, 0x37e3}, {3686400, 0x1b21}, {4000000, 0x0c80}, {4096000, 0x98ee},
    {4915200, 0xd5b4}, {5000000, 0x0a00}, {5120000, 0x4e27}, {6000000, 0x1902},
    {6144000, 0xec1c}, {7372800, 0x1b23}, {8000000, 0x0640}, {8192000, 0xb11c},
};

static bool uses_rcc2(const struct stellaris_sysctl_state *s)
{
    return s->rcc2 & RCC2_USE;
}

static unsigned xtal(const struct stellaris_sysctl_state *s)
{
    return s->rcc >> 6 & 0xf;
}

static uint64_t oscillator_hz(const struct stellaris_sysctl_state *s)
{
    unsigned source = uses_rcc2(s) ? s->rcc2 >> 4 & 7 : s->rcc >> 4 & 3;
    switch (source) {
    case 0: return crystals[xtal(s)].hz;
    case 1: return IOSC_HZ;
    case 2: return IOSC_HZ / 4;
    case 7: return HIBERNATION_HZ;
    default: return SLOW_HZ;
    }
}

/* Table 5-2 of the data sheet; the divisor applies to the PLL always, to an oscillator on demand.
 */
static uint64_t system_hz(const struct stellaris_sysctl_state *s)
{
    bool bypass = (uses_rcc2(s) ? s->rcc2 : s->rcc) & RCC_BYPASS;
    uint64_t divisor = (uses_rcc2(s) ? s->rcc2 >> 23 & 0x3f : s->rcc >> 23 & 0xf) + UINT64_C(1);
    if (!bypass)
        return PLL_HZ / divisor;
    return oscillator_hz(s) / (s->rcc & RCC_USESYSDIV ? divisor : 1);
}

static void tell_later(void *opaque)
{
    struct stellaris_sysctl *c = opaque;
    mutex_lock(&c->dev.lock);
    uint64_t hz = system_hz(&c->s);
    mutex_unlock(&c->dev.lock);
    if (c->clock_ops)
        c->clock_ops->later(c->clock_opaque, hz);
}

static void clock_changed(struct stellaris_sysctl *c)
{
    if (c->clock_ops == NULL)
        return;
    c->clock_ops->now(c->clock_opaque, system_hz(&c->s));
    timer_set(&c->tell, clock_now());
}

void stellaris_sysctl_set_clock_ops(struct device *dev, const struct stellaris_clock_ops *ops,
                                    void *opaque)
{
    sysctl(dev)->clock_ops = ops;
    sysctl(dev)->clock_opaque = opaque;
}

/* ---- registers ---- */

/* Words of the flash's protection, which have two places each; NULL: off is no such register. */
static uint32_t *protection(struct stellaris_sysctl_state *s, uint32_t off)
{
    if (off == FMPRE0 || off == FMPPE0)
        return off == FMPRE0 ? &s->fmpre[0] : &s->fmppe[0];
    if (off >= FMPRE && off < FMPRE + FLASH_WORDS * 4)
        return &s->fmpre[(off - FMPRE) / 4];
    if (off >= FMPPE && off < FMPPE + FLASH_WORDS * 4)
        return &s->fmppe[(off - FMPPE) / 4];
    return NULL;
}

static uint32_t *gate(struct stellaris_sysctl_state *s, uint32_t off)
{
    if (off < RCGC0 || off > DCGC2 || (off & 0xf) > 8)
        return NULL;
    return &s->gate[(off - RCGC0) / 16 * 3 + (off & 0xf) / 4];
}

/* Registers that keep what is written, as far as a mask allows. */
static uint32_t *kept(struct stellaris_sysctl_state *s, uint32_t off, uint32_t *mask)
{
    *mask = UINT32_MAX;
    if (off >= SRCR0 && off <= SRCR2)
        return &s->srcr[(off - SRCR0) / 4];
    switch (off) {
    case PBORCTL: *mask = PBORCTL_MASK; return &s->pborctl;
    case LDOPCTL: *mask = LDOPCTL_MASK; return &s->ldopctl;
    case IMC: *mask = INT_ALL; return &s->imc;
    case RESC: *mask = RESC_ALL; return &s->resc;
    case RCC: *mask = RCC_MASK; return &s->rcc;
    case RCC2: *mask = RCC2_MASK; return &s->rcc2;
    case DSLPCLKCFG: *mask = DSLPCLKCFG_MASK; return &s->dslpclkcfg;
    case USECRL: *mask = 0xff; return &s->usecrl;
    case USER_DBG: return &s->user_dbg;
    case USER_REG0: return &s->user_reg[0];
    case USER_REG1: return &s->user_reg[1];
    default: return gate(s, off);
    }
}

static void stellaris_sysctl_sync(struct device *dev)
{
    struct stellaris_sysctl *c = sysctl(dev);
    irq_set(&dev->irq, c->s.ris & c->s.imc);
    clock_changed(c);
}

static uint64_t stellaris_sysctl_read(struct device *dev, struct access a)
{
    struct stellaris_sysctl *c = sysctl(dev);
    uint32_t off = (uint32_t)a.off, mask;
    const uint32_t *reg = kept(&c->s, off, &mask);
    reg = reg ? reg : protection(&c->s, off);
    if (reg)
        return *reg;
    switch (off) {
    case DID0: return c->did0;
    case DID1: return c->did1;
    case DC0: return c->dc[0];
    case DC1:
    case DC2:
    case DC3:
    case DC4: return c->dc[(off - DC1) / 4 + 1];
    case RIS: return c->s.ris;
    case MISC: return c->s.ris & c->s.imc;
    case PLLCFG: return crystals[xtal(&c->s)].pllcfg;
    default:
        if (!a.peek)
            dev_guest_error(dev, "read of unknown register %#x", off);
        return 0;
    }
}

/* The PLL runs from when its power is switched on, by the registers that are in use. */
static bool pll_powered(const struct stellaris_sysctl_state *s)
{
    return !((uses_rcc2(s) ? s->rcc2 : s->rcc) & RCC_PWRDN);
}

static void write_clock(struct stellaris_sysctl *c, uint32_t *reg, uint32_t val)
{
    bool was = pll_powered(&c->s);
    *reg = val;
    if (pll_powered(&c->s) && !was)
        c->s.ris |= INT_PLL_LOCK;
    clock_changed(c);
}

/* Protection can be switched on, not off again, but by erasing everything. */
static bool write_register(struct stellaris_sysctl *c, uint32_t off, uint32_t val)
{
    uint32_t mask, *reg = kept(&c->s, off, &mask), *protect = protection(&c->s, off);
    if (protect)
        *protect &= val;
    else if (off == RCC || off == RCC2)
        write_clock(c, reg, val & mask);
    else if (reg)
        *reg = val & mask;
    else if (off == MISC)
        c->s.ris &= ~(val & INT_BOR) & ~(val & INT_PLL_LOCK);
    else
        return false;
    return true;
}

static void stellaris_sysctl_write(struct device *dev, struct access a, uint64_t val)
{
    struct stellaris_sysctl *c = sysctl(dev);
    if (!write_register(c, (uint32_t)a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    irq_set(&dev->irq, c->s.ris & c->s.imc);
}

/* ---- others ---- */

void stellaris_sysctl_watchdog(void *dev, unsigned n UNUSED, bool level)
{
    if (level)
        sysctl(dev)->s.watchdog = 1;
}

void stellaris_sysctl_set_mac(struct device *dev, const uint8_t mac[6])
{
    struct stellaris_sysctl_state *s = &sysctl(dev)->s;
    s->user_reg[0] = (uint32_t)(mac[0] | mac[1] << 8 | mac[2] << 16);
    s->user_reg[1] = (uint32_t)(mac[3] | mac[4] << 8 | mac[5] << 16);
}

uint32_t stellaris_sysctl_flash_programmable(struct device *dev, unsigned word)
{
    mutex_lock(&dev->lock);
    uint32_t val = word < FLASH_WORDS ? sysctl(dev)->s.fmppe[word] : 0;
    mutex_unlock(&dev->lock);
    return val;
}

static bool stellaris_sysctl_realize(struct device *dev, struct error **errp UNUSED)
{
    struct stellaris_sysctl *c = sysctl(dev);
    timer_init(&c->tell, NULL, tell_later, c);
    for (unsigned i = 0; i < FLASH_WORDS; i++)
        c->s.fmpre[i] = c->s.fmppe[i] = UINT32_MAX;
    c->s.user_dbg = 0xfffffffe;
    return true;
}

static void stellaris_sysctl_unrealize(struct device *dev)
{
    timer_cancel(&sysctl(dev)->tell);
}

/* Reasons add up until they are cleared; power-on clears the others. */
static void stellaris_sysctl_reset(struct device *dev)
{
    struct stellaris_sysctl_state *s = &sysctl(dev)->s;
    s->gate[0] = s->gate[3] = s->gate[6] = GATE0_RESET;
    if (s->powered < CREATION_RESETS) {
        s->powered++;
        s->resc = RESC_POR;
    } else {
        s->resc |= s->watchdog ? RESC_WATCHDOG : RESC_SOFTWARE;
    }
    s->watchdog = 0;
}

static const struct state_field stellaris_sysctl_state[] = {
    STATE(stellaris_sysctl, pborctl, 0x7ffd),
    STATE(stellaris_sysctl, ldopctl, 0),
    STATE_ARRAY(stellaris_sysctl, srcr, 0),
    STATE(stellaris_sysctl, ris, 0),
    STATE(stellaris_sysctl, imc, 0),
    STATE(stellaris_sysctl, rcc, 0x078e3ad1),
    STATE(stellaris_sysctl, rcc2, 0x07802810),
    STATE_ARRAY(stellaris_sysctl, gate, 0),
    STATE(stellaris_sysctl, dslpclkcfg, 0x07800000),
    STATE(stellaris_sysctl, usecrl, USECRL_RESET),
    STATE_KEEP(stellaris_sysctl, resc),
    STATE_KEEP(stellaris_sysctl, fmpre),
    STATE_KEEP(stellaris_sysctl, fmppe),
    STATE_KEEP(stellaris_sysctl, user_dbg),
    STATE_KEEP(stellaris_sysctl, user_reg),
    STATE_KEEP(stellaris_sysctl, watchdog),
    STATE_KEEP(stellaris_sysctl, powered),
    STATE_END,
};

static const struct prop stellaris_sysctl_props[] = {
    PROP(prop_uint32, stellaris_sysctl, "did0", did0, "0x10010002", "device identification 0"),
    PROP(prop_uint32, stellaris_sysctl, "did1", did1, "0x1073402e", "device identification 1"),
    PROP(prop_uint32, stellaris_sysctl, "dc0", dc[0], "0x00ff007f", "device capabilities 0"),
    PROP(prop_uint32, stellaris_sysctl, "dc1", dc[1], "0x001133ff", "device capabilities 1"),
    PROP(prop_uint32, stellaris_sysctl, "dc2", dc[2], "0x030f5317", "device capabilities 2"),
    PROP(prop_uint32, stellaris_sysctl, "dc3", dc[3], "0x0f0f87ff", "device capabilities 3"),
    PROP(prop_uint32, stellaris_sysctl, "dc4", dc[4], "0x5000007f", "device capabilities 4"),
    PROP_END,
};

DEVICE_CLASS_NAMED(stellaris_sysctl, "stellaris-sysctl") = {
    .desc = "Stellaris system control",
    .mmio = {stellaris_sysctl_read, stellaris_sysctl_write, .min = 4, .max = 4, .size = 0x1000},
    .props = stellaris_sysctl_props,
    .state = stellaris_sysctl_state,
    .realize = stellaris_sysctl_realize,
    .unrealize = stellaris_sysctl_unrealize,
    .reset = stellaris_sysctl_reset,
    .sync = stellaris_sysctl_sync,
};
