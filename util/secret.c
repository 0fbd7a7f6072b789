/* Passwords and keys that -object secret gives to others by id.  Ref: NIST SP 800-38A, "The CBC
 * mode"; RFC 5652, section 6.3, for the padding. */
#include "util/secret.h"
#include "util/optparse.h"

#include <errno.h>
#include <glib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SECRET = 65536, KEY_BYTES = 32, BLOCK_BYTES = 16 };

const char *const secret_keys[] = {"qom-type", "id", "data", "file", "format", "keyid", "iv", NULL};

static GHashTable *secrets; /* id: GBytes */

static GBytes *read_file(const char *path, struct error **errp)
{
    g_autofree char *buf = g_malloc(MAX_SECRET + 1);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(buf, 1, MAX_SECRET + 1, f) : 0;
    bool failed = !f || ferror(f);
    int why = errno;

    if (f)
        fclose(f);
    if (failed)
        error_set(errp, "could not read '%s': %s", path, g_strerror(why));
    else if (n > MAX_SECRET)
        error_set(errp, "'%s' has more than %d bytes", path, MAX_SECRET);
    else
        return g_bytes_new(buf, n);
    return NULL;
}

/* The decoder skips what it does not know, so what it saw is encoded again. */
static GBytes *decode_base64(const char *what, const char *text, size_t len, struct error **errp)
{
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) words = g_strsplit_set(copy, " \t\r\n", -1);
    g_autofree char *packed = g_strjoinv("", words);
    gsize n;
    g_autofree guchar *bytes = g_base64_decode(packed, &n);
    g_autofree char *again = g_base64_encode(bytes, n);

    if (!strcmp(packed, again))
        return g_bytes_new(bytes, n);
    error_set(errp, "%s not base64", what);
    return NULL;
}

/* What is left of n bytes without their padding; -1 when that is wrong. */
static ssize_t without_padding(const uint8_t *p, size_t n)
{
    unsigned pad = n ? p[n - 1] : 0;

    if (!pad || pad > BLOCK_BYTES || pad > n)
        return -1;
    for (unsigned i = 1; i <= pad; i++)
        if (p[n - i] != pad)
            return -1;
    return (ssize_t)(n - pad);
}

static GBytes *decipher(GBytes *data, GBytes *key, GBytes *iv, struct error **errp)
{
    size_t n = g_bytes_get_size(data);
    gnutls_datum_t k = {(void *)(uintptr_t)g_bytes_get_data(key, NULL), KEY_BYTES};
    gnutls_datum_t v = {(void *)(uintptr_t)g_bytes_get_data(iv, NULL), BLOCK_BYTES};
    gnutls_cipher_hd_t h;

    if (!n || n % BLOCK_BYTES) {
        error_set(errp, "its %zu bytes are no whole blocks of %d", n, BLOCK_BYTES);
        return NULL;
    }
    g_autofree uint8_t *out = g_memdup2(g_bytes_get_data(data, NULL), n);
    int ret = gnutls_cipher_init(&h, GNUTLS_CIPHER_AES_256_CBC, &k, &v);
    if (!ret) {
        ret = gnutls_cipher_decrypt(h, out, n);
        gnutls_cipher_deinit(h);
    }
    ssize_t left = ret ? -1 : without_padding(out, n);
    if (ret)
        error_set(errp, "could not decipher it: %s", gnutls_strerror(ret));
    else if (left < 0)
        error_set(errp, "deciphered it makes no sense: another keyid or iv is meant");
    return left < 0 ? NULL : g_bytes_new(out, (size_t)left);
}

static GBytes *decipher_with(GBytes *data, const char *keyid, const char *iv, struct error **errp)
{
    size_t n = 0;
    g_autofree char *key = iv ? secret_get(keyid, &n, errp) : NULL;

    if (!iv)
        error_set(errp, "keyid wants iv=BASE64, too");
    if (!key)
        return NULL;
    g_autoptr(GBytes) k = g_bytes_new(key, n);
    g_autoptr(GBytes) v = decode_base64("iv is", iv, strlen(iv), errp);
    if (n != KEY_BYTES)
        error_set(v ? errp : NULL, "key '%s' has %zu bytes, not %d", keyid, n, KEY_BYTES);
    else if (v && g_bytes_get_size(v) != BLOCK_BYTES)
        error_set(errp, "iv has %zu bytes, not %d", g_bytes_get_size(v), BLOCK_BYTES);
    else
        return v ? decipher(data, k, v, errp) : NULL;
    return NULL;
}

static GBytes *raw_data(struct opts *o, struct error **errp)
{
    const char *data = opts_get(o, "data", NULL), *path = opts_get(o, "file", NULL);

    if (!data != !path)
        return data ? g_bytes_new(data, strlen(data)) : read_file(path, errp);
    error_set(errp, "wanted one of data=TEXT and file=PATH");
    return NULL;
}

static GBytes *load(struct opts *o, struct error **errp)
{
    const char *format = opts_get(o, "format", "raw"), *keyid = opts_get(o, "keyid", NULL);
    bool is_raw = !strcmp(format, "raw");
    g_autoptr(GBytes) data = raw_data(o, errp);

    if (!data)
        return NULL;
    if (!is_raw && strcmp(format, "base64")) {
        error_set(errp, "format is '%s': wanted raw or base64", format);
        return NULL;
    }
    g_autoptr(GBytes) bytes = is_raw ? g_bytes_ref(data)
                                     : decode_base64("its data is", g_bytes_get_data(data, NULL),
                                                     g_bytes_get_size(data), errp);
    if (bytes && keyid)
        return decipher_with(bytes, keyid, opts_get(o, "iv", NULL), errp);
    return bytes ? g_bytes_ref(bytes) : NULL;
}

bool secret_create(const char *id, struct opts *o, struct error **errp)
{
    bool taken = secrets && g_hash_table_contains(secrets, id);
    GBytes *bytes = taken ? NULL : load(o, errp);

    if (taken)
        error_set(errp, "there is a secret '%s' already", id);
    if (!bytes)
        return false;
    if (!secrets)
        secrets =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    g_hash_table_replace(secrets, g_strdup(id), bytes);
    return true;
}

bool secret_delete(const char *id)
{
    return secrets && g_hash_table_remove(secrets, id);
}

char *secret_get(const char *id, size_t *len, struct error **errp)
{
    GBytes *b = secrets ? g_hash_table_lookup(secrets, id) : NULL;
    gsize n;

    if (!b) {
        error_set(errp, "there is no secret '%s'; -object secret,id=%s makes one", id, id);
        return NULL;
    }
    const char *p = g_bytes_get_data(b, &n);
    if (len)
        *len = n;
    char *copy = g_malloc(n + 1);
    memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}
