/*
 * The functions in progress on a processor, for people who ask why it hangs.
 *
 * Code built with frame pointers keeps the caller's frame and the return address where (r|e)bp
 * points: System V ABI, 3.2.2.  Without them the stack is searched for words that follow a call
 * instruction; those frames are guesses.  Everything read is the guest's word and bounds are ours.
 */
#include "core/memory.h"
#include "target/x86/cpu_priv.h"
#include "util/bits.h"

enum { RSP = 4, RBP = 5 };
enum { MAX_FRAMES = 64, MAX_GUESSES = 16, SCAN_WORDS = 512, MAX_FRAME_BYTES = 1 << 20 };

struct walker {
    struct x86_cpu *cpu;
    cpu_frame_fn *frame;
    void *opaque;
    unsigned width; /* bytes of a return address: 2, 4, 8 */
    uint64_t mask;
};

static bool read_guest(const struct walker *w, uint64_t addr, void *buf, unsigned len)
{
    gpa pa;

    if (!x86_debug_translate(&w->cpu->cpu, addr, &pa))
        return false;
    return (addr & 4095) + len <= 4096 && mem_peek(w->cpu->cpu.as, pa, buf, len);
}

static bool read_stack(const struct walker *w, uint64_t offset, uint64_t *out)
{
    uint8_t buf[8] = {0};
    uint64_t base = x86_is_64(w->cpu) ? 0 : w->cpu->base[X86_SS];

    if (!read_guest(w, base + (offset & w->mask), buf, w->width))
        return false;
    *out = ld_le64(buf);
    return true;
}

static uint64_t code_address(const struct walker *w, uint64_t rip)
{
    return x86_is_64(w->cpu) ? rip : (uint32_t)(w->cpu->base[X86_CS] + (rip & w->mask));
}

static bool is_code(const struct walker *w, uint64_t rip)
{
    uint8_t byte;

    return rip && read_guest(w, code_address(w, rip), &byte, 1);
}

/* CALL rel, or CALL r/m: FF /2 with 2 to 7 bytes. */
static bool follows_call(const struct walker *w, uint64_t rip)
{
    uint8_t b[7];
    unsigned rel = w->width == 2 ? 3 : 5;

    if (!is_code(w, rip) || !read_guest(w, code_address(w, rip) - 7, b, 7))
        return false;
    if (b[7 - rel] == 0xe8)
        return true;
    for (unsigned len = 2; len <= 7; len++)
        if (b[7 - len] == 0xff && (b[8 - len] & 0x38) == 0x10)
            return true;
    return false;
}

static unsigned walk_frames(const struct walker *w)
{
    uint64_t bp = w->cpu->r[RBP] & w->mask, sp = w->cpu->r[RSP] & w->mask, up, ret;
    unsigned n = 0;

    if (bp < sp || bp - sp > MAX_FRAME_BYTES)
        return 0;
    while (n < MAX_FRAMES && read_stack(w, bp, &up) && read_stack(w, bp + w->width, &ret) &&
           is_code(w, ret)) {
        w->frame(w->opaque, code_address(w, ret), false);
        n++;
        up &= w->mask;
        if (up <= bp || up - bp > MAX_FRAME_BYTES)
            break;
        bp = up;
    }
    return n;
}

static void scan_stack(const struct walker *w)
{
    uint64_t sp = w->cpu->r[RSP], word;
    unsigned found = 0;

    for (unsigned i = 0; i < SCAN_WORDS && found < MAX_GUESSES; i++) {
        if (!read_stack(w, sp + (uint64_t)i * w->width, &word))
            return;
        if (follows_call(w, word)) {
            w->frame(w->opaque, code_address(w, word), true);
            found++;
        }
    }
}

void x86_backtrace(struct cpu *c, cpu_frame_fn *frame, void *opaque)
{
    struct x86_cpu *cpu = x86(c);
    struct walker w = {cpu, frame, opaque, 2, 0xffff};

    if (x86_is_64(cpu)) {
        w.width = 8;
        w.mask = UINT64_MAX;
    } else if (cpu->s.seg[X86_CS].attr & X86_DESC_B) {
        w.width = 4;
        w.mask = UINT32_MAX;
    }
    frame(opaque, cpu->pc, false);
    if (!walk_frames(&w))
        scan_stack(&w);
}
