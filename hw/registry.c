/* The list of device types. */
#include "hw/registry.h"

#include <glib.h>
#include <string.h>

extern const struct device_type acpi_ged_type, acpi_ged_regs_type;
extern const struct device_type aclint_mtimer_type;
extern const struct device_type aclint_swi_type;
extern const struct device_type ahci_type;
extern const struct device_type apic_bus_type;
extern const struct device_type armv7m_type;
extern const struct device_type bitband_type;
extern const struct device_type bochs_display_type;
extern const struct device_type cmsdk_dualtimer_type;
extern const struct device_type cmsdk_gpio_type;
extern const struct device_type cmsdk_timer_type;
extern const struct device_type cmsdk_uart_type;
extern const struct device_type debug_exit_type;
extern const struct device_type debugcon_type;
extern const struct device_type e1000_82540em_type;
extern const struct device_type e1000_type;
extern const struct device_type e1000e_type;
extern const struct device_type ecam_host_type;
extern const struct device_type ecam_root_type;
extern const struct device_type fdc_type;
extern const struct device_type floppy_type;
extern const struct device_type fw_cfg_io_type;
extern const struct device_type fw_cfg_type;
extern const struct device_type gicv3_its_type;
extern const struct device_type gicv3_redist_type;
extern const struct device_type gicv3_type;
extern const struct device_type gicv2_type;
extern const struct device_type gicv2m_type;
extern const struct device_type goldfish_rtc_type;
extern const struct device_type hpet_type;
extern const struct device_type i440fx_host_type;
extern const struct device_type i440fx_type;
extern const struct device_type i8042_type;
extern const struct device_type i8237_type;
extern const struct device_type i8254_type;
extern const struct device_type i8259_type;
extern const struct device_type ich9_ahci_type;
extern const struct device_type ich9_smb_type;
extern const struct device_type ich9_lpc_type;
extern const struct device_type ide_cd_type;
extern const struct device_type ide_hd_type;
extern const struct device_type ioapic_type;
extern const struct device_type ioh3420_type;
extern const struct device_type isa_bridge_type;
extern const struct device_type isa_ide_type;
extern const struct device_type isa_serial_type;
extern const struct device_type isa_vga_type;
extern const struct device_type lapic_type;
extern const struct device_type mc146818_type;
extern const struct device_type iotkit_secctl_type;
extern const struct device_type iotkit_sysctl_type;
extern const struct device_type iotkit_sysinfo_type;
extern const struct device_type sse200_cpuid_type;
extern const struct device_type sse200_mhu_type;
extern const struct device_type lan9118_type;
extern const struct device_type loader_type;
extern const struct device_type mps2_fpgaio_type;
extern const struct device_type mps2_scc_type;
extern const struct device_type ne2k_isa_type;
extern const struct device_type ne2k_pci_type;
extern const struct device_type ns16550_type;
extern const struct device_type parallel_type;
extern const struct device_type pc_testdev_type;
extern const struct device_type pci_bridge_type;
extern const struct device_type pcie_pci_bridge_type;
extern const struct device_type pcie_root_port_type;
extern const struct device_type pflash_cfi01_type;
extern const struct device_type piix3_ide_type;
extern const struct device_type piix3_type;
extern const struct device_type piix4_ide_type;
extern const struct device_type piix4_pm_type;
extern const struct device_type pl011_type;
extern const struct device_type pl022_type;
extern const struct device_type pl080_type;
extern const struct device_type pl031_type;
extern const struct device_type pl061_type;
extern const struct device_type aplic_type;
extern const struct device_type imsic_type;
extern const struct device_type plic_type;
extern const struct device_type port92_type;
extern const struct device_type portf0_type;
extern const struct device_type edu_type;
extern const struct device_type i6300esb_type;
extern const struct device_type pci_testdev_type;
extern const struct device_type pvpanic_pci_type;
extern const struct device_type pvpanic_type;
extern const struct device_type q35_host_type;
extern const struct device_type q35_mch_type;
extern const struct device_type ramfb_type;
extern const struct device_type rtl8139_type;
extern const struct device_type sbcon_type;
extern const struct device_type scsi_cd_type;
extern const struct device_type scsi_hd_type;
extern const struct device_type secondary_vga_type;
extern const struct device_type sifive_test_type;
extern const struct device_type ssd0323_type;
extern const struct device_type stellaris_adc_type;
extern const struct device_type stellaris_enet_type;
extern const struct device_type stellaris_flash_type;
extern const struct device_type stellaris_gptm_type;
extern const struct device_type stellaris_i2c_type;
extern const struct device_type stellaris_sysctl_type;
extern const struct device_type tz_mpc_type;
extern const struct device_type unimp_type;
extern const struct device_type vga_pci_type;
extern const struct device_type vhost_vsock_type;
extern const struct device_type sp805_type;
extern const struct device_type virtconsole_type;
extern const struct device_type virtio_9p_type;
extern const struct device_type virtio_balloon_type;
extern const struct device_type virtio_blk_type;
extern const struct device_type virtio_keyboard_type;
extern const struct device_type virtio_mmio_type;
extern const struct device_type virtio_mouse_type;
extern const struct device_type virtio_net_type;
extern const struct device_type virtio_rng_type;
extern const struct device_type virtio_scsi_type;
extern const struct device_type virtio_serial_type;
extern const struct device_type virtio_tablet_type;
extern const struct device_type virtserialport_type;
extern const struct device_type x3130_upstream_type;
extern const struct device_type xio3130_downstream_type;

