/* The interrupt controller of M-profile processors: priorities, faults, SysTick, registers. */
#include "core/clock.h"
#include "hw/intc/armv7m.h"
#include "tests/unit/bench.h"

#include <glib.h>
#include <string.h>

extern const struct device_type armv7m_type;

enum {
    ICTR = 0x4,
    CSR = 0x10,
    RVR = 0x14,
    CVR = 0x18,
    CALIB = 0x1c,
    ISER = 0x100,
    ICER = 0x180,
    ISPR = 0x200,
    ICPR = 0x280,
    IABR = 0x300,
    IPR = 0x400,
    CPUID = 0xd00,
    ICSR = 0xd04,
    VTOR = 0xd08,
    AIRCR = 0xd0c,
    SCR = 0xd10,
    CCR = 0xd14,
    SHPR = 0xd18,
    SHCSR = 0xd24,
    CFSR = 0xd28,
    HFSR = 0xd2c,
    CPACR = 0xd88,
    MPU_TYPE = 0xd90,
    MPU_CTRL = 0xd94,
    MPU_RNR = 0xd98,
    MPU_RBAR = 0xd9c,
    MPU_RASR = 0xda0,
    STIR = 0xf00,
    FPCCR = 0xf34,
    PIDR0 = 0xfe0
};
static const struct nvic_masks OPEN = {0};
static const struct nvic_ops *const ops = &armv7m_nvic_ops;

struct processor {
    unsigned configured, events, resets;
};

static void on_configured(void *cpu)
{
    ((struct processor *)cpu)->configured++;
}

static void on_event(void *cpu)
{
    ((struct processor *)cpu)->events++;
}

static void on_reset(void *cpu)
{
    ((struct processor *)cpu)->resets++;
}

static const struct nvic_cpu_ops cpu_ops = {
    .configured = on_configured, .event = on_event, .local_reset = on_reset};
static struct processor processor;

static struct bench *new_nvic(unsigned version, unsigned bits, bool has_fp)
{
    struct bench *b = bench_new_raw(&armv7m_type);
    struct nvic_ids ids = {.cpuid = 0x410fc241,
                           .version = version,
                           .priority_bits = bits,
                           .mpu_regions = 8,
                           .has_fp = has_fp,
                           .pfr = {0x30, 0x200},
                           .isar = {0x01141110},
                           .mvfr = {0x10110021}};
    processor = (struct processor){0};
    ops->connect(b->dev, &cpu_ops, &processor, &ids);
    armv7m_set_clock(b->dev, 1000000000, 1000000);
    bench_set(b, "num-irq", "70");
    bench_realize(b);
    return b;
}

static uint32_t rd(struct bench *b, uint64_t off)
{
    return (uint32_t)bench_read(b, off, 4);
}

static void wr(struct bench *b, uint64_t off, uint32_t val)
{
    bench_write(b, off, 4, val);
}

static void test_interrupts_come_by_priority(void)
{
    struct bench *b = new_nvic(7, 3, false);
    g_assert_cmpuint(rd(b, ICTR), ==, 2);
    wr(b, ISER, 0xff);
    wr(b, ISER + 8, UINT32_MAX); /* 64 to 69 exist */
    g_assert_cmphex(rd(b, ICER + 8), ==, 0x3f);
    bench_write(b, IPR + 5, 1, 0xff);
    g_assert_cmphex(bench_read(b, IPR + 5, 1), ==, 0xe0); /* three bits */
    bench_write(b, IPR + 6, 1, 0x40);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_NONE);
    armv7m_set_irq(b->dev, 5, true);
    g_assert_true(b->irq);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, 16 + 5);
    armv7m_set_irq(b->dev, 6, true);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, 16 + 6);
    g_assert_cmphex(rd(b, ICSR), ==, 1 << 22 | (16 + 6) << 12 | 1 << 11);
    ops->enter(b->dev, 16 + 6);
    g_assert_false(b->irq); /* 5 has less */
    g_assert_cmpint(ops->execution_priority(b->dev, OPEN), ==, 0x40);
    g_assert_cmphex(rd(b, IABR), ==, 1 << 6);
    wr(b, ISPR, 1 << 3); /* priority 0 */
    g_assert_true(b->irq);
    ops->enter(b->dev, 16 + 3);
    g_assert_cmpuint(ops->count_active(b->dev), ==, 2);
    g_assert_cmphex(rd(b, ICSR) & (1 << 11 | 0x1ff), ==, 16 + 3);
    g_assert_true(ops->leave(b->dev, 16 + 3));
    g_assert_false(ops->leave(b->dev, 16 + 3));
    armv7m_set_irq(b->dev, 5, false); /* stays pending */
    g_assert_true(ops->leave(b->dev, 16 + 6));
    g_assert_cmphex(rd(b, ISPR), ==, 1 << 5 | 1 << 6); /* its input is still high */
    wr(b, ICPR, 1 << 5 | 1 << 6);
    g_assert_cmphex(rd(b, ISPR), ==, 1 << 6);
    armv7m_set_irq(b->dev, 6, false);
    wr(b, ICPR, 1 << 6);
    g_assert_false(b->irq);
    bench_free(b);
}

