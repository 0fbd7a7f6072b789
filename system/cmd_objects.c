/* Monitor commands about what -object makes: threads and memory. */
#include "hw/virtio/iothread.h"
#include "monitor/command.h"
#include "system/setup.h"

#include <inttypes.h>

static const char *const memdev_flags[] = {"merge", "dump", "prealloc", "share"};

static void add_memdev(JsonArray *list, const char *id, uint64_t size, bool share, bool prealloc)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", id);
    json_object_set_int_member(o, "size", (int64_t)size);
    json_object_set_boolean_member(o, "merge", true);
    json_object_set_boolean_member(o, "dump", true);
    json_object_set_boolean_member(o, "prealloc", prealloc);
    json_object_set_boolean_member(o, "share", share);
    json_object_set_array_member(o, "host-nodes", json_array_new());
    json_object_set_string_member(o, "policy", "default");
    json_array_add_object_element(list, o);
}

static JsonNode *run_memdevs(struct mon_call *c, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    const struct ram_block *ram = c->m->rams;
    while (ram && ram->size != c->m->cfg.ram_size)
        ram = ram->next;
    bool share = false, prealloc = false;
    uint64_t size = ram ? ram->size : 0;
    const char *id = memdev_used(0, &size, &share, &prealloc);
    if (!id && ram)
        add_memdev(list, ram->name, size, share, prealloc);
    for (unsigned i = 0; (id = memdev_used(i, &size, &share, &prealloc)); i++)
        add_memdev(list, id, size, share, prealloc);
    return mon_array(list);
}

static void print_memdevs(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "memory backend: %s\n  size:  %" PRId64 "\n",
                json_object_get_string_member(o, "id"), json_object_get_int_member(o, "size"));
        for (size_t k = 0; k < G_N_ELEMENTS(memdev_flags); k++)
            fprintf(out, "  %s: %s\n", memdev_flags[k],
                    json_object_get_boolean_member(o, memdev_flags[k]) ? "true" : "false");
        fprintf(out, "  policy: %s\n", json_object_get_string_member(o, "policy"));
    }
}

static JsonNode *run_iothreads(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct iothread *t = NULL; (t = iothread_next(t));) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", iothread_id(t));
        json_object_set_int_member(o, "thread-id", iothread_tid(t));
        for (unsigned i = 0; i < IOTHREAD_TUNINGS; i++)
            json_object_set_int_member(o, iothread_tuning_names[i], (gint64)iothread_tuning(t, i));
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void print_iothreads(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "%s:\n  thread_id=%" PRId64 "\n", json_object_get_string_member(o, "id"),
                json_object_get_int_member(o, "thread-id"));
        for (unsigned k = 0; k < IOTHREAD_TUNINGS; k++)
            fprintf(out, "  %s=%" PRId64 "\n", iothread_tuning_names[k],
                    json_object_get_int_member(o, iothread_tuning_names[k]));
    }
}

#define MEMDEV_TYPE                                                                                \
    "[{id?: str, size: int, merge: bool, dump: bool, prealloc: bool, share: bool, "                \
    "host-nodes: [int], policy: default|preferred|bind|interleave}]"
#define IOTHREAD_TYPE                                                                              \
    "[{id: str, thread-id: int, poll-max-ns: int, poll-grow: int, poll-shrink: int, "              \
    "aio-max-batch: int}]"

static const struct monitor_command commands[] = {
    {.qmp = "query-memdev",
     .hmp = "info memdev",
     .ret = MEMDEV_TYPE,
     .run = run_memdevs,
     .print = print_memdevs,
     .help = "list the memory back ends"},
    {.qmp = "query-iothreads",
     .hmp = "info iothreads",
     .ret = IOTHREAD_TYPE,
     .run = run_iothreads,
     .print = print_iothreads,
     .help = "list the I/O threads"},
    {0},
};

void setup_object_commands(void)
{
    monitor_register(commands);
}
