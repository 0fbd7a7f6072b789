/* The properties rerror and werror of disks. */
#ifndef HW_ON_ERROR_H
#define HW_ON_ERROR_H

#include "block/block.h"

/* For a disk's realize: tell its node what to do when the host fails a request; with "auto" for
 * both, what -drive said stays.  False with *errp for an unknown word. */
bool disk_set_on_error(struct block_node *b, const char *rerror, const char *werror,
                       struct error **errp) MUST_CHECK;

#endif
