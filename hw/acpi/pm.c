/* Fixed power management registers.  The timer has 24 bits. */
#include "hw/acpi/pm.h"
#include "util/log.h"

enum { SCI_ENABLE = 0x0001, SLEEP_TYPE_SHIFT = 10, SLEEP_ENABLE = 0x2000 };
enum { CNT_WRITABLE = 0x1c06, TIMER_HALF = 1 << 23, TIMER_MASK = 0xffffff };
static const uint16_t EVENTS =
    ACPI_PM1_TIMER | ACPI_PM1_GLOBAL | ACPI_PM1_POWER_BUTTON | ACPI_PM1_SLEEP_BUTTON | ACPI_PM1_RTC;
static const int64_t SECOND = 1000000000;

static uint64_t ticks(ns_t now)
{
    return (uint64_t)((unsigned __int128)(uint64_t)now * ACPI_PM_TIMER_HZ / (uint64_t)SECOND);
}

uint32_t acpi_pm_timer(void)
{
    return (uint32_t)ticks(clock_now()) & TIMER_MASK;
}

/* The top bit changes at multiples of half the range. */
static ns_t next_change(ns_t now)
{
    uint64_t at = (ticks(now) / TIMER_HALF + 1) * TIMER_HALF;
    return (ns_t)(((unsigned __int128)at * (uint64_t)SECOND + ACPI_PM_TIMER_HZ - 1) /
                  ACPI_PM_TIMER_HZ);
}

static void settle(struct acpi_pm *pm)
{
    ns_t now = clock_now();
    if (pm->s->next <= now) {
        if (pm->s->next > 0)
            pm->s->sts |= ACPI_PM1_TIMER;
        pm->s->next = next_change(now);
    }
}

void acpi_pm_update(struct acpi_pm *pm)
{
    const struct acpi_pm_state *s = pm->s;
    settle(pm);
    irq_set(pm->sci, (s->sts & s->en & EVENTS) || (s->gpe_sts & s->gpe_en));
    if ((s->en & ACPI_PM1_TIMER) && !(s->sts & ACPI_PM1_TIMER))
        timer_set(&pm->timer, s->next);
    else
        timer_cancel(&pm->timer);
}

static void fired(void *opaque)
{
    acpi_pm_update(opaque);
}

void acpi_pm_init(struct acpi_pm *pm, struct device *dev, struct acpi_pm_state *s, struct irq *sci)
{
    pm->dev = dev;
    pm->s = s;
    pm->sci = sci;
    timer_init(&pm->timer, &dev->lock, fired, pm);
}

void acpi_pm_fini(struct acpi_pm *pm)
{
    timer_cancel(&pm->timer);
}

uint16_t acpi_pm_read_sts(struct acpi_pm *pm)
{
    settle(pm);
    return pm->s->sts;
}

void acpi_pm_write_sts(struct acpi_pm *pm, uint16_t v)
{
    settle(pm);
    pm->s->sts &= (uint16_t)~v;
    acpi_pm_update(pm);
}

void acpi_pm_write_en(struct acpi_pm *pm, uint16_t v)
{
    pm->s->en = v & EVENTS;
    acpi_pm_update(pm);
}

/* The power button wakes what sleeps, the clock's alarm if it is enabled.  Ref: ACPI 6.5, 4.8.2.4
 * and 4.8.3.1.1. */
static void wake_for(struct acpi_pm *pm, uint16_t bits)
{
    if (bits & (ACPI_PM1_POWER_BUTTON | (pm->s->en & ACPI_PM1_RTC)))
        machine_request_wakeup(pm->dev->machine);
}

/* What has happened already leaves no time to sleep. */
static void fall_asleep(struct acpi_pm *pm)
{
    machine_request_suspend(pm->dev->machine);
    wake_for(pm, pm->s->sts & pm->s->en);
}

/* SCI_EN is the firmware's to change; sleeping begins with SLP_EN, which is not kept. */
void acpi_pm_write_cnt(struct acpi_pm *pm, uint16_t v)
{
    uint8_t type = v >> SLEEP_TYPE_SHIFT & 7;
    pm->s->cnt = (uint16_t)((v & CNT_WRITABLE) | (pm->s->cnt & SCI_ENABLE));
    if (!(v & SLEEP_ENABLE))
        return;
    if (pm->off_types >> type & 1)
        machine_request_shutdown(pm->dev->machine, SHUTDOWN_GUEST_OFF, 0);
    else if (pm->sleep_types >> type & 1)
        fall_asleep(pm);
    else
        dev_unimp(pm->dev, "sleep of type %u", type);
}

void acpi_pm_write_gpe(struct acpi_pm *pm, bool enable, uint16_t v)
{
    if (enable)
        pm->s->gpe_en = v;
    else
        pm->s->gpe_sts &= (uint16_t)~v;
    acpi_pm_update(pm);
}

void acpi_pm_enable(struct acpi_pm *pm, bool on)
{
    pm->s->cnt = (uint16_t)(on ? pm->s->cnt | SCI_ENABLE : pm->s->cnt & ~SCI_ENABLE);
}

void acpi_pm_event(struct acpi_pm *pm, uint16_t bits)
{
    mutex_lock(&pm->dev->lock);
    pm->s->sts |= bits;
    acpi_pm_update(pm);
    wake_for(pm, bits);
    mutex_unlock(&pm->dev->lock);
}

void acpi_pm_gpe(struct acpi_pm *pm, uint16_t bits)
{
    mutex_lock(&pm->dev->lock);
    pm->s->gpe_sts |= bits;
    acpi_pm_update(pm);
    mutex_unlock(&pm->dev->lock);
}
