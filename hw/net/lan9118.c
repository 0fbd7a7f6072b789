/*
 * SMSC LAN9118 Ethernet controller: host interface, FIFOs, interrupts.
 * Ref: SMSC LAN9118 data sheet, revision 1.1: 3.12 and 3.13 (transmit and receive data paths), 5.3
 * (system control and status registers).
 *
 * What is written to the transmit FIFO stays there until the back end has room for its frame.
 * Frames that the receive FIFOs have no room for wait with the back end.
 */
#include "hw/net/lan9118_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum {
    RX_DATA_END = 0x20,
    TX_DATA_END = 0x40,
    RX_STATUS = 0x40,
    RX_STATUS_PEEK = 0x44,
    TX_STATUS = 0x48,
    TX_STATUS_PEEK = 0x4c,
    ID_REV = 0x50,
    IRQ_CFG = 0x54,
    INT_STS = 0x58,
    INT_EN = 0x5c,
    BYTE_TEST = 0x64,
    FIFO_INT = 0x68,
    RX_CFG = 0x6c,
    TX_CFG = 0x70,
    HW_CFG = 0x74,
    RX_DP_CTL = 0x78,
    RX_FIFO_INF = 0x7c,
    TX_FIFO_INF = 0x80,
    PMT_CTRL = 0x84,
    GPIO_CFG = 0x88,
    GPT_CFG = 0x8c,
    GPT_CNT = 0x90,
    WORD_SWAP = 0x98,
    FREE_RUN = 0x9c,
    RX_DROP = 0xa0,
    MAC_CSR_CMD = 0xa4,
    MAC_CSR_DATA = 0xa8,
    AFC_CFG = 0xac,
    E2P_CMD = 0xb0,
    E2P_DATA = 0xb4
};
enum {
    INT_TX_STOPPED = 1 << 25,
    INT_RX_STOPPED = 1 << 24,
    INT_TX_DONE = 1 << 21, /* of a frame that asked for it */
    INT_GPT = 1 << 19,
    INT_PHY = 1 << 18,
    INT_TX_STATUS_OVERFLOW = 1 << 16,
    INT_RX_ERROR = 1 << 14,
    INT_TX_ERROR = 1 << 13,
    INT_TX_OVERRUN = 1 << 10,
    INT_TX_ROOM = 1 << 9,
    INT_TX_STATUS_FULL = 1 << 8,
    INT_TX_STATUS_LEVEL = 1 << 7,
    INT_RX_STATUS_FULL = 1 << 4,
    INT_RX_STATUS_LEVEL = 1 << 3
};
static const uint32_t INT_SOFTWARE = UINT32_C(1) << 31, INT_EN_MASK = 0x83bfe7df;
enum { IRQ_ENABLED = 1 << 8, IRQ_ASSERTED = 1 << 12, IRQ_QUIET = 1 << 13, IRQ_LOUD = 1 << 14 };
enum { TX_STATUS_DUMP = 1 << 15, TX_DATA_DUMP = 1 << 14, TX_OVERRUN_OK = 1 << 2, TX_ON = 1 << 1 };
enum { TX_STOP = 1, RX_DUMP = 1 << 15, HW_RESET = 1, HW_FIFO_MASK = 0xf0000, HW_32_BITS = 4 };
enum { HW_DEFAULT = 0x50000, PMT_READY = 1, PMT_PHY_RESET = 1 << 10, GPT_ENABLE = 1 << 29 };
enum { A_IOC = 1U << 31, A_FIRST = 1 << 13, A_LAST = 1 << 12 };
enum { B_NO_CRC = 1 << 13, B_NO_PADDING = 1 << 12 };
enum { PHASE_A, PHASE_B, PHASE_DATA, PHASE_SEND }; /* of the transmit FIFO's contents */
enum { GPT_NS = 100000, QUIET_NS = 10000, FREE_RUN_NS = 40, MAX_LENGTH = 1518 };
enum { ST_TYPE_FRAME = 1 << 5, ST_TOO_LONG = 1 << 7, ST_ERROR = 1 << 15, ST_NO_CARRIER = 1 << 10 };

/* ---- rings ---- */

static bool ring_push(struct lan_ring *r, uint32_t *words, uint32_t size, uint32_t val)
{
    if (r->len >= size)
        return false;
    words[(r->head + r->len++) % size] = val;
    return true;
}

