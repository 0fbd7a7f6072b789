/* The first part of a connection: fixed newstyle negotiation.  Ref: the NBD protocol, "Fixed
 * newstyle negotiation", "Option types", "Metadata querying". */
#include "block/nbd_priv.h"
#include "util/bits.h"

#include <errno.h>
#include <string.h>

enum { MAX_OPTIONS = 1000 }; /* before the peer must have decided */

static bool reply(struct nbd_conn *c, uint32_t option, uint32_t type, const void *data, size_t n)
{
    uint8_t head[20];
    struct iovec iov[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)data, n}};

    st_be64(head, NBD_REPLY_MAGIC);
    st_be32(head + 8, option);
    st_be32(head + 12, type);
    st_be32(head + 16, (uint32_t)n);
    return nbd_send(c, iov, n ? 2 : 1);
}

static bool refuse(struct nbd_conn *c, uint32_t option, enum nbd_rep_err err, const char *why)
{
    return reply(c, option, NBD_REP_ERR | err, why, strlen(why));
}

/* An option's data, read piece by piece; whatever does not fit in is `bad`. */
struct cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static const uint8_t *take(struct cursor *d, size_t n)
{
    const uint8_t *at = d->p;

    if (d->bad || n > d->left) {
        d->bad = true;
        return NULL;
    }
    d->p += n;
    d->left -= n;
    return at;
}

static uint32_t take32(struct cursor *d)
{
    const uint8_t *p = take(d, 4);

    return p ? ld_be32(p) : 0;
}

/* A string behind its length; NULL (and bad) unless it is one. */
static char *take_string(struct cursor *d)
{
    uint32_t n = take32(d);
    const uint8_t *p = n > NBD_MAX_NAME ? NULL : take(d, n);

    if (!p || memchr(p, 0, n)) {
        d->bad = true;
        return NULL;
    }
    return g_strndup((const char *)p, n);
}

/* --- listing --- */

static bool note_export(void *opaque, const struct nbd_export *e)
{
    g_ptr_array_add(opaque, g_strdup(e->name));
    g_ptr_array_add(opaque, g_strdup(e->description ? e->description : ""));
    return true;
}

static bool list_exports(struct nbd_conn *c, struct cursor *d)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    bool ok = true;

    if (d->left)
        return refuse(c, NBD_OPT_LIST, NBD_ERR_INVALID, "LIST has no data");
    nbd_each_export(note_export, names);
    for (guint i = 0; i < names->len && ok; i += 2) {
        const char *name = names->pdata[i], *text = names->pdata[i + 1];
        g_autoptr(GByteArray) data = g_byte_array_new();
        uint8_t n[4];
        st_be32(n, (uint32_t)strlen(name));
        g_byte_array_append(data, n, sizeof(n));
        g_byte_array_append(data, (const uint8_t *)name, (guint)strlen(name));
        g_byte_array_append(data, (const uint8_t *)text, (guint)strlen(text));
        ok = reply(c, NBD_OPT_LIST, NBD_REP_SERVER, data->data, data->len);
    }
    return ok && reply(c, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

/* --- choosing --- */
static bool send_export_info(struct nbd_conn *c, uint32_t option)
{
    uint8_t b[12];

    st_be16(b, NBD_INFO_EXPORT);
    st_be64(b + 2, block_size(c->export->node));
    st_be16(b + 10, nbd_export_flags(c));
    return reply(c, option, NBD_REP_INFO, b, sizeof(b));
}

static bool send_text_info(struct nbd_conn *c, uint32_t option, enum nbd_info kind,
                           const char *text)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint8_t b[2];

    st_be16(b, kind);
    g_byte_array_append(data, b, sizeof(b));
    g_byte_array_append(data, (const uint8_t *)text, (guint)strlen(text));
    return reply(c, option, NBD_REP_INFO, data->data, data->len);
}

static bool send_block_size(struct nbd_conn *c, uint32_t option)
{
    uint8_t b[14];

    st_be16(b, NBD_INFO_BLOCK_SIZE);
    st_be32(b + 2, 1);
    st_be32(b + 6, 4096);
    st_be32(b + 10, NBD_MAX_DATA);
    return reply(c, option, NBD_REP_INFO, b, sizeof(b));
}

