/*
 * Arm MPS2+ board with the FPGA image AN505: an IoT Kit with a Cortex-M33; and with AN521: an
 * SSE-200 subsystem with two of them, of which the second is not there. Ref: Arm application notes
 * AN505 (DAI 0505) and AN521 (DAI 0521): memory map, interrupts; Arm IoT Kit and SSE-200 (101104)
 * subsystem technical reference manuals.
 *
 * The processor has no security extension: everything is seen at its secure and at its non-secure
 * address, and the controllers that tell worlds apart only keep what is written.
 */
#include "hw/board/boards.h"
#include "hw/board/mps2_parts.h"
#include "hw/dma/pl080.h"
#include "hw/intc/armv7m.h"
#include "hw/misc/iotkit.h"

enum { PORTS = 4, SPIS = 5, I2CS = 4, DMAS = 4, MEMORIES = 4, NIRQS = 140, KIB = 1 << 10 };
enum { MHUS = 2, BANK_SIZE = 32 * KIB };
enum { MIB = 1 << 20, PSRAM_SIZE = 16 * MIB, SSRAM_SIZE = 4 * MIB, HALVES = 3 };
enum { SYSCLK_HZ = 20000000, SLOW_HZ = 32000 };
static const uint64_t HALF = UINT64_C(256) << 20; /* of each alternately secure part */

/* Interrupts: the kit's own, then the image's. */
enum {
    IRQ_WATCHDOG = 1,
    IRQ_SLOW_TIMER = 2,
    IRQ_TIMER = 3, /* and 4 */
    IRQ_DUALTIMER = 5,
    IRQ_MHU = 6, /* and 7: SSE-200 */
    IRQ_MPC = 9,
    IRQ_UART = 32,          /* receive and transmit of each */
    IRQ_UART_COMBINED = 42, /* to 46 */
    IRQ_UART_OVERRUN = 47,
    IRQ_ETHERNET = 48,
    IRQ_SPI = 51, /* to 55 */
    IRQ_DMA = 56, /* error, terminal count, both of each */
    IRQ_PORT = 68,
    IRQ_PORT_PINS = 72, /* 16 each, the last port 4 */
};

/* What the images differ in. */
struct image {
    const char *version, *config, *scc_id; /* of the subsystem; of the board */
    unsigned banks;                        /* of SRAM, 32 KiB each */
    bool sse200;
};

struct an505 {
    struct machine m;
    const struct image *image;
    struct armv7m_board armv7m;
    /* Code, SRAM and peripherals, and the same at their secure addresses. */
    struct mem_region half[HALVES], secure[HALVES];
    struct mem_region ssram[MEMORIES], mirror, psram;
    struct irq_or uart_overrun, mpc;
};

enum { CODE, SRAM, PERIPHERALS };
static const gpa half_base[HALVES] = {0x00000000, 0x20000000, 0x40000000};

/* ---- memory ---- */

static void create_halves(struct an505 *b)
{
    static const char *const names[HALVES][2] = {{"code", "code (secure)"},
                                                 {"sram", "sram (secure)"},
                                                 {"peripherals", "peripherals (secure)"}};
    for (unsigned i = 0; i < HALVES; i++) {
        region_init_container(&b->half[i], names[i][0], HALF);
        region_init_alias(&b->secure[i], names[i][1], &b->half[i], HALF);
        region_add(&b->m.root, half_base[i], &b->half[i], 0);
        region_add(&b->m.root, half_base[i] + HALF, &b->secure[i], 0);
    }
}

static bool create_ram(struct an505 *b, unsigned n, const char *name, unsigned half, gpa off,
                       uint64_t size, struct error **errp)
{
    struct ram_block *ram = machine_new_ram(&b->m, name, size, errp);
    if (ram == NULL)
        return false;
    region_init_ram(&b->ssram[n], ram->name, ram, 0, size);
    region_add(&b->half[half], off, &b->ssram[n], 0);
    return true;
}

