/* Commands that look at memory and addresses. */
#include "monitor/commands_priv.h"

#include "core/loader.h"
#include "core/machine.h"
#include "util/bits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { PAGE = 4096, LINE_BYTES = 16, CHUNK = 64 << 10, MAX_INSN = 16 };

/* Read guest memory as a debugger does: through the CPU's translation, or (cpu NULL) by physical
 * address.  The vCPUs must be at a safe point for the former. */
static bool peek(struct machine *m, struct cpu *cpu, uint64_t addr, void *buf, size_t len)
{
    uint8_t *p = buf;

    while (len) {
        size_t n = MIN(len, PAGE - (addr & (PAGE - 1)));
        uint64_t pa = addr;
        if (cpu && !cpu->ops->debug_translate(cpu, addr, &pa))
            return false;
        if (!mem_peek(cpu ? cpu->as : &m->as, pa, p, n))
            return false;
        addr += n;
        p += n;
        len -= n;
    }
    return true;
}

/* The CPU a command means: cpu-index, or the current one. */
static struct cpu *chosen_cpu(struct mon_call *c, struct error **errp)
{
    int64_t index = mon_int(c, "cpu-index", c->cpu ? c->cpu->index : 0);

    if (index >= 0 && (uint64_t)index < c->m->ncpus)
        return c->m->cpus[index];
    error_set(errp, "no CPU has the index %" PRId64, index);
    return NULL;
}

/* ---- memsave, pmemsave ---- */

/* Up to a chunk that is all readable; 0 when the first byte is not. */
static size_t copy_chunk(struct machine *m, struct cpu *cpu, uint64_t addr, uint64_t size,
                         uint8_t *buf)
{
    size_t n = MIN(size, CHUNK);

    if (peek(m, cpu, addr, buf, n))
        return n;
    n = MIN(n, PAGE - (addr & (PAGE - 1)));
    return peek(m, cpu, addr, buf, n) ? n : 0;
}

static bool save_to(FILE *f, struct mon_call *c, struct cpu *cpu, struct error **errp)
{
    uint64_t addr = (uint64_t)mon_int(c, "val", 0), size = (uint64_t)mon_int(c, "size", 0);
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    while (size) {
        size_t n = copy_chunk(c->m, cpu, addr, size, buf);
        if (!n) {
            error_set(errp, "no memory at 0x%" PRIx64 " (%" PRIu64 " bytes to go)", addr, size);
            return false;
        }
        if (fwrite(buf, 1, n, f) != n) {
            error_set(errp, "writing '%s': %s", mon_str(c, "filename", ""), g_strerror(errno));
            return false;
        }
        addr += n;
        size -= n;
    }
    return true;
}

static JsonNode *save(struct mon_call *c, struct cpu *cpu, struct error **errp)
{
    const char *path = mon_str(c, "filename", "");

    if (mon_int(c, "size", 0) < 0) {
        error_set(errp, "size is negative");
        return NULL;
    }
    FILE *f = fopen(path, "we");
    if (!f) {
        error_set(errp, "could not open '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    machine_pause(c->m);
    bool ok = save_to(f, c, cpu, errp);
    machine_resume(c->m);
    if (fclose(f) && ok) {
        error_set(errp, "writing '%s': %s", path, g_strerror(errno));
        ok = false;
    }
    return ok ? mon_ok() : NULL;
}

static JsonNode *run_memsave(struct mon_call *c, struct error **errp)
{
    struct cpu *cpu = chosen_cpu(c, errp);

    return cpu ? save(c, cpu, errp) : NULL;
}

static JsonNode *run_pmemsave(struct mon_call *c, struct error **errp)
{
    return save(c, NULL, errp);
}

/* ---- x, xp, print ---- */

struct format {
    unsigned count, size; /* size in bytes; 0: not given */
    char letter;
};

static bool set_letter(struct format *f, char ch)
{
    switch (ch) {
    case 'b': f->size = 1; return true;
    case 'h': f->size = 2; return true;
    case 'w': f->size = 4; return true;
    case 'g': f->size = 8; return true;
    case 'x':
    case 'd':
    case 'u':
    case 'o':
    case 'c':
    case 'i': f->letter = ch; return true;
    default: return false;
    }
}

/* COUNT, then a letter for the form and one for the size, in any order. */
static bool parse_format(const char *text, struct format *f, struct error **errp)
{
    char *end;
    uint64_t count = g_ascii_strtoull(text, &end, 10);

    *f = (struct format){end == text ? 1 : (unsigned)MIN(count, 65536), 0, 'x'};
    for (; *end; end++)
        if (!set_letter(f, *end)) {
            error_set(
                errp,
                "format '/%s': '%c' is unknown; wanted a count, then x d u o c i, then b h w g",
                text, *end);
            return false;
        }
    if (!f->size)
        f->size = f->letter == 'c' ? 1 : 4;
    if (f->letter == 'c')
        f->size = 1;
    return true;
}

static uint64_t load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size); /* guests here are little endian, and so is the host */
    return v;
}

