/* -numa: nodes of processors and memory, and how far they are; info numa. */
#include "core/numa.h"
#include "monitor/command.h"
#include "system/setup.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

enum { UNASSIGNED = 255, DEFAULT_ALIGN = 8 << 20 };

/* On the way: what is not said yet. */
struct numa_wish {
    struct numa *n;
    const struct machine_config *cfg;
    bool has_size[NUMA_MAX_NODES], has_cpus, has_memdevs, seen[NUMA_MAX_NODES];
    uint8_t said[NUMA_MAX_NODES][NUMA_MAX_NODES]; /* distances; 0: none */
};

static bool get_node(const struct numa_wish *w, struct opts *o, const char *key, unsigned *node,
                     struct error **errp)
{
    uint64_t v;

    if (!opts_get(o, key, NULL)) {
        error_set(errp, "wanted %s=NODE", key);
        return false;
    }
    if (!opts_get_uint(o, key, NUMA_MAX_NODES - 1, 0, &v, errp))
        return false;
    *node = (unsigned)v;
    if (w->seen[*node])
        return true;
    error_set(errp, "%s=%u: there is no such node; the -numa node that makes it comes first", key,
              *node);
    return false;
}

static bool assign(struct numa_wish *w, unsigned cpu, unsigned node, struct error **errp)
{
    uint8_t *at = &w->n->node_of_cpu[cpu];

    if (*at != UNASSIGNED && *at != node) {
        error_set(errp, "CPU %u is in node %u already", cpu, *at);
        return false;
    }
    *at = (uint8_t)node;
    w->has_cpus = true;
    return true;
}

/* "3" or "0-3". */
static bool add_cpus(struct numa_wish *w, const char *text, unsigned node, struct error **errp)
{
    const char *dash = strchr(text, '-');
    g_autofree char *low = dash ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);
    uint64_t first, last;
    bool ok = parse_uint(low, UINT32_MAX, &first, errp) &&
              parse_uint(dash ? dash + 1 : low, UINT32_MAX, &last, errp);

    if (ok && (first > last || last >= w->cfg->max_cpus)) {
        error_set(errp, "there are CPUs 0 to %u", w->cfg->max_cpus - 1);
        ok = false;
    }
    for (uint64_t i = first; ok && i <= last; i++)
        ok = assign(w, (unsigned)i, node, errp);
    if (!ok)
        error_prefix(errp, "cpus=%s", text);
    return ok;
}

static bool node_memory(struct numa_wish *w, struct opts *o, unsigned node, struct error **errp)
{
    const char *memdev = opts_get(o, "memdev", NULL), *mem = opts_get(o, "mem", NULL);
    bool ok = true;

    if (memdev && mem) {
        error_set(errp, "mem and memdev both say how much memory it has: leave out one");
        return false;
    }
    if (memdev && !(ok = memdev_use(memdev, &w->n->size[node], errp)))
        error_prefix(errp, "memdev=%s", memdev);
    if (mem && !(ok = parse_size(mem, 1 << 20, &w->n->size[node], errp)))
        error_prefix(errp, "mem=%s", mem);
    w->has_size[node] = memdev || mem;
    w->has_memdevs |= memdev != NULL;
    return ok;
}

static bool add_node(struct numa_wish *w, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"type", "nodeid", "cpus", "mem", "memdev", NULL};
    uint64_t node;

    if (!opts_get_uint(o, "nodeid", NUMA_MAX_NODES - 1, w->n->nodes, &node, errp))
        return false;
    if (node >= NUMA_MAX_NODES || w->seen[node]) {
        error_set(errp,
                  node < NUMA_MAX_NODES ? "there is a node %u already"
                                        : "there are %u nodes at most",
                  node < NUMA_MAX_NODES ? (unsigned)node : NUMA_MAX_NODES);
        return false;
    }
    w->seen[node] = true;
    w->n->nodes++;
    opts_get(o, "cpus", NULL);
    for (size_t i = 0; i < o->n; i++)
        if (!strcmp(o->pair[i].key, "cpus") && !add_cpus(w, o->pair[i].value, (unsigned)node, errp))
            return false;
    return node_memory(w, o, (unsigned)node, errp) && opts_check_used(o, keys, errp);
}

