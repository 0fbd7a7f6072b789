/* Boards with an M-profile processor: the processor, its private peripherals, its program.
 * Ref: Armv7-M Architecture Reference Manual (DDI 0403), B3.1 (address map), B1.5.5 (reset). */
#include "hw/board/armv7m.h"
#include "core/ihex.h"
#include "core/loader.h"
#include "hw/intc/armv7m.h"
#include "hw/registry.h"
#include "target/arm/arm.h"
#include "util/log.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const gpa PPB = 0xe0000000;
static const uint64_t PPB_SIZE = 0x100000, MAX_FILE = UINT64_C(256) << 20;
static const gpa bitband_alias[ARMV7M_BITBANDS] = {0x22000000, 0x42000000};
static const char *const bitband_base[ARMV7M_BITBANDS] = {"0x20000000", "0x40000000"};
enum { VECTORS = 8 }; /* bytes that a processor reads to begin */

/* ---- parts ---- */

static bool is_model(const char *wanted, const char *model)
{
    size_t n = strlen(model);
    return strncmp(wanted, model, n) == 0 && (wanted[n] == '\0' || wanted[n] == ',');
}

/* Sizes as users write them. */
static char *size_text(uint64_t bytes)
{
    return bytes % (1 << 20) ? g_strdup_printf("%" PRIu64 "K", bytes >> 10)
                             : g_strdup_printf("%" PRIu64 "M", bytes >> 20);
}

bool armv7m_check(const struct machine *m, struct error **errp)
{
    const struct machine_class *cls = m->cls;
    const char *model = m->cfg.cpu_model;
    g_autofree char *size = size_text(cls->default_ram);
    if (model && !is_model(model, cls->default_cpu)) {
        error_set(errp, "-cpu %s: machine '%s' has a %s, wanted that or no -cpu", model, cls->name,
                  cls->default_cpu);
        return false;
    }
    if (m->cfg.ram_size == cls->default_ram)
        return true;
    error_set(errp, "-m: machine '%s' has %s of RAM, wanted that or no -m", cls->name, size);
    return false;
}

struct device *armv7m_device(struct machine *m, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, m, id);
}

void armv7m_connect(struct armv7m_board *b, struct irq *line, unsigned irq)
{
    assert(irq < b->nirqs);
    irq_connect(line, armv7m_set_irq, b->nvic, irq);
}

bool armv7m_attach_in(struct armv7m_board *b, struct mem_region *parent, struct device *dev,
                      gpa base, int irq, struct error **errp)
{
    if (!device_realize(dev, errp))
        return false;
    if (irq != ARMV7M_NO_IRQ)
        armv7m_connect(b, &dev->irq, (unsigned)irq);
    region_add(parent, base, &dev->mmio, 1);
    return true;
}

bool armv7m_attach(struct armv7m_board *b, struct device *dev, gpa base, int irq,
                   struct error **errp)
{
    return armv7m_attach_in(b, &b->m->root, dev, base, irq, errp);
}

bool armv7m_set_nic(struct device *dev, struct error **errp)
{
    const struct machine_config *cfg = &dev->machine->cfg;
    return (cfg->nic.netdev == NULL || device_set(dev, "netdev", cfg->nic.netdev, errp)) &&
           (cfg->nic.mac == NULL || device_set(dev, "mac", cfg->nic.mac, errp));
}

bool armv7m_unimplemented(struct machine *m, struct mem_region *parent, const char *name, gpa base,
                          uint64_t size, struct error **errp)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, size);
    struct device *dev = armv7m_device(m, "unimplemented-device", name);
    if (!device_set(dev, "size", text, errp) || !device_realize(dev, errp))
        return false;
    region_add(parent, base, &dev->mmio, -1000);
    return true;
}

bool armv7m_memory(struct machine *m, struct mem_region *region, enum mem_kind kind,
                   const char *name, gpa base, uint64_t size, struct error **errp)
{
    struct ram_block *ram = machine_new_ram(m, name, size, errp);
    if (ram == NULL)
        return false;
    if (kind == MEM_ROM)
        region_init_rom(region, ram->name, ram);
    else
        region_init_ram(region, ram->name, ram, 0, size);
    region_add(&m->root, base, region, 0);
    return true;
}

/* ---- the processor ---- */

static bool create_cpu(struct armv7m_board *b, struct error **errp)
{
    const char *model = b->m->cfg.cpu_model ? b->m->cfg.cpu_model : b->m->cls->default_cpu;
    struct arm_cpu_config config = {.nvic_ops = &armv7m_nvic_ops, .nvic = b->nvic};
    b->cpu = arm_cpu_new(b->m, model, &config, errp);
    if (b->cpu == NULL)
        return false;
    irq_connect(&b->nvic->irq, cpu_irq_set, b->cpu, ARM_LINE_IRQ);
    return true;
}

static bool create_nvic(struct armv7m_board *b, struct error **errp)
{
    g_autofree char *irqs = g_strdup_printf("%u", b->nirqs);
    g_autofree char *vectors = g_strdup_printf("%#" PRIx64, b->vectors);
    b->nvic = armv7m_device(b->m, "armv7m_nvic", "nvic");
    armv7m_set_clock(b->nvic, b->cpu_hz, b->reference_hz);
    return device_set(b->nvic, "num-irq", irqs, errp) &&
           device_set(b->nvic, "init-vtor", vectors, errp) && create_cpu(b, errp) &&
           armv7m_attach(b, b->nvic, ARMV7M_SCS, ARMV7M_NO_IRQ, errp);
}

