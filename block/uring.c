/*
 * Engine io_uring: requests for a host file go to the kernel's queue, many at once, and one thread
 * hands them over and takes back what is done.
 *
 * Whatever the kernel does not do whole (a short read, a file system without an operation) is done
 * again by a worker thread, which knows all the ways round.  Ref: io_uring(7), io_uring_enter(2).
 */
#include "block/file_priv.h"

#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <liburing.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DEPTH = 128, MAX_BYTES = 1 << 30, NAP_US = 1000 };

/* A request that is at the kernel. */
struct slot {
    struct block_req *req;
    struct range hold; /* with O_DIRECT, of a transfer */
    bool holds;
};

/* What eventfds yield; nobody wants it, but the kernel may still write it when a ring is gone. */
static uint64_t wake_count;

struct uring {
    struct block_node *node;
    int wake_fd; /* an eventfd that the ring reads while its thread sleeps */
    pthread_t thread;
    /* the thread's own */
    struct io_uring ring;
    bool is_wake_armed;
    struct slot slot[DEPTH], *unused[DEPTH];
    struct slot *unsent[DEPTH + 1]; /* in the ring, but not yet in the kernel's hands; NULL: the
                                       eventfd's */
    unsigned n_unused, n_unsent;
    struct mutex lock; /* a leaf */
    struct cond closing;
    struct block_req *first GUARDED_BY(lock), **last GUARDED_BY(lock);
    bool is_asleep GUARDED_BY(lock), quit GUARDED_BY(lock), is_broken GUARDED_BY(lock);
};

/* --- from the request to the kernel --- */
static struct slot *slot_take(struct uring *u, struct block_req *req)
{
    struct slot *s = u->unused[--u->n_unused];

    *s = (struct slot){.req = req};
    return s;
}

static struct block_req *slot_give(struct uring *u, struct slot *s)
{
    struct file *f = u->node->state;
    struct block_req *req = s->req;

    if (s->holds)
        ranges_drop(&f->ranges, &s->hold);
    s->req = NULL;
    u->unused[u->n_unused++] = s;
    return req;
}

static bool is_transfer(const struct block_req *req)
{
    return req->op == BLOCK_READ || req->op == BLOCK_WRITE;
}

static uint64_t file_offset(const struct block_req *req)
{
    struct block_node *b = req->node;
    uint64_t off = req->offset;

    while (b->drv->through)
        b = b->drv->through(b, &off);
    return off;
}

/* A direct transfer must not run beside the change of a part of one of its blocks. */
static bool take_hold(struct file *f, struct slot *s, uint64_t off)
{
    uint64_t n = s->req->bytes;

    if (!f->is_direct || !is_transfer(s->req))
        return true;
    if (!file_is_aligned(f, off, n, (struct sg){s->req->iov, s->req->niov, 0}))
        return false;
    s->holds = ranges_try_take(&f->ranges, &s->hold, off, off + n, false);
    return s->holds;
}

static void prepare_transfer(struct io_uring_sqe *sqe, int fd, const struct block_req *req,
                             uint64_t off)
{
    const struct iovec *v = req->iov;
    bool is_through = req->node->flags & BLOCK_WRITETHROUGH && !(req->node->flags & BLOCK_NO_FLUSH);

    if (req->op == BLOCK_READ && req->niov == 1)
        io_uring_prep_read(sqe, fd, v->iov_base, (unsigned)v->iov_len, off);
    else if (req->op == BLOCK_READ)
        io_uring_prep_readv(sqe, fd, v, req->niov, off);
    else if (req->niov == 1)
        io_uring_prep_write(sqe, fd, v->iov_base, (unsigned)v->iov_len, off);
    else
        io_uring_prep_writev(sqe, fd, v, req->niov, off);
    if (req->op == BLOCK_WRITE && is_through)
        sqe->rw_flags = RWF_DSYNC;
}

static void prepare(struct io_uring_sqe *sqe, const struct uring *u, struct slot *s, uint64_t off)
{
    static const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     zero = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    int fd = ((const struct file *)u->node->state)->fd,
        how = s->req->op == BLOCK_DISCARD || u->node->flags & BLOCK_UNMAP ? punch : zero;

    switch (s->req->op) {
    case BLOCK_READ:
    case BLOCK_WRITE: prepare_transfer(sqe, fd, s->req, off); break;
    case BLOCK_FLUSH: io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); break;
    case BLOCK_DISCARD:
    case BLOCK_WRITE_ZEROES:
        io_uring_prep_fallocate(sqe, fd, how, (off_t)off, (off_t)s->req->bytes);
        break;
    }
    io_uring_sqe_set_data(sqe, s);
}

