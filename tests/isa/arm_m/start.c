/* Start, output, the handler of faults. */
#include "tests/isa/arm_m/m.h"

enum { SYS_WRITE0 = 4, SYS_EXIT_EXTENDED = 0x20, STOPPED_APPLICATION_EXIT = 0x20026 };

extern char stack_top[], data_start[], data_end[], data_load[], bss_start[], bss_end[];
handler *volatile vectors[64] __attribute__((aligned(512)));
volatile struct seen seen;
volatile uint32_t resume;

static int semihost(int op, const void *arg)
{
    register int r0 __asm__("r0") = op;
    register const void *r1 __asm__("r1") = arg;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *s)
{
    semihost(SYS_WRITE0, s);
}

static char *put_hex(char *p, uint32_t v)
{
    for (int i = 28; i >= 0; i -= 4)
        *p++ = "0123456789abcdef"[v >> i & 15];
    *p = 0;
    return p;
}

void print_hex(const char *name, uint32_t v)
{
    char text[12];
    print(name);
    put_hex(text, v);
    print(" ");
    print(text);
    print("\n");
}

void leave(int status)
{
    uint32_t block[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    semihost(SYS_EXIT_EXTENDED, block);
    for (;;)
        ;
}

void expect(const char *what, uint32_t got, uint32_t want)
{
    if (got == want)
        return;
    print("FAIL ");
    print(what);
    print_hex(": got", got);
    print_hex("wanted", want);
    leave(1);
}

void begin(void)
{
    for (unsigned i = 0; i < sizeof(seen) / 4; i++)
        ((volatile uint32_t *)&seen)[i] = 0;
    resume = 0;
}

__attribute__((used)) static void note_fault(uint32_t *frame, uint32_t lr)
{
    uint32_t ipsr = MRS(ipsr);
    seen.count++;
    seen.ipsr = ipsr;
    seen.lr = lr;
    seen.frame = (uint32_t)(uintptr_t)frame;
    seen.pc = frame[6];
    seen.xpsr = frame[7];
#if __ARM_ARCH >= 7
    seen.cfsr = CFSR;
    seen.hfsr = HFSR;
    seen.dfsr = DFSR;
    seen.mmfar = MMFAR;
    seen.bfar = BFAR;
    CFSR = seen.cfsr;
    HFSR = seen.hfsr;
    DFSR = seen.dfsr;
#endif
    if (resume) {
        frame[6] = resume & ~1u;
        frame[7] = (frame[7] & ~0x0600fc00u) | 1u << 24;
    }
}

__attribute__((naked)) void at_fault(void)
{
    __asm__ volatile("mrs r0, msp\n"
                     "mov r1, lr\n"
                     "movs r2, #4\n"
                     "tst r1, r2\n"
                     "beq 1f\n"
                     "mrs r0, psp\n"
                     "1: push {r3, lr}\n"
                     "bl note_fault\n"
                     "pop {r3, pc}\n");
}

void start(void);
void start(void)
{
    for (char *p = bss_start; p < bss_end; p++)
        *p = 0;
    for (char *p = data_start, *from = data_load; p < data_end;)
        *p++ = *from++;
    for (unsigned i = 2; i < 64; i++)
        vectors[i] = at_fault;
    VTOR = (uint32_t)(uintptr_t)vectors;
    BARRIER();
    run();
    print("PASS\n");
    leave(0);
}

__attribute__((section(".vectors"), used)) static const void *const first[2] = {stack_top, start};
