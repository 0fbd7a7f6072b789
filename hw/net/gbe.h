/*
 * Intel's 8254x and 82574 Gigabit Ethernet controllers: what both models share.
 * Ref: Intel, "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (SDM);
 * "Intel 82574 GbE Controller Family Datasheet" (82574).
 *
 * gbe.c has registers, EEPROM, PHY and interrupts; gbe_tx.c and gbe_rx.c the rings; gbe_rss.c the
 * choice of a receive queue; e1000.c and e1000e.c the two models.
 */
#ifndef HW_NET_GBE_H
#define HW_NET_GBE_H

#include "core/clock.h"
#include "hw/boot_order.h"
#include "hw/pci/pci.h"
#include "net/net.h"

enum { /* register offsets, SDM 13.2 */
       CTRL = 0x0000,
       STATUS = 0x0008,
       EECD = 0x0010,
       EERD = 0x0014,
       CTRL_EXT = 0x0018,
       FLA = 0x001c,
       MDIC = 0x0020,
       FCAL = 0x0028,
       FCAH = 0x002c,
       FCT = 0x0030,
       VET = 0x0038,
       ICR = 0x00c0,
       ITR = 0x00c4,
       ICS = 0x00c8,
       IMS = 0x00d0,
       IMC = 0x00d8,
       EIAC = 0x00dc,
       IAM = 0x00e0,
       IVAR = 0x00e4,
       EITR = 0x00e8,
       RCTL = 0x0100,
       FCTTV = 0x0170,
       TXCW = 0x0178,
       RXCW = 0x0180,
       TCTL = 0x0400,
       TIPG = 0x0410,
       AIT = 0x0458,
       LEDCTL = 0x0e00,
       EXTCNF_CTRL = 0x0f00,
       PBA = 0x1000,
       FCRTL = 0x2160,
       FCRTH = 0x2168,
       PSRCTL = 0x2170,
       RDBAL = 0x2800,
       RDBAH = 0x2804,
       RDLEN = 0x2808,
       RDH = 0x2810,
       RDT = 0x2818,
       RDTR = 0x2820,
       RXDCTL = 0x2828,
       RADV = 0x282c,
       RSRPD = 0x2c00,
       TDBAL = 0x3800,
       TDBAH = 0x3804,
       TDLEN = 0x3808,
       TDH = 0x3810,
       TDT = 0x3818,
       TIDV = 0x3820,
       TXDCTL = 0x3828,
       TADV = 0x382c,
       TARC0 = 0x3840,
       STATS = 0x4000,
       CRCERRS = 0x4000,
       MPC = 0x4010,
       PRC64 = 0x405c,
       GPRC = 0x4074,
       BPRC = 0x4078,
       MPRC = 0x407c,
       GPTC = 0x4080,
       GORCL = 0x4088,
       GOTCL = 0x4090,
       RNBC = 0x40a0,
       RUC = 0x40a4,
       ROC = 0x40ac,
       TORL = 0x40c0,
       TOTL = 0x40c8,
       TPR = 0x40d0,
       TPT = 0x40d4,
       PTC64 = 0x40d8,
       MPTC = 0x40f0,
       BPTC = 0x40f4,
       TSCTC = 0x40f8,
       STATS_END = 0x4128,
       RXCSUM = 0x5000,
       RFCTL = 0x5008,
       MTA = 0x5200,
       RAL = 0x5400,
       VFTA = 0x5600,
       MRQC = 0x5818,
       MANC = 0x5820,
       SWSM = 0x5b50,
       FWSM = 0x5b54,
       RETA = 0x5c00,
       RSSRK = 0x5c80,
       RSSRK_END = 0x5ca8,
       QUEUE_STRIDE = 0x100, /* from a ring's register of queue 0 to that of queue 1 */
       SYSTIML = 0xb600,
       SYSTIMH = 0xb604,
       TIMINCA = 0xb608,
       GBE_REGS_SIZE = 0x10000,
       GBE_BAR_SIZE = 0x20000,
};
enum {
    CTRL_FD = 1,
    CTRL_MASTER_DISABLE = 1 << 2,
    CTRL_SLU = 1 << 6,
    CTRL_RST = 1 << 26,
    CTRL_VME = 1 << 30,
    CTRL_PHY_RST = 1U << 31
};
enum {
    ICR_TXDW = 1 << 0,
    ICR_TXQE = 1 << 1,
    ICR_LSC = 1 << 2,
    ICR_RXDMT0 = 1 << 4,
    ICR_RXO = 1 << 6,
    ICR_RXT0 = 1 << 7,
    ICR_MDAC = 1 << 9,
    ICR_TXD_LOW = 1 << 15,
    ICR_SRPD = 1 << 16,
    ICR_RXQ0 = 1 << 20,
    ICR_RXQ1 = 1 << 21,
    ICR_TXQ0 = 1 << 22,
    ICR_TXQ1 = 1 << 23,
    ICR_OTHER = 1 << 24
};
static const uint32_t ICR_ASSERTED = UINT32_C(1) << 31;
enum {
    RCTL_EN = 1 << 1,
    RCTL_SBP = 1 << 2,
    RCTL_UPE = 1 << 3,
    RCTL_MPE = 1 << 4,
    RCTL_LPE = 1 << 5,
    RCTL_LBM = 3 << 6,
    RCTL_BAM = 1 << 15,
    RCTL_VFE = 1 << 18,
    RCTL_BSEX = 1 << 25,
    RCTL_SECRC = 1 << 26
};
enum {
    TCTL_EN = 1 << 1,
    TCTL_PSP = 1 << 3,
    RFCTL_EXTEN = 1 << 15,
    RXCSUM_PCSD = 1 << 13,
    GBE_VECTORS = 5,
    GBE_QUEUES = 2, /* each way; the 8254x have one */
    GBE_CONTEXT = 16,
    EEPROM_WORDS = 64
};

