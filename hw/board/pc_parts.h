/* What the boards of PCs share: processors, firmware, and the devices of their ISA bus. */
#ifndef HW_BOARD_PC_PARTS_H
#define HW_BOARD_PC_PARTS_H

#include "core/machine.h"

#include <glib.h>

struct isa_bus;

enum { PC_SERIALS = 4, PC_LOW_RAM = 640 << 10, PC_BIOS_SHADOW = 128 << 10 };

struct pc_parts {
    struct machine *m;
    struct isa_bus *bus;
    struct device *rtc, *port92, *fdc, *pic, *pit;
    struct device *hpet; /* what the timer's output goes through, or NULL */
    irq_handler *on_rtc; /* takes the clock's output, and on_rtc_opaque; NULL: line 8 does */
    void *on_rtc_opaque;
    bool has_no_pit, has_no_keyboard;
};

/* A device of the board's own, not yet realized. */
struct device *pc_add(struct machine *m, const char *type, const char *id);
/* Plug it into a bus (NULL: the first that fits) and realize it. */
bool pc_plug(struct device *dev, const char *bus, struct error **errp) MUST_CHECK;
/* What a device has as a property of 8, 16 or 32 bits; 0: it has no such property. */
uint32_t pc_number_of(const struct device *dev, const char *name);
/* -bios, or the board's default: g_malloc()ed bytes, a multiple of 4096. */
uint8_t *pc_load_bios(struct machine *m, const char *otherwise, size_t *len,
                      struct error **errp) MUST_CHECK;

/* The APIC ID of the nth processor: each level of the topology has bits of its own. */
uint32_t pc_apic_id(const struct machine *m, unsigned nth);

/* Make the processors that -smp and -cpu ask for, or the board's default ones; the machine owns
 * them. */
bool pc_create_cpus(struct machine *m, struct error **errp) MUST_CHECK;
/* Local APICs of the processors that have one, NULL for others; false with *errp when several have
 * none. */
bool pc_create_lapics(struct machine *m, struct device *bus, struct device **lapics,
                      struct error **errp) MUST_CHECK;
/* Append a range to a map as etc/e820 has it. */
void pc_put_e820(GByteArray *map, uint64_t base, uint64_t size, uint32_t type);

/* Once p->m and p->bus are set.  The 8259 pair; what its INTR goes to is for the board. */
bool pc_create_pic(struct pc_parts *p, struct error **errp) MUST_CHECK;
/* INTR goes to the boot processor: to LINT0 of its APIC, if it has one. */
void pc_connect_pic(struct pc_parts *p, struct device *lapic);
/* COM1 to COMn, of those that go somewhere. */
bool pc_create_serials(struct pc_parts *p, unsigned n, struct error **errp) MUST_CHECK;
/* Clock, timer, DMA, keyboard controller, port 0x92, serial lines, parallel ports, floppy
 * controller. */
bool pc_create_devices(struct pc_parts *p, struct error **errp) MUST_CHECK;
/* What the BIOS finds in CMOS RAM: equipment, and memory below and above 4 GiB in bytes. */
void pc_fill_cmos(struct pc_parts *p, uint64_t low, uint64_t high);
/* The letters of -boot; false with *errp for what no PC starts from.  Once p->rtc is there: tell
 * the BIOS by CMOS RAM which drives to try; first: this is no reset yet. */
bool pc_check_boot_order(const struct machine *m, struct error **errp) MUST_CHECK;
void pc_set_boot_order(struct pc_parts *p, bool first, bool check_floppies);
/* A fw_cfg device with processors, memory (bytes below and above 4 GiB), console and -boot; NULL
 * with *errp. */
struct device *pc_create_fw_cfg(struct machine *m, uint64_t low, uint64_t high,
                                struct error **errp) MUST_CHECK;

#endif
