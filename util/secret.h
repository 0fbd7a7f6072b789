/*
 * Passwords and keys that -object secret gives to others by id.
 *
 * All functions are for the main thread.
 */
#ifndef UTIL_SECRET_H
#define UTIL_SECRET_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>

struct opts;

/* The keys that secret_create() asks o for, ended by NULL. */
extern const char *const secret_keys[];
/* From data= or file=, format=raw or base64; with keyid= and iv= it is deciphered: AES-256 in CBC
 * mode, padded as PKCS #7 says, under a secret of 32 bytes.  False and *errp when it makes no
 * sense. */
bool secret_create(const char *id, struct opts *o, struct error **errp) MUST_CHECK;
/* False: there is none. */
bool secret_delete(const char *id);
/* A copy, which ends with a zero byte, to be freed; *len is without that and may be NULL.  NULL and
 * *errp when there is no such secret. */
char *secret_get(const char *id, size_t *len, struct error **errp) MUST_CHECK;

#endif
