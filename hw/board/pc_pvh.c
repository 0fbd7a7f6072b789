/*
 * ELF kernels with a PVH entry: what a Linux vmlinux and several unikernels have.
 * Ref: Xen, docs/misc/pvh.pandoc and the public header of struct hvm_start_info.
 */
#include "core/loader.h"
#include "hw/board/pc_boot_priv.h"
#include "util/bits.h"

#include <string.h>

enum { NOTE_PHYS32_ENTRY = 18, INFO_SIZE = 56, MODULE_SIZE = 32, MAP_ENTRY = 24, MAP_ROOM = 128 };
enum { /* of struct hvm_start_info */
       MAGIC = 0,
       VERSION = 4,
       MODULES = 12,
       MODULE_LIST = 16,
       CMDLINE = 24,
       RSDP = 32,
       MEMMAP = 40,
       MEMMAP_ENTRIES = 48
};
static const uint32_t START_MAGIC = 0x336ec578;

bool pc_pvh_probe(const struct pc_boot_bytes *k)
{
    size_t len;
    return elf_note(k->data, k->len, "Xen", NOTE_PHYS32_ENTRY, &len) != NULL;
}

/* The note's number has four bytes, or eight in 64-bit files. */
static bool get_entry(struct pc_boot *b, struct error **errp)
{
    size_t len;
    const uint8_t *d = elf_note(b->kernel.data, b->kernel.len, "Xen", NOTE_PHYS32_ENTRY, &len);
    uint64_t entry = len == 8 ? ld_le64(d) : len == 4 ? ld_le32(d) : UINT64_MAX;
    b->eip = (uint32_t)entry;
    if (entry == b->eip)
        return true;
    error_set(errp, "kernel '%s': its PVH entry is not an address below 4 GiB", b->m->cfg.kernel);
    return false;
}

/* Pointers are offsets in the tables until these have their place. */
static void fill_start_info(struct pc_boot *b)
{
    unsigned at = pc_boot_info(b, INFO_SIZE), line = pc_boot_info_cmdline(b, b->cmdline);
    unsigned module = b->initrd.len ? pc_boot_info(b, MODULE_SIZE) : 0;
    b->map_at = pc_boot_info(b, MAP_ENTRY * MAP_ROOM);
    b->map_room = MAP_ROOM;
    b->map_size_at = at + MEMMAP_ENTRIES;
    b->rsdp_at = at + RSDP;
    uint8_t *p = b->info->data + at;
    st_le32(p + MAGIC, START_MAGIC);
    st_le32(p + VERSION, 1);
    st_le64(p + CMDLINE, b->info_addr + line);
    st_le64(p + MEMMAP, b->info_addr + b->map_at);
    b->ebx = at;
    if (module == 0)
        return;
    st_le32(p + MODULES, 1);
    st_le64(p + MODULE_LIST, b->info_addr + module);
    st_le64(b->info->data + module, b->initrd_addr);
    st_le64(b->info->data + module + 8, b->initrd.len);
}

bool pc_pvh_load(struct pc_boot *b, struct error **errp)
{
    struct elf_info info;
    if (!get_entry(b, errp) || !pc_boot_flatten_elf(b, &info, errp) || !pc_boot_place_info(b, errp))
        return false;
    if (b->m->cfg.initrd && (!pc_boot_read(b, "initrd", b->m->cfg.initrd, &b->initrd, errp) ||
                             !pc_boot_place_initrd(b, MAX(info.high, PC_HIGH), UINT64_MAX, errp)))
        return false;
    b->entry = PC_ENTRY_PVH;
    fill_start_info(b);
    return true;
}
