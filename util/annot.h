/* Attributes: printf checking, results that must be used, clang thread-safety analysis. */
#ifndef UTIL_ANNOT_H
#define UTIL_ANNOT_H

#include <stddef.h>

#define PRINTF(fmt, first)              __attribute__((format(printf, fmt, first)))
#define MUST_CHECK                      __attribute__((warn_unused_result))
#define UNUSED                          __attribute__((unused))
#define NORETURN                        __attribute__((noreturn))
#define NOINLINE                        __attribute__((noinline))
#define ALWAYS_INLINE                   __attribute__((always_inline)) inline
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define unreachable()                   __builtin_unreachable()
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif
#define CAPABILITY(name) TSA(capability(name))
#define GUARDED_BY(                                                                                \
    lock)                  /* for readers: clang parses it in C++ only, where a later member may be named */
#define REQUIRES(lock)     TSA(requires_capability(lock))
#define ACQUIRE(lock)      TSA(acquire_capability(lock))
#define RELEASE(lock)      TSA(release_capability(lock))
#define NO_THREAD_ANALYSIS TSA(no_thread_safety_analysis)

#endif
