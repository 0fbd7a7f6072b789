/* Frames between clients: checksums, segmentation, merging, queues, hubs; and options of back ends.
 */
#include "net/net.h"
#include "net/net_priv.h"
#include "net/offload.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { L3 = 14, IP4 = 20, IP6 = 40, TCP = 20, MSS = 1460 };

/* Frames that went somewhere, kept. */
struct sink {
    GPtrArray *frames; /* GBytes * */
    GArray *hdrs;      /* struct net_hdr */
};

static void sink_init(struct sink *s)
{
    s->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    s->hdrs = g_array_new(FALSE, FALSE, sizeof(struct net_hdr));
}

static void sink_fini(struct sink *s)
{
    g_ptr_array_unref(s->frames);
    g_array_unref(s->hdrs);
}

static void sink_add(void *opaque, const struct net_frame *f)
{
    struct sink *s = opaque;
    GByteArray *bytes = g_byte_array_new();

    for (unsigned i = 0; i < f->niov; i++)
        g_byte_array_append(bytes, f->iov[i].iov_base, (guint)f->iov[i].iov_len);
    g_assert_cmpuint(bytes->len, ==, f->size);
    g_ptr_array_add(s->frames, g_byte_array_free_to_bytes(bytes));
    g_array_append_val(s->hdrs, f->hdr);
}

static const uint8_t *sink_frame(const struct sink *s, unsigned i, gsize *n)
{
    return g_bytes_get_data(g_ptr_array_index(s->frames, i), n);
}

/* A TCP segment over IPv4 or IPv6 with n bytes of payload that follow from seq. */
static size_t make_tcp(uint8_t *f, bool v6, uint32_t seq, size_t n, uint8_t flags)
{
    unsigned l4 = L3 + (v6 ? IP6 : IP4);
    uint8_t *ip = f + L3, *tcp = f + l4;

    memset(f, 0, l4 + TCP);
    memcpy(f, "\x52\x54\0\x12\x34\x56\x52\x55\x0a\0\2\2", 12);
    st_be16(f + 12, v6 ? 0x86dd : 0x0800);
    if (v6) {
        ip[0] = 0x60;
        st_be16(ip + 4, (uint16_t)(TCP + n));
        ip[6] = 6;
        ip[7] = 64;
        ip[23] = 2;
        ip[39] = 15;
    } else {
        ip[0] = 0x45;
        st_be16(ip + 2, (uint16_t)(IP4 + TCP + n));
        ip[8] = 64;
        ip[9] = 6;
        st_be32(ip + 12, 0x0a000202);
        st_be32(ip + 16, 0x0a00020f);
        st_le16(ip + 10, csum_fold(csum_add(ip, IP4, 0)));
    }
    st_be16(tcp, 80);
    st_be16(tcp + 2, 4000);
    st_be32(tcp + 4, seq);
    tcp[12] = 0x50;
    tcp[13] = flags;
    st_be16(tcp + 14, 8192);
    for (size_t i = 0; i < n; i++)
        tcp[TCP + i] = (uint8_t)((seq + i) * 7 >> 3);
    uint64_t sum = offload_pseudo_sum(ip, 6, (uint32_t)(TCP + n));
    st_le16(tcp + 16, csum_fold(csum_add(tcp, TCP + n, sum)));
    return l4 + TCP + n;
}

/* The transport checksum of a whole frame is right, and so is IPv4's own. */
static void check_sums(const uint8_t *f, size_t n)
{
    const uint8_t *ip = f + L3;
    bool v6 = ip[0] >> 4 == 6;
    unsigned l4 = L3 + (v6 ? IP6 : IP4);

    if (!v6)
        g_assert_cmphex(csum_fold(csum_add(ip, IP4, 0)), ==, 0);
    uint64_t sum = offload_pseudo_sum(ip, 6, (uint32_t)(n - l4));
    g_assert_cmphex(csum_fold(csum_add(f + l4, n - l4, sum)), ==, 0);
}

static void test_checksum_of_rfc1071(void)
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    uint8_t big[65536];

    /* The sum is ddf2. */
    g_assert_cmphex(__builtin_bswap16((uint16_t)~csum_fold(csum_add(example, 8, 0))), ==, 0xddf2);
    memset(big, 0xff, sizeof(big));
    for (size_t n = 0; n < 70; n++) { /* any length: the same as byte by byte */
        uint64_t slow = 0;
        for (size_t i = 0; i < n; i++)
            slow += (uint64_t)big[i] << (i & 1 ? 8 : 0);
        g_assert_cmphex(csum_fold(csum_add(big, n, 0)), ==, csum_fold(slow));
    }
    g_assert_cmphex(csum_fold(csum_add(big, sizeof(big), 0)), ==, 0);
}

