/*
 * Virtio network device.  Ref: VIRTIO 1.2, section 5.1.
 *
 * Sending runs on the thread that notifies, receiving on the back end's; both under the device's
 * lock.  Checksums and segmentation that one side leaves to the other stay undone on the way
 * through (net/net.h).
 */
#include "net/net.h"
#include "hw/boot_order.h"
#include "hw/virtio/virtio.h"
#include "net/offload.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { /* feature bits */
       F_CSUM = 0,
       F_GUEST_CSUM = 1,
       F_CTRL_GUEST_OFFLOADS = 2,
       F_MTU = 3,
       F_MAC = 5,
       F_GUEST_TSO4 = 7,
       F_GUEST_TSO6 = 8,
       F_GUEST_ECN = 9,
       F_GUEST_UFO = 10,
       F_HOST_TSO4 = 11,
       F_HOST_TSO6 = 12,
       F_HOST_ECN = 13,
       F_HOST_UFO = 14,
       F_MRG_RXBUF = 15,
       F_STATUS = 16,
       F_CTRL_VQ = 17,
       F_CTRL_RX = 18,
       F_CTRL_VLAN = 19,
       F_CTRL_RX_EXTRA = 20,
       F_GUEST_ANNOUNCE = 21,
       F_MQ = 22,
       F_CTRL_MAC_ADDR = 23,
       F_SPEED_DUPLEX = 63,
};
enum { S_LINK_UP = 1, S_ANNOUNCE = 2 };
enum { HDR_SIZE = 10, HDR_MRG_SIZE = 12, CONFIG_SIZE = 24 };
enum {
    CTRL_RX = 0,
    CTRL_MAC = 1,
    CTRL_VLAN = 2,
    CTRL_ANNOUNCE = 3,
    CTRL_MQ = 4,
    CTRL_OFFLOADS = 5
};
enum { CTRL_OK = 0, CTRL_ERR = 1, CTRL_HEAD = 2, CTRL_MAX = 2 + 4 + 6 * 1024 };
enum { MAC_LEN = 6, VLAN_TYPE = 0x8100, MIN_QUEUE = 256, MAX_CHAINS = 256, MAX_MACS = 64 };
static const uint64_t GUEST_OFFLOADS = BIT64(F_GUEST_CSUM) | BIT64(F_GUEST_TSO4) |
                                       BIT64(F_GUEST_TSO6) | BIT64(F_GUEST_ECN) |
                                       BIT64(F_GUEST_UFO);

struct virtio_net {
    struct virtio_device v;
    struct nic_conf conf;
    bool csum, guest_csum, gso, guest_tso4, guest_tso6, guest_ecn, guest_ufo;
    bool host_tso4, host_tso6, host_ecn, host_ufo, mrg_rxbuf, status, mq;
    bool ctrl_vq, ctrl_rx, ctrl_rx_extra, ctrl_vlan, ctrl_mac_addr, ctrl_guest_offloads;
    bool guest_announce;
    uint16_t rx_queue_size, tx_queue_size, host_mtu;
    uint32_t speed;
    int32_t bootindex;
    char *duplex, *tx;
    uint8_t duplex_code;
    unsigned pairs; /* of queues */
    struct net_client nic[NET_MAX_QUEUES];
    uint64_t tx_full;    /* pairs whose back end is full */
    uint64_t rx_pending; /* pairs that received since the last interrupt */
    bool dropped;        /* collect() gave up on a frame for good */
    struct virtio_net_state {
        struct virtio_state v;
        uint64_t offloads; /* guest features in use: BIT64(F_GUEST_*) */
        uint32_t vlans[4096 / 32];
        uint8_t mac_table[MAX_MACS][MAC_LEN]; /* unicast, then multicast from first_multi */
        uint8_t mac[MAC_LEN];
        uint16_t cur_pairs;
        uint8_t status; /* S_ANNOUNCE; the link's bit is not kept here */
        uint8_t macs, first_multi, uni_overflow, multi_overflow;
        uint8_t promisc, all_multi, all_uni, no_multi, no_uni, no_broadcast;
        uint8_t pad[5];
    } s;
};

