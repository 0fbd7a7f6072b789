/*
 * LPC bridge of ICH9: ISA bus, routing of PCI interrupts, power management, root complex registers.
 * Ref: Intel ICH9 data sheet (316972), 13 (LPC), 10 (chip set configuration registers).
 *
 * QUIRK: slots from 25 on use PIRQE to PIRQH like all others, whatever the D31IR registers say;
 * TCO interrupts nobody but by SMI.
 */
#include "hw/acpi/ich9_lpc.h"
#include "core/machine.h"
#include "hw/acpi/pm.h"
#include "hw/acpi/tco.h"
#include "hw/isa/pirq.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

enum { PM_BASE = 0x40, ACPI_CONTROL = 0x44, PIRQ_A = 0x60, PIRQ_E = 0x68, RCBA = 0xf0 };
enum { ACPI_ENABLED = 0x80, PM_SIZE = 128, APM_PORTS = 0xb2, RCRB_SIZE = 0x4000, HOST_PINS = 4 };
enum { ACPI_ENABLE_COMMAND = 0x02, ACPI_DISABLE_COMMAND = 0x03 };
enum { PM1_STS = 0x00, PM1_EN = 0x02, PM1_CNT = 0x04, PM_TIMER = 0x08, GPE_STS = 0x20 };
enum { GPE_EN = 0x28, SMI_EN = 0x30, SMI_STS = 0x34, SMI_ALL = 0x01, SMI_APMC = 0x20 };
enum { GEN_PMCON = 0xa0, SMI_LOCK = 0x10 };
enum { SMI_END_OF = 0x02, SMI_WRITABLE = 0x2031 };
enum { SMI_TCO = 0x2000, TCO_AT = 0x60, GCS = 0x3410, GCS_NO_REBOOT = 0x20 };
/* As the data sheet has them; and as the boards' tables do, and small kernels at port 0x604. */
enum { SLEEP_S3 = 5, SLEEP_S4 = 6, SLEEP_S5 = 7 };
enum { SLEEP_OFF = 0, SLEEP_S3_SOFT = 1, SLEEP_S4_SOFT = 2 };

struct ich9_lpc {
    struct pci_device pci;
    uint8_t disable_s3, disable_s4;
    bool no_reboot; /* a strap */
    struct isa_bus isa;
    struct pirq_router router;
    struct acpi_pm pm;
    struct acpi_tco tco;
    struct irq sci, smi, smi_all, apic_line[HOST_PINS];
    struct device *fw_cfg; /* where SMI features are negotiated, or NULL */
    bool smi_broadcast;    /* may be */
    struct mem_region pm_ports, apm_ports, rcrb;
    _Atomic gpa pm_at, rcrb_at; /* where they are shown, 0: nowhere */
    struct ich9_lpc_state {
        struct pci_state pci;
        struct acpi_pm_state pm;
        struct acpi_tco_state tco;
        uint32_t smi_en, smi_sts;
        uint8_t apm[2];
        uint8_t smi_agreed; /* features of SMIs are fixed until the reset */
        uint8_t pad[5];
        uint64_t smi_features; /* as firmware asks for them */
        uint32_t kept_base, kept_control;
        uint8_t rcrb[RCRB_SIZE];
    } s;
};

struct isa_bus *ich9_isa(struct device *dev)
{
    return &((struct ich9_lpc *)dev)->isa;
}

struct irq *ich9_apic_line(struct device *dev, unsigned n)
{
    return &((struct ich9_lpc *)dev)->apic_line[n];
}

struct irq *ich9_sci(struct device *dev)
{
    return &((struct ich9_lpc *)dev)->sci;
}

struct irq *ich9_smi(struct device *dev)
{
    return &((struct ich9_lpc *)dev)->smi;
}

struct irq *ich9_smi_all(struct device *dev)
{
    return &((struct ich9_lpc *)dev)->smi_all;
}

/* ---- SMI features: OVMF's SmmControl2Dxe is what asks for them ---- */

enum { SMI_BROADCAST = 1 };
static const char SMI_SUPPORTED[] = "etc/smi/supported-features";
static const char SMI_REQUESTED[] = "etc/smi/requested-features";
static const char SMI_OK[] = "etc/smi/features-ok";

