/*
 * LAN9118: MAC, PHY and EEPROM.
 * Ref: SMSC LAN9118 data sheet, revision 1.1: 3.6 (EEPROM), 5.4 (MAC registers), 5.5 (PHY
 * registers), 3.4 (address filtering).
 */
#include "hw/net/lan9118_priv.h"
#include "util/bits.h"

#include <string.h>

enum {
    MAC_CR = 1,
    ADDRH = 2,
    ADDRL = 3,
    HASHH = 4,
    HASHL = 5,
    MII_ACC = 6,
    MII_DATA = 7,
    FLOW = 8,
    VLAN1 = 9,
    VLAN2 = 10,
    WUFF = 11,
    WUCSR = 12
};
enum { MII_BUSY = 1, MII_WRITE = 2, PHY_ADDRESS = 1 };
enum { CMD_READ = 1 << 30, E2P_DONE_LOADED = 1 << 8, E2P_MAGIC = 0xa5 };
static const uint32_t CMD_BUSY = UINT32_C(1) << 31, MAC_CR_MASK = 0x80bfbdec;

/* ---- filter ---- */

static bool is_own(const struct lan9118 *n, const uint8_t *mac)
{
    uint8_t own[ETHER_MAC_LEN];
    st_le32(own, n->s.mac[ADDRL]);
    st_le16(own + 4, (uint16_t)n->s.mac[ADDRH]);
    return memcmp(own, mac, ETHER_MAC_LEN) == 0;
}

static bool hash_matches(const struct lan9118 *n, const uint8_t *mac)
{
    unsigned bit = ether_hash(mac);
    return n->s.mac[bit >= 32 ? HASHH : HASHL] >> bit % 32 & 1;
}

/* 3.4: what the mode bits of MAC_CR say. */
static bool passes(const struct lan9118 *n, const uint8_t *mac)
{
    uint32_t cr = n->s.mac[MAC_CR];
    bool group = mac[0] & 1;
    if (ether_is_broadcast(mac))
        return !(cr & MAC_NO_BROADCAST);
    if (cr & MAC_PROMISCUOUS)
        return true;
    if (group && (cr & MAC_ALL_MULTICAST))
        return true;
    if (cr & MAC_INVERSE)
        return !is_own(n, mac);
    if ((cr & MAC_HASH_PERFECT) && (group || (cr & MAC_HASH_ONLY)))
        return hash_matches(n, mac);
    return is_own(n, mac);
}

bool lan_mac_wants(const struct lan9118 *n, const uint8_t *frame, uint32_t *status)
{
    bool all = n->s.mac[MAC_CR] >> 31, ok = passes(n, frame);
    *status = ok ? 0 : LAN_RX_FILTER_FAIL;
    if (ether_is_broadcast(frame))
        *status |= LAN_RX_BROADCAST;
    else if (frame[0] & 1)
        *status |= LAN_RX_MULTICAST;
    return all || ok;
}

/* ---- PHY ---- */

enum {
    PHY_CONTROL = 0,
    PHY_STATUS = 1,
    PHY_ID1 = 2,
    PHY_ID2 = 3,
    PHY_ADVERTISE = 4,
    PHY_PARTNER = 5,
    PHY_EXPANSION = 6,
    PHY_MODE = 17,
    PHY_SPECIAL_MODES = 18,
    PHY_INDICATION = 27,
    PHY_SOURCES = 29,
    PHY_MASK = 30,
    PHY_SPECIAL = 31
};
enum { CONTROL_RESET = 1 << 15, CONTROL_LOOPBACK = 1 << 14, CONTROL_AUTO = 1 << 12 };
enum { CONTROL_RESTART = 1 << 9, CONTROL_DEFAULT = 0x3000, CONTROL_MASK = 0x7d80 };
enum { STATUS_ABLE = 0x7809, STATUS_LINK = 4, STATUS_AUTO_DONE = 0x20 };
enum { SOURCE_LINK_DOWN = 1 << 4, SOURCE_AUTO_DONE = 1 << 6, SOURCE_PAGE = 1 << 1 };
enum { PARTNER_ALL = 0x45e1, ADVERTISE_DEFAULT = 0x01e1, SPECIAL_100_FULL = 0x1018 };

