/*
 * PCI and PCI Express: the contract for device models.
 * Ref: PCI Local Bus Specification 3.0; PCI Express Base Specification 5.0; register names are
 * theirs.
 *
 * A device is `struct NAME { struct pci_device pci; ...; struct NAME_state { struct pci_state pci;
 * ... } s; }`, of class .bus = "PCI", with STATE(NAME, pci, 0) first in its state table, PCI_PROPS
 * among its properties, .reset and .sync that are (or begin by calling) pci_reset and pci_sync. Its
 * realize calls pci_init(), then adds what it has: BARs, capabilities, MSI, MSI-X; its unrealize,
 * and a realize that fails after pci_init(), end with pci_fini().
 *
 * Configuration accesses come with the host bridge's lock and then the device's own held.
 * Interrupts and DMA may be raised from any thread, with the lock of the device or of what it
 * carries held.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "core/device.h"
#include "hw/bus.h"
#include "hw/pci/pci_regs.h"

enum { PCI_CONFIG_SIZE = 256, PCIE_CONFIG_SIZE = 4096, PCI_BARS = 6, PCI_ROM_BAR = 6 };
enum { PCI_MAX_MSI = 32, PCI_MAX_MSIX = 128, PCI_MAX_FUNCTIONS = 256 };
enum { PCI_DEVFN_AUTO = -1, PCI_MAX_LEGACY = 3 };

/* What a guest can see of any function; the first member of a device's `s`. */
struct pci_state {
    uint8_t config[PCIE_CONFIG_SIZE];
    uint32_t msix_table[PCI_MAX_MSIX][4];
    uint64_t msix_pending[PCI_MAX_MSIX / 64];
};

struct pci_ids {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* base class, sub class, programming interface: 24 bits */
    uint8_t revision;
    uint8_t pin; /* of INTx: 1 is A, 0 none */
};

enum pci_bar_type {
    PCI_BAR_MEM32,
    PCI_BAR_MEM32_PREF,
    PCI_BAR_MEM64, /* these take the next BAR, too */
    PCI_BAR_MEM64_PREF,
    PCI_BAR_IO,
    PCI_BAR_ROM, /* of PCI_ROM_BAR only */
};

struct pci_device;
struct pci_host;
struct pci_slot;

/* Optional hooks, with dev.lock held. */
struct pci_ops {
    /* Bring config[off, off+size) of the state up to date before it is read. */
    void (*config_read)(struct pci_device *p, unsigned off, unsigned size);
    /* config[off, off+size) was written, within the bits that are writable. */
    void (*config_written)(struct pci_device *p, unsigned off, unsigned size);
    /* A function-level reset: the state is reset already. */
    void (*function_reset)(struct pci_device *p);
};

struct pci_bar {
    struct mem_region *region; /* NULL: no such BAR */
    enum pci_bar_type type;
    uint64_t mapped_at; /* bus address, while region is in the memory map */
    bool mapped;
};

/* What a function decodes besides its BARs: the addresses of a VGA. */
struct pci_legacy {
    struct mem_region *region; /* NULL: no such */
    bool is_io, mapped;
    uint64_t base;
};

enum pci_bus_kind {
    PCI_BUS_ROOT,   /* of the root complex; slot 0 is the host bridge */
    PCI_BUS_LINK,   /* below a port: one slot */
    PCI_BUS_SWITCH, /* inside a switch: its downstream ports */
    PCI_BUS_CONVENTIONAL,
};

struct pci_bus {
    struct hw_bus hw;
    struct pci_host *host;
    struct pci_device *bridge; /* that leads here; NULL: the root bus */
    struct pci_slot *slot;     /* of a port's bus; NULL: it has none */
    enum pci_bus_kind kind;
    bool express; /* functions may be Express ones */
    unsigned first_slot, last_slot;
    struct pci_device *functions[PCI_MAX_FUNCTIONS]; /* by device and function number */
};

