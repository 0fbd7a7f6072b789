/* Writing AML.  Ref: ACPI Specification 6.5, chapter 20; resource descriptors, 6.4. */
#include "hw/acpi/aml.h"
#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e,
    OP_MULTI_NAME = 0x2f,
    OP_EXT = 0x5b,
    OP_LOCAL0 = 0x60,
    OP_ARG0 = 0x68,
    OP_CREATE_DWORD = 0x8a,
    OP_IF = 0xa0,
    OP_ELSE = 0xa1,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
};
enum { MAX_DEPTH = 32, SEGMENT = 4, MAX_SEGMENTS = 16, METHOD_SERIALIZED = 8 };
enum { FIELD_BYTE_ACCESS = 1, FIELD_DWORD_ACCESS = 3 };

struct aml {
    GByteArray *b;
    struct open_term {
        guint length_at; /* where its length is inserted */
        bool is_template;
        guint data_at; /* of a template: where the buffer's size goes */
    } open[MAX_DEPTH];
    unsigned depth;
};

struct aml *aml_new(void)
{
    struct aml *a = g_new0(struct aml, 1);
    a->b = g_byte_array_new();
    return a;
}

void aml_free(struct aml *a)
{
    if (a == NULL)
        return;
    g_byte_array_unref(a->b);
    g_free(a);
}

const uint8_t *aml_bytes(const struct aml *a, size_t *len)
{
    assert(a->depth == 0);
    *len = a->b->len;
    return a->b->data;
}

static void put(struct aml *a, const void *data, size_t n)
{
    g_byte_array_append(a->b, data, (guint)n);
}

static void put8(struct aml *a, unsigned v)
{
    put(a, &(uint8_t){(uint8_t)v}, 1);
}

/* The low n bytes of v, little endian. */
static void put_le(struct aml *a, uint64_t v, unsigned n)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    put(a, bytes, n);
}

static void insert(struct aml *a, guint at, const uint8_t *data, guint n)
{
    guint tail = a->b->len - at;
    g_byte_array_set_size(a->b, a->b->len + n);
    memmove(a->b->data + at + n, a->b->data + at, tail);
    memcpy(a->b->data + at, data, n);
}

/* Ref: 20.2.4: a length counts its own bytes. */
static guint encode_length(uint8_t out[4], guint n)
{
    guint bytes = n + 1 < 0x40 ? 1 : n + 2 < 0x1000 ? 2 : n + 3 < 0x100000 ? 3 : 4;
    n += bytes;
    assert(n < 0x10000000);
    if (bytes == 1) {
        out[0] = (uint8_t)n;
        return 1;
    }
    out[0] = (uint8_t)((bytes - 1) << 6 | (n & 0xf));
    for (guint i = 1; i < bytes; i++)
        out[i] = (uint8_t)(n >> (8 * i - 4));
    return bytes;
}

static void begin(struct aml *a)
{
    assert(a->depth < MAX_DEPTH);
    a->open[a->depth++] = (struct open_term){.length_at = a->b->len};
}

/* Ref: 20.2.2: segments are padded with underscores. */
static void put_name(struct aml *a, const char *name)
{
    char segments[MAX_SEGMENTS][SEGMENT + 1];
    unsigned n = 0;
    for (; *name == '\\' || *name == '^'; name++)
        put8(a, (uint8_t)*name);
    while (*name) {
        size_t len = strcspn(name, ".");
        assert(len <= SEGMENT && n < MAX_SEGMENTS);
        memset(segments[n], '_', SEGMENT);
        memcpy(segments[n++], name, len);
        name += len + (name[len] == '.');
    }
    if (n == 0)
        put8(a, OP_ZERO);
    else if (n == 2)
        put8(a, OP_DUAL_NAME);
    else if (n > 2) {
        put8(a, OP_MULTI_NAME);
        put8(a, n);
    }
    for (unsigned i = 0; i < n; i++)
        put(a, segments[i], SEGMENT);
}

void aml_scope_begin(struct aml *a, const char *name)
{
    put8(a, OP_SCOPE);
    begin(a);
    put_name(a, name);
}

void aml_device_begin(struct aml *a, const char *name)
{
    put8(a, OP_EXT);
    put8(a, EXT_DEVICE);
    begin(a);
    put_name(a, name);
}

void aml_method_begin(struct aml *a, const char *name, unsigned args, bool serialized)
{
    put8(a, OP_METHOD);
    begin(a);
    put_name(a, name);
    put8(a, args | (serialized ? METHOD_SERIALIZED : 0));
}

void aml_package_begin(struct aml *a, uint8_t elements)
{
    put8(a, OP_PACKAGE);
    begin(a);
    put8(a, elements);
}

void aml_if_begin(struct aml *a)
{
    put8(a, OP_IF);
    begin(a);
}