static size_t header_size(struct virtio_device *v)
{
    return virtio_has(v, F_MRG_RXBUF) || virtio_has(v, VIRTIO_F_VERSION_1) ? HDR_MRG_SIZE
                                                                           : HDR_SIZE;
}

/* Queues are rx0, tx0, rx1, tx1, ..., control; without MQ the third is the control queue. */
static unsigned control_queue(struct virtio_device *v)
{
    return virtio_has(v, F_MQ) ? 2 * ((struct virtio_net *)v)->pairs : 2;
}

/* Cut n bytes off the front of segments; returns how many segments went. */
static unsigned skip(struct iovec *iov, unsigned count, size_t n)
{
    unsigned i = 0;

    while (i < count && n >= iov[i].iov_len)
        n -= iov[i++].iov_len;
    if (i < count) {
        iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
        iov[i].iov_len -= n;
    }
    return i;
}

/* One packet from the driver; false when the back end has no room for it. */
static bool send_one(struct virtio_net *n, unsigned pair, struct virtq_elem *e)
{
    uint8_t head[HDR_MRG_SIZE];
    size_t hdr = header_size(&n->v);
    struct net_frame f = {.size = e->out_bytes - hdr};

    if (e->out_bytes < hdr + NET_ETH_HEADER || f.size > NET_MAX_FRAME) {
        dev_guest_error(&n->v.dev, "a packet of %llu bytes to send",
                        (unsigned long long)e->out_bytes);
        return true;
    }
    virtq_read(e, 0, head, hdr);
    net_hdr_load(&f.hdr, head);
    f.hdr.flags &= NET_HDR_NEEDS_CSUM;
    unsigned gone = skip(e->iov, e->nout, hdr);
    f.iov = e->iov + gone;
    f.niov = e->nout - gone;
    if (!offload_valid(&f)) {
        dev_guest_error(&n->v.dev, "a packet's header asks for the impossible");
        return true;
    }
    return net_nic_send(&n->nic[pair], &f);
}

static void send_queue(struct virtio_net *n, unsigned pair)
{
    struct virtq_elem *e;
    unsigned queue = 2 * pair + 1, budget = virtq_budget(&n->v);

    if (n->tx_full & BIT64(pair))
        return;
    while ((e = virtq_next(&n->v, queue, &budget))) {
        if (!send_one(n, pair, e)) {
            virtq_unpop(&n->v, e);
            n->tx_full |= BIT64(pair);
            break;
        }
        virtq_push(&n->v, e, 0);
    }
    virtq_interrupt(&n->v, queue);
}

static void nic_writable(struct net_client *c)
{
    struct virtio_net *n = c->opaque;

    n->tx_full &= ~BIT64(c->index);
    if (virtq_is_live(&n->v, 2 * c->index + 1))
        send_queue(n, c->index);
}

