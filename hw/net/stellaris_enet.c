/*
 * Ethernet controller of Stellaris microcontrollers.
 * Ref: LM3S6965 data sheet, chapter 16.
 *
 * A frame that the back end has no room for stays in the transmit FIFO; frames that the receive
 * FIFO has no room for wait with the back end.
 */
#include "core/device.h"
#include "hw/net/ether.h"
#include "hw/stellaris.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum {
    RIS = 0x00, /* write: acknowledge */
    IM = 0x04,
    RCTL = 0x08,
    TCTL = 0x0c,
    DATA = 0x10,
    IA0 = 0x14,
    IA1 = 0x18,
    THR = 0x1c,
    MCTL = 0x20,
    MDV = 0x24,
    MTXD = 0x2c,
    MRXD = 0x30,
    NP = 0x34,
    TR = 0x38,
    TS = 0x3c
};
enum { INT_RX = 1, INT_TX_ERROR = 2, INT_TX_EMPTY = 4, INT_RX_ERROR = 16 };
enum { INT_MD = 32, INT_PHY = 64, INT_ALL = 0x7f, THR_NEVER = 0x3f };
enum { RCTL_ENABLE = 1, RCTL_MULTICAST = 2, RCTL_ALL = 4, RCTL_CLEAR = 16, RCTL_MASK = 0xf };
enum { TCTL_ENABLE = 1, TCTL_PAD = 2, TCTL_MASK = 0x17 };
enum { MCTL_START = 1, MCTL_WRITE = 2, PHYS = 32, FIFO = 2048, MAX_FRAMES = 31, LENGTH = 2 };
enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_PARTNER = 5, PHY_INTERRUPT = 17 };
enum { PHY_LINK = 4, PHY_AUTO_DONE = 0x20, PHY_RESET = 0x8000, PHY_RESTART = 0x200 };
enum { PHY_INT_LINK = 4, PHY_INT_AUTO = 1, PARTNER_ALL = 0x45e1 };

struct stellaris_enet {
    struct device dev;
    struct nic_conf conf;
    struct net_client nic;
    struct stellaris_enet_state {
        uint32_t ris, im, rctl, tctl, thr, mctl, mdv, mtxd, mrxd, ts;
        uint8_t ia[8];
        uint16_t phy[PHYS];
        uint32_t tx_len, sending;           /* bytes written; NEWTX */
        uint32_t rx_at, rx_used, rx_frames; /* where the next byte is read, bytes, frames */
        uint32_t rx_left;                   /* bytes of the frame being read */
        uint8_t tx[FIFO], rx[FIFO];
    } s;
};

static struct stellaris_enet *enet(struct device *dev)
{
    return (struct stellaris_enet *)dev;
}

static void stellaris_enet_sync(struct device *dev)
{
    irq_set(&dev->irq, enet(dev)->s.ris & enet(dev)->s.im);
}

/* ---- PHY: 16.5 ---- */

static const uint16_t phy_defaults[PHYS] = {
    [0] = 0x3100, [1] = 0x7849,  [2] = 0x000e,  [3] = 0x7237,  [4] = 0x01e1,
    [5] = 0x0001, [16] = 0x0140, [19] = 0x4000, [23] = 0x0010, [24] = 0x00c0,
};

/* The interrupt register's flags are cleared by being read. */
static uint16_t phy_read(struct stellaris_enet *e, unsigned reg)
{
    uint16_t val = e->s.phy[reg];
    bool up = net_nic_link_up(&e->nic);
    switch (reg) {
    case PHY_STATUS: return (uint16_t)(val | (up ? PHY_LINK | PHY_AUTO_DONE : 0));
    case PHY_PARTNER: return up ? PARTNER_ALL : val;
    case PHY_INTERRUPT: e->s.phy[reg] &= 0xff00; return val;
    default: return val;
    }
}

static void phy_event(struct stellaris_enet *e, uint16_t flags)
{
    uint16_t *reg = &e->s.phy[PHY_INTERRUPT];
    *reg |= flags;
    if (*reg & *reg >> 8)
        e->s.ris |= INT_PHY;
}

