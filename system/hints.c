/* Small facts about the machine: -boot, -rtc, -uuid. */
#include "core/clock.h"
#include "hw/misc/fw_cfg.h"
#include "system/setup.h"

#include <string.h>
#include <time.h>

/* Milliseconds, up to 16 bits' worth; -1 when it was not said or is "-1". */
static bool get_time(struct opts *o, const char *key, uint64_t most, int64_t *ms,
                     struct error **errp)
{
    uint64_t v = 0;

    *ms = -1;
    if (!strcmp(opts_get(o, key, "-1"), "-1"))
        return true;
    if (!opts_get_uint(o, key, most, 0, &v, errp))
        return false;
    *ms = (int64_t)v;
    return true;
}

/* Drives are letters, a to p, each once. */
static bool check_order(const char *key, const char *order, struct error **errp)
{
    for (const char *p = order; p && *p; p++) {
        if (*p < 'a' || *p > 'p') {
            error_set(errp,
                      "%s=%s: wanted letters of drives: a (floppy), c (disk), d (CD-ROM), "
                      "n (network)",
                      key, order);
            return false;
        }
        if (strchr(order, *p) != p) {
            error_set(errp, "%s=%s: drive '%c' is there twice", key, order, *p);
            return false;
        }
    }
    return true;
}

static const char *keep(struct setup *s, const char *text)
{
    return text ? setup_own(s, g_strdup(text)) : NULL;
}

bool setup_boot(struct setup *s, struct error **errp)
{
    static const char *const keys[] = {"order",       "once",           "menu",   "splash",
                                       "splash-time", "reboot-timeout", "strict", NULL};
    struct opts *o = opts_parse(s->cli->boot ? s->cli->boot : "", "order");
    const char *order = opts_get(o, "order", NULL), *once = opts_get(o, "once", NULL);
    bool ok = opts_get_bool(o, "menu", false, &s->cfg.boot.menu, errp) &&
              opts_get_bool(o, "strict", false, &s->cfg.boot.strict, errp) &&
              get_time(o, "splash-time", UINT16_MAX, &s->cfg.boot.splash_time, errp) &&
              get_time(o, "reboot-timeout", UINT16_MAX, &s->cfg.boot.reboot_timeout, errp) &&
              check_order("order", order, errp) && check_order("once", once, errp);

    s->cfg.boot.order = keep(s, order);
    s->cfg.boot.once = keep(s, once);
    s->cfg.boot.splash = keep(s, opts_get(o, "splash", NULL));
    ok = ok && opts_check_used(o, keys, errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-boot %s", s->cli->boot);
    return ok;
}

/* Nanoseconds since 1970 of the guest's clock chip now. */
static bool parse_rtc_base(const char *text, ns_t *base, struct error **errp)
{
    time_t now = time(NULL);
    struct tm tm = {0};
    const char *end;

    if (!strcmp(text, "utc")) {
        *base = (ns_t)now * G_GINT64_CONSTANT(1000000000);
        return true;
    }
    if (!strcmp(text, "localtime")) {
        localtime_r(&now, &tm);
        *base = ((ns_t)now + tm.tm_gmtoff) * G_GINT64_CONSTANT(1000000000);
        return true;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end) {
        tm = (struct tm){0};
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (!end || *end) {
        error_set(errp, "base=%s: wanted utc, localtime, or a date such as 2006-06-17T16:01:21",
                  text);
        return false;
    }
    *base = (ns_t)timegm(&tm) * G_GINT64_CONSTANT(1000000000);
    return true;
}

/* driftfix=slew is what a PC's clock calls lost_tick_policy. */
static bool parse_driftfix(struct setup *s, const char *text, struct error **errp)
{
    static const struct prop_global slew = {"mc146818rtc", "lost_tick_policy", "slew"};

    if (!strcmp(text, "slew"))
        g_array_append_val(s->globals, slew);
    else if (strcmp(text, "none")) {
        error_set(errp, "driftfix=%s: wanted none or slew", text);
        return false;
    }
    return true;
}

static bool parse_rtc(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"base", "clock", "driftfix", NULL};
    static const char *const clocks[] = {"host", "rt", "vm", NULL};
    const char *text = opts_get(o, "base", "utc"), *clock = opts_get(o, "clock", "host");
    ns_t base;

    if (!parse_driftfix(s, opts_get(o, "driftfix", "none"), errp))
        return false;
    if (!g_strv_contains(clocks, clock)) {
        const char *near = nearest_name(clock, clocks);
        error_set(errp, "clock=%s: no such clock; did you mean '%s'?", clock, near ? near : "host");
        return false;
    }
    if (!parse_rtc_base(text, &base, errp) || !opts_check_used(o, keys, errp))
        return false;
    if (strcmp(text, "utc") || !strcmp(clock, "vm"))
        clock_wall_set(base, !strcmp(clock, "vm"));
    return true;
}

bool setup_rtc(struct setup *s, struct error **errp)
{
    struct opts *o = opts_parse(s->cli->rtc ? s->cli->rtc : "", "base");
    bool ok = parse_rtc(s, o, errp);

    opts_free(o);
    if (!ok)
        error_prefix(errp, "-rtc %s", s->cli->rtc);
    return ok;
}

/* 16 bytes from "8-4-4-4-12" hexadecimal digits. */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    size_t n = 0;

    if (!g_uuid_string_is_valid(text))
        return false;
    for (const char *p = text; *p; p++)
        if (*p != '-') {
            uuid[n++] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
            p++;
        }
    return n == 16;
}

bool setup_uuid(struct setup *s, struct error **errp)
{
    uint8_t uuid[16] = {0};

    if (!s->cli->uuid)
        return true;
    if (!parse_uuid(s->cli->uuid, uuid)) {
        error_set(errp, "-uuid %s: wanted the form 12345678-1234-1234-1234-123456789abc",
                  s->cli->uuid);
        return false;
    }
    struct device *dev = fw_cfg_find(s->machine);
    if (dev)
        fw_cfg_set_item(dev, FW_CFG_UUID, uuid, sizeof(uuid));
    return true;
}
