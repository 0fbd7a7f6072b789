/*
 * Arm MPS2 and MPS2+ boards with one of the FPGA images for a Cortex-M3, M4 or M7.
 * Ref: Arm application notes AN385 (DAI 0385), AN386 (DAI 0386), AN500 (DAI 0500): memory map,
 * interrupts.
 */
#include "hw/board/boards.h"
#include "hw/board/mps2_parts.h"

#include <string.h>

enum {
    UARTS = 5,
    PORTS = 4,
    SPIS = 5,
    I2CS = 4,
    PORT0_IRQS = 8,
    NIRQS = 48,
    KIB = 1 << 10,
    MIB = 1 << 20
};
enum { SYSCLK_HZ = 25000000, REFCLK_HZ = 1000000 };
enum { MIRRORS = 5, SSRAM_SIZE = 4 * MIB, PSRAM_SIZE = 16 * MIB };

/* Interrupts. */
enum {
    IRQ_TIMER = 8, /* and 9 */
    IRQ_DUALTIMER = 10,
    IRQ_SPI = 11, /* the flash's and the touch screen's */
    IRQ_UART_OVERRUN = 12,
    IRQ_ETHERNET = 13,
    IRQ_ADC_SPI = 22,
    IRQ_SHIELD_SPI = 23,
    IRQ_PORT0_PINS = 24, /* to 31 */
};

/* What tells the images apart. */
struct image {
    const char *name;
    const char *scc_id;
    gpa psram, ethernet;
    bool has_blockram, bitband;
};
static const struct image images[] = {
    {"mps2-an385", "0x41043850", 0x21000000, 0x40200000, true, true},
    {"mps2-an386", "0x41043860", 0x21000000, 0x40200000, true, true},
    {"mps2-an500", "0x41045000", 0x60000000, 0xa0000000, false, false},
};

struct mps2 {
    struct machine m;
    struct armv7m_board armv7m;
    const struct image *image;
    struct mem_region ssram1, ssram23, blockram, psram, mirror[MIRRORS];
    struct irq_or uart_overrun, spi, shield_spi;
};

static const struct image *image_of(const char *name)
{
    const struct image *i = images;
    while (strcmp(i->name, name) != 0)
        i++;
    return i;
}

/* ---- memory ---- */

/* A memory seen again behind itself. */
static void mirror(struct mps2 *b, unsigned n, struct mem_region *of, gpa base)
{
    region_init_alias(&b->mirror[n], of->name, of, of->size);
    region_add(&b->m.root, base, &b->mirror[n], 0);
}

static bool create_blockram(struct mps2 *b, struct error **errp)
{
    enum { BASE = 0x1000000, SIZE = 16 * KIB };
    if (!b->image->has_blockram)
        return true;
    if (!armv7m_memory(&b->m, &b->blockram, MEM_RAM, "mps.blockram", BASE, SIZE, errp))
        return false;
    for (unsigned i = 1; i < 4; i++)
        mirror(b, 1 + i, &b->blockram, BASE + i * SIZE);
    return true;
}

static bool create_memory(struct mps2 *b, struct error **errp)
{
    struct machine *m = &b->m;
    if (!armv7m_memory(m, &b->ssram1, MEM_RAM, "mps.ssram1", 0, SSRAM_SIZE, errp) ||
        !armv7m_memory(m, &b->ssram23, MEM_RAM, "mps.ssram23", 0x20000000, SSRAM_SIZE, errp) ||
        !armv7m_memory(m, &b->psram, MEM_RAM, "mps.ram", b->image->psram, PSRAM_SIZE, errp))
        return false;
    mirror(b, 0, &b->ssram1, SSRAM_SIZE);
    mirror(b, 1, &b->ssram23, 0x20000000 + SSRAM_SIZE);
    return create_blockram(b, errp);
}

