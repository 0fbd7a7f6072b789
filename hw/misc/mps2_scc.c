/*
 * Serial communication controller of the MPS2 and MPS2+ boards: what the FPGA image is, LEDs and
 * switches, and oscillators behind a small command interface.
 * Ref: Arm MPS2 and MPS2+ FPGA Prototyping Boards Technical Reference Manual (100112), chapter 4;
 * application notes AN385 (DAI 0385), AN386, AN500, AN505.
 */
#include "core/device.h"

enum {
    CFG0 = 0x0,
    CFG1 = 0x4,
    CFG2 = 0x8,
    CFG3 = 0xc,
    CFG4 = 0x10,
    CFG5 = 0x14,
    CFG6 = 0x18,
    CFGDATA_RTN = 0xa0,
    CFGDATA_OUT = 0xa4,
    CFGCTRL = 0xa8,
    CFGSTAT = 0xac,
    DLL = 0x100,
    AID = 0xff8,
    ID = 0xffc
};
enum {
    CTRL_DEVICE = 0xfff,
    CTRL_FUNCTION_SHIFT = 20,
    CTRL_WRITE = 1 << 30,
    FUNCTION_OSC = 1,
    STAT_DONE = 1,
    STAT_ERROR = 2,
    OSCILLATORS = 8
};
static const uint32_t CTRL_START = UINT32_C(1) << 31, CTRL_BITS = UINT32_C(0xbfffffff);

struct mps2_scc {
    struct device dev;
    uint32_t cfg4, aid, id; /* properties */
    uint32_t osc_reset[OSCILLATORS];
    struct mps2_scc_state {
        uint32_t cfg[7]; /* CFG0 to CFG6 */
        uint32_t data_rtn, data_out, ctrl, stat, dll;
        uint32_t osc[OSCILLATORS]; /* Hz */
    } s;
};

static struct mps2_scc *scc(struct device *dev)
{
    return (struct mps2_scc *)dev;
}

/* Written with START: read or set an oscillator. */
static void command(struct mps2_scc *c)
{
    uint32_t n = c->s.ctrl & CTRL_DEVICE, function = c->s.ctrl >> CTRL_FUNCTION_SHIFT & 0x3f;
    c->s.stat = STAT_DONE;
    if (function != FUNCTION_OSC || n >= OSCILLATORS) {
        c->s.stat = STAT_ERROR;
        dev_guest_error(&c->dev, "configuration function %u of device %u", function, n);
    } else if (c->s.ctrl & CTRL_WRITE) {
        c->s.osc[n] = c->s.data_out;
    } else {
        c->s.data_rtn = c->s.osc[n];
    }
}

static uint64_t mps2_scc_read(struct device *dev, struct access a)
{
    const struct mps2_scc *c = scc(dev);
    switch (a.off) {
    case CFG3: return 0; /* switches, all off */
    case CFG4: return c->cfg4;
    case CFGDATA_RTN: return c->s.data_rtn;
    case CFGDATA_OUT: return c->s.data_out;
    case CFGCTRL: return c->s.ctrl & ~CTRL_START;
    case CFGSTAT: return c->s.stat;
    case DLL: return c->s.dll;
    case AID: return c->aid;
    case ID: return c->id;
    default: return a.off <= CFG6 ? c->s.cfg[a.off / 4] : 0;
    }
}

static bool is_config(uint64_t off)
{
    return off <= CFG6 && off != CFG3 && off != CFG4;
}

static void mps2_scc_write(struct device *dev, struct access a, uint64_t val)
{
    struct mps2_scc *c = scc(dev);
    switch (a.off) {
    case CFGDATA_OUT: c->s.data_out = (uint32_t)val; return;
    case CFGCTRL:
        c->s.stat &= ~(uint32_t)STAT_DONE;
        c->s.ctrl = (uint32_t)val;
        if (val & CTRL_START)
            command(c);
        c->s.ctrl &= CTRL_BITS & ~CTRL_START;
        return;
    case DLL: c->s.dll = (uint32_t)val; return;
    default: break;
    }
    if (is_config(a.off))
        c->s.cfg[a.off / 4] = (uint32_t)val;
    else
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
}

static void mps2_scc_reset(struct device *dev)
{
    struct mps2_scc *c = scc(dev);
    for (unsigned i = 0; i < OSCILLATORS; i++)
        c->s.osc[i] = c->osc_reset[i];
}

static const struct state_field mps2_scc_state[] = {
    STATE_ARRAY(mps2_scc, cfg, 0), STATE(mps2_scc, data_rtn, 0),
    STATE(mps2_scc, data_out, 0),  STATE(mps2_scc, ctrl, 0),
    STATE(mps2_scc, stat, 0),      STATE(mps2_scc, dll, 0),
    STATE_ARRAY(mps2_scc, osc, 0), STATE_END,
};

static const struct prop mps2_scc_props[] = {
    PROP(prop_uint32, mps2_scc, "scc-cfg4", cfg4, "2", "revision of the board"),
    PROP(prop_uint32, mps2_scc, "scc-aid", aid, "0x00200008", "what the FPGA image has"),
    PROP(prop_uint32, mps2_scc, "scc-id", id, "0x41043850", "which FPGA image it is"),
    PROP(prop_uint32, mps2_scc, "osc0", osc_reset[0], "50000000", "oscillator 0 in Hz"),
    PROP(prop_uint32, mps2_scc, "osc1", osc_reset[1], "24576000", "oscillator 1 in Hz"),
    PROP(prop_uint32, mps2_scc, "osc2", osc_reset[2], "25000000", "oscillator 2 in Hz"),
    PROP_END,
};

DEVICE_CLASS_NAMED(mps2_scc, "mps2-scc") = {
    .desc = "MPS2 serial communication controller",
    .mmio = {mps2_scc_read, mps2_scc_write, .min = 4, .max = 4, .size = 0x1000},
    .props = mps2_scc_props,
    .state = mps2_scc_state,
    .reset = mps2_scc_reset,
};
