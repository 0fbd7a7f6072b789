/* Small facts about the machine: -boot, -rtc, -uuid. */
#include "core/clock.h"
#include "hw/misc/fw_cfg.h"
#include "system/setup.h"

#include <string.h>
#include <time.h>

bool setup_boot(struct setup *s, struct error **errp)
{
    static const char *const keys[] = {"order",       "once",           "menu",   "splash",
                                       "splash-time", "reboot-timeout", "strict", NULL};
    struct opts *o = opts_parse(s->cli->boot ? s->cli->boot : "", "order");
    bool flag, ok;

    for (size_t i = 0; keys[i]; i++)
        opts_get(o, keys[i], NULL);
    ok = opts_get_bool(o, "menu", false, &flag, errp) &&
         opts_get_bool(o, "strict", false, &flag, errp) && opts_check_used(o, keys, errp);
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

static bool parse_rtc(struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"base", "clock", "driftfix", NULL};
    static const char *const clocks[] = {"host", "rt", "vm", NULL};
    const char *text = opts_get(o, "base", "utc"), *clock = opts_get(o, "clock", "host");
    ns_t base;

    opts_get(o, "driftfix", NULL);
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
    bool ok = parse_rtc(o, errp);

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
