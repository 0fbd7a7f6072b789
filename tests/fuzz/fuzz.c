/*
 * Runs a harness without libFuzzer: on files, or on random changes of a corpus for some seconds.
 *
 *   fuzz_NAME FILE...
 *   fuzz_NAME --seconds N [--seed S] [--corpus DIR]
 *   fuzz_NAME --write-seeds DIR          inputs that another fuzzer may begin with
 *
 * An input that crashes, or takes longer than TIME_LIMIT seconds, is written to
 * crash-NAME-SEED before the program ends.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIME_LIMIT = 30, KEEP = 256, SEEDS = 8 };

static struct input {
    uint8_t data[FUZZ_MAX];
    size_t len;
} now, pool[KEEP];
static unsigned npool;
static char crash_path[256];

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Sanitizers must end in SIGABRT, so that the input is saved. */
const char *__asan_default_options(void)
{
    return "abort_on_error=1:handle_abort=0:handle_segv=0:detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

uint64_t fuzz_take(struct fuzz_in *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
        v |= (uint64_t)*in->p++ << 8 * i;
    return v;
}

static void save_input(int sig)
{
    int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0 && write(fd, now.data, now.len) == (ssize_t)now.len &&
        write(STDERR_FILENO, crash_path, strlen(crash_path)) > 0)
        (void)!write(STDERR_FILENO, ": the input that did it\n", 24);
    signal(sig, SIG_DFL);
    raise(sig);
}

static uint64_t next_random(uint64_t *s)
{
    uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static bool read_input(const char *path, struct input *in)
{
    g_autofree char *text = NULL;
    gsize len;
    if (!g_file_get_contents(path, &text, &len, NULL))
        return false;
    in->len = MIN(len, FUZZ_MAX);
    memcpy(in->data, text, in->len);
    return true;
}

static void read_corpus(const char *dir)
{
    GDir *d = dir ? g_dir_open(dir, 0, NULL) : NULL;
    const char *name;
    while (d && npool < KEEP / 2 && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        npool += read_input(path, &pool[npool]);
    }
    if (d)
        g_dir_close(d);
}

static void replace_bytes(struct input *in, uint64_t r)
{
    static const uint64_t interesting[] = {
        0,          1,          0x7f,       0x80, 0xff,       0x7fff,     0x8000, 0xffff,
        0x7fffffff, 0x80000000, 0xffffffff, 4096, ~0ull >> 1, 1ull << 63, ~0ull,  16};
    unsigned size = 1u << (r & 3);
    uint64_t v = interesting[r >> 2 & 15];
    size_t at = in->len ? (r >> 8) % in->len : 0;
    if (r >> 60 == 0)
        v = __builtin_bswap64(v) >> (64 - 8 * size);
    if (at + size <= in->len)
        memcpy(in->data + at, &v, size);
}

static void move_piece(struct input *in, const struct input *from, uint64_t r)
{
    size_t src = from->len ? (r & 0xffff) % from->len : 0;
    size_t n = MIN((r >> 16) % 64 + 1, from->len - src);
    size_t at = (r >> 32) % (in->len + 1);
    n = MIN(n, FUZZ_MAX - at);
    memmove(in->data + at, from->data + src, n);
    in->len = MAX(in->len, at + n);
}

static void cut_out(struct input *in, uint64_t r)
{
    size_t at = in->len ? (r & 0xffff) % in->len : 0;
    size_t n = MIN((r >> 16) % 32 + 1, in->len - at);
    memmove(in->data + at, in->data + at + n, in->len - at - n);
    in->len -= n;
}

static void change(struct input *in, uint64_t *rng)
{
    uint64_t r = next_random(rng);
    switch (next_random(rng) % 8) {
    case 0:
    case 1:
        if (in->len)
            in->data[(r >> 8) % in->len] ^= 1u << (r & 7);
        break;
    case 2:
    case 3:
        if (in->len)
            in->data[(r >> 8) % in->len] = r;
        break;
    case 4:
    case 5: replace_bytes(in, r); break;
    case 6: move_piece(in, npool ? &pool[r >> 48 & (npool - 1)] : in, r); break;
    case 7: cut_out(in, r); break;
    }
}

static void run_now(void)
{
    alarm(TIME_LIMIT);
    LLVMFuzzerTestOneInput(now.data, now.len);
    alarm(0);
}

/* Some inputs stay in the pool, at random: changes add up. */
static unsigned long run_for(double seconds, uint64_t seed)
{
    uint64_t rng = seed;
    unsigned long runs = 0;
    gint64 end = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);
    for (; runs < npool; runs++) { /* the corpus itself: what once crashed must not do so again */
        now = pool[runs];
        run_now();
    }
    for (; g_get_monotonic_time() < end; runs++) {
        uint64_t r = next_random(&rng);
        if (!npool || r % 4 == 0)
            now.len = fuzz_seed(next_random(&rng), now.data);
        else
            now = pool[(r >> 8) % npool];
        for (unsigned n = (r >> 32) % 16; n; n--)
            change(&now, &rng);
        run_now();
        if (r >> 40 & 3)
            continue;
        pool[npool < KEEP ? npool : (r >> 44) % KEEP] = now;
        npool += npool < KEEP;
    }
    return runs;
}

static bool write_seeds(const char *dir, uint64_t seed)
{
    uint64_t rng = seed;
    for (unsigned i = 0; i < SEEDS; i++) {
        g_autofree char *name = g_strdup_printf("seed-%u", i);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        size_t len = fuzz_seed(next_random(&rng), now.data);
        if (!g_file_set_contents(path, (const char *)now.data, (gssize)len, NULL))
            return false;
    }
    return true;
}

static void catch_crashes(const char *argv0, uint64_t seed)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGALRM};
    g_autofree char *name = g_path_get_basename(argv0);
    snprintf(crash_path, sizeof(crash_path), "crash-%s-%lu", name, (unsigned long)seed);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        signal(signals[i], save_input);
}

int main(int argc, char **argv)
{
    double seconds = 0;
    gint64 seed = 1;
    g_autofree char *corpus = NULL, *seeds = NULL;
    const GOptionEntry entries[] = {
        {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "run that long", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of the random changes (1)", "S"},
        {"corpus", 0, 0, G_OPTION_ARG_FILENAME, &corpus, "inputs to begin with", "DIR"},
        {"write-seeds", 0, 0, G_OPTION_ARG_FILENAME, &seeds, "write some inputs there", "DIR"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) ctx = g_option_context_new("[FILE...]");
    g_autoptr(GError) err = NULL;
    g_option_context_add_main_entries(ctx, entries, NULL);
    if (!g_option_context_parse(ctx, &argc, &argv, &err)) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    catch_crashes(argv[0], seed);
    for (int i = 1; i < argc; i++) {
        if (!read_input(argv[i], &now)) {
            fprintf(stderr, "%s: cannot read it\n", argv[i]);
            return 1;
        }
        run_now();
    }
    if (seeds && !write_seeds(seeds, seed)) {
        fprintf(stderr, "%s: cannot write seeds there\n", seeds);
        return 1;
    }
    read_corpus(corpus);
    if (seconds > 0)
        fprintf(stderr, "%lu inputs\n", run_for(seconds, seed));
    return 0;
}