static bool create_memory(struct an505 *b, struct error **errp)
{
    create_halves(b);
    if (!create_ram(b, 0, "iotkit.sram", SRAM, 0, b->image->banks * BANK_SIZE, errp) ||
        !create_ram(b, 1, "mps.ssram1", CODE, 0, SSRAM_SIZE, errp) ||
        !create_ram(b, 2, "mps.ssram2", SRAM, 0x8000000, 2 * MIB, errp) ||
        !create_ram(b, 3, "mps.ssram3", SRAM, 0x8200000, 2 * MIB, errp) ||
        !armv7m_memory(&b->m, &b->psram, MEM_RAM, "mps.ram", 0x80000000, PSRAM_SIZE, errp))
        return false;
    region_init_alias(&b->mirror, "mps.ssram1 mirror", &b->ssram[1], SSRAM_SIZE);
    region_add(&b->half[CODE], SSRAM_SIZE, &b->mirror, 0);
    return true;
}

/* ---- the kit ---- */

/* An offset in the peripherals' part. */
static bool attach(struct an505 *b, struct device *dev, gpa off, int irq, struct error **errp)
{
    return armv7m_attach_in(&b->armv7m, &b->half[PERIPHERALS], dev, off, irq, errp);
}

/* A guard of a memory, registers at off in the secure half of the peripherals. */
static bool create_mpc(struct an505 *b, unsigned n, gpa off, const char *size, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("mpc%u", n);
    struct device *dev = armv7m_device(&b->m, "tz-mpc", id);
    irq_connect(&dev->irq, irq_or_input, &b->mpc, n);
    return device_set(dev, "size", size, errp) &&
           armv7m_attach(&b->armv7m, dev, half_base[PERIPHERALS] + HALF + off, ARMV7M_NO_IRQ, errp);
}

static bool create_mpcs(struct an505 *b, struct error **errp)
{
    unsigned n = b->image->banks;
    armv7m_connect(&b->armv7m, &b->mpc.out, IRQ_MPC);
    for (unsigned i = 0; i < n; i++)
        if (!create_mpc(b, i, 0x0083000 + i * 0x1000, "0x8000", errp))
            return false;
    return create_mpc(b, n, 0x8007000, "0x400000", errp) &&
           create_mpc(b, n + 1, 0x8008000, "0x200000", errp) &&
           create_mpc(b, n + 2, 0x8009000, "0x200000", errp);
}

static bool create_kit_timers(struct an505 *b, struct error **errp)
{
    static const struct {
        const char *type, *id;
        uint64_t hz;
        gpa off;
        int irq;
    } timer[] = {
        {"cmsdk-apb-timer", "timer0", SYSCLK_HZ, 0x00000, IRQ_TIMER},
        {"cmsdk-apb-timer", "timer1", SYSCLK_HZ, 0x01000, IRQ_TIMER + 1},
        {"cmsdk-apb-dualtimer", "dualtimer", SYSCLK_HZ, 0x02000, IRQ_DUALTIMER},
        {"cmsdk-apb-timer", "s32ktimer", SLOW_HZ, 0x2f000, IRQ_SLOW_TIMER},
        {"cmsdk-apb-watchdog", "nswatchdog", SYSCLK_HZ, 0x81000, IRQ_WATCHDOG},
    };
    struct mem_region *root = &b->m.root;
    for (size_t i = 0; i < ARRAY_SIZE(timer); i++)
        if (!mps2_create_clocked(&b->armv7m, &b->half[PERIPHERALS], timer[i].type, timer[i].id,
                                 timer[i].hz, timer[i].off, timer[i].irq, errp))
            return false;
    return mps2_create_watchdog(&b->armv7m, root, "s32kwatchdog", SLOW_HZ, 0x5002e000, errp) &&
           mps2_create_watchdog(&b->armv7m, root, "swatchdog", SYSCLK_HZ, 0x50081000, errp);
}

static bool create_security_control(struct an505 *b, struct error **errp)
{
    struct device *other = armv7m_device(&b->m, "iotkit-secctl", "secctl-ns");
    return mps2_create(&b->armv7m, &b->m.root, "iotkit-secctl", "secctl", 0x50080000, ARMV7M_NO_IRQ,
                       errp) &&
           device_set(other, "nonsecure", "on", errp) &&
           armv7m_attach(&b->armv7m, other, 0x40080000, ARMV7M_NO_IRQ, errp);
}

