/*
 * ACPI tables for firmware.
 * Ref: ACPI Specification 6.5, 5.2; Microsoft SPCR revision 1.08 and DBG2 1.2; PCI Firmware
 * Specification 3.3, 4.1.2 (MCFG).
 */
#include "hw/acpi/tables.h"
#include "core/loader.h"
#include "hw/acpi/aml.h"
#include "hw/misc/fw_cfg.h"
#include "util/bits.h"

#include <assert.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { HEADER = 36, LENGTH_AT = 4, CHECKSUM_AT = 9, TABLE_ALIGN = 16, RSDP_SIZE = 36 };
enum {
    RSDP_CHECKSUM = 8,
    RSDP_RSDT = 16,
    RSDP_XSDT = 24,
    RSDP_EXT_CHECKSUM = 32,
    RSDP_V1_SIZE = 20
};
enum { CMD_SIZE = 128, FILE_NAME = 56 };
enum { CMD_ALLOCATE = 1, CMD_POINTER = 2, CMD_CHECKSUM = 3, ZONE_HIGH = 1, ZONE_FSEG = 2 };
static const char TABLES[] = "etc/acpi/tables", RSDP[] = "etc/acpi/rsdp",
                  LOADER[] = "etc/table-loader";

struct acpi {
    char oem_id[6], oem_table_id[8];
    uint8_t root_names[14]; /* both of root tables and FADT, if has_root_names */
    bool has_root_names;
    GByteArray *blob, *script;
    GArray *root; /* uint32_t: offsets of the tables that the XSDT names */
    guint start;  /* of the table that is being written */
    bool for_pc;  /* an RSDT, too, and files of round sizes */
};

static void copy_padded(char *to, size_t n, const char *from)
{
    memset(to, ' ', n);
    memcpy(to, from, MIN(n, strlen(from)));
}

/* ---- the script ---- */

static uint8_t *add_command(struct acpi *a, uint32_t command)
{
    guint at = a->script->len;
    g_byte_array_set_size(a->script, at + CMD_SIZE);
    memset(a->script->data + at, 0, CMD_SIZE);
    st_le32(a->script->data + at, command);
    return a->script->data + at + 4;
}

static void put_file(uint8_t *at, const char *file)
{
    g_strlcpy((char *)at, file, FILE_NAME);
}

static void script_allocate(struct acpi *a, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t *c = add_command(a, CMD_ALLOCATE);
    put_file(c, file);
    st_le32(c + FILE_NAME, align);
    c[FILE_NAME + 4] = zone;
}

/* Add the address of the tables to the 4 or 8 bytes at `at`, which hold an offset. */
static void script_pointer(struct acpi *a, const char *file, uint32_t at, uint8_t size)
{
    uint8_t *c = add_command(a, CMD_POINTER);
    put_file(c, file);
    put_file(c + FILE_NAME, TABLES);
    st_le32(c + 2 * FILE_NAME, at);
    c[2 * FILE_NAME + 4] = size;
}

static void script_checksum(struct acpi *a, const char *file, uint32_t at, uint32_t from,
                            uint32_t len)
{
    uint8_t *c = add_command(a, CMD_CHECKSUM);
    put_file(c, file);
    st_le32(c + FILE_NAME, at);
    st_le32(c + FILE_NAME + 4, from);
    st_le32(c + FILE_NAME + 8, len);
}

/* ---- contents ---- */

struct acpi *acpi_new(const char *oem_id, const char *oem_table_id)
{
    struct acpi *a = g_new0(struct acpi, 1);
    copy_padded(a->oem_id, sizeof(a->oem_id), oem_id);
    copy_padded(a->oem_table_id, sizeof(a->oem_table_id), oem_table_id);
    a->blob = g_byte_array_new();
    a->script = g_byte_array_new();
    a->root = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    script_allocate(a, RSDP, TABLE_ALIGN, ZONE_FSEG);
    script_allocate(a, TABLES, 64, ZONE_HIGH);
    return a;
}

void acpi_for_pc(struct acpi *a)
{
    a->for_pc = true;
}

void acpi_free(struct acpi *a)
{
    if (a == NULL)
        return;
    g_byte_array_unref(a->blob);
    g_byte_array_unref(a->script);
    g_array_unref(a->root);
    g_free(a);
}

