/*
 * Debug registers: code, data and I/O breakpoints, single step.
 *
 * Data breakpoints are found by the accelerator's slow path, which asks for pages that have one.
 * They trap after their instruction, whose end other instructions of its unit must not hide: so the
 * first access that hits makes the instruction run again, alone.
 * Ref: SDM vol. 3, 17.2 (registers), 17.3 (#DB), table 17-1 (ranges); 6.8.3 (shadow of SS).
 */
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"

enum { POINTS = 4, DR7_GD = 1 << 13, DR6_BD = 1 << 13, DR6_BS = 1 << 14 };
enum { ON_EXECUTE, ON_WRITE, ON_IO, ON_ACCESS };
#define DR6_FIXED UINT64_C(0xffff0ff0)

static bool is_enabled(const struct x86_state *s, unsigned n)
{
    return s->dr[7] >> 2 * n & 3;
}

static unsigned condition(const struct x86_state *s, unsigned n)
{
    return s->dr[7] >> (16 + 4 * n) & 3;
}

static unsigned length(const struct x86_state *s, unsigned n)
{
    static const uint8_t bytes[] = {1, 2, 8, 4};

    return bytes[s->dr[7] >> (18 + 4 * n) & 3];
}

static bool meets(const struct x86_state *s, unsigned n, uint64_t addr, uint64_t len)
{
    uint64_t size = length(s, n), first = s->dr[n] & ~(size - 1);

    return addr - first < size || first - addr < len;
}

static bool is_data(unsigned cond)
{
    return cond == ON_WRITE || cond == ON_ACCESS;
}

/* ---- code ---- */

bool x86_has_code_breakpoints(const struct x86_cpu *cpu)
{
    for (unsigned n = 0; (cpu->s.dr[7] & 0xff) && n < POINTS; n++)
        if (is_enabled(&cpu->s, n) && condition(&cpu->s, n) == ON_EXECUTE)
            return true;
    return false;
}

static uint32_t code_hits(const struct x86_cpu *cpu)
{
    uint32_t hits = 0;

    if (!(cpu->s.dr[7] & 0xff))
        return 0;
    for (unsigned n = 0; n < POINTS; n++)
        if (condition(&cpu->s, n) == ON_EXECUTE && cpu->s.dr[n] == cpu->pc)
            hits |= is_enabled(&cpu->s, n) ? 1u << n : 0;
    return hits;
}

/* ---- data and ports ---- */

bool x86_watched(const struct x86_cpu *cpu, gva addr, uint64_t len)
{
    const struct x86_state *s = &cpu->s;

    for (unsigned n = 0; (s->dr[7] & 0xff) && n < POINTS; n++)
        if (is_enabled(s, n) && is_data(condition(s, n)) && meets(s, n, addr, len))
            return true;
    return false;
}

static uint32_t data_hits(const struct x86_state *s, gva addr, unsigned size, bool is_write)
{
    uint32_t hits = 0;

    for (unsigned n = 0; n < POINTS; n++) {
        unsigned cond = condition(s, n);
        bool wanted = cond == ON_ACCESS || (cond == ON_WRITE && is_write);
        if (is_enabled(s, n) && wanted && meets(s, n, addr, size))
            hits |= 1u << n;
    }
    return hits;
}

bool x86_may_access(struct cpu *c, gva addr, uint32_t memop, enum guest_access access,
                    uint32_t *cause)
{
    struct x86_cpu *cpu = x86(c);
    uint32_t hits = data_hits(&cpu->s, addr, memop_bytes(memop), access == GUEST_WRITE);

    if (!hits)
        return true;
    *cause = X86_CAUSE_WATCHED;
    if (!(cpu->seg_mode & (X86_MODE_ONE | X86_MODE_TF)))
        return false;
    cpu->s.db_pending |= hits;
    return true;
}

