/* Choosing an accelerator: -accel A -accel B, -machine accel=A:B, -enable-kvm, in that order. */
#include "accel/tcg/tcg.h"
#include "system/setup.h"

#include <string.h>

/* Names that exist elsewhere: a script's fallback list may hold them. */
static const char *const elsewhere[] = {"kvm",  "xen",  "hax",   "hvf", "whpx",
                                        "nvmm", "mshv", "qtest", NULL};

static void unknown_accel(const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const struct accel_ops *const *a = accel_list; *a; a++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)(*a)->name);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    error_set(errp, "no accelerator is named '%s'; did you mean '%s'?", name, near ? near : "tcg");
}

static void *make_props(const struct accel_ops *ops)
{
    void *props = g_malloc0(ops->props_size ? ops->props_size : 1);

    props_init(ops->props, props);
    return props;
}

/* Set k=v of one -accel. */
static bool set_props(struct setup *s, struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct opt_pair *p = &o->pair[i];
        if (strcmp(p->key, "accel") &&
            !props_set(s->accel->props, s->accel_props, p->key, p->value, errp))
            return false;
    }
    return true;
}

/* The first of names that this executable has; *unusable gets those it has heard of but cannot use.
 */
static bool choose(struct setup *s, char **names, GString *unusable, struct error **errp)
{
    for (; *names; names++) {
        const struct accel_ops *ops = accel_find(*names);
        if (!ops && !g_strv_contains(elsewhere, *names)) {
            unknown_accel(*names, errp);
            return false;
        }
        if (!ops)
            g_string_append_printf(unusable, "%s'%s'", unusable->len ? ", " : "", *names);
        else if (!s->accel)
            s->accel = ops;
    }
    return true;
}

static bool choose_from_options(struct setup *s, GString *unusable, struct error **errp)
{
    for (guint i = 0; i < s->cli->accel->len; i++) {
        const char *text = g_ptr_array_index(s->cli->accel, i);
        struct opts *o = opts_parse(text, "accel");
        const char *const name[] = {opts_get(o, "accel", NULL), NULL};
        bool had = s->accel != NULL;
        bool ok = name[0] && choose(s, (char **)(uintptr_t)name, unusable, errp);
        if (!name[0])
            error_set(errp, "wanted a name first, such as tcg");
        if (ok && s->accel && !strcmp(s->accel->name, name[0])) {
            if (!had)
                s->accel_props = make_props(s->accel);
            ok = set_props(s, o, errp);
        }
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-accel %s", text);
            return false;
        }
    }
    return true;
}

static bool choose_from_machine(struct setup *s, GString *unusable, struct error **errp)
{
    const char *list = NULL;

    for (guint i = 0; i < s->machine_opts->len; i++)
        list = opts_get(g_ptr_array_index(s->machine_opts, i), "accel", list);
    if (!list)
        return true;
    g_auto(GStrv) names = g_strsplit(list, ":", -1);
    if (choose(s, names, unusable, errp))
        return true;
    error_prefix(errp, "-machine accel=%s", list);
    return false;
}

static bool parse_icount(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"shift", "align", "sleep", "rr", NULL};
    const char *rr = opts_get(o, "rr", "none"), *text = opts_get(o, "shift", NULL);
    uint64_t shift;
    bool align, sleep;

    if (!text || !strcmp(text, "auto")) {
        error_set(errp, "wanted shift=N with a number from 0 to 10; it does not adapt to the host");
        return false;
    }
    if (!opts_get_uint(o, "shift", 10, 0, &shift, errp) ||
        !opts_get_bool(o, "align", false, &align, errp) ||
        !opts_get_bool(o, "sleep", true, &sleep, errp) || !opts_check_used(o, keys, errp))
        return false;
    if (align || strcmp(rr, "none")) {
        error_set(errp, align ? "align=on: virtual time is not held back to the host's"
                              : "rr=: runs are not recorded");
        return false;
    }
    if (s->accel != &tcg_accel_ops || s->cfg.max_cpus > 1) {
        error_set(errp, "instructions are counted for one processor only, and by -accel tcg");
        return false;
    }
    tcg_count_instructions(s->accel_props, (unsigned)shift, sleep);
    return true;
}

static bool apply_icount(struct setup *s, struct error **errp)
{
    if (!s->cli->icount)
        return true;
    struct opts *o = opts_parse(s->cli->icount, "shift");
    bool ok = parse_icount(s, o, errp);

    opts_free(o);
    if (!ok)
        error_prefix(errp, "-icount %s", s->cli->icount);
    return ok;
}

bool setup_accel(struct setup *s, struct error **errp)
{
    g_autoptr(GString) unusable = g_string_new(NULL);

    if (!choose_from_options(s, unusable, errp) || !choose_from_machine(s, unusable, errp))
        return false;
    if (!s->accel && unusable->len) {
        error_set(errp, "accelerator %s cannot run %s guests on this host; use or add -accel tcg",
                  unusable->str, s->arch->name);
        return false;
    }
    if (!s->accel)
        s->accel = accel_list[0];
    if (!s->accel_props)
        s->accel_props = make_props(s->accel);
    if (s->cli->perf_map && s->accel == &tcg_accel_ops)
        tcg_enable_perf_map();
    return apply_icount(s, errp);
}