static uint32_t ring_pop(struct lan_ring *r, const uint32_t *words, uint32_t size)
{
    uint32_t val = words[r->head];
    r->head = (r->head + 1) % size;
    r->len--;
    return val;
}

/* Bytes of each FIFO follow from TX_FIF_SZ, of 16 KiB in all (5.3.9). */
static uint32_t tx_kib(const struct lan9118 *n)
{
    uint32_t kib = n->s.hw_cfg >> 16 & 0xf;
    return CLAMP(kib, 2, 14);
}

static uint32_t tx_capacity(const struct lan9118 *n)
{
    return (tx_kib(n) * 1024 - 512) / 4;
}

static uint32_t rx_capacity(const struct lan9118 *n)
{
    return (16 - tx_kib(n)) * 1024 / 16 * 15 / 4;
}

static uint32_t rx_status_capacity(const struct lan9118 *n)
{
    return (16 - tx_kib(n)) * 1024 / 16 / 4;
}

/* ---- interrupts ---- */

static uint32_t tx_free_bytes(const struct lan9118 *n)
{
    return (tx_capacity(n) - MIN(n->s.tx.len, tx_capacity(n))) * 4;
}

/* What holds as long as it is so. */
static uint32_t levels(const struct lan9118 *n)
{
    const struct lan9118_state *s = &n->s;
    uint32_t rx_level = s->fifo_int & 0xff, tx_level = s->fifo_int >> 16 & 0xff;
    uint32_t room = (s->fifo_int >> 24) * 64;
    return (s->rx_status.len > rx_level ? INT_RX_STATUS_LEVEL : 0) |
           (s->rx_status.len >= rx_status_capacity(n) ? INT_RX_STATUS_FULL : 0) |
           (s->tx_status.len > tx_level ? INT_TX_STATUS_LEVEL : 0) |
           (s->tx_status.len >= LAN_TX_STATUS ? INT_TX_STATUS_FULL : 0) |
           (tx_free_bytes(n) > room ? INT_TX_ROOM : 0) | (lan_phy_interrupts(n) ? INT_PHY : 0);
}

/* 3.8: after the line fell it stays so for a while. */
static void update(struct lan9118 *n)
{
    n->s.int_sts |= levels(n);
    bool want = (n->s.int_sts & n->s.int_en) && (n->s.irq_cfg & IRQ_ENABLED);
    uint32_t interval = n->s.irq_cfg >> 24;
    ns_t now = clock_now();
    if (want && !irq_level(&n->dev.irq) && interval && now < n->s.quiet_until) {
        timer_set(&n->deassert, n->s.quiet_until);
        return;
    }
    if (!want && irq_level(&n->dev.irq))
        n->s.quiet_until = now + (ns_t)interval * QUIET_NS;
    irq_set(&n->dev.irq, want);
}

static void quiet_ends(void *opaque)
{
    update(opaque);
}

/* ---- receive ---- */

static void rx_clear(struct lan9118 *n)
{
    n->s.rx = n->s.rx_status = n->s.rx_sizes = (struct lan_ring){0};
    n->s.rx_done = 0;
}

/* Words that a frame takes: behind an offset, up to an alignment (3.13.3). */
static uint32_t rx_frame_words(const struct lan9118 *n, size_t len)
{
    static const uint8_t alignment[] = {1, 4, 8, 8};
    uint32_t words = (uint32_t)((n->s.rx_cfg >> 8 & 0x1f) + len + 3) / 4;
    return (uint32_t)align_up(words, alignment[n->s.rx_cfg >> 30]);
}

static void rx_store(struct lan9118 *n, const uint8_t *frame, size_t len, uint32_t words)
{
    uint32_t offset = n->s.rx_cfg >> 8 & 0x1f;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t word = 0;
        for (uint32_t j = 0; j < 4; j++) {
            uint32_t at = i * 4 + j;
            if (at >= offset && at - offset < len)
                word |= (uint32_t)frame[at - offset] << j * 8;
        }
        ring_push(&n->s.rx, n->s.rx_words, LAN_RX_WORDS, word);
    }
}

static uint32_t rx_status_of(const uint8_t *frame, size_t len, uint32_t why)
{
    uint32_t type = (uint32_t)frame[12] << 8 | frame[13];
    return why | (uint32_t)len << 16 | (type > NET_MTU ? ST_TYPE_FRAME : 0) |
           (len > MAX_LENGTH + 4 ? ST_TOO_LONG | ST_ERROR : 0);
}

