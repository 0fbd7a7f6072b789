/*
 * Advanced interrupt architecture: the registers of Smaia and Ssaia.
 *
 * Major interrupts have their default order: the priority arrays (iprio) are read-only zeros, and
 * no interrupt is delegated by mvien, as the specification lets implementations choose; a priority
 * that mtopi or stopi shows is 1 then.  Ref: RISC-V Advanced Interrupt Architecture 1.0, chapters 2
 * (CSRs), 3.8 to 3.10 (IMSIC), 5 (interrupts of machine and supervisor level).
 */
#include "target/riscv/aia.h"
#include "core/intc.h"
#include "target/riscv/csr.h"
#include "util/bits.h"

enum { IPRIO0 = 0x30, IPRIO15 = 0x3f, IMSIC_FIRST = 0x70, IMSIC_LAST = 0xff };
enum { TOPI_IID = 16, TOPI_PRIORITY = 1 };

void riscv_cpu_set_imsic(struct cpu *c, bool supervisor, const struct imsic_ops *ops, void *imsic)
{
    struct rv_cpu *cpu = rv(c);

    cpu->imsic_ops = ops;
    cpu->imsic[supervisor] = imsic;
    cpu->ext |= UINT64_C(1) << EXT_SMAIA;
    if (rv_has(cpu, EXT_S))
        cpu->ext |= UINT64_C(1) << EXT_SSAIA;
}

static bool is_supervisor(unsigned num)
{
    return (num >> 8 & 3) == PRV_S;
}

static uint64_t selected(const struct rv_cpu *cpu, unsigned num)
{
    return is_supervisor(num) ? cpu->s.siselect : cpu->s.miselect;
}

static bool may(const struct rv_cpu *cpu, uint64_t bit)
{
    return cpu->s.prv == PRV_M || !rv_has(cpu, EXT_SMSTATEEN) || (cpu->s.mstateen[0] & bit);
}

bool rv_aia_allow_m(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SMAIA);
}

bool rv_aia_allow_m32(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SMAIA) && cpu->xlen == 32;
}

bool rv_aia_allow_s(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SSAIA) && may(cpu, STATEEN_AIA);
}

bool rv_aia_allow_s32(const struct rv_cpu *cpu, unsigned num)
{
    return rv_aia_allow_s(cpu, num) && cpu->xlen == 32;
}

/* stopei and mtopei are those of an IMSIC. */
bool rv_aia_allow_topei(const struct rv_cpu *cpu, unsigned num)
{
    bool s = is_supervisor(num);

    return rv_has(cpu, s ? EXT_SSAIA : EXT_SMAIA) && cpu->imsic[s] &&
           (!s || may(cpu, STATEEN_IMSIC));
}

bool rv_aia_allow_siselect(const struct rv_cpu *cpu, unsigned num UNUSED)
{
    return rv_has(cpu, EXT_SSAIA) && may(cpu, STATEEN_CSRIND);
}

/* What is selected must be there: AIA 2.1 and 3.8. */
bool rv_aia_allow_ireg(const struct rv_cpu *cpu, unsigned num)
{
    bool s = is_supervisor(num);
    uint64_t sel = selected(cpu, num);

    if (!rv_has(cpu, s ? EXT_SSAIA : EXT_SMAIA) || (s && !may(cpu, STATEEN_CSRIND)))
        return false;
    if (sel >= IPRIO0 && sel <= IPRIO15)
        return (cpu->xlen == 32 || !(sel & 1)) && (!s || may(cpu, STATEEN_AIA));
    return sel >= IMSIC_FIRST && sel <= IMSIC_LAST && cpu->imsic[s] &&
           (!s || may(cpu, STATEEN_IMSIC)) &&
           cpu->imsic_ops->access(cpu->imsic[s], (unsigned)sel, cpu->xlen, 0, 0, NULL);
}

/* The bits that an access changes, and to what. */
static uint64_t change(unsigned ops, uint64_t *val)
{
    if (ops & RV_CSR_WRITE)
        return UINT64_MAX;
    uint64_t mask = ops & (RV_CSR_SET | RV_CSR_CLEAR) ? *val : 0;
    if (ops & RV_CSR_CLEAR)
        *val = 0;
    return mask;
}

uint64_t rv_aia_ireg(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val)
{
    uint64_t sel = selected(cpu, num), old = 0, mask = change(ops, &val);

    if (sel < IMSIC_FIRST)
        return 0; /* iprio */
    cpu->imsic_ops->access(cpu->imsic[is_supervisor(num)], (unsigned)sel, cpu->xlen, mask, val,
                           &old);
    rv_irq_reevaluate(cpu);
    return old;
}

/* Any write claims what the read shows. */
uint64_t rv_aia_topei(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val UNUSED)
{
    bool claim = ops & ~(unsigned)RV_CSR_READ;
    uint32_t top = cpu->imsic_ops->top(cpu->imsic[is_supervisor(num)], claim);

    rv_irq_reevaluate(cpu);
    return top;
}

uint64_t rv_aia_topi(struct rv_cpu *cpu, unsigned num)
{
    uint64_t here = is_supervisor(num) ? cpu->s.mideleg : ~cpu->s.mideleg;
    uint64_t pending = rv_mip(cpu) & cpu->s.mie & here;

    return pending ? (uint64_t)rv_first_interrupt(pending) << TOPI_IID | TOPI_PRIORITY : 0;
}

/* mvip with mvien zero shows, and is, bits of mip: SSIP, STIP where software has it, and the SEIP
 * that software sets.  AIA 5.3. */
static uint64_t mvip_bits(const struct rv_cpu *cpu)
{
    return cpu->s.menvcfg & ENVCFG_STCE ? IRQ_SSI | IRQ_SEI : IRQ_S;
}

uint64_t rv_aia_read_mvip(struct rv_cpu *cpu, unsigned num UNUSED)
{
    rv_mip(cpu); /* an edge that has just come in counts */
    return cpu->s.mip_sw & mvip_bits(cpu);
}

void rv_aia_write_mvip(struct rv_cpu *cpu, unsigned num UNUSED, uint64_t val)
{
    uint64_t bits = mvip_bits(cpu);

    cpu->s.mip_sw = (cpu->s.mip_sw & ~bits) | (val & bits);
    rv_irq_reevaluate(cpu);
}