static struct net_hdr large_hdr(bool v6)
{
    unsigned l4 = L3 + (v6 ? IP6 : IP4);

    return (struct net_hdr){NET_HDR_NEEDS_CSUM,   v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4,
                            (uint16_t)(l4 + TCP), MSS,
                            (uint16_t)l4,         16};
}

static void put_pseudo(uint8_t *f, size_t n, bool v6)
{
    unsigned l4 = L3 + (v6 ? IP6 : IP4);

    st_le16(f + l4 + 16, (uint16_t)~csum_fold(offload_pseudo_sum(f + L3, 6, (uint32_t)(n - l4))));
}

static void check_segments(bool v6)
{
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME);
    size_t total = 10 * MSS + 7, n = make_tcp(f, v6, 1000, total, 0x19), at = 0;
    unsigned head = L3 + (v6 ? IP6 : IP4) + TCP;
    struct sink s;

    sink_init(&s);
    put_pseudo(f, n, v6);
    struct iovec iov[2] = {{f, 100}, {f + 100, n - 100}};
    struct net_frame large = {iov, 2, n, large_hdr(v6)};
    g_assert_true(offload_valid(&large));
    offload_convert(&large, 0, sink_add, &s);
    g_assert_cmpuint(s.frames->len, ==, 11);
    for (unsigned i = 0; i < s.frames->len; i++) {
        gsize len;
        const uint8_t *p = sink_frame(&s, i, &len), *tcp = p + head - TCP;
        check_sums(p, len);
        g_assert_cmpuint(ld_be32(tcp + 4), ==, 1000 + at);
        g_assert_cmphex(tcp[13], ==, i == 10 ? 0x19 : 0x10); /* FIN and PSH in the last */
        g_assert_cmpmem(p + head, len - head, f + head + at, MIN((size_t)MSS, total - at));
        at += len - head;
    }
    g_assert_cmpuint(at, ==, total);
    sink_fini(&s);
}

static void test_large_segments_are_cut_up(void)
{
    check_segments(false);
    check_segments(true);
}

static void test_frame_passes_whole_to_who_can_take_it(void)
{
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME);
    size_t n = make_tcp(f, false, 1, 4000, 0x10);
    struct iovec iov = {f, n};
    struct net_frame large = {&iov, 1, n, large_hdr(false)};
    struct sink s;

    sink_init(&s);
    offload_convert(&large, NET_CAP_CSUM | NET_CAP_TSO4, sink_add, &s);
    g_assert_cmpuint(s.frames->len, ==, 1);
    g_assert_cmpuint(g_array_index(s.hdrs, struct net_hdr, 0).gso_size, ==, MSS);
    sink_fini(&s);
}

static void test_nonsense_headers_lose_the_frame(void)
{
    g_autofree uint8_t *f = g_malloc0(NET_MAX_FRAME);
    struct sink s;

    sink_init(&s);
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = (size_t)g_test_rand_int_range(NET_ETH_HEADER, 3000);
        make_tcp(f, i & 1, 5, 2900, 0x10);
        for (unsigned k = 0; k < 4; k++)
            f[g_test_rand_int_range(0, 80)] = (uint8_t)g_test_rand_int();
        struct iovec iov = {g_memdup2(f, n), n};
        struct net_frame bad = {
            &iov,
            1,
            n,
            {(uint8_t)(i & 3), (uint8_t)((i >> 2) % 6 | (i & 0x400 ? NET_GSO_ECN : 0)),
             (uint16_t)g_test_rand_int(), (uint16_t)g_test_rand_int_range(0, 2000),
             (uint16_t)g_test_rand_int_range(0, 100), (uint16_t)g_test_rand_int_range(0, 30)}};
        offload_convert(&bad, 0, sink_add, &s); /* the sanitizers watch */
        g_free(iov.iov_base);
        g_ptr_array_set_size(s.frames, 0);
    }
    sink_fini(&s);
}

