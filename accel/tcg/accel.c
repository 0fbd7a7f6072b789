/* The accelerator's life: properties, engine choice, per-vCPU memory. */
#include "accel/tcg/tcg.h"
#include "accel/tcg/tcg_priv.h"
#include "core/ram.h"
#include "util/bits.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_CODE_MIB = 256, CODE_SEGMENTS = 16, MXCSR_RESET = 0x1f80 };

static bool perf_map_wanted;

void tcg_enable_perf_map(void)
{
    perf_map_wanted = true;
}

static bool one_of(const char *what, const char *value, const char *a, const char *b,
                   struct error **errp)
{
    if (!value || !strcmp(value, a) || !strcmp(value, b))
        return true;
    error_set(errp, "-accel tcg: %s=%s is not known; valid are '%s' and '%s'", what, value, a, b);
    return false;
}

static const struct tcg_backend *native_backend(void)
{
#if defined(__x86_64__)
    return &tcg_x86_64;
#else
    return NULL;
#endif
}

static bool choose_tier(struct tcg *t, struct error **errp)
{
    static const char *const names[] = {
        [REGIONS_AUTO] = "auto", [REGIONS_OFF] = "off", [REGIONS_ALL] = "all"};
    if (t->one_insn || !t->be->is_native)
        t->tier = REGIONS_OFF;
    if (!t->regions)
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (!strcmp(t->regions, names[i])) {
            t->tier = t->tier == REGIONS_OFF ? REGIONS_OFF : i;
            return true;
        }
    error_set(errp, "-accel tcg: regions=%s is not known; valid are 'auto', 'off' and 'all'",
              t->regions);
    return false;
}

static bool choose_engine(struct tcg *t)
{
    bool interp = t->engine && !strcmp(t->engine, "interp");
    t->be = interp ? NULL : native_backend();
    if (!t->be)
        t->be = &tcg_interp;
    t->be_ref = t->lockstep && t->be != &tcg_interp ? &tcg_interp : NULL;
    return true;
}

static void changed(struct memory_listener *l, const struct flat_view *now UNUSED)
{
    struct tcg *t = container_of(l, struct tcg, listener);
    for (unsigned i = 0; i < t->m->ncpus; i++)
        if (t->m->cpus[i]->accel)
            vcpu_ask(tcg_vcpu(t->m->cpus[i]), TODO_TLB | TODO_DISPATCH);
    struct cpu *self = cpu_current(); /* may go on to the device before its next safe point */
    if (self && self->accel)
        tlb_forget_devices(tcg_vcpu(self));
}
static void romd_changed(struct memory_listener *l, struct mem_region *mr UNUSED)
{
    changed(l, NULL);
}
static void code_written(struct memory_listener *l, struct ram_block *ram, uint64_t off,
                         uint64_t len)
{
    struct cpu *self = cpu_current();
    smc_written(container_of(l, struct tcg, listener), self ? tcg_vcpu(self) : NULL, ram, off, len);
}