struct pci_device {
    struct device dev;
    struct pci_bus *bus; /* set when plugged in */
    int32_t devfn;       /* slot * 8 + function; PCI_DEVFN_AUTO before it is plugged in */
    bool multifunction;
    const struct pci_ops *ops;
    uint8_t *init, *wmask, *w1c; /* of the config space: after reset, writable, write 1 to clear */
    unsigned config_size;        /* 256, or 4096 with Express */
    uint8_t pin;
    uint8_t cap_end;       /* next free byte for capabilities */
    uint16_t ext_cap_last; /* offset of the last extended capability, 0: none */
    uint16_t ext_cap_end;
    uint8_t pm_cap, msi_cap, msix_cap, express_cap; /* offsets, 0: absent */
    uint8_t msi_vectors;
    uint16_t msix_vectors;
    struct pci_bar bars[PCI_BARS + 1];
    struct pci_legacy legacy[PCI_MAX_LEGACY];
    struct mem_region msix_table_region, msix_pba_region;
    struct mem_region *own_msix_bar;
    struct mem_region rom;
    struct ram_block *rom_ram;
    char *romfile;
    uint32_t rombar;
    struct pci_bus *secondary; /* of a bridge */
    _Atomic bool master;       /* it, and every bridge on the way up, may do DMA */
    /* Taken last, after the locks of devices; before the host's routing of lines. */
    struct mutex irq_lock;
    bool intx GUARDED_BY(irq_lock);          /* what the device drives */
    bool intx_disabled GUARDED_BY(irq_lock); /* by the command register, or by MSI */
};

/* Properties of every function. */
extern const struct prop_kind prop_pci_devfn;
#define PCI_PROPS(type)                                                                            \
    PROP(prop_pci_devfn, type, "addr", pci.devfn, "-1",                                            \
         "slot and function, e.g. 06.0 or 06 (default: first free)"),                              \
        PROP(prop_bool, type, "multifunction", pci.multifunction, "off",                           \
             "function 0 of a slot with several functions"),                                       \
        PROP(prop_string, type, "romfile", pci.romfile, NULL, "file of an expansion ROM"),         \
        PROP(prop_uint32, type, "rombar", pci.rombar, "1", "0: hide the ROM from the guest")

/* For realize.  Fails when the device is plugged into no bus, or has a bad romfile.  ops may be
 * NULL. */
bool pci_init(struct pci_device *p, const struct pci_ids *ids, const struct pci_ops *ops,
              struct error **errp) MUST_CHECK;
/* For unrealize: takes the device off the bus and the memory map. */
void pci_fini(struct pci_device *p);
/* The .reset and .sync of a function. */
void pci_reset(struct device *dev);
void pci_sync(struct device *dev);
/* The device's pci_state. */
struct pci_state *pci_state(struct pci_device *p);

/* The rest is for realize, after pci_init(). */
/* Region must live as long as the device; its size must be a power of two, at least 16 bytes (4 of
 * I/O). */
void pci_add_bar(struct pci_device *p, unsigned n, enum pci_bar_type type,
                 struct mem_region *region);
/* Show a region at a fixed bus address while the function decodes memory or I/O, the host bridge
 * has that address, and every bridge on the way forwards those of a VGA (PCI-to-PCI Bridge
 * Architecture Specification 1.2, 3.2.5.18). */
void pci_add_legacy(struct pci_device *p, bool is_io, uint64_t base, struct mem_region *region);
/* A capability of size bytes (the header of 2 included) at off, or at the next free place when that
 * is 0; returns its offset.  The body is zero and read-only until set by the functions below. */
uint8_t pci_add_capability(struct pci_device *p, uint8_t id, uint8_t off, uint8_t size);
/* The same in the extended space of an Express function. */
uint16_t pcie_add_ext_capability(struct pci_device *p, uint16_t id, uint8_t version, uint16_t size);
/* Set what a register of `size` bytes (1, 2, 4) holds after reset, which bits the guest may write,
 * and which it clears by writing 1. */
