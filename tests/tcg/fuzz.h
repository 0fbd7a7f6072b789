/* Random units of IR: folded and plain, on every back end, must leave the same state. */
#ifndef TESTS_TCG_FUZZ_H
#define TESTS_TCG_FUZZ_H

#include "tests/tcg/bench.h"

/* n units of up to ops ops from seed on; prints the smallest failing unit and stops.  True when all
 * agree. */
bool fuzz_units(struct bench *const *benches, unsigned nbenches, uint64_t seed, unsigned n,
                unsigned ops);

#endif
