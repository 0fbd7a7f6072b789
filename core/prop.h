/* Typed properties: what `-device NAME,k=v`, `-M NAME,k=v` and `-cpu NAME,k=v` may set, with help
 * text. */
#ifndef CORE_PROP_H
#define CORE_PROP_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How one kind of value is parsed, shown and freed; services define more of these (chardev, drive).
 */
struct prop;
struct device;
struct prop_kind {
    const char *name; /* "bool", "uint32", "str", "chardev", ... as -device NAME,help shows it */
    bool (*parse)(void *field, const char *text, struct error **errp);
    void (*print)(const void *field, FILE *f); /* may be NULL */
    void (*fini)(void *field);                 /* may be NULL */
    /* Bind the value to its device when that is realized (claim a drive, attach to a chardev); may
     * be NULL. */
    bool (*realize)(const struct prop *p, struct device *dev, struct error **errp);
};
extern const struct prop_kind prop_bool, prop_uint8, prop_uint16, prop_uint32, prop_uint64,
    prop_size, prop_string;

struct prop {
    const char *name; /* NULL ends the table; '-' and '_' are the same to users */
    const struct prop_kind *kind;
    uint32_t off;    /* of the field in the object */
    const char *def; /* text parsed at creation, or NULL to leave zero */
    const char *help;
    const void *arg; /* for kinds that need more (a receive function, a list of choices) */
};
#define PROP(kind, type, pname, field, def, help)                                                  \
    {                                                                                              \
        pname, &(kind), offsetof(struct type, field), def, help, NULL                              \
    }
#define PROP_END                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

/* Apply the defaults; free what values own. */
void props_init(const struct prop *table, void *obj);
void props_fini(const struct prop *table, void *obj);
/* Set one by name; on failure *errp says what was wrong and, for an unknown name, the nearest valid
 * one. */
bool props_set(const struct prop *table, void *obj, const char *name, const char *value,
               struct error **errp) MUST_CHECK;
bool props_realize(const struct prop *table, struct device *dev, struct error **errp) MUST_CHECK;
const struct prop *props_find(const struct prop *table, const char *name);
void props_help(const struct prop *table, const char *owner, FILE *f);

#endif