static void test_datagram_is_fragmented(void)
{
    g_autofree uint8_t *f = g_malloc0(NET_MAX_FRAME);
    size_t n = L3 + IP4 + 8 + 4000, at = 0;
    uint8_t *ip = f + L3;
    struct sink s;

    sink_init(&s);
    make_tcp(f, false, 0, 4000, 0);
    ip[9] = 17;
    st_be16(ip + 2, (uint16_t)(n - L3));
    st_be16(ip + IP4 + 4, 4008);
    struct iovec iov = {f, n};
    struct net_frame large = {
        &iov, 1, n, {NET_HDR_NEEDS_CSUM, NET_GSO_UDP, L3 + IP4 + 8, 1480, L3 + IP4, 6}};
    offload_convert(&large, 0, sink_add, &s);
    g_assert_cmpuint(s.frames->len, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        gsize len;
        const uint8_t *p = sink_frame(&s, i, &len) + L3;
        g_assert_cmphex(csum_fold(csum_add(p, IP4, 0)), ==, 0);
        g_assert_cmpuint(ld_be16(p + 6) & 0x1fff, ==, at / 8);
        g_assert_cmphex(ld_be16(p + 6) & 0x2000, ==, i < 2 ? 0x2000 : 0);
        at += len - L3 - IP4;
    }
    g_assert_cmpuint(at, ==, 4008);
    sink_fini(&s);
}

/* What merging makes is cut up to the same segments again. */
static void test_merged_segments_are_what_they_were(void)
{
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME);
    struct sink merged, again;
    struct gro g;

    for (int v6 = 0; v6 < 2; v6++) {
        sink_init(&merged);
        sink_init(&again);
        gro_init(&g, sink_add, &merged);
        g.caps = NET_CAP_ALL;
        for (unsigned i = 0; i < 60; i++) {
            size_t n = make_tcp(f, v6, i * MSS, MSS, 0x10);
            gro_add(&g, f, n);
        }
        gro_flush(&g);
        g_assert_cmpuint(merged.frames->len, ==, 2); /* 64 KiB at most */
        for (unsigned i = 0; i < merged.frames->len; i++) {
            gsize n;
            const uint8_t *p = sink_frame(&merged, i, &n);
            struct iovec iov = {(void *)(uintptr_t)p, n};
            struct net_frame large = {&iov, 1, n, g_array_index(merged.hdrs, struct net_hdr, i)};
            g_assert_true(offload_valid(&large));
            offload_convert(&large, 0, sink_add, &again);
        }
        g_assert_cmpuint(again.frames->len, ==, 60);
        for (unsigned i = 0; i < 60; i++) {
            gsize n;
            const uint8_t *p = sink_frame(&again, i, &n);
            g_assert_cmpuint(n, ==, make_tcp(f, v6, i * MSS, MSS, 0x10));
            check_sums(p, n);
            g_assert_cmpmem(p + L3 + 40, n - L3 - 40, f + L3 + 40, n - L3 - 40);
        }
        gro_fini(&g);
        sink_fini(&merged);
        sink_fini(&again);
    }
}

static void test_gaps_other_streams_and_flags_are_not_merged(void)
{
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME);
    struct sink s;
    struct gro g;

    sink_init(&s);
    gro_init(&g, sink_add, &s);
    g.caps = NET_CAP_ALL;
    gro_add(&g, f, make_tcp(f, false, 0, 100, 0x10));
    gro_add(&g, f, make_tcp(f, false, 200, 100, 0x10)); /* a gap */
    gro_add(&g, f, make_tcp(f, false, 300, 100, 0x11)); /* FIN */
    size_t n = make_tcp(f, false, 300, 100, 0x10);
    f[L3 + IP4] ^= 1; /* another port */
    gro_add(&g, f, n);
    gro_add(&g, f, 20); /* too short for anything */
    gro_flush(&g);
    g_assert_cmpuint(s.frames->len, ==, 5);
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpuint(g_array_index(s.hdrs, struct net_hdr, i).gso_type, ==, NET_GSO_NONE);
    gsize len; /* the FIN comes after what was before it */
    g_assert_cmpuint(ld_be32(sink_frame(&s, 2, &len) + L3 + IP4 + 4), ==, 300);
    gro_fini(&g);
    sink_fini(&s);
}

/* A card whose room is counted. */
struct card {
    struct net_client nic;
    struct mutex lock;
    struct sink got;
    unsigned room, bursts;
};

static bool card_receive(struct net_client *c, const struct net_frame *f)
{
    struct card *card = c->opaque;

    if (!card->room)
        return false;
    card->room--;
    sink_add(&card->got, f);
    return true;
}

static void card_burst_end(struct net_client *c)
{
    ((struct card *)c->opaque)->bursts++;
}

static const struct net_client_ops card_ops = {
    .type = "nic", .receive = card_receive, .burst_end = card_burst_end};

static void card_init(struct card *c, struct net_client *backend)
{
    *c = (struct card){.room = 1000};
    mutex_init(&c->lock);
    sink_init(&c->got);
    net_nic_init(&c->nic, &card_ops, "card", NULL, &c->lock, c);
    g_assert_true(net_nic_connect(&c->nic, backend, NULL));
}