static uint64_t smi_supported(const struct ich9_lpc *l)
{
    return l->smi_broadcast ? SMI_BROADCAST : 0;
}

static void show_smi_features(struct ich9_lpc *l)
{
    uint8_t bytes[8];
    if (l->fw_cfg == NULL)
        return;
    st_le64(bytes, l->s.smi_features);
    fw_cfg_replace_file(l->fw_cfg, SMI_REQUESTED, bytes, sizeof(bytes));
    fw_cfg_replace_file(l->fw_cfg, SMI_OK, &l->s.smi_agreed, 1);
}

static void on_smi_request(void *opaque, const uint8_t *data)
{
    struct ich9_lpc *l = opaque;
    if (!l->s.smi_agreed)
        l->s.smi_features = ld_le64(data);
}

/* Whoever looks at the answer has asked for what they want. */
static void on_smi_answer(void *opaque)
{
    struct ich9_lpc *l = opaque;
    if (!(l->s.smi_features & ~smi_supported(l)))
        l->s.smi_agreed = 1;
    show_smi_features(l);
}

bool ich9_offer_smi_features(struct device *dev, struct device *fw_cfg, struct error **errp)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    uint8_t supported[8], none[8] = {0};
    if (smi_supported(l) == 0)
        return true;
    st_le64(supported, smi_supported(l));
    if (!fw_cfg_add_file(fw_cfg, SMI_SUPPORTED, supported, sizeof(supported), errp) ||
        !fw_cfg_add_file(fw_cfg, SMI_REQUESTED, none, sizeof(none), errp) ||
        !fw_cfg_add_file(fw_cfg, SMI_OK, none, 1, errp))
        return false;
    l->fw_cfg = fw_cfg;
    fw_cfg_on_write(fw_cfg, SMI_REQUESTED, on_smi_request, l);
    fw_cfg_on_select(fw_cfg, SMI_OK, on_smi_answer, l);
    return true;
}

uint64_t ich9_pm_base(struct device *dev)
{
    return ((struct ich9_lpc *)dev)->pm_at;
}

void ich9_pm_event(struct device *dev, uint16_t bits)
{
    acpi_pm_event(&((struct ich9_lpc *)dev)->pm, bits);
}

void ich9_pirq(void *opaque, unsigned n, bool level)
{
    struct ich9_lpc *l = opaque;
    pirq_set(&l->router, HOST_PINS + n % HOST_PINS, level);
    irq_set(&l->apic_line[n % HOST_PINS], level);
}

static uint32_t pm_register(struct ich9_lpc *l, unsigned off)
{
    switch (off) {
    case PM1_STS: return acpi_pm_read_sts(&l->pm) | (uint32_t)l->s.pm.en << 16;
    case PM1_CNT: return l->s.pm.cnt;
    case PM_TIMER: return acpi_pm_timer();
    case GPE_STS: return l->s.pm.gpe_sts;
    case GPE_EN: return l->s.pm.gpe_en;
    case SMI_EN: return l->s.smi_en | SMI_END_OF;
    case SMI_STS: return l->s.smi_sts;
    default: return 0;
    }
}

/* An event that TCO_EN lets through. */
static void on_tco_smi(struct device *dev)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    if (!(l->s.smi_en & SMI_ALL) || !(l->s.smi_en & SMI_TCO))
        return;
    l->s.smi_sts |= SMI_TCO;
    irq_pulse(&l->smi);
}

static bool is_reboot_off(struct device *dev)
{
    const struct ich9_lpc *l = (struct ich9_lpc *)dev;
    return l->no_reboot || (l->s.rcrb[GCS] & GCS_NO_REBOOT);
}

static uint64_t tco_read(const struct ich9_lpc *l, struct access a)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < a.size; i++)
        v |= (uint64_t)acpi_tco_read(&l->tco, (unsigned)a.off - TCO_AT + i) << 8 * i;
    return v;
}

static uint64_t pm_read(struct device *dev, struct access a)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    struct acpi_pm_state before = l->s.pm;
    if (a.off >= TCO_AT)
        return tco_read(l, a);
    uint32_t v = pm_register(l, (unsigned)a.off & ~3U) >> 8 * (a.off & 3);
    if (a.peek)
        l->s.pm = before;
    return v;
}

