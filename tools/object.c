/* --object of the tools: secrets and TLS credentials. */
#include "tools/object.h"

#include "util/optparse.h"
#include "util/secret.h"
#include "util/tls.h"

#include <glib.h>
#include <string.h>

static bool create(struct opts *o, struct error **errp)
{
    static const char *const names[] = {"secret", "tls-creds-x509", "tls-creds-psk",
                                        "tls-creds-anon", NULL};
    const char *type = opts_get(o, "qom-type", ""), *id = opts_get(o, "id", NULL);
    bool is_secret = !strcmp(type, "secret");
    const char *const *keys = is_secret ? secret_keys : tls_keys;

    if (!g_strv_contains(names, type)) {
        error_set(errp, "wanted secret, tls-creds-x509, tls-creds-psk or tls-creds-anon");
        return false;
    }
    if (!id || !*id) {
        error_set(errp, "wanted id=ID");
        return false;
    }
    for (const char *const *key = keys; *key; key++)
        opts_get(o, *key, NULL);
    return opts_check_used(o, keys, errp) &&
           (is_secret ? secret_create(id, o, errp) : tls_creds_create(type, id, o, errp));
}

bool tool_object(const char *text, struct error **errp)
{
    struct opts *o = opts_parse_any(text, "qom-type", errp);
    bool ok = o && create(o, errp);

    opts_free(o);
    if (!ok)
        error_prefix(errp, "--object %s", text);
    return ok;
}
