/* Properties of network cards: the address and the back end. */
#include "net/net_priv.h"

#include <string.h>

enum { MAC_LEN = 6, MAC_CHARS = 17, MAC_POOL_FIRST = 0x56 };

/* Last bytes of 52:54:00:12:34:xx that are in use. */
static uint8_t taken[256];

bool net_parse_mac(const char *text, struct net_mac *mac, struct error **errp)
{
    uint8_t byte[MAC_LEN] = {0};
    bool ok = strlen(text) == MAC_CHARS;

    for (int i = 0; ok && i < MAC_CHARS; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        ok = i % 3 == 2 ? text[i] == ':' || text[i] == '-' : digit >= 0;
        if (ok && i % 3 != 2)
            byte[i / 3] = (uint8_t)(byte[i / 3] << 4 | digit);
    }
    if (!ok) {
        error_set(errp, "'%s' is not an Ethernet address, wanted the form 52:54:00:12:34:56", text);
        return false;
    }
    if (byte[0] & 1) {
        error_set(
            errp,
            "%s is a multicast address: the first byte must be even, such as 52:54:00:12:34:56",
            text);
        return false;
    }
    memcpy(mac->byte, byte, MAC_LEN);
    mac->set = true;
    return true;
}

void net_mac_settle(struct net_mac *mac)
{
    static const uint8_t prefix[MAC_LEN] = {0x52, 0x54, 0x00, 0x12, 0x34, MAC_POOL_FIRST};

    if (!mac->set) {
        memcpy(mac->byte, prefix, MAC_LEN);
        for (int n = 0; n < 255 && taken[mac->byte[5]]; n++)
            mac->byte[5]++;
        mac->set = true;
    }
    if (!memcmp(mac->byte, prefix, MAC_LEN - 1))
        taken[mac->byte[5]] = 1;
}

static bool parse_mac(void *field, const char *text, struct error **errp)
{
    return net_parse_mac(text, field, errp);
}

static void print_mac(const void *field, FILE *f)
{
    const uint8_t *b = ((const struct net_mac *)field)->byte;

    fprintf(f, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static bool parse_netdev(void *field, const char *text, struct error **errp)
{
    struct net_client **c = field;

    *c = net_find(text, errp);
    return *c != NULL;
}

static void print_netdev(const void *field, FILE *f)
{
    const struct net_client *c = *(struct net_client *const *)field;

    fprintf(f, "\"%s\"", c ? c->name : "");
}

/* Names another object: looked at again when the device is made. */
static bool realize_netdev(const struct prop *p UNUSED, struct device *dev UNUSED,
                           struct error **errp UNUSED)
{
    return true;
}

const struct prop_kind prop_mac = {"macaddr", parse_mac, print_mac, NULL, NULL};
const struct prop_kind prop_netdev = {"netdev", parse_netdev, print_netdev, NULL, realize_netdev};
