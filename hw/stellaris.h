/* What the peripherals of Luminary's Stellaris microcontrollers share: the clock they run by, and
 * how the system control tells of its changes. */
#ifndef HW_STELLARIS_H
#define HW_STELLARIS_H

#include "core/device.h"

/* hw/misc/stellaris_sysctl.c, "stellaris-sysctl". */

/* Told of the system clock's frequency in Hz: `now` at once, with the system control's lock held,
 * so it may take leaf locks only; `later` in the main thread without a lock. */
struct stellaris_clock_ops {
    void (*now)(void *opaque, uint64_t hz);
    void (*later)(void *opaque, uint64_t hz);
};
void stellaris_sysctl_set_clock_ops(struct device *dev, const struct stellaris_clock_ops *ops,
                                    void *opaque);
/* irq_handler: a watchdog is about to reset the machine. */
void stellaris_sysctl_watchdog(void *dev, unsigned n, bool level);
/* Where the Ethernet address lies that programs read. */
void stellaris_sysctl_set_mac(struct device *dev, const uint8_t mac[6]);
/* FMPPE: bit n is 0 when 2 KiB block n of the flash may not be changed. */
uint32_t stellaris_sysctl_flash_programmable(struct device *dev, unsigned word);

/* hw/timer/stellaris_gptm.c, "stellaris-gptm".  dev->irq is timer A's line. */
struct irq *stellaris_gptm_irq_b(struct device *dev);
/* Pulses when a timer that shall start the ADC has reached 0. */
struct irq *stellaris_gptm_adc_trigger(struct device *dev);
void stellaris_gptm_set_hz(struct device *dev, uint64_t hz);

/* hw/misc/stellaris_adc.c, "stellaris-adc". */
enum { STELLARIS_ADC_SEQUENCERS = 4 };
struct irq *stellaris_adc_irq(struct device *dev, unsigned sequencer);
/* irq_handler: a rising level is a timer's trigger. */
void stellaris_adc_trigger(void *dev, unsigned n, bool level);

/* hw/net/stellaris_enet.c, "stellaris_enet": its address, once it is realized. */
const uint8_t *stellaris_enet_mac(struct device *dev);

#endif
