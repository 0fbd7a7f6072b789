/* Wiring of a RISC-V hart's incoming MSI controller. */
#ifndef HW_INTC_IMSIC_H
#define HW_INTC_IMSIC_H

#include "core/device.h"
#include "core/intc.h"

enum { IMSIC_PAGE = 0x1000, IMSIC_IDS = 255, IMSIC_MAX_GUESTS = 7 };

/* The pages that messages are written to: 1 << bits of them, `bits` those that number the hart's
 * own file (0) and its guests' files. */
struct mem_region *imsic_region(struct device *dev);
unsigned imsic_guest_bits(unsigned guests);
/* The hart's external interrupt line of that privilege level. */
struct irq *imsic_output(struct device *dev);
/* What the hart's registers reach it by; opaque is the device. */
extern const struct imsic_ops imsic_cpu_ops;

#endif
