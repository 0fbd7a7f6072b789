/* Transport Layer Security, by GnuTLS.  Ref: RFC 8446; GnuTLS manual, chapters 4 to 6. */
#include "util/tls.h"
#include "util/optparse.h"
#include "util/secret.h"
#include "util/thread.h"

#include <errno.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a server presents; one of these, as kind says. */
struct creds {
    struct tls_creds pub;
    gatomicrefcount refs;
    char *priority;
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t psk;
    gnutls_anon_server_credentials_t anon;
};

/* One lock for both directions: messages of the protocol's own may want the other one. */
struct tls {
    struct creds *creds;
    gnutls_session_t session;
    int fd;
    struct mutex lock; /* a leaf: guards session */
};

static const struct {
    const char *type, *more; /* more: key exchanges beside the usual ones */
} kinds[] = {
    [TLS_X509] = {"tls-creds-x509", ""},
    [TLS_PSK] = {"tls-creds-psk", ":+ECDHE-PSK:+DHE-PSK:+PSK"},
    [TLS_ANON] = {"tls-creds-anon", ":+ANON-ECDH:+ANON-DH"},
};

const char *const tls_keys[] = {"qom-type", "id",         "dir",      "endpoint", "verify-peer",
                                "priority", "passwordid", "username", "loaded",   NULL};

static GHashTable *all; /* id: struct creds */

/* --- files --- */
static char *file_in(const struct creds *c, const char *name)
{
    return g_build_filename(c->pub.dir, name, NULL);
}

static bool readable(const char *path, struct error **errp)
{
    if (access(path, R_OK) == 0)
        return true;
    error_set(errp, "could not read '%s': %s", path, g_strerror(errno));
    return false;
}

static bool took(int ret, const char *path, struct error **errp)
{
    if (ret >= 0)
        return true;
    error_set(errp, "'%s' cannot be used: %s", path, gnutls_strerror(ret));
    return false;
}

static bool load_authority(struct creds *c, struct error **errp)
{
    g_autofree char *ca = file_in(c, "ca-cert.pem"), *crl = file_in(c, "ca-crl.pem");
    int form = GNUTLS_X509_FMT_PEM;

    if (!readable(ca, errp) ||
        !took(gnutls_certificate_set_x509_trust_file(c->x509, ca, form), ca, errp))
        return false;
    return access(crl, F_OK) != 0 ||
           took(gnutls_certificate_set_x509_crl_file(c->x509, crl, form), crl, errp);
}

static bool load_certificate(struct creds *c, const char *password, struct error **errp)
{
    g_autofree char *cert = file_in(c, "server-cert.pem"), *key = file_in(c, "server-key.pem");

    return readable(cert, errp) && readable(key, errp) &&
           took(gnutls_certificate_set_x509_key_file2(c->x509, cert, key, GNUTLS_X509_FMT_PEM,
                                                      password, 0),
                key, errp);
}

static bool load_x509(struct creds *c, const char *password_id, struct error **errp)
{
    g_autofree char *password = password_id ? secret_get(password_id, NULL, errp) : NULL;

    if (password_id && !password)
        return false;
    if (gnutls_certificate_allocate_credentials(&c->x509) < 0) {
        error_set(errp, "no memory for them");
        return false;
    }
    return load_authority(c, errp) && (!c->pub.is_server || load_certificate(c, password, errp));
}

static bool load_psk(struct creds *c, struct error **errp)
{
    g_autofree char *path = file_in(c, "keys.psk");

    if (!readable(path, errp))
        return false;
    return !c->pub.is_server ||
           (took(gnutls_psk_allocate_server_credentials(&c->psk), path, errp) &&
            took(gnutls_psk_set_server_credentials_file(c->psk, path), path, errp));
}

static bool load_anon(struct creds *c, struct error **errp)
{
    if (c->pub.is_server)
        return took(gnutls_anon_allocate_server_credentials(&c->anon), c->pub.id, errp);
    error_set(errp, "clients here want tls-creds-x509 or tls-creds-psk");
    return false;
}

