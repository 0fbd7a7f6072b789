/*
 * ACPI tables for firmware that takes them from fw_cfg: they lie one after another in one file,
 * and a script tells the firmware where to put addresses and checksums.
 * Ref: ACPI Specification 6.5, chapter 5; QEMU documentation, "fw_cfg" and the linker/loader
 * interface ("etc/table-loader").
 */
#ifndef HW_ACPI_TABLES_H
#define HW_ACPI_TABLES_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml;
struct device;
struct acpi;

/* Identifiers of up to 6 and 8 characters. */
struct acpi *acpi_new(const char *oem_id, const char *oem_table_id);
void acpi_free(struct acpi *a);
/* There is an RSDT, too, for systems that know ACPI 1.0, and files have room to grow. */
void acpi_for_pc(struct acpi *a);

/* A table: begin, contents, end; the latter returns its offset.  With in_root the XSDT names it. */
void acpi_begin(struct acpi *a, const char signature[static 4], uint8_t revision);
uint32_t acpi_end(struct acpi *a, bool in_root);
void acpi_u8(struct acpi *a, uint8_t v);
void acpi_u16(struct acpi *a, uint16_t v);
void acpi_u32(struct acpi *a, uint32_t v);
void acpi_u64(struct acpi *a, uint64_t v);
void acpi_zeros(struct acpi *a, size_t n);
void acpi_bytes(struct acpi *a, const void *data, size_t n);
/* Eight bytes that the firmware fills with the address of the table at an offset. */
void acpi_pointer(struct acpi *a, uint32_t table);
void acpi_pointer32(struct acpi *a, uint32_t table);
/* Bytes since acpi_begin(), the header of 36 included. */
uint32_t acpi_position(const struct acpi *a);

/* A Generic Address Structure of registers in memory; access: bytes, a power of two. */
void acpi_address(struct acpi *a, uint8_t bits, uint8_t access, uint64_t addr);

/* Whole tables.  One with its header, in root tables, too; length and checksum are made. */
void acpi_put_table(struct acpi *a, const uint8_t *table, size_t len);
/* OEM ID and OEM table ID (6 and 8 characters) of root tables and FADT from here on. */
void acpi_name_root(struct acpi *a, const uint8_t names[static 14]);
uint32_t acpi_put_dsdt(struct acpi *a, const struct aml *aml);
/* Without fixed hardware. */
struct acpi_reduced {
    uint16_t arm_boot;     /* flags of the PSCI interface */
    uint16_t boot_flags;   /* of PCs: what legacy devices there are */
    uint64_t sleep, reset; /* addresses of the sleep control register, which the status register
                              follows, and of the reset register; 0: there is none */
    uint8_t reset_value;
};
void acpi_put_fadt(struct acpi *a, uint32_t dsdt, const struct acpi_reduced *r);
/* The FACS, which must come first. */
uint32_t acpi_put_facs(struct acpi *a);
/* Fixed hardware at I/O ports. */
struct acpi_fixed {
    uint32_t smi_port, pm1_event, pm1_control, timer, gpe;
    uint8_t gpe_len; /* bytes of status and enable registers together */
    uint8_t enable, disable;
    uint16_t boot_flags;
    bool many_cpus; /* more than eight: logical IDs of APICs are by clusters */
};
void acpi_put_fadt_pc(struct acpi *a, uint32_t facs, uint32_t dsdt, const struct acpi_fixed *f);
struct acpi_ecam {
    uint64_t base;
    uint8_t last_bus;
};
void acpi_put_mcfg(struct acpi *a, const struct acpi_ecam *ecam);
struct acpi_serial {
    uint8_t type;         /* as SPCR and DBG2 number them: 3 is a PL011 */
    uint8_t interrupt;    /* SPCR's interrupt type: 8 is a GIC */
    uint8_t bits, access; /* of the registers */
    uint64_t base, size;
    uint32_t gsi;
    const char *path; /* of its device in the DSDT: "\\_SB.COM0" */
};
void acpi_put_spcr(struct acpi *a, const struct acpi_serial *s);
void acpi_put_dbg2(struct acpi *a, const struct acpi_serial *s);
/* Sockets of cores of threads, numbered from 0 as the processors' UIDs are. */
struct acpi_topology {
    unsigned cpus, cores, threads;
};
void acpi_put_pptt(struct acpi *a, const struct acpi_topology *t);

/* XSDT and RSDP; then everything into memory, for machines without firmware; false with *errp when
 * some of that is no memory.  Once; tables_len: bytes there. */
struct address_space;
bool acpi_place(struct acpi *a, struct address_space *as, uint64_t tables, uint64_t tables_len,
                uint64_t rsdp, struct error **errp) MUST_CHECK;
/* The same into fw_cfg. */
bool acpi_deliver(struct acpi *a, struct device *fw_cfg, struct error **errp) MUST_CHECK;
/* Other tables in their place. */
void acpi_deliver_again(struct acpi *a, struct device *fw_cfg);
/* Call refresh before the guest reads any of the files (hw/misc/fw_cfg.h). */
void acpi_on_select(struct device *fw_cfg, void (*refresh)(void *opaque), void *opaque);
/* The tables so far, for tests. */
const uint8_t *acpi_blob(const struct acpi *a, size_t *len);

#endif
