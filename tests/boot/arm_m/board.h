/* What the programs that test M-profile boards share: places of parts, registers, semihosting. */
#ifndef TESTS_BOOT_ARM_M_BOARD_H
#define TESTS_BOOT_ARM_M_BOARD_H

#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(addr))

#if defined(LM3S)
enum { IRQ_TIMER0 = 19, IRQ_ETHERNET = 42 };
#elif defined(AN505)
#define UART0    0x50200000U
#define TIMER0   0x50000000U
#define ETHERNET 0x52000000U
#define WATCHDOG 0x50081000U
enum { IRQ_TIMER0 = 3, IRQ_ETHERNET = 48 };
#else
#define UART0    0x40004000U
#define TIMER0   0x40000000U
#define WATCHDOG 0x40008000U
#ifdef AN500
#define ETHERNET 0xa0000000U
#else
#define ETHERNET 0x40200000U
#endif
enum { IRQ_TIMER0 = 8, IRQ_ETHERNET = 13 };
#endif

extern volatile unsigned ticks, timer_interrupts, ethernet_interrupts, nmis;

void nvic_enable(unsigned irq);
void puts_uart(const char *text);
void fail(const char *what) __attribute__((noreturn));
void finish(unsigned status) __attribute__((noreturn));

/* ethernet_*.c: a frame of up to 1514 bytes out; one in, if there is any: its length without the
 * check sequence. */
void ethernet_start(void);
void ethernet_send(const uint8_t *frame, unsigned len);
unsigned ethernet_receive(uint8_t *frame, unsigned max);
void ethernet_address(uint8_t mac[6]);

#endif
