/*
 * PIIX4, function 3: power management, and the SMBus controller.
 * Ref: 82371AB (PIIX4) data sheet (290562), 7 (function 3 registers).
 *
 * QUIRK: the SMBus controller interrupts nobody; drivers look.
 */
#include "hw/acpi/piix4_pm.h"
#include "core/machine.h"
#include "hw/acpi/pm.h"
#include "hw/i2c/smbus_host.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

enum { PM_BASE = 0x40, PM_ENABLE = 0x80, SMB_BASE = 0x90, SMB_ENABLE = 0xd2, DEVACTB = 0x58 };
enum { PM_SIZE = 64, SMB_SIZE = 16, APM_PORTS = 0xb2, APMC_ENABLE_BYTE = 3, APMC_ENABLE = 0x02 };
enum { ACPI_ENABLE_COMMAND = 0xf1, ACPI_DISABLE_COMMAND = 0xf0 };
enum { PM1_STS = 0, PM1_EN = 2, PM1_CNT = 4, PM_TIMER = 8, GP_STS = 12, GP_EN = 14 };
enum { SLEEP_S5 = 0, SLEEP_S3 = 1, SLEEP_S4 = 2 }; /* S4: the memory is on the disk already */

struct piix4_pm {
    struct pci_device pci;
    uint8_t disable_s3, disable_s4;
    struct acpi_pm pm;
    struct smbus_host smb;
    struct irq sci, smi;
    struct mem_region pm_ports, smb_ports, apm_ports;
    _Atomic gpa pm_at, smb_at; /* where they are shown, 0: nowhere */
    struct piix4_pm_state {
        struct pci_state pci;
        struct acpi_pm_state pm;
        struct smbus_host_state smb;
        uint8_t apm[2];
        uint8_t pad[6];
    } s;
};

struct irq *piix4_pm_sci(struct device *dev)
{
    return &((struct piix4_pm *)dev)->sci;
}

struct irq *piix4_pm_smi(struct device *dev)
{
    return &((struct piix4_pm *)dev)->smi;
}

uint64_t piix4_pm_base(struct device *dev)
{
    return ((struct piix4_pm *)dev)->pm_at;
}

void piix4_pm_event(struct device *dev, uint16_t bits)
{
    acpi_pm_event(&((struct piix4_pm *)dev)->pm, bits);
}

static uint32_t pm_register(struct piix4_pm *p, unsigned off)
{
    switch (off) {
    case PM1_STS: return acpi_pm_read_sts(&p->pm) | (uint32_t)p->s.pm.en << 16;
    case PM1_CNT: return p->s.pm.cnt;
    case PM_TIMER: return acpi_pm_timer();
    case GP_STS: return p->s.pm.gpe_sts | (uint32_t)p->s.pm.gpe_en << 16;
    default: return 0;
    }
}

static uint64_t pm_read(struct device *dev, struct access a)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    struct acpi_pm_state before = p->s.pm;
    uint32_t v = pm_register(p, (unsigned)a.off & ~3U) >> 8 * (a.off & 3);
    if (a.peek)
        p->s.pm = before;
    return v;
}

static void write_half(struct piix4_pm *p, unsigned off, uint16_t v)
{
    switch (off) {
    case PM1_STS: acpi_pm_write_sts(&p->pm, v); break;
    case PM1_EN: acpi_pm_write_en(&p->pm, v); break;
    case PM1_CNT: acpi_pm_write_cnt(&p->pm, v); break;
    case GP_STS: acpi_pm_write_gpe(&p->pm, false, v); break;
    case GP_EN: acpi_pm_write_gpe(&p->pm, true, v); break;
    default: break;
    }
}

static void pm_write(struct device *dev, struct access a, uint64_t v)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    unsigned off = (unsigned)a.off & ~1U;
    if (a.size == 1) { /* half of a register: the other half as it is, of a status register 0 */
        uint16_t now = off == PM1_STS || off == GP_STS
                           ? 0
                           : (uint16_t)(pm_register(p, off & ~3U) >> 8 * (off & 3));
        v = deposit64(now, a.off & 1 ? 8 : 0, 8, v);
    }
    write_half(p, off, (uint16_t)v);
    if (a.size == 4)
        write_half(p, off + 2, (uint16_t)(v >> 16));
}

static uint64_t smb_read(struct device *dev, struct access a)
{
    return smbus_host_read(&((struct piix4_pm *)dev)->smb, (unsigned)a.off, a.peek);
}

static void smb_write(struct device *dev, struct access a, uint64_t v)
{
    smbus_host_write(&((struct piix4_pm *)dev)->smb, (unsigned)a.off, (uint8_t)v, false);
}

static uint64_t apm_read(struct device *dev, struct access a)
{
    return ((struct piix4_pm *)dev)->s.apm[a.off];
}

static void apm_write(struct device *dev, struct access a, uint64_t v)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    p->s.apm[a.off] = (uint8_t)v;
    if (a.off != 0)
        return;
    if (v == ACPI_ENABLE_COMMAND || v == ACPI_DISABLE_COMMAND)
        acpi_pm_enable(&p->pm, v == ACPI_ENABLE_COMMAND);
    if (pci_config_get(&p->pci, DEVACTB + APMC_ENABLE_BYTE, 1) & APMC_ENABLE)
        irq_pulse(&p->smi);
}