void aml_else_begin(struct aml *a)
{
    put8(a, OP_ELSE);
    begin(a);
}

void aml_resources_begin(struct aml *a)
{
    put8(a, OP_BUFFER);
    begin(a);
    a->open[a->depth - 1].is_template = true;
    a->open[a->depth - 1].data_at = a->b->len;
}

/* The end tag (its checksum 0: not checked), and the size in front of the data. */
static void close_template(struct aml *a, const struct open_term *t)
{
    uint8_t size[3] = {OP_WORD};
    put8(a, 0x79);
    put8(a, 0);
    st_le16(size + 1, (uint16_t)(a->b->len - t->data_at));
    insert(a, t->data_at, size, sizeof(size));
}

void aml_end(struct aml *a)
{
    uint8_t length[4];
    assert(a->depth > 0);
    const struct open_term *t = &a->open[--a->depth];
    if (t->is_template)
        close_template(a, t);
    guint n = encode_length(length, a->b->len - t->length_at);
    insert(a, t->length_at, length, n);
}

void aml_name(struct aml *a, const char *name)
{
    put8(a, OP_NAME);
    put_name(a, name);
}

void aml_int(struct aml *a, uint64_t v)
{
    if (v <= 1) {
        put8(a, v ? OP_ONE : OP_ZERO);
        return;
    }
    unsigned n = v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    put8(a, n == 1 ? OP_BYTE : n == 2 ? OP_WORD : n == 4 ? OP_DWORD : OP_QWORD);
    put_le(a, v, n);
}

void aml_string(struct aml *a, const char *s)
{
    put8(a, OP_STRING);
    put(a, s, strlen(s) + 1);
}

void aml_buffer(struct aml *a, const void *data, size_t len)
{
    put8(a, OP_BUFFER);
    begin(a);
    aml_int(a, len);
    put(a, data, len);
    aml_end(a);
}

/* Ref: 19.6.142 (ToUUID): the first three groups are little endian. */
void aml_uuid(struct aml *a, const char *text)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t raw[16], out[16];
    unsigned n = 0;
    for (; *text && n < 32; text++) {
        if (!g_ascii_isxdigit(*text))
            continue;
        raw[n / 2] = (uint8_t)(n % 2 ? raw[n / 2] << 4 : 0) | (uint8_t)g_ascii_xdigit_value(*text);
        n++;
    }
    assert(n == 32);
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = raw[order[i]];
    aml_buffer(a, out, sizeof(out));
}

void aml_path(struct aml *a, const char *name)
{
    put_name(a, name);
}

void aml_arg(struct aml *a, unsigned n)
{
    put8(a, OP_ARG0 + n);
}

void aml_local(struct aml *a, unsigned n)
{
    put8(a, OP_LOCAL0 + n);
}

void aml_name_int(struct aml *a, const char *name, uint64_t v)
{
    aml_name(a, name);
    aml_int(a, v);
}

void aml_name_string(struct aml *a, const char *name, const char *s)
{
    aml_name(a, name);
    aml_string(a, s);
}

/* Ref: 19.3.4 (EISAID): three letters of 5 bits and four digits of 4, big endian. */
void aml_name_eisaid(struct aml *a, const char *name, const char *id)
{
    uint8_t bytes[4];
    uint32_t v = (uint32_t)(id[0] & 0x1f) << 26 | (uint32_t)(id[1] & 0x1f) << 21 |
                 (uint32_t)(id[2] & 0x1f) << 16 | (uint32_t)strtoul(id + 3, NULL, 16);
    st_be32(bytes, v);
    aml_name_int(a, name, ld_le32(bytes));
}

void aml_op(struct aml *a, enum aml_op op)
{
    put8(a, op);
}

void aml_no_target(struct aml *a)
{
    put8(a, OP_ZERO);
}

void aml_create_dword(struct aml *a)
{
    put8(a, OP_CREATE_DWORD);
}

void aml_region(struct aml *a, const char *name, enum aml_space space, uint64_t base, uint64_t len)
{
    put8(a, OP_EXT);
    put8(a, EXT_REGION);
    put_name(a, name);
    put8(a, space);
    aml_int(a, base);
    aml_int(a, len);
}

static void put_fields(struct aml *a, const char *region, unsigned access,
                       const struct aml_field *fields)
{
    put8(a, OP_EXT);
    put8(a, EXT_FIELD);
    begin(a);
    put_name(a, region);
    put8(a, access);
    for (; fields->name; fields++) {
        uint8_t length[4];
        assert(fields->bits < 0x3f);
        put_name(a, fields->name);
        length[0] = (uint8_t)fields->bits; /* encoded as a length, but it does not count itself */
        put(a, length, 1);
    }
    aml_end(a);
}

void aml_dword_fields(struct aml *a, const char *region, const struct aml_field *fields)
{
    put_fields(a, region, FIELD_DWORD_ACCESS, fields);
}

