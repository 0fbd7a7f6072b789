/* --object of the tools: secrets and TLS credentials. */
#ifndef TOOLS_OBJECT_H
#define TOOLS_OBJECT_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>

/* TYPE,id=ID,... or JSON; false and *errp. */
bool tool_object(const char *text, struct error **errp) MUST_CHECK;

#endif
