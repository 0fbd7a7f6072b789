/* Names for guest addresses.  Ref: System V ABI, chapter 4 (symbol table); nm(1) (System.map).
 * Nothing in the files is trusted. */
#include "core/symbols.h"

#include "core/elf_priv.h"
#include "core/loader.h"
#include "core/symbols_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { SHT_SYMTAB = 2, SHF_EXECINSTR = 4, STT_NOTYPE = 0, STT_FUNC = 2, STB_LOCAL = 0 };
enum { SHDR32 = 40, SHDR64 = 64, SYM32 = 16, SYM64 = 24 };
static const size_t MAX_FILE = (size_t)1 << 30;

struct symbol {
    uint64_t addr, size; /* size 0: up to the next one */
    const char *name;
    bool is_local;
};

struct symbols {
    GArray *list; /* of struct symbol */
    GStringChunk *names;
    uint64_t slide;
    bool is_sorted;
};

/* One section header's fields, of those that matter here. */
struct section {
    uint64_t flags, offset, size, entry_size;
    uint32_t type, link;
};

struct symbols *symbols_new(void)
{
    struct symbols *s = g_new0(struct symbols, 1);

    s->list = g_array_new(FALSE, FALSE, sizeof(struct symbol));
    s->names = g_string_chunk_new(65536);
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    g_array_unref(s->list);
    g_string_chunk_free(s->names);
    g_free(s);
}

unsigned symbols_count(const struct symbols *s)
{
    return s->list->len;
}

static void add(struct symbols *s, struct symbol sym, const char *name, size_t len)
{
    sym.name = g_string_chunk_insert_len(s->names, name, (gssize)len);
    g_array_append_val(s->list, sym);
    s->is_sorted = false;
}

static unsigned section_count(const struct elf *e)
{
    uint64_t at = elf_get_word(e, 32, 40);
    unsigned step = elf_get16(e, e->is64 ? 58 : 46), n = elf_get16(e, e->is64 ? 60 : 48);

    if (step != (e->is64 ? SHDR64 : SHDR32) || at > e->len || (uint64_t)n * step > e->len - at)
        return 0;
    return n;
}

/* Section n < section_count(); the extent of what it names may still lie outside the file. */
static struct section get_section(const struct elf *e, unsigned n)
{
    uint64_t at = elf_get_word(e, 32, 40) + (uint64_t)n * (e->is64 ? SHDR64 : SHDR32);
    struct section sec = {.type = elf_get32(e, at + 4)};

    sec.flags = elf_get_word(e, at + 8, at + 8);
    sec.offset = elf_get_word(e, at + 16, at + 24);
    sec.size = elf_get_word(e, at + 20, at + 32);
    sec.link = elf_get32(e, e->is64 ? at + 40 : at + 24);
    sec.entry_size = elf_get_word(e, at + 36, at + 56);
    return sec;
}

static bool is_inside(const struct elf *e, const struct section *sec)
{
    return sec->offset <= e->len && sec->size <= e->len - sec->offset;
}

/* Assemblers' own marks ($x, .L...) name no function. */
static bool is_mark(const char *name)
{
    return !*name || *name == '$' || g_str_has_prefix(name, ".L");
}

static bool is_code(const struct elf *e, unsigned type, unsigned section, unsigned nsections)
{
    if (type != STT_FUNC && type != STT_NOTYPE)
        return false;
    return section && section < nsections && (get_section(e, section).flags & SHF_EXECINSTR);
}

static void add_elf_symbol(struct symbols *s, const struct elf *e, uint64_t at,
                           const struct section *strings, unsigned nsections)
{
    uint8_t info = e->data[at + (e->is64 ? 4 : 12)];
    uint32_t name = elf_get32(e, at);
    struct symbol sym = {.addr = elf_get_word(e, at + 4, at + 8),
                         .size = elf_get_word(e, at + 8, at + 16),
                         .is_local = info >> 4 == STB_LOCAL};

    if (name >= strings->size ||
        !is_code(e, info & 15, elf_get16(e, at + (e->is64 ? 6 : 14)), nsections))
        return;
    const char *text = (const char *)e->data + strings->offset + name;
    size_t len = strnlen(text, strings->size - name);
    if (len < strings->size - name && !is_mark(text))
        add(s, sym, text, len);
}