static void set_vectors(void *nvic, uint32_t addr)
{
    armv7m_set_vectors(nvic, addr);
}

/* What comes with two processors.  Caches, power policy units and the local security control have
 * nothing to say. */
static bool create_sse200(struct an505 *b, struct error **errp)
{
    for (unsigned i = 0; i < MHUS; i++) {
        g_autofree char *id = g_strdup_printf("mhu%u", i);
        if (!attach(b, armv7m_device(&b->m, "armsse-mhu", id), 0x3000 + i * 0x1000,
                    IRQ_MHU + (int)i, errp))
            return false;
    }
    struct mem_region *root = &b->m.root;
    return attach(b, armv7m_device(&b->m, "armsse-cpuid", "cpuid"), 0x1f000, ARMV7M_NO_IRQ, errp) &&
           armv7m_unimplemented(&b->m, root, "cache control", 0x50010000, 0x1000, errp) &&
           armv7m_unimplemented(&b->m, root, "local security control", 0x50011000, 0x1000, errp) &&
           armv7m_unimplemented(&b->m, root, "power policy units", 0x50022000, 0xc000, errp);
}

static bool create_kit(struct an505 *b, struct error **errp)
{
    const struct image *i = b->image;
    struct device *sysctl = armv7m_device(&b->m, "iotkit-sysctl", "sysctl"),
                  *sysinfo = armv7m_device(&b->m, "iotkit-sysinfo", "sysinfo");
    iotkit_sysctl_on_vectors(sysctl, set_vectors, b->armv7m.nvic);
    return device_set(sysinfo, "SYS_VERSION", i->version, errp) &&
           device_set(sysinfo, "SYS_CONFIG", i->config, errp) &&
           device_set(sysctl, "sse-200", i->sse200 ? "on" : "off", errp) &&
           attach(b, sysinfo, 0x20000, ARMV7M_NO_IRQ, errp) &&
           armv7m_attach(&b->armv7m, sysctl, 0x50021000, ARMV7M_NO_IRQ, errp) &&
           create_security_control(b, errp) && create_mpcs(b, errp) && create_kit_timers(b, errp) &&
           (!i->sse200 || create_sse200(b, errp));
}

/* ---- the image ---- */

static bool create_uarts(struct an505 *b, struct error **errp)
{
    armv7m_connect(&b->armv7m, &b->uart_overrun.out, IRQ_UART_OVERRUN);
    for (unsigned i = 0; i < MPS2_UARTS; i++) {
        int rx = IRQ_UART + (int)i * 2;
        struct mps2_uart place = {0x200000 + i * 0x1000, rx, rx + 1, IRQ_UART_COMBINED + (int)i};
        if (!mps2_create_uart(&b->armv7m, &b->half[PERIPHERALS], i, &place, &b->uart_overrun, errp))
            return false;
    }
    return true;
}

/* Nothing is connected to any of them. */
static bool create_buses(struct an505 *b, struct error **errp)
{
    static const gpa spi[SPIS] = {0x205000, 0x206000, 0x209000, 0x20a000, 0x20b000};
    static const gpa i2c[I2CS] = {0x207000, 0x208000, 0x20c000, 0x20d000};
    for (unsigned i = 0; i < SPIS; i++) {
        g_autofree char *id = g_strdup_printf("spi%u", i);
        if (!attach(b, armv7m_device(&b->m, "pl022", id), spi[i], IRQ_SPI + (int)i, errp))
            return false;
    }
    for (unsigned i = 0; i < I2CS; i++) {
        g_autofree char *id = g_strdup_printf("i2c%u", i);
        if (!attach(b, armv7m_device(&b->m, "arm-sbcon-i2c", id), i2c[i], ARMV7M_NO_IRQ, errp))
            return false;
    }
    return true;
}

static bool create_ports(struct an505 *b, struct error **errp)
{
    for (unsigned i = 0; i < PORTS; i++)
        if (!mps2_create_port(&b->armv7m, &b->half[PERIPHERALS], i, 0x100000 + i * 0x1000,
                              IRQ_PORT + (int)i, IRQ_PORT_PINS + i * 16, i < PORTS - 1 ? 16 : 4,
                              errp))
            return false;
    return true;
}

