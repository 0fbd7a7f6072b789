/* SMBIOS tables.  Ref: DMTF DSP0134, System Management BIOS Reference Specification 3.6. */
#include "hw/misc/smbios.h"
#include "core/machine.h"
#include "hw/misc/fw_cfg.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

enum { ANCHOR_SIZE = 32, MAX_STRINGS = 16, UUID_SIZE = 16 };
enum {
    FIRMWARE = 0,
    SYSTEM = 1,
    BASEBOARD = 2,
    CHASSIS = 3,
    PROCESSOR = 4,
    OEM_STRINGS = 11,
    MEMORY_ARRAY = 16,
    MEMORY_DEVICE = 17,
    MAPPED_ARRAY = 19,
    BOOT_STATUS = 32,
    END_OF_TABLE = 127
};
/* Handles of the structures: the type's number in the upper byte. */
enum { HANDLE_SHIFT = 8, NO_HANDLE = 0xfffe };
static const uint64_t MAX_DEVICE = UINT64_C(16) << 30;

enum field {
    MANUFACTURER,
    PRODUCT,
    VERSION,
    SERIAL,
    UUID,
    SKU,
    FAMILY,
    ASSET,
    LOCATION,
    PREFIX, /* of the name of a socket or slot */
    PART,
    BANK,
    VENDOR,
    DATE,
    FIELDS
};

/* What -smbios type=N,KEY=VALUE may say. */
static const struct smbios_key {
    uint8_t type, field;
    const char *key;
} keys[] = {
    {FIRMWARE, VENDOR, "vendor"},
    {FIRMWARE, VERSION, "version"},
    {FIRMWARE, DATE, "date"},
    {SYSTEM, MANUFACTURER, "manufacturer"},
    {SYSTEM, PRODUCT, "product"},
    {SYSTEM, VERSION, "version"},
    {SYSTEM, SERIAL, "serial"},
    {SYSTEM, UUID, "uuid"},
    {SYSTEM, SKU, "sku"},
    {SYSTEM, FAMILY, "family"},
    {BASEBOARD, MANUFACTURER, "manufacturer"},
    {BASEBOARD, PRODUCT, "product"},
    {BASEBOARD, VERSION, "version"},
    {BASEBOARD, SERIAL, "serial"},
    {BASEBOARD, ASSET, "asset"},
    {BASEBOARD, LOCATION, "location"},
    {CHASSIS, MANUFACTURER, "manufacturer"},
    {CHASSIS, VERSION, "version"},
    {CHASSIS, SERIAL, "serial"},
    {CHASSIS, ASSET, "asset"},
    {CHASSIS, SKU, "sku"},
    {PROCESSOR, PREFIX, "sock_pfx"},
    {PROCESSOR, MANUFACTURER, "manufacturer"},
    {PROCESSOR, VERSION, "version"},
    {PROCESSOR, SERIAL, "serial"},
    {PROCESSOR, ASSET, "asset"},
    {PROCESSOR, PART, "part"},
    {OEM_STRINGS, FIELDS, "value"},
    {MEMORY_DEVICE, PREFIX, "loc_pfx"},
    {MEMORY_DEVICE, BANK, "bank"},
    {MEMORY_DEVICE, MANUFACTURER, "manufacturer"},
    {MEMORY_DEVICE, SERIAL, "serial"},
    {MEMORY_DEVICE, ASSET, "asset"},
    {MEMORY_DEVICE, PART, "part"},
};

struct table {
    GByteArray *b;
    guint start;
    const char *strings[MAX_STRINGS];
    unsigned nstrings, structures, longest;
    char *said[MEMORY_DEVICE + 1][FIELDS]; /* by options */
    bool wanted[MEMORY_DEVICE + 1];
    GPtrArray *oem;
};

static const char *said(const struct table *t, unsigned type, enum field f, const char *otherwise)
{
    return t->said[type][f] ? t->said[type][f] : otherwise;
}

static void u8(struct table *t, unsigned v)
{
    g_byte_array_append(t->b, &(uint8_t){(uint8_t)v}, 1);
}

