/* Inside of the test runner. */
#ifndef SYSTEM_RUNNER_PRIV_H
#define SYSTEM_RUNNER_PRIV_H

#include "chardev/chardev.h"
#include "core/symbols.h"
#include "system/console_text.h"
#include "system/runner.h"
#include "system/screen.h"

#include <glib.h>

enum step_kind { STEP_EXPECT, STEP_OFF, STEP_RESET, STEP_SEND };
enum step_state { STEP_AHEAD, STEP_CURRENT, STEP_DONE, STEP_UNMET };
enum verdict { VERDICT_NONE, VERDICT_PASSED, VERDICT_FAILED, VERDICT_TIMED_OUT, VERDICT_ABORTED };

struct step {
    enum step_kind kind;
    enum step_state state;
    char *text;               /* as the user wrote it */
    GRegex *regex;            /* STEP_EXPECT */
    GByteArray *send;         /* STEP_SEND */
    int64_t limit_us;         /* 0: none of its own */
    int64_t begin_us, end_us; /* of the running time */
    ns_t guest_end;           /* virtual time then */
    char *matched;            /* valid UTF-8, or NULL */
};

struct fail_pattern {
    char *text; /* as the user wrote it */
    GRegex *regex;
    bool on_reset; /* @reset: regex is NULL */
};

struct vcpu_trace {
    unsigned index;
    char *text; /* lines */
};

struct runner {
    GPtrArray *steps;        /* of struct step */
    GPtrArray *fails;        /* of struct fail_pattern */
    GPtrArray *results;      /* of char *: paths */
    GPtrArray *traces;       /* of struct vcpu_trace: made at a timeout */
    struct symbols *symbols; /* NULL until needed */
    char *chardev_id;
    int64_t limit_us, step_limit_us; /* 0: none; the latter is for expectations yet to be added */
    bool has_expect;                 /* the user wrote one */

    struct machine *machine;
    struct chardev *chardev;
    struct screen *screen; /* behind the chardev, or NULL */
    struct console_text text;
    uint64_t expect_from, fail_from; /* places in the text from which is searched */
    unsigned current;                /* index of the step that is waited for */

    int64_t run_us, since_us; /* running time before the last stop; when it went on, or 0 */
    int64_t wall_begin_us;    /* since 1970 */
    guint timer, scan_timer, linger_timer;
    int64_t linger_end_us, last_output_us;

    enum verdict verdict;
    char *why;
    unsigned resets;
};

/* runner.c */
int64_t runner_now(const struct runner *r); /* running time so far, microseconds */
unsigned runner_expect_number(const struct runner *r, const struct step *step); /* from 1 */
unsigned runner_expect_count(const struct runner *r);
/* runner_script.c */
struct step *runner_add_step(struct runner *r, enum step_kind kind, const char *text);
void runner_free_step(void *step);
void runner_free_fail(void *fail);
/* runner_cpus.c: note what each vCPU is doing, and print it. */
void runner_trace_cpus(struct runner *r);
void runner_free_trace(void *trace);
/* runner_result.c: write all reports; false when one could not be written (said so already). */
bool runner_write_results(const struct runner *r);
bool runner_check_result(const char *path, struct error **errp) MUST_CHECK;

#endif