static int64_t sign_extend(uint64_t v, unsigned size)
{
    return (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

static void print_char(FILE *out, uint8_t ch)
{
    switch (ch) {
    case '\'': fputs("'\\''", out); break;
    case '\\': fputs("'\\\\'", out); break;
    case '\n': fputs("'\\n'", out); break;
    case '\r': fputs("'\\r'", out); break;
    default: fprintf(out, g_ascii_isprint(ch) ? "'%c'" : "'\\x%02x'", ch);
    }
}

/* Columns line up: as wide as the largest value of the size. */
static void print_value(FILE *out, const struct format *f, uint64_t v)
{
    static const uint8_t dec[] = {0, 3, 5, 0, 10, 0, 0, 0, 20},
                         oct[] = {0, 3, 6, 0, 11, 0, 0, 0, 22};
    int size = (int)f->size;

    switch (f->letter) {
    case 'd': fprintf(out, "%*" PRId64, dec[size] + 1, sign_extend(v, f->size)); break;
    case 'u': fprintf(out, "%*" PRIu64, dec[size], v); break;
    case 'o': fprintf(out, "%#*" PRIo64, oct[size] + 1, v); break;
    case 'c': print_char(out, (uint8_t)v); break;
    default: fprintf(out, "0x%0*" PRIx64, 2 * size, v);
    }
}

static bool dump_line(struct mon_call *c, struct cpu *cpu, const struct format *f, uint64_t addr,
                      unsigned n, FILE *out)
{
    uint8_t buf[LINE_BYTES];

    fprintf(out, "%016" PRIx64 ":", addr);
    if (!peek(c->m, cpu, addr, buf, n * f->size)) {
        fprintf(out, " Cannot access memory\n");
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        fputc(' ', out);
        print_value(out, f, load(buf + i * f->size, f->size));
    }
    fputc('\n', out);
    return true;
}

static void dump_values(struct mon_call *c, struct cpu *cpu, const struct format *f, uint64_t addr,
                        FILE *out)
{
    unsigned per_line = LINE_BYTES / f->size;

    for (unsigned done = 0; done < f->count;) {
        unsigned n = MIN(per_line, f->count - done);
        if (!dump_line(c, cpu, f, addr, n, out))
            return;
        done += n;
        addr += (uint64_t)n * f->size;
    }
}

/* As many bytes as an instruction may have, or as the memory has. */
static unsigned fetch(struct mon_call *c, struct cpu *cpu, uint64_t addr, uint8_t *buf)
{
    unsigned n = MAX_INSN;

    while (n && !peek(c->m, cpu, addr, buf, n))
        n /= 2;
    return n;
}

static bool dump_code(struct mon_call *c, struct cpu *cpu, unsigned count, uint64_t addr, FILE *out,
                      struct error **errp)
{
    uint8_t buf[MAX_INSN];
    struct cpu *decoder = cpu ? cpu : c->cpu;

    if (!decoder || !decoder->ops->disas) {
        error_set(errp, "the machine has no CPU whose instructions these could be");
        return false;
    }
    while (count--) {
        unsigned n = fetch(c, cpu, addr, buf);
        unsigned len = n ? decoder->ops->disas(decoder, out, addr, buf, n) : 0;
        if (!len) {
            fprintf(out, "0x%016" PRIx64 ":  Cannot access memory\n", addr);
            return true;
        }
        addr += len;
    }
    return true;
}

static bool dump(struct mon_call *c, struct cpu *cpu, FILE *out, struct error **errp)
{
    struct format f;
    uint64_t addr = (uint64_t)mon_int(c, "addr", 0);
    bool ok = true;

    if (!parse_format(mon_str(c, "fmt", ""), &f, errp))
        return false;
    machine_pause(c->m);
    if (f.letter == 'i')
        ok = dump_code(c, cpu, f.count, addr, out, errp);
    else
        dump_values(c, cpu, &f, addr, out);
    machine_resume(c->m);
    return ok;
}

static bool text_x(struct mon_call *c, FILE *out, struct error **errp)
{
    struct cpu *cpu = chosen_cpu(c, errp);

    return cpu && dump(c, cpu, out, errp);
}

static bool text_xp(struct mon_call *c, FILE *out, struct error **errp)
{
    return dump(c, NULL, out, errp);
}

static bool text_print(struct mon_call *c, FILE *out, struct error **errp)
{
    struct format f;
    uint64_t v = (uint64_t)mon_int(c, "val", 0);

    if (!parse_format(mon_str(c, "fmt", ""), &f, errp))
        return false;
    switch (f.letter) {
    case 'd': fprintf(out, "%" PRId64, (int64_t)v); break;
    case 'u': fprintf(out, "%" PRIu64, v); break;
    case 'o': fprintf(out, "%#" PRIo64, v); break;
    case 'c': print_char(out, (uint8_t)v); break;
    case 'i': error_set(errp, "'/i' is for x and xp"); return false;
    default: fprintf(out, "%#" PRIx64, v);
    }
    fputc('\n', out);
    return true;
}

/* ---- addresses ---- */

static bool text_gva2gpa(struct mon_call *c, FILE *out, struct error **errp)
{
    struct cpu *cpu = chosen_cpu(c, errp);
    uint64_t pa = 0;

    if (!cpu)
        return false;
    machine_pause(c->m);
    bool ok = cpu->ops->debug_translate(cpu, (uint64_t)mon_int(c, "addr", 0), &pa);
    machine_resume(c->m);
    if (ok)
        fprintf(out, "gpa: %#" PRIx64 "\n", pa);
    else
        fprintf(out, "Unmapped\n");
    return true;
}

static bool text_gpa2hva(struct mon_call *c, FILE *out, struct error **errp)
{
    uint64_t addr = (uint64_t)mon_int(c, "addr", 0), len = 1, off;
    struct ram_block *ram;
    void *host = dma_map(&c->m->as, addr, &len, false, &ram, &off);

    if (!host) {
        error_set(errp, "there is no memory at %#" PRIx64, addr);
        return false;
    }
    fprintf(out, "Host virtual address for %#" PRIx64 " (%s) is %p\n", addr, ram->name, host);
    return true;
}

static bool text_sum(struct mon_call *c, FILE *out, struct error **errp)
{
    uint64_t addr = (uint64_t)mon_int(c, "start", 0), size = (uint64_t)mon_int(c, "size", 0);
    uint16_t sum = 0;
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    /* The BSD checksum: rotate right, add. */
    while (size) {
        size_t n = copy_chunk(c->m, NULL, addr, size, buf);
        if (!n) {
            error_set(errp, "there is no memory at %#" PRIx64, addr);
            return false;
        }
        for (size_t i = 0; i < n; i++)
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]);
        addr += n;
        size -= n;
    }
    fprintf(out, "%05d\n", sum);
    return true;
}

