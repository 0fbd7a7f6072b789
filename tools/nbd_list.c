/* tinamou-nbd --list: what another server offers.  Ref: libnbd(3), the NBD protocol. */
#include "block/nbd_server.h"
#include "tools/nbdtool.h"

#include <glib.h>
#include <inttypes.h>
#include <libnbd.h>

static int note_export(void *opaque, const char *name, const char *description)
{
    GPtrArray *names = opaque;

    g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_add(names, g_strdup(description));
    return 0;
}

static int note_context(void *opaque, const char *name)
{
    g_ptr_array_add(opaque, g_strdup(name));
    return 0;
}

static void print_flags(struct nbd_handle *h)
{
    static const struct {
        int (*get)(struct nbd_handle *h);
        const char *name;
    } flags[] = {
        {nbd_is_read_only, "readonly"},
        {nbd_can_flush, "flush"},
        {nbd_can_fua, "fua"},
        {nbd_is_rotational, "rotational"},
        {nbd_can_trim, "trim"},
        {nbd_can_zero, "zeroes"},
        {nbd_can_df, "df"},
        {nbd_can_multi_conn, "multi"},
        {nbd_can_cache, "cache"},
        {nbd_can_fast_zero, "fast-zero"},
    };

    printf("  flags: (");
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (flags[i].get(h) > 0)
            printf(" %s", flags[i].name);
    printf(" )\n");
}

static void print_contexts(struct nbd_handle *h)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    if (nbd_opt_list_meta_context(h, (nbd_context_callback){note_context, names, NULL}) < 0)
        return;
    printf("  available meta contexts: %u\n", names->len);
    for (guint i = 0; i < names->len; i++)
        printf("   %s\n", (const char *)names->pdata[i]);
}

static void print_export(struct nbd_handle *h, const char *name, const char *description)
{
    printf(" export: '%s'\n", name);
    if (description && *description)
        printf("  description: %s\n", description);
    if (nbd_set_export_name(h, name) < 0 || nbd_opt_info(h) < 0) {
        printf("  no more is told: %s\n", nbd_get_error());
        return;
    }
    printf("  size:  %" PRId64 "\n", nbd_get_size(h));
    print_flags(h);
    printf("  min block: %" PRId64 "\n", nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM));
    printf("  opt block: %" PRId64 "\n", nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED));
    printf("  max block: %" PRId64 "\n", nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM));
    print_contexts(h);
}

static int connect_to(struct nbd_handle *h, const char *path, const char *host, const char *port)
{
    g_autofree char *def = g_strdup_printf("%d", NBD_DEFAULT_PORT);

    if (path)
        return nbd_connect_unix(h, path);
    return nbd_connect_tcp(h, host ? host : "127.0.0.1", port ? port : def);
}

int nbd_list(const char *path, const char *host, const char *port, const struct tls_creds *tls)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct nbd_handle *h = nbd_create();
    int status = 1;

    if (!h || nbd_set_opt_mode(h, true) < 0 || (tls && nbd_use_tls(h, tls) < 0) ||
        connect_to(h, path, host, port) < 0 ||
        nbd_opt_list(h, (nbd_list_callback){note_export, names, NULL}) < 0) {
        nbd_error("%s", nbd_get_error());
    } else {
        printf("exports available: %u\n", names->len / 2);
        for (guint i = 0; i < names->len; i += 2)
            print_export(h, names->pdata[i], names->pdata[i + 1]);
        nbd_opt_abort(h);
        status = 0;
    }
    if (h)
        nbd_close(h);
    return status;
}
