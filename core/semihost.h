/*
 * Semihosting: a program without an operating system calls the host for files, a console, time and
 * its exit status.  Ref: Semihosting for AArch32 and AArch64, version 2.0 (Arm), which other
 * architectures use with their own way to call.
 *
 * Whoever runs such a guest trusts it with his files.
 */
#ifndef CORE_SEMIHOST_H
#define CORE_SEMIHOST_H

#include "core/cpu.h"

#include <stddef.h>

struct semihost;

/* Where ":tt" leads.  Called on a vCPU's thread, must not wait. */
struct semihost_console {
    void (*write)(void *opaque, const uint8_t *buf, size_t n);
    /* Take what has come, at most n bytes; 0: nothing yet.  NULL: there is no input. */
    size_t (*read)(void *opaque, uint8_t *buf, size_t n);
    void *opaque;
};

/* command_line: what the program gets as its arguments; both are copied.  console NULL: the host's
 * standard output. */
struct semihost *semihost_new(struct machine *m, const char *command_line, bool from_user_mode,
                              const struct semihost_console *console);
void semihost_free(struct semihost *s);
/* Whether calls from user mode are served. */
bool semihost_serves_user(const struct semihost *s);
/* Operation op with the parameter arg, of a guest whose words have `word` bytes; on the vCPU's
 * thread.  False: not done yet, the guest must come again with the same call. */
bool semihost_call(struct cpu *cpu, unsigned word, uint32_t op, uint64_t arg, uint64_t *result);

#endif
