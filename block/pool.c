/* A few worker threads that take requests from one queue. */
#include "block/block_priv.h"

enum { THREADS = 16 };

static struct {
    struct mutex lock; /* a leaf: guards all */
    struct cond work;
    struct block_req *first, **last;
    pthread_t thread[THREADS];
    unsigned started, idle;
    bool quit;
} pool = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .work = {PTHREAD_COND_INITIALIZER}};

/* The next request, or NULL to quit. */
static struct block_req *next_req(void)
{
    mutex_lock(&pool.lock);
    while (!pool.first && !pool.quit) {
        pool.idle++;
        cond_wait(&pool.work, &pool.lock);
        pool.idle--;
    }
    struct block_req *req = pool.first;
    if (req)
        pool.first = req->next;
    mutex_unlock(&pool.lock);
    return req;
}

static void *worker(void *arg UNUSED)
{
    struct block_req *req;

    while ((req = next_req()))
        block_run(req);
    return NULL;
}

void pool_submit(struct block_req *req)
{
    req->next = NULL;
    mutex_lock(&pool.lock);
    if (pool.first)
        *pool.last = req;
    else
        pool.first = req;
    pool.last = &req->next;
    if (!pool.idle && pool.started < THREADS) {
        pool.thread[pool.started] = thread_start("block", worker, NULL);
        pool.started++;
    }
    cond_signal(&pool.work);
    mutex_unlock(&pool.lock);
}

/* The queue is empty by now: every node was drained. */
void pool_stop(void)
{
    mutex_lock(&pool.lock);
    pool.quit = true;
    cond_broadcast(&pool.work);
    mutex_unlock(&pool.lock);
    for (unsigned i = 0; i < pool.started; i++)
        pthread_join(pool.thread[i], NULL);
    pool.started = 0;
    pool.quit = false;
}
