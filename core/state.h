/*
 * State tables: one list of a device's (or CPU's) guest-visible fields that drives reset, save,
 * load, inspection and comparison.  The fields live in a sub-struct `s` of type `struct TYPE_state`
 * in `struct TYPE`.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct state_field {
    const char *name; /* NULL ends the table */
    uint32_t off;     /* from the start of the object */
    uint32_t size;    /* bytes of the whole field */
    uint32_t elem;    /* bytes of one element (an array has size / elem of them) */
    uint64_t
        reset; /* every element is set to this (elements of up to 8 bytes; larger are zeroed) */
    bool keep; /* survives reset (RTC offset, flash contents): saved and loaded only */
};

/* A scalar, or a struct that resets to zero bytes. */
#define STATE(type, field, rst)                                                                    \
    {                                                                                              \
#field, offsetof(struct type, s.field), sizeof(((struct type *)0)->s.field),               \
            sizeof(((struct type *)0)->s.field), (rst), false                                      \
    }
/* An array whose elements all reset to rst. */
#define STATE_ARRAY(type, field, rst)                                                              \
    {                                                                                              \
#field, offsetof(struct type, s.field), sizeof(((struct type *)0)->s.field),               \
            sizeof(((struct type *)0)->s.field[0]), (rst), false                                   \
    }
/* Saved and loaded, but untouched by reset. */
#define STATE_KEEP(type, field)                                                                    \
    {                                                                                              \
#field, offsetof(struct type, s.field), sizeof(((struct type *)0)->s.field),               \
            sizeof(((struct type *)0)->s.field), 0, true                                           \
    }
#define STATE_END                                                                                  \
    {                                                                                              \
        0                                                                                          \
    }

void state_reset(const struct state_field *table, void *obj);
/* Bytes of a saved image of the table. */
size_t state_size(const struct state_field *table);
/* Copy out to and in from buf (state_size() bytes, fields in table order, little endian). */
void state_save(const struct state_field *table, const void *obj, uint8_t *buf);
void state_load(const struct state_field *table, void *obj, const uint8_t *buf);
/* "name=value" lines. */
void state_print(const struct state_field *table, const void *obj, FILE *f);
/* The name of the first field that differs, or NULL. */
const char *state_diff(const struct state_field *table, const void *a, const void *b);

#endif
