/*
 * The watchdog timer of Intel's 6300ESB I/O controller hub.
 * Ref: Intel 6300ESB I/O Controller Hub Datasheet, chapter "Watchdog Timer".
 *
 * Two stages: when the first runs out a status bit shows it (the hub's line for that leads to an
 * I/O APIC of its own, which boards here do not have); when the second does, the machine's watchdog
 * action follows.
 */
#include "core/action.h"
#include "core/clock.h"
#include "core/machine.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

#include <glib.h>

enum { WDT_CONFIG = 0x60, WDT_LOCK = 0x68 }; /* of configuration space */
enum { INT_TYPE = 3, INT_OFF = 3, PRE_SEL = 4, OUTPUT_OFF = 0x20 };
enum { LOCKED = 1, ENABLE = 2, FREE_RUN = 4 };
enum { PRELOAD1 = 0, PRELOAD2 = 4, INT_STATUS = 8, RELOAD = 12, BAR_SIZE = 16 };
enum { INT_ACTIVE = 1, DO_RELOAD = 0x100, TIMEOUT = 0x200, KEY1 = 0x80, KEY2 = 0x86 };
enum { PRELOAD_BITS = 20, PCI_CLOCK_MHZ = 33, SLOW_SHIFT = 15, FAST_SHIFT = 5 };

struct i6300esb {
    struct pci_device pci;
    struct mem_region regs;
    struct timer timer;
    struct i6300esb_state {
        struct pci_state pci;
        uint32_t preload[2];
        ns_t deadline; /* of the stage that runs, 0: none */
        uint8_t stage; /* that runs, 0 or 1 */
        uint8_t keys;  /* of the sequence that unlocks one write: how many were seen */
        uint8_t interrupt, timeout;
        uint32_t pad;
    } s;
};

static uint8_t lock_bits(struct i6300esb *w)
{
    return (uint8_t)pci_config_get(&w->pci, WDT_LOCK, 1);
}

static uint32_t config_bits(struct i6300esb *w)
{
    return pci_config_get(&w->pci, WDT_CONFIG, 2);
}

/* The preload value is loaded into the upper bits of a counter at the PCI bus's clock. */
static ns_t stage_length(struct i6300esb *w)
{
    unsigned shift = config_bits(w) & PRE_SEL ? FAST_SHIFT : SLOW_SHIFT;
    uint64_t clocks = ((uint64_t)w->s.preload[w->s.stage & 1] + 1) << shift;
    return (ns_t)(clocks * 1000 / PCI_CLOCK_MHZ);
}

static void start_stage(struct i6300esb *w, unsigned stage)
{
    w->s.stage = (uint8_t)stage;
    w->s.deadline = clock_now() + stage_length(w);
    timer_set(&w->timer, w->s.deadline);
}

static void stop(struct i6300esb *w)
{
    w->s.deadline = 0;
    timer_cancel(&w->timer);
}

/* In free-running mode the two stages follow each other for ever. */
static void ran_out(void *opaque)
{
    struct i6300esb *w = opaque;
    bool free_run = lock_bits(w) & FREE_RUN;
    if (w->s.stage == 0) {
        w->s.interrupt = (config_bits(w) & INT_TYPE) != INT_OFF;
        start_stage(w, 1);
        return;
    }
    w->s.timeout = 1;
    if (!free_run && !(config_bits(w) & OUTPUT_OFF)) {
        w->s.deadline = 0;
        machine_watchdog(w->pci.dev.machine);
        return;
    }
    start_stage(w, 0);
}

static uint64_t i6300esb_read(struct device *dev, struct access a)
{
    const struct i6300esb *w = (struct i6300esb *)dev;
    uint32_t v = 0;
    switch (a.off & ~(uint64_t)3) {
    case PRELOAD1: v = w->s.preload[0]; break;
    case PRELOAD2: v = w->s.preload[1]; break;
    case INT_STATUS: v = w->s.interrupt; break;
    case RELOAD: v = w->s.timeout ? TIMEOUT : 0; break;
    }
    return v >> (a.off & 3) * 8;
}

static void write_reload(struct i6300esb *w, uint32_t val)
{
    if (val & TIMEOUT)
        w->s.timeout = 0;
    if ((val & DO_RELOAD) && w->s.deadline)
        start_stage(w, 0);
}

