/*
 * Flash of PCs: firmware and its variables in drives.
 * Ref: EDK2, OvmfPkg/README ("pflash", what it asks for with and without SMM).
 */
#include "hw/block/pflash_cfi01.h"
#include "hw/board/pc.h"
#include "hw/pci/host_pc.h"

#include <glib.h>
#include <inttypes.h>

static const uint64_t FLASH_MOST = 16 << 20; /* the I/O APIC is below */
static const uint64_t FOUR_GIB = UINT64_C(1) << 32;

/* One chip with as many sectors as the drive has. */
static struct device *create_bank(struct pc *b, unsigned bank, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("system.flash%u", bank);
    struct device *dev = pc_add(&b->m, "cfi.pflash01", id);
    bool ok = device_set(dev, "drive", b->pflash[bank], errp) &&
              device_set(dev, "width", "1", errp) &&
              device_set(dev, "sector-length", "4096", errp) &&
              device_set(dev, "num-blocks", "0", errp) && device_realize(dev, errp);
    if (ok)
        return dev;
    error_prefix(errp, "pflash%u", bank);
    return NULL;
}

/* Where only SMM may write, it alone sees the chip; the others see what it holds. */
static bool map_bank(struct pc *b, struct device *dev, gpa at, struct error **errp)
{
    struct mem_region *chip = pflash_region(dev), *view = pflash_view(dev);
    if (view == NULL) {
        region_add(&b->m.root, at, chip, 0);
        return true;
    }
    if (!b->smm) {
        error_set(errp, "cfi.pflash01.secure=on: only SMM could write to the flash, and -machine "
                        "has smm=off");
        return false;
    }
    region_add(&b->m.root, at, view, 0);
    region_add(pc_host_smm_space(b->host)->root, at, chip, 2);
    return true;
}

static bool check_banks(const struct pc *b, struct error **errp)
{
    if (b->pflash[0] == NULL)
        error_set(errp, "pflash1: there is no pflash0, which has the firmware's code");
    else if (b->m.cfg.bios)
        error_set(errp, "-bios %s: pflash0 has the firmware; wanted only one of them",
                  b->m.cfg.bios);
    else if (b->max_flash > FLASH_MOST)
        error_set(errp, "max-fw-size: wanted at most %" PRIu64 "M", FLASH_MOST >> 20);
    else
        return true;
    return false;
}

bool pc_create_flash(struct pc *b, struct error **errp)
{
    gpa at = FOUR_GIB;
    if (!check_banks(b, errp))
        return false;
    for (unsigned bank = 0; bank < PC_FLASH_BANKS && b->pflash[bank]; bank++) {
        struct device *dev = create_bank(b, bank, errp);
        if (dev == NULL)
            return false;
        const struct ram_block *ram = pflash_ram(dev);
        at -= ram->size;
        if (FOUR_GIB - at > b->max_flash) {
            error_set(errp,
                      "pflash%u: flash of more than %" PRIu64
                      " MiB in all; max-fw-size sets the limit",
                      bank, b->max_flash >> 20);
            return false;
        }
        if (!map_bank(b, dev, at, errp) ||
            (bank == 0 && !pc_show_low(b, ram->host, ram->size, errp)))
            return false;
    }
    return true;
}