static void put_le(struct table *t, uint64_t v, unsigned n)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    g_byte_array_append(t->b, bytes, n);
}

static void u16(struct table *t, unsigned v)
{
    put_le(t, v, 2);
}

static void u32(struct table *t, uint64_t v)
{
    put_le(t, v, 4);
}

static void zeros(struct table *t, unsigned n)
{
    while (n--)
        u8(t, 0);
}

/* A string's number; they follow the structure.  Ref: 6.1.3. */
static void string(struct table *t, const char *s)
{
    if (s == NULL || *s == 0 || t->nstrings == MAX_STRINGS) {
        u8(t, 0);
        return;
    }
    t->strings[t->nstrings++] = s;
    u8(t, t->nstrings);
}

static void begin(struct table *t, unsigned type, unsigned nth)
{
    t->start = t->b->len;
    t->nstrings = 0;
    u8(t, type);
    u8(t, 0); /* length */
    u16(t, type << HANDLE_SHIFT | nth);
}

static void close_structure(struct table *t)
{
    t->structures++;
    t->longest = MAX(t->longest, t->b->len - t->start);
}

static void end(struct table *t)
{
    t->b->data[t->start + 1] = (uint8_t)(t->b->len - t->start);
    for (unsigned i = 0; i < t->nstrings; i++)
        g_byte_array_append(t->b, (const uint8_t *)t->strings[i], (guint)strlen(t->strings[i]) + 1);
    zeros(t, t->nstrings ? 1 : 2);
    close_structure(t);
}

/* Ref: 7.1. */
static void put_firmware(struct table *t, const struct smbios_info *info)
{
    enum { IS_VM = 0x1000, IS_UEFI = 0x0800, IS_CONTENT = 0x0400 };
    begin(t, FIRMWARE, 0);
    string(t, said(t, FIRMWARE, VENDOR, NULL));
    string(t, said(t, FIRMWARE, VERSION, NULL));
    u16(t, 0); /* of a PC's address space */
    string(t, said(t, FIRMWARE, DATE, NULL));
    u8(t, 0);
    put_le(t, 1 << 3, 8); /* characteristics are not told, but these */
    u16(t, IS_VM | IS_CONTENT | (info->is_32_bit ? 0 : IS_UEFI));
    put_le(t, UINT32_MAX, 4); /* releases: none */
    end(t);
}

