/* Names of configuration space registers and bits.  Ref: PCI Local Bus Specification 3.0, chapter
 * 6; PCI-to-PCI Bridge Architecture 1.2; PCI Express Base 5.0, chapter 7. */
#ifndef HW_PCI_PCI_REGS_H
#define HW_PCI_PCI_REGS_H

enum { /* header, all types */
       PCI_VENDOR_ID = 0x00,
       PCI_DEVICE_ID = 0x02,
       PCI_COMMAND = 0x04,
       PCI_STATUS = 0x06,
       PCI_REVISION = 0x08,
       PCI_CLASS = 0x09,
       PCI_CACHE_LINE = 0x0c,
       PCI_LATENCY = 0x0d,
       PCI_HEADER_TYPE = 0x0e,
       PCI_BAR0 = 0x10,
       PCI_CAPABILITIES = 0x34,
       PCI_INTERRUPT_LINE = 0x3c,
       PCI_INTERRUPT_PIN = 0x3d,
};
enum { /* type 0 */
       PCI_SUBSYSTEM_VENDOR = 0x2c,
       PCI_SUBSYSTEM = 0x2e,
       PCI_ROM = 0x30,
       PCI_MIN_GNT = 0x3e,
};
enum { /* type 1 */
       PCI_PRIMARY_BUS = 0x18,
       PCI_SECONDARY_BUS = 0x19,
       PCI_SUBORDINATE_BUS = 0x1a,
       PCI_SECONDARY_LATENCY = 0x1b,
       PCI_IO_BASE = 0x1c,
       PCI_IO_LIMIT = 0x1d,
       PCI_SECONDARY_STATUS = 0x1e,
       PCI_MEMORY_BASE = 0x20,
       PCI_MEMORY_LIMIT = 0x22,
       PCI_PREF_BASE = 0x24,
       PCI_PREF_LIMIT = 0x26,
       PCI_PREF_BASE_UPPER = 0x28,
       PCI_PREF_LIMIT_UPPER = 0x2c,
       PCI_IO_BASE_UPPER = 0x30,
       PCI_IO_LIMIT_UPPER = 0x32,
       PCI_BRIDGE_ROM = 0x38,
       PCI_BRIDGE_CONTROL = 0x3e,
       PCI_BRIDGE_VGA = 0x08,           /* of it: forward what a VGA decodes */
       PCI_BRIDGE_CONTROL_RESET = 0x40, /* of it: reset the secondary bus */
};
enum {
    PCI_COMMAND_IO = 0x1,
    PCI_COMMAND_MEMORY = 0x2,
    PCI_COMMAND_MASTER = 0x4,
    PCI_COMMAND_PARITY = 0x40,
    PCI_COMMAND_SERR = 0x100,
    PCI_COMMAND_INTX_DISABLE = 0x400,
};
enum { PCI_STATUS_INTERRUPT = 0x08, PCI_STATUS_CAP_LIST = 0x10, PCI_STATUS_W1C = 0xf900 };
enum { PCI_HEADER_BRIDGE = 0x01, PCI_HEADER_MULTI_FUNCTION = 0x80 };
enum { PCI_BAR_IO_SPACE = 1, PCI_BAR_64BIT = 4, PCI_BAR_PREFETCHABLE = 8, PCI_ROM_ENABLE = 1 };
enum { /* capability ids */
       PCI_CAP_PM = 0x01,
       PCI_CAP_MSI = 0x05,
       PCI_CAP_VENDOR = 0x09,
       PCI_CAP_BRIDGE_SUBSYSTEM = 0x0d,
       PCI_CAP_EXPRESS = 0x10,
       PCI_CAP_MSIX = 0x11,
       PCIE_CAP_AER = 0x0001,
       PCIE_CAP_SERIAL_NUMBER = 0x0003,
       PCIE_CAP_ACS = 0x000d,
};
enum { /* power management, from its capability */
       PCI_PM_CAPABILITIES = 2,
       PCI_PM_CONTROL = 4,
       PCI_PM_SIZE = 8,
       PCI_PM_STATE = 3,
       PCI_PM_NO_SOFT_RESET = 8,
};
enum { /* MSI, with 64-bit address and masks */
       PCI_MSI_CONTROL = 2,
       PCI_MSI_ADDRESS = 4,
       PCI_MSI_ADDRESS_UPPER = 8,
       PCI_MSI_DATA = 0xc,
       PCI_MSI_MASK = 0x10,
       PCI_MSI_PENDING = 0x14,
       PCI_MSI_SIZE = 0x18,
       PCI_MSI_ENABLE = 1,
};
enum { /* MSI-X */
       PCI_MSIX_CONTROL = 2,
       PCI_MSIX_TABLE = 4,
       PCI_MSIX_PBA = 8,
       PCI_MSIX_SIZE = 0xc,
       PCI_MSIX_MASK_ALL = 0x4000,
       PCI_MSIX_ENABLE = 0x8000,
       PCI_MSIX_ENTRY = 16,      /* bytes */
       PCI_MSIX_ENTRY_MASKED = 1 /* of its last word */
};
enum { /* Express */
       PCIE_FLAGS = 0x02,
       PCIE_DEVICE_CAP = 0x04,
       PCIE_DEVICE_CONTROL = 0x08,
       PCIE_DEVICE_STATUS = 0x0a,
       PCIE_LINK_CAP = 0x0c,
       PCIE_LINK_CONTROL = 0x10,
       PCIE_LINK_STATUS = 0x12,
       PCIE_SLOT_CAP = 0x14,
       PCIE_SLOT_CONTROL = 0x18,
       PCIE_SLOT_STATUS = 0x1a,
       PCIE_ROOT_CONTROL = 0x1c,
       PCIE_ROOT_CAP = 0x1e,
       PCIE_ROOT_STATUS = 0x20,
       PCIE_DEVICE_CAP2 = 0x24,
       PCIE_DEVICE_CONTROL2 = 0x28,
       PCIE_LINK_CAP2 = 0x2c,
       PCIE_LINK_CONTROL2 = 0x30,
       PCIE_LINK_STATUS2 = 0x32,
       PCIE_CAP_SIZE = 0x3c,
};
enum pcie_type {
    PCIE_ENDPOINT = 0,
    PCIE_ROOT_PORT = 4,
    PCIE_UPSTREAM_PORT = 5,
    PCIE_DOWNSTREAM_PORT = 6,
    PCIE_TO_PCI_BRIDGE = 7,
    PCIE_RC_ENDPOINT = 9,
};
enum { PCIE_DEVICE_CAP_FLR = 1 << 28, PCIE_DEVICE_CONTROL_FLR = 1 << 15 };
enum { PCIE_CAP_FLAGS_SLOT = 1 << 8 };

#endif