/* Before the access is done; the instruction may have to run again, alone. */
void x86_debug_io(struct x86_cpu *cpu, unsigned port, unsigned bytes)
{
    const struct x86_state *s = &cpu->s;
    uint32_t hits = 0;

    if (LIKELY(!(s->dr[7] & 0xff)) || !(s->cr4 & X86_CR4_DE))
        return;
    for (unsigned n = 0; n < POINTS; n++)
        if (is_enabled(s, n) && condition(s, n) == ON_IO && meets(s, n, port, bytes))
            hits |= 1u << n;
    if (hits && !(cpu->seg_mode & (X86_MODE_ONE | X86_MODE_TF))) {
        cpu->retry_watched = true;
        x86_segments_changed(cpu);
        guest_unwind(&cpu->cpu);
    }
    cpu->s.db_pending |= hits;
}

/* ---- the registers ---- */

void x86_write_dr(struct x86_cpu *cpu, unsigned n, uint64_t val)
{
    enum { DR7_FIXED = 1 << 10, DR7_ZERO = 0xd800 };

    switch (n) {
    case 6: cpu->s.dr[6] = (val & 0xe00f) | DR6_FIXED; break;
    case 7: cpu->s.dr[7] = ((uint32_t)val & ~(uint64_t)DR7_ZERO) | DR7_FIXED; break;
    default: cpu->s.dr[n] = val;
    }
    guest_tlb_flush(&cpu->cpu);
    x86_segments_changed(cpu);
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE says that they are not there. */
static unsigned check_dr(struct x86_cpu *cpu, uint32_t n)
{
    if (n == 4 || n == 5) {
        if (cpu->s.cr4 & X86_CR4_DE)
            x86_fault(cpu, X86_UD, 0);
        n += 2;
    }
    if (cpu->s.cpl)
        x86_fault(cpu, X86_GP, 0);
    if (cpu->s.dr[7] & DR7_GD) {
        x86_debug_exception(cpu, DR6_BD);
        guest_unwind(&cpu->cpu);
    }
    return n & 7;
}

uint64_t helper_read_dr(struct x86_cpu *cpu, uint32_t n)
{
    return cpu->s.dr[check_dr(cpu, n)];
}

void helper_write_dr(struct x86_cpu *cpu, uint32_t n, uint64_t val)
{
    n = check_dr(cpu, n);
    if (n >= 6 && val >> 32)
        x86_fault(cpu, X86_GP, 0);
    x86_write_dr(cpu, n, val);
}

/* ---- one instruction ---- */

void helper_one_begin(struct x86_cpu *cpu)
{
    struct x86_state *s = &cpu->s;
    bool is_hidden = s->shadow_ss && !x86_is_amd(cpu);
    uint32_t hits = (s->eflags & X86_FL_RF) || is_hidden ? 0 : code_hits(cpu);

    if (hits) {
        x86_debug_exception(cpu, hits);
        guest_unwind(&cpu->cpu);
    }
    if (!s->shadow_ss)
        s->db_pending = 0;
    s->shadow = s->shadow_ss = false;
    s->keep_rf = false;
}

/* The pc slot is that of the next instruction: #DB is a trap.  After MOV SS and POP SS it waits for
 * one instruction more; a single step is lost then, as on processors.  tf: X86_STEP_BY_FLAG is for
 * SYSCALL and SYSRET, which step when TF is set after them. */
void helper_one_end(struct x86_cpu *cpu, uint32_t tf)
{
    struct x86_state *s = &cpu->s;
    uint32_t hits = s->db_pending;

    if (!s->keep_rf)
        s->eflags &= ~(uint32_t)X86_FL_RF;
    s->keep_rf = false;
    cpu->retry_watched = cpu->near_limit = false;
    if (s->shadow_ss) {
        x86_segments_changed(cpu);
        return;
    }
    s->db_pending = 0;
    if (tf == X86_STEP_BY_FLAG)
        tf = s->eflags & X86_FL_TF;
    hits |= tf ? DR6_BS : 0;
    if (hits) {
        x86_debug_exception(cpu, hits);
        guest_unwind(&cpu->cpu);
    }
    x86_segments_changed(cpu);
    x86_irq_reevaluate(cpu);
}
