/*
 * The parts of a LAN9118: host interface and FIFOs (lan9118.c), MAC, PHY and EEPROM
 * (lan9118_mac.c).  The device's lock guards everything.
 */
#ifndef HW_NET_LAN9118_PRIV_H
#define HW_NET_LAN9118_PRIV_H

#include "core/clock.h"
#include "core/device.h"
#include "hw/net/ether.h"

enum {
    LAN_TX_WORDS = (14 * 1024 - 512) / 4, /* the largest that HW_CFG can ask for, of each FIFO */
    LAN_RX_WORDS = 14 * 1024 / 16 * 15 / 4,
    LAN_TX_STATUS = 128,
    LAN_RX_STATUS = 14 * 1024 / 16 / 4,
    LAN_EEPROM = 128,
    LAN_FRAME = 2048,
    LAN_MAC_REGS = 16,
    LAN_PHY_REGS = 32,
};

/* A ring of words in an array of its own. */
struct lan_ring {
    uint32_t head, len;
};

struct lan9118 {
    struct device dev;
    struct nic_conf conf;
    struct net_client nic;
    struct timer gpt, deassert; /* general purpose; the line may rise again */
    struct lan9118_state {
        uint32_t irq_cfg, int_sts, int_en, fifo_int, rx_cfg, tx_cfg, hw_cfg, pmt_ctrl, gpio_cfg,
            gpt_cfg, word_swap, rx_drop, afc_cfg, e2p_cmd, e2p_data, mac_cmd, mac_data;
        uint32_t mac[LAN_MAC_REGS];
        uint16_t phy[LAN_PHY_REGS];
        uint32_t phy_sources;
        uint32_t eeprom_writable, pad;
        int64_t gpt_start, quiet_until; /* virtual ns */
        struct lan_ring rx, rx_status, rx_sizes, tx, tx_status;
        uint32_t rx_done; /* words of the first frame in rx that were read */
        uint32_t tx_phase, tx_a, tx_b, tx_at, tx_len; /* the buffer being taken; bytes of frame */
        uint32_t rx_words[LAN_RX_WORDS], tx_words[LAN_TX_WORDS];
        uint32_t rx_statuses[LAN_RX_STATUS], rx_frame_words[LAN_RX_STATUS];
        uint32_t tx_statuses[LAN_TX_STATUS];
        uint8_t tx_frame[LAN_FRAME];
        uint8_t eeprom[LAN_EEPROM];
    } s;
};

static inline struct lan9118 *lan(struct device *dev)
{
    return (struct lan9118 *)dev;
}

/* MAC control register. */
enum {
    MAC_RXEN = 1 << 2,
    MAC_TXEN = 1 << 3,
    MAC_NO_BROADCAST = 1 << 11,
    MAC_HASH_PERFECT = 1 << 13,
    MAC_HASH_ONLY = 1 << 15,
    MAC_INVERSE = 1 << 17,
    MAC_PROMISCUOUS = 1 << 18,
    MAC_ALL_MULTICAST = 1 << 19,
    MAC_LOOPBACK = 1 << 21,
};
enum { LAN_RX_FILTER_FAIL = 1 << 30, LAN_RX_BROADCAST = 1 << 13, LAN_RX_MULTICAST = 1 << 10 };

/* lan9118_mac.c */
void lan_mac_reset(struct lan9118 *n);
/* Whether a frame is taken; with the bits of its receive status that say why. */
bool lan_mac_wants(const struct lan9118 *n, const uint8_t *frame, uint32_t *status);
bool lan_mac_loops_back(const struct lan9118 *n);
void lan_mac_command(struct lan9118 *n, uint32_t val);
bool lan_phy_interrupts(const struct lan9118 *n);
/* The cable was plugged in or out. */
void lan_phy_link_changed(struct lan9118 *n);
void lan_eeprom_fill(struct lan9118 *n);
void lan_eeprom_command(struct lan9118 *n, uint32_t val);

#endif
