/* SMBIOS tables: what firmware and systems show of the machine's make. */
#ifndef HW_MISC_SMBIOS_H
#define HW_MISC_SMBIOS_H

#include "core/device.h"

struct smbios_info {
    const char *manufacturer, *product, *version;
    unsigned sockets, cores, threads; /* each of the one before */
    const char *processor;            /* name of the model */
    uint64_t ram_base, ram_size;      /* bytes */
};

/* Put the tables (structures 1, 3, 4, 16, 17, 19, 32 and 127; firmware adds its own, 0) into
 * fw_cfg, as "etc/smbios/smbios-tables" and "etc/smbios/smbios-anchor". */
bool smbios_deliver(const struct smbios_info *info, struct device *fw_cfg,
                    struct error **errp) MUST_CHECK;

#endif