/* Ref: 7.2.1: the first three groups are little endian. */
static void put_uuid(struct table *t, const char *text)
{
    static const uint8_t order[UUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t raw[UUID_SIZE] = {0};
    for (unsigned n = 0; text && *text && n < 2 * UUID_SIZE; text++)
        if (*text != '-') {
            raw[n / 2] = (uint8_t)(raw[n / 2] << 4 | g_ascii_xdigit_value(*text));
            n++;
        }
    for (unsigned i = 0; i < UUID_SIZE; i++)
        u8(t, raw[order[i]]);
}

/* Ref: 7.2; a UUID of zeros is none. */
static void put_system(struct table *t, const struct smbios_info *info)
{
    begin(t, SYSTEM, 0);
    string(t, said(t, SYSTEM, MANUFACTURER, info->manufacturer));
    string(t, said(t, SYSTEM, PRODUCT, info->product));
    string(t, said(t, SYSTEM, VERSION, info->version));
    string(t, said(t, SYSTEM, SERIAL, NULL));
    put_uuid(t, said(t, SYSTEM, UUID, info->uuid));
    u8(t, 6); /* woken by the power switch */
    string(t, said(t, SYSTEM, SKU, NULL));
    string(t, said(t, SYSTEM, FAMILY, NULL));
    end(t);
}

/* Ref: 7.3. */
static void put_baseboard(struct table *t, const struct smbios_info *info)
{
    begin(t, BASEBOARD, 0);
    string(t, said(t, BASEBOARD, MANUFACTURER, info->manufacturer));
    string(t, said(t, BASEBOARD, PRODUCT, info->product));
    string(t, said(t, BASEBOARD, VERSION, info->version));
    string(t, said(t, BASEBOARD, SERIAL, NULL));
    string(t, said(t, BASEBOARD, ASSET, NULL));
    u8(t, 1); /* a hosting board */
    string(t, said(t, BASEBOARD, LOCATION, NULL));
    u16(t, CHASSIS << HANDLE_SHIFT);
    u8(t, 10); /* a motherboard */
    u8(t, 0);
    end(t);
}

/* Ref: 7.12. */
static void put_oem_strings(struct table *t)
{
    begin(t, OEM_STRINGS, 0);
    u8(t, t->oem->len);
    t->b->data[t->start + 1] = (uint8_t)(t->b->len - t->start);
    for (guint i = 0; i < t->oem->len; i++) {
        const char *s = g_ptr_array_index(t->oem, i);
        g_byte_array_append(t->b, (const uint8_t *)s, (guint)strlen(s) + 1);
    }
    zeros(t, 1);
    close_structure(t);
}

/* Ref: 7.4: of no known kind, its states safe. */
static void put_chassis(struct table *t, const struct smbios_info *info)
{
    begin(t, CHASSIS, 0);
    string(t, said(t, CHASSIS, MANUFACTURER, info->manufacturer));
    u8(t, 1); /* other */
    string(t, said(t, CHASSIS, VERSION, info->version));
    string(t, said(t, CHASSIS, SERIAL, NULL));
    string(t, said(t, CHASSIS, ASSET, NULL));
    u8(t, 3);
    u8(t, 3);
    u8(t, 3);
    u8(t, 2); /* security status: unknown */
    zeros(t, 4 + 2 + 2);
    string(t, said(t, CHASSIS, SKU, NULL));
    end(t);
}

/* Ref: 7.5. */
static void put_processor(struct table *t, const struct smbios_info *info, unsigned nth,
                          const char *socket)
{
    unsigned cores = info->cores, threads = info->cores * info->threads;
    begin(t, PROCESSOR, nth);
    string(t, socket);
    u8(t, 3); /* central processor */
    u8(t, 1); /* family: other */
    string(t, said(t, PROCESSOR, MANUFACTURER, info->manufacturer));
    zeros(t, 8);
    string(t, said(t, PROCESSOR, VERSION, info->processor));
    u8(t, 0);
    u16(t, 0);
    u16(t, 2000); /* MHz, at most and now */
    u16(t, 2000);
    u8(t, 0x41); /* populated, enabled */
    u8(t, 1);
    u16(t, 0xffff); /* caches: not told */
    u16(t, 0xffff);
    u16(t, 0xffff);
    string(t, said(t, PROCESSOR, SERIAL, NULL));
    string(t, said(t, PROCESSOR, ASSET, NULL));
    string(t, said(t, PROCESSOR, PART, NULL));
    u8(t, MIN(cores, 255));
    u8(t, MIN(cores, 255));
    u8(t, MIN(threads, 255));
    u16(t, 2); /* characteristics: unknown */
    u16(t, 1);
    u16(t, cores);
    u16(t, cores);
    u16(t, threads);
    end(t);
}

static unsigned memory_devices(const struct smbios_info *info)
{
    return (unsigned)((info->ram_size + MAX_DEVICE - 1) / MAX_DEVICE);
}

/* Ref: 7.17. */
static void put_memory_array(struct table *t, const struct smbios_info *info)
{
    uint64_t kib = info->ram_size >> 10;
    begin(t, MEMORY_ARRAY, 0);
    u8(t, 1); /* other location */
    u8(t, 3); /* system memory */
    u8(t, 6); /* multi-bit ECC */
    u32(t, kib < 0x80000000 ? kib : 0x80000000);
    u16(t, NO_HANDLE);
    u16(t, memory_devices(info));
    put_le(t, kib < 0x80000000 ? 0 : info->ram_size, 8);
    end(t);
}

/* Ref: 7.18. */
static void put_memory_device(struct table *t, const struct smbios_info *info, unsigned nth,
                              const char *slot)
{
    uint64_t size = MIN(info->ram_size - nth * MAX_DEVICE, MAX_DEVICE);
    begin(t, MEMORY_DEVICE, nth);
    u16(t, MEMORY_ARRAY << HANDLE_SHIFT);
    u16(t, NO_HANDLE);
    u16(t, 0xffff); /* widths: unknown */
    u16(t, 0xffff);
    u16(t, (unsigned)(size >> 20));
    u8(t, 9); /* a DIMM */
    u8(t, 0);
    string(t, slot);
    string(t, said(t, MEMORY_DEVICE, BANK, NULL));
    u8(t, 7); /* RAM */
    u16(t, 2);
    u16(t, 0);
    string(t, said(t, MEMORY_DEVICE, MANUFACTURER, info->manufacturer));
    string(t, said(t, MEMORY_DEVICE, SERIAL, NULL));
    string(t, said(t, MEMORY_DEVICE, ASSET, NULL));
    string(t, said(t, MEMORY_DEVICE, PART, NULL));
    u8(t, 0);
    u32(t, 0);
    zeros(t, 8);
    end(t);
}

/* Ref: 7.20. */
static void put_mapping(struct table *t, unsigned nth, uint64_t base, uint64_t size)
{
    begin(t, MAPPED_ARRAY, nth);
    u32(t, UINT32_MAX); /* see the wide ones */
    u32(t, UINT32_MAX);
    u16(t, MEMORY_ARRAY << HANDLE_SHIFT);
    u8(t, 1);
    put_le(t, base, 8);
    put_le(t, base + size - 1, 8);
    end(t);
}

static void put_last(struct table *t)
{
    begin(t, BOOT_STATUS, 0);
    zeros(t, 6 + 1); /* no error */
    end(t);
    begin(t, END_OF_TABLE, 0);
    end(t);
}

static void put_all(struct table *t, const struct smbios_info *info)
{
    if (t->wanted[FIRMWARE])
        put_firmware(t, info);
    put_system(t, info);
    if (t->wanted[BASEBOARD])
        put_baseboard(t, info);
    put_chassis(t, info);
    for (unsigned i = 0; i < info->sockets; i++) {
        g_autofree char *name = g_strdup_printf("%s %u", said(t, PROCESSOR, PREFIX, "CPU"), i);
        put_processor(t, info, i, name);
    }
    if (t->oem->len)
        put_oem_strings(t);
    put_memory_array(t, info);
    for (unsigned i = 0; i < memory_devices(info); i++) {
        g_autofree char *name = g_strdup_printf("%s %u", said(t, MEMORY_DEVICE, PREFIX, "DIMM"), i);
        put_memory_device(t, info, i, name);
    }
    put_mapping(t, 0, info->ram_base, info->ram_size - info->high_size);
    if (info->high_size)
        put_mapping(t, 1, info->high_base, info->high_size);
    put_last(t);
}

static uint8_t minus_sum(const uint8_t *p, unsigned n)
{
    uint8_t sum = 0;
    while (n--)
        sum += *p++;
    return (uint8_t)-sum;
}

/* The entry points; firmware fills in the address.  Ref: 5.2.2. */
static unsigned make_anchor_64(uint8_t *out, const struct table *t)
{
    enum { SIZE = 24 };
    memset(out, 0, SIZE);
    memcpy(out, "_SM3_", 5);
    out[6] = SIZE;
    out[7] = 3; /* version 3.0 */
    out[10] = 1;
    st_le32(out + 12, t->b->len);
    out[5] = minus_sum(out, SIZE);
    return SIZE;
}

/* Ref: 5.2.1. */
static unsigned make_anchor_32(uint8_t *out, const struct table *t)
{
    enum { SIZE = 31, MIDDLE = 16, MIDDLE_SIZE = 15 };
    memset(out, 0, SIZE);
    memcpy(out, "_SM_", 4);
    out[5] = SIZE;
    out[6] = 2; /* version 2.8 */
    out[7] = 8;
    st_le16(out + 8, (uint16_t)t->longest);
    memcpy(out + MIDDLE, "_DMI_", 5);
    st_le16(out + 22, (uint16_t)t->b->len);
    st_le16(out + 28, (uint16_t)t->structures);
    out[30] = 0x28;
    out[MIDDLE + 5] = minus_sum(out + MIDDLE, MIDDLE_SIZE);
    out[4] = minus_sum(out, SIZE);
    return SIZE;
}

/* ---- options ---- */

static const struct smbios_key *find_key(uint64_t type, const char *key, struct error **errp)
{
    const char *names[G_N_ELEMENTS(keys) + 1];
    size_t n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].type != type)
            continue;
        if (opts_key_equal(keys[i].key, key))
            return &keys[i];
        names[n++] = keys[i].key;
    }
    names[n] = NULL;
    if (n == 0) {
        error_set(errp, "type=%u: wanted 0, 1, 2, 3, 4, 11 or 17", (unsigned)type);
        return NULL;
    }
    const char *near = nearest_name(key, names);
    error_set(errp, "structure %u has no '%s'; did you mean '%s'?", (unsigned)type, key,
              near ? near : names[0]);
    return NULL;
}

