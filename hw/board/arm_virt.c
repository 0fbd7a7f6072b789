/*
 * The Arm virt board, 64 and 32 bit.
 * Ref: QEMU documentation, "virt" generic virtual platform (arm); addresses and interrupts as its
 * device tree shows them.
 */
#include "hw/board/arm_virt.h"
#include "core/loader.h"
#include "hw/board/boards.h"
#include "hw/registry.h"
#include "target/arm/arm.h"
#include "util/bits.h"
#include "util/log.h"

#include <assert.h>
#include <string.h>

static const struct arm_virt_range fixed_map[ARM_VIRT_PLACES] = {
    [ARM_VIRT_FLASH] = {0x0, 0x4000000}, /* each bank */
    [ARM_VIRT_GIC_DIST] = {0x8000000, 0x10000},
    [ARM_VIRT_GIC_CPU] = {0x8010000, 0x10000},
    [ARM_VIRT_GIC_V2M] = {0x8020000, 0x1000},
    [ARM_VIRT_GIC_HYP] = {0x8030000, 0x10000},
    [ARM_VIRT_GIC_VCPU] = {0x8040000, 0x10000},
    [ARM_VIRT_GIC_ITS] = {0x8080000, 0x20000},
    [ARM_VIRT_GIC_REDIST] = {0x80a0000, 0xf60000},
    [ARM_VIRT_UART] = {0x9000000, 0x1000},
    [ARM_VIRT_RTC] = {0x9010000, 0x1000},
    [ARM_VIRT_FW_CFG] = {0x9020000, 0x18},
    [ARM_VIRT_GPIO] = {0x9030000, 0x1000},
    [ARM_VIRT_SECURE_UART] = {0x9040000, 0x1000},
    [ARM_VIRT_GED] = {0x9080000, 0x4},
    [ARM_VIRT_SECURE_GPIO] = {0x90b0000, 0x1000},
    [ARM_VIRT_VIRTIO] = {0xa000000, 0x200}, /* each slot */
    [ARM_VIRT_SECURE_MEM] = {0xe000000, 0x1000000},
    [ARM_VIRT_PCIE_MMIO] = {0x10000000, 0x2eff0000},
    [ARM_VIRT_PCIE_PIO] = {0x3eff0000, 0x10000},
    [ARM_VIRT_PCIE_ECAM] = {0x3f000000, 0x1000000},
    [ARM_VIRT_DRAM] = {0x40000000, 0},
};

/* Make a device of the board's own; it is realized by the caller. */
static struct device *create(struct arm_virt *b, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, &b->m, id);
}

/* Realize a device with registers at a place. */
static bool attach(struct arm_virt *b, struct device *dev, gpa base, struct error **errp)
{
    if (!device_realize(dev, errp))
        return false;
    region_add(&b->m.root, base, &dev->mmio, 0);
    return true;
}

static bool create_cpus(struct arm_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    const char *model = m->cfg.cpu_model ? m->cfg.cpu_model : m->cls->default_cpu;
    for (unsigned i = 0; i < MAX(m->cfg.smp, 1); i++) {
        struct arm_cpu_config config = {
            .has_el2 = b->virtualization,
            .has_el3 = b->secure,
            .start_off = i > 0,
            .mpidr = i,
            .psci = b->virtualization ? ARM_PSCI_SMC : ARM_PSCI_HVC,
        };
        if (arm_cpu_new(m, model, &config, errp) == NULL)
            return false;
    }
    return true;
}

static bool create_memory(struct arm_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    struct ram_block *dram = machine_new_ram(m, "mach-virt.ram", m->cfg.ram_size, errp);
    if (dram == NULL)
        return false;
    region_init_ram(&b->dram, dram->name, dram, 0, m->cfg.ram_size);
    region_add(&m->root, b->map[ARM_VIRT_DRAM].base, &b->dram, 0);
    return true;
}

static bool create_uart(struct arm_virt *b, struct error **errp)
{
    const char *chardev = b->m.cfg.serial[0];
    b->uart = create(b, "pl011", "serial0");
    return (chardev == NULL || device_set(b->uart, "chardev", chardev, errp)) &&
           attach(b, b->uart, b->map[ARM_VIRT_UART].base, errp);
}

/* The board's own tree, or that of -dtb. */
static struct fdt *create_fdt(struct arm_virt *b, struct error **errp)
{
    const char *path = b->m.cfg.dtb;
    size_t len;
    if (path == NULL)
        return arm_virt_fdt(b);
    g_autofree uint8_t *data = load_file(path, 16 << 20, &len, errp);
    struct fdt *f = data ? fdt_from_blob(data, len, path, errp) : NULL;
    if (f == NULL)
        error_prefix(errp, "-dtb");
    return f;
}

static bool load(struct arm_virt *b, struct error **errp)
{
    struct arm_boot *boot = &b->boot;
    boot->m = &b->m;
    boot->ram_base = b->map[ARM_VIRT_DRAM].base;
    boot->ram_size = b->m.cfg.ram_size;
    boot->has_el2 = b->virtualization;
    boot->has_el3 = b->secure;
    boot->randomness = b->dtb_randomness;
    boot->fdt = create_fdt(b, errp);
    address_space_update(&b->m.as);
    return boot->fdt && arm_boot_load(boot, errp);
}

static bool arm_virt_init(struct machine *m, struct error **errp)
{
    struct arm_virt *b = (struct arm_virt *)m;
    memcpy(b->map, fixed_map, sizeof(b->map));
    return create_cpus(b, errp) && create_memory(b, errp) && create_uart(b, errp) && load(b, errp);
}

static void arm_virt_reset(struct machine *m)
{
    arm_boot_reset(&((struct arm_virt *)m)->boot);
}

static void arm_virt_fini(struct machine *m)
{
    arm_boot_fini(&((struct arm_virt *)m)->boot);
}

static const struct prop arm_virt_props[] = {
    PROP(prop_bool, arm_virt, "dtb-randomness", dtb_randomness, "on",
         "random seeds in the device tree"),
    PROP(prop_bool, arm_virt, "secure", secure, "off", "EL3 and a secure world"),
    PROP(prop_bool, arm_virt, "virtualization", virtualization, "off", "EL2, for hypervisors"),
    PROP_END,
};

#define ARM_VIRT_COMMON                                                                            \
    .name = "virt", .desc = "Arm VirtIO board", .max_cpus = MACHINE_MAX_CPUS,                      \
    .default_ram = 128 << 20, .default_net = "virtio", .default_block_if = "virtio",               \
    .size = sizeof(struct arm_virt), .props = arm_virt_props, .init = arm_virt_init,               \
    .reset = arm_virt_reset, .fini = arm_virt_fini

const struct machine_class aarch64_virt_class = {
    ARM_VIRT_COMMON,
    .arch = "aarch64",
    .default_cpu = "cortex-a57",
};

const struct machine_class arm_virt_class = {
    ARM_VIRT_COMMON,
    .arch = "arm",
    .default_cpu = "cortex-a15",
};
