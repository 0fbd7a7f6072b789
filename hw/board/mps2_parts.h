/* What the FPGA images for MPS2 boards have in common: parts at places that the image says. */
#ifndef HW_BOARD_MPS2_PARTS_H
#define HW_BOARD_MPS2_PARTS_H

#include "hw/board/armv7m.h"

enum { MPS2_UARTS = 5 };

/* Where a UART is, and its interrupts; combined may be ARMV7M_NO_IRQ. */
struct mps2_uart {
    gpa base;
    int rx, tx, combined;
};

/* Serial line n, whose overruns go to inputs of `overrun`. */
bool mps2_create_uart(struct armv7m_board *b, struct mem_region *parent, unsigned n,
                      const struct mps2_uart *place, struct irq_or *overrun,
                      struct error **errp) MUST_CHECK;
/* A device with a clock of `hz`. */
bool mps2_create_clocked(struct armv7m_board *b, struct mem_region *parent, const char *type,
                         const char *id, uint64_t hz, gpa base, int irq,
                         struct error **errp) MUST_CHECK;
/* One with nothing to say. */
bool mps2_create(struct armv7m_board *b, struct mem_region *parent, const char *type,
                 const char *id, gpa base, int irq, struct error **errp) MUST_CHECK;
/* Watchdog, the board's watchdog whose interrupt is the NMI. */
bool mps2_create_watchdog(struct armv7m_board *b, struct mem_region *parent, const char *id,
                          uint64_t hz, gpa base, struct error **errp) MUST_CHECK;
/* What the image says of itself (SCC), LEDs and counters (FPGAIO). */
bool mps2_create_registers(struct armv7m_board *b, struct mem_region *parent, const char *scc_id,
                           gpa scc, uint64_t prescale_hz, gpa fpgaio,
                           struct error **errp) MUST_CHECK;
/* GPIO port n with its combined interrupt; pin i of the first `pins` has interrupt first + i. */
bool mps2_create_port(struct armv7m_board *b, struct mem_region *parent, unsigned n, gpa base,
                      int irq, unsigned first, unsigned pins, struct error **errp) MUST_CHECK;
/* The board's network card. */
bool mps2_create_ethernet(struct armv7m_board *b, struct mem_region *parent, gpa base, int irq,
                          struct error **errp) MUST_CHECK;

#endif