/* x86 machines have a space of ports; others see none.  size: bytes of an access. */
static bool get_port(struct mon_call *c, uint16_t *port, unsigned *size, struct error **errp)
{
    struct format f;
    uint64_t addr = (uint64_t)mon_int(c, "addr", 0);

    if (!c->m->io_root.children) {
        error_set(errp, "this machine has no I/O ports; xp reads registers by physical address");
        return false;
    }
    if (!parse_format(mon_str(c, "fmt", "b"), &f, errp))
        return false;
    if (f.size > 4 || f.count != 1 || addr > UINT16_MAX) {
        error_set(errp, "wanted a port from 0 to 0xffff and at most 4 bytes (w) of it");
        return false;
    }
    *port = (uint16_t)addr;
    *size = f.size;
    return true;
}

static bool text_in(struct mon_call *c, FILE *out, struct error **errp)
{
    uint16_t port;
    unsigned size;
    uint64_t v;

    if (!get_port(c, &port, &size, errp))
        return false;
    if (mem_read(&c->m->io, port, size, &v) != MEM_OK)
        v = UINT32_MAX >> (32 - 8 * size);
    fprintf(out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n",
            size == 1   ? 'b'
            : size == 2 ? 'w'
                        : 'l',
            port, (int)size * 2, v);
    return true;
}

