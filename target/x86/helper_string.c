/*
 * REP string instructions.
 *
 * One call does whole turns until the counter is 0, the flags end it, a page ends, or enough were
 * done that others should have a look; memory that faults does so in the middle with registers that
 * count the turns before.  Ref: SDM volume 1, 7.3.9.3 and volume 2 (REP).
 */
#include "accel/tcg/guest.h"
#include "target/x86/cpu.h"
#include "target/x86/helpers.h"
#include "target/x86/string.h"
#include "util/bits.h"

#include <string.h>

enum { RAX = 0, RCX = 1, RSI = 6, RDI = 7 };
enum { PAGE = 4096, SLOW_TURNS = 64 };

struct turns {
    struct x86_cpu *cpu;
    uint32_t how;
    unsigned size, bytes, addr_size;
    uint32_t memop;
    int64_t step;
    uint64_t left; /* turns that may be done in this call */
    bool seen;     /* a store may have changed code: look for it anew */
};

static uint64_t masked(const struct turns *t, uint64_t v)
{
    return extract64(v, 0, 8u << t->addr_size);
}

static uint64_t reg(const struct turns *t, unsigned n)
{
    return masked(t, t->cpu->r[n]);
}

static void set_reg(const struct turns *t, unsigned n, uint64_t v)
{
    uint64_t *r = &t->cpu->r[n];
    *r = t->addr_size == 1 ? deposit64(*r, 0, 16, v) : masked(t, v);
}

static struct turns begin(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = {.cpu = cpu, .how = how, .size = how & X86_STR_SIZE};
    t.bytes = 1u << t.size;
    t.addr_size = how >> X86_STR_ADDR_SHIFT & 3;
    t.memop = t.size | (how >> X86_STR_IDX_SHIFT & 15) << MO_IDX_SHIFT |
              (how & X86_STR_ALIGN ? MO_ALIGN : 0);
    t.step = cpu->df ? -(int64_t)t.bytes : (int64_t)t.bytes;
    t.left = how & X86_STR_ONE ? reg(&t, RCX) != 0 : reg(&t, RCX);
    return t;
}

/* --- addresses --- */

static bool is_flat(const struct turns *t, unsigned seg)
{
    if (t->how & X86_STR_64)
        return seg < X86_FS;
    return t->how & (seg == X86_ES ? X86_STR_FLAT_ES : X86_STR_FLAT_SRC);
}

static unsigned source_seg(const struct turns *t)
{
    return t->how >> X86_STR_SEG_SHIFT & 7;
}

static bool is_inside(const struct turns *t, unsigned seg, uint64_t offset, uint64_t bytes,
                      bool is_write)
{
    const struct x86_bounds *b = &t->cpu->bounds[seg];
    if (is_flat(t, seg) || (t->how & X86_STR_64))
        return true;
    int64_t last = (int64_t)((uint32_t)(offset - b->low) + bytes - 1);
    return last <= (is_write ? b->write : b->read);
}

static uint64_t linear(const struct turns *t, unsigned seg, uint64_t offset)
{
    if (is_flat(t, seg))
        return offset;
    uint64_t addr = offset + t->cpu->base[seg];
    return t->how & X86_STR_64 ? addr : (uint32_t)addr;
}

