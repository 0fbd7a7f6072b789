/* Commands that put media into drives, take them out and move trays. */
#include "monitor/commands_priv.h"

#include "block/block.h"
#include "core/machine.h"
#include "hw/drive.h"

#include <string.h>

static struct drive_status status_of(const struct device *dev)
{
    struct drive_status s = {0};

    dev->type->cls->drive->status(dev, &s);
    return s;
}

/* By the device's id, the drive's name or the medium's. */
static bool is_called(const struct device *dev, const char *name)
{
    struct drive_status s = status_of(dev);

    return !g_strcmp0(dev->id, name) || !g_strcmp0(s.name, name) ||
           (s.medium && block_find(name) == s.medium);
}

static struct device *find_drive(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "id", mon_str(c, "device", NULL));
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (!name) {
        error_set(errp, "wanted id or device");
        return NULL;
    }
    for (struct device *dev = NULL; (dev = drive_next(c->m, dev));) {
        if (is_called(dev, name))
            return dev;
        g_ptr_array_add(names, dev->id);
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

static struct device *find_removable(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_drive(c, errp);

    if (!dev || status_of(dev).is_removable)
        return dev;
    error_set(errp, "Device '%s' is not removable", dev->id);
    return NULL;
}

static bool move_tray(struct device *dev, bool open, bool force, struct error **errp)
{
    const struct drive_ops *ops = dev->type->cls->drive;

    return !ops->move_tray || ops->move_tray(dev, open, force, errp);
}

/* A -drive's image is closed, a -blockdev's stays open for the next. */
static bool remove_medium(struct device *dev, struct error **errp)
{
    struct block_node *old = status_of(dev).medium;

    if (old && !block_check_idle(old, errp))
        return false;
    bool has_name = old && block_drive_name(old);
    if (!dev->type->cls->drive->set_medium(dev, NULL, errp))
        return false;
    if (has_name) /* otherwise it may be closed by now */
        block_name_drive(old, NULL);
    return true;
}

static bool insert_medium(struct device *dev, struct block_node *medium, struct error **errp)
{
    const char *name = status_of(dev).name;

    if (!dev->type->cls->drive->set_medium(dev, medium, errp))
        return false;
    if (name)
        block_name_drive(medium, name);
    return true;
}

static JsonNode *run_eject(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);

    if (!dev || !move_tray(dev, true, mon_bool(c, "force", false), errp))
        return NULL;
    return remove_medium(dev, errp) ? mon_ok() : NULL;
}

/* A guest that locked its tray is asked to open it; that is no failure. */
static JsonNode *run_open_tray(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);
    bool force = mon_bool(c, "force", false);

    if (!dev)
        return NULL;
    bool is_request = status_of(dev).is_locked && !force;
    struct error *err = NULL;
    if (move_tray(dev, true, force, &err))
        return mon_ok();
    if (!is_request) {
        error_move(errp, err);
        return NULL;
    }
    error_free(err);
    return mon_ok();
}

static JsonNode *run_close_tray(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);

    return dev && move_tray(dev, false, false, errp) ? mon_ok() : NULL;
}

static JsonNode *run_remove(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);

    return dev && remove_medium(dev, errp) ? mon_ok() : NULL;
}

static JsonNode *run_insert(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);
    struct block_node *medium;

    if (!dev)
        return NULL;
    if (status_of(dev).medium) {
        error_set(errp, "there is a medium in '%s' already", dev->id);
        return NULL;
    }
    medium = mon_find_node(c, mon_str(c, "node-name", ""), errp);
    return medium && insert_medium(dev, medium, errp) ? mon_ok() : NULL;
}

static unsigned flags_for(struct mon_call *c, const struct device *dev)
{
    const char *mode = mon_str(c, "read-only-mode", "retain");
    struct drive_status s = status_of(dev);
    unsigned flags = s.medium ? block_get_flags(s.medium) & (BLOCK_DIRECT | BLOCK_NO_FLUSH |
                                                             BLOCK_UNMAP | BLOCK_WRITETHROUGH)
                              : 0;
    bool read_only = s.medium ? block_read_only(s.medium) : s.is_cd;

    if (strcmp(mode, "retain"))
        read_only = !strcmp(mode, "read-only");
    return flags | (read_only ? BLOCK_READ_ONLY : 0);
}