/* Section 5.1.6.5.1, 5.1.6.5.2, 5.1.6.5.3: whether the filters let a frame in. */
static bool wanted(const struct virtio_net *n, const uint8_t *head)
{
    const struct virtio_net_state *s = &n->s;
    static const uint8_t broadcast[MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (ld_be16(head + 12) == VLAN_TYPE) {
        unsigned id = ld_be16(head + 14) & 0xfff;
        if (!(s->vlans[id / 32] >> (id % 32) & 1))
            return false;
    }
    if (s->promisc)
        return true;
    bool group = head[0] & 1;
    if (group && !memcmp(head, broadcast, MAC_LEN))
        return !s->no_broadcast;
    if (group ? s->no_multi : s->no_uni)
        return false;
    if (group ? s->all_multi || s->multi_overflow : s->all_uni || s->uni_overflow)
        return true;
    if (!group && !memcmp(head, s->mac, MAC_LEN))
        return true;
    for (unsigned i = group ? s->first_multi : 0, end = group ? s->macs : s->first_multi; i < end;
         i++)
        if (!memcmp(head, s->mac_table[i], MAC_LEN))
            return true;
    return false;
}

/* The first bytes of a frame, as far as the filters look. */
static bool frame_wanted(const struct virtio_net *n, const struct net_frame *f)
{
    uint8_t head[NET_ETH_HEADER + 2] = {0};
    size_t done = 0;

    for (unsigned i = 0; i < f->niov && done < sizeof(head); i++) {
        size_t part = MIN(sizeof(head) - done, f->iov[i].iov_len);
        memcpy(head + done, f->iov[i].iov_base, part);
        done += part;
    }
    return wanted(n, head);
}

/* Buffers for `need` bytes; how many there are, or 0 when the driver has not made enough available
 * (none is taken then). */
static unsigned collect(struct virtio_net *n, unsigned queue, size_t need,
                        struct virtq_elem **elems)
{
    unsigned count = 0;
    uint64_t room = 0;
    bool mergeable = virtio_has(&n->v, F_MRG_RXBUF);

    while (room < need && count < (mergeable ? MAX_CHAINS : 1)) {
        struct virtq_elem *e = virtq_pop(&n->v, queue);
        if (!e)
            break;
        elems[count++] = e;
        room += e->in_bytes;
    }
    if (room >= need)
        return count;
    if (count == (mergeable ? MAX_CHAINS : 1)) { /* it will never fit: the frame is lost */
        dev_guest_error(&n->v.dev, "receive buffers of %llu bytes for a packet of %zu",
                        (unsigned long long)room, need);
        n->dropped = true;
    }
    while (count)
        virtq_unpop(&n->v, elems[--count]);
    return 0;
}

/* Copy a frame behind the header at the front of the first buffer. */
static void scatter(struct virtio_net *n, const struct net_frame *f, struct virtq_elem **elems,
                    unsigned count)
{
    uint64_t written[MAX_CHAINS] = {0};
    uint8_t head[HDR_MRG_SIZE];
    size_t hdr = header_size(&n->v);
    unsigned at = 0;

    net_hdr_store(head, &f->hdr);
    st_le16(head + HDR_SIZE, (uint16_t)count);
    written[0] = virtq_write(elems[0], 0, head, hdr);
    for (unsigned i = 0; i < f->niov; i++) {
        const uint8_t *from = f->iov[i].iov_base;
        for (size_t left = f->iov[i].iov_len; left;) {
            uint64_t put = virtq_write(elems[at], written[at], from, left);
            written[at] += put;
            from += put;
            left -= put;
            if (left)
                at++;
        }
    }
    virtq_push_many(&n->v, elems, written, count);
}

static bool nic_receive(struct net_client *c, const struct net_frame *f)
{
    struct virtio_net *n = c->opaque;
    struct virtq_elem *elems[MAX_CHAINS];
    unsigned pair = c->index < n->s.cur_pairs ? c->index : 0;

    if (!virtq_is_live(&n->v, 2 * pair) || f->size < NET_ETH_HEADER || !frame_wanted(n, f))
        return true;
    n->dropped = false;
    unsigned count = collect(n, 2 * pair, f->size + header_size(&n->v), elems);
    if (!count)
        return n->dropped || !virtq_is_live(&n->v, 2 * pair);
    scatter(n, f, elems, count);
    n->rx_pending |= BIT64(pair);
    return true;
}

static void nic_burst_end(struct net_client *c)
{
    struct virtio_net *n = c->opaque;

    for (; n->rx_pending; n->rx_pending &= n->rx_pending - 1)
        virtq_interrupt(&n->v, 2 * (unsigned)__builtin_ctzll(n->rx_pending));
}

static void nic_link_changed(struct net_client *c)
{
    struct virtio_net *n = c->opaque;

    if (c->index == 0 && n->v.vcls && virtio_has(&n->v, F_STATUS))
        virtio_config_changed(&n->v);
}

static void nic_rx_filter(struct net_client *c, struct net_rx_filter *f)
{
    struct virtio_net *n = c->opaque;
    const struct virtio_net_state *s = &n->s;
    size_t uni = (size_t)s->first_multi * MAC_LEN, all = (size_t)s->macs * MAC_LEN;

    f->promiscuous = s->promisc;
    f->broadcast = !s->no_broadcast;
    f->unicast_overflow = s->uni_overflow;
    f->multicast_overflow = s->multi_overflow;
    f->unicast = s->no_uni ? NET_RX_NONE : s->all_uni ? NET_RX_ALL : NET_RX_NORMAL;
    f->multicast = s->no_multi ? NET_RX_NONE : s->all_multi ? NET_RX_ALL : NET_RX_NORMAL;
    f->vlan = virtio_has(&n->v, F_CTRL_VLAN) ? NET_RX_NORMAL : NET_RX_ALL;
    memcpy(f->mac, s->mac, MAC_LEN);
    g_byte_array_append(f->unicast_table, s->mac_table[0], (guint)uni);
    g_byte_array_append(f->multicast_table, s->mac_table[0] + uni, (guint)(all - uni));
    for (uint16_t id = 0; f->vlan == NET_RX_NORMAL && id < 4096; id++)
        if (s->vlans[id / 32] >> (id % 32) & 1)
            g_array_append_val(f->vlan_table, id);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .rx_filter = nic_rx_filter,
    .receive = nic_receive,
    .burst_end = nic_burst_end,
    .writable = nic_writable,
    .link_changed = nic_link_changed,
};

/* What the driver takes of unfinished frames. */
static void set_caps(struct virtio_net *n)
{
    static const struct {
        unsigned feature, cap;
    } map[] = {
        {F_GUEST_CSUM, NET_CAP_CSUM}, {F_GUEST_TSO4, NET_CAP_TSO4}, {F_GUEST_TSO6, NET_CAP_TSO6},
        {F_GUEST_ECN, NET_CAP_ECN},   {F_GUEST_UFO, NET_CAP_UFO},
    };
    unsigned caps = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(map); i++)
        if (n->s.offloads >> map[i].feature & 1)
            caps |= map[i].cap;
    for (unsigned i = 0; i < n->pairs; i++)
        n->nic[i].caps = caps & NET_CAP_CSUM ? caps : 0;
}

