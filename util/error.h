/* Host errors: one owned, chained message that climbs to whoever prints it.  Ref: docs/errors in
 * HACKING.md. */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include "util/annot.h"

struct error; /* opaque: the text */

/* Set *errp (which must be NULL or point to NULL) to a new error; errp may be NULL. Message starts
 * lower-case, no full stop. */
void error_set(struct error **errp, const char *fmt, ...) PRINTF(2, 3);
/* Put "text: " before the message of *errp, if there is one. */
void error_prefix(struct error **errp, const char *fmt, ...) PRINTF(2, 3);
/* Append text (a hint such as the nearest valid choice) to the message of *errp, if there is one.
 */
void error_append(struct error **errp, const char *fmt, ...) PRINTF(2, 3);
/* The message; valid until the error is freed. */
const char *error_text(const struct error *err);
/* Hand take_err to *errp, or free it when errp is NULL. */
void error_move(struct error **errp, struct error *take_err);
/* Free an error; NULL is allowed. */
void error_free(struct error *err);
/* Print "tinamou: message" on stderr and free the error. */
void error_report(struct error *take_err);
/* The candidate nearest to word by edit distance, or NULL when none is near; names is
 * NULL-terminated. */
const char *nearest_name(const char *word, const char *const *names);

#endif
