/*
 * dump-guest-memory: memory and registers as an ELF core file, by physical address.
 * Ref: System V ABI, Object Files; core(5); struct elf_prstatus of Linux's UAPI (RISC-V: pc, then
 * x1 to x31).
 */
#include "monitor/commands_priv.h"

#include "core/debug.h"
#include "core/event.h"
#include "core/machine.h"
#include "util/fds.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, PAGE = 4096, GREGS = 32, MACHINE_RISCV = 243 };

/* The last one: what query-dump tells. */
static struct {
    const char *status;
    uint64_t completed, total; /* bytes */
} last = {"none", 0, 0};

struct segment {
    uint64_t base, size; /* bytes */
};

struct dump {
    struct machine *m;
    GArray *segments; /* struct segment */
    GByteArray *head; /* all that comes before memory */
    unsigned word;    /* bytes of an address: 4 or 8 */
    int fd;
};

/* ---- what ---- */

static bool is_memory(const struct flat_range *r)
{
    return r->mr->kind == MEM_RAM || r->mr->kind == MEM_ROM;
}

static void add_segments(struct dump *d, uint64_t begin, uint64_t end)
{
    const struct flat_view *v = atomic_load_explicit(&d->m->as.view, memory_order_acquire);

    for (size_t i = 0; i < v->n; i++) {
        const struct flat_range *r = &v->r[i];
        uint64_t from = MAX(r->base, begin), to = MIN(r->base + (r->size - 1), end - 1);
        if (!is_memory(r) || from > to)
            continue;
        struct segment s = {from, to - from + 1};
        g_array_append_val(d->segments, s);
    }
}

static uint64_t total_size(const struct dump *d)
{
    uint64_t n = 0;

    for (guint i = 0; i < d->segments->len; i++)
        n += g_array_index(d->segments, struct segment, i).size;
    return n;
}

/* ---- headers ---- */

static void put(struct dump *d, uint64_t value, unsigned size)
{
    g_byte_array_append(d->head, (const guint8 *)&value, size); /* little endian, as the host is */
}

static void put_zeros(struct dump *d, unsigned n)
{
    while (n--)
        put(d, 0, 1);
}

static void put_file_header(struct dump *d)
{
    static const char ident[EI_NIDENT] = {
        ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, 0, ELFDATA2LSB, EV_CURRENT,
    };
    bool wide = d->word == 8;
    unsigned size = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);

    g_byte_array_append(d->head, (const guint8 *)ident, sizeof(ident));
    d->head->data[EI_CLASS] = wide ? ELFCLASS64 : ELFCLASS32;
    put(d, ET_CORE, 2);
    put(d, MACHINE_RISCV, 2);
    put(d, EV_CURRENT, 4);
    put(d, 0, d->word);
    put(d, size, d->word); /* program headers follow */
    put(d, 0, d->word);
    put(d, 0, 4);
    put(d, size, 2);
    put(d, wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2);
    put(d, d->segments->len + 1, 2);
    put_zeros(d, 6); /* no sections */
}

static void put_program_header(struct dump *d, unsigned type, uint64_t offset, uint64_t addr,
                               uint64_t size)
{
    unsigned flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0;

    put(d, type, 4);
    if (d->word == 8)
        put(d, flags, 4);
    put(d, offset, d->word);
    put(d, addr, d->word);
    put(d, addr, d->word);
    put(d, size, d->word);
    put(d, size, d->word);
    if (d->word == 4)
        put(d, flags, 4);
    put(d, type == PT_LOAD ? PAGE : 4, d->word);
}

/* struct elf_prstatus up to the registers; the process ids tell the CPUs apart. */
static void put_status_head(struct dump *d, struct cpu *cpu)
{
    put_zeros(d, 12 + 4);      /* signal information, signal */
    put_zeros(d, 2 * d->word); /* pending, held */
    put(d, cpu->index + 1, 4); /* pid */
    put_zeros(d, 3 * 4);       /* parent, group, session */
    put_zeros(d, 8 * d->word); /* four times */
}

static uint64_t read_register(struct cpu *cpu, const struct debug_regs *regs, size_t index)
{
    uint8_t buf[DEBUG_MAX_REG_BYTES] = {0};
    uint64_t value;

    if (!debug_reg_read(cpu, &regs->reg[index], buf))
        return 0;
    memcpy(&value, buf, sizeof(value));
    return value;
}

