/*
 * Guest physical memory: a tree of regions, flattened to sorted ranges that are read without locks.
 *
 * A region is a container, a window on a RAM block (writable, or ROM), a device's registers (MMIO),
 * or an alias: another region, with all in it, seen a second time. Where siblings overlap, the
 * higher priority shows.  The tree changes only while no vCPU runs (before start, or inside
 * machine_pause()); each change publishes a new flat view, and every memory_listener hears of it.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include "core/types.h"
#include "util/annot.h"
#include "util/error.h"
#include "util/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a device sees of one access. */
struct access {
    uint64_t off; /* bytes from the start of the region */
    uint8_t size; /* bytes: 1, 2, 4, 8 */
    bool peek;    /* a debugger looks: leave no trace */
};

/* Registers.  Called with dev->lock held.  Accesses narrower or wider than min..max are split or
 * widened by the memory core; a misaligned one is split into aligned ones of at most its alignment.
 */
struct mmio_ops {
    uint64_t (*read)(struct device *dev, struct access a);
    void (*write)(struct device *dev, struct access a, uint64_t val);
    uint8_t min, max; /* bytes; 0 means 1 and 8 */
    uint64_t size;    /* bytes of the region */
    bool unlocked;    /* called without dev->lock: registers of the vCPU that accesses them */
    bool unaligned;   /* misaligned accesses come whole, within min..max */
};

enum mem_kind { MEM_CONTAINER, MEM_RAM, MEM_ROM, MEM_MMIO, MEM_ALIAS };

struct mem_region {
    const char *name;
    enum mem_kind kind;
    bool rom_device;   /* MEM_ROM whose writes go to ops (pflash); while !romd reads do, too */
    _Atomic bool romd; /* see memory_region_set_romd() */
    uint64_t size;     /* bytes */
    gpa base;          /* in the parent */
    int priority;
    struct ram_block *ram; /* MEM_RAM, MEM_ROM */
    uint64_t ram_off;
    const struct mmio_ops *ops; /* MEM_MMIO, rom_device */
    struct device *dev;
    struct mem_region *target; /* MEM_ALIAS */
    struct mem_region *parent, *children, *next;
    struct address_space *as; /* of a root only */
};

void region_init_container(struct mem_region *mr, const char *name, uint64_t size);
void region_init_ram(struct mem_region *mr, const char *name, struct ram_block *ram,
                     uint64_t ram_off, uint64_t size);
void region_init_rom(struct mem_region *mr, const char *name, struct ram_block *ram);
void region_init_mmio(struct mem_region *mr, const char *name, const struct mmio_ops *ops,
                      struct device *dev);
/* Flash: reads come from ram while in ROM mode, writes always go to ops. */
void region_init_rom_device(struct mem_region *mr, const char *name, struct ram_block *ram,
                            const struct mmio_ops *ops, struct device *dev);
/* The first size bytes of target, which lies elsewhere in the tree and lives as long. */
void region_init_alias(struct mem_region *mr, const char *name, struct mem_region *target,
                       uint64_t size);
/* Put child into parent at base; a higher priority wins, among equals the later.  Takes the map's
 * lock; call address_space_update() when the changes are complete. */
void region_add(struct mem_region *parent, gpa base, struct mem_region *child, int priority);
void region_del(struct mem_region *child);
/* Switch a rom_device between reading as memory and as registers; may be called from its ops: every
 * listener's romd_changed hears of it and the vCPUs drop their cached translations. */
void region_set_romd(struct mem_region *mr, bool romd);