static void test_masks(void)
{
    struct bench *b = new_nvic(7, 8, false);
    struct nvic_masks primask = {.primask = true}, faultmask = {.faultmask = true};
    wr(b, ISER, 1);
    bench_write(b, IPR, 1, 0x80);
    wr(b, ISPR, 1);
    g_assert_true(b->irq); /* what is masked wakes from WFI nevertheless */
    g_assert_cmpuint(ops->preempting(b->dev, primask), ==, NVIC_NONE);
    g_assert_cmpuint(ops->preempting(b->dev, (struct nvic_masks){.basepri = 0x80}), ==, NVIC_NONE);
    g_assert_cmpuint(ops->preempting(b->dev, (struct nvic_masks){.basepri = 0x82}), ==, 16);
    g_assert_cmpint(ops->execution_priority(b->dev, OPEN), ==, 256);
    g_assert_cmpint(ops->execution_priority(b->dev, primask), ==, 0);
    g_assert_cmpint(ops->execution_priority(b->dev, faultmask), ==, -1);
    armv7m_set_nmi(b->dev, 0, true);
    g_assert_cmpuint(ops->preempting(b->dev, faultmask), ==, NVIC_NMI);
    ops->enter(b->dev, NVIC_NMI);
    g_assert_cmpint(ops->execution_priority(b->dev, OPEN), ==, -2);
    bench_free(b);
}

static void test_priority_groups(void)
{
    struct bench *b = new_nvic(7, 8, false);
    wr(b, AIRCR, 0x05fa0600); /* one bit of group */
    g_assert_cmphex(rd(b, AIRCR), ==, 0xfa050600);
    wr(b, AIRCR, 0x12340000); /* without the key */
    g_assert_cmphex(rd(b, AIRCR), ==, 0xfa050600);
    wr(b, ISER, 3);
    wr(b, IPR, 0x8090);
    ops->enter(b->dev, 16);
    wr(b, ISPR, 2); /* better, but of the same group */
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_NONE);
    wr(b, AIRCR, 0x05fa0000);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, 17);
    bench_free(b);
}

static void test_faults_escalate(void)
{
    struct bench *b = new_nvic(7, 8, false);
    g_assert_cmpuint(ops->raise(b->dev, NVIC_USAGE_FAULT, OPEN), ==, NVIC_HARD_FAULT);
    g_assert_cmphex(rd(b, HFSR), ==, 1 << 30);
    wr(b, HFSR, 1 << 30);
    g_assert_cmphex(rd(b, HFSR), ==, 0);
    ops->enter(b->dev, NVIC_HARD_FAULT);
    g_assert_cmpuint(ops->raise(b->dev, NVIC_USAGE_FAULT, OPEN), ==, NVIC_NONE); /* lockup */
    g_assert_true(ops->leave(b->dev, NVIC_HARD_FAULT));
    wr(b, SHCSR, 7 << 16);
    g_assert_cmphex(rd(b, SHCSR), ==, 7 << 16);
    g_assert_cmpuint(ops->raise(b->dev, NVIC_USAGE_FAULT, OPEN), ==, NVIC_USAGE_FAULT);
    g_assert_cmphex(rd(b, SHCSR), ==, 7 << 16 | 1 << 12);
    ops->enter(b->dev, NVIC_USAGE_FAULT);
    g_assert_cmphex(rd(b, SHCSR), ==, 7 << 16 | 1 << 3);
    g_assert_cmpuint(ops->raise(b->dev, NVIC_SVCALL, OPEN), ==, NVIC_HARD_FAULT);
    ops->enter(b->dev, NVIC_HARD_FAULT);
    ops->leave(b->dev, NVIC_HARD_FAULT);
    bench_write(b, SHPR + NVIC_SVCALL - 4, 1, 0);
    bench_write(b, SHPR + NVIC_USAGE_FAULT - 4, 1, 0x20);
    g_assert_cmpuint(ops->raise(b->dev, NVIC_SVCALL, OPEN), ==, NVIC_SVCALL);
    ops->write(b->dev, NVIC_CFSR, 0x00020082);
    bench_write(b, CFSR + 2, 2, 0x0002);
    g_assert_cmphex(rd(b, CFSR), ==, 0x82);
    bench_write(b, CFSR, 1, 0xff);
    g_assert_cmphex(rd(b, CFSR), ==, 0);
    bench_free(b);
}

