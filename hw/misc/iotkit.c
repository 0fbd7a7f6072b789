/*
 * The IoT Kit's own registers, and those of its successor for two processors: system information,
 * system control, security control.
 * Ref: Arm CoreLink SSE-050, IoT Kit and SSE-200 subsystem technical reference manuals: system
 * control (memory map at 0x50021000), security controller (0x50080000, 0x40080000).
 *
 * There is one world: what is said about security is kept, and changes nothing.
 */
#include "hw/misc/iotkit.h"
#include "core/machine.h"
#include "util/log.h"

#include <string.h>

enum { REVISION = 0x0b, SSE200_REVISION = 0x1b };

static void set_unknown(struct device *dev, struct access a, uint64_t val)
{
    dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                    (unsigned)a.off);
}

/* ---- system information ---- */

struct iotkit_sysinfo {
    struct device dev;
    uint32_t version, config;
    struct iotkit_sysinfo_state {
        char nothing;
    } s;
};

static uint64_t sysinfo_read(struct device *dev, struct access a)
{
    const struct iotkit_sysinfo *i = (struct iotkit_sysinfo *)dev;
    switch (a.off) {
    case 0x0: return i->version;
    case 0x4: return i->config;
    default: return a.off >= IOTKIT_ID_REGS ? iotkit_id((uint32_t)a.off, 0x58, REVISION) : 0;
    }
}

static const struct state_field iotkit_sysinfo_state[] = {
    STATE(iotkit_sysinfo, nothing, 0),
    STATE_END,
};

static const struct prop iotkit_sysinfo_props[] = {
    PROP(prop_uint32, iotkit_sysinfo, "SYS_VERSION", version, "0x41743", "SYS_VERSION"),
    PROP(prop_uint32, iotkit_sysinfo, "SYS_CONFIG", config, "0x31", "SYS_CONFIG"),
    PROP_END,
};

