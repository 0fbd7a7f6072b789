/* What the programs share: start, output by semihosting, a handler of faults that notes what it
 * sees and goes on. */
#ifndef M_H
#define M_H

#include <stdbool.h>
#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(uintptr_t)(addr))
#define ICSR      REG(0xe000ed04)
#define VTOR      REG(0xe000ed08)
#define AIRCR     REG(0xe000ed0c)
#define SCR       REG(0xe000ed10)
#define CCR       REG(0xe000ed14)
#define SHPR(n)   REG(0xe000ed18 + 4 * (n))
#define SHCSR     REG(0xe000ed24)
#define CFSR      REG(0xe000ed28)
#define HFSR      REG(0xe000ed2c)
#define DFSR      REG(0xe000ed30)
#define MMFAR     REG(0xe000ed34)
#define BFAR      REG(0xe000ed38)
#define CPACR     REG(0xe000ed88)
#define DEMCR     REG(0xe000edfc)
#define FPCCR     REG(0xe000ef34)
#define FPCAR     REG(0xe000ef38)
#define FPDSCR    REG(0xe000ef3c)
#define ISER(n)   REG(0xe000e100 + 4 * (n))
#define ICER(n)   REG(0xe000e180 + 4 * (n))
#define ISPR(n)   REG(0xe000e200 + 4 * (n))
#define ICPR(n)   REG(0xe000e280 + 4 * (n))
#define IABR(n)   REG(0xe000e300 + 4 * (n))
#define IPR(n)    (*(volatile uint8_t *)(uintptr_t)(0xe000e400 + (n)))

#define BARRIER() __asm__ volatile("dsb\n isb" ::: "memory")
#define MRS(name)                                                                                  \
    ({                                                                                             \
        uint32_t v_;                                                                               \
        __asm__ volatile("mrs %0, " #name : "=r"(v_)::"memory");                                   \
        v_;                                                                                        \
    })
#define MSR(name, v) __asm__ volatile("msr " #name ", %0\n isb" ::"r"(v) : "memory", "cc")

typedef void handler(void);
extern handler *volatile vectors[64] __attribute__((aligned(512)));
void at_fault(void); /* vector of faults */

/* What the handler saw last, and how often it ran. */
struct seen {
    uint32_t count, ipsr, lr, pc, xpsr, cfsr, hfsr, mmfar, bfar, dfsr, sp, frame;
};
extern volatile struct seen seen;
extern volatile uint32_t
    resume; /* where the handler lets the program go on; 0: at the instruction again */

/* Run code (text of assembler) that is to fault at its beginning, and go on behind it. */
#define PROVOKE(code)                                                                              \
    do {                                                                                           \
        begin();                                                                                   \
        __asm__ volatile("adr r3, 9f\n ldr r2, =resume\n str r3, [r2]\n .balign 4\n 8: " code      \
                         "\n nop\n .balign 4\n 9: nop" ::                                          \
                             : "r2", "r3", "memory", "cc");                                        \
    } while (0)

void begin(void);
void print(const char *s);
void print_hex(const char *name, uint32_t v);
void leave(int status) __attribute__((noreturn));
/* A test, by what is expected; the first that fails ends the program. */
void expect(const char *what, uint32_t got, uint32_t want);
void run(void); /* the program's own */

#endif
