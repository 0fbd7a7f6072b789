/* Expansion ROM of a function, from a file.  Ref: PCI Local Bus Specification 3.0, 6.2.5.2 and 6.3.
 */
#include "core/loader.h"
#include "hw/pci/pci_priv.h"

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

bool pci_load_rom(struct pci_device *p, struct error **errp)
{
    struct machine *m = p->dev.machine;
    size_t len;
    if (p->romfile == NULL || *p->romfile == '\0' || p->rombar == 0)
        return true;
    g_autofree char *path = firmware_find(m, p->romfile, errp);
    g_autofree uint8_t *data = path ? load_file(path, MAX_ROM, &len, errp) : NULL;
    if (data == NULL) {
        error_prefix(errp, "property 'romfile'");
        return false;
    }
    p->rom_ram = ram_new("pci-rom", bar_size(len), errp);
    if (p->rom_ram == NULL)
        return false;
    memcpy(p->rom_ram->host, data, len);
    region_init_rom(&p->rom, p->rom_ram->name, p->rom_ram);
    pci_add_bar(p, PCI_ROM_BAR, PCI_BAR_ROM, &p->rom);
    return true;
}
