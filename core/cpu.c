/* What every virtual CPU has: requests, the work queue, parking, sleeping, interrupt lines, a
 * thread. */
#include "core/cpu.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

static __thread struct cpu *current;

struct cpu *cpu_current(void)
{
    return current;
}

void cpu_set_current(struct cpu *cpu)
{
    current = cpu;
}

void cpu_init(struct cpu *cpu, const struct cpu_ops *ops, struct machine *m, unsigned index)
{
    cpu->ops = ops;
    cpu->machine = m;
    cpu->index = index;
    cpu->started = true;
    mutex_init(&cpu->lock);
    cond_init(&cpu->wake);
}

void cpu_fini(struct cpu *cpu)
{
    while (cpu->work) {
        struct cpu_work *w = cpu->work;
        cpu->work = w->next;
        g_free(w);
    }
    cond_fini(&cpu->wake);
    mutex_fini(&cpu->lock);
}

static uint32_t requests(struct cpu *cpu)
{
    return atomic_load_explicit(&cpu->request, memory_order_seq_cst);
}

static void clear_requests(struct cpu *cpu, uint32_t bits)
{
    atomic_fetch_and_explicit(&cpu->request, ~bits, memory_order_seq_cst);
}

static void wake(struct cpu *cpu)
{
    mutex_lock(&cpu->lock);
    cond_broadcast(&cpu->wake);
    mutex_unlock(&cpu->lock);
}

/* Set the bits, then look for a sleeper; cpu_sleep() says that it sleeps, then looks for bits: one
 * sees the other. */
void cpu_request(struct cpu *cpu, uint32_t bits)
{
    atomic_fetch_or_explicit(&cpu->request, bits, memory_order_seq_cst);
    if (atomic_load_explicit(&cpu->sleeping, memory_order_seq_cst))
        wake(cpu);
}

void cpu_irq_set(void *opaque, unsigned n, bool level)
{
    struct cpu *cpu = opaque;
    uint64_t bit = UINT64_C(1) << (n & 63);

    if (!level) {
        atomic_fetch_and_explicit(&cpu->irq_lines, ~bit, memory_order_seq_cst);
        return;
    }
    if (atomic_fetch_or_explicit(&cpu->irq_lines, bit, memory_order_seq_cst) & bit)
        return;
    cpu_request(cpu, CPU_REQ_IRQ);
    if (current && current != cpu) {
        current->interrupted = cpu;
        current->interrupted_line = bit;
        atomic_fetch_or_explicit(&current->request, CPU_REQ_SENT, memory_order_relaxed);
    }
}

static bool may_run(struct cpu *cpu)
{
    return cpu->started && cpu->ops->has_work(cpu);
}

static void sleep_until(struct cpu *cpu, bool work)
{
    mutex_lock(&cpu->lock);
    atomic_store_explicit(&cpu->sleeping, true, memory_order_seq_cst);
    while (!requests(cpu) && !(work && may_run(cpu)))
        cond_wait(&cpu->wake, &cpu->lock);
    atomic_store_explicit(&cpu->sleeping, false, memory_order_relaxed);
    mutex_unlock(&cpu->lock);
}

void cpu_sleep(struct cpu *cpu)
{
    sleep_until(cpu, true);
}

void cpu_wait(struct cpu *cpu)
{
    sleep_until(cpu, false);
}

/* Append to the queue, and wake the vCPU even while it is parked; false when it has no thread. */
static bool enqueue(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *arg)
{
    mutex_lock(&cpu->lock);
    bool running = cpu->thread_running;
    if (running) {
        struct cpu_work *w = g_new0(struct cpu_work, 1), **p = &cpu->work;
        *w = (struct cpu_work){fn, arg, NULL};
        while (*p)
            p = &(*p)->next;
        *p = w;
        atomic_fetch_or_explicit(&cpu->request, CPU_REQ_WORK, memory_order_seq_cst);
        cond_broadcast(&cpu->wake);
    }
    mutex_unlock(&cpu->lock);
    return running;
}

void cpu_run_async(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *arg)
{
    if (!enqueue(cpu, fn, arg))
        fn(cpu, arg);
}

struct sync_work {
    void (*fn)(struct cpu *cpu, void *arg);
    void *arg;
    bool done; /* guarded by cpu->lock */
};

static void run_and_tell(struct cpu *cpu, void *arg)
{
    struct sync_work *s = arg;

    s->fn(cpu, s->arg);
    mutex_lock(&cpu->lock);
    s->done = true;
    cond_broadcast(&cpu->wake);
    mutex_unlock(&cpu->lock);
}

