/* ACPI tables that users add to those of a board: -acpitable. */
#ifndef HW_ACPI_USER_TABLES_H
#define HW_ACPI_USER_TABLES_H

#include "util/annot.h"
#include "util/error.h"

#include <glib.h>

struct acpi;

/* Read the tables that the texts (NULL-terminated, or NULL) of -acpitable describe:
 * [sig=,rev=,oem_id=,oem_table_id=,oem_rev=,asl_compiler_id=,asl_compiler_rev=,]file=A[:B...] or
 * data=A[:B...].  An array to g_ptr_array_unref(), or NULL with *errp. */
GPtrArray *acpi_read_user_tables(const char *const *texts, struct error **errp) MUST_CHECK;
/* Append them to a board's tables.  A SLIC among them gives root tables and FADT its OEM's names,
 * so this comes before acpi_put_fadt_pc(). */
void acpi_put_user_tables(struct acpi *a, const GPtrArray *tables);

#endif
