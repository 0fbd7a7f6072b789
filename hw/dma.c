/* DMA by devices, over core's mapping of guest RAM. */
#include "hw/dma.h"
#include "core/ram.h"

#include <string.h>

bool ram_dma_read(struct address_space *as, gpa addr, void *buf, uint64_t len)
{
    struct ram_block *ram;
    uint64_t off;
    for (uint8_t *to = buf; len > 0;) {
        uint64_t n = len;
        const void *host = dma_map(as, addr, &n, false, &ram, &off);
        if (host == NULL || n == 0)
            return false;
        memcpy(to, host, n);
        to += n;
        addr += n;
        len -= n;
    }
    return true;
}

/* Copy from buf, or zeros when it is NULL. */
static bool fill(struct address_space *as, gpa addr, const uint8_t *buf, uint64_t len)
{
    struct ram_block *ram;
    uint64_t off;
    while (len > 0) {
        uint64_t n = len;
        void *host = dma_map(as, addr, &n, true, &ram, &off);
        if (host == NULL || n == 0)
            return false;
        if (buf) {
            memcpy(host, buf, n);
            buf += n;
        } else {
            memset(host, 0, n);
        }
        ram_written(ram, off, n);
        addr += n;
        len -= n;
    }
    return true;
}

bool ram_dma_write(struct address_space *as, gpa addr, const void *buf, uint64_t len)
{
    return fill(as, addr, buf, len);
}

bool ram_dma_zero(struct address_space *as, gpa addr, uint64_t len)
{
    return fill(as, addr, NULL, len);
}

void ram_dma_wrote(struct address_space *as, gpa addr, uint64_t len)
{
    struct ram_block *ram;
    uint64_t off;
    while (len > 0) {
        uint64_t n = len;
        if (dma_map(as, addr, &n, true, &ram, &off) == NULL || n == 0)
            return;
        ram_written(ram, off, n);
        addr += n;
        len -= n;
    }
}
