/* SMBIOS tables: what firmware and systems show of the machine's make. */
#ifndef HW_MISC_SMBIOS_H
#define HW_MISC_SMBIOS_H

#include "core/device.h"

struct smbios_info {
    const char *const *options; /* NULL-terminated texts of -smbios, or NULL */
    const char *uuid;           /* text of -uuid, or NULL */
    const char *manufacturer, *product, *version;
    unsigned sockets, cores, threads; /* each of the one before */
    const char *processor;            /* name of the model */
    uint64_t ram_base, ram_size;      /* bytes */
    uint64_t high_base, high_size;    /* what of ram_size lies elsewhere; size 0: nothing */
    /* The entry point has 32 bits (SMBIOS 2.8), and structure 0 speaks of a BIOS: for PCs. */
    bool is_32_bit;
    bool has_long_entry; /* all the same, the entry point has 64 bits (SMBIOS 3.0) */
};

/* What is the same on every board: options, names, topology, size of memory. */
struct smbios_info smbios_describe(const struct machine *m);
/* Put the tables (structures 1, 3, 4, 16, 17, 19, 32 and 127; 0, 2 and 11 when options want them,
 * else firmware adds a 0 of its own) into fw_cfg, as "etc/smbios/smbios-tables" and
 * "etc/smbios/smbios-anchor".  False with *errp for a bad option. */
bool smbios_deliver(const struct smbios_info *info, struct device *fw_cfg,
                    struct error **errp) MUST_CHECK;

#endif
