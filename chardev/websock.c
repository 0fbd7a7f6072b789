/*
 * The server's side of a WebSocket.
 *
 * Ref: RFC 6455, 4.2 (opening handshake), 5.2 (frames), 5.5 (control frames), 7.4.1 (status codes).
 * Nothing that the client sends is trusted; memory is bounded.
 */
#include "chardev/websock.h"

#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>

enum { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { FIN = 0x80, MASKED = 0x80, LEN16 = 126, LEN64 = 127, CONTROL_MAX = 125, HEADER_MAX = 14 };
enum { CLOSE_NORMAL = 1000, CLOSE_PROTOCOL = 1002 };
enum { REQUEST_MAX = 8192, PIECE = 4096, READY_MAX = 65536 };

struct websock {
    GString *request; /* of the handshake, until its empty line */
    GByteArray *ready;
    uint8_t header[HEADER_MAX];
    unsigned header_len;
    bool in_payload, is_closed;
    uint8_t opcode, mask[4];
    uint64_t left; /* bytes of the payload */
    unsigned masked_at;
    uint8_t control[CONTROL_MAX];
    unsigned control_len;
};

struct websock *websock_new(void)
{
    struct websock *w = g_new0(struct websock, 1);

    w->request = g_string_new(NULL);
    w->ready = g_byte_array_new();
    return w;
}

void websock_free(struct websock *w)
{
    if (!w)
        return;
    g_string_free(w->request, TRUE);
    g_byte_array_unref(w->ready);
    g_free(w);
}

static void say(struct websock *w, const char *text)
{
    g_byte_array_append(w->ready, (const guint8 *)text, (guint)strlen(text));
}

/* The value of a header field; g_free it.  Of several lines with the name the first counts. */
static char *field(char *const *lines, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 1; lines[0] && lines[i]; i++)
        if (!g_ascii_strncasecmp(lines[i], name, n) && lines[i][n] == ':')
            return g_strstrip(g_strdup(lines[i] + n + 1));
    return NULL;
}

/* Whether a comma-separated list has the word, in whatever case. */
static bool has_word(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);

    for (size_t i = 0; words[i]; i++)
        if (!g_ascii_strcasecmp(g_strstrip(words[i]), word))
            return true;
    return false;
}

static char *accept_key(const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize n = sizeof(digest);

    g_checksum_update(sum, (const guchar *)key, (gssize)strlen(key));
    g_checksum_update(sum, (const guchar *)guid, (gssize)strlen(guid));
    g_checksum_get_digest(sum, digest, &n);
    return g_base64_encode(digest, n);
}

static bool is_key(const char *key)
{
    gsize n = 0;

    if (!key || strlen(key) != 24)
        return false;
    g_free(g_base64_decode(key, &n));
    return n == 16;
}

static enum websock_result answer(struct websock *w)
{
    g_auto(GStrv) lines = g_strsplit(w->request->str, "\r\n", -1);
    g_autofree char *upgrade = field(lines, "Upgrade"), *connection = field(lines, "Connection");
    g_autofree char *key = field(lines, "Sec-WebSocket-Key");
    g_autofree char *version = field(lines, "Sec-WebSocket-Version");
    g_autofree char *protocols = field(lines, "Sec-WebSocket-Protocol");