/* Preload values and the reload bit take a write only right after KEY1 and KEY2 were written. */
static void i6300esb_write(struct device *dev, struct access a, uint64_t val)
{
    struct i6300esb *w = (struct i6300esb *)dev;
    if (a.off == RELOAD && val == (w->s.keys == 1 ? KEY2 : KEY1)) {
        w->s.keys = val == KEY2 ? 2 : 1;
        return;
    }
    if (a.off == INT_STATUS) {
        w->s.interrupt &= !(val & INT_ACTIVE);
        return;
    }
    bool unlocked = w->s.keys == 2;
    w->s.keys = 0;
    if (!unlocked)
        dev_guest_error(dev, "write to %#x without the unlocking sequence", (unsigned)a.off);
    else if (a.off == PRELOAD1 || a.off == PRELOAD2)
        w->s.preload[a.off / 4] = (uint32_t)val & (uint32_t)MASK64(0, PRELOAD_BITS);
    else if (a.off == RELOAD)
        write_reload(w, (uint32_t)val);
}

/* The lock bit keeps the register as it is until a reset. */
static void config_written(struct pci_device *p, unsigned off, unsigned size)
{
    struct i6300esb *w = (struct i6300esb *)p;
    if (off > WDT_LOCK || off + size <= WDT_LOCK)
        return;
    if (lock_bits(w) & LOCKED)
        pci_config_writable(p, WDT_LOCK, 1, 0);
    if (!(lock_bits(w) & ENABLE))
        stop(w);
    else if (!w->s.deadline)
        start_stage(w, 0);
}

static const struct mmio_ops i6300esb_ops = {
    .read = i6300esb_read, .write = i6300esb_write, .max = 4, .size = BAR_SIZE};
static const struct pci_ops i6300esb_pci_ops = {.config_written = config_written};

static bool i6300esb_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086, .device = 0x25ab, .class_code = 0x088000};
    struct i6300esb *w = (struct i6300esb *)dev;
    if (!pci_init(&w->pci, &ids, &i6300esb_pci_ops, errp))
        return false;
    region_init_mmio(&w->regs, "i6300esb", &i6300esb_ops, dev);
    pci_add_bar(&w->pci, 0, PCI_BAR_MEM32, &w->regs);
    pci_config_writable(&w->pci, WDT_CONFIG, 2, INT_TYPE | PRE_SEL | OUTPUT_OFF);
    timer_init(&w->timer, &dev->lock, ran_out, w);
    return true;
}

static void i6300esb_unrealize(struct device *dev)
{
    timer_cancel(&((struct i6300esb *)dev)->timer);
    pci_fini((struct pci_device *)dev);
}

/* Which bits of the lock register may be written depends on what it holds. */
static void i6300esb_sync(struct device *dev)
{
    struct i6300esb *w = (struct i6300esb *)dev;
    bool locked = lock_bits(w) & LOCKED;
    pci_sync(dev);
    pci_config_writable(&w->pci, WDT_LOCK, 1, locked ? 0 : LOCKED | ENABLE | FREE_RUN);
    if (w->s.deadline)
        timer_set(&w->timer, w->s.deadline);
    else
        timer_cancel(&w->timer);
}

static const struct state_field i6300esb_state[] = {
    STATE(i6300esb, pci, 0),
    STATE_ARRAY(i6300esb, preload, MASK64(0, PRELOAD_BITS)),
    STATE(i6300esb, deadline, 0),
    STATE(i6300esb, stage, 0),
    STATE(i6300esb, keys, 0),
    STATE(i6300esb, interrupt, 0),
    STATE(i6300esb, timeout, 0),
    STATE(i6300esb, pad, 0),
    STATE_END,
};

static const struct prop i6300esb_props[] = {
    PCI_PROPS(i6300esb),
    PROP_END,
};

DEVICE_CLASS(i6300esb) = {
    .desc = "Intel 6300ESB watchdog",
    .bus = "PCI",
    .user_creatable = true,
    .props = i6300esb_props,
    .state = i6300esb_state,
    .realize = i6300esb_realize,
    .unrealize = i6300esb_unrealize,
    .reset = pci_reset,
    .sync = i6300esb_sync,
};