/* Of one element, or the fault. */
static uint64_t element(const struct turns *t, unsigned seg, unsigned r, bool is_write)
{
    uint64_t offset = reg(t, r);
    if (!is_inside(t, seg, offset, t->bytes, is_write))
        helper_raise(t->cpu, seg == X86_SS ? X86_SS_FAULT : X86_GP, 0);
    return linear(t, seg, offset);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many elements from one at `at` on lie inside [0, size), in the direction of the turns. */
static uint64_t elements_in(const struct turns *t, uint64_t at, uint64_t size)
{
    if (t->step > 0)
        return (size - at) >> t->size;
    return size - at < t->bytes ? 0 : (at >> t->size) + 1;
}

/* The offset of the lowest one of n elements from here on. */
static uint64_t lowest(const struct turns *t, unsigned r, uint64_t n)
{
    return reg(t, r) - (t->step < 0 ? (n - 1) << t->size : 0);
}

/* How many elements from here on lie in one page, inside the segment, without a wrap. */
static uint64_t run_length(const struct turns *t, unsigned seg, unsigned r, bool is_write)
{
    uint64_t offset = reg(t, r), n = t->left;
    n = smaller(n, elements_in(t, linear(t, seg, offset) & (PAGE - 1), PAGE));
    if (t->addr_size < 3)
        n = smaller(n, elements_in(t, offset, UINT64_C(1) << (8u << t->addr_size)));
    return n && is_inside(t, seg, lowest(t, r, n), n << t->size, is_write) ? n : 0;
}

/* Of the lowest one of n elements. */
static void *host(const struct turns *t, unsigned seg, unsigned r, uint64_t n, bool is_write)
{
    uint64_t addr = linear(t, seg, lowest(t, r, n));
    if ((t->memop & MO_ALIGN) && (addr & (t->bytes - 1)))
        return NULL;
    return guest_host_ptr(&t->cpu->cpu, addr, (unsigned)(n << t->size),
                          is_write ? GUEST_WRITE : GUEST_READ, memop_idx(t->memop));
}

static void advance(const struct turns *t, unsigned r, uint64_t n)
{
    set_reg(t, r, t->cpu->r[r] + (uint64_t)(t->step * (int64_t)n));
}

static void count(struct turns *t, uint64_t n)
{
    set_reg(t, RCX, t->cpu->r[RCX] - n);
    t->left -= n;
}

static uint64_t load(const struct turns *t, unsigned seg, unsigned r)
{
    return guest_ld(&t->cpu->cpu, element(t, seg, r, false), t->memop);
}

static void store(struct turns *t, uint64_t v)
{
    guest_st(&t->cpu->cpu, element(t, X86_ES, RDI, true), v, t->memop);
    t->seen = true;
}

static uint32_t is_done(const struct turns *t)
{
    return !reg(t, RCX) && (!t->seen || (t->how & X86_STR_ONE));
}

/* --- MOVS --- */

/*
 * Element by element, as far as that shows: where what was stored is loaded again.  Then pieces as
 * long as the distance do the same; an element that overlaps itself is loaded whole first.
 */
static void copy_up(uint8_t *to, const uint8_t *from, uint64_t len, unsigned bytes)
{
    uint64_t piece =
        to > from && to < from + len ? (uint64_t)(to - from) & ~(bytes - UINT64_C(1)) : len;
    if (!piece)
        piece = bytes;
    for (uint64_t i = 0; i < len; i += piece)
        memmove(to + i, from + i, smaller(piece, len - i));
}

static void copy_down(uint8_t *to, const uint8_t *from, uint64_t len, unsigned bytes)
{
    uint64_t piece =
        from > to && from < to + len ? (uint64_t)(from - to) & ~(bytes - UINT64_C(1)) : len;
    if (!piece)
        piece = bytes;
    for (uint64_t end = len, n; end; end -= n) {
        n = smaller(piece, end);
        memmove(to + end - n, from + end - n, n);
    }
}

static bool fast_movs(struct turns *t)
{
    unsigned seg = source_seg(t);
    uint64_t n = smaller(run_length(t, seg, RSI, false), run_length(t, X86_ES, RDI, true));
    const uint8_t *from = n ? host(t, seg, RSI, n, false) : NULL;
    uint8_t *to = from ? host(t, X86_ES, RDI, n, true) : NULL;
    if (!to)
        return false;
    if (t->step < 0)
        copy_down(to, from, n << t->size, t->bytes);
    else
        copy_up(to, from, n << t->size, t->bytes);
    advance(t, RSI, n);
    advance(t, RDI, n);
    count(t, n);
    return true;
}

uint32_t helper_rep_movs(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = begin(cpu, how);
    for (unsigned i = 0; t.left && i < SLOW_TURNS; i++) {
        if (fast_movs(&t))
            continue;
        element(&t, X86_ES, RDI, true);
        store(&t, load(&t, source_seg(&t), RSI));
        advance(&t, RSI, 1);
        advance(&t, RDI, 1);
        count(&t, 1);
    }
    return is_done(&t);
}

/* --- STOS --- */

static void fill(uint8_t *to, uint64_t v, uint64_t n, unsigned bytes)
{
    uint64_t all = (v & 0xff) * UINT64_C(0x0101010101010101);
    if (!memcmp(&v, &all, bytes)) {
        memset(to, (int)v, n * bytes);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        memcpy(to + i * bytes, &v, bytes);
}

static bool fast_stos(struct turns *t)
{
    uint64_t n = run_length(t, X86_ES, RDI, true);
    uint8_t *to = n ? host(t, X86_ES, RDI, n, true) : NULL;
    if (!to)
        return false;
    fill(to, t->cpu->r[RAX], n, t->bytes);
    advance(t, RDI, n);
    count(t, n);
    return true;
}

uint32_t helper_rep_stos(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = begin(cpu, how);
    for (unsigned i = 0; t.left && i < SLOW_TURNS; i++) {
        if (fast_stos(&t))
            continue;
        store(&t, cpu->r[RAX]);
        advance(&t, RDI, 1);
        count(&t, 1);
    }
    return is_done(&t);
}

/* --- LODS --- */

uint32_t helper_rep_lods(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = begin(cpu, how);
    for (unsigned i = 0; t.left && i < SLOW_TURNS; i++) {
        uint64_t v = load(&t, source_seg(&t), RSI);
        advance(&t, RSI, 1);
        count(&t, 1);
        cpu->r[RAX] = t.size < 2 ? deposit64(cpu->r[RAX], 0, 8 * t.bytes, v) : v;
    }
    return is_done(&t);
}

/* --- CMPS, SCAS --- */

static uint64_t host_element(const uint8_t *p, uint64_t i, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, p + i * bytes, bytes);
    return v;
}

/* Sets the flags; whether the flags end the loop. */
static bool compare(struct turns *t, uint64_t a, uint64_t b)
{
    t->cpu->cc = ir_eflags_of_sub(a, b, t->size);
    return !!(t->cpu->cc & X86_CC_Z) == !!(t->how & X86_STR_REPNE);
}

/* How many of n pairs, b may be one value for all, are passed before the loop ends: then *found. */
static uint64_t scan(const struct turns *t, const uint8_t *a, const uint8_t *b, uint64_t one,
                     uint64_t n, bool *found)
{
    bool until_same = t->how & X86_STR_REPNE;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = host_element(a, i, t->bytes);
        uint64_t y = b ? host_element(b, i, t->bytes) : one;
        if ((x == y) == until_same) {
            *found = true;
            return i;
        }
    }
    return n - 1;
}

