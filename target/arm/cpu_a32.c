/* A processor in AArch32 state: reset, what translation depends on. */
#include "target/arm/a32.h"
#include "target/arm/arm.h"
#include "target/arm/cpu_priv.h"

/* RAO/WI bits of SCTLR, and CP15BEN. */
enum { SCTLR_A32_RESET = 0x00c50078, SCTLR_V8_RESET = 0x00c50838, HSCTLR_RESET = 0x30c50830 };

bool arm_a32_fp_is_off(const struct arm_cpu *cpu)
{
    bool a64_el1 = cpu->s.ps.el == 0 && arm_el_is_a64(cpu, 1);
    if (a64_el1)
        return false;
    if (arm_el3_is_a32(cpu) && !arm_is_secure(cpu) && !(cpu->s.a32.nsacr & A32_NSACR_CP10))
        return true;
    return !(cpu->s.fpexc & A32_FPEXC_EN);
}

bool arm_a32_is_short(const struct arm_cpu *cpu)
{
    unsigned bank = arm_a32_bank(cpu);
    if (arm_el_is_a64(cpu, 1) || (cpu->s.ps.el == 2 && cpu->s.ps.mode == A32_HYP))
        return false;
    return !(cpu->s.tcr_el[bank] & A32_TTBCR_EAE);
}

/* The secure world's spaces are told apart by the complement of VMID 0. */
uint32_t arm_a32_asid(const struct arm_cpu *cpu)
{
    bool secure = arm_is_secure_below(cpu);
    uint64_t id = arm_a32_bank(cpu) == 3 ? cpu->s.a32.contextidr_s : cpu->s.contextidr_el1;
    uint32_t vmid = secure ? 0xffff : arm_has_el2(cpu) ? cpu->s.vttbr_el2 >> 48 : 0;
    return (id & 0xff) | vmid << 16;
}

static uint64_t sctlr_reset(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_V8) ? SCTLR_V8_RESET : SCTLR_A32_RESET;
}

void arm_a32_reset(struct arm_cpu *cpu)
{
    struct arm_state *s = &cpu->s;
    s->ps.a32 = true;
    s->ps.daif = DAIF_A | DAIF_I | DAIF_F;
    s->ps.mode = s->ps.el == 2 ? A32_HYP : A32_SVC;
    s->sctlr_el[1] = s->sctlr_el[3] = sctlr_reset(cpu);
    s->sctlr_el[2] = HSCTLR_RESET;
    s->scr_el3 = 0;
    s->a32.nsacr = 0;
}

/* Ref: Linux, Documentation/arch/arm/booting.rst: SVC or HYP mode, not secure, MMU off.  What
 * begins at EL3 is secure. */
void arm_a32_reset_boot(struct arm_cpu *cpu)
{
    struct arm_state *s = &cpu->s;
    s->ps.mode = s->ps.el == 2 ? A32_HYP : A32_SVC;
    s->hcr_el2 = 0;
    if (s->ps.el < 3) {
        s->scr_el3 = SCR_NS | SCR_HCE | 1u << 4 | 1u << 5; /* FW, AW */
        s->a32.nsacr = 0xc00;                              /* cp10, cp11 */
    } else {
        s->scr_el3 = 0;
    }
    s->ps.thumb = cpu->pc & 1;
    cpu->pc &= cpu->pc & 1 ? ~UINT64_C(1) : ~UINT64_C(3);
}