/* Reserved, or of parts that are not here: they read as zero. */
static bool create_unimplemented(struct mps2 *b, struct error **errp)
{
    static const struct {
        const char *name;
        gpa base;
        uint64_t size;
    } place[] = {
        {"reserved at 0x800000", 0x00800000, 0x800000},
        {"block RAM", 0x01000000, 0x10000},
        {"reserved at 0x1010000", 0x01010000, 0x1eff0000},
        {"reserved at 0x20800000", 0x20800000, 0x800000},
        {"PSRAM", 0x21000000, 0x1000000},
        {"APB peripherals", 0x40000000, 0x10000},
        {"AHB peripherals", 0x40010000, 0x10000},
        {"i2s", 0x40024000, 0x400},
        {"FPGA peripherals", 0x40020000, 0x10000},
        {"reserved at 0x40030000", 0x40030000, 0x1d0000},
        {"VGA", 0x41000000, 0x200000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(place); i++)
        if (!armv7m_unimplemented(&b->m, &b->m.root, place[i].name, place[i].base, place[i].size,
                                  errp))
            return false;
    return true;
}

/* ---- devices ---- */

static bool create_uarts(struct mps2 *b, struct error **errp)
{
    static const struct mps2_uart place[MPS2_UARTS] = {
        {0x40004000, 0, 1, ARMV7M_NO_IRQ},   {0x40005000, 2, 3, ARMV7M_NO_IRQ},
        {0x40006000, 4, 5, ARMV7M_NO_IRQ},   {0x40007000, 18, 19, ARMV7M_NO_IRQ},
        {0x40009000, 20, 21, ARMV7M_NO_IRQ},
    };
    armv7m_connect(&b->armv7m, &b->uart_overrun.out, IRQ_UART_OVERRUN);
    for (unsigned i = 0; i < MPS2_UARTS; i++)
        if (!mps2_create_uart(&b->armv7m, &b->m.root, i, &place[i], &b->uart_overrun, errp))
            return false;
    return true;
}

static bool create_timers(struct mps2 *b, struct error **errp)
{
    static const struct {
        const char *type, *id;
        gpa base;
        int irq;
    } timer[] = {
        {"cmsdk-apb-timer", "timer0", 0x40000000, IRQ_TIMER},
        {"cmsdk-apb-timer", "timer1", 0x40001000, IRQ_TIMER + 1},
        {"cmsdk-apb-dualtimer", "dualtimer", 0x40002000, IRQ_DUALTIMER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(timer); i++)
        if (!mps2_create_clocked(&b->armv7m, &b->m.root, timer[i].type, timer[i].id, SYSCLK_HZ,
                                 timer[i].base, timer[i].irq, errp))
            return false;
    return mps2_create_watchdog(&b->armv7m, &b->m.root, "watchdog", SYSCLK_HZ, 0x40008000, errp);
}

/* The first pins of port 0 have interrupts of their own. */
static bool create_ports(struct mps2 *b, struct error **errp)
{
    static const uint8_t irq[PORTS] = {6, 7, 16, 17};
    for (unsigned i = 0; i < PORTS; i++)
        if (!mps2_create_port(&b->armv7m, &b->m.root, i, 0x40010000 + i * 0x1000, irq[i],
                              IRQ_PORT0_PINS, i == 0 ? PORT0_IRQS : 0, errp))
            return false;
    return true;
}

/* Flash, display with touch screen, shield's converter, two of the shields: nothing answers. */
static bool create_spis(struct mps2 *b, struct error **errp)
{
    static const gpa base[SPIS] = {0x40020000, 0x40021000, 0x40025000, 0x40026000, 0x40027000};
    struct irq_or *const shared[SPIS] = {&b->spi, &b->spi, NULL, &b->shield_spi, &b->shield_spi};
    armv7m_connect(&b->armv7m, &b->spi.out, IRQ_SPI);
    armv7m_connect(&b->armv7m, &b->shield_spi.out, IRQ_SHIELD_SPI);
    for (unsigned i = 0; i < SPIS; i++) {
        g_autofree char *id = g_strdup_printf("spi%u", i);
        struct device *dev = armv7m_device(&b->m, "pl022", id);
        if (shared[i])
            irq_connect(&dev->irq, irq_or_input, shared[i], i);
        if (!armv7m_attach(&b->armv7m, dev, base[i], shared[i] ? ARMV7M_NO_IRQ : IRQ_ADC_SPI, errp))
            return false;
    }
    return true;
}

/* Touch screen, audio, two of the shields. */
static bool create_i2cs(struct mps2 *b, struct error **errp)
{
    static const gpa base[I2CS] = {0x40022000, 0x40023000, 0x40029000, 0x4002a000};
    for (unsigned i = 0; i < I2CS; i++) {
        g_autofree char *id = g_strdup_printf("i2c%u", i);
        if (!mps2_create(&b->armv7m, &b->m.root, "arm-sbcon-i2c", id, base[i], ARMV7M_NO_IRQ, errp))
            return false;
    }
    return true;
}

static bool create_devices(struct mps2 *b, struct error **errp)
{
    struct mem_region *root = &b->m.root;
    return create_uarts(b, errp) && create_timers(b, errp) &&
           mps2_create_registers(&b->armv7m, root, b->image->scc_id, 0x4002f000, SYSCLK_HZ,
                                 0x40028000, errp) &&
           create_ports(b, errp) && create_spis(b, errp) && create_i2cs(b, errp) &&
           mps2_create_ethernet(&b->armv7m, root, b->image->ethernet, IRQ_ETHERNET, errp);
}

/* ---- the machine ---- */

static bool mps2_init(struct machine *m, struct error **errp)
{
    struct mps2 *b = (struct mps2 *)m;
    b->image = image_of(m->cls->name);
    b->armv7m = (struct armv7m_board){
        .m = m,
        .nirqs = NIRQS,
        .cpu_hz = SYSCLK_HZ,
        .reference_hz = REFCLK_HZ,
        .bitband = b->image->bitband,
        .boot_size = SSRAM_SIZE,
    };
    return armv7m_check(m, errp) && create_memory(b, errp) && create_unimplemented(b, errp) &&
           armv7m_create(&b->armv7m, errp) && create_devices(b, errp) &&
           armv7m_load(&b->armv7m, errp);
}

static void mps2_reset(struct machine *m)
{
    armv7m_reset(&((struct mps2 *)m)->armv7m);
}

static void mps2_fini(struct machine *m)
{
    armv7m_fini(&((struct mps2 *)m)->armv7m);
}

#define MPS2_CLASS(n, text, model)                                                                 \
    {                                                                                              \
        .name = n, .desc = text, .arch = "arm", .default_cpu = model, .max_cpus = 1,               \
        .default_ram = PSRAM_SIZE, .onboard_nic = "lan9118", .size = sizeof(struct mps2),          \
        .init = mps2_init, .reset = mps2_reset, .fini = mps2_fini                                  \
    }

const struct machine_class mps2_an385_class =
    MPS2_CLASS("mps2-an385", "Arm MPS2, FPGA image AN385 (Cortex-M3)", "cortex-m3");
const struct machine_class mps2_an386_class =
    MPS2_CLASS("mps2-an386", "Arm MPS2, FPGA image AN386 (Cortex-M4)", "cortex-m4");
const struct machine_class mps2_an500_class =
    MPS2_CLASS("mps2-an500", "Arm MPS2, FPGA image AN500 (Cortex-M7)", "cortex-m7");
