/*
 * Kernels of PCs: what -kernel names, with -initrd and -append, is turned into a list of things to
 * load and a place to begin.  A board without firmware has that carried out before the processor
 * runs; with firmware it goes into fw_cfg, with an option ROM that carries it out.
 */
#ifndef HW_BOARD_PC_BOOT_H
#define HW_BOARD_PC_BOOT_H

#include "core/machine.h"

#include <glib.h>

/* A range of memory as BIOS function E820 describes it. */
enum { PC_E820_RAM = 1, PC_E820_RESERVED = 2, PC_E820_ACPI = 3 };
struct pc_e820 {
    gpa base;
    uint64_t size; /* bytes */
    uint32_t type;
};

/* Where bytes to load come from. */
enum pc_source { PC_SETUP, PC_KERNEL, PC_INITRD, PC_CMDLINE, PC_INFO };
struct pc_load {
    enum pc_source from;
    gpa at;
    uint64_t offset, len; /* bytes; zeros follow the source */
};

enum pc_entry {
    PC_ENTRY_NONE,     /* there is no kernel */
    PC_ENTRY_REAL,     /* Linux' real-mode code, which asks the BIOS */
    PC_ENTRY_ZEROPAGE, /* Linux in 32-bit protected mode, with struct boot_params */
    PC_ENTRY_MULTIBOOT,
    PC_ENTRY_PVH,
};

struct pc_boot_bytes {
    uint8_t *data;
    size_t len;
};

struct pc_boot {
    /* Set by the board. */
    struct machine *m;
    uint64_t ram_low;      /* bytes of RAM from address 0 on, below 4 GiB */
    uint64_t reserved_top; /* the last of them, which firmware takes */
    struct device *fw_cfg; /* NULL: there is none */
    bool has_firmware;     /* it starts the kernel */
    /* Without firmware: memory as the kernel is told of it, and the ACPI tables' root, or 0. */
    const struct pc_e820 *map;
    unsigned map_len;
    gpa rsdp;
    unsigned append_room; /* characters that pc_boot_append() may add */

    /* What comes of it. */
    enum pc_entry entry;
    struct pc_boot_bytes setup, kernel, initrd; /* setup: Linux' real-mode code */
    char *cmdline;                              /* with append_room zeros behind it */
    unsigned cmdline_at;                        /* offset of a copy in info, 0: none */
    gpa setup_addr, kernel_addr, initrd_addr, cmdline_addr, info_addr;
    uint32_t eip, eax, ebx, esi; /* ebx, esi: an offset in info until everything has its place */
    unsigned setup_stack;        /* SP of the real-mode code */
    GByteArray *info;            /* tables for the kernel, below 1 MiB */
    unsigned map_at;             /* offset of the memory map in them, 0: none */
    unsigned map_room;           /* entries */
    unsigned map_size_at;        /* offset of its size, in bytes or entries */
    unsigned rsdp_at;            /* offset of the root of ACPI's tables, 0: none */
    unsigned seed_at;            /* offset of random bytes, 0: none */
    GArray *loads;               /* struct pc_load, in order; later ones win */
    bool fresh;                  /* nothing has changed since the machine was made */
};

/* Read the files that the configuration names and decide what goes where; then bring it into
 * memory and let the first processor begin there, or give it to the firmware.  Nothing without
 * -kernel.  False with *errp for a bad or missing file, or when memory is too small. */
bool pc_boot_load(struct pc_boot *b, struct error **errp) MUST_CHECK;
/* More for the command line, before the machine runs; a warning when there is no room. */
void pc_boot_append(struct pc_boot *b, const char *text);
/* The same again at a reset, with new seeds. */
void pc_boot_reset(struct pc_boot *b);
void pc_boot_fini(struct pc_boot *b);

#endif
