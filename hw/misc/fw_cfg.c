/*
 * Firmware configuration device: the memory-mapped form, and the one with I/O ports of PCs; both
 * have DMA.
 * Ref: "QEMU Firmware Configuration (fw_cfg) Device", QEMU documentation, System Emulation:
 * specifications.
 */
#include "hw/misc/fw_cfg.h"
#include "core/loader.h"
#include "core/machine.h"
#include "hw/dma.h"
#include "util/bits.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { DATA = 0x00, SELECTOR = 0x08, DMA_HIGH = 0x10, SIZE = 0x18 };
enum { PORT = 0x510, PORT_SELECTOR = 0, PORT_DATA = 1, PORT_DMA = 4, PORT_SIZE = 12 };
enum { KEY_MASK = 0x3fff, ARCH_ITEMS = 16 }; /* bit 14 is obsolete */
enum { ID_TRADITIONAL = 1, ID_DMA = 2 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
enum { MAX_FILES = 256, MAX_KEYS = FW_CFG_FILE_FIRST + MAX_FILES };
enum { NAME_SIZE = 56, DIR_ENTRY_SIZE = 64, MAX_FILE_SIZE = 256 << 20 };
static const uint64_t DMA_SIGNATURE = 0x51454d5520434647; /* "QEMU CFG" */

struct item {
    uint8_t *data;
    size_t len;
    char *name; /* of a file */
    void (*refresh)(void *opaque);
    void *opaque;
    void (*written)(void *opaque, const uint8_t *data); /* NULL: it is read-only */
    void *written_opaque;
};

struct fw_cfg {
    struct device dev;
    struct item items[MAX_KEYS], arch[ARCH_ITEMS];
    struct mem_region ports;
    unsigned nfiles;
    struct fw_cfg_state {
        uint64_t offset; /* in the selected item; may lie beyond its end */
        uint32_t dma_high;
        uint16_t key;
        uint16_t pad;
    } s;
};

static struct item *item_at(struct fw_cfg *f, uint16_t key)
{
    unsigned n = key & KEY_MASK;
    if (key & FW_CFG_ARCH_LOCAL)
        return n < ARCH_ITEMS ? &f->arch[n] : NULL;
    return n < MAX_KEYS ? &f->items[n] : NULL;
}

static void select_item(struct fw_cfg *f, uint16_t key)
{
    const struct item *it = item_at(f, key);
    f->s.key = key;
    f->s.offset = 0;
    if (it && it->refresh)
        it->refresh(it->opaque);
}

/* The selected item, NULL when there is none of that key. */
static const struct item *selected(struct fw_cfg *f)
{
    const struct item *it = item_at(f, f->s.key);
    return it && it->data ? it : NULL;
}

/* Bytes left in the selected item. */
static uint64_t left(const struct fw_cfg *f, const struct item *it)
{
    return it && f->s.offset < it->len ? it->len - f->s.offset : 0;
}

/* The next bytes, in the order in which they lie in the item; zeros beyond its end. */
static uint64_t read_data(struct fw_cfg *f, struct access a)
{
    const struct item *it = selected(f);
    uint8_t buf[8] = {0};
    uint64_t n = MIN(left(f, it), a.size);
    if (n)
        memcpy(buf, it->data + f->s.offset, n);
    if (!a.peek)
        f->s.offset += n;
    return ld_le64(buf);
}

static bool write_item(struct fw_cfg *f, const struct item *it, uint32_t len, gpa addr)
{
    if (it == NULL || it->written == NULL || len > left(f, it))
        return false;
    bool ok = ram_dma_read(&f->dev.machine->as, addr, it->data + f->s.offset, len);
    f->s.offset += len;
    it->written(it->written_opaque, it->data);
    return ok;
}

/* Move bytes as the control word says; false: DMA error. */
static bool dma_transfer(struct fw_cfg *f, uint32_t control, uint32_t len, gpa addr)
{
    struct address_space *as = &f->dev.machine->as;
    const struct item *it = selected(f);
    uint64_t n = MIN(left(f, it), len);
    if (control & DMA_READ) {
        bool ok = (n == 0 || ram_dma_write(as, addr, it->data + f->s.offset, n)) &&
                  ram_dma_zero(as, addr + n, len - n);
        f->s.offset += n;
        return ok;
    }
    if (control & DMA_WRITE)
        return write_item(f, it, len, addr);
    if (control & DMA_SKIP)
        f->s.offset += n;
    return true;
}

static void run_dma(struct fw_cfg *f, gpa at)
{
    uint8_t desc[16], result[4];
    if (f->dev.machine == NULL)
        return;
    struct address_space *as = &f->dev.machine->as;
    f->s.dma_high = 0;
    if (!ram_dma_read(as, at, desc, sizeof(desc))) {
        dev_guest_error(&f->dev, "DMA descriptor at %#llx is not in RAM", (unsigned long long)at);
        return;
    }
    uint32_t control = ld_be32(desc);
    if (control & DMA_SELECT)
        select_item(f, control >> 16);
    bool ok = dma_transfer(f, control, ld_be32(desc + 4), ld_be64(desc + 8));
    st_be32(result, ok ? 0 : DMA_ERROR);
    if (!ram_dma_write(as, at, result, sizeof(result)))
        dev_guest_error(&f->dev, "DMA descriptor at %#llx is read-only", (unsigned long long)at);
}

/* Big-endian registers: byte n of the register is byte n in memory. */
static uint64_t be_register(uint64_t v, struct access a, uint64_t base)
{
    uint8_t bytes[16] = {0};
    st_be64(bytes, v);
    return ld_le64(bytes + ((a.off - base) & 7)) & MASK64(0, a.size * 8);
}

static uint64_t fw_cfg_read(struct device *dev, struct access a)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (a.off < SELECTOR)
        return read_data(f, a);
    return a.off >= DMA_HIGH ? be_register(DMA_SIGNATURE, a, DMA_HIGH) : 0;
}

