/* Logging under -d masks (to stderr or the -D file) and user-visible messages. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum log_mask { /* bits; names for -d in log.c's table */
                LOG_IN_ASM = 1 << 0,
                LOG_OP = 1 << 1,
                LOG_OUT_ASM = 1 << 2,
                LOG_EXEC = 1 << 3,
                LOG_INT = 1 << 4,
                LOG_CPU = 1 << 5,
                LOG_MMU = 1 << 6,
                LOG_GUEST_ERRORS = 1 << 7,
                LOG_UNIMP = 1 << 8,
                LOG_STATS = 1 << 9,
                LOG_OPT = 1 << 10,
                LOG_CPU_RESET = 1 << 11,
                LOG_PAGE = 1 << 12,
                LOG_NOCHAIN = 1 << 13,
};

extern uint32_t log_mask; /* set once at start-up, read everywhere */

static inline bool log_enabled(uint32_t mask)
{
    return UNLIKELY(log_mask & mask);
}
/* Parse "a,b,c" of -d into log_mask; false and *errp (with the nearest name) for an unknown item.
 */
bool log_set_masks(const char *items, struct error **errp) MUST_CHECK;
/* Send the log to a file (-D; %d in the name becomes the process id). */
bool log_set_file(const char *path, struct error **errp) MUST_CHECK;
/* -dfilter: FIRST..LAST, FIRST+LENGTH or LAST-LENGTH, several with commas between: records about
 * code are only wanted for these addresses. */
bool log_set_filter(const char *ranges, struct error **errp) MUST_CHECK;
/* Whether code of len bytes at pc is wanted; all is without a filter. */
bool log_wants_code(uint64_t pc, uint64_t len);
/* -msg: begin each message on stderr with the time, and the guest's name (NULL: without). */
void log_set_message_head(bool timestamp, const char *guest_name);
/* Print the items of -d with a line of help each. */
void log_print_help(FILE *f);
/* Write to the log if any bit of mask is on; whole lines, atomically between threads. */
void log_printf(uint32_t mask, const char *fmt, ...) PRINTF(2, 3);
/* Begin/end a multi-line record that no other thread may interrupt; log_file() is valid between. */
FILE *log_begin(void);
void log_end(void);
void log_guest_error(const char *fmt, ...)
    PRINTF(1, 2); /* under -d guest_errors: the guest broke a rule */
void log_unimp(const char *fmt, ...)
    PRINTF(1, 2); /* under -d unimp: real hardware would do more here */
void log_warn(const char *fmt, ...) PRINTF(1, 2); /* "tinamou: warning: ..." on stderr */
void log_info(const char *fmt, ...) PRINTF(1, 2); /* "tinamou: ..." on stderr */

#endif
