/*
 * How a RISC-V program calls for semihosting: an EBREAK between two instructions that do nothing.
 * Ref: RISC-V Semihosting, version 0.4, 2; Semihosting for AArch32 and AArch64, 4 (registers).
 */
#include "core/semihost.h"

#include "accel/tcg/guest.h"
#include "core/debug.h"
#include "core/machine.h"
#include "target/riscv/cpu.h"
#include "util/bits.h"

#include <glib.h>

enum {
    BEFORE = 0x01f01013 /* slli x0, x0, 31 */,
    CALL = 0x00100073,
    AFTER = 0x40705013 /* srai x0, x0, 7 */
};
enum { X_A0 = 10, X_A1 = 11, NAP_US = 1000 };

/* The three are 32 bits long each, and lie in one page. */
static bool is_call(struct rv_cpu *cpu)
{
    uint8_t insns[12];
    uint64_t first = cpu->pc - 4;

    if (((first ^ (first + sizeof(insns) - 1)) >> RAM_PAGE_BITS) ||
        !debug_read(&cpu->cpu, false, first, insns, sizeof(insns)))
        return false;
    return ld_le32(insns) == BEFORE && ld_le32(insns + 4) == CALL && ld_le32(insns + 8) == AFTER;
}

void rv_semihost(struct rv_cpu *cpu)
{
    const struct semihost *s = cpu->cpu.machine->semihost;
    uint64_t result;

    if ((cpu->s.prv == PRV_U && !semihost_serves_user(s)) || !is_call(cpu))
        return;
    bool is32 = cpu->xlen == 32;
    uint64_t arg = is32 ? (uint32_t)cpu->x[X_A1] : cpu->x[X_A1];
    if (semihost_call(&cpu->cpu, cpu->xlen / 8, (uint32_t)cpu->x[X_A0], arg, &result)) {
        cpu->x[X_A0] = is32 ? (uint64_t)(int32_t)result : result;
        cpu->pc += 4;
    } else {
        g_usleep(NAP_US); /* the same instruction again, after the safe point */
    }
    guest_unwind(&cpu->cpu);
}
