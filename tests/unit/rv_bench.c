/* A hart without an accelerator: what accel/tcg and the clock would do, recorded instead. */
#include "tests/unit/rv_bench.h"

#include "accel/tcg/guest.h"
#include "accel/tcg/tcg.h"
#include "util/bits.h"

#include <glib.h>
#include <setjmp.h>
#include <string.h>

struct rv_bench_log bench_log;
ns_t bench_now;
ns_t bench_deadline = INT64_MAX;
bool bench_cas_races;

static jmp_buf unwind_to;
static uint32_t mxcsr;

/* ---- accel/tcg ---- */

const struct ir_slot rv_slots[RV_SLOTS];

void rv_translate(struct tx *tx UNUSED)
{
}

unsigned rv_disas(struct cpu *cpu UNUSED, FILE *f UNUSED, gva pc UNUSED,
                  const uint8_t *bytes UNUSED, unsigned len UNUSED)
{
    return 4;
}

bool tcg_cpu_attach(struct cpu *cpu UNUSED, const struct guest_ops *ops UNUSED,
                    struct error **errp UNUSED)
{
    return true;
}

void guest_unwind(struct cpu *cpu UNUSED)
{
    longjmp(unwind_to, 1);
}

bool guest_phys_ld(struct cpu *cpu, gpa addr, unsigned size, uint64_t *val)
{
    return mem_read(cpu->as, addr, size, val) == MEM_OK;
}

bool guest_phys_cas(struct cpu *cpu, gpa addr, unsigned size, uint64_t expect, uint64_t val,
                    bool *ok)
{
    uint64_t now;

    if (mem_read(cpu->as, addr, size, &now) != MEM_OK)
        return false;
    *ok = now == expect && !bench_cas_races;
    bench_cas_races = false;
    return !*ok || mem_write(cpu->as, addr, size, val) == MEM_OK;
}

void guest_probe(struct cpu *cpu, gva addr, unsigned size UNUSED, enum guest_access access,
                 unsigned idx)
{
    struct guest_walk w;

    if (rv_walk(cpu, addr, access, idx, &w))
        return;
    rv_raise_fault(cpu, addr, access, idx, w.cause);
    guest_unwind(cpu);
}

void guest_zero(struct cpu *cpu UNUSED, gva addr, unsigned size, unsigned idx UNUSED)
{
    bench_log.zeroed += size;
    bench_log.addr = addr;
}

void guest_mode_changed(struct cpu *cpu UNUSED)
{
    bench_log.mode_changed++;
}

void guest_space_changed(struct cpu *cpu UNUSED)
{
    bench_log.space_changed++;
}

void guest_tlb_flush(struct cpu *cpu UNUSED)
{
    bench_log.flush_all++;
}

void guest_tlb_flush_asid(struct cpu *cpu UNUSED, uint32_t asid)
{
    bench_log.flush_asid++;
    bench_log.asid = asid;
}

void guest_tlb_flush_page(struct cpu *cpu UNUSED, gva addr)
{
    bench_log.flush_page++;
    bench_log.addr = addr;
}

void guest_tlb_flush_page_asid(struct cpu *cpu UNUSED, gva addr, uint32_t asid)
{
    bench_log.flush_page_asid++;
    bench_log.addr = addr;
    bench_log.asid = asid;
}

uint32_t guest_fpenv_get(struct cpu *cpu UNUSED)
{
    return mxcsr;
}

void guest_fpenv_set(struct cpu *cpu UNUSED, uint32_t val)
{
    mxcsr = val;
}

/* ---- core/clock ---- */

ns_t clock_now(void)
{
    return bench_now;
}

ns_t clock_wall(void)
{
    return 0;
}

void clock_init(void)
{
}

void clock_start(void)
{
}

void clock_stop(void)
{
}

ns_t timer_next(void)
{
    return bench_deadline;
}

void timer_init(struct timer *t, struct mutex *lock, timer_fn *fn, void *opaque)
{
    *t = (struct timer){.fn = fn, .opaque = opaque, .lock = lock};
}

void timer_set(struct timer *t, ns_t deadline)
{
    t->deadline = bench_deadline = deadline;
    t->armed = true;
}

void timer_cancel(struct timer *t)
{
    bench_deadline = INT64_MAX;
    t->armed = false;
}

/* ---- machine ---- */

static void *accel_cpu_alloc(size_t size)
{
    return g_malloc0(size);
}

