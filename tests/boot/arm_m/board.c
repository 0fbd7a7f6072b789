/*
 * A program for M-profile boards: serial line, SysTick, timers, watchdog, bit-band aliases, resets,
 * network.  It says what it has done on its serial line and ends with status 42.
 */
#include "tests/boot/arm_m/board.h"

#define SCB_AIRCR 0xe000ed04U + 8
#define SYST      0xe000e010U
enum { KEY = 0x05fa0000, SYSRESETREQ = 4 };

/* Survives resets: what is linked is loaded again, this is not. */
static struct {
    uint32_t magic, boots;
} *const kept = (void *)KEPT;

volatile unsigned ticks, timer_interrupts, ethernet_interrupts, nmis;

static unsigned semihost(unsigned op, const void *arg)
{
    register unsigned r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = arg;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void finish(unsigned status)
{
    const unsigned args[2] = {0x20026, status};
    semihost(0x20, args); /* SYS_EXIT_EXTENDED */
    for (;;)
        ;
}

void fail(const char *what)
{
    puts_uart("FAIL ");
    puts_uart(what);
    puts_uart("\n");
    finish(1);
}

static void check(int ok, const char *what)
{
    if (!ok)
        fail(what);
    puts_uart("ok ");
    puts_uart(what);
    puts_uart("\n");
}

void nvic_enable(unsigned irq)
{
    REG(0xe000e100 + irq / 32 * 4) = 1U << irq % 32;
}

/* Wait until a counter gets there; a guest without interrupts would wait for ever. */
static int counts(volatile unsigned *counter, unsigned want)
{
    for (unsigned i = 0; i < 100000000 && *counter < want; i++)
        ;
    return *counter >= want;
}

/* ---- parts of the two families ---- */

#ifdef LM3S
void puts_uart(const char *text)
{
    while (*text)
        REG(0x4000c000) = (uint8_t)*text++;
}

static void start_timer(void)
{
    REG(0x400fe104) = 0x10000; /* its clock */
    REG(0x40030000) = 0;
    REG(0x40030004) = 2;
    REG(0x40030028) = 12000;
    REG(0x40030018) = 1;
    REG(0x4003000c) = 1;
}

static void acknowledge_timer(void)
{
    REG(0x40030024) = 1;
}

/* The second time it is not served it resets the chip. */
static void wait_for_watchdog(void)
{
    REG(0x400fe100) |= 8;
    REG(0x40000000) = 50000;
    REG(0x40000008) = 3;
    for (;;)
        ;
}

static void test_family(void)
{
    check(REG(0x400fe004) == 0x1073402e, "identity");
    REG(0x400fe060) = 0x07800380 | 1 << 22 | 3 << 23; /* PLL: 50 MHz */
    check(REG(0x400fe050) & 0x40, "PLL");
    REG(0x40024400) = 0xff; /* GPIO E: out */
    REG(0x40024000 + (0x0f << 2)) = 0xaa;
    check(REG(0x400243fc) == 0x0a, "masked GPIO");
}
#else
void puts_uart(const char *text)
{
    REG(UART0 + 0x10) = 16;
    REG(UART0 + 0x08) = 1;
    while (*text) {
        while (REG(UART0 + 0x04) & 1)
            ;
        REG(UART0) = (uint8_t)*text++;
    }
}

static void start_timer(void)
{
    REG(TIMER0 + 8) = 25000;
    REG(TIMER0) = 9;
}

static void acknowledge_timer(void)
{
    REG(TIMER0 + 0xc) = 1;
}

static void wait_for_watchdog(void)
{
    REG(WATCHDOG + 0xc00) = 0x1acce551;
    REG(WATCHDOG) = 50000;
    REG(WATCHDOG + 8) = 3;
    check(counts(&nmis, 1), "watchdog's NMI");
    for (;;)
        ;
}

static void test_family(void)
{
    check(REG(UART0 + 0xfe0) == 0x21, "identity");
}
#endif

static void test_bit_band(void)
{
#ifdef BITBAND
    static volatile uint32_t word;
    volatile uint32_t *alias = (void *)(0x22000000 + ((uintptr_t)&word - 0x20000000) * 32);
    word = 0x100;
    alias[31] = 1;
    alias[8] = 0;
    check(word == 0x80000000 && alias[31] == 1 && alias[0] == 0, "bit-band alias");
#endif
}

/* Where a C library's stack may be: not at 0. */
static void test_heapinfo(void)
{
    uint32_t block[4] = {0}, *arg = block;
    semihost(0x16, &arg);
    check(block[2] >= KEPT - 0x7000, "HEAPINFO");
}

/* ---- network ---- */

static void test_network(void)
{
    static const uint8_t question[] = {0, 1, 8, 0, 6, 4, 0, 1};
    static uint8_t frame[1536];
    unsigned len;
    for (unsigned i = 0; i < 6; i++)
        frame[i] = 0xff;
    ethernet_start();
    ethernet_address(frame + 6);
    frame[12] = 8;
    frame[13] = 6; /* ARP */
    for (unsigned i = 0; i < 8; i++)
        frame[14 + i] = question[i];
    ethernet_address(frame + 22);
    frame[28] = frame[38] = 10;
    frame[30] = frame[40] = 2;
    frame[31] = 15;
    frame[41] = 2;
    nvic_enable(IRQ_ETHERNET);
    ethernet_send(frame, 60);
    check(counts(&ethernet_interrupts, 1), "network interrupt");
    do
        len = ethernet_receive(frame, sizeof(frame));
    while (len < 42 || frame[12] != 8 || frame[13] != 6);
    check(frame[21] == 2 && frame[31] == 2 && frame[28] == 10, "answer of 10.0.2.2");
}

/* ---- resets ---- */

static void test_resets(void)
{
    if (kept->magic != 0x600dcafe) {
        kept->magic = 0x600dcafe;
        kept->boots = 0;
    }
    kept->boots++;
    if (kept->boots == 1) {
        puts_uart("ok first start\n");
        REG(SCB_AIRCR) = KEY | SYSRESETREQ;
        for (;;)
            ;
    }
    if (kept->boots == 2) {
        puts_uart("ok reset by SYSRESETREQ\n");
        wait_for_watchdog();
    }
#ifdef LM3S
    check(REG(0x400fe05c) & 8, "reset cause");
#endif
    check(kept->boots == 3, "reset by the watchdog");
    kept->magic = 0;
}

int main(void)
{
    test_resets();
    test_family();
    test_bit_band();
    test_heapinfo();
    REG(SYST + 4) = 11999;
    REG(SYST + 8) = 0;
    REG(SYST) = 7;
    check(counts(&ticks, 3), "SysTick");
    nvic_enable(IRQ_TIMER0);
    start_timer();
    check(counts(&timer_interrupts, 3), "timer");
    test_network();
    puts_uart("done\n");
    finish(42);
}

/* ---- start ---- */

extern uint32_t bss_start, bss_end, stack_top;

static void reset(void)
{
    for (uint32_t *p = &bss_start; p < &bss_end; p++)
        *p = 0;
    main();
}

static void nmi(void)
{
    nmis++;
}

static void fault(void)
{
    fail("no fault");
}

static void tick(void)
{
    ticks++;
}

/* All external interrupts. */
static void interrupt(void)
{
    unsigned number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    if (number == 16 + IRQ_TIMER0) {
        timer_interrupts++;
        acknowledge_timer();
    } else {
        ethernet_interrupts++;
        REG(0xe000e180 + IRQ_ETHERNET / 32 * 4) = 1U << IRQ_ETHERNET % 32; /* off */
    }
}

/* clang-format off */
__attribute__((section(".vectors"), used)) static void *const vectors[] = {
    &stack_top, (void *)reset, (void *)nmi, (void *)fault, (void *)fault, (void *)fault,
    (void *)fault, 0, 0, 0, 0, (void *)fault, (void *)fault, 0, (void *)fault, (void *)tick,
    [16 ... 79] = (void *)interrupt,
};
/* clang-format on */