const uint8_t *acpi_blob(const struct acpi *a, size_t *len)
{
    *len = a->blob->len;
    return a->blob->data;
}

void acpi_bytes(struct acpi *a, const void *data, size_t n)
{
    g_byte_array_append(a->blob, data, (guint)n);
}

void acpi_zeros(struct acpi *a, size_t n)
{
    guint at = a->blob->len;
    g_byte_array_set_size(a->blob, at + (guint)n);
    if (n)
        memset(a->blob->data + at, 0, n);
}

static void put_le(struct acpi *a, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    acpi_bytes(a, bytes, n);
}

void acpi_u8(struct acpi *a, uint8_t v)
{
    put_le(a, v, 1);
}

void acpi_u16(struct acpi *a, uint16_t v)
{
    put_le(a, v, 2);
}

void acpi_u32(struct acpi *a, uint32_t v)
{
    put_le(a, v, 4);
}

void acpi_u64(struct acpi *a, uint64_t v)
{
    put_le(a, v, 8);
}

void acpi_pointer(struct acpi *a, uint32_t table)
{
    script_pointer(a, TABLES, a->blob->len, 8);
    acpi_u64(a, table);
}

void acpi_pointer32(struct acpi *a, uint32_t table)
{
    script_pointer(a, TABLES, a->blob->len, 4);
    acpi_u32(a, table);
}

uint32_t acpi_position(const struct acpi *a)
{
    return a->blob->len - a->start;
}

static void put_address(struct acpi *a, uint8_t space, uint8_t bits, uint8_t access, uint64_t addr)
{
    acpi_u8(a, space);
    acpi_u8(a, bits);
    acpi_u8(a, 0);
    acpi_u8(a, (uint8_t)(access ? 1 + __builtin_ctz(access) : 0));
    acpi_u64(a, addr);
}

void acpi_address(struct acpi *a, uint8_t bits, uint8_t access, uint64_t addr)
{
    put_address(a, 0, bits, access, addr);
}

static bool is_root(const char signature[static 4])
{
    return memcmp(signature, "FACP", 4) == 0 || memcmp(signature, "RSDT", 4) == 0 ||
           memcmp(signature, "XSDT", 4) == 0;
}

/* Ref: 5.2.6. */
void acpi_begin(struct acpi *a, const char signature[static 4], uint8_t revision)
{
    acpi_zeros(a, align_up(a->blob->len, TABLE_ALIGN) - a->blob->len);
    a->start = a->blob->len;
    acpi_bytes(a, signature, 4);
    acpi_u32(a, 0); /* length */
    acpi_u8(a, revision);
    acpi_u8(a, 0); /* checksum */
    if (a->has_root_names && is_root(signature)) {
        acpi_bytes(a, a->root_names, sizeof(a->root_names));
    } else {
        acpi_bytes(a, a->oem_id, sizeof(a->oem_id));
        acpi_bytes(a, a->oem_table_id, sizeof(a->oem_table_id));
    }
    acpi_u32(a, 1);
    acpi_bytes(a, "TNMU", 4); /* creator */
    acpi_u32(a, 1);
}

uint32_t acpi_end(struct acpi *a, bool in_root)
{
    uint32_t at = a->start, len = acpi_position(a);
    st_le32(a->blob->data + at + LENGTH_AT, len);
    script_checksum(a, TABLES, at + CHECKSUM_AT, at, len);
    if (in_root)
        g_array_append_val(a->root, at);
    return at;
}

/* ---- tables ---- */

void acpi_put_table(struct acpi *a, const uint8_t *table, size_t len)
{
    acpi_begin(a, (const char *)table, 0);
    memcpy(a->blob->data + a->start + LENGTH_AT + 4, table + LENGTH_AT + 4, HEADER - LENGTH_AT - 4);
    a->blob->data[a->start + CHECKSUM_AT] = 0;
    acpi_bytes(a, table + HEADER, len - HEADER);
    acpi_end(a, true);
}

void acpi_name_root(struct acpi *a, const uint8_t names[static 14])
{
    memcpy(a->root_names, names, sizeof(a->root_names));
    a->has_root_names = true;
}

uint32_t acpi_put_dsdt(struct acpi *a, const struct aml *aml)
{
    size_t len;
    const uint8_t *bytes = aml_bytes(aml, &len);
    acpi_begin(a, "DSDT", 2);
    acpi_bytes(a, bytes, len);
    return acpi_end(a, false);
}

