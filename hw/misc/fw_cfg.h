/* What boards and the command line put into the firmware configuration device. */
#ifndef HW_MISC_FW_CFG_H
#define HW_MISC_FW_CFG_H

#include "core/device.h"

/* Keys of the items that are not files. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    /* Items of an architecture, up to 16; these are of PCs. */
    FW_CFG_ARCH_LOCAL = 0x8000,
    FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH_LOCAL + 2,
    FW_CFG_E820_TABLE = FW_CFG_ARCH_LOCAL + 3,
    FW_CFG_HPET = FW_CFG_ARCH_LOCAL + 4,
};

/* Set an item that is not a file; the bytes are copied.  Before the machine runs. */
void fw_cfg_set_item(struct device *dev, uint16_t key, const void *data, size_t len);
/* The same without a copy: take_data (from g_malloc, may be NULL if len is 0) is the device's. */
void fw_cfg_take_item(struct device *dev, uint16_t key, void *take_data, size_t len);
void fw_cfg_set_u16(struct device *dev, uint16_t key, uint16_t v); /* little endian */
void fw_cfg_set_u32(struct device *dev, uint16_t key, uint32_t v);
void fw_cfg_set_u64(struct device *dev, uint16_t key, uint64_t v);
/* Add a file ("etc/...", "opt/..."); false with *errp for a bad or repeated name, or when the
 * directory is full. */
bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, size_t len,
                     struct error **errp) MUST_CHECK;
/* The key of a file; 0 when there is no such file. */
uint16_t fw_cfg_file_key(struct device *dev, const char *name);
/* How many bytes a file has; 0 when there is no such file. */
size_t fw_cfg_file_size(struct device *dev, const char *name);
/* Other contents for a file; nothing when there is no such file. */
void fw_cfg_replace_file(struct device *dev, const char *name, const void *data, size_t len);
/* Call refresh, with the device's lock held, when the guest selects a file: it may replace files.
 */
void fw_cfg_on_select(struct device *dev, const char *name, void (*refresh)(void *opaque),
                      void *opaque);
/* Let the guest write a file by DMA, within its length; then call written, with the device's lock
 * held, with all of the file. */
void fw_cfg_on_write(struct device *dev, const char *name,
                     void (*written)(void *opaque, const uint8_t *data), void *opaque);
/* The machine's device, or NULL. */
struct device *fw_cfg_find(struct machine *m);
/* -fw_cfg name=NAME,file=PATH or name=NAME,string=TEXT (exactly one of path and text is not NULL),
 * for the machine's device of this type; any time between machine_init() and machine_start(). */
bool fw_cfg_add_option(struct machine *m, const char *name, const char *path, const char *text,
                       struct error **errp) MUST_CHECK;

#endif