void aml_byte_fields(struct aml *a, const char *region, const struct aml_field *fields)
{
    put_fields(a, region, FIELD_BYTE_ACCESS, fields);
}

/* ---- resources ---- */

enum { LARGE_MEMORY32_FIXED = 0x86, LARGE_DWORD = 0x87, LARGE_WORD = 0x88, LARGE_IRQ = 0x89 };
enum { LARGE_QWORD = 0x8a, TYPE_MEMORY = 0, TYPE_IO = 1, TYPE_BUS = 2 };
enum { RANGE_FIXED = 0x0c /* base and end do not move */, MEMORY_READ_WRITE = 0x01, IO_ENTIRE = 3 };
enum { IRQ_CONSUMER = 0x01, IRQ_EDGE = 0x02, IRQ_SHARED = 0x08 };
enum { SMALL_IRQ = 0x22, SMALL_DMA = 0x2a, SMALL_PORTS = 0x47, PORTS_DECODE_16 = 1 };
enum { IO_TRANSLATION_STATIC = 0x10 /* bus I/O is memory to the processor */ };

void aml_memory32_fixed(struct aml *a, uint32_t base, uint32_t len)
{
    put8(a, LARGE_MEMORY32_FIXED);
    put_le(a, 9, 2);
    put8(a, 1); /* writable */
    put_le(a, base, 4);
    put_le(a, len, 4);
}

void aml_irq(struct aml *a, uint32_t gsi, bool edge)
{
    put8(a, LARGE_IRQ);
    put_le(a, 6, 2);
    put8(a, IRQ_CONSUMER | (edge ? IRQ_EDGE : 0));
    put8(a, 1);
    put_le(a, gsi, 4);
}

void aml_shared_irq(struct aml *a, const uint32_t *gsi, uint8_t n)
{
    put8(a, LARGE_IRQ);
    put_le(a, 2 + 4U * n, 2);
    put8(a, IRQ_CONSUMER | IRQ_SHARED);
    put8(a, n);
    for (unsigned i = 0; i < n; i++)
        put_le(a, gsi[i], 4);
}

void aml_ports(struct aml *a, uint16_t base, uint8_t len)
{
    put8(a, SMALL_PORTS);
    put8(a, PORTS_DECODE_16);
    put_le(a, base, 2);
    put_le(a, base, 2);
    put8(a, 1);
    put8(a, len);
}

void aml_isa_irq(struct aml *a, unsigned line)
{
    put8(a, SMALL_IRQ);
    put_le(a, 1U << line, 2);
}

void aml_isa_dma(struct aml *a, unsigned channel)
{
    put8(a, SMALL_DMA);
    put8(a, 1U << channel);
    put8(a, 0);
}

struct address_space_range {
    uint8_t tag, width, type, general, specific; /* width: bytes of each number */
    uint64_t first, last, translation, length;
};

/* Ref: 6.4.3.5. */
static void put_address_space(struct aml *a, const struct address_space_range *r)
{
    put8(a, r->tag);
    put_le(a, 3 + 5U * r->width, 2);
    put8(a, r->type);
    put8(a, r->general);
    put8(a, r->specific);
    put_le(a, 0, r->width); /* granularity */
    put_le(a, r->first, r->width);
    put_le(a, r->last, r->width);
    put_le(a, r->translation, r->width);
    put_le(a, r->length, r->width);
}

void aml_bus_range(struct aml *a, uint16_t first, uint16_t last)
{
    put_address_space(a, &(struct address_space_range){LARGE_WORD, 2, TYPE_BUS, RANGE_FIXED, 0,
                                                       first, last, 0, last - first + 1U});
}

void aml_port_window(struct aml *a, uint16_t first, uint16_t last)
{
    put_address_space(a,
                      &(struct address_space_range){LARGE_WORD, 2, TYPE_IO, RANGE_FIXED, IO_ENTIRE,
                                                    first, last, 0, last - first + 1U});
}

void aml_io_window(struct aml *a, uint64_t bus_base, uint64_t len, uint64_t cpu_base)
{
    put_address_space(a,
                      &(struct address_space_range){LARGE_DWORD, 4, TYPE_IO, RANGE_FIXED,
                                                    IO_ENTIRE | IO_TRANSLATION_STATIC, bus_base,
                                                    bus_base + len - 1, cpu_base - bus_base, len});
}

void aml_memory_window(struct aml *a, uint64_t base, uint64_t len, enum aml_range kind)
{
    bool wide = base + len - 1 > UINT32_MAX;
    put_address_space(a, &(struct address_space_range){
                             wide ? LARGE_QWORD : LARGE_DWORD, wide ? 8 : 4, TYPE_MEMORY,
                             RANGE_FIXED | kind, MEMORY_READ_WRITE, base, base + len - 1, 0, len});
}