static bool create_dmas(struct an505 *b, struct error **errp)
{
    for (unsigned i = 0; i < DMAS; i++) {
        g_autofree char *id = g_strdup_printf("dma%u", i);
        struct device *dev = armv7m_device(&b->m, "pl080", id);
        armv7m_connect(&b->armv7m, pl080_error_irq(dev), IRQ_DMA + i * 3);
        armv7m_connect(&b->armv7m, pl080_count_irq(dev), IRQ_DMA + i * 3 + 1);
        if (!device_set(dev, "channels", "2", errp) ||
            !attach(b, dev, 0x110000 + i * 0x1000, IRQ_DMA + (int)i * 3 + 2, errp))
            return false;
    }
    return true;
}

static bool create_image(struct an505 *b, struct error **errp)
{
    struct mem_region *p = &b->half[PERIPHERALS];
    return create_uarts(b, errp) && create_buses(b, errp) && create_ports(b, errp) &&
           create_dmas(b, errp) &&
           mps2_create_registers(&b->armv7m, p, b->image->scc_id, 0x300000, SYSCLK_HZ, 0x302000,
                                 errp) &&
           mps2_create_ethernet(&b->armv7m, p, 0x2000000, IRQ_ETHERNET, errp) &&
           armv7m_unimplemented(&b->m, p, "i2s", 0x301000, 0x1000, errp) &&
           armv7m_unimplemented(&b->m, p, "display", 0x1000000, 0x140000, errp) &&
           armv7m_unimplemented(&b->m, p, "FPGA control", 0x8007000, 0x1000, errp);
}

/* ---- the machine ---- */

static const struct image an505_image = {
    .version = "0x41743", .config = "0x31", .scc_id = "0x41045050", .banks = 1};
static const struct image an521_image = {.version = "0x22041743",
                                         .config = "0x223004f4",
                                         .scc_id = "0x41045210",
                                         .banks = 4,
                                         .sse200 = true};

static bool init(struct machine *m, const struct image *image, struct error **errp)
{
    struct an505 *b = (struct an505 *)m;
    b->image = image;
    b->armv7m = (struct armv7m_board){
        .m = m,
        .nirqs = NIRQS,
        .cpu_hz = SYSCLK_HZ,
        .vectors = HALF, /* secure */
        .boot_size = SSRAM_SIZE,
    };
    return armv7m_check(m, errp) && create_memory(b, errp) && armv7m_create(&b->armv7m, errp) &&
           create_kit(b, errp) && create_image(b, errp) && armv7m_load(&b->armv7m, errp);
}

static bool an505_init(struct machine *m, struct error **errp)
{
    return init(m, &an505_image, errp);
}

static bool an521_init(struct machine *m, struct error **errp)
{
    return init(m, &an521_image, errp);
}

static void an505_reset(struct machine *m)
{
    armv7m_reset(&((struct an505 *)m)->armv7m);
}

static void an505_fini(struct machine *m)
{
    armv7m_fini(&((struct an505 *)m)->armv7m);
}

const struct machine_class mps2_an505_class = {
    .name = "mps2-an505",
    .desc = "Arm MPS2+, FPGA image AN505 (Cortex-M33)",
    .arch = "arm",
    .default_cpu = "cortex-m33",
    .max_cpus = 1,
    .default_ram = PSRAM_SIZE,
    .onboard_nic = "lan9118",
    .size = sizeof(struct an505),
    .init = an505_init,
    .reset = an505_reset,
    .fini = an505_fini,
};

const struct machine_class mps2_an521_class = {
    .name = "mps2-an521",
    .desc = "Arm MPS2+, FPGA image AN521 (Cortex-M33, the first of two)",
    .arch = "arm",
    .default_cpu = "cortex-m33",
    .max_cpus = 1,
    .default_ram = PSRAM_SIZE,
    .onboard_nic = "lan9118",
    .size = sizeof(struct an505),
    .init = an521_init,
    .reset = an505_reset,
    .fini = an505_fini,
};
