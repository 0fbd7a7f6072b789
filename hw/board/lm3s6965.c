/*
 * Stellaris LM3S6965 evaluation board.
 * Ref: LM3S6965 data sheet, chapters 2.3 (interrupts), 3 (memory map); LM3S6965 Evaluation Board
 * User's Manual: what is on the pins.
 */
#include "hw/board/armv7m.h"
#include "hw/board/boards.h"
#include "hw/display/ssd0323.h"
#include "hw/gpio/pl061.h"
#include "hw/intc/armv7m.h"
#include "hw/misc/stellaris_flash.h"
#include "hw/ssi/pl022.h"
#include "hw/stellaris.h"
#include "hw/timer/sp805.h"

enum { NIRQS = 64, TIMERS = 4, UARTS = 3, PORTS = 7, I2CS = 2, KIB = 1 << 10 };
enum { FLASH_SIZE = 256 * KIB, SRAM_SIZE = 64 * KIB, CPU_HZ = 12000000 };

/* Interrupts. */
enum {
    IRQ_SSI0 = 7,
    IRQ_ADC0 = 14,
    IRQ_WATCHDOG = 18,
    IRQ_SYSTEM_CONTROL = 28,
    IRQ_FLASH = 29,
    IRQ_ETHERNET = 42,
};

struct lm3s6965 {
    struct machine m;
    struct armv7m_board armv7m;
    struct mem_region flash, sram;
    struct device *sysctl, *watchdog, *timer[TIMERS], *port[PORTS], *oled;
};

/* ---- clocks ---- */

static void clock_now_is(void *opaque, uint64_t hz)
{
    struct lm3s6965 *b = opaque;
    armv7m_set_clock(b->armv7m.nvic, hz, 0);
}

static void clock_is(void *opaque, uint64_t hz)
{
    struct lm3s6965 *b = opaque;
    sp805_set_hz(b->watchdog, hz);
    for (unsigned i = 0; i < TIMERS; i++)
        stellaris_gptm_set_hz(b->timer[i], hz);
}

static const struct stellaris_clock_ops clock_ops = {clock_now_is, clock_is};

/* ---- devices ---- */

static bool attach(struct lm3s6965 *b, struct device *dev, gpa base, int irq, struct error **errp)
{
    return armv7m_attach(&b->armv7m, dev, base, irq, errp);
}

static bool create_system_control(struct lm3s6965 *b, struct error **errp)
{
    struct device *flash = armv7m_device(&b->m, "stellaris-flash", "flash-control");
    b->sysctl = armv7m_device(&b->m, "stellaris-sysctl", "system-control");
    stellaris_sysctl_set_clock_ops(b->sysctl, &clock_ops, b);
    stellaris_flash_connect(flash, b->sysctl, 0, FLASH_SIZE);
    return attach(b, b->sysctl, 0x400fe000, IRQ_SYSTEM_CONTROL, errp) &&
           attach(b, flash, 0x400fd000, IRQ_FLASH, errp);
}

static bool create_timers(struct lm3s6965 *b, struct error **errp)
{
    static const uint8_t irq_a[TIMERS] = {19, 21, 23, 35};
    for (unsigned i = 0; i < TIMERS; i++) {
        g_autofree char *id = g_strdup_printf("timer%u", i);
        b->timer[i] = armv7m_device(&b->m, "stellaris-gptm", id);
        armv7m_connect(&b->armv7m, stellaris_gptm_irq_b(b->timer[i]), irq_a[i] + 1U);
    }
    b->watchdog = armv7m_device(&b->m, "cmsdk-apb-watchdog", "watchdog");
    if (!device_set(b->watchdog, "luminary", "on", errp) ||
        !device_set(b->watchdog, "clock-frequency", "12000000", errp) ||
        !attach(b, b->watchdog, 0x40000000, IRQ_WATCHDOG, errp))
        return false;
    for (unsigned i = 0; i < TIMERS; i++)
        if (!attach(b, b->timer[i], 0x40030000 + i * 0x1000, irq_a[i], errp))
            return false;
    return true;
}

static bool create_adc(struct lm3s6965 *b, struct error **errp)
{
    struct device *adc = armv7m_device(&b->m, "stellaris-adc", "adc");
    for (unsigned i = 0; i < STELLARIS_ADC_SEQUENCERS; i++)
        armv7m_connect(&b->armv7m, stellaris_adc_irq(adc, i), IRQ_ADC0 + i);
    for (unsigned i = 0; i < TIMERS; i++)
        irq_connect(stellaris_gptm_adc_trigger(b->timer[i]), stellaris_adc_trigger, adc, 0);
    return attach(b, adc, 0x40038000, ARMV7M_NO_IRQ, errp);
}

static bool create_uarts(struct lm3s6965 *b, struct error **errp)
{
    static const uint8_t irq[UARTS] = {5, 6, 33};
    for (unsigned i = 0; i < UARTS; i++) {
        g_autofree char *id = g_strdup_printf("uart%u", i);
        struct device *dev = armv7m_device(&b->m, "pl011", id);
        const char *chardev = b->m.cfg.serial[i];
        if ((chardev && !device_set(dev, "chardev", chardev, errp)) ||
            !device_set(dev, "luminary", "on", errp) ||
            !attach(b, dev, 0x4000c000 + i * 0x1000, irq[i], errp))
            return false;
    }
    return true;
}

