/* Which rows of the opcode maps are run where. */
#ifndef TESTS_ISA_X86_ROWS_H
#define TESTS_ISA_X86_ROWS_H

#include "target/x86/decode.h"

#include <stdbool.h>
#include <stdio.h>

enum { ROWS_MAX = 4096 };

/* What cannot be run in a user's process and compared: the system's, jumps, what depends on time or
 * chance.  The programs of x86sys run these. */
bool is_left_to_programs(const struct x86_row *row);
/* Print a line for each row of one kind, left to programs or not, that was not seen; how many. */
unsigned rows_print_missing(FILE *f, const bool *seen, bool by_programs);

#endif
