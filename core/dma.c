/* Transfers of any length: DMA, loaders, debuggers. */
#include "core/flatview_priv.h"
#include "core/memory.h"
#include "core/ram.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum dma_dir { DMA_READ, DMA_WRITE, DMA_PEEK, DMA_POKE };

struct dma {
    enum dma_dir dir;
    uint8_t *to;         /* DMA_READ, DMA_PEEK */
    const uint8_t *from; /* DMA_WRITE, DMA_POKE */
    bool complete;
};

static bool is_read(const struct dma *d)
{
    return d->dir == DMA_READ || d->dir == DMA_PEEK;
}

/* Pieces that a processor could store at once are stored at once: ring indices are polled by
 * running vCPUs. */
static void copy_to_ram(uint8_t *p, const uint8_t *from, size_t n)
{
    bool aligned = !((uintptr_t)p & (n - 1));

    if (n == 2 && aligned)
        __atomic_store_n((uint16_t *)(void *)p, ld_le16(from), __ATOMIC_RELEASE);
    else if (n == 4 && aligned)
        __atomic_store_n((uint32_t *)(void *)p, ld_le32(from), __ATOMIC_RELEASE);
    else if (n == 8 && aligned)
        __atomic_store_n((uint64_t *)(void *)p, ld_le64(from), __ATOMIC_RELEASE);
    else
        memcpy(p, from, n);
}

static void copy_from_ram(uint8_t *to, const uint8_t *p, size_t n)
{
    bool aligned = !((uintptr_t)p & (n - 1));

    if (n == 2 && aligned)
        st_le16(to, __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE));
    else if (n == 4 && aligned)
        st_le32(to, __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_ACQUIRE));
    else if (n == 8 && aligned)
        st_le64(to, __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE));
    else
        memcpy(to, p, n);
}

static void transfer_memory(struct dma *d, const struct flat_range *r, gpa addr, size_t n)
{
    struct ram_block *ram = r->mr->ram;
    uint64_t off = r->mr->ram_off + r->mr_off + (addr - r->base);

    if (is_read(d)) {
        copy_from_ram(d->to, ram->host + off, n);
        return;
    }
    copy_to_ram(ram->host + off, d->from, n);
    ram_written(ram, off, n);
}

/* To or from registers, in the widest aligned pieces. */
static void transfer_registers(struct dma *d, const struct flat_range *r, gpa addr, size_t n)
{
    uint64_t off = r->mr_off + (addr - r->base), val;
    size_t size;

    for (size_t done = 0; done < n; done += size) {
        size = 8;
        while (size > n - done || ((off + done) & (size - 1)))
            size /= 2;
        if (is_read(d)) {
            val = mmio_read_as(r->mr, off + done, size, d->dir == DMA_PEEK);
            memcpy(d->to + done, &val, size);
        } else {
            val = 0;
            memcpy(&val, d->from + done, size);
            mmio_write(r->mr, off + done, size, val);
        }
    }
}

static void transfer_range(struct dma *d, const struct flat_range *r, gpa addr, size_t n)
{
    bool to_memory = range_is_writable(r) || (d->dir == DMA_POKE && r->mr->ram);

    if (is_read(d) ? range_is_memory(r) : to_memory)
        transfer_memory(d, r, addr, n);
    else if (r->mr->ops && d->dir != DMA_POKE)
        transfer_registers(d, r, addr, n);
    else
        d->complete = false;
}

static void advance(struct dma *d, size_t n)
{
    if (is_read(d))
        d->to += n;
    else
        d->from += n;
}

static void skip_hole(struct dma *d, size_t n)
{
    d->complete = false;
    if (is_read(d))
        memset(d->to, 0, n);
}

/* Looks every range up anew: a register on the way may change the map. */
static bool transfer(struct address_space *as, struct dma *d, gpa addr, size_t len)
{
    size_t n;

    d->complete = true;
    view_enter(as);
    for (; len; len -= n, addr += n, advance(d, n)) {
        const struct flat_view *v = atomic_load_explicit(&as->view, memory_order_seq_cst);
        size_t i = flat_view_index(v, addr);
        if (i < v->n && v->r[i].base <= addr) {
            n = MIN(len, v->r[i].size - (addr - v->r[i].base));
            transfer_range(d, &v->r[i], addr, n);
        } else {
            n = i < v->n ? MIN(len, v->r[i].base - addr) : len;
            skip_hole(d, n);
        }
    }
    view_leave(as);
    return d->complete;
}

bool dma_read(struct address_space *as, gpa addr, void *buf, size_t len)
{
    return transfer(as, &(struct dma){.dir = DMA_READ, .to = buf}, addr, len);
}

bool dma_write(struct address_space *as, gpa addr, const void *buf, size_t len)
{
    return transfer(as, &(struct dma){.dir = DMA_WRITE, .from = buf}, addr, len);
}

bool mem_peek(struct address_space *as, gpa addr, void *buf, size_t len)
{
    return transfer(as, &(struct dma){.dir = DMA_PEEK, .to = buf}, addr, len);
}

bool mem_poke(struct address_space *as, gpa addr, const void *buf, size_t len)
{
    return transfer(as, &(struct dma){.dir = DMA_POKE, .from = buf}, addr, len);
}

void *dma_map(struct address_space *as, gpa addr, uint64_t *len, bool writable,
              struct ram_block **ram, uint64_t *off)
{
    void *p = NULL;

    view_enter(as);
    const struct flat_range *r = address_space_find(as, addr);
    if (r && (writable ? range_is_writable(r) : range_is_memory(r))) {
        uint64_t at = r->mr->ram_off + r->mr_off + (addr - r->base);
        *len = MIN(*len, r->size - (addr - r->base));
        p = r->mr->ram->host + at;
        if (ram)
            *ram = r->mr->ram;
        if (off)
            *off = at;
    }
    view_leave(as);
    return p;
}