static void test_software_pends(void)
{
    struct bench *b = new_nvic(7, 8, false);
    wr(b, ICSR, 1 << 28);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_PENDSV);
    g_assert_cmphex(rd(b, ICSR) & 1 << 28, ==, 1 << 28);
    wr(b, ICSR, 1 << 27);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_NONE);
    wr(b, ICSR, UINT32_C(1) << 31);
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_NMI);
    ops->enter(b->dev, NVIC_NMI);
    ops->leave(b->dev, NVIC_NMI);
    wr(b, SCR, 0xff);
    g_assert_cmphex(rd(b, SCR), ==, 0x16);
    wr(b, STIR, 9);
    g_assert_cmphex(rd(b, ISPR), ==, 1 << 9);
    g_assert_cmpuint(processor.events, ==, 1);
    wr(b, STIR, 300); /* not there */
    wr(b, AIRCR, 0x05fa0001);
    g_assert_cmpuint(processor.resets, ==, 1);
    bench_free(b);
}

static bool counted(struct bench *b)
{
    return rd(b, CSR) >> 16 & 1;
}

static void test_systick(void)
{
    struct bench *b = new_nvic(7, 8, false);
    g_assert_cmphex(rd(b, CALIB), ==, 9999);
    wr(b, RVR, 0xff001387);
    g_assert_cmphex(rd(b, RVR), ==, 0x1387);
    wr(b, CVR, 77);
    g_assert_cmphex(rd(b, CVR), ==, 0);
    wr(b, CSR, 3); /* reference: 5 ms */
    g_assert_cmpuint(rd(b, CVR), <=, 0x1387);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmpuint(ops->preempting(b->dev, OPEN), ==, NVIC_SYSTICK);
    wr(b, CSR, 0);
    g_assert_true(counted(b));
    g_assert_false(counted(b)); /* reading it has cleared it */
    uint32_t stopped = rd(b, CVR);
    g_assert_cmpuint(stopped, <=, 0x1387);
    g_usleep(100);
    g_assert_cmpuint(rd(b, CVR), ==, stopped);
    wr(b, ICSR, 1 << 25);
    g_assert_false(b->irq);
    wr(b, RVR, 0); /* counts no more after it has run out */
    wr(b, CVR, 0);
    wr(b, CSR, 7);
    g_usleep(100);
    g_assert_cmphex(rd(b, CSR), ==, 7);
    wr(b, RVR, 99); /* at 1 GHz */
    g_usleep(10);
    g_assert_cmphex(rd(b, CSR), ==, 0x10007);
    wr(b, CSR, 0);
    bench_free(b);
}

static void test_systick_without_reference(void)
{
    struct bench *b = new_nvic(7, 8, false);
    armv7m_set_clock(b->dev, 1000000, 0);
    g_assert_cmphex(rd(b, CALIB), ==, 0xc0000000);
    wr(b, CSR, 0);
    g_assert_cmphex(rd(b, CSR), ==, 4);
    bench_free(b);
}

static void test_mpu_version_7(void)
{
    struct bench *b = new_nvic(7, 8, false);
    const struct nvic_mpu *mpu = ops->mpu(b->dev);
    g_assert_cmphex(rd(b, MPU_TYPE), ==, 0x800);
    wr(b, MPU_RBAR, 0x20000013); /* region 3, by VALID */
    wr(b, MPU_RASR, 0x03000027);
    g_assert_cmpuint(rd(b, MPU_RNR), ==, 3);
    g_assert_cmphex(rd(b, MPU_RBAR), ==, 0x20000003);
    g_assert_cmphex(mpu->region[3].base, ==, 0x20000000);
    g_assert_cmphex(mpu->region[3].attr, ==, 0x03000027);
    wr(b, MPU_RBAR + 8, 0x40000014); /* the first alias */
    wr(b, MPU_RASR + 8, 0x11);
    g_assert_cmphex(mpu->region[4].attr, ==, 0x11);
    wr(b, MPU_RNR, 200);
    wr(b, MPU_RBAR, 0);
    g_assert_cmphex(rd(b, MPU_RBAR), ==, 0);
    unsigned before = processor.configured;
    wr(b, MPU_CTRL, 0xff);
    g_assert_cmphex(mpu->ctrl, ==, 7);
    g_assert_cmpuint(processor.configured, ==, before + 1);
    bench_free(b);
}

