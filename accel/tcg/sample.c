/*
 * Which loops are busy: a timer that counts the vCPU thread's processor time sets a request; the
 * next poll, at a jump back, leaves translated code with the pc of the loop head that comes next.
 * An idle vCPU uses no processor time, so the timer does not wake it.
 */
#include "accel/tcg/tcg_priv.h"
#include "util/log.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLE_NS = 1000000, HOT_SAMPLES = 2 };
#define SAMPLE_SIGNAL (SIGRTMIN + 3)

struct sampler {
    timer_t timer;
};

/* On the vCPU's thread, between any two instructions: atomics only. */
static void on_signal(int sig UNUSED, siginfo_t *info, void *context UNUSED)
{
    struct tcg_vcpu *v = info->si_value.sival_ptr;
    atomic_fetch_or_explicit(&v->todo, TODO_SAMPLE, memory_order_relaxed);
    atomic_fetch_or_explicit(&v->cpu->request, CPU_REQ_ACCEL, memory_order_relaxed);
}

struct sampler *sampler_new(struct tcg_vcpu *v)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SAMPLE_SIGNAL, &act, NULL);
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, SAMPLE_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SAMPLE_SIGNAL};
    event.sigev_value.sival_ptr = v;
    event._sigev_un._tid = gettid();
    struct itimerspec every = {{0, SAMPLE_NS}, {0, SAMPLE_NS}};
    g_autofree struct sampler *s = g_new0(struct sampler, 1);
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &s->timer)) {
        log_warn("no timer to find busy loops with (%s): they run slower", strerror(errno));
        return NULL;
    }
    timer_settime(s->timer, 0, &every, NULL);
    return g_steal_pointer(&s);
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    timer_delete(s->timer);
    g_free(s);
}

bool sample_is_hot(struct tcg_vcpu *v, gva pc, const struct unit *u)
{
    struct hot *h = &v->hot[(pc >> 1 ^ pc >> 7) % HOT_SLOTS];
    v->stats.samples++;
    if (h->pc != pc || h->mode != u->mode)
        *h = (struct hot){.pc = pc, .mode = u->mode};
    return ++h->seen >= HOT_SAMPLES;
}