/* A write at `off` of the address register. */
static void write_dma(struct fw_cfg *f, struct access a, uint64_t off, uint64_t val)
{
    if (a.size == 8)
        run_dma(f, __builtin_bswap64(val));
    else if (a.size == 4 && off == 0)
        f->s.dma_high = __builtin_bswap32((uint32_t)val);
    else if (a.size == 4 && off == 4)
        run_dma(f, (uint64_t)f->s.dma_high << 32 | __builtin_bswap32((uint32_t)val));
    else
        dev_guest_error(&f->dev, "%d-byte write to the DMA register", a.size);
}

static void fw_cfg_write(struct device *dev, struct access a, uint64_t val)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (a.off >= DMA_HIGH)
        write_dma(f, a, a.off - DMA_HIGH, val);
    else if (a.off == SELECTOR && a.size == 2)
        select_item(f, __builtin_bswap16((uint16_t)val));
    else
        dev_guest_error(dev, "%d-byte write at %#x", a.size, (unsigned)a.off);
}

void fw_cfg_take_item(struct device *dev, uint16_t key, void *take_data, size_t len)
{
    struct item *it = item_at((struct fw_cfg *)dev, key);
    g_free(it->data);
    it->data = take_data ? take_data : g_malloc(1); /* never NULL, so that an empty item exists */
    it->len = len;
}

void fw_cfg_set_item(struct device *dev, uint16_t key, const void *data, size_t len)
{
    fw_cfg_take_item(dev, key, len ? g_memdup2(data, len) : NULL, len);
}

void fw_cfg_set_u16(struct device *dev, uint16_t key, uint16_t v)
{
    uint8_t bytes[2];
    st_le16(bytes, v);
    fw_cfg_set_item(dev, key, bytes, sizeof(bytes));
}

