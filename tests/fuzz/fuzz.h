/*
 * What every fuzzer here provides, and what runs it: libFuzzer, or fuzz.c as a program of its own.
 *
 * A harness must survive any input, keep nothing from one input to the next, and end soon.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_MAX = 16384 /* bytes of an input that the program makes */ };

/* Try one input; 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
/* An input to begin with, when there is no corpus: its length, at most FUZZ_MAX. */
size_t fuzz_seed(uint64_t random, uint8_t *buf);

/* An input that is read piece by piece; past its end there are zeros. */
struct fuzz_in {
    const uint8_t *p;
    size_t left;
};
uint64_t fuzz_take(struct fuzz_in *in, unsigned bytes);

#endif