/* False: for a worker thread. */
static bool enqueue(struct uring *u, struct block_req *req)
{
    uint64_t off = file_offset(req);
    struct slot *s = slot_take(u, req);
    struct io_uring_sqe *sqe =
        take_hold(u->node->state, s, off) ? io_uring_get_sqe(&u->ring) : NULL;

    if (!sqe) {
        slot_give(u, s);
        return false;
    }
    prepare(sqe, u, s, off);
    u->unsent[u->n_unsent++] = s;
    return true;
}

/* The next request for which there is room. */
static struct block_req *next_req(struct uring *u)
{
    mutex_lock(&u->lock);
    struct block_req *req = u->n_unused ? u->first : NULL;
    if (req)
        u->first = req->next;
    u->is_asleep = !req; /* room comes with a completion, which wakes the thread as well */
    mutex_unlock(&u->lock);
    return req;
}

static void enqueue_all(struct uring *u)
{
    struct block_req *req;

    while ((req = next_req(u)))
        if (!enqueue(u, req))
            pool_submit(req);
}

/* --- back from the kernel --- */
static bool is_for_worker(int err)
{
    return err == EOPNOTSUPP || err == ENOSYS || err == EINVAL || err == ENODEV || err == ENOTTY ||
           err == EAGAIN || err == EINTR || err == ECANCELED;
}

static void complete(struct uring *u, struct slot *s, int res)
{
    struct block_req *req = slot_give(u, s);
    int whole = is_transfer(req) ? (int)req->bytes : 0;

    if (res == whole)
        block_finish(req, 0);
    else if (res >= 0 || is_for_worker(-res))
        pool_submit(req);
    else
        block_finish(req, res);
}

static void reap(struct uring *u)
{
    struct io_uring_cqe *cqe;

    while (!io_uring_peek_cqe(&u->ring, &cqe)) {
        struct slot *s = io_uring_cqe_get_data(cqe);
        int res = cqe->res;
        io_uring_cqe_seen(&u->ring, cqe);
        if (s)
            complete(u, s, res);
        else
            u->is_wake_armed = false;
    }
}

/* The kernel stopped taking requests: what it has not seen goes to worker threads, and so does all
 * that comes. */
static void give_up(struct uring *u, int err)
{
    struct block_req *next;

    log_warn("aio=io_uring: the kernel refuses to go on with '%s' (%s): worker threads do",
             u->node->path, g_strerror(err));
    for (unsigned i = 0; i < u->n_unsent; i++)
        if (u->unsent[i])
            pool_submit(slot_give(u, u->unsent[i]));
    mutex_lock(&u->lock);
    u->is_broken = true;
    struct block_req *rest = u->first;
    u->first = NULL;
    mutex_unlock(&u->lock);
    for (; rest; rest = next) {
        next = rest->next;
        pool_submit(rest);
    }
}

static void arm_wake(struct uring *u)
{
    struct io_uring_sqe *sqe = u->is_wake_armed ? NULL : io_uring_get_sqe(&u->ring);

    if (!sqe)
        return;
    io_uring_prep_read(sqe, u->wake_fd, &wake_count, sizeof(wake_count), 0);
    io_uring_sqe_set_data(sqe, NULL);
    u->unsent[u->n_unsent++] = NULL;
    u->is_wake_armed = true;
}

/* Hand over what is in the ring and sleep until something is done, or asked for; false: never
 * again. */
static bool submit_and_wait(struct uring *u)
{
    arm_wake(u);
    int ret = io_uring_submit_and_wait(&u->ring, 1);
    if (ret >= 0) {
        u->n_unsent -= (unsigned)ret;
        memmove(u->unsent, u->unsent + ret, u->n_unsent * sizeof(*u->unsent));
    } else if (ret != -EINTR && ret != -EAGAIN && ret != -EBUSY) {
        give_up(u, -ret);
        return false;
    }
    return true;
}

static bool must_quit(struct uring *u)
{
    mutex_lock(&u->lock);
    bool quit = u->quit;
    mutex_unlock(&u->lock);
    return quit;
}

/* What the kernel had taken before it refused more completes by itself, without telling. */
static void run_broken(struct uring *u)
{
    while (u->n_unused < DEPTH) {
        g_usleep(NAP_US);
        reap(u);
    }
    mutex_lock(&u->lock);
    while (!u->quit)
        cond_wait(&u->closing, &u->lock);
    mutex_unlock(&u->lock);
}

