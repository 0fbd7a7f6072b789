/* vCPUs as threads of process 1, numbered from 1.  Ref: GDB manual, E.2 (thread-id). */
#include "gdbstub/gdb_priv.h"

/* One number of a thread id: -1 is "all", 0 "any". */
static bool parse_id(const char **p, int64_t *id)
{
    uint64_t n;

    if (**p == '-' && (*p)[1] == '1') {
        *p += 2;
        *id = -1;
        return true;
    }
    if (!gdb_parse_hex(p, &n))
        return false;
    *id = n > MACHINE_MAX_CPUS ? MACHINE_MAX_CPUS + 1 : (int64_t)n;
    return true;
}

bool gdb_parse_thread(struct gdb_server *g, const char **p, struct gdb_thread *t)
{
    int64_t pid = 1, tid;

    *t = (struct gdb_thread){GDB_THREAD_ALL, NULL};
    if (gdb_skip(p, 'p')) {
        if (!parse_id(p, &pid) || pid > 1)
            return false;
        if (!gdb_skip(p, '.'))
            return true; /* all of the process */
    }
    if (!parse_id(p, &tid) || tid > (int64_t)g->m->ncpus)
        return false;
    if (tid == 0)
        t->which = GDB_THREAD_ANY;
    if (tid > 0)
        *t = (struct gdb_thread){GDB_THREAD_ONE, g->m->cpus[tid - 1]};
    return true;
}

void gdb_append_thread(struct gdb_server *g, GString *s, const struct cpu *cpu)
{
    g_string_append_printf(s, g->multiprocess ? "p1.%x" : "%x", cpu->index + 1);
}

void gdb_describe_thread(GString *s, const struct cpu *cpu)
{
    const char *state = !cpu->started ? "off" : cpu->halted ? "halted" : "running";

    g_string_append_printf(s, "CPU#%u [%s]", cpu->index, state);
}

void gdb_list_threads(struct gdb_server *g, GString *xml)
{
    g_string_append(xml, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        g_string_append(xml, "<thread id=\"");
        gdb_append_thread(g, xml, g->m->cpus[i]);
        g_string_append_printf(xml, "\" core=\"%u\" name=\"CPU %u\">", i, i);
        gdb_describe_thread(xml, g->m->cpus[i]);
        g_string_append(xml, "</thread>\n");
    }
    g_string_append(xml, "</threads>\n");
}