/* Upwards only. */
static bool fast_cmps(struct turns *t, bool *found)
{
    unsigned seg = source_seg(t);
    if (t->step < 0)
        return false;
    uint64_t n = smaller(run_length(t, seg, RSI, false), run_length(t, X86_ES, RDI, false));
    const uint8_t *a = n ? host(t, seg, RSI, n, false) : NULL;
    const uint8_t *b = a ? host(t, X86_ES, RDI, n, false) : NULL;
    if (!b)
        return false;
    uint64_t last = scan(t, a, b, 0, n, found);
    compare(t, host_element(a, last, t->bytes), host_element(b, last, t->bytes));
    advance(t, RSI, last + 1);
    advance(t, RDI, last + 1);
    count(t, last + 1);
    return true;
}

uint32_t helper_rep_cmps(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = begin(cpu, how);
    bool found = false;
    for (unsigned i = 0; t.left && !found && i < SLOW_TURNS; i++) {
        if (fast_cmps(&t, &found))
            continue;
        uint64_t a = load(&t, source_seg(&t), RSI), b = load(&t, X86_ES, RDI);
        found = compare(&t, a, b);
        advance(&t, RSI, 1);
        advance(&t, RDI, 1);
        count(&t, 1);
    }
    return found || is_done(&t);
}

static uint64_t accumulator(const struct turns *t)
{
    return extract64(t->cpu->r[RAX], 0, 8 * t->bytes);
}

static bool fast_scas(struct turns *t, bool *found)
{
    uint64_t n = t->step > 0 ? run_length(t, X86_ES, RDI, false) : 0;
    const uint8_t *p = n ? host(t, X86_ES, RDI, n, false) : NULL;
    if (!p)
        return false;
    uint64_t last = scan(t, p, NULL, accumulator(t), n, found);
    compare(t, accumulator(t), host_element(p, last, t->bytes));
    advance(t, RDI, last + 1);
    count(t, last + 1);
    return true;
}

uint32_t helper_rep_scas(struct x86_cpu *cpu, uint32_t how)
{
    struct turns t = begin(cpu, how);
    bool found = false;
    for (unsigned i = 0; t.left && !found && i < SLOW_TURNS; i++) {
        if (fast_scas(&t, &found))
            continue;
        found = compare(&t, accumulator(&t), load(&t, X86_ES, RDI));
        advance(&t, RDI, 1);
        count(&t, 1);
    }
    return found || is_done(&t);
}