/* All processors at such a place in sockets of cores of threads. */
static bool add_cpu(struct numa_wish *w, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"type",      "node-id", "socket-id",  "core-id",
                                       "thread-id", "die-id",  "cluster-id", NULL};
    unsigned threads = MAX(w->cfg->threads, 1), cores = MAX(w->cfg->cores, 1), node, found = 0;
    uint64_t want[5] = {0};

    if (!get_node(w, o, "node-id", &node, errp))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++)
        if (!opts_get_uint(o, keys[2 + i], UINT32_MAX, 0, &want[i], errp))
            return false;
    for (unsigned i = 0; i < w->cfg->max_cpus; i++) {
        const uint64_t place[5] = {i / threads / cores, i / threads % cores, i % threads, 0, 0};
        bool fits = true;
        for (size_t k = 0; k < G_N_ELEMENTS(place); k++)
            fits = fits && (!opts_get(o, keys[2 + k], NULL) || want[k] == place[k]);
        if (fits && !assign(w, i, node, errp))
            return false;
        found += fits;
    }
    if (!found)
        error_set(errp, "there is no such CPU: -smp says %u sockets of %u cores of %u threads",
                  MAX(w->cfg->sockets, 1), cores, threads);
    return found && opts_check_used(o, keys, errp);
}

static bool add_distance(struct numa_wish *w, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"type", "src", "dst", "val", NULL};
    unsigned from, to;
    uint64_t v;

    if (!get_node(w, o, "src", &from, errp) || !get_node(w, o, "dst", &to, errp) ||
        !opts_get_uint(o, "val", UINT8_MAX, 0, &v, errp) || !opts_check_used(o, keys, errp))
        return false;
    if (v < NUMA_LOCAL || (from == to) != (v == NUMA_LOCAL)) {
        error_set(errp, "val=%u: wanted %d for the node itself, 11 to %d for others", (unsigned)v,
                  NUMA_LOCAL, UINT8_MAX);
        return false;
    }
    w->said[from][to] = (uint8_t)v;
    w->n->has_distances = true;
    return true;
}