static bool is_write_one_to_clear(unsigned off)
{
    return off == PM1_STS || off == GPE_STS || off == SMI_STS;
}

/* Once SMI_LOCK is set, no one switches SMIs on or off; once TCO_LOCK is, those of TCO. */
static uint32_t smi_writable(struct ich9_lpc *l)
{
    bool locked = pci_config_get(&l->pci, GEN_PMCON, 1) & SMI_LOCK;
    return SMI_WRITABLE & ~(locked ? (uint32_t)SMI_ALL : 0) &
           ~(acpi_tco_is_locked(&l->tco) ? (uint32_t)SMI_TCO : 0);
}

static void write_half(struct ich9_lpc *l, unsigned off, uint16_t v)
{
    switch (off) {
    case PM1_STS: acpi_pm_write_sts(&l->pm, v); break;
    case PM1_EN: acpi_pm_write_en(&l->pm, v); break;
    case PM1_CNT: acpi_pm_write_cnt(&l->pm, v); break;
    case GPE_STS: acpi_pm_write_gpe(&l->pm, false, v); break;
    case GPE_EN: acpi_pm_write_gpe(&l->pm, true, v); break;
    case SMI_EN: l->s.smi_en = (l->s.smi_en & ~smi_writable(l)) | (v & smi_writable(l)); break;
    case SMI_STS: l->s.smi_sts &= ~(uint32_t)v; break;
    default: break;
    }
}

static void pm_write(struct device *dev, struct access a, uint64_t v)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    unsigned off = (unsigned)a.off & ~1U;
    if (a.off >= TCO_AT) {
        for (unsigned i = 0; i < a.size; i++)
            acpi_tco_write(&l->tco, (unsigned)a.off - TCO_AT + i, (uint8_t)(v >> 8 * i));
        return;
    }
    if (a.size == 1) { /* the other half as it is */
        uint16_t now =
            is_write_one_to_clear(off) ? 0 : (uint16_t)(pm_register(l, off & ~3U) >> 8 * (off & 3));
        v = deposit64(now, a.off & 1 ? 8 : 0, 8, v);
    }
    write_half(l, off, (uint16_t)v);
    if (a.size == 4)
        write_half(l, off + 2, (uint16_t)(v >> 16));
}

static uint64_t apm_read(struct device *dev, struct access a)
{
    return ((struct ich9_lpc *)dev)->s.apm[a.off];
}

static void apm_write(struct device *dev, struct access a, uint64_t v)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    l->s.apm[a.off] = (uint8_t)v;
    if (a.off != 0)
        return;
    if (v == ACPI_ENABLE_COMMAND || v == ACPI_DISABLE_COMMAND)
        acpi_pm_enable(&l->pm, v == ACPI_ENABLE_COMMAND);
    if ((l->s.smi_en & SMI_ALL) && (l->s.smi_en & SMI_APMC)) {
        bool all = l->s.smi_agreed && (l->s.smi_features & SMI_BROADCAST);
        l->s.smi_sts |= SMI_APMC;
        irq_pulse(all ? &l->smi_all : &l->smi);
    }
}

/* Registers that firmware sets up and reads back. */
static uint64_t rcrb_read(struct device *dev, struct access a)
{
    const struct ich9_lpc *l = (struct ich9_lpc *)dev;
    return ld_le32(l->s.rcrb + a.off) | (a.off == GCS && l->no_reboot ? GCS_NO_REBOOT : 0);
}

static void rcrb_write(struct device *dev, struct access a, uint64_t v)
{
    st_le32(((struct ich9_lpc *)dev)->s.rcrb + a.off, (uint32_t)v);
}

static void show_ports(struct ich9_lpc *l)
{
    struct machine *m = l->pci.dev.machine;
    bool on = pci_config_get(&l->pci, ACPI_CONTROL, 1) & ACPI_ENABLED;
    gpa at = on ? pci_config_get(&l->pci, PM_BASE, 4) & 0xff80 : 0;
    if (at == l->pm_at)
        return;
    region_del(&l->pm_ports);
    if (at)
        region_add(&m->io_root, at, &l->pm_ports, 1);
    l->pm_at = at;
    address_space_update(&m->io);
}

