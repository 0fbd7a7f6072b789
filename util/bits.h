/* Bit fields, sign extension, alignment, byte order, counting. */
#ifndef UTIL_BITS_H
#define UTIL_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BIT64(n) (UINT64_C(1) << (n))
/* Mask of len bits starting at lsb; 1 <= len <= 64. */
#define MASK64(lsb, len) ((~UINT64_C(0) >> (64 - (len))) << (lsb))

static inline uint64_t extract64(uint64_t v, unsigned lsb, unsigned len)
{
    return (v >> lsb) & (~UINT64_C(0) >> (64 - len));
}
static inline int64_t sextract64(uint64_t v, unsigned lsb, unsigned len)
{
    return (int64_t)(v << (64 - len - lsb)) >> (64 - len);
}
static inline uint64_t deposit64(uint64_t v, unsigned lsb, unsigned len, uint64_t field)
{
    return (v & ~MASK64(lsb, len)) | ((field << lsb) & MASK64(lsb, len));
}
/* A field given by its mask (contiguous): get and replace. */
static inline uint64_t field_get(uint64_t v, uint64_t mask)
{
    return (v & mask) >> __builtin_ctzll(mask);
}
static inline uint64_t field_set(uint64_t v, uint64_t mask, uint64_t field)
{
    return (v & ~mask) | ((field << __builtin_ctzll(mask)) & mask);
}
static inline bool is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}
/* Round up or down to a power of two a. */
static inline uint64_t align_up(uint64_t v, uint64_t a)
{
    return (v + a - 1) & ~(a - 1);
}
static inline uint64_t align_down(uint64_t v, uint64_t a)
{
    return v & ~(a - 1);
}
static inline uint64_t ld_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v; /* every host is little endian: checked in meson.build */
}
static inline uint32_t ld_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}
static inline uint16_t ld_le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}
static inline void st_le64(void *p, uint64_t v)
{
    memcpy(p, &v, 8);
}
static inline void st_le32(void *p, uint32_t v)
{
    memcpy(p, &v, 4);
}
static inline void st_le16(void *p, uint16_t v)
{
    memcpy(p, &v, 2);
}
static inline uint64_t ld_be64(const void *p)
{
    return __builtin_bswap64(ld_le64(p));
}
static inline uint32_t ld_be32(const void *p)
{
    return __builtin_bswap32(ld_le32(p));
}
static inline uint16_t ld_be16(const void *p)
{
    return __builtin_bswap16(ld_le16(p));
}
static inline void st_be64(void *p, uint64_t v)
{
    st_le64(p, __builtin_bswap64(v));
}
static inline void st_be32(void *p, uint32_t v)
{
    st_le32(p, __builtin_bswap32(v));
}
static inline void st_be16(void *p, uint16_t v)
{
    st_le16(p, __builtin_bswap16(v));
}

#endif
