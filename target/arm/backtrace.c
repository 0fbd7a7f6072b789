/*
 * The functions in progress on a processor, for people who ask why it hangs.
 *
 * AArch64 code keeps frame records, the caller's x29 and the return address, in a chain that begins
 * at x29: Procedure Call Standard for the Arm 64-bit Architecture, 6.4.6.  Where there is no such
 * chain, and in AArch32 state, the stack is searched for words that follow a call; those frames are
 * guesses.  Everything read is the guest's word and bounds are ours.
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"

#include "core/memory.h"

enum { FP = 29, LR = 30, SP = 31, R_SP = 13, R_LR = 14 };
enum { MAX_FRAMES = 64, MAX_GUESSES = 16, SCAN_WORDS = 512, MAX_FRAME_BYTES = 1 << 20 };

struct walker {
    struct arm_cpu *cpu;
    cpu_frame_fn *frame;
    void *opaque;
    unsigned width; /* bytes of a register */
};

static bool read_guest(const struct walker *w, uint64_t addr, void *buf, unsigned len)
{
    gpa pa;

    if ((addr & 4095) + len > 4096 || !w->cpu->cpu.ops->debug_translate(&w->cpu->cpu, addr, &pa))
        return false;
    return mem_peek(w->cpu->cpu.as, pa, buf, len);
}

static bool read_word(const struct walker *w, uint64_t addr, uint64_t *out)
{
    uint8_t buf[8] = {0};

    if (addr & (w->width - 1) || !read_guest(w, addr, buf, w->width))
        return false;
    *out = ld_le64(buf);
    return true;
}

/* A return address without its authentication code. */
static uint64_t strip(const struct walker *w, uint64_t addr)
{
    uint64_t mask = arm_has(w->cpu, ARM_F_PAUTH) ? arm_pac_mask(w->cpu) : 0;

    return addr & BIT64(55) ? addr | mask : addr & ~mask;
}

static bool is_code(const struct walker *w, uint64_t addr)
{
    uint8_t buf[4];

    return addr && !(addr & 3) && read_guest(w, addr, buf, sizeof(buf));
}

/* Whether the instruction before addr is BL or BLR (also with authentication). */
static bool follows_call64(const struct walker *w, uint64_t addr)
{
    uint8_t buf[4];

    if (!is_code(w, addr) || !read_guest(w, addr - 4, buf, 4))
        return false;
    uint32_t insn = ld_le32(buf);
    return insn >> 26 == 0x25 || (insn & 0xfefff000) == 0xd63f0000;
}

/* The same in AArch32 state: bit 0 tells T32, where calls have 2 or 4 bytes. */
static bool follows_call32(const struct walker *w, uint64_t addr)
{
    uint8_t buf[4];

    if (addr & 1) {
        uint64_t at = addr - 1;
        if (at & 2 ? !read_guest(w, at - 4, buf, 2) || !read_guest(w, at - 2, buf + 2, 2)
                   : !read_guest(w, at - 4, buf, 4))
            return false;
        unsigned first = ld_le16(buf), second = ld_le16(buf + 2);
        bool is_bl = first >> 11 == 0x1e && (second & 0xc000) == 0xc000;
        return is_bl || (second & 0xff87) == 0x4780; /* BLX Rm */
    }
    if (!is_code(w, addr) || !read_guest(w, addr - 4, buf, 4))
        return false;
    uint32_t insn = ld_le32(buf);
    return (insn >> 24 & 15) == 11 || insn >> 25 == 0x7d || (insn & 0x0ffffff0) == 0x012fff30;
}

static bool follows_call(const struct walker *w, uint64_t addr)
{
    return w->width == 8 ? follows_call64(w, strip(w, addr)) : follows_call32(w, addr);
}

static void tell(const struct walker *w, uint64_t addr, bool is_guess)
{
    w->frame(w->opaque, w->width == 8 ? strip(w, addr) : addr & ~UINT64_C(1), is_guess);
}

