/* Steps of AES on a block of 16 bytes, column by column; r is not a. */
#ifndef UTIL_AES_H
#define UTIL_AES_H

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t aes_sbox[256];
/* ShiftRows and SubBytes, or their inverses. */
void aes_substitute(uint8_t r[16], const uint8_t a[16], bool inverse);
/* MixColumns, or its inverse. */
void aes_mix(uint8_t r[16], const uint8_t a[16], bool inverse);

#endif