    if (!g_str_has_prefix(w->request->str, "GET ") || !has_word(upgrade, "websocket") ||
        !has_word(connection, "upgrade") || !is_key(key)) {
        say(w, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return WEBSOCK_BAD;
    }
    if (g_strcmp0(version, "13")) {
        say(w, "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n"
               "Connection: close\r\nContent-Length: 0\r\n\r\n");
        return WEBSOCK_BAD;
    }
    g_autofree char *accepted = accept_key(key);
    say(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: ");
    say(w, accepted);
    say(w,
        has_word(protocols, "binary") ? "\r\nSec-WebSocket-Protocol: binary\r\n\r\n" : "\r\n\r\n");
    return WEBSOCK_OPEN;
}

enum websock_result websock_request(struct websock *w, const uint8_t *buf, size_t n, size_t *used)
{
    for (*used = 0; *used < n;) {
        g_string_append_c(w->request, (char)buf[(*used)++]);
        if (g_str_has_suffix(w->request->str, "\r\n\r\n"))
            return answer(w);
        if (w->request->len > REQUEST_MAX) {
            say(w, "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n");
            return WEBSOCK_BAD;
        }
    }
    return WEBSOCK_MORE;
}

static void put_frame(struct websock *w, uint8_t opcode, const uint8_t *data, size_t n)
{
    uint8_t header[4] = {FIN | opcode, (uint8_t)n};
    guint len = 2;

    if (n > CONTROL_MAX) { /* n <= PIECE, so that 16 bits do */
        header[1] = LEN16;
        header[2] = (uint8_t)(n >> 8);
        header[3] = (uint8_t)n;
        len = 4;
    }
    g_byte_array_append(w->ready, header, len);
    g_byte_array_append(w->ready, data, (guint)n);
}

static void put_close(struct websock *w, unsigned status)
{
    uint8_t code[2] = {(uint8_t)(status >> 8), (uint8_t)status};

    if (!w->is_closed)
        put_frame(w, OP_CLOSE, code, sizeof(code));
    w->is_closed = true;
}

/* The whole header, from its two first bytes on. */
static unsigned header_size(const struct websock *w)
{
    unsigned len = w->header[1] & 0x7f;

    return 2 + (len == LEN16 ? 2 : len == LEN64 ? 8 : 0) + (w->header[1] & MASKED ? 4 : 0);
}

static uint64_t payload_size(const struct websock *w)
{
    unsigned len = w->header[1] & 0x7f, bytes = len == LEN16 ? 2 : len == LEN64 ? 8 : 0;
    uint64_t n = 0;

    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | w->header[2 + i];
    return bytes ? n : len;
}

/* A client masks its frames; control frames are short and whole; the high bits are for extensions
 * that nobody negotiated. */
static bool is_header_good(const struct websock *w)
{
    bool control = w->opcode & 8,
         known = w->opcode <= OP_BINARY || (control && w->opcode <= OP_PONG);

    if (!known || !(w->header[1] & MASKED) || (w->header[0] & 0x70))
        return false;
    return !control || (w->left <= CONTROL_MAX && (w->header[0] & FIN));
}

static void begin_payload(struct websock *w)
{
    w->opcode = w->header[0] & 15;
    w->left = payload_size(w);
    if (!is_header_good(w)) {
        put_close(w, CLOSE_PROTOCOL);
        return;
    }
    memcpy(w->mask, w->header + header_size(w) - 4, 4);
    w->masked_at = w->control_len = 0;
    w->in_payload = true;
}

static void end_payload(struct websock *w)
{
    w->in_payload = false;
    w->header_len = 0;
    if (w->opcode == OP_CLOSE)
        put_close(w, CLOSE_NORMAL);
    else if (w->opcode == OP_PING && w->ready->len < READY_MAX)
        put_frame(w, OP_PONG, w->control, w->control_len);
}

static void take_header_byte(struct websock *w, uint8_t b)
{
    w->header[w->header_len++] = b;
    if (w->header_len < 2 || w->header_len < header_size(w))
        return;
    begin_payload(w);
    if (w->in_payload && !w->left)
        end_payload(w);
}

size_t websock_decode(struct websock *w, uint8_t *buf, size_t n, bool *closed)
{
    size_t out = 0;

    for (size_t i = 0; i < n && !w->is_closed; i++) {
        if (!w->in_payload) {
            take_header_byte(w, buf[i]);
            continue;
        }
        uint8_t b = buf[i] ^ w->mask[w->masked_at++ % 4];
        if (w->opcode & 8)
            w->control[w->control_len++] = b;
        else
            buf[out++] = b;
        if (!--w->left)
            end_payload(w);
    }
    *closed = w->is_closed;
    return out;
}

bool websock_flush(struct websock *w, int fd)
{
    while (w->ready->len) {
        ssize_t n = send(fd, w->ready->data, w->ready->len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return false;
        g_byte_array_remove_range(w->ready, 0, n > 0 ? (guint)n : w->ready->len); /* lost: gone */
    }
    return true;
}

ssize_t websock_write(struct websock *w, int fd, const uint8_t *buf, size_t n)
{
    size_t piece = MIN(n, (size_t)PIECE);

    if (!websock_flush(w, fd)) {
        errno = EAGAIN;
        return -1;
    }
    if (!w->is_closed)
        put_frame(w, OP_BINARY, buf, piece);
    websock_flush(w, fd);
    return (ssize_t)piece;
}
