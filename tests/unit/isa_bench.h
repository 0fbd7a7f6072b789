/* A bench with an ISA bus: devices on it, ports, and the levels of its interrupt lines. */
#ifndef TESTS_UNIT_ISA_BENCH_H
#define TESTS_UNIT_ISA_BENCH_H

#include "hw/isa/isa.h"
#include "tests/unit/bench.h"

struct isa_bench {
    struct bench *b;
    struct isa_bus *bus;
    _Atomic bool line[ISA_IRQS + ISA_EXTRA_LINES];
    _Atomic unsigned rises[ISA_IRQS + ISA_EXTRA_LINES];
};

struct isa_bench *isa_bench_new(void);
/* Plug in a device of a type, with properties "name=value" ended by NULL; realized. */
struct device *isa_bench_add(struct isa_bench *i, const struct device_type *type, ...);
void isa_bench_free(struct isa_bench *i);
void isa_out(struct isa_bench *i, unsigned port, unsigned v);
uint8_t isa_in(struct isa_bench *i, unsigned port);
uint32_t isa_read(struct isa_bench *i, unsigned port, unsigned size);
void isa_write(struct isa_bench *i, unsigned port, unsigned size, uint32_t v);
/* Run the main loop until line n has risen `rises` times in all, or a second has passed. */
bool isa_wait_rises(struct isa_bench *i, unsigned n, unsigned rises);
/* Run the main loop once, without waiting. */
void isa_run(struct isa_bench *i);

#endif
