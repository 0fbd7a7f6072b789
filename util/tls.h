/*
 * Transport Layer Security: credentials that -object tls-creds-x509, -psk and -anon name, and
 * the server's side of a connection.
 *
 * Credentials are counted references; those with an id are the main thread's.  A connection may be
 * read by one thread and written by another; its socket stays the caller's, who waits for it.
 * Ref: RFC 8446; GnuTLS manual, "How to use GnuTLS in applications".
 */
#ifndef UTIL_TLS_H
#define UTIL_TLS_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct opts;
struct tls;

enum tls_kind { TLS_X509, TLS_PSK, TLS_ANON };

/* What -object said; the rest is util/tls.c's own. */
struct tls_creds {
    enum tls_kind kind;
    bool is_server, verify_peer;
    char *id, *dir, *username;
};

/* The keys that tls_creds_create() asks o for, ended by NULL. */
extern const char *const tls_keys[];
/* type is "tls-creds-x509", "tls-creds-psk" or "tls-creds-anon"; a server's files are read now. */
bool tls_creds_create(const char *type, const char *id, struct opts *o,
                      struct error **errp) MUST_CHECK;
/* False: there are none of that id. */
bool tls_creds_delete(const char *id);
/* Whether somebody but the list of objects holds them. */
bool tls_creds_in_use(const char *id);
/* A reference to those of that id, for a server or for a client; NULL and *errp. */
struct tls_creds *tls_creds_get(const char *id, bool server, struct error **errp) MUST_CHECK;
struct tls_creds *tls_creds_ref(struct tls_creds *c);
/* NULL is allowed. */
void tls_creds_put(struct tls_creds *c);

/* A server's connection on fd; NULL and *errp. */
struct tls *tls_new(struct tls_creds *c, int fd, struct error **errp) MUST_CHECK;
/* NULL is allowed. */
void tls_free(struct tls *t);
/* One step of the handshake: 0 when it is over, -1 with errno; EAGAIN: wait until fd can be read
 * (POLLIN) or written (POLLOUT), which *events says, and call again. */
int tls_handshake(struct tls *t, short *events, struct error **errp) MUST_CHECK;
/* As recv() and send() on a socket that does not block: EAGAIN when it would.  A send that would
 * block is repeated with the same bytes. */
ssize_t tls_recv(struct tls *t, void *buf, size_t n) MUST_CHECK;
ssize_t tls_send(struct tls *t, const void *buf, size_t n) MUST_CHECK;
/* Say goodbye, as far as that does not block. */
void tls_bye(struct tls *t);

#endif
