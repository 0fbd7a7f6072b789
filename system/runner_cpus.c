/* What each vCPU is doing when time is up. */
#include "system/runner_priv.h"

#include "core/loader.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

struct printer {
    struct runner *r;
    GString *out;
    unsigned n;
    char function[128]; /* of the frame before */
};

void runner_free_trace(void *opaque)
{
    struct vcpu_trace *t = opaque;

    g_free(t->text);
    g_free(t);
}

/* A frame that is a guess and lies in the function before it is where an earlier call returned to.
 */
static void print_frame(void *opaque, uint64_t addr, bool is_guess)
{
    struct printer *p = opaque;
    uint64_t off = 0;
    const char *name = symbols_find(p->r->symbols, addr - (p->n != 0), &off);

    if (is_guess && name && !strcmp(name, p->function))
        return;
    g_strlcpy(p->function, name ? name : "", sizeof(p->function));
    g_string_append_printf(p->out, "  #%-2u 0x%016" PRIx64, p->n, addr);
    if (name)
        g_string_append_printf(p->out, " %s+0x%" PRIx64, name, off + (p->n != 0));
    g_string_append(p->out, is_guess ? " ?\n" : "\n");
    p->n++;
}

static void trace_cpu(struct runner *r, struct cpu *cpu)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct printer p = {.r = r, .out = out};
    const char *state = !cpu->started ? " (not started)"
                        : cpu->halted ? " (waits for an interrupt)"
                                      : "";

    g_string_append_printf(out, "vCPU %u%s:\n", cpu->index, state);
    if (cpu->ops->backtrace)
        cpu->ops->backtrace(cpu, print_frame, &p);
    else
        print_frame(&p, cpu->ops->get_pc(cpu), false);
    struct vcpu_trace *t = g_new(struct vcpu_trace, 1);
    *t = (struct vcpu_trace){cpu->index, g_strdup(out->str)};
    g_ptr_array_add(r->traces, t);
}

/* Where a Linux Image that holds the code at pa begins in memory: it has its mark at byte 56. */
static bool find_image(struct address_space *as, gpa pa, gpa *base)
{
    enum { STEP = 2 << 20, MAX_STEPS = 64, MARK = 56 };
    uint8_t mark[4];

    *base = align_down(pa, STEP);
    for (unsigned i = 0; i < MAX_STEPS; i++, *base -= STEP) {
        if (!mem_peek(as, *base + MARK, mark, sizeof(mark)))
            return false;
        if (!memcmp(mark, "RSC\x05", 4) || !memcmp(mark, "ARM\x64", 4))
            return true;
    }
    return false;
}

/* The kernel's own names, from the memory it lies in. */
static void read_kallsyms(struct runner *r, struct cpu *cpu)
{
    enum { SIZE_AT = 16, MAX_SIZE = 256 << 20 }; /* of its header; of what is believed */
    uint8_t size[8];
    gpa pa, base;

    if (!cpu->ops->debug_translate(cpu, cpu->ops->get_pc(cpu), &pa) ||
        !find_image(cpu->as, pa, &base) || !mem_peek(cpu->as, base + SIZE_AT, size, sizeof(size)))
        return;
    uint64_t n = MIN(ld_le64(size), (uint64_t)MAX_SIZE);
    g_autofree uint8_t *image = g_try_malloc(n);
    if (image && mem_peek(cpu->as, base, image, n) && !symbols_add_kallsyms(r->symbols, image, n))
        log_info("the kernel in memory has no table of names (CONFIG_KALLSYMS)");
}

/* A kernel that chose its addresses by chance is found by where it lies in memory. */
static bool slide_by(struct runner *r, struct cpu *cpu)
{
    uint64_t pc = cpu->ops->get_pc(cpu), linked;
    gpa pa, base;

    if (!cpu->ops->debug_translate(cpu, pc, &pa) || pa == pc || !find_image(cpu->as, pa, &base))
        return false;
    if (!symbols_address(r->symbols, "_start", &linked) &&
        !symbols_address(r->symbols, "_text", &linked))
        return false;
    symbols_set_slide(r->symbols, pc - (pa - base) - linked);
    return true;
}

static bool is_elf(const char *path)
{
    char mark[4] = {0};
    FILE *f = fopen(path, "re");
    bool is = f && fread(mark, 1, 4, f) == 4 && !memcmp(mark, "\177ELF", 4);

    if (f)
        fclose(f);
    return is;
}

/* The kernel's and the firmware's own symbols, and a System.map beside the kernel. */
static void load_symbols(struct runner *r)
{
    const struct machine_config *cfg = &r->machine->cfg;
    const char *const files[] = {cfg->kernel, cfg->bios};

    if (r->symbols)
        return;
    r->symbols = symbols_new();
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i] && is_elf(files[i]) && !symbols_add(r->symbols, files[i], NULL))
            log_info("'%s' has no symbols: addresses have no names", files[i]);
    if (symbols_count(r->symbols) || !cfg->kernel)
        return;
    g_autofree char *dir = g_path_get_dirname(cfg->kernel);
    g_autofree char *map = g_build_filename(dir, "System.map", NULL);
    if (g_file_test(map, G_FILE_TEST_EXISTS) && !symbols_add(r->symbols, map, NULL))
        log_info("'%s' names no function", map);
}

void runner_trace_cpus(struct runner *r)
{
    struct machine *m = r->machine;

    machine_pause(m);
    load_symbols(r);
    for (unsigned i = 0; i < m->ncpus && !symbols_count(r->symbols); i++)
        read_kallsyms(r, m->cpus[i]);
    for (unsigned i = 0; i < m->ncpus; i++)
        if (slide_by(r, m->cpus[i]))
            break;
    for (unsigned i = 0; i < m->ncpus; i++)
        trace_cpu(r, m->cpus[i]);
    machine_resume(m);
}
