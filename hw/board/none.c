/* A machine without anything: what tools start that only ask what this emulator can do. */
#include "core/machine.h"
#include "hw/board/boards.h"

static bool none_init(struct machine *m UNUSED, struct error **errp UNUSED)
{
    return true;
}

#define NONE_CLASS(a)                                                                              \
    {                                                                                              \
        .name = "none", .desc = "empty machine", .arch = a, .max_cpus = 1,                         \
        .default_ram = 128 << 20, .size = sizeof(struct machine), .init = none_init                \
    }

const struct machine_class riscv64_none_class = NONE_CLASS("riscv64");
const struct machine_class riscv32_none_class = NONE_CLASS("riscv32");
const struct machine_class aarch64_none_class = NONE_CLASS("aarch64");
const struct machine_class arm_none_class = NONE_CLASS("arm");
const struct machine_class x86_64_none_class = NONE_CLASS("x86_64");
const struct machine_class i386_none_class = NONE_CLASS("i386");