static void put_status(struct dump *d, struct cpu *cpu)
{
    const struct debug_regs *regs = cpu->ops->debug_regs(cpu);
    unsigned size = 16 + 2 * d->word + 16 + 8 * d->word + (GREGS + 1) * d->word;

    put(d, 5, 4);
    put(d, size, 4);
    put(d, NT_PRSTATUS, 4);
    g_byte_array_append(d->head, (const guint8 *)"CORE\0\0\0", 8);
    put_status_head(d, cpu);
    put(d, read_register(cpu, regs, regs->pc), d->word);
    for (unsigned i = 1; i < GREGS; i++)
        put(d, read_register(cpu, regs, i), d->word);
    put(d, 0, d->word); /* no floating-point registers follow */
}

static uint64_t notes_size(const struct dump *d)
{
    return d->m->ncpus *
           (20 + (uint64_t)(16 + 2 * d->word + 16 + 8 * d->word) + (GREGS + 1) * d->word);
}

static uint64_t page_up(uint64_t n)
{
    return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static void put_headers(struct dump *d)
{
    bool wide = d->word == 8;
    uint64_t notes = (wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) +
                     (d->segments->len + 1) * (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    uint64_t at = page_up(notes + notes_size(d));

    put_file_header(d);
    put_program_header(d, PT_NOTE, notes, 0, notes_size(d));
    for (guint i = 0; i < d->segments->len; i++) {
        struct segment s = g_array_index(d->segments, struct segment, i);
        put_program_header(d, PT_LOAD, at, s.base, s.size);
        at = page_up(at + s.size);
    }
    for (unsigned i = 0; i < d->m->ncpus; i++)
        put_status(d, d->m->cpus[i]);
    put_zeros(d, (unsigned)(page_up(d->head->len) - d->head->len));
}

/* ---- writing ---- */

static bool write_all(struct dump *d, const uint8_t *buf, size_t n, struct error **errp)
{
    while (n) {
        ssize_t done = write(d->fd, buf, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            error_set(errp, "could not write the dump: %s", g_strerror(errno));
            return false;
        }
        buf += done;
        n -= (size_t)done;
    }
    return true;
}

static bool write_segment(struct dump *d, struct segment s, struct error **errp)
{
    g_autofree uint8_t *buf = g_malloc0(CHUNK);
    uint64_t padded = page_up(s.size);

    for (uint64_t off = 0; off < padded; off += CHUNK) {
        size_t n = (size_t)MIN((uint64_t)CHUNK, padded - off);
        uint64_t in = MIN((uint64_t)n, s.size - MIN(off, s.size));
        memset(buf, 0, n);
        if (!mem_peek(&d->m->as, s.base + off, buf, (size_t)in)) {
            error_set(errp, "no memory at 0x%" PRIx64, s.base + off);
            return false;
        }
        if (!write_all(d, buf, n, errp))
            return false;
        last.completed += in;
    }
    return true;
}

static bool write_dump(struct dump *d, struct error **errp)
{
    put_headers(d);
    if (!write_all(d, d->head->data, d->head->len, errp))
        return false;
    for (guint i = 0; i < d->segments->len; i++)
        if (!write_segment(d, g_array_index(d->segments, struct segment, i), errp))
            return false;
    return true;
}

/* "file:PATH" or "fd:NAME". */
static int open_target(const char *protocol, struct error **errp)
{
    if (g_str_has_prefix(protocol, "fd:"))
        return fds_take(protocol + 3, errp);
    if (!g_str_has_prefix(protocol, "file:")) {
        error_set(errp, "protocol: wanted file:PATH or fd:NAME, found '%s'", protocol);
        return -1;
    }
    int fd = fds_open(protocol + 5, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        error_set(errp, "could not open '%s': %s", protocol + 5, g_strerror(errno));
    return fd;
}

/* [begin, *end) of what is asked for; *end 0 means up to the top. */
static bool read_range(struct mon_call *c, uint64_t *begin, uint64_t *end, struct error **errp)
{
    uint64_t length = (uint64_t)mon_int(c, "length", 0);

    *begin = (uint64_t)mon_int(c, "begin", 0);
    *end = 0;
    if (mon_has(c, "begin") != mon_has(c, "length")) {
        error_set(errp, "parameter '%s' is missing", mon_has(c, "begin") ? "length" : "begin");
        return false;
    }
    if (!mon_has(c, "length"))
        return true;
    *end = *begin + length;
    if (!length || (*end && *end < *begin)) {
        error_set(errp, "length: wanted at least 1 and no more than there are addresses");
        return false;
    }
    return true;
}

static bool can_dump(struct mon_call *c, struct error **errp)
{
    if (mon_bool(c, "paging", false))
        error_set(errp, "memory is dumped by physical address only: say paging=false");
    else if (strcmp(mon_str(c, "format", "elf"), "elf"))
        error_set(errp, "format '%s' is not supported, 'elf' is", mon_str(c, "format", ""));
    else if (!c->m->ncpus || !c->m->cpus[0]->ops->debug_regs ||
             !g_str_has_prefix(c->m->cpus[0]->ops->arch, "riscv"))
        error_set(errp, "the machine has no CPU whose registers could be dumped");
    else
        return true;
    return false;
}

static bool dump_to(struct mon_call *c, int fd, uint64_t begin, uint64_t end, struct error **errp)
{
    struct dump d = {.m = c->m, .fd = fd};
    bool ok;

    d.word = !strcmp(c->m->cpus[0]->ops->arch, "riscv32") ? 4 : 8;
    d.segments = g_array_new(FALSE, FALSE, sizeof(struct segment));
    d.head = g_byte_array_new();
    machine_pause(c->m);
    add_segments(&d, begin, end);
    last.completed = 0;
    last.total = total_size(&d);
    ok = d.segments->len;
    if (!ok)
        error_set(errp, "there is no memory in that range");
    ok = ok && write_dump(&d, errp);
    machine_resume(c->m);
    g_array_unref(d.segments);
    g_byte_array_unref(d.head);
    return ok;
}

static JsonNode *dump(struct mon_call *c, const char *protocol, struct error **errp)
{
    uint64_t begin, end;

    if (!can_dump(c, errp) || !read_range(c, &begin, &end, errp))
        return NULL;
    int fd = open_target(protocol, errp);
    if (fd < 0)
        return NULL;
    bool ok = dump_to(c, fd, begin, end, errp);
    if (close(fd) && ok) {
        error_set(errp, "could not write the dump: %s", g_strerror(errno));
        ok = false;
    }
    last.status = ok ? "completed" : "failed";
    event_emit("DUMP_COMPLETED",
               "{\"result\": {\"status\": \"%s\", \"completed\": %" PRIu64 ", \"total\": %" PRIu64
               "}}",
               last.status, last.completed, last.total);
    return ok ? mon_ok() : NULL;
}

static JsonNode *run_dump(struct mon_call *c, struct error **errp)
{
    return dump(c, mon_str(c, "protocol", ""), errp);
}

static bool text_dump(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    g_autofree char *protocol = g_strconcat("file:", mon_str(c, "filename", ""), NULL);
    JsonNode *result = dump(c, protocol, errp);

    if (result)
        json_node_unref(result);
    return result;
}

static JsonNode *run_query(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "status", last.status);
    json_object_set_int_member(o, "completed", (int64_t)last.completed);
    json_object_set_int_member(o, "total", (int64_t)last.total);
    return mon_object(o);
}

static void print_query(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    fprintf(out, "Status: %s\n", last.status);
}

static JsonNode *run_capability(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();
    JsonArray *formats = json_array_new();

    json_array_add_string_element(formats, "elf");
    json_object_set_array_member(o, "formats", formats);
    return mon_object(o);
}

#define FORMAT_TYPE "elf|kdump-zlib|kdump-lzo|kdump-snappy|win-dmp"

static const struct mon_arg dump_args[] = {
    {"paging", MON_BOOL, .help = "false: by physical address"},
    {"protocol", MON_STR, .help = "file:PATH or fd:NAME"},
    {"detach", MON_BOOL, .optional = true, .help = "true: ask query-dump how it ended"},
    {"begin", MON_INT, .optional = true, .help = "the first address"},
    {"length", MON_INT, .optional = true, .help = "bytes"},
    {"format", MON_CHOICE, .optional = true, .type = FORMAT_TYPE, .help = "elf"},
    MON_ARG_END,
};
static const struct mon_arg text_args[] = {
    {"paging", MON_FLAG, .optional = true, .flag = 'p', .help = "not supported"},
    {"detach", MON_FLAG, .optional = true, .flag = 'd', .help = "accepted"},
    {"filename", MON_STR, .help = "the core file"},
    {"begin", MON_INT, .optional = true, .help = "the first physical address"},
    {"length", MON_INT, .optional = true, .help = "bytes"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_dump[] = {
    {.qmp = "dump-guest-memory", .args = dump_args, .run = run_dump,
     .help = "write memory and registers to an ELF core file"},
    {.hmp = "dump-guest-memory", .args = text_args, .text = text_dump,
     .help = "write memory and registers to an ELF core file"},
    {.qmp = "query-dump", .hmp = "info dump",
     .ret = "{status: none|active|completed|failed, completed: int, total: int}", .run = run_query,
     .print = print_query, .help = "show how the last dump ended"},
    {.qmp = "query-dump-guest-memory-capability", .ret = "{formats: [" FORMAT_TYPE "]}",
     .run = run_capability, .help = "list the formats of dumps"},
    {0},
};
/* clang-format on */
