/* Host bridges of PCs (i440FX, Q35): wiring. */
#ifndef HW_PCI_HOST_PC_H
#define HW_PCI_HOST_PC_H

#include "core/device.h"

enum { PC_HOST_PIRQS = 4 };

struct pc_host_config {
    struct ram_block *ram; /* whose first bytes are the machine's memory from 0 on */
    uint64_t low_ram;      /* bytes of memory below 4 GiB */
    /* Where BARs may lie: from the end of low_ram to low_end, and in the window above. */
    gpa low_end, high_base;
    uint64_t high_size; /* 0: none */
};

/* Before realize. */
void pc_host_configure(struct device *dev, const struct pc_host_config *c);
/* Line n, 0 to 3: INTA of slot 0, 4, ... comes at 0, of slot 1, 5, ... at 1. */
struct irq *pc_host_irq(struct device *dev, unsigned n);
/* Before realize: who takes messages (MSI), as for hw/pci/host_ecam.h. */
typedef bool pc_host_message_fn(void *opaque, uint32_t requester, gpa addr, uint32_t data);
void pc_host_on_message(struct device *dev, pc_host_message_fn *fn, void *opaque);
/* Where ROMs go: offset 0 is address 0xc0000.  What PAM makes memory hides them. */
struct mem_region *pc_host_roms(struct device *dev);
/* What a processor sees in system management mode. */
struct address_space *pc_host_smm_space(struct device *dev);

/* The machine goes to sleep: remember what PAM and SMRAM show; it wakes up after a reset: show it
 * again.  The machine paused. */
void pc_host_sleep(struct device *dev);
void pc_host_wake(struct device *dev);
/* Where Q35 shows configuration space in memory (PCIEXBAR), and its bytes; 0: nowhere.  Any thread.
 */
gpa pc_host_ecam(struct device *dev, uint64_t *size);

#endif
