/* Leave and re-enter the guest's FP environment around C code that may use floating point. */
#ifndef ACCEL_TCG_HOSTFP_H
#define ACCEL_TCG_HOSTFP_H

#include <stdint.h>

#if defined(__SSE2__)
static inline uint32_t hostfp_leave(uint32_t host)
{
    uint32_t guest = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(host);
    return guest;
}
static inline void hostfp_enter(uint32_t guest)
{
    __builtin_ia32_ldmxcsr(guest);
}
#else
static inline uint32_t hostfp_leave(uint32_t host)
{
    return host;
}
static inline void hostfp_enter(uint32_t guest)
{
    (void)guest;
}
#endif

#endif