void cpu_run_sync(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *arg)
{
    struct sync_work s = {fn, arg, false};

    if (cpu == current || !enqueue(cpu, run_and_tell, &s)) {
        fn(cpu, arg);
        return;
    }
    mutex_lock(&cpu->lock);
    while (!s.done)
        cond_wait(&cpu->wake, &cpu->lock);
    mutex_unlock(&cpu->lock);
}

static struct cpu_work *take_work(struct cpu *cpu)
{
    mutex_lock(&cpu->lock);
    struct cpu_work *w = cpu->work;
    cpu->work = NULL;
    clear_requests(cpu, CPU_REQ_WORK);
    mutex_unlock(&cpu->lock);
    return w;
}

static void run_work(struct cpu *cpu)
{
    for (struct cpu_work *w = take_work(cpu), *next; w; w = next) {
        next = w->next;
        w->fn(cpu, w->arg);
        g_free(w);
    }
}

/* Wait while stopped, but come out for queued work and to quit. */
static void park(struct cpu *cpu)
{
    mutex_lock(&cpu->lock);
    cpu->parked = true;
    atomic_store_explicit(&cpu->sleeping, true, memory_order_seq_cst);
    cond_broadcast(&cpu->wake);
    while ((requests(cpu) & (CPU_REQ_STOP | CPU_REQ_WORK | CPU_REQ_QUIT)) == CPU_REQ_STOP)
        cond_wait(&cpu->wake, &cpu->lock);
    atomic_store_explicit(&cpu->sleeping, false, memory_order_relaxed);
    cpu->parked = false;
    mutex_unlock(&cpu->lock);
}

bool cpu_handle_requests(struct cpu *cpu)
{
    for (;;) {
        uint32_t req = requests(cpu);
        if (req & CPU_REQ_QUIT)
            return false;
        if (req & CPU_REQ_WORK)
            run_work(cpu);
        else if (req & CPU_REQ_STOP)
            park(cpu);
        else
            return true;
    }
}

static void do_reset(struct cpu *cpu, void *arg UNUSED)
{
    cpu->halted = cpu->start_off;
    cpu->started = !cpu->start_off;
    if (cpu->ops->reset)
        cpu->ops->reset(cpu);
}

void cpu_reset(struct cpu *cpu)
{
    cpu_run_sync(cpu, do_reset, NULL);
}

static void do_power_on(struct cpu *cpu, void *arg UNUSED)
{
    cpu->halted = false;
    cpu->started = true;
}

void cpu_power_on(struct cpu *cpu)
{
    cpu_run_async(cpu, do_power_on, NULL);
}

void cpu_stop(struct cpu *cpu)
{
    cpu_request(cpu, CPU_REQ_STOP);
}

void cpu_wait_parked(struct cpu *cpu)
{
    assert(cpu != current);
    mutex_lock(&cpu->lock);
    while (cpu->thread_running && !cpu->parked)
        cond_wait(&cpu->wake, &cpu->lock);
    mutex_unlock(&cpu->lock);
}

void cpu_resume(struct cpu *cpu)
{
    mutex_lock(&cpu->lock);
    clear_requests(cpu, CPU_REQ_STOP);
    cond_broadcast(&cpu->wake);
    mutex_unlock(&cpu->lock);
}

struct start {
    struct cpu *cpu;
    void (*body)(struct cpu *cpu);
};

/* Take leave, unless work has arrived that somebody may wait for. */
static bool leave(struct cpu *cpu)
{
    mutex_lock(&cpu->lock);
    cpu->thread_running = cpu->work;
    bool done = !cpu->thread_running;
    cond_broadcast(&cpu->wake);
    mutex_unlock(&cpu->lock);
    return done;
}

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;

    g_free(arg);
    cpu_set_current(start.cpu);
    start.body(start.cpu);
    while (!leave(start.cpu))
        run_work(start.cpu);
    return NULL;
}

void cpu_thread_start(struct cpu *cpu, void (*body)(struct cpu *cpu))
{
    char name[16];
    struct start *start = g_new(struct start, 1);

    *start = (struct start){cpu, body};
    g_snprintf(name, sizeof(name), "CPU %u", cpu->index);
    mutex_lock(&cpu->lock);
    cpu->thread_running = true;
    mutex_unlock(&cpu->lock);
    cpu->thread = thread_start(name, thread_main, start);
}

void cpu_thread_join(struct cpu *cpu)
{
    pthread_join(cpu->thread, NULL);
    clear_requests(cpu, CPU_REQ_QUIT);
}
