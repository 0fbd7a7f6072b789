/* RAM in a file, each page at its place; pages of zeros, or of blank flash, are holes. */
#include "snapshot/mapped.h"

#include "snapshot/state.h"

#include "util/bits.h"
#include "util/xxh64.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_PAGES = 1 << 20 /* in one section */, MAP_HEAD = 29 };

bool file_write_at(int fd, const void *buf, size_t n, uint64_t at, struct error **errp)
{
    const uint8_t *p = buf;

    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            error_set(errp, "writing the state failed: %s", g_strerror(done ? errno : ENOSPC));
            return false;
        }
        p += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

bool file_read_at(int fd, void *buf, size_t n, uint64_t at, struct error **errp)
{
    uint8_t *p = buf;

    while (n) {
        ssize_t done = pread(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            error_set(errp, "%s", done ? g_strerror(errno) : "the saved state ends too early");
            return false;
        }
        p += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

/* ---- writing ---- */

static uint64_t page_check(const uint8_t *page)
{
    uint64_t sum = xxh64(page, RAM_PAGE_SIZE);

    return sum ? sum : 1; /* 0 says that there is no data */
}

/* Pages that follow each other go out in one call. */
static bool write_run(struct mapped_sink *s, const struct ram_batch *b, unsigned first, unsigned n,
                      const uint8_t *data, struct error **errp)
{
    uint64_t at = s->blocks[b->block].at + b->page[first] * RAM_PAGE_SIZE;

    return n == 0 || s->place->write(s->place, data, (size_t)n * RAM_PAGE_SIZE, at, errp);
}

/* A page of one byte.  Where it is what the block is full of anyway, nothing needs to be there, but
 * an earlier round may have left something. */
static bool write_fill(struct mapped_sink *s, const struct ram_batch *b, unsigned i,
                       struct error **errp)
{
    struct mapped_block *block = &s->blocks[b->block];
    uint64_t *check = &block->check[b->page[i]];
    uint8_t page[RAM_PAGE_SIZE];

    if (b->fill[i] == block->fill && *check == 0)
        return true;
    memset(page, b->fill[i], sizeof(page));
    *check = b->fill[i] == block->fill ? 0 : page_check(page);
    return s->place->write(s->place, page, sizeof(page), block->at + b->page[i] * RAM_PAGE_SIZE,
                           errp);
}

static bool mapped_pages(struct ram_sink *sink, const struct ram_batch *b, struct error **errp)
{
    struct mapped_sink *s = (struct mapped_sink *)sink;
    uint64_t *check = s->blocks[b->block].check;
    const uint8_t *data = b->data, *run = data;
    unsigned first = 0, n = 0;

    for (unsigned i = 0; i < b->n; i++) {
        bool follows = b->fill[i] == RAM_NO_FILL && n && b->page[i] == b->page[first] + n;
        if (!follows && !write_run(s, b, first, n, run, errp))
            return false;
        if (!follows) {
            first = i;
            n = 0;
            run = data;
        }
        if (b->fill[i] != RAM_NO_FILL) {
            if (!write_fill(s, b, i, errp))
                return false;
            continue;
        }
        check[b->page[i]] = page_check(data);
        data += RAM_PAGE_SIZE;
        n++;
    }
    return write_run(s, b, first, n, run, errp);
}

struct mapped_sink *mapped_sink_new(struct machine *m, struct mapped_place *place)
{
    struct mapped_sink *s = g_new0(struct mapped_sink, 1);
    unsigned i = 0;

    *s = (struct mapped_sink){.sink = {mapped_pages}, .place = place, .end = MAPPED_ALIGN};
    for (const struct ram_block *ram = m->rams; ram; ram = ram->next)
        s->n++;
    s->blocks = g_new0(struct mapped_block, s->n);
    for (struct ram_block *ram = m->rams; ram; ram = ram->next, i++) {
        s->blocks[i] = (struct mapped_block){.ram = ram, .at = s->end};
        s->blocks[i].check = g_new0(uint64_t, ram_pages(ram));
        s->blocks[i].fill = (uint8_t)MAX(ram_fill_byte(ram->host, ram->size), 0);
        s->end = align_up(s->end + ram->size, MAPPED_ALIGN);
    }
    return s;
}

void mapped_sink_free(struct mapped_sink *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->n; i++)
        g_free(s->blocks[i].check);
    g_free(s->blocks);
    g_free(s);
}

static bool write_map(const struct mapped_sink *s, unsigned block, uint64_t first,
                      struct snap_io *io, struct error **errp)
{
    const struct mapped_block *b = &s->blocks[block];
    uint64_t n = MIN(ram_pages(b->ram) - first, MAP_PAGES);
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)(MAP_HEAD + 8 * n));

    snap_put_u32(out, block);
    snap_put_u8(out, b->fill);
    snap_put_u64(out, b->at);
    snap_put_u64(out, first);
    snap_put_u64(out, n);
    for (uint64_t i = 0; i < n; i++)
        snap_put_u64(out, b->check[first + i]);
    return snap_write_section(io, SNAP_RAM_MAP, out->data, out->len, errp);
}