/* False when there is no room. */
static bool take_frame(struct lan9118 *n, const struct net_frame *f)
{
    uint8_t frame[LAN_FRAME];
    uint32_t why;
    size_t len = ether_gather(f, frame, sizeof(frame));
    if (len == 0 || !lan_mac_wants(n, frame, &why))
        return true;
    uint32_t words = rx_frame_words(n, len);
    if (n->s.rx.len + words > rx_capacity(n) || n->s.rx_status.len >= rx_status_capacity(n) ||
        n->s.rx_sizes.len >= LAN_RX_STATUS)
        return false;
    rx_store(n, frame, len, words);
    ring_push(&n->s.rx_sizes, n->s.rx_frame_words, LAN_RX_STATUS, words);
    ring_push(&n->s.rx_status, n->s.rx_statuses, LAN_RX_STATUS, rx_status_of(frame, len, why));
    return true;
}

static bool nic_receive(struct net_client *c, const struct net_frame *f)
{
    struct lan9118 *n = c->opaque;
    if (!(n->s.mac[1] & MAC_RXEN))
        return true;
    bool took = take_frame(n, f);
    update(n);
    return took;
}

static uint32_t rx_read(struct lan9118 *n)
{
    struct lan9118_state *s = &n->s;
    if (s->rx.len == 0) {
        s->int_sts |= INT_RX_ERROR;
        dev_guest_error(&n->dev, "read of the empty receive FIFO");
        return 0;
    }
    uint32_t val = ring_pop(&s->rx, s->rx_words, LAN_RX_WORDS);
    if (s->rx_sizes.len && ++s->rx_done >= s->rx_frame_words[s->rx_sizes.head]) {
        ring_pop(&s->rx_sizes, s->rx_frame_words, LAN_RX_STATUS);
        s->rx_done = 0;
        net_rx_ready(&n->nic);
    }
    return val;
}

/* Throw away the rest of the frame being read. */
static void rx_skip(struct lan9118 *n)
{
    uint32_t left = n->s.rx_sizes.len ? n->s.rx_frame_words[n->s.rx_sizes.head] - n->s.rx_done : 0;
    while (left-- && n->s.rx.len)
        rx_read(n);
}

static uint32_t rx_status_read(struct lan9118 *n)
{
    if (n->s.rx_status.len == 0)
        return 0;
    uint32_t val = ring_pop(&n->s.rx_status, n->s.rx_statuses, LAN_RX_STATUS);
    net_rx_ready(&n->nic);
    return val;
}

/* ---- transmit ---- */

static void tx_clear(struct lan9118 *n)
{
    n->s.tx = (struct lan_ring){0};
    n->s.tx_phase = PHASE_A;
    n->s.tx_len = 0;
}

/* Words of the buffer that command A tells of (3.12.2). */
static uint32_t tx_buffer_words(uint32_t a)
{
    static const uint8_t alignment[] = {1, 4, 8, 8};
    uint32_t words = ((a >> 16 & 0x1f) + (a & 0x7ff) + 3) / 4;
    return (uint32_t)align_up(words, alignment[a >> 24 & 3]);
}

static void tx_take_bytes(struct lan9118 *n, uint32_t word)
{
    uint32_t offset = n->s.tx_a >> 16 & 0x1f, size = n->s.tx_a & 0x7ff;
    for (uint32_t j = 0; j < 4; j++) {
        uint32_t at = n->s.tx_at * 4 + j;
        if (at >= offset && at - offset < size && n->s.tx_len < LAN_FRAME)
            n->s.tx_frame[n->s.tx_len++] = (uint8_t)(word >> j * 8);
    }
    n->s.tx_at++;
}

static void tx_buffer_ends(struct lan9118_state *s)
{
    if (s->tx_phase == PHASE_DATA && s->tx_at >= tx_buffer_words(s->tx_a))
        s->tx_phase = s->tx_a & A_LAST ? PHASE_SEND : PHASE_A;
}

