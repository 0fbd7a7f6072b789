/* Shared by saving and loading of what a machine holds besides RAM. */
#ifndef SNAPSHOT_STATE_PRIV_H
#define SNAPSHOT_STATE_PRIV_H

#include "snapshot/state.h"

/* state_save.c */
/* Whether the guest may see the property's value. */
bool snap_prop_matters(const struct prop *p);
char *snap_prop_text(const struct prop *p, const void *obj);
/* The configuration of the first CPU, as its target tells it; g_free() it. */
char *snap_describe_cpu(struct machine *m);

#endif
