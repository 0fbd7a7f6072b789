/*
 * The option syntax "first,key=value,flag,noflag" and the values in it.
 *
 * ",," stands for a comma inside a value.  A bare first word is the value of the implied key; a
 * bare word elsewhere is "word=on", and "noword" is "word=off".  Of equal keys the last wins; '-'
 * and '_' in keys are the same.
 */
#ifndef UTIL_OPTPARSE_H
#define UTIL_OPTPARSE_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_pair {
    char *key, *value;
    bool bare; /* written without '=' */
    bool used; /* some opts_get* asked for it */
};
struct opts {
    struct opt_pair *pair;
    size_t n;
};

/* Split text; implied_key may be NULL (a bare first word is then a flag, too). */
struct opts *opts_parse(const char *text, const char *implied_key);
/* The same, or from a JSON object ('{' first): {"a": {"b": 1}, "c": [true]} is a.b=1,c.0=on. */
struct opts *opts_parse_any(const char *text, const char *implied_key,
                            struct error **errp) MUST_CHECK;
/* From a JSON object alone; NULL with *errp when it is none. */
struct opts *opts_parse_json(const char *text, struct error **errp) MUST_CHECK;
/* Add or replace one. */
void opts_set(struct opts *o, const char *key, const char *value);
void opts_free(struct opts *o);
/* The value of key, or def when it is absent; valid until opts_free(). */
const char *opts_get(struct opts *o, const char *key, const char *def);
/* Typed forms: *out is def when the key is absent; false and *errp when the value is malformed. */
bool opts_get_bool(struct opts *o, const char *key, bool def, bool *out,
                   struct error **errp) MUST_CHECK;
bool opts_get_uint(struct opts *o, const char *key, uint64_t max, uint64_t def, uint64_t *out,
                   struct error **errp) MUST_CHECK;
bool opts_get_size(struct opts *o, const char *key, uint64_t def, uint64_t *out,
                   struct error **errp) MUST_CHECK;
/* False and *errp, with the nearest of the NULL-terminated names, when some key was never asked
 * for. */
bool opts_check_used(const struct opts *o, const char *const *names,
                     struct error **errp) MUST_CHECK;
/* "help" or "?" was given as a bare word. */
bool opts_has_help(const struct opts *o);
/* Keys that are equal but for '-' and '_'. */
bool opts_key_equal(const char *a, const char *b);

/* on/off, yes/no, true/false, 1/0. */
bool parse_bool(const char *text, bool *out, struct error **errp) MUST_CHECK;
/* Decimal, 0x hexadecimal or 0 octal, at most max. */
bool parse_uint(const char *text, uint64_t max, uint64_t *out, struct error **errp) MUST_CHECK;
/* A number with an optional fraction and suffix B k M G T P E; without suffix the unit is unit
 * bytes. */
bool parse_size(const char *text, uint64_t unit, uint64_t *out, struct error **errp) MUST_CHECK;

#endif