static void test_mpu_version_8(void)
{
    struct bench *b = new_nvic(8, 8, true);
    const struct nvic_mpu *mpu = ops->mpu(b->dev);
    wr(b, MPU_RNR, 4);
    wr(b, MPU_RBAR, 0x2000001f);
    wr(b, MPU_RASR, 0x2000ffe1);
    wr(b, MPU_RBAR + 16, 0x30000000); /* RBAR_A2: region 6 */
    g_assert_cmphex(mpu->region[4].base, ==, 0x2000001f);
    g_assert_cmphex(mpu->region[4].attr, ==, 0x2000ffe1);
    g_assert_cmphex(mpu->region[6].base, ==, 0x30000000);
    wr(b, 0xdc4, 0x11223344);
    g_assert_cmphex(mpu->mair[1], ==, 0x11223344);
    g_assert_cmphex(rd(b, CCR), ==, 0x201);
    bench_free(b);
}

static void test_versions(void)
{
    struct bench *b = new_nvic(7, 8, false);
    g_assert_cmphex(rd(b, CPUID), ==, 0x410fc241);
    g_assert_cmphex(rd(b, 0xd40), ==, 0x30);
    g_assert_cmphex(rd(b, 0xd60), ==, 0x01141110);
    g_assert_cmphex(rd(b, PIDR0), ==, 0x0c);
    wr(b, VTOR, UINT32_MAX);
    g_assert_cmphex(ops->read(b->dev, NVIC_VTOR), ==, 0xffffff80);
    wr(b, CCR, UINT32_MAX);
    g_assert_cmphex(rd(b, CCR), ==, 0x31b);
    wr(b, CPACR, UINT32_MAX); /* no floating point */
    g_assert_cmphex(rd(b, CPACR), ==, 0);
    g_assert_cmphex(rd(b, FPCCR), ==, 0);
    bench_free(b);
    b = new_nvic(7, 8, true);
    wr(b, CPACR, UINT32_MAX);
    g_assert_cmphex(rd(b, CPACR), ==, 0xf00000);
    g_assert_cmphex(rd(b, FPCCR), ==, 0xc0000000);
    g_assert_cmphex(rd(b, 0xf40), ==, 0x10110021);
    bench_free(b);
    b = new_nvic(6, 2, false); /* no faults but HardFault, two bits of priority */
    wr(b, SHCSR, UINT32_MAX);
    g_assert_cmphex(rd(b, SHCSR), ==, 1 << 15);
    wr(b, VTOR, 0x1000);
    g_assert_cmphex(rd(b, VTOR), ==, 0);
    g_assert_cmphex(rd(b, CCR), ==, 0x208);
    wr(b, SHPR, UINT32_MAX);
    g_assert_cmphex(rd(b, SHPR), ==, 0);
    wr(b, SHPR + 4, UINT32_MAX);
    g_assert_cmphex(rd(b, SHPR + 4), ==, 0xc0000000);
    bench_free(b);
}

static void test_save_and_load(void)
{
    struct bench *b = new_nvic(7, 8, false), *c = new_nvic(7, 8, false);
    const struct state_field *table = armv7m_type.cls->state;
    g_autofree uint8_t *buf = g_malloc(state_size(table));
    wr(b, ISER, 2);
    wr(b, ISPR, 2);
    wr(b, RVR, 1000);
    wr(b, CSR, 1);
    state_save(table, b->dev, buf);
    state_load(table, c->dev, buf);
    armv7m_type.cls->loaded(c->dev);
    device_sync(c->dev);
    g_assert_true(c->irq);
    g_assert_cmpuint(ops->preempting(c->dev, OPEN), ==, 17);
    memset(buf, 0xff, state_size(table)); /* nonsense does no harm */
    state_load(table, c->dev, buf);
    armv7m_type.cls->loaded(c->dev);
    device_sync(c->dev);
    ops->enter(c->dev, ops->preempting(c->dev, OPEN));
    ops->enter(c->dev, 511);
    g_assert_false(ops->leave(c->dev, 600));
    bench_free(b);
    bench_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/armv7m/priorities", test_interrupts_come_by_priority);
    g_test_add_func("/armv7m/masks", test_masks);
    g_test_add_func("/armv7m/groups", test_priority_groups);
    g_test_add_func("/armv7m/faults", test_faults_escalate);
    g_test_add_func("/armv7m/software", test_software_pends);
    g_test_add_func("/armv7m/systick", test_systick);
    g_test_add_func("/armv7m/systick-reference", test_systick_without_reference);
    g_test_add_func("/armv7m/mpu7", test_mpu_version_7);
    g_test_add_func("/armv7m/mpu8", test_mpu_version_8);
    g_test_add_func("/armv7m/versions", test_versions);
    g_test_add_func("/armv7m/save", test_save_and_load);
    return g_test_run();
}
