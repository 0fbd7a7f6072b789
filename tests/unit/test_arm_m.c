/*
 * What versions of the M profile have of T32, one instruction at a time, on a machine of a
 * processor, its NVIC and memory: no board has the smaller processors.
 * Ref: Armv6-M Architecture Reference Manual (DDI 0419), A5; DDI 0553, C1.
 */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "core/machine.h"
#include "core/prop.h"
#include "core/ram.h"
#include "core/semihost.h"
#include "hw/intc/armv7m.h"
#include "hw/registry.h"
#include "target/arm/arm.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { CODE_SIZE = 0x10000, DATA_SIZE = 0x10000, CODE_AT = 0x100, HANDLER_AT = 0x200 };
static const gpa DATA = 0x20000000;

struct m_machine {
    struct machine m;
    struct mem_region code, data;
    struct device *nvic;
};

static void add_ram(struct machine *m, struct mem_region *mr, const char *name, gpa base)
{
    struct ram_block *ram = machine_new_ram(m, name, CODE_SIZE, NULL);
    region_init_ram(mr, name, ram, 0, CODE_SIZE);
    region_add(&m->root, base, mr, 0);
}

static bool make(struct machine *m, struct error **errp)
{
    struct m_machine *mm = (struct m_machine *)m;
    add_ram(m, &mm->code, "code", 0);
    add_ram(m, &mm->data, "data", DATA);
    mm->nvic = device_new(hw_device_find("armv7m_nvic"), m, "nvic");
    struct arm_cpu_config config = {.nvic_ops = &armv7m_nvic_ops, .nvic = mm->nvic};
    struct cpu *cpu = arm_cpu_new(m, m->cfg.cpu_model, &config, errp);
    if (!cpu || !device_realize(mm->nvic, errp))
        return false;
    irq_connect(&mm->nvic->irq, cpu_irq_set, cpu, ARM_LINE_IRQ);
    region_add(&m->root, ARMV7M_SCS, &mm->nvic->mmio, 0);
    address_space_update(&m->as);
    return true;
}

static const struct machine_class m_class = {.name = "m",
                                             .desc = "an M-profile processor",
                                             .arch = "arm",
                                             .size = sizeof(struct m_machine),
                                             .init = make};

static void put(struct machine *m, gpa at, const uint16_t *half, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_assert_cmpint(mem_write(&m->as, at + 2 * i, 2, half[i]), ==, MEM_OK);
}

/* The handler of HardFault, and the program's end: r0 is stored, then semihosting's SYS_EXIT. */
static void put_ends(struct machine *m, size_t after)
{
    static const uint16_t code[] = {
        0x4a02, /* ldr r2, [pc, #8] */
        0x6010, /* str r0, [r2] */
        0x2018, /* movs r0, #0x18 */
        0x4902, /* ldr r1, [pc, #8] */
        0xbeab, /* bkpt 0xab */
        0xe7fe, /* b . */
        0x0000, 0x2000, 0x0026, 0x0002,
    };
    static const uint16_t ipsr[] = {0xf3ef, 0x8005}; /* mrs r0, ipsr */
    static const uint16_t zero[] = {0x2000, 0xbf00}; /* movs r0, #0 */
    put(m, HANDLER_AT, ipsr, 2);
    put(m, HANDLER_AT + 4, code, G_N_ELEMENTS(code));
    put(m, after, zero, 2);
    put(m, after + 4, code, G_N_ELEMENTS(code));
}

static void put_vectors(struct machine *m)
{
    const uint32_t first[] = {(uint32_t)DATA + DATA_SIZE, CODE_AT | 1, HANDLER_AT | 1,
                              HANDLER_AT | 1};
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++)
        g_assert_cmpint(mem_write(&m->as, 4 * i, 4, first[i]), ==, MEM_OK);
}

/* The exception that a piece of code ends in; 0: none. */
static uint64_t run(const char *model, const uint16_t *half, size_t n)
{
    void *props = g_malloc0(tcg_accel_ops.props_size + 1);
    struct error *err = NULL;
    uint64_t result = 99;
    props_init(tcg_accel_ops.props, props);
    clock_init();
    struct machine *m = machine_new(&m_class, &tcg_accel_ops, props);
    m->cfg.cpu_model = model;
    if (!machine_init(m, &err))
        g_error("%s", error_text(err));
    m->semihost = semihost_new(m, "", false, NULL);
    put_vectors(m);
    put(m, CODE_AT, half, n);
    put_ends(m, CODE_AT + 2 * (n + (n & 1)));
    if (n & 1)
        put(m, CODE_AT + 2 * n, (const uint16_t[]){0xbf00}, 1);
    cpu_reset(m->cpus[0]);
    machine_start(m);
    g_assert_cmpint(machine_run(m), ==, 0);
    g_assert_cmpint(mem_read(&m->as, DATA, 4, &result), ==, MEM_OK);
    semihost_free(m->semihost);
    m->semihost = NULL;
    machine_free(m);
    props_fini(tcg_accel_ops.props, props);
    g_free(props);
    return result;
}