static void show_rcrb(struct ich9_lpc *l)
{
    struct machine *m = l->pci.dev.machine;
    uint32_t v = pci_config_get(&l->pci, RCBA, 4);
    gpa at = v & 1 ? v & ~(uint32_t)(RCRB_SIZE - 1) : 0;
    if (at == l->rcrb_at)
        return;
    region_del(&l->rcrb);
    if (at)
        region_add(&m->root, at, &l->rcrb, 1);
    l->rcrb_at = at;
    address_space_update(&m->as);
}

static void update(struct ich9_lpc *l)
{
    for (unsigned i = 0; i < HOST_PINS; i++) {
        pirq_route(&l->router, i, (uint8_t)pci_config_get(&l->pci, PIRQ_A + i, 1));
        pirq_route(&l->router, HOST_PINS + i, (uint8_t)pci_config_get(&l->pci, PIRQ_E + i, 1));
    }
    show_ports(l);
    show_rcrb(l);
    if (pci_config_get(&l->pci, GEN_PMCON, 1) & SMI_LOCK) /* until the reset */
        pci_config_writable(&l->pci, GEN_PMCON, 1, 0xff & ~SMI_LOCK);
}

/* QUIRK: firmware is to bring them back, and SeaBIOS does not: Linux then has no power button. */
void ich9_sleep(struct device *dev)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    mutex_lock(&dev->lock);
    l->s.kept_base = pci_config_get(&l->pci, PM_BASE, 4);
    l->s.kept_control = pci_config_get(&l->pci, ACPI_CONTROL, 4);
    mutex_unlock(&dev->lock);
}

void ich9_wake(struct device *dev)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    mutex_lock(&dev->lock);
    pci_config_put(&l->pci, PM_BASE, 4, l->s.kept_base);
    pci_config_put(&l->pci, ACPI_CONTROL, 4, l->s.kept_control);
    update(l);
    mutex_unlock(&dev->lock);
}

static void config_written(struct pci_device *pci, unsigned off UNUSED, unsigned size UNUSED)
{
    update((struct ich9_lpc *)pci);
}

static void ich9_lpc_sync(struct device *dev)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    pci_sync(dev);
    update(l);
    acpi_pm_update(&l->pm);
    acpi_tco_sync(&l->tco);
    show_smi_features(l);
}

static void ich9_lpc_reset(struct device *dev)
{
    pci_reset(dev);
    acpi_tco_reset(&((struct ich9_lpc *)dev)->tco);
}

static void init_registers(struct pci_device *p)
{
    pci_config_init(p, PM_BASE, 4, 1);
    pci_config_writable(p, PM_BASE, 4, 0xff80);
    pci_config_writable(p, ACPI_CONTROL, 1, 0x87);
    pci_config_writable(p, 0x48, 4, 0xffff); /* GPIO base and control: nothing is there */
    for (unsigned i = 0; i < HOST_PINS; i++) {
        pci_config_init(p, PIRQ_A + i, 1, PIRQ_OFF);
        pci_config_init(p, PIRQ_E + i, 1, PIRQ_OFF);
        pci_config_writable(p, PIRQ_A + i, 1, 0x8f);
        pci_config_writable(p, PIRQ_E + i, 1, 0x8f);
    }
    pci_config_init(p, 0x64, 1, 0x10); /* serial interrupts */
    pci_config_writable(p, 0x64, 1, 0xff);
    pci_config_writable(p, 0x80, 4, 0xffffffff); /* decode ranges */
    for (unsigned off = 0x84; off <= 0x90; off += 4)
        pci_config_writable(p, off, 4, 0xffffffff);
    pci_config_writable(p, GEN_PMCON, 4, 0xffffffff);
    pci_config_writable(p, 0xdc, 1, 0x23); /* BIOS control */
    pci_config_writable(p, RCBA, 4, 0xffffc001);
}