extern const struct device_deriver virtio_pci_deriver;

/* clang-format off */
static const struct device_type *const written_types[] = {
    &bitband_type,                  /* ARM-bitband-memory */
    &ich9_lpc_type,                 /* ICH9-LPC */
    &ich9_smb_type,                 /* ICH9-SMB */
    &piix3_type,                    /* PIIX3 */
    &piix4_pm_type,                 /* PIIX4_PM */
    &vga_pci_type,                  /* VGA */
    &acpi_ged_type,                 /* acpi-ged */
    &acpi_ged_regs_type,            /* acpi-ged-regs */
    &ahci_type,
    &lapic_type,                    /* apic */
    &apic_bus_type,                 /* apic-bus */
    &bochs_display_type,            /* bochs-display */
    &gicv3_type,                    /* arm-gicv3 */
    &gicv3_its_type,                /* arm-gicv3-its */
    &gicv3_redist_type,             /* arm-gicv3-redist */
    &gicv2_type,                    /* arm_gic */
    &gicv2m_type,                   /* arm-gicv2m */
    &armv7m_type,                   /* armv7m_nvic */
    &pflash_cfi01_type,             /* cfi.pflash01 */
    &cmsdk_dualtimer_type,          /* cmsdk-apb-dualtimer */
    &cmsdk_timer_type,              /* cmsdk-apb-timer */
    &cmsdk_uart_type,               /* cmsdk-apb-uart */
    &sp805_type,                    /* cmsdk-apb-watchdog */
    &e1000_type,
    &e1000_82540em_type,            /* e1000-82540em */
    &e1000e_type,
    &edu_type,
    &floppy_type,
    &fw_cfg_io_type,                /* fw_cfg_io */
    &fw_cfg_type,                   /* fw_cfg_mem */
    &goldfish_rtc_type,             /* goldfish_rtc */
    &ecam_host_type,                /* gpex-pcihost */
    &ecam_root_type,                /* gpex-root */
    &hpet_type,
    &i440fx_type,                   /* i440FX */
    &i440fx_host_type,              /* i440FX-pcihost */
    &i6300esb_type,
    &i8042_type,
    &i8237_type,                    /* i8257 */
    &ich9_ahci_type,                /* ich9-ahci */
    &ide_cd_type,                   /* ide-cd */
    &ide_hd_type,                   /* ide-hd */
    &ioapic_type,
    &ioh3420_type,
    &debug_exit_type,               /* isa-debug-exit */
    &debugcon_type,                 /* isa-debugcon */
    &fdc_type,                      /* isa-fdc */
    &i8259_type,                    /* isa-i8259 */
    &isa_ide_type,                  /* isa-ide */
    &parallel_type,                 /* isa-parallel */
    &i8254_type,                    /* isa-pit */
    &isa_serial_type,               /* isa-serial */
    &isa_vga_type,                  /* isa-vga */
    &isa_bridge_type,               /* isabus-bridge */
    &mc146818_type,                 /* mc146818rtc */
    &q35_mch_type,                  /* mch */
    &pc_testdev_type,               /* pc-testdev */
    &pci_bridge_type,               /* pci-bridge */
    &pcie_pci_bridge_type,          /* pcie-pci-bridge */
    &pcie_root_port_type,           /* pcie-root-port */
    &piix3_ide_type,                /* piix3-ide */
    &piix4_ide_type,                /* piix4-ide */
    &pl011_type,
    &pl031_type,
    &pl061_type,
    &loader_type,
    &mps2_fpgaio_type,              /* mps2-fpgaio */
    &mps2_scc_type,                 /* mps2-scc */
    &ne2k_isa_type,
    &ne2k_pci_type,
    &pci_testdev_type,              /* pci-testdev */
    &pvpanic_type,
    &pvpanic_pci_type,              /* pvpanic-pci */
    &ramfb_type,
    &q35_host_type,                 /* q35-pcihost */
    &aclint_mtimer_type,            /* riscv.aclint.mtimer */
    &aclint_swi_type,               /* riscv.aclint.swi */
    &aplic_type,                    /* riscv.aplic */
    &imsic_type,                    /* riscv.imsic */
    &plic_type,                     /* riscv.sifive.plic */
    &sifive_test_type,              /* riscv.sifive.test */
    &port92_type,
    &portf0_type,
    &rtl8139_type,
    &scsi_cd_type,                  /* scsi-cd */
    &scsi_hd_type,                  /* scsi-hd */
    &secondary_vga_type,            /* secondary-vga */
    &ns16550_type,                  /* serial-mm */
    &cmsdk_gpio_type,               /* cmsdk-ahb-gpio */
    &iotkit_secctl_type,            /* iotkit-secctl */
    &iotkit_sysctl_type,            /* iotkit-sysctl */
    &iotkit_sysinfo_type,           /* iotkit-sysinfo */
    &sse200_cpuid_type,             /* armsse-cpuid */
    &sse200_mhu_type,               /* armsse-mhu */
    &lan9118_type,
    &pl022_type,
    &pl080_type,
    &sbcon_type,                    /* arm-sbcon-i2c */
    &ssd0323_type,
    &stellaris_adc_type,            /* stellaris-adc */
    &stellaris_enet_type,
    &stellaris_flash_type,          /* stellaris-flash */
    &stellaris_gptm_type,           /* stellaris-gptm */
    &stellaris_i2c_type,            /* stellaris-i2c */
    &stellaris_sysctl_type,         /* stellaris-sysctl */
    &tz_mpc_type,                   /* tz-mpc */
    &unimp_type,                    /* unimplemented-device */
    &vhost_vsock_type,              /* vhost-vsock-device */
    &virtconsole_type,              /* virtconsole */
    &virtio_9p_type,                /* virtio-9p-device */
    &virtio_balloon_type,     /* virtio-balloon-device */
    &virtio_blk_type,               /* virtio-blk-device */
    &virtio_mmio_type,              /* virtio-mmio */
    &virtio_net_type,               /* virtio-net-device */
    &virtio_rng_type,               /* virtio-rng-device */
    &virtio_scsi_type,              /* virtio-scsi-device */
    &virtio_serial_type,            /* virtio-serial-device */
    &virtio_keyboard_type,    /* virtio-keyboard-device */
    &virtio_mouse_type,       /* virtio-mouse-device */
    &virtio_tablet_type,      /* virtio-tablet-device */
    &virtserialport_type,           /* virtserialport */
    &x3130_upstream_type,           /* x3130-upstream */
    &xio3130_downstream_type,       /* xio3130-downstream */
    NULL,
};
/* clang-format on */

