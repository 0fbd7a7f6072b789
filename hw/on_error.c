/* What disks do when the host fails a request: the properties rerror and werror. */
#include "hw/on_error.h"

#include <string.h>

static bool parse(const char *name, const char *value, bool is_read, enum block_on_error *how,
                  struct error **errp)
{
    const char *near = nearest_name(value, block_on_error_names);
    for (unsigned i = 0; block_on_error_names[i]; i++) {
        *how = (enum block_on_error)i;
        if (strcmp(block_on_error_names[i], value) == 0 &&
            !(is_read && *how == BLOCK_ON_ERROR_ENOSPC))
            return true;
    }
    error_set(errp, "%s is '%s', must be report, ignore, %sstop or auto", name, value,
              is_read ? "" : "enospc, ");
    if (near && strcmp(near, value) != 0)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

bool disk_set_on_error(struct block_node *b, const char *rerror, const char *werror,
                       struct error **errp)
{
    enum block_on_error read, write;
    if (!parse("rerror", rerror, true, &read, errp) ||
        !parse("werror", werror, false, &write, errp))
        return false;
    if (b && (read != BLOCK_ON_ERROR_AUTO || write != BLOCK_ON_ERROR_AUTO))
        block_set_on_error(b, read, write);
    return true;
}
