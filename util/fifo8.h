/* A byte queue of 16 places that lives in device state; all bytes zero is the empty queue. */
#ifndef UTIL_FIFO8_H
#define UTIL_FIFO8_H

#include <stdbool.h>
#include <stdint.h>

enum { FIFO8_SIZE = 16 };

struct fifo8 {
    uint8_t head, len;
    uint8_t data[FIFO8_SIZE];
};

static inline unsigned fifo8_len(const struct fifo8 *f)
{
    return f->len > FIFO8_SIZE ? FIFO8_SIZE : f->len; /* a loaded snapshot may lie */
}
static inline bool fifo8_empty(const struct fifo8 *f)
{
    return f->len == 0;
}
static inline bool fifo8_full(const struct fifo8 *f)
{
    return f->len >= FIFO8_SIZE;
}
static inline void fifo8_clear(struct fifo8 *f)
{
    f->head = f->len = 0;
}
/* False when the queue is full; the byte is then lost. */
static inline bool fifo8_push(struct fifo8 *f, uint8_t byte)
{
    if (fifo8_full(f))
        return false;
    f->data[(f->head + f->len) % FIFO8_SIZE] = byte;
    f->len++;
    return true;
}
/* The oldest byte, 0 when the queue is empty. */
static inline uint8_t fifo8_pop(struct fifo8 *f)
{
    if (fifo8_empty(f))
        return 0;
    uint8_t byte = f->data[f->head % FIFO8_SIZE];
    f->head = (f->head + 1) % FIFO8_SIZE;
    f->len--;
    return byte;
}

#endif
