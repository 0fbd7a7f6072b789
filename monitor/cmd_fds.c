/* File descriptors from the client: getfd, closefd, and sets. */
#include "monitor/commands_priv.h"

#include "util/fds.h"

#include <inttypes.h>
#include <unistd.h>

/* The descriptor that came with the command, over the client's own socket. */
static int sent_fd(struct mon_call *c, struct error **errp)
{
    int fd = c->mon ? chardev_take_fd(c->mon->chardev) : -1;

    if (fd < 0)
        error_set(errp, "no file descriptor was sent along (SCM_RIGHTS on a UNIX socket)");
    return fd;
}

static JsonNode *run_getfd(struct mon_call *c, struct error **errp)
{
    int fd = sent_fd(c, errp);

    return fd >= 0 && fds_put(mon_str(c, "fdname", ""), fd, errp) ? mon_ok() : NULL;
}

static JsonNode *run_closefd(struct mon_call *c, struct error **errp)
{
    return fds_close(mon_str(c, "fdname", ""), errp) ? mon_ok() : NULL;
}

static JsonNode *run_add_fd(struct mon_call *c, struct error **errp)
{
    int64_t set = mon_int(c, "fdset-id", -1);

    if (mon_has(c, "fdset-id") && set < 0) {
        error_set(errp, "fdset-id: wanted 0 or more, found %" PRId64, set);
        return NULL;
    }
    int fd = sent_fd(c, errp);
    if (fd < 0)
        return NULL;
    if (!fds_set_add(&set, fd, mon_str(c, "opaque", NULL), errp)) {
        close(fd);
        return NULL;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "fd", fd);
    json_object_set_int_member(o, "fdset-id", set);
    return mon_object(o);
}

static JsonNode *run_remove_fd(struct mon_call *c, struct error **errp)
{
    int fd = (int)mon_int(c, "fd", -1);

    return fds_set_remove(mon_int(c, "fdset-id", -1), fd, errp) ? mon_ok() : NULL;
}

static JsonObject *find_set(JsonArray *sets, int64_t id)
{
    for (guint i = 0; i < json_array_get_length(sets); i++) {
        JsonObject *o = json_array_get_object_element(sets, i);
        if (json_object_get_int_member(o, "fdset-id") == id)
            return o;
    }
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "fdset-id", id);
    json_object_set_array_member(o, "fds", json_array_new());
    json_array_add_object_element(sets, o);
    return o;
}

static void add_member(const struct fds_member *m, void *opaque)
{
    JsonObject *set = find_set(opaque, m->set), *o = json_object_new();

    json_object_set_int_member(o, "fd", m->fd);
    if (m->opaque)
        json_object_set_string_member(o, "opaque", m->opaque);
    json_array_add_object_element(json_object_get_array_member(set, "fds"), o);
}

static JsonNode *run_fdsets(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *sets = json_array_new();

    fds_set_foreach(add_member, sets);
    return mon_array(sets);
}

static const struct mon_arg fdname_args[] = {
    {"fdname", MON_STR, .help = "its name"},
    MON_ARG_END,
};
static const struct mon_arg add_args[] = {
    {"fdset-id", MON_INT, .optional = true, .help = "the set; a new one when left out"},
    {"opaque", MON_STR, .optional = true, .help = "text that query-fdsets shows"},
    MON_ARG_END,
};
static const struct mon_arg remove_args[] = {
    {"fdset-id", MON_INT, .help = "the set"},
    {"fd", MON_INT, .optional = true, .help = "one of its members; all when left out"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_fds[] = {
    {.qmp = "getfd", .hmp = "getfd", .args = fdname_args, .run = run_getfd,
     .help = "name the file descriptor that was sent along"},
    {.qmp = "closefd", .hmp = "closefd", .args = fdname_args, .run = run_closefd,
     .help = "close a file descriptor by its name"},
    {.qmp = "add-fd", .args = add_args, .ret = "{fdset-id: int, fd: int}", .run = run_add_fd,
     .help = "add the file descriptor that was sent along to a set"},
    {.qmp = "remove-fd", .args = remove_args, .run = run_remove_fd,
     .help = "close members of a set"},
    {.qmp = "query-fdsets", .ret = "[{fdset-id: int, fds: [{fd: int, opaque?: str}]}]",
     .run = run_fdsets, .help = "list the sets of file descriptors"},
    {0},
};
/* clang-format on */