static void phy_write(struct stellaris_enet *e, unsigned reg, uint16_t val)
{
    static const uint16_t writable[PHYS] = {
        [0] = 0x7d80,  [4] = 0x2fe0, [16] = 0xffff, [17] = 0xff00,
        [19] = 0xffff, [23] = 0xff,  [24] = 0xff,
    };
    if (reg == PHY_CONTROL && (val & PHY_RESET)) {
        memcpy(e->s.phy, phy_defaults, sizeof(phy_defaults));
        return;
    }
    e->s.phy[reg] = (uint16_t)((e->s.phy[reg] & ~writable[reg]) | (val & writable[reg]));
    if (reg == PHY_CONTROL && (val & PHY_RESTART) && net_nic_link_up(&e->nic))
        phy_event(e, PHY_INT_AUTO);
}

static void management_command(struct stellaris_enet *e, uint32_t val)
{
    unsigned reg = val >> 3 & 0x1f;
    e->s.mctl = val & 0xfa; /* it is done at once */
    if (!(val & MCTL_START))
        return;
    if (val & MCTL_WRITE)
        phy_write(e, reg, (uint16_t)e->s.mtxd);
    else
        e->s.mrxd = phy_read(e, reg);
    e->s.ris |= INT_MD;
}

/* ---- receive ---- */

static bool wanted(const struct stellaris_enet_state *s, const uint8_t *mac)
{
    if ((s->rctl & RCTL_ALL) || ether_is_broadcast(mac))
        return true;
    if (mac[0] & 1)
        return s->rctl & RCTL_MULTICAST;
    return memcmp(mac, s->ia, ETHER_MAC_LEN) == 0;
}

static void rx_put(struct stellaris_enet_state *s, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->rx[(s->rx_at + s->rx_used++) % FIFO] = bytes[i];
}

/* In the FIFO a frame has its length in front, which counts itself, and takes whole words. */
static bool nic_receive(struct net_client *c, const struct net_frame *f)
{
    struct stellaris_enet *e = c->opaque;
    struct stellaris_enet_state *s = &e->s;
    static const uint8_t zeros[4];
    uint8_t frame[FIFO], length[LENGTH];
    size_t len = ether_gather(f, frame, FIFO - LENGTH);
    size_t all = align_up(len + LENGTH, 4);
    if (!(s->rctl & RCTL_ENABLE) || len == 0 || !wanted(s, frame))
        return true;
    if (s->rx_frames == MAX_FRAMES || s->rx_used + all > FIFO)
        return false;
    st_le16(length, (uint16_t)(len + LENGTH));
    rx_put(s, length, LENGTH);
    rx_put(s, frame, len);
    rx_put(s, zeros, all - len - LENGTH);
    s->rx_frames++;
    s->ris |= INT_RX;
    stellaris_enet_sync(&e->dev);
    return true;
}

static uint32_t rx_word(const struct stellaris_enet_state *s)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < 4; i++)
        val |= (uint32_t)s->rx[(s->rx_at + i) % FIFO] << i * 8;
    return val;
}

static uint32_t rx_read(struct stellaris_enet *e)
{
    struct stellaris_enet_state *s = &e->s;
    if (s->rx_frames == 0) {
        s->ris |= INT_RX_ERROR;
        return 0;
    }
    uint32_t val = rx_word(s), n = MIN(s->rx_used, 4);
    if (s->rx_left == 0)
        s->rx_left = (uint32_t)align_up(val & 0xffff, 4);
    s->rx_at = (s->rx_at + n) % FIFO;
    s->rx_used -= n;
    s->rx_left -= MIN(s->rx_left, 4);
    if (s->rx_left == 0) {
        s->rx_frames--;
        net_rx_ready(&e->nic);
    }
    return val;
}

static void rx_clear(struct stellaris_enet *e)
{
    e->s.rx_at = e->s.rx_used = e->s.rx_frames = e->s.rx_left = 0;
    net_rx_ready(&e->nic);
}

/* ---- transmit ---- */

/* Bytes of the frame in the FIFO: the length in front counts what follows the header. */
static uint32_t tx_frame_len(const struct stellaris_enet_state *s)
{
    uint32_t len = ld_le16(s->tx) + (uint32_t)NET_ETH_HEADER;
    return MIN(len, FIFO - LENGTH);
}

