/* SMBIOS tables.  Ref: DMTF DSP0134, System Management BIOS Reference Specification 3.6. */
#include "hw/misc/smbios.h"
#include "hw/misc/fw_cfg.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { ANCHOR_SIZE = 24, MAX_STRINGS = 8, UUID_SIZE = 16 };
enum {
    SYSTEM = 1,
    CHASSIS = 3,
    PROCESSOR = 4,
    MEMORY_ARRAY = 16,
    MEMORY_DEVICE = 17,
    MAPPED_ARRAY = 19,
    BOOT_STATUS = 32,
    END_OF_TABLE = 127
};
/* Handles of the structures: the type's number in the upper byte. */
enum { HANDLE_SHIFT = 8, NO_HANDLE = 0xfffe };
static const uint64_t MAX_DEVICE = UINT64_C(16) << 30;

struct table {
    GByteArray *b;
    guint start;
    const char *strings[MAX_STRINGS];
    unsigned nstrings;
};

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

static void end(struct table *t)
{
    t->b->data[t->start + 1] = (uint8_t)(t->b->len - t->start);
    for (unsigned i = 0; i < t->nstrings; i++)
        g_byte_array_append(t->b, (const uint8_t *)t->strings[i], (guint)strlen(t->strings[i]) + 1);
    zeros(t, t->nstrings ? 1 : 2);
}

/* Ref: 7.2; the firmware fills in a UUID of its own when this one is zero. */
static void put_system(struct table *t, const struct smbios_info *info)
{
    begin(t, SYSTEM, 0);
    string(t, info->manufacturer);
    string(t, info->product);
    string(t, info->version);
    string(t, NULL); /* serial number */
    zeros(t, UUID_SIZE);
    u8(t, 6); /* woken by the power switch */
    string(t, NULL);
    string(t, NULL);
    end(t);
}

/* Ref: 7.4: of no known kind, its states safe. */
static void put_chassis(struct table *t, const struct smbios_info *info)
{
    begin(t, CHASSIS, 0);
    string(t, info->manufacturer);
    u8(t, 1); /* other */
    string(t, info->version);
    zeros(t, 2);
    u8(t, 3);
    u8(t, 3);
    u8(t, 3);
    u8(t, 2); /* security status: unknown */
    zeros(t, 4 + 2 + 2 + 1);
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
    string(t, info->manufacturer);
    zeros(t, 8);
    string(t, info->processor);
    u8(t, 0);
    u16(t, 0);
    u16(t, 2000); /* MHz, at most and now */
    u16(t, 2000);
    u8(t, 0x41); /* populated, enabled */
    u8(t, 1);
    u16(t, 0xffff); /* caches: not told */
    u16(t, 0xffff);
    u16(t, 0xffff);
    zeros(t, 3);
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
    string(t, NULL);
    u8(t, 7); /* RAM */
    u16(t, 2);
    u16(t, 0);
    string(t, info->manufacturer);
    zeros(t, 3); /* serial number, asset tag, part number */
    u8(t, 0);
    u32(t, 0);
    zeros(t, 8);
    end(t);
}

/* Ref: 7.20. */
static void put_mapping(struct table *t, const struct smbios_info *info)
{
    begin(t, MAPPED_ARRAY, 0);
    u32(t, UINT32_MAX); /* see the wide ones */
    u32(t, UINT32_MAX);
    u16(t, MEMORY_ARRAY << HANDLE_SHIFT);
    u8(t, 1);
    put_le(t, info->ram_base, 8);
    put_le(t, info->ram_base + info->ram_size - 1, 8);
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
    put_system(t, info);
    put_chassis(t, info);
    for (unsigned i = 0; i < info->sockets; i++) {
        g_autofree char *name = g_strdup_printf("CPU %u", i);
        put_processor(t, info, i, name);
    }
    put_memory_array(t, info);
    for (unsigned i = 0; i < memory_devices(info); i++) {
        g_autofree char *name = g_strdup_printf("DIMM %u", i);
        put_memory_device(t, info, i, name);
    }
    put_mapping(t, info);
    put_last(t);
}

/* The 64-bit entry point; firmware fills in the address.  Ref: 5.2.2. */
static void make_anchor(uint8_t out[ANCHOR_SIZE], uint32_t len)
{
    uint8_t sum = 0;
    memset(out, 0, ANCHOR_SIZE);
    memcpy(out, "_SM3_", 5);
    out[6] = ANCHOR_SIZE;
    out[7] = 3; /* version 3.0 */
    out[10] = 1;
    st_le32(out + 12, len);
    for (unsigned i = 0; i < ANCHOR_SIZE; i++)
        sum += out[i];
    out[5] = (uint8_t)-sum;
}

bool smbios_deliver(const struct smbios_info *info, struct device *fw_cfg, struct error **errp)
{
    struct table t = {.b = g_byte_array_new()};
    uint8_t anchor[ANCHOR_SIZE];
    put_all(&t, info);
    make_anchor(anchor, t.b->len);
    bool ok = fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", t.b->data, t.b->len, errp) &&
              fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor), errp);
    g_byte_array_unref(t.b);
    return ok;
}
