/*
 * Fixed power management registers of ACPI, as chip sets carry them: PM1 events and control, the
 * timer, one block of general purpose events.
 * Ref: ACPI 6.5, 4.8.3 and 4.8.4.
 */
#ifndef HW_ACPI_PM_H
#define HW_ACPI_PM_H

#include "core/clock.h"
#include "core/machine.h"

enum { /* events of PM1 */
       ACPI_PM1_TIMER = 0x0001,
       ACPI_PM1_GLOBAL = 0x0020,
       ACPI_PM1_POWER_BUTTON = 0x0100,
       ACPI_PM1_SLEEP_BUTTON = 0x0200,
       ACPI_PM1_RTC = 0x0400,
       ACPI_PM1_WAKE = 0x8000 /* status only: it has slept */
};
enum { ACPI_PM_TIMER_HZ = 3579545 };

/* Part of a device's `s`. */
struct acpi_pm_state {
    int64_t next; /* virtual time of the next change of the timer's top bit */
    uint16_t sts, en, cnt;
    uint16_t gpe_sts, gpe_en;
    uint8_t pad[6];
};

struct acpi_pm {
    struct acpi_pm_state *s;
    struct device *dev;
    struct irq *sci;
    struct timer timer;
    /* Values of SLP_TYP, as bits: what turns the machine off (S5, S4), and what sleeps (S3). */
    uint8_t off_types, sleep_types;
};

/* For realize and unrealize; s is in dev's state. */
void acpi_pm_init(struct acpi_pm *pm, struct device *dev, struct acpi_pm_state *s, struct irq *sci);
void acpi_pm_fini(struct acpi_pm *pm);
/* Set flags of what is due, the SCI line and the timer: for sync and after changes.  dev.lock. */
void acpi_pm_update(struct acpi_pm *pm);
/* PM1_STS, PM1_EN, PM1_CNT; the timer; GPE status and enable.  dev.lock. */
uint16_t acpi_pm_read_sts(struct acpi_pm *pm);
uint32_t acpi_pm_timer(void);
void acpi_pm_write_sts(struct acpi_pm *pm, uint16_t v);
void acpi_pm_write_en(struct acpi_pm *pm, uint16_t v);
void acpi_pm_write_cnt(struct acpi_pm *pm, uint16_t v);
void acpi_pm_write_gpe(struct acpi_pm *pm, bool enable, uint16_t v);
/* What SMI commands ACPI_ENABLE and ACPI_DISABLE do. */
void acpi_pm_enable(struct acpi_pm *pm, bool on);
/* An event of PM1 or a general purpose one happened; takes dev.lock. */
void acpi_pm_event(struct acpi_pm *pm, uint16_t bits);
void acpi_pm_gpe(struct acpi_pm *pm, uint16_t bits);

#endif