static bool write_maps(const struct mapped_sink *s, struct snap_io *io, struct error **errp)
{
    for (unsigned i = 0; i < s->n; i++)
        for (uint64_t first = 0; first < ram_pages(s->blocks[i].ram); first += MAP_PAGES)
            if (!write_map(s, i, first, io, errp))
                return false;
    return true;
}

bool mapped_finish(const struct mapped_sink *s, const GByteArray *description, GPtrArray *blobs,
                   uint64_t *size, struct error **errp)
{
    uint8_t header[SNAP_HEADER_SIZE];
    struct snap_memory mem;

    snap_memory_init(&mem);
    bool ok =
        snap_write_section(&mem.io, SNAP_MACHINE, description->data, description->len, errp) &&
        write_maps(s, &mem.io, errp) && snap_write_blobs(&mem.io, blobs, errp) &&
        s->place->write(s->place, mem.data->data, mem.data->len, s->end, errp);
    snap_pack_header(&(struct snap_header){.layout = SNAP_MAPPED,
                                           .sections_at = s->end,
                                           .sections_len = mem.data->len},
                     header);
    *size = s->end + mem.data->len;
    snap_memory_fini(&mem);
    return ok && s->place->write(s->place, header, sizeof(header), 0, errp);
}

/* ---- plain files ---- */

static bool file_write(struct mapped_place *p, const void *buf, size_t n, uint64_t at,
                       struct error **errp)
{
    const struct mapped_file *f = (struct mapped_file *)p;

    return file_write_at(f->fd, buf, n, f->base + at, errp);
}

static bool file_read(struct mapped_place *p, void *buf, size_t n, uint64_t at, struct error **errp)
{
    const struct mapped_file *f = (struct mapped_file *)p;

    return file_read_at(f->fd, buf, n, f->base + at, errp);
}

static bool file_map(struct mapped_place *place, struct ram_shadow *b, uint64_t at,
                     struct error **errp)
{
    const struct mapped_file *f = (struct mapped_file *)place;
    uint64_t size = b->ram->size;
    struct stat st;

    if (fstat(f->fd, &st) < 0 || (uint64_t)st.st_size < f->base + at + size) {
        error_set(errp, "the saved state ends too early: memory '%s' is cut off", b->ram->name);
        return false;
    }
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, f->fd, (off_t)(f->base + at));
    if (p == MAP_FAILED) {
        error_set(errp, "could not map memory '%s' from the file: %s", b->ram->name,
                  g_strerror(errno));
        return false;
    }
    b->map = p;
    return true;
}

/* Where the file system knows of no holes, all is data. */
static uint64_t file_next_data(struct mapped_place *p, uint64_t at)
{
    const struct mapped_file *f = (struct mapped_file *)p;
    off_t data = lseek(f->fd, (off_t)(f->base + at), SEEK_DATA);

    if (data < 0)
        return errno == ENXIO ? UINT64_MAX : at;
    return (uint64_t)data - f->base;
}

void mapped_file_init(struct mapped_file *f, int fd, uint64_t base)
{
    *f = (struct mapped_file){{file_write, file_read, file_map, file_next_data}, fd, base};
}

/* ---- reading ---- */

/* What one section says. */
struct map {
    struct mapped_place *place;
    struct ram_shadow *b;
    uint64_t at; /* in the place */
    uint64_t first, n;
    uint8_t fill;
    const uint8_t *check; /* n words */
};

static bool parse_map(struct ram_load *l, struct mapped_place *place, const GByteArray *payload,
                      struct map *out, struct error **errp)
{
    struct snap_cursor c = snap_cursor(payload);
    uint32_t block = snap_get_u32(&c);
    uint8_t fill = snap_get_u8(&c);
    uint64_t at = snap_get_u64(&c), first = snap_get_u64(&c), n = snap_get_u64(&c);
    uint64_t pages = block < l->n ? ram_pages(l->blocks[block].ram) : 0;
    bool ok = !c.bad && first < pages && n <= pages - first && at % MAPPED_BASE_ALIGN == 0 &&
              at <= INT64_MAX / 4;