static void init_ports(struct ich9_lpc *l)
{
    static const struct mmio_ops pm_ops = {pm_read, pm_write, .min = 1, .max = 4, .size = PM_SIZE};
    static const struct mmio_ops apm_ops = {apm_read, apm_write, .min = 1, .max = 1, .size = 2};
    static const struct mmio_ops rcrb_ops = {rcrb_read, rcrb_write, .min = 4, .max = 4,
                                             .size = RCRB_SIZE};
    struct machine *m = l->pci.dev.machine;
    region_init_mmio(&l->pm_ports, "ich9-pm", &pm_ops, &l->pci.dev);
    region_init_mmio(&l->apm_ports, "apm", &apm_ops, &l->pci.dev);
    region_init_mmio(&l->rcrb, "ich9-rcrb", &rcrb_ops, &l->pci.dev);
    region_add(&m->io_root, APM_PORTS, &l->apm_ports, 1);
    address_space_update(&m->io);
}

static bool ich9_lpc_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086,
                                       .device = 0x2918,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x060100,
                                       .revision = 2};
    static const struct pci_ops ops = {.config_written = config_written};
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    if (!pci_init(&l->pci, &ids, &ops, errp))
        return false;
    init_registers(&l->pci);
    init_ports(l);
    isa_bus_init(&l->isa, dev);
    pirq_init(&l->router, &l->isa);
    acpi_pm_init(&l->pm, dev, &l->s.pm, &l->sci);
    l->tco.smi = on_tco_smi;
    l->tco.no_reboot = is_reboot_off;
    acpi_tco_init(&l->tco, dev, &l->s.tco);
    l->pm.off_types = (uint8_t)(1 << SLEEP_S5 | 1 << SLEEP_OFF |
                                (l->disable_s4 ? 0 : 1 << SLEEP_S4 | 1 << SLEEP_S4_SOFT));
    l->pm.sleep_types = l->disable_s3 ? 0 : 1 << SLEEP_S3 | 1 << SLEEP_S3_SOFT;
    return true;
}

static void ich9_lpc_unrealize(struct device *dev)
{
    struct ich9_lpc *l = (struct ich9_lpc *)dev;
    acpi_pm_fini(&l->pm);
    acpi_tco_fini(&l->tco);
    region_del(&l->pm_ports);
    region_del(&l->apm_ports);
    region_del(&l->rcrb);
    address_space_update(&dev->machine->io);
    address_space_update(&dev->machine->as);
    isa_bus_fini(&l->isa);
    pci_fini(&l->pci);
}

static const struct state_field ich9_lpc_state[] = {
    STATE(ich9_lpc, pci, 0),
    STATE(ich9_lpc, pm, 0),
    STATE_KEEP(ich9_lpc, tco),
    STATE(ich9_lpc, smi_en, 0),
    STATE(ich9_lpc, smi_sts, 0),
    STATE(ich9_lpc, apm, 0),
    STATE(ich9_lpc, smi_agreed, 0),
    STATE(ich9_lpc, smi_features, 0),
    STATE_KEEP(ich9_lpc, kept_base),
    STATE_KEEP(ich9_lpc, kept_control),
    STATE_ARRAY(ich9_lpc, pad, 0),
    STATE_ARRAY(ich9_lpc, rcrb, 0),
    STATE_END,
};

static const struct prop ich9_lpc_props[] = {
    PCI_PROPS(ich9_lpc),
    PROP(prop_uint8, ich9_lpc, "disable_s3", disable_s3, "0",
         "1: sleep with memory powered is not there"),
    PROP(prop_uint8, ich9_lpc, "disable_s4", disable_s4, "0",
         "1: sleep with memory on disk is not there"),
    PROP(prop_bool, ich9_lpc, "x-smi-broadcast", smi_broadcast, "on",
         "firmware may have SMIs go to all processors"),
    PROP(prop_bool, ich9_lpc, "noreboot", no_reboot, "off",
         "a strap that keeps the TCO watchdog from its action"),
    PROP_END,
};

DEVICE_CLASS_NAMED(ich9_lpc, "ICH9-LPC") = {
    .desc = "ICH9: LPC bridge with power management",
    .bus = "PCI",
    .props = ich9_lpc_props,
    .state = ich9_lpc_state,
    .realize = ich9_lpc_realize,
    .unrealize = ich9_lpc_unrealize,
    .reset = ich9_lpc_reset,
    .sync = ich9_lpc_sync,
};
