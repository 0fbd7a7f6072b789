/* Shared by the parts of PCI: the host side of a hierarchy. */
#ifndef HW_PCI_PCI_PRIV_H
#define HW_PCI_PCI_PRIV_H

#include "hw/pci/pci.h"

enum { PCI_PINS = 4, PCI_MEM_WINDOWS = 2 };

/* The top of a hierarchy.  Its device's lock is held during configuration accesses: it guards, with
 * machine_pause(), every command register, BAR and bridge window below. */
struct pci_host {
    struct device *dev;
    struct pci_bus root;
    /* Where the hierarchy's addresses lie in the machine's: memory at the same, I/O at io_base. */
    gpa io_base;
    uint64_t io_size;
    struct {
        gpa base;
        uint64_t size;
    } mem[PCI_MEM_WINDOWS];
    struct mutex lock;                          /* after any pci_device.irq_lock */
    unsigned raised[PCI_PINS] GUARDED_BY(lock); /* functions that drive each line */
    struct irq irq[PCI_PINS];
};

/* The function that a configuration access goes to, or NULL. */
struct pci_device *pci_find(struct pci_bus *root, unsigned bus, unsigned devfn);
/* Accesses of 1, 2 or 4 aligned bytes; they take dev.lock.  peek: leave no trace. */
uint32_t pci_config_read(struct pci_device *p, unsigned off, unsigned size, bool peek);
void pci_config_write(struct pci_device *p, unsigned off, unsigned size, uint32_t val);
/* Put BARs where command registers, BARs and windows say; with the host's lock or the machine
 * paused. */
void pci_update_map(struct pci_host *host);
struct pci_window pci_io_window(struct pci_device *p);
struct pci_window pci_memory_window(struct pci_device *p);
struct pci_window pci_prefetch_window(struct pci_device *p);
/* Change of level at pin (0 is A) of a function: to the host's line, through the bridges' rotation.
 */
void pci_route_intx(struct pci_device *p, unsigned pin, bool level);

/* A reset of this function alone, with its lock held; the guest asked by way of configuration
 * space. */
void pci_function_reset(struct pci_device *p);
void pci_update_intx(struct pci_device *p);
/* The file that romfile names, as a BAR. */
bool pci_load_rom(struct pci_device *p, struct error **errp) MUST_CHECK;
void pci_msi_reset(struct pci_device *p);
void pci_msi_written(struct pci_device *p, unsigned off, unsigned size);
bool pci_msi_any_enabled(struct pci_device *p);
uint32_t pci_config_initial(const struct pci_device *p, unsigned off, unsigned size);
bool pci_overlaps(unsigned off, unsigned size, unsigned at, unsigned len);
bool pci_in_d0(struct pci_device *p);
void pcie_add_capability(struct pci_device *p, enum pcie_type type);

#endif