/* The new image is opened first: when that fails, nothing has changed. */
static JsonNode *run_change(struct mon_call *c, struct error **errp)
{
    struct device *dev = find_removable(c, errp);
    struct block_node *medium, *old;

    if (!dev)
        return NULL;
    old = status_of(dev).medium;
    if (old && !block_check_idle(old, errp))
        return NULL;
    medium = block_open_medium(mon_str(c, "filename", ""), mon_str(c, "format", NULL),
                               flags_for(c, dev), errp);
    if (!medium)
        return NULL;
    if (!move_tray(dev, true, mon_bool(c, "force", false), errp) || !remove_medium(dev, errp) ||
        !insert_medium(dev, medium, errp)) {
        block_close(medium);
        return NULL;
    }
    return move_tray(dev, false, false, errp) ? mon_ok() : NULL;
}

static void complete_drive(struct machine *m, void (*add)(void *opaque, const char *word),
                           void *opaque)
{
    for (struct device *dev = NULL; (dev = drive_next(m, dev));) {
        struct drive_status s = status_of(dev);
        if (s.is_removable)
            add(opaque, s.name ? s.name : dev->id);
    }
}

#define DRIVE_ARGS                                                                                 \
    {"device", MON_STR, .optional = true, .help = "the drive's name"},                             \
    {                                                                                              \
        "id", MON_STR, .optional = true, .help = "or the device's"                                 \
    }
#define FORCE_ARG                                                                                  \
    {                                                                                              \
        "force", MON_BOOL, .optional = true, .help = "even when the guest locked it"               \
    }
#define MODE_ARG                                                                                   \
    {                                                                                              \
        "read-only-mode", MON_CHOICE, .optional = true, .type = "retain|read-only|read-write",     \
                                      .help = "how to open it (default: as the one before)"        \
    }

static const struct mon_arg eject_args[] = {DRIVE_ARGS, FORCE_ARG, MON_ARG_END};
static const struct mon_arg close_args[] = {DRIVE_ARGS, MON_ARG_END};
static const struct mon_arg remove_args[] = {
    {"id", MON_STR, .help = "the device's id"},
    MON_ARG_END,
};
static const struct mon_arg insert_args[] = {
    {"id", MON_STR, .help = "the device's id"},
    {"node-name", MON_STR, .help = "node of the medium"},
    MON_ARG_END,
};
static const struct mon_arg change_args[] = {
    DRIVE_ARGS,
    {"filename", MON_STR, .help = "the image"},
    {"format", MON_STR, .optional = true, .help = "its format (default: found out)"},
    FORCE_ARG,
    MODE_ARG,
    MON_ARG_END,
};
static const struct mon_arg hmp_eject_args[] = {
    {"force", MON_FLAG, .optional = true, .flag = 'f', .help = "even when the guest locked it"},
    {"device", MON_STR, .help = "the drive's name", .complete = complete_drive},
    MON_ARG_END,
};
static const struct mon_arg hmp_change_args[] = {
    {"device", MON_STR, .help = "the drive's name", .complete = complete_drive},
    {"force", MON_FLAG, .optional = true, .flag = 'f', .help = "even when the guest locked it"},
    {"filename", MON_STR, .help = "the image"},
    {"format", MON_STR, .optional = true, .help = "its format (default: found out)"},
    MODE_ARG,
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_media[] = {
    {.qmp = "eject", .args = eject_args, .run = run_eject, .help = "take a medium out of its drive"},
    {.hmp = "eject", .args = hmp_eject_args, .run = run_eject,
     .help = "take a medium out of its drive"},
    {.qmp = "blockdev-change-medium", .args = change_args, .run = run_change,
     .help = "put another image into a drive"},
    {.hmp = "change", .args = hmp_change_args, .run = run_change,
     .help = "put another image into a drive"},
    {.qmp = "blockdev-open-tray", .args = eject_args, .run = run_open_tray,
     .help = "open a tray, or ask the guest that locked it to do so"},
    {.qmp = "blockdev-close-tray", .args = close_args, .run = run_close_tray,
     .help = "close a tray"},
    {.qmp = "blockdev-remove-medium", .args = remove_args, .run = run_remove,
     .help = "take the medium out of an open tray"},
    {.qmp = "blockdev-insert-medium", .args = insert_args, .run = run_insert,
     .help = "put an open image into an open tray"},
    {0},
};
/* clang-format on */