/* For each processor whether it has an instruction. */
static const struct row {
    const char *name;
    uint16_t half[6];
    uint8_t n;
    bool m0, m23, m3, m4, m33;
} rows[] = {
    {"nop", {0xbf00}, 1, true, true, true, true, true},
    {"mul", {0x4340}, 1, true, true, true, true, true},
    {"dmb", {0xf3bf, 0x8f5f}, 2, true, true, true, true, true},
    {"mrs primask", {0xf3ef, 0x8010}, 2, true, true, true, true, true},
    {"cpsid i", {0xb672}, 1, true, true, true, true, true},
    {"cpsid f", {0xb671}, 1, false, false, true, true, true},
    {"movw", {0xf240, 0x0001}, 2, false, true, true, true, true},
    {"movt", {0xf2c0, 0x0001}, 2, false, true, true, true, true},
    {"cbz", {0xb100}, 1, false, true, true, true, true},
    {"b.w", {0xf000, 0xb800}, 2, false, true, true, true, true},
    {"it", {0xbf08, 0xbf00}, 2, false, false, true, true, true},
    {"udiv", {0x2201, 0xfbb0, 0xf0f2}, 3, false, true, true, true, true},
    {"ldrex", {0x4a00, 0xe001, 0x0010, 0x2000, 0xe852, 0x0f00}, 6, false, true, true, true, true},
    {"clrex", {0xf3bf, 0x8f2f}, 2, false, true, true, true, true},
    {"lda", {0x4a00, 0xe001, 0x0010, 0x2000, 0xe8d2, 0x0faf}, 6, false, true, false, false, true},
    {"tt", {0xe840, 0xf000}, 2, false, true, false, false, true},
    {"sg", {0xe97f, 0xe97f}, 2, false, true, false, false, true},
    {"ldr.w", {0xf8d0, 0x0000}, 2, false, false, true, true, true},
    {"add.w", {0xeb00, 0x0001}, 2, false, false, true, true, true},
    {"smull", {0xfb80, 0x0102}, 2, false, false, true, true, true},
    {"ssat", {0xf300, 0x0001}, 2, false, false, true, true, true},
    {"clz", {0xfab0, 0xf080}, 2, false, false, true, true, true},
    {"qadd", {0xfa80, 0xf080}, 2, false, false, false, true, true},
    {"sadd8", {0xfa80, 0xf001}, 2, false, false, false, true, true},
    {"sel", {0xfaa0, 0xf081}, 2, false, false, false, true, true},
    {"uxtb16", {0xfa3f, 0xf080}, 2, false, false, false, true, true},
    {"sxtab", {0xfa40, 0xf081}, 2, false, false, false, true, true},
    {"pkhbt", {0xeac0, 0x0001}, 2, false, false, false, true, true},
    {"smlabb", {0xfb10, 0x0001}, 2, false, false, false, true, true},
    {"umaal", {0xfbe0, 0x0162}, 2, false, false, false, true, true},
    {"usada8", {0xfb70, 0xf001}, 2, false, false, false, true, true},
    {"crc32b", {0xfac0, 0xf080}, 2, false, false, false, false, false},
    {"blx", {0xf000, 0xe800}, 2, false, false, false, false, false},
    {"setend", {0xb650}, 1, false, false, false, false, false},
    {"rfe", {0xe990, 0xc000}, 2, false, false, false, false, false},
    {"smc", {0xf7f0, 0x8000}, 2, false, false, false, false, false},
    {"misaligned ldr", {0x2001, 0x6800}, 2, false, false, true, true, true},
    {"misaligned ldm", {0x2002, 0xc806}, 2, false, false, false, false, false},
};

static void check(gconstpointer data)
{
    const struct row *r = data;
    const struct {
        const char *model;
        bool has;
    } on[] = {{"cortex-m0", r->m0}, {"cortex-m0plus", r->m0}, {"cortex-m23", r->m23},
              {"cortex-m3", r->m3}, {"cortex-m4", r->m4},     {"cortex-m4,dsp=off", r->m3},
              {"cortex-m7", r->m4}, {"cortex-m33", r->m33}};
    for (unsigned i = 0; i < G_N_ELEMENTS(on); i++) {
        uint64_t e = run(on[i].model, r->half, r->n);
        if (e != (on[i].has ? 0 : NVIC_HARD_FAULT))
            g_test_message("%s on %s: exception %u", r->name, on[i].model, (unsigned)e);
        g_assert_cmpint(e, ==, on[i].has ? 0 : NVIC_HARD_FAULT);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/arm-m/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], check);
    }
    return g_test_run();
}
