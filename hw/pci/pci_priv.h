/* Shared by the parts of PCI: the host side of a hierarchy. */
#ifndef HW_PCI_PCI_PRIV_H
#define HW_PCI_PCI_PRIV_H

#include "hw/pci/host_ecam.h"
#include "hw/pci/pci.h"

enum { PCI_PINS = 4, PCI_MEM_WINDOWS = 2, PCI_SLOT_FUNCTIONS = 8 };

/* The top of a hierarchy.  Its device's lock is held during configuration accesses: it guards, with
 * machine_pause(), every command register, BAR and bridge window below. */
struct pci_host {
    struct device *dev;
    struct pci_bus root;
    const char *node; /* what firmware calls it */
    /* Where the hierarchy's addresses lie in the machine's: memory at the same, I/O at io_base. */
    gpa io_base;
    uint64_t io_size;
    struct address_space *io; /* I/O addresses lie in a space of their own; NULL: in memory */
    struct {
        gpa base;
        uint64_t size;
    } mem[PCI_MEM_WINDOWS];
    bool bridges_pass_dma;                      /* whatever their command registers say */
    bool has_vga_memory;                        /* 0xa0000 to 0xbffff are the bus's */
    struct mutex lock;                          /* after any pci_device.irq_lock */
    unsigned raised[PCI_PINS] GUARDED_BY(lock); /* functions that drive each line */
    struct irq irq[PCI_PINS];
    pci_message_fn *message; /* NULL: every message is a write to memory */
    void *message_opaque;
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
/* Reset all functions on bus and on the buses behind it. */
void pci_reset_below(struct pci_bus *bus);

/* The slot of a root port or downstream port: hw/pci/slot.c.  Guarded by the port's lock. */
struct pci_slot {
    struct pci_device *port;
    struct pci_bus *bus;
    bool hotplug;
    uint16_t control;    /* the register as it was after the last write */
    bool link_active;    /* as it was at the last look */
    bool raised;         /* the level of its interrupt */
    bool asked, blinked; /* the user wants the card out; the guest has begun with that */
    int64_t asked_at;    /* virtual time */
    char *asked_id;      /* of the device that the user named */
    unsigned source;     /* in the main loop: the card is about to be taken out; 0: none */
};
struct pci_slot_conf {
    uint32_t number; /* at most PCI_MAX_SLOT_NUMBER */
    bool hotplug;
};
enum { PCI_MAX_SLOT_NUMBER = 0x1fff };
/* After the port's Express capability was added. */
void pci_slot_init(struct pci_slot *s, struct pci_device *port, struct pci_bus *bus,
                   const struct pci_slot_conf *conf);
void pci_slot_fini(struct pci_slot *s);
/* The port's part of its hooks: before a read, after a write, reset and load of its registers. */
void pci_slot_read(struct pci_slot *s, unsigned off, unsigned size);
void pci_slot_written(struct pci_slot *s, unsigned off, unsigned size);
void pci_slot_reset(struct pci_slot *s);
void pci_slot_sync(struct pci_slot *s);
/* Function 0 came or went; tells no guest. */
void pci_slot_occupied(struct pci_slot *s);
/* Whether nothing behind a bridge answers: its slot has no power, or its link is disabled. */
bool pci_slot_is_down(struct pci_device *bridge);

#endif
