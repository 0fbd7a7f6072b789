/* The list of device types. */
#include "hw/registry.h"

#include <string.h>

extern const struct device_type aclint_mtimer_type;
extern const struct device_type aclint_swi_type;
extern const struct device_type ecam_host_type;
extern const struct device_type ecam_root_type;
extern const struct device_type fw_cfg_type;
extern const struct device_type goldfish_rtc_type;
extern const struct device_type ns16550_type;
extern const struct device_type pflash_cfi01_type;
extern const struct device_type plic_type;
extern const struct device_type sifive_test_type;
extern const struct device_type virtconsole_type;
extern const struct device_type virtio_9p_type;
extern const struct device_type virtio_blk_type;
extern const struct device_type virtio_mmio_type;
extern const struct device_type virtio_net_type;
extern const struct device_type virtio_rng_type;
extern const struct device_type virtio_serial_type;
extern const struct device_type virtserialport_type;

const struct device_type *const hw_device_types[] = {
    &pflash_cfi01_type,   /* cfi.pflash01 */
    &fw_cfg_type,         /* fw_cfg_mem */
    &goldfish_rtc_type,   /* goldfish_rtc */
    &ecam_host_type,      /* gpex-pcihost */
    &ecam_root_type,      /* gpex-root */
    &aclint_mtimer_type,  /* riscv.aclint.mtimer */
    &aclint_swi_type,     /* riscv.aclint.swi */
    &plic_type,           /* riscv.sifive.plic */
    &sifive_test_type,    /* riscv.sifive.test */
    &ns16550_type,        /* serial-mm */
    &virtconsole_type,    /* virtconsole */
    &virtio_9p_type,      /* virtio-9p-device */
    &virtio_blk_type,     /* virtio-blk-device */
    &virtio_mmio_type,    /* virtio-mmio */
    &virtio_net_type,     /* virtio-net-device */
    &virtio_rng_type,     /* virtio-rng-device */
    &virtio_serial_type,  /* virtio-serial-device */
    &virtserialport_type, /* virtserialport */
    NULL,
};

enum { NTYPES = ARRAY_SIZE(hw_device_types) - 1 };

const struct device_type *hw_device_find(const char *name)
{
    for (size_t i = 0; i < NTYPES; i++)
        if (strcmp(hw_device_types[i]->name, name) == 0)
            return hw_device_types[i];
    return NULL;
}

const struct device_type *hw_device_find_creatable(const char *name, struct error **errp)
{
    const char *names[NTYPES + 1] = {NULL};
    size_t n = 0;
    const struct device_type *t = hw_device_find(name);
    if (t && t->cls->user_creatable)
        return t;
    if (t) {
        error_set(errp, "device '%s' is part of a board and cannot be created by -device", name);
        return NULL;
    }
    for (size_t i = 0; i < NTYPES; i++)
        if (hw_device_types[i]->cls->user_creatable)
            names[n++] = hw_device_types[i]->name;
    const char *near = nearest_name(name, names);
    error_set(errp, "there is no device '%s'", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}
