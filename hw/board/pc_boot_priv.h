/* Kernels of PCs: between the parts that know one kind of kernel each. */
#ifndef HW_BOARD_PC_BOOT_PRIV_H
#define HW_BOARD_PC_BOOT_PRIV_H

#include "hw/board/images.h"
#include "hw/board/pc_boot.h"

/* Memory below 640 KiB that no BIOS takes; below it are the stack of the option ROM that loads, and
 * the BIOS' data. */
enum { PC_LOW_BEGIN = 0x7c00, PC_LOW_END = 0x9f000 };
static const gpa PC_HIGH = 0x100000;

/* Read a file; false with *errp. */
bool pc_boot_read(struct pc_boot *b, const char *what, const char *path, struct pc_boot_bytes *to,
                  struct error **errp) MUST_CHECK;
void pc_boot_add(struct pc_boot *b, enum pc_source from, uint64_t offset, uint64_t len, gpa at);
/* Append n zeros to the tables; their offset, a multiple of 16. */
unsigned pc_boot_info(struct pc_boot *b, size_t n);
unsigned pc_boot_info_string(struct pc_boot *b, const char *s);
/* The same for the command line, which may grow. */
unsigned pc_boot_info_cmdline(struct pc_boot *b, const char *s);
/* Where memory for images ends. */
gpa pc_boot_ram_end(const struct pc_boot *b);
/* Choose where the tables lie, apart from what is loaded so far. */
bool pc_boot_place_info(struct pc_boot *b, struct error **errp) MUST_CHECK;
/* Give the initrd the highest place in [from, to); false with *errp when it does not fit. */
bool pc_boot_place_initrd(struct pc_boot *b, gpa from, gpa to, struct error **errp) MUST_CHECK;
/* Zeros for what a kernel has in memory, g_free() them; NULL with *errp. */
uint8_t *pc_boot_new_image(const struct pc_boot *b, uint64_t len, struct error **errp) MUST_CHECK;
/* That is the kernel from now on, instead of the file. */
void pc_boot_set_image(struct pc_boot *b, uint8_t *take_data, gpa at, uint64_t len);
/* The same with what the segments of an ELF file say; info is filled. */
struct elf_info;
bool pc_boot_flatten_elf(struct pc_boot *b, struct elf_info *info, struct error **errp) MUST_CHECK;
/* Whether that is memory which is free for the kernel; false with *errp. */
bool pc_boot_check_range(const struct pc_boot *b, gpa at, uint64_t len,
                         struct error **errp) MUST_CHECK;

/* Each kind: whether the kernel is one, and how it is loaded. */
bool pc_linux_probe(const struct pc_boot_bytes *kernel);
bool pc_linux_load(struct pc_boot *b, struct error **errp) MUST_CHECK;
bool pc_multiboot_probe(const struct pc_boot_bytes *kernel);
bool pc_multiboot_load(struct pc_boot *b, struct error **errp) MUST_CHECK;
bool pc_pvh_probe(const struct pc_boot_bytes *kernel);
bool pc_pvh_load(struct pc_boot *b, struct error **errp) MUST_CHECK;

/* pc_bootrom.c: the option ROM that does it; keys are fw_cfg's of each source. */
enum { PC_BOOTROM_PLAN = 0x300, PC_SOURCES = PC_INFO + 1 };
extern const uint8_t pc_bootrom_bytes[PC_BOOTROM_PLAN];
GByteArray *pc_bootrom_new(const struct pc_boot *b, const uint16_t keys[PC_SOURCES]);

#endif
