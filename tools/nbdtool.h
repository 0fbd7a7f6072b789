/* The NBD tool's parts. */
#ifndef TOOLS_NBDTOOL_H
#define TOOLS_NBDTOOL_H

#include "util/annot.h"

#include <stdio.h>

extern const char *nbd_program; /* base name of the program, for messages */
void nbd_error(const char *fmt, ...) PRINTF(1, 2);
struct tls_creds;
/* Print what the server at a socket's path, or at host and port, offers; the exit status.  tls: a
 * client's, or NULL. */
int nbd_list(const char *path, const char *host, const char *port, const struct tls_creds *tls);

#endif
