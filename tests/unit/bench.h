/* A bench for one device: a machine with nothing but RAM, its interrupt level, and registers under
 * its lock. */
#ifndef TESTS_UNIT_BENCH_H
#define TESTS_UNIT_BENCH_H

#include "core/device.h"
#include "core/machine.h"

enum { BENCH_RAM_SIZE = 16 << 20 };
static const gpa BENCH_RAM = 0x80000000;

struct bench {
    struct machine *m;
    struct ram_block *ram;
    struct mem_region ram_region;
    struct device *dev;
    _Atomic bool irq; /* level of dev->irq; workers set it, too */
    unsigned rises;
};

/* A machine without a device. */
struct bench *bench_new_empty(void);
/* With one device, realized when it needs no properties. */
struct bench *bench_new(const struct device_type *type);
/* With one device that is set up by the caller before bench_realize(). */
struct bench *bench_new_raw(const struct device_type *type);
void bench_set(struct bench *b, const char *prop, const char *value);
void bench_realize(struct bench *b);
void bench_free(struct bench *b);
/* Registers; the plain forms access 4 bytes. */
uint64_t bench_read(struct bench *b, uint64_t off, unsigned size);
void bench_write(struct bench *b, uint64_t off, unsigned size, uint64_t val);
uint64_t bench_peek(struct bench *b, uint64_t off, unsigned size);
uint8_t bench_rd(struct bench *b, uint64_t off); /* one byte */
void bench_wr(struct bench *b, uint64_t off, uint8_t val);
/* Input at the device's chardev property: how many bytes it took. */
size_t bench_type(struct bench *b, const char *text);
/* Let the main loop run until cond(arg) or half a second has passed; whether cond came true. */
bool bench_wait(bool (*cond)(void *arg), void *arg);
bool bench_irq_is_high(void *bench);

#endif
