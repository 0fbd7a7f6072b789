/* An Arm processor without an accelerator: what accel/tcg and the clock would do, recorded instead.
 */
#include "tests/unit/arm_bench.h"

#include "accel/tcg/tcg.h"

#include <glib.h>
#include <setjmp.h>
#include <string.h>

struct arm_bench_log bench_log;
ns_t bench_now;
bool bench_cas_races;

static jmp_buf unwind_to;
static uint32_t mxcsr;

/* ---- accel/tcg ---- */

void arm_translate(struct tx *tx UNUSED)
{
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

void guest_probe(struct cpu *cpu UNUSED, gva addr UNUSED, unsigned size UNUSED,
                 enum guest_access access UNUSED, unsigned idx UNUSED)
{
}

void guest_zero(struct cpu *cpu UNUSED, gva addr UNUSED, unsigned size UNUSED, unsigned idx UNUSED)
{
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
    return INT64_MAX;
}

void timer_init(struct timer *t, struct mutex *lock, timer_fn *fn, void *opaque)
{
    *t = (struct timer){.fn = fn, .opaque = opaque, .lock = lock};
}

void timer_set(struct timer *t, ns_t deadline)
{
    t->deadline = deadline;
    t->armed = true;
}

void timer_cancel(struct timer *t)
{
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
    .name = "bench", .arch = "aarch64", .size = sizeof(struct machine)};

void bench_forget(void)
{
    memset(&bench_log, 0, sizeof(bench_log));
}

static void add_ram(struct arm_bench *b)
{
    static struct mem_region mr;

    memset(&mr, 0, sizeof(mr));
    struct ram_block *ram = machine_new_ram(b->m, "ram", BENCH_RAM_SIZE, NULL);
    g_assert_nonnull(ram);
    region_init_ram(&mr, "ram", ram, 0, BENCH_RAM_SIZE);
    region_add(&b->m->root, BENCH_RAM, &mr, 0);
    address_space_update(&b->m->as);
}

struct arm_bench *arm_bench_new(const char *model, bool has_el2, bool has_el3)
{
    struct arm_bench *b = g_new0(struct arm_bench, 1);
    struct arm_cpu_config cfg = {.has_el2 = has_el2, .has_el3 = has_el3};
    struct error *err = NULL;

    bench_now = 0;
    mxcsr = 0x1f80;
    b->m = machine_new(&bench_class, &bench_accel, NULL);
    add_ram(b);
    struct cpu *cpu = arm_cpu_new(b->m, model, &cfg, &err);
    if (!cpu)
        g_error("%s", error_text(err));
    b->cpu = arm(cpu);
    cpu_reset(cpu);
    bench_forget();
    return b;
}

void arm_bench_free(struct arm_bench *b)
{
    machine_free(b->m);
    g_free(b);
}

char *bench_refusal(const char *model)
{
    struct machine *m = machine_new(&bench_class, &bench_accel, NULL);
    struct arm_cpu_config cfg = {.has_el2 = true};
    struct error *err = NULL;
    struct cpu *cpu = arm_cpu_new(m, model, &cfg, &err);
    char *text = cpu ? g_strdup("(accepted)") : g_strdup(error_text(err));

    error_free(err);
    machine_free(m);
    return text;
}

void bench_level(struct arm_bench *b, unsigned el)
{
    b->cpu->s.ps.el = el;
    b->cpu->s.ps.spsel = el != 0;
    b->cpu->s.ps.a32 = false;
}

bool bench_read(struct arm_bench *b, uint32_t key, uint64_t *val)
{
    if (setjmp(unwind_to))
        return false;
    *val = arm_sysreg_read(b->cpu, key, 0);
    return true;
}

bool bench_write(struct arm_bench *b, uint32_t key, uint64_t val)
{
    if (setjmp(unwind_to))
        return false;
    arm_sysreg_write(b->cpu, key, 0, val);
    return true;
}

int bench_trap(struct arm_bench *b, unsigned el, uint32_t key, bool is_write)
{
    struct arm_state before = b->cpu->s;
    uint64_t pc = b->cpu->pc, val = 0;
    int result = -1;

    bench_level(b, el);
    bool ok = is_write ? bench_write(b, key, 0) : bench_read(b, key, &val);
    if (!ok)
        result = (int)(esr_ec((uint32_t)b->cpu->s.esr_el[b->cpu->s.ps.el]) | b->cpu->s.ps.el << 8);
    b->cpu->s = before;
    b->cpu->pc = pc;
    return result;
}

void bench_poke(struct arm_bench *b, gpa addr, uint64_t val)
{
    g_assert_cmpint(mem_write(&b->m->as, addr, 8, val), ==, MEM_OK);
}

uint64_t bench_peek(struct arm_bench *b, gpa addr)
{
    uint64_t v = 0;

    g_assert_cmpint(mem_read(&b->m->as, addr, 8, &v), ==, MEM_OK);
    return v;
}