static void card_fini(struct card *c)
{
    net_nic_fini(&c->nic);
    sink_fini(&c->got);
    mutex_fini(&c->lock);
}

static void send_number(struct net_client *b, uint8_t number)
{
    uint8_t frame[64] = {number};
    struct iovec iov = {frame, sizeof(frame)};
    struct net_frame f = {&iov, 1, sizeof(frame), {0}};

    net_send(b, &f);
}

static unsigned received(struct card *c)
{
    mutex_lock(&c->lock);
    unsigned n = c->got.frames->len;
    mutex_unlock(&c->lock);
    return n;
}

static void wait_received(struct card *c, unsigned n)
{
    for (unsigned i = 0; i < 2000 && received(c) < n; i++)
        g_usleep(1000);
    g_assert_cmpuint(received(c), ==, n);
}

static void test_frames_wait_for_room_in_order(void)
{
    struct net_client *port = net_hub_port(5, "p", NULL);
    struct card c;

    card_init(&c, port);
    c.room = 3;
    for (uint8_t i = 0; i < 10; i++)
        send_number(port, i);
    net_burst_end(port);
    g_assert_cmpuint(received(&c), ==, 3);
    g_assert_false(net_can_send(port));
    mutex_lock(&c.lock);
    c.room = 100;
    net_rx_ready(&c.nic); /* the network thread delivers */
    mutex_unlock(&c.lock);
    wait_received(&c, 10);
    for (unsigned i = 0; i < 10; i++) {
        gsize n;
        g_assert_cmpuint(sink_frame(&c.got, i, &n)[0], ==, i);
    }
    card_fini(&c);
    net_free_all();
}

static void test_nothing_arrives_while_paused(void)
{
    struct net_client *port = net_hub_port(5, "p", NULL);
    struct card c;

    card_init(&c, port);
    net_set_paused(true);
    send_number(port, 1);
    send_number(port, 2);
    g_assert_cmpuint(received(&c), ==, 0);
    g_assert_false(net_can_send(port));
    net_set_paused(false);
    wait_received(&c, 2);
    card_fini(&c);
    net_free_all();
}

static void test_queue_is_bounded(void)
{
    struct net_client *port = net_hub_port(5, "p", NULL);
    struct card c;

    card_init(&c, port);
    c.room = 0;
    for (unsigned i = 0; i < NET_QUEUE_FRAMES + 100; i++)
        send_number(port, 1);
    g_assert_cmpuint(port->queued, ==, NET_QUEUE_FRAMES);
    g_assert_cmpuint(port->lost, ==, 100);
    card_fini(&c);
    net_free_all();
}

static void test_hub_sends_to_all_but_the_sender(void)
{
    struct card c[3];
    uint8_t frame[64] = {7};
    struct iovec iov = {frame, sizeof(frame)};
    struct net_frame f = {&iov, 1, sizeof(frame), {0}};

    for (unsigned i = 0; i < 3; i++)
        card_init(&c[i], net_hub_port(i < 2 ? 1 : 2, NULL, NULL));
    mutex_lock(&c[0].lock);
    g_assert_true(net_nic_send(&c[0].nic, &f));
    mutex_unlock(&c[0].lock);
    wait_received(&c[1], 1);
    g_assert_cmpuint(received(&c[0]) + received(&c[2]), ==, 0); /* the third is on another hub */
    mutex_lock(&c[1].lock);
    g_assert_cmpuint(c[1].bursts, >=, 1);
    mutex_unlock(&c[1].lock);
    for (unsigned i = 0; i < 3; i++)
        card_fini(&c[i]);
    net_free_all();
}

static void test_unplugged_cable_carries_nothing(void)
{
    struct net_client *port = net_hub_port(5, "p", NULL);
    struct card c;

    card_init(&c, port);
    g_assert_true(net_set_link("p", false, NULL));
    g_assert_false(net_nic_link_up(&c.nic));
    send_number(port, 1);
    g_assert_cmpuint(received(&c), ==, 0);
    g_assert_true(net_set_link("p", true, NULL));
    send_number(port, 2);
    g_assert_cmpuint(received(&c), ==, 1);
    card_fini(&c);
    net_free_all();
}

static void test_card_without_offloads_gets_plain_frames(void)
{
    struct net_client *port = net_hub_port(5, "p", NULL);
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME);
    size_t n = make_tcp(f, false, 1, 3 * MSS, 0x10);
    struct iovec iov = {f, n};
    struct net_frame large = {&iov, 1, n, large_hdr(false)};
    struct card c;

    put_pseudo(f, n, false);
    card_init(&c, port);
    net_send(port, &large);
    g_assert_cmpuint(received(&c), ==, 3);
    c.nic.caps = NET_CAP_ALL;
    net_send(port, &large);
    g_assert_cmpuint(received(&c), ==, 4);
    card_fini(&c);
    net_free_all();
}