static bool create_bitbands(struct armv7m_board *b, struct error **errp)
{
    for (unsigned i = 0; b->bitband && i < ARMV7M_BITBANDS; i++) {
        g_autofree char *id = g_strdup_printf("bitband%u", i);
        struct device *dev = armv7m_device(b->m, "ARM-bitband-memory", id);
        if (!device_set(dev, "base", bitband_base[i], errp) ||
            !armv7m_attach(b, dev, bitband_alias[i], ARMV7M_NO_IRQ, errp))
            return false;
    }
    return true;
}

bool armv7m_create(struct armv7m_board *b, struct error **errp)
{
    return create_nvic(b, errp) && create_bitbands(b, errp) &&
           armv7m_unimplemented(b->m, &b->m->root, "private peripheral bus", PPB, PPB_SIZE, errp);
}

/* ---- the program ---- */

static bool place(struct armv7m_board *b, struct boot_image *take_img, gpa addr,
                  struct error **errp)
{
    return boot_image_place(&b->images, take_img, addr, errp) != NULL;
}

/* A flat binary says nothing of its place: it goes to the vector table. */
static bool load_flat(struct armv7m_board *b, struct boot_image *take_img, struct error **errp)
{
    if (take_img->len <= b->boot_size) {
        take_img->is_program = false;
        return place(b, take_img, b->vectors, errp);
    }
    g_autofree char *room = size_text(b->boot_size);
    error_set(errp, "kernel '%s' has %zu bytes, machine '%s' has room for %s at %#" PRIx64,
              take_img->path, take_img->len, b->m->cls->name, room, b->vectors);
    boot_image_free(take_img);
    return false;
}

static struct boot_image *image_of_piece(const struct boot_image *file, struct ihex_piece *p)
{
    struct boot_image *img = g_new0(struct boot_image, 1);
    img->path = g_strdup(file->path);
    img->what = g_strdup(file->what);
    img->len = p->len;
    img->data = g_steal_pointer(&p->data);
    return img;
}

static bool load_hex(struct armv7m_board *b, struct boot_image *take_img, struct error **errp)
{
    g_autoptr(GArray) pieces = ihex_parse(take_img->data, take_img->len, errp);
    bool ok = pieces != NULL;
    if (!ok)
        error_prefix(errp, "kernel '%s'", take_img->path);
    for (guint i = 0; ok && i < pieces->len; i++) {
        struct ihex_piece *p = &g_array_index(pieces, struct ihex_piece, i);
        ok = place(b, image_of_piece(take_img, p), p->addr, errp);
    }
    boot_image_free(take_img);
    return ok;
}

/* A program linked for another machine has its vector table elsewhere. */
static void check_vectors(const struct armv7m_board *b, const char *path)
{
    uint64_t sp = 0, pc = 0;
    if (mem_read(&b->m->as, b->vectors, 4, &sp) == MEM_OK &&
        mem_read(&b->m->as, b->vectors + 4, 4, &pc) == MEM_OK && (sp || pc))
        return;
    log_warn("kernel '%s' has no vector table at %#" PRIx64
             ", where machine '%s' begins: is it linked for another machine?",
             path, b->vectors, b->m->cls->name);
}

static bool check_options(const struct armv7m_board *b, struct error **errp)
{
    const struct machine_config *cfg = &b->m->cfg;
    const char *option = cfg->initrd ? "-initrd" : cfg->dtb ? "-dtb" : cfg->bios ? "-bios" : NULL;
    if (option == NULL)
        return true;
    error_set(errp, "%s: machine '%s' takes its program by -kernel or -device loader", option,
              b->m->cls->name);
    return false;
}

static bool load_image(struct armv7m_board *b, struct boot_image *take_img, struct error **errp)
{
    struct elf_info elf;
    if (!boot_image_check_arch(take_img, "arm", errp)) {
        boot_image_free(take_img);
        return false;
    }
    if (elf_probe(take_img->data, take_img->len, &elf))
        return place(b, take_img, 0, errp);
    if (ihex_probe(take_img->data, take_img->len))
        return load_hex(b, take_img, errp);
    return load_flat(b, take_img, errp);
}

static bool load_kernel(struct armv7m_board *b, const char *path, struct error **errp)
{
    struct boot_image *img = boot_image_read(&b->images, "kernel", path, true, errp);
    if (img == NULL)
        return false;
    b->images.ram_size = UINT64_C(1) << 32; /* the memory map says what fits */
    if (!load_image(b, img, errp)) {
        error_append(errp, " (machine '%s' begins at %#" PRIx64 ")", b->m->cls->name, b->vectors);
        return false;
    }
    check_vectors(b, path);
    return true;
}

bool armv7m_load(struct armv7m_board *b, struct error **errp)
{
    address_space_update(&b->m->as);
    b->images.as = &b->m->as;
    b->images.ram_size = MAX_FILE;
    boot_images_init(&b->images);
    b->fresh = true;
    return check_options(b, errp) &&
           (b->m->cfg.kernel == NULL || load_kernel(b, b->m->cfg.kernel, errp));
}

void armv7m_reset(struct armv7m_board *b)
{
    struct error *err = NULL;
    if (b->fresh) { /* the reset that ends the machine's creation */
        b->fresh = false;
        return;
    }
    if (!boot_images_restore(&b->images, &err))
        error_report(err);
}

void armv7m_fini(struct armv7m_board *b)
{
    boot_images_fini(&b->images);
}
