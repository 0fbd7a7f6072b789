/*
 * I2C module of Stellaris microcontrollers: master and slave.
 * Ref: LM3S6965 data sheet, chapter 15.
 *
 * Nothing is connected to the bus: no address is acknowledged, and nobody calls the slave.
 */
#include "core/device.h"

enum {
    MSA = 0x00,
    MCS = 0x04,
    MDR = 0x08,
    MTPR = 0x0c,
    MIMR = 0x10,
    MRIS = 0x14,
    MMIS = 0x18,
    MICR = 0x1c,
    MCR = 0x20,
    SOAR = 0x800,
    SCSR = 0x804,
    SDR = 0x808,
    SIMR = 0x80c,
    SRIS = 0x810,
    SMIS = 0x814,
    SICR = 0x818
};
enum { MCS_RUN = 1, MCS_START = 2, MCS_STOP = 4, ST_ERROR = 2, ST_ADRACK = 4, ST_DATACK = 8 };
enum { ST_IDLE = 0x20, ST_BUSBSY = 0x40, MCR_LPBK = 1, MCR_MFE = 0x10, MCR_SFE = 0x20 };

struct stellaris_i2c {
    struct device dev;
    struct stellaris_i2c_state {
        uint32_t msa, mcs, mdr, mtpr, mimr, mris, mcr, soar, scsr, sdr, simr;
    } s;
};

static struct stellaris_i2c *i2c(struct device *dev)
{
    return (struct stellaris_i2c *)dev;
}

static void stellaris_i2c_sync(struct device *dev)
{
    irq_set(&dev->irq, i2c(dev)->s.mris & i2c(dev)->s.mimr);
}

static uint64_t stellaris_i2c_read(struct device *dev, struct access a)
{
    const struct stellaris_i2c_state *s = &i2c(dev)->s;
    switch (a.off) {
    case MSA: return s->msa;
    case MCS: return s->mcs;
    case MDR: return s->mdr;
    case MTPR: return s->mtpr;
    case MIMR: return s->mimr;
    case MRIS: return s->mris;
    case MMIS: return s->mris & s->mimr;
    case MCR: return s->mcr;
    case SOAR: return s->soar;
    case SCSR: return 0; /* nothing has come */
    case SDR: return s->sdr;
    case SIMR: return s->simr;
    default: return 0; /* SRIS and SMIS, too */
    }
}

/* An address that nobody acknowledges; the bus stays taken until a stop. */
static void master_command(struct stellaris_i2c *c, uint32_t val)
{
    struct stellaris_i2c_state *s = &c->s;
    if (!(s->mcr & MCR_MFE)) {
        dev_guest_error(&c->dev, "the master is not enabled");
        return;
    }
    bool was_busy = s->mcs & ST_BUSBSY;
    s->mcs = ST_IDLE | (was_busy ? ST_BUSBSY : 0);
    if (val & MCS_RUN) {
        s->mcs |= ST_ERROR;
        s->mcs |= val & MCS_START || !was_busy ? ST_ADRACK : 0;
        s->mcs |= s->msa & 1 ? 0 : ST_DATACK;
        s->mcs |= ST_BUSBSY;
        s->mdr = s->msa & 1 ? 0xff : s->mdr; /* what an idle bus reads as */
        s->mris = 1;
    }
    if (val & MCS_STOP)
        s->mcs &= ~(uint32_t)ST_BUSBSY;
}

static bool write_register(struct stellaris_i2c *c, uint64_t off, uint32_t val)
{
    struct stellaris_i2c_state *s = &c->s;
    switch (off) {
    case MSA: s->msa = val & 0xff; return true;
    case MCS: master_command(c, val); return true;
    case MDR: s->mdr = val & 0xff; return true;
    case MTPR: s->mtpr = val & 0x7f; return true;
    case MIMR: s->mimr = val & 1; return true;
    case MICR: s->mris &= ~val; return true;
    case MCR: s->mcr = val & (MCR_LPBK | MCR_MFE | MCR_SFE); return true;
    case SOAR: s->soar = val & 0x7f; return true;
    case SCSR: s->scsr = val & 1; return true;
    case SDR: s->sdr = val & 0xff; return true;
    case SIMR: s->simr = val & 1; return true;
    case SICR: return true;
    default: return false;
    }
}

static void stellaris_i2c_write(struct device *dev, struct access a, uint64_t val)
{
    if (!write_register(i2c(dev), a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    stellaris_i2c_sync(dev);
}

static const struct state_field stellaris_i2c_state[] = {
    STATE(stellaris_i2c, msa, 0),  STATE(stellaris_i2c, mcs, ST_IDLE),
    STATE(stellaris_i2c, mdr, 0),  STATE(stellaris_i2c, mtpr, 1),
    STATE(stellaris_i2c, mimr, 0), STATE(stellaris_i2c, mris, 0),
    STATE(stellaris_i2c, mcr, 0),  STATE(stellaris_i2c, soar, 0),
    STATE(stellaris_i2c, scsr, 0), STATE(stellaris_i2c, sdr, 0),
    STATE(stellaris_i2c, simr, 0), STATE_END,
};

DEVICE_CLASS_NAMED(stellaris_i2c, "stellaris-i2c") = {
    .desc = "Stellaris I2C module",
    .mmio = {stellaris_i2c_read, stellaris_i2c_write, .min = 4, .max = 4, .size = 0x1000},
    .state = stellaris_i2c_state,
    .sync = stellaris_i2c_sync,
};
