/* State tables: reset, save, load, print and compare from one list of fields. */
#include "core/state.h"

#include "util/bits.h"

#include <inttypes.h>

static uint8_t *field_at(void *obj, const struct state_field *f)
{
    return (uint8_t *)obj + f->off;
}

static const uint8_t *field_in(const void *obj, const struct state_field *f)
{
    return (const uint8_t *)obj + f->off;
}

static void reset_field(const struct state_field *f, void *obj)
{
    uint8_t *p = field_at(obj, f), value[8];

    memset(p, 0, f->size);
    if (!f->reset || !f->elem || f->elem > sizeof(value))
        return;
    st_le64(value, f->reset);
    for (uint32_t i = 0; i + f->elem <= f->size; i += f->elem)
        memcpy(p + i, value, f->elem);
}

void state_reset(const struct state_field *table, void *obj)
{
    for (const struct state_field *f = table; f && f->name; f++)
        if (!f->keep)
            reset_field(f, obj);
}

size_t state_size(const struct state_field *table)
{
    size_t size = 0;

    for (const struct state_field *f = table; f && f->name; f++)
        size += f->size;
    return size;
}

void state_save(const struct state_field *table, const void *obj, uint8_t *buf)
{
    for (const struct state_field *f = table; f && f->name; buf += f->size, f++)
        memcpy(buf, field_in(obj, f), f->size);
}

void state_load(const struct state_field *table, void *obj, const uint8_t *buf)
{
    for (const struct state_field *f = table; f && f->name; buf += f->size, f++)
        memcpy(field_at(obj, f), buf, f->size);
}

static uint64_t element(const uint8_t *p, uint32_t size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* Elements that are no integers are shown as bytes. */
static void print_field(const struct state_field *f, const uint8_t *p, FILE *out)
{
    uint32_t step = f->elem && f->elem <= 8 ? f->elem : 1;

    fprintf(out, "%s=", f->name);
    for (uint32_t i = 0; i + step <= f->size; i += step)
        fprintf(out, "%s0x%0*" PRIx64, i ? "," : "", (int)step * 2, element(p + i, step));
    fputc('\n', out);
}

void state_print(const struct state_field *table, const void *obj, FILE *out)
{
    for (const struct state_field *f = table; f && f->name; f++)
        print_field(f, field_in(obj, f), out);
}

const char *state_diff(const struct state_field *table, const void *a, const void *b)
{
    for (const struct state_field *f = table; f && f->name; f++)
        if (memcmp(field_in(a, f), field_in(b, f), f->size))
            return f->name;
    return NULL;
}
