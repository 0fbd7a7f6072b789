/* Address translation.  Ref: the manual, D8 (The AArch64 Virtual Memory System Architecture). */
#include "target/arm/cpu_priv.h"

enum { PAGE_BITS = 12 };

bool arm_walk(struct cpu *cpu UNUSED, gva addr, enum guest_access access UNUSED,
              unsigned idx UNUSED, struct guest_walk *out)
{
    out->addr = addr;
    out->page_bits = PAGE_BITS;
    out->prot = 1 << GUEST_READ | 1 << GUEST_WRITE | 1 << GUEST_FETCH;
    out->global = true;
    return true;
}

bool arm_debug_translate(struct cpu *cpu UNUSED, gva addr, gpa *out)
{
    *out = addr;
    return true;
}