static bool send_infos(struct nbd_conn *c, uint32_t option, const uint8_t *wanted, unsigned n)
{
    const struct nbd_export *e = c->export;
    bool ok = true;

    for (unsigned i = 0; i < n && ok; i++) {
        unsigned kind = ld_be16(wanted + 2 * i);
        if (kind == NBD_INFO_NAME)
            ok = send_text_info(c, option, kind, e->name);
        else if (kind == NBD_INFO_DESCRIPTION && e->description)
            ok = send_text_info(c, option, kind, e->description);
    }
    return ok && send_block_size(c, option) && send_export_info(c, option) &&
           reply(c, option, NBD_REP_ACK, NULL, 0);
}

/* INFO and GO; *chosen: the negotiation is over. */
static bool choose(struct nbd_conn *c, uint32_t option, struct cursor *d, bool *chosen)
{
    g_autofree char *name = take_string(d);
    const uint8_t *p = take(d, 2);
    unsigned n = p ? ld_be16(p) : 0;
    const uint8_t *wanted = take(d, 2 * n);

    if (d->bad || d->left)
        return refuse(c, option, NBD_ERR_INVALID, "the lengths in this option do not agree");
    if (!nbd_export_get(c, name))
        return refuse(c, option, NBD_ERR_UNKNOWN, "there is no such export");
    *chosen = option == NBD_OPT_GO && send_infos(c, option, wanted, n);
    if (*chosen)
        return true;
    bool ok = option == NBD_OPT_INFO && send_infos(c, option, wanted, n);
    nbd_export_put(c);
    return ok;
}

/* The oldest way: no reply but the export's size, and the end when there is none. */
static bool choose_old(struct nbd_conn *c, const struct cursor *d)
{
    uint8_t b[10 + 124] = {0};

    if (d->left > NBD_MAX_NAME || memchr(d->p, 0, d->left))
        return false;
    g_autofree char *name = g_strndup((const char *)d->p, d->left);
    if (!nbd_export_get(c, name))
        return false;
    st_be64(b, block_size(c->export->node));
    st_be16(b + 8, nbd_export_flags(c));
    struct iovec iov = {b, c->no_zeroes ? 10 : sizeof(b)};
    return nbd_send(c, &iov, 1);
}

/* --- metadata contexts --- */
/* What a query means: a context's name, or (listing) what its name begins with. */
static bool matches(const char *name, const char *query, bool listing)
{
    size_t n = strlen(query);

    return !strcmp(name, query) ||
           (listing && n && query[n - 1] == ':' && g_str_has_prefix(name, query));
}

static bool send_context(struct nbd_conn *c, uint32_t option, guint i, bool listing)
{
    const struct nbd_context *x = &g_array_index(c->export->contexts, struct nbd_context, i);
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint8_t b[4];

    st_be32(b, listing ? 0 : i + 1);
    g_byte_array_append(data, b, sizeof(b));
    g_byte_array_append(data, (const uint8_t *)x->name, (guint)strlen(x->name));
    return reply(c, option, NBD_REP_META_CONTEXT, data->data, data->len);
}

/* The contexts that the queries ask for, as bits; none when the option is malformed. */
static uint64_t find_contexts(const struct nbd_export *e, struct cursor *d, bool listing)
{
    uint32_t n = take32(d);
    uint64_t found = 0,
             all = e->contexts->len < 64 ? (UINT64_C(1) << e->contexts->len) - 1 : UINT64_MAX;

    if (listing && !n && !d->bad)
        found = all;
    for (uint32_t q = 0; q < n && !d->bad; q++) {
        g_autofree char *query = take_string(d);
        for (guint i = 0; query && i < e->contexts->len; i++)
            if (matches(g_array_index(e->contexts, struct nbd_context, i).name, query, listing))
                found |= UINT64_C(1) << i;
    }
    d->bad |= d->left != 0;
    return found;
}

static bool meta_contexts(struct nbd_conn *c, uint32_t option, struct cursor *d)
{
    bool listing = option == NBD_OPT_LIST_META_CONTEXT, ok = true;
    g_autofree char *name = take_string(d);

    if (!c->structured)
        return refuse(c, option, NBD_ERR_INVALID, "structured replies must be negotiated first");
    if (!listing) {
        c->contexts = 0;
        c->context_of = NULL;
    }
    if (!name)
        return refuse(c, option, NBD_ERR_INVALID, "the lengths in this option do not agree");
    struct nbd_export *e = nbd_export_get(c, name);
    if (!e)
        return refuse(c, option, NBD_ERR_UNKNOWN, "there is no such export");
    uint64_t found = find_contexts(e, d, listing);
    if (d->bad) {
        nbd_export_put(c);
        return refuse(c, option, NBD_ERR_INVALID, "the lengths in this option do not agree");
    }
    for (guint i = 0; i < e->contexts->len && ok; i++)
        ok = !(found >> i & 1) || send_context(c, option, i, listing);
    if (!listing) {
        c->contexts = found;
        c->context_of = e;
    }
    nbd_export_put(c);
    return ok && reply(c, option, NBD_REP_ACK, NULL, 0);
}

