/* What this executable holds: architectures, boards, accelerators. */
#ifndef SYSTEM_REGISTRY_H
#define SYSTEM_REGISTRY_H

#include "core/machine.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdio.h>

struct arch {
    const char *name; /* "riscv64" */
    unsigned xlen;
    void (*list_cpus)(FILE *f, unsigned xlen);
    bool (*help_cpu)(const char *model, FILE *f, struct error **errp);
};
/* Ended by an entry without a name. */
extern const struct arch arch_list[];
/* NULL-terminated; of the boards of one architecture the first is its default. */
extern const struct machine_class *const machine_classes[];
extern const struct accel_ops *const accel_list[];

/* NULL with *errp, which names the nearest, when there is none. */
const struct arch *arch_find(const char *name, struct error **errp) MUST_CHECK;
const struct machine_class *machine_class_find(const char *arch, const char *name,
                                               struct error **errp) MUST_CHECK;
const struct machine_class *machine_class_default(const char *arch);
const struct accel_ops *accel_find(const char *name);
/* "riscv64, riscv32": for messages; g_free it. */
char *arch_names(void);

#endif
