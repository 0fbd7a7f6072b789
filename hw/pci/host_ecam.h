/* The generic PCI Express host bridge: its wiring. */
#ifndef HW_PCI_HOST_ECAM_H
#define HW_PCI_HOST_ECAM_H

#include "core/device.h"

/* Bytes of configuration space a bus takes. */
enum { ECAM_BUS_SIZE = 1 << 20, ECAM_INTX_LINES = 4 };

struct ecam_windows {
    gpa io; /* where I/O address 0 of the bus lies */
    uint64_t io_size;
    struct ecam_memory {
        gpa base; /* the same on the bus */
        uint64_t size;
    } low, high; /* below 4 GiB, and for 64-bit BARs; size 0: none */
};

/* Before realize: what of the machine's addresses the bridge forwards. */
void ecam_set_windows(struct device *host, const struct ecam_windows *w);
/* Before realize: who is shown every message (MSI, MSI-X) of a function with its requester ID (bus
 * << 8 | slot << 3 | function), and takes it, or leaves it to memory (false).  Any thread. */
typedef bool pci_message_fn(void *opaque, uint32_t requester, gpa addr, uint32_t data);
void ecam_set_message_handler(struct device *host, pci_message_fn *fn, void *opaque);
/* Interrupt line n, 0 to 3: INTA of slot 0, 4, ... comes at 0, of slot 1, 5, ... at 1. */
struct irq *ecam_irq(struct device *host, unsigned n);

#endif
