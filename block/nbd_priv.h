/* Inside of the NBD server: the protocol's numbers, exports, connections. */
#ifndef BLOCK_NBD_PRIV_H
#define BLOCK_NBD_PRIV_H

#include "block/bitmap.h"
#include "block/block_priv.h"
#include "block/nbd_server.h"

#define NBD_MAGIC        UINT64_C(0x4e42444d41474943)
#define NBD_OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define NBD_REPLY_MAGIC  UINT64_C(0x0003e889045565a9)
enum {
    NBD_REQUEST_MAGIC = 0x25609513,
    NBD_SIMPLE_MAGIC = 0x67446698,
    NBD_STRUCTURED_MAGIC = 0x668e33ef
};
enum { NBD_FIXED_NEWSTYLE = 1, NBD_NO_ZEROES = 2 };
enum nbd_option {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT,
    NBD_OPT_LIST,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO,
    NBD_OPT_GO,
    NBD_OPT_STRUCTURED_REPLY,
    NBD_OPT_LIST_META_CONTEXT,
    NBD_OPT_SET_META_CONTEXT
};
enum nbd_rep { NBD_REP_ACK = 1, NBD_REP_SERVER, NBD_REP_INFO, NBD_REP_META_CONTEXT };
static const uint32_t NBD_REP_ERR = UINT32_C(1) << 31;
enum nbd_rep_err {
    NBD_ERR_UNSUP = 1,
    NBD_ERR_POLICY,
    NBD_ERR_INVALID,
    NBD_ERR_PLATFORM,
    NBD_ERR_TLS_REQD,
    NBD_ERR_UNKNOWN,
    NBD_ERR_SHUTDOWN,
    NBD_ERR_BLOCK_SIZE_REQD,
    NBD_ERR_TOO_BIG
};
enum nbd_info { NBD_INFO_EXPORT, NBD_INFO_NAME, NBD_INFO_DESCRIPTION, NBD_INFO_BLOCK_SIZE };
enum nbd_transmission {
    NBD_HAS_FLAGS = 1,
    NBD_READ_ONLY = 2,
    NBD_SEND_FLUSH = 4,
    NBD_SEND_FUA = 8,
    NBD_SEND_TRIM = 0x20,
    NBD_SEND_WRITE_ZEROES = 0x40,
    NBD_SEND_DF = 0x80,
    NBD_CAN_MULTI_CONN = 0x100,
    NBD_SEND_CACHE = 0x400,
    NBD_SEND_FAST_ZERO = 0x800
};
enum nbd_cmd {
    NBD_CMD_READ,
    NBD_CMD_WRITE,
    NBD_CMD_DISC,
    NBD_CMD_FLUSH,
    NBD_CMD_TRIM,
    NBD_CMD_CACHE,
    NBD_CMD_WRITE_ZEROES,
    NBD_CMD_BLOCK_STATUS
};
enum nbd_cmd_flag { NBD_FUA = 1, NBD_NO_HOLE = 2, NBD_DF = 4, NBD_REQ_ONE = 8, NBD_FAST_ZERO = 16 };
enum nbd_chunk {
    NBD_CHUNK_NONE = 0,
    NBD_CHUNK_DATA = 1,
    NBD_CHUNK_HOLE = 2,
    NBD_CHUNK_STATUS = 5,
    NBD_CHUNK_ERROR = 0x8001
};
enum { NBD_CHUNK_DONE = 1 };
enum { NBD_STATE_HOLE = 1, NBD_STATE_ZERO = 2 };

enum {
    NBD_MAX_NAME = 4096,       /* bytes of any string */
    NBD_MAX_OPTION = 64 << 10, /* bytes of an option's data */
    NBD_MAX_DATA = 32 << 20,   /* bytes of one read or write */
    NBD_MAX_EXTENTS = 4096,    /* of a block status reply */
};

/* What can be told of an export's blocks. */
struct nbd_context {
    enum nbd_context_kind { NBD_CTX_ALLOCATION, NBD_CTX_DEPTH, NBD_CTX_BITMAP } kind;
    char *name;
    struct block_bitmap *bitmap; /* held; or NULL */
};

struct nbd_export {
    char *id, *name, *description;
    struct block_node *node;
    bool writable, writethrough;
    GArray *contexts; /* struct nbd_context; the index is the context's id */
    bool closing;     /* under the server's lock, as is connections */
    unsigned connections;
    struct nbd_export *next;
};

enum { NBD_MAX_CONTEXTS = 64 };

struct nbd_conn {
    int fd;
    struct tls *tls;           /* over fd, or NULL */
    int64_t deadline_ns;       /* of the handshake; INT64_MAX: none */
    struct nbd_export *export; /* chosen; NULL before */
    bool no_zeroes, structured;
    uint64_t contexts;             /* bits: those that the peer asked for */
    struct nbd_export *context_of; /* the export that it asked them of */
    struct nbd_conn *next;
};

/* --- nbd_server.c: any thread --- */
/* The export of that name, counted as a connection's; NULL when there is none. */
struct nbd_export *nbd_export_get(struct nbd_conn *c, const char *name);
void nbd_export_put(struct nbd_conn *c);
/* Call fn with each export's name and description, the server's lock held. */
bool nbd_each_export(bool (*fn)(void *opaque, const struct nbd_export *e), void *opaque);
/* All n bytes, before the deadline; false when the peer is gone or late. */
bool nbd_recv(struct nbd_conn *c, void *buf, size_t n);
bool nbd_skip(struct nbd_conn *c, uint64_t n);
bool nbd_send(struct nbd_conn *c, const struct iovec *iov, int n);
/* Whether peers must begin with TLS; begin it on this connection, false when that fails. */
bool nbd_wants_tls(void);
bool nbd_start_tls(struct nbd_conn *c);
uint16_t nbd_export_flags(const struct nbd_conn *c);

/* --- nbd_handshake.c: until an export is chosen; false when the peer goes without --- */
bool nbd_handshake(struct nbd_conn *c);
/* --- nbd_session.c: from then on, until the peer is gone --- */
void nbd_session(struct nbd_conn *c);

#endif