void pci_config_init(struct pci_device *p, unsigned off, unsigned size, uint32_t value);
void pci_config_writable(struct pci_device *p, unsigned off, unsigned size, uint32_t mask);
void pci_config_w1c(struct pci_device *p, unsigned off, unsigned size, uint32_t mask);
/* Power management: D0 and D3hot, state kept. */
void pci_add_pm(struct pci_device *p);
/* The Express capability, as an endpoint of the bus it is on; nothing on a conventional bus.
 * Whether it was added. */
bool pci_add_express(struct pci_device *p);
/* MSI with 1 to 32 vectors (a power of two), 64-bit addresses and masks. */
void pci_add_msi(struct pci_device *p, unsigned vectors);
/* MSI-X with its table and pending bits inside region, which is (in) BAR n and a container. */
void pci_add_msix(struct pci_device *p, unsigned vectors, unsigned n, struct mem_region *region,
                  uint32_t table_off, uint32_t pba_off);
/* MSI-X in a 32-bit BAR of its own. */
void pci_add_msix_bar(struct pci_device *p, unsigned vectors, unsigned n);

/* While the machine runs. */
/* Registers of the state, as they are now; dev.lock held. */
uint32_t pci_config_get(struct pci_device *p, unsigned off, unsigned size);
void pci_config_put(struct pci_device *p, unsigned off, unsigned size, uint32_t value);
/* Drive INTx: shown in the status register, and on the line unless it is disabled. */
void pci_set_irq(struct pci_device *p, bool level);
bool pci_msi_enabled(struct pci_device *p);
bool pci_msix_enabled(struct pci_device *p);
/* Send a message if MSI-X or MSI is enabled (MSI: vector modulo those the guest allows); false when
 * neither is, and the device should use pci_set_irq().  An unused vector is dropped. */
bool pci_notify(struct pci_device *p, unsigned vector);
/* DMA; false (and, for reads, zeros or what lies before the hole) when the function is no bus
 * master or some byte is not mapped.  Any thread. */
bool pci_dma_read(struct pci_device *p, gpa addr, void *buf, size_t len) MUST_CHECK;
bool pci_dma_write(struct pci_device *p, gpa addr, const void *buf, size_t len) MUST_CHECK;
/* dma_map() (core/memory.h) for a bus master; NULL otherwise. */
void *pci_dma_map(struct pci_device *p, gpa addr, uint64_t *len, bool writable,
                  struct ram_block **ram, uint64_t *off);
bool pci_is_master(const struct pci_device *p);

/* A bus: for bridges and host bridges.  take_name: as hw_bus_register(). */
void pci_bus_init(struct pci_bus *bus, struct device *owner, struct pci_host *host,
                  struct pci_device *bridge, enum pci_bus_kind kind, char *take_name);
void pci_bus_fini(struct pci_bus *bus);

/* One function as it is now, for monitors. */
struct pci_window {
    uint64_t base, limit; /* inclusive */
};
struct pci_info {
    const char *id;
    unsigned bus, slot, function;
    uint16_t vendor, device, subsystem_vendor, subsystem; /* subsystem: not of bridges */
    uint16_t class_code;                                  /* base and sub class */
    uint8_t irq, pin;                                     /* pin: 0 none, 1 INTA */
    struct pci_bar_info {
        bool present, is_io, is_64bit, is_prefetchable;
        uint64_t address, size; /* address: UINT64_MAX while it is not mapped */
    } bars[PCI_BARS + 1];
    bool is_bridge;
    uint8_t primary, secondary, subordinate;
    struct pci_window io, memory, prefetch;
};
/* Call fn for every function, a bridge before what is behind it.  Takes the host bridges' locks, so
 * fn must touch no device. */
void pci_visit(struct machine *m, void (*fn)(const struct pci_info *info, void *opaque),
               void *opaque);
/* What a class is called, or NULL. */
const char *pci_class_name(uint16_t class_code);
/* The same as text: info pci. */
void pci_print(struct machine *m, FILE *f);

#endif