struct gbe_model {
    uint16_t device_id, phy_id1, phy_id2;
    bool is_82574;
    uint8_t revision;
};

struct gbe {
    struct pci_device pci;
    const struct gbe_model *model;
    struct nic_conf conf;
    struct net_client nic;
    struct mem_region regs, flash, io, msix;
    uint16_t eeprom[EEPROM_WORDS];
    bool autonegotiation, mitigation, extra_mac_registers, init_vet, msi;
    int32_t bootindex;
    struct gbe_tx {
        uint8_t *buf; /* the frame that is being gathered, GBE_TX_MAX bytes */
        uint32_t len;
        bool waits; /* it is complete and the back end is full */
        struct net_hdr hdr;
    } tx[GBE_QUEUES];
    struct timer tx_again, irq_timer, rx_delay, tx_delay;
    bool rx_delay_armed, tx_delay_armed;
    ns_t rx_delay_end, tx_delay_end; /* of the absolute timers */
    ns_t next_irq[GBE_VECTORS];
    uint32_t raised;                 /* causes that came since the last interrupt */
    uint32_t rx_delayed, tx_delayed; /* queues, as causes, that the delay timers hold back */
    struct gbe_state {
        struct pci_state pci;
        uint32_t reg[GBE_REGS_SIZE / 4];
        uint16_t phy[32];
        /* Each queue's last context descriptors: for checksums, then for segmentation. */
        uint8_t context[GBE_QUEUES * 2 * GBE_CONTEXT];
        uint32_t io_addr;
        uint16_t ee_word;  /* Microwire: address and command bits, then data going out */
        uint8_t ee_count;  /* bits shifted in or out */
        uint8_t ee_out;    /* a word goes out */
        uint32_t fired;    /* MSI, MSI-X: causes that were told already */
        uint8_t ctx_valid; /* contexts that were loaded, a bit each */
        uint8_t pad[3];
    } s;
};

enum { GBE_TX_MAX = 0x10000 + 32 };

static inline uint32_t gbe_reg(const struct gbe *g, unsigned off)
{
    return g->s.reg[off / 4];
}
static inline void gbe_put(struct gbe *g, unsigned off, uint32_t v)
{
    g->s.reg[off / 4] = v;
}

/* How many queues each way there are. */
static inline unsigned gbe_queues(const struct gbe *g)
{
    return g->model->is_82574 ? GBE_QUEUES : 1;
}
/* A ring's register, of queue q. */
static inline uint32_t gbe_ring(const struct gbe *g, unsigned q, unsigned off)
{
    return gbe_reg(g, off + q * QUEUE_STRIDE);
}

/* gbe.c */
/* Set causes in ICR and interrupt if they are enabled.  dev.lock held. */
void gbe_raise(struct gbe *g, uint32_t causes);
/* The same after the delays that the receive and transmit timers ask for. */
void gbe_raise_rx(struct gbe *g, uint32_t causes);
void gbe_raise_tx(struct gbe *g, unsigned q, bool delayed);
void gbe_count(struct gbe *g, unsigned stat,
               uint64_t n); /* a statistics register; sticks at the top */
void gbe_count_octets(struct gbe *g, unsigned low, uint64_t n); /* a pair of them */
void gbe_count_size(struct gbe *g, unsigned first, size_t n); /* PRC64 or PTC64 and the next five */
bool gbe_link_up(const struct gbe *g);
/* Registers to what they hold after reset; dev.lock held. */
void gbe_reset_mac(struct gbe *g);

/* gbe_tx.c */
void gbe_send(struct gbe *g);
void gbe_writable(struct net_client *c);
/* gbe_rx.c */
bool gbe_receive(struct net_client *c, const struct net_frame *f);
void gbe_burst_end(struct net_client *c);
bool gbe_rx_has_room(const struct gbe *g, unsigned q);

/* gbe_rss.c: where a frame's headers are, and what is made of them. */
struct gbe_headers {
    unsigned ip;                 /* offset of IP's header, 0: it is no IP packet */
    unsigned transport, payload; /* offsets of what follows IP's, and all known headers */
    uint8_t proto;               /* IP's; 0 when the transport header is not whole or not there */
    bool v6, fragment;
    const uint8_t *src, *dst; /* addresses; of IPv6, those that extension headers name */
};
/* Find the headers in the n bytes of a frame. */
void gbe_find_headers(const struct gbe *g, const uint8_t *f, size_t n, struct gbe_headers *h);
/* 82574 7.1.11: the kind of hash (0: none; queue 0 then) and *hash. */
unsigned gbe_rss_hash(const struct gbe *g, const uint8_t *f, const struct gbe_headers *h,
                      uint32_t *hash);
/* The queue that a hash chooses. */
unsigned gbe_rss_queue(const struct gbe *g, uint32_t hash);

/* The parts of a device class. */
bool gbe_realize(struct gbe *g, const struct gbe_model *model, struct error **errp) MUST_CHECK;
void gbe_unrealize(struct device *dev);
void gbe_reset(struct device *dev);
void gbe_sync(struct device *dev);
extern const struct state_field gbe_state[];
#define GBE_PROPS PCI_PROPS(gbe), NIC_PROPS(gbe), PROP_BOOTINDEX(gbe, bootindex, "ethernet-phy@0")

#endif
