/* Harts as boards see them: creation, identity, time. */
#include "target/riscv/riscv.h"

#include "accel/tcg/tcg.h"
#include "core/machine.h"
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"

#include <string.h>

enum { DEFAULT_TIME_PERIOD = 100 /* ns: 10 MHz */, DEFAULT_RESET_PC = 0x1000 };

static bool machine_is32(const struct machine *m)
{
    return m->cls && m->cls->arch && !strcmp(m->cls->arch, "riscv32");
}

/* What is fixed before properties are read. */
static void set_defaults(struct rv_cpu *cpu, unsigned hartid)
{
    cpu->hartid = hartid;
    cpu->reset_pc = DEFAULT_RESET_PC;
    cpu->time_period = DEFAULT_TIME_PERIOD;
}

struct cpu *riscv_cpu_new(struct machine *m, const char *model, unsigned hartid,
                          struct error **errp)
{
    bool is32 = machine_is32(m);
    struct rv_cpu *cpu = m->accel->cpu_alloc(sizeof(*cpu));

    set_defaults(cpu, hartid);
    if (!rv_configure(cpu, model ? model : is32 ? "rv32" : "rv64", is32, errp)) {
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    cpu_init(&cpu->cpu, cpu->xlen == 32 ? &rv32_cpu_ops : &rv64_cpu_ops, m, m->ncpus);
    rv_stimer_init(cpu);
    if (!tcg_cpu_attach(&cpu->cpu, &rv_guest_ops, errp)) {
        rv_stimer_fini(cpu);
        cpu_fini(&cpu->cpu);
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    machine_add_cpu(m, &cpu->cpu);
    return &cpu->cpu;
}

const char *riscv_mmu_type(struct cpu *cpu)
{
    switch (rv(cpu)->max_satp_mode) {
    case SATP_SV32: return "riscv,sv32";
    case SATP_SV39: return "riscv,sv39";
    case SATP_SV48: return "riscv,sv48";
    case SATP_SV57: return "riscv,sv57";
    default: return NULL;
    }
}

unsigned riscv_xlen(struct cpu *cpu)
{
    return rv(cpu)->xlen;
}

unsigned riscv_cbom_block_size(struct cpu *cpu)
{
    return rv_has(rv(cpu), EXT_ZICBOM) ? rv(cpu)->cbom_size : 0;
}

unsigned riscv_cboz_block_size(struct cpu *cpu)
{
    return rv_has(rv(cpu), EXT_ZICBOZ) ? rv(cpu)->cboz_size : 0;
}

void riscv_cpu_set_reset_pc(struct cpu *cpu, uint64_t pc)
{
    rv(cpu)->reset_pc = pc;
}

void riscv_cpu_set_time_period(struct cpu *cpu, uint64_t period)
{
    rv(cpu)->time_period = period ? period : DEFAULT_TIME_PERIOD;
    rv_stimer_update(rv(cpu));
}

void riscv_cpu_set_time_offset(struct cpu *cpu, int64_t ticks)
{
    atomic_store_explicit(&rv(cpu)->time_offset, ticks, memory_order_relaxed);
    rv_stimer_update(rv(cpu));
}

void riscv_irq_set(void *cpu, unsigned n, bool level)
{
    if (level || n != RISCV_IRQ_SSI)
        cpu_irq_set(cpu, n, level);
}
