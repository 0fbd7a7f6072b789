/* FXSAVE, XSAVE and their like: what translated code tells the helper, and the layout. */
#ifndef TARGET_X86_XSAVE_H
#define TARGET_X86_XSAVE_H

#include <stdbool.h>
#include <stdint.h>

struct x86_cpu;

enum x86_state_op {
    X86_FXSAVE,
    X86_FXRSTOR,
    X86_XSAVE,
    X86_XSAVEOPT,
    X86_XSAVEC,
    X86_XSAVES,
    X86_XRSTOR,
    X86_XRSTORS,
};
/* The helper's word: the operation, then these. */
enum {
    X86_STATE_SEG = 8,       /* 3 bits: of the area */
    X86_STATE_WIDE = 1 << 11 /* pointers of 64 bits */
};

/* State components: bits of XCR0. */
enum {
    X86_XSTATE_X87 = 1 << 0,
    X86_XSTATE_SSE = 1 << 1,
    X86_XSTATE_AVX = 1 << 2,
    X86_XSTATE_PKRU = 1 << 9,
};
/* Of a component behind the header: false when there is none of this number. */
bool x86_xsave_component(unsigned n, uint32_t *size, uint32_t *offset);
/* Bytes of an area with these components. */
uint32_t x86_xsave_size(uint64_t components, bool compact);
/* Components that are not in their initial state. */
uint64_t x86_xinuse(struct x86_cpu *cpu);

#endif
