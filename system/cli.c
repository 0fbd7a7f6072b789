/* Walks argv by the option table, and prints the table as help. */
#include "system/cli.h"

#include "system/runner.h"
#include "util/optparse.h"
#include "util/version.h"

#include <string.h>

static bool is_end(const struct cli_option *row)
{
    return !row->name && !row->help;
}

/* The fields that are lists, found through the table so that there is no second list of them. */
static void each_list(struct cli *cli, void (*fn)(GPtrArray **list))
{
    for (const struct cli_option *row = cli_options; !is_end(row); row++)
        if (row->how == CLI_LIST)
            fn((GPtrArray **)(void *)((char *)cli + row->off));
}

static void new_list(GPtrArray **list)
{
    if (!*list)
        *list = g_ptr_array_new_with_free_func(g_free);
}

static void free_list(GPtrArray **list)
{
    if (*list)
        g_ptr_array_unref(*list);
    *list = NULL;
}

void cli_init(struct cli *cli, const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    const char *system;

    *cli = (struct cli){.program = slash ? slash + 1 : argv0};
    each_list(cli, new_list);
    cli->texts = g_string_chunk_new(256);
    system = strstr(cli->program, "-system-");
    if (system)
        cli->program_arch = system + strlen("-system-");
    else if (!strcmp(cli->program, "kvm") || !strcmp(cli->program, "qemu"))
        cli->program_arch = "x86_64"; /* what distributions call it by these names */
    cli->arch = cli->program_arch;
}

void cli_fini(struct cli *cli)
{
    each_list(cli, free_list);
    g_string_chunk_free(cli->texts);
    runner_free(cli->runner);
}

const struct cli_option *cli_find(const char *name)
{
    for (const struct cli_option *row = cli_options; !is_end(row); row++)
        if (row->name && (!strcmp(row->name, name) || (row->alias && !strcmp(row->alias, name))))
            return row;
    return NULL;
}

static void unknown_option(const char *arg, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const struct cli_option *row = cli_options; !is_end(row); row++)
        if (row->name && row->help)
            g_ptr_array_add(names, (gpointer)(uintptr_t)row->name);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    error_set(errp, "%s: no such option", arg);
    if (near)
        error_append(errp, "; did you mean '-%s'?", near);
    else
        error_append(errp, "; -help lists them");
}

bool cli_apply(struct cli *cli, const struct cli_option *row, const char *arg, struct error **errp)
{
    char *field = (char *)cli + row->off;

    switch (row->how) {
    case CLI_TEXT: *(const char **)(void *)field = arg; return true;
    case CLI_FLAG: *(bool *)(void *)field = true; return true;
    case CLI_LIST: g_ptr_array_add(*(GPtrArray **)(void *)field, g_strdup(arg)); return true;
    case CLI_CALL:
        if (row->call(cli, arg, errp))
            return true;
        error_prefix(errp, arg ? "-%s %s" : "-%s", row->name, arg);
        return false;
    case CLI_REFUSE:
        error_set(errp, "-%s: not supported yet: %s", row->name, row->reason);
        return false;
    case CLI_SECTION:
    case CLI_ACCEPT: break;
    }
    return true;
}

/* A bare word is a disk image, as if by -hda. */
static bool add_image(struct cli *cli, const char *path, struct error **errp)
{
    return cli_apply(cli, cli_find("hda"), path, errp);
}

bool cli_parse(struct cli *cli, int argc, char **argv, struct error **errp)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *name = arg + 1, *value = NULL;
        if (arg[0] != '-' || !arg[1]) {
            if (!add_image(cli, arg, errp))
                return false;
            continue;
        }
        if (*name == '-')
            name++;
        const struct cli_option *row = cli_find(name);
        if (!row) {
            unknown_option(arg, name, errp);
            return false;
        }
        if (row->args && ++i == argc) {
            error_set(errp, "-%s: wanted an argument: %s", row->name, row->args);
            return false;
        }
        if (row->args)
            value = argv[i];
        if (!cli_apply(cli, row, value, errp))
            return false;
    }
    return true;
}

static void print_row(const struct cli_option *row, FILE *f)
{
    enum { COLUMN = 16 };
    g_autofree char *left = row->args ? g_strdup_printf("-%s %s", row->name, row->args)
                                      : g_strdup_printf("-%s", row->name);
    g_auto(GStrv) lines = g_strsplit(row->help, "\n", -1);

    if (strlen(left) < COLUMN)
        fprintf(f, "%-*s%s\n", COLUMN, left, lines[0]);
    else
        fprintf(f, "%s\n%*s%s\n", left, COLUMN, "", lines[0]);
    for (size_t i = 1; lines[i]; i++)
        fprintf(f, "%*s%s\n", COLUMN, "", lines[i]);
    if (row->alias)
        fprintf(f, "%*s(-%s is the same)\n", COLUMN, "", row->alias);
}

/* Tools recognize an emulator and its version by this line. */
#define VERSION_LINE "QEMU emulator version " QEMU_VERSION " (Tinamou " TINAMOU_VERSION ")\n"

void cli_print_help(const struct cli *cli, FILE *f)
{
    fprintf(f,
            VERSION_LINE "usage: %s [options] [disk_image]\n\n"
                         "'disk_image' is a raw disk image for the first disk\n",
            cli->program);
    for (const struct cli_option *row = cli_options; !is_end(row); row++) {
        if (row->how == CLI_SECTION)
            fprintf(f, "\n%s:\n", row->help);
        else if (row->help)
            print_row(row, f);
    }
    fputs("\nIn the terminal of a guest's serial line, Ctrl-a h lists the escape keys; Ctrl-a x "
          "quits.\n",
          f);
}

/* The first line is one that tools parse: they ask which of the incumbent's command lines fits. */
void cli_print_version(FILE *f)
{
    fputs(VERSION_LINE "Tinamou " TINAMOU_VERSION
                       ", a full-system emulator; the version above is the one whose command line "
                       "it follows\nCopyright (c) 2026 The Tinamou authors\n",
          f);
}