static bool text_out(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    uint16_t port;
    unsigned size;

    if (!get_port(c, &port, &size, errp))
        return false;
    /* Where nobody listens a write is lost, as on the bus. */
    enum mem_result r = mem_write(&c->m->io, port, size, (uint64_t)mon_int(c, "val", 0));
    (void)r;
    return true;
}

static bool text_mtree(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    if (mon_bool(c, "flat", false))
        address_space_print_flat(&c->m->as, out);
    else
        address_space_print_tree(&c->m->as, out);
    return true;
}

/* ---- translations ---- */

enum { MAX_LINES = 65536 };

struct mapping_list {
    FILE *out;
    bool merge; /* neighbours with equal attributes are one line */
    unsigned lines;
    uint64_t va, pa, size;
    char attr[16];
};

static void print_mapping(struct mapping_list *l)
{
    if (l->size)
        fprintf(l->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", l->va, l->pa, l->size,
                l->attr);
    l->lines += l->size != 0;
}

static bool on_mapping(void *opaque, gva va, gpa pa, uint64_t size, const char *attr)
{
    struct mapping_list *l = opaque;

    if (l->merge && l->size && va == l->va + l->size && pa == l->pa + l->size &&
        !strcmp(attr, l->attr)) {
        l->size += size;
        return true;
    }
    print_mapping(l);
    l->va = va;
    l->pa = pa;
    l->size = size;
    g_strlcpy(l->attr, attr, sizeof(l->attr));
    return l->lines < MAX_LINES;
}

static bool list_mappings(struct mon_call *c, bool merge, FILE *out, struct error **errp)
{
    struct mapping_list l = {.out = out, .merge = merge};
    bool complete = true;

    if (!c->cpu || !c->cpu->ops->mappings) {
        error_set(errp, "the machine has no CPU that translates addresses");
        return false;
    }
    machine_pause(c->m);
    fprintf(out, "%-16s %-16s %-16s %s\n", "vaddr", "paddr", "size", "attr");
    fprintf(out, "---------------- ---------------- ---------------- -------\n");
    if (c->cpu->ops->mappings(c->cpu, on_mapping, &l, &complete))
        print_mapping(&l);
    else
        fprintf(out, "No translation or protection\n");
    if (!complete)
        fprintf(out, "... there is more\n");
    machine_resume(c->m);
    return true;
}

static bool text_mem(struct mon_call *c, FILE *out, struct error **errp)
{
    return list_mappings(c, true, out, errp);
}

static bool text_tlb(struct mon_call *c, FILE *out, struct error **errp)
{
    return list_mappings(c, false, out, errp);
}

static bool text_roms(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    for (const struct load_note *n = c->m->as.loads; n; n = n->next) {
        const struct flat_range *r = address_space_find(&c->m->as, n->addr);
        fprintf(out, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=%s name=\"%s\"\n", n->addr,
                n->size, r && r->mr->kind == MEM_ROM ? "rom" : "ram", n->name);
    }
    return true;
}

static bool text_ramblock(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    fprintf(out, "%24s %18s\n", "Block Name", "Total");
    for (struct ram_block *ram = c->m->rams; ram; ram = ram->next)
        fprintf(out, "%24s 0x%016" PRIx64 "\n", ram->name, ram->size);
    return true;
}

static JsonNode *run_size_summary(struct mon_call *c, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "base-memory", (int64_t)c->m->cfg.ram_size);
    return mon_object(o);
}

