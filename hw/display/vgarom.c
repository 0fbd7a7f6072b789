/* The BIOS of a card in fw_cfg.  Ref: SeaBIOS documentation, "Runtime config", "vgaroms/". */
#include "hw/display/vgarom.h"
#include "core/loader.h"
#include "hw/misc/fw_cfg.h"

#include <glib.h>

bool vgarom_offer(struct machine *m, const char *file, const char *usual, struct error **errp)
{
    enum { MAX_ROM = 128 << 10 };
    struct device *fw_cfg = fw_cfg_find(m);
    size_t len;
    if (fw_cfg == NULL || (file && *file == '\0'))
        return true;
    g_autofree char *path = firmware_find(m, file ? file : usual, file ? errp : NULL);
    if (path == NULL)
        return file == NULL;
    g_autofree uint8_t *data = load_file(path, MAX_ROM, &len, errp);
    g_autofree char *base = g_path_get_basename(path), *name = g_strconcat("vgaroms/", base, NULL);
    return data && fw_cfg_add_file(fw_cfg, name, data, len, errp);
}