static void phy_reset(struct lan9118 *n)
{
    memset(n->s.phy, 0, sizeof(n->s.phy));
    n->s.phy[PHY_CONTROL] = CONTROL_DEFAULT;
    n->s.phy[PHY_ADVERTISE] = ADVERTISE_DEFAULT;
    n->s.phy[PHY_SPECIAL_MODES] = 0xe0 | PHY_ADDRESS;
    n->s.phy_sources = 0;
}

static bool link_up(const struct lan9118 *n)
{
    return net_nic_link_up(&n->nic);
}

static uint16_t phy_status(const struct lan9118 *n)
{
    bool automatic = n->s.phy[PHY_CONTROL] & CONTROL_AUTO;
    return (uint16_t)(STATUS_ABLE | (link_up(n) ? STATUS_LINK : 0) |
                      (link_up(n) && automatic ? STATUS_AUTO_DONE : 0));
}

/* Sources are cleared by being read. */
static uint16_t phy_read(struct lan9118 *n, unsigned reg)
{
    uint16_t val = n->s.phy[reg];
    switch (reg) {
    case PHY_STATUS: return phy_status(n);
    case PHY_ID1: return 0x0007;
    case PHY_ID2: return 0xc0d1;
    case PHY_PARTNER: return link_up(n) ? PARTNER_ALL : 0;
    case PHY_EXPANSION: return link_up(n) ? 1 : 0;
    case PHY_SPECIAL: return link_up(n) ? SPECIAL_100_FULL : 0;
    case PHY_MODE: return link_up(n) ? 2 : 0;
    case PHY_SOURCES:
        val = (uint16_t)n->s.phy_sources;
        n->s.phy_sources = 0;
        return val;
    default: return val;
    }
}

static void phy_write(struct lan9118 *n, unsigned reg, uint16_t val)
{
    switch (reg) {
    case PHY_CONTROL:
        if (val & CONTROL_RESET) {
            phy_reset(n);
            break;
        }
        n->s.phy[reg] = val & CONTROL_MASK & (uint16_t)~CONTROL_RESTART;
        if ((val & CONTROL_RESTART) && link_up(n))
            n->s.phy_sources |= SOURCE_AUTO_DONE | SOURCE_PAGE;
        break;
    case PHY_ADVERTISE: n->s.phy[reg] = val; break;
    case PHY_MASK: n->s.phy[reg] = val & 0xff; break;
    case PHY_SPECIAL_MODES:
    case PHY_INDICATION: n->s.phy[reg] = val; break;
    default: dev_guest_error(&n->dev, "write %#x to PHY register %u", val, reg); break;
    }
}

bool lan_phy_interrupts(const struct lan9118 *n)
{
    return n->s.phy_sources & n->s.phy[PHY_MASK];
}

void lan_phy_link_changed(struct lan9118 *n)
{
    n->s.phy_sources |= link_up(n) ? SOURCE_AUTO_DONE : SOURCE_LINK_DOWN;
}

bool lan_mac_loops_back(const struct lan9118 *n)
{
    return (n->s.mac[MAC_CR] & MAC_LOOPBACK) || (n->s.phy[PHY_CONTROL] & CONTROL_LOOPBACK);
}

/* ---- MAC registers ---- */

/* There is one PHY; others do not answer. */
static void mii_command(struct lan9118 *n, uint32_t val)
{
    unsigned address = val >> 11 & 0x1f, reg = val >> 6 & 0x1f;
    n->s.mac[MII_ACC] = val & 0xffc2;
    if (!(val & MII_BUSY))
        return;
    if (address != PHY_ADDRESS)
        n->s.mac[MII_DATA] = val & MII_WRITE ? n->s.mac[MII_DATA] : 0xffff;
    else if (val & MII_WRITE)
        phy_write(n, reg, (uint16_t)n->s.mac[MII_DATA]);
    else
        n->s.mac[MII_DATA] = phy_read(n, reg);
}

