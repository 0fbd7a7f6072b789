/*
 * Linux kernels of PCs: the setup header, and where everything goes.
 * Ref: Linux Documentation/arch/x86/boot.rst (protocols 2.00 to 2.15) and zero-page.rst.
 */
#include "hw/board/pc_boot_priv.h"
#include "util/bits.h"

#include <inttypes.h>
#include <string.h>

enum { /* of the setup header, from the start of the file or of struct boot_params */
       SETUP_SECTS = 0x1f1,
       SYSSIZE = 0x1f4,
       VID_MODE = 0x1fa,
       BOOT_FLAG = 0x1fe,
       JUMP = 0x200,
       MAGIC = 0x202,
       VERSION = 0x206,
       TYPE_OF_LOADER = 0x210,
       LOADFLAGS = 0x211,
       SETUP_MOVE_SIZE = 0x212,
       CODE32_START = 0x214,
       RAMDISK_IMAGE = 0x218,
       RAMDISK_SIZE = 0x21c,
       HEAP_END = 0x224,
       CMD_LINE_PTR = 0x228,
       INITRD_MAX = 0x22c,
       KERNEL_ALIGNMENT = 0x230,
       RELOCATABLE = 0x234,
       XLOADFLAGS = 0x236,
       CMDLINE_SIZE = 0x238,
       SETUP_DATA = 0x250,
       PREF_ADDRESS = 0x258,
       INIT_SIZE = 0x260,
       HEADER_END = 0x290
};
enum { /* of struct boot_params alone */
       ALT_MEM_K = 0x1e0,
       ACPI_RSDP = 0x070,
       E820_ENTRIES = 0x1e8,
       E820_TABLE = 0x2d0,
       E820_ROOM = 128,
       BOOT_PARAMS_SIZE = 4096
};
enum { LOADED_HIGH = 0x01, CAN_USE_HEAP = 0x80, LOADER_UNDEFINED = 0xff, KERNEL_64 = 0x01 };
enum { SECTOR = 512, DEFAULT_SECTS = 4, PARAGRAPH = 16, DEFAULT_CMDLINE = 255 };
enum { OLD_CMDLINE_MAGIC_AT = 0x20, OLD_CMDLINE_OFFSET_AT = 0x22, OLD_CMDLINE_MAGIC = 0xa33f };
enum { SETUP_RNG_SEED = 9, SEED_SIZE = 32, SETUP_DATA_HEADER = 16 };
/* Real-mode code and its heap take a segment; the command line comes behind it. */
enum { HIGH_SETUP = 0x10000, HIGH_CMDLINE = 0x20000, HIGH_INFO = 0x30000 };
enum { LOW_KERNEL = 0x10000, LOW_SETUP = 0x90000, LOW_CMDLINE = 0x9000, LOW_HEAP = 0x8e00 };
enum { HIGH_HEAP = 0xfc00, HIGH_STACK = 0xfff0 }; /* a heap ends 0x200 before the stack */
static const uint32_t OLD_INITRD_MAX = 0x37ffffff;

bool pc_linux_probe(const struct pc_boot_bytes *k)
{
    return k->len >= HEADER_END && ld_le16(k->data + BOOT_FLAG) == 0xaa55 &&
           memcmp(k->data + MAGIC, "HdrS", 4) == 0;
}

static unsigned version(const struct pc_boot *b)
{
    return ld_le16(b->setup.data + VERSION);
}

static bool is_high(const struct pc_boot *b)
{
    return b->setup.data[LOADFLAGS] & LOADED_HIGH;
}

/* ---- the command line ---- */

/* The value of "name=..." in the command line, NULL when it is not there. */
static const char *find_option(const char *line, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strstr(line, name); p; p = strstr(p + 1, name))
        if ((p == line || p[-1] == ' ') && p[n] == '=')
            return p + n + 1;
    return NULL;
}

/* "vga=" is the loader's business. */
static void set_video_mode(struct pc_boot *b)
{
    static const struct {
        const char *name;
        uint16_t mode;
    } named[] = {{"normal", 0xffff}, {"ext", 0xfffe}, {"ask", 0xfffd}};
    const char *v = find_option(b->cmdline, "vga");
    if (v == NULL)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++)
        if (strncmp(v, named[i].name, strlen(named[i].name)) == 0) {
            st_le16(b->setup.data + VID_MODE, named[i].mode);
            return;
        }
    st_le16(b->setup.data + VID_MODE, (uint16_t)strtoul(v, NULL, 0));
}