static unsigned walk_frames(const struct walker *w)
{
    uint64_t fp = w->cpu->x[FP], lr = w->cpu->x[LR], ret, next;
    unsigned n = 0;

    while (n < MAX_FRAMES && read_word(w, fp, &next) && read_word(w, fp + 8, &ret) &&
           is_code(w, strip(w, ret))) {
        if (n == 0 && lr != ret && strip(w, lr) != w->cpu->pc && follows_call(w, lr))
            tell(w, lr, true); /* a leaf's caller, or where the last call returned to */
        tell(w, ret, false);
        n++;
        if (next <= fp || next - fp > MAX_FRAME_BYTES)
            break;
        fp = next;
    }
    return n;
}

static void scan_stack(const struct walker *w)
{
    bool is64 = w->width == 8;
    uint64_t sp = w->cpu->x[is64 ? SP : R_SP], lr = w->cpu->x[is64 ? LR : R_LR], value;
    unsigned found = 0;

    if (lr != w->cpu->pc && follows_call(w, lr))
        tell(w, lr, true);
    for (unsigned i = 0; i < SCAN_WORDS && found < MAX_GUESSES; i++) {
        if (!read_word(w, sp + (uint64_t)i * w->width, &value))
            return;
        if (follows_call(w, value)) {
            tell(w, value, true);
            found++;
        }
    }
}

/* ---- M profile: frames of exceptions lie between those of functions ---- */

enum { FRAME_LR = 20, FRAME_PC = 24, FRAME_XPSR = 28, FRAME_BASIC = 0x20, FRAME_EXTENDED = 0x68 };
enum { RET_SPSEL = 1 << 2, RET_THREAD = 1 << 3, RET_BASIC = 1 << 4, XPSR_PADDED = 1 << 9 };

static bool is_exc_return(uint64_t value)
{
    return value >> 7 == 0x1ffffff && value != UINT32_MAX;
}

/* Tell of what an exception has interrupted, and go to its stack: sp is behind the frame then. ret:
 * EXC_RETURN; sp: where the frame is if it is on this stack. */
static bool tell_interrupted(const struct walker *w, uint64_t ret, uint64_t *sp)
{
    uint64_t frame = ret & RET_THREAD && ret & RET_SPSEL ? w->cpu->m.s.sp[1] : *sp, pc, lr, xpsr;

    if (!read_word(w, frame + FRAME_PC, &pc) || !read_word(w, frame + FRAME_LR, &lr) ||
        !read_word(w, frame + FRAME_XPSR, &xpsr))
        return false;
    tell(w, pc, false);
    if (follows_call(w, lr))
        tell(w, lr, true);
    *sp = frame + (ret & RET_BASIC ? FRAME_BASIC : FRAME_EXTENDED) + (xpsr & XPSR_PADDED ? 4 : 0);
    return true;
}

/* A handler that has saved nothing yet: LR is as the processor set it. */
static bool begins_handler(const struct walker *w)
{
    uint64_t xpsr, sp = w->cpu->x[R_SP];

    return is_exc_return(w->cpu->x[R_LR]) && read_word(w, sp + FRAME_XPSR, &xpsr) &&
           (xpsr >> 24 & 1 || w->cpu->x[R_LR] & RET_SPSEL);
}

static void scan_m(const struct walker *w)
{
    uint64_t sp = w->cpu->x[R_SP], lr = w->cpu->x[R_LR], value;
    unsigned found = 0;

    if (begins_handler(w))
        tell_interrupted(w, lr, &sp);
    else if (lr != w->cpu->pc && follows_call(w, lr))
        tell(w, lr, true);
    for (unsigned i = 0; i < SCAN_WORDS && found < MAX_GUESSES; i++) {
        if (!read_word(w, sp, &value))
            return;
        sp += 4;
        if (is_exc_return(value)) {
            found++;
            if (!tell_interrupted(w, value, &sp))
                return;
        } else if (follows_call(w, value)) {
            found++;
            tell(w, value, true);
        }
    }
}

void arm_backtrace(struct cpu *c, cpu_frame_fn *frame, void *opaque)
{
    struct arm_cpu *cpu = arm(c);
    struct walker w = {cpu, frame, opaque, cpu->s.ps.a32 ? 4 : 8};

    frame(opaque, cpu->pc, false);
    if (arm_is_m(cpu)) {
        scan_m(&w);
        return;
    }
    if (cpu->s.ps.a32 || !walk_frames(&w))
        scan_stack(&w);
}