static bool say(struct table *t, uint64_t type, const struct opt_pair *p, struct error **errp)
{
    const struct smbios_key *k = find_key(type, p->key, errp);
    if (k == NULL)
        return false;
    if (k->field == FIELDS) {
        g_ptr_array_add(t->oem, g_strdup(p->value));
        return true;
    }
    if (k->field == UUID && !g_uuid_string_is_valid(p->value)) {
        error_set(errp, "uuid=%s: wanted the form 12345678-1234-1234-1234-123456789abc", p->value);
        return false;
    }
    g_free(t->said[type][k->field]);
    t->said[type][k->field] = g_strdup(p->value);
    return true;
}

static bool parse(struct table *t, const char *text, struct error **errp)
{
    struct opts *o = opts_parse(text, NULL);
    uint64_t type = 0;
    bool ok = false;
    if (opts_get(o, "file", NULL))
        error_set(errp, "file=: tables from a file are not supported; wanted type=N,KEY=VALUE");
    else if (opts_get(o, "type", NULL) == NULL)
        error_set(errp, "wanted type=N,KEY=VALUE");
    else
        ok = opts_get_uint(o, "type", 127, 0, &type, errp);
    if (ok && type <= MEMORY_DEVICE)
        t->wanted[type] = true;
    for (size_t i = 0; ok && i < o->n; i++)
        ok = strcmp(o->pair[i].key, "type") == 0 || say(t, type, &o->pair[i], errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-smbios %s", text);
    return ok;
}

static void fini(struct table *t)
{
    for (unsigned type = 0; type <= MEMORY_DEVICE; type++)
        for (unsigned f = 0; f < FIELDS; f++)
            g_free(t->said[type][f]);
    g_ptr_array_unref(t->oem);
    g_byte_array_unref(t->b);
}

struct smbios_info smbios_describe(const struct machine *m)
{
    const struct machine_config *cfg = &m->cfg;
    return (struct smbios_info){
        .options = cfg->smbios,
        .uuid = cfg->uuid,
        .manufacturer = "Tinamou",
        .product = m->cls->desc,
        .version = m->cls->name,
        .sockets = MAX(cfg->sockets, 1),
        .cores = MAX(cfg->cores, 1),
        .threads = MAX(cfg->threads, 1),
        .processor = cfg->cpu_model ? cfg->cpu_model : m->cls->default_cpu,
        .ram_size = cfg->ram_size,
    };
}

bool smbios_deliver(const struct smbios_info *info, struct device *fw_cfg, struct error **errp)
{
    struct table t = {.b = g_byte_array_new(), .oem = g_ptr_array_new_with_free_func(g_free)};
    uint8_t anchor[ANCHOR_SIZE];
    bool ok = true;
    for (const char *const *o = info->options; ok && o && *o; o++)
        ok = parse(&t, *o, errp);
    if (ok)
        put_all(&t, info);
    bool is_32_bit = info->is_32_bit && !info->has_long_entry && t.b->len <= UINT16_MAX;
    unsigned size = is_32_bit ? make_anchor_32(anchor, &t) : make_anchor_64(anchor, &t);
    ok = ok && fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", t.b->data, t.b->len, errp) &&
         fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, size, errp);
    fini(&t);
    return ok;
}