static void print_size_summary(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    fprintf(out, "base memory: %" PRId64 "\n",
            json_object_get_int_member(json_node_get_object(result), "base-memory"));
}

static const struct mon_arg save_args[] = {
    {"val", MON_INT, .help = "the first address"},
    {"size", MON_INT, .help = "bytes"},
    {"filename", MON_STR, .help = "file that is written"},
    MON_ARG_END,
};
static const struct mon_arg memsave_args[] = {
    {"val", MON_INT, .help = "the first address"},
    {"size", MON_INT, .help = "bytes"},
    {"filename", MON_STR, .help = "file that is written"},
    {"cpu-index", MON_INT, .optional = true, .help = "whose address it is"},
    MON_ARG_END,
};
static const struct mon_arg dump_args[] = {
    {"fmt", MON_FORMAT, .optional = true,
     .help = "count; x d u o c or i (instructions); b h w or g: 1, 2, 4, 8 bytes"},
    {"addr", MON_INT, .help = "the first address"},
    MON_ARG_END,
};
static const struct mon_arg print_args[] = {
    {"fmt", MON_FORMAT, .optional = true, .help = "x d u o or c"},
    {"val", MON_INT, .help = "an expression"},
    MON_ARG_END,
};
static const struct mon_arg addr_args[] = {
    {"addr", MON_INT, .help = "the address"},
    MON_ARG_END,
};
static const struct mon_arg sum_args[] = {
    {"start", MON_INT, .help = "the first physical address"},
    {"size", MON_INT, .help = "bytes"},
    MON_ARG_END,
};
static const struct mon_arg in_args[] = {
    {"fmt", MON_FORMAT, .optional = true, .help = "b h or w"},
    {"addr", MON_INT, .help = "the port"},
    MON_ARG_END,
};
static const struct mon_arg out_args[] = {
    {"fmt", MON_FORMAT, .optional = true, .help = "b h or w"},
    {"addr", MON_INT, .help = "the port"},
    {"val", MON_INT, .help = "the value"},
    MON_ARG_END,
};
static const struct mon_arg mtree_args[] = {
    {"flat", MON_FLAG, .optional = true, .flag = 'f', .help = "what is seen where"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_memory[] = {
    {.qmp = "memsave", .hmp = "memsave", .args = memsave_args, .run = run_memsave,
     .help = "write memory at a virtual address to a file"},
    {.qmp = "pmemsave", .hmp = "pmemsave", .args = save_args, .run = run_pmemsave,
     .help = "write memory at a physical address to a file"},
    {.hmp = "x", .args = dump_args, .text = text_x, .help = "show memory at a virtual address"},
    {.hmp = "xp", .args = dump_args, .text = text_xp, .help = "show memory at a physical address"},
    {.hmp = "print", .alias = "p", .args = print_args, .text = text_print,
     .help = "show the value of an expression"},
    {.hmp = "gva2gpa", .args = addr_args, .text = text_gva2gpa,
     .help = "translate a virtual address"},
    {.hmp = "gpa2hva", .args = addr_args, .text = text_gpa2hva,
     .help = "where the emulator keeps a physical address"},
    {.hmp = "sum", .args = sum_args, .text = text_sum, .help = "checksum of memory"},
    {.hmp = "i", .args = in_args, .text = text_in, .help = "read an I/O port"},
    {.hmp = "o", .args = out_args, .text = text_out, .help = "write an I/O port"},
    {.hmp = "info mtree", .args = mtree_args, .text = text_mtree, .help = "show the map of memory"},
    {.hmp = "info mem", .text = text_mem, .help = "show what virtual addresses stand for"},
    {.hmp = "info tlb", .text = text_tlb, .help = "the same, page by page"},
    {.hmp = "info roms", .text = text_roms, .help = "list what was loaded into memory"},
    {.hmp = "info ramblock", .text = text_ramblock, .help = "list the blocks of memory"},
    {.qmp = "query-memory-size-summary", .hmp = "info memory_size_summary",
     .ret = "{base-memory: int, plugged-memory?: int}", .run = run_size_summary,
     .print = print_size_summary, .help = "show how much memory there is"},
    {0},
};
/* clang-format on */
