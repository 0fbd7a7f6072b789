/*
 * -readconfig: options in a file, and -set: one value of an option that was given before.
 *
 * A file has groups, each one use of an option, with the option's keys below:
 *
 *     # comment
 *     [device "net0"]
 *       driver = "virtio-net-pci"
 *       mac = "52:54:00:12:34:56"
 */
#include "system/cli.h"

#include "core/loader.h"
#include "util/optparse.h"

#include <string.h>

enum { MAX_CONFIG_FILE = 1 << 20 };

/* Groups that are not called as their option is. */
static const struct alias {
    const char *group, *option;
} aliases[] = {
    {"memory", "m"},
    {"smp-opts", "smp"},
    {"boot-opts", "boot"},
};

static bool takes_keys(const struct cli_option *row)
{
    return row && row->args &&
           (row->how == CLI_TEXT || row->how == CLI_LIST || row->how == CLI_CALL ||
            row->how == CLI_REFUSE);
}

static const struct cli_option *find_group(const char *group, struct error **errp)
{
    const char *name = group;

    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (!strcmp(group, aliases[i].group))
            name = aliases[i].option;
    const struct cli_option *row = cli_find(name);
    if (takes_keys(row) && strcmp(name, "readconfig"))
        return row;
    error_set(errp,
              "there is no group '%s'; groups are called as options are, such as "
              "device, drive, netdev or machine",
              group);
    return NULL;
}

/* A group that is being read. */
struct group {
    const struct cli_option *row;
    char *name;
    GString *text; /* as the option's argument: key=value,... */
};

static void append_pair(GString *text, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", key, escaped);
}

static bool end_group(struct cli *cli, struct group *g, struct error **errp)
{
    bool ok =
        !g->row || cli_apply(cli, g->row, g_string_chunk_insert(cli->texts, g->text->str), errp);

    g->row = NULL;
    g_string_truncate(g->text, 0);
    return ok;
}

/* [name] or [name "id"] */
static bool begin_group(struct group *g, const char *line, struct error **errp)
{
    g_autoptr(GRegex) shape =
        g_regex_new("^\\[\\s*([\\w-]+)(?:\\s+\"([^\"]+)\")?\\s*\\]$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!g_regex_match(shape, line, 0, &match)) {
        error_set(errp, "wanted [GROUP] or [GROUP \"ID\"], found '%s'", line);
        return false;
    }
    g_autofree char *name = g_match_info_fetch(match, 1), *id = g_match_info_fetch(match, 2);
    g->row = find_group(name, errp);
    if (g->row && id && *id)
        append_pair(g->text, "id", id);
    return g->row != NULL;
}

/* key = "value" */
static bool add_pair(struct group *g, const char *line, struct error **errp)
{
    g_autoptr(GRegex) shape = g_regex_new("^([\\w.-]+)\\s*=\\s*\"([^\"]*)\"$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!g_regex_match(shape, line, 0, &match)) {
        error_set(errp, "wanted KEY = \"VALUE\", found '%s'", line);
        return false;
    }
    if (!g->row) {
        error_set(errp, "'%s' stands before any [GROUP]", line);
        return false;
    }
    g_autofree char *key = g_match_info_fetch(match, 1), *value = g_match_info_fetch(match, 2);
    append_pair(g->text, key, value);
    return true;
}

static bool read_line(struct cli *cli, struct group *g, char *line, struct error **errp)
{
    g_strstrip(line);
    if (!*line || *line == '#')
        return true;
    if (*line != '[')
        return add_pair(g, line, errp);
    return end_group(cli, g, errp) && begin_group(g, line, errp);
}

static bool read_lines(struct cli *cli, char **lines, struct error **errp)
{
    struct group g = {.text = g_string_new(NULL)};
    unsigned n = 0, first = 0;
    bool ok = true;

    for (; ok && lines[n]; n++) {
        const char *start = lines[n] + strspn(lines[n], " \t");
        ok = read_line(cli, &g, lines[n], errp);
        if (ok && *start == '[')
            first = n;
        else if (!ok && *start == '[' && !g.row)
            first = n;
    }
    if (ok && !(ok = end_group(cli, &g, errp)))
        n = first + 1;
    if (!ok)
        error_prefix(errp, "line %u", n);
    g_string_free(g.text, TRUE);
    return ok;
}

bool config_read(struct cli *cli, const char *path, struct error **errp)
{
    size_t len;
    g_autofree char *text = (char *)load_file(path, MAX_CONFIG_FILE, &len, errp);

    if (!text)
        return false;
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    return read_lines(cli, lines, errp);
}

/* The text of the option of that group whose id it is, NULL: none. */
static char **find_item(struct cli *cli, const struct cli_option *row, const char *id)
{
    GPtrArray *list = *(GPtrArray **)(void *)((char *)cli + row->off);

    for (guint i = 0; i < list->len; i++) {
        char **text = (char **)&g_ptr_array_index(list, i);
        struct opts *o = **text == '{' ? NULL : opts_parse(*text, NULL);
        bool found = o && !strcmp(opts_get(o, "id", ""), id);
        if (o)
            opts_free(o);
        if (found)
            return text;
    }
    return NULL;
}

bool config_set(struct cli *cli, const char *arg, struct error **errp)
{
    g_autoptr(GRegex) shape = g_regex_new("^([^.]+)\\.([^.]+)\\.([^=]+)=(.*)$", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    if (!g_regex_match(shape, arg, 0, &match)) {
        error_set(errp, "wanted GROUP.ID.KEY=VALUE, such as device.net0.mac=52:54:00:12:34:56");
        return false;
    }
    g_autofree char *group = g_match_info_fetch(match, 1), *id = g_match_info_fetch(match, 2);
    g_autofree char *key = g_match_info_fetch(match, 3), *value = g_match_info_fetch(match, 4);
    const struct cli_option *row = find_group(group, errp);
    if (!row)
        return false;
    char **item = row->how == CLI_LIST ? find_item(cli, row, id) : NULL;
    if (!item) {
        error_set(errp, "no -%s before it has id=%s", row->name, id);
        return false;
    }
    GString *text = g_string_new(*item);
    append_pair(text, key, value);
    g_free(*item);
    *item = g_string_free(text, FALSE);
    return true;
}
