/* WebSocket's handshake and frames, with RFC 6455's own examples and clients that break its rules.
 */
#include "chardev/websock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST                                                                                    \
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"                     \
    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* The answer, or frames, that are ready; g_free it. */
static char *take_ready(struct websock *w, size_t *n)
{
    int pair[2];
    char *buf = g_malloc0(70000);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
    g_assert_true(websock_flush(w, pair[0]));
    ssize_t got = recv(pair[1], buf, 69999, 0);
    *n = got > 0 ? (size_t)got : 0;
    close(pair[0]);
    close(pair[1]);
    return buf;
}

static void expect_answer(const char *request, enum websock_result want, const char *part)
{
    for (size_t piece = 1; piece < 400; piece += 99) {
        struct websock *w = websock_new();
        enum websock_result result = WEBSOCK_MORE;
        size_t n = strlen(request), used, len;

        for (size_t i = 0; i < n && result == WEBSOCK_MORE; i += piece)
            result = websock_request(w, (const uint8_t *)request + i, MIN(piece, n - i), &used);
        g_assert_cmpint(result, ==, want);
        g_autofree char *text = take_ready(w, &len);
        if (!strstr(text, part))
            g_error("no '%s' in '%s'", part, text);
        websock_free(w);
    }
}

static void test_handshake(void)
{
    g_autofree char *endless = g_strnfill(20000, 'x');

    expect_answer(REQUEST "Sec-WebSocket-Version: 13\r\n\r\n", WEBSOCK_OPEN,
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    expect_answer(REQUEST
                  "sec-websocket-version: 13\r\nSec-WebSocket-Protocol: chat, binary\r\n\r\n",
                  WEBSOCK_OPEN, "Sec-WebSocket-Protocol: binary\r\n\r\n");
    expect_answer(REQUEST "Sec-WebSocket-Version: 8\r\n\r\n", WEBSOCK_BAD,
                  "426 Upgrade Required\r\nSec-WebSocket-Version: 13");
    expect_answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n", WEBSOCK_BAD, "400 Bad Request");
    expect_answer("\r\n\r\n", WEBSOCK_BAD, "400 Bad Request");
    expect_answer(endless, WEBSOCK_BAD, "431");
}

/* Decode in pieces of every size; the data must be want. */
static struct websock *decode(const char *frames, size_t n, size_t piece, const char *want,
                              bool want_closed)
{
    struct websock *w = websock_new();
    g_autoptr(GString) data = g_string_new(NULL);
    bool closed = false;

    for (size_t i = 0; i < n; i += piece) {
        uint8_t buf[512];
        size_t len = MIN(piece, n - i);
        memcpy(buf, frames + i, len);
        len = websock_decode(w, buf, len, &closed);
        g_string_append_len(data, (const char *)buf, (gssize)len);
    }
    g_assert_cmpstr(data->str, ==, want);
    g_assert_cmpint(closed, ==, want_closed);
    return w;
}

static void expect_data(const char *frames, size_t n, const char *want, bool want_closed,
                        const char *ready, size_t ready_len)
{
    for (size_t piece = 1; piece < 12; piece++) {
        struct websock *w = decode(frames, n, piece, want, want_closed);
        size_t len;
        g_autofree char *got = take_ready(w, &len);
        g_assert_cmpmem(got, len, ready, ready_len);
        websock_free(w);
    }
}

static void test_frames_become_data(void)
{
    /* RFC 6455, 5.7: a single-frame masked text message "Hello". */
    static const char hello[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    static const char parts[] = "\x02\x83\0\0\0\0abc\x89\x82\0\0\0\0hi\x80\x82\0\0\0\0de";
    static const char long_form[] = "\x82\xfe\0\3\0\0\0\0xyz\x82\xff\0\0\0\0\0\0\0\1\0\0\0\0!";
    static const char empty[] = "\x82\x80\0\0\0\0\x82\x81\0\0\0\0z";

    expect_data(hello, sizeof(hello) - 1, "Hello", false, "", 0);
    expect_data(parts, sizeof(parts) - 1, "abcde", false, "\x8a\2hi", 4);
    expect_data(long_form, sizeof(long_form) - 1, "xyz!", false, "", 0);
    expect_data(empty, sizeof(empty) - 1, "z", false, "", 0);
}

static void test_closing_and_broken_rules(void)
{
    static const char close_frame[] = "\x82\x81\0\0\0\0a\x88\x82\0\0\0\0\3\xe8more";
    static const char bare[] = "\x82\x01"
                               "a";                           /* not masked */
    static const char reserved[] = "\x83\x80\0\0\0\0";        /* no such opcode */
    static const char extension[] = "\xc2\x80\0\0\0\0";       /* a reserved bit */
    static const char long_ping[] = "\x89\xfe\0\x80\0\0\0\0"; /* a control frame of 128 bytes */
    static const char cut_ping[] = "\x09\x80\0\0\0\0";        /* a control frame in parts */

    expect_data(close_frame, sizeof(close_frame) - 1, "a", true, "\x88\2\3\xe8", 4);
    expect_data(bare, sizeof(bare) - 1, "", true, "\x88\2\3\xea", 4);
    expect_data(reserved, sizeof(reserved) - 1, "", true, "\x88\2\3\xea", 4);
    expect_data(extension, sizeof(extension) - 1, "", true, "\x88\2\3\xea", 4);
    expect_data(long_ping, sizeof(long_ping) - 1, "", true, "\x88\2\3\xea", 4);
    expect_data(cut_ping, sizeof(cut_ping) - 1, "", true, "\x88\2\3\xea", 4);
}

static void test_output_is_framed_and_waits_for_a_slow_peer(void)
{
    struct websock *w = websock_new();
    int pair[2];
    uint8_t data[5000] = {0}, got[8];
    size_t sent = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), ==, 0);
    g_assert_cmpint(websock_write(w, pair[0], (const uint8_t *)"hey", 3), ==, 3);
    g_assert_cmpint(read(pair[1], got, sizeof(got)), ==, 5);
    g_assert_cmpmem(got, 5, "\x82\3hey", 5);
    g_assert_cmpint(websock_write(w, pair[0], data, sizeof(data)), ==, 4096);
    g_assert_cmpint(read(pair[1], got, 4), ==, 4);
    g_assert_cmpmem(got, 4, "\x82\x7e\x10\x00", 4);
    while (websock_write(w, pair[0], data, sizeof(data)) > 0)
        g_assert_cmpuint(++sent, <, 10000);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_false(websock_flush(w, pair[0]));
    close(pair[0]);
    close(pair[1]);
    websock_free(w);
}

/* Any bytes at all: what comes out is never more than went in, and pings do not pile up. */
static void test_noise_is_harmless(void)
{
    for (unsigned seed = 0; seed < 2000; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        struct websock *w = websock_new();
        uint8_t buf[256];
        bool closed = false;
        for (unsigned i = 0; i < 20 && !closed; i++) {
            for (size_t k = 0; k < sizeof(buf); k++)
                buf[k] = (uint8_t)g_rand_int(rand);
            buf[0] = i ? buf[0] : 0x82 | (seed & 11);
            buf[1] |= 0x80;
            g_assert_cmpuint(websock_decode(w, buf, sizeof(buf), &closed), <=, sizeof(buf));
        }
        websock_free(w);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/websock/handshake", test_handshake);
    g_test_add_func("/websock/data", test_frames_become_data);
    g_test_add_func("/websock/rules", test_closing_and_broken_rules);
    g_test_add_func("/websock/output", test_output_is_framed_and_waits_for_a_slow_peer);
    g_test_add_func("/websock/noise", test_noise_is_harmless);
    return g_test_run();
}
