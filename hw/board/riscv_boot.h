/* Firmware, kernel, initrd and device tree of RISC-V boards: where they go, and how the harts find
 * them. */
#ifndef HW_BOARD_RISCV_BOOT_H
#define HW_BOARD_RISCV_BOOT_H

#include "core/fdt.h"
#include "core/machine.h"
#include "hw/board/images.h"

struct riscv_boot {
    /* Set by the board. */
    struct machine *m;
    bool is64;
    gpa ram_base, mrom_base;
    uint64_t ram_size;
    struct ram_block *mrom;
    struct device *fw_cfg;
    bool has_flash; /* the first flash bank holds an image */
    gpa flash_base;
    bool randomness; /* put a seed into the device tree */
    /* The tree; the chosen node is completed here. */
    struct fdt *fdt;

    struct boot_images images; /* what a reset puts back into memory */
    gpa start;                 /* where harts go in machine mode */
    gpa kernel_start, kernel_end, fdt_addr, initrd_start;
    uint64_t initrd_size;
    gpa next;   /* what the firmware starts in supervisor mode, 0: nothing */
    bool fresh; /* memory holds everything since the last load */
};

/* Load all that the configuration names; false with *errp for a bad or missing file or when memory
 * is too small. */
bool riscv_boot_load(struct riscv_boot *b, struct error **errp) MUST_CHECK;
/* Put all of it into memory again, with a new seed. */
void riscv_boot_reset(struct riscv_boot *b);
void riscv_boot_fini(struct riscv_boot *b);

#endif
