/* Counts rounds of a loop between ticks of SysTick, and prints them with what SysTick showed at the
 * start of each handler: the same in every run with -icount. */
#define REG(address) (*(volatile unsigned *)(address))

enum { SYST_CSR = 0xe000e010u, SYST_RVR = 0xe000e014u, SYST_CVR = 0xe000e018u };
enum { TICKS = 20, SYS_WRITE0 = 4, SYS_EXIT = 0x18, EXIT_OK = 0x20026 };

static volatile unsigned ticks, seen[TICKS];

static void semihosting(unsigned op, const void *arg)
{
    register unsigned r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = arg;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(unsigned v)
{
    char text[10];
    for (unsigned i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
    text[8] = '\n';
    text[9] = 0;
    semihosting(SYS_WRITE0, text);
}

static void on_tick(void)
{
    if (ticks < TICKS)
        seen[ticks] = REG(SYST_CVR);
    ticks++;
}

/* Five instructions. */
static unsigned count_rounds(unsigned until)
{
    unsigned n = 0, t;
    __asm__ volatile("1: adds %0, #1\n nop\n ldr %1, [%2]\n cmp %1, %3\n bcc 1b"
                     : "+l"(n), "=&l"(t)
                     : "l"(&ticks), "l"(until)
                     : "cc", "memory");
    return n;
}

void start(void);
void start(void)
{
    REG(SYST_RVR) = 24999;
    REG(SYST_CVR) = 0;
    REG(SYST_CSR) = 7;
    print(count_rounds(TICKS / 2));
    while (ticks < TICKS)
        __asm__ volatile("wfi");
    REG(SYST_CSR) = 0;
    for (unsigned i = 0; i < TICKS; i++)
        print(seen[i]);
    semihosting(SYS_EXIT, (const void *)EXIT_OK);
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    [0] = (void (*)(void))0x20008000, [1] = start, [15] = on_tick};
