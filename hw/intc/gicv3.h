/*
 * Wiring of the GICv3: a distributor ("arm-gicv3"), which makes one redistributor with its CPU
 * interface for each CPU ("arm-gicv3-redist"), and an interrupt translation service
 * ("arm-gicv3-its").
 */
#ifndef HW_INTC_GICV3_H
#define HW_INTC_GICV3_H

#include "core/device.h"
#include "core/intc.h"

enum { GICV3_DIST_SIZE = 0x10000, GICV3_REDIST_SIZE = 0x20000, GICV3_ITS_SIZE = 0x20000 };
enum { GICV3_PRIVATE = 32, GICV3_MAX_IRQS = 992, GICV3_MAINTENANCE_PPI = 9 };

/* Lines to a processor, in the order of its inputs. */
enum gicv3_line { GICV3_IRQ, GICV3_FIQ, GICV3_VIRQ, GICV3_VFIQ, GICV3_LINES };

/* ICC_*, ICV_* and ICH_*; their `gic` is the distributor's device. */
extern const struct gicv3_cpu_ops gicv3_cpu_ops;

/* Before realize: the affinity fields of a CPU's MPIDR_EL1; its index until then. */
void gicv3_set_affinity(struct device *gic, unsigned cpu, uint64_t mpidr);

/* The rest is for after realize.  The redistributor of a CPU, whose frames (mmio, of
 * GICV3_REDIST_SIZE) the board maps. */
struct device *gicv3_redist(struct device *gic, unsigned cpu);
/* The same registers as secure accesses see them, with security=on: of the distributor, and of a
 * redistributor.  Mapped where the board has its secure addresses. */
struct mem_region *gicv3_secure_region(struct device *gic);
struct mem_region *gicv3_redist_secure_region(struct device *gic, unsigned cpu);
/* The frames of the next CPU do not follow those of this one (GICR_TYPER.Last). */
void gicv3_end_redists(struct device *gic, unsigned cpu);
struct irq *gicv3_output(struct device *gic, unsigned cpu, enum gicv3_line line);
/* Shared peripheral interrupt n (INTID 32 + n); opaque is the distributor.  Any thread. */
void gicv3_set_input(void *opaque, unsigned n, bool level);
/* Private peripheral interrupt n (INTID 16 + n) of one CPU; opaque is its redistributor.  Number 9
 * is driven by the virtual interface (maintenance).  Any thread. */
void gicv3_set_ppi(void *opaque, unsigned n, bool level);

/* Before the translation service is realized: whose LPIs it makes pending (lpi=on). */
void gicv3_its_attach(struct device *its, struct device *gic);
/* A message of a device (a PCI requester ID) to a bus address; false when it is not to
 * GITS_TRANSLATER, and must go to memory.  opaque is the ITS.  Any thread. */
bool gicv3_its_message(void *opaque, uint32_t device_id, gpa addr, uint32_t data);

#endif