static bool open_user(const char *text, const char **why)
{
    static char *last;
    struct opts *o = opts_parse(text, "type");
    struct error *err = NULL;
    bool ok = net_backend_new(o, "user", "u", &err);

    g_free(last);
    last = err ? g_strdup(error_text(err)) : NULL;
    *why = last;
    error_free(err);
    opts_free(o);
    net_free_all();
    return ok;
}

static void test_user_network_options(void)
{
    const char *why;

    g_assert_true(open_user(
        "user,net=192.168.5.0/24,dhcpstart=192.168.5.15,hostname=h,dnssearch=a.org,dnssearch=b.org",
        &why));
    g_assert_true(
        open_user("user,net=10.1.0.0/255.255.0.0,host=10.1.7.7,restrict=on,ipv6=off", &why));
    g_assert_true(open_user("user,ipv6-net=fd12::/48,ipv6-dns=fd12::53", &why));
    g_assert_true(open_user("user,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=udp::0-10.0.2.15:53,hostfwd="
                            "tcp:[::1]:0-[fec0::15]:22",
                            &why));
    g_assert_true(open_user("user,guestfwd=tcp:10.0.2.100:7-cmd:cat", &why));
    g_assert_false(open_user("user,mask=255.0.255.0", &why));
    g_assert_nonnull(strstr(why, "netmask"));
    g_assert_false(open_user("user,hostfwd=tcp:[::1]:0-10.0.2.15:22", &why));
    g_assert_nonnull(strstr(why, "one family"));
    g_assert_false(open_user("user,hostfwd=tcp::99999-:22", &why));
    g_assert_nonnull(strstr(why, "not a port number"));
    g_assert_false(open_user("user,guestfwd=tcp:192.168.0.1:7-cmd:cat", &why));
    g_assert_nonnull(strstr(why, "not in the guest's network"));
    g_assert_true(open_user("user,guestfwd=tcp::7-null,guestfwd=:10.0.2.9:8-null", &why));
    g_assert_false(open_user("user,guestfwd=tcp:192.168.0.1:7-null", &why));
    g_assert_nonnull(strstr(why, "not in the guest's network"));
    g_assert_false(open_user("user,guestfwd=tcp:10.0.2.9:0-null", &why));
    g_assert_nonnull(strstr(why, "must not be 0"));
    g_assert_false(open_user("user,smb=/nothing-here", &why));
    g_assert_nonnull(strstr(why, "smb"));
}

static void test_addresses_count_up_past_those_in_use(void)
{
    struct net_mac a = {0}, b = {0}, c = {0};

    g_assert_true(net_parse_mac("52:54:00:12:34:57", &b, NULL));
    net_mac_settle(&b);
    net_mac_settle(&a);
    net_mac_settle(&c);
    g_assert_cmphex(a.byte[5], ==, 0x56);
    g_assert_cmphex(c.byte[5], ==, 0x58);
    g_assert_false(net_parse_mac("52:54:00:12:34:5", &a, NULL));
    g_assert_false(net_parse_mac("52:54:00:12:34:5g", &a, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/checksum", test_checksum_of_rfc1071);
    g_test_add_func("/net/segments", test_large_segments_are_cut_up);
    g_test_add_func("/net/whole", test_frame_passes_whole_to_who_can_take_it);
    g_test_add_func("/net/nonsense", test_nonsense_headers_lose_the_frame);
    g_test_add_func("/net/fragments", test_datagram_is_fragmented);
    g_test_add_func("/net/merge", test_merged_segments_are_what_they_were);
    g_test_add_func("/net/no-merge", test_gaps_other_streams_and_flags_are_not_merged);
    g_test_add_func("/net/wait", test_frames_wait_for_room_in_order);
    g_test_add_func("/net/paused", test_nothing_arrives_while_paused);
    g_test_add_func("/net/bound", test_queue_is_bounded);
    g_test_add_func("/net/hub", test_hub_sends_to_all_but_the_sender);
    g_test_add_func("/net/link", test_unplugged_cable_carries_nothing);
    g_test_add_func("/net/plain", test_card_without_offloads_gets_plain_frames);
    g_test_add_func("/net/user", test_user_network_options);
    g_test_add_func("/net/mac", test_addresses_count_up_past_those_in_use);
    return g_test_run();
}
