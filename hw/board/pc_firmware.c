/*
 * PCs and their firmware: where the BIOS lies, and what it finds in fw_cfg and CMOS RAM.
 * Ref: QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device"; SeaBIOS documentation,
 * "Runtime config" (names of files); ACPI 6.5, 15 (E820 types).
 */
#include "core/loader.h"
#include "hw/acpi/ich9_lpc.h"
#include "hw/board/pc.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/smbios.h"
#include "hw/pci/host_pc.h"
#include "hw/rtc/mc146818.h"
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

enum { E820_ENTRY = 20 };

void pc_put_e820(GByteArray *map, uint64_t base, uint64_t size, uint32_t type)
{
    uint8_t entry[E820_ENTRY];
    st_le64(entry, base);
    st_le64(entry + 8, size);
    st_le32(entry + 16, type);
    g_byte_array_append(map, entry, sizeof(entry));
}

static bool tell_memory(struct device *fw_cfg, uint64_t low, uint64_t high, struct error **errp)
{
    g_autoptr(GByteArray) map = g_byte_array_new();
    pc_put_e820(map, 0, low, PC_E820_RAM);
    if (high)
        pc_put_e820(map, FOUR_GIB, high, PC_E820_RAM);
    fw_cfg_set_u64(fw_cfg, FW_CFG_RAM_SIZE, low + high);
    return fw_cfg_add_file(fw_cfg, "etc/e820", map->data, map->len, errp);
}

uint8_t pc_sleep_state(const struct pc *b, unsigned state)
{
    switch (state) {
    case 0:
    case 5: return PC_SLEEP_EXISTS;
    case 3: return pc_number_of(b->pm, "disable_s3") ? 0 : PC_SLEEP_EXISTS | 1;
    case 4: return pc_number_of(b->pm, "disable_s4") ? 0 : PC_SLEEP_EXISTS | 2;
    default: return 0;
    }
}

static bool tell_sleep_states(struct pc *b, struct error **errp)
{
    uint8_t states[6];
    for (unsigned i = 0; i < sizeof(states); i++)
        states[i] = pc_sleep_state(b, i);
    return fw_cfg_add_file(b->fw_cfg, "etc/system-states", states, sizeof(states), errp);
}

static bool add_number(struct device *fw_cfg, const char *name, uint64_t v, struct error **errp)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    return fw_cfg_add_file(fw_cfg, name, bytes, sizeof(bytes), errp);
}

/* Without a display the BIOS shows its screen on the first serial line. */
static bool tell_console(struct device *fw_cfg, struct error **errp)
{
    enum { COM1 = 0x3f8 };
    bool nographic = fw_cfg->machine->cfg.nographic;
    fw_cfg_set_u16(fw_cfg, FW_CFG_NOGRAPHIC, nographic);
    return !nographic || add_number(fw_cfg, "etc/sercon-port", COM1, errp);
}

/* ---- what to start ---- */

/* As CMOS RAM has them: 0 is none. */
static unsigned boot_code(char letter)
{
    switch (letter) {
    case 'a':
    case 'b': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n': return 4;
    default: return 0;
    }
}

static bool check_order(const char *option, const char *order, struct error **errp)
{
    if (order && strlen(order) > 3) {
        error_set(errp, "-boot %s=%s: a PC tries three drives at most", option, order);
        return false;
    }
    for (const char *p = order; p && *p; p++)
        if (boot_code(*p) == 0) {
            error_set(errp,
                      "-boot %s=%s: a PC has no drive '%c' to start from; wanted a, c, d or n",
                      option, order, *p);
            return false;
        }
    return true;
}

bool pc_check_boot_order(const struct machine *m, struct error **errp)
{
    return check_order("order", m->cfg.boot.order, errp) &&
           check_order("once", m->cfg.boot.once, errp);
}