/* Bytes of memory that "mem=" leaves; what is above, the kernel will not see. */
static uint64_t memory_limit(const struct pc_boot *b)
{
    const char *v = find_option(b->cmdline, "mem");
    char *end;
    uint64_t n = v ? strtoull(v, &end, 0) : 0;
    if (n == 0)
        return UINT64_MAX;
    switch (*end | 0x20) {
    case 'k': return n << 10;
    case 'm': return n << 20;
    case 'g': return n << 30;
    default: return n;
    }
}

static bool check_cmdline(struct pc_boot *b, struct error **errp)
{
    uint32_t max = version(b) >= 0x206 ? ld_le32(b->setup.data + CMDLINE_SIZE) : DEFAULT_CMDLINE;
    max = MIN(max, HIGH_INFO - HIGH_CMDLINE - 1);
    if (strlen(b->cmdline) <= max) {
        b->append_room = MIN(b->append_room, max - (uint32_t)strlen(b->cmdline));
        return true;
    }
    error_set(errp, "-append: %zu characters, the kernel '%s' takes at most %u", strlen(b->cmdline),
              b->m->cfg.kernel, max);
    return false;
}

/* ---- the image ---- */

/* Part the file into real-mode code and the rest. */
static bool split(struct pc_boot *b, struct error **errp)
{
    unsigned sects = b->kernel.data[SETUP_SECTS];
    size_t setup = ((size_t)(sects ? sects : DEFAULT_SECTS) + 1) * SECTOR;
    bool has_size = ld_le16(b->kernel.data + VERSION) >= 0x204;
    uint64_t rest = has_size ? (uint64_t)ld_le32(b->kernel.data + SYSSIZE) * PARAGRAPH : 1;
    if (b->kernel.len + PARAGRAPH <= setup + rest || b->kernel.len <= setup) {
        error_set(errp,
                  "kernel '%s' is truncated: its header tells of %" PRIu64 " bytes, it has %zu",
                  b->m->cfg.kernel, (uint64_t)setup + rest, b->kernel.len);
        return false;
    }
    b->setup.data = g_memdup2(b->kernel.data, setup);
    b->setup.len = setup;
    b->kernel.len -= setup;
    memmove(b->kernel.data, b->kernel.data + setup, b->kernel.len);
    return true;
}

static bool check_processor(const struct pc_boot *b, struct error **errp)
{
    bool is64 = version(b) >= 0x20c && (ld_le16(b->setup.data + XLOADFLAGS) & KERNEL_64);
    if (!is64 || strcmp(b->m->cls->arch, "i386") != 0)
        return true;
    error_set(errp, "kernel '%s' is for pc_64, this machine is i386", b->m->cfg.kernel);
    return false;
}

static bool check_low(const struct pc_boot *b, struct error **errp)
{
    if (!b->has_firmware)
        error_set(errp,
                  "kernel '%s' is a zImage, which a machine without BIOS cannot start: wanted a "
                  "bzImage, or -M pc",
                  b->m->cfg.kernel);
    else if (b->kernel.len > LOW_SETUP - LOW_KERNEL)
        error_set(errp, "kernel '%s' is a zImage of %zu bytes, of which %d fit below 640 KiB",
                  b->m->cfg.kernel, b->kernel.len, LOW_SETUP - LOW_KERNEL);
    else if (strlen(b->cmdline) >= PC_LOW_END - LOW_SETUP - LOW_CMDLINE)
        error_set(errp, "-append: %zu characters, a zImage takes at most %d", strlen(b->cmdline),
                  PC_LOW_END - LOW_SETUP - LOW_CMDLINE - 1);
    else
        return true;
    return false;
}

static void choose_places(struct pc_boot *b)
{
    bool high = is_high(b);
    b->setup_addr = high ? HIGH_SETUP : LOW_SETUP;
    b->kernel_addr = high ? PC_HIGH : LOW_KERNEL;
    b->cmdline_addr = high ? HIGH_CMDLINE : LOW_SETUP + LOW_CMDLINE;
}

/* Until where the kernel needs memory to unpack itself. */
static gpa kernel_end(const struct pc_boot *b)
{
    const uint8_t *h = b->setup.data;
    gpa end = b->kernel_addr + b->kernel.len;
    if (version(b) < 0x20a)
        return end;
    uint64_t start = b->kernel_addr, preferred = ld_le64(h + PREF_ADDRESS);
    if (preferred < pc_boot_ram_end(b))
        start = MAX(start, preferred);
    return MAX(end, start + ld_le32(h + INIT_SIZE));
}