static bool create_i2cs(struct lm3s6965 *b, struct error **errp)
{
    static const uint8_t irq[I2CS] = {8, 37};
    for (unsigned i = 0; i < I2CS; i++) {
        g_autofree char *id = g_strdup_printf("i2c%u", i);
        if (!attach(b, armv7m_device(&b->m, "stellaris-i2c", id), 0x40020000 + i * 0x1000, irq[i],
                    errp))
            return false;
    }
    return true;
}

/* Ports A to G.  Some pins of B and C are the debug port. */
static bool create_ports(struct lm3s6965 *b, struct error **errp)
{
    static const struct {
        gpa base;
        uint8_t irq;
        const char *jtag_pins;
    } place[PORTS] = {
        {0x40004000, 0, "0"},  {0x40005000, 1, "0x80"}, {0x40006000, 2, "0x0f"},
        {0x40007000, 3, "0"},  {0x40024000, 4, "0"},    {0x40025000, 30, "0"},
        {0x40026000, 31, "0"},
    };
    for (unsigned i = 0; i < PORTS; i++) {
        g_autofree char *id = g_strdup_printf("gpio%c", 'a' + i);
        b->port[i] = armv7m_device(&b->m, "pl061", id);
        if (!device_set(b->port[i], "luminary", "on", errp) ||
            !device_set(b->port[i], "jtag-pins", place[i].jtag_pins, errp) ||
            !attach(b, b->port[i], place[i].base, place[i].irq, errp))
            return false;
    }
    return true;
}

/* The display is selected by PA3, which is the frame signal of the serial port; PC7 tells data from
 * commands.  PD0 selects the card slot, which is empty. */
static bool create_display(struct lm3s6965 *b, struct error **errp)
{
    enum { PORT_C = 2, PIN_DATA = 7 };
    struct device *ssi = armv7m_device(&b->m, "pl022", "ssi0");
    b->oled = armv7m_device(&b->m, "ssd0323", "oled");
    irq_connect(pl061_output(b->port[PORT_C], PIN_DATA), ssd0323_set_data, b->oled, 0);
    pl022_connect(ssi, ssd0323_transfer, b->oled);
    return device_realize(b->oled, errp) && attach(b, ssi, 0x40008000, IRQ_SSI0, errp);
}

/* Programs find its address in the user registers of the flash. */
static bool create_ethernet(struct lm3s6965 *b, struct error **errp)
{
    struct device *dev = armv7m_device(&b->m, "stellaris_enet", "ethernet");
    if (!armv7m_set_nic(dev, errp) || !attach(b, dev, 0x40048000, IRQ_ETHERNET, errp))
        return false;
    stellaris_sysctl_set_mac(b->sysctl, stellaris_enet_mac(dev));
    return true;
}

/* Blocks that read as zero. */
static bool create_unimplemented(struct lm3s6965 *b, struct error **errp)
{
    static const struct {
        const char *name;
        gpa base;
    } place[] = {
        {"pwm", 0x40028000},        {"qei0", 0x4002c000},        {"qei1", 0x4002d000},
        {"comparator", 0x4003c000}, {"hibernation", 0x400fc000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(place); i++)
        if (!armv7m_unimplemented(&b->m, &b->m.root, place[i].name, place[i].base, 0x1000, errp))
            return false;
    return true;
}

static bool create_devices(struct lm3s6965 *b, struct error **errp)
{
    return create_timers(b, errp) && create_system_control(b, errp) && create_adc(b, errp) &&
           create_uarts(b, errp) && create_i2cs(b, errp) && create_ports(b, errp) &&
           create_display(b, errp) && create_ethernet(b, errp) && create_unimplemented(b, errp);
}

/* ---- the machine ---- */

static void connect_watchdog(struct lm3s6965 *b)
{
    irq_connect(sp805_reset_line(b->watchdog), stellaris_sysctl_watchdog, b->sysctl, 0);
}

static bool lm3s6965_init(struct machine *m, struct error **errp)
{
    struct lm3s6965 *b = (struct lm3s6965 *)m;
    b->armv7m = (struct armv7m_board){
        .m = m,
        .nirqs = NIRQS,
        .cpu_hz = CPU_HZ,
        .bitband = true,
        .boot_size = FLASH_SIZE,
    };
    if (!armv7m_check(m, errp) ||
        !armv7m_memory(m, &b->flash, MEM_ROM, "stellaris.flash", 0, FLASH_SIZE, errp) ||
        !armv7m_memory(m, &b->sram, MEM_RAM, "stellaris.sram", 0x20000000, SRAM_SIZE, errp) ||
        !armv7m_create(&b->armv7m, errp) || !create_devices(b, errp))
        return false;
    connect_watchdog(b);
    return armv7m_load(&b->armv7m, errp);
}

static void lm3s6965_reset(struct machine *m)
{
    armv7m_reset(&((struct lm3s6965 *)m)->armv7m);
}

static void lm3s6965_fini(struct machine *m)
{
    armv7m_fini(&((struct lm3s6965 *)m)->armv7m);
}

const struct machine_class lm3s6965evb_class = {
    .name = "lm3s6965evb",
    .desc = "Stellaris LM3S6965 evaluation board (Cortex-M3)",
    .arch = "arm",
    .default_cpu = "cortex-m3",
    .max_cpus = 1,
    .default_ram = SRAM_SIZE,
    .onboard_nic = "stellaris_enet",
    .size = sizeof(struct lm3s6965),
    .init = lm3s6965_init,
    .reset = lm3s6965_reset,
    .fini = lm3s6965_fini,
};
