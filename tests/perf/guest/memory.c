/* Memory programs: caches and TLBs of host and emulator, the C library's copying, atomics. */
#include "tests/perf/guest/bench.h"

#include <stdatomic.h>
#include <stdlib.h>

/* --- list: a chain through 8 MiB in random order --- */
uint64_t bench_list(void)
{
    enum { N = 1 << 17, WORDS = 8 };
    uint64_t *cells = bench_alloc((uint64_t)N * WORDS * 8), seed = 9, at = 0;
    for (unsigned i = 0; i < N; i++)
        cells[i * WORDS] = i;
    for (unsigned i = N - 1; i; i--) { /* one cycle.  Ref: Sattolo, 1986. */
        unsigned j = bench_random(&seed) % i;
        uint64_t t = cells[i * WORDS];
        cells[i * WORDS] = cells[j * WORDS];
        cells[j * WORDS] = t;
    }
    for (unsigned i = 0; i < 4 * N + 5; i++)
        at = cells[at * WORDS];
    free(cells);
    return at;
}

/* --- transpose: a matrix of 1024 by 1024 words, rows against columns --- */
uint64_t bench_transpose(void)
{
    enum { N = 1024 };
    uint32_t *a = bench_alloc(N * N * 4), *b = bench_alloc(N * N * 4);
    uint64_t sum = 0;
    for (unsigned i = 0; i < N * N; i++)
        a[i] = i * 2654435761u;
    for (unsigned n = 0; n < 4; n++) {
        for (unsigned i = 0; i < N; i++)
            for (unsigned j = 0; j < N; j++)
                b[j * N + i] = a[i * N + j] + n;
        uint32_t *t = a;
        a = b;
        b = t;
    }
    for (unsigned i = 0; i < N * N; i += 1023)
        sum = bench_mix(sum, a[i]);
    free(a);
    free(b);
    return sum;
}

/* --- hashmap: open addressing, 16 MiB --- */
uint64_t bench_hashmap(void)
{
    enum { BITS = 20, N = 600000 };
    struct entry {
        uint64_t key, value;
    } *map = bench_alloc(sizeof(struct entry) << BITS);
    uint64_t seed = 11, sum = 0;
    for (unsigned i = 0; i < 2 * N; i++) {
        uint64_t key = bench_random(&seed) % N + 1;
        uint32_t h = key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - BITS);
        while (map[h].key && map[h].key != key)
            h = (h + 1) & ((1 << BITS) - 1);
        map[h].key = key;
        map[h].value += i;
        sum += map[h].value;
    }
    free(map);
    return sum;
}

/* --- copy: the C library, small and large, aligned and not --- */
uint64_t bench_copy(void)
{
    enum { SIZE = 1 << 20 };
    uint8_t *a = bench_alloc(SIZE), *b = bench_alloc(SIZE);
    uint64_t seed = 13, sum = 0;
    for (unsigned i = 0; i < SIZE; i++)
        a[i] = bench_random(&seed);
    for (unsigned i = 0; i < 60000; i++) {
        unsigned n = bench_random(&seed) % (i % 16 ? 200 : 5000), from = seed >> 20 & 0xfffff,
                 to = seed >> 40 & 0xfffff;
        if (from + n <= SIZE && to + n <= SIZE)
            memmove(b + to, a + from, n);
    }
    for (unsigned i = 0; i < 60; i++) {
        memcpy(a, b, SIZE - i);
        memset(b + i * 4096, i, 8192);
    }
    for (unsigned i = 0; i < SIZE; i += 509)
        sum = bench_mix(sum, a[i]);
    free(a);
    free(b);
    return sum;
}

/* --- strings: the C library's searching and comparing --- */
uint64_t bench_strings(void)
{
    enum { SIZE = 1 << 16 };
    char *text = bench_alloc(SIZE + 1), *same = bench_alloc(SIZE + 1);
    uint64_t seed = 17, sum = 0;
    for (unsigned i = 0; i < SIZE; i++)
        same[i] = text[i] = 'a' + bench_random(&seed) % 20;
    for (unsigned i = 0; i < 60; i++) {
        sum = bench_mix(sum, strlen(text + i));
        sum = bench_mix(sum, strcmp(text + i, same + i) == 0);
        sum = bench_mix(sum, memcmp(text, same, SIZE - i) == 0);
        sum = bench_mix(sum, memchr(text, 'z', SIZE) == NULL);
        sum = bench_mix(sum, strcspn(text + i * 1000, "yz"));
        const char *found = strstr(text + i, "tsrqpo");
        sum = bench_mix(sum, found ? found - text : 0);
        same[SIZE - 1 - i] ^= 1;
    }
    free(text);
    free(same);
    return sum;
}

/* --- atomics: uncontended --- */
uint64_t bench_atomics(void)
{
    _Atomic uint64_t counter = 0, top = 0;
    _Atomic uint32_t lock = 0;
    for (uint64_t i = 0; i < 700000; i++) {
        atomic_fetch_add(&counter, i);
        atomic_fetch_or_explicit(&top, i << 7, memory_order_relaxed);
        while (atomic_exchange_explicit(&lock, 1, memory_order_acquire))
            continue;
        uint64_t old = atomic_load_explicit(&counter, memory_order_relaxed);
        atomic_compare_exchange_strong(&counter, &old, old ^ i);
        atomic_store_explicit(&lock, 0, memory_order_release);
    }
    return counter ^ top;
}
