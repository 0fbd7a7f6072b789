/*
 * NE2000: a DP8390 with 32 KiB of memory, the station's address in a PROM, a data port and a reset
 * port; apart from the bus that the card sits on.
 * Ref: National Semiconductor, "DP8390D/NS32490D NIC Network Interface Controller"; register names
 * are its.  Realtek, "RTL8029AS" (page 3, identification).
 */
#ifndef HW_NET_NE2000_H
#define HW_NET_NE2000_H

#include "hw/boot_order.h"
#include "hw/pci/pci.h"
#include "net/net.h"

enum { NE_PORTS = 0x20, NE_RAM = 0x8000, NE_PROM = 0x20, NE_FIFO = 8 };

struct ne2000_state {
    uint16_t rsar, rbcr; /* what was written */
    uint16_t crda, left; /* of the remote DMA: next address, bytes */
    uint16_t tbcr, clda;
    uint8_t cr, isr, imr, dcr, tcr, rcr, tsr, rsr;
    uint8_t pstart, pstop, bnry, tpsr, curr, missed;
    uint8_t next_page; /* BNRY after the packet that "send packet" delivers; 0: another transfer */
    uint8_t par[6], mar[8];
    uint8_t fifo[NE_FIFO], fifo_at; /* what a loopback left */
    uint8_t page3[16];
    uint8_t running; /* it was started, and not stopped since */
    uint8_t pad[5];
    uint8_t ram[NE_RAM];
};

/* The first member of a card, whatever bus it is on. */
struct ne2000 {
    union {
        struct device dev;
        struct pci_device pci;
    };
    struct ne2000_state *s;
    struct nic_conf conf;
    struct net_client nic;
    struct mem_region ports; /* NE_PORTS */
    bool is_8029;            /* on PCI */
    bool reminded;           /* of what is in the ring, since the boundary last moved */
    int32_t bootindex;
};

#define NE2000_STATE(type)                                                                         \
    STATE(type, ne.rsar, 0), STATE(type, ne.rbcr, 0), STATE(type, ne.crda, 0),                     \
        STATE(type, ne.left, 0), STATE(type, ne.tbcr, 0), STATE(type, ne.clda, 0),                 \
        STATE(type, ne.cr, 0x21), STATE(type, ne.isr, 0x80), STATE(type, ne.imr, 0),               \
        STATE(type, ne.dcr, 0x04), STATE(type, ne.tcr, 0), STATE(type, ne.rcr, 0),                 \
        STATE(type, ne.tsr, 0), STATE(type, ne.rsr, 0), STATE(type, ne.pstart, 0),                 \
        STATE(type, ne.pstop, 0), STATE(type, ne.bnry, 0), STATE(type, ne.tpsr, 0),                \
        STATE(type, ne.curr, 0), STATE(type, ne.missed, 0), STATE(type, ne.next_page, 0),          \
        STATE_ARRAY(type, ne.par, 0), STATE_ARRAY(type, ne.mar, 0), STATE_ARRAY(type, ne.fifo, 0), \
        STATE(type, ne.fifo_at, 0), STATE_ARRAY(type, ne.page3, 0), STATE(type, ne.running, 0),    \
        STATE_ARRAY(type, ne.pad, 0), STATE_ARRAY(type, ne.ram, 0)

#define NE2000_PROPS(type)                                                                         \
    PROP(prop_mac, type, "mac", ne.conf.mac, NULL,                                                 \
         "Ethernet address (default: 52:54:00:12:34:56 and on)"),                                  \
        PROP(prop_netdev, type, "netdev", ne.conf.netdev, NULL, "id of the -netdev"),              \
        PROP_BOOTINDEX(type, ne.bootindex, "ethernet-phy@0")

/* For realize, with s and is_8029 set: the cable and the ports' region; false with *errp when the
 * netdev is taken. */
bool ne2000_init(struct ne2000 *n, struct error **errp) MUST_CHECK;
/* For unrealize, after the ports are off the map. */
void ne2000_fini(struct ne2000 *n);
/* For sync. */
void ne2000_update_irq(struct ne2000 *n);
/* Bring a loaded state into its range. */
void ne2000_loaded(struct device *dev);

#endif