static void tx_send(struct stellaris_enet *e)
{
    struct stellaris_enet_state *s = &e->s;
    uint32_t len = tx_frame_len(s), out = len;
    if (!s->sending || !(s->tctl & TCTL_ENABLE))
        return;
    if (s->tx_len < LENGTH || s->tx_len - LENGTH < len) {
        s->ris |= INT_TX_ERROR; /* there is less than the length says */
        dev_guest_error(&e->dev, "frame of %u bytes has %u", len, s->tx_len);
    } else {
        struct iovec iov = {s->tx + LENGTH, 0};
        if ((s->tctl & TCTL_PAD) && len < NET_MIN_FRAME) {
            memset(s->tx + LENGTH + len, 0, NET_MIN_FRAME - len);
            out = NET_MIN_FRAME;
        }
        iov.iov_len = out;
        struct net_frame f = {.iov = &iov, .niov = 1, .size = out};
        if (net_nic_link_up(&e->nic) && !net_nic_send(&e->nic, &f))
            return;
        s->ris |= INT_TX_EMPTY;
    }
    s->sending = 0;
    s->tx_len = 0;
}

/* 16.3.1.4: it begins by itself once the threshold, in units of 32 bytes, is passed. */
static void tx_write(struct stellaris_enet *e, uint32_t val)
{
    struct stellaris_enet_state *s = &e->s;
    if (s->tx_len + 4 > FIFO) {
        s->ris |= INT_TX_ERROR;
        return;
    }
    st_le32(s->tx + s->tx_len, val);
    s->tx_len += 4;
    bool whole = s->tx_len - LENGTH >= tx_frame_len(s);
    if (s->thr != THR_NEVER && whole && s->tx_len > s->thr * 32)
        s->sending = 1;
    tx_send(e);
}

static void nic_writable(struct net_client *c)
{
    tx_send(c->opaque);
    stellaris_enet_sync(&((struct stellaris_enet *)c->opaque)->dev);
}

static void nic_link_changed(struct net_client *c)
{
    phy_event(c->opaque, PHY_INT_LINK);
    stellaris_enet_sync(&((struct stellaris_enet *)c->opaque)->dev);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .receive = nic_receive,
    .writable = nic_writable,
    .link_changed = nic_link_changed,
};

/* ---- registers ---- */

static uint64_t stellaris_enet_read(struct device *dev, struct access a)
{
    struct stellaris_enet *e = enet(dev);
    const struct stellaris_enet_state *s = &e->s;
    uint32_t val;
    switch (a.off) {
    case RIS: return s->ris;
    case IM: return s->im;
    case RCTL: return s->rctl;
    case TCTL: return s->tctl;
    case DATA:
        val = a.peek ? rx_word(s) : rx_read(e);
        stellaris_enet_sync(dev);
        return val;
    case IA0: return ld_le32(s->ia);
    case IA1: return ld_le16(s->ia + 4);
    case THR: return s->thr;
    case MCTL: return s->mctl;
    case MDV: return s->mdv;
    case MTXD: return s->mtxd;
    case MRXD: return s->mrxd;
    case NP: return s->rx_frames;
    case TR: return s->sending;
    case TS: return s->ts;
    default: return 0;
    }
}

static void write_rctl(struct stellaris_enet *e, uint32_t val)
{
    e->s.rctl = val & RCTL_MASK;
    if (val & RCTL_CLEAR)
        rx_clear(e);
    if (val & RCTL_ENABLE)
        net_rx_ready(&e->nic);
}