DEVICE_CLASS_NAMED(iotkit_sysinfo, "iotkit-sysinfo") = {
    .desc = "IoT Kit system information",
    .mmio = {sysinfo_read, set_unknown, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .props = iotkit_sysinfo_props,
    .state = iotkit_sysinfo_state,
};

/* ---- system control ---- */

enum {
    SECDBGSTAT = 0x00,
    SECDBGSET = 0x04,
    SECDBGCLR = 0x08,
    SCSECCTRL = 0x0c,
    FCLK_DIV = 0x10,
    SYSCLK_DIV = 0x14,
    CLOCK_FORCE = 0x18,
    RESET_SYNDROME = 0x100,
    RESET_MASK = 0x104,
    SWRESET = 0x108,
    GRETREG = 0x10c,
    INITSVTOR0 = 0x110,
    INITSVTOR1 = 0x114,
    CPUWAIT = 0x118,
    BUSWAIT = 0x11c, /* SSE-200: NMI_ENABLE */
    WICCTRL = 0x120,
    EWCTRL = 0x124,
    PDCM_SYS_SENSE = 0x200,
    PDCM_SRAM_SENSE = 0x20c, /* of four banks */
    PDCM_END = 0x21c
};
enum { SYNDROME_POWER_ON = 1, SYNDROME_SWRESET = 1 << 9, SWRESET_REQ = 1 << 9 };
enum { WAITS_0 = 1, WAITS_1 = 2, SRAM_BANKS = 4 };

struct iotkit_sysctl {
    struct device dev;
    void (*set_vectors)(void *opaque, uint32_t addr);
    void *opaque;
    bool sse200;
    struct iotkit_sysctl_state {
        uint32_t secdbg, scsecctrl, fclk_div, sysclk_div, clock_force, reset_mask, wicctrl, buswait;
        uint32_t ewctrl, sys_sense, sram_sense[SRAM_BANKS];
        uint32_t syndrome, gretreg, initsvtor, cpuwait; /* kept over all but power-on */
        uint32_t initsvtor1;
    } s;
};

/* What the SSE-200 has besides. */
static uint32_t *sse200_register(struct iotkit_sysctl_state *s, uint64_t off, uint32_t *mask)
{
    if (off >= PDCM_SRAM_SENSE && off < PDCM_END && !(off & 3))
        return &s->sram_sense[(off - PDCM_SRAM_SENSE) / 4];
    switch (off) {
    case INITSVTOR1: *mask = ~UINT32_C(0x7f); return &s->initsvtor1;
    case CPUWAIT: *mask = WAITS_0 | WAITS_1; return &s->cpuwait;
    case BUSWAIT: *mask = 3; return &s->buswait;
    case EWCTRL: return &s->ewctrl;
    case PDCM_SYS_SENSE: return &s->sys_sense;
    default: return NULL;
    }
}

/* Registers that keep what is written, as far as a mask allows. */
static uint32_t *sysctl_register(struct iotkit_sysctl *c, uint64_t off, uint32_t *mask)
{
    struct iotkit_sysctl_state *s = &c->s;
    uint32_t *own;
    *mask = UINT32_MAX;
    if (c->sse200 && (own = sse200_register(s, off, mask)))
        return own;
    switch (off) {
    case SCSECCTRL: *mask = 7; return &s->scsecctrl;
    case FCLK_DIV: *mask = 0x1f; return &s->fclk_div;
    case SYSCLK_DIV: *mask = 0x1f; return &s->sysclk_div;
    case CLOCK_FORCE: *mask = 0xff; return &s->clock_force;
    case RESET_SYNDROME: return &s->syndrome;
    case RESET_MASK: return &s->reset_mask;
    case GRETREG: *mask = 0xffff; return &s->gretreg;
    case INITSVTOR0: *mask = ~UINT32_C(0x7f); return &s->initsvtor;
    case CPUWAIT: *mask = WAITS_0; return &s->cpuwait;
    case BUSWAIT: *mask = 1; return &s->buswait;
    case WICCTRL: return &s->wicctrl;
    default: return NULL;
    }
}

static uint64_t sysctl_read(struct device *dev, struct access a)
{
    struct iotkit_sysctl *c = (struct iotkit_sysctl *)dev;
    uint32_t mask;
    const uint32_t *reg = sysctl_register(c, a.off, &mask);
    if (reg)
        return *reg;
    if (a.off == SECDBGSTAT)
        return c->s.secdbg;
    if (a.off < IOTKIT_ID_REGS)
        return 0;
    return iotkit_id((uint32_t)a.off, 0x54, c->sse200 ? SSE200_REVISION : REVISION);
}

void iotkit_sysctl_on_vectors(struct device *sysctl, void (*fn)(void *opaque, uint32_t addr),
                              void *opaque)
{
    ((struct iotkit_sysctl *)sysctl)->set_vectors = fn;
    ((struct iotkit_sysctl *)sysctl)->opaque = opaque;
}

static void sysctl_sync(struct device *dev)
{
    const struct iotkit_sysctl *c = (struct iotkit_sysctl *)dev;
    if (c->set_vectors)
        c->set_vectors(c->opaque, c->s.initsvtor);
}

/* The second processor, if it were there, would begin. */
static void check_second(struct iotkit_sysctl *c, uint32_t old)
{
    if (c->sse200 && (old & ~c->s.cpuwait & WAITS_1))
        log_warn("the program lets the second processor begin, which this machine does not have");
}

static void sysctl_write(struct device *dev, struct access a, uint64_t val)
{
    struct iotkit_sysctl *c = (struct iotkit_sysctl *)dev;
    struct iotkit_sysctl_state *s = &c->s;
    uint32_t mask, *reg = sysctl_register(c, a.off, &mask), waited = s->cpuwait;
    if (a.off == RESET_SYNDROME) { /* bits can only be cleared */
        s->syndrome &= (uint32_t)val;
    } else if (reg) {
        *reg = (uint32_t)val & mask;
        check_second(c, waited);
    } else if (a.off == SECDBGSET) {
        s->secdbg |= (uint32_t)val & 0xff;
    } else if (a.off == SECDBGCLR) {
        s->secdbg &= ~(uint32_t)val;
    } else if (a.off == SWRESET && (val & SWRESET_REQ)) {
        s->syndrome |= SYNDROME_SWRESET;
        if (dev->machine)
            machine_request_reset(dev->machine);
    } else if (a.off != SWRESET) {
        set_unknown(dev, a, val);
    }
    sysctl_sync(dev);
}

static bool sysctl_realize(struct device *dev, struct error **errp UNUSED)
{
    struct iotkit_sysctl *c = (struct iotkit_sysctl *)dev;
    c->s.syndrome = SYNDROME_POWER_ON;
    c->s.initsvtor = c->s.initsvtor1 = 0x10000000;
    c->s.cpuwait = c->sse200 ? WAITS_1 : 0;
    return true;
}

static const struct state_field iotkit_sysctl_state[] = {
    STATE(iotkit_sysctl, secdbg, 0),
    STATE(iotkit_sysctl, scsecctrl, 0),
    STATE(iotkit_sysctl, fclk_div, 0),
    STATE(iotkit_sysctl, sysclk_div, 0),
    STATE(iotkit_sysctl, clock_force, 0),
    STATE(iotkit_sysctl, reset_mask, 0),
    STATE(iotkit_sysctl, wicctrl, 0),
    STATE(iotkit_sysctl, buswait, 0),
    STATE(iotkit_sysctl, ewctrl, 0),
    STATE(iotkit_sysctl, sys_sense, 0x7f),
    STATE_ARRAY(iotkit_sysctl, sram_sense, 0),
    STATE_KEEP(iotkit_sysctl, syndrome),
    STATE_KEEP(iotkit_sysctl, gretreg),
    STATE_KEEP(iotkit_sysctl, initsvtor),
    STATE_KEEP(iotkit_sysctl, cpuwait),
    STATE_KEEP(iotkit_sysctl, initsvtor1),
    STATE_END,
};

static const struct prop iotkit_sysctl_props[] = {
    PROP(prop_bool, iotkit_sysctl, "sse-200", sse200, "off", "that of a subsystem for two"),
    PROP_END,
};

DEVICE_CLASS_NAMED(iotkit_sysctl, "iotkit-sysctl") = {
    .desc = "IoT Kit system control",
    .mmio = {sysctl_read, sysctl_write, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .props = iotkit_sysctl_props,
    .state = iotkit_sysctl_state,
    .realize = sysctl_realize,
    .sync = sysctl_sync,
};

/* ---- security control ---- */

enum {
    SPCSECCTRL = 0x00,
    SEC_BUSWAIT = 0x04,
    SECRESPCFG = 0x10,
    NSCCFG = 0x14,
    SECPPCINTEN = 0x28,
    SECMSCINTEN = 0x38,
    BRGINTEN = 0x48,
    PPC_FIRST = 0x50, /* who may access the peripherals */
    PPC_NONSECURE_FIRST = 0x90,
    PPC_END = 0xd0,
    NSMSCEXP = 0xd0
};

struct iotkit_secctl {
    struct device dev;
    bool nonsecure;
    struct iotkit_secctl_state {
        uint32_t reg[(NSMSCEXP + 4) / 4];
    } s;
};

/* The world outside of the secure one has the control of its unprivileged accesses alone. */
static bool secctl_writable(const struct iotkit_secctl *c, uint32_t off)
{
    if (off >= PPC_NONSECURE_FIRST && off < PPC_END)
        return true;
    if (c->nonsecure)
        return false;
    switch (off) {
    case SPCSECCTRL:
    case SEC_BUSWAIT:
    case SECRESPCFG:
    case NSCCFG:
    case SECPPCINTEN:
    case SECMSCINTEN:
    case BRGINTEN:
    case NSMSCEXP: return true;
    default: return off >= PPC_FIRST && off < PPC_END;
    }
}

static uint64_t secctl_read(struct device *dev, struct access a)
{
    const struct iotkit_secctl *c = (struct iotkit_secctl *)dev;
    uint32_t off = (uint32_t)a.off;
    if (off >= IOTKIT_ID_REGS)
        return iotkit_id(off, c->nonsecure ? 0x53 : 0x52, REVISION);
    return off <= NSMSCEXP && secctl_writable(c, off) ? c->s.reg[off / 4] : 0;
}

/* Nothing is ever refused: clearing interrupts clears none. */
static void secctl_write(struct device *dev, struct access a, uint64_t val)
{
    struct iotkit_secctl *c = (struct iotkit_secctl *)dev;
    uint32_t off = (uint32_t)a.off;
    if (off <= NSMSCEXP && secctl_writable(c, off))
        c->s.reg[off / 4] = (uint32_t)val;
    else if (c->nonsecure || off > BRGINTEN)
        set_unknown(dev, a, val);
}

static const struct state_field iotkit_secctl_state[] = {
    STATE_ARRAY(iotkit_secctl, reg, 0),
    STATE_END,
};

static const struct prop iotkit_secctl_props[] = {
    PROP(prop_bool, iotkit_secctl, "nonsecure", nonsecure, "off", "the non-secure world's part"),
    PROP_END,
};

DEVICE_CLASS_NAMED(iotkit_secctl, "iotkit-secctl") = {
    .desc = "IoT Kit security control",
    .mmio = {secctl_read, secctl_write, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .props = iotkit_secctl_props,
    .state = iotkit_secctl_state,
};

/* ---- memory protection controller ---- */

/*
 * Ref: Arm CoreLink SIE-200 System IP for Embedded Technical Reference Manual (DDI 0571): which
 * blocks of a memory belong to which world; here all may be accessed.
 */
enum {
    MPC_CTRL = 0x00,
    MPC_BLK_MAX = 0x10,
    MPC_BLK_CFG = 0x14,
    MPC_BLK_IDX = 0x18,
    MPC_BLK_LUT = 0x1c,
    MPC_INT_STAT = 0x20,
    MPC_INT_CLEAR = 0x24,
    MPC_INT_EN = 0x28,
    MPC_INT_SET = 0x34
};
enum { MPC_INCREMENT = 1 << 8, MPC_CTRL_MASK = 0x1d0, MPC_CTRL_RESET = 0x100, MPC_LUT = 512 };
enum { MPC_BLOCK_BITS = 8 }; /* blocks of 256 bytes and more */
static const uint32_t MPC_LOCKDOWN = UINT32_C(1) << 31;

struct tz_mpc {
    struct device dev;
    uint64_t size; /* bytes of the memory */
    uint32_t blocks_log2, words;
    struct tz_mpc_state {
        uint32_t ctrl, index, int_stat, int_en, lut[MPC_LUT];
    } s;
};

static uint32_t *lut(struct tz_mpc *m)
{
    return &m->s.lut[m->s.index % m->words];
}

static void next_word(struct tz_mpc *m)
{
    if (m->s.ctrl & MPC_INCREMENT)
        m->s.index = (m->s.index + 1) % m->words;
}

static uint64_t mpc_read(struct device *dev, struct access a)
{
    struct tz_mpc *m = (struct tz_mpc *)dev;
    uint32_t val;
    switch (a.off) {
    case MPC_CTRL: return m->s.ctrl;
    case MPC_BLK_MAX: return m->words - 1;
    case MPC_BLK_CFG: return m->blocks_log2 - 5;
    case MPC_BLK_IDX: return m->s.index;
    case MPC_BLK_LUT:
        val = *lut(m);
        if (!a.peek)
            next_word(m);
        return val;
    case MPC_INT_STAT: return m->s.int_stat;
    case MPC_INT_EN: return m->s.int_en;
    default: return a.off >= IOTKIT_ID_REGS ? iotkit_id((uint32_t)a.off, 0x60, 0x1b) : 0;
    }
}

static void mpc_sync(struct device *dev)
{
    struct tz_mpc *m = (struct tz_mpc *)dev;
    irq_set(&dev->irq, m->s.int_stat & m->s.int_en);
}

static bool mpc_write_register(struct tz_mpc *m, uint64_t off, uint32_t val)
{
    switch (off) {
    case MPC_CTRL:
        m->s.ctrl = (val & (MPC_CTRL_MASK | MPC_LOCKDOWN)) | (m->s.ctrl & MPC_LOCKDOWN);
        return true;
    case MPC_BLK_IDX: m->s.index = val % m->words; return true;
    case MPC_BLK_LUT:
        *lut(m) = val;
        next_word(m);
        return true;
    case MPC_INT_CLEAR: m->s.int_stat &= ~val; return true;
    case MPC_INT_EN: m->s.int_en = val & 1; return true;
    case MPC_INT_SET: m->s.int_stat |= val & 1; return true;
    default: return false;
    }
}

/* Locked down, only the interrupt can be handled. */
static void mpc_write(struct device *dev, struct access a, uint64_t val)
{
    struct tz_mpc *m = (struct tz_mpc *)dev;
    bool locked = (m->s.ctrl & MPC_LOCKDOWN) && a.off <= MPC_BLK_LUT && a.off != MPC_BLK_IDX;
    if (locked || !mpc_write_register(m, a.off, (uint32_t)val))
        set_unknown(dev, a, val);
    mpc_sync(dev);
}

/* As many blocks as the table has bits for. */
static bool mpc_realize(struct device *dev, struct error **errp)
{
    struct tz_mpc *m = (struct tz_mpc *)dev;
    uint64_t bits;
    m->blocks_log2 = MPC_BLOCK_BITS;
    while ((bits = m->size >> m->blocks_log2) > MPC_LUT * 32)
        m->blocks_log2++;
    m->words = (uint32_t)(bits / 32);
    if (m->words)
        return true;
    error_set(errp, "size is too small: wanted at least 8K");
    return false;
}

static void mpc_loaded(struct device *dev)
{
    struct tz_mpc *m = (struct tz_mpc *)dev;
    m->s.index %= m->words;
}

static const struct state_field tz_mpc_state[] = {
    STATE(tz_mpc, ctrl, MPC_CTRL_RESET), STATE(tz_mpc, index, 0),
    STATE(tz_mpc, int_stat, 0),          STATE(tz_mpc, int_en, 0),
    STATE_ARRAY(tz_mpc, lut, 0),         STATE_END,
};

static const struct prop tz_mpc_props[] = {
    PROP(prop_uint64, tz_mpc, "size", size, "0x200000", "bytes of the memory it guards"),
    PROP_END,
};

DEVICE_CLASS_NAMED(tz_mpc, "tz-mpc") = {
    .desc = "TrustZone memory protection controller",
    .mmio = {mpc_read, mpc_write, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .props = tz_mpc_props,
    .state = tz_mpc_state,
    .realize = mpc_realize,
    .sync = mpc_sync,
    .loaded = mpc_loaded,
};