enum { FADT_REVISION = 6, FADT_MINOR = 3, FADT_HW_REDUCED = 1 << 20 };
enum { FADT_BOOT_FLAGS_AT = 109, FADT_RESET = 1 << 10, FADT_SLEEP_AT = 244 };
enum { FADT_ARM_BOOT_AT = 129, FADT_X_DSDT_AT = 140, FADT_VENDOR = 8 };

/* A register of a byte in memory; all zeros: there is none. */
static void put_register(struct acpi *a, uint64_t addr)
{
    if (addr)
        acpi_address(a, 8, 1, addr);
    else
        acpi_zeros(a, 12);
}

/* Ref: 5.2.9: a hardware-reduced platform leaves all of the fixed hardware empty. */
void acpi_put_fadt(struct acpi *a, uint32_t dsdt, const struct acpi_reduced *r)
{
    acpi_begin(a, "FACP", FADT_REVISION);
    acpi_zeros(a, FADT_BOOT_FLAGS_AT - HEADER);
    acpi_u16(a, r->boot_flags);
    acpi_u8(a, 0);
    acpi_u32(a, FADT_HW_REDUCED | (r->reset ? FADT_RESET : 0));
    put_register(a, r->reset);
    acpi_u8(a, r->reset_value);
    acpi_u16(a, r->arm_boot);
    acpi_u8(a, FADT_MINOR);
    acpi_zeros(a, FADT_X_DSDT_AT - FADT_ARM_BOOT_AT - 3);
    acpi_pointer(a, dsdt);
    acpi_zeros(a, FADT_SLEEP_AT - FADT_X_DSDT_AT - 8);
    put_register(a, r->sleep);
    put_register(a, r->sleep ? r->sleep + 1 : 0);
    acpi_bytes(a, "TINAMOU", FADT_VENDOR);
    acpi_end(a, true);
}

/* Ref: 5.2.10: at the beginning of the tables, which are aligned as it must be. */
uint32_t acpi_put_facs(struct acpi *a)
{
    enum { SIZE = 64, VERSION = 2 };
    uint32_t at = a->blob->len;
    acpi_bytes(a, "FACS", 4);
    acpi_u32(a, SIZE);
    acpi_zeros(a, 24);
    acpi_u8(a, VERSION);
    acpi_zeros(a, 31);
    return at;
}

static void put_ports(struct acpi *a, uint32_t base, uint8_t len, uint8_t access)
{
    put_address(a, base ? 1 : 0, (uint8_t)(8 * len), base ? access : 0, base);
}

enum { FADT_SCI = 9, FADT_CENTURY = 0x32, FADT_NO_C2 = 0xfff };
enum { FADT_NO_C3 = 0xfff, RESET_PORT = 0xcf9, RESET_VALUE = 0x0f };
enum {
    FADT_WBINVD = 1 << 0,
    FADT_C1 = 1 << 2,
    FADT_NO_SLEEP_BUTTON = 1 << 5,
    FADT_RTC_WAKES_S4 = 1 << 7,
    FADT_PLATFORM_CLOCK = 1 << 15,
    FADT_CLUSTER = 1 << 18,
};

/* The first 116 bytes, which ACPI 1.0 has. */
static void put_fadt_ports(struct acpi *a, const struct acpi_fixed *f)
{
    acpi_u8(a, 0); /* was the model of interrupts */
    acpi_u8(a, 0); /* profile: not told */
    acpi_u16(a, FADT_SCI);
    acpi_u32(a, f->smi_port);
    acpi_u8(a, f->enable);
    acpi_u8(a, f->disable);
    acpi_u16(a, 0);
    acpi_u32(a, f->pm1_event);
    acpi_u32(a, 0);
    acpi_u32(a, f->pm1_control);
    acpi_u32(a, 0);
    acpi_u32(a, 0);
    acpi_u32(a, f->timer);
    acpi_u32(a, f->gpe);
    acpi_u32(a, 0);
    acpi_u8(a, 4); /* bytes of PM1 events, control, PM2, timer, both GPE blocks */
    acpi_u8(a, 2);
    acpi_u8(a, 0);
    acpi_u8(a, 4);
    acpi_u8(a, f->gpe_len);
    acpi_zeros(a, 3);
    acpi_u16(a, FADT_NO_C2);
    acpi_u16(a, FADT_NO_C3);
    acpi_zeros(a, 8);
    acpi_u8(a, FADT_CENTURY);
    acpi_u16(a, f->boot_flags);
    acpi_u8(a, 0);
    acpi_u32(a, FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_RTC_WAKES_S4 | FADT_RESET |
                    FADT_PLATFORM_CLOCK | (f->many_cpus ? FADT_CLUSTER : 0));
}