static void show_mac(struct virtio_net *n)
{
    for (unsigned i = 0; i < n->pairs; i++)
        memcpy(n->nic[i].mac, n->s.mac, MAC_LEN);
}

static bool ctrl_rx(struct virtio_net *n, unsigned cmd, const uint8_t *data, size_t len)
{
    uint8_t *const modes[] = {&n->s.promisc,  &n->s.all_multi, &n->s.all_uni,
                              &n->s.no_multi, &n->s.no_uni,    &n->s.no_broadcast};

    if (len < 1 || cmd >= G_N_ELEMENTS(modes) || data[0] > 1)
        return false;
    *modes[cmd] = data[0];
    return true;
}

/* One table of addresses into s from index `at`; how many bytes it took, 0 when it is malformed. */
static size_t take_macs(struct virtio_net *n, const uint8_t *data, size_t len, uint8_t *at,
                        uint8_t *overflow)
{
    if (len < 4)
        return 0;
    uint32_t count = ld_le32(data);
    if (count > (len - 4) / MAC_LEN)
        return 0;
    *overflow = count > (uint32_t)(MAX_MACS - *at);
    if (!*overflow) {
        memcpy(n->s.mac_table[*at], data + 4, (size_t)count * MAC_LEN);
        *at = (uint8_t)(*at + count);
    }
    return 4 + (size_t)count * MAC_LEN;
}

static bool ctrl_mac(struct virtio_net *n, unsigned cmd, const uint8_t *data, size_t len)
{
    enum { TABLE_SET = 0, ADDR_SET = 1 };
    struct virtio_net_state *s = &n->s;
    uint8_t at = 0;

    if (cmd == ADDR_SET && len >= MAC_LEN && virtio_has(&n->v, F_CTRL_MAC_ADDR)) {
        memcpy(s->mac, data, MAC_LEN);
        show_mac(n);
        return true;
    }
    if (cmd != TABLE_SET)
        return false;
    size_t first = take_macs(n, data, len, &at, &s->uni_overflow);
    if (!first)
        return false;
    s->first_multi = at;
    size_t second = take_macs(n, data + first, len - first, &at, &s->multi_overflow);
    s->macs = at;
    return second != 0;
}

