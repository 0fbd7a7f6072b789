/* What all boards with an M-profile processor have: the processor with its interrupt controller and
 * private peripherals, and a program in memory that begins by its vector table. */
#ifndef HW_BOARD_ARMV7M_H
#define HW_BOARD_ARMV7M_H

#include "core/machine.h"
#include "hw/board/images.h"

enum { ARMV7M_NO_IRQ = -1, ARMV7M_BITBANDS = 2 };

/* Part of a board's struct. */
struct armv7m_board {
    /* Set by the board. */
    struct machine *m;
    unsigned nirqs;
    uint64_t cpu_hz, reference_hz; /* 0: no reference clock */
    bool bitband;
    gpa vectors; /* where the processor looks for its vector table, and a flat program goes */
    uint64_t boot_size; /* bytes of memory there */

    struct device *nvic;
    struct cpu *cpu;
    struct boot_images images;
    bool fresh; /* memory holds the program since the last load */
};

/* Refuse what the board cannot be: another processor, another size of RAM. */
bool armv7m_check(const struct machine *m, struct error **errp) MUST_CHECK;
/* The processor, the interrupt controller, the private peripheral bus, bit-band aliases. */
bool armv7m_create(struct armv7m_board *b, struct error **errp) MUST_CHECK;
/* -kernel: ELF, Intel HEX, or a flat binary for b->vectors; after all memory is there. */
bool armv7m_load(struct armv7m_board *b, struct error **errp) MUST_CHECK;
/* Put the program into memory again. */
void armv7m_reset(struct armv7m_board *b);
void armv7m_fini(struct armv7m_board *b);

/* A device of a board's own, to be realized by armv7m_attach(). */
struct device *armv7m_device(struct machine *m, const char *type, const char *id);
/* Realize dev, with its registers at base (in parent) and its line at an interrupt, if any. */
bool armv7m_attach_in(struct armv7m_board *b, struct mem_region *parent, struct device *dev,
                      gpa base, int irq, struct error **errp) MUST_CHECK;
bool armv7m_attach(struct armv7m_board *b, struct device *dev, gpa base, int irq,
                   struct error **errp) MUST_CHECK;
/* Wire a line to an interrupt. */
void armv7m_connect(struct armv7m_board *b, struct irq *line, unsigned irq);
/* Give the board's own network card its cable and address. */
bool armv7m_set_nic(struct device *dev, struct error **errp) MUST_CHECK;
/* A place where registers should be, and are not; below everything else. */
bool armv7m_unimplemented(struct machine *m, struct mem_region *parent, const char *name, gpa base,
                          uint64_t size, struct error **errp) MUST_CHECK;
/* RAM or ROM of a board, shown by region at base. */
bool armv7m_memory(struct machine *m, struct mem_region *region, enum mem_kind kind,
                   const char *name, gpa base, uint64_t size, struct error **errp) MUST_CHECK;

#endif