void fw_cfg_set_u32(struct device *dev, uint16_t key, uint32_t v)
{
    uint8_t bytes[4];
    st_le32(bytes, v);
    fw_cfg_set_item(dev, key, bytes, sizeof(bytes));
}

void fw_cfg_set_u64(struct device *dev, uint16_t key, uint64_t v)
{
    uint8_t bytes[8];
    st_le64(bytes, v);
    fw_cfg_set_item(dev, key, bytes, sizeof(bytes));
}

/* Count, then an entry a file: size, key, reserved, name.  All big-endian. */
static void rebuild_directory(struct fw_cfg *f)
{
    size_t len = 4 + (size_t)f->nfiles * DIR_ENTRY_SIZE;
    g_autofree uint8_t *dir = g_malloc0(len);
    st_be32(dir, f->nfiles);
    for (unsigned i = 0; i < f->nfiles; i++) {
        const struct item *it = &f->items[FW_CFG_FILE_FIRST + i];
        uint8_t *e = dir + 4 + i * DIR_ENTRY_SIZE;
        st_be32(e, it->len);
        st_be16(e + 4, FW_CFG_FILE_FIRST + i);
        memcpy(e + 8, it->name, strlen(it->name));
    }
    fw_cfg_set_item(&f->dev, FW_CFG_FILE_DIR, dir, len);
}

static struct item *find_file(struct fw_cfg *f, const char *name)
{
    for (unsigned i = 0; i < f->nfiles; i++)
        if (strcmp(f->items[FW_CFG_FILE_FIRST + i].name, name) == 0)
            return &f->items[FW_CFG_FILE_FIRST + i];
    return NULL;
}

static bool check_name(struct fw_cfg *f, const char *name, struct error **errp)
{
    if (*name == '\0' || strlen(name) >= NAME_SIZE) {
        error_set(errp, "fw_cfg file name '%s' must have 1 to %d characters", name, NAME_SIZE - 1);
        return false;
    }
    if (find_file(f, name)) {
        error_set(errp, "fw_cfg file '%s' exists already", name);
        return false;
    }
    if (f->nfiles == MAX_FILES)
        error_set(errp, "fw_cfg file '%s': there are %d files already", name, MAX_FILES);
    return f->nfiles < MAX_FILES;
}

uint16_t fw_cfg_file_key(struct device *dev, const char *name)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    const struct item *it = find_file(f, name);
    return it ? (uint16_t)(it - f->items) : 0;
}

size_t fw_cfg_file_size(struct device *dev, const char *name)
{
    const struct item *it = find_file((struct fw_cfg *)dev, name);
    return it ? it->len : 0;
}

void fw_cfg_replace_file(struct device *dev, const char *name, const void *data, size_t len)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    const struct item *it = find_file(f, name);
    if (it == NULL)
        return;
    bool resized = it->len != len;
    fw_cfg_set_item(dev, (uint16_t)(it - f->items), data, len);
    if (resized)
        rebuild_directory(f);
}

void fw_cfg_on_select(struct device *dev, const char *name, void (*refresh)(void *opaque),
                      void *opaque)
{
    struct item *it = find_file((struct fw_cfg *)dev, name);
    if (it == NULL)
        return;
    it->refresh = refresh;
    it->opaque = opaque;
}

void fw_cfg_on_write(struct device *dev, const char *name,
                     void (*written)(void *opaque, const uint8_t *data), void *opaque)
{
    struct item *it = find_file((struct fw_cfg *)dev, name);
    if (it == NULL)
        return;
    it->written = written;
    it->written_opaque = opaque;
}

bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, size_t len,
                     struct error **errp)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (!check_name(f, name, errp))
        return false;
    uint16_t key = FW_CFG_FILE_FIRST + f->nfiles;
    fw_cfg_set_item(dev, key, data, len);
    f->items[key].name = g_strdup(name);
    f->nfiles++;
    rebuild_directory(f);
    return true;
}

extern const struct device_type fw_cfg_type, fw_cfg_io_type;