/* The list is made once; its types do not change after. */
static gpointer make_list(gpointer unused UNUSED)
{
    GPtrArray *list = g_ptr_array_new();
    for (const struct device_type *const *t = written_types; *t; t++)
        g_ptr_array_add(list, (gpointer)(uintptr_t)*t);
    for (const struct device_type *const *t = written_types; *t; t++) {
        const struct device_type *more[MAX_DERIVED_TYPES];
        unsigned n = virtio_pci_deriver.derive(*t, more);
        for (unsigned i = 0; i < n; i++)
            g_ptr_array_add(list, (gpointer)(uintptr_t)more[i]);
    }
    g_ptr_array_add(list, NULL);
    return g_ptr_array_free(list, FALSE);
}

const struct device_type *const *hw_device_types(void)
{
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, make_list, NULL);
}

const struct device_type *hw_device_find(const char *name)
{
    for (const struct device_type *const *t = hw_device_types(); *t; t++)
        if (strcmp((*t)->name, name) == 0)
            return *t;
    return NULL;
}

/* Devices that users know and that are not here: why, and what is. */
static const struct {
    const char *prefix, *why;
} not_here[] = {
    {"cirrus-vga", "that card is not modelled; VGA is the standard one"},
    {"isa-cirrus-vga", "that card is not modelled; isa-vga is the standard one"},
    {"qxl", "that card is not modelled; VGA is the standard one"},
    {"vmware-svga", "that card is not modelled; VGA is the standard one"},
    {"virtio-vga", "that card is not modelled; VGA is the standard one"},
    {"virtio-gpu", "that card is not modelled; VGA and bochs-display are displays"},
    {"vhost-scsi", "the host's kernel serves it (/dev/vhost-scsi), which is not supported; "
                   "virtio-scsi and scsi-hd are a SCSI disk"},
    {"vhost-user-fs", "another process serves it, which is not supported; -virtfs shares a "
                      "directory"},
    {"vhost-user-", "another process serves it, which is not supported; look for the same device "
                    "with 'virtio-' in '-device help'"},
};

