/* 16-byte compare-and-swap: the host's instruction, or a lock where none is known. */
#include "util/host_cas16.h"

#if defined(__x86_64__)

/* Ref: Intel SDM volume 2, CMPXCHG16B. All that can run translated code has it. */
struct pair host_cas16(void *p, struct pair expect, struct pair v)
{
    struct pair old = expect;
    __asm__ volatile("lock cmpxchg16b %0"
                     : "+m"(*(struct pair *)p), "+a"(old.low), "+d"(old.high)
                     : "b"(v.low), "c"(v.high)
                     : "memory", "cc");
    return old;
}

#else

#include <pthread.h>

static pthread_mutex_t cas16_lock = PTHREAD_MUTEX_INITIALIZER;

struct pair host_cas16(void *p, struct pair expect, struct pair v)
{
    struct pair *at = p;
    pthread_mutex_lock(&cas16_lock);
    struct pair old = *at;
    if (old.low == expect.low && old.high == expect.high)
        *at = v;
    pthread_mutex_unlock(&cas16_lock);
    return old;
}

#endif
