/*
 * Benchmark programs of a guest, in one executable.
 *
 *   bench --list       a line each: group, name
 *   bench NAME...      runs them; each prints "START NAME" and "DONE NAME CHECKSUM"
 *
 * Around each line it sleeps, so that who reads the lines can take times without being late.
 */
#include "tests/perf/guest/bench.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_US = 30000 };

static const struct program {
    const char *group, *name;
    bench_fn *run;
    unsigned times; /* so that each takes some tenths of a second */
} programs[] = {
    {"integer", "primes", bench_primes, 4},      {"integer", "mergesort", bench_mergesort, 5},
    {"integer", "bignum", bench_bignum, 30},     {"integer", "machine", bench_machine, 4},
    {"integer", "compress", bench_compress, 2},  {"integer", "queens", bench_queens, 80},
    {"integer", "siphash", bench_siphash, 12},   {"integer", "tree", bench_tree, 5},
    {"integer", "divide", bench_divide, 25},     {"memory", "list", bench_list, 1},
    {"memory", "transpose", bench_transpose, 2}, {"memory", "hashmap", bench_hashmap, 1},
    {"memory", "copy", bench_copy, 12},          {"memory", "strings", bench_strings, 10},
    {"memory", "atomics", bench_atomics, 15},    {"floating", "heat", bench_heat, 40},
    {"floating", "fft", bench_fft, 25},          {"floating", "lu", bench_lu, 45},
    {"floating", "rays", bench_rays, 60},        {"floating", "biquad", bench_biquad, 45},
    {"floating", "horner", bench_horner, 60},    {"floating", "convert", bench_convert, 60},
    {"system", "syscall", bench_syscall, 3},     {"system", "pipes", bench_pipes, 2},
    {"system", "fork", bench_fork, 1},           {"system", "exec", bench_exec, 1},
    {"system", "faults", bench_faults, 1},       {"system", "files", bench_files, 3},
    {"system", "signals", bench_signals, 1},     {"system", "threads", bench_threads, 3},
};
enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

const char *bench_dir;

void *bench_alloc(uint64_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p) {
        perror("bench");
        exit(1);
    }
    return p;
}

static void say(const char *line)
{
    usleep(PAUSE_US);
    printf("%s\n", line);
    fflush(stdout);
    usleep(PAUSE_US);
}

static uint64_t run_times(const struct program *p)
{
    uint64_t sum = 0;
    for (unsigned n = 0; n < p->times; n++)
        sum = bench_mix(sum, p->run());
    return sum;
}

static int run(const char *name)
{
    char line[80];
    for (unsigned i = 0; i < PROGRAMS; i++) {
        if (strcmp(programs[i].name, name))
            continue;
        snprintf(line, sizeof(line), "START %s", name);
        say(line);
        snprintf(line, sizeof(line), "DONE %s %016" PRIx64, name, run_times(&programs[i]));
        say(line);
        return 0;
    }
    fprintf(stderr, "bench: no program '%s'; --list shows them\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    int status = 0;
    char *path = strdup(argv[0]);
    bench_dir = dirname(path);
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (unsigned i = 0; i < PROGRAMS; i++)
            printf("%s %s\n", programs[i].group, programs[i].name);
        argc = 1;
    }
    for (int i = 1; i < argc; i++)
        status |= run(argv[i]);
    free(path);
    return status;
}