static bool load_initrd(struct pc_boot *b, struct error **errp)
{
    uint8_t *h = b->setup.data;
    uint64_t max = version(b) >= 0x203 ? ld_le32(h + INITRD_MAX) : OLD_INITRD_MAX;
    if (b->m->cfg.initrd == NULL)
        return true;
    if (!pc_boot_read(b, "initrd", b->m->cfg.initrd, &b->initrd, errp) ||
        !pc_boot_place_initrd(b, MAX(kernel_end(b), PC_HIGH), MIN(max + 1, memory_limit(b)), errp))
        return false;
    st_le32(h + RAMDISK_IMAGE, (uint32_t)b->initrd_addr);
    st_le32(h + RAMDISK_SIZE, (uint32_t)b->initrd.len);
    return true;
}

static void fill_header(struct pc_boot *b)
{
    uint8_t *h = b->setup.data;
    h[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    set_video_mode(b);
    if (version(b) >= 0x201) {
        h[LOADFLAGS] |= CAN_USE_HEAP;
        st_le16(h + HEAP_END, is_high(b) ? HIGH_HEAP : LOW_HEAP);
    }
    if (is_high(b))
        st_le32(h + CODE32_START, (uint32_t)b->kernel_addr);
    if (version(b) >= 0x202) {
        st_le32(h + CMD_LINE_PTR, (uint32_t)b->cmdline_addr);
        return;
    }
    st_le16(h + OLD_CMDLINE_MAGIC_AT, OLD_CMDLINE_MAGIC);
    st_le16(h + OLD_CMDLINE_OFFSET_AT, (uint16_t)(b->cmdline_addr - b->setup_addr));
    st_le16(h + SETUP_MOVE_SIZE, 0xffff);
}

/* ---- what the kernel gets besides ---- */

/* A list of one: random bytes, for kernels that can be told of more than fits into the header. */
static unsigned add_seed(struct pc_boot *b)
{
    unsigned at = pc_boot_info(b, SETUP_DATA_HEADER + SEED_SIZE);
    st_le32(b->info->data + at + 8, SETUP_RNG_SEED);
    st_le32(b->info->data + at + 12, SEED_SIZE);
    b->seed_at = at + SETUP_DATA_HEADER;
    return at;
}

/* The pointer to the list goes over the header in memory: firmware that starts the kernel by
 * itself gets a header without it. */
static void enter_real(struct pc_boot *b)
{
    b->entry = PC_ENTRY_REAL;
    b->setup_stack = is_high(b) ? HIGH_STACK : LOW_CMDLINE;
    pc_boot_add(b, PC_SETUP, 0, b->setup.len, b->setup_addr);
    if (version(b) < 0x209 || !is_high(b))
        return;
    b->info_addr = HIGH_INFO;
    unsigned pointer = pc_boot_info(b, 8), list = add_seed(b);
    st_le64(b->info->data + pointer, b->info_addr + list);
    pc_boot_add(b, PC_INFO, pointer, 8, b->setup_addr + SETUP_DATA);
}

/* The zero page: the header at its place, and what the real-mode code would have found out. */
static void enter_zeropage(struct pc_boot *b)
{
    size_t end = MIN((size_t)MAGIC + b->setup.data[JUMP + 1], b->setup.len);
    uint64_t above = MIN((b->ram_low - PC_HIGH) / 1024, UINT32_MAX);
    b->entry = PC_ENTRY_ZEROPAGE;
    b->info_addr = HIGH_SETUP;
    unsigned at = pc_boot_info(b, BOOT_PARAMS_SIZE);
    unsigned seed = version(b) >= 0x209 ? add_seed(b) : 0;
    uint8_t *p = b->info->data + at;
    memcpy(p + SETUP_SECTS, b->setup.data + SETUP_SECTS, MAX(end, SETUP_SECTS) - SETUP_SECTS);
    st_le32(p + ALT_MEM_K, (uint32_t)above);
    if (seed)
        st_le64(p + SETUP_DATA, b->info_addr + seed);
    b->map_at = at + E820_TABLE;
    b->map_room = E820_ROOM;
    b->map_size_at = at + E820_ENTRIES;
    b->rsdp_at = at + ACPI_RSDP;
    b->eip = (uint32_t)b->kernel_addr;
    b->esi = at;
}

bool pc_linux_load(struct pc_boot *b, struct error **errp)
{
    if (!split(b, errp) || !check_processor(b, errp) || !check_cmdline(b, errp) ||
        (!is_high(b) && !check_low(b, errp)))
        return false;
    choose_places(b);
    fill_header(b);
    if (!load_initrd(b, errp))
        return false;
    pc_boot_add(b, PC_KERNEL, 0, b->kernel.len, b->kernel_addr);
    pc_boot_add(b, PC_CMDLINE, 0, strlen(b->cmdline) + 1 + b->append_room, b->cmdline_addr);
    if (b->has_firmware)
        enter_real(b);
    else
        enter_zeropage(b);
    return true;
}