    *out = (struct map){place, ok ? &l->blocks[block] : NULL,        at, first, n,
                        fill,  ok ? snap_get_bytes(&c, 8 * n) : NULL};
    if (out->check)
        return true;
    error_set(errp, "the saved state is damaged: it places memory where there is none");
    return false;
}

enum { CHUNK = 64 }; /* pages read at once */

/* Compare pages [i, i+n) of the section with the file's. */
static bool verify_chunk(const struct map *map, uint64_t i, uint64_t n, uint8_t *buf,
                         struct error **errp)
{
    uint64_t page = map->first + i;

    if (!map->place->read(map->place, buf, n * RAM_PAGE_SIZE, map->at + page * RAM_PAGE_SIZE, errp))
        return false;
    for (uint64_t k = 0; k < n; k++) {
        uint64_t want = ld_le64(map->check + 8 * (i + k));
        const uint8_t *p = buf + k * RAM_PAGE_SIZE;
        bool same = want ? page_check(p) == want : ram_fill_byte(p, RAM_PAGE_SIZE) == 0;
        if (same)
            continue;
        error_set(errp,
                  "the saved state is damaged: page %" PRIu64
                  " of memory '%s' has another checksum",
                  page + k, map->b->ram->name);
        return false;
    }
    return true;
}

/* Holes are zero without looking. */
static uint64_t next_data(const struct map *map, uint64_t i)
{
    uint64_t at = map->at + (map->first + i) * RAM_PAGE_SIZE;
    uint64_t data = map->place->next_data ? map->place->next_data(map->place, at) : at;

    return MIN(map->n, i + (data - at) / RAM_PAGE_SIZE);
}

static bool check_hole(const struct map *map, uint64_t i, uint64_t end, struct error **errp)
{
    while (i < end && ld_le64(map->check + 8 * i) == 0)
        i++;
    if (i == end)
        return true;
    error_set(errp, "the saved state is damaged: page %" PRIu64 " of memory '%s' is missing",
              map->first + i, map->b->ram->name);
    return false;
}

static bool verify_map(const struct map *map, struct error **errp)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK * RAM_PAGE_SIZE);

    for (uint64_t i = 0; i < map->n;) {
        uint64_t data = next_data(map, i), n = MIN(CHUNK, map->n - data);
        if (!check_hole(map, i, data, errp) || (n && !verify_chunk(map, data, n, buf, errp)))
            return false;
        i = data + n;
    }
    return true;
}

/* A whole block of one byte, which the waiting machine's is, too, since flash begins blank. */
static bool is_there(const struct map *map)
{
    const struct ram_block *ram = map->b->ram;

    if (map->b->map || map->n != ram_pages(ram))
        return false;
    for (uint64_t i = 0; i < map->n; i++)
        if (ld_le64(map->check + 8 * i))
            return false;
    return ram_fill_byte(ram->host, ram->size) == map->fill;
}

/* A block that is full of something else than zeros cannot be mapped: what differs is read. */
static bool read_filled(const struct map *map, struct error **errp)
{
    for (uint64_t i = 0; i < map->n; i++) {
        uint64_t want = ld_le64(map->check + 8 * i), off = (map->first + i) * RAM_PAGE_SIZE;
        uint8_t *to = map->b->map + off;
        if (want == 0)
            memset(to, map->fill, RAM_PAGE_SIZE);
        else if (!map->place->read(map->place, to, RAM_PAGE_SIZE, map->at + off, errp))
            return false;
        if (want == 0 || page_check(to) == want)
            continue;
        error_set(errp,
                  "the saved state is damaged: page %" PRIu64
                  " of memory '%s' has another checksum",
                  map->first + i, map->b->ram->name);
        return false;
    }
    return true;
}

bool mapped_load(struct ram_load *l, struct mapped_place *place, bool verify,
                 const GByteArray *payload, struct error **errp)
{
    struct map map;

    if (!parse_map(l, place, payload, &map, errp))
        return false;
    if (map.fill && is_there(&map)) {
        map.b->keep = true;
        return true;
    }
    if (map.fill)
        return ram_load_map(map.b, errp) && read_filled(&map, errp);
    if (!map.b->map && !place->map(place, map.b, map.at, errp))
        return false;
    return !verify || verify_map(&map, errp);
}