static void add_elf_table(struct symbols *s, const struct elf *e, const struct section *table,
                          unsigned nsections)
{
    unsigned step = e->is64 ? SYM64 : SYM32;

    if (!is_inside(e, table) || table->entry_size != step || table->link >= nsections)
        return;
    struct section strings = get_section(e, table->link);
    if (!is_inside(e, &strings))
        return;
    for (uint64_t i = 0; i < table->size / step; i++)
        add_elf_symbol(s, e, table->offset + i * step, &strings, nsections);
}

static void add_elf(struct symbols *s, const struct elf *e)
{
    unsigned n = section_count(e);

    for (unsigned i = 0; i < n; i++) {
        struct section sec = get_section(e, i);
        if (sec.type == SHT_SYMTAB)
            add_elf_table(s, e, &sec, n);
    }
}

void symbols_add_typed(struct symbols *s, uint64_t addr, char type, const char *name)
{
    struct symbol sym = {.addr = addr, .is_local = type == 't' || type == 'w'};
    size_t len = strcspn(name, " \t\r");

    if (strchr("TtWw", type) && addr && len && !is_mark(name))
        add(s, sym, name, len);
}

/* "ffffffff80000000 T _start[\t[module]]"; false when the line is not of that form. */
static bool add_map_line(struct symbols *s, const char *line)
{
    char *end;
    uint64_t addr = g_ascii_strtoull(line, &end, 16);

    if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
        return false;
    symbols_add_typed(s, addr, end[1], end + 3);
    return true;
}

static bool add_map(struct symbols *s, char *text)
{
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (!add_map_line(s, line))
            return false;
    }
    return true;
}

bool symbols_add(struct symbols *s, const char *path, struct error **errp)
{
    size_t len;
    unsigned before = s->list->len;
    g_autofree uint8_t *data = load_file(path, MAX_FILE, &len, errp);
    struct elf e;

    if (!data)
        return false;
    if (elf_open(&e, data, len)) {
        add_elf(s, &e);
        if (s->list->len == before)
            error_set(errp, "'%s' has no symbol table (stripped?)", path);
        return s->list->len != before;
    }
    g_autofree char *text = g_strndup((const char *)data, len);
    if (!add_map(s, text)) {
        error_set(errp, "'%s' is neither an ELF file nor a System.map", path);
        return false;
    }
    if (s->list->len == before)
        error_set(errp, "'%s' names no function (/proc/kallsyms shows addresses to root only)",
                  path);
    return s->list->len != before;
}

/* Where a linker script says that a part begins or ends, which is no function. */
static bool is_boundary(const char *name)
{
    return g_str_has_prefix(name, "__") &&
           (g_str_has_suffix(name, "_start") || g_str_has_suffix(name, "_end"));
}

/* By address; of several names for one place the last is found: a function before a boundary, a
 * global one before a local one, one with a size before one without. */
static gint compare(gconstpointer pa, gconstpointer pb)
{
    const struct symbol *a = pa, *b = pb;

    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (is_boundary(a->name) != is_boundary(b->name))
        return is_boundary(a->name) ? -1 : 1;
    if (a->is_local != b->is_local)
        return a->is_local ? -1 : 1;
    if (!a->size != !b->size)
        return a->size ? 1 : -1;
    return strcmp(b->name, a->name);
}

static void sort(struct symbols *s)
{
    if (!s->is_sorted)
        g_array_sort(s->list, compare);
    s->is_sorted = true;
}

static const struct symbol *at(const struct symbols *s, unsigned i)
{
    return &g_array_index(s->list, struct symbol, i);
}

/* Number of symbols at or below addr. */
static unsigned count_below(const struct symbols *s, uint64_t addr)
{
    unsigned low = 0, high = s->list->len;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        if (at(s, mid)->addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const char *symbols_find(struct symbols *s, uint64_t addr, uint64_t *offset)
{
    enum { FAR = 1 << 20 }; /* the last function of a file without sizes ends somewhere */
    uint64_t linked = addr - s->slide;

    sort(s);
    unsigned n = count_below(s, linked);
    if (!n)
        return NULL;
    const struct symbol *sym = at(s, n - 1);
    *offset = linked - sym->addr;
    if (*offset >= (sym->size ? sym->size : FAR))
        return NULL;
    return sym->name;
}

bool symbols_address(struct symbols *s, const char *name, uint64_t *addr)
{
    for (unsigned i = 0; i < s->list->len; i++)
        if (!strcmp(at(s, i)->name, name)) {
            *addr = at(s, i)->addr;
            return true;
        }
    return false;
}

void symbols_set_slide(struct symbols *s, uint64_t bytes)
{
    s->slide = bytes;
}