static bool structured(struct nbd_conn *c, const struct cursor *d)
{
    if (d->left)
        return refuse(c, NBD_OPT_STRUCTURED_REPLY, NBD_ERR_INVALID, "it has no data");
    c->structured = true;
    return reply(c, NBD_OPT_STRUCTURED_REPLY, NBD_REP_ACK, NULL, 0);
}

/* What was negotiated before counts no more. */
static bool start_tls(struct nbd_conn *c, const struct cursor *d)
{
    if (!nbd_wants_tls())
        return refuse(c, NBD_OPT_STARTTLS, NBD_ERR_POLICY, "this server has no TLS");
    if (c->tls || d->left)
        return refuse(c, NBD_OPT_STARTTLS, NBD_ERR_INVALID,
                      c->tls ? "TLS is on already" : "it has no data");
    c->structured = false;
    c->contexts = 0;
    c->context_of = NULL;
    return reply(c, NBD_OPT_STARTTLS, NBD_REP_ACK, NULL, 0) && nbd_start_tls(c);
}

static bool is_too_early(const struct nbd_conn *c, uint32_t option)
{
    return nbd_wants_tls() && !c->tls && option != NBD_OPT_STARTTLS && option != NBD_OPT_ABORT;
}

/* One option; false ends the connection. */
static bool handle(struct nbd_conn *c, uint32_t option, struct cursor *d, bool *chosen)
{
    if (is_too_early(c, option))
        return option != NBD_OPT_EXPORT_NAME &&
               refuse(c, option, NBD_ERR_TLS_REQD, "TLS must be started first");
    switch (option) {
    case NBD_OPT_EXPORT_NAME: return *chosen = choose_old(c, d);
    case NBD_OPT_ABORT: (void)!reply(c, option, NBD_REP_ACK, NULL, 0); return false;
    case NBD_OPT_LIST: return list_exports(c, d);
    case NBD_OPT_STARTTLS: return start_tls(c, d);
    case NBD_OPT_INFO:
    case NBD_OPT_GO: return choose(c, option, d, chosen);
    case NBD_OPT_STRUCTURED_REPLY: return structured(c, d);
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT: return meta_contexts(c, option, d);
    default: return refuse(c, option, NBD_ERR_UNSUP, "no such option here");
    }
}

static bool next_option(struct nbd_conn *c, uint8_t *data, bool *chosen)
{
    uint8_t head[16];

    if (!nbd_recv(c, head, sizeof(head)) || ld_be64(head) != NBD_OPTION_MAGIC)
        return false;
    uint32_t option = ld_be32(head + 8), n = ld_be32(head + 12);
    if (n > NBD_MAX_OPTION) /* nobody means that: skip what is there, for the error's sake */
        return option != NBD_OPT_EXPORT_NAME && n <= NBD_MAX_DATA && nbd_skip(c, n) &&
               refuse(c, option, NBD_ERR_TOO_BIG, "that is more than an option needs");
    if (!nbd_recv(c, data, n))
        return false;
    struct cursor d = {data, n, false};
    return handle(c, option, &d, chosen);
}

static bool greet(struct nbd_conn *c)
{
    uint8_t hello[18], flags[4];
    struct iovec iov = {hello, sizeof(hello)};

    st_be64(hello, NBD_MAGIC);
    st_be64(hello + 8, NBD_OPTION_MAGIC);
    st_be16(hello + 16, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    if (!nbd_send(c, &iov, 1) || !nbd_recv(c, flags, sizeof(flags)))
        return false;
    uint32_t f = ld_be32(flags);
    c->no_zeroes = f & NBD_NO_ZEROES;
    return !(f & ~(uint32_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES));
}

bool nbd_handshake(struct nbd_conn *c)
{
    g_autofree uint8_t *data = g_malloc(NBD_MAX_OPTION);
    bool chosen = false, ok = greet(c);

    for (unsigned i = 0; ok && !chosen && i < MAX_OPTIONS; i++)
        ok = next_option(c, data, &chosen);
    if (chosen && c->context_of != c->export)
        c->contexts = 0;
    return ok && chosen;
}
