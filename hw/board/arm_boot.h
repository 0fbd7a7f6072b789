/* Firmware, kernel, initrd and device tree of Arm boards: where they go, and how the processors
 * begin. */
#ifndef HW_BOARD_ARM_BOOT_H
#define HW_BOARD_ARM_BOOT_H

#include "core/fdt.h"
#include "core/machine.h"
#include "hw/board/images.h"

struct arm_boot {
    /* Set by the board. */
    struct machine *m;
    gpa ram_base;
    uint64_t ram_size;
    struct device *fw_cfg;
    struct ram_block *flash; /* the bank that -bios fills; NULL: there is none */
    bool has_firmware;       /* flash holds some: it gets the kernel by fw_cfg */
    bool has_el2, has_el3;
    bool randomness; /* put seeds into the device tree */
    struct fdt *fdt; /* the chosen node is completed here */

    struct boot_images images;
    bool is_linux; /* the kernel is told of the device tree by a register */
    unsigned el;   /* exception level it begins in */
    gpa load, load_end, entry;
    gpa initrd, fdt_addr;
    uint64_t initrd_size; /* bytes */
    bool fresh;           /* memory holds everything since the last load */
};

/* Copy the file of -bios into the flash; the file's name in *errp when that fails. */
bool arm_boot_load_bios(struct arm_boot *b, struct error **errp) MUST_CHECK;
/* Load all that the configuration names, and tell the processors where to begin; false with *errp
 * for a bad or missing file or when memory is too small. */
bool arm_boot_load(struct arm_boot *b, struct error **errp) MUST_CHECK;
/* Put all of it into memory again, with new seeds. */
void arm_boot_reset(struct arm_boot *b);
void arm_boot_fini(struct arm_boot *b);

#endif