/* What -numa is about: "" begins it. */
static bool add_option(struct numa_wish *w, struct opts *o, struct error **errp)
{
    static const char *const types[] = {"node", "cpu", "dist", "hmat-lb", "hmat-cache", NULL};
    const char *type = opts_get(o, "type", "");

    if (!strcmp(type, "node"))
        return add_node(w, o, errp);
    if (!strcmp(type, "cpu"))
        return add_cpu(w, o, errp);
    if (!strcmp(type, "dist"))
        return add_distance(w, o, errp);
    if (g_str_has_prefix(type, "hmat-")) {
        error_set(errp, "there is no HMAT: distances by -numa dist are all that guests are told");
        return false;
    }
    const char *near = nearest_name(type, types);
    error_set(errp, "wanted node, cpu or dist");
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

/* ---- what was not said ---- */

static bool complete_memory(struct numa_wish *w, struct setup *s, struct error **errp)
{
    struct numa *n = w->n;
    uint64_t total = 0, part = s->cfg.ram_size / n->nodes / DEFAULT_ALIGN * DEFAULT_ALIGN;
    bool any = false;

    for (unsigned i = 0; i < n->nodes; i++) {
        any |= w->has_size[i];
        total += n->size[i];
    }
    if (!any) {
        for (unsigned i = 0; i < n->nodes; i++)
            n->size[i] = i + 1 < n->nodes ? part : s->cfg.ram_size - part * i;
        return true;
    }
    if (!s->cli->memory && total)
        s->cfg.ram_size = total;
    if (total == s->cfg.ram_size)
        return true;
    error_set(errp, "-numa: the nodes have %" PRIu64 "M of memory, but -m says %" PRIu64 "M",
              total >> 20, s->cfg.ram_size >> 20);
    return false;
}

static void complete_cpus(struct numa_wish *w, unsigned how)
{
    const struct machine_config *cfg = w->cfg;
    unsigned per_socket = MAX(cfg->cores, 1) * MAX(cfg->threads, 1), nodes = w->n->nodes;
    g_autoptr(GString) left = g_string_new(NULL);

    for (unsigned i = 0; i < cfg->max_cpus; i++) {
        uint8_t *node = &w->n->node_of_cpu[i];
        if (*node != UNASSIGNED)
            continue;
        if (w->has_cpus) {
            *node = 0;
            g_string_append_printf(left, " %u", i);
        } else if (how == NUMA_BY_SOCKET) {
            *node = (uint8_t)(i / per_socket % nodes);
        } else {
            *node = (uint8_t)(i * nodes / cfg->max_cpus);
        }
    }
    if (left->len)
        log_warn("-numa: no node was given for CPUs%s; they are in node 0", left->str);
}

/* A distance in one direction holds for the other. */
static bool complete_distances(struct numa_wish *w, struct error **errp)
{
    struct numa *n = w->n;

    for (unsigned i = 0; i < n->nodes; i++)
        for (unsigned k = 0; k < n->nodes; k++) {
            uint8_t v = w->said[i][k] ? w->said[i][k] : w->said[k][i];
            n->distance[i][k] = i == k ? NUMA_LOCAL : v ? v : NUMA_REMOTE;
            if (i == k || v || !n->has_distances)
                continue;
            error_set(errp, "-numa dist: how far is it from node %u to node %u?", i, k);
            return false;
        }
    return true;
}

static bool complete(struct numa_wish *w, struct setup *s, struct error **errp)
{
    for (unsigned i = 0; i < w->n->nodes; i++)
        if (!w->seen[i]) {
            error_set(errp, "-numa: there are %u nodes, but no node %u; their numbers have no gaps",
                      w->n->nodes, i);
            return false;
        }
    if (w->has_memdevs && setup_machine_opt(s, "memory-backend")) {
        error_set(errp, "-numa node,memdev=: the memory is that of -machine memory-backend=%s",
                  setup_machine_opt(s, "memory-backend"));
        return false;
    }
    if (s->cli->mem_path) {
        error_set(errp, "-mem-path: use -numa node,memdev=ID and -object memory-backend-file");
        return false;
    }
    if (!complete_memory(w, s, errp) || !complete_distances(w, errp))
        return false;
    complete_cpus(w, s->cls->numa);
    return true;
}

bool setup_numa(struct setup *s, struct error **errp)
{
    struct numa *n;

    if (!s->cli->numa->len)
        return true;
    if (s->cls->numa == NUMA_NONE) {
        error_set(errp, "-numa: machine '%s' has one node", s->cls->name);
        return false;
    }
    n = g_new0(struct numa, 1);
    g_ptr_array_add(s->owned, n);
    memset(n->node_of_cpu, UNASSIGNED, sizeof(n->node_of_cpu));
    g_autofree struct numa_wish *w = g_new0(struct numa_wish, 1);
    w->n = n;
    w->cfg = &s->cfg;
    for (guint i = 0; i < s->cli->numa->len; i++) {
        const char *text = g_ptr_array_index(s->cli->numa, i);
        struct opts *o = opts_parse(text, "type");
        bool ok = add_option(w, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-numa %s", text);
            return false;
        }
    }
    s->cfg.numa = n;
    return complete(w, s, errp);
}

/* ---- info numa ---- */

static void print_node(const struct machine *m, unsigned node, FILE *out)
{
    fprintf(out, "node %u cpus:", node);
    for (unsigned i = 0; i < m->ncpus; i++)
        if (m->cfg.numa->node_of_cpu[i] == node)
            fprintf(out, " %u", i);
    fprintf(out, "\nnode %u size: %" PRIu64 " MB\nnode %u plugged: 0 MB\n", node,
            m->cfg.numa->size[node] >> 20, node);
}

static void print_numa(struct mon_call *c, JsonNode *result UNUSED, FILE *out)
{
    const struct numa *n = c->m->cfg.numa;

    fprintf(out, "%u nodes\n", n ? n->nodes : 0);
    for (unsigned i = 0; n && i < n->nodes; i++)
        print_node(c->m, i, out);
}

static JsonNode *run_nothing(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    return mon_ok();
}

static const struct monitor_command commands[] = {
    {.hmp = "info numa",
     .run = run_nothing,
     .print = print_numa,
     .help = "list the nodes of memory"},
    {0},
};

void setup_numa_commands(void)
{
    monitor_register(commands);
}
