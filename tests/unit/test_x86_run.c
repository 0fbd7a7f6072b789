/*
 * Programs on the x86 processor with the accelerator: code that stores to itself, read-modify-write
 * across pages, the ends of segments.  Each runs on each engine; the programs check themselves.
 */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "core/machine.h"
#include "core/ram.h"
#include "target/x86/cpu.h"

#include <glib.h>
#include <string.h>

enum { RAM_BYTES = 4 << 20, PROGRAM_AT = 0x10000, STACK = 0x9000 };

#define PROGRAMS(X)   X(store) X(loop) X(string) X(split) X(limit) X(wrap)
#define DECLARE(name) extern const uint8_t program_##name[], program_##name##_end[];
PROGRAMS(DECLARE)

struct rig {
    struct machine *m;
    struct mem_region ram_region;
    struct ram_block *ram;
    struct cpu *cpu;
    void *accel;
};

static bool make_cpu(struct machine *m, struct error **errp)
{
    static const struct x86_cpu_config config = {
        .is_bsp = true, .sockets = 1, .cores = 1, .threads = 1};
    return x86_cpu_new(m, NULL, &config, errp);
}

static const struct machine_class bare[] = {{.name = "bare64",
                                             .arch = "x86_64",
                                             .max_cpus = 1,
                                             .size = sizeof(struct machine),
                                             .init = make_cpu},
                                            {.name = "bare32",
                                             .arch = "i386",
                                             .max_cpus = 1,
                                             .size = sizeof(struct machine),
                                             .init = make_cpu}};

static void set_property(struct rig *r, const char *name, const char *value)
{
    struct error *err = NULL;
    if (!props_set(tcg_accel_ops.props, r->accel, name, value, &err))
        g_error("%s", error_text(err));
}

static struct rig *rig_new(const char *engine, const struct machine_class *cls)
{
    bool regions = !strcmp(engine, "regions");
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;
    r->accel = g_malloc0(tcg_accel_ops.props_size);
    props_init(tcg_accel_ops.props, r->accel);
    set_property(r, "engine", regions ? "jit" : engine);
    set_property(r, "regions", regions ? "all" : "auto");
    set_property(r, "tb-size", "1");
    clock_init();
    r->m = machine_new(cls, &tcg_accel_ops, r->accel);
    r->ram = machine_new_ram(r->m, "ram", RAM_BYTES, NULL);
    region_init_ram(&r->ram_region, "ram", r->ram, 0, RAM_BYTES);
    region_add(&r->m->root, 0, &r->ram_region, 0);
    address_space_update(&r->m->as);
    if (!machine_init(r->m, &err))
        g_error("%s", error_text(err));
    r->cpu = r->m->cpus[0];
    return r;
}

static void rig_free(struct rig *r)
{
    machine_free(r->m);
    props_fini(tcg_accel_ops.props, r->accel);
    g_free(r->accel);
    g_free(r);
}

static void *run_cpu(void *cpu)
{
    tcg_accel_ops.cpu_thread(cpu);
    return NULL;
}

/* Until it halts: eax. */
static uint32_t run(struct rig *r, const uint8_t *code, size_t len)
{
    struct x86_boot boot = {.eip = PROGRAM_AT, .esp = STACK};
    struct x86_cpu *cpu = x86(r->cpu);
    memcpy(r->ram->host + PROGRAM_AT, code, len);
    x86_cpu_set_boot(r->cpu, &boot);
    cpu_reset(r->cpu);
    r->cpu->started = true;
    GThread *thread = g_thread_new("vcpu", run_cpu, r->cpu);
    for (unsigned ms = 0; !__atomic_load_n(&r->cpu->halted, __ATOMIC_ACQUIRE); ms++) {
        g_assert_cmpuint(ms, <, 20000);
        g_usleep(1000);
    }
    cpu_request(r->cpu, CPU_REQ_QUIT);
    g_thread_join(thread);
    g_test_message("eax %#x eip %#x", (unsigned)cpu->r[0], (unsigned)cpu->pc);
    return (uint32_t)cpu->r[0];
}

#define TEST(name)                                                                                 \
    static void test_##name(gconstpointer engine)                                                  \
    {                                                                                              \
        size_t len = (size_t)(program_##name##_end - program_##name);                              \
        for (unsigned i = 0; i < G_N_ELEMENTS(bare); i++) {                                        \
            struct rig *r = rig_new(engine, &bare[i]);                                             \
            g_assert_cmphex(run(r, program_##name, len), ==, 0);                                   \
            rig_free(r);                                                                           \
        }                                                                                          \
    }
PROGRAMS(TEST)

int main(int argc, char **argv)
{
    static const char *const engines[] = {"interp", "jit", "regions"};
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(engines); i++) {
#define ADD(name)                                                                                  \
    {                                                                                              \
        g_autofree char *path = g_strdup_printf("/x86/%s/" #name, engines[i]);                     \
        g_test_add_data_func(path, engines[i], test_##name);                                       \
    }
        PROGRAMS(ADD)
    }
    return g_test_run();
}
