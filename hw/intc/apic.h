/* Local APICs, the messages between them and their like, and how a board wires them. */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include "core/apic.h"
#include "core/device.h"

enum apic_delivery { /* modes of delivery, as they are encoded */
                     APIC_FIXED,
                     APIC_LOWEST,
                     APIC_SMI,
                     APIC_NMI = 4,
                     APIC_INIT,
                     APIC_SIPI,
                     APIC_EXTINT
};
enum { APIC_BROADCAST = -1 };
static const gpa APIC_DEFAULT_BASE = 0xfee00000;

struct apic_message {
    uint32_t dest; /* (uint32_t)APIC_BROADCAST: all */
    bool is_logical, is_level;
    uint8_t mode; /* enum apic_delivery */
    uint8_t vector;
};

/* The "apic-bus" device: it also answers at 0xfee00000, to processors with the registers of their
 * own APIC, to others as messages.  Any thread, any lock held: senders take no lock. */
void apic_bus_send(struct device *bus, const struct apic_message *m);
/* A message-signalled interrupt; a pci_message_fn calls it.  False when addr is none of its. */
bool apic_bus_msi(struct device *bus, gpa addr, uint32_t data);
/* Who hears of the end of level-triggered interrupts: I/O APICs.  Before the machine runs; at most
 * 8.  fn may take leaf locks and send messages. */
typedef void apic_eoi_fn(void *opaque, uint8_t vector);
void apic_bus_add_eoi(struct device *bus, apic_eoi_fn *fn, void *opaque);

/* An "apic" device's place, before it is realized. */
void lapic_attach(struct device *lapic, struct device *bus, struct cpu *cpu,
                  const struct apic_cpu_ops *ops);
/* The target's side; the opaque is the device. */
extern const struct apic_ops lapic_ops;
/* Pins LINT0 and LINT1: an irq_handler whose opaque is the device. */
void lapic_set_lint(void *opaque, unsigned n, bool level);
/* Who answers the acknowledge cycle of an external interrupt. */
void lapic_set_pic(struct device *lapic, int (*accept)(void *opaque), void *opaque);
/* As a message with no destination: an NMI for this processor (monitors). */
void lapic_nmi(struct device *lapic);

#endif