static void show(struct piix4_pm *p, struct mem_region *mr, _Atomic gpa *shown, gpa at)
{
    if (*shown == at)
        return;
    region_del(mr);
    if (at)
        region_add(&p->pci.dev.machine->io_root, at, mr, 1);
    *shown = at;
    address_space_update(&p->pci.dev.machine->io);
}

static void update_ports(struct piix4_pm *p)
{
    gpa pm = pci_config_get(&p->pci, PM_BASE, 4) & 0xffc0;
    gpa smb = pci_config_get(&p->pci, SMB_BASE, 4) & 0xfff0;
    bool pm_on = pci_config_get(&p->pci, PM_ENABLE, 1) & 1;
    bool smb_on = (pci_config_get(&p->pci, SMB_ENABLE, 1) & 1) &&
                  (pci_config_get(&p->pci, PCI_COMMAND, 2) & PCI_COMMAND_IO);
    show(p, &p->pm_ports, &p->pm_at, pm_on ? pm : 0);
    show(p, &p->smb_ports, &p->smb_at, smb_on ? smb : 0);
}

static void config_written(struct pci_device *pci, unsigned off UNUSED, unsigned size UNUSED)
{
    update_ports((struct piix4_pm *)pci);
}

static void piix4_pm_sync(struct device *dev)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    pci_sync(dev);
    update_ports(p);
    acpi_pm_update(&p->pm);
}

static void piix4_pm_reset(struct device *dev)
{
    pci_reset(dev);
    smbus_host_reset(&((struct piix4_pm *)dev)->smb);
}

static void piix4_pm_loaded(struct device *dev)
{
    smbus_host_loaded(&((struct piix4_pm *)dev)->smb);
}

static void init_registers(struct pci_device *p)
{
    pci_config_init(p, PM_BASE, 4, 1);
    pci_config_writable(p, PM_BASE, 4, 0xffc0);
    for (unsigned off = 0x44; off < 0x80; off += 4)
        pci_config_writable(p, off, 4, 0xffffffff);
    pci_config_writable(p, PM_ENABLE, 1, 1);
    pci_config_init(p, SMB_BASE, 4, 1);
    pci_config_writable(p, SMB_BASE, 4, 0xfff0);
    pci_config_writable(p, SMB_ENABLE, 4, 0xffffff0f);
    pci_config_init(p, PCI_INTERRUPT_LINE, 1, 9);
}

static void init_ports(struct piix4_pm *p)
{
    static const struct mmio_ops pm_ops = {pm_read, pm_write, .min = 1, .max = 4, .size = PM_SIZE};
    static const struct mmio_ops smb_ops = {smb_read, smb_write, .min = 1, .max = 1,
                                            .size = SMB_SIZE};
    static const struct mmio_ops apm_ops = {apm_read, apm_write, .min = 1, .max = 1, .size = 2};
    struct machine *m = p->pci.dev.machine;
    region_init_mmio(&p->pm_ports, "piix4-pm", &pm_ops, &p->pci.dev);
    region_init_mmio(&p->smb_ports, "piix4-smb", &smb_ops, &p->pci.dev);
    region_init_mmio(&p->apm_ports, "apm", &apm_ops, &p->pci.dev);
    region_add(&m->io_root, APM_PORTS, &p->apm_ports, 1);
    address_space_update(&m->io);
}

static bool piix4_pm_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086,
                                       .device = 0x7113,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x068000,
                                       .revision = 3,
                                       .pin = 1};
    static const struct pci_ops ops = {.config_written = config_written};
    struct piix4_pm *p = (struct piix4_pm *)dev;
    if (!pci_init(&p->pci, &ids, &ops, errp))
        return false;
    init_registers(&p->pci);
    init_ports(p);
    smbus_host_init(&p->smb, &p->s.smb, false, dev->machine->cfg.ram_size);
    acpi_pm_init(&p->pm, dev, &p->s.pm, &p->sci);
    p->pm.off_types = (uint8_t)(1 << SLEEP_S5 | (p->disable_s4 ? 0 : 1 << SLEEP_S4));
    p->pm.sleep_types = p->disable_s3 ? 0 : 1 << SLEEP_S3;
    return true;
}

static void piix4_pm_unrealize(struct device *dev)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    acpi_pm_fini(&p->pm);
    region_del(&p->pm_ports);
    region_del(&p->smb_ports);
    region_del(&p->apm_ports);
    address_space_update(&dev->machine->io);
    pci_fini(&p->pci);
}

static const struct state_field piix4_pm_state[] = {
    STATE(piix4_pm, pci, 0), STATE(piix4_pm, pm, 0),        STATE_KEEP(piix4_pm, smb),
    STATE(piix4_pm, apm, 0), STATE_ARRAY(piix4_pm, pad, 0), STATE_END,
};

static const struct prop piix4_pm_props[] = {
    PCI_PROPS(piix4_pm),
    PROP(prop_uint8, piix4_pm, "disable_s3", disable_s3, "0",
         "1: sleep with memory powered is not there"),
    PROP(prop_uint8, piix4_pm, "disable_s4", disable_s4, "0",
         "1: sleep with memory on disk is not there"),
    PROP_END,
};

DEVICE_CLASS_NAMED(piix4_pm, "PIIX4_PM") = {
    .desc = "PIIX4: power management",
    .bus = "PCI",
    .props = piix4_pm_props,
    .state = piix4_pm_state,
    .realize = piix4_pm_realize,
    .unrealize = piix4_pm_unrealize,
    .reset = piix4_pm_reset,
    .loaded = piix4_pm_loaded,
    .sync = piix4_pm_sync,
};
