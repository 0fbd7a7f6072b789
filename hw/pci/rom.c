/* Expansion ROM of a function, from a file.  Ref: PCI Local Bus Specification 3.0, 6.2.5.2 and 6.3.
 */
#include "core/loader.h"
#include "hw/pci/pci_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { MIN_ROM = 4096, MAX_ROM = 16 << 20 };

static uint64_t bar_size(size_t len)
{
    uint64_t size = MIN_ROM;
    while (size < len)
        size *= 2;
    return size;
}

/* The file that a machine has for a function that names none; NULL: there is none here. */
static char *default_rom(const struct pci_device *p)
{
    const struct machine *m = p->dev.machine;
    const char *const(*rom)[2] = m ? m->cls->roms : NULL;
    for (; rom && (*rom)[0]; rom++)
        if (strcmp((*rom)[0], p->dev.type->name) == 0)
            return firmware_find(m, (*rom)[1], NULL);
    return NULL;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t total = 0;
    while (len--)
        total = (uint8_t)(total + *p++);
    return total;
}

/* Name this function in the headers of all images, so that firmware takes one that knows it for its
 * own; a byte that is the image's to use makes up for it in the checksum of code for PCs. */
static void claim(uint8_t *data, size_t len, const uint8_t *config)
{
    enum { POINTER = 0x18, IDS = 4, LENGTH = 0x10, CODE = 0x14, HEADER = 0x18, SPARE = 6 };
    size_t image;
    for (size_t at = 0; at + HEADER + 2 <= len && ld_le16(data + at) == 0xaa55; at += image) {
        uint8_t *rom = data + at, *header = rom + ld_le16(rom + POINTER);
        if (at + ld_le16(rom + POINTER) + HEADER > len || memcmp(header, "PCIR", 4) != 0)
            return;
        image = (size_t)ld_le16(header + LENGTH) * 512;
        if (image == 0 || at + image > len)
            return;
        memcpy(header + IDS, config + PCI_VENDOR_ID, 4);
        if (header[CODE] == 0)
            rom[SPARE] = (uint8_t)(rom[SPARE] - sum(rom, image));
    }
}

bool pci_load_rom(struct pci_device *p, struct error **errp)
{
    struct machine *m = p->dev.machine;
    size_t len;
    if ((p->romfile && *p->romfile == '\0') || p->rombar == 0)
        return true;
    g_autofree char *path = p->romfile ? firmware_find(m, p->romfile, errp) : default_rom(p);
    if (path == NULL && p->romfile == NULL)
        return true;
    g_autofree uint8_t *data = path ? load_file(path, MAX_ROM, &len, errp) : NULL;
    if (data == NULL) {
        error_prefix(errp, "property 'romfile'");
        return false;
    }
    if (p->romfile == NULL)
        claim(data, len, p->init);
    p->rom_ram = ram_new("pci-rom", bar_size(len), errp);
    if (p->rom_ram == NULL)
        return false;
    memcpy(p->rom_ram->host, data, len);
    region_init_rom(&p->rom, p->rom_ram->name, p->rom_ram);
    pci_add_bar(p, PCI_ROM_BAR, PCI_BAR_ROM, &p->rom);
    return true;
}
