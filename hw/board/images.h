/* Firmware, kernels and initial RAM disks of a board: read, checked, put into memory, and again at
 * every reset. */
#ifndef HW_BOARD_IMAGES_H
#define HW_BOARD_IMAGES_H

#include "core/fdt.h"
#include "core/machine.h"
#include "core/memory.h"

#include <glib.h>

struct boot_image {
    char *path, *what;
    uint8_t *data;
    size_t len;
    bool is_program; /* firmware or kernel: may be compressed, or ELF */
    bool is_elf;
    gpa low, high, entry; /* what it takes in memory, its uninitialized part included */
};

/* All that lies in memory; fill as, ram_base and ram_size, then boot_images_init(). */
struct boot_images {
    struct address_space *as;
    gpa ram_base;
    uint64_t ram_size;
    GPtrArray *list; /* struct boot_image *: what a reset puts back */
};

void boot_images_init(struct boot_images *b);
void boot_images_fini(struct boot_images *b);
/* Read a file into a new image, unwrapped if it is a compressed program; NULL with *errp. */
struct boot_image *boot_image_read(const struct boot_images *b, const char *what, const char *path,
                                   bool is_program, struct error **errp) MUST_CHECK;
void boot_image_free(void *img);
/* False with *errp when the image tells that it is for another architecture. */
bool boot_image_check_arch(const struct boot_image *img, const char *arch,
                           struct error **errp) MUST_CHECK;
/* False with *errp, which proposes a size of RAM, when img->high is above limit. */
bool boot_image_check_room(const struct boot_images *b, const struct boot_image *img, gpa limit,
                           struct error **errp) MUST_CHECK;
/* Put take_img into memory, a flat one at addr, an ELF file where it says, and remember it. */
struct boot_image *boot_image_place(struct boot_images *b, struct boot_image *take_img, gpa addr,
                                    struct error **errp) MUST_CHECK;
/* False with *errp when an image lies in [at, at + len), which the device tree wants. */
bool boot_images_check_fdt(const struct boot_images *b, gpa at, uint64_t len,
                           struct error **errp) MUST_CHECK;
/* Make the finished tree known to the monitor; -machine dumpdtb=FILE: write it and ask for the end,
 * before the guest runs. */
bool board_dump_fdt(struct machine *m, struct fdt *fdt, struct error **errp) MUST_CHECK;
/* Write all of them again. */
bool boot_images_restore(struct boot_images *b, struct error **errp) MUST_CHECK;

#endif