static bool tcg_init(struct machine *m, void *opaque, struct error **errp)
{
    struct tcg *t = opaque;
    if (!one_of("thread", t->thread, "multi", "single", errp) ||
        !one_of("engine", t->engine, "jit", "interp", errp))
        return false;
    t->m = m;
    mutex_init(&t->lock);
    mutex_init(&t->codegen);
    t->pages = g_hash_table_new(g_direct_hash, g_direct_equal);
    t->segs = g_new0(struct segment, CODE_SEGMENTS);
    for (unsigned i = 0; i < CODE_SEGMENTS; i++) {
        t->segs[i].units = g_ptr_array_new();
        t->segs[i].starts = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
    t->listener = (struct memory_listener){changed, romd_changed, code_written, NULL};
    return choose_engine(t) && choose_tier(t, errp);
}

static void tcg_fini(struct machine *m)
{
    struct tcg *t = m->accel_props;
    if (!t->m)
        return;
    count_fini(t);
    for (unsigned i = 0; i < CODE_SEGMENTS; i++) {
        for (unsigned j = 0; j < t->segs[i].units->len; j++)
            unit_free(t, g_ptr_array_index(t->segs[i].units, j));
        g_ptr_array_free(t->segs[i].units, TRUE);
        g_array_free(t->segs[i].starts, TRUE);
    }
    g_free(t->segs);
    GHashTableIter it;
    gpointer page;
    g_hash_table_iter_init(&it, t->pages);
    while (g_hash_table_iter_next(&it, NULL, &page))
        g_free(page);
    g_hash_table_destroy(t->pages);
    if (t->cb)
        codebuf_free(t->cb);
    if (t->perf_map)
        fclose(t->perf_map);
    mutex_fini(&t->lock);
    mutex_fini(&t->codegen);
    t->m = NULL;
}

static void *tcg_cpu_alloc(size_t size)
{
    struct tcg_block *b = aligned_alloc(64, align_up(sizeof(*b) + size, 64));
    if (!b)
        g_error("out of memory for a vCPU");
    memset(b, 0, sizeof(*b) + size);
    b->v.cpu_size = size;
    return (char *)b + offsetof(struct tcg_block, env) + sizeof(struct tcg_env);
}
static struct tcg_block *block_of(struct cpu *cpu)
{
    return (struct tcg_block *)((char *)tcg_env(cpu) - offsetof(struct tcg_block, env));
}
static void tcg_cpu_free(struct cpu *cpu)
{
    struct tcg_block *b = block_of(cpu);
    if (b->v.ir)
        ir_free(b->v.ir);
    ir_free(b->v.region_ir);
    g_free(b->v.region_slots);
    tlb_destroy(&b->v);
    g_free(b->v.snap_before);
    g_free(b->v.snap_after);
    free(b);
}

/* Both engines share one description of the CPU struct. */
static bool engines_init(struct tcg *t, const struct guest_ops *ops, struct error **errp)
{
    struct tcg_layout layout = {
        .slots = ops->slots,
        .nslots = ops->nslots,
        .pc_slot = ops->pc_slot,
        .request_off = offsetof(struct cpu, request),
        .cb = tcg_slow_paths,
        .note_mask = RAM_PAGE_CODE | RAM_PAGE_WRITABLE | RAM_PAGE_DIRTY,
        .note_want = RAM_PAGE_WRITABLE | RAM_PAGE_DIRTY,
    };
    const char *why = "unknown reason";
    layout.cb.x87 = ops->x87;
    t->cb = codebuf_new((t->tb_size ? t->tb_size : DEFAULT_CODE_MIB) << 20, CODE_SEGMENTS, errp);
    if (!t->cb)
        return false;
    if (!t->be->init(&layout, t->cb, &why)) {
        log_warn("no translation to host code here (%s): using the interpreter", why);
        t->be = &tcg_interp;
        t->be_ref = NULL;
        if (!t->be->init(&layout, t->cb, &why)) {
            error_set(errp, "the interpreter cannot start: %s", why);
            return false;
        }
    }
    if (t->be_ref && !t->be_ref->init(&layout, t->cb, &why)) {
        error_set(errp, "the interpreter cannot start: %s", why);
        return false;
    }
    if (perf_map_wanted) {
        g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", (int)getpid());
        t->perf_map = fopen(path, "w");
    }
    t->ready = true;
    return true;
}

bool tcg_cpu_attach(struct cpu *cpu, const struct guest_ops *ops, struct error **errp)
{
    struct tcg *t = cpu->machine->accel_props;
    struct tcg_vcpu *v = &block_of(cpu)->v;
    if (!t->ready) {
        if (!engines_init(t, ops, errp))
            return false;
        address_space_listen(&cpu->machine->as, &t->listener);
    }
    v->cpu = cpu;
    v->addr_mask = UINT64_MAX;
    v->ops = ops;
    v->tcg = t;
    v->ir = ir_new(ops->slots, ops->nslots);
    v->region_slots = g_new0(struct ir_slot, ops->nslots + TCG_HIDDEN_SLOTS);
    v->region_ir = region_ir_new(ops->slots, ops->nslots, v->region_slots);
    if (t->be_ref) {
        v->snap_before = g_malloc0(16 * ops->nslots);
        v->snap_after = g_malloc0(16 * ops->nslots);
    }
    tcg_env(cpu)->guest_mxcsr = MXCSR_RESET;
    cpu->accel = v;
    dispatch_init(v);
    tlb_create(v);
    tlb_init(v);
    return count_init(v, errp);
}

static const struct prop tcg_props[] = {
    PROP(prop_string, tcg, "thread", thread, NULL,
         "multi or single; both run one host thread per vCPU"),
    PROP(prop_string, tcg, "engine", engine, NULL,
         "jit (host code) or interp (portable interpreter)"),
    PROP(prop_string, tcg, "regions", regions, NULL,
         "which loops are compiled as a whole: auto (busy ones), off or all"),
    PROP(prop_uint64, tcg, "tb-size", tb_size, NULL, "size of the code buffer in MiB"),
    PROP(prop_bool, tcg, "lockstep", lockstep, NULL,
         "run every unit in both engines and stop at the first difference"),
    PROP(prop_bool, tcg, "one-insn-per-tb", one_insn, NULL,
         "translate one guest instruction at a time"),
    PROP(prop_bool, tcg, "split-wx", split_wx, NULL,
         "accepted: code memory is always mapped twice"),
    PROP_END,
};

static void protect_ram(struct machine *m)
{
    smc_withdraw_all(m->accel_props);
}

const struct accel_ops tcg_accel_ops = {
    .name = "tcg",
    .desc = "dynamic binary translation",
    .props = tcg_props,
    .props_size = sizeof(struct tcg),
    .init = tcg_init,
    .fini = tcg_fini,
    .cpu_alloc = tcg_cpu_alloc,
    .cpu_free = tcg_cpu_free,
    .cpu_thread = tcg_cpu_thread,
    .debug_changed = tcg_debug_changed,
    .print_stats = dump_stats,
    .protect_ram = protect_ram,
};
