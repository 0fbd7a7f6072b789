/*
 * Writing AML, the byte code of ACPI.  Terms are appended in prefix order, as the encoding has
 * them: an operator, then its operands.  What has a length (scopes, devices, methods, packages,
 * buffers, conditions) is opened by a _begin function and closed by aml_end().
 * Ref: ACPI Specification 6.5, chapter 20 (AML), 6.4 (resource descriptors).
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml;

struct aml *aml_new(void);
void aml_free(struct aml *a);
/* All that was written; everything is closed.  Owned by a. */
const uint8_t *aml_bytes(const struct aml *a, size_t *len);

/* Names are paths such as "\\_SB.PCI0"; segments have up to four characters. */
void aml_scope_begin(struct aml *a, const char *name);
void aml_device_begin(struct aml *a, const char *name);
void aml_method_begin(struct aml *a, const char *name, unsigned args, bool serialized);
void aml_package_begin(struct aml *a, uint8_t elements);
void aml_if_begin(struct aml *a); /* the predicate follows */
void aml_else_begin(struct aml *a);
/* A resource template, closed with its end tag. */
void aml_resources_begin(struct aml *a);
void aml_end(struct aml *a);

/* Name (name, ...): the value follows. */
void aml_name(struct aml *a, const char *name);
void aml_name_int(struct aml *a, const char *name, uint64_t v);
void aml_name_string(struct aml *a, const char *name, const char *s);
/* _HID or _CID: a compressed identifier such as "PNP0A08". */
void aml_name_eisaid(struct aml *a, const char *name, const char *id);

/* Values. */
void aml_int(struct aml *a, uint64_t v);
void aml_string(struct aml *a, const char *s);
void aml_buffer(struct aml *a, const void *data, size_t len);
void aml_uuid(struct aml *a, const char *text); /* ToUUID ("...") */
void aml_path(struct aml *a, const char *name); /* of an object, or a method to call */
void aml_arg(struct aml *a, unsigned n);
void aml_local(struct aml *a, unsigned n);

/* Operators; operands follow. */
enum aml_op {
    AML_STORE = 0x70, /* source, target */
    AML_ADD = 0x72,   /* a, b, target */
    AML_SUBTRACT = 0x74,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_NOTIFY = 0x86, /* object, value */
    AML_INDEX = 0x88,  /* source, index, target */
    AML_LAND = 0x90,   /* a, b */
    AML_LOR = 0x91,
    AML_LNOT = 0x92,   /* a */
    AML_LEQUAL = 0x93, /* a, b */
    AML_RETURN = 0xa4, /* value */
};
void aml_op(struct aml *a, enum aml_op op);
void aml_no_target(struct aml *a);
/* CreateDWordField (source, offset, name), the former two following aml_create_dword(). */
void aml_create_dword(struct aml *a);
/* OperationRegion (name, space, base, length), and its fields: bits of each, in order. */
enum aml_space { AML_SYSTEM_MEMORY = 0, AML_SYSTEM_IO = 1, AML_PCI_CONFIG = 2 };
void aml_region(struct aml *a, const char *name, enum aml_space space, uint64_t base, uint64_t len);
struct aml_field {
    const char *name; /* NULL ends the list */
    uint32_t bits;
};
void aml_dword_fields(struct aml *a, const char *region, const struct aml_field *fields);
void aml_byte_fields(struct aml *a, const char *region, const struct aml_field *fields);

/* Resource descriptors, inside aml_resources_begin(). */
enum aml_range { AML_RANGE_PRODUCER = 0, AML_RANGE_CONSUMER = 1 };
void aml_memory32_fixed(struct aml *a, uint32_t base, uint32_t len);
void aml_irq(struct aml *a, uint32_t gsi, bool edge);
/* One of several level-triggered lines, which devices share. */
void aml_shared_irq(struct aml *a, const uint32_t *gsi, uint8_t n);
/* Of ISA devices: ports, an edge-triggered line, a DMA channel of 8 bits. */
void aml_ports(struct aml *a, uint16_t base, uint8_t len);
void aml_isa_irq(struct aml *a, unsigned line);
void aml_isa_dma(struct aml *a, unsigned channel);
/* Ports that a PC's root bus decodes. */
void aml_port_window(struct aml *a, uint16_t first, uint16_t last);
void aml_bus_range(struct aml *a, uint16_t first, uint16_t last);
void aml_io_window(struct aml *a, uint64_t bus_base, uint64_t len, uint64_t cpu_base);
void aml_memory_window(struct aml *a, uint64_t base, uint64_t len, enum aml_range kind);

#endif