static bool ctrl_vlan(struct virtio_net *n, unsigned cmd, const uint8_t *data, size_t len)
{
    unsigned id = len >= 2 ? ld_le16(data) : 4096;

    if (id >= 4096 || cmd > 1)
        return false;
    if (cmd == 0)
        n->s.vlans[id / 32] |= UINT32_C(1) << (id % 32);
    else
        n->s.vlans[id / 32] &= ~(UINT32_C(1) << (id % 32));
    return true;
}

static bool ctrl_announce(struct virtio_net *n, unsigned cmd)
{
    if (cmd != 0 || !(n->s.status & S_ANNOUNCE))
        return false;
    n->s.status &= (uint8_t)~S_ANNOUNCE;
    return true;
}

static bool ctrl_mq(struct virtio_net *n, unsigned cmd, const uint8_t *data, size_t len)
{
    unsigned pairs = len >= 2 ? ld_le16(data) : 0;

    if (cmd != 0 || !virtio_has(&n->v, F_MQ) || pairs < 1 || pairs > n->pairs)
        return false;
    n->s.cur_pairs = (uint16_t)pairs;
    return true;
}

static bool ctrl_offloads(struct virtio_net *n, unsigned cmd, const uint8_t *data, size_t len)
{
    uint64_t wish = len >= 8 ? ld_le64(data) : UINT64_MAX;

    if (cmd != 0 || !virtio_has(&n->v, F_CTRL_GUEST_OFFLOADS) ||
        (wish & ~(n->s.v.features & GUEST_OFFLOADS)))
        return false;
    n->s.offloads = wish;
    set_caps(n);
    return true;
}

static bool control(struct virtio_net *n, const uint8_t *cmd, size_t len)
{
    const uint8_t *data = cmd + CTRL_HEAD;

    if (len < CTRL_HEAD)
        return false;
    len -= CTRL_HEAD;
    if (cmd[0] == CTRL_RX || cmd[0] == CTRL_MAC || cmd[0] == CTRL_VLAN) {
        bool ok = cmd[0] == CTRL_RX    ? ctrl_rx(n, cmd[1], data, len)
                  : cmd[0] == CTRL_MAC ? ctrl_mac(n, cmd[1], data, len)
                                       : ctrl_vlan(n, cmd[1], data, len);
        if (ok)
            net_rx_filter_changed(&n->nic[0]);
        return ok;
    }
    switch (cmd[0]) {
    case CTRL_ANNOUNCE: return ctrl_announce(n, cmd[1]);
    case CTRL_MQ: return ctrl_mq(n, cmd[1], data, len);
    case CTRL_OFFLOADS: return ctrl_offloads(n, cmd[1], data, len);
    default: return false;
    }
}

static void control_commands(struct virtio_net *n, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&n->v);

    while ((e = virtq_next(&n->v, queue, &budget))) {
        uint8_t cmd[CTRL_MAX];
        if (e->in_bytes < 1) {
            virtq_drop(&n->v, e);
            virtio_break(&n->v, queue, "a command has no byte for its result");
            return;
        }
        size_t len = virtq_read(e, 0, cmd, sizeof(cmd));
        uint8_t ack = control(n, cmd, len) ? CTRL_OK : CTRL_ERR;
        virtq_push(&n->v, e, virtq_write(e, 0, &ack, 1));
    }
    virtq_interrupt(&n->v, queue);
}

static void virtio_net_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_net *n = (struct virtio_net *)v;

    if (queue == control_queue(v) && virtio_has(v, F_CTRL_VQ))
        control_commands(n, queue);
    else if (queue & 1)
        send_queue(n, queue / 2);
    else if (queue / 2 < n->pairs)
        net_rx_ready(&n->nic[queue / 2]);
}