static void accel_cpu_free(struct cpu *cpu)
{
    g_free(cpu);
}

static const struct accel_ops bench_accel = {
    .name = "bench", .cpu_alloc = accel_cpu_alloc, .cpu_free = accel_cpu_free};
static const struct machine_class bench_class = {
    .name = "bench", .arch = "riscv64", .size = sizeof(struct machine)};

void bench_forget(void)
{
    memset(&bench_log, 0, sizeof(bench_log));
}

static void add_ram(struct rv_bench *b)
{
    static struct mem_region mr;

    memset(&mr, 0, sizeof(mr));
    b->ram = machine_new_ram(b->m, "ram", BENCH_RAM_SIZE, NULL);
    g_assert_nonnull(b->ram);
    region_init_ram(&mr, "ram", b->ram, 0, BENCH_RAM_SIZE);
    region_add(&b->m->root, BENCH_RAM, &mr, 0);
    address_space_update(&b->m->as);
}

struct rv_bench *rv_bench_new(const char *model)
{
    struct rv_bench *b = g_new0(struct rv_bench, 1);
    struct error *err = NULL;

    bench_now = 0;
    bench_deadline = INT64_MAX;
    mxcsr = 0x1f80;
    b->m = machine_new(&bench_class, &bench_accel, NULL);
    add_ram(b);
    struct cpu *cpu = riscv_cpu_new(b->m, model, 0, &err);
    if (!cpu)
        g_error("%s", error_text(err));
    b->cpu = rv(cpu);
    cpu_reset(cpu);
    bench_forget();
    return b;
}

void rv_bench_free(struct rv_bench *b)
{
    machine_free(b->m);
    g_free(b);
}

char *bench_refusal(const char *model)
{
    struct machine *m = machine_new(&bench_class, &bench_accel, NULL);
    struct error *err = NULL;
    struct cpu *cpu = riscv_cpu_new(m, model, 0, &err);
    char *text = cpu ? g_strdup("(accepted)") : g_strdup(error_text(err));

    error_free(err);
    machine_free(m);
    return text;
}

bool bench_csr(struct rv_bench *b, unsigned num, unsigned ops, uint64_t val, uint64_t *old)
{
    if (setjmp(unwind_to))
        return false;
    uint64_t v = rv_csr_access(b->cpu, num, ops, val, 0x73);
    if (old)
        *old = v;
    return true;
}

uint64_t bench_get(struct rv_bench *b, unsigned num)
{
    uint64_t v = 0;

    if (!bench_csr(b, num, RV_CSR_READ, 0, &v))
        g_error("reading CSR %#x trapped", num);
    return v;
}

void bench_set(struct rv_bench *b, unsigned num, uint64_t val)
{
    if (!bench_csr(b, num, RV_CSR_WRITE, val, NULL))
        g_error("writing CSR %#x trapped", num);
}

bool bench_read_traps(struct rv_bench *b, unsigned num, unsigned prv)
{
    struct rv_state before = b->cpu->s;
    uint64_t pc = b->cpu->pc;

    b->cpu->s.prv = prv;
    bool ok = bench_csr(b, num, RV_CSR_READ, 0, NULL);
    if (!ok)
        g_assert_cmpuint(b->cpu->s.mcause, ==, CAUSE_ILLEGAL);
    b->cpu->s = before;
    b->cpu->pc = pc;
    return !ok;
}

bool bench_insn(struct rv_bench *b, void (*helper)(struct rv_cpu *, uint32_t), uint32_t insn)
{
    if (setjmp(unwind_to))
        return false;
    helper(b->cpu, insn);
    return true;
}

bool bench_sfence(struct rv_bench *b, uint64_t addr, uint64_t asid, uint32_t flags)
{
    if (setjmp(unwind_to))
        return false;
    helper_sfence_vma(b->cpu, addr, asid, flags, 0x12000073);
    return true;
}

bool bench_cbo(struct rv_bench *b, uint64_t addr, uint32_t kind)
{
    if (setjmp(unwind_to))
        return false;
    helper_cbo(b->cpu, addr, kind, 0x200f);
    return true;
}

void bench_poke(struct rv_bench *b, gpa addr, uint64_t val, unsigned size)
{
    g_assert_cmpint(mem_write(&b->m->as, addr, size, val), ==, MEM_OK);
}

uint64_t bench_peek(struct rv_bench *b, gpa addr, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(mem_read(&b->m->as, addr, size, &v), ==, MEM_OK);
    return v;
}