struct device *fw_cfg_find(struct machine *m)
{
    struct device *d = m->devices;
    while (d && d->type != &fw_cfg_type && d->type != &fw_cfg_io_type)
        d = d->next;
    return d;
}

bool fw_cfg_add_option(struct machine *m, const char *name, const char *path, const char *text,
                       struct error **errp)
{
    struct device *dev = fw_cfg_find(m);
    if (dev == NULL) {
        error_set(errp, "machine '%s' has no fw_cfg device", m->cls->name);
        return false;
    }
    if (!g_str_has_prefix(name, "opt/"))
        log_warn("fw_cfg file '%s' should be named opt/..., other names are the firmware's own",
                 name);
    if (text)
        return fw_cfg_add_file(dev, name, text, strlen(text), errp);
    size_t len;
    g_autofree uint8_t *data = load_file(path, MAX_FILE_SIZE, &len, errp);
    return data && fw_cfg_add_file(dev, name, data, len, errp);
}

/* The selector is little-endian here; bytes of the item come from the port after it. */
static uint64_t port_read(struct device *dev, struct access a)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (a.off == PORT_DATA && a.size == 1)
        return read_data(f, a);
    return a.off >= PORT_DMA ? be_register(DMA_SIGNATURE, a, PORT_DMA) : 0;
}

static void port_write(struct device *dev, struct access a, uint64_t val)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (a.off >= PORT_DMA)
        write_dma(f, a, a.off - PORT_DMA, val);
    else if (a.off == PORT_SELECTOR && a.size == 2)
        select_item(f, (uint16_t)val);
    else
        dev_guest_error(dev, "%d-byte write at port %#x", a.size, PORT + (unsigned)a.off);
}

static bool fw_cfg_realize(struct device *dev, struct error **errp UNUSED)
{
    fw_cfg_set_item(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_set_u32(dev, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    rebuild_directory((struct fw_cfg *)dev);
    return true;
}

static bool fw_cfg_io_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {port_read, port_write, .min = 1, .max = 4,
                                        .size = PORT_SIZE};
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    region_init_mmio(&f->ports, "fwcfg", &ops, dev);
    region_add(&dev->machine->io_root, PORT, &f->ports, 0);
    address_space_update(&dev->machine->io);
    return fw_cfg_realize(dev, errp);
}

static void fw_cfg_unrealize(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    for (unsigned i = 0; i < ARCH_ITEMS; i++)
        g_clear_pointer(&f->arch[i].data, g_free);
    for (unsigned i = 0; i < MAX_KEYS; i++) {
        g_clear_pointer(&f->items[i].data, g_free);
        g_clear_pointer(&f->items[i].name, g_free);
    }
    f->nfiles = 0;
}

static const struct state_field fw_cfg_state[] = {
    STATE(fw_cfg, offset, 0),
    STATE(fw_cfg, dma_high, 0),
    STATE(fw_cfg, key, 0),
    STATE(fw_cfg, pad, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(fw_cfg, "fw_cfg_mem") = {
    .desc = "Firmware configuration device",
    .compatible = "qemu,fw-cfg-mmio",
    .mmio = {fw_cfg_read, fw_cfg_write, .min = 1, .max = 8, .size = SIZE},
    .state = fw_cfg_state,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
};

static void fw_cfg_io_unrealize(struct device *dev)
{
    region_del(&((struct fw_cfg *)dev)->ports);
    address_space_update(&dev->machine->io);
    fw_cfg_unrealize(dev);
}

static const struct device_class fw_cfg_io_class = {
    .desc = "Firmware configuration device at I/O ports",
    .state = fw_cfg_state,
    .realize = fw_cfg_io_realize,
    .unrealize = fw_cfg_io_unrealize,
};

const struct device_type fw_cfg_io_type = {"fw_cfg_io", &fw_cfg_io_class, sizeof(struct fw_cfg),
                                           offsetof(struct fw_cfg, s), sizeof(struct fw_cfg_state)};