static uint64_t virtio_net_features(struct virtio_device *v)
{
    const struct virtio_net *n = (const struct virtio_net *)v;
    const struct {
        bool on;
        unsigned bit;
    } f[] = {
        {n->csum, F_CSUM},
        {n->guest_csum, F_GUEST_CSUM},
        {n->ctrl_guest_offloads, F_CTRL_GUEST_OFFLOADS},
        {n->host_mtu != 0, F_MTU},
        {true, F_MAC},
        {n->guest_tso4, F_GUEST_TSO4},
        {n->guest_tso6, F_GUEST_TSO6},
        {n->guest_ecn, F_GUEST_ECN},
        {n->guest_ufo, F_GUEST_UFO},
        {n->host_tso4 && n->gso, F_HOST_TSO4},
        {n->host_tso6 && n->gso, F_HOST_TSO6},
        {n->host_ecn && n->gso, F_HOST_ECN},
        {n->host_ufo && n->gso, F_HOST_UFO},
        {n->mrg_rxbuf, F_MRG_RXBUF},
        {n->status, F_STATUS},
        {n->ctrl_vq, F_CTRL_VQ},
        {n->ctrl_vq && n->ctrl_rx, F_CTRL_RX},
        {n->ctrl_vq && n->ctrl_vlan, F_CTRL_VLAN},
        {n->ctrl_vq && n->ctrl_rx_extra, F_CTRL_RX_EXTRA},
        {n->ctrl_vq && n->guest_announce, F_GUEST_ANNOUNCE},
        {n->ctrl_vq && n->mq && n->pairs > 1, F_MQ},
        {n->ctrl_vq && n->ctrl_mac_addr, F_CTRL_MAC_ADDR},
        {n->speed != UINT32_MAX || n->duplex_code != 0xff, F_SPEED_DUPLEX},
    };
    uint64_t bits = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(f); i++)
        bits |= f[i].on ? BIT64(f[i].bit) : 0;
    return bits;
}

/* Section 5.1.6.5.2 without VLAN filtering: every tag passes. */
static void virtio_net_negotiated(struct virtio_device *v)
{
    struct virtio_net *n = (struct virtio_net *)v;

    n->s.offloads = n->s.v.features & GUEST_OFFLOADS;
    memset(n->s.vlans, virtio_has(v, F_CTRL_VLAN) ? 0 : 0xff, sizeof(n->s.vlans));
    set_caps(n);
}

/* struct virtio_net_config, section 5.1.4. */
static void virtio_net_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_net *n = (const struct virtio_net *)v;
    bool up = net_nic_link_up(&n->nic[0]);

    memcpy(config, n->s.mac, MAC_LEN);
    st_le16(config + 6, (uint16_t)((n->s.status & ~S_LINK_UP) | (up ? S_LINK_UP : 0)));
    st_le16(config + 8, (uint16_t)n->pairs);
    st_le16(config + 10, n->host_mtu);
    st_le32(config + 12, n->speed);
    config[16] = n->duplex_code;
}

