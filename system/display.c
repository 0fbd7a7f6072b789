/* The display card: -vga, and what a board has when nothing was said. */
#include "hw/registry.h"
#include "system/setup.h"
#include "util/log.h"

#include <stdio.h>
#include <string.h>

/* Names of -vga. Cards that others have are known, so that their answer is not a guess at a slip of
 * the pen. */
static const struct {
    const char *name, *desc; /* desc NULL: there is no such card here */
} cards[] = {{"none", "no display card"},
             {"std", "VGA with Bochs' display interface"},
             {"cirrus", NULL},
             {"vmware", NULL},
             {"qxl", NULL},
             {"virtio", NULL},
             {"ati", NULL},
             {"cg3", NULL},
             {"tcx", NULL},
             {"xenfb", NULL}};

static bool check_name(const char *name, struct error **errp)
{
    const char *names[G_N_ELEMENTS(cards) + 1] = {NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(cards); i++) {
        names[i] = cards[i].name;
        if (strcmp(name, names[i]))
            continue;
        if (!cards[i].desc)
            error_set(errp, "that card does not exist here; wanted std or none");
        return cards[i].desc;
    }
    const char *near = nearest_name(name, names);
    if (near)
        error_set(errp, "no such card; did you mean '%s'?", near);
    else
        error_set(errp, "no such card; wanted std or none");
    return false;
}

void display_vga_help(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cards); i++)
        if (cards[i].desc)
            printf("%-8s %s\n", cards[i].name, cards[i].desc);
}

/* Whether the user has named a card that shows the screen from power-on. */
static bool has_own_card(const struct setup *s)
{
    static const char *const types[] = {"VGA", "isa-vga", NULL};
    bool found = false;

    for (guint i = 0; !found && i < s->cli->device->len; i++) {
        struct error *err = NULL;
        struct opts *o = opts_parse_any(g_ptr_array_index(s->cli->device, i), "driver", &err);
        const char *name = o ? opts_get(o, "driver", "") : "";
        found = g_strv_contains(types, name);
        opts_free(o);
        error_free(err); /* setup_devices() says what is wrong */
    }
    return found;
}

bool setup_display(struct setup *s, struct error **errp)
{
    const char *vga = s->cli->vga, *type = s->cls->default_display;

    if (vga && !strcmp(vga, "none"))
        return true;
    if (vga && !check_name(vga, errp)) {
        error_prefix(errp, "-vga %s", vga);
        return false;
    }
    if (!type) {
        if (vga)
            log_warn("-vga %s: machine '%s' has no display of its own; a card is added by -device",
                     vga, s->cls->name);
        return true;
    }
    if (!vga && (s->cli->nodefaults || has_own_card(s)))
        return true;
    struct opts *o = opts_parse("", NULL);
    bool ok = device_create(s, type, o, errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-vga %s", vga ? vga : "std");
    return ok;
}