void acpi_put_fadt_pc(struct acpi *a, uint32_t facs, uint32_t dsdt, const struct acpi_fixed *f)
{
    acpi_begin(a, "FACP", FADT_REVISION);
    acpi_pointer32(a, facs);
    acpi_pointer32(a, dsdt);
    put_fadt_ports(a, f);
    put_ports(a, RESET_PORT, 1, 1);
    acpi_u8(a, RESET_VALUE);
    acpi_u16(a, 0);
    acpi_u8(a, FADT_MINOR);
    acpi_u64(a, 0); /* FACS and DSDT: see above */
    acpi_pointer(a, dsdt);
    put_ports(a, f->pm1_event, 4, 2);
    put_ports(a, 0, 0, 0);
    put_ports(a, f->pm1_control, 2, 2);
    put_ports(a, 0, 0, 0);
    put_ports(a, 0, 0, 0);
    put_ports(a, f->timer, 4, 4);
    put_ports(a, f->gpe, f->gpe_len, 1);
    put_ports(a, 0, 0, 0);
    put_ports(a, 0, 0, 0); /* sleep control and status */
    put_ports(a, 0, 0, 0);
    acpi_bytes(a, "TINAMOU", FADT_VENDOR);
    acpi_end(a, true);
}

void acpi_put_mcfg(struct acpi *a, const struct acpi_ecam *ecam)
{
    acpi_begin(a, "MCFG", 1);
    acpi_zeros(a, 8);
    acpi_u64(a, ecam->base);
    acpi_u16(a, 0); /* segment */
    acpi_u8(a, 0);
    acpi_u8(a, ecam->last_bus);
    acpi_u32(a, 0);
    acpi_end(a, true);
}

enum { SPCR_BAUD_115200 = 7, SPCR_ONE_STOP_BIT = 1, SPCR_ANSI = 3, NO_PCI = 0xffff };

void acpi_put_spcr(struct acpi *a, const struct acpi_serial *s)
{
    acpi_begin(a, "SPCR", 2);
    acpi_u8(a, s->type);
    acpi_zeros(a, 3);
    acpi_address(a, s->bits, s->access, s->base);
    acpi_u8(a, s->interrupt);
    acpi_u8(a, 0); /* of a PC's controller */
    acpi_u32(a, s->gsi);
    acpi_u8(a, SPCR_BAUD_115200);
    acpi_u8(a, 0);
    acpi_u8(a, SPCR_ONE_STOP_BIT);
    acpi_u8(a, 0);
    acpi_u8(a, SPCR_ANSI);
    acpi_u8(a, 0);
    acpi_u16(a, NO_PCI);
    acpi_u16(a, NO_PCI);
    acpi_zeros(a, 3 + 4 + 1 + 4);
    acpi_end(a, true);
}

enum { DBG2_DEVICE_AT = 44, DBG2_DEVICE = 22, DBG2_SERIAL = 0x8000, ADDRESS_SIZE = 12 };

void acpi_put_dbg2(struct acpi *a, const struct acpi_serial *s)
{
    uint16_t name = (uint16_t)(strlen(s->path) + 1), name_at = DBG2_DEVICE + ADDRESS_SIZE + 4;
    acpi_begin(a, "DBG2", 0);
    acpi_u32(a, DBG2_DEVICE_AT);
    acpi_u32(a, 1);
    acpi_u8(a, 0);
    acpi_u16(a, name_at + name);
    acpi_u8(a, 1); /* one address */
    acpi_u16(a, name);
    acpi_u16(a, name_at);
    acpi_u16(a, 0);
    acpi_u16(a, 0);
    acpi_u16(a, DBG2_SERIAL);
    acpi_u16(a, s->type);
    acpi_u16(a, 0);
    acpi_u16(a, DBG2_DEVICE);
    acpi_u16(a, DBG2_DEVICE + ADDRESS_SIZE);
    acpi_address(a, s->bits, s->access, s->base);
    acpi_u32(a, (uint32_t)s->size);
    acpi_bytes(a, s->path, name);
    acpi_end(a, true);
}