static void tx_take(struct lan9118 *n, uint32_t word)
{
    struct lan9118_state *s = &n->s;
    switch (s->tx_phase) {
    case PHASE_A:
        s->tx_a = word;
        if (word & A_FIRST)
            s->tx_len = 0;
        s->tx_phase = PHASE_B;
        return;
    case PHASE_B:
        s->tx_b = word;
        s->tx_at = 0;
        s->tx_phase = PHASE_DATA;
        break;
    default: tx_take_bytes(n, word); break;
    }
    tx_buffer_ends(s);
}

static bool tx_may_send(const struct lan9118 *n)
{
    bool room = n->s.tx_status.len < LAN_TX_STATUS || (n->s.tx_cfg & TX_OVERRUN_OK);
    return (n->s.tx_cfg & TX_ON) && (n->s.mac[1] & MAC_TXEN) && room;
}

/* What goes over the cable: without its check sequence, which the back end adds. */
static size_t tx_finish(struct lan9118 *n)
{
    size_t len = n->s.tx_len;
    if ((n->s.tx_b & B_NO_CRC) && len > ETHER_FCS)
        return len - ETHER_FCS;
    if (!(n->s.tx_b & (B_NO_CRC | B_NO_PADDING)) && len < NET_MIN_FRAME) {
        memset(n->s.tx_frame + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    return len;
}

/* False when the back end is full. */
static bool tx_put(struct lan9118 *n, size_t len)
{
    struct iovec iov = {n->s.tx_frame, len};
    struct net_frame f = {.iov = &iov, .niov = 1, .size = len};
    if (lan_mac_loops_back(n)) {
        if (n->s.mac[1] & MAC_RXEN)
            n->s.rx_drop += !take_frame(n, &f);
        return true;
    }
    return !net_nic_link_up(&n->nic) || net_nic_send(&n->nic, &f);
}

static bool tx_send(struct lan9118 *n)
{
    struct lan9118_state *s = &n->s;
    bool bad = s->tx_len != (s->tx_b & 0x7ff) || s->tx_len < NET_ETH_HEADER;
    bool cable = net_nic_link_up(&n->nic) || lan_mac_loops_back(n);
    uint32_t status = s->tx_b & 0xffff0000;
    if (!bad && !tx_put(n, tx_finish(n)))
        return false;
    if (bad) {
        s->int_sts |= INT_TX_ERROR;
        dev_guest_error(&n->dev, "frame of %u bytes has %u", s->tx_b & 0x7ff, s->tx_len);
    }
    status |= bad ? ST_ERROR : cable ? 0 : ST_ERROR | ST_NO_CARRIER;
    if (!ring_push(&s->tx_status, s->tx_statuses, LAN_TX_STATUS, status))
        s->int_sts |= INT_TX_STATUS_OVERFLOW;
    if (s->tx_a & A_IOC)
        s->int_sts |= INT_TX_DONE;
    s->tx_len = 0;
    s->tx_phase = PHASE_A;
    return true;
}

/* Go through what is in the FIFO as far as it goes. */
static void tx_run(struct lan9118 *n)
{
    for (;;) {
        if (n->s.tx_phase == PHASE_SEND) {
            if (!tx_may_send(n) || !tx_send(n))
                return;
        } else if (n->s.tx.len == 0) {
            return;
        } else {
            tx_take(n, ring_pop(&n->s.tx, n->s.tx_words, LAN_TX_WORDS));
        }
    }
}

static void tx_write(struct lan9118 *n, uint32_t val)
{
    if (n->s.tx.len >= tx_capacity(n) || !ring_push(&n->s.tx, n->s.tx_words, LAN_TX_WORDS, val)) {
        n->s.int_sts |= INT_TX_OVERRUN;
        dev_guest_error(&n->dev, "write to the full transmit FIFO");
    }
    tx_run(n);
}

static void nic_writable(struct net_client *c)
{
    tx_run(c->opaque);
    update(c->opaque);
}

static void nic_link_changed(struct net_client *c)
{
    lan_phy_link_changed(c->opaque);
    update(c->opaque);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .receive = nic_receive,
    .writable = nic_writable,
    .link_changed = nic_link_changed,
};

/* ---- general purpose timer ---- */

static uint64_t gpt_ticks(const struct lan9118 *n)
{
    return ((uint64_t)clock_now() - (uint64_t)n->s.gpt_start) / GPT_NS;
}

/* It counts down from its load value, then from 0xffff. */
static uint32_t gpt_count(const struct lan9118 *n)
{
    if (!(n->s.gpt_cfg & GPT_ENABLE))
        return 0xffff;
    return (uint32_t)((n->s.gpt_cfg & 0xffff) - gpt_ticks(n)) & 0xffff;
}

static void gpt_arm(struct lan9118 *n)
{
    if (!(n->s.gpt_cfg & GPT_ENABLE)) {
        timer_cancel(&n->gpt);
        return;
    }
    uint64_t ticks = gpt_ticks(n) + gpt_count(n) + 1;
    timer_set(&n->gpt, (ns_t)((uint64_t)n->s.gpt_start + ticks * GPT_NS));
}

static void gpt_fired(void *opaque)
{
    struct lan9118 *n = opaque;
    n->s.int_sts |= INT_GPT;
    gpt_arm(n);
    update(n);
}

static void gpt_write(struct lan9118 *n, uint32_t val)
{
    if (!(n->s.gpt_cfg & GPT_ENABLE))
        n->s.gpt_start = clock_now();
    n->s.gpt_cfg = val & (GPT_ENABLE | 0xffff);
    gpt_arm(n);
}

/* ---- registers ---- */

static uint32_t read_register(struct lan9118 *n, uint32_t off)
{
    const struct lan9118_state *s = &n->s;
    switch (off) {
    case RX_STATUS_PEEK: return s->rx_status.len ? s->rx_statuses[s->rx_status.head] : 0;
    case TX_STATUS_PEEK: return s->tx_status.len ? s->tx_statuses[s->tx_status.head] : 0;
    case ID_REV: return 0x01180001;
    case IRQ_CFG: return s->irq_cfg | (irq_level(&n->dev.irq) ? IRQ_ASSERTED : 0);
    case INT_STS: return s->int_sts;
    case INT_EN: return s->int_en;
    case BYTE_TEST: return 0x87654321;
    case FIFO_INT: return s->fifo_int;
    case RX_CFG: return s->rx_cfg;
    case TX_CFG: return s->tx_cfg;
    case HW_CFG: return s->hw_cfg | HW_32_BITS;
    case RX_FIFO_INF: return s->rx_status.len << 16 | s->rx.len * 4;
    case TX_FIFO_INF: return s->tx_status.len << 16 | tx_free_bytes(n);
    case PMT_CTRL: return s->pmt_ctrl | PMT_READY;
    case GPIO_CFG: return s->gpio_cfg;
    case GPT_CFG: return s->gpt_cfg;
    case GPT_CNT: return gpt_count(n);
    case WORD_SWAP: return s->word_swap;
    case FREE_RUN: return (uint32_t)(clock_now() / FREE_RUN_NS);
    case RX_DROP: return s->rx_drop;
    case MAC_CSR_CMD: return s->mac_cmd;
    case MAC_CSR_DATA: return s->mac_data;
    case AFC_CFG: return s->afc_cfg;
    case E2P_CMD: return s->e2p_cmd;
    case E2P_DATA: return s->e2p_data;
    default: return 0;
    }
}

/* Registers that change by being read. */
static bool read_port(struct lan9118 *n, uint32_t off, uint32_t *val)
{
    if (off < RX_DATA_END)
        *val = rx_read(n);
    else if (off == RX_STATUS)
        *val = rx_status_read(n);
    else if (off == TX_STATUS)
        *val = n->s.tx_status.len ? ring_pop(&n->s.tx_status, n->s.tx_statuses, LAN_TX_STATUS) : 0;
    else
        return false;
    return true;
}

static uint64_t lan9118_read(struct device *dev, struct access a)
{
    struct lan9118 *n = lan(dev);
    uint32_t off = (uint32_t)a.off, val;
    if (a.peek || !read_port(n, off, &val)) {
        val = read_register(n, off);
        if (off == RX_DROP && !a.peek)
            n->s.rx_drop = 0;
        return val;
    }
    tx_run(n); /* a status may have been waited for */
    update(n);
    return val;
}

static void soft_reset(struct lan9118 *n);

static void write_hw_cfg(struct lan9118 *n, uint32_t val)
{
    if (val & HW_RESET) {
        soft_reset(n);
        return;
    }
    uint32_t was = tx_kib(n);
    n->s.hw_cfg = val & (0x3f000000 | 1U << 20 | HW_FIFO_MASK | 0x6000);
    if (tx_kib(n) != was) {
        rx_clear(n);
        tx_clear(n);
    }
}

static void write_tx_cfg(struct lan9118 *n, uint32_t val)
{
    n->s.tx_cfg = val & (TX_OVERRUN_OK | TX_ON);
    if (val & TX_STATUS_DUMP)
        n->s.tx_status = (struct lan_ring){0};
    if (val & TX_DATA_DUMP)
        tx_clear(n);
    if (val & TX_STOP) {
        n->s.tx_cfg &= ~(uint32_t)TX_ON;
        n->s.int_sts |= INT_TX_STOPPED;
    }
}

static void write_rx_cfg(struct lan9118 *n, uint32_t val)
{
    n->s.rx_cfg = val & 0xcfff1f00;
    if (val & RX_DUMP) {
        rx_clear(n);
        net_rx_ready(&n->nic);
    }
}

static void write_irq_cfg(struct lan9118 *n, uint32_t val)
{
    n->s.irq_cfg = val & 0xff000111;
    if (val & IRQ_LOUD)
        n->s.quiet_until = 0;
}

static bool write_register(struct lan9118 *n, uint32_t off, uint32_t val)
{
    struct lan9118_state *s = &n->s;
    switch (off) {
    case IRQ_CFG: write_irq_cfg(n, val); break;
    case INT_STS: s->int_sts &= ~val; break;
    case INT_EN:
        s->int_en = val & INT_EN_MASK;
        s->int_sts |= val & INT_SOFTWARE; /* 5.3.4: setting it makes the interrupt */
        break;
    case FIFO_INT: s->fifo_int = val; break;
    case RX_CFG: write_rx_cfg(n, val); break;
    case TX_CFG: write_tx_cfg(n, val); break;
    case HW_CFG: write_hw_cfg(n, val); break;
    case RX_DP_CTL:
        if (val >> 31)
            rx_skip(n);
        break;
    case PMT_CTRL: s->pmt_ctrl = val & 0x37e; break;
    case GPIO_CFG: s->gpio_cfg = val & 0x7777071f; break;
    case GPT_CFG: gpt_write(n, val); break;
    case WORD_SWAP: s->word_swap = val; break;
    case MAC_CSR_CMD: lan_mac_command(n, val); break;
    case MAC_CSR_DATA: s->mac_data = val; break;
    case AFC_CFG: s->afc_cfg = val & 0xffffff; break;
    case E2P_CMD: lan_eeprom_command(n, val); break;
    case E2P_DATA: s->e2p_data = val & 0xff; break;
    case BYTE_TEST: break; /* wakes it */
    default: return false;
    }
    return true;
}

static void lan9118_write(struct device *dev, struct access a, uint64_t val)
{
    struct lan9118 *n = lan(dev);
    uint32_t off = (uint32_t)a.off;
    if (off >= RX_DATA_END && off < TX_DATA_END)
        tx_write(n, (uint32_t)val);
    else if (!write_register(n, off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val, off);
    if (off >= TX_DATA_END)
        tx_run(n);
    update(n);
}

/* ---- the device ---- */

/* 3.10.2: all but the levels of its pins. */
static void lan9118_reset(struct device *dev)
{
    struct lan9118 *n = lan(dev);
    rx_clear(n);
    tx_clear(n);
    lan_mac_reset(n);
    timer_cancel(&n->gpt);
    timer_cancel(&n->deassert);
}

static void lan9118_sync(struct device *dev)
{
    gpt_arm(lan(dev));
    update(lan(dev));
}

static bool lan9118_realize(struct device *dev, struct error **errp)
{
    struct lan9118 *n = lan(dev);
    net_mac_settle(&n->conf.mac);
    net_nic_init(&n->nic, &nic_ops, dev->type->name, dev->id, &dev->lock, n);
    n->nic.implicit = true;
    memcpy(n->nic.mac, n->conf.mac.byte, ETHER_MAC_LEN);
    if (!net_nic_connect(&n->nic, n->conf.netdev, errp)) {
        net_nic_fini(&n->nic);
        return false;
    }
    lan_eeprom_fill(n);
    timer_init(&n->gpt, &dev->lock, gpt_fired, n);
    timer_init(&n->deassert, &dev->lock, quiet_ends, n);
    return true;
}

static void lan9118_unrealize(struct device *dev)
{
    net_nic_fini(&lan(dev)->nic);
    timer_cancel(&lan(dev)->gpt);
    timer_cancel(&lan(dev)->deassert);
}

static void check_ring(struct lan_ring *r, uint32_t size)
{
    r->head %= size;
    r->len = MIN(r->len, size);
}

static void lan9118_loaded(struct device *dev)
{
    struct lan9118_state *s = &lan(dev)->s;
    check_ring(&s->rx, LAN_RX_WORDS);
    check_ring(&s->rx_status, LAN_RX_STATUS);
    check_ring(&s->rx_sizes, LAN_RX_STATUS);
    check_ring(&s->tx, LAN_TX_WORDS);
    check_ring(&s->tx_status, LAN_TX_STATUS);
    s->tx_phase = MIN(s->tx_phase, PHASE_SEND);
    s->tx_len = MIN(s->tx_len, LAN_FRAME);
    s->tx_at = MIN(s->tx_at, LAN_FRAME);
    s->gpt_start = MIN(s->gpt_start, clock_now());
    s->quiet_until = MIN(s->quiet_until, clock_now() + 0xff * QUIET_NS);
}

static const struct state_field lan9118_state[] = {
    STATE(lan9118, irq_cfg, 0),
    STATE(lan9118, int_sts, 0),
    STATE(lan9118, int_en, 0),
    STATE(lan9118, fifo_int, 0x48000000),
    STATE(lan9118, rx_cfg, 0),
    STATE(lan9118, tx_cfg, 0),
    STATE(lan9118, hw_cfg, HW_DEFAULT),
    STATE(lan9118, pmt_ctrl, 0),
    STATE(lan9118, gpio_cfg, 0),
    STATE(lan9118, gpt_cfg, 0xffff),
    STATE(lan9118, word_swap, 0),
    STATE(lan9118, rx_drop, 0),
    STATE(lan9118, afc_cfg, 0),
    STATE(lan9118, e2p_cmd, 0),
    STATE(lan9118, e2p_data, 0),
    STATE(lan9118, mac_cmd, 0),
    STATE(lan9118, mac_data, 0),
    STATE_ARRAY(lan9118, mac, 0),
    STATE_ARRAY(lan9118, phy, 0),
    STATE(lan9118, phy_sources, 0),
    STATE(lan9118, eeprom_writable, 0),
    STATE(lan9118, pad, 0),
    STATE(lan9118, gpt_start, 0),
    STATE(lan9118, quiet_until, 0),
    STATE(lan9118, rx, 0),
    STATE(lan9118, rx_status, 0),
    STATE(lan9118, rx_sizes, 0),
    STATE(lan9118, tx, 0),
    STATE(lan9118, tx_status, 0),
    STATE(lan9118, rx_done, 0),
    STATE(lan9118, tx_phase, 0),
    STATE(lan9118, tx_a, 0),
    STATE(lan9118, tx_b, 0),
    STATE(lan9118, tx_at, 0),
    STATE(lan9118, tx_len, 0),
    STATE_ARRAY(lan9118, rx_words, 0),
    STATE_ARRAY(lan9118, tx_words, 0),
    STATE_ARRAY(lan9118, rx_statuses, 0),
    STATE_ARRAY(lan9118, rx_frame_words, 0),
    STATE_ARRAY(lan9118, tx_statuses, 0),
    STATE_ARRAY(lan9118, tx_frame, 0),
    STATE_KEEP(lan9118, eeprom),
    STATE_END,
};

/* HW_CFG's: the table, less what pins and EEPROM hold. */
static void soft_reset(struct lan9118 *n)
{
    uint32_t gpio = n->s.gpio_cfg;
    state_reset(lan9118_state, n);
    n->s.gpio_cfg = gpio;
    lan9118_reset(&n->dev);
    net_rx_ready(&n->nic);
}

static const struct prop lan9118_props[] = {
    NIC_PROPS(lan9118),
    PROP_END,
};

DEVICE_CLASS(lan9118) = {
    .desc = "SMSC LAN9118 Ethernet controller",
    .mmio = {lan9118_read, lan9118_write, .min = 4, .max = 4, .size = 0x100},
    .props = lan9118_props,
    .state = lan9118_state,
    .realize = lan9118_realize,
    .unrealize = lan9118_unrealize,
    .reset = lan9118_reset,
    .sync = lan9118_sync,
    .loaded = lan9118_loaded,
};
