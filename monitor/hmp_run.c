/* One HMP line from text to printed answer. */
#include "monitor/command_priv.h"

#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

static bool call(struct mon_call *c, const struct monitor_command *cmd, FILE *out,
                 struct error **errp)
{
    if (cmd->text)
        return cmd->text(c, out, errp);
    g_autoptr(JsonNode) result = cmd->run(c, errp);
    if (result && cmd->print)
        cmd->print(c, result, out);
    return result;
}

static void run_command(struct mon_call *c, const struct monitor_command *cmd, const char *rest,
                        FILE *out)
{
    struct error *err = NULL;

    if (!mon_args_from_line(c, cmd, rest, &err)) {
        error_prefix(&err, "%s", cmd->hmp);
        error_append(&err, "; try 'help %s'", cmd->hmp);
    } else {
        call(c, cmd, out, &err);
    }
    mon_args_clear(c);
    if (err)
        fprintf(out, "Error: %s\n", error_text(err));
    error_free(err);
}

void hmp_run_line(struct mon_call *c, const char *line, FILE *out)
{
    struct error *err = NULL;
    const char *rest, *p = line + strspn(line, " \t");

    if (!*p || *p == '#')
        return;
    const struct monitor_command *cmd = hmp_lookup(p, &rest, &err);
    if (cmd) {
        run_command(c, cmd, rest, out);
        return;
    }
    fprintf(out, "%s\n", error_text(err));
    error_free(err);
}

/* A pipe or a terminal shows the answer as it is; NUL bytes do not occur in it. */
char *monitor_hmp_run(struct machine *m, const char *line, unsigned *cpu_index)
{
    char *text = NULL, *copy;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct mon_call c = {.m = m, .is_hmp = true};

    if (m && *cpu_index < m->ncpus)
        c.cpu = m->cpus[*cpu_index];
    hmp_run_line(&c, line, out);
    if (c.cpu)
        *cpu_index = c.cpu->index;
    fclose(out);
    copy = g_strdup(text);
    free(text);
    return copy;
}