enum { PPTT_PACKAGE = 1, PPTT_ID_VALID = 2, PPTT_THREAD = 4, PPTT_LEAF = 8, PPTT_NODE = 20 };

/* A node of the hierarchy; its offset in the table. */
static uint32_t put_pptt_node(struct acpi *a, uint32_t flags, uint32_t parent, uint32_t uid)
{
    uint32_t at = acpi_position(a);
    acpi_u8(a, 0);
    acpi_u8(a, PPTT_NODE);
    acpi_u16(a, 0);
    acpi_u32(a, flags);
    acpi_u32(a, parent);
    acpi_u32(a, uid);
    acpi_u32(a, 0); /* private resources */
    return at;
}

/* Ref: 5.2.30. */
void acpi_put_pptt(struct acpi *a, const struct acpi_topology *t)
{
    uint32_t socket = 0, core = 0;
    acpi_begin(a, "PPTT", 2);
    for (unsigned i = 0; i < t->cpus; i++) {
        unsigned nth_core = i / t->threads;
        if (i % (t->cores * t->threads) == 0)
            socket = put_pptt_node(a, PPTT_PACKAGE, 0, nth_core / t->cores);
        if (t->threads == 1) {
            put_pptt_node(a, PPTT_ID_VALID | PPTT_LEAF, socket, i);
            continue;
        }
        if (i % t->threads == 0)
            core = put_pptt_node(a, 0, socket, nth_core);
        put_pptt_node(a, PPTT_ID_VALID | PPTT_THREAD | PPTT_LEAF, core, i);
    }
    acpi_end(a, true);
}

/* ---- delivery ---- */

static uint32_t put_rsdt(struct acpi *a)
{
    acpi_begin(a, "RSDT", 1);
    for (guint i = 0; i < a->root->len; i++)
        acpi_pointer32(a, g_array_index(a->root, uint32_t, i));
    return acpi_end(a, false);
}

static uint32_t put_xsdt(struct acpi *a)
{
    acpi_begin(a, "XSDT", 1);
    for (guint i = 0; i < a->root->len; i++)
        acpi_pointer(a, g_array_index(a->root, uint32_t, i));
    return acpi_end(a, false);
}

/* Ref: 5.2.5.3. */
static void make_rsdp(struct acpi *a, uint32_t rsdt, uint32_t xsdt, uint8_t out[RSDP_SIZE])
{
    memset(out, 0, RSDP_SIZE);
    memcpy(out, "RSD PTR ", 8);
    memcpy(out + 9, a->oem_id, sizeof(a->oem_id));
    out[15] = 2; /* revision */
    st_le32(out + 20, RSDP_SIZE);
    st_le64(out + RSDP_XSDT, xsdt);
    script_pointer(a, RSDP, RSDP_XSDT, 8);
    if (rsdt) {
        st_le32(out + RSDP_RSDT, rsdt);
        script_pointer(a, RSDP, RSDP_RSDT, 4);
    }
    script_checksum(a, RSDP, RSDP_CHECKSUM, 0, RSDP_V1_SIZE);
    script_checksum(a, RSDP, RSDP_EXT_CHECKSUM, 0, RSDP_SIZE);
}

/* Addresses go in before the checksums that cover them. */
static void order_script(struct acpi *a)
{
    g_autoptr(GByteArray) sorted = g_byte_array_new();
    for (uint32_t command = CMD_ALLOCATE; command <= CMD_CHECKSUM; command++)
        for (guint at = 0; at < a->script->len; at += CMD_SIZE)
            if (ld_le32(a->script->data + at) == command)
                g_byte_array_append(sorted, a->script->data + at, CMD_SIZE);
    memcpy(a->script->data, sorted->data, sorted->len);
}

/* To the size that the file has, or if that is too little to whole units with some room. */
static void pad(GByteArray *b, size_t size, guint room, guint unit)
{
    guint len = b->len;
    if (size < len)
        size = align_up(len + room, unit);
    g_byte_array_set_size(b, (guint)size);
    memset(b->data + len, 0, size - len);
}

