/* Annotated mutex, condition variable and threads over pthreads; misuse of our own locks aborts. */
#include "util/thread.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

static __thread unsigned held;

int64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
}

/* Error-checking mutexes know their owner, so a device that reaches its own registers is found out.
 */
void mutex_init(struct mutex *m)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    int ret = pthread_mutex_init(&m->m, &attr);
    assert(ret == 0);
    pthread_mutexattr_destroy(&attr);
}

void mutex_fini(struct mutex *m)
{
    int ret = pthread_mutex_destroy(&m->m);

    assert(ret == 0);
}

void mutex_lock(struct mutex *m) NO_THREAD_ANALYSIS
{
    int ret = pthread_mutex_lock(&m->m);

    assert(ret == 0);
    held++;
}

void mutex_unlock(struct mutex *m) NO_THREAD_ANALYSIS
{
    int ret = pthread_mutex_unlock(&m->m);

    assert(ret == 0);
    held--;
}

bool mutex_try_lock(struct mutex *m) NO_THREAD_ANALYSIS
{
    int ret = pthread_mutex_trylock(&m->m);

    assert(ret == 0 || ret == EBUSY);
    held += ret == 0;
    return ret == 0;
}

enum mutex_result mutex_lock_for(struct mutex *m, int64_t ns)
{
    struct timespec until = to_timespec(monotonic_ns() + ns);
    int ret = pthread_mutex_clocklock(&m->m, CLOCK_MONOTONIC, &until);

    if (ret == EDEADLK)
        return MUTEX_OWN;
    if (ret == ETIMEDOUT)
        return MUTEX_TIMEOUT;
    assert(ret == 0);
    held++;
    return MUTEX_LOCKED;
}

unsigned mutex_held_count(void)
{
    return held;
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int ret = pthread_cond_init(&c->c, &attr);
    assert(ret == 0);
    pthread_condattr_destroy(&attr);
}

void cond_fini(struct cond *c)
{
    pthread_cond_destroy(&c->c);
}

void cond_wait(struct cond *c, struct mutex *m)
{
    int ret = pthread_cond_wait(&c->c, &m->m);

    assert(ret == 0);
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t deadline_ns)
{
    struct timespec until = to_timespec(deadline_ns < 0 ? 0 : deadline_ns);
    int ret = pthread_cond_timedwait(&c->c, &m->m, &until);

    assert(ret == 0 || ret == ETIMEDOUT);
    return ret == 0;
}

void cond_signal(struct cond *c)
{
    pthread_cond_signal(&c->c);
}

void cond_broadcast(struct cond *c)
{
    pthread_cond_broadcast(&c->c);
}

/* Process-directed signals belong to the main thread; synchronous ones (SIGSEGV, SIGBUS) cannot
 * wait. */
static void block_async_signals(sigset_t *old)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

pthread_t thread_start(const char *name, void *(*fn)(void *), void *arg)
{
    char short_name[16];
    sigset_t old;
    pthread_t t;

    block_async_signals(&old);
    int ret = pthread_create(&t, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ret != 0)
        g_error("could not start thread '%s': %s", name, g_strerror(ret));
    g_strlcpy(short_name, name, sizeof(short_name));
    pthread_setname_np(t, short_name);
    return t;
}
