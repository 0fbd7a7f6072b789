/*
 * What happened to the machine, for whoever watches it from outside (QMP events, the test runner).
 *
 * A source anywhere says event_emit("STOP", NULL) or event_emit("SHUTDOWN", "{\"guest\": %s}",
 * ...); watchers hear of it in the main loop, in order.  Names and data are those of QMP.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "util/annot.h"

#include <stdint.h>

/* data: a JSON object as text, or NULL; wall_us: when it happened, microseconds since 1970. */
typedef void event_fn(void *opaque, const char *name, const char *data, int64_t wall_us);

/* Watch from now on; main loop's thread only, as is the end of it. */
void event_watch(event_fn *fn, void *opaque);
void event_unwatch(event_fn *fn, void *opaque);
/* Say that something happened; fmt makes the data object, or is NULL.  Any thread, any lock held;
 * costs an atomic load when nobody watches. */
void event_emit(const char *name, const char *fmt, ...) PRINTF(2, 3);
/* Deliver now what is queued: before the process ends.  Main loop's thread. */
void event_flush(void);

#endif
