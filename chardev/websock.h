/* The server's side of a WebSocket, without the socket: bytes in, bytes out.  Ref: RFC 6455. */
#ifndef CHARDEV_WEBSOCK_H
#define CHARDEV_WEBSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct websock;

enum websock_result {
    WEBSOCK_MORE, /* the request is not complete */
    WEBSOCK_OPEN, /* the answer is ready to be flushed, then data may go */
    WEBSOCK_BAD,  /* an answer that says why is ready to be flushed; then close */
};

struct websock *websock_new(void);
void websock_free(struct websock *w); /* NULL is allowed */
/* Take bytes of the client's request, *used of them. */
enum websock_result websock_request(struct websock *w, const uint8_t *buf, size_t n, size_t *used);
/* Turn frames into their data in place; returns how many bytes that are.  *closed: the client has
 * closed the connection or broken the protocol; flush, then shut down. */
size_t websock_decode(struct websock *w, uint8_t *buf, size_t n, bool *closed);
/* Take some of n bytes of data for the client, as send(2) would; 0 < n. */
ssize_t websock_write(struct websock *w, int fd, const uint8_t *buf, size_t n);
/* Send what is ready; false when some is left (fd is full). */
bool websock_flush(struct websock *w, int fd);

#endif
