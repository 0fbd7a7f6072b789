/*
 * The functions in progress on a hart, for people who ask why it hangs.
 *
 * Code built with frame pointers keeps the return address and the caller's frame below fp (s0):
 * RISC-V ELF psABI, "Frame Pointer Convention".  Without them the stack is searched for words that
 * follow a call instruction; those frames are guesses.  Everything read is the guest's word and
 * bounds are ours.
 */
#include "target/riscv/cpu.h"

#include "core/memory.h"
#include "util/bits.h"

enum { RA = 1, SP = 2, FP = 8 };
enum { MAX_FRAMES = 64, MAX_GUESSES = 16, SCAN_WORDS = 512, MAX_FRAME_BYTES = 1 << 20 };

struct walker {
    struct rv_cpu *cpu;
    cpu_frame_fn *frame;
    void *opaque;
    unsigned width; /* bytes of a register */
};

static uint64_t address(const struct walker *w, uint64_t v)
{
    return w->width == 4 ? (uint32_t)v : v;
}

static bool read_guest(const struct walker *w, uint64_t addr, void *buf, unsigned len)
{
    uint64_t pa;

    if (!rv_debug_translate(&w->cpu->cpu, addr, &pa))
        return false;
    return (addr & 4095) + len <= 4096 && mem_peek(w->cpu->cpu.as, pa, buf, len);
}

static bool read_word(const struct walker *w, uint64_t addr, uint64_t *out)
{
    uint8_t buf[8] = {0};

    if (addr & (w->width - 1) || !read_guest(w, addr, buf, w->width))
        return false;
    *out = ld_le64(buf);
    return true;
}

static bool is_code(const struct walker *w, uint64_t addr)
{
    uint8_t buf[2];

    return addr && !(addr & 1) && read_guest(w, addr, buf, sizeof(buf));
}

/* Whether the instruction before addr is a call: JAL or JALR that links to ra, or C.JALR, C.JAL. */
static bool follows_call(const struct walker *w, uint64_t addr)
{
    uint8_t buf[4];

    if (!is_code(w, addr))
        return false;
    if (read_guest(w, addr - 4, buf, 4)) {
        uint32_t insn = ld_le32(buf), opcode = insn & 0x7f;
        if ((opcode == 0x6f || opcode == 0x67) && extract64(insn, 7, 5) == RA)
            return true;
    }
    if (!read_guest(w, addr - 2, buf, 2))
        return false;
    unsigned insn = ld_le16(buf);
    bool is_jalr = (insn & 0xf07f) == 0x9002 && extract64(insn, 7, 5);
    bool is_jal = w->width == 4 && (insn & 0xe003) == 0x2001;
    return is_jalr || is_jal;
}

/* One frame up the chain; false at its end.  A leaf function may have saved fp only, where others
 * have ra. */
static bool next_frame(const struct walker *w, uint64_t *fp, uint64_t *ret, bool is_first)
{
    uint64_t high, low, old = *fp;

    if (!read_word(w, old - w->width, &high) || !read_word(w, old - 2 * w->width, &low))
        return false;
    if (is_first && high > old && high - old < MAX_FRAME_BYTES && !follows_call(w, high)) {
        *fp = high;
        *ret = address(w, w->cpu->x[RA]);
    } else {
        *fp = low;
        *ret = high;
    }
    return is_code(w, *ret);
}

static unsigned walk_frames(const struct walker *w)
{
    uint64_t fp = address(w, w->cpu->x[FP]), ret, ra = address(w, w->cpu->x[RA]);
    uint64_t sp = address(w, w->cpu->x[SP]);
    unsigned n = 0;

    if (fp < sp || fp - sp > MAX_FRAME_BYTES)
        return 0;
    while (n < MAX_FRAMES) {
        uint64_t old = fp;
        if (!next_frame(w, &fp, &ret, n == 0))
            break;
        if (n == 0 && ret != ra && ra != address(w, w->cpu->pc) && follows_call(w, ra))
            w->frame(w->opaque, ra, true); /* a leaf's caller, or where the last call returned to */
        w->frame(w->opaque, ret, false);
        n++;
        if (fp <= old || fp - old > MAX_FRAME_BYTES)
            break;
    }
    return n;
}

static void scan_stack(const struct walker *w)
{
    uint64_t sp = address(w, w->cpu->x[SP]), ra = address(w, w->cpu->x[RA]), word;
    unsigned found = 0;

    if (ra != address(w, w->cpu->pc) && follows_call(w, ra))
        w->frame(w->opaque, ra, true);
    for (unsigned i = 0; i < SCAN_WORDS && found < MAX_GUESSES; i++) {
        if (!read_word(w, sp + (uint64_t)i * w->width, &word))
            return;
        if (follows_call(w, word)) {
            w->frame(w->opaque, word, true);
            found++;
        }
    }
}

void rv_backtrace(struct cpu *c, cpu_frame_fn *frame, void *opaque)
{
    struct rv_cpu *cpu = rv(c);
    struct walker w = {cpu, frame, opaque, cpu->xlen / 8};

    frame(opaque, address(&w, cpu->pc), false);
    if (!walk_frames(&w))
        scan_stack(&w);
}