static void finish(struct acpi *a, uint8_t rsdp[RSDP_SIZE])
{
    uint32_t rsdt = a->for_pc ? put_rsdt(a) : 0;
    make_rsdp(a, rsdt, put_xsdt(a), rsdp);
    order_script(a);
}

/* What is read again may have another length inside, but firmware has seen that of the file: there
 * is room for tables that come later. */
static void pad_files(struct acpi *a, struct device *fw_cfg)
{
    enum { TABLES_UNIT = 64 << 10, SCRIPT_UNIT = 4 << 10, TABLES_ROOM = 8 << 10 };
    enum { SCRIPT_ROOM = 16 * CMD_SIZE };
    if (!a->for_pc)
        return;
    pad(a->blob, fw_cfg_file_size(fw_cfg, TABLES), TABLES_ROOM, TABLES_UNIT);
    pad(a->script, fw_cfg_file_size(fw_cfg, LOADER), SCRIPT_ROOM, SCRIPT_UNIT);
}

/* Add to a pointer of some bytes. */
static void relocate(uint8_t *p, uint8_t bytes, uint64_t base)
{
    if (bytes == 8)
        st_le64(p, ld_le64(p) + base);
    else
        st_le32(p, ld_le32(p) + (uint32_t)base);
}

static uint8_t complement(const uint8_t *p, uint32_t n)
{
    uint8_t sum = 0;
    while (n--)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

/* Carry out the script for the files at their addresses. */
static void run_script(struct acpi *a, uint8_t rsdp[RSDP_SIZE], uint64_t tables_at)
{
    for (guint at = 0; at < a->script->len; at += CMD_SIZE) {
        const uint8_t *c = a->script->data + at + 4, *args = c + FILE_NAME;
        uint8_t *file = strcmp((const char *)c, RSDP) == 0 ? rsdp : a->blob->data;
        switch (ld_le32(c - 4)) {
        case CMD_POINTER:
            relocate(file + ld_le32(args + FILE_NAME), args[FILE_NAME + 4], tables_at);
            break;
        case CMD_CHECKSUM:
            file[ld_le32(args)] = 0;
            file[ld_le32(args)] = complement(file + ld_le32(args + 4), ld_le32(args + 8));
            break;
        default: break;
        }
    }
}

bool acpi_place(struct acpi *a, struct address_space *as, uint64_t tables, uint64_t tables_len,
                uint64_t rsdp_at, struct error **errp)
{
    uint8_t rsdp[RSDP_SIZE];
    finish(a, rsdp);
    run_script(a, rsdp, tables);
    if (a->blob->len > tables_len) {
        error_set(errp, "ACPI tables of %u bytes, there is room for %" PRIu64, a->blob->len,
                  tables_len);
        return false;
    }
    return load_blob(as, tables, a->blob->data, a->blob->len, "ACPI tables", errp) &&
           load_blob(as, rsdp_at, rsdp, sizeof(rsdp), "RSDP", errp);
}

bool acpi_deliver(struct acpi *a, struct device *fw_cfg, struct error **errp)
{
    uint8_t rsdp[RSDP_SIZE];
    finish(a, rsdp);
    pad_files(a, fw_cfg);
    return fw_cfg_add_file(fw_cfg, TABLES, a->blob->data, a->blob->len, errp) &&
           fw_cfg_add_file(fw_cfg, RSDP, rsdp, sizeof(rsdp), errp) &&
           fw_cfg_add_file(fw_cfg, LOADER, a->script->data, a->script->len, errp);
}

void acpi_deliver_again(struct acpi *a, struct device *fw_cfg)
{
    uint8_t rsdp[RSDP_SIZE];
    finish(a, rsdp);
    pad_files(a, fw_cfg);
    fw_cfg_replace_file(fw_cfg, TABLES, a->blob->data, a->blob->len);
    fw_cfg_replace_file(fw_cfg, RSDP, rsdp, sizeof(rsdp));
    fw_cfg_replace_file(fw_cfg, LOADER, a->script->data, a->script->len);
}

void acpi_on_select(struct device *fw_cfg, void (*refresh)(void *opaque), void *opaque)
{
    fw_cfg_on_select(fw_cfg, TABLES, refresh, opaque);
    fw_cfg_on_select(fw_cfg, RSDP, refresh, opaque);
    fw_cfg_on_select(fw_cfg, LOADER, refresh, opaque);
}