/* One entry of the flat view. */
struct flat_range {
    gpa base;
    uint64_t size;
    struct mem_region *mr;
    uint64_t mr_off; /* offset of base inside mr */
};
struct flat_view {
    struct flat_view *retired_next; /* views that were replaced, until address_space_reclaim() */
    size_t n;
    struct flat_range r[]; /* sorted by base, no overlaps */
};
/* Told of changes; owned by the lower side, implemented by accelerators. */
struct memory_listener {
    void (*changed)(struct memory_listener *l, const struct flat_view *now);
    void (*romd_changed)(struct memory_listener *l, struct mem_region *mr);
    /* A write by something other than a vCPU's own store hit pages marked RAM_PAGE_CODE. */
    void (*code_written)(struct memory_listener *l, struct ram_block *ram, uint64_t off,
                         uint64_t len);
    struct memory_listener *next;
};
struct address_space {
    struct mem_region *root;
    struct flat_view *_Atomic view;
    struct memory_listener *listeners;
    struct mutex lock; /* guards the tree, the retired views and publishing */
    struct memory_listener *watchers GUARDED_BY(lock);
    struct flat_view *retired GUARDED_BY(lock);
    unsigned nretired GUARDED_BY(lock);
    /* Asked, from any thread, to bring about a call of address_space_reclaim() soon; may be NULL.
     */
    void (*want_reclaim)(void *opaque);
    void *want_reclaim_opaque;
    _Atomic unsigned readers; /* threads other than vCPUs that are inside an access */
    struct load_note *loads;  /* what was loaded into it: loader.h; main thread */
};
void address_space_init(struct address_space *as, struct mem_region *root);
void address_space_fini(struct address_space *as);
/* Rebuild and publish the flat view after the tree changed; the old view lives until no reader can
 * hold it. */
void address_space_update(struct address_space *as);
/* Free replaced views; call while every vCPU is at a safe point, and from the main loop's thread.
 */
void address_space_reclaim(struct address_space *as);
/* Hear of every later view, and at once of the present one. */
void address_space_listen(struct address_space *as, struct memory_listener *l);
/* The same for one that comes and goes while the machine lives, and has `changed` alone; it is
 * called with the map's lock held, and never again after address_space_unwatch(), which may be told
 * of one that does not watch. */
void address_space_watch(struct address_space *as, struct memory_listener *l);
void address_space_unwatch(struct address_space *as, struct memory_listener *l);
/* The range that holds addr, or NULL where nothing is mapped.  Lock-free; valid until the caller's
 * next safe point. */
const struct flat_range *address_space_find(struct address_space *as, gpa addr);

enum mem_result { MEM_OK, MEM_UNMAPPED, MEM_READ_ONLY, MEM_BAD_SIZE };
/* One access of 1, 2, 4 or 8 bytes, little endian, to RAM, ROM or registers; takes the device's
 * lock for the latter. */
enum mem_result mem_read(struct address_space *as, gpa addr, unsigned size, uint64_t *val);
enum mem_result mem_write(struct address_space *as, gpa addr, unsigned size, uint64_t val);
/* Change the bits of mask alone: of RAM at once, so that nothing can come between; of registers by
 * a read and a write. */
enum mem_result mem_write_bits(struct address_space *as, gpa addr, unsigned size, uint64_t mask,
                               uint64_t val);
/* mem_read() and mem_write() when the range is already known (accelerators' slow paths); off is
 * inside the region. */
uint64_t mmio_read(struct mem_region *mr, uint64_t off, unsigned size);
void mmio_write(struct mem_region *mr, uint64_t off, unsigned size, uint64_t val);
/* Any number of bytes for DMA, loaders and debuggers; false when some byte is unmapped (the rest is
 * still done). */
bool dma_read(struct address_space *as, gpa addr, void *buf, size_t len) MUST_CHECK;
bool dma_write(struct address_space *as, gpa addr, const void *buf, size_t len) MUST_CHECK;
/* Debugger forms: no side effects on devices; writes reach ROM too. */
bool mem_peek(struct address_space *as, gpa addr, void *buf, size_t len) MUST_CHECK;
bool mem_poke(struct address_space *as, gpa addr, const void *buf, size_t len) MUST_CHECK;
/* Host memory behind [addr, addr+len), *len cut to what is contiguous; NULL when it is not RAM (or
 * not writable). After writing through it, call ram_written(). */
void *dma_map(struct address_space *as, gpa addr, uint64_t *len, bool writable,
              struct ram_block **ram, uint64_t *off);
/* Print the tree and the flat view (info mtree), or one of them. */
void address_space_print(struct address_space *as, FILE *f);
void address_space_print_tree(struct address_space *as, FILE *f);
void address_space_print_flat(struct address_space *as, FILE *f);

#endif