/* --- objects --- */
static void creds_free(struct creds *c)
{
    if (c->x509)
        gnutls_certificate_free_credentials(c->x509);
    if (c->psk)
        gnutls_psk_free_server_credentials(c->psk);
    if (c->anon)
        gnutls_anon_free_server_credentials(c->anon);
    g_free(c->pub.id);
    g_free(c->pub.dir);
    g_free(c->pub.username);
    g_free(c->priority);
    g_free(c);
}

struct tls_creds *tls_creds_ref(struct tls_creds *c)
{
    g_atomic_ref_count_inc(&((struct creds *)c)->refs);
    return c;
}

void tls_creds_put(struct tls_creds *c)
{
    if (c && g_atomic_ref_count_dec(&((struct creds *)c)->refs))
        creds_free((struct creds *)c);
}

static bool take_options(struct creds *c, struct opts *o, struct error **errp)
{
    const char *end = opts_get(o, "endpoint", "client"), *dir = opts_get(o, "dir", NULL);
    const char *wrong;
    bool unused;

    if (strcmp(end, "server") && strcmp(end, "client")) {
        error_set(errp, "endpoint is '%s': wanted server or client", end);
        return false;
    }
    if (!dir && c->pub.kind != TLS_ANON) {
        error_set(errp, "wanted dir=DIRECTORY");
        return false;
    }
    c->pub.is_server = !strcmp(end, "server");
    c->pub.dir = g_strdup(dir);
    c->pub.username = g_strdup(opts_get(o, "username", "qemu"));
    c->priority = g_strconcat(opts_get(o, "priority", "NORMAL"), kinds[c->pub.kind].more, NULL);
    if (!opts_get_bool(o, "verify-peer", true, &c->pub.verify_peer, errp) ||
        !opts_get_bool(o, "loaded", true, &unused, errp))
        return false;
    gnutls_priority_t p;
    if (gnutls_priority_init(&p, c->priority, &wrong) < 0) {
        error_set(errp, "priority '%s' is not understood from '%s' on", c->priority, wrong);
        return false;
    }
    gnutls_priority_deinit(p);
    return true;
}

static bool load(struct creds *c, struct opts *o, struct error **errp)
{
    const char *password = opts_get(o, "passwordid", NULL);

    if (!take_options(c, o, errp))
        return false;
    switch (c->pub.kind) {
    case TLS_X509: return load_x509(c, password, errp);
    case TLS_PSK: return load_psk(c, errp);
    case TLS_ANON: return load_anon(c, errp);
    }
    return false;
}

static struct creds *find(const char *id)
{
    return all ? g_hash_table_lookup(all, id) : NULL;
}

bool tls_creds_create(const char *type, const char *id, struct opts *o, struct error **errp)
{
    struct creds *c;

    if (find(id)) {
        error_set(errp, "there are TLS credentials '%s' already", id);
        return false;
    }
    c = g_new0(struct creds, 1);
    g_atomic_ref_count_init(&c->refs);
    while (strcmp(kinds[c->pub.kind].type, type))
        c->pub.kind++;
    c->pub.id = g_strdup(id);
    if (!load(c, o, errp)) {
        creds_free(c);
        return false;
    }
    if (!all)
        all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)tls_creds_put);
    g_hash_table_replace(all, c->pub.id, c);
    return true;
}

bool tls_creds_delete(const char *id)
{
    return all && g_hash_table_remove(all, id);
}

bool tls_creds_in_use(const char *id)
{
    struct creds *c = find(id);

    return c && !g_atomic_ref_count_compare(&c->refs, 1);
}

struct tls_creds *tls_creds_get(const char *id, bool server, struct error **errp)
{
    struct creds *c = find(id);

