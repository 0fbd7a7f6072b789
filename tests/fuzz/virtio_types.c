/* What virtio devices need to be realized in a harness: disks, a shared directory, ports. */
#include "tests/fuzz/virtio_types.h"
#include "block/block.h"
#include "fsdev/fsdev.h"
#include "hw/bus.h"
#include "hw/registry.h"

#include <ftw.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_BYTES = 64 * 512 };

static char *share;

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *at)
{
    return at->level ? remove(path) : 0;
}

static void remove_share(void)
{
    rmdir(share);
}

const struct device_type *fuzz_virtio_type(uint64_t which)
{
    static const char *const names[] = {
        "virtio-blk-device",  "virtio-rng-device",      "virtio-serial-device",
        "virtio-blk-device",  "virtio-9p-device",       "virtio-balloon-device",
        "virtio-scsi-device", "virtio-keyboard-device", "virtio-tablet-device",
        "virtio-scsi-device", "virtio-mouse-device",    "virtio-9p-device",
    };
    /* The low two bits chose among the first four before there were others. */
    uint64_t n = which >> 3 & 7 ? 4 + (which >> 3 & 7) + (which & 3) : which & 3;
    return hw_device_find(names[n % G_N_ELEMENTS(names)]);
}

static const char *disk_path(void)
{
    static char *path;
    if (!path) {
        int fd = g_file_open_tmp("fuzz-virtio-XXXXXX", &path, NULL);
        if (fd < 0 || ftruncate(fd, DISK_BYTES))
            g_error("no temporary file");
        close(fd);
        /* It stays open in the block layer only while an input runs, so its name must stay. */
    }
    return path;
}

static bool share_directory(void)
{
    if (!share) {
        share = g_dir_make_tmp("fuzz-virtio-XXXXXX", NULL);
        atexit(remove_share);
    }
    g_autofree char *text =
        g_strdup_printf("local,id=share,path=%s,security_model=mapped-xattr", share);
    struct opts *o = opts_parse(text, "fsdriver");
    bool ok = fsdev_new(o, NULL);
    opts_free(o);
    return ok;
}

bool fuzz_virtio_set_up(struct device *dev, bool read_only)
{
    const char *name = dev->type->name;
    if (!strcmp(name, "virtio-blk-device"))
        return block_open("disk", disk_path(), "raw", read_only, false, NULL) &&
               device_set(dev, "drive", "disk", NULL);
    if (!strcmp(name, "virtio-9p-device"))
        return share_directory() && device_set(dev, "fsdev", "share", NULL) &&
               device_set(dev, "mount_tag", "share", NULL);
    if (!strcmp(name, "virtio-balloon-device"))
        return device_set(dev, "free-page-reporting", "on", NULL) &&
               device_set(dev, "free-page-hint", read_only ? "on" : "off", NULL);
    return true;
}

static void add(struct machine *m, const char *type, const char *prop, const char *value)
{
    g_autofree char *id = g_strdup_printf("%s-of-it", type);
    struct device *dev = device_new(hw_device_find(type), m, id);
    if ((prop && !device_set(dev, prop, value, NULL)) || !hw_bus_plug(m, dev, NULL, NULL) ||
        !device_realize(dev, NULL))
        g_error("%s does not fit", type);
}

void fuzz_virtio_fill(struct device *dev)
{
    if (!strcmp(dev->type->name, "virtio-serial-device"))
        add(dev->machine, "virtserialport", "name", "port");
    if (strcmp(dev->type->name, "virtio-scsi-device"))
        return;
    if (!block_open("disk", disk_path(), "raw", false, false, NULL))
        g_error("no disk");
    add(dev->machine, "scsi-hd", "drive", "disk");
    add(dev->machine, "scsi-cd", NULL, NULL);
}

void fuzz_virtio_clean(void)
{
    block_close_all();
    fsdev_free_all();
    if (share)
        nftw(share, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
