/* The benchmark programs: each does a fixed piece of work and returns a checksum of what came out.
 */
#ifndef TESTS_PERF_GUEST_BENCH_H
#define TESTS_PERF_GUEST_BENCH_H

#include <stdint.h>
#include <string.h>

typedef uint64_t bench_fn(void);

/* integer.c */
bench_fn bench_primes, bench_mergesort, bench_bignum, bench_machine, bench_compress, bench_queens,
    bench_siphash, bench_tree, bench_divide;
/* memory.c */
bench_fn bench_list, bench_transpose, bench_hashmap, bench_copy, bench_strings, bench_atomics;
/* floating.c */
bench_fn bench_heat, bench_fft, bench_lu, bench_rays, bench_biquad, bench_horner, bench_convert;
/* system.c */
bench_fn bench_syscall, bench_pipes, bench_fork, bench_exec, bench_faults, bench_files,
    bench_signals, bench_threads;

/* Pseudo-random numbers, the same everywhere.  Ref: Marsaglia, Xorshift RNGs, 2003. */
static inline uint64_t bench_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

/* Add a word to a checksum. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t v)
{
    sum = (sum ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

static inline uint64_t bench_bits(double d)
{
    uint64_t v;
    memcpy(&v, &d, sizeof(v));
    return v;
}

/* Memory that is not there is the end. */
void *bench_alloc(uint64_t bytes);
/* The directory this program was started from, for others beside it. */
extern const char *bench_dir;

#endif