    if (!c)
        error_set(errp,
                  "there are no TLS credentials '%s'; -object tls-creds-x509,id=%s makes some", id,
                  id);
    else if (c->pub.is_server != server)
        error_set(errp, "TLS credentials '%s' are a %s's; these want endpoint=%s", id,
                  server ? "client" : "server", server ? "server" : "client");
    else
        return tls_creds_ref(&c->pub);
    return NULL;
}

/* --- connections --- */
static ssize_t result(struct tls *t, ssize_t ret)
{
    if (ret < 0)
        gnutls_transport_set_errno(t->session, errno);
    return ret;
}

static ssize_t push(gnutls_transport_ptr_t opaque, const void *buf, size_t n)
{
    struct tls *t = opaque;

    return result(t, send(t->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static ssize_t pull(gnutls_transport_ptr_t opaque, void *buf, size_t n)
{
    struct tls *t = opaque;

    return result(t, recv(t->fd, buf, n, MSG_DONTWAIT));
}

static int use_creds(struct tls *t)
{
    struct creds *c = t->creds;

    if (c->psk)
        return gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, c->psk);
    if (c->anon)
        return gnutls_credentials_set(t->session, GNUTLS_CRD_ANON, c->anon);
    if (c->pub.verify_peer) {
        static char oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
        static gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                                .data = (unsigned char *)oid};
        gnutls_certificate_server_set_request(t->session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert2(t->session, &purpose, 1, 0);
    }
    return gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, c->x509);
}

struct tls *tls_new(struct tls_creds *c, int fd, struct error **errp)
{
    struct tls *t = g_new0(struct tls, 1);

    t->creds = (struct creds *)tls_creds_ref(c);
    t->fd = fd;
    mutex_init(&t->lock);
    int ret = gnutls_init(&t->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (!ret)
        ret = gnutls_priority_set_direct(t->session, t->creds->priority, NULL);
    if (!ret)
        ret = use_creds(t);
    if (ret) {
        error_set(errp, "TLS: %s", gnutls_strerror(ret));
        tls_free(t);
        return NULL;
    }
    gnutls_transport_set_ptr(t->session, t);
    gnutls_transport_set_push_function(t->session, push);
    gnutls_transport_set_pull_function(t->session, pull);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (t->session)
        gnutls_deinit(t->session);
    mutex_fini(&t->lock);
    tls_creds_put(&t->creds->pub);
    g_free(t);
}

/* What errno says of a failure of GnuTLS. */
static int as_errno(ssize_t ret)
{
    return ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED ? EAGAIN : EIO;
}

int tls_handshake(struct tls *t, short *events, struct error **errp)
{
    int ret;

    do
        ret = gnutls_handshake(t->session);
    while (ret == GNUTLS_E_INTERRUPTED ||
           (ret < 0 && ret != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(ret)));
    *events = gnutls_record_get_direction(t->session) ? POLLOUT : POLLIN;
    if (ret == 0)
        return 0;
    errno = as_errno(ret);
    if (errno != EAGAIN)
        error_set(errp, "TLS: %s", gnutls_strerror(ret));
    return -1;
}

ssize_t tls_recv(struct tls *t, void *buf, size_t n)
{
    mutex_lock(&t->lock);
    ssize_t ret = gnutls_record_recv(t->session, buf, n);
    mutex_unlock(&t->lock);
    if (ret >= 0)
        return ret;
    errno = ret == GNUTLS_E_PREMATURE_TERMINATION ? ECONNRESET : as_errno(ret);
    return -1;
}

ssize_t tls_send(struct tls *t, const void *buf, size_t n)
{
    mutex_lock(&t->lock);
    ssize_t ret = gnutls_record_send(t->session, buf, n);
    mutex_unlock(&t->lock);
    if (ret >= 0)
        return ret;
    errno = as_errno(ret);
    return -1;
}

void tls_bye(struct tls *t)
{
    mutex_lock(&t->lock);
    (void)!gnutls_bye(t->session, GNUTLS_SHUT_WR);
    mutex_unlock(&t->lock);
}