static void mac_write(struct lan9118 *n, unsigned reg, uint32_t val)
{
    static const uint32_t masks[LAN_MAC_REGS] = {
        [MAC_CR] = MAC_CR_MASK, [ADDRH] = 0xffff,    [ADDRL] = UINT32_MAX, [HASHH] = UINT32_MAX,
        [HASHL] = UINT32_MAX,   [MII_DATA] = 0xffff, [FLOW] = 0xffff0007,  [VLAN1] = 0xffff,
        [VLAN2] = 0xffff,       [WUFF] = UINT32_MAX, [WUCSR] = 0x206,
    };
    bool received = n->s.mac[MAC_CR] & MAC_RXEN;
    if (reg == MII_ACC)
        mii_command(n, val);
    else if (reg < LAN_MAC_REGS && masks[reg])
        n->s.mac[reg] = val & masks[reg];
    else
        dev_guest_error(&n->dev, "write %#x to MAC register %u", val, reg);
    if (!received && (n->s.mac[MAC_CR] & MAC_RXEN))
        net_rx_ready(&n->nic);
}

void lan_mac_command(struct lan9118 *n, uint32_t val)
{
    unsigned reg = val & 0xff;
    n->s.mac_cmd = val & (CMD_READ | 0xff);
    if (!(val & CMD_BUSY))
        return;
    if (!(val & CMD_READ))
        mac_write(n, reg, n->s.mac_data);
    else
        n->s.mac_data = reg < LAN_MAC_REGS ? n->s.mac[reg] : 0;
}

static void load_address(struct lan9118 *n)
{
    bool valid = n->s.eeprom[0] == E2P_MAGIC;
    n->s.e2p_cmd &= ~(uint32_t)E2P_DONE_LOADED;
    n->s.mac[ADDRL] = valid ? ld_le32(n->s.eeprom + 1) : UINT32_MAX;
    n->s.mac[ADDRH] = valid ? ld_le16(n->s.eeprom + 5) : 0xffff;
    n->s.e2p_cmd |= valid ? E2P_DONE_LOADED : 0;
}

void lan_mac_reset(struct lan9118 *n)
{
    memset(n->s.mac, 0, sizeof(n->s.mac));
    n->s.mac[MAC_CR] = MAC_PROMISCUOUS;
    n->s.mac[VLAN1] = n->s.mac[VLAN2] = 0xffff;
    phy_reset(n);
    load_address(n);
}

/* ---- EEPROM ---- */

void lan_eeprom_fill(struct lan9118 *n)
{
    memset(n->s.eeprom, 0xff, sizeof(n->s.eeprom));
    n->s.eeprom[0] = E2P_MAGIC;
    memcpy(n->s.eeprom + 1, n->conf.mac.byte, ETHER_MAC_LEN);
}

void lan_eeprom_command(struct lan9118 *n, uint32_t val)
{
    uint8_t *byte = &n->s.eeprom[val % LAN_EEPROM];
    n->s.e2p_cmd = (n->s.e2p_cmd & E2P_DONE_LOADED) | (val & 0x700000ff);
    if (!(val & CMD_BUSY))
        return;
    switch (val >> 28 & 7) {
    case 0: n->s.e2p_data = *byte; break;
    case 1: n->s.eeprom_writable = 0; break;
    case 2: n->s.eeprom_writable = 1; break;
    case 3: *byte = n->s.eeprom_writable ? (uint8_t)n->s.e2p_data : *byte; break;
    case 4:
        if (n->s.eeprom_writable)
            memset(n->s.eeprom, (uint8_t)n->s.e2p_data, LAN_EEPROM);
        break;
    case 5: *byte = n->s.eeprom_writable ? 0xff : *byte; break;
    case 6:
        if (n->s.eeprom_writable)
            memset(n->s.eeprom, 0xff, LAN_EEPROM);
        break;
    default: load_address(n); break;
    }
}