static const char *why_not(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(not_here); i++)
        if (g_str_has_prefix(name, not_here[i].prefix))
            return not_here[i].why;
    return NULL;
}

static void set_no_such_device(const char *name, struct error **errp)
{
    if (why_not(name)) {
        error_set(errp, "there is no device '%s': %s", name, why_not(name));
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const struct device_type *const *t = hw_device_types(); *t; t++)
        if ((*t)->cls->user_creatable)
            g_ptr_array_add(names, (gpointer)(uintptr_t)(*t)->name);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    error_set(errp, "there is no device '%s'", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
}

/* Adapters, and what plugs into them. */
static bool is_usb(const char *name)
{
    return g_str_has_prefix(name, "usb-") || strstr(name, "xhci") || strstr(name, "ehci") ||
           strstr(name, "-uhci") || strcmp(name, "pci-ohci") == 0;
}

const struct device_type *hw_device_find_creatable(const char *name, struct error **errp)
{
    const struct device_type *t = hw_device_find(name);
    if (t && t->cls->user_creatable)
        return t;
    if (t == NULL && is_usb(name))
        error_set(errp, "there is no device '%s': USB is not supported yet", name);
    else if (t)
        error_set(errp, "device '%s' is part of a board and cannot be created by -device", name);
    else
        set_no_such_device(name, errp);
    return NULL;
}
