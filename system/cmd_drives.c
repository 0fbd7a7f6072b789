/* Monitor commands that add a -drive to a running machine and take one away; the debugger's server.
 */
#include "block/block.h"
#include "monitor/command.h"
#include "system/setup.h"
#include "util/optparse.h"

#include <string.h>

static struct setup *the_setup;

/* drive_add BUS if=none,...: the first word named a PCI slot once. */
static bool text_drive_add(struct mon_call *c, FILE *out, struct error **errp)
{
    const char *text = mon_str(c, "opts", "");
    bool ok;

    if (mon_bool(c, "node", false)) {
        struct opts *o = opts_parse_any(text, "driver", errp);
        ok = o && block_open_node(o, errp);
        opts_free(o);
    } else {
        ok = setup_hot_drive(the_setup, text, errp);
    }
    if (ok)
        fprintf(out, "OK\n");
    return ok;
}

static JsonNode *run_drive_del(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", "");
    struct block_node *b = block_find(id);

    if (!b || g_strcmp0(block_drive_name(b), id)) {
        error_set(errp,
                  b ? "'%s' is a node, not a drive: blockdev-del removes it" : "no drive '%s'", id);
        return NULL;
    }
    return block_take_away(b, errp) ? mon_ok() : NULL;
}

static JsonNode *run_gdbserver(struct mon_call *c, struct error **errp)
{
    return setup_gdb_server(the_setup, mon_str(c, "device", "tcp::1234"), errp) ? mon_ok() : NULL;
}

static void complete_drive(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                           void *opaque)
{
    for (struct block_node *b = NULL; (b = block_next_root(b));)
        if (block_drive_name(b))
            add(opaque, block_drive_name(b));
}

static const struct mon_arg add_args[] = {
    {.name = "node", .kind = MON_FLAG, .optional = true, .flag = 'n', .help = "as of -blockdev"},
    {.name = "bus", .kind = MON_STR, .help = "not looked at: write 0"},
    {.name = "opts", .kind = MON_STR, .help = "as of -drive, with if=none"},
    MON_ARG_END,
};
static const struct mon_arg del_args[] = {
    {.name = "id", .kind = MON_STR, .help = "name of the drive", .complete = complete_drive},
    MON_ARG_END,
};
static const struct mon_arg gdb_args[] = {
    {.name = "device",
     .kind = MON_STR,
     .optional = true,
     .help = "as of -gdb (default: tcp::1234); none ends it"},
    MON_ARG_END,
};

static const struct monitor_command commands[] = {
    {.hmp = "drive_add",
     .args = add_args,
     .text = text_drive_add,
     .help = "open an image, for device_add"},
    {.hmp = "drive_del",
     .args = del_args,
     .run = run_drive_del,
     .help = "close a drive's image; a device that uses it sees errors from now on"},
    {.hmp = "gdbserver", .args = gdb_args, .run = run_gdbserver, .help = "let gdb connect there"},
    {0},
};

void setup_drive_commands(struct setup *s)
{
    the_setup = s;
    monitor_register(commands);
}