/* once counts until the first reset. */
void pc_set_boot_order(struct pc_parts *p, bool first, bool check_floppies)
{
    enum { THIRD_AND_CHECK = 0x38, FIRST_TWO = 0x3d, NO_CHECK = 1 };
    const struct machine_config *cfg = &p->m->cfg;
    const char *order = cfg->boot.order ? cfg->boot.order : "cad";
    unsigned code[3] = {0};
    if (first && cfg->boot.once)
        order = cfg->boot.once;
    for (unsigned i = 0; i < G_N_ELEMENTS(code) && order[i]; i++)
        code[i] = boot_code(order[i]);
    mc146818_set(p->rtc, FIRST_TWO, (uint8_t)(code[1] << 4 | code[0]));
    mc146818_set(p->rtc, THIRD_AND_CHECK,
                 (uint8_t)(code[2] << 4 | (check_floppies ? 0 : NO_CHECK)));
}

/* A picture of the user's that the BIOS shows, JPEG or BMP. */
static bool tell_splash(struct device *fw_cfg, struct error **errp)
{
    const char *path = fw_cfg->machine->cfg.boot.splash;
    size_t len;
    if (path == NULL)
        return true;
    g_autofree uint8_t *data = load_file(path, 16 << 20, &len, errp);
    if (data == NULL) {
        error_prefix(errp, "-boot splash=");
        return false;
    }
    if (len >= 2 && memcmp(data, "BM", 2) == 0)
        return fw_cfg_add_file(fw_cfg, "bootsplash.bmp", data, len, errp);
    if (len >= 2 && memcmp(data, "\xff\xd8", 2) == 0)
        return fw_cfg_add_file(fw_cfg, "bootsplash.jpg", data, len, errp);
    error_set(errp, "-boot splash=%s: not a picture that firmware shows; wanted JPEG or BMP", path);
    return false;
}

static bool tell_boot(struct device *fw_cfg, struct error **errp)
{
    const struct machine_config *cfg = &fw_cfg->machine->cfg;
    uint8_t bytes[4];
    fw_cfg_set_u16(fw_cfg, FW_CFG_BOOT_MENU, cfg->boot.menu);
    if (cfg->boot.splash_time >= 0) {
        st_le16(bytes, (uint16_t)cfg->boot.splash_time);
        if (!fw_cfg_add_file(fw_cfg, "etc/boot-menu-wait", bytes, 2, errp))
            return false;
    }
    st_le32(bytes, (uint32_t)cfg->boot.reboot_timeout);
    return fw_cfg_add_file(fw_cfg, "etc/boot-fail-wait", bytes, 4, errp) &&
           tell_splash(fw_cfg, errp);
}

struct device *pc_create_fw_cfg(struct machine *m, uint64_t low, uint64_t high, struct error **errp)
{
    struct device *dev = pc_add(m, "fw_cfg_io", "fw_cfg");
    if (!device_realize(dev, errp))
        return NULL;
    fw_cfg_set_u16(dev, FW_CFG_NB_CPUS, (uint16_t)m->ncpus);
    fw_cfg_set_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)(pc_apic_id(m, m->ncpus - 1) + 1));
    fw_cfg_set_u32(dev, FW_CFG_IRQ0_OVERRIDE, 1);
    bool ok = tell_memory(dev, low, high, errp) && tell_console(dev, errp) && tell_boot(dev, errp);
    return ok ? dev : NULL;
}

static bool tell_smbios(struct pc *b, struct error **errp)
{
    struct smbios_info info = smbios_describe(&b->m);
    info.high_base = FOUR_GIB;
    info.high_size = b->high_ram;
    info.is_32_bit = true;
    info.has_long_entry = b->has_smbios_3;
    return smbios_deliver(&info, b->fw_cfg, errp);
}

bool pc_tell_firmware(struct pc *b, struct error **errp)
{
    if (!pc_check_boot_order(&b->m, errp))
        return false;
    b->fw_cfg = pc_create_fw_cfg(&b->m, b->low_ram, b->high_ram, errp);
    if (b->fw_cfg == NULL)
        return false;
    pc_fill_cmos(&b->parts, b->low_ram, b->high_ram);
    if (b->is_q35 && b->smm && !ich9_offer_smi_features(b->lpc, b->fw_cfg, errp))
        return false;
    return tell_sleep_states(b, errp) && tell_smbios(b, errp) && pc_create_acpi(b, errp);
}