/* Legacy drivers without a control queue write the address here. */
static void virtio_net_config_write(struct virtio_device *v, uint32_t off, unsigned size,
                                    uint32_t val)
{
    struct virtio_net *n = (struct virtio_net *)v;

    if (off + size > MAC_LEN || virtio_has(v, F_CTRL_MAC_ADDR) ||
        virtio_has(v, VIRTIO_F_VERSION_1)) {
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", off);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        n->s.mac[off + i] = (uint8_t)(val >> (8 * i));
    show_mac(n);
}

static const struct virtio_class virtio_net_vclass = {
    .id = VIRTIO_ID_NET,
    .features = virtio_net_features,
    .negotiated = virtio_net_negotiated,
    .config_read = virtio_net_config_read,
    .config_write = virtio_net_config_write,
    .queue = virtio_net_queue,
    .thread = VIRTIO_OWN_UNLESS_ASKED,
};

static void virtio_net_reset(struct device *dev)
{
    struct virtio_net *n = (struct virtio_net *)dev;

    memcpy(n->s.mac, n->conf.mac.byte, MAC_LEN);
    memset(n->s.vlans, 0xff, sizeof(n->s.vlans));
    n->tx_full = n->rx_pending = 0;
    set_caps(n);
    show_mac(n);
    for (unsigned i = 0; i < n->pairs; i++)
        net_rx_ready(&n->nic[i]); /* what waits is dropped on arrival */
}

/* After a load, too. */
static void virtio_net_sync(struct device *dev)
{
    virtio_sync(dev);
    set_caps((struct virtio_net *)dev);
}

static bool check_queue_size(const char *name, uint16_t size, struct error **errp)
{
    if (is_pow2(size) && size >= MIN_QUEUE && size <= VIRTIO_MAX_QUEUE_SIZE)
        return true;
    error_set(errp, "%s is %u, must be a power of two from %d to %d", name, size, MIN_QUEUE,
              VIRTIO_MAX_QUEUE_SIZE);
    return false;
}

static bool parse_duplex(struct virtio_net *n, struct error **errp)
{
    n->duplex_code = 0xff;
    if (!n->duplex || !strcmp(n->duplex, "unknown"))
        return true;
    n->duplex_code = !strcmp(n->duplex, "full");
    if (n->duplex_code || !strcmp(n->duplex, "half"))
        return true;
    error_set(errp, "duplex is '%s', must be half or full", n->duplex);
    return false;
}

static bool check_tx(const char *tx, struct error **errp)
{
    if (!tx || !strcmp(tx, "bh") || !strcmp(tx, "timer"))
        return true;
    error_set(errp, "tx is '%s', must be bh or timer", tx);
    return false;
}

static bool check_props(struct virtio_net *n, struct error **errp)
{
    if (n->host_mtu && n->host_mtu < 68) {
        error_set(errp, "host_mtu is %u, must be at least 68", n->host_mtu);
        return false;
    }
    return check_queue_size("rx_queue_size", n->rx_queue_size, errp) &&
           check_queue_size("tx_queue_size", n->tx_queue_size, errp) && parse_duplex(n, errp) &&
           check_tx(n->tx, errp);
}

/* What the user named: on PCI the function that carries this device. */
static const struct device *outer(const struct virtio_net *n)
{
    const struct device *t = n->v.transport;

    return t && t->type->cls->bus && !strcmp(t->type->cls->bus, "PCI") ? t : &n->v.dev;
}

static bool connect_queues(struct virtio_net *n, struct error **errp)
{
    const struct device *named = outer(n);
    struct device *dev = &n->v.dev;

    for (unsigned i = 0; i < n->pairs; i++) {
        struct net_client *b = n->conf.netdev ? net_find_queue(n->conf.netdev->name, i) : NULL;
        net_nic_init(&n->nic[i], &nic_ops, named->type->name, named->id, &dev->lock, n);
        n->nic[i].index = i;
        if (!net_nic_connect(&n->nic[i], b, errp)) {
            do
                net_nic_fini(&n->nic[i]);
            while (i--);
            return false;
        }
    }
    return true;
}

static bool virtio_net_realize(struct device *dev, struct error **errp)
{
    struct virtio_net *n = (struct virtio_net *)dev;
    unsigned queues = 0;

    if (!check_props(n, errp))
        return false;
    while (n->conf.netdev && queues < NET_MAX_QUEUES &&
           net_find_queue(n->conf.netdev->name, queues))
        queues++;
    n->pairs = n->mq && n->ctrl_vq ? MAX(queues, 1) : 1;
    net_mac_settle(&n->conf.mac);
    if (!connect_queues(n, errp))
        return false;
    virtio_init(&n->v, &virtio_net_vclass, 2 * n->pairs + n->ctrl_vq,
                MAX(n->rx_queue_size, n->tx_queue_size), CONFIG_SIZE);
    return true;
}

static void virtio_net_unrealize(struct device *dev)
{
    struct virtio_net *n = (struct virtio_net *)dev;

    for (unsigned i = 0; i < n->pairs; i++)
        net_nic_fini(&n->nic[i]);
    virtio_fini(&n->v);
}

static const struct state_field virtio_net_state[] = {
    STATE(virtio_net, v, 0),
    STATE(virtio_net, offloads, 0),
    STATE_ARRAY(virtio_net, vlans, UINT32_MAX),
    STATE_ARRAY(virtio_net, mac_table, 0),
    STATE_ARRAY(virtio_net, mac, 0),
    STATE(virtio_net, cur_pairs, 1),
    STATE(virtio_net, status, S_LINK_UP),
    STATE(virtio_net, macs, 0),
    STATE(virtio_net, first_multi, 0),
    STATE(virtio_net, uni_overflow, 0),
    STATE(virtio_net, multi_overflow, 0),
    STATE(virtio_net, promisc, 1),
    STATE(virtio_net, all_multi, 0),
    STATE(virtio_net, all_uni, 0),
    STATE(virtio_net, no_multi, 0),
    STATE(virtio_net, no_uni, 0),
    STATE(virtio_net, no_broadcast, 0),
    STATE_ARRAY(virtio_net, pad, 0),
    STATE_END,
};

static const struct prop virtio_net_props[] = {
    NIC_PROPS(virtio_net),
    PROP(prop_bool, virtio_net, "csum", csum, "on", "offer to complete checksums"),
    PROP(prop_bool, virtio_net, "guest_csum", guest_csum, "on",
         "driver may get packets without checksum"),
    PROP(prop_bool, virtio_net, "gso", gso, "on", "offer to segment (all host_*)"),
    PROP(prop_bool, virtio_net, "guest_tso4", guest_tso4, "on",
         "driver may get large TCP segments, IPv4"),
    PROP(prop_bool, virtio_net, "guest_tso6", guest_tso6, "on",
         "driver may get large TCP segments, IPv6"),
    PROP(prop_bool, virtio_net, "guest_ecn", guest_ecn, "on", "and with ECN"),
    PROP(prop_bool, virtio_net, "guest_ufo", guest_ufo, "on", "driver may get large UDP datagrams"),
    PROP(prop_bool, virtio_net, "host_tso4", host_tso4, "on", "offer to segment TCP over IPv4"),
    PROP(prop_bool, virtio_net, "host_tso6", host_tso6, "on", "offer to segment TCP over IPv6"),
    PROP(prop_bool, virtio_net, "host_ecn", host_ecn, "on", "and with ECN"),
    PROP(prop_bool, virtio_net, "host_ufo", host_ufo, "on", "offer to fragment UDP"),
    PROP(prop_bool, virtio_net, "mrg_rxbuf", mrg_rxbuf, "on", "offer packets in several buffers"),
    PROP(prop_bool, virtio_net, "status", status, "on", "offer the link's status"),
    PROP(prop_bool, virtio_net, "ctrl_vq", ctrl_vq, "on", "offer a control queue"),
    PROP(prop_bool, virtio_net, "ctrl_rx", ctrl_rx, "on", "offer receive modes"),
    PROP(prop_bool, virtio_net, "ctrl_rx_extra", ctrl_rx_extra, "on", "offer more of them"),
    PROP(prop_bool, virtio_net, "ctrl_vlan", ctrl_vlan, "on", "offer a VLAN filter"),
    PROP(prop_bool, virtio_net, "ctrl_mac_addr", ctrl_mac_addr, "on",
         "offer to change the address"),
    PROP(prop_bool, virtio_net, "ctrl_guest_offloads", ctrl_guest_offloads, "on",
         "offer to switch guest_*"),
    PROP(prop_bool, virtio_net, "guest_announce", guest_announce, "on",
         "offer to ask for announcements"),
    PROP(prop_bool, virtio_net, "mq", mq, "off",
         "offer a queue pair for each of the netdev's queues"),
    PROP(prop_uint16, virtio_net, "rx_queue_size", rx_queue_size, "256",
         "entries of a receive queue"),
    PROP(prop_uint16, virtio_net, "tx_queue_size", tx_queue_size, "256", "entries of a send queue"),
    PROP(prop_uint16, virtio_net, "host_mtu", host_mtu, "0", "MTU to tell the driver (0: none)"),
    PROP(prop_uint32, virtio_net, "speed", speed, "4294967295",
         "link speed to tell the driver, in Mbit/s"),
    PROP(prop_string, virtio_net, "duplex", duplex, NULL, "half or full, to tell the driver"),
    PROP(prop_string, virtio_net, "tx", tx, NULL, "accepted: bh or timer"),
    PROP_BOOTINDEX(virtio_net, bootindex, "ethernet-phy@0"),
    VIRTIO_PROPS(virtio_net),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_net, "virtio-net-device") = {
    .desc = "Virtio network device",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_net_props,
    .state = virtio_net_state,
    .realize = virtio_net_realize,
    .unrealize = virtio_net_unrealize,
    .sync = virtio_net_sync,
    .can_save = virtio_can_save,
    .reset = virtio_net_reset,
};