static bool write_register(struct stellaris_enet *e, uint64_t off, uint32_t val)
{
    struct stellaris_enet_state *s = &e->s;
    switch (off) {
    case RIS: s->ris &= ~val; return true;
    case IM: s->im = val & INT_ALL; return true;
    case RCTL: write_rctl(e, val); return true;
    case TCTL:
        s->tctl = val & TCTL_MASK;
        tx_send(e);
        return true;
    case DATA: tx_write(e, val); return true;
    case IA0: st_le32(s->ia, val); return true;
    case IA1: st_le16(s->ia + 4, (uint16_t)val); return true;
    case THR: s->thr = val & 0x3f; return true;
    case MCTL: management_command(e, val); return true;
    case MDV: s->mdv = val & 0xff; return true;
    case MTXD: s->mtxd = val & 0xffff; return true;
    case MRXD: s->mrxd = val & 0xffff; return true;
    case TR:
        s->sending |= val & 1 && s->tx_len;
        tx_send(e);
        return true;
    case TS: s->ts = val & 1; return true;
    default: return false;
    }
}

static void stellaris_enet_write(struct device *dev, struct access a, uint64_t val)
{
    if (!write_register(enet(dev), a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    stellaris_enet_sync(dev);
}

/* ---- the device ---- */

static void stellaris_enet_reset(struct device *dev)
{
    struct stellaris_enet *e = enet(dev);
    memcpy(e->s.ia, e->conf.mac.byte, ETHER_MAC_LEN);
    memcpy(e->s.phy, phy_defaults, sizeof(phy_defaults));
}

const uint8_t *stellaris_enet_mac(struct device *dev)
{
    return enet(dev)->conf.mac.byte;
}

static bool stellaris_enet_realize(struct device *dev, struct error **errp)
{
    struct stellaris_enet *e = enet(dev);
    net_mac_settle(&e->conf.mac);
    net_nic_init(&e->nic, &nic_ops, dev->type->name, dev->id, &dev->lock, e);
    e->nic.implicit = true;
    memcpy(e->nic.mac, e->conf.mac.byte, ETHER_MAC_LEN);
    if (net_nic_connect(&e->nic, e->conf.netdev, errp))
        return true;
    net_nic_fini(&e->nic);
    return false;
}

static void stellaris_enet_unrealize(struct device *dev)
{
    net_nic_fini(&enet(dev)->nic);
}

static void stellaris_enet_loaded(struct device *dev)
{
    struct stellaris_enet_state *s = &enet(dev)->s;
    s->tx_len = MIN(s->tx_len & ~3U, FIFO);
    s->rx_at %= FIFO;
    s->rx_used = MIN(s->rx_used, FIFO);
    s->rx_frames = MIN(s->rx_frames, MAX_FRAMES);
}

static const struct state_field stellaris_enet_state[] = {
    STATE(stellaris_enet, ris, 0),
    STATE(stellaris_enet, im, INT_ALL),
    STATE(stellaris_enet, rctl, 8),
    STATE(stellaris_enet, tctl, 0),
    STATE(stellaris_enet, thr, 0x3f),
    STATE(stellaris_enet, mctl, 0),
    STATE(stellaris_enet, mdv, 0x80),
    STATE(stellaris_enet, mtxd, 0),
    STATE(stellaris_enet, mrxd, 0),
    STATE(stellaris_enet, ts, 0),
    STATE_ARRAY(stellaris_enet, ia, 0),
    STATE_ARRAY(stellaris_enet, phy, 0),
    STATE(stellaris_enet, tx_len, 0),
    STATE(stellaris_enet, sending, 0),
    STATE(stellaris_enet, rx_at, 0),
    STATE(stellaris_enet, rx_used, 0),
    STATE(stellaris_enet, rx_frames, 0),
    STATE(stellaris_enet, rx_left, 0),
    STATE_ARRAY(stellaris_enet, tx, 0),
    STATE_ARRAY(stellaris_enet, rx, 0),
    STATE_END,
};

static const struct prop stellaris_enet_props[] = {
    NIC_PROPS(stellaris_enet),
    PROP_END,
};

DEVICE_CLASS(stellaris_enet) = {
    .desc = "Stellaris Ethernet controller",
    .mmio = {stellaris_enet_read, stellaris_enet_write, .min = 4, .max = 4, .size = 0x1000},
    .props = stellaris_enet_props,
    .state = stellaris_enet_state,
    .realize = stellaris_enet_realize,
    .unrealize = stellaris_enet_unrealize,
    .reset = stellaris_enet_reset,
    .sync = stellaris_enet_sync,
    .loaded = stellaris_enet_loaded,
};
