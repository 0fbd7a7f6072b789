/*
 * PCs and their firmware: where the BIOS lies, and what it finds in fw_cfg and CMOS RAM.
 * Ref: QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device"; SeaBIOS documentation,
 * "Runtime config" (names of files); ACPI 6.5, 15 (E820 types).
 */
#include "hw/board/pc.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/host_pc.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

static const uint64_t FOUR_GIB = UINT64_C(1) << 32;
enum { ROM_AREA = 0xc0000, BIOS_END = 0x100000 };

/* ---- the BIOS ---- */

bool pc_show_low(struct pc *b, const uint8_t *data, size_t len, struct error **errp)
{
    uint64_t shadow = MIN(len, PC_BIOS_SHADOW);
    struct ram_block *copy = machine_new_ram(&b->m, "isa-bios", shadow, errp);
    if (copy == NULL)
        return false;
    memcpy(copy->host, data + len - shadow, shadow);
    region_init_rom(&b->isa_bios, "isa-bios", copy);
    region_add(pc_host_roms(b->host), BIOS_END - shadow - ROM_AREA, &b->isa_bios, 1);
    return true;
}

/* It ends at 4 GiB. */
bool pc_create_bios(struct pc *b, struct error **errp)
{
    size_t len = 0;
    if (b->pflash[0] || b->pflash[1])
        return pc_create_flash(b, errp);
    g_autofree uint8_t *data = pc_load_bios(&b->m, "bios-256k.bin", &len, errp);
    if (data == NULL)
        return false;
    struct ram_block *rom = machine_new_ram(&b->m, "pc.bios", len, errp);
    if (rom == NULL)
        return false;
    memcpy(rom->host, data, len);
    region_init_rom(&b->bios, "pc.bios", rom);
    region_add(&b->m.root, FOUR_GIB - len, &b->bios, 0);
    return pc_show_low(b, data, len, errp);
}

/* ---- fw_cfg ---- */

enum { E820_RAM = 1, E820_ENTRY = 20 };

static void put_e820(GByteArray *map, uint64_t base, uint64_t size, uint32_t type)
{
    uint8_t entry[E820_ENTRY];
    st_le64(entry, base);
    st_le64(entry + 8, size);
    st_le32(entry + 16, type);
    g_byte_array_append(map, entry, sizeof(entry));
}

static bool tell_memory(struct pc *b, struct error **errp)
{
    g_autoptr(GByteArray) map = g_byte_array_new();
    put_e820(map, 0, b->low_ram, E820_RAM);
    if (b->high_ram)
        put_e820(map, FOUR_GIB, b->high_ram, E820_RAM);
    fw_cfg_set_u64(b->fw_cfg, FW_CFG_RAM_SIZE, b->m.cfg.ram_size);
    return fw_cfg_add_file(b->fw_cfg, "etc/e820", map->data, map->len, errp);
}

uint8_t pc_sleep_state(const struct pc *b UNUSED, unsigned state)
{
    static const uint8_t states[] = {
        PC_SLEEP_EXISTS, 0, 0, PC_SLEEP_EXISTS | 1, PC_SLEEP_EXISTS | 2, PC_SLEEP_EXISTS};
    return states[state];
}

static bool tell_sleep_states(struct pc *b, struct error **errp)
{
    uint8_t states[6];
    for (unsigned i = 0; i < sizeof(states); i++)
        states[i] = pc_sleep_state(b, i);
    return fw_cfg_add_file(b->fw_cfg, "etc/system-states", states, sizeof(states), errp);
}

static bool add_number(struct pc *b, const char *name, uint64_t v, struct error **errp)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    return fw_cfg_add_file(b->fw_cfg, name, bytes, sizeof(bytes), errp);
}

/* Without a display the BIOS shows its screen on the first serial line. */
static bool tell_console(struct pc *b, struct error **errp)
{
    enum { COM1 = 0x3f8 };
    fw_cfg_set_u16(b->fw_cfg, FW_CFG_NOGRAPHIC, b->m.cfg.nographic);
    return !b->m.cfg.nographic || add_number(b, "etc/sercon-port", COM1, errp);
}

bool pc_tell_firmware(struct pc *b, struct error **errp)
{
    struct device *dev = b->fw_cfg = pc_add(&b->m, "fw_cfg_io", "fw_cfg");
    if (!device_realize(dev, errp))
        return false;
    fw_cfg_set_u16(dev, FW_CFG_NB_CPUS, (uint16_t)b->m.ncpus);
    fw_cfg_set_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)(pc_apic_id(b, b->m.ncpus - 1) + 1));
    fw_cfg_set_u32(dev, FW_CFG_IRQ0_OVERRIDE, 1);
    pc_fill_cmos(&b->parts, b->low_ram, b->high_ram);
    return tell_memory(b, errp) && tell_sleep_states(b, errp) && tell_console(b, errp) &&
           pc_create_acpi(b, errp);
}