static void *run(void *arg)
{
    struct uring *u = arg;
    bool works = true;

    while (works && !must_quit(u)) {
        enqueue_all(u);
        works = submit_and_wait(u);
        reap(u);
    }
    if (!works)
        run_broken(u);
    return NULL;
}

/* --- from other threads --- */
static void wake(struct uring *u)
{
    if (eventfd_write(u->wake_fd, 1) < 0)
        log_warn("aio=io_uring: could not wake its thread: %s", g_strerror(errno));
}

static bool has_exact_buffers(const struct block_req *req)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < req->niov; i++)
        sum += req->iov[i].iov_len;
    return sum == req->bytes && req->niov <= IOV_MAX && sum <= MAX_BYTES;
}

/* Whether one operation of the kernel does what the request wants, and does it better than a worker
 * thread: writes into the host's cache are done by threads of the kernel on many file systems, and
 * measured slower than by ours. */
static bool is_simple(const struct block_node *b, const struct block_req *req, uint64_t off)
{
    const struct file *f = b->state;
    unsigned both = b->flags & req->node->flags, either = b->flags | req->node->flags;
    bool is_inside = req->bytes && off <= b->size && req->bytes <= b->size - off;

    switch (req->op) {
    case BLOCK_READ: return is_inside && has_exact_buffers(req);
    case BLOCK_WRITE: return is_inside && has_exact_buffers(req) && f->is_direct;
    case BLOCK_FLUSH: return !(either & (BLOCK_READ_ONLY | BLOCK_NO_FLUSH));
    case BLOCK_DISCARD: return is_inside && both & BLOCK_UNMAP && !(either & BLOCK_WRITETHROUGH);
    case BLOCK_WRITE_ZEROES:
        return is_inside && !(either & BLOCK_WRITETHROUGH) &&
               !((off | req->bytes) & (f->align - 1));
    }
    return false;
}

bool uring_submit(struct uring *u, struct block_req *req, uint64_t off)
{
    if (!is_simple(u->node, req, off))
        return false;
    req->next = NULL;
    mutex_lock(&u->lock);
    if (u->is_broken) {
        mutex_unlock(&u->lock);
        return false;
    }
    if (u->first)
        *u->last = req;
    else
        u->first = req;
    u->last = &req->next;
    bool must_wake = u->is_asleep;
    u->is_asleep = false;
    mutex_unlock(&u->lock);
    if (must_wake)
        wake(u);
    return true;
}

/* --- opening --- */
static int make_ring(struct io_uring *ring)
{
    static const int needed[] = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
                                 IORING_OP_READ,  IORING_OP_WRITE,  IORING_OP_FALLOCATE};
    int ret = io_uring_queue_init(2 * DEPTH, ring, IORING_SETUP_COOP_TASKRUN);

    if (ret == -EINVAL) /* before Linux 5.19 */
        ret = io_uring_queue_init(2 * DEPTH, ring, 0);
    if (ret)
        return ret;
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (!probe || !io_uring_opcode_supported(probe, needed[i]))
            ret = -ENOSYS;
    if (probe)
        io_uring_free_probe(probe);
    if (ret)
        io_uring_queue_exit(ring);
    return ret;
}

static struct uring *refuse(struct uring *take_u, int err)
{
    static bool is_told; /* main thread */

    if (!is_told)
        log_warn("aio=io_uring: the kernel refuses it (%s): worker threads do its work",
                 g_strerror(err));
    is_told = true;
    g_free(take_u);
    return NULL;
}

struct uring *uring_new(struct block_node *b)
{
    struct uring *u = g_new0(struct uring, 1);
    int ret = make_ring(&u->ring);

    if (ret)
        return refuse(u, -ret);
    u->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (u->wake_fd < 0) {
        int why = errno;
        io_uring_queue_exit(&u->ring);
        return refuse(u, why);
    }
    u->node = b;
    for (unsigned i = 0; i < DEPTH; i++)
        u->unused[u->n_unused++] = &u->slot[i];
    mutex_init(&u->lock);
    cond_init(&u->closing);
    u->thread = thread_start("io_uring", run, u);
    return u;
}

void uring_moved(struct uring *u, struct block_node *b)
{
    if (u)
        u->node = b;
}

void uring_free(struct uring *u)
{
    if (!u)
        return;
    mutex_lock(&u->lock);
    u->quit = true;
    cond_signal(&u->closing);
    mutex_unlock(&u->lock);
    wake(u);
    pthread_join(u->thread, NULL);
    io_uring_queue_exit(&u->ring);
    close(u->wake_fd);
    cond_fini(&u->closing);
    mutex_fini(&u->lock);
    g_free(u);
}
