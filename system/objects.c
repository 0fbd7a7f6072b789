/* -object: things that devices refer to by id.  One row of the table a type. */
#include "hw/virtio/iothread.h"
#include "hw/virtio/rng_source.h"
#include "net/net.h"
#include "system/setup.h"
#include "util/secret.h"
#include "util/tls.h"

#include <string.h>

struct object_type {
    const char *name;
    const char *const *keys; /* NULL-terminated */
    bool (*create)(const char *id, struct opts *o, struct error **errp);
    bool (*destroy)(const char *id); /* false: there is none of this type and id */
};

static bool create_rng_random(const char *id, struct opts *o, struct error **errp)
{
    return rng_source_new_file(id, opts_get(o, "filename", NULL), errp);
}

static bool create_rng_builtin(const char *id, struct opts *o UNUSED, struct error **errp)
{
    return rng_source_new_builtin(id, errp);
}

static bool create_filter_dump(const char *id, struct opts *o, struct error **errp)
{
    return setup_filter_dump(o, id, errp);
}

static bool create_tls_x509(const char *id, struct opts *o, struct error **errp)
{
    return tls_creds_create("tls-creds-x509", id, o, errp);
}

static bool create_tls_psk(const char *id, struct opts *o, struct error **errp)
{
    return tls_creds_create("tls-creds-psk", id, o, errp);
}

static bool create_tls_anon(const char *id, struct opts *o, struct error **errp)
{
    return tls_creds_create("tls-creds-anon", id, o, errp);
}

static bool create_iothread(const char *id, struct opts *o, struct error **errp)
{
    uint64_t tuning[IOTHREAD_TUNINGS] = {0};

    for (unsigned i = 0; i < IOTHREAD_TUNINGS; i++)
        if (!opts_get_uint(o, iothread_tuning_names[i], INT64_MAX, 0, &tuning[i], errp))
            return false;
    return iothread_create(id, tuning, errp);
}

static const char *const no_keys[] = {"qom-type", "id", NULL};
static const char *const file_keys[] = {"qom-type", "id", "filename", NULL};

static const char *const iothread_keys[] = {
    "qom-type", "id", "poll-max-ns", "poll-grow", "poll-shrink", "aio-max-batch", NULL};

static const struct object_type object_types[] = {
    {"filter-dump", filter_dump_keys, create_filter_dump, net_dump_del},
    {"iothread", iothread_keys, create_iothread, iothread_delete},
    {"memory-backend-file", memdev_file_keys, memdev_create_file, memdev_destroy},
    {"memory-backend-memfd", memdev_memfd_keys, memdev_create_memfd, memdev_destroy},
    {"memory-backend-ram", memdev_keys, memdev_create, memdev_destroy},
    {"rng-builtin", no_keys, create_rng_builtin, rng_source_delete},
    {"rng-random", file_keys, create_rng_random, rng_source_delete},
    {"secret", secret_keys, secret_create, secret_delete},
    {"tls-creds-anon", tls_keys, create_tls_anon, tls_creds_delete},
    {"tls-creds-psk", tls_keys, create_tls_psk, tls_creds_delete},
    {"tls-creds-x509", tls_keys, create_tls_x509, tls_creds_delete},
};

static const struct object_type *find_type(const char *name, struct error **errp)
{
    const char *names[G_N_ELEMENTS(object_types) + 1] = {NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(object_types); i++) {
        if (name && !strcmp(object_types[i].name, name))
            return &object_types[i];
        names[i] = object_types[i].name;
    }
    const char *near = name ? nearest_name(name, names) : NULL;
    error_set(errp, "no such object type");
    error_append(errp, near ? "; did you mean '%s'?" : "; there is '%s'", near ? near : names[0]);
    return NULL;
}

bool object_create(struct opts *o, struct error **errp)
{
    const struct object_type *type = find_type(opts_get(o, "qom-type", NULL), errp);
    const char *id = opts_get(o, "id", NULL);

    if (!type)
        return false;
    if (!id || !*id) {
        error_set(errp, "wanted id=ID");
        return false;
    }
    for (const char *const *key = type->keys; *key; key++)
        opts_get(o, *key, NULL);
    return opts_check_used(o, type->keys, errp) && type->create(id, o, errp);
}

/* The device that holds an object by a property of that kind, NULL: none. */
static const char *holder(struct machine *m, const struct prop_kind *kind, const void *object)
{
    for (struct device *dev = m->devices; object && dev; dev = dev->next)
        for (const struct prop *p = dev->type->cls->props; p && p->name; p++)
            if (p->kind == kind &&
                *(const void *const *)(const void *)((const char *)dev + p->off) == object)
                return dev->id;
    return NULL;
}

static const char *user_of(struct machine *m, const char *id)
{
    const char *user = holder(m, &prop_rng_source, rng_source_find(id));

    return user ? user : holder(m, &prop_iothread, iothread_find(id));
}

bool object_delete(struct machine *m, const char *id, struct error **errp)
{
    const char *user = user_of(m, id);

    if (user) {
        error_set(errp, "object '%s' is in use by device '%s'", id, user);
        return false;
    }
    if (tls_creds_in_use(id)) {
        error_set(errp, "object '%s' is in use by the NBD server", id);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(object_types); i++)
        if (object_types[i].destroy && object_types[i].destroy(id))
            return true;
    error_set(errp, "object '%s' not found", id);
    return false;
}

bool setup_objects(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->object->len; i++) {
        const char *text = g_ptr_array_index(s->cli->object, i);
        struct opts *o = opts_parse_any(text, "qom-type", errp);
        bool ok = o && object_create(o, errp);
        if (o)
            opts_free(o);
        if (!ok) {
            error_prefix(errp, "-object %s", text);
            return false;
        }
    }
    return true;
}

static void keys_help(const struct object_type *type, FILE *f)
{
    fprintf(f, "%s options:\n", type->name);
    for (const char *const *key = type->keys; *key; key++)
        if (strcmp(*key, "qom-type") && strcmp(*key, "id"))
            fprintf(f, "  %s=<value>\n", *key);
}

void objects_help(const char *name, FILE *f)
{
    const struct object_type *type = name ? find_type(name, NULL) : NULL;

    if (type) {
        keys_help(type, f);
        return;
    }
    fputs("List of user creatable objects:\n", f);
    for (size_t i = 0; i < G_N_ELEMENTS(object_types); i++)
        fprintf(f, "  %s\n", object_types[i].name);
}
