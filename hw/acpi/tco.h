/*
 * TCO of Intel's I/O controller hubs: the watchdog, and two registers by which system management
 * code and the operating system call each other.
 * Ref: Intel ICH9 data sheet (316972), 13.9.
 */
#ifndef HW_ACPI_TCO_H
#define HW_ACPI_TCO_H

#include "core/clock.h"
#include "core/device.h"

enum { TCO_SIZE = 0x20 };

/* Part of a device's `s`; to be kept over a reset, for acpi_tco_reset() does that. */
struct acpi_tco_state {
    int64_t deadline; /* virtual time at which the timer runs out, 0: it does not run */
    uint8_t reg[TCO_SIZE];
};

struct acpi_tco {
    struct acpi_tco_state *s;
    struct device *dev;
    struct timer timer;
    void (*smi)(struct device *dev);       /* an event that asks for an SMI; under dev.lock */
    bool (*no_reboot)(struct device *dev); /* the watchdog's second stage shall do nothing */
};

/* For realize and unrealize; s is in dev's state.  smi and no_reboot are set before. */
void acpi_tco_init(struct acpi_tco *t, struct device *dev, struct acpi_tco_state *s);
void acpi_tco_fini(struct acpi_tco *t);
/* All but the note that the watchdog has run out twice. */
void acpi_tco_reset(struct acpi_tco *t);
/* Its configuration is fixed until a reset. */
bool acpi_tco_is_locked(const struct acpi_tco *t);
/* The timer, once the state is there. */
void acpi_tco_sync(struct acpi_tco *t);
/* Its registers, a byte at a time; dev.lock.  Reading changes nothing. */
uint8_t acpi_tco_read(const struct acpi_tco *t, unsigned off);
void acpi_tco_write(struct acpi_tco *t, unsigned off, uint8_t v);

#endif
