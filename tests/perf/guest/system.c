/* Programs that keep the kernel busy: system calls, processes, page faults, signals, threads. */
#include "tests/perf/guest/bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

/* --- syscall: the shortest way into the kernel and back --- */
uint64_t bench_syscall(void)
{
    long first = syscall(SYS_getppid), same = 0;
    for (unsigned i = 0; i < 200000; i++)
        same += syscall(SYS_getppid) == first;
    return same;
}

/* --- pipes: two processes that wait for each other --- */
static void answer(int in, int out)
{
    uint64_t v;
    while (read(in, &v, sizeof(v)) == sizeof(v)) {
        v = bench_mix(v, 1);
        must(write(out, &v, sizeof(v)) == sizeof(v), "write");
    }
    _exit(0);
}

uint64_t bench_pipes(void)
{
    int there[2], back[2];
    must(!pipe(there) && !pipe(back), "pipe");
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (!pid) {
        close(there[1]);
        answer(there[0], back[1]);
    }
    uint64_t v = 1;
    for (unsigned i = 0; i < 8000; i++)
        must(write(there[1], &v, sizeof(v)) == sizeof(v) &&
                 read(back[0], &v, sizeof(v)) == sizeof(v),
             "pipe");
    close(there[1]);
    waitpid(pid, NULL, 0);
    close(there[0]), close(back[0]), close(back[1]);
    return v;
}

/* --- fork: children that write to a copy and leave --- */
uint64_t bench_fork(void)
{
    enum { BYTES = 256 << 10 };
    uint8_t *data = bench_alloc(BYTES);
    uint64_t sum = 0;
    memset(data, 1, BYTES);
    for (unsigned i = 0; i < 250; i++) {
        int status = 0;
        pid_t pid = fork();
        must(pid >= 0, "fork");
        if (!pid) {
            for (unsigned k = 0; k < BYTES; k += 16384)
                data[k] += i;
            _exit((data[0] + data[16384]) & 0x7f);
        }
        waitpid(pid, &status, 0);
        sum = bench_mix(sum, WEXITSTATUS(status));
    }
    free(data);
    return sum;
}

/* --- exec: a program with shared libraries, at other addresses each time --- */
uint64_t bench_exec(void)
{
    char path[4096], number[16];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "%s/shared", bench_dir);
    for (unsigned i = 0; i < 60; i++) {
        int status = 0;
        snprintf(number, sizeof(number), "%u", i);
        pid_t pid = fork();
        must(pid >= 0, "fork");
        if (!pid) {
            execl(path, path, number, (char *)NULL);
            _exit(127);
        }
        waitpid(pid, &status, 0);
        sum = bench_mix(sum, WEXITSTATUS(status));
    }
    return sum;
}

/* --- faults: pages mapped, touched, protected, given back --- */
uint64_t bench_faults(void)
{
    enum { PAGE = 4096, PAGES = 512 };
    uint64_t sum = 0;
    for (unsigned n = 0; n < 30; n++) {
        uint8_t *p =
            mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(p != MAP_FAILED, "mmap");
        madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
        for (unsigned i = 0; i < PAGES; i++)
            p[i * PAGE + n] = i;
        must(!mprotect(p, PAGES * PAGE / 2, PROT_READ), "mprotect");
        for (unsigned i = 0; i < PAGES; i++)
            sum += p[i * PAGE + n];
        munmap(p, PAGES * PAGE);
    }
    return sum;
}

/* --- files: small ones made, written, read, removed --- */
uint64_t bench_files(void)
{
    char block[4096], path[] = "/tmp/bench-XXXXXX";
    uint64_t sum = 0;
    int first = mkstemp(path);
    must(first >= 0, "mkstemp");
    close(first);
    for (unsigned i = 0; i < 400; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        must(fd >= 0, path);
        memset(block, i, sizeof(block));
        for (unsigned k = 0; k < 8; k++)
            must(write(fd, block, sizeof(block)) == sizeof(block), "write");
        lseek(fd, 4096 * (i % 8), SEEK_SET);
        must(read(fd, block, sizeof(block)) == sizeof(block), "read");
        sum = bench_mix(sum, (uint8_t)block[i]);
        close(fd);
        unlink(path);
    }
    return sum;
}

/* --- signals: to itself --- */
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    handled += number == SIGUSR1;
}

uint64_t bench_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal}, old;
    handled = 0;
    sigaction(SIGUSR1, &act, &old);
    for (unsigned i = 0; i < 10000; i++)
        raise(SIGUSR1);
    sigaction(SIGUSR1, &old, NULL);
    return handled;
}

/* --- threads: four that take turns at a mutex and a condition --- */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t sum;
    unsigned next;
} table = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

static void *guest_thread(void *arg)
{
    unsigned self = (uintptr_t)arg;
    pthread_mutex_lock(&table.lock);
    for (unsigned i = 0; i < 800; i++) {
        while (table.next != self)
            pthread_cond_wait(&table.turn, &table.lock);
        table.sum = bench_mix(table.sum, self);
        table.next = (self + 1) % 4;
        pthread_cond_broadcast(&table.turn);
    }
    pthread_mutex_unlock(&table.lock);
    return NULL;
}

uint64_t bench_threads(void)
{
    pthread_t id[4];
    table.sum = table.next = 0;
    for (uintptr_t i = 0; i < 4; i++)
        must(!pthread_create(&id[i], NULL, guest_thread, (void *)i), "pthread_create");
    for (unsigned i = 0; i < 4; i++)
        pthread_join(id[i], NULL);
    return table.sum;
}
