/* How the readers of symbol tables fill a set of names. */
#ifndef CORE_SYMBOLS_PRIV_H
#define CORE_SYMBOLS_PRIV_H

#include <stdint.h>

struct symbols;

/* Add a name with nm's letter for its kind, if that is code. */
void symbols_add_typed(struct symbols *s, uint64_t addr, char type, const char *name);

#endif
